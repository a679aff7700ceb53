"""Headers among a file's rows: exports put one behind the other, and reports that repeat their
names on each page.

Belongs here: finding them, and what becomes of the file. Not here: the first header
(text_table.py), rows that a mapping leaves out (skipped_rows.py).

A header with the columns in another order changes what every row behind it means: such a file is
refused. One that repeats the first is set aside.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from customer_intel.core.engine import quoted
from customer_intel.ingest.read.broken_csv import RAW_CHARS, Unreadable
from customer_intel.ingest.read.open_file import Refused
from customer_intel.ingest.read.text_table import TextTable

# A header has a name in one of so many columns: the first ones are looked at.
LOOKED_AT = 4
REPEATED = "repeats the header; reader.skip_rows can leave such rows out"
# Where so many values, and so large a share of them, have digits, a word is none of them.
FEW, MOST = 5, 0.8
_WORDS = re.compile(r"[^\W\d][^\d@]*")
_NUMBERED = re.compile(r"_\d+$")


def kind_of_header(
    values: Sequence[str | None], columns: Sequence[str]
) -> Literal["same", "other"] | None:
    """Whether a row holds names: those of its own columns, or of others; None for a row of values."""
    texts = [(value or "").strip().lower() for value in values]
    names = [column.lower() for column in columns]
    known = set(names)
    hits = sum(text in known for text in texts)
    if hits < max(min(2, len(names)), len(names) / 2):
        return None
    astray = any(
        text in known and text not in (name, _NUMBERED.sub("", name))
        for text, name in zip(texts, names, strict=True)
    )
    return "other" if astray else "same"


def may_be_header(values: Sequence[str | None], columns: Sequence[str]) -> bool:
    """Whether a row may hold names, of other columns mostly: no value of it is plainly one."""
    if kind_of_header(values, columns):
        return True
    texts = [value.strip() for value in values if value and value.strip()]
    return len(texts) > max(2, len(columns) // 2) and all(_WORDS.fullmatch(text) for text in texts)


def _of_digits(con: duckdb.DuckDBPyConnection, table: TextTable) -> list[bool]:
    """Of each column, whether nearly all of its values have digits: numbers, times, ids."""
    each = ", ".join(
        f"count({quoted(name)}) >= {FEW} AND count(*) FILTER (regexp_matches({quoted(name)}, '[0-9]')) "
        f">= {MOST} * count({quoted(name)})"
        for name in table.columns
    )
    return [bool(value) for value in con.execute(f"SELECT {each} FROM ({table.sql})").fetchall()[0]]


def without_headers(con: duckdb.DuckDBPyConnection, table: TextTable) -> TextTable:
    """The table without rows that repeat its header, which become unreadable ones. Raises Refused
    where a row names the columns in another order.
    """
    looked_at = [quoted(column) for column in table.columns[:LOOKED_AT]]
    if not looked_at:
        return table
    con.register("header_name", pa.table({"name": pa.array(table.columns, pa.string())}))
    is_name = " OR ".join(f"{column} IN (SELECT name FROM header_name)" for column in looked_at)
    nominated = con.execute(f"SELECT _row FROM ({table.sql}) WHERE {is_name}").fetchall()
    con.unregister("header_name")
    if not nominated:
        return table
    found = con.execute(
        f"SELECT * FROM ({table.sql}) WHERE _row IN (SELECT unnest(?)) ORDER BY _row",
        [[row for (row,) in nominated]],
    ).fetchall()
    rows = []
    digits: list[bool] | None = None
    for number, *values in found:
        kind = kind_of_header(values, table.columns)
        if kind is None and may_be_header(values, table.columns):
            digits = _of_digits(con, table) if digits is None else digits
            odd = [
                value
                for value, is_digits in zip(values, digits, strict=True)
                if is_digits and value
            ]
            if len(odd) > 1:
                kind = "other"
        if kind == "other":
            raise Refused(
                "names the columns again, in another order or others: these are two exports, one "
                "behind the other; land each as a file of its own",
                row=number,
            )
        rows += [number] if kind else []
    if not rows:
        return table
    raw = ",".join(table.columns)[:RAW_CHARS]
    aside = [Unreadable(number, REPEATED, raw) for number in rows]
    sql = f"SELECT * FROM ({table.sql}) WHERE _row NOT IN ({', '.join(map(str, rows))})"
    unreadable = tuple(sorted((*table.unreadable, *aside), key=lambda item: item.row))
    return replace(table, sql=sql, rows=table.rows - len(rows), unreadable=unreadable)


def holds_header(rows: pa.Table, columns: Sequence[str]) -> bool:
    """Whether a row of a piece holds names; `rows` has _row beside the columns."""
    known = pa.array(columns, pa.string())
    for column in columns[:LOOKED_AT]:
        is_name = pc.is_in(rows[column], value_set=known)
        if pc.any(is_name).as_py():
            for values in rows.filter(is_name).select(list(columns)).to_pylist():
                if may_be_header([values[name] for name in columns], columns):
                    return True
    return False
