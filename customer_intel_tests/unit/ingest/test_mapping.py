"""Mappings: loaded, explained when wrong, matched to files."""

from __future__ import annotations

from pathlib import Path

import pytest

from customer_intel.core.contract import load as contract
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.ingest.mapping import expressions
from customer_intel.ingest.mapping import model as mapping

ENTITIES = contract.load().entities
GOOD = """\
source: shop
files: "orders*.csv*"
entity: orders
columns:
  order_id: Name
  ordered_at: '"Created at"'
  currency: upper(Currency)
  total: Total
"""


def read(folder: Path, text: str) -> mapping.FileMapping:
    path = folder / "shop_orders.yaml"
    path.write_text(text, encoding="utf-8")
    return mapping.read(path, ENTITIES)


def test_source_columns_are_read_from_names_and_expressions(tmp_path: Path) -> None:
    shop = read(tmp_path, GOOD)
    assert shop.sources([]) == {"Name", "Created at", "Currency", "Total"}
    assert shop.missing(["name", "Created at", "currency", "Total", "more"]) == []
    assert shop.missing(["Name", "Currency", "Total"]) == ["Created at"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("people.person || lower(a)", {"a"}),
        ("list_transform([1], x -> x + b)[1]", {"b"}),
        ("row_number() over (partition by c order by _row)", {"c", "_row"}),
        ("Created at", {"Created at"}),
        ("count(*) filter (where d > 1)", {"d"}),
    ],
)
def test_columns_of_an_expression(text: str, names: set[str]) -> None:
    assert expressions.columns_of(text, ("people",)) == names


def test_a_column_whose_name_is_also_sql_is_the_column(tmp_path: Path) -> None:
    shop = read(tmp_path, GOOD.replace("total: Total", 'total: "Price / International"'))
    assert shop.sources(["Price / International"]) >= {"Price / International"}
    assert shop.sources([]) >= {"Price", "International"}


@pytest.mark.parametrize(
    ("change", "line", "says"),
    [
        (("order_id: Name", "oder_id: Name"), 5, "no column 'oder_id'; did you mean order_id"),
        (("entity: orders", "entity: order"), 3, "no entity 'order'; did you mean orders"),
        (
            ("source: shop", "source: shop\nreader: {delimeter: ';'}"),
            2,
            "unknown setting 'reader.delimeter'; did you",
        ),
        (
            ("source: shop", "source: shop\nreader: {zone: Europe/Berlinn}"),
            2,
            "no time zone 'Europe/Berlinn'",
        ),
        (("  total: Total\n", ""), 4, "orders requires 'total'"),
        (("total: Total", "total: (select 1)"), 8, "subquery"),
        (("total: Total", "total: random()"), 8, "not reproducible"),
        (("total: Total", "total: yes"), 8, "put an expression in quotes"),
        (("total: Total", "total: Total\n  total: Other"), 9, "'total' stands twice"),
        (("files:", "file:"), 2, "unknown setting 'file'; did you mean files"),
    ],
)
def test_a_fault_names_line_and_remedy(
    tmp_path: Path, change: tuple[str, str], line: int, says: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, GOOD.replace(*change))
    text = str(caught.value)
    assert f"shop_orders.yaml:{line}: " in text
    assert says in text


def test_bare_on_and_null_are_words(tmp_path: Path) -> None:
    text = (
        "reader: {null: ['', 'NULL']}\nlookups:\n  p:\n    files: p.csv\n    sql: select 1 as "
        "k\n    on: Name\n"
    )
    shop = read(tmp_path, text + GOOD)
    assert (shop.reader.null, shop.lookups["p"].on) == (("", "NULL"), "Name")


def test_the_homes_mapping_overrides_by_name(tmp_path: Path) -> None:
    read(tmp_path, GOOD).model_copy()
    (tmp_path / "olist_orders.yaml").write_text(GOOD)
    loaded = mapping.load(tmp_path, ENTITIES)
    assert loaded["olist_orders"].source == "shop"
    assert loaded["olist_products"].source == "olist"


