"""Runs one table's SQL or function over literal rows, with the contract's types; not a test itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from customer_intel.core.contract import model as contracts
from customer_intel.core.engine import DuckDBEngine, EngineSettings
from customer_intel.core.tables.definition import _PLACEHOLDER, room_config, sql_literal, tables_read
from customer_intel.core.tables.portable_sql import faults

PACKAGE = contracts.PACKAGE
Rows = Sequence[Mapping[str, Any]] | pl.DataFrame
NOWHERE = Path("no-home-so-no-overrides")


class Room:
    """A small lake: every table that is used is empty, with its contract's columns, until `put` or `run` fills it.

    `settings` are laid over every room's configuration, as a home's own are.
    """

    def __init__(self, as_of: date, **settings: Any) -> None:
        self.as_of = as_of
        self.settings = settings
        self.contract = contracts.load()
        self.engine = DuckDBEngine(EngineSettings(), [])
        self.engine.define_local_time(str(settings.get("time_zone", "UTC")))
        self.con = self.engine.con
        # How many rows were put or computed, by table.
        self.filled: dict[str, int] = {}

    def put(self, name: str, rows: Rows, **everywhere: Any) -> None:
        """Adds rows to a table; columns that they leave out are null, but an entity's rows come from some export."""
        frame = rows if isinstance(rows, pl.DataFrame) else pl.DataFrame(list(rows), infer_schema_length=None)
        frame = frame.with_columns(pl.lit(value).alias(column) for column, value in everywhere.items())
        if frame.height and self.contract.table(name).entity is not None:
            whence = {"source_system": "shop", "source_file": "f", "source_row": 1, "exported_at": self.morning}
            frame = frame.with_columns(pl.lit(value).alias(c) for c, value in whence.items() if c not in frame.columns)
        self.filled[name] = self.filled.get(name, 0) + frame.height
        self._insert(name, frame)

    @property
    def morning(self) -> datetime:
        """When the newest export was taken: at the beginning of as_of."""
        return datetime(self.as_of.year, self.as_of.month, self.as_of.day)

    def rows(self, name: str) -> pl.DataFrame:
        """What stands in the table."""
        self._create(name)
        return self.con.sql(f'SELECT * FROM "{name}"').pl()

    def run(self, name: str, **config: Any) -> pl.DataFrame:
        """Computes a table from what is there, replaces it, checks the contract and returns its rows without stamps."""
        table = self.contract.table(name)
        sql = next((PACKAGE / table.room).rglob(f"{name}.sql")).read_text(encoding="utf-8")
        parameters = {**room_config(table.room, NOWHERE), **self.settings, "as_of": self.as_of, **config}
        assert not_portable(sql, name) == ()
        for read in reads(sql, name):
            self._create(read)
        stamps = {} if table.layout != "whole" else {"as_of": sql_literal(self.as_of), "snapshot_id": "'night'"}
        with self._hidden(table, reads(sql, name)):
            select = self.engine.contract_select(table, _filled(sql, parameters), stamps)
            frame: pl.DataFrame = self.con.sql(select).pl()
        self.con.execute(f'DROP TABLE IF EXISTS "{name}"').fetchall()
        self.put(name, frame)
        self.check(name)
        return frame.drop(stamps).sort(table.key)

    def failures(self, name: str) -> list[str]:
        """Names of the critical `sql` expectations, keys and required columns that the table's rows break."""
        table = self.contract.table(name)
        key = ", ".join(f'"{column}"' for column in table.key)
        queries = self._queries(table, "critical")
        queries["key"] = f'SELECT {key} FROM "{name}" GROUP BY {key} HAVING count(*) > 1'
        for column in table.columns:
            if column.required and column.name not in contracts.STAMPS:
                queries[f"{column.name}*"] = f'SELECT 1 FROM "{name}" WHERE "{column.name}" IS NULL'
        return [what for what, query in queries.items() if self.con.sql(query).fetchall()]

    def check(self, name: str) -> None:
        found = self.failures(name)
        assert not found, f"{name}: {', '.join(found)}"

    def warnings(self, name: str) -> list[str]:
        """Names of the `sql` expectations that only warn, and do."""
        queries = self._queries(self.contract.table(name), "warning")
        return [what for what, query in queries.items() if self.con.sql(query).fetchall()]

    def _queries(self, table: contracts.Table, severity: str) -> dict[str, str]:
        found = {
            str(item.args["name"]): str(item.args["query"])
            for item in table.expect
            if item.kind == "sql" and item.severity == severity
        }
        for query in found.values():
            for read in reads(query, table.name):
                self._create(read)
        return found

    @contextmanager
    def _hidden(self, table: contracts.Table, inputs: Sequence[str]) -> Iterator[None]:
        """The inputs lose the rows that the table must not see, as a step's do."""
        views: list[str] = []
        if table.without:
            self._create(table.without)
            (key,) = self.contract.table(table.without).key
            views = [name for name in inputs if name != table.without and key in self.contract.table(name).by_name]
            for name in views:
                self.con.execute(
                    f'CREATE TEMP VIEW "{name}" AS SELECT * FROM memory.main."{name}" '
                    f'WHERE "{key}" IS NULL OR "{key}" NOT IN (SELECT "{key}" FROM "{table.without}")'
                ).fetchall()
        yield
        for name in views:
            self.con.execute(f'DROP VIEW temp."{name}"').fetchall()

    def _create(self, name: str) -> None:
        self.con.execute(f'CREATE TABLE IF NOT EXISTS "{name}" ({self.contract.table(name).ddl})').fetchall()

    def _insert(self, name: str, frame: pl.DataFrame) -> None:
        self._create(name)
        if frame.height:
            self.con.register("literal_rows", frame.to_arrow())
            self.con.execute(f'INSERT INTO "{name}" BY NAME SELECT * FROM literal_rows').fetchall()
            self.con.unregister("literal_rows")


@cache
def not_portable(sql: str, name: str) -> tuple[str, ...]:
    return tuple(faults(sql, name))


@cache
def reads(sql: str, name: str) -> tuple[str, ...]:
    return tables_read(sql, name)


def _filled(sql: str, parameters: Mapping[str, Any]) -> str:
    return _PLACEHOLDER.sub(lambda match: sql_literal(parameters[match.group(1)]), sql)
