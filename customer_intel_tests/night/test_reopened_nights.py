"""A wrong night undone: after the mended ones every published table is that of a home which never saw it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from customer_intel.core.store import night_states
from customer_intel.core.store.lake import Lake
from customer_intel.demo import simulate
from customer_intel_tests.whole_nights import cli, published

pytestmark = pytest.mark.slow

FIRST, WRONG, LAST = "2026-06-28", "2026-06-29", "2026-06-30"


def contents(home: Path) -> dict[str, pl.DataFrame]:
    """Table → its published rows, without the night's id."""
    lake = Lake(home)
    found = {}
    for name in published():
        files = lake.files(name)
        rows = pl.concat([pl.read_parquet(file) for file in files]) if files else pl.DataFrame()
        rows = rows.drop("snapshot_id", strict=False)
        found[name] = rows.sort(rows.columns) if rows.width else rows
    return found


@contextmanager
def spoilt(landing: Path) -> Iterator[None]:
    """Strangers, a person's mailbox given to another, and the first night's contacts sent anew with
    other names; then all as it was.
    """
    kept: dict[Path, bytes] = {}

    def change(path: Path, how: Callable[[list[str]], list[str]]) -> None:
        kept[path] = path.read_bytes()
        path.write_text("\n".join(how(path.read_text().splitlines())) + "\n")

    def strangers(lines: list[str]) -> list[str]:
        other = lines[-1].replace("William", "Zebulon").replace("10194", "99991")
        return [*lines, other.replace("@mail.example", "@elsewhere.example")]

    contacts = "hubspot-crm-exports-all-contacts-{}.csv"
    change(landing / "hubspot" / WRONG / contacts.format(WRONG), strangers)
    change(
        landing / "hubspot" / FIRST / contacts.format(FIRST),
        lambda lines: [lines[0], *(f"{line}" for line in lines[3:])],
    )
    orders = landing / "shopify" / WRONG / "orders_export_1.csv"
    change(orders, lambda lines: lines[:-1])
    extra = landing / "hubspot" / WRONG / "hubspot-crm-exports-all-contacts-test.csv"
    shutil.copyfile(landing / "hubspot" / FIRST / contacts.format(FIRST), extra)
    yield
    extra.unlink()
    for path, data in kept.items():
        path.write_bytes(data)


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(which saw the wrong night, which never did), both after the last night."""
    folder = tmp_path_factory.mktemp("reopened")
    wrong, right = folder / "wrong", folder / "right"
    simulate(wrong / "landing", customers=120, days=90, nights=3)
    shutil.copytree(wrong / "landing", right / "landing")
    night(wrong, FIRST)
    with spoilt(wrong / "landing"):
        night(wrong, WRONG)
        night(wrong, LAST)
    for day in (FIRST, WRONG, LAST):
        night(right, day)
    return wrong, right


def night(home: Path, day: str) -> None:
    ran = cli("run", "--home", home, "--as-of", day, "--json")
    assert ran.code == 0, ran.text[-2000:]


def different(one: Path, other: Path) -> list[str]:
    left, right = contents(one), contents(other)
    return [name for name in left if not left[name].equals(right[name])]


def test_after_a_reopening_the_mended_nights_are_those_of_a_home_that_never_went_wrong(
    homes: tuple[Path, Path],
) -> None:
    wrong, right = homes
    assert {"record_customer_map", "customer_profile_history"} <= set(different(wrong, right))
    asked = cli("reopen", FIRST, "--home", wrong)
    assert asked.code == 3 and "nothing was changed; say --confirm" in asked.text
    assert f"nights would be undone: {WRONG}, {LAST}" in asked.text
    done = cli("reopen", FIRST, "--home", wrong, "--confirm", "--json")
    assert done.code == 0 and done.summary["done"], done.text
    assert done.summary["release"].startswith("20260628-")
    assert "reopened" in cli("releases", "--home", wrong).text
    for day in (WRONG, LAST):
        night(wrong, day)
    assert different(wrong, right) == []
    assert cli("releases", "--home", wrong, "--verify").code == 0
    assert [state.as_of for state in night_states.states(wrong)][-2:] == [FIRST, WRONG]
