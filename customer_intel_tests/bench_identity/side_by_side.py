"""Ours beside an exact join, Splink and GoldenMatch: one run, the same records, the same evaluator.

    python -m customer_intel_tests.bench_identity.side_by_side

Exact join and Splink get the records as we normalise them, and Splink the threshold that is best on
each set's truth; GoldenMatch gets the file as it is, without key and truth. Ours is `customer-intel
evaluate identity`, told nothing. Environment variables name interpreters of others' environments:
CUSTOMER_INTEL_GOLDENMATCH_PYTHON, and, for the generated families,
CUSTOMER_INTEL_PSEUDOPEOPLE_PYTHON; what is not named is left out, and said so.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from customer_intel.core.tables.parameters import room_config
from customer_intel.identity.matching import metrics as evaluation
from customer_intel.identity.matching import records
from customer_intel_tests.bench_identity import goldenmatch_run, rivals, sets
from customer_intel_tests.bench_identity.sets import Labelled

GOLDENMATCH = "CUSTOMER_INTEL_GOLDENMATCH_PYTHON"
MINUTES = 8


@dataclass(frozen=True)
class Scored:
    who: str
    f1: float
    precision: float
    recall: float
    b3_f1: float
    seconds: float
    note: str = ""


def main() -> None:
    default = Path(__file__).resolve().parents[3] / "shared" / "data"
    data = Path(os.environ.get("CUSTOMER_INTEL_SHARED_DATA", default))
    if not data.is_dir():
        print("without the public sets: CUSTOMER_INTEL_SHARED_DATA names no folder")
    for name, what in ((GOLDENMATCH, "GoldenMatch"), (sets.PSEUDOPEOPLE, "the families")):
        if not os.environ.get(name):
            print(f"without {what}: {name} names no interpreter")
    print(
        f"{'records':14}{'resolver':14}{'F1':>9}{'precision':>11}{'recall':>9}{'B³ F1':>9}{'seconds':>9}"
    )
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        for labelled in [
            *(sets.published(data, scratch) if data.is_dir() else ()),
            *sets.families(scratch),
        ]:
            for found in scored(labelled, scratch):
                print(
                    f"{labelled.name:14}{found.who:14}{found.f1:9.5f}{found.precision:11.5f}{found.recall:9.5f}"
                    f"{found.b3_f1:9.5f}{found.seconds:9.1f}  {found.note}",
                    flush=True,
                )


def scored(labelled: Labelled, scratch: Path) -> Iterator[Scored]:
    frame, truth = _read(labelled)
    guessed = records.guessed(frame.columns, without=[labelled.column])
    # Rows are known by their number: keys of these files tell more than a key should.
    key = guessed.pop("record_key", labelled.column)
    comparable = records.comparable(frame, guessed, room_config("identity", scratch))
    labels = (
        truth.to_frame("truth")
        .with_row_index("row", 1)
        .select(pl.col("row").cast(pl.String), "truth")
    )
    labels = labels.rename({"row": "record_key"})

    started = time.perf_counter()
    clusters = rivals.exact_join(comparable)
    yield _scored(
        "exact join", clusters.join(labels, on="record_key"), time.perf_counter() - started
    )

    started = time.perf_counter()
    predicted = rivals.predicted_by_splink(comparable)
    seconds = time.perf_counter() - started
    clusters, threshold = rivals.best_clusters(comparable["record_key"], predicted, labels)
    yield _scored(
        "Splink", clusters.join(labels, on="record_key"), seconds, f"best threshold {threshold}"
    )

    if python := os.environ.get(GOLDENMATCH):
        yield _goldenmatch(python, frame.drop({labelled.column, key}), truth, scratch)
    yield _ours(labelled)


def _read(labelled: Labelled) -> tuple[pl.DataFrame, pl.Series]:
    """The file as text, rows in its order, and the truth of each row."""
    path = str(labelled.file)
    source = (
        f"read_parquet('{path}')"
        if path.endswith(".parquet")
        else f"read_csv('{path}', all_varchar = true)"
    )
    with duckdb.connect() as con:
        frame = con.sql(f"SELECT *, {labelled.truth} AS our_truth FROM {source}").pl()
    frame = frame.rename({name: name.strip() for name in frame.columns})
    return frame.drop("our_truth"), frame["our_truth"].cast(pl.String)


def _goldenmatch(python: str, frame: pl.DataFrame, truth: pl.Series, scratch: Path) -> Scored:
    source, target = scratch / "records.csv", scratch / "clusters.csv"
    frame.write_csv(source)
    command = [python, goldenmatch_run.__file__, str(source), str(target)]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=MINUTES * 60)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        return Scored(
            "GoldenMatch", 0.0, 0.0, 0.0, 0.0, 0.0, f"did not finish: {type(error).__name__}"
        )
    told = pl.read_csv(target)
    # Whoever it leaves alone is in no cluster.
    rows = (
        pl.DataFrame({"truth": truth})
        .with_row_index("row")
        .with_columns(pl.col("row").cast(pl.Int64))
    )
    clusters = rows.join(told, on="row", how="left").with_columns(
        cluster=pl.coalesce("cluster", -1 - pl.col("row"))
    )
    return _scored("GoldenMatch", clusters, float(told["seconds"].max() or 0))  # type: ignore[arg-type]


def _ours(labelled: Labelled) -> Scored:
    command = ["evaluate", "identity", str(labelled.file), "--truth", labelled.truth, "--json"]
    run = subprocess.run(
        [sys.executable, "-m", "customer_intel.cli", *command], check=True, capture_output=True
    )
    found = json.loads(run.stdout)
    return Scored(
        "ours", *(found[name] for name in ("f1", "precision", "recall", "b3_f1", "seconds"))
    )


def _scored(who: str, clusters: pl.DataFrame, seconds: float, note: str = "") -> Scored:
    found = evaluation.agreement(clusters.select("cluster", "truth"))
    return Scored(who, found.f1, found.precision, found.recall, found.b3_f1, seconds, note)


if __name__ == "__main__":
    main()
