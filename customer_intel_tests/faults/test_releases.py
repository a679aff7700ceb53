"""P4 to P8: what stands stays as it was, for every reader, and what does not is found."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from customer_intel import open_release
from customer_intel.core.store.lake import Lake, LakeError
from customer_intel.core.store.release import MANIFEST, Published
from customer_intel_tests.faults import small
from customer_intel_tests.faults.nursery import Nursery
from customer_intel_tests.whole_nights import cli

pytestmark = pytest.mark.nights


@pytest.fixture
def home(fast: Path) -> Path:
    (fast / "home").mkdir()
    return fast / "home"


def aged(home: Path) -> None:
    """Every release becomes older than what pruning spares for its youth."""
    for manifest in (home / "published/snapshots").glob(f"*/{MANIFEST}"):
        os.utime(manifest, (0, 0))


def test_p4_old_releases_keep_their_bytes_for_ten_nights(
    home: Path, figure: Callable[[str], None]
) -> None:
    snapshots, held, compared = home / "published/snapshots", {}, 0
    for n in range(1, 11):
        small.night(home, n)
        now = small.tree(snapshots)
        assert all(now[path] == sha for path, sha in held.items())
        compared += len(held)
        held = now
    figure(f"P4 old releases: 10 nights, {len(held)} files, {compared} comparisons, 0 changed")
    assert len(Published(home).releases()) == 10 and compared > 200


@pytest.mark.parametrize(
    "races", [pytest.param(3, marks=pytest.mark.slow), pytest.param(20, marks=pytest.mark.faults)]
)
def test_p5_of_two_publishers_one_wins_and_both_end_well(
    races: int, home: Path, nursery: Nursery, figure: Callable[[str], None]
) -> None:
    assert nursery.run(small.night, home, 0).ok
    for n in range(1, races + 1):
        assert nursery.run(small.accept_night, home, n).ok
        ended = nursery.together([(small.publish_night, (home, n, run)) for run in ("a", "b")])
        assert [one.ok for one in ended] == [True, True], ended
        assert ended[0].value == ended[1].value and ended[0].value in ("a", "b")
        assert small.whole(home) == n and not small.leftovers(home)
    # Two nights at once: whoever comes last, the later date stays.
    for n in range(races + 1, 2 * races + 1, 2):
        homes = [small.copied(home, home.parent / f"{n}-{late}") for late in (0, 1)]
        ended = nursery.together(
            [(small.publish_elsewhere, (made, home, n + late)) for late, made in enumerate(homes)]
        )
        assert [one.ok for one in ended] == [True, True], ended
        assert small.look(open_release(home)) == n + 1 and not small.leftovers(home)
    figure(
        f"P5 races: {races} of two publishers of one release, {(races + 1) // 2} of two nights: "
        "one winner in each"
    )


SLOW = """
import sys
from customer_intel import open_release
import duckdb, polars as pl
release = open_release(sys.argv[1])
first = release.files("left")
con = duckdb.connect()
con.execute(f"CREATE VIEW d AS SELECT * FROM read_parquet({release.files('daily')})")
print(release.snapshot_id, flush=True)
sys.stdin.readline()
nights = {release.snapshot_id[1:]}
for files in (first, release.files("right")):
    nights |= {f"{n:05d}" for n in pl.read_parquet(files)["night"]}
