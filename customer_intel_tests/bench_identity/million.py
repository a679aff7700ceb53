"""A million generated records, from normalised records to people: ours beside Splink alone, each in
its own process and both at their best.

    python -m customer_intel_tests.bench_identity.million [RECORDS] [--folder FOLDER]

Splink trains on a sample without term frequencies and predicts from few narrow blocks (setting
`capped`); its F1 is that of its best threshold. Ours is the resolver on normalised records, frozen
to nothing but the list. CPU seconds are of the work, without start, imports and reading.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import duckdb
import polars as pl

from customer_intel.core.tables.parameters import room_config
from customer_intel.identity.matching import metrics as evaluation
from customer_intel.identity.matching import records
from customer_intel.identity.matching.resolve import resolve
from customer_intel_tests.bench_identity import rivals, sets
from customer_intel_tests.bench_identity.people import generated

RECORDS, THREADS = 1_000_000, 2
MODULE = "customer_intel_tests.bench_identity.million"
# Each threshold asks for the components of a million records: few of them.
THRESHOLDS = (-8.0, -5.0, -3.5, -2.0, 0.0, 2.0, 4.0, 6.0, 9.0, 12.0)


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("records", nargs="?", type=int, default=RECORDS)
    parser.add_argument("--folder", type=Path, help="the records are kept there and used again")
    told = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        folder = told.folder or Path(scratch)
        file = folder / f"people_{told.records}.parquet"
        # In processes of their own: what these need is not what the resolvers need.
        if not file.exists():
            _own("generate", file, str(told.records))
        print(line("ours", told.records, json.loads(_own("ours", file))))
        if python := rivals.splink_python():
            print(line("splink", told.records, json.loads(_own("splink", file, python, scratch))))
        else:
            print(f"without Splink: {rivals.SPLINK} names no interpreter")


def line(who: str, count: int, found: dict[str, float]) -> str:
    return (
        f"{count:,} generated records, {who}: {found['seconds']:.1f} s, {found['cpu_seconds']:.1f} CPU-s, "
        f"{found['peak_mb']:,} MB at most; F1 {found['f1']:.4f}, precision {found['precision']:.4f}, "
        f"recall {found['recall']:.4f}"
    )


def ours(file: Path) -> dict[str, float]:
    people = pl.read_parquet(file)
    truth = people.select(record_key="record_id", truth="truth")
    mapping = records.guessed(people.columns, without=["truth"])
    said = records.comparable(people, mapping, room_config("identity", file.parent))
    del people
    started, cpu = time.perf_counter(), time.process_time()
    with duckdb.connect(config={"threads": THREADS, "memory_limit": "1GB"}) as con:
        clusters = resolve(con, said, with_edges=False).clusters
    used = {
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - cpu,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    return {**used, **_agreement(clusters.join(truth, on="record_key"))}


def splink(file: Path, python: str, scratch: Path) -> dict[str, float]:
    labelled = sets.people(file)
    said, labels = labelled.records(), labelled.labels()
    predicted = rivals.predicted_by_splink(python, said, scratch, "capped", "--max-pairs", "1e6")
    clusters, _ = rivals.best_clusters(said["record_key"], predicted.pairs, labels, THRESHOLDS)
    used = {
        "seconds": predicted.work["seconds"],
        "cpu_seconds": predicted.work["cpu_seconds"],
        "peak_mb": predicted.used.peak_mb,
    }
    return {**used, **_agreement(clusters.join(labels, on="record_key"))}


def _agreement(clusters: pl.DataFrame) -> dict[str, float]:
    found = evaluation.agreement(clusters)
    return {"f1": found.f1, "precision": found.precision, "recall": found.recall}


def _own(what: str, file: Path, *more: str) -> str:
    command = [sys.executable, "-m", MODULE, "--own", what, str(file), *more]
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return run.stdout.strip().split("\n")[-1]


if __name__ == "__main__":
    if sys.argv[1:2] != ["--own"]:
        main(sys.argv[1:])
    elif sys.argv[2] == "generate":
        generated(int(sys.argv[4])).write_parquet(sys.argv[3])
    elif sys.argv[2] == "ours":
        print(json.dumps(ours(Path(sys.argv[3]))))
    else:
        print(json.dumps(splink(Path(sys.argv[3]), sys.argv[4], Path(sys.argv[5]))))
