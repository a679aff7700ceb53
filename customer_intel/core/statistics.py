"""Intervals and tests that more than one room uses, as published.

Belongs here: pure functions of numbers. Not here: what a table's columns mean, a room's own methods.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erfc, sqrt

Z95 = 1.959963984540054
# Fewer on a side than this, and normal theory would be too sure of a difference.
ENOUGH = 30


def two_sided(z: float) -> float:
    """The p-value of a standard normal `z`, either way."""
    return erfc(abs(z) / sqrt(2))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values in the given order (Holm 1979): the k-th smallest times the number not yet
    passed, never falling.
    """
    order = sorted(range(len(p_values)), key=lambda at: p_values[at])
    adjusted, highest = [0.0] * len(p_values), 0.0
    for place, at in enumerate(order):
        highest = max(highest, min(1.0, p_values[at] * (len(p_values) - place)))
        adjusted[at] = highest
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """q-values in the given order (Benjamini and Hochberg 1995): p-values that keep the share of false
    findings among all below a level, rather than the chance of any.
    """
    order = sorted(range(len(p_values)), key=lambda at: p_values[at], reverse=True)
    found, least = [1.0] * len(p_values), 1.0
    for passed, at in enumerate(order):
        least = min(least, p_values[at] * len(p_values) / (len(p_values) - passed))
        found[at] = least
    return found


def wilson(hits: float, n: float) -> tuple[float, float]:
    """95 % interval of the share hits / n (Wilson 1927); n is above 0."""
    z, p = Z95, hits / n
    middle, half = p + z * z / (2 * n), z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, (middle - half) / (1 + z * z / n)), min(1.0, (middle + half) / (1 + z * z / n))


@dataclass(frozen=True)
class Contrast:
    """A group against everybody else: the mean of each, sizes, and the p-value of the difference
    (Welch, normal).
    """

    name: str
    mean: float
    mean_rest: float
    n: int
    n_rest: int
    p_value: float

    @property
    def gap(self) -> float:
        """Mean of the group less mean of the others, in the mean's unit."""
        return self.mean - self.mean_rest


def contrast(
    name: str, inside: tuple[int, float, float], rest: tuple[int, float, float]
) -> Contrast | None:
    """Each side as (n, mean, variance); None when a side has fewer than `ENOUGH`."""
    n, mean, variance = inside
    n_rest, mean_rest, variance_rest = rest
    if min(n, n_rest) < ENOUGH:
        return None
    error = sqrt(variance / n + variance_rest / n_rest)
    p_value = two_sided((mean - mean_rest) / error) if error > 0 else 1.0
    return Contrast(name, mean, mean_rest, n, n_rest, p_value)
