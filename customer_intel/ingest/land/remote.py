"""Mirror of a remote landing zone (object store or SFTP): fetched to a private local folder before
the night, which is the landing folder from then on.

Belongs here: which objects are new or changed, whole files or none, names that stay inside the
folder. Not here: what is in the files (entity_night.py); how addresses are opened
(core/store/object_store.py).

The folder mirrors the zone: what is gone there goes here too. Listing, fetching, listing again: a
file that changes meanwhile is fetched anew, and one that goes on changing stops the fetch. A failed
fetch leaves only whole files.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.store import object_store as stores
from customer_intel.core.store.lake import LakeError, fsync, write_json

FETCHED = ".fetched.json"
PARTIAL = ".partial"
# Names under which transfer programs write what is not complete yet.
UNFINISHED = (".part", ".partial", ".filepart", ".tmp", ".crdownload", ".inprogress")
ROUNDS = 4
CHUNK = 8 << 20
# Listing entries that change with an object's content, by store; the first that is there is used.
TAGS = ("ETag", "etag", "generation", "md5Hash", "mtime", "created", "LastModified", "modified")


class RemoteError(LakeError):
    """The landing zone could not be fetched; the message says which file, why and what to do,
    without credentials.
    """


class HostKeyUnknown(Exception):
    """The server's host key is not in known_hosts; core/store/object_store.py has the words for it."""


class _Vanished(Exception):
    """Listed, and gone when it was asked for."""


@dataclass(frozen=True)
class Sftp:
    """What opens an SFTP server, beside the user and port in its address and the keys of ~/.ssh or
    an agent.
    """

    password: str | None = None
    key_file: Path | None = None
    known_hosts: Path | None = None


@dataclass(frozen=True)
class Fetched:
    """What a fetch did, in files; `unfinished` names those left where they are because they are
    still written.
    """

    taken: int
    kept: int
    removed: int
    bytes: int
    unfinished: tuple[str, ...]


@dataclass(frozen=True)
class _Remote:
    path: str
    size: int
    tag: str


def fetch(url: str, cache: Path, *, max_bytes: int, sftp: Sftp | None = None) -> Fetched:
    """Makes `cache` hold what lies at `url`. Raises RemoteError, ConfigError for an address that
    cannot be used.
    """
    return _Fetch(stores.plain_url(url), cache, max_bytes, sftp or Sftp()).run()


