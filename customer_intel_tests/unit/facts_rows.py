"""Computes facts, and what is made of them, from literal entity rows; not a test itself.

A test puts rows of an entity (one export, taken on as_of), or of several exports with `exports`,
and asks for the table at the end of the chain.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from customer_intel.ingest.conform.latest_row import conformed_sql
from customer_intel_tests.unit.sqlroom import Room

# Rooms whose tables are computed when nobody put rows of them.
ROOMS = ("facts", "activity", "profiles", "segments", "predictions")


def chain(made: Room, *names: str) -> pl.DataFrame:
    """The last of the tables, after all that they read and nobody put, each computed once."""
    return made.chain(*names, rooms=ROOMS)


def exports(
    made: Room, entity: str, days: dict[date, list[dict[str, Any]]], **everywhere: Any
) -> None:
    """Rows of an entity by the day of their export; the newest of a key stands, as when they were
    taken in.
    """
    for day, rows in days.items():
        moment = datetime(day.year, day.month, day.day)
        columns = {"source_file": "f", "source_row": 1, "exported_at": moment, **everywhere}
        made.put(f"raw_{entity}", [{**columns, **row} for row in rows])
    made.put(entity, made.con.sql(conformed_sql(made.contract.table(entity))).pl())


def order(number: int | str, at: datetime, total: str, **columns: Any) -> dict[str, Any]:
    return {
        "source_system": "shop",
        "order_id": str(number),
        "record_key": "crm:C",
        "ordered_at": at,
        "status": "paid",
        "total": Decimal(total),
        "currency": "USD",
        **columns,
    }
