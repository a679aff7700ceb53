"""Which days of a table that is kept by day must be computed tonight: those whose inputs changed.

Belongs here: the changed days, and the rows of the inputs that their computation sees. Not here: how a table
declares itself incremental (contract/model.py), writing days (day_parts.py), entities, whose rows come by
exports (new_exports.py).

What changed is read from content: a version remembers, day by day, what each input held when it was computed. So a
night that was skipped, failed or run twice makes no difference, and what is computed by days equals what is computed
whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

from customer_intel.core.contract.model import STAMPS, Incremental, Lookup, Table
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.engine import DuckDBEngine, quoted
from customer_intel.core.night.night import Night, parts_of
from customer_intel.core.store.lake import Version

# Beyond this share of all days, the whole is computed: it costs no more.
MOST = 0.5
Days = frozenset[date]


@dataclass(frozen=True)
class Plan:
    """What of a table is computed. `days`: None is every day. `inputs`: what the new version remembers of its inputs.
    `seen`: of each input by days, the days whose rows the computation needs.
    """

    inputs: dict[str, Any]
    recipe: str
    days: Days | None = None
    seen: dict[str, Days] = field(default_factory=dict)


# Of a table that is always computed whole.
NOTHING = Plan({}, "")


def recipe(table: Table, sql: str, zone: str) -> str:
    """What tells that a table is computed in another way than before. `sql`: its SELECT, without the night's date."""
    says = [sql, zone, str(table.arrow_schema), str(table.incremental), duckdb.__version__]
    return hashlib.sha256("\n".join(says).encode()).hexdigest()


class Planner:
    """A table's inputs as they are tonight, and what is to be computed because of them.

    `settings`: the room's, which `look_back` may name; `engine` has the macros of local time.
    """

    def __init__(
        self,
        night: Night,
        engine: DuckDBEngine,
        table: Table,
        zone: str,
        settings: Mapping[str, Any],
    ) -> None:
        assert table.incremental is not None
        self._night, self._engine, self._table = night, engine, table
        self._rule: Incremental = table.incremental
        # A day of an export is one of UTC: by the clock of another zone its rows are on its neighbours too.
        self._registered: set[str] = set()
        self._slack = 0 if zone == "UTC" else 1
        self._back, self._ahead = (
            _days_of(table, says, settings)
            for says in (self._rule.look_back, self._rule.look_ahead)
        )

    def plan(self, names: Iterable[str], recipe: str, before: Version | None) -> Plan:
        """What to compute, and what is to be remembered of the inputs `names`."""
        now = {name: self._told(name) for name in names}
        whole = Plan(now, recipe)
        if before is None or before.recipe != recipe or self._night.is_full:
            return whole
        if before.as_of > self._night.as_of.isoformat() or before.status != "available":
            return whole
        if before.inputs.keys() != now.keys():
            return whole
        touched = set(_between(date.fromisoformat(before.as_of), self._night.as_of))
        if before.as_of == self._night.as_of.isoformat():
            touched = set()
        for name, told in now.items():
            found = self._changed(name, before.inputs[name], told)
            if found is None:
                return whole
            touched |= found
        out = _spread(touched, self._ahead, self._back)
        if len(out & {date.fromisoformat(day) for day in before.fingerprints}) > MOST * len(
            before.fingerprints
        ):
            return whole
        seen = _spread(out, self._back, self._ahead)
        return Plan(now, recipe, out, {name: _spread(seen, self._slack_of(name), self._slack_of(name))
                                       for name in self._rule.days if name in now})  # fmt: skip

    def register(self, name: str, days: Days) -> None:
        """Makes the rows of an input readable that belong to `days`."""
        other = self._night.contract.table(name)
        version = self._night.lake.current(name)
        if other.day_column:
            wanted = {str(day)[:size] for day in days for size in (4, 7, 10)}
            parts = {key: part for key, part in sorted(parts_of(version).items()) if key in wanted}
            self._night.lake.check(parts.values())
            self._view(name, other, [self._night.lake.path(part) for part in parts.values()],
                       within([quoted(other.day_column)], days))  # fmt: skip
            return
        times = [f"local_day({quoted(column)})" for column in self._rule.days[name]]
        self._view(name, other, self._night.lake.checked(name), within(times, days))

    def _view(self, name: str, other: Table, files: list[Path], where: str) -> None:
        self._engine.register(other, files, name=f"all of {name}")
        self._engine.con.execute(
            f"CREATE OR REPLACE TEMP VIEW {quoted(name)} AS SELECT * FROM {quoted(f'all of {name}')} WHERE {where}"
        )

    def _slack_of(self, name: str) -> int:
        other = self._night.contract.table(name)
        return self._slack if other.entity is not None and other.day_column else 0

    def _told(self, name: str) -> dict[str, Any]:
        """What is remembered of an input."""
        other, version = self._night.contract.table(name), self._night.lake.current(name)
        told: dict[str, Any] = {"schema": version.schema_sha256 if version else ""}
        if name in self._rule.lookups:
            told["files"] = [part.path for _, part in sorted(parts_of(version).items())]
        elif name in self._rule.days and other.day_column:
            told["days"] = dict(version.fingerprints) if version else {}
        elif name in self._rule.days:
            told["days"] = self._prints(other)
        elif version and len(version.parts) and other.day_column:
            told["print"] = version.sha256
        else:
            told["print"] = self._print(other)
        return told

    def _rows(self, other: Table) -> str:
        """The input's rows, as a relation: all of them. Registered once."""
        name = f"now of {other.name}"
        if name not in self._registered:
            # Of what is kept by day, only the days are asked for here; whoever computes from it reads it checked.
            files = self._night.lake.files if other.day_column else self._night.lake.checked
            self._engine.register(other, files(other.name), name=name)
            self._registered.add(name)
        return quoted(name)

    def _prints(self, other: Table) -> dict[str, str]:
        rows, row = self._rows(other), _row_hash(other)
        sides = " UNION ALL ".join(
            f"SELECT local_day({quoted(column)}) AS day, {row} AS h FROM {rows} WHERE {quoted(column)} IS NOT NULL"
            for column in self._rule.days[other.name]
        )
        found = self._engine.con.execute(
            f"SELECT day, count(*), sum(CAST(h AS HUGEINT)) FROM ({sides}) GROUP BY day ORDER BY day"
        ).fetchall()
        return {str(day): f"{count}:{total}" for day, count, total in found}

    def _print(self, other: Table) -> str:
        rows = self._rows(other)
        found = self._engine.con.execute(
            f"SELECT count(*), sum(CAST({_row_hash(other)} AS HUGEINT)) FROM {rows}"
        ).fetchone()
        assert found is not None
        return f"{found[0]}:{found[1]}"

    def _changed(
        self, name: str, old: Mapping[str, Any], now: Mapping[str, Any]
    ) -> set[date] | None:
        """Days that are touched because of an input; None when that cannot be told by days."""
        if old == now:
            return set()
        if old.keys() != now.keys() or (
            old["schema"] and now["schema"] and old["schema"] != now["schema"]
        ):
            return None
        if "days" in now:
            found = {
                day
                for day in {*old["days"], *now["days"]}
                if old["days"].get(day) != now["days"].get(day)
            }
            slack = self._slack_of(name)
            return set(_spread({date.fromisoformat(day) for day in found}, slack, slack))
        if "files" in now:
            return self._by_lookup(name, self._rule.lookups[name], old["files"])
        return None

    def _by_lookup(self, name: str, rule: Lookup, old: list[str]) -> set[date] | None:
        other, con = self._night.contract.table(name), self._engine.con
        files = [self._night.lake.root / path for path in old]
        # Files of a version before the last one may be gone.
        if not all(path.exists() for path in files):
            return None
        now = self._rows(other)
        self._engine.register(other, files, name=f"before of {name}")
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE touched AS {_differing(other, rule, now, quoted(f'before of {name}'))}"
        )
        if not self._engine.scalar("SELECT count(*) FROM touched"):
            return set()
        days: set[date] = set()
        for driver in rule.of:
            table = self._night.contract.table(driver)
            rows = self._rows(table)
            columns = [quoted(table.day_column)] if table.day_column else [
                f"local_day({quoted(column)})" for column in self._rule.days[driver]
            ]  # fmt: skip
            for column in columns:
                found = con.execute(
                    f"SELECT DISTINCT {column} FROM {rows} AS r JOIN touched AS t ON r.{quoted(rule.key)} = t.key "
                    f"AND {column} BETWEEN t.since AND t.until WHERE {column} IS NOT NULL"
                ).fetchall()
                slack = self._slack_of(driver)
                days |= _spread({day for (day,) in found}, slack, slack)
        return days


