"""The days that features are judged by: before, exposure and outcome around a landmark; and who was what before it.

Belongs here: windows, and the rows of customers in them. Not here: statistics (feature_driver_statistics.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from customer_intel.behaviour.feature_driver_statistics import Codes, Measured, Numbers
from customer_intel.behaviour.retention_events import Events
from customer_intel.behaviour.retention_settings import ANY
from customer_intel.core.contract.yaml_lines import Faults
from customer_intel.core.tables.parameters import place_of

# Kinds of customers before the landmark that are told apart, the largest; the rest is one.
BLOCKS = 6
# Odd and even days need some of each.
SHORTEST = 4


@dataclass(frozen=True)
class Windows:
    """`days` each: before, exposure, then the landmark and the outcome, over when as_of begins."""

    landmark: date
    days: int

    @property
    def outcome_end(self) -> date:
        """The first day behind the outcome."""
        return self.landmark + timedelta(days=self.days)

    @property
    def exposure(self) -> date:
        """First day of the exposure window."""
        return self.landmark - timedelta(days=self.days)

    @property
    def before(self) -> date:
        """First day of the days before it."""
        return self.landmark - timedelta(days=2 * self.days)


def check_settings(config: Mapping[str, Any]) -> None:
    """Raises ConfigError for lengths and a benchmark that cannot be."""
    faults = Faults()
    lengths = config["driver_days"]
    if not lengths or not all(type(days) is int and days >= SHORTEST for days in lengths):
        faults.add(
            f"{place_of(config, 'driver_days', 'behaviour')}: driver_days is a list of whole days, "
            f"each {SHORTEST} or more, such as [28, 14, 7], not {lengths!r}"
        )
    if not 0 <= config["driver_benchmark"] < 1:
        faults.add(
            f"{place_of(config, 'driver_benchmark', 'behaviour')}: driver_benchmark is a share, 0 or "
            f"more and below 1, not {config['driver_benchmark']!r}"
        )
    for name in ("feature_days", "feature_repeat_days"):
        if config[name] < 1:
            faults.add(
                f"{place_of(config, name, 'behaviour')}: {name} is 1 or more, not {config[name]!r}"
            )
    faults.raise_any()


def windows(first_day: date | None, as_of: date, lengths: Sequence[int]) -> Windows | None:
    """The longest of `lengths` that the history holds three times; None where it holds none."""
    if first_day is None:
        return None
    for days in sorted(lengths, reverse=True):
        if (as_of - first_day).days >= 3 * days:
            return Windows(as_of - timedelta(days=days), days)
    return None


@dataclass(frozen=True)
class Population:
    """Customers known before the exposure window who were active in it or in the days before.

    `seen`: their days of both windows as customer_id, day, n; a customer's place is that of `ids`.
    """

    at: Windows
    ids: pl.DataFrame
    seen: pl.DataFrame
    stayed: Codes
    block: Codes

    @staticmethod
    def of(events: Events, at: Windows, without: pl.LazyFrame, kinds: pl.LazyFrame) -> Population:
        """`without`: customers who may not be judged; `kinds`: customer_id, kind of each before the
        landmark.
        """
        own = events.of(ANY).join(without, on="customer_id", how="anti")
        day = pl.col("day")
        known = own.group_by("customer_id").agg(first_day=day.min())
        known = known.filter(pl.col("first_day") < at.exposure)
        seen = own.filter((day >= at.before) & (day < at.landmark)).select(
            "customer_id", "day", "n"
        )
        back = own.filter((day >= at.landmark) & (day < at.outcome_end)).select("customer_id")
        seen_days, stayed, ids = pl.collect_all(
            [
                seen.join(known, on="customer_id", how="semi").sort("customer_id", "day"),
                back.unique(),
                known.join(seen, on="customer_id", how="semi")
                .join(kinds, on="customer_id", how="left")
                .sort("customer_id"),
            ],
            engine="streaming",
        )
        came = ids["customer_id"].is_in(stayed["customer_id"].implode())
        numbered = ids.select("customer_id").with_row_index("place")
        return Population(
            at,
            numbered,
            seen_days.join(numbered, on="customer_id", maintain_order="left"),
            came.to_numpy().astype(np.int64),
            _blocks(ids, at),
        )

    @cached_property
    def _cells(self) -> Codes:
        """Of each of `seen`: customer x window (0 before, 1 exposure) x odd or even day."""
        place = self.seen["place"].to_numpy().astype(np.int64)
        days = (self.seen["day"] - date(1970, 1, 1)).dt.total_days().to_numpy()
        inside = (self.seen["day"] >= self.at.exposure).to_numpy().astype(np.int64)
        cells: Codes = (place * 2 + inside) * 2 + days % 2
        return cells

    def measured(self, use: pl.LazyFrame) -> Measured:
        """Of the feature whose days `use` has as customer_id, day, n. Its own acts are no activity,
        and a day of nothing else is no day.
        """
        window = (pl.col("day") >= self.at.before) & (pl.col("day") < self.at.landmark)
        used = use.filter(window).select("customer_id", "day", used="n")
        days = self.seen.join(
            used.collect(), on=["customer_id", "day"], how="left", maintain_order="left"
        )
        all_acts = days["n"].to_numpy().astype(float)
        feature = days["used"].fill_null(0).to_numpy().astype(float)
        others = np.maximum(all_acts - feature, 0.0)
        n = len(self.ids)
        sums = [
            np.bincount(self._cells, weights=part, minlength=4 * n).reshape(n, 2, 2)
            for part in ((others > 0).astype(float), others)
        ]
        measures: Numbers = np.stack(sums, axis=-1)
        inside = (self._cells // 2) % 2 == 1
        dose = np.bincount(self._cells[inside & (feature > 0)] // 4, minlength=n)
        before, exposure = ((measures[:, at, 0], measures[:, at, 1]) for at in (0, 1))
        return Measured(dose.astype(np.int64), self.stayed, exposure, before, self.block)


def _blocks(ids: pl.DataFrame, at: Windows) -> Codes:
    """Kind before the landmark, and whether long known, as a code; the rarest are one."""
    told = ids.select(
        pl.concat_str(
            pl.col("kind").fill_null("unknown"),
            pl.when(pl.col("first_day") < at.before).then(pl.lit("old")).otherwise(pl.lit("young")),
            separator="|",
        ).alias("block")
    )
    sizes = told.group_by("block").len().sort("len", "block", descending=[True, False])
    kept = {name: place for place, name in enumerate(sizes["block"].head(BLOCKS - 1))}
    codes = told["block"].replace_strict(kept, default=len(kept), return_dtype=pl.Int64)
    return codes.to_numpy().astype(np.int64)


def kinds_before(
    subscription_fact: pl.LazyFrame, segment_history: pl.LazyFrame, landmark: date
) -> pl.LazyFrame:
    """customer_id, kind: plan and segment of each customer as known before the landmark began."""
    day = pl.lit(landmark)
    lasting = pl.col("valid_to").is_null() | (pl.col("valid_to") >= day)
    plans = (
        subscription_fact.filter(
            (pl.col("valid_from") < day)
            & (pl.col("known_at") < day.cast(pl.Datetime("us")))
            & lasting
            & pl.col("is_running")
            & pl.col("customer_id").is_not_null()
        )
        .group_by("customer_id")
        .agg(plan=pl.coalesce("plan_name", "plan_id", pl.lit("plan")).min())
    )
    # A night tells what was known before its day began.
    segments = segment_history.filter(
        (pl.col("valid_from") <= day) & (pl.col("valid_to").is_null() | (pl.col("valid_to") > day))
    ).select("customer_id", "segment")
    both = plans.join(segments, on="customer_id", how="full", coalesce=True)
    return both.select(
        "customer_id",
        kind=pl.concat_str(
            pl.col("plan").fill_null("none"), pl.col("segment").fill_null("none"), separator="|"
        ),
    )
