"""Average-linkage clustering of connected components, with vetoed pairs never in one cluster."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import polars as pl

# On average, records of one person must not speak against each other by more than this many bits.
CUT = -2.0
# Numbers that one step of the split holds at once.
_AT_ONCE = 4_000_000


def split(groups: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """id, part. `groups`: id, component; `pairs`: every pair i < j inside them with
    bits and is_vetoed.

    Average linkage (Sokal and Michener, 1958) on bits: the two parts whose pairs speak for each
    other most are joined first, until they speak against each other by more than CUT; parts with a
    vetoed pair are never joined. A part is called by its smallest id.
    """
    component = pairs.join(groups.rename({"id": "i"}), on="i")
    whole = component.group_by("component").agg(
        is_whole=(pl.col("bits") >= 0).all() & ~pl.col("is_vetoed").any()
    )
    disputed = component.join(whole.filter(~pl.col("is_whole")), on="component", how="semi")
    split_parts = [
        pl.DataFrame(schema={"id": pl.Int64, "own": pl.Int64}),
        *_split_by_size(groups, disputed),
    ]
    return groups.join(pl.concat(split_parts), on="id", how="left").select(
        "id", part=pl.coalesce("own", pl.col("id").min().over("component"))
    )


def _split_by_size(groups: pl.DataFrame, disputed: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """id, own: of groups of one size at a time, as many as may be held at once."""
    members = groups.join(disputed.select("component").unique(), on="component", how="semi")
    sized = members.with_columns(n=pl.len().over("component")).sort("n", "component", "id")
    of_size = disputed.join(
        sized.unique("component").select("component", "n"), on="component"
    ).sort("n", "component", "i", "j")
    pairs_of = dict(of_size.partition_by("n", as_dict=True))
    for (n,), here in sized.partition_by("n", as_dict=True).items():
        size = int(n)
        ids = here["id"].to_numpy().reshape(-1, size)
        per_group = size * (size - 1) // 2
        bits, vetoed = (
            pairs_of[(n,)][name].to_numpy().reshape(-1, per_group) for name in ("bits", "is_vetoed")
        )
        step = max(_AT_ONCE // size**2, 1)
        for start in range(0, len(ids), step):
            part = slice(start, start + step)
            own = _agglomerated(size, bits[part], vetoed[part])
            yield pl.DataFrame(
                {"id": ids[part].ravel(), "own": np.take_along_axis(ids[part], own, axis=1).ravel()}
            )


def _agglomerated(
    size: int, bits: npt.NDArray[np.float64], vetoed: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """Per group (row) and member (column) the first member of its part. `bits`, `vetoed`: columns
    are the pairs.
    """
    count = len(bits)
    a, b = np.triu_indices(size, 1)
    total, forbidden = np.zeros((count, size, size)), np.zeros((count, size, size), dtype=bool)
    total[:, a, b] = total[:, b, a] = bits
    forbidden[:, a, b] = forbidden[:, b, a] = vetoed
    weight = np.ones((count, size))
    own = np.tile(np.arange(size), (count, 1))
    # Upper triangle only, so that each pair is considered once.
    usable = np.zeros((size, size), dtype=bool)
    usable[a, b] = True
    active = np.arange(count)
    for _ in range(size - 1):
        mean = total[active] / (weight[active][:, :, None] * weight[active][:, None, :])
        mean[~usable | forbidden[active]] = -np.inf
        flat = mean.reshape(len(active), -1)
        best = flat.argmax(axis=1)
        is_joined = flat[np.arange(len(active)), best] >= CUT
        active, best = active[is_joined], best[is_joined]
        if not len(active):
            break
        survivor, absorbed = best // size, best % size
        total[active, survivor] += total[active, absorbed]
        total[active, :, survivor] = total[active, survivor]
        forbidden[active, survivor] |= forbidden[active, absorbed]
        forbidden[active, :, survivor] = forbidden[active, survivor]
        # The absorbed part is never joined again.
        forbidden[active, absorbed] = True
        forbidden[active, :, absorbed] = True
        weight[active, survivor] += weight[active, absorbed]
        moved = own[active] == absorbed[:, None]
        own[active] = np.where(moved, survivor[:, None], own[active])
    return own
