"""The cohort triangle: shares that are left of each cohort as time passes.

Belongs here: its shape. Not here: what a cohort is (a room's report.py), other shapes (charts.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from customer_intel.core.report.markup import Html, tag


def triangle(
    rows: Sequence[tuple[str, str]],
    columns: Sequence[str],
    cells: Sequence[Sequence[float | None]],
    corner: tuple[str, str],
) -> Html:
    """A row per cohort, (name, how many), with a cell per column: per cent, tinted by it up to 100;
    empty where it is not known yet. `corner` heads the two columns of the cohorts.
    """
    head = [tag("th", name, scope="col") for name in (*corner, *columns)]
    body = [
        tag(
            "tr",
            tag("th", name, scope="row"),
            tag("th", n, scope="row", class_="n"),
            *(
                tag("td", "")
                if value is None
                else tag("td", f"{100 * value:.0f}", style=f"--p:{0.5 * min(value, 1.0):.2f}")
                for value in line
            ),
        )
        for (name, n), line in zip(rows, cells, strict=True)
    ]
    drawn = tag("table", tag("thead", tag("tr", *head)), tag("tbody", *body), class_="heat")
    return tag("div", drawn, class_="table")
