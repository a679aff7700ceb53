"""What of a table a step computes: the whole, some days, some keys, or the whole in stretches of days.

Belongs here: choosing among the ways, and the SELECTs that follow. Not here: the ways (incremental.py, by_key.py,
new_exports.py), the step (build.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date

from customer_intel.core.contract.model import Table
from customer_intel.core.engine import DuckDBEngine, quoted
from customer_intel.core.night import by_key, incremental, new_exports
from customer_intel.core.night.incremental import NOTHING, Plan
from customer_intel.core.night.inputs import Days, Inputs, within
from customer_intel.core.night.night import Night
from customer_intel.core.store.lake import Version
from customer_intel.core.tables.definition import Definition
from customer_intel.core.tables.parameters import room_config


@dataclass(frozen=True)
class Work:
    """What of `table` is computed, and how."""

    plan: Plan
    table: Table
    by_days: incremental.Planner | None = None
    by_keys: by_key.Planner | None = None

    @property
    def days(self) -> set[str] | None:
        """Of a table by day: which are computed (YYYY-MM-DD); None: all."""
        return None if self.plan.days is None else {day.isoformat() for day in self.plan.days}

    def whole(self, select: str) -> str:
        """The table's SELECT; `select` as it is written, which may have been given some keys alone."""
        return self.by_keys.whole(select) if self.by_keys else select

    def selects(self, sql: str) -> Iterator[str]:
        """`sql`, of the days that are computed; of stretches one after the other, each over inputs of its own."""
        if self.by_days and self.plan.stretches:
            for days, seen in self.plan.stretches:
                for name, some in seen.items():
                    self.by_days.register(name, some)
                yield self._of(sql, days)
        else:
            yield sql if self.plan.days is None else self._of(sql, self.plan.days)

    def _of(self, sql: str, days: Days) -> str:
        return f"SELECT * FROM ({sql}\n) WHERE {within([quoted(str(self.table.day_column))], days)}"


def planned(
    night: Night,
    engine: DuckDBEngine,
    definition: Definition,
    before: Version | None,
    zone: str,
    register: Callable[[str], None],
) -> Work:
    """Plans the table, and makes its inputs readable: of those by days or keys what is needed, others by `register`."""
    table, rule = definition.table, definition.table.incremental
    settings = room_config(table.room, night.home)
    work = Work(NOTHING, table)
    if rule or (table.entity is not None and table.day_column):
        text = definition.sql({**settings, "as_of": date(2000, 1, 1)})
        work = replace(work, plan=Plan({}, incremental.recipe(table, text, zone)))
    if rule:
        inputs, recipe = Inputs(night, engine, rule, zone), work.plan.recipe
        if rule.per:
            keys = by_key.Planner(inputs, table)
            plan = keys.plan(definition.reads, recipe, before)
            work = replace(work, plan=plan, by_keys=keys if plan.is_by_key else None)
        else:
            days = incremental.Planner(inputs, table, settings)
            work = replace(work, plan=days.plan(definition.reads, recipe, before), by_days=days)
    seen = work.plan.stretches[0][1] if work.plan.stretches else work.plan.seen
    for name in definition.depends_on:
        if work.by_days and name in seen:
            work.by_days.register(name, seen[name])
        elif work.by_keys and rule and name in rule.days:
            work.by_keys.register(name)
        else:
            register(name)
    return work


def of_exports(
    night: Night, engine: DuckDBEngine, work: Work, select: str, before: Version | None
) -> tuple[Work, str]:
    """An entity that is kept by day: what its new exports touch, and the SELECT of it."""
    plan, select = new_exports.plan(night, engine, work.table, select, work.plan.recipe, before)
    return replace(work, plan=plan), select
