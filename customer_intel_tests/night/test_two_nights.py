"""Two nights of the demo company, the second first with a bad export: what each leaves behind, byte
for byte.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pytest

from customer_intel import open_release
from customer_intel.core.contract import load as contract
from customer_intel.core.night.day_parts import RECENT_DAYS
from customer_intel.core.night.night import parts_of
from customer_intel.core.store.lake import Lake
from customer_intel.core.store.release import Published, Release
from customer_intel.ingest.land.landing_folder import COUNTS
from customer_intel_tests.whole_nights import (
    BAD_FILE,
    FIRST,
    SECOND,
    Demo,
    Steps,
    accepted,
    bytes_of,
    once,
    published,
)

pytestmark = pytest.mark.nights

BY_DAY = ("events", "activity", "session", "activity_daily")


@pytest.fixture(scope="session")
def lake(demo_nights: Demo) -> Lake:
    return Lake(demo_nights.second)


def changed_parts(home: Path, table: str, before: dict[str, str]) -> set[str]:
    version = Lake(home).current(table)
    assert version
    return {key for key, part in version.parts.items() if before.get(key) != part.sha256}


def parts(home: Path, table: str) -> dict[str, str]:
    version = Lake(home).current(table)
    return {key: part.sha256 for key, part in version.parts.items()} if version else {}


# ---- the night with the bad export
def test_a_bad_export_ends_the_night_with_exit_4_and_says_what_where_and_why(
    demo_nights: Demo,
) -> None:
    ran = demo_nights.poisoned
    assert ran.code == ran.summary["exit_code"] == 4
    assert (ran.summary["failures"], ran.summary["skipped"]) == ({}, [])
    (held,) = [row for row in ran.summary["sources"]["states"] if row["state"] == "held"]
    assert (held["source_system"], held["stale_since"]) == ("shopify", str(SECOND))
    assert {"order_fact", "customer_profile"} <= set(held["tables"])
    (said,) = [row for row in ran.summary["sources"]["found"] if row["check_name"] == "refused"]
    for word in (
        BAD_FILE,
        "column Total",
        "lacks column 'Total'",
        "mapping 'shopify_orders'",
        "did you mean",
    ):
        assert word in said["message"]


def test_the_night_with_the_bad_export_reads_its_source_as_the_night_before(
    demo_nights: Demo,
) -> None:
    mended, held, first = Published(demo_nights.second).releases()

    def orders(release: Release, is_shopify: bool) -> pl.DataFrame:
        rows = pl.read_parquet(release.files("order_fact"), hive_partitioning=False)
        own = rows.filter((pl.col("source_system") == "shopify") == is_shopify)
        return own.select("order_key", "gross_amount", "ordered_at").sort("order_key")

    assert orders(held, True).equals(orders(first, True))
    assert len(orders(mended, True)) > len(orders(held, True)) > 0
    assert orders(held, False).equals(orders(mended, False))
    tickets = [len(pl.read_parquet(one.files("ticket_fact"))) for one in (held, mended)]
    assert tickets[0] == tickets[1]


def test_once_the_export_is_mended_the_next_night_publishes(demo_nights: Demo) -> None:
    summary = demo_nights.mended.summary
    assert (demo_nights.mended.code, summary["failures"], summary["skipped"]) == (0, {}, [])
    assert summary["as_of"] == str(SECOND) and set(summary["tables"]) == set(contract.load().tables)
    assert set(summary["seconds_by_phase"]) == {
        "compute",
        "gate",
        "accept",
        "imports_and_orchestration",
    }
    assert not [row for row in summary["sources"]["states"] if row["state"] != "current"]
    releases = Published(demo_nights.second).releases()
    assert [(release.as_of, release.is_current) for release in releases] == [
        (str(SECOND), True),
        (str(SECOND), False),
        (str(FIRST), False),
    ]


# ---- the release
def test_the_manifest_tells_of_every_file_what_it_is(demo_nights: Demo) -> None:
    release = open_release(demo_nights.second)
    manifest = release.manifest
    assert (manifest["as_of"], manifest["snapshot_id"]) == (str(SECOND), release.snapshot_id)
    assert manifest["run_id"] == demo_nights.mended.summary["run_id"]
    assert set(manifest["tables"]) == set(published())
    on_disk = {str(path.relative_to(release.folder)) for path in release.folder.rglob("*.parquet")}
    assert on_disk == {
        file["path"] for entry in manifest["tables"].values() for file in entry["files"]
    }
    for name, entry in manifest["tables"].items():
        assert (
            entry["gate"]["passed"]
            and entry["sha256"] == demo_nights.mended.summary["tables"][name]["sha256"]
        )
        assert entry["rows"] == sum(file["rows"] for file in entry["files"])
        assert (entry["status"] == "not_available") == bool(entry["reason"])
        for file in entry["files"]:
            data = (release.folder / file["path"]).read_bytes()
            assert (hashlib.sha256(data).hexdigest(), len(data)) == (file["sha256"], file["bytes"])
    contracts = {path.name for path in (release.folder / "contracts").iterdir()}
    assert contracts == {f"{name}.odcs.yaml" for name in published()}
    for document in ("dictionary.md", "report.html", "customer_intel.duckdb"):
        assert (release.folder / document).stat().st_size > 1000


def test_one_release_reads_the_same_with_every_reader(demo_nights: Demo) -> None:
    release = open_release(demo_nights.second)
    files = release.files("customer_profile")
    polars, pandas = pl.read_parquet(files), pd.read_parquet(files[0])
    with duckdb.connect(str(release.folder / "customer_intel.duckdb"), read_only=True) as con:
        names = {
            row[0]
            for row in con.execute(
                "SELECT view_name FROM duckdb_views() WHERE NOT internal"
            ).fetchall()
        }
        viewed = con.execute(
            "SELECT customer_id, lifecycle_stage FROM customer_profile ORDER BY 1"
        ).fetchall()
        days = con.execute("SELECT count(*), count(DISTINCT day) FROM activity").fetchall()[0]
    assert names == set(published())
    assert viewed == polars.select("customer_id", "lifecycle_stage").rows()
    assert viewed == list(
        pandas[["customer_id", "lifecycle_stage"]].itertuples(index=False, name=None)
    )
    assert (
        RECENT_DAYS < len(release.files("activity")) < days[1]
        and pl.read_parquet(release.files("activity")).height == days[0]
    )
    assert polars["snapshot_id"].unique().to_list() == [release.snapshot_id]
    assert (demo_nights.second / "published/current").resolve() == release.folder.resolve()


def test_open_release_says_what_to_do_when_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="run a night first"):
        open_release(tmp_path)


# ---- nothing is lost
def rows_in(path: Path) -> int:
    """The file's rows, counted with nothing of the reader's."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("latin-1")
    if ".json" in path.name:  # a record a line
        return sum(1 for line in text.splitlines() if line.strip())
    delimiter = ";" if path.name.startswith("loyalty") else ","
    return (
        sum(1 for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row) - 1
    )


