"""Format detection: from a raw file's bytes to the reader options that split it into rows and
columns.

Belongs here: compression, encoding, format, delimiter, quote, preamble, header. Not here: what the
values are (column_profile.py) and what the file is about (match_entity.py).
"""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import json
import re
import statistics
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from customer_intel.ingest.mapping.model import FixedField, Reader, format_of
from customer_intel.ingest.read.broken_csv import MAX_RECORD_CHARS
from customer_intel.ingest.read.open_file import Limits, Refused, open_landed, sha256_of, unpacked

HEAD_BYTES = 1 << 20
HEAD_ROWS = 400
DELIMITERS = (",", ";", "\t", "|", "^", "~")
# Bytes that windows-1252 does not define: a file that has them is no windows-1252.
_UNDEFINED_1252 = (0x81, 0x8D, 0x8F, 0x90, 0x9D)
_VALUE = re.compile(
    r"""[-+]?[\d.,']*\d[\d.,']*\s?[€$£%]? | [€$£]\s?[\d.,]+ | \d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ,].*)?
    | [^@\s]+@[^@\s]+\.[^@\s]+ | https?://\S+ | true|false
    | [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22} | (?=.*\d)[0-9a-f]{12,}""",
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True)
class Note:
    """One finding. `ask`: somebody must decide before a night reads the file; `guess`: likely, to be
    checked; `found`: plain to see.
    """

    level: Literal["found", "guess", "ask"]
    topic: str
    text: str
    # Source columns that it is about, where the mapping may do without them.
    columns: tuple[str, ...] = ()


@dataclass
class Sniffed:
    """How a file is to be read, and what was noticed on the way."""

    sha256: str
    size: int
    format: str
    reader: Reader
    compression: str | None = None
    has_header: bool = True
    notes: list[Note] = field(default_factory=list)

    def note(self, level: Literal["found", "guess", "ask"], topic: str, text: str) -> None:
        """Adds a finding."""
        self.notes.append(Note(level, topic, text))


def sniff(path: Path, limits: Limits) -> Sniffed:
    """Looks at the file's bytes. Raises Refused when it is of no format that can be read."""
    sha256, size = sha256_of(path)
    with open_landed(path) as raw:
        magic = raw.read(4)
    compression = (
        "gzip" if magic[:2] == b"\x1f\x8b" else "zstd" if magic == b"\x28\xb5\x2f\xfd" else None
    )
    # Always to the end: a truncated archive, or one bad byte at the file's end, must not surface on
    # the first night.
    head, encoding, marked = _decodable(path, sha256, limits)
    if not head.strip():
        raise Refused("is empty; an export without rows still has a header")
    by_name = format_of(path.name)
    if head[:4] == b"PAR1":
        return Sniffed(
            sha256, size, "parquet", Reader(format=_unless("parquet", by_name)), compression
        )
    if head[:4] == b"PK\x03\x04":
        found = Sniffed(sha256, size, "xlsx", Reader(format=_unless("xlsx", by_name)), compression)
        return _sniff_workbook(path, sha256, limits, found)
    text = head.decode(encoding, errors="ignore").removeprefix("\ufeff")
    found = Sniffed(sha256, size, "csv", Reader(encoding=encoding), compression)
    _note_encoding(found, encoding, marked)
    if text.lstrip()[:1] in ("{", "[") and (reader := _json_reader(text, by_name)):
        found.format, found.reader = "jsonl", reader.model_copy(update={"encoding": encoding})
        return found
    return _sniff_text(text, by_name, found)


def _unless(kind: str, by_name: str | None) -> Any:
    """reader.format only where the file's ending does not say it."""
    return None if kind == by_name else kind


# ---- encoding


