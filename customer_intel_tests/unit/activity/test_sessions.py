"""Sessions, against literal rows and an independent sessioniser."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import date, datetime, timedelta

import polars as pl
import pytest

from customer_intel_tests.unit.activity_rows import (
    AS_OF,
    CAP,
    GAP,
    T0,
    event,
    room,
    sessions,
    stream,
)


def independent_sessions(events: list[tuple[str, datetime, str]]) -> set[frozenset[str]]:
    """Sets of event ids: a loop over each visitor's events in order, the plainest reading of the
    rule.
    """
    by_visitor: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for visitor, ts, event_id in events:
        by_visitor[visitor].append((ts, event_id))
    found = set()
    for own in by_visitor.values():
        own.sort()
        run_start = own[0][0]
        current: list[str] = []
        before = own[0][0]
        for ts, event_id in own:
            midnight = datetime(ts.year, ts.month, ts.day)
            if ts - before > GAP:
                found.add(frozenset(current))
                current, run_start = [], ts
            elif before < midnight and run_start < midnight - CAP:
                found.add(frozenset(current))
                current = []
            current.append(event_id)
            before = ts
        found.add(frozenset(current))
    return found


def test_a_gap_of_exactly_thirty_minutes_does_not_end_a_session_and_a_microsecond_more_does() -> (
    None
):
    exact = sessions(room([event(1, T0, anonymous_id="a"), event(2, T0 + GAP, anonymous_id="a")]))
    assert exact.height == 1
    assert exact["duration_seconds"].to_list() == [1800]
    more = sessions(
        room(
            [
                event(1, T0, anonymous_id="a"),
                event(2, T0 + GAP + timedelta(microseconds=1), anonymous_id="a"),
            ]
        )
    )
    assert more["n_activities"].to_list() == [1, 1]


def test_a_session_over_midnight_is_one_session_of_its_first_day() -> None:
    late = datetime(2026, 3, 1, 23, 50)
    found = sessions(
        room([event(k, late + timedelta(minutes=10 * k), anonymous_id="a") for k in range(4)])
    )
    assert found.select("day", "n_activities").rows() == [(date(2026, 3, 1), 4)]


def test_a_robot_that_never_pauses_is_cut_at_midnights() -> None:
    events = [event(k, T0 + timedelta(minutes=20 * k), anonymous_id="a") for k in range(250)]
    found = sessions(room(events))
    # From noon: twelve hours old at the first midnight, and thirty-six at the second.
    second, third = datetime(2026, 3, 3), datetime(2026, 3, 4)
    assert found["started_at"].to_list() == [T0, second, third]
    assert found["n_activities"].to_list() == [108, 72, 70]


def test_a_robot_is_cut_at_the_midnights_of_the_reporting_time_zone() -> None:
    events = [event(k, T0 + timedelta(minutes=20 * k), anonymous_id="a") for k in range(250)]
    found = sessions(room(events, "America/New_York"))
    midnight = datetime(2026, 3, 3, 5)
    assert found["started_at"].to_list() == [T0, midnight, midnight + CAP]


def test_a_session_of_just_the_cap_at_midnight_is_one() -> None:
    start = datetime(2026, 3, 2)
    events = [event(k, start + GAP * k, anonymous_id="a") for k in range(60)]
    assert sessions(room(events)).height == 1
    earlier = [event(k, start - GAP + GAP * k, anonymous_id="a") for k in range(60)]
    assert sessions(room(earlier))["started_at"].to_list() == [start - GAP, start + CAP]


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland"])
def test_a_days_sessions_depend_on_three_days_before_and_none_after(zone: str) -> None:
    """A day's rows are the same when all else is gone."""
    chance = random.Random(7)
    events, ts = [], datetime(2026, 3, 1, 20)
    for number in range(900):
        ts += chance.choices([timedelta(minutes=9), GAP, timedelta(hours=5)], [60, 10, 1])[0]
        events.append(event(number, ts, anonymous_id="ab"[number > 450]))
    whole = stream(room(events, zone))
    for day in whole["day"].unique():
        first, last = (datetime(day.year, day.month, day.day) + n * CAP for n in (-3, 2))
        near = [row for row in events if first <= row["occurred_at"] < last]
        own = pl.col("day") == day
        assert stream(room(near, zone)).filter(own).equals(whole.filter(own))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_sessions_equal_an_independent_sessioniser(seed: int) -> None:
    chance = random.Random(seed)
    events, told = [], []
    clocks = {f"v{k}": T0 + timedelta(hours=chance.randrange(30)) for k in range(25)}
    pauses = [
        timedelta(0),
        timedelta(microseconds=1),
        timedelta(milliseconds=250),
        timedelta(minutes=5),
        GAP,
        GAP - timedelta(microseconds=1),
        GAP + timedelta(microseconds=1),
        timedelta(minutes=29, seconds=59),
        timedelta(hours=3),
        timedelta(hours=11),
    ]
    for number in range(3000):
        visitor = chance.choice(list(clocks))
        weights = [4, 4, 4, 30, 30, 4, 2, 20, 1, 1] if visitor < "v2" else [3] * 10
        clocks[visitor] += chance.choices(pauses, weights)[0]
        if clocks[visitor].date() > AS_OF:
            continue
        events.append(event(number, clocks[visitor], anonymous_id=visitor))
        told.append((visitor, clocks[visitor], f"event:app:e{number:05}"))
    # One that never pauses long enough, so that the cap has something to cut.
    for number in range(3000, 3160):
        ts = T0 + timedelta(minutes=29, seconds=59) * (number - 3000)
        events.append(event(number, ts, anonymous_id="robot"))
        told.append(("robot", ts, f"event:app:e{number:05}"))
    chance.shuffle(events)
    found_stream = stream(room(events))
    found = {
        frozenset(group)
        for group in found_stream.group_by("session_id")
        .agg("activity_id")
        .get_column("activity_id")
        .to_list()
    }
    assert found == independent_sessions(told)


