"""Where a table's Parquet is: candidate, accept, reject, read. The only code that writes data
files.

A table is a folder of immutable, content-named Parquet files and one pointer, CURRENT.json, that
names the files of the accepted version, part by part ("whole", a day, or an export file). Accepting
is: fsync the new files, rename them into place, fsync the folder, then swap the pointer the same
way. A reader that read the pointer never meets a half-written file, and a part whose content did
not change keeps its file.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from customer_intel.core.store import integrity
from customer_intel.core.store.integrity import file_sha256 as file_sha256

POINTER = "CURRENT.json"
CANDIDATES = ".candidates"
# The lake as it was after earlier nights (night_states.py): <state>/kept/<table>.json are pointers.
NIGHTS = ".nights"
WHOLE = "whole"
LOCK, LOCK_TRIES = ".lock", 5
# Of pointers; a pointer that names one carries its checksum.
FORMAT = 2

# Pointer → (its inode, size and time of change, what it says): a step asks for each many times.
_versions: dict[str, tuple[tuple[int, int, int], Version]] = {}


class LakeError(RuntimeError):
    """The lake cannot do what was asked; the message says why and what to do."""


class LakeDamaged(LakeError):
    """A file of the lake is not what its gate saw; nothing may be computed from it."""


class HomeBusy(LakeError):
    """Another run holds this home."""


@dataclass(frozen=True)
class Part:
    """One immutable file of a version. `facts` carries what its maker must remember (an export's
    ledger entry).
    """

    path: str
    rows: int
    bytes: int
    sha256: str
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Version:
    """An accepted version of a table: its parts, and the certificate of the gate that let it in."""

    table: str
    parts: dict[str, Part]
    as_of: str
    snapshot_id: str
    schema_sha256: str
    status: str = "available"
    reason: str = ""
    certificate: dict[str, Any] = field(default_factory=dict)
    fingerprints: dict[str, str] = field(default_factory=dict)
    # Of a table that is computed day by day: what its inputs held, and how it was computed.
    inputs: dict[str, Any] = field(default_factory=dict)
    recipe: str = ""

    @classmethod
    def of(cls, pointer: Path) -> Version:
        """The version that a pointer's file names. Raises ValueError when it is not as it was written."""
        data, carried = integrity.unsealed(pointer.read_bytes())
        # A pointer from before there were seals names no format.
        if not carried and "format" in data:
            raise ValueError("it lost its checksum")
        try:
            return version_of(data)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("no pointer") from error

    def sealed(self) -> bytes:
        """A pointer's file that names this version."""
        return integrity.sealed({**self.told(), "format": FORMAT})

    def told(self) -> dict[str, Any]:
        """As `version_of` takes it; what is in it is the version's own."""
        return {**vars(self), "parts": {key: vars(part) for key, part in self.parts.items()}}

    @property
    def rows(self) -> int:
        """Rows over all parts."""
        return sum(part.rows for part in self.parts.values())

    @property
    def bytes(self) -> int:
        """Bytes over all parts."""
        return sum(part.bytes for part in self.parts.values())

    @property
    def sha256(self) -> str:
        """Content hash of the version: of its one file, or over its parts in order."""
        if list(self.parts) == [WHOLE]:
            return self.parts[WHOLE].sha256
        return hashlib.sha256(
            "".join(f"{k}:{p.sha256}\n" for k, p in sorted(self.parts.items())).encode()
        ).hexdigest()


