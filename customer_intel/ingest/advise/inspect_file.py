"""`customer-intel inspect`: looks at a raw file, says what it is, and writes a mapping that runs.

Belongs here: the order of the steps, the trial run. Not here: each step (sniff.py,
column_profile.py, match_entity.py, locale.py, find_key.py, starter.py), what is shown
(inspected.py).
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import duckdb

from customer_intel.core.contract import load as contract
from customer_intel.core.contract import yaml_lines as yamlfile
from customer_intel.core.contract.model import Table, suggestion
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.engine import DuckDBEngine, EngineSettings, literal, quoted
from customer_intel.core.tables.parameters import company_config, room_config
from customer_intel.ingest.advise import decisions
from customer_intel.ingest.advise.date_order import date_order
from customer_intel.ingest.advise.derived_columns import StateOf
from customer_intel.ingest.advise.find_key import FileRows
from customer_intel.ingest.advise.inspected import Inspected, Trial, Written, print_screen
from customer_intel.ingest.advise.known_ids import known_ids
from customer_intel.ingest.advise.locale import locale_of
from customer_intel.ingest.advise.match_entity import EntityCandidate, rank
from customer_intel.ingest.advise.plans import Part, plans_of
from customer_intel.ingest.advise.profile_file import profiles_of
from customer_intel.ingest.advise.sniff import sniff
from customer_intel.ingest.advise.sniffed import Note
from customer_intel.ingest.advise.starter import Builder, Starter
from customer_intel.ingest.advise.write_mapping import mapping_text, unmapped
from customer_intel.ingest.conform.conform import Conformed, SourceFile, conform
from customer_intel.ingest.mapping import model as mappings
from customer_intel.ingest.mapping.column_names import slug
from customer_intel.ingest.read.open_file import Limits, Refused
from customer_intel.ingest.read.readers import TextTable, read_text

__all__ = ["Inspected", "inspect", "print_screen"]

# A file that has so many columns of a shipped mapping, and all of them, is that vendor's.
_PLAINLY = 8
# Below this score the match rests on names such as id, date and status, which any file may have.
_SURE = 2.3
# Folders that say nothing of the system that wrote a file.
_NOWHERE = {
    "",
    "data",
    "tmp",
    "downloads",
    "download",
    "landing",
    "exports",
    "export",
    "files",
    "raw",
    "desktop",
    "home",
}


def inspect(
    path: Path,
    *,
    home: Path,
    out: Path | None,
    source: str | None,
    entity: str | None,
    force: bool,
    today: date,
    answers: Sequence[str] = (),
    state_of: StateOf | None = None,
) -> Inspected:
    """Looks at a file and writes its mapping(s). Raises ConfigError, naming what to do, when that
    cannot be.

    `answers`: topic=value, to questions that an earlier look at the file left open. `state_of` says
    what a word for a state means.
    """
    entities = contract.load().entities
    given = decisions.parsed(answers)
    entity = entity or given.get("entity")
    if entity is not None and entity not in entities:
        raise ConfigError(f"--entity: no entity '{entity}'{suggestion(entity, entities)}")
    config = room_config("ingest", home)
    limits = Limits.of(config)
    rejects = float(config["max_reject_share"]), int(config["min_rejected_rows"])
    source = slug(source) if source else source_of(path)
    with tempfile.TemporaryDirectory(prefix="inspect-", ignore_cleanup_errors=True) as folder:
        work = Path(folder)
        con = DuckDBEngine(EngineSettings(), [work]).con
        try:
            found, text = _look(con, path, work, limits, source, entities, given)
            asked = _Asked(home, out, entity, force, today, given, state_of, limits, rejects)
            _write_all(con, found, text, path, entities, asked, work)
        except Refused as refused:
            place = f", column {refused.column}" if refused.column else ""
            raise ConfigError(f"{path.name}{place}: {refused.reason}") from None
    return found


def _look(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    work: Path,
    limits: Limits,
    source: str,
    entities: Mapping[str, Table],
    given: Mapping[str, str],
) -> tuple[Inspected, TextTable]:
    sniffed = sniff(path, limits)
    if member := given.get("member"):
        sniffed.reader = sniffed.reader.model_copy(update={"member": member})
        sniffed.notes = [note for note in sniffed.notes if note.topic != "member"]
    text = read_text(con, path, sniffed.sha256, sniffed.reader, work, limits)
    if not text.rows:
        raise Refused("has no row below its names; inspect needs some to look at")
    columns = profiles_of(con, text, has_names=sniffed.has_header)
    found = Inspected(
        path.name,
        source,
        sniffed,
        text.rows_read,
        len(text.unreadable),
        columns,
        rank(path.name, columns, entities),
    )
    found.notes += sniffed.notes
    if text.unreadable:
        first = text.unreadable[0]
        found.notes.append(
            Note(
                "guess",
                "rows",
                (
                    f"{len(text.unreadable):,} rows cannot be split, the first is row {first.row}: "
                    f"{first.reason}"
                ),
            )
        )
    return found, text


@dataclass(frozen=True)
class _Asked:
    """What the caller wants, and the answers given, earlier ones among them."""

    home: Path
    out: Path | None
    entity: str | None
    force: bool
    today: date
    answers: Mapping[str, str]
    state_of: StateOf | None
    limits: Limits
    # max_reject_share, min_rejected_rows
    max_rejects: tuple[float, int]

    @property
    def landing(self) -> Path:
        """Where the home's exports lie."""
        return self.home / "landing"