def test_every_row_of_every_file_is_accounted_for(demo_nights: Demo, lake: Lake) -> None:
    ledger = pl.read_parquet(lake.files("export_file"))
    landing = demo_nights.second / "landing"
    landed = {str(path.relative_to(landing)) for path in landing.rglob("*") if path.is_file()}
    assert set(ledger["source_file"]) == landed and set(ledger["status"]) <= {
        "accepted",
        "same_content",
    }
    whole = {
        row["sha256"] for row in ledger.filter(pl.col("status") == "accepted").iter_rows(named=True)
    }
    for row in ledger.iter_rows(named=True):
        if row["status"] == "same_content":
            assert row["sha256"] in whole and not any(row[name] for name in COUNTS), row
            continue
        read, taken, quarantined, duplicate, skipped, written = (row[name] for name in COUNTS)
        assert (
            read
            == taken + quarantined + duplicate + skipped
            == rows_in(landing / row["source_file"])
        ), row
        assert (
            row["sha256"] == hashlib.sha256((landing / row["source_file"]).read_bytes()).hexdigest()
        )
        version = lake.current(f"raw_{row['entity']}")
        assert version
        part = version.parts[f"{row['export_date']}/{row['mapping']}/{row['source_file']}"]
        assert part.rows == written <= taken


def test_quarantine_holds_what_could_not_be_taken_with_the_reason(
    demo_nights: Demo, lake: Lake
) -> None:
    ledger = pl.read_parquet(lake.files("export_file"))
    kept = pl.concat(
        pl.read_parquet(path) for path in (demo_nights.second / "quarantine").rglob("*.parquet")
    )
    lost = (
        kept.group_by("entity", "source_file")
        .agg(n=pl.struct("source_row").n_unique())
        .sort("entity", "source_file")
    )
    expected = ledger.filter(pl.col("rows_quarantined") > 0).sort("entity", "source_file")
    assert lost["n"].to_list() == expected["rows_quarantined"].to_list() and len(lost) > 3
    assert lost["source_file"].to_list() == expected["source_file"].to_list()
    for column in ("source_row", "column", "reason", "raw_line"):
        assert kept[column].null_count() == 0
    assert all(
        (path.stat().st_mode & 0o077) == 0
        for path in (demo_nights.second / "quarantine").rglob("*.parquet")
    )


