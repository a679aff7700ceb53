"""A night over some vendors' samples, and what it published asked by SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from customer_intel.core.store.lake import Lake
from customer_intel_tests.unit.vendor_samples import Sample
from customer_intel_tests.whole_nights import cli

AS_OF = "2026-06-30"
Ask = Callable[[str, str], list[tuple[Any, ...]]]


def night_of(home: Path, samples: Iterable[Sample]) -> Ask:
    """Runs a night over the samples; returns what asks one of its tables (as `t`) by SQL."""
    for each in samples:
        each.land(home / "landing" / each.source / AS_OF)
    ran = cli("run", "--home", home, "--as-of", AS_OF, "--json")
    assert (ran.code, ran.summary["failures"]) == (0, {}), ran.text[-2000:]

    def ask(table: str, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect() as con:
            con.register("t", pl.read_parquet(Lake(home).files(table)).to_arrow())
            return con.execute(sql).fetchall()

    return ask