class _Fetch:
    def __init__(self, url: str, cache: Path, max_bytes: int, sftp: Sftp) -> None:
        self.url, self.cache, self.max_bytes = url, cache, max_bytes
        self.scheme = urlsplit(url).scheme
        # Messages leave out the user name.
        self.shown = (
            url.replace(f"{urlsplit(url).username}@", "") if urlsplit(url).username else url
        )
        with self._errors_named("opening it"):
            self.fs = _sftp(url, sftp) if self.scheme in ("sftp", "ssh") else stores.filesystem(url)
        self.root = str(self.fs._strip_protocol(url)).rstrip("/")
        self.unfinished: set[str] = set()
        self.fetched: set[str] = set()
        self.bytes = 0

    def run(self) -> Fetched:
        _private(self.cache)
        try:
            return self._mirrored(self._known())
        finally:
            shutil.rmtree(self.cache / PARTIAL, ignore_errors=True)

    def _mirrored(self, known: dict[str, list[Any]]) -> Fetched:
        before = set(known)
        for _ in range(ROUNDS):
            wanted = self._listed(known)
            changed = {
                name: found for name, found in wanted.items() if not self._held(name, found, known)
            }
            removed = set(known) - set(wanted)
            if not changed and not removed:
                break
            self._room_for(changed)
            self._drop(removed, known)
            self._take(changed, known)
        else:
            if changed:
                raise RemoteError(
                    f"{self.shown}: {sorted(changed)[0]} changed each time it was fetched (is it "
                    "still being sent?); "
                    "run again when it is complete"
                )
        kept = set(known) - self.fetched
        return Fetched(
            len(self.fetched),
            len(kept),
            len(before - set(known)),
            self.bytes,
            tuple(sorted(self.unfinished)),
        )

    def _held(self, name: str, found: _Remote, known: dict[str, list[Any]]) -> bool:
        # Without a tag or time nothing proves that the content is the same: fetched once per fetch.
        return known.get(name) == [found.size, found.tag] and bool(
            found.tag or name in self.fetched
        )

    # ---- what is there
    def _listed(self, known: dict[str, list[Any]]) -> dict[str, _Remote]:
        with self._errors_named("listing it"):
            self.fs.invalidate_cache()
            # A folder that cannot be listed must not pass for an empty one: its files would seem to
            # be gone.
            strict = {} if self.fs.async_impl else {"on_error": "raise"}
            found = self.fs.find(self.root or "/", detail=True, **strict)
        wanted = {}
        self.unfinished.clear()
        for path, info in found.items():
            if info.get("type") == "directory" or path.endswith("/"):
                continue
            name = self._name(path)
            if name.lower().endswith(UNFINISHED):
                self.unfinished.add(name)
            # Hidden files are nobody's export, here as in a local landing folder.
            elif not any(part.startswith(".") for part in name.split("/")):
                tag = next((str(info[key]) for key in TAGS if info.get(key) is not None), "")
                wanted[name] = _Remote(path, int(info["size"] or 0), tag)
        if not wanted and known:
            raise RemoteError(
                f"{self.shown}: names no file, but {len(known):,} were fetched from there before; "
                "look at the address "
                f"and at what the credentials may list. To begin anew, remove {self.cache.name}/"
            )
        total = sum(item.size for item in wanted.values())
        if total > self.max_bytes:
            raise RemoteError(
                f"{self.shown}: holds {total:,} bytes, more than CUSTOMER_INTEL_LANDING_MAX_BYTES "
                f"{self.max_bytes:,}; "
                "move old exports away, or raise it"
            )
        for name in wanted:
            for parent in list(Path(name).parents)[:-1]:
                if str(parent) in wanted:
                    raise RemoteError(
                        f"{self.shown}: {parent} is a file and a folder of {name}; rename one of "
                        "them"
                    )
        return wanted

    def _name(self, path: str) -> str:
        """The object's name below the address. Raises RemoteError when it could lead out of the
        folder here.
        """
        name = path.removeprefix(f"{self.root}/")
        parts = name.split("/")
        hostile = (
            name == path
            or any(part in ("", ".", "..") or len(os.fsencode(part)) > 200 for part in parts)
            or any(ord(sign) < 32 or sign in "\\\x7f" for sign in name)
        )
        if hostile:
            printable = ascii(name[-80:])
            raise RemoteError(
                f"{self.shown}: the name {printable} is no plain relative path; rename or remove "
                "that "
                "object"
            )
        return name

    # ---- what is here
    def _known(self) -> dict[str, list[Any]]:
        """name → [size, tag] of the files that were fetched from this address and are still here as
        they came.
        """
        try:
            data = json.loads((self.cache / FETCHED).read_text(encoding="utf-8"))
        except FileNotFoundError:
            data = {}
        except ValueError:
            data = {}
        known: dict[str, list[Any]] = data.get("files", {}) if data.get("url") == self.url else {}
        for path in sorted(self.cache.rglob("*"), reverse=True):
            name = path.relative_to(self.cache).as_posix()
            if path.is_symlink() or (path.is_file() and name not in (FETCHED, *known)):
                path.unlink()
        sizes = {
            name: (self.cache / name).lstat().st_size
            for name in known
            if (self.cache / name).is_file()
        }
        return {name: facts for name, facts in known.items() if sizes.get(name) == facts[0]}

    def _room_for(self, changed: dict[str, _Remote]) -> None:
        need, free = sum(item.size for item in changed.values()), shutil.disk_usage(self.cache).free
        if need > free:
            raise RemoteError(
                f"{self.shown}: {need:,} bytes are new, {free:,} are free here; make room and run "
                "again"
            )

    def _drop(self, removed: set[str], known: dict[str, list[Any]]) -> None:
        for name in removed:
            path = self.cache / name
            path.unlink(missing_ok=True)
            del known[name]
            self.fetched.discard(name)
            with contextlib.suppress(OSError):
                for parent in list(Path(name).parents)[:-1]:
                    (self.cache / parent).rmdir()
        if removed:
            self._remember(known)

    def _take(self, changed: dict[str, _Remote], known: dict[str, list[Any]]) -> None:
        """Fetches the files. Those that arrived are remembered also when another one fails."""
        (self.cache / PARTIAL).mkdir(mode=0o700, exist_ok=True)

        def one(name: str) -> str | None:
            try:
                self._copy(name, changed[name])
            except _Vanished:
                return None
            return name

        # One connection carries one transfer; object stores answer many requests at once.
        with ThreadPoolExecutor(1 if self.scheme in ("sftp", "ssh") else 8) as pool:
            waiting = [pool.submit(one, name) for name in sorted(changed)]
            try:
                for future in waiting:
                    if (name := future.result()) is not None:
                        known[name] = [changed[name].size, changed[name].tag]
                        self.fetched.add(name)
                        self.bytes += changed[name].size
            finally:
                for future in waiting:
                    future.cancel()
                self._remember(known)

    def _copy(self, name: str, item: _Remote) -> None:
        handle, partial = tempfile.mkstemp(dir=self.cache / PARTIAL)
        size = 0
        with os.fdopen(handle, "wb") as out, self._errors_named(f"fetching {name}"):
            try:
                with self.fs.open(item.path, "rb") as stream:
                    # One byte more than was listed is enough to know that it is another file now.
                    while size <= item.size and (
                        chunk := stream.read(min(CHUNK, item.size + 1 - size))
                    ):
                        out.write(chunk)
                        size += len(chunk)
            except FileNotFoundError:
                raise _Vanished from None
            except Exception as error:
                if _changed_meanwhile(error):
                    raise _Vanished from None
                raise
        if size != item.size:
            # The next listing has its new size.
            raise _Vanished
        fsync(Path(partial))
        target = self.cache / name
        if target.is_dir():
            shutil.rmtree(target)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        Path(partial).rename(target)
        fsync(target.parent)

    def _remember(self, known: dict[str, list[Any]]) -> None:
        write_json(self.cache / FETCHED, {"url": self.url, "files": known})

    @contextlib.contextmanager
    def _errors_named(self, what: str) -> Iterator[None]:
        try:
            yield
        except (LakeError, ConfigError, _Vanished):
            raise
        except OSError as error:
            here = error.filename is not None and str(error.filename).startswith(str(self.cache))
            if here or error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise RemoteError(
                    f"{self.cache.name}/ cannot be written ({error.strerror}); make room there"
                ) from None
            raise RemoteError(f"{self.shown}: {what} failed: {stores.reason(error)}") from None
        except Exception as error:
            raise RemoteError(f"{self.shown}: {what} failed: {stores.reason(error)}") from None


