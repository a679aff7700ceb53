"""Safe opening of landed files: bytes checked, hashed and unpacked into a private folder, and
nothing lost on the way.

Belongs here: safe opening, hashing, unpacking, encoding, the independent count of records. Not
here: how the text falls into rows and columns (readers.py).
"""

from __future__ import annotations

import codecs
import contextlib
import gzip
import hashlib
import io
import os
import stat
import zlib
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from customer_intel.ingest.read.encodings import Utf8Witness, contradiction, likely

CHUNK = 1 << 22
# Bytes per step: with the arrays made of them, they fit into a core's cache.
WINDOW = 1 << 18
# Small files may be as repetitive as they like; a bomb only matters once it is big.
RATIO_FREE_BYTES = 64 << 20


ARCHIVES = (".gz", ".zst", ".zstd")
SHOWN_CHARS = 80


def printable(name: str, limit: int = SHOWN_CHARS) -> str:
    """A column's or file's name as a message may hold it: on one line, without characters that
    steer a terminal.
    """
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
    return text if len(text) <= limit else f"{text[:limit]}…"


class Refused(Exception):
    """A file cannot be taken as a whole. The reason is one line and holds no value of the file."""

    def __init__(self, reason: str, *, row: int | None = None, column: str | None = None) -> None:
        super().__init__(reason)
        self.reason, self.row, self.column = reason, row, column


@dataclass(frozen=True)
class Limits:
    """What an archive may unpack to, in bytes and times its packed size; how many columns a file
    may have.
    """

    max_unpacked_bytes: int = 20_000_000_000
    max_ratio: int = 200
    max_columns: int = 20_000

    @staticmethod
    def of(config: Mapping[str, Any]) -> Limits:
        """As the settings of ingest say."""
        most = int(config.get("max_columns", Limits.max_columns))
        return Limits(int(config["max_unpacked_bytes"]), int(config["max_ratio"]), most)

    def check_columns(self, count: int, remedy: str = "land fewer columns") -> None:
        """Raises Refused for more columns than a file may have."""
        if count > self.max_columns:
            raise Refused(
                f"has {count:,} columns, more than max_columns {self.max_columns:,}; {remedy}, or set "
                "max_columns in config/ingest.yaml"
            )


def open_landed(path: Path) -> io.BufferedReader:
    """Opens a regular file, never a link, a pipe or a device, and never waits for one. Raises
    Refused.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        why = (
            "is a symbolic link; land the file itself"
            if path.is_symlink()
            else "does not exist; look at its path"
            if isinstance(error, FileNotFoundError | NotADirectoryError)
            else f"cannot be opened ({error.strerror}); grant the permission"
        )
        raise Refused(why) from None
    info = os.fstat(handle)
    # A file of two names may be changed through the other one while it is read.
    if not stat.S_ISREG(info.st_mode) or info.st_nlink != 1:
        os.close(handle)
        raise Refused("is not a regular file with one name; land a copy of the file itself")
    return os.fdopen(handle, "rb")


def sha256_of(path: Path) -> tuple[str, int]:
    """(hex digest, bytes) of a landed file. Raises Refused."""
    with open_landed(path) as stream:
        digest = hashlib.file_digest(stream, "sha256")
        return digest.hexdigest(), stream.tell()


class _Hashed(io.RawIOBase):
    """A stream that knows the hash and size of what was read through it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream, self.digest, self.size = stream, hashlib.sha256(), 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self.stream.read(size)
        self.digest.update(data)
        self.size += len(data)
        return data

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def unpacked(path: Path, sha256: str, limits: Limits) -> Iterator[bytes]:
    """The file's content in chunks, gzip and zstd undone by what the bytes are, checksums verified.

    Raises Refused for a truncated or corrupt archive, a bomb, or a file that is no longer the one
    that was hashed.
    """
    with open_landed(path) as raw:
        magic = raw.read(4)
        raw.seek(0)
        hashed = _Hashed(raw)
        source: IO[bytes] = io.BufferedReader(hashed, CHUNK)
        packed = True
        if magic[:2] == b"\x1f\x8b":
            stream: IO[bytes] = gzip.GzipFile(fileobj=source, mode="rb")  # type: ignore[assignment]
        elif magic == b"\x28\xb5\x2f\xfd":
            stream = pa.CompressedInputStream(pa.PythonFile(source, mode="r"), "zstd")
        elif path.suffix.lower() in ARCHIVES:
            raise Refused(
                f"is named {path.suffix} but is no such archive; send it again, or name it for "
                "what it is"
            )
        else:
            stream, packed = hashed, False  # type: ignore[assignment]
        size = 0
        try:
            while chunk := stream.read(CHUNK):
                size += len(chunk)
                if size > limits.max_unpacked_bytes:
                    most = f"{limits.max_unpacked_bytes:,} bytes"
                    raise Refused(
                        f"unpacks to more than {most}; set max_unpacked_bytes if it is sound"
                    )
                if (
                    packed
                    and size > RATIO_FREE_BYTES
                    and size > limits.max_ratio * max(hashed.size, 1)
                ):
                    raise Refused(
                        f"unpacks to more than {limits.max_ratio} times its size; set max_ratio "
                        "if it is sound"
                    )
                yield chunk
        except (OSError, EOFError, zlib.error):
            raise Refused("is a truncated or corrupt archive; send it again") from None
        # Bytes after the end of an archive belong to the file that was hashed.
        while source.read(CHUNK):
            pass
        if hashed.digest.hexdigest() != sha256:
            raise Refused("changed while it was being read; run again when it is complete")


