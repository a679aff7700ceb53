"""Statistics that rooms share, against published values and scipy."""

from __future__ import annotations

import pytest
from scipy.stats import binomtest

from customer_intel.core import statistics


def test_published_values_of_the_statistics() -> None:
    for hits, n in ((10, 100), (0, 7), (7, 7)):
        oracle = binomtest(hits, n).proportion_ci(method="wilson")
        assert statistics.wilson(hits, n) == pytest.approx((oracle.low, oracle.high), abs=1e-12)
    assert statistics.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert statistics.two_sided(1.959963984540054) == pytest.approx(0.05)
    made = statistics.contrast("x", (50, 1.0, 4.0), (50, 2.0, 4.0))
    assert made is not None and made.p_value == pytest.approx(0.0124193, abs=1e-6)
    assert statistics.contrast("x", (29, 1.0, 4.0), (50, 2.0, 4.0)) is None
