"""Closing lines of a report, totals, and headers that come again: rows that are no rows.

Belongs here: which they are, and the condition for reader.skip_rows that is true of them and of no
other row. Not here: leaving them out (read/skipped_rows.py).
"""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from customer_intel.core.engine import literal, quoted

# A report has no more closing lines than this.
MAX_CLOSING = 25
# Rows needed to know what a row of the file looks like.
MIN_BODY = 3
# Columns named in a condition, where the table is wide.
MAX_NAMED = 6
# Columns of a narrow table.
NARROW = 3
_TOTAL = (
    "grand total", "sub total", "subtotal", "sub-total", "total general", "total général", "total geral", "total",
    "totals", "overall total", "sum", "gesamtsumme", "endsumme", "zwischensumme", "summe", "gesamt", "insgesamt",
    "somme", "sous-total", "totale generale", "totale", "totaal", "eindtotaal", "suma", "suma total", "razem",
    "celkem", "összesen", "toplam", "yhteensä", "totalt", "i alt", "итого", "всего", "合計", "总计", "合计", "합계",
    "average", "mean", "durchschnitt", "mittelwert", "moyenne", "promedio", "media",
)  # fmt: skip
_CLOSING = (
    "confidential", "generated", "copyright", "©", "(c) ", "end of report", "end of file", "report generated",
    "report run", "report date", "run date", "printed", "exported", "created by", "produced by", "source:", "note:",
    "notes:", "disclaimer", "filters", "filtered by", "as of", "page ", "rows:", "row count", "record count",
    "records:", "number of", "count:", "vertraulich", "erstellt", "erzeugt", "stand:", "quelle:", "hinweis",
    "ende des berichts", "seite ", "anzahl", "confidentiel", "généré", "source :", "fin du rapport", "confidencial",
    "generado", "fuente:", "fin del informe", "riservato", "generato", "vertrouwelijk", "gegenereerd", "all rights",
)  # fmt: skip
# A condition as SQL, and as a function of a row.
Candidate = tuple[str, Callable[[list[str]], bool]]
_SHAPE = (re.compile(r"\d+"), re.compile(r"[^\W\d_]+"))


@dataclass(frozen=True)
class Closing:
    """Rows to leave out: how many were seen, the condition, and what they are."""

    rows: int
    condition: str
    why: str


def closing_rows(
    names: Sequence[str], body: Sequence[Sequence[str | None]], gaps: Sequence[bool] = ()
) -> tuple[Closing | None, int]:
    """(rows to leave out, closing rows for which no condition tells them from the others).

    `body`: the rows below the names, of a long file its beginning and its end; a row may have fewer
    or more cells than there are names. `gaps`: whether a blank line stands before the row.
    """
    rows = [[(cell or "").strip() for cell in row] for row in body]
    if len(names) < 2 or len(rows) <= MIN_BODY:
        return None, 0
    table = _Table(names, rows, list(gaps) or [False] * len(rows))
    odd = {**table.closing(), **table.repeated()}
    if not odd or len(rows) - len(odd) < MIN_BODY:
        return None, 0
    parts, untold = table.conditions(odd)
    if not parts:
        return None, untold
    kinds = Counter(odd.values())
    why = ", ".join(f"{kind} ({count})" for kind, count in kinds.items())
    return Closing(len(odd) - untold, " OR ".join(parts), why), untold


