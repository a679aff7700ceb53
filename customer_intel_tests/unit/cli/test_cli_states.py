"""What counts, on the screen: words of states before and after a night, currencies, people left
out.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from rich.console import Console

from customer_intel.cli import states as cli_states
from customer_intel.core.contract import load as contract
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel_tests.whole_nights import cli

ORDERS = """order_id,customer_ref,ordered_at,status,currency,total
o1,1,2026-05-01 10:00:00,Bezahlt,EUR,10.00
o2,2,2026-05-02 10:00:00,Abgelegt,EUR,20.00
o3,3,2026-05-03 10:00:00,Storniert,EUR,30.00
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "landing" / "till" / "2026-06-30"
    folder.mkdir(parents=True)
    (folder / "orders.csv").write_text(ORDERS, encoding="utf-8")
    return tmp_path


def told(home: Path) -> dict[str, tuple[str, str, int]]:
    rows = cli_states.words(home, home / "landing")
    return {row["word"]: (row["state"], row["basis"], row["n"]) for row in rows}


def test_check_lists_the_words_of_landed_files_before_any_night(home: Path) -> None:
    assert told(home) == {
        "Abgelegt": ("unknown", "unknown", 1),
        "Bezahlt": ("paid", "common", 1),
        "Storniert": ("cancelled", "common", 1),
    }
    said = cli("check", "--home", home).text
    assert "till orders: ‘Bezahlt’ paid (1), ‘Storniert’ cancelled (1)" in said
    assert "‘Abgelegt’ (1 row) is unknown, so it does not count" in said


def test_a_word_of_ones_own_is_taken_as_declared(home: Path) -> None:
    (home / "config").mkdir()
    (home / "config" / "facts.yaml").write_text(
        "states: {till.orders: {Abgelegt: cancelled}}\n", encoding="utf-8"
    )
    assert told(home)["Abgelegt"] == ("cancelled", "own", 1)


def test_a_declared_state_that_does_not_exist_is_bad_configuration(home: Path) -> None:
    (home / "config").mkdir()
    (home / "config" / "facts.yaml").write_text(
        "states: {till.orders: {Abgelegt: canceled}}\n", encoding="utf-8"
    )
    with pytest.raises(ConfigError, match=r"facts\.yaml.*cancelled"):
        told(home)
    assert cli("check", "--home", home).code == 3


def test_a_source_without_states_is_said_to_list_sales(home: Path) -> None:
    bare = "\n".join(
        ",".join(line.split(",")[:3] + line.split(",")[4:]) for line in ORDERS.splitlines()
    )
    (home / "landing" / "till" / "2026-06-30" / "orders.csv").write_text(
        bare + "\n", encoding="utf-8"
    )
    assert (
        "till orders: no states; every row counts as paid (3)" in cli("check", "--home", home).text
    )


def test_a_file_that_cannot_be_read_does_not_hide_the_others(home: Path) -> None:
    (home / "landing" / "till" / "2026-06-30" / "payments.csv").write_bytes(b"\xff\xfe\x00broken")
    assert "Bezahlt" in told(home)


def test_defaults_that_touch_money_or_people_are_on_the_nights_screen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def frame(name: str, rows: list[dict[str, object]]) -> pl.DataFrame:
        schema = pl.DataFrame(contract.load().table(name).arrow_schema.empty_table()).schema
        return pl.DataFrame(rows, schema=schema)

    tables = {
        "state_word": frame(
            "state_word",
            [
                {
                    "source_system": "till",
                    "entity": "orders",
                    "word": "Klärfall",
                    "basis": "unknown",
                    "n": 2,
                },
                {
                    "source_system": "web",
                    "entity": "orders",
                    "word": "",
                    "state": "paid",
                    "basis": "absent",
                    "n": 9,
                },
            ],
        ),
        "currency_use": frame(
            "currency_use",
            [
                {"currency": "EUR", "is_reporting": True, "reporting_basis": "most_amounts"},
                {"currency": "JPY", "is_reporting": False, "reporting_basis": "most_amounts"},
            ],
        ),
        "order_fact": frame(
            "order_fact", [{"currency": "JPY", "is_sale": True, "net_reporting": None}]
        ),
        "unprofiled_customer": frame("unprofiled_customer", [{"customer_id": "c_1"}]),
    }
    monkeypatch.setattr(cli_states, "_frame", lambda home, name, *columns: tables.get(name))
    console = Console(record=True, width=200)
    cli_states.print_meaning(tmp_path, console)
    said = console.export_text()
    assert "‘Klärfall’ (2 rows) is unknown" in said
    assert "web orders have no states: each counts as paid (9)" in said
    assert "sums are in EUR, which most amounts are in, beside JPY" in said
    assert "1 orders in JPY have no rate" in said
    assert "1 customers may not be profiled" in said


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ('counted_order_states: "|payed|fulfilled|"', "did you mean placed or paid"),
        ('counted_order_states: "paid|fulfilled"', "like"),
        ("counted_subscription_states: [active]", "like"),
        ("reporting_currency: EURO", "auto or a code"),
        ("time_zone: Berlin", "time_zone"),
    ],
)
def test_a_setting_that_would_count_nothing_is_bad_configuration(
    home: Path, setting: str, said: str
) -> None:
    (home / "config").mkdir()
    (home / "config" / "company.yaml").write_text(setting + "\n", encoding="utf-8")
    ran = cli("check", "--home", home)
    assert ran.code == 3 and said in ran.text and "company.yaml" in ran.text
    assert cli("run", "--home", home).code == 3
