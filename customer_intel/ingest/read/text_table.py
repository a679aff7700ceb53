"""A file's rows as text, in a Parquet file of our own: what every reader makes.

Belongs here: the table, its columns' names, writing it. Not here: the formats (readers.py,
excel.py).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from customer_intel.core.engine import literal, quoted
from customer_intel.ingest.mapping.model import SPECIAL
from customer_intel.ingest.read.broken_csv import Unreadable
from customer_intel.ingest.read.open_file import ESCAPED, Refused, printable

BATCH = 50_000
MANY_NOTES = 5
# DuckDB's own name for the place of a row, by which _row is found.
RESERVED = (*SPECIAL, "file_row_number")
_NAME = re.compile(r"[^\W\d][\w .:/()%#?-]*")
_FULL_NAME = re.compile(r"([A-Z][a-z]+[ -])+[A-Z][a-z]+")
_IMPORT_ID = re.compile(r"\{\s*['\"]ImportId['\"].*\}", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


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
    # Rows that reader.skip_rows leaves out.
    skipped: int = 0
    # What further rows of names say of a column.
    labels: Mapping[str, str] = field(default_factory=dict)
    # Whether the text has no line end behind its last row.
    ends_open: bool = False

    @property
    def rows_read(self) -> int:
        """Rows of the file, unreadable and skipped ones included."""
        return self.rows + len(self.unreadable) + self.skipped


class ColumnNames(tuple[str, ...]):
    """The names of a table's columns, and what was done to tell them apart."""

    notes: tuple[str, ...]

    def __new__(cls, names: Iterable[str], notes: Iterable[str] = ()) -> ColumnNames:
        """Names in the file's order."""
        made = super().__new__(cls, names)
        made.notes = tuple(notes)
        return made


def column_names(names: Sequence[str]) -> ColumnNames:
    """Trimmed names; nameless columns are called by their place, the second `total` total_2.

    Capitals make no difference. Raises Refused for names that are no text, or ours.
    """
    given = [str(name).strip("\ufeff \t\r\n\v\f\xa0") for name in names]
    taken = {name.lower() for name in given if name}
    is_header = all(_NAME.fullmatch(name) for name in given if name)
    columns: list[str] = []
    seen: dict[str, int] = {}
    notes: list[str] = []
    for place, name in enumerate(given, 1):
        column = name or _free(f"column{place}", taken)
        if _CONTROL.search(column):
            raise Refused(
                f"holds control characters in the name of column {place}; it is no text, or was "
                "damaged"
            )
        if column.lower() in RESERVED:
            raise Refused(
                f"has a column named '{printable(column)}', which is reserved; rename it",
                column=column,
            )
        if before := seen.get(column.lower()):
            column = _free(column, taken)
            # Where a header is absent, these are values of the first row.
            shown = f"'{printable(column)}'" if is_header else "its name and a number"
            notes.append(
                f"columns {before} and {place} have one name; the latter is read as {shown}"
            )
        taken.add(column.lower())
        seen[column.lower()] = place
        columns.append(column)
    if len(notes) > MANY_NOTES:
        notes[MANY_NOTES:] = [f"{len(notes) - MANY_NOTES:,} more columns have a name twice"]
    return ColumnNames(columns, notes)


def is_name(text: str) -> bool:
    """Whether a text may be a column's name, and is not plainly a value: a number, a time, an
    address, two words with capitals as people have.
    """
    return _NAME.fullmatch(text) is not None and not _FULL_NAME.fullmatch(text)


def labels_of(columns: Sequence[str], heads: Sequence[Sequence[str]]) -> dict[str, str]:
    """What rows of names after the first say of each column, such as a survey's question.

    A column without a name belongs to the question before it. Ids that platforms write for
    themselves (`{"ImportId": …}`) say nothing.
    """
    if len(heads) < 2:
        return {}
    labels, question = {}, ""
    for place, column in enumerate(columns):
        name, *others = (row[place].strip() if place < len(row) else "" for row in heads)
        question = name or question
        said = [text for text in others if text and not _IMPORT_ID.fullmatch(text)]
        said = said if name else [question, *said]
        labels[column] = " ".join(" ".join(said).split())
    return {column: label for column, label in labels.items() if label}


def _free(name: str, taken: Collection[str]) -> str:
    """The name, numbered from 2 where another column has it."""
    numbered = (name if at == 1 else f"{name}_{at}" for at in itertools.count(1))
    return next(each for each in numbered if each.lower() not in taken)


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


def with_quotes(table: TextTable, quote: str) -> TextTable:
    """The table with the quotes that were escaped in its file."""
    names = [name.replace(ESCAPED, quote) for name in table.columns]
    values = ", ".join(
        f"replace({quoted(column)}, {literal(ESCAPED)}, {literal(quote)}) AS {quoted(name)}"
        for column, name in zip(table.columns, names, strict=True)
    )
    bad = [replace(item, raw=item.raw.replace(ESCAPED, f"\\{quote}")) for item in table.unreadable]
    return replace(
        table,
        sql=f"SELECT _row, {values} FROM ({table.sql})",
        columns=ColumnNames(names, table.notes),
        unreadable=tuple(bad),
    )


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
