"""A generated list as a home, and as what the resolver compares: as far as the night's tables make it.

Belongs here: what comes before the resolver's own tables. Not here: what is measured of these
(candidates.py, million.py).
"""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path

import polars as pl

import customer_intel.ingest  # noqa: F401  (registers how exports are taken)
from customer_intel.cli import own_home
from customer_intel.core.contract import load as contract
from customer_intel.core.contract import yaml_lines
from customer_intel.core.store.lake import Lake, write_bytes
from customer_intel.core.tables import definition
from customer_intel.core.tables.parameters import room_config
from customer_intel.identity.linking.comparable import comparable
from customer_intel.identity.records import person_columns, person_home

NIGHT = date(2026, 6, 30)
# The resolver's own tables, in their order.
RESOLVING = ("match_model", "match_edge", "match_conflict", "record_customer_map")


def home_of(people: pl.DataFrame, home: Path) -> pl.Series:
    """Lands `people` (record_id, truth and columns whose names say what they are) in `home`, a new
    folder, and builds what RESOLVING follow from. Returns each row's record_key. Raises RuntimeError when a
    gate closes.
    """
    columns = person_columns.guessed(people, without=["truth"])
    # As `evaluate identity` has it: a list may hold people of many records.
    accepted = yaml_lines.dumped({"accepted_nights": [NIGHT.isoformat()]}, sort_keys=False)
    write_bytes(home / "config" / "identity.yaml", accepted.encode())
    keys = person_home.write_home(people.drop("truth"), columns, home, NIGHT)
    made = definition.definitions(contract.load())
    before = {other for name in RESOLVING for other in made[name].depends_on} - {*RESOLVING}
    own_home.built(home, NIGHT, sorted(before))
    return keys


def compared(people: pl.DataFrame) -> pl.DataFrame:
    """record_key, truth and the fields that the resolver compares, by the tables of a night."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        keys = home_of(people, home)
        party, hubs = (rows(home, name) for name in ("party_record", "hub_value"))
        said = comparable(party, hubs, room_config("identity", home))
    who = pl.DataFrame({"record_key": keys, "truth": people["truth"]})
    return said.join(who, on="record_key", how="left")


def rows(home: Path, table: str) -> pl.DataFrame:
    """The rows of a table of the lake; none of one that was never built."""
    if files := Lake(home).files(table):
        return pl.read_parquet(files, hive_partitioning=False)
    empty: pl.DataFrame = pl.from_arrow(contract.load().table(table).arrow_schema.empty_table())  # type: ignore[assignment]
    return empty
