"""Vendors' exports of a window of time, as text frames with the vendors' own headers.

The `export_*` modules take a window [since, upto) in epoch seconds and return the rows that it
touched, in their state at `upto`. Nothing here is dirty yet; `mess` does that.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from customer_intel.demo.clock import DAY
from customer_intel.demo.people import Identity
from customer_intel.demo.world import World


def money(column: str) -> pl.Expr:
    """Cents as text with two decimals."""
    cents = pl.col(column).cast(pl.Int64)
    sign = pl.when(cents < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    whole, rest = cents.abs() // 100, cents.abs() % 100
    return pl.concat_str(
        sign, whole.cast(pl.String), pl.lit("."), rest.cast(pl.String).str.zfill(2)
    )


def utc(expr: pl.Expr, form: str = "%Y-%m-%d %H:%M:%S") -> pl.Expr:
    """Epoch seconds as text in UTC."""
    return pl.from_epoch(expr, time_unit="s").dt.strftime(form)


def seen(column: str, upto: int) -> pl.Expr:
    """The moment, or null when it has not happened yet."""
    return pl.when(pl.col(column) < upto).then(pl.col(column))


def touched(since: int, upto: int, *moments: str) -> pl.Expr:
    """Whether any of the moments lies in the window [since, upto)."""
    return pl.any_horizontal(*[pl.col(m).is_between(since, upto, closed="left") for m in moments])


def layout(frame: pl.DataFrame, header: list[str]) -> pl.DataFrame:
    """The vendor's full header in the vendor's order; columns that Harbor & Pine does not fill are
    empty.
    """
    return frame.select(
        [
            pl.col(c).cast(pl.String)
            if c in frame.columns
            else pl.lit(None, dtype=pl.String).alias(c)
            for c in header
        ]
    )


class Exporter:
    """The world and its contact records, with each person's ids and spellings in the other systems
    joined on.
    """

    def __init__(
        self,
        world: World,
        people: list[Identity],
        records: pl.DataFrame,
        companies: pl.DataFrame,
        rng: np.random.Generator,
    ) -> None:
        self.world, self.records, self.companies = world, records, companies
        persons = pl.DataFrame(
            {
                "person": [p.person for p in people],
                "true_email": [p.email for p in people],
                "email2": [p.email2 for p in people],
                "name": [f"{p.first} {p.last}" for p in people],
                "street": [p.street for p in people],
                "town": [p.city for p in people],
                "state": [p.state for p in people],
                "postal": [p.postal for p in people],
                "country": [p.country for p in people],
                "digits": [p.digits for p in people],
            }
        )
        first = records.unique(["source", "person"], keep="first", maintain_order=True)
        for source in ("shopify", "stripe", "zendesk"):
            own = first.filter(pl.col("source") == source).select(
                "person",
                pl.col("id").alias(f"{source}_id"),
                pl.col("email").alias(f"{source}_email"),
                pl.col("user_id").alias(f"{source}_user"),
                pl.concat_str("first", "last", separator=" ").alias(f"{source}_name"),
            )
            persons = persons.join(own, on="person", how="left", maintain_order="left")
        self.persons = persons
        self.orders = self._order_frame(rng)
        self.surveys = world.surveys.join(
            persons, on="person", how="left", maintain_order="left"
        ).with_columns(email=pl.coalesce("shopify_email", "true_email").str.strip_chars())
        self.consents = self._consent_frame(rng)

    def _order_frame(self, rng: np.random.Generator) -> pl.DataFrame:
        orders = self.world.orders.join(
            self.persons, on="person", how="left", maintain_order="left"
        )
        n = len(orders)
        uses_second_email, drawn = rng.random(n) < 0.04, rng.random(n)
        email = (
            pl.when(pl.Series(uses_second_email) & (pl.col("email2") != ""))
            .then("email2")
            .otherwise(pl.coalesce("shopify_email", "true_email"))
        )
        # a till asks for no address: four in ten of the shop's own sales stay anonymous
        is_hidden = ~pl.col("is_web") & pl.Series(drawn < 0.4)
        return orders.with_columns(
            order_email=pl.when(is_hidden).then(None).otherwise(email), is_hidden=is_hidden
        )

    def _consent_frame(self, rng: np.random.Generator) -> pl.DataFrame:
        shoppers = self.persons.filter(pl.col("shopify_id").is_not_null())
        consenting = shoppers.join(
            self.records.filter(pl.col("source") == "shopify")
            .unique("person", keep="first")
            .select("person", "created"),
            on="person",
            how="left",
            maintain_order="left",
        )
        parts = []
        for purpose, share in (("Marketing", 0.62), ("Analytics", 0.8), ("Profiling", 0.9)):
            n = len(consenting)
            granted = rng.random(n) < share
            parts.append(
                consenting.select(
                    "person",
                    "shopify_email",
                    purpose=pl.lit(purpose),
                    at=pl.col("created") + 60,
                    status=pl.Series(np.where(granted, "ACTIVE", "NO_CONSENT")),
                )
            )
            later = granted & (rng.random(n) < 0.05)
            at = consenting["created"].to_numpy() + rng.integers(5, 250, n) * DAY
            parts.append(
                consenting.select(
                    "person",
                    "shopify_email",
                    purpose=pl.lit(purpose),
                    at=pl.Series(at),
                    status=pl.lit("WITHDRAWN"),
                ).filter(pl.Series(later))
            )
        return (
            pl.concat(parts)
            .filter(pl.col("at") < self.world.t1)
            .sort("at", "person", "purpose")
            .with_row_index("receipt")
        )
