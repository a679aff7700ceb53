"""How the report names the steps of journeys."""

from __future__ import annotations

import polars as pl
import pytest

from customer_intel.journeys import report


@pytest.mark.parametrize(
    ("touchpoint_id", "said"),
    [
        ("web:page_viewed:checkout", "Checkout page (web)"),
        ("shop:order_placed", "Order placed (shop)"),
        ("(start)", "Start"),
    ],
)
def test_a_touchpoint_is_named_in_words(touchpoint_id: str, said: str) -> None:
    assert report.touchpoint_name(touchpoint_id) == said


def test_a_company_without_any_conversion_is_told_so() -> None:
    rows = pl.DataFrame({"n": [5], "n_converted": [0], "coverage": [1.0]})
    said = str(report._lede(rows))
    assert "none of them holds a conversion" in said and "config/journeys.yaml" in said
    assert "60" in str(report._lede(rows.with_columns(n_converted=pl.lit(3))))


def test_a_path_that_begins_with_the_conversion_is_named() -> None:
    assert "Directly" in str(report.path("(start)"))
