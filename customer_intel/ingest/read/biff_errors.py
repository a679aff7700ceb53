"""Cells of an .xls workbook that hold a spreadsheet error, such as #N/A: the library that reads .xls
gives them as empty cells, and an error must not pass for one.

Belongs here: the records of cells with errors, and the container that they lie in. Not here: values
(workbook_sheets.py).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_END_OF_CHAIN = 0xFFFFFFFA
_BOUND_SHEET, _FORMULA, _BOOL_ERR, _BOF, _EOF = 0x85, 0x06, 0x205, 0x809, 0x0A
Cell = tuple[int, int]


def error_cells(content: bytes) -> list[set[Cell]]:
    """(row, column) from 0 of the cells with errors, per sheet in the workbook's order; empty where
    the container cannot be followed: then nothing of it can be read either.
    """
    try:
        stream = _workbook_stream(content)
        return [_errors(stream, start) for start in _sheets(stream)]
    except (struct.error, IndexError, UnicodeDecodeError):
        return []


def _records(stream: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """(kind, data) of each record from a place on, to the end of its part."""
    depth = 0
    while at + 4 <= len(stream):
        kind, size = struct.unpack_from("<HH", stream, at)
        depth += (kind == _BOF) - (kind == _EOF)
        yield kind, stream[at + 4 : at + 4 + size]
        # A chart within a sheet is a part of its own.
        if depth <= 0:
            return
        at += 4 + size


def _sheets(stream: bytes) -> list[int]:
    """Where each sheet begins."""
    return [
        int(struct.unpack_from("<I", data)[0])
        for kind, data in _records(stream, 0)
        if kind == _BOUND_SHEET
    ]


def _errors(stream: bytes, start: int) -> set[Cell]:
    found: set[Cell] = set()
    for kind, data in _records(stream, start):
        if kind == _BOOL_ERR:
            row, column, _, _, is_error = struct.unpack_from("<HHHBB", data)
            if is_error:
                found.add((row, column))
        elif kind == _FORMULA:
            row, column = struct.unpack_from("<HH", data)
            # A result that is no number says of which kind it is, 2 for an error.
            if data[12:14] == b"\xff\xff" and data[6] == 2:
                found.add((row, column))
    return found


# ---- the container


def _workbook_stream(content: bytes) -> bytes:
    """The stream of a compound file that holds the workbook."""
    size = 1 << struct.unpack_from("<H", content, 30)[0]
    table = _sector_table(content, size)
    root = entry = b""
    directory = _chained(content, struct.unpack_from("<I", content, 48)[0], table, size, size)
    for at in range(0, len(directory), 128):
        item = directory[at : at + 128]
        name = item[: max(struct.unpack_from("<H", item, 64)[0] - 2, 0)].decode("utf-16-le")
        root = root or (item if item[66] == 5 else b"")
        entry = item if name in ("Workbook", "Book") else entry
    start, length = struct.unpack_from("<IQ", entry, 116)
    if length >= struct.unpack_from("<I", content, 56)[0]:
        return _chained(content, start, table, size, size)[:length]
    # Small streams lie in pieces of 64 bytes within the root's own.
    small = 1 << struct.unpack_from("<H", content, 32)[0]
    holder = _chained(content, struct.unpack_from("<I", root, 116)[0], table, size, size)
    first = struct.unpack_from("<I", content, 60)[0]
    places = _numbers(_chained(content, first, table, size, size))
    return _chained(holder, start, places, small, 0)[:length]


def _sector_table(content: bytes, size: int) -> tuple[int, ...]:
    """Sector → the one that follows it."""
    places = list(struct.unpack_from("<109I", content, 76))
    further, left = struct.unpack_from("<II", content, 68)
    while left and further < _END_OF_CHAIN:
        more = _numbers(content[(further + 1) * size : (further + 2) * size])
        places += more[:-1]
        further, left = more[-1], left - 1
    used = [place for place in places if place < _END_OF_CHAIN]
    return _numbers(b"".join(content[(at + 1) * size : (at + 2) * size] for at in used))


def _numbers(data: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(data) // 4}I", data[: len(data) // 4 * 4])


def _chained(content: bytes, start: int, table: tuple[int, ...], size: int, head: int) -> bytes:
    """The sectors from `start` on, joined; `head`: bytes before the first sector."""
    parts: list[bytes] = []
    # A damaged chain may run in a circle.
    while start < _END_OF_CHAIN and len(parts) <= len(table):
        parts.append(content[head + start * size : head + (start + 1) * size])
        start = table[start]
    return b"".join(parts)
