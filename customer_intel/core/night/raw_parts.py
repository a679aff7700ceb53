"""Which files of a raw table are read tonight: all but those of a source that is held back.

Belongs here: asking the room that takes exports. Not here: its rule (ingest/land/holding.py).
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from customer_intel.core.contract.model import Table
from customer_intel.core.night.night import Night, parts_of
from customer_intel.core.store.lake import Part
from customer_intel.core.tables import kinds


def files(night: Night, table: Table) -> list[Path]:
    """The raw table's accepted files that stand tonight, in part order."""
    night.lake.checked(table.name)
    return [night.lake.path(part) for part in standing(night, table).values()]


def standing(night: Night, table: Table) -> dict[str, Part]:
    """The raw table's accepted parts that stand tonight, in order."""
    stands, held = kinds.intake(table.room).stands, source_states(night, table.room)
    parts = sorted(parts_of(night.lake.current(table.name)).items())
    return {key: part for key, part in parts if stands(part.facts, held)}


def source_states(night: Night, room: str) -> dict[str, dict[str, Any]]:
    """Source → its row of the room's state table, as last decided."""
    states: dict[str, dict[str, Any]] = {}
    for path in night.lake.checked(kinds.intake(room).state_table):
        states |= _states(path)
    return states


@lru_cache(maxsize=64)
def _states(path: Path) -> dict[str, dict[str, Any]]:
    # A lake's file never changes under its name.
    return {row["source_system"]: row for row in pq.read_table(path).to_pylist()}
