"""Ours beside an exact join, Splink and GoldenMatch: one run, the same records, the same evaluator.

    python -m customer_intel_tests.bench_identity.side_by_side [SET …] [--only RESOLVER …] [--scratch FOLDER]

Exact join and Splink are told which column means what and get the values in lower case; Splink runs
at every setting of splink_run.SETTINGS, each with the threshold that is best on the set's truth, and
the best setting is marked. GoldenMatch gets the file as it is, without key and truth. Ours is
`customer-intel evaluate identity`, told nothing. CPU seconds and memory are of the whole process.

Environment variables name interpreters of others' environments: CUSTOMER_INTEL_SPLINK_PYTHON,
CUSTOMER_INTEL_GOLDENMATCH_PYTHON, and, for the generated families,
CUSTOMER_INTEL_PSEUDOPEOPLE_PYTHON; what is not named is left out, and said so.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from customer_intel.identity.matching import metrics as evaluation
from customer_intel_tests.bench_identity import goldenmatch_run, rivals, sets, splink_run
from customer_intel_tests.bench_identity.measured import Used, measured
from customer_intel_tests.bench_identity.sets import Labelled
from customer_intel_tests.bench_identity.whole_night import evaluated

GOLDENMATCH = "CUSTOMER_INTEL_GOLDENMATCH_PYTHON"
MINUTES = 8


@dataclass(frozen=True)
class Scored:
    """One line of the table. `setting`: what the resolver was told; "best" in `note` marks it."""

    who: str
    setting: str
    f1: float = 0.0
    precision: float = 0.0
    recall: float = 0.0
    b3_f1: float = 0.0
    cpu_seconds: float = 0.0
    peak_mb: int = 0
    note: str = ""


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", help="names of sets; without, all")
    parser.add_argument("--only", nargs="*", choices=sorted(RESOLVERS), default=sorted(RESOLVERS))
    parser.add_argument("--scratch", type=Path, help="generated sets are kept there and used again")
    told = parser.parse_args(arguments)
    default = Path(__file__).resolve().parents[3] / "shared" / "data"
    data = Path(os.environ.get("CUSTOMER_INTEL_SHARED_DATA", default))
    if not data.is_dir():
        print("without the public sets: CUSTOMER_INTEL_SHARED_DATA names no folder")
    for name, what in (
        (rivals.SPLINK, "Splink"),
        (GOLDENMATCH, "GoldenMatch"),
        (sets.PSEUDOPEOPLE, "the families that are not in --scratch"),
    ):
        if not os.environ.get(name):
            print(f"without {what}: {name} names no interpreter")
    print(
        f"{'set':15}{'resolver':12}{'setting':17}{'F1':>8}{'precision':>11}{'recall':>8}{'B³ F1':>8}"
        f"{'CPU-s':>8}{'peak MB':>9}"
    )
    with tempfile.TemporaryDirectory() as folder:
        scratch = told.scratch or Path(folder)
        scratch.mkdir(parents=True, exist_ok=True)
        for labelled in [
            *(sets.published(data, scratch) if data.is_dir() else ()),
            *sets.made(scratch),
            *sets.families(scratch),
        ]:
            if told.sets and labelled.name not in told.sets:
                continue
            for who in told.only:
                for found in RESOLVERS[who](labelled, Path(folder)):
                    print(line(labelled.name, found), flush=True)


def line(name: str, found: Scored) -> str:
    return (
        f"{name:15}{found.who:12}{found.setting:17}{found.f1:8.4f}{found.precision:11.4f}"
        f"{found.recall:8.4f}{found.b3_f1:8.4f}{found.cpu_seconds:8.1f}{found.peak_mb:9,}  {found.note}"
    )


def exact_join(labelled: Labelled, scratch: Path) -> Iterator[Scored]:
    yield _scored("exact join", "", rivals.exact_join(labelled.records()), labelled)


def splink(labelled: Labelled, scratch: Path) -> Iterator[Scored]:
    """A line per setting, the best of them marked: its threshold is fitted to the truth."""
    python = rivals.splink_python()
    found: list[Scored] = []
    for setting in splink_run.SETTINGS if python else ():
        if setting.startswith("household") and "address" not in labelled.fields:
            continue
        records = labelled.records()
        more = ["--every-pair"] if labelled.is_small else []
        try:
            predicted = rivals.predicted_by_splink(str(python), records, scratch, setting, *more)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            found.append(Scored("Splink", setting, note=_unfinished(error)))
            continue
        clusters, threshold = rivals.best_clusters(
            records["record_key"], predicted.pairs, labelled.labels()
        )
        told = f"best threshold {threshold:.1f} bits"
        found.append(_scored("Splink", setting, clusters, labelled, predicted.used, told))
    if found:
        best = max(range(len(found)), key=lambda place: found[place].f1)
        found[best] = replace(found[best], note=f"best setting, {found[best].note}")
    yield from found


def goldenmatch(labelled: Labelled, scratch: Path) -> Iterator[Scored]:
    python = os.environ.get(GOLDENMATCH)
    if not python:
        return
    source, target = scratch / "records.csv", scratch / "clusters.csv"
    frame = labelled.frame()
    # Keys of these files tell more than a key should.
    keys = {labelled.column, "record_id", "unique_id"}
    frame.drop(keys & set(frame.columns)).write_csv(source)
    command = [python, goldenmatch_run.__file__, str(source), str(target)]
    try:
        used = measured(command, minutes=MINUTES)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        yield Scored("GoldenMatch", "", note=_unfinished(error))
        return
    told = pl.read_csv(target).rename({"row": "record_key"})
    # Whoever it leaves alone is in no cluster.
    clusters = (
        labelled.labels()
        .select("record_key")
        .join(told, on="record_key", how="left")
        .with_columns(cluster=pl.coalesce("cluster", -1 - pl.col("record_key")))
    )
    yield _scored("GoldenMatch", "", clusters.select("record_key", "cluster"), labelled, used)


def ours(labelled: Labelled, scratch: Path) -> Iterator[Scored]:
    try:
        found, used = evaluated(labelled)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        yield Scored("ours", "told nothing", note=_unfinished(error))
        return
    shares = (found[name] for name in ("f1", "precision", "recall", "b3_f1"))
    yield Scored("ours", "told nothing", *shares, used.cpu_seconds, used.peak_mb)


def _scored(
    who: str,
    setting: str,
    clusters: pl.DataFrame,
    labelled: Labelled,
    used: Used | None = None,
    note: str = "",
) -> Scored:
    joined = clusters.join(labelled.labels().drop_nulls("truth"), on="record_key")
    found = evaluation.agreement(joined.select("cluster", "truth"))
    return Scored(
        who, setting, found.f1, found.precision, found.recall, found.b3_f1,
        used.cpu_seconds if used else 0.0, used.peak_mb if used else 0, note,
    )  # fmt: skip


def _unfinished(error: Exception) -> str:
    return f"did not finish: {type(error).__name__}"


RESOLVERS: dict[str, Callable[[Labelled, Path], Iterator[Scored]]] = {
    "exact": exact_join,
    "goldenmatch": goldenmatch,
    "ours": ours,
    "splink": splink,
}


if __name__ == "__main__":
    main(sys.argv[1:])
