"""Faults put into the exports on purpose and counted (duplicates, unparsable values), and the
writer of the files.
"""

from __future__ import annotations

import gzip
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

DUPLICATE_SHARE = 0.003
BAD_SHARE = 0.004
BAD_FROM_ROWS = (
    60  # smaller files stay clean: one bad row of them would be above the 5 % that refuses a file
)


@dataclass
class Dirt:
    """What was put in: `kinds` over all files, `files` per file (rows as written, duplicates,
    unparsable).
    """

    rng: np.random.Generator
    kinds: Counter[str] = field(default_factory=Counter)
    files: dict[str, dict[str, int]] = field(default_factory=dict)

    def marks(self, rows: int, share: float, least: int) -> list[int]:
        """A share of the rows, at least `least` of them, drawn at random, ascending."""
        count = min(rows, max(least, round(rows * share)))
        return sorted(int(i) for i in self.rng.choice(rows, count, replace=False)) if count else []

    def spoil(
        self, frame: pl.DataFrame, bad: dict[str, str], *, where: str | None = None
    ) -> tuple[pl.DataFrame, int]:
        """Writes a value that nothing can parse into one column of a few rows (of those where
        `where` is filled).
        """
        usable = (
            np.nonzero(frame[where].is_not_null().to_numpy())[0] if where else np.arange(len(frame))
        )
        n_spoilt = 0
        for column, value in bad.items():
            if len(frame) < BAD_FROM_ROWS:
                break
            rows = [int(usable[i]) for i in self.marks(len(usable), BAD_SHARE / len(bad), 1)]
            frame = frame.with_columns(
                pl.when(pl.int_range(pl.len()).is_in(rows))
                .then(pl.lit(value))
                .otherwise(column)
                .alias(column)
            )
            n_spoilt += len(rows)
        self.kinds["unparsable_value"] += n_spoilt
        return frame, n_spoilt

    def repeat(
        self, frame: pl.DataFrame, clean: str | None = None, bad: str | None = None
    ) -> tuple[pl.DataFrame, int]:
        """Repeats a few rows exactly, right below themselves; never a spoilt one, so that counts
        stay apart.
        """
        allowed = (
            np.nonzero((frame[clean] != bad).fill_null(True).to_numpy())[0]
            if clean
            else np.arange(len(frame))
        )
        rows = [
            int(allowed[i])
            for i in self.marks(len(allowed), DUPLICATE_SHARE, 1 if len(allowed) >= 10 else 0)
        ]
        times = np.ones(len(frame), dtype=np.int64)
        times[rows] = 2
        self.kinds["exact_duplicate_row"] += len(rows)
        return frame[np.repeat(np.arange(len(frame)), times)], len(rows)

    def note(
        self, landing: Path, path: Path, rows: int, duplicates: int = 0, unparsable: int = 0
    ) -> None:
        """Remembers what was written to a file."""
        self.files[path.relative_to(landing).as_posix()] = {
            "rows": rows,
            "duplicates": duplicates,
            "unparsable": unparsable,
        }


def write_csv(
    frame: pl.DataFrame, path: Path, *, separator: str = ",", encoding: str = "utf-8"
) -> None:
    """Writes a frame as CSV, gzipped when the name says so."""
    write_bytes(path, frame.write_csv(separator=separator).encode(encoding))


def write_bytes(path: Path, data: bytes) -> None:
    """Writes the file, gzipped when its name says so, without a time in the header: same input,
    same bytes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        gzip.compress(data, compresslevel=6, mtime=0) if path.suffix == ".gz" else data
    )
