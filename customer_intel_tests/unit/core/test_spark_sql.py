"""DuckDB's SQL written for Spark, without Spark: what types are told, what is refused, what is probed.

That the rows are the same is customer_intel_tests/parity's.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import duckdb
import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

import customer_intel.ingest  # noqa: F401 (registers how exports become entities)
from customer_intel.core.contract.load import load
from customer_intel.core.json_merge import json_merge_patch
from customer_intel.core.tables import portable_sql, spark_sql
from customer_intel.core.tables.definition import definitions
from customer_intel.core.tables.parameters import room_config
from customer_intel_tests.parity import probes

NOWHERE = Path("no-home")


def written(expression: str, zone: str = "UTC") -> str:
    text = spark_sql.spark_sql(f"SELECT {expression} AS a FROM v", [probes.table()], zone)
    return text.removeprefix("SELECT ").removesuffix(" AS a FROM v AS v")


def test_every_sql_table_can_be_written_for_spark() -> None:
    contract = load()
    refused = {}
    for name, definition in definitions(contract).items():
        if definition.kind not in ("sql", "conformed"):
            continue
        config = {**room_config(definition.table.room, NOWHERE), "as_of": date(2026, 6, 30)}
        reads = [contract.table(read) for read in definition.reads]
        try:
            spark_sql.spark_sql(definition.sql(config), reads, "Europe/Berlin")
        except spark_sql.NotTranslated as error:
            refused[name] = str(error)
    assert refused == {}


def test_every_function_on_the_portable_list_has_a_probe_that_uses_it() -> None:
    assert portable_sql.FUNCTIONS | portable_sql.REWRITTEN <= probes.PROBED
    asked: dict[str, set[str]] = {}
    for key, sql in probes.selects().items():
        kinds = {_named(node) for node in sqlglot.parse_one(sql, read="duckdb").walk()}
        asked.setdefault(key.split()[0], set()).update(kinds)
    assert [name for name, kinds in asked.items() if name not in kinds] == []


def _named(node: exp.Expr) -> str:
    return node.name.lower() if isinstance(node, exp.Anonymous) else type(node).__name__


def test_a_function_that_nobody_probed_is_refused() -> None:
    assert portable_sql.faults("SELECT strftime(d, '%Y') AS a FROM t", "x.sql")
    assert portable_sql.faults("SELECT jaro_winkler_similarity(a, b) AS a FROM t", "x.sql")


@pytest.mark.parametrize(
    "expression",
    [
        "m * x", "m + n", "m * m", "n / k", "coalesce(x, m)", "coalesce(d, t)", "d - d", "d + 1", "t - t",
        "CASE WHEN b THEN m ELSE x END", "CASE WHEN b THEN 0 ELSE m END", "greatest(m, 0.0)", "round(m, 1)",
        "round(m * x, 2)", "floor(m)", "sum(m)", "sum(n)", "sum(x) OVER ()", "median(n)", "avg(m)", "1.5 * n",
        "d + INTERVAL 1 DAY", "d - INTERVAL 1 MONTH", "nullif(m, 0)", "1.0 / 12.0", "count(*)", "-x", "n % 2",
        "date_diff('day', d, d)", "lag(m) OVER (ORDER BY r)", "left(s, 1)", "coalesce(NULL, m)", "abs(m)",
    ],
)  # fmt: skip
def test_types_are_told_as_duckdb_tells_them(expression: str) -> None:
    with duckdb.connect() as con:
        con.execute(f"CREATE VIEW v AS {probes.values()}")
        found = con.execute(f"DESCRIBE SELECT {expression} AS a FROM v").fetchall()[0][1]
    tree = spark_sql.annotated(f"SELECT {expression} AS a FROM v", [probes.table()])
    named = "INT128" if found == "HUGEINT" else str(found)
    assert spark_sql.kind_of(tree.selects[0]) == spark_sql.kind_of(exp.DataType.build(named))


def test_what_both_engines_take_and_answer_differently_is_written_otherwise() -> None:
    assert written("n / k") == "(CAST(v.n AS DOUBLE)) / CAST(v.k AS DOUBLE)"
    assert written("round(m, 1)") == "ROUND(v.m, 1)"
    assert "ROUND((v.x) * CAST(100 AS DOUBLE))" in written("round(x, 2)")
    assert written("CAST(x AS BIGINT)") == "CAST(RINT(v.x) AS BIGINT)"
    assert written("avg(m)") == "AVG(CAST(v.m AS DOUBLE))"
    assert "PERCENTILE_DISC" in written("median(x) FILTER (WHERE b)")
    assert written("d + 7") == "DATE_ADD(v.d, CAST(7 AS INT))"
    assert written("date_diff('month', d, d)").count("MONTH(") == 2
    assert "UNIX_MICROS" in written("epoch_us(t)")
    assert "'Europe/Berlin'" in written("local_day(t)", "Europe/Berlin")
    assert written("local_day(t)") == "CAST(CAST(v.t AS TIMESTAMP_NTZ) AS DATE)"


def test_what_has_no_known_words_is_refused_by_name() -> None:
    for expression, said in {
        "bar(s, 3, 10)": "bar",
        "date_diff('week', d, d)": "week",
        "median(m)": "CAST it AS DOUBLE",
        "round(x, k)": "no literal",
    }.items():
        with pytest.raises(spark_sql.NotTranslated, match=said):
            written(expression)


# ---- JSON objects, as DuckDB merges them
_leaves = st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.text(max_size=4)
_values = st.recursive(
    _leaves | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=6,
)
_objects = st.none() | st.dictionaries(st.sampled_from("abcd"), _values, max_size=4).map(json.dumps)


@settings(deadline=None)
@given(st.lists(_objects, min_size=2, max_size=4))
def test_json_objects_are_merged_as_duckdb_merges_them(objects: list[str | None]) -> None:
    places = ", ".join("CAST(? AS VARCHAR)" for _ in objects)
    asked = f"SELECT CAST(json_merge_patch({places}) AS VARCHAR)"
    ((expected,),) = duckdb.execute(asked, objects).fetchall()
    assert json_merge_patch(*objects) == expected
