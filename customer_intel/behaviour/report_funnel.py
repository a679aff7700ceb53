"""Funnels: how many come how far, where they drop off, who drops off more.

Belongs here: what the report says of funnels. Not here: figures (funnel_figures.py), what was declared
(report_definitions.py).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import polars as pl

from customer_intel.behaviour.model import Funnel
from customer_intel.behaviour.report_definitions import declared, definitions, title
from customer_intel.core.report import charts
from customer_intel.core.report.charts import Range
from customer_intel.core.report.charts_funnel import step_bar
from customer_intel.core.report.evidence import Evidence
from customer_intel.core.report.markup import (
    NBSP,
    Html,
    count,
    figure,
    join,
    number,
    paragraph,
    percent,
    percents,
    phrase,
    plain,
    quiet,
    table,
    tag,
)
from customer_intel.core.report.metric import said_in
from customer_intel.core.statistics import ENOUGH

# So many funnels are told, and so many members of a breakdown, the largest.
_FUNNELS, _MEMBERS = 3, 8
_NAMES = {
    "channel": "Channel", "device_type": "Device", "segment": "Segment", "first_source": "First came by",
    "plan_name": "Plan", "source_system": "Source",
}  # fmt: skip
_WITHIN = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def funnel(evidence: Evidence) -> Html:
    """Each funnel: a sentence, its steps, its groups; then what was declared."""
    if not evidence.has("funnel_step", "behaviour_definition"):
        missing = "funnel_step" if evidence.has("behaviour_definition") else "behaviour_definition"
        return join((quiet(f"No funnel: {_why(evidence, missing)}."), declared(evidence)))
    said = evidence.once(definitions)
    steps = evidence.frame("funnel_step")
    told = sorted(
        said.funnels.values(), key=lambda item: (item.certainty == "unsure", -_entered(steps, item))
    )
    parts: list[Html | None] = []
    for item in told[:_FUNNELS]:
        parts += _told(evidence, steps, item, is_first=not parts)
    if len(told) > _FUNNELS:
        rest = ", ".join(f"‘{title(item)}’" for item in told[_FUNNELS:])
        parts.append(paragraph(f"In funnel_step, too: {rest}."))
    return join((*parts, declared(evidence)))


def _why(evidence: Evidence, name: str) -> str:
    if name == "behaviour_definition" or not evidence.once(definitions).funnels:
        return "nothing is declared, and no acts stand in an order that ends in a conversion"
    return evidence.why_not(name)


def _entered(steps: pl.DataFrame, item: Funnel) -> int:
    rows = _rows(steps, item)
    return int(rows["n_entered"][0]) if rows.height else 0


def _rows(steps: pl.DataFrame, item: Funnel, breakdown: str = "all") -> pl.DataFrame:
    mine = (pl.col("funnel") == item.name) & (pl.col("breakdown") == breakdown)
    return steps.filter(mine).sort("member", "step")


def _told(
    evidence: Evidence, steps: pl.DataFrame, item: Funnel, *, is_first: bool
) -> list[Html | None]:
    rows = _rows(steps, item).to_dicts()
    head = tag("h3", title(item))
    if not rows or not rows[0]["n_entered"]:
        return [head, quiet("Nobody began it in the period.")]
    yet = _undecided(evidence, item) if item.window_days else {}
    return [
        head,
        _sentence(rows, item, yet, is_first=is_first),
        _picture(rows, item),
        _groups(steps, item),
    ]


def _undecided(evidence: Evidence, item: Funnel) -> dict[int, int]:
    """By step that was reached last: so many have time left to go on."""
    if not evidence.has("funnel_customer"):
        return {}
    found = (
        evidence.scan("funnel_customer")
        .filter((pl.col("funnel") == item.name) & pl.col("is_undecided"))
        .group_by("steps_reached")
        .len()
    )
    return dict(found.collect().iter_rows())


def _sentence(
    rows: list[dict[str, Any]], item: Funnel, yet: dict[int, int], *, is_first: bool
) -> Html:
    """What share arrives, how sure that is, and where most are lost. `yet`: who may yet go on, by step."""
    last, first = rows[-1], rows[0]
    days = first["period_days"]
    since = (
        phrase(" in the last {days} days", days=said_in(count(days), "funnel_step.period_days"))
        if days
        else ""
    )
    is_mature = last["rate_mature"] is not None
    rate = "rate_mature" if is_mature else "share_of_start"
    parts = [
        phrase(
            "Of {n} people who began{since}, {rate} {verb} ‘{goal}’{within} (95\N{NO-BREAK SPACE}%: {between}).",
            n=said_in(count(first["n_entered"]), "funnel_step.n_entered"),
            since=since,
            rate=said_in(percent(last[rate], 1), f"funnel_step.{rate}"),
            verb="reach" if is_mature else "have reached",
            goal=last["step_name"],
            within=_within(item, " of beginning" if is_mature else ""),
            between=said_in(
                percents(last[f"{rate}_low"], last[f"{rate}_high"]), f"funnel_step.{rate}_low"
            ),
        )
    ]
    if item.window_days and not is_mature:
        parts.append(Html(" Nobody has had the whole window yet."))
    if is_mature and percent(last[rate], 1) != percent(last["share_of_start"], 1):
        parts.append(_so_far(first, last))
    if (worst := _worst(rows)) is not None:
        before, row = worst
        open_ = yet.get(before["step"], 0)
        parts.append(
            phrase(
                " Most are lost after ‘{before}’: {n} of {of} {verb} ({share}; "
                "95\N{NO-BREAK SPACE}%: {between}){yet}.",
                verb="have gone no further so far" if open_ or not is_mature else "went no further",
                yet=phrase("; {n} may yet", n=said_in(count(open_), "funnel_customer.is_undecided"))
                if open_
                else "",
                before=before["step_name"],
                n=said_in(count(before["n"] - row["n"]), "funnel_step.n"),
                of=said_in(count(before["n"]), "funnel_step.n"),
                share=said_in(
                    percent(1 - row["share_of_previous"]), "funnel_step.share_of_previous"
                ),
                between=said_in(
                    percents(1 - row["share_of_previous_high"], 1 - row["share_of_previous_low"]),
                    "funnel_step.share_of_previous_low",
                ),
            )
        )
    if first["n_entered"] < ENOUGH:
        parts.append(Html(" So few people prove little."))
    return paragraph(*parts, class_="lede" if is_first else None)


def _so_far(first: dict[str, Any], last: dict[str, Any]) -> Html:
    """What the raw share is, and why it is another: later attempts, and people who may yet."""
    recent = first["n_entered"] - last["n_mature"]
    said = phrase(
        " So far, later attempts included, it is {share}",
        share=said_in(percent(last["share_of_start"], 1), "funnel_step.share_of_start"),
    )
    if not recent:
        return join((said, "."))
    return phrase(
        "{said}; {n} began less than one window ago.",
        said=said,
        n=said_in(count(recent), "funnel_step.n_mature"),
    )


def _within(item: Funnel, since: str) -> Html | str:
    if item.window_days is None:
        return ""
    days = f"{item.window_days:g}"
    word = "day" if days == "1" else "days"
    return phrase(
        f" within {{days}} {word}{since}", days=said_in(days, "behaviour_definition.within_days")
    )


def _worst(rows: list[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The step after which most people are lost, and the one that they do not reach."""
    pairs = [pair for pair in pairwise(rows) if pair[0]["n"]]
    lost = max(pairs, key=lambda pair: pair[0]["n"] - pair[1]["n"], default=None)
    return lost if lost and lost[0]["n"] > lost[1]["n"] else None


