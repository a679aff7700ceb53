"""Which keys of a table must be computed tonight: those of which a row of an input changed.

Belongs here: the touched keys, the inputs narrowed to them, and the SELECT of the whole: their new rows, and all other
rows as they were. Not here: what changed in an input (inputs.py), tables that are computed by days (incremental.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from customer_intel.core.contract.model import STAMPS, Table
from customer_intel.core.engine import quoted
from customer_intel.core.night.day_parts import parts_on
from customer_intel.core.night.incremental import MOST, Plan, continued, new_days
from customer_intel.core.night.inputs import Inputs, changed_days, is_comparable, row_hash, within
from customer_intel.core.night.night import parts_of
from customer_intel.core.store.lake import Version


class Planner:
    """What of a table is computed whose rows of one key hang on the rows of that key alone."""

    def __init__(self, inputs: Inputs, table: Table) -> None:
        self._inputs, self._table, self._rule = inputs, table, inputs.rule
        self._key = quoted(str(inputs.rule.per))

    def plan(self, names: Iterable[str], recipe: str, before: Version | None) -> Plan:
        """What is to be remembered of the inputs `names`; when keys are computed, `touched_key` holds them."""
        now = {name: self._inputs.told(name) for name in names}
        whole = Plan(now, recipe)
        base = continued(self._inputs.night, before, recipe, now)
        if base is None:
            return whole
        con = self._inputs.engine.con
        found = [self._touched(name, base, told) for name, told in now.items()]
        if None in found:
            return whole
        keys = (
            " UNION ".join(text for text in found if text)
            or f"SELECT {self._key} FROM {self._was()} WHERE FALSE"
        )
        con.execute(f"CREATE OR REPLACE TEMP TABLE touched_key AS {keys}")
        share = con.execute(
            f"SELECT count(*) FILTER (WHERE {self._key} IN (SELECT {self._key} FROM touched_key)), count(*) "
            f"FROM (SELECT DISTINCT {self._key} FROM {self._was()})"
        ).fetchone()
        assert share is not None
        if share[0] > MOST * share[1]:
            return whole
        return Plan(now, recipe, is_by_key=True)

    def register(self, name: str) -> None:
        """Makes the rows of an input by days readable that have a touched key."""
        rows = self._inputs.rows(name)
        self._inputs.night.lake.checked(name)
        self._inputs.engine.con.execute(
            f"CREATE OR REPLACE TEMP VIEW {quoted(name)} AS SELECT * FROM {rows} "
            f"SEMI JOIN touched_key USING ({self._key})"
        )

    def whole(self, select: str) -> str:
        """The SELECT of the whole table; `select`: that of the touched keys."""
        names = ", ".join(quoted(c.name) for c in self._table.columns if c.name not in STAMPS)
        return (
            f"SELECT {names} FROM ({select}\n) UNION ALL "
            f"SELECT {names} FROM {self._was()} ANTI JOIN touched_key USING ({self._key})"
        )

    def _was(self) -> str:
        """The table as it was before tonight."""
        return self._inputs.rows(self._table.name)

    def _touched(self, name: str, before: Version, now: Mapping[str, Any]) -> str | None:
        """SELECT of the keys that are touched because of an input, "" of none; None when that cannot be told."""
        old = before.inputs[name]
        if not is_comparable(old, now):
            return None
        if "days" not in now:
            if old == now:
                return ""
            return self._by_lookup(name, old["files"]) if "files" in now else None
        other, lake = self._inputs.table(name), self._inputs.night.lake
        changed = changed_days(old["days"], now["days"])
        files = [lake.root / path for path in parts_on(old["parts"], changed)]
        if not all(path.exists() for path in files):
            return None
        parts = parts_on(parts_of(lake.current(name)), changed)
        lake.check(parts)
        engine, day = self._inputs.engine, quoted(str(other.day_column))
        engine.register(other, files, name=f"were of {name}")
        engine.register(other, [lake.path(part) for part in parts], name=f"are of {name}")
        sides = " UNION ALL ".join(
            f"SELECT {self._key}, {row_hash(other)} AS row, {sign} AS side FROM {quoted(f'{rows} of {name}')} "
            f"WHERE {within([day], changed)}"
            for rows, sign in (("are", 1), ("were", -1))
        )
        moved = within([day], new_days(self._inputs.night, before))
        return (
            f"SELECT {self._key} FROM ({sides}) WHERE {self._key} IS NOT NULL GROUP BY {self._key}, row "
            f"HAVING sum(side) <> 0 UNION SELECT {self._key} FROM {self._inputs.rows(name)} WHERE {moved}"
        )

    def _by_lookup(self, name: str, old: list[str]) -> str | None:
        is_touched, rule = self._inputs.touches(name, old), self._rule.lookups[name]
        if not is_touched:
            return None if is_touched is None else ""
        kept = quoted(f"touched by {name}")
        self._inputs.engine.con.execute(
            f"CREATE OR REPLACE TEMP TABLE {kept} AS SELECT DISTINCT key FROM touched"
        )
        return " UNION ".join(
            f"SELECT {self._key} FROM {self._inputs.rows(driver)} WHERE {self._key} IS NOT NULL AND "
            f"{quoted(rule.key)} IN (SELECT key FROM {kept})"
            for driver in rule.of
        )
