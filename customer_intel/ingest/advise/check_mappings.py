"""Validation of mappings (`customer-intel check`): what only the landed files, or DuckDB's planner,
can tell.

Belongs here: faults of a mapping that loads. Not here: faults that keep it from loading (model.py).
"""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pyarrow.parquet as pq

from customer_intel.core.contract import yaml_lines as yamlfile
from customer_intel.core.contract.model import Table, suggestion
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.engine import DuckDBEngine, EngineSettings, quoted
from customer_intel.ingest.land.landing_folder import LandedFile, discover
from customer_intel.ingest.mapping import expressions
from customer_intel.ingest.mapping import model as mappings
from customer_intel.ingest.mapping.model import SPECIAL, FileMapping, Reader
from customer_intel.ingest.read.open_file import (
    Limits,
    Refused,
    decoded,
    sha256_of,
    spool,
    unpacked,
)
from customer_intel.ingest.read.readers import header_of, read_text
from customer_intel.ingest.read.text_table import column_names, is_name

_HEAD = 1 << 20
# So much of a file's text is read to tell its encoding.
_DECODED = 64 << 20
# `Created (UTC)` is more likely a column's name than a function call.
_NAME = re.compile(r"[\w ]+ \([\w %$€/-]+\)")


@dataclass(frozen=True)
class NewestFile:
    """The newest landed file that a mapping may be meant for, and its columns."""

    file: LandedFile
    columns: tuple[str, ...]


def check(home_mappings: Path, landing: Path, entities: Mapping[str, Table]) -> list[str]:
    """What was compared with landed files, as remarks. Raises ConfigError with every fault, file
    and line.
    """
    known = mappings.load(home_mappings, entities)
    vendors = mappings.shipped()
    files = discover(landing, date.max) if landing.is_dir() else []
    faults: list[str] = []
    compared: list[str] = []
    for name, mapping in sorted(known.items()):
        home_file = home_mappings / f"{name}.yaml"
        path = home_file if home_file.is_file() else vendors[name]
        newest = newest_file(mapping, files)
        try:
            landed = NewestFile(newest, columns_of(newest.path, mapping)) if newest else None
        except Refused as refused:
            assert newest is not None
            faults.append(f"{newest.source_file}: {refused.reason}")
            continue
        if landed and _is_anothers(mapping, landed, known):
            continue
        if landed:
            compared.append(f"{name}: {landed.file.source_file}")
            try:
                _decode(landed.file.path, mapping)
            except Refused as refused:
                faults.append(f"{landed.file.source_file}: {refused.reason}")
                continue
        found = _faults(mapping, landed)
        if home_file.is_file() and newest is None and files:
            found += _unmatched(mapping, files)
        document = yamlfile.load(path) if found else None
        faults += [
            f"{mappings.file_label(path)}:{mappings.line_of(document, place)}: {text}"
            for place, text in found
        ]
    if faults:
        # Several mappings may be meant for one file.
        raise ConfigError("\n".join(dict.fromkeys(faults)))
    return compared


def questions(home_mappings: Path, entities: Mapping[str, Table]) -> list[str]:
    """What mappings wait for: a night reads nothing by one that holds a question."""
    return [
        f"mappings/{name}.yaml waits for an answer: {topic}: {text}"
        for name, mapping in sorted(mappings.load(home_mappings, entities).items())
        for topic, text in mapping.decide.items()
    ]


def taken_twice(home_mappings: Path, landing: Path, entities: Mapping[str, Table]) -> list[str]:
    """Files that two mappings of one entity take, one of the home's own at least: what comes of it."""
    known = mappings.load(home_mappings, entities)
    own = {name for name in known if (home_mappings / f"{name}.yaml").is_file()}
    told = []
    for mapping, landed in landed_of_own(home_mappings, landing, entities):
        name = mapping.name
        if mapping.decide:
            continue
        try:
            columns = columns_of(landed.path, mapping)
        except Refused:
            continue
        for other in sorted(known.values(), key=lambda item: item.name):
            both = other.source == mapping.source and other.entity == mapping.entity
            if other.name == name or not both or (other.name in own and other.name < name):
                continue
            if mappings.named(landed.path.name, other.files) and not other.missing(columns):
                told.append(
                    f"{landed.source_file} is taken by {name} and by {other.name}: its "
                    f"{mapping.entity} are read twice, and merged where their keys are equal; "
                    "narrow files: in one of them, or delete one"
                )
    return told


