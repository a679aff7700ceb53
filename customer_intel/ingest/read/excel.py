"""Workbooks as text: one sheet's rows, and no cell that only looks empty.

Belongs here: which sheet is read, its rows of names, the table that they make. Not here: the cells
of each format (workbook_sheets.py), the table of text itself (text_table.py).
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from customer_intel.ingest.mapping.reader_options import Reader
from customer_intel.ingest.read.broken_csv import RAW_CHARS, Unreadable
from customer_intel.ingest.read.open_file import Limits, Refused, printable
from customer_intel.ingest.read.text_table import (
    ColumnNames,
    TextTable,
    column_names,
    labels_of,
    rows_sql,
    write_rows,
)
from customer_intel.ingest.read.workbook_sheets import Row, Sheet, sheets_of

EMPTY = "is empty; an export without rows still has a header"
_CORRUPT = "is a corrupt workbook; save it again as .xlsx or as CSV"
# Rows of a sheet that are looked at to tell a table from a title page.
PEEKED = 60


def read_workbook(plain: Path, reader: Reader, out: Path, limits: Limits) -> TextTable:
    """One sheet as text. Raises Refused for a workbook that is damaged, too large, empty or lacks
    the sheet.
    """
    try:
        sheets = sheets_of(plain, limits, reader.encoding)
        sheet = chosen_sheet(sheets, reader.sheet)
        table = _read_sheet(sheet, reader, out, limits)
    except Refused:
        raise
    except Exception:
        # The libraries raise whatever their XML and zip parts raise; the file is bad in each case.
        raise Refused(_CORRUPT) from None
    others = [other for other in sheets if other is not sheet]
    if reader.sheet is not None or not others:
        return table
    named = ", ".join(
        f"{printable(other.name)}{' (hidden)' if other.is_hidden else ''}" for other in others[:8]
    )
    which = "first sheet" if sheet is sheets[0] else f"sheet '{printable(sheet.name)}'"
    note = f"only its {which} is read, not {named}; set reader.sheet to say which"
    return TextTable(
        table.sql, table.columns, table.rows, table.unreadable, notes=(*table.notes, note),
        labels=table.labels,
    )  # fmt: skip


def chosen_sheet(sheets: Sequence[Sheet], name: str | None) -> Sheet:
    """The sheet of that name; without one the first visible sheet with a table, hidden ones last.
    Raises Refused.
    """
    if name is not None:
        found = next((sheet for sheet in sheets if sheet.name == name), None)
        if found is None:
            names = ", ".join(printable(sheet.name) for sheet in sheets[:8])
            raise Refused(f"has no sheet '{printable(name)}', only {names}")
        return found
    if not sheets:
        raise Refused(EMPTY)
    ordered = sorted(sheets, key=lambda sheet: sheet.is_hidden)
    visible = [sheet for sheet in ordered if not sheet.is_hidden] or ordered
    if len(visible) == 1:
        return visible[0]
    tables = (sheet for sheet in ordered if is_table(_head(sheet)))
    filled = (sheet for sheet in ordered if _head(sheet))
    return next(tables, next(filled, ordered[0]))


def _head(sheet: Sheet) -> list[list[str | None]]:
    rows = (values for _, values, _ in sheet.rows())
    return [row for row in itertools.islice(rows, PEEKED) if any(row)]


def is_table(rows: Sequence[Sequence[str | None]]) -> bool:
    """Whether rows have names and values below each other: a title page has words here and there."""
    widths = [sum(value is not None for value in row) for row in rows]
    return sum(width > 1 for width in widths) > 1


def _read_sheet(sheet: Sheet, reader: Reader, out: Path, limits: Limits) -> TextTable:
    header = reader.header_row("xlsx")
    filled = (
        (values, fault)
        for number, values, fault in sheet.rows()
        if number >= header and any(value is not None for value in values)
    )
    # The rows of names; without a header the first row, which says how wide the table is.
    heads = [values for values, _ in itertools.islice(filled, reader.header_rows if header else 0)]
    body: Iterator[tuple[list[str | None], str]] = filled
    if not header and (first := next(filled, None)):
        body = itertools.chain([first], filled)
        heads = [[value and "" for value in first[0]]]
    if not heads:
        raise Refused(EMPTY)
    width = max(
        (place for row in heads for place, value in enumerate(row, 1) if value is not None),
        default=0,
    )
    limits.check_columns(width)
    named = [[(row + [None] * width)[place] or "" for place in range(width)] for row in heads]
    columns: ColumnNames = column_names(named[0])
    unreadable: list[Unreadable] = []
    rows = write_rows(out, columns, _even(body, width, unreadable))
    return TextTable(
        rows_sql(out), columns, rows, tuple(unreadable), notes=columns.notes,
        labels=labels_of(columns, named),
    )  # fmt: skip


def _even(
    body: Iterator[tuple[list[str | None], str]], width: int, unreadable: list[Unreadable]
) -> Iterator[tuple[int, list[str | None]]]:
    for number, (row, fault) in enumerate(body, 1):
        if any(value is not None for value in row[width:]):
            fault = f"more than {width} values"
        if fault:
            raw = json.dumps(row, ensure_ascii=False)[:RAW_CHARS]
            unreadable.append(Unreadable(number, fault, raw))
        else:
            yield number, (row + [None] * width)[:width]


__all__ = ["EMPTY", "Row", "Sheet", "chosen_sheet", "is_table", "read_workbook"]
