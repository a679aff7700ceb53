"""Logistic regression with a ridge and bounds, of a design that is kept as tables over distinct
values, so that its cost and memory are a few numbers a row.

Belongs here: the design, the weights, their covariance. Not here: what its columns mean
(scorecard.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from customer_intel.predictions.metrics import Floats, Ints

# The slope, hence where the fit ends, is of all rows; the curvature that leads there is of as many
# rows as have so many numbers.
BEND_NUMBERS = 2_000_000
# The mean slope at which a fit ends.
TOLERANCE = 1e-9
# Above this mean slope the curvature is told anew where a step left more than this share of the
# slope; else it is only corrected by what each step found.
FAR, FLATTER = 1e-4, 0.1
_CHUNK = 20_000

Places = NDArray[np.integer]


class Design:
    """An intercept and blocks of columns. Block b has in row i the row `codes[b][i]` of `tables[b]`."""

    def __init__(self, n: int, tables: Sequence[Floats], codes: Sequence[Places]) -> None:
        self.n, self.tables, self.codes = n, tables, codes
        self.edges = np.cumsum([1, *(table.shape[1] for table in tables)])

    @staticmethod
    def of(columns: Floats) -> Design:
        """From a matrix, rows × columns without the intercept."""
        return Design(len(columns), [columns], [np.arange(len(columns))])

    @property
    def width(self) -> int:
        """Columns, the intercept's counted."""
        return int(self.edges[-1])

    def split(self, weights: Floats) -> list[Floats]:
        """The weights block by block, without the intercept's."""
        return np.split(weights, self.edges[:-1])[1:]

    def times(self, weights: Floats) -> Floats:
        """Design @ weights, shape (n,)."""
        total = np.full(self.n, weights[0])
        for table, codes, own in zip(self.tables, self.codes, self.split(weights), strict=True):
            total += (table @ own)[codes]
        return total

    def back(self, values: Floats) -> Floats:
        """Design.T @ values, shape (width,)."""
        sums = [np.array([values.sum()])]
        for table, codes in zip(self.tables, self.codes, strict=True):
            sums.append(np.bincount(codes, values, len(table)) @ table)
        return np.concatenate(sums)

    def back_squared(self, values: Floats) -> Floats:
        """(Design ** 2).T @ values, shape (width,)."""
        sums = [np.array([values.sum()])]
        for table, codes in zip(self.tables, self.codes, strict=True):
            sums.append(np.bincount(codes, values, len(table)) @ np.square(table))
        return np.concatenate(sums)

    def rows(self, which: slice | Ints) -> Floats:
        """Some rows as a matrix, the intercept first."""
        parts = [table[codes[which]] for table, codes in zip(self.tables, self.codes, strict=True)]
        return np.hstack([np.ones((len(parts[0]), 1)), *parts])

    def spread(self, covariance: Floats) -> Floats:
        """Row by row, row @ covariance @ row, shape (n,)."""
        parts = [np.zeros(0)]
        for start in range(0, self.n, _CHUNK):
            rows = self.rows(slice(start, start + _CHUNK))
            parts.append(((rows @ covariance) * rows).sum(axis=1))
        return np.concatenate(parts)

    @cached_property
    def sample(self) -> tuple[slice, Floats]:
        """Rows, equally far apart, that tell the curvature, and which those are."""
        which = slice(0, self.n, 1 + self.n * self.width // BEND_NUMBERS)
        return which, self.rows(which)


def sigmoid(logit: Floats) -> Floats:
    """Probabilities of log odds."""
    from scipy.special import expit

    return np.asarray(expit(logit))


def fit(
    design: Design,
    y: Floats,
    ridge: float,
    bounded: NDArray[np.bool_] | None = None,
    start: Floats | None = None,
) -> Floats:
    """Weights, shape (width,): the intercept's, the first, not shrunk; those `bounded` at least 0.

    Projected Newton (Bertsekas 1982): a weight at its bound that would leave it the wrong way is
    held there, the others take Newton's step, with a curvature that each step corrects (BFGS).
    """
    shrink = np.full(design.width, 1 / ridge)
    shrink[0] = 0.0
    floor = np.where(np.zeros(len(shrink), dtype=bool) if bounded is None else bounded, 0, -np.inf)
    weights = np.zeros(len(shrink)) if start is None else start

    is_hit = y > 0

    def reach(trial: Floats) -> tuple[float, Floats]:
        """The loss there, and each row's probability; no exponential overflows."""
        logit = design.times(trial)
        small = np.exp(-np.abs(logit))
        rows = np.log1p(small) + np.maximum(np.where(is_hit, -logit, logit), 0)
        p = np.where(logit < 0, small, 1.0) / (1 + small)
        return float(rows.sum() + (shrink * trial**2).sum() / 2), p

    now, p = reach(weights)
    slope, bend = np.zeros(0), np.zeros((0, 0))
    steepest, moved = np.inf, np.zeros(0)
    for _ in range(100):
        past, slope = slope, design.back(p - y) + shrink * weights
        free = (weights > floor) | (slope < 0)
        before, steepest = steepest, float(np.abs(slope[free]).max(initial=0.0)) / len(y)
        if steepest < TOLERANCE:
            break
        if (steepest > FAR and steepest > FLATTER * before) or not len(bend):
            bend = _bend(design, p * (1 - p)) + np.diag(shrink + 1e-12)
        else:
            bend = _corrected(bend, moved, slope - past)
        step = np.zeros(len(shrink))
        step[free] = np.linalg.solve(bend[np.ix_(free, free)], slope[free])
        for halving in range(40):
            trial = np.maximum(weights - step / 2**halving, floor)
            reached, p = reach(trial)
            # What rounding alone may do to a sum is no way up.
            if reached <= now - 1e-4 * float(slope @ (weights - trial)) + 1e-13 * abs(now):
                break
        else:
            break
        moved = trial - weights
        weights, now = trial, reached
    return weights


def _corrected(bend: Floats, moved: Floats, change: Floats) -> Floats:
    """The curvature as the last move found the slope to change along it (the BFGS update)."""
    along, expected = float(change @ moved), bend @ moved
    if along <= 0:
        return bend
    return np.asarray(
        bend
        + np.outer(change, change) / along
        - np.outer(expected, expected) / float(moved @ expected)
    )


def _bend(design: Design, variance: Floats) -> Floats:
    """Design.T @ (design * variance), of the sampled rows, grown to all."""
    which, rows = design.sample
    if len(rows) == design.n:
        return np.asarray(rows.T @ (rows * variance[:, None]))
    bend = rows.T @ (rows * (variance[which] * (design.n / len(rows)))[:, None])
    # A column that is rare may be missed by a sample; without it the step would be far too long.
    lacking = design.back_squared(variance) - np.diag(bend)
    return np.asarray(bend + np.diag(np.maximum(lacking, 0.0)))


def covariance(design: Design, y: Floats, clusters: Ints, ridge: float, weights: Floats) -> Floats:
    """Covariance of the weights, the intercept first: a sandwich that sums scores by cluster before
    squaring them.
    """
    p = sigmoid(design.times(weights))
    bread = np.eye(design.width) / ridge
    bread[0, 0] = 0.0
    filling = np.zeros_like(bread)
    by_cluster = np.argsort(clusters, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(clusters[by_cluster]) != 0))
    # Chunks that part no cluster.
    for own in np.split(starts, np.flatnonzero(np.diff(starts // _CHUNK)) + 1):
        last = starts[np.searchsorted(starts, own[-1]) + 1 :][:1]
        chunk = by_cluster[own[0] : last[0] if len(last) else None]
        rows, q = design.rows(chunk), p[chunk]
        bread += rows.T @ (rows * (q * (1 - q))[:, None])
        scores = np.add.reduceat(rows * (y[chunk] - q)[:, None], own - own[0], axis=0)
        filling += scores.T @ scores
    inverse = np.linalg.pinv(bread, hermitian=True)
    return np.asarray(inverse @ filling @ inverse)
