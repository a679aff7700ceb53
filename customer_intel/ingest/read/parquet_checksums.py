"""Parquet's own page checksums, which neither DuckDB nor a plain read compares: a flipped bit comes
back as a value.

Belongs here: a file's footer and pages, read byte by byte, since pyarrow ends the process on some
damaged footers. Not here: what the pages say (readers.py). A file written without checksums
(pyarrow's and DuckDB's default; Spark and Java write them) can only be walked: most damage to its
values cannot be told by anybody.
"""

from __future__ import annotations

import mmap
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from customer_intel.ingest.read.open_file import Refused, printable

_MAGIC = b"PAR1"
_CORRUPT = "is a truncated or corrupt Parquet file; send it again"
# Numbers of fields in Parquet's definition: of a page header and the three kinds of page within it,
# ...
_STORED, _CRC, _DATA, _DATA_V2, _VALUES = 3, 4, 5, 8, 1
# ... of the footer, a schema's element, a row group, a column chunk and its metadata.
_SCHEMA, _ROWS, _GROUPS = 2, 3, 4
_NAME, _CHILDREN = 4, 5
_CHUNKS, _GROUP_ROWS, _META = 1, 3, 3
_PATH, _CHUNK_VALUES, _CHUNK_BYTES, _FIRST_DATA, _DICTIONARY = 3, 5, 7, 9, 11


@dataclass(frozen=True)
class Footer:
    """The columns as the file names them, doubled names included, and its rows."""

    names: tuple[str, ...]
    rows: int


def checked_footer(plain: Path) -> Footer:
    """Walks every page of every column. Raises Refused where one has another checksum, size or
    count than it says.
    """
    if plain.stat().st_size < 12:
        raise Refused(_CORRUPT)
    with plain.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        view = memoryview(data)
        try:
            return _checked(view)
        except (LookupError, TypeError, ValueError, AttributeError):
            raise Refused(_CORRUPT) from None
        finally:
            view.release()


def _checked(view: memoryview) -> Footer:
    if view[:4] != _MAGIC or view[-4:] != _MAGIC:
        raise IndexError
    start = len(view) - 8 - int.from_bytes(view[-8:-4], "little")
    if start < 4:
        raise IndexError
    footer, _ = _struct(view, start)
    for number, group in enumerate(footer[_GROUPS], 1):
        for chunk in group[_CHUNKS]:
            _check_chunk(view, start, chunk[_META], number)
    rows = sum(group[_GROUP_ROWS] for group in footer[_GROUPS])
    if rows != footer[_ROWS]:
        raise Refused(
            f"says that it holds {footer[_ROWS]:,} rows, but its row groups hold {rows:,}; send "
            "it again"
        )
    return Footer(tuple(_top_names(footer[_SCHEMA])), rows)


def _top_names(schema: list[dict[int, Any]]) -> list[str]:
    """The names right below the root, of a schema that is a tree written depth first."""
    names, at = [], 1
    for _ in range(schema[0].get(_CHILDREN, 0)):
        names.append(schema[at][_NAME].decode())
        open_children = 1
        while open_children:
            open_children += schema[at].get(_CHILDREN, 0) - 1
            at += 1
    return names


def _check_chunk(view: memoryview, limit: int, chunk: dict[int, Any], group: int) -> None:
    if not chunk[_CHUNK_VALUES]:
        return
    at = min(chunk[_FIRST_DATA], chunk.get(_DICTIONARY) or chunk[_FIRST_DATA])
    end, values = at + chunk[_CHUNK_BYTES], 0
    where = f"is a damaged Parquet file: row group {group}"
    column = printable(b".".join(chunk[_PATH]).decode(errors="replace"))
    try:
        if at < 4 or end > limit:
            raise IndexError
        while at < end:
            header, at = _struct(view, at)
            size = header[_STORED]
            if size < 0 or at + size > end:
                raise IndexError
            expected = header.get(_CRC)
            if expected is not None and zlib.crc32(view[at : at + size]) != expected & 0xFFFFFFFF:
                raise Refused(
                    f"{where} has a page whose checksum is wrong; send it again", column=column
                )
            page = header.get(_DATA) or header.get(_DATA_V2)
            values += page[_VALUES] if page else 0
            at += size
    except (LookupError, TypeError, AttributeError):
        raise Refused(
            f"{where} has a page that cannot be found; send it again", column=column
        ) from None
    if values != chunk[_CHUNK_VALUES]:
        counts = f"{values:,} values, not {chunk[_CHUNK_VALUES]:,}"
        raise Refused(f"{where} has pages of {counts}; send it again", column=column)


# ---- Thrift's compact protocol, as much of it as Parquet uses


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = view[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, at
        shift += 7
        # A number of 64 bits takes no more bytes.
        if shift > 63:
            raise IndexError


def _signed(view: memoryview, at: int) -> tuple[int, int]:
    value, at = _varint(view, at)
    return (value >> 1) ^ -(value & 1), at


def _struct(view: memoryview, at: int, depth: int = 0) -> tuple[dict[int, Any], int]:
    """(field number → value, where it ends)."""
    # No footer nests so deep; a damaged one must not exhaust the stack.
    if depth > 16:
        raise IndexError
    fields: dict[int, Any] = {}
    number = 0
    while byte := view[at]:
        at += 1
        if byte >> 4:
            number += byte >> 4
        else:
            number, at = _signed(view, at)
        kind = byte & 0x0F
        # Thrift encodes a boolean in its type alone, except within a list.
        fields[number], at = (kind == 1, at) if kind in (1, 2) else _value(view, at, kind, depth)
    return fields, at + 1


def _value(view: memoryview, at: int, kind: int, depth: int) -> tuple[Any, int]:
    match kind:
        case 1 | 2 | 3:
            return view[at], at + 1
        case 4 | 5 | 6:
            return _signed(view, at)
        case 7:
            if at + 8 > len(view):
                raise IndexError
            return None, at + 8
        case 8:
            size, at = _varint(view, at)
            if at + size > len(view):
                raise IndexError
            return bytes(view[at : at + size]), at + size
        case 9 | 10:
            size, kind, at = view[at] >> 4, view[at] & 0x0F, at + 1
            if size == 15:
                size, at = _varint(view, at)
            items = []
            for _ in range(size):
                item, at = _value(view, at, kind, depth + 1)
                items.append(item)
            return items, at
        case 12:
            return _struct(view, at, depth + 1)
    # Parquet footers and page headers hold no maps: the bytes are damaged.
    raise IndexError
