"""Funnels in figures: how many came how far, of all and of each group, with intervals and times.

Belongs here: counting people of funnel_customer. Not here: who they are (funnel_people.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import polars as pl

from customer_intel.behaviour.funnel_people import MICROSECONDS_A_DAY
from customer_intel.behaviour.maturity import Numbers, Rate, mature_rate, nested
from customer_intel.behaviour.model import Definitions, Funnel
from customer_intel.core.statistics import wilson

ALL, OTHER, UNKNOWN = "all", "(other)", "(unknown)"
# So many members of a breakdown are told by themselves, the largest.
MEMBERS = 20
_OF_PEOPLE = ("channel", "device_type", "source_system", "segment", "first_source", "plan_name")
_QUANTILES = {"seconds_p10": 0.1, "seconds_p50": 0.5, "seconds_p90": 0.9}


def funnel_step(
    funnel_customer: pl.LazyFrame,
    funnel_customer_step: pl.LazyFrame,
    behaviour_definition: pl.LazyFrame,
    behaviour_customer: pl.LazyFrame,
    as_of: date,
    config: dict[str, Any],
    schema: pl.Schema,
) -> pl.DataFrame:
    """One row per funnel, breakdown, member and step, by its key."""
    rows: list[dict[str, Any]] = []
    for funnel in Definitions.of(behaviour_definition).funnels.values():
        people = _people(funnel, funnel_customer, behaviour_customer)
        steps = funnel_customer_step.filter(pl.col("funnel") == funnel.name).select(
            "actor_id", "step", "reached_at", "seconds_since_previous"
        )
        counted = _Counted(funnel, people, steps.collect(), as_of, int(config["funnel_days"]))
        rows += counted.rows(ALL, pl.repeat(ALL, people.height, dtype=pl.String, eager=True))
        for name in funnel.breakdowns:
            rows += counted.rows(name, _members(people[name], int(config["members_min"])))
    return pl.DataFrame(rows, schema=schema).sort("funnel", "breakdown", "member", "step")


def _people(funnel: Funnel, everybody: pl.LazyFrame, customers: pl.LazyFrame) -> pl.DataFrame:
    """Who entered the funnel, with its breakdowns, by actor."""
    people = everybody.filter(pl.col("funnel") == funnel.name)
    more = [name for name in funnel.breakdowns if name not in _OF_PEOPLE]
    if more:
        people = people.join(customers.select("customer_id", *more), on="customer_id", how="left")
    wanted = ("actor_id", "entered_at", "steps_reached", *funnel.breakdowns)
    return people.select(wanted).sort("actor_id").collect()


def _members(values: pl.Series, least: int) -> pl.Series:
    """Each person's member: those with few people, and all beyond the largest, are one."""
    named = values.cast(pl.String).fill_null(UNKNOWN).alias("member")
    sizes = named.value_counts().sort("count", "member", descending=(True, False))
    large = sizes.filter(pl.col("count") >= least).head(MEMBERS)["member"].to_list()
    return pl.select(pl.when(named.is_in(large)).then(named).otherwise(pl.lit(OTHER))).to_series()


class _Counted:
    """People of one funnel, counted by any grouping of them."""

    def __init__(
        self, funnel: Funnel, people: pl.DataFrame, steps: pl.DataFrame, as_of: date, days: int
    ) -> None:
        self.funnel, self.days = funnel, days
        self.reached = people["steps_reached"].to_numpy()
        entered = people["entered_at"].dt.epoch("us").to_numpy().astype(np.float64)
        now = datetime(as_of.year, as_of.month, as_of.day, tzinfo=UTC).timestamp() * 1e6
        self.age = now - entered
        numbered = steps.join(people.select("actor_id").with_row_index("who"), on="actor_id")
        # By step: time from entering, and seconds from the step before; not a number for who did not come so far.
        self.took = [np.full(people.height, np.nan) for _ in funnel.steps]
        self.seconds = [np.full(people.height, np.nan) for _ in funnel.steps]
        for step in range(len(funnel.steps)):
            part = numbered.filter(pl.col("step") == step + 1)
            who = part["who"].to_numpy()
            self.took[step][who] = part["reached_at"].dt.epoch("us").to_numpy() - entered[who]
            self.seconds[step][who] = part["seconds_since_previous"].to_numpy()

    def rows(self, breakdown: str, member: pl.Series) -> Iterator[dict[str, Any]]:
        """The rows of one breakdown; `member`: each person's."""
        names = sorted(member.unique().to_list()) or [ALL]
        for name in names:
            if breakdown != ALL and not member.len():
                return
            inside = np.flatnonzero((member == name).to_numpy())
            for step, rate in enumerate(self._rates(inside)):
                yield {
                    "funnel": self.funnel.name,
                    "breakdown": breakdown,
                    "member": name,
                    "step": step + 1,
                    "step_name": self.funnel.step_name(step),
                    **self._figures(inside, step, rate),
                    "period_days": self.days,
                }

    def _figures(self, inside: np.ndarray, step: int, rate: Rate | None) -> dict[str, Any]:
        reached = self.reached[inside]
        n, before = (int(np.count_nonzero(reached > at)) for at in (step, step - 1))
        seconds = self.seconds[step][inside]
        seconds = seconds[~np.isnan(seconds)]
        times = {
            name: float(np.quantile(seconds, q)) if len(seconds) else None
            for name, q in _QUANTILES.items()
        }
        return {
            "n": n,
            "n_entered": len(inside),
            **_share("share_of_start", n, len(inside)),
            **_share("share_of_previous", n, before if step else 0),
            "n_mature": rate.n_mature if rate else None,
            "rate_mature": rate.value if rate else None,
            "rate_mature_low": rate.low if rate else None,
            "rate_mature_high": rate.high if rate else None,
            **times,
        }

    def _rates(self, inside: np.ndarray) -> Sequence[Rate | None]:
        """By step: who reaches it within the window of the first start. None without a window: nobody's is over."""
        if self.funnel.window_days is None:
            return [None] * len(self.funnel.steps)
        age: Numbers = self.age[inside]
        window = self.funnel.window_days * MICROSECONDS_A_DAY
        return nested(mature_rate(age, took[inside], window) for took in self.took)


def _share(name: str, n: int, of: int) -> dict[str, float | None]:
    """A share with its interval; empty where there is nobody."""
    low, high = wilson(n, of) if of else (None, None)
    return {name: n / of if of else None, f"{name}_low": low, f"{name}_high": high}
