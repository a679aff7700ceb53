"""A labelled list through a whole night of a home, from the landing to the published map.

    python -m customer_intel_tests.bench_identity.whole_night FILE --truth COLUMN [--home FOLDER]

Prints precision, recall and F1 of the published `record_customer_map`, beside `customer-intel
evaluate identity` of the same file: the two must be the same to the pair.

Belongs here: the file as a home, the commands, what they left. Not here: which column means what
(identity/records/person_columns.py).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from customer_intel.identity.matching import metrics as evaluation
from customer_intel.identity.records import person_columns, person_home
from customer_intel_tests.bench_identity.company_score import released
from customer_intel_tests.bench_identity.measured import Used, measured
from customer_intel_tests.bench_identity.sets import Labelled

AS_OF = date(2026, 6, 30)
MINUTES = 30
# Of an evaluation: what must agree between the night and `evaluate`.
COUNTS = ("records", "true_pairs", "found_pairs", "right_pairs")


@dataclass(frozen=True)
class Night:
    """`clusters`: record_key, cluster (customer), truth. `used`: of `customer-intel run`."""

    found: evaluation.Agreement
    clusters: pl.DataFrame
    used: Used


def night(labelled: Labelled, home: Path) -> Night:
    """The file through a first night of `home` (a new folder). Raises CalledProcessError when the
    night ends with an error.
    """
    frame = labelled.frame()
    columns = person_columns.guessed(frame, without=[labelled.column])
    keys = person_home.write_home(frame, columns, home, AS_OF)
    used = measured(
        [
            *(sys.executable, "-m", "customer_intel.cli", "run", "--home", str(home)),
            *("--landing", str(home / "landing"), "--as-of", str(AS_OF)),
        ],
        minutes=MINUTES,
    )
    mapped = pl.read_parquet(released(home, "record_customer_map")).filter(
        pl.col("valid_to").is_null()
    )
    truth = labelled.labels().with_columns(record_key=keys)
    clusters = truth.join(
        mapped.select("record_key", cluster="customer_id"), on="record_key", how="left"
    )
    # A record that the night lost is alone, and shows as a pair that was missed.
    clusters = clusters.with_columns(cluster=pl.coalesce("cluster", "record_key"))
    known = clusters.drop_nulls("truth")
    return Night(evaluation.agreement(known.select("cluster", "truth")), clusters, used)


def evaluated(labelled: Labelled) -> tuple[dict[str, Any], Used]:
    """What `evaluate identity` says of the file."""
    command = ["evaluate", "identity", str(labelled.file), "--truth", labelled.truth, "--json"]
    used = measured([sys.executable, "-m", "customer_intel.cli", *command], minutes=MINUTES)
    return json.loads(used.stdout), used


def differences(found: evaluation.Agreement, told: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """COUNTS in which the night and `evaluate` differ: (night, evaluate); empty is right."""
    counts = found.as_dict()
    return {
        name: (int(counts[name]), int(told[name])) for name in COUNTS if counts[name] != told[name]
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--truth", required=True, help="column or SQL expression")
    parser.add_argument("--column", help="the column behind --truth, which is not looked at")
    parser.add_argument("--home", type=Path, help="a new folder; without it, one for the while")
    told = parser.parse_args()
    labelled = Labelled(told.file.stem, told.file, told.truth, told.column or told.truth)
    with tempfile.TemporaryDirectory() as scratch:
        ran = night(labelled, told.home or Path(scratch) / "home")
    said, used = evaluated(labelled)
    for who, each, cost in (("night", ran.found.as_dict(), ran.used), ("evaluate", said, used)):
        print(
            f"{who:10} F1 {each['f1']:.5f}  precision {each['precision']:.5f}  recall "
            f"{each['recall']:.5f}  {cost.cpu_seconds:.1f} CPU-s  {cost.peak_mb:,} MB"
        )
    apart = differences(ran.found, said)
    print("the same to the pair" if not apart else f"they differ (night, evaluate): {apart}")
    return 1 if apart else 0


if __name__ == "__main__":
    raise SystemExit(main())
