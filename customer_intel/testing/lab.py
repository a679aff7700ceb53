"""Runs tables' own SQL and functions over literal rows, with the contract's types; no files, no
Dagster.

Belongs here: what a test of a table needs. Not here: nights (customer_intel/core/night), the gates
themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

import customer_intel.ingest  # noqa: F401 (registers how exports become entities)
from customer_intel.core.contract.model import PACKAGE, STAMPS, Table, load, suggestion
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.engine import DuckDBEngine, EngineSettings
from customer_intel.core.gate import gate
from customer_intel.core.gate.gate import Verdict
from customer_intel.core.report.evidence import Evidence, Source
from customer_intel.core.tables.definition import (
    Definition,
    definitions,
    room_config,
    sql_literal,
    tables_read,
)

Rows = Sequence[Mapping[str, Any]] | pl.DataFrame
# Settings are the shipped ones: a home's own would change what a test says.
NOWHERE = Path("no-home-so-no-overrides")


@cache
def _shipped() -> dict[str, Definition]:
    return definitions(load())


class TableLab:
    """A small lake in memory: every table is empty, with its contract's columns, until something
    fills it.

    `settings` are laid over every room's configuration, as a home's own are; `package` is where
    tables are declared. `unchecked`: tables whose rows may break their expectations, for tests of
    just that.
    """

    def __init__(
        self,
        as_of: date,
        *,
        package: Path = PACKAGE,
        unchecked: Collection[str] = (),
        **settings: Any,
    ) -> None:
        self.as_of = as_of
        self.unchecked = unchecked
        self.settings = settings
        self.package = package
        self.contract = load(package)
        self.engine = DuckDBEngine(EngineSettings(), [])
        self.engine.define_local_time(str(settings.get("time_zone", "UTC")))
        self.con = self.engine.con
        # How many rows were put or computed, by table.
        self.filled: dict[str, int] = {}

    @property
    def morning(self) -> datetime:
        """When the newest export was taken: at the beginning of as_of."""
        return datetime(self.as_of.year, self.as_of.month, self.as_of.day)

    def put(self, name: str, rows: Rows, **everywhere: Any) -> None:
        """Adds rows to a table; columns that they leave out are null, but an entity's rows come
        from some export.

        `everywhere`: column → value in each of the rows. Raises ConfigError for a table or column
        that is not there.
        """
        table = self.contract.table(name)
        frame = (
            rows
            if isinstance(rows, pl.DataFrame)
            else pl.DataFrame(list(rows), infer_schema_length=None)
        )
        frame = frame.with_columns(
            pl.lit(value).alias(column) for column, value in everywhere.items()
        )
        for column in frame.columns:
            if column not in table.by_name:
                raise ConfigError(
                    f"'{name}' has no column '{column}'{suggestion(column, table.by_name)}"
                )
        if frame.height and table.entity is not None:
            whence = {
                "source_system": "shop",
                "source_file": "f",
                "source_row": 1,
                "exported_at": self.morning,
            }
            frame = frame.with_columns(
                pl.lit(value).alias(c) for c, value in whence.items() if c not in frame.columns
            )
        self.filled[name] = self.filled.get(name, 0) + frame.height
        self._insert(name, frame)

    def rows(self, name: str) -> pl.DataFrame:
        """What stands in the table, in the contract's columns and types."""
        self._create(name)
        found: pl.DataFrame = self.con.sql(f'SELECT * FROM "{name}"').pl()
        return found

    def evidence(self, folder: Path, currency: str = "") -> Evidence:
        """What a room's report.py may look at: the tables that something filled, as files in
        `folder`. Sums of money are told in `currency`.
        """
        tables = {}
        for name, n in self.filled.items():
            path = folder / f"{name}.parquet"
            self.rows(name).write_parquet(path)
            tables[name] = Source((path,), n)
        return Evidence(tables, self.as_of, "night", folder, currency)

    def run(self, name: str, **config: Any) -> pl.DataFrame:
        """Computes a table from what is there, replaces it, and returns its rows without stamps,
        ordered by its key.

        `config` is laid over the settings for this table. Raises SchemaMismatch when the result is
        not what the contract says, AssertionError with the names of the expectations that its rows
        break.
        """
        definition = self._definition(name)
        table = definition.table
        settings = {
            **room_config(table.room, NOWHERE, self.package),
            **self.settings,
            "as_of": self.as_of,
            **config,
        }
        for read in definition.depends_on:
            self._create(read)
        stamps = (
            {}
            if table.layout != "whole"
            else {"as_of": sql_literal(self.as_of), "snapshot_id": "'night'"}
        )
        with self._hidden(table, definition.reads):
            if definition.kind == "function":
                self.con.register("result_frame", self._called(definition, settings).to_arrow())
                sql = "SELECT * FROM result_frame"
            else:
                sql = definition.sql(settings)
            frame: pl.DataFrame = self.con.sql(self.engine.contract_select(table, sql, stamps)).pl()
        self.con.execute(f'DROP TABLE IF EXISTS "{name}"').fetchall()
        self.filled.pop(name, None)
        self.put(name, frame)
        if name not in self.unchecked:
            self.check(name)
        return frame.drop(stamps).sort(table.key)

    def chain(self, *names: str, rooms: Collection[str] | None = None) -> pl.DataFrame:
        """The last of the tables, after all that they read and nobody put, each computed once.

        A table whose inputs are empty is empty. `rooms`: only tables of these are computed, others
        stay as they are.
        """
        for name in names:
            for read in self._definition(name).reads:
                self._fill(read, rooms)
            found = self.run(name)
        return found

    def failures(self, name: str) -> list[str]:
        """Names of the critical `sql` expectations, keys and required columns that the table's rows
        break.

        In an instant; `judge` asks every expectation, as a night does.
        """
        table = self.contract.table(name)
        key = ", ".join(f'"{column}"' for column in table.key)
        queries = self._queries(table, "critical")
        queries["key"] = f'SELECT {key} FROM "{name}" GROUP BY {key} HAVING count(*) > 1'
        for column in table.columns:
            if column.required and column.name not in STAMPS:
                queries[f"{column.name}*"] = f'SELECT 1 FROM "{name}" WHERE "{column.name}" IS NULL'
        return self._found(queries)

    def check(self, name: str) -> None:
        """Raises AssertionError with what `failures` finds."""
        found = self.failures(name)
        assert not found, f"{name}: {', '.join(found)}"

    def warnings(self, name: str) -> list[str]:
        """Names of the `sql` expectations that only warn, and do."""
        return self._found(self._queries(self.contract.table(name), "warning"))

    def judge(self, name: str, *, previous_rows: int | None = None) -> Verdict:
        """The gate's verdict on what stands in the table, as a night's. Imports Great Expectations:
        seconds, once.
        """
        for read in self._definition(name).checks_against:
            self._create(read)
        self._create(name)
        return gate.check(self.con, self.contract.table(name), previous_rows=previous_rows)

    def poison(self, name: str, **columns: Any) -> list[str]:
        """The critical expectations that break when one row of the table gets these values; the row
        is mended again.

        Raises AssertionError when the table has no row, or breaks an expectation without the
        poison.
        """
        before = self.rows(name)
        assert before.height, f"{name} has no row to poison"
        assert self.judge(name).passed, f"{name}: its gate is closed before the poison"
        poisoned = before.with_row_index("_row").with_columns(
            pl.when(pl.col("_row") == 0).then(pl.lit(value)).otherwise(pl.col(column)).alias(column)
            for column, value in columns.items()
        )
        try:
            self.con.execute(f'DELETE FROM "{name}"').fetchall()
            self._insert(name, poisoned.drop("_row"))
            return [finding.expectation for finding in self.judge(name).failed]
        finally:
            self.con.execute(f'DELETE FROM "{name}"').fetchall()
            self._insert(name, before)

    # ---- inside
    def _definition(self, name: str) -> Definition:
        self.contract.table(name)
        return (
            _shipped() if self.package == PACKAGE else definitions(self.contract, self.package)
        )[name]

    def _called(self, definition: Definition, settings: Mapping[str, Any]) -> pl.DataFrame:
        if nightly := {"landing", "ledgers"} & definition.arguments.keys():
            raise ValueError(
                f"'{definition.table.name}' reads '{min(nightly)}', which only a night has"
            )

        def read(name: str) -> pl.LazyFrame:
            return self.rows(definition.table.name if name == "previous" else name).lazy()

        return definition.call({"as_of": self.as_of, "config": settings}, read)

    def _fill(self, name: str, rooms: Collection[str] | None) -> None:
        table = self.contract.table(name)
        if name in self.filled:
            return
        if table.raw_of:
            # One export, the newest.
            if self.filled.get(table.raw_of):
                self.put(name, self.rows(table.raw_of).drop(STAMPS, strict=False))
        elif table.entity is None and (rooms is None or table.room in rooms):
            inputs = self._definition(name).reads
            for read in inputs:
                self._fill(read, rooms)
            if any(self.filled.get(read) for read in inputs):
                self.run(name)
            else:
                self.put(name, [])

    def _found(self, queries: Mapping[str, str]) -> list[str]:
        """Which of the queries find a row, in their order: asked in one statement."""
        asked = ", ".join(f"EXISTS (SELECT 1 FROM ({query}\n))" for query in queries.values())
        (answers,) = self.con.execute(f"SELECT {asked}").fetchall() if queries else [()]
        return [what for what, answer in zip(queries, answers, strict=True) if answer]

    def _queries(self, table: Table, severity: str) -> dict[str, str]:
        found = {
            str(item.args["name"]): str(item.args["query"])
            for item in table.expect
            if item.kind == "sql" and item.severity == severity
        }
        for query in found.values():
            for read in tables_read(query, table.name):
                self._create(read)
        return found

    @contextmanager
    def _hidden(self, table: Table, inputs: Sequence[str]) -> Iterator[None]:
        """The inputs lose the rows that the table must not see, as a step's do."""
        views: list[str] = []
        if table.without:
            self._create(table.without)
            (key,) = self.contract.table(table.without).key
            views = [
                name
                for name in inputs
                if name != table.without and key in self.contract.table(name).by_name
            ]
            for name in views:
                self.con.execute(
                    f'CREATE TEMP VIEW "{name}" AS SELECT * FROM memory.main."{name}" '
                    f'WHERE "{key}" IS NULL OR "{key}" NOT IN (SELECT "{key}" FROM '
                    f'"{table.without}")'
                ).fetchall()
        yield
        for name in views:
            self.con.execute(f'DROP VIEW temp."{name}"').fetchall()

    def _create(self, name: str) -> None:
        self.con.execute(
            f'CREATE TABLE IF NOT EXISTS "{name}" ({self.contract.table(name).ddl})'
        ).fetchall()

    def _insert(self, name: str, frame: pl.DataFrame) -> None:
        self._create(name)
        if frame.height:
            self.con.register("literal_rows", frame.to_arrow())
            self.con.execute(f'INSERT INTO "{name}" BY NAME SELECT * FROM literal_rows').fetchall()
            self.con.unregister("literal_rows")
