"""Releases on object storage: the protocol of release.py where nothing can be renamed.

    snapshots/<id>/<table>.<hash>.parquet, <table>/<day>.<hash>.parquet, documents     immutable
    snapshots/<id>/manifest.json                                                       created once
    (If-None-Match)
    CURRENT.json                                                                       swapped
    (If-Match)

Order: files → their sizes looked at → manifest → pointer → pruning. A file that the current release
has already is named by the new manifest where it lies, and not sent again. A publisher that dies
leaves objects which no manifest names; the next one takes over the young and prunes the old.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Any

from customer_intel.core.store.lake import POINTER, LakeError, file_sha256
from customer_intel.core.store.object_store import (
    FolderStore,
    Readable,
    S3Store,
    Stat,
    Store,
    StoreError,
    store,
)
from customer_intel.core.store.release import MANIFEST, Release, read_sealed

SNAPSHOTS = "snapshots/"
# Whoever opened a release has this long to read on after the next one came.
GRACE = timedelta(hours=24)
# A dead publisher's objects are taken over only while no pruner can be about to delete them.
TAKE_OVER = timedelta(hours=12)
ATTEMPTS = 50


@dataclass(frozen=True)
class RemoteRelease:
    """One release on a store, as its manifest was when it was opened."""

    snapshot_id: str
    as_of: str
    place: Readable | FolderStore
    manifest: dict[str, Any]
    is_current: bool = True

    def files(self, table: str) -> list[str]:
        """The table's Parquet files, as addresses (paths for file://); a list for tables laid out
        by day.
        """
        return [
            self.place.address(entry["path"]) for entry in self.manifest["tables"][table]["files"]
        ]

    @property
    def filesystem(self) -> Any:
        """fsspec's file system that reads the addresses."""
        if isinstance(self.place, Readable):
            return self.place.fs
        import fsspec

        return fsspec.filesystem("file")


@dataclass(frozen=True)
class Mirrored:
    """What mirroring did. `sent` and `shared` count the tables' files; `sent_bytes` is their size."""

    snapshot_id: str
    is_current: bool
    sent: int
    shared: int
    sent_bytes: int
    pruned: int


def open_release(url: str) -> RemoteRelease:
    """The release that is current at an address. Raises FileNotFoundError when there is none."""
    return opened(store(url))


def opened(place: Readable | FolderStore) -> RemoteRelease:
    """The release that is current on a store. Raises FileNotFoundError when there is none,
    StoreError when its manifest is not the one that the pointer names.
    """
    pointer = _read_json(place, POINTER)
    if pointer is None:
        raise FileNotFoundError(f"no release at {place.url} yet")
    data = place.read(pointer["manifest"])[0]
    if hashlib.sha256(data).hexdigest() != pointer["manifest_sha256"]:
        raise StoreError(
            f"{place.url}: {pointer['manifest']} is not the manifest that {POINTER} names"
        )
    return RemoteRelease(pointer["snapshot_id"], pointer["as_of"], place, json.loads(data))


def writable(url: str) -> Store:
    """The store at an address that releases can be mirrored to. Raises ConfigError."""
    place = store(url)
    if not isinstance(place, S3Store | FolderStore):
        with place.exclusive():
            raise AssertionError("a store without conditional writes let itself be published to")
    return place


def mirror(release: Release, place: Store, keep: int, undone: Collection[str] = ()) -> Mirrored:
    """Brings a local release to the store and points readers at it, unless a later date is current
    there that is not of the `undone` releases.

    Raises LakeError; whatever it got to, readers see the release before or this one, and running
    again completes it.
    """
    with place.exclusive():
        folder = f"{SNAPSHOTS}{release.snapshot_id}/"
        held = _read_json(place, folder + MANIFEST)
        sent: dict[str, Path] = {}
        shared = 0
        if held is None:
            manifest, sent, shared = _plan(release, place, folder)
            place.put(sent)
            _arrived(place, folder, manifest)
            place.create(folder + MANIFEST, _json(manifest))
            # Another publisher of the same night may have been first: its manifest is the one that
            # counts.
            held = _read_json(place, folder + MANIFEST)
        if held is None or _content(held) != _content(release.manifest):
            raise StoreError(
                f"{place.url}: {folder} holds other content than this release; look who else "
                "writes there"
            )
        current = point_at(place, release.snapshot_id, undone=undone)
        pruned = prune(place, keep)
        return Mirrored(
            release.snapshot_id,
            current,
            len(sent),
            shared,
            sum(path.stat().st_size for path in sent.values()),
            pruned,
        )


def point_at(
    place: Store, snapshot_id: str, *, back: bool = False, undone: Collection[str] = ()
) -> bool:
    """Makes a release that is on the store the current one; False when another stays current.

    Never moves to an earlier date, unless `back` (a rollback) or from one of the `undone`. A
    publisher that was overtaken looks again: a later date stays, and of two releases of one date the
    first to arrive. Raises StoreError when no such release is kept there, or others keep overtaking.
    """
    key = f"{SNAPSHOTS}{snapshot_id}/{MANIFEST}"
    try:
        data = place.read(key)[0]
    except FileNotFoundError:
        raise StoreError(f"{place.url}: no release {snapshot_id} is kept there") from None
    as_of = json.loads(data)["as_of"]
    first: dict[str, Any] | None = None
    for attempt in range(ATTEMPTS):
        held, tag = _pointer(place)
        first = held if attempt == 0 else first
        if held and held["snapshot_id"] == snapshot_id:
            return True
        overtaken = held != first
        stays = held and held["snapshot_id"] not in undone
        if (
            held
            and stays
            and not back
            and (held["as_of"] > as_of or (overtaken and held["as_of"] == as_of))
        ):
            return False
        pointer = {
            "snapshot_id": snapshot_id,
            "as_of": as_of,
            "manifest": key,
            "manifest_sha256": hashlib.sha256(data).hexdigest(),
            "previous": held["snapshot_id"] if held else None,
        }
        if place.swap(POINTER, _json(pointer), tag):
            return True
    raise StoreError(
        f"{place.url}: {POINTER} was changed by others {ATTEMPTS} times in a row; run again"
    )


