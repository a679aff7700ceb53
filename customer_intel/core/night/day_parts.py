"""A table that is kept by day: which file a day is in, and writing the files whose days changed.

Belongs here: days, months and years as files, and which of them are written. Not here: tables that
are rebuilt whole (build.py), a candidate's rows until they are written (day_rows.py).

A recent day is a file of its own, for late rows change it most. Older days of a month are one file,
and months of a year, where together they are small: readers pay per file. Which file a day is in
hangs on the night's date and the number of rows of each day alone, so that a table that was written
whole has the same files as one that was written night by night.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict, deque
from collections.abc import Collection, Container, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from customer_intel.core.contract.model import Table
from customer_intel.core.engine import DuckDBEngine
from customer_intel.core.night.day_rows import DayRows
from customer_intel.core.night.night import parts_of
from customer_intel.core.store.lake import Lake, Part, Version

Of = TypeVar("Of")

# Days before the night's that stay files of their own, and so do the night's and later ones.
RECENT_DAYS = 45
# A month, or a year, of more rows than this is not one file: about 3 to 8 MB, written again when one of
# its rows changes.
MERGED_ROWS = 250_000
GROUP_ROWS = 122_880
# Columns of which more than half of the first rows differ are written without a dictionary.
SAMPLED_ROWS = 4096
# How much of YYYY-MM-DD names a year, a month, a day.
YEAR, MONTH, DAY = 4, 7, 10


def layout(rows: Mapping[str, int], as_of: date) -> dict[str, tuple[str, ...]]:
    """Part → its days, in order of days. `rows`: of each day (YYYY-MM-DD), how many it has.

    A part is named by what its days have in common: 2026-01-31, 2026-01 or 2026.
    """
    recent = str(as_of - timedelta(RECENT_DAYS))
    parts: dict[str, tuple[str, ...]] = {}

    def merge(days: Iterable[str], size: int) -> None:
        for key, group in groupby(days, lambda day: day[:size]):
            some = tuple(group)
            is_old = key < recent[:size]
            if size == DAY or (is_old and sum(rows[day] for day in some) <= MERGED_ROWS):
                parts[key] = some
            else:
                merge(some, MONTH if size == YEAR else DAY)

    merge(sorted(rows), YEAR)
    return parts


def part_of(day: str, keys: Container[str]) -> str | None:
    """The one of `keys` whose part holds the day (YYYY-MM-DD); None where there is none."""
    return next((day[:size] for size in (DAY, MONTH, YEAR) if day[:size] in keys), None)


def parts_on(parts: Mapping[str, Of], days: Iterable[date]) -> list[Of]:
    """Those of a version's `parts`, in order, that may hold rows of `days`."""
    keys = {part_of(day.isoformat(), parts) for day in days}
    return [part for key, part in sorted(parts.items()) if key in keys]


@dataclass(frozen=True)
class _Old:
    """Rows that stay as they were: an accepted file, and the days of it that are taken."""

    path: Path
    days: tuple[date, ...]


def write(
    engine: DuckDBEngine,
    table: Table,
    sql: str | Iterable[str],
    work: Path,
    before: Version | None,
    order: tuple[str, ...],
    days: Collection[str] | None = None,
    *,
    lake: Lake,
    as_of: date,
) -> tuple[dict[str, Path], dict[str, Part], dict[str, str]]:
    """(new files by part, parts kept as they are, every day's fingerprint).

    `sql`: the SELECT, or several that tell of different days; each is asked for after the one before.
    `days` (YYYY-MM-DD): those that `sql` tells of; all others stay as they were, and `before` must
    have the table's columns. A day's fingerprint is its number of rows and the sum of their hashes.

    Raises GateClosed for rows without a day, LakeDamaged where a file that is needed is not whole,
    ValueError for rows of other days than `days`.
    """
    same_shape = before is not None and before.schema_sha256 == schema_sha256(table)
    known = before.fingerprints if before is not None and same_shape else {}
    rows = DayRows(engine, table, [sql] if isinstance(sql, str) else sql, work)
    prints = rows.prints
    if days is not None:
        if before is not None and not same_shape:
            raise ValueError("some days alone, of other columns than the others have")
        if not prints.keys() <= set(days):
            raise ValueError("rows of days that were not to be computed")
        prints = {day: value for day, value in known.items() if day not in days} | prints
    parts = layout({day: int(value.split(":")[0]) for day, value in prints.items()}, as_of)
    held: dict[str, dict[str, str]] = defaultdict(dict)
    for day, value in known.items():
        if key := part_of(day, parts_of(before)):
            held[key][day] = value
    keep = {
        key: parts_of(before)[key]
        for key, some in parts.items()
        if held.get(key) == {day: prints[day] for day in some}
    }
    candidates = {key: work / f"{key}.parquet" for key in parts if key not in keep}
    fresh = rows.read([day for key in candidates for day in parts[key] if day in rows.prints])
    sort = [(name, "ascending") for name in dict.fromkeys((str(table.day_column), *order))]
    with ThreadPoolExecutor(engine.settings.threads) as pool:
        pending: deque[Future[None]] = deque()
        for key, path in candidates.items():
            new = [next(fresh)[1] for day in parts[key] if day in rows.prints]
            old = _old(lake, before, [day for day in parts[key] if day not in rows.prints])
            pending.append(pool.submit(_write, table, path, new, old, sort))
            if len(pending) > engine.settings.threads:
                pending.popleft().result()
        for written in pending:
            written.result()
    return candidates, keep, prints


def _old(lake: Lake, before: Version | None, days: Collection[str]) -> list[_Old]:
    """Where the rows of days that stay are."""
    parts, taken = parts_of(before), defaultdict(list)
    for day in days:
        if key := part_of(day, parts):
            taken[key].append(date.fromisoformat(day))
    lake.check(parts[key] for key in taken)
    return [_Old(lake.path(parts[key]), tuple(some)) for key, some in taken.items()]


def _write(
    table: Table, path: Path, new: list[pa.Table], old: list[_Old], sort: list[tuple[str, str]]
) -> None:
    """Writes a part. The bytes hang on its rows alone."""
    pieces = [rows.cast(table.arrow_schema) for rows in new]
    for item in old:
        rows = pq.read_table(item.path, columns=table.arrow_schema.names, use_threads=False)
        is_taken = pc.is_in(rows[str(table.day_column)], pa.array(item.days, pa.date32()))
        pieces.append(rows.filter(is_taken).cast(table.arrow_schema))
    rows = pa.concat_tables(pieces).combine_chunks()
    # Of a day of very many rows, there is one copy, and of its groups one at a time.
    new.clear()
    pieces.clear()
    place = pc.sort_indices(rows, sort_keys=sort)
    sample = rows.take(place[:SAMPLED_ROWS])
    repeating = [
        name
        for name in rows.column_names
        if 2 * pc.count_distinct(sample[name]).as_py() <= sample.num_rows
    ]
    with pq.ParquetWriter(
        path, table.arrow_schema, compression="zstd", use_dictionary=repeating
    ) as writer:
        for start in range(0, rows.num_rows, GROUP_ROWS):
            writer.write_table(rows.take(place[start : start + GROUP_ROWS]))


def schema_sha256(table: Table) -> str:
    """What tells that a table's columns or their types changed since a version."""
    return hashlib.sha256(str(table.arrow_schema).encode()).hexdigest()
