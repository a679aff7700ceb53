"""What customers answer when asked: NPS and CSAT over time and by segment, each with its
uncertainty.

Belongs here: what the report says of survey scores. Not here: scores and intervals (scores.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import product
from typing import Any

import polars as pl

from customer_intel.core.report import charts
from customer_intel.core.report.charts import Point, Range
from customer_intel.core.report.evidence import Evidence
from customer_intel.core.report.markup import (
    NBSP,
    Html,
    count,
    figure,
    interval,
    join,
    known,
    number,
    p_value,
    paragraph,
    percent,
    plain,
    quiet,
    signed,
    table,
    tag,
)
from customer_intel.core.report.section import SURE, Finding, RoomReport, Section
from customer_intel.core.statistics import Contrast, contrast, holm

_NAMES = {"nps": "NPS", "csat": "CSAT"}
_UNITS = {"nps": "", "csat": f"{NBSP}%"}
_KINDS = {"rfm_segment": "segment", "channel": "channel", "touchpoint": "touchpoint"}
_MONTHS = 18
_SURVEYS = 5
# How to say who was asked, by kind of segment.
_ASKED = {
    "rfm_segment": "Customers who answered while in ‘{}’",
    "channel": "Customers asked by {}",
    "touchpoint": "Customers asked after {}",
}


def feedback(evidence: Evidence) -> Html:
    """The last scores with their intervals, over time and by segment."""
    if not evidence.has("nps_summary"):
        return quiet(f"Not available: {evidence.why_not('nps_summary')}.")
    there = [metric for metric in _NAMES if score(evidence, metric, "all")]
    pictures = [picture for metric in there if (picture := _over_time(evidence, metric))]
    return join((
        *(_lede(evidence, metric) for metric in there),
        _unusable(evidence),
        tag("div", *pictures, class_="row") if pictures else None,
        *(_by_segment(evidence, metric, kind) for metric in there for kind in _KINDS),
    ))  # fmt: skip


def said(metric: str, value: Any) -> str:
    """An NPS has a sign, a share of satisfied answers does not."""
    return signed(value) if metric == "nps" else f"{number(value, 0)}{NBSP}%"


def _lede(evidence: Evidence, metric: str) -> Html | None:
    now = score(evidence, metric)
    if now is None:
        return None
    text = (
        f"{_NAMES[metric]} is {said(metric, now['score'])} in {now['wave'].replace('-', ' ')} "
        f"({interval(now['low'], now['high'])}, {count(now['n'])} answers"
    )
    text += (
        f", {percent(now['response_rate'])} of those asked). "
        if known(now["response_rate"])
        else "). "
    )
    if known(now["delta"]):
        verdict = "a real change" if now["significant"] else "no more than chance would do"
        text += (
            f"Against the quarter before: {signed(now['delta'])} points, {verdict} "
            f"({p_value(now['p_value'])}). "
        )
    text += (
        f"A wave of this size shows a change of {number(now['mde80'], 0)} points four times "
        "in five."
    )
    return paragraph(text, class_="lede" if metric == "nps" else None)


def _unusable(evidence: Evidence) -> Html | None:
    """Which surveys have answers that no score counts."""
    rows = evidence.frame("nps_summary").filter(
        (pl.col("period") == "all")
        & (pl.col("segment_type") == "survey")
        & (pl.col("n_unusable") > 0)
    )
    if rows.is_empty():
        return None
    surveys = ", ".join(
        f"{row['segment']} ({_NAMES[row['metric']]}: {count(row['n_unusable'])})"
        for row in rows.sort("n_unusable", "segment", descending=[True, False])
        .head(_SURVEYS)
        .iter_rows(named=True)
    )
    return paragraph(
        f"{count(rows['n_unusable'].sum())} answers count in no score: no number, decimals, or not "
        f"on the survey's scale. Most of them: {surveys}."
    )


def _over_time(evidence: Evidence, metric: str) -> Html | None:
    rows = scores(evidence, metric, "month").tail(_MONTHS)
    if len(rows) < 2:
        return None
    points = [
        Point(date.fromisoformat(f"{row['wave']}-01"), row["score"], row["low"], row["high"])
        for row in rows.iter_rows(named=True)
    ]

    def show(value: float) -> str:
        return signed(value) if metric == "nps" else number(value, 0)

    label = f"{_NAMES[metric]} by month"
    from_zero = metric == "nps"
    picture = charts.trend(
        points, label, width=470, height=210, from_zero=from_zero, show=show, axis=show, dots=True
    )
    few, many = count(rows["n"].min()), count(rows["n"].max())
    answers = f"{few if few == many else f'{few} to {many}'} answers a month. Band: 95 % interval."
    return figure(join((_NAMES[metric], " ", tag("small", "by month"))), picture, answers)


def _by_segment(evidence: Evidence, metric: str, kind: str) -> Html | None:
    rows = scores(evidence, metric, "all", kind).filter(pl.col("segment") != "unknown")
    if len(rows) < 2:
        return None
    against = {item.name: item for item in score_contrasts(evidence, metric, kind)}
    everybody = score(evidence, metric, "all")
    items = [
        (
            row,
            Range(row["score"], row["low"], row["high"], everybody["score"] if everybody else None),
        )
        for row in rows.sort("score", "segment", descending=[True, False]).iter_rows(named=True)
    ]
    scale = charts.scale_of(
        [item for _, item in items], *((-100.0, 100.0) if metric == "nps" else (0.0, 100.0))
    )
    body: list[tuple[object, ...]] = []
    for row, item in items:
        other = against.get(row["segment"])
        sure = other is not None and other.p_value < 0.05
        verdict: object = tag("span", "too few answers", class_="muted")
        if other is not None:
            verdict = join((
                tag("b", f"{signed(other.gap)} ") if sure else f"{signed(other.gap)} ",
                tag("small", p_value(other.p_value) if sure else "not sure"),
            ))  # fmt: skip
        name = plain(row["segment"]) if kind == "rfm_segment" else row["segment"]
        mark = charts.range_mark(item, scale, 320)
        body.append((tag("b", name), count(row["n"]), mark, said(metric, item.value), verdict))
    axis = charts.range_axis(scale, lambda v: signed(v) if metric == "nps" else f"{v:g}", 320)
    body.append(("", "", axis, "", ""))
    note = (
        "All answers so far. Dot and bar: score with its 95 % interval; notch: everybody. The "
        "last column compares "
        f"with all other {_KINDS[kind]}s, corrected for looking at several (Holm)."
    )
    head = (plain(_KINDS[kind]), "Answers", _NAMES[metric], "", "Against the others")
    return figure(f"{_NAMES[metric]} by {_KINDS[kind]}", table(head, body, numeric=(1, 3)), note)


def score(evidence: Evidence, metric: str, period: str = "quarter") -> dict[str, Any] | None:
    """The latest wave of a survey score over everybody."""
    rows = scores(evidence, metric, period)
    return rows.row(-1, named=True) if len(rows) else None


def scores(evidence: Evidence, metric: str, period: str, segment_type: str = "all") -> pl.DataFrame:
    """A metric's rows with a score, of one kind of period and segment, by wave."""
    return (
        evidence.frame("nps_summary")
        .filter(
            (pl.col("metric") == metric)
            & (pl.col("period") == period)
            & (pl.col("segment_type") == segment_type)
            & (pl.col("n") > 0)
        )
        .sort("wave", "segment")
    )


