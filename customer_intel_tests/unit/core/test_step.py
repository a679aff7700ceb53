"""A table's step: candidate, audit, accept; and what a closed gate leaves untouched."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from customer_intel.core.night import build as step
from customer_intel.core.night.night import Outcome
from customer_intel.core.store.lake import Lake, LakeError
from customer_intel_tests.house import SQL, TABLES, House


def run(house: House, **night: object) -> dict[str, Outcome]:
    made = house.night(**night)  # type: ignore[arg-type]
    return {name: step.build(made, definition) for name, definition in house.definitions.items()}


def test_a_night_computes_gates_and_accepts(house: House) -> None:
    outcomes = run(house)
    assert [outcome.status for outcome in outcomes.values()] == ["accepted", "accepted"]
    frame = pl.read_parquet(Lake(house.home).files("total"))
    assert frame.rows() == [
        ("a", 3, 12.5, date(2024, 1, 3), "s1"),
        ("b", 1, 1, date(2024, 1, 3), "s1"),
    ]


def test_the_same_night_twice_gives_the_same_bytes_and_writes_nothing(house: House) -> None:
    first, second = run(house), run(house)
    assert {n: o.version.sha256 for n, o in first.items() if o.version} == {
        n: o.version.sha256 for n, o in second.items() if o.version
    }
    assert all(outcome.status == "unchanged" and not outcome.written for outcome in second.values())


def test_only_touched_days_are_rewritten(house: House) -> None:
    run(house)
    house.write(
        "room/base.sql",
        SQL["base"].replace("('b', DATE '2024-01-02', 1", "('b', DATE '2024-01-02', 9"),
    )
    assert run(house)["base"].written == ("2024-01-02",)
    house.write("room/base.sql", SQL["base"] + " WHERE day < DATE '2024-01-02'")
    run(house)
    version = Lake(house.home).current("base")
    assert version is not None and list(version.parts) == ["2024-01-01"]


def test_a_closed_gate_keeps_last_nights_table(house: House) -> None:
    before = run(house)["total"].version
    house.write("room/total.sql", SQL["total"].replace("sum(orders)", "-sum(orders)"))
    outcome = run(house)["total"]
    assert outcome.status == "rejected" and not outcome.passed
    assert "orders" in outcome.reason
    assert Lake(house.home).current("total") == before
    assert (house.home / "lake/.rejected/total/whole.parquet").exists()
    assert "2024" not in outcome.reason


def test_a_query_that_disagrees_with_its_contract_is_rejected(house: House) -> None:
    house.write("room/total.sql", SQL["total"].replace("AS revenue", "AS revenu"))
    outcome = run(house)["total"]
    assert outcome.status == "rejected"
    assert "lacks revenue" in outcome.reason and "revenu," in outcome.reason


def test_a_lossy_type_is_rejected(house: House) -> None:
    house.write(
        "room/total.sql", SQL["total"].replace("CAST(sum(orders) AS BIGINT)", "avg(orders)")
    )
    assert "is DOUBLE, its contract says BIGINT" in run(house)["total"].reason


def test_a_table_whose_need_is_empty_is_published_empty_with_the_reason(house: House) -> None:
    house.write(
        "room/tables.yaml",
        TABLES.replace("  published: true", "  needs: [base]\n  published: true"),
    )
    house.write("room/base.sql", SQL["base"] + " WHERE FALSE")
    outcome = run(house)["total"]
    assert (outcome.status, outcome.rows, outcome.reason) == ("not_available", 0, "needs base")
    assert pl.read_parquet(Lake(house.home).files("total")).columns[:2] == ["customer_id", "orders"]


def test_a_function_is_handed_the_columns_of_its_contract(house: House) -> None:
    (house.package / "room/total.sql").unlink()
    house.write(
        "room/sums.py",
        "import polars as pl\n\n\ndef total(schema: pl.Schema) -> pl.DataFrame:\n"
        "    return pl.DataFrame([('a', 1, 2)], schema=schema, orient='row')\n",
    )
    assert run(house)["total"].status == "accepted"
    assert pl.read_parquet(Lake(house.home).files("total")).rows() == [
        ("a", 1, 2, date(2024, 1, 3), "s1")
    ]


def test_an_input_that_was_never_accepted_is_named(house: House) -> None:
    with pytest.raises(LakeError, match="'base' was never accepted"):
        step.build(house.night(), house.definitions["total"])


def test_a_version_is_not_accepted_without_a_certificate(house: House) -> None:
    with pytest.raises(LakeError, match="no certificate"):
        Lake(house.home).accept(
            "total", {}, as_of="", snapshot_id="", schema_sha256="", certificate={"passed": False}
        )
