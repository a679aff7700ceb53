"""Pieces of delimited text, cut between records and split into columns, where there is only one way
to split it.

Belongs here: pieces of a large file as tables of text, `_row` first. Not here: what they mean
(large_csv.py), and text that is broken in some way (readers.py, broken_csv.py): whatever a strict
reader would stumble over raises NeedsGeneralPath.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from customer_intel.ingest.mapping.model import Reader, format_of
from customer_intel.ingest.read.broken_csv import MAX_RECORD_CHARS
from customer_intel.ingest.read.encodings import is_misread
from customer_intel.ingest.read.open_file import (
    ARCHIVES,
    ESCAPED,
    WINDOW,
    Limits,
    RecordCounter,
    Refused,
    decoded,
    open_landed,
)
from customer_intel.ingest.read.readers import header_of
from customer_intel.ingest.read.row_evidence import SAMPLE_CHARS, RowEvidence
from customer_intel.ingest.read.second_header import holds_header
from customer_intel.ingest.read.text_table import ColumnNames

# Typical ratio of unpacked to packed text.
PACKED = 8
HEADER_BYTES = 1 << 20
BLOCK = 4 << 20
# Longest record in bytes: it must fit into a block and into the strict reader's limit.
LONGEST = min(BLOCK, MAX_RECORD_CHARS) // 4


class NeedsGeneralPath(Exception):
    """The fast path must not decide: only the general path can tell what becomes of the file."""


@dataclass(frozen=True)
class LargeFile:
    """A file to be taken piecewise. `piece_bytes`: at least so many make a piece."""

    path: Path
    sha256: str
    limits: Limits
    piece_bytes: int


@dataclass(frozen=True)
class Dialect:
    """How delimited text is split: single ASCII delimiter and quote, header, lines to skip,
    encoding.
    """

    delimiter: str
    quote: str
    header: bool
    skip: int
    encoding: str
    escaped: str = ""

    @classmethod
    def of(cls, path: Path, reader: Reader) -> Dialect | None:
        """None where the file is no text delimited by single characters."""
        kind = reader.format or format_of(path.name)
        # Rows to be left out, and names in several rows, take the general path.
        if kind not in ("csv", "tsv") or reader.skip_rows or reader.header_rows > 1:
            return None
        if reader.member is not None or format_of(path.name) == "zip":
            return None
        delimiter = reader.parted_by(kind)
        plain = (
            len(delimiter) == 1 and len(reader.quote) < 2 and (delimiter + reader.quote).isascii()
        )
        if not plain:
            return None
        header = reader.header_row(kind)
        return cls(
            delimiter,
            reader.quote,
            bool(header),
            max(header - 1, 0),
            reader.encoding,
            reader.escaped,
        )

    def columns(self, start: bytes) -> ColumnNames:
        """By the beginning of the text. Raises Refused."""
        stream = io.StringIO(start[:HEADER_BYTES].decode(errors="ignore"), newline="")
        return header_of(stream, self.delimiter, self.quote, self.header)


def worthwhile(path: Path, threshold: int) -> bool:
    """Whether the file, unpacked, is likely to be at least `threshold` bytes."""
    packed = PACKED if path.suffix.lower() in ARCHIVES else 1
    return path.stat().st_size * packed >= threshold


def peeked(file: LargeFile, dialect: Dialect) -> tuple[str, ...] | None:
    """The columns by the file's first chunk; None where it takes more than a look."""
    if file.path.suffix.lower() not in ARCHIVES and not _ends_whole(file.path, dialect):
        return None
    try:
        with contextlib.closing(_chunks(file, dialect)) as chunks:
            columns = dialect.columns(next(chunks, b""))
            # Names that had to be told apart are said, which the general path does.
            is_wide = len(columns) > file.limits.max_columns
            is_odd = is_wide or any(ESCAPED in name for name in columns)
            return None if columns.notes or is_odd else columns
    except Refused:
        return None


def _ends_whole(path: Path, dialect: Dialect) -> bool:
    """Whether a file's last bytes are a line end or a quote."""
    with open_landed(path) as stream:
        stream.seek(max(path.stat().st_size - 4, 0))
        # Of a wide encoding, zeros are the other half.
        last = stream.read().rstrip(b"\x00")[-1:]
    return last in (b"\n", dialect.quote.encode())


def row_evidence(file: LargeFile, columns: tuple[str, ...], dialect: Dialect) -> RowEvidence:
    """What the beginning of the text tells of its rows. Raises Refused."""
    start = b""
    with contextlib.closing(_chunks(file, dialect)) as chunks:
        for chunk in chunks:
            start += chunk
            # A character takes four bytes at most: the sample is what the general path takes.
            if len(start) >= 4 * SAMPLE_CHARS:
                break
    text = start.decode(errors="ignore")[:SAMPLE_CHARS]
    return RowEvidence(text, columns, dialect.delimiter, dialect.quote)


@dataclass(frozen=True)
class Piece:
    """Whole records. `before`: rows in earlier pieces; `folded`: whether a line ends within quotes."""

    text: bytes
    header: bool
    before: int
    rows: int
    folded: bool


