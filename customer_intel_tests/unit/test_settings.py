"""Settings from the environment: one that is wrong is told by its variable, in every command."""

from __future__ import annotations

from pathlib import Path

import pytest

from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.settings import Settings
from customer_intel_tests.whole_nights import cli

WRONG = [
    ("THREADS", "two", "is text; it takes a whole number above 0, such as 2"),
    ("THREADS", "-2", "is a whole number below 0; it takes a whole number above 0"),
    ("THREADS", "2.5", "is a number; it takes a whole number above 0"),
    ("THREADS", "", "is empty; it takes a whole number above 0"),
    ("MEMORY_LIMIT", "lots", "is text; it takes a number with a unit, such as 2GB or 512MiB"),
    ("MEMORY_LIMIT", "2", "is a whole number; it takes a number with a unit"),
    ("MEMORY_LIMIT", "0GB", "is text; it takes a number with a unit"),
    ("GATE_SECONDS", "nan", "is a number; it takes a number of seconds above 0"),
    ("FIRST_EXPORT_DATE", "yesterday", "is text; it takes a date YYYY-MM-DD"),
    ("CRON", "every night", "is text; it takes the five fields of a cron line"),
    ("SMTP_PORT", "70000", "is a whole number; it takes a port from 1 to 65535"),
    ("SCHEDULE_RUNNING", "perhaps", "is text; it takes true or false"),
    ("ENGINE", "spark", "is text; it takes duckdb"),
]


@pytest.mark.parametrize(("name", "value", "said"), WRONG)
def test_a_wrong_variable_is_told_by_its_name_its_kind_and_what_it_takes(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"CUSTOMER_INTEL_{name}", value)
    with pytest.raises(ConfigError) as told:
        Settings()
    assert str(told.value).startswith(f"CUSTOMER_INTEL_{name} {said}")
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("value", ["2GB", "512MiB", "1.5 GB", "80%", "2 gigabytes", "4g"])
def test_an_amount_of_memory_is_written_as_duckdb_writes_it(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUSTOMER_INTEL_MEMORY_LIMIT", value)
    assert Settings().memory_limit == value


def test_every_wrong_variable_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUSTOMER_INTEL_THREADS", "two")
    monkeypatch.setenv("CUSTOMER_INTEL_MEMORY_LIMIT", "lots")
    with pytest.raises(ConfigError) as told:
        Settings()
    assert len(str(told.value).splitlines()) == 2


@pytest.mark.parametrize(
    "command", [("run",), ("check",), ("demo",), ("dev",), ("rollback", "20240101-aaaaaaaaaaaa")]
)
def test_each_command_that_reads_settings_ends_with_3(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUSTOMER_INTEL_THREADS", "two")
    ran = cli(*command, "--home", tmp_path)
    assert ran.code == 3 and "CUSTOMER_INTEL_THREADS is text" in ran.text, ran.text
