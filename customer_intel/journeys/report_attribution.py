"""What brings conversions: models of attribution side by side, and what channels cost.

Belongs here: sentences and tables of `attribution`. Not here: the models (attribution.py).
"""

from __future__ import annotations

from typing import Any

import polars as pl

from customer_intel.core.report import charts, metric
from customer_intel.core.report.charts import Range
from customer_intel.core.report.evidence import Evidence
from customer_intel.core.report.markup import (
    Html,
    count,
    details,
    enumerated,
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
    shortened,
    table,
    tag,
)
from customer_intel.core.report.metric import cited, said_in
from customer_intel.journeys.report_words import (
    share_range,
    why_nothing,
    without_condition,
)

# As the columns stand: rules from first to last, then what asks what would be lost.
_SHOWN = ("first", "last", "linear", "time_decay", "position", "shapley")
_NAMED = 3
_COUNTED = 6
_CAMPAIGNS = 12


def by_channel(evidence: Evidence) -> Html:
    """Which channels bring conversions, by each model, and what one costs."""
    if not evidence.has("attribution"):
        return quiet(f"Attribution is not available: {why_nothing(evidence, 'attribution')}.")
    rows = evidence.frame("attribution")
    told = rows.filter(pl.col("share").is_not_null())
    if told.is_empty():
        return quiet(
            "No conversion has a touch before it that can be credited: no message, no advertisement, "
            "no visit by a channel other than those that bring visitors by themselves. Which count is "
            "set in config/journeys.yaml (touch_events, direct_channels)."
        )
    return join(
        (
            without_condition(evidence),
            _lede(evidence, told),
            _models(told),
            _costs(evidence, rows),
            _campaigns(evidence),
        )
    )


def _lede(evidence: Evidence, told: pl.DataFrame) -> Html:
    touched = metric.value(evidence, "touched_conversions")
    shares = metric.by_member(evidence, "attributed_share", "channel")
    order = sorted(shares.items(), key=lambda item: (-(item[1].value or 0), item[0]))
    named = [
        phrase(
            "{channel} {share} (95 %: {range})",
            channel=plain(channel),
            share=cited(percent(value.value), value),
            range=share_range(value),
        )
        for channel, value in order[:_NAMED]
    ]
    back = told.filter(pl.col("model") == "markov")["markov_order"].drop_nulls().to_list()
    parts: list[object] = []
    if touched is not None:
        parts.append(
            phrase(
                "{share} (95 %: {range}) of the latest {n} conversions came after a touch by {channels}. ",
                channels=_channels(told),
                share=cited(percent(touched.value), touched),
                range=share_range(touched),
                n=cited(count(touched.n), touched, part="n"),
            )
        )
    if named and _is_one_channel(told):
        parts.append(
            phrase(
                "Of these, {shares}. Each of them has touches of one channel only, so all models credit the "
                "same by construction: that they agree tells nothing.",
                shares=enumerated(named),
            )
        )
    elif named:
        parts.append(
            phrase(
                "Of these, by what would be lost without a channel: {shares}; the model looks {order} "
                "back, which foretold paths best that it had not seen.",
                shares=enumerated(named),
                order=said_in(
                    "one touch" if back[:1] == [1] else f"{max(back, default=0)} touches",
                    "attribution.markov_order",
                ),
            )
        )
    return paragraph(*parts)


