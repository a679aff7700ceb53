"""Rows of activity for tests of what customers do: who, when in minutes, what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

from customer_intel.testing import TableLab

BEGIN = datetime(2026, 6, 1)
DAY = date(2026, 7, 1)


def rows(events: Iterable[tuple[str, float, str]], **more: Any) -> Iterator[dict[str, Any]]:
    """(customer, minutes since BEGIN, act) as activity; 'anon' begins the name of who is unknown."""
    for at, (who, minutes, act) in enumerate(events):
        ts = BEGIN + timedelta(minutes=minutes)
        is_known = not who.startswith("anon")
        yield {
            "activity_id": f"e{at:06}",
            "ts": ts,
            "day": ts.date(),
            "customer_id": who if is_known else None,
            "anonymous_id": None if is_known else who,
            "activity": act.partition(":")[0],
            "touchpoint_id": f"web:{act}",
            "channel": "web",
            "journey_stage": "usage",
            "source_system": "app",
            "is_own_act": True,
            "known_at": ts,
            **more,
        }


def lab(events: Iterable[tuple[str, float, str]], **settings: Any) -> TableLab:
    """A lab with these acts."""
    made = TableLab(DAY, **settings)
    events = list(events)
    made.put("activity", list(rows(events)))
    made.put(
        "customer_id_registry",
        [
            {"customer_id": who, "status": "active"}
            for who in sorted({who for who, _, _ in events if not who.startswith("anon")})
        ],
    )
    return made
