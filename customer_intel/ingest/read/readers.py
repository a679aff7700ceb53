"""Readers, from a landed file to a table of text: every value as it was written, every row
numbered, every loss named.

Belongs here: the formats. Not here: opening and unpacking (open_file.py), the slow parser for
broken delimited text (broken_csv.py), workbooks (excel.py), and what the values mean (conform.py).
"""

from __future__ import annotations

import csv
import itertools
import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from customer_intel.core.engine import literal, quoted
from customer_intel.ingest.mapping.model import Reader, format_of
from customer_intel.ingest.read.broken_csv import (
    MANY,
    MAX_RECORD_CHARS,
    PROSE_WIDTH,
    RAW_CHARS,
    Unreadable,
    resynchronised,
    split_reader,
)
from customer_intel.ingest.read.excel import read_workbook
from customer_intel.ingest.read.open_file import Limits, Refused, spool, spool_text
from customer_intel.ingest.read.parquet_checksums import checked_footer
from customer_intel.ingest.read.text_table import (
    TextTable,
    column_names,
    copy_target,
    numbered_sql,
    rows_sql,
    write_rows,
)

__all__ = ["TextTable", "read_text"]


def read_text(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    sha256: str,
    reader: Reader,
    workdir: Path,
    limits: Limits,
) -> TextTable:
    """Reads one file. Raises Refused when nothing of it can be trusted."""
    kind = reader.format or format_of(path.name)
    if kind is None:
        raise Refused(f"has an unknown ending '{path.suffix}'; set reader.format")
    folder = Path(tempfile.mkdtemp(prefix="text-", dir=workdir))
    plain, out = folder / "plain", folder / "rows.parquet"
    try:
        if kind == "parquet":
            spool(path, sha256, plain, limits)
            return _parquet(con, plain, out)
        if kind == "xlsx":
            spool(path, sha256, plain, limits)
            return read_workbook(plain, reader, out, limits)
        quote = reader.quote if kind in ("csv", "tsv") else ""
        header = reader.header_row(kind)
        skip = max(header - 1, 0) if kind != "jsonl" else 0
        records, folded = spool_text(path, sha256, plain, limits, reader.encoding, quote, skip)
        if kind == "jsonl":
            return _jsonl(con, plain, out, records)
        if kind == "fixed":
            return _fixed(plain, reader, out, bool(header))
        return _csv(con, plain, out, reader.parted_by(kind), quote, bool(header), (records, folded))
    finally:
        plain.unlink(missing_ok=True)


# ---- delimited text


def _csv(
    con: duckdb.DuckDBPyConnection,
    plain: Path,
    out: Path,
    delimiter: str,
    quote: str,
    header: bool,
    counted: tuple[int, int],
) -> TextTable:
    with plain.open(encoding="utf-8", newline="") as stream:
        columns = header_of(stream, delimiter, quote, header)
    records, folded = counted
    expected = records - int(header)
    source = csv_source(plain, columns, delimiter, quote, header)
    try:
        con.execute(f"COPY (SELECT * FROM {source}) TO {copy_target(out, records)}")
        rows = pq.read_metadata(out).num_rows
    except duckdb.Error:
        rows = -1
    if rows == expected and not (
        folded and swallowed(con, f"read_parquet({literal(str(out))})", columns, delimiter)
    ):
        return TextTable(numbered_sql(out), columns, rows)
    unreadable: list[Unreadable] = []
    again = retry_path(out)
    with plain.open(encoding="utf-8", newline="") as stream:
        good = resynchronised(stream, delimiter, quote, len(columns), header, unreadable)
        rows = write_rows(again, columns, good)
    return TextTable(rows_sql(again), columns, rows, tuple(unreadable))


def retry_path(out: Path) -> Path:
    """Where to write what a COPY could not: DuckDB removes a failed one's file in its own time,
    even if it is new.
    """
    out.unlink(missing_ok=True)
    return out.with_name(f"again-{out.name}")


def header_of(stream: Iterable[str], delimiter: str, quote: str, header: bool) -> tuple[str, ...]:
    """The columns' names by the first record. Raises Refused."""
    csv.field_size_limit(MAX_RECORD_CHARS)
    try:
        first = next((values for values in split_reader(stream, delimiter, quote) if values), None)
    except csv.Error:
        raise Refused(
            "has a header that cannot be split; check reader.delimiter and reader.quote"
        ) from None
    if not first:
        raise Refused("is empty; an export without rows still has a header")
    return column_names(first if header else [""] * len(first))


