"""Every SQL table has the same rows on DuckDB and on Spark; Spark's text is made of DuckDB's."""

from __future__ import annotations

from pathlib import Path

import pytest

import customer_intel.ingest  # noqa: F401 (registers how exports become entities)
from customer_intel.core.contract.load import load
from customer_intel.core.contract.model import Table
from customer_intel.core.tables.definition import Definition, definitions
from customer_intel.core.tables.parameters import sql_literal
from customer_intel.core.tables.spark_sql import spark_sql
from customer_intel_tests.parity import probes
from customer_intel_tests.parity.engines import Spark, differences, unlike, view
from customer_intel_tests.parity.hostile_exports import AS_OF, ZONE
from customer_intel_tests.parity.hostile_lake import HostileLake

pytestmark = pytest.mark.slow

SQL_TABLES = {
    name: definition
    for name, definition in definitions(load()).items()
    if definition.kind in ("sql", "conformed")
}


def compared(
    definition: Definition, lake: HostileLake, spark: Spark, *, is_frayed: bool = False
) -> list[str]:
    """How the rows differ that the engines compute from the same files."""
    table, engine = definition.table, lake.engine
    inputs = lake.inputs(definition, is_frayed=is_frayed)
    for name, path in inputs.items():
        view(engine, name, path)
        spark.register(name, path)
    engine.define_local_time(ZONE)
    stamps = _stamps(table)
    sql = lake.sql(definition)
    mine = lake.folder / "results" / f"{table.name}.parquet"
    mine.parent.mkdir(exist_ok=True)
    engine.materialize(engine.contract_select(table, sql, stamps), mine, table.key)
    other = lake.folder / "results" / f"{table.name}.spark"
    spark.materialize(table, spark_sql(sql, lake.tables(definition), ZONE), stamps, other)
    view(engine, "mine", mine)
    view(engine, "other", other / "*.parquet")
    return differences(engine.con, table, "mine", "other")


def _stamps(table: Table) -> dict[str, str]:
    if table.layout != "whole":
        return {}
    return {"as_of": sql_literal(AS_OF), "snapshot_id": "'night'"}


@pytest.mark.parametrize("name", SQL_TABLES)
def test_a_table_has_the_same_rows_on_both_engines(
    name: str, hostile_lake: HostileLake, spark: Spark
) -> None:
    assert compared(SQL_TABLES[name], hostile_lake, spark) == []


@pytest.mark.parametrize("name", [n for n, d in SQL_TABLES.items() if d.kind == "sql"])
def test_a_table_of_frayed_inputs_has_the_same_rows_on_both_engines(
    name: str, hostile_lake: HostileLake, spark: Spark
) -> None:
    """Optional values are empty here and there, in every input and every column."""
    assert compared(SQL_TABLES[name], hostile_lake, spark, is_frayed=True) == []


@pytest.mark.parametrize("zone", ["UTC", ZONE, "America/Sao_Paulo"])
def test_every_function_that_sql_may_use_answers_the_same(
    zone: str, hostile_lake: HostileLake, spark: Spark, tmp_path: Path
) -> None:
    engine, values = hostile_lake.engine, hostile_lake.folder / "v.parquet"
    engine.con.execute(f"COPY ({probes.values()}) TO '{values}'")
    view(engine, "v", values)
    spark.register("v", values)
    engine.define_local_time(zone)
    found = []
    for name, sql in probes.selects().items():
        mine = hostile_lake.folder / "probe.parquet"
        engine.con.execute(f"COPY ({sql}) TO '{mine}'")
        other = hostile_lake.folder / "probe.spark"
        rows = spark.session.sql(spark_sql(sql, [probes.table()], zone))
        rows.coalesce(1).write.mode("overwrite").parquet(str(other))
        view(engine, "mine", mine)
        view(engine, "other", other / "*.parquet")
        kind = engine.con.execute("SELECT typeof(a) FROM mine LIMIT 1").fetchall()[0][0]
        said = unlike(engine.con, ["r"], {"a": kind}, "mine", "other")
        found += [f"{name}: {line}" for line in said]
    assert found == []
