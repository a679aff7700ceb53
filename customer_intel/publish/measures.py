"""Numbers that several sections and findings share, computed from the tables; no words and no
markup here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from math import erfc, sqrt
from statistics import median
from typing import Any

import polars as pl

from customer_intel.publish.evidence import VISIT_DAYS, Evidence

# From this many earlier windows on, what a usual change is can be said.
_WINDOWS_MIN = 6
# A robust standard deviation is this many median absolute deviations.
_MAD = 1.4826


@dataclass(frozen=True)
class Window:
    """A sum or count over the days before as_of and over as many days before those; None when
    history is too short.
    """

    now: float
    before: float | None


def active(e: Evidence, days: int) -> Window:
    """Customers who did something themselves; nothing to compare with where a source began within
    the two windows.
    """
    return Window(
        e.visits.filter(pl.col("age") <= days)["customer_id"].n_unique(),
        e.visits.filter(pl.col("age").is_between(days + 1, 2 * days))["customer_id"].n_unique()
        if e.history >= 2 * days and e.settled(2 * days)
        else None,
    )


def revenue(e: Evidence, days: int) -> Window:
    def total(first: int, last: int) -> float:
        return float(e.days.filter(pl.col("age").is_between(first, last))["revenue"].sum())

    comparable = e.history >= 2 * days and e.settled(2 * days, "orders")
    return Window(total(1, days), total(days + 1, 2 * days) if comparable else None)


def net_by_currency(e: Evidence, days: int) -> list[tuple[str, float]]:
    """Net revenue of the last `days` in each currency by itself, the largest number of sales first."""
    first = e.as_of - timedelta(days=days)
    sales = (
        e.scan("order_fact")
        .filter(pl.col("is_sale"))
        .select("currency", "order_day", amount="gross_amount")
    )
    parts = [sales.filter(pl.col("order_day") >= first)]
    if e.has("refund_fact"):
        back = e.scan("refund_fact").filter(pl.col("is_counted") & (pl.col("refund_day") >= first))
        parts.append(
            back.select("currency", order_day="refund_day", amount=-pl.col("refund_amount"))
        )
    sums = (
        pl.concat(parts)
        .group_by("currency")
        .agg(n=pl.len(), net=pl.col("amount").sum().cast(pl.Float64))
        .collect()
    )
    ordered = sums.sort("n", "currency", descending=[True, False])
    return [(str(currency), float(net)) for currency, _, net in ordered.iter_rows()]


def known_sum(values: pl.Series) -> float | None:
    """The sum; None where there are values and none of them is known."""
    return None if len(values) and values.null_count() == len(values) else float(values.sum() or 0)


def weekly(e: Evidence) -> pl.DataFrame:
    """One row per full week counted back from as_of: last_day, customers, orders, revenue; oldest
    first.
    """
    week = (pl.col("age") - 1) // 7
    counts = e.days.group_by(week=week).agg(
        pl.col("orders").sum(), pl.col("revenue").sum().cast(pl.Float64)
    )
    people = e.visits.group_by(week=week).agg(customers=pl.col("customer_id").n_unique())
    # The oldest week may have begun before the data did; a week in the middle without activity is a
    # true zero.
    whole = pl.DataFrame(
        {"week": range(min(e.history, VISIT_DAYS) // 7)}, schema={"week": pl.Int64}
    )
    return (
        whole.join(people, on="week", how="left")
        .join(counts, on="week", how="left")
        .fill_null(0)
        .with_columns(
            last_day=pl.lit(e.as_of) - pl.duration(days=1) - pl.duration(days=7) * pl.col("week")
        )
        .sort("last_day")
    )


def unusual_change(e: Evidence, days: int = 30) -> tuple[float, float] | None:
    """(change of the last window's revenue, its distance from usual changes in robust standard
    deviations).
    """
    if len(e.unconverted):
        return None
    by_window = e.days.group_by(window=(pl.col("age") - 1) // days).agg(pl.col("revenue").sum())
    sums = dict(by_window.iter_rows())
    series = [float(sums.get(window, 0.0)) for window in range(e.history // days)]
    changes = [now / before - 1 for now, before in pairwise(series) if before > 0]
    if len(changes) <= _WINDOWS_MIN:
        return None
    usual = median(changes[1:])
    spread = _MAD * median(abs(change - usual) for change in changes[1:])
    return (changes[0], (changes[0] - usual) / spread) if spread > 0 else None


@dataclass(frozen=True)
class Mrr:
    """Recurring revenue of one currency: at as_of, `days` before, and what moved between."""

    currency: str
    subscribers: int
    now: float
    before: float
    movements: dict[str, float]


MOVEMENTS = ("new_mrr", "expansion_mrr", "reactivation_mrr", "contraction_mrr", "churned_mrr")


def mrr(e: Evidence, days: int = 30) -> list[Mrr]:
    """Per currency, the largest first."""
    rows = (
        e.scan("mrr_movement")
        .filter(pl.col("day") < e.as_of)
        .sort("customer_id", "currency", "day")
        .collect()
    )
    cut = e.as_of - timedelta(days=days)
    result = []
    for currency in rows["currency"].unique().sort():
        own = rows.filter(pl.col("currency") == currency)
        last = own.group_by("customer_id", maintain_order=True).agg(pl.col("closing_mrr").last())
        recent = own.filter(pl.col("day") >= cut)
        moved = {name: float(recent[name].sum()) for name in MOVEMENTS}
        now = float(last["closing_mrr"].sum())
        # The sum of exact movements, so that before plus movements is now to the cent.
        before = round(now - sum(moved.values()), 2)
        result.append(Mrr(currency, int((last["closing_mrr"] > 0).sum()), now, before, moved))
    return sorted(result, key=lambda item: (-item.now, item.currency))


def mrr_by_week(e: Evidence, currency: str, weeks: int = 53) -> list[tuple[date, float]]:
    """Recurring revenue at the end of each week back from as_of, from the first movement on."""
    rows = (
        e.scan("mrr_movement")
        .filter((pl.col("currency") == currency) & (pl.col("day") < e.as_of))
        .group_by("day")
        .agg(moved=(pl.col("closing_mrr") - pl.col("opening_mrr")).sum().cast(pl.Float64))
        .sort("day")
        .collect()
    )
    if not len(rows):
        return []
    days, moved = rows["day"].to_list(), rows["moved"].to_list()
    result, total, at = [], 0.0, 0
    for week in range(weeks - 1, -1, -1):
        last_day = e.as_of - timedelta(days=1 + 7 * week)
        while at < len(days) and days[at] <= last_day:
            total += moved[at]
            at += 1
        if last_day >= days[0]:
            result.append((last_day, round(total, 2)))
    return result


def score(e: Evidence, metric: str, period: str = "quarter") -> dict[str, Any] | None:
    """The latest wave of a survey score over everybody."""
    rows = e.frame("nps_summary").filter(
        (pl.col("metric") == metric)
        & (pl.col("period") == period)
        & (pl.col("segment_type") == "all")
    )
    return rows.sort("wave").row(-1, named=True) if len(rows) else None


def scores(e: Evidence, metric: str, period: str, segment_type: str = "all") -> pl.DataFrame:
    return (
        e.frame("nps_summary")
        .filter(
            (pl.col("metric") == metric)
            & (pl.col("period") == period)
            & (pl.col("segment_type") == segment_type)
        )
        .sort("wave", "segment")
    )


def two_sided(z: float) -> float:
    return erfc(abs(z) / sqrt(2))


def holm(p_values: list[float]) -> list[float]:
    """Adjusted p-values (Holm 1979): the k-th smallest times the number not yet passed, never
    falling.
    """
    order = sorted(range(len(p_values)), key=lambda at: (p_values[at], at))
    adjusted, highest = [0.0] * len(p_values), 0.0
    for place, at in enumerate(order):
        highest = max(highest, min(1.0, p_values[at] * (len(p_values) - place)))
        adjusted[at] = highest
    return adjusted


def wilson(hits: int, n: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927)."""
    z, p = 1.959963984540054, hits / n
    middle, half = p + z * z / (2 * n), z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, (middle - half) / (1 + z * z / n)), min(1.0, (middle + half) / (1 + z * z / n))


