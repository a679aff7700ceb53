"""tables.yaml + columns.yaml: the single source of what every table is.

columns.yaml declares what tables of several rooms list, <room>/columns.yaml what that room's list.

Belongs here: the contract's model, its loader and its physical types. Not here: how a table is
computed (definition.py), checked (gate.py) or described to others (publish/catalog.py).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, ValidationError

from customer_intel.core.contract import yaml_lines as yamlfile
from customer_intel.core.contract.yaml_lines import ConfigError

PACKAGE = Path(__file__).resolve().parent.parent.parent

Type = Literal["text", "int", "float", "bool", "date", "timestamp", "money"]
Severity = Literal["critical", "warning"]

# Only what Power BI and Tableau's Hyper read whole: no unsigned, UUID, nanoseconds, lists or
# HUGEINT.
SQL_TYPES: dict[str, str] = {
    "text": "VARCHAR",
    "int": "BIGINT",
    "float": "DOUBLE",
    "bool": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "money": "DECIMAL(18,2)",
}
ARROW_TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "money": pa.decimal128(18, 2),
}


Parsed = TypeVar("Parsed", bound=BaseModel)


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, ignored_types=(cached_property,))


class Column(Model):
    name: str
    type: Type
    meaning: str
    unit: str | None = None
    pii: str | None = None
    required: bool = False
    # The words it may hold, and what those mean that do not explain themselves.
    values: tuple[str, ...] | None = None
    value_meanings: dict[str, str] = {}

    @property
    def sql_type(self) -> str:
        return SQL_TYPES[self.type]

    @property
    def described(self) -> str:
        """The meaning, then each word that the column may hold, with what it means."""
        told = self.value_meanings
        words = [f"{w} ({told[w]})" if w in told else w for w in self.values or ()]
        if not words:
            return self.meaning
        return f"{self.meaning}. One of: {('; ' if told else ', ').join(words)}"


class Expectation(Model):
    kind: Literal["rows", "between", "in_set", "regex", "unique", "foreign_key", "sql", "drop"]
    args: dict[str, Any]
    severity: Severity = "critical"


class Table(Model):
    """One table's contract. `layout` is whole, by_day (`day_column` set) or by_export (raw
    exports).
    """

    name: str
    room: str
    grain: str
    purpose: str
    owner: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    needs: tuple[str, ...] = ()
    published: bool = False
    # A table of keys whose rows this table never sees: every input loses them before it is read.
    without: str | None = None
    layout: Literal["whole", "by_day", "by_export"] = "whole"
    day_column: str | None = None
    expect: tuple[Expectation, ...] = ()
    entity: dict[str, Any] | None = None
    raw_of: str | None = None

    @cached_property
    def by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    @cached_property
    def arrow_schema(self) -> pa.Schema:
        return pa.schema(
            [pa.field(column.name, ARROW_TYPES[column.type]) for column in self.columns]
        )

    @property
    def ddl(self) -> str:
        """The columns as SQL, for an empty table of this shape."""
        return ", ".join(f'"{column.name}" {column.sql_type}' for column in self.columns)


# Where an entity's row comes from.
PROVENANCE = ("source_system", "exported_at", "source_file", "source_row", "extra_json")
# What core adds to every entity, and to every table that is rebuilt whole.
OF_ENTITIES = ("_deleted", *PROVENANCE)
STAMPS = ("as_of", "snapshot_id")
_MAY_BE_EMPTY = ("_deleted", "extra_json")


class Contract(Model):
    tables: dict[str, Table]

    def table(self, name: str) -> Table:
        try:
            return self.tables[name]
        except KeyError:
            raise ConfigError(f"no table '{name}'{suggestion(name, self.tables)}") from None

    @cached_property
    def entities(self) -> dict[str, Table]:
        return {name: table for name, table in self.tables.items() if table.entity is not None}


def suggestion(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=2, cutoff=0.6)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def load(package: Path = PACKAGE) -> Contract:
    """Every room's tables.yaml under `package`. Raises ConfigError naming file and line."""
    return _load(package)


class Declared(NamedTuple):
    """A column and the file and line that declare it, for tables of one `room` or ('') of all."""

    column: Column
    room: str
    where: str


