"""Which days of an entity must be computed tonight: those on which new exports put, move or delete a row.

Belongs here: entities that are kept by day. Not here: which row of a key stands (the intake's SELECT), tables that are
computed of tables (incremental.py).
"""

from __future__ import annotations

from datetime import date

from customer_intel.core.contract.model import Table
from customer_intel.core.engine import DuckDBEngine, quoted
from customer_intel.core.night import raw_parts
from customer_intel.core.night.day_parts import parts_on
from customer_intel.core.night.incremental import MOST, Plan, continued
from customer_intel.core.night.inputs import within
from customer_intel.core.night.night import Night, parts_of
from customer_intel.core.store.lake import Version


def plan(
    night: Night,
    engine: DuckDBEngine,
    entity: Table,
    select: str,
    recipe: str,
    before: Version | None,
) -> tuple[Plan, str]:
    """What of `entity` is computed, and the SELECT of it; `select` is the one from its raw table.

    A row hangs on the rows of its key alone. So of the exports that were there before, only rows of keys that a new
    one names are read again; all other rows of a touched day stay as they are.
    """
    raw = night.contract.table(f"raw_{entity.name}")
    parts = raw_parts.standing(night, raw)
    inputs = {raw.name: {"parts": {key: part.sha256 for key, part in parts.items()}}}
    whole = Plan(inputs, recipe)
    base = continued(night, before, recipe, inputs)
    if base is None:
        return whole, select
    known = base.inputs[raw.name]["parts"]
    if any(inputs[raw.name]["parts"].get(key) != sha256 for key, sha256 in known.items()):
        return whole, select
    new = {key: part for key, part in parts.items() if key not in known}
    if sum(part.rows for part in new.values()) > MOST * sum(part.rows for part in parts.values()):
        return whole, select
    night.lake.check([*parts.values(), *parts_of(base).values()])
    engine.register(raw, [night.lake.path(part) for part in new.values()], name="of new exports")
    engine.register(raw, [night.lake.path(parts[key]) for key in known], name="of known exports")
    engine.register(entity, night.lake.files(entity.name), name="as it was")
    con, key = engine.con, ", ".join(map(quoted, entity.key))
    con.execute(
        f'CREATE OR REPLACE TEMP TABLE new_key AS SELECT DISTINCT {key} FROM "of new exports"'
    )
    con.execute(
        f'CREATE OR REPLACE TEMP TABLE known_key AS SELECT DISTINCT {key} FROM "of known exports" '
        f"SEMI JOIN new_key USING ({key})"
    )
    con.execute(
        f'CREATE OR REPLACE TEMP VIEW {quoted(raw.name)} AS SELECT * FROM "of new exports" UNION ALL '
        f'SELECT * FROM "of known exports" SEMI JOIN known_key USING ({key})'
    )
    columns = ", ".join(quoted(column.name) for column in entity.columns)
    con.execute(f"CREATE OR REPLACE TEMP TABLE standing AS SELECT {columns} FROM ({select}\n)")
    day = quoted(str(entity.day_column))
    rows = con.execute(
        f"SELECT DISTINCT {day} FROM standing UNION "
        f'SELECT DISTINCT {day} FROM "as it was" SEMI JOIN known_key USING ({key})'
    ).fetchall()
    days = frozenset(found for (found,) in rows if isinstance(found, date))
    kept = parts_on(parts_of(base), days)
    engine.register(entity, [night.lake.path(part) for part in kept], name="of touched days")
    return Plan(inputs, recipe, days), (
        f"SELECT {columns} FROM standing UNION ALL "
        f'SELECT {columns} FROM "of touched days" ANTI JOIN new_key USING ({key}) WHERE {within([day], days)}'
    )
