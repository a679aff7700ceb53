"""The history of the profile's slow columns: who was what, since when, known since when, and why it
changed.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date
from typing import Any

import polars as pl

_META = (
    "customer_id",
    "valid_from",
    "valid_to",
    "recorded_at",
    "change_reason",
    "end_reason",
    "configuration_id",
)


def customer_profile_history(
    customer_profile: pl.DataFrame,
    customer_id_registry: pl.DataFrame,
    record_customer_map: pl.DataFrame,
    as_of: date,
    config: dict[str, Any],
    previous: pl.DataFrame,
) -> pl.DataFrame:
    """One row per customer and stretch of days with the same slow columns (SCD2, the end exclusive
    and open = null).

    A second run for the same `as_of` first takes back what the first one wrote, so it gives the
    same rows; a run for an earlier `as_of` forgets what later nights recorded.
    """
    slow = list(config["slow_columns"])
    configuration_id = _fingerprint(config)
    known = _before(previous.select(*_META, *slow), as_of)
    known = _blank_erased(known, customer_id_registry, slow)

    is_open = pl.col("valid_to").is_null()
    ended, was = known.filter(~is_open), known.filter(is_open)
    now = customer_profile.select("customer_id", *slow)
    same_values = now.join(was, on=["customer_id", *slow], how="semi", nulls_equal=True).select(
        "customer_id"
    )
    # Judged by today's rules and found the same: a later change is then the data's, not the rules'.
    kept = was.join(same_values, on="customer_id", how="semi").with_columns(
        configuration_id=pl.lit(configuration_id)
    )
    closed = was.join(same_values, on="customer_id", how="anti")
    opened = now.join(same_values, on="customer_id", how="anti")

    reasons = _identity_reasons(customer_id_registry, record_customer_map, as_of)
    rules = was.select("customer_id", was_rule=pl.col("configuration_id"))
    why = (
        pl.when(pl.col("identity_reason").is_not_null())
        .then(pl.col("identity_reason"))
        .when(pl.col("was_rule") != configuration_id)
        .then(pl.lit("rule"))
        .otherwise(pl.lit("data"))
    )

    def reasoned(rows: pl.DataFrame, name: str) -> pl.DataFrame:
        joined = rows.join(reasons, on="customer_id", how="left").join(
            rules, on="customer_id", how="left"
        )
        return joined.with_columns(why.alias(name))

    closed = reasoned(closed, "end_reason").with_columns(valid_to=pl.lit(as_of))
    opened = reasoned(opened, "change_reason").with_columns(
        valid_from=pl.lit(as_of),
        valid_to=pl.lit(None, pl.Date),
        recorded_at=pl.lit(as_of),
        end_reason=pl.lit(None, pl.String),
        configuration_id=pl.lit(configuration_id),
    )
    columns = [*_META, *slow]
    return pl.concat([part.select(columns) for part in (ended, kept, closed, opened)]).sort(
        "customer_id", "valid_from"
    )


def _before(previous: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """What was recorded before `as_of`: later rows gone, rows closed later open again."""
    reopened = pl.col("valid_to") >= as_of
    return previous.filter(pl.col("recorded_at") < as_of).with_columns(
        valid_to=pl.when(reopened).then(None).otherwise(pl.col("valid_to")),
        end_reason=pl.when(reopened).then(None).otherwise(pl.col("end_reason")),
    )


def _blank_erased(known: pl.DataFrame, registry: pl.DataFrame, slow: list[str]) -> pl.DataFrame:
    """An erased person's past says only that it was: the right to be forgotten reaches history too."""
    erased = registry.filter(pl.col("status") == "erased").get_column("customer_id").implode()
    is_erased = pl.col("customer_id").is_in(erased)
    return known.with_columns(
        pl.when(is_erased).then(None).otherwise(pl.col(name)).alias(name) for name in slow
    )


def _identity_reasons(registry: pl.DataFrame, mapping: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """customer_id → erasure, merge or split, where that is what happened to the customer; erasure
    tells most.
    """
    gone = registry.filter(pl.col("status") != "active").select(
        "customer_id",
        identity_reason=pl.col("status").replace_strict(
            {"erased": "erasure", "merged": "merge", "split": "split"},
            default=None,
            return_dtype=pl.String,
        ),
    )
    moved = mapping.filter(
        (pl.col("valid_from") == as_of) & pl.col("change_reason").is_in(["merge", "split", "moved"])
    )
    gained = moved.select(
        "customer_id", identity_reason=pl.col("change_reason").replace("moved", "merge")
    )
    lost = moved.filter(pl.col("change_reason") != "merge").select(
        customer_id="previous_customer_id", identity_reason=pl.lit("split")
    )
    reasons = pl.concat([gone, gained, lost]).drop_nulls()
    return reasons.group_by("customer_id").agg(pl.col("identity_reason").min()).sort("customer_id")


def _fingerprint(config: dict[str, Any]) -> str:
    """Changes with the room's configuration, so that a changed threshold is not taken for a changed
    customer.
    """
    text = json.dumps(
        {key: value for key, value in config.items() if key != "as_of"}, sort_keys=True, default=str
    )
    return hashlib.sha256(text.encode()).hexdigest()[:12]
