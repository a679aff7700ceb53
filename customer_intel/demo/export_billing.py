"""Stripe's dashboard exports: subscriptions, invoices, payments."""

from __future__ import annotations

import polars as pl

from customer_intel.demo import billing, pools
from customer_intel.demo.clock import DAY, NEVER
from customer_intel.demo.exports import Exporter, money, seen, touched, utc


def status(upto: int, behind: list[int]) -> pl.Expr:
    """Stripe's word for a subscription by then; `behind` are those with a failed charge that is not
    made good.
    """
    incomplete = pl.col("begins") == billing.INCOMPLETE
    return (
        pl.when(incomplete)
        .then(
            pl.when(pl.col("ended") < upto)
            .then(pl.lit("incomplete_expired"))
            .otherwise(pl.lit("incomplete"))
        )
        .when(pl.col("ended") < upto)
        .then(pl.lit("canceled"))
        .when((pl.col("trial_end") < int(NEVER)) & (pl.col("trial_end") >= upto))
        .then(pl.lit("trialing"))
        .when(pl.col("begins") == billing.PAUSING)
        .then(pl.lit("paused"))
        .when(pl.col("unpaid_from") < upto)
        .then(pl.lit("unpaid"))
        .when(pl.col("subscription").is_in(behind))
        .then(pl.lit("past_due"))
        .otherwise(pl.lit("active"))
    )


def behind(invoices: pl.DataFrame, upto: int) -> list[int]:
    """Subscriptions whose charge has failed by then and has not come since."""
    overdue = invoices.filter(
        (pl.col("created") + 3600 < upto) & pl.col("is_failed") & (pl.col("paid") >= upto)
    )
    return overdue["subscription"].unique().to_list()


def stripe_subscriptions(exporter: Exporter, since: int, upto: int) -> pl.DataFrame:
    """Subscriptions, as the dashboard exports them."""
    invoices = exporter.world.invoices.with_columns(tried=pl.col("created") + 3600)
    billed = (
        invoices.filter(touched(since, upto, "created", "tried", "paid"))["subscription"]
        .unique()
        .to_list()
    )
    subscriptions = exporter.world.subscriptions.join(
        exporter.persons, on="person", how="left", maintain_order="left"
    )
    moments = ("started", "trial_end", "canceled", "ended", "unpaid_from")
    subscriptions = subscriptions.filter(
        (pl.col("started") < upto)
        & (touched(since, upto, *moments) | pl.col("subscription").is_in(billed))
    )
    plan = {
        c: pl.Series([row[i] for row in pools.PLANS]).gather(subscriptions["plan"])
        for c, i in (("plan_id", 0), ("plan_name", 1), ("interval", 2), ("amount", 3))
    }
    subscriptions = subscriptions.with_columns(**plan)
    has_trial, length = pl.col("trial_end") < int(NEVER), pl.col("period") * DAY
    is_trial_over = (pl.col("trial_end") < upto) & (pl.col("ended") > pl.col("trial_end"))
    on_trial = has_trial & (~is_trial_over | (pl.col("begins") == billing.PAUSING))
    last_moment = pl.min_horizontal(pl.lit(upto), "ended", "canceled")
    period_start = pl.col("anchor") + (last_moment - pl.col("anchor")) // length * length
    begins = pl.when(on_trial).then("started").otherwise(period_start)
    ends = pl.when(on_trial).then("trial_end").otherwise(period_start + length)
    is_cancelled = pl.col("canceled") < upto
    reason = (
        pl.when("by_dunning")
        .then(pl.lit("payment_failed"))
        .otherwise(pl.lit("cancellation_requested"))
    )
    feedback = pl.Series(["too_expensive", "unused", "switched_service", "low_quality"]).gather(
        subscriptions["feedback"]
    )
    return subscriptions.select(
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
        status(upto, behind(exporter.world.invoices, upto)).alias("Status"),
        utc(pl.col("started")).alias("Created (UTC)"),
        utc(pl.col("started")).alias("Start Date (UTC)"),
        utc(begins).alias("Current Period Start (UTC)"),
        utc(ends).alias("Current Period End (UTC)"),
        utc(pl.when(has_trial).then("started")).alias("Trial Start (UTC)"),
        utc(pl.when(has_trial).then("trial_end")).alias("Trial End (UTC)"),
        utc(seen("canceled", upto)).alias("Canceled At (UTC)"),
        (pl.col("at_period_end") & is_cancelled).cast(pl.String).alias("Cancel At Period End"),
        utc(seen("ended", upto)).alias("Ended At (UTC)"),
        pl.when(is_cancelled).then(reason).alias("Cancellation Reason"),
        pl.when(is_cancelled & ~pl.col("by_dunning")).then(feedback).alias("Cancellation Feedback"),
    )


