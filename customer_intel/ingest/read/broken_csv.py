"""Recovery of broken delimited text: the parser that finds the next good row after a bad one.

Belongs here: splitting lines into records by the strict rules of CSV, trusting a quote that spans
lines only as far as the lines allow. Not here: what lines tell (row_evidence.py), when to do so
(readers.py).
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from customer_intel.ingest.read.open_file import Refused
from customer_intel.ingest.read.row_evidence import RowEvidence, open_after, split_line

# A quoted value may hold line ends, but not a whole file.
MAX_RECORD_LINES = 1000
MAX_RECORD_CHARS = 1 << 24
RAW_CHARS = 2000
# More bad lines than this, and more than half of the file: the mapping's delimiter or quote is
# wrong.
MANY = 20_000
NEVER_CLOSED = "a quote that is never closed"
DOUBTED = "within a quote that may open a value or be a stray one"


@dataclass(frozen=True)
class Unreadable:
    """A row that could not be split into the file's columns."""

    row: int
    reason: str
    raw: str


def resynchronised(
    lines: Iterator[str],
    evidence: RowEvidence,
    header: bool,
    unreadable: list[Unreadable],
) -> Iterator[tuple[int, list[str]]]:
    """Each good record with its number; bad lines go to `unreadable`.

    A record that does not end on its line may go on over the next ones, but only if it then has
    as many values as there are columns and its lines are not rows by themselves: a stray quote
    costs its own line, no other. Raises Refused when most lines are bad.
    """
    width = evidence.width
    ahead: deque[str] = deque()
    row = -1 if header else 0
    # The row whose quote was never closed, until the stray one that was to close it is met.
    opened = 0
    while True:
        line = ahead.popleft() if ahead else next(lines, None)
        if line is None:
            return
        if not line.strip("\r\n"):
            continue
        row += 1
        values = split_line(line, evidence.delimiter, evidence.quote)
        is_end = bool(opened) and values is not None and _closes(line, evidence)
        is_end = is_end and row - opened < MAX_RECORD_LINES
        doubted: list[str] = []
        if values is None:
            values, doubted = _continued(line, ahead, lines, evidence, is_header=header and not row)
        if row == 0 and header:
            continue
        if values is not None and len(values) == width + 1 and not values[-1]:
            values = values[:-1]
        if values is not None and len(values) == width and not is_end:
            yield row, values
            continue
        reason = (
            f"the end of a quote that begins in row {opened}"
            if is_end
            else DOUBTED
            if doubted
            else NEVER_CLOSED
            if values is None
            else f"{len(values)} values instead of {width}"
        )
        opened = row if values is None and not doubted else 0
        for place, text in enumerate(doubted or [line]):
            row += bool(place)
            unreadable.append(Unreadable(row, reason, text.rstrip("\r\n")[:RAW_CHARS]))
        if len(unreadable) > max(MANY, row // 2):
            raise Refused(
                f"{reason}, and so most rows; check reader.delimiter and reader.quote", row=row
            )


def _closes(line: str, evidence: RowEvidence) -> bool:
    """Whether a line ends a quote that it does not begin."""
    text, quote = line.rstrip("\r\n"), evidence.quote
    ends = text.endswith(quote) or f"{quote}{evidence.delimiter}" in text
    return bool(quote) and text.count(quote) % 2 == 1 and ends


def _continued(
    line: str,
    ahead: deque[str],
    lines: Iterator[str],
    evidence: RowEvidence,
    *,
    is_header: bool,
) -> tuple[list[str] | None, list[str]]:
    """(values of the record that begins on `line` and ends on a later one or None, the lines of one
    that may be a record or rows). What it takes is taken off `ahead`.
    """
    quote, delimiter = evidence.quote, evidence.delimiter
    ahead.extend(itertools.islice(lines, max(0, MAX_RECORD_LINES - len(ahead))))
    taken, size = [line], len(line)
    is_open = open_after(line, delimiter, quote, is_open=False)
    for following in ahead:
        if not is_open:
            break
        taken.append(following)
        size += len(following)
        if size > MAX_RECORD_CHARS:
            return None, []
        is_open = open_after(following, delimiter, quote, is_open=True)
    values = None if is_open in (True, None) else split_line("".join(taken), delimiter, quote)
    if values is None or (len(values) != evidence.width and not is_header):
        return None, []
    verdict = "one" if is_header else evidence.judged(taken, values)
    if verdict == "rows":
        return None, []
    for _ in taken[1:]:
        ahead.popleft()
    return (values, []) if verdict == "one" else (None, [text for text in taken if text.strip()])
