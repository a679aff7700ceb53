"""Runs the identity room over literal rows, night after night; not a test itself."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

import duckdb
import polars as pl

from customer_intel.core.contract import load as contracts
from customer_intel.core.contract.model import PACKAGE, POLARS_TYPES, STAMPS
from customer_intel.core.tables.parameters import room_config, sql_literal
from customer_intel.core.tables.queries import PLACEHOLDER, tables_read
from customer_intel.identity.explain.reasons import match_explanation
from customer_intel.identity.ids.record_customer_map import record_customer_map
from customer_intel.identity.linking.hub_value import hub_value
from customer_intel.identity.linking.match_edge import match_edge
from customer_intel.identity.linking.match_model import match_model
from customer_intel.identity.linking.party_value import party_value
from customer_intel.identity.records.party import party_record
from customer_intel.testing.lab import NOWHERE, parsed

NIGHT = date(2026, 3, 1)
SEEN = datetime(2026, 1, 15, 12)
ENTITIES = (
    "contacts", "accounts", "orders", "subscriptions", "invoices", "events", "tickets", "survey_responses",
    "survey_invitations", "reviews", "marketing_touches", "consents", "actions_log", "deals", "identity_overrides",
)  # fmt: skip
TIMES = {
    "contacts": ("created_at", "updated_at"), "accounts": ("created_at", "updated_at"), "orders": ("ordered_at",),
    "subscriptions": ("started_at", "updated_at"), "invoices": ("created_at",), "events": ("occurred_at",),
    "tickets": ("created_at",), "deals": ("created_at",), "survey_responses": ("responded_at",),
    "survey_invitations": ("sent_at",),
    "reviews": ("created_at",), "marketing_touches": ("occurred_at",), "consents": ("collected_at",),
    "actions_log": ("performed_at",), "identity_overrides": ("decided_at",),
}  # fmt: skip
ORDER = (
    "party_source", "party_record", "identifier_fact", "hub_value", "party_value", "match_model",
    "match_edge", "match_conflict", "record_customer_map", "record_confidence", "match_explanation", "match_review",
    "customer_id_registry", "customer_id_event", "customer_id_alias", "customer_identifier",
    "anonymous_map", "consent_state",
)  # fmt: skip
FUNCTIONS: dict[str, Any] = {
    f.__name__: f
    for f in (
        party_record, hub_value, party_value, match_model, match_edge, record_customer_map, match_explanation
    )
}  # fmt: skip
# Enough to know who is who.
MAP = ORDER[: ORDER.index("record_customer_map") + 1]
# Enough to know whom a person should look at.
REVIEW = (*MAP, "match_explanation", "match_review")
# What a night must know of those before to find the same customers.
MEMORY = ("party_value", "match_model")
ROOM = PACKAGE / "identity"
Row = dict[str, Any]
MOBILE = "+49 171 2345678"


def person(
    first: str | None = None, last: str | None = None, email: str | None = None, **more: Any
) -> Row:
    return {"first_name": first, "last_name": last, "email": email, **more}


class Lab:
    """A lake of conformed rows, and the identity room's tables of the last night run over it."""

    def __init__(self, **config: Any) -> None:
        self.contract = contracts.load()
        self.config = {**copy.deepcopy(_shipped()), **config}
        self.rows: dict[str, list[Row]] = {name: [] for name in ENTITIES}
        self.tables: dict[str, pl.DataFrame] = {}
        self.previous: dict[str, pl.DataFrame] = {}
        # Ids of a history before this one: record_key, customer_id, valid_from, valid_to.
        self.given: list[Row] = []

    def contact(self, key: str, **columns: Any) -> Lab:
        source, contact_id = key.split(":", 1)
        return self.put(
            "contacts", record_key=key, source_system=source, contact_id=contact_id, **columns
        )

    def put(self, entity: str, **columns: Any) -> Lab:
        self.rows[entity].append(
            {**dict.fromkeys(TIMES[entity], SEEN), "source_system": "crm", **columns}
        )
        return self

    def override(self, action: str, a: str, b: str | None = None, **columns: Any) -> Lab:
        number = len(self.rows["identity_overrides"])
        columns = {
            "decided_at": datetime(2026, 2, 1) + timedelta(hours=number),
            "override_id": f"o{number}",
        } | columns
        return self.put(
            "identity_overrides", action=action, record_key_a=a, record_key_b=b, **columns
        )

    def night(self, as_of: date = NIGHT, only: Iterable[str] = ORDER) -> Lab:
        """Computes the tables; what the contract's keys, required columns and `sql` gates refuse is
        an error.
        """
        frames: dict[str, pl.DataFrame] = {}
        for name in ENTITIES:
            schema = {
                column.name: POLARS_TYPES[column.type]
                for column in self.contract.table(name).columns
            }
            frames[name] = pl.DataFrame(self.rows[name], schema=schema, strict=False)
        given = self.contract.table("customer_id_given")
        schema = {column.name: POLARS_TYPES[column.type] for column in given.columns}
        frames[given.name] = pl.DataFrame(self.given, schema=schema)
        con = _connection()
        for name in only:
            frames[name] = self._typed(name, self._computed(name, frames, con, as_of))
            self._gate(name, frames, con)
        self.previous |= {name: frames[name] for name in only}
        self.tables = {name: frames[name] for name in only}
        return self

    def _computed(
        self,
        name: str,
        frames: Mapping[str, pl.DataFrame],
        con: duckdb.DuckDBPyConnection,
        as_of: date,
    ) -> pl.DataFrame:
        if name not in FUNCTIONS:
            text = next(ROOM.rglob(f"{name}.sql")).read_text(encoding="utf-8")
            values = {**self.config, "as_of": as_of}
            return _query(
                con, PLACEHOLDER.sub(lambda m: sql_literal(values[m.group(1)]), text), frames
            )
        empty = pl.DataFrame(
            schema={c.name: POLARS_TYPES[c.type] for c in self.contract.table(name).columns}
        )
        special = {
            "as_of": as_of,
            "config": self.config,
            "schema": self.contract.table(name).polars_schema,
            "previous": self.previous.get(name, empty),
        }
        arguments = inspect.signature(FUNCTIONS[name]).parameters
        found: pl.DataFrame = FUNCTIONS[name](
            **{name: special.get(name, frames.get(name)) for name in arguments}
        )
        return found

    def _typed(self, name: str, frame: pl.DataFrame) -> pl.DataFrame:
        table = self.contract.table(name)
        wanted = {c.name: POLARS_TYPES[c.type] for c in table.columns if c.name not in STAMPS}
        assert sorted(frame.columns) == sorted(wanted), (
            f"{name}: {set(frame.columns) ^ set(wanted)}"
        )
        for column in table.columns:
            if column.required and column.name in wanted:
                assert frame[column.name].null_count() == 0, (
                    f"{name}.{column.name} is empty somewhere"
                )
        assert not frame.select(table.key).is_duplicated().any(), (
            f"{name}: key {table.key} stands twice"
        )
        return frame.select(pl.col(column).cast(kind) for column, kind in wanted.items()).sort(
            table.key
        )

    def _gate(
        self, name: str, frames: Mapping[str, pl.DataFrame], con: duckdb.DuckDBPyConnection
    ) -> None:
        queries = {
            rule.args["name"]: rule.args["query"]
            for rule in self.contract.table(name).expect
            if rule.kind == "sql" and rule.severity == "critical"
        }
        asked = " UNION ALL ".join(
            f"(SELECT '{rule}' FROM ({query}\n) LIMIT 1)" for rule, query in queries.items()
        )
        for (rule,) in _query(con, asked, frames).rows() if queries else ():
            raise AssertionError(f"{name}: {rule}: {_query(con, queries[rule], frames).rows()[:3]}")

    def customers(self) -> dict[str, str]:
        """record_key → customer_id today."""
        return dict(
            self.tables["record_customer_map"]
            .filter(pl.col("valid_to").is_null())
            .select("record_key", "customer_id")
            .iter_rows()
        )

    def groups(self) -> list[list[str]]:
        """The records of each customer, without their source: sorted, as lists."""
        found: dict[str, list[str]] = {}
        for key, customer in self.customers().items():
            found.setdefault(customer, []).append(key)
        return sorted(sorted(keys) for keys in found.values())

    def alias(self, customer_id: str) -> list[str | None]:
        return (
            self.tables["customer_id_alias"]
            .filter(pl.col("alias_customer_id") == customer_id)["customer_id"]
            .to_list()
        )


@lru_cache
def _shipped() -> Mapping[str, Any]:
    return room_config("identity", NOWHERE)


@lru_cache
def _connection() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(config={"threads": 1})
    con.execute("SET TimeZone = 'UTC'").fetchall()
    return con


@lru_cache
def _tables_read(sql: str) -> tuple[str, ...]:
    return tables_read(sql, "query")


# What the connection shows under which name.
_shown: dict[str, pl.DataFrame] = {}


def _query(
    con: duckdb.DuckDBPyConnection, sql: str, frames: Mapping[str, pl.DataFrame]
) -> pl.DataFrame:
    for name in _tables_read(sql):
        if _shown.get(name) is not frames[name]:
            con.register(name, frames[name].to_arrow())
            _shown[name] = frames[name]
    result: pl.DataFrame = con.sql(parsed(sql)).pl()
    return result