def stripe_invoices(exporter: Exporter, since: int, upto: int) -> pl.DataFrame:
    """Invoices, as the dashboard exports them."""
    invoices = exporter.world.invoices.join(
        exporter.persons, on="person", how="left", maintain_order="left"
    )
    given_up = pl.col("created") + 30 * DAY
    invoices = invoices.with_columns(
        given_up=pl.when(pl.col("paid") >= int(NEVER)).then(given_up).otherwise(int(NEVER))
    )
    invoices = invoices.with_columns(given_up=pl.min_horizontal("given_up", "voided"))
    invoices = invoices.filter(
        (pl.col("created") < upto) & touched(since, upto, "created", "paid", "given_up")
    )
    is_void = pl.col("voided") < int(NEVER)
    paid = pl.col("paid") < upto
    due = pl.when(paid).then(0).otherwise("amount").alias("due")
    paid_amount = pl.when(paid).then("amount").otherwise(0).alias("got")
    is_retried = pl.col("is_failed") & ~is_void & (pl.col("created") + 4 * DAY < upto)
    attempts = pl.when(pl.col("amount") > 0).then(1 + is_retried.cast(pl.Int64)).otherwise(0)
    return invoices.with_columns(due, paid_amount).select(
        pl.format("in_{}", (pl.col("invoice") + 1_000_000).cast(pl.String)).alias("id"),
        money("amount").alias("Amount Due"),
        pl.lit("charge_automatically").alias("Billing"),
        pl.lit("usd").alias("Currency"),
        pl.col("stripe_id").alias("Customer"),
        utc(pl.col("created")).alias("Date (UTC)"),
        pl.lit(None, dtype=pl.String).alias("Due Date (UTC)"),
        pl.format("HP-{}", (pl.col("invoice") + 1).cast(pl.String).str.zfill(6)).alias("Number"),
        pl.format("sub_{}", (pl.col("subscription") + 1_000_000).cast(pl.String)).alias(
            "Subscription"
        ),
        money("amount").alias("Subtotal"),
        pl.lit("0.00").alias("Total Discount Amount"),
        pl.lit("0.00").alias("Tax"),
        money("amount").alias("Total"),
        money("got").alias("Amount Paid"),
        money("due").alias("Amount Remaining"),
        attempts.cast(pl.String).alias("Attempt Count"),
        pl.when(paid)
        .then(pl.lit("paid"))
        .when(pl.col("given_up") < upto)
        .then(pl.when(is_void).then(pl.lit("void")).otherwise(pl.lit("uncollectible")))
        .otherwise(pl.lit("open"))
        .alias("Status"),
        utc(pl.col("created")).alias("Minimum Line Item Period Start (UTC)"),
        utc(pl.col("period_end")).alias("Maximum Line Item Period End (UTC)"),
        utc(seen("paid", upto)).alias("Paid At (UTC)"),
        pl.col("stripe_email").alias("Customer Email"),
    )


def stripe_charges(exporter: Exporter, since: int, upto: int) -> pl.DataFrame:
    """Payments that were attempted in the window."""
    charges = exporter.world.charges.filter(
        pl.col("at").is_between(since, upto, closed="left")
    ).join(exporter.persons, on="person", how="left", maintain_order="left")
    is_paid = pl.col("ok")
    fee = (pl.col("amount") * 29 // 1000 + 30).alias("fee")
    return charges.with_columns(fee).select(
        pl.format("ch_{}", (pl.col("charge") + 1_000_000).cast(pl.String)).alias("id"),
        utc(pl.col("at")).alias("Created date (UTC)"),
        money("amount").alias("Amount"),
        pl.lit("0.00").alias("Amount Refunded"),
        pl.lit("usd").alias("Currency"),
        is_paid.cast(pl.String).alias("Captured"),
        pl.when(~is_paid).then(pl.lit("card_declined")).alias("Decline Reason"),
        pl.lit("Subscription update").alias("Description"),
        pl.when(is_paid).then(money("fee")).otherwise(pl.lit("0.00")).alias("Fee"),
        pl.lit("card").alias("Payment Source Type"),
        pl.when(is_paid).then(pl.lit("Paid")).otherwise(pl.lit("Failed")).alias("Status"),
        pl.col("stripe_id").alias("Customer ID"),
        pl.col("stripe_email").alias("Customer Email"),
        pl.format("in_{}", (pl.col("invoice") + 1_000_000).cast(pl.String)).alias("Invoice ID"),
    )
