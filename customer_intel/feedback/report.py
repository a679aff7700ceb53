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

from customer_intel.core.report import charts, metric
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
    phrase,
    plain,
    plural,
    quiet,
    signed,
    table,
    tag,
)
from customer_intel.core.report.metric import cited, said_in
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
    there = [question for question in _NAMES if score(evidence, question, "all")]
    pictures = [picture for question in there if (picture := _over_time(evidence, question))]
    return join((
        *(_lede(evidence, question) for question in there),
        _unusable(evidence),
        tag("div", *pictures, class_="row") if pictures else None,
        *(_by_segment(evidence, question, kind) for question in there for kind in _KINDS),
    ))  # fmt: skip


def said(question: str, value: Any) -> str:
    """An NPS has a sign, a share of satisfied answers does not."""
    return signed(value) if question == "nps" else f"{number(value, 0)}{NBSP}%"


def _lede(evidence: Evidence, kind: str) -> Html | None:
    now, found = score(evidence, kind), metric.newest(evidence, kind)
    if now is None or found is None:
        return None
    text = phrase(
        f"{_NAMES[kind]} is {{score}} in {now['wave'].replace('-', ' ')} ({{between}}, {{n}}{{rate}}). ",
        score=cited(said(kind, found.value), found),
        between=cited(interval(found.low, found.high), found, part="low"),
        n=cited(plural(found.n or 0, "answer"), found, part="n"),
        rate=join((
            ", ", said_in(percent(now["response_rate"]), "nps_summary.response_rate"), " of those asked",
        )) if known(now["response_rate"]) else "",
    )  # fmt: skip
    moved = None
    if known(now["delta"]):
        verdict = "a real change" if now["significant"] else "no more than chance would do"
        moved = phrase(
            f"Against the quarter before: {{delta}} points, {verdict} ({p_value(now['p_value'])}). ",
            delta=said_in(signed(now["delta"]), "nps_summary.delta"),
        )
    sees = phrase(
        "A wave of this size shows a change of {points} points four times in five.",
        points=said_in(number(now["mde80"], 0), "nps_summary.mde80"),
    )
    return paragraph(text, moved, sees, class_="lede" if kind == "nps" else None)


def _unusable(evidence: Evidence) -> Html | None:
    """Which surveys have answers that no score counts."""
    everything = metric.value(evidence, "unusable_answers")
    surveys = metric.by_member(evidence, "unusable_answers", "survey")
    if everything is None or not surveys:
        return None
    most = sorted(surveys, key=lambda name: (-(surveys[name].value or 0), name))[:_SURVEYS]
    return paragraph(
        phrase(
            "{n} answers count in no score: no number, decimals, or not on the survey's scale. Most of "
            "them: {surveys}.",
            n=cited(count(everything.value), everything),
            surveys=join(
                [
                    join((f"{name}: ", cited(count(surveys[name].value), surveys[name])))
                    for name in most
                ],
                ", ",
            ),
        )
    )


def _over_time(evidence: Evidence, question: str) -> Html | None:
    rows = scores(evidence, question, "month").tail(_MONTHS)
    if len(rows) < 2:
        return None
    points = [
        Point(date.fromisoformat(f"{row['wave']}-01"), row["score"], row["low"], row["high"])
        for row in rows.iter_rows(named=True)
    ]

    def show(value: float) -> str:
        return signed(value) if question == "nps" else number(value, 0)

    label = f"{_NAMES[question]} by month"
    from_zero = question == "nps"
    picture = charts.trend(
        points, label, width=470, height=210, from_zero=from_zero, show=show, axis=show, dots=True
    )
    few, many = count(rows["n"].min()), count(rows["n"].max())
    answers = f"{few if few == many else f'{few} to {many}'} answers a month. Band: 95 % interval."
    return figure(join((_NAMES[question], " ", tag("small", "by month"))), picture, answers)


