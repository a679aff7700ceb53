"""Subscriptions brought to a month, and the movements of recurring revenue."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import polars as pl

from customer_intel_tests.unit.facts_rows import chain
from customer_intel_tests.unit.profile_rows import AS_OF, ago, known, subscription
from customer_intel_tests.unit.sqlroom import Room


def test_subscription_prices_are_brought_to_a_month() -> None:
    made = known(
        "C",
        subscriptions=[
            subscription(1, unit_amount=Decimal("120.00"), billing_interval="year", quantity=3.0),
            subscription(2, discount=Decimal("2.50")),
            subscription(3, interval_count=3, unit_amount=Decimal("30.00"), status="past_due"),
            subscription(4, status="trialing", trial_end=ago(-7), cancel_at_period_end=True),
            subscription(
                5,
                status="canceled",
                canceled_at=ago(3),
                ended_at=ago(3),
                cancellation_reason="price",
            ),
        ],
        invoices=[
            {
                "source_system": "bill",
                "invoice_id": "i",
                "record_key": "crm:C",
                "status": "open",
                "created_at": ago(31),
                "total": Decimal("5.00"),
                "currency": "USD",
                "due_at": ago(1),
                "amount_due": Decimal("5.00"),
            }
        ],
    )
    row = chain(made, "customer_subscription").row(0, named=True)
    assert (
        row
        | {
            "subscriptions_total": 5,
            "subscriptions_active": 3,
            "mrr": Decimal("47.50"),
            "plan_id": "plan1",
            "seats": 6,
            "next_renewal_at": ago(-1),
            "is_canceling": True,
            "is_in_dunning": True,
            "cancellation_reason": "price",
            "trial_ends_at": ago(-7),
        }
        == row
    )
    assert chain(made, "customer_payments")["amount_overdue"].to_list() == [Decimal("5.00")]


MOVES = ["new_mrr", "expansion_mrr", "contraction_mrr", "churned_mrr", "reactivation_mrr"]


def movements(made: Room) -> list[tuple[int, str, str]]:
    rows = chain(made, "mrr_movement").sort("currency", "day").rows(named=True)
    return [
        ((AS_OF - row["day"]).days, move, str(row[move]))
        for row in rows
        for move in MOVES
        if row[move]
    ]


def change(number: int, days: float, mrr: str, subscription_id: str = "1") -> dict[str, Any]:
    return {
        "source_system": "bill",
        "event_id": f"{number:04}",
        "subscription_id": subscription_id,
        "occurred_at": ago(days),
        "mrr": Decimal(mrr),
    }


def test_every_kind_of_movement() -> None:
    made = known(
        "C",
        subscriptions=[subscription(1, started_at=ago(90)), subscription(2, started_at=ago(40))],
        subscription_events=[
            change(1, 90, "10.00"),
            change(2, 80, "30.00"),
            change(3, 70, "12.34"),
            change(4, 60, "0.00"),
            change(5, 50, "5.00"),
            # One plan ends and another begins on a day: what counts is the net.
            change(6, 40, "0.00"),
            change(7, 40, "8.00", "2"),
            change(8, 39.9, "9.00", "2"),
            change(9, 39.8, "8.00", "2"),
            change(10, 0, "100.00", "2"),
        ],
    )
    assert movements(made) == [
        (90, "new_mrr", "10.00"),
        (80, "expansion_mrr", "20.00"),
        (70, "contraction_mrr", "-17.66"),
        (60, "churned_mrr", "-12.34"),
        (50, "reactivation_mrr", "5.00"),
        (40, "expansion_mrr", "3.00"),
    ]


def test_without_events_a_subscription_moves_at_its_start_and_end() -> None:
    made = known(
        "C",
        subscriptions=[
            subscription(
                1, billing_interval="year", unit_amount=Decimal("100.00"), ended_at=ago(10)
            ),
            subscription(2, started_at=ago(50), currency="EUR", status="trialing"),
            subscription(
                3, started_at=ago(40), currency="EUR", status="canceled", canceled_at=ago(20)
            ),
        ],
    )
    assert movements(made) == [
        (40, "new_mrr", "10.00"),
        (20, "churned_mrr", "-10.00"),
        (100, "new_mrr", "8.33"),
        (10, "churned_mrr", "-8.33"),
    ]


def test_movements_add_up_on_random_subscriptions() -> None:
    chance = random.Random(7)
    subscriptions = [subscription(k, currency=chance.choice(["USD", "EUR"])) for k in range(8)]
    events, last = [], {}
    for number in range(200):
        chosen = str(chance.randrange(8))
        days = 250 - number + chance.random()
        mrr = chance.choice(["0.00", "9.99", "20.00", "33.33"])
        events.append(change(number, days, mrr, chosen))
        last[chosen] = Decimal(mrr)
    made = known("C", subscriptions=subscriptions, subscription_events=events)
    found = chain(made, "mrr_movement").sort("day")
    for currency in ("USD", "EUR"):
        mine = found.filter(pl.col("currency") == currency)
        total = sum(
            (
                last.get(s["subscription_id"], Decimal(0))
                for s in subscriptions
                if s["currency"] == currency
            ),
            Decimal(0),
        )
        assert mine["closing_mrr"].to_list()[-1] == total
        assert sum(sum(mine[move].to_list(), Decimal(0)) for move in MOVES) == total
    made.con.execute(
        "UPDATE mrr_movement SET new_mrr = new_mrr + 0.01 WHERE new_mrr > 0"
    ).fetchall()
    assert made.failures("mrr_movement") == ["opening_plus_movements_is_closing"]
