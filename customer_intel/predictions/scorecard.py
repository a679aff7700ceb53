"""A spline-logit scorecard: each feature adds its own curve to the log-odds, so its reasons are
exact.

Belongs here: fitting, calibrating, scoring, contributions, standard errors. Not here: which rows
(churn.py).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from customer_intel.predictions.metrics import Floats, Ints

KNOT_QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)
# Strength of the ridge on standardised bases; a plain curve (the baseline) gets next to none.
RIDGE_C = 0.1
NO_RIDGE_C = 1e6


@dataclass(frozen=True)
class Curve:
    """One feature's bases. `bases` is a fitted SplineTransformer, or None for a straight line."""

    feature: str
    fill: float
    bases: Any
    has_missing: bool
    mean: Floats
    scale: Floats

    def columns(self, values: Floats) -> Floats:
        """Shape (rows, columns): the feature's values on the curve's standardised basis."""
        columns = _raw_columns(values, self.fill, self.bases, self.has_missing)
        return np.asarray((columns - self.mean) / self.scale)


@dataclass(frozen=True)
class Scorecard:
    """logit = intercept + sum of contributions. `covariance` has the intercept first; None when not
    asked for.
    """

    curves: tuple[Curve, ...]
    intercept: float
    coefficients: tuple[Floats, ...]
    covariance: Floats | None
    slope: float = 1.0
    offset: float = 0.0
    platt_covariance: Floats | None = None

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features used."""
        return tuple(curve.feature for curve in self.curves)

    def _design(self, features: Mapping[str, Floats]) -> list[Floats]:
        return [curve.columns(features[curve.feature]) for curve in self.curves]

    def contributions(self, features: Mapping[str, Floats]) -> Floats:
        """rows × features, in log-odds against the average customer of the training rows."""
        parts = [
            columns @ weights * self.slope
            for columns, weights in zip(self._design(features), self.coefficients, strict=True)
        ]
        return np.asarray(np.column_stack(parts))

    @property
    def base(self) -> float:
        """The calibrated intercept."""
        return self.intercept * self.slope + self.offset

    def recalibrated(self, raw: Floats) -> Floats:
        """The calibrated logit of an uncalibrated one."""
        return raw * self.slope + self.offset

    def logit(self, features: Mapping[str, Floats]) -> Floats:
        """Shape (rows,): log odds of the label."""
        design = np.hstack(self._design(features))
        return np.asarray(
            (self.intercept + design @ np.concatenate(self.coefficients)) * self.slope + self.offset
        )

    def standard_error(self, features: Mapping[str, Floats]) -> Floats:
        """Of the logit, by the delta method: coefficients (by customer) and calibration, taken as
        independent. Raises ValueError for a scorecard without its covariance.
        """
        if self.covariance is None:
            raise ValueError("this scorecard was fitted without errors; fit it with errors=True")
        design = np.hstack(self._design(features))
        design = np.hstack([np.ones((len(design), 1)), design])
        variance = self.slope**2 * ((design @ self.covariance) * design).sum(axis=1)
        if self.platt_covariance is not None:
            raw = (
                (self.logit(features) - self.offset) / self.slope
                if self.slope
                else np.zeros(len(design))
            )
            line = np.column_stack([np.ones(len(raw)), raw])
            variance = variance + ((line @ self.platt_covariance) * line).sum(axis=1)
        return np.asarray(np.sqrt(np.maximum(variance, 0.0)))

    def calibrated(self, logits: Floats, y: Floats, clusters: Ints) -> Scorecard:
        """Platt's line through out-of-time `logits`: contributions only scale, so they stay exact."""
        errors = self.covariance is not None
        intercept, weights, covariance = _fit_logistic(
            logits[:, None], y, clusters, NO_RIDGE_C, errors
        )
        return replace(self, slope=float(weights[0]), offset=intercept, platt_covariance=covariance)

    def model_id(self, prefix: str) -> str:
        """Derives from what the model is, not from when it was made."""
        content = [
            [curve.feature, round(curve.fill, 9), *np.round(weights, 9).tolist()]
            for curve, weights in zip(self.curves, self.coefficients, strict=True)
        ]
        text = json.dumps(
            [content, round(self.intercept, 9), round(self.slope, 9), round(self.offset, 9)]
        )
        return f"{prefix}_{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def sigmoid(logit: Floats) -> Floats:
    """Probabilities of log odds."""
    from scipy.special import expit

    return np.asarray(expit(logit))


