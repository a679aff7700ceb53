"""Recovery of broken delimited text: the parser that finds the next good row after a bad one.

Belongs here: splitting lines into records by the strict rules of CSV. Not here: when to do so
(readers.py).
"""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from customer_intel.ingest.read.open_file import Refused

# A quoted value may hold line ends, but not a whole file.
MAX_RECORD_LINES = 1000
MAX_RECORD_CHARS = 1 << 24
RAW_CHARS = 2000
# In a file of so few columns, a line of prose has as many commas as a row by chance.
PROSE_WIDTH = 3
# More bad lines than this, and more than half of the file: the mapping's delimiter or quote is
# wrong.
MANY = 20_000


@dataclass(frozen=True)
class Unreadable:
    """A row that could not be split into the file's columns."""

    row: int
    reason: str
    raw: str


def split_reader(lines: Iterable[str], delimiter: str, quote: str) -> Iterator[list[str]]:
    """A strict CSV reader; without a quote character, quotes are ordinary text."""
    if not quote:
        return csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE, strict=True)
    return csv.reader(lines, delimiter=delimiter, quotechar=quote, strict=True)


def resynchronised(
    lines: Iterator[str],
    delimiter: str,
    quote: str,
    width: int,
    header: bool,
    unreadable: list[Unreadable],
) -> Iterator[tuple[int, list[str]]]:
    """Each good record with its number; bad lines go to `unreadable`.

    A record that does not end on its line may go on over the next ones, but only if it then has
    exactly `width` values and none of the lines it swallows is a good record by itself: a stray
    quote costs its own line, no other. Raises Refused when most lines are bad.
    """
    lookahead: list[str] = []
    row = -1 if header else 0
    # The row whose quote was never closed, until the stray one that was to close it is met.
    opened = 0
    while True:
        line = lookahead.pop(0) if lookahead else next(lines, None)
        if line is None:
            return
        if not line.strip("\r\n"):
            continue
        row += 1
        values = _split(line, delimiter, quote)
        if values is None:
            values, lookahead = _continued(line, lookahead, lines, delimiter, quote, width)
        if row == 0 and header:
            continue
        is_end = opened and values is not None and _closes(line, delimiter, quote)
        if values is not None and len(values) == width and not is_end:
            yield row, values
        else:
            reason = (
                f"the end of a quote that begins in row {opened}"
                if is_end
                else "a quote that is never closed"
                if values is None
                else f"{len(values)} values instead of {width}"
            )
            opened = row if values is None else 0
            unreadable.append(Unreadable(row, reason, line.rstrip("\r\n")[:RAW_CHARS]))
            if len(unreadable) > max(MANY, row // 2):
                raise Refused(
                    f"{reason}, and so most rows; check reader.delimiter and reader.quote", row=row
                )


def _split(text: str, delimiter: str, quote: str) -> list[str] | None:
    """The values of one complete record, or None when a quote is open or misplaced."""
    if not quote or quote not in text:
        return text.rstrip("\r\n").split(delimiter)
    try:
        records = list(split_reader([text], delimiter, quote))
    except csv.Error:
        return None
    return records[0] if len(records) == 1 else None


def _closes(line: str, delimiter: str, quote: str) -> bool:
    """Whether a line ends a quote that it does not begin."""
    text = line.rstrip("\r\n")
    ends = text.endswith(quote) or f"{quote}{delimiter}" in text
    return bool(quote) and text.count(quote) % 2 == 1 and ends


def _is_row(line: str, first: str, delimiter: str, width: int) -> bool:
    """Whether a line looks like a row by itself, whatever quotes are in it."""
    if line.count(delimiter) != width - 1:
        return False
    return width > PROSE_WIDTH or _begins_alike(line, first, delimiter)


def _begins_alike(line: str, first: str, delimiter: str) -> bool:
    """Whether two lines begin with ids of one kind: words and numbers in the same places."""
    kinds = [
        re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "0", text.partition(delimiter)[0]))
        for text in (line, first)
    ]
    return kinds[0] == kinds[1] and "0" in kinds[0]


def _continued(
    line: str, lookahead: list[str], lines: Iterator[str], delimiter: str, quote: str, width: int
) -> tuple[list[str] | None, list[str]]:
    """(values of the record that begins on `line` and ends on a later one or None, lines still to
    be read).
    """
    lookahead = [*lookahead, *itertools.islice(lines, max(0, MAX_RECORD_LINES - len(lookahead)))]
    text = line
    for place, following in enumerate(lookahead):
        text += following
        if len(text) > MAX_RECORD_CHARS:
            break
        is_row = _is_row(following, line, delimiter, width)
        if quote not in following:
            if is_row:
                break
            continue
        if is_row and _begins_alike(following, line, delimiter):
            # Two stray quotes in rows one after the other make one row of both.
            break
        values = _split(text, delimiter, quote)
        if values is not None:
            return (values, lookahead[place + 1 :]) if len(values) == width else (None, lookahead)
        alone = _split(following, delimiter, quote)
        if width > PROSE_WIDTH and alone is not None and len(alone) == width:
            break
    return None, lookahead
