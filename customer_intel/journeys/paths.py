"""The most frequent ways up to a conversion, with loops told once, and the first steps of all journeys.

Belongs here: what is told of a path, and how many take it. Not here: a journey's own steps
(journey.sql).
"""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from customer_intel.core.statistics import wilson

BETWEEN, LOOP, TIMES, MORE, DIRECT = " > ", " ⇄ ", " ×2+", "…", "(start)"
WON, GONE = "(conversion)", "(no conversion)"
# How many first steps journey_flow tells one by one.
FLOW_STEPS = 4


def journey_paths(
    journey: pl.LazyFrame, as_of: date, config: dict[str, Any], schema: pl.Schema
) -> pl.DataFrame:
    """One row per told path, the `max_paths` most frequent: journeys that converted and journeys that
    did not share one, and conversion_rate (with Wilson's interval) says how many of them did.

    Only journeys whose end is known: none may convert yet. Which variants are told at the end of the
    list is chance where many are as frequent: what is said of all journeys is of journey_flow.
    (start) are journeys that began with the conversion; their rate is empty, it could be nothing but
    1. conversion_value is what first conversions brought, in the reporting currency, empty where of
    none an amount is known. coverage is the
    share of journeys that this and all more frequent paths explain.
    """
    begun = _ended(journey, as_of, config).select(
        "customer_id", "path", "converted_at", "conversion_value"
    )
    variants = begun.select(pl.col("path").unique()).collect()["path"].sort().to_list()
    told = [told_as(variant, int(config["max_steps"])) for variant in variants]
    names = pl.LazyFrame(
        {"path": variants, "told": [t for t, _ in told], "n_steps": [n for _, n in told]},
        schema={"path": pl.String, "told": pl.String, "n_steps": pl.Int64},
    )
    n = pl.col("n")
    counted = (
        begun.join(names, on="path")
        .group_by("told")
        .agg(
            n_steps=pl.col("n_steps").max(),
            n=pl.len().cast(pl.Int64),
            customers=pl.col("customer_id").n_unique().cast(pl.Int64),
            n_converted=pl.col("converted_at").count().cast(pl.Int64),
            conversion_value=pl.col("conversion_value").sum(),
            valued=pl.col("conversion_value").count(),
        )
        .sort("n", "told", descending=[True, False])
        .with_columns(
            path_rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int64),
            share=(n / n.sum()),
            coverage=(n.cum_sum() / n.sum()),
            # No amount is known of any conversion here: that is no 0.
            conversion_value=pl.when((pl.col("n_converted") == 0) | (pl.col("valued") > 0)).then(
                pl.col("conversion_value")
            ),
            conversion_rate=pl.when(pl.col("told") != DIRECT).then(pl.col("n_converted") / n),
        )
        .head(int(config["max_paths"]))
        .rename({"told": "path"})
        .collect()
    )
    bounds = [
        (None, None) if way == DIRECT else wilson(won, of)
        for way, won, of in counted.select("path", "n_converted", "n").iter_rows()
    ]
    low, high = ([pair[side] for pair in bounds] for side in (0, 1))
    counted = counted.with_columns(
        conversion_low=pl.Series(low, dtype=pl.Float64),
        conversion_high=pl.Series(high, dtype=pl.Float64),
    ).with_columns(pl.col(pl.Float64).round(9))
    return counted.select(schema.names()).cast(dict(schema))  # type: ignore[arg-type]


def _ended(journey: pl.LazyFrame, as_of: date, config: dict[str, Any]) -> pl.LazyFrame:
    """Journeys of which as_of knows that they ended: the pause behind them is longer than the gap."""
    over = pl.col("ended_at") + pl.duration(days=int(config["journey_gap_days"]))
    return journey.filter(over < pl.lit(as_of).cast(pl.Datetime("us")))


def journey_flow(
    journey: pl.LazyFrame, as_of: date, config: dict[str, Any], schema: pl.Schema
) -> pl.DataFrame:
    """One row per pair that followed each other at the same place among the first FLOW_STEPS steps of
    all journeys whose end is known, up to their first conversion; repeats in a row are one step.

    step_no 1 leads from (start), so its rows are all journeys, by how they began. Each journey has
    one row, behind the last step told, to (conversion) or (no conversion). n counts journeys,
    n_converted those of them that converted, at whatever step.
    """
    parts = pl.col("path").str.split(BETWEEN)
    is_direct = pl.col("path") == DIRECT
    ways = (
        _ended(journey, as_of, config)
        .group_by("path")
        .agg(n=pl.len().cast(pl.Int64), won=pl.col("converted_at").count().cast(pl.Int64))
        .with_columns(steps=pl.when(~is_direct).then(parts.list.head(FLOW_STEPS)).otherwise([]))
        .collect()
    )
    places = []
    for at in range(FLOW_STEPS + 1):
        before = pl.col("steps").list.get(at - 1, null_on_oob=True) if at else pl.lit(DIRECT)
        reached = ways.with_columns(
            step_no=pl.lit(at + 1, pl.Int64),
            from_step=before,
            to_step=pl.col("steps").list.get(at, null_on_oob=True),
        ).filter(pl.col("from_step").is_not_null())
        over = pl.col("to_step").is_null()
        places += [
            reached.filter(~over),
            reached.filter(over).with_columns(n="won", to_step=pl.lit(WON)),
            reached.filter(over).with_columns(
                n=pl.col("n") - pl.col("won"), won=pl.lit(0, pl.Int64), to_step=pl.lit(GONE)
            ),
        ]
    key = ["step_no", "from_step", "to_step"]
    counted = (
        pl.concat(places)
        .filter(pl.col("n") > 0)
        .group_by(key)
        .agg(pl.col("n").sum(), n_converted=pl.col("won").sum())
        .sort(key)
    )
    return counted.select(schema.names()).cast(dict(schema))  # type: ignore[arg-type]


def told_as(path: str, most: int) -> tuple[str, int]:
    """The path as it is told, and how many steps that are: loops once, at most `most` steps.

    >>> told_as("a > b > a > b > a > b > c", 6)
    ('a ⇄ b ×2+ > c', 2)
    """
    if path == DIRECT:
        return path, 0
    steps = path.split(BETWEEN)
    is_cut = steps[-1] == MORE
    units = without_loops(steps[: len(steps) - is_cut])
    told = units[:most]
    if is_cut or len(units) > most:
        told.append(MORE)
    return BETWEEN.join(told), min(len(units), most)


def without_loops(steps: list[str]) -> list[str]:
    """The steps, of which a run that comes twice or more right after itself is told once: from the
    left, the shortest run first. How many times is not told, so that a way does not fall apart into
    one for each number of turns.
    """
    told, at, n = [], 0, len(steps)
    if n - len(set(steps)) < 2:
        return list(steps)
    while at < n:
        for size in range(2, (n - at) // 2 + 1):
            run, behind = steps[at : at + size], at + size
            while steps[behind : behind + size] == run:
                behind += size
            if behind > at + size:
                told.append(LOOP.join(run) + TIMES)
                at = behind
                break
        else:
            told.append(steps[at])
            at += 1
    return told


def touchpoints_of(unit: str) -> list[str]:
    """The touchpoints of one told step: one, or those of a loop."""
    return unit.removesuffix(TIMES).split(LOOP)
