"""Mends a lake whose files are not what their gates saw, as far as another whole copy, the landed
export or the table's own definition allows.

Belongs here: what each kind of table is mended from. Not here: finding what is damaged
(core/store/damage.py), the night that computes anew what was dropped.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from customer_intel.core.night.night import parts_of
from customer_intel.core.store import damage, integrity
from customer_intel.core.store.damage import Damage
from customer_intel.core.store.lake import Lake, LakeDamaged, Part, forget
from customer_intel.core.store.release import MANIFEST, Published
from customer_intel.core.tables.definition import Definition

# A pointer is mended first, then the parts that it names.
PASSES = 2


@dataclass(frozen=True)
class Mended:
    """A damaged file and what became of it; `again`: the next night takes or computes it anew."""

    file: str
    fault: str
    outcome: str
    is_mended: bool
    again: bool = False


def lasting(definitions: Mapping[str, Definition]) -> set[str]:
    """The tables that no night computes anew from others: exports taken, and memories of their own."""
    return {
        name
        for name, definition in definitions.items()
        if definition.kind == "raw" or "previous" in definition.arguments
    }


def repair(lake: Lake, landing: Path, definitions: Mapping[str, Definition]) -> list[Mended]:
    """Mends every damaged file that can be. Only for the holder of the home's lock."""
    forget()
    done: dict[str, Mended] = {}
    keeps = lasting(definitions)
    for _ in range(PASSES):
        for item in damage.find(lake, definitions, keeps):
            if item.file not in done:
                done[item.file] = _mend(lake, landing, item, keeps)
    damage.write_index(lake)
    return [*done.values(), *_releases(lake, definitions)]


def _releases(lake: Lake, tables: Collection[str]) -> Iterator[Mended]:
    """Restores the releases' damaged files of which the lake has the content."""
    wholes = {}
    for table in tables:
        with contextlib.suppress(LakeDamaged):
            parts = parts_of(lake.current(table)).values()
            wholes.update({part.sha256: lake.path(part) for part in parts if not lake.fault(part)})
    for file, is_mended in Published(lake.home).mend(wholes).items():
        outcome = "restored from the lake"
        if not is_mended:
            outcome = "the lake has no such file: run the night, then repair again, or roll back"
        yield Mended(file, "is not what was published", outcome, is_mended, not is_mended)


def _mend(lake: Lake, landing: Path, item: Damage, keeps: Collection[str]) -> Mended:
    if not item.table:
        return Mended(item.file, item.fault, "written anew from the tables' pointers", True)
    if item.part is None:
        return _pointer(lake, item, keeps)
    version = lake.current(item.table)
    if version is None or item.part not in version.parts:
        return Mended(item.file, item.fault, "dropped with its table", True, True)
    part = version.parts[item.part]
    if copy := _copy(lake.home, item.table, part):
        lake.restore(part, copy)
        text = f"restored from published/{copy.relative_to(lake.home / 'published')}"
        return Mended(item.file, item.fault, text, True)
    if item.table not in keeps:
        lake.remove(item.table)
        return Mended(item.file, item.fault, "dropped: the next night computes it", True, True)
    if export := _landed(landing, part):
        lake.point(
            replace(version, parts={k: p for k, p in version.parts.items() if k != item.part})
        )
        lake.path(part).unlink(missing_ok=True)
        text = f"dropped: the next night takes landing/{export} again"
        return Mended(item.file, item.fault, text, True, True)
    named = part.facts.get("source_file")
    return Mended(
        item.file,
        item.fault,
        f"not mended: landing/{named} is no longer there as it was taken; land it again, or restore "
        "the file from a backup"
        if named
        else "not mended: it holds what earlier nights decided, which no night computes anew, and "
        "no release has a whole copy; restore the file from a backup",
        False,
    )


def _pointer(lake: Lake, item: Damage, keeps: Collection[str]) -> Mended:
    try:
        known = damage.indexed(lake).get(item.table)
    except LakeDamaged:
        known = None
    if known:
        lake.point(known)
        return Mended(item.file, item.fault, f"restored from lake/{damage.INDEX}", True)
    if item.table not in keeps:
        lake.remove(item.table)
        return Mended(item.file, item.fault, "dropped: the next night computes it", True, True)
    text = "not mended: nothing else says which files it named; restore it from a backup"
    return Mended(item.file, item.fault, text, False)


def _copy(home: Path, table: str, part: Part) -> Path | None:
    """A published file of the same content, compared byte by byte."""
    for manifest in sorted(Published(home).snapshots.glob(f"*/{MANIFEST}"), reverse=True):
        try:
            entry = json.loads(manifest.read_text(encoding="utf-8"))["tables"][table]
            paths = [str(f["path"]) for f in entry["files"] if f["sha256"] == part.sha256]
            for path in map(manifest.parent.joinpath, paths):
                if integrity.file_sha256(path)[0] == part.sha256:
                    return path
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


def _landed(landing: Path, part: Part) -> str | None:
    """The export that the part was made of, where it still lies in landing as it was taken."""
    name, digest = part.facts.get("source_file"), part.facts.get("sha256")
    if not name or not digest:
        return None
    try:
        return str(name) if integrity.file_sha256(landing / str(name))[0] == digest else None
    except OSError:
        return None
