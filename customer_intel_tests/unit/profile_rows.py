"""Literal rows that several tests of profiles start from; not a test itself."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from customer_intel_tests.unit.sqlroom import Room

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
        [{"record_key": f"crm:{c}", "customer_id": c, "valid_from": born, "change_reason": "new"} for c in customers],
    )
    made.put("customer_id_registry", [{"customer_id": c, "status": "active", "born_as_of": born} for c in customers])
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