# ---- only what is new is written
def days_of(files: Iterator[Path]) -> set[str]:
    """The event days in segment exports, read as plain JSON."""
    lines = (
        line for path in files for line in gzip.decompress(path.read_bytes()).decode().splitlines()
    )
    stamps = (json.loads(line).get("timestamp", "") for line in lines)
    return {stamp[:10] for stamp in stamps if stamp[:4].isdigit()}


def test_a_second_night_writes_only_the_days_that_its_exports_touch(demo_nights: Demo) -> None:
    new = demo_nights.second / "landing"
    touched = days_of(new.glob(f"segment/{SECOND}/*"))
    # One of the demo's faults: an event dated years ahead, which reaches events but no later table.
    future = {day for day in touched if day > str(SECOND)}
    assert touched - future == {str(FIRST)} and len(future) == 1
    for table in BY_DAY:
        before = parts(demo_nights.first, table)
        written = changed_parts(demo_nights.second, table, before)
        assert written == touched - (set() if table == "events" else future), table
        assert len(before) > RECENT_DAYS and set(before) <= set(parts(demo_nights.second, table))
    for name, said in demo_nights.mended.summary["tables"].items():
        if contract.load().table(name).layout == "by_day":
            assert said["parts_written"] <= len(touched)


def test_an_untouched_day_is_one_file_in_both_releases(demo_nights: Demo) -> None:
    now, _, before = Published(demo_nights.second).releases()
    for table in ("activity", "session", "activity_daily"):
        days = {Path(file).name for file in before.files(table)}
        same = {
            day
            for day in days
            if (now.folder / table / day).stat().st_ino
            == (before.folder / table / day).stat().st_ino
        }
        assert days - same == {f"{FIRST}.parquet"} & days and len(same) > RECENT_DAYS


def test_a_late_event_rewrites_its_own_day_too(demo_nights: Demo, tmp_path: Path) -> None:
    home = demo_nights.copy(demo_nights.first, tmp_path / "home")
    late = "2026-06-19"
    export = next((home / "landing").glob(f"segment/{SECOND}/*"))
    lines = gzip.decompress(export.read_bytes()).decode().splitlines()
    lines.append(
        next(line for line in lines if f'"timestamp":"{FIRST}' in line).replace(str(FIRST), late)
    )
    lines[-1] = json.dumps({**json.loads(lines[-1]), "messageId": "late-1"})
    export.write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))
    before = {table: parts(home, table) for table in BY_DAY}
    outcomes = Steps(home, SECOND).build(["raw_events", *BY_DAY])
    for table in BY_DAY:
        # The late event's own day lies in the last 45 days: it is a file.
        expected = {str(FIRST), late} | (days_of(iter([export])) if table == "events" else set())
        assert (
            changed_parts(home, table, before[table]) == expected == set(outcomes[table].written)
        ), table


# ---- the same inputs, the same bytes
# What a company seen on the second night only cannot know: when each id was given, and the first
# night's profiles.
# A customer's id says on which night it was born, and a session's id of whose it is.
NOT_KNOWN = {
    "record_customer_map": ["valid_from"],
    "customer_id_registry": ["born_as_of", "birth_record_key"],
    "customer_id_event": [
        "customer_id_event_id",
        "customer_id",
        "event_type",
        "occurred_on",
        "n_records",
    ],
    "party_value": ["valid_from"],
    "record_confidence": ["confidence"],
    "customer_profile": ["identity_confidence", "born_as_of"],
    "account": ["born_as_of"],
    "household": ["born_as_of"],
    "activity": ["session_id"],
    "session": ["session_id"],
}


@pytest.fixture(scope="session")
def caught_up(demo_nights: Demo) -> Path:
    """A home that missed the first night: one run takes both dates' exports."""
    home = demo_nights.second.parent / "caught_up"

    def make() -> str:
        steps = Steps(home, SECOND, demo_nights.second / "landing")
        assert all(outcome.passed for outcome in steps.build().values())
        return steps.publish().snapshot_id

    once(home.parent / "caught_up.txt", make)
    return home


# Ids that, like a customer's, come from the night on which they were born: table, what has one, the
# id.
IDS_BY_NIGHT = (
    ("account_map", "account_ref", "account_key"),
    ("customer_household", "customer_id", "household_id"),
)


