"""The table of attribution: models side by side by channel, and what advertising cost set against it.

Belongs here: touch paths as numbers, whose spending is whose channel, rows. Not here: the models
(attribution.py), which touches make a path (attribution_path.sql).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from customer_intel.journeys.attribution import MODELS, Credit, Paths, best_order, credits
from customer_intel.journeys.settings import validate

NO_TOUCH, UNMATCHED, OTHERS = "(none)", "(unmatched)", "(other)"
# A source that writes a campaign where its channel should be must not make a chain of thousands.
MOST_CHANNELS = 40
DRAWS, SEED = 200, 15
_PATH = ["customer_id", "path_no"]


def attribution(
    attribution_path: pl.DataFrame,
    ad_spend_fact: pl.DataFrame,
    as_of: Any,
    config: dict[str, Any],
    schema: pl.Schema,
) -> pl.DataFrame:
    """One row per model and channel; the conversions that no touch came before stand at (none),
    what was spent on no known channel at (unmatched).

    Money in the reporting currency. Sums over the channels of a model are all conversions, and all
    their value to the cent.
    """
    validate(config)
    spent = ad_spend_fact.filter(
        pl.col("spend_day").is_between(
            as_of - pl.duration(days=config["attribution_days"]), as_of, closed="left"
        )
    )
    if attribution_path.is_empty() and spent.is_empty():
        return pl.DataFrame(schema=schema)
    touched = _with_few_channels(attribution_path.filter(pl.col("channel") != NO_TOUCH))
    alone = attribution_path.filter(pl.col("channel") == NO_TOUCH)
    channels = sorted(touched["channel"].unique())
    paths, held_out = paths_of(touched, channels)
    order = best_order(paths, held_out) if channels else None
    found = (
        credits(
            paths,
            order=order,
            half_life=float(config["half_life_days"]),
            draws=DRAWS,
            seed=SEED,
        )
        if order
        else {}
    )
    cost = costs(spent, touched)
    valued = _valued(touched, alone)
    passed = dict(_passed(touched).rows_by_key("channel", unique=True))
    rows: list[dict[str, Any]] = []
    for model in MODELS:
        credit = found.get(model)
        own = _rows(model, credit, channels, passed, paths) if credit else []
        if len(alone):
            worth = float(alone["conversion_value"].cast(pl.Float64).sum())
            own.append(
                _row(model, NO_TOUCH, len(alone), round(worth * 100), len(alone), len(alone))
            )
        if UNMATCHED in cost:
            own.append(_row(model, UNMATCHED, 0.0, 0, 0, 0))
        for row in own:
            row["markov_order"] = order if model == "markov" else None
            if row["n_converted"] and not row["conversion_value"] and row["channel"] not in valued:
                row["conversion_value"] = None
            row |= _returns(row, cost)
        rows += own
    return pl.DataFrame(rows, schema=schema).sort("model", "channel")


def _with_few_channels(touched: pl.DataFrame) -> pl.DataFrame:
    """In the order of paths; channels behind the MOST_CHANNELS most frequent are one, (other)."""
    sizes = touched.group_by("channel").len().sort("len", "channel", descending=[True, False])
    rare = sizes["channel"][MOST_CHANNELS:]
    named = pl.when(pl.col("channel").is_in(rare.implode())).then(pl.lit(OTHERS))
    return touched.with_columns(channel=named.otherwise("channel")).sort(*_PATH, "touch_no")


def paths_of(touched: pl.DataFrame, channels: list[str]) -> tuple[Paths, Any]:
    """Touches, in the order of customer, path and position, as numbers; and which customers are held
    out.
    """
    begins = (pl.col("touch_no") == 1).cast(pl.Int64)
    numbered = touched.with_columns(
        path=begins.cum_sum() - 1,
        unit=pl.col("customer_id").rank("dense").cast(pl.Int64) - 1,
        number=pl.col("channel").replace_strict(
            channels, list(range(len(channels))), return_dtype=pl.Int64
        )
        if channels
        else pl.lit(0, pl.Int64),
    )
    heads = numbered.filter(pl.col("touch_no") == 1)
    customers = heads.unique("unit", keep="first", maintain_order=True).sort("unit")
    paths = Paths(
        tuple(channels),
        numbered["path"].to_numpy(),
        numbered["number"].to_numpy(),
        numbered["days_before"].fill_null(0.0).to_numpy(),
        heads["unit"].to_numpy(),
        heads["converted_at"].is_not_null().to_numpy(),
        heads["conversion_value"].cast(pl.Float64).fill_null(0.0).to_numpy(),
    )
    return paths, customers["is_held_out"].to_numpy()


def costs(spent: pl.DataFrame, touched: pl.DataFrame) -> dict[str, float | None]:
    """Cost by channel of the paths; None where a part of it has no rate.

    Spending is a channel's when its channel is called so, or its campaign (id or name) is one that
    touches of this channel alone came by; capitals and blanks around apart, names must be equal.
    What fits none stands at (unmatched).
    """
    if spent.is_empty():
        return {}

    def folded(column: str) -> pl.Expr:
        return pl.col(column).str.strip_chars().str.to_lowercase()

    names = {name.strip().lower(): name for name in touched["channel"].unique().sort()}
    campaigns = dict(
        touched.filter(pl.col("campaign").is_not_null())
        .group_by(campaign=folded("campaign"))
        .agg(pl.col("channel").unique())
        .filter(pl.col("channel").list.len() == 1)
        .select("campaign", pl.col("channel").list.first())
        .iter_rows()
    )

    def by(names: dict[str, str], column: str) -> pl.Expr:
        return folded(column).replace_strict(
            list(names), list(names.values()), default=None, return_dtype=pl.String
        )

    sums = (
        spent.with_columns(
            whose=pl.coalesce(
                by(names, "channel"),
                by(campaigns, "campaign_id"),
                by(campaigns, "campaign_name"),
                pl.lit(UNMATCHED),
            )
        )
        .filter(pl.col("cost").is_not_null())
        .group_by("whose")
        .agg(cost=pl.col("cost_reporting").sum(), lost=pl.col("cost_reporting").null_count())
        .sort("whose")
    )
    return {whose: None if lost else float(cost) for whose, cost, lost in sums.iter_rows()}


def _valued(touched: pl.DataFrame, alone: pl.DataFrame) -> set[str]:
    """Channels of which some conversion's amount is known: of the others nothing is, not 0."""
    both = pl.concat([frame.select("channel", "conversion_value") for frame in (touched, alone)])
    return set(both.filter(pl.col("conversion_value").is_not_null())["channel"])


