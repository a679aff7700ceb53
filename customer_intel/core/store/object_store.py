"""Places outside the home that a release is mirrored to or read from: an S3 bucket, a folder,
whatever fsspec reads.

Belongs here: reading, listing, and the two conditional writes that a release needs: create only
when absent, swap only what was read. Not here: which objects a release has and in which order they
are written (mirror.py).

Credentials come from the environment alone (AWS_ACCESS_KEY_ID and the like, read by the client
library). Messages name the place without them, and never repeat what a client library said.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.store.lake import LakeError, fsync, make_folder, write_bytes

EXTRAS = {"s3": "s3", "sftp": "sftp", "ssh": "sftp", "gs": "gcs", "gcs": "gcs"}
# Deletions in one request: S3's own limit.
_AT_ONCE = 1000


class StoreError(LakeError):
    """A store did not do what was asked; the message says what and why, without credentials."""


@dataclass(frozen=True)
class Stat:
    """Size in bytes, and when the object was last written by the store's own clock."""

    size: int
    modified: datetime


def is_url(place: str | Path) -> bool:
    """Whether the place is an address, and not a folder of this machine."""
    return "://" in str(place)


def plain_url(url: str) -> str:
    """The address, checked and without a closing slash. Raises ConfigError for one that carries
    credentials.
    """
    parts = urlsplit(url)
    if (
        parts.password
        or parts.query
        or parts.fragment
        or (parts.username and parts.scheme not in ("sftp", "ssh"))
    ):
        raise ConfigError(
            f"the {parts.scheme}:// address carries credentials or options; give them by "
            "environment and keep the "
            f"address to {parts.scheme}://<place>/<prefix>"
        )
    return url.rstrip("/")


def filesystem(url: str) -> Any:
    """fsspec's file system for the address, without its caches. Raises ConfigError when its extra
    is not installed.
    """
    # A listing or a connection kept from before would show the store as it was.
    return filesystem_class(urlsplit(url).scheme)(
        skip_instance_cache=True, use_listings_cache=False
    )


def filesystem_class(scheme: str) -> Any:
    """fsspec's class for a scheme. Raises ConfigError when its extra is not installed or nobody
    knows the scheme.
    """
    try:
        import fsspec

        return fsspec.get_filesystem_class(scheme)
    except ImportError:
        extra = EXTRAS.get(scheme)
        how = (
            f"install customer-intel[{extra}]"
            if extra
            else f"install fsspec's package for {scheme}"
        )
        raise ConfigError(f"{scheme}:// addresses need another package: {how}") from None
    except ValueError:
        raise ConfigError(
            f"{scheme}:// is not a kind of address that can be read; use s3, sftp, gs or file"
        ) from None


def reason(error: BaseException) -> str:
    """Why a client library failed, in words of our own: its message may hold keys, tokens or signed
    addresses.
    """
    names = {type(found).__name__ for found in _causes(error)}
    if names & {
        "NoCredentialsError",
        "PartialCredentialsError",
        "TokenRetrievalError",
        "DefaultCredentialsError",
    }:
        return "no credentials in the environment"
    if names & {"AuthenticationException", "PasswordRequiredException"}:
        return "the credentials in the environment were not accepted"
    if "BadHostKeyException" in names or "HostKeyUnknown" in names:
        return "the server's host key is not the one in known_hosts; verify it and add it there"
    if isinstance(error, PermissionError):
        return "access denied; look at the credentials in the environment and what they may do"
    if isinstance(error, FileNotFoundError):
        return "no such bucket, folder or object"
    if names & {
        "EndpointConnectionError",
        "ConnectTimeoutError",
        "ConnectionRefusedError",
        "NoValidConnectionsError",
    }:
        return "the server cannot be reached"
    return f"the connection or the server failed ({type(error).__name__}); run again"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error:
        yield error
        error = error.__cause__ or error.__context__


