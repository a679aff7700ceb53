"""Runs one table's SQL or function over literal rows, with the contract's types; not a test itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from customer_intel.core import contract as contracts
from customer_intel.core.table import room_config, tables_read

PACKAGE = contracts.PACKAGE
Rows = Sequence[Mapping[str, Any]] | pl.DataFrame
NOWHERE = Path("no-home-so-no-overrides")


class Room:
    """A small lake: every table is empty, with its contract's columns, until `put` or `run` fills it."""

    def __init__(self, as_of: date) -> None:
        self.as_of = as_of
        self.contract = contracts.load()
        self.con = duckdb.connect(config={"threads": 2})
        self.con.execute("SET TimeZone = 'UTC'").fetchall()
        for table in self.contract.tables.values():
            if table.raw_of is None:
                self.con.execute(f'CREATE TABLE "{table.name}" ({table.ddl})').fetchall()

    def put(self, name: str, rows: Rows, **everywhere: Any) -> None:
        """Adds rows to a table; columns that they leave out are null."""
        frame = rows if isinstance(rows, pl.DataFrame) else pl.DataFrame(list(rows), infer_schema_length=None)
        frame = frame.with_columns(pl.lit(value).alias(column) for column, value in everywhere.items())
        self._insert(name, frame)

    def run(self, name: str, **config: Any) -> pl.DataFrame:
        """Computes a table from what is there, replaces it, checks the contract's `sql` gates and returns its rows."""
        table = self.contract.table(name)
        sql = (PACKAGE / table.room / f"{name}.sql").read_text(encoding="utf-8")
        parameters = {**room_config(table.room, NOWHERE), "as_of": self.as_of, **config}
        text = _filled(sql, parameters)
        assert set(tables_read(sql, name)) <= set(self.contract.tables)
        frame = self.con.sql(text).pl()
        wanted = [column.name for column in table.columns if column.name not in contracts.STAMPS]
        assert sorted(frame.columns) == sorted(wanted), set(frame.columns) ^ set(wanted)
        self.con.execute(f'DELETE FROM "{name}"').fetchall()
        self._insert(name, frame)
        self.check(name)
        key = ", ".join(f'"{column}"' for column in table.key)
        picked = ", ".join(f'"{column}"' for column in wanted)
        return self.con.sql(f'SELECT {picked} FROM "{name}" ORDER BY {key}').pl()

    def failures(self, name: str) -> list[str]:
        """Names of the `sql` expectations, keys and required columns that the table's rows break."""
        table = self.contract.table(name)
        key = ", ".join(f'"{column}"' for column in table.key)
        queries = {
            str(item.args["name"]): str(item.args["query"]) for item in table.expect if item.kind == "sql"
        }
        queries["key"] = f'SELECT {key} FROM "{name}" GROUP BY {key} HAVING count(*) > 1'
        for column in table.columns:
            if column.required and column.name not in contracts.STAMPS:
                queries[f"{column.name}*"] = f'SELECT 1 FROM "{name}" WHERE "{column.name}" IS NULL'
        return [what for what, query in queries.items() if self.con.sql(query).fetchall()]

    def check(self, name: str) -> None:
        assert self.failures(name) == []

    def _insert(self, name: str, frame: pl.DataFrame) -> None:
        if frame.height:
            self.con.register("literal_rows", frame.to_arrow())
            self.con.execute(f'INSERT INTO "{name}" BY NAME SELECT * FROM literal_rows').fetchall()
            self.con.unregister("literal_rows")


def _filled(sql: str, parameters: Mapping[str, Any]) -> str:
    from customer_intel.core.table import _PLACEHOLDER, sql_literal

    return _PLACEHOLDER.sub(lambda match: sql_literal(parameters[match.group(1)]), sql)
