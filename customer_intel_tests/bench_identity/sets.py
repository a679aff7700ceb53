"""The labelled sets that resolvers are measured on, each a file as its publisher or generator wrote
it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from customer_intel_tests import rda
from customer_intel_tests.bench_identity import households

# An interpreter whose environment has `pseudopeople`: without it there are no households.
PSEUDOPEOPLE = "CUSTOMER_INTEL_PSEUDOPEOPLE_PYTHON"
FEBRL_TRUTH = "split_part(rec_id, '-', 2)"


@dataclass(frozen=True)
class Labelled:
    """`truth`: column or SQL expression over the file's columns that says who each record is;
    `column`: the column it is read from, which no resolver may see.
    """

    name: str
    file: Path
    truth: str
    column: str


def published(data: Path, scratch: Path) -> Iterator[Labelled]:
    """febrl3, RLdata500 and fake_1000. `data`: the folder of real data."""
    yield Labelled("febrl3", data / "febrl" / "dataset3.csv.gz", FEBRL_TRUTH, "rec_id")
    yield Labelled("RLdata500", rldata500(data, scratch), "who", "who")
    yield Labelled("fake_1000", data / "splink" / "fake_1000.csv", "cluster", "cluster")


def rldata500(data: Path, scratch: Path) -> Path:
    """R's workspace as CSV, with the truth, which R keeps apart, as column `who`."""
    found = rda.frames(data / "rldata" / "RLdata500.rda")
    written = scratch / "RLdata500.csv"
    pl.DataFrame({**found["RLdata500"], "who": found["identity.RLdata500"]}).write_csv(written)
    return written


def families(scratch: Path) -> Iterator[Labelled]:
    """The generated families, where the environment variable names an interpreter that can make
    them.
    """
    python = os.environ.get(PSEUDOPEOPLE)
    for seed in households.SEEDS if python else ():
        written = scratch / f"households_{seed}.parquet"
        if not written.exists():
            command = [str(python), households.__file__, str(written), "--seed", str(seed)]
            subprocess.run(command, check=True, capture_output=True)
        yield Labelled(f"households {seed}", written, "simulant_id", "simulant_id")
