"""What a room brings besides SQL and functions: taking exports. The room registers itself; core
knows none by name.

Belongs here: the register. Not here: what is registered (customer_intel/ingest).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from customer_intel.core.contract.model import Table
from customer_intel.core.contract.yaml_lines import ConfigError


@dataclass(frozen=True)
class Intake:
    """`ingest` takes an entity's new exports, `hashes` tells what landed up to a date (path →
    sha256).

    `conformed_sql` is the SELECT from an entity's raw table to the entity. `state_table` says which
    sources are held back (rows of `held_rows`), and `stands` whether a raw table's part is read
    tonight, by its facts and that table's rows: whoever reads a raw table reads `state_table` first.
    """

    ingest: Callable[..., Any]
    hashes: Callable[[Path, date], Mapping[str, str]]
    conformed_sql: Callable[[Table], str]
    state_table: str
    stands: Callable[[Mapping[str, Any], Mapping[str, Mapping[str, Any]]], bool]


_registered: dict[str, Intake] = {}


def register(room: str, intake: Intake) -> None:
    """Makes the room's intake known; called once, when the room is imported."""
    _registered[room] = intake


def state_tables(rooms: Iterable[str]) -> set[str]:
    """What says which sources are held back, of those rooms that take exports."""
    return {_registered[room].state_table for room in rooms if room in _registered}


def intake(room: str) -> Intake:
    """The room's. Raises ConfigError when it registered none."""
    try:
        return _registered[room]
    except KeyError:
        raise ConfigError(
            f"{room}/tables.yaml declares entities, but the room registers no intake: import "
            f"customer_intel.{room}"
        ) from None
