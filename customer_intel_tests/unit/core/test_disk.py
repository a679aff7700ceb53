"""What the disk refused is said in one sentence: the folder, what befell, what to do."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

import duckdb
import pytest

from customer_intel.core.night import build as step
from customer_intel.core.night.night import StepFailed
from customer_intel.core.store import disk
from customer_intel.core.store.lake import Lake, LakeError
from customer_intel_tests.faults.shim import Fault, watched
from customer_intel_tests.house import House


def refused(number: int, *paths: Path) -> OSError:
    first, *rest = [str(path) for path in paths] or [None]
    return OSError(number, os.strerror(number), first, None, *rest)


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "make room there"),
        (errno.EDQUOT, "raise that user's quota"),
        (errno.EACCES, "give the user that runs nights leave"),
        (errno.EROFS, "mount it for writing"),
        (errno.EFBIG, "ulimit -f"),
        (errno.EIO, "the system's log"),
    ],
)
def test_each_refusal_names_the_folder_and_what_to_do(
    number: int, advice: str, tmp_path: Path
) -> None:
    folder = tmp_path / "lake/orders"
    folder.mkdir(parents=True)
    for error in (refused(number, folder / ".x"), refused(number, folder, folder / "y.parquet")):
        said = disk.sentence(error, tmp_path, "?")
        assert said and said.startswith(f"{tmp_path.name}/lake/orders/: {os.strerror(number)}; ")
        assert advice in said


def test_an_error_that_names_no_path_is_of_the_place_at_hand(tmp_path: Path) -> None:
    said = disk.sentence(refused(errno.ENOSPC), tmp_path, "published/")
    assert said and said.startswith("published/: No space left on device")


def test_dagsters_books_and_the_engines_are_understood(tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir()
    inner = sqlite3.OperationalError("database or disk is full")
    outer = RuntimeError("in the library's words")
    outer.__cause__ = inner
    said = disk.sentence(outer, tmp_path, "?")
    assert said and said.startswith(f"{tmp_path.name}/.dagster/: No space left on device")
    name = tmp_path / "lake/.candidates/t.x/whole.parquet"
    engine = duckdb.IOException(f'IO Error: Could not write file "{name}": No space left on device')
    said = disk.sentence(engine, tmp_path, "?")
    assert said and said.startswith(f"{tmp_path.name}/lake/: No space left on device")


def test_other_errors_are_left_alone(tmp_path: Path) -> None:
    for error in (ValueError("No space left on device"), FileNotFoundError(2, "x"), LakeError("y")):
        assert disk.sentence(error, tmp_path, "?") is None
        with pytest.raises(type(error)), disk.told(tmp_path, "?"):
            raise error


@pytest.mark.parametrize("what", ["ENOSPC", "EIO"])
def test_whatever_write_of_a_step_meets_a_bad_disk_the_folder_is_named(
    what: str, house: House
) -> None:
    definition = house.definitions["base"]
    with watched(house.home) as calls:
        assert step.build(house.night(), definition).passed
    told = 0
    for at in range(len(calls)):
        House.write(house, "room/base.sql", (house.package / "room/base.sql").read_text() + " ")
        with watched(house.home, Fault(at, what)):
            try:
                outcome = step.build(house.night(), definition)
            except StepFailed as error:
                assert f"home/lake/: {os.strerror(getattr(errno, what))}; " in str(error) or (
                    f"home/lake/base/: {os.strerror(getattr(errno, what))}; " in str(error)
                )
                told += 1
            else:
                assert outcome.passed
    assert told and Lake(house.home).current("base")
