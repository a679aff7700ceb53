"""One suite over one dirty fixture, three ways: the gate, Great Expectations' own validation on the
gate's engine, and Great Expectations on pandas. Verdicts and counts must agree; this test guards a
bump of Great Expectations.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from customer_intel.core.contract.model import Column, Expectation, Table
from customer_intel.core.gate import gate

# Every way to be wrong at its own rhythm, so that they overlap.
DIRTY = """
    SELECT
        CASE WHEN i % 41 = 0 THEN NULL WHEN i % 17 = 0 THEN i - 1 ELSE i END AS id,
        CASE WHEN i % 13 = 0 THEN NULL ELSE 'c' || i % 60 END AS customer_id,
        CASE WHEN i % 29 = 0 THEN NULL ELSE i % 4 END AS line,
        CASE WHEN i % 11 = 0 THEN NULL WHEN i % 7 = 0 THEN 'no address' WHEN i % 19 = 0 THEN ''
            WHEN i % 23 = 0 THEN 'ü@é.org' ELSE 'p' || i || '@example.org' END AS email,
        CAST(CASE WHEN i % 31 = 0 THEN NULL ELSE i * 1.25 - 10 END AS DECIMAL(18, 2)) AS total,
        CASE WHEN i % 37 = 0 THEN NULL WHEN i % 43 = 0 THEN CAST('inf' AS DOUBLE)
            WHEN i % 47 = 0 THEN CAST('-inf' AS DOUBLE) ELSE i / 100 END AS score,
        CASE WHEN i % 9 = 0 THEN NULL WHEN i % 10 = 0 THEN 'Web ' ELSE ['web', 'shop', 'app'][i % 3 + 1] END AS channel,
        CASE WHEN i % 27 = 0 THEN NULL ELSE i % 5 END AS grade,
        TIMESTAMP '2026-01-01' + INTERVAL 1 DAY * (i - 20) AS day,
        CASE WHEN i % 50 = 0 THEN NULL ELSE i % 2 = 0 END AS is_new
    FROM range(200) AS r(i)
