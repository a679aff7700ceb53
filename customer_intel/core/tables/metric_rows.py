"""The SELECT of what metrics are made of: the rows of every entry, by day, dimension and member.

Belongs here: the text of that SELECT. Not here: what a metric is (core/contract/model.py), what is
made of its rows (a room's own SQL).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from customer_intel.core.contract.model import Metric

# Sums in this type are exact, so that they are the same however rows are dealt out to threads.
EXACT = "DECIMAL(38, 6)"
_PLACE = re.compile(r"^-- from (\S+):(\d+)$", re.MULTILINE)


def select(metrics: Sequence[Metric]) -> str:
    """One SELECT over all. Before each entry's text a comment says where it stands."""
    rows = ",\n".join(
        f"rows_{metric.name} AS (\n-- from {metric.where}\n{metric.rows.strip().rstrip(';')}\n)"
        for metric in metrics
    )
    return f"WITH\n{rows}\n" + "\nUNION ALL\n".join(
        part for metric in metrics for part in _parts(metric)
    )


def place(sql: str, line: int) -> tuple[str, int] | None:
    """File and line of the entry that made line `line` (from 1) of the SELECT; None outside of
    entries.
    """
    end = sum(len(text) + 1 for text in sql.split("\n")[:line])
    begins = list(_PLACE.finditer(sql, 0, end))
    if not begins or re.search(r"^\)", sql[begins[-1].end() : end], re.MULTILINE):
        return None
    above = sql.count("\n", 0, begins[-1].start()) + 1
    return begins[-1][1], int(begins[-1][2]) + line - above


def _parts(metric: Metric) -> Iterator[str]:
    total = [("'all'", "'all'")] if metric.has_total else []
    members = [
        (f"'{name}'", f"coalesce(CAST({name} AS VARCHAR), 'unknown')") for name in metric.dimensions
    ]
    exact = f"CAST(value AS {EXACT})"
    known, unknown = "count(value)", "sum(CASE WHEN value IS NULL THEN 1 ELSE 0 END)"
    sums = {
        "gap_days": "-1",
        "n": "count(*)",
        "n_unknown": unknown,
        "total": f"coalesce(sum({exact}), 0)",
        "squares": "0",
        "low": "NULL",
        "high": "NULL",
    }
    if metric.kind in ("mean", "share"):
        if metric.kind == "share":
            exact = f"CAST(CASE WHEN value THEN 1 ELSE 0 END AS {EXACT})"
        squared = f"CAST(round(CAST({exact} AS DOUBLE) * CAST({exact} AS DOUBLE), 6) AS {EXACT})"
        only = "CASE WHEN value IS NOT NULL THEN {} END"
        sums |= {
            "n": known,
            "n_unknown": "0",
            "total": f"coalesce(sum({only.format(exact)}), 0)",
            "squares": f"coalesce(sum({only.format(squared)}), 0)",
        }
    elif metric.kind == "distinct":
        sums |= {"gap_days": "gap_days", "n_unknown": "0", "total": "0"}
    elif metric.kind == "given":
        sums |= {
            # Each row is its own: two of a day and member break the table's key.
            "n": "n",
            "total": exact,
            "n_unknown": "CASE WHEN value IS NULL THEN 1 ELSE 0 END",
            "low": "low",
            "high": "high",
        }
    types = {
        "gap_days": "BIGINT",
        "n": "BIGINT",
        "n_unknown": "BIGINT",
        "total": "DOUBLE",
        "squares": "DOUBLE",
        "low": "DOUBLE",
        "high": "DOUBLE",
    }
    listed = ",\n    ".join(f"CAST({sql} AS {types[name]}) AS {name}" for name, sql in sums.items())
    for dimension, member in (*total, *members):
        rows, where = f"rows_{metric.name}", _which(metric, dimension)
        group = "day" + (f", {member}" if dimension != "'all'" else "")
        grouping = "" if metric.kind == "given" else f"GROUP BY {group}"
        if metric.kind == "distinct":
            rows, member = _gaps(rows, dimension, member), "member"
            grouping = "GROUP BY day, member, gap_days"
        yield (
            f"SELECT\n    '{metric.name}' AS entry,\n    day,\n    {dimension} AS dimension,\n"
            f"    {member} AS member,\n    {listed}\n"
            f"FROM {rows}\n{where}{grouping}"
        )


def _gaps(rows: str, dimension: str, member: str) -> str:
    """Of each row with a value, its member and the days since the value last stood there, -1 when
    it never did. Members beyond the largest are one, for a thing is counted once in all of them.
    """
    source = f"(SELECT day, value, 'all' AS member FROM {rows} WHERE value IS NOT NULL) AS known"
    if dimension != "'all'":
        known = (
            f"(SELECT day, value, {member} AS member FROM {rows} WHERE value IS NOT NULL) AS known"
        )
        large = (
            f"SELECT member FROM {known} WHERE day < $as_of GROUP BY member\n"
            "QUALIFY row_number() OVER (ORDER BY count(*) DESC, member) <= $members_max"
        )
        source = (
            "(\nSELECT known.day, known.value, coalesce(large.member, 'other') AS member\n"
            f"FROM {known}\nLEFT JOIN (\n{large}\n) AS large ON large.member = known.member\n) AS told"
        )
    return (
        "(\nSELECT day, member, coalesce(date_diff('day', lag(day) OVER (PARTITION BY member, value "
        f"ORDER BY day), day), -1) AS gap_days\nFROM {source}\n) AS gaps"
    )


def _which(metric: Metric, dimension: str) -> str:
    """Which of an entry's rows make the part. A given total is a row without any member."""
    if metric.kind != "given" or not metric.dimensions:
        return ""
    if dimension == "'all'":
        return "WHERE " + " AND ".join(f"{name} IS NULL" for name in metric.dimensions) + " "
    return f"WHERE {dimension.strip(chr(39))} IS NOT NULL "
