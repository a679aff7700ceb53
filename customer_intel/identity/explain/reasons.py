"""Explanations of links, without personal values; and the fewest links that hold each customer
together (a spanning tree).

Belongs here: match_explanation and its sentences. Not here: which links there are (match_edge.py),
who becomes one (clusters.py), what `why` says beyond single links (match_explanation.py).
"""

from __future__ import annotations

import polars as pl

from customer_intel.identity.linking.likely_pair import WEIGHTS
from customer_intel.identity.linking.match_edge import RULES
from customer_intel.identity.matching.graph import spanning_tree

_SENTENCES = {
    "override_merge": "a person decided that they are one",
    "unique_user_id": "they have the same login",
    "strong_email": "they have the same email",
    "strong_phone": "they have the same mobile number",
    "role_email": "they share a function's mailbox, and their names agree",
    "weak_phone": "they share a landline, and their names agree",
    "weak_email_base": "their emails lead to the same mailbox, and their names agree",
    "likely_model": "what they have in common is very unlikely between two people",
}


def match_explanation(match_edge: pl.DataFrame, record_customer_map: pl.DataFrame) -> pl.DataFrame:
    """The strongest links that hold each customer together: of n records n - 1, for clusters grow
    along links only.
    """
    today = record_customer_map.filter(pl.col("valid_to").is_null()).select(
        "record_key", "customer_id", n_records=pl.len().over("customer_id").cast(pl.Int64)
    )
    links = match_edge.filter("is_link").join(today, left_on="record_key_a", right_on="record_key")
    # Links may lead to records that a veto keeps in another customer.
    links = links.join(
        today, left_on=["record_key_b", "customer_id"], right_on=["record_key", "customer_id"]
    )
    links = strongest_first(links)
    tree = links[spanning_tree(links.select(a="record_key_a", b="record_key_b"))]
    return explained(tree).select(
        "customer_id",
        "record_key_a",
        "record_key_b",
        "rule_id",
        "weight",
        "explanation",
        is_weakest=pl.col("customer_id").is_last_distinct(),
        n_records="n_records",
    )


def strongest_first(links: pl.DataFrame) -> pl.DataFrame:
    """Links by rule (RULES), heavier first within a rule."""
    rank = pl.col("rule_id").replace_strict(
        {rule: i for i, rule in enumerate(RULES)}, return_dtype=pl.Int64
    )
    return links.sort(rank, -pl.col("weight"), "record_key_a", "record_key_b")


def explained(links: pl.DataFrame) -> pl.DataFrame:
    """Adds `alike` (what speaks for one person, empty where no model weighed it) and `explanation`,
    a sentence.
    """
    parts = [pl.when(pl.col(column) > 0).then(pl.lit(name)) for column, name in WEIGHTS.items()]
    alike = (
        pl.concat_list(parts)
        .list.drop_nulls()
        .list.join(", ")
        .str.replace(r", ([^,]*)$", " and $1")
    )
    return links.with_columns(alike=alike).with_columns(
        explanation=pl.concat_str(
            pl.col("rule_id").replace_strict(_SENTENCES),
            pl.when(pl.col("alike") != "")
            .then(pl.format(": {} agree, {} to 1", "alike", _odds()))
            .otherwise(pl.lit("")),
        )
    )


def _odds() -> pl.Expr:
    odds = pl.lit(2.0).pow(pl.col("weight").clip(upper_bound=20)).round().cast(pl.Int64)
    # Polars cannot write a thousands separator.
    thousands = pl.format("{},{}", odds // 1000, (odds % 1000).cast(pl.String).str.zfill(3))
    plain = pl.when(odds < 1000).then(odds.cast(pl.String)).otherwise(thousands)
    return pl.when(odds < 1_000_000).then(plain).otherwise(pl.lit("more than a million"))
