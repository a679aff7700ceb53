"""How often what really happens in companies happens here: unpaid orders, credit notes, trials that
come to nothing.
"""

from __future__ import annotations

import polars as pl

from customer_intel.demo import billing, doings, till
from customer_intel.demo.world import World


def counts(world: World) -> dict[str, int]:
    """By kind, as far as it has happened by the end."""
    o, t, s = world.orders, world.till_orders, world.subscriptions
    turned = pl.col("turned") < world.t1
    gone, refunded = pl.col("ends") < world.t1, pl.col("fate") == till.REFUNDED
    cancelled, note = pl.col("fate") == till.CANCELLED, pl.col("fate") == till.CREDIT
    ended = pl.col("ended") < world.t1
    found = {
        "voided_without_time": o.filter((pl.col("pay") == doings.VOIDED) & turned),
        "order_pending": o.filter(pl.col("pay") == doings.PENDING),
        "order_expired": o.filter((pl.col("pay") == doings.EXPIRED) & turned),
        "order_authorized": o.filter(
            (pl.col("pay") > doings.PAID) & (pl.col("pay") != doings.PENDING) & ~turned
        ),
        "till_cancelled_without_time": t.filter(cancelled & gone & ~pl.col("is_told")),
        "till_refund_without_amount": t.filter(refunded & gone & ~pl.col("is_told")),
        "till_credit_note": t.filter(note),
        "till_credit_note_without_reference": t.filter(note & ~pl.col("names_original")),
        "till_test_order": t.filter(pl.col("fate") == till.TEST),
        "till_unknown_word": t.filter((pl.col("fate") == till.UNCLEAR) & gone),
        "till_anonymous": t.filter(pl.col("person") < 0),
        "trial_lapsed": s.filter(pl.col("is_lapsed") & ended),
        "trial_paused": s.filter(
            (pl.col("begins") == billing.PAUSING)
            & (pl.col("trial_end") < world.t1)
            & (pl.col("ended") >= world.t1)
        ),
        "subscription_free": s.filter(pl.col("begins") == billing.FREE),
        "subscription_unpaid": s.filter((pl.col("unpaid_from") < world.t1) & ~ended),
        "subscription_incomplete_expired": s.filter(
            (pl.col("begins") == billing.INCOMPLETE) & ended
        ),
    }
    return {kind: len(rows) for kind, rows in found.items()}
