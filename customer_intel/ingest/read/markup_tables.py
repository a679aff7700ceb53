"""Tables in markup: HTML that is saved as .xls, SpreadsheetML of Excel 2003, and event logs (XES).

Belongs here: from tags to rows of cells. Not here: which table is read and what its columns are
(excel.py).
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

from customer_intel.ingest.read.foreign_formats import HEAD
from customer_intel.ingest.read.open_file import Refused
from customer_intel.ingest.read.text_table import TextTable, column_names, rows_sql, write_rows

Grid = list[tuple[int, list[str | None]]]
_CHARSET = re.compile(rb"charset\s*=\s*[\"']?([\w-]+)", re.IGNORECASE)
# A cell that says that it spans more columns or rows than this was not written by a report.
MAX_SPAN = 1000
_SHEET = "{urn:schemas-microsoft-com:office:spreadsheet}"
_DAMAGED = "is XML that is cut off or damaged; send it again"


# ---- HTML


def html_tables(content: bytes, encoding: str) -> dict[str, Grid]:
    """Name → rows of each table of a page; a table within another is one of its own."""
    parser = _Tables()
    parser.feed(_decoded(content, encoding))
    parser.close()
    return {f"table {at}": rows for at, rows in enumerate(parser.tables, 1)}


def _decoded(content: bytes, encoding: str) -> str:
    said = _CHARSET.search(content[:HEAD])
    named = [encoding] if encoding != "utf-8" else []
    named += [said[1].decode()] if said else []
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        named = ["utf-16"]
    for name in [*named, "utf-8-sig"]:
        try:
            return content.decode(name)
        except (LookupError, UnicodeError):
            continue
    return content.decode("windows-1252", errors="replace")


class _Tables(HTMLParser):
    """Collects the cells of each table."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[Grid] = []
        # Tables that are open, the innermost last: (rows, columns → rows for which a cell above
        # still covers them).
        self.open: list[tuple[Grid, dict[int, int]]] = []
        self.row: list[str | None] | None = None
        self.cell: list[str] | None = None
        self.span = (1, 1)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "table":
            self._end_row()
            rows: Grid = []
            self.tables.append(rows)
            self.open.append((rows, {}))
        elif tag == "tr" and self.open:
            self._end_row()
            self.row = []
        elif tag in ("td", "th") and self.open:
            self._end_cell()
            self.row = [] if self.row is None else self.row
            # Excel writes the number itself beside the one it shows.
            self.cell, number = [], given.get("x:num")
            if number:
                self.cell = [number, "\0"]
            self.span = _span(given.get("colspan")), _span(given.get("rowspan"))
        elif tag == "br" and self.cell is not None:
            self.cell.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._end_cell()
        elif tag == "tr":
            self._end_row()
        elif tag == "table" and self.open:
            self._end_row()
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.cell is not None:
            self.cell.append(data)

    def close(self) -> None:
        """Ends what a page that was cut off left open."""
        super().close()
        self._end_row()

    def _end_cell(self) -> None:
        if self.cell is None or self.row is None:
            return
        shown, covered = "".join(self.cell), self.open[-1][1]
        text = shown.split("\0")[0] if "\0" in shown else _words(shown)
        self._skip_covered()
        for place in range(len(self.row), len(self.row) + self.span[0]):
            if self.span[1] > 1:
                covered[place] = self.span[1]
        self.row += [text or None, *[None] * (self.span[0] - 1)]
        self.cell = None

    def _skip_covered(self) -> None:
        assert self.row is not None
        while self.open[-1][1].get(len(self.row), 0) > 0:
            self.row.append(None)

    def _end_row(self) -> None:
        self._end_cell()
        if self.row is None or not self.open:
            return
        rows, covered = self.open[-1]
        rows.append((len(rows) + 1, self.row))
        for place in list(covered):
            covered[place] -= 1
        self.row = None


def _span(text: str | None) -> int:
    return min(max(int(text), 1), MAX_SPAN) if text and text.strip().isdecimal() else 1


def _words(text: str) -> str:
    """A cell's text: line ends and runs of spaces of the markup are one space."""
    return " ".join(text.split())


# ---- SpreadsheetML


