"""Which mappings a landed file goes through: by its name, then by the columns that it has.

Belongs here: choosing. Not here: what becomes of the file then (entity_night.py), names and patterns
(mapping/model.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from customer_intel.core.contract.model import Table
from customer_intel.ingest.conform.large_csv import fits
from customer_intel.ingest.land import ledger
from customer_intel.ingest.land.file_reads import FileReads
from customer_intel.ingest.land.landing_folder import LandedFile
from customer_intel.ingest.land.messages import missing_columns
from customer_intel.ingest.mapping import model as mappings
from customer_intel.ingest.mapping.model import FileMapping, Lookup
from customer_intel.ingest.read.csv_chunks import (
    Dialect,
    LargeFile,
    NeedsGeneralPath,
    peeked,
    worthwhile,
)
from customer_intel.ingest.read.open_file import Limits, Refused

# Size (unpacked) from which a file takes the fast path, and size of a piece.
PIECEWISE_FROM, PIECE = 64 << 20, 16 << 20


class Choice:
    """One entity's choice of mappings. `held`: the ledger's entries by part, as the night goes on."""

    def __init__(
        self,
        entity: Table,
        files: Sequence[LandedFile],
        candidates: Mapping[LandedFile, list[FileMapping]],
        con: duckdb.DuckDBPyConnection,
        config: Mapping[str, Any],
        reads: FileReads,
        held: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self.entity, self.files, self.candidates, self.con = entity, files, candidates, con
        self.reads, self.held = reads, held
        self.limits = Limits.of(config)
        self.piecewise_from = int(config.get("piecewise_from_bytes", PIECEWISE_FROM))
        self.piece_bytes = int(config.get("piece_bytes", PIECE))
        self.peeked_columns: dict[tuple[str, str, str], tuple[str, ...] | None] = {}
        # Files that began on the fast path and turned out not to fit it.
        self.needs_general_path: set[Path] = set()

    def large_file(self, file: LandedFile, sha256: str) -> LargeFile:
        """The file as the fast path reads it."""
        return LargeFile(file.path, sha256, self.limits, self.piece_bytes)

    def own(self, file: LandedFile) -> list[FileMapping]:
        """The entity's mappings that a file's name fits."""
        return [mapping for mapping in self.candidates[file] if mapping.entity == self.entity.name]

    def peeked(self, file: LandedFile, sha256: str, mapping: FileMapping) -> tuple[str, ...] | None:
        """The columns of a file so large that it is taken piecewise, as far as its beginning tells;
        else None.
        """
        if file.path in self.needs_general_path or not worthwhile(file.path, self.piecewise_from):
            return None
        # A file that several entities take is refused by one of them only; the general path knows
        # by which.
        if len(self.own(file)) < len(self.candidates[file]):
            return None
        key = (str(file.path), sha256, mapping.name)
        if key not in self.peeked_columns:
            dialect = Dialect.of(file.path, mapping.reader)
            columns = peeked(self.large_file(file, sha256), dialect) if dialect else None
            fitting = columns and fits(self.con, self.entity, mapping, columns)
            self.peeked_columns[key] = columns if fitting else None
        return self.peeked_columns[key]

    def known(self, file: LandedFile, sha256: str) -> list[Mapping[str, Any]]:
        """The ledger's entries of the file as it is, with the same mappings to choose from."""
        state = (file.source_file, sha256, ledger.candidates_digest(self.candidates[file]))
        return [
            facts
            for facts in self.held.values()
            if (facts["source_file"], facts["sha256"], facts["rivals"]) == state
        ]

    def chosen(
        self, file: LandedFile, sha256: str, own: Sequence[FileMapping]
    ) -> list[FileMapping]:
        """Those of the entity's mappings whose columns the file has. Raises Refused when it lacks
        some.

        Where several mappings fit the name, one that lacks most of its columns is another file's;
        one that lacks a few has met a renamed column.
        """
        if held := self.known(file, sha256):
            return [
                mapping for mapping in own if mapping.name in {facts["mapping"] for facts in held}
            ]
        judged: dict[str, tuple[int, int, FileMapping, Refused | None]] = {}
        for mapping in self.candidates[file]:
            try:
                columns = self.peeked(file, sha256, mapping)
                columns = columns or self.reads.text(file.path, sha256, mapping.reader).columns
            except Refused as refused:
                judged[mapping.name] = (1, 1, mapping, refused)
                continue
            missing, needed = mapping.missing(columns), len(mapping.sources(columns))
            judged[mapping.name] = (
                len(missing),
                needed,
                mapping,
                missing_columns(mapping, missing, columns),
            )
        fitting = [mapping for missing, _, mapping, _ in judged.values() if not missing]
        if not all(mapping.canonical for mapping in fitting):
            fitting = [mapping for mapping in fitting if not mapping.canonical]
        sources = {mapping.source for mapping in fitting}
        nearest = min(
            judged.values(), key=lambda found: (found[0] / max(found[1], 1), found[2].name)
        )
        for n_missing, n_needed, mapping, fault in judged.values():
            renamed = fitting and mapping.source in sources and n_missing * 2 < n_needed
            if fault and mapping in own and (renamed or (not fitting and mapping is nearest[2])):
                raise NeedsGeneralPath if self.peeked(file, sha256, mapping) else fault
        return [mapping for mapping in fitting if mapping in own]

    def lookup_files(self, file: LandedFile, lookup: Lookup) -> list[LandedFile]:
        """The newest export of the lookup's files that is not newer than the file itself."""
        matching = [
            other
            for other in self.files
            if other.source == file.source
            and other.export_date <= file.export_date
            and mappings.named(other.path.name, lookup.files)
        ]
        newest = max((other.export_date for other in matching), default=None)
        return [other for other in matching if other.export_date == newest]