def declared(package: Path = PACKAGE) -> dict[str, Declared]:
    """Every column of columns.yaml and of the rooms' own. Raises ConfigError naming file and line."""
    found: dict[str, Declared] = {}
    for path in (package / "columns.yaml", *sorted(package.glob("*/columns.yaml"))):
        file = path.relative_to(package).as_posix()
        room = "" if path.parent == package else path.parent.name
        document = yamlfile.load(path, file)
        for name, entry in document.items():
            where = f"{file}:{document.lines[name]}"
            if name in found:
                raise ConfigError(
                    f"{where}: column '{name}' is declared in {found[name].where} too; keep one "
                    "line, in columns.yaml where tables of several rooms list it"
                )
            found[name] = Declared(_column(name, entry, where), room, where)
    return found


@lru_cache(maxsize=4)
def _load(package: Path) -> Contract:
    columns = declared(package)
    entries: dict[str, tuple[str, Any]] = {}
    for path in sorted(package.glob("*/tables.yaml")):
        file = path.relative_to(package).as_posix()
        document = yamlfile.load(path, file)
        for name, entry in document.items():
            where = f"{file}:{document.lines[name]}"
            if name in entries:
                raise ConfigError(f"{where}: table '{name}' is declared in two rooms; rename one")
            if not isinstance(entry, dict):
                raise ConfigError(
                    f"{where}: table '{name}' needs grain, purpose, owner, key, columns"
                )
            entries[name] = where, entry
    worded = {
        f"{name}.{column}": words
        for name, (_, entry) in entries.items()
        if isinstance(entry.get("values"), dict)
        for column, words in entry["values"].items()
        if not isinstance(words, str)
    }
    tables: dict[str, Table] = {}
    for name, (where, entry) in entries.items():
        table = _table(name, where, entry, columns, worded)
        tables[name] = table
        if table.entity is not None:
            tables[f"raw_{name}"] = _raw(table)
    for name, table in tables.items():
        if table.without:
            tables[name] = _without(table, tables)
    for table in tables.values():
        for need in table.needs:
            for option in need.split("|"):
                if option not in tables:
                    raise ConfigError(
                        f"{table.room}/tables.yaml: '{table.name}' needs '{option}', which no "
                        "room makes"
                    )
    return Contract(tables=tables)


def _column(name: str, entry: Any, where: str) -> Column:
    if not re.fullmatch(r"_?[a-z][a-z0-9_]*", name):
        raise ConfigError(
            f"{where}: column '{name}': use lower-case letters, digits and underscores"
        )
    if not isinstance(entry, dict):
        raise ConfigError(f"{where}: column '{name}' needs {{type: …, meaning: …}}")
    at = f"{where}: values of '{name}' are"
    words = _allowed(entry["values"], at) if "values" in entry else {}
    return _parse(Column, {"name": name, **entry, **words}, where)


def _allowed(said: Any, where: str, others: dict[str, Any] | None = None) -> dict[str, Any]:
    """`values` as fields of their column: words, words with what they mean, or those of another
    table.column, of which `others` holds the `values`.
    """
    if isinstance(said, str) and others is not None:
        if said not in others:
            raise ConfigError(
                f"{where} those of '{said}', for which no table says any{suggestion(said, others)}"
            )
        said, where = others[said], f"{where} those of '{said}', which are"
    if isinstance(said, list) and said:
        return {"values": tuple(str(word) for word in said)}
    if not isinstance(said, dict) or not said:
        raise ConfigError(f"{where} a list of words, or pairs of word: what it means")
    for word, meaning in said.items():
        if not isinstance(meaning, str) or not meaning.strip():
            raise ConfigError(f"{where} pairs: say what '{word}' means, or list all words without")
    return {"values": tuple(said), "value_meanings": dict(said)}


def _find(name: str, table: str, where: str, known: dict[str, Declared]) -> Column:
    """The column that a table at `where` lists: one of its room's or of the house's."""
    room, own = where.partition("/")[0], known.get(name)
    if own and own.room in ("", room):
        return own.column
    at = f"{where}: table '{table}': column '{name}' is"
    if own:
        raise ConfigError(
            f"{at} declared in {own.where} for tables of that room; move that line to columns.yaml "
            "to share it"
        )
    near = suggestion(name, [word for word, other in known.items() if other.room in ("", room)])
    raise ConfigError(
        f"{at} neither in columns.yaml nor in {room}/columns.yaml{near}; add it to "
        f"{room}/columns.yaml with type and meaning"
    )