def first_bytes(path: Path, size: int = 8192) -> bytes:
    """The beginning of the unpacked content; empty where an archive is cut off within it. Raises
    Refused for a file that cannot be opened.
    """
    with open_landed(path) as raw, contextlib.suppress(OSError, EOFError, zlib.error):
        magic = raw.read(4)
        raw.seek(0)
        if magic[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=raw, mode="rb") as stream:
                return stream.read(size)
        if magic == b"\x28\xb5\x2f\xfd":
            packed = pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd")
            return bytes(packed.read(size))
        return raw.read(size)
    return b""


def create_private(target: Path) -> IO[bytes]:
    """A new file that only its owner can read."""
    return os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def spool(path: Path, sha256: str, target: Path, limits: Limits) -> None:
    """Writes the unpacked content, as it is, to a private file. Raises Refused."""
    with create_private(target) as out:
        for chunk in unpacked(path, sha256, limits):
            out.write(chunk)


class RecordCounter:
    """Counts delimited records without parsing them: line ends outside quotes, blank lines left
    out.

    A second opinion on the reader: a disagreement means that the file is not plain, and it is read
    line by line.
    """

    def __init__(self, quote: str) -> None:
        self._quote = ord(quote) if quote else None
        self._open = 0
        self._length, self._last = 0, 0
        self.quoted_ends = 0
        # Records whose end was met, and where in the last chunk the last of them ends; 0 if none
        # ends there.
        self.ended = self.boundary = 0
        # Bytes of the longest of them.
        self.longest = 0

    def feed(self, chunk: bytes) -> None:
        """Counts the records that end in the next chunk of text."""
        self.boundary = 0
        data = np.frombuffer(chunk, dtype=np.uint8)
        is_quoted = self._quote is not None and bytes([self._quote]) in chunk
        for start in range(0, len(data), WINDOW):
            self._feed(data[start : start + WINDOW], start, is_quoted=is_quoted)

    def _feed(self, data: npt.NDArray[np.uint8], start: int, *, is_quoted: bool) -> None:
        ends: npt.NDArray[np.intp] = np.flatnonzero(data == 10)
        if self._open or is_quoted:
            quotes = np.flatnonzero(data == self._quote)
            found = len(ends)
            ends = ends[(np.searchsorted(quotes, ends) + self._open) % 2 == 0]
            self.quoted_ends += found - len(ends)
            self._open = (self._open + len(quotes)) % 2
        if not len(ends):
            self._length, self._last = self._length + len(data), int(data[-1])
            return
        self.boundary = start + int(ends[-1]) + 1
        lengths = np.diff(ends, prepend=-1) - 1
        short = np.flatnonzero(lengths <= 1)
        before = np.where(lengths[short] > 0, data[ends[short] - 1], 0)
        if lengths[0] == 0 and self._length:
            before[0] = self._last
        lengths[0] += self._length
        self.longest = max(self.longest, int(lengths.max()))
        blank = (lengths[short] == 0) | ((lengths[short] == 1) & (before == 13))
        self.ended += int(len(ends) - blank.sum())
        self._length = len(data) - int(ends[-1]) - 1
        self._last = int(data[-1])

    @property
    def records(self) -> int:
        """Records so far, with one that has no line end yet."""
        unended = self._length > 0 and not (self._length == 1 and self._last == 13)
        return self.ended + int(unended)


