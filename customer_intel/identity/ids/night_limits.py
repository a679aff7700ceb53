"""Limits of change: stops a night in which customer ids would change beyond what a normal night
changes.

Belongs here: the limits that need the night before, or the config. What any single map must fulfil:
tables.yaml.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from customer_intel.core.gate.gate import GateClosed

# What a record says of a person. Copies of one record (a form sent a hundred times) are no sign of
# a wrong merge.
CONTENT = ["first_name_norm", "last_name_norm", "birth_date_norm", "email_norm", "phone_e164"]


def check(found: pl.DataFrame, content: pl.DataFrame, as_of: date, config: dict[str, Any]) -> None:
    """Lets tonight's map `found` pass, or stops it. `content`: record_key and what the record says
    (CONTENT).

    Too much: a customer of more different records than allowed; too many of last night's records
    with another id; a mean size of customers that jumps. The latter two are judged only from a home
    of `min_records` on, in which a share means something. A night listed in `accepted_nights`
    passes. Raises GateClosed, with counts and what to do, but no record's values.
    """
    if as_of.isoformat() in {str(night) for night in config["accepted_nights"]}:
        return
    limits = config["night_limits"]
    today = found.filter(pl.col("valid_to").is_null()).select("record_key", "customer_id")
    # A row that this night closed was open before it.
    was_open = pl.col("valid_to").is_null() | (pl.col("valid_to") == as_of)
    before = found.filter((pl.col("valid_from") < as_of) & was_open).select(
        "record_key", old="customer_id"
    )
    faults = [_oversized(today, content, limits)]
    if before.height >= limits["min_records"]:
        faults += [_changed(today, before, limits), _drift(today, before, limits)]
    if reasons := [fault for fault in faults if fault]:
        raise GateClosed(
            "limits of a night",
            "customer ids would change more than a normal night changes them: "
            f"{'; '.join(reasons)}. Nothing was "
            "replaced. Look for a value that suddenly links too many or too few (hub_value, "
            "match_edge) or a source "
            f"that is missing; if the change is right, add {as_of.isoformat()} to accepted_nights "
            "in "
            f"config/identity.yaml and run the night again",
        )


def _oversized(today: pl.DataFrame, content: pl.DataFrame, limits: dict[str, Any]) -> str:
    sizes = (
        today.join(content, on="record_key")
        .group_by("customer_id")
        .agg(n=pl.struct(CONTENT).n_unique())
    )
    many = sizes.filter(pl.col("n") > limits["customer_records"])
    if many.is_empty():
        return ""
    largest: int = many.select(pl.col("n").max()).item()
    return (
        f"{many.height} customer(s) of more than {limits['customer_records']} different "
        f"records, one of {largest}"
    )


def _changed(today: pl.DataFrame, before: pl.DataFrame, limits: dict[str, Any]) -> str:
    known = before.join(today, on="record_key")
    changed = known.filter(pl.col("customer_id") != pl.col("old")).height
    if changed <= limits["changed_share"] * known.height:
        return ""
    return (
        f"{changed} of {known.height} records known before get another id "
        f"({changed / known.height:.1%}, limit "
        f"{limits['changed_share']:.1%})"
    )


def _drift(today: pl.DataFrame, before: pl.DataFrame, limits: dict[str, Any]) -> str:
    size_before = before.height / before["old"].n_unique()
    size_now = today.height / max(today["customer_id"].n_unique(), 1)
    if abs(size_now - size_before) <= limits["size_drift"] * size_before:
        return ""
    return (
        f"records per customer go from {size_before:.2f} to {size_now:.2f} (limit ± "
        f"{limits['size_drift']:.0%})"
    )
