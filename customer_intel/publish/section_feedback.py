"""What customers answer when asked: NPS and CSAT over time and by segment, each with its
uncertainty.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from customer_intel.publish import charts, measures
from customer_intel.publish.charts import Point, Range
from customer_intel.publish.evidence import Evidence
from customer_intel.publish.findings import segment_name
from customer_intel.publish.markup import (
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

_NAMES = {"nps": "NPS", "csat": "CSAT"}
_KINDS = {"rfm_segment": "segment", "channel": "channel", "touchpoint": "touchpoint"}
_MONTHS = 18


def section(e: Evidence) -> Html:
    if not e.has("nps_summary"):
        return quiet(f"Not available: {e.why_not('nps_summary')}.")
    there = [metric for metric in _NAMES if measures.score(e, metric, "all")]
    pictures = [picture for metric in there if (picture := _over_time(e, metric))]
    return join((
        *(_lede(e, metric) for metric in there),
        tag("div", *pictures, class_="row") if pictures else None,
        *(_by_segment(e, metric, kind) for metric in there for kind in _KINDS),
    ))  # fmt: skip


def said(metric: str, value: Any) -> str:
    """An NPS has a sign, a share of satisfied answers does not."""
    return signed(value) if metric == "nps" else f"{number(value, 0)}{NBSP}%"


def _lede(e: Evidence, metric: str) -> Html | None:
    now = measures.score(e, metric)
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


def _over_time(e: Evidence, metric: str) -> Html | None:
    rows = measures.scores(e, metric, "month").tail(_MONTHS)
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


def _by_segment(e: Evidence, metric: str, kind: str) -> Html | None:
    rows = measures.scores(e, metric, "all", kind).filter(pl.col("segment") != "unknown")
    if len(rows) < 2:
        return None
    against = {item.name: item for item in measures.score_contrasts(e, metric, kind)}
    everybody = measures.score(e, metric, "all")
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
        name = segment_name(row["segment"]) if kind == "rfm_segment" else row["segment"]
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
