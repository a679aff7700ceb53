"""Which files of a raw table are read tonight: all but those of a source that is held back.

Belongs here: asking the room that takes exports. Not here: its rule (ingest/land/holding.py).
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from pathlib import Path

import pyarrow.parquet as pq

from customer_intel.core.contract.model import Table
from customer_intel.core.night.night import Night, parts_of
from customer_intel.core.tables import kinds


def files(night: Night, table: Table) -> list[Path]:
    """The raw table's accepted files that stand tonight, in part order."""
    stands, held = kinds.intake(table.room).stands, held_sources(night, table.room)
    parts = sorted(parts_of(night.lake.current(table.name)).items())
    return [night.lake.path(part) for _, part in parts if stands(part.facts, held)]


def held_sources(night: Night, room: str) -> dict[str, date]:
    """Source → the night since which it is held back, as last decided."""
    held: dict[str, date] = {}
    for path in night.lake.files(kinds.intake(room).state_table):
        held |= _held(path)
    return held


@lru_cache(maxsize=64)
def _held(path: Path) -> dict[str, date]:
    # A lake's file never changes under its name.
    rows = pq.read_table(path, columns=["source_system", "held_since"]).to_pylist()
    return {row["source_system"]: row["held_since"] for row in rows if row["held_since"]}
