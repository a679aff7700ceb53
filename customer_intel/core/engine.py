"""The engine's port: register tables, materialize a query to Parquet, ask for a scalar. DuckDB is
the default.

Tables pass as Parquet files only, never as frames or database files, so that another engine can
take the same SQL.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

import duckdb

from customer_intel.core.contract.model import Table
from customer_intel.core.contract.yaml_lines import ConfigError

# What a column's SQL type may be before the cast to the contract's type: widening only, so no value
# changes.
_EXACT = {
    "VARCHAR": r"VARCHAR|ENUM.*|UUID",
    "BIGINT": r"U?(TINYINT|SMALLINT|INTEGER)|BIGINT|HUGEINT",
    "DOUBLE": r"FLOAT|DOUBLE|U?(TINYINT|SMALLINT|INTEGER)|BIGINT|HUGEINT|DECIMAL\(.*\)",
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "TIMESTAMP": r"TIMESTAMP|TIMESTAMP_S|TIMESTAMP_MS|DATE",
    "DECIMAL(18,2)": r"DECIMAL\(\d+,[012]\)|U?(TINYINT|SMALLINT|INTEGER)|BIGINT",
}


class SchemaMismatch(ValueError):
    """A query's columns are not what the contract says."""


@dataclass(frozen=True)
class EngineSettings:
    """What a night may take: memory (DuckDB's notation), threads, where it spills, seconds a gate."""

    memory_limit: str = "2GB"
    threads: int = 2
    temp_directory: Path | None = None
    # A gate that takes longer is closed.
    gate_seconds: float = 1800
    # Of the engine beside it that runs the gates; as much as `memory_limit` where nothing is said.
    gate_memory_limit: str | None = None
    # Bytes; the engine's own bound, nine tenths of the disk's free space, where nothing is said.
    spill_limit: int | None = None

    @property
    def of_gate(self) -> EngineSettings:
        """What the engine may take that runs the gates."""
        return replace(self, memory_limit=self.gate_memory_limit or self.memory_limit)


class DuckDBEngine:
    """A DuckDB connection, locked down: no extensions, no files outside `allowed`.

    What a step registers is temporary, hence its own; `shared` steps of one process use one
    instance, because starting one costs more than many a table.
    """

    def __init__(
        self, settings: EngineSettings, allowed: Sequence[Path], *, shared: bool = False
    ) -> None:
        self.settings = settings
        folders = tuple(f"{path.resolve()}/" for path in allowed)
        self._instance = (
            _shared_instance(settings, folders) if shared else _instance(settings, folders)
        )
        self._is_shared = shared
        self.con = self._instance.cursor() if shared else self._instance

    def __enter__(self) -> DuckDBEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self.con.close()

    def register(self, table: Table, files: Sequence[Path], name: str | None = None) -> None:
        """Makes the Parquet `files` readable as `name` (default the table's name); empty, typed,
        when there are none.

        Day files lack nothing: every column of the contract is in each file.
        """
        name = name or table.name
        if not files:
            self.con.execute(f'CREATE TEMP TABLE "{name}" ({table.ddl})')
            return
        listed = ", ".join(literal(str(path)) for path in files)
        columns = ", ".join(f'"{column.name}"' for column in table.columns)
        source = f"read_parquet([{listed}], hive_partitioning = false)"
        try:
            self.con.execute(f'CREATE TEMP VIEW "{name}" AS SELECT {columns} FROM {source}')
        except duckdb.BinderException:
            if not table.raw_of:
                raise
            # A part of an export that is no longer landed stays as an earlier version wrote it.
            self.con.execute(f'CREATE TEMP TABLE "shape of {name}" ({table.ddl})')
            source = source.replace("hive_partitioning", "union_by_name = true, hive_partitioning")
            self.con.execute(
                f'CREATE TEMP VIEW "{name}" AS SELECT {columns} FROM (SELECT * FROM {source} UNION ALL '
                f'BY NAME SELECT * FROM "shape of {name}")'
            )

    def register_without(
        self, table: Table, files: Sequence[Path], key: str, hidden: Sequence[Path]
    ) -> None:
        """As `register`, without the rows whose `key` stands in the Parquet files `hidden`."""
        if not files or not hidden:
            self.register(table, files)
            return
        rows, keys = (
            (
                f"read_parquet([{', '.join(literal(str(path)) for path in paths)}], "
                "hive_partitioning "
                "= false)"
            )
            for paths in (files, hidden)
        )
        columns = ", ".join(f'"{column.name}"' for column in table.columns)
        self.con.execute(
            f'CREATE TEMP VIEW "{table.name}" AS SELECT {columns} FROM {rows} '
            f'WHERE "{key}" IS NULL OR "{key}" NOT IN (SELECT "{key}" FROM {keys})'
        )

    def define_local_time(self, zone: str, where: str = "config/company.yaml") -> None:
        """`local_time(utc)`, `local_day(utc)`: a UTC time on the clock of `zone`, and the day
        there.

        `day_start(day)`: the UTC time at which a day begins there. `before_export(exported_at)`:
        the last second of which an export of that day can tell. Raises ConfigError for a zone that
        the engine does not know, which `where` sets.
        """
        if not self._is_shared:
            _local_time(self.con, zone, where)
            return
        with _starting:
            if _zones.get(self._instance) != zone:
                _local_time(self._instance, zone, where)
                _zones[self._instance] = zone

    def contract_select(self, table: Table, sql: str, stamps: Mapping[str, str]) -> str:
        """`sql` with exactly the contract's columns and types, in the contract's order.

        Raises SchemaMismatch for a missing, unknown, doubled or lossily typed column.
        """
        sql = sql.strip().rstrip(";")
        rows = self.con.execute(f"DESCRIBE ({sql}\n)").fetchall()
        found = {row[0]: str(row[1]) for row in rows}
        expected = {column.name: column for column in table.columns if column.name not in stamps}
        # A query may carry its inputs' stamps along; the table gets its own.
        missing, unknown = (
            expected.keys() - found.keys(),
            found.keys() - expected.keys() - stamps.keys(),
        )
        names = [row[0] for row in rows]
        # DuckDB would take the first of them.
        twice = {name for name in expected if names.count(name) > 1}
        if missing or unknown or twice:
            raise SchemaMismatch(
                f"'{table.name}': "
                + "; ".join(
                    text
                    for text in (
                        f"lacks {', '.join(sorted(missing))}" if missing else "",
                        f"has {', '.join(sorted(unknown))}, which its contract does not know"
                        if unknown
                        else "",
                        f"has {', '.join(sorted(twice))} twice" if twice else "",
                    )
                    if text
                )
                + "; make its SELECT and tables.yaml agree"
            )
        picked = []
        for column in table.columns:
            if column.name in stamps:
                picked.append(
                    f'CAST({stamps[column.name]} AS {column.sql_type}) AS "{column.name}"'
                )
                continue
            actual = found[column.name]
            if not re.fullmatch(rf'(?:{_EXACT[column.sql_type]}|"?NULL"?)', actual):
                raise SchemaMismatch(
                    f"'{table.name}.{column.name}' is {actual}, its contract says "
                    f"{column.sql_type}: "
                    "cast or round it explicitly in the SELECT, so that no value changes unseen"
                )
            picked.append(f'CAST("{column.name}" AS {column.sql_type}) AS "{column.name}"')
        return f"SELECT {', '.join(picked)} FROM ({sql}\n)"

    def materialize(self, sql: str, target: Path, order_by: Sequence[str]) -> None:
        """Writes the query's rows, totally ordered, as one Parquet file whose bytes depend on its
        content only.
        """
        keys = ", ".join(f"{quoted(name)} NULLS FIRST" for name in order_by)
        order = f" ORDER BY {keys}" if keys else ""
        self.con.execute(
            f"COPY (SELECT * FROM ({sql}\n){order}) TO {literal(str(target))} "
            "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880)"
        )

    def scalar(self, sql: str) -> Any:
        """The first value of the query's first row; None when it has no row."""
        row = self.con.execute(sql).fetchone()
        return row[0] if row else None


