"""Fixtures that several tiers share: a miniature house, and where the real data lies."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

# Workers share the cores: threads of one that wait for threads of another cost a fifth of the whole
# suite's time.
# Polars reads this when it is imported.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("POLARS_MAX_THREADS", "1")

from customer_intel.core.contract import load as contract
from customer_intel.core.contract.model import Contract
from customer_intel.core.engine import EngineSettings
from customer_intel.core.night.night import Night
from customer_intel.core.tables import definition as table
from customer_intel.core.tables.definition import Definition
from customer_intel_tests.whole_nights import Demo, demo

# Dagster's definitions are made once a process; homes of several dates share it.
os.environ.setdefault("CUSTOMER_INTEL_FIRST_EXPORT_DATE", "2018-01-01")

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


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--sample",
        metavar="N[:OFFSET]",
        help=(
            "run every N-th of the selected tests; which ones follows from the commit, so that "
            "N commits or so see all of them. OFFSET repeats a choice"
        ),
    )


def _sample(config: pytest.Config) -> tuple[int, int]:
    """(N, offset), from the option; (1, 0) without."""
    every, _, offset = str(config.getoption("--sample") or "1").partition(":")
    if not offset:
        head = ["git", "rev-parse", "HEAD"]
        root = Path(__file__).parent
        commit = subprocess.run(head, capture_output=True, text=True, check=False, cwd=root).stdout
        offset = str(int(commit[:8] or "0", 16) % int(every))
    return int(every), int(offset)


def pytest_report_header(config: pytest.Config) -> list[str]:
    every, offset = _sample(config)
    return [f"every {every}. test; repeat with --sample {every}:{offset}"] if every > 1 else []


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """One module that needs the demo's nights first, the others last: who would wait for them has
    work meanwhile.
    """
    needing = {item.path for item in items if "demo_nights" in getattr(item, "fixturenames", ())}
    first = next((item.path for item in items if item.path in needing), None)
    items.sort(key=lambda item: 0 if item.path == first else 2 if item.path in needing else 1)
    every, offset = _sample(config)
    left_out = [item for at, item in enumerate(items) if (at + offset) % every]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for at, item in enumerate(items) if not (at + offset) % every]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture
def make_house(tmp_path: Path) -> Callable[[str], House]:
    return lambda name: House(tmp_path / name)


@pytest.fixture(scope="session")
def demo_nights(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo company's two nights, made once for all workers."""
    folder = tmp_path_factory.getbasetemp()
    return demo(
        (folder.parent if os.environ.get("PYTEST_XDIST_WORKER") else folder) / "demo_nights"
    )


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data, used in place; tests that need it skip where it is absent."""
    default = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
    folder = Path(os.environ.get("CUSTOMER_INTEL_SHARED_DATA", default))
    if not (folder / "expected_dq.json").exists():
        pytest.skip(
            "the real data sets (../shared/data or CUSTOMER_INTEL_SHARED_DATA) are not on this "
            "machine"
        )
    return folder
