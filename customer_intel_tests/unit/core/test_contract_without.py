"""What a table must not see it never sees: `without` in the contract; and the settings that every
room shares.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from customer_intel.core.contract import load as contract
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.night import build as step
from customer_intel.core.night.night import Outcome
from customer_intel.core.store.lake import Lake
from customer_intel.core.tables.definition import Definition
from customer_intel.core.tables.parameters import company_config, room_config
from customer_intel_tests.house import SQL, TABLES, House

BARRED = """\
barred:
  grain: one row per customer who may not be counted
  purpose: Whom to leave out
  owner: team:test
  key: [customer_id]
  columns: customer_id*
"""
WITHOUT = TABLES.replace("  published: true", "  published: true\n  without: barred") + BARRED
NOBODY = "SELECT 'x' AS customer_id WHERE FALSE"


@pytest.fixture
def house(house: House) -> House:
    house.write("room/tables.yaml", WITHOUT)
    house.write("room/barred.sql", "SELECT 'a' AS customer_id")
    return house


def run(house: House) -> dict[str, Outcome]:
    return {
        name: step.build(house.night(), definition)
        for name, definition in house.definitions.items()
    }


def customers(house: House, name: str = "total") -> list[str]:
    return pl.read_parquet(Lake(house.home).files(name))["customer_id"].to_list()


def by_function(
    house: House, patch: pytest.MonkeyPatch, signature: str, function: Callable[..., pl.DataFrame]
) -> None:
    """`total` computed by the function instead of its SQL."""
    (house.package / "room/total.sql").unlink()
    house.write("room/counting.py", f"def total({signature}) -> pl.DataFrame: ...\n")
    patch.setattr(Definition, "function", lambda self: function)


def summed(base: pl.DataFrame) -> pl.DataFrame:
    return (
        base.group_by("customer_id")
        .agg(pl.col("orders", "revenue").sum())
        .cast({"revenue": pl.Decimal(18, 2)})
    )


# ---- without
def test_a_query_loses_the_rows_whose_key_stands_there(house: House) -> None:
    assert set(house.definitions["total"].depends_on) == {"barred", "base"}
    assert run(house)["total"].passed
    assert customers(house) == ["b"]
    assert set(customers(house, "base")) == {"a", "b"}, "the input itself stays whole"


def test_nobody_there_nothing_lost(house: House) -> None:
    house.write("room/barred.sql", NOBODY)
    run(house)
    assert customers(house) == ["a", "b"]


def test_a_row_of_nobody_is_not_lost(house: House) -> None:
    loose = WITHOUT.replace("key: [customer_id, day]", "key: [day, orders]").replace(
        "columns: customer_id*, day", "columns: customer_id, day"
    )
    house.write("room/tables.yaml", loose)
    house.write("room/base.sql", SQL["base"].replace("('b', ", "(NULL, "))
    house.write(
        "room/total.sql",
        SQL["total"].replace(
            "SELECT customer_id", "SELECT coalesce(customer_id, 'nobody') AS customer_id"
        ),
    )
    run(house)
    assert customers(house) == ["nobody"]


@pytest.mark.parametrize("kind", ["pl.DataFrame", "pl.LazyFrame"])
def test_a_function_loses_them_too(
    kind: str, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def total(base: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
        seen.append(base)
        return summed(base.collect() if isinstance(base, pl.LazyFrame) else base)

    by_function(house, monkeypatch, f"base: {kind}", total)
    assert run(house)["total"].passed
    assert type(seen[0]).__name__ == kind.removeprefix("pl.") and customers(house) == ["b"]


def test_the_gate_closes_when_they_come_through(house: House) -> None:
    assert run(house)["total"].passed
    before = Lake(house.home).current("total")
    house.write(
        "room/total.sql",
        (
            "SELECT 'a' AS customer_id, CAST(1 AS BIGINT) AS orders, CAST(1 AS DECIMAL(18, 2)) AS "
            "revenue"
        ),
    )
    outcome = run(house)["total"]
    assert outcome.status == "rejected" and "without_barred" in outcome.reason
    assert Lake(house.home).current("total") == before


def test_the_gate_closes_when_last_nights_rows_bring_them_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_function(house, monkeypatch, ("base: pl.DataFrame, previous: "
        "pl.DataFrame"), lambda base, previous: (
        summed(base) if previous.is_empty() else previous.drop("as_of", "snapshot_id")
    ))  # fmt: skip
    house.write("room/barred.sql", NOBODY)
    run(house)
    assert set(customers(house)) == {"a", "b"}
    house.write("room/barred.sql", "SELECT 'a' AS customer_id")
    assert "without_barred" in run(house)["total"].reason


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ("bared", "'bared', which no room makes; did you mean barred"),
        ("base", "'base': that table needs one key column"),
    ],
)
def test_a_wrong_without_names_the_file(house: House, other: str, message: str) -> None:
    house.write("room/tables.yaml", WITHOUT.replace("without: barred", f"without: {other}"))
    with pytest.raises(ConfigError, match=f"room/tables.yaml: 'total' is without {message}"):
        _ = house.contract


def test_a_key_that_the_table_has_not_is_named(house: House) -> None:
    text = WITHOUT.replace("key: [customer_id]\n  published", "key: [orders]\n  published")
    house.write(
        "room/tables.yaml",
        text.replace(
            "columns: customer_id*, orders*, revenue\n  expect",
            "columns: orders*, revenue\n  expect",
        ),
    )
    with pytest.raises(ConfigError, match=r"needs one key column, which 'total' has too"):
        _ = house.contract


def test_raw_exports_see_everything() -> None:
    assert not [
        name for name, spec in contract.load().tables.items() if spec.raw_of and spec.without
    ]


# ---- what every room shares
def company(home: Path, text: str) -> Path:
    (home / "config").mkdir(parents=True, exist_ok=True)
    (home / "config/company.yaml").write_text(text, encoding="utf-8")
    return home


def test_a_homes_company_file_overrides_what_every_room_shares(tmp_path: Path) -> None:
    shipped = company_config(tmp_path)
    home = company(tmp_path, "active_days: 45\nreporting_currency: CHF\n")
    assert company_config(home) == {**shipped, "active_days": 45, "reporting_currency": "CHF"}
    for room in ("facts", "segments", "activity", "journeys"):
        assert room_config(room, home)["active_days"] == 45, room
    assert (
        shipped["active_days"] == room_config("facts", tmp_path / "elsewhere")["active_days"] == 90
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "# ours\nactiv_days: 45\n",
            "company.yaml:2: 'activ_days' is not a setting of company; did you mean active_days",
        ),
        (
            "session_gap_minutes: 10\n",
            "company.yaml:1: 'session_gap_minutes' is not a setting of company",
        ),
    ],
)
def test_a_key_that_is_no_shared_setting_is_named(text: str, message: str, house: House) -> None:
    company(house.home, text)
    with pytest.raises(ConfigError, match=f"config/{message}"):
        run(house)


def test_an_unknown_time_zone_is_named(house: House) -> None:
    company(house.home, "time_zone: Mars/Olympus\n")
    with pytest.raises(
        ConfigError, match=r"config/company.yaml: time_zone 'Mars/Olympus' is unknown"
    ):
        run(house)


@pytest.mark.parametrize(
    ("zone", "moment", "day"),
    [
        ("UTC", "2024-07-02 23:30:00", date(2024, 7, 2)),
        ("Europe/Berlin", "2024-07-02 23:30:00", date(2024, 7, 3)),
        ("Europe/Berlin", "2024-07-02 21:59:59", date(2024, 7, 2)),
        ("Europe/Berlin", "2024-01-02 22:30:00", date(2024, 1, 2)),
        ("America/New_York", "2024-01-02 03:00:00", date(2024, 1, 1)),
        ("Pacific/Auckland", "2024-01-02 11:00:00", date(2024, 1, 3)),
    ],
)
def test_a_day_begins_at_the_zones_midnight(
    zone: str, moment: str, day: date, house: House
) -> None:
    company(house.home, f"time_zone: {zone}\n")
    house.write(
        "room/tables.yaml",
        WITHOUT.replace("total:", "local:")
        .replace(
            "columns: customer_id*, orders*, revenue\n  expect",
            "columns: customer_id*, day*\n  expect",
        )
        .replace("    - between: {column: orders, min: 0}\n", ""),
    )
    (house.package / "room/total.sql").unlink()
    house.write(
        "room/local.sql", f"SELECT 'b' AS customer_id, local_day(TIMESTAMP '{moment}') AS day"
    )
    assert run(house)["local"].passed
    assert pl.read_parquet(Lake(house.home).files("local"))["day"].to_list() == [day]