def prune(place: Store, keep: int) -> int:
    """Deletes what no kept release names and is older than a day; returns the number of objects.

    Kept: the current release, the one before it, the `keep` newest, and each that was followed less
    than a day ago.
    """
    listing, now = place.list(SNAPSHOTS), place.now()
    pointer, _ = _pointer(place)
    manifests = sorted(
        (stat.modified, key)
        for key, stat in listing.items()
        if PurePosixPath(key).name == MANIFEST and key.count("/") == 2
    )
    wanted = (
        {f"{SNAPSHOTS}{pointer[name]}/{MANIFEST}" for name in ("snapshot_id", "previous")}
        if pointer
        else set()
    )
    wanted |= {key for _, key in manifests[-max(keep, 2) :]}
    wanted |= {key for (_, key), (followed, _) in pairwise(manifests) if now - followed < GRACE}
    named = set()
    for key in sorted(wanted & listing.keys()):
        named |= {key, *(entry["path"] for entry in _entries(json.loads(place.read(key)[0])))}
    old = {
        key for key, stat in listing.items() if key not in named and now - stat.modified >= GRACE
    }
    gone = {key for _, key in manifests} & old
    # Manifests first: what has a manifest is whole.
    place.delete(gone)
    place.delete(old - gone)
    return len(old)


def _plan(
    release: Release, place: Store, folder: str
) -> tuple[dict[str, Any], dict[str, Path], int]:
    """The manifest of the release on the store, the files to send for it, and how many need not be
    sent.

    Derived files stay behind: their views name paths of the machine that they were made on.
    """
    listing, now = place.list(SNAPSHOTS), place.now()
    known = _known(place, listing)
    manifest = _manifest(release)
    send: dict[str, Path] = {}
    shared = 0
    tables = [
        (table, entry) for table, facts in manifest["tables"].items() for entry in facts["files"]
    ]
    for table, entry in [*tables, *(("", entry) for entry in manifest["documents"])]:
        if there := known.get((table, entry["sha256"])):
            entry["path"] = there
            shared += 1
            continue
        local = release.folder / entry["path"]
        if file_sha256(local) != (entry["sha256"], entry["bytes"]):
            raise LakeError(
                f"release {release.snapshot_id}: {entry['path']} is not what was published; run "
                "again"
            )
        entry["path"] = folder + _content_name(entry["path"], entry["sha256"])
        stat = listing.get(entry["path"])
        if stat is None or stat.size != entry["bytes"] or now - stat.modified >= TAKE_OVER:
            send[entry["path"]] = local
    return manifest, send, shared


def _manifest(release: Release) -> dict[str, Any]:
    manifest = read_sealed(release.folder / MANIFEST)
    manifest.pop("derived", None)
    manifest["documents"] = [
        {**entry, "name": entry["path"]} for entry in manifest.get("documents", [])
    ]
    return manifest


def _known(place: Store, listing: dict[str, Stat]) -> dict[tuple[str, str], str]:
    """(table, sha256) → key, of the current release's files. Only of that one: nobody prunes it
    while we name it.
    """
    pointer, _ = _pointer(place)
    if pointer is None:
        return {}
    tables = json.loads(place.read(pointer["manifest"])[0])["tables"]
    return {
        (table, entry["sha256"]): entry["path"]
        for table, facts in tables.items()
        for entry in facts["files"]
        if entry["path"] in listing and listing[entry["path"]].size == entry["bytes"]
    }


def _arrived(place: Store, folder: str, manifest: dict[str, Any]) -> None:
    listing = place.list(folder)
    for entry in _entries(manifest):
        if (
            entry["path"].startswith(folder)
            and getattr(listing.get(entry["path"]), "size", None) != entry["bytes"]
        ):
            raise StoreError(f"{place.url}: {entry['path']} did not arrive whole; run again")


def _entries(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    tables = [entry for facts in manifest["tables"].values() for entry in facts["files"]]
    return [*tables, *manifest["documents"]]


def _content(manifest: dict[str, Any]) -> dict[str, Any]:
    """What two publishers of the same release agree on: the tables' content, not where it lies nor
    who ran.
    """
    return {name: facts["sha256"] for name, facts in manifest["tables"].items()}


def _content_name(path: str, sha256: str) -> str:
    name = PurePosixPath(path)
    return str(name.with_name(f"{name.stem}.{sha256[:20]}{name.suffix}"))


def _pointer(place: Store) -> tuple[dict[str, Any] | None, str | None]:
    try:
        data, tag = place.read(POINTER)
    except FileNotFoundError:
        return None, None
    return dict(json.loads(data)), tag


def _read_json(place: Readable | FolderStore, key: str) -> dict[str, Any] | None:
    try:
        return dict(json.loads(place.read(key)[0]))
    except FileNotFoundError:
        return None


def _json(data: dict[str, Any]) -> bytes:
    return (json.dumps(data, indent=1, ensure_ascii=False) + "\n").encode()
