"""Publication: one atomic release over all tables, named by one pointer. Writes under published/ with lake's care.

Order: certificates → staging on the same file system → fsync files → manifest → fsync folders → rename → fsync parent →
pointer. A path is never reused, so a slow reader of an older release stays whole while it is kept.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from customer_intel.core.contract import Table
from customer_intel.core.lake import (
    POINTER,
    WHOLE,
    Lake,
    LakeError,
    Version,
    file_sha256,
    fsync,
    write_bytes,
    write_json,
)

MANIFEST = "manifest.json"


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
        return dict(json.loads((self.folder / MANIFEST).read_text(encoding="utf-8")))

    def files(self, table: str) -> list[str]:
        """The table's Parquet files, as paths; a list for tables laid out by day."""
        return [str(self.folder / entry["path"]) for entry in self.manifest["tables"][table]["files"]]


class Published:
    def __init__(self, home: Path) -> None:
        self.root = home / "published"
        self.snapshots = self.root / "snapshots"

    def current(self) -> Release | None:
        try:
            pointer = json.loads((self.root / POINTER).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return Release(pointer["snapshot_id"], pointer["as_of"], self.snapshots / pointer["snapshot_id"], True)

    def releases(self) -> list[Release]:
        """Every release that is kept, newest first by date, then by the order of publication."""
        current = self.current()
        found = []
        for folder in self.snapshots.glob(f"*/{MANIFEST}"):
            data = json.loads(folder.read_text(encoding="utf-8"))
            name = folder.parent.name
            found.append(Release(name, data["as_of"], folder.parent, bool(current and current.snapshot_id == name)))
        return sorted(found, key=lambda release: (release.as_of, release.folder.stat().st_mtime_ns), reverse=True)

    def verified(self, lake: Lake, tables: Mapping[str, Table], snapshot_id: str) -> dict[str, Version]:
        """The accepted version of each table, once every certificate is in order. Raises ReleaseRefused."""
        versions = {}
        for name in tables:
            version = lake.current(name)
            if version is None or version.snapshot_id != snapshot_id:
                held = f"holds {version.snapshot_id}" if version else "was never accepted"
                raise ReleaseRefused(f"'{name}' {held}, not {snapshot_id}: its gate closed or it did not run")
            if not version.certificate.get("passed"):
                raise ReleaseRefused(f"'{name}' has no certificate of a passed gate")
            for part in version.parts.values():
                if not lake.path(part).exists() or file_sha256(lake.path(part))[0] != part.sha256:
                    raise ReleaseRefused(f"'{name}': {part.path} is not the file its gate saw; run the night again")
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
        """Makes the release `manifest['snapshot_id']` and points CURRENT.json at it, unless a later date is current.

        `derived` files are made from the release once it stands at its final path (views name absolute paths),
        before any reader is pointed at it; each callable writes the file it is given.
        """
        snapshot_id, as_of = manifest["snapshot_id"], manifest["as_of"]
        target = self.snapshots / snapshot_id
        if not (target / MANIFEST).exists():
            self._write(lake, versions, manifest, documents, target)
        for name, make in derived.items():
            if not (target / name).exists():
                with lake.workspace("derived") as work:
                    make(Release(snapshot_id, as_of, target), work / name)
                    fsync(work / name)
                    os.rename(work / name, target / name)
                    fsync(target)
        before = self.current()
        if before is None or before.as_of <= as_of:
            self.point_at(snapshot_id, as_of)
        self._prune(keep)
        return Release(snapshot_id, as_of, target, before is None or before.as_of <= as_of)

    def point_at(self, snapshot_id: str, as_of: str) -> None:
        """Swaps the pointer, then the derived link `current`."""
        write_json(self.root / POINTER, {"snapshot_id": snapshot_id, "as_of": as_of})
        link = Path(tempfile.mkdtemp(prefix=".link.", dir=self.root)) / "current"
        os.symlink(Path("snapshots") / snapshot_id, link, target_is_directory=True)
        os.rename(link, self.root / "current")
        link.parent.rmdir()
        fsync(self.root)

    def _write(
        self,
        lake: Lake,
        versions: Mapping[str, Version],
        manifest: dict[str, Any],
        documents: Mapping[str, bytes],
        target: Path,
    ) -> None:
        staging_root = self.root / ".staging"
        shutil.rmtree(staging_root, ignore_errors=True)
        staging_root.mkdir(parents=True)
        self.snapshots.mkdir(parents=True, exist_ok=True)
        staging = staging_root / target.name
        staging.mkdir()
        tables: dict[str, Any] = {}
        for name, version in sorted(versions.items()):
            files = []
            for key, part in sorted(version.parts.items()):
                relative = Path(f"{name}.parquet") if key == WHOLE else Path(name) / f"{key}.parquet"
                (staging / relative).parent.mkdir(exist_ok=True)
                _share(lake.path(part), staging / relative)
                files.append({"path": str(relative), "rows": part.rows, "bytes": part.bytes, "sha256": part.sha256})
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
        write_json(staging / MANIFEST, {**manifest, "tables": tables})
        for folder in sorted({path.parent for path in staging.rglob("*")}, reverse=True):
            fsync(folder)
        shutil.rmtree(target, ignore_errors=True)
        os.rename(staging, target)
        fsync(self.snapshots)

    def _prune(self, keep: int) -> None:
        """Deletes releases beyond the `keep` newest; the current one and the one before it always stay."""
        for release in self.releases()[max(keep, 2) :]:
            if not release.is_current:
                shutil.rmtree(release.folder, ignore_errors=True)


def _share(source: Path, target: Path) -> None:
    """Hard link, or a copy where the file system has none: the lake's files are never changed in place."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
    fsync(target)