@dataclass(frozen=True)
class Contrast:
    """A group against everybody else: the mean of each, sizes, and the p-value of the difference
    (Welch, normal).
    """

    name: str
    mean: float
    mean_rest: float
    n: int
    n_rest: int
    p_value: float

    @property
    def gap(self) -> float:
        return self.mean - self.mean_rest


def contrast(
    name: str, inside: tuple[int, float, float], rest: tuple[int, float, float]
) -> Contrast | None:
    """Each side as (n, mean, variance); None when a side has fewer than 30, where normal theory
    would be too sure.
    """
    n, mean, variance = inside
    n_rest, mean_rest, variance_rest = rest
    if min(n, n_rest) < 30:
        return None
    error = sqrt(variance / n + variance_rest / n_rest)
    return Contrast(
        name,
        mean,
        mean_rest,
        n,
        n_rest,
        two_sided((mean - mean_rest) / error) if error > 0 else 1.0,
    )


def score_contrasts(e: Evidence, metric: str, segment_type: str) -> list[Contrast]:
    """Each segment's score over all waves against the other segments' of its type, in points; p
    adjusted by Holm.
    """
    rows = scores(e, metric, "all", segment_type).filter(pl.col("segment") != "unknown")
    sides = [
        (r["segment"], r["n"], r["promoters"], r["detractors"]) for r in rows.iter_rows(named=True)
    ]
    low_side = metric == "nps"

    def moments(n: int, plus: int, minus: int) -> tuple[int, float, float]:
        minus = minus if low_side else 0
        mean = (plus - minus) / n
        return n, 100 * mean, 1e4 * ((plus + minus) / n - mean**2)

    found = []
    for name, n, plus, minus in sides:
        others = [side for side in sides if side[0] != name]
        total = tuple(sum(side[at] for side in others) for at in (1, 2, 3))
        made = contrast(name, moments(n, plus, minus), moments(*total)) if n and total[0] else None
        if made:
            found.append(made)
    adjusted = holm([item.p_value for item in found])
    return [
        Contrast(c.name, c.mean, c.mean_rest, c.n, c.n_rest, p)
        for c, p in zip(found, adjusted, strict=True)
    ]


