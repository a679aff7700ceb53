"""Back to the lake as it was after an earlier night: the only way to undo one.

Belongs here: what it would undo, and doing it so that a kill leaves the home before or after, never
between. Not here: remembering states (night_states.py), asking (cli/reopen.py).

Everything is made ready in lake/.reopening.new; its rename to lake/.reopening decides. From there
`finish` goes on, in this process or at the next run's begin, and every step of it may be done twice.
What was taken away stays under lake/.nights/undone.000001 until a later night is whole.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from customer_intel.core.store import damage
from customer_intel.core.store.lake import (
    NIGHTS,
    POINTER,
    Lake,
    LakeError,
    Version,
    file_safe,
    file_sha256,
    fsync,
    make_folder,
    write_bytes,
    write_json,
)
from customer_intel.core.store.night_states import (
    KEEP_NIGHTS,
    UNDONE,
    NightState,
    forget,
    share,
    states,
)
from customer_intel.core.store.release import Published, Release
from customer_intel.core.store.withdrawn import publish_again, withdraw, withdrawn

READY, GOING = ".reopening.new", ".reopening"
RECORD = ".reopened.json"


@dataclass(frozen=True)
class Plan:
    """What a reopening would do. `tables`: each with memory and its rows now and then; `exports`:
    files that leave the ledger, `unlanded`: those of them that lie in landing/ no more; `anew`:
    tables of which nothing is kept; `withdrawn`: releases; `release`: what readers would see.
    """

    home: Path
    state: NightState
    nights: tuple[str, ...]
    tables: dict[str, tuple[int, int]]
    exports: tuple[str, ...]
    unlanded: tuple[str, ...]
    anew: tuple[str, ...]
    withdrawn: tuple[str, ...]
    release: Release | None
    # Takes the last reopening back; these releases are then withdrawn no more.
    is_undo: bool = False
    again: tuple[str, ...] = ()

    def summary(self) -> dict[str, Any]:
        """As JSON tells it."""
        return {
            "leads_to": self.state.as_of or None,
            "nights": list(self.nights),
            "tables_with_memory": {
                name: {"rows": now, "rows_then": then} for name, (now, then) in self.tables.items()
            },
            "exports_to_take_anew": list(self.exports),
            "exports_no_longer_landed": list(self.unlanded),
            "tables_made_anew": list(self.anew),
            "releases_withdrawn": list(self.withdrawn),
            "release": self.release.snapshot_id if self.release else None,
        }


def plan(
    home: Path, landing: Path, day: str, memory: Collection[str], raw: Collection[str]
) -> Plan:
    """What going back to the last night on or before `day` would do. Raises LakeError when there is
    nothing to undo, or that night is no longer kept.
    """
    lake = Lake(home)
    tables = [path.parent.name for path in lake.root.glob(f"*/{POINTER}")]
    now = {name: version for name in tables if (version := lake.current(name))}
    last = max((version.as_of for version in now.values()), default="")
    if last <= day:
        raise LakeError(
            f"there is nothing to undo: the last night is {last or 'none yet'}, not after {day}"
        )
    known = states(home)
    state = next((state for state in reversed(known) if state.as_of <= day), None)
    if state is None:
        oldest = known[0].as_of if known else ""
        raise LakeError(
            f"the state after the night of {day} is no longer kept (the last {KEEP_NIGHTS} nights "
            f"are; the oldest {f'is of {oldest}' if oldest else 'was never kept'}); what lies in "
            "landing/ can be run again from its first export on, beside this home: "
            "customer-intel history"
        )
    kept = {name: Version.of(path) for name, path in state.kept.items()}
    _refuse_damaged(lake, kept)
    then = {**kept, **{name: Version.of(path) for name, path in state.rest.items()}}
    leaving = {
        str(part.facts["source_file"]): str(part.facts["sha256"])
        for name in raw
        for part in _leaving(now.get(name), kept.get(name)).values()
        if "source_file" in part.facts
    }
    store = Published(home)
    undone = withdrawn(store.root)
    releases = store.releases()
    earlier = [
        release
        for release in releases
        if release.as_of <= state.as_of and release.snapshot_id not in undone
    ]
    later = {other.as_of for other in known if other.as_of > state.as_of} | {last}
    found = _found_again(lake, state, earlier)
    return Plan(
        home,
        state,
        tuple(sorted(later)),
        {
            name: (now[name].rows if name in now else 0, then[name].rows if name in then else 0)
            for name in memory
            if name in now or name in then
        },
        tuple(sorted(leaving)),
        tuple(name for name in sorted(leaving) if not _is_landed(landing, name, leaving[name])),
        tuple(sorted(now.keys() - kept.keys() - found.keys())),
        tuple(
            release.snapshot_id
            for release in releases
            if release.as_of > state.as_of and release.snapshot_id not in undone
        ),
        earlier[0] if earlier else None,
    )


def undo_plan(home: Path, memory: Collection[str]) -> Plan:
    """What taking the last reopening back would do. Raises LakeError when there is none, or a night
    has run since.
    """
    lake, folder = Lake(home), _undone(home)
    try:
        told = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise LakeError(
            "what a reopening took away is no longer kept: nothing to take back"
        ) from None
    state = NightState("", 1, folder)
    then = {name: Version.of(path) for name, path in state.kept.items()}
    _refuse_damaged(lake, then)
    tables = [path.parent.name for path in lake.root.glob(f"*/{POINTER}")]
    now = {name: version for name in tables if (version := lake.current(name))}
    if last := max((v.as_of for v in now.values() if v.as_of > told["as_of"]), default=""):
        raise LakeError(
            f"a night of {last} has run since; undo it first (customer-intel reopen "
            f"{told['as_of'] or 'DATE'}), or leave it as it is"
        )
    known = {release.snapshot_id: release for release in Published(home).releases()}
    return Plan(
        home,
        replace(state, as_of=max((version.as_of for version in then.values()), default="")),
        (),
        {
            name: (now[name].rows if name in now else 0, then[name].rows)
            for name in memory
            if name in then
        },
        (),
        (),
        tuple(sorted(now.keys() - then.keys())),
        (),
        known.get(told["was"] or ""),
        True,
        tuple(told["withdrawn"]),
    )


def reopen(plan: Plan, landing: Path, raw: Collection[str], *, by: str, at: str) -> None:
    """Does it. Only for the holder of the home's lock, with the plan just made. Raises LakeError when
    the disk fails; the home is then as it was, or becomes what was asked at the next run's begin.
    """
    try:
        _decide(plan, landing, raw, by=by, at=at)
        finish(plan.home)
    except OSError as error:
        raise LakeError(
            f"the reopening could not be finished ({error.strerror}); mend that and run this again"
        ) from error


def _decide(plan: Plan, landing: Path, raw: Collection[str], *, by: str, at: str) -> None:
    """Makes ready what the home shall be, and decides it with one rename."""
    home, lake, state = plan.home, Lake(plan.home), plan.state
    ready = lake.root / READY
    shutil.rmtree(ready, ignore_errors=True)
    for part in ("kept", "then"):
        make_folder(ready / part)
    now = {path.parent.name: path for path in lake.root.glob(f"*/{POINTER}")}
    for name, pointer in now.items():
        share(pointer, ready / "kept" / f"{name}.json")
    quarantined: list[list[str]] = []
    for name, pointer in state.kept.items():
        target = ready / "then" / f"{name}.json"
        if name not in raw or plan.is_undo:
            share(pointer, target)
            continue
        was, held = Version.of(pointer), Version.of(now[name]) if name in now else None
        # What was replaced since is taken anew where it still lies in landing/: its quarantined rows
        # are those of the new content.
        parts = {
            key: part
            for key, part in was.parts.items()
            if (held and held.parts.get(key) == part)
            or not (landing / str(part.facts.get("source_file", "-"))).exists()
        }
        write_bytes(target, replace(was, parts=parts).sealed())
    for name in raw:
        held = Version.of(now[name]) if name in now else None
        was_kept = Version.of(state.kept[name]) if name in state.kept else None
        entity = name.removeprefix("raw_")
        quarantined += [[entity, file_safe(key)] for key in _leaving(held, was_kept)]
    store = Published(home)
    earlier = [release for release in store.releases() if release.as_of <= state.as_of]
    for name, links in _found_again(lake, state, earlier).items():
        make_folder(lake.root / name)
        for source, place in links:
            if not place.exists():
                # A copy that a kill cuts short must not stand under its name.
                share(source, ready / "file")
                (ready / "file").rename(place)
        fsync(lake.root / name)
        share(state.rest[name], ready / "then" / f"{name}.json")
    release, current = plan.release, store.current()
    record = {
        "at": at,
        "by": by,
        "led_to": state.as_of or None,
        "nights_undone": list(plan.nights),
        "releases_withdrawn": list(plan.withdrawn),
        **({"took_back": "the reopening before"} if plan.is_undo else {}),
    }
    write_json(
        ready / "plan.json",
        {
            "as_of": state.as_of,
            "tables": sorted(now.keys() | state.kept.keys()),
            "withdrawn": list(plan.withdrawn),
            "release": [release.snapshot_id, release.as_of] if release else None,
            "was": current.snapshot_id if current else None,
            "quarantine": quarantined,
            "is_undo": plan.is_undo,
            "again": list(plan.again),
            "record": record,
        },
    )
    for part in ("kept", "then", ""):
        fsync(ready / part)
    ready.rename(lake.root / GOING)
    fsync(lake.root)


def finish(home: Path) -> None:
    """Ends a reopening that has been decided; nothing where there is none."""
    root = home / "lake"
    shutil.rmtree(root / READY, ignore_errors=True)
    going = root / GOING
    if not going.exists():
        return
    told: Mapping[str, Any] = json.loads((going / "plan.json").read_text(encoding="utf-8"))
    # It would miss what is taken away; it is written anew at the end.
    (root / damage.INDEX).unlink(missing_ok=True)
    then = {path.stem: path for path in (going / "then").glob("*.json")}
    for name in {*told["tables"], *then}:
        pointer = root / name / POINTER
        if name in then:
            write_bytes(pointer, then[name].read_bytes())
        elif pointer.exists():
            pointer.unlink()
            fsync(pointer.parent)
    for entity, part in told["quarantine"]:
        rows = home / "quarantine" / entity / f"{part}.parquet"
        if rows.exists():
            make_folder(going / "quarantine" / entity, mode=0o700)
            shutil.move(rows, going / "quarantine" / entity / rows.name)
    for rows in _undone(home).glob("quarantine/*/*.parquet") if told["is_undo"] else ():
        make_folder(home / "quarantine" / rows.parent.name, mode=0o700)
        shutil.move(rows, home / "quarantine" / rows.parent.name / rows.name)
    store = Published(home)
    if store.root.exists():
        withdraw(store.root, told["withdrawn"], told["record"]["at"])
        for name in told["again"]:
            publish_again(store.root, name)
        current = store.current()
        is_gone = current is None or current.snapshot_id in withdrawn(store.root)
        if told["release"] and (is_gone or told["is_undo"]):
            store.point_at(*told["release"])
    damage.write_index(Lake(home))
    for state in states(home):
        if state.as_of > told["as_of"]:
            forget(state)
    done = record_of(home)
    if told["record"] not in done:
        write_json(root / RECORD, [*done, told["record"]])
    undone = _undone(home)
    make_folder(undone.parent)
    shutil.rmtree(undone, ignore_errors=True)
    going.rename(undone)
    fsync(undone.parent)
    fsync(root)


def _undone(home: Path) -> Path:
    return home / "lake" / NIGHTS / f"{UNDONE}.000001"


def record_of(home: Path) -> list[dict[str, Any]]:
    """Every reopening of the home, oldest first: at, by, led_to, nights_undone, releases_withdrawn."""
    path = home / "lake" / RECORD
    try:
        return list(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return []
    except ValueError:
        raise LakeError(
            f"lake/{RECORD}, which says what was reopened by whom, is damaged; move it aside"
        ) from None


def _leaving(now: Version | None, then: Version | None) -> dict[str, Any]:
    """The parts of an export table that are not what they were."""
    was = then.parts if then else {}
    return {key: part for key, part in (now.parts if now else {}).items() if was.get(key) != part}


def _is_landed(landing: Path, source_file: str, sha256: str) -> bool:
    """Whether the file lies where it lay, or, as it was, in another folder."""
    if (landing / source_file).exists():
        return True
    name = Path(source_file).name
    others = (path for path in landing.rglob("*") if path.name == name and path.is_file())
    return any(file_sha256(path)[0] == sha256 for path in others)


def _refuse_damaged(lake: Lake, kept: Mapping[str, Version]) -> None:
    for version in kept.values():
        for part in version.parts.values():
            if not lake.path(part).exists():
                raise LakeError(
                    f"lake/{part.path}, which the night of {version.as_of} made, is gone; "
                    "customer-intel history runs landing/ again from its first export on"
                )


def _found_again(
    lake: Lake, state: NightState, releases: Collection[Release]
) -> dict[str, list[tuple[Path, Path]]]:
    """Table → (where it is, where the lake had it) of each file, for tables of which nothing is
    missing.
    """
    published: dict[str, Path] = {}
    for release in releases:
        for table in release.manifest["tables"].values():
            for entry in table["files"]:
                published.setdefault(entry["sha256"], release.folder / entry["path"])
    found = {}
    for name, pointer in state.rest.items():
        links = []
        for part in Version.of(pointer).parts.values():
            place = lake.path(part)
            source = place if place.exists() else published.get(part.sha256)
            if source is None or not source.exists():
                break
            links.append((source, place))
        else:
            found[name] = links
    return found
