"""The hostile company's lake after one night, and every SQL table's inputs as Parquet; not a test
itself.

Belongs here: what a table reads, as its step in the night sees it. Not here: engines (engines.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from customer_intel.core.contract.model import STAMPS, Table
from customer_intel.core.engine import DuckDBEngine, EngineSettings, literal
from customer_intel.core.store.lake import Lake
from customer_intel.core.tables.definition import Definition
from customer_intel.core.tables.parameters import room_config
from customer_intel_tests.parity.hostile_exports import AS_OF, ZONE, land
from customer_intel_tests.whole_nights import Steps

# Of so many values of an optional column one is emptied in frayed inputs.
FRAYED = 6
# Not those: two rows would be today's, and which of them is taken is nobody's decision.
ENDS = ("known_to", "valid_to")


@dataclass
class HostileLake:
    """A home after its night. `folder`: where inputs and results are written."""

    home: Path
    folder: Path
    steps: Steps
    engine: DuckDBEngine
    written: dict[str, Path] = field(default_factory=dict)

    def sql(self, definition: Definition) -> str:
        """The table's SELECT with the home's settings."""
        settings: dict[str, Any] = room_config(definition.table.room, self.home)
        return definition.sql({**settings, "as_of": AS_OF})

    def inputs(self, definition: Definition, *, is_frayed: bool = False) -> dict[str, Path]:
        """Table → a Parquet file of what the step reads of it: people who must not be seen are
        gone. Frayed: optional values are empty here and there.
        """
        return {
            name: self._input(self.steps.contract.table(name), definition.table, is_frayed)
            for name in definition.reads
        }

    def tables(self, definition: Definition) -> list[Table]:
        return [self.steps.contract.table(name) for name in definition.reads]

    def _input(self, table: Table, reader: Table, is_frayed: bool) -> Path:
        without = self._hidden_by(reader, table)
        name = f"{table.name}{'.without' if without else ''}{'.frayed' if is_frayed else ''}"
        if name not in self.written:
            path = self.folder / "inputs" / f"{name}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            self.engine.con.execute(f'DROP VIEW IF EXISTS "{table.name}"')
            self.engine.con.execute(f'DROP TABLE IF EXISTS "{table.name}"')
            files = self._files(table.name)
            if without:
                key, hidden = without
                self.engine.register_without(table, files, key, self._files(hidden))
            else:
                self.engine.register(table, files)
            picked = ", ".join(
                _frayed(table, column.name) if is_frayed else f'"{column.name}"'
                for column in table.columns
            )
            self.engine.con.execute(
                f'COPY (SELECT {picked} FROM "{table.name}") TO {literal(str(path))}'
            )
            self.written[name] = path
        return self.written[name]

    def _files(self, name: str) -> list[Path]:
        lake = Lake(self.home)
        return lake.files(name) if lake.current(name) else []

    def _hidden_by(self, reader: Table, table: Table) -> tuple[str, str] | None:
        if reader.without is None or table.name == reader.without:
            return None
        key = self.steps.contract.table(reader.without).key[0]
        return (key, reader.without) if key in table.by_name else None


def _frayed(table: Table, name: str) -> str:
    column = table.by_name[name]
    if column.required or name in (*table.key, *STAMPS, *ENDS):
        return f'"{name}"'
    # Rows as exports have them need no key; what they must have tells them apart.
    names = table.key or [item.name for item in table.columns if item.required]
    row = " || '|' || ".join(f"coalesce(CAST(\"{key}\" AS VARCHAR), '')" for key in names)
    drawn = f"hash({row} || '|' || {literal(name)}) % {FRAYED}"
    return f'CASE WHEN {drawn} <> 0 THEN "{name}" END AS "{name}"'


def make(folder: Path) -> HostileLake:
    """Lands the exports and runs their night, gates and all."""
    home = folder / "home"
    land(home / "landing")
    (home / "config").mkdir()
    (home / "config" / "company.yaml").write_text(f"time_zone: {ZONE}\n", encoding="utf-8")
    steps = Steps(home, AS_OF)
    closed = {name: said.reason for name, said in steps.build().items() if not said.passed}
    assert not closed, closed
    return HostileLake(home, folder, steps, DuckDBEngine(EngineSettings(threads=1), [folder]))
