"""Two shares beside each other: interval, p-value and size of their difference.

Belongs here: pure functions of counts. Not here: which shares (behaviour_difference.py, feature_usage.py).
"""

from __future__ import annotations

from math import asin, sqrt

from customer_intel.core.statistics import two_sided, wilson


def newcombe(hits_a: int, n_a: int, hits_b: int, n_b: int) -> tuple[float, float]:
    """95 % interval of hits_a / n_a - hits_b / n_b (Newcombe 1998, Stat Med 17:873, method 10): both
    n above 0.
    """
    a, b = hits_a / n_a, hits_b / n_b
    (low_a, high_a), (low_b, high_b) = wilson(hits_a, n_a), wilson(hits_b, n_b)
    gap = a - b
    low = gap - sqrt((a - low_a) ** 2 + (high_b - b) ** 2)
    high = gap + sqrt((high_a - a) ** 2 + (b - low_b) ** 2)
    return low, high


def two_shares(hits_a: int, n_a: int, hits_b: int, n_b: int) -> float:
    """Two-sided p-value of equal shares, by the pooled share (the chi-squared test without
    correction); 1 where both are 0 or 1.
    """
    pooled = (hits_a + hits_b) / (n_a + n_b)
    error = sqrt(pooled * (1 - pooled) * (1 / n_a + 1 / n_b))
    return two_sided((hits_a / n_a - hits_b / n_b) / error) if error > 0 else 1.0


def cohens_h(a: float, b: float) -> float:
    """Size of a difference of shares: 0.2 is small, 0.5 medium, 0.8 large (Cohen 1988, ch. 6)."""
    return 2 * asin(sqrt(a)) - 2 * asin(sqrt(b))
