"""A lake file changed by hand or by one bit: the night closes with its name, repair mends it, and the
tables are then those of a home that was never damaged.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from customer_intel.core.contract import load as contract
from customer_intel.core.night.repair import lasting
from customer_intel.core.store import damage
from customer_intel.core.store.lake import Lake, forget
from customer_intel.core.store.release import Published
from customer_intel.core.tables import definition
from customer_intel_tests.whole_nights import Demo, accepted, cli

pytestmark = pytest.mark.nights


@pytest.fixture
def home(demo_nights: Demo, tmp_path: Path) -> Path:
    """A home of the demo's second night, of its own down to the last byte."""
    shutil.copytree(demo_nights.second, tmp_path / "home", symlinks=True)
    return tmp_path / "home"


def current_files(home: Path, *tables: str) -> list[Path]:
    lake = Lake(home)
    names = tables or sorted(accepted(home))
    return [path for name in names for path in lake.files(name)]


def flip(path: Path, bit: int) -> None:
    """In place, as a disk does it."""
    with path.open("r+b") as stream:
        stream.seek(bit // 8)
        byte = stream.read(1)[0] ^ 1 << bit % 8
        stream.seek(bit // 8)
        stream.write(bytes([byte]))


def replaced(path: Path) -> None:
    """Another file of the same size in its place; what is linked to the former stays."""
    other = path.with_name(".other")
    other.write_bytes(path.read_bytes()[::-1])
    other.rename(path)


def test_every_one_of_200_random_bits_of_a_lake_is_found(home: Path) -> None:
    definitions = definition.definitions(contract.load())
    keeps = lasting(definitions)
    files = current_files(home)
    sizes = [path.stat().st_size for path in files]
    dice = random.Random(11)
    chosen = [
        (path, dice.randrange(path.stat().st_size * 8))
        for path in dice.choices(files, weights=sizes, k=200)
    ]
    for path, bit in chosen:
        flip(path, bit)
        forget()
        found = [item.file for item in damage.find(Lake(home), [path.parent.name], keeps)]
        assert found == [f"lake/{path.relative_to(home / 'lake')}"], (path.name, bit)
        flip(path, bit)
    forget()
    assert damage.find(Lake(home), definitions, keeps) == []


@pytest.mark.parametrize(
    "harm",
    [lambda path: flip(path, 8 * 100), replaced],
    ids=["one bit", "replaced"],
)
def test_a_damaged_lake_closes_the_night_and_is_mended(
    harm: Callable[[Path], object], home: Path, tmp_path: Path
) -> None:
    # What `accepted` compares is the night of today's code, in both homes.
    first = cli("run", "--home", home, "--json")
    assert first.code == 0, first.summary["failures"]
    wanted, release = accepted(home), Published(home).current()
    tables = ("raw_orders", "raw_contacts", "orders", "activity", "metric_daily")
    damaged = [current_files(home, table)[-1] for table in tables]
    for path in damaged:
        harm(path)
    ended = cli("run", "--home", home)
    assert ended.code == 2 and "Nothing was published" in ended.text
    assert f"lake/{damaged[-1].relative_to(home / 'lake')}" in "".join(ended.text.split()) or (
        damaged[0].name in "".join(ended.text.split())
    )
    assert "customer-intel repair" in ended.text
    assert Published(home).current() == release

    verified = cli("releases", "--verify", "--home", home)
    assert verified.code == 1
    assert all(path.name in "".join(verified.text.split()) for path in damaged)

    mended = cli("repair", "--home", home)
    assert mended.code == 0, mended.text
    assert all(path.name in mended.text for path in damaged)
    again = cli("run", "--home", home, "--json")
    assert again.code == 0, again.text
    assert accepted(home) == wanted
    # What the releases had lost with the lake, they have back from it.
    assert cli("repair", "--home", home).code == 0
    assert "✓ every lake file is what its gate saw" in cli("repair", "--home", home).text
    assert cli("releases", "--verify", "--home", home).code == 0


def test_a_part_whose_export_is_gone_is_named_and_never_dropped(home: Path) -> None:
    assert cli("run", "--home", home, "--json").code == 0
    lake = Lake(home)
    version = lake.current("raw_orders")
    assert version
    part = next(iter(version.parts.values()))
    flip(lake.path(part), 8 * 100)
    (home / "landing" / part.facts["source_file"]).unlink()
    for _ in range(2):
        ended = cli("repair", "--home", home)
        assert ended.code == 1
        assert f"landing/{part.facts['source_file']} is no longer there" in ended.text
        assert cli("run", "--home", home).code == 2
    assert lake.current("raw_orders") == version
