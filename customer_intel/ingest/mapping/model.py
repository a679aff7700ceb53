"""Mappings: small YAML files that say which export feeds which entity, and how.

Belongs here: their model, their loader with file and line in each complaint, which mappings a file
belongs to, and what a mapping needs of a file. Not here: reading files (open_file.py) and computing
rows (conform.py).
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from threading import Lock
from typing import Annotated, Any, Literal

import duckdb
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from customer_intel.core.contract import yaml_lines as yamlfile
from customer_intel.core.contract.model import PROVENANCE, STAMPS, Column, Table, suggestion
from customer_intel.core.contract.yaml_lines import ConfigError

SHIPPED = Path(__file__).resolve().parent.parent / "mappings"
SPECIAL = ("_row", "_file", "_export_date", "_exported_at")
# What conform.py fills in by itself.
DERIVED = (*PROVENANCE, "record_key")
EXTENSIONS = {
    ".csv": "csv", ".txt": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl",
    ".parquet": "parquet", ".xlsx": "xlsx",
}  # fmt: skip
# Their result would differ from night to night, or come from outside the file.
_FORBIDDEN = {
    "now", "today", "get_current_time", "get_current_timestamp", "current_localtimestamp", "current_localtime",
    "transaction_timestamp", "random", "setseed", "uuid", "gen_random_uuid", "uuidv4", "uuidv7", "getenv", "nextval",
    "currval", "current_setting", "getvariable", "version", "txid_current", "any_value", "approx_count_distinct",
}  # fmt: skip


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class Model(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, coerce_numbers_to_str=True, ignored_types=(cached_property,)
    )


class Field(Model):
    name: str
    width: int


class Reader(Model):
    """How a file is read and how its values are written. Timestamp formats are strptime's, tried
    after ISO-8601.
    """

    format: Literal["csv", "tsv", "jsonl", "parquet", "xlsx", "fixed"] | None = None
    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    # None: a first row of names, except in fixed; a number: the row that holds them.
    header: bool | int | None = None
    sheet: str | None = None
    fields: tuple[Field, ...] = ()
    timestamp: Words = ()
    date: Words = ()
    zone: str = "UTC"
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ".", ",", " ", "'"] = ""
    null: Words = ("",)

    def header_row(self, kind: str) -> int:
        """The row that holds the names, from 1; 0 where none does."""
        return int(kind != "fixed") if self.header is None else int(self.header)

    def parted_by(self, kind: str) -> str:
        return "\t" if kind == "tsv" else self.delimiter

    @property
    def text_key(self) -> str:
        """What decides how the file falls into rows and columns, as opposed to how values are
        understood.
        """
        kept = self.model_dump(
            include={"format", "delimiter", "quote", "encoding", "header", "sheet", "fields"}
        )
        return json.dumps(kept, sort_keys=True)


class Lookup(Model):
    files: Words
    sql: str
    on: str
    reader: Reader = Reader()


class FileMapping(Model):
    name: str
    source: str
    files: Words
    entity: str
    columns: dict[str, str]
    reader: Reader = Reader()
    references: str | None = None
    group_by: Words = ()
    only: str | None = None
    lookups: dict[str, Lookup] = {}
    checks: dict[str, str] = {}
    ignore: Words = ()
    # Source columns that an export may lack; they read as null.
    optional: Words = ()
    # keep: equal rows of a file without row ids are different happenings (two purchases alike on
    # one day).
    duplicates: Literal["drop", "keep"] = "drop"
    # Each export holds everything: what the newest lacks is deleted.
    snapshot: bool = False
    canonical: bool = False

    @property
    def namespace(self) -> str:
        return self.references or self.source

    @cached_property
    def expressions(self) -> tuple[str, ...]:
        """Every expression over source columns."""
        return tuple(text for _, text in places_of(self))

    def sha256(self, entity: Table) -> str:
        """Changes whenever the same file would give other rows."""
        shape = [column.model_dump(exclude={"meaning", "unit", "pii"}) for column in entity.columns]
        text = json.dumps([self.model_dump(), shape, entity.entity], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def sources(self, columns: Iterable[str], expressions: Iterable[str] | None = None) -> set[str]:
        """The source columns that the mapping uses, given the file's; absent ones included, special
        ones not.
        """
        present = {name.lower() for name in columns}
        used: set[str] = set()
        for expression in self.expressions if expressions is None else expressions:
            used |= (
                {expression}
                if expression.lower() in present
                else columns_of(expression, tuple(self.lookups))
            )
        return {name for name in used if name.lower() not in SPECIAL}

    def missing(self, columns: Sequence[str]) -> list[str]:
        """The needed source columns that a file with these columns lacks, in order of name."""
        present = {name.lower() for name in (*columns, *self.optional)}
        return sorted(name for name in self.sources(columns) if name.lower() not in present)


# ---- SQL expressions


_parsing = Lock()


@lru_cache(maxsize=1)
def parser() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(
        config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    )


@lru_cache(maxsize=4096)
def _serialized(expression: str) -> dict[str, Any]:
    with _parsing:
        rows = (
            parser()
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


def _faults(expression: str) -> str | None:
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
    found = {part["function_name"] for part in _nodes(tree) if "function_name" in part} & _FORBIDDEN
    if found:
        return f"{sorted(found)[0]}() is not reproducible; use _export_date or a column of the file"
    return None


def _nodes(node: Any) -> list[dict[str, Any]]:
    if isinstance(node, list):
        return [found for item in node for found in _nodes(item)]
    if not isinstance(node, dict):
        return []
    return [node, *(found for value in node.values() for found in _nodes(value))]


# ---- loading


def load(home_mappings: Path | None, entities: Mapping[str, Table]) -> dict[str, FileMapping]:
    """Shipped mappings, overridden by name by the home's. Raises ConfigError with every fault, file
    and line.
    """
    paths = {path.stem: path for path in sorted(SHIPPED.glob("*.yaml"))}
    if home_mappings and home_mappings.is_dir():
        paths |= {path.stem: path for path in sorted(home_mappings.glob("*.yaml"))}
    loaded, faults = {}, []
    for name, path in sorted(paths.items()):
        stat = path.stat()
        try:
            loaded[name] = _read(path, stat.st_mtime_ns, stat.st_size, tuple(entities.values()))
        except ConfigError as error:
            faults.append(str(error))
    if faults:
        raise ConfigError("\n".join(faults))
    return loaded


_cache: dict[tuple[Path, int, int], FileMapping] = {}


def _read(path: Path, mtime: int, size: int, tables: tuple[Table, ...]) -> FileMapping:
    key = (path, mtime, size)
    if key not in _cache:
        _cache[key] = read(path, {table.name: table for table in tables})
    return _cache[key]


def read(path: Path, entities: Mapping[str, Table], *, strict: bool = False) -> FileMapping:
    """One mapping file. Raises ConfigError naming each fault's file and line and what to do.

    `strict`: a shipped one's expressions are looked at too.
    """
    document = _worded(yamlfile.load(path))
    where = f"mappings/{path.name}"
    try:
        mapping = FileMapping(name=path.stem, **document)
    except ValidationError as error:
        faults = [
            f"{where}:{line_of(document, item['loc'])}: {_explained(document, item)}"
            for item in error.errors()
        ]
        raise ConfigError("\n".join(faults)) from error
    except TypeError as error:
        raise ConfigError(f"{where}: 'name' is the file's own name; remove it") from error
    # What is shipped was looked at when it was (test_mapping): parsing its expressions again each
    # night takes a second.
    found = [] if path.parent == SHIPPED and not strict else _semantic_faults(mapping, entities)
    faults = [f"{where}:{line_of(document, place)}: {text}" for place, text in found]
    if faults:
        raise ConfigError("\n".join(faults))
    return mapping


def _worded(document: Any) -> Any:
    """YAML reads the bare keys `on` and `null` as true and nothing; here they are words."""
    if not isinstance(document, yamlfile.Mapping):
        return document
    result = yamlfile.Mapping()
    for key, value in document.items():
        word = {"True": "on", "None": "null"}.get(key, key)
        result[word], result.lines[word] = _worded(value), document.lines[key]
    return result


def _semantic_faults(
    mapping: FileMapping, entities: Mapping[str, Table]
) -> list[tuple[tuple[Any, ...], str]]:
    entity = entities.get(mapping.entity)
    if entity is None:
        return [
            (("entity",), f"no entity '{mapping.entity}'{suggestion(mapping.entity, entities)}")
        ]
    known = settable(entity)
    faults: list[tuple[tuple[Any, ...], str]] = []
    for name in mapping.columns:
        if name not in known:
            faults.append(
                (
                    ("columns", name),
                    f"{entity.name} has no column '{name}'{suggestion(name, known)}",
                )
            )
    for name, column in known.items():
        if column.required and name not in mapping.columns:
            faults.append(
                (("columns",), f"{entity.name} requires '{name}'; say where it comes from")
            )
    faults += [(place, fault) for place, text in places_of(mapping) if (fault := _faults(text))]
    try:
        parser().cursor().execute(
            "SELECT timezone(?, TIMESTAMP '2000-01-01')", [mapping.reader.zone]
        )
    except duckdb.Error:
        faults.append(
            (
                ("reader", "zone"),
                f"no time zone '{mapping.reader.zone}'; use names such as Europe/Berlin",
            )
        )
    if mapping.reader.format == "fixed" and not mapping.reader.fields:
        faults.append((("reader",), "format fixed needs fields: [{name: …, width: …}, …]"))
    return faults


def places_of(mapping: FileMapping) -> list[tuple[tuple[str, ...], str]]:
    """Every expression over source columns, with where it stands."""
    places = [(("columns", name), text) for name, text in mapping.columns.items()]
    places += [(("checks", name), text) for name, text in mapping.checks.items()]
    others = [(("group_by",), text) for text in mapping.group_by] + [
        (("only",), text) for text in [mapping.only] if text
    ]
    return [
        *places,
        *others,
        *((("lookups", name, "on"), lookup.on) for name, lookup in mapping.lookups.items()),
    ]


def settable(entity: Table) -> dict[str, Column]:
    """The columns that a mapping may fill."""
    derived = {*DERIVED, *STAMPS, entity.day_column}
    return {column.name: column for column in entity.columns if column.name not in derived}


def line_of(document: Any, place: Sequence[Any]) -> int:
    line = 1
    for part in place:
        if not isinstance(document, yamlfile.Mapping) or str(part) not in document.lines:
            break
        line, document = document.lines[str(part)], document[str(part)]
    return line


def _explained(document: Any, item: Any) -> str:
    place = item["loc"]
    name = ".".join(str(part) for part in place)
    if item["type"] == "extra_forbidden":
        model: Any = (
            Reader if place[0] == "reader" else Lookup if place[0] == "lookups" else FileMapping
        )
        hint = suggestion(str(place[-1]), model.model_fields)
        return f"unknown setting '{name}'{hint}"
    if item["type"] == "missing":
        return f"'{name}' is missing"
    if item["type"] == "string_type" and isinstance(item["input"], bool):
        return f"'{name}' is {item['input']!r}; put an expression in quotes"
    return f"'{name}': {item['msg']}"


# ---- which mappings a file belongs to


def format_of(name: str) -> str | None:
    """Format by extension, a compression's own extension aside."""
    path = Path(name.lower())
    if path.suffix in (".gz", ".zst", ".zstd"):
        path = path.with_suffix("")
    return EXTENSIONS.get(path.suffix)


