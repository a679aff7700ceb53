"""`customer-intel inspect`: looks at a raw file, says what it is, and writes a mapping that runs.

Belongs here: the order of the steps, the trial run. Not here: each step (sniff.py,
column_profile.py, match_entity.py, locale.py, find_key.py, starter.py), what is shown
(inspected.py).
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import duckdb

from customer_intel.core.contract import load as contract
from customer_intel.core.contract import yaml_lines as yamlfile
from customer_intel.core.contract.model import Table, suggestion
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.engine import DuckDBEngine, EngineSettings, literal
from customer_intel.ingest.advise.column_names import slug
from customer_intel.ingest.advise.column_profile import ColumnProfile, profiles_of
from customer_intel.ingest.advise.find_key import FileRows
from customer_intel.ingest.advise.inspected import CONFIG, Inspected, Trial, Written, print_screen
from customer_intel.ingest.advise.locale import Locale, locale_of
from customer_intel.ingest.advise.match_entity import EntityCandidate, rank
from customer_intel.ingest.advise.sniff import Note, sniff
from customer_intel.ingest.advise.starter import Builder, Starter
from customer_intel.ingest.advise.write_mapping import mapping_text, unmapped
from customer_intel.ingest.conform.conform import Conformed, SourceFile, conform
from customer_intel.ingest.mapping import model as mappings
from customer_intel.ingest.read.open_file import Limits, Refused
from customer_intel.ingest.read.readers import TextTable, read_text

__all__ = ["Inspected", "inspect", "print_screen"]

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
) -> Inspected:
    """Looks at a file and writes its mapping(s). Raises ConfigError, naming what to do, when that
    cannot be.
    """
    entities = contract.load().entities
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
            _write_all(con, found, text, path, home, out, entity, entities, force, today, work)
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


def _write_all(
    con: duckdb.DuckDBPyConnection, found: Inspected, text: TextTable, path: Path, home: Path, out: Path | None,
    entity: str | None, entities: Mapping[str, Table], force: bool, today: date, work: Path,
) -> None:  # fmt: skip
    locale = locale_of(found.profiles, found.sniffed.reader.delimiter)
    found.notes += locale.notes
    rows = FileRows(con, text, found.sniffed.format)
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
    starters = [
        _starter(item, grouped, found, locale, rows, path, entities) for item, grouped in plans
    ]
    folder = home / "config" / "mappings"
    paths = [out or _place(folder, found.source, chosen.entity, path)]
    paths += [paths[0].with_name(f"{paths[0].stem}_{item.entity}.yaml") if out
              else _place(folder, found.source, item.entity, path) for item, _ in plans[1:]]  # fmt: skip
    _note_other_mappings(found, path, folder, {target.stem for target in paths}, entities)
    for target in paths:
        if target.exists() and not force:
            raise ConfigError(
                f"{target.name} exists; look at it, or give --force to overwrite it or --out "
                "another file"
            )
    for target, starter in zip(paths, starters, strict=True):
        extra = unmapped(starter, found.profiles, entities[starter.entity])
        target.parent.mkdir(parents=True, exist_ok=True)
        notes = [note for note in found.notes if note.level == "ask"]
        starter.notes = list(dict.fromkeys([*notes, *starter.notes]))
        target.write_text(mapping_text(starter, path.name, found.rows, extra), encoding="utf-8")
        found.notes += [note for note in starter.notes if note not in found.notes]
        trial = _trial(con, target, path, text, found, entities, today, work)
        found.written.append(Written(target, starter.entity, trial, extra))


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
                "ask",
                "mapping",
                f"{conflict}; write over it (--out <its name>.yaml) or keep only one",
            )
        )


def _starter(
    candidate: EntityCandidate, grouped: bool, found: Inspected, locale: Locale, rows: FileRows, path: Path,
    entities: Mapping[str, Table],
) -> Starter:  # fmt: skip
    table = entities[candidate.entity]
    builder = Builder(
        table, candidate, found.profiles, locale, rows, found.source, path.name, grouped=grouped
    )
    return builder.build(found.sniffed.reader)


def _note_certainty(found: Inspected) -> None:
    best, second = found.ranking[0], (found.ranking[1:] or found.ranking)[0]
    if best.entity == "reference_rows":
        found.notes.append(
            Note(
                "ask",
                "entity",
                (
                    "no entity fits; the rows are kept whole as reference_rows, or name one with "
                    "--entity"
                ),
            )
        )
    elif best.why and best.why[0].startswith("by its values"):
        found.notes.append(
            Note("ask", "entity", f"{best.entity} is guessed from values alone: check every column")
        )
    elif best.score < _SURE:
        text = (
            f"few columns match {best.entity}; name another with --entity (reference_rows "
            "keeps a file whole)"
        )
        found.notes.append(Note("ask", "entity", text))
    elif second is not best and best.score - second.score < 0.4:
        text = (
            f"{best.entity} ({best.score:g}) and {second.entity} ({second.score:g}) fit about "
            "equally; --entity decides"
        )
        found.notes.append(Note("ask", "entity", text))


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