def _write_all(
    con: duckdb.DuckDBPyConnection, found: Inspected, text: TextTable, path: Path,
    entities: Mapping[str, Table], asked: _Asked, work: Path,
) -> None:  # fmt: skip
    entity = asked.entity
    chosen = (
        next((item for item in found.ranking if item.entity == entity), None)
        if entity
        else found.ranking[0]
    )
    chosen = chosen or EntityCandidate(str(entity), 0.0)
    if entity:
        found.ranking.remove(chosen) if chosen in found.ranking else None
        found.ranking.insert(0, chosen)
    else:
        _note_certainty(found)
    part = Part(text, found.sniffed.reader, found.profiles)

    def child(name: str) -> Part:
        reader = found.sniffed.reader_of(name)
        read = read_text(con, path, found.sniffed.sha256, reader, work, asked.limits)
        return Part(read, reader, profiles_of(con, read))

    def distinct(of: Part, names: Sequence[str]) -> int:
        return FileRows(con, of.text, found.sniffed.format).distinct(names)

    plans = plans_of(chosen, found, part, entities, child, distinct)
    folder, out = asked.home / "config" / "mappings", asked.out
    paths = [out or _place(folder, found.source, chosen.entity, path)]
    paths += [paths[0].with_name(f"{paths[0].stem}_{item.candidate.entity}.yaml") if out
              else _place(folder, found.source, item.candidate.entity, path) for item in plans[1:]]  # fmt: skip
    answers = _may_write(paths, asked)
    _drop_answered(folder, paths, found, path, asked)
    _note_other_mappings(found, path, folder, {target.stem for target in paths}, entities)
    exported = _dated(path) or asked.today
    locale = locale_of(
        found.profiles,
        found.sniffed.reader.delimiter,
        lambda undecided: date_order(con, text, undecided, exported),
        answers,
    )
    found.notes += locale.notes
    currency = company_config(asked.home).get("reporting_currency", "auto")
    ids = known_ids(con, asked.home, asked.landing, found.source, entities, work, asked.limits)
    builders = [
        Builder(
            entities[plan.candidate.entity], plan.candidate, plan.part.profiles, locale,
            FileRows(con, plan.part.text, found.sniffed.format), found.source, path.name,
            grouped=plan.grouped, answers={**plan.keys, **answers}, state_of=asked.state_of,
            currency="" if currency == "auto" else str(currency).upper(), known_ids=ids,
        )
        for plan in plans
    ]  # fmt: skip
    decisions.check_topics(
        answers, [name for builder in builders for name in builder.known], chosen.entity
    )
    starters = [
        builder.build(plan.part.reader) for builder, plan in zip(builders, plans, strict=True)
    ]
    of_all = [note for note in found.notes if note.level == "ask"]
    for target, starter, plan in zip(paths, starters, plans, strict=True):
        extra = unmapped(starter, plan.part.profiles, entities[starter.entity])
        target.parent.mkdir(parents=True, exist_ok=True)
        notes = [note for note in of_all if _concerns(note, starter)]
        own = [note for note in starter.notes if note.topic not in answers or note.level != "ask"]
        starter.notes = list(dict.fromkeys([*(n for n in notes if n.topic not in answers), *own]))
        written = mapping_text(starter, path.name, found.rows, extra)
        target.write_text(decisions.sealed(written, answers), encoding="utf-8")
        found.notes += [note for note in starter.notes if note not in found.notes]
        trial = _trial(con, target, path, plan.part, entities, asked, work)
        asks = sum(note.level == "ask" for note in starter.notes)
        found.written.append(Written(target, starter.entity, trial, extra, asks))
    open_ones = {note for starter in starters for note in starter.notes if note.level == "ask"}
    found.notes = [
        note if note.level != "ask" or note in open_ones else replace(note, level="guess")
        for note in found.notes
        if note.topic not in answers or note.level != "ask"
    ]


