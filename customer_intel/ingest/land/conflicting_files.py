"""Files of one export that say different things of one key: which of them stands is a guess.

Belongs here: finding them among the files of one mapping and date. Not here: which row stands
(conform/latest_row.py), one file's own (conform/duplicates.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb

from customer_intel.core.contract.model import STAMPS, Table
from customer_intel.core.engine import literal, quoted
from customer_intel.ingest.land.messages import PATH_CHARS, finding
from customer_intel.ingest.read.open_file import printable

_OF_FILE = (
    "source_file",
    "source_row",
    "exported_at",
    "extra_json",
    "column_set",
    "column_files",
    *STAMPS,
)


def conflicts(
    con: duckdb.DuckDBPyConnection,
    entity: Table,
    parts: Mapping[str, tuple[Mapping[str, Any], Path]],
    fresh: set[str],
) -> Iterator[dict[str, Any]]:
    """A warning for each mapping and export date whose files have other values for one key and time.
    `parts`: part → its entry in the ledger and its rows; only dates with a part in `fresh` are looked at.
    """
    exports: dict[tuple[str, str], list[str]] = defaultdict(list)
    for key, (facts, _) in parts.items():
        if facts["status"] == "accepted":
            exports[str(facts["mapping"]), str(facts["export_date"])].append(key)
    same = [*entity.key, *(entity.entity or {}).get("order", ()), "column_set"]
    values = [c.name for c in entity.columns if c.name not in (*same, *_OF_FILE)]
    by = ", ".join(map(quoted, same))
    for (mapping, _), keys in sorted(exports.items()):
        if len(keys) < 2 or not values or fresh.isdisjoint(keys):
            continue
        listed = ", ".join(literal(str(parts[key][1])) for key in keys)
        found = con.execute(
            f"SELECT count(*), max(first_file), max(last_file) FROM (SELECT min(source_file) AS first_file, "
            f"max(source_file) AS last_file FROM read_parquet([{listed}], hive_partitioning = false, "
            f"union_by_name = true) GROUP BY {by} HAVING min(source_file) <> max(source_file) AND "
            f"count(DISTINCT hash({', '.join(map(quoted, values))})) > 1)"
        ).fetchall()[0]
        if found[0]:
            n = int(found[0])
            rows = sum(int(parts[key][0]["records_written"]) for key in keys)
            message = (
                f"{printable(found[1], PATH_CHARS)} and {printable(found[2], PATH_CHARS)}: {n:,} keys of "
                f"mapping '{mapping}' stand in both with other values; the later file's stand. Take away "
                "what is old, or give the mapping an updated_at"
            )
            yield finding("one key in two files", "warning", message, n, rows)
