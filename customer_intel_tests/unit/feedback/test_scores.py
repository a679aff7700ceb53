"""Survey scores: tests of change keep their size and find what is there, intervals hold the truth;
by simulation. Published values are in oracles/test_survey_scores.py.
"""

from __future__ import annotations

from functools import cache
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from customer_intel.feedback import scores
from customer_intel.feedback.scores import NOBODY, Pairs, Score

# Promoters, passives, detractors in 100.
SHARES = [(90, 8, 2), (60, 30, 10), (34, 33, 33)]
nps = cache(scores.nps)


def test_an_interval_holds_its_score_however_few_the_answers() -> None:
    every = [
        nps(p, n - p - d, d) for n in range(1, 31) for p in range(n + 1) for d in range(n - p + 1)
    ]
    every += [scores.csat(k, n) for n in range(1, 121) for k in range(n + 1)]
    assert not [item for item in every if not item.low <= item.score <= item.high]


def test_one_detractor_of_thirty_makes_no_change() -> None:
    delta, _, p_value = scores.change(nps(29, 1, 0), nps(270, 24, 6))
    assert round(delta, 2) == -8.67 and p_value > 0.2


def test_unanimous_waves_and_single_answers_are_judged() -> None:
    assert scores.change(nps(5, 0, 0), nps(7, 0, 0)) == (0, 0, 1)
    assert scores.change(nps(0, 0, 1), nps(1, 0, 0))[2] > 0.1
    assert scores.change(nps(0, 0, 40), nps(40, 0, 0))[2] < 0.001
    assert scores.change(nps(0, 9, 0), nps(12, 0, 0))[2] < 0.05


def test_shares_are_compared_by_their_pooled_share() -> None:
    # 18 of 20 against 12 of 20: pooled .75, z = -.3 / sqrt(.75 * .25 / 10).
    assert scores.change(scores.csat(18, 20), scores.csat(12, 20))[1] == pytest.approx(
        -2.19089, abs=1e-5
    )


def test_who_answered_twice_is_compared_with_himself() -> None:
    before, now = nps(68, 66, 66), nps(80, 64, 56)
    alone = scores.change(before, now)[2]
    assert alone > 0.05 > scores.change(before, now, Pairs(200, 0.6))[2]
    assert scores.change(before, now, Pairs(9, 1.0))[2] == alone, "too few to tell"
    assert scores.change(before, now, Pairs(200, -0.5))[2] > alone
    # All agree but for a shift of one: the error is small, but not nothing.
    assert 0 < scores.change(nps(10, 10, 0), nps(0, 10, 10), Pairs(20, 1.0))[2] < 0.001


# ---- simulations
@cache
def _is_found(before: tuple[int, int, int], now: tuple[int, int, int]) -> bool:
    return scores.change(nps(*before), nps(*now))[2] < 0.05


def _waves(rng: Any, shares: tuple[int, int, int], n: int, times: int) -> list[tuple[int, ...]]:
    return [tuple(map(int, row)) for row in rng.multinomial(n, np.array(shares) / 100, times)]


def found_share(
    first: tuple[int, int, int], second: tuple[int, int, int], n: tuple[int, int], times: int
) -> float:
    """How often a change is called significant at .05."""
    rng = np.random.default_rng(7)
    pairs = zip(_waves(rng, first, n[0], times), _waves(rng, second, n[1], times), strict=True)
    return float(np.mean([_is_found(*pair) for pair in pairs]))  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("n", [(30, 300), (1000, 50), (200, 200), (300, 30)])
@pytest.mark.parametrize("shares", SHARES)
def test_one_in_twenty_waves_without_change_is_called_a_change(
    shares: tuple[int, int, int], n: tuple[int, int]
) -> None:
    assert 0.03 <= found_share(shares, shares, n, 4000) <= 0.07


def test_few_against_many_promoters_are_no_change_in_the_fast_suite_too() -> None:
    assert 0.02 <= found_share((90, 8, 2), (90, 8, 2), (30, 300), 1000) <= 0.07


@pytest.mark.slow
@pytest.mark.parametrize("n", [(30, 300), (300, 30), (20, 20)])
def test_two_shapes_of_one_score_are_no_change(n: tuple[int, int]) -> None:
    """Half for, half against, beside nine passive in ten: both 0."""
    assert 0.03 <= found_share((50, 0, 50), (10, 80, 10), n, 4000) <= 0.07


@pytest.mark.slow
@pytest.mark.parametrize("n", [20, 30, 100, 300])
@pytest.mark.parametrize("shares", SHARES)
def test_intervals_hold_the_true_score(shares: tuple[int, int, int], n: int) -> None:
    true = shares[0] - shares[2]
    rows = [nps(*row) for row in _waves(np.random.default_rng(3), shares, n, 6000)]
    assert np.mean([row.low <= true <= row.high for row in rows]) >= 0.93


def _side(latent: Any, shares: tuple[float, float, float]) -> Any:
    cut = NormalDist().inv_cdf
    return (latent > cut(1 - shares[0])).astype(int) - (latent < cut(shares[2])).astype(int)


def _counted(sides: Any) -> Score:
    return nps(int((sides > 0).sum()), int((sides == 0).sum()), int((sides < 0).sum()))


def paired_share(
    first: tuple[float, float, float], second: tuple[float, float, float], n: int, times: int
) -> tuple[float, float]:
    """How often a change is found when the same n answer twice, correlated by .7: paired, and as if
    they were strangers.
    """
    rng = np.random.default_rng(11)
    found = []
    for _ in range(times):
        latent = rng.multivariate_normal([0, 0], [[1, 0.7], [0.7, 1]], n)
        x, y = _side(latent[:, 0], first), _side(latent[:, 1], second)
        pairs = Pairs(n, float(np.corrcoef(x, y)[0, 1])) if x.std() and y.std() else NOBODY
        tests = (
            scores.change(_counted(x), _counted(y), also)[2] < 0.05 for also in (pairs, NOBODY)
        )
        found.append(tuple(tests))
    paired, apart = np.mean(found, axis=0)
    return float(paired), float(apart)


@pytest.mark.slow
def test_pairs_find_what_strangers_do_not_and_cry_wolf_no_more() -> None:
    paired, apart = paired_share((0.34, 0.33, 0.33), (0.40, 0.32, 0.28), 200, 3000)
    assert paired >= 0.5 and apart < 0.2
    for shares in ((0.9, 0.08, 0.02), (0.6, 0.3, 0.1), (0.34, 0.33, 0.33)):
        paired, _ = paired_share(shares, shares, 200, 3000)
        assert 0.03 <= paired <= 0.07
