"""A spline-logit scorecard: each feature adds its own curve to the log-odds, so its reasons are
exact.

Belongs here: curves, calibrating, scoring, contributions, standard errors. Not here: the weights
(logistic.py), which rows (churn.py).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from customer_intel.predictions import logistic
from customer_intel.predictions.coded import Coded
from customer_intel.predictions.logistic import Design, sigmoid
from customer_intel.predictions.metrics import Floats, Ints

__all__ = ["Scorecard", "fit", "fit_each", "sigmoid"]

DEGREE = 3
KNOT_QUANTILES = (0.0, 0.5, 1.0)
# Strengths of the ridge on standardised bases to choose from, the smaller the more is shrunk; the
# one for when nothing can choose yet; and next to none, for a plain curve (the baseline).
RIDGES = (0.0003, 0.001, 0.003, 0.01, 0.03)
RIDGE_C = 0.003
NO_RIDGE_C = 1e6


@dataclass(frozen=True)
class Curve:
    """One feature's bases. `knots` of its splines, or None for a straight line. `sign` is 1 or -1
    where the curve may only rise or only fall with the feature, else 0.
    """

    feature: str
    fill: float
    knots: Floats | None
    sign: int
    has_missing: bool
    mean: Floats
    scale: Floats

    def columns(self, values: Floats) -> Floats:
        """Shape (values, columns): values of the feature on the curve's standardised basis."""
        columns = _raw_columns(values, self.fill, self.knots, self.sign, self.has_missing)
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

    def _design(self, features: Mapping[str, Coded]) -> Design:
        own = [features[curve.feature] for curve in self.curves]
        tables = [
            curve.columns(feature.values) for curve, feature in zip(self.curves, own, strict=True)
        ]
        return Design(len(own[0]), tables, [feature.codes for feature in own])

    def contributions(self, features: Mapping[str, Coded]) -> Floats:
        """rows × features, in log-odds against the average customer of the training rows."""
        parts = [
            (curve.columns(features[curve.feature].values) @ weights * self.slope)[
                features[curve.feature].codes
            ]
            for curve, weights in zip(self.curves, self.coefficients, strict=True)
        ]
        return np.asarray(np.column_stack(parts))

    @property
    def base(self) -> float:
        """The calibrated intercept."""
        return self.intercept * self.slope + self.offset

    def recalibrated(self, raw: Floats) -> Floats:
        """The calibrated logit of an uncalibrated one."""
        return raw * self.slope + self.offset

    def logit(self, features: Mapping[str, Coded]) -> Floats:
        """Shape (rows,): log odds of the label."""
        return self.recalibrated(raw_logits([self], features)[0])

    def standard_error(self, features: Mapping[str, Coded]) -> Floats:
        """Of the logit, by the delta method: coefficients (by customer) and calibration, taken as
        independent. Raises ValueError for a scorecard without its covariance.
        """
        if self.covariance is None:
            raise ValueError("this scorecard was fitted without errors; fit it with errors=True")
        variance = self.slope**2 * self._design(features).spread(self.covariance)
        if self.platt_covariance is not None:
            raw = raw_logits([self], features)[0] if self.slope else np.zeros(len(variance))
            line = np.column_stack([np.ones(len(raw)), raw])
            variance = variance + ((line @ self.platt_covariance) * line).sum(axis=1)
        return np.asarray(np.sqrt(np.maximum(variance, 0.0)))

    def calibrated(self, logits: Floats, y: Floats, clusters: Ints) -> Scorecard:
        """Platt's line through out-of-time `logits`: contributions only scale, so they stay exact."""
        errors = self.covariance is not None
        line = Design.of(logits[:, None])
        weights = logistic.fit(line, y, NO_RIDGE_C)
        own = logistic.covariance(line, y, clusters, NO_RIDGE_C, weights) if errors else None
        return replace(
            self, slope=float(weights[1]), offset=float(weights[0]), platt_covariance=own
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


def raw_logits(cards: Sequence[Scorecard], features: Mapping[str, Coded]) -> Floats:
    """Shape (cards, rows): log odds before calibration, of cards over the same curves."""
    curves = cards[0].curves
    total = np.empty((len(cards), len(features[curves[0].feature])))
    total[:] = np.array([[card.intercept] for card in cards])
    for place, curve in enumerate(curves):
        feature = features[curve.feature]
        table = curve.columns(feature.values)
        for own, card in zip(total, cards, strict=True):
            own += (table @ card.coefficients[place])[feature.codes]
    return total


def fit(
    features: Mapping[str, Coded],
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
    features: Mapping[str, Coded],
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
    curves, tables, codes = [], [], []
    for name in sorted(features):
        found = _curve(name, features[name], splines, signs.get(name, 0))
        if found is not None:
            curves.append(found[0])
            tables.append(found[1])
            # np.bincount and indexing would turn them into this type, time after time.
            codes.append(features[name].codes.astype(np.intp))
    if not curves:
        return []
    design = Design(len(y), tables, codes)
    # A curve that must rise has only weights of at least 0 on bases that rise; whether a value is
    # missing may count either way.
    bounded = [np.zeros(1, dtype=bool)]
    for curve, table in zip(curves, tables, strict=True):
        bound = np.full(table.shape[1], curve.sign != 0)
        bound[table.shape[1] - int(curve.has_missing) :] = False
        bounded.append(bound)
    held = np.concatenate(bounded)
    cards, weights = [], None
    for ridge in ridges:
        weights = logistic.fit(design, y, ridge, held, weights)
        own = logistic.covariance(design, y, clusters, ridge, weights) if errors else None
        parts = tuple(design.split(weights))
        cards.append(Scorecard(tuple(curves), float(weights[0]), parts, own))
    return cards


def _raw_columns(
    values: Floats, fill: float, knots: Floats | None, sign: int, has_missing: bool
) -> Floats:
    known = ~np.isnan(values)
    scaled = np.where(known, _scaled(values), fill)
    columns = scaled[:, None] if knots is None else rising(scaled, knots)
    columns = -columns if sign < 0 else columns
    return np.hstack([columns, (~known).astype(np.float64)[:, None]]) if has_missing else columns


def _scaled(values: Floats) -> Floats:
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)))


