"""Remote landing zones: only what is new is fetched, whole or not at all, and no name leads out of
the cache.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import fsspec
import pytest

from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.ingest.land import landing_folder as exports
from customer_intel.ingest.land import remote
from customer_intel.ingest.land.remote import Fetched, RemoteError, Sftp, fetch
from customer_intel.orchestration import nights
from customer_intel.settings import Settings
from customer_intel_tests.unit import s3_server
from customer_intel_tests.unit.s3_server import S3
from customer_intel_tests.whole_nights import cli

ORDERS = b"order_id,customer_ref,ordered_at,currency,total\n1,c1,2026-01-02,EUR,5\n"
NAME = "shop/2026-01-03/orders.csv"
MEMORY, BUCKET = "memory://zone", "s3://zone/exports"
LIMIT = 10_000_000


@pytest.fixture
def memory() -> Iterator[Any]:
    store = fsspec.filesystem("memory")
    store.pipe_file(f"/zone/{NAME}", ORDERS)
    yield store
    store.rm("/zone", recursive=True)


@pytest.fixture
def zone(s3: S3) -> S3:
    s3.put(f"zone/exports/{NAME}", ORDERS)
    return s3


def files(cache: Path) -> dict[str, bytes]:
    return {path.relative_to(cache).as_posix(): path.read_bytes() for path in _visible(cache)}


def _visible(cache: Path) -> list[Path]:
    return [
        path for path in sorted(cache.rglob("*")) if path.is_file() and path.name != remote.FETCHED
    ]


def take(url: str, cache: Path) -> Fetched:
    return fetch(url, cache, max_bytes=LIMIT)


# ---- what is fetched
def test_what_lies_there_lies_here_in_a_private_folder(memory: Any, tmp_path: Path) -> None:
    done = take(MEMORY, tmp_path / "cache")
    assert files(tmp_path / "cache") == {NAME: ORDERS}
    assert (done.taken, done.kept, done.removed, done.bytes) == (1, 0, 0, len(ORDERS))
    assert stat.S_IMODE((tmp_path / "cache").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "cache" / NAME).stat().st_mode) == 0o600
    landed = exports.discover(tmp_path / "cache", date(2026, 1, 4))
    assert [(file.source, file.export_date) for file in landed] == [("shop", date(2026, 1, 3))]


def test_only_new_and_changed_objects_are_fetched_again(zone: S3, tmp_path: Path) -> None:
    zone.put("zone/exports/shop/2026-01-03/contacts.csv", b"contact_id\n1\n")
    assert take(BUCKET, tmp_path / "c").taken == 2
    zone.log.clear()
    assert take(BUCKET, tmp_path / "c") == Fetched(0, 2, 0, 0, ())
    assert not [key for method, key in zone.log if method == "GET" and key.endswith(".csv")]
    zone.put(f"zone/exports/{NAME}", ORDERS.replace(b"5", b"6"))
    zone.put("zone/exports/crm/2026-01-04/contacts.csv", b"contact_id\n2\n")
    done = take(BUCKET, tmp_path / "c")
    assert (done.taken, done.kept) == (2, 1)
    assert files(tmp_path / "c")[NAME] == ORDERS.replace(b"5", b"6"), "same size, another tag"


def test_a_file_that_went_away_there_goes_away_here(memory: Any, tmp_path: Path) -> None:
    memory.pipe_file("/zone/crm/2026-01-02/contacts.csv", b"contact_id\n1\n")
    take(MEMORY, tmp_path / "c")
    memory.rm("/zone/crm", recursive=True)
    assert take(MEMORY, tmp_path / "c").removed == 1
    assert files(tmp_path / "c") == {NAME: ORDERS}
    assert not (tmp_path / "c" / "crm").exists()


def test_a_zone_that_suddenly_names_nothing_is_an_error_and_the_cache_stays(
    zone: S3, tmp_path: Path
) -> None:
    take(BUCKET, tmp_path / "c")
    zone.objects.clear()
    with pytest.raises(RemoteError, match="names no file, but 1 were fetched from there before"):
        take(BUCKET, tmp_path / "c")
    assert files(tmp_path / "c") == {NAME: ORDERS}


def test_a_cached_file_that_was_harmed_is_fetched_again(memory: Any, tmp_path: Path) -> None:
    take(MEMORY, tmp_path / "c")
    (tmp_path / "c" / NAME).write_bytes(b"cut")
    assert take(MEMORY, tmp_path / "c").taken == 1
    assert files(tmp_path / "c") == {NAME: ORDERS}


def test_another_address_begins_anew(memory: Any, tmp_path: Path) -> None:
    take(MEMORY, tmp_path / "c")
    memory.pipe_file("/zone/deep/crm/2026-01-02/contacts.csv", b"contact_id\n1\n")
    take(f"{MEMORY}/deep", tmp_path / "c")
    assert list(files(tmp_path / "c")) == ["crm/2026-01-02/contacts.csv"]


# ---- files that are not whole
def test_names_of_unfinished_uploads_are_left_where_they_are_and_told(
    memory: Any, tmp_path: Path
) -> None:
    memory.pipe_file(f"/zone/{NAME}.filepart", b"half")
    memory.pipe_file("/zone/shop/2026-01-03/.hidden", b"x")
    assert take(MEMORY, tmp_path / "c").unfinished == (f"{NAME}.filepart",)
    assert files(tmp_path / "c") == {NAME: ORDERS}


def test_a_file_that_changes_while_it_is_fetched_is_fetched_anew(zone: S3, tmp_path: Path) -> None:
    later = ORDERS + b"2,c2,2026-01-02,EUR,7\n"

    def grow(method: str, key: str, moment: str) -> None:
        if method == "GET" and key.endswith("orders.csv") and moment == "before":
            zone.put(key, later)

    zone.watch = grow
    assert take(BUCKET, tmp_path / "c").taken == 1
    assert files(tmp_path / "c") == {NAME: later}


def test_a_file_that_goes_on_changing_stops_the_fetch_and_nothing_half_is_left(
    zone: S3, tmp_path: Path
) -> None:
    def grow(method: str, key: str, moment: str) -> None:
        if method == "GET" and key.endswith("orders.csv") and moment == "before":
            zone.put(key, zone.objects[key].data + b"2,c2,2026-01-02,EUR,7\n")

    zone.watch = grow
    with pytest.raises(
        RemoteError,
        match=r"orders.csv changed each time it was fetched .*run again when it is complete",
    ):
        take(BUCKET, tmp_path / "c")
    assert files(tmp_path / "c") == {}


def test_a_file_that_vanishes_between_listing_and_fetching_is_not_missed(
    zone: S3, tmp_path: Path
) -> None:
    zone.put("zone/exports/shop/2026-01-03/renamed.csv", b"x\n")

    def vanish(method: str, key: str, moment: str) -> None:
        if key.endswith("renamed.csv") and moment == "before":
            zone.objects.pop(key, None)

    zone.watch = vanish
    assert take(BUCKET, tmp_path / "c").taken == 1
    assert files(tmp_path / "c") == {NAME: ORDERS}


def test_a_fetch_that_was_cut_off_leaves_whole_files_and_the_next_completes(
    zone: S3, tmp_path: Path
) -> None:
    zone.put("zone/exports/shop/2026-01-03/second.csv", b"x\n1\n")

    def cut(method: str, key: str, moment: str) -> None:
        if key.endswith("second.csv"):
            raise ConnectionAbortedError

    zone.watch = cut
    with pytest.raises(
        RemoteError, match=r"fetching shop/2026-01-03/second.csv failed: .*run again"
    ):
        take(BUCKET, tmp_path / "c")
    assert files(tmp_path / "c") == {NAME: ORDERS}
    zone.watch = lambda method, key, moment: None
    done = take(BUCKET, tmp_path / "c")
    assert (done.taken, done.kept) == (1, 1)


# ---- hostile zones
@pytest.mark.parametrize(
    "name",
    ["shop/../../escape.csv", "../escape.csv", "/etc/escape.csv", "shop//escape.csv", "shop\\..\\escape.csv",
     "shop/./escape.csv", "shop/line\nend.csv", "shop/" + "x" * 300],
)  # fmt: skip
def test_no_name_leads_out_of_the_cache(name: str, zone: S3, tmp_path: Path) -> None:
    zone.put(f"zone/exports/{name}", b"bad")
    with pytest.raises(
        RemoteError, match="is no plain relative path; rename or remove that object"
    ):
        take(BUCKET, tmp_path / "cache")
    assert not list(tmp_path.rglob("*escape*")) and not files(tmp_path / "cache")


def test_a_link_in_the_cache_is_not_followed(memory: Any, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "shop").symlink_to(outside, target_is_directory=True)
    take(MEMORY, tmp_path / "cache")
    assert not list(outside.iterdir())
    (tmp_path / "link").symlink_to(outside, target_is_directory=True)
    with pytest.raises(RemoteError, match="is no folder of its own"):
        take(MEMORY, tmp_path / "link")


def test_more_than_the_limit_is_refused_before_anything_is_fetched(
    memory: Any, tmp_path: Path
) -> None:
    with pytest.raises(RemoteError, match="more than CUSTOMER_INTEL_LANDING_MAX_BYTES 20"):
        fetch(MEMORY, tmp_path / "c", max_bytes=20)
    assert not files(tmp_path / "c")


def test_a_file_and_a_folder_of_one_name_are_refused(zone: S3, tmp_path: Path) -> None:
    zone.put("zone/exports/shop", b"x")
    with pytest.raises(RemoteError, match="shop is a file and a folder of"):
        take(BUCKET, tmp_path / "c")


def test_messages_hold_no_credentials(
    zone: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone.denies = True
    with pytest.raises(RemoteError, match="access denied") as denied:
        take(BUCKET, tmp_path / "c")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(RemoteError, match="no credentials in the environment") as none:
        take(BUCKET, tmp_path / "c")
    with pytest.raises(ConfigError, match="carries credentials or options") as inside:
        take("sftp://me:hunter2@host/x", tmp_path / "c")
    for error in (denied, none, inside):
        said = str(error.value)
        assert not [word for word in (s3_server.KEY, s3_server.SECRET, "hunter2") if word in said]
        assert error.value.__cause__ is None


def test_an_address_of_no_known_kind_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a kind of address"):
        take("floppy://a/b", tmp_path / "c")


# ---- SFTP
@pytest.fixture
def sftp(tmp_path: Path) -> Iterator[Any]:
    from customer_intel_tests.unit import sftp_server

    zone = tmp_path / "server"
    (zone / NAME).parent.mkdir(parents=True)
    (zone / NAME).write_bytes(ORDERS)
    with sftp_server.serve(zone, tmp_path / "known_hosts") as server:
        yield server


def test_an_sftp_zone_is_fetched_and_fetched_again_only_where_it_changed(
    sftp: Any, tmp_path: Path
) -> None:
    options = Sftp(password=sftp.password, known_hosts=sftp.known_hosts)
    assert fetch(sftp.url, tmp_path / "c", max_bytes=LIMIT, sftp=options).taken == 1
    assert fetch(sftp.url, tmp_path / "c", max_bytes=LIMIT, sftp=options) == Fetched(0, 1, 0, 0, ())
    (sftp.zone / NAME).write_bytes(ORDERS + b"2,c2,2026-01-02,EUR,7\n")
    assert fetch(sftp.url, tmp_path / "c", max_bytes=LIMIT, sftp=options).taken == 1
    assert files(tmp_path / "c")[NAME].endswith(b"EUR,7\n")


def test_an_sftp_server_that_known_hosts_does_not_name_gets_no_password(
    sftp: Any, tmp_path: Path
) -> None:
    (tmp_path / "nobody").write_text("")
    with pytest.raises(RemoteError, match="host key is not the one in known_hosts"):
        fetch(
            sftp.url,
            tmp_path / "c",
            max_bytes=LIMIT,
            sftp=Sftp(sftp.password, None, tmp_path / "nobody"),
        )
    assert not sftp.passwords


def test_a_wrong_sftp_password_is_said_without_it(sftp: Any, tmp_path: Path) -> None:
    with pytest.raises(
        RemoteError, match="credentials in the environment were not accepted"
    ) as error:
        fetch(
            sftp.url,
            tmp_path / "c",
            max_bytes=LIMIT,
            sftp=Sftp("wrong-word", None, sftp.known_hosts),
        )
    assert "wrong-word" not in str(error.value) and "exporter" not in str(error.value)


# ---- settings and commands
def test_a_landing_address_makes_the_cache_the_landing_folder(memory: Any, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, landing=MEMORY)
    assert settings.landing_dir == tmp_path.resolve() / "landing-cache"
    nights.fetch_landing(settings)
    assert nights.landed_dates(settings) == [date(2026, 1, 3)]
    assert Settings(home=tmp_path, landing=tmp_path / "x").landing_url is None
    assert Settings(home=tmp_path).landing_dir == tmp_path.resolve() / "landing"


def test_the_command_says_why_a_zone_cannot_be_fetched_and_runs_no_night(
    zone: S3, tmp_path: Path
) -> None:
    zone.denies = True
    failed = cli("run", "--home", tmp_path / "home", "--landing", BUCKET)
    assert failed.code == 1 and "access denied" in failed.text and "Night of" not in failed.text
    wrong = cli("run", "--home", tmp_path / "home", "--landing", "floppy://a/b")
    assert wrong.code == 3 and "not a kind of address" in wrong.text
