"""Dates on the command line: `run`, `check`, `reopen` and `history` before anything is computed."""

from __future__ import annotations

from pathlib import Path

import pytest

from customer_intel.cli import nights
from customer_intel.core.store.lake import home_lock
from customer_intel.settings import Settings
from customer_intel_tests.whole_nights import cli


def landed(home: Path, *folders: str) -> Path:
    for folder in folders:
        path = home / "landing" / folder / "orders.csv"
        path.parent.mkdir(parents=True)
        path.write_text("order_id,total\n")
    return home


@pytest.fixture
def ran_nights(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The dates of nights that would have been run."""
    dates: list[str] = []

    def one_night(settings: object, night: object, *_: object, **__: object) -> tuple[int, dict]:  # type: ignore[type-arg]
        dates.append(str(night))
        return 0, {"failures": {}}

    monkeypatch.setattr(nights, "one_night", one_night)
    return dates


def test_case_08_a_mistyped_year_alone_is_a_question(tmp_path: Path, ran_nights: list[str]) -> None:
    home = landed(tmp_path, "shop/2062-06-30")
    ran = cli("run", "--home", home)
    assert ran.code == 3 and "landing/shop/2062-06-30/ is dated ahead of today" in ran.text
    assert "customer-intel run --as-of 2062-06-30 --ahead" in ran.text
    unconfirmed = cli("run", "--home", home, "--as-of", "2062-06-30")
    assert unconfirmed.code == 3 and "confirm it:" in unconfirmed.text and ran_nights == []
    assert cli("run", "--home", home, "--as-of", "2062-06-30", "--ahead", "--json").code == 0
    assert ran_nights == ["2062-06-30"]
    # Said once, for that run.
    assert cli("run", "--home", home, "--as-of", "2062-06-30").code == 3


def test_beside_other_exports_it_is_left_alone_and_named(
    tmp_path: Path, ran_nights: list[str]
) -> None:
    home = landed(tmp_path, "shop/2062-06-30", "shop/2026-06-30", "shop/30.06.2026")
    ran = cli("run", "--home", home, "--json")
    assert ran.code == 0 and ran_nights == ["2026-06-30"]
    odd = [(item["kind"], item["folder"]) for item in ran.summary["odd_folders"]]
    assert odd == [("ahead", "shop/2062-06-30"), ("no_date", "shop/30.06.2026")]
    assert "is dated ahead of today" in ran.err and "is read as none" in ran.err
    checked = cli("check", "--home", home, "--json")
    assert [item["folder"] for item in checked.summary["odd_folders"]] == [
        "shop/2062-06-30",
        "shop/30.06.2026",
    ]


def test_a_folder_that_no_date_names_is_told_with_how_to_name_it(tmp_path: Path) -> None:
    ran = cli("run", "--home", landed(tmp_path, "shop/20260630"))
    assert ran.code == 3 and "shop/20260630/ is named like a date and is read as none" in ran.text


@pytest.mark.parametrize("day", ["2026-6-30", "20260630", "30.06.2026", "2026-02-30", "tomorrow"])
def test_a_date_that_is_none_is_a_wrong_command_line(day: str, tmp_path: Path) -> None:
    home = landed(tmp_path, "shop/2026-06-30")
    for command in (("run", "--as-of", day), ("reopen", day), ("history", "--from", day)):
        ran = cli(*command, "--home", home)
        assert ran.code == 3 and f"{day}: expected YYYY-MM-DD" in ran.text, command


def test_ahead_confirms_a_date_that_is_said(tmp_path: Path) -> None:
    ran = cli("run", "--home", landed(tmp_path, "shop/2026-06-30"), "--ahead")
    assert ran.code == 3 and "--ahead confirms a date: say it with --as-of" in ran.text


def test_a_first_export_date_ahead_is_bad_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUSTOMER_INTEL_FIRST_EXPORT_DATE", "2062-01-01")
    home = landed(tmp_path, "shop/2026-06-30")
    for command in ("run", "check"):
        ran = cli(command, "--home", home)
        assert ran.code == 3 and "FIRST_EXPORT_DATE lies ahead of today" in ran.text


def test_a_reopening_waits_for_nobody_and_needs_a_night(tmp_path: Path) -> None:
    home = landed(tmp_path, "shop/2026-06-30")
    ran = cli("reopen", "2026-06-29", "--home", home)
    assert ran.code == 3 and "nothing to undo: the last night is none yet" in ran.text
    with home_lock(home):
        busy = cli("reopen", "2026-06-29", "--home", home)
    assert busy.code == 1 and "another run is at work" in busy.text
    assert cli("reopen", "2026-06-29", "--home", tmp_path / "typo").code == 3


def test_a_history_needs_exports(tmp_path: Path) -> None:
    ran = cli("history", "--home", tmp_path)
    assert ran.code == 3 and "names no export date" in ran.text
    landed(tmp_path, "shop/2026-06-30")
    ran = cli("history", "--home", tmp_path, "--from", "2026-07-01")
    assert ran.code == 3 and "from 2026-07-01 on: there is no history to run" in ran.text


def test_a_history_that_was_stopped_goes_on_unless_something_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from customer_intel.cli import history
    from customer_intel.core.store.release import Published

    days = ["2026-06-28", "2026-06-29", "2026-06-30"]
    landed(tmp_path, *(f"shop/{day}" for day in days))
    seen: list[str] = []

    def one_night(settings: Settings, day: object, *_: object, **__: object) -> tuple[int, object]:
        seen.append(str(day))
        assert settings.home_dir == tmp_path / ".history" / "home" and not settings.publish_url
        if str(day) == "2026-06-29" and len(seen) < 3:
            return 2, {"failures": {"raw_orders": "why"}}
        Published(settings.home_dir).point_at(f"s{day}", str(day))
        return 0, {"failures": {}}

    monkeypatch.setenv("CUSTOMER_INTEL_PUBLISH_URL", "file:///nowhere")
    monkeypatch.setattr(history, "one_night", one_night)
    monkeypatch.setattr(history, "_take_over", lambda *_, **__: 0)
    stopped = cli("history", "--home", tmp_path, "--json")
    assert stopped.code == 2 and stopped.summary["nights"][-1]["as_of"] == "2026-06-29"
    assert not (tmp_path / "lake").exists()
    assert cli("history", "--home", tmp_path).code == 0
    assert seen == [*days[:2], *days[1:]]
    (tmp_path / "landing" / "shop" / "2026-06-28" / "orders.csv").write_text("order_id\n1\n")
    assert cli("history", "--home", tmp_path).code == 0
    assert seen[4:] == days


@pytest.mark.parametrize(
    ("every", "days"),
    [
        ("day", ["01-30", "01-31", "02-01", "02-02", "02-20"]),
        ("week", ["02-01", "02-02", "02-20"]),
        ("month", ["01-31", "02-20"]),
    ],
)
def test_a_history_is_thinned_to_the_last_night_of_each_week_or_month(
    every: str, days: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from customer_intel.cli import history

    landed(tmp_path, *(f"shop/2026-{day}" for day in ("01-30", "01-31", "02-01", "02-02", "02-20")))
    seen: list[str] = []

    def beside(settings: object, days: list[object], **_: object) -> tuple[int, list[object]]:
        seen.extend(map(str, days))
        return 2, []

    monkeypatch.setattr(history, "_run_beside", beside)
    assert cli("history", "--home", tmp_path, "--every", every).code == 2
    assert seen == [f"2026-{day}" for day in days]