def named(name: str, globs: Iterable[str]) -> bool:
    """Whether a file's name fits one of the patterns; capitals make no difference."""
    return any(fnmatch.fnmatchcase(name.lower(), glob.lower()) for glob in globs)


def matching(
    name: str,
    source: str | None,
    mappings: Mapping[str, FileMapping],
    entities: Mapping[str, Table],
) -> list[FileMapping]:
    """The mappings whose source and pattern fit a file's name, else the canonical one when it is
    named as an entity.

    A file that lies outside any source's folder (`source` None) may belong to any source.
    """
    lower = name.lower()
    found = [
        mapping
        for mapping in mappings.values()
        if source in (None, mapping.source) and named(name, mapping.files)
    ]
    called = [entity for entity in entities if lower.startswith(entity) and format_of(name)]
    if called and (source is None or not found):
        found.append(canonical(entities[max(called, key=len)], source or "files"))
    return found


@lru_cache(maxsize=256)
def _canonical(
    name: str, source: str, columns: tuple[str, ...], optional: tuple[str, ...]
) -> FileMapping:
    return FileMapping(
        name=f"{source}_{name}",
        source=source,
        files=(f"{name}*",),
        entity=name,
        columns={column: f'"{column}"' for column in columns},
        optional=optional,
        canonical=True,
    )


def canonical(entity: Table, source: str) -> FileMapping:
    """The mapping of a file that has the entity's own column names."""
    known = settable(entity)
    return _canonical(
        entity.name,
        source,
        tuple(known),
        tuple(name for name, column in known.items() if not column.required),
    )