"""
REGISTERED = [f"c{i}" for i in range(55)]


def column(name: str, type_: Any = "text", **more: Any) -> Column:
    return Column(name=name, type=type_, meaning=name, **more)


def rule(kind: Any, **args: Any) -> Expectation:
    return Expectation(kind=kind, args=args)


TABLE = Table(
    name="dirty",
    room="r",
    grain="g",
    purpose="p",
    owner="o",
    key=("id", "line"),
    columns=(
        column("id", "int"),
        column("customer_id", required=True),
        column("line", "int"),
        column("email", pii="email", required=True),
        column("total", "money", required=True),
        column("score", "float", required=True),
        column("channel", values=("web", "shop", "app")),
        column("grade", "int", values=("1", "2", "3")),
        column("day", "timestamp", required=True),
        column("is_new", "bool", required=True),
    ),
    expect=(
        rule("rows", min=1, max=200),
        rule("rows", min=201),
        rule("drop", max_share=0.6),
        rule("between", column="total", min=0),
        rule("between", column="total", max=99.5),
        rule("between", column="score", min=0.5, max=1.5),
        rule("between", column="line", min=0, max=3),
        rule("between", column="day", min=datetime(2026, 1, 1), max=datetime(2026, 5, 1)),
        rule("in_set", column="is_new", values=[True]),
        rule("in_set", column="line", values=[0, 1, 2, 3]),
        rule("regex", column="email", pattern=r"^[^@\s]+@[^@\s]+\.[a-z]+$"),
        rule("regex", column="channel", pattern="e"),
        rule("unique", columns=["id"]),
        rule("unique", columns=["email"]),
        rule("unique", columns=["customer_id", "channel"]),
        rule("unique", columns=["id", "email", "day"]),
        rule("foreign_key", column="customer_id", table="registry"),
        rule("sql", name="negative", query="SELECT id FROM dirty WHERE total < 0"),
        rule("sql", name="none", query="SELECT id FROM dirty WHERE total < -100"),
    ),
)
PREVIOUS = 600
Outcome = tuple[str, bool, int]


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    path: Path = tmp_path_factory.mktemp("gx") / "dirty.parquet"
    with duckdb.connect() as con:
        con.execute(f"COPY ({DIRTY}) TO '{path}'")
        con.execute(f"CREATE VIEW dirty AS FROM '{path}'")
        con.execute(
            "CREATE VIEW registry AS SELECT unnest($1) AS customer_id".replace(
                "$1", repr(REGISTERED)
            )
        )
        yield con


@pytest.fixture(scope="module")
def ours(con: duckdb.DuckDBPyConnection) -> list[Outcome]:
    findings = gate.check(con, TABLE, previous_rows=PREVIOUS).findings
    assert not [finding for finding in findings if finding.observed == "not checked"]
    return [(finding.expectation, finding.success, finding.unexpected) for finding in findings]


def outcome(result: Any) -> Outcome:
    """As Great Expectations tells it; counts are of rows where it counts rows, else 0 or 1."""
    assert "raised_exception': True" not in str(result.exception_info), result.exception_info
    count = result.result.get("unexpected_count")
    if count is None:
        # A query counts in observed_value; a row count or a set of columns is right or wrong.
        query = result.expectation_config.type == "unexpected_rows_expectation"
        count = result.result["observed_value"] if query else int(not result.success)
    return result.expectation_config.meta["expectation"], bool(result.success), int(count)


def test_fixture_fails_and_passes_widely(ours: list[Outcome]) -> None:
    assert sum(success for _, success, _ in ours) >= 6
    assert sum(not success for _, success, _ in ours) >= 18
    assert len({unexpected for _, _, unexpected in ours}) > 12


def test_gate_equals_great_expectations_on_duckdb(
    con: duckdb.DuckDBPyConnection, ours: list[Outcome]
) -> None:
    from great_expectations.core.batch import Batch, LegacyBatchDefinition
    from great_expectations.core.id_dict import IDDict
    from great_expectations.execution_engine.sqlalchemy_batch_data import SqlAlchemyBatchData
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
    from great_expectations.validator.validator import Validator

    from customer_intel.core.gate.gx_duckdb import GateExecutionEngine

    engine = GateExecutionEngine(con)
    batch = Batch(
        # Names unquoted: with quoted ones Great Expectations cannot list what breaks a compound
        # key.
        data=SqlAlchemyBatchData(
            execution_engine=engine, table_name="dirty", create_temp_table=False
        ),
        batch_definition=LegacyBatchDefinition("duckdb", "gate", "dirty", IDDict()),
    )
    validator = Validator(execution_engine=engine, batches=[batch])
    items = gate.suite(TABLE)["expectations"]
    for item in items:
        if "max_share" in item["meta"] and "min_value" in item["kwargs"]:
            item["kwargs"]["min_value"] = int(PREVIOUS * 0.4)
    results = validator.graph_validate(
        [ExpectationConfiguration(**item) for item in items],
        {
            "result_format": {"result_format": "BASIC", "partial_unexpected_count": 0},
            "catch_exceptions": False,
        },
    )
    assert sorted(map(outcome, results)) == sorted(ours)


def test_gate_equals_great_expectations_on_pandas(
    con: duckdb.DuckDBPyConnection, ours: list[Outcome]
) -> None:
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    # Great Expectations compares pandas dates only when they are nanoseconds.
    frame = con.sql("FROM dirty").arrow().read_all().to_pandas()
    frame["day"] = frame["day"].astype("datetime64[ns]")

    items = []
    for item in gate.suite(TABLE)["expectations"]:
        text = item["meta"]["expectation"]
        if text == "foreign_key customer_id in registry":
            # pandas knows no second table: the same question, asked of the registry's values.
            item["type"] = "expect_column_values_to_be_in_set"
            item["kwargs"] = {"column": "customer_id", "value_set": REGISTERED}
        elif text.startswith("sql "):
            # Nor SQL: the rows the query wants are those outside the bound.
            item["type"] = "expect_column_values_to_be_between"
            item["kwargs"] = {"column": "total", "min_value": 0 if text == "sql negative" else -100}
        items.append(item)

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("dirty")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    validation = batch.validate(
        gx.ExpectationSuite(name="dirty", expectations=items),
        result_format={"result_format": "SUMMARY"},
        expectation_parameters={"drop_floor": int(PREVIOUS * 0.4)},
    )
    assert sorted(map(outcome, validation.results)) == sorted(ours)
