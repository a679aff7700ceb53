"""Tables built ahead of the run that asks for them one by one: two at a time, each as soon as what
it reads is there.

Belongs here: the order of work. Not here: a table's own step (build.py).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, partial
from threading import Lock

from customer_intel.core import machine
from customer_intel.core.night import build as step
from customer_intel.core.night.night import Night, Outcome, StepFailed
from customer_intel.core.tables.definition import Definition

# One computes while another reads, waits for its gate or writes. More would share the engine's
# memory too thinly.
AT_ONCE = 2
# What a table may need of the engine's memory: so many times the bytes of what it reads, which lie
# packed on the disk. Two whose needs together are more than there is run one after the other.
UNPACKED = 6


class Ahead:
    """A night's tables `wanted`, of all `definitions` (in an order in which each comes after what
    it reads).

    A table whose input failed is never built. `close` ends it: what has begun is finished, the rest
    left.
    """

    def __init__(
        self, night: Night, definitions: Mapping[str, Definition], wanted: Collection[str]
    ) -> None:
        self._night, self._definitions = night, definitions
        self._waits = {
            name: {other for other in definitions[name].depends_on if other in wanted}
            for name in definitions
            if name in wanted
        }
        self._futures: dict[str, Future[Outcome]] = {name: Future() for name in self._waits}
        self._longest = self._paths()
        self._lock = Lock()
        self._closed = False
        # What runs, and what it may need of the engine's memory, in bytes.
        self._running: dict[str, int] = {}
        self._memory = machine.in_bytes(night.engine.memory_limit, machine.room().memory)
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="table")
        self._fill()

    def result(self, name: str) -> Outcome:
        """The table's outcome, waited for. Raises what `step.build` raises."""
        if name in self._futures:
            return self._futures[name].result()
        return step.build(self._night, self._definitions[name])

    def close(self) -> None:
        """Lets what runs end, and starts nothing more."""
        with self._lock:
            self._closed = True
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _fill(self) -> None:
        """Starts what may start, that with the longest way to the night's end first."""
        with self._lock:
            ready = [
                name
                for name, waits in self._waits.items()
                if not waits and name not in self._running
            ]
            ready.sort(key=lambda name: -self._longest[name])
            names = [] if self._closed else self._fitting(ready)
            begun = [
                self._pool.submit(step.build, self._night, self._definitions[name])
                for name in names
            ]
        for name, built in zip(names, begun, strict=True):
            built.add_done_callback(partial(self._done, name))

    def _fitting(self, ready: Sequence[str]) -> list[str]:
        """Those that may run beside what runs, now among it: one that needs much waits until it
        can have the memory alone, and nothing that comes after it overtakes it.
        """
        names: list[str] = []
        for name in ready:
            needs = self._needs(name)
            is_room = sum(self._running.values()) + needs <= self._memory
            if len(self._running) >= AT_ONCE or (self._running and not is_room):
                break
            self._running[name] = needs
            names.append(name)
        return names

    def _needs(self, name: str) -> int:
        lake, definition = self._night.lake, self._definitions[name]
        read = (lake.current(other) for other in definition.reads)
        count = UNPACKED * sum(version.bytes for version in read if version)
        if definition.table.incremental and lake.current(name) and not self._night.is_full:
            # Most nights read a few days of what is there.
            count //= 10
        return min(count, self._memory)

    def _done(self, name: str, built: Future[Outcome]) -> None:
        if built.cancelled():
            return
        error = built.exception()
        with self._lock:
            del self._running[name]
            del self._waits[name]
            if not error and built.result().passed:
                for waits in self._waits.values():
                    waits.discard(name)
            else:
                self._leave(name)
        if error:
            self._futures[name].set_exception(error)
        else:
            self._futures[name].set_result(built.result())
        self._fill()

    def _leave(self, failed: str) -> None:
        """Gives up what reads a failed table."""
        for name in [name for name, waits in self._waits.items() if failed in waits]:
            if self._waits.pop(name, None) is not None:
                self._futures[name].set_exception(
                    StepFailed(f"'{name}' reads '{failed}', which failed")
                )
                self._leave(name)

    def _paths(self) -> dict[str, int]:
        """Table → how many tables stand on the longest way from it to the night's end."""

        @cache
        def length(name: str) -> int:
            return 1 + max(
                (length(other) for other, waits in self._waits.items() if name in waits), default=0
            )

        return {name: length(name) for name in self._waits}
