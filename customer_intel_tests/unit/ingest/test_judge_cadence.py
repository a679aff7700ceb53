"""When the next export is due: every day, Monday to Friday, weekly, monthly, irregular, and a holiday."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, timedelta

import pytest

from customer_intel.ingest.judge.cadence import due

MONDAY = date(2026, 2, 2)
WEEKDAYS = [n for n in range(60) if n % 7 < 5]
MONTHS = [date(2026, month, 1) for month in range(1, 7)]


def days(numbers: Sequence[int]) -> list[date]:
    return [MONDAY + timedelta(days=n) for n in numbers]


def told(
    came: Sequence[date], n: int, first: date = MONDAY, *, may_be_empty: bool = False
) -> list[date]:
    """The nights of n on which an export counts as late."""
    found = []
    for night in (first + timedelta(days=k) for k in range(n)):
        known = [day for day in came if day <= night]
        if known and known[-1] < night:
            when = due(known, night, None, may_be_empty=may_be_empty)
            if when.on is not None and when.on <= night:
                found.append(night)
    return found


@pytest.mark.parametrize(
    "came",
    [
        days(range(60)),
        days(WEEKDAYS),
        days(range(0, 60, 7)),
        days([0, 1, 4, 9, 10, 14, 19, 21, 25, 30, 33, 38, 40, 45, 50, 54, 59]),
    ],
    ids=["every day", "Monday to Friday", "weekly", "irregular"],
)
def test_a_pattern_that_goes_on_is_never_late(came: list[date]) -> None:
    assert told(came, 60) == []


def test_a_month_is_as_long_as_it_is() -> None:
    assert told(MONTHS, 150, MONTHS[0]) == []


@pytest.mark.parametrize(
    ("came", "missing"),
    [
        (days(range(60)), MONDAY + timedelta(days=45)),
        (days(range(60)), MONDAY + timedelta(days=20)),
        (days(WEEKDAYS), MONDAY + timedelta(days=45)),
    ],
)
def test_an_export_that_is_absent_is_late_the_same_night(came: list[date], missing: date) -> None:
    assert told([day for day in came if day != missing], 60)[0] == missing


def test_a_holiday_is_told_once_and_does_not_change_the_habit() -> None:
    holiday = MONDAY + timedelta(days=35)
    came = [day for day in days(WEEKDAYS) if day != holiday]
    assert told(came, 60) == [holiday]


def test_two_exports_are_no_habit() -> None:
    assert due(days([0, 1]), MONDAY + timedelta(days=9), None).on is None


def test_gaps_are_said_as_they_are() -> None:
    assert (
        due(days([0, 3, 9, 11]), MONDAY + timedelta(days=12), None).said
        == "on 4 days so far, at most 6 apart"
    )


@pytest.mark.parametrize(("every", "on"), [("day", 5), ("weekday", 7), ("week", 11), (3, 7)])
def test_what_is_declared_counts_whatever_came(every: str | int, on: int) -> None:
    assert due(days([4]), MONDAY + timedelta(days=9), every).on == MONDAY + timedelta(days=on)


def test_grace_is_added() -> None:
    assert due(days([4]), MONDAY + timedelta(days=9), "day", grace=2).on == MONDAY + timedelta(
        days=7
    )


@pytest.mark.parametrize("rate", [0.3, 0.5, 0.7, 0.9])
def test_exports_that_come_as_things_happen_are_hardly_ever_late(rate: float) -> None:
    dice, late = random.Random(3), 0
    for _ in range(20):
        came = days([0, *(n for n in range(1, 60) if dice.random() < rate)])
        late += bool(told(came, 60, may_be_empty=rate > 0.5))
    assert late <= 4


def test_a_day_without_rows_of_a_tiny_source_is_not_late() -> None:
    came, night = days(range(12)), MONDAY + timedelta(days=12)
    assert due(came, night, None).on == night
    seldom = due(came, night, None, may_be_empty=True).on
    assert seldom and seldom > night
