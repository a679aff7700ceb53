"""A disk that is full, read-only, broken or closed to this user, said in one sentence with the folder
and what to do.

Belongs here: recognising such an error in whatever library raised it. Not here: who tells it.
"""

from __future__ import annotations

import errno
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from customer_intel.core.store.lake import LakeError

_ROOM = "make room there (df -h says how much is left), then run again"
_LEAVE = "give the user that runs nights leave to read and write there, then run again"
# What befell: what to do.
_REMEDY = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: "raise that user's quota there or make room, then run again",
    errno.EFBIG: "raise the limit of file sizes there (ulimit -f), then run again",
    errno.EACCES: _LEAVE,
    errno.EPERM: _LEAVE,
    errno.EROFS: "mount it for writing, then run again",
    errno.EIO: "the disk may be failing: look into the system's log, then run again",
    errno.EMFILE: "raise the limit of open files (ulimit -n), then run again",
}
# What SQLite, in which Dagster keeps its books, says instead.
_SQLITE = {
    "database or disk is full": errno.ENOSPC,
    "attempt to write a readonly database": errno.EACCES,
    "unable to open database file": errno.EACCES,
    "disk I/O error": errno.EIO,
}
STATE = ".dagster"
# DuckDB's, Polars' and PyArrow's errors of reading and writing.
_ENGINES = re.compile(r"IO ?(Error|Exception)|ComputeError|ArrowInvalid|OSError")


class DiskRefused(LakeError):
    """The disk took or gave no more; the message names the folder and what to do."""


@contextmanager
def told(home: Path, place: str) -> Iterator[None]:
    """Raises DiskRefused for what the disk refused within; `place`: the folder, where the error
    names none.
    """
    try:
        yield
    except Exception as error:
        if said := sentence(error, home, place):
            raise DiskRefused(said) from None
        raise


def sentence(error: BaseException, home: Path, place: str) -> str | None:
    """What the disk refused, and what to do; None for an error that is not the disk's."""
    for item in _chain(error):
        if isinstance(item, DiskRefused):
            return str(item)
        number, where = _refusal(item)
        if number is not None:
            folder = _folder(where, home) if where else place
            if isinstance(item, sqlite3.Error):
                folder = f"{home.name}/{STATE}/"
            return f"{folder}: {os.strerror(number)}; {_REMEDY[number]}"
    return None


def is_full(error: BaseException) -> bool:
    """Whether the disk takes no more, whatever was to be written."""
    full = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
    return any(_refusal(item)[0] in full for item in _chain(error))


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        item = waiting.pop(0)
        if item is None or id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        waiting += [getattr(item, "orig", None), item.__cause__, item.__context__]


def _refusal(error: BaseException) -> tuple[int | None, str | None]:
    """(the error's number, the path that it names); no number when it is not the disk's."""
    if isinstance(error, LakeError):
        return None, None
    text = str(error)
    if isinstance(error, sqlite3.Error):
        return next((n for words, n in _SQLITE.items() if words in text), None), None
    if isinstance(error, OSError) and error.errno in _REMEDY:
        # Of a rename, the second is where it should go.
        where = error.filename2 or error.filename
        return error.errno, os.fsdecode(where) if isinstance(where, (str, bytes)) else None
    if _ENGINES.search(f"{type(error).__name__} {text}"):
        number = next((n for n in _REMEDY if os.strerror(n) in text), None)
        found = re.search(r"[\"'](/[^\"']+)[\"']", text)
        return number, found[1] if found and number else None
    return None, None


def _folder(where: str, home: Path) -> str:
    """The folder, or the file where it exists, as the user knows it: from the home on, without
    the hidden ones that come and go.
    """
    path = Path(where)
    while path != path.parent and (not _is_there(path) or _passing(path, home)):
        path = path.parent
    known = Path(home.name, path.relative_to(home)) if home in [path, *path.parents] else path
    return f"{known}/" if _is_there(path / ".") else str(known)


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except OSError:
        return False
    return True


def _passing(path: Path, home: Path) -> bool:
    inside = path.relative_to(home).parts if home in path.parents else ()
    return any(name.startswith(".") and name != STATE for name in inside)
