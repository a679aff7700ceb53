"""The order of work of a night: nothing before what it reads, two at a time, nothing after what
failed.
"""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

from customer_intel.core.engine import EngineSettings
from customer_intel.core.night import build as step
from customer_intel.core.night.night import StepFailed
from customer_intel.core.night.scheduler import AT_ONCE, Ahead

# Name → what it reads, in an order in which each comes after what it reads.
READS = {"a": (), "b": (), "c": ("a",), "d": ("a", "b"), "e": ("c", "d"), "f": (), "g": ("e",)}
DEFINITIONS: Any = {
    name: SimpleNamespace(
        table=SimpleNamespace(name=name, incremental=None), depends_on=reads, reads=reads
    )
    for name, reads in READS.items()
}


def night(memory: str = "2GB", **sizes: int) -> Any:
    """A night whose engine has so much memory; `sizes`: bytes of tables that lie in the lake."""
    versions = {name: SimpleNamespace(bytes=count) for name, count in sizes.items()}
    return SimpleNamespace(
        engine=EngineSettings(memory), is_full=False, lake=SimpleNamespace(current=versions.get)
    )


NIGHT = night()


class Steps:
    """Stands in for `step.build`: remembers who ran when, and fails or closes the gate where told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, closed: str = "", broken: str = "") -> None:
        self.closed, self.broken = closed, broken
        self.begun: list[str] = []
        self.done: list[str] = []
        self.most = 0
        self.lock = threading.Lock()
        self.running = 0
        monkeypatch.setattr(step, "build", self.build)

    def build(self, _: Any, definition: Any) -> Any:
        name = definition.table.name
        with self.lock:
            assert set(definition.depends_on) <= set(self.done) | self.outside
            self.begun.append(name)
            self.running += 1
            self.most = max(self.most, self.running)
        time.sleep(0.02)
        with self.lock:
            self.running -= 1
            self.done.append(name)
        if name == self.broken:
            raise StepFailed(f"'{name}' could not be computed")
        return SimpleNamespace(table=name, passed=name != self.closed)

    outside: frozenset[str] = frozenset()


def test_every_table_is_built_once_after_what_it_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = Steps(monkeypatch)
    ahead = Ahead(NIGHT, DEFINITIONS, set(READS))
    assert [ahead.result(name).table for name in READS] == list(READS)
    ahead.close()
    assert sorted(steps.begun) == sorted(READS)
    assert steps.most == AT_ONCE
    # a stands at the head of the longest way, f at the head of none.
    assert steps.begun[0] == "a" and steps.begun.index("f") >= AT_ONCE


@pytest.mark.parametrize("how", ["closed", "broken"])
def test_what_reads_a_failed_table_is_never_built(
    monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    steps = Steps(monkeypatch, **{how: "d"})
    ahead = Ahead(NIGHT, DEFINITIONS, set(READS))
    assert ahead.result("c").passed and ahead.result("f").passed
    for name in ("e", "g"):
        with pytest.raises(StepFailed, match="which failed"):
            ahead.result(name)
    ahead.close()
    assert sorted(steps.begun) == ["a", "b", "c", "d", "f"]


def test_a_part_of_the_night_reads_what_lies_outside_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = Steps(monkeypatch)
    steps.outside = frozenset({"c", "d"})
    ahead = Ahead(NIGHT, DEFINITIONS, {"e", "g"})
    assert ahead.result("g").table == "g"
    ahead.close()
    assert steps.begun == ["e", "g"]


def test_closing_finishes_what_has_begun_and_leaves_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = Steps(monkeypatch)
    ahead = Ahead(NIGHT, DEFINITIONS, set(READS))
    ahead.close()
    assert sorted(steps.begun) == sorted(steps.done)
    assert len(steps.begun) == AT_ONCE


@pytest.mark.parametrize(("memory", "beside"), [("100MB", False), ("200MB", True)])
def test_a_table_that_needs_the_memory_alone_runs_alone(
    memory: str, beside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = Steps(monkeypatch)
    steps.outside = frozenset({"a", "b"})
    # c reads 10 MB and d 20 MB, packed.
    ahead = Ahead(night(memory, a=10_000_000, b=10_000_000), DEFINITIONS, {"c", "d"})
    assert ahead.result("c").passed and ahead.result("d").passed
    ahead.close()
    assert (steps.most == AT_ONCE) is beside


def test_a_table_that_needs_more_than_there_is_still_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    Steps(monkeypatch)
    ahead = Ahead(night("1MB", a=10**12, b=10**12), DEFINITIONS, set(READS))
    assert [ahead.result(name).table for name in READS] == list(READS)
    ahead.close()
