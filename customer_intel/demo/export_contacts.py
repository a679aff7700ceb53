"""Contacts as HubSpot, Shopify, Stripe, Zendesk and a spreadsheet of the shops export them."""

from __future__ import annotations

import polars as pl

from customer_intel.demo.doings import PAID
from customer_intel.demo.exports import Exporter, money, touched, utc


def contacts(exporter: Exporter, source: str, since: int, upto: int) -> pl.DataFrame:
    """One source's contact records that were touched; blank values are null."""
    rows = exporter.records.filter(
        (pl.col("source") == source)
        & (pl.col("created") < upto)
        & touched(since, upto, "created", "modified")
    )
    return rows.with_columns(
        modified=pl.when(pl.col("modified") < upto).then("modified").otherwise("created"),
        **{
            c: pl.when(pl.col(c) == "").then(None).otherwise(c)
            for c in (
                "email",
                "phone",
                "mobile",
                "suffix",
                "birth",
                "user_id",
                "state",
                "company_ids",
            )
        },
    )


def hubspot(exporter: Exporter, since: int, upto: int) -> pl.DataFrame:
    """HubSpot's contacts."""
    rows = contacts(exporter, "hubspot", since, upto)
    last = pl.concat_str("last", pl.concat_str(pl.lit(" "), "suffix").fill_null(""))
    buyers = exporter.world.orders.filter(pl.col("created") < upto)["person"].unique().to_list()
    return rows.select(
        pl.col("id").alias("Record ID"),
        pl.col("first").alias("First Name"),
        last.alias("Last Name"),
        pl.col("email").alias("Email"),
        pl.col("phone").alias("Phone Number"),
        pl.col("mobile").alias("Mobile Phone Number"),
        pl.col("street").alias("Street Address"),
        pl.col("city").alias("City"),
        pl.col("state").alias("State/Region"),
        pl.col("postal").alias("Postal Code"),
        pl.col("country").alias("Country/Region"),
        pl.when(pl.col("person").is_in(buyers))
        .then(pl.lit("Customer"))
        .otherwise(pl.lit("Lead"))
        .alias("Lifecycle Stage"),
        pl.lit("Organic Search").alias("Original Source"),
        pl.lit("Robin Vale").alias("Contact owner"),
        pl.col("user_id").alias("Shopify Customer ID"),
        pl.col("company_ids").alias("Associated Company IDs"),
        utc(pl.col("created"), "%Y-%m-%d %H:%M").alias("Create Date"),
        utc(pl.col("modified"), "%Y-%m-%d %H:%M").alias("Last Modified Date"),
    )


def hubspot_companies(exporter: Exporter, since: int, upto: int) -> pl.DataFrame:
    """HubSpot's companies."""
    rows = exporter.companies.filter(
        (pl.col("created") < upto) & touched(since, upto, "created", "modified")
    )
    modified = pl.when(pl.col("modified") < upto).then("modified").otherwise("created")
    return rows.select(
        pl.col("id").alias("Record ID"),
        pl.when(pl.col("name") != "").then("name").alias("Company name"),
        pl.col("domain").alias("Company Domain Name"),
        pl.col("industry").alias("Industry"),
        pl.col("employees").cast(pl.String).alias("Number of Employees"),
        pl.lit("Robin Vale").alias("Company owner"),
        pl.col("city").alias("City"),
        pl.when(pl.col("state") != "").then("state").alias("State/Region"),
        pl.col("country").alias("Country/Region"),
        utc(pl.col("created"), "%Y-%m-%d %H:%M").alias("Create Date"),
        utc(modified, "%Y-%m-%d %H:%M").alias("Last Modified Date"),
    )


