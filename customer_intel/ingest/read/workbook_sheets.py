"""The sheets of a workbook of any format, each cell as text.

Belongs here: .xlsx (where a formula without a result is told from an empty cell), .xls, .xlsb and
.ods, HTML tables and SpreadsheetML named .xls; the format is told by the content. Not here: which
sheet is read and how (excel.py).
"""

from __future__ import annotations

import datetime as dt
import io
import itertools
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from customer_intel.ingest.read.biff_errors import error_cells
from customer_intel.ingest.read.foreign_formats import (
    HEAD,
    SPREADSHEET_ML,
    is_compound,
    is_encrypted_office,
    is_html,
)
from customer_intel.ingest.read.markup_tables import Grid, html_tables, spreadsheet_ml
from customer_intel.ingest.read.open_file import CHUNK, RATIO_FREE_BYTES, Limits, Refused
from customer_intel.ingest.read.zip_member import refuse_document

# (number of the row, its values, why it cannot be taken).
Row = tuple[int, list[str | None], str]
_NO_WORKBOOK = "is a corrupt workbook; save it again as .xlsx or as CSV"
# What other programs than Excel write into a cell whose formula fails.
_ERRORS = ("#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "#SPILL!", "#CALC!")


_OF_ODS = ("mimetype", "META-INF/manifest.xml", "content.xml")
_ODS_ERROR = re.compile(rb'<table:table-cell\b[^>]*value-type="error"[^>]*>')
_EMPTY_VALUE = re.compile(rb' office:string-value=""')


@dataclass(frozen=True)
class Sheet:
    """A sheet; `rows` begins anew each time."""

    name: str
    is_hidden: bool
    rows: Callable[[], Iterator[Row]]


def sheets_of(plain: Path, limits: Limits, encoding: str = "utf-8") -> list[Sheet]:
    """The sheets in the workbook's order. Raises Refused for a bomb, an encrypted or another file."""
    with plain.open("rb") as stream:
        head = stream.read(HEAD)
    if head.startswith(b"PK"):
        names, formulas = _unpackable(plain, limits)
        refuse_document(names)
        if any(name.startswith("xl/") for name in names) and "xl/workbook.bin" not in names:
            return _xlsx(plain, has_formulas=formulas)
        return _calamine(plain)
    if is_compound(head):
        if is_encrypted_office(plain.read_bytes()):
            raise Refused("is a workbook that is encrypted with a password; save it without one")
        return _calamine(plain)
    if is_html(head):
        tables = html_tables(plain.read_bytes(), encoding)
        return [Sheet(name, is_hidden=False, rows=_of(rows)) for name, rows in tables.items()]
    if SPREADSHEET_ML in head.replace(b"\x00", b""):
        return [
            Sheet(name, is_hidden=hidden, rows=_of(rows))
            for name, (rows, hidden) in spreadsheet_ml(plain).items()
        ]
    raise Refused(_NO_WORKBOOK)


def _of(grid: Grid) -> Callable[[], Iterator[Row]]:
    return lambda: ((number, list(row), "") for number, row in grid)


# ---- .xlsx


def _xlsx(plain: Path, *, has_formulas: bool) -> list[Sheet]:
    # Half a second to import, for a format that most nights do not see.
    import openpyxl

    # As bytes: openpyxl judges a path by its ending.
    content = io.BytesIO(plain.read_bytes())
    book = openpyxl.load_workbook(content, read_only=True, data_only=True)
    # A formula without a computed value would look like an empty cell.
    formula_book = openpyxl.load_workbook(content, read_only=True) if has_formulas else None

    def rows_of(name: str) -> Callable[[], Iterator[Row]]:
        def rows() -> Iterator[Row]:
            grids = [found[name].iter_rows() for found in (book, formula_book) if found]
            for number, cells in enumerate(itertools.zip_longest(*grids, fillvalue=()), 1):
                values = [_text(cell.value) for cell in cells[0]]
                fault = _fault(*cells)
                is_blank = all(value is None for value in values)
                # A row of formulas without results is none that can be passed over.
                yield number, [""] if fault and is_blank else values, fault

        return rows

    return [
        Sheet(sheet.title, is_hidden=sheet.sheet_state != "visible", rows=rows_of(sheet.title))
        for sheet in book.worksheets
    ]


def _unpackable(plain: Path, limits: Limits) -> tuple[list[str], bool]:
    """(names of the parts, whether a sheet holds formulas). Raises Refused for a bomb."""
    with zipfile.ZipFile(plain) as archive:
        names = archive.namelist()
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
                            return names, True
                        before = chunk[-2:]
    return names, False


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


# ---- .xls, .xlsb, .ods


def _calamine(plain: Path) -> list[Sheet]:
    import python_calamine

    content = _with_errors_shown(plain)
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
    except python_calamine.PasswordError:
        raise Refused(
            "is a workbook that is encrypted with a password; save it without one"
        ) from None
    except python_calamine.CalamineError:
        raise Refused(_NO_WORKBOOK) from None
    errors = error_cells(content) if is_compound(content) else []

    def rows_of(name: str, faulty: set[tuple[int, int]]) -> Callable[[], Iterator[Row]]:
        rows_with_errors = dict(sorted(faulty, reverse=True))

        def rows() -> Iterator[Row]:
            # From the sheet's first row on, whether or not something stands there.
            found = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
            for number, cells in enumerate(found, 1):
                values = [_text(value) or None for value in cells]
                place = rows_with_errors.get(number - 1)
                place = next((at for at, value in enumerate(values) if value in _ERRORS), place)
                fault = "" if place is None else f"a spreadsheet error in column {_letter(place)}"
                is_blank = all(value is None for value in values)
                yield number, [""] if fault and is_blank else values, fault

        return rows

    visible = python_calamine.SheetVisibleEnum.Visible
    return [
        Sheet(
            item.name,
            is_hidden=item.visible != visible,
            rows=rows_of(item.name, errors[place] if place < len(errors) else set()),
        )
        for place, item in enumerate(book.sheets_metadata)
        if item.typ == python_calamine.SheetTypeEnum.WorkSheet
    ]


def _with_errors_shown(plain: Path) -> bytes:
    """The workbook, in which an OpenDocument cell with an error says so, as it does on the screen:
    its value for other programs is an empty text.
    """
    content = plain.read_bytes()
    if not content.startswith(b"PK"):
        return content
    with zipfile.ZipFile(plain) as archive:
        parts = {
            item: archive.read(item) for item in archive.infolist() if item.filename in _OF_ODS
        }
    table = next((part for item, part in parts.items() if item.filename == "content.xml"), b"")
    if b'value-type="error"' not in table:
        return content
    shown = _ODS_ERROR.sub(lambda cell: _EMPTY_VALUE.sub(b"", cell[0]), table)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for item, part in parts.items():
            archive.writestr(item, shown if part is table else part)
    return stream.getvalue()


def _letter(place: int) -> str:
    """A column's name by its place from 0: A to Z, AA …"""
    text = ""
    while place >= 0:
        text, place = chr(65 + place % 26) + text, place // 26 - 1
    return text


def _text(value: Any) -> str | None:
    """A cell's value as text."""
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
