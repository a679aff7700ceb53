"""Readers, from a landed file to a table of text: every value as it was written, every row
numbered, every loss named.

Belongs here: which reader takes a file; delimited text, Parquet, fixed width. Not here: opening and
unpacking (open_file.py, zip_member.py), the slow parser for broken delimited text (broken_csv.py),
JSON (json_rows.py), workbooks (excel.py), and what the values mean (conform.py).
"""

from __future__ import annotations

import csv
import itertools
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from customer_intel.core.engine import literal, quoted
from customer_intel.ingest.mapping.reader_options import WORKBOOKS, Reader, format_of
from customer_intel.ingest.read.broken_csv import (
    MAX_RECORD_CHARS,
    RAW_CHARS,
    Unreadable,
    resynchronised,
)
from customer_intel.ingest.read.encodings import MISREAD, is_file_misread
from customer_intel.ingest.read.excel import read_workbook
from customer_intel.ingest.read.foreign_formats import beginning, refuse_foreign
from customer_intel.ingest.read.json_rows import filled, read_json
from customer_intel.ingest.read.last_row import FEW, ends_open, without_cut_row
from customer_intel.ingest.read.markup_tables import read_xes
from customer_intel.ingest.read.open_file import (
    CHUNK,
    Limits,
    RecordCounter,
    Refused,
    printable,
    sha256_of,
    spool,
    spool_text,
)
from customer_intel.ingest.read.parquet_checksums import checked_footer
from customer_intel.ingest.read.row_evidence import SAMPLE_CHARS, RowEvidence, split_reader
from customer_intel.ingest.read.second_header import without_headers
from customer_intel.ingest.read.skipped_rows import without_skipped
from customer_intel.ingest.read.text_table import (
    ColumnNames,
    TextTable,
    column_names,
    copy_target,
    labels_of,
    numbered_sql,
    rows_sql,
    with_quotes,
    write_rows,
)
from customer_intel.ingest.read.zip_member import extract, is_workbook

__all__ = ["TextTable", "read_text"]

# Where no larger share of a fixed-width file's lines is short, its writer pads them: numbers, which
# stand at the right, reach the end anyway.
SHORT_SHARE, SHORT_OF_NUMBERS = 0.02, 0.2


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
    folder = Path(tempfile.mkdtemp(prefix="text-", dir=workdir))
    if format_of(path.name) == "zip" or reader.member is not None:
        path, sha256 = _member(path, sha256, reader, folder, limits)
        kind = reader.format or format_of(path.name)
    refuse_foreign(beginning(path), kind)
    if kind is None:
        raise Refused(f"has an unknown ending '{printable(path.suffix)}'; set reader.format")
    plain, out = folder / "plain", folder / "rows.parquet"
    file = _File(path, sha256, plain, out, limits)
    try:
        table = _READERS.get(kind, _delimited)(con, file, reader, kind)
        if kind in ("csv", "tsv", "jsonl", "fixed") and is_file_misread(plain):
            table = replace(table, notes=(*table.notes, MISREAD))
    finally:
        plain.unlink(missing_ok=True)
        if path.parent == folder:
            path.unlink(missing_ok=True)
    limits.check_columns(len(table.columns))
    if reader.skip_rows:
        table = without_skipped(con, table, reader.skip_rows, out, _cells(reader, kind))
    is_named = kind in ("csv", "tsv", *WORKBOOKS) and reader.header_row(kind)
    return without_headers(con, table) if is_named else table


@dataclass(frozen=True)
class _File:
    """A landed file, the place of its plain content, and that of its rows."""

    path: Path
    sha256: str
    plain: Path
    out: Path
    limits: Limits

    def spool(self) -> Path:
        """Writes the plain content as it is."""
        spool(self.path, self.sha256, self.plain, self.limits)
        return self.plain


def _member(
    path: Path, sha256: str, reader: Reader, folder: Path, limits: Limits
) -> tuple[Path, str]:
    """The data file of a zip archive, unpacked, and its hash."""
    archive = folder / "archive"
    try:
        spool(path, sha256, archive, limits)
        with archive.open("rb") as stream:
            if not stream.read(4).startswith(b"PK"):
                raise Refused("is no zip archive; send it again, or name it for what it is")
        if reader.member is None and is_workbook(archive):
            raise Refused("is a workbook; name it .xlsx, or set reader.format: xlsx")
        member = extract(archive, reader.member, folder, limits)
    finally:
        archive.unlink(missing_ok=True)
    return member, sha256_of(member)[0]


def _cells(reader: Reader, kind: str) -> Callable[[Unreadable], Sequence[str] | None]:
    """How the cells of a row that does not have the header's width are told."""

    def cells(item: Unreadable) -> Sequence[str] | None:
        if kind in WORKBOOKS:
            found = json.loads(item.raw) if item.raw.endswith("]") else None
            return [value or "" for value in found] if found is not None else None
        if kind not in ("csv", "tsv") or len(item.raw) >= RAW_CHARS:
            return None
        try:
            return next(split_reader([item.raw], reader.parted_by(kind), reader.quote), None)
        except csv.Error:
            return None

    return cells


