"""sources.yaml: what is said of a source, of its exports, and each fault with its file and line."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.tables.parameters import room_config
from customer_intel.ingest.judge.declared import Expected, declared


def said(home: Path, text: str, ingest: str = "") -> dict[str, Expected]:
    (home / "config").mkdir(exist_ok=True)
    (home / "config/sources.yaml").write_text(text)
    if ingest:
        (home / "config/ingest.yaml").write_text(ingest)
    return declared(room_config("ingest", home))


def test_nothing_is_expected_where_nothing_is_said(tmp_path: Path) -> None:
    assert declared(room_config("ingest", tmp_path)) == {}
    assert said(tmp_path, "shop:\n") == {"shop": Expected()}


def test_an_export_has_its_source_s_keys_but_for_its_own(tmp_path: Path) -> None:
    found = said(
        tmp_path,
        "shop:\n  every: day\n  on_fault: fail\n  accepted: [2026-06-30]\n  exports:\n    returns: {every: week}\n",
    )["shop"]
    assert found.of("returns", "orders").every == "week"
    assert found.of("returns", "orders").on_fault == "fail"
    assert found.of("sales", "orders").every == "day"
    assert found.accepted == (date(2026, 6, 30),)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("evry: day", "'evry' is not expected of a source"),
        ("every: dayly", "'every' is one of day"),
        ("every: 0", "'every' is one of day"),
        ("every: true", "'every' is one of day"),
        ("grace: -1", "'grace' needs a whole number"),
        ("least_rows: many", "'least_rows' needs a whole number"),
        ("greatest_fall: 50", "'greatest_fall' is a share from 0 to 1"),
        ("on_fault: stop", "'on_fault' is warn or fail"),
        ("required: 'yes'", "'required' is true or false"),
        ("accepted: 2026-06-30", "'accepted' needs a list of export dates"),
    ],
)
def test_a_fault_is_named_with_file_and_line(tmp_path: Path, line: str, fault: str) -> None:
    with pytest.raises(ConfigError) as raised:
        said(
            tmp_path,
            f"shop:\n  grace: 1\n\n  {line}\n" if "grace" not in line else f"shop:\n\n\n  {line}\n",
        )
    assert str(raised.value).startswith(f"config/sources.yaml:4: {fault}")


def test_a_fault_of_an_export_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config/sources\.yaml:4: 'every' is one of"):
        said(tmp_path, "shop:\n  exports:\n    returns:\n      every: sometimes\n")


def test_exports_do_not_stand_in_themselves(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'exports' stands in itself"):
        said(tmp_path, "shop:\n  exports:\n    returns:\n      exports: {a: {every: day}}\n")


@pytest.mark.parametrize("text", ["without_news: maybe\n", "false_alarms_per_year: 0\n"])
def test_faults_of_the_budget_are_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=text.split(":")[0]):
        said(tmp_path, "", text)
