"""Files that end without a line end: whether their last value is whole.

Belongs here: the judgement over the last column's values. Not here: rows of too few columns and
quotes that are never closed (broken_csv.py), archives that are cut off (open_file.py).
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

from customer_intel.core.engine import quoted
from customer_intel.ingest.read.broken_csv import RAW_CHARS, Unreadable
from customer_intel.ingest.read.text_table import TextTable

CUT = "the file ends within its last value, without a line end"
MAY_BE_CUT = (
    "has no line end behind its last row: if it was cut off there, the last value is too short; "
    "compare it with the source"
)
# Of fewer rows before the last one, what they have in common is chance.
FEW = 3


def ends_open(plain: Path, quote: str) -> bool:
    """Whether a text ends in neither a line end nor a quote, which would close its last value."""
    with plain.open("rb") as stream:
        stream.seek(0, io.SEEK_END)
        stream.seek(max(stream.tell() - 1, 0))
        last = stream.read(1)
    return last not in (b"\n", b"\r", b"", quote.encode())


def without_cut_row(con: duckdb.DuckDBPyConnection, table: TextTable, delimiter: str) -> TextTable:
    """The table of a text that ends open, marked so: its last row becomes an unreadable one where its last
    value is not as all others are, and a note says so where nothing tells.
    """
    table = replace(table, ends_open=True)
    bad = max((item.row for item in table.unreadable), default=0)
    if not table.rows:
        return table
    last, *values = con.execute(
        f"SELECT * FROM ({table.sql}) ORDER BY _row DESC LIMIT 1"
    ).fetchall()[0]
    if last < bad:
        # The last line is set aside already.
        return table
    column = quoted(table.columns[-1])
    is_whole = _is_whole(
        con, f"SELECT {column} AS v FROM ({table.sql}) WHERE _row < {last}", values[-1]
    )
    if is_whole is False:
        raw = delimiter.join(value or "" for value in values)[:RAW_CHARS]
        return replace(
            table,
            sql=f"SELECT * FROM ({table.sql}) WHERE _row < {last}",
            rows=table.rows - 1,
            unreadable=(*table.unreadable, Unreadable(last, CUT, raw)),
        )
    return table if is_whole else replace(table, notes=(*table.notes, MAY_BE_CUT))


def told_notes(table: TextTable, earlier: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The table's notes; where no earlier file of its mapping had a last line end, that is how they
    are written, and said no more. `earlier`: ledger entries of those files, with `ends_open`.
    """
    known = [bool(facts.get("ends_open")) for facts in earlier]
    is_habit = len(known) >= FEW and all(known)
    return tuple(note for note in table.notes if note != MAY_BE_CUT or not is_habit)


def _is_whole(con: duckdb.DuckDBPyConnection, others: str, value: str | None) -> bool | None:
    """Whether the last value is as the others are, shorter than all of them, or neither for sure."""
    text = value or ""
    tail = "length(regexp_extract({}, '[.,:]([0-9]+)$', 1))"
    found = con.execute(
        f"""
        SELECT count(*), count(v), count(DISTINCT v), count(*) FILTER (v = $1),
            min(length(v)), max(length(v)), min({tail.format("v")}), max({tail.format("v")}),
            {tail.format("$1")}, coalesce(bool_and(regexp_full_match(v, '[^@\\s]+@[^@\\s]+\\.[^@\\s]+')), false),
            regexp_full_match($1, '[^@\\s]+@[^@\\s]+\\.[^@\\s]+')
        FROM ({others})
        """,
        [text],
    ).fetchall()
    rows, filled, kinds, same, short, long, least, most, own, mails, is_mail = found[0]
    if rows < FEW or not filled:
        return None
    if not text:
        return False if filled == rows else None
    if same and kinds * 2 <= filled:
        return True
    if short == long:
        return bool(len(text) == short) if len(text) <= short else None
    if least == most and most and own <= most:
        return bool(own == most)
    return False if mails and not is_mail else None
