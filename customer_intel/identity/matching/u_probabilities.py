"""u-probabilities: how often records of two people agree by chance, counted without labels.

Of few records all pairs are known; of very few these say little, and what is usual among people is
added. Of many, most agreements are too rare for a sample of pairs to show: how often a field is the
same is counted over all records, and what else goes with the same first or last name among pairs
that share it.
"""

from __future__ import annotations

import duckdb
import numpy as np
import polars as pl

from customer_intel.identity.matching import candidate_pairs
from customer_intel.identity.matching.candidate_pairs import Compared, Numbers
from customer_intel.identity.matching.comparison_levels import COMPARISONS
from customer_intel.identity.matching.fellegi_sunter import Floats

RANDOM_PAIRS, SHARING_PAIRS, SEED = 200_000, 60_000, 20_240_229
# Pseudo-counts: so many pairs of strangers, of which this share agrees in anything; they lose
# weight as more than FEW_PAIRS are counted.
ASSUMED_PAIRS, ASSUMED_AGREEING, FEW_PAIRS = 40.0, 0.1, 200


def of_levels(con: duckdb.DuckDBPyConnection, party: pl.DataFrame, pairs: Compared) -> list[Floats]:
    """Pairs of random records per level, one array per comparison; fractions of a pair where it is
    that rare.

    `pairs`: what was compared; of few records these are all.
    """
    size = len(party)
    if len(pairs.i) == size * (size - 1) // 2:
        weight = ASSUMED_PAIRS * min(1.0, FEW_PAIRS / max(len(pairs.i), 1))
        assumed = [_assumed(len(comparison.levels)) for comparison in COMPARISONS]
        return [
            found + weight * share for found, share in zip(_counted(pairs), assumed, strict=True)
        ]
    rng = np.random.default_rng(SEED)
    i, j = rng.integers(0, size, (2, RANDOM_PAIRS))
    found = _counted(
        candidate_pairs.compare(con, party, np.minimum(i, j)[i != j], np.maximum(i, j)[i != j])
    )
    for place, comparison in enumerate(COMPARISONS):
        n_known = found[place][1:].sum()
        if comparison.same:
            share = _share(party, comparison.same)
            found[place][1] = n_known * share
        for field, levels in comparison.sharing:
            sharing = _counted(
                candidate_pairs.compare(con, party, *_drawn_sharing(party[field], rng))
            )[place]
            share = _share(party, ((field,),)) / max(sharing[1:].sum(), 1.0)
            for level in levels:
                found[place][level] = n_known * share * sharing[level]
    return found


def _assumed(levels: int) -> Floats:
    """Two strangers differ, as the last level says."""
    return np.array([0.0, *[ASSUMED_AGREEING / (levels - 1)] * (levels - 1), 1 - ASSUMED_AGREEING])


def _counted(pairs: Compared) -> list[Floats]:
    found, _, counts = pairs.kinds
    return [
        np.bincount(found[:, place], weights=counts, minlength=len(comparison.levels) + 1).astype(
            np.float64
        )
        for place, comparison in enumerate(COMPARISONS)
    ]


def _share(party: pl.DataFrame, fields: tuple[tuple[str, ...], ...]) -> float:
    """Share of pairs that agree in all `fields`; of several under one name the first that anybody
    has.
    """
    keys = [name for names in fields for name in names if party[name].null_count() < len(party)][
        : len(fields)
    ]
    sizes = party.select(keys).drop_nulls().group_by(keys).len("n")["n"].cast(pl.Float64)
    known = float(sizes.sum())
    return float((sizes * (sizes - 1)).sum()) / max(known * (known - 1), 1.0)


def _drawn_sharing(values: pl.Series, rng: np.random.Generator) -> tuple[Numbers, Numbers]:
    """Random pairs of different records with one value."""
    order = pl.DataFrame({"value": values}).with_row_index("id").drop_nulls().sort("value", "id")
    ids = order["id"].cast(pl.Int64).to_numpy()
    runs = order["value"].rle_id().to_numpy().astype(np.int64)
    if not len(ids):
        return ids, ids
    starts = np.flatnonzero(np.append(True, runs[1:] != runs[:-1]))
    sizes = np.diff(np.append(starts, len(runs)))
    # A pair of one value is as likely as the value has pairs.
    weight = np.cumsum((sizes[runs] - 1).astype(float))
    if weight[-1] == 0:
        return ids[:0], ids[:0]
    first = np.searchsorted(weight, rng.random(SHARING_PAIRS) * weight[-1], side="right")
    size, start = sizes[runs[first]], starts[runs[first]]
    second = start + (first - start + rng.integers(1, np.maximum(size, 2))) % size
    i, j = ids[first], ids[second]
    return np.minimum(i, j), np.maximum(i, j)
