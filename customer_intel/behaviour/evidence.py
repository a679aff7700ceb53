"""What the data says of each act: how many did it, when in their order, whether they return to it.

Belongs here: measuring acts over actor_act. Not here: what is proposed from it (proposals.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from customer_intel.behaviour.model import is_any

# So many of the most widespread acts are looked at in pairs, and so many are told at all.
PAIRED = 40
TOLD = 300
Times = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Doings:
    """What actors did in the period: `measures` one row per act, the most widespread first; `rows` those
    of actor_act.
    """

    rows: pl.DataFrame
    measures: pl.DataFrame
    n_actors: int
    n_known: int

    @cached_property
    def acts(self) -> tuple[str, ...]:
        """The acts, the most widespread first."""
        return tuple(self.measures["act"])

    @cached_property
    def by_act(self) -> dict[str, dict[str, float]]:
        """act → its measures."""
        return {row["act"]: row for row in self.measures.to_dicts()}

    @cached_property
    def actors(self) -> pl.DataFrame:
        """Each actor with its number, as `first` and `last` number them."""
        return (
            self.rows.select("actor_id", "is_known")
            .unique()
            .sort("actor_id", "is_known")
            .with_row_index("actor")
        )

    @cached_property
    def _numbered(self) -> pl.DataFrame:
        return self.rows.join(self.actors, on=("actor_id", "is_known"))

    def first(self, acts: Iterable[str]) -> Times:
        """When each actor first did one of the acts, in µs; not a number for who never did."""
        return self._times(acts, pl.col("first_at").min())

    def last(self, acts: Iterable[str]) -> Times:
        """As `first`, the last time."""
        return self._times(acts, pl.col("last_at").max())

    def n_of(self, acts: Iterable[str]) -> int:
        """How many actors did one of the acts."""
        return self.rows.filter(is_any(acts)).select("actor_id", "is_known").n_unique()

    def _times(self, acts: Iterable[str], made: pl.Expr) -> Times:
        found = (
            self._numbered.filter(is_any(acts))
            .group_by("actor")
            .agg(made.dt.epoch("us").alias("at"))
        )
        times = np.full(self.n_actors, np.nan)
        times[found["actor"].to_numpy()] = found["at"].to_numpy()
        return times


def doings(actor_act: pl.LazyFrame) -> Doings:
    """What the rows of actor_act say."""
    wanted = (
        "actor_id",
        "is_known",
        "act",
        "n",
        "first_at",
        "last_at",
        "active_days",
        "later_days",
        "actor_later_days",
    )
    rows = actor_act.select(*wanted).collect()
    by_actor = rows.group_by("actor_id", "is_known").agg(pl.col("actor_later_days").first())
    n_known = int(by_actor["is_known"].sum())
    n, later = by_actor.height, int(by_actor["actor_later_days"].sum())
    placed = rows.with_columns(
        place=pl.col("first_at").rank("average").over("actor_id", "is_known"),
        n_acts=pl.len().over("actor_id", "is_known"),
        is_last=pl.col("last_at") == pl.col("last_at").max().over("actor_id", "is_known"),
    )
    several = pl.col("n_acts") > 1
    measured = placed.group_by("act").agg(
        n_actors=pl.len().cast(pl.Int64),
        n=pl.col("n").sum(),
        repeat_rate=(pl.col("active_days") > 1).mean(),
        later=pl.col("later_days").sum(),
        # 0: always an actor's first act; 1: always the last. Of actors with one act nothing is learnt.
        earliness=((pl.col("place") - 1) / (pl.col("n_acts") - 1)).filter(several).sort().mean(),
        ends=pl.col("is_last").filter(several).mean(),
    )
    told = (
        measured.with_columns(
            reach=pl.col("n_actors") / max(n, 1),
            returning_share=pl.col("later") / later if later else pl.lit(None, pl.Float64),
            per_actor=pl.col("n") / pl.col("n_actors"),
        )
        .drop("later")
        .sort("n_actors", "act", descending=(True, False))
        .head(TOLD)
        .with_columns(pl.col("earliness").fill_null(0.5), pl.col("ends").fill_null(0.0))
        .with_columns(first_place=pl.struct("earliness", "act").rank("ordinal").cast(pl.Int64))
    )
    return Doings(rows, told, n, n_known)


def before(one: Times, other: Times) -> tuple[float, float]:
    """Of those who did both, the share that did `one` first; of those who did `other`, the share that had
    done `one` before.
    """
    did = ~np.isnan(other)
    both = did & ~np.isnan(one)
    n_before = int(np.count_nonzero(one[both] < other[both]))
    return n_before / max(int(both.sum()), 1), n_before / max(int(did.sum()), 1)


def converts_after(
    found: Doings, acts: Sequence[str], conversion: Iterable[str]
) -> dict[str, float]:
    """act → the share of those who did it that converted later."""
    done = (
        found._numbered.filter(is_any(conversion))
        .group_by("actor")
        .agg(pl.col("last_at").max().alias("won_at"))
    )
    rows = found._numbered.filter(pl.col("act").is_in(list(acts))).join(
        done, on="actor", how="left"
    )
    shares = rows.group_by("act").agg(
        (pl.col("won_at") > pl.col("first_at")).fill_null(value=False).mean()
    )
    return dict(shares.sort("act").iter_rows())
