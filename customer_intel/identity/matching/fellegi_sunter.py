"""Match weights: how much each level of agreement says for or against two records being one person,
in bits.

Fellegi and Sunter (1969), A Theory for Record Linkage: the weight of a level is log2(m / u), m its
chance among records of one person, u among records of two. m is fitted by expectation maximisation
(Dempster, Laird and Rubin, 1977; for linkage Winkler, 1988) from a prior, u is counted in random
pairs; both need no labels.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from customer_intel.identity.matching.comparison import Comparison
from customer_intel.identity.matching.comparison_levels import COMPARISONS, ONE_ROOF, PLACE

Floats = npt.NDArray[np.float64]
# Weight of the prior in matching pairs: with little data it decides, with much it does not matter.
PRIOR_PAIRS = 30.0
ROUNDS = 100
# A fit counts against the model it starts from as its expected matches against so many, comparison by comparison.
ANCHOR_PAIRS = 30.0
# Fewer records are a sample of a larger population: two of them are no more likely one person's.
LEAST_POPULATION = 5_000
# How usual a level is among strangers is counted against the anchor as so many pairs.
ANCHOR_STRANGERS = 100.0
# Some random pairs are one person's and are subtracted from u; at least this share of it always
# stays.
LEAST_CHANCE = 0.2
# What a family or an office may share besides a roof.
SHARED = ("email", "phone", "shared contact")
# Expected matches per record: the starting value of a fit, and the prior of a frozen model.
DOUBLES = 0.3


@dataclass(frozen=True)
class MatchModel:
    """`prior`: bits for two records of the data at large; `weights`: comparison → bits by level,
    level 0 first.

    `is_veto`: first names that differ are two people's, whatever else agrees; `is_birth_veto`: so
    are birth dates. `is_gap_doubt`: births a generation apart make one person doubtful. `n_matches`: pairs of one
    person that it found in the records it is of; 0 for a model of others' records.
    """

    prior: float
    weights: Mapping[str, tuple[float, ...]]
    is_veto: bool = True
    is_birth_veto: bool = False
    is_gap_doubt: bool = True
    n_matches: int = 0

    @property
    def version(self) -> str:
        """A short hash of the weights, as match_edge shows it."""
        text = json.dumps(self.as_dict(), sort_keys=True)
        return f"em-{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    def by_comparison(self, levels: npt.NDArray[np.int64]) -> Floats:
        """Bits, one row per row of `levels`, columns as COMPARISONS."""
        return _by_comparison(
            [np.array(self.weights[comparison.name]) for comparison in COMPARISONS], levels
        )

    def as_dict(self) -> dict[str, Any]:
        """The model as JSON-able data; `from_dict` reads it back."""
        weights = {name: list(bits) for name, bits in self.weights.items()}
        return {
            "prior": self.prior,
            "weights": weights,
            "is_veto": self.is_veto,
            "is_birth_veto": self.is_birth_veto,
            "is_gap_doubt": self.is_gap_doubt,
            "n_matches": self.n_matches,
        }

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> MatchModel:
        """Raises ValueError when it was made for other comparisons."""
        weights = {
            str(name): tuple(float(bits) for bits in listed)
            for name, listed in data["weights"].items()
        }
        if {name: len(bits) for name, bits in weights.items()} != {
            c.name: len(c.levels) + 1 for c in COMPARISONS
        }:
            raise ValueError("the model was made for other comparisons; fit it again")
        return MatchModel(
            float(data["prior"]),
            weights,
            bool(data["is_veto"]),
            bool(data["is_birth_veto"]),
            bool(data["is_gap_doubt"]),
            int(data["n_matches"]),
        )


def default_prior(records: int) -> float:
    """Bits of two among so many records, before anything is known of them."""
    return float(np.log2(2 * DOUBLES / max(records, LEAST_POPULATION)))


def fit(
    patterns: npt.NDArray[np.int64],
    counts: Floats,
    random: Sequence[Floats],
    records: int,
    *,
    is_veto: bool = True,
    is_birth_veto: bool = False,
    is_gap_doubt: bool = True,
    anchor: MatchModel | None = None,
) -> MatchModel:
    """A model from compared pairs.

    `patterns`: one row per combination of levels (columns as COMPARISONS), `counts`: pairs of each;
    `random`: pairs of random records per level, one array per comparison; `records`: how many
    records there are. `anchor`: the model that holds where the records say little.
    """
    pairs_at_large = max(records * (records - 1) / 2, 1.0)
    u_counted = [_chance_of(drawn) for drawn in random]
    prior_m = [_shares([level[2] for level in comparison.levels]) for comparison in COMPARISONS]
    m, u = [shares.copy() for shares in prior_m], [shares.copy() for shares in u_counted]
    known = [0.0] * len(COMPARISONS)
    matching = min(max(DOUBLES * records / pairs_at_large, 1e-12), 0.5)
    for _ in range(ROUNDS):
        weights = [_bits(*both) for both in zip(COMPARISONS, m, u, strict=True)]
        bits = _by_comparison(weights, patterns).sum(axis=1)
        # Beyond 60 bits it is certain, and 2 ** bits would overflow.
        p_match = 1 / (1 + 2.0 ** -np.clip(bits + np.log2(matching / (1 - matching)), -60, 60))
        expected = p_match * counts
        previous, matching = matching, min(max(expected.sum() / pairs_at_large, 1e-12), 0.5)
        for place in range(len(COMPARISONS)):
            level = np.bincount(patterns[:, place], weights=expected, minlength=len(m[place]))
            level[0] = 0
            known[place] = float(level.sum())
            m[place] = (level + PRIOR_PAIRS * prior_m[place]) / (level.sum() + PRIOR_PAIRS)
            u[place] = np.maximum(
                u_counted[place] - matching * m[place], LEAST_CHANCE * u_counted[place]
            ) / (1 - matching)
        if abs(matching - previous) < 1e-9 * previous:
            break
    prior = float(np.log2(matching / (1 - matching)))
    if anchor:
        weights = [
            _shrunk(
                comparison,
                np.array(anchor.weights[comparison.name]),
                weights[place],
                known[place],
                m[place],
                u[place],
                float(random[place][1:].sum()),
            )
            for place, comparison in enumerate(COMPARISONS)
        ]
        own = matching * pairs_at_large
        # The anchor's prior is that of as many records.
        prior = (own * prior + ANCHOR_PAIRS * default_prior(records)) / (own + ANCHOR_PAIRS)
    # Rounded, so that floating-point noise of another machine is no other version.
    listed = {
        comparison.name: tuple(round(float(b), 4) for b in weight)
        for comparison, weight in zip(COMPARISONS, weights, strict=True)
    }
    return MatchModel(
        round(float(prior), 4),
        listed,
        is_veto,
        is_birth_veto,
        is_gap_doubt,
        round(matching * pairs_at_large),
    )


def _shrunk(
    comparison: Comparison,
    anchor: Floats,
    fitted: Floats,
    pairs: float,
    m: Floats,
    u: Floats,
    strangers: float,
) -> Floats:
    """Bits drawn towards those of the anchor: at rare levels by how many matching pairs (`pairs`) were seen, at the
    others, where strangers are counted (`strangers` pairs), by these.
    """
    bits: Floats = (pairs * fitted + ANCHOR_PAIRS * anchor) / (pairs + ANCHOR_PAIRS)
    if not comparison.is_evidence:
        return bits
    prior_m = _shares([level[2] for level in comparison.levels])
    for level in range(1, len(bits)):
        if level not in comparison.rare:
            usual = prior_m[level] / 2.0 ** anchor[level]
            chance = (strangers * u[level] + ANCHOR_STRANGERS * usual) / (
                strangers + ANCHOR_STRANGERS
            )
            bits[level] = np.log2(max(m[level], 1e-9) / max(chance, 1e-12))
    return bits


def _shares(levels: Sequence[float]) -> Floats:
    """Chances by level, level 0 (not said) first, adding up to one."""
    shares = np.array([0.0, *levels])
    total: Floats = shares / shares.sum()
    return total


def _chance_of(found: Floats) -> Floats:
    """Chances by level among random pairs; one never seen gets part of half a pair, so that it is
    rare, not impossible.
    """
    counts = found.astype(float)
    counts[0] = 0
    added = np.where(counts > 0, 0, 0.5 / (len(counts) - 1))
    added[0] = 0
    shares: Floats = (counts + added) / max(float((counts + added).sum()), 1e-12)
    return shares


def _bits(comparison: Comparison, m: Floats, u: Floats) -> Floats:
    bits = np.zeros(len(m))
    if not comparison.is_evidence:
        return bits
    bits[1:] = np.log2(np.maximum(m[1:], 1e-9)) - np.log2(np.maximum(u[1:], 1e-12))
    for level, above in comparison.below:
        bits[level] = min(bits[level], bits[above])
    return bits


def _by_comparison(weights: Sequence[Floats], levels: npt.NDArray[np.int64]) -> Floats:
    bits = np.column_stack([weight[levels[:, place]] for place, weight in enumerate(weights)])
    is_one_roof = (levels[:, PLACE["address"]] > 0) & (levels[:, PLACE["address"]] <= ONE_ROOF)
    is_family = is_one_roof | np.any([levels[:, PLACE[name]] == 1 for name in SHARED], axis=0)
    everybody = np.ones(len(levels), dtype=bool)
    for place, comparison in enumerate(COMPARISONS):
        for caps, applies in (
            (comparison.most, everybody), (comparison.roof, is_one_roof), (comparison.family, is_family)
        ):  # fmt: skip
            for level, most in caps:
                here = applies & (levels[:, place] == level)
                bits[here, place] = np.minimum(bits[here, place], most)
    return bits
