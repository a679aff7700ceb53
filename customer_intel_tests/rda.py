"""Reads the data frames of an R workspace (.rda): the few of R's serialised types that a list of
people needs.

Format: R Internals, chapter 1.8 (Serialization formats), XDR, versions 2 and 3.
"""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any

_SYMBOL, _PAIRS, _CHARS, _LOGICALS, _INTEGERS, _REALS, _STRINGS, _LIST = 1, 2, 9, 10, 13, 14, 16, 19
_REFERENCE, _NOTHING, _POINTER = 255, 254, 22
_MISSING_INTEGER = -(2**31)


def frames(file: Path) -> dict[str, Any]:
    """Name → value of each object; a data frame or factor column comes as {column: list}, a vector
    as a list.
    """
    raw = gzip.decompress(file.read_bytes())
    if raw[:5] not in (b"RDX2\n", b"RDX3\n"):
        raise ValueError(f"{file.name} is no R workspace")
    saved = _Reader(raw[5:]).saved()
    return dict(saved) if isinstance(saved, list) else {}


class _Reader:
    def __init__(self, raw: bytes) -> None:
        self.raw, self.at = raw, 0
        self.symbols: list[str] = []

    def saved(self) -> Any:
        self.at = 2  # "X\n"
        version, _, _ = self.integers(3)
        if version == 3:
            (length,) = self.integers(1)
            self.at += length
        return self.item()

    def integers(self, count: int) -> tuple[int, ...]:
        found = struct.unpack_from(f">{count}i", self.raw, self.at)
        self.at += 4 * count
        return found

    def item(self) -> Any:
        (flags,) = self.integers(1)
        kind, has_attributes, has_tag = flags & 0xFF, flags & 0x200, flags & 0x400
        if kind == _NOTHING:
            return None
        if kind == _REFERENCE:
            return self.symbols[(flags >> 8) - 1]
        if kind == _SYMBOL:
            self.symbols.append(self.item())
            return self.symbols[-1]
        if kind == _PAIRS:
            if has_attributes:
                self.item()
            name = self.item() if has_tag else None
            value = self.item()
            return [(name, value), *(self.item() or [])]
        if kind == _POINTER:
            # What a data.table keeps of its memory: nothing to read, but later references count it.
            self.symbols.append("")
            for _ in range(2 + bool(has_attributes)):
                self.item()
            return None
        (length,) = self.integers(1)
        if kind == _CHARS:
            text = None if length < 0 else self.raw[self.at : self.at + length].decode("utf-8")
            self.at += max(length, 0)
            return text
        value = self.vector(kind, length)
        return _dressed(value, dict(self.item())) if has_attributes else value

    def vector(self, kind: int, length: int) -> list[Any]:
        if kind in (_LOGICALS, _INTEGERS):
            return [None if value == _MISSING_INTEGER else value for value in self.integers(length)]
        if kind == _REALS:
            found = struct.unpack_from(f">{length}d", self.raw, self.at)
            self.at += 8 * length
            return list(found)
        if kind in (_STRINGS, _LIST):
            return [self.item() for _ in range(length)]
        raise ValueError(f"R type {kind} at byte {self.at} is not read here")


def _dressed(value: list[Any], attributes: dict[str, Any]) -> Any:
    if "levels" in attributes:
        return [None if code is None else attributes["levels"][code - 1] for code in value]
    return dict(zip(attributes["names"], value, strict=True)) if "names" in attributes else value
