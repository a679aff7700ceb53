"""The columns of a file, each looked at whole, for its profile.

Belongs here: taking the values from the file, null words. Not here: what values are
(column_profile.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import duckdb
import pyarrow as pa

from customer_intel.core.engine import quoted
from customer_intel.ingest.advise.column_profile import WORDY, ColumnProfile, Sampled, kind_of
from customer_intel.ingest.conform.typing_rules import SPACE, trimmed
from customer_intel.ingest.read.text_table import TextTable

# Distinct values of a column that are looked at.
SAMPLE = 3000
# Null words. Those of SURE_NULLS never mean anything else; the others are nulls only among values
# of another kind.
SURE_NULLS = ("\\N", "NULL", "null", "(null)", "#N/A", "#NULL!", "<null>", "(not set)")
NULLS = (
    *SURE_NULLS,
    "NA",
    "N/A",
    "n/a",
    "na",
    "NaN",
    "nan",
    "None",
    "none",
    "-",
    "--",
    "—",
    "?",
    "undefined",
    "nil",
)
# A file of more columns is looked at in at most so many parts, each of at least BATCH columns: a
# query plans every column of what it reads.
WIDE, PARTS, BATCH = 200, 40, 50
# So many values of a short file are held in memory at once.
HELD = 5_000_000


def profiles_of(
    con: duckdb.DuckDBPyConnection, text: TextTable, *, has_names: bool = True
) -> list[ColumnProfile]:
    """The profile of each column. `con` holds the file's text as `text.sql`."""
    taken = _held(con, text) if text.rows <= SAMPLE else _asked(con, text)
    return [
        replace(_profile(column, has_names=has_names), label=text.labels.get(column.name, ""))
        for column in taken
    ]


@dataclass(frozen=True)
class _Column:
    """A column's values, distinct and counted (of many only some), and facts of all of them."""

    name: str
    rows: int
    filled: int
    distinct: int
    shortest: int
    longest: int
    values: Sequence[tuple[str, int]]
    facts: Callable[[str], tuple[int, ...]]


def _held(con: duckdb.DuckDBPyConnection, text: TextTable) -> Iterator[_Column]:
    """The columns of a short file: no query is asked where the values are at hand."""
    size = max(HELD // max(text.rows, 1), 1)
    for first in range(0, len(text.columns), size):
        batch = text.columns[first : first + size]
        names = ", ".join(map(quoted, batch))
        table = con.sql(f"SELECT {names} FROM ({text.sql})").to_arrow_table()
        for name, column in zip(batch, table.columns, strict=True):
            values = [value.strip(SPACE) if _is_padded(value) else value
                      for value in column.to_pylist() if value is not None]  # fmt: skip
            counted = Counter(value for value in values if value)
            lengths = [len(value) for value in counted] or [0]
            yield _Column(
                name, text.rows, counted.total(), len(counted), min(lengths), max(lengths),
                sorted(counted.items()), partial(_facts_of, con, counted),
            )  # fmt: skip


def _is_padded(value: str) -> bool:
    # As typing_rules.padded says it of SQL.
    return value < "!" or value[0] == "\u00a0" or value[-1] in SPACE


def _facts_of(con: duckdb.DuckDBPyConnection, values: Counter[str], facts: str) -> tuple[int, ...]:
    con.register("profiled", pa.table({"v": pa.array(values.elements(), pa.string())}))
    found = con.execute(f"SELECT {facts} FROM profiled").fetchall()[0]
    con.unregister("profiled")
    return tuple(found)


def _asked(con: duckdb.DuckDBPyConnection, text: TextTable) -> Iterator[_Column]:
    """The columns of a long file, by queries."""
    is_wide = len(text.columns) > WIDE
    size = max(BATCH, len(text.columns) // PARTS) if is_wide else WIDE
    for first in range(0, len(text.columns), size):
        batch = text.columns[first : first + size]
        # Each query would plan all columns of the file.
        kind = "TABLE" if is_wide else "VIEW"
        names = ", ".join(map(quoted, batch)) if is_wide else "*"
        con.execute(f"CREATE OR REPLACE TEMP {kind} sniffed AS SELECT {names} FROM ({text.sql})")
        for name in batch:
            yield _queried(con, name, text.rows)
        con.execute(f"DROP {kind} sniffed")


def _queried(con: duckdb.DuckDBPyConnection, name: str, rows: int) -> _Column:
    view = f"(SELECT {trimmed(quoted(name))} AS v FROM sniffed)"

    def facts(asked: str) -> tuple[int, ...]:
        return tuple(con.execute(f"SELECT {asked} FROM {view} WHERE v IS NOT NULL").fetchall()[0])

    filled, distinct, shortest, longest = facts(
        "count(v), count(DISTINCT v), min(length(v)), max(length(v))"
    )
    values = con.execute(
        # By hash: a sample spread over all values, the same on every run.
        f"SELECT v, count(*) FROM {view} WHERE v IS NOT NULL GROUP BY v ORDER BY hash(v), v LIMIT "
        f"{SAMPLE}"
    ).fetchall()
    return _Column(name, rows, filled, distinct, shortest or 0, longest or 0, values, facts)


def _profile(column: _Column, *, has_names: bool) -> ColumnProfile:
    base = ColumnProfile(
        column.name, column.rows, column.filled, column.distinct, column.shortest, column.longest
    )
    if not base.filled:
        return base
    values = column.values
    known = {value for value, _ in values}
    nulls = tuple(word for word in NULLS if word in known)
    real_values = [(value, count) for value, count in values if value not in nulls]
    profile = (
        kind_of(Sampled(base, real_values, column.facts), column.name, has_names=has_names)
        if real_values
        else replace(base, kind="empty")
    )
    # "-" among words may be a word; among numbers it is none.
    null_words = (
        nulls
        if profile.kind not in ("text", "empty")
        else tuple(word for word in nulls if word in SURE_NULLS)
    )
    if not null_words and nulls:
        whole = Sampled(base, values, column.facts)
        profile = replace(kind_of(whole, column.name, has_names=has_names), nulls=())
    distinct_values = (
        tuple(sorted(value for value, _ in values if value not in null_words))
        if base.distinct <= 40
        else ()
    )
    wordy = sum(n for value, n in real_values if WORDY.fullmatch(value))
    is_wordy = profile.kind == "text" and wordy >= 0.7 * max(sum(n for _, n in real_values), 1)
    return replace(
        profile,
        is_wordy=is_wordy,
        nulls=null_words,
        words=tuple(set(nulls) - set(null_words)),
        values=distinct_values,
    )
