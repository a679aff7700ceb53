"""Record linkage from records to weighed pairs: candidates, comparison, weights, vetoes and doubts.

Belongs here: the order of the steps, and `compared` (which pairs weigh what). Not here: which pairs and what is
compared (candidate_pairs.py, comparison_levels.py), what it weighs (fellegi_sunter.py), who is one in the end
(clusters.py), where records come from and what becomes of the pairs (identity/linking).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import polars as pl

from customer_intel.identity.matching import candidate_pairs, u_probabilities
from customer_intel.identity.matching.candidate_pairs import Compared, Flags, Numbers
from customer_intel.identity.matching.clusters import DECIDED_BITS, LEAST_BITS, groups_of, pairs_of
from customer_intel.identity.matching.comparison_levels import COMPARISONS, FIELDS, PLACE
from customer_intel.identity.matching.doubts import (
    DOUBTS,
    LEAST_NAME,
    LIKELY_TWO,
    OWN_NAME,
    RARE_NAME,
    doubts,
)
from customer_intel.identity.matching.fellegi_sunter import MatchModel, fit
from customer_intel.identity.matching.vetoes import VETOES

# Pairs of so many bits are kept, to be looked at.
KEPT_BITS = -6.0
# What a doubtful pair counts: too little to join two records, not enough to keep them apart where others join them.
DOUBTFUL_BITS = -3.0
# Of two who are not one, a record is the one's only if the other fits it by so many bits less.
MARGIN = 3.0
IDENTIFIERS = ("email", "phone", "login", "id number")
# If more than this share of certain matches differ in a field, that field is no ground for a veto.
UNRELIABLE, ENOUGH_PAIRS = 0.02, 50
# Births of one person are hardly ever written a generation apart.
SELDOM = 0.002
# A model that found fewer pairs of one person here says little of names alone.
OWN_MATCHES = 200
# Pairs that a fit looks at, at most.
FITTED_PAIRS = 300_000
REASONS = (*VETOES, "first_name", "birth_date", "middle_name", "id_number", "never_merge")
# Levels at which an id number or a birth date still counts as the same.
_NEARLY, _OTHER_DATES, _GENERATIONS_APART, _OTHER_ID, _OTHER_MIDDLE = 3, (7, 9), (6, 9), 4, 3
_SAME_HOME, _SAME_POSTCODE = 2, 9
# Where one person's middle names hardly ever differ (3 in 100 pairs), two that do are two people's.
RARELY = -5.0
PAIR = ["record_key_a", "record_key_b"]
_NO_PAIRS = pl.DataFrame(schema=dict.fromkeys([*PAIR, "earlier"], pl.String))


@dataclass(frozen=True)
class Decided:
    """What people decided: pairs `together` and `apart` (record_key_a < record_key_b), records that are `alone`."""

    together: pl.DataFrame
    apart: pl.DataFrame
    alone: pl.Series

    @staticmethod
    def nothing() -> Decided:
        """Nobody decided anything."""
        return Decided(
            _NO_PAIRS.select(PAIR), _NO_PAIRS.select(PAIR), pl.Series([], dtype=pl.String)
        )

    @property
    def records(self) -> pl.Series:
        """record_key of everybody that a decision names."""
        found: pl.Series = pl.concat([*self.together, *self.apart, self.alone]).unique()
        return found


@dataclass(frozen=True)
class Score:
    """Per pair: bits of evidence, the bits that count (`effective`), and places in REASONS and DOUBTS, 0 for none."""

    bits: npt.NDArray[np.float64]
    veto: npt.NDArray[np.int8]
    doubt: npt.NDArray[np.int8]
    blank: Flags

    @property
    def effective(self) -> npt.NDArray[np.float64]:
        """Bits; of a doubtful pair at most DOUBTFUL_BITS, of one in which nothing could be compared none."""
        bits = np.where(self.doubt > 0, np.minimum(self.bits, DOUBTFUL_BITS), self.bits)
        return np.where(self.blank & (self.bits < DECIDED_BITS), 0.0, bits)

    @property
    def links(self) -> Flags:
        """Pairs that put two records into one group."""
        flags: Flags = (self.effective >= LEAST_BITS) & (self.veto == 0)
        flags &= ~self.blank | (self.bits >= DECIDED_BITS)
        return flags


# The candidates of the records that were asked for last, by what they say.
_ASKED: dict[tuple[int, int, int], Numbers] = {}


class Records:
    """Records ready to be compared. Of those that say the same, two stand for all; the rest are `copies` of the first
    (record_key, record_key_a, record_key_b: the copy and the two), but for those in `own`.
    """

    def __init__(
        self, con: duckdb.DuckDBPyConnection, records: pl.DataFrame, own: pl.Series | None = None
    ) -> None:
        alone = own if own is not None else pl.Series([], dtype=pl.String)
        named = records.sort("record_key").with_columns(
            own=pl.when(pl.col("record_key").is_in(alone.implode())).then("record_key")
        )
        said = [*FIELDS, "own"]
        named = named.with_columns(
            place=pl.int_range(pl.len()).over(said),
            record_key_a=pl.col("record_key").first().over(said),
            record_key_b=pl.col("record_key").slice(1, 1).first().over(said),
        )
        self.con = con
        self.copies = named.filter(pl.col("place") >= 2).select("record_key", *PAIR)
        self.party = candidate_pairs.prepared(named.filter(pl.col("place") < 2))
        self.content = self.party.select(FIELDS).hash_rows(seed=1).reinterpret(signed=True)

    def ids(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """`pairs` of record keys with their places i < j; pairs of others are left out."""
        places = (
            self.party.select("record_key")
            .with_row_index("id")
            .with_columns(pl.col("id").cast(pl.Int64))
        )
        found = pairs.join(places, left_on="record_key_a", right_on="record_key").join(
            places, left_on="record_key_b", right_on="record_key", suffix="_b"
        )
        return found.with_columns(
            i=pl.min_horizontal("id", "id_b"), j=pl.max_horizontal("id", "id_b")
        ).drop("id", "id_b")

    def candidates(self, more: pl.DataFrame | None = None) -> Numbers:
        """Packed pairs that are worth comparing, and `more` (i, j)."""
        # A first night asks twice for the same: to fit a model, and to use it.
        said = (len(self.party), int(self.content.hash(1).sum()), int(self.content.hash(2).sum()))
        if said not in _ASKED:
            i, j = candidate_pairs.candidates(self.con, self.party)
            _ASKED.clear()
            _ASKED[said] = (i << 32) | j
        packed = _ASKED[said]
        if more is not None and len(more):
            added = (more["i"].to_numpy() << 32) | more["j"].to_numpy()
            packed = np.union1d(packed, added)
        return packed

    def compare(self, packed: Numbers, earlier: pl.DataFrame | None = None) -> Compared:
        """What the comparisons say of packed pairs."""
        return candidate_pairs.compare(
            self.con, self.party, packed >> 32, packed & 0xFFFFFFFF, earlier
        )


def fitted(records: Records, packed: Numbers, anchor: MatchModel | None) -> MatchModel:
    """A model fitted to the records' candidates and to random pairs, drawn towards `anchor` where they
    say little. Needs no labels.
    """
    size = len(records.party)
    # Of few records all pairs are needed: they are the random ones too.
    step = max(-(-len(packed) // FITTED_PAIRS), 1) if size > candidate_pairs.ALL_PAIRS else 1
    pairs = records.compare(packed[::step])
    random = u_probabilities.of_levels(records.con, records.party, pairs)
    trusted = _trusted(pairs, anchor)
    veto = _vetoes(pairs, is_veto=trusted["is_veto"], is_birth_veto=trusted["is_birth_veto"])
    found, place, _ = pairs.kinds
    counts = np.bincount(place[veto == 0], minlength=len(found)).astype(float) * step
    return fit(found, counts, random, size, anchor=anchor, **trusted)


def _trusted(pairs: Compared, anchor: MatchModel | None) -> dict[str, bool]:
    """is_veto, is_birth_veto, is_gap_doubt of MatchModel: whether those who are surely one person hardly ever differ in
    their first name, their birth date, the generation of their births; as `anchor` has it where too few are sure.

    Surely one: the same id number and birth date; the same name and email, id number or birth place and
    postcode. Births a generation apart are a slip only where an id number says that they are one
    person's.
    """
    found, place, counts = pairs.kinds
    level = {name: found[:, at] for name, at in PLACE.items()}
    born, is_named, is_numbered = level["birth date"], level["name"] == 1, level["id number"] == 1

    def trusted(sure: Flags, differing: npt.NDArray[np.int64], most: float, default: bool) -> bool:
        of = int(counts[sure].sum())
        return int(differing[sure].sum()) <= most * of if of >= ENOUGH_PAIRS else default

    others = np.bincount(place[pairs.is_other], minlength=len(found))
    is_placed = (
        (level["birth place"] == 1) & (level["address"] > 0) & (level["address"] <= _SAME_POSTCODE)
    )
    dated = (
        is_named
        & ((level["email"] == 1) | is_numbered | is_placed)
        & np.isin(born, (1, 2, 3, 5, _OTHER_DATES[0]))
    )
    gap = np.isin(born, _GENERATIONS_APART)
    return {
        "is_veto": trusted(is_numbered & (born == 1), others, UNRELIABLE, anchor.is_veto if anchor else True),
        "is_birth_veto": trusted(
            dated, counts * (born == _OTHER_DATES[0]), UNRELIABLE, anchor.is_birth_veto if anchor else True
        ),
        "is_gap_doubt": trusted(
            is_named & is_numbered & (born > 0), counts * gap, SELDOM, anchor.is_gap_doubt if anchor else True
        ),
    }  # fmt: skip


def scored(pairs: Compared, model: MatchModel) -> Score:
    """What each pair weighs, and what speaks against it."""
    found, place, _ = pairs.kinds
    weights = model.by_comparison(found)
    bits = (model.prior + weights.sum(axis=1))[place] + pairs.rarity + pairs.home_rarity
    veto = _vetoes(pairs, is_veto=model.is_veto, is_birth_veto=model.is_birth_veto)
    level = {name: found[:, at] for name, at in PLACE.items()}
    # Family members share address and name, but neither birth date nor whole name with id number.
    is_born, is_numbered = (_is_nearly(level[name]) for name in ("birth date", "id number"))
    is_apart = (level["middle name"] == _OTHER_MIDDLE) & (
        weights[:, PLACE["middle name"]] <= RARELY
    )
    is_apart &= ~is_born & ~(is_numbered & (level["name"] == 1))
    # Different id numbers, unless other evidence outweighs them; known birth dates decide instead.
    is_two = (level["id number"] == _OTHER_ID) & (level["birth date"] == 0)
    for reason, flags in (
        ("middle_name", is_apart[place]),
        ("id_number", is_two[place] & (bits < LEAST_BITS) & model.is_veto),
    ):
        veto[(veto == 0) & flags] = REASONS.index(reason)
    is_strict = model.n_matches < OWN_MATCHES
    doubt = doubts(
        found,
        is_veto=model.is_veto,
        is_gap_doubt=model.is_gap_doubt,
        is_strict=is_strict,
    )[place]
    # A rare name alone may do; where contacts of both are known and differ it takes more.
    by_name = (model.prior + weights[:, PLACE["name"]])[place] + pairs.rarity
    has_contacts = np.any([level[name] > 0 for name in ("email", "phone", "address")], axis=0)[
        place
    ]
    least = np.where(has_contacts, RARE_NAME, LEAST_NAME) if is_strict else OWN_NAME
    is_rare = (by_name >= (RARE_NAME if is_strict else 0)) & (bits >= least)
    doubt[(doubt == DOUBTS.index("name_only")) & is_rare] = 0
    is_evidence = [comparison.is_evidence for comparison in COMPARISONS]
    blank = found[:, is_evidence].sum(axis=1) == 0
    # Who has two mailboxes says of a nameless record with one of them nothing by the other.
    blank |= (level["nameless"] > 0) & (weights.max(axis=1) <= 0)
    return Score(bits, veto, doubt, blank[place])


def _vetoes(pairs: Compared, *, is_veto: bool, is_birth_veto: bool) -> npt.NDArray[np.int8]:
    """First names that differ are two people's, unless id number and birth date both say otherwise."""
    found, place, _ = pairs.kinds
    level = {name: found[:, at] for name, at in PLACE.items()}
    is_numbered = _is_nearly(level["id number"])
    is_known = is_numbered & _is_nearly(level["birth date"])
    veto = pairs.never.copy()
    if is_veto:
        veto[(veto == 0) & pairs.is_other & ~is_known[place]] = REASONS.index("first_name")
    if is_birth_veto:
        is_born_apart = np.isin(level["birth date"], _OTHER_DATES) & ~is_numbered
        veto[(veto == 0) & is_born_apart[place]] = REASONS.index("birth_date")
    return veto