def test_login_in_mid_session_keeps_one_session_when_the_device_is_known_to_be_the_customers() -> (
    None
):
    mapping = [
        {
            "record_key": "app:u1",
            "customer_id": "C1",
            "valid_from": date(2026, 1, 1),
            "change_reason": "new",
        }
    ]
    device = {"anonymous_id": "a", "record_key": "app:u1", "customer_id": "C1", "method": "login"}
    events = [
        event(1, T0, anonymous_id="a"),
        event(2, T0 + timedelta(minutes=5), anonymous_id="a", user_id="u1", record_key="app:u1"),
        event(
            3, T0 + timedelta(minutes=6), anonymous_id="other", user_id="u1", record_key="app:u1"
        ),
    ]
    known = sessions(
        room(
            events,
            record_customer_map=mapping,
            anonymous_map=[{**device, "starts_at": T0, "ends_at": T0 + CAP}],
        )
    )
    assert known.select("customer_id", "n_activities").rows() == [("C1", 3)]
    unknown = sessions(
        room(
            events,
            record_customer_map=mapping,
            anonymous_map=[{**device, "starts_at": T0 + timedelta(minutes=5), "ends_at": T0 + CAP}],
        )
    )
    assert unknown.select("customer_id", "n_activities").rows() == [(None, 1), ("C1", 2)]


def test_session_ids_do_not_change_when_other_visitors_or_later_events_arrive() -> None:
    first = [event(1, T0, anonymous_id="a")]
    later = [
        *first,
        event(2, T0 + timedelta(minutes=3), anonymous_id="a"),
        event(3, T0, anonymous_id="b"),
    ]
    before = sessions(room(first))["session_id"].to_list()
    after = sessions(room(later)).filter(pl.col("anonymous_id") == "a")["session_id"].to_list()
    assert before == after
