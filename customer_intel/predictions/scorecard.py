"""A spline-logit scorecard: each feature adds its own curve to the log-odds, so its reasons are
exact.

Belongs here: fitting, calibrating, scoring, contributions, standard errors. Not here: which rows
(churn.py).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from customer_intel.predictions.metrics import Floats, Ints

KNOT_QUANTILES = (0.0, 0.5, 1.0)
# Strengths of the ridge on standardised bases to choose from, the smaller the more is shrunk; the
# one for when nothing can choose yet; and next to none, for a plain curve (the baseline).
RIDGES = (0.0003, 0.001, 0.003, 0.01, 0.03)
RIDGE_C = 0.003
NO_RIDGE_C = 1e6


@dataclass(frozen=True)
class Curve:
    """One feature's bases. `bases` is a fitted SplineTransformer, or None for a straight line.
    `sign` is 1 or -1 where the curve may only rise or only fall with the feature, else 0.
    """

    feature: str
    fill: float
    bases: Any
    sign: int
    has_missing: bool
    mean: Floats
    scale: Floats

    def columns(self, values: Floats) -> Floats:
        """Shape (rows, columns): the feature's values on the curve's standardised basis."""
        columns = _raw_columns(values, self.fill, self.bases, self.sign, self.has_missing)
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
        line = np.column_stack([np.ones(len(logits)), logits])
        weights = _fit_logistic(line, y, NO_RIDGE_C)
        covariance = _sandwich(line, y, clusters, NO_RIDGE_C, weights) if errors else None
        return replace(
            self, slope=float(weights[1]), offset=float(weights[0]), platt_covariance=covariance
        )

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
    ridge: float = RIDGE_C,
    signs: Mapping[str, int] | None = None,
) -> Scorecard | None:
    """Fits one curve per feature that varies; None when none does. NaN means not known.

    `splines=False` gives a straight line in log1p of each feature, without shrinkage: the recency
    baseline. `errors` adds the covariance of the coefficients: a sandwich that sums scores by
    customer before squaring them. `signs`: 1 where the log-odds may only rise with the feature, -1
    where they may only fall.
    """
    strength = ridge if splines else NO_RIDGE_C
    found = fit_each(features, y, clusters, [strength], splines=splines, errors=errors, signs=signs)
    return found[0] if found else None


def fit_each(
    features: Mapping[str, Floats],
    y: Floats,
    clusters: Ints,
    ridges: Sequence[float],
    *,
    splines: bool = True,
    errors: bool = False,
    signs: Mapping[str, int] | None = None,
) -> list[Scorecard]:
    """`fit` for each strength of the ridge, over the same curves; empty when nothing varies."""
    signs = signs or {}
    curves, blocks = [], [np.ones((len(y), 1))]
    for name in sorted(features):
        found = _curve(name, features[name], splines, signs.get(name, 0))
        if found is not None:
            curves.append(found[0])
            blocks.append(found[1])
    if not curves:
        return []
    design = np.hstack(blocks)
    # A curve that must rise has only weights of at least 0 on bases that rise; whether a value is
    # missing may count either way.
    bounded = [np.zeros(1, dtype=bool)]
    for curve, block in zip(curves, blocks[1:], strict=True):
        bound = np.full(block.shape[1], curve.sign != 0)
        bound[block.shape[1] - int(curve.has_missing) :] = False
        bounded.append(bound)
    edges = np.cumsum([block.shape[1] for block in blocks[1:]])[:-1]
    cards, weights = [], None
    for ridge in ridges:
        weights = _fit_logistic(design, y, ridge, np.concatenate(bounded), weights)
        covariance = _sandwich(design, y, clusters, ridge, weights) if errors else None
        parts = tuple(np.split(weights[1:], edges))
        cards.append(Scorecard(tuple(curves), float(weights[0]), parts, covariance))
    return cards


def _raw_columns(values: Floats, fill: float, bases: Any, sign: int, has_missing: bool) -> Floats:
    known = ~np.isnan(values)
    columns = np.where(known, np.sign(values) * np.log1p(np.abs(values)), fill)[:, None]
    if bases is not None:
        # Sums of B-splines from each one on: every column rises from 0 to 1, each a bit later.
        columns = bases.transform(columns)[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:]
    columns = -columns if sign < 0 else columns
    return np.hstack([columns, (~known).astype(np.float64)[:, None]]) if has_missing else columns


def _curve(name: str, values: Floats, splines: bool, sign: int) -> tuple[Curve, Floats] | None:
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
        bases = SplineTransformer(degree=3, knots=knots[:, None], extrapolation="constant")
        bases.fit(scaled[:, None])
    columns = _raw_columns(values, fill, bases, sign, has_missing)
    mean, scale = columns.mean(axis=0), columns.std(axis=0)
    if not (scale > 1e-9).any():
        return None
    scale = np.where(scale > 1e-9, scale, 1.0)
    return Curve(name, fill, bases, sign, has_missing, mean, scale), (columns - mean) / scale


def _fit_logistic(
    design: Floats, y: Floats, ridge: float, bounded: Any = None, start: Floats | None = None
) -> Floats:
    """Weights of a logistic regression, the intercept's (column 0) not shrunk; those `bounded` are
    at least 0.

    Projected Newton (Bertsekas 1982): a weight at its bound that would leave it the wrong way is
    held there, the others take Newton's step.
    """
    shrink = np.full(design.shape[1], 1 / ridge)
    shrink[0] = 0.0
    floor = np.where(np.zeros(len(shrink), dtype=bool) if bounded is None else bounded, 0, -np.inf)
    weights = np.zeros(len(shrink)) if start is None else start

    def loss(trial: Floats) -> float:
        logit = design @ trial
        return float((np.logaddexp(0, logit) - y * logit).sum() + (shrink * trial**2).sum() / 2)

    now = loss(weights)
    for _ in range(100):
        p = sigmoid(design @ weights)
        slope = design.T @ (p - y) + shrink * weights
        free = (weights > floor) | (slope < 0)
        if np.abs(slope[free]).max(initial=0.0) < 1e-7 * len(y):
            break
        own = design[:, free]
        bend = own.T @ (own * (p * (1 - p))[:, None]) + np.diag(shrink[free] + 1e-12)
        step = np.zeros(len(shrink))
        step[free] = np.linalg.solve(bend, slope[free])
        for halving in range(40):
            trial = np.maximum(weights - step / 2**halving, floor)
            reached = loss(trial)
            if reached <= now - 1e-4 * float(slope @ (weights - trial)):
                break
        else:
            break
        weights, now = trial, reached
    return weights


def _sandwich(design: Floats, y: Floats, clusters: Ints, ridge: float, weights: Floats) -> Floats:
    """Covariance of the weights, by cluster, the intercept first."""
    p = sigmoid(design @ weights)
    shrink = np.eye(design.shape[1]) / ridge
    shrink[0, 0] = 0.0
    bread = np.linalg.pinv(design.T @ (design * (p * (1 - p))[:, None]) + shrink, hermitian=True)
    by_cluster = np.argsort(clusters, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(clusters[by_cluster]) != 0))
    scores = np.add.reduceat((design * (y - p)[:, None])[by_cluster], starts, axis=0)
    return np.asarray(bread @ (scores.T @ scores) @ bread)
