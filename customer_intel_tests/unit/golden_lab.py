"""Runs golden record, households and accounts after the lab's night; not a test itself."""

from __future__ import annotations

import inspect
from datetime import date
from typing import Any

import polars as pl

from customer_intel.core.contract.model import POLARS_TYPES
from customer_intel.identity.golden.golden import profile_field_provenance, source_trust
from customer_intel.identity.groups.accounts import account, account_map
from customer_intel.identity.groups.customer_household import customer_household
from customer_intel_tests.unit.identity_lab import (
    MAP,
    NIGHT,
    ROOM,
    Lab,
    _connection,
    _query,
)

FUNCTIONS: dict[str, Any] = {
    f.__name__: f
    for f in (source_trust, profile_field_provenance, customer_household, account_map, account)
}
ORDER = (
    "source_trust", "profile_field_provenance", "customer_household", "household", "account_map", "customer_account",
    "account",
)  # fmt: skip
Tables = dict[str, pl.DataFrame]


def golden_night(
    lab: Lab, as_of: date = NIGHT, before: Tables | None = None, upto: str = ORDER[-1]
) -> Tables:
    """The tables of one night, `before` being those of the last; what their contract refuses is an
    error.
    """
    lab.night(as_of, only=(*MAP, "customer_id_registry"))
    schema = {
        column.name: POLARS_TYPES[column.type] for column in lab.contract.table("accounts").columns
    }
    tables = {
        **lab.tables,
        "accounts": pl.DataFrame(lab.rows["accounts"], schema=schema, strict=False),
    }
    for name in ORDER[: ORDER.index(upto) + 1]:
        tables[name] = lab._typed(
            name, _computed(lab, name, tables, as_of, (before or {}).get(name))
        )
        lab._gate(name, tables, _connection())
    return tables


def _computed(
    lab: Lab, name: str, tables: Tables, as_of: date, previous: pl.DataFrame | None
) -> pl.DataFrame:
    if name not in FUNCTIONS:
        return _query(
            _connection(), next(ROOM.rglob(f"{name}.sql")).read_text(encoding="utf-8"), tables
        )
    if previous is None:
        previous = pl.DataFrame(
            schema={c.name: POLARS_TYPES[c.type] for c in lab.contract.table(name).columns}
        )
    given = {
        "as_of": as_of,
        "config": lab.config,
        "schema": lab.contract.table(name).polars_schema,
        "previous": previous,
        **tables,
    }
    found: pl.DataFrame = FUNCTIONS[name](
        **{wanted: given[wanted] for wanted in inspect.signature(FUNCTIONS[name]).parameters}
    )
    return found
