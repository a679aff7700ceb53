"""A miniature house: a package of one room, and a home for its nights."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from customer_intel.core.contract import load as contract
from customer_intel.core.contract.model import Contract
from customer_intel.core.engine import EngineSettings
from customer_intel.core.night.night import Night
from customer_intel.core.tables import definition as table
from customer_intel.core.tables.definition import Definition

COLUMNS = """\
customer_id: {type: text, meaning: Who}
day: {type: date, meaning: When}
orders: {type: int, unit: orders, meaning: How many}
revenue: {type: money, meaning: How much}
as_of: {type: date, meaning: The night}
snapshot_id: {type: text, meaning: The release}
"""
TABLES = """\
base:
  grain: one row per customer and day
  purpose: Things that happened
  owner: team:test
  key: [customer_id, day]
  layout: {by_day: day}
  columns: customer_id*, day*, orders*, revenue
total:
  grain: one row per customer
  purpose: What each customer bought
  owner: team:test
  key: [customer_id]
  published: true
  columns: customer_id*, orders*, revenue
  expect:
    - rows: {min: 1}
    - between: {column: orders, min: 0}
"""
SQL = {
    "base": "SELECT * FROM (VALUES ('a', DATE '2024-01-01', 1, CAST(5 AS DECIMAL(18,2))), "
    "('a', DATE '2024-01-02', 2, 7.5), ('b', DATE '2024-01-02', 1, 1)) AS v(customer_id, day, "
    "orders, revenue)",
    "total": "SELECT customer_id, CAST(sum(orders) AS BIGINT) AS orders, "
    "CAST(sum(revenue) AS DECIMAL(18,2)) AS revenue FROM base WHERE day < $as_of GROUP BY 1",
}


class House:
    """A package of one room in a temporary folder, and a home for its nights."""

    def __init__(self, root: Path) -> None:
        self.package = root / "package"
        self.home = root / "home"
        self.package.mkdir(parents=True)
        self.write("columns.yaml", COLUMNS)
        self.write("room/tables.yaml", TABLES)
        for name, sql in SQL.items():
            self.write(f"room/{name}.sql", sql)

    def write(self, name: str, text: str) -> None:
        (self.package / name).parent.mkdir(exist_ok=True)
        (self.package / name).write_text(text, encoding="utf-8")
        contract._load.cache_clear()
        table._text.cache_clear()
        table._functions.cache_clear()

    @property
    def contract(self) -> Contract:
        return contract.load(self.package)

    @property
    def definitions(self) -> dict[str, Definition]:
        return table.definitions(self.contract, self.package)

    def night(self, as_of: date = date(2024, 1, 3), snapshot_id: str = "s1") -> Night:
        return Night(
            self.home, self.home / "landing", as_of, snapshot_id, self.contract, EngineSettings()
        )
