"""A million generated records, from normalised records to people: ours beside Splink alone, each in
its own process.

    python -m customer_intel_tests.bench_identity.million [RECORDS]

Splink trains, predicts from p = 0.2 on and joins what it finds; its F1 is that of its best
threshold from there.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import polars as pl

from customer_intel.core.tables.parameters import room_config
from customer_intel.identity.matching import metrics as evaluation
from customer_intel.identity.matching import records
from customer_intel.identity.matching.resolve import resolve
from customer_intel_tests.bench_identity import rivals
from customer_intel_tests.bench_identity.people import generated

RECORDS, THREADS, LEAST = 1_000_000, 2, 0.2
MODULE = "customer_intel_tests.bench_identity.million"


def main(count: int = RECORDS) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "people.parquet"
        # In a process of its own: what it needs is not what the resolvers need.
        subprocess.run(
            [sys.executable, "-m", MODULE, "generate", str(file), str(count)], check=True
        )
        for who in ("ours", "splink"):
            command = [sys.executable, "-m", MODULE, who, str(file)]
            found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
            print(
                f"{count:,} generated records, {who}: {found['seconds']:.1f} s, "
                f"{found['cpu_seconds']:.1f} CPU-s, "
                f"{found['peak_mb']:,} MB at most; F1 {found['f1']:.4f}, precision "
                f"{found['precision']:.4f}, "
                f"recall {found['recall']:.4f}",
                flush=True,
            )


def measured(who: str, file: Path) -> dict[str, float]:
    people = pl.read_parquet(file)
    truth = people.select(record_key="record_id", truth="truth")
    mapping = records.guessed(people.columns, without=["truth"])
    said = records.comparable(people, mapping, room_config("identity", file.parent))
    del people
    started, cpu = time.perf_counter(), time.process_time()
    if who == "ours":
        with duckdb.connect(config={"threads": THREADS, "memory_limit": "1GB"}) as con:
            clusters = resolve(con, said, with_edges=False).clusters
    else:
        predicted = rivals.predicted_by_splink(said, LEAST, threads=THREADS)
        clusters = rivals.clusters_at(said["record_key"], predicted, LEAST)
    used = {
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - cpu,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    if who != "ours":
        clusters, _ = rivals.best_clusters(said["record_key"], predicted, truth)
    found = evaluation.agreement(clusters.join(truth, on="record_key"))
    return {**used, "f1": found.f1, "precision": found.precision, "recall": found.recall}


if __name__ == "__main__":
    told = sys.argv[1:]
    if told[:1] == ["generate"]:
        generated(int(told[2])).write_parquet(told[1])
    elif told[:1] in (["ours"], ["splink"]):
        print(json.dumps(measured(told[0], Path(told[1]))))
    else:
        main(*(int(count) for count in told))
