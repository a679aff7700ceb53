"""Excel workbooks as text: one sheet's rows, and no cell that only looks empty.

Belongs here: cells. Not here: the table of text that they become (text_table.py).
"""

from __future__ import annotations

import datetime as dt
import io
import itertools
import json
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from customer_intel.ingest.mapping.model import Reader
from customer_intel.ingest.read.broken_csv import RAW_CHARS, Unreadable
from customer_intel.ingest.read.open_file import CHUNK, RATIO_FREE_BYTES, Limits, Refused, printable
from customer_intel.ingest.read.text_table import TextTable, column_names, rows_sql, write_rows


def read_workbook(plain: Path, reader: Reader, out: Path, limits: Limits) -> TextTable:
    """One sheet as text. Raises Refused for a workbook that is damaged, too large, empty or lacks
    the sheet.
    """
    # Half a second to import, for a format that most nights do not see.
    import openpyxl

    unreadable: list[Unreadable] = []
    try:
        formulas = _unpackable(plain, limits)
        # As bytes: openpyxl judges a path by its ending.
        content = io.BytesIO(plain.read_bytes())
        book = openpyxl.load_workbook(content, read_only=True, data_only=True)
        names = book.sheetnames
        if reader.sheet is not None and reader.sheet not in names:
            raise Refused(
                f"has no sheet '{reader.sheet}', only {', '.join(map(printable, names[:8]))}"
            )
        sheet = reader.sheet or names[0]
        # A formula without a computed value would look like an empty cell.
        formula_book = openpyxl.load_workbook(content, read_only=True) if formulas else None
        header = reader.header_row("xlsx")
        grids = [
            found[sheet].iter_rows(min_row=max(header, 1))
            for found in (book, formula_book)
            if found
        ]
        filled = (
            ([_cell(cell.value) for cell in cells[0]], _fault(*cells))
            for cells in itertools.zip_longest(*grids, fillvalue=())
            if any(cell.value is not None for row in cells for cell in row)
        )
        first = next(filled, None)
        if first is None:
            raise Refused("is empty; an export without rows still has a header")
        width = max(
            (place for place, value in enumerate(first[0], 1) if value is not None), default=0
        )
        columns = column_names([first[0][place] or "" if header else "" for place in range(width)])

        def even() -> Iterator[tuple[int, list[str | None]]]:
            for number, (row, fault) in enumerate(
                filled if header else itertools.chain([first], filled), 1
            ):
                if any(value is not None for value in row[width:]):
                    fault = f"more than {width} values"
                if fault:
                    unreadable.append(
                        Unreadable(number, fault, json.dumps(row, ensure_ascii=False)[:RAW_CHARS])
                    )
                else:
                    yield number, (row + [None] * width)[:width]

        rows = write_rows(out, columns, even())
    except Refused:
        raise
    except Exception:
        # openpyxl raises whatever its XML and zip parts raise; the file is bad in each case.
        raise Refused("is a corrupt workbook; save it again as .xlsx or as CSV") from None
    others = [printable(name) for name in names if name != sheet] if reader.sheet is None else []
    notes = (
        f"only its first sheet is read, not {', '.join(others[:8])}; set reader.sheet to say which",
    )
    return TextTable(rows_sql(out), columns, rows, tuple(unreadable), notes=notes if others else ())


def _unpackable(plain: Path, limits: Limits) -> bool:
    """Whether a sheet of the workbook holds formulas. Raises Refused for a bomb."""
    with zipfile.ZipFile(plain) as archive:
        size = sum(item.file_size for item in archive.infolist())
        if size > limits.max_unpacked_bytes:
            raise Refused(
                f"unpacks to more than {limits.max_unpacked_bytes:,} bytes; set "
                "max_unpacked_bytes if it is sound"
            )
        if size > RATIO_FREE_BYTES and size > limits.max_ratio * plain.stat().st_size:
            raise Refused(
                f"unpacks to more than {limits.max_ratio} times its size; set max_ratio if it is "
                "sound"
            )
        for item in archive.infolist():
            if item.filename.startswith("xl/worksheets/"):
                with archive.open(item) as part:
                    before = b""
                    while chunk := part.read(CHUNK):
                        if b"<f>" in before + chunk or b"<f " in before + chunk:
                            return True
                        before = chunk[-2:]
    return False


def _fault(cells: Sequence[Any], formulas: Sequence[Any] = ()) -> str:
    """Why a row of a sheet cannot be taken, if so."""
    for cell in cells:
        if cell.data_type == "e":
            return f"a spreadsheet error in column {cell.column_letter}"
    for place, formula in enumerate(formulas):
        if formula.data_type == "f" and (place >= len(cells) or cells[place].value is None):
            return (
                f"a formula without a result in column {formula.column_letter}; open and save "
                "the workbook once"
            )
    return ""


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
