"""A list of people settled by a night of the identity tables, in a home of its own that is gone afterwards.

Belongs here: building just the tables that say who is who, over one list. Not here: what the list's columns are
(identity/records/person_columns.py), how it becomes a home (person_home.py), the tables themselves.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

    from customer_intel.identity.records.person_columns import PersonColumns

# What the tables that are wanted follow from.
WANTED = ("record_customer_map", "record_confidence", "match_model")


@dataclass(frozen=True)
class Settled:
    """`people`: record_key (as the list has it), customer_id, confidence, one row per row of the list in its order;
    `model`: the row of match_model.
    """

    people: pl.DataFrame
    model: dict[str, Any]


def settled(
    frame: pl.DataFrame,
    columns: PersonColumns,
    home: Path,
    model: dict[str, Any] | None,
    as_of: date,
) -> Settled:
    """The list's people. `home`: whose config/identity.yaml applies; `model`: one adopted instead of the home's.

    Raises ConfigError for settings that are none, RuntimeError when a gate closes on the list.
    """
    import polars as pl

    from customer_intel.core.contract import yaml_lines
    from customer_intel.core.store.lake import Lake, write_bytes
    from customer_intel.identity.records.person_home import write_home

    with tempfile.TemporaryDirectory(prefix="customer-intel-") as folder:
        own = Path(folder)
        config = own / "config"
        config.mkdir()
        for name in ("identity.yaml", "match_model.yaml"):
            if (home / "config" / name).is_file():
                shutil.copy(home / "config" / name, config / name)
        if model is not None:
            write_bytes(
                config / "match_model.yaml", yaml_lines.dumped(model, sort_keys=False).encode()
            )
        known = (
            dict(yaml_lines.load(config / "identity.yaml"))
            if (config / "identity.yaml").is_file()
            else {}
        )
        # A list may hold people of many records; that is no night gone wrong.
        known["accepted_nights"] = [as_of.isoformat()]
        write_bytes(config / "identity.yaml", yaml_lines.dumped(known, sort_keys=False).encode())
        keys = write_home(frame, columns, own, as_of)
        built(own, as_of)
        lake = Lake(own)

        def rows(name: str) -> pl.DataFrame:
            return pl.read_parquet(lake.files(name), hive_partitioning=False)

        people = rows("record_confidence").select("record_key", "customer_id", "confidence")
        found = keys.to_frame("record_key").join(
            people, on="record_key", how="left", maintain_order="left"
        )
        if lost := found["customer_id"].null_count():
            raise RuntimeError(
                f"{lost:,} rows of the list were not taken; customer-intel inspect says why"
            )
        named = keys.str.replace(r"^[^:]*:", "")
        if named.n_unique() < len(named):
            named = keys
        return Settled(found.with_columns(record_key=named), rows("match_model").row(0, named=True))


def built(home: Path, as_of: date, tables: Sequence[str] = WANTED) -> None:
    """Builds `tables` and what they follow from in `home`. Raises RuntimeError when a gate closes."""
    import customer_intel.ingest  # noqa: F401  (registers how exports are taken)
    from customer_intel.core.contract import load as contract
    from customer_intel.core.engine import EngineSettings
    from customer_intel.core.night import build as step
    from customer_intel.core.night.night import Night
    from customer_intel.core.tables import definition as table

    contracts = contract.load()
    made = table.definitions(contracts)
    wanted = set(tables)
    while more := {other for name in wanted for other in made[name].depends_on} - wanted:
        wanted |= more
    night = Night(home, home / "landing", as_of, "own", contracts, EngineSettings())
    step.prepare(home)
    for name, definition in made.items():
        outcome = step.build(night, definition) if name in wanted else None
        if outcome and not outcome.passed:
            why = "; ".join(
                f"{finding.expectation}: {finding.message}" for finding in outcome.verdict.failed
            )
            raise RuntimeError(f"the gate of {name} closed on the list: {why}")
