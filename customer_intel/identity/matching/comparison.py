"""A comparison of two records as a ladder of levels from agreeing to differing, as DuckDB SQL over a and b.

Belongs here: what a comparison is, and the SQL that several share. Not here: the comparisons themselves
(comparison_levels.py).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Comparison:
    """`levels`: (what it says of two records, SQL over a and b, prior chance of it among records of
    one person).

    The first level that holds counts; the last is whatever is left. `same`: the fields that are the
    same at level 1 (alternatives together), `sharing`: (field, levels at which it is the same), for
    counting how often that happens by chance. `below`: (level, level that must not weigh less).
    `most`: (level, bits that it may weigh at most), `roof`: the same between records of one
    address, `family`: of one address, mailbox or phone. `is_evidence`: whether it weighs anything;
    else it only tells what the rest is worth. `rare`: levels at which strangers are too seldom for a
    small home to count them; of the others, how usual they are is counted in each home.
    """

    name: str
    absent: str
    levels: tuple[tuple[str, str, float], ...]
    is_evidence: bool = True
    same: tuple[tuple[str, ...], ...] = ()
    sharing: tuple[tuple[str, tuple[int, ...]], ...] = ()
    below: tuple[tuple[int, int], ...] = ()
    most: tuple[tuple[int, float], ...] = ()
    roof: tuple[tuple[int, float], ...] = ()
    family: tuple[tuple[int, float], ...] = ()
    rare: tuple[int, ...] = ()

    @property
    def sql(self) -> str:
        """The number of the level: 0 when one side does not say, else 1 to len(levels)."""
        cases = [f"WHEN {self.absent} THEN 0"]
        cases += [
            f"WHEN {sql} THEN {place}" for place, (_, sql, _) in enumerate(self.levels[:-1], 1)
        ]
        return f"CASE {' '.join(cases)} ELSE {len(self.levels)} END"


def missing(*names: str) -> str:
    """One side says none of these fields."""
    return " OR ".join(
        "(" + " AND ".join(f"{side}.{name} IS NULL" for name in names) + ")" for side in ("a", "b")
    )


def edits(name: str, most: int, jaro_winkler: str = "", least: float = 0.75) -> str:
    """At most so many letters apart; they are counted only where cheaper measures leave it open."""
    a, b = f"a.{name}", f"b.{name}"
    near = jaro_winkler or f"jaro_winkler_similarity({a}, {b})"
    return (
        f"abs(length({a}) - length({b})) <= {most} AND {near} >= {least} AND "
        f"damerau_levenshtein({a}, {b}) <= {most}"
    )


def similar(name: str, jaro_winkler: str, least: float) -> str:
    """Alike by Jaro-Winkler, or one letter apart."""
    a, b = f"a.{name}", f"b.{name}"
    # Jaro-Winkler says nothing of words of a few letters.
    one = f"abs(length({a}) - length({b})) <= 1 AND ({jaro_winkler} >= 0.65 OR length({a}) <= 4)"
    one = f"{one} AND length({a}) > 1 AND length({b}) > 1"
    return f"({jaro_winkler} >= {least} OR ({one} AND damerau_levenshtein({a}, {b}) <= 1))"