def touchpoint_name(touchpoint_id: str) -> str:
    """web:page_viewed:checkout → 'Page viewed: checkout (web)'."""
    special = {"(start)": "Start", "(end)": "End"}
    if touchpoint_id in special:
        return special[touchpoint_id]
    medium, _, rest = touchpoint_id.partition(":")
    activity, _, detail = rest.partition(":")
    if not rest:
        return touchpoint_id
    words = activity.replace("_", " ")
    if words == "page viewed" and detail:
        words, detail = f"{detail} page", ""
    return f"{words[:1].upper()}{words[1:]}{': ' + detail if detail else ''}{'' if medium in words else f' ({medium})'}"


@dataclass(frozen=True)
class Exit:
    """How often journeys end at a step, against how often a step is the last one anyway."""

    step: str
    n: int
    p: float
    p_low: float
    p_high: float
    expected: float
    excess: float
    journeys: int


# A journey that ends with a purchase or with thanks has arrived; ends elsewhere are what can be
# mended.
_ARRIVED = (
    "order_placed", "order_completed", "order_delivered", "purchase", "subscription_started", "checkout_completed",
)  # fmt: skip


def arrived(touchpoint_id: str) -> bool:
    return touchpoint_id.split(":")[1:2] != [] and touchpoint_id.split(":")[1] in _ARRIVED


def exits(e: Evidence) -> list[Exit]:
    """Steps by journeys lost beyond expectation, worst first. Steps that are an end by nature are
    left out.
    """
    if not e.has("journey_transitions"):
        return []
    rows = e.frame("journey_transitions")
    out = rows.group_by("from_step").agg(n_out=pl.col("n").sum())
    journeys = int(rows.filter(pl.col("from_step") == "(start)")["n"].sum())
    stages: dict[str, str] = {}
    if e.has("touchpoint"):
        stages = dict(e.frame("touchpoint", "touchpoint_id", "stage").iter_rows())
    found = []
    for row in (
        rows.filter(pl.col("is_exit"))
        .join(out, on="from_step")
        .sort("from_step")
        .iter_rows(named=True)
    ):
        step = row["from_step"]
        if step == "(start)" or arrived(step) or stages.get(step) in ("advocacy", "churn"):
            continue
        excess = row["n"] - row["n_out"] * row["expected_p"]
        found.append(
            Exit(
                step,
                row["n"],
                row["p"],
                row["p_low"],
                row["p_high"],
                row["expected_p"],
                excess,
                journeys,
            )
        )
    return sorted(found, key=lambda item: (-item.excess, item.step))
