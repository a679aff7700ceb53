"""How a table is computed: a SQL file or a function of its name becomes a definition; what it reads
is read from it.

Belongs here: finding and parsing definitions, dependencies and column lineage. Not here: running
them (build.py).
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import polars as pl

from customer_intel.core.contract.model import PACKAGE, Contract, Table, suggestion
from customer_intel.core.contract.yaml_lines import ConfigError, Faults
from customer_intel.core.tables import kept, kinds, metric_rows, profile
from customer_intel.core.tables.parameters import sql_literal
from customer_intel.core.tables.queries import PLACEHOLDER, tables_read

# A function's arguments that are not tables.
SPECIAL = ("as_of", "config", "schema", "previous", "ledgers", "entities", "landing", "snapshot")
# The module in which a room says what the report tells of it (core/report); it computes no table.
REPORT_FILE = "report.py"

# What a comment says of a setting uses none.
_SETTING = re.compile(rf"^\s*--.*|{PLACEHOLDER.pattern}", re.MULTILINE)
_FUNCTION = re.compile(r"^def (\w+)", re.MULTILINE)

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
        """What must be accepted before the table is computed and gated."""
        return tuple(sorted({*self.reads, *self.checks_against}))

    @property
    def text(self) -> str:
        """The SELECT as it is written or generated, with its `$name` placeholders."""
        if self.kind == "conformed":
            return kinds.intake(self.table.room).conformed_sql(self.table)
        if self.table.metrics:
            return metric_rows.select(self.table.metrics)
        own = _text(self.source)
        return profile.select(own, self.table.key, self.joins) if self.joins else own

    def sql(self, parameters: Mapping[str, Any]) -> str:
        """The SELECT with its placeholders filled in. Raises ConfigError for one that nobody sets."""
        return self.filled(self.text, parameters)

    def filled(self, text: str, parameters: Mapping[str, Any]) -> str:
        """As `sql`, of a part of it."""

        def fill(match: re.Match[str]) -> str:
            name = match.group(1)
            if name is None:
                return match[0]
            if name not in parameters:
                raise ConfigError(
                    f"{self.table.room}/{self.table.name}.sql uses "
                    f"${name}{suggestion(name, parameters)}; "
                    f"set it in {self.table.room}/config.yaml"
                )
            return sql_literal(parameters[name])

        return _SETTING.sub(fill, text)

    def function(self) -> Callable[..., Any]:
        """The function that computes the table; its module is imported."""
        assert self.source is not None
        return getattr(module_of(self.source), self.table.name)  # type: ignore[no-any-return]

    def call(self, given: Mapping[str, Any], read: Callable[[str], pl.LazyFrame]) -> pl.DataFrame:
        """The function's rows. `given`: what its arguments are that are no tables, beside its
        table's `schema`; `read`: a table, or `previous`.

        Raises ConfigError with file and line for what is no frame.
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
        rows = result.collect() if isinstance(result, pl.LazyFrame) else result
        if not isinstance(rows, pl.DataFrame):
            raise ConfigError(
                f"{self._place()}: '{self.table.name}': returns {type(rows).__name__}, not rows; "
                "end it with `return` and a polars DataFrame or LazyFrame"
            )
        return rows

    def _place(self) -> str:
        """File and line of the function."""
        assert self.source is not None
        folders = list(self.source.parts)
        below = len(folders) - 1 - folders[::-1].index(self.table.room)
        lines = _text(self.source).splitlines()
        begin = re.compile(rf"def {self.table.name}\b")
        number = next((at for at, line in enumerate(lines, 1) if begin.match(line)), 1)
        return f"{'/'.join(folders[below:])}:{number}"


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
    functions = _functions(package, frozenset((t.room, t.name) for t in contract.tables.values()))
    selects: dict[tuple[str, str], list[Path]] = {}
    for room in {table.room for table in contract.tables.values()}:
        for path in sorted((package / room).rglob("*.sql")):
            selects.setdefault((room, path.stem), []).append(path)
    found: dict[str, Definition] = {}
    faults = Faults()
    for table in contract.tables.values():
        with faults.gathered():
            found[table.name] = _definition(table, contract, package, selects, functions)
    faults.raise_any()
    if package == PACKAGE:
        kept.keep()
    return _ordered(found)


def _metrics_read(table: Table, contract: Contract) -> tuple[str, ...]:
    """Each entry by itself, so that a fault names its lines. Raises ConfigError for one that reads
    what sources told, before it was decided what counts.
    """
    read: set[str] = set()
    for metric in table.metrics:
        file, _, line = metric.where.partition(":")
        blank = "\n" * int(line)
        own = tables_read(f"{blank}{metric.rows}", file)
        for name in own:
            told = contract.tables.get(name)
            if told and (told.entity is not None or told.raw_of):
                raise ConfigError(
                    f"{metric.where}: metric '{metric.name}' reads '{name}', which is what sources "
                    "told; read the facts made of it"
                )
        read.update(own)
    return tuple(sorted(read))