class Lake:
    """A home's accepted tables: reading them, and the only way to replace one."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.root = home / "lake"

    # ---- reading
    def current(self, table: str) -> Version | None:
        """The accepted version of a table; None when there never was one. Raises LakeDamaged when
        its pointer is not as it was written.
        """
        pointer = self.root / table / POINTER
        try:
            stat = pointer.stat()
            mark = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
            known = _versions.get(str(pointer))
            if known and known[0] == mark:
                return known[1]
            version = Version.of(pointer)
        except FileNotFoundError:
            return None
        except ValueError:
            raise LakeDamaged(
                f"lake/{table}/{POINTER} is not as it was written; customer-intel repair mends it"
            ) from None
        _versions[str(pointer)] = (mark, version)
        return version

    def fault(self, part: Part) -> str:
        """What is wrong with a part's file; nothing when it is what its gate saw. Hashed once a run."""
        return integrity.fault(self.path(part), part.sha256, part.bytes)

    def glance(self, part: Part) -> str:
        """As `fault`, of a part that is not read tonight: it may have been hashed by a run before."""
        return integrity.glance(self.path(part), part.sha256, part.bytes)

    def checked(self, table: str) -> list[Path]:
        """As `files`, each of them what its gate saw. Raises LakeDamaged for the first that is not."""
        version = self.current(table)
        self.check(version.parts.values() if version else ())
        return self.files(table)

    def check(self, parts: Iterable[Part], *, are_read: bool = True) -> None:
        """Raises LakeDamaged for the first part whose file is not what its gate saw."""
        for part in parts:
            if fault := self.fault(part) if are_read else self.glance(part):
                raise LakeDamaged(f"lake/{part.path} {fault}; customer-intel repair mends it")

    def files(self, table: str) -> list[Path]:
        """The accepted files in part order; none when the table was never accepted or is empty by
        reason.
        """
        version = self.current(table)
        return [self.path(part) for _, part in sorted(version.parts.items())] if version else []

    def path(self, part: Part) -> Path:
        """Where the part's file is."""
        return self.root / part.path

    # ---- writing
    @contextlib.contextmanager
    def workspace(self, table: str) -> Iterator[Path]:
        """A private folder on the lake's own file system for a candidate; gone afterwards whatever
        happens.
        """
        base = self.root / CANDIDATES
        make_folder(base)
        folder = Path(tempfile.mkdtemp(prefix=f"{table}.", dir=base))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def accept(
        self,
        table: str,
        candidates: Mapping[str, Path],
        *,
        as_of: str,
        snapshot_id: str,
        schema_sha256: str,
        certificate: dict[str, Any],
        keep: Mapping[str, Part] | None = None,
        facts: Mapping[str, dict[str, Any]] | None = None,
        fingerprints: dict[str, str] | None = None,
        inputs: dict[str, Any] | None = None,
        recipe: str = "",
        status: str = "available",
        reason: str = "",
    ) -> Version:
        """Makes `candidates` (part → Parquet file) plus the `keep` parts the table's accepted
        version. Raises LakeError without the certificate of a passed gate.
        """
        if not certificate.get("passed"):
            raise LakeError(f"'{table}' has no certificate of a passed gate; it cannot be accepted")
        parts = {**(keep or {}), **self._adopt(table, candidates, facts or {})}
        version = Version(
            table,
            parts,
            as_of,
            snapshot_id,
            schema_sha256,
            status,
            reason,
            certificate,
            fingerprints or {},
            inputs or {},
            recipe,
        )
        before = self.current(table)
        self.point(version)
        # Also the first time: a killed run may have left files that no version names.
        self._prune(table, before or version, version)
        return version

    def point(self, version: Version) -> None:
        """Makes `version`, whose files are in place, the table's accepted one."""
        write_bytes(self.root / version.table / POINTER, version.sealed())

    def restore(self, part: Part, source: Path) -> None:
        """Puts a whole copy of a damaged part's file in its place."""
        target = self.path(part)
        make_folder(target.parent)
        with self.workspace(target.parent.name) as work:
            made = Path(shutil.copyfile(source, work / target.name))
            fsync(made)
            os.rename(made, target)
        fsync(target.parent)

    def remove(self, table: str) -> None:
        """Takes a table away whole, its pointer first; the next night computes it anew."""
        (self.root / table / POINTER).unlink(missing_ok=True)
        shutil.rmtree(self.root / table, ignore_errors=True)
        fsync(self.root)

    def reject(self, table: str, candidates: Mapping[str, Path], why: dict[str, Any]) -> Path:
        """Keeps a candidate that failed its gate where it can be looked at, replacing the last
        rejected one.
        """
        folder = self.root / ".rejected" / table
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for key, source in candidates.items():
            os.rename(source, folder / f"{file_safe(key)}.parquet")
        write_json(folder / "verdict.json", why)
        return folder

    def _adopt(
        self, table: str, candidates: Mapping[str, Path], facts: Mapping[str, dict[str, Any]]
    ) -> dict[str, Part]:
        """Syncs the candidates, gives them content names in the table's folder, and syncs the
        folder once.
        """
        parts = {}
        folder = self.root / table
        make_folder(folder)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(fsync, candidates.values()))
        for key, source in sorted(candidates.items()):
            digest, size = file_sha256(source)
            target = folder / f"{file_safe(key)}.{digest[:20]}.parquet"
            parts[key] = Part(
                f"{table}/{target.name}",
                pq.read_metadata(source).num_rows,
                size,
                digest,
                facts.get(key, {}),
            )
            # A name says what its file should hold; after a bad disk it may not be what it does
            # hold.
            if not target.exists() or file_sha256(target)[0] != digest:
                os.rename(source, target)
            integrity.remember(target, digest)
        fsync(folder)
        return parts

    def _prune(self, table: str, before: Version, now: Version) -> None:
        """Deletes files that neither this version nor the one before it names, nor that of a night
        that can be gone back to: a reader of either stays whole.
        """
        named = {part.path for version in (before, now) for part in version.parts.values()}
        left = {f"{table}/{path.name}" for path in (self.root / table).glob("*.parquet")} - named
        for pointer in self.root.glob(f"{NIGHTS}/*/kept/{table}.json") if left else ():
            kept = json.loads(pointer.read_text(encoding="utf-8"))
            left -= {part["path"] for part in kept["parts"].values()}
        for name in left:
            (self.root / name).unlink(missing_ok=True)

    def recover(self) -> None:
        """Clears what a killed run left half done. Only for the holder of the home's lock, before
        its run begins.

        Files that were renamed into place but never named by a pointer stay: their names say what
        they hold, so the next acceptance takes them up, or prunes them.
        """
        shutil.rmtree(self.root / CANDIDATES, ignore_errors=True)
        marks = (f"lake/*/.{POINTER}.*", "lake/.rejected/*/.*", "quarantine/*/.*")
        for left in (path for mark in marks for path in self.home.glob(mark)):
            left.unlink(missing_ok=True)

    # ---- quarantine: rows that could not be taken, kept for the owner to mend
    def quarantine(self, entity: str, part: str, source: Path | None) -> Path | None:
        """Stores an export's rejected rows under <home>/quarantine/<entity>/, or clears what was
        there.
        """
        target = self.home / "quarantine" / entity / f"{file_safe(part)}.parquet"
        if source is None:
            target.unlink(missing_ok=True)
            return None
        make_folder(target.parent, mode=0o700)
        if source.stat().st_dev != target.parent.stat().st_dev:
            # A lake that is a disk of its own: a rename does not leave it.
            source = Path(shutil.copyfile(source, target.with_name(f".{target.name}")))
        os.chmod(source, 0o600)
        fsync(source)
        os.rename(source, target)
        fsync(target.parent)
        return target


