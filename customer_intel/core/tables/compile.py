"""Every table's definition against the contract, without a row: what a night would fail for as a
fault of definition.

Belongs here: binding each SELECT, function and expectation to empty typed inputs, settings and
names. Not here: rows (the gates), mappings (ingest), what the loader of contracts refuses itself.
"""

from __future__ import annotations

import hashlib
import json
import re
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from customer_intel.core.contract import yaml_lines as yamlfile
from customer_intel.core.contract.model import (
    PACKAGE,
    Contract,
    Expectation,
    Metric,
    Table,
    suggestion,
)
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.engine import DuckDBEngine, EngineSettings, SchemaMismatch, literal
from customer_intel.core.gate import gate
from customer_intel.core.tables import incremental_rules, kept, metric_rows, parameters
from customer_intel.core.tables.definition import Definition

_DAY = date(2000, 1, 1)
_ORDERED = ("int", "float", "money", "date", "timestamp")
# What a function raises when it is at fault itself; over no rows at all it may stumble for other
# reasons.
_OWN_FAULTS = (
    ImportError,
    NameError,
    AttributeError,
    TypeError,
    pl.exceptions.ColumnNotFoundError,
    pl.exceptions.SchemaError,
    pl.exceptions.InvalidOperationError,
)


@dataclass(frozen=True)
class Fault:
    """One fault of a definition: `file` below the package, `line` counted from 1."""

    file: str
    line: int
    table: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: '{self.table}': {self.message}"


def faults(
    contract: Contract, definitions: Mapping[str, Definition], home: Path, package: Path = PACKAGE
) -> list[Fault]:
    """What is wrong with the definitions, in their order; empty when each compiles.

    Raises ConfigError for a setting that no file knows.
    """
    compiler = _Compiler(contract, home, package)
    found = [fault for definition in definitions.values() for fault in compiler.faults(definition)]
    if package == PACKAGE:
        kept.keep()
    return found


