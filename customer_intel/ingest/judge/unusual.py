"""Numbers of tonight's exports that left their own history, and columns that look swapped.

Belongs here: which numbers are told, under one budget of false alarms. Not here: the statistics
(series.py), the numbers (numbers.py), what else is found (source_check.py).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import permutations
from math import exp, hypot
from statistics import median
from typing import Any

import polars as pl

from customer_intel.ingest.judge import words
from customer_intel.ingest.judge.declared import FAIL, Expected
from customer_intel.ingest.judge.export_kinds import Kind, tonight
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
from customer_intel.ingest.land.part_profile import HALF

# A number that was told so often in a row is the new level: the history begins there.
NEW_LEVEL = 3
# A newsletter day is not like others, nor is a first load: for each e times more rows than usual, or
# fewer, beyond what a weekend may be, the other numbers may stray by so many of their usual spreads.
OF_SIZE, WEEKEND = 6.0, 1.2
# A jump is that improbable by the last few exports alone.
JUMPS = 0.001
# A share that fewer of the exports have is not judged.
OFTEN_ASKED = 0.8
# From so many exports on every number knows its weekdays.
WEEKDAYS_SURE = 28
# What tells the columns of a pair apart, and the probability from which a number fits a history.
SIZES, FITS = ("amount", "length", "age"), 0.01
# A first export of so many times the rows of the later ones was a first load.
FIRST_LOAD = 5


@dataclass
class _Judged:
    kind: Kind
    day: date
    key: Key
    new: Point
    forecast: Forecast
    history: Sequence[Point]


def unusual(
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
        own = before.filter(
            (pl.col("source_system") == kind.source) & (pl.col("mapping") == kind.mapping)
        )
        came, failed = tonight(kind, as_of), _told_failed(kind, expected, own)
        told = _told(own)
        for day in came:
            exports = [
                export
                for other, export in kind.exports.items()
                if other == day or (other < day and other not in failed)
            ]
            judged += _numbers(kind, day, exports, told)
            constant += _constant(kind, kind.exports[day], exports)
    yield from constant
    share = alarms_per_year / 365 / 2
    tests = Counter(CHECKS[item.key[0]].is_volume for item in judged)
    allowed = {name: share / max(1, tests[check.is_volume]) for name, check in CHECKS.items()}
    others = _swapped(judged, allowed)
    for item in judged:
        check, column, word = item.key
        p, new, expected_value = allowed[check], item.new.value, item.forecast.expected
        other = others.get((item.kind.mapping, item.day, column))
        is_odd = _is_odd(item, p)
        if not is_odd and not (other and check == "known"):
            continue
        low, high = item.forecast.interval(p)
        said = words.unusual(item.kind.mapping, item.key, new, expected_value)
        if other:
            said = words.swapped(said, column, other)
        yield item.kind.finding(
            item.day,
            check,
            said,
            column=f"{column}={word}" if word else column,
            observed=natural(check, new),
            expected_low=natural(check, low),
            expected_high=natural(check, high),
        )


def _is_odd(item: _Judged, p: float) -> bool:
    """Improbable by its history, no mere drift, and large enough to be told."""
    found = item.forecast
    is_jump = found.p < p and found.p_recent < JUMPS
    return is_jump and is_large(item.key[0], item.new.value, found.expected)


def _swapped(
    judged: Sequence[_Judged], allowed: Mapping[str, float]
) -> dict[tuple[str, date, str], str]:
    """(mapping, export, column) → the column that it looks swapped with: each one's values stood in the
    other in the export before; or each one's size left its own history and fits the other's.
    """
    found: dict[tuple[str, date, str], str] = {}
    of_export: dict[tuple[str, date], list[_Judged]] = defaultdict(list)
    for item in judged:
        of_export[item.kind.mapping, item.day].append(item)
    for (mapping, day), items in of_export.items():
        kind = items[0].kind
        told = {item.key[1] for item in items if _is_odd(item, allowed[item.key[0]])}
        pairs = _by_values(kind, day, told)
        # What is odd of a pair by its size must be told of each column already.
        for check in SIZES:
            odd = [
                item
                for item in items
                if item.key[0] == check and item.forecast.p < FITS and item.key[1] in told
            ]
            for a, b in permutations(odd, 2):
                fits = forecast(b.history, a.new, CHECKS[check].kind)
                back = forecast(a.history, b.new, CHECKS[check].kind)
                if fits and back and fits.p > FITS and back.p > FITS:
                    pairs.append((a.key[1], b.key[1]))
        for column, other in pairs:
            found.setdefault((mapping, day, column), other)
    return found


def _by_values(kind: Kind, day: date, told: set[str]) -> list[tuple[str, str]]:
    """Pairs of columns of which each one's values stood in the other in the export before; and of told
    columns, those that are written as the other one was.
    """
    new = kind.exports[day]
    own = {name: new.column(name) for name in sorted(new.columns)}
    known_in = {name: found.get("known_in", {}) for name, found in own.items()}
    pairs = [(a, b) for a in own for b in known_in[a] if a in known_in.get(b, {})]
    earlier = max((other for other in kind.exports if other < day), default=None)
    if earlier is None:
        return pairs
    before = {name: kind.exports[earlier].column(name) for name in kind.exports[earlier].columns}

    def fits(a: str, b: str) -> bool:
        # A value that is none of its column's type is emptied: that too is how a swap looks.
        if a not in own:
            return True
        shapes = own[a].get("shapes", {})
        usual = before.get(b, {}).get("shapes", {})
        strange = before.get(a, {}).get("shapes", {})
        share = sum(
            share for shape, share in shapes.items() if shape in usual and shape not in strange
        )
        return bool(share > HALF)

    columns = [name for name in sorted(told) if "shapes" in before.get(name, {})]
    for a, b in permutations(columns, 2):
        if a in own and fits(a, b) and fits(b, a):
            pairs += [(a, b), (b, a)]
    return pairs


def _numbers(
    kind: Kind, day: date, exports: Sequence[Export], told: Mapping[Key, list[date]]
) -> Iterator[_Judged]:
    n = len(exports)
    exports = _without_first_load(exports)
    first, had_first_load = min(export.day for export in exports), len(exports) < n
    if first == day:
        return
    every = series(exports)
    odd_size = 0.0
    # Rows come first: an export of another size is of another make.
    for key, points in sorted(every.items(), key=lambda item: (item[0][0] != "rows", item[0])):
        new = next((point for point in points if point.day == day), None)
        if new is None:
            continue
        history = with_beginning(key, [p for p in points if p.day < day], first)
        history = _since_new_level(history, told.get(key, []))
        if key[0] == "known" and had_first_load:
            # More is known after a first load than after a day.
            history = [point for point in history if point.day > first]
        if key[0] in ("distinct", "known") and len(history) < OFTEN_ASKED * (len(exports) - 1):
            # A share that most exports have not: those that have it are not like them.
            continue
        if key[0] == "word" and not _is_often(history, new):
            continue
        if key[0] == "age" and len(history) == 1 and new.value < history[0].value:
            # After a first load of years come the days.
            continue
        own = CHECKS[key[0]].kind
        more = 0.0 if key[0] == "rows" else OF_SIZE * own.spread * odd_size
        found = forecast(history, replace(new, error=hypot(new.error, more)), own)
        if found and key[0] == "rows":
            # So many rows as are expected vary by their root; those that came may be few for a reason.
            sampled = replace(new, error=exp(-found.expected / 2))
            found = forecast(history, sampled, own) or found
            values = [point.value for point in history]
            usual = found.expected if len(values) >= WEEKDAYS_SURE else median(values)
            odd_size = max(0.0, abs(new.value - usual) - WEEKEND)
        if found:
            yield _Judged(kind, day, key, new, found, history)


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
    # A word that is new is told as one (new_words).
    is_known = bool(usual) and usual[-1] > 0
    return is_known and max(usual[(len(usual) - 1) // 2], natural("word", new.value)) >= OFTEN


def _since_new_level(history: list[Point], told: Sequence[date]) -> list[Point]:
    """The history from where the number was last told of so many exports in a row, if it was."""
    for at in range(len(history) - NEW_LEVEL, -1, -1):
        if all(point.day in told for point in history[at : at + NEW_LEVEL]):
            return history[at:]
    return history


def _told(own: pl.DataFrame) -> dict[Key, list[date]]:
    """Number → the exports of which it was told, of one mapping's findings."""
    found: dict[Key, list[date]] = defaultdict(list)
    for check, column, day in own.select("check_name", "column_name", "export_date").rows():
        name, _, word = column.partition("=") if check == "word" else (column, "", "")
        found[check, name, word].append(day)
    return found


def _told_failed(kind: Kind, expected: Mapping[str, Expected], own: pl.DataFrame) -> set[date]:
    """Exports that failed and that nobody accepted: they are no history to judge by."""
    own = own.filter(pl.col("severity") == FAIL)
    return set(own["export_date"].to_list()) - set(kind.expected(expected).accepted)


def _constant(kind: Kind, new: Export, exports: Sequence[Export]) -> Iterator[dict[str, Any]]:
    earlier = [export for export in exports if export.day < new.day]
    for name in sorted(new.columns):
        before = [own for export in earlier if (own := export.column(name)).get("n")]
        if is_constant(new.column(name), before):
            said = words.constant(kind.mapping, name)
            yield kind.finding(new.day, "constant", said, column=name, observed=1.0)
