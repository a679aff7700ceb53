"""Whether those who use a feature stay more often than customers who are as engaged and do not: pure numbers.

Belongs here: adjustment for engagement, its error, intervals, sizes. Not here: windows and rows (feature_driver.py).

Engagement drives both use and staying, and is known only by acts, with error: adjusting for deciles of acts leaves part
of it in the difference, and more customers make that part only more significant. So the difference is told three
times. Crude; adjusted, over strata of the activity in the exposure window x the activity before it x blocks
(Mantel-Haenszel: Greenland and Robins 1985, Biometrics 41:55, with the variance of Sato 1989, Biometrics 45:1323); and
corrected for the error of the measure, as follows.

Let the engagement have variance 1 and the window tell of it with precision i, the days before with precision k. What
adjusting by both leaves of the confounding is in proportion to 1 / (1 + i + k), by the window alone to 1 / (1 + i)
(regression dilution; Carroll et al. 2006, Measurement Error in Nonlinear Models, ch. 2). Two adjusted differences thus
tell what perfect knowledge would leave: corrected = adjusted - J (adjusted by the window alone - adjusted), with
J = (1 + i) / k. Reliabilities r are correlations of odd and even days (Spearman 1910, Brown 1910), f is the
correlation of the window and the days before, corrected for both reliabilities: how far engagement stays what it was.
i = r / (1 - r), k = f^2 / (1 / r_before - f^2).

Even so the correction rests on a model. A feature is supported only where a further `benchmark` of everything that was
removed could be taken away and the lower limit still lies above zero (a benchmark by observed covariates: Cinelli and
Hazlett 2020, JRSS B 82:39). Errors of both are of a jackknife over groups of customers.

What it cannot see: something that drives use and staying and leaves no trace in activity, such as a role in the company
or a plan to stay that comes first. Against that stand the E-value and the experiment, not the verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, sqrt

import numpy as np
import numpy.typing as npt

from customer_intel.core.statistics import ENOUGH, Z95, two_sided

Numbers = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

# Groups of the jackknife.
GROUPS = 40
# Customers a stratum should hold on average; bins of the window at most and at least.
PER_STRATUM, FINEST, COARSEST = 8, 20, 5
# Beyond these a reliability is none.
RELIABLE = (0.05, 0.95)
# 80 % power.
Z_POWER = 0.8416212335729143


@dataclass(frozen=True)
class Measured:
    """One entry a customer who was known before the exposure window, and active in it or in the days
    before it otherwise than by the feature.

    `dose`: days of use in the exposure window; `stayed`: 0 or 1; `window` and `before`: measures of
    activity without the feature, customers x measures, for odd and even days, the first of them
    above zero where there was any; `block`: what else they were before the landmark, as a code.
    """

    dose: Codes
    stayed: Codes
    window: tuple[Numbers, Numbers]
    before: tuple[Numbers, Numbers]
    block: Codes

    @property
    def is_active(self) -> npt.NDArray[np.bool_]:
        """Who was active in the window: the population that is compared."""
        return _any(self.window)

    @property
    def was_active(self) -> npt.NDArray[np.bool_]:
        """Who was active before it."""
        return _any(self.before)

    def only(self, kept: npt.NDArray[np.bool_]) -> Measured:
        """These customers alone."""
        return Measured(
            self.dose[kept],
            self.stayed[kept],
            (self.window[0][kept], self.window[1][kept]),
            (self.before[0][kept], self.before[1][kept]),
            self.block[kept],
        )


def _any(halves: tuple[Numbers, Numbers]) -> npt.NDArray[np.bool_]:
    there: npt.NDArray[np.bool_] = (halves[0][:, 0] + halves[1][:, 0]) > 0
    return there


@dataclass(frozen=True)
class Effect:
    """A difference of shares with its standard error."""

    value: float
    error: float

    @property
    def low(self) -> float:
        """Lower end of the 95 % interval."""
        return self.value - Z95 * self.error

    @property
    def high(self) -> float:
        """Upper end of the 95 % interval."""
        return self.value + Z95 * self.error


@dataclass(frozen=True)
class Assessment:
    """What is known of a feature. `robust` is what is left of `corrected` after the benchmark;
    `p_value` its two-sided one.
    """

    n_exposed: int
    n_unexposed: int
    rate_exposed: float
    rate_unexposed: float
    crude: Effect
    adjusted: Effect
    corrected: Effect
    robust: Effect
    p_value: float
    risk_ratio: float
    e_value: float
    stability: float
    reliability: float
    dose_p: float
    n_strata: int

    @property
    def removed(self) -> float:
        """How much of the crude difference was engagement, as far as can be told."""
        return self.crude.value - self.corrected.value


def too_small(measured: Measured) -> bool:
    """Whether a side, or an outcome, is too rare among the active for normal theory."""
    used, stayed = (part[measured.is_active] for part in (measured.dose > 0, measured.stayed))
    least = min(used.sum(), (~used).sum(), stayed.sum(), (1 - stayed).sum())
    return bool(least < ENOUGH)


def assess(measured: Measured, benchmark: float) -> Assessment | None:
    """None where it is too small, or no stratum holds users and others."""
    if too_small(measured):
        return None
    # Every customer keeps a group, whichever part of them a figure is of.
    groups = np.arange(len(measured.dose)) % GROUPS
    active = measured.is_active
    known, group = measured.only(active), groups[active]
    used = (known.dose > 0).astype(np.int64)
    by_window, by_both = _strata(known)
    counts = [
        tabulated(strata, used, known.stayed, group)
        for strata in (np.zeros(len(group), np.int64), by_window, by_both)
    ]
    if not all(_is_mixed(tallied[0]).any() for tallied in counts):
        return None
    crude, windowed, adjusted = (difference(tallied) for tallied in counts)
    told = _told(measured, groups)
    corrected = adjusted - told.factor * (windowed - adjusted)
    robust = _effect(corrected - benchmark * np.abs(crude - corrected))
    ratio, nearest = risk_ratio(counts[2][0])
    (others, users), finest = counts[0][0, 0], counts[2][0]
    return Assessment(
        n_exposed=int(users.sum()),
        n_unexposed=int(others.sum()),
        rate_exposed=float(users[1] / users.sum()),
        rate_unexposed=float(others[1] / others.sum()),
        crude=Effect(float(crude[0]), sato_error(counts[0][0])),
        adjusted=Effect(float(adjusted[0]), sato_error(finest)),
        corrected=_effect(corrected),
        robust=robust,
        p_value=two_sided(robust.value / robust.error) if robust.error > 0 else 1.0,
        risk_ratio=ratio,
        e_value=e_value(nearest),
        stability=told.stability,
        reliability=told.reliability,
        dose_p=trend(known.dose, known.stayed, by_both),
        n_strata=int(_is_mixed(finest).sum()),
    )


# ---- strata
def _strata(known: Measured) -> tuple[Codes, Codes]:
    """By the activity in the window, and by that and the activity before; within blocks both."""
    n_window, n_before = bins_of(len(known.dose), int(known.block.max()) + 1)
    window, before = (score(halves[0] + halves[1]) for halves in (known.window, known.before))
    by_window = known.block * n_window + binned(window, n_window)
    return dense(by_window), dense(by_window * n_before + binned(before, n_before))


def bins_of(n: int, blocks: int) -> tuple[int, int]:
    """Bins of the activity in the window, and half as many of that before it."""
    bins = int(sqrt(2 * n / (PER_STRATUM * max(blocks, 1))))
    bins = min(max(bins, COARSEST), FINEST)
    return bins, max(bins // 2, 2)


def score(measures: Numbers) -> Numbers:
    """One measure of several (customers x measures): the mean of their mid-ranks, from 0 to 1."""
    ranks: Numbers = sum(mid_rank(column) for column in measures.T) / measures.shape[1]
    return np.round(ranks, 9)


def mid_rank(values: Numbers) -> Numbers:
    """The share that lies below, equals counted half."""
    _, place, n = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Numbers = ((np.cumsum(n) - n / 2) / len(values))[place]
    return ranks


def binned(values: Numbers, bins: int) -> Codes:
    """Bins of about equal size, equal values in one."""
    return np.minimum((mid_rank(values) * bins).astype(np.int64), bins - 1)


def dense(codes: Codes) -> Codes:
    """The codes from 0 on without gaps."""
    return np.unique(codes, return_inverse=True)[1].astype(np.int64)


def tabulated(strata: Codes, used: Codes, stayed: Codes, group: Codes) -> Numbers:
    """(1 + GROUPS) x strata x used x stayed: counts of all, and of all but one group each."""
    n = int(strata.max()) + 1
    code = ((group * n + strata) * 2 + used) * 2 + stayed
    parts = np.bincount(code, minlength=GROUPS * n * 4).reshape(GROUPS, n, 2, 2).astype(float)
    whole = parts.sum(axis=0)
    return np.concatenate([whole[None], whole[None] - parts])


def _is_mixed(counts: Numbers) -> npt.NDArray[np.bool_]:
    """Per stratum, whether it holds users and others."""
    mixed: npt.NDArray[np.bool_] = (counts.sum(axis=-1) > 0).all(axis=-1)
    return mixed


# ---- differences
def difference(counts: Numbers) -> Numbers:
    """Mantel-Haenszel risk difference of each leading entry of ... x strata x used x stayed."""
    weight, sides = _weights(counts)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = counts[..., 1] / sides
        gap = np.where(weight > 0, shares[..., 1] - shares[..., 0], 0.0)
        told: Numbers = (weight * gap).sum(axis=-1) / weight.sum(axis=-1)
    return told


def _weights(counts: Numbers) -> tuple[Numbers, Numbers]:
    sides = counts.sum(axis=-1)
    n = sides.sum(axis=-1)
    return sides[..., 1] * sides[..., 0] / np.maximum(n, 1.0), sides


def sato_error(counts: Numbers) -> float:
    """Standard error of the Mantel-Haenszel risk difference of strata x used x stayed (Sato 1989):
    right for few large strata and for many small ones.
    """
    weight, sides = _weights(counts)
    n1, n0, n = sides[:, 1], sides[:, 0], np.maximum(sides.sum(axis=-1), 1.0)
    a, b = counts[:, 1, 1], counts[:, 0, 1]
    p = (n1**2 * b - n0**2 * a + n1 * n0 * (n0 - n1) / 2) / n**2
    q = (a * (n0 - b) + b * (n1 - a)) / (2 * n)
    gap = float(difference(counts))
    return sqrt(max(gap * p.sum() + q.sum(), 0.0)) / float(weight.sum())


def risk_ratio(counts: Numbers) -> tuple[float, float]:
    """Mantel-Haenszel risk ratio, and the limit of its 95 % interval that lies nearer to 1, 1 where
    the interval holds it (variance of its logarithm: Greenland and Robins 1985).
    """
    sides = counts.sum(axis=-1)
    n1, n0, n = sides[:, 1], sides[:, 0], np.maximum(sides.sum(axis=-1), 1.0)
    a, b = counts[:, 1, 1], counts[:, 0, 1]
    r, s = (a * n0 / n).sum(), (b * n1 / n).sum()
    if r <= 0 or s <= 0:
        return (1.0, 1.0) if r == s else (0.0 if r <= 0 else inf, 1.0)
    variance = ((n1 * n0 * (a + b) - a * b * n) / n**2).sum() / (r * s)
    ratio, spread = float(r / s), Z95 * sqrt(max(float(variance), 0.0))
    low, high = ratio * np.exp(-spread), ratio * np.exp(spread)
    return ratio, float(low if low > 1 else high if high < 1 else 1.0)


def e_value(ratio: float) -> float:
    """How strongly (as a risk ratio, with use and with staying) something unmeasured would have to
    act to explain the ratio away (VanderWeele and Ding 2017, Ann Intern Med 167:268); 1 for a limit
    that holds no difference.
    """
    beyond = ratio if ratio >= 1 else 1 / ratio
    return beyond + sqrt(beyond * (beyond - 1))


def _effect(replicates: Numbers) -> Effect:
    """The first entry, with the jackknife error of the others, each without a group."""
    others = replicates[1:]
    spread = ((others - others.mean()) ** 2).sum() * (GROUPS - 1) / GROUPS
    return Effect(float(replicates[0]), float(np.sqrt(spread)))


# ---- how well activity tells engagement
@dataclass(frozen=True)
class _Told:
    """J of the head comment, of all and of all but one group each; how far engagement stays what it
    was, and the lower of the two reliabilities.
    """

    factor: Numbers
    stability: float
    reliability: float


def _told(measured: Measured, groups: Codes) -> _Told:
    def halves(parts: tuple[Numbers, Numbers], among: npt.NDArray[np.bool_]) -> Numbers:
        first, second = (score(part[among]) for part in parts)
        half = _rank_correlation(first, second, groups[among])
        # A whole whose halves correlate so (Spearman-Brown).
        whole: Numbers = np.clip(2 * half / (1 + np.maximum(half, -0.5)), *RELIABLE)
        return whole

    # Each among those whom the other chose: whoever was seen on one half only would else count
    # against it.
    in_window = halves(measured.window, measured.was_active)
    in_before = halves(measured.before, measured.is_active)
    both = measured.is_active
    window, before = (score((of[0] + of[1])[both]) for of in (measured.window, measured.before))
    together = _rank_correlation(window, before, groups[both])
    stability = np.clip(together / np.sqrt(in_window * in_before), RELIABLE[0], 1.0)
    factor = (1 / in_before - stability**2) / (stability**2 * (1 - in_window))
    return _Told(factor, float(stability[0]), float(min(in_window[0], in_before[0])))


def _rank_correlation(a: Numbers, b: Numbers, group: Codes) -> Numbers:
    """Of mid-ranks; of all, and of all but one group each."""
    x, y = mid_rank(a), mid_rank(b)
    parts = np.array(
        [
            np.bincount(group, weights=w, minlength=GROUPS)
            for w in (np.ones(len(x)), x, y, x * x, y * y, x * y)
        ]
    )
    whole = parts.sum(axis=1)[:, None]
    n, sx, sy, sxx, syy, sxy = np.concatenate([whole, whole - parts], axis=1)
    spread = np.sqrt(np.maximum((n * sxx - sx**2) * (n * syy - sy**2), 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Numbers = np.where(spread > 0, (n * sxy - sx * sy) / spread, 0.0)
    return found


# ---- dose, size, many features
def trend(dose: Codes, stayed: Codes, strata: Codes) -> float:
    """Two-sided p-value of a trend of staying over 0, 1, 2 and more days of use, within strata
    (Mantel 1963, JASA 58:690); 1 where nobody differs.
    """
    level = np.minimum(dose, 3).astype(float)
    n = np.bincount(strata).astype(float)
    sums = [np.bincount(strata, weights=w) for w in (level, stayed, level * stayed, level**2)]
    of_level, of_stayed, of_both, of_square = sums
    surplus = float((of_both - of_level * of_stayed / n).sum())
    spread = (of_stayed * (n - of_stayed) / np.maximum(n - 1, 1)) * (of_square - of_level**2 / n)
    variance = float((spread / n)[n > 1].sum())
    return two_sided(surplus / sqrt(variance)) if variance > 0 else 1.0


def size_per_arm(share: float, gain: float) -> int | None:
    """Customers in each arm of an experiment that finds `gain` over `share` with 80 % power at 5 %
    two-sided (Fleiss 1981, eq. 3.14); None where there is no gain, or no room for it.
    """
    better = share + gain
    if gain <= 0 or not 0 < share < 1 or better >= 1:
        return None
    mean = (share + better) / 2
    spread = Z95 * sqrt(2 * mean * (1 - mean))
    spread += Z_POWER * sqrt(share * (1 - share) + better * (1 - better))
    return int(np.ceil((spread / gain) ** 2))


def agreement(used: int, both: int, stayed: int, n: int) -> tuple[float | None, float | None]:
    """phi, the correlation of use and staying, and the share of users who stay (PPV), as Amplitude's
    Compass tells them; None where they are none.
    """
    spread = float(used) * (n - used) * stayed * (n - stayed)
    phi = (both * n - used * stayed) / sqrt(spread) if spread > 0 else None
    return phi, (both / used if used else None)
