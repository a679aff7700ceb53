"""What a file's own lines tell of its rows: whether a line is a row by itself, and so whether a
quoted value over several lines is one value or rows between two stray quotes.

Belongs here: the kinds of values by column, and the judgement, which trusts no quote. Not here:
splitting lines (broken_csv.py), and when to judge (readers.py, csv_chunks.py).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Literal

Verdict = Literal["one", "rows", "doubt"]

# So much of the beginning of a text is looked at.
SAMPLE_CHARS, SAMPLE_LINES = 1 << 20, 2_000
# This share of a column's values make its kind: the others may be damaged, or lines of prose.
USUAL = 0.8
# A quote open for longer than so many lines is likelier a stray one.
LONG_VALUE = 50
# Of fewer values, a small vocabulary or a fixed shape is chance.
MANY, WORDS, SHAPES = 20, 30, 4
# A row may have one odd value for so many that are of their column's kind.
ODD_FOR = 4
# So many lines alike, each of them a row, are no prose.
BLOCK = 3

_NUMBER = re.compile(r"[-+]?[$€£¥]?\s?[-+]?\d[\d.,' ]{0,20}\s?[%$€£¥]?")
_KINDS = (
    _NUMBER,
    re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ]+\d{1,2}:\d{2}[\d:.,]*\s?([AP]M|[-+]\d\d:?\d\d|Z)?)?"),
    re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+"),
    re.compile(r"[0-9a-fA-F-]{16,}"),
)  # fmt: skip
_WORD = re.compile(r"\S+")
_LINE_END = re.compile(r"\r\n|\n|\r")


class _Kind:
    """What the values of one column have in common."""

    def __init__(self, values: Sequence[str]) -> None:
        texts = [value.strip() for value in values if value.strip()]
        enough = USUAL * len(texts)
        self.is_indented = sum(value[:1].isspace() for value in values) > (1 - USUAL) * len(values)
        self.words = max((len(text.split()) for text in texts), default=0)
        self.pattern = next(
            (
                kind
                for kind in _KINDS
                if texts and sum(map(bool, map(kind.fullmatch, texts))) >= enough
            ),
            None,
        )
        # Numbers shorter than nearly all of a column's: `1,5 kg` is no row of id 1.
        lengths = sorted(map(len, texts))
        self.shortest = lengths[len(lengths) // 20] if self.pattern is _NUMBER else 0
        shapes = [shape_of(text) for text in texts]
        self.shapes = _usual(shapes, SHAPES) if _has_digits(shapes) else frozenset()
        self.vocabulary = _usual(texts, WORDS) if len(texts) >= 4 * MANY else frozenset()
        is_word = sum(map(bool, map(_WORD.fullmatch, texts))) >= enough
        self.is_word = is_word and len(texts) >= MANY

    @property
    def tells(self) -> bool:
        """Whether the column tells a row from prose."""
        return bool(self.pattern or self.shapes or self.vocabulary)

    def fits(self, text: str, beside: str = "") -> bool:
        """Whether a value, not empty, is of the column's kind. `beside`: the column's value in a
        neighbour, which may be as short.
        """
        if self.pattern:
            least = min(self.shortest, len(beside) or self.shortest)
            return self.pattern.fullmatch(text) is not None and len(text) >= least
        if self.shapes:
            return shape_of(text) in self.shapes
        if self.vocabulary:
            return text in self.vocabulary
        return not self.is_word or _WORD.fullmatch(text) is not None


def shape_of(text: str) -> str:
    """Numbers and words alike, whatever they say: `c012` and `x7` are both `a0`."""
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "0", text))


def _has_digits(shapes: Sequence[str]) -> bool:
    return bool(shapes) and sum("0" in shape for shape in shapes) >= USUAL * len(shapes)


def _usual(texts: Sequence[str], most: int) -> frozenset[str]:
    """The texts that make up nearly all, where they are few; else none."""
    counts: dict[str, int] = {}
    for text in texts:
        counts[text] = counts.get(text, 0) + 1
    common = sorted(counts, key=lambda text: (-counts[text], text))[:most]
    covered = sum(counts[text] for text in common)
    return frozenset(common) if texts and covered >= USUAL * len(texts) else frozenset()


class RowEvidence:
    """The kinds of a file's columns, by the lines at its beginning that are rows by themselves."""

    def __init__(self, text: str, columns: Sequence[str], delimiter: str, quote: str) -> None:
        self.width, self.delimiter, self.quote = len(columns), delimiter, quote
        rows = list(islice(self._rows(text[:SAMPLE_CHARS], columns), SAMPLE_LINES))
        found = zip(*rows, strict=True) if rows else [()] * self.width
        self.kinds = [_Kind(list(values)) for values in found]
        self.tells = any(kind.tells for kind in self.kinds)

    def _rows(self, text: str, columns: Sequence[str]) -> Iterator[list[str]]:
        lines = _LINE_END.split(text)
        # The last line may be cut.
        opened = 0
        for line in lines[:-1] if len(text) >= SAMPLE_CHARS else lines:
            was_open = 0 < opened <= LONG_VALUE
            is_open = open_after(line, self.delimiter, self.quote, is_open=was_open)
            opened = opened + 1 if is_open else 0
            # Lines within a quoted value are prose.
            values = None if was_open else split_line(line, self.delimiter, self.quote)
            if values and len(values) == self.width and values != list(columns):
                yield values

    def is_row(self, line: str, beside: str = "") -> bool:
        """Whether a line is a row by itself, whatever quotes are in it. `beside`: a line near it."""
        near = beside.replace(self.quote, "") if self.quote else beside
        near_values = [value.strip() for value in near.rstrip("\r\n").split(self.delimiter)]
        text = line.rstrip("\r\n")
        bare = text.replace(self.quote, "") if self.quote else text
        if self._fits(bare.split(self.delimiter), near_values):
            return True
        values = split_line(text, self.delimiter, self.quote) if bare != text else None
        return values is not None and self._fits(values, near_values)

    def _fits(self, values: Sequence[str], beside: Sequence[str]) -> bool:
        if len(values) == self.width + 1 and not values[-1]:
            values = values[:-1]
        if len(values) != self.width:
            return False
        good = odd = 0
        near = [*beside, *[""] * self.width]
        for value, kind, other in zip(values, self.kinds, near, strict=False):
            text = value.strip()
            if value[:1].isspace() and not kind.is_indented:
                # As behind a comma in prose.
                odd += 1
            elif text and not kind.fits(text, other):
                odd += 1
            elif text:
                good += kind.tells or (not self.tells and len(text.split()) <= kind.words)
        if self.tells:
            return good > 0 and odd * ODD_FOR <= good
        return odd == 0 and good == self.width > 1

    def judged(self, lines: Sequence[str], values: Sequence[str]) -> Verdict:
        """Of a record over several lines that falls into as many `values` as there are columns:
        one record, rows between two stray quotes, or neither for sure.

        Two stray quotes that make one record of two rows or more leave its first and its last
        line whole: each still has a row's columns. A line break within a value leaves neither so,
        unless the value stands at the row's end, or at its beginning.
        """
        first = lines[0]
        *rows, is_tail = (self.is_row(line, first) for line in lines[1:])
        if not is_tail and not any(rows):
            return "one"
        folded = [place for place, value in enumerate(values) if "\n" in value or "\r" in value]
        head = self.is_row(first) and (not folded or folded[0] < self.width - 1)
        tail = is_tail and (not folded or folded[-1] > 0)
        if any(self.kinds[at].tells and not self.kinds[at].fits(values[at]) for at in folded):
            # An id, a number or a time has one line.
            return "rows"
        if any(rows):
            if head or tail or (all(rows) and len(rows) >= BLOCK):
                return "rows"
            return "doubt" if all(rows) else "one"
        if head and is_tail:
            return "rows"
        return "rows" if tail and self.is_row(first) else "doubt" if tail else "one"


