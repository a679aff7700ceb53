"""The scorecard against scikit-learn, its own bootstrap, and the public telecom churn set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from customer_intel.predictions import metrics, scorecard
from customer_intel.predictions.metrics import Floats


def _sample(n: int, seed: int) -> tuple[dict[str, Floats], Floats]:
    rng = np.random.default_rng(seed)
    a, b = rng.gamma(2, 10, n), rng.poisson(0.4, n).astype(float)
    c = np.where(rng.random(n) < 0.3, np.nan, rng.integers(0, 11, n))
    logit = np.sin(np.log1p(a)) + 0.8 * b - 0.5 * np.isnan(c) - 0.5
    return {"a": a, "b": b, "c": c}, (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(float)


def test_contributions_sum_to_the_logit_also_when_calibrated() -> None:
    features, y = _sample(2000, 1)
    card = scorecard.fit(features, y, np.arange(2000))
    assert card is not None
    fresh, y_fresh = _sample(500, 2)
    fresh["a"][0], fresh["b"][1], fresh["c"][2] = 1e9, np.nan, -40.0
    for one in (card, card.calibrated(card.logit(fresh), y_fresh, np.arange(500))):
        summed = one.base + one.contributions(fresh).sum(axis=1)
        assert np.abs(summed - one.logit(fresh)).max() < 1e-9
    assert card.contributions(features).mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-9)


def test_baseline_is_plain_logistic_regression_on_log_recency() -> None:
    from sklearn.linear_model import LogisticRegression

    features, y = _sample(1500, 3)
    card = scorecard.fit({"a": features["a"]}, y, np.arange(1500), splines=False)
    x = np.log1p(features["a"])[:, None]
    plain = LogisticRegression(C=np.inf, tol=1e-10, max_iter=500).fit(x, y)
    assert card is not None
    assert card.logit({"a": features["a"]}) == pytest.approx(plain.decision_function(x), abs=1e-4)
    order = 1.0 if card.coefficients[0][0] > 0 else -1.0
    assert metrics.auc(y, card.logit(features)) == pytest.approx(
        metrics.auc(y, order * features["a"])
    )


@pytest.mark.slow
def test_standard_errors_are_those_of_refitting_on_resampled_customers() -> None:
    rng = np.random.default_rng(4)
    features, y = _sample(600, 4)
    clusters = np.repeat(np.arange(200), 3)
    card = scorecard.fit(features, y, clusters, splines=False)
    assert card is not None
    probe = {name: values[:40] for name, values in features.items()}
    rows = np.arange(600).reshape(200, 3)
    draws = []
    for _ in range(200):
        picked = rows[rng.integers(0, 200, 200)].ravel()
        resampled = {name: values[picked] for name, values in features.items()}
        again = scorecard.fit(resampled, y[picked], clusters, splines=False, errors=False)
        assert again is not None
        draws.append(again.logit(probe))
    ratio = card.standard_error(probe) / np.std(draws, axis=0)
    assert 0.8 < np.median(ratio) < 1.2


def test_a_signed_curve_only_moves_its_own_way() -> None:
    """`a` goes up and down in truth, `b` raises the odds: held to rise, and held to fall."""
    features, y = _sample(3000, 6)
    free = scorecard.fit(features, y, np.arange(3000), ridge=1.0)
    held = scorecard.fit(features, y, np.arange(3000), ridge=1.0, signs={"a": 1, "b": -1, "c": 1})
    assert free is not None and held is not None
    grid = {name: np.linspace(0, 60, 200) for name in features}
    assert np.diff(free.contributions(grid)[:, 0]).min() < -1e-3
    assert np.diff(held.contributions(grid)[:, 0]).min() >= -1e-12
    assert np.abs(held.contributions(grid)[:, 1]).max() == 0
    assert metrics.log_losses(y, scorecard.sigmoid(held.logit(features))).mean() < np.log(2)


def test_the_bounded_fit_is_the_least_penalised_loss() -> None:
    from scipy.optimize import minimize

    rng = np.random.default_rng(7)
    design = np.column_stack([np.ones(800), rng.normal(size=(800, 6))])
    y = (rng.random(800) < scorecard.sigmoid(design @ [0.2, 1, -1, 0.5, -0.5, 0, 0.1])).astype(
        float
    )
    bounded = np.array([False, True, True, True, True, False, False])

    def loss(weights: Floats) -> float:
        logit = design @ weights
        return float((np.logaddexp(0, logit) - y * logit).sum() + 5 * (weights[1:] ** 2).sum())

    bounds = [(0, None) if bound else (None, None) for bound in bounded]
    found = minimize(loss, np.zeros(7), method="L-BFGS-B", bounds=bounds)
    ours = scorecard._fit_logistic(design, y, 0.1, bounded)
    assert loss(ours) <= found.fun + 1e-6
    assert ours == pytest.approx(found.x, abs=1e-3) and ours[2] == ours[4] == 0


def test_its_name_is_its_content() -> None:
    features, y = _sample(400, 5)
    one, two = (scorecard.fit(features, y, np.arange(400)) for _ in range(2))
    other = scorecard.fit(features, 1 - y, np.arange(400))
    assert one and two and other
    assert one.model_id("m") == two.model_id("m") != other.model_id("m")


def test_nothing_varies_nothing_fitted() -> None:
    y = np.array([0.0, 1.0] * 20)
    assert scorecard.fit({"a": np.ones(40), "b": np.full(40, np.nan)}, y, np.arange(40)) is None


@pytest.mark.slow
def test_telecom_churn_is_as_good_as_published_and_no_better(shared_data: Path) -> None:
    file = shared_data / "telco_churn" / "WA_Fn-UseC_-Telco-Customer-Churn.csv.gz"
    frame = pl.read_csv(file, null_values=" ")
    y = (frame["Churn"] == "Yes").cast(pl.Float64).to_numpy()
    features: dict[str, Floats] = {}
    for name in frame.columns[1:-1]:
        if frame[name].dtype == pl.String:
            for value in sorted(frame[name].unique()):
                features[f"{name}={value}"] = (frame[name] == value).cast(pl.Float64).to_numpy()
        else:
            features[name] = frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    fold = np.random.default_rng(0).permutation(len(y)) % 5
    found = []
    for k in range(5):
        train, test = fold != k, fold == k
        card = scorecard.fit(
            {n: v[train] for n, v in features.items()},
            y[train],
            np.flatnonzero(train),
            errors=False,
        )
        assert card is not None
        found.append(metrics.auc(y[test], card.logit({n: v[test] for n, v in features.items()})))
    print(f"telco 5-fold AUC {np.mean(found):.4f}")
    assert 0.845 < np.mean(found) < 0.855
