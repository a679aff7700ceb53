"""When the next export of a kind is due: as declared, or as the ones so far came.

Belongs here: dates. Not here: what is said of a late one (source_check.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from math import ceil, log
from statistics import median

# Names of sources.yaml's `every`, in days; a weekday is Monday to Friday.
EVERY = {"day": 1, "weekday": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}
WEEKDAY = "weekday"
SATURDAY = 5
# The weeks by which weekdays are known, and how many exports make a habit.
WEEKS, HABIT = 4, 3
# While no habit is known, so many days more than the longest gap so far are nothing to tell.
PATIENCE = 2
# A silence this improbable is told, of exports that come on irregular days.
BY_CHANCE = 0.001


@dataclass(frozen=True)
class Due:
    """`on`: the day from which the next export counts as late, None when nobody can tell. `usual`: the
    day on which it would come as most did. `said`: how that is known.
    """

    on: date | None
    said: str
    usual: date


def due(
    days: Sequence[date],
    as_of: date,
    every: str | int | None,
    grace: int = 0,
    *,
    may_be_empty: bool = False,
) -> Due:
    """When the export after the newest of `days` is due; `days` up to `as_of`, at least one.
    `may_be_empty`: of so few rows that a day may have none, and then no file.
    """
    came = sorted({day for day in days if day <= as_of})
    last = came[-1]
    if every is not None:
        day = _declared(last, every)
        return Due(day + timedelta(days=grace), f"every {every}, as declared", day)
    gaps = [(b - a).days for a, b in pairwise(came[-3 * WEEKS :])]
    usual = last + timedelta(days=round(median(gaps)) if gaps else 1)
    if len(came) < HABIT:
        return Due(None, "too few exports so far to tell", usual)
    weeks = [day for day in came if day > as_of - timedelta(days=7 * WEEKS + 1)]
    habit = _weekdays(came, last)
    if habit and not may_be_empty:
        day = last + timedelta(days=1)
        while day.weekday() not in habit:
            day += timedelta(days=1)
        names = "every day" if len(habit) == 7 else _named(habit)
        return Due(day + timedelta(days=grace), f"{names}, as so far", day)
    longest = max(gaps)
    if 2 * longest > 3 * min(gaps) or (longest < 7 and (len(gaps) < 7 or may_be_empty)):
        # Exports that come as things happen: so long a silence is no chance.
        rate = (len(gaps) + 1) / (sum(gaps) + 2)
        silent = max(longest + PATIENCE, ceil(log(BY_CHANCE) / log(1 - rate)))
        silent = min(silent, 2 * longest + 2 * PATIENCE)
        said = f"on {len(came)} days so far, at most {longest} apart"
        return Due(last + timedelta(days=silent + grace), said, usual)
    patience = PATIENCE if not weeks or longest < 7 else max(1, longest // 10)
    if len(gaps) < HABIT:
        patience = max(patience, longest // 2)
    said = f"at most {longest} day{'s' if longest > 1 else ''} apart so far"
    return Due(last + timedelta(days=longest + patience + grace), said, usual)


def _declared(last: date, every: str | int) -> date:
    if every == WEEKDAY:
        day = last + timedelta(days=1)
        while day.weekday() >= SATURDAY:
            day += timedelta(days=1)
        return day
    return last + timedelta(days=every if isinstance(every, int) else EVERY[every])


def _weekdays(came: Sequence[date], last: date) -> set[int]:
    """The weekdays on which an export came each time in the last weeks; empty when they are too few,
    or when exports came on other days too.
    """
    first = last - timedelta(days=7 * WEEKS - 1)
    if came[0] > first:
        # At least two whole weeks must be known.
        known = (last - came[0]).days
        weeks = known // 7
        if weeks < 2:
            # Of a first week and a day, that none was missing.
            return set(range(7)) if weeks and len(came) == known + 1 else set()
        first = last - timedelta(days=7 * weeks - 1)
    seen = {day for day in came if day >= first}
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    always = {
        weekday
        for weekday in range(7)
        if all(day in seen for day in days if day.weekday() == weekday)
    }
    often = {day.weekday() for day in seen}
    # A source of Monday to Friday may come at a weekend, too.
    if always >= set(range(SATURDAY)):
        return always
    # Other days may be the same twice by chance.
    is_known = (last - first).days >= 7 * (WEEKS - 1) - 1
    return always if always == often and is_known else set()


def _named(habit: set[int]) -> str:
    names = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    if habit == set(range(SATURDAY)):
        return "Monday to Friday"
    return "every " + ", ".join(names[day] for day in sorted(habit))
