"""Fixtures that tests of object stores share."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from customer_intel.core.store.object_store import FolderStore, S3Store
from customer_intel.core.store.release import Published, Release
from customer_intel_tests.house import House
from customer_intel_tests.unit import s3_server
from customer_intel_tests.unit.bucket import there
from customer_intel_tests.unit.s3_server import S3


@pytest.fixture(scope="session")
def s3_session() -> Iterator[S3]:
    with s3_server.serve() as state:
        yield state


@pytest.fixture
def s3(s3_session: S3, monkeypatch: pytest.MonkeyPatch) -> S3:
    """An empty bucket, and an environment that opens it."""
    server = s3_session
    server.objects.clear()
    server.log.clear()
    server.ahead, server.ignores_conditions, server.denies = timedelta(), False, False
    server.watch = lambda method, key, moment: None
    s3_server.point_at(monkeypatch, server.url)
    return server


@pytest.fixture(scope="session")
def five_nights(tmp_path_factory: pytest.TempPathFactory) -> list[Release]:
    """Five nights of one house; only `total` is new in each, the days of `base` stay as they are."""
    from customer_intel_tests.unit.core.test_release import night

    house = House(tmp_path_factory.mktemp("nights"))
    for number in range(5):
        night(house, date(2024, 1, 3 + number), f"s{number}")
    kept = {release.snapshot_id: release for release in Published(house.home).releases()}
    return [kept[f"s{number}"] for number in range(5)]


@pytest.fixture(params=["s3", "folder"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> S3Store | FolderStore:
    if request.param == "s3":
        request.getfixturevalue("s3")
        return there()
    return FolderStore(f"file://{tmp_path / 'elsewhere'}")
