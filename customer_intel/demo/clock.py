"""Time, seasons and weighted draws that the demo's parts share. Seconds since the epoch, UTC."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from customer_intel.demo import pools

Array = NDArray[Any]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
DAY = 86_400
NEVER = np.int64(2**40)  # "has not happened": later than every export
WEEKDAY = np.array([0.95, 0.9, 0.92, 0.98, 1.05, 1.15, 1.05]) / 7.0
HOURS = np.array(
    [1, 1, 1, 1, 2, 5, 9, 11, 9, 7, 6, 6, 7, 6, 5, 5, 5, 6, 7, 9, 10, 8, 5, 2], dtype=float
)


def epoch(day: date) -> int:
    """Midnight UTC of a day, in seconds since 1970."""
    return (day - date(1970, 1, 1)).days * DAY


def choose(rng: np.random.Generator, weights: list[float] | Floats, n: int) -> Ints:
    """`n` indices drawn with these weights (they need not add up to 1)."""
    # One draw per element, whatever the weights: the stream of draws keeps its length.
    cumulative = np.cumsum(np.asarray(weights, dtype=float))
    return np.searchsorted(cumulative / cumulative[-1], rng.random(n), side="right").clip(
        0, len(cumulative) - 1
    )


def season(days: Ints, *, shopping: bool) -> Floats:
    """Christmas rises from mid November to the 20th of December, January is quiet, summer a little."""
    calendar = (
        days.astype("datetime64[D]") - days.astype("datetime64[D]").astype("datetime64[Y]")
    ).astype(int)
    factor = np.ones(len(days))
    factor += np.where((calendar >= 318) & (calendar <= 354), 1.1 if shopping else 0.4, 0.0)
    factor += np.where(calendar > 356, -0.45, 0.0) + np.where(calendar < 25, -0.25, 0.0)
    return factor + np.where((calendar >= 180) & (calendar <= 235), -0.1, 0.0)


def at_day(state: Array, person: Ints, day: Ints) -> Array:
    """Each person's weekly state on a day of the history (0 is the first)."""
    return state[person, np.clip(day // 7, 0, state.shape[1] - 1)]


def moment(rng: np.random.Generator, day: Ints, city: Ints, t0: int) -> Ints:
    """A second of the day by local habits; the person's clock decides when their morning is. Within
    the UTC day.
    """
    hour = choose(rng, list(HOURS), len(day))
    offset = np.array([c[4] for c in pools.CITIES])[city]
    second: Ints = t0 + day * DAY + ((hour - offset) % 24) * 3600 + rng.integers(0, 3600, len(day))
    return second
