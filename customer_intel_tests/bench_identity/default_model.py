"""How the shipped model was made: `python -m customer_intel_tests.bench_identity.default_model` writes it anew.

It is fitted, without labels, to generated records, whose families, moves, short names and slips are those of people.py;
generator and fit are seeded, so that the same code writes the same file.
"""

from __future__ import annotations

import json

from customer_intel.core.engine import DuckDBEngine, EngineSettings
from customer_intel.core.table import room_config
from customer_intel.identity import records, resolve
from customer_intel.identity.likely import SHIPPED
from customer_intel.identity.model import Model
from customer_intel_tests.bench_identity.people import generated

RECORDS, SEED = 100_000, 7


def trained(count: int = RECORDS, seed: int = SEED) -> Model:
    people = generated(count, seed)
    mapping = records.guessed(people.columns, without=("truth",))
    said = records.comparable(people, mapping, room_config("identity", SHIPPED.parent / "no home"))
    with DuckDBEngine(EngineSettings(), []) as engine:
        return resolve.resolve(engine.con, said, with_edges=False).model


if __name__ == "__main__":
    SHIPPED.write_text(json.dumps(trained().as_dict(), indent=1) + "\n", encoding="utf-8")
