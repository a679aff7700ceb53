"""Metrics against scikit-learn, brute force and the bootstrap.

scikit-learn and scipy are imported in tests: each worker reads every module, and these take seconds.
"""

from __future__ import annotations

import numpy as np
import pytest

from customer_intel.core.statistics import wilson
from customer_intel.predictions import metrics
from customer_intel.predictions.metrics import Floats


def _sample(n: int, seed: int, *, ties: bool) -> tuple[Floats, Floats, Floats]:
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=n)
    y = (rng.random(n) < 1 / (1 + np.exp(-truth))).astype(float)
    p, base = (1 / (1 + np.exp(-(truth * s + rng.normal(size=n)))) for s in (1.0, 0.5))
    return y, np.round(p, 1 if ties else 12), np.round(base, 12)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_point_values_are_scikit_learns(seed: int, ties: bool) -> None:
    from sklearn import metrics as sk

    y, p, _ = _sample(700, seed, ties=ties)
    found = metrics.point_metrics(y, p)
    assert found["auc"] == pytest.approx(sk.roc_auc_score(y, p))
    assert found["ap"] == pytest.approx(sk.average_precision_score(y, p))
    assert found["log_loss"] == pytest.approx(sk.log_loss(y, np.clip(p, 1e-12, 1 - 1e-12)))
    assert found["brier"] == pytest.approx(sk.brier_score_loss(y, p))


def test_weights_are_repeated_rows() -> None:
    y, p, _ = _sample(300, 9, ties=True)
    weight = np.random.default_rng(0).integers(0, 4, 300)
    weighted = metrics.weighted_metrics(y, p, weight[None, :].astype(float))
    again = metrics.point_metrics(np.repeat(y, weight), np.repeat(p, weight))
    for name in ("ap", "log_loss", "brier", "lift_decile"):
        assert weighted[name][0] == pytest.approx(again[name])


def test_intervals_of_a_sample_are_as_wide_as_those_of_all() -> None:
    y, p, _ = _sample(6000, 12, ties=False)
    clusters = np.repeat(np.arange(3000), 2)
    every = metrics.evaluate(y, p, clusters, 200, 1)
    sampled = metrics.evaluate(y, p, clusters, 200, 1, most=2000)
    for name, one in every.items():
        other = sampled[name]
        assert one.value == other.value, name
        assert (other.high - other.low) / (one.high - one.low) == pytest.approx(1, abs=0.3), name


def test_lift_and_ece_by_hand() -> None:
    p = np.linspace(0.99, 0.01, 100)
    y = (np.arange(100) < 20).astype(float)
    assert metrics.point_metrics(y, p)["lift_decile"] == pytest.approx(5)
    # All tied: the top tenth is a fair cut of everybody.
    assert metrics.point_metrics(y, np.full(100, 0.4))["lift_decile"] == pytest.approx(1)
    assert metrics.point_metrics(y, np.full(100, 0.4))["ece"] == pytest.approx(0.2)


def _delong_by_hand(y: Floats, p: Floats, base: Floats) -> tuple[Floats, Floats]:
    """DeLong's covariance from its definition: all pairs of a positive and a negative."""
    v10, v01 = [], []
    for score in (p, base):
        wins = (score[y == 1][:, None] > score[y == 0]) + 0.5 * (
            score[y == 1][:, None] == score[y == 0]
        )
        v10.append(wins.mean(axis=1))
        v01.append(wins.mean(axis=0))
    covariance = np.cov(v10) / len(v10[0]) + np.cov(v01) / len(v01[0])
    return np.array([v.mean() for v in v10]), covariance


@pytest.mark.parametrize("ties", [False, True])
def test_delong_is_its_definition(ties: bool) -> None:
    y, p, base = _sample(150, 3, ties=ties)
    value, covariance = _delong_by_hand(y, p, base)
    found = metrics.auc_delong(y, p)
    assert found.value == pytest.approx(value[0])
    assert (found.high - found.value) / metrics.Z95 == pytest.approx(np.sqrt(covariance[0, 0]))
    gain = metrics.auc_gain(y, p, base)
    error = np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    assert gain.value == pytest.approx(value[0] - value[1])
    assert (gain.high - gain.value) / metrics.Z95 == pytest.approx(error)
    # A cluster of its own for each row is no clustering.
    assert metrics.auc_delong(y, p, np.arange(len(y))).low == pytest.approx(found.low)


def test_clustered_delong_agrees_with_a_bootstrap_of_clusters() -> None:
    rng = np.random.default_rng(2)
    people, visits = 150, 5
    taste, seen = rng.normal(size=people), rng.normal(size=people)
    clusters = np.repeat(np.arange(people), visits)
    y = (rng.random(people * visits) < 1 / (1 + np.exp(-2 * taste[clusters]))).astype(float)
    p = taste[clusters] + seen[clusters]
    rows = np.arange(people * visits).reshape(people, visits)
    draws = []
    for _ in range(600):
        picked = rows[rng.integers(0, people, people)].ravel()
        draws.append(metrics.auc(y[picked], p[picked]))
    clustered = metrics.auc_delong(y, p, clusters)
    error = (clustered.high - clustered.low) / 2 / metrics.Z95
    assert error == pytest.approx(np.std(draws), rel=0.15)
    plain = metrics.auc_delong(y, p)
    assert error > 1.3 * (plain.high - plain.low) / 2 / metrics.Z95


def test_log_loss_gain_is_a_paired_t_interval() -> None:
    from scipy import stats
    from sklearn import metrics as sk

    y, p, base = _sample(400, 6, ties=False)
    gain = metrics.log_loss_gain(y, p, base)
    paired = stats.ttest_rel(metrics.log_losses(y, base), metrics.log_losses(y, p))
    assert gain.value == pytest.approx(sk.log_loss(y, base) - sk.log_loss(y, p))
    assert gain.low == pytest.approx(paired.confidence_interval().low, rel=0.02)


def test_wilson_is_scipys() -> None:
    from scipy import stats

    for hits, n in ((0, 7), (3, 10), (10, 10), (480, 1000)):
        wanted = stats.binomtest(hits, n).proportion_ci(method="wilson")
        assert wilson(hits, n) == pytest.approx((wanted.low, wanted.high), abs=1e-12)


def test_bins_never_split_equal_values() -> None:
    p = np.repeat([0.1, 0.5, 0.9], [60, 30, 10])
    assert metrics.mid_rank_bin(p, 10).tolist() == [3] * 60 + [7] * 30 + [9] * 10


def test_calibration_errors_of_two_groups_do_not_cancel() -> None:
    y, p = np.array([1.0] * 3 + [0.0] * 7 + [1.0] * 7 + [0.0] * 3), np.full(20, 0.5)
    assert metrics.point_metrics(y, p)["ece"] == pytest.approx(0)
    groups = np.repeat([0, 1], 10)
    assert metrics.point_metrics(y, p, groups)["ece"] == pytest.approx(0.2)
    assert metrics.evaluate(y, p, np.arange(20), 50, 1, groups)["ece"].value == pytest.approx(0.2)
