"""Record linkage from end to end: candidates, comparison, weights, and a split wherever a group
does not hang together.

Belongs here: the order of the steps. Not here: which pairs and what is compared
(candidate_pairs.py, comparison_levels.py), what it weighs (fellegi_sunter.py), where records come
from (records.py, match_edge.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import polars as pl

from customer_intel.identity.matching import candidate_pairs, u_probabilities
from customer_intel.identity.matching.average_linkage import split
from customer_intel.identity.matching.candidate_pairs import Compared, Flags, Numbers
from customer_intel.identity.matching.comparison_levels import COMPARISONS
from customer_intel.identity.matching.fellegi_sunter import MatchModel, fit
from customer_intel.identity.matching.graph import components

# Odds of 1 to 4: less likely pairs do not even put two records into one group.
LEAST_BITS = -2.0
LARGEST_GROUP = 150
# If more than this share of certain matches differ in a field, that field is no ground for a veto.
UNRELIABLE, ENOUGH_PAIRS = 0.02, 50
_PLACE = {comparison.name: place for place, comparison in enumerate(COMPARISONS)}
# Levels at which an id number or a birth date still counts as the same.
_NEARLY, _OTHER_DATE, _OTHER_ID, _OTHER_MIDDLE = 3, 5, 4, 3
# Where one person's middle names hardly ever differ (3 in 100 pairs), two that do are two people's.
RARELY = -5.0


@dataclass(frozen=True)
class Resolved:
    """`clusters`: record_key, cluster (its smallest record_key), confidence (of the record's place
    in it, 0 to 1).

    `edges`: record_key_a, record_key_b, per comparison its level and `bits <comparison>`, bits,
    is_vetoed; the pairs that were at least possible. Empty when not asked for.
    """

    clusters: pl.DataFrame
    edges: pl.DataFrame
    model: MatchModel


def resolve(
    con: duckdb.DuckDBPyConnection,
    records: pl.DataFrame,
    model: MatchModel | None = None,
    *,
    with_edges: bool = True,
) -> Resolved:
    """Who is who among `records` (record_key and FIELDS). Without a model, one is fitted to them
    first.
    """
    party = candidate_pairs.prepared(records)
    pairs = candidate_pairs.compare(con, party, *candidate_pairs.candidates(con, party))
    model = model or train(con, party, pairs)
    bits, is_vetoed = scored(pairs, model)
    links = (bits >= LEAST_BITS) & ~is_vetoed
    groups = _groups(len(party), pairs.i[links], pairs.j[links], bits[links])
    inside = _inside(con, party, groups, pairs)
    bits_inside, is_vetoed_inside = scored(inside, model)
    judged = {"i": inside.i, "j": inside.j, "bits": bits_inside, "is_vetoed": is_vetoed_inside}
    parts = split(groups, pl.DataFrame(judged))
    key = party["record_key"]
    clusters = parts.sort("id").select(
        record_key=key, cluster=key.gather(parts.sort("id")["part"]), confidence="confidence"
    )
    possible = (
        pairs.only(bits >= LEAST_BITS) if with_edges else pairs.only(np.zeros(len(bits), np.bool_))
    )
    return Resolved(
        clusters, _edges(key, possible, inside if with_edges else possible, model), model
    )


def train(con: duckdb.DuckDBPyConnection, party: pl.DataFrame, pairs: Compared) -> MatchModel:
    """A model fitted to the compared pairs and to random pairs of `party`. Needs no labels."""
    random = u_probabilities.of_levels(con, party, pairs)
    is_veto, is_birth_veto = _reliable(pairs)
    open_pairs = ~_is_vetoed(pairs, is_veto=is_veto, is_birth_veto=is_birth_veto)
    levels, place, _ = pairs.kinds
    return fit(
        levels,
        np.bincount(place[open_pairs], minlength=len(levels)).astype(float),
        random,
        len(party),
        is_veto=is_veto,
        is_birth_veto=is_birth_veto,
    )


def _reliable(pairs: Compared) -> tuple[bool, bool]:
    """Whether those who are surely one person mostly agree in their first name, and in their birth
    date.

    Surely one: the same id number and birth date; the same name and email or id number.
    """
    levels, place, counts = pairs.kinds
    level = dict(zip(_PLACE, levels.T, strict=True))
    same_person = (level["id number"] == 1) & (level["birth date"] == 1)
    names = int(counts[same_person].sum())
    is_veto = (
        names < ENOUGH_PAIRS or int(pairs.is_other[same_person[place]].sum()) <= UNRELIABLE * names
    )
    same_person = (
        (level["name"] == 1)
        & ((level["id number"] == 1) | (level["email"] == 1))
        & (level["birth date"] > 0)
    )
    dates, n_other = (
        int(counts[same_person].sum()),
        int(counts[same_person & (level["birth date"] == _OTHER_DATE)].sum()),
    )
    return is_veto, dates >= ENOUGH_PAIRS and n_other <= UNRELIABLE * dates


def scored(pairs: Compared, model: MatchModel) -> tuple[npt.NDArray[np.float64], Flags]:
    """Bits, and whether a veto forbids it, of each pair."""
    levels, place, _ = pairs.kinds
    weights = model.by_comparison(levels)
    bits = (model.prior + weights.sum(axis=1))[place] + pairs.rarity + pairs.home_rarity
    vetoed = _is_vetoed(pairs, is_veto=model.is_veto, is_birth_veto=model.is_birth_veto)
    level = dict(zip(_PLACE, levels.T, strict=True))
    # Family members share address and name, but neither birth date nor whole name with id number.
    is_born, is_numbered = (_is_nearly(level[name]) for name in ("birth date", "id number"))
    is_apart = (level["middle name"] == _OTHER_MIDDLE) & (
        weights[:, _PLACE["middle name"]] <= RARELY
    )
    vetoed |= (is_apart & ~is_born & ~(is_numbered & (level["name"] == 1)))[place]
    # Different id numbers, unless other evidence outweighs them; known birth dates decide instead.
    is_two = (level["id number"] == _OTHER_ID) & (level["birth date"] == 0)
    return bits, vetoed | (is_two[place] & (bits < LEAST_BITS) & model.is_veto)


def _is_vetoed(pairs: Compared, *, is_veto: bool, is_birth_veto: bool) -> Flags:
    """First names that differ are two people's, unless id number and birth date both say otherwise."""
    levels, place, _ = pairs.kinds
    level = dict(zip(_PLACE, levels.T, strict=True))
    is_numbered = _is_nearly(level["id number"])
    is_known = is_numbered & _is_nearly(level["birth date"])
    is_born_apart = (level["birth date"] == _OTHER_DATE) & ~is_numbered
    vetoed: Flags = pairs.is_never | (pairs.is_other & ~is_known[place] & is_veto)
    return vetoed | is_born_apart[place] if is_birth_veto else vetoed


