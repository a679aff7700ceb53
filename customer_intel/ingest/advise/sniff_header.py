"""Rows of names: which row of a table holds them, and whether further ones say more of the columns.

Belongs here: the top of a table, whatever its format. Not here: its closing lines
(sniff_closing.py).
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence

Cells = Sequence[Sequence[str | None]]
# More rows of names than this no platform writes.
MAX_HEADS = 4
_VALUE = re.compile(
    r"""[-+]?[\d.,']*\d[\d.,']*\s?[€$£%]? | [€$£]\s?[\d.,]+ | \d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ,].*)?
    | [^@\s]+@[^@\s]+\.[^@\s]+ | https?://\S+ | true|false
    | [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22} | (?=.*\d)[0-9a-f]{12,}""",
    re.IGNORECASE | re.VERBOSE,
)
_IMPORT_ID = re.compile(r"\{\s*['\"]ImportId['\"].*\}", re.DOTALL)
_RESPONSE = re.compile(
    r"(open-ended )?response|(offene )?antwort|réponse( ouverte)?|respuesta( abierta)?", re.I
)


def is_value(cell: str) -> bool:
    """Whether a cell can be no name: a number, a date, an address, an id."""
    return _VALUE.fullmatch(cell) is not None


def header_row(rows: Cells) -> tuple[int, bool, str]:
    """(index of the first row of the table, whether it holds names, why when that is not plain)."""
    cells = _trimmed(rows)
    width = int(statistics.mode(sum(1 for cell in row if cell) for row in cells)) if cells else 0
    widest = max((len(row) for row in cells), default=0)
    full = [sum(1 for cell in row if cell) for row in cells]
    # A data row may have holes, a row of names hardly any.
    need = max(2, round(0.8 * width)) if widest > 1 else 1
    first = next((place for place, count in enumerate(full[:40]) if count >= need), 0)
    first = _questions_above(cells, first)
    head, below = cells[first], cells[first + 1 : first + 200]
    valued = [place for place, cell in enumerate(head) if cell and _VALUE.fullmatch(cell)]
    if not below:
        return first, not valued, "one row only" if valued else ""
    columns = [
        [row[place] for row in below if place < len(row) and row[place]]
        for place in range(len(head))
    ]
    typed = [place for place, column in enumerate(columns) if _valued_share(column) > 0.6]
    filled = [cell.lower() for cell in head if cell]
    if valued and (
        len(valued) * 4 >= len(filled) or len(set(valued) & set(typed)) * 2 > len(typed)
    ):
        return first, False, "the first row holds values such as numbers or dates"
    if typed or len(set(head) - {""}) < 2:
        return first, True, ""
    repeated = sum(1 for place, cell in enumerate(head) if cell and cell in columns[place])
    if repeated * 4 >= len(filled) or len(set(filled)) < len(filled):
        return first, False, "the first row's values come again further down"
    return (
        first,
        True,
        f"row {first + 1} is taken for the names, but every column is text: look at it",
    )


def _trimmed(rows: Cells) -> list[list[str]]:
    return [[(cell or "").strip() for cell in row] for row in rows]


def _valued_share(column: Sequence[str]) -> float:
    return sum(1 for cell in column if _VALUE.fullmatch(cell)) / len(column) if column else 0.0


def _questions_above(cells: Sequence[Sequence[str]], first: int) -> int:
    """The row of questions where the row taken for the names holds their parts only: a question of
    several answers stands over the first of them.
    """
    if not first:
        return first
    above, parts = cells[first - 1], cells[first]
    told = [place for place, cell in enumerate(parts) if cell and _RESPONSE.fullmatch(cell)]
    blank = [place for place, cell in enumerate(parts) if not cell]
    covered = all(place < len(above) and above[place] for place in blank)
    return first - 1 if told and blank and covered else first


def further_heads(rows: Cells, header: int) -> tuple[int, str]:
    """(how many rows of names there are from `header` on, by what that was seen).

    Survey platforms write names, the questions' texts and their own ids below each other.
    """
    cells = _trimmed(rows)
    below = cells[header + 1 :]
    for place, row in enumerate(below[: MAX_HEADS - 1]):
        ids = sum(1 for cell in row if _IMPORT_ID.fullmatch(cell))
        if ids and ids * 2 >= sum(1 for cell in row if cell):
            return place + 2, "names, what they mean, and the platform's own ids"
    count = 1
    while count < min(MAX_HEADS, len(below)):
        row = below[count - 1]
        # Names that come again are no further ones.
        if row == cells[header] or not _says_more(row, below[count:]):
            break
        count += 1
    if count > 1:
        return count, "the rows below the names hold words where all others hold values"
    return 1, ""


def _says_more(row: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether a row below the names holds no values, but the names' meaning or parts."""
    body = body[:200]
    if len(body) < 3:
        return False
    columns = [
        [other[place] for other in body if place < len(other) and other[place]]
        for place in range(len(row))
    ]
    typed = [
        place
        for place, column in enumerate(columns)
        if len(column) * 2 > len(body) and _valued_share(column) > 0.9
    ]
    words = [place for place in typed if row[place] and not _VALUE.fullmatch(row[place])]
    if len(words) >= 2 and len(words) * 5 >= len(typed) * 4:
        return True
    # Parts of questions: "Response" somewhere, and nothing below names of the platform's own.
    always = [place for place, column in enumerate(columns) if len(column) == len(body)]
    empty = [place for place in always if not row[place]]
    told = any(_RESPONSE.fullmatch(cell) for cell in row if cell)
    return told and len(empty) >= 1 and not any(_VALUE.fullmatch(row[place]) for place in typed)
