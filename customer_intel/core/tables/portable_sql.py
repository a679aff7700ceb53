"""The portable subset of DuckDB's SQL: what a table's SELECT may use so that another engine
computes the same.

An allow-list over the parsed SQL, because the dangerous differences are silent: the other engine
answers, and answers something else. A new function is added here only with a probe, over which both
engines gave equal results (customer_intel_tests/parity/probes.py; a test holds the two together).
"""

from __future__ import annotations

import re
from functools import lru_cache

import sqlglot
from sqlglot import TokenType, exp

from customer_intel.core.contract import load as contract
from customer_intel.core.tables.queries import parse

# Functions (as sqlglot names their nodes) that mean the same on DuckDB and Spark.
_FUNCTIONS = """
    Abs And Avg Case Cast Ceil Coalesce Concat ConcatWs Count CountIf CumeDist Date Day DenseRank Exists Exp Extract
    FirstValue Floor Greatest If JSONExtractScalar Lag LastDay LastValue Lead Least Left Length Ln LogicalAnd
    LogicalOr Lower MD5 Max Median Min Mod Month Not NthValue Ntile Nullif Or Pad PercentRank Pow Quarter Rank
    RegexpLike Replace Right Round RowNumber Sign SplitPart Sqrt StartsWith Stddev StddevPop StddevSamp StrPosition
    Substring Sum TimestampTrunc Translate Trim Upper Variance VariancePop Week Year
"""
FUNCTIONS = frozenset(_FUNCTIONS.split())
# Written otherwise elsewhere, with the same meaning (spark_sql.py), by name.
REWRITTEN = frozenset(
    {
        "epoch_us",
        "to_json",
        "json_merge_patch",
        "local_day",
        "local_time",
        "day_start",
        "before_export",
    }
)

# Node kinds that fail or, worse, differ elsewhere; the reason is what the author reads.
FORBIDDEN: dict[type[exp.Expr], str] = {
    exp.Pivot: "PIVOT",
    exp.Lambda: "a lambda",
    exp.ArrayAgg: "list() aggregates",
    exp.PercentileCont: "percentile_cont (median is safe)",
    exp.PercentileDisc: "percentile_disc (median is safe)",
    exp.Quantile: "quantile (median is safe)",
    exp.ApproxDistinct: "approximate counts",
    exp.AnyValue: "any_value (its choice is not determined)",
    exp.ArgMax: "arg_max (rank rows and filter instead)",
    exp.ArgMin: "arg_min (rank rows and filter instead)",
    exp.Array: "a list",
    exp.Unnest: "unnest",
    exp.JSONExtract: "-> (use json_extract_string)",
    exp.Columns: "COLUMNS(…)",
    exp.TryCast: "TRY_CAST (it accepts '12.7' as 13)",
}

_CLOCK = "the night's date is $as_of"
_CHANCE = "the same night twice must give the same rows: order by a key, or hash one"
# What no night may ask: kind → what it is, what to do instead.
UNREPEATABLE: dict[type[exp.Expr], tuple[str, str]] = {
    exp.CurrentDate: ("current_date", _CLOCK),
    exp.CurrentTime: ("current_time", _CLOCK),
    exp.CurrentTimestamp: ("current_timestamp", _CLOCK),
    exp.Localtime: ("localtime", _CLOCK),
    exp.Localtimestamp: ("localtimestamp", _CLOCK),
    exp.Rand: ("random()", _CHANCE),
    exp.Uuid: ("uuid()", _CHANCE),
}

BY_USE = (exp.DateDiff, exp.RegexpReplace, exp.Struct)

NOT_LISTED = "is not on the portable list (core/tables/portable_sql.py)"


def faults(sql: str, name: str) -> list[str]:
    """What in `sql` lies outside the subset, one line each; empty when it is portable."""
    return sorted({f"{name}: {said}" for _, said in located(sql, name)})


def located(sql: str, name: str) -> list[tuple[int, str]]:
    """Line, from 1, and words of each thing that lies outside the subset."""
    found: set[tuple[int, str]] = set()
    tree = parse(sql, name)
    for node in tree.walk():
        found.update((_line(node, sql), said) for said in _of_node(node))
    for token in sqlglot.tokenize(sql, read="duckdb"):
        if token.token_type == TokenType.DARROW:
            found.add((token.line, "->> is not portable (use json_extract_string)"))
    found.update(_alias_in_where(tree, sql))
    return sorted(found)


