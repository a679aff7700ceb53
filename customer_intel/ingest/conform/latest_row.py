"""Deduplication by key: the latest row of all accepted ones stands, unless it is a deletion.

Belongs here: the SQL from raw_<entity> to the entity. Not here: making the accepted rows
(conform.py).
"""

from __future__ import annotations

from customer_intel.core.contract.model import STAMPS, Table


def conformed_sql(table: Table) -> str:
    """The newest row of each key out of raw_<entity>, deleted ones gone: a key stands once, over
    all days.

    Newest: by the entity's own order columns, then the export's date, then file and row, so that a
    tie is impossible. A deletion that carries no time of its own counts by its export: it ends
    every row of older exports and of its own, and a row of a later export brings the thing back.
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
    return (
        f"WITH repeated AS (\n    SELECT {parts} FROM raw_{table.name} GROUP BY {parts} HAVING "
        "count(*) > 1\n),\n"
        f"removal AS (\n    SELECT {keys}, max(exported_at) AS gone_at FROM raw_{table.name}\n"
        f"    WHERE {timeless} GROUP BY {parts}\n),\n"
        f"placed AS (\n    SELECT {names}, 1 AS place\n    FROM raw_{table.name} AS r\n"
        f"    WHERE NOT EXISTS (SELECT 1 FROM repeated AS d WHERE {once})\n"
        f"    UNION ALL\n    SELECT {names},\n        row_number() OVER (PARTITION BY {parts} "
        f"ORDER BY {', '.join(order)}) AS place\n    FROM raw_{table.name} AS r\n    LEFT JOIN "
        f"removal AS g ON {gone}\n"
        f"    WHERE EXISTS (SELECT 1 FROM repeated AS d WHERE {once})\n)\n"
        f"SELECT {names}\nFROM placed\nWHERE place = 1 AND NOT coalesce(_deleted, FALSE)"
    )
