"""Findings of a night's ingest as messages to its operator: every refused file and every warning,
once and by name.

Belongs here: the words. Not here: what becomes of a file (entity_night.py). A message says file,
row, column, reason and what to do, never a value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from customer_intel.core.contract.model import suggestion
from customer_intel.ingest.conform.conform import CONFLICT, CURRENCY, ROUNDED, Conformed
from customer_intel.ingest.conform.emptied import CHECK, KEPT
from customer_intel.ingest.mapping.column_names import name_score
from customer_intel.ingest.mapping.expressions import parsed
from customer_intel.ingest.mapping.model import FileMapping
from customer_intel.ingest.read.open_file import Refused, printable

PATH_CHARS = 300
# Kinds of findings: what a file is refused for, and what this machine could not do with it.
REFUSED, MACHINE = "refused", "ingest"
# What a name's score must be for it to be called another's, on a scale to 1.
SURE = 0.85
DELIMITERS = ",;\t|"
_ADVICE = {
    CURRENCY: "; these are no ISO 4217 codes, so no rate converts them",
    CONFLICT: "; one key and time, but other values: the later row stands",
    ROUNDED: "; rounded to cents",
}

_EMPTIED = (
    f"; these texts are no such value, so the column is empty there; extra_json, {KEPT}, keeps them"
)


def finding(
    expectation: str, severity: str, message: str, unexpected: int = 1, checked: int = 1
) -> dict[str, Any]:
    """One finding of the gate of raw_<entity>."""
    return {
        "expectation": expectation,
        "kind": "ingest",
        "columns": (),
        "severity": severity,
        "success": False,
        "unexpected": unexpected,
        "checked": checked,
        "observed": f"{unexpected:,} of {checked:,}",
        "sample_keys": (),
        "message": message,
    }


def refused_file(source_file: str, refused: Refused, kind: str = REFUSED) -> dict[str, Any]:
    """The file, row and column, and why it was refused. `kind`: of the file, or of this machine."""
    place = [printable(source_file, PATH_CHARS)]
    place += [f"row {refused.row}"] if refused.row is not None else []
    place += [f"column {printable(refused.column, PATH_CHARS)}"] if refused.column else []
    message = f"{', '.join(place)}: {refused.reason}"
    return {**finding("file taken", "critical", message), "kind": kind}


def undecided_file(facts: Mapping[str, Any]) -> dict[str, Any]:
    """A file of which nothing was taken, for its mapping still asks something."""
    message = f"{printable(facts['source_file'], PATH_CHARS)}: {printable(facts['reason'], 2000)}"
    return finding("mapping decided", "warning", message)


def file_warnings(facts: Mapping[str, Any], notes: Sequence[str]) -> list[dict[str, Any]]:
    """Doubts about a file that was taken."""
    name = printable(facts["source_file"], PATH_CHARS)
    found = [finding("whole file", "warning", f"{name}: {note}") for note in notes]
    for check, (count, rows) in facts["checks"].items():
        if count:
            advice = _EMPTIED if check.startswith(CHECK) else _ADVICE.get(check, "")
            message = f"{name}: {check}: {count:,} of {rows:,} rows{advice}"
            found.append(finding(f"check {check}", "warning", message, count, rows))
    if facts["rows_quarantined"]:
        count, rows = facts["rows_quarantined"], facts["rows_read"]
        message = f"{name}: {count:,} of {rows:,} rows are in quarantine/{facts['entity']}"
        found.append(finding("rows taken", "warning", message, count, rows))
    if not facts["rows_read"]:
        found.append(finding("rows came", "warning", f"{name}: has a header and no row"))
    return found


class ColumnDrift:
    """The columns of each mapping's files so far: tells once what is new and what no longer comes."""

    def __init__(self, known: Iterable[Mapping[str, Any]]) -> None:
        self._ever: dict[str, set[str]] = {}
        self._always: dict[str, set[str]] = {}
        for facts in known:
            self._learn(facts)

    def findings(self, mapping: FileMapping, facts: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Warnings about columns that are new or missing in this file, which counts from then on."""
        name, found = printable(facts["source_file"], PATH_CHARS), []
        before, always = self._ever.get(mapping.name), self._always.get(mapping.name, set())
        columns = facts["columns"]
        new = sorted(set(facts["extra_columns"]) - before) if before is not None else []
        lost = sorted(always - set(columns))
        if new:
            named = ", ".join(map(printable, new))
            message = f"{name}: new column {named}; kept in extra_json, map it or ignore it"
            found.append(finding("known columns", "warning", message, len(new), len(columns)))
        for column in lost:
            near = suggestion(printable(column), [printable(other) for other in new])
            message = (
                f"{name}: column {printable(column)}, which every earlier file had, is missing "
                f"and reads as empty{near}"
            )
            found.append(finding("known columns", "warning", message, len(lost), len(always)))
        found += _renamed(mapping, facts, name) if before is None else []
        self._learn(facts)
        return found

    def _learn(self, facts: Mapping[str, Any]) -> None:
        columns = set(facts.get("columns") or ())
        self._ever.setdefault(facts["mapping"], set()).update(columns, facts["extra_columns"])
        if columns:
            self._always[facts["mapping"]] = self._always.get(facts["mapping"], columns) & columns


def _renamed(mapping: FileMapping, facts: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """Warns of an optional column that a mapping's first file lacks while it has a like-named one
    that nobody maps.
    """
    present = {column.lower() for column in facts["columns"]}
    extra = [printable(column) for column in facts["extra_columns"]]
    found = []
    for column in mapping.optional:
        if column.lower() in present:
            continue
        near = suggestion(column, extra) or _of_one_meaning(mapping, column, extra)
        if near:
            message = (
                f"{name}: column {printable(column)}, which mapping '{mapping.name}' may use, is "
                f"missing and reads as empty, and one that it does not know is there{near}"
            )
            found.append(finding("known columns", "warning", message, 1, len(present)))
    return found


def _of_one_meaning(mapping: FileMapping, column: str, extra: Sequence[str]) -> str:
    """As `suggestion`: what other systems call what the mapping makes of the column (words.yaml)."""
    targets = [
        target
        for target, text in mapping.columns.items()
        if column.lower() in {name.lower() for name in mapping.sources(mapping.optional, [text])}
    ]
    near = [
        name
        for name in extra
        if any(name_score(name, mapping.entity, target, ()) >= SURE for target in targets)
    ]
    return f"; did you mean {' or '.join(near[:2])}?" if near else ""


def too_many_rejects(
    conformed: Conformed, max_reject_share: float, min_rejected_rows: int
) -> Refused | None:
    """Why a file of which more is rejected than the two allow is refused."""
    counts = conformed.counts
    rows = counts.rows_read - counts.rows_skipped
    if not counts.are_too_many_rejected(max_reject_share, min_rejected_rows):
        return None
    first, *others = conformed.failures
    other_failures = "; ".join(
        f"row {item.row}{f' {item.place}' if item.place else ''}: {item.reason}" for item in others
    )
    return Refused(
        f"{first.reason}; {counts.rows_quarantined:,} of {rows:,} rows cannot be taken, more "
        "than "
        f"max_reject_share {max_reject_share:g}"
        + (f" (also {other_failures})" if other_failures else "")
        + "; mend the source or the mapping",
        row=first.row,
        column=first.place or None,
    )


def missing_columns(
    mapping: FileMapping, missing: Sequence[str], columns: Sequence[str]
) -> Refused | None:
    """Why a file whose header lacks needed columns is refused. Names its columns only where they
    are a header's.
    """
    if not missing:
        return None
    name = missing[0]
    also = " (nor is that SQL)" if parsed(name) is None else ""
    needed = {word.lower() for word in mapping.sources(columns)}
    if needed.isdisjoint(column.lower() for column in columns):
        hint = " and every other one; is there a header row, and is reader.header right?"
        for mark in DELIMITERS:
            if (
                len(columns) == 1
                and len(needed & {part.strip().lower() for part in columns[0].split(mark)}) > 1
            ):
                hint = (
                    f" and every other one; its columns are parted by {mark!r}: set "
                    "reader.delimiter"
                )
        return Refused(
            f"lacks column '{name}'{also}, which mapping '{mapping.name}' needs,{hint}", column=name
        )
    names = [printable(column) for column in columns]
    hint = suggestion(name, names) or f"; it has {', '.join(names[:8])}"
    return Refused(
        f"lacks column '{name}'{also}, which mapping '{mapping.name}' needs{hint}", column=name
    )
