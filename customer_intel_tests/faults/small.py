"""A home of three small tables whose every row says which night wrote it; what may never be seen;
not a test itself.
"""

from __future__ import annotations

import json
import mmap
import os
import random
import shutil
import signal
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from customer_intel import open_release
from customer_intel.core.store.lake import WHOLE, Lake, Version, file_sha256, home_lock
from customer_intel.core.store.release import Published, Release, recover
from customer_intel_tests.faults.nursery import Child, in_child
from customer_intel_tests.faults.shim import Fault, audited, watched

LEFT, RIGHT, DAILY = "left", "right", "daily"
TABLES = (LEFT, RIGHT, DAILY)
FIRST_DAY = date(2024, 1, 1)
# In P1 releases older than this may go, so that pruning is among what is killed.
SHORT_GRACE = 3.0


def as_of(n: int) -> str:
    return (FIRST_DAY + timedelta(days=n)).isoformat()


def name_of(n: int) -> str:
    return f"s{n:05d}"


def rows_of(table: str, n: int) -> int:
    return {LEFT: 40, RIGHT: 90, DAILY: 20}[table] + n % 7


def candidates(table: str, n: int, work: Path) -> dict[str, Path]:
    """The night's files: two days of `daily` stay as they were, one changes."""
    if table != DAILY:
        return {WHOLE: file(work / "whole.parquet", n, rows_of(table, n))}
    days = {
        str(FIRST_DAY + timedelta(days=day)): file(work / f"{day}.parquet", 0, 10) for day in (0, 1)
    }
    return {**days, as_of(9999): file(work / "last.parquet", n, rows_of(table, n))}


def file(path: Path, n: int, rows: int) -> Path:
    pq.write_table(pa.table({"night": [n] * rows, "value": list(range(rows))}), path)
    return path


def accept_one(lake: Lake, table: str, n: int, files: dict[str, Path]) -> Version:
    return lake.accept(
        table, files, as_of=as_of(n), snapshot_id=name_of(n), schema_sha256="s", certificate={"passed": True}
    )  # fmt: skip


def publish(
    home: Path,
    versions: dict[str, Version],
    n: int,
    *,
    keep: int = 3,
    grace: float = 86400,
    run: str = "r",
) -> Release:
    """Publishes, with a document and a derived file as a night has them."""
    return Published(home, grace).publish(
        Lake(home),
        versions,
        {"snapshot_id": name_of(n), "as_of": as_of(n), "run_id": run},
        {"dictionary.md": b"# words\n" * 50, "contracts/left.yaml": b"name: left\n"},
        {"views.txt": _views},
        keep,
    )


def _views(made: Release, target: Path) -> None:
    target.write_text(
        "\n".join(str(Path(path).relative_to(made.folder)) for path in made.files(DAILY)),
        encoding="utf-8",
    )


def verified(home: Path, n: int) -> dict[str, Version]:
    return Published(home).verified(Lake(home), dict.fromkeys(TABLES), name_of(n))  # type: ignore[arg-type]


def night(
    home: str | Path,
    n: int,
    keep: int = 3,
    grace: float = 86400,
    inside: Callable[[], None] | None = None,
) -> str:
    """One whole night. `inside` is called when the candidates are made and acceptance begins."""
    home = Path(home)
    with home_lock(home), ExitStack() as stack:
        recover(home)
        lake = Lake(home)
        made = {
            table: candidates(table, n, stack.enter_context(lake.workspace(table)))
            for table in TABLES
        }
        if inside:
            inside()
        for table, files in made.items():
            accept_one(lake, table, n, files)
        return publish(home, verified(home, n), n, keep=keep, grace=grace).snapshot_id


def accept_night(home: str | Path, n: int) -> dict[str, Version]:
    lake = Lake(Path(home))
    with lake.workspace("night") as work:
        return {table: accept_one(lake, table, n, candidates(table, n, work)) for table in TABLES}