def rows(home: Path, table: str, names: dict[str, str]) -> pl.DataFrame:
    """The table's rows in a fixed order, customers renamed, without what one night cannot know."""
    frame = pl.concat(pl.read_parquet(file) for file in Lake(home).files(table))
    frame = frame.drop("snapshot_id", *NOT_KNOWN.get(table, []), strict=False)
    if table == "nps_summary":
        # Who was in which segment on a past day is known from the nights before; the p-values of
        # a wave's segments are adjusted together.
        frame = frame.filter(pl.col("segment_type") != "rfm_segment").drop("p_adj", "significant")
    if table in ("metric_row", "metric_daily"):
        frame = frame.filter(pl.col("dimension") != "rfm_segment")
    frame = frame.with_columns(pl.col(pl.String).replace(names))
    return frame.sort(pl.all())


@pytest.mark.slow
def test_a_missed_night_is_caught_up_to_the_same_tables(demo_nights: Demo, caught_up: Path) -> None:
    both, once = accepted(demo_nights.second), accepted(caught_up)
    assert set(both) == set(once)
    different = {name for name in both if both[name] != once[name]}
    # What a refused export left behind: what it said, and when its source waited and was let go.
    assert {name for name in different if contract.load().table(name).room == "ingest"} <= {
        "source_state",
        "raw_order_lines",
    }
    states = [
        pl.read_parquet(Lake(home).files("source_state")).drop(
            "waited_since", "released_on", "good_runs"
        )
        for home in (demo_nights.second, caught_up)
    ]
    assert states[0].equals(states[1])
    lines = [
        {
            key: part.sha256
            for key, part in parts_of(Lake(home).current("raw_order_lines")).items()
            if "superseded_on" not in part.facts
        }
        for home in (demo_nights.second, caught_up)
    ]
    assert lines[0] == lines[1] and lines[0]
    different -= {"source_state", "raw_order_lines"}
    today = [
        pl.read_parquet(Lake(home).files("record_customer_map")).filter(
            pl.col("valid_to").is_null()
        )
        for home in (demo_nights.second, caught_up)
    ]
    pairs = (
        today[0]
        .join(today[1], on="record_key", validate="1:1")
        .select("customer_id", "customer_id_right")
        .unique()
    )
    names = dict(pairs.iter_rows())
    for table, reference, own in IDS_BY_NIGHT:
        now = [
            pl.concat(map(pl.read_parquet, Lake(home).files(table))).filter(
                pl.col("valid_to").is_null()
            )
            for home in (demo_nights.second, caught_up)
        ]
        now[0] = now[0].with_columns(pl.col(pl.String).replace(names))
        alike = (
            now[0].join(now[1], on=reference, validate="1:1").select(own, f"{own}_right").unique()
        )
        assert len(now[0]) == len(now[1]) and len(alike) == alike[own].n_unique(), (
            f"{table} differs"
        )
        names |= dict(alike.iter_rows())
    assert len(today[0]) == len(today[1]) and len(pairs) == pairs["customer_id"].n_unique(), (
        "who is who differs"
    )
    # The model is fitted on a home's first night and then stands: what pairs weigh is that night's.
    weighed = {"match_model", "match_edge", "match_conflict", "match_explanation", "match_review"}
    histories = {
        "customer_profile_history",
        "segment_history",
        *weighed,
        *(table for table, _, _ in IDS_BY_NIGHT),
    }
    for name in sorted(different - histories):
        assert rows(demo_nights.second, name, names).equals(rows(caught_up, name, {})), name
    assert open_release(demo_nights.second).snapshot_id == open_release(caught_up).snapshot_id


@pytest.mark.slow
def test_the_same_night_twice_gives_the_same_bytes_and_writes_nothing(
    demo_nights: Demo, caught_up: Path
) -> None:
    before = {name: bytes_of(caught_up / name) for name in ("lake", "published", "quarantine")}
    release = open_release(caught_up)
    steps = Steps(caught_up, SECOND, demo_nights.second / "landing")
    assert steps.night.snapshot_id == release.snapshot_id
    outcomes = steps.build()
    assert {
        name: (o.status, o.written)
        for name, o in outcomes.items()
        if o.written or o.status == "accepted"
    } == {}
    again = steps.publish()
    assert (again.snapshot_id, again.is_current) == (release.snapshot_id, True)
    after: dict[str, Any] = {name: bytes_of(caught_up / name) for name in before}
    assert {name: set(before[name].items()) ^ set(after[name].items()) for name in before} == {
        name: set() for name in before
    }
