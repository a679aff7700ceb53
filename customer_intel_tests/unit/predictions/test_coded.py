"""A coded column is the column."""

from __future__ import annotations

import numpy as np
import pytest

from customer_intel.predictions.coded import Coded

GONE = float("nan")


@pytest.mark.parametrize(
    "column",
    [
        [3, 1, 1, 7],
        [GONE, 2, -5, GONE],
        [0.5, GONE, 0.25, 0.5],
        [1e9, -1e9, 3],
        [GONE, GONE],
        [4.0],
    ],
)
def test_values_are_distinct_and_rising_and_give_the_column_back(column: list[float]) -> None:
    coded = Coded.of(np.array(column))
    assert np.array_equal(coded.column(), column, equal_nan=True)
    known = coded.values[~np.isnan(coded.values)]
    assert (np.diff(known) > 0).all() and np.isnan(coded.values[:-1]).sum() == 0
    assert coded.counts().sum() == len(coded) == len(column) and coded.counts().min() > 0
    assert coded.take(slice(0, 1)).column()[0] == pytest.approx(column[0], nan_ok=True)