def publish_night(home: str, n: int, run: str) -> str:
    """Publishes what is accepted. Returns whose publication stands."""
    return str(publish(Path(home), verified(Path(home), n), n, run=run).manifest["run_id"])


def publish_elsewhere(lake_of: str, home: str, n: int) -> None:
    """Accepts a night in one home's lake and publishes it in another home."""
    versions = accept_night(Path(lake_of), n)
    Published(Path(home)).publish(
        Lake(Path(lake_of)),
        versions,
        {"snapshot_id": name_of(n), "as_of": as_of(n), "run_id": "r"},
        {},
        {},
        3,
    )


def struck_night(home: str, n: int, at: int, what: str, linkless: bool = False) -> int:
    with watched(Path(home), Fault(at, what), linkless=linkless) as calls:
        night(home, n)
    return len(calls)


def recorded_night(
    home: str, n: int, linkless: bool = False, synced: bool = True
) -> dict[str, Any]:
    """The night's calls as the shim saw them, and as the interpreter reported them."""
    truth = audited(Path(home))
    if not synced:
        os.fsync = lambda _: None  # type: ignore[assignment]
    with watched(Path(home), linkless=linkless) as calls:
        night(home, n)
    seen = [call for call in calls if synced or call.kind != "fsync"]
    return {
        "calls": [[call.kind, *call.paths] for call in seen],
        "truth": [[c.kind, *c.paths] for c in list(truth)],
    }


# ---- what must hold
def look(release: Release) -> int:
    """The night that wrote the release, read with nothing but pyarrow. Raises AssertionError when
    it is not whole.
    """
    manifest = release.manifest
    n = int(manifest["snapshot_id"][1:])
    for table in TABLES:
        files = release.files(table)
        nights = [value for path in files for value in column(path)]
        wanted = [n] * rows_of(table, n) + ([0] * 20 if table == DAILY else [])
        assert sorted(nights) == sorted(wanted), (
            f"{table} of {manifest['snapshot_id']} is torn or mixed"
        )
    return n


def column(path: str) -> list[int]:
    # Without threads: the process that looks also forks.
    with pq.ParquetFile(path, pre_buffer=False) as file:
        return list(file.read(use_threads=False)["night"].to_pylist())


def whole(home: str | Path, *, older: bool = True) -> int:
    """The night that readers see. Raises AssertionError when a release or an accepted table is not
    whole.
    """
    home = Path(home)
    lake = Lake(home)
    for table in TABLES:
        version = lake.current(table)
        for part in version.parts.values() if version else ():
            assert file_sha256(lake.path(part)) == (part.sha256, part.bytes), (
                f"accepted rows of {table} are lost"
            )
    for release in Published(home).releases() if older else ():
        look(release)
    return look(open_release(home))


def tree(home: str | Path) -> dict[str, str]:
    """Every file and link that a night leaves: path → content, so that a leftover is a difference."""
    home, found = Path(home), {}
    for path in sorted(home.rglob("*")):
        name = str(path.relative_to(home))
        if path.is_symlink():
            found[name] = f"→ {path.readlink()}"
        elif path.is_file() and path.name != ".lock":
            found[name] = file_sha256(path)[0]
    return found


def copied(home: str | Path, to: str | Path) -> Path:
    """A home of its own whose files are shared: neither lake nor releases change a file in place."""
    shutil.copytree(home, to, symlinks=True, copy_function=os.link)
    (Path(to) / "published/.lock").unlink(missing_ok=True)
    return Path(to)


