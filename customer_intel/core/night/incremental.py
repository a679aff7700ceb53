"""Which days of a table that is kept by day must be computed tonight: those whose inputs changed.

Belongs here: the days to compute, and the rows of the inputs that their computation sees. Not here: what changed in an
input (inputs.py), how a table declares itself incremental (contract/model.py), writing days (day_parts.py), entities,
whose rows come by exports (new_exports.py).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

from customer_intel.core.contract.model import Table
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.engine import quoted
from customer_intel.core.night.day_parts import parts_on
from customer_intel.core.night.inputs import (
    Days,
    Inputs,
    between,
    changed_days,
    is_comparable,
    spread,
    within,
)
from customer_intel.core.night.night import Night, parts_of
from customer_intel.core.store.lake import Version

# Beyond this share of all days, the whole is computed: it costs no more.
MOST = 0.5
# A whole build of more rows than this is computed in stretches of days, so that memory does not grow with history.
STRETCH_ROWS = 15_000_000


@dataclass(frozen=True)
class Plan:
    """What of a table is computed. `days`: None is every day. `inputs`: what the new version remembers of its inputs.
    `seen`: of each input by days, the days whose rows the computation needs. `is_by_key`: the rows of some keys alone
    are computed, of inputs that are already narrowed to them (by_key.py).
    """

    inputs: dict[str, Any]
    recipe: str
    days: Days | None = None
    seen: dict[str, Days] = field(default_factory=dict)
    # Of a whole that is too large for one go: days, and what their computation sees, stretch by stretch.
    stretches: tuple[tuple[Days, dict[str, Days]], ...] = ()
    is_by_key: bool = False


# Of a table that is always computed whole.
NOTHING = Plan({}, "")


def recipe(table: Table, sql: str, zone: str) -> str:
    """What tells that a table is computed in another way than before. `sql`: its SELECT, without the night's date."""
    says = [sql, zone, str(table.arrow_schema), str(table.incremental), duckdb.__version__]
    return hashlib.sha256("\n".join(says).encode()).hexdigest()


def continued(
    night: Night, before: Version | None, recipe: str, inputs: Mapping[str, Any]
) -> Version | None:
    """`before`, if it may be built upon: computed in the same way of the same tables, for no later date."""
    if before is None or night.is_full or before.status != "available" or before.recipe != recipe:
        return None
    is_later = before.as_of > night.as_of.isoformat()
    return None if is_later or before.inputs.keys() != inputs.keys() else before


def new_days(night: Night, before: Version) -> list[date]:
    """The days that `before` could not see whole, and tonight's can: from its own date on."""
    # West of Greenwich a night's last day is the one before.
    first = date.fromisoformat(before.as_of) - timedelta(1)
    return between(first, night.as_of) if before.as_of < night.as_of.isoformat() else []