def _is_nearly(level: npt.NDArray[np.integer[Any]]) -> Flags:
    return (level > 0) & (level <= _NEARLY)


def _groups(size: int, i: Numbers, j: Numbers, bits: npt.NDArray[np.float64]) -> pl.DataFrame:
    """id, component: records that hang together, in groups of at most LARGEST_GROUP, each called by
    its smallest id.

    A larger one falls apart along its weakest links, bit by bit.
    """
    ids = pl.Series("id", np.arange(size, dtype=np.int64))
    links = pl.DataFrame({"a": i, "b": j, "bits": bits})
    found = _by_smallest_id(pl.DataFrame({"id": ids}).with_columns(components(ids, links)))
    least = LEAST_BITS
    while True:
        large = found.filter(pl.len().over("component") > LARGEST_GROUP)
        if large.is_empty():
            return found
        least += 2
        inside = links.filter(pl.col("a").is_in(large["id"].implode()) & (pl.col("bits") >= least))
        regrouped = _by_smallest_id(
            large.select("id").with_columns(components(large["id"], inside))
        )
        found = pl.concat([found.join(large, on="id", how="anti"), regrouped]).sort("id")


def _by_smallest_id(groups: pl.DataFrame) -> pl.DataFrame:
    return groups.with_columns(component=pl.col("id").min().over("component"))


def _inside(
    con: duckdb.DuckDBPyConnection, party: pl.DataFrame, groups: pl.DataFrame, pairs: Compared
) -> Compared:
    """Every pair within a group; those not yet compared are compared now."""
    wanted = np.sort(np.concatenate([np.empty(0, np.int64), *_pairs_of(groups)]))
    compared = (pairs.i << 32) | pairs.j
    place = np.searchsorted(compared, wanted)
    is_compared = (
        (place < len(compared)) & (compared[np.minimum(place, len(compared) - 1)] == wanted)
        if len(compared)
        else wanted < 0
    )
    known = pairs.only(place[is_compared])
    fresh = candidate_pairs.compare(
        con, party, wanted[~is_compared] >> 32, wanted[~is_compared] & 0xFFFFFFFF
    )
    return candidate_pairs.concatenated(known, fresh)


def _pairs_of(groups: pl.DataFrame) -> Iterator[Numbers]:
    """Packed pairs, for all groups of one size at once."""
    sized = (
        groups.with_columns(n=pl.len().over("component"))
        .filter(pl.col("n") > 1)
        .sort("n", "component", "id")
    )
    for (n,), members in sized.group_by("n", maintain_order=True):
        by_group = members["id"].to_numpy().reshape(-1, int(n))
        a, b = np.triu_indices(int(n), 1)
        yield ((by_group[:, a] << 32) | by_group[:, b]).ravel()


def _edges(key: pl.Series, possible: Compared, inside: Compared, model: MatchModel) -> pl.DataFrame:
    both = candidate_pairs.concatenated(possible, inside)
    _, first = np.unique((both.i << 32) | both.j, return_index=True)
    pairs = both.only(first)
    bits, is_vetoed = scored(pairs, model)
    found = candidate_pairs.levels(pairs.pattern)
    weights = model.by_comparison(found)
    columns: dict[str, object] = {
        "record_key_a": key.gather(pairs.i),
        "record_key_b": key.gather(pairs.j),
    }
    rare = {"name": pairs.rarity, "address": pairs.home_rarity}
    for place, comparison in enumerate(COMPARISONS):
        columns[comparison.name] = found[:, place]
        columns[f"bits {comparison.name}"] = weights[:, place] + rare.get(comparison.name, 0)
    return pl.DataFrame({**columns, "bits": bits, "is_vetoed": is_vetoed}).sort(
        "record_key_a", "record_key_b"
    )