def pieces(file: LargeFile, dialect: Dialect) -> Iterator[Piece]:
    """The text cut between records, as the independent count sees them.

    Raises NeedsGeneralPath for a record too long for a block, Refused for what cannot be opened.
    """
    counter = RecordCounter(dialect.quote)
    chunks = _chunks(file, dialect)
    end = b""
    rest, done, folded, last = b"", int(dialect.header), 0, False
    while not last:
        header, last, parts, size = dialect.header and not counter.ended, True, [rest], len(rest)
        for data in chunks:
            counter.feed(data)
            # What is said of such text, the general path says.
            if is_misread(data):
                raise NeedsGeneralPath
            end = data[-1:] or end
            size += len(data)
            if size >= file.piece_bytes and counter.boundary and counter.ended > done:
                parts.append(data[: counter.boundary])
                rest, last = data[counter.boundary :], False
                break
            # No record has ended for so long: a quote was opened and never closed.
            if size > 2 * file.piece_bytes + 4 * MAX_RECORD_CHARS:
                raise NeedsGeneralPath
            parts.append(data)
        # A text without a last line end may be cut off.
        if counter.longest > LONGEST or (last and end not in (b"\n", dialect.quote.encode())):
            raise NeedsGeneralPath
        records = counter.records if last else counter.ended
        if records > done or header:
            yield Piece(
                b"".join(parts),
                header,
                done - int(dialect.header),
                records - done,
                counter.quoted_ends > folded,
            )
        done, folded = records, counter.quoted_ends


def _chunks(file: LargeFile, dialect: Dialect) -> Generator[bytes]:
    return decoded(
        file.path, file.sha256, file.limits, dialect.encoding, dialect.skip, dialect.escaped
    )


def split(piece: Piece, columns: tuple[str, ...], dialect: Dialect) -> pa.Table:
    """The piece's rows as text, numbered. Raises NeedsGeneralPath where a strict reader may see
    other rows, or none.
    """
    if piece.before == 0 and dialect.columns(piece.text) != columns:
        raise NeedsGeneralPath
    if dialect.quote and not _well_quoted(piece.text, dialect):
        raise NeedsGeneralPath
    try:
        table = csv.read_csv(
            pa.BufferReader(piece.text),
            csv.ReadOptions(
                use_threads=False,
                block_size=BLOCK,
                column_names=columns,
                skip_rows_after_names=int(piece.header),
            ),
            csv.ParseOptions(
                delimiter=dialect.delimiter,
                quote_char=dialect.quote or False,
                newlines_in_values=piece.folded,
            ),
            csv.ConvertOptions(
                check_utf8=False,
                column_types=dict.fromkeys(columns, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
    except pa.ArrowException:
        raise NeedsGeneralPath from None
    if len(table) != piece.rows or (dialect.header and holds_header(table, columns)):
        raise NeedsGeneralPath
    if dialect.escaped and ESCAPED.encode() in piece.text:
        texts = [pc.replace_substring(each, ESCAPED, dialect.quote) for each in table.columns]
        table = pa.table(texts, names=table.column_names)
    return table.add_column(
        0, "_row", pa.array(np.arange(piece.before + 1, piece.before + piece.rows + 1))
    )


def _well_quoted(text: bytes, dialect: Dialect) -> bool:
    """Whether each quote begins a value, ends one, or is one of two within one."""
    quote = dialect.quote.encode()
    if quote not in text:
        return True
    data = np.frombuffer(text, np.uint8)
    starts = range(0, len(data), WINDOW)
    found = np.concatenate(
        [np.flatnonzero(data[start : start + WINDOW] == quote[0]) + start for start in starts]
    )
    if len(found) % 2:
        return False
    opening, closing = found[0::2], found[1::2]
    before = data[np.maximum(opening - 1, 0)]
    # Both ends of the text count as line ends.
    before[opening == 0] = 10
    after = data[np.minimum(closing + 1, len(data) - 1)]
    after[closing == len(data) - 1] = 10
    ends = [quote[0], ord(dialect.delimiter), 10]
    return bool(np.isin(before, ends).all() and np.isin(after, [*ends, 13]).all())


def padded(values: pa.ChunkedArray) -> bool:
    """Whether a text may be blank or have white space around it; never false for one that is or
    has.
    """
    for chunk in values.chunks:
        if pc.min(pc.binary_length(chunk)).as_py() == 0:
            return True
        _, places, content = chunk.buffers()
        ends = np.frombuffer(places, np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
        if not content or not len(ends) or not ends[-1]:
            continue
        data = np.frombuffer(content, np.uint8)[: ends[-1]]
        # An empty value yields a neighbour's byte, which is looked at anyway.
        first, last = data.take(ends[:-1], mode="clip"), data.take(ends[1:] - 1, mode="clip")
        # 0xC2 0xA0 is the no-break space; either byte may be part of another character, so this may
        # say true too often.
        if (
            (first <= 32).any()
            or (last <= 32).any()
            or (first == 0xC2).any()
            or (last == 0xA0).any()
        ):
            return True
    return False
