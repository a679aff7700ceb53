"""JSON documents as one record per line: an array of objects, or an object that wraps one.

Belongs here: finding the records in the text, each kept as it was written. Not here: what columns
they make (json_rows.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from customer_intel.ingest.read.broken_csv import MAX_RECORD_CHARS
from customer_intel.ingest.read.open_file import Refused, create_private, printable

STEP = 1 << 20
# Objects around the records of a document.
MAX_DEPTH = 3
_OF_NUMBERS = "0123456789.eE+-"
_BEGUN = re.compile(r"[\w.+-]*\s*")
_SPACE = re.compile(r"[ \t\r\n]*")
# Line ends stand between the parts of a record only: within its texts they are escaped.
_LINE_ENDS = str.maketrans("\r\n", "  ")


def is_document(start: str) -> bool:
    """Whether a text that begins so is JSON of another shape than one object per line."""
    text = start.lstrip("\ufeff \t\r\n")
    if text[:1] == "[":
        return True
    lines = [line for line in text.splitlines()[:2] if line.strip()]
    if text[:1] != "{" or len(lines) < 2:
        return False
    # An object over many lines: its first is none, and its second is none either.
    return (
        not any(_is_object(line) for line in lines)
        and re.match(r"\s*[\"\[{}\]]", lines[1]) is not None
    )


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except RecursionError:
        return True
    except ValueError:
        return False


def records_as_lines(plain: Path, target: Path, records: str | None) -> int:
    """Writes the records that stand at the dotted path `records`, one per line; returns how many.

    Without a path they are the document's own items, or the document. Raises Refused where the
    text is no JSON, is cut off, or has nothing at the path.
    """
    count = 0
    with plain.open(encoding="utf-8", newline="") as stream, create_private(target) as out:
        scanner = _Scanner(stream)
        path = tuple(records.split(".")) if records else ()
        for record in scanner.documents(path):
            out.write(record.translate(_LINE_ENDS).encode())
            out.write(b"\n")
            count += 1
    if records and not scanner.has_path:
        keys = ", ".join(printable(key) for key in scanner.keys[:8]) or "no keys"
        raise Refused(
            f"has no '{records}', where reader.records says the records are; it has {keys}"
        )
    return count


def record_arrays(plain: Path) -> dict[str, int]:
    """Dotted path → objects in each array of objects that stands in the file's first JSON text, at
    most three objects deep. Raises Refused where that is no JSON, or cut off.
    """
    found: dict[str, int] = {}
    with plain.open(encoding="utf-8", newline="") as stream:
        scanner = _Scanner(stream)
        if scanner.peek() == "{":
            scanner.arrays((), found)
    return found


class _Scanner:
    """Reads JSON texts piece by piece, each record by the standard parser."""

    def __init__(self, stream: IO[str]) -> None:
        self.stream, self.text, self.at, self.is_whole = stream, "", 0, False
        self.number = 0
        self.has_path = False
        self.keys: list[str] = []
        self.decode = json.JSONDecoder().raw_decode

    def documents(self, path: tuple[str, ...]) -> Iterator[str]:
        """The records of each JSON text of the file, at `path` in it."""
        while self._next():
            yield from self._walk(path)

    def _walk(self, path: tuple[str, ...]) -> Iterator[str]:
        sign = self._next()
        if sign == "[":
            # Of pages, each an object with its records, as of records themselves.
            yield from self._items("]", lambda: self._walk(path) if path else self._record())
        elif path and sign == "{":
            yield from self._items("}", lambda: self._member(path))
        elif not path:
            yield from self._record()
        else:
            self._value()

    def _record(self) -> Iterator[str]:
        self.number += 1
        self.has_path = True
        yield self._value()

    def _member(self, path: tuple[str, ...]) -> Iterator[str]:
        key = json.loads(self._value()) if self._next() == '"' else None
        if key is None or self._next() != ":":
            raise self._fault()
        self.at += 1
        if key not in self.keys:
            self.keys.append(key)
        if key != path[0]:
            self._next()
            self._value()
        elif len(path) == 1 and self._next() not in ("[", "{"):
            # Null: a page without records.
            self.has_path = True
            self._value()
        else:
            self.has_path = self.has_path or len(path) == 1
            yield from self._walk(path[1:])

    def _items(self, close: str, item: Callable[[], Iterator[str]]) -> Iterator[str]:
        """What `item` gives for each part between brackets, parted by commas."""
        self.at += 1
        if self._next() == close:
            self.at += 1
            return
        while True:
            self._next()
            yield from item()
            sign = self._next()
            if sign not in (",", close):
                raise self._fault()
            self.at += 1
            if sign == close:
                return

    def peek(self) -> str:
        """The first character of what comes next."""
        return self._next()

    def arrays(self, path: tuple[str, ...], found: dict[str, int]) -> None:
        """Counts the objects of each array below the object that begins here, by path."""

        def member() -> Iterator[str]:
            key = json.loads(self._value()) if self._next() == '"' else None
            if key is None or self._next() != ":":
                raise self._fault()
            self.at += 1
            at = (*path, key)
            sign = self._next()
            if sign == "[":
                name, found_here = ".".join(at), 0
                for item in self._items("]", self._record):
                    found_here += item.startswith("{")
                if found_here and not any("." in part for part in at):
                    found[name] = found_here
            elif sign == "{" and len(at) < MAX_DEPTH:
                self.arrays(at, found)
            else:
                self._value()
            yield from ()

        for _ in self._items("}", member):
            pass

    # ---- text
    def _more(self) -> bool:
        if self.is_whole:
            return False
        step = self.stream.read(STEP)
        self.text, self.at = self.text[self.at :] + step, 0
        self.is_whole = not step
        return bool(step)

    def _next(self) -> str:
        """The next character that is no white space; empty at the end of the file."""
        while True:
            match = _SPACE.match(self.text, self.at)
            self.at = match.end() if match else self.at
            if self.at < len(self.text):
                return self.text[self.at]
            if not self._more():
                return ""

    def _value(self) -> str:
        """The JSON value that begins here, as it is written."""
        while True:
            try:
                _, end = self.decode(self.text, self.at)
            except RecursionError:
                raise Refused(f"is nested too deep in record {self.number:,}") from None
            except json.JSONDecodeError as error:
                end = -1
                # At the end stands nothing more, or the beginning of a number or a word.
                open_end = (
                    error.msg.startswith("Unterminated")
                    or _BEGUN.fullmatch(self.text, error.pos) is not None
                )
            # A number at the end of a piece may go on in the next: 1 in 1.5e3.
            rest = self.text[end : end + 4].lstrip(_OF_NUMBERS)
            if end >= 0 and (rest or len(self.text) - end > 3 or not self._more()):
                value, self.at = self.text[self.at : end], end
                return value
            if end < 0 and (len(self.text) - self.at > MAX_RECORD_CHARS or not self._more()):
                raise self._fault(is_cut_off=open_end)

    def _fault(self, *, is_cut_off: bool = False) -> Refused:
        if not self.is_whole or (self._next() and not is_cut_off):
            return Refused(
                f"is no JSON from record {max(self.number, 1):,} on; mend it at the source, or send "
                "it again",
                row=max(self.number, 1),
            )
        return Refused(
            f"is JSON that ends within record {max(self.number, 1):,}: it was cut off; send it again",
            row=max(self.number, 1),
        )