class Planner:
    """What of a table that is kept by day is computed. `settings`: the room's, which `look_back` may name."""

    def __init__(self, inputs: Inputs, table: Table, settings: Mapping[str, Any]) -> None:
        self._inputs, self._night, self._rule, self._n_views = inputs, inputs.night, inputs.rule, 0
        self._back, self._ahead = (
            _days_of(table, says, settings)
            for says in (self._rule.look_back, self._rule.look_ahead)
        )

    def plan(self, names: Iterable[str], recipe: str, before: Version | None) -> Plan:
        """What to compute, and what is to be remembered of the inputs `names`."""
        now = {name: self._inputs.told(name) for name in names}
        base = continued(self._night, before, recipe, now)
        out = self._touched(now, base) if base else None
        if out is None:
            return Plan(now, recipe, stretches=self._stretches(now))
        return Plan(now, recipe, out, self._seen(out))

    def _touched(self, now: Mapping[str, Mapping[str, Any]], before: Version) -> Days | None:
        """The days to compute; None when that is every day, or as good as every day."""
        touched = set(new_days(self._night, before))
        for name, told in now.items():
            found = self._changed(name, before.inputs[name], told)
            if found is None:
                return None
            touched |= found
        out = spread(touched, self._ahead, self._back)
        known = {date.fromisoformat(day) for day in before.fingerprints}
        return None if len(out & known) > MOST * len(known) else out

    def _seen(self, out: Days) -> dict[str, Days]:
        """Input → the days whose rows the computation of the days `out` needs."""
        seen = spread(out, self._back, self._ahead)
        slack = {name: self._inputs.slack(name) for name in self._rule.days}
        return {name: spread(seen, days, days) for name, days in slack.items()}

    def _stretches(
        self, now: Mapping[str, Mapping[str, Any]]
    ) -> tuple[tuple[Days, dict[str, Days]], ...]:
        """The days of all rows, in stretches of neighbours that see about STRETCH_ROWS; none where one would do."""
        rows: Counter[date] = Counter()
        days: set[date] = set()
        for name in self._rule.days:
            slack, prints = self._inputs.slack(name), now[name]["days"]
            told = {
                date.fromisoformat(day): int(text.split(":")[0]) for day, text in prints.items()
            }
            rows.update(told)
            days |= spread(told, slack, slack)
        if rows.total() <= STRETCH_ROWS:
            return ()
        stretches: list[list[date]] = [[]]
        held = 0
        for day in sorted(spread(days, self._ahead, self._back)):
            if held + rows[day] > STRETCH_ROWS and stretches[-1]:
                stretches.append([])
                held = 0
            stretches[-1].append(day)
            held += rows[day]
        return tuple((frozenset(some), self._seen(frozenset(some))) for some in stretches)

    def register(self, name: str, days: Days) -> None:
        """Makes the rows of an input readable that belong to `days`."""
        other, lake = self._inputs.table(name), self._night.lake
        if other.day_column:
            parts = parts_on(parts_of(lake.current(name)), days)
            lake.check(parts)
            where = within([quoted(other.day_column)], days)
            self._view(name, other, [lake.path(part) for part in parts], where)
            return
        times = [f"local_day({quoted(column)})" for column in self._rule.days[name]]
        self._view(name, other, lake.checked(name), within(times, days))

    def _view(self, name: str, other: Table, files: list[Path], where: str) -> None:
        self._n_views += 1
        engine, rows = self._inputs.engine, f"{name}, registered {self._n_views}"
        engine.register(other, files, name=rows)
        engine.con.execute(
            f"CREATE OR REPLACE TEMP VIEW {quoted(name)} AS SELECT * FROM {quoted(rows)} WHERE {where}"
        )

    def _changed(
        self, name: str, old: Mapping[str, Any], now: Mapping[str, Any]
    ) -> set[date] | None:
        """Days that are touched because of an input; None when that cannot be told by days."""
        if old == now:
            return set()
        if not is_comparable(old, now):
            return None
        if "days" in now:
            slack = self._inputs.slack(name)
            return set(spread(changed_days(old["days"], now["days"]), slack, slack))
        return self._by_lookup(name, old["files"]) if "files" in now else None

    def _by_lookup(self, name: str, old: list[str]) -> set[date] | None:
        is_touched, rule = self._inputs.touches(name, old), self._rule.lookups[name]
        if not is_touched:
            return None if is_touched is None else set()
        days: set[date] = set()
        for driver in rule.of:
            day_column = self._inputs.table(driver).day_column
            local = [f"local_day({quoted(column)})" for column in self._rule.days[driver]]
            for day in [quoted(day_column)] if day_column else local:
                found = self._inputs.engine.con.execute(
                    f"SELECT DISTINCT {day} FROM {self._inputs.rows(driver)} AS r JOIN touched AS t "
                    f"ON r.{quoted(rule.key)} = t.key AND {day} BETWEEN t.since AND t.until WHERE {day} IS NOT NULL"
                ).fetchall()
                slack = self._inputs.slack(driver)
                days |= spread({found_day for (found_day,) in found}, slack, slack)
        return days


def _days_of(table: Table, says: int | str, settings: Mapping[str, Any]) -> int:
    if isinstance(says, int):
        return says
    found = settings.get(says.removeprefix("$"))
    if not isinstance(found, int):
        raise ConfigError(
            f"{table.where}: table '{table.name}': incremental: '{says}' is no number of days, nor a setting of one"
        )
    return found
