"""The strip of tiles, what changed in four weeks, and every metric in one table.

Belongs here: words and markup of metrics. Not here: their values (figures.py reads them).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import polars as pl

from customer_intel.core.report import metric as metrics
from customer_intel.core.report.evidence import Evidence
from customer_intel.core.report.markup import (
    NBSP,
    Html,
    change,
    coloured,
    count,
    day,
    day_short,
    details,
    enumerated,
    interval,
    join,
    listed,
    money,
    number,
    paragraph,
    percent,
    percents,
    phrase,
    plain,
    quiet,
    signed,
    table,
    tag,
)
from customer_intel.core.report.metric import Value, cited, said_in
from customer_intel.core.report.section import Finding, Headline, RoomReport, Section
from customer_intel.metrics import figures
from customer_intel.metrics.figures import WINDOW, Change

# A fall by this share is told whatever else there is, unless chance explains it.
GRAVE = -1 / 3
GRAVE_ERRORS = 2.0
# A level's change below the first share is told by nobody, from the second on always: it is no
# sample, even where such changes are usual.
_LEVEL_MOVED, _LEVEL_MUCH = 0.01, 0.05
_WORDS = {True: "rose", False: "fell"}


def said(value: Any, unit: str, currency: str) -> str:
    """A value with its unit, as people say it."""
    if value is None:
        return "not available"
    if unit in ("money", "own money"):
        return money(round(value, 2), currency)
    if unit == "share":
        return percent(value, 1)
    if unit == "points":
        return signed(value)
    if unit == "points of 100":
        return f"{number(value, 0)} of 100"
    if unit == "of 1":
        return number(value, 3)
    if unit == "hours":
        return f"{number(value)}{NBSP}h"
    return count(value) if float(value).is_integer() else number(value)


# ---- tiles
def tiles(evidence: Evidence) -> Iterator[Headline]:
    """The metrics that say `tile`, in the order of its numbers."""
    if not evidence.has("metric", "metric_daily"):
        return
    rows = figures.dictionary(evidence).filter(pl.col("tile").is_not_null())
    for tile in rows["tile"].unique().sort():
        own = rows.filter(pl.col("tile") == tile)
        windows = own.filter(pl.col("window_days") == WINDOW)
        row = (windows if len(windows) else own).sort("window_days").row(0, named=True)
        if row["metric_kind"] == "given":
            yield from _given_tile(evidence, row)
        else:
            longer = own.filter(pl.col("window_days") > WINDOW)
            yield from _tile(evidence, row, longer.row(0, named=True) if len(longer) else None)


def _tile(
    evidence: Evidence, row: dict[str, Any], longer: dict[str, Any] | None
) -> Iterator[Headline]:
    metric, unit = row["metric"], row["metric_unit"]
    now = metrics.value(evidence, metric)
    if now is None:
        return
    if now.value is None:
        yield Headline(row["label"], "not available", "", (_why_unknown(evidence, row),), metric)
        return
    lines: list[object] = [_error(now, unit), _against(evidence, row, now)]
    if longer and (wide := metrics.value(evidence, longer["metric"])):
        shown = cited(said(wide.value, unit, ""), wide)
        beside = _against(evidence, longer, wide)
        lines.append(join((join((shown, f" in {longer['window_days']} days")), beside), ", "))
    currency = evidence.currency if unit == "money" else ""
    shown = cited(said(now.value, unit, ""), now)
    yield Headline(row["label"], shown, currency, tuple(lines), metric)


def _error(now: Value, unit: str) -> Html | None:
    if now.low is None or now.high is None:
        return None
    told = percents(now.low, now.high) if unit == "share" else interval(now.low, now.high)
    n = cited(count(now.n), now, part="n")
    return phrase("{told} at 95 %, n = {n}", told=cited(told, now, part="low"), n=n)


def _against(evidence: Evidence, row: dict[str, Any], now: Value) -> Html:
    """The change against the window before, or the level four weeks before."""
    days = row["window_days"] if row["metric_kind"] != "level" else WINDOW
    before = metrics.value(evidence, row["metric"], now.day - timedelta(days=days))
    if before is None or before.value is None or now.value is None:
        return join(("no earlier days to compare with",))
    if not now.complete:
        return join(("a source has not told of all these days",))
    if not before.complete:
        return join((f"no change told: a source began within the {days} days before",))
    shown = _moved(row, now, before)
    if shown is None:
        return join((cited(said(before.value, row["metric_unit"], ""), before), " before"))
    told = "in 28 days" if row["metric_kind"] == "level" else f"against the {days} days before"
    return join((shown, f" {told}"))


def _moved(row: dict[str, Any], now: Value, before: Value) -> Html | None:
    """The change of a share in points, of anything else relative to what it was; None from nothing."""
    if now.value is None or before.value is None:
        return None
    if row["metric_unit"] == "share":
        points = now.value - before.value
        text = cited(f"{signed(100 * points, 1)} points", now, against=before, how="difference")
        return coloured(text, points, row["direction"])
    relative = change(now.value, before.value)
    if relative is None:
        return None
    shown = cited(f"{signed(100 * relative, 1)}{NBSP}%", now, against=before, how="change")
    return coloured(shown, relative, row["direction"])


def _why_unknown(evidence: Evidence, row: dict[str, Any]) -> str:
    """Which currencies have no rate, and what there is in each."""
    lost = listed([f"{count(n)} in {currency}" for currency, n in evidence.unconverted])
    own = f"{row['entry']}_own_{WINDOW}d" if row["window_days"] == WINDOW else f"{row['entry']}_own"
    apart = [
        money(round(found.value, 2), currency)
        for currency in metrics.members(evidence, own, "currency")
        if (found := metrics.value(evidence, own, dimension="currency", member=currency))
        and found.value
    ]
    by_currency = f"; by currency {listed(apart)}" if apart else ""
    return f"no rate to {evidence.currency} for {lost or 'some amounts'}{by_currency}"


def _given_tile(evidence: Evidence, row: dict[str, Any]) -> Iterator[Headline]:
    metric, unit = row["metric"], row["metric_unit"]
    if not row["dimensions"]:
        now = metrics.newest(evidence, metric)
        if now and now.value is not None:
            is_old = now.day < evidence.as_of - timedelta(days=1)
            lines = (_error(now, unit), f"as of {day(now.day)}" if is_old else None)
            currency = evidence.currency if unit == "money" else ""
            shown = cited(said(now.value, unit, ""), now)
            yield Headline(row["label"], shown, currency, lines, metric)
        return
    dimension = row["dimensions"].partition("|")[0]
    for member in metrics.members(evidence, metric, dimension):
        found = metrics.value(evidence, metric, dimension=dimension, member=member)
        if found and found.value is not None:
            label = f"{row['label']}, {plain(member).lower()}"
            share = found.value / found.n if found.n else None
            shown = cited(said(found.value, unit, ""), found)
            of = evidence.currency if unit == "money" else ""
            beside = None
            if unit == "customers" and share is not None and share <= 1:
                of = join(("of ", cited(count(found.n), found, part="n")))
                beside = f"{percent(share)} of those who can be judged"
            yield Headline(label, shown, of, (beside,), metric)


# ---- what changed
def changes(evidence: Evidence) -> Iterator[Finding]:
    """Of each subject the surest change, with the others of the subject in the same sentence."""
    if not evidence.has("metric", "metric_daily"):
        return
    rows = {row["metric"]: row for row in figures.dictionary(evidence).iter_rows(named=True)}
    found: dict[str, list[Change]] = {}
    for item in figures.changes(evidence):
        if _is_told(item, rows[item.metric]["direction"]) and not _few_are_seen(evidence, item):
            found.setdefault(rows[item.metric]["subject"], []).append(item)
    for subject, items in found.items():
        items.sort(key=lambda item: (-item.errors, item.metric))
        first, row = items[0], rows[items[0].metric]
        text = join((_sentence(first, row, evidence), _also(items[1:], rows), "."))
        # What is told only because it is grave happened before: others come first.
        weight = (0.15 + min(_size(first), 1.0) * 0.85) * (1 if first.is_sure else 0.3)
        grave = any(_is_grave(item, rows[item.metric]["direction"]) for item in items)
        yield Finding(text, "metric_daily", weight, first.metric, subject, grave)


def _few_are_seen(evidence: Evidence, item: Change) -> bool:
    """Whether it counts customers by their acts where most who pay are seen by none, neither now nor
    before: who comes to such a company's pages is no part of its customers that tells of all.
    """
    if not item.metric.startswith("active_customers"):
        return False
    paying = metrics.value(evidence, "paying_customers", item.day)
    return bool(paying and paying.value and max(item.now, item.before) < paying.value / 2)


def _size(item: Change) -> float:
    return abs(item.relative)


def _is_grave(item: Change, direction: str) -> bool:
    worse = item.relative <= GRAVE if direction == "up" else item.relative >= 0.5
    return worse and item.errors >= GRAVE_ERRORS


def _is_told(item: Change, direction: str) -> bool:
    if item.is_level and not _LEVEL_MOVED <= _size(item) < _LEVEL_MUCH:
        return _size(item) >= _LEVEL_MUCH
    return item.is_sure or _is_grave(item, direction)


def _sentence(item: Change, row: dict[str, Any], evidence: Evidence) -> Html:
    unit = row["metric_unit"]
    currency = evidence.currency if unit == "money" else ""
    label = row["label"].removesuffix(f", last {WINDOW} days")
    of = f" of {listed(item.of)}" if item.of else ""
    end = evidence.as_of - timedelta(days=1)
    when = f"{WINDOW} days" if item.day == end else f"{WINDOW} days to {day_short(item.day)}"
    now = cited(said(item.now, unit, currency), item.at)
    before = cited(said(item.before, unit, currency), item.former)
    if not item.before:
        template = f"{{label}}{{of}} began in the last {when}: {{now}}, after {{none}} in the {WINDOW} days before"
        return phrase(template, label=label, of=of, now=now, none=cited("none", item.former))
    word = _WORDS[item.now > item.before]
    by = cited(percent(abs(item.relative)), item.at, against=item.former, how="change")
    than = "" if item.is_level else f" in the {WINDOW} days before"
    return phrase(
        f"{{label}}{{of}} {word} by {{by}} in the last {when}, to {{now}} from {{before}}{than}{{usual}}",
        label=label,
        of=of,
        by=by,
        now=now,
        before=before,
        usual=_usual(item.as_large),
    )


def _usual(as_large: tuple[int, int] | None) -> Html | str:
    """How often a change as large was seen before."""
    if as_large is None:
        return ""
    often, days = (said_in(count(n), "metric_daily.day") for n in as_large)
    if not as_large[0]:
        return phrase("; on none of the {days} days before that was the change as large", days=days)
    return phrase(
        "; on {often} of the {days} days before that it changed as much", often=often, days=days
    )


def _also(others: list[Change], rows: dict[str, dict[str, Any]]) -> Html | None:
    told = [
        join((
            f"{rows[item.metric]['label'].removesuffix(f', last {WINDOW} days').lower()} ",
            cited(f"{signed(100 * item.relative)}{NBSP}%", item.at, against=item.former, how="change"),
        ))
        for item in others
        if item.before
    ]  # fmt: skip
    return join((". Also: ", enumerated(told))) if told else None


# ---- all of them
def all_metrics(evidence: Evidence) -> Html:
    """Every metric's last value, its interval and its change."""
    if not evidence.has("metric", "metric_daily"):
        return quiet(f"Not available: {evidence.why_not('metric_daily')}.")
    rows = []
    # What has a tile first, then by what it is about.
    ordered = figures.dictionary(evidence).sort("tile", "subject", "metric", nulls_last=True)
    for row in ordered.iter_rows(named=True):
        if row["metric_kind"] != "level" and row["window_days"] not in (WINDOW, 1):
            continue
        if row["metric_kind"] in ("sum", "distinct") and row["window_days"] == 1:
            continue
        rows += list(_lines(evidence, row))
    head = ("Metric", "Value", "Interval", "Four weeks before", "Change", "What it says")
    note = paragraph(
        "Windows are of whole weeks. A change is told where every source told of both windows. "
        "metric_daily holds each day, by source, channel and currency too.",
        class_="note",
    )
    return join((details("Every metric", table(head, rows, numeric=range(1, 5))), note))


