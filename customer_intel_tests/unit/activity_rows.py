"""Literal events that several tests of activity start from; not a test itself."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from customer_intel_tests.unit.facts_rows import chain
from customer_intel_tests.unit.sqlroom import Room

AS_OF = date(2026, 3, 10)
T0 = datetime(2026, 3, 1, 12, 0, 0)
GAP = timedelta(minutes=30)
CAP = timedelta(hours=24)


def event(number: int, ts: datetime, **columns: Any) -> dict[str, Any]:
    return {
        "event_id": f"e{number:05}",
        "event_name": "Feature Used",
        "event_type": "track",
        "occurred_at": ts,
        **columns,
    }


def room(events: list[dict[str, Any]], zone: str = "UTC", **tables: list[dict[str, Any]]) -> Room:
    made = Room(AS_OF, time_zone=zone)
    if events:
        made.put("events", events, source_system="app")
    for name, rows in tables.items():
        made.put(name, rows)
    return made


def stream(made: Room) -> pl.DataFrame:
    return chain(made, "activity")


def sessions(made: Room) -> pl.DataFrame:
    return chain(made, "session").sort("started_at", "session_id")
