"""check: a wrong mapping is explained with file, line, reason and the nearest column; a right one
passes.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.ingest.advise.check_mappings import check
from customer_intel_tests.unit.ingest.test_mapping import ENTITIES, GOOD

HEADER = "Name,Created at,Currency,Total,Weight (kg)\n"


class Home:
    def __init__(self, root: Path) -> None:
        self.mappings, self.landing = root / "config" / "mappings", root / "landing"
        self.mappings.mkdir(parents=True)

    def map(self, text: str, name: str = "shop_orders") -> None:
        (self.mappings / f"{name}.yaml").write_text(text, encoding="utf-8")

    def land(self, place: str, content: str = HEADER + "1,2024-01-01,eur,5,1\n") -> Path:
        path = self.landing / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        return path

    def check(self) -> list[str]:
        return check(self.mappings, self.landing, ENTITIES)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_a_right_mapping_passes_and_is_compared_with_the_newest_file(home: Home) -> None:
    home.map(GOOD)
    assert home.check() == []
    home.land("shop/2026-01-01/orders.csv", "Nom\n1\n")
    home.land("shop/2026-01-02/orders.csv")
    assert home.check() == ["shop_orders: shop/2026-01-02/orders.csv"]


@pytest.mark.parametrize(
    ("change", "line", "says"),
    [
        (("total: Total", "totl: Total"), 8, "no column 'totl'; did you mean total"),
        (("total: Total", "total: Totl"), 8, ("orders.csv has no column 'Totl'; did you mean "
            "Total?")),
        (("total: Total", "total: round(Totl, 2)"), 8, "has no column 'Totl'; did you mean Total?"),
        (("total: Total", "total: Weight (g)"), 8, ("is no column of shop/2026-01-02/orders.csv; "
            "did you mean Weight")),
        (("upper(Currency)", "uper(Currency)"), 7, ('name uper does not exist! Did you mean '
            '"upper"?')),
        (("upper(Currency)", "upper(Currency"), 7, "is no SQL: syntax error at"),
        (("upper(Currency)", "upper(Currency, 3)"), 7, "No function matches"),
        (("upper(Currency)", "Currency || || 'x'"), 7, "is no SQL: syntax error at or near"),
        (("orders*.csv*", "order_list*.csv"), 2, ("'order_list*.csv' fits no file in shop/; did "
            "you mean orders.csv?")),
        (("source: shop", "source: shopp"), 1, "no file has landed in shopp/; did you mean shop?"),
        (("entity: orders", "entity: order"), 3, "no entity 'order'; did you mean orders"),
        (("entity: orders", "entity: orders\nreader: {zone: Berlin}"), 4, "no time zone 'Berlin'"),
        (("entity: orders", ("entity: orders\nread: {zone: "
            "UTC}")), 4, "unknown setting 'read'; did you mean reader?"),
        (("  total: Total\n", ""), 4, "orders requires 'total'"),
        (("columns:", "group_by: Name\ncolumns:"), 7, ('column "Created at" must appear in the '
            'GROUP BY clause')),
        (("columns:", "checks:\n  odd: Wieght > 3\ncolumns:"), 5, ("orders.csv has no column "
            "'Wieght'")),
        (("columns:", "only: Totall is null\ncolumns:"), 4, ("no column 'Totall'; did you mean "
            "Total?")),
    ],
)  # fmt: skip
def test_each_kind_of_fault_names_its_line_and_remedy(
    home: Home, change: tuple[str, str], line: int, says: str
) -> None:
    home.land("shop/2026-01-02/orders.csv")
    home.map(GOOD.replace(*change))
    with pytest.raises(ConfigError) as caught:
        home.check()
    assert f"mappings/shop_orders.yaml:{line}: " in str(caught.value)
    assert says in str(caught.value)


def test_a_column_with_a_name_like_a_call_is_the_files_column(home: Home) -> None:
    home.land("shop/2026-01-02/orders.csv")
    home.map(GOOD.replace("total: Total", "total: Weight (kg)"))
    assert len(home.check()) == 1


def test_a_function_that_does_not_exist_is_found_before_anything_lands(home: Home) -> None:
    home.map(GOOD.replace("upper(", "uper("))
    with pytest.raises(ConfigError, match=r"shop_orders\.yaml:7: currency: .*uper"):
        home.check()


def test_the_columns_of_every_format_are_known(home: Home) -> None:
    text = "source: shop\nfiles: 'people*'\nentity: contacts\ncolumns:\n  contact_id: idd\n"
    text += "  created_at: _exported_at\n  updated_at: _exported_at\n"
    home.map(text, "shop_people")
    frame = pl.DataFrame({"id": ["1"], "mail": ["a@example.com"]})
    for name in ("people.jsonl", "people.parquet", "people.xlsx", "people.tsv"):
        path = home.land(f"shop/2026-01-02/{name}")
        if name.endswith("jsonl"):
            frame.write_ndjson(path)
        elif name.endswith("parquet"):
            frame.write_parquet(path)
        elif name.endswith("tsv"):
            frame.write_csv(path, separator="\t")
        else:
            import openpyxl

            book = openpyxl.Workbook()
            assert book.active is not None
            book.active.append(["id", "mail"])
            book.active.append(["1", "a@example.com"])
            book.save(path)
        with pytest.raises(
            ConfigError, match=rf"shop_people\.yaml:5: contact_id: .*{name} has no column 'idd'"
        ):
            home.check()
        path.unlink()


def test_a_file_that_another_mapping_takes_is_no_fault_of_this_one(home: Home) -> None:
    home.map(GOOD)
    other = (
        "source: shop\nfiles: 'orders*'\nentity: products\ncolumns:\n  product_id: SKU\n  "
        "title: Label\n  price: Cost\n"
    )
    home.map(other, "shop_products")
    home.land("shop/2026-01-02/orders.csv")
    assert home.check() == ["shop_orders: shop/2026-01-02/orders.csv"]


def test_a_landed_file_that_cannot_be_read_is_named(home: Home) -> None:
    home.map(GOOD)
    home.land("shop/2026-01-02/orders.csv.gz", "no gzip, but no csv either\n".replace(",", ""))
    with pytest.raises(ConfigError, match=r"orders\.csv\.gz"):
        home.check()


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8", "is not utf-8 (near byte 66); set reader.encoding, such as windows-1252"),
        ("utf-16", "is not utf-16: it has no zero bytes; set reader.encoding: windows-1252"),
    ],
)
def test_a_landed_file_of_another_encoding_is_told_as_the_night_tells_it(
    encoding: str, said: str, home: Home
) -> None:
    home.map(GOOD + f"reader: {{encoding: {encoding}}}\n")
    path = home.land("shop/2026-01-02/orders.csv")
    path.write_bytes(
        (HEADER + "1,2024-01-01,eur,5,1\nMüller,2024-01-01,eur,5,1\n").encode("latin-1")
    )
    with pytest.raises(ConfigError) as told:
        home.check()
    assert str(told.value) == f"shop/2026-01-02/orders.csv: {said}"
    home.map(GOOD + "reader: {encoding: windows-1252}\n")
    assert home.check() == ["shop_orders: shop/2026-01-02/orders.csv"]


@pytest.mark.parametrize(
    ("reader", "says"),
    [
        ('{decimal: ",", thousands: ","}', "decimal and thousands are both ','"),
        ('{thousands: "."}', "decimal and thousands are both '.'"),
        ("{encoding: utf9}", "no encoding 'utf9'; use utf-8"),
    ],
)
def test_a_reader_that_contradicts_itself_is_a_fault_of_the_mapping(
    reader: str, says: str, home: Home
) -> None:
    home.map(GOOD + f"reader: {reader}\n")
    line = GOOD.count("\n") + 1
    with pytest.raises(ConfigError, match=rf"^mappings/shop_orders\.yaml:{line}: {says}"):
        home.check()
