"""Child processes by the thousand: forked from one that has imported everything and runs no thread;
not a test itself.

`Nursery` is for the tests, which run threads and must not fork. `in_child` is for functions that
run in a nursery.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Kill = Callable[[int], None]


@dataclass(frozen=True)
class Ended:
    """How a child ended. `value` is what its function returned, `error` what it raised."""

    killed: bool
    value: Any = None
    error: str = ""

    @property
    def ok(self) -> bool:
        return not self.killed and not self.error


class Child:
    """A fork that runs one function and ends."""

    def __init__(self, function: Callable[..., Any], args: Sequence[Any]) -> None:
        # A thread that holds a lock while this process is copied would hold it in the copy for
        # ever.
        assert threading.active_count() == 1, threading.enumerate()
        self._read, write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._read)
            code = 1
            try:
                answer = _answer(function, args)
                with os.fdopen(write, "wb") as stream:
                    stream.write(json.dumps(answer, default=str).encode())
                code = 0
            finally:
                os._exit(code)
        os.close(write)

    def wait(self) -> Ended:
        with os.fdopen(self._read, "rb") as stream:
            said = stream.read()
        _, status = os.waitpid(self.pid, 0)
        if os.WIFSIGNALED(status):
            return Ended(True)
        answer = (
            json.loads(said)
            if said
            else {"error": f"it ended with {os.waitstatus_to_exitcode(status)}"}
        )
        return Ended(False, answer.get("value"), answer.get("error", ""))


def in_child(function: Callable[..., Any], *args: Any, kill_after: float | None = None) -> Ended:
    """Runs the function in a fork, and kills that after so many seconds unless it has ended."""
    child = Child(function, args)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child.pid, signal.SIGKILL)
    return child.wait()


def _answer(function: Callable[..., Any], args: Sequence[Any]) -> dict[str, Any]:
    try:
        return {"value": function(*args)}
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        return {
            "error": f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})"
        }


class Nursery:
    """The process that forks; `preload` are modules it imports first. Asked one thing at a time."""

    def __init__(self, *preload: str, environment: dict[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "customer_intel_tests.faults.nursery", *preload],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "POLARS_MAX_THREADS": "2", **(environment or {})},
        )  # fmt: skip

    def __enter__(self) -> Nursery:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)

    def run(
        self, function: Callable[..., Any], *args: Any, kill_after: float | None = None
    ) -> Ended:
        return self.together([(function, args)], kill_after)[0]

    def together(
        self,
        calls: Sequence[tuple[Callable[..., Any], Sequence[Any]]],
        kill_after: float | None = None,
    ) -> list[Ended]:
        """Runs the functions at once, each in a fork of its own. Arguments and answers are JSON;
        paths become text.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        asked = [
            [f"{function.__module__}:{function.__qualname__}", list(args)]
            for function, args in calls
        ]
        self._process.stdin.write(
            json.dumps({"calls": asked, "kill_after": kill_after}, default=str) + "\n"
        )
        self._process.stdin.flush()
        return [Ended(**ended) for ended in json.loads(self._process.stdout.readline())]


def _serve() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for name in sys.argv[1:]:
        importlib.import_module(name)
    for line in sys.stdin:
        asked = json.loads(line)
        children = []
        for name, args in asked["calls"]:
            module, _, function = name.partition(":")
            children.append(Child(getattr(importlib.import_module(module), function), args))
        if asked["kill_after"] is not None:
            time.sleep(asked["kill_after"])
            for child in children:
                os.kill(child.pid, signal.SIGKILL)
        print(json.dumps([vars(child.wait()) for child in children]), file=answers, flush=True)


if __name__ == "__main__":
    _serve()
