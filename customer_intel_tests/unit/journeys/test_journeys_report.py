"""How the report names the steps of journeys."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from customer_intel.core.report.markup import unmarked
from customer_intel.journeys import report, report_words
from customer_intel.testing import TableLab


@pytest.mark.parametrize(
    ("touchpoint_id", "said"),
    [
        ("web:page_viewed:checkout", "Checkout page (web)"),
        ("shop:order_placed", "Order placed (shop)"),
        ("(start)", "Start"),
    ],
)
def test_a_touchpoint_is_named_in_words(touchpoint_id: str, said: str) -> None:
    assert report_words.touchpoint_name(touchpoint_id) == said


@pytest.mark.parametrize(
    ("won", "told"),
    [
        (0, "none of them holds a conversion: no order,"),
        (3, "60\u00a0% of them led to a conversion"),
    ],
)
def test_a_company_without_any_conversion_is_told_so(tmp_path: Path, won: int, told: str) -> None:
    lab = TableLab(date(2026, 7, 1))
    lab.put(
        "journey_paths", [{"path": "a", "path_rank": 1, "n": 5, "n_converted": won, "coverage": 1}]
    )
    lab.metrics()
    assert told in unmarked(report.journeys(lab.evidence(tmp_path)))


def test_a_path_that_begins_with_the_conversion_is_named() -> None:
    assert "Directly" in str(report_words.path("(start)"))
