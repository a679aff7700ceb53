"""A mapping that still asks something takes no row; its file is named, the others go on."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from customer_intel.ingest.land.landing_folder import export_file
from customer_intel_tests.unit.ingest.test_conform import NIGHT, SHOP, Landing, good, orders
from customer_intel_tests.unit.sqlroom import schema

OPEN = SHOP + 'decide: {dates: "is 03/04 in March or April?", "total": "with tax?"}\n'
OTHER = SHOP.replace("orders*.csv*", "sales*.csv*")


@pytest.fixture
def shop(tmp_path: Path) -> Landing:
    shop = Landing(tmp_path)
    shop.land("shop/2026-02-28/orders.csv", orders(*good(3)))
    shop.land("shop/2026-02-28/sales.csv", orders(*good(3, start=50)))
    (tmp_path / "mappings" / "shop_sales.yaml").write_text(OTHER)
    return shop


def states(shop: Landing) -> dict[str, tuple[str, str | None, int]]:
    files = export_file(
        list(shop.known.values()), shop.root / "landing", NIGHT, schema("export_file")
    )
    named = files.select("source_file", "status", "reason", "records_written").rows()
    return {name.rsplit("/", 1)[1]: (status, reason, n) for name, status, reason, n in named}


def test_an_undecided_file_is_named_and_the_others_go_on(shop: Landing) -> None:
    result = shop.night(mapping=OPEN)
    (told,) = result.findings
    assert (told["severity"], told["expectation"]) == ("warning", "mapping decided")
    question = (
        "mapping 'shop_orders' asks: dates: is 03/04 in March or April?; total: with tax?; answer "
        "with customer-intel inspect --answer dates=… or edit the mapping and take the line out "
        "of decide"
    )
    assert told["message"] == f"shop/2026-02-28/orders.csv: {question}"
    assert states(shop) == {
        "orders.csv": ("undecided", question, 0), "sales.csv": ("accepted", None, 3),
    }  # fmt: skip
    rows = [pl.read_parquet(part.parquet).height for part in result.parts]
    assert sorted(rows) == [0, 3]
    again = shop.night()
    assert again.parts == []


def test_the_answer_takes_its_rows(shop: Landing) -> None:
    shop.night(mapping=OPEN)
    result = shop.night(mapping=SHOP)
    assert [part.facts["rows_accepted"] for part in result.parts] == [3]
    assert states(shop)["orders.csv"] == ("accepted", None, 3)


def test_a_question_about_the_reading_itself_closes_no_gate(shop: Landing) -> None:
    shop.land("shop/2026-02-28/orders.csv", "id;customer;mail;at;total\n1;c;;03/04/2026;5\n")
    result = shop.night(mapping=OPEN)
    assert [found["severity"] for found in result.findings] == ["warning"]
    assert states(shop)["orders.csv"][0] == "undecided"


def test_a_full_export_that_nobody_decided_on_deletes_nothing(shop: Landing) -> None:
    shop.night(mapping=SHOP + "snapshot: true\n")
    shop.land("shop/2026-03-01/orders.csv", orders(*good(1)))
    result = shop.night(mapping=OPEN + "snapshot: true\n")
    assert not [part for part in result.parts if part.facts["status"] == "missing"]
    assert not any(found["expectation"] == "rows missing" for found in result.findings)
