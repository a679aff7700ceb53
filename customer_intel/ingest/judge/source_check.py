"""Judges what came tonight, and what did not, by what is expected of each source.

Belongs here: the table source_check. Not here: what follows for a source (source_state.py), the
statistics (series.py) and the numbers they look at (numbers.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from customer_intel.ingest.judge import words
from customer_intel.ingest.judge.cadence import HABIT, Due, due
from customer_intel.ingest.judge.declared import FAIL, WARN, Expected, declared
from customer_intel.ingest.judge.export_kinds import Kind, finding, kinds_of, tonight
from customer_intel.ingest.judge.numbers import is_fresh, is_odd_empty
from customer_intel.ingest.judge.series import WINDOW
from customer_intel.ingest.judge.unusual import NEW_LEVEL, unusual
from customer_intel.ingest.land.holding import is_superseded, taken_on
from customer_intel.ingest.land.landing_folder import hidden_files, unmapped_files

KEPT_DAYS = 400
# Of fewer rows than these it says little that they came again.
MANY = 5
NONE = "none"
# From so many exports on it is odd that one has the content of another; of rows of the day, sooner.
UNCHANGED_AFTER = 14


def source_check(
    ledgers: list[dict[str, Any]],
    landing: Path,
    as_of: date,
    config: Mapping[str, Any],
    schema: pl.Schema,
    previous: pl.DataFrame,
) -> pl.DataFrame:
    """What was found tonight, and on the nights before. Raises ConfigError for a faulty sources.yaml."""
    expected = declared(config)
    ledgers = [facts for facts in ledgers if not is_superseded(facts)]
    kinds = kinds_of(ledgers)
    before = previous.filter(
        (pl.col("judged_on") < as_of) & (pl.col("judged_on") >= as_of - timedelta(days=KEPT_DAYS))
    )
    found = [
        *_files(ledgers, landing, as_of),
        *_hidden(landing, as_of),
        *_copies(ledgers, as_of),
        *arrivals(kinds, expected, as_of),
        *_declared_rows(kinds, expected, as_of),
        *_unchanged(kinds, ledgers, as_of),
        *unusual(kinds, expected, as_of, float(config["false_alarms_per_year"]), before),
    ]
    rows = []
    for row in found:
        own = expected.get(row["source_system"], Expected())
        said = own.of(row["mapping"], row.pop("entity", ""))
        severity = row.pop("severity", said.on_fault)
        is_right = row["export_date"] in said.accepted
        rows.append({**row, "judged_on": as_of, "severity": WARN if is_right else severity})
    made = pl.DataFrame(rows, schema=schema, orient="row")
    keys = ["judged_on", "source_system", "mapping", "export_date", "check_name", "column_name"]
    made = made.unique([*keys, "source_file"], keep="first", maintain_order=True)
    return pl.concat([before.select(schema.names()), made])


# ---- files
def _files(
    ledgers: Sequence[Mapping[str, Any]], landing: Path, as_of: date
) -> Iterator[dict[str, Any]]:
    """Files of which nothing was taken: refused, undecided, or asked for by no mapping."""
    for facts in ledgers:
        if facts["status"] in ("refused", "undecided"):
            yield finding(
                facts["source_system"],
                facts["mapping"],
                facts["entity"],
                date.fromisoformat(facts["export_date"]),
                facts["status"],
                facts["reason"],
                source_file=facts["source_file"],
                severity=FAIL if facts["status"] == "refused" else WARN,
            )
    known = {facts["source_file"] for facts in ledgers}
    asked: dict[str, set[str]] = defaultdict(set)
    for facts in ledgers:
        asked[str(facts["source_system"])].add(str(facts["mapping"]))
    for file, _, _, reason in unmapped_files(landing, as_of, known):
        source = file.source or "files"
        yield finding(
            source,
            NONE,
            "",
            file.export_date,
            "unmapped",
            words.unmapped(file.source_file, reason, sorted(asked[source])),
            source_file=file.source_file,
            severity=WARN,
        )


def _copies(ledgers: Sequence[Mapping[str, Any]], as_of: date) -> Iterator[dict[str, Any]]:
    """Files taken tonight whose content another source brought too: each row counts twice then."""
    owners: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for facts in ledgers:
        if facts["status"] == "accepted" and facts["rows_accepted"] >= MANY:
            owners[str(facts["sha256"])].append(facts)
    for found in owners.values():
        for facts in found:
            others = [o for o in found if o["source_system"] != facts["source_system"]]
            if taken_on(facts) == as_of and others:
                first = min(others, key=lambda other: (taken_on(other), other["source_file"]))
                if (taken_on(first), first["source_file"]) < (as_of, facts["source_file"]):
                    said = words.copied(facts["source_file"], first["source_file"])
                    day = date.fromisoformat(facts["export_date"])
                    yield finding(facts["source_system"], facts["mapping"], facts["entity"], day, "copied",
                                  said, source_file=facts["source_file"])  # fmt: skip


def _hidden(landing: Path, as_of: date) -> Iterator[dict[str, Any]]:
    """Files and folders that are not looked into, for their names begin with a dot."""
    for file in hidden_files(landing, as_of):
        yield finding(file.source or "files", NONE, "", file.export_date, "hidden",
                      words.hidden(file.source_file), source_file=file.source_file, severity=WARN)  # fmt: skip


def _unchanged(
    kinds: Sequence[Kind], ledgers: Sequence[Mapping[str, Any]], as_of: date
) -> Iterator[dict[str, Any]]:
    """Exports with the content of an earlier one, of a kind whose exports differed each time so far."""
    parts = {str(facts["part"]): facts for facts in ledgers}
    again: dict[tuple[str, str], dict[date, Mapping[str, Any]]] = defaultdict(dict)
    for facts in ledgers:
        if facts["status"] == "same_content" and facts["dated"] and facts["same_as"] in parts:
            day = date.fromisoformat(facts["export_date"])
            again[str(facts["source_system"]), str(facts["mapping"])][day] = facts
    for kind in kinds:
        own = again[kind.source, kind.mapping]
        for day, facts in sorted(own.items()):
            first = parts[facts["same_as"]]
            of_first = date.fromisoformat(first["export_date"])
            days = sorted(other for other in kind.days if other < day)
            earlier = [other for other in days if other in kind.exports][-WINDOW:]
            streak = [other for other in days if other > of_first]
            needed = HABIT if is_fresh(first) else UNCHANGED_AFTER
            if (
                taken_on(facts) == as_of
                and day not in kind.exports
                and of_first < day
                and first["rows_accepted"] >= MANY
                and len(earlier) >= needed
                and len(streak) < NEW_LEVEL
                and not any(earlier[0] < other <= of_first for other in own)
            ):
                said = words.unchanged(kind.mapping, of_first)
                yield kind.finding(day, "unchanged", said)


# ---- arrivals
def arrivals(
    kinds: Sequence[Kind], expected: Mapping[str, Expected], as_of: date
) -> Iterator[dict[str, Any]]:
    """Kinds of export that are due and have not come; sources that were declared and never came."""
    for kind in kinds:
        if not kind.days or max(kind.days) >= as_of:
            continue
        when = next_due(kind, expected, as_of)
        if when.on is None or when.on > as_of:
            continue
        last = max(kind.days)
        is_absent = (as_of - when.on).days >= 2 * max(1, (when.on - last).days)
        check = "absent" if is_absent else "late"
        said = words.late(kind.mapping, last, when.on, when.said, as_of)
        yield kind.finding(last, check, said)
    came = {kind.source for kind in kinds}
    for source, own in sorted(expected.items()):
        if own.every is not None and source not in came:
            yield finding(source, NONE, "", as_of, "absent", words.never_came(source))


def next_due(kind: Kind, expected: Mapping[str, Expected], as_of: date) -> Due:
    """When the next export of a kind that came is due."""
    own = kind.expected(expected)
    rows = [kind.exports[day].rows for day in sorted(kind.exports)]
    few = bool(rows) and min(rows) > 0 and not is_odd_empty(rows)
    return due(sorted(kind.days), as_of, own.every, own.grace, may_be_empty=few)


def _declared_rows(
    kinds: Sequence[Kind], expected: Mapping[str, Expected], as_of: date
) -> Iterator[dict[str, Any]]:
    """Exports of fewer rows than declared, and empty ones of what never was empty."""
    for kind in kinds:
        own = kind.expected(expected)
        days = sorted(kind.exports)
        for day in tonight(kind, as_of):
            rows = kind.exports[day].rows
            earlier = [kind.exports[other].rows for other in days if other < day]
            if own.least_rows is not None and rows < own.least_rows:
                said = words.few_rows(kind.mapping, rows, own.least_rows)
                yield kind.finding(
                    day, "least_rows", said, observed=rows, expected_low=own.least_rows
                )
            elif not rows and is_odd_empty(earlier):
                said = words.empty(kind.mapping, earlier[-1])
                yield kind.finding(day, "empty", said, observed=0, expected_low=min(earlier))
            if own.greatest_fall is not None and earlier and earlier[-1] > 0:
                least = earlier[-1] * (1 - own.greatest_fall)
                if rows < least:
                    said = words.fell(kind.mapping, rows, earlier[-1], own.greatest_fall)
                    yield kind.finding(
                        day, "greatest_fall", said, observed=rows, expected_low=least
                    )
