"""Ingest of one entity for one night: which landed files feed it, which of them are new, and what
becomes of each.

Belongs here: choosing files and mappings, the ledger's entries, the findings. Not here: walking the
landing folder (landing_folder.py), reading (open_file.py, readers.py), mapping and typing
(model.py, conform.py).

A file and a mapping make one part. A part is kept while file and mapping stay as they are; a file
that comes again under another name has no effect; a file whose content changed replaces its part.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from customer_intel.core.contract import load as contract
from customer_intel.core.contract.model import STAMPS, Table
from customer_intel.core.engine import literal
from customer_intel.core.gate.redact import without_values
from customer_intel.core.store import disk
from customer_intel.ingest.conform.conform import conform
from customer_intel.ingest.conform.large_csv import conform_piecewise
from customer_intel.ingest.conform.results import SourceFile
from customer_intel.ingest.land import ledger
from customer_intel.ingest.land.choose_mapping import Choice
from customer_intel.ingest.land.conflicting_files import conflicts
from customer_intel.ingest.land.file_reads import FileReads
from customer_intel.ingest.land.full_snapshots import STATUS, History, missing_rows, part_key
from customer_intel.ingest.land.holding import (
    States,
    is_needed,
    is_superseded,
    superseded,
    taken_on,
)
from customer_intel.ingest.land.landing_folder import COUNTS, LandedFile, discover, hashes
from customer_intel.ingest.land.messages import (
    MACHINE,
    ColumnDrift,
    file_warnings,
    finding,
    missing_columns,
    refused_file,
    too_many_rejects,
    undecided_file,
)
from customer_intel.ingest.land.part_profile import profile
from customer_intel.ingest.mapping import model as mappings
from customer_intel.ingest.mapping.model import FileMapping
from customer_intel.ingest.read.csv_chunks import (
    NeedsGeneralPath,
)
from customer_intel.ingest.read.last_row import told_notes
from customer_intel.ingest.read.open_file import Limits, Refused, printable
from customer_intel.ingest.read.text_table import TextTable

__all__ = ["COUNTS", "FilePart", "IngestResult", "LandedFile", "discover", "hashes", "ingest"]

# What is no file's fault: the same file is fine once the disk has room.
OF_THE_MACHINE = (OSError, MemoryError, duckdb.IOException, duckdb.OutOfMemoryException)


@dataclass(frozen=True)
class FilePart:
    """One file through one mapping: its accepted rows and its entry in the ledger."""

    key: str
    parquet: Path
    quarantine: Path | None
    facts: dict[str, Any]


@dataclass
class IngestResult:
    """`findings`: what this machine could not do, and refused files, are critical; a check's matches
    are warnings. `gone`: parts to drop; `superseded`: those
    of them that are kept under another entry, by their old key.
    """

    parts: list[FilePart] = field(default_factory=list)
    findings: list[dict[str, Any]] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    superseded: dict[str, dict[str, Any]] = field(default_factory=dict)


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
    source_states: States | None = None,
    run_id: str = "",
) -> IngestResult:
    """Takes the files that feed `entity` and are not in the ledger `known` (facts of earlier parts)
    yet.

    `held_files`: part → its rows in the lake; `source_states`: source → its row of source_state.
    `con` may read those files, and read and write files in `workdir`. `run_id`: the night's snapshot_id.

    Raises ConfigError for a faulty mapping; a faulty file is a finding, not an exception.
    """
    entities = contract.load().entities
    known_mappings = mappings.load(mappings_dir, {**entities, entity.name: entity})
    files = discover(landing, as_of)
    candidates = {
        file: mappings.matching(file.path.name, file.source, known_mappings, entities)
        for file in files
    }
    is_fed = any(
        mapping.entity == entity.name for found in candidates.values() for mapping in found
    )
    if not is_fed and not any(facts["entity"] == entity.name for facts in known):
        return IngestResult()
    night = _EntityNight(
        entity, files, candidates, known, workdir, con, config, held_files or {}, as_of, run_id
    )
    return night.run(source_states or {})


class _EntityNight:
    """One entity's files of one night. `held`: the ledger's entries, by part."""

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
        as_of: date,
        run_id: str,
    ) -> None:
        self.run_id = run_id
        self.entity, self.files, self.candidates, self.workdir, self.con, self.as_of = (
            entity,
            files,
            candidates,
            workdir,
            con,
            as_of,
        )
        self.max_rejects = (
            float(config["max_reject_share"]),
            int(config.get("min_rejected_rows", 1)),
        )
        every = {str(facts["part"]): facts for facts in known if facts["entity"] == entity.name}
        self.superseded = {key: facts for key, facts in every.items() if is_superseded(facts)}
        self.held: dict[str, Mapping[str, Any]] = {
            key: facts for key, facts in every.items() if key not in self.superseded
        }
        # As the night before left them; `held` follows what tonight does.
        self.before = dict(self.held)
        own = list(self.held.values())
        self.column_drift = ColumnDrift(facts for facts in own if facts["status"] != ledger.REFUSED)
        # Part → its rows, in the lake or made tonight.
        self.rows_of = dict(held_files)
        self.quarantined_keys: dict[str, Path | None] = {}
        self.reads = FileReads(con, workdir, Limits.of(config))
        self.choice = Choice(entity, files, candidates, con, config, self.reads, self.held)
        self.result = IngestResult()

    def run(self, states: States) -> IngestResult:
        with self.reads:
            for file, following in itertools.zip_longest(self.files, self.files[1:]):
                if following:
                    self._read_ahead(following)
                self._take_all(file)
        fresh = {part.key for part in self.result.parts}
        parts = {
            key: (facts, self.rows_of[key])
            for key, facts in self.held.items()
            if key in self.rows_of
        }
        self.result.findings += conflicts(self.con, self.entity, parts, fresh)
        self._find_missing_rows(self.as_of)
        self._leave_behind(states)
        return self.result

    def _leave_behind(self, states: States) -> None:
        """Keeps what tonight replaces or drops, for a source that turns out to be held back."""
        made = {part.key: part.facts for part in self.result.parts}
        self.result.gone += [
            key
            for key, facts in self.before.items()
            if facts["status"] == ledger.REFUSED and key not in made
        ]
        for key in {*made, *self.result.gone} & self.before.keys():
            old, new = self.before[key], made.get(key, {})
            is_bare = not old["records_written"] and old["status"] != STATUS
            if not is_bare and (new.get("sha256") != old["sha256"] or old["status"] == STATUS):
                self.result.superseded[key] = superseded(
                    old, self.as_of, self.run_id, str(old["sha256"])
                )
        self.result.gone += [
            key
            for key, facts in self.superseded.items()
            if not is_needed(facts, states, self.as_of)
        ]

    # ---- one file
    def _take_all(self, file: LandedFile) -> None:
        """The file through each of the entity's mappings that fits it."""
        own = self.choice.own(file)
        names = {mapping.name for mapping in own}
        self.result.gone += [
            key
            for key, facts in self.held.items()
            if facts["source_file"] == file.source_file and facts["mapping"] not in names
        ]
        if not own:
            return
        try:
            try:
                self._take_each(file, own)
            except NeedsGeneralPath:
                self.choice.needs_general_path.add(file.path)
                self._take_each(file, own)
        except Refused as refused:
            self._refuse(file, own[0], refused)
        except (duckdb.Error, pa.ArrowException, OSError, MemoryError) as error:
            if disk.is_full(error):
                # Not this file's fault.
                raise
            # The errors' own messages quote rows: only the file and the kind of failure may be
            # named.
            kind = (
                type(error).__name__
                if not isinstance(error, OSError)
                else error.strerror or "no answer"
            )
            what = f"({kind}); nothing of it was taken, look at disk, memory and file"
            if isinstance(error, duckdb.OutOfMemoryException | MemoryError):
                what = f"and nothing of it was taken: {without_values(error)}"
            failed = Refused(f"could not be processed {what}")
            if isinstance(error, OF_THE_MACHINE):
                self.result.findings.append(refused_file(file.source_file, failed, MACHINE))
            else:
                self._refuse(file, own[0], failed)

    def _refuse(self, file: LandedFile, mapping: FileMapping, refused: Refused) -> None:
        """Keeps the file's entry without a row; what its earlier content gave stays beside it."""
        try:
            sha256, size = self.reads.hash_of(file.path)
        except Refused:
            sha256, size = "", 0
        said = refused_file(file.source_file, refused)
        facts = ledger.refused_entry(file, mapping, self.as_of, {"sha256": sha256, "bytes": size})
        facts |= {"reason": said["message"]}
        if before := self.before.get(str(facts["part"])):
            facts["taken_on"] = before["taken_on"]
        target = self.workdir / f"part-{len(self.result.parts)}.parquet"
        self._write_empty(target)
        self.result.findings.append(said)
        self._keep(FilePart(str(facts["part"]), target, None, facts))

    def _take_each(self, file: LandedFile, own: Sequence[FileMapping]) -> None:
        sha256, size = self.reads.hash_of(file.path)
        try:
            chosen = self.choice.chosen(file, sha256, own)
        except Refused:
            # What is asked of a mapping may be how its files are read.
            if not all(mapping.decide for mapping in own):
                raise
            chosen = list(own)
        for mapping in chosen:
            self._take(file, sha256, size, mapping)

    def _take(self, file: LandedFile, sha256: str, size: int, mapping: FileMapping) -> None:
        lookups = {
            name: self.choice.lookup_files(file, lookup) for name, lookup in mapping.lookups.items()
        }
        lookup_hashes = sorted(
            self.reads.hash_of(other.path)[0] for others in lookups.values() for other in others
        )
        recipe = ledger.recipe(mapping, self.entity, lookup_hashes)
        unchanged = [
            facts
            for facts in self.held.values()
            if (facts["mapping"], facts["sha256"], facts["recipe"])
            == (mapping.name, sha256, recipe)
        ]
        original = {facts["part"]: facts for facts in unchanged if facts["status"] == "accepted"}
        if any(
            facts["source_file"] == file.source_file
            and (facts["status"] in ledger.STANDING or facts["same_as"] in original)
            for facts in unchanged
        ):
            return
        content = {"sha256": sha256, "recipe": recipe, "bytes": size, "taken_in": self.run_id}
        rivals = ledger.candidates_digest(self.candidates[file])
        facts = ledger.entry(file, mapping, self.as_of, {**content, "rivals": rivals})
        before = self.before.get(str(facts["part"]))
        if before and before["sha256"] == sha256:
            # The same content read in another way is no later news.
            facts |= {"taken_on": taken_on(before).isoformat(), "taken_in": before.get("taken_in")}
        target = self.workdir / f"part-{len(self.result.parts)}.parquet"
        if mapping.decide:
            self._leave_undecided(facts, mapping, target)
            return
        earlier = ledger.same_content(file, mapping, sha256, original, self.held.values())
        if earlier:
            reason = f"same content as {earlier['source_file']}"
            facts |= {"status": "same_content", "same_as": earlier["part"], "reason": reason}
            self._write_empty(target)
            self._keep(FilePart(str(facts["part"]), target, None, facts))
            return
        columns = self.choice.peeked(file, sha256, mapping)
        text = (
            TextTable("", columns, 0)
            if columns
            else self.reads.text(file.path, sha256, mapping.reader)
        )
        if refused := missing_columns(mapping, mapping.missing(text.columns), text.columns):
            raise NeedsGeneralPath if columns else refused
        texts = {
            name: self.reads.lookup_text(lookups[name], mapping, name) for name in mapping.lookups
        }
        source = SourceFile(file.source_file, facts["source_system"], file.export_date, text, texts)
        if columns:
            large_file = self.choice.large_file(file, sha256)
            conformed = conform_piecewise(
                self.con, self.entity, mapping, source, target, large_file
            )
        else:
            conformed = conform(self.con, self.entity, mapping, source, target)
        if refused := too_many_rejects(conformed, *self.max_rejects):
            raise refused
        self.quarantined_keys[str(facts["part"])] = conformed.quarantined_keys
        facts |= asdict(conformed.counts)
        facts |= {"checks": conformed.checks, "extra_columns": list(conformed.extra_columns)}
        facts["columns"] = list(text.columns)
        facts["profile"] = profile(
            self.con, target, self.entity, file.export_date, self._export_before(facts)
        )
        facts["ends_open"] = text.ends_open
        own = (it for it in self.before.values() if it["mapping"] == mapping.name and it["columns"])
        self.result.findings += [
            *file_warnings(facts, told_notes(text, own)),
            *self.column_drift.findings(mapping, facts),
        ]
        for name in (name for name, found in lookups.items() if not found):
            message = (
                f"{printable(file.source_file)}: no file "
                f"{', '.join(mapping.lookups[name].files)}; what it gives is empty"
            )
            self.result.findings.append(finding("lookup", "warning", message))
        self._keep(FilePart(str(facts["part"]), target, conformed.quarantine, facts))

    def _export_before(self, facts: Mapping[str, Any]) -> list[Path]:
        """The rows of the mapping's newest export before the part's own."""
        earlier = [
            other
            for other in self.held.values()
            if other["mapping"] == facts["mapping"]
            and other["status"] == "accepted"
            and other["export_date"] < facts["export_date"]
        ]
        newest = max((str(other["export_date"]) for other in earlier), default="")
        return [
            self.rows_of[str(other["part"])]
            for other in earlier
            if other["export_date"] == newest and str(other["part"]) in self.rows_of
        ]

    def _find_missing_rows(self, as_of: date) -> None:
        """Says of each mapping of full exports what is gone from the newest one."""
        by_name = {
            mapping.name: mapping for file in self.files for mapping in self.choice.own(file)
        }
        full = {name for name, mapping in by_name.items() if mapping.snapshot}
        ended = [
            key
            for key, facts in self.held.items()
            if facts["status"] == STATUS and facts["mapping"] not in full
        ]
        self.result.gone += [key for key in ended if self.held[key]["mapping"] in by_name]
        fresh = {part.key for part in self.result.parts}
        for name in sorted(full):
            own = [
                facts
                for key, facts in self.held.items()
                if facts["mapping"] == name
                and facts["status"] not in (ledger.UNDECIDED, ledger.REFUSED)
                and key not in self.result.gone
                and key in self.rows_of
            ]
            history = History(own, self.rows_of, fresh, self.quarantined_keys)
            target = self.workdir / f"part-{len(self.result.parts)}.parquet"
            missing = missing_rows(self.con, self.entity, by_name[name], history, as_of, target)
            if missing:
                self.result.findings += missing.findings
                if missing.facts:
                    self._keep(FilePart(part_key(name), target, None, missing.facts))
                elif part_key(name) in self.held:
                    self.result.gone.append(part_key(name))

    def _keep(self, part: FilePart) -> None:
        self.held[part.key], self.rows_of[part.key] = part.facts, part.parquet
        self.result.parts.append(part)

    def _leave_undecided(self, facts: dict[str, Any], mapping: FileMapping, target: Path) -> None:
        """A mapping with an open question takes no row: it may mean another thing by each."""
        facts |= {"status": ledger.UNDECIDED, "reason": ledger.asked(mapping)}
        self.result.findings.append(undecided_file(facts))
        self._write_empty(target)
        self._keep(FilePart(str(facts["part"]), target, None, facts))

    # ---- which files and mappings
    def _read_ahead(self, file: LandedFile) -> None:
        """Has a file that is new read while the one before it is conformed."""
        own = self.choice.own(file)
        if not own or all(mapping.decide for mapping in own):
            return
        try:
            sha256 = self.reads.hash_of(file.path)[0]
        except Refused:
            return
        if not self.choice.known(file, sha256):
            for mapping in self.candidates[file]:
                if not self.choice.peeked(file, sha256, mapping):
                    self.reads.start(file.path, sha256, mapping.reader)

    def _write_empty(self, target: Path) -> None:
        columns = ", ".join(
            f'CAST(NULL AS {column.sql_type}) AS "{column.name}"'
            for column in self.entity.columns
            if column.name not in STAMPS
        )
        self.con.execute(
            f"COPY (SELECT {columns} WHERE false) TO {literal(str(target))} (FORMAT parquet)"
        )
