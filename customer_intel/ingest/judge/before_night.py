"""What `check` can tell of the sources before a night: files that no mapping asks for, exports that are due.

Belongs here: the landing folder beside the ledger. Not here: what a night finds in files (source_check.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from customer_intel.core.contract.model import Table
from customer_intel.core.store.lake import Lake
from customer_intel.ingest.judge import words
from customer_intel.ingest.judge.declared import declared
from customer_intel.ingest.judge.export_kinds import kinds_of
from customer_intel.ingest.judge.source_check import arrivals
from customer_intel.ingest.land.landing_folder import LandedFile, discover, unmapped_files
from customer_intel.ingest.mapping import model as mappings


def told(
    home: Path, landing: Path, entities: Mapping[str, Table], config: Mapping[str, Any], today: date
) -> list[str]:
    """Warnings: of the newest landed date, the files that nobody takes and the exports that are due.

    Raises ConfigError for a faulty sources.yaml or mapping.
    """
    if not landing.is_dir():
        return []
    lake, known = Lake(home), mappings.load(home / "config" / "mappings", entities)
    ledgers = [
        part.facts
        for name in entities
        if (version := lake.current(f"raw_{name}"))
        for part in version.parts.values()
    ]
    files = discover(landing, today)
    as_of = max((file.export_date for file in files if file.dated), default=None)
    if as_of is None:
        return []
    asked: dict[LandedFile, list[str]] = {
        file: [
            found.name for found in mappings.matching(file.path.name, file.source, known, entities)
        ]
        for file in files
    }
    kinds = kinds_of(ledgers)
    for kind in kinds:
        kind.days |= {
            file.export_date
            for file, names in asked.items()
            if file.dated and kind.mapping in names
        }
    taken = {file.source_file for file, names in asked.items() if names}
    of_source: dict[str, list[str]] = {}
    for kind in kinds:
        of_source.setdefault(kind.source, []).append(kind.mapping)
    found = [
        words.unmapped(file.source_file, reason, of_source.get(file.source or "files", []))
        for file, _, _, reason in unmapped_files(landing, as_of, taken)
        if file.export_date == as_of
    ]
    found += [row["message"] for row in arrivals(kinds, declared(config), as_of)]
    return found
