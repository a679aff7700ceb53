"""Full-snapshot exports: rows that an earlier export held and the newest lacks count as deleted.

Belongs here: the rows that say so, one part per mapping with `snapshot: true`. Not here: which row
of a key stands in the end (latest_row.py). The part is made anew from the newest export's keys
whenever one of the mapping's files is new, so a key that comes back, a late older export or a
corrected file all end in the same rows.

Nothing counts as deleted while the newest export may be incomplete: it came in fewer files than the
one before, or has rows in quarantine whose key cannot be told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from customer_intel.core.contract.model import STAMPS, Table
from customer_intel.core.engine import literal, quoted
from customer_intel.ingest.land.messages import finding
from customer_intel.ingest.mapping.model import FileMapping
from customer_intel.ingest.read.open_file import printable

STATUS = "missing"


def part_key(mapping: str) -> str:
    """The ledger's key of the part that holds a mapping's missing rows."""
    return f"missing/{mapping}"


@dataclass
class History:
    """A mapping's parts. `files`: part → its rows; `fresh`: parts made tonight;
    `quarantined_keys`: tonight's part → the keys of its quarantined rows, None where they cannot be
    told.
    """

    facts: list[Mapping[str, Any]]
    files: Mapping[str, Path]
    fresh: set[str] = field(default_factory=set)
    quarantined_keys: Mapping[str, Path | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Missing:
    """`facts` are the part's entry in the ledger, none when nothing is missing any more."""

    facts: dict[str, Any] | None
    findings: list[dict[str, Any]]


def missing_rows(
    con: duckdb.DuckDBPyConnection,
    entity: Table,
    mapping: FileMapping,
    history: History,
    as_of: date,
    target: Path,
) -> Missing | None:
    """Writes a deletion to `target` for each key that the newest export lacks. None when nothing
    changed.
    """
    exports = [
        facts
        for facts in history.facts
        if facts["status"] != STATUS and facts["export_date"] <= f"{as_of}"
    ]
    days = sorted({str(facts["export_date"]) for facts in exports})
    if not days or not any(facts["part"] in history.fresh for facts in exports):
        return None
    by_day = {day: [facts for facts in exports if facts["export_date"] == day] for day in days}
    newest = by_day[days[-1]]
    earlier = [facts for day in _look_back(days, by_day, history.fresh) for facts in by_day[day]]
    earlier += [
        facts
        for facts in exports
        if facts["part"] in history.fresh and facts["export_date"] < days[-1]
    ]
    incomplete = _why_incomplete(newest, by_day[days[-2]] if len(days) > 1 else [], history)
    names = [name for name in entity.key if name != "source_system"]
    keys = ", ".join(map(quoted, names))
    present = [f"SELECT {keys} FROM {_rows(history, facts)}" for facts in newest]
    present += [
        f"SELECT {keys} FROM {_parquet(path)}"
        for facts in newest
        if (path := history.quarantined_keys.get(str(facts["part"]))) is not None
    ]
    absent = []
    if not incomplete:
        for facts in {str(facts["part"]): facts for facts in earlier}.values():
            after = min(day for day in days if day > facts["export_date"])
            absent.append(
                f"SELECT {keys}, DATE {literal(after)} AS gone_on FROM {_rows(history, facts)}"
            )
    before = history.files.get(part_key(mapping.name))
    if before:
        absent.append(f"SELECT {keys}, CAST(exported_at AS DATE) FROM {_parquet(before)}")
    if not absent:
        return Missing(None, _warnings(newest[0], incomplete, 0))
    same_key = " AND ".join(f"s.{quoted(name)} = g.{quoted(name)}" for name in names)
    values = {
        "source_system": literal(mapping.source),
        "exported_at": "max(gone_on)",
        "source_file": literal(newest[0]["source_file"]),
        "source_row": "0",
        "_deleted": "true",
        **{name: quoted(name) for name in names},
    }
    columns = ", ".join(
        f"CAST({values.get(column.name, 'NULL')} AS {column.sql_type}) AS {quoted(column.name)}"
        for column in entity.columns
        if column.name not in STAMPS
    )
    con.execute(
        f"COPY (SELECT {columns} FROM ({' UNION ALL '.join(absent)}) AS g WHERE NOT EXISTS "
        f"(SELECT 1 FROM ({' UNION ALL '.join(present)}) AS s WHERE {same_key}) GROUP BY {keys} "
        "ORDER BY "
        f"{keys}) "
        f"TO {literal(str(target))} (FORMAT parquet, COMPRESSION zstd)"
    )
    rows, new = con.execute(
        f"SELECT count(*), count(*) FILTER (exported_at = DATE {literal(days[-1])}) FROM "
        f"{_parquet(target)}"
    ).fetchall()[0]
    facts = {
        **newest[0],
        "part": part_key(mapping.name),
        "status": STATUS,
        "recipe": STATUS,
        "rivals": "",
    }
    facts |= {
        "columns": [],
        "extra_columns": [],
        "checks": {},
        "same_as": None,
        "reason": "rows missing from it",
    }
    facts |= {name: 0 for name in facts if name.startswith(("rows_", "records_"))}
    return Missing(facts if rows else None, _warnings(newest[0], incomplete, int(new)))


def _look_back(
    days: Sequence[str], by_day: Mapping[str, Sequence[Mapping[str, Any]]], fresh: set[str]
) -> list[str]:
    """The exports before the newest, back to one that an earlier night compared with its own past,
    row by row.
    """
    found: list[str] = []
    for place in range(len(days) - 2, -1, -1):
        parts = by_day[days[place]]
        found.append(days[place])
        whole = place == 0 or len(parts) >= len(by_day[days[place - 1]])
        if whole and not any(
            facts["rows_quarantined"] or facts["part"] in fresh for facts in parts
        ):
            break
    return found


def _why_incomplete(
    newest: Sequence[Mapping[str, Any]], last: Sequence[Mapping[str, Any]], history: History
) -> str:
    """Why the newest export may be incomplete, if so."""
    if len(newest) < len(last):
        return f"it came in {len(newest)} files, the one before in {len(last)}"
    for facts in newest:
        if facts["rows_quarantined"] and history.quarantined_keys.get(str(facts["part"])) is None:
            return (
                f"{facts['rows_quarantined']:,} of its rows are in quarantine with a key that "
                "cannot be told"
            )
    return ""


def _warnings(newest: Mapping[str, Any], incomplete: str, new: int) -> list[dict[str, Any]]:
    name = printable(newest["source_file"])
    if incomplete:
        message = (
            f"{name}: rows missing from this full export do not count as deleted, for {incomplete}"
        )
        return [finding("rows missing", "warning", message)]
    message = (
        f"{name}: {new:,} rows of the export before are missing from this full export and "
        "count as deleted"
    )
    return [finding("rows missing", "warning", message, new, new)] if new else []


def _rows(history: History, facts: Mapping[str, Any]) -> str:
    """A part's rows; those of its twin where the same content came before."""
    return _parquet(history.files[str(facts["same_as"] or facts["part"])])


def _parquet(path: Path) -> str:
    return f"read_parquet({literal(str(path))}, hive_partitioning = false)"
