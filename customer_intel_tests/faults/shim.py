"""Every call that changes the file system, seen, counted, and made to fail at will; not a test
itself.

Belongs here: standing between Python and the os module. Not here: what a fault must not break; the
tests say that.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any
from unittest import mock

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# os function → how many of its first arguments are paths (or a descriptor).
CALLS = {
    "open": 1, "write": 1, "sendfile": 1, "fsync": 1, "rename": 2, "replace": 2, "link": 2, "symlink": 2, "unlink": 1,
    "remove": 1, "mkdir": 1, "rmdir": 1, "chmod": 1, "truncate": 1, "ftruncate": 1,
}  # fmt: skip
# The interpreter's own word for the same, from its audit events.
AUDITED = {
    "os.rename": "rename", "os.link": "link", "os.symlink": "symlink", "os.remove": "unlink", "os.mkdir": "mkdir",
    "os.rmdir": "rmdir", "os.chmod": "chmod", "os.truncate": "truncate",
}  # fmt: skip


@dataclass(frozen=True)
class Call:
    kind: str
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Fault:
    """What befalls the `at`-th call: before | after (killed there) | ENOSPC | EIO | short (half of
    it is written).
    """

    at: int
    what: str

    def strike(
        self, kind: str, real: Callable[..., Any], args: tuple[Any, ...], rest: dict[str, Any]
    ) -> Any:
        if self.what == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.what == "after":
            try:
                real(*args, **rest)
            finally:
                os.kill(os.getpid(), signal.SIGKILL)
        half = kind == "write" and len(args[1]) > 1
        if self.what == "short":
            return (
                real(args[0], bytes(args[1])[: len(args[1]) // 2]) if half else real(*args, **rest)
            )
        if self.what == "ENOSPC" and half:
            # A disk that fills up takes what fits first.
            real(args[0], bytes(args[1])[: len(args[1]) // 2])
        raise OSError(getattr(errno, self.what), os.strerror(getattr(errno, self.what)))


class _Raw(io.RawIOBase):
    """A descriptor for writing whose every write goes through the os module, where it is seen."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def fileno(self) -> int:
        return self._handle

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return os.write(self._handle, bytes(data))

    def close(self) -> None:
        if not self.closed:
            super().close()
            os.close(self._handle)


@contextmanager
def watched(
    root: Path, fault: Fault | None = None, *, linkless: bool = False
) -> Iterator[list[Call]]:
    """The calls below `root`, in order, as they happen. `linkless`: a file system without hard
    links.
    """
    calls: list[Call] = []
    lock = Lock()
    prefix = f"{root}/"

    def through(kind: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **rest: Any) -> Any:
            paths = _paths(kind, args, rest)
            known = paths[-1].startswith(prefix) or (kind == "fsync" and paths[-1] == str(root))
            if not known or not _writes(kind, args):
                return real(*args, **rest)
            with lock:
                number = len(calls)
                calls.append(Call({"remove": "unlink", "replace": "rename"}.get(kind, kind), paths))
            answer = _refused if linkless and kind == "link" else real
            return (
                fault.strike(kind, answer, args, rest)
                if fault and fault.at == number
                else answer(*args, **rest)
            )

        return call

    def opened(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(file: Any, mode: str = "r", *args: Any, **rest: Any) -> Any:
            if isinstance(file, int) or not set(mode) & set("wax+"):
                return real(file, mode, *args, **rest)
            if "b" not in mode:
                # Text for writing is a lock file here: its content is nothing, its making is what
                # can fail.
                flags = os.O_RDWR | os.O_CREAT | (os.O_APPEND if "a" in mode else os.O_TRUNC)
                return real(os.open(file, flags, 0o666), mode, *args, **rest)
            return io.BufferedWriter(
                _Raw(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666))
            )

        return call

    def fdopened(handle: int, mode: str = "r", *args: Any, **rest: Any) -> Any:
        if mode == "wb":
            return io.BufferedWriter(_Raw(handle))
        return io.open(handle, mode, *args, **rest)  # noqa: UP020

    patches = [mock.patch.object(os, kind, through(kind, getattr(os, kind))) for kind in CALLS]
    patches += [
        mock.patch.object(module, "open", opened(builtins.open)) for module in (builtins, io)
    ]
    patches.append(mock.patch.object(os, "fdopen", fdopened))
    for patch in patches:
        patch.start()
    try:
        yield calls
    finally:
        for patch in patches:
            patch.stop()


def _refused(*_: Any, **__: Any) -> None:
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


def audited(root: Path) -> list[Call]:
    """What the interpreter itself reports from now on, to the end of this process: nothing is
    hidden from it.
    """
    seen: list[Call] = []
    prefix = f"{root}/"

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = args
            if (
                isinstance(path, (str, bytes, Path))
                and flags & WRITES
                and os.fsdecode(path).startswith(prefix)
            ):
                seen.append(Call("open", (os.fsdecode(path),)))
        elif event in AUDITED:
            kind = AUDITED[event]
            paths = _paths(
                kind, args, {"dir_fd": args[-1]} if event in ("os.remove", "os.rmdir") else {}
            )
            if paths[-1].startswith(prefix):
                seen.append(Call(kind, paths))

    sys.addaudithook(hook)
    return seen


def _writes(kind: str, args: tuple[Any, ...]) -> bool:
    return kind != "open" or bool(len(args) > 1 and args[1] & WRITES)


def _paths(kind: str, args: tuple[Any, ...], rest: dict[str, Any]) -> tuple[str, ...]:
    folder = rest.get("dir_fd")
    names = []
    for item in args[: CALLS[kind]]:
        if isinstance(item, int):
            names.append(_of(item))
        elif folder is not None and folder >= 0:
            names.append(f"{_of(folder)}/{os.fsdecode(item)}")
        else:
            names.append(os.fsdecode(item))
    return tuple(names)


def _of(handle: int) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{handle}")  # noqa: PTH115 (a name, not a path that exists)
    except OSError:
        return "?"
