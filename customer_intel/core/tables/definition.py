"""How a table is computed: a SQL file or a function of its name becomes a definition; what it reads
is read from it.

Belongs here: finding and parsing definitions, dependencies and column lineage. Not here: running
them (build.py).
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import polars as pl
import sqlglot
from sqlglot import exp
from sqlglot.lineage import lineage

from customer_intel.core.contract import yaml_lines as yamlfile
from customer_intel.core.contract.model import PACKAGE, STAMPS, Contract, Table, load, suggestion
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.engine import literal
from customer_intel.core.store.lake import write_bytes
from customer_intel.core.tables import kinds, profile

# A function's arguments that are not tables.
SPECIAL = ("as_of", "config", "schema", "previous", "ledgers", "landing")
# The module in which a room says what the report tells of it (core/report); it computes no table.
REPORT_FILE = "report.py"
# The file of a home's config folder that overrides what every room shares.
COMPANY = "company"
_PLACEHOLDER = re.compile(r"\$([a-z_][a-z0-9_]*)")

Kind = Literal["sql", "function", "raw", "conformed"]


@dataclass(frozen=True)
class Definition:
    """One table and how it is computed. `reads` are its inputs, `checks_against` what its gate
    looks up besides.
    """

    table: Table
    kind: Kind
    source: Path | None
    reads: tuple[str, ...]
    arguments: Mapping[str, str]
    checks_against: tuple[str, ...]
    # What brings columns to its SELECT, when it is a profile.
    joins: tuple[Table, ...] = ()

    @property
    def depends_on(self) -> tuple[str, ...]:
        return tuple(sorted({*self.reads, *self.checks_against}))

    @property
    def text(self) -> str:
        """The SELECT as it is written or generated, with its `$name` placeholders."""
        if self.kind == "conformed":
            return kinds.intake(self.table.room).conformed_sql(self.table)
        own = _text(self.source)
        return profile.select(own, self.table.key, self.joins) if self.joins else own

    def sql(self, parameters: Mapping[str, Any]) -> str:
        """The SELECT with its placeholders filled in. Raises ConfigError for one that nobody sets."""

        def fill(match: re.Match[str]) -> str:
            name = match.group(1)
            if name not in parameters:
                raise ConfigError(
                    f"{self.table.room}/{self.table.name}.sql uses "
                    f"${name}{suggestion(name, parameters)}; "
                    f"set it in {self.table.room}/config.yaml"
                )
            return sql_literal(parameters[name])

        return _PLACEHOLDER.sub(fill, self.text)

    def function(self) -> Callable[..., Any]:
        assert self.source is not None
        return getattr(module_of(self.source), self.table.name)  # type: ignore[no-any-return]

    def call(self, given: Mapping[str, Any], read: Callable[[str], pl.LazyFrame]) -> pl.DataFrame:
        """The function's rows. `given`: what its arguments are that are no tables, beside its
        table's `schema`; `read`: a table, or `previous`.
        """
        given = {**given, "schema": self.table.polars_schema}
        values = {}
        for argument, annotation in self.arguments.items():
            if argument in given:
                values[argument] = given[argument]
            else:
                lazy = read(argument)
                values[argument] = lazy if "LazyFrame" in annotation else lazy.collect()
        result = self.function()(**values)
        return result.collect() if isinstance(result, pl.LazyFrame) else result


def module_of(source: Path) -> ModuleType:
    """The module of a room, by its name below this package; one of another package by its file."""
    if source.is_relative_to(PACKAGE):
        return importlib.import_module(
            ".".join(source.relative_to(PACKAGE.parent).with_suffix("").parts)
        )
    spec = importlib.util.spec_from_file_location(source.stem, source)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def definitions(contract: Contract, package: Path = PACKAGE) -> dict[str, Definition]:
    """Every table's definition, in dependency order. Raises ConfigError when one is missing,
    doubled or circular.
    """
    functions = _functions(package)
    found: dict[str, Definition] = {}
    for table in contract.tables.values():
        sql_files = sorted((package / table.room).rglob(f"{table.name}.sql"))
        places = functions.get((table.room, table.name), [])
        against = _gate_tables(table)
        reads: tuple[str, ...]
        arguments: dict[str, str] = {}
        joins: tuple[Table, ...] = ()
        source: Path | None
        kind: Kind
        if table.raw_of:
            kind, source, reads = "raw", None, ()
        elif table.entity is not None:
            kind, source, reads = "conformed", None, (f"raw_{table.name}",)
        elif len(sql_files) == 1 and not places:
            kind, source = "sql", sql_files[0]
            joins = contract.joined(table)
            reads = tables_read(_text(source), str(source.relative_to(package)))
            reads = tuple(sorted({*reads, *(other.name for other in joins)}))
        elif len(places) == 1 and not sql_files:
            source, arguments = places[0]
            kind = "function"
            reads = tuple(name for name in arguments if name not in SPECIAL)
            if "ledgers" in arguments:
                reads += tuple(f"raw_{name}" for name in contract.entities)
        else:
            raise ConfigError(
                f"{table.room}/tables.yaml: '{table.name}' needs exactly one of {table.name}.sql "
                "or "
                f"a function {table.name}() in a module of {table.room}/; found "
                f"{len(places) + len(sql_files)}"
            )
        if table.without:
            reads = tuple(sorted({*reads, table.without}))
        for name in (*reads, *against):
            if name not in contract.tables:
                raise ConfigError(
                    f"{table.room}: '{table.name}' reads '{name}', which no room makes"
                    f"{suggestion(name, contract.tables)}"
                )
        found[table.name] = Definition(table, kind, source, reads, arguments, against, joins)
    return _ordered(found)


@cache
def tables_read(sql: str, name: str) -> tuple[str, ...]:
    """The tables a query reads, its own common table expressions left out."""
    tree = parse(sql, name)
    own = {cte.alias for cte in tree.find_all(exp.CTE)}
    return tuple(sorted({table.name for table in tree.find_all(exp.Table)} - own))


def parse(sql: str, name: str) -> exp.Query:
    try:
        trees = [
            tree
            for tree in sqlglot.parse(_PLACEHOLDER.sub("1", sql), read="duckdb")
            if tree is not None
        ]
    except sqlglot.errors.ParseError as error:
        place = f":{error.errors[0]['line']}" if error.errors else ""
        said = error.errors[0]["description"] if error.errors else str(error).splitlines()[0]
        raise ConfigError(f"{name}{place}: {said.rstrip('.')}; mend the SQL there") from error
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        raise ConfigError(f"{name}: a table's file is one SELECT, found {len(trees)} statement(s)")
    return trees[0]


def column_lineage(definition: Definition, contract: Contract) -> dict[str, list[tuple[str, str]]]:
    """column → the (table, column) pairs it is computed from, read from the SQL; empty for
    functions.
    """
    table = definition.table
    plain = [column.name for column in table.columns if column.name not in STAMPS]
    if definition.kind == "conformed":
        return {name: [(f"raw_{table.name}", name)] for name in plain}
    if definition.kind != "sql":
        return {}
    schema = {
        name: {column.name: column.sql_type for column in contract.table(name).columns}
        for name in definition.reads
    }
    tree = parse(definition.text, f"{table.name}.sql")
    nodes = lineage(None, tree, schema=schema, dialect="duckdb", trim_selects=False)
    found: dict[str, list[tuple[str, str]]] = {}
    for name in plain:
        leaves = set()
        for node in nodes[name].walk():
            if isinstance(node.expression, exp.Table) and node.expression.name in schema:
                leaves.add((node.expression.name, node.name.rsplit(".", 1)[-1].strip('"')))
        found[name] = sorted(leaves)
    return found


def cached_lineage(
    definition: Definition, contract: Contract, cache: Path
) -> dict[str, list[tuple[str, str]]]:
    """`column_lineage`, read once per version of the code: parsing costs more than many a table's
    own step.
    """
    path = cache / f"{definition.table.name}.json"
    if path.exists():
        return dict(json.loads(path.read_text(encoding="utf-8")))
    found = column_lineage(definition, contract)
    for other in cache.parent.glob("*"):
        if other != cache:
            shutil.rmtree(other, ignore_errors=True)
    write_bytes(path, json.dumps(found).encode())
    return found


def read_lineage(cache: Path) -> None:
    """Every table's, so that no step has to wait for its own."""
    contract = load()
    for definition in definitions(contract).values():
        cached_lineage(definition, contract, cache)


