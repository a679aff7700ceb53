"""Releases on object storage: one winner, no mixed read, nothing sent twice, and a dead publisher
harms nobody.
"""

from __future__ import annotations

import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import customer_intel
from customer_intel.core.store import mirror as objects
from customer_intel.core.store.mirror import mirror, open_release, point_at, prune, writable
from customer_intel.core.store.object_store import FolderStore, S3Store, StoreError
from customer_intel.core.store.release import Release
from customer_intel_tests.house import SQL
from customer_intel_tests.unit.bucket import ROOT, URL, content, there
from customer_intel_tests.unit.core.test_release import night
from customer_intel_tests.unit.s3_server import S3

DAY = date(2024, 1, 3)


class Crash(BaseException):
    """The process is gone: nothing that catches errors may catch it."""


# ---- what is there afterwards
def test_a_mirrored_release_reads_as_the_local_one(
    place: S3Store | FolderStore, five_nights: list[Release]
) -> None:
    done = mirror(five_nights[0], place, keep=3)
    assert done.is_current and done.sent == 4
    there = customer_intel.open_release(place.url)
    assert isinstance(there, objects.RemoteRelease)
    assert (there.snapshot_id, there.as_of) == ("s0", "2024-01-03")
    assert content(place.url) == {"snapshot_id": "s0", "orders": 4}
    assert [entry["name"] for entry in there.manifest["documents"]] == ["dictionary.md"]
    assert there.manifest["tables"]["total"]["gate"]["passed"]


def test_unchanged_days_are_named_where_they_lie_and_not_sent_again(
    place: S3Store | FolderStore, five_nights: list[Release]
) -> None:
    mirror(five_nights[0], place, keep=3)
    done = mirror(five_nights[1], place, keep=3)
    assert (done.sent, done.shared) == (2, 2), (
        "the whole table and the dictionary are sent, the two days are not"
    )
    assert {Path(file).parts[-3] for file in open_release(place.url).files("base")} == {"s0"}
    assert content(place.url) == {"snapshot_id": "s1", "orders": 4}


def test_the_same_release_again_sends_nothing(s3: S3, five_nights: list[Release]) -> None:
    mirror(five_nights[0], there(), keep=3)
    s3.log.clear()
    done = mirror(five_nights[0], there(), keep=3)
    assert done.is_current and not done.sent
    assert {key.removeprefix(ROOT) for key in s3.written()} == {".conditions"}


def test_an_older_night_is_kept_there_but_never_moves_the_pointer_back(
    place: S3Store | FolderStore, five_nights: list[Release]
) -> None:
    mirror(five_nights[2], place, keep=3)
    assert not mirror(five_nights[1], place, keep=3).is_current
    assert content(place.url)["snapshot_id"] == "s2"
    assert "snapshots/s1/manifest.json" in place.list("snapshots/")


def test_a_rollback_points_back_and_the_next_night_goes_on(
    place: S3Store | FolderStore, five_nights: list[Release]
) -> None:
    mirror(five_nights[0], place, keep=3)
    mirror(five_nights[1], place, keep=3)
    assert point_at(place, "s0", back=True)
    assert content(place.url)["snapshot_id"] == "s0"
    with pytest.raises(StoreError, match="no release s9 is kept there"):
        point_at(place, "s9", back=True)
    mirror(five_nights[2], place, keep=3)
    assert content(place.url)["snapshot_id"] == "s2"


def test_engines_read_the_addresses(s3: S3, five_nights: list[Release]) -> None:
    import duckdb
    import pandas as pd
    import pyarrow.dataset as ds

    mirror(five_nights[0], there(), keep=3)
    release = open_release(URL)
    files = release.files("base")
    con = duckdb.connect()
    con.register_filesystem(release.filesystem)
    assert con.read_parquet(files).count("*").fetchall() == [(3,)]
    assert pl.read_parquet(files, storage_options={"aws_allow_http": "true"}).height == 3
    bare = [file.removeprefix("s3://") for file in files]
    assert ds.dataset(bare, filesystem=release.filesystem).to_table().num_rows == 3
    assert len(pd.concat(map(pd.read_parquet, files))) == 3


