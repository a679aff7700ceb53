"""From a landed file to a table of text: every value as it was written, every row numbered, every loss named.

Belongs here: the formats. Not here: opening and unpacking (intake.py), the slow parser for broken delimited text
(resync.py), and what the values mean (conform.py).
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import itertools
import json
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from customer_intel.core.engine import literal
from customer_intel.ingest.intake import Limits, Refused, spool, spool_text
from customer_intel.ingest.mapping import SPECIAL, Reader, format_of
from customer_intel.ingest.resync import MAX_RECORD_CHARS, RAW_CHARS, Unreadable, resynchronised, split_reader
from customer_intel.ingest.values import quoted

BATCH = 50_000


@dataclass(frozen=True)
class TextTable:
    """`sql` selects `_row` and the file's columns, all text; `clean` ones cannot be blank or have spaces around."""

    sql: str
    columns: tuple[str, ...]
    rows: int
    unreadable: tuple[Unreadable, ...] = ()
    clean: frozenset[str] = frozenset()

    @property
    def rows_read(self) -> int:
        return self.rows + len(self.unreadable)


def read_text(
    con: duckdb.DuckDBPyConnection, path: Path, sha256: str, reader: Reader, workdir: Path, limits: Limits
) -> TextTable:
    """Reads one file. Raises Refused when nothing of it can be trusted."""
    kind = reader.format or format_of(path.name)
    if kind is None:
        raise Refused(f"has an unknown ending '{path.suffix}'; set reader.format")
    stem = workdir / f"text-{len(list(workdir.glob('text-*')))}"
    plain, out = stem.with_suffix(".plain"), stem.with_suffix(".parquet")
    try:
        if kind == "parquet":
            spool(path, sha256, plain, limits)
            return _parquet(con, plain, out)
        if kind == "xlsx":
            spool(path, sha256, plain, limits)
            return _xlsx(plain, reader, out, limits)
        quote = reader.quote if kind in ("csv", "tsv") else ""
        header = int(kind != "fixed") if reader.header is None else int(reader.header)
        skip = max(header - 1, 0) if kind != "jsonl" else 0
        records = spool_text(path, sha256, plain, limits, reader.encoding, quote, skip)
        if kind == "jsonl":
            return _jsonl(con, plain, out, records)
        if kind == "fixed":
            return _fixed(plain, reader, out, bool(header))
        delimiter = "\t" if kind == "tsv" else reader.delimiter
        return _csv(con, plain, out, delimiter, quote, bool(header), records)
    finally:
        plain.unlink(missing_ok=True)


def column_names(names: Sequence[str]) -> tuple[str, ...]:
    """Trimmed names, nameless columns called by their place. Raises Refused for names that cannot be told apart."""
    columns = tuple(str(name).strip() or f"column{place}" for place, name in enumerate(names, 1))
    seen: set[str] = set()
    for column in columns:
        if column.lower() in seen:
            raise Refused(f"has two columns named '{column}' (capitals make no difference); rename one", column=column)
        if column.lower() in SPECIAL:
            raise Refused(f"has a column named '{column}', which is reserved; rename it", column=column)
        seen.add(column.lower())
    return columns


# ---- delimited text


def _csv(
    con: duckdb.DuckDBPyConnection, plain: Path, out: Path, delimiter: str, quote: str, header: bool, records: int
) -> TextTable:
    csv.field_size_limit(MAX_RECORD_CHARS)
    with plain.open(encoding="utf-8", newline="") as stream:
        try:
            first = next(split_reader(stream, delimiter, quote), None)
        except csv.Error:
            raise Refused("has a header that cannot be split; check reader.delimiter and reader.quote") from None
    if not first:
        raise Refused("is empty; an export without rows still has a header")
    columns = column_names(first if header else [""] * len(first))
    expected = records - int(header)
    typed = ", ".join(f"{literal(column)}: 'VARCHAR'" for column in columns)
    options = (
        f"auto_detect = false, columns = {{{typed}}}, header = {header}, delim = {literal(delimiter)}, "
        f"quote = {literal(quote)}, escape = {literal(quote)}, strict_mode = true, null_padding = false, "
        f"hive_partitioning = false, compression = 'none', max_line_size = {MAX_RECORD_CHARS}"
    )
    try:
        con.execute(f"COPY (SELECT * FROM read_csv({literal(str(plain))}, {options})) TO {_target(out, records)}")
        rows = pq.read_metadata(out).num_rows
    except duckdb.Error:
        rows = -1
    if rows == expected:
        return TextTable(_numbered(out), columns, rows)
    unreadable: list[Unreadable] = []
    with plain.open(encoding="utf-8", newline="") as stream:
        good = resynchronised(stream, delimiter, quote, len(columns), header, unreadable)
        rows = _write(out, columns, good)
    return TextTable(_explicit(out), columns, rows, tuple(unreadable))


def _filled(stream: Iterable[str]) -> Iterator[str]:
    return (line for line in stream if line.strip("\r\n"))