def _decodable(path: Path, sha256: str, limits: Limits) -> tuple[bytes, str, bool]:
    """(first bytes, encoding, whether a byte order mark says so), decided on the whole file."""
    head = b""
    byte_counts = np.zeros(256, dtype=np.int64)
    decoder: Any = codecs.getincrementaldecoder("utf-8")()
    for chunk in unpacked(path, sha256, limits):
        head += chunk[: HEAD_BYTES - len(head)]
        byte_counts += np.bincount(np.frombuffer(chunk, dtype=np.uint8), minlength=256)
        try:
            if decoder:
                decoder.decode(chunk)
        except UnicodeDecodeError:
            decoder = None
    try:
        if decoder:
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        decoder = None
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return head, "utf-16", True
    # Western text in UTF-16 has a zero in every other byte; other text has none.
    if head[:4] not in (b"PAR1", b"PK\x03\x04") and byte_counts[0] > byte_counts.sum() / 5:
        return head, "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be", False
    if decoder:
        return head, "utf-8", head[:3] == codecs.BOM_UTF8
    return (
        head,
        "latin-1" if any(byte_counts[byte] for byte in _UNDEFINED_1252) else "windows-1252",
        False,
    )


def _note_encoding(found: Sniffed, encoding: str, marked: bool) -> None:
    if encoding in ("windows-1252", "latin-1"):
        found.note(
            "guess",
            "encoding",
            f"{encoding}: it is no UTF-8; see whether accented letters come out right",
        )
    elif encoding.startswith("utf-16-"):
        found.note(
            "guess",
            "encoding",
            f"{encoding}, by the place of its zero bytes; it has no byte order mark",
        )
    else:
        found.note("found", "encoding", encoding + (", with a byte order mark" if marked else ""))


# ---- text


def _json_reader(text: str, by_name: str | None) -> Reader | None:
    """Reader options of JSON Lines; None when the text only begins like JSON."""
    if text.lstrip()[:1] == "[":
        try:
            json.JSONDecoder().raw_decode(text.lstrip())
            whole = True
        except json.JSONDecodeError:
            whole = re.match(r"\s*\[\s*\{\s*\"", text) is not None
        if whole:
            raise Refused("is one JSON array; write one object per line (JSON Lines)")
        return None
    lines = [line for line in text.splitlines()[:-1] or [text] if line.strip()][:50]
    objects = 0
    for line in lines:
        try:
            objects += isinstance(json.loads(line), dict)
        except json.JSONDecodeError:
            continue
    if objects * 2 < len(lines):
        if re.match(r"\s*\{\s*\"", text):
            raise Refused(
                "is one JSON document over many lines; write one object per line (JSON Lines)"
            )
        return None
    return Reader(format=_unless("jsonl", by_name))


def _sniff_text(text: str, by_name: str | None, found: Sniffed) -> Sniffed:
    complete = text if len(text) < HEAD_BYTES // 2 else text[: text.rfind("\n") + 1]
    quote = _quote(complete)
    splits = {delimiter: _records(complete, delimiter, quote) for delimiter in DELIMITERS}
    ranked = sorted(splits, key=lambda delimiter: _steadiness(splits[delimiter]), reverse=True)
    delimiter, rows = ranked[0], splits[ranked[0]]
    if _steadiness(rows)[0] < 0.6:
        if fields := _fixed_fields(complete):
            return _sniff_fixed(complete, fields, found)
        # One column: whatever the delimiter, it must not stand in the text.
        delimiter, rows = ",", [(line, [",".join(cells)]) for line, cells in splits[","]]
        found.note("guess", "delimiter", "none found: the file is read as one column")
    header, has_header, why = header_row([cells for _, cells in rows])
    line = rows[header][0]
    kind: Any = None
    if by_name not in ("csv", "tsv") or (by_name == "tsv" and delimiter != "\t"):
        kind = "csv"
    update: dict[str, Any] = {"format": kind, "delimiter": delimiter, "quote": quote}
    if not has_header:
        update["header"] = False
    elif line > 1:
        update["header"] = line
    found.reader, found.has_header = found.reader.model_copy(update=update), has_header
    named = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}.get(delimiter, delimiter)
    found.note(
        "found", "delimiter", f"{named}, {'single' if quote == chr(39) else 'double'} quotes"
    )
    _note_header(found, line, has_header, why)
    return found