def _table(
    name: str, where: str, entry: dict[str, Any], known: dict[str, Declared], worded: dict[str, Any]
) -> Table:
    """`known`: every declared column; `worded`: table.column → the `values` that its entry says."""
    entry = dict(entry)
    meanings = entry.pop("meanings", {})
    values = entry.pop("values", None) or {}
    layout, entity = entry.pop("layout", "whole"), entry.get("entity")
    if isinstance(layout, dict):
        entry.update(layout="by_day", day_column=layout["by_day"])
    else:
        entry["layout"] = layout
    added = (OF_ENTITIES if entity is not None else ()) + (STAMPS if layout == "whole" else ())
    listed = re.split(r"[,\s]+", str(entry.pop("columns", "")).strip())
    listed += [own if own in _MAY_BE_EMPTY else f"{own}*" for own in added]
    picked: dict[str, Column] = {}
    for word in listed:
        column_name = word.rstrip("*")
        column = _find(column_name, name, where, known)
        if column_name in picked:
            raise ConfigError(
                f"{where}: table '{name}' lists '{column_name}' twice"
                + ("; it has it by itself, take it out" if column_name in added else "")
            )
        changes: dict[str, Any] = {"required": word.endswith("*")}
        if column_name in meanings:
            changes["meaning"] = meanings[column_name]
        if column_name in values:
            at = f"{where}: table '{name}': values of '{column_name}' are"
            changes |= _allowed(values[column_name], at, worded)
        picked[column_name] = column.model_copy(update=changes)
    for stray in (set(meanings) | set(values) | set(_words(entry.get("key", [])))) - set(picked):
        raise ConfigError(
            f"{where}: table '{name}' says something of '{stray}', which is not among its columns"
        )

    expect = tuple(_expectation(item, where, name) for item in entry.pop("expect", None) or [])
    if (
        entity is not None
        and not any(item.kind == "drop" for item in expect)
        and entry["layout"] == "whole"
    ):
        expect += (Expectation(kind="drop", args={"max_share": 0.6}),)
    entry["needs"] = _words(entry.pop("needs", []))
    entry["key"] = _words(entry.pop("key", []))
    return _parse(
        Table,
        {
            "name": name,
            "room": where.partition("/")[0],
            "columns": tuple(picked.values()),
            "expect": expect,
            **entry,
        },
        where,
    )


def _without(table: Table, tables: dict[str, Table]) -> Table:
    """The table with the expectation that none of the rows it must not see came through."""
    other = tables.get(str(table.without))
    where = f"{table.room}/tables.yaml: '{table.name}' is without '{table.without}'"
    if other is None:
        raise ConfigError(f"{where}, which no room makes{suggestion(str(table.without), tables)}")
    if len(other.key) != 1 or other.key[0] not in table.by_name:
        raise ConfigError(f"{where}: that table needs one key column, which '{table.name}' has too")
    key = other.key[0]
    query = f"select {key} from {table.name} where {key} in (select {key} from {other.name})"
    rule = Expectation(kind="sql", args={"name": f"without_{other.name}", "query": query})
    return table.model_copy(update={"expect": (*table.expect, rule)})


def _raw(table: Table) -> Table:
    """The typed rows of each export file that feeds the entity, before the newest row of each key
    is chosen.
    """
    return table.model_copy(
        update={
            "name": f"raw_{table.name}",
            "grain": f"one row per accepted row of an export that feeds {table.name}",
            "purpose": (
                f"Every accepted row of {table.name}, by export date and file, as evidence "
                "and for rebuilding"
            ),
            "key": (),
            "columns": tuple(column for column in table.columns if column.name not in STAMPS),
            "expect": (),
            "layout": "by_export",
            "day_column": None,
            "published": False,
            "entity": None,
            "without": None,
            "raw_of": table.name,
        }
    )


def _expectation(item: Any, where: str, table: str) -> Expectation:
    if not isinstance(item, dict):
        raise ConfigError(
            f"{where}: table '{table}': an expectation is 'kind: arguments', not {item!r}"
        )
    item = dict(item)
    severity = item.pop("severity", "critical")
    if len(item) != 1:
        raise ConfigError(
            f"{where}: table '{table}': one kind per expectation, found {', '.join(item) or 'none'}"
        )
    kind, args = next(iter(item.items()))
    if kind == "unique":
        args = {"columns": list(_words(args))}
    args = dict(args)
    severity = args.pop("severity", severity)
    return _parse(Expectation, {"kind": kind, "args": args, "severity": severity}, where)


def _words(value: Any) -> tuple[str, ...]:
    return tuple(re.split(r"[,\s]+", value.strip())) if isinstance(value, str) else tuple(value)


def _parse(model: type[Parsed], data: dict[str, Any], where: str) -> Parsed:
    try:
        return model(**data)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        hint = suggestion(field, model.model_fields) if first["type"] == "extra_forbidden" else ""
        raise ConfigError(
            f"{where}: '{data.get('name', '?')}': {field}: {first['msg']}{hint}"
        ) from error
