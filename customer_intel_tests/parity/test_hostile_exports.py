"""The hostile company's exports hold what they promise; without a night, without Spark."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from customer_intel.core.contract.load import load
from customer_intel_tests.parity.hostile_exports import (
    AS_OF,
    DATES,
    FILLED,
    OF_FILE,
    exports,
)

EXPORTS = exports()
ENTITIES = load().entities
# Its other events have the columns; the rates have none that may be empty.
WHOLE = {"fx_rates"}


@pytest.mark.parametrize("name", sorted(ENTITIES.keys() - WHOLE))
def test_every_optional_column_is_empty_in_a_row_and_filled_in_another(name: str) -> None:
    rows = EXPORTS[name, DATES[0]]
    for column in ENTITIES[name].columns:
        if column.name in OF_FILE or column.required or f"{name}.{column.name}" in FILLED:
            continue
        filled = {bool(row.get(column.name)) for row in rows}
        assert filled == {True, False}, column.name


def test_later_files_have_fewer_columns_so_that_rows_are_merged_of_three() -> None:
    first, second, third = (set(EXPORTS["orders", day][0]) for day in DATES)
    assert len({frozenset(first), frozenset(second), frozenset(third)}) == 3
    assert first - second and second - third


def test_visits_are_half_an_hour_apart_exactly_and_a_microsecond_more() -> None:
    rows = [row for row in EXPORTS["events", DATES[0]] if row.get("anonymous_id") == "device-C00"]
    moments = sorted(
        datetime.fromisoformat(row["occurred_at"])
        for row in rows
        if row["event_id"].startswith("visit")
    )
    gaps = {later - earlier for earlier, later in pairwise(moments)}
    half = timedelta(minutes=30)
    assert {timedelta(0), half, half + timedelta(microseconds=1)} <= gaps


def test_amounts_are_negative_and_nothing_in_two_currencies() -> None:
    orders = EXPORTS["orders", DATES[0]]
    assert {row["currency"] for row in orders} == {"EUR", "USD"}
    assert {"-5.00", "0.00"} <= {row["total"] for row in orders}


def test_moments_lie_on_a_leap_day_at_a_years_end_and_on_both_clock_changes() -> None:
    days = {row["occurred_at"][:10] for row in EXPORTS["events", DATES[0]]}
    assert {"2024-02-29", "2023-12-31", "2024-01-01", "2023-10-29", "2024-03-30"} <= days
    assert max(days) < str(AS_OF)


def test_texts_are_hostile() -> None:
    texts = {value for rows in EXPORTS.values() for row in rows for value in row.values()}
    assert any("\\" in text for text in texts) and any('"' in text for text in texts)
    assert {"Straße", "ΟΔΟΣ", "İstanbul", "  spaced  "} <= texts
