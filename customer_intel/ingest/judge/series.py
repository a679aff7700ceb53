"""Whether a number left its own history: a robust forecast with an interval, and how improbable it is.

Belongs here: one number over time. Not here: which numbers there are (numbers.py), how many false alarms
a year may bring (source_check.py).

The next number is forecast from those before: level, growth (medians of the two halves) and, once
three weeks are known, the weekday. Its error has three sources: the spread between nights, which
begins as a guess of `spread` weighing `guess_weight` nights and gives way to what was seen
(scaled inverse chi-squared, so that the standardized error follows Student's t; Gelman et al.,
Bayesian Data Analysis, 3rd ed., 2.6); the error of the forecast, that is of medians (π/2 times that of
means) for level, weekday and growth; the sample's own error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import pi, sqrt
from statistics import median

from scipy.special import stdtr, stdtrit

# So many numbers before tonight's are looked at: eight weeks of nights.
WINDOW = 56
# The last few, by which a drift is told from a jump.
RECENT = 5
# From so many on growth and weekdays are looked for.
TREND_FROM, WEEKDAYS_FROM, WEEKDAYS_SPAN = 8, 14, 20
# Beyond so many median deviations a number says where it lies, not how far others spread.
WINSOR = 3.0
MAD_TO_SD = 1.4826
# The variance of a median is so many times that of a mean.
MEDIAN = pi / 2
# A winsorized deviation tells less of the spread than a plain one.
EFFICIENCY = 0.8


@dataclass(frozen=True)
class Point:
    """A number of one export. `error`: its own standard error, as a sample."""

    day: date
    value: float
    error: float = 0.0


@dataclass(frozen=True)
class Kind:
    """`spread`: the standard deviation between nights to expect of a number of this kind before it is
    known, and how many nights that guess weighs; `early`: the same before weekdays are known.
    """

    spread: float
    guess_weight: float = 8.0
    early: float | None = None
    grows: bool = False


@dataclass(frozen=True)
class Forecast:
    """What was to be expected. `p`: probability of a number at least as far from `expected`;
    `p_recent`: as far from the level of the last few alone, to which it may have drifted.
    """

    expected: float
    error: float
    freedom: float
    p: float
    p_recent: float = 0.0

    def interval(self, p: float) -> tuple[float, float]:
        """Where all but the share `p` of such numbers lie."""
        half = -float(stdtrit(self.freedom, p / 2)) * self.error
        return self.expected - half, self.expected + half


def forecast(history: Sequence[Point], new: Point, kind: Kind) -> Forecast | None:
    """The forecast of `new` from the points before it; None without any."""
    points = sorted((point for point in history if point.day < new.day), key=lambda p: p.day)
    points = points[-WINDOW:]
    if not points:
        return None
    n = len(points)
    slope, ahead = _slope(points, new.day) if kind.grows and n >= TREND_FROM else (0.0, 0.0)
    levels = [point.value - slope * (point.day - new.day).days for point in points]
    knows_weekdays = n >= WEEKDAYS_FROM and (points[-1].day - points[0].day).days >= WEEKDAYS_SPAN
    effects = _weekdays(points, levels) if knows_weekdays else {}
    levels = [
        level - effects.get(point.day.weekday(), 0.0)
        for point, level in zip(points, levels, strict=True)
    ]
    centre = median(levels)
    spread = kind.spread if knows_weekdays or kind.early is None else kind.early
    known = n - 1 - max(0, len(effects) - 1)
    seen, weight = _deviation(levels, centre, known), EFFICIENCY * known
    freedom = kind.guess_weight + weight
    between = (kind.guess_weight * spread**2 + weight * seen**2) / freedom
    sampled = sum(point.error**2 for point in points) / n
    own = sum(point.day.weekday() == new.day.weekday() for point in points) if effects else n
    of_forecast = (1 if n < 3 else MEDIAN) / max(own, 1) + ahead
    error = sqrt(between * (1 + of_forecast) + new.error**2 + sampled / max(own, 1))
    effect = effects.get(new.day.weekday(), 0.0)
    of_level, of_recent = (
        2 * float(stdtr(freedom, -abs(new.value - level - effect) / error)) if error else 1.0
        for level in (centre, median(levels[-RECENT:]))
    )
    return Forecast(centre + effect, error, freedom, of_level, of_recent)


def _slope(points: Sequence[Point], day: date) -> tuple[float, float]:
    """Growth a day, from the median of the earlier half to that of the later, of whole weeks; and the
    variance that it adds to a forecast of `day`, in variances of a number.
    """
    half = len(points) // 2
    half -= half % 7 if half >= 7 else 0
    first, last = points[:half], points[-half:]
    apart = sum(p.day.toordinal() for p in last) - sum(p.day.toordinal() for p in first)
    days = apart / half
    middle = (points[0].day.toordinal() + points[-1].day.toordinal()) / 2
    slope = (median(p.value for p in last) - median(p.value for p in first)) / days
    return slope, 2 * MEDIAN / half * ((day.toordinal() - middle) / days) ** 2


def _weekdays(points: Sequence[Point], levels: Sequence[float]) -> dict[int, float]:
    """Weekday → how far it lies from the others, drawn to none by the few that are known."""
    centre = median(levels)
    own: dict[int, list[float]] = {}
    for point, level in zip(points, levels, strict=True):
        own.setdefault(point.day.weekday(), []).append(level - centre)
    return {day: median(found) * len(found) / (len(found) + 0.5) for day, found in own.items()}


def _deviation(levels: Sequence[float], centre: float, known: int) -> float:
    """Standard deviation from the centre; `known`: levels that are free to deviate."""
    far = WINSOR * MAD_TO_SD * median(abs(level - centre) for level in levels)
    if not far:
        # More than half are the same: what differs is the spread.
        return sqrt(sum((level - centre) ** 2 for level in levels) / len(levels)) / WINSOR
    held = [min(far, max(-far, level - centre)) for level in levels]
    return sqrt(sum(deviation**2 for deviation in held) / max(1, known))
