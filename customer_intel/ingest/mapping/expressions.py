"""A mapping's expressions: DuckDB SQL over the columns of one file, read without running it.

Belongs here: the parser, which columns an expression names, why one must not be used. Not here: the
mapping that holds them (model.py) and their SQL over a file (conform/mapping_sql.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import lru_cache
from threading import Lock
from typing import Any

import duckdb

# Beside those that DuckDB itself calls volatile: their result differs from night to night, from
# run to run, or comes from outside the file.
_NOT_REPRODUCIBLE = {
    "getenv", "version", "any_value", "arbitrary", "ago", "current_localtimestamp", "current_localtime",
    "current_catalog", "current_role", "current_user", "session_user", "user", "pg_sleep", "get_block_size",
    "parse_duckdb_log_message", "json_serialize_sql", "json_deserialize_sql",
}  # fmt: skip
_OUTSIDE = re.compile(r"(pg_|has_\w+_privilege|inet_|approx_|reservoir_|current_|txid_|st_)\w*")
# Functions without brackets, which DuckDB's parser takes for columns.
_BARE = {
    "current_date", "current_time", "current_timestamp", "localtime", "localtimestamp", "current_user",
    "session_user", "current_catalog", "current_schema", "current_role", "current_database",
}  # fmt: skip
# What the FROM of a lookup may hold, as DuckDB's syntax tree calls it.
_SOURCES = {"BASE_TABLE", "SUBQUERY", "JOIN", "EXPRESSION_LIST", "EMPTY", "PIVOT"}
_MACHINE = "is not reproducible or reads what is not in the file"


# A DuckDB connection serves one thread at a time.
_parsing = Lock()


@lru_cache(maxsize=1)
def parser() -> duckdb.DuckDBPyConnection:
    """A connection of its own that parses and plans, and never loads an extension."""
    return duckdb.connect(
        config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    )


@lru_cache(maxsize=4096)
def _serialized(expression: str) -> dict[str, Any]:
    with _parsing:
        rows = (
            parser()
            # A new line before the bracket: an expression may end in a comment of its own.
            .execute("SELECT json_serialize_sql(?)", [f"SELECT ({expression}\n) FROM file"])
            .fetchall()
        )
    return dict(json.loads(rows[0][0]))


@lru_cache(maxsize=4096)
def parsed(expression: str) -> dict[str, Any] | None:
    """DuckDB's syntax tree of an expression, or None when it is no SQL."""
    statements = _serialized(expression).get("statements", ())
    items: list[Any] = statements[0]["node"].get("select_list", []) if len(statements) == 1 else []
    return items[0] if len(items) == 1 else None


def sql_fault(expression: str) -> str | None:
    """The parser's reason why a text is no SQL expression, or None when it is one."""
    return (
        str(_serialized(expression).get("error_message", "not one expression"))
        if not parsed(expression)
        else None
    )


@lru_cache(maxsize=4096)
def _paths(expression: str) -> tuple[tuple[str, ...], ...] | None:
    """Every column that an expression names, as written (`total`, `people.person`); None when it is
    no SQL.
    """
    tree = parsed(expression)
    return None if tree is None else tuple(_walk(tree, frozenset()))


def names_all(expression: str) -> bool:
    """Whether an expression takes columns by a pattern (COLUMNS), and so any of them."""
    tree = parsed(expression)
    return tree is not None and any(node.get("class") == "STAR" for node in _nodes(tree))


def columns_of(expression: str, lookups: tuple[str, ...]) -> set[str]:
    """The source columns that an expression names; a text that is no SQL can only be a column's
    name.
    """
    paths = _paths(expression)
    if paths is None:
        return {expression}
    known = {name.lower() for name in lookups}
    return {path[0] for path in paths if path[0].lower() not in known}


def lookup_fields(expression: str, lookup: str) -> set[str]:
    """The fields of a lookup that an expression names."""
    return {
        path[1]
        for path in _paths(expression) or ()
        if len(path) > 1 and path[0].lower() == lookup.lower()
    }


def _walk(node: Any, bound: frozenset[str]) -> list[tuple[str, ...]]:
    """Column paths below `node`, parameters of lambdas left out."""
    if isinstance(node, list):
        return [path for item in node for path in _walk(item, bound)]
    if not isinstance(node, dict):
        return []
    if node.get("class") == "LAMBDA":
        names = {path[0] for path in _walk(node["lhs"], frozenset())}
        return _walk(node["expr"], bound | names)
    if node.get("class") == "COLUMN_REF":
        path = tuple(node["column_names"])
        return [] if path[0] in bound else [path]
    return [path for value in node.values() for path in _walk(value, bound)]