def _may_write(paths: Sequence[Path], asked: _Asked) -> dict[str, str]:
    """The answers given now and before. Raises ConfigError where a mapping is there that somebody
    may have worked on.
    """
    earlier: dict[str, str] = {}
    for target in paths:
        if not target.exists() or asked.force:
            continue
        if not asked.answers:
            raise ConfigError(
                f"{target.name} exists; look at it, or give --force to overwrite it or --out "
                "another file"
            )
        if not decisions.is_unedited(target):
            raise ConfigError(
                f"{target.name} was edited since inspect wrote it; answer in it and take the line out "
                "of its decide, or give --force to write it anew"
            )
        earlier |= decisions.earlier(target)
    return earlier | dict(asked.answers)


def _drop_answered(
    folder: Path, paths: Sequence[Path], found: Inspected, path: Path, asked: _Asked
) -> None:
    """Takes away the mapping of another entity that this file had while its entity was asked."""
    if "entity" not in asked.answers:
        return
    for other in folder.glob(f"{found.source}_*.yaml"):
        if other in paths or not decisions.is_unedited(other):
            continue
        held = yamlfile.load(other)
        if "entity" in (held.get("decide") or {}) and mappings.named(path.name, [held["files"]]):
            other.unlink()


def _concerns(note: Note, starter: Starter) -> bool:
    """Whether the mapping reads one of the columns that a question is about."""
    if not note.columns:
        return True
    text = " ".join(item.text for item in starter.columns.values())
    direct = {item.text for item in starter.columns.values()}
    return any(name in direct or quoted(name) in text for name in note.columns)


def _place(folder: Path, source: str, entity: str, path: Path) -> Path:
    """<source>_<entity>.yaml, unless that is another file's: then the file's own name tells the two
    apart.
    """
    plain = folder / f"{source}_{entity}.yaml"
    if plain.stem in mappings.shipped() and not plain.exists():
        # By the same name it would take the shipped one's place.
        return folder / f"{source}_{entity}_{slug(path.name.split('.')[0])}.yaml"
    try:
        files = yamlfile.load(plain).get("files") if plain.exists() else None
    except ConfigError:
        return plain
    patterns = [files] if isinstance(files, str) else files
    if not patterns or mappings.named(path.name, patterns):
        return plain
    return folder / f"{source}_{entity}_{slug(path.name.split('.')[0])}.yaml"


def _note_other_mappings(
    found: Inspected, path: Path, folder: Path, mine: set[str], entities: Mapping[str, Table]
) -> None:
    """A file that a mapping takes already would be taken twice."""
    try:
        known = mappings.load(folder, entities)
    except ConfigError:
        # Faults of the home's other mappings are for `customer-intel check` to report.
        return
    names = [profile.name for profile in found.profiles]
    others = [
        mapping.name
        for mapping in known.values()
        if mapping.source == found.source and mappings.named(path.name, mapping.files)
        and mapping.name not in mine and not mapping.missing(names)
    ]  # fmt: skip
    if others:
        text = (
            f"{', '.join(sorted(others))} of source {found.source} takes this file already, and a night "
            "would use both: delete this mapping to keep that one, or take this line out"
        )
        found.notes.append(Note("ask", "mapping", text))
        return
    vendors = mappings.shipped()
    alike = [
        mapping
        for mapping in known.values()
        if mapping.name in vendors and mapping.source != found.source
        and len(mapping.sources(names) & set(names)) >= _PLAINLY and not mapping.missing(names)
    ]  # fmt: skip
    if alike:
        best = max(alike, key=lambda mapping: len(mapping.sources(names)))
        text = (
            f"has the columns of the shipped mapping {best.name}: landed below {best.source}/ it needs "
            "no mapping of its own"
        )
        found.notes.append(Note("guess", "mapping", text))


