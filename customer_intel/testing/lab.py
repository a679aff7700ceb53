"""Runs tables' own SQL and functions over literal rows, with the contract's types; no files, no
Dagster.

Belongs here: what a test of a table needs. Not here: nights (customer_intel/core/night), the gates
themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from functools import cache, lru_cache
from itertools import count
from pathlib import Path
from typing import Any, TypeVar
from weakref import finalize

import duckdb
import polars as pl

import customer_intel.ingest  # noqa: F401 (registers how exports become entities)
from customer_intel.core.contract.load import load
from customer_intel.core.contract.model import PACKAGE, STAMPS, Table, suggestion
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.engine import DuckDBEngine, EngineSettings, _local_time
from customer_intel.core.gate import gate
from customer_intel.core.gate.gate import Verdict
from customer_intel.core.report.evidence import Evidence, Source
from customer_intel.core.tables.definition import Definition, definitions
from customer_intel.core.tables.parameters import room_config, sql_literal

Answer = TypeVar("Answer")
Rows = Sequence[Mapping[str, Any]] | pl.DataFrame
# Settings are the shipped ones: a home's own would change what a test says.
NOWHERE = Path("no-home-so-no-overrides")


# One DuckDB instance a process, in which each lab has a database: an instance costs thirty.
INSTANCE = EngineSettings(threads=1)
_numbers = count()
# By table, SQL and date of the stamps: what a SELECT is with its contract's types.
_selects: dict[tuple[str, str, date], str] = {}
# Frames without rows by their columns' declaration: most inputs of most tests are.
_empty: dict[str, pl.DataFrame] = {}


@cache
def _shipped() -> dict[str, Definition]:
    return definitions(load())


@cache
def _shipped_config(room: str) -> dict[str, Any]:
    return room_config(room, NOWHERE)


@lru_cache(maxsize=4096)
def parsed(sql: str) -> duckdb.Statement:
    """A statement that any connection executes; to parse one costs as much as to run it."""
    (statement,) = DuckDBEngine(INSTANCE, [], shared=True).con.extract_statements(sql)
    return statement


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
        self.engine = DuckDBEngine(INSTANCE, [], shared=True)
        self.con = self.engine.con
        self.database = f"lab_{next(_numbers)}"
        self.con.execute(f"ATTACH ':memory:' AS {self.database}").fetchall()
        self.con.execute(f"USE {self.database}").fetchall()
        done = finalize(self.con, self.con.cursor().execute, f"DETACH {self.database}")
        done.atexit = False
        # In its own database: the instance is that of labs of other zones too.
        _local_time(self.con, str(settings.get("time_zone", "UTC")), "config/company.yaml")
        # How many rows were put or computed, by table.
        self.filled: dict[str, int] = {}
        # Tables that were made, and may be gone: a test drops one, or rolls back.
        self._made: set[str] = set()

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
        ((is_there,),) = self._execute(f'SELECT EXISTS (FROM "{name}")', name)
        ddl = self.contract.table(name).ddl
        if is_there or ddl not in _empty:
            query = parsed(f'SELECT * FROM "{name}"')
            found: pl.DataFrame = self.con.sql(query).pl()
            _empty[ddl] = found.clear()
            return found
        return _empty[ddl]

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
        self._compute(name, config)
        table = self.contract.table(name)
        return self.rows(name).drop(self._stamps(table)).sort(table.key)

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

    def metrics(self) -> pl.DataFrame:
        """Computes every metric over what was put; the rows of metric_daily. A report cites them."""
        if not self.filled.get("source_start") and not self.filled.get("date"):
            self.run("date")
        if self.filled.get("activity_daily") and not self.filled.get("customer_day"):
            self.run("customer_day")
        return self.chain("metric", "metric_row", "metric_daily", rooms=("metrics", "facts"))

    def failures(self, name: str) -> list[str]:
        """Names of the critical `sql` expectations, keys and required columns that the table's rows
        break.

        In an instant; `judge` asks every expectation, as a night does.
        """
        table = self.contract.table(name)
        key = ", ".join(f'"{column}"' for column in table.key)
        queries = _queries(table, "critical")
        queries["key"] = f'SELECT {key} FROM "{name}" GROUP BY {key} HAVING count(*) > 1'
        for column in table.columns:
            if column.required and column.name not in STAMPS:
                queries[f"{column.name}*"] = f'SELECT 1 FROM "{name}" WHERE "{column.name}" IS NULL'
        return self._found(name, queries)

    def check(self, name: str) -> None:
        """Raises AssertionError with what `failures` finds."""
        found = self.failures(name)
        assert not found, f"{name}: {', '.join(found)}"

    def warnings(self, name: str) -> list[str]:
        """Names of the `sql` expectations that only warn, and do."""
        return self._found(name, _queries(self.contract.table(name), "warning"))

    def judge(self, name: str, *, previous_rows: int | None = None) -> Verdict:
        """The gate's verdict on what stands in the table, as a night's. Imports Great Expectations:
        seconds, once.
        """
        self._create(name, *self._definition(name).checks_against)
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
            self._execute(f'DELETE FROM "{name}"', name)
            self._insert(name, poisoned.drop("_row"))
            return [finding.expectation for finding in self.judge(name).failed]
        finally:
            self._execute(f'DELETE FROM "{name}"', name)
            self._insert(name, before)

    # ---- inside
    def _definition(self, name: str) -> Definition:
        self.contract.table(name)
        return (
            _shipped() if self.package == PACKAGE else definitions(self.contract, self.package)
        )[name]

    def _stamps(self, table: Table) -> dict[str, str]:
        if table.layout != "whole":
            return {}
        return {"as_of": sql_literal(self.as_of), "snapshot_id": "'night'"}

    def _compute(self, name: str, config: Mapping[str, Any]) -> None:
        definition = self._definition(name)
        table = definition.table
        shipped = (
            _shipped_config(table.room)
            if self.package == PACKAGE
            else room_config(table.room, NOWHERE, self.package)
        )
        settings = {**shipped, **self.settings, "as_of": self.as_of, **config}
        tables = [*definition.depends_on, name]
        self._create(*tables)
        with self._hidden(table, definition.reads):
            if definition.kind == "function":
                self.con.register("result_frame", self._called(definition, settings).to_arrow())
                sql = "SELECT * FROM result_frame"
            else:
                sql = definition.sql(settings)
            select = self._select(definition, sql)
            self._execute(f'DELETE FROM "{name}"', name)
            ((self.filled[name],),) = self._execute(f'INSERT INTO "{name}" {select}', *tables)
        if name not in self.unchecked:
            self.check(name)

    def _select(self, definition: Definition, sql: str) -> str:
        """The table's SELECT with its contract's types, asked once for a shipped table's SQL."""
        table = definition.table
        key = table.name, sql, self.as_of
        asked_once = self.package == PACKAGE and definition.kind == "sql"
        if asked_once and key in _selects:
            return _selects[key]
        _selects[key] = self._again(
            definition.depends_on,
            lambda: self.engine.contract_select(table, sql, self._stamps(table)),
        )
        return _selects[key]

    def _called(self, definition: Definition, settings: Mapping[str, Any]) -> pl.DataFrame:
        if nightly := {"landing", "ledgers", "entities"} & definition.arguments.keys():
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
                self._compute(name, {})
            else:
                self.put(name, [])

    def _found(self, name: str, queries: Mapping[str, str]) -> list[str]:
        """Which of the queries find a row, in their order: asked in one statement."""
        if not queries:
            return []
        # Not as columns of one SELECT: each more of those doubles what it costs to plan.
        asked = " UNION ALL ".join(
            f"(SELECT {number} FROM ({query}\n) LIMIT 1)"
            for number, query in enumerate(queries.values())
        )
        broken = self._execute(asked, name, *self._definition(name).checks_against)
        return [what for number, what in enumerate(queries) if (number,) in broken]

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
                self._execute(
                    f'CREATE TEMP VIEW "{name}" AS SELECT * FROM {self.database}.main."{name}" '
                    f'WHERE "{key}" IS NULL OR "{key}" NOT IN (SELECT "{key}" FROM '
                    f'"{table.without}")',
                    name,
                    table.without,
                )
        yield
        for name in views:
            self._execute(f'DROP VIEW temp."{name}"')

    def _create(self, *names: str) -> None:
        for name in names:
            if name not in self._made:
                ddl = self.contract.table(name).ddl
                statement = parsed(f'CREATE TABLE IF NOT EXISTS "{name}" ({ddl})')
                self.con.execute(statement).fetchall()
                self._made.add(name)

    def _insert(self, name: str, frame: pl.DataFrame) -> None:
        self._create(name)
        if frame.height:
            self.con.register("literal_rows", frame.to_arrow())
            self._execute(f'INSERT INTO "{name}" BY NAME SELECT * FROM literal_rows', name)
            self.con.unregister("literal_rows")

    def _execute(self, sql: str, *tables: str) -> list[tuple[Any, ...]]:
        """The statement's rows; `tables` are what it looks at."""
        statement = parsed(sql)
        self._create(*tables)
        return self._again(tables, lambda: self.con.execute(statement).fetchall())

    def _again(self, tables: Collection[str], asked: Callable[[], Answer]) -> Answer:
        """What is asked of `tables`; those that a test dropped, or rolled back, are made again."""
        try:
            return asked()
        except duckdb.CatalogException:
            self._made.difference_update(tables)
            self._create(*tables)
            return asked()


def _queries(table: Table, severity: str) -> dict[str, str]:
    return {
        str(item.args["name"]): str(item.args["query"])
        for item in table.expect
        if item.kind == "sql" and item.severity == severity
    }
