"""Stores that cannot be trusted, or cannot be opened: what is said, and that nothing was written."""

from __future__ import annotations

from pathlib import Path

import pytest

from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.store import object_store as stores
from customer_intel.core.store.mirror import mirror, open_release, writable
from customer_intel.core.store.object_store import S3Store, StoreError
from customer_intel.core.store.release import Release
from customer_intel_tests.unit import s3_server
from customer_intel_tests.unit.bucket import ROOT, URL, content, there
from customer_intel_tests.unit.s3_server import S3


def test_a_store_that_ignores_conditions_is_refused(s3: S3, five_nights: list[Release]) -> None:
    s3.ignores_conditions = True
    with pytest.raises(StoreError, match="ignores If-None-Match or If-Match"):
        mirror(five_nights[0], there(), keep=3)
    assert not [key for key in s3.objects if "snapshots/" in key]


@pytest.mark.parametrize("url", ["memory://releases", "gs://bucket/x"])
def test_a_store_without_compare_and_swap_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"no compare-and-swap|needs? another package"):
        writable(url)


def test_a_release_copied_to_a_plain_store_can_be_read_there(
    tmp_path: Path, five_nights: list[Release]
) -> None:
    import fsspec

    mirror(five_nights[0], writable(f"file://{tmp_path}"), keep=3)
    memory = fsspec.filesystem("memory")
    memory.put(f"{tmp_path}/", "/copied/", recursive=True)
    assert content("memory://copied") == {"snapshot_id": "s0", "orders": 4}
    memory.rm("/copied", recursive=True)


def test_a_manifest_that_is_not_the_pointers_is_not_read(
    s3: S3, five_nights: list[Release]
) -> None:
    mirror(five_nights[0], there(), keep=3)
    s3.put(f"{ROOT}snapshots/s0/manifest.json", b"{}")
    with pytest.raises(StoreError, match="is not the manifest that"):
        open_release(URL)


def test_messages_hold_no_credentials(
    s3: S3, five_nights: list[Release], monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.denies = True
    with pytest.raises(
        StoreError, match="access denied; look at the credentials in the environment"
    ) as denied:
        mirror(five_nights[0], there(), keep=3)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StoreError, match="cannot be reached") as unreachable:
        mirror(five_nights[0], S3Store(URL), keep=3)
    with pytest.raises(ConfigError, match="carries credentials or options") as inside:
        writable(f"s3://{s3_server.KEY}:{s3_server.SECRET}@bucket/prefix")
    for error in (denied, unreachable, inside):
        assert s3_server.SECRET not in str(error.value) and s3_server.KEY not in str(error.value)
        assert error.value.__cause__ is None


def test_nothing_there_is_said_so(s3: S3) -> None:
    with pytest.raises(FileNotFoundError, match="no release at s3://bucket/some/prefix yet"):
        open_release(URL)


@pytest.mark.slow
def test_another_s3_server_agrees(
    five_nights: list[Release], monkeypatch: pytest.MonkeyPatch
) -> None:
    """moto's: not written by us, so that the tests' own server cannot be wrong in the same way as
    the code.
    """
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        s3_server.point_at(monkeypatch, f"http://{host}:{port}")
        stores.filesystem("s3://bucket").mkdir("bucket")
        assert mirror(five_nights[0], writable(URL), keep=3).is_current
        assert mirror(five_nights[1], writable(URL), keep=3).shared == 2
        assert not mirror(five_nights[0], writable(URL), keep=3).is_current
        place = S3Store(URL)
        assert not place.create("CURRENT.json", b"{}")
        assert not place.swap("CURRENT.json", b"{}", '"0"')
        assert content(place) == {"snapshot_id": "s1", "orders": 4}
    finally:
        server.stop()