nights |= {f"{n:05d}" for (n,) in con.execute("SELECT DISTINCT night FROM d WHERE night > 0").fetchall()}
print(" ".join(sorted(nights)), flush=True)
"""


@pytest.mark.parametrize("spared", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_p6_a_slow_reader_reads_what_it_opened_over_three_publications_and_pruning(
    spared: bool, home: Path, figure: Callable[[str], None]
) -> None:
    """Not spared: the same with pruning that does not look at a release's age, which the reader
    must then notice.
    """
    for n in range(1, 5):
        small.night(home, n)
    aged(home)
    small.night(home, 5, keep=2)
    assert len(Published(home).releases()) == 2, "pruning did prune"
    command = [sys.executable, "-c", SLOW, home]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as reader:
        assert reader.stdout is not None
        opened = reader.stdout.readline().strip()
        for n in range(6, 9):
            small.night(home, n, keep=2, grace=86400 if spared else -3600)
        read = reader.communicate("go\n", timeout=60)[0].split()
    assert opened == small.name_of(5)
    assert read == (["00005"] if spared else [])
    if spared:
        figure("P6 slow reader: opened s00005, read it whole after 3 publications with pruning")


@pytest.mark.parametrize("flips", [40, pytest.param(200, marks=pytest.mark.faults)])
def test_p7_verify_finds_every_flipped_bit(
    flips: int, home: Path, figure: Callable[[str], None]
) -> None:
    small.night(home, 1)
    small.night(home, 2)
    assert Published(home).verify() == {}
    dice = random.Random(3)
    files = [path for path in sorted((home / "published/snapshots").rglob("*")) if path.is_file()]
    files.append(home / "published/CURRENT.json")
    found, kinds = 0, set()
    for number in range(flips):
        path = files[number % len(files)]
        good = path.read_bytes()
        bit = dice.randrange(len(good) * 8)
        # In place, as a disk does it; the lake's file of the same content is the same file.
        _overwrite(
            path, good[: bit // 8] + bytes([good[bit // 8] ^ 1 << bit % 8]) + good[bit // 8 + 1 :]
        )
        faults = Published(home).verify()
        found += bool(faults)
        kinds.add(path.suffix)
        assert path.name in str(faults), (path, bit)
        _overwrite(path, good)
    assert Published(home).verify() == {}
    figure(f"P7 bit flips: {found} of {flips} found, in {len(files)} files of {len(kinds)} kinds")
    assert found == flips


def _overwrite(path: Path, data: bytes) -> None:
    with path.open("r+b") as stream:
        stream.write(data)


def test_p7_the_command_line_says_which_release_is_damaged_and_how_to_get_out(home: Path) -> None:
    small.night(home, 1)
    small.night(home, 2)
    assert (
        cli("releases", "--verify", "--home", home).text
        == "✓ 2 releases: every byte is as it was published, and every lake file what its gate saw"
    )
    _overwrite(home / "published/snapshots/s00002/left.parquet", b"PARX")
    said = cli("releases", "--verify", "--home", home)
    assert said.code == 1 and said.text == "✗ s00002: left.parquet: is not what was published"
    assert cli("releases", "--verify", "--json", "--home", home).code == 1
    assert cli("rollback", "s00001", "--home", home).code == 0
    assert small.look(open_release(home)) == 1


def test_p7_a_damaged_or_missing_pointer_is_an_error_that_rollback_mends(home: Path) -> None:
    small.night(home, 1)
    pointer = home / "published/CURRENT.json"
    pointer.write_text(pointer.read_text().replace("s00001", "s00003"))
    with pytest.raises(LakeError, match=r"CURRENT.json: is damaged"):
        open_release(home)
    assert cli("rollback", "s00001", "--home", home).code == 0
    assert small.look(open_release(home)) == 1


def test_p7_files_missing_or_strange_are_found_too(home: Path) -> None:
    small.night(home, 1)
    folder = home / "published/snapshots/s00001"
    shutil.copy(folder / "left.parquet", folder / "daily" / "2020-01-01.parquet")
    (folder / "right.parquet").unlink()
    (faults,) = Published(home).verify().values()
    assert faults == [
        "daily/2020-01-01.parquet: is not of this release",
        "right.parquet: cannot be read (No such file or directory)",
    ]


def test_p7_the_next_night_replaces_an_accepted_file_that_went_bad(home: Path) -> None:
    small.night(home, 1)
    path = Lake(home).files("left")[0]
    path.chmod(0o600)
    good = path.read_bytes()
    path.unlink()
    path.write_bytes(good[:100] + b"?" + good[101:])
    small.night(home, 1)
    assert path.read_bytes() == good and small.whole(home) == 1


def test_p8_rollback_and_an_older_backfill(home: Path, figure: Callable[[str], None]) -> None:
    for n in (1, 2, 5):
        small.night(home, n)
    assert cli("rollback", "s00002", "--home", home).code == 0
    assert small.look(open_release(home)) == 2
    assert str((home / "published/current").readlink()) == "snapshots/s00002"
    aged(home)
    with_backfill = small.publish(home, small.accept_night(home, 1), 1, keep=2)
    assert not with_backfill.is_current and small.look(open_release(home)) == 2
    kept = {release.snapshot_id for release in Published(home).releases()}
    assert {"s00002", "s00005"} <= kept, (
        "the one rolled back to, and the one that was current before it"
    )
    small.night(home, 6)
    assert small.look(open_release(home)) == 6
    assert pl.read_parquet(home / "published/current/left.parquet")["night"].unique().to_list() == [
        6
    ]
    assert cli("rollback", "s00099", "--home", home).text.startswith("✗ no kept release 's00099'")
    figure("P8 rollback 5 → 2 holds over an older backfill (1); the next night (6) moves on")
