"""What keeps customers: published values, plain loops, and worlds whose truth is known."""

from __future__ import annotations

import random
from math import sqrt

import numpy as np
import pytest

from customer_intel.behaviour import feature_driver_statistics as statistics
from customer_intel.behaviour.definitions import Behaviour
from customer_intel.behaviour.feature_driver import Judged
from customer_intel.behaviour.feature_driver_statistics import assess
from customer_intel.core.statistics import benjamini_hochberg
from customer_intel_tests.unit.behaviour.feature_driver_world import (
    Diary,
    World,
    drawn,
    kept_diary,
    odds_ratio,
)

BENCHMARK = 0.1
FEATURE = Behaviour("export", ("feature_used:export",))


def verdict(world: World | Diary, customers: int, seed: int) -> str:
    draw = drawn(world, customers, seed) if isinstance(world, World) else None
    measured = draw or kept_diary(world, customers, seed)  # type: ignore[arg-type]
    found = assess(measured, BENCHMARK)
    return Judged(FEATURE, measured, found).verdict(found.p_value if found else None)[0]


def share_supported(world: World | Diary, customers: int, draws: int) -> float:
    told = [verdict(world, customers, seed) for seed in range(draws)]
    return told.count("supported") / draws


# ---- worlds
def test_engagement_alone_makes_a_feature_look_good_and_is_seen_through() -> None:
    world = World()
    odds = [odds_ratio(drawn(world, 10_000, seed)) for seed in range(5)]
    assert 2.4 < np.mean(odds) < 2.9
    told = [verdict(world, 10_000, seed) for seed in range(20)]
    assert told.count("supported") <= 1 and told.count("confounded") >= 15
    # Adjusting for deciles alone would be wrong each time: its interval is above zero.
    adjusted = [assess(drawn(world, 50_000, seed), BENCHMARK) for seed in range(3)]
    assert all(found and found.adjusted.low > 0 for found in adjusted)


@pytest.mark.parametrize("world", [World(), World(use=2, stay=2), World(steady=0.8)], ids=str)
def test_a_feature_without_effect_is_hardly_ever_supported(world: World) -> None:
    assert share_supported(world, 2_000, 40) <= 0.05


def test_a_true_effect_is_found() -> None:
    assert share_supported(World(effect=0.15), 5_000, 20) >= 0.9