def fit(
    features: Mapping[str, Floats],
    y: Floats,
    clusters: Ints,
    *,
    splines: bool = True,
    errors: bool = True,
) -> Scorecard | None:
    """Fits one curve per feature that varies; None when none does. NaN means not known.

    `splines=False` gives a straight line in log1p of each feature, without shrinkage: the recency
    baseline. `errors` adds the covariance of the coefficients: a sandwich that sums scores by
    customer before squaring them.
    """
    curves, blocks = [], []
    for name in sorted(features):
        found = _curve(name, features[name], splines)
        if found is not None:
            curves.append(found[0])
            blocks.append(found[1])
    if not curves:
        return None
    design = np.hstack(blocks)
    ridge = RIDGE_C if splines else NO_RIDGE_C
    intercept, weights, covariance = _fit_logistic(design, y, clusters, ridge, errors)
    edges = np.cumsum([block.shape[1] for block in blocks])[:-1]
    return Scorecard(tuple(curves), intercept, tuple(np.split(weights, edges)), covariance)


def _raw_columns(values: Floats, fill: float, bases: Any, has_missing: bool) -> Floats:
    known = ~np.isnan(values)
    scaled = np.where(known, np.sign(values) * np.log1p(np.abs(values)), fill)[:, None]
    columns = scaled if bases is None else bases.transform(scaled)
    return np.hstack([columns, (~known).astype(np.float64)[:, None]]) if has_missing else columns


def _curve(name: str, values: Floats, splines: bool) -> tuple[Curve, Floats] | None:
    """The feature's curve and its columns of the training rows; None when it does not vary."""
    from sklearn.preprocessing import SplineTransformer

    known = values[~np.isnan(values)]
    if not len(known):
        return None
    scaled = np.sign(known) * np.log1p(np.abs(known))
    fill = float(np.median(scaled))
    has_missing = len(known) < len(values)
    # Counts are mostly zeros and ones: equal quantiles would give a knot twice, and a spline
    # without width.
    knots = np.unique(np.quantile(scaled, KNOT_QUANTILES))
    bases = None
    if splines and len(knots) >= 3:
        bases = SplineTransformer(
            degree=3, knots=knots[:, None], include_bias=False, extrapolation="constant"
        )
        bases.fit(scaled[:, None])
    columns = _raw_columns(values, fill, bases, has_missing)
    mean, scale = columns.mean(axis=0), columns.std(axis=0)
    if not (scale > 1e-9).any():
        return None
    scale = np.where(scale > 1e-9, scale, 1.0)
    return Curve(name, fill, bases, has_missing, mean, scale), (columns - mean) / scale


def _fit_logistic(
    design: Floats, y: Floats, clusters: Ints, c: float, errors: bool
) -> tuple[float, Floats, Floats | None]:
    """(intercept, weights, sandwich covariance by cluster with the intercept first)."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=c, solver="newton-cholesky", tol=1e-6, max_iter=100)
    model.fit(design, y)
    if not errors:
        return float(model.intercept_[0]), model.coef_[0], None
    full = np.hstack([np.ones((len(design), 1)), design])
    weights = np.concatenate([model.intercept_, model.coef_[0]])
    p = sigmoid(full @ weights)
    ridge = np.eye(full.shape[1]) / c
    ridge[0, 0] = 0.0
    bread = np.linalg.pinv(full.T @ (full * (p * (1 - p))[:, None]) + ridge, hermitian=True)
    by_cluster = np.argsort(clusters, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(clusters[by_cluster]) != 0))
    scores = np.add.reduceat((full * (y - p)[:, None])[by_cluster], starts, axis=0)
    return float(model.intercept_[0]), model.coef_[0], bread @ (scores.T @ scores) @ bread
