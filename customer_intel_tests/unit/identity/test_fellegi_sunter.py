"""The fit of match weights: a simulation with known chances, an anchor that decides where records say little."""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt
import pytest

from customer_intel.identity.linking.match_model import shipped
from customer_intel.identity.matching.comparison_levels import COMPARISONS, PLACE
from customer_intel.identity.matching.fellegi_sunter import (
    ANCHOR_PAIRS,
    MatchModel,
    default_prior,
    fit,
)

Floats = npt.NDArray[np.float64]
RECORDS = 20_000
PAIRS = RECORDS * (RECORDS - 1) / 2
# Chances by level, level 0 first (not said): among pairs of one person, among pairs of two.
M = {
    "birth date": (0.0, 0.80, 0.08, 0.02, 0.01, 0.03, 0.01, 0.03, 0.01, 0.01),
    "phone": (0.0, 0.70, 0.05, 0.25),
    "id number": (0.0, 0.75, 0.15, 0.04, 0.06),
    "gender": (0.0, 0.96, 0.04),
}
U = {
    "birth date": (0.0, 0.0001, 0.002, 0.0003, 0.0006, 0.007, 0.001, 0.489, 0.2, 0.3),
    "phone": (0.0, 0.0002, 0.0008, 0.999),
    "id number": (0.0, 0.00005, 0.0001, 0.0008, 0.99905),
    "gender": (0.0, 0.52, 0.48),
}


def simulated(matches: int, rng: np.random.Generator) -> tuple[npt.NDArray[np.int64], Floats]:
    """Patterns of all pairs, `matches` of them one person's, drawn by M and U; how often each came."""
    levels = [range(1, len(M[name])) for name in M]
    patterns = np.zeros(
        (int(np.prod([len(level) for level in levels])), len(COMPARISONS)), np.int64
    )
    patterns[:, [PLACE[name] for name in M]] = list(product(*levels))
    of_one, of_two = (
        np.prod([np.array(chances[name])[patterns[:, PLACE[name]]] for name in M], axis=0)
        for chances in (M, U)
    )
    counts = rng.poisson(matches * of_one) + rng.poisson((PAIRS - matches) * of_two)
    return patterns, counts.astype(float)


def random_pairs(matches: int) -> list[Floats]:
    """Pairs of random records by level: a few of them are one person's."""
    share = matches / PAIRS
    return [
        1e6 * ((1 - share) * np.array(U[comparison.name]) + share * np.array(M[comparison.name]))
        if comparison.name in U
        else np.zeros(len(comparison.levels) + 1)
        for comparison in COMPARISONS
    ]


def fitted(matches: int, seed: int = 3, anchor: MatchModel | None = None) -> MatchModel:
    patterns, counts = simulated(matches, np.random.default_rng(seed))
    return fit(patterns, counts, random_pairs(matches), RECORDS, anchor=anchor)


def true_bits(name: str) -> Floats:
    return np.log2(np.array(M[name][1:]) / np.array(U[name][1:]))


def test_a_fit_recovers_what_the_pairs_were_drawn_by() -> None:
    found = fitted(matches=6_000)
    for name in M:
        often = np.array(M[name][1:]) >= 0.02
        off = np.abs(np.array(found.weights[name][1:]) - true_bits(name))[often]
        assert off.max() < 0.35, (name, off)
    assert found.prior == pytest.approx(np.log2(6_000 / PAIRS), abs=0.1)


def test_more_matching_pairs_bring_it_nearer() -> None:
    def off(model: MatchModel) -> float:
        return max(
            float(np.abs(np.array(model.weights[name][1:2]) - true_bits(name)[:1]).max())
            for name in M
        )

    few, many = (np.mean([off(fitted(n, seed)) for seed in range(5)]) for n in (300, 6_000))
    assert many < few


def test_of_few_pairs_the_anchor_decides() -> None:
    patterns, counts = simulated(1, np.random.default_rng(3))
    found = fit(patterns, counts, random_pairs(1), RECORDS, anchor=shipped())
    for name, bits in found.weights.items():
        rare = list(COMPARISONS[PLACE[name]].rare)
        assert np.take(bits, rare) == pytest.approx(np.take(shipped().weights[name], rare), abs=1.0)
    assert found.prior == pytest.approx(default_prior(RECORDS), abs=0.6)


def test_of_many_pairs_the_fit_does() -> None:
    free, anchored = fitted(6_000), fitted(6_000, anchor=shipped())
    # What is known of few of them stays the anchor's; of a comparison that nobody made, all.
    assert anchored.weights["email"] == pytest.approx(shipped().weights["email"], abs=1e-4)
    assert anchored.prior == pytest.approx(free.prior, abs=0.1)
    for name in M:
        assert anchored.weights[name] == pytest.approx(free.weights[name], abs=0.15), name


def test_between_them_it_is_the_mean_by_pairs() -> None:
    free, anchored = fitted(60), fitted(60, anchor=shipped())
    expected = 2.0**free.prior * PAIRS
    share = expected / (expected + ANCHOR_PAIRS)
    for name in M:
        own, other = np.array(free.weights[name]), np.array(shipped().weights[name])
        mean = share * own + (1 - share) * other
        off, rare = np.abs(anchored.weights[name] - mean), list(COMPARISONS[PLACE[name]].rare)
        assert (off <= 0.05 * (1 + np.abs(own - other)))[rare].all(), name


def test_what_strangers_often_share_is_counted_however_few_the_matches() -> None:
    """In a home of one gender, that gender says nothing, whatever it says elsewhere."""
    patterns, counts = simulated(1, np.random.default_rng(3))
    random = random_pairs(1)
    random[PLACE["gender"]] = np.array([0.0, 1e6, 0.0])
    here = patterns[:, PLACE["gender"]] == 1
    found = fit(patterns[here], counts[here], random, RECORDS, anchor=shipped())
    assert shipped().weights["gender"][1] > 0.8
    assert found.weights["gender"][1] == pytest.approx(0, abs=0.1)


def test_rows_of_patterns_in_another_order_give_the_same_model() -> None:
    patterns, counts = simulated(500, np.random.default_rng(7))
    order = np.random.default_rng(8).permutation(len(counts))
    one, other = (
        fit(rows, numbers, random_pairs(500), RECORDS)
        for rows, numbers in ((patterns, counts), (patterns[order], counts[order]))
    )
    assert one == other and one.version == other.version


def test_weights_fall_from_agreeing_to_differing() -> None:
    found = fitted(6_000)
    for name, (first, last) in product(("phone", "id number"), ((1, -1),)):
        assert found.weights[name][first] > 5 > 0 > found.weights[name][last]
