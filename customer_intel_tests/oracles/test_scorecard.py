"""The scorecard against scikit-learn, its own bootstrap, and the public telecom churn set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from customer_intel.predictions import logistic, metrics, scorecard
from customer_intel.predictions.coded import Coded
from customer_intel.predictions.logistic import Design
from customer_intel.predictions.metrics import Floats


def _coded(**features: Floats) -> dict[str, Coded]:
    return {name: Coded.of(values) for name, values in features.items()}


def _sample(n: int, seed: int) -> tuple[dict[str, Floats], Floats]:
    rng = np.random.default_rng(seed)
    a, b = rng.gamma(2, 10, n), rng.poisson(0.4, n).astype(float)
    c = np.where(rng.random(n) < 0.3, np.nan, rng.integers(0, 11, n))
    logit = np.sin(np.log1p(a)) + 0.8 * b - 0.5 * np.isnan(c) - 0.5
    return {"a": a, "b": b, "c": c}, (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(float)


def test_contributions_sum_to_the_logit_also_when_calibrated() -> None:
    features, y = _sample(2000, 1)
    card = scorecard.fit(_coded(**features), y, np.arange(2000))
    assert card is not None
    rows, y_fresh = _sample(500, 2)
    rows["a"][0], rows["b"][1], rows["c"][2] = 1e9, np.nan, -40.0
    fresh = _coded(**rows)
    for one in (card, card.calibrated(card.logit(fresh), y_fresh, np.arange(500))):
        summed = one.base + one.contributions(fresh).sum(axis=1)
        assert np.abs(summed - one.logit(fresh)).max() < 1e-9
    assert card.contributions(_coded(**features)).mean(axis=0) == pytest.approx(
        np.zeros(3), abs=1e-9
    )


def test_baseline_is_plain_logistic_regression_on_log_recency() -> None:
    from sklearn.linear_model import LogisticRegression

    features, y = _sample(1500, 3)
    own = _coded(a=features["a"])
    card = scorecard.fit(own, y, np.arange(1500), splines=False)
    x = np.log1p(features["a"])[:, None]
    plain = LogisticRegression(C=np.inf, tol=1e-10, max_iter=500).fit(x, y)
    assert card is not None
    assert card.logit(own) == pytest.approx(plain.decision_function(x), abs=1e-4)
    order = 1.0 if card.coefficients[0][0] > 0 else -1.0
    assert metrics.auc(y, card.logit(own)) == pytest.approx(metrics.auc(y, order * features["a"]))


@pytest.mark.slow
def test_standard_errors_are_those_of_refitting_on_resampled_customers() -> None:
    rng = np.random.default_rng(4)
    features, y = _sample(600, 4)
    clusters = np.repeat(np.arange(200), 3)
    card = scorecard.fit(_coded(**features), y, clusters, splines=False)
    assert card is not None
    probe = _coded(**{name: values[:40] for name, values in features.items()})
    rows = np.arange(600).reshape(200, 3)
    draws = []
    for _ in range(200):
        picked = rows[rng.integers(0, 200, 200)].ravel()
        resampled = _coded(**{name: values[picked] for name, values in features.items()})
        again = scorecard.fit(resampled, y[picked], clusters, splines=False, errors=False)
        assert again is not None
        draws.append(again.logit(probe))
    ratio = card.standard_error(probe) / np.std(draws, axis=0)
    assert 0.8 < np.median(ratio) < 1.2


def test_a_signed_curve_only_moves_its_own_way() -> None:
    """`a` goes up and down in truth, `b` raises the odds: held to rise, and held to fall."""
    features, y = _sample(3000, 6)
    own = _coded(**features)
    free = scorecard.fit(own, y, np.arange(3000), ridge=1.0)
    held = scorecard.fit(own, y, np.arange(3000), ridge=1.0, signs={"a": 1, "b": -1, "c": 1})
    assert free is not None and held is not None
    grid = _coded(**{name: np.linspace(0, 60, 200) for name in features})
    assert np.diff(free.contributions(grid)[:, 0]).min() < -1e-3
    assert np.diff(held.contributions(grid)[:, 0]).min() >= -1e-12
    assert np.abs(held.contributions(grid)[:, 1]).max() == 0
    assert metrics.log_losses(y, scorecard.sigmoid(held.logit(own))).mean() < np.log(2)


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
    ours = logistic.fit(Design.of(design[:, 1:]), y, 0.1, bounded)
    assert loss(ours) <= found.fun + 1e-6
    assert ours == pytest.approx(found.x, abs=1e-3) and ours[2] == ours[4] == 0


@pytest.mark.parametrize("knots", [[0.0, 1.0, 5.0], [-2.0, -1.9, 7.0], [0.0, 1.0, 2.0, 6.0]])
def test_splines_are_scikit_learns(knots: list[float]) -> None:
    from sklearn.preprocessing import SplineTransformer

    x = np.concatenate([np.linspace(-9, 9, 401), knots])
    bases = SplineTransformer(degree=3, knots=np.array(knots)[:, None], extrapolation="constant")
    theirs = bases.fit(x[:, None]).transform(x[:, None])
    rising = theirs[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:]
    assert scorecard.rising(x, np.array(knots)) == pytest.approx(rising, abs=1e-12)


def test_knots_fill_and_scale_are_those_of_all_rows() -> None:
    rng = np.random.default_rng(8)
    for values in (rng.poisson(0.7, 501) * 1.0, rng.gamma(2, 3, 500), rng.integers(-3, 9, 44) / 4):
        values[::7] = np.nan
        known = values[~np.isnan(values)]
        scaled = np.sign(known) * np.log1p(np.abs(known))
        feature = Coded.of(values)
        found = scorecard._curve("a", feature, True, 1)
        assert found is not None
        curve, table = found
        assert curve.fill == pytest.approx(np.median(scaled), abs=1e-15)
        knots = np.unique(np.quantile(scaled, scorecard.KNOT_QUANTILES))
        assert curve.knots is None or curve.knots == pytest.approx(knots, abs=1e-15)
        columns = table[feature.codes]
        assert columns.mean(axis=0) == pytest.approx(np.zeros(columns.shape[1]), abs=1e-12)
        assert columns.std(axis=0) == pytest.approx(np.ones(columns.shape[1]))


def test_a_sampled_curvature_leads_to_the_same_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """One column is so rare that no sampled row has it."""
    features, y = _sample(6000, 9)
    features["rare"] = np.zeros(6000)
    features["rare"][[1, 501, 3002]] = 1.0
    own = _coded(**features)
    exact = scorecard.fit_each(own, y, np.arange(6000), scorecard.RIDGES, signs={"b": 1})
    monkeypatch.setattr(logistic, "BEND_NUMBERS", 3000)
    sampled = scorecard.fit_each(own, y, np.arange(6000), scorecard.RIDGES, signs={"b": 1})
    for one, other in zip(exact, sampled, strict=True):
        assert np.abs(one.logit(own) - other.logit(own)).max() < 1e-6


def test_errors_summed_in_chunks_are_those_of_the_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(10)
    columns, clusters = rng.normal(size=(700, 4)), rng.integers(0, 90, 700)
    y = (rng.random(700) < 0.4).astype(float)
    design = Design.of(columns)
    weights = logistic.fit(design, y, 1.0)
    p, full = scorecard.sigmoid(design.times(weights)), design.rows(slice(None))
    bread = np.linalg.inv(full.T @ (full * (p * (1 - p))[:, None]) + np.diag([0.0, 1, 1, 1, 1]))
    scores = np.array(
        [(full * (y - p)[:, None])[clusters == at].sum(axis=0) for at in np.unique(clusters)]
    )
    monkeypatch.setattr(logistic, "_CHUNK", 64)
    found = logistic.covariance(design, y, clusters, 1.0, weights)
    assert found == pytest.approx(bread @ scores.T @ scores @ bread, rel=1e-9)
    assert design.spread(found) == pytest.approx(((full @ found) * full).sum(axis=1))


def test_its_name_is_its_content() -> None:
    features, y = _sample(400, 5)
    one, two = (scorecard.fit(_coded(**features), y, np.arange(400)) for _ in range(2))
    other = scorecard.fit(_coded(**features), 1 - y, np.arange(400))
    assert one and two and other
    assert one.model_id("m") == two.model_id("m") != other.model_id("m")


def test_nothing_varies_nothing_fitted() -> None:
    y = np.array([0.0, 1.0] * 20)
    flat = _coded(a=np.ones(40), b=np.full(40, np.nan))
    assert scorecard.fit(flat, y, np.arange(40)) is None


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
            _coded(**{n: v[train] for n, v in features.items()}),
            y[train],
            np.flatnonzero(train),
            errors=False,
        )
        assert card is not None
        found.append(
            metrics.auc(y[test], card.logit(_coded(**{n: v[test] for n, v in features.items()})))
        )
    print(f"telco 5-fold AUC {np.mean(found):.4f}")
    assert 0.845 < np.mean(found) < 0.855
