"""How good a probability is: rank, calibration and their uncertainty. Pure NumPy; y is 0/1, p the
score.

Customers come back at several origins, so every interval treats a customer, not a row, as the
independent unit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from customer_intel.core.statistics import Z95

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_EPS = 1e-12
# Resamples held in memory at once: enough to be fast, few enough for a hundred thousand rows.
_CHUNK = 25
_CEILING = {"ap": 1.0, "log_loss": np.inf, "brier": 1.0, "ece": 1.0, "lift_decile": np.inf}


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


def mid_rank(values: Floats) -> Floats:
    """1-based ranks, equal values sharing the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[inverse], dtype=np.float64)


def mid_rank_bin(values: Floats, bins: int) -> Ints:
    """0-based quantile bin by mid-rank percentile: equal values never fall into different bins."""
    share = (mid_rank(values) - 0.5) / max(len(values), 1)
    return np.floor(share * bins).astype(np.int64)


def auc(y: Floats, p: Floats) -> float:
    """P(score of a positive > score of a negative), ties counting half."""
    positives = float(y.sum())
    negatives = len(y) - positives
    return float(
        (mid_rank(p)[y == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives)
    )


def _auc_influence(y: Floats, p: Floats) -> tuple[float, Floats]:
    """The AUC and each row's DeLong structural component, scaled so that their sum has the AUC's
    variance.
    """
    positive = y == 1
    n1, n0 = int(positive.sum()), int((~positive).sum())
    ranks = mid_rank(p)
    component = np.empty(len(y))
    component[positive] = (ranks[positive] - mid_rank(p[positive])) / n0
    component[~positive] = 1 - (ranks[~positive] - mid_rank(p[~positive])) / n1
    value = float(component[positive].mean())
    # n - 1 beside n: DeLong's covariance divides by (n - 1) n.
    scale = np.where(positive, np.sqrt(n1 * max(n1 - 1, 1)), np.sqrt(n0 * max(n0 - 1, 1)))
    return value, (component - value) / scale


def _cluster_sums(values: Floats, clusters: Ints | None) -> Floats:
    return (
        values
        if clusters is None
        else np.asarray(np.bincount(clusters, weights=values), dtype=np.float64)
    )


def auc_delong(y: Floats, p: Floats, clusters: Ints | None = None) -> Estimate:
    """AUC with DeLong's 95 % interval; with `clusters` (codes 0..k-1), components are summed per
    cluster first.

    Source: DeLong, DeLong, Clarke-Pearson 1988; Obuchowski 1997 for clusters.
    """
    value, influence = _auc_influence(y, p)
    error = float(np.sqrt(np.square(_cluster_sums(influence, clusters)).sum()))
    return Estimate(value, max(0.0, value - Z95 * error), min(1.0, value + Z95 * error))


def auc_gain(y: Floats, p: Floats, base: Floats, clusters: Ints | None = None) -> Estimate:
    """AUC of p minus AUC of base on the same rows, with the paired DeLong interval."""
    value, influence = _auc_influence(y, p)
    other, other_influence = _auc_influence(y, base)
    error = float(np.sqrt(np.square(_cluster_sums(influence - other_influence, clusters)).sum()))
    return Estimate(value - other, value - other - Z95 * error, value - other + Z95 * error)


def log_losses(y: Floats, p: Floats) -> Floats:
    """Log-loss of each row, in nats; probabilities are kept a hair from 0 and 1."""
    clipped = np.clip(p, _EPS, 1 - _EPS)
    return np.asarray(-(y * np.log(clipped) + (1 - y) * np.log1p(-clipped)))


def log_loss_gain(y: Floats, p: Floats, base: Floats, clusters: Ints | None = None) -> Estimate:
    """Log-loss of base minus log-loss of p (positive: p is better), with the paired interval."""
    gain = log_losses(y, base) - log_losses(y, p)
    value = float(gain.mean())
    error = float(np.sqrt(np.square(_cluster_sums(gain - value, clusters)).sum()) / len(y))
    return Estimate(value, value - Z95 * error, value + Z95 * error)


def weighted_metrics(
    y: Floats, p: Floats, weights: Floats, groups: Ints | None = None
) -> dict[str, Floats]:
    """ap, log_loss, brier, ece and lift_decile under each row of `weights` (replicates × rows).
    With `groups`, ece is the mean of the groups' own.

    ap: mean precision over the recall steps, tied scores taken together. ece: the gap between
    observed and mean p, over ten mid-rank bins of p by their share. lift_decile: share of positives
    in the top tenth by p over the overall share, a tie cut in proportion.
    """
    order = np.argsort(-p, kind="stable")
    y, p, w = y[order], p[order], weights[:, order]
    total = w.sum(axis=1)
    ends = np.flatnonzero(np.append(np.diff(p) != 0, True))
    seen = np.cumsum(w, axis=1)[:, ends]
    hits = np.cumsum(w * y, axis=1)[:, ends]
    positives = np.maximum(hits[:, -1], _EPS)
    recall = hits / positives[:, None]
    precision = hits / np.maximum(seen, _EPS)
    average_precision = (precision * np.diff(recall, axis=1, prepend=0.0)).sum(axis=1)

    groups = np.zeros(len(y), dtype=np.int64) if groups is None else groups[order]
    errors = [_ece(y[own], p[own], w[:, own]) for own in (groups == g for g in np.unique(groups))]
    top = np.empty(len(w))
    for row in range(len(w)):
        top[row] = np.interp(total[row] / 10, np.append(0.0, seen[row]), np.append(0.0, hits[row]))
    return {
        "ap": average_precision,
        "log_loss": w @ log_losses(y, p) / total,
        "brier": w @ np.square(y - p) / total,
        "ece": np.asarray(np.mean(errors, axis=0)),
        "lift_decile": (top / (total / 10)) / (positives / total),
    }


def _ece(y: Floats, p: Floats, weights: Floats) -> Floats:
    """By replicate; rows in the order of p."""
    starts = np.flatnonzero(np.append(True, np.diff(mid_rank_bin(p, 10)) != 0))
    gap = np.add.reduceat(weights * (y - p), starts, axis=1)
    return np.asarray(np.abs(gap).sum(axis=1) / np.maximum(weights.sum(axis=1), _EPS))


def point_metrics(y: Floats, p: Floats, groups: Ints | None = None) -> dict[str, float]:
    """auc and every metric of `weighted_metrics`, once."""
    single = weighted_metrics(y, p, np.ones((1, len(y))), groups)
    return {"auc": auc(y, p), **{name: float(values[0]) for name, values in single.items()}}


def evaluate(
    y: Floats, p: Floats, clusters: Ints, replicates: int, seed: int, groups: Ints | None = None
) -> dict[str, Estimate]:
    """Every metric with its 95 % interval: DeLong for auc, else value ± 1.96 standard errors of a
    Poisson bootstrap.

    Normal, not percentile: resampling biases ece upwards, so its percentiles can miss the value
    itself.
    """
    generator = np.random.default_rng(seed)
    point = point_metrics(y, p, groups)
    draws: dict[str, list[Floats]] = {}
    n_clusters = int(clusters.max()) + 1
    for start in range(0, replicates, _CHUNK):
        rows = min(_CHUNK, replicates - start)
        weights = generator.poisson(1.0, (rows, n_clusters)).astype(np.float64)[:, clusters]
        for name, values in weighted_metrics(y, p, weights, groups).items():
            draws.setdefault(name, []).append(values)
    result = {"auc": auc_delong(y, p, clusters)}
    for name, chunks in draws.items():
        half = Z95 * float(np.concatenate(chunks).std(ddof=1))
        result[name] = Estimate(
            point[name], max(point[name] - half, 0.0), min(point[name] + half, _CEILING[name])
        )
    return result
