"""The contract's loader: what it derives, and that each mistake names file, line and remedy."""

from __future__ import annotations

import pytest

from customer_intel.core.contract import load as contract
from customer_intel.core.contract.model import OF_ENTITIES, STAMPS
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.tables import lineage
from customer_intel_tests.house import COLUMNS, TABLES, House


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("revenue\n  expect", "revenu\n  expect"),
            r"tables.yaml:8: .*column 'revenu' .*did you mean revenue",
        ),
        (("  grain: one row per customer\n", ""), r"tables.yaml:8: 'total': grain: Field required"),
        (("purpose: What", "porpose: What"), r"tables.yaml:8: 'total'"),
        (("key: [customer_id]", "key: [nobody]"), r"'total' says something of 'nobody'"),
        (
            ("- rows: {min: 1}", "- rowz: {min: 1}"),
            r"'rowz' is no kind of expectations; did you mean rows\?; use rows, between",
        ),
        (("  published: true", "  needs: [nothing]"), r"needs 'nothing', which no room makes"),
        (("total:\n", "total:\n  owner: team:x\n"), r"tables.yaml:12: 'owner' stands twice"),
    ],
)
def test_mistakes_name_file_line_and_remedy(
    house: House, change: tuple[str, str], message: str
) -> None:
    house.write("room/tables.yaml", TABLES.replace(*change))
    with pytest.raises(ConfigError, match=message):
        _ = house.contract


def test_whole_tables_are_stamped_and_day_tables_are_not(house: House) -> None:
    assert [c.name for c in house.contract.table("total").columns][-2:] == ["as_of", "snapshot_id"]
    assert "as_of" not in house.contract.table("base").by_name


ENTITY = """\
order:
  grain: one row per order
  purpose: What was bought
  owner: team:test
  key: [source_system, customer_id]
  entity: {order: []}
  columns: customer_id*, revenue
"""
PROVENANCE = """\
_deleted: {type: bool, meaning: Gone}
source_system: {type: text, meaning: Which source}
exported_at: {type: timestamp, meaning: When}
source_file: {type: text, meaning: Which file}
source_row: {type: int, meaning: Which row}
extra_json: {type: text, meaning: The rest}
column_set: {type: int, meaning: Which columns}
column_files: {type: text, meaning: Whose values}
"""


def test_an_entity_says_where_its_rows_come_from_by_itself(house: House) -> None:
    house.write("columns.yaml", COLUMNS + PROVENANCE)
    house.write("shop/tables.yaml", ENTITY)
    told = {column.name: column.required for column in house.contract.table("raw_order").columns}
    assert told == {
        "customer_id": True, "revenue": False, "_deleted": False, "source_system": True, "exported_at": True,
        "source_file": True, "source_row": True, "extra_json": False, "column_set": False, "column_files": False,
    }  # fmt: skip
    assert list(house.contract.table("order").by_name) == [*told, "as_of", "snapshot_id"]
    assert "source_file" not in house.contract.table("total").by_name


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("shop/tables.yaml", ENTITY.replace("revenue\n", "revenue, source_file*\n"),
         r"shop/tables\.yaml:1: table 'order' lists 'source_file' twice; it has it by itself, take it out"),
        ("room/tables.yaml", TABLES.replace("revenue\n  expect", "revenue, as_of\n  expect"),
         r"room/tables\.yaml:8: table 'total' lists 'as_of' twice; it has it by itself, take it out"),
        ("room/tables.yaml", TABLES.replace("revenue\n  expect", "revenue, orders\n  expect"),
         r"room/tables\.yaml:8: table 'total' lists 'orders' twice$"),
    ],
)  # fmt: skip
def test_a_column_is_listed_once_and_what_core_adds_never(
    house: House, file: str, text: str, message: str
) -> None:
    house.write("columns.yaml", COLUMNS + PROVENANCE)
    house.write(file, text)
    with pytest.raises(ConfigError, match=message):
        _ = house.contract


def test_dependencies_are_read_from_the_sql_and_ordered(house: House) -> None:
    assert list(house.definitions) == ["base", "total"]
    assert house.definitions["total"].reads == ("base",)


def test_a_circle_and_a_missing_definition_are_named(house: House) -> None:
    house.write(
        "room/base.sql", "SELECT customer_id, DATE '2024-01-01' AS day, orders, revenue FROM total"
    )
    with pytest.raises(ConfigError, match=r"circle: base → total → base"):
        _ = house.definitions
    (house.package / "room/base.sql").unlink()
    with pytest.raises(ConfigError, match=r"'base' needs exactly one of base\.sql or a function"):
        _ = house.definitions


def test_column_lineage_is_read_from_the_sql(house: House) -> None:
    found = lineage.column_lineage(house.definitions["total"], house.contract)
    assert found["orders"] == [("base", "orders")]
    assert found["revenue"] == [("base", "revenue")]


def test_an_unset_parameter_names_the_setting(house: House) -> None:
    house.write(
        "room/total.sql", "SELECT customer_id, orders, revenue FROM base WHERE day < $as_off"
    )
    with pytest.raises(
        ConfigError, match=r"uses \$as_off; did you mean as_of\?; set it in room/config.yaml"
    ):
        house.definitions["total"].sql({"as_of": 1})