def _changed_meanwhile(error: BaseException) -> bool:
    """S3 reads a file in pieces that must all be of one version."""
    return type(error).__name__ == "FileExpired" or stores.status(error) == 412


def _private(folder: Path) -> None:
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise RemoteError(f"{folder.name} is no folder of its own; remove it")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)


def _sftp(url: str, options: Sftp) -> Any:
    """The server's file system. Only servers that known_hosts names are talked to."""
    parts = urlsplit(url)
    given: dict[str, Any] = {"port": parts.port or 22, "timeout": 30}
    if parts.username:
        given["username"] = parts.username
    if options.password:
        given |= {"password": options.password, "look_for_keys": False, "allow_agent": False}
    if options.key_file:
        given["key_filename"] = str(options.key_file)
    kind = stores.filesystem_class("sftp")
    import paramiko

    class Unknown(paramiko.MissingHostKeyPolicy):  # type: ignore[misc]
        def missing_host_key(self, client: Any, hostname: str, key: Any) -> None:
            raise HostKeyUnknown

    class Verified(kind):  # type: ignore[misc, valid-type]
        def _connect(self) -> None:
            self.client = paramiko.SSHClient()
            if options.known_hosts:
                self.client.load_host_keys(str(options.known_hosts))
            else:
                self.client.load_system_host_keys()
            self.client.set_missing_host_key_policy(Unknown())
            self.client.connect(self.host, **self.ssh_kwargs)
            self.ftp = self.client.open_sftp()

    return Verified(parts.hostname or "", skip_instance_cache=True, **given)