def _is_nearly(level: npt.NDArray[np.integer[Any]]) -> Flags:
    return (level > 0) & (level <= _NEARLY)


def compared(
    records: Records,
    model: MatchModel,
    decided: Decided | None = None,
    earlier: pl.DataFrame = _NO_PAIRS,
) -> pl.DataFrame:
    """Pairs that are at least possible, and all within a group: record_key_a < record_key_b, their content_a and
    content_b, per comparison its level and `bits <comparison>`, bits, effective (what counts), veto, doubt (reasons or
    null) and is_copy (of a record that says the same).

    `earlier`: record keys of pairs that said the same at one time, and what (email, phone).
    """
    decided = decided or Decided.nothing()
    said = records.ids(earlier).select("i", "j", "earlier")
    together, apart = records.ids(decided.together), records.ids(decided.apart)
    more = pl.concat([frame.select("i", "j") for frame in (said, together, apart)])
    alone = records.party["record_key"].is_in(decided.alone.implode()).to_numpy()
    packed = records.candidates(more)

    def score_of(pairs: Compared) -> Score:
        return _with_decisions(pairs, scored(pairs, model), together, apart, alone)

    pairs = records.compare(packed, said if len(said) else None)
    score = _without_ambiguous(pairs, score_of(pairs))
    links = score.links
    groups = groups_of(len(records.party), pairs.i[links], pairs.j[links], score.effective[links])
    wanted = np.sort(np.concatenate([np.empty(0, np.int64), *pairs_of(groups)]))
    # What is possible, or shares much though something speaks against it; all pairs of a group.
    kept = (
        (score.bits >= KEPT_BITS)
        | _share_a_value(pairs)
        | np.isin(packed, wanted, assume_unique=True)
    )
    fresh = records.compare(np.setdiff1d(wanted, packed, assume_unique=True))
    both = candidate_pairs.concatenated(pairs.only(kept), fresh)
    return _edges(records, both, _without_ambiguous(both, score_of(both)), model)


