"""Acts as (customer, act, moment) rolled up as activity's room does, put into a lab.

Belongs here: rows for tests of behaviour. Not here: what is expected of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import polars as pl

from customer_intel.testing import TableLab

Act = tuple[str, str, datetime]


def lab_of(acts: Iterable[Act] | pl.DataFrame, as_of: date, **settings: Any) -> TableLab:
    """A lab with customer_day and act_daily of the acts, all own ones, days by UTC."""
    rows = (
        acts
        if isinstance(acts, pl.DataFrame)
        else pl.DataFrame(
            list(acts), schema={"customer_id": pl.String, "act": pl.String, "ts": pl.Datetime("us")}, orient="row"
        )
    ).with_columns(day=pl.col("ts").dt.date())  # fmt: skip
    lab = TableLab(as_of, **settings)
    first_last = {"first": pl.col("ts").min(), "last": pl.col("ts").max()}
    lab.put(
        "act_daily",
        rows.group_by("customer_id", "day", "act", maintain_order=True).agg(
            n=pl.len().cast(pl.Int64),
            first_at=first_last["first"],
            last_at=first_last["last"],
            known_at=first_last["first"],
        ),
    )
    lab.put(
        "customer_day",
        rows.group_by("customer_id", "day", maintain_order=True).agg(
            n_own=pl.len().cast(pl.Int64),
            first_own_at=first_last["first"],
            last_own_at=first_last["last"],
            known_at=first_last["first"],
        ),
        is_active=True,
        sessions_started=0,
    )
    days = pl.select(day=pl.date_range(pl.lit(rows["day"]).min(), as_of))
    lab.put(
        "date",
        days.with_columns(
            month_start=pl.col("day").dt.month_start(), week_start=pl.col("day").dt.truncate("1w")
        ),
    )
    return lab
