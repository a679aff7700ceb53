"""Shopify's orders export: one row per line, the order's own values on its first row only."""

from __future__ import annotations

import polars as pl

from customer_intel.demo import doings, pools
from customer_intel.demo.exports import Exporter, layout, money, seen, touched, utc

SHOP_ZONE = "America/New_York"
SHOPIFY_ORDER = """
Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,Currency,Subtotal,
Shipping,Taxes,Total,Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,
Lineitem name,Lineitem price,Lineitem compare at price,Lineitem sku,Lineitem requires shipping,
Lineitem taxable,Lineitem fulfillment status,Billing Name,Billing Street,Billing Address1,Billing Address2,
Billing Company,Billing City,Billing Zip,Billing Province,Billing Country,Billing Phone,Shipping Name,
Shipping Street,Shipping Address1,Shipping Address2,Shipping Company,Shipping City,Shipping Zip,
Shipping Province,Shipping Country,Shipping Phone,Notes,Note Attributes,Cancelled at,Payment Method,
Payment Reference,Refunded Amount,Vendor,Id,Tags,Risk Level,Source,Lineitem discount,Tax 1 Name,Tax 1 Value,
Phone,Receipt Number,Duties,Billing Province Name,Shipping Province Name,Payment Terms Name,
Next Payment Due At""".replace("\n", "").split(",")


def financial_status(upto: int) -> pl.Expr:
    """Shopify's word by then. What is voided or expires was only authorized before."""
    pay = pl.col("pay")
    return (
        pl.when(pl.col("refunded") < upto)
        .then(pl.lit("refunded"))
        .when((pl.col("cancelled") < upto) | ((pay == doings.VOIDED) & (pl.col("turned") < upto)))
        .then(pl.lit("voided"))
        .when((pay == doings.EXPIRED) & (pl.col("turned") < upto))
        .then(pl.lit("expired"))
        .when(pay == doings.PENDING)
        .then(pl.lit("pending"))
        .when(pay != doings.PAID)
        .then(pl.lit("authorized"))
        .otherwise(pl.lit("paid"))
    )


