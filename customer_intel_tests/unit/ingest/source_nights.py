"""Nights of the tables that take and judge exports, on a real lake, without Dagster.

Belongs here: running those tables night by night. Not here: what is expected of them (the tests).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

import customer_intel.ingest  # noqa: F401 (registers what takes exports)
from customer_intel.core.contract import load as contract
from customer_intel.core.engine import EngineSettings
from customer_intel.core.night import build as step
from customer_intel.core.night.night import Night, Outcome
from customer_intel.core.store.lake import Lake
from customer_intel.core.tables import definition as table


class Nights:
    """A home's nights. `entities`: those whose exports land; `also`: further tables to build."""

    def __init__(self, home: Path, entities: Sequence[str], also: Sequence[str] = ()) -> None:
        self.home, self.contract, self.entities = home, contract.load(), tuple(entities)
        made = table.definitions(self.contract)
        judges = ["source_check", "source_state", "stale_table", "export_file"]
        wanted = {*judges, *entities, *also}
        while more := {other for name in wanted for other in made[name].depends_on} - wanted:
            wanted |= more
        self.made = {name: made[name] for name in made if name in wanted}
        # What no export feeds is made once, empty.
        self.busy = {f"raw_{name}" for name in entities}
        for name, definition in self.made.items():
            raw = {other for other in definition.depends_on if other.startswith("raw_")}
            feeds = set(definition.depends_on) - raw - {"source_state"}
            if name in (*judges, *also) or self.busy & (raw | feeds):
                self.busy.add(name)
        (home / "config" / "mappings").mkdir(parents=True, exist_ok=True)
        (home / "landing").mkdir(exist_ok=True)

    def land(self, source: str, day: date, name: str, data: str | bytes) -> Path:
        """Writes an export."""
        path = self.home / "landing" / source / f"{day}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    def configure(self, name: str, text: str) -> None:
        """Writes config/<name>.yaml."""
        (self.home / "config" / f"{name}.yaml").write_text(text)

    def run(self, day: date) -> dict[str, Outcome]:
        """The night's outcomes up to the first gate that closes."""
        night = Night(
            self.home,
            self.home / "landing",
            day,
            f"{day:%Y%m%d}-{self._inputs()}",
            self.contract,
            EngineSettings(),
        )
        outcomes: dict[str, Outcome] = {}
        for name, definition in self.made.items():
            if name not in self.busy and night.lake.current(name):
                continue
            outcomes[name] = step.build(night, definition)
            if not outcomes[name].passed:
                break
        return outcomes

    def _inputs(self) -> str:
        files = [path for path in sorted(self.home.glob("[lc]*/**/*")) if path.is_file()]
        own = [path for path in files if path.relative_to(self.home).parts[0] != "lake"]
        content = b"".join(str(path).encode() + path.read_bytes() for path in own)
        return hashlib.sha256(content).hexdigest()[:12]

    def rows(self, name: str) -> pl.DataFrame:
        """The accepted table."""
        files = Lake(self.home).files(name)
        return pl.read_parquet(files, hive_partitioning=False) if files else pl.DataFrame()

    def states(self) -> dict[str, Any]:
        """Source → its state."""
        return dict(self.rows("source_state").select("source_system", "state").rows())

    def found(self, day: date) -> list[tuple[str, str, str]]:
        """Source, check and column of what the night found."""
        rows = self.rows("source_check").filter(pl.col("judged_on") == day)
        return sorted(rows.select("source_system", "check_name", "column_name").rows())
