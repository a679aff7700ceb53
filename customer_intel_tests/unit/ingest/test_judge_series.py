"""Numbers over time against simulation with known truth: false alarms, drifts, jumps, new levels."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import pytest

from customer_intel.ingest.judge.numbers import CHECKS, is_odd_empty
from customer_intel.ingest.judge.series import Kind, Point, forecast

START = date(2026, 1, 5)
SPREAD = 0.1
Noise = Callable[[np.random.Generator, int], np.ndarray]
NORMAL: Noise = lambda rng, n: rng.normal(0, SPREAD, n)  # noqa: E731
LONG_TAILS: Noise = lambda rng, n: rng.standard_t(5, n) * SPREAD / np.sqrt(5 / 3)  # noqa: E731


def points(values: np.ndarray) -> list[Point]:
    return [Point(START + timedelta(days=k), float(value)) for k, value in enumerate(values)]


def share_below(p: float, noise: Noise, n: int, kind: Kind, trend: float, week: float) -> float:
    rng, times, found = np.random.default_rng(7), 1500, 0
    for _ in range(times):
        days = rng.normal(0, week, 7)
        values = 5 + noise(rng, n + 1) + trend * np.arange(n + 1) + days[np.arange(n + 1) % 7]
        *history, new = points(values)
        made = forecast(history, new, kind)
        found += made is not None and made.p < p
    return found / times


@pytest.mark.parametrize(("noise", "most"), [(NORMAL, 0.015), (LONG_TAILS, 0.025)])
@pytest.mark.parametrize("grows", [False, True])
def test_one_number_of_a_hundred_has_a_probability_of_a_hundredth(
    noise: Noise, most: float, grows: bool
) -> None:
    trend = 0.005 if grows else 0.0
    found = share_below(0.01, noise, 56, Kind(SPREAD, 6, grows=grows), trend, week=0.3)
    assert 0.002 <= found <= most


@pytest.mark.parametrize("n", [1, 3, 8, 13])
def test_a_short_history_is_judged_with_care(n: int) -> None:
    assert share_below(0.01, NORMAL, n, Kind(SPREAD, 6, grows=True), 0.005, week=0.0) <= 0.015


def test_growth_is_extrapolated_with_the_error_of_its_slope() -> None:
    short, long = (
        forecast(
            points(0.01 * np.arange(n)),
            Point(START + timedelta(days=n), 0.01 * n),
            Kind(0.1, grows=True),
        )
        for n in (28, 56)
    )
    assert short and long and short.p > 0.8 and long.p > 0.8
    assert short.error > long.error


def test_a_jump_is_improbable_by_the_last_few_and_a_drift_is_not() -> None:
    level, rng = np.zeros(40), np.random.default_rng(3)
    drift = np.concatenate([level, np.linspace(0.03, 0.6, 20)]) + rng.normal(0, 0.01, 60)
    kind, last = Kind(0.04), START + timedelta(days=60)
    jumped, drifted = (
        forecast(points(level), Point(last, 1.0), kind),
        forecast(points(drift), Point(last, 0.6), kind),
    )
    assert jumped and drifted
    assert jumped.p < 1e-6 and jumped.p_recent < 1e-6
    assert drifted.p < 1e-4 and drifted.p_recent > 0.01


def test_a_weekday_of_its_own_is_expected_once_three_weeks_are_known() -> None:
    values = np.array([-1.2 if k % 7 > 4 else 0.0 for k in range(28)])
    kind = Kind(0.25, 3, early=0.6)
    sunday = forecast(points(values[:27]), points(values)[27], kind)
    weekday = forecast(points(values), Point(START + timedelta(days=28), -1.2), kind)
    assert sunday and weekday and sunday.p > 0.3 and weekday.p < 0.001


@pytest.mark.parametrize(
    ("earlier", "is_odd"),
    [
        ([900, 40], False),
        ([900, 40, 60], True),
        ([6, 2, 3, 7, 5], False),  # tickets of five days, and a Saturday without one
        ([6, 2, 0, 7, 5], False),
        ([9] * 20, True),
        ([5, 6, 5, 5, 6, 7, 7], True),  # a list of five products, every day
    ],
)
def test_an_empty_export_is_odd_where_chance_makes_none(earlier: list[int], is_odd: bool) -> None:
    assert is_odd_empty(earlier) is is_odd


@pytest.mark.parametrize("n", [8, 13, 15, 20, 30])
def test_a_fall_by_sixty_percent_is_told_from_the_second_week_on(n: int) -> None:
    rng, told = np.random.default_rng(5), 0
    for _ in range(100):
        history = points(np.log1p(rng.poisson(100, n)))
        history = [Point(point.day, point.value, 0.1) for point in history]
        new = Point(START + timedelta(days=n), float(np.log1p(rng.poisson(40))), 0.1)
        made = forecast(history, new, CHECKS["rows"].kind)
        told += made is not None and made.p < 0.0014 and made.p_recent < 0.01
    assert told >= 80


def test_a_second_weekend_is_like_the_first() -> None:
    week = [4.6, 4.7, 4.55, 4.6, 4.65, 3.4, 3.5]
    *history, sunday = points(np.array(week * 2))
    made = forecast(history, sunday, CHECKS["rows"].kind)
    assert made and made.p_recent > 0.01
