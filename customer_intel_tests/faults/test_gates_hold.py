"""G1 to G3: no way around a closed gate, and nothing that a gate cannot answer opens it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from customer_intel.core.night import build as step
from customer_intel.core.night.night import Outcome
from customer_intel.core.store.lake import Lake
from customer_intel.core.store.release import Published, ReleaseRefused
from customer_intel_tests.house import SQL, TABLES, House

pytestmark = pytest.mark.nights

RULES = "    - between: {column: orders, min: 0}\n"


def night(house: House, snapshot_id: str = "s1", gate_seconds: float = 600) -> dict[str, Outcome]:
    made = house.night(date(2024, 1, 3), snapshot_id)
    made = replace(made, engine=replace(made.engine, gate_seconds=gate_seconds))
    return {name: step.build(made, definition) for name, definition in house.definitions.items()}


def publish(house: House, snapshot_id: str) -> str:
    store, lake = Published(house.home), Lake(house.home)
    versions = store.verified(lake, dict(house.contract.tables), snapshot_id)
    return store.publish(
        lake, versions, {"snapshot_id": snapshot_id, "as_of": "2024-01-03"}, {}, {}, 3
    ).snapshot_id


@pytest.mark.slow
def test_g1_publish_alone_after_a_closed_gate_is_refused(
    house: House, figure: Callable[[str], None]
) -> None:
    night(house)
    assert publish(house, "s1") == "s1"
    house.write("room/total.sql", SQL["total"].replace("sum(orders)", "-sum(orders)"))
    assert not night(house, "s2")["total"].passed
    for _ in range(2):
        with pytest.raises(ReleaseRefused, match="'total' holds s1, not s2: its gate closed"):
            publish(house, "s2")
    current = Published(house.home).current()
    assert current and current.snapshot_id == "s1" and not current.verify()
    figure("G1 publish alone after a closed gate: refused, s1 stays current")


TOTAL = SQL["total"]


@pytest.mark.parametrize(
    ("what", "query", "says"),
    [
        ("empty", TOTAL.replace("WHERE ", "WHERE false AND "), "rows ≥ 1"),
        (
            "all null in a required column",
            TOTAL.replace("customer_id,", "NULL AS customer_id,", 1),
            "not_null",
        ),
        (
            "all null in an optional column",
            TOTAL.replace("sum(revenue)", "NULL"),
            "sql revenue_is_known",
        ),
        (
            "-60 % volume",
            TOTAL.replace("GROUP BY", "AND customer_id IN ('0', '1', '2', '3') GROUP BY"),
            "drop",
        ),
    ],
)
def test_g2_what_most_expectations_pass_closes_the_gate(
    what: str, query: str, says: str, house: House, figure: Callable[[str], None]
) -> None:
    known = (
        "{name: revenue_is_known, query: select * from total where revenue is null, max_share: 0.5}"
    )
    house.write(
        "room/tables.yaml",
        TABLES.replace(RULES, f"{RULES}    - drop: {{max_share: 0.5}}\n    - sql: {known}\n"),
    )
    house.write(
        "room/base.sql",
        "SELECT CAST(i AS VARCHAR) AS customer_id, DATE '2024-01-01' AS day, CAST(1 AS BIGINT) AS "
        "orders, "
        "CAST(2 AS DECIMAL(18,2)) AS revenue FROM (SELECT unnest(range(10)) AS i)",
    )
    before = night(house)["total"]
    assert before.passed and before.rows == 10
    house.write("room/total.sql", query)
    outcome = night(house, "s2")["total"]
    assert not outcome.passed and says in outcome.reason, outcome.reason
    assert Lake(house.home).current("total") == before.version
    figure(f"G2 {what}: closed by '{says}'")


MANY = "(select unnest(range(10000000)) as i)"


@pytest.mark.parametrize(
    ("what", "query", "seconds", "says"),
    [
        (
            "raises",
            "select * from total where error(customer_id) is null",
            600,
            "could not be checked",
        ),
        pytest.param(
            "hangs",
            f"select a.i from total, {MANY} a, {MANY} b where a.i + b.i < 0",
            8,
            "did not end within 8 s",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_g3_a_check_that_raises_or_hangs_closes_the_gate(
    what: str, query: str, seconds: float, says: str, house: House, figure: Callable[[str], None]
) -> None:
    before = night(house)["total"].version
    house.write(
        "room/tables.yaml",
        TABLES.replace(RULES, f"{RULES}    - sql: {{name: odd, query: {query!r}}}\n"),
    )
    outcome = night(house, "s2", seconds)["total"]
    assert not outcome.passed and says in outcome.reason, outcome.reason
    assert Lake(house.home).current("total") == before
    with pytest.raises(ReleaseRefused):
        publish(house, "s2")
    house.write("room/tables.yaml", TABLES)
    assert night(house, "s3")["total"].passed, "the next gate is answered again"
    figure(f"G3 a check that {what}: closed ({outcome.reason.split(';')[0][:90]})")
