"""One process beside this one, for work that must not hold it up or take it down.

Belongs here: starting it, asking it, giving up on it. Not here: what it works on; callers pass a
module's function. It ends with the process that started it, however that one ends.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from threading import Lock
from typing import Any, NoReturn

from customer_intel.core.engine import close_shared

# Not multiprocessing's own start: it would import the starter's main module once more, whatever
# that does.
_BEGIN = """
import sys
from multiprocessing.connection import Connection
pipe = Connection(int(sys.argv[1]))
sys.path[:] = pipe.recv()
from customer_intel.core.night.worker import serve
serve(pipe)
"""

# Objects made before garbage is looked for.
LONG_LIVED = 200_000


class HelperFailed(RuntimeError):
    """No answer: it died, took too long, or its function raised. The message holds no value of a
    row.
    """


class Helper:
    """Runs functions one after the other. What it answers passes through a pipe: small things only."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None
        self._posted = 0
        self._lock = Lock()
        # What its answers cost so far.
        self.cpu_seconds = 0.0

    def post(self, function: Callable[..., object], *args: object) -> None:
        """Hands over work whose result nobody waits for; a failure of it is nobody's."""
        with self._lock:
            self._send(function, args)
            self._posted += 1

    def call(self, function: Callable[..., Any], *args: object, seconds: float) -> Any:
        """The function's result, waited for at most `seconds`. Raises HelperFailed."""
        with self._lock:
            return self._call(function, args, seconds)

    def _call(self, function: Callable[..., Any], args: tuple[object, ...], seconds: float) -> Any:
        try:
            pipe = self._send(function, args)
            until = time.monotonic() + seconds
            while True:
                if not pipe.poll(max(until - time.monotonic(), 0)):
                    raise HelperFailed(f"it did not end within {seconds:,.0f} s")
                done, result, spent = pipe.recv()
                self.cpu_seconds += spent
                if not self._posted:
                    break
                self._posted -= 1
        except (EOFError, OSError):
            self.stop()
            raise HelperFailed(
                "its process ended, as one does whose machine or container has no memory left; give "
                "it more, or set CUSTOMER_INTEL_MEMORY_LIMIT lower"
            ) from None
        except HelperFailed:
            self.stop()
            raise
        if not done:
            raise HelperFailed(result)
        return result

    def stop(self, patience: float = 0) -> None:
        """Ends it: by itself, once what it does is done, within `patience` seconds, else at once."""
        if self._pipe:
            self._pipe.close()
        if self._process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(patience)
            self._process.kill()
            self._process.wait()
        self._process, self._pipe, self._posted = None, None, 0

    def _send(self, function: Callable[..., object], args: tuple[object, ...]) -> Connection:
        if self._process is None or self._process.poll() is not None or self._pipe is None:
            self.stop()
            atexit.register(self.stop, 5)
            # Only the helper holds its end: each side sees the other's end as the end of the pipe.
            own, other = socket.socketpair()
            with other:
                command = [sys.executable, "-c", _BEGIN, str(other.fileno())]
                self._process = subprocess.Popen(  # noqa: S603 (our own interpreter)
                    command,
                    pass_fds=[other.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                )
            self._pipe = Connection(own.detach())
            self._pipe.send(sys.path)
        self._pipe.send((function, args))
        return self._pipe


# This process's; it starts with the first work.
helper = Helper()


def leave(code: int) -> NoReturn:
    """Ends this process as its own end would, but without freeing object by object what it holds:
    after a night that takes as long as a dozen tables.
    """
    # Engines delete what they spilled; no thread of ours is still at work.
    close_shared()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.flush()
    os._exit(code)


def serve(pipe: Connection) -> NoReturn:
    """The helper's loop: a function and its arguments in, its result or error out, until the pipe
    ends.
    """
    # Ctrl-C is the starter's to handle.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # As in a night's own process: many long-lived objects, little garbage; imports alone are a
    # third cheaper.
    gc.set_threshold(LONG_LIVED, 20, 100)
    while True:
        try:
            function, args = pipe.recv()
        except (EOFError, OSError):
            leave(0)
        started = time.process_time()
        try:
            answer = (True, function(*args))
        except Exception as error:
            from customer_intel.core.gate.redact import without_values

            answer = (False, without_values(error))
        try:
            pipe.send((*answer, time.process_time() - started))
        except OSError:
            leave(0)