def _passed(touched: pl.DataFrame) -> pl.DataFrame:
    """By channel: paths that touch it, and how many of them converted."""
    return (
        touched.group_by("channel", *_PATH)
        .agg(won=pl.col("converted_at").is_not_null().first())
        .group_by("channel")
        .agg(n=pl.len(), won=pl.col("won").sum())
    )


def _rows(
    model: str,
    credit: Credit,
    channels: list[str],
    passed: dict[str, tuple[int, int]],
    paths: Paths,
) -> list[dict[str, Any]]:
    total = round(float(paths.value[paths.converted].sum()) * 100)
    cents = in_cents(credit.value * 100, total)
    return [
        _row(
            model, channel, float(credit.conversions[at]), int(cents[at]), *passed[channel]
        )
        | {
            "share": round(float(credit.share[at]), 9),
            "share_low": round(float(credit.low[at]), 9),
            "share_high": round(float(credit.high[at]), 9),
        }
        for at, channel in enumerate(channels)
    ]  # fmt: skip


def in_cents(parts: Any, total: int) -> Any:
    """The parts as whole numbers that sum to `total`, each at most one off (largest remainders)."""
    exact = np.round(np.asarray(parts, float), 6)
    whole = np.floor(exact).astype(np.int64)
    missing = int(total - whole.sum())
    order = np.lexsort((np.arange(len(exact)), whole - exact))
    if 0 < missing <= len(exact):
        whole[order[:missing]] += 1
    return whole


def _row(
    model: str, channel: str, conversions: float, cents: int, n_paths: int, n_converted: int
) -> dict[str, Any]:
    return {
        "model": model,
        "channel": channel,
        "n_paths": n_paths,
        "n_converted": n_converted,
        "conversions": round(float(conversions), 9),
        "conversion_value": cents / 100,
    }


def _returns(row: dict[str, Any], cost: dict[str, float | None]) -> dict[str, Any]:
    paid = cost.get(row["channel"])
    if paid is None:
        return {"cost": None, "cost_per_conversion": None, "return_on_spend": None}
    won, value = row["conversions"], row["conversion_value"]
    return {
        "cost": paid,
        "cost_per_conversion": round(paid / won, 2) if won > 0 else None,
        "return_on_spend": round(value / paid, 6) if paid > 0 and value is not None else None,
    }