def open_after(line: str, delimiter: str, quote: str, *, is_open: bool) -> bool | None:
    """Whether a quote is open at a line's end, None where one is misplaced. `is_open`: at its
    beginning.
    """
    at, begins = 0, bool(quote) and not is_open and line.startswith(quote)
    if begins:
        at, is_open = len(quote), True
    while quote:
        if is_open:
            at = line.find(quote, at)
            if at < 0:
                return True
            at += len(quote)
            if line.startswith(quote, at):
                at += len(quote)
                continue
            if not line[at:].strip("\r\n"):
                return False
            if not line.startswith(delimiter, at):
                return None
        at = line.find(delimiter + quote, at)
        if at < 0:
            return False
        at, is_open = at + len(delimiter) + len(quote), True
    return False


def split_line(text: str, delimiter: str, quote: str) -> list[str] | None:
    """The values of one complete record, or None when a quote is open or misplaced."""
    if not quote or quote not in text:
        return text.rstrip("\r\n").split(delimiter)
    try:
        records = list(split_reader([text], delimiter, quote))
    except csv.Error:
        return None
    return records[0] if len(records) == 1 else None


def split_reader(lines: Iterable[str], delimiter: str, quote: str) -> Iterator[list[str]]:
    """A strict CSV reader; without a quote character, quotes are ordinary text."""
    if not quote:
        return csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE, strict=True)
    return csv.reader(lines, delimiter=delimiter, quotechar=quote, strict=True)