def _line(node: exp.Expr, sql: str) -> int:
    """The line on which a part of the query begins, as far as the parser kept it."""
    lines = [int(part.meta["line"]) for part in node.walk() if "line" in part.meta]
    if lines:
        return min(lines)
    word = re.match(r"\w*", node.sql(dialect="duckdb"))
    place = re.search(rf"\b{word[0]}\b", sql, re.IGNORECASE) if word and word[0] else None
    return sql.count("\n", 0, place.start()) + 1 if place else 1


def _of_node(node: exp.Expr) -> set[str]:
    found = {
        f"{what} is not portable" for kind, what in FORBIDDEN.items() if isinstance(node, kind)
    }
    found |= {
        f"{what} differs from run to run; {instead}"
        for kind, (what, instead) in UNREPEATABLE.items()
        if isinstance(node, kind)
    }
    found |= _by_use(node)
    if isinstance(node, exp.Anonymous) and node.name.lower() not in REWRITTEN:
        found.add(f"function {node.name.lower()}() {NOT_LISTED}")
    elif (
        isinstance(node, exp.Func)
        and type(node) not in (*FORBIDDEN, *UNREPEATABLE, *BY_USE, exp.Anonymous)
        and type(node).__name__ not in FUNCTIONS
    ):
        found.add(f"function {type(node).__name__} {NOT_LISTED}")
    if isinstance(node, exp.Star) and any(
        node.args.get(word) for word in ("except_", "except", "replace")
    ):
        found.add("* EXCLUDE / REPLACE is not portable")
    if isinstance(node, exp.Join) and str(node.args.get("method", "")).upper() == "ASOF":
        found.add("ASOF JOIN is not portable (union and forward-fill)")
    if isinstance(node, exp.SetOperation) and node.args.get("by_name"):
        found.add("UNION BY NAME is not portable")
    return found


def _by_use(node: exp.Expr) -> set[str]:
    """Functions that are safe in one use only."""
    # On timestamps DuckDB counts boundaries, Spark elapsed units; on dates they agree.
    if isinstance(node, exp.DateDiff) and not all(
        _is_date(side) for side in (node.this, node.expression)
    ):
        return {"date_diff over something not plainly a date: CAST(… AS DATE) both sides"}
    if isinstance(node, exp.RegexpReplace) and "g" not in str(
        node.args.get("modifiers") or ""
    ).strip("'"):
        return {"regexp_replace without 'g' replaces once here and everywhere elsewhere"}
    if isinstance(node, exp.Struct) and not (
        isinstance(node.parent, exp.Anonymous) and node.parent.name.lower() == "to_json"
    ):
        return {"a struct is not portable (only inside to_json)"}
    return set()


def _is_date(node: exp.Expr | None) -> bool:
    if isinstance(node, exp.Anonymous):
        return str(node.name).lower() == "local_day"
    if isinstance(node, exp.Cast):
        return bool(node.to.this == exp.DataType.Type.DATE)
    if isinstance(node, exp.Column):
        known = date_columns()
        return node.name in known or node.name.endswith(("day", "_date", "origin"))
    return isinstance(
        node, exp.Literal | exp.Min | exp.Max | exp.Coalesce | exp.Lag | exp.Lead | exp.Window
    ) and (isinstance(node, exp.Literal) or _is_date(node.this))


@lru_cache(maxsize=1)
def date_columns() -> frozenset[str]:
    """Names of columns that hold a date in some table."""
    tables = contract.load().tables.values()
    return frozenset(
        column.name for spec in tables for column in spec.columns if column.type == "date"
    )


def _alias_in_where(tree: exp.Expr, sql: str) -> set[tuple[int, str]]:
    """A SELECT's own alias used in its WHERE: an error elsewhere, unless a column of that name
    exists.
    """
    found = set()
    for select in tree.find_all(exp.Select):
        computed = {
            item.alias
            for item in select.expressions
            # An expression over a column of the alias's own name: WHERE means that column,
            # everywhere.
            if isinstance(item, exp.Alias)
            and item.alias not in {column.name for column in item.find_all(exp.Column)}
        }
        where = select.args.get("where")
        if where is None:
            continue
        for column in where.find_all(exp.Column):
            if (
                not column.table
                and column.name in computed
                and column.find_ancestor(exp.Select) is select
            ):
                said = f"WHERE uses the alias '{column.name}' of the same SELECT"
                found.add((_line(column, sql), said))
    return found
