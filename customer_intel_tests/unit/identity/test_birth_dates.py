"""Birth dates of records: which are possible, and which a form filled in."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from customer_intel.core.contract.load import load
from customer_intel.core.contract.model import POLARS_TYPES
from customer_intel.core.tables.parameters import room_config
from customer_intel.identity.records.party import party_record
from customer_intel.testing.lab import NOWHERE

AS_OF = date(2026, 3, 1)
CONFIG: dict[str, Any] = room_config("identity", NOWHERE)


def recorded(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """party_record of rows in their order."""
    schema = {
        column.name: POLARS_TYPES[column.type] for column in load().table("party_source").columns
    }
    seen = datetime(2026, 1, 1)
    filled = [
        {"record_key": f"crm:{n:05}", "source_system": "crm", "source_id": str(n), "is_reference_only": False,
         "first_seen_at": seen, "last_seen_at": seen, "updated_at": seen, **row}
        for n, row in enumerate(rows)
    ]  # fmt: skip
    return party_record(pl.DataFrame(filled, schema=schema), AS_OF, CONFIG)


def test_a_register_reaches_back_and_impossible_dates_are_empty() -> None:
    days = [
        (date(1980, 5, 5), True, False),
        (date(1550, 2, 3), True, False),
        (date(1900, 5, 5), True, False),
        (AS_OF, True, False),
        (date(1980, 1, 1), True, True),
        (date(1900, 1, 1), True, True),
        (AS_OF + timedelta(days=1), False, None),
        (date(1499, 12, 31), False, None),
        (None, False, None),
    ]
    found = recorded([{"birth_date": day} for day, _, _ in days])
    assert found["birth_date_norm"].to_list() == [day if kept else None for day, kept, _ in days]
    assert found["is_birth_date_weak"].to_list() == [weak for _, _, weak in days]


def test_a_day_that_far_too_many_people_of_a_source_have_was_filled_in() -> None:
    filled_in, shared = date(1985, 6, 15), date(1990, 7, 8)
    people = [
        {"last_name": f"N{n:03}", "birth_date": date(1950, 2, 2) + timedelta(days=n)}
        for n in range(200)
    ]
    many = [{"last_name": f"M{n:03}", "birth_date": filled_in} for n in range(30)]
    # Thirty records of one person, and twenty people of a day.
    one = [{"first_name": "Cy", "last_name": "Lee", "birth_date": date(1970, 3, 4)}] * 30
    few = [{"first_name": "Di", "last_name": f"K{n:03}", "birth_date": shared} for n in range(20)]
    elsewhere = [{"last_name": "M001", "birth_date": filled_in, "source_system": "shop"}]
    found = recorded([*people, *many, *one, *few, *elsewhere])
    weak = found.filter("is_birth_date_weak")
    assert set(weak.select("source_system", "birth_date_norm").rows()) == {("crm", filled_in)}
    assert len(weak) == 30


def test_business_names_of_traders_and_organisations_are_companies() -> None:
    found = recorded(
        [
            {"full_name": "Kim Lee t/a Lee Plumbing"},
            {"full_name": "Bäckerei Meyer GmbH"},
            {"full_name": "Kim Lee"},
            {"full_name": "Kim Lee t/a Lee Plumbing", "company_name": "Acme Ltd"},
        ]
    )
    assert found["company_norm"].to_list() == ["lee plumbing", "backerei meyer", None, "acme"]
    assert found["is_organisation"].to_list() == [False, True, False, False]
