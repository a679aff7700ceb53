"""`check` finds what a night would fail for as a fault of definition: each kind with file, line and
remedy.
"""

from __future__ import annotations

import pytest

from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.night import build as step
from customer_intel.core.tables import compile as compiler
from customer_intel_tests.house import SQL, TABLES, House

FUNCTION = """\
import polars as pl


def total(base: pl.LazyFrame) -> pl.LazyFrame:
    return base.group_by("customer_id").agg(pl.col("orders").sum(), pl.col("revenue").sum())
"""


def _faults(house: House) -> list[str]:
    return [
        str(fault)
        for fault in compiler.faults(
            house.contract, house.definitions, house.home, package=house.package
        )
    ]


def test_a_house_without_fault_compiles(house: House) -> None:
    assert _faults(house) == []


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT customer_id, orders, revenue\nFROM base\nWHERE orders >= $line",
         r"room/total.sql:3: 'total': uses $line; set it in room/config.yaml"),
        ("SELECT customer_id, CAST(orders AS DOUBLE) AS orders,\n  revenue FROM base",
         "room/total.sql:1: 'total': 'total.orders' is DOUBLE, its contract says BIGINT: cast or "
         "round it explicitly "
         "in the SELECT, so that no value changes unseen"),
        ("SELECT customer_id,\n  orders,\n  revenu AS revenue FROM base",
         ("room/total.sql:3: 'total': Binder Error: Referenced column \"revenu\" not found in FROM "
             'clause! did you mean "revenue", "orders"?')),
        ("SELECT customer_id, orders FROM base",
         "room/tables.yaml:8: 'total': lacks revenue; make its SELECT and tables.yaml agree"),
        ("SELECT customer_id, orders, revenue, 1 AS orders FROM base",
         "room/tables.yaml:8: 'total': has orders twice; make its SELECT and tables.yaml agree"),
        ("SELECT customer_id, orders, revenue, 1 AS more FROM base",
         "room/tables.yaml:8: 'total': has more, which its contract does not know; make its "
         "SELECT and tables.yaml "
         "agree"),
        ("SELECT customer_id, orders,\n  revenu(revenue) AS revenue FROM base",
         ("room/total.sql:2: 'total': Catalog Error: Scalar Function with name revenu does not "
             "exist!")),
    ],
)  # fmt: skip
def test_a_select_that_a_night_would_fail_for(house: House, sql: str, said: str) -> None:
    house.write("room/total.sql", sql)
    assert _faults(house) == [said]


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("hash(orders) % 7", "function hash() is not on the portable list"),
        ("TRY_CAST(orders AS BIGINT)", "TRY_CAST (it accepts '12.7' as 13) is not portable"),
        ("CAST(round(random()) AS BIGINT)", "random() differs from run to run; the same night"),
        (
            "CAST(year(current_date) AS BIGINT)",
            "current_date differs from run to run; the night's ",
        ),
        ("CAST(year(today()) AS BIGINT)", "current_date differs from run to run; the night's date"),
        ("CAST(year(now()) AS BIGINT)", "function now() is not on the portable list"),
    ],
)
def test_sql_that_another_engine_or_another_night_would_answer_otherwise(
    house: House, column: str, said: str
) -> None:
    column = column.replace("hash(orders) % 7", "CAST(hash(orders) % 7 AS BIGINT)")
    sql = f"-- Totals.\nSELECT customer_id,\n  {column} AS orders,\n  revenue\nFROM base"
    house.write("room/total.sql", sql)
    found = _faults(house)
    assert len(found) == 1 and found[0].startswith(f"room/total.sql:3: 'total': {said}")


