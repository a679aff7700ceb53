"""Day or month first, where every value is a date either way: what the file says besides.

Belongs here: evidence from the export's date and from the order of rows. Not here: one value's
formats (column_profile.py), the file's locale (locale.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from customer_intel.core.engine import literal, quoted
from customer_intel.ingest.advise.column_profile import ColumnProfile, swapped
from customer_intel.ingest.read.readers import TextTable

# Rows in one direction say nothing when they are few.
_ENOUGH = 12
# Of steps from row to row in one direction, by the order that is right and by the other.
_SORTED, _SHUFFLED = 0.98, 0.9


@dataclass(frozen=True)
class _Reading:
    after: int
    sorted: float
    steps: int


def date_order(
    con: duckdb.DuckDBPyConnection,
    text: TextTable,
    undecided: Sequence[ColumnProfile],
    exported: date,
) -> tuple[str, str] | None:
    """(day or month, why), None where nothing speaks for one or columns contradict each other.

    `exported`: no value is later than the day on which the file was made.
    """
    found = [verdict for item in undecided if (verdict := _verdict(con, text, item, exported))]
    return found[0] if len({order for order, _ in found}) == 1 else None


def _verdict(
    con: duckdb.DuckDBPyConnection, text: TextTable, profile: ColumnProfile, exported: date
) -> tuple[str, str] | None:
    day = _reading(con, text, profile.name, profile.formats, exported)
    month = _reading(con, text, profile.name, [swapped(f) for f in profile.formats], exported)
    for order, other, right, wrong in (("day", "month", day, month), ("month", "day", month, day)):
        if not right.after and wrong.after:
            return order, (
                f"{order} first: with the {other} first {wrong.after:,} values of {profile.name} would "
                f"lie after {exported.isoformat()}, when the file was made"
            )
    for order, right, wrong in (("day", day, month), ("month", month, day)):
        if right.steps >= _ENOUGH and right.sorted >= _SORTED and wrong.sorted < _SHUFFLED:
            return order, f"{order} first: so the rows stand in the order of {profile.name}"
    return None


def _reading(
    con: duckdb.DuckDBPyConnection,
    text: TextTable,
    name: str,
    formats: Sequence[str],
    exported: date,
) -> _Reading:
    reads = ", ".join(f"try_strptime(trim({quoted(name)}), {literal(form)})" for form in formats)
    after, up, down, steps = con.execute(
        f"""
        WITH read AS (SELECT row_number() OVER () AS place, coalesce({reads}) AS t FROM ({text.sql})),
        step AS (
            SELECT t, lag(t) OVER (ORDER BY place) AS before FROM read WHERE t IS NOT NULL
        )
        SELECT count(*) FILTER (t >= DATE {literal(exported.isoformat())} + INTERVAL 1 DAY),
            count(*) FILTER (t >= before), count(*) FILTER (t <= before), count(before)
        FROM step
        """
    ).fetchall()[0]
    return _Reading(after, max(up, down) / steps if steps else 0.0, steps)
