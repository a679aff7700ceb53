"""Releases: all tables or none, one pointer, never backwards, never without certificates."""

from __future__ import annotations

import json
import os
from datetime import date

import duckdb
import polars as pl
import pytest

from customer_intel.core.night import build as step
from customer_intel.core.store.lake import HomeBusy, Lake, home_lock
from customer_intel.core.store.release import Published, Release, ReleaseRefused
from customer_intel.publish import catalog
from customer_intel_tests.house import SQL, House


def night(house: House, as_of: date = date(2024, 1, 3), snapshot_id: str = "s1") -> Release:
    made = house.night(as_of, snapshot_id)
    for definition in house.definitions.values():
        step.build(made, definition)
    return publish(house, as_of, snapshot_id)


def publish(house: House, as_of: date, snapshot_id: str) -> Release:
    store, lake = Published(house.home), Lake(house.home)
    versions = store.verified(lake, dict(house.contract.tables), snapshot_id)
    manifest = {"snapshot_id": snapshot_id, "as_of": as_of.isoformat(), "run_id": "r"}
    return store.publish(lake, versions, manifest, {"dictionary.md": b"#"}, {}, keep=3)


def test_a_release_holds_every_table_and_one_pointer_names_it(house: House) -> None:
    made = night(house)
    assert json.loads((house.home / "published/CURRENT.json").read_text())["snapshot_id"] == "s1"
    assert (house.home / "published/current/total.parquet").exists()
    assert pl.read_parquet(made.files("base")).height == 3
    assert sorted(p.name for p in (made.folder / "base").iterdir()) == [
        "2024-01-01.parquet",
        "2024-01-02.parquet",
    ]
    manifest = made.manifest
    assert (
        manifest["tables"]["total"]["rows"] == 2 and manifest["tables"]["total"]["gate"]["passed"]
    )


def test_an_untouched_day_is_shared_between_releases(house: House) -> None:
    first = night(house)
    house.write(
        "room/base.sql",
        SQL["base"].replace("('b', DATE '2024-01-02', 1", "('b', DATE '2024-01-02', 9"),
    )
    second = night(house, date(2024, 1, 4), "s2")
    inode = [
        (release.folder / "base/2024-01-01.parquet").stat().st_ino for release in (first, second)
    ]
    assert inode[0] == inode[1]
    assert pl.read_parquet(first.files("base"))["orders"].sum() == 4, (
        "the older release still reads as it was"
    )


def test_publish_alone_after_a_closed_gate_is_refused(house: House) -> None:
    night(house)
    house.write("room/total.sql", SQL["total"].replace("sum(orders)", "-sum(orders)"))
    with pytest.raises(ReleaseRefused, match="'total' holds s1, not s2"):
        night(house, date(2024, 1, 4), "s2")
    current = Published(house.home).current()
    assert current and current.snapshot_id == "s1"


def test_a_file_changed_behind_the_gate_is_refused(house: House) -> None:
    night(house)
    target = Lake(house.home).files("total")[0]
    pl.read_parquet(target).head(1).write_parquet(target)
    with pytest.raises(ReleaseRefused, match="that its gate saw"):
        publish(house, date(2024, 1, 3), "s1")


def test_an_older_night_never_moves_the_pointer_back(house: House) -> None:
    night(house, date(2024, 1, 5), "s5")
    older = night(house, date(2024, 1, 4), "s4")
    current = Published(house.home).current()
    assert not older.is_current and current and current.snapshot_id == "s5"


def test_old_releases_are_pruned_and_the_current_one_stays(house: House) -> None:
    for day in range(3, 8):
        night(house, date(2024, 1, day), f"s{day}")
    kept = Published(house.home).releases()
    assert len(kept) == 5, "a young release stays: somebody may have it open"
    for release in kept:
        os.utime(release.folder / "manifest.json", (0, 0))
    night(house, date(2024, 1, 8), "s8")
    assert [release.snapshot_id for release in Published(house.home).releases()] == [
        "s8",
        "s7",
        "s6",
    ]


def test_the_catalog_reads_in_plain_duckdb(house: House) -> None:
    made = night(house)
    tables = dict(house.contract.tables)
    target = house.home / "views.duckdb"
    catalog.views(target, tables, {name: made.files(name) for name in tables})
    with duckdb.connect(str(target), read_only=True) as con:
        assert con.sql("SELECT sum(orders) FROM total").fetchall() == [(4,)]
        comments = con.sql(
            "SELECT comment FROM duckdb_columns() WHERE column_name = 'revenue'"
        ).fetchall()
    assert ("How much",) in comments


@pytest.mark.slow
def test_every_contract_document_is_valid_odcs() -> None:
    from open_data_contract_standard.model import OpenDataContractStandard

    from customer_intel.core.contract import load as contract

    for spec in contract.load().tables.values():
        parsed = OpenDataContractStandard.from_string(
            catalog.odcs(spec, "1", contract.load().tables)
        )
        assert parsed.schema_ and len(parsed.schema_[0].properties or []) == len(spec.columns)


def test_two_runs_at_once_one_leaves_with_a_clear_message(house: House) -> None:
    with (
        home_lock(house.home),
        pytest.raises(HomeBusy, match="another run is at work"),
        home_lock(house.home),
    ):
        pass
