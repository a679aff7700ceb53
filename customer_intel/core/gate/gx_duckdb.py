"""Great Expectations' SQL engine on a DuckDB connection that is already open.

Great Expectations 1.24 has no DuckDB source, and the public SQLAlchemy dialects hand it a result
that is closed before it is fetched. Here: a SQLAlchemy dialect just large enough for the gate, the
execution engine on it, and the three metrics for which Great Expectations has no DuckDB form or a
dear one. Importing this module imports Great Expectations (seconds), so `gate` does it inside its
function.

Metrics are resolved without Expectation objects: 1.24 rebuilds each pydantic model some sixty times
in a validation, 9 ms per expectation before the first row is read. `Validator.graph_validate` on
this engine gives the same counts (customer_intel_tests/oracles/test_gx_equivalence.py).
"""

# Great Expectations' own annotations are not followed (pyproject.toml), so its classes and
# decorators are untyped here.
# mypy: disable-error-code="misc, untyped-decorator"

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import sqlalchemy as sa
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.execution_engine.sqlalchemy_batch_data import SqlAlchemyBatchData
from great_expectations.expectations.metrics.map_metric_provider import (
    ColumnMapMetricProvider,
    column_condition_partial,
)
from great_expectations.expectations.metrics.metric_provider import MetricProvider, metric_value
from great_expectations.validator.metric_configuration import MetricConfiguration
from great_expectations.validator.metrics_calculator import MetricsCalculator
from sqlalchemy.engine import Engine, default, reflection
from sqlalchemy.engine.url import make_url
from sqlalchemy.pool import StaticPool

from customer_intel.core.engine import quoted

# Great Expectations logs a failed query with its whole traceback, and DuckDB's errors quote row
# values.
logging.getLogger("great_expectations").setLevel(logging.CRITICAL + 1)

BATCH_ID = "candidate"

# Expectation type → the Great Expectations metric that counts what breaks it.
COUNTERS = {
    "expect_column_values_to_be_between": "column_values.between",
    "expect_column_values_to_be_in_set": "column_values.in_set",
    "expect_column_values_to_match_regex": "column_values.match_regex",
    "expect_column_values_to_be_unique": "column_values.unique",
    "expect_compound_columns_to_be_unique": "compound_columns.unique",
}
NOT_NULL = "expect_column_values_to_not_be_null"
QUERY_TYPE, QUERY = "unexpected_rows_expectation", "unexpected_rows_query"
UNIQUE = ("column_values.unique", "compound_columns.unique")


class _Cursor:
    """Fetches at execute: an unfinished result would block the connection that the next query
    needs.
    """

    arraysize = 1
    rowcount = -1
    lastrowid = None

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con
        self._rows: list[tuple[Any, ...]] = []
        self.description: Any = None

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        result = self._con.execute(sql, list(parameters))
        self.description = result.description
        self._rows = result.fetchall() if self.description else []

    def fetchone(self) -> tuple[Any, ...] | None:
        return self._rows.pop(0) if self._rows else None

    def fetchmany(self, size: int = 1) -> list[tuple[Any, ...]]:
        head, self._rows = self._rows[:size], self._rows[size:]
        return head

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self.fetchmany(len(self._rows))

    def close(self) -> None:
        self._rows = []


class _Connection:
    """The borrowed connection: no transactions, and closing it is its owner's business."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con

    def cursor(self) -> _Cursor:
        return _Cursor(self._con)

    def commit(self) -> None: ...

    def rollback(self) -> None: ...

    def close(self) -> None: ...


class DuckDBDialect(default.DefaultDialect):
    """As much of a SQLAlchemy dialect as Great Expectations asks for."""

    name = "duckdb"
    default_paramstyle = "qmark"
    supports_statement_cache = True

    def initialize(self, connection: sa.Connection) -> None:
        """Nothing to ask of the server: the defaults hold."""

    @reflection.cache  # type: ignore[call-overload, untyped-decorator, unused-ignore]
    def get_columns(
        self, connection: sa.Connection, table_name: str, schema: str | None = None, **_: Any
    ) -> list[Any]:
        """Names of the columns, without types."""
        # The type stays unknown on purpose: types are checked from the Parquet schema, before the
        # gate.
        rows = connection.exec_driver_sql(f"DESCRIBE {quoted(table_name)}").fetchall()
        return [
            {"name": row[0], "type": sa.types.NullType(), "nullable": True, "default": None}
            for row in rows
        ]

    def get_pk_constraint(
        self, connection: sa.Connection, table_name: str, schema: str | None = None, **_: Any
    ) -> Any:
        """None: a view has no key."""
        return {"constrained_columns": [], "name": None}


class GateExecutionEngine(SqlAlchemyExecutionEngine):
    """Its name is the key under which the metrics below are registered."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        pool = StaticPool(lambda: _Connection(con), reset_on_return=None)  # type: ignore[arg-type]
        dialect = DuckDBDialect(dbapi=duckdb)  # type: ignore[arg-type]
        super().__init__(
            engine=Engine(pool, dialect, make_url("duckdb://")), create_temp_table=False
        )