class _Table:
    """The rows below the names, and which columns all of them fill."""

    def __init__(self, names: Sequence[str], rows: list[list[str]], gaps: list[bool]) -> None:
        self.names, self.rows, self.gaps = names, rows, gaps
        # What may be closing lines, or totals among the rows, must not say what a row looks like.
        plain = rows[: max(len(rows) - MAX_CLOSING, (len(rows) + 1) // 2, MIN_BODY)]
        even = [row for row in plain if len(row) == len(names)] or plain
        named = [row for row in even if _begins(_first(row), _TOTAL)]
        self.plain = [row for row in even if row not in named]
        if len(self.plain) <= max(MIN_BODY, len(named)):
            self.plain, named = even, []
        width = len(names)
        filled = [
            sum(1 for row in self.plain if place < len(row) and row[place])
            for place in range(width)
        ]
        self.always = [place for place in range(width) if filled[place] == len(self.plain)]
        # Who is called so and has all that others have is a customer.
        like_others = [row for row in named if not self._lacks(row)]
        self.usual = statistics.median(sum(map(bool, row)) for row in self.plain)
        self.shapes = {_shape(row[0]) for row in self.plain if row[0]}
        self.keys = {row[0].lower() for row in (*self.plain, *like_others)}

    def _lacks(self, row: Sequence[str]) -> list[int]:
        """The columns that all rows fill and this one does not."""
        return [at for at in self.always if at >= len(row) or not row[at]]

    # ---- which rows
    def closing(self) -> dict[int, str]:
        """Row → what it is, from the end upward until a row that looks like any other."""
        found: dict[int, str] = {}
        last = max(len(self.rows) - MAX_CLOSING, MIN_BODY)
        for place in range(len(self.rows) - 1, last - 1, -1):
            kind = self._kind(place)
            if kind is None:
                break
            found[place] = kind
        return found

    def _kind(self, place: int) -> str | None:
        row = self.rows[place]
        first, lacks = _first(row), self._lacks(row)
        # Prose falls into as many cells as it has commas.
        is_prose = len(row) > len(self.names)
        if first in self.keys:
            return None
        if first.rstrip(": ") in _TOTAL:
            return "totals"
        if not (lacks or is_prose):
            return None
        if _begins(first, _TOTAL):
            return "totals"
        if _begins(first, _CLOSING) or any(_begins(cell.lower(), _CLOSING) for cell in row if cell):
            return "closing lines"
        if not lacks or sum(map(bool, row)) * 2 > self.usual:
            # Without a word for it, a row of totals has no key and no more than some sums.
            is_sum = not row[0] and 0 in self.always and len(lacks) * 2 >= len(self.always)
            return "totals" if is_sum and not is_prose else None
        is_odd = bool(row[0]) and _shape(row[0]) not in self.shapes
        after_gap = any(
            self.gaps[at] for at in range(max(place - MAX_CLOSING, MIN_BODY), place + 1)
        )
        return "closing lines" if is_odd or after_gap or not row[0] else None

    def repeated(self) -> dict[int, str]:
        """Rows anywhere that say the names again, are totals of a part, or comments."""
        names = [name.lower() for name in self.names]
        found: dict[int, str] = {}
        for place, row in enumerate(self.rows):
            lacks = len(self._lacks(row)) * 2 >= len(self.always) > 0
            if [cell.lower() for cell in row] == names:
                found[place] = "names that come again"
            elif lacks and _begins(_first(row), _TOTAL) and _first(row) not in self.keys:
                found[place] = "totals"
            elif lacks and row[0].startswith("#"):
                found[place] = "comments"
        return found

    # ---- how to tell them
    def conditions(self, odd: dict[int, str]) -> tuple[list[str], int]:
        """(conditions that hold for those rows and for no other, rows for which there is none)."""
        others = [self._even(row) for place, row in enumerate(self.rows) if place not in odd]
        left = {place: self._even(self.rows[place]) for place in odd}
        parts: list[str] = []
        for sql, holds in self._candidates(list(left.values())):
            covered = [place for place, row in left.items() if holds(row)]
            if covered and not any(holds(row) for row in others):
                parts.append(sql)
                for place in covered:
                    del left[place]
        return parts, len(left)

    def _even(self, row: list[str]) -> list[str]:
        return (row + [""] * len(self.names))[: len(self.names)]

    def _candidates(self, odd: Sequence[list[str]]) -> Iterator[Candidate]:
        """(SQL, the same as a function of a row), the plainest first."""
        name = [quoted(each) for each in self.names]
        yield (
            f"{name[0]} = {literal(self.names[0])} AND {name[1]} = {literal(self.names[1])}",
            lambda row: row[0] == self.names[0] and row[1] == self.names[1],
        )
        for place in range(min(len(self.names), MAX_NAMED)):
            words = sorted({row[place].lower().rstrip(": ") for row in odd} & set(_TOTAL))
            if words:
                texts = ", ".join(map(literal, words))
                yield (
                    f"rtrim(lower({name[place]}), ': ') IN ({texts})",
                    _is_one_of(place, words),
                )
        words = sorted({word for row in odd if (word := _mark(row[0]))})
        prefixes = [
            (
                f"starts_with(lower({name[0]}), {literal(word)})",
                _starts_with(word),
            )
            for word in words
        ]
        # Of few columns, an empty one says little.
        is_narrow = len(self.names) <= NARROW
        yield from prefixes if is_narrow else ()
        rest = list(range(1, len(self.names)))
        if len(rest) > MAX_NAMED:
            rest = [place for place in self.always if place][:MAX_NAMED]
        if any(place in self.always for place in rest):
            listed = ", ".join(name[place] for place in rest)
            yield (
                f"coalesce({listed}) IS NULL" if len(rest) > 1 else f"{listed} IS NULL",
                _is_empty_in(rest),
            )
        yield from () if is_narrow else prefixes
        for row in odd:
            empty = [place for place in self.always if not row[place]][:MAX_NAMED]
            if len(empty) > 1 or (empty and not row[0]):
                yield (
                    " AND ".join(f"{name[place]} IS NULL" for place in empty),
                    _is_empty_in(empty),
                )


def _is_one_of(place: int, words: Sequence[str]) -> Callable[[list[str]], bool]:
    return lambda row: row[place].lower().rstrip(": ") in words


def _starts_with(word: str) -> Callable[[list[str]], bool]:
    return lambda row: row[0].lower().startswith(word)


def _is_empty_in(places: Sequence[int]) -> Callable[[list[str]], bool]:
    return lambda row: not any(row[place] for place in places)


def _first(row: Sequence[str]) -> str:
    """The first words of a row, in small letters."""
    return next((cell for cell in row if cell), "").lower()


def _mark(text: str) -> str | None:
    """What a row of totals, a closing line or a comment begins with."""
    return "#" if text.startswith("#") else _begins(text.lower(), (*_TOTAL, *_CLOSING))


def _shape(text: str) -> str:
    """What kind of text it is: runs of digits and of letters, whatever they say."""
    return _SHAPE[1].sub("a", _SHAPE[0].sub("0", text))


def _begins(text: str, words: Sequence[str]) -> str | None:
    """The longest of the words that the text begins with, as a word."""
    found = [
        word
        for word in words
        if text.startswith(word)
        and (len(text) == len(word) or not word[-1].isalnum() or not text[len(word)].isalnum())
    ]
    return max(found, key=len, default=None)
