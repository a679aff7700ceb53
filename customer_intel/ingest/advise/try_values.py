"""A mapping tried on its newest landed file (`customer-intel check --values`): what is taken, what is
not and why, with rejected values masked.

Belongs here: the trial. Not here: faults that no value is needed to see (check_mappings.py).
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from customer_intel.core.contract import yaml_lines as yamlfile
from customer_intel.core.contract.model import Table
from customer_intel.core.engine import DuckDBEngine, EngineSettings, literal
from customer_intel.ingest.advise.check_mappings import landed_of_own
from customer_intel.ingest.advise.inspected import CONFIG
from customer_intel.ingest.conform.conform import SourceFile, conform
from customer_intel.ingest.conform.quarantine import place_of
from customer_intel.ingest.mapping.model import FileMapping
from customer_intel.ingest.read.open_file import Limits, Refused, sha256_of
from customer_intel.ingest.read.readers import read_text

_SHOWN = 5


@dataclass(frozen=True)
class Rejected:
    """Values of one column that are not taken for one reason; `shapes` are the most frequent ones,
    each letter as x and each digit as 9.
    """

    column: str
    reason: str
    rows: int
    shapes: tuple[str, ...]


@dataclass(frozen=True)
class Tried:
    """One mapping over one file. `refused` says why the file cannot be read at all."""

    mapping: str
    file: str
    read: int = 0
    accepted: int = 0
    quarantined: int = 0
    duplicates: int = 0
    skipped: int = 0
    rejected: tuple[Rejected, ...] = ()
    refused: str = ""

    def summary(self) -> dict[str, Any]:
        """For machines."""
        return {**vars(self), "rejected": [vars(item) for item in self.rejected]}


def tried(home_mappings: Path, landing: Path, entities: Mapping[str, Table]) -> list[Tried]:
    """The home's own mappings, each over the newest landed file that it takes."""
    limits = Limits.of(yamlfile.load(CONFIG))
    found = []
    for mapping, landed in landed_of_own(home_mappings, landing, entities):
        try:
            found.append(_one(mapping, landed.path, landed.export_date, entities, limits))
        except Refused as refused:
            found.append(Tried(mapping.name, landed.source_file, refused=refused.reason))
    return found


def _one(
    mapping: FileMapping, path: Path, exported: date, entities: Mapping[str, Table], limits: Limits
) -> Tried:
    with tempfile.TemporaryDirectory(prefix="check-", ignore_cleanup_errors=True) as folder:
        work = Path(folder)
        con = DuckDBEngine(EngineSettings(), [work]).con
        text = read_text(con, path, sha256_of(path)[0], mapping.reader, work, limits)
        source = SourceFile(path.name, mapping.source, exported, text)
        done = conform(con, entities[mapping.entity], mapping, source, work / "tried.parquet")
        rejected: list[Rejected] = []
        if done.quarantine is not None:
            rejected = [
                Rejected(place_of(column, name), reason, rows, tuple(shapes))
                for column, name, reason, rows, shapes in con.execute(
                    f"""
                    WITH shape AS (
                        SELECT
                            coalesce("column", '') AS c, coalesce(source_column, '') AS s, reason,
                            left(regexp_replace(regexp_replace(coalesce(value, ''), '\\d', '9', 'g'),
                                '\\p{{L}}', 'x', 'g'), 40) AS shape,
                            count(*) AS n
                        FROM read_parquet({literal(str(done.quarantine))}, hive_partitioning = false)
                        GROUP BY ALL
                    )
                    SELECT c, s, reason, sum(n)::BIGINT,
                        list(shape ORDER BY n DESC, shape)[1:{_SHOWN}]
                    FROM shape GROUP BY c, s, reason ORDER BY sum(n) DESC, c, reason
                    """
                ).fetchall()
            ]
        counts = done.counts
        return Tried(
            mapping.name, path.name, counts.rows_read, counts.rows_accepted, counts.rows_quarantined,
            counts.rows_duplicate, counts.rows_skipped, tuple(rejected),
        )  # fmt: skip