def _picture(rows: list[dict[str, Any]], item: Funnel) -> Html:
    body = []
    for at, row in enumerate(rows):
        before = rows[at - 1]["share_of_start"] if at else None
        span = (row["share_of_start_low"], row["share_of_start_high"]) if at else None
        body.append(
            (
                tag("b", row["step_name"]),
                percent(row["share_of_start"], 1),
                step_bar(row["share_of_start"], before, span, row["rate_mature"] if at else None),
                count(row["n"]),
                percent(row["rate_mature"], 1) if at else "",
                percent(row["share_of_previous"], 1) if at else "",
                percents(row["share_of_previous_low"], row["share_of_previous_high"]) if at else "",
                lasting(row["seconds_p50"]) if at else "",
            )
        )
    head = (
        "Step",
        "So far",
        "",
        "People",
        "Within the window",
        "Of the step before",
        "95 %",
        "Median time",
    )
    orders = {
        "ordered": "Steps in this order; what happens between does not matter.",
        "strict": "Steps in this order with nothing between.",
        "any": "So many different steps, in any order.",
    }
    note = (
        f"{orders[item.order]} Grey: lost since the step before; line below: 95 % interval. So far: in any "
        "attempt. Within the window, the notch: the share that gets there within one window of beginning first, "
        "estimated where some have not had the time. Who began several times counts once."
    )
    return figure("How far people come", table(head, body, numeric=(1, 3, 4, 5, 6, 7)), note)


def _groups(steps: pl.DataFrame, item: Funnel) -> Html | None:
    """The last step by each breakdown that has several members."""
    whole = _rows(steps, item).row(-1, named=True)
    rate = "rate_mature" if whole["rate_mature"] is not None else "share_of_start"
    found: list[tuple[str, dict[str, Any]]] = []
    for name in item.breakdowns:
        rows = _rows(steps, item, name).filter(pl.col("step") == len(item.steps))
        named = rows.filter(~pl.col("member").is_in(["(unknown)"])).sort(
            "n_entered", "member", descending=[True, False]
        )
        if named.height > 1:
            found += [(name, row) for row in named.head(_MEMBERS).to_dicts()]
    if not found:
        return None
    ranges = [
        Range(row[rate], row[f"{rate}_low"], row[f"{rate}_high"], whole[rate]) for _, row in found
    ]
    scale = (0.0, charts.scale_of(ranges, 0.0, 1.0)[1])
    body: list[tuple[object, ...]] = []
    before = ""
    for (name, row), mark in zip(found, ranges, strict=True):
        body.append(
            (
                tag("b", _NAMES.get(name, plain(name))) if name != before else "",
                plain(row["member"]) if not row["member"].startswith("(") else row["member"],
                percent(mark.value, 1),
                charts.range_mark(mark, scale),
                percents(mark.low, mark.high),
                count(row["n_entered"]),
                count(row["n"]),
            )
        )
        before = name
    body.append(("", "", "", charts.range_axis(scale, charts.axis_percent), "", "", ""))
    share = "Within the window" if rate == "rate_mature" else "Arrived so far"
    head = ("By", "", share, "", "95 %", "Began", "So far, any attempt")
    note = (
        "Dot and bar: share with its 95 % interval; notch: everybody, those too of whom it is not known. "
        "A difference between groups is no cause: segment and plan are those of today, "
        "so who bought is in another segment for it."
    )
    return figure(
        f"Who reaches ‘{whole['step_name']}’", table(head, body, numeric=(2, 4, 5, 6)), note
    )


def lasting(seconds: float | None) -> str:
    """90061 seconds → 1.0 days: in the largest unit that is not below one."""
    if seconds is None:
        return ""
    for word, size in _WITHIN:
        if seconds >= size or size == 1:
            value = seconds / size
            return f"{number(value, 1 if value < 10 and size > 1 else 0)}{NBSP}{word}s"
    return ""