def test_all_faulty_files_are_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("entity: [")
    (tmp_path / "b.yaml").write_text("source: x\n")
    with pytest.raises(ConfigError, match=r"a\.yaml[\s\S]*b\.yaml:1: 'files' is missing"):
        mapping.load(tmp_path, ENTITIES)


def test_matching_by_folder_pattern_and_name(tmp_path: Path) -> None:
    mappings = {"shop_orders": read(tmp_path, GOOD)}

    def names(name: str, source: str | None) -> list[str]:
        return [found.name for found in mapping.matching(name, source, mappings, ENTITIES)]

    assert names("Orders_2026.CSV.gz", "shop") == ["shop_orders"]
    assert names("orders.csv", "other") == ["other_orders"]
    assert names("orders.csv", None) == ["shop_orders", "files_orders"]
    assert names("order_lines.parquet", "other") == ["other_order_lines"]
    assert names("readme.md", "shop") == []


def test_the_canonical_mapping_needs_only_the_required_columns() -> None:
    canonical = mapping.canonical(ENTITIES["fx_rates"], "bank")
    assert canonical.missing(["date", "base", "quote"]) == ["rate"]
    assert canonical.missing(["date", "base", "quote", "rate"]) == []


def test_every_shipped_mapping_loads() -> None:
    assert len(mapping.load(None, ENTITIES)) >= 20
    for path in mapping.shipped().values():
        mapping.read(path, ENTITIES, strict=True)


def test_a_vendors_mappings_stand_in_its_folder_and_begin_with_its_name() -> None:
    for name, path in mapping.shipped().items():
        assert name.startswith(f"{path.parent.name}_"), path
        assert mapping.file_label(path) == f"vendors/{path.parent.name}/{name}.yaml"


def test_two_vendors_mappings_of_one_name_are_an_error_that_names_both(tmp_path: Path) -> None:
    for vendor in ("shopify", "shop"):
        (tmp_path / "vendors" / vendor).mkdir(parents=True)
        (tmp_path / "vendors" / vendor / "shop_orders.yaml").write_text("source: shop\n")
    with pytest.raises(ConfigError) as caught:
        mapping.shipped(tmp_path / "vendors")
    for vendor in ("shopify", "shop"):
        assert f"vendors/{vendor}/shop_orders.yaml" in str(caught.value)


def test_newer_reader_options_leave_other_mappings_as_they_were() -> None:
    plain = mapping.Reader(delimiter=";")
    assert not {"escape", "header_rows", "skip_rows", "member", "records", "rows", "nested"} & set(
        plain.model_dump()
    )
    set_ones = mapping.Reader(escape="\\", nested="customer", skip_rows="a IS NULL")
    assert set_ones.model_dump(exclude_defaults=True) == {
        "escape": "\\",
        "nested": ("customer",),
        "skip_rows": "a IS NULL",
    }
    assert plain.text_key != mapping.Reader(delimiter=";", nested=True).text_key
    assert mapping.Reader.model_validate_json(set_ones.model_dump_json()) == set_ones


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("skip_rows: total of", "is no SQL"),
        ("skip_rows: a = (select 1)", "may not hold a subquery"),
        ("header_rows: 0", "counts rows of names, from 1"),
        ("header: false, header_rows: 2", "remove one of the two"),
    ],
)
def test_reader_options_that_cannot_be_meant_are_told(
    tmp_path: Path, options: str, says: str
) -> None:
    path = tmp_path / "a_orders.yaml"
    path.write_text(
        f"source: a\nfiles: a*\nentity: orders\nreader: {{{options}}}\n"
        "columns: {order_id: id, ordered_at: at, currency: c, total: t}\n"
    )
    with pytest.raises(ConfigError, match=says):
        mapping.read(path, contract.load().entities)