def landed_of_own(
    home_mappings: Path, landing: Path, entities: Mapping[str, Table]
) -> Iterator[tuple[FileMapping, LandedFile]]:
    """The home's own mappings by name, each with the newest landed file that it asks for; those
    without a file are left out.
    """
    files = discover(landing, date.max) if landing.is_dir() else []
    for name, mapping in sorted(mappings.load(home_mappings, entities).items()):
        is_own = (home_mappings / f"{name}.yaml").is_file()
        if is_own and (landed := newest_file(mapping, files)) is not None:
            yield mapping, landed


def newest_file(mapping: FileMapping, files: Sequence[LandedFile]) -> LandedFile | None:
    """The newest landed file whose source and name the mapping asks for."""
    fitting = [
        file
        for file in files
        if file.source in (None, mapping.source) and mappings.named(file.path.name, mapping.files)
    ]
    return fitting[-1] if fitting else None


def _is_anothers(
    mapping: FileMapping, landed: NewestFile, known: Mapping[str, FileMapping]
) -> bool:
    """Whether the file lacks most of what the mapping needs, and another mapping takes it."""
    missing, needed = mapping.missing(landed.columns), mapping.sources(landed.columns)
    if len(missing) * 2 < max(len(needed), 1):
        return False
    return any(
        other.name != mapping.name
        and other.source == mapping.source
        and not other.missing(landed.columns)
        for other in known.values()
        if mappings.named(landed.file.path.name, other.files)
    )


def _unmatched(
    mapping: FileMapping, files: Sequence[LandedFile]
) -> list[tuple[tuple[str, ...], str]]:
    """A pattern of the home's own mapping that fits nothing, though files have landed."""
    sources = sorted({file.source for file in files if file.source})
    landed_names = sorted(
        {file.path.name for file in files if file.source in (None, mapping.source)}
    )
    if not landed_names:
        hint = suggestion(mapping.source, sources) or f"; landing/ has {', '.join(sources[:5])}"
        return [(("source",), f"no file has landed in {mapping.source}/{hint}")]
    globs = ", ".join(mapping.files)
    without_stars = globs.replace("*", "")
    hint = suggestion(without_stars, landed_names) or f"; it has {', '.join(landed_names[:5])}"
    return [(("files",), f"'{globs}' fits no file in {mapping.source}/{hint}")]


# ---- a file's columns


def columns_of(path: Path, mapping: FileMapping) -> tuple[str, ...]:
    """The names of a landed file's columns, as the reader would have them. Raises Refused."""
    reader, limits = mapping.reader, Limits()
    kind = reader.format or mappings.format_of(path.name)
    if kind == "fixed":
        return column_names([field.name for field in reader.fields])
    sha256 = _sha256(path)
    with TemporaryDirectory(prefix="check-", ignore_cleanup_errors=True) as folder:
        work = Path(folder)
        if kind == "parquet":
            spool(path, sha256, work / "file", limits)
            try:
                return column_names(pq.read_schema(work / "file").names)
            except (OSError, ValueError):
                raise Refused("is a truncated or corrupt Parquet file; send it again") from None
        if kind not in ("csv", "tsv") or _is_archive(path, reader):
            con = DuckDBEngine(EngineSettings(), [work]).con
            return read_text(con, path, sha256, reader, work, limits).columns
        head = b"".join(_first(path, sha256, limits))
        encoding = "utf-8-sig" if reader.encoding.lower() in ("utf-8", "utf8") else reader.encoding
        header = reader.header_row(kind)
        text = io.StringIO(head.decode(encoding, errors="ignore"), newline="")
        lines = itertools.islice(text, max(header - 1, 0), None)
        return header_of(lines, reader.parted_by(kind), reader.quote, bool(header))


def _decode(path: Path, mapping: FileMapping) -> None:
    """Reads a text file's begin by the mapping's encoding. Raises Refused as a night would."""
    kind = mapping.reader.format or mappings.format_of(path.name)
    if kind not in ("csv", "tsv", "fixed") or _is_archive(path, mapping.reader):
        return
    limits, size = Limits(), 0
    for chunk in decoded(path, _sha256(path), limits, mapping.reader.encoding, 0):
        size += len(chunk)
        if size > _DECODED:
            return