class _Compiler:
    def __init__(self, contract: Contract, home: Path, package: Path) -> None:
        self.contract, self.home, self.package = contract, home, package
        self.documents: dict[str, yamlfile.Mapping] = {}
        self.dates = sorted(
            {
                column.name
                for spec in contract.tables.values()
                for column in spec.columns
                if column.type == "date"
            }
        )

    @cached_property
    def engine(self) -> DuckDBEngine:
        """With a table of every name, made when something is bound for the first time."""
        engine = DuckDBEngine(EngineSettings(), [])
        company = parameters.company_config(self.home, self.package)
        engine.define_local_time(
            str(company.get("time_zone", "UTC")), parameters.place_of(company, "time_zone")
        )
        for name, spec in self.contract.tables.items():
            engine.con.execute(f'CREATE TABLE "{name}" ({spec.ddl})')
            # Over no row at all DuckDB would never convert a constant: monetary > 'a lot'.
            engine.con.execute(f'INSERT INTO "{name}" DEFAULT VALUES')
        return engine

    def faults(self, definition: Definition) -> list[Fault]:
        """The definition's. Of a shipped one they are kept: by what it says, its inputs' columns,
        its room's settings and this code.
        """
        room = definition.table.room
        settings = {**parameters.room_config(room, self.home, self.package), "as_of": _DAY}

        def read() -> list[list[Any]]:
            return [[f.file, f.line, f.table, f.message] for f in self._of(definition, settings)]

        if self.package != PACKAGE:
            return [Fault(*found) for found in read()]
        inputs = [self.contract.table(name).ddl for name in definition.depends_on]
        said = [definition.table.model_dump_json(), json.dumps(settings, default=str), *inputs]
        # A fault names a line of tables.yaml, so its whole text counts.
        said += [duckdb.__version__, _code("core"), _text(room, "tables.yaml"), *self.dates]
        if definition.kind == "function":
            said.append(_code(room))
        elif definition.kind == "sql":
            said.append(definition.text)
        return [Fault(*found) for found in kept.reading("compiled", "\n".join(said), read)]

    def _of(self, definition: Definition, settings: Mapping[str, Any]) -> Iterator[Fault]:
        spec = definition.table
        if definition.kind == "sql":
            yield from self._sql(definition, settings)
        elif definition.kind == "function":
            yield from self._function(definition, settings)
        for message in incremental_rules.faults(definition, self.contract):
            line = int(spec.where.rpartition(":")[2] or 0)
            yield Fault(f"{spec.room}/tables.yaml", line, spec.name, message)
        for number, rule in enumerate(spec.expect):
            if message := self._expectation(spec, rule):
                yield Fault(
                    f"{spec.room}/tables.yaml", self._rule_line(spec, number), spec.name, message
                )

    # ---- how a table is computed
    def _sql(self, definition: Definition, settings: Mapping[str, Any]) -> Iterator[Fault]:
        spec, path = definition.table, definition.source
        assert path is not None
        file, text = str(path.relative_to(self.package)), path.read_text(encoding="utf-8")
        try:
            sql = definition.sql(settings)
        except ConfigError as error:
            name = re.search(r"\$\w+", str(error))
            yield Fault(
                file,
                _line(text, re.escape(name[0]) if name else "$^"),
                spec.name,
                _without_place(error),
            )
            return
        if spec.metrics and (wrong := list(self._metrics(definition, settings))):
            yield from wrong
            return
        if fault := self._mismatch(spec, sql, file, text):
            yield fault
            return
        # Parsing costs more than binding, so only what binds is parsed.
        from customer_intel.core.tables import portable_sql

        select = definition.text if spec.metrics else text
        for line, said in portable_sql.located(select, file):
            place = metric_rows.place(select, line) if spec.metrics else None
            yield Fault(*(place or (file, line)), spec.name, said)

    def _metrics(self, definition: Definition, settings: Mapping[str, Any]) -> Iterator[Fault]:
        """What is wrong with the columns and types of each entry's rows."""
        for metric in definition.table.metrics:
            file, _, first = metric.where.partition(":")
            rows = definition.filled(metric.rows, settings)
            for line, said in self._entry(metric, rows):
                yield Fault(file, int(first) + line, metric.name, said)

    def _entry(self, metric: Metric, rows: str) -> Iterator[tuple[int, str]]:
        """Lines below the entry's `rows:`, and what is wrong there."""
        try:
            found = self.engine.con.execute(f"DESCRIBE ({rows}\n)").fetchall()
        except duckdb.Error as error:
            yield _error_line(error, 0), _first_line(error)
            return
        types = {row[0]: str(row[1]) for row in found}
        needed = ["day", "value", *metric.dimensions]
        needed += ["n", "low", "high"] if metric.kind == "given" else []
        for name in needed:
            if name not in types:
                yield 0, f"its rows have no column '{name}'{suggestion(name, types)}"
        for name in sorted(types.keys() - set(needed)):
            yield (
                0,
                (
                    f"its rows have '{name}', which is no dimension of it; add it to dimensions or "
                    "take it out"
                ),
            )
        for said in _wrong_types(metric, types):
            yield 0, said

    def _mismatch(self, spec: Table, sql: str, file: str, text: str) -> Fault | None:
        """How a query differs from the contract, or why it cannot run at all."""
        stamps = (
            {"as_of": "DATE '2000-01-01'", "snapshot_id": "''"} if spec.layout == "whole" else {}
        )
        try:
            self.engine.con.execute(self.engine.contract_select(spec, sql, stamps)).fetchall()
        except SchemaMismatch as error:
            said = str(error).removeprefix(f"'{spec.name}': ")
            if column := re.match(rf"'{spec.name}\.(\w+)'", said):
                return Fault(file, _last_line(text, rf"\b{column[1]}\b"), spec.name, said)
            return Fault(f"{spec.room}/tables.yaml", self._table_line(spec), spec.name, said)
        except duckdb.Error as error:
            line = _error_line(error, 1)
            if spec.metrics:
                file, line = metric_rows.place(sql, line) or (file, 1)
            return Fault(file, line, spec.name, _first_line(error))
        return None

    def _function(self, definition: Definition, settings: Mapping[str, Any]) -> Iterator[Fault]:
        spec, path = definition.table, definition.source
        assert path is not None
        file, text = str(path.relative_to(self.package)), path.read_text(encoding="utf-8")
        given: dict[str, Any] = {
            "as_of": _DAY,
            "snapshot": "",
            "config": settings,
            "landing": self.home / "landing",
            "ledgers": [],
            "entities": {},
        }

        def empty(name: str) -> pl.LazyFrame:
            source = spec if name == "previous" else self.contract.table(name)
            return pl.DataFrame(source.arrow_schema.empty_table()).lazy()

        try:
            found = definition.call(given, empty)
        except _OWN_FAULTS as error:
            frames = [
                item
                for item in traceback.extract_tb(error.__traceback__)
                if item.filename == str(path)
            ]
            place = frames[-1].lineno if frames else None
            yield Fault(
                file, place or _line(text, rf"def {spec.name}\b"), spec.name, _first_line(error)
            )
            return
        except ConfigError as error:
            yield Fault(file, _line(text, rf"def {spec.name}\b"), spec.name, _without_place(error))
            return
        except (
            Exception
        ):  # over no rows a function may stumble where a night, which has rows, does not
            return
        self.engine.con.register("result_frame", found.to_arrow())
        fault = self._mismatch(spec, "SELECT * FROM result_frame", file, text)
        self.engine.con.unregister("result_frame")
        if fault:
            yield fault

    # ---- what its gate asks
    def _expectation(self, spec: Table, rule: Expectation) -> str:
        """What is wrong with an expectation; empty when it can be asked."""
        columns = spec.by_name
        try:
            item = gate.expectation(spec, rule)
        except ConfigError as error:
            return _without_place(error)
        for name in item["meta"]["columns"]:
            if name not in columns:
                return (
                    f"{rule.kind} names column '{name}', which the table has "
                    f"not{suggestion(name, columns)}"
                )
        column = columns.get(str(rule.args.get("column")))
        try:
            if rule.kind == "sql":
                self.engine.con.execute(rule.args["query"].strip().rstrip(";")).fetchall()
            elif column is None:
                return ""
            elif rule.kind == "regex":
                if column.type != "text":
                    return f"regex asks '{column.name}', which is {column.type}, not text"
                self.engine.con.execute(
                    f"SELECT regexp_matches('', {literal(rule.args['pattern'])})"
                ).fetchall()
            elif rule.kind == "foreign_key":
                return self._foreign_key(column.name, column.sql_type, rule)
            elif rule.kind == "between" and column.type not in _ORDERED:
                return (
                    f"between asks '{column.name}', which is {column.type}: neither number nor time"
                )
            else:
                ends = ("min", "max") if rule.kind == "between" else ()
                for value in (*(rule.args.get(end) for end in ends), *rule.args.get("values", ())):
                    if value is not None:
                        self.engine.con.execute(
                            f"SELECT CAST({literal(str(value))} AS {column.sql_type})"
                        ).fetchall()
        except duckdb.Error as error:
            return (
                f"{rule.kind} {rule.args.get('name', rule.args.get('column', ''))}: "
                f"{_first_line(error)}"
            )
        return ""

    def _foreign_key(self, column: str, sql_type: str, rule: Expectation) -> str:
        other = self.contract.table(rule.args["table"])
        target = rule.args.get("to", column)
        if target not in other.by_name:
            near = suggestion(target, other.by_name)
            return f"foreign_key leads to '{other.name}.{target}', which that table has not{near}"
        if other.by_name[target].sql_type != sql_type:
            return (
                f"foreign_key: '{column}' is {sql_type}, '{other.name}.{target}' "
                f"{other.by_name[target].sql_type}"
            )
        return ""

    # ---- where it stands
    def _document(self, room: str) -> yamlfile.Mapping:
        if room not in self.documents:
            self.documents[room] = yamlfile.load(self.package / room / "tables.yaml")
        return self.documents[room]

    def _table_line(self, spec: Table) -> int:
        name = spec.raw_of or spec.name
        return int(self._document(spec.room).lines.get(name, 1))

    def _rule_line(self, spec: Table, number: int) -> int:
        """The line of the table's expectation; of the table where the expectation is one that the
        contract adds.
        """
        items = self._document(spec.room).get(spec.raw_of or spec.name, {}).get("expect") or []
        if number < len(items) and isinstance(items[number], yamlfile.Mapping):
            return int(min(items[number].lines.values()))
        return self._table_line(spec)