HARD = [
    World(use=0), World(), World(use=2, stay=1.5), World(stay=2), World(act=0.5), World(act=1.5),
    World(steady=0.8), World(use=2, stay=2, steady=0.5), World(usual_act=-3.5), World(usual_use=-4.5),
    World(usual_stay=2), World(usual_stay=-2), World(blocks=4), World(days=8), World(use=2, stay=2, days=8),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("customers", [2_000, 10_000, 50_000])
@pytest.mark.parametrize("world", HARD, ids=str)
def test_however_strong_the_confounding_a_zero_effect_is_seen_through(
    world: World, customers: int
) -> None:
    assert share_supported(world, customers, 200) <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize(
    ("customers", "effect"), [(2_000, 0.2), (5_000, 0.15), (10_000, 0.1), (50_000, 0.05)]
)
def test_the_stated_power_is_reached(customers: int, effect: float) -> None:
    assert share_supported(World(effect=effect), customers, 200) >= 0.8


DIARIES = [
    Diary(), Diary(fades=0.9), Diary(trait=0), Diary(trait=0, fades=0.9), Diary(use=2), Diary(usual_act=-3.2),
    Diary(use=2, trait=0, fades=0.95),
]  # fmt: skip


def test_moods_and_weekdays_do_not_fool_it_and_hide_no_effect() -> None:
    assert share_supported(Diary(use=2, fades=0.95, trait=0), 2_000, 20) <= 0.05
    assert share_supported(Diary(effect=1.2), 10_000, 6) >= 0.8


@pytest.mark.slow
@pytest.mark.parametrize("world", DIARIES, ids=str)
def test_a_fading_mood_that_drives_use_and_staying_is_seen_through(world: Diary) -> None:
    assert share_supported(world, 10_000, 200) <= 0.05


def test_what_leaves_no_trace_in_activity_is_not_seen() -> None:
    """The limit of what data without chance can tell: hence the E-value, the experiment, and the
    words of the report.
    """
    assert share_supported(World(hidden=1.0), 10_000, 10) >= 0.8


def test_the_correction_is_about_right_and_its_error_too() -> None:
    found = [assess(drawn(World(effect=0.1), 10_000, seed), BENCHMARK) for seed in range(30)]
    corrected = [item.corrected for item in found if item]
    assert len(corrected) == 30
    assert abs(np.mean([effect.value for effect in corrected]) - 0.1) < 0.02
    spread = np.std([effect.value for effect in corrected], ddof=1)
    assert 0.6 < spread / np.mean([effect.error for effect in corrected]) < 1.5
    stable = [assess(drawn(World(steady=0.5), 10_000, seed), BENCHMARK) for seed in range(5)]
    assert 0.3 < np.mean([item.stability for item in stable if item]) < 0.6


def test_too_few_are_not_judged() -> None:
    measured = drawn(World(), 60, 1)
    assert assess(measured, BENCHMARK) is None
    told = Judged(FEATURE, measured, None).row(None)
    assert (told["verdict"], told["n"]) == ("inconclusive", told["n_exposed"] + told["n_unexposed"])
    assert "too few" in told["reason"]


# ---- published values
# UGDP, deaths on tolbutamide and placebo by age (Rothman, Greenland and Lash 2008, table 15-1).
UGDP = np.array([[[115, 5], [98, 8]], [[69, 16], [76, 22]]], dtype=float)


def test_mantel_haenszel_as_published() -> None:
    assert float(statistics.difference(UGDP)) == pytest.approx(0.0349, abs=5e-4)
    ratio, _ = statistics.risk_ratio(UGDP)
    assert ratio == pytest.approx(1.33, abs=5e-3)


def test_one_stratum_is_the_plain_difference() -> None:
    one = np.array([[[70, 30], [40, 60]]], dtype=float)
    assert float(statistics.difference(one)) == pytest.approx(0.3)
    assert statistics.risk_ratio(one)[0] == pytest.approx(2.0)
    plain = sqrt(0.6 * 0.4 / 100 + 0.3 * 0.7 / 100)
    assert statistics.sato_error(one) == pytest.approx(plain, rel=0.02)


@pytest.mark.parametrize(("strata", "size"), [(5, 80), (400, 4)])
def test_satos_error_is_the_spread_in_few_large_and_many_small_strata(
    strata: int, size: int
) -> None:
    rng = np.random.default_rng(7)
    base = rng.uniform(0.2, 0.7, strata)
    values, errors = [], []
    for _ in range(400):
        counts = np.zeros((strata, 2, 2))
        for used in (0, 1):
            stayed = rng.binomial(size // 2, base + 0.1 * used)
            counts[:, used] = np.column_stack([size // 2 - stayed, stayed])
        values.append(float(statistics.difference(counts)))
        errors.append(statistics.sato_error(counts))
    assert np.mean(values) == pytest.approx(0.1, abs=0.01)
    assert np.std(values) / np.mean(errors) == pytest.approx(1, abs=0.12)


def test_e_values_as_published() -> None:
    # Breastfeeding and death by infection: 3.9 (1.8 to 8.7); VanderWeele and Ding 2017.
    assert statistics.e_value(3.9) == pytest.approx(7.26, abs=5e-3)
    assert statistics.e_value(1.8) == pytest.approx(3.0, abs=5e-3)
    assert statistics.e_value(1 / 1.8) == pytest.approx(3.0, abs=5e-3)
    assert statistics.e_value(1.0) == 1.0


def test_benjamini_and_hochbergs_own_example() -> None:
    p = [
        .0001, .0004, .0019, .0095, .0201, .0278, .0298, .0344, .0459, .3240, .4262, .5719, .6528, .7590, 1.0
    ]  # fmt: skip
    random.Random(1).shuffle(p)
    q = dict(zip(p, benjamini_hochberg(p), strict=True))
    assert [value for value in sorted(p) if q[value] <= 0.05] == [0.0001, 0.0004, 0.0019, 0.0095]
    assert q[0.0095] == pytest.approx(0.0095 * 15 / 4)
    # The smaller one of a larger p-value counts for it too.
    assert q[0.0278] == pytest.approx(0.0298 * 15 / 7) and q[1.0] == 1.0


def test_the_size_of_an_experiment_as_tables_have_it() -> None:
    assert statistics.size_per_arm(0.6, 0.1) == 356
    assert statistics.size_per_arm(0.6, 0.0) is None
    assert statistics.size_per_arm(0.95, 0.06) is None
    # Drawn experiments of that size find the gain four times of five.
    rng = np.random.default_rng(3)
    a, b = rng.binomial(356, 0.7, 4000) / 356, rng.binomial(356, 0.6, 4000) / 356
    z = (a - b) / np.sqrt((a + b) / 2 * (1 - (a + b) / 2) * 2 / 356)
    assert np.mean(z > 1.96) == pytest.approx(0.8, abs=0.02)


def test_phi_and_ppv() -> None:
    phi, ppv = statistics.agreement(used=40, both=30, stayed=50, n=100)
    used, stayed = [1] * 40 + [0] * 60, [1] * 30 + [0] * 10 + [1] * 20 + [0] * 40
    assert phi == pytest.approx(np.corrcoef(used, stayed)[0, 1])
    assert ppv == 0.75
    assert statistics.agreement(0, 0, 5, 10) == (None, None)


def test_ranks_and_bins_treat_equals_alike() -> None:
    values = np.array([3.0, 1, 1, 7, 7, 7])
    ranks = [sum(v < x for v in values) + sum(v == x for v in values) / 2 for x in values]
    assert statistics.mid_rank(values).tolist() == pytest.approx([rank / 6 for rank in ranks])
    assert len(set(statistics.binned(values, 4)[[1, 2]])) == 1


def test_a_trend_needs_one_within_strata() -> None:
    rng = np.random.default_rng(5)
    strata = rng.integers(0, 20, 4000)
    # Dose and staying rise with the stratum, and have nothing to do with each other within.
    dose = rng.poisson(strata / 10)
    stayed = (rng.random(4000) < 0.2 + strata / 40).astype(np.int64)
    nothing = np.zeros(4000, np.int64)
    assert statistics.trend(dose, stayed, nothing) < 1e-6
    assert statistics.trend(dose, stayed, strata) > 0.01
    better = (rng.random(4000) < 0.2 + np.minimum(dose, 3) / 10).astype(np.int64)
    assert statistics.trend(dose, better, strata) < 1e-6
