"""A mapping's expressions: DuckDB SQL over the columns of one file, read without running it.

Belongs here: the parser, which columns an expression names, why one must not be used. Not here: the
mapping that holds them (model.py) and their SQL over a file (conform/mapping_sql.py).
"""

from __future__ import annotations

import json
from functools import lru_cache
from threading import Lock
from typing import Any

import duckdb

# Their result would differ from night to night, or come from outside the file.
_NOT_REPRODUCIBLE = {
    "now", "today", "get_current_time", "get_current_timestamp", "current_localtimestamp", "current_localtime",
    "transaction_timestamp", "random", "setseed", "uuid", "gen_random_uuid", "uuidv4", "uuidv7", "getenv", "nextval",
    "currval", "current_setting", "getvariable", "version", "txid_current", "any_value", "approx_count_distinct",
}  # fmt: skip


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
        odd = any(expression.count(mark) % 2 for mark in "'\"") or expression.count(
            "("
        ) != expression.count(")")
        why = (
            f"is no SQL: {sql_fault(expression)}; mend it, or put a column's name in double quotes"
        )
        return f"'{expression}' {why}" if odd or "||" in expression else None
    text = json.dumps(tree)
    if '"class": "SUBQUERY"' in text:
        return "a mapping's expression may not hold a subquery; use lookups"
    found = {
        part["function_name"] for part in _nodes(tree) if "function_name" in part
    } & _NOT_REPRODUCIBLE
    if found:
        return f"{sorted(found)[0]}() is not reproducible; use _export_date or a column of the file"
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
        is_other = node.get("type") == "BASE_TABLE" and node["table_name"].lower() not in known
        if is_other or node.get("type") == "TABLE_FUNCTION":
            return (
                "the sql of a lookup reads file and nothing else; name that file in files instead"
            )
    found = {part["function_name"] for part in nodes if "function_name" in part}
    if found & _NOT_REPRODUCIBLE:
        return f"{min(found & _NOT_REPRODUCIBLE)}() is not reproducible; use a column of the file"
    return None


def _nodes(node: Any) -> list[dict[str, Any]]:
    if isinstance(node, list):
        return [found for item in node for found in _nodes(item)]
    if not isinstance(node, dict):
        return []
    return [node, *(found for value in node.values() for found in _nodes(value))]