def score_contrasts(evidence: Evidence, metric: str, segment_type: str) -> list[Contrast]:
    """Each segment's score over all waves against the other segments' of its type, in points; p
    adjusted by Holm.
    """
    rows = scores(evidence, metric, "all", segment_type).filter(pl.col("segment") != "unknown")
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


def score_change(evidence: Evidence) -> Iterator[Finding]:
    """Whether a score moved since the wave before, beyond chance."""
    for metric, unit in _UNITS.items():
        now = score(evidence, metric) if evidence.has("nps_summary") else None
        if now and now["p_value"] is not None and now["p_value"] < 0.05:
            word = "rose" if now["delta"] > 0 else "fell"
            text = (
                f"{metric.upper()} {word} by {abs(now['delta']):.0f} points since the quarter "
                "before, to "
                f"{number(now['score'], 0)}{unit} ({p_value(now['p_value'])}, {count(now['n'])} "
                "answers)."
            )
            yield Finding(text, "nps_summary", min(1.0, 0.1 + abs(now["delta"]) / 100))


def score_by_segment(evidence: Evidence) -> Iterator[Finding]:
    """Who scores lower than the others, beyond chance."""
    for metric, kind in product(_UNITS, _ASKED) if evidence.has("nps_summary") else ():
        for item in score_contrasts(evidence, metric, kind):
            if item.p_value < SURE and item.gap < 0:
                who = _ASKED[kind].format(plain(item.name) if kind == "rfm_segment" else item.name)
                text = (
                    f"{who} score {number(item.mean, 0)}{_UNITS[metric]} in {metric.upper()}, "
                    f"{abs(item.gap):.0f} points below the others ({p_value(item.p_value)}, "
                    f"{count(item.n)} answers)."
                )
                weight = (item.n / (item.n + item.n_rest)) ** 0.5
                yield Finding(text, "nps_summary", min(1.0, abs(item.gap) / 100 * weight))


REPORT = RoomReport(
    place=60,
    sections=(Section("feedback", "Feedback", feedback),),
    findings=(score_change, score_by_segment),
    glossary={
        "NPS": (
            "Share of answers 9 and 10 minus share of answers 0 to 6, in points from −100 to +100."
        ),
        "CSAT": "Share of answers 4 and 5 on a scale of 1 to 5.",
    },
)
