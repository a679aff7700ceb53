"""A profile: its own SELECT, joined by its key with what other tables bring by their entries."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.night import build as step
from customer_intel.core.store.lake import Lake
from customer_intel.core.tables import compile as compiler
from customer_intel.core.tables import lineage, portable_sql
from customer_intel.testing import TableLab
from customer_intel_tests.house import COLUMNS, TABLES, House

NIGHT = date(2024, 1, 3)
PERSON = """
person:
  grain: one row per customer
  purpose: Everything known of a customer
  owner: team:test
  key: [customer_id]
  is_profile: true
  columns: customer_id*
"""
OWN = "-- Grain: one row per customer.\nSELECT *\nFROM (VALUES ('a'), ('z')) AS v(customer_id)\n"
GENERATED = """\
WITH own AS ( -- Grain: one row per customer.
SELECT *
FROM (VALUES ('a'), ('z')) AS v(customer_id)
)
-- Generated from what tables say under "profile" in their tables.yaml.
SELECT
    own.*,
    coalesce(total.orders, 0) AS orders,
    CASE WHEN total.customer_id IS NULL THEN 0 ELSE total.revenue END AS spent
FROM own
LEFT JOIN total ON total.customer_id = own.customer_id
"""


def entries(total: str = "", person: str = "") -> str:
    """The house's tables: `total` with another line in its entry, and the profile with another."""
    made = TABLES.replace("  published: true\n", f"  published: true\n  {total}\n")
    return made + PERSON.replace("  columns: customer_id*", person or "  columns: customer_id*")


@pytest.fixture
def person(house: House) -> House:
    house.write("columns.yaml", COLUMNS + "spent: {type: money, meaning: How much ever}\n")
    house.write("room/tables.yaml", entries())
    house.write("room/person.sql", OWN)
    return house


def rows(house: House) -> list[tuple[object, ...]]:
    lab = TableLab(NIGHT, package=house.package)
    lab.put("total", [{"customer_id": "a", "orders": 3}])
    return lab.run("person").rows()


def test_a_table_reaches_the_profile_by_its_entry_alone(person: House) -> None:
    assert rows(person) == [("a",), ("z",)]
    person.write("room/tables.yaml", entries("profile: {zero: orders}"))
    assert rows(person) == [("a", 3, None), ("z", 0, None)]
    made = person.contract.table("person")
    assert [(c.name, c.required) for c in made.columns] == [
        ("customer_id", True), ("orders", True), ("revenue", False), ("as_of", True), ("snapshot_id", True),
    ]  # fmt: skip
    assert person.definitions["person"].reads == ("total",)


def test_what_a_row_leaves_empty_stays_empty_and_only_who_has_none_gets_zero(person: House) -> None:
    person.write("room/tables.yaml", entries("profile: {zero: 'orders, revenue'}"))
    assert rows(person) == [("a", 3, None), ("z", 0, Decimal("0.00"))]
    assert not person.contract.table("person").by_name["revenue"].required


def test_columns_are_left_out_and_renamed(person: House) -> None:
    person.write(
        "room/tables.yaml", entries("profile: {all_but: orders, rename: {revenue: spent}}")
    )
    brought = person.contract.table("person").by_name
    assert list(brought)[:2] == ["customer_id", "spent"]
    assert brought["spent"].meaning == "How much ever"


def test_listed_columns_keep_their_place_and_mean_what_their_table_says(person: House) -> None:
    said = "meanings: {revenue: How much in all}\n  profile: true"
    person.write("room/tables.yaml", entries(said, "  columns: revenue, customer_id*"))
    columns = person.contract.table("person").columns
    assert [c.name for c in columns][:3] == ["revenue", "customer_id", "orders"]
    assert columns[0].meaning == "How much in all"
    own = "  meanings: {revenue: What came in}\n  columns: revenue, customer_id*"
    person.write("room/tables.yaml", entries(said, own))
    assert person.contract.table("person").columns[0].meaning == "What came in"


