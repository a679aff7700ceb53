"""Which export dates a night takes by itself, and which are a question."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import dagster as dg
import pytest

from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.store.lake import Lake, LakeError, Version
from customer_intel.orchestration import export_dates, nights
from customer_intel.settings import Settings

TODAY = date(2026, 7, 1)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(export_dates, "today", lambda: TODAY)
    monkeypatch.setattr(export_dates, "asked", set())
    monkeypatch.delenv("CUSTOMER_INTEL_FIRST_EXPORT_DATE", raising=False)
    yield


def settings(home: Path, *folders: str, last: str | None = None, **more: Any) -> Settings:
    for folder in folders:
        (home / "landing" / folder).mkdir(parents=True)
        (home / "landing" / folder / "orders.csv").write_text("order_id\n")
    if last:
        Lake(home).point(Version("record_customer_map", {}, last, "s", ""))
    return Settings(home=home, **more)


def told(settings: Settings) -> list[tuple[str, str]]:
    return [(odd.kind, odd.folder) for odd in export_dates.odd_folders(settings)]


def test_today_and_tomorrow_are_taken_and_nothing_later(tmp_path: Path) -> None:
    home = settings(tmp_path, "shop/2026-07-01", "shop/2026-07-02", "shop/2026-07-03")
    assert export_dates.landed_dates(home) == [date(2026, 7, 1), date(2026, 7, 2)]
    assert export_dates.folders_ahead(home) == ["shop/2026-07-03"]
    assert told(home) == [("ahead", "shop/2026-07-03")]
    (odd,) = export_dates.odd_folders(home)
    assert "customer-intel run --as-of 2026-07-03 --ahead" in odd.message
    assert export_dates.odd_folders(home, [date(2026, 7, 3)]) == []


@pytest.mark.parametrize(
    "name",
    [
        "2026-6-30", "20260630", "30.06.2026", "2026-02-30", "2026_06_30", "2026-06", "06-30-2026",
        "2026-06-30T04", "2026-06-30 (1)", "export-2026-06-30", "2026-W27", "2026-W27-1", "date=2026-06-30",
    ],
)  # fmt: skip
def test_a_folder_named_like_a_date_that_is_none_is_named(name: str, tmp_path: Path) -> None:
    assert told(settings(tmp_path, f"shop/{name}")) == [("no_date", f"shop/{name}")]


@pytest.mark.parametrize("name", ["orders", "eu", "part-1", "v2", "batch 12", "2026-06-30"])
def test_a_folder_that_is_a_date_or_is_not_named_like_one_is_not(name: str, tmp_path: Path) -> None:
    assert told(settings(tmp_path, f"shop/{name}")) == []


@pytest.mark.parametrize(
    ("folder", "named"),
    [("eu/2026-06-30", "eu/2026-06-30"), ("2026/06/30", "2026"), ("eu/20260630", "eu/20260630")],
)
def test_a_date_that_lies_too_deep_is_named(folder: str, named: str, tmp_path: Path) -> None:
    assert told(settings(tmp_path, f"shop/{folder}")) == [("no_date", f"shop/{named}")]


def test_a_date_without_a_source_above_it_is_named(tmp_path: Path) -> None:
    assert told(settings(tmp_path, "2026-06-30")) == [("no_date", "2026-06-30")]


def test_a_folder_of_a_year_ago_is_named_before_it_is_taken_not_after(tmp_path: Path) -> None:
    home = settings(tmp_path, "shop/2025-06-30", "shop/2026-06-01", last="2026-06-30")
    assert told(home) == [("late", "shop/2025-06-30")]
    part = {"path": "p", "rows": 1, "bytes": 1, "sha256": "x"}
    facts = {"source_file": "shop/2025-06-30/orders.csv"}
    version = SimpleNamespace(parts={"x": SimpleNamespace(**part, facts=facts)})
    with mock.patch.object(export_dates.Lake, "current", lambda self, name: version):
        assert told(home) == []


def test_history_that_lands_before_the_first_night_is_nothing_odd(tmp_path: Path) -> None:
    assert told(settings(tmp_path, "shop/2019-06-30", "shop/2026-06-30")) == []


@pytest.mark.parametrize(
    ("night", "last", "says"),
    [
        ("2026-07-03", None, "lies ahead: by this machine's clock today is 2026-07-01 (UTC)"),
        ("2062-06-30", "2026-06-30", "confirm it: customer-intel run --as-of 2062-06-30 --ahead"),
        ("2026-06-29", "2026-06-30", "undo the later nights (customer-intel reopen 2026-06-29)"),
        ("2026-06-30", "2062-06-30", "was a slip, undo it: customer-intel reopen 2026-06-30"),
        ("2026-06-30", "2024-06-30", "is this machine's clock right (2026-07-01)?"),
        ("0202-06-30", None, "lies before 1970-01-02"),
    ],
)
def test_a_night_that_may_not_run_is_refused_with_what_to_do(
    night: str, last: str | None, says: str, tmp_path: Path
) -> None:
    home = settings(tmp_path, last=last)
    with pytest.raises(export_dates.Refused) as refused:
        export_dates.admit(home, date.fromisoformat(night))
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("night", "last"),
    [
        ("2026-07-02", None), ("2026-07-02", "2026-06-30"), ("2026-06-30", "2026-06-30"),
        # The home's last night again, wherever it lies.
        ("2026-08-01", "2026-08-01"), ("2018-10-18", None),
    ],
)  # fmt: skip
def test_other_nights_run(night: str, last: str | None, tmp_path: Path) -> None:
    export_dates.admit(settings(tmp_path, last=last), date.fromisoformat(night))


def test_after_a_long_sleep_an_export_of_these_days_proves_the_clock(tmp_path: Path) -> None:
    home = settings(tmp_path, "shop/2026-06-30", last="2024-06-30")
    export_dates.admit(home, TODAY)


def test_a_date_that_the_command_line_confirmed_runs(tmp_path: Path) -> None:
    export_dates.asked.add(date(2062, 6, 30))
    home = settings(tmp_path, last="2026-06-30")
    export_dates.admit(home, date(2062, 6, 30))
    assert nights.partitions(home).get_last_partition_key() == "2062-06-30"


def test_a_clock_that_went_back_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_dates, "today", lambda: date(1970, 1, 5))
    home = settings(tmp_path, last="2026-06-30")
    with pytest.raises(export_dates.Refused, match=r"today is 1970-01-05.*if the clock is wrong"):
        export_dates.admit(home, date(1970, 1, 5))


@pytest.mark.parametrize("day", ["2062-01-01", "1512-01-01"])
def test_a_first_export_date_that_cannot_be_is_bad_configuration(day: str, tmp_path: Path) -> None:
    home = settings(tmp_path, first_export_date=day)
    with pytest.raises(ConfigError, match="CUSTOMER_INTEL_FIRST_EXPORT_DATE lies"):
        nights.partitions(home)


def test_a_folder_of_the_year_202_makes_no_partition_of_each_day_since(tmp_path: Path) -> None:
    home = settings(tmp_path, "shop/0202-06-30", "shop/2026-06-30")
    assert nights.partitions(home).get_first_partition_key() == "1970-01-02"


@pytest.mark.parametrize("tag", [nights.AS_OF, nights.RANGE_END, nights.PARTITION])
def test_a_run_launched_for_a_past_night_ends_before_any_table_is_touched(
    tag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The UI, a backfill and the schedule all come through the run's home."""
    settings(tmp_path, last="2026-06-30")
    monkeypatch.setenv("CUSTOMER_INTEL_HOME", str(tmp_path))
    monkeypatch.setattr(nights.step, "prepare", lambda state: None)
    touched: list[str] = []

    @dg.op(required_resource_keys={nights.HOME})
    def table() -> None:
        touched.append("table")

    @dg.job(resource_defs={nights.HOME: nights.home}, executor_def=dg.in_process_executor)
    def night() -> None:
        table()

    for day in ("2026-03-01", "2026-09-01"):
        run = night.execute_in_process(tags={tag: day}, raise_on_error=False)
        assert not run.success and touched == []
    said = [str(event.event_specific_data) for event in run.all_events if event.is_failure]
    assert any("lies ahead" in text for text in said)
    assert night.execute_in_process(tags={tag: "2026-06-30"}, raise_on_error=False).success
    assert touched == ["table"]
    # A run that says no date is of the newest export.
    (tmp_path / "landing" / "shop" / "2026-05-01").mkdir(parents=True)
    assert not night.execute_in_process(raise_on_error=False).success


def test_a_lake_that_cannot_be_kept_ends_the_run_before_any_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(nights.night_states, "remember", full)
    context: Any = SimpleNamespace(run=None, log=None)
    with pytest.raises(LakeError, match=r"No space left on device.: no table was touched"):
        nights._begin(context, settings(tmp_path))