def _channels(told: pl.DataFrame) -> str:
    """What was counted as touches, the most frequent channels first."""
    rows = told.filter(pl.col("model") == "markov").sort(
        "n_converted", "channel", descending=[True, False]
    )
    names = [plain(name.strip("()")) for name in rows["channel"]]
    if len(names) > _COUNTED:
        names = [*names[:_COUNTED], "other channels"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _is_one_channel(told: pl.DataFrame) -> bool:
    """Whether each path that converted has touches of one channel, and no model tells otherwise."""
    markov = told.filter(pl.col("model") == "markov")
    spread = told.group_by("channel").agg(d=pl.col("share").max() - pl.col("share").min())
    return (
        abs(float(markov["n_converted"].sum()) - float(markov["conversions"].sum())) < 1e-6
        and float(spread.select(pl.col("d").max()).item()) < 1e-6
    )


def _models(told: pl.DataFrame) -> Html:
    by_model: dict[str, dict[str, dict[str, Any]]] = {}
    for row in told.iter_rows(named=True):
        by_model.setdefault(row["channel"], {})[row["model"]] = row
    ordered = sorted(by_model, key=lambda name: (-by_model[name]["markov"]["share"], name))
    ranges = [
        Range(r["share"], r["share_low"], r["share_high"], by_model[name]["last"]["share"])
        for name in ordered
        for r in [by_model[name]["markov"]]
    ]
    scale = (0.0, charts.scale_of(ranges, 0.0, 1.0)[1])
    body: list[tuple[object, ...]] = [
        (
            tag("b", plain(name)),
            count(by_model[name]["markov"]["n_converted"]),
            charts.range_mark(mark, scale),
            percent(mark.value),
            percents(mark.low, mark.high),
            *(percent(by_model[name][model]["share"]) for model in _SHOWN),
        )
        for name, mark in zip(ordered, ranges, strict=True)
    ]
    body.append(("", "", charts.range_axis(scale, charts.axis_percent), *[""] * (2 + len(_SHOWN))))
    head = ("Channel", "Paths", "Markov", "", "95 %", *(plain(model) for model in _SHOWN))
    note = (
        "Share of the conversions that any touch came before. Dot and bar: what would be lost "
        "without the channel, with its 95 % interval over customers; notch: the last touch. Visits by "
        "direct_channels (config/journeys.yaml) are nobody’s touch. Models "
        "that disagree mean that the data alone does not settle it: an experiment would."
    )
    numeric = (1, *range(3, len(head)))
    return figure("What each model credits to a channel", table(head, body, numeric), note)


def _costs(evidence: Evidence, rows: pl.DataFrame) -> Html | None:
    paid = rows.filter((pl.col("model") == "markov") & pl.col("cost").is_not_null())
    if paid.is_empty():
        return None
    costs = metric.by_member(evidence, "channel_cost_per_conversion", "channel")
    said = [
        phrase(
            "{cost} by {channel}",
            channel=plain(channel),
            cost=cited(money(value.value, evidence.currency), value),
        )
        for channel, value in sorted(costs.items(), key=lambda item: -(item[1].value or 0))[:_NAMED]
    ]
    body = [
        (
            tag("b", plain(row["channel"].strip("()"))),
            money(row["cost"], evidence.currency),
            number(row["conversions"], 1),
            money(row["cost_per_conversion"], evidence.currency),
            money(row["conversion_value"], evidence.currency),
            number(row["return_on_spend"], 1),
        )
        for row in paid.sort("cost", "channel", descending=[True, False]).iter_rows(named=True)
    ]
    head = ("Channel", "Cost", "Conversions", "Cost of one", "Value", "Value per cost")
    note = (
        "Spending goes to the channel, or the campaign, of exactly its name; what fits none stands "
        "at Unmatched."
    )
    picture = figure("Cost and return", table(head, body, numeric=(1, 2, 3, 4, 5)), note)
    lede = paragraph("A conversion cost ", enumerated(said), " in advertising.") if said else None
    return join((lede, details("What channels cost and bring", picture)))


def _campaigns(evidence: Evidence) -> Html | None:
    """The campaigns that brought most, or cost most; nothing where touches carry none."""
    if not evidence.has("attribution_campaign"):
        return None
    rows = (
        evidence.frame("attribution_campaign")
        .with_columns(paid=pl.col("cost").fill_null(0))
        .sort("linear_conversions", "paid", "campaign", descending=[True, True, False])
    )
    body = [
        (
            tag("b", shortened(row["campaign"], 40)),
            plain(row["channel"].strip("()")),
            count(row["n_paths"]),
            number(row["linear_conversions"], 1),
            count(row["last_conversions"]),
            money(row["conversion_value"], evidence.currency),
            money(row["cost"], evidence.currency),
            money(row["cost_per_conversion"], evidence.currency),
        )
        for row in rows.head(_CAMPAIGNS).iter_rows(named=True)
    ]
    head = (
        "Campaign",
        "Channel",
        "Paths",
        "Conversions",
        "As last touch",
        "Value",
        "Cost",
        "Cost of one",
    )
    note = (
        "Conversions credited alike to all touches of a path, and as the last touch; a dot: no "
        "spending is known under exactly this id or name."
    )
    picture = figure("Campaigns", table(head, body, numeric=range(2, 8)), note)
    return details(f"Campaigns ({min(len(rows), _CAMPAIGNS)} of {len(rows)})", picture)