def test_what_a_comment_says_of_a_setting_uses_none(house: House) -> None:
    sql = "-- Costs $lots.\nSELECT customer_id, orders, revenue FROM base WHERE day < $as_of"
    house.write("room/total.sql", sql)
    assert _faults(house) == []


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("between: {column: revenu, min: 0}",
         "between names column 'revenu', which the table has not; did you mean revenue?"),
        ("between: {column: customer_id, min: 0}",
         "between asks 'customer_id', which is text: neither number nor time"),
        ("between: {column: orders, min: few}",
         "between orders: Conversion Error: Could not convert string 'few' to INT64"),
        ("in_set: {column: orders, values: [1, two]}",
         "in_set orders: 'two' is no int"),
        ("regex: {column: customer_id, pattern: '('}", ("regex customer_id: Invalid Input Error: "
            "missing ): (")),
        ("regex: {column: orders, pattern: '1'}", "regex asks 'orders', which is int, not text"),
        ("foreign_key: {column: customer_id, table: base, to: customer}",
         ("foreign_key leads to 'base.customer', which that table has not; did you mean "
             "customer_id?")),
        ("foreign_key: {column: orders, table: base, to: customer_id}",
         "foreign_key: 'orders' is BIGINT, 'base.customer_id' VARCHAR"),
        ("sql: {name: none_below, query: select customer_id from total where order < 0}",
         "sql none_below: Parser Error: syntax error at or near \"order\""),
        (
            "sql: {name: many, query: select customer_id from total where orders > 'a lot'}",
            "sql many: Conversion Error: Could not convert string 'a lot' to INT64",
        ),
        ("sql: {name: none_below, query: select customer_id from total where orderz < 0}",
         "sql none_below: Binder Error: Referenced column \"orderz\" not found in FROM clause! did you "
         'mean "orders", "customer_id", "revenue"?'),
    ],
)  # fmt: skip
def test_an_expectation_that_no_gate_could_ask(house: House, rule: str, said: str) -> None:
    house.write("room/tables.yaml", TABLES + f"    - {rule}\n")
    try:
        found = _faults(house)
    except ConfigError as error:
        # A query that cannot be parsed is refused before: what it reads is unknown.
        assert "Parser" in said and "room/tables.yaml 'total'" in str(error)
        return
    assert found == [f"room/tables.yaml:18: 'total': {said}"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            FUNCTION.replace('"orders").sum', '"ordres").sum'),
            "room/sums.py:4: 'total': unable to find column",
        ),
        (
            FUNCTION.replace("return base", "return bsae"),
            "room/sums.py:5: 'total': name 'bsae' is not defined",
        ),
        (
            FUNCTION.replace("base.group", "base.grup"),
            "room/sums.py:5: 'total': 'LazyFrame' object has no attribute",
        ),
        (
            FUNCTION.replace('.agg(pl.col("orders").sum(), ', ".agg("),
            "room/tables.yaml:8: 'total': lacks orders;",
        ),
        (
            FUNCTION.replace("import polars as pl", "import polarz as pl"),
            "room/sums.py:1: 'total': No module named",
        ),
    ],
)
def test_a_function_that_is_at_fault_itself(house: House, text: str, said: str) -> None:
    (house.package / "room/total.sql").unlink()
    house.write("room/sums.py", text)
    (found,) = _faults(house)
    assert found.startswith(said)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return 5", "returns int, not rows; end it with `return` and a polars DataFrame or "),
        ("base.collect()", "returns NoneType, not rows"),
        ("yield base", "returns generator, not rows"),
        ("return base.collect()['orders']", "returns Series, not rows"),
    ],
)
def test_a_function_that_returns_no_rows_is_at_fault(house: House, body: str, said: str) -> None:
    (house.package / "room/total.sql").unlink()
    house.write(
        "room/deeper/sums.py",
        f"import polars as pl\n\n\ndef total(base: pl.LazyFrame):\n    {body}\n",
    )
    (found,) = _faults(house)
    assert found.startswith(f"room/deeper/sums.py:4: 'total': {said}")


def test_a_night_says_so_of_a_function_that_returns_no_rows(house: House) -> None:
    (house.package / "room/total.sql").unlink()
    house.write("room/sums.py", "def total(base):\n    return 5\n")
    night = house.night()
    step.build(night, house.definitions["base"])
    with pytest.raises(ConfigError, match=r"^room/sums\.py:1: 'total': returns int, not rows"):
        step.build(night, house.definitions["total"])


def test_a_function_is_compiled_with_the_columns_of_its_contract(house: House) -> None:
    (house.package / "room/total.sql").unlink()
    house.write(
        "room/sums.py",
        "import polars as pl\n\n\ndef total(schema: pl.Schema) -> pl.DataFrame:\n"
        "    return schema.to_frame().drop('revenue')\n",
    )
    (found,) = _faults(house)
    assert found.startswith("room/tables.yaml:8: 'total': lacks revenue;")


def test_a_function_without_fault_compiles(house: House) -> None:
    (house.package / "room/total.sql").unlink()
    house.write("room/sums.py", FUNCTION)
    assert _faults(house) == []


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "room/total.sql",
            "SELECT customer_id,\n  FROM base WHERE (",
            r"room/total\.sql:2: .*mend the SQL there",
        ),
        (
            "room/total.sql",
            "SELECT * FROM bace",
            r"room/total\.sql:1: 'total' reads 'bace', which no room makes; did you mean base\?",
        ),
        ("room/sums.py", "def total(:\n", r"room/sums\.py:1: .*; mend the Python"),
    ],
)
def test_what_cannot_be_read_at_all_is_said_before(
    house: House, name: str, text: str, said: str
) -> None:
    house.write(name, text)
    with pytest.raises(ConfigError, match=said):
        _ = house.definitions


def test_every_fault_is_told_at_once(house: House) -> None:
    house.write("room/total.sql", SQL["total"].replace("AS orders", "AS ordres"))
    house.write("room/tables.yaml", TABLES + "    - regex: {column: orders, pattern: x}\n")
    assert len(_faults(house)) == 2
