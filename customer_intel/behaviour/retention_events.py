"""When customers did a thing: by its name, per customer and day.

Belongs here: rows of the roll-ups that a name stands for. Not here: what the name means
(behaviour_definition).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from customer_intel.behaviour.retention_settings import ANY


@dataclass(frozen=True)
class Events:
    """Own acts before `as_of`, as the daily roll-ups tell them."""

    act_daily: pl.LazyFrame
    customer_day: pl.LazyFrame
    behaviour_definition: pl.DataFrame
    as_of: date

    def first_day(self) -> date | None:
        """The first day with an own act; None when there is none."""
        found: date | None = self.of(ANY).select(pl.col("day").min()).collect().item()
        return found

    def of(self, name: str) -> pl.LazyFrame:
        """customer_id, day, first_at, last_at: any own act, a behaviour by its name, or an act."""
        before = pl.col("day") < self.as_of
        if name == ANY:
            return self.customer_day.filter(before & pl.col("is_active")).select(
                "customer_id", "day", first_at="first_own_at", last_at="last_own_at"
            )
        return (
            self.act_daily.filter(before & pl.col("act").is_in(self.acts(name)))
            .group_by("customer_id", "day")
            .agg(pl.col("first_at").min(), pl.col("last_at").max())
        )

    def acts(self, name: str) -> list[str]:
        """The acts that count as it; a name that no behaviour has is an act."""
        named = self.behaviour_definition.filter(
            (pl.col("name") == name) & (pl.col("kind") != "funnel")
        )
        told = "|".join(named["acts"].to_list()) if len(named) else name
        return sorted({act for act in told.split("|") if act})
