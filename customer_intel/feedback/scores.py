"""Survey scores with confidence intervals: NPS by adjusted Wald, CSAT by Agresti-Coull. Pure
functions, points of 0 to 100.

A score is the mean of answers worth +1, 0 or -1 (NPS: promoter, passive, detractor; CSAT: satisfied
is +1, others 0), so both share their waves' test and their smallest detectable change.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from customer_intel.core.statistics import two_sided

# Rounded as in the published reference intervals, which the exact quantile misses in the last
# digit.
Z95 = 1.96
Z80 = 0.8416212335729143
# Below this many answers the plain standard error is too sure of itself (one answer has none at
# all).
SMALL = 30


@dataclass(frozen=True)
class Score:
    """All in points. `se` is the plain standard error; the interval has its own centre and error,
    the adjusted ones.
    """

    n: int
    score: float
    se: float
    adjusted: float
    adjusted_se: float
    low: float
    high: float
    method: str

    @property
    def mde80(self) -> float:
        """The change against an equal wave that is found four times out of five at the 5 % level."""
        return (Z95 + Z80) * sqrt(2) * self.adjusted_se


def nps(promoters: int, passives: int, detractors: int) -> Score:
    """Adjusted Wald (Rocks, 2016): three quarters of an answer more on either side, three more in
    all. Needs at least one answer.
    """
    n = promoters + passives + detractors
    score, se = _mean(promoters, detractors, n)
    adjusted, adjusted_se = _mean(promoters + 0.75, detractors + 0.75, n + 3)
    return _score(n, score, se, adjusted, adjusted_se, -100.0, "adjusted_wald")


def csat(satisfied: int, n: int) -> Score:
    """Agresti-Coull (1998): z²/2 more on either side. `satisfied` are the top two of five. Needs at
    least one answer.
    """
    score, se = _mean(satisfied, 0, n)
    adjusted, adjusted_se = _mean(satisfied + Z95**2 / 2, 0, n + Z95**2)
    return _score(n, score, se, adjusted, adjusted_se, 0.0, "agresti_coull")


def change(before: Score, now: Score) -> tuple[float, float, float]:
    """(change in points, z, two-sided p) between two waves.

    From adjusted scores when a wave is small, or when both are unanimous and the plain error is
    nothing.
    """
    gap, error = now.score - before.score, sqrt(before.se**2 + now.se**2)
    if min(before.n, now.n) < SMALL or error == 0:
        gap, error = (
            now.adjusted - before.adjusted,
            sqrt(before.adjusted_se**2 + now.adjusted_se**2),
        )
    z = gap / error
    return now.score - before.score, z, two_sided(z)


def _mean(plus: float, minus: float, n: float) -> tuple[float, float]:
    mean = (plus - minus) / n
    return 100 * mean, 100 * sqrt(max((plus + minus) / n - mean**2, 0.0) / n)


def _score(
    n: int, score: float, se: float, adjusted: float, adjusted_se: float, least: float, method: str
) -> Score:
    low, high = max(adjusted - Z95 * adjusted_se, least), min(adjusted + Z95 * adjusted_se, 100.0)
    return Score(n, score, se, adjusted, adjusted_se, low, high, method)
