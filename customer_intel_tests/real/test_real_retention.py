"""Whole nights over other companies' files: retention, growth and use equal a count of the files themselves by plain
loops.
"""

from __future__ import annotations

import csv
import gzip
import json
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from customer_intel.core.store.lake import Lake
from customer_intel_tests.unit.behaviour import retention_oracle as oracle
from customer_intel_tests.whole_nights import Steps, upstream

pytestmark = pytest.mark.slow

TABLES = (
    "retention_cohort",
    "lifecycle_period",
    "stickiness_period",
    "feature_usage",
    "feature_driver",
)
Act = tuple[str, str, datetime]


def _shop(folder: Path) -> list[Act]:
    with gzip.open(folder / "retentioneering" / "simple-onlineshop.csv.gz", "rt") as file:
        return [
            (row["user_id"], row["event"], datetime.fromisoformat(row["timestamp"]))
            for row in csv.DictReader(file)
        ]


def _music(folder: Path) -> list[Act]:
    found = []
    for path in sorted((folder / "sparkify_logs" / "raw").glob("*.json.gz")):
        with gzip.open(path, "rt") as file:
            for row in map(json.loads, file):
                at = datetime.fromtimestamp(row["ts"] / 1000, UTC).replace(tzinfo=None)
                if row["userId"]:
                    found.append((str(row["userId"]), row["page"], at))
    return found


def _records(folder: Path) -> list[Act]:
    lines = (folder / "cdnow" / "CDNOW_sample.txt").read_text().splitlines()
    parts = [line.split() for line in lines if line.strip()]
    return [(part[1], "order", datetime.strptime(part[2], "%Y%m%d")) for part in parts]


CASES = {
    "shop": (_shop, "retentioneering", "retentioneering/simple-onlineshop.csv.gz", date(2020, 4, 30), "month"),
    "music": (_music, "sparkify", "sparkify_logs/raw/*.json.gz", date(2018, 12, 1), "week"),
    "records": (_records, "cdnow", "cdnow/*", date(1998, 7, 1), "month"),
}  # fmt: skip


@pytest.fixture(scope="module", params=CASES)
def night(
    request: pytest.FixtureRequest, shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Callable[[str], pl.DataFrame], list[Act], date, str]:
    read, source, files, as_of, unit = CASES[request.param]
    home = tmp_path_factory.mktemp(request.param)
    landing = home / "landing" / source
    landing.mkdir(parents=True)
    for path in sorted(shared_data.glob(files)):
        shutil.copyfile(path, landing / path.name)
    outcomes = Steps(home, as_of, home / "landing").build(upstream(*TABLES))
    assert {n: done.verdict for n, done in outcomes.items() if not done.passed} == {}

    def table(name: str) -> pl.DataFrame:
        return pl.concat(pl.read_parquet(path) for path in Lake(home).files(name))

    return table, read(shared_data), as_of, unit


def test_whole_nights_count_what_the_files_hold(
    night: tuple[Callable[[str], pl.DataFrame], list[Act], date, str],
) -> None:
    table, acts, as_of, unit = night
    seen = [(who, at) for who, _, at in acts]
    rows = table("retention_cohort").filter(pl.col("retention") == "activity")
    assert set(rows["interval_unit"]) == {unit}
    told = {
        (row["cohort"], row["interval_no"]): (
            row["n_cohort"], row["n_eligible"], row["n_retained"], row["n_so_far"],
        )
        for row in rows.to_dicts()
    }  # fmt: skip
    assert told == oracle.retention(seen, seen, as_of, unit)
    for length in ("week", "month"):
        growth = table("lifecycle_period").filter(pl.col("interval_unit") == length)
        parts = ("n_active", "n_new", "n_returning", "n_resurrecting", "n_dormant")
        assert {
            row["starts_on"]: tuple(row[name] for name in parts) for row in growth.to_dicts()
        } == oracle.lifecycle(seen, as_of, length)
        sticky = table("stickiness_period").filter(pl.col("interval_unit") == length)
        assert {
            (row["starts_on"], row["active_units"]): row["n"] for row in sticky.to_dicts()
        } == oracle.stickiness(seen, as_of, length)


def test_features_of_other_companies_are_counted_and_not_praised(
    night: tuple[Callable[[str], pl.DataFrame], list[Act], date, str],
) -> None:
    """Nobody told these companies' truth: with so few customers of any standing nothing is supported."""
    table, acts, as_of, _ = night
    use, driver = table("feature_usage"), table("feature_driver")
    assert use["feature"].to_list() == driver["feature"].to_list()
    for row in use.to_dicts():
        names = {act.split(":")[-1] for act in row["acts"].strip("|").split("|")}
        recent = [
            (who, name) for who, name, at in acts if 0 < (as_of - at.date()).days <= row["feature_days"]
        ]  # fmt: skip
        assert row["n"] == len({who for who, _ in recent})
        assert row["n_adopters"] == len({who for who, name in recent if name in names})
    assert set(driver["verdict"]) <= {"inconclusive"}
