"""Match edges and conflicts: which records are linked, and which are vetoed, because they share a
value.

Belongs here: match_edge and match_conflict, the two inputs of clustering. Within a value, records
of one signature hang in a chain and signatures hang in a chain, so that edges grow with records,
never with pairs.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

import polars as pl

from customer_intel.identity.linking.likely_pair import WEIGHTS
from customer_intel.identity.linking.overrides import Decisions, decisions
from customer_intel.identity.linking.vetoes import compare, signatures
from customer_intel.identity.matching.graph import components

# Strongest first: the order in which clustering applies them, weak evidence last.
RULES = (
    "override_merge",
    "unique_user_id",
    "strong_email",
    "strong_phone",
    "role_email",
    "weak_phone",
    "weak_email_base",
    "likely_model",
)
MODEL_VERSION = "deterministic-1"
_VALUE = ["identifier_type", "namespace", "value_norm", "strength"]
_WEIGHTS = ["weight", "probability", *WEIGHTS]


def match_edge(
    party_record: pl.DataFrame,
    identifier_fact: pl.DataFrame,
    hub_value: pl.DataFrame,
    likely_pair: pl.DataFrame,
    identity_overrides: pl.DataFrame,
    config: dict[str, Any],
) -> pl.DataFrame:
    """Pairs of records that a rule would join. Where is_link is false the rule cannot tell to whom
    (match_review).
    """
    decided = decisions(identity_overrides)
    signed = signatures(party_record, hub_value, decided.kept_apart, config)
    members = _members(identifier_fact, hub_value, decided, signed)
    unique = members.filter(pl.col("strength") == "unique")
    shared = members.filter(pl.col("strength") != "unique")
    meetings = _meetings(shared, signed, decided, config)
    known = pl.col("record_key_a").is_in(party_record["record_key"].implode()) & pl.col(
        "record_key_b"
    ).is_in(party_record["record_key"].implode())
    merged = decided.together.filter(known).with_columns(
        identifier_type=pl.lit("override"),
        value_norm=pl.lit(None, pl.String),
        strength=pl.lit("override"),
        is_link=pl.lit(True),
    )
    chained = shared.filter(pl.col("is_named") | (pl.col("strength") != "weak"))
    edges = pl.concat(
        [
            merged,
            _chain(unique, _VALUE),
            _chain(chained, [*_VALUE, "signature"]),
            _between(shared, meetings),
        ],
        how="diagonal",
    ).with_columns(
        rule_id=pl.concat_str("strength", pl.lit("_"), "identifier_type").replace(
            "override_override", "override_merge"
        )
    )
    edges = (
        edges.group_by("record_key_a", "record_key_b", "rule_id")
        .agg(
            pl.col("value_norm").min(),
            pl.col("is_link").max(),
            pl.col("identifier_type", "strength").first(),
        )
        .pipe(_without_repeats)
    )
    edges = edges.with_columns(
        *(pl.lit(None, pl.Float64).alias(name) for name in _WEIGHTS),
        model_version=pl.lit(MODEL_VERSION),
    )
    edges = pl.concat([edges, _likely(likely_pair, signed, decided, config)], how="diagonal")
    with_first_name = signed.filter(pl.col("first").is_not_null())["record_key"].implode()
    return edges.with_columns(
        is_named=pl.col("record_key_a").is_in(with_first_name)
        & pl.col("record_key_b").is_in(with_first_name)
    ).sort("record_key_a", "record_key_b", "rule_id")


def match_conflict(
    match_edge: pl.DataFrame,
    party_record: pl.DataFrame,
    identifier_fact: pl.DataFrame,
    hub_value: pl.DataFrame,
    identity_overrides: pl.DataFrame,
    config: dict[str, Any],
) -> pl.DataFrame:
    """Vetoed pairs: of records that share a value, and of records that edges would bring together
    indirectly.

    One pair stands for all records of the same two signatures: n_pairs says for how many.
    """
    decided = decisions(identity_overrides)
    signed = signatures(party_record, hub_value, decided.kept_apart, config)
    members = _members(identifier_fact, hub_value, decided, signed).filter(
        pl.col("strength") != "unique"
    )
    meetings = _meetings(members, signed, decided, config).filter(pl.col("veto").is_not_null())
    keys = pl.col("rep_a"), pl.col("rep_b")
    direct = meetings.select(
        pl.min_horizontal(keys).alias("record_key_a"),
        pl.max_horizontal(keys).alias("record_key_b"),
        "identifier_type",
        "value_norm",
        reason="veto",
        n_pairs=pl.col("n_a") * pl.col("n_b"),
    )
    records = party_record["record_key"].implode()
    forbidden = decided.apart.filter(
        pl.col("record_key_a").is_in(records) & pl.col("record_key_b").is_in(records)
    )
    return (
        pl.concat(
            [
                forbidden.with_columns(reason=pl.lit("never_merge"), n_pairs=pl.lit(1, pl.Int64)),
                direct,
                _indirect(match_edge, signed, config),
            ],
            how="diagonal",
        )
        .sort(
            pl.col("reason") != "never_merge",
            pl.col("value_norm").is_null(),
            "identifier_type",
            "value_norm",
        )
        .unique(["record_key_a", "record_key_b"], keep="first", maintain_order=True)
        .select(
            "record_key_a", "record_key_b", "reason", "identifier_type", "value_norm", "n_pairs"
        )
        .sort("record_key_a", "record_key_b")
    )


def _members(
    facts: pl.DataFrame, hubs: pl.DataFrame, decided: Decisions, signed: pl.DataFrame
) -> pl.DataFrame:
    """Facts that may link, of values that at least two records carry."""
    usable = facts.join(hubs, on=["identifier_type", "value_norm"], how="anti").join(
        decided.alone, on="record_key", how="anti"
    )
    return (
        usable.filter(pl.len().over(_VALUE) > 1)
        .join(
            signed.select("record_key", "signature", is_named=pl.col("first").is_not_null()),
            on="record_key",
        )
        .sort(*_VALUE, "signature", "record_key")
    )


def _meetings(
    members: pl.DataFrame, signed: pl.DataFrame, decided: Decisions, config: dict[str, Any]
) -> pl.DataFrame:
    """Pairs of signatures that meet in a value, with the veto if any, and is_ok: the value's
    strength may link them.
    """
    by_signature = members.group_by(*_VALUE, "signature").agg(
        rep=pl.col("record_key").min(), n=pl.len().cast(pl.Int64)
    )
    by_signature = by_signature.filter(pl.len().over(_VALUE) > 1)
    pairs = by_signature.join(by_signature, on=_VALUE, suffix="_b").filter(
        pl.col("signature") < pl.col("signature_b")
    )
    pairs = pairs.rename(
        {
            "signature": "a",
            "signature_b": "b",
            "rep": "rep_a",
            "rep_b": "rep_b",
            "n": "n_a",
            "n_b": "n_b",
        }
    )
    judged = compare(pairs.select("a", "b").unique(), signed, config)
    own = signed.select("record_key", "signature")
    forbidden = decided.apart.join(own, left_on="record_key_a", right_on="record_key").join(
        own, left_on="record_key_b", right_on="record_key", suffix="_b"
    )
    forbidden = forbidden.select(
        a=pl.min_horizontal("signature", "signature_b"),
        b=pl.max_horizontal("signature", "signature_b"),
        decided=pl.lit("never_merge"),
    )
    judged = judged.join(forbidden, on=["a", "b"], how="left").with_columns(
        veto=pl.coalesce("decided", "veto")
    )
    is_unvetoed = pl.col("veto").is_null()
    return (
        pairs.join(judged, on=["a", "b"])
        .with_columns(
            is_ok=pl.when(pl.col("strength") == "strong")
            # A Jr has a namesake in the house, who may share the phone.
            .then(
                is_unvetoed
                & ~((pl.col("identifier_type") == "phone") & pl.col("is_generation_open"))
            )
            .when(pl.col("strength") == "role")
            .then(is_unvetoed & ~pl.col("is_last_other"))
            .otherwise(is_unvetoed & ~pl.col("is_last_other") & pl.col("is_named"))
        )
        .sort(*_VALUE, "a", "b")
    )


def _chain(members: pl.DataFrame, within: list[str], by: str = "record_key") -> pl.DataFrame:
    """Each member linked to the next and the next but one, so that one missing or refused edge cuts
    nobody off.
    """
    ordered = members.sort(*within, by)
    pairs = pl.concat(
        [
            ordered.with_columns(other=pl.col("record_key").shift(-step).over(within))
            for step in (1, 2)
        ]
    )
    return pairs.drop_nulls("other").select(
        "identifier_type",
        "value_norm",
        "strength",
        record_key_a=pl.min_horizontal("record_key", "other"),
        record_key_b=pl.max_horizontal("record_key", "other"),
        is_link=pl.lit(True),
    )


def _between(members: pl.DataFrame, meetings: pl.DataFrame) -> pl.DataFrame:
    """Edges between signatures: a chain where all agree; else only those to whom the value points
    without doubt.
    """
    is_whole = pl.col("is_ok").all().over(_VALUE)
    whole = meetings.filter(is_whole).select(_VALUE).unique()
    # Two representatives each, so that one missing edge does not part signatures of several
    # records.
    ends = [pl.col("record_key").min(), pl.col("record_key").max()]
    reps = [members.group_by(*_VALUE, "signature").agg(record_key=end) for end in ends]
    chains = pl.concat(
        [_chain(rep.join(whole, on=_VALUE, how="semi"), _VALUE, by="signature") for rep in reps]
    )
    disputed = meetings.filter(~is_whole & pl.col("is_ok").any().over(_VALUE)).sort(
        *_VALUE, "a", "b"
    )
    rows = []
    columns = disputed.select(*_VALUE, "a", "b", "is_ok", "rep_a", "rep_b").iter_rows()
    for value, group in groupby(columns, key=lambda row: row[:4]):
        pairs = [row[4:] for row in group]
        names = {s: key for a, b, _, rep_a, rep_b in pairs for s, key in ((a, rep_a), (b, rep_b))}
        found = _unravel([(a, b, is_ok) for a, b, is_ok, _, _ in pairs])
        rows += [(*value, *sorted((names[a], names[b])), is_link) for a, b, is_link in found]
    schema = {
        **dict.fromkeys(_VALUE, pl.String),
        "record_key_a": pl.String,
        "record_key_b": pl.String,
        "is_link": pl.Boolean,
    }
    return pl.concat(
        [chains, pl.DataFrame(rows, schema=schema, orient="row").drop("namespace")], how="diagonal"
    )


def _unravel(pairs: list[tuple[int, int, bool]]) -> list[tuple[int, int, bool]]:
    """Links (a, b, is_link) among the signatures of one value whose pairs do not all agree.

    Who fits two that do not fit each other could be either, so goes to neither; all others form
    groups that agree.
    """
    fits: dict[int, set[int]] = {}
    for a, b, is_ok in pairs:
        fits.setdefault(a, set())
        fits.setdefault(b, set())
        if is_ok:
            fits[a].add(b)
            fits[b].add(a)
    doubtful = {s for s, near in fits.items() if any(near - fits[t] - {t} for t in near)}
    links = [
        (s, t, False)
        for s in sorted(doubtful)
        for t in sorted(fits[s])
        if t not in doubtful or s < t
    ]
    for s in sorted(set(fits) - doubtful):
        later = sorted(t for t in fits[s] - doubtful if t > s)
        links += [(s, t, True) for t in later[:2]]
    return links


def _likely(
    pairs: pl.DataFrame, signed: pl.DataFrame, decided: Decisions, config: dict[str, Any]
) -> pl.DataFrame:
    """Pairs that the model nominates and no veto forbids; linked where nothing at all speaks
    against it.
    """
    alone = decided.alone["record_key"].implode()
    pairs = pairs.filter(
        ~pl.col("record_key_a").is_in(alone) & ~pl.col("record_key_b").is_in(alone)
    )
    pairs = pairs.join(decided.apart, on=["record_key_a", "record_key_b"], how="anti")
    own = signed.select("record_key", "signature")
    for side in ("a", "b"):
        pairs = pairs.join(own, left_on=f"record_key_{side}", right_on="record_key").rename(
            {"signature": side}
        )
    pairs = pairs.with_columns(a=pl.min_horizontal("a", "b"), b=pl.max_horizontal("a", "b"))
    judged = compare(pairs.select("a", "b").unique(), signed, config)
    is_sound = (pl.col("n_witnesses") > 0) & ~pl.any_horizontal(
        "is_contradicted", "is_last_other", "is_generation_open"
    )
    return (
        pairs.join(judged, on=["a", "b"])
        .filter(pl.col("veto").is_null())
        .select(
            "record_key_a",
            "record_key_b",
            *_WEIGHTS,
            "model_version",
            rule_id=pl.lit("likely_model"),
            identifier_type=pl.lit("likeness"),
            value_norm=pl.lit(None, pl.String),
            strength=pl.lit("likely"),
            is_link=(pl.col("weight") >= config["likely_link_bits"]) & is_sound,
        )
    )


def _without_repeats(edges: pl.DataFrame) -> pl.DataFrame:
    """The mailbox behind an address adds nothing where the address itself links."""
    strong = edges.filter(pl.col("is_link") & (pl.col("identifier_type") == "email"))
    is_mailbox = pl.col("identifier_type") == "email_base"
    pair = ["record_key_a", "record_key_b"]
    return pl.concat(
        [edges.filter(~is_mailbox), edges.filter(is_mailbox).join(strong, on=pair, how="anti")]
    )


def _indirect(edges: pl.DataFrame, signed: pl.DataFrame, config: dict[str, Any]) -> pl.DataFrame:
    """Vetoed pairs of signatures within each component of edges; components in which nothing
    differs cost nothing.
    """
    links = edges.filter("is_link").select(a="record_key_a", b="record_key_b")
    linked = signed.filter(
        pl.col("record_key").is_in(pl.concat([links["a"], links["b"]]).unique().implode())
    )
    linked = linked.with_columns(components(linked["record_key"], links))
    differing = ["first", "born", "generation", "gender", "organisation", "login"]
    mixed = linked.filter(
        pl.any_horizontal(
            pl.col(name).drop_nulls().n_unique().over("component") > 1 for name in differing
        )
    )
    by_signature = mixed.group_by("component", "signature").agg(
        rep=pl.col("record_key").min(), n=pl.len().cast(pl.Int64)
    )
    pairs = by_signature.join(by_signature, on="component", suffix="_b").filter(
        pl.col("signature") < pl.col("signature_b")
    )
    judged = compare(
        pairs.select(a="signature", b="signature_b").unique(), signed, config
    ).drop_nulls("veto")
    return pairs.join(judged, left_on=["signature", "signature_b"], right_on=["a", "b"]).select(
        record_key_a=pl.min_horizontal("rep", "rep_b"),
        record_key_b=pl.max_horizontal("rep", "rep_b"),
        reason="veto",
        n_pairs=pl.col("n") * pl.col("n_b"),
    )
