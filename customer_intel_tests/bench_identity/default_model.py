"""How the shipped model was made: `python -m customer_intel_tests.bench_identity.default_model`
writes it anew.

It is fitted, without labels, to generated records, whose families, moves, short names and slips are
those of people.py, and to which middle initial, gender, id number, login, birth place, occupation,
organisation and a shared contact are added; generator and fit are seeded, so that the same code
writes the same file. On one's own records: `customer-intel identity fit`.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from customer_intel.cli import own_home
from customer_intel.core.contract import load as contract
from customer_intel.core.engine import DuckDBEngine, EngineSettings
from customer_intel.core.store.lake import Lake
from customer_intel.core.tables.parameters import room_config
from customer_intel.identity.linking.comparable import comparable
from customer_intel.identity.linking.match_model import SHIPPED
from customer_intel.identity.matching.fellegi_sunter import MatchModel
from customer_intel.identity.matching.resolve import Records, fitted
from customer_intel.identity.records import person_columns, person_home
from customer_intel_tests.bench_identity.people import generated

RECORDS, SEED, NIGHT = 100_000, 7, date(2026, 6, 30)


def trained(count: int = RECORDS, seed: int = SEED) -> MatchModel:
    people = generated(count, seed)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        columns = person_columns.guessed(people, without=["truth"])
        keys = person_home.write_home(people.drop("truth"), columns, home, NIGHT)
        own_home.built(home, NIGHT, ("party_record", "hub_value"))
        lake = Lake(home)
        empty = pl.DataFrame(contract.load().table("hub_value").arrow_schema.empty_table())
        party, *hubs = (
            pl.read_parquet(files, hive_partitioning=False)
            for name in ("party_record", "hub_value")
            if (files := lake.files(name))
        )
        said = comparable(party, hubs[0] if hubs else empty, room_config("identity", home))
    who = pl.DataFrame({"record_key": keys, "truth": people["truth"]})
    said = said.join(who, on="record_key").sort("record_key")
    said = said.with_columns(_more_said(said["truth"].to_numpy(), np.random.default_rng(seed)))
    with DuckDBEngine(EngineSettings(), []) as engine:
        records = Records(engine.con, said.drop("truth"))
        model = fitted(records, records.candidates(), None)
    # What differs is trusted until a company's own records say that it is written carelessly.
    return replace(model, is_veto=True, is_birth_veto=True, is_gap_doubt=True, n_matches=0)


def _more_said(who: npt.NDArray[np.int64], rng: np.random.Generator) -> list[pl.Series]:
    """What the generator leaves out: by person, now and then not said, now and then another."""
    size, persons = len(who), int(who.max()) + 1
    letters = np.array(list("aaabcddeefghijjjkkllllmmmmnoprrsstvw"))
    numbers = rng.integers(100_000_000, 999_999_999, persons).astype(str)
    places = np.array([f"place {n}" for n in range(400)])
    trades = np.array([f"trade {n}" for n in range(80)])
    firms = np.array([f"firm {n}" for n in range(max(persons // 25, 2))])
    said = {
        # Column: values, share not said, share of another person's.
        "middle": (letters, 0.4, 0.03),
        "gender": (np.array(["f", "m"]), 0.3, 0.01),
        "id_number": (numbers, 0.5, 0.015),
        "login": (np.char.add("u", np.arange(persons).astype(str)), 0.6, 0.05),
        "birth_place": (places, 0.6, 0.08),
        "occupation": (trades, 0.6, 0.35),
        "company": (firms, 0.7, 0.25),
        "office": (np.char.add("+1", np.arange(max(persons // 6, 2)).astype(str)), 0.8, 0.3),
    }
    columns = []
    for name, (values, empty, wrong) in said.items():
        own = values if len(values) == persons else values[rng.integers(0, len(values), persons)]
        told = np.where(rng.random(size) < wrong, own[rng.integers(0, persons, size)], own[who])
        if name == "id_number":
            slips = np.flatnonzero(rng.random(size) < 0.03)
            for row, place, digit in zip(
                slips, rng.integers(0, 9, size), rng.integers(0, 10, size), strict=False
            ):
                told[row] = told[row][:place] + str(digit) + told[row][place + 1 :]
        kept = rng.random(size) >= empty
        columns.append(
            pl.Series(name, [v if k else None for v, k in zip(told, kept, strict=True)], pl.String)
        )
    return columns


if __name__ == "__main__":
    SHIPPED.write_text(json.dumps(trained().as_dict(), indent=1) + "\n", encoding="utf-8")
