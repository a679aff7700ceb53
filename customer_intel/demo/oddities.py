"""Counts of the simulated special cases: unpaid orders, credit notes, trials that lapse."""

from __future__ import annotations

import polars as pl

from customer_intel.demo import billing, doings, till
from customer_intel.demo.world import World


def counts(world: World) -> dict[str, int]:
    """By kind, as far as it has happened by the end."""
    orders, till_orders, subscriptions = world.orders, world.till_orders, world.subscriptions
    is_settled = pl.col("turned") < world.t1
    is_over, is_refunded = pl.col("ends") < world.t1, pl.col("fate") == till.REFUNDED
    is_cancelled, is_credit_note = pl.col("fate") == till.CANCELLED, pl.col("fate") == till.CREDIT
    is_ended = pl.col("ended") < world.t1
    found = {
        "voided_without_time": orders.filter((pl.col("pay") == doings.VOIDED) & is_settled),
        "order_pending": orders.filter(pl.col("pay") == doings.PENDING),
        "order_expired": orders.filter((pl.col("pay") == doings.EXPIRED) & is_settled),
        "order_authorized": orders.filter(
            (pl.col("pay") > doings.PAID) & (pl.col("pay") != doings.PENDING) & ~is_settled
        ),
        "till_cancelled_without_time": till_orders.filter(
            is_cancelled & is_over & ~pl.col("is_told")
        ),
        "till_refund_without_amount": till_orders.filter(
            is_refunded & is_over & ~pl.col("is_told")
        ),
        "till_credit_note": till_orders.filter(is_credit_note),
        "till_credit_note_without_reference": till_orders.filter(
            is_credit_note & ~pl.col("names_original")
        ),
        "till_test_order": till_orders.filter(pl.col("fate") == till.TEST),
        "till_unknown_word": till_orders.filter((pl.col("fate") == till.UNCLEAR) & is_over),
        "till_anonymous": till_orders.filter(pl.col("person") < 0),
        "trial_lapsed": subscriptions.filter(pl.col("is_lapsed") & is_ended),
        "trial_paused": subscriptions.filter(
            (pl.col("begins") == billing.PAUSING)
            & (pl.col("trial_end") < world.t1)
            & (pl.col("ended") >= world.t1)
        ),
        "subscription_free": subscriptions.filter(pl.col("begins") == billing.FREE),
        "subscription_unpaid": subscriptions.filter((pl.col("unpaid_from") < world.t1) & ~is_ended),
        "subscription_incomplete_expired": subscriptions.filter(
            (pl.col("begins") == billing.INCOMPLETE) & is_ended
        ),
    }
    return {kind: len(rows) for kind, rows in found.items()}
