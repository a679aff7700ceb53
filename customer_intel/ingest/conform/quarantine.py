"""Quarantine: rows of a file that cannot be taken, with their place, the column to blame and the
reason.

Belongs here: the quarantine's rows. Not here: which rows those are (conform.py), where they are
kept (core/store/lake.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from customer_intel.core.engine import literal, quoted
from customer_intel.ingest.read.broken_csv import Unreadable
from customer_intel.ingest.read.open_file import printable

COLUMNS = ("source_row", "column", "source_column", "value", "reason", "raw_line")


@dataclass(frozen=True)
class Failure:
    """Why a row cannot be taken. `column` is the entity's, `source` what the file calls it."""

    row: int
    column: str
    source: str
    reason: str

    @property
    def place(self) -> str:
        """The column by both of its names."""
        return place_of(self.column, self.source)


def place_of(column: str, source: str) -> str:
    """A column by both of its names, where they differ."""
    return (
        column if not source or source == column else f"{column} (in the file: {printable(source)})"
    )


def write_quarantine(
    con: duckdb.DuckDBPyConnection,
    where: Mapping[str, str],
    reasons: Sequence[tuple[str, str, str, str]],
    lost: Sequence[Unreadable],
    path: Path,
) -> tuple[Failure, ...]:
    """Writes a row for each value of table `failed` that has a reason, and one for each unreadable
    row.

    `where`: entity, export date, source system and file; `reasons`: (column, source column, SQL of
    the value, SQL of the reason or null). Returns the first failures.
    """
    rows = [
        f"SELECT _row, {literal(column)}, {literal(source)}, {value}, {reason}, _raw FROM failed"
        for column, source, value, reason in reasons
    ]
    con.execute(
        f"CREATE TABLE quarantined ({', '.join(f'{quoted(name)} VARCHAR' for name in COLUMNS)})"
    )
    con.execute("ALTER TABLE quarantined ALTER source_row TYPE BIGINT")
    con.execute(f"INSERT INTO quarantined {' UNION ALL '.join(rows)}")
    if lost:
        values = [(item.row, None, None, None, item.reason, item.raw) for item in lost]
        con.register("lost", pa.table(dict(zip(COLUMNS, zip(*values, strict=True), strict=True))))
        con.execute("INSERT INTO quarantined SELECT * FROM lost")
        con.unregister("lost")
    facts = ", ".join(
        (
            f"{f'CAST({literal(value)} AS DATE)' if name == 'export_date' else literal(value)} AS "
            f"{name}"
        )
        for name, value in where.items()
    )
    con.execute(
        f"COPY (SELECT {facts}, * FROM quarantined WHERE reason IS NOT NULL "
        f'ORDER BY source_row, "column") TO {literal(str(path))} (FORMAT parquet, COMPRESSION zstd)'
    )
    path.chmod(0o600)
    return first_failures(con, path)


def first_failures(con: duckdb.DuckDBPyConnection, path: Path) -> tuple[Failure, ...]:
    """The first three rows of a quarantine file, for messages."""
    found = con.execute(
        "SELECT source_row, coalesce(\"column\", ''), coalesce(source_column, ''), reason "
        f"FROM read_parquet({literal(str(path))}, hive_partitioning = false) ORDER BY source_row, "
        '"column" LIMIT 3'
    ).fetchall()
    return tuple(Failure(*row) for row in found)


def write_keys(con: duckdb.DuckDBPyConnection, key: Sequence[str], beside: Path) -> Path | None:
    """The keys of the bad rows of table `typed`, so that those rows do not count as missing; None
    if one is unknown.
    """
    path = beside.with_suffix(".keys.parquet")
    con.execute(
        f"COPY (SELECT {', '.join(key)} FROM typed WHERE _bad) TO {literal(str(path))} (FORMAT "
        "parquet)"
    )
    nameless = " OR ".join(f"{name} IS NULL" for name in key)
    return (
        None
        if con.execute(f"SELECT count(*) FROM typed WHERE _bad AND ({nameless})").fetchall()[0][0]
        else path
    )