def _lines(evidence: Evidence, row: dict[str, Any]) -> Iterator[tuple[object, ...]]:
    metric, unit = row["metric"], row["metric_unit"]
    given, dimension = row["metric_kind"] == "given", row["dimensions"].partition("|")[0]
    whole = metrics.newest(evidence, metric) if given else metrics.value(evidence, metric)
    found = [whole] if whole else []
    if not whole and dimension:
        found = list(metrics.by_member(evidence, metric, dimension).values())
    for now in found:
        member = now.member if now.dimension != "all" else ""
        where = {"dimension": now.dimension, "member": now.member}
        then = metrics.value(evidence, metric, now.day - timedelta(days=WINDOW), **where)
        alike = then is not None and now.complete and then.complete and then.value is not None
        before = then if alike and not given else None
        currency = member if unit == "own money" else evidence.currency if unit == "money" else ""
        label = join((tag("b", row["label"]), f" {member}" if member else ""))
        limits = (now.low, now.high)
        error = percents(*limits) if unit == "share" else interval(*limits, 1)
        yield (
            tag("span", label, data_metric=metric),
            cited(said(now.value, unit, currency), now),
            error,
            cited(said(before.value, unit, currency), before) if before else "·",
            (_moved(row, now, before) if before else None) or "·",
            tag("small", row["meaning"]),
        )


REPORT = RoomReport(
    place=25,
    sections=(Section("metrics", "Metrics", all_metrics),),
    headlines=(tiles,),
    findings=(changes,),
    glossary={
        "Metric": "A figure that is decided in one place (metrics.yaml), whoever shows it.",
        "Complete": "Every source that a metric needs told of all days of its window.",
    },
)
