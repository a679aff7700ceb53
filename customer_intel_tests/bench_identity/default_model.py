"""How the shipped model was made: `python -m customer_intel_tests.bench_identity.default_model`
writes it anew.

It is fitted, without labels, to generated records, whose families, moves, short names and slips are
those of people.py, and to which middle initial, gender and id number are added; generator and fit
are seeded, so that the same code writes the same file. On one's own records: `customer-intel
resolve FILE --out IDS.csv --save-model MODEL.json`.
"""

from __future__ import annotations

import json

import numpy as np
import polars as pl

from customer_intel.core.engine import DuckDBEngine, EngineSettings
from customer_intel.core.tables.parameters import room_config
from customer_intel.identity.linking.likely_pair import SHIPPED
from customer_intel.identity.matching import records, resolve
from customer_intel.identity.matching.fellegi_sunter import MatchModel
from customer_intel_tests.bench_identity.people import generated

RECORDS, SEED = 100_000, 7


def trained(count: int = RECORDS, seed: int = SEED) -> MatchModel:
    people = _more_said(generated(count, seed), np.random.default_rng(seed))
    mapping = records.guessed(people.columns, without=("truth",))
    said = records.comparable(people, mapping, room_config("identity", SHIPPED.parent / "no home"))
    with DuckDBEngine(EngineSettings(), []) as engine:
        return resolve.resolve(engine.con, said, with_edges=False).model


def _more_said(people: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """With middle initial, gender and id number: now and then not said, now and then wrong."""
    who, size = people["truth"].to_numpy(), len(people)
    persons = int(who.max()) + 1
    letters = np.array(list("aaabcddeefghijjjkkllllmmmmnoprrsstvw"))
    said = {
        "middle_initial": (letters, 0.4, 0.03),
        "gender": (np.array(["f", "m"]), 0.3, 0.01),
        "ssn": (rng.integers(100_000_000, 999_999_999, persons).astype(str), 0.5, 0.015),
    }
    columns = []
    for name, (values, empty, wrong) in said.items():
        own = values if len(values) == persons else values[rng.integers(0, len(values), persons)]
        told = np.where(rng.random(size) < wrong, own[rng.integers(0, persons, size)], own[who])
        if name == "ssn":
            slips = np.flatnonzero(rng.random(size) < 0.03)
            for row, place, digit in zip(
                slips, rng.integers(0, 9, size), rng.integers(0, 10, size), strict=False
            ):
                told[row] = told[row][:place] + str(digit) + told[row][place + 1 :]
        columns.append(
            pl.when(pl.Series(rng.random(size) >= empty)).then(pl.Series(told)).alias(name)
        )
    return people.with_columns(columns)


if __name__ == "__main__":
    SHIPPED.write_text(json.dumps(trained().as_dict(), indent=1) + "\n", encoding="utf-8")