# ---- delimited text


def _delimited(con: duckdb.DuckDBPyConnection, file: _File, reader: Reader, kind: str) -> TextTable:
    header, delimiter = reader.header_row(kind), reader.parted_by(kind)
    counted = spool_text(
        file.path, file.sha256, file.plain, file.limits, reader.encoding, reader.quote,
        max(header - 1, 0), reader.escaped,
    )  # fmt: skip
    labels: dict[str, str] = {}
    if header and reader.header_rows > 1:
        labels, counted = _without_labels(file.plain, delimiter, reader, counted)
    with file.plain.open(encoding="utf-8", newline="") as stream:
        columns = header_of(stream, delimiter, reader.quote, bool(header))
    file.limits.check_columns(len(columns), "check reader.delimiter")
    dialect = (delimiter, reader.quote, bool(header))
    table = _csv(con, file.plain, file.out, columns, dialect, counted)
    table = with_quotes(table, reader.quote) if reader.escaped else table
    return replace(table, labels=labels) if labels else table


def _without_labels(
    plain: Path, delimiter: str, reader: Reader, counted: tuple[int, int]
) -> tuple[dict[str, str], tuple[int, int]]:
    """Takes the rows of names after the first out of the file. Returns (column → what they say of
    it, the file's counts without them).
    """
    rest = plain.with_name("rest")
    csv.field_size_limit(MAX_RECORD_CHARS)
    with (
        plain.open(encoding="utf-8", newline="") as stream,
        rest.open("w", encoding="utf-8", newline="") as out,
    ):
        heads: list[list[str]] = []
        counter = RecordCounter(reader.quote)
        # Line by line, not by iteration: the reader must not have read on when the names end.
        lines = iter(stream.readline, "")
        try:
            for values in split_reader(lines, delimiter, reader.quote):
                heads += [values] if values else []
                if len(heads) == reader.header_rows:
                    break
        except csv.Error:
            raise Refused(
                "has a header that cannot be split; check reader.delimiter and reader.quote"
            ) from None
        if len(heads) < reader.header_rows:
            raise Refused(
                f"has fewer than {reader.header_rows} rows, which reader.header_rows says"
            )
        writer = csv.writer(
            out, delimiter=delimiter, quotechar=reader.quote or None, lineterminator="\n",
            quoting=csv.QUOTE_MINIMAL if reader.quote else csv.QUOTE_NONE,
        )  # fmt: skip
        writer.writerow(heads[0])
        while text := stream.read(CHUNK):
            counter.feed(text.encode())
            out.write(text)
    rest.replace(plain)
    names = column_names(heads[0])
    return labels_of(names, heads), (counter.records + 1, counter.quoted_ends)


def _csv(
    con: duckdb.DuckDBPyConnection,
    plain: Path,
    out: Path,
    columns: ColumnNames,
    dialect: tuple[str, str, bool],
    counted: tuple[int, int],
) -> TextTable:
    delimiter, quote, header = dialect
    records, folded = counted
    expected = records - int(header)
    source = csv_source(plain, columns, delimiter, quote, header)
    try:
        con.execute(f"COPY (SELECT * FROM {source}) TO {copy_target(out, records)}")
        rows = pq.read_metadata(out).num_rows
    except duckdb.Error:
        rows = -1
    written = f"read_parquet({literal(str(out))})"
    is_plain = rows == expected
    evidence = None if is_plain and not folded else _evidence(plain, columns, delimiter, quote)
    if is_plain and not (evidence and swallowed(con, written, evidence)):
        table = TextTable(numbered_sql(out), columns, rows, notes=columns.notes)
        return _less_cut(con, table, plain, delimiter, quote)
    unreadable: list[Unreadable] = []
    again = retry_path(out)
    evidence = evidence or _evidence(plain, columns, delimiter, quote)
    with plain.open(encoding="utf-8", newline="") as stream:
        good = resynchronised(stream, evidence, header, unreadable)
        rows = write_rows(again, columns, good)
    table = TextTable(rows_sql(again), columns, rows, tuple(unreadable), notes=columns.notes)
    return _less_cut(con, table, plain, delimiter, quote)


def _less_cut(
    con: duckdb.DuckDBPyConnection, table: TextTable, plain: Path, delimiter: str, quote: str
) -> TextTable:
    return without_cut_row(con, table, delimiter) if ends_open(plain, quote) else table


def _evidence(plain: Path, columns: Sequence[str], delimiter: str, quote: str) -> RowEvidence:
    with plain.open(encoding="utf-8", newline="") as stream:
        return RowEvidence(stream.read(SAMPLE_CHARS), columns, delimiter, quote)


