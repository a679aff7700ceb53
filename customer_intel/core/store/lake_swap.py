"""A lake that was made beside the home takes the place of the home's, with its quarantine.

Belongs here: the exchange, so that a kill leaves the one or the other, and the next run's begin ends
it. Not here: making the other lake (cli/history.py).

<home>/.history/home/ is the home beside; the file .history/swap decides; what was there goes to
.history/before/.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from customer_intel.core.store.lake import LakeError, fsync, make_folder, write_json
from customer_intel.core.store.release import Published
from customer_intel.core.store.withdrawn import withdraw

HISTORY = ".history"
FOLDERS = ("lake", "quarantine")


def beside(home: Path) -> Path:
    """The home beside."""
    return home / HISTORY / "home"


def before(home: Path) -> Path:
    """Where what was exchanged lies."""
    return home / HISTORY / "before"


def refuse_unmovable(home: Path) -> None:
    """Raises LakeError where a rename cannot exchange the lakes."""
    for name in FOLDERS:
        place = home / name
        if place.is_symlink() or (place.exists() and place.stat().st_dev != home.stat().st_dev):
            raise LakeError(
                f"{name}/ lies on another disk or is a link; a rename cannot exchange it: run the "
                "history into an empty --home and move that in its place"
            )


def swap(home: Path, as_of: str, at: str) -> None:
    """Exchanges them, and withdraws releases of nights after `as_of`, which the new lake never saw.
    Only for the holder of the home's lock. Raises LakeError.
    """
    refuse_unmovable(home)
    root = home / HISTORY
    shutil.rmtree(before(home), ignore_errors=True)
    make_folder(before(home))
    for name in FOLDERS:
        make_folder(beside(home) / name)
    write_json(root / "swap", {"as_of": as_of, "at": at})
    finish(home)


def finish(home: Path) -> None:
    """Ends an exchange that has been decided; nothing where there is none."""
    root = home / HISTORY
    if not (root / "swap").exists():
        return
    for name in FOLDERS:
        made, place = beside(home) / name, home / name
        if not made.exists():
            continue
        if place.exists():
            place.rename(before(home) / name)
        made.rename(place)
        fsync(home)
        fsync(before(home))
    told = json.loads((root / "swap").read_text(encoding="utf-8"))
    store = Published(home)
    later = [item.snapshot_id for item in store.releases() if item.as_of > told["as_of"]]
    withdraw(store.root, later, told["at"])
    (root / "swap").unlink()
    fsync(root)
