"""Workbooks, tables in web pages and event logs: which sheet, and where its table begins and ends.

Belongs here: tables of cells. Not here: delimited text (sniff.py), reading (read/excel.py).
"""

from __future__ import annotations

import itertools
from collections import deque
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from customer_intel.ingest.advise.sniff_header import header_row
from customer_intel.ingest.advise.sniffed import Sniffed, note_header, note_rows, unless
from customer_intel.ingest.mapping.reader_options import WORKBOOKS
from customer_intel.ingest.read.excel import EMPTY, chosen_sheet
from customer_intel.ingest.read.foreign_formats import (
    SPREADSHEET_ML,
    is_compound,
    is_encrypted_office,
    is_event_log,
    is_html,
    is_xml,
    refuse_foreign,
)
from customer_intel.ingest.read.open_file import Limits, Refused, printable, spool
from customer_intel.ingest.read.workbook_sheets import Sheet, sheets_of

HEAD_ROWS, TAIL_ROWS = 400, 60


def workbook_kind(head: bytes) -> str | None:
    """The format of a file that is a workbook of some kind by its first bytes, else None."""
    if head[:4] == b"PK\x03\x04":
        return "xlsx"
    if is_compound(head):
        streams = ("Workbook".encode("utf-16-le"), "Book".encode("utf-16-le"))
        named = any(stream in head for stream in streams)
        return "xls" if named or is_encrypted_office(head) else None
    if is_html(head):
        return "html" if b"<table" in head.lower() else None
    if is_xml(head) and SPREADSHEET_ML in head[: 1 << 16].replace(b"\x00", b""):
        return "xls"
    return None


def sniff_workbook(
    path: Path, limits: Limits, found: Sniffed, kind: str, by_name: str | None
) -> Sniffed:
    """The sheet to read, its row of names, its closing lines. Raises Refused."""
    found.format = by_name if by_name in WORKBOOKS else kind
    given: Any = None if by_name in WORKBOOKS else kind
    # Encoding is a page's own affair: it says so itself.
    found.reader = found.reader.model_copy(update={"format": given, "encoding": "utf-8"})
    with TemporaryDirectory(prefix="sniff-", ignore_cleanup_errors=True) as folder:
        plain = Path(folder) / "plain"
        spool(path, found.sha256, plain, limits)
        try:
            sheets = sheets_of(plain, limits)
            sheet = chosen_sheet(sheets, None)
            rows = _rows(sheet)
        except Refused:
            raise
        except Exception:
            # The libraries raise whatever their XML and zip parts raise; the file is bad each time.
            raise Refused(
                "is no workbook that can be read; save it again as .xlsx or as CSV"
            ) from None
    if not rows:
        raise Refused(EMPTY)
    if len(sheets) > 1:
        hidden = " (hidden)"
        others = ", ".join(
            f"{printable(other.name)}{hidden if other.is_hidden else ''}"
            for other in sheets
            if other is not sheet
        )
        found.note(
            "guess",
            "sheet",
            f"'{sheet.name}' is read, the first that is shown and has a table; not {others}",
        )
    header, has_header, why = header_row([cells for _, cells in rows])
    row = rows[header][0]
    update: dict[str, Any] = {"sheet": sheet.name if sheet is not sheets[0] else None}
    if not has_header:
        update["header"] = False
    elif row > 1:
        update["header"] = row
    found.reader, found.has_header = found.reader.model_copy(update=update), has_header
    note_header(found, row, has_header, why)
    width = max((at for at, cell in enumerate(rows[header][1], 1) if cell), default=0)
    note_rows(found, [(number, list(cells[:width])) for number, cells in rows], header)
    return found


def _rows(sheet: Sheet) -> list[tuple[int, list[str | None]]]:
    """The sheet's first and last rows that are not blank."""
    filled = ((number, cells) for number, cells, _ in sheet.rows() if any(cells))
    head = list(itertools.islice(filled, HEAD_ROWS))
    return [*head, *deque(filled, TAIL_ROWS)]


def sniff_event_log(path: Path, limits: Limits, found: Sniffed, by_name: str | None) -> Sniffed:
    """An event log (XES). Raises Refused for other XML."""
    with TemporaryDirectory(prefix="sniff-", ignore_cleanup_errors=True) as folder:
        plain = Path(folder) / "plain"
        spool(path, found.sha256, plain, limits)
        with plain.open("rb") as stream:
            head = stream.read(1 << 16)
    if not is_event_log(head):
        refuse_foreign(head, None)
        raise Refused("is XML, but no event log (XES) and no workbook; export it as CSV or JSON")
    found.format = "xes"
    update = {"format": unless("xes", by_name), "encoding": "utf-8"}
    found.reader = found.reader.model_copy(update=update)
    found.note(
        "found",
        "format",
        "an event log: a row per event, its case's attributes beside it as case:…",
    )
    return found
