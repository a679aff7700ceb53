"""Stable ids for households and accounts, by the rules of customer ids."""

from __future__ import annotations

from datetime import date

import polars as pl

from customer_intel.identity.ids.record_customer_map import assign


def stable_ids(
    clusters: pl.DataFrame,
    as_of: date,
    previous: pl.DataFrame,
    *,
    member: str,
    entity: str,
    prefix: str,
) -> pl.DataFrame:
    """The history of who belongs to which entity: `member`, `entity`, valid_from, valid_to,
    change_reason, previous id.

    `clusters`: `member` (unique) and cluster. Ids start with `prefix`; registry.assign says which
    cluster keeps which.
    """
    old = f"previous_{entity}"
    before = previous.rename(
        {member: "record_key", entity: "customer_id", old: "previous_customer_id"}
    ).with_columns(pl.col("customer_id", "previous_customer_id").str.replace(f"^{prefix}_", "c_"))
    now = assign(clusters.select(record_key=member, cluster="cluster"), as_of, before)
    return now.with_columns(
        pl.col("customer_id", "previous_customer_id").str.replace("^c_", f"{prefix}_")
    ).rename({"record_key": member, "customer_id": entity, "previous_customer_id": old})