def csv_source(
    plain: Path, columns: Sequence[str], delimiter: str, quote: str, header: bool
) -> str:
    """SQL for the file's rows as DuckDB's strict reader falls them into columns, every value as
    text.
    """
    typed = ", ".join(f"{literal(column)}: 'VARCHAR'" for column in columns)
    return (
        f"read_csv({literal(str(plain))}, auto_detect = false, columns = {{{typed}}}, header = "
        f"{header}, "
        f"delim = {literal(delimiter)}, quote = {literal(quote)}, escape = {literal(quote)}, "
        "strict_mode = true, "
        "null_padding = false, hive_partitioning = false, compression = 'none', max_line_size = "
        f"{MAX_RECORD_CHARS})"
    )


def swallowed(
    con: duckdb.DuckDBPyConnection, source: str, columns: Sequence[str], delimiter: str
) -> bool:
    """Whether a quoted value of `source` seems to hold whole rows: two stray quotes make one value
    of all between.

    A line within a value counts as a row when it falls into as many columns, and begins like the
    row it stands in.
    """
    if len(columns) <= PROSE_WIDTH:
        return False
    mark = literal(delimiter)
    for column in columns:
        lines = f"string_split({quoted(column)}, chr(10))[2:-2]"
        rows = f"SELECT {quoted(columns[0])} AS first, unnest({lines}) AS line FROM {source}"
        found = con.execute(
            f"SELECT count(*) FROM ({rows} WHERE contains({quoted(column)}, chr(10))) "
            f"WHERE len(string_split(line, {mark})) = {len(columns)} "
            f"AND {_kind_of_text(f'split_part(line, {mark}, 1)')} = {_kind_of_text('first')}"
        ).fetchall()
        if found[0][0]:
            return True
    return False


def _kind_of_text(text: str) -> str:
    """What kind of text it is: hexadecimal ids, words and numbers alike whatever they say."""
    without_hex = f"regexp_replace({text}, '[0-9a-fA-F-]{{16,}}', '#', 'g')"
    return (
        f"regexp_replace(regexp_replace({without_hex}, '[0-9]+', '0', 'g'), '[A-Za-z]+', 'a', 'g')"
    )


def _filled(stream: Iterable[str]) -> Iterator[str]:
    return (line for line in stream if line.strip("\r\n"))


# ---- other formats