def _note_header(found: Sniffed, row: int, has_header: bool, why: str) -> None:
    if not has_header:
        found.note(
            "ask", "header",
            f"no row of names ({why}): columns are called column1, column2, …; ask the source for "
            "names, or read "
            "with a header if the first row holds them",
        )  # fmt: skip
        if row > 1:
            found.note(
                "ask",
                "header",
                f"{row - 1} lines stand above the data and will be quarantined as rows",
            )
        return
    if row > 1:
        found.note("found", "header", f"names in row {row}; {row - 1} lines above it are left out")
    found.note("found" if not why else "guess", "header", why or f"row {row} holds the names")


def _quote(text: str) -> str:
    """Double quotes, unless values stand in single ones and in no double ones."""
    # An apostrophe is no quote: single ones must prevail by far.
    around = {
        mark: len(re.findall(rf"(?:^|[,;\t|]){mark}[^{mark}\n]*{mark}(?=[,;\t|\r\n])", text))
        for mark in "\"'"
    }
    return "'" if around["'"] > 20 * max(around['"'], 0.05) else '"'


def _records(text: str, delimiter: str, quote: str) -> list[tuple[int, list[str]]]:
    """(line on which it begins, cells) of the first records that are not blank."""
    csv.field_size_limit(MAX_RECORD_CHARS)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quotechar=quote)
    rows, line = [], 1
    try:
        for cells in itertools.islice(reader, HEAD_ROWS):
            if any(cell.strip() for cell in cells):
                rows.append((line, [cell.strip() for cell in cells]))
            line = reader.line_num + 1
    except csv.Error:
        return rows
    return rows


