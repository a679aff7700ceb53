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
from customer_intel.core.tables.parameters import company_config
from customer_intel.ingest.advise import decisions
from customer_intel.ingest.advise.column_names import slug
from customer_intel.ingest.advise.column_profile import ColumnProfile, profiles_of
from customer_intel.ingest.advise.date_order import date_order
from customer_intel.ingest.advise.derived_columns import StateOf
from customer_intel.ingest.advise.find_key import FileRows
from customer_intel.ingest.advise.inspected import CONFIG, Inspected, Trial, Written, print_screen
from customer_intel.ingest.advise.locale import locale_of
from customer_intel.ingest.advise.match_entity import (
    ColumnMatch,
    EntityCandidate,
    assigned,
    rank,
)
from customer_intel.ingest.advise.sniff import sniff
from customer_intel.ingest.advise.sniffed import Note
from customer_intel.ingest.advise.starter import Builder, Starter
from customer_intel.ingest.advise.write_mapping import mapping_text, unmapped
from customer_intel.ingest.conform.conform import Conformed, SourceFile, conform
from customer_intel.ingest.mapping import model as mappings
from customer_intel.ingest.read.open_file import Limits, Refused
from customer_intel.ingest.read.readers import TextTable, read_text

__all__ = ["Inspected", "inspect", "print_screen"]

# Columns that a row of an order may say of its buyer.
_OF_BUYERS = (
    "email", "phone", "mobile_phone", "first_name", "last_name", "full_name", "street", "city", "state",
    "postal_code", "country", "birth_date", "gender", "language",
)  # fmt: skip
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
    settings = yamlfile.load(CONFIG)
    limits = Limits(int(settings["max_unpacked_bytes"]), int(settings["max_ratio"]))
    source = slug(source) if source else source_of(path)
    with tempfile.TemporaryDirectory(prefix="inspect-", ignore_cleanup_errors=True) as folder:
        work = Path(folder)
        con = DuckDBEngine(EngineSettings(), [work]).con
        try:
            found, text = _look(con, path, work, limits, source, entities)
            asked = _Asked(home, out, entity, force, today, given, state_of)
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
) -> tuple[Inspected, TextTable]:
    sniffed = sniff(path, limits)
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
    companion = _companion(chosen, found)
    if companion:
        found.notes = [note for note in found.notes if note.topic != "entity"]
        order = chosen.matches["order_id"].source
        text_of_note = (
            f"one row is one order line, {order} comes again: lines and orders are written"
        )
        found.notes.append(Note("found", "entity", text_of_note))
    plans = [(item, _grouped(item, found.profiles)) for item in (chosen, companion) if item]
    if people := _people_of(chosen, found, entities):
        plans.append((people, False))
    folder, out = asked.home / "config" / "mappings", asked.out
    paths = [out or _place(folder, found.source, chosen.entity, path)]
    paths += [paths[0].with_name(f"{paths[0].stem}_{item.entity}.yaml") if out
              else _place(folder, found.source, item.entity, path) for item, _ in plans[1:]]  # fmt: skip
    _note_other_mappings(found, path, folder, {target.stem for target in paths}, entities)
    answers = _may_write(paths, asked)
    exported = _dated(path) or asked.today
    locale = locale_of(
        found.profiles,
        found.sniffed.reader.delimiter,
        lambda undecided: date_order(con, text, undecided, exported),
        answers,
    )
    found.notes += locale.notes
    rows = FileRows(con, text, found.sniffed.format)
    currency = company_config(asked.home).get("reporting_currency", "auto")
    builders = [
        Builder(
            entities[item.entity], item, found.profiles, locale, rows, found.source, path.name,
            grouped=grouped, answers=_for(item, answers, plans), state_of=asked.state_of,
            currency="" if currency == "auto" else str(currency).upper(),
        )
        for item, grouped in plans
    ]  # fmt: skip
    decisions.check_topics(
        answers, [name for builder in builders for name in builder.known], chosen.entity
    )
    starters = [builder.build(found.sniffed.reader) for builder in builders]
    of_all = [note for note in found.notes if note.level == "ask"]
    for target, starter in zip(paths, starters, strict=True):
        extra = unmapped(starter, found.profiles, entities[starter.entity])
        target.parent.mkdir(parents=True, exist_ok=True)
        notes = [note for note in of_all if _concerns(note, starter)]
        own = [note for note in starter.notes if note.topic not in answers or note.level != "ask"]
        starter.notes = list(dict.fromkeys([*(n for n in notes if n.topic not in answers), *own]))
        written = mapping_text(starter, path.name, found.rows, extra)
        target.write_text(decisions.sealed(written, answers), encoding="utf-8")
        found.notes += [note for note in starter.notes if note not in found.notes]
        trial = _trial(con, target, path, text, found, entities, asked.today, work)
        asks = sum(note.level == "ask" for note in starter.notes)
        found.written.append(Written(target, starter.entity, trial, extra, asks))
    open_ones = {note for starter in starters for note in starter.notes if note.level == "ask"}
    found.notes = [
        note if note.level != "ask" or note in open_ones else replace(note, level="guess")
        for note in found.notes
        if note.topic not in answers or note.level != "ask"
    ]


