"""Survey scores with confidence intervals: NPS by adjusted Wald, CSAT by Agresti-Coull; and the test
of a change between two waves. Pure functions, points of 0 to 100.

A score is the mean of answers worth +1, 0 or -1 (NPS: promoter, passive, detractor; CSAT: satisfied
is +1, others 0), so both share their waves' test and their smallest detectable change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

from customer_intel.core.statistics import two_sided

# Rounded as in the published reference intervals, which the exact quantile misses in the last
# digit.
Z95 = 1.96
Z80 = 0.8416212335729143
# With fewer answers of any kind in either wave the plain standard error is too sure of itself:
# 90/8/2 in 30 against 300 answers would be called a change in one of eight waves of no change.
ENOUGH = 20
# With fewer answers in a wave than this the score test too is checked against the adjusted error.
FEW = 10
# Fewer people in both waves tell nothing of how their answers go together; more are believed as if
# two more had answered at random.
ENOUGH_PAIRS = 10
RANDOM_PAIRS = 2
# Halvings until the common score is exact to the last digit that is told.
_HALVINGS = 34


@dataclass(frozen=True)
class Score:
    """All in points, but `plus` and `minus`: answers worth +1 and -1. `se` is the plain standard
    error; the interval has its own centre and error, the adjusted ones.
    """

    n: int
    score: float
    se: float
    adjusted: float
    adjusted_se: float
    low: float
    high: float
    method: str
    plus: int
    minus: int

    @property
    def mde80(self) -> float:
        """The change against an equal wave that is found four times out of five at the 5 % level."""
        return (Z95 + Z80) * sqrt(2) * self.adjusted_se

    @property
    def kinds(self) -> tuple[int, ...]:
        """How many answers there are of each kind that the score tells apart."""
        others = self.n - self.plus - self.minus
        return (self.plus, others, self.minus) if self.method == _NPS else (self.plus, others)


@dataclass(frozen=True)
class Pairs:
    """Respondents who answered in both waves, and the correlation of what their answers are worth
    (0 where one side is all the same).
    """

    n: int
    correlation: float


NOBODY = Pairs(0, 0.0)
_NPS, _CSAT = "adjusted_wald", "agresti_coull"


def nps(promoters: int, passives: int, detractors: int) -> Score:
    """Adjusted Wald (Rocks, 2016): three quarters of an answer more on either side, three more in
    all. Needs at least one answer.
    """
    n = promoters + passives + detractors
    adjusted = _mean(promoters + 0.75, detractors + 0.75, n + 3)
    return _score(n, promoters, detractors, adjusted, -100.0, _NPS)


def csat(satisfied: int, n: int) -> Score:
    """Agresti-Coull (1998): z²/2 more on either side. `satisfied` are the top two of five. Needs at
    least one answer.
    """
    adjusted = _mean(satisfied + Z95**2 / 2, 0, n + Z95**2)
    return _score(n, satisfied, 0, adjusted, 0.0, _CSAT)


def change(before: Score, now: Score, pairs: Pairs = NOBODY) -> tuple[float, float, float]:
    """(change in points, z, two-sided p) between two waves of one metric.

    Plain errors where there are enough answers of every kind; else the score test: errors as they
    most likely are if both waves had one score (for CSAT the pooled share). Respondents of both
    waves are compared with themselves: var(change) = var₁/n₁ + var₂/n₂ - 2 n₁₂ cov/(n₁ n₂).
    """
    gap = now.score - before.score
    if min(*before.kinds, *now.kinds) >= ENOUGH:
        variances = before.se**2 * before.n, now.se**2 * now.n
    else:
        variances = _if_equal(before, now)
    z = _z(gap, variances, (before.n, now.n), pairs)
    if min(before.n, now.n) < FEW:
        errors = before.adjusted_se**2 * before.n, now.adjusted_se**2 * now.n
        careful = _z(now.adjusted - before.adjusted, errors, (before.n, now.n), pairs)
        z = min(z, careful, key=abs)
    return gap, z, two_sided(z)


def _z(gap: float, variances: tuple[float, float], n: tuple[int, int], pairs: Pairs) -> float:
    error = variances[0] / n[0] + variances[1] / n[1]
    if pairs.n >= ENOUGH_PAIRS:
        believed = pairs.correlation * pairs.n / (pairs.n + RANDOM_PAIRS)
        covariance = believed * sqrt(variances[0] * variances[1])
        error -= 2 * pairs.n * covariance / (n[0] * n[1])
    return gap / sqrt(error) if error > 0 else 0.0


def _if_equal(before: Score, now: Score) -> tuple[float, float]:
    """The variance of an answer in each wave, by maximum likelihood under one common score (as
    Farrington and Manning, 1990, do for two shares); nothing more is held equal.
    """
    waves = before, now
    if before.method == _CSAT:
        share = (before.plus + now.plus) / (before.n + now.n)
        return 1e4 * share * (1 - share), 1e4 * share * (1 - share)
    scores = sorted(wave.score / 100 for wave in waves)
    common = _falls_through_zero(lambda mean: sum(_slope(wave, mean) for wave in waves), *scores)
    first, second = (1e4 * max(_decided(wave, common) - common**2, 0.0) for wave in waves)
    return first, second


def _decided(wave: Score, mean: float) -> float:
    """The likeliest share of answers that are not passive, if the wave's score were `mean`: the
    larger root of n s² - (p + d + (p - d) mean) s + (p - d) mean - u mean² = 0.
    """
    plus, minus, n = wave.plus, wave.minus, wave.n
    middle = plus + minus + (plus - minus) * mean
    last = (plus - minus) * mean - (n - plus - minus) * mean**2
    root = (middle + sqrt(max(middle**2 - 4 * n * last, 0.0))) / (2 * n)
    return min(max(root, abs(mean)), 1.0)


def _slope(wave: Score, mean: float) -> float:
    """How the wave's log-likelihood changes with the score that it is held to."""
    plus, minus, passive = wave.plus, wave.minus, wave.n - wave.plus - wave.minus
    decided = _decided(wave, mean)
    if decided - abs(mean) < 1e-12:
        # No answer on the losing side: the winning share is |mean|, all others are passive.
        side, winners = (1, plus) if mean >= 0 else (-1, minus)
        return side * (winners / max(abs(mean), 1e-12) - passive / max(1 - abs(mean), 1e-12))
    return plus / (decided + mean) - minus / (decided - mean)


def _falls_through_zero(slope: Callable[[float], float], low: float, high: float) -> float:
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    return (low + high) / 2


def _mean(plus: float, minus: float, n: float) -> tuple[float, float]:
    mean = (plus - minus) / n
    return 100 * mean, 100 * sqrt(max((plus + minus) / n - mean**2, 0.0) / n)


def _score(
    n: int, plus: int, minus: int, adjusted: tuple[float, float], least: float, method: str
) -> Score:
    score, se = _mean(plus, minus, n)
    centre, error = adjusted
    # A handful of unanimous answers may lie beyond what the adjusted centre reaches.
    low = min(max(centre - Z95 * error, least), score)
    high = max(min(centre + Z95 * error, 100.0), score)
    return Score(n, score, se, centre, error, low, high, method, plus, minus)
