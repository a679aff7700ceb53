"""Format detection: from a raw file's bytes to the reader options that split it into rows and
columns.

Belongs here: compression, encoding, format, delimiter, quote, fixed width. Not here: the rows of
names (sniff_header.py) and closing lines (sniff_closing.py), JSON (sniff_json.py), workbooks
(sniff_cells.py), what the values are (column_profile.py) and what the file is about
(match_entity.py).
"""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from customer_intel.ingest.advise.sniff_cells import (
    sniff_event_log,
    sniff_workbook,
    workbook_kind,
)
from customer_intel.ingest.advise.sniff_header import header_row
from customer_intel.ingest.advise.sniff_json import sniff_json
from customer_intel.ingest.advise.sniffed import Note, Sniffed, note_header, note_rows, unless
from customer_intel.ingest.mapping.model import FixedField, Reader, format_of
from customer_intel.ingest.mapping.reader_options import WORKBOOKS
from customer_intel.ingest.read.broken_csv import MAX_RECORD_CHARS
from customer_intel.ingest.read.foreign_formats import (
    beginning,
    is_compound,
    is_xml,
    refuse_foreign,
)
from customer_intel.ingest.read.open_file import (
    Limits,
    Refused,
    open_landed,
    printable,
    sha256_of,
    spool,
    unescaped,
    unpacked,
)
from customer_intel.ingest.read.zip_member import data_members, extract, is_workbook

__all__ = ["Note", "Sniffed", "sniff"]

HEAD_BYTES = 1 << 20
HEAD_ROWS = 400
TAIL_BYTES = 1 << 16
TAIL_ROWS = 60
DELIMITERS = (",", ";", "\t", "|", "^", "~")
# Bytes that windows-1252 does not define: a file that has them is no windows-1252.
_UNDEFINED_1252 = (0x81, 0x8D, 0x8F, 0x90, 0x9D)


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
    text = _decodable(path, sha256, limits)
    head = text.head
    if not head.removeprefix(codecs.BOM_UTF8).strip():
        raise Refused("is empty; an export without rows still has a header")
    by_name = format_of(path.name)
    if head[:4] == b"PAR1":
        return Sniffed(
            sha256, size, "parquet", Reader(format=unless("parquet", by_name)), compression
        )
    found = Sniffed(sha256, size, "csv", Reader(encoding=text.encoding), compression)
    is_archive = head[:4] == b"PK\x03\x04" and by_name not in WORKBOOKS
    if is_archive and not _is_workbook(path, sha256, limits):
        return _sniff_archive(path, limits, found)
    if is_compound(head):
        head = beginning(path)
    if kind := workbook_kind(head):
        return sniff_workbook(path, limits, found, kind, by_name)
    if is_xml(head):
        return sniff_event_log(path, limits, found, by_name)
    refuse_foreign(head, None if by_name in (*WORKBOOKS, "zip") else by_name)
    if _is_unknown(text):
        refuse_foreign(head, None)
    plain = head.decode(text.encoding, errors="ignore").removeprefix("\ufeff")
    _note_encoding(found, text.encoding, text.has_mark)
    if plain.lstrip()[:1] in ("{", "[") and sniff_json(path, limits, found, plain, by_name):
        return found
    return _sniff_text(plain, text, by_name, found)


def _is_unknown(text: _Text) -> bool:
    """Whether bytes that are no UTF-8 are hardly any other text."""
    return text.encoding == "latin-1"


def _is_workbook(path: Path, sha256: str, limits: Limits) -> bool:
    with _plain(path, sha256, limits) as plain:
        return is_workbook(plain)


@contextmanager
def _plain(path: Path, sha256: str, limits: Limits) -> Iterator[Path]:
    """The unpacked content in a private file."""
    with TemporaryDirectory(prefix="sniff-", ignore_cleanup_errors=True) as folder:
        plain = Path(folder) / "plain"
        spool(path, sha256, plain, limits)
        yield plain


def _sniff_archive(path: Path, limits: Limits, found: Sniffed) -> Sniffed:
    """A zip archive: what its only data file is; of several the largest, which somebody must decide."""
    with _plain(path, found.sha256, limits) as plain:
        members = data_members(plain)
        member = max(members, key=lambda name: members[name], default=None)
        only = len(members) == 1
        unpacked_file = extract(plain, None if only else member, plain.parent, limits)
        inner = sniff(unpacked_file, limits)
    name = PurePosixPath(member or "").name
    if not only:
        inner.reader = inner.reader.model_copy(update={"member": _open_name(name)})
        others = ", ".join(printable(other) for other in members if other != member)
        inner.note(
            "ask",
            "member",
            f"the archive holds {len(members)} data files: '{printable(name)}', the largest, is "
            f"read; for {others} copy the mapping and set reader.member",
        )
    else:
        inner.note("found", "member", f"the archive's only data file is '{printable(name)}'")
    inner.sha256, inner.size, inner.compression = found.sha256, found.size, "zip"
    return inner


