"""Primary key of a file: a column, a few columns together, the whole row, or at last its number.

Belongs here: questions to the whole file about which rows are alike. Not here: which columns mean
what (match_entity.py).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import duckdb

from customer_intel.core.contract.model import Table
from customer_intel.core.engine import quoted
from customer_intel.ingest.advise.column_profile import ColumnProfile
from customer_intel.ingest.advise.match_entity import ColumnMatch
from customer_intel.ingest.conform.typing_rules import trimmed
from customer_intel.ingest.read.readers import TextTable

# Entities with a state: of several rows of one id the latest counts. Rows of other entities are
# events: each counts.
_LASTING = ("contacts", "accounts", "products", "subscriptions", "tickets", "orders", "invoices")
_MANY = 0.1


@dataclass(frozen=True)
class Key:
    """The key's text in the mapping; `check` says what was guessed, `columns` what it is made of."""

    text: str
    check: str = ""
    columns: tuple[str, ...] = ()


class FileRows:
    """A file's rows as text, to be counted."""

    def __init__(self, con: duckdb.DuckDBPyConnection, text: TextTable, kind: str) -> None:
        self.con, self.text, self.format = con, text, kind

    def distinct(self, columns: Sequence[str]) -> int:
        """Distinct values of the columns taken together, rows blank in all of them left out."""
        names = ", ".join(f"{trimmed(quoted(name))} AS {quoted(name)}" for name in columns)
        joined = f"concat_ws('-', {', '.join(quoted(name) for name in columns)})"
        sql = (
            f"SELECT count(DISTINCT {joined}) FROM (SELECT {names} FROM ({self.text.sql})) "
            f"WHERE {joined} <> ''"
        )
        return int(self.con.execute(sql).fetchall()[0][0])

    def share(self, condition: str) -> float:
        """Of the rows for which an SQL condition can be told, the share for which it holds."""
        ((held, told),) = self.con.execute(
            f"SELECT count(*) FILTER ({condition}), count({condition}) FROM ({self.text.sql})"
        ).fetchall()
        return held / told if told else 0.0

    def counts(self, column: str) -> dict[str, int]:
        """Each value of a column and its rows, the most frequent first; empty ones left out."""
        value = trimmed(quoted(column))
        return dict(
            self.con.execute(
                f"SELECT v, count(*) FROM (SELECT {value} AS v FROM ({self.text.sql})) "
                "WHERE v IS NOT NULL AND v <> '' GROUP BY v ORDER BY count(*) DESC, v"
            ).fetchall()
        )

    @cached_property
    def different(self) -> int:
        """How many rows are left when equal ones are taken once."""
        names = ", ".join(quoted(name) for name in self.text.columns)
        return int(
            self.con.execute(
                f"SELECT count(*) FROM (SELECT DISTINCT {names} FROM ({self.text.sql}))"
            ).fetchall()[0][0]
        )

    def constant_within(self, column: str, key: str) -> bool:
        """Whether the rows of one key all have the same value."""
        value, by = quoted(column), quoted(key)
        sql = (
            f"SELECT count(*) FROM (SELECT {by} FROM ({self.text.sql}) GROUP BY {by} "
            f"HAVING min({value}) <> max({value}))"
        )
        return int(self.con.execute(sql).fetchall()[0][0]) == 0


