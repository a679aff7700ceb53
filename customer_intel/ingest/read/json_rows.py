"""JSON as rows and columns: one object per line, nested objects as columns of dotted names, items
of an array as rows of their own.

Belongs here: columns of records. Not here: finding the records in a document (json_records.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from customer_intel.core.engine import literal, quoted
from customer_intel.ingest.mapping.reader_options import Reader
from customer_intel.ingest.read.broken_csv import MANY, MAX_RECORD_CHARS, RAW_CHARS, Unreadable
from customer_intel.ingest.read.json_records import is_document, records_as_lines
from customer_intel.ingest.read.open_file import Limits, Refused
from customer_intel.ingest.read.text_table import (
    TextTable,
    column_names,
    copy_target,
    numbered_sql,
    rows_sql,
    write_rows,
)

# An object of more keys than this has values for keys, such as ids.
MAX_NESTED = 1000
# Fields of one struct: the time to take a field out grows with the fields beside it.
STRUCT = 250
_JSON_FAULT = """CASE WHEN line IS NULL OR NOT json_valid(line) THEN 'not JSON'
    WHEN json_type(line) <> 'OBJECT' THEN 'not a JSON object' END"""
_TWICE = """WHEN len(json_keys(line)) <> len(list_distinct(json_keys(line))) THEN 'a key stands twice'
    WHEN list_contains(json_keys(line), '') THEN 'a key without a name' END"""


def read_json(
    con: duckdb.DuckDBPyConnection, plain: Path, out: Path, records: int, reader: Reader,
    limits: Limits,
) -> TextTable:  # fmt: skip
    """The file's records: the keys of all of them are the columns, nested values JSON text unless
    reader.nested names them. Raises Refused.
    """
    with plain.open(encoding="utf-8", newline="\n") as stream:
        document = reader.records is not None or is_document(stream.read(1 << 16))
    source = out.with_suffix(".records") if document else plain
    try:
        if document:
            records = records_as_lines(plain, source, reader.records)
        if not records:
            raise Refused("is empty; land no file when there is nothing to send")
        return _Lines(con, source, out, records, reader, limits).read()
    finally:
        if document:
            source.unlink(missing_ok=True)


class _Lines:
    """One object per line, made a table."""

    def __init__(
        self, con: duckdb.DuckDBPyConnection, plain: Path, out: Path, records: int, reader: Reader,
        limits: Limits,
    ) -> None:  # fmt: skip
        self.con, self.plain, self.out, self.records = con, plain, out, records
        self.reader, self.limits = reader, limits

    def read(self) -> TextTable:
        """Raises Refused when most lines are no objects."""
        lines, rows = self._tag()
        # Lines have few shapes: a key that stands twice is looked for in those, and in every line
        # only if one has it.
        shapes = self._shapes()
        if any(len(set(shape)) < len(shape) or "" in shape for shape in shapes):
            self.con.execute(
                f"CREATE OR REPLACE TEMP VIEW json_line AS SELECT _row, line, "
                f"CASE WHEN fault IS NOT NULL THEN fault {_TWICE} AS fault FROM ({self.tagged})"
            )
            shapes = self._shapes()
        most = max(MANY, rows // 2)
        bad = self.con.execute(
            f"SELECT _row, fault, left(line, {RAW_CHARS}) FROM json_line WHERE fault IS NOT NULL "
            f"ORDER BY _row LIMIT {most}"
        ).fetchall()
        if len(bad) in (rows, most):
            raise Refused(
                f"{bad[0][1]}, nor are most other lines; write one JSON object per line",
                row=bad[0][0],
            )
        unreadable = tuple(Unreadable(row, fault, line or "") for row, fault, line in bad)
        keys = sorted({key for shape in shapes for key in shape})
        self.limits.check_columns(len(keys))
        table = self._write(keys, rows - len(bad), unreadable)
        self.con.execute("DROP VIEW json_line")
        lines.unlink()
        return table

    def _tag(self) -> tuple[Path, int]:
        """`json_line`: each line, numbered, with what is wrong with it. Returns (its file, lines)."""
        lines = self.out.with_suffix(".lines")
        # No delimiter: an information separator cannot stand unescaped in JSON, so a line that has
        # one is no JSON.
        options = (
            "auto_detect = false, columns = {'line': 'VARCHAR'}, header = false, delim = '\x1e', "
            "quote = '', escape = '', "
            f"hive_partitioning = false, compression = 'none', max_line_size = {MAX_RECORD_CHARS}"
        )
        # DuckDB's json_keys fails on a line that is no object, so such lines are set aside first.
        try:
            read = (
                f"SELECT line, {_JSON_FAULT} AS fault FROM "
                f"read_csv({literal(str(self.plain))}, {options})"
            )
            self.con.execute(f"COPY ({read}) TO {copy_target(lines, self.records)}")
            rows = pq.read_metadata(lines).num_rows
            self.tagged = numbered_sql(lines)
        except duckdb.Error:
            rows = -1
        if rows != self.records:
            lines.unlink(missing_ok=True)
            lines = lines.with_name(f"again-{lines.name}")
            with self.plain.open(encoding="utf-8", newline="\n") as stream:
                rows = write_rows(
                    lines,
                    ["line"],
                    enumerate(([line.rstrip("\r\n")] for line in filled(stream)), 1),
                )
            self.tagged = f"SELECT *, {_JSON_FAULT} AS fault FROM ({rows_sql(lines)})"
        self.con.execute(f"CREATE OR REPLACE TEMP VIEW json_line AS {self.tagged}")
        return lines, rows

    def _shapes(self) -> list[list[str]]:
        found = self.con.execute(
            "SELECT DISTINCT json_keys(line) FROM json_line WHERE fault IS NULL"
        ).fetchall()
        return [shape for (shape,) in found]

    # ---- columns
    def _write(self, keys: list[str], rows: int, unreadable: tuple[Unreadable, ...]) -> TextTable:
        source, prefix = "SELECT _row, line FROM json_line WHERE fault IS NULL", ""
        notes: tuple[str, ...] = ()
        if path := self.reader.rows:
            prefix = path
            source, rows, notes = self._items(path)
            # The record's own number, as its items are numbered on their own.
            unreadable = tuple(
                Unreadable(item.row, f"record {item.row}: {item.reason}", item.raw)
                for item in unreadable
            )
        self.con.execute(f"CREATE OR REPLACE TEMP VIEW json_row AS {source}")
        parents = _Tree(self.con, "line", self.reader, prefix)
        leaves = parents.leaves(keys)
        shapes = parents.parsed()
        if prefix:
            items = _Tree(self.con, "item", self.reader, prefix, within="part")
            leaves += items.below("", prefix, prefix)
            shapes += items.parsed()
        self.limits.check_columns(len(leaves))
        columns = column_names([name for name, _ in leaves])
        if columns:
            values = ", ".join(
                f"{sql} AS {quoted(column)}"
                for (_, sql), column in zip(leaves, columns, strict=True)
            )
            self.con.execute(
                f"COPY (SELECT _row, {values} FROM (SELECT {', '.join(['*', *shapes])} FROM json_row)) "
                f"TO {copy_target(self.out, rows)}"
            )
        else:
            write_rows(self.out, columns, [])
        self.con.execute("DROP VIEW json_row")
        return TextTable(
            rows_sql(self.out), columns, rows, unreadable, notes=(*columns.notes, *notes)
        )

    def _items(self, path: str) -> tuple[str, int, tuple[str, ...]]:
        """(SQL for a row per item of the array at `path`, how many, what is to be said)."""
        at = _pointer(path)
        kind = f"coalesce(json_type(line, {at}), 'NULL')"
        items = (
            f"CASE {kind} WHEN 'ARRAY' THEN CAST(json_extract(line, {at}) AS JSON[]) "
            f"WHEN 'NULL' THEN CAST([] AS JSON[]) ELSE [json_extract(line, {at})] END"
        )
        listed = f"SELECT _row AS record, line, {items} AS items FROM json_line WHERE fault IS NULL"
        rows, without, arrays = self.con.execute(
            f"SELECT coalesce(sum(len(items)), 0), count(*) FILTER (len(items) = 0), "
            f"count(*) FILTER ({kind} = 'ARRAY') FROM ({listed})"
        ).fetchall()[0]
        if not arrays:
            raise Refused(
                f"has no array '{path}', whose items reader.rows makes the rows; look at its name"
            )
        numbered = (
            f"SELECT record, line, unnest(items) AS item, generate_subscripts(items, 1) AS place "
            f"FROM ({listed})"
        )
        source = f"SELECT row_number() OVER (ORDER BY record, place) AS _row, line, item FROM ({numbered})"
        said = f"{without:,} records have nothing in '{path}', and so no row here"
        return source, int(rows), (said,) if without else ()


@dataclass
class _Tree:
    """The keys of nested objects, found level by level over `json_row`."""

    con: duckdb.DuckDBPyConnection
    column: str
    reader: Reader
    # The path whose items are the rows: no column of the record.
    rows: str
    within: str = "value"
    # What each of the structs holds that the lines are parsed into, and fields of the last one.
    shapes: list[dict[str, object]] = field(default_factory=list)
    fields: int = 0

    def leaves(self, keys: list[str]) -> list[tuple[str, str]]:
        """(name, SQL) of each column of an object with these keys."""
        self.shapes, self.fields = [], 0
        return list(self._level(keys, "", ()))

    def parsed(self) -> list[str]:
        """SQL of the structs that the leaves are fields of."""
        return [
            f"json_transform({self.column}, {literal(json.dumps(shape))}) AS {self.within}{place}"
            for place, shape in enumerate(self.shapes)
            if shape
        ]

    def _shape(self) -> dict[str, object]:
        """The struct that the record's next key belongs to."""
        if not self.shapes or self.fields >= STRUCT:
            self.shapes.append({})
            self.fields = 0
        return self.shapes[-1]

    def below(self, pointer: str, name: str, own: str) -> list[tuple[str, str]]:
        """The same of the items of an array: objects, or plain values as a column of their own."""
        self.shapes, self.fields = [], 0
        kinds = self._kinds([pointer])[0]
        found = list(self._level(self._keys(pointer), name, ())) if "OBJECT" in kinds else []
        if "VALUE" in kinds or not found:
            plain = f"json_type({self.column}) NOT IN ('OBJECT', 'NULL')"
            found.append(
                (own, f"CASE WHEN {plain} THEN json_extract_string({self.column}, '$') END")
            )
        return found

    def _level(
        self, keys: list[str], name: str, at: tuple[str, ...],
        parent: dict[str, object] | None = None,
    ) -> Iterator[tuple[str, str]]:  # fmt: skip
        named = [(key, f"{name}.{key}" if name else key) for key in keys]
        named = [(key, full) for key, full in named if not self._is_rows(full)]
        nested = [(key, full) for key, full in named if self._is_nested(full)]
        pointers = {key: "".join(map(_escaped, (*at, key))) for key, _ in nested}
        kinds = dict(zip(pointers, self._kinds(list(pointers.values())), strict=True))
        seen: set[str] = set()
        for key, full in named:
            shape = self._shape() if parent is None else parent
            if key.lower() in seen:
                # A struct's fields are told apart without their capitals.
                at_key = literal("".join(map(_escaped, (*at, key))))
                yield full, f"json_extract_string({self.column}, {at_key})"
                continue
            seen.add(key.lower())
            inner = self._keys(pointers[key]) if "OBJECT" in kinds.get(key, ()) else []
            # A key without a name cannot be named: such an object stays as it is.
            if not inner or "" in inner:
                shape[key] = "VARCHAR"
                path = "".join(f"[{literal(part)}]" for part in (*at, key))
                self.fields += 1
                yield full, f"{self.within}{len(self.shapes) - 1}{path}"
                continue
            below: dict[str, object] = {}
            shape[key] = below
            yield from self._level(inner, full, (*at, key), below)
            if not below:
                del shape[key]
            if "VALUE" in kinds[key]:
                # Some records have a plain value where others have an object.
                where = literal(pointers[key])
                yield (
                    full,
                    (
                        f"CASE WHEN json_type({self.column}, {where}) NOT IN ('OBJECT', 'NULL') THEN "
                        f"json_extract_string({self.column}, {where}) END"
                    ),
                )

    def _is_rows(self, full: str) -> bool:
        return self.column == "line" and full == self.rows

    def _is_nested(self, full: str) -> bool:
        if self.column == "line" and self.rows.startswith(f"{full}."):
            return True
        nested = self.reader.nested
        return nested if isinstance(nested, bool) else full in nested

    def _kinds(self, pointers: list[str]) -> list[set[str]]:
        """Whether an OBJECT, and whether any other VALUE than null, stands at each of the places."""
        found: list[Any] = []
        for first in range(0, len(pointers), STRUCT):
            kinds = [
                f"json_type({self.column}, {literal(at)})"
                for at in pointers[first : first + STRUCT]
            ]
            each = ", ".join(
                f"bool_or({kind} = 'OBJECT'), bool_or({kind} NOT IN ('OBJECT', 'NULL'))"
                for kind in kinds
            )
            found += self.con.execute(f"SELECT {each} FROM json_row").fetchall()[0]
        return [
            {kind for kind, there in zip(("OBJECT", "VALUE"), pair, strict=True) if there}
            for pair in zip(found[::2], found[1::2], strict=True)
        ]

    def _keys(self, pointer: str) -> list[str]:
        at = literal(pointer)
        shapes = self.con.execute(
            f"SELECT DISTINCT json_keys({self.column}, {at}) FROM json_row "
            f"WHERE json_type({self.column}, {at}) = 'OBJECT'"
        ).fetchall()
        if any(len(set(shape)) < len(shape) for (shape,) in shapes):
            raise Refused("has a nested object in which a key stands twice; mend it at the source")
        keys = sorted({key for (shape,) in shapes for key in shape})
        if len(keys) > MAX_NESTED:
            raise Refused(
                f"has a nested object of {len(keys):,} different keys; set reader.nested to a list "
                "of the objects that are to become columns"
            )
        return keys


def filled(stream: Iterable[str]) -> Iterator[str]:
    """The lines that are not blank."""
    return (line for line in stream if line.strip("\r\n"))


def _escaped(key: str) -> str:
    """A key as a step of a JSON pointer."""
    return "/" + key.replace("~", "~0").replace("/", "~1")


def _pointer(path: str) -> str:
    return literal("".join(map(_escaped, path.split("."))))
