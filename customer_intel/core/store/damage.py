"""What of a lake is not as its nights left it.

Belongs here: looking at every accepted file before a night reads any, and the index by which a lost
pointer is missed. Not here: comparing one file (integrity.py), mending (core/night/repair.py).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from customer_intel.core.store import integrity
from customer_intel.core.store.disk import STATE
from customer_intel.core.store.lake import (
    FORMAT,
    POINTER,
    Lake,
    LakeDamaged,
    Part,
    Version,
    version_of,
    write_bytes,
)

# Every pointer as the last run left it, in one file of the lake.
INDEX = "INDEX.json"
# In the home's own state: files that runs found whole, by inode, size and time of change.
VERIFIED = "verified.json"
# A message names so many files; `customer-intel repair` names all.
NAMED = 5


@dataclass(frozen=True)
class Damage:
    """A file that is not as a night left it: `part` of a table; None when it is its pointer."""

    table: str
    part: str | None
    file: str
    fault: str


def find(
    lake: Lake, tables: Collection[str], lasting: Collection[str], *, by_turns: bool = False
) -> list[Damage]:
    """Every damaged file of the `tables`; of the `lasting`, which no night computes anew, also a
    pointer that is no longer there. Reads every byte once; `by_turns`: of a file that is as an
    earlier run found it, in one run of seven.
    """
    look = lake.glance if by_turns else lake.fault
    found = []
    try:
        known = indexed(lake)
    except LakeDamaged:
        found.append(Damage("", None, f"lake/{INDEX}", "is not as it was written"))
        known = {}
    parts: list[tuple[str, str, Part]] = []
    for table in sorted(tables):
        pointer = f"lake/{table}/{POINTER}"
        try:
            version = lake.current(table)
        except LakeDamaged:
            found.append(Damage(table, None, pointer, "is not as it was written"))
            continue
        if version is None and table in lasting and table in known:
            found.append(Damage(table, None, pointer, "is not there"))
        parts += [(table, key, part) for key, part in (version.parts if version else {}).items()]
    with ThreadPoolExecutor(4) as pool:
        faults = list(pool.map(lambda item: look(item[2]), parts))
    found += [
        Damage(table, key, f"lake/{part.path}", fault)
        for (table, key, part), fault in zip(parts, faults, strict=True)
        if fault
    ]
    return found


def refuse(lake: Lake, tables: Collection[str], lasting: Collection[str]) -> None:
    """Raises LakeDamaged, naming the files, when one is not what its gate saw: before a night reads
    any. What a step then reads it hashes itself.
    """
    integrity.recall(lake.home / STATE / VERIFIED)
    if found := find(lake, tables, lasting, by_turns=True):
        named = [f"{item.file} {item.fault}" for item in found[:NAMED]]
        if len(found) > NAMED:
            named.append(f"{len(found) - NAMED} more")
        raise LakeDamaged(
            f"{'; '.join(named)}: nothing is computed from a damaged lake. customer-intel repair "
            f"--home {lake.home.name} restores or drops them, file by file; then run again"
        )


def indexed(lake: Lake) -> dict[str, Version]:
    """Table → its version when the last run ended. Raises LakeDamaged."""
    try:
        data, carried = integrity.unsealed((lake.root / INDEX).read_bytes())
        if not carried:
            raise ValueError("it lost its checksum")
        return {name: version_of(entry) for name, entry in data["tables"].items()}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError, OSError):
        raise LakeDamaged(
            f"lake/{INDEX} is not as it was written; customer-intel repair mends it"
        ) from None


def write_index(lake: Lake) -> None:
    """Notes every table's version. Only for the holder of the home's lock, when its run ends."""
    versions = dict(_versions(lake))
    tables: dict[str, Any] = {name: version.told() for name, version in versions.items()}
    if tables:
        write_bytes(lake.root / INDEX, integrity.sealed({"format": FORMAT, "tables": tables}))
        parts = (part for version in versions.values() for part in version.parts.values())
        write_bytes(
            lake.home / STATE / VERIFIED, integrity.recorded(lake.path(part) for part in parts)
        )


def _versions(lake: Lake) -> Iterator[tuple[str, Version]]:
    """Each readable pointer's version; of one that is damaged or lost, what the index has."""
    try:
        known = indexed(lake)
    except LakeDamaged:
        known = {}
    for name in sorted({path.parent.name for path in lake.root.glob(f"*/{POINTER}")} | {*known}):
        try:
            version = lake.current(name) or known.get(name)
        except LakeDamaged:
            version = known.get(name)
        if version:
            yield name, version
