"""What changed in metrics: windows and levels against those of four weeks before.

Belongs here: comparing values of metric_daily. Not here: reading them (core/report/metric.py),
computing a figure (metrics.yaml, metric_daily.sql), words (report.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from math import log, sqrt

import polars as pl

from customer_intel.core.report.evidence import Evidence
from customer_intel.core.report.metric import Value, added, rows

# Windows of whole weeks, so that equal weekdays are compared.
WINDOW = 28
# A source that was exported within so many days before as_of is alive.
LATE_DAYS = 7
# How many standard errors a change must be away from none to be told.
TOLD = 3.0
# A change is unusual when at most this share of earlier ones was as large, of so many days at least.
RARE, DAYS_MIN = 0.02, 5 * WINDOW
_NEVER = date(1, 12, 31)


@dataclass(frozen=True)
class Change:
    """A metric's window, or level (`at`), against the one before it (`former`): of the whole, or of
    the sources (`of`) that told of both.
    """

    at: Value
    former: Value
    of: tuple[str, ...]
    # Distance from no change in standard errors. Of how many earlier days the change over as many
    # days was as large; None where there are too few to say.
    errors: float
    as_large: tuple[int, int] | None
    is_level: bool

    @property
    def metric(self) -> str:
        """Which metric changed."""
        return self.at.metric

    @property
    def day(self) -> date:
        """The last day of the window."""
        return self.at.day

    @property
    def now(self) -> float:
        """The value that ends with `day`."""
        return self.at.value or 0.0

    @property
    def before(self) -> float:
        """The value four weeks before."""
        return self.former.value or 0.0

    @property
    def relative(self) -> float:
        """Share of the former value; infinite for what began from nothing."""
        return self.now / self.before - 1 if self.before else float("inf")

    @property
    def is_sure(self) -> bool:
        """Neither chance nor the usual ups and downs explain it."""
        often, days = self.as_large or (0, 1)
        return self.errors >= TOLD and often <= RARE * days


def dictionary(evidence: Evidence) -> pl.DataFrame:
    """Table metric, by name."""
    return evidence.frame("metric")


def changes(evidence: Evidence) -> Iterator[Change]:
    """Of every metric that has a subject: its window of four weeks, or its level, against four weeks
    before.
    """
    kind = pl.col("metric_kind")
    days = pl.when(kind == "level").then(1).otherwise(WINDOW)
    told = pl.col("subject").is_not_null() & (kind != "given") & (pl.col("window_days") == days)
    for row in dictionary(evidence).filter(told).iter_rows(named=True):
        if change := _change(evidence, row):
            yield change


def _change(evidence: Evidence, row: dict[str, object]) -> Change | None:
    metric, kind = str(row["metric"]), str(row["metric_kind"])
    series = evidence.once(rows).get((metric, "all"), {}).get("all", {})
    alive = evidence.as_of - timedelta(days=LATE_DAYS)
    complete = [day for day, value in series.items() if value.complete]
    of: tuple[str, ...] = ()
    day = max(complete, default=_NEVER)
    before = series.get(day - timedelta(days=WINDOW))
    if day < alive or before is None or not before.complete:
        # Like with like: the sources that told of both windows, where they add up.
        sources = evidence.once(rows).get((metric, "source_system"), {})
        if kind not in ("sum", "level"):
            return None
        ends = {
            name: max((d for d, v in days.items() if v.complete), default=_NEVER)
            for name, days in sources.items()
        }
        living = {name: end for name, end in ends.items() if end >= alive}
        day = min(living.values(), default=_NEVER)
        start = day - timedelta(days=WINDOW)
        of = tuple(
            name
            for name in sorted(living)
            if start in sources[name] and sources[name][start].complete
        )
        if not of:
            return None
        series = _summed([sources[name] for name in of])
    now, before = series.get(day), series.get(day - timedelta(days=WINDOW))
    if now is None or before is None or now.value is None or before.value is None:
        return None
    if not now.value and not before.value:
        return None
    return Change(
        now,
        before,
        of,
        _errors(now, before, kind, str(row["metric_unit"])),
        _as_large(series, now, before),
        kind == "level",
    )


def _summed(parts: list[dict[date, Value]]) -> dict[date, Value]:
    """Values of sources that add up, on the days that each of them has."""
    days = set.intersection(*(set(part) for part in parts))
    return {day: added([part[day] for part in parts]) for day in days}


def _errors(now: Value, before: Value, kind: str, unit: str) -> float:
    """How many standard errors the two values are apart; a level is no sample."""
    assert now.value is not None and before.value is not None
    if kind == "level":
        return float("inf") if now.value != before.value else 0.0
    if kind in ("mean", "share"):
        if None in (now.low, now.high, before.low, before.high):
            return 0.0
        errors = [(v.high - v.low) / 3.92 for v in (now, before)]  # type: ignore[operator]
        error = sqrt(errors[0] ** 2 + errors[1] ** 2)
        return abs(now.value - before.value) / error if error else 0.0
    # Counts vary by their root, sums of amounts more: their mean square is about twice the squared
    # mean. What is distinct is its own count.
    counts = [float(v.n if v.n is not None else v.value or 0) for v in (now, before)]
    spread = 2.0 if unit == "money" else 1.0
    if not min(counts):
        # None after some, or some after none: the root of the deviance of two Poisson counts.
        return sqrt(2 * log(2) * max(counts) / spread)
    return _moved(now, before) / sqrt(spread * sum(1 / n for n in counts))


def _moved(now: Value, before: Value) -> float:
    """The change as a logarithm, either way; large for what began from nothing or ended."""
    low, high = sorted((now.value or 0.0, before.value or 0.0))
    return log(high / low) if low > 0 else 10.0 if high > 0 else 0.0


def _as_large(series: dict[date, Value], now: Value, before: Value) -> tuple[int, int] | None:
    """On how many of the days before this window the change over as many days was as large and went
    the same way.
    """
    moved, often, days = _moved(now, before), 0, 0
    rose = (now.value or 0.0) > (before.value or 0.0)
    for day, then in series.items():
        former = series.get(day - timedelta(days=WINDOW))
        if day > before.day or former is None or not (then.complete and former.complete):
            continue
        if then.value is not None and former.value is not None:
            days += 1
            alike = (then.value > former.value) == rose
            often += alike and _moved(then, former) >= moved
    return (often, days) if days >= DAYS_MIN else None