class Readable:
    """What fsspec reads. It has no conditional write, so that no release can be mirrored to it."""

    def __init__(self, url: str) -> None:
        self.url = plain_url(url)
        self.fs = filesystem(self.url)
        self.root = str(self.fs._strip_protocol(self.url)).rstrip("/")

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Held while a release is mirrored; refuses where two publishers could not be told apart.
        Raises ConfigError: such a store cannot be published to.
        """
        raise ConfigError(
            f"{urlsplit(self.url).scheme}:// has no compare-and-swap, so two publishers could mix "
            "their releases; "
            "publish to s3:// (any store with conditional writes) or to a folder (file://)"
        )
        yield

    def read(self, key: str) -> tuple[bytes, str]:
        """Content and tag. Raises FileNotFoundError."""
        with self._told(f"reading {key}"):
            return bytes(self.fs.cat_file(self._path(key))), ""

    def address(self, key: str) -> str:
        """The object's address for a reader."""
        return f"{self.url}/{key}"

    def _path(self, key: str) -> str:
        return f"{self.root}/{key}"

    @contextlib.contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, LakeError):
            raise
        except Exception as error:
            raise StoreError(f"{self.url}: {what} failed: {reason(error)}") from None


class S3Store(Readable):
    """A bucket's prefix. Objects appear whole or not at all; `If-None-Match` and `If-Match` order
    the writers.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.bucket, _, prefix = self.root.partition("/")
        self.prefix = f"{prefix}/" if prefix else ""

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Nothing is held: conditional writes order publishers. Raises StoreError for a store that
        ignores them.
        """
        # A store that ignores the conditions would let two publishers overwrite each other without
        # a word.
        self.create(".conditions", b"")
        if self.create(".conditions", b"") or self.swap(".conditions", b"", '"0"'):
            raise StoreError(
                f"{self.url}: the store ignores If-None-Match or If-Match; releases are not safe "
                "there"
            )
        yield

    def read(self, key: str) -> tuple[bytes, str]:
        """Content and tag. Raises FileNotFoundError."""
        from fsspec.asyn import sync

        async def get() -> tuple[bytes, str]:
            # One request: content and tag belong together.
            answer = await self.fs._call_s3("get_object", Bucket=self.bucket, Key=self.prefix + key)
            return await answer["Body"].read(), answer["ETag"]

        with self._told(f"reading {key}"):
            data, tag = sync(self.fs.loop, get)
            return bytes(data), str(tag)

    def now(self) -> datetime:
        """The store's own clock, to which its objects' ages belong."""
        with self._told("asking for the time"):
            answer = self.fs.call_s3(
                "list_objects_v2", Bucket=self.bucket, Prefix=self.prefix, MaxKeys=1
            )
        return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])

    def list(self, prefix: str) -> dict[str, Stat]:
        """Objects below a prefix, by key."""
        found: dict[str, Stat] = {}
        more: dict[str, str] = {}
        with self._told(f"listing {prefix}"):
            while True:
                page = self.fs.call_s3(
                    "list_objects_v2", Bucket=self.bucket, Prefix=self.prefix + prefix, **more
                )
                for item in page.get("Contents", ()):
                    found[item["Key"].removeprefix(self.prefix)] = Stat(
                        item["Size"], item["LastModified"]
                    )
                if not page.get("IsTruncated"):
                    return found
                more = {"ContinuationToken": page["NextContinuationToken"]}

    def put(self, files: dict[str, Path]) -> None:
        """Writes whole files; each key is only ever written with the same content."""

        def one(item: tuple[str, Path]) -> None:
            with self._told(f"writing {item[0]}"):
                self.fs.put_file(str(item[1]), self._path(item[0]))

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(one, sorted(files.items())))

    def create(self, key: str, data: bytes) -> bool:
        """False when the key is there already."""
        return self._conditional(key, data, IfNoneMatch="*")

    def swap(self, key: str, data: bytes, tag: str | None) -> bool:
        """Replaces what was read with `tag` (None: was absent). False when it is no longer that."""
        return self._conditional(key, data, IfMatch=tag) if tag else self.create(key, data)

    def delete(self, keys: Iterable[str]) -> None:
        """Removes the objects that are there. Raises StoreError for those that stay."""
        names = sorted(keys)
        with self._told("deleting what no release needs"):
            for start in range(0, len(names), _AT_ONCE):
                batch = [{"Key": self.prefix + key} for key in names[start : start + _AT_ONCE]]
                answer = self.fs.call_s3(
                    "delete_objects", Bucket=self.bucket, Delete={"Objects": batch, "Quiet": True}
                )
                if answer.get("Errors"):
                    raise StoreError(
                        f"{self.url}: {len(answer['Errors'])} objects could not be deleted"
                    )

    def _conditional(self, key: str, data: bytes, **condition: str) -> bool:
        with self._told(f"writing {key}"):
            try:
                self.fs.call_s3(
                    "put_object", Bucket=self.bucket, Key=self.prefix + key, Body=data, **condition
                )
            except FileNotFoundError:
                if "IfMatch" in condition:
                    return False
                raise
            except OSError as error:
                # 412: the condition failed. 409: another conditional write was under way.
                if status(error) in (409, 412):
                    return False
                raise
        return True


