"""`check` refuses a table that says it can be computed in part where its text shows that it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.tables import compile as compiler
from customer_intel_tests.house import TABLES, House

SUMS = "CAST(sum(orders) AS BIGINT) AS orders, CAST(sum(revenue) AS DECIMAL(18, 2)) AS revenue"
SELECT = f"SELECT customer_id, {SUMS} FROM base GROUP BY customer_id"
OF_TOTAL = "SELECT customer_id, DATE '2024-01-01' AS day, orders, revenue FROM total"
DAILY = "SELECT customer_id, day, orders, revenue FROM base"


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def _faults(house: House, layout: str, incremental: str, sql: str) -> list[str]:
    key = "[customer_id, day]\n  layout: {by_day: day}" if layout == "by_day" else "[customer_id]"
    columns = (
        "customer_id*, day*, orders, revenue"
        if layout == "by_day"
        else "customer_id*, orders, revenue"
    )
    entry = (
        f"part:\n  grain: a row\n  purpose: A table in parts\n  owner: team:test\n  key: {key}\n"
        f"  incremental: {incremental}\n  columns: {columns}\n  expect: [{{rows: {{min: 0}}}}]\n"
    )
    house.write("room/tables.yaml", TABLES + entry)
    house.write("room/part.sql", sql)
    found = compiler.faults(house.contract, house.definitions, house.home, package=house.package)
    return [fault.message for fault in found]


def test_what_is_so_is_taken(house: House) -> None:
    assert _faults(house, "by_day", "{days: {base: []}}", DAILY) == []
    assert _faults(house, "whole", "{per: customer_id, days: {base: []}}", SELECT) == []


@pytest.mark.parametrize(
    ("layout", "rule", "sql", "said"),
    [
        ("by_day", "{days: {bse: []}}", DAILY, "'bse' is none of its inputs; did you mean base?"),
        ("by_day", "{days: {base: day}}", DAILY, "'base' is kept by day, so no column is named"),
        ("by_day", "{days: {total: []}}", OF_TOTAL,
         "'total' is not kept by day: name its time columns"),
        ("by_day", "{days: {total: orders}}", OF_TOTAL,
         "'total.orders' is no time"),
        ("by_day", "{days: {base: []}, lookups: {total: {key: customer, of: base}}}",
         "SELECT b.customer_id, b.day, t.orders, b.revenue FROM base AS b JOIN total AS t USING (customer_id)",
         "'total' has no column 'customer'; did you mean customer_id?"),
        ("by_day", "{days: {base: []}}",
         "SELECT customer_id, day, CAST(row_number() OVER (ORDER BY day) AS BIGINT) AS orders, revenue FROM base",
         "is over all rows at once"),
        ("by_day", "{days: {base: []}}",
         "WITH m AS (SELECT max(revenue) AS most FROM base) SELECT customer_id, day, orders, most AS revenue FROM base "
         "CROSS JOIN m", "is over all rows at once"),
        ("whole", "{per: customer, days: {base: []}}", SELECT, "per 'customer', which is none of its columns"),
        ("whole", "{per: customer_id, days: {base: []}}",
         "WITH d AS (SELECT day, sum(orders) AS n FROM base GROUP BY day) SELECT customer_id, CAST(max(n) AS BIGINT) "
         "AS orders, max(revenue) AS revenue FROM base JOIN d ON d.day = base.day GROUP BY customer_id",
         "SUM(orders) is over rows of more than one customer_id"),
        ("whole", "{per: customer_id, days: {base: []}}",
         "WITH w AS (SELECT customer_id, orders, revenue, row_number() OVER (PARTITION BY day ORDER BY orders) AS k "
         "FROM base) SELECT customer_id, orders, revenue FROM w WHERE k = 1",
         "is over rows of more than one customer_id"),
        ("whole", "{per: customer_id, days: {base: []}}",
         "SELECT customer_id, orders, revenue FROM base ORDER BY revenue LIMIT 5", "LIMIT is over rows of more than"),
    ],
)  # fmt: skip
def test_what_is_not_so_is_refused(
    house: House, layout: str, rule: str, sql: str, said: str
) -> None:
    assert any(said in message for message in _faults(house, layout, rule, sql))


def test_a_way_that_does_not_fit_the_layout_is_refused(house: House) -> None:
    with pytest.raises(ConfigError, match="layout by_day goes by days, layout whole `per` a key"):
        _faults(house, "by_day", "{per: customer_id, days: {base: []}}", DAILY)
    with pytest.raises(ConfigError, match="layout by_day goes by days, layout whole `per` a key"):
        _faults(house, "whole", "{days: {base: []}}", SELECT)
