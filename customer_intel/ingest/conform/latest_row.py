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
    """`merged`: the keys whose files have different columns, one row each."""
    names, parts = ", ".join(columns), ", ".join(table.key)
    valued = [
        name for name in columns if name not in (*table.key, *OF_FILE, "extra_json", "column_files")
    ]
    same_key = " AND ".join(f"b.{name} = n.{name}" for name in table.key)
    own_key = ", ".join(f"n.{name}" for name in table.key)
    at = "".join(
        f",\n        coalesce(min(CASE WHEN {_has(table, name)} THEN turn END), "
        f"min(CASE WHEN {name} IS NOT NULL THEN turn END)) AS at_{name}"
        for name in valued
    )
    made = {name: f"n.{name}" for name in table.key}
    made |= {name: f"max(CASE WHEN n.turn = 1 THEN n.{name} END)" for name in OF_FILE}
    made |= {name: f"max(CASE WHEN n.turn = b.at_{name} THEN n.{name} END)" for name in valued}
    made |= {"source_system": "n.source_system"}
    made["_deleted"] = "max(CASE WHEN n.turn = 1 AND n._deleted THEN 1 ELSE 0 END) = 1"
    turns = ", ".join(
        f"coalesce(max(CASE WHEN n.turn = {turn} THEN n.extra_json END), '{{}}')"
        for turn in range(FILES, 0, -1)
    )
    made["extra_json"] = f"nullif(CAST(json_merge_patch({turns}) AS VARCHAR), '{{}}')"
    told = [
        f"coalesce(max(CASE WHEN n.turn = b.at_{name} AND n.turn > 1 AND n.{name} IS NOT NULL THEN "
        f"{literal(f', {json.dumps(name)}: ')} || CAST(to_json(n.source_file) AS VARCHAR) END), '')"
        for name in valued
    ]
    others = " || ".join(
        f"coalesce(max(CASE WHEN n.turn = {turn} AND n.extra_json IS NOT NULL THEN ', ' || "
        "CAST(to_json(n.source_file) AS VARCHAR) END), '')"
        for turn in range(2, FILES + 1)
    )
    told.append(f"coalesce(', \"extra_json\": [' || substr(nullif({others}, ''), 3) || ']', '')")
    made["column_files"] = f"nullif('{{' || substr({' || '.join(told)}, 3) || '}}', '{{}}')"
    picked = ",\n        ".join(f"{made[name]} AS {name}" for name in columns)
    return (
        "mixed AS (\n    SELECT *,\n"
        f"        min(CASE WHEN _deleted THEN place END) OVER (PARTITION BY {parts}) AS gone_place,\n"
        f"        row_number() OVER (PARTITION BY {parts}, column_set ORDER BY place) AS place_of_set\n"
        "    FROM placed WHERE is_mixed\n),\n"
        f"newest AS (\n    SELECT {names},\n        row_number() OVER (PARTITION BY {parts} ORDER BY "
        "exported_at DESC, source_file DESC, source_row DESC, place) AS turn\n"
        "    FROM mixed WHERE place_of_set = 1 AND (gone_place IS NULL OR place < gone_place)\n),\n"
        f"best AS (\n    SELECT {parts}{at}\n    FROM newest GROUP BY {parts}\n),\n"
        f"merged AS (\n    SELECT {picked}\n    FROM newest AS n INNER JOIN best AS b ON {same_key}\n"
        f"    GROUP BY {own_key}\n)\n"
    )


def _has(table: Table, name: str) -> str:
    """SQL for whether a row's file has what a column is made of."""
    bits, settings = places(table), table.entity or {}
    if name == table.day_column:
        name = str(settings["day"])
    if name == "record_key":
        made_of = columns_of(str(settings["ref"]), ()) if settings.get("ref") else set()
        asked = [has(bits[item]) for item in sorted(made_of) if item in bits]
        return " AND ".join([*asked, "record_key IS NOT NULL"]) if asked else "FALSE"
    return has(bits[name])