def room_config(room: str, home: Path, package: Path = PACKAGE) -> dict[str, Any]:
    """What every room shares and the room's config.yaml, each with the home's own (company.yaml,
    <room>.yaml) over it.

    Top-level key by key. Raises ConfigError with file and line for a key that is no setting of the
    file's.
    """
    return {
        **company_config(home, package),
        **_overridden(package / room / "config.yaml", home / "config" / f"{room}.yaml", room),
    }


def company_config(home: Path, package: Path = PACKAGE) -> dict[str, Any]:
    """What every room shares, with the home's company.yaml laid over it."""
    return _overridden(package / "config.yaml", home / "config" / f"{COMPANY}.yaml", COMPANY)


def _overridden(shipped: Path, override: Path, name: str) -> dict[str, Any]:
    merged: dict[str, Any] = dict(yamlfile.load(shipped)) if shipped.exists() else {}
    if override.exists():
        own = yamlfile.load(override)
        for key, value in own.items():
            if key not in merged:
                raise ConfigError(
                    f"config/{name}.yaml:{own.lines[key]}: '{key}' is not a setting of "
                    f"{name}{suggestion(key, merged)}"
                )
            if isinstance(merged[key], dict) and not isinstance(value, dict | None):
                raise ConfigError(
                    f"config/{name}.yaml:{own.lines[key]}: '{key}' needs 'name: value' pairs"
                )
            merged[key] = (
                {**merged[key], **(value or {})} if isinstance(merged[key], dict) else value
            )
    return merged


