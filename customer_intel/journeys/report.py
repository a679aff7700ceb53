"""The ways customers take: from first contact on, which ways end in a conversion, and where journeys
break off.

Belongs here: the room's sections, and the ways. Not here: the map and its pain points
(report_map.py), attribution (report_attribution.py), names of steps (report_words.py).
"""

from __future__ import annotations

import polars as pl

from customer_intel.core.report import charts, metric
from customer_intel.core.report.charts import Flow, Range
from customer_intel.core.report.evidence import Evidence
from customer_intel.core.report.markup import (
    Html,
    count,
    details,
    figure,
    join,
    money,
    paragraph,
    percent,
    percents,
    phrase,
    quiet,
    shortened,
    table,
    tag,
)
from customer_intel.core.report.metric import cited, said_in
from customer_intel.core.report.section import RoomReport, Section
from customer_intel.core.statistics import wilson
from customer_intel.journeys.paths import DIRECT, GONE, WON
from customer_intel.journeys.report_attribution import by_channel
from customer_intel.journeys.report_map import costliest, pain_points, the_map
from customer_intel.journeys.report_words import (
    OTHER,
    SPECIAL,
    path,
    share_range,
    touchpoint_name,
    why_nothing,
    without_condition,
)

_PATHS = 12
_BEGINNINGS = 8
# Drawn per step of a journey: the most frequent touchpoints; the rest is one node.
_PER_STEP = 6
_MATRIX = 10


def journeys(evidence: Evidence) -> Html:
    """The ways that customers take, where they turn and where they leave."""
    if not evidence.has("journey_flow") and not evidence.has("journey_map"):
        return quiet(f"Journeys are not available: {why_nothing(evidence, 'journey_flow')}.")
    parts: list[Html | None] = [without_condition(evidence)]
    if evidence.has("journey_flow"):
        rows = evidence.frame("journey_flow")
        parts += [_lede(evidence), the_map(evidence), pain_points(evidence), _flow(rows)]
        folded: list[Html | None] = [_beginnings(rows)]
        if evidence.has("journey_paths"):
            folded.append(_paths(evidence))
        if evidence.has("journey_transitions"):
            folded.append(_matrix(evidence))
        parts.append(details("The ways in figures, and what comes next", *folded))
    else:
        parts.append(quiet(f"Journeys are not available: {evidence.why_not('journey_flow')}."))
        parts += [the_map(evidence), pain_points(evidence)]
    return join(parts)


def _lede(evidence: Evidence) -> Html | None:
    names = ("ended_journeys", "journey_conversion")
    n, won = (metric.value(evidence, name) for name in names)
    if n is None or won is None:
        return None
    text = phrase("{n} journeys have ended", n=cited(count(n.value), n))
    if not won.value:
        return paragraph(
            text,
            "; none of them holds a conversion: no order, no subscription, and nothing "
            "that config/behaviour.yaml declares or conversion_activities names.",
            class_="lede",
        )
    return paragraph(
        text,
        phrase(
            "; {won} of them brought a conversion (95 %: {range}). Those that still go on, the longer ones "
            "among the latest, are not counted.",
            won=cited(percent(won.value), won),
            range=share_range(won),
        ),
        class_="lede",
    )


def _largest(size: dict[str, int]) -> list[str]:
    return sorted(size, key=lambda step: (-size[step], step))[:_PER_STEP]


def _flow(rows: pl.DataFrame) -> Html | None:
    """The picture of journey_flow, of all journeys; journeys that begin with the conversion have no
    step to draw.
    """
    told = [
        (int(at), str(source), str(target), int(n))
        for at, source, target, n in rows.filter(pl.col("to_step") != DIRECT)
        .select("step_no", "from_step", "to_step", "n")
        .iter_rows()
    ]
    sizes: dict[int, dict[str, int]] = {}
    for at, _, target, n in told:
        if target not in (WON, GONE):
            of = sizes.setdefault(at, {})
            of[target] = of.get(target, 0) + n
    kept = {at: set(_largest(size)) for at, size in sizes.items()}
    flows: dict[tuple[tuple[int, str], tuple[int, str]], int] = {}
    for at, source, target, n in told:
        if source == DIRECT:
            continue
        here = source if source in kept[at - 1] else OTHER
        there = target if target in (WON, GONE) or target in kept[at] else OTHER
        pair = (at - 2, here), (at - 1, there)
        flows[pair] = flows.get(pair, 0) + n
    if not flows:
        return None
    drawn = [Flow(source, target, n) for (source, target), n in sorted(flows.items())]
    kinds = {WON: "won", GONE: "gone", OTHER: "gone"}
    picture = charts.sankey(
        drawn,
        "Flow of journeys step by step",
        lambda step: SPECIAL.get(step) or touchpoint_name(step),
        lambda step: kinds.get(step, ""),
        height=430,
    )
    note = (
        "All journeys that ended, but those that began with the conversion. Ribbons are as wide as the "
        "journeys that go there; green: to a conversion, for long journeys after more steps."
    )
    return figure("The first steps of journeys", picture, note)