@cache
def _text(room: str, file: str) -> str:
    return (PACKAGE / room / file).read_text(encoding="utf-8")


@cache
def _code(folder: str) -> str:
    """The Python of a folder of the package, as a hash."""
    digest = hashlib.sha256()
    for path in sorted((PACKAGE / folder).rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _wrong_types(metric: Metric, types: Mapping[str, str]) -> Iterator[str]:
    """What the kind of a metric cannot be made of."""
    if types.get("day", "DATE") != "DATE":
        yield f"day is {types['day']}; CAST(… AS DATE), or local_day(…) of a timestamp"
    value = types.get("value", "")
    if metric.kind == "share" and value not in ("", "BOOLEAN"):
        yield f"value is {value}; the values of a share are true or false"
    elif metric.kind not in ("share", "distinct") and value in (
        "BOOLEAN",
        "VARCHAR",
        "DATE",
        "TIMESTAMP",
    ):
        yield f"value is {value}; the values of a {metric.kind} are numbers"


def _line(text: str, pattern: str) -> int:
    """The line of the pattern's first match, 1 when there is none."""
    found = re.search(pattern, text)
    return text.count("\n", 0, found.start()) + 1 if found else 1


def _last_line(text: str, pattern: str) -> int:
    places = [match.start() for match in re.finditer(pattern, text)]
    return text.count("\n", 0, places[-1]) + 1 if places else 1


def _error_line(error: duckdb.Error, otherwise: int) -> int:
    """The line of the query that DuckDB names."""
    place = re.search(r"^LINE (\d+):", str(error), re.MULTILINE)
    return int(place[1]) if place else otherwise


def _first_line(error: Exception) -> str:
    """What the error says, with the names that DuckDB would have known."""
    text = str(error).strip()
    near = re.search(r"^Candidate bindings: (.+)$", text, re.MULTILINE)
    return (text.splitlines()[0] if text else type(error).__name__) + (
        f" did you mean {near[1]}?" if near else ""
    )


def _without_place(error: ConfigError) -> str:
    """The message without the file and table that stand before it: the fault names them itself."""
    return re.sub(
        r"^[\w/]+\.(sql|yaml) (uses )|^[\w/]+\.py:\d+: '\w+': |^table '\w+', ", r"\2", str(error)
    )
