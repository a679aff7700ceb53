"""The lab for tests of tables: rows in, tables out, and what a gate says of poison."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.engine import SchemaMismatch
from customer_intel.testing import TableLab
from customer_intel_tests.house import House

NIGHT = date(2024, 1, 3)
FUNCTION = """\
import polars as pl


def total(base: pl.LazyFrame, as_of, config, schema) -> pl.LazyFrame:
    assert list(schema.items()) == [("customer_id", pl.String), ("orders", pl.Int64), ("revenue", pl.Decimal(18, 2))]
    known = base.filter(pl.col("day") < as_of)
    return known.group_by("customer_id").agg(pl.col("orders").sum() * config.get("factor", 1), pl.col("revenue").sum())
"""


@pytest.fixture
def lab(house: House) -> TableLab:
    made = TableLab(NIGHT, package=house.package)
    made.put(
        "base",
        [{"customer_id": "a", "orders": n, "revenue": Decimal(n)} for n in (1, 2)],
        day=date(2024, 1, 1),
    )
    made.put("base", [{"customer_id": "a", "orders": 9, "revenue": Decimal(9), "day": NIGHT}])
    return made


def test_a_tables_sql_runs_over_literal_rows(lab: TableLab) -> None:
    assert lab.run("total").rows() == [("a", 3, Decimal("3.00"))]
    assert lab.rows("total").columns[-2:] == ["as_of", "snapshot_id"]


def test_a_function_gets_tables_date_settings_and_its_columns(house: House, lab: TableLab) -> None:
    (house.package / "room/total.sql").unlink()
    house.write("room/sums.py", FUNCTION)
    assert lab.run("total", factor=10).rows() == [("a", 30, Decimal("3.00"))]


def test_a_chain_computes_what_nobody_put(house: House) -> None:
    lab = TableLab(NIGHT, package=house.package)
    assert lab.chain("total").height == 0, "of nothing comes nothing"
    lab = TableLab(NIGHT, package=house.package)
    lab.run("base")
    assert lab.chain("total").rows() == [("a", 3, Decimal("12.50")), ("b", 1, Decimal("1.00"))]


def test_a_chain_of_shipped_tables() -> None:
    lab = TableLab(date(2026, 7, 1))
    rows = [
        {"customer_id": name, "monetary": Decimal(sum_)}
        for name, sum_ in (("a", "900"), ("b", "20"))
    ]
    lab.put("rfm", rows)
    assert sorted(lab.rows("rfm")["customer_id"]) == ["a", "b"]
    assert lab.rows("rfm").schema["monetary"] == pl.Decimal(18, 2)


def test_poison_breaks_its_expectation_and_is_mended(lab: TableLab) -> None:
    lab.run("total")
    assert lab.judge("total").passed
    assert lab.poison("total", orders=-1) == ["between orders ≥ 0"]
    assert lab.poison("total", customer_id=None) == ["not_null customer_id"]
    assert lab.judge("total").passed


def test_what_a_test_gets_wrong_is_said(house: House, lab: TableLab) -> None:
    with pytest.raises(ConfigError, match=r"'base' has no column 'ordres'; did you mean orders\?"):
        lab.put("base", [{"ordres": 1}])
    with pytest.raises(ConfigError, match=r"no table 'totl'; did you mean total\?"):
        lab.run("totl")
    with pytest.raises(AssertionError, match="no row to poison"):
        TableLab(NIGHT, package=house.package).poison("total", orders=-1)
    house.write("room/total.sql", "SELECT customer_id, orders FROM base")
    with pytest.raises(SchemaMismatch, match="lacks revenue"):
        lab.run("total")


def test_a_key_that_stands_twice_is_found(house: House, lab: TableLab) -> None:
    house.write("room/total.sql", "SELECT customer_id, orders, revenue FROM base")
    with pytest.raises(AssertionError, match="total: key"):
        lab.run("total")


def test_rows_become_what_a_report_may_look_at(lab: TableLab, tmp_path: Path) -> None:
    evidence = lab.evidence(tmp_path, "EUR")
    assert evidence.frame("base", "customer_id", "orders").rows() == [("a", 1), ("a", 2), ("a", 9)]
    assert (evidence.has("base"), evidence.has("total"), evidence.currency) == (True, False, "EUR")
    assert evidence.why_not("total") == "total is in no release yet; run a night"
