"""From all accepted rows to one row per key: the latest one stands, unless it is a deletion; where
files bring different columns of a key, each column's latest.

Belongs here: the SQL from raw_<entity> to the entity. Not here: making the accepted rows
(conform.py), which columns a file has (column_sets.py).
"""

from __future__ import annotations

import json

from customer_intel.core.contract.model import STAMPS, Table
from customer_intel.core.engine import literal
from customer_intel.ingest.conform.column_sets import has, places
from customer_intel.ingest.mapping.expressions import columns_of

# What says where a row is from; its own file's, however many made it.
OF_FILE = ("source_system", "exported_at", "source_file", "source_row", "column_set", "_deleted")
# So many files' unknown columns are joined for one key; more different exports of one entity, nobody
# has.
FILES = 16
# Added to the turn of a file that fills a column which it does not have.
UNSAID = 100_000


def conformed_sql(table: Table) -> str:
    """One row of each key out of raw_<entity>, deleted ones gone: a key stands once, over all days.

    Newest: by the entity's own order columns, then the export's date, then file and row, so that a
    tie is impossible. A deletion that carries no time of its own counts by its export: it ends
    every row of older exports and of its own, and a row of a later export brings the thing back.

    Rows of a key whose files have different columns (column_set) are merged, after its last
    deletion: of each set the newest row, and of each column the value of the newest file that has
    it, by export date and then file, also where it is empty there. A column that no file has, only
    mappings' constants, is the newest file's that fills it.
    """
    columns = [column.name for column in table.columns if column.name not in STAMPS]
    names, parts = ", ".join(columns), ", ".join(table.key)
    times = list((table.entity or {}).get("order", ()))
    timeless = " AND ".join(["_deleted", *(f"{name} IS NULL" for name in times)])
    ended = [
        f"coalesce({name}, CASE WHEN _deleted THEN exported_at + INTERVAL 1 DAY END)"
        for name in times
    ]
    order = [
        "CASE WHEN exported_at > gone_at THEN 2 WHEN exported_at = gone_at THEN 1 ELSE 0 END DESC"
    ]
    order += [
        *(f"{time} DESC NULLS LAST" for time in ended),
        "exported_at DESC",
        "source_file DESC",
        "source_row DESC",
    ]
    # Few keys stand twice, and ordering wide rows is dear: only those rows are ordered.
    once = " AND ".join(f"d.{name} = r.{name}" for name in table.key)
    gone = " AND ".join(f"g.gone_{name} = r.{name}" for name in table.key)
    keys = ", ".join(f"{name} AS gone_{name}" for name in table.key)
    own = ", ".join(f"r.{name}" for name in columns)
    kept = "CASE WHEN NOT coalesce(_deleted, FALSE) THEN column_set END"
    return (
        f"WITH repeated AS (\n    SELECT {parts}, min({kept}) AS least_set, max({kept}) AS most_set\n"
        f"    FROM raw_{table.name} GROUP BY {parts} HAVING count(*) > 1\n),\n"
        f"removal AS (\n    SELECT {keys}, max(exported_at) AS gone_at FROM raw_{table.name}\n"
        f"    WHERE {timeless} GROUP BY {parts}\n),\n"
        # Of most keys one row goes on: the others need no room beside it.
        f"placed AS (\n    SELECT * FROM (\n        SELECT {own},\n            row_number() OVER (PARTITION BY "
        f"{', '.join(f'r.{name}' for name in table.key)} ORDER BY {', '.join(order)}) AS place,\n"
        "            coalesce(d.least_set <> d.most_set, FALSE) AS is_mixed\n"
        f"        FROM raw_{table.name} AS r\n        INNER JOIN repeated AS d ON {once}\n"
        f"        LEFT JOIN removal AS g ON {gone}\n    ) AS p\n    WHERE place = 1 OR is_mixed\n),\n"
        f"{_merged(table, columns)}"
        f"SELECT {names}\nFROM raw_{table.name} AS r\nWHERE NOT coalesce(_deleted, FALSE) AND NOT "
        f"EXISTS (SELECT 1 FROM repeated AS d WHERE {once})\nUNION ALL\nSELECT {names}\nFROM placed\n"
        "WHERE place = 1 AND NOT is_mixed AND NOT coalesce(_deleted, FALSE)\n"
        f"UNION ALL\nSELECT {names}\nFROM merged"
    )


def _merged(table: Table, columns: list[str]) -> str:
    """`merged`: the keys whose files have different columns, one row each. `turn`: a column set's
    place among those of its key, the newest file's first.
    """
    parts = ", ".join(table.key)
    over = f"OVER (PARTITION BY {parts})"
    named = ", ".join(f"p.{name}" for name in columns)
    same_key = " AND ".join(f"t.{name} = p.{name}" for name in table.key)
    newest_file = "exported_at DESC, source_file DESC, source_row DESC, place"
    # The order is found over narrow rows.
    return (
        f"mixed AS (\n    SELECT {parts}, column_set, exported_at, source_file, source_row, place,\n"
        f"        min(CASE WHEN _deleted THEN place END) {over} AS gone_place,\n"
        f"        row_number() OVER (PARTITION BY {parts}, column_set ORDER BY place) AS place_of_set\n"
        "    FROM placed WHERE is_mixed\n),\n"
        f"turned AS (\n    SELECT {parts}, place, count(*) {over} AS turns,\n"
        f"        row_number() OVER (PARTITION BY {parts} ORDER BY {newest_file}) AS turn\n"
        "    FROM mixed WHERE place_of_set = 1 AND (gone_place IS NULL OR place < gone_place)\n),\n"
        f"newest AS (\n    SELECT {named}, CAST(to_json(p.source_file) AS VARCHAR) AS file_json, t.turn, "
        f"t.turns\n    FROM placed AS p INNER JOIN turned AS t ON {same_key} AND t.place = p.place\n"
        "    WHERE p.is_mixed\n),\n"
        f"merged AS (\n    {_of_two(table, columns)}\n    UNION ALL\n    {_of_many(table, columns)}\n)\n"
    )


