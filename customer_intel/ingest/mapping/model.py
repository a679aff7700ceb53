"""Mappings: small YAML files that say which export feeds which entity, and how.

Belongs here: their model, their loader with file and line in each complaint, which mappings a file
belongs to, and what a mapping needs of a file. Not here: what its expressions say (expressions.py),
the reader's options (reader_options.py), reading files (open_file.py) and computing rows
(conform.py).
"""

from __future__ import annotations

import codecs
import fnmatch
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal

import duckdb
from pydantic import Field, ValidationError

from customer_intel.core.contract import yaml_lines as yamlfile
from customer_intel.core.contract.model import PROVENANCE, STAMPS, Column, Table, suggestion
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.ingest.mapping.expressions import (
    columns_of,
    expression_fault,
    lookup_fault,
    parser,
    sql_fault,
)
from customer_intel.ingest.mapping.reader_options import (
    EXTENSIONS,
    FixedField,
    Reader,
    StrictModel,
    Words,
    format_of,
)

__all__ = ["EXTENSIONS", "FixedField", "Reader", "format_of"]

SHIPPED = Path(__file__).resolve().parent.parent / "vendors"
SPECIAL = ("_row", "_file", "_export_date", "_exported_at")
# What conform.py fills in by itself.
DERIVED = (*PROVENANCE, "record_key")


# A column of an object, which SQL would take for a table's.
_DOTTED = re.compile(r"\w+(\.\w+)+")


class Lookup(StrictModel):
    """Files beside the export; `sql` over `file` gives a key `k` and columns, joined where `on`
    equals `k`.
    """

    files: Words
    sql: str
    on: str
    reader: Reader = Reader()


class FileMapping(StrictModel):
    """One mapping file: what of an export fills which columns of an entity."""

    name: str
    source: str
    files: Words
    entity: str
    columns: dict[str, str]
    reader: Reader = Reader()
    references: str | None = None
    group_by: Words = ()
    only: str | None = None
    lookups: dict[str, Lookup] = Field(default_factory=dict)
    checks: dict[str, str] = Field(default_factory=dict)
    ignore: Words = ()
    # Source columns that an export may lack; they read as null.
    optional: Words = ()
    # keep: equal rows of a file without row ids are different happenings (two purchases alike on
    # one day).
    duplicates: Literal["drop", "keep"] = "drop"
    # Each export holds everything: what the newest lacks is deleted.
    snapshot: bool = False
    # Topic → the question about it that inspect could not answer; with one, the mapping does not
    # run.
    decide: dict[str, str] = Field(default_factory=dict)
    canonical: bool = False

    @property
    def namespace(self) -> str:
        """The source whose ids the references of these rows are."""
        return self.references or self.source

    @cached_property
    def expressions(self) -> tuple[str, ...]:
        """Every expression over source columns."""
        return tuple(text for _, text in places_of(self))

    @cached_property
    def may_lack(self) -> tuple[str, ...]:
        """Source columns that a file may be without: declared ones, and those of objects and items
        of JSON, which a file has none of where each of its records lacks them.
        """
        found = {name for name in self.sources(()) if self._is_nested(name)}
        return (*self.optional, *sorted(found - set(self.optional)))

    def _is_nested(self, name: str) -> bool:
        """Whether a column is one of an object, or of an item, of JSON."""
        nested, rows = self.reader.nested, self.reader.rows
        owners = [*(() if isinstance(nested, bool) else nested), *([rows] if rows else [])]
        if nested is True:
            return "." in name
        return any(name.lower().startswith(f"{owner.lower()}.") for owner in owners)

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
                or (_DOTTED.fullmatch(expression) and self._is_nested(expression))
                else columns_of(expression, tuple(self.lookups))
            )
        return {name for name in used if name.lower() not in SPECIAL}

    def missing(self, columns: Sequence[str]) -> list[str]:
        """The needed source columns that a file with these columns lacks, in order of name."""
        present = {name.lower() for name in (*columns, *self.may_lack)}
        return sorted(name for name in self.sources(columns) if name.lower() not in present)


# ---- loading


def shipped(folder: Path = SHIPPED) -> dict[str, Path]:
    """The vendors' mappings by name. Raises ConfigError where two folders hold one name."""
    paths: dict[str, Path] = {}
    for path in sorted(folder.rglob("*.yaml")):
        other = paths.setdefault(path.stem, path)
        if other != path:
            both = " and ".join(str(each.relative_to(folder.parent)) for each in (other, path))
            raise ConfigError(f"{both} are both named '{path.stem}'; rename one")
    return paths


def file_label(path: Path) -> str:
    """A mapping's file as messages name it: a vendor's below `vendors/`, a home's own below
    `mappings/`.
    """
    is_shipped = SHIPPED in path.parents
    return str(path.relative_to(SHIPPED.parent)) if is_shipped else f"mappings/{path.name}"


def load(home_mappings: Path | None, entities: Mapping[str, Table]) -> dict[str, FileMapping]:
    """Shipped mappings, overridden by name by the home's. Raises ConfigError with every fault, file
    and line.
    """
    paths = shipped()
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


# Each entity of a night loads the mappings: files that did not change are not parsed again.
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
    where = file_label(path)
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
    # Shipped mappings are checked by a test (test_mapping): parsing their expressions each night
    # takes a second.
    found = [] if SHIPPED in path.parents and not strict else _semantic_faults(mapping, entities)
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
    faults += [
        (place, fault) for place, text in places_of(mapping) if (fault := expression_fault(text))
    ]
    faults += [
        (("lookups", name, "sql"), fault)
        for name, lookup in mapping.lookups.items()
        if (fault := lookup_fault(lookup.sql))
    ]
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
    readers: dict[tuple[str, ...], Reader] = {("reader",): mapping.reader}
    readers |= {("lookups", name, "reader"): own.reader for name, own in mapping.lookups.items()}
    for at, reader in readers.items():
        faults += [((*at, key), said) for key, said in _contradictions(reader)]
    if mapping.reader.format == "fixed" and not mapping.reader.fields:
        faults.append((("reader",), "format fixed needs fields: [{name: …, width: …}, …]"))
    return faults


def _contradictions(reader: Reader) -> Iterator[tuple[str, str]]:
    """Settings of a reader that no file can be read by."""
    if reader.decimal == reader.thousands:
        yield (
            "thousands",
            f"decimal and thousands are both '{reader.decimal}'; one sign cannot be both: 1.234,50 "
            'has decimal: "," and thousands: "."',
        )
    if reader.header_rows < 1:
        yield (
            "header_rows",
            "header_rows counts rows of names, from 1; without any: header: false",
        )
    if reader.header_rows > 1 and reader.header is False:
        yield ("header_rows", "header: false says that no row holds names; remove one of the two")
    if reader.skip_rows:
        said = sql_fault(reader.skip_rows)
        fault = f"is no SQL: {said}; put columns in double quotes" if said else ""
        if fault := fault or expression_fault(reader.skip_rows) or "":
            yield "skip_rows", fault
    try:
        codecs.lookup(reader.encoding)
    except LookupError:
        yield (
            "encoding",
            f"no encoding '{reader.encoding}'; use utf-8, windows-1252, latin-1 or utf-16",
        )


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
    """The line of a key in a YAML document, of the nearest one above it where it is not there."""
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