def within(expressions: Iterable[str], days: Days) -> str:
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


def _row_hash(table: Table, without: str | None = None) -> str:
    names = [c.name for c in table.columns if c.name not in STAMPS and c.name != without]
    return f"hash({', '.join(map(quoted, names))})"


def _differing(table: Table, rule: Lookup, now: str, before: str) -> str:
    """SQL of key, since, until (days): the keys whose rows differ, and when. A row that only ends at another time than
    before touches the time between the two ends.
    """
    far = "DATE '0001-01-01'", "DATE '9999-12-30'"
    since = f"CAST({quoted(rule.since)} AS DATE)" if rule.since else far[0]
    until = f"CAST({quoted(rule.until)} AS DATE)" if rule.until else far[1]
    sides = " UNION ALL ".join(
        f"SELECT {quoted(rule.key)} AS key, {_row_hash(table, rule.until)} AS row, {since} AS since, {until} AS until, "
        f"{sign} AS side FROM {rows}"
        for rows, sign in ((now, 1), (before, -1))
    )
    # Alike rows of both sides cancel out. Of what is left, two alike but for their end differ between their ends.
    return (
        f"SELECT key, CASE WHEN count(*) = 2 AND sum(side) = 0 THEN min(until) ELSE min(since) END - 1 AS since, "
        f"max(until) + 1 AS until FROM (SELECT key, row, since, until, sum(side) AS side FROM ({sides}) "
        "GROUP BY key, row, since, until HAVING sum(side) <> 0) GROUP BY key, row"
    )


def _days_of(table: Table, says: int | str, settings: Mapping[str, Any]) -> int:
    if isinstance(says, int):
        return says
    found = settings.get(says.removeprefix("$"))
    if not isinstance(found, int):
        raise ConfigError(
            f"{table.where}: table '{table.name}': incremental: '{says}' is no number of days, nor a setting of one"
        )
    return found


def _between(first: date, last: date) -> list[date]:
    return [first + timedelta(n) for n in range((last - first).days + 1)]


def _spread(days: Iterable[date], back: int, ahead: int) -> frozenset[date]:
    """`days`, and so many before and behind each."""
    return frozenset(
        day
        for first, last in ranges(days)
        for day in _between(_moved(first, -back), _moved(last, ahead))
    )


def _moved(day: date, by: int) -> date:
    """The day so many days on, or the last one that there is."""
    return date.fromordinal(min(max(day.toordinal() + by, 1), date.max.toordinal()))
