"""Judges what came tonight, and what did not, by what is expected of each source.

Belongs here: the table source_check. Not here: what follows for a source (source_state.py), the
statistics (series.py) and the numbers they look at (numbers.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from customer_intel.ingest.judge import words
from customer_intel.ingest.judge.cadence import HABIT, due
from customer_intel.ingest.judge.declared import FAIL, WARN, Expected, declared
from customer_intel.ingest.judge.numbers import (
    CHECKS,
    OFTEN,
    Export,
    Key,
    is_constant,
    is_large,
    natural,
    series,
    with_beginning,
)
from customer_intel.ingest.judge.series import Forecast, Point, forecast
from customer_intel.ingest.land.holding import taken_on
from customer_intel.ingest.land.landing_folder import unmapped_files

KEPT_DAYS = 400
# A number that was told so often in a row is the new level: the history begins there.
NEW_LEVEL = 3
# An empty export is odd of what had rows each time, and in numbers, for so many exports.
MANY = 5
# A first export of so many times the rows of the later ones was a first load.
FIRST_LOAD = 5
ARRIVED = ("accepted", "same_content")
NONE = "none"


@dataclass
class Kind:
    """The exports of one mapping. `days`: those of dated files that came, taken or not; `usable`: the
    export dates of all that were taken, or were known already.
    """

    source: str
    mapping: str
    entity: str
    exports: dict[date, Export] = field(default_factory=dict)
    days: set[date] = field(default_factory=set)
    usable: set[date] = field(default_factory=set)


def kinds_of(ledgers: Sequence[Mapping[str, Any]]) -> list[Kind]:
    """The mappings of the ledger with their exports."""
    found: dict[tuple[str, str], Kind] = {}
    for facts in ledgers:
        if facts["status"] == "missing":
            continue
        source, mapping = str(facts["source_system"]), str(facts["mapping"])
        kind = found.setdefault((source, mapping), Kind(source, mapping, str(facts["entity"])))
        day = date.fromisoformat(facts["export_date"])
        if facts["dated"]:
            kind.days.add(day)
        if facts["status"] in ARRIVED:
            kind.usable.add(day)
        if facts["status"] == "accepted":
            kind.exports.setdefault(day, Export(day)).parts.append(facts)
    return [found[key] for key in sorted(found)]


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
    kinds = kinds_of(ledgers)
    before = previous.filter(
        (pl.col("judged_on") < as_of) & (pl.col("judged_on") >= as_of - timedelta(days=KEPT_DAYS))
    )
    found = [
        *_files(ledgers, landing, as_of),
        *arrivals(kinds, expected, as_of),
        *_declared_rows(kinds, expected, as_of),
        *_unusual(kinds, expected, as_of, float(config["false_alarms_per_year"]), before),
    ]
    rows = []
    for row in found:
        own = expected.get(row["source_system"], Expected())
        said = own.of(row["mapping"], row.pop("entity", ""))
        is_right = row["export_date"] in said.accepted
        severity = WARN if is_right else row.pop("severity", said.on_fault)
        row.pop("severity", None)
        rows.append({**row, "judged_on": as_of, "severity": severity})
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
            yield _row(
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
        yield _row(
            source,
            NONE,
            "",
            file.export_date,
            "unmapped",
            words.unmapped(file.source_file, reason, sorted(asked[source])),
            source_file=file.source_file,
            severity=WARN,
        )


# ---- arrivals
def arrivals(
    kinds: Sequence[Kind], expected: Mapping[str, Expected], as_of: date
) -> Iterator[dict[str, Any]]:
    """Kinds of export that are due and have not come; sources that were declared and never came."""
    for kind in kinds:
        if not kind.days or max(kind.days) >= as_of:
            continue
        own = expected.get(kind.source, Expected()).of(kind.mapping, kind.entity)
        when = due(sorted(kind.days), as_of, own.every, own.grace)
        if when.on is None or when.on > as_of:
            continue
        last = max(kind.days)
        is_absent = (as_of - when.on).days >= 2 * max(1, (when.on - last).days)
        check = "absent" if is_absent else "late"
        said = words.late(kind.mapping, last, when.on, when.said, as_of)
        yield _row(kind.source, kind.mapping, kind.entity, last, check, said)
    came = {kind.source for kind in kinds}
    for source, own in sorted(expected.items()):
        if own.every is not None and source not in came:
            yield _row(source, NONE, "", as_of, "absent", words.never_came(source))


def _declared_rows(
    kinds: Sequence[Kind], expected: Mapping[str, Expected], as_of: date
) -> Iterator[dict[str, Any]]:
    """Exports of fewer rows than declared, and empty ones of what never was empty."""
    for kind in kinds:
        own = expected.get(kind.source, Expected()).of(kind.mapping, kind.entity)
        days = sorted(kind.exports)
        for day in _tonight(kind, as_of):
            rows = kind.exports[day].rows
            earlier = [kind.exports[other].rows for other in days if other < day]
            if own.least_rows is not None and rows < own.least_rows:
                said = words.few_rows(kind.mapping, rows, own.least_rows)
                yield _row(kind.source, kind.mapping, kind.entity, day, "least_rows", said,
                           observed=rows, expected_low=own.least_rows)  # fmt: skip
            elif not rows and len(earlier) >= HABIT and min(earlier) > 0 and max(earlier) >= MANY:
                said = words.empty(kind.mapping, earlier[-1])
                yield _row(kind.source, kind.mapping, kind.entity, day, "empty", said,
                           observed=0, expected_low=min(earlier))  # fmt: skip
            if own.greatest_fall is not None and earlier and earlier[-1] > 0:
                least = earlier[-1] * (1 - own.greatest_fall)
                if rows < least:
                    said = words.fell(kind.mapping, rows, earlier[-1], own.greatest_fall)
                    yield _row(kind.source, kind.mapping, kind.entity, day, "greatest_fall", said,
                               observed=rows, expected_low=least)  # fmt: skip


def _tonight(kind: Kind, as_of: date) -> list[date]:
    """The exports of which something was taken tonight."""
    return [
        day
        for day, export in sorted(kind.exports.items())
        if any(taken_on(part) == as_of for part in export.parts)
    ]


# ---- numbers that left their own history
@dataclass
class _Judged:
    kind: Kind
    day: date
    key: Key
    value: float
    forecast: Forecast


def _unusual(
    kinds: Sequence[Kind],
    expected: Mapping[str, Expected],
    as_of: date,
    alarms_per_year: float,
    before: pl.DataFrame,
) -> Iterator[dict[str, Any]]:
    """Numbers of tonight's exports that their own history makes improbable. The night's share of
    false alarms is parted among all tests (Bonferroni), half of it for counts of rows.
    """
    judged: list[_Judged] = []
    constant: list[dict[str, Any]] = []
    for kind in kinds:
        tonight, failed = _tonight(kind, as_of), _told_failed(kind, expected, before)
        told = _told(before, kind)
        for day in tonight:
            exports = [
                export
                for other, export in kind.exports.items()
                if other == day or (other < day and other not in failed)
            ]
            judged += _numbers(kind, day, exports, told)
            constant += _constant(kind, kind.exports[day], exports)
    yield from constant
    share = alarms_per_year / 365 / 2
    tests = {is_volume: max(1, sum(CHECKS[j.key[0]].is_volume is is_volume for j in judged))
             for is_volume in (True, False)}  # fmt: skip
    alarms = []
    for item in judged:
        p = share / tests[CHECKS[item.key[0]].is_volume]
        if item.forecast.p < p and is_large(item.key[0], item.value, item.forecast.expected):
            alarms.append((item, p))
    for item, p in alarms:
        check, column, word = item.key
        low, high = item.forecast.interval(p)
        said = words.unusual(item.kind.mapping, item.key, item.value, item.forecast.expected)
        yield _row(
            item.kind.source,
            item.kind.mapping,
            item.kind.entity,
            item.day,
            check,
            said,
            column=f"{column}={word}" if word else column,
            observed=natural(check, item.value),
            expected_low=natural(check, low),
            expected_high=natural(check, high),
        )


def _numbers(
    kind: Kind, day: date, exports: Sequence[Export], told: Mapping[Key, list[date]]
) -> Iterator[_Judged]:
    exports = _without_first_load(exports)
    every = series(exports)
    first = min(export.day for export in exports)
    for key, points in sorted(every.items()):
        new = next((point for point in points if point.day == day), None)
        if new is None or first == day:
            continue
        history = with_beginning(key, [p for p in points if p.day < day], first)
        history = _since_new_level(history, told.get(key, []))
        if key[0] == "distinct" and len(history) < len(exports) - 1:
            continue
        if key[0] == "word" and not _is_often(history, new):
            continue
        if key[0] == "age" and len(history) == 1 and new.value < history[0].value:
            # After a first load of years come the days.
            continue
        found = forecast(history, new, CHECKS[key[0]].kind)
        if found:
            yield _Judged(kind, day, key, new.value, found)


def _without_first_load(exports: Sequence[Export]) -> Sequence[Export]:
    """A source often begins with all its past, and goes on with what is new: the first export is then
    no measure of the others.
    """
    first, *others = sorted(exports, key=lambda export: export.day)
    rows = sorted(export.rows for export in others[:-1])
    if rows and first.rows > FIRST_LOAD * max(1, rows[len(rows) // 2]):
        return others
    return exports


def _is_often(history: Sequence[Point], new: Point) -> bool:
    usual = sorted(natural("word", point.value) for point in history)
    return bool(usual) and max(usual[len(usual) // 2], natural("word", new.value)) >= OFTEN


def _since_new_level(history: list[Point], told: Sequence[date]) -> list[Point]:
    """The history from where the number was told on each of its last exports, if it was."""
    last = [point.day for point in history[-NEW_LEVEL:]]
    if len(last) == NEW_LEVEL and set(last) <= set(told):
        return history[-NEW_LEVEL:]
    return history


def _told(before: pl.DataFrame, kind: Kind) -> dict[Key, list[date]]:
    """Number → the exports of which it was told."""
    own = before.filter(
        (pl.col("source_system") == kind.source) & (pl.col("mapping") == kind.mapping)
    )
    found: dict[Key, list[date]] = defaultdict(list)
    for check, column, day in own.select("check_name", "column_name", "export_date").rows():
        name, _, word = column.partition("=") if check == "word" else (column, "", "")
        found[check, name, word].append(day)
    return found


def _told_failed(kind: Kind, expected: Mapping[str, Expected], before: pl.DataFrame) -> set[date]:
    """Exports that failed and that nobody accepted: they are no history to judge by."""
    own = before.filter(
        (pl.col("source_system") == kind.source)
        & (pl.col("mapping") == kind.mapping)
        & (pl.col("severity") == FAIL)
    )
    accepted = expected.get(kind.source, Expected()).of(kind.mapping, kind.entity).accepted
    return set(own["export_date"].to_list()) - set(accepted)


def _constant(kind: Kind, new: Export, exports: Sequence[Export]) -> Iterator[dict[str, Any]]:
    earlier = [export for export in exports if export.day < new.day]
    for name in sorted(new.columns):
        before = [own for export in earlier if (own := export.column(name)).get("n")]
        if is_constant(new.column(name), before):
            said = words.constant(kind.mapping, name)
            yield _row(kind.source, kind.mapping, kind.entity, new.day, "constant", said,
                       column=name, observed=1.0)  # fmt: skip


def _row(
    source: str,
    mapping: str,
    entity: str,
    export_date: date,
    check: str,
    message: str,
    column: str = "",
    source_file: str = "",
    **given: Any,
) -> dict[str, Any]:
    return {
        "source_system": source,
        "mapping": mapping,
        "entity": entity,
        "export_date": export_date,
        "check_name": check,
        "column_name": column,
        "source_file": source_file,
        "observed": None,
        "expected_low": None,
        "expected_high": None,
        "message": message,
        **given,
    }
