"""A home's configuration: every fault in one run, with file and line, and what nothing reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from customer_intel.cli import configuration
from customer_intel.core.contract import load as contract
from customer_intel.core.contract.model import PACKAGE
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.tables import parameters
from customer_intel_tests.house import TABLES, House
from customer_intel_tests.whole_nights import cli

WRONG = {
    "company.yaml": (
        "# ours\n"
        "new_dayz: 14\n"
        "at_risk_days: soon\n"
        "time_zone: Berlin\n"
        'counted_order_states: "|payed|fulfild|"\n'
        "reporting_currency: EURO\n"
    ),
    "facts.yaml": "states:\n  till.orders:\n    Weg: gone\n    Fort: payed\n  till.ordres: {A: paid}\n",
    "activity.yaml": "session_gap_minutes: [10]\nsession_cap_hours: no\n",
    "identity.yaml": "hub_names: {email: lots}\nfreemail_domains: [gmx.de]\naccepted_nights: 2026-06-30\n",
    "mappings/till.yaml": "source: till\nfiles: ['*.csv']\nentty: contacts\n",
}
SAID = (
    "config/company.yaml:2: 'new_dayz' is not a setting of company; did you mean new_days?",
    "config/company.yaml:3: 'at_risk_days' needs a number like 180, not text",
    "config/activity.yaml:1: 'session_gap_minutes' needs a number like 30, not a list",
    "config/activity.yaml:2: 'session_cap_hours' needs a number like 24, not true or false",
    "config/identity.yaml:1: 'hub_names.email' needs a number like 4, not text",
    "config/identity.yaml:2: 'freemail_domains' needs text, not a list",
    "config/identity.yaml:3: 'accepted_nights' needs a list like [], not a date",
    "mappings/till.yaml:3: unknown setting 'entty'",
)
VALUES = (
    "config/company.yaml:4: time_zone 'Berlin' is unknown",
    "config/company.yaml:5: counted_order_states: 'payed' is no state of orders; did you mean",
    "config/company.yaml:5: counted_order_states: 'fulfild' is no state of orders; did you mean",
    "config/company.yaml:6: reporting_currency is auto or a code such as EUR, not 'EURO'",
    "config/facts.yaml:3: 'gone' is not a state of orders",
    "config/facts.yaml:4: 'payed' is not a state of orders",
    "config/facts.yaml:5: states: 'ordres' is not one of orders",
)


def write(home: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = home / "config" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def faults(home: Path) -> list[str]:
    return configuration.look(home, home / "landing").faults.told


def test_every_file_of_the_configuration_is_told_in_one_run(tmp_path: Path) -> None:
    write(tmp_path, WRONG)
    told = faults(tmp_path)
    for said in SAID:
        assert len([line for line in told if line.startswith(said)]) == 1, (said, told)


def test_values_that_a_room_refuses_have_their_line(tmp_path: Path) -> None:
    write(tmp_path, WRONG)
    told = faults(tmp_path)
    for said in VALUES:
        assert len([line for line in told if line.startswith(said)]) == 1, (said, told)


def test_check_tells_configuration_definitions_and_mappings_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from customer_intel.core.tables import compile as compiler

    fault = compiler.Fault("room/total.sql", 3, "total", "Binder Error")
    monkeypatch.setattr(compiler, "faults", lambda *_: [fault])
    write(tmp_path, WRONG)
    ran = cli("check", "--home", tmp_path, "--json")
    assert ran.code == 3
    for said in (*SAID, "room/total.sql:3: 'total': Binder Error"):
        assert said in ran.text
    told = json.loads(ran.out)["faults"]
    assert {
        "file": "room/total.sql",
        "line": 3,
        "table": "total",
        "message": "Binder Error",
    } in told
    assert ("mappings/till.yaml", 3) in [(item["file"], item.get("line")) for item in told]


def test_a_number_may_be_broken_and_pairs_may_be_empty(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "company.yaml": "new_days: 14\n",
            "identity.yaml": "first_name_similarity: 0.75\ndefault_country:\nmatch_model:\n",
            "facts.yaml": "states:\n",
        },
    )
    assert faults(tmp_path) == []


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("facts.yml", "config/facts.yml: nothing reads this file; name it facts.yaml"),
        ("Facts.yaml", "config/Facts.yaml: nothing reads this file; name it facts.yaml"),
        (
            "nosuchroom.yaml",
            "config/nosuchroom.yaml: nothing reads this file; those read are company.yaml, activity",
        ),
        ("compny.yaml", "config/compny.yaml: nothing reads this file; did you mean company.yaml"),
        (
            "mappings/till.yml",
            "config/mappings/till.yml: nothing reads this file; name it till.yaml",
        ),
        (
            "mappings/old/till.yaml",
            "config/mappings/old/till.yaml: nothing reads this file; mappings",
        ),
        ("mapping/till.yaml", "config/mapping/till.yaml: nothing reads this file; settings lie in"),
    ],
)
def test_a_file_that_nothing_reads_is_a_fault(file: str, said: str, tmp_path: Path) -> None:
    write(tmp_path, {file: ""})
    rooms = sorted(path.parent.name for path in PACKAGE.glob("*/tables.yaml"))
    (told,) = configuration._unread(tmp_path / "config", rooms)
    assert told.startswith(said)


def test_check_and_run_both_refuse_a_file_that_nothing_reads(tmp_path: Path) -> None:
    write(tmp_path, {"facts.yml": ""})
    for command in (("check",), ("run", "--as-of", "2026-06-30")):
        ran = cli(*command, "--home", tmp_path)
        assert ran.code == 3 and "config/facts.yml: nothing reads this file" in ran.text


def test_notes_and_hidden_files_beside_the_configuration_are_nobodys_fault(tmp_path: Path) -> None:
    write(tmp_path, {"README.md": "", ".facts.yaml": "", "facts.yaml": "", "mappings/x.yaml~": ""})
    assert faults(tmp_path) == []


def test_words_for_a_source_that_nothing_names_are_warned_of(tmp_path: Path) -> None:
    (tmp_path / "landing" / "till" / "2026-06-30").mkdir(parents=True)
    states = "states:\n  till.orders: {Weg: cancelled}\n  tlil.orders: {Weg: cancelled}\n  orders: {X: paid}\n"
    write(tmp_path, {"facts.yaml": states})
    looked = configuration.look(tmp_path, tmp_path / "landing")
    (said,) = looked.warnings
    assert not looked.faults.told
    assert said.startswith("config/facts.yaml:3: states: no mapping and no folder of landing/ is ")
    assert "'tlil'; did you mean till" in said
    ran = cli("check", "--home", tmp_path)
    assert ran.code == 0 and said in ran.err


def test_several_tables_and_columns_are_told_at_once(house: House) -> None:
    house.write("room/tables.yaml", TABLES.replace("orders*, revenue", "ordres*, revenu"))
    with pytest.raises(ConfigError) as told:
        _ = house.contract
    assert len(str(told.value).splitlines()) == 2
    house.write("room/tables.yaml", TABLES + "more: 1\n")
    house.write("room/columns.yaml", "first: 1\nSecond: {type: text, meaning: x}\n")
    with pytest.raises(ConfigError) as told:
        _ = house.contract
    assert len(str(told.value).splitlines()) == 3


def test_several_definitions_that_cannot_be_read_are_told_at_once(house: House) -> None:
    house.write("room/base.sql", "SELECT (")
    house.write("room/total.sql", "SELECT * FROM bace")
    with pytest.raises(ConfigError) as told:
        _ = house.definitions
    assert len(str(told.value).splitlines()) == 2


def test_no_shipped_setting_is_at_fault() -> None:
    for room in {spec.room for spec in contract.load().tables.values()}:
        parameters.room_config(room, Path("/nonexistent"))
