"""A million generated records: ours by the night's tables beside Splink alone, each in its own
process and both at their best.

    python -m customer_intel_tests.bench_identity.million [RECORDS] [--folder FOLDER]

Splink trains on a sample without term frequencies and predicts from few narrow blocks (setting
`capped`); its F1 is that of its best threshold, its figures are of the work, without start, imports
and reading. Ours, told nothing, is measured twice: its own tables (homes.RESOLVING) one after the
other in one process, each from its input files to its gate and with its own peak (which holds what
the process kept of the table before); and the whole command `customer-intel evaluate identity`, from
the file to its answer.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from customer_intel.core.contract import load as contract
from customer_intel.core.engine import EngineSettings
from customer_intel.core.night import build as step
from customer_intel.core.night.night import Night
from customer_intel.core.night.worker import helper
from customer_intel.core.tables import definition
from customer_intel.identity.matching import metrics as evaluation
from customer_intel_tests.bench_identity import homes, rivals, sets
from customer_intel_tests.bench_identity.people import generated
from customer_intel_tests.bench_identity.whole_night import evaluated

RECORDS = 1_000_000
TRUTH = "truth.parquet"
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
        home = str(Path(scratch) / "home")
        _own("prepare", file, home)
        for what, found in json.loads(_own("tables", file, home)).items():
            print(line(f"ours, {what}", told.records, found), flush=True)
        print(line("ours, evaluate identity", told.records, command(file)), flush=True)
        if python := rivals.splink_python():
            print(line("splink", told.records, json.loads(_own("splink", file, python, scratch))))
        else:
            print(f"without Splink: {rivals.SPLINK} names no interpreter")


def line(who: str, count: int, found: dict[str, float]) -> str:
    said = (
        f"{count:,} generated records, {who}: {found['seconds']:.1f} s, "
        f"{found['cpu_seconds']:.1f} CPU-s, {found['peak_mb']:,} MB at most"
    )
    if "f1" not in found:
        return said
    return (
        f"{said}; F1 {found['f1']:.4f}, precision {found['precision']:.4f}, "
        f"recall {found['recall']:.4f}"
    )


def prepare(file: Path, home: Path) -> None:
    """The home up to the resolver's own tables, and `truth.parquet` (record_key, truth) in it."""
    people = pl.read_parquet(file)
    home.mkdir()
    keys = homes.home_of(people, home)
    pl.DataFrame({"record_key": keys, "truth": people["truth"]}).write_parquet(home / TRUTH)


def tables(home: Path) -> dict[str, dict[str, float]]:
    """RESOLVING of a home that `prepare` wrote: seconds, cpu_seconds (the gate's too), peak_mb (of this
    process) each, of the last with its agreement. Raises RuntimeError when a gate closes.
    """
    contracts = contract.load()
    made = definition.definitions(contracts)
    night = Night(home, home / "landing", homes.NIGHT, "own", contracts, EngineSettings())
    step.prepare(home)
    found: dict[str, dict[str, float]] = {}
    for name in homes.RESOLVING:
        # From here on the kernel counts this process's peak anew.
        Path("/proc/self/clear_refs").write_text("5")
        started, cpu = time.perf_counter(), time.process_time() + helper.cpu_seconds
        outcome = step.build(night, made[name])
        if not outcome.passed:
            raise RuntimeError(f"the gate of {name} closed")
        found[name] = {
            "seconds": time.perf_counter() - started,
            "cpu_seconds": time.process_time() + helper.cpu_seconds - cpu,
            "peak_mb": _peak_mb(),
            "rows": outcome.rows,
        }
    mapped = homes.rows(home, "record_customer_map").filter(pl.col("valid_to").is_null())
    # A record that the night lost is alone, and shows as a pair that was missed.
    clusters = (
        pl.read_parquet(home / TRUTH)
        .join(mapped.select("record_key", cluster="customer_id"), on="record_key", how="left")
        .with_columns(cluster=pl.coalesce("cluster", "record_key"))
    )
    found[homes.RESOLVING[-1]] |= _agreement(clusters)
    return found


def command(file: Path) -> dict[str, float]:
    """`customer-intel evaluate identity` of the file: the whole command, its whole process tree."""
    said, used = evaluated(sets.people(file))
    spent = {"seconds": used.seconds, "cpu_seconds": used.cpu_seconds, "peak_mb": used.peak_mb}
    return spent | {name: said[name] for name in ("f1", "precision", "recall")}


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


def _peak_mb() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


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
    elif sys.argv[2] == "prepare":
        prepare(Path(sys.argv[3]), Path(sys.argv[4]))
    elif sys.argv[2] == "tables":
        print(json.dumps(tables(Path(sys.argv[4]))))
    else:
        print(json.dumps(splink(Path(sys.argv[3]), sys.argv[4], Path(sys.argv[5]))))
