"""P2, P3: each call that changes the file system, made to fail in each way; and the order in which
they come.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from customer_intel.core.store.release import STAGING
from customer_intel_tests.faults import small
from customer_intel_tests.faults.nursery import Ended, Nursery, in_child

pytestmark = pytest.mark.nights

FAULTS = ("before", "after", "ENOSPC", "EIO", "short")
# What the interpreter does not report.
UNAUDITED = {"write", "sendfile", "fsync"}
Calls = list[list[str]]


@pytest.fixture
def home(fast: Path, nursery: Nursery) -> Path:
    """After one night."""
    (fast / "home").mkdir()
    assert nursery.run(small.night, fast / "home", 1).ok
    return fast / "home"


def recorded(nursery: Nursery, home: Path, to: str, **how: bool) -> dict[str, Any]:
    small.copied(home, home.parent / to)
    ended = nursery.run(small.recorded_night, home.parent / to, 2, *how.values())
    assert ended.ok, ended.error
    return dict(ended.value)


@pytest.mark.parametrize("linkless", [False, True])
def test_the_shim_sees_every_call_that_the_interpreter_reports(
    linkless: bool, home: Path, nursery: Nursery
) -> None:
    found = recorded(nursery, home, "recorded", linkless=linkless)
    seen = sorted(call for call in found["calls"] if call[0] not in UNAUDITED)
    # A refused link is made all the same as far as the audit event goes, which comes before the
    # call.
    truth = sorted(call for call in found["truth"])
    if linkless:
        seen = [call for call in seen if call[0] != "link"]
    assert seen == truth
    assert {call[0] for call in found["calls"]} >= {
        "open",
        "write",
        "fsync",
        "rename",
        "mkdir",
        "rmdir",
        "symlink",
    }
    assert any(call[0] == ("sendfile" if linkless else "link") for call in found["calls"])


@pytest.mark.parametrize(
    "every", [pytest.param(41, marks=pytest.mark.slow), pytest.param(1, marks=pytest.mark.faults)]
)
def test_no_call_that_fails_tears_anything_and_the_next_run_alone_mends_it(
    every: int, home: Path, nursery: Nursery, figure: Callable[[str], None]
) -> None:
    ended = nursery.run(fail_each_call, home, every)
    assert ended.ok, ended.error
    figure(
        f"P2 failing calls: {ended.value}; after each: nothing torn, the next run ends well, "
        "nothing is left over"
    )
    assert ended.value["struck"] > 400 / every


def fail_each_call(home: str, every: int) -> dict[str, int]:
    """Runs in the nursery. Each call × each fault, on a file system with hard links and on one
    without.
    """
    base, found = Path(home), {"calls": 0, "struck": 0, "killed": 0, "raised": 0, "carried_on": 0}
    for linkless in (False, True):
        good = small.copied(base, base.parent / f"good{linkless}")
        assert in_child(small.struck_night, good, 2, -1, "none", linkless).ok
        wanted = small.tree(good)
        calls = in_child(
            small.recorded_night, small.copied(base, base.parent / f"r{linkless}"), 2, linkless
        ).value
        found["calls"] += len(calls["calls"])
        cases = [
            (at, fault)
            for at, call in enumerate(calls["calls"])
            for fault in FAULTS
            # Without links only what comes in their place differs.
            if (fault != "short" or call[0] == "write") and (not linkless or _copies(call))
        ]
        for at, fault in cases[::every]:
            at_work = small.copied(base, base.parent / "struck")
            ended = in_child(small.struck_night, at_work, 2, at, fault, linkless)
            where = f"{fault} at {at} {calls['calls'][at]}"
            _count(found, ended, fault, where)
            # What may fail without a word is tidying up, and a link that a copy replaces.
            silent = ended.ok and fault in ("ENOSPC", "EIO")
            assert not silent or calls["calls"][at][0] in ("unlink", "rmdir", "link", "mkdir"), (
                where
            )
            assert small.whole(at_work) in (1, 2), where
            assert ended.killed or not ended.ok or small.whole(at_work) == 2, (
                f"{where}: said done, was not"
            )
            again = in_child(small.struck_night, at_work, 2, -1, "none", linkless)
            assert again.ok, f"{where}: {again.error}"
            assert small.whole(at_work) == 2, where
            left = small.tree(at_work)
            strange = set(left.items()) - set(wanted.items())
            assert not strange, f"{where}: {sorted(strange)[:6]}"
            # Of the night before only the lake's own files may be gone: who was struck after the
            # pointer pruned twice.
            gone = {path for path in set(wanted) - set(left) if not path.startswith("lake/")}
            assert not gone, f"{where}: {sorted(gone)[:6]}"
            assert not small.leftovers(at_work), where
            shutil.rmtree(at_work)
    return found


def _copies(call: Sequence[str]) -> bool:
    return ".staging" in call[-1] and call[-1].endswith(".parquet")


def _count(found: dict[str, int], ended: Ended, fault: str, where: str) -> None:
    assert ended.killed == (fault in ("before", "after")), f"{where}: {ended}"
    found["struck"] += 1
    found["killed"] += ended.killed
    found["raised"] += bool(ended.error)
    found["carried_on"] += ended.ok


# ---- P3
def unsafe(calls: Sequence[Sequence[str]]) -> list[str]:
    """What a power cut could undo although readers were told of it: names and bytes not synced
    before the pointer.
    """
    dirty: set[str] = set()
    names: set[str] = set()
    # Arrow and DuckDB write candidates where no shim sees it.
    synced: set[str] = set()
    said = []
    for kind, *paths in calls:
        target = paths[-1]
        folder = str(Path(target).parent)
        if kind in ("open", "write", "sendfile", "link"):
            dirty.add(target)
        if kind == "fsync":
            dirty.discard(target)
            names.discard(target)
            synced.add(target)
        if kind == "rmdir":
            names.discard(target)
        if kind == "rename":
            source = paths[0]
            said += [
                f"{path} is renamed unsynced"
                for path in dirty
                if path == source or path.startswith(f"{source}/")
            ]
            inside = {path for path in names if path == source or path.startswith(f"{source}/")}
            said += [f"the names in {path} are not synced before it moves" for path in inside]
            if Path(source).suffix == ".parquet" and source not in synced:
                said.append(f"{source} was never synced")
            if target.endswith("published/CURRENT.json"):
                said += [f"the names in {path} are not synced before the pointer" for path in names]
        # Names that are not meant to last need not survive a power cut.
        passing = Path(target).name.startswith(".") or ".candidates" in target or ".link." in target
        if (
            kind in ("open", "link", "mkdir", "rename", "symlink")
            and not passing
            and not folder.endswith(STAGING)
        ):
            names.add(folder)
    said += [f"the names in {path} are not synced at the end" for path in names]
    return said


def test_files_are_synced_before_they_get_their_name_and_the_pointer_comes_last(
    home: Path, nursery: Nursery, figure: Callable[[str], None]
) -> None:
    calls: Calls = recorded(nursery, home, "recorded")["calls"]
    assert unsafe(calls) == []
    moved = [
        Path(call[-1]).name for call in calls if call[0] == "rename" and "published" in call[-1]
    ]
    assert moved[-2:] == ["CURRENT.json", "current"], (
        "after the pointer only the link that follows it moves"
    )
    empty = home.parent / "empty"
    empty.mkdir()
    first = nursery.run(small.recorded_night, empty, 1)
    assert first.ok and unsafe(first.value["calls"]) == [], (
        "also in a home that was not there before"
    )

    syncs = [at for at, call in enumerate(calls) if call[0] == "fsync"]
    needed = [at for at in syncs if unsafe(calls[:at] + calls[at + 1 :])]
    figure(
        f"P3 order: {len(calls)} calls in order, {len(syncs)} syncs, without any of {len(needed)} "
        "it is refused"
    )
    assert len(needed) > len(syncs) / 2


def test_a_night_without_syncs_is_refused_by_the_same_assertion(
    home: Path, nursery: Nursery
) -> None:
    calls: Calls = recorded(nursery, home, "unsynced", linkless=False, synced=False)["calls"]
    renamed = [call for call in calls if call[0] == "rename" and Path(call[1]).name != "current"]
    assert len(unsafe(calls)) >= len(renamed) > 5
