"""One figure, one number: whatever the rows, every table that carries a figure carries the same."""

from __future__ import annotations

import random
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from customer_intel_tests.unit.facts_rows import chain, order
from customer_intel_tests.unit.profile_rows import ago, known, subscription
from customer_intel_tests.unit.sqlroom import Room

# Chains of many tables, seconds each.
pytestmark = pytest.mark.slow

CUSTOMERS = "abcdefgh"
RATES = [
    {
        "source_system": "ecb",
        "date": ago(400 - 20 * k).date(),
        "base": "EUR",
        "quote": "USD",
        "rate": 1.07 + 0.013 * k,
    }
    for k in range(21)
]


def sales(chance: random.Random) -> list[dict[str, Any]]:
    """Orders of every state and oddity, in three currencies, one without a rate; some are credit
    notes.
    """
    rows = []
    for number in range(160):
        days, cents = chance.uniform(-1, 390), chance.randrange(1, 90_000)
        row = order(number, ago(days), "0.00", record_key=f"crm:{chance.choice(CUSTOMERS)}")
        row["total"] = Decimal(cents) / 100
        row["currency"] = chance.choices(["USD", "EUR", "JPY"], [10, 10, 1])[0]
        row["status"] = chance.choices(
            [
                "paid",
                "shipped",
                "cancelled",
                "refunded",
                "partially refunded",
                "pending",
                "draft",
                "test",
                "what",
                None,
            ],
            [20, 20, 3, 3, 3, 2, 1, 1, 1, 1],
        )[0]
        row["refunded"] = chance.choices(
            [None, Decimal(chance.randrange(0, cents + 1)) / 100, row["total"]], [8, 1, 1]
        )[0]
        row["refunded_at"] = (
            ago(days) + timedelta(days=chance.uniform(0, 40)) if chance.random() < 0.5 else None
        )
        row["cancelled_at"] = (
            ago(days) + timedelta(days=chance.uniform(0, 9)) if chance.random() < 0.1 else None
        )
        row["discount"] = Decimal(chance.randrange(0, 500)) / 100
        row["returns_order_id"] = None
        if chance.random() < 0.1:
            row["total"] = -row["total"]
            row["returns_order_id"] = str(chance.randrange(160)) if chance.random() < 0.5 else None
        rows.append(row)
    return rows


def plans(chance: random.Random) -> list[dict[str, Any]]:
    rows = []
    for number in range(40):
        start = chance.uniform(1, 390)
        end = ago(start) + timedelta(days=chance.uniform(0, 200)) if chance.random() < 0.5 else None
        rows.append(
            subscription(
                number,
                record_key=f"crm:{chance.choice(CUSTOMERS)}",
                started_at=ago(start),
                status=chance.choice(
                    [
                        "active",
                        "active",
                        "past_due",
                        "unpaid",
                        "paused",
                        "trialing",
                        "canceled",
                        "incomplete",
                    ]
                ),
                trial_end=ago(start - 14) if chance.random() < 0.3 else None,
                ended_at=end if chance.random() < 0.5 else None,
                canceled_at=end,
                cancel_at_period_end=chance.random() < 0.2,
                unit_amount=Decimal(chance.randrange(0, 5000)) / 100,
                billing_interval=chance.choice(["month", "year", "week", "day"]),
                currency=chance.choices(["USD", "EUR", "JPY"], [10, 10, 1])[0],
                updated_at=ago(start * chance.random()) if chance.random() < 0.7 else None,
            )
        )
    return rows


def company(seed: int) -> Room:
    chance = random.Random(seed)
    made = known(*CUSTOMERS, orders=sales(chance), subscriptions=plans(chance), fx_rates=RATES)
    made.settings["reporting_currency"] = "USD"
    made.put("consent_state", [{"customer_id": "h", "purpose": "profiling", "status": "denied"}])
    return made


@pytest.mark.parametrize("seed", range(4))
def test_every_table_tells_the_same_sums_of_every_customer(seed: int) -> None:
    found = chain(company(seed), "reconciliation")
    assert found["n_differing"].to_list() == [0] * found.height
    tables = {(row["figure"], row["table_name"]) for row in found.rows(named=True)}
    assert tables >= {
        ("orders", "customer_profile"),
        ("orders", "activity_daily"),
        ("orders", "rfm"),
        ("net_revenue", "customer_profile"),
        ("net_revenue", "activity_daily"),
        ("net_revenue", "rfm"),
        ("refunds", "activity_daily"),
        ("mrr", "customer_profile"),
        ("mrr_by_currency", "mrr_movement"),
        ("paying_customers", "mrr_movement"),
    }
    facts = {row["figure"]: row["fact_total"] for row in found.rows(named=True)}
    assert facts["orders"] > 50 and facts["net_revenue"] > 0 and facts["mrr_by_currency"] > 0


def test_a_cent_between_two_tables_closes_the_gate() -> None:
    made = known(
        "C",
        orders=[order(1, ago(9), "100.00", refunded=Decimal("30.00"))],
        subscriptions=[subscription(1)],
    )
    chain(made, "reconciliation")
    changes = [
        ("customer_profile", "revenue_total = revenue_total + 0.01"),
        ("customer_profile", "orders_total = orders_total + 1"),
        ("customer_profile", "mrr = mrr + 0.01"),
        ("customer_profile", "subscriptions_active = 0"),
        ("activity_daily", "revenue = revenue + 0.01 WHERE activity = 'order_refunded'"),
        ("activity_daily", "n = n + 1 WHERE activity = 'order_placed'"),
        ("rfm", "monetary = monetary - 0.01"),
        ("mrr_movement", "closing_mrr = closing_mrr + 0.01"),
    ]
    for table, change in changes:
        sound = made.rows(table)
        made.con.execute(f"UPDATE {table} SET {change}").fetchall()
        with pytest.raises(AssertionError, match="one_figure_one_number"):
            made.run("reconciliation")
        made.con.execute(f"DROP TABLE {table}").fetchall()
        made.put(table, sound)
    made.run("reconciliation")
