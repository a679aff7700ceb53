"""The profile of a past day in a home that went on, against homes whose lake ends on that day."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from customer_intel import open_release, profile_as_of
from customer_intel.demo import simulate
from customer_intel_tests.whole_nights import cli

NIGHTS = [date(2026, 6, 28), date(2026, 6, 29), date(2026, 6, 30)]


def run(home: Path, day: date) -> None:
    ran = cli("run", "--home", home, "--as-of", str(day), "--json")
    assert ran.code == 0, ran.text[-2000:]


@pytest.mark.slow
def test_truncating_the_lake_at_any_night_changes_no_byte_of_the_profile_as_of_it(
    tmp_path: Path,
) -> None:
    """The demo's company: late rows, corrections, merges and erasures among its last three nights."""
    on = tmp_path / "on"
    simulate(on / "landing", customers=150, days=120, nights=3)
    for day in NIGHTS:
        run(on, day)
    went_on = {day: profile_as_of(on, day) for day in NIGHTS}
    for ends in NIGHTS[:-1]:
        home = tmp_path / str(ends)
        shutil.copytree(on / "landing", home / "landing")
        for folder in sorted((home / "landing").glob("*/*")):
            if folder.is_dir() and folder.name > str(ends):
                shutil.rmtree(folder)
        for day in NIGHTS:
            if day <= ends:
                run(home, day)
        for day in NIGHTS:
            if day <= ends:
                one, other = profile_as_of(home, day), went_on[day]
                assert one.equals(other) and len(one) > 100, (ends, day)
        # It is the night's own profile: no column of it is another's.
        profile = pl.read_parquet(open_release(home).files("customer_profile"))
        slow = [c for c in went_on[ends].columns if c not in ("valid_from", "recorded_at")]
        assert profile.select(slow).sort("customer_id").equals(went_on[ends].select(slow))
    # Later nights came to believe something else of some: else nothing would have been tried.
    history = pl.read_parquet(open_release(on).files("customer_profile_history"))
    assert history.filter(pl.col("superseded_at").is_not_null()).height > 5