def _beginnings(rows: pl.DataFrame) -> Html | None:
    """Conversion by first step, of all journeys that took one before the conversion."""
    firsts = rows.filter((pl.col("step_no") == 1) & (pl.col("to_step") != WON)).sort(
        "n", "to_step", descending=[True, False]
    )
    ordered = list(firsts.select("to_step", "n", "n_converted").iter_rows())[:_BEGINNINGS]
    if len(ordered) < 2:
        return None
    total, won_all = (int(firsts[name].sum()) for name in ("n", "n_converted"))
    ranges = [Range(won / n, *wilson(won, n), won_all / total) for _, n, won in ordered]
    scale = (0.0, charts.scale_of(ranges, 0.0, 1.0)[1])
    body: list[tuple[object, ...]] = [
        (
            tag("b", touchpoint_name(step)),
            count(n),
            percent(n / total),
            charts.range_mark(item, scale, 300),
            percent(won / n),
            percents(item.low, item.high),
        )
        for (step, n, won), item in zip(ordered, ranges, strict=True)
    ]
    body.append(("", "", "", charts.range_axis(scale, charts.axis_percent, 300), "", ""))
    head = ("First step", "Journeys", "Share", "Led to a conversion", "", "95 %")
    note = phrase(
        "All {n} journeys that ended, without those that began with the conversion{shown}. Dot and bar: "
        "share with its 95 % interval; notch: all of them.",
        n=said_in(count(total), "journey_flow.n"),
        shown="" if len(firsts) == len(ordered) else "; the most frequent first steps are shown",
    )
    return figure(
        "How journeys begin, and which beginnings lead to a conversion",
        table(head, body, (1, 2, 4, 5)),
        note,
    )


def _paths(evidence: Evidence) -> Html:
    rows = evidence.frame("journey_paths").sort("path_rank")
    body: list[tuple[object, ...]] = [
        (
            path(row["path"]),
            count(row["n"]),
            percent(row["share"], 1),
            "" if row["conversion_rate"] is None else percent(row["conversion_rate"]),
            ""
            if row["conversion_rate"] is None
            else percents(row["conversion_low"], row["conversion_high"]),
            money(row["conversion_value"], evidence.currency) if row["n_converted"] else "",
        )
        for row in rows.head(_PATHS).iter_rows(named=True)
    ]
    head = ("Way", "Journeys", "Share", "To a conversion", "95 %", "Value")
    covered = metric.value(evidence, "frequent_coverage")
    note = phrase(
        "Journeys that ended; steps before the first conversion, or all where there is none: so journeys "
        "with and without one share a way. {rest}",
        rest=phrase(
            "The {ways} most frequent ways that are kept cover {covered} of them.",
            ways=said_in(count(len(rows)), "journey_paths.path"),
            covered=cited(percent(covered.value), covered),
        )
        if covered is not None
        else "",
    )
    return figure("The most frequent ways", table(head, body, numeric=(1, 2, 3, 4, 5)), note)


def _days(evidence: Evidence) -> Html:
    """Over how many days transitions are counted."""
    days = evidence.frame("journey_transitions", "transition_days")["transition_days"].max()
    return said_in(str(days), "journey_transitions.transition_days")


def _matrix(evidence: Evidence) -> Html | None:
    rows = evidence.frame("journey_transitions")
    sizes = (
        rows.filter(~pl.col("from_step").is_in(["(start)"]))
        .group_by("from_step")
        .agg(n=pl.col("n").sum())
        .sort("n", "from_step", descending=[True, False])
    )
    steps = sizes["from_step"].head(_MATRIX).to_list()
    if len(steps) < 2:
        return None
    p = {
        (source, target): share
        for source, target, share in rows.select("from_step", "to_step", "p").iter_rows()
    }
    targets = [*steps, "(end)"]
    cells = [[p.get((source, target)) for target in targets] for source in ["(start)", *steps]]
    names = [touchpoint_name(step) for step in ["(start)", *steps]]
    picture = charts.heat(
        names, [shortened(touchpoint_name(step), 22) for step in targets], cells, "from ↓  to →"
    )
    note = phrase(
        "Per cent of the transitions out of a step in the last {days} days, for the {n} most "
        "frequent; the rest goes elsewhere.",
        days=_days(evidence),
        n=len(steps),
    )
    return figure("What comes next", picture, note)


REPORT = RoomReport(
    place=70,
    sections=(
        Section("journeys", "Journeys", journeys, pictures=3),
        Section("attribution", "What brings conversions", by_channel, pictures=1),
    ),
    findings=(costliest,),
    glossary={
        "Journey": "A customer's steps without a long pause between them.",
        "Lost": "A journey that ended without any conversion, and at no step that is a good end.",
        "Attribution": "Which touch gets the credit for a conversion; each model by a rule of its own.",
    },
)