def _is_archive(path: Path, reader: Reader) -> bool:
    return reader.member is not None or mappings.format_of(path.name) == "zip"


def _sha256(path: Path) -> str:
    return _hash(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=256)
def _hash(path: Path, _: int) -> str:
    return sha256_of(path)[0]


def _first(path: Path, sha256: str, limits: Limits) -> list[bytes]:
    for chunk in unpacked(path, sha256, limits):
        return [chunk[:_HEAD]]
    return []


# ---- expressions


def _faults(mapping: FileMapping, landed: NewestFile | None) -> list[tuple[tuple[str, ...], str]]:
    columns = landed.columns if landed else ()
    present = {name.lower(): name for name in (*columns, *mapping.may_lack)}
    found: list[tuple[tuple[str, ...], str]] = []
    # A first row of values is a person's, and stands in no message.
    in_file = {name.lower() for name in columns}
    is_header = any(name.lower() in in_file for name in mapping.sources(columns))
    names = columns if is_header or all(map(is_name, columns)) else ()
    unnamed = "" if names else "; is there a header row, and is reader.header right?"
    unbroken: list[tuple[tuple[str, ...], str]] = []
    for place, text in mappings.places_of(mapping):
        if text.lower() in present:
            continue
        reason = expressions.sql_fault(text)
        if landed and (reason or _NAME.fullmatch(text)):
            near = suggestion(text, names) or unnamed
            where = f"is no column of {landed.file.source_file}{near}"
            found.append(
                (
                    place,
                    f"{place[-1]}: '{text}' {where}; nor is it SQL: {reason or 'no such function'}",
                )
            )
            continue
        if reason:
            continue
        named = expressions.columns_of(text, tuple(mapping.lookups))
        absent = sorted(
            name for name in named if name.lower() not in present and name.lower() not in SPECIAL
        )
        if landed and absent:
            listed = f"; it has {', '.join(columns[:8])}" if is_header else unnamed
            near = suggestion(absent[0], names) or listed
            found.append(
                (place, f"{place[-1]}: {landed.file.source_file} has no column '{absent[0]}'{near}")
            )
            continue
        unbroken.append((place, text))
    return found + _unbound(mapping, unbroken)


def _unbound(
    mapping: FileMapping, sound: Sequence[tuple[tuple[str, ...], str]]
) -> list[tuple[tuple[str, ...], str]]:
    """Expressions that name functions, or arguments of functions, that DuckDB does not have."""
    found = []
    for place, text in sound:
        if _NAME.fullmatch(text) or "columns(" in text.lower():
            continue
        names = expressions.columns_of(text, tuple(mapping.lookups))
        if any(expressions.lookup_fields(text, lookup) for lookup in mapping.lookups):
            # The columns of a lookup are known only once its file is read.
            continue
        nulls = [
            f"CAST(NULL AS VARCHAR) AS {quoted(name)}"
            for name in sorted(names)
            if name.lower() not in SPECIAL
        ]
        special = ["CAST(1 AS BIGINT) AS _row", "'' AS _file", "DATE '2000-01-01' AS _export_date"]
        special += ["TIMESTAMP '2000-01-01' AS _exported_at"]
        keys = [quoted(key) if expressions.sql_fault(key) else key for key in mapping.group_by]
        group = f" GROUP BY {', '.join(keys)}" if keys and place[0] == "columns" else ""
        for key in keys:
            for name in expressions.columns_of(key, ()) - names:
                nulls.append(f"CAST(NULL AS VARCHAR) AS {quoted(name.strip(chr(34)))}")
        sql = (
            f"SELECT ({text}\n) FROM (SELECT {', '.join([*dict.fromkeys(nulls), *special])}){group}"
        )
        if reason := _unplanned(sql):
            found.append((place, f"{place[-1]}: {reason}"))
    return found


@lru_cache(maxsize=4096)
def _unplanned(sql: str) -> str | None:
    """Why DuckDB cannot plan a query, when that is for the query's wording."""
    try:
        expressions.parser().cursor().execute(f"EXPLAIN {sql}")
    except (duckdb.BinderException, duckdb.CatalogException) as error:
        return " ".join(str(error).split("\nLINE")[0].split())[:300]
    except duckdb.Error:
        # Errors that need a value, such as the cast of a literal, are not about the SQL.
        return None
    return None
