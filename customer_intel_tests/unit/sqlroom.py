"""Runs one table's SQL or function over literal rows, with the contract's types; not a test itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from customer_intel.core import contract as contracts
from customer_intel.core.engine import DuckDBEngine, EngineSettings
from customer_intel.core.portable import faults
from customer_intel.core.table import _PLACEHOLDER, room_config, sql_literal, tables_read

PACKAGE = contracts.PACKAGE
Rows = Sequence[Mapping[str, Any]] | pl.DataFrame
NOWHERE = Path("no-home-so-no-overrides")


class Room:
    """A small lake: every table that is used is empty, with its contract's columns, until `put` or `run` fills it."""

    def __init__(self, as_of: date) -> None:
        self.as_of = as_of
        self.contract = contracts.load()
        self.engine = DuckDBEngine(EngineSettings(), [])
        self.con = self.engine.con

    def put(self, name: str, rows: Rows, **everywhere: Any) -> None:
        """Adds rows to a table; columns that they leave out are null."""
        frame = rows if isinstance(rows, pl.DataFrame) else pl.DataFrame(list(rows), infer_schema_length=None)
        frame = frame.with_columns(pl.lit(value).alias(column) for column, value in everywhere.items())
        self._insert(name, frame)

    def run(self, name: str, **config: Any) -> pl.DataFrame:
        """Computes a table from what is there, replaces it, checks the contract and returns its rows without stamps."""
        table = self.contract.table(name)
        sql = (PACKAGE / table.room / f"{name}.sql").read_text(encoding="utf-8")
        parameters = {**room_config(table.room, NOWHERE), "as_of": self.as_of, **config}
        assert not_portable(sql, name) == ()
        for read in reads(sql, name):
            self._create(read)
        stamps = {} if table.layout != "whole" else {"as_of": sql_literal(self.as_of), "snapshot_id": "'night'"}
        frame: pl.DataFrame = self.con.sql(self.engine.contract_select(table, _filled(sql, parameters), stamps)).pl()
        self.con.execute(f'DROP TABLE IF EXISTS "{name}"').fetchall()
        self._insert(name, frame)
        self.check(name)
        return frame.drop(stamps).sort(table.key)

    def failures(self, name: str) -> list[str]:
        """Names of the `sql` expectations, keys and required columns that the table's rows break."""
        table = self.contract.table(name)
        for item in table.expect:
            for read in reads(item.args["query"], name) if item.kind == "sql" else ():
                self._create(read)
        key = ", ".join(f'"{column}"' for column in table.key)
        queries = {str(item.args["name"]): str(item.args["query"]) for item in table.expect if item.kind == "sql"}
        queries["key"] = f'SELECT {key} FROM "{name}" GROUP BY {key} HAVING count(*) > 1'
        for column in table.columns:
            if column.required and column.name not in contracts.STAMPS:
                queries[f"{column.name}*"] = f'SELECT 1 FROM "{name}" WHERE "{column.name}" IS NULL'
        return [what for what, query in queries.items() if self.con.sql(query).fetchall()]

    def check(self, name: str) -> None:
        assert self.failures(name) == []

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
