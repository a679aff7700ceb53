"""The landing folder: its files and their export dates, and the tables export_file and
export_check.

Belongs here: the folder's layout and the ledger as tables. Not here: what is taken out of a file
(entity_night.py).
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any

import polars as pl

from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.ingest.land.holding import is_superseded, stands
from customer_intel.ingest.land.records_fates import FATES, records_fates
from customer_intel.ingest.mapping.model import format_of
from customer_intel.ingest.read.foreign_formats import fault_of
from customer_intel.ingest.read.open_file import Limits, Refused, sha256_of

COUNTS = (
    "rows_read",
    "rows_accepted",
    "rows_quarantined",
    "rows_duplicate",
    "rows_skipped",
    "records_written",
)


# Nobody's exports.
LITTER = (".DS_Store", ".gitkeep", ".gitignore", ".keep", ".localized")


@dataclass(frozen=True)
class LandedFile:
    """A file below the landing folder. `source` is None when it lies in no source's folder."""

    path: Path
    source_file: str
    source: str | None
    export_date: date
    dated: bool


def discover(landing: Path, as_of: date) -> list[LandedFile]:
    """The files of export dates up to `as_of`, oldest first.

    `<source>/<YYYY-MM-DD>/…` is dated; `<source>/…` and files right in `landing` belong to `as_of`.
    Raises ConfigError when `landing` itself cannot be read.
    """
    found = []
    for path in _files(landing):
        parts = path.relative_to(landing).parts
        day = _date(parts[1]) if len(parts) > 2 else None
        if (day or as_of) <= as_of:
            source = parts[0] if len(parts) > 1 else None
            # A name that is no UTF-8 is written with its bytes escaped: it goes into tables and
            # messages.
            name = "/".join(parts).encode("utf-8", "backslashreplace").decode()
            found.append(LandedFile(path, name, source, day or as_of, day is not None))
    return sorted(found, key=lambda file: (file.export_date, file.source_file))


def hidden_files(landing: Path, as_of: date) -> list[LandedFile]:
    """Files and folders of sources' export dates up to `as_of` that a leading dot keeps from being
    taken; not those that file managers and version control leave everywhere.
    """
    found = []
    for path in sorted(landing.glob("*/**/.*")):
        parts = path.relative_to(landing).parts
        if (
            path.name in LITTER
            or path.name.startswith("._")
            or any(p[0] == "." for p in parts[:-1])
        ):
            continue
        day = _date(parts[1]) if len(parts) > 2 else None
        if (day or as_of) <= as_of:
            name = "/".join(parts).encode("utf-8", "backslashreplace").decode()
            found.append(LandedFile(path, name, parts[0], day or as_of, day is not None))
    return found


def hashes(landing: Path, as_of: date) -> dict[str, str]:
    """source_file → sha256 of every file that can be opened: the night's inputs. Raises ConfigError
    when `landing` itself cannot be read.
    """
    result = {}
    for file in discover(landing, as_of):
        try:
            result[file.source_file] = sha256_of(file.path)[0]
        except Refused as refused:
            result[file.source_file] = refused.reason
    return result


def _files(landing: Path) -> Iterator[Path]:
    closed: list[Path] = []

    def unreadable(error: OSError) -> None:
        if Path(error.filename) != landing:
            closed.append(Path(error.filename))
        elif not isinstance(error, FileNotFoundError):
            remedy = (
                "land exports in a folder"
                if isinstance(error, NotADirectoryError)
                else "grant the permission"
            )
            raise ConfigError(
                f"the landing folder cannot be read ({error.strerror}); {remedy}"
            ) from None

    for folder, folders, names in os.walk(landing, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        # A linked folder is not walked into; it is listed as a file, which nothing can open.
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in sorted([*names, *links]):
            if not name.startswith("."):
                yield Path(folder) / name
        # An empty folder named like a file, or an unreadable one, may hide an export: it is listed,
        # and refused.
        if not names and not folders and format_of(Path(folder).name):
            yield Path(folder)
    yield from closed


def _date(name: str) -> date | None:
    try:
        # Not 2026-W27-1, which Python reads too.
        return date.fromisoformat(name) if len(name) == 10 and "W" not in name else None
    except ValueError:
        return None


def export_file(
    ledgers: list[dict[str, Any]],
    landing: Path,
    as_of: date,
    schema: pl.Schema,
    source_state: pl.DataFrame | None = None,
    entities: Mapping[str, pl.LazyFrame] = MappingProxyType({}),
) -> pl.DataFrame:
    """Every part's ledger entry with what stands of its records, and a row for each landed file
    that no mapping asks for. Raises ConfigError when `landing` itself cannot be read.
    """
    states = {}
    if source_state is not None:
        states = {row["source_system"]: row for row in source_state.iter_rows(named=True)}
    # The part of missing rows belongs to no file; what was replaced is listed while it still stands.
    parts = [
        facts
        for facts in ledgers
        if facts["status"] != "missing" and (not is_superseded(facts) or stands(facts, states))
    ]
    waits = {str(facts["part"]) for facts in parts if not stands(facts, states)}
    fates = records_fates([facts for facts in parts if facts["part"] not in waits], entities)
    rows = []
    for facts in parts:
        known = {**facts, "export_date": _export_date(facts), **dict.fromkeys(FATES, 0)}
        known |= fates.get(str(facts["part"]), {})
        if facts["part"] in waits and facts["status"] == "accepted":
            known |= {
                "status": "held",
                "reason": "its source is held back; taken once that is mended",
            }
        rows.append({name: known[name] for name in schema})
    in_ledger = {facts["source_file"] for facts in ledgers}
    for file, sha256, size, reason in unmapped_files(landing, as_of, in_ledger):
        rows.append(
            {
                "source_system": file.source or "files",
                "export_date": file.export_date,
                "source_file": file.source_file,
                "mapping": "none",
                "entity": "none",
                "sha256": sha256,
                "bytes": size,
                **dict.fromkeys((*COUNTS, *FATES), 0),
                "status": "unmapped",
                "reason": reason,
            }
        )
    return pl.DataFrame(rows, schema=schema, orient="row")


def unmapped_files(
    landing: Path, as_of: date, in_ledger: Collection[str]
) -> Iterator[tuple[LandedFile, str, int, str]]:
    """The landed files that no mapping asks for, with their sha256, bytes, and what is wrong with
    them. Raises ConfigError when `landing` itself cannot be read.
    """
    for file in discover(landing, as_of):
        if file.source_file in in_ledger:
            continue
        try:
            sha256, size = sha256_of(file.path)
            wrong = fault_of(file.path, Limits())
            reason = f"no mapping asks for it; it {wrong}" if wrong else "no mapping asks for it"
        except Refused as refused:
            (sha256, size), reason = ("", 0), refused.reason
        yield file, sha256, size, reason


def export_check(ledgers: list[dict[str, Any]], schema: pl.Schema) -> pl.DataFrame:
    """Every check of every part, with the rows that match it."""
    rows = [
        (
            facts["source_system"],
            _export_date(facts),
            facts["source_file"],
            facts["mapping"],
            name,
            count,
            checked,
        )
        for facts in ledgers
        if not is_superseded(facts)
        for name, (count, checked) in facts["checks"].items()
    ]
    return pl.DataFrame(rows, schema=schema, orient="row")


def _export_date(facts: dict[str, Any]) -> date:
    return date.fromisoformat(facts["export_date"])