def find_key(
    table: Table,
    matches: Mapping[str, ColumnMatch],
    profiles: Sequence[ColumnProfile],
    rows: FileRows,
    *,
    grouped: bool = False,
) -> Key:
    """The text that fills the last column of the entity's key."""
    name = table.key[-1]
    by_name = {profile.name: profile for profile in profiles}
    if len(table.key) > 2:
        column = matches[name].source if name in matches else None
        return Key(column, columns=(column,)) if column else _made(table, matches, profiles, rows)
    if name in matches:
        profile = by_name[matches[name].source]
        by_name_key = Key(profile.name, columns=(profile.name,))
        n_repeated = profile.filled - profile.distinct
        if grouped or (
            profile.filled == profile.rows
            and (not n_repeated or profile.distinct == rows.different)
        ):
            return by_name_key
        if (
            profile.filled == profile.rows
            and table.name in _LASTING
            and n_repeated <= _MANY * profile.filled
        ):
            return Key(
                profile.name,
                f"{n_repeated:,} rows repeat one; of those the newest counts",
                by_name_key.columns,
            )
        if found := _together(profile.name, profiles, rows):
            return Key(
                _joined(found), f"{profile.name} alone comes {n_repeated:,} times again", found
            )
        return _made(table, matches, profiles, rows)
    mail = by_name[matches["email"].source] if "email" in matches else None
    if table.name == "contacts" and mail and mail.is_unique:
        return Key(mail.name, "no id by name; the address is different in every row", (mail.name,))
    alone = [
        profile
        for profile in profiles
        if profile.is_id
        and profile.is_unique
        and not profile.is_wordy
        and 0 < profile.longest <= 40
    ]
    if alone:
        return Key(
            alone[0].name, "no id by name; this column is different in every row", (alone[0].name,)
        )
    return _made(table, matches, profiles, rows)


def _joined(columns: Sequence[str]) -> str:
    return f"concat_ws('-', {', '.join(quoted(name) for name in columns)})"


def _rank(profiles: Sequence[ColumnProfile]) -> list[str]:
    """Columns that may help to tell rows apart, ids first, then times, then the rest."""
    usable = [
        profile
        for profile in profiles
        if profile.filled
        and profile.kind not in ("json", "bool")
        and profile.longest <= 64
        and not (profile.is_wordy and profile.longest > 40)
    ]
    # Ids 0, times 1, other columns 2.
    order = {True: 0, False: 2}

    def place(profile: ColumnProfile) -> int:
        named = profile.name.lower().endswith(
            ("id", "no", "nr", "number", "sequential", "key", "code")
        )
        return order[named] if not profile.is_time else 1

    return [profile.name for profile in sorted(usable, key=place)]


def _together(
    first: str, profiles: Sequence[ColumnProfile], rows: FileRows
) -> tuple[str, ...] | None:
    """`first` and one or two more columns that together are different in every row."""
    others = [name for name in _rank(profiles) if name != first][:8]
    tries = itertools.chain(((name,) for name in others), itertools.combinations(others[:5], 2))
    for more in tries:
        if rows.distinct((first, *more)) == rows.different:
            return (first, *more)
    return None


def _made(
    table: Table,
    matches: Mapping[str, ColumnMatch],
    profiles: Sequence[ColumnProfile],
    rows: FileRows,
) -> Key:
    """A key of several columns: those that are known to be ids first, as few as will do."""
    known = [matches[name].source for name in matches if name.endswith(("_id", "_ref"))]
    filled = {
        profile.name: profile.distinct for profile in profiles if profile.filled == profile.rows
    }
    names = [name for name in dict.fromkeys([*known, *_rank(profiles)]) if name in filled][:7]
    if rows.different == rows.text.rows or table.name in _LASTING[:3]:
        for size in (2, 3, 4):
            for columns in itertools.combinations(names[: 9 - size], size):
                enough = math.prod(filled[name] for name in columns) >= rows.different
                if enough and rows.distinct(columns) == rows.different:
                    return Key(
                        _joined(columns),
                        "no column is different in every row; these together are",
                        columns,
                    )
        every = ", ".join(quoted(profile.name) for profile in profiles)
        return Key(
            f"md5(concat_ws('|', {every}))", "nothing tells rows apart but all columns together"
        )
    parts = ", ".join([*(quoted(name) for name in names[:2]), "_row"])
    check = (
        "no id, and equal rows: the row's number tells them apart, so the file must not come "
        "in another order"
    )
    return Key(f"concat_ws('-', {parts})", check, tuple(names[:2]))