class FolderStore:
    """A folder on a file system, a network's too: publishers take turns by a lock, writes are
    renamed into place.
    """

    def __init__(self, url: str) -> None:
        self.url = plain_url(url)
        self.root = Path(self.url.removeprefix("file://"))
        if not self.root.is_absolute():
            raise ConfigError("a file:// address names an absolute folder: file:///srv/releases")

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Holds the folder's lock: one publisher at a time."""
        make_folder(self.root)
        with (self.root / ".lock").open("a+", encoding="utf-8") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def now(self) -> datetime:
        """This machine's clock."""
        with tempfile.NamedTemporaryFile(dir=self.root, prefix=".now.") as probe:
            return _modified(Path(probe.name))

    def read(self, key: str) -> tuple[bytes, str]:
        """Content and tag. Raises FileNotFoundError."""
        data = (self.root / key).read_bytes()
        return data, hashlib.sha256(data).hexdigest()

    def address(self, key: str) -> str:
        """The file's address for a reader."""
        return str(self.root / key)

    def list(self, prefix: str) -> dict[str, Stat]:
        """Files below a prefix, by key."""
        files = [path for path in (self.root / prefix).rglob("*") if path.is_file()]
        return {
            str(path.relative_to(self.root)): Stat(path.stat().st_size, _modified(path))
            for path in files
        }

    def put(self, files: dict[str, Path]) -> None:
        """Copies whole files; each key is only ever written with the same content."""
        for key, source in sorted(files.items()):
            target = self.root / key
            make_folder(target.parent)
            handle, name = tempfile.mkstemp(prefix=".put.", dir=target.parent)
            os.close(handle)
            try:
                shutil.copyfile(source, name)
                fsync(Path(name))
                Path(name).rename(target)
            finally:
                Path(name).unlink(missing_ok=True)
            fsync(target.parent)

    def create(self, key: str, data: bytes) -> bool:
        """False when the key is there already."""
        if (self.root / key).exists():
            return False
        write_bytes(self.root / key, data)
        return True

    def swap(self, key: str, data: bytes, tag: str | None) -> bool:
        """Replaces what was read with `tag` (None: was absent). False when it is no longer that."""
        try:
            held: str | None = self.read(key)[1]
        except FileNotFoundError:
            held = None
        if held != tag:
            return False
        write_bytes(self.root / key, data)
        return True

    def delete(self, keys: Iterable[str]) -> None:
        """Removes the files that are there."""
        for key in keys:
            path = self.root / key
            path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                path.parent.rmdir()
                path.parent.parent.rmdir()


Store = S3Store | FolderStore


def store(url: str) -> S3Store | FolderStore | Readable:
    """The store at an address. Raises ConfigError."""
    scheme = urlsplit(url).scheme
    if scheme == "s3":
        return S3Store(url)
    return FolderStore(url) if scheme == "file" else Readable(url)


def _modified(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def status(error: BaseException) -> int:
    """The HTTP status behind a client library's error; 0 when there was none."""
    for found in _causes(error):
        response = getattr(found, "response", None)
        if isinstance(response, dict):
            return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return 0