def shopify_customers(exporter: Exporter, since: int, upto: int) -> pl.DataFrame:
    """Shopify's customers, with what each has spent."""
    rows = contacts(exporter, "shopify", since, upto)
    paid_orders = exporter.world.orders.filter((pl.col("created") < upto) & (pl.col("pay") == PAID))
    spending = paid_orders.group_by("person").agg(pl.col("total").sum(), n=pl.len())
    rows = rows.join(spending, on="person", how="left", maintain_order="left").with_columns(
        pl.col("total", "n").fill_null(0)
    )
    # the real export guards digits against spreadsheets with an apostrophe
    guarded = pl.concat_str(pl.lit("'"), "phone")
    return rows.select(
        pl.concat_str(pl.lit("'"), "id").alias("Customer ID"),
        pl.col("first").alias("First Name"),
        pl.concat_str("last", pl.concat_str(pl.lit(" "), "suffix").fill_null("")).alias(
            "Last Name"
        ),
        pl.col("email").alias("Email"),
        # By number, not drawn: the same answer in every export.
        pl.when(pl.col("person") % 5 < 3)
        .then(pl.lit("yes"))
        .otherwise(pl.lit("no"))
        .alias("Accepts Email Marketing"),
        pl.lit(None, dtype=pl.String).alias("Default Address Company"),
        pl.col("street").alias("Default Address Address1"),
        pl.lit(None, dtype=pl.String).alias("Default Address Address2"),
        pl.col("city").alias("Default Address City"),
        pl.col("state").alias("Default Address Province Code"),
        pl.col("country").alias("Default Address Country Code"),
        pl.concat_str(pl.lit("'"), "postal").alias("Default Address Zip"),
        guarded.alias("Default Address Phone"),
        guarded.alias("Phone"),
        pl.lit("no").alias("Accepts SMS Marketing"),
        money("total").alias("Total Spent"),
        pl.col("n").cast(pl.String).alias("Total Orders"),
        pl.lit(None, dtype=pl.String).alias("Note"),
        pl.lit("no").alias("Tax Exempt"),
        pl.lit(None, dtype=pl.String).alias("Tags"),
    )


def stripe_customers(exporter: Exporter, since: int, upto: int) -> pl.DataFrame:
    """Stripe's customers."""
    rows = contacts(exporter, "stripe", since, upto)
    return rows.select(
        "id",
        pl.lit(None, dtype=pl.String).alias("Description"),
        pl.col("email").alias("Email"),
        pl.concat_str("first", "last", separator=" ").alias("Name"),
        utc(pl.col("created")).alias("Created (UTC)"),
        pl.lit("false").alias("Delinquent"),
        pl.lit("Visa").alias("Card Brand"),
        pl.col("street").alias("Card Address Line1"),
        pl.col("city").alias("Card Address City"),
        pl.col("state").alias("Card Address State"),
        pl.col("country").alias("Card Address Country"),
        pl.col("postal").alias("Card Address Zip"),
        pl.lit("usd").alias("Currency"),
        pl.col("user_id").alias("shopify_customer_id (metadata)"),
    )


def zendesk_users(exporter: Exporter, since: int, upto: int) -> pl.DataFrame:
    """Zendesk's users, its one agent first."""
    rows = contacts(exporter, "zendesk", since, upto)
    iso = "%Y-%m-%dT%H:%M:%SZ"
    users = rows.select(
        "id",
        pl.lit("true").alias("active"),
        utc(pl.col("created"), iso).alias("created_at"),
        "email",
        pl.col("user_id").alias("external_id"),
        pl.lit("en-US").alias("locale"),
        pl.concat_str("first", "last", separator=" ").alias("name"),
        pl.lit(None, dtype=pl.String).alias("notes"),
        pl.lit(None, dtype=pl.String).alias("organization_id"),
        "phone",
        pl.lit("end-user").alias("role"),
        pl.lit("false").alias("suspended"),
        pl.lit("Eastern Time (US & Canada)").alias("time_zone"),
        utc(pl.col("modified"), iso).alias("updated_at"),
        pl.lit("true").alias("verified"),
    )
    agent = {
        "id": "370000000001",
        "active": "true",
        "created_at": "2024-01-02T09:00:00Z",
        "email": "robin.vale@harborandpine.example",
        "external_id": None,
        "locale": "en-US",
        "name": "Robin Vale",
        "notes": None,
        "organization_id": None,
        "phone": None,
        "role": "agent",
        "suspended": "false",
        "time_zone": "Eastern Time (US & Canada)",
        "updated_at": "2024-01-02T09:00:00Z",
        "verified": "true",
    }
    return pl.concat([pl.DataFrame([agent], schema=users.schema), users])


def loyalty(exporter: Exporter, since: int, upto: int) -> pl.DataFrame:
    """The shops' spreadsheet of loyalty cards, days before months."""
    rows = contacts(exporter, "loyalty", since, upto)
    birth = pl.col("birth").str.replace(r"(\d{4})-(\d\d)-(\d\d)", "$3/$2/$1")
    return rows.select(
        pl.col("id").alias("Card no"),
        pl.concat_str(
            "first", pl.lit(" "), "last", pl.concat_str(pl.lit(" "), "suffix").fill_null("")
        ).alias("Name"),
        pl.col("email").alias("E-mail"),
        pl.col("phone").alias("Tel"),
        birth.alias("Birthday"),
        pl.col("city").alias("Store"),
        pl.col("postal").alias("Post code"),
        utc(pl.col("created"), "%d/%m/%Y").alias("Joined"),
    )
