"""The journey map and its pain points: where customers are, and where more journeys are lost than
those who come there explain.

Belongs here: sentences, tables and the finding of journey_map and pain_point. Not here: the ways
themselves (report.py), how excess is measured (pain.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from customer_intel.core.contract.load import load
from customer_intel.core.report import charts, metric
from customer_intel.core.report.charts import Range
from customer_intel.core.report.charts_map import Cell, matrix
from customer_intel.core.report.evidence import Evidence
from customer_intel.core.report.markup import (
    NBSP,
    Html,
    count,
    details,
    figure,
    join,
    money,
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
from customer_intel.core.report.metric import Value, cited, said_in
from customer_intel.core.report.section import Finding
from customer_intel.journeys.report_words import (
    conditions,
    long,
    number_range,
    share_range,
    touchpoint_name,
)

_POINTS = 6
# Fewer answers than this are counted, and no score is made of them.
_ANSWERS = 10
SURE = "loses_more"


def days(evidence: Evidence) -> Html:
    """Over how many days the map and its pain points look."""
    found = evidence.frame("journey_map", "transition_days")["transition_days"].max()
    return said_in(str(found), "journey_map.transition_days")


def the_map(evidence: Evidence) -> Html:
    """Stage by channel, the sentence above it, and its figures when asked for."""
    if not evidence.has("journey_map"):
        return quiet(f"The journey map is not available: {evidence.why_not('journey_map')}.")
    rows = evidence.frame("journey_map")
    sure = {
        (row["stage"], _medium(row)) for row in _points(evidence) if row["pain_verdict"] == SURE
    }
    stages = [s for s in _stages() if s in set(rows["stage"])]
    sizes = rows.group_by("channel").agg(n=pl.col("n_activities").sum())
    channels = sizes.sort("n", "channel", descending=[True, False])["channel"].to_list()
    most = max([1, *rows["customers"].to_list()])
    by_place = {(row["stage"], row["channel"]): row for row in rows.iter_rows(named=True)}

    def cell(stage: str, channel: str) -> Cell | None:
        row = by_place.get((stage, channel))
        if row is None:
            return None
        lost = f"{percent(row['drop_off'])} lost" if row["n_lost"] else ""
        tint = row["customers"] / most
        return Cell(count(row["customers"]), lost, tint, (stage, channel) in sure)

    picture = matrix(
        [plain(stage) for stage in stages],
        [plain(channel) for channel in channels],
        [[cell(stage, channel) for channel in channels] for stage in stages],
        "stage ↓  channel →",
    )
    note = phrase(
        "Customers who were there in the last {days} days, and the share of the journeys through it "
        "that ended there for good without a conversion; red: it holds a pain point.",
        days=days(evidence),
    )
    return join(
        (
            _lost(evidence),
            figure("Where customers are, and where journeys are lost", picture, note),
            details("The journey map in figures", _figures(rows, stages), _owners(evidence)),
        )
    )


def _stages() -> list[str]:
    return list(load().table("journey_map").by_name["stage"].values or ())


def _medium(row: dict[str, Any]) -> str:
    return str(row["touchpoint_id"]).partition(":")[0]


def _lost(evidence: Evidence) -> Html | None:
    lost = metric.value(evidence, "journeys_lost")
    if lost is None:
        return None
    return paragraph(
        phrase(
            "Of {n} journeys whose end became known in the last {days} days, {share} (95 %: {range}) ended "
            "without any conversion and at no place where journeys may well end.",
            n=cited(count(lost.n), lost, part="n"),
            days=days(evidence),
            share=cited(percent(lost.value), lost),
            range=share_range(lost),
        )
    )


def _figures(rows: pl.DataFrame, stages: list[str]) -> Html:
    order = {stage: at for at, stage in enumerate(stages)}
    ordered = sorted(
        rows.iter_rows(named=True), key=lambda r: (order[r["stage"]], -r["n_activities"])
    )
    body = [
        (
            plain(row["stage"]),
            plain(row["channel"]),
            row["owner"],
            count(row["n_activities"]),
            long(row["median_seconds"]),
            long(row["median_seconds_to_next"]),
            _score(row["nps"], row["n_nps"]),
            _score(row["csat"], row["n_csat"]),
            f"{count(row['n_lost'])} of {count(row['n_journeys'])}",
            percents(row["drop_off_low"], row["drop_off_high"]),
        )
        for row in ordered
    ]
    head = (
        "Stage",
        "Channel",
        "Owner",
        "Steps",
        "Time in it",
        "To the next",
        "NPS",
        "CSAT",
        "Lost",
        "95 %",
    )
    return table(head, body, numeric=(3, 4, 5, 6, 7, 8, 9))  # fmt: skip


def _owners(evidence: Evidence) -> Html | None:
    """Whether owners are only a guess of ours."""
    if not evidence.has("touchpoint"):
        return None
    guessed = evidence.frame("touchpoint", "owner_basis").filter(pl.col("owner_basis") == "default")
    if guessed.is_empty():
        return None
    return paragraph(
        "Owners are shipped defaults that nobody confirmed, where config/journeys.yaml "
        "(touchpoint_owners) names none.",
        class_="note",
    )


def _score(value: float | None, n: int) -> str:
    if value is None:
        return "·"
    return f"{number(value, 0)}{NBSP}(n{NBSP}{n})" if n >= _ANSWERS else f"too few (n{NBSP}{n})"


def _points(evidence: Evidence) -> list[dict[str, Any]]:
    """The pain points that are judged, by rank."""
    if not evidence.has("pain_point"):
        return []
    rows = evidence.frame("pain_point").filter(pl.col("pain_rank").is_not_null())
    return list(rows.sort("pain_rank").iter_rows(named=True))


def pain_points(evidence: Evidence) -> Html:
    """Where more are lost than expected, what it costs, and what customers said there."""
    points = _points(evidence)
    if not points:
        why = evidence.why_not("pain_point") if not evidence.has("pain_point") else "too few steps"
        return quiet(f"Pain points are not available: {why}.")
    shown = [row for row in points if row["excess"] > 0][:_POINTS]
    sure = [row for row in shown if row["pain_verdict"] == SURE]
    sentence = (
        _sentence(evidence, sure[0])
        if sure
        else "At no step are more journeys lost than chance explains, once it is set against who "
        "comes there."
    )
    if not shown:
        return paragraph(sentence)
    ranges = [Range(row["excess"], row["excess_low"], row["excess_high"], 0.0) for row in shown]
    scale = charts.scale_of(ranges)
    body: list[tuple[object, ...]] = [
        (
            tag("b", touchpoint_name(row["touchpoint_id"])),
            row["owner"],
            f"{count(row['n_lost'])} of {count(row['n_steps'])}",
            number(row["expected"], 1),
            charts.range_mark(mark, scale),
            _worth(evidence, row),
            _said(row),
            "more than chance" if row["pain_verdict"] == SURE else "may be chance",
        )
        for row, mark in zip(shown, ranges, strict=True)
    ]
    body.append(("", "", "", "", charts.range_axis(scale, lambda v: number(v, 0)), "", "", ""))
    head = (
        "Step",
        "Owner",
        "Lost of steps",
        "Expected",
        "More than expected",
        "Worth",
        "Told next",
        "",
    )
    note = (
        "Steps before a conversion, of journeys that ended; expected: what the same steps would "
        "lose at the rate of their customers’ segments over all steps. Dot and bar: excess with its "
        "95 % interval, over customers. Worth: excess × share of the journeys going on from the step "
        "that convert (× mean value of a conversion). An association, no cause: what a "
        "change there brings is to be tried."
    )
    return join(
        (
            paragraph(sentence),
            figure("Pain points", table(head, body, numeric=(2, 3, 5)), note),
        )
    )  # fmt: skip


def _worth(evidence: Evidence, row: dict[str, Any]) -> str:
    """Money, where conversions bring any, else conversions."""
    if row["lost_value"] is not None:
        return money(row["lost_value"], evidence.currency)
    if row["lost_conversions"] is None:
        return "·"
    return f"{number(row['lost_conversions'], 1)} conversions"


def _said(row: dict[str, Any]) -> str:
    told = [
        f"{row[name]} {word}{'' if row[name] == 1 else 's'}"
        for name, word in (
            ("n_tickets", "ticket"), ("n_reviews", "review"), ("n_low_scores", "bad score"),
        )
        if row[name]
    ]  # fmt: skip
    if row["n_in_incident"]:
        told.append(f"{row['n_in_incident']} during an incident")
    reason = f" ({row['top_reason']})" if row["top_reason"] else ""
    return ", ".join(told) + reason if told else "·"


def _of(evidence: Evidence, name: str, row: dict[str, Any]) -> Value | None:
    return metric.value(evidence, name, dimension="step", member=row["touchpoint_id"])


def _sentence(evidence: Evidence, row: dict[str, Any]) -> Html | str:
    excess, cost = (_of(evidence, name, row) for name in ("excess_losses", "excess_losses_cost"))
    if excess is None:
        return ""
    said = phrase(
        "At ‘{step}’ {excess} journeys more were lost in the last {days} days than those who come "
        "there explain (95 %: {range}; {n} lost there)",
        step=touchpoint_name(row["touchpoint_id"]),
        excess=cited(count(round(excess.value or 0)), excess),
        days=days(evidence),
        range=number_range(excess),
        n=cited(count(excess.n), excess, part="n"),
    )
    if cost is None or not cost.value:
        return join((said, "."))
    worth = phrase(
        "; at what journeys that go on from it bring, that is {cost}.",
        cost=cited(money(cost.value, evidence.currency), cost),
    )
    return join((said, worth))


def costliest(evidence: Evidence) -> Iterator[Finding]:
    """The pain point that costs most, of those that chance does not explain; none where a declared
    conversion has a condition, as journeys count what it leaves out.
    """
    if conditions(evidence):
        return
    points = [row for row in _points(evidence) if row["pain_verdict"] == SURE]
    ended = metric.value(evidence, "journeys_lost")
    for row in points[:1]:
        text = _sentence(evidence, row)
        if text and ended and ended.n:
            yield Finding(text, "pain_point", min(1.0, row["excess"] / ended.n), "excess_losses")
