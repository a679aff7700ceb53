"""Which pairs are compared: the share of true pairs among them, and pairs per record, at sizes
around every threshold of the resolver: of customers with few records each, and of the register,
whose people have ten. Records are those of a night's tables (homes.py). A copy of a record that was
compared counts as compared with its like and with all that these are compared with.

    python -m customer_intel_tests.bench_identity.candidates [RECORDS …]

There must be no cliff between one size and the next, and at least .9 of the true pairs.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from customer_intel.core.engine import DuckDBEngine, EngineSettings
from customer_intel.identity.matching.resolve import Records
from customer_intel_tests.bench_identity import homes, register
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


def measured(people: pl.DataFrame) -> Candidates:
    """`people`: record_id, truth and columns whose names say what they are."""
    said = homes.compared(people)
    with DuckDBEngine(EngineSettings(), []) as engine:
        records = Records(engine.con, said.drop("truth"))
        started = time.perf_counter()
        packed = records.candidates()
        seconds = time.perf_counter() - started
    sizes = said.group_by("truth").len()["len"].cast(pl.Int64)
    return Candidates(
        records=len(said),
        pairs=len(packed),
        true_pairs=int((sizes * (sizes - 1) // 2).sum()),
        found=_found(records, packed, said.select("record_key", "truth")),
        seconds=seconds,
    )


def _found(records: Records, packed: npt.NDArray[np.int64], who: pl.DataFrame) -> int:
    """True pairs among the candidates, copies with those that stand for them."""
    key = records.party["record_key"]
    stands = pl.concat(
        [
            pl.DataFrame({"record_key": key, "stands": key}),
            records.copies.select("record_key", stands="record_key_a"),
        ]
    )
    counts = (
        stands.join(who, on="record_key").group_by("stands", "truth").agg(n=pl.len().cast(pl.Int64))
    )
    pairs = pl.DataFrame({"a": key.gather(packed >> 32), "b": key.gather(packed & 0xFFFFFFFF)})
    across = pairs.join(counts, left_on="a", right_on="stands").join(
        counts, left_on=["b", "truth"], right_on=["stands", "truth"], suffix="_b"
    )
    alike = counts["n"] * (counts["n"] - 1) // 2
    return int((across["n"] * across["n_b"]).sum() + alike.sum())


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
