"""A history run by one command: the nights one by one, and ids that were given before lead on."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

from customer_intel import open_release
from customer_intel.core.store.lake import Lake
from customer_intel.core.store.release import Published
from customer_intel.demo import simulate
from customer_intel_tests.night.test_reopened_nights import FIRST, LAST, WRONG, different, night
from customer_intel_tests.whole_nights import cli

pytestmark = pytest.mark.slow


# Attribution keeps some customers apart to judge by, drawn by their ids, and its intervals draw customers again.
BY_LOT = {"attributed_share", "channel_cost_per_conversion", "touched_conversions"}


def figures(made: Path) -> pl.DataFrame:
    return pl.read_parquet(Lake(made).files("metric_daily")).drop("snapshot_id", strict=False)


def home(folder: Path, landing: Path) -> Path:
    shutil.copytree(landing, folder / "landing")
    return folder


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("landed")
    simulate(folder, customers=100, days=80, nights=3)
    return folder


@pytest.fixture(scope="module")
def one_by_one(landing: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = home(tmp_path_factory.mktemp("one_by_one"), landing)
    for day in (FIRST, WRONG, LAST):
        night(made, day)
    return made


def test_a_history_in_an_empty_home_is_its_nights_one_by_one(
    one_by_one: Path, landing: Path, tmp_path: Path
) -> None:
    made = home(tmp_path / "home", landing)
    ran = cli("history", "--home", made, "--json")
    assert ran.code == 0, ran.text[-2000:]
    assert ran.summary["dates"] == [FIRST, WRONG, LAST]
    assert different(made, one_by_one) == []
    assert [item.as_of for item in Published(made).releases()] == [LAST]
    assert not (made / ".history").exists()


def test_a_history_under_a_home_that_began_late_keeps_or_leads_on_every_id(
    one_by_one: Path, landing: Path, tmp_path: Path
) -> None:
    made = home(tmp_path / "home", landing)
    night(made, LAST)
    today = pl.col("valid_to").is_null()
    before = pl.read_parquet(open_release(made).files("record_customer_map")).filter(today)
    asked = cli("history", "--home", made)
    assert asked.code == 3 and "run 3 nights beside it, of 2026-06-28 to 2026-06-30" in asked.text
    ran = cli("history", "--home", made, "--confirm", "--json")
    assert ran.code == 0, ran.text[-2000:]
    published = open_release(made)
    # Figures name no id: they are as if the home had begun with the first export.
    differing = figures(made).join(
        figures(one_by_one), on=figures(made).columns, how="anti", nulls_equal=True
    )
    assert set(differing["metric"]) <= BY_LOT
    history = pl.read_parquet(published.files("record_customer_map"))
    other = pl.read_parquet(Lake(one_by_one).files("record_customer_map"))
    periods = ["record_key", "valid_from", "valid_to", "change_reason"]
    assert history.select(periods).sort(periods).equals(other.select(periods).sort(periods))
    alias = pl.read_parquet(published.files("customer_id_alias")).filter(pl.col("alias_rank") == 1)
    led = before.join(alias, left_on="customer_id", right_on="alias_customer_id", how="left")
    now = history.filter(today).select("record_key", holder="customer_id")
    held = led.join(now, on="record_key")
    assert held.height == before.height
    assert held.filter(pl.col("customer_id_right").is_null()).is_empty()
    assert held.filter(pl.col("customer_id_right") != pl.col("holder")).is_empty()
    assert held.filter(pl.col("customer_id") == pl.col("holder")).height > 0.9 * held.height


def test_a_history_that_a_gate_stops_leaves_the_home_as_it_was_and_goes_on_when_mended(
    landing: Path, tmp_path: Path
) -> None:
    made = home(tmp_path / "home", landing)
    bad = made / "landing" / "till" / WRONG / "orders.csv"
    bad.parent.mkdir(parents=True)
    bad.write_text("order,what\n1,2\n")
    stopped = cli("history", "--home", made, "--every", "day")
    assert stopped.code == 2, stopped.text[-2000:]
    assert f"the history stopped at the night of {WRONG}" in stopped.text
    assert Published(made).current() is None and not (made / "lake" / "orders").exists()
    shutil.rmtree(bad.parent)
    ran = cli("history", "--home", made, "--every", "month")
    assert ran.code == 0, ran.text[-2000:]
    assert open_release(made).as_of == LAST
