"""A reopening that is killed, or whose disk fails, at each call: the home is before it or after it, and
the next run's begin says which.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from customer_intel.core.store import night_states, reopening
from customer_intel.core.store.lake import WHOLE, Lake, LakeError, home_lock
from customer_intel.core.store.release import Published, recover
from customer_intel_tests.faults.nursery import Nursery, in_child
from customer_intel_tests.faults.shim import Fault, watched

MEMORY, RAW, REST = ["map"], ["raw_orders"], ["profile", "hidden"]
DAYS = ("2026-06-01", "2026-06-02", "2026-06-03")
AT = "2026-06-04T08:00:00+00:00"


def night(home: Path, day: str) -> None:
    """Every export so far is a part of raw_orders; the map and both others are of the night."""
    lake = Lake(home)
    with home_lock(home):
        recover(home)
        night_states.remember(home, MEMORY, RAW)
        folder = home / "landing" / "till" / day
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "orders.csv").write_text(f"order\n{day}\n")
        with lake.workspace("night") as work:
            for name in (*RAW, *MEMORY, *REST):
                key, facts, keep = WHOLE, {}, {}
                if name in RAW:
                    key = f"{day}/till"
                    facts = {key: {"source_file": f"till/{day}/orders.csv", "sha256": day}}
                    before = lake.current(name)
                    keep = before.parts if before else {}
                    file = work / "bad.parquet"
                    pq.write_table(pa.table({"row": [day]}), file)
                    lake.quarantine("orders", key, file)
                made = work / f"{name}.parquet"
                pq.write_table(pa.table({"night": [day], "table": [name]}), made)
                lake.accept(
                    name, {key: made}, as_of=day, snapshot_id=f"s{day}", schema_sha256="s",
                    certificate={"passed": True}, keep=keep, facts=facts,
                )  # fmt: skip
        store = Published(home)
        tables = dict.fromkeys(["map", "profile"])
        versions = store.verified(lake, tables, f"s{day}")  # type: ignore[arg-type]
        store.publish(lake, versions, {"snapshot_id": f"s{day}", "as_of": day}, {}, {}, 7)


def back(home: str, day: str, at: int = -1, what: str = "none") -> None:
    """`customer-intel reopen DAY --confirm`, struck at a call."""
    root = Path(home)
    with watched(root, Fault(at, what) if at >= 0 else None), home_lock(root):
        recover(root)
        plan = reopening.plan(root, root / "landing", day, MEMORY, RAW)
        reopening.reopen(plan, root / "landing", RAW, by="somebody", at=AT)


def calls_of(home: str, day: str) -> list[str]:
    with watched(Path(home)) as calls:
        back(home, day)
    return [call.kind for call in calls]


def seen(home: Path) -> dict[str, Any]:
    """What a home is, for whoever uses it."""
    lake, store = Lake(home), Published(home)
    current = store.current()
    tables = {}
    for name in (*RAW, *MEMORY, *REST):
        if version := lake.current(name):
            assert all(lake.path(part).exists() for part in version.parts.values())
            tables[name] = (version.as_of, sorted(version.parts), version.sha256)
    return {
        "tables": tables,
        "current": current.snapshot_id if current else None,
        "releases": [(item.snapshot_id, not item.verify()) for item in store.releases()],
        "withdrawn": sorted(reopening.withdrawn(store.root)),
        "states": [state.as_of for state in night_states.states(home)],
        "record": reopening.record_of(home),
        "quarantine": sorted(path.name for path in (home / "quarantine").rglob("*.parquet")),
        "left": sorted(
            path.name for path in lake.root.glob(".*") if path.name.startswith(".reopening")
        ),
    }


def three_nights(home: str) -> None:
    for day in DAYS:
        night(Path(home), day)


def kill_each_call(home: str) -> dict[str, int]:
    """Runs in the nursery."""
    base, found = Path(home), {"calls": 0, "killed": 0, "raised": 0, "before": 0, "after": 0}
    for day in (DAYS[0], "2026-05-31"):
        after = shutil.copytree(base, base.parent / f"after{day}", symlinks=True)
        kinds = in_child(calls_of, after, day).value
        done, undone = seen(after), seen(base)
        assert done != undone
        found["calls"] += len(kinds)
        for at in range(len(kinds)):
            for what in ("before", "after", "ENOSPC", "EIO"):
                struck = shutil.copytree(base, base.parent / "struck", symlinks=True)
                ended = in_child(back, struck, day, at, what)
                found["killed"] += ended.killed
                found["raised"] += bool(ended.error)
                where = f"{what} at {at} {kinds[at]}"
                assert in_child(recovered, struck).ok, where
                now = seen(struck)
                assert now in (done, undone), f"{where}: {json.dumps(now, indent=1)}"
                assert now == done or not ended.ok, f"{where}: said done, was not"
                found["after" if now == done else "before"] += 1
                if now == undone:
                    again = in_child(back, struck, day)
                    assert again.ok, f"{where}: {again.error}"
                    assert seen(struck) == done, where
                shutil.rmtree(struck)
    return found


def recovered(home: str) -> None:
    with home_lock(Path(home)):
        recover(Path(home))


@pytest.fixture
def home(fast: Path, nursery: Nursery) -> Path:
    (fast / "home").mkdir()
    ended = nursery.run(three_nights, fast / "home")
    assert ended.ok, ended.error
    return fast / "home"


@pytest.mark.faults
def test_a_reopening_struck_at_any_call_is_before_or_after_never_between(
    home: Path, nursery: Nursery, figure: Callable[[str], None]
) -> None:
    ended = nursery.run(kill_each_call, home)
    assert ended.ok, ended.error
    figure(f"reopening struck at each call: {ended.value}; nothing between, done when run again")
    assert ended.value["before"] > 20 and ended.value["after"] > 20
    assert ended.value["killed"] > 100


def test_a_reopening_takes_back_tables_ledger_quarantine_and_release(home: Path) -> None:
    back(str(home), "2026-06-01")
    now = seen(home)
    assert {name: facts[0] for name, facts in now["tables"].items()} == {
        # `hidden` is of no release, and nothing was kept of it.
        "raw_orders": "2026-06-01", "map": "2026-06-01", "profile": "2026-06-01",
    }  # fmt: skip
    assert now["tables"]["raw_orders"][1] == ["2026-06-01/till"]
    assert (now["current"], now["withdrawn"]) == ("s2026-06-01", ["s2026-06-02", "s2026-06-03"])
    assert len(now["quarantine"]) == 1 and now["left"] == []
    assert now["record"] == [
        {
            "at": AT,
            "by": "somebody",
            "led_to": "2026-06-01",
            "nights_undone": ["2026-06-02", "2026-06-03"],
            "releases_withdrawn": ["s2026-06-03", "s2026-06-02"],
        }
    ]


def test_before_the_first_night_the_next_one_takes_the_withdrawn_release_s_place(
    home: Path,
) -> None:
    back(str(home), "2026-05-31")
    assert seen(home)["tables"] == {} and seen(home)["current"] == "s2026-06-03"
    night(home, "2026-05-31")
    assert seen(home)["current"] == "s2026-05-31"


def test_what_was_taken_away_stays_until_a_later_night_is_whole(home: Path) -> None:
    taken = Lake(home).current("map")
    assert taken
    back(str(home), "2026-06-01")
    night(home, "2026-06-02")
    assert Lake(home).path(taken.parts[WHOLE]).exists()
    night(home, "2026-06-03")
    night(home, "2026-06-04")
    night(home, "2026-06-05")
    assert not (home / "lake" / ".nights" / "undone.000001").exists()


def test_a_reopening_is_taken_back_whole(home: Path) -> None:
    night_states.remember(home, MEMORY, RAW)
    before = seen(home)
    back(str(home), "2026-06-01")
    with home_lock(home):
        plan = reopening.undo_plan(home, MEMORY)
        reopening.reopen(plan, home / "landing", RAW, by="somebody", at=AT)
    after = seen(home)
    for name in ("tables", "current", "withdrawn", "quarantine", "left"):
        assert after[name] == before[name], name
    back(str(home), "2026-06-01")
    night(home, "2026-06-02")
    with pytest.raises(LakeError, match=r"a night of 2026-06-02 has run since; undo it first"):
        reopening.undo_plan(home, MEMORY)


def test_what_an_earlier_reopening_withdrew_stays_so_when_the_last_is_taken_back(
    home: Path,
) -> None:
    back(str(home), "2026-06-02")
    back(str(home), "2026-06-01")
    assert seen(home)["withdrawn"] == ["s2026-06-02", "s2026-06-03"]
    with home_lock(home):
        plan = reopening.undo_plan(home, MEMORY)
        reopening.reopen(plan, home / "landing", RAW, by="somebody", at=AT)
    assert (seen(home)["withdrawn"], seen(home)["current"]) == (["s2026-06-03"], "s2026-06-02")


def test_nothing_to_undo_and_a_night_too_long_ago_are_refused(home: Path) -> None:
    with pytest.raises(LakeError, match="nothing to undo: the last night is 2026-06-03"):
        back(str(home), "2026-06-03")
    for state in night_states.states(home)[:2]:
        night_states.forget(state)
    with pytest.raises(LakeError, match=r"oldest is of 2026-06-02.*customer-intel history"):
        back(str(home), "2026-06-01")


def test_only_the_last_nights_are_kept(home: Path) -> None:
    for day in range(4, 20):
        night(home, f"2026-06-{day:02d}")
    states = night_states.states(home)
    assert [state.as_of for state in states] == [f"2026-06-{day:02d}" for day in range(12, 19)]
    assert len(list((home / "lake" / "map").glob("*.parquet"))) == 8
    assert len(list((home / "lake" / "hidden").glob("*.parquet"))) == 2


def test_a_run_that_a_gate_ended_does_not_replace_the_good_night_of_its_date(home: Path) -> None:
    night_states.remember(home, MEMORY, RAW)
    good = night_states.states(home)[-1]
    lake = Lake(home)
    with lake.workspace("raw_orders") as work:
        pq.write_table(pa.table({"night": ["bad"]}), work / "a.parquet")
        lake.accept(
            "raw_orders", {"x": work / "a.parquet"}, as_of="2026-06-03", snapshot_id="other",
            schema_sha256="s", certificate={"passed": True},
        )  # fmt: skip
    night_states.remember(home, [*MEMORY, "raw_orders"], [])
    assert night_states.states(home)[-1] == good
