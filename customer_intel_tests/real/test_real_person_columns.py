"""What is found in the public labelled lists of people, each of which is called otherwise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from customer_intel.identity.records.person_columns import guessed
from customer_intel_tests import rda

FEBRL = """first_name last_name birth_date id_number house_number street street_2 city state postal_code"""


def _csv(data: Path, name: str) -> pl.DataFrame:
    frame = pl.read_csv(data / name, infer_schema=False)
    return frame.rename({column: column.strip() for column in frame.columns})


def _rldata(data: Path) -> pl.DataFrame:
    frames = rda.frames(data / "rldata" / "RLdata500.rda")
    return pl.DataFrame(frames["RLdata500"])


@pytest.mark.parametrize(
    ("read", "without", "key", "expected", "left"),
    [
        (lambda data: _csv(data, "febrl/dataset1.csv"), [], "rec_id", FEBRL, []),
        (lambda data: _csv(data, "febrl/dataset3.csv.gz"), [], "rec_id", FEBRL, []),
        (_rldata, [], None, "first_name middle_name last_name birth_date", []),
        (
            lambda data: _csv(data, "splink/fake_1000.csv"),
            ["cluster"], "unique_id", "first_name last_name birth_date city email", [],
        ),
        (
            lambda data: _csv(data, "er_benchmarks/restaurant/restaurant-nophone.csv"),
            [], None, "full_name street city", ["cuisine"],
        ),
    ],
    ids=["febrl1", "febrl3", "RLdata500", "fake_1000", "restaurant"],
)  # fmt: skip
def test_the_columns_of_public_lists(
    read: Callable[[Path], pl.DataFrame],
    without: list[str],
    key: str | None,
    expected: str,
    left: list[str],
    shared_data: Path,
) -> None:
    found = guessed(read(shared_data), without)
    assert found.key == key
    assert sorted(found.mapping) == sorted(expected.split())
    assert [item.column for item in found.unused] == left
