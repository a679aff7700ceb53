"""What became of each file's records in the end: they stand, give columns to a newer file's record,
or were replaced.

Belongs here: counting them over the entities. Not here: which row of a key stands (latest_row.py),
rows that became no record (conform.py).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

# Records written = their sum, for every file.
FATES = ("records_standing", "records_merged", "records_replaced")
File = tuple[str, str]


def records_fates(
    parts: Sequence[Mapping[str, Any]], entities: Mapping[str, pl.LazyFrame]
) -> dict[str, dict[str, int]]:
    """Part → how many of its records stand as the newest of their key, give columns to a newer
    file's record, and neither. Without its entity's rows, every record stands.
    """
    fates: dict[str, dict[str, int]] = {}
    for name in sorted({str(facts["entity"]) for facts in parts}):
        own = [facts for facts in parts if facts["entity"] == name]
        rows = entities.get(name)
        written = sum(facts["records_written"] for facts in own)
        # Of most entities of events nothing was ever replaced: their number tells, without a look.
        if rows is None or rows.select(pl.len()).collect().item() == written:
            fates |= {str(facts["part"]): _fate(facts, None, None) for facts in own}
            continue
        standing, merged = _standing(rows), _merged(rows)
        # Two mappings may make records of one file: the first has the first of them.
        fates |= {str(facts["part"]): _fate(facts, standing, merged) for facts in own}
    return fates


def _fate(
    facts: Mapping[str, Any], standing: Counter[File] | None, merged: Counter[File] | None
) -> dict[str, int]:
    written = int(facts["records_written"])
    if standing is None or merged is None:
        return dict(zip(FATES, (written, 0, 0), strict=True))
    file = (str(facts["source_system"]), str(facts["source_file"]))
    stand = min(standing[file], written)
    give = min(merged[file], written - stand)
    standing[file] -= stand
    merged[file] -= give
    return dict(zip(FATES, (stand, give, written - stand - give), strict=True))


def _standing(rows: pl.LazyFrame) -> Counter[File]:
    found = rows.group_by("source_system", "source_file").agg(n=pl.len()).collect()
    return Counter({(system, file): n for system, file, n in found.rows()})


def _merged(rows: pl.LazyFrame) -> Counter[File]:
    told = rows.filter(pl.col("column_files").is_not_null())
    found = told.group_by("source_system", "column_files").agg(n=pl.len()).collect()
    counts: Counter[File] = Counter()
    for system, files, n in found.rows():
        told = json.loads(files)
        for file in {*told.pop("extra_json", ()), *told.values()}:
            counts[system, file] += n
    return counts
