"""A history's lake takes the home's place: killed or failing at any call, the home has one or the other."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from customer_intel.core.store import lake_swap
from customer_intel.core.store.lake import LakeError, home_lock
from customer_intel.core.store.release import recover
from customer_intel_tests.faults.nursery import Nursery, in_child
from customer_intel_tests.faults.shim import Fault, watched


def made(home: str) -> None:
    for root, text in ((Path(home), "old"), (lake_swap.beside(Path(home)), "new")):
        for name in lake_swap.FOLDERS:
            (root / name).mkdir(parents=True)
            (root / name / "rows").write_text(text)


def exchange(home: str, at: int = -1, what: str = "none") -> int:
    root = Path(home)
    with watched(root, Fault(at, what) if at >= 0 else None) as calls, home_lock(root):
        lake_swap.swap(root, "2026-06-30", "2026-07-01T00:00:00+00:00")
    return len(calls)


def recovered(home: str) -> None:
    with home_lock(Path(home)):
        recover(Path(home))


def seen(home: Path) -> tuple[str, ...]:
    return tuple((home / name / "rows").read_text() for name in lake_swap.FOLDERS)


def strike_each_call(home: str) -> dict[str, int]:
    base, found = Path(home), {"old": 0, "new": 0}
    calls = in_child(exchange, shutil.copytree(base, base.parent / "counted")).value
    for at in range(calls):
        for what in ("before", "after", "EIO"):
            struck = shutil.copytree(base, base.parent / "struck")
            ended = in_child(exchange, struck, at, what)
            again = in_child(recovered, struck)
            assert again.ok, again.error
            now = seen(struck)
            assert now in (("old", "old"), ("new", "new")), f"{what} at {at}: {now}"
            assert now[0] == "new" or not ended.ok
            found[now[0]] += 1
            if now[0] == "old":
                assert in_child(exchange, struck).ok and seen(struck) == ("new", "new")
            shutil.rmtree(struck)
    return found


def test_an_exchange_struck_at_any_call_leaves_one_lake_or_the_other(
    fast: Path, nursery: Nursery
) -> None:
    (fast / "home").mkdir()
    assert nursery.run(made, fast / "home").ok
    ended = nursery.run(strike_each_call, fast / "home")
    assert ended.ok, ended.error
    assert min(ended.value.values()) > 5


def test_a_lake_that_is_a_link_is_not_exchanged(tmp_path: Path) -> None:
    made(str(tmp_path / "home"))
    shutil.move(tmp_path / "home" / "lake", tmp_path / "elsewhere")
    (tmp_path / "home" / "lake").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LakeError, match="lake/ lies on another disk or is a link"):
        exchange(str(tmp_path / "home"))