def retry_path(out: Path) -> Path:
    """Where to write what a COPY could not: DuckDB removes a failed one's file in its own time,
    even if it is new.
    """
    out.unlink(missing_ok=True)
    return out.with_name(f"again-{out.name}")


def header_of(stream: Iterable[str], delimiter: str, quote: str, header: bool) -> ColumnNames:
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
    if header and any(delimiter in name.partition("\n")[2] for name in first):
        raise Refused(
            "has a header with a quote that is not closed on its line; mend it, or check "
            "reader.quote and reader.header"
        )
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


def swallowed(con: duckdb.DuckDBPyConnection, source: str, evidence: RowEvidence) -> bool:
    """Whether a quoted value of `source` may hold whole rows: two stray quotes make one value of
    all between.
    """
    columns = [row[0] for row in con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
    names = [quoted(name) for name in columns if name != "_row"]
    mark = literal(evidence.delimiter)
    folded = " OR ".join(f"contains({name}, chr(10))" for name in names)
    texts = ", ".join(f"coalesce({name}, '')" for name in names)
    # Of lines that have too few or too many columns, none is a row.
    counted = f"len(string_split(line, {mark})) - {evidence.width}"
    found = con.execute(
        f"SELECT [{texts}] FROM (SELECT * FROM {source} WHERE {folded}) WHERE len(list_filter("
        f"string_split(concat_ws({mark}, {texts}), chr(10))[2:], lambda line: {counted} IN (0, 1))) > 0"
    )
    while records := found.fetchmany(1000):
        for (values,) in records:
            lines = evidence.delimiter.join(values).split("\n")
            if evidence.judged(lines, values) != "one":
                return True
    return False


# ---- other formats


def _json(con: duckdb.DuckDBPyConnection, file: _File, reader: Reader, _: str) -> TextTable:
    records, _folded = spool_text(
        file.path, file.sha256, file.plain, file.limits, reader.encoding, "", 0
    )
    return read_json(con, file.plain, file.out, records, reader, file.limits)


def _workbook(_: duckdb.DuckDBPyConnection, file: _File, reader: Reader, _kind: str) -> TextTable:
    return read_workbook(file.spool(), reader, file.out, file.limits)


def _event_log(_: duckdb.DuckDBPyConnection, file: _File, _reader: Reader, _kind: str) -> TextTable:
    return read_xes(file.spool(), file.out)


def _parquet(con: duckdb.DuckDBPyConnection, file: _File, _reader: Reader, _kind: str) -> TextTable:
    plain, out = file.spool(), file.out
    try:
        footer = checked_footer(plain)
        file.limits.check_columns(len(footer.names))
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
    return TextTable(numbered_sql(out), columns, rows, clean=frozenset(clean), notes=columns.notes)


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


def _fixed(_: duckdb.DuckDBPyConnection, file: _File, reader: Reader, kind: str) -> TextTable:
    plain, out, header = file.plain, file.out, reader.header_row(kind)
    spool_text(file.path, file.sha256, plain, file.limits, reader.encoding, "", max(header - 1, 0))
    columns = column_names([field.name for field in reader.fields])
    edges = list(itertools.accumulate((field.width for field in reader.fields), initial=0))
    spans = list(itertools.pairwise(edges))
    unreadable: list[Unreadable] = []

    with plain.open(encoding="utf-8", newline="\n") as stream:
        # (whether a line is short, whether a digit ends it) → lines
        ends = Counter(
            (len(text) < edges[-1], text[-1:].isdigit())
            for line in filled(stream)
            if (text := line.rstrip("\r\n"))
        )
    whole, short = ends[False, True] + ends[False, False], ends[True, True] + ends[True, False]
    share = SHORT_OF_NUMBERS if ends[False, False] <= SHORT_OF_NUMBERS * whole else SHORT_SHARE
    # Where nearly every line is padded to its end, a shorter one was cut off.
    is_padded = short <= max(1, share * whole) and whole > FEW

    def rows(stream: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
        for number, line in enumerate(itertools.islice(filled(stream), int(bool(header)), None), 1):
            text = line.rstrip("\r\n")
            least = edges[-1] if is_padded else edges[-2] + 1
            if len(text.rstrip()) > edges[-1] or len(text) < least:
                reason = f"{len(text)} characters, the fields say {least} to {edges[-1]}"
                unreadable.append(Unreadable(number, reason, text[:RAW_CHARS]))
            else:
                yield number, [text[start:end] for start, end in spans]

    with plain.open(encoding="utf-8", newline="\n") as stream:
        count = write_rows(out, columns, rows(stream))
    return TextTable(rows_sql(out), columns, count, tuple(unreadable), notes=columns.notes)


_READERS: dict[str, Callable[[duckdb.DuckDBPyConnection, _File, Reader, str], TextTable]] = {
    "parquet": _parquet,
    "jsonl": _json,
    "fixed": _fixed,
    "xes": _event_log,
    **dict.fromkeys(WORKBOOKS, _workbook),
}
