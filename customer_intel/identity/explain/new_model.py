"""What another match model would change: who would become one, who would fall apart.

Belongs here: tonight's records under another model, beside the customers of today. Not here: fitting one
(matching/resolve.py), the command (cli/identity.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from customer_intel.identity.linking.match_edge import clusters_of, match_edge
from customer_intel.identity.matching.fellegi_sunter import MatchModel

# What `changes` reads, and the model in force.
TABLES = (
    "party_record", "hub_value", "party_value", "identity_overrides", "record_customer_map", "match_model",
)  # fmt: skip


def changes(
    tables: Mapping[str, pl.DataFrame], model: MatchModel, config: dict[str, Any]
) -> dict[str, int]:
    """joined: how many customers would become part of others, parted: how many would fall apart; customers_before and
    customers_after. `tables`: TABLES by name.
    """
    party = tables["party_record"]
    row = pl.DataFrame(
        {"valid_to": [None], "model_json": [json.dumps(model.as_dict())]},
        schema_overrides={"valid_to": pl.Date},
    )
    pairs = match_edge(
        party, tables["hub_value"], tables["party_value"], row, tables["identity_overrides"], config
    )
    now = clusters_of(party["record_key"], pairs)
    today = tables["record_customer_map"].filter(pl.col("valid_to").is_null())
    both = today.join(now, on="record_key")
    by_cluster = both.group_by("cluster").agg(n=pl.col("customer_id").n_unique())
    by_customer = both.group_by("customer_id").agg(n=pl.col("cluster").n_unique())
    return {
        "joined": int((by_cluster["n"] - 1).sum()),
        "parted": by_customer.filter(pl.col("n") > 1).height,
        "customers_before": both["customer_id"].n_unique(),
        "customers_after": both["cluster"].n_unique(),
    }