def spreadsheet_ml(plain: Path) -> dict[str, tuple[Grid, bool]]:
    """Name → (rows, whether it is hidden) of each worksheet. Raises Refused for damaged XML."""
    found: dict[str, tuple[Grid, bool]] = {}
    rows: Grid = []
    for element in _ended(plain):
        if element.tag == f"{_SHEET}Row":
            above = rows[-1][0] if rows else 0
            number = int(element.get(f"{_SHEET}Index") or above + 1)
            rows.append((number, _cells(element)))
            element.clear()
        elif element.tag == f"{_SHEET}Worksheet":
            visible = element.findtext(".//{urn:schemas-microsoft-com:office:excel}Visible") or ""
            name = element.get(f"{_SHEET}Name") or f"Sheet{len(found) + 1}"
            found[name] = rows, visible in ("SheetHidden", "SheetVeryHidden")
            rows = []
            element.clear()
    return found


def _cells(row: ElementTree.Element) -> list[str | None]:
    values: list[str | None] = []
    for cell in row.findall(f"{_SHEET}Cell"):
        place = min(int(cell.get(f"{_SHEET}Index") or len(values) + 1), 20_000)
        values += [None] * (place - 1 - len(values))
        data = cell.find(f"{_SHEET}Data")
        text = "".join(data.itertext()) if data is not None else ""
        kind = data.get(f"{_SHEET}Type") if data is not None else None
        if kind == "DateTime":
            text = text.replace("T", " ").removesuffix(".000")
        elif kind == "Boolean":
            text = "true" if text == "1" else "false"
        values.append(text or None)
        values += (
            [None]
            * _span(cell.get(f"{_SHEET}MergeAcross") or "0")
            * (cell.get(f"{_SHEET}MergeAcross") is not None)
        )
    return values


def _ended(plain: Path) -> Iterator[ElementTree.Element]:
    """Each element once its end was read. Raises Refused for damaged XML and for entities, by which
    a small file can unfold to any size.
    """
    with plain.open("rb") as stream:
        if b"<!ENTITY" in stream.read(1 << 16).replace(b"\x00", b""):
            raise Refused("is XML that defines entities of its own; export it without a DTD")
        stream.seek(0)
        try:
            # Entities are refused above, and expat itself bounds what they unfold to.
            for _, element in ElementTree.iterparse(stream):  # noqa: S314
                yield element
        except (ElementTree.ParseError, ValueError, LookupError):
            raise Refused(_DAMAGED) from None


# ---- XES


def read_xes(plain: Path, out: Path) -> TextTable:
    """An event log: a row per event, its attributes and those of its case (`case:concept:name`) as
    columns. Raises Refused.
    """
    keys: dict[tuple[bool, str], None] = {}
    without = 0
    for case, events in _traces(plain):
        without += not events
        for attributes in ((case, True), *((event, False) for event in events)):
            keys.update(dict.fromkeys((attributes[1], key) for key in attributes[0]))
    if not any(not is_case for is_case, _ in keys):
        raise Refused("is an event log without events; land no file when there is nothing to send")
    wanted = sorted(keys, key=lambda key: not key[0])
    columns = column_names([f"case:{key}" if is_case else key for is_case, key in wanted])

    def rows() -> Iterator[tuple[int, list[str | None]]]:
        number = itertools.count(1)
        for case, events in _traces(plain):
            for event in events:
                yield (
                    next(number),
                    [(case if is_case else event).get(key) for is_case, key in wanted],
                )

    count = write_rows(out, columns, rows())
    notes = (f"{without:,} cases have no event, and so no row",) if without else ()
    return TextTable(rows_sql(out), columns, count, notes=(*columns.notes, *notes))


def _traces(plain: Path) -> Iterator[tuple[dict[str, str], list[dict[str, str]]]]:
    is_log = False
    for element in _ended(plain):
        kind = element.tag.rpartition("}")[2]
        is_log = is_log or kind in ("log", "trace", "event")
        if kind == "trace":
            events = [part for part in element if part.tag.rpartition("}")[2] == "event"]
            yield _attributes(element), [_attributes(event) for event in events]
            element.clear()
    if not is_log:
        raise Refused("is XML, but no event log (XES); export it as CSV or JSON")


def _attributes(element: ElementTree.Element) -> dict[str, str]:
    """key → value, attributes of attributes as `key.inner`, lists as JSON."""
    found: dict[str, str] = {}
    for part in element:
        key, value = part.get("key"), part.get("value")
        kind = part.tag.rpartition("}")[2]
        if key is None or kind in ("event", "global", "classifier", "extension"):
            continue
        if kind in ("list", "container"):
            found[key] = json.dumps([_attributes(item) for item in part], ensure_ascii=False)
            continue
        if value is not None:
            found[key] = value
        found.update((f"{key}.{inner}", text) for inner, text in _attributes(part).items())
    return found
