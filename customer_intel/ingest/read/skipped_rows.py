"""Rows that a reader is told to leave out: totals, closing lines of a report, repeated headers.

Belongs here: reader.skip_rows, applied to a file's rows of text before anything is made of them, so
that it holds for every format, for lookups and for inspect alike. Not here: rows that are another
entity's (a mapping's `only`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa

from customer_intel.core.engine import literal, quoted
from customer_intel.ingest.mapping.expressions import columns_of
from customer_intel.ingest.read.broken_csv import Unreadable
from customer_intel.ingest.read.open_file import Refused, printable
from customer_intel.ingest.read.text_table import TextTable

_BLANKS = literal(" \t\r\n\v\f\u00a0")
# Fewer skipped rows than this stand in the SQL itself.
FEW = 1000


def without_skipped(
    con: duckdb.DuckDBPyConnection,
    text: TextTable,
    condition: str,
    out: Path,
    cells: Callable[[Unreadable], Sequence[str] | None],
) -> TextTable:
    """The table less the rows of which `condition` is true, and their number.

    Values are trimmed and blank ones null there, as in the mapping's own expressions. A row of
    fewer or more values than the header has is tried too: `cells` splits it; absent values are
    null. Raises Refused where the condition cannot be computed.
    """
    known = {name.lower() for name in text.columns}
    unknown = sorted(
        name for name in columns_of(condition, ()) if name.lower() not in {*known, "_row"}
    )
    if unknown:
        raise Refused(
            f"lacks column '{printable(unknown[0])}', which reader.skip_rows names; mend the mapping",
            column=unknown[0],
        )
    values = ", ".join(
        f"nullif(trim({quoted(name)}, {_BLANKS}), '') AS {quoted(name)}" for name in text.columns
    )
    found = _matching(con, f"SELECT _row, {values} FROM ({text.sql})", condition)
    sql = text.sql
    if found:
        gone = f"SELECT unnest([{', '.join(map(str, found))}])"
        if len(found) > FEW:
            gone = f"SELECT _row FROM read_parquet({literal(str(_kept(con, found, out)))})"
        sql = f"SELECT * FROM ({text.sql}) WHERE _row NOT IN ({gone})"
    skipped, unreadable = _ragged(con, text, condition, cells)
    return replace(
        text,
        sql=sql,
        rows=text.rows - len(found),
        unreadable=unreadable,
        skipped=text.skipped + len(found) + skipped,
    )


def _matching(con: duckdb.DuckDBPyConnection, rows: str, condition: str) -> list[int]:
    try:
        found = con.execute(
            # The condition may end in a comment of its own.
            f"SELECT _row FROM ({rows}) WHERE coalesce(({condition}\n), false) ORDER BY _row"
        ).fetchall()
    except (duckdb.BinderException, duckdb.ParserException, duckdb.CatalogException) as error:
        raise Refused(f"reader.skip_rows fails: {str(error).splitlines()[0][:200]}") from None
    except duckdb.Error as error:
        # Its message would quote a value.
        raise Refused(
            f"reader.skip_rows fails ({type(error).__name__}); guard it with try_cast or nullif"
        ) from None
    return [int(row) for (row,) in found]


def _kept(con: duckdb.DuckDBPyConnection, rows: Sequence[int], out: Path) -> Path:
    target = out.with_suffix(".skipped.parquet")
    con.register("skipped_row", pa.table({"_row": pa.array(rows, pa.int64())}))
    con.execute(f"COPY (SELECT _row FROM skipped_row) TO {literal(str(target))} (FORMAT parquet)")
    con.unregister("skipped_row")
    return target


def _ragged(
    con: duckdb.DuckDBPyConnection,
    text: TextTable,
    condition: str,
    cells: Callable[[Unreadable], Sequence[str] | None],
) -> tuple[int, tuple[Unreadable, ...]]:
    """(unreadable rows that are to be skipped, the others)."""
    width = len(text.columns)
    ragged = {item.row: found for item in text.unreadable if (found := cells(item)) is not None}
    if not ragged:
        return 0, text.unreadable
    even = [[*found, *[""] * width][:width] for found in ragged.values()]
    values = zip(text.columns, zip(*even, strict=True), strict=True)
    columns = {
        name: pa.array([value.strip() or None for value in each], pa.string())
        for name, each in values
    }
    con.register("ragged_row", pa.table({"_row": pa.array(list(ragged), pa.int64()), **columns}))
    gone = set(_matching(con, "SELECT * FROM ragged_row", condition))
    con.unregister("ragged_row")
    kept = tuple(item for item in text.unreadable if item.row not in gone)
    return len(text.unreadable) - len(kept), kept
