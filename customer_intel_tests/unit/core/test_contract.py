"""The contract's loader: what it derives, and that each mistake names file, line and remedy."""

from __future__ import annotations

import pytest

from customer_intel.core.contract import model as contract
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.tables import definition as table
from customer_intel_tests.house import TABLES, House


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
        (("- rows: {min: 1}", "- rowz: {min: 1}"), r"kind: Input should be"),
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
    found = table.column_lineage(house.definitions["total"], house.contract)
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
    used = {column.name for spec in shipped.tables.values() for column in spec.columns}
    declared = set(contract._columns(contract.COLUMNS_FILE))
    assert not declared - used, (
        f"columns.yaml declares columns no table carries: {sorted(declared - used)}"
    )
