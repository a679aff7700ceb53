"""Hub values: shared by too many people, or placeholders, and therefore not allowed to link."""

from __future__ import annotations

from typing import Any

import polars as pl

from customer_intel.identity.linking.vetoes import compare, signatures
from customer_intel.identity.matching.graph import components

_VALUE = ["identifier_type", "value_norm"]


def hub_value(
    identifier_fact: pl.DataFrame, party_record: pl.DataFrame, config: dict[str, Any]
) -> pl.DataFrame:
    """One row per value that stops linking: a placeholder, or shared by more distinct names, logins
    or, for what is no address itself, mailboxes than allowed.

    Spellings and nicknames of one name count once, as far as they are few enough to compare.
    """
    none = pl.DataFrame(
        schema={"identifier_type": pl.String, "value_norm": pl.String, "record_key": pl.String}
    )
    signed = signatures(party_record, none, none, config)
    facts = identifier_fact.select(*_VALUE, "record_key").unique()
    counted = (
        facts.join(signed, on="record_key")
        .join(party_record.select("record_key", "email_base"), on="record_key")
        .group_by(_VALUE)
        .agg(
            n_records=pl.len(),
            n_signatures=pl.col("signature").n_unique(),
            n_spellings=pl.struct("first", "last")
            .filter(pl.col("first").is_not_null() | pl.col("last").is_not_null())
            .n_unique(),
            n_logins=pl.col("login").drop_nulls().n_unique(),
            n_mailboxes=pl.col("email_base").drop_nulls().n_unique(),
        )
    )
    limit = pl.col("identifier_type").replace_strict(config["hub_names"], return_dtype=pl.Int64)
    is_login = pl.col("identifier_type") == "user_id"
    is_address = pl.col("identifier_type").str.starts_with("email")
    counted = counted.with_columns(
        limit=limit,
        is_placeholder=pl.any_horizontal(
            # An email's patterns hold for the mailbox behind it, email_base, too.
            pl.col("identifier_type").str.starts_with(kind)
            & pl.col("value_norm").str.contains(f"(?i)^(?:{'|'.join(patterns)})$")
            for kind, patterns in config["placeholder_patterns"].items()
        ),
    )
    to_compare = counted.filter(
        pl.col("n_spellings").is_between(pl.col("limit") + 1, config["hub_spellings"])
        & ~pl.col("is_placeholder")
    )
    names = _distinct_names(facts.join(to_compare.select(_VALUE), on=_VALUE), signed, config)
    counted = counted.join(names, on=_VALUE, how="left").with_columns(
        n_distinct_names=pl.coalesce("n_names", "n_spellings").cast(pl.Int64)
    )
    shared = (
        (pl.col("n_distinct_names") > pl.col("limit"))
        | (~is_login & (pl.col("n_logins") > pl.col("limit")))
        | (~is_login & (pl.col("n_signatures") > config["hub_signatures"]))
        # Where records have no names, only their addresses tell that a login or number is
        # everybody's.
        | (~is_address & (pl.col("n_mailboxes") > config["hub_mailboxes"]))
    )
    return (
        counted.filter(shared | pl.col("is_placeholder"))
        .select(
            *_VALUE,
            pl.col("n_records").cast(pl.Int64),
            "n_distinct_names",
            reason=pl.when("is_placeholder")
            .then(pl.lit("placeholder"))
            .otherwise(pl.lit("shared")),
        )
        .sort(_VALUE)
    )


def _distinct_names(
    facts: pl.DataFrame, signed: pl.DataFrame, config: dict[str, Any]
) -> pl.DataFrame:
    """How many names the records of each value carry, when spellings that fit each other are one
    name.
    """
    named = signed.filter(pl.col("first").is_not_null() | pl.col("last").is_not_null())
    nodes = (
        facts.join(named.select("record_key", "signature", "first", "last"), on="record_key")
        .group_by(*_VALUE, "first", "last")
        .agg(pl.col("signature").min())
        .sort(*_VALUE, "signature")
        .with_row_index("node")
    )
    pairs = nodes.join(nodes, on=_VALUE).filter(pl.col("node") < pl.col("node_right"))
    meeting = pairs.select(a="signature", b="signature_right").unique()
    judged = compare(meeting, signed, config).filter(
        ~pl.col("is_first_other") & ~pl.col("is_last_other")
    )
    same_name = pairs.join(
        judged, left_on=["signature", "signature_right"], right_on=["a", "b"], how="semi"
    )
    groups = components(nodes["node"], same_name.select(a="node", b="node_right"))
    return (
        nodes.with_columns(groups)
        .group_by(_VALUE)
        .agg(n_names=pl.col("component").n_unique().cast(pl.Int64))
    )