def _note_certainty(found: Inspected) -> None:
    best, second = found.ranking[0], (found.ranking[1:] or found.ranking)[0]
    if best.entity == "reference_rows":
        found.notes.append(
            Note(
                "guess",
                "entity",
                (
                    "no entity fits; the rows are kept whole as reference_rows, or name one with "
                    "--entity"
                ),
            )
        )
    elif best.why and best.why[0].startswith("by its values"):
        found.notes.append(
            Note(
                "ask",
                "entity",
                f"{best.entity} is guessed from values alone{_candidates(found)}",
            )
        )
    elif best.doubts:
        found.notes.append(
            Note(
                "ask",
                "entity",
                f"{best.entity} fits best, but {best.doubts[0]}{_candidates(found)}",
            )
        )
    elif best.score < _SURE:
        text = f"few columns match {best.entity}; reference_rows keeps a file whole{_candidates(found)}"
        found.notes.append(Note("ask", "entity", text))
    elif second is not best and best.score - second.score < 0.4:
        text = (
            f"{best.entity} ({best.score:g}) and {second.entity} ({second.score:g}) fit about "
            f"equally{_candidates(found)}"
        )
        found.notes.append(Note("ask", "entity", text))


def _candidates(found: Inspected) -> str:
    listed = [item.entity for item in found.ranking[:3] if item.score > 0]
    return f" (candidates: {', '.join(dict.fromkeys([*listed, 'reference_rows']))})"


def _trial(
    con: duckdb.DuckDBPyConnection, target: Path, path: Path, part: Part,
    entities: Mapping[str, Table], asked: _Asked, work: Path,
) -> Trial:  # fmt: skip
    """The mapping as it was written, read back and run over the whole file."""
    mapping = mappings.read(target, entities)
    assert mapping.reader.text_key == part.reader.text_key
    table = entities[mapping.entity]
    source = SourceFile(path.name, mapping.source, _dated(path) or asked.today, part.text)
    result: Conformed = conform(
        con, table, mapping, source, work / f"trial-{mapping.entity}.parquet"
    )
    keys = ", ".join(name for name in table.key)
    sql = (
        f"SELECT count(*) - count(DISTINCT ({keys})) FROM "
        f"read_parquet({literal(str(result.parquet))})"
    )
    same_key = int(con.execute(sql).fetchall()[0][0])
    counts = result.counts
    failures = tuple(
        f"row {item.row}, {item.column or 'whole row'}: {item.reason}" for item in result.failures
    )
    return Trial(
        counts.rows_read, counts.rows_accepted, counts.rows_quarantined, counts.rows_duplicate, counts.records_written,
        same_key, failures, counts.are_too_many_rejected(*asked.max_rejects),
    )  # fmt: skip


def _dated(path: Path) -> date | None:
    try:
        return date.fromisoformat(path.resolve().parent.name)
    except ValueError:
        return None


def source_of(path: Path) -> str:
    """The system that wrote a file: its folder's name, a date's folder aside, else the first word
    of its own.
    """
    for folder in path.resolve().parents:
        name = slug(folder.name)
        if _is_date(folder.name):
            continue
        # A temporary or general folder is no system; nor is one that lies above it.
        return (
            name
            if name not in _NOWHERE and not re.fullmatch(r"\d+|tmp.*|file", name)
            else slug(path.name.split(".")[0])
        )
    return slug(path.name.split(".")[0])


def _is_date(name: str) -> bool:
    return re.fullmatch(r"\d{4}-\d\d-\d\d", name) is not None
