"""The share that gets there within a window, when some have not had the time yet.

Belongs here: the estimate and its interval. Not here: whose times they are (funnel_figures.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from customer_intel.core.statistics import wilson

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Rate:
    """A share with its 95 % interval; `n_mature` had the whole window. None where nobody had."""

    n_mature: int
    value: float | None = None
    low: float | None = None
    high: float | None = None


def nested(rates: Iterable[Rate]) -> list[Rate]:
    """The rates of steps one after the other, none above the one before, nor its bounds. Each is estimated by itself,
    and whoever comes late to a later step is counted longer, so that estimates alone can cross.
    """
    found: list[Rate] = []
    for rate in rates:
        before = found[-1] if found else rate
        parts = zip(
            (rate.value, rate.low, rate.high), (before.value, before.low, before.high), strict=True
        )
        lower = (None if one is None or other is None else min(one, other) for one, other in parts)
        found.append(Rate(rate.n_mature, *lower))
    return found


def mature_rate(age: Numbers, took: Numbers, window: float) -> Rate:
    """Kaplan and Meier's share (1958) of those who got there within the window.

    `age`: time since each entered; `took`: time from entering to getting there, not a number for who has not;
    all in one unit. Who got there after the window did not get there within it; who has neither got there nor had
    the window is counted until now. The interval is Wilson's at the effective number of people, the share's variance by
    Greenwood (1926) against the binomial's (Dorey and Korn 1987).
    """
    n_mature = int(np.count_nonzero(age >= window))
    if not n_mature:
        return Rate(0)
    got = took <= window
    time = np.where(got, took, np.minimum(age, window))
    order = np.lexsort((~got, time))
    time, got = time[order], got[order]
    _, begin = np.unique(time, return_index=True)
    at_risk = len(time) - begin
    events = np.add.reduceat(got.astype(np.float64), begin)
    left = np.cumprod(1 - events / at_risk)
    share = float(1 - left[-1])
    # Where nobody is left behind, the binomial variance is all there is.
    staying = at_risk > events
    terms = np.where(staying, events / (at_risk * np.maximum(at_risk - events, 1)), 0.0)
    variance = float(left[-1] ** 2 * terms.sum())
    effective = share * (1 - share) / variance if variance > 0 else float(n_mature)
    return Rate(n_mature, share, *wilson(share * effective, effective))