def _of_two(table: Table, columns: list[str]) -> str:
    """SQL of the keys of at most two column sets: a join, which is a tenth of the work."""
    made, told = {name: f"n.{name}" for name in columns}, []
    for name in _valued(table, columns):
        own, other = _has(table, name, "n."), _has(table, name, "o.")
        made[name] = (
            f"CASE WHEN {own} THEN n.{name} WHEN {other} THEN o.{name} ELSE "
            f"coalesce(n.{name}, o.{name}) END"
        )
        told.append(
            f"CASE WHEN o.{name} IS NULL OR {own} OR (n.{name} IS NOT NULL AND NOT {other}) THEN '' "
            f"ELSE {literal(f', {json.dumps(name)}: ')} || o.file_json END"
        )
    told.append(
        "CASE WHEN o.extra_json IS NULL THEN '' ELSE ', \"extra_json\": [' || o.file_json || ']' END"
    )
    made["extra_json"] = (
        "CASE WHEN o.extra_json IS NULL THEN n.extra_json WHEN n.extra_json IS NULL THEN o.extra_json "
        "ELSE CAST(json_merge_patch(o.extra_json, n.extra_json) AS VARCHAR) END"
    )
    made["column_files"] = _object(told)
    picked = ",\n        ".join(f"{made[name]} AS {name}" for name in columns)
    same_key = " AND ".join(f"o.{name} = n.{name}" for name in table.key)
    return (
        f"SELECT {picked}\n    FROM newest AS n LEFT JOIN newest AS o ON {same_key} AND o.turn = 2\n"
        "    WHERE n.turn = 1 AND n.turns <= 2"
    )


def _of_many(table: Table, columns: list[str]) -> str:
    """SQL of the other keys: windows and no groups, which keep every key's texts in memory at once."""
    over = f"OVER (PARTITION BY {', '.join(table.key)})"
    valued = _valued(table, columns)
    at = "".join(
        f",\n            mod(min(CASE WHEN {_has(table, name)} THEN turn WHEN {name} IS NOT NULL THEN "
        f"turn + {UNSAID} END) {over}, {UNSAID}) AS at_{name}"
        for name in valued
    )
    made = {name: f"max(CASE WHEN turn = at_{name} THEN {name} END) {over}" for name in valued}
    extras = ", ".join(
        f"coalesce(max(CASE WHEN turn = {turn} THEN extra_json END) {over}, '{{}}')"
        for turn in range(FILES, 0, -1)
    )
    made["extra_json"] = f"nullif(CAST(json_merge_patch({extras}) AS VARCHAR), '{{}}')"
    told = [
        f"coalesce(max(CASE WHEN turn = at_{name} AND turn > 1 AND {name} IS NOT NULL THEN "
        f"{literal(f', {json.dumps(name)}: ')} || file_json END) {over}, '')"
        for name in valued
    ]
    others = " || ".join(
        f"coalesce(max(CASE WHEN turn = {turn} AND extra_json IS NOT NULL THEN ', ' || file_json END) "
        f"{over}, '')"
        for turn in range(2, FILES + 1)
    )
    told.append(f"coalesce(', \"extra_json\": [' || substr(nullif({others}, ''), 3) || ']', '')")
    made["column_files"] = _object(told)
    picked = ",\n            ".join(f"{made.get(name, name)} AS {name}" for name in columns)
    return (
        f"SELECT {', '.join(columns)}\n    FROM (\n        SELECT turn,\n            {picked}\n"
        f"        FROM (\n            SELECT *{at}\n            FROM newest WHERE turns > 2\n"
        "        ) AS b\n    ) AS v\n    WHERE turn = 1"
    )


def _valued(table: Table, columns: list[str]) -> list[str]:
    """The columns that each have a value of their own."""
    said = (*table.key, *OF_FILE, "extra_json", "column_files")
    return [name for name in columns if name not in said]


def _object(pairs: list[str]) -> str:
    """SQL of a JSON object of pairs, each of which begins with a comma and a space or is empty."""
    return f"nullif('{{' || substr({' || '.join(pairs)}, 3) || '}}', '{{}}')"


def _has(table: Table, name: str, row: str = "") -> str:
    """SQL for whether the file of `row` has what a column is made of; never null."""
    bits, settings = places(table), table.entity or {}
    if name == table.day_column:
        name = str(settings["day"])
    if name == "record_key":
        made_of = columns_of(str(settings["ref"]), ()) if settings.get("ref") else set()
        asked = [has(bits[item], row) for item in sorted(made_of) if item in bits]
        found = " AND ".join([*asked, f"{row}record_key IS NOT NULL"]) if asked else "FALSE"
        return f"({found})"
    return has(bits[name], row)
