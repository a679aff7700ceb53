"""What looking at a file's bytes tells: its reader options, and findings on the way.

Belongs here: the findings as data, and those that tables of every format share. Not here: what each
format tells (sniff.py and its helpers).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from customer_intel.ingest.advise.sniff_closing import MAX_CLOSING, closing_rows
from customer_intel.ingest.advise.sniff_header import further_heads
from customer_intel.ingest.mapping.model import Reader
from customer_intel.ingest.read.text_table import column_names

Level = Literal["found", "guess", "ask"]


@dataclass(frozen=True)
class Note:
    """One finding. `ask`: somebody must decide before a night reads the file; `guess`: likely, to be
    checked; `found`: plain to see.
    """

    level: Level
    topic: str
    text: str
    # Source columns that it is about, where the mapping may do without them.
    columns: tuple[str, ...] = ()


@dataclass
class Sniffed:
    """How a file is to be read, and what was noticed on the way."""

    sha256: str
    size: int
    format: str
    reader: Reader
    compression: str | None = None
    has_header: bool = True
    notes: list[Note] = field(default_factory=list)
    # Arrays of objects in each record of a JSON file, such as an order's lines.
    children: tuple[str, ...] = ()

    def note(self, level: Level, topic: str, text: str) -> None:
        """Adds a finding."""
        self.notes.append(Note(level, topic, text))

    def reader_of(self, child: str) -> Reader:
        """The options by which the items of one of `children` are the rows, beside the columns of
        the record that they stand in.
        """
        nested = self.reader.nested
        if not isinstance(nested, bool):
            nested = (*nested, *self.nested_in_children.get(child, ()))
        return self.reader.model_copy(update={"rows": child, "nested": nested})

    # Array → objects in its items that are to become columns.
    nested_in_children: dict[str, tuple[str, ...]] = field(default_factory=dict)


def unless(kind: str, by_name: str | None) -> Any:
    """reader.format only where the file's ending does not say it."""
    return None if kind == by_name else kind


def note_header(found: Sniffed, row: int, has_header: bool, why: str) -> None:
    """Says which row holds the names; `row` counts from 1."""
    if not has_header:
        found.note(
            "ask", "header",
            f"no row of names ({why}): columns are called column1, column2, …; ask the source for "
            "names, or read "
            "with a header if the first row holds them",
        )  # fmt: skip
        if row > 1:
            found.note(
                "ask",
                "header",
                f"{row - 1} lines stand above the data and will be quarantined as rows",
            )
        return
    if row > 1:
        found.note("found", "header", f"names in row {row}; {row - 1} lines above it are left out")
    found.note("found" if not why else "guess", "header", why or f"row {row} holds the names")


def note_rows(
    found: Sniffed, rows: Sequence[tuple[int, Sequence[str | None]]], header: int
) -> None:
    """Sets header_rows and skip_rows where the rows show that they are needed, and says why.

    `rows`: (line, cells) of the table's beginning and end; `header`: the index of the names' row.
    """
    if not found.has_header:
        return
    cells = [row for _, row in rows]
    heads, why = further_heads(cells, header)
    names = column_names([cell or "" for cell in cells[header]])
    for note in names.notes:
        found.note("found", "header", note)
    nameless = [place for place, cell in enumerate(cells[header], 1) if not (cell or "").strip()]
    if nameless:
        first = names[nameless[0] - 1]
        found.note(
            "found", "header",
            f"{len(nameless)} columns have no name and are called by their place, such as {first}",
        )  # fmt: skip
    update: dict[str, Any] = {}
    if heads > 1:
        update["header_rows"] = heads
        found.note(
            "found", "header", f"{heads} rows of names ({why}); those after the first are no rows"
        )
    body = rows[header + heads :]
    gaps = [at > 0 and body[at][0] - body[at - 1][0] > 1 for at in range(len(body))]
    closing, untold = closing_rows(names, [row for _, row in body], gaps)
    if closing:
        update["skip_rows"] = closing.condition
        found.note(
            "found", "rows",
            f"left out and counted as skipped: {closing.why} "
            f"(reader.skip_rows: {closing.condition})",
        )  # fmt: skip
    if untold:
        found.note(
            "ask", "rows",
            f"{untold} of the last {MAX_CLOSING} lines look like a report's end, but nothing tells "
            "them from rows; say it in reader.skip_rows, or they are quarantined",
        )  # fmt: skip
    found.reader = found.reader.model_copy(update=update)
