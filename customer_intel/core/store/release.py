"""Publication: one atomic release over all tables, named by one pointer. Writes under published/
with lake's care.

Order: lock → certificates → staging on the same file system → fsync files → manifest → fsync
folders → rename → fsync parent → derived files → pointer. A path is never reused, so a slow reader
of an older release stays whole while it is kept.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from customer_intel.core.contract.model import Table
from customer_intel.core.store import disk, integrity
from customer_intel.core.store.lake import (
    POINTER,
    WHOLE,
    Lake,
    LakeError,
    Version,
    file_sha256,
    fsync,
    make_folder,
    write_bytes,
)
from customer_intel.core.store.withdrawn import publish_again, withdrawn

MANIFEST = "manifest.json"
PLACE = "published/"
# What was made of a release once it stood at its final path; its presence says that the release is
# finished.
DERIVED = "derived.json"
STAGING = ".staging"
# A release younger than this is never removed: somebody may have opened it when it was the current
# one.
GRACE_SECONDS = 24 * 3600.0


class ReleaseRefused(LakeError):
    """The release cannot be published; the message says which table and why."""


@dataclass(frozen=True)
class Release:
    """One published release: its folder holds every table, whole."""

    snapshot_id: str
    as_of: str
    folder: Path
    is_current: bool = False

    @property
    def manifest(self) -> dict[str, Any]:
        """What the release holds: tables, files, sizes, hashes, gates."""
        return dict(json.loads((self.folder / MANIFEST).read_text(encoding="utf-8")))

    def files(self, table: str) -> list[str]:
        """The table's Parquet files, as paths; a list for tables laid out by day."""
        return [
            str(self.folder / entry["path"]) for entry in self.manifest["tables"][table]["files"]
        ]

    def verify(self) -> list[str]:
        """What is damaged, one line per file: every byte of the release is compared with its
        checksum.
        """
        try:
            manifest = read_sealed(self.folder / MANIFEST)
            made = read_sealed(self.folder / DERIVED) if manifest.get("derived") else {"files": []}
        except LakeError as error:
            return [str(error)]
        listed = [*manifest.get("documents", []), *made["files"]]
        listed += [file for table in manifest["tables"].values() for file in table["files"]]
        faults = []
        for entry in listed:
            try:
                found = file_sha256(self.folder / entry["path"])
            except OSError as error:
                faults.append(f"{entry['path']}: cannot be read ({error.strerror})")
                continue
            if found != (entry["sha256"], entry["bytes"]):
                faults.append(f"{entry['path']}: is not what was published")
        known = {entry["path"] for entry in listed}
        strange = {
            str(path.relative_to(self.folder)) for path in self.folder.rglob("*.parquet")
        } - known
        return sorted([*faults, *(f"{path}: is not of this release" for path in strange)])


