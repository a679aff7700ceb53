"""The RFM segment of each customer over time, as the nights told it."""

from __future__ import annotations

from datetime import date

import polars as pl

from customer_intel.core.tables.periods import before_night


def segment_history(
    rfm: pl.DataFrame,
    customer_id_registry: pl.DataFrame,
    as_of: date,
    previous: pl.DataFrame,
    schema: pl.Schema,
) -> pl.DataFrame:
    """One row per customer and stretch of nights in one segment (the end exclusive, open = null).

    A second run for the same `as_of` gives the same rows; one for an earlier `as_of` forgets what
    later nights recorded. Who is no active customer any more, or may not be profiled any more, has
    no past here either.
    """
    active = customer_id_registry.filter(pl.col("status") == "active")
    known = before_night(previous.select(schema.names()), as_of).join(
        active, on="customer_id", how="semi"
    )
    now = rfm.select("customer_id", "segment")
    is_open = pl.col("valid_to").is_null()
    ended, was = known.filter(~is_open), known.filter(is_open)
    kept = was.join(now, on=["customer_id", "segment"], how="semi")
    closed = was.join(now, on=["customer_id", "segment"], how="anti").with_columns(
        valid_to=pl.lit(as_of)
    )
    opened = now.join(was, on=["customer_id", "segment"], how="anti").with_columns(
        valid_from=pl.lit(as_of), valid_to=pl.lit(None, pl.Date)
    )
    columns = [part.select(schema.names()) for part in (ended, kept, closed, opened)]
    return pl.concat(columns).sort("customer_id", "valid_from")
