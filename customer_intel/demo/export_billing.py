"""Stripe's dashboard exports: subscriptions, invoices, payments."""

from __future__ import annotations

import polars as pl

from customer_intel.demo import pools
from customer_intel.demo.clock import DAY, NEVER
from customer_intel.demo.exports import Exporter, money, seen, touched, utc


def stripe_subscriptions(x: Exporter, since: int, upto: int) -> pl.DataFrame:
    renewed = (
        x.world.invoices.filter(pl.col("created").is_between(since, upto, closed="left"))["subscription"]
        .unique()
        .to_list()
    )
    s = x.world.subscriptions.join(x.persons, on="person", how="left", maintain_order="left")
    s = s.filter(
        (pl.col("started") < upto)
        & (touched(since, upto, "started", "canceled", "ended") | pl.col("subscription").is_in(renewed))
    )
    unpaid = (
        x.world.invoices.filter((pl.col("created") < upto) & pl.col("is_failed") & (pl.col("paid") >= upto))[
            "subscription"
        ]
        .unique()
        .to_list()
    )
    plan = {
        c: pl.Series([x[i] for x in pools.PLANS]).gather(s["plan"])
        for c, i in (("plan_id", 0), ("plan_name", 1), ("interval", 2), ("amount", 3))
    }
    s = s.with_columns(**plan)
    trial_end = pl.col("started") + 14 * DAY
    period = pl.min_horizontal(pl.lit(upto), "ended", "canceled") - pl.col("started")
    begun = pl.col("started") + period // (pl.col("period") * DAY) * pl.col("period") * DAY
    status = (
        pl.when(pl.col("ended") < upto)
        .then(pl.lit("canceled"))
        .when(pl.col("subscription").is_in(unpaid))
        .then(pl.lit("past_due"))
        .when(pl.col("trial") & (trial_end >= upto))
        .then(pl.lit("trialing"))
        .otherwise(pl.lit("active"))
    )
    reason = pl.when(pl.col("canceled") < upto).then(
        pl.when("by_dunning").then(pl.lit("payment_failed")).otherwise(pl.lit("cancellation_requested"))
    )
    asked = (pl.col("canceled") < upto) & ~pl.col("by_dunning")
    feedback = pl.Series(["too_expensive", "unused", "switched_service", "low_quality"]).gather(s["feedback"])
    return s.select(
        pl.format("sub_{}", (pl.col("subscription") + 1_000_000).cast(pl.String)).alias("id"),
        pl.col("stripe_id").alias("Customer ID"),
        pl.col("stripe_email").alias("Customer Email"),
        pl.col("stripe_name").alias("Customer Name"),
        pl.col("plan_id").alias("Plan"),
        pl.col("plan_name").alias("Product"),
        pl.lit("1").alias("Quantity"),
        pl.lit("usd").alias("Currency"),
        pl.col("interval").alias("Interval"),
        money("amount").alias("Amount"),
        status.alias("Status"),
        utc(pl.col("started")).alias("Created (UTC)"),
        utc(pl.col("started")).alias("Start Date (UTC)"),
        utc(begun).alias("Current Period Start (UTC)"),
        utc(begun + pl.col("period") * DAY).alias("Current Period End (UTC)"),
        utc(pl.when("trial").then("started")).alias("Trial Start (UTC)"),
        utc(pl.when("trial").then(trial_end)).alias("Trial End (UTC)"),
        utc(seen("canceled", upto)).alias("Canceled At (UTC)"),
        (pl.col("at_period_end") & (pl.col("canceled") < upto)).cast(pl.String).alias("Cancel At Period End"),
        utc(seen("ended", upto)).alias("Ended At (UTC)"),
        reason.alias("Cancellation Reason"),
        pl.when(asked).then(feedback).alias("Cancellation Feedback"),
    )


def stripe_invoices(x: Exporter, since: int, upto: int) -> pl.DataFrame:
    i = x.world.invoices.join(x.persons, on="person", how="left", maintain_order="left")
    given_up = pl.col("created") + 30 * DAY
    i = i.with_columns(given_up=pl.when(pl.col("paid") >= int(NEVER)).then(given_up).otherwise(int(NEVER)))
    i = i.filter((pl.col("created") < upto) & touched(since, upto, "created", "paid", "given_up"))
    paid = pl.col("paid") < upto
    due = pl.when(paid).then(0).otherwise("amount").alias("due")
    got = pl.when(paid).then("amount").otherwise(0).alias("got")
    tries = 1 + (pl.col("is_failed") & (pl.col("created") + 4 * DAY < upto)).cast(pl.Int64)
    return i.with_columns(due, got).select(
        pl.format("in_{}", (pl.col("invoice") + 1_000_000).cast(pl.String)).alias("id"),
        money("amount").alias("Amount Due"),
        pl.lit("charge_automatically").alias("Billing"),
        pl.lit("usd").alias("Currency"),
        pl.col("stripe_id").alias("Customer"),
        utc(pl.col("created")).alias("Date (UTC)"),
        pl.lit(None, dtype=pl.String).alias("Due Date (UTC)"),
        pl.format("HP-{}", (pl.col("invoice") + 1).cast(pl.String).str.zfill(6)).alias("Number"),
        pl.format("sub_{}", (pl.col("subscription") + 1_000_000).cast(pl.String)).alias("Subscription"),
        money("amount").alias("Subtotal"),
        pl.lit("0.00").alias("Total Discount Amount"),
        pl.lit("0.00").alias("Tax"),
        money("amount").alias("Total"),
        money("got").alias("Amount Paid"),
        money("due").alias("Amount Remaining"),
        tries.cast(pl.String).alias("Attempt Count"),
        pl.when(paid)
        .then(pl.lit("paid"))
        .when(pl.col("given_up") < upto)
        .then(pl.lit("uncollectible"))
        .otherwise(pl.lit("open"))
        .alias("Status"),
        utc(pl.col("created")).alias("Minimum Line Item Period Start (UTC)"),
        utc(pl.col("period_end")).alias("Maximum Line Item Period End (UTC)"),
        utc(seen("paid", upto)).alias("Paid At (UTC)"),
        pl.col("stripe_email").alias("Customer Email"),
    )


def stripe_charges(x: Exporter, since: int, upto: int) -> pl.DataFrame:
    c = x.world.charges.filter(pl.col("at").is_between(since, upto, closed="left")).join(
        x.persons, on="person", how="left", maintain_order="left"
    )
    ok = pl.col("ok")
    fee = (pl.col("amount") * 29 // 1000 + 30).alias("fee")
    return c.with_columns(fee).select(
        pl.format("ch_{}", (pl.col("charge") + 1_000_000).cast(pl.String)).alias("id"),
        utc(pl.col("at")).alias("Created date (UTC)"),
        money("amount").alias("Amount"),
        pl.lit("0.00").alias("Amount Refunded"),
        pl.lit("usd").alias("Currency"),
        ok.cast(pl.String).alias("Captured"),
        pl.when(~ok).then(pl.lit("card_declined")).alias("Decline Reason"),
        pl.lit("Subscription update").alias("Description"),
        pl.when(ok).then(money("fee")).otherwise(pl.lit("0.00")).alias("Fee"),
        pl.lit("card").alias("Payment Source Type"),
        pl.when(ok).then(pl.lit("Paid")).otherwise(pl.lit("Failed")).alias("Status"),
        pl.col("stripe_id").alias("Customer ID"),
        pl.col("stripe_email").alias("Customer Email"),
        pl.format("in_{}", (pl.col("invoice") + 1_000_000).cast(pl.String)).alias("Invoice ID"),
    )
