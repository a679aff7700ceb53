"""A column of numbers as its distinct values and, by row, which of them: what follows from a value
is computed once a value, not once a row.

Belongs here: coding, counting and spreading. Not here: what is computed of values (scorecard.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from customer_intel.predictions.metrics import Floats, Ints

# Whole numbers of at most so wide a range are coded by counting, others by sorting.
_RANGE = 1 << 16


@dataclass(frozen=True)
class Coded:
    """`values`: the distinct ones, rising, not a number last; `codes`: by row, the place in them."""

    values: Floats
    codes: NDArray[np.integer]

    @staticmethod
    def of(column: Floats) -> Coded:
        """The column coded; one not-a-number stands for all."""
        known = column[~np.isnan(column)]
        low, high = (known.min(), known.max()) if len(known) else (0.0, 0.0)
        if high - low >= _RANGE or (known != np.floor(known)).any():
            values, codes = np.unique(column, return_inverse=True)
            return Coded(values, codes.astype(_type(values)))
        width = int(high - low) + 1
        places = np.where(np.isnan(column), width, column - low).astype(np.int64)
        is_there = np.bincount(places, minlength=width + 1) > 0
        values = np.append(low + np.arange(width), np.nan)[is_there]
        return Coded(values, (np.cumsum(is_there) - 1).astype(_type(values))[places])

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: Any) -> Coded:
        """The rows of a mask or of places, over the same values."""
        return Coded(self.values, self.codes[rows])

    def counts(self) -> Ints:
        """How many rows have each value."""
        return np.bincount(self.codes, minlength=len(self.values))

    def column(self) -> Floats:
        """The column as it was."""
        return np.asarray(self.values[self.codes])


def _type(values: Floats) -> type[np.integer]:
    return np.uint16 if len(values) <= np.iinfo(np.uint16).max else np.int32