# ---- pruning
def test_pruning_keeps_current_previous_newest_and_the_day_old(
    s3: S3, five_nights: list[Release]
) -> None:
    place = there()
    for release in five_nights[:4]:
        mirror(release, place, keep=2)
    kept = {key.split("/")[1] for key in place.list("snapshots/")}
    assert kept == {"s0", "s1", "s2", "s3"}, "each was followed less than a day ago"
    s3.ahead = timedelta(hours=23)
    assert prune(place, keep=2) == 0
    s3.ahead = timedelta(hours=25)
    assert prune(place, keep=2) == 6, (
        "manifest, table and dictionary of s0 and s1, not the two days"
    )
    left = set(place.list("snapshots/"))
    assert {key for key in left if key.endswith("manifest.json")} == {
        "snapshots/s2/manifest.json",
        "snapshots/s3/manifest.json",
    }
    assert sum(key.startswith("snapshots/s0/base/") for key in left) == 2, (
        "the days that later releases name stay"
    )
    assert content(there()) == {"snapshot_id": "s3", "orders": 4}


def test_pruning_spares_the_release_that_was_current_before_a_rollback(
    s3: S3, five_nights: list[Release]
) -> None:
    place = there()
    for release in five_nights[:4]:
        mirror(release, place, keep=2)
    point_at(place, "s0", back=True)
    s3.ahead = timedelta(days=3)
    prune(place, keep=2)
    manifests = {
        key.split("/")[1] for key in place.list("snapshots/") if key.endswith("manifest.json")
    }
    assert manifests == {"s0", "s2", "s3"}
    assert content(there())["snapshot_id"] == "s0"


