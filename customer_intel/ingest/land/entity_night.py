"""One entity's night: which landed files feed it, which of them are new, and what becomes of each.

Belongs here: choosing files and mappings, the ledger's entries, the findings. Not here: walking the
landing folder (landing_folder.py), reading (open_file.py, readers.py), mapping and typing
(model.py, conform.py).

A file and a mapping make one part. A part is kept while file and mapping stay as they are; a file
that comes again under another name has no effect; a file whose content changed replaces its part.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from customer_intel.core.contract import model as contract
from customer_intel.core.contract.model import Table
from customer_intel.core.engine import literal
from customer_intel.ingest.conform.conform import conform
from customer_intel.ingest.conform.large_csv import conform_piecewise, fits
from customer_intel.ingest.conform.results import Source
from customer_intel.ingest.land.full_snapshots import STATUS, History, missing_rows, part_key
from customer_intel.ingest.land.landing_folder import COUNTS, LandedFile, discover, hashes
from customer_intel.ingest.land.messages import (
    Drift,
    finding,
    lacking,
    of_file,
    refusal,
    too_many,
    vanished,
)
from customer_intel.ingest.mapping import model as mappings
from customer_intel.ingest.mapping.model import FileMapping, Lookup, Reader
from customer_intel.ingest.read.csv_chunks import Dialect, Job, Unsure, peeked, worthwhile
from customer_intel.ingest.read.open_file import Limits, Refused, sha256_of, shown
from customer_intel.ingest.read.readers import TextTable, read_text

__all__ = ["IngestResult", "LandedFile", "Part", "discover", "hashes", "ingest"]

# Raised when the code would make other rows of the same file and mapping, so that parts are made
# anew.
RECIPE = 1
# From so many bytes on, unpacked, a file is taken piecewise; and in pieces of so many.
PIECEWISE_FROM, PIECE = 64 << 20, 16 << 20


@dataclass(frozen=True)
class Part:
    """One file through one mapping: its accepted rows and its entry in the ledger."""

    key: str
    parquet: Path
    quarantine: Path | None
    facts: dict[str, Any]


@dataclass
class IngestResult:
    """`findings` are the gate's: a refused file is critical, a check's matches are warnings.
    `gone`: parts to drop.
    """

    parts: list[Part] = field(default_factory=list)
    findings: list[dict[str, Any]] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)


def ingest(
    *,
    entity: Table,
    landing: Path,
    mappings_dir: Path | None,
    as_of: date,
    known: Sequence[Mapping[str, Any]],
    workdir: Path,
    con: duckdb.DuckDBPyConnection,
    config: Mapping[str, Any],
    held_files: Mapping[str, Path] | None = None,
) -> IngestResult:
    """Takes the files that feed `entity` and are not in the ledger `known` (facts of earlier parts)
    yet.

    `held_files`: part → its rows in the lake. `con` may read those, and read and write files in
    `workdir`.

    Raises ConfigError for a faulty mapping; a faulty file is a finding, not an exception.
    """
    entities = contract.load().entities
    known_mappings = mappings.load(mappings_dir, {**entities, entity.name: entity})
    files = discover(landing, as_of)
    candidates = {
        file: mappings.matching(file.path.name, file.source, known_mappings, entities)
        for file in files
    }
    came = any(mapping.entity == entity.name for found in candidates.values() for mapping in found)
    if not came and not any(facts["entity"] == entity.name for facts in known):
        return IngestResult()
    return _Night(entity, files, candidates, known, workdir, con, config, held_files or {}).run(
        as_of
    )


class _Night:
    """One entity's files of one night."""

    def __init__(
        self,
        entity: Table,
        files: Sequence[LandedFile],
        candidates: Mapping[LandedFile, list[FileMapping]],
        known: Sequence[Mapping[str, Any]],
        workdir: Path,
        con: duckdb.DuckDBPyConnection,
        config: Mapping[str, Any],
        held_files: Mapping[str, Path],
    ) -> None:
        self.entity, self.files, self.candidates, self.workdir, self.con = (
            entity,
            files,
            candidates,
            workdir,
            con,
        )
        self.limits = Limits(int(config["max_unpacked_bytes"]), int(config["max_ratio"]))
        self.piecewise_from = int(config.get("piecewise_from_bytes", PIECEWISE_FROM))
        self.piece_bytes = int(config.get("piece_bytes", PIECE))
        self.max_reject_share = float(config["max_reject_share"])
        own = [facts for facts in known if facts["entity"] == entity.name]
        self.held: dict[str, Mapping[str, Any]] = {str(facts["part"]): facts for facts in own}
        self.drift = Drift(own)
        self.held_files = dict(held_files)
        self.unsure: dict[str, Path | None] = {}
        self.texts: dict[tuple[str, str, str], Future[TextTable]] = {}
        self.reading = ThreadPoolExecutor(1)
        self.sums: dict[Path, tuple[str, int]] = {}
        self.peeks: dict[tuple[str, str, str], tuple[str, ...] | None] = {}
        # Files that began as if they could be taken piecewise.
        self.general: set[Path] = set()
        self.result = IngestResult()

    def run(self, as_of: date) -> IngestResult:
        came = {
            found.name
            for file, every in self.candidates.items()
            if file.export_date == as_of
            for found in every
        }
        self.result.findings += vanished(came, self.held.values(), as_of)
        with self.reading:
            for file, following in itertools.zip_longest(self.files, self.files[1:]):
                if following:
                    self._read_ahead(following)
                self._take_all(file)
        self._miss(as_of)
        return self.result

    def _mine(self, file: LandedFile) -> list[FileMapping]:
        return [mapping for mapping in self.candidates[file] if mapping.entity == self.entity.name]

    # ---- one file
    def _take_all(self, file: LandedFile) -> None:
        """The file through each of the entity's mappings that fits it."""
        mine = self._mine(file)
        names = {mapping.name for mapping in mine}
        self.result.gone += [
            key
            for key, facts in self.held.items()
            if facts["source_file"] == file.source_file and facts["mapping"] not in names
        ]
        if not mine:
            return
        try:
            try:
                self._take_each(file, mine)
            except Unsure:
                self.general.add(file.path)
                self._take_each(file, mine)
        except Refused as refused:
            self.result.findings.append(refusal(file.source_file, refused))
        except (duckdb.Error, pa.ArrowException, OSError, MemoryError) as error:
            # Their own words quote rows. Which file it was, and what kind of failure, must not be
            # lost.
            kind = (
                type(error).__name__
                if not isinstance(error, OSError)
                else error.strerror or "no answer"
            )
            failed = Refused(
                f"could not be processed ({kind}); nothing of it was taken, look at disk, memory "
                "and file"
            )
            self.result.findings.append(refusal(file.source_file, failed))

    def _take_each(self, file: LandedFile, mine: Sequence[FileMapping]) -> None:
        sha256, size = self._sum(file.path)
        for mapping in self._chosen(file, sha256, mine):
            self._take(file, sha256, size, mapping)

    def _take(self, file: LandedFile, sha256: str, size: int, mapping: FileMapping) -> None:
        lookups = {
            name: self._lookup_files(file, lookup) for name, lookup in mapping.lookups.items()
        }
        beside = sorted(self._sum(other.path)[0] for others in lookups.values() for other in others)
        recipe = hashlib.sha256(
            f"{RECIPE} {mapping.sha256(self.entity)} {beside}".encode()
        ).hexdigest()
        same = [
            facts
            for facts in self.held.values()
            if (facts["mapping"], facts["sha256"], facts["recipe"])
            == (mapping.name, sha256, recipe)
        ]
        original = {facts["part"]: facts for facts in same if facts["status"] == "accepted"}
        if any(
            facts["source_file"] == file.source_file
            and (facts["status"] == "accepted" or facts["same_as"] in original)
            for facts in same
        ):
            return
        facts: dict[str, Any] = {
            "part": f"{file.export_date.isoformat()}/{mapping.name}/{file.source_file}",
            "source_system": mapping.source,
            "export_date": file.export_date.isoformat(),
            "source_file": file.source_file,
            "dated": file.dated,
            "mapping": mapping.name,
            "entity": self.entity.name,
            "sha256": sha256,
            "recipe": recipe,
            "bytes": size,
            **dict.fromkeys(COUNTS, 0),
            "status": "accepted",
            "reason": None,
            "same_as": None,
            "rivals": self._rivals(file),
            "checks": {},
            "columns": [],
            "extra_columns": [],
        }
        target = self.workdir / f"part-{len(self.result.parts)}.parquet"
        twin = self._twin(file, mapping, sha256, original)
        if twin:
            reason = f"same content as {twin['source_file']}"
            facts |= {"status": "same_content", "same_as": twin["part"], "reason": reason}
            self._write_empty(target)
            self._keep(Part(str(facts["part"]), target, None, facts))
            return
        columns = self._peeked(file, sha256, mapping)
        text = (
            TextTable("", columns, 0) if columns else self._text(file.path, sha256, mapping.reader)
        )
        if fault := lacking(mapping, mapping.missing(text.columns), text.columns):
            raise Unsure if columns else fault
        texts = {name: self._lookup_text(lookups[name], mapping, name) for name in mapping.lookups}
        source = Source(file.source_file, facts["source_system"], file.export_date, text, texts)
        if columns:
            job = Job(file.path, sha256, self.limits, self.piece_bytes)
            conformed = conform_piecewise(self.con, self.entity, mapping, source, target, job)
        else:
            conformed = conform(self.con, self.entity, mapping, source, target)
        if fault := too_many(conformed, self.max_reject_share):
            raise fault
        self.unsure[str(facts["part"])] = conformed.unsure
        facts |= asdict(conformed.counts)
        facts |= {"checks": conformed.checks, "extra_columns": list(conformed.extra_columns)}
        facts["columns"] = list(text.columns)
        self.result.findings += [*of_file(facts, text.notes), *self.drift.findings(mapping, facts)]
        for name in (name for name, found in lookups.items() if not found):
            message = (
                f"{shown(file.source_file)}: no file "
                f"{', '.join(mapping.lookups[name].files)}; what it gives is empty"
            )
            self.result.findings.append(finding("lookup", "warning", message))
        self._keep(Part(str(facts["part"]), target, conformed.quarantine, facts))

    def _miss(self, as_of: date) -> None:
        """Says of each mapping of full exports what is gone from the newest one."""
        mine = {mapping.name: mapping for file in self.files for mapping in self._mine(file)}
        full = {name for name, mapping in mine.items() if mapping.snapshot}
        ended = [
            key
            for key, facts in self.held.items()
            if facts["status"] == STATUS and facts["mapping"] not in full
        ]
        self.result.gone += [key for key in ended if self.held[key]["mapping"] in mine]
        fresh = {part.key: part.parquet for part in self.result.parts}
        for name in sorted(full):
            own = [
                facts
                for key, facts in self.held.items()
                if facts["mapping"] == name
                and key not in self.result.gone
                and (key in fresh or key in self.held_files)
            ]
            history = History(own, {**self.held_files, **fresh}, set(fresh), self.unsure)
            target = self.workdir / f"part-{len(self.result.parts)}.parquet"
            missing = missing_rows(self.con, self.entity, mine[name], history, as_of, target)
            if missing:
                self.result.findings += missing.findings
                if missing.facts:
                    self._keep(Part(part_key(name), target, None, missing.facts))
                elif part_key(name) in self.held:
                    self.result.gone.append(part_key(name))

    def _keep(self, part: Part) -> None:
        self.held[part.key] = part.facts
        self.result.parts.append(part)

    def _twin(
        self,
        file: LandedFile,
        mapping: FileMapping,
        sha256: str,
        accepted: Mapping[str, Mapping[str, Any]],
    ) -> Mapping[str, Any] | None:
        """The accepted file with the same content, unless other content came between: then the old
        state is news.
        """
        for _, facts in sorted(accepted.items(), reverse=True):
            first, last = facts["export_date"], file.export_date.isoformat()
            between = any(
                first < other["export_date"] < last and other["sha256"] != sha256
                for other in self.held.values()
                if other["mapping"] == mapping.name
            )
            if first <= last and not between and facts["source_file"] != file.source_file:
                return facts
        return None

    # ---- reading, each file and reader once
    def _sum(self, path: Path) -> tuple[str, int]:
        if path not in self.sums:
            self.sums[path] = sha256_of(path)
        return self.sums[path]

    def _text(self, path: Path, sha256: str, reader: Reader) -> TextTable:
        return self._read(path, sha256, reader).result()

    def _read(self, path: Path, sha256: str, reader: Reader) -> Future[TextTable]:
        key = (sha256, reader.text_key, mappings.format_of(path.name) or "")
        if key not in self.texts:
            arguments = (path, sha256, reader, self.workdir, self.limits)
            self.texts[key] = self.reading.submit(read_text, self.con.cursor(), *arguments)
        return self.texts[key]

    def _read_ahead(self, file: LandedFile) -> None:
        """Has a file that is new read while the one before it is conformed: each keeps about one
        core busy.
        """
        if not self._mine(file):
            return
        try:
            sha256 = self._sum(file.path)[0]
        except Refused:
            return
        if not self._held(file, sha256):
            for mapping in self.candidates[file]:
                if not self._peeked(file, sha256, mapping):
                    self._read(file.path, sha256, mapping.reader)

    def _peeked(
        self, file: LandedFile, sha256: str, mapping: FileMapping
    ) -> tuple[str, ...] | None:
        """The columns of a file so large that it is taken piecewise, as far as its beginning tells;
        else None.
        """
        if file.path in self.general or not worthwhile(file.path, self.piecewise_from):
            return None
        # Of a refused file that several entities want, one of them tells: only the general way
        # knows which.
        if len(self._mine(file)) < len(self.candidates[file]):
            return None
        key = (str(file.path), sha256, mapping.name)
        if key not in self.peeks:
            dialect = Dialect.of(file.path, mapping.reader)
            columns = (
                peeked(Job(file.path, sha256, self.limits, self.piece_bytes), dialect)
                if dialect
                else None
            )
            fitting = columns and fits(self.con, self.entity, mapping, columns)
            self.peeks[key] = columns if fitting else None
        return self.peeks[key]

    def _held(self, file: LandedFile, sha256: str) -> list[Mapping[str, Any]]:
        """The ledger's entries of the file as it is, with the same mappings to choose from."""
        seen = (file.source_file, sha256, self._rivals(file))
        return [
            facts
            for facts in self.held.values()
            if (facts["source_file"], facts["sha256"], facts["rivals"]) == seen
        ]

    def _chosen(
        self, file: LandedFile, sha256: str, mine: Sequence[FileMapping]
    ) -> list[FileMapping]:
        """Those of the entity's mappings whose columns the file has. Raises Refused when it lacks
        some.

        Where several mappings fit the name, one that lacks most of its columns is another file's;
        one that lacks a few has met a renamed column.
        """
        if held := self._held(file, sha256):
            return [
                mapping for mapping in mine if mapping.name in {facts["mapping"] for facts in held}
            ]
        lacks: dict[str, tuple[int, int, FileMapping, Refused | None]] = {}
        for mapping in self.candidates[file]:
            try:
                columns = self._peeked(file, sha256, mapping)
                columns = columns or self._text(file.path, sha256, mapping.reader).columns
            except Refused as refused:
                lacks[mapping.name] = (1, 1, mapping, refused)
                continue
            missing, needed = mapping.missing(columns), len(mapping.sources(columns))
            lacks[mapping.name] = (
                len(missing),
                needed,
                mapping,
                lacking(mapping, missing, columns),
            )
        fitting = [mapping for missing, _, mapping, _ in lacks.values() if not missing]
        if not all(mapping.canonical for mapping in fitting):
            fitting = [mapping for mapping in fitting if not mapping.canonical]
        sources = {mapping.source for mapping in fitting}
        nearest = min(
            lacks.values(), key=lambda found: (found[0] / max(found[1], 1), found[2].name)
        )
        for few, needs, mapping, fault in lacks.values():
            renamed = fitting and mapping.source in sources and few * 2 < needs
            if fault and mapping in mine and (renamed or (not fitting and mapping is nearest[2])):
                raise Unsure if self._peeked(file, sha256, mapping) else fault
        return [mapping for mapping in fitting if mapping in mine]

    def _rivals(self, file: LandedFile) -> str:
        """Changes when another mapping, or another wording of one, may take the file."""
        dumped = sorted(mapping.model_dump_json() for mapping in self.candidates[file])
        return hashlib.sha256("".join(dumped).encode()).hexdigest()[:16]

    def _lookup_files(self, file: LandedFile, lookup: Lookup) -> list[LandedFile]:
        """The newest export of the lookup's files that is not newer than the file itself."""
        beside = [
            other
            for other in self.files
            if other.source == file.source
            and other.export_date <= file.export_date
            and mappings.named(other.path.name, lookup.files)
        ]
        newest = max((other.export_date for other in beside), default=None)
        return [other for other in beside if other.export_date == newest]

    def _lookup_text(
        self, files: Sequence[LandedFile], mapping: FileMapping, name: str
    ) -> TextTable | None:
        reader = mapping.lookups[name].reader
        texts = []
        for file in files:
            try:
                texts.append(self._text(file.path, self._sum(file.path)[0], reader))
            except Refused as refused:
                raise Refused(
                    f"needs lookup '{name}', but {shown(file.source_file)} {refused.reason}"
                ) from None
        if not texts:
            return None
        if len({frozenset(text.columns) for text in texts}) > 1:
            raise Refused(
                f"has files with different columns for lookup '{name}'; land them with the same "
                "columns"
            )
        sql = " UNION ALL BY NAME ".join(f"({text.sql})" for text in texts)
        clean = frozenset.intersection(*(text.clean for text in texts))
        return TextTable(sql, texts[0].columns, sum(text.rows for text in texts), clean=clean)

    def _write_empty(self, target: Path) -> None:
        columns = ", ".join(
            f'CAST(NULL AS {column.sql_type}) AS "{column.name}"'
            for column in self.entity.columns
            if column.name not in contract.STAMPS
        )
        self.con.execute(
            f"COPY (SELECT {columns} WHERE false) TO {literal(str(target))} (FORMAT parquet)"
        )