def _steadiness(rows: Sequence[tuple[int, list[str]]]) -> tuple[float, int]:
    """(share of records with the usual number of cells, that number); a delimiter that never stands
    is no delimiter.
    """
    widths = Counter(len(cells) for _, cells in rows)
    width, count = max(widths.items(), key=lambda item: (item[1], item[0]), default=(1, 0))
    if width < 2:
        return 0.0, 1
    # Text above the header has other widths; of few rows it must not outvote the table.
    return round(count / max(len(rows) - min(len(rows) // 2, 10), count), 2), width


def header_row(rows: Sequence[Sequence[str | None]]) -> tuple[int, bool, str]:
    """(index of the first row of the table, whether it holds names, why when that is not plain)."""
    cells = [[(cell or "").strip() for cell in row] for row in rows]
    width = int(statistics.mode(sum(1 for cell in row if cell) for row in cells)) if cells else 0
    widest = max((len(row) for row in cells), default=0)
    full = [sum(1 for cell in row if cell) for row in cells]
    # A data row may have holes, a row of names hardly any.
    need = max(2, round(0.8 * width)) if widest > 1 else 1
    first = next((place for place, count in enumerate(full[:40]) if count >= need), 0)
    head, below = cells[first], cells[first + 1 : first + 200]
    valued = [place for place, cell in enumerate(head) if cell and _VALUE.fullmatch(cell)]
    if not below:
        return first, not valued, "one row only" if valued else ""
    columns = [
        [row[place] for row in below if place < len(row) and row[place]]
        for place in range(len(head))
    ]
    typed = [place for place, column in enumerate(columns) if _valued_share(column) > 0.6]
    filled = [cell.lower() for cell in head if cell]
    if valued and (
        len(valued) * 4 >= len(filled) or len(set(valued) & set(typed)) * 2 > len(typed)
    ):
        return first, False, "the first row holds values such as numbers or dates"
    if typed or len(set(head) - {""}) < 2:
        return first, True, ""
    repeated = sum(1 for place, cell in enumerate(head) if cell and cell in columns[place])
    if repeated * 4 >= len(filled) or len(set(filled)) < len(filled):
        return first, False, "the first row's values come again further down"
    return (
        first,
        True,
        f"row {first + 1} is taken for the names, but every column is text: look at it",
    )


def _valued_share(column: Sequence[str]) -> float:
    return sum(1 for cell in column if _VALUE.fullmatch(cell)) / len(column) if column else 0.0


# ---- fixed width


def _fixed_fields(text: str) -> list[tuple[int, int]]:
    """(start, end) of each field of lines that are aligned by spaces; empty when they are not."""
    lines = [line.rstrip("\r\n") for line in text.split("\n") if line.strip()][:5000]
    usual = statistics.mode(len(line) for line in lines)
    if len(lines) < 3 or sum(abs(len(line.rstrip()) - usual) <= 1 for line in lines) < 0.7 * len(
        lines
    ):
        return []
    width = max(len(line) for line in lines)
    grid = np.array([[character != " " for character in line.ljust(width)] for line in lines[1:]])
    is_filled = np.concatenate([[False], grid.any(axis=0), [False]])
    edges = np.flatnonzero(np.diff(is_filled.astype(int)))
    runs = list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
    if len(runs) < 2:
        return []
    ends = []
    for (_, end), (start, _) in itertools.pairwise(runs):
        # Values that all begin at one place are aligned to the left: the gap before them is the
        # former field's.
        ends.append(start if grid[:, start].mean() > 0.98 and start - end > 1 else end)
    return list(zip([0, *ends], [*ends, width], strict=True))


def _sniff_fixed(text: str, fields: list[tuple[int, int]], found: Sniffed) -> Sniffed:
    lines = [line.rstrip("\r\n") for line in text.split("\n") if line.strip()]
    first = [lines[0][start:end].strip() for start, end in fields]
    rows = [first, *([line[start:end].strip() for start, end in fields] for line in lines[1:200])]
    _, has_header, why = header_row(rows)
    names = (
        first
        if has_header and all(first)
        else [f"column{place}" for place in range(1, len(fields) + 1)]
    )
    widths = tuple(
        FixedField(name=name, width=end - start)
        for name, (start, end) in zip(names, fields, strict=True)
    )
    update = {"format": "fixed", "fields": widths, "header": True if has_header else None}
    found.format, found.has_header = "fixed", has_header
    found.reader = found.reader.model_copy(update=update)
    found.note(
        "guess",
        "format",
        f"fixed width, {len(fields)} fields cut at columns that are blank in every line",
    )
    _note_header(found, 1, has_header, why)
    return found


# ---- workbooks


def _sniff_workbook(path: Path, sha256: str, limits: Limits, found: Sniffed) -> Sniffed:
    import openpyxl

    from customer_intel.ingest.read.excel import _cell

    data = b"".join(unpacked(path, sha256, limits))
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(item.file_size for item in archive.infolist()) > limits.max_unpacked_bytes:
                raise Refused(
                    f"unpacks to more than {limits.max_unpacked_bytes:,} bytes (max_unpacked_bytes)"
                )
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        sheets = {
            sheet.title: [
                (number, [_cell(value) for value in row])
                for number, row in enumerate(
                    sheet.iter_rows(values_only=True, max_row=HEAD_ROWS), 1
                )
                if any(value is not None for value in row)
            ]
            for sheet in book.worksheets
        }
        book.close()
    except Refused:
        raise
    except Exception:
        # openpyxl raises whatever its XML and zip parts raise; the file is bad in each case.
        raise Refused("is no workbook that can be read; save it again as .xlsx or as CSV") from None
    first = next(iter(sheets))
    sheet = max(sheets, key=lambda name: (sum(len(row) for _, row in sheets[name]), name == first))
    rows = sheets[sheet]
    if not rows:
        raise Refused("is empty; an export without rows still has a header")
    if len(sheets) > 1:
        found.note("guess", "sheet", f"'{sheet}', the fullest of {', '.join(sheets)}")
    header, has_header, why = header_row([cells for _, cells in rows])
    row = rows[header][0]
    update: dict[str, Any] = {"sheet": sheet if sheet != first else None}
    if not has_header:
        update["header"] = False
    elif row > 1:
        update["header"] = row
    found.reader, found.has_header = found.reader.model_copy(update=update), has_header
    _note_header(found, row, has_header, why)
    return found
