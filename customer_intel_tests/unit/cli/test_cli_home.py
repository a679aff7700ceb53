"""Which home a command is about."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from customer_intel.cli import app, nights
from customer_intel.core.gate.gate import Verdict
from customer_intel_tests.whole_nights import cli


def test_the_environment_names_the_home_where_no_option_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`check` finds the wrong setting of the home that is meant."""

    def wrong(home: Path, setting: str) -> Path:
        (home / "config").mkdir(parents=True)
        (home / "config" / "company.yaml").write_text(f"{setting}: 14\n")
        return home

    monkeypatch.setenv("CUSTOMER_INTEL_HOME", str(wrong(tmp_path / "named", "new_dayz")))
    other = wrong(tmp_path / "other", "new_dais")
    named = CliRunner().invoke(app, ["check"])
    assert "'new_dayz' is not a setting of company; did you mean new_days?" in named.output
    given = CliRunner().invoke(app, ["check", "--home", str(other)])
    assert "'new_dais' is not a setting of company" in given.output


@pytest.mark.parametrize(
    "command",
    [
        ("check",),
        ("releases",),
        ("releases", "--verify"),
        ("rollback", "20240101-aaaaaaaaaaaa"),
        ("run",),
        ("run", "--as-of", "2026-06-30"),
        ("why", "c_1"),
        ("resolve", "people.csv", "--out", "people.parquet"),
        ("evaluate", "identity", "people.csv", "--truth", "id"),
    ],
)
def test_a_home_that_does_not_exist_is_a_wrong_command_line(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    ran = cli(*command, "--home", tmp_path / "typo")
    assert ran.code == 3 and "typo: no such folder; mend the path" in ran.text
    assert not (tmp_path / "typo").exists()


@pytest.mark.parametrize(
    "command", [("check",), ("releases",), ("run",), ("demo",), ("dev",), ("inspect", "x.csv")]
)
def test_a_home_that_is_a_file_is_a_wrong_command_line(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "home").write_text("")
    for home in (tmp_path / "home", tmp_path / "home" / "below"):
        ran = cli(*command, "--home", home)
        assert ran.code == 3 and "home is a file, not a folder" in ran.text


def test_the_default_home_may_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CUSTOMER_INTEL_HOME", raising=False)
    ran = cli("releases")
    assert ran.code == 0 and "no release yet" in ran.text


def test_exports_from_elsewhere_begin_a_home(tmp_path: Path) -> None:
    (tmp_path / "exports").mkdir()
    ran = cli("run", "--home", tmp_path / "new", "--landing", tmp_path / "exports")
    assert ran.code == 3 and "names no export date" in ran.text


def test_an_address_with_a_slash_too_few_is_told_how_addresses_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = cli("run", "--home", tmp_path, "--landing", "s3:/exports")
    assert ran.code == 3 and "no such folder; an address begins with s3://" in ran.text
    monkeypatch.setenv("CUSTOMER_INTEL_LANDING", "s3:/exports")
    ran = cli("run", "--home", tmp_path)
    assert ran.code == 3 and "CUSTOMER_INTEL_LANDING is text; it takes a folder, or an " in ran.text


def test_a_file_that_is_not_there_needs_no_permission(tmp_path: Path) -> None:
    ran = cli("inspect", tmp_path / "nope.csv", "--home", tmp_path)
    assert ran.code == 3 and "nope.csv: does not exist; look at its path" in ran.text


def test_a_night_without_release_says_that_there_is_none_and_whose_fault_it_is(
    tmp_path: Path,
) -> None:
    summary = {
        "seconds": 1.0,
        "exit_code": 2,
        "engine": dict.fromkeys(("memory_limit", "memory_limit_is", "threads", "spill_limit"), "1"),
        "peak_memory": "1GiB",
        "seconds_by_phase": dict.fromkeys(
            ("imports_and_orchestration", "compute", "gate", "accept"), 0.0
        ),
        "tables": {},
        "failures": {},
        "skipped": [],
    }

    def said(table: str) -> str:
        with nights.out.capture() as captured:
            nights._closing(
                summary,
                [SimpleNamespace(table=table, passed=False, verdict=Verdict(table, ()))],
                tmp_path,
            )
        return " ".join(captured.get().split())

    assert "Nothing was published; there is no release yet." in said("rfm")
    assert said("rfm").endswith("Mend what is named above and run again.")
    assert said("raw_orders").endswith("Mend the file named above, or its mapping, and run again.")


def test_a_night_before_the_last_one_is_refused_before_anything_is_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    map_pointer = tmp_path / "lake" / "record_customer_map" / "CURRENT.json"
    map_pointer.parent.mkdir(parents=True)
    map_pointer.write_text('{"as_of": "2026-06-30", "snapshot_id": "s"}')
    monkeypatch.setattr(nights, "one_night", lambda *_, **__: pytest.fail("a night was run"))
    ran = cli("run", "--home", tmp_path, "--as-of", "2026-06-29")
    assert ran.code == 3
    assert ran.text.startswith("✗ --as-of 2026-06-29 lies before the last night: the home has ")
    for select in ("rfm", "record_customer_map"):
        ran = cli("run", "--home", tmp_path, "--as-of", "2026-03-01", "--select", select)
        assert ran.code == 3 and "customer-intel reopen 2026-03-01" in ran.text
    (tmp_path / "landing" / "till" / "2026-06-28").mkdir(parents=True)
    ran = cli("run", "--home", tmp_path)
    assert ran.code == 3 and "the newest export, of 2026-06-28, lies before the last" in ran.text


@pytest.mark.parametrize("arguments", [("run", "--lading", "x"), ("ruin",), ("why",)])
def test_a_command_line_that_cannot_be_read_is_no_closed_gate(arguments: tuple[str, ...]) -> None:
    assert cli(*arguments).code == 64
