"""A file's rows as text, in a Parquet file of our own: what every reader makes.

Belongs here: the table, its columns' names, writing it. Not here: the formats (readers.py,
excel.py).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from customer_intel.core.engine import literal
from customer_intel.ingest.mapping.model import SPECIAL
from customer_intel.ingest.read.broken_csv import Unreadable
from customer_intel.ingest.read.open_file import Refused

BATCH = 50_000
# DuckDB's own name for the place of a row, by which _row is found.
RESERVED = (*SPECIAL, "file_row_number")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_NAME = re.compile(r"[^\W\d][\w .:/()%#-]*")


@dataclass(frozen=True)
class TextTable:
    """`sql` selects `_row` and the file's columns, all text; `clean` ones cannot be blank or have
    spaces around.
    """

    sql: str
    columns: tuple[str, ...]
    rows: int
    unreadable: tuple[Unreadable, ...] = ()
    clean: frozenset[str] = frozenset()
    # Parts of the file that were left unread on purpose, such as other sheets.
    notes: tuple[str, ...] = ()

    @property
    def rows_read(self) -> int:
        """Rows of the file, unreadable ones included."""
        return self.rows + len(self.unreadable)


def column_names(names: Sequence[str]) -> tuple[str, ...]:
    """Trimmed names, nameless columns called by their place. Raises Refused for names that cannot
    be told apart.
    """
    columns = tuple(
        str(name).strip("\ufeff \t\r\n\v\f\xa0") or f"column{at}"
        for at, name in enumerate(names, 1)
    )
    seen: dict[str, int] = {}
    for place, column in enumerate(columns, 1):
        if _CONTROL.search(column):
            raise Refused(
                f"holds control characters in the name of column {place}; it is no text, or was "
                "damaged"
            )
        if before := seen.get(column.lower()):
            # Where a header is absent, these are values of the first row.
            named = (
                f" named '{column}'"
                if all(_NAME.fullmatch(name) for name in columns)
                else " of one name"
            )
            raise Refused(
                f"has two columns{named}, columns {before} and {place} (capitals make no "
                "difference); rename one"
            )
        if column.lower() in RESERVED:
            raise Refused(
                f"has a column named '{column}', which is reserved; rename it", column=column
            )
        seen[column.lower()] = place
    return columns


def write_rows(
    out: Path, columns: Sequence[str], rows: Iterable[tuple[int, Sequence[str | None]]]
) -> int:
    """Writes (row number, values) to a Parquet file as text; returns how many rows."""
    schema = pa.schema([("_row", pa.int64()), *((column, pa.string()) for column in columns)])
    total = 0
    with pq.ParquetWriter(out, schema, compression="lz4") as writer:
        for batch in _batched(rows):
            numbers = pa.array([number for number, _ in batch], pa.int64())
            values = [
                pa.array(column, pa.string())
                for column in zip(*(values for _, values in batch), strict=True)
            ]
            writer.write_table(pa.Table.from_arrays([numbers, *values], schema=schema))
            total += len(batch)
    return total


def _batched(rows: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    iterator = iter(rows)
    while batch := tuple(itertools.islice(iterator, BATCH)):
        yield batch


# ---- SQL text


def copy_target(out: Path, records: int) -> str:
    """What follows COPY … TO: a Parquet file in row groups that keep all cores busy."""
    # DuckDB works a row group per thread: a file of fewer rows than its usual group would keep one
    # core busy.
    group = min(max(records // 16 // 2048, 1) * 2048, 122_880)
    return f"{literal(str(out))} (FORMAT parquet, COMPRESSION lz4, ROW_GROUP_SIZE {group})"


def numbered_sql(file: Path) -> str:
    """SQL for the rows of a Parquet file, numbered from 1 in its order as _row."""
    source = (
        f"read_parquet({literal(str(file))}, hive_partitioning = false, file_row_number = true)"
    )
    return f"SELECT file_row_number + 1 AS _row, * EXCLUDE (file_row_number) FROM {source}"


def rows_sql(file: Path) -> str:
    """SQL for the rows of a Parquet file that has _row itself."""
    return f"SELECT * FROM read_parquet({literal(str(file))}, hive_partitioning = false)"