def _by_segment(evidence: Evidence, question: str, kind: str) -> Html | None:
    rows = scores(evidence, question, "all", kind).filter(pl.col("segment") != "unknown")
    if len(rows) < 2:
        return None
    against = {item.name: item for item in score_contrasts(evidence, question, kind)}
    everybody = score(evidence, question, "all")
    items = [
        (
            row,
            Range(row["score"], row["low"], row["high"], everybody["score"] if everybody else None),
        )
        for row in rows.sort("score", "segment", descending=[True, False]).iter_rows(named=True)
    ]
    scale = charts.scale_of(
        [item for _, item in items], *((-100.0, 100.0) if question == "nps" else (0.0, 100.0))
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
        body.append((tag("b", name), count(row["n"]), mark, said(question, item.value), verdict))
    axis = charts.range_axis(scale, lambda v: signed(v) if question == "nps" else f"{v:g}", 320)
    body.append(("", "", axis, "", ""))
    note = (
        "All answers so far. Dot and bar: score with its 95 % interval; notch: everybody. The "
        "last column compares "
        f"with all other {_KINDS[kind]}s, corrected for looking at several (Holm)."
    )
    head = (plain(_KINDS[kind]), "Answers", _NAMES[question], "", "Against the others")
    return figure(f"{_NAMES[question]} by {_KINDS[kind]}", table(head, body, numeric=(1, 3)), note)


def score(evidence: Evidence, question: str, period: str = "quarter") -> dict[str, Any] | None:
    """The latest wave of a survey score over everybody."""
    rows = scores(evidence, question, period)
    return rows.row(-1, named=True) if len(rows) else None


def scores(
    evidence: Evidence, question: str, period: str, segment_type: str = "all"
) -> pl.DataFrame:
    """A question's rows with a score, of one kind of period and segment, by wave."""
    return (
        evidence.frame("nps_summary")
        .filter(
            (pl.col("metric") == question)
            & (pl.col("period") == period)
            & (pl.col("segment_type") == segment_type)
            & (pl.col("n") > 0)
        )
        .sort("wave", "segment")
    )


def score_contrasts(evidence: Evidence, question: str, segment_type: str) -> list[Contrast]:
    """Each segment's score over all waves against the other segments' of its type, in points; p
    adjusted by Holm.
    """
    rows = scores(evidence, question, "all", segment_type).filter(pl.col("segment") != "unknown")
    sides = [
        (r["segment"], r["n"], r["promoters"], r["detractors"]) for r in rows.iter_rows(named=True)
    ]
    low_side = question == "nps"

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
    for kind, unit in _UNITS.items():
        now = score(evidence, kind) if evidence.has("nps_summary") else None
        found = metric.newest(evidence, kind)
        if now and found and now["p_value"] is not None and now["p_value"] < 0.05:
            word = "rose" if now["delta"] > 0 else "fell"
            text = phrase(
                f"{kind.upper()} {word} by {{by}} points since the quarter before, to {{score}} "
                f"({p_value(now['p_value'])}, {{n}} answers).",
                by=said_in(number(abs(now["delta"]), 0), "nps_summary.delta"),
                score=cited(f"{number(found.value, 0)}{unit}", found),
                n=cited(count(found.n), found, part="n"),
            )
            yield Finding(text, "nps_summary", min(1.0, 0.1 + abs(now["delta"]) / 100), kind)


def score_by_segment(evidence: Evidence) -> Iterator[Finding]:
    """Who scores lower than the others, beyond chance."""
    for question, kind in product(_UNITS, _ASKED) if evidence.has("nps_summary") else ():
        known_scores = metric.by_member(evidence, f"{question}_so_far", kind)
        for item in score_contrasts(evidence, question, kind):
            own = known_scores.get(item.name)
            if own and item.p_value < SURE and item.gap < 0:
                who = _ASKED[kind].format(plain(item.name) if kind == "rfm_segment" else item.name)
                text = phrase(
                    f"{{who}} score {{score}} in {question.upper()}, {{gap}} points below the others "
                    f"({p_value(item.p_value)}, {{n}} answers).",
                    who=who,
                    score=cited(f"{number(own.value, 0)}{_UNITS[question]}", own),
                    gap=said_in(number(abs(item.gap), 0), "nps_summary.score"),
                    n=cited(count(own.n), own, part="n"),
                )
                weight = (item.n / (item.n + item.n_rest)) ** 0.5
                value = min(1.0, abs(item.gap) / 100 * weight)
                yield Finding(text, "nps_summary", value, f"{question}_so_far")


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
