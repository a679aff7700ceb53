"""Which published tables lean on a source that tells nothing new, and since when.

Belongs here: following tables to the sources' entities. Not here: the sources' states (source_state.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from customer_intel.core.contract import load as contract
from customer_intel.core.tables.definition import definitions


def stale_table(
    source_state: pl.DataFrame, ledgers: list[dict[str, Any]], schema: pl.Schema
) -> pl.DataFrame:
    """One row for each published table and stale source that feeds it, through whatever tables."""
    stale = source_state.filter(pl.col("stale_since").is_not_null())
    feeds: dict[str, set[str]] = {}
    for facts in ledgers:
        feeds.setdefault(str(facts["source_system"]), set()).add(str(facts["entity"]))
    reads, published = _tables() if len(stale) else ({}, ())
    rows = [
        (name, row["source_system"], row["stale_since"], row["export_date"], row["state"])
        for row in stale.iter_rows(named=True)
        for name in _leaning(reads, feeds.get(row["source_system"], set()))
        if name in published
    ]
    names = ("table_name", "source_system", "stale_since", "export_date", "state")
    return pl.DataFrame(
        [dict(zip(names, row, strict=True)) for row in sorted(rows)], schema=schema, orient="row"
    )


def _tables() -> tuple[dict[str, tuple[str, ...]], Sequence[str]]:
    """What each table reads, and which are published."""
    known = contract.load()
    reads = {name: found.reads for name, found in definitions(known).items()}
    return reads, [name for name, table in known.tables.items() if table.published]


def _leaning(reads: Mapping[str, tuple[str, ...]], entities: set[str]) -> set[str]:
    """The tables that read one of the entities' rows, directly or through others. What only tells
    of the exports themselves does not lean on them.
    """
    reached = {f"raw_{name}" for name in entities}
    # Definitions stand in the order of their inputs.
    for name, own in reads.items():
        if name not in _OF_EXPORTS and reached.intersection(own):
            reached.add(name)
    return reached


_OF_EXPORTS = ("source_check", "source_state", "stale_table", "export_file", "export_check")