class Published:
    """A home's releases: making one, pointing readers at one, keeping the newest."""

    def __init__(
        self,
        home: Path,
        grace_seconds: float = GRACE_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.root = home / "published"
        self.snapshots = self.root / "snapshots"
        self._grace_seconds, self._clock = grace_seconds, clock

    def current(self) -> Release | None:
        """The release that readers are pointed at. Raises LakeError when the pointer is damaged."""
        pointer = self._pointer()
        if pointer is None:
            return None
        return Release(
            pointer["snapshot_id"], pointer["as_of"], self.snapshots / pointer["snapshot_id"], True
        )

    def releases(self) -> list[Release]:
        """Every release that is kept, newest first by date, then by the order of publication.

        One whose manifest is not readable, or that a killed run did not finish, is left out unless
        it is current.
        """
        with contextlib.suppress(LakeError):
            return self._releases(self.current())
        return self._releases(None)

    def _releases(self, current: Release | None) -> list[Release]:
        found = []
        for path in self.snapshots.glob(f"*/{MANIFEST}"):
            is_current = bool(current and current.folder == path.parent)
            try:
                as_of, written = (
                    json.loads(path.read_text(encoding="utf-8"))["as_of"],
                    path.stat().st_mtime_ns,
                )
            except (ValueError, KeyError, FileNotFoundError):
                if not (current and is_current):
                    continue
                as_of, written = current.as_of, 0
            if is_current or not _unfinished(path.parent):
                found.append((written, Release(path.parent.name, as_of, path.parent, is_current)))
        found.sort(key=lambda item: (item[1].as_of, item[0], item[1].snapshot_id), reverse=True)
        return [release for _, release in found]

    def verify(self) -> dict[str, list[str]]:
        """Release (and the pointer) → what is damaged; nothing for what is whole, or was never
        finished.
        """
        faults = {}
        current = None
        try:
            current = self.current()
            if current and not (current.folder / MANIFEST).exists():
                faults[POINTER] = [f"{POINTER}: names a release that is not there"]
        except LakeError as error:
            faults[POINTER] = [str(error)]
        for folder in sorted(self.snapshots.glob("*/")):
            offered = not _unfinished(folder) or bool(current and current.folder == folder)
            if offered and (found := Release(folder.name, "", folder).verify()):
                faults[folder.name] = found
        return faults

    def verified(
        self, lake: Lake, tables: Mapping[str, Table], snapshot_id: str
    ) -> dict[str, Version]:
        """The accepted version of each table, once every certificate is in order. Raises
        ReleaseRefused.
        """
        versions = {}
        for name in tables:
            version = lake.current(name)
            if version is None or version.snapshot_id != snapshot_id:
                held = f"holds {version.snapshot_id}" if version else "was never accepted"
                raise ReleaseRefused(
                    f"'{name}' {held}, not {snapshot_id}: its gate closed or it did not run"
                )
            if not version.certificate.get("passed"):
                raise ReleaseRefused(f"'{name}' has no certificate of a passed gate")
            for part in version.parts.values():
                if fault := lake.glance(part):
                    raise ReleaseRefused(
                        f"'{name}': lake/{part.path} {fault}; customer-intel repair says how to "
                        "mend it"
                    )
            versions[name] = version
        return versions

    def publish(
        self,
        lake: Lake,
        versions: Mapping[str, Version],
        manifest: dict[str, Any],
        documents: Mapping[str, bytes],
        derived: Mapping[str, Callable[[Release, Path], None]],
        keep: int,
    ) -> Release:
        """Makes the release `manifest['snapshot_id']` and points CURRENT.json at it, unless a later
        date is current.

        `derived` files are made from the release once it stands at its final path (views name
        absolute paths), before any reader is pointed at it; each callable writes the file it is
        given. Of several publishers at once the others wait; one that comes second with the same
        release finds it made.
        """
        snapshot_id, as_of = manifest["snapshot_id"], manifest["as_of"]
        target = self.snapshots / snapshot_id
        with disk.told(self.root.parent, PLACE), self._alone():
            self._recover()
            if not (target / MANIFEST).exists():
                self._write(
                    lake, versions, {**manifest, "derived": sorted(derived)}, documents, target
                )
                self._derive(Release(snapshot_id, as_of, target), derived)
            before = self.current()
            # A release whose night was undone is no later one.
            publish_again(self.root, snapshot_id)
            undone = withdrawn(self.root)
            newest = not before or before.as_of <= as_of or before.snapshot_id in undone
            if newest:
                self._point_at(snapshot_id, as_of)
            self._prune(keep)
        return Release(snapshot_id, as_of, target, newest)

    def point_at(self, snapshot_id: str, as_of: str) -> None:
        """Swaps the pointer, then the derived link `current`."""
        with self._alone():
            self._point_at(snapshot_id, as_of)

    def mend(self, wholes: Mapping[str, Path]) -> dict[str, bool]:
        """Restores damaged tables from `wholes` (sha256 → such a file): file → whether it could."""
        done = {}
        for folder in sorted(self.snapshots.glob("*/")):
            try:
                tables = read_sealed(folder / MANIFEST)["tables"]
            except LakeError:
                continue
            for entry in [file for table in tables.values() for file in table["files"]]:
                path, sha256 = folder / entry["path"], entry["sha256"]
                if not integrity.fault(path, sha256, entry["bytes"]):
                    continue
                source = wholes.get(sha256)
                if source:
                    make_folder(path.parent)
                    make_folder(self.root / STAGING)
                    (made := self.root / STAGING / "mended").unlink(missing_ok=True)
                    _share(source, made)
                    os.rename(made, path)
                    fsync(path.parent)
                done[str(path.relative_to(self.root.parent))] = source is not None
        return done

    def recover(self) -> None:
        """Clears what a killed publisher left half done, and repairs what is derived from the
        pointer.
        """
        if self.root.exists():
            with self._alone():
                self._recover()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        make_folder(self.root)
        with open(self.root / ".lock", "a+", encoding="utf-8") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _pointer(self) -> dict[str, Any] | None:
        if not (self.root / POINTER).exists():
            return None
        return read_sealed(self.root / POINTER)

    def _point_at(self, snapshot_id: str, as_of: str) -> None:
        before: dict[str, Any] | None = None
        with contextlib.suppress(LakeError):
            before = self._pointer()
        if before is None or before["snapshot_id"] != snapshot_id:
            # The one before is named so that pruning spares it, whatever its date.
            previous = before["snapshot_id"] if before else None
            write_sealed(
                self.root / POINTER,
                {"snapshot_id": snapshot_id, "as_of": as_of, "previous": previous},
            )
        self._link(snapshot_id)

    def _link(self, snapshot_id: str) -> None:
        link, wanted = self.root / "current", Path("snapshots") / snapshot_id
        if link.is_symlink() and Path(os.readlink(link)) == wanted:
            return
        made = Path(tempfile.mkdtemp(prefix=".link.", dir=self.root)) / "current"
        os.symlink(wanted, made, target_is_directory=True)
        os.rename(made, link)
        made.parent.rmdir()
        fsync(self.root)

    def _recover(self) -> None:
        shutil.rmtree(self.root / STAGING, ignore_errors=True)
        for left in self.root.glob(".link.*"):
            shutil.rmtree(left, ignore_errors=True)
        for left in [*self.root.glob(f".{POINTER}.*"), *self.snapshots.glob(f"*/.{DERIVED}.*")]:
            left.unlink(missing_ok=True)
        current = self.current()
        for folder in self.snapshots.glob("*/"):
            # Nobody was told of it, and its night makes it anew.
            if not (current and current.folder == folder) and _unfinished(folder):
                self._remove(folder)
        if current:
            self._link(current.snapshot_id)

    def _write(
        self,
        lake: Lake,
        versions: Mapping[str, Version],
        manifest: dict[str, Any],
        documents: Mapping[str, bytes],
        target: Path,
    ) -> None:
        make_folder(self.snapshots)
        staging = self.root / STAGING / target.name
        make_folder(staging)
        tables: dict[str, Any] = {}
        for name, version in sorted(versions.items()):
            files = []
            for key, part in sorted(version.parts.items()):
                relative = (
                    Path(f"{name}.parquet") if key == WHOLE else Path(name) / f"{key}.parquet"
                )
                (staging / relative).parent.mkdir(exist_ok=True)
                _share(lake.path(part), staging / relative)
                files.append(
                    {
                        "path": str(relative),
                        "rows": part.rows,
                        "bytes": part.bytes,
                        "sha256": part.sha256,
                    }
                )
            tables[name] = {
                "status": version.status,
                "reason": version.reason,
                "rows": version.rows,
                "bytes": version.bytes,
                "sha256": version.sha256,
                "schema_sha256": version.schema_sha256,
                "files": files,
                "gate": version.certificate,
            }
        for relative_name, content in documents.items():
            write_bytes(staging / relative_name, content)
        listed = [_entry(staging, name) for name in sorted(documents)]
        write_sealed(staging / MANIFEST, {**manifest, "documents": listed, "tables": tables})
        for folder in sorted({path.parent for path in staging.rglob("*")}, reverse=True):
            fsync(folder)
        os.rename(staging, target)
        fsync(self.snapshots)

    def _derive(
        self, made: Release, derived: Mapping[str, Callable[[Release, Path], None]]
    ) -> None:
        if not derived:
            return
        # Here, not in the lake's workspace: that may be another file system, and a rename does not
        # leave its own.
        staging = self.root / STAGING / f"derived-{made.snapshot_id}"
        make_folder(staging)
        for name, make in derived.items():
            make(made, staging / name)
            fsync(staging / name)
            os.rename(staging / name, made.folder / name)
        staging.rmdir()
        fsync(made.folder)
        write_sealed(
            made.folder / DERIVED,
            {"files": [_entry(made.folder, name) for name in sorted(derived)]},
        )

    def _prune(self, keep: int) -> None:
        """Removes releases beyond the `keep` newest, but never the current one, the one before it,
        or a young one.
        """
        pointer = self._pointer() or {}
        named = {pointer.get("snapshot_id"), pointer.get("previous")}
        # By the clock, which only decides how long something old is kept; one that went back keeps
        # it longer.
        since = self._clock() - self._grace_seconds
        undone = withdrawn(self.root)
        ranked = sorted(self.releases(), key=lambda release: release.snapshot_id in undone)
        for release in ranked[max(keep, 2) :]:
            if (
                release.snapshot_id not in named
                and (release.folder / MANIFEST).stat().st_mtime < since
            ):
                self._remove(release.folder)

    def _remove(self, folder: Path) -> None:
        """First out of sight, whole: a release that is half removed must not be offered to anybody."""
        make_folder(self.root / STAGING)
        gone = self.root / STAGING / f"removed-{folder.name}"
        os.rename(folder, gone)
        shutil.rmtree(gone, ignore_errors=True)


def recover(home: Path) -> None:
    """What a run does first, once it holds the home's lock: clears what a killed one left."""
    from customer_intel.core.store import lake_swap, reopening

    lake_swap.finish(home)
    Lake(home).recover()
    Published(home).recover()
    reopening.finish(home)


def write_sealed(path: Path, data: Mapping[str, Any]) -> None:
    """Writes JSON that carries the checksum of its own text, so that a flipped bit in it is seen."""
    write_bytes(path, integrity.sealed(data))


def read_sealed(path: Path) -> dict[str, Any]:
    """What `write_sealed` wrote. Raises LakeError when it is not that; files from before there were
    seals are taken.
    """
    try:
        data, carried = integrity.unsealed(path.read_bytes())
        if carried or not {"documents", "previous", "files"} & data.keys():
            return data
    except OSError as error:
        raise LakeError(f"{path.name}: cannot be read ({error.strerror})") from None
    except ValueError:
        pass
    raise LakeError(
        f"{path.name}: is damaged; customer-intel releases --verify says which releases are whole, "
        "customer-intel rollback points readers at one of them"
    )


def _entry(folder: Path, name: str) -> dict[str, Any]:
    digest, size = file_sha256(folder / name)
    return {"path": name, "bytes": size, "sha256": digest}


def _unfinished(folder: Path) -> bool:
    try:
        derived = json.loads((folder / MANIFEST).read_text(encoding="utf-8")).get("derived")
    except FileNotFoundError:
        return True
    except ValueError:
        # Damaged, not unfinished: it is kept for whoever looks into it.
        return False
    return bool(derived) and not (folder / DERIVED).exists()


def _share(source: Path, target: Path) -> None:
    """Hard link, or a copy where the file system has none: the lake's files are never changed in
    place.
    """
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
    fsync(target)