# ---- P1: the killer
def kill_nights(home: str, seed: int, kills: int) -> dict[str, Any]:
    """Kills nights until `kills` of them died inside; half by a clock, half at a call drawn by lot."""
    dice = random.Random(seed)
    phase = mmap.mmap(-1, 1)
    found = {"attempts": 0, "killed": 0, "inside": 0, "by_call": 0, "recovered": 0}
    first = in_child(struck_night, home, 1, -1, "none")
    calls, n, spent = int(first.value), 1, [0.02]
    while found["inside"] < kills:
        found["attempts"] += 1
        phase[0] = 0
        # The night is tried again, or missed and the next one comes.
        n += dice.randrange(2)
        if found["attempts"] % 10 == 0:
            begun = time.perf_counter()
            ended = in_child(night, home, n, 3, SHORT_GRACE)
            spent = [*spent[-9:], time.perf_counter() - begun]
            assert ended.ok, ended.error
            assert whole(home) == n, "the next run alone did not publish"
            assert not leftovers(home), leftovers(home)
            found["recovered"] += 1
            continue
        by_call = dice.random() < 0.5
        at = dice.randrange(calls) if by_call else -1
        child = Child(_watched_night, (home, n, at, phase))
        if not by_call:
            while not phase[0]:
                time.sleep(0.0002)
            time.sleep(dice.uniform(0, statistics.median(spent)))
            os.kill(child.pid, signal.SIGKILL)
        ended = child.wait()
        assert ended.ok or ended.killed, ended.error
        found["killed"] += ended.killed
        if ended.killed and phase[0] == 1:
            found["inside"] += 1
            found["by_call"] += by_call
        assert whole(home, older=False) <= n
    assert in_child(night, home, n + 1, 3, SHORT_GRACE).ok
    assert whole(home) == n + 1 and not leftovers(home)
    return found


def _watched_night(home: str, n: int, at: int, phase: mmap.mmap) -> None:
    def inside() -> None:
        phase[0] = 1

    with watched(Path(home), Fault(at, "before" if at % 2 else "after") if at >= 0 else None):
        night(home, n, 3, SHORT_GRACE, inside)
    phase[0] = 2


def leftovers(home: str | Path) -> list[str]:
    """What only a killed run leaves: candidates, staging, half-written pointers and links."""
    home = Path(home)
    marks = (".candidates/*", ".staging/*", ".CURRENT.json.*", ".link.*", ".derived.json.*")
    return sorted(str(path.relative_to(home)) for mark in marks for path in home.rglob(mark))


# ---- readers
def main() -> None:
    """`python -m … <engine> <home> <stop file>`: reads until told to stop, then says what it saw."""
    import sys

    engine, home, stop = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    read = {"duckdb": _duckdb, "polars": _polars}[engine]()
    found = {
        "reads": 0,
        "torn": 0,
        "mixed": 0,
        "backward": 0,
        "errors": 0,
        "nights": 0,
        "first_error": "",
    }
    last = -1
    while not stop.exists():
        try:
            release = open_release(home)
            seen = {table: read(release.files(table)) for table in TABLES}
            n = int(release.snapshot_id[1:])
        except Exception as error:
            found["errors"] += 1
            found["first_error"] = found["first_error"] or f"{type(error).__name__}: {error}"
            continue
        found["reads"] += 1
        for table, (rows, nights) in seen.items():
            found["torn"] += rows != rows_of(table, n) + (20 if table == DAILY else 0)
            found["mixed"] += nights != ({0, n} if table == DAILY else {n})
        found["backward"] += n < last
        found["nights"] += n != last
        last = n
    print(json.dumps(found))


def _duckdb() -> Callable[[list[str]], tuple[int, set[int]]]:
    import duckdb

    con = duckdb.connect(config={"threads": 1})

    def read(files: list[str]) -> tuple[int, set[int]]:
        rows = con.execute(
            "SELECT night, count(*) FROM read_parquet(?) GROUP BY 1", [files]
        ).fetchall()
        return sum(count for _, count in rows), {night for night, _ in rows}

    return read


def _polars() -> Callable[[list[str]], tuple[int, set[int]]]:
    import polars as pl

    def read(files: list[str]) -> tuple[int, set[int]]:
        frame = pl.read_parquet(files)
        return frame.height, set(frame["night"].to_list())

    return read


if __name__ == "__main__":
    main()