# ---- publishers against each other
@pytest.mark.parametrize(
    ("kind", "races"),
    [
        ("folder", 12),
        pytest.param("s3", 24, marks=pytest.mark.slow),
    ],
)
def test_of_two_publishers_one_wins_each_race_and_no_reader_sees_a_mixture(
    kind: str,
    races: int,
    five_nights: list[Release],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    server = request.getfixturevalue("s3") if kind == "s3" else None
    url = URL if server else f"file://{tmp_path / 'race'}"
    places = [writable(url) for _ in range(3)]
    reads = 0
    for _ in range(races):
        if server:
            server.objects.clear()
        shutil.rmtree(tmp_path / "race", ignore_errors=True)
        mirror(five_nights[0], places[0], keep=3)
        with ThreadPoolExecutor(3) as pool:
            start, done = threading.Barrier(3), threading.Event()
            reader = pool.submit(_read_on, places[2], start, done)
            results = [
                pool.submit(_publish_at, release, place, start)
                for release, place in zip(five_nights[1:3], places[:2], strict=True)
            ]
            won = [result.result() for result in results]
            done.set()
            seen = reader.result()
        assert won[1], "the later date always becomes current"
        assert content(places[2]) == {"snapshot_id": "s2", "orders": 4}
        assert seen == sorted(seen), "a reader never goes back in time"
        reads += len(seen)
    assert reads >= races


def _publish_at(release: Release, place: S3Store | FolderStore, start: threading.Barrier) -> bool:
    start.wait()
    return mirror(release, place, keep=3).is_current


def _read_on(
    place: S3Store | FolderStore, start: threading.Barrier, done: threading.Event
) -> list[str]:
    start.wait()
    seen = [content(place)["snapshot_id"]]
    while not done.is_set():
        seen.append(content(place)["snapshot_id"])
    return seen


def test_of_two_publishers_of_one_date_the_first_to_arrive_stays(
    s3: S3, five_nights: list[Release], make_house: Any
) -> None:
    """Both read the pointer of the night before; the other's swap comes in between."""
    other = make_house("other")
    other.write(
        "room/base.sql",
        SQL["base"].replace("('a', DATE '2024-01-01', 1", "('a', DATE '2024-01-01', 5"),
    )
    rival = night(other, date(2024, 1, 4), "rival")
    mirror(five_nights[0], there(), keep=3)

    def between(method: str, key: str, moment: str) -> None:
        if (method, key, moment) == ("PUT", f"{ROOT}CURRENT.json", "before"):
            s3.watch = lambda method, key, moment: None
            mirror(rival, there(), keep=3)

    s3.watch = between
    assert not mirror(five_nights[1], there(), keep=3).is_current, (
        "If-Match met another tag, and the date is no later"
    )
    assert content(there()) == {"snapshot_id": "rival", "orders": 8}


def test_a_pointer_that_was_overtaken_by_an_older_date_is_swapped_again(
    s3: S3, five_nights: list[Release]
) -> None:
    mirror(five_nights[0], there(), keep=3)

    def between(method: str, key: str, moment: str) -> None:
        if (method, key, moment) == ("PUT", f"{ROOT}CURRENT.json", "before"):
            s3.watch = lambda method, key, moment: None
            mirror(five_nights[1], there(), keep=3)

    s3.watch = between
    assert mirror(five_nights[2], there(), keep=3).is_current
    assert content(there())["snapshot_id"] == "s2"
    assert json.loads(there().read("CURRENT.json")[0])["previous"] == "s1"


def test_one_id_with_two_contents_is_refused(
    s3: S3, five_nights: list[Release], make_house: Any
) -> None:
    mirror(five_nights[0], there(), keep=3)
    other = make_house("other")
    other.write(
        "room/base.sql",
        SQL["base"].replace("('a', DATE '2024-01-01', 1", "('a', DATE '2024-01-01', 5"),
    )
    with pytest.raises(StoreError, match=r"snapshots/s0/ holds other content"):
        mirror(night(other, DAY, "s0"), there(), keep=3)
    assert content(there()) == {"snapshot_id": "s0", "orders": 4}


# ---- a publisher that dies
@pytest.mark.parametrize(
    ("place", "every"),
    [("folder", 1), *(pytest.param("s3", every, marks=pytest.mark.slow) for every in (9, 1))],
    indirect=["place"],
)
def test_killed_between_any_two_calls_readers_see_a_whole_release_and_the_next_run_completes(
    place: S3Store | FolderStore,
    every: int,
    five_nights: list[Release],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for step in range(0, 60, every):
        place.delete([*place.list("snapshots/"), "CURRENT.json"])
        mirror(five_nights[0], place, keep=3)
        with monkeypatch.context() as patch:
            left, sent = _mortal(place, patch, step), _sent(place, patch)
            try:
                mirror(five_nights[1], place, keep=3)
            except Crash:
                patch.undo()
                assert content(place)["snapshot_id"] in ("s0", "s1")
                with monkeypatch.context() as again:
                    sent = _sent(place, again)
                    assert mirror(five_nights[1], place, keep=3).is_current
        assert content(place) == {"snapshot_id": "s1", "orders": 4}
        assert not [key for key in sent if "/base/" in key], (
            "unchanged days are never sent, however the publisher died"
        )
        if left[0] > 0:
            assert step >= 14, "every call was a place to die at"
            return
    pytest.fail("mirroring never came to its end")


def _mortal(place: S3Store | FolderStore, patch: pytest.MonkeyPatch, calls: int) -> list[int]:
    """Has the publisher die at the call after `calls` others; files are sent one by one, to die
    between them too.
    """
    left = [calls]

    def mortal(call: Any) -> Any:
        def wrapped(*arguments: Any) -> Any:
            if left[0] == 0:
                raise Crash
            left[0] -= 1
            return call(*arguments)

        return wrapped

    put = mortal(place.put)
    for name in ("create", "swap", "delete", "list", "read", "now"):
        patch.setattr(place, name, mortal(getattr(place, name)))
    patch.setattr(
        place, "put", lambda files: [put({key: path}) for key, path in sorted(files.items())]
    )
    return left


def _sent(place: S3Store | FolderStore, patch: pytest.MonkeyPatch) -> list[str]:
    sent: list[str] = []
    put = place.put
    patch.setattr(place, "put", lambda files: (sent.extend(files), put(files)))
    return sent


@pytest.mark.parametrize("key", ["snapshots/s1/manifest.json", "CURRENT.json"])
def test_a_write_whose_answer_is_lost_is_known_for_ones_own(
    s3: S3, five_nights: list[Release], key: str
) -> None:
    """The client sends it again, and the condition fails on what it wrote itself."""
    mirror(five_nights[0], there(), keep=3)

    def lose(method: str, name: str, moment: str) -> None:
        if (method, name, moment) == ("PUT", ROOT + key, "after"):
            s3.watch = lambda method, key, moment: None
            raise ConnectionAbortedError

    s3.watch = lose
    assert mirror(five_nights[1], there(), keep=3).is_current
    assert s3.written().count(ROOT + key) >= 2
    assert content(there()) == {"snapshot_id": "s1", "orders": 4}


@pytest.mark.slow
def test_a_dead_publishers_young_objects_are_taken_over_and_its_old_ones_pruned(
    s3: S3, five_nights: list[Release]
) -> None:
    def die(method: str, key: str, moment: str) -> None:
        if method == "PUT" and key.endswith("manifest.json"):
            raise ConnectionAbortedError

    s3.watch = die
    with pytest.raises(StoreError):
        mirror(five_nights[0], there(), keep=3)
    s3.watch = lambda method, key, moment: None
    s3.log.clear()
    assert mirror(five_nights[0], there(), keep=3).sent == 0
    assert not [key for key in s3.written() if key.endswith(".parquet")]
    s3.objects[f"{ROOT}snapshots/dead/x.parquet"] = s3.put("x", b"half")
    s3.ahead = timedelta(hours=25)
    assert prune(there(), keep=3) == 1
