"""Computes facts, and what is made of them, from literal entity rows; not a test itself.

A test puts rows of an entity (one export, taken on as_of), or of several exports with `exports`, and asks for the table
at the end of the chain.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from customer_intel.core.tables.definition import room_config
from customer_intel.facts.states import state_word
from customer_intel.ingest.conform.latest_row import conformed_sql
from customer_intel_tests.unit.sqlroom import NOWHERE, PACKAGE, Room, reads

# Rooms whose tables are computed when nobody put rows of them.
ROOMS = ("facts", "activity", "profiles", "segments", "predictions")
STATED = ("orders", "subscriptions", "payments", "invoices", "tickets")


def chain(made: Room, *names: str) -> pl.DataFrame:
    """The last of the tables, after all that they read and nobody put, each computed once."""
    for name in names:
        without = made.contract.table(name).without
        for read in (*_reads(name), *([without] if without else [])):
            _fill(made, read)
        found = made.run(name)
    return found


def exports(made: Room, entity: str, days: dict[date, list[dict[str, Any]]], **everywhere: Any) -> None:
    """Rows of an entity by the day of their export; the newest of a key stands, as when they were taken in."""
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


def _reads(name: str) -> tuple[str, ...]:
    if name == "state_word":
        return tuple(f"{kind}{entity}" for entity in STATED for kind in ("raw_", ""))
    return reads(next(PACKAGE.rglob(f"{name}.sql")).read_text(encoding="utf-8"), name)


def _fill(made: Room, name: str) -> None:
    table = made.contract.table(name)
    if name in made.filled:
        return
    if table.raw_of:
        # One export, the newest.
        if made.filled.get(table.raw_of):
            made.put(name, made.rows(table.raw_of).drop("as_of", "snapshot_id", strict=False))
    elif table.room in ROOMS and (name == "state_word" or any((PACKAGE / table.room).rglob(f"{name}.sql"))):
        inputs = _reads(name)
        for read in inputs:
            _fill(made, read)
        # Of nothing comes nothing: most facts are empty in most tests.
        if not any(made.filled.get(read) for read in inputs):
            made.put(name, [])
        elif name == "state_word":
            frames = {read: made.rows(read).lazy() for read in inputs}
            made.put(name, state_word(**frames, config={**room_config("facts", NOWHERE), **made.settings}))
        else:
            chain(made, name)
