"""What the inputs of a table hold tonight, against what they held when it was computed last.

Belongs here: what is remembered of an input, its days and keys that changed. Not here: what is computed because of
that (incremental.py by days, by_key.py by keys).

What changed is read from content: a version remembers what each input held when it was computed. So a night that was
skipped, failed or run twice makes no difference, and what is computed in part equals what is computed whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from customer_intel.core.contract.model import STAMPS, Incremental, Lookup, Table
from customer_intel.core.engine import DuckDBEngine, quoted
from customer_intel.core.night.night import Night, parts_of

Days = frozenset[date]


class Inputs:
    """The inputs of a table that declares `rule`; `engine` has the macros of local time."""

    def __init__(self, night: Night, engine: DuckDBEngine, rule: Incremental, zone: str) -> None:
        self.night, self.engine, self.rule = night, engine, rule
        self._registered: set[str] = set()
        # A day of an export is one of UTC: by the clock of another zone its rows are on its neighbours too.
        self._slack = 0 if zone == "UTC" else 1

    def table(self, name: str) -> Table:
        """The input's contract."""
        return self.night.contract.table(name)

    def slack(self, name: str) -> int:
        """By how many days the input's days may be off those of the reporting zone."""
        other = self.table(name)
        return self._slack if other.entity is not None and other.day_column else 0

    def told(self, name: str) -> dict[str, Any]:
        """What is to be remembered of an input."""
        other, version = self.table(name), self.night.lake.current(name)
        told: dict[str, Any] = {"schema": version.schema_sha256 if version else ""}
        if name in self.rule.lookups:
            told["files"] = [part.path for _, part in sorted(parts_of(version).items())]
        elif name in self.rule.days and other.day_column:
            told["days"] = dict(version.fingerprints) if version else {}
            if self.rule.per:
                told["parts"] = {key: part.path for key, part in parts_of(version).items()}
        elif name in self.rule.days:
            told["days"] = self._prints(other)
        elif version and other.day_column:
            told["print"] = version.sha256
        else:
            told["print"] = self._print(other)
        return told

    def rows(self, name: str) -> str:
        """An input's rows, as a relation: all of them. Registered once."""
        relation, other = f"now of {name}", self.table(name)
        if relation not in self._registered:
            # Of what is kept by day, only days are asked for here; whoever computes from it reads it checked.
            files = self.night.lake.files if other.day_column else self.night.lake.checked
            self.engine.register(other, files(name), name=relation)
            self._registered.add(relation)
        return quoted(relation)

    def touches(self, name: str, old: list[str]) -> bool | None:
        """Makes `touched` (key, since, until: days) of the keys of a lookup whose rows are not those of the files
        `old`; None when those are gone.
        """
        other, before = self.table(name), f"before of {name}"
        files = [self.night.lake.root / path for path in old]
        if not all(path.exists() for path in files):
            return None
        self.engine.register(other, files, name=before)
        found = differing(other, self.rule.lookups[name], self.rows(name), quoted(before))
        self.engine.con.execute(f"CREATE OR REPLACE TEMP TABLE touched AS {found}")
        return bool(self.engine.scalar("SELECT count(*) FROM touched"))

    def _prints(self, other: Table) -> dict[str, str]:
        rows, row = self.rows(other.name), row_hash(other)
        sides = " UNION ALL ".join(
            f"SELECT local_day({quoted(column)}) AS day, {row} AS h FROM {rows} WHERE {quoted(column)} IS NOT NULL"
            for column in self.rule.days[other.name]
        )
        found = self.engine.con.execute(
            f"SELECT day, count(*), sum(CAST(h AS HUGEINT)) FROM ({sides}) GROUP BY day ORDER BY day"
        ).fetchall()
        return {str(day): f"{count}:{total}" for day, count, total in found}

    def _print(self, other: Table) -> str:
        found = self.engine.con.execute(
            f"SELECT count(*), sum(CAST({row_hash(other)} AS HUGEINT)) FROM {self.rows(other.name)}"
        ).fetchone()
        assert found is not None
        return f"{found[0]}:{found[1]}"


def is_comparable(old: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether what was remembered of an input can be held against what it is now."""
    same = not (old["schema"] and now["schema"]) or old["schema"] == now["schema"]
    return same and old.keys() == now.keys()


def changed_days(old: Mapping[str, str], now: Mapping[str, str]) -> set[date]:
    """Days on which two fingerprints differ."""
    return {date.fromisoformat(day) for day in {*old, *now} if old.get(day) != now.get(day)}


def within(expressions: Iterable[str], days: Iterable[date]) -> str:
    """SQL for whether one of `expressions` is one of `days`."""
    tests = [
        f"{expression} BETWEEN DATE '{first}' AND DATE '{last}'"
        for expression in expressions
        for first, last in ranges(days)
    ]
    return f"({' OR '.join(tests)})" if tests else "FALSE"


def ranges(days: Iterable[date]) -> list[tuple[date, date]]:
    """`days` as first and last of each run of days."""
    found: list[tuple[date, date]] = []
    for day in sorted(days):
        if found and day - found[-1][1] <= timedelta(1):
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found


def row_hash(table: Table, without: str | None = None) -> str:
    """SQL of a number that tells a row's content, but for its stamps and one column."""
    names = [c.name for c in table.columns if c.name not in STAMPS and c.name != without]
    return f"hash({', '.join(map(quoted, names))})"


def differing(table: Table, rule: Lookup, now: str, before: str) -> str:
    """SQL of key, since, until (days): the keys whose rows differ, and when. A row that only ends at another time than
    before touches the time between the two ends.
    """
    far = "DATE '0001-01-01'", "DATE '9999-12-30'"
    since = f"CAST({quoted(rule.since)} AS DATE)" if rule.since else far[0]
    until = f"CAST({quoted(rule.until)} AS DATE)" if rule.until else far[1]
    sides = " UNION ALL ".join(
        f"SELECT {quoted(rule.key)} AS key, {row_hash(table, rule.until)} AS row, {since} AS since, {until} AS until, "
        f"{sign} AS side FROM {rows}"
        for rows, sign in ((now, 1), (before, -1))
    )
    # Alike rows of both sides cancel out. Of what is left, two alike but for their end differ between their ends.
    return (
        f"SELECT key, CASE WHEN count(*) = 2 AND sum(side) = 0 THEN min(until) ELSE min(since) END - 1 AS since, "
        f"max(until) + 1 AS until FROM (SELECT key, row, since, until, sum(side) AS side FROM ({sides}) "
        "GROUP BY key, row, since, until HAVING sum(side) <> 0) GROUP BY key, row"
    )


def between(first: date, last: date) -> list[date]:
    """All days from the first to the last."""
    return [first + timedelta(n) for n in range((last - first).days + 1)]


def spread(days: Iterable[date], back: int, ahead: int) -> frozenset[date]:
    """`days`, and so many before and behind each."""
    return frozenset(
        day
        for first, last in ranges(days)
        for day in between(_moved(first, -back), _moved(last, ahead))
    )


def _moved(day: date, by: int) -> date:
    """The day so many days on, or the last one that there is."""
    return date.fromordinal(min(max(day.toordinal() + by, 1), date.max.toordinal()))