def rising(values: Floats, knots: Floats) -> Floats:
    """Shape (values, knots + 1): sums of cubic B-splines from each one but the first on, so that
    every column rises from 0 to 1, each a bit later; constant outside of the `knots`.

    Between two knots each is a cubic, hence known by its values at four places.
    """
    widths = np.diff(knots)[[0] * DEGREE + [-1] * DEGREE]
    steps = np.append(np.arange(-DEGREE, 0), np.arange(1, DEGREE + 1)) * widths
    ends = np.append(knots[[0] * DEGREE], knots[[-1] * DEGREE]) + steps
    places = np.concatenate([ends[:DEGREE], knots, ends[DEGREE:]])
    at = np.linspace(0, 1, DEGREE + 1)
    powers = np.vander(at, increasing=True)
    inside = np.clip(values, knots[0], knots[-1])
    piece = np.clip(np.searchsorted(knots, inside, side="right") - 1, 0, len(knots) - 2)
    result = np.empty((len(values), len(knots) + 1))
    for number, (low, high) in enumerate(pairwise(knots)):
        splines = _b_splines(low + at * (high - low), places, number + DEGREE)
        sums = splines[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:]
        cubic = np.linalg.solve(powers, sums)
        own = piece == number
        share = ((inside[own] - low) / (high - low))[:, None]
        found = cubic[DEGREE]
        for power in range(DEGREE - 1, -1, -1):
            found = found * share + cubic[power]
        result[own] = found
    return result


def _b_splines(values: Floats, places: Floats, interval: int) -> Floats:
    """Shape (values, splines): de Boor's recursion over the knots `places`, for values of one
    `interval` between two of them, its ends included.
    """
    splines = np.zeros((len(values), len(places) - 1))
    splines[:, interval] = 1.0
    for degree in range(1, DEGREE + 1):
        rise = (values[:, None] - places[:-degree]) / (places[degree:] - places[:-degree])
        splines = rise[:, :-1] * splines[:, :-1] + (1 - rise[:, 1:]) * splines[:, 1:]
    return splines


def _curve(name: str, feature: Coded, splines: bool, sign: int) -> tuple[Curve, Floats] | None:
    """The feature's curve and its columns of the distinct values; None when it does not vary."""
    counts = feature.counts()
    known = (counts > 0) & ~np.isnan(feature.values)
    if not known.any():
        return None
    scaled, reached = _scaled(feature.values[known]), np.cumsum(counts[known])
    n = int(reached[-1])
    # Equal to the quantiles of all rows: those of the two that stand beside each place.
    places = np.array(KNOT_QUANTILES) * (n - 1)
    beside = scaled[np.searchsorted(reached, [np.floor(places), np.ceil(places)], side="right")]
    quantiles = beside[0] + (beside[1] - beside[0]) * (places % 1)
    fill = float(beside[:, KNOT_QUANTILES.index(0.5)].mean())
    has_missing = n < len(feature)
    # Counts are mostly zeros and ones: equal quantiles would give a knot twice, and a spline
    # without width.
    knots = np.unique(quantiles)
    own = knots if splines and len(knots) >= 3 else None
    columns = _raw_columns(feature.values, fill, own, sign, has_missing)
    # Of values that no row has, nothing counts.
    share = counts / counts.sum()
    mean = share @ columns
    scale = np.sqrt(share @ np.square(columns - mean))
    if not (scale > 1e-9).any():
        return None
    scale = np.where(scale > 1e-9, scale, 1.0)
    return Curve(name, fill, own, sign, has_missing, mean, scale), (columns - mean) / scale
