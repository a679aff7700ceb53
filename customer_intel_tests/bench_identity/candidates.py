"""Which pairs are compared: the share of true pairs among them, and pairs per record, at sizes
around every threshold of the resolver: of customers with few records each, and of the register,
whose people have ten.

    python -m customer_intel_tests.bench_identity.candidates [RECORDS …]

There must be no cliff between one size and the next, and at least .9 of the true pairs.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from customer_intel.core.tables.parameters import room_config
from customer_intel.identity.matching import candidate_pairs, records
from customer_intel_tests.bench_identity import register
from customer_intel_tests.bench_identity.people import generated

SIZES = (5_000, 19_000, 21_000, 100_000, 1_000_000)
FLOOR = 0.9


@dataclass(frozen=True)
class Candidates:
    """`recall`: share of the true pairs that are candidates; `seconds` of finding them."""

    records: int
    pairs: int
    true_pairs: int
    found: int
    seconds: float

    @property
    def recall(self) -> float:
        return self.found / self.true_pairs if self.true_pairs else 1.0

    @property
    def per_record(self) -> float:
        return self.pairs / self.records if self.records else 0.0


def measured(people: pl.DataFrame, home: Path = Path("no home")) -> Candidates:
    """`people`: record_id, truth and columns whose names say what they are."""
    mapping = records.guessed(people.columns, without=["truth"])
    party = candidate_pairs.prepared(
        records.comparable(people, mapping, room_config("identity", home))
    )
    started = time.perf_counter()
    with duckdb.connect(config={"threads": 2, "memory_limit": "2GB"}) as con:
        i, j = candidate_pairs.candidates(con, party)
    seconds = time.perf_counter() - started
    truth = (
        party.select("record_key")
        .join(people.select(record_key="record_id", truth="truth"), on="record_key", how="left",
              maintain_order="left")["truth"]
        .to_numpy()
    )  # fmt: skip
    sizes = people.group_by("truth").len()["len"].cast(pl.Int64)
    return Candidates(
        records=len(party),
        pairs=len(i),
        true_pairs=int((sizes * (sizes - 1) // 2).sum()),
        found=int((truth[i] == truth[j]).sum()),
        seconds=seconds,
    )


def main(sizes: tuple[int, ...] = SIZES) -> None:
    print(
        f"{'list':10}{'records':>10}{'pairs':>14}{'per record':>12}{'true pairs':>12}{'recall':>9}{'seconds':>9}"
    )
    for name, make, most in (("customers", customers, max(sizes)), ("register", entries, 100_000)):
        for size in (size for size in sizes if size <= most):
            found = measured(make(size))
            print(
                f"{name:10}{found.records:10,}{found.pairs:14,}{found.per_record:12.1f}{found.true_pairs:12,}"
                f"{found.recall:9.4f}{found.seconds:9.1f}  {'' if found.recall >= FLOOR else 'below .9'}",
                flush=True,
            )


def customers(size: int) -> pl.DataFrame:
    return generated(size, 5)


def entries(size: int) -> pl.DataFrame:
    return register.generated(size, 5).rename({"unique_id": "record_id"})


if __name__ == "__main__":
    main(tuple(int(size) for size in sys.argv[1:]) or SIZES)