def _open_name(name: str) -> str:
    """A member's name with its date or number left open."""
    literal_name = re.sub(r"[\[\]*?]", "?", name)
    return re.sub(r"\d{4}[-_.]?\d{2}([-_.]?\d{2}([-_T ]?\d{4,6})?)?|\d{6,}", "*", literal_name)


# ---- encoding


@dataclass(frozen=True)
class _Text:
    """A file's beginning and end, its encoding as the whole of it decides, and whether a byte order
    mark says so.
    """

    head: bytes
    tail: bytes
    encoding: str
    has_mark: bool = False


def _decodable(path: Path, sha256: str, limits: Limits) -> _Text:
    head, tail = b"", b""
    byte_counts = np.zeros(256, dtype=np.int64)
    decoder: Any = codecs.getincrementaldecoder("utf-8")()
    for chunk in unpacked(path, sha256, limits):
        head += chunk[: HEAD_BYTES - len(head)]
        tail = (tail + chunk)[-TAIL_BYTES:]
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
        return _Text(head, tail, "utf-16", has_mark=True)
    # Western text in UTF-16 has a zero in every other byte; other text has none.
    if head[:4] not in (b"PAR1", b"PK\x03\x04") and byte_counts[0] > byte_counts.sum() / 5:
        little = head[1::2].count(0) > head[::2].count(0)
        return _Text(head, tail, "utf-16-le" if little else "utf-16-be")
    if decoder:
        return _Text(head, tail, "utf-8", has_mark=head[:3] == codecs.BOM_UTF8)
    is_undefined = any(byte_counts[byte] for byte in _UNDEFINED_1252)
    return _Text(head, tail, "latin-1" if is_undefined else "windows-1252")


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


def _sniff_text(plain: str, text: _Text, by_name: str | None, found: Sniffed) -> Sniffed:
    complete = plain if len(plain) < HEAD_BYTES // 2 else plain[: plain.rfind("\n") + 1]
    quote = _quote(complete)
    escaped = quote if _has_escapes(complete, quote) else ""
    complete = _undone(complete, escaped)
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
    if escaped:
        update["escape"] = "\\"
        found.note("found", "escape", "a quote within a value stands behind a backslash")
    found.reader, found.has_header = found.reader.model_copy(update=update), has_header
    named = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}.get(delimiter, delimiter)
    found.note(
        "found", "delimiter", f"{named}, {'single' if quote == chr(39) else 'double'} quotes"
    )
    note_header(found, line, has_header, why)
    if len(complete) < HEAD_BYTES // 2:
        rows = _records(complete, delimiter, quote, None)
    else:
        end = _undone(text.tail.decode(text.encoding, errors="ignore"), escaped)
        rows = [*rows, *_records(end[end.find("\n") + 1 :], delimiter, quote, None)[-TAIL_ROWS:]]
    note_rows(found, rows, header)
    return found


def _has_escapes(text: str, quote: str) -> bool:
    """Whether quotes within values stand behind a backslash, and not doubled.

    Doubled quotes behind a backslash are JSON's own; one that ends a value ends it.
    """
    ends = rf"{quote}*\s*(?:[,;\t|]|\r?\n|$)"
    within = len(re.findall(rf"(?<!\\)\\{quote}(?!{ends})(?!{quote})", text))
    inner = rf"[^,;\t|\r\n{quote}]"
    return within > 0 and within >= len(re.findall(f"{inner}{quote * 2}{inner}", text))


def _undone(text: str, quote: str) -> str:
    """Text with doubled quotes for escaped ones, as the reader makes it."""
    sign = quote.encode()
    return unescaped(text.encode(), sign, is_last=True, by=sign * 2)[0].decode() if quote else text


def _quote(text: str) -> str:
    """Double quotes, unless values stand in single ones and in no double ones."""
    # An apostrophe is no quote: single ones must prevail by far.
    around = {
        mark: len(
            re.findall(rf"(?:^|[,;\t|]){mark}(?:\\{mark}|[^{mark}\n])*{mark}(?=[,;\t|\r\n])", text)
        )
        for mark in "\"'"
    }
    return "'" if around["'"] > 20 * max(around['"'], 0.05) else '"'


def _records(
    text: str, delimiter: str, quote: str, most: int | None = HEAD_ROWS
) -> list[tuple[int, list[str]]]:
    """(line on which it begins, cells) of the first records that are not blank."""
    csv.field_size_limit(MAX_RECORD_CHARS)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quotechar=quote)
    rows, line = [], 1
    try:
        for cells in itertools.islice(reader, most):
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
    note_header(found, 1, has_header, why)
    return found
