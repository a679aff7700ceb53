"""Stretches of devices, against a loop over each device's logins."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from customer_intel_tests.unit.sqlroom import Room

AS_OF = date(2026, 6, 1)
MONTH, HALF_HOUR = timedelta(days=30), timedelta(minutes=30)
MICROSECOND = timedelta(microseconds=1)


def mapped(logins: list[tuple[str, str, datetime]]) -> set[tuple[Any, ...]]:
    """Device, customer, starts_at, ends_at and method of each stretch, of (device, person, when)."""
    room = Room(AS_OF)
    people = sorted({who for _, who, _ in logins})
    room.put(
        "record_customer_map",
        [{"record_key": f"app:{who}", "customer_id": who, "valid_from": AS_OF} for who in people],
    )
    room.put(
        "events",
        [
            {"event_id": str(n), "record_key": f"app:{who}", "anonymous_id": device, "occurred_at": at}
            for n, (device, who, at) in enumerate(logins)
        ],
        source_system="app",
    )  # fmt: skip
    columns = ("anonymous_id", "customer_id", "starts_at", "ends_at", "method")
    return set(room.run("anonymous_map").select(columns).rows())


def login_stretches(logins: list[tuple[str, str, datetime]]) -> set[tuple[Any, ...]]:
    """The plainest reading of the rule for stretches of method login."""
    found = set()
    for device in {device for device, _, _ in logins}:
        own = sorted((at, who) for name, who, at in logins if name == device)
        stretches: list[list[Any]] = []
        for at, who in own:
            if stretches and stretches[-1][0] == who and at <= stretches[-1][2] + MONTH:
                stretches[-1][2] = at
            else:
                stretches.append([who, at, at])
        for (who, start, last), after in zip(stretches, [*stretches[1:], None], strict=True):
            end = last + MONTH
            if after is not None:
                if after[0] != who and after[1] < last + MONTH:
                    end = last + HALF_HOUR
                end = min(end, after[1])
            if end > start:
                found.add((device, who, start, end, "login"))
    return found


@pytest.mark.parametrize("seed", range(3))
def test_login_stretches_equal_a_plain_loop(seed: int) -> None:
    chance = random.Random(seed)
    pauses = [
        timedelta(0),
        timedelta(minutes=7),
        HALF_HOUR,
        timedelta(days=4),
        MONTH,
        MONTH + MICROSECOND,
        timedelta(days=45),
    ]
    logins = []
    for device in range(25):
        at = datetime(2025, 1, 1) + timedelta(minutes=chance.randrange(100_000))
        # Every other device is one person's alone.
        people = [f"c{device}", f"d{device}"] if device % 2 else [f"c{device}"]
        for _ in range(chance.randrange(1, 14)):
            at += chance.choice(pauses)
            logins.append((f"device{device}", chance.choice(people), at))
    found = {row for row in mapped(logins) if row[-1] == "login"}
    assert found == login_stretches(logins)


def test_a_further_login_of_the_same_person_moves_the_end_alone() -> None:
    first = datetime(2026, 1, 31, 8)
    later = first + timedelta(days=29)
    before, after = mapped([("a", "c", first)]), mapped([("a", "c", first), ("a", "c", later)])
    assert before - after == {("a", "c", first, first + MONTH, "login")}
    assert after - before == {("a", "c", first, later + MONTH, "login")}
