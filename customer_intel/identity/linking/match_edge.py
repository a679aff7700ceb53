"""Match edges: every pair of records that may be one person's, what it weighs, and what speaks against it.

Belongs here: the night's use of the resolver (identity/matching), and what its pairs are called in tables.
Not here: who is one in the end (ids/record_customer_map.py), the model (match_model.py).
"""

from __future__ import annotations

from typing import Any

import polars as pl

from customer_intel.core.engine import DuckDBEngine, EngineSettings
from customer_intel.identity.linking.comparable import comparable
from customer_intel.identity.linking.match_model import in_force
from customer_intel.identity.linking.overrides import Decisions, decisions
from customer_intel.identity.linking.party_value import earlier_pairs
from customer_intel.identity.matching.clusters import clustered
from customer_intel.identity.matching.comparison_levels import COMPARISONS, PLACE
from customer_intel.identity.matching.graph import components
from customer_intel.identity.matching.resolve import Decided, Records, compared

# Column → comparison whose bits it holds, in the order in which explanations name them; the rest is other_weight.
WEIGHTS = {
    "name_weight": "name",
    "birth_date_weight": "birth date",
    "address_weight": "address",
    "email_weight": "email",
    "phone_weight": "phone",
    "login_weight": "login",
    "id_number_weight": "id number",
}
# What two records say the same of, the most telling first: the kind of an edge.
_KINDS = {
    "user_id": ("login", 1),
    "id_number": ("id number", 1),
    "email": ("email", 1),
    "phone": ("phone", 1),
    "shared": ("shared contact", 1),
}


def match_edge(
    party_record: pl.DataFrame,
    hub_value: pl.DataFrame,
    party_value: pl.DataFrame,
    match_model: pl.DataFrame,
    identity_overrides: pl.DataFrame,
    config: dict[str, Any],
) -> pl.DataFrame:
    """Pairs of records that are at least possible, and all pairs within a group of such."""
    decided = _among(decisions(identity_overrides), party_record["record_key"])
    model = in_force(match_model)
    with DuckDBEngine(EngineSettings(), []) as engine:
        records = Records(engine.con, comparable(party_record, hub_value, config), decided.records)
        pairs = compared(records, model, decided, earlier_pairs(party_value, hub_value))
    known = [
        f"bits {comparison.name}"
        for comparison in COMPARISONS
        if comparison.name not in WEIGHTS.values()
    ]
    kind = pl.coalesce(
        pl.when(pl.col("decision").is_not_null()).then(pl.lit("decision")),
        *(
            pl.when(pl.col(name) == level).then(pl.lit(kind))
            for kind, (name, level) in _KINDS.items()
        ),
        pl.lit("likeness"),
    )
    pairs = pairs.join(
        decided.together.with_columns(decision=pl.lit("merge")),
        on=["record_key_a", "record_key_b"],
        how="left",
    ).with_columns(
        decision=pl.when(pl.col("veto") == "never_merge")
        .then(pl.lit("apart"))
        .otherwise("decision")
    )
    return pairs.select(
        "record_key_a",
        "record_key_b",
        identifier_type=kind,
        is_link="is_link",
        weight=pl.when(pl.col("decision").ne_missing("merge")).then(pl.col("bits").round(4)),
        effective_weight=pl.col("effective").round(4),
        probability=(
            1 / (1 + (-pl.col("effective").clip(-60, 60) * 0.6931471805599453).exp())
        ).round(6),
        veto="veto",
        doubt=pl.when(pl.col("veto").is_null()).then("doubt"),
        decision="decision",
        **{column: pl.col(f"bits {name}").round(4) for column, name in WEIGHTS.items()},
        other_weight=pl.sum_horizontal(known).round(4),
        levels=pl.concat_str([pl.col(name) for name in PLACE], separator=","),
        is_copy="is_copy",
        content_a="content_a",
        content_b="content_b",
        model_version=pl.lit(model.version),
    )


def clusters_of(records: pl.Series, match_edge: pl.DataFrame) -> pl.DataFrame:
    """record_key, cluster (its smallest record_key) of all `records`."""
    return clustered(
        records,
        match_edge.select(
            "record_key_a", "record_key_b", "content_a", "content_b", "is_copy",
            "is_link",
            effective="effective_weight", is_vetoed=pl.col("veto").is_not_null(),
        ),
    )  # fmt: skip


def _among(decided: Decisions, keys: pl.Series) -> Decided:
    """Decisions on records of tonight; who is to be one with a third is one with all of that one's."""
    known = keys.implode()
    pair = ["record_key_a", "record_key_b"]
    together, apart = (
        frame.filter(pl.all_horizontal(pl.col(name).is_in(known) for name in pair)).select(pair)
        for frame in (_closed(decided.together), decided.apart)
    )
    return Decided(
        together.join(apart, on=pair, how="anti"),
        apart,
        decided.alone["record_key"].filter(decided.alone["record_key"].is_in(known)),
    )


def _closed(together: pl.DataFrame) -> pl.DataFrame:
    """Every pair that a chain of merges makes one."""
    keys = (
        pl.concat([together["record_key_a"], together["record_key_b"]])
        .unique()
        .sort()
        .alias("record_key")
    )
    groups = keys.to_frame().with_columns(
        components(keys, together.select(a="record_key_a", b="record_key_b"))
    )
    return (
        groups.join(groups, on="component", suffix="_b")
        .filter(pl.col("record_key") < pl.col("record_key_b"))
        .select(record_key_a="record_key", record_key_b="record_key_b")
    )