def shopify_orders(exporter: Exporter, since: int, upto: int) -> pl.DataFrame:
    """Orders with their lines, one row per line, times in the shop's zone."""
    moments = ("created", "shipped", "delivered", "cancelled", "refunded", "turned")
    orders = exporter.orders.filter((pl.col("created") < upto) & touched(since, upto, *moments))
    lines = exporter.world.lines.with_columns(line=pl.int_range(pl.len()).over("order"))
    rows = orders.join(lines, on="order", how="inner", maintain_order="left")

    def local(expr: pl.Expr) -> pl.Expr:
        return (
            pl.from_epoch(expr, time_unit="s")
            .dt.replace_time_zone("UTC")
            .dt.convert_time_zone(SHOP_ZONE)
            .dt.strftime("%Y-%m-%d %H:%M:%S %z")
        )

    is_first_line = pl.col("line") == 0
    delivered = pl.concat_str(pl.lit("\ndelivered_at: "), local(seen("delivered", upto))).fill_null(
        ""
    )
    note = pl.when("is_web").then(
        pl.concat_str(pl.lit("promised_delivery: "), utc(pl.col("promised"), "%Y-%m-%d"), delivered)
    )
    net = (pl.col("subtotal") - pl.col("discount")).alias("net")
    refunded = (
        pl.when(pl.col("refunded") < upto)
        .then("total")
        .when(pl.col("cancelled") < upto)
        .then("total")
        .otherwise(0)
        .alias("back")
    )
    phone = (
        pl.when(pl.col("country") == "GB")
        .then(pl.concat_str(pl.lit("'+44"), "digits"))
        .otherwise(pl.concat_str(pl.lit("'+1"), "digits"))
    )
    phone = pl.when(
        # By number, not drawn: a person gives a phone in every export or in none.
        ~pl.col("is_hidden") & (pl.col("digits") != "") & (pl.col("person") % 3 > 0)
    ).then(phone)
    person = ~pl.col("is_hidden")
    product = {
        c: pl.Series([row[i] for row in pools.PRODUCTS]) for c, i in (("sku", 0), ("title", 1))
    }
    rows = rows.with_columns(refunded, net).with_columns(
        sku=product["sku"].gather(rows["product"]),
        title=product["title"].gather(rows["product"]),
        code=pl.Series(pools.DISCOUNTS).gather(rows["discount_code"]),
    )
    fulfilled = (
        pl.when(pl.col("shipped") < upto).then(pl.lit("fulfilled")).otherwise(pl.lit("unfulfilled"))
    )
    once: dict[str, pl.Expr] = {
        "Financial Status": financial_status(upto),
        "Paid at": local(pl.when(pl.col("pay") == doings.PAID).then("created")),
        "Fulfillment Status": fulfilled,
        "Fulfilled at": local(seen("shipped", upto)),
        "Accepts Marketing": pl.when(pl.col("person") % 5 < 3)
        .then(pl.lit("yes"))
        .otherwise(pl.lit("no")),
        "Currency": pl.lit("USD"),
        "Subtotal": money("net"),
        "Shipping": money("shipping"),
        "Taxes": money("tax"),
        "Total": money("total"),
        "Discount Code": pl.when(pl.col("code") != "").then("code"),
        "Discount Amount": money("discount"),
        "Shipping Method": pl.when("is_web").then(pl.lit("Standard")),
        "Billing Name": pl.when(person).then("name"),
        "Billing Street": pl.when(person).then("street"),
        "Billing Address1": pl.when(person).then("street"),
        "Billing City": pl.when(person).then("town"),
        "Billing Zip": pl.when(person).then(pl.concat_str(pl.lit("'"), "postal")),
        "Billing Province": pl.when(person & (pl.col("state") != "")).then("state"),
        "Billing Country": pl.when(person).then("country"),
        "Billing Phone": phone,
        "Shipping Name": pl.when("is_web").then("name"),
        "Shipping Street": pl.when("is_web").then("street"),
        "Shipping City": pl.when("is_web").then("town"),
        "Shipping Country": pl.when("is_web").then("country"),
        "Note Attributes": note,
        "Cancelled at": local(seen("cancelled", upto)),
        "Payment Method": pl.when(pl.col("pay") == doings.PENDING)
        .then(pl.lit("Bank Deposit"))
        .otherwise(pl.lit("Shopify Payments")),
        "Refunded Amount": money("back"),
        "Id": (pl.col("order") + 5_550_000_000_001).cast(pl.String),
        "Risk Level": pl.lit("Low"),
        "Source": pl.when("is_web").then(pl.lit("web")).otherwise(pl.lit("pos")),
        "Tax 1 Name": pl.lit("Sales Tax 6.25%"),
        "Tax 1 Value": money("tax"),
        "Phone": phone,
    }
    each = {
        "Name": pl.concat_str(pl.lit("#"), (pl.col("order") + 1001).cast(pl.String)),
        "Email": pl.col("order_email"),
        "Created at": local(pl.col("created")),
        "Lineitem quantity": pl.col("quantity").cast(pl.String),
        "Lineitem name": pl.col("title"),
        "Lineitem price": money("price"),
        "Lineitem sku": pl.col("sku"),
        "Lineitem requires shipping": pl.lit("true"),
        "Lineitem taxable": pl.lit("true"),
        "Lineitem fulfillment status": fulfilled.str.replace("unfulfilled", "pending"),
        "Lineitem discount": pl.lit("0.00"),
        "Vendor": pl.lit("Harbor & Pine"),
    }
    values = {c: pl.when(is_first_line).then(e) for c, e in once.items()} | each
    return layout(rows.select([e.alias(c) for c, e in values.items()]), SHOPIFY_ORDER)