class _MatchRegex(ColumnMapMetricProvider):
    condition_metric_name = "column_values.match_regex"
    condition_value_keys = ("regex",)

    @column_condition_partial(engine=GateExecutionEngine)
    def _duckdb(cls, column: Any, regex: str, **_: Any) -> Any:
        return sa.func.regexp_matches(column, regex)


_DOMAIN = ("batch_id", "table", "column", "row_condition", "condition_parser")
_DOMAIN_LIST = (
    "batch_id",
    "table",
    "column_list",
    "row_condition",
    "condition_parser",
    "ignore_row_if",
)


class _UniqueCount(MetricProvider):
    """Rows whose value repeats, by hash aggregation: the shipped window function sorts the whole
    column.
    """

    metric_name = "column_values.unique.unexpected_count"
    domain_keys = _DOMAIN

    @metric_value(engine=GateExecutionEngine)
    def _duckdb(cls, execution_engine: Any, metric_domain_kwargs: Any, **_: Any) -> int:
        return _repeated(execution_engine, metric_domain_kwargs, [metric_domain_kwargs["column"]])


class _CompoundUniqueCount(MetricProvider):
    """As above; nulls group together, as in pandas (the shipped join loses them)."""

    metric_name = "compound_columns.unique.unexpected_count"
    domain_keys = _DOMAIN_LIST

    @metric_value(engine=GateExecutionEngine)
    def _duckdb(cls, execution_engine: Any, metric_domain_kwargs: Any, **_: Any) -> int:
        return _repeated(
            execution_engine, metric_domain_kwargs, metric_domain_kwargs["column_list"]
        )


def _repeated(
    engine: GateExecutionEngine, domain: Mapping[str, Any], columns: Sequence[str]
) -> int:
    table = engine.batch_manager.batch_data_cache[domain["batch_id"]].selectable.name
    sql = (
        f"SELECT CAST(coalesce(sum(n), 0) AS BIGINT) FROM ({_groups(table, columns)} HAVING "
        "count(*) > 1)"
    )
    with engine.get_connection() as connection:
        return int(connection.exec_driver_sql(sql).scalar_one())


def _groups(table: str, columns: Sequence[str]) -> str:
    listed = ", ".join(quoted(column) for column in columns)
    # A row with nothing in any of the columns is no duplicate of another such row.
    present = " OR ".join(f"{quoted(column)} IS NOT NULL" for column in columns)
    return f"SELECT {listed}, count(*) AS n FROM {quoted(table)} WHERE {present} GROUP BY {listed}"


@dataclass(frozen=True)
class Count:
    """What one expectation found. `error` is the engine's own text and may quote row values: redact
    before showing.
    """

    unexpected: int = 0
    checked: int = 0
    error: str = ""


