"""What the data says of each act: how many did it, when in their order, whether they return to it.

Belongs here: measuring acts over actor_act. Not here: what is proposed from it (proposals.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

# So many of the most widespread acts are looked at in pairs, and so many are told at all.
PAIRED = 40
TOLD = 300
# Of so many, times are at hand: companies that write ids into names have more.
TIMED = 5000
Times = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Doings:
    """What actors did in the period: `measures` one row per act, the most widespread first; `times`: act → who
    did it (numbers from 0), and when first and last, in µs.
    """

    measures: pl.DataFrame
    times: Mapping[str, pl.DataFrame]
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

    def first(self, acts: Iterable[str]) -> Times:
        """When each actor first did one of the acts, in µs; not a number for who never did."""
        times = np.full(self.n_actors, np.nan)
        for part in self._of(acts):
            np.fmin.at(times, part["actor"].to_numpy(), part["first"].to_numpy().astype(np.float64))
        return times

    def last(self, acts: Iterable[str]) -> Times:
        """As `first`, the last time."""
        times = np.full(self.n_actors, np.nan)
        for part in self._of(acts):
            np.fmax.at(times, part["actor"].to_numpy(), part["last"].to_numpy().astype(np.float64))
        return times

    def n_of(self, acts: Iterable[str]) -> int:
        """How many actors did one of the acts."""
        parts = [part["actor"] for part in self._of(acts)]
        return int(pl.concat(parts).n_unique()) if parts else 0

    def _of(self, acts: Iterable[str]) -> list[pl.DataFrame]:
        """The times of each act that is meant; an activity stands for all its details."""
        wanted = set(acts)
        return [
            part
            for act, part in self.times.items()
            if act in wanted or act.partition(":")[0] in wanted
        ]


def doings(actor_act: pl.LazyFrame) -> Doings:
    """What the rows of actor_act say."""
    # Who it is does not matter here, only who is the same.
    rows = (
        actor_act.select(
            "act", "n", "active_days", "later_days", "actor_later_days", "is_known",
            actor=pl.col("actor_id").cast(pl.Categorical).to_physical(),
            first=pl.col("first_at").dt.epoch("us"), last=pl.col("last_at").dt.epoch("us"),
        )
        .sort("actor", "first", "act")
        .collect()
    )  # fmt: skip
    actor = rows["actor"].to_numpy()
    begins = np.flatnonzero(np.diff(actor, prepend=-1)) if len(actor) else np.empty(0, np.int64)
    sizes = np.diff(np.append(begins, len(actor)))
    number = np.repeat(np.arange(len(begins)), sizes)
    ends = np.maximum.reduceat(rows["last"].to_numpy(), begins) if len(actor) else begins
    by_actor = rows.select("is_known", "actor_later_days")[begins]
    placed = rows.with_columns(
        actor=pl.Series(number, dtype=pl.Int64),
        # 0: the actor's first act; 1: the last to be done first. Of actors with one act nothing is learnt.
        place=pl.Series(
            (np.arange(len(actor)) - begins[number]) / np.maximum(sizes[number] - 1, 1)
        ),
        is_one_of_several=pl.Series(sizes[number] > 1),
        is_last=pl.Series(rows["last"].to_numpy() == ends[number]),
    )
    measures = _measures(placed, len(begins), int(by_actor["actor_later_days"].sum()))
    timed = measures["act"].head(TIMED)
    wanted = placed.select("act", "actor", "first", "last").filter(
        pl.col("act").is_in(timed.implode())
    )
    parts = wanted.partition_by("act", as_dict=True, include_key=False)
    times = {str(act): parts[(act,)] for act in timed}
    return Doings(measures.head(TOLD), times, len(begins), int(by_actor["is_known"].sum()))


def _measures(placed: pl.DataFrame, n_actors: int, later: int) -> pl.DataFrame:
    """One row per act, the most widespread first; `later`: days of all actors but for their first ones."""
    several = pl.col("is_one_of_several")
    measured = placed.group_by("act").agg(
        n_actors=pl.len().cast(pl.Int64),
        n=pl.col("n").sum(),
        repeat_rate=(pl.col("active_days") > 1).mean(),
        later=pl.col("later_days").sum(),
        earliness=pl.col("place").filter(several).sort().mean(),
        ends=pl.col("is_last").filter(several).mean(),
    )
    return (
        measured.with_columns(
            reach=pl.col("n_actors") / max(n_actors, 1),
            returning_share=pl.col("later") / later if later else pl.lit(None, pl.Float64),
            per_actor=pl.col("n") / pl.col("n_actors"),
        )
        .drop("later")
        .sort("n_actors", "act", descending=(True, False))
        .with_columns(pl.col("earliness").fill_null(0.5), pl.col("ends").fill_null(0.0))
        .with_columns(first_place=pl.struct("earliness", "act").rank("ordinal").cast(pl.Int64))
    )


def before(one: Times, other: Times) -> tuple[float, float]:
    """Of those who did both, the share that did `one` first; of those who did `other`, the share that had
    done `one` before.
    """
    did = ~np.isnan(other)
    both = did & ~np.isnan(one)
    n_before = int(np.count_nonzero(one[both] < other[both]))
    return n_before / max(int(both.sum()), 1), n_before / max(int(did.sum()), 1)


def converts_after(found: Doings, conversion: Iterable[str]) -> dict[str, float]:
    """act → the share of those who did it that converted later."""
    won = found.last(conversion)
    shares = {}
    for act, part in found.times.items():
        shares[act] = float((won[part["actor"].to_numpy()] > part["first"].to_numpy()).mean())
    return shares
