"""A list of people as a home that a night can run: its landing, its mapping, what is declared of its
sources.

Belongs here: files below one folder. Not here: what the columns are (person_columns.py), the night.

The night takes the list exactly as person_columns.py means it: only the columns that a mapping names
are landed, so that nothing else can tell who a record is.
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from customer_intel.core.contract import yaml_lines as yamlfile
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.engine import quoted
from customer_intel.core.store.lake import write_bytes
from customer_intel.identity.records.person_columns import PersonColumns

SOURCE = "records"
# Each source is a folder of its own; a column of more values is none of sources.
MOST_SOURCES = 100


def mapping_of(columns: PersonColumns, source: str, key: str | None = None) -> dict[str, Any]:
    """A mapping file's content for a list of these columns. `key`: the column of its keys, by default
    its own, else the row's number.
    """
    named = key or columns.key
    own = {"contact_id": quoted(named) if named else "CAST(_row AS VARCHAR)"}
    times = {"created_at": "_exported_at", "updated_at": "_exported_at"}
    found: dict[str, Any] = {
        "source": source, "files": ["contacts*"], "entity": "contacts",
        "columns": {**own, **columns.mapping, **times},
    }  # fmt: skip
    if columns.nulls:
        found["reader"] = {"null": ["", *columns.nulls]}
    if not named:
        # Rows without a key of their own may be alike and still be two.
        found["duplicates"] = "keep"
    return found


def write_home(frame: pl.DataFrame, columns: PersonColumns, folder: Path, as_of: date) -> pl.Series:
    """Writes `landing/<source>/<as_of>/contacts.parquet`, `config/mappings/<source>_people.yaml` and,
    where sources are declared, `duplicate_free_sources` in `config/identity.yaml` below `folder`.

    Returns each row's record_key as the night calls it (`<source>:<key>`, in the order of `frame`).
    Without a key of their own, rows are numbered from 1 over the whole list. Raises ConfigError for a
    column of sources with more than MOST_SOURCES values.
    """
    used = [name for name in frame.columns if _is_used(name, columns)]
    landed = frame.select(pl.col(name).cast(pl.String) for name in used)
    key = columns.key
    if key is None:
        key = _free_name("row", frame.columns)
        landed = landed.with_row_index(key, offset=1)
    keys = landed[key].cast(pl.String).str.strip_chars()
    if (keys.str.contains(r"^\d+\.0$")).all() and len(keys):
        # A frame with gaps wrote whole numbers as floats; the night takes them as whole.
        keys = keys.str.replace(r"\.0$", "")
    landed = landed.with_columns(keys.alias(key))
    names = _sources(frame, columns.source)
    declared = []
    for source, is_declared in sorted(names.unique().iter_rows()):
        rows = landed.filter(names["source"] == source)
        target = folder / "landing" / source / as_of.isoformat() / "contacts.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        rows.write_parquet(target, compression="zstd", compression_level=1)
        text = yamlfile.dumped(mapping_of(columns, source, key), sort_keys=False, width=110)
        write_bytes(folder / "config" / "mappings" / f"{source}_people.yaml", text.encode())
        declared += [source] if is_declared else []
    if declared:
        _declare(folder / "config" / "identity.yaml", declared)
    return pl.select(
        record_key=pl.concat_str(pl.lit(names["source"]), pl.lit(keys), separator=":")
    )["record_key"]


def _is_used(name: str, columns: PersonColumns) -> bool:
    return name == columns.key or any(quoted(name) in sql for sql in columns.mapping.values())


def _free_name(name: str, taken: list[str]) -> str:
    while name.lower() in {other.lower() for other in taken}:
        name += "_"
    return name


def _sources(frame: pl.DataFrame, column: str | None) -> pl.DataFrame:
    """source, is_declared: of each row. Rows that name no source may repeat people."""
    if column is None:
        source = pl.Series("source", [SOURCE], pl.String).new_from_index(0, len(frame))
        return source.to_frame().with_columns(is_declared=pl.lit(False))
    given = frame[column].cast(pl.String).str.strip_chars()
    values = sorted(value for value in given.unique().drop_nulls() if value)
    if len(values) > MOST_SOURCES:
        raise ConfigError(
            f"source: column '{column}' has {len(values):,} values; more than {MOST_SOURCES} are no sources"
        )
    folders: dict[str, str] = {}
    for value in values:
        name = re.sub(r"[^a-z0-9]+", "_", value.lower()).strip("_") or "source"
        folders[value] = _free_name(name, [SOURCE, *folders.values()])
    named = given.replace_strict(folders, default=None, return_dtype=pl.String)
    return pl.DataFrame({"source": named.fill_null(SOURCE), "is_declared": named.is_not_null()})


def _declare(path: Path, sources: list[str]) -> None:
    """Adds the sources to those of the home's identity.yaml in which one person has one record."""
    given = dict(yamlfile.load(path)) if path.exists() else {}
    known = [str(name) for name in given.get("duplicate_free_sources", [])]
    given["duplicate_free_sources"] = sorted({*known, *sources})
    write_bytes(path, yamlfile.dumped(given, sort_keys=False, width=110).encode())
