"""The ways customers take: from first contact on, which ways end in a purchase, and where journeys
break off.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import polars as pl

from customer_intel.core.report import charts, metric
from customer_intel.core.report.charts import Flow, Range
from customer_intel.core.report.evidence import Evidence
from customer_intel.core.report.markup import (
    NBSP,
    Html,
    count,
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
from customer_intel.core.report.metric import Value, cited, said_in
from customer_intel.core.report.section import Finding, RoomReport, Section
from customer_intel.core.statistics import wilson

_PATHS = 12
_EXITS = 8
_BEGINNINGS = 8
# Drawn of a journey: its first steps, and per step the most frequent touchpoints; the rest is one
# node.
_STEPS = 4
_PER_STEP = 6
_MATRIX = 10
_OTHER, _WON, _GONE = "(other)", "(purchase)", "(no purchase)"
# The path of journeys that began with the conversion.
_DIRECT = "(start)"
_SPECIAL = {_OTHER: "Other", _WON: "Purchase", _GONE: "No purchase", _DIRECT: "Directly"}


def journeys(evidence: Evidence) -> Html:
    """The ways that customers take, where they turn and where they leave."""
    parts: list[Html | None] = []
    if evidence.has("journey_paths"):
        rows = evidence.frame("journey_paths").sort("path_rank")
        parts += [_lede(evidence, rows), _flow(rows), _beginnings(rows), _paths(evidence, rows)]
    else:
        parts.append(quiet(f"Paths are not available: {evidence.why_not('journey_paths')}."))
    if evidence.has("journey_transitions"):
        parts += [_exits(evidence), _matrix(evidence)]
    else:
        parts.append(
            quiet(f"Transitions are not available: {evidence.why_not('journey_transitions')}.")
        )
    return join(parts)


def _lede(evidence: Evidence, rows: pl.DataFrame) -> Html | None:
    names = ("frequent_journeys", "frequent_coverage", "journey_conversion")
    n, covered, won = (metric.value(evidence, name) for name in names)
    if n is None or covered is None or won is None:
        return None
    text = phrase(
        "{n} journeys took the {ways} most frequent ways, {covered} of all that had time to end",
        n=cited(count(n.value), n),
        ways=said_in(count(len(rows)), "journey_paths.path"),
        covered=cited(percent(covered.value), covered),
    )
    if not won.value:
        return paragraph(
            text,
            "; none of them holds a conversion: no order, no subscription, and no event that "
            "conversion_activities names. What journeys are for is set in config/journeys.yaml.",
            class_="lede",
        )
    return paragraph(
        text,
        phrase("; {won} of them led to a purchase.", won=cited(percent(won.value), won)),
        class_="lede",
    )


def _largest(size: dict[str, int]) -> list[str]:
    return sorted(size, key=lambda step: (-size[step], step))[:_PER_STEP]


def _flow(rows: pl.DataFrame) -> Html:
    told = [
        (str(path).split(" > "), int(n), int(won))
        for path, n, won in rows.select("path", "n", "n_converted").iter_rows()
    ]
    sizes: list[dict[str, int]] = [{} for _ in range(_STEPS)]
    for steps, n, _ in told:
        for at, step in enumerate(steps[:_STEPS]):
            sizes[at][step] = sizes[at].get(step, 0) + n
    kept = [set(_largest(size)) for size in sizes]
    flows: dict[tuple[tuple[int, str], tuple[int, str]], int] = {}

    def add(source: tuple[int, str], target: tuple[int, str], n: int) -> None:
        if n:
            flows[source, target] = flows.get((source, target), 0) + n

    for steps, n, won in told:
        nodes = [
            (at, step if step in kept[at] else _OTHER) for at, step in enumerate(steps[:_STEPS])
        ]
        for source, target in pairwise(nodes):
            add(source, target, n)
        column = nodes[-1][0] + 1
        add(nodes[-1], (column, _WON), won)
        add(nodes[-1], (column, _GONE), n - won)
    drawn = [Flow(source, target, n) for (source, target), n in sorted(flows.items())]
    kinds = {_WON: "won", _GONE: "gone", _OTHER: "gone"}
    picture = charts.sankey(
        drawn,
        "Flow of journeys step by step",
        lambda step: _SPECIAL.get(step) or touchpoint_name(step),
        lambda step: kinds.get(step, ""),
        height=430,
    )
    note = (
        "Ribbons are as wide as the journeys that go there; green: to a purchase, for long "
        "journeys after more steps."
    )
    return figure("The first steps of journeys", picture, note)


def _beginnings(rows: pl.DataFrame) -> Html | None:
    """Conversion by first step, of all journeys that took one before the purchase."""
    firsts: dict[str, list[int]] = {}
    for way, n, won in rows.select("path", "n", "n_converted").iter_rows():
        first = str(way).split(" > ")[0]
        if first == _DIRECT:
            continue
        sums = firsts.setdefault(first, [0, 0])
        sums[0] += n
        sums[1] += won
    ordered = sorted(firsts.items(), key=lambda item: (-item[1][0], item[0]))[:_BEGINNINGS]
    if len(ordered) < 2:
        return None
    total, won_all = (sum(sums[at] for sums in firsts.values()) for at in (0, 1))
    ranges = [Range(won / n, *wilson(won, n), won_all / total) for _, (n, won) in ordered]
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
        for (step, (n, won)), item in zip(ordered, ranges, strict=True)
    ]
    body.append(("", "", "", charts.range_axis(scale, axis_percent, 300), "", ""))
    head = ("First step", "Journeys", "Share", "Led to a purchase", "", "95 %")
    note = (
        "Without journeys that begin with the purchase. Dot and bar: share with its 95 % "
        "interval; notch: all of them."
    )
    return figure(
        "How journeys begin, and which beginnings lead to a purchase",
        table(head, body, (1, 2, 4, 5)),
        note,
    )


def axis_percent(value: float) -> str:
    """A share (0 to 1) on an axis."""
    return f"{100 * value:g}{NBSP}%"


def path(text: str) -> Html:
    """A path's steps with arrows between."""
    steps = [
        tag("span", _SPECIAL.get(step) or ("…" if step == "…" else touchpoint_name(step)))
        for step in text.split(" > ")
    ]
    return tag("span", join(steps, " <i>→</i> "), class_="path")