def sql_literal(value: Any) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return literal(value)
    raise ConfigError(
        f"a configuration value used in SQL must be text, number, date or true/false, not {value!r}"
    )


def _gate_tables(table: Table) -> tuple[str, ...]:
    names: set[str] = set()
    for expectation in table.expect:
        if expectation.kind == "foreign_key":
            names.add(expectation.args["table"])
        elif expectation.kind == "sql":
            names.update(
                tables_read(expectation.args["query"], f"{table.room}/tables.yaml '{table.name}'")
            )
    return tuple(sorted(names - {table.name}))


@lru_cache(maxsize=4)
def _functions(package: Path) -> dict[tuple[str, str], list[tuple[Path, dict[str, str]]]]:
    """(room, function) → places with argument annotations, by reading the source: nothing is
    imported.
    """
    found: dict[tuple[str, str], list[tuple[Path, dict[str, str]]]] = {}
    folders = [path.parent for path in sorted(package.glob("*/tables.yaml"))]
    for room, path in (
        (folder.name, path) for folder in folders for path in sorted(folder.rglob("*.py"))
    ):
        if path == package / room / REPORT_FILE:
            continue
        try:
            body = ast.parse(_text(path)).body
        except SyntaxError as error:
            place = f"{path.relative_to(package)}:{error.lineno}"
            raise ConfigError(f"{place}: {error.msg}; mend the Python there") from None
        for node in body:
            if isinstance(node, ast.FunctionDef):
                arguments = {
                    arg.arg: ast.unparse(arg.annotation) if arg.annotation else ""
                    for arg in (*node.args.args, *node.args.kwonlyargs)
                }
                found.setdefault((room, node.name), []).append((path, arguments))
    return found


def _ordered(found: dict[str, Definition]) -> dict[str, Definition]:
    ordered: dict[str, Definition] = {}
    path: list[str] = []

    def visit(name: str) -> None:
        if name in ordered:
            return
        if name in path:
            raise ConfigError(
                "tables read each other in a circle: "
                f"{' → '.join([*path[path.index(name) :], name])}"
            )
        path.append(name)
        for other in found[name].depends_on:
            visit(other)
        path.pop()
        ordered[name] = found[name]

    for name in found:
        visit(name)
    return ordered


@cache
def _text(path: Path | None) -> str:
    assert path is not None
    return path.read_text(encoding="utf-8")
