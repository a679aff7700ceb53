"""Who went through which funnel how far, and when.

Belongs here: choosing events of the period, their steps and conditions, and each actor's times. Not here: the
rules of a funnel (funnel_engine.py), shares of people (funnel_figures.py).
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from customer_intel.behaviour import conditions
from customer_intel.behaviour.funnel_engine import NONE, Reached, Walk, reached
from customer_intel.behaviour.model import Definitions, Funnel, is_any

MICROSECONDS_A_DAY = 86_400_000_000
# Told of the event with which someone entered.
AT_ENTRY = ("channel", "device_type", "source_system")


def funnel_customer_step(
    activity: pl.LazyFrame,
    touchpoint_day: pl.LazyFrame,
    behaviour_definition: pl.LazyFrame,
    behaviour_customer: pl.LazyFrame,
    as_of: date,
    config: dict[str, Any],
    schema: pl.Schema,
) -> pl.DataFrame:
    """One row per funnel, actor and step that was reached, by its key."""
    days = int(config["funnel_days"])
    period = pl.col("day") < as_of
    if days:
        period &= pl.col("day") >= as_of - timedelta(days=days)
    acts = activity.filter(period)
    places = _places(touchpoint_day.filter(period))
    compat = bool(config["posthog_compat"])
    made = [
        _of_funnel(funnel, _events(funnel, acts, places, behaviour_customer), compat)
        for funnel in Definitions.of(behaviour_definition).funnels.values()
    ]
    rows = pl.concat(made) if made else pl.DataFrame([], schema=schema)
    return rows.select(pl.col(name).cast(kind) for name, kind in schema.items())


def _places(touchpoint_day: pl.LazyFrame) -> pl.DataFrame:
    """touchpoint_id, act: few rows, so that names are read once each."""
    named = touchpoint_day.select("touchpoint_id").unique().sort("touchpoint_id").collect()
    return named.with_columns(act=pl.col("touchpoint_id").str.replace("^[^:]*:", ""))


def _events(
    funnel: Funnel, acts: pl.LazyFrame, places: pl.DataFrame, customers: pl.LazyFrame
) -> pl.DataFrame:
    """actor_id, customer_id, ts, mask, excluded and AT_ENTRY of the funnel's events, by actor, time and step.
    Of a strict funnel, everything that actors do themselves.
    """
    is_strict = funnel.order == "strict"
    mask = pl.sum_horizontal(
        step.done().cast(pl.Int64) * (1 << at) for at, step in enumerate(funnel.steps)
    )
    meant = places.with_columns(
        mask=mask, excluded=is_any(funnel.exclude) if funnel.exclude else pl.lit(value=False)
    )
    if not is_strict:
        meant = meant.filter((pl.col("mask") > 0) | pl.col("excluded"))
    of_act, of_customer = conditions.needed(step.condition for step in funnel.steps)
    columns = {
        "touchpoint_id",
        "ts",
        "customer_id",
        "anonymous_id",
        "is_own_act",
        *AT_ENTRY,
        *(of_act - {"act"}),
    }
    rows = (
        acts.select(sorted(columns))
        .filter(pl.col("touchpoint_id").is_in(meant["touchpoint_id"].to_list()))
        .with_columns(actor_id=pl.coalesce("customer_id", "anonymous_id"))
        .filter(pl.col("actor_id").is_not_null())
        .join(meant.lazy(), on="touchpoint_id")
    )
    if of_customer:
        theirs = customers.select(
            "customer_id",
            *(pl.col(name).alias(f"{conditions.PREFIX}{name}") for name in sorted(of_customer)),
        )
        rows = rows.join(theirs, on="customer_id", how="left")
    for at, step in enumerate(funnel.steps):
        if step.condition:
            holds = conditions.expression(step.condition)
            is_step = pl.col("mask") & (1 << at) > 0
            rows = rows.with_columns(
                mask=pl.when(is_step & ~holds)
                .then(pl.col("mask") - (1 << at))
                .otherwise(pl.col("mask"))
            )
    counts = (pl.col("mask") > 0) | pl.col("excluded")
    rows = rows.filter(counts | pl.col("is_own_act") if is_strict else counts)
    # The lowest step of an event; what is no step comes behind.
    lowest = pl.when(pl.col("mask") > 0).then(pl.col("mask") & -pl.col("mask")).otherwise(1 << 20)
    wanted = ("actor_id", "customer_id", "ts", "mask", "excluded", *AT_ENTRY)
    return (
        rows.select(*wanted, lowest=lowest)
        .sort("actor_id", "ts", "lowest", "mask", "excluded", *AT_ENTRY)
        .drop("lowest")
        .collect()
    )


def _of_funnel(funnel: Funnel, events: pl.DataFrame, compat: bool) -> pl.DataFrame:
    """The funnel's rows."""
    window = round(funnel.window_days * MICROSECONDS_A_DAY) if funnel.window_days else None
    begins = pl.col("actor_id").ne_missing(pl.col("actor_id").shift()).fill_null(value=True)
    actor = events.select(begins.cum_sum().cast(pl.Int64) - 1).to_series().to_numpy()
    walk = Walk(
        actor,
        events["ts"].dt.epoch("us").to_numpy(),
        events["mask"].to_numpy(),
        events["excluded"].to_numpy(),
    )
    found = reached(walk, len(funnel.steps), funnel.order, window, posthog_compat=compat)
    return pl.concat(
        [_of_step(funnel, events, found, step) for step in range(len(funnel.steps))]
    ).sort("actor_id", "step")


def _of_step(funnel: Funnel, events: pl.DataFrame, found: Reached, step: int) -> pl.DataFrame:
    """A row of each actor who reached the step, from 0."""
    who = np.flatnonzero(found.first[step] != NONE)
    ts = events["ts"]

    def at(numbers: np.ndarray) -> pl.Series:
        return ts.gather(numbers[who])

    entry: pl.DataFrame = events.select("actor_id", "customer_id", *AT_ENTRY)[found.first[0][who]]
    now = at(found.attempt[step])
    before = at(found.attempt[step - 1]) if step else None
    return entry.select(
        pl.lit(funnel.name).alias("funnel"),
        "actor_id",
        "customer_id",
        pl.lit(step + 1).alias("step"),
        pl.lit(funnel.steps[step].caption).alias("step_name"),
        at(found.first[step]).alias("reached_at"),
        now.alias("attempt_at"),
        (_seconds(now, before) if before is not None else pl.lit(None, pl.Float64)).alias(
            "seconds_since_previous"
        ),
        at(found.last_start).alias("last_start_at"),
        *AT_ENTRY,
    )


def _seconds(now: pl.Series, before: pl.Series) -> pl.Series:
    return (now.dt.epoch("us") - before.dt.epoch("us")) / 1e6
