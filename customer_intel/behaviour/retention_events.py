"""When customers did a thing, by its name: one row per customer and day.

Belongs here: rows of the roll-ups, and of activity where a condition asks for more, that a name stands
for. Not here: what the name means (definitions.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import polars as pl

from customer_intel.behaviour import conditions
from customer_intel.behaviour.definitions import Behaviour, Definitions
from customer_intel.behaviour.model import ROLES, act_of
from customer_intel.behaviour.retention_settings import ANY
from customer_intel.behaviour.tellings import once


@dataclass(frozen=True)
class Events:
    """Own acts of customers before `as_of`, as the daily roll-ups tell them."""

    act_daily: pl.LazyFrame
    customer_day: pl.LazyFrame
    activity: pl.LazyFrame
    behaviour_customer: pl.LazyFrame
    definitions: Definitions
    as_of: date

    @cached_property
    def first_day(self) -> date | None:
        """The first day with an own act; None when there is none."""
        found: date | None = self.of(ANY).select(pl.col("day").min()).collect().item()
        return found

    def of(self, name: str) -> pl.LazyFrame:
        """customer_id, day, n, first_at, last_at: any own act, a behaviour by its name, or an act."""
        if name != ANY:
            return self.of_behaviour(self.named(name))
        there = self.customer_day.filter((pl.col("day") < self.as_of) & pl.col("is_active"))
        return there.select(
            "customer_id", "day", n="n_own", first_at="first_own_at", last_at="last_own_at"
        )

    def of_behaviour(self, item: Behaviour) -> pl.LazyFrame:
        """As `of`. A behaviour without a condition costs no look at activity."""
        if item.condition:
            return self._meeting(item, item.condition)
        done = self.act_daily.filter((pl.col("day") < self.as_of) & item.done())
        return once(done.select("customer_id", "day", "act", "n", "first_at", "last_at"), item)

    def named(self, name: str) -> Behaviour:
        """What the name means; one that means nothing else is an act."""
        said = self.definitions
        if name in ROLES:
            role = said.core if name == ROLES[0] else said.conversion
            return role or Behaviour(name, ())
        return said.behaviours.get(name) or said.features.get(name) or Behaviour(name, (name,))

    def _meeting(self, item: Behaviour, condition: str) -> pl.LazyFrame:
        """Acts that meet the condition too."""
        _, of_customer = conditions.columns_of(condition)
        rows = self.activity.filter(
            (pl.col("day") < self.as_of)
            & pl.col("is_own_act")
            & pl.col("customer_id").is_not_null()
        ).with_columns(act=act_of())
        rows = rows.filter(item.done())
        if of_customer:
            own = conditions.of_customers(self.behaviour_customer, of_customer)
            rows = rows.join(own, on="customer_id", how="left")
        met = rows.filter(conditions.expression(condition))
        by_act = met.group_by("customer_id", "day", "act").agg(
            n=pl.len().cast(pl.Int64), first_at=pl.col("ts").min(), last_at=pl.col("ts").max()
        )
        return once(by_act, item)
