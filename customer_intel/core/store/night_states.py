"""The lake as it was after each of its last nights: pointers, and the files that only they name.

Belongs here: remembering a state when the next run begins. Not here: going back to one (reopening.py),
sparing its files (lake.py).

lake/.nights/<date>.<n>/ holds a hard link of every table's pointer: `kept/` those of tables whose files
are kept with them (memory, and what was taken of exports), `rest/` those of tables that a night makes
anew. The date is the newest that any table had, `none` before the first night.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from customer_intel.core.store.lake import NIGHTS, POINTER, fsync, make_folder

NONE = "none"
KEEP_NIGHTS = 7
# What a reopening took away, in the same layout; kept until the next night is whole.
UNDONE = "undone"


@dataclass(frozen=True)
class NightState:
    """The lake after a night. `as_of` is empty for the one before the first night."""

    as_of: str
    number: int
    folder: Path

    @property
    def kept(self) -> dict[str, Path]:
        """Table → its pointer, of tables whose files are kept."""
        return _pointers(self.folder / "kept")

    @property
    def rest(self) -> dict[str, Path]:
        """Table → its pointer, of tables whose files may be gone."""
        return _pointers(self.folder / "rest")


def remember(home: Path, memory: Collection[str], raw: Collection[str]) -> None:
    """Keeps the lake as it stands when a run begins. Only for the holder of the home's lock.

    A state whose tables of memory are of one night is not replaced by a later one of the same date
    whose are not: a run that a gate ended is no good night.
    """
    root = home / "lake"
    pointers = {path.parent.name: path for path in root.glob(f"*/{POINTER}")}
    nights = root / NIGHTS
    for left in nights.glob(".*"):
        shutil.rmtree(left, ignore_errors=True)
    stamps = {name: _stamp(path) for name, path in pointers.items()}
    as_of = max((day for day, _ in stamps.values()), default="")
    remembered = {stamps[name] for name in memory if name in stamps}
    is_whole = len(remembered) == 1 and all(day == as_of for day, _ in remembered)
    same = [state for state in states(home) if state.as_of == as_of]
    if is_whole:
        _forget_undone(nights, as_of)
    if same and (_is_same(same[-1], pointers) or not is_whole):
        return
    number = same[-1].number + 1 if same else 1
    made = nights / f".{as_of or NONE}"
    for part in ("kept", "rest"):
        make_folder(made / part)
    for name, path in pointers.items():
        part = "kept" if name in memory or name in raw else "rest"
        share(path, made / part / f"{name}.json")
    for part in ("kept", "rest", ""):
        fsync(made / part)
    made.rename(nights / f"{as_of or NONE}.{number:06d}")
    fsync(nights)
    for old in [*same, *states(home)[:-KEEP_NIGHTS]]:
        forget(old)


def states(home: Path) -> list[NightState]:
    """The remembered states, oldest first; of one date the newest counts, and comes last."""
    found = []
    for folder in (home / "lake" / NIGHTS).glob("[!.]*.*/"):
        day, _, number = folder.name.partition(".")
        if number.isdigit() and day != UNDONE:
            found.append(NightState("" if day == NONE else day, int(number), folder))
    return sorted(found, key=lambda state: (state.as_of, state.number))


def forget(state: NightState) -> None:
    """First out of sight, whole."""
    gone = state.folder.with_name(f".gone.{state.folder.name}")
    if state.folder.exists():
        state.folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def last_night(home: Path, memory: Collection[str]) -> date | None:
    """The newest night that a table with memory has seen; None in a home without one."""
    days = [
        _stamp(pointer)[0]
        for name in memory
        if (pointer := home / "lake" / name / POINTER).exists()
    ]
    return max(map(date.fromisoformat, days), default=None)


def share(source: Path, target: Path) -> None:
    """Hard link, or a copy where the file system has none: neither is ever changed in place."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
        fsync(target)


def _forget_undone(nights: Path, as_of: str) -> None:
    plan = nights / f"{UNDONE}.000001" / "plan.json"
    try:
        reopened_to = str(json.loads(plan.read_text(encoding="utf-8"))["as_of"])
    except (OSError, ValueError, KeyError):
        return
    if as_of > reopened_to:
        shutil.rmtree(plan.parent, ignore_errors=True)


def _is_same(state: NightState, pointers: dict[str, Path]) -> bool:
    held = {**state.kept, **state.rest}
    return held.keys() == pointers.keys() and all(
        path.samefile(held[name]) or path.read_bytes() == held[name].read_bytes()
        for name, path in pointers.items()
    )


def _pointers(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in sorted(folder.glob("*.json"))}


def _stamp(pointer: Path) -> tuple[str, str]:
    """(as_of, snapshot_id) of a table's pointer; nothing of one that is damaged: reading the table
    says so.
    """
    try:
        data = json.loads(pointer.read_text(encoding="utf-8"))
        return str(data["as_of"]), str(data["snapshot_id"])
    except (ValueError, KeyError):
        return "", ""
