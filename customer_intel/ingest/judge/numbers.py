"""The numbers of an export that may leave their own history, on scales where a night's ups and downs are alike.

Belongs here: from profiles to series. Not here: measuring a part (land/part_profile.py), judging a
series (series.py), what is said (source_check.py).

Shares are judged as arcsin √p, whose sampling error is 1 / (2 √n) whatever p is; amounts, lengths,
ages and row counts by their logarithms.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from math import asin, exp, expm1, log1p, sin, sqrt
from statistics import median
from typing import Any

from customer_intel.ingest.judge.series import WEEKDAYS_FROM, WINDOW, Kind, Point
from customer_intel.ingest.land.part_profile import LOOKED_AT

# A share this large in a column's words is a series of its own; a column of more words has none.
OFTEN, FEW_WORDS = 0.05, 12
# The typical size of fewer values says nothing.
FEW_ROWS = 5
# Shares of fewer values are chance.
FEW_VALUES = 20
# Fewer rows than these say nothing of a column that is constant.
CONSTANT_FROM = 20
# An export without a row is odd after so many, when so many rows as usual are none that rarely; a
# weekend may have a third of the rows.
FEW_EXPORTS, WEEK, BY_CHANCE, QUIET_DAY = 3, 7, 0.001, 0.3
# Rows whose typical age is less are those of the last days.
FRESH_DAYS = 7


@dataclass(frozen=True)
class Check:
    """How a number is judged. `least`: the smallest change worth telling, on `scale`."""

    kind: Kind
    scale: str
    least: float
    is_volume: bool = False


_SHARE = Kind(0.04, 6)
CHECKS: dict[str, Check] = {
    "rows": Check(Kind(0.15, 3, early=0.6, grows=True), "log", 0.29, is_volume=True),
    "repeated": Check(_SHARE, "share", 0.1, is_volume=True),
    "alike": Check(_SHARE, "share", 0.1, is_volume=True),
    "quarantined": Check(_SHARE, "share", 0.02, is_volume=True),
    "filled": Check(_SHARE, "share", 0.05),
    "amount": Check(Kind(0.15, 6), "log", 0.4),
    "length": Check(Kind(0.08, 6), "log", 0.2),
    "age": Check(Kind(0.25, 6, grows=True), "log", 0.35),
    "ahead": Check(_SHARE, "share", 0.02),
    "zero": Check(_SHARE, "share", 0.1),
    "negative": Check(_SHARE, "share", 0.05),
    "true": Check(_SHARE, "share", 0.15),
    "known": Check(_SHARE, "share", 0.15),
    "distinct": Check(_SHARE, "share", 0.1),
    "whole": Check(_SHARE, "share", 0.3),
    "garbled": Check(Kind(0.01, 6), "share", 0.005),
    "domain": Check(_SHARE, "share", 0.25),
    "day": Check(_SHARE, "share", 0.2),
    "afternoon": Check(_SHARE, "share", 0.2),
    "new_words": Check(_SHARE, "share", 0.05),
    "new_shapes": Check(_SHARE, "share", 0.1),
    "word": Check(_SHARE, "share", 0.15),
}
# (check, column, word): the word only where the check is `word`.
Key = tuple[str, str, str]
# Of these nothing is known before the first export; none of them is then usual.
_NONE_BEFORE = ("new_words", "new_shapes")
_SHARES = (
    "ahead",
    "zero",
    "negative",
    "true",
    "known",
    "whole",
    "garbled",
    "domain",
    "day",
    "afternoon",
)


@dataclass
class Export:
    """The accepted files of one mapping and export date, together."""

    day: date
    parts: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Rows read, but those that the mapping leaves out."""
        return sum(int(part["rows_read"] - part["rows_skipped"]) for part in self.parts)

    def column(self, name: str) -> dict[str, Any]:
        """The column's profile over all files, weighed by their values."""
        found = [
            part["profile"]["columns"][name]
            for part in self.parts
            if name in part.get("profile", {}).get("columns", {})
        ]
        if len(found) == 1:
            return dict(found[0])
        total = sum(own["n"] for own in found)
        merged: dict[str, Any] = {"n": total}
        for own in found:
            for key, value in own.items():
                if key == "distinct":
                    merged[key] = max(merged.get(key, 0), value)
                elif isinstance(value, dict):
                    into = merged.setdefault(key, {})
                    for word, share in value.items():
                        into[word] = into.get(word, 0.0) + share * own["n"] / total
                elif key != "n":
                    merged[key] = merged.get(key, 0.0) + value * own["n"] / total
        return merged

    @property
    def columns(self) -> set[str]:
        """The columns that hold a value in any file."""
        return {name for part in self.parts for name in part.get("profile", {}).get("columns", {})}


def series(exports: Iterable[Export], window: int = WINDOW) -> dict[Key, list[Point]]:
    """Every number of the newest export and the `window` ones before it, oldest first. Of older
    ones only their words and shapes are known.
    """
    found: dict[Key, list[Point]] = {}
    words: dict[str, set[str]] = {}
    shapes: dict[str, set[str]] = {}
    ordered = sorted(exports, key=lambda export: export.day)
    older, ordered = ordered[: -window - 1], ordered[-window - 1 :]
    for export in older:
        for part in export.parts:
            for name, own in part.get("profile", {}).get("columns", {}).items():
                words.setdefault(name, set()).update(own.get("words", ()))
                shapes.setdefault(name, set()).update(own.get("shapes", ()))
    every = sorted(set().union(*(export.columns for export in ordered)) if ordered else set())
    shares: dict[str, list[tuple[date, int, dict[str, float]]]] = {}
    for export in ordered:
        for key, (value, error) in _volume(export).items():
            found.setdefault((key, "", ""), []).append(Point(export.day, value, error))
        if not export.rows or not any("profile" in part for part in export.parts):
            continue
        for name in every:
            own = export.column(name)
            rows = min(export.rows, LOOKED_AT)
            for check, (value, error) in _of_column(own, rows, words, shapes, name).items():
                found.setdefault((check, name, ""), []).append(Point(export.day, value, error))
            if "words" in own:
                shares.setdefault(name, []).append((export.day, int(own["n"]), own["words"]))
    for name, seen in shares.items():
        often = {word for _, _, own in seen for word, share in own.items() if share >= OFTEN}
        for word in sorted(often) if len(often) <= FEW_WORDS else ():
            found["word", name, word] = [
                Point(day, *_share(own.get(word, 0.0), min(n, LOOKED_AT)))
                for day, n, own in seen
                if n >= FEW_VALUES
            ]
    return found