def _instance(settings: EngineSettings, folders: tuple[str, ...]) -> duckdb.DuckDBPyConnection:
    config: dict[str, Any] = {
        "memory_limit": settings.memory_limit,
        "threads": settings.threads,
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "allow_community_extensions": "false",
        "python_enable_replacements": "false",
        "preserve_insertion_order": "true",
    }
    if settings.temp_directory:
        settings.temp_directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Of its own: two instances that spilled into one folder would overwrite each other's files.
        config["temp_directory"] = str(settings.temp_directory / uuid.uuid4().hex)
        if settings.spill_limit is not None:
            config["max_temp_directory_size"] = f"{settings.spill_limit}B"
    con = duckdb.connect(config=config)
    con.execute("SET GLOBAL TimeZone = 'UTC'")
    # A bar would be drawn over what a command prints; cursors take this from their connection.
    con.execute("SET enable_progress_bar = false")
    # The lake's files never change: what a footer says is read once.
    con.execute("SET GLOBAL parquet_metadata_cache = true")
    con.execute(f"SET GLOBAL allowed_directories = [{', '.join(map(literal, folders))}]")
    con.execute("SET GLOBAL enable_external_access = false")
    con.execute("SET GLOBAL lock_configuration = true")
    return con


def _local_time(con: duckdb.DuckDBPyConnection, zone: str, where: str) -> None:
    local = "ts" if zone == "UTC" else f"timezone({literal(zone)}, timezone('UTC', ts))"
    begin = "CAST(d AS TIMESTAMP)"
    if zone != "UTC":
        begin = f"timezone('UTC', timezone({literal(zone)}, {begin}))"
        try:
            con.execute(f"SELECT timezone({literal(zone)}, TIMESTAMP '2000-01-01')")
        except duckdb.Error:
            raise ConfigError(
                f"{where}: time_zone '{zone}' is unknown; use names such as Europe/Berlin"
            ) from None
    con.execute(f"CREATE OR REPLACE MACRO day_start(d) AS {begin}")
    con.execute(
        "CREATE OR REPLACE MACRO before_export(ts) AS "
        "least(ts, day_start(CAST(ts AS DATE))) - INTERVAL 1 SECOND"
    )
    con.execute(f"CREATE OR REPLACE MACRO local_time(ts) AS {local}")
    con.execute(f"CREATE OR REPLACE MACRO local_day(ts) AS CAST({local} AS DATE)")


_starting = Lock()
# The zone whose local time each shared instance knows.
_zones: WeakKeyDictionary[duckdb.DuckDBPyConnection, str] = WeakKeyDictionary()


def _shared_instance(
    settings: EngineSettings, folders: tuple[str, ...]
) -> duckdb.DuckDBPyConnection:
    with _starting:
        return _started(settings, folders)


_started = lru_cache(maxsize=2)(_instance)


def close_shared() -> None:
    """Ends the shared instances, and with them what they spilled."""
    _started.cache_clear()


def literal(text: str) -> str:
    """`text` as a SQL string."""
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """`name` as a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
