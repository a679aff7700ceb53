"""Duplicate rows of a file: exact ones, of which one counts, and rows of one key that contradict
each other.

Belongs here: finding them. Not here: which row of a key stands in the end (latest_row.py).
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

WIDE = 60


def find_duplicates(
    con: duckdb.DuckDBPyConnection, columns: Sequence[str], key: Sequence[str]
) -> tuple[int, bool]:
    """Makes `duplicate_row`, the _row of each row of `text_row` that equals an earlier one.

    `key`: the columns that tell rows apart, none when unknown. Returns (how many, whether a key may
    stand twice).
    """
    # Many columns are one list: DuckDB's time to plan grows with the square of their number.
    names = ", ".join(columns) if len(columns) < WIDE else f"[{', '.join(columns)}]"
    # Equal hashes only nominate candidates; rows are dropped when all columns are equal. A key is
    # less to hash than a row.
    repeated = "true"
    if key:
        repeated = f"hash({', '.join(key)}) IN (SELECT h FROM key_twice)"
        con.execute(
            f"CREATE TABLE key_twice AS SELECT hash({', '.join(key)}) AS h FROM text_row GROUP BY "
            "1 HAVING count(*) > 1"
        )
        if not con.execute("SELECT count(*) FROM key_twice").fetchall()[0][0]:
            return 0, False
    con.execute(
        f"""CREATE TABLE duplicate_row AS
        WITH nominated AS (SELECT hash({names}) AS h FROM text_row WHERE {repeated} GROUP BY 1 HAVING count(*) > 1)
        SELECT _row FROM (
            SELECT _row, row_number() OVER (PARTITION BY {names} ORDER BY _row) AS place
            FROM text_row WHERE hash({names}) IN (SELECT h FROM nominated)
        ) WHERE place > 1"""
    )
    return int(con.execute("SELECT count(*) FROM duplicate_row").fetchall()[0][0]), True


def conflicting(con: duckdb.DuckDBPyConnection, key: Sequence[str], times: Sequence[str]) -> int:
    """Rows of `typed` of one key and one time that differ: which of them is true, nobody can tell."""
    if not key:
        return 0
    found = con.execute(
        f"SELECT coalesce(sum(n), 0) FROM (SELECT count(*) AS n FROM typed WHERE NOT _bad "
        f"GROUP BY {', '.join([*key, *times])} HAVING count(*) > 1)"
    )
    return int(found.fetchall()[0][0])