def _volume(export: Export) -> dict[str, tuple[float, float]]:
    read = sum(int(part["rows_read"]) for part in export.parts)
    made = {"rows": (log1p(export.rows), 1 / sqrt(export.rows + 1))}
    if read:
        for check, name in (("repeated", "rows_duplicate"), ("quarantined", "rows_quarantined")):
            made[check] = _share(sum(int(part[name]) for part in export.parts) / read, read)
    alike = [part["profile"] for part in export.parts if "alike" in part.get("profile", {})]
    if alike:
        n = sum(own["n"] for own in alike)
        made["alike"] = _share(sum(own["alike"] * own["n"] for own in alike) / n, n)
    return made


def _of_column(
    own: Mapping[str, Any],
    rows: int,
    words: dict[str, set[str]],
    shapes: dict[str, set[str]],
    name: str,
) -> dict[str, tuple[float, float]]:
    n = min(int(own.get("n", 0)), LOOKED_AT)
    made = {"filled": _share(own.get("filled", 0.0), rows)}
    if not n:
        return made
    for check, value, spread in (
        ("amount", "log", "log_sd"),
        ("length", "length", "length_sd"),
        ("age", "age", "age_sd"),
    ):
        if value in own and n >= FEW_ROWS:
            made[check] = (own[value], own.get(spread, 0.0) / sqrt(n))
    for check in _SHARES:
        # Of few words it is told which are new; the export before may lack one by chance.
        if check in own and not (check == "known" and ("words" in own or n < FEW_VALUES)):
            made[check] = _share(own[check], n)
    if "distinct" in own and 2 * own["distinct"] > n:
        made["distinct"] = _share(own["distinct"] / n, n)
    for check, key, known in (("new_words", "words", words), ("new_shapes", "shapes", shapes)):
        if key not in own:
            continue
        before = known.setdefault(name, set())
        if before:
            new = sum(share for word, share in own[key].items() if word not in before)
            made[check] = _share(new, n)
        before.update(own[key])
    return made


def with_beginning(key: Key, history: list[Point], first: date | None) -> list[Point]:
    """The history; of a number that the first export cannot have, none is usual from then on."""
    if key[0] in _NONE_BEFORE and first is not None and len(history) < WINDOW:
        return [Point(first, 0.0, 0.0), *(point for point in history if point.day > first)]
    return history


def _share(share: float, n: float) -> tuple[float, float]:
    return asin(sqrt(min(1.0, max(0.0, share)))), 1 / (2 * sqrt(max(n, 1)))


def natural(check: str, value: float) -> float:
    """The number as people read it: a share, a count of rows or days, an amount."""
    scale = CHECKS[check].scale
    if scale == "share":
        return sin(min(max(value, 0.0), asin(1.0))) ** 2
    return expm1(value) if check in ("rows", "length", "age") else exp(value)


def is_large(check: str, value: float, expected: float) -> bool:
    """Whether a change is worth telling, however improbable it is."""
    own = CHECKS[check]
    if own.scale == "share":
        return abs(natural(check, value) - natural(check, expected)) >= own.least
    if check == "age" and abs(natural(check, value) - natural(check, expected)) < 7:
        return False
    if check == "rows" and value > expected:
        return value - expected >= 2 * own.least
    return abs(value - expected) >= own.least


def is_odd_empty(earlier: Sequence[int]) -> bool:
    """Whether an export without a row is odd after these counts of rows, oldest first: none was empty,
    and so many rows as usual (on a weekday not yet known, a third of them) are not none by chance.
    """
    if len(earlier) < FEW_EXPORTS or not min(earlier):
        return False
    usual = median(earlier[-WINDOW:]) * (1 if len(earlier) >= WEEKDAYS_FROM else QUIET_DAY)
    least, most = min(earlier), max(earlier)
    is_even = len(earlier) >= WEEK and (least == most or (least >= FEW_ROWS and 2 * least >= most))
    return is_even or exp(-usual) < BY_CHANCE


def is_fresh(facts: Mapping[str, Any]) -> bool:
    """Whether a part's rows are those of its last days, as some time in them says."""
    columns = facts.get("profile", {}).get("columns", {}).values()
    ages = [expm1(own["age"]) for own in columns if "age" in own]
    return bool(ages) and min(ages) < FRESH_DAYS


def is_constant(own: Mapping[str, Any], before: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a column that had many values has one. A column of few words may do so by chance."""
    earlier = [other for other in before if other.get("n", 0) >= CONSTANT_FROM]
    if own.get("distinct") != 1 or own["n"] < CONSTANT_FROM or not earlier:
        return False
    shares = [max(other["words"].values()) for other in earlier if other.get("words")]
    if shares:
        return bool(max(shares) ** min(own["n"], LOOKED_AT) < 1e-6 and len(shares) == len(earlier))
    return all(other.get("distinct", 0) > FEW_WORDS for other in earlier)
