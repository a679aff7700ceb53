"""Input and result of conforming one file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from customer_intel.ingest.conform.quarantine import Failure
from customer_intel.ingest.read.text_table import TextTable


@dataclass(frozen=True)
class SourceFile:
    """One export file as a mapping meets it. A lookup is None when its file did not come."""

    source_file: str
    source_system: str
    export_date: date
    text: TextTable
    lookups: Mapping[str, TextTable | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Counts:
    """Rows of one file; read = accepted + quarantined + duplicate + skipped. Several rows may make
    one record.
    """

    rows_read: int
    rows_accepted: int
    rows_quarantined: int
    rows_duplicate: int
    rows_skipped: int
    records_written: int

    def are_too_many_rejected(self, max_reject_share: float, min_rejected_rows: int) -> bool:
        """Whether a night refuses the file. Of a small file one row is a large share: fewer than
        min_rejected_rows are too many only as more than half of it.
        """
        rows, bad = self.rows_read - self.rows_skipped, self.rows_quarantined
        return bad > max_reject_share * rows and (bad >= min_rejected_rows or 2 * bad > rows)


@dataclass(frozen=True)
class Conformed:
    """`parquet` holds the accepted rows, `quarantine` the others; `checks`: name → (rows that
    match, rows checked).
    """

    parquet: Path
    quarantine: Path | None
    counts: Counts
    checks: dict[str, tuple[int, int]]
    extra_columns: tuple[str, ...]
    failures: tuple[Failure, ...]
    # Of a full export: the keys of its quarantined rows; None where a key is unknown.
    quarantined_keys: Path | None = None