def test_the_shipped_contract_is_whole() -> None:
    """Every table has grain, purpose, owner, known columns and at least one expectation besides its
    stamps.
    """
    shipped = contract.load()
    for spec in shipped.tables.values():
        assert spec.grain and spec.purpose and spec.owner.startswith("team:"), spec.name
        assert spec.raw_of or spec.key or spec.expect, f"{spec.name} has no expectation"


def test_each_column_stands_where_the_tables_that_list_it_are() -> None:
    """In its room's file when one room lists it, in columns.yaml when several do or core adds it."""
    rooms: dict[str, set[str]] = {}
    for spec in contract.load().tables.values():
        for column in spec.columns:
            rooms.setdefault(column.name, set()).add(spec.room)
            rooms.setdefault(f"{spec.room}/{column.name}", set()).add(spec.room)
    added = {*STAMPS, *OF_ENTITIES}
    for name, own in contract.declared().items():
        listing = rooms.get(name, set())
        assert listing, f"{own.where}: no table lists '{name}'; take the line out"
        assert own.room or len(listing) > 1 or name in added, (
            f"{own.where}: only {min(listing)} lists '{name}'; move the line to "
            f"{min(listing)}/columns.yaml"
        )


# ---- columns.yaml of the house and of each room
SEATS = "seats: {type: int, unit: seats, meaning: Seats}\n"
OTHER = """\
plan:
  grain: one row per customer
  purpose: What customers pay for
  owner: team:test
  key: [customer_id]
  columns: customer_id*, seats
"""


def test_a_room_declares_columns_of_its_own_beside_those_of_the_house(house: House) -> None:
    house.write("other/columns.yaml", SEATS)
    house.write("other/tables.yaml", OTHER)
    plan = house.contract.table("plan")
    assert [column.name for column in plan.columns][:2] == ["customer_id", "seats"]
    assert plan.by_name["seats"].unit == "seats"
    assert contract.declared(house.package)["other/seats"].where == "other/columns.yaml:1"


def test_what_another_room_declares_is_shared_through_the_house(house: House) -> None:
    house.write("room/columns.yaml", f"# Seats.\n{SEATS}")
    house.write("other/tables.yaml", OTHER)
    with pytest.raises(
        ConfigError,
        match=r"other/tables\.yaml:1: table 'plan': column 'seats' is declared in "
        r"room/columns\.yaml:2 for tables of that room; move that line to columns\.yaml to share it",
    ):
        _ = house.contract
    (house.package / "room/columns.yaml").unlink()
    house.write("columns.yaml", COLUMNS + SEATS)
    assert "seats" in house.contract.table("plan").by_name


def test_a_column_is_declared_once(house: House) -> None:
    house.write("room/columns.yaml", "revenue: {type: money, meaning: How much}\n")
    with pytest.raises(
        ConfigError,
        match=r"room/columns\.yaml:1: column 'revenue' is declared in columns\.yaml:4 too",
    ):
        _ = house.contract


def test_a_column_that_nobody_declares_is_named_with_the_nearest_of_both_files(
    house: House,
) -> None:
    house.write("other/columns.yaml", SEATS)
    house.write("other/tables.yaml", OTHER.replace("seats", "seat"))
    with pytest.raises(
        ConfigError,
        match=r"column 'seat' is neither in columns\.yaml nor in other/columns\.yaml; did you mean "
        r"seats\?; add it to other/columns\.yaml",
    ):
        _ = house.contract


def test_a_fault_of_a_rooms_file_names_the_room(house: House) -> None:
    house.write("room/columns.yaml", "# Nothing yet.\nseats: {type: whole, meaning: Seats}\n")
    with pytest.raises(ConfigError, match=r"^room/columns\.yaml:2: 'seats': type: "):
        _ = house.contract
    house.write("room/columns.yaml", "seats: {type: int\n")
    with pytest.raises(ConfigError, match=r"^room/columns\.yaml:2: .*mend the YAML there"):
        _ = house.contract


def with_feature(house: House, revenue: str) -> None:
    """`revenue` becomes a feature of total, its entry in columns.yaml longer by this."""
    house.write("columns.yaml", COLUMNS.replace("meaning: How much", f"meaning: How much{revenue}"))
    house.write("room/tables.yaml", TABLES.replace("  published: true", "  features: rev"))


@pytest.mark.parametrize(
    ("revenue", "said"),
    [
        ("", r"has no phrase for reasons; add one to its entry in columns\.yaml"),
        (", phrase: 'spent {v}'", "may be empty and has no phrase for that; .*phrase_missing:"),
        (", phrase: '{w}', phrase_missing: x", r"names \{w\}, which is neither v, t or a nor"),
        (", phrase: '{revenu}', phrase_missing: x", r"names \{revenu\}, .*did you mean revenue\?"),
        (", phrase: '{v', phrase_missing: x", "expected '}' before end of string in its phrase; "),
    ],
)
def test_a_feature_that_a_reason_could_not_tell_is_refused(
    house: House, revenue: str, said: str
) -> None:
    with_feature(house, revenue)
    place = r"^room/tables\.yaml:8: table 'total': feature 'revenue'"
    with pytest.raises(ConfigError, match=f"{place}:? .*{said}"):
        _ = house.contract


def test_features_are_the_columns_named_so(house: House) -> None:
    with_feature(house, ", phrase: 'spent {v}, typical {t}', phrase_missing: nothing spent")
    assert list(house.contract.table("total").feature_columns) == ["revenue"]
    assert house.contract.table("base").feature_columns == {}