def forget() -> None:
    """Begins a run: what an earlier one of this process found whole is read again."""
    integrity.forget()
    _versions.clear()


def version_of(data: dict[str, Any]) -> Version:
    """A pointer's content as a Version. Raises KeyError or TypeError when it is no pointer's."""
    known = {key: value for key, value in data.items() if key != "format"}
    known["parts"] = {key: Part(**part) for key, part in data["parts"].items()}
    return Version(**known)


@contextlib.contextmanager
def home_lock(home: Path) -> Iterator[None]:
    """One run at a time per home. Raises HomeBusy when another run holds it."""
    home.mkdir(parents=True, exist_ok=True)
    with open(home / LOCK, "a+", encoding="utf-8") as handle:
        for left in reversed(range(LOCK_TRIES)):
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not left:
                    raise HomeBusy(
                        f"another run is at work in {home.name}/; wait for it to end, then run again"
                    ) from None
            # Whoever only asks whether it is held lets go at once.
            time.sleep(0.05)
        yield


def is_held(home: Path) -> bool:
    """Whether a run holds the home's lock: the one sign of life that a killed process cannot leave."""
    try:
        with open(home / LOCK, encoding="utf-8") as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True


def fsync(path: Path) -> None:
    """Flushes a file or a folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(path: Path, mode: int = 0o777) -> None:
    """Makes a folder, and those above it, so that they are there after a power cut too."""
    if path.is_dir():
        return
    make_folder(path.parent, mode)
    path.mkdir(exist_ok=True, mode=mode)
    fsync(path.parent)


def write_bytes(path: Path, data: bytes) -> None:
    """Replaces `path` so that a reader sees the old content or the new, also after a power cut."""
    make_folder(path.parent)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.rename(name, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise
    fsync(path.parent)


def write_json(path: Path, data: Any) -> None:
    """`write_bytes` of the data as JSON, indented, so that a person can read it."""
    write_bytes(path, integrity.json_bytes(data))


def file_safe(key: str) -> str:
    """A part's key in a file's name: itself when plain, else readable prefix and hash."""
    plain = "".join(c if c.isalnum() or c in "-_." else "-" for c in key)
    return (
        plain if plain == key else f"{plain[:40]}-{hashlib.sha256(key.encode()).hexdigest()[:10]}"
    )
