"""How the report names the steps of journeys."""

from __future__ import annotations

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
