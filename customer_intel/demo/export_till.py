"""The German till's export: files named as our entities, with their own column names and German
words in them.
"""

from __future__ import annotations

import polars as pl

from customer_intel.demo import pools, till
from customer_intel.demo.exports import Exporter, money, seen, touched, utc

WORDS = pools.TILL_WORDS


def number(column: str) -> pl.Expr:
    """The till's number of an order."""
    return pl.format("B{}", (pl.col(column) + 100_001).cast(pl.String))


def state(upto: int) -> pl.Expr:
    """What an order has come to by then, as a key of pools.TILL_WORDS."""
    fates = pl.lit(pl.Series(list(till.FATES))).gather(pl.col("fate"))
    return (
        pl.when(pl.col("fate").is_in([till.TEST, till.CREDIT]) | (pl.col("ends") < upto))
        .then(fates)
        .when(pl.col("delivered") < upto)
        .then(pl.lit("delivered"))
        .when(pl.col("shipped") < upto)
        .then(pl.lit("shipped"))
        .when(pl.col("paid") < upto)
        .then(pl.lit("paid"))
        .otherwise(pl.lit("open"))
    )


def till_orders(exporter: Exporter, since: int, upto: int) -> pl.DataFrame:
    """The till's orders and credit notes that were touched."""
    moments = ("created", "paid", "shipped", "delivered", "ends")
    orders = exporter.world.till_orders.filter(
        (pl.col("created") < upto) & touched(since, upto, *moments)
    )
    orders = orders.join(
        exporter.persons.select("person", "true_email", "name"),
        on="person",
        how="left",
        maintain_order="left",
    )
    is_over = pl.col("ends") < upto
    has_amount = (pl.col("fate") == till.PARTLY) | (
        (pl.col("fate") == till.REFUNDED) & pl.col("is_told")
    )
    has_time = (pl.col("fate") == till.CANCELLED) & pl.col("is_told")
    return orders.select(
        number("order").alias("order_id"),
        pl.col("true_email").alias("email"),
        utc(pl.col("created")).alias("ordered_at"),
        utc(pl.when(has_time).then(seen("ends", upto))).alias("cancelled_at"),
        state(upto).replace_strict(WORDS).alias("status"),
        pl.lit("EUR").alias("currency"),
        *[money(c).alias(c) for c in till.AMOUNTS],
        pl.when(has_amount & is_over).then(money("back")).alias("refunded"),
        pl.when(pl.col("names_original")).then(number("returns")).alias("returns_order_id"),
        pl.when("by_parcel").then(pl.lit("versand")).otherwise(pl.lit("kasse")).alias("channel"),
        pl.col("name").alias("billing_name"),
        utc(seen("shipped", upto)).alias("shipped_at"),
        utc(seen("delivered", upto)).alias("delivered_at"),
        utc(pl.max_horizontal("created", *[seen(m, upto) for m in moments[1:]])).alias(
            "updated_at"
        ),
    )


def till_lines(exporter: Exporter, since: int, upto: int) -> pl.DataFrame:
    """The lines of orders of the window."""
    rows = exporter.world.till_lines.filter(
        pl.col("created").is_between(since, upto, closed="left")
    )
    product = {
        c: pl.Series([p[i] for p in pools.PRODUCTS])
        for c, i in (("sku", 0), ("title", 1), ("category", 2))
    }
    rows = rows.with_columns(
        total=pl.col("price") * pl.col("quantity"),
        **{c: s.gather(rows["product"]) for c, s in product.items()},
    )
    return rows.select(
        pl.concat_str(number("order"), pl.lit("-"), pl.col("line").cast(pl.String)).alias(
            "order_line_id"
        ),
        number("order").alias("order_id"),
        "sku",
        "title",
        "category",
        pl.lit("Harbor & Pine").alias("brand"),
        pl.col("quantity").cast(pl.String),
        money("price").alias("unit_price"),
        money("total").alias("line_total"),
    )


def euro_rates(exporter: Exporter, since: int, upto: int) -> pl.DataFrame:
    """Dollars per euro for each day of the window."""
    rates = exporter.world.fx.filter(pl.col("at").is_between(since, upto, closed="left"))
    return rates.select(
        utc(pl.col("at"), "%Y-%m-%d").alias("date"),
        pl.lit("EUR").alias("base"),
        pl.lit("USD").alias("quote"),
        pl.col("rate").cast(pl.String),
    )
