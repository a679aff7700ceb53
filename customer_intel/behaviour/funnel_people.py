"""Who went through which funnel how far, and when.

Belongs here: choosing events of the period, their steps and conditions, and each actor's times. Not here: the
rules of a funnel (funnel_engine.py), shares of people (funnel_figures.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from customer_intel.behaviour import conditions
from customer_intel.behaviour.funnel_engine import NONE, Index, Reached, Walk, reached
from customer_intel.behaviour.model import Definitions, Funnel, act_of, is_any

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
    return named.with_columns(act=act_of())


def _events(
    funnel: Funnel, acts: pl.LazyFrame, places: pl.DataFrame, customers: pl.LazyFrame
) -> _Events:
    """The funnel's events; of a strict funnel, everything that actors do themselves."""
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
        theirs = conditions.of_customers(customers, of_customer)
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
    wanted = ("actor_id", "customer_id", "ts", "mask", "excluded", *AT_ENTRY)
    return _in_order(rows.select(wanted).collect())


@dataclass(frozen=True)
class _Events:
    """`rows`: actor, at (µs), mask, excluded, entry, by actor, time and step; `actors` and `entries` are what those
    numbers mean.
    """

    rows: pl.DataFrame
    actors: pl.DataFrame
    entries: pl.DataFrame


def _in_order(found: pl.DataFrame) -> _Events:
    """Numbers stand for texts, in the order of these: sorting numbers costs a fraction."""
    actors = (
        found.select("actor_id", "customer_id")
        .unique("actor_id")
        .sort("actor_id")
        .with_row_index("actor")
    )
    entries = found.select(AT_ENTRY).unique().sort(AT_ENTRY).with_row_index("entry")
    # The lowest step of an event; what is no step comes behind.
    lowest = pl.when(pl.col("mask") > 0).then(pl.col("mask") & -pl.col("mask")).otherwise(1 << 20)
    rows = (
        found.lazy()
        .join(actors.lazy().select("actor_id", "actor"), on="actor_id")
        .join(entries.lazy(), on=AT_ENTRY, nulls_equal=True)
        .select(
            pl.col("actor", "entry").cast(pl.Int64),
            "mask",
            "excluded",
            at=pl.col("ts").dt.epoch("us"),
            lowest=lowest,
        )
        .sort("actor", "at", "lowest", "mask", "excluded", "entry")
        .collect()
    )
    return _Events(rows, actors, entries)


def _of_funnel(funnel: Funnel, events: _Events, compat: bool) -> pl.DataFrame:
    """The funnel's rows, by actor and step."""
    window = round(funnel.window_days * MICROSECONDS_A_DAY) if funnel.window_days else None
    walk = Walk(*(events.rows[name].to_numpy() for name in ("actor", "at", "mask", "excluded")))
    found = reached(walk, len(funnel.steps), funnel.order, window, posthog_compat=compat)
    parts = [_of_step(funnel, events, found, step) for step in range(len(funnel.steps))]
    return pl.concat(parts).sort("actor_id", "step")


def _of_step(funnel: Funnel, events: _Events, found: Reached, step: int) -> pl.DataFrame:
    """A row of each actor who reached the step, from 0."""
    who = np.flatnonzero(found.first[step] != NONE)
    when = events.rows["at"].to_numpy()

    def at(numbers: Index) -> Index:
        return np.asarray(when[numbers[who]])

    now = at(found.attempt[step])
    entry = events.entries[events.rows["entry"].gather(found.first[0][who])]
    times = {
        "reached_at": at(found.first[step]),
        "attempt_at": now,
        "last_start_at": at(found.last_start),
    }
    seconds = (now - at(found.attempt[step - 1])) / 1e6 if step else None
    return pl.DataFrame(
        {
            **events.actors[who].select("actor_id", "customer_id").to_dict(),
            **{name: pl.Series(values).cast(pl.Datetime("us")) for name, values in times.items()},
            **entry.select(AT_ENTRY).to_dict(),
        }
    ).with_columns(
        pl.lit(funnel.name).alias("funnel"),
        pl.lit(step + 1).alias("step"),
        pl.lit(funnel.step_name(step)).alias("step_name"),
        pl.lit(None, pl.Float64).alias("seconds_since_previous")
        if seconds is None
        else pl.Series("seconds_since_previous", seconds),
    )