def expression_fault(expression: str) -> str | None:
    """Why an expression must not be used, or None."""
    tree = parsed(expression)
    if tree is None:  # It may be a column's name, but hardly one that opens what it does not close.
        odd = (
            ";" in expression
            or any(expression.count(mark) % 2 for mark in "'\"")
            or expression.count("(") != expression.count(")")
        )
        why = (
            f"is no SQL: {sql_fault(expression)}; mend it, or put a column's name in double quotes"
        )
        return f"'{expression}' {why}" if odd or "||" in expression else None
    nodes = _nodes(tree)
    if any(node.get("class") == "SUBQUERY" for node in nodes):
        return "a mapping's expression may not hold a subquery; use lookups"
    # COLUMNS(…) within a list is its columns; alone it would be several values.
    if tree.get("class") == "STAR" or any(node.get("class") == "PARAMETER" for node in nodes):
        return f"'{expression}' stands for no one value; name the column"
    if found := _forbidden(nodes, unknown=False):
        return f"{found}; use _export_date or a column of the file"
    return None


@lru_cache(maxsize=1)
def _functions() -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """(functions of values, those that give tables, those that give another result each time)."""
    with _parsing:
        rows = (
            parser()
            .execute("SELECT function_name, function_type, stability FROM duckdb_functions()")
            .fetchall()
        )
    known = {name for name, kind, _ in rows if kind in ("scalar", "aggregate", "macro", "window")}
    known |= {"unnest"}
    odd = {name for name, _, stability in rows if stability not in (None, "CONSISTENT")}
    return frozenset(known), frozenset({name for name, *_ in rows} - known), frozenset(odd)


def _forbidden(nodes: Sequence[dict[str, Any]], *, unknown: bool) -> str | None:
    """Which function must not stand in a mapping, and why; None where there is none. `unknown`:
    also one that DuckDB does not have: a column may have a name like a call, `Weight (kg)`.

    What is let through is what DuckDB itself calls a function of values whose result hangs on its
    arguments alone.
    """
    known, tables, odd = _functions()
    for node in nodes:
        if "function_name" not in node:
            continue
        name = node["function_name"].lower()
        is_age = name == "age" and len(node.get("arguments", ())) == 1
        if is_age or name in _NOT_REPRODUCIBLE | odd or _OUTSIDE.fullmatch(name):
            return f"{name}() {_MACHINE}"
        if name in tables or (unknown and name not in known):
            return f"{name}() is no function of values"
    return None


def lookup_fault(sql: str) -> str | None:
    """Why the SQL of a lookup must not be used, or None: it is one SELECT over `file`."""
    with _parsing:
        rows = parser().execute("SELECT json_serialize_sql(?)", [sql]).fetchall()
    tree = dict(json.loads(rows[0][0]))
    if tree.get("error"):
        why = str(tree.get("error_message", "no SQL")).splitlines()[0][:200]
        return f"the sql of a lookup is one SELECT over file: {why}"
    if len(tree.get("statements", ())) != 1:
        return "the sql of a lookup is one SELECT over file; take the other statements out"
    nodes = _nodes(tree)
    known = {"file"} | {
        entry["key"].lower() for node in nodes for entry in node.get("cte_map", {}).get("map", ())
    }
    for node in nodes:
        is_other = node.get("type") == "BASE_TABLE" and (
            node["table_name"].lower() not in known or node.get("schema_name")
        )
        is_source = "sample" in node and "alias" in node and "class" not in node
        if is_other or (is_source and node["type"] not in _SOURCES):
            return (
                "the sql of a lookup reads file and nothing else; name that file in files instead"
            )
        if node.get("sample"):
            return "a sample is not reproducible; take it out"
        if node.get("type") == "RECURSIVE_CTE_NODE" or node.get("class") == "PARAMETER":
            return "the sql of a lookup is one plain SELECT over file"
        bare = node.get("column_names", ())
        if node.get("class") == "COLUMN_REF" and len(bare) == 1 and bare[0].lower() in _BARE:
            return f"{bare[0]} {_MACHINE}; use a column of the file"
    found = _forbidden(nodes, unknown=True)
    return f"{found}; use a column of the file" if found else None


def _nodes(node: Any) -> list[dict[str, Any]]:
    if isinstance(node, list):
        return [found for item in node for found in _nodes(item)]
    if not isinstance(node, dict):
        return []
    return [node, *(found for value in node.values() for found in _nodes(value))]
