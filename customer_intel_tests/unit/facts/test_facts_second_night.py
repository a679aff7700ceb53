"""What a later export changes, and from which day on; and what gives an order back when several
things could.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from customer_intel_tests.unit.facts_rows import chain, exports, order
from customer_intel_tests.unit.profile_rows import AS_OF, ago, known, subscription
from customer_intel_tests.unit.sqlroom import Room

BEFORE = AS_OF - timedelta(days=1)


def sales(made: Room) -> dict[str, tuple[Any, ...]]:
    rows = chain(made, "order_fact").select("order_id", "state", "net_amount").rows()
    return {str(number): (state, net) for number, state, net in rows}


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo"])
def test_an_undated_refund_of_the_newest_export_takes_effect_before_it_in_every_zone(
    zone: str,
) -> None:
    made = known("C")
    made.settings["time_zone"] = zone
    made.engine.define_local_time(zone)
    paid = order(1, ago(9), "300.00")
    exports(made, "orders", {BEFORE: [paid], AS_OF: [{**paid, "status": "refunded"}]})
    assert sales(made) == {"1": ("returned", 0)}
    assert chain(made, "refund_fact")["refund_day"].to_list() == [BEFORE]


def test_an_undated_end_never_reaches_back_past_an_export_that_showed_it_running() -> None:
    made = known("C")
    running = subscription(1, updated_at=ago(60))
    exports(made, "subscriptions", {BEFORE: [running], AS_OF: [{**running, "status": "canceled"}]})
    rows = (
        chain(made, "subscription_fact")
        .sort("valid_from")
        .select("state", "valid_from", "mrr")
        .rows()
    )
    assert [(state, mrr) for state, _, mrr in rows] == [("active", 10), ("ended", 0)]
    assert rows[-1][1] == BEFORE


def test_a_subscription_that_comes_back_keeps_its_churn() -> None:
    made = known("C")
    ended = subscription(
        1, status="canceled", ended_at=datetime(2026, 5, 10), updated_at=datetime(2026, 5, 10)
    )
    back = {**ended, "status": "active", "ended_at": None, "updated_at": datetime(2026, 5, 25)}
    exports(made, "subscriptions", {date(2026, 5, 20): [ended], AS_OF: [back]})
    found = (
        chain(made, "mrr_movement")
        .sort("day")
        .select("day", "new_mrr", "churned_mrr", "reactivation_mrr")
        .rows()
    )
    assert [row[1:] for row in found] == [(10, 0, 0), (0, -10, 0), (0, 0, 10)]
    assert [row[0] for row in found][1:] == [date(2026, 5, 10), date(2026, 5, 25)]


def test_a_small_refund_of_the_order_does_not_hide_a_larger_credit_note() -> None:
    rows = [
        order(1, ago(20), "700.00", refunded=Decimal("10.00")),
        order("n", ago(5), "-70.00", status="Gutschrift", returns_order_id="1"),
    ]
    assert sales(known("C", orders=rows))["1"] == ("partly_returned", 620)


def test_two_credit_notes_alike_give_back_two_orders_alike() -> None:
    rows = [order(1, ago(20), "100.00"), order(2, ago(10), "100.00")]
    rows += [order(f"n{n}", ago(n), "-100.00", status="Gutschrift") for n in (2, 3)]
    made = known("C", orders=rows)
    assert sales(made) == {"1": ("returned", 0), "2": ("returned", 0)}


@pytest.mark.parametrize("status", ["test", "pending", "draft", "failed"])
def test_a_credit_note_that_never_was_gives_nothing_back(status: str) -> None:
    rows = [
        order(1, ago(20), "100.00"),
        order("n", ago(5), "-40.00", status=status, returns_order_id="1"),
    ]
    assert sales(known("C", orders=rows)) == {"1": ("paid", 100)}


def test_churn_takes_the_refund_of_a_returned_order_once() -> None:
    rows = [
        order(1, ago(20), "100.00"),
        order(
            2, ago(10), "40.00", status="refunded", refunded=Decimal("40.00"), refunded_at=ago(5)
        ),
    ]
    found = chain(known("C", orders=rows), "churn_features").filter(origin=AS_OF).row(0, named=True)
    assert (found["f_revenue_365d"], found["f_orders_365d"], found["value_at_risk"]) == (
        100,
        1,
        100,
    )
