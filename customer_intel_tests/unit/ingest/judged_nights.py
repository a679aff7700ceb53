"""Export files taken by the intake and judged night by night; not a test itself.

All nights' files are taken in one catching-up run, in the order of their dates, and each entry of the
ledger then says that its own night took it: the profiles are those that single nights make.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from customer_intel.core.contract import load as contract
from customer_intel.core.tables.parameters import room_config
from customer_intel.ingest.judge.source_check import source_check
from customer_intel.ingest.land import entity_night
from customer_intel_tests.unit.sqlroom import NOWHERE, schema

Facts = dict[str, Any]
NO_CHECKS = pl.DataFrame(schema=schema("source_check"))
CONFIG = room_config("ingest", NOWHERE)


class Intake:
    """Mappings in a folder of their own, and the parts that were taken so far."""

    def __init__(self, root: Path, mappings: Mapping[str, str]) -> None:
        self.root, self.runs = root, 0
        self.con = duckdb.connect(config={"threads": "1"})
        self.con.execute("SET TimeZone = 'UTC'")
        (root / "mappings").mkdir(parents=True)
        for name, text in mappings.items():
            (root / "mappings" / f"{name}.yaml").write_text(text)
        self.entity = {
            name: text.split("entity: ")[1].split(",")[0] for name, text in mappings.items()
        }
        self.source = {
            name: text.split("source: ")[1].split(",")[0] for name, text in mappings.items()
        }
        self.stem = {
            name: text.split("files: '")[1].split("*")[0] for name, text in mappings.items()
        }

    def take(
        self,
        files: Mapping[tuple[str, date], pl.DataFrame | str],
        before: Iterable[tuple[Facts, Path]] = (),
    ) -> list[tuple[Facts, Path]]:
        """The new entries, with their rows."""
        self.runs += 1
        landing, found = self.root / f"landing{self.runs}", []
        for (mapping, day), rows in files.items():
            path = (
                landing
                / self.source[mapping]
                / day.isoformat()
                / f"{self.stem[mapping]}_{day:%Y%m%d}.csv"
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(rows if isinstance(rows, str) else rows.write_csv())
        known = list(before)
        for entity in sorted({self.entity[mapping] for mapping, _ in files}):
            work = self.root / f"work{self.runs}{entity}"
            work.mkdir()
            own = [(facts, path) for facts, path in known if facts["entity"] == entity]
            result = entity_night.ingest(
                entity=contract.load().entities[entity], landing=landing, mappings_dir=self.root / "mappings",
                as_of=max(day for _, day in files), known=[facts for facts, _ in own],
                held_files={facts["part"]: path for facts, path in own}, workdir=work, con=self.con, config=CONFIG,
            )  # fmt: skip
            for part in result.parts:
                part.facts["taken_on"] = part.facts["export_date"]
                found.append((part.facts, part.parquet))
        shutil.rmtree(landing)
        return found


def judged(
    parts: Iterable[tuple[Facts, Path]],
    days: Iterable[date],
    before: pl.DataFrame = NO_CHECKS,
    **config: Any,
) -> pl.DataFrame:
    """source_check after each of the days, the last one's table."""
    ledger = [facts for facts, _ in parts]
    for day in days:
        own = [facts for facts in ledger if facts["taken_on"] <= day.isoformat()]
        before = source_check(
            own, NOWHERE / "landing", day, {**CONFIG, **config}, schema("source_check"), before
        )
    return before


def nights(first: date, n: int) -> list[date]:
    return [first + timedelta(days=k) for k in range(n)]