def _with_decisions(
    pairs: Compared, score: Score, together: pl.DataFrame, apart: pl.DataFrame, alone: Flags
) -> Score:
    packed = (pairs.i << 32) | pairs.j

    def among(decided: pl.DataFrame) -> Flags:
        return np.isin(packed, (decided["i"].to_numpy() << 32) | decided["j"].to_numpy())

    is_together = among(together)
    is_apart = (among(apart) | alone[pairs.i] | alone[pairs.j]) & ~is_together
    veto = np.where(
        is_apart,
        np.int8(REASONS.index("never_merge")),
        np.where(is_together, np.int8(0), score.veto),
    )
    return Score(
        np.where(is_together, DECIDED_BITS, score.bits),
        veto,
        np.where(is_together, np.int8(0), score.doubt),
        score.blank,
    )


def _share_a_value(pairs: Compared) -> Flags:
    """Whether the two have a login, id number, mailbox or phone in common."""
    found, place, _ = pairs.kinds
    flags: Flags = np.any([found[:, PLACE[name]] == 1 for name in IDENTIFIERS], axis=0)[place]
    return flags


def _without_ambiguous(pairs: Compared, score: Score) -> Score:
    """A record that fits two who are not one, the one hardly better than the other, is doubtful with both."""
    apart = (score.veto > 0) | np.isin(score.doubt, [DOUBTS.index(what) for what in LIKELY_TWO])
    likely = score.bits >= LEAST_BITS
    both = {"i": pairs.i, "j": pairs.j}
    two = (
        pl.DataFrame(both)
        .filter(pl.Series(apart & (likely | _share_a_value(pairs))))
        .rename({"i": "x", "j": "y"})
    )
    links = (
        pl.DataFrame({**both, "bits": score.effective})
        .with_row_index("pair")
        .filter(pl.Series(score.links))
    )
    near = pl.concat(
        [links.select("pair", "bits", n="i", x="j"), links.select("pair", "bits", n="j", x="i")]
    )
    met = (
        two.join(near, on="x")
        .join(near.rename({"x": "y", "pair": "pair_y", "bits": "bits_y"}), on=["n", "y"])
        .filter((pl.col("bits") - pl.col("bits_y")).abs() < MARGIN)
    )
    doubt = score.doubt.copy()
    for column in ("pair", "pair_y"):
        doubt[met[column].to_numpy()] = DOUBTS.index("ambiguous")
    doubt[score.bits >= DECIDED_BITS] = 0
    return replace(score, doubt=doubt)


