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
import re
from collections import Counter
from collections.abc import Iterable, Mapping

import duckdb

from customer_intel.core.contract.model import Column
from customer_intel.core.engine import literal
from customer_intel.ingest.conform.odd_values import FLOAT_ID
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
    """Those of the id columns of which every value is a whole number ending in `.0`, as a frame
    with gaps writes it.
    """
    found = set()
    for name in columns:
        values = f"(SELECT {source_value(name, reader)} AS v FROM {rows})"
        # The first value tells of most columns that they are none.
        first = con.execute(f"SELECT v FROM {values} WHERE v IS NOT NULL LIMIT 1").fetchone()
        if first and is_float_id(str(first[0])):
            whole = f"bool_and(regexp_full_match(v, {literal(FLOAT_ID)}))"
            if con.execute(f"SELECT {whole} FROM {values}").fetchall()[0][0]:
                found.add(name)
    return frozenset(found)


def is_float_id(text: str) -> bool:
    """Whether a text is a whole number that ends in `.0`."""
    return re.fullmatch(FLOAT_ID, text.strip()) is not None
