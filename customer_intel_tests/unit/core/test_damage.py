"""Lake files that are no longer what their gates saw: found before anything reads them, and mended."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from customer_intel.core.night import build as step
from customer_intel.core.night import repair
from customer_intel.core.store import damage, integrity
from customer_intel.core.store.lake import Lake, LakeDamaged, forget
from customer_intel.core.store.release import Published
from customer_intel_tests.house import House

MEMORY = """
import polars as pl

def memory(total: pl.DataFrame, previous: pl.DataFrame) -> pl.DataFrame:
    "Customers seen on this night or before."
    return pl.concat([total.select("customer_id"), previous.select("customer_id")]).unique()
"""


@pytest.fixture
def lake(house: House) -> Lake:
    """The lake of a house after one night, with a table that remembers nights before it."""
    tables = (house.package / "room/tables.yaml").read_text(encoding="utf-8")
    house.write(
        "room/tables.yaml",
        tables
        + "memory:\n  grain: one row per customer\n  purpose: Who was ever seen\n  owner: team:test\n"
        "  key: [customer_id]\n  columns: customer_id*\n  expect:\n    - rows: {min: 1}\n",
    )
    house.write("room/memory.py", MEMORY)
    night(house)
    return Lake(house.home)


def night(house: House) -> dict[str, step.Outcome]:
    made = house.night()
    done = {name: step.build(made, item) for name, item in house.definitions.items()}
    damage.write_index(Lake(house.home))
    return done


def flipped(path: Path, bit: int) -> None:
    """One bit of the file is another; its time of change is as before, as after a bad disk."""
    stat = path.stat()
    text = bytearray(path.read_bytes())
    text[bit // 8] ^= 1 << bit % 8
    path.write_bytes(text)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def rewritten(path: Path) -> None:
    pl.read_parquet(path).with_columns(pl.col("orders") + 1).write_parquet(path)


def swapped(path: Path) -> None:
    other = next(other for other in sorted(path.parent.glob("*.parquet")) if other != path)
    shutil.copyfile(other, path)


def found(house: House) -> list[str]:
    definitions = house.definitions
    forget()
    return [
        item.file
        for item in damage.find(Lake(house.home), definitions, repair.lasting(definitions))
    ]


@pytest.mark.parametrize(
    "harm",
    [
        rewritten,
        swapped,
        Path.unlink,
        lambda path: path.write_bytes(path.read_bytes()[:-9]),
        lambda path: flipped(path, 333),
    ],
    ids=["rewritten", "swapped", "deleted", "truncated", "one bit"],
)
def test_a_changed_file_is_found_and_no_step_reads_it(
    harm: Callable[[Path], object], house: House, lake: Lake
) -> None:
    path = lake.files("base")[0]
    harm(path)
    assert found(house) == [f"lake/base/{path.name}"]
    with pytest.raises(LakeDamaged, match=f"lake/base/{path.name} .*customer-intel repair"):
        # A bit that a disk lost leaves no trace but in the bytes, which a run reads in its turn.
        for _ in range(integrity.EVERY_RUNS):
            damage.refuse(lake, house.definitions, ())
            damage.write_index(lake)
    integrity.recall(house.home / ".dagster" / damage.VERIFIED)
    outcome = step.build(house.night(date(2024, 1, 4), "s2"), house.definitions["total"])
    assert not outcome.passed and path.name in outcome.reason
    kept = lake.current("total")
    assert kept and kept.snapshot_id == "s1"


def test_a_file_that_no_step_reads_is_hashed_in_one_run_of_seven(
    house: House, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {str(path) for name in house.definitions for path in lake.files(name)}
    hashed: list[list[str]] = []
    own = integrity.file_sha256

    def counted(path: Path) -> tuple[str, int]:
        hashed[-1].append(str(path))
        return own(path)

    monkeypatch.setattr(integrity, "file_sha256", counted)
    for _ in range(integrity.EVERY_RUNS):
        hashed.append([])
        damage.refuse(lake, house.definitions, ())
        damage.write_index(lake)
    assert sorted(path for run in hashed for path in run) == sorted(files)
    # What is written anew has another time of change, and a record that is damaged is none.
    lake.files("base")[0].touch()
    hashed.append([])
    damage.refuse(lake, house.definitions, ())
    assert str(lake.files("base")[0]) in hashed[-1]
    record = house.home / ".dagster" / damage.VERIFIED
    record.write_bytes(record.read_bytes().replace(b'"runs"', b'"funs"'))
    hashed.append([])
    damage.refuse(lake, house.definitions, ())
    assert set(hashed[-1]) == files


def test_every_one_of_200_flipped_bits_is_found(house: House, lake: Lake) -> None:
    dice = random.Random(5)
    files = sorted(path for path in lake.root.rglob("*") if path.is_file())
    assert {path.suffix for path in files} == {".json", ".parquet"}
    for number in range(200):
        path = files[number % len(files)]
        bit = dice.randrange(path.stat().st_size * 8)
        flipped(path, bit)
        assert str(path.relative_to(house.home)) in found(house), (path.name, bit)
        flipped(path, bit)
        assert not found(house)


def test_what_other_tables_give_is_computed_anew_and_the_same(house: House, lake: Lake) -> None:
    before = {name: lake.current(name) for name in house.definitions}
    for path in (lake.files("base")[1], lake.files("total")[0]):
        flipped(path, 200)
    done = repair.repair(lake, house.home / "landing", house.definitions)
    assert [item.is_mended for item in done] == [True, True]
    assert all("the next night computes it" in item.outcome for item in done)
    assert lake.current("base") is None
    night(house)
    assert {name: lake.current(name) for name in house.definitions} == before
    assert not repair.repair(lake, house.home / "landing", house.definitions)


def test_a_table_that_remembers_is_restored_from_a_release_or_named(
    house: House, lake: Lake
) -> None:
    path = lake.files("memory")[0]
    good = path.read_bytes()
    path.write_bytes(good[:-5])
    done = repair.repair(lake, house.home / "landing", house.definitions)
    assert [(item.is_mended, item.file) for item in done] == [(False, f"lake/memory/{path.name}")]
    assert "restore the file from a backup" in done[0].outcome
    assert found(house) == [f"lake/memory/{path.name}"], "nobody took its memory for lost"

    version = lake.current("memory")
    assert version
    release = Published(house.home).snapshots / "s1"
    release.mkdir(parents=True)
    part = version.parts["whole"]
    entry = {"path": "memory.parquet", "sha256": part.sha256, "bytes": part.bytes}
    (release / "memory.parquet").write_bytes(good)
    (release / "manifest.json").write_text(json.dumps({"tables": {"memory": {"files": [entry]}}}))
    done = repair.repair(lake, house.home / "landing", house.definitions)
    assert [item.outcome for item in done] == [
        "restored from published/snapshots/s1/memory.parquet"
    ]
    assert path.read_bytes() == good and not found(house)


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: flipped(path, 4000)])
def test_a_lost_pointer_is_missed_and_restored(
    harm: Callable[[Path], object], house: House, lake: Lake
) -> None:
    before = lake.current("memory")
    harm(lake.root / "memory/CURRENT.json")
    assert found(house) == ["lake/memory/CURRENT.json"]
    done = repair.repair(lake, house.home / "landing", house.definitions)
    assert [item.outcome for item in done] == ["restored from lake/INDEX.json"]
    assert lake.current("memory") == before and not found(house)


def test_an_index_outlives_a_lost_pointer_until_it_is_mended(house: House, lake: Lake) -> None:
    (lake.root / "memory/CURRENT.json").unlink()
    damage.write_index(lake)
    assert found(house) == ["lake/memory/CURRENT.json"]


def test_a_pointer_from_before_there_were_checksums_is_taken(house: House, lake: Lake) -> None:
    pointer = lake.root / "total/CURRENT.json"
    data = json.loads(pointer.read_text())
    del data["sha256"]
    pointer.write_text(json.dumps(data))
    with pytest.raises(LakeDamaged, match=r"lake/total/CURRENT.json"):
        lake.current("total")
    del data["format"]
    pointer.write_text(json.dumps(data))
    version = lake.current("total")
    assert version and version.rows == 2


def test_a_file_is_hashed_once_a_run(
    house: House, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    real = integrity.file_sha256

    def counted(path: Path) -> tuple[str, int]:
        hashed.append(path.name)
        return real(path)

    monkeypatch.setattr(integrity, "file_sha256", counted)
    forget()
    damage.refuse(lake, house.definitions, ())
    for item in house.definitions.values():
        assert step.build(house.night(), item).passed
    assert len(hashed) == len(set(hashed)) <= 4
    read = {path.name for name in ("base", "memory") for path in lake.files(name)}
    assert read <= set(hashed)
