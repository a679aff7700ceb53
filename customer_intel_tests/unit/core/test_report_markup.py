"""How numbers and names are said, and the report's pictures at their edges."""

from __future__ import annotations

import pytest

from customer_intel.core.report import charts, markup
from customer_intel.core.report.charts import Point
from customer_intel_tests.unit.report_lake import AS_OF


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (markup.short(1_234_567), "1.23\u00a0M"), (markup.short(999_999), "1.00\u00a0M"), (markup.short(0), "0"),
        (markup.money(9_999.5, "EUR"), "10,000\u00a0EUR"), (markup.money(-12.5, ""), "−12.50"),
        (markup.percent(0.0001), "<1\u00a0%"), (markup.percent(0.9959), "99.6\u00a0%"),
        (markup.percent(1.0), "100\u00a0%"),
        (markup.percent(0.9999), ">99.9\u00a0%"), (markup.percent(0.99959, 1), "99.96\u00a0%"),
        (markup.percent(0.994), "99\u00a0%"),
        (markup.plain("cant_lose_them"), "Can’t lose them"), (markup.plain("incantation"), "Incantation"),
        (markup.percent(0.0001, 2), "0.01\u00a0%"), (markup.signed(-0.2), "0"), (markup.p_value(0.0004), "p < .001"),
        (markup.number(-0.04), "0.0"), (markup.number(-0.06), "−0.1"),
        (markup.p_value(0.0121), "p = .012"), (markup.interval(None, 3), "·"), (markup.count(-1200), "−1,200"),
    ],
)  # fmt: skip
def test_how_numbers_are_said(said: str, expected: str) -> None:
    assert said == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 97, [0, 25, 50, 75, 100]),
        (0.71, 0.84, [0.7, 0.75, 0.8, 0.85]),
        (5, 5, [5, 6.25, 7.5, 8.75, 10]),
        (-8, 24, [-10, 0, 10, 20, 30]),
    ],
)
def test_ticks_are_round_and_cover(low: float, high: float, expected: list[float]) -> None:
    ticks = charts.nice_ticks(low, high)
    assert ticks[0] <= low and ticks[-1] >= high and len(ticks) <= 8
    if low != high:
        assert ticks == expected


def test_a_trend_of_one_day_or_of_zeros_is_drawn() -> None:
    for points in ([Point(AS_OF, 0.0)], [Point(AS_OF.replace(day=d), 0.0) for d in (1, 2)]):
        assert "nan" not in charts.trend(points, "x")
