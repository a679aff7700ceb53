"""Odd values of optional columns: the record stands without them.

Belongs here: which columns may lose a value, what is kept of it, how many there were; and ids that
are floats in the whole of a file. Not here: what a value is (typing_rules.py, odd_values.py), rows
that cannot be taken (quarantine.py).

An impossible birth date or an unknown word costs a person's record nothing: the column is empty,
the text stands in extra_json under `_emptied`, by the entity's column, and a check counts it. Keys,
required columns, amounts and deletions are no such columns: without them a row says something else.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping

import duckdb

from customer_intel.core.contract.model import Column
from customer_intel.core.engine import literal
from customer_intel.ingest.conform.odd_values import are_floats
from customer_intel.ingest.conform.typing_rules import source_value
from customer_intel.ingest.mapping.model import Reader

# In extra_json, and how the checks that count them are named.
KEPT, CHECK = "_emptied", "emptied_"


def may_be_emptied(column: Column, key: tuple[str, ...]) -> bool:
    """Whether a row stands without the column's value, where that is none."""
    firm = column.required or column.name in key or column.name == "_deleted"
    return not firm and column.type != "money"


def emptied_sql(flags: Mapping[str, tuple[str, str]]) -> str:
    """A JSON object of the texts that are no value, null where there is none. `flags`: column →
    (SQL of whether its text is none, SQL of the text).
    """
    if not flags:
        return "CAST(NULL AS VARCHAR)"
    pairs = ", ".join(
        f"CASE WHEN {odd} THEN {literal(json.dumps(name) + ':')} || CAST(to_json({text}) AS VARCHAR) "
        "END"
        for name, (odd, text) in flags.items()
    )
    some = " OR ".join(odd for odd, _ in flags.values())
    return f"CASE WHEN {some} THEN '{{' || concat_ws(',', {pairs}) || '}}' END"


def with_kept(extra: str, emptied: str) -> str:
    """extra_json with the emptied texts in it, as SQL over columns of these names."""
    kept = f"'\"{KEPT}\":' || {emptied} || '}}'"
    return (
        f"CASE WHEN {emptied} IS NULL THEN {extra} WHEN {extra} IS NULL THEN '{{' || {kept} "
        f"ELSE left({extra}, length({extra}) - 1) || ',' || {kept} END"
    )


def counted(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Check → how many values of accepted rows of `typed` were emptied."""
    found = con.execute(
        f"SELECT {literal(CHECK)} || name, count(*) FROM (SELECT unnest(json_keys(_emptied)) AS name "
        "FROM typed WHERE NOT _bad AND _emptied IS NOT NULL) GROUP BY 1 ORDER BY 1"
    ).fetchall()
    return {str(name): int(n) for name, n in found}


def counted_in(texts: Iterable[str]) -> Counter[str]:
    """The same of JSON objects."""
    return Counter(CHECK + name for text in texts for name in json.loads(text))


def float_ids(
    con: duckdb.DuckDBPyConnection, rows: str, columns: Iterable[str], reader: Reader
) -> frozenset[str]:
    """Those of the id columns that a frame with gaps wrote as floats (odd_values.are_floats)."""
    found = set()
    for name in columns:
        values = f"(SELECT {source_value(name, reader)} AS v FROM {rows})"
        # No pattern is asked of a column without such an end, as most are.
        ends = con.execute(f"SELECT count(*) FROM {values} WHERE suffix(v, '.0')").fetchall()[0][0]
        asked = f"SELECT {are_floats('v')} FROM {values}"
        if ends and con.execute(asked).fetchall()[0][0]:
            found.add(name)
    return frozenset(found)
