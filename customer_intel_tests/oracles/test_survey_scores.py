"""Survey scores against published reference values, scipy and simulation."""

from __future__ import annotations

import numpy as np
import pytest

from customer_intel.core.statistics import holm
from customer_intel.feedback import scores


def test_adjusted_wald_reference_values() -> None:
    usual = scores.nps(100, 60, 40)
    assert [round(x, 3) for x in (usual.score, usual.se, usual.low, usual.high)] == [
        30.0,
        5.523,
        18.815,
        40.298,
    ]
    few = scores.nps(9, 6, 5)
    assert [round(x, 3) for x in (few.low, few.high)] == [-15.397, 50.180]
    unanimous = scores.nps(20, 0, 0)
    assert [round(x, 3) for x in (unanimous.adjusted, unanimous.low, unanimous.high)] == [
        86.957,
        69.683,
        100.0,
    ]
    assert unanimous.score == 100


def test_waves_reference_values() -> None:
    delta, z, p = scores.change(scores.nps(100, 60, 40), scores.nps(120, 55, 25))
    assert (round(delta, 3), round(z, 3), round(p, 4)) == (17.5, 2.350, 0.0188)


def test_ten_points_need_about_960_answers_a_wave() -> None:
    # The reference shares, 50 % promoters and 20 % detractors.
    assert scores.nps(480, 288, 192).mde80 == pytest.approx(10, abs=0.05)


def test_two_unanimous_or_tiny_waves_are_no_certainty() -> None:
    assert scores.change(scores.nps(40, 0, 0), scores.nps(0, 0, 40))[2] < 1e-6
    assert scores.change(scores.nps(0, 0, 1), scores.nps(1, 0, 0))[2] > 0.2
    assert scores.change(scores.nps(40, 0, 0), scores.nps(50, 0, 0))[0] == 0


@pytest.mark.parametrize(("satisfied", "n"), [(0, 1), (3, 4), (17, 20), (50, 50), (812, 1000)])
def test_csat_is_agresti_coull(satisfied: int, n: int) -> None:
    from scipy import stats

    z = 1.96
    centre = (satisfied + z**2 / 2) / (n + z**2)
    half = z * np.sqrt(centre * (1 - centre) / (n + z**2))
    score = scores.csat(satisfied, n)
    assert score.score == pytest.approx(100 * satisfied / n)
    assert score.low == pytest.approx(100 * max(centre - half, 0))
    assert score.high == pytest.approx(100 * min(centre + half, 1))
    # Agresti and Coull's interval has Wilson's centre and holds Wilson's interval.
    wilson = stats.binomtest(satisfied, n).proportion_ci(method="wilson")
    assert score.low <= 100 * wilson.low + 0.01 and score.high >= 100 * wilson.high - 0.01


def test_holm_by_hand_and_never_below_plain() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []
    plain = np.random.default_rng(1).random(30)
    adjusted = holm(plain.tolist())
    assert (np.array(adjusted) >= plain).all() and (
        np.argsort(adjusted, kind="stable")[0] == np.argmin(plain)
    )


def test_intervals_cover_and_tests_keep_their_level() -> None:
    rng = np.random.default_rng(7)
    shares, truth, n = [0.5, 0.3, 0.2], 30.0, 40
    drawn = [scores.nps(*map(int, rng.multinomial(n, shares))) for _ in range(4000)]
    covered = np.mean([score.low <= truth <= score.high for score in drawn])
    assert 0.935 < covered < 0.965
    false_alarms = np.mean(
        [scores.change(a, b)[2] < 0.05 for a, b in zip(drawn[::2], drawn[1::2], strict=True)]
    )
    assert false_alarms < 0.065
