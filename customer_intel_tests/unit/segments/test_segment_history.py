"""The history of segments: what each night told, kept; nothing of who may not be looked at."""

from __future__ import annotations

from datetime import date
from typing import Any

from customer_intel.segments.segment_history import segment_history
from customer_intel_tests.unit.sqlroom import Room, schema

MAY, JUNE, JULY = date(2026, 5, 1), date(2026, 6, 1), date(2026, 7, 1)


def _night(
    as_of: date, now: dict[str, str], before: list[tuple[Any, ...]], *active: str
) -> list[tuple[Any, ...]]:
    made = Room(as_of)
    columns = schema("segment_history").names()
    made.put("rfm", [{"customer_id": who, "segment": name} for who, name in now.items()])
    made.put(
        "customer_id_registry",
        [{"customer_id": who, "status": "active"} for who in active or "abc"]
        + [{"customer_id": "gone", "status": "erased"}],
    )
    made.put("segment_history", [dict(zip(columns, row, strict=True)) for row in before])
    tables = (made.rows(name) for name in ("rfm", "customer_id_registry"))
    previous = made.rows("segment_history")
    return segment_history(*tables, as_of, previous, schema("segment_history")).rows()


FIRST = [("a", MAY, None, "new_customers"), ("b", MAY, None, "lost"), ("c", MAY, None, "lost")]
SECOND = [
    ("a", MAY, JUNE, "new_customers"),
    ("a", JUNE, None, "champions"),
    ("b", MAY, None, "lost"),
    ("c", MAY, JUNE, "lost"),
]


def test_a_changed_segment_closes_one_stretch_and_opens_another() -> None:
    first = _night(MAY, {"a": "new_customers", "b": "lost", "c": "lost"}, [])
    assert first == FIRST
    assert _night(JUNE, {"a": "champions", "b": "lost"}, first) == SECOND


def test_the_same_night_again_changes_nothing_and_an_earlier_one_forgets() -> None:
    assert _night(JUNE, {"a": "champions", "b": "lost"}, SECOND) == SECOND
    assert _night(MAY, {"a": "new_customers", "b": "lost", "c": "lost"}, SECOND) == FIRST


def test_a_segment_that_comes_back_is_a_new_stretch() -> None:
    again = _night(JULY, {"a": "champions", "b": "lost", "c": "lost"}, SECOND)
    assert again == [*SECOND, ("c", JULY, None, "lost")]


def test_who_is_no_customer_or_may_not_be_looked_at_any_more_has_no_past() -> None:
    before = [*FIRST, ("gone", MAY, None, "lost")]
    # The registry comes without those who may not be profiled: here without c.
    assert _night(JUNE, {"a": "new_customers", "b": "lost"}, before, "a", "b") == FIRST[:2]
