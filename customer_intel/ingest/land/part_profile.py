"""What an export's values are like, in a few numbers by which later exports are judged (judge/).

Belongs here: measuring one part. Not here: what is unusual (judge/series.py). A profile holds counts,
moments and shapes; of values only the words of short, impersonal columns, such as states.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from customer_intel.core.contract.model import STAMPS, Column, Table
from customer_intel.core.engine import literal, quoted

# So many rows tell what a column is like; of more, every k-th is looked at.
LOOKED_AT = 20_000
# A column of more different words than these has no words to know it by.
WORDS = 30
SHAPES = 8
# Shapes are kept of a column whose most frequent ones cover so much; of values that are nearly all
# different, or longer than 40 signs on average, it is not asked whether they are known.
HALF, MOSTLY, SHORT = 0.5, 0.95, 3.7
_OWN = ("source_system", "exported_at", "source_file", "source_row", "extra_json", "_deleted")
_DERIVED = ("column_set", "column_files", "record_key", *STAMPS)
_NUMBERS = ("int", "float", "money")
_TIMES = ("date", "timestamp")
# Letters and digits of any script as one sign each run: `AB-12` has the shape `a-0`.
_SHAPE = (
    "left(regexp_replace(regexp_replace({column}, '[0-9]+', '0', 'g'), '\\p{{L}}+', 'a', 'g'), 24)"
)

Profile = dict[str, Any]


def profile(
    con: duckdb.DuckDBPyConnection,
    part: Path,
    entity: Table,
    export_date: date,
    before: Iterable[Path] = (),
) -> Profile:
    """The part's numbers: `n` rows and, by column, of its non-empty values

    n; text: distinct, length (mean, sd of ln), shapes or words (→ share), known (share that also
    stands in `before`, the export before); numbers: zero, negative (shares), log (mean, sd of
    ln |x| without zeros); times: ahead (share after the export), age (mean, sd of ln(1 + days)).
    """
    rows = con.execute(f"SELECT count(*) FROM {_parquet([part])}").fetchall()[0][0]
    if not rows:
        return {"n": 0, "columns": {}}
    step = max(1, -(-rows // LOOKED_AT))
    columns = [
        column
        for column in entity.columns
        if column.name not in (*_OWN, *_DERIVED, entity.day_column)
    ]
    names = ", ".join(quoted(column.name) for column in columns)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE looked_at AS SELECT {names} FROM {_parquet([part])} "
        f"WHERE source_row % {step} = 0 OR {rows} <= {LOOKED_AT}"
    )
    asked = [("n", "count(*)")]
    for at, column in enumerate(columns):
        asked += [(f"{at}.{name}", sql) for name, sql in _measures(column, export_date)]
    picked = ", ".join(f'{sql} AS "{name}"' for name, sql in asked)
    cursor = con.execute(f"SELECT {picked} FROM looked_at")
    found = dict(zip((name for name, _ in asked), cursor.fetchall()[0], strict=True))
    result: Profile = {"n": rows, "columns": {}}
    earlier = list(before)
    for at, column in enumerate(columns):
        own = {name: found[f"{at}.{name}"] for name, _ in _measures(column, export_date)}
        if own["n"]:
            own["filled"] = own["n"] / found["n"]
            if column.type == "text":
                own |= _texts(con, column, own, earlier)
            result["columns"][column.name] = {
                name: round(value, 6) if isinstance(value, float) else value
                for name, value in own.items()
                if value is not None
            }
    unkeyed = ", ".join(quoted(c.name) for c in columns if c.name not in entity.key)
    if unkeyed:
        distinct = con.execute(
            f"SELECT approx_count_distinct(hash({unkeyed})) FROM {_parquet([part])}"
        ).fetchall()[0][0]
        result["alike"] = round(max(0.0, 1 - distinct / rows), 6)
    con.execute("DROP TABLE looked_at")
    return result


def _measures(column: Column, export_date: date) -> list[tuple[str, str]]:
    name = quoted(column.name)
    found = [("n", f"count({name})")]
    if column.type == "text":
        length = f"ln(1 + length({name}))"
        found += [
            ("distinct", f"count(DISTINCT {name})"),
            ("length", f"avg({length})"),
            ("length_sd", f"stddev_samp({length})"),
        ]
    elif column.type in _NUMBERS:
        size = f"CASE WHEN {name} <> 0 THEN ln(abs(CAST({name} AS DOUBLE))) END"
        found += [
            ("distinct", f"count(DISTINCT {name})"),
            ("zero", f"avg(CASE WHEN {name} = 0 THEN 1.0 WHEN {name} IS NOT NULL THEN 0.0 END)"),
            ("negative", f"avg(CASE WHEN {name} < 0 THEN 1.0 WHEN {name} IS NOT NULL THEN 0 END)"),
            ("log", f"avg({size})"),
            ("log_sd", f"stddev_samp({size})"),
        ]
    elif column.type in _TIMES:
        days = f"date_diff('second', CAST({name} AS TIMESTAMP), TIMESTAMP '{export_date}') / 86400"
        age = f"ln(1 + greatest({days}, 0))"
        found += [
            ("distinct", f"count(DISTINCT {name})"),
            ("ahead", f"avg(CASE WHEN {days} < -2 THEN 1.0 WHEN {name} IS NOT NULL THEN 0.0 END)"),
            ("age", f"avg({age})"),
            ("age_sd", f"stddev_samp({age})"),
        ]
    elif column.type == "bool":
        found += [("true", f"avg(CASE WHEN {name} THEN 1.0 WHEN NOT {name} THEN 0.0 END)")]
    return found


def _texts(
    con: duckdb.DuckDBPyConnection, column: Column, own: Profile, before: list[Path]
) -> Profile:
    """Words of a column of few, shapes of any other, and how many values are known."""
    name, found = quoted(column.name), {}
    if own["distinct"] <= WORDS and not column.pii:
        words = con.execute(
            f"SELECT {name}, count(*) FROM looked_at WHERE {name} IS NOT NULL GROUP BY 1 ORDER BY 1"
        ).fetchall()
        found["words"] = {word: round(n / own["n"], 6) for word, n in words}
    else:
        shape = _SHAPE.format(column=name)
        shapes = con.execute(
            f"SELECT {shape} AS shape, count(*) AS n FROM looked_at WHERE {name} IS NOT NULL "
            f"GROUP BY 1 ORDER BY n DESC, shape LIMIT {SHAPES}"
        ).fetchall()
        told = {shape: round(n / own["n"], 6) for shape, n in shapes}
        # Of free text no shape is usual.
        if sum(told.values()) > HALF:
            found["shapes"] = told
        if before and own["distinct"] < MOSTLY * own["n"] and own["length"] < SHORT:
            known = con.execute(
                f"SELECT count(*) FROM looked_at WHERE {name} IN (SELECT {name} FROM "
                f"{_parquet(before)})"
            ).fetchall()[0][0]
            found["known"] = round(known / own["n"], 6)
    return found


def _parquet(paths: Iterable[Path]) -> str:
    listed = ", ".join(literal(str(path)) for path in paths)
    return f"read_parquet([{listed}], hive_partitioning = false, union_by_name = true)"
