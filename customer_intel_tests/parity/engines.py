"""The two engines behind the same verbs, and how their answers are compared; not a test itself.

Belongs here: sessions, types, differences. Not here: what they are asked (test_parity.py).
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from customer_intel.core.contract.model import Table
from customer_intel.core.engine import DuckDBEngine, literal, quoted
from customer_intel.core.tables import spark_sql

# What a column's Spark type may be before the cast to the contract's: widening only.
_WIDENS = {
    "VARCHAR": "string|void",
    "BIGINT": "tinyint|smallint|int|bigint|void",
    "DOUBLE": r"float|double|tinyint|smallint|int|bigint|decimal\(.*\)|void",
    "BOOLEAN": "boolean|void",
    "DATE": "date|void",
    "TIMESTAMP": "timestamp_ntz|timestamp|date|void",
    "DECIMAL(18,2)": r"decimal\(\d+,[012]\)|tinyint|smallint|int|bigint|void",
}
_SPARK_TYPES = {"VARCHAR": "STRING", "TIMESTAMP": "TIMESTAMP_NTZ"}
# Doubles that differ by less, relatively, are the same: sums are added up in another order.
TOLERANCE = 1e-9
# For many small queries: nothing is compiled that runs once, and no plan is made for many machines.
SMALL = {
    "spark.ui.enabled": "false",
    "spark.driver.memory": "1500m",
    "spark.sql.shuffle.partitions": "1",
    "spark.default.parallelism": "1",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.constraintPropagation.enabled": "false",
    "spark.sql.autoBroadcastJoinThreshold": "-1",
}


class Spark:
    """Spark on this machine, one thread. `folder`: where it may write."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
            pytest.fail("Spark needs Java: apt-get install default-jre-headless")
        try:
            from pyspark.sql import SparkSession
            from pyspark.sql.types import StringType
        except ModuleNotFoundError:
            pytest.fail("Spark is not installed: pip install -c constraints.txt -e '.[dev,spark]'")
        # Its workers are this Python, and read the package where these tests read it.
        package = str(Path(spark_sql.__file__).resolve().parents[3])
        paths = (package, *filter(None, [os.environ.get("PYTHONPATH")]))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PYSPARK_PYTHON", sys.executable)
            patch.setenv("PYTHONPATH", os.pathsep.join(paths))
            patch.setenv("SPARK_LOCAL_DIRS", str(folder / "spark"))
            # It asks the host's name of the network, which a sandbox may lack.
            patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
            builder = SparkSession.builder.master("local[1]").appName("parity")
            java = f"-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Djava.io.tmpdir={folder}"
            settings = {
                **SMALL,
                **spark_sql.SETTINGS,
                "spark.sql.warehouse.dir": str(folder / "warehouse"),
                "spark.driver.extraJavaOptions": java,
            }
            for key, value in settings.items():
                builder = builder.config(key, value)
            self.session = builder.getOrCreate()
        self.session.sparkContext.setLogLevel("OFF")
        for name, function in spark_sql.FUNCTIONS.items():
            self.session.udf.register(name, function, StringType())

    def register(self, name: str, path: Path) -> None:
        self.session.read.parquet(str(path)).createOrReplaceTempView(name)

    def materialize(self, table: Table, sql: str, stamps: Mapping[str, str], target: Path) -> None:
        """Writes the query's rows with the contract's columns and types; AssertionError for a type
        whose cast would change values.
        """
        rows = self.session.sql(sql)
        found = dict(rows.dtypes)
        wrong = {
            column.name: found.get(column.name, "missing")
            for column in table.columns
            if column.name not in stamps
            and not re.fullmatch(_WIDENS[column.sql_type], found.get(column.name, "missing"))
        }
        assert not wrong, f"{table.name}: types that the contract's do not hold: {wrong}"
        rows.createOrReplaceTempView("result")
        picked = ", ".join(
            f"CAST({stamps.get(column.name, f'`{column.name}`')} AS "
            f"{_SPARK_TYPES.get(column.sql_type, column.sql_type)}) AS `{column.name}`"
            for column in table.columns
        )
        query = self.session.sql(f"SELECT {picked} FROM result")
        query.coalesce(1).write.mode("overwrite").parquet(str(target))

    def close(self) -> None:
        self.session.stop()


def view(engine: DuckDBEngine, name: str, path: Path) -> None:
    """`name` as DuckDB reads it from the file."""
    for kind in ("VIEW", "TABLE"):
        try:
            engine.con.execute(f"DROP {kind} IF EXISTS {quoted(name)}")
        except duckdb.CatalogException:  # it is the other kind
            continue
    engine.con.execute(
        f"CREATE TEMP VIEW {quoted(name)} AS SELECT * FROM read_parquet({literal(str(path))})"
    )


def differences(con: duckdb.DuckDBPyConnection, table: Table, mine: str, other: str) -> list[str]:
    """What the rows of two relations of the same columns differ in, a line each; by the table's key."""
    key = table.key or tuple(column.name for column in table.columns)
    return unlike(con, key, {column.name: column.sql_type for column in table.columns}, mine, other)


def unlike(
    con: duckdb.DuckDBPyConnection,
    key: Sequence[str],
    columns: Mapping[str, str],
    mine: str,
    other: str,
) -> list[str]:
    """As `differences`; `columns`: name → type."""
    same_key = " AND ".join(f"d.{quoted(k)} IS NOT DISTINCT FROM s.{quoted(k)}" for k in key)
    counts = {
        "rows": _one(con, f"SELECT count(*) FROM {mine}"),
        "rows of the other": _one(con, f"SELECT count(*) FROM {other}"),
        "keys that the other lacks": _one(
            con, f"SELECT count(*) FROM {mine} AS d ANTI JOIN {other} AS s ON {same_key}"
        ),
    }
    found = []
    if counts["rows"] != counts["rows of the other"] or counts["keys that the other lacks"]:
        found.append(", ".join(f"{what}: {n}" for what, n in counts.items()))
    for name, kind in columns.items():
        differs = _differs(quoted(name), kind)
        first, own = f"d.{quoted(key[0])}", quoted(name)
        shown = [f"arg_min(CAST({side}.{own} AS VARCHAR), {first})" for side in "ds"]
        n, least, one, two = con.execute(
            f"SELECT count(*), min({first}), {', '.join(shown)} FROM {mine} AS d "
            f"JOIN {other} AS s ON {same_key} WHERE {differs}"
        ).fetchall()[0]
        if n:
            found.append(f"{name}: {n} rows, of {least} {one!r} against {two!r}")
    return found


def _differs(name: str, kind: str) -> str:
    differs = f"d.{name} IS DISTINCT FROM s.{name}"
    if kind != "DOUBLE":
        return differs
    near = f"abs(d.{name} - s.{name}) <= {TOLERANCE} * greatest(abs(d.{name}), abs(s.{name}))"
    return f"{differs} AND NOT coalesce({near}, FALSE)"


def _one(con: duckdb.DuckDBPyConnection, sql: str) -> Any:
    return con.execute(sql).fetchall()[0][0]
