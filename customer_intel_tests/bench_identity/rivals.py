"""What others make of the same records: an exact join, and Splink in a process of its own.

Belongs here: how rivals are called and what is made of their answers. Not here: Splink's settings
(splink_run.py, which the interpreter of an environment with Splink runs).
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from customer_intel.identity.matching import metrics as evaluation
from customer_intel.identity.matching.graph import components
from customer_intel_tests.bench_identity import splink_run
from customer_intel_tests.bench_identity.measured import Used, measured

# An interpreter whose environment has `splink` 5.
SPLINK = "CUSTOMER_INTEL_SPLINK_PYTHON"
# Splink leaves the choice of a threshold to its user; it gets the best one there is for each set.
THRESHOLDS = tuple(float(bits) for bits in np.arange(-10, 40.5, 0.5))
MINUTES = 15


@dataclass(frozen=True)
class Predicted:
    """`pairs`: a, b, weight (bits). `used`: of the whole process; `work`: what it said of itself,
    without start and imports.
    """

    pairs: pl.DataFrame
    used: Used
    work: dict[str, float]


def exact_join(records: pl.DataFrame) -> pl.DataFrame:
    """record_key, cluster: one person where the whole name and the birth date agree (or the
    postcode or address where nobody has a birth date), or the email.
    """
    said = [name for name in records.columns if records[name].null_count() < len(records)]
    rest = ["dob"] if "dob" in said else [name for name in ("address", "postcode") if name in said]
    keys = [["first_name", "surname", *rest], *([["email"]] if "email" in said else [])]
    links = [
        records.drop_nulls(key)
        .with_columns(a=pl.col("record_key").min().over(key))
        .select("a", b="record_key")
        for key in keys
    ]
    return _components(records["record_key"], pl.concat(links))


def predicted_by_splink(
    python: str, records: pl.DataFrame, scratch: Path, setting: str, *more: str
) -> Predicted:
    """Raises subprocess.CalledProcessError or TimeoutExpired when it does not finish."""
    source, target = scratch / "for_splink.parquet", scratch / "from_splink.parquet"
    records.write_parquet(source)
    used = measured(
        [python, splink_run.__file__, str(source), str(target), "--setting", setting, *more],
        minutes=MINUTES,
    )
    return Predicted(pl.read_parquet(target), used, json.loads(used.stdout.strip().split("\n")[-1]))


def best_clusters(
    keys: pl.Series,
    predicted: pl.DataFrame,
    truth: pl.DataFrame,
    thresholds: Sequence[float] = THRESHOLDS,
) -> tuple[pl.DataFrame, float]:
    """record_key, cluster at the threshold that is best by F1, and that threshold in bits."""
    best: tuple[float, float, pl.DataFrame] = (-1.0, 0.0, pl.DataFrame())
    links = {threshold: int((predicted["weight"] >= threshold).sum()) for threshold in thresholds}
    # Of thresholds that leave the same links, the highest.
    for threshold in {number: bits for bits, number in links.items()}.values():
        clusters = clusters_at(keys, predicted, threshold)
        found = evaluation.agreement(clusters.join(truth, on="record_key"))
        best = max(best, (found.f1, threshold, clusters), key=lambda candidate: candidate[:2])
    return best[2], best[1]


def clusters_at(keys: pl.Series, predicted: pl.DataFrame, threshold: float) -> pl.DataFrame:
    return _components(keys, predicted.filter(pl.col("weight") >= threshold).select("a", "b"))


def splink_python() -> str | None:
    return os.environ.get(SPLINK)


def _components(keys: pl.Series, links: pl.DataFrame) -> pl.DataFrame:
    return pl.DataFrame({"record_key": keys, "cluster": components(keys, links)})
