"""Every SQL table has the same rows on DuckDB and on Spark; Spark's text is made of DuckDB's."""

from __future__ import annotations

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


# In Asunción a day begins at one when clocks go forward. Midnights that come twice, as in Havana,
# differ (docs/engines.md).
@pytest.mark.parametrize("zone", ["UTC", ZONE, "America/Asuncion"])
def test_every_function_that_sql_may_use_answers_the_same(
    zone: str, hostile_lake: HostileLake, spark: Spark
) -> None:
    engine, folder = hostile_lake.engine, hostile_lake.folder
    values = folder / "v.parquet"
    engine.con.execute(f"COPY ({probes.values()}) TO '{values}'")
    view(engine, "v", values)
    spark.register("v", values)
    engine.define_local_time(zone)
    found = []
    for sql, asked in probes.selects().items():
        mine, other = folder / "probe.parquet", folder / "probe.spark"
        engine.con.execute(f"COPY ({sql}) TO '{mine}'")
        rows = spark.session.sql(spark_sql(sql, [probes.table()], zone))
        rows.coalesce(1).write.mode("overwrite").parquet(str(other))
        view(engine, "mine", mine)
        view(engine, "other", other / "*.parquet")
        described = engine.con.execute("DESCRIBE mine").fetchall()
        kinds = {str(row[0]): str(row[1]) for row in described if row[0] != "r"}
        for line in unlike(engine.con, ["r"], kinds, "mine", "other"):
            number = line.partition(":")[0].removeprefix("a")
            found.append(f"{asked[int(number)] if number.isdigit() else ''}: {line}")
    assert found == []
