"""D3: months of nights, a tenth of them struck by something, beside an oracle that is a dictionary."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from customer_intel import open_release
from customer_intel.core.store.lake import Lake, home_lock
from customer_intel.core.store.release import Published, recover
from customer_intel_tests.faults import small
from customer_intel_tests.faults.nursery import Nursery, in_child
from customer_intel_tests.faults.shim import Fault, watched

NIGHTS, SHARE = 30, 0.1
# What may befall a night: those that end it, those that keep it from beginning, those that change
# what it finds.
KINDS = (
    "killed before",
    "killed after",
    "ENOSPC",
    "EIO",
    "gate closes",
    "missed",
    "late export",
    "sent again",
    "clock",
)


@pytest.mark.parametrize(
    "seeds", [pytest.param(2, marks=pytest.mark.slow), pytest.param(25, marks=pytest.mark.faults)]
)
def test_d3_simulated_nights_end_as_the_oracle_says(
    seeds: int, fast: Path, nursery: Nursery, figure: Callable[[str], None]
) -> None:
    totals: dict[str, int] = {}
    for seed in range(seeds):
        home = fast / f"{seed}"
        home.mkdir()
        ended = nursery.run(simulate, home, seed)
        assert ended.ok, f"seed {seed}: {ended.error}"
        for kind, count in ended.value.items():
            totals[kind] = totals.get(kind, 0) + count
        shutil.rmtree(home)
    figure(
        f"D3 simulator: {seeds} seeds × {NIGHTS} nights, equal to the oracle after each; {totals}"
    )
    struck = sum(totals.get(kind, 0) for kind in KINDS)
    assert totals["nights"] == seeds * NIGHTS and 0.03 < struck / totals["nights"] < 0.3


def simulate(home: str, seed: int) -> dict[str, int]:
    """Runs in the nursery. Each night takes the exports that landed; `exports` and `published` are
    the oracle.
    """
    dice = random.Random(seed)
    landed: dict[str, int] = {}
    late: list[str] = []
    # Export → its content as taken; what readers are shown.
    taken: dict[str, int] = {}
    published: tuple[int, dict[str, int]] | None = None
    counts = {"nights": 0, "ended": 0}
    for n in range(1, NIGHTS + 1):
        counts["nights"] += 1
        kind = dice.choice(KINDS) if n > 1 and dice.random() < SHARE else ""
        counts[kind or "undisturbed"] = counts.get(kind or "undisturbed", 0) + 1
        for export in [*late, *([f"e{n:02d}"] if kind != "late export" else [])]:
            landed[export] = dice.randrange(1000)
        late = [f"e{n:02d}"] if kind == "late export" else []
        if kind == "sent again":
            # A correction of an old export.
            landed[dice.choice(sorted(landed))] = dice.randrange(1000)
        if kind == "missed":
            continue
        at = dice.randrange(90)
        fault = {"killed before": "before", "killed after": "after"}.get(kind, kind)
        struck = Fault(at, fault) if fault in ("before", "after", "ENOSPC", "EIO") else None
        shift = -dice.randrange(10**6) if kind == "clock" else 0
        ended = in_child(
            _night,
            home,
            n,
            landed,
            struck and [struck.at, struck.what],
            kind != "gate closes",
            shift,
        )
        assert ended.ok or struck or kind == "gate closes", ended.error
        counts["ended"] += not ended.ok
        seen_taken, seen = _seen(home)
        # What a struck night may have done: nothing, or acceptance, or all of it; but nothing
        # between and nothing less.
        assert seen_taken in (taken, landed), f"night {n} {kind}: accepted rows are lost or made up"
        assert seen in (published, (n, landed)), f"night {n} {kind}: readers see {seen}"
        if ended.ok:
            assert seen == (n, landed) and seen_taken == landed, (
                f"night {n} {kind}: said done, was not"
            )
            assert not small.leftovers(home)
        taken, published = seen_taken, seen
    ended = in_child(_night, home, NIGHTS + 1, landed, None, True, 0)
    assert ended.ok, ended.error
    assert _seen(home) == (landed, (NIGHTS + 1, landed)) and not Published(Path(home)).verify()
    return counts


def _night(
    home: str, n: int, landed: dict[str, int], struck: list[Any] | None, passes: bool, shift: int
) -> None:
    """Takes what landed and is not held yet, one part per export; the second table is computed from
    the first.
    """
    import time

    if shift:
        real = time.time
        time.time = lambda: real() + shift  # type: ignore[assignment]
    path = Path(home)
    with watched(path, Fault(*struck) if struck else None), home_lock(path):
        recover(path)
        lake = Lake(path)
        before = lake.current("raw")
        held = {key: part.facts["value"] for key, part in before.parts.items()} if before else {}
        new = {export: value for export, value in landed.items() if held.get(export) != value}
        stamps = {"as_of": small.as_of(n), "snapshot_id": small.name_of(n), "schema_sha256": "s"}
        with lake.workspace("raw") as work:
            lake.accept(
                "raw",
                {
                    export: small.file(work / export, value, 3 + value % 5)
                    for export, value in new.items()
                },
                certificate={"passed": True},
                keep={key: part for key, part in before.parts.items() if key not in new}
                if before
                else {},
                facts={export: {"value": value} for export, value in new.items()},
                **stamps,
            )
        if not passes:
            raise RuntimeError("the gate closed")
        with lake.workspace("total") as work:
            total = small.file(work / "whole.parquet", sum(landed.values()), 1)
            lake.accept("total", {"whole": total}, certificate={"passed": True}, **stamps)
        store = Published(path)
        versions = store.verified(lake, dict.fromkeys(("raw", "total")), small.name_of(n))  # type: ignore[arg-type]
        manifest = {"snapshot_id": small.name_of(n), "as_of": small.as_of(n), "run_id": "r"}
        store.publish(lake, versions, manifest, {"words.md": b"#"}, {"derived.txt": _derived}, 3)


def _derived(_: Any, target: Path) -> None:
    target.write_text("derived", encoding="utf-8")


def _seen(home: str) -> tuple[dict[str, int], tuple[int, dict[str, int]] | None]:
    """(export → content in the accepted table, (night, export → content) of the release), read from
    the Parquet.
    """
    lake = Lake(Path(home))
    version = lake.current("raw")
    taken = (
        {key: _value(lake.path(part), part.rows) for key, part in version.parts.items()}
        if version
        else {}
    )
    try:
        release = open_release(home)
    except FileNotFoundError:
        return taken, None
    entry = release.manifest["tables"]["raw"]["files"]
    shown = {Path(f["path"]).stem: _value(release.folder / f["path"], f["rows"]) for f in entry}
    assert _value(Path(release.files("total")[0]), 1) == sum(shown.values()), (
        "the release's tables are of two nights"
    )
    return taken, (int(release.snapshot_id[1:]), shown)


def _value(path: Path, rows: int) -> int:
    values = small.column(str(path))
    assert len(values) == rows and len(set(values)) == 1, f"{path.name} is torn"
    return values[0]