def _edges(records: Records, pairs: Compared, score: Score, model: MatchModel) -> pl.DataFrame:
    found = candidate_pairs.levels(pairs.pattern)
    weights = model.by_comparison(found)
    key = records.party["record_key"]
    columns: dict[str, object] = {
        "record_key_a": key.gather(pairs.i), "record_key_b": key.gather(pairs.j),
        "content_a": records.content.gather(pairs.i), "content_b": records.content.gather(pairs.j),
    }  # fmt: skip
    rare = {"name": pairs.rarity, "address": pairs.home_rarity}
    for place, comparison in enumerate(COMPARISONS):
        columns[comparison.name] = found[:, place]
        columns[f"bits {comparison.name}"] = weights[:, place] + rare.get(comparison.name, 0)
    frame = pl.DataFrame(
        {
            **columns,
            "bits": score.bits,
            "effective": score.effective,
            "veto": score.veto,
            "doubt": score.doubt,
            "is_link": score.links,
        }
    )
    frame = frame.with_columns(
        veto=_reason("veto", REASONS), doubt=_reason("doubt", DOUBTS), is_copy=pl.lit(False)
    )
    # A copy hangs on the first that says the same, by what the first two have in common.
    copied = frame.join(_ordered(records.copies), on=PAIR, how="inner").with_columns(
        content_b="content_a", is_copy=pl.lit(True), record_key_b="record_key", record_key_a="first"
    )
    whole = pl.concat([frame, copied.select(frame.columns)])
    swapped = pl.col("record_key_a") > pl.col("record_key_b")
    pair = [
        pl.when(swapped).then(f"{what}_{b}").otherwise(f"{what}_{a}").alias(f"{what}_{a}")
        for what in ("record_key", "content")
        for a, b in (("a", "b"), ("b", "a"))
    ]
    return whole.with_columns(pair).sort(PAIR)


def _ordered(copies: pl.DataFrame) -> pl.DataFrame:
    """Copies by the two that stand for them, in either order; `first`: the one that the copy hangs on."""
    one = copies.with_columns(first="record_key_a")
    return pl.concat(
        [
            one,
            one.rename({"record_key_a": "record_key_b", "record_key_b": "record_key_a"}).select(
                one.columns
            ),
        ]
    )


def _reason(name: str, reasons: tuple[str, ...]) -> pl.Expr:
    place = pl.col(name).cast(pl.Int64)
    return pl.when(place > 0).then(
        place.replace_strict(dict(enumerate(reasons)), return_dtype=pl.String)
    )