def _jsonl(con: duckdb.DuckDBPyConnection, plain: Path, out: Path, records: int) -> TextTable:
    """JSON Lines: the keys of all lines are the columns; nested values stay JSON text."""
    if _first_byte(plain) == b"[":
        raise Refused("is one JSON array; write one object per line (JSON Lines)")
    if not records:
        raise Refused("is empty; land no file when there is nothing to send")
    lines = out.with_suffix(".lines")
    # No delimiter: an information separator cannot stand unescaped in JSON, so a line that has one
    # is no JSON.
    options = (
        "auto_detect = false, columns = {'line': 'VARCHAR'}, header = false, delim = '\x1e', "
        "quote = '', escape = '', "
        f"hive_partitioning = false, compression = 'none', max_line_size = {MAX_RECORD_CHARS}"
    )
    # DuckDB's json_keys fails on a line that is no object, so such lines are set aside first.
    try:
        read = (
            f"SELECT line, {_JSON_FAULT} AS fault FROM read_csv({literal(str(plain))}, {options})"
        )
        con.execute(f"COPY ({read}) TO {copy_target(lines, records)}")
        rows = pq.read_metadata(lines).num_rows
        tagged = numbered_sql(lines)
    except duckdb.Error:
        rows = -1
    if rows != records:
        lines = retry_path(lines)
        with plain.open(encoding="utf-8", newline="\n") as stream:
            rows = write_rows(
                lines, ["line"], enumerate(([line.rstrip("\r\n")] for line in _filled(stream)), 1)
            )
        tagged = f"SELECT *, {_JSON_FAULT} AS fault FROM ({rows_sql(lines)})"
    con.execute(f"CREATE OR REPLACE TEMP VIEW json_line AS {tagged}")
    # Lines have few shapes: a key that stands twice is looked for in those, and in every line only
    # if one has it.
    shapes = con.execute(
        "SELECT DISTINCT json_keys(line) FROM json_line WHERE fault IS NULL"
    ).fetchall()
    if any(len(set(shape)) < len(shape) or "" in shape for (shape,) in shapes):
        con.execute(
            f"CREATE OR REPLACE TEMP VIEW json_line AS SELECT _row, line, "
            f"CASE WHEN fault IS NOT NULL THEN fault {_TWICE} AS fault FROM ({tagged})"
        )
        shapes = con.execute(
            "SELECT DISTINCT json_keys(line) FROM json_line WHERE fault IS NULL"
        ).fetchall()
    bad = con.execute(
        f"SELECT _row, fault, left(line, {RAW_CHARS}) FROM json_line WHERE fault IS NOT NULL "
        "ORDER BY _row "
        f"LIMIT {max(MANY, rows // 2)}"
    ).fetchall()
    if len(bad) in (rows, max(MANY, rows // 2)):
        raise Refused(
            f"{bad[0][1]}, nor are most other lines; write one JSON object per line", row=bad[0][0]
        )
    keys = sorted({key for (shape,) in shapes for key in shape})
    columns = column_names(keys)
    unreadable = tuple(Unreadable(row, fault, line or "") for row, fault, line in bad)
    if columns:
        shape = literal(json.dumps(dict.fromkeys(keys, "VARCHAR")))
        values = ", ".join(
            f"value[{literal(key)}] AS {quoted(column)}"
            for key, column in zip(keys, columns, strict=True)
        )
        con.execute(
            f"COPY (SELECT _row, {values} FROM (SELECT _row, json_transform(line, {shape}) AS "
            "value FROM json_line "
            f"WHERE fault IS NULL)) TO {copy_target(out, records)}"
        )
    else:
        write_rows(out, columns, [])
    con.execute("DROP VIEW json_line")
    lines.unlink()
    return TextTable(rows_sql(out), columns, rows - len(bad), unreadable)


_JSON_FAULT = """CASE WHEN line IS NULL OR NOT json_valid(line) THEN 'not JSON'
    WHEN json_type(line) <> 'OBJECT' THEN 'not a JSON object' END"""
_TWICE = """WHEN len(json_keys(line)) <> len(list_distinct(json_keys(line))) THEN 'a key stands twice'
    WHEN list_contains(json_keys(line), '') THEN 'a key without a name' END"""


def _first_byte(plain: Path) -> bytes:
    with plain.open("rb") as stream:
        return stream.read(64).lstrip()[:1]


def _parquet(con: duckdb.DuckDBPyConnection, plain: Path, out: Path) -> TextTable:
    try:
        footer = checked_footer(plain)
        # DuckDB gives the second of two columns of one name another name.
        columns = column_names(footer.names)
        source = f"read_parquet({literal(str(plain))}, hive_partitioning = false)"
        found = con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        values = ", ".join(
            f"{_as_text(row[0], str(row[1]))} AS {quoted(column)}"
            for row, column in zip(found, columns, strict=True)
        )
        con.execute(f"COPY (SELECT {values} FROM {source}) TO {copy_target(out, footer.rows)}")
        rows = pq.read_metadata(out).num_rows
    except duckdb.NotImplementedException:
        raise Refused(
            "has a column of a type that cannot be read; export it as text, number or time"
        ) from None
    except duckdb.ConversionException:
        raise Refused("has a column of bytes that are no UTF-8 text; export it as text") from None
    except (duckdb.Error, ValueError):
        raise Refused("is a truncated or corrupt Parquet file; send it again") from None
    if rows != footer.rows:
        raise Refused(
            f"says that it holds {footer.rows:,} rows, but {rows:,} can be read; send it again"
        )
    clean = {
        column for row, column in zip(found, columns, strict=True) if str(row[1]) in _NEVER_BLANK
    }
    return TextTable(numbered_sql(out), columns, rows, clean=frozenset(clean))


_NEVER_BLANK = {
    "BIGINT",
    "INTEGER",
    "SMALLINT",
    "TINYINT",
    "DOUBLE",
    "FLOAT",
    "BOOLEAN",
    "DATE",
    "TIMESTAMP",
}


def _as_text(column: str, kind: str) -> str:
    if kind == "BLOB":
        # Older writers mark text as bytes; a cast would write every letter beyond ASCII as an
        # escape.
        return f"decode({quoted(column)})"
    nested = kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION"))
    return f"CAST({f'to_json({quoted(column)})' if nested else quoted(column)} AS VARCHAR)"


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
        count = write_rows(out, columns, rows(stream))
    return TextTable(rows_sql(out), columns, count, tuple(unreadable))
