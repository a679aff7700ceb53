"""An entry of metrics.yaml: what of it may be wrong, and where that is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from customer_intel.core.contract.load import load
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.tables import compile as compiled
from customer_intel.core.tables import metric_rows
from customer_intel.core.tables.definition import definitions
from customer_intel_tests.house import TABLES, House

ROW = """\
metric_row:
  grain: one row per entry and day
  purpose: Rows of metrics
  owner: team:test
  key: [entry, dimension, member, day, gap_days]
  metrics: true
  columns: entry*, day*, dimension*, member*, gap_days*, n*, n_unknown*, total, squares*, low, high
"""
COLUMNS = """\
entry: {type: text, meaning: Entry}
dimension: {type: text, meaning: By what}
member: {type: text, meaning: Of it}
gap_days: {type: int, meaning: Days since}
n: {type: int, meaning: Rows}
n_unknown: {type: int, meaning: Rows nobody knows}
total: {type: float, meaning: Sum}
squares: {type: float, meaning: Sum of squares}
low: {type: float, meaning: Low}
high: {type: float, meaning: High}
"""
ENTRY = """\
spent:
  label: Spent
  meaning: What was spent
  unit: money
  direction: up
  kind: sum
  windows: [1, 28]
  rows: |-
    SELECT day, revenue AS value
    FROM base
"""


@pytest.fixture
def with_metrics(house: House) -> House:
    house.write("room/columns.yaml", COLUMNS)
    house.write("room/tables.yaml", TABLES + ROW)
    house.write("room/metrics.yaml", ENTRY)
    return house


def faults(house: House) -> list[str]:
    found = compiled.faults(house.contract, house.definitions, house.home, house.package)
    return [str(fault) for fault in found]


def test_an_entry_is_computed_from_what_it_reads(with_metrics: House) -> None:
    assert with_metrics.definitions["metric_row"].reads == ("base",)
    (metric,) = with_metrics.contract.metrics
    assert metric.ids == {"spent": 1, "spent_28d": 28}
    assert faults(with_metrics) == []


def test_a_wrong_column_is_told_by_the_line_of_the_entry(with_metrics: House) -> None:
    with_metrics.write("room/metrics.yaml", ENTRY.replace("revenue AS", "revenu AS"))
    (fault,) = faults(with_metrics)
    assert fault.startswith("room/metrics.yaml:9: 'spent': Binder Error")
    assert "did you mean" in fault and "revenue" in fault


def test_sql_that_does_not_parse_is_told_by_its_line(with_metrics: House) -> None:
    with_metrics.write("room/metrics.yaml", ENTRY.replace("FROM base", "FROM base WHERE ("))
    with pytest.raises(ConfigError, match=r"room/metrics\.yaml:10: .*mend the SQL there"):
        _ = with_metrics.definitions


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("revenue AS value", "revenue > 1 AS value", "value is BOOLEAN; the values of a sum are numbers"),
        ("revenue AS value", "revenue", "its rows have no column 'value'"),
        ("SELECT day", "SELECT CAST(day AS TIMESTAMP) AS day", "day is TIMESTAMP; CAST(… AS DATE)"),
        ("SELECT day", "SELECT orders, day", "its rows have 'orders', which is no dimension of it"),
    ],
)  # fmt: skip
def test_rows_that_its_kind_cannot_use_are_told(
    with_metrics: House, before: str, after: str, said: str
) -> None:
    with_metrics.write("room/metrics.yaml", ENTRY.replace(before, after))
    assert f"room/metrics.yaml:8: 'spent': {said}" in faults(with_metrics)[0]


def test_what_is_not_portable_is_told_by_its_line(with_metrics: House) -> None:
    with_metrics.write("room/metrics.yaml", ENTRY.replace("revenue AS", "random() AS"))
    (fault,) = faults(with_metrics)
    assert fault.startswith("room/metrics.yaml:9: 'metric_row': ") and "random" in fault


def test_a_table_that_no_room_makes_is_told(with_metrics: House) -> None:
    with_metrics.write("room/metrics.yaml", ENTRY.replace("FROM base", "FROM bases"))
    with pytest.raises(ConfigError, match=r"reads 'bases', which no room makes; did you mean base"):
        _ = with_metrics.definitions


@pytest.mark.parametrize(
    ("line", "wrong", "said"),
    [
        ("  kind: sum\n", "  kind: total\n", "room/metrics.yaml:1: 'spent': kind: Input should be"),
        ("  unit: money\n", "", "room/metrics.yaml:1: 'spent': unit: Field required"),
        ("  unit: money\n", "  unit: money\n  dimension: channel\n", "did you mean dimensions"),
        ("  windows: [1, 28]\n", "  windows: [0]\n", "windows are different numbers of days"),
        ("  kind: sum\n", "  kind: level\n", "a level has no windows; take the line out"),
        ("  kind: sum\n", "  kind: share\n", "the unit of a share is share"),
        ("  kind: sum\n", "  kind: sum\n  entities: order\n", "'order' is no kind of record"),
        (
            "spent:\n",
            ENTRY.replace("spent", "spent_28d").replace("[1, 28]", "[1]") + "spent:\n",
            "metric 'spent' makes spent_28d, as 'spent_28d' does; change one",
        ),
        ("spent:\n", "Spent Money:\n", "use lower-case letters, digits and _"),
    ],
)
def test_a_wrong_entry_is_bad_configuration(
    with_metrics: House, line: str, wrong: str, said: str
) -> None:
    with_metrics.write("room/metrics.yaml", ENTRY.replace(line, wrong))
    with pytest.raises(ConfigError, match="metrics") as raised:
        _ = with_metrics.contract
    assert said in str(raised.value)


def test_every_shipped_entry_is_found_by_its_line() -> None:
    made = definitions(load())["metric_row"]
    lines = made.text.split("\n")
    for metric in load().metrics:
        first = metric.rows.strip().split("\n")[0]
        at = lines.index(f"rows_{metric.name} AS (") + 3
        assert lines[at - 1] == first
        file, line = metric_rows.place(made.text, at) or ("", 0)
        assert f"{file}:{line - 1}" == metric.where


def test_the_page_of_metrics_is_made_from_the_entries() -> None:
    from customer_intel.core.contract.model import PACKAGE
    from customer_intel.publish import catalog

    page = Path(PACKAGE.parent / "docs" / "metrics.md")
    if not page.exists():
        pytest.skip("installed without its repository")
    assert page.read_text(encoding="utf-8") == catalog.metrics_page(load().metrics), "make docs"
