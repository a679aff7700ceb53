"""A matrix whose cells hold two lines of words and a tint: a journey map.

Belongs here: its shape. Not here: other shapes (charts.py), what a cell says (a room's report.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from customer_intel.core.report.markup import Html, tag


@dataclass(frozen=True)
class Cell:
    """What stands in a cell; `tint` from 0 to 1; `is_marked` where one is to look."""

    above: str
    below: str = ""
    tint: float = 0.0
    is_marked: bool = False


def matrix(
    rows: Sequence[str], columns: Sequence[str], cells: Sequence[Sequence[Cell | None]], corner: str
) -> Html:
    """`cells` by row and column; None is an empty one. Scrolls inside its box where it is too wide."""
    heads = [tag("th", name, scope="col") for name in columns]
    body = [
        tag("tr", tag("th", name, scope="row"), *(_cell(cell) for cell in row))
        for name, row in zip(rows, cells, strict=True)
    ]
    head = tag("tr", tag("th", corner, scope="col"), *heads)
    return tag(
        "div",
        tag("table", tag("thead", head), tag("tbody", *body), class_="heat map"),
        class_="table",
    )


def _cell(cell: Cell | None) -> Html:
    if cell is None:
        return tag("td")
    return tag(
        "td",
        tag("b", cell.above, class_="down" if cell.is_marked else None),
        tag("br"),
        tag("small", cell.below),
        style=f"--p:{0.5 * min(1.0, max(0.0, cell.tint)):.2f}",
    )
