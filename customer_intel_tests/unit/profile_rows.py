"""Literal rows that several tests of profiles start from; not a test itself."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from customer_intel.core.tables.parameters import room_config
from customer_intel.identity.golden.golden import profile_field_provenance, source_trust
from customer_intel_tests.unit import facts_rows
from customer_intel_tests.unit.sqlroom import NOWHERE, Room

AS_OF = date(2026, 6, 1)
Rows = list[dict[str, Any]]


def ago(days: float) -> datetime:
    return datetime(2026, 6, 1) - timedelta(days=days)


def known(*customers: str, **tables: Rows) -> Room:
    """A lake in which record 'crm:<c>' is customer <c>, active since January."""
    made = Room(AS_OF)
    born = date(2026, 1, 1)
    made.put(
        "record_customer_map",
        [
            {"record_key": f"crm:{c}", "customer_id": c, "valid_from": born, "change_reason": "new"}
            for c in customers
        ],
    )
    made.put(
        "customer_id_registry",
        [{"customer_id": c, "status": "active", "born_as_of": born} for c in customers],
    )
    for name, rows in tables.items():
        made.put(name, rows)
    return made


def subscription(number: int, **columns: Any) -> dict[str, Any]:
    return {
        "source_system": "bill",
        "subscription_id": str(number),
        "record_key": "crm:C",
        "plan_id": f"plan{number}",
        "status": "active",
        "unit_amount": Decimal("10.00"),
        "quantity": 1.0,
        "currency": "USD",
        "billing_interval": "month",
        "interval_count": 1,
        "started_at": ago(100),
        "current_period_end": ago(-number),
        **columns,
    }


def order(number: int, days: float, total: str, **columns: Any) -> dict[str, Any]:
    return facts_rows.order(number, ago(days), total, **columns)


def party(record_key: str, seen: datetime, **columns: Any) -> dict[str, Any]:
    source = record_key.split(":")[0]
    return {
        "record_key": record_key,
        "source_system": source,
        "is_reference_only": False,
        "first_seen_at": ago(300),
        "last_seen_at": seen,
        **columns,
    }


def golden(made: Room) -> None:
    """Fills source_trust and profile_field_provenance from the party records that are there."""

    def rows(name: str) -> pl.DataFrame:
        made.put(name, [])
        found: pl.DataFrame = made.con.sql(f'SELECT * FROM "{name}"').pl()
        return found

    config = room_config("identity", NOWHERE)
    party, today = rows("party_record"), rows("record_customer_map")
    made.put("source_trust", source_trust(party, today, config))
    trust, hubs = rows("source_trust"), rows("hub_value")
    made.put(
        "profile_field_provenance",
        profile_field_provenance(party, today, trust, hubs, made.as_of, config),
    )
