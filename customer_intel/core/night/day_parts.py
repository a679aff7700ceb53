"""A table that is kept by day: only days whose rows changed are written and gated.

Belongs here: which days changed, and one Parquet file per changed day. Not here: tables that are
rebuilt whole (build.py).
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from customer_intel.core.contract.model import Table
from customer_intel.core.engine import DuckDBEngine
from customer_intel.core.night.night import parts_of
from customer_intel.core.store.lake import Part, Version
from customer_intel.core.tables.parameters import sql_literal


def write(
    engine: DuckDBEngine,
    table: Table,
    sql: str,
    work: Path,
    before: Version | None,
    order: tuple[str, ...],
    days: set[str] | None = None,
) -> tuple[dict[str, Path], dict[str, Part], dict[str, str]]:
    """(changed days' new files, parts kept as they are, every day's fingerprint).

    `days`: those that `sql` tells of; all others stay as they were.
    A day's fingerprint is its number of rows and the sum of their hashes, so that order is nothing.
    """
    day = table.day_column
    engine.con.execute(f"CREATE TEMP TABLE candidate AS {sql}")
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    prints = {
        str(key): f"{rows}:{total}"
        for key, rows, total in engine.con.execute(
            f"SELECT {day}, count(*), sum(CAST(hash({columns}) AS HUGEINT)) FROM candidate GROUP "
            "BY 1 ORDER BY 1"
        ).fetchall()
    }
    same_shape = before is not None and before.schema_sha256 == schema_sha256(table)
    known = before.fingerprints if before is not None and same_shape else {}
    touched = [key for key, value in prints.items() if known.get(key) != value]
    if days is not None:
        prints = {key: value for key, value in known.items() if key not in days} | prints
    keep = {
        key: part for key, part in parts_of(before).items() if key in prints and key not in touched
    }
    candidates: dict[str, Path] = {}
    if touched:
        listed = ", ".join(sql_literal(date.fromisoformat(key)) for key in touched)
        ordered = ", ".join(f'"{name}"' for name in (day, *order) if name)
        reader = engine.con.sql(
            f"SELECT * FROM candidate WHERE {day} IN ({listed}) ORDER BY {ordered}"
        )
        candidates = {key: work / f"{key}.parquet" for key in touched}

        def write(key: str, rows: pa.Table) -> None:
            pq.write_table(rows.cast(table.arrow_schema), candidates[key], compression="zstd")

        with ThreadPoolExecutor(engine.settings.threads) as pool:
            pending: deque[Future[None]] = deque()
            for key, rows in _by_day(reader.to_arrow_reader(200_000), str(day)):
                pending.append(pool.submit(write, key, rows))
                while len(pending) > 32:
                    pending.popleft().result()
            for written in pending:
                written.result()
    return candidates, keep, prints


def _by_day(batches: pa.RecordBatchReader, day: str) -> Iterator[tuple[str, pa.Table]]:
    """Splits rows ordered by `day` into one table per day."""
    pending: list[pa.Table] = []
    current: Any = None
    for batch in batches:
        block = pa.Table.from_batches([batch])
        values = block[day].combine_chunks()
        edges = np.flatnonzero(np.diff(values.cast(pa.int32()).to_numpy())) + 1
        starts = [0, *edges.tolist()] if len(values) else []
        for start, end in zip(starts, [*starts[1:], len(values)], strict=True):
            key = values[start].as_py()
            if pending and key != current:
                yield str(current), pa.concat_tables(pending).combine_chunks()
                pending = []
            current = key
            pending.append(block.slice(start, end - start))
    if pending:
        yield str(current), pa.concat_tables(pending).combine_chunks()


def schema_sha256(table: Table) -> str:
    """What tells that a table's columns or their types changed since a version."""
    return hashlib.sha256(str(table.arrow_schema).encode()).hexdigest()