def _paths(evidence: Evidence, rows: pl.DataFrame) -> Html:
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
    head = ("Way", "Journeys", "Share", "To a purchase", "95 %", "Value")
    note = (
        "Steps before the first purchase, or all where there is none: so journeys with and without "
        "one share a way."
    )
    return figure("The most frequent ways", table(head, body, numeric=(1, 2, 3, 4, 5)), note)


def _exits(evidence: Evidence) -> Html | None:
    found = [item for item in exits(evidence) if item.is_sure][:_EXITS]
    if not found:
        return paragraph("No step loses clearly more journeys than any step does.")
    ranges = [Range(i.at.value, i.at.low, i.at.high, i.every.value) for i in found]
    scale = (0.0, charts.scale_of(ranges, 0.0, 1.0)[1])
    body: list[tuple[object, ...]] = [
        (
            tag("b", touchpoint_name(item.step)),
            count(round((item.at.n or 0) * (item.at.value or 0.0))),
            charts.range_mark(mark, scale),
            cited(percent(item.at.value), item.at),
            percents(item.at.low, item.at.high),
            count(round(item.excess)),
        )
        for item, mark in zip(found, ranges, strict=True)
    ]
    body.append(("", "", charts.range_axis(scale, axis_percent), "", "", ""))
    head = ("Step", "Ended here", "Share that ends", "", "95 %", "More than expected")
    note = phrase(
        "In the last {days} days. Notch: how often any step is the last. Purchases, deliveries, "
        "reviews and cancellations are ends by nature.",
        days=_days(evidence),
    )
    return figure("Where journeys break off", table(head, body, numeric=(1, 3, 4, 5)), note)


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
    """How often journeys end at a step, against how often any step is the last one. `excess`:
    journeys that end there beyond that, of `journeys`.
    """

    step: str
    at: Value
    every: Value
    excess: float
    journeys: int

    @property
    def is_sure(self) -> bool:
        """More than chance explains."""
        return self.excess > 0 and (self.at.low or 0.0) > (self.every.value or 0.0)


# A journey that ends with a purchase or with thanks has arrived; ends elsewhere are what can be
# mended.
_ARRIVED = (
    "order_placed", "order_completed", "order_delivered", "purchase", "subscription_started", "checkout_completed",
    "ticket_solved",
)  # fmt: skip


def arrived(touchpoint_id: str) -> bool:
    """Whether the touchpoint is one at which a journey may well end."""
    return touchpoint_id.split(":")[1:2] != [] and touchpoint_id.split(":")[1] in _ARRIVED


def exits(evidence: Evidence) -> list[Exit]:
    """Steps by journeys lost beyond expectation, worst first. Steps that are an end by nature are
    left out.
    """
    every = metric.value(evidence, "step_exits")
    if every is None or not evidence.has("journey_transitions"):
        return []
    starts = pl.col("from_step") == "(start)"
    journeys = int(evidence.frame("journey_transitions").filter(starts)["n"].sum())
    stages: dict[str, str] = {}
    if evidence.has("touchpoint"):
        stages = dict(evidence.frame("touchpoint", "touchpoint_id", "stage").iter_rows())
    found = [
        Exit(step, at, every, (at.n or 0) * ((at.value or 0.0) - (every.value or 0.0)), journeys)
        for step, at in metric.by_member(evidence, "step_exits", "step").items()
        if not arrived(step) and stages.get(step) not in ("advocacy", "churn")
    ]
    return sorted(found, key=lambda item: (-item.excess, item.step))


def early_exits(evidence: Evidence) -> Iterator[Finding]:
    """Which step ends journeys more often than steps do."""
    for item in exits(evidence):
        if item.is_sure:
            text = phrase(
                "{share} of the steps ‘{step}’ of the last {days} days end the journey, against "
                "{every} of all steps: {excess} journeys more than expected.",
                days=_days(evidence),
                share=cited(percent(item.at.value), item.at),
                step=touchpoint_name(item.step),
                every=cited(percent(item.every.value), item.every),
                excess=said_in(count(round(item.excess)), "journey_transitions.n"),
            )
            value = min(1.0, item.excess / item.journeys)
            yield Finding(text, "journey_transitions", value, "step_exits")


REPORT = RoomReport(
    place=70,
    sections=(Section("journeys", "Journeys", journeys),),
    findings=(early_exits,),
    glossary={"Journey": "A customer's steps without a long pause between them."},
)