class Candidate:
    """One table under examination. `con` must show it as a view or table named `name`."""

    def __init__(self, con: duckdb.DuckDBPyConnection, name: str) -> None:
        self.name = name
        self._con = con
        self._engine = GateExecutionEngine(con)
        data = SqlAlchemyBatchData(
            execution_engine=self._engine,
            table_name=name,
            create_temp_table=False,
            use_quoted_name=True,
        )
        self._engine.batch_manager.save_batch_data(BATCH_ID, data)
        self._calculator = MetricsCalculator(self._engine, show_progress_bars=False)
        self._resolved: dict[Any, Any] = {}
        self.columns: list[str] = [
            column["name"]
            for column in self._engine.get_inspector().get_columns(sa.sql.quoted_name(name, True))
        ]

    def count(self, expectations: Sequence[Mapping[str, Any]]) -> list[Count]:
        """One count per expectation (GX JSON form; every column they name must exist)."""
        try:
            rows, values = self._values(
                {column for item in expectations for column in _columns(item)}
            )
        except duckdb.Error as error:
            return [Count(error=str(error)) for _ in expectations]
        # No row breaks what is said of each row, where there is none.
        of_rows = expectations if rows else ()
        metrics = {id(item): metric for item in of_rows if (metric := _counter(item))}
        bundled = self._resolve(list(metrics.values()))
        counts = []
        for item in expectations:
            columns, failure = _columns(item), bundled
            checked = values[columns[0]] if len(columns) == 1 else rows
            if item["type"] == NOT_NULL:
                counts.append(Count(rows - checked, rows))
                continue
            metric = metrics.get(id(item))
            if item["type"] == QUERY_TYPE:
                # One by one: Great Expectations repeats all queries of a round thrice when one of
                # them raises.
                query = _BIND.sub(r"\:", item["kwargs"][QUERY])
                metric = _metric("unexpected_rows_query.row_count", {}, **{QUERY: query})
                failure = self._resolve([metric])
            if metric is None:
                counts.append(Count(0, checked))
            elif (found := self._resolved.get(metric.id)) is not None or (
                rows == 0 and metric.id in self._resolved
            ):
                counts.append(Count(int(found or 0), checked))
            else:
                counts.append(Count(error=failure or "Error: not computed"))
        return counts

    def _values(self, columns: set[str]) -> tuple[int, dict[str, int]]:
        """Rows, and per column the rows with a value: one query; Great Expectations builds six
        metrics a column.
        """
        names = sorted(columns)
        listed = ", ".join(["count(*)", *(f"count({quoted(name)})" for name in names)])
        rows, *values = self._con.execute(f"SELECT {listed} FROM {quoted(self.name)}").fetchall()[0]
        return rows, dict(zip(names, values, strict=True))

    def sample(
        self, expectation: Mapping[str, Any], key: Sequence[str], limit: int
    ) -> list[dict[str, Any]]:
        """The first key tuples, in key order, of the rows that break `expectation`."""
        keys = [column for column in key if column in self.columns]
        kind, columns = expectation["type"], _columns(expectation)
        source, where = quoted(self.name) + " AS t", ""
        if kind == NOT_NULL:
            where = f"WHERE {quoted(columns[0])} IS NULL"
        elif kind == QUERY_TYPE:
            query = expectation["kwargs"][QUERY].replace("{{", "{").replace("}}", "}")
            given = {row[0] for row in self._con.execute(f"DESCRIBE ({query})").fetchall()}
            keys = [column for column in keys if column in given]
            source = f"({query})"
        elif COUNTERS[kind] in UNIQUE:
            same = " AND ".join(
                f"d.{quoted(c)} IS NOT DISTINCT FROM t.{quoted(c)}" for c in columns
            )
            repeats = f"{_groups(self.name, columns)} HAVING count(*) > 1"
            where = f"WHERE EXISTS (SELECT 1 FROM ({repeats}) AS d WHERE {same})"
        else:
            return self._sample_condition(expectation, keys, limit)
        if not keys:
            return []
        listed = ", ".join(quoted(column) for column in keys)
        sql = f"SELECT DISTINCT {listed} FROM {source} {where} ORDER BY {listed} LIMIT {limit}"
        return [dict(zip(keys, row, strict=True)) for row in self._con.execute(sql).fetchall()]

    def _sample_condition(
        self, expectation: Mapping[str, Any], keys: Sequence[str], limit: int
    ) -> list[dict[str, Any]]:
        metric = _counter(expectation, suffix="condition")
        if not keys or metric is None or metric.id not in self._resolved:
            return []
        condition, _, _ = self._resolved[metric.id]
        picked: list[Any] = [sa.column(sa.sql.quoted_name(column, True)) for column in keys]
        table = sa.table(sa.sql.quoted_name(self.name, True))
        query = (
            sa.select(*picked)
            .select_from(table)
            .where(condition)
            .distinct()
            .order_by(*picked)
            .limit(limit)
        )
        return [
            dict(zip(keys, row, strict=True))
            for row in self._engine.execute_query(query).fetchall()
        ]

    def _resolve(self, metrics: list[MetricConfiguration]) -> str:
        """Resolves what it can into `_resolved`; what failed is absent there, and its text is
        returned.
        """
        try:
            resolved, aborted = self._calculator.compute_metrics(
                metrics, {"catch_exceptions": True}
            )
        except Exception as error:  # whatever Great Expectations raises is a check that failed
            return f"{type(error).__name__}: {error}"
        self._resolved.update(resolved)
        messages = [str(info["exception_info"]["exception_message"]) for info in aborted.values()]
        return min(messages, default="")


# What SQLAlchemy would take for a named parameter.
_BIND = re.compile(r"(?<![:\w\\]):(?=\w)")


def _metric(name: str, domain: Mapping[str, Any], **values: Any) -> MetricConfiguration:
    return MetricConfiguration(name, {**domain, "batch_id": BATCH_ID}, values)


def _counter(
    expectation: Mapping[str, Any], suffix: str = "unexpected_count"
) -> MetricConfiguration | None:
    counter = COUNTERS.get(expectation["type"])
    if counter is None:
        return None
    values = dict(expectation["kwargs"])
    domain = {name: values.pop(name) for name in ("column", "column_list") if name in values}
    return _metric(f"{counter}.{suffix}", domain, **values)


def _columns(expectation: Mapping[str, Any]) -> list[str]:
    kwargs = expectation["kwargs"]
    if expectation["type"] == QUERY_TYPE:
        return list(expectation["meta"]["columns"])
    return (
        list(kwargs["column_list"])
        if "column_list" in kwargs
        else [kwargs["column"]]
        if "column" in kwargs
        else []
    )
