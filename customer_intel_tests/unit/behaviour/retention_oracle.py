"""Retention, lifecycle and stickiness by plain loops over (customer, moment) pairs, for comparison.

Nothing here shares a line with the tables: days are counted by the calendar, moments one by one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta

Acts = list[tuple[str, datetime]]
ROLLING = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30)}


def begin(day: date, unit: str) -> date:
    """First day of the day, Monday week, month or quarter."""
    if unit == "day":
        return day
    if unit == "week":
        return day - timedelta(days=day.weekday())
    if unit == "month":
        return day.replace(day=1)
    return date(day.year, 3 * ((day.month - 1) // 3) + 1, 1)


def after(start: date, unit: str) -> date:
    """First day of the next one."""
    later = start + timedelta(days={"day": 1, "week": 7, "month": 32, "quarter": 95}[unit])
    return begin(later, unit)


def retention(
    starts: Acts,
    returns: Acts,
    as_of: date,
    unit: str,
    *,
    kind: str = "first_time",
    mode: str = "on",
    clock: str = "calendar",
) -> dict[tuple[date, int], tuple[int, int, int, int]]:
    """(cohort, interval) → n_cohort, n_eligible, n_retained, n_so_far."""
    end = datetime(as_of.year, as_of.month, as_of.day)
    began: dict[str, list[datetime]] = defaultdict(list)
    for who, at in sorted(starts, key=lambda item: item[1]):
        if at < end:
            began[who].append(at)
    came: dict[str, list[datetime]] = defaultdict(list)
    for who, at in returns:
        if at < end:
            came[who].append(at)
    found: dict[tuple[date, int], list[int]] = {}
    members: dict[date, dict[str, datetime]] = defaultdict(dict)
    for who, moments in began.items():
        for at in moments[:1] if kind == "first_time" else moments:
            members[begin(at.date(), unit)].setdefault(who, at)
    for cohort, customers in members.items():
        for who, start in customers.items():
            bounds = list(_bounds(cohort, start, end, unit, clock))
            for number, (low, high) in enumerate(bounds):
                cell = found.setdefault((cohort, number), [0, 0, 0])
                until = datetime.max if mode == "on_or_after" else high
                is_back = any(at >= start and low <= at < until for at in came[who])
                had_time = high <= end
                cell[0] += had_time
                cell[1] += had_time and is_back
                cell[2] += is_back
    return {
        (cohort, number): (len(members[cohort]), cell[0], cell[1], cell[2])
        for (cohort, number), cell in found.items()
    }


def _bounds(
    cohort: date, start: datetime, end: datetime, unit: str, clock: str
) -> Iterable[tuple[datetime, datetime]]:
    if clock == "rolling":
        low = start
        while low < end:
            yield low, low + ROLLING[unit]
            low += ROLLING[unit]
        return
    day = cohort
    while datetime(day.year, day.month, day.day) < end:
        later = after(day, unit)
        yield datetime(day.year, day.month, day.day), datetime(later.year, later.month, later.day)
        day = later


def lifecycle(acts: Acts, as_of: date, unit: str) -> dict[date, tuple[int, int, int, int, int]]:
    """Period → active, new, returning, resurrecting, dormant."""
    days = {(who, at.date()) for who, at in acts if at.date() < as_of}
    there: dict[date, set[str]] = defaultdict(set)
    for who, day in days:
        there[begin(day, unit)].add(who)
    found = {}
    seen: set[str] = set()
    before: set[str] = set()
    period = min(there)
    while period < as_of:
        now = there.get(period, set())
        found[period] = (
            len(now),
            len(now - seen),
            len(now & before),
            len((now & seen) - before),
            len(before - now),
        )
        seen |= now
        before = now
        period = after(period, unit)
    return found


def stickiness(acts: Acts, as_of: date, unit: str) -> dict[tuple[date, int], int]:
    """(period, active days or weeks) → customers."""
    steps: dict[tuple[date, str], set[date]] = defaultdict(set)
    for who, at in acts:
        if at.date() < as_of:
            step = begin(at.date(), "week" if unit == "quarter" else "day")
            steps[begin(at.date(), unit), who].add(step)
    return dict(Counter((period, len(units)) for (period, _), units in steps.items()))