def _write(out: Path, columns: Sequence[str], rows: Iterable[tuple[int, Sequence[str | None]]]) -> int:
    schema = pa.schema([("_row", pa.int64()), *((column, pa.string()) for column in columns)])
    total = 0
    with pq.ParquetWriter(out, schema, compression="lz4") as writer:
        for batch in _batched(rows):
            numbers = pa.array([number for number, _ in batch], pa.int64())
            values = [pa.array(column, pa.string()) for column in zip(*(values for _, values in batch), strict=True)]
            writer.write_table(pa.Table.from_arrays([numbers, *values], schema=schema))
            total += len(batch)
    return total


def _batched(rows: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    iterator = iter(rows)
    while batch := tuple(itertools.islice(iterator, BATCH)):
        yield batch


# ---- other formats


def _jsonl(con: duckdb.DuckDBPyConnection, plain: Path, out: Path, records: int) -> TextTable:
    """JSON Lines: the keys of all lines are the columns; nested values stay JSON text."""
    if _first_byte(plain) == b"[":
        raise Refused("is one JSON array; write one object per line (JSON Lines)")
    lines = out.with_suffix(".lines")
    # No delimiter: an information separator cannot stand unescaped in JSON, so a line that has one is no JSON.
    options = (
        "auto_detect = false, columns = {'line': 'VARCHAR'}, header = false, delim = '\x1e', quote = '', escape = '', "
        f"hive_partitioning = false, compression = 'none', max_line_size = {MAX_RECORD_CHARS}"
    )
    # DuckDB's json_keys fails on a line that is no object, so such lines are set aside first.
    try:
        read = f"SELECT line, {_JSON_FAULT} AS fault FROM read_csv({literal(str(plain))}, {options})"
        con.execute(f"COPY ({read}) TO {_target(lines, records)}")
        rows = pq.read_metadata(lines).num_rows
        tagged = _numbered(lines)
    except duckdb.Error:
        rows = -1
    if rows != records:
        with plain.open(encoding="utf-8", newline="\n") as stream:
            rows = _write(lines, ["line"], enumerate(([line.rstrip("\r\n")] for line in _filled(stream)), 1))
        tagged = f"SELECT *, {_JSON_FAULT} AS fault FROM ({_explicit(lines)})"
    con.execute(f"CREATE OR REPLACE TEMP VIEW json_line AS {tagged}")
    # Lines have few shapes: a key that stands twice is looked for in those, and in every line only if one has it.
    shapes = con.execute("SELECT DISTINCT json_keys(line) FROM json_line WHERE fault IS NULL").fetchall()
    if any(len(set(shape)) < len(shape) for (shape,) in shapes):
        con.execute(
            f"CREATE OR REPLACE TEMP VIEW json_line AS SELECT _row, line, "
            f"CASE WHEN fault IS NOT NULL THEN fault {_TWICE} AS fault FROM ({tagged})"
        )
        shapes = con.execute("SELECT DISTINCT json_keys(line) FROM json_line WHERE fault IS NULL").fetchall()
    bad = con.execute("SELECT _row, fault, line FROM json_line WHERE fault IS NOT NULL ORDER BY _row").fetchall()
    keys = sorted({key for (shape,) in shapes for key in shape})
    columns = column_names(keys)
    unreadable = tuple(Unreadable(row, fault, (line or "")[:RAW_CHARS]) for row, fault, line in bad)
    if columns:
        shape = literal(json.dumps(dict.fromkeys(keys, "VARCHAR")))
        values = ", ".join(
            f"value[{literal(key)}] AS {quoted(column)}" for key, column in zip(keys, columns, strict=True)
        )
        con.execute(
            f"COPY (SELECT _row, {values} FROM (SELECT _row, json_transform(line, {shape}) AS value FROM json_line "
            f"WHERE fault IS NULL)) TO {_target(out, records)}"
        )
    else:
        _write(out, columns, [])
    con.execute("DROP VIEW json_line")
    lines.unlink()
    return TextTable(_explicit(out), columns, rows - len(bad), unreadable)


_JSON_FAULT = """CASE WHEN line IS NULL OR NOT json_valid(line) THEN 'not JSON'
    WHEN json_type(line) <> 'OBJECT' THEN 'not a JSON object' END"""
_TWICE = "WHEN len(json_keys(line)) <> len(list_distinct(json_keys(line))) THEN 'a key stands twice' END"


def _first_byte(plain: Path) -> bytes:
    with plain.open("rb") as stream:
        return stream.read(64).lstrip()[:1]


def _parquet(con: duckdb.DuckDBPyConnection, plain: Path, out: Path) -> TextTable:
    try:
        metadata = pq.read_metadata(plain)
        source = f"read_parquet({literal(str(plain))}, hive_partitioning = false)"
        found = con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        columns = column_names([row[0] for row in found])
        values = ", ".join(
            f"{_as_text(row[0], str(row[1]))} AS {quoted(column)}" for row, column in zip(found, columns, strict=True)
        )
        con.execute(f"COPY (SELECT {values} FROM {source}) TO {_target(out, metadata.num_rows)}")
        rows = pq.read_metadata(out).num_rows
    except (duckdb.Error, pa.ArrowException, OSError):
        raise Refused("is a truncated or corrupt Parquet file; send it again") from None
    if rows != metadata.num_rows:
        raise Refused(f"says that it holds {metadata.num_rows:,} rows, but {rows:,} can be read; send it again")
    clean = {column for row, column in zip(found, columns, strict=True) if str(row[1]) in _NEVER_BLANK}
    return TextTable(_numbered(out), columns, rows, clean=frozenset(clean))


_NEVER_BLANK = {"BIGINT", "INTEGER", "SMALLINT", "TINYINT", "DOUBLE", "FLOAT", "BOOLEAN", "DATE", "TIMESTAMP"}


def _as_text(column: str, kind: str) -> str:
    nested = kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION"))
    return f"CAST({f'to_json({quoted(column)})' if nested else quoted(column)} AS VARCHAR)"


def _xlsx(plain: Path, reader: Reader, out: Path, limits: Limits) -> TextTable:
    # Half a second to import, for a format that most nights do not see.
    import openpyxl

    try:
        with zipfile.ZipFile(plain) as archive:
            if sum(item.file_size for item in archive.infolist()) > limits.max_unpacked_bytes:
                raise Refused(f"unpacks to more than {limits.max_unpacked_bytes:,} bytes (max_unpacked_bytes)")
        book = openpyxl.load_workbook(io.BytesIO(plain.read_bytes()), read_only=True, data_only=True)
        if reader.sheet is not None and reader.sheet not in book.sheetnames:
            raise Refused(f"has no sheet '{reader.sheet}', only {', '.join(book.sheetnames)}")
        sheet = book[reader.sheet] if reader.sheet else book[book.sheetnames[0]]
        header = 1 if reader.header is None else int(reader.header)
        filled = (
            [_cell(value) for value in row]
            for row in sheet.iter_rows(values_only=True, min_row=max(header, 1))
            if any(value is not None for value in row)
        )
        first = next(filled, None)
        if first is None:
            raise Refused("is empty; an export without rows still has a header")
        width = max(place for place, value in enumerate(first, 1) if value is not None)
        columns = column_names([first[place] or "" if header else "" for place in range(width)])
        unreadable: list[Unreadable] = []

        def even() -> Iterator[tuple[int, list[str | None]]]:
            for number, row in enumerate(filled if header else itertools.chain([first], filled), 1):
                if any(value is not None for value in row[width:]):
                    raw = json.dumps(row, ensure_ascii=False)[:RAW_CHARS]
                    unreadable.append(Unreadable(number, f"more than {width} values", raw))
                else:
                    yield number, (row + [None] * width)[:width]

        rows = _write(out, columns, even())
        book.close()
    except Refused:
        raise
    except Exception:
        # openpyxl raises whatever its XML and zip parts raise; the file is bad in each case.
        raise Refused("is a corrupt workbook; save it again as .xlsx or as CSV") from None
    return TextTable(_explicit(out), columns, rows, tuple(unreadable))


def _cell(value: Any) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return str(value).lower()
        case dt.datetime():
            return value.isoformat(sep=" ")
        case dt.date() | dt.time():
            return value.isoformat()
        case float() if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
    return str(value)


def _fixed(plain: Path, reader: Reader, out: Path, header: bool) -> TextTable:
    columns = column_names([field.name for field in reader.fields])
    edges = list(itertools.accumulate((field.width for field in reader.fields), initial=0))
    spans = list(itertools.pairwise(edges))
    unreadable: list[Unreadable] = []

    def rows(stream: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
        for number, line in enumerate(itertools.islice(_filled(stream), int(header), None), 1):
            text = line.rstrip("\r\n")
            if len(text.rstrip()) > edges[-1] or len(text) <= edges[-2]:
                reason = f"{len(text)} characters, the fields say {edges[-2] + 1} to {edges[-1]}"
                unreadable.append(Unreadable(number, reason, text[:RAW_CHARS]))
            else:
                yield number, [text[start:end] for start, end in spans]

    with plain.open(encoding="utf-8", newline="\n") as stream:
        count = _write(out, columns, rows(stream))
    return TextTable(_explicit(out), columns, count, tuple(unreadable))


# ---- SQL text


def _target(out: Path, records: int) -> str:
    # DuckDB works a row group per thread: a file of fewer rows than its usual group would keep one core busy.
    group = min(max(records // 16 // 2048, 1) * 2048, 122_880)
    return f"{literal(str(out))} (FORMAT parquet, COMPRESSION lz4, ROW_GROUP_SIZE {group})"


def _numbered(file: Path) -> str:
    source = f"read_parquet({literal(str(file))}, hive_partitioning = false, file_row_number = true)"
    return f"SELECT file_row_number + 1 AS _row, * EXCLUDE (file_row_number) FROM {source}"


def _explicit(file: Path) -> str:
    return f"SELECT * FROM read_parquet({literal(str(file))}, hive_partitioning = false)"