def _for(
    item: EntityCandidate, answers: Mapping[str, str], plans: Sequence[tuple[EntityCandidate, bool]]
) -> dict[str, str]:
    """The answers, and for buyers told by orders that each is one person however often they bought."""
    is_buyer = item is not plans[0][0] and item.entity == "contacts"
    key = {"contact_id": item.matches["contact_id"].source} if is_buyer else {}
    return {**answers, **key}


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
        conflict = (
            f"{', '.join(sorted(others))} of source {found.source} takes this file already, "
            "and a night would use both"
        )
        found.notes.append(
            Note(
                "guess",
                "mapping",
                f"{conflict}; write over it (--out <its name>.yaml) or keep only one",
            )
        )


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


def _people_of(
    chosen: EntityCandidate, found: Inspected, entities: Mapping[str, Table]
) -> EntityCandidate | None:
    """The buyers in a file of orders that says more of them than an id: contacts of their own."""
    if chosen.entity != "orders" or "customer_ref" not in chosen.matches:
        return None
    people = assigned(entities["contacts"], found.profiles)
    ref = chosen.matches["customer_ref"].source
    # What the order itself is or says is no buyer's.
    taken = {
        match.source
        for name, match in chosen.matches.items()
        if name in ("order_id", "status", "ordered_at", "channel", "currency", "total")
    }
    own = {
        name: match
        for name, match in people.items()
        if match.source not in taken and match.source != ref and name in _OF_BUYERS
    }
    if not {"phone", "mobile_phone", "first_name", "last_name", "full_name"} & set(own):
        return None
    own["contact_id"] = ColumnMatch(ref, "contact_id", 1.0)
    if "ordered_at" in chosen.matches:
        own["updated_at"] = ColumnMatch(chosen.matches["ordered_at"].source, "updated_at", 1.0)
    names = sorted(match.source for name, match in own.items() if name in _OF_BUYERS)
    found.notes.append(
        Note("found", "people", f"{', '.join(names)} are the buyers': contacts are written too")
    )
    return EntityCandidate("contacts", 0.0, own)


def _grouped(candidate: EntityCandidate, columns: Sequence[ColumnProfile]) -> bool:
    """Whether one order is several rows of the file."""
    if candidate.entity != "orders" or "order_id" not in candidate.matches:
        return False
    key = next(
        profile for profile in columns if profile.name == candidate.matches["order_id"].source
    )
    return key.filled == key.rows and key.distinct < 0.9 * key.rows


def _companion(chosen: EntityCandidate, found: Inspected) -> EntityCandidate | None:
    """Order lines that also say when was bought hold the orders too: the other of the two."""
    by_entity = {
        item.entity: item for item in found.ranking if item.entity in ("orders", "order_lines")
    }
    if chosen.entity not in by_entity or len(by_entity) < 2:
        return None
    orders, lines = by_entity["orders"], by_entity["order_lines"]
    has_both = "ordered_at" in orders.matches and {"order_id", "product_id"} <= set(lines.matches)
    has_both = has_both and bool({"line_total", "unit_price"} & set(lines.matches))
    other = lines if chosen is orders else orders
    return other if has_both and _grouped(orders, found.profiles) else None


def _trial(
    con: duckdb.DuckDBPyConnection, target: Path, path: Path, text: TextTable, found: Inspected,
    entities: Mapping[str, Table], today: date, work: Path,
) -> Trial:  # fmt: skip
    """The mapping as it was written, read back and run over the whole file."""
    mapping = mappings.read(target, entities)
    assert mapping.reader.text_key == found.sniffed.reader.text_key
    table = entities[mapping.entity]
    source = SourceFile(path.name, mapping.source, _dated(path) or today, text)
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
        same_key, failures,
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