def test_the_select_is_readable_portable_and_has_a_lineage(person: House) -> None:
    person.write(
        "room/tables.yaml",
        entries("profile: {rename: {revenue: spent}, zero: 'orders, revenue'}"),
    )
    definition = person.definitions["person"]
    assert definition.text == GENERATED
    assert portable_sql.faults(definition.text, "person") == []
    assert lineage.column_lineage(definition, person.contract)["spent"] == [
        ("total", "customer_id"),
        ("total", "revenue"),
    ]


def test_a_night_computes_it(person: House) -> None:
    person.write("room/tables.yaml", entries("profile: {zero: orders}"))
    night = person.night()
    assert all(step.build(night, one).passed for one in person.definitions.values())
    frame = pl.read_parquet(Lake(person.home).files("person"))
    assert frame.select("customer_id", "orders", "revenue").rows() == [
        ("a", 3, Decimal("12.50")),
        ("z", 0, None),
    ]


def found(house: House) -> list[str]:
    made = compiler.faults(house.contract, house.definitions, house.home, package=house.package)
    return [str(fault) for fault in made]


def test_check_names_the_line_of_its_own_select(person: House) -> None:
    person.write("room/tables.yaml", entries("profile: true"))
    assert found(person) == []
    person.write("room/person.sql", OWN.replace("SELECT *", "SELECT customer"))
    (fault,) = found(person)
    assert fault.startswith(
        "room/person.sql:2: 'person': Binder Error: Referenced column \"customer\""
    )
    person.write("room/person.sql", OWN.replace("SELECT *", "SELECT *, 1 AS orders"))
    (fault,) = found(person)
    assert fault.startswith("room/tables.yaml:20: 'person': has orders twice; make its")


@pytest.mark.parametrize(
    ("total", "listed", "said"),
    [
        ("profile: {zero: order}", "", "8: .*'total': profile names 'order', .*did you mean orders"),
        ("profile: all", "", "8: .*'total': profile is true, or any of all_but, rename, zero"),
        ("profile: {zeros: orders}", "", r"8: .*'total': profile: .*zeros: .*did you mean zero\?"),
        ("profile: {rename: {revenue: spend}}", "", "8: .*'spend', which is no column of type money"),
        ("profile: {rename: {orders: spent}}", "", "8: .*'spent', which is no column of type int"),
        ("profile: {rename: {orders: revenue}}", "", "8: .*brings two columns under one name; rename one"),
        ("profile: true", "  columns: customer_id*, orders*", "20: .*'orders' comes from 'total', .* without"),
        ("profile: true\n  key: [orders]", "", "8: .*says profile, but no table .* key .orders."),
    ],
)  # fmt: skip
def test_an_entry_that_cannot_be_joined_names_line_and_remedy(
    person: House, total: str, listed: str, said: str
) -> None:
    text = entries(total, listed)
    if "key: [orders]" in total:
        text = text.replace("  key: [customer_id]\n  published", "  published")
    person.write("room/tables.yaml", text)
    with pytest.raises(ConfigError, match=rf"^room/tables\.yaml:{said}"):
        _ = person.contract


def test_two_tables_cannot_bring_one_column_nor_a_text_be_zero(person: House) -> None:
    visits = (
        "visits:\n  grain: g\n  purpose: p\n  owner: team:test\n  key: [customer_id]\n"
        "  columns: customer_id*, {}*\n  profile: {}\n"
    )
    text = entries("profile: {all_but: revenue}")
    person.write("columns.yaml", COLUMNS + "word: {type: text, meaning: What was said}\n")
    person.write("room/tables.yaml", text + visits.format("orders", "true"))
    with pytest.raises(ConfigError, match=r":27: table 'visits': .*'orders', and so does 'total'"):
        _ = person.contract
    person.write("room/tables.yaml", text + visits.format("word", "{zero: word}"))
    with pytest.raises(ConfigError, match=r":27: .*zero: 'word' is text, which can be empty only"):
        _ = person.contract