# Encodings in which bytes below 128 are ASCII, and nothing else is encoded with them.
_ASCII = ("utf-8", "cp1252", "iso8859-1", "iso8859-15", "ascii")


def decoded(
    path: Path, sha256: str, limits: Limits, encoding: str, skip: int, escaped: str = ""
) -> Generator[bytes]:
    """The text as UTF-8 without byte order mark, in chunks, less `skip` lines. A quote of the kind
    `escaped` behind a backslash is ESCAPED.

    Raises Refused for bytes that are not of the encoding, and for NUL.
    """
    try:
        name = codecs.lookup(encoding).name
    except LookupError:
        raise Refused(
            f"reader.encoding '{encoding}' is unknown; use utf-8, windows-1252, latin-1 or utf-16"
        ) from None
    decoder = codecs.getincrementaldecoder("utf-8-sig" if name == "utf-8" else name)()
    n_read, held = 0, b""
    witness = Utf8Witness() if name in _ASCII and name not in ("utf-8", "ascii") else None
    for chunk in chain(unpacked(path, sha256, limits), [b""]):
        if not n_read and (said := contradiction(chunk, name)):
            raise Refused(said)
        if not n_read and chunk[:4] == b"PK\x03\x04":
            raise Refused("is a zip archive; land the file that is in it")
        if witness:
            witness.feed(chunk, final=not chunk)
        if n_read and chunk and name in _ASCII and chunk.isascii() and not decoder.getstate()[0]:
            data = chunk
        else:
            try:
                data = decoder.decode(chunk, final=not chunk).encode()
            except UnicodeError as error:  # of UTF-16 without its mark a plain one
                hint = (
                    f"set reader.encoding, such as {likely(chunk)}"
                    if name == "utf-8"
                    else "set another reader.encoding"
                )
                raise Refused(
                    f"is not {name} (near byte {n_read + getattr(error, 'start', 0) + 1:,}); {hint}"
                ) from None
        n_read += len(chunk)
        if b"\x00" in data:
            raise Refused(
                "holds NUL bytes; it is no text or was cut off by a full disk; send it again"
            )
        while skip and data:
            _, end, data = data.partition(b"\n")
            skip -= bool(end)
        if escaped:
            data, held = unescaped(held + data, escaped.encode(), is_last=not chunk)
        if data:
            yield data
    if witness and witness.is_sure:
        raise Refused(f"is UTF-8, not {name}; set reader.encoding: utf-8")


# Stands for an escaped quote until rows are split, for a doubled one means nothing in a value
# without quotes around it. No text holds this character: it is none.
ESCAPED = "\ufdd0"


def unescaped(
    text: bytes, quote: bytes, *, is_last: bool, by: bytes = ESCAPED.encode()
) -> tuple[bytes, bytes]:
    """(text with `by` for escaped quotes, what belongs to the next chunk). A backslash before
    anything but a quote or another backslash is one.
    """
    open_end = (len(text) - len(text.rstrip(b"\\"))) % 2 and not is_last
    whole, held = (text[:-1], text[-1:]) if open_end else (text, b"")
    # NUL marks the place of a backslash: no text that comes this far holds one.
    plain = whole.replace(b"\\\\", b"\x00").replace(b"\\" + quote, by).replace(b"\x00", b"\\")
    return plain, held


def spool_text(
    path: Path,
    sha256: str,
    target: Path,
    limits: Limits,
    encoding: str,
    quote: str,
    skip: int,
    escaped: str = "",
) -> tuple[int, int]:
    """Writes the text as UTF-8, less `skip` lines. Returns (records, line ends within quotes).
    Raises Refused.
    """
    counter = RecordCounter(quote)
    with create_private(target) as out:
        for data in decoded(path, sha256, limits, encoding, skip, escaped):
            counter.feed(data)
            out.write(data)
    return counter.records, counter.quoted_ends