def _definition(
    table: Table,
    contract: Contract,
    package: Path,
    selects: Mapping[tuple[str, str], list[Path]],
    functions: Mapping[tuple[str, str], list[tuple[Path, dict[str, str]]]],
) -> Definition:
    sql_files = selects.get((table.room, table.name), [])
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
    elif table.metrics and not sql_files and not places:
        kind, source = "sql", package / table.metrics[0].where.partition(":")[0]
        reads = _metrics_read(table, contract)
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
        if "entities" in arguments:
            reads += tuple(contract.entities)
    else:
        there = [*sql_files, *(path for path, _ in places)]
        names = ", ".join(str(path.relative_to(package)) for path in there) or "none"
        raise ConfigError(
            f"{table.where}: '{table.name}' needs exactly one of {table.name}.sql or a "
            f"function {table.name}() in a module of {table.room}/; found {names}"
        )
    if table.without:
        reads = tuple(sorted({*reads, table.without}))
    if kind != "raw" and "ledgers" not in arguments:
        raw = [contract.tables[name] for name in reads if name in contract.tables]
        states = kinds.state_tables({other.room for other in raw if other.raw_of})
        reads = tuple(sorted({*reads, *(states & contract.tables.keys())}))
    for name in (*reads, *against):
        if name not in contract.tables:
            place = table.where
            if source and name in reads:
                above = re.split(rf"\b{name}\b", _text(source))[0]
                place = f"{source.relative_to(package)}:{above.count(chr(10)) + 1}"
            raise ConfigError(
                f"{place}: '{table.name}' reads '{name}', which no room makes"
                f"{suggestion(name, [*contract.tables, *SPECIAL])}"
            )
    return Definition(table, kind, source, reads, arguments, against, joins)


def _gate_tables(table: Table) -> tuple[str, ...]:
    names: set[str] = set()
    for expectation in table.expect:
        if expectation.kind == "foreign_key":
            names.add(expectation.args["table"])
        elif expectation.kind == "sql":
            names.update(
                tables_read(
                    expectation.args["query"],
                    f"{table.where}: '{table.name}': sql {expectation.args['name']}, line ",
                )
            )
    return tuple(sorted(names - {table.name}))


@lru_cache(maxsize=4)
def _functions(
    package: Path, wanted: frozenset[tuple[str, str]]
) -> dict[tuple[str, str], list[tuple[Path, dict[str, str]]]]:
    """(room, function) → places with argument annotations, of the functions that are `wanted`, by
    reading the source: nothing is imported.
    """
    found: dict[tuple[str, str], list[tuple[Path, dict[str, str]]]] = {}
    faults = Faults()
    folders = [path.parent for path in sorted(package.glob("*/tables.yaml"))]
    for room, path in (
        (folder.name, path) for folder in folders for path in sorted(folder.rglob("*.py"))
    ):
        text = _text(path)
        # Parsing a file costs milliseconds, and few files hold a table.
        if path == package / room / REPORT_FILE or not any(
            (room, name) in wanted for name in _FUNCTION.findall(text)
        ):
            continue
        place = str(path.relative_to(package))
        arguments: dict[str, dict[str, str]] = {}
        with faults.gathered():
            arguments = kept.reading("functions", text, partial(_arguments, text, place))
        for name in arguments.keys() & {name for owner, name in wanted if owner == room}:
            found.setdefault((room, name), []).append((path, arguments[name]))
    faults.raise_any()
    return found


def _arguments(text: str, place: str) -> dict[str, dict[str, str]]:
    """function → argument → its annotation, of a module's own functions."""
    try:
        body = ast.parse(text).body
    except SyntaxError as error:
        raise ConfigError(f"{place}:{error.lineno}: {error.msg}; mend the Python there") from None
    return {
        node.name: {
            arg.arg: ast.unparse(arg.annotation) if arg.annotation else ""
            for arg in (*node.args.args, *node.args.kwonlyargs)
        }
        for node in body
        if isinstance(node, ast.FunctionDef)
    }


def _ordered(found: dict[str, Definition]) -> dict[str, Definition]:
    ordered: dict[str, Definition] = {}
    path: list[str] = []

    def visit(name: str) -> None:
        if name in ordered:
            return
        if name in path:
            raise ConfigError(
                f"{found[name].table.where}: tables read each other in a circle: "
                f"{' → '.join([*path[path.index(name) :], name])}; take one of these arrows out"
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
