"""How good a probability is: rank, calibration and their uncertainty. Pure NumPy; y is 0/1, p the
score.

Customers come back at several origins, so every interval treats a customer, not a row, as the
independent unit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from customer_intel.core.statistics import Z95

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_EPS = 1e-12
_BINS = 10
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
    _, inverse, counts = np.unique(p, return_inverse=True, return_counts=True)
    hits = np.bincount(inverse[positive], minlength=len(counts))
    # By distinct score: the share of the other kind that lies below, ties counting half.
    below = (np.cumsum(counts - hits) - (counts - hits) / 2) / n0
    above = 1 - (np.cumsum(hits) - hits / 2) / n1
    component = np.where(positive, below[inverse], above[inverse])
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
    y: Floats,
    p: Floats,
    weights: Iterable[Floats],
    groups: Ints | None = None,
    clusters: Ints | None = None,
) -> dict[str, Floats]:
    """ap, log_loss, brier, ece and lift_decile under each of `weights`: a replicate's weights by
    row or, with `clusters` (codes from 0), by cluster. With `groups`, ece is the mean of the
    groups' own.

    ap: mean precision over the recall steps, tied scores taken together. ece: the gap between
    observed and mean p, over ten mid-rank bins of p by their share. lift_decile: share of positives
    in the top tenth by p over the overall share, a tie cut in proportion.
    """
    order = np.argsort(-p, kind="stable")
    y, p = y[order], p[order]
    drawn = order if clusters is None else clusters[order]
    ends = np.flatnonzero(np.append(np.diff(p) != 0, True))
    groups = np.zeros(len(y), dtype=np.int64) if groups is None else groups[order]
    bins = np.empty(len(y), dtype=np.int64)
    for group in np.unique(groups):
        bins[groups == group] = mid_rank_bin(p[groups == group], _BINS)
    cells, losses, errors, gaps = groups * _BINS + bins, log_losses(y, p), np.square(y - p), y - p
    is_there = np.bincount(groups) > 0
    found, w, running = [], np.empty(len(y)), np.empty(len(y))
    # One replicate at a time: its numbers stay in the processor's cache.
    for own in weights:
        np.take(own, drawn, out=w)
        seen = np.cumsum(w, out=running)[ends]
        hits = np.cumsum(np.multiply(w, y, out=running), out=running)[ends]
        total, positives = seen[-1], max(hits[-1], _EPS)
        precision = hits / np.maximum(seen, _EPS)
        gap = np.bincount(cells, np.multiply(w, gaps, out=running), len(is_there) * _BINS)
        gap = np.abs(gap).reshape(-1, _BINS)
        ece = gap.sum(axis=1) / np.maximum(np.bincount(groups, w), _EPS)
        tenth = total / 10
        at = int(np.searchsorted(seen, tenth))
        before, top = (seen[at - 1], hits[at - 1]) if at else (0.0, 0.0)
        if seen[at] > before:
            top += (hits[at] - top) * (tenth - before) / (seen[at] - before)
        found.append(
            (
                (precision * np.diff(hits, prepend=0.0)).sum() / positives,
                w @ losses / total,
                w @ errors / total,
                ece[is_there].mean(),
                (top / tenth) / (positives / total),
            )
        )
    names = ("ap", "log_loss", "brier", "ece", "lift_decile")
    return dict(zip(names, np.array(found).T, strict=True))


def point_metrics(y: Floats, p: Floats, groups: Ints | None = None) -> dict[str, float]:
    """auc and every metric of `weighted_metrics`, once."""
    single = weighted_metrics(y, p, [np.ones(len(y))], groups)
    return {"auc": auc(y, p), **{name: float(values[0]) for name, values in single.items()}}


def evaluate(
    y: Floats,
    p: Floats,
    clusters: Ints,
    replicates: int,
    seed: int,
    groups: Ints | None = None,
    most: float = np.inf,
) -> dict[str, Estimate]:
    """Every metric with its 95 % interval: DeLong for auc, else value ± 1.96 standard errors of a
    Poisson bootstrap.

    Beyond `most` rows a sample of the clusters that keeps about so many is resampled, and its errors
    shrunk by the root of its share. Normal, not percentile: resampling biases ece upwards, so its
    percentiles can miss the value itself.
    """
    generator = np.random.default_rng(seed)
    point = point_metrics(y, p, groups)
    is_drawn = np.ones(int(clusters.max()) + 1, dtype=bool)
    if len(y) > most:
        is_drawn = generator.random(len(is_drawn)) < most / len(y)
    rows = np.flatnonzero(is_drawn[clusters])
    draws = weighted_metrics(
        y[rows],
        p[rows],
        (generator.poisson(1.0, is_drawn.sum()).astype(np.float64) for _ in range(replicates)),
        None if groups is None else groups[rows],
        (np.cumsum(is_drawn) - 1)[clusters[rows]],
    )
    result = {"auc": auc_delong(y, p, clusters)}
    for name, values in draws.items():
        half = Z95 * float(values.std(ddof=1) * np.sqrt(is_drawn.mean()))
        result[name] = Estimate(
            point[name], max(point[name] - half, 0.0), min(point[name] + half, _CEILING[name])
        )
    return result
