"""Clusters from links and vetoes: as much as the links allow, nothing that a veto forbids."""

from __future__ import annotations

import polars as pl

from customer_intel.identity.linking.match_edge import RULES
from customer_intel.identity.matching.graph import components

# Rules that only a person's decision may overrule.
_UNCONDITIONAL = ("override_merge", "unique_user_id")


def cluster(
    signed: pl.DataFrame, match_edge: pl.DataFrame, match_conflict: pl.DataFrame
) -> pl.DataFrame:
    """record_key, cluster (its smallest record_key) of every record.

    No two records of a vetoed pair of signatures share a cluster, unless a unique id or a merge
    decision joins them. Components without a veto are taken whole.
    """
    links = match_edge.filter("is_link")
    records = signed.select("record_key", "signature")
    records = records.with_columns(
        components(records["record_key"], links.select(a="record_key_a", b="record_key_b"))
    )
    forbidden = match_conflict.select(
        "record_key_a", "record_key_b", is_decided=pl.col("reason") == "never_merge"
    )
    for side in ("a", "b"):
        forbidden = forbidden.join(
            records.select(
                pl.col("record_key").alias(f"record_key_{side}"),
                pl.col("signature").alias(f"signature_{side}"),
                pl.col("component").alias(f"component_{side}"),
            ),
            on=f"record_key_{side}",
        )
    forbidden = forbidden.filter(pl.col("component_a") == pl.col("component_b")).sort(
        "record_key_a", "record_key_b"
    )
    vetoed_components = forbidden["component_a"].unique().implode()
    inside = records.filter(pl.col("component").is_in(vetoed_components))
    edges = _ordered(links.filter(pl.col("record_key_a").is_in(inside["record_key"].implode())))
    agglomerated = _agglomerate(inside, edges, forbidden)
    return (
        records.join(agglomerated, on="record_key", how="left")
        .with_columns(
            cluster=pl.when(pl.col("part").is_null())
            .then(pl.col("record_key").min().over("component"))
            .otherwise(pl.col("record_key").min().over("component", "part"))
        )
        .select("record_key", "cluster")
        .sort("record_key")
    )


def _ordered(links: pl.DataFrame) -> pl.DataFrame:
    """Strongest rule first; within a rule, pairs whose names are known before those that cannot
    contradict.
    """
    rank = pl.col("rule_id").replace_strict(
        {rule: i for i, rule in enumerate(RULES)}, return_dtype=pl.Int64
    )
    return links.sort(rank, ~pl.col("is_named"), "record_key_a", "record_key_b").select(
        "record_key_a", "record_key_b", is_unconditional=pl.col("rule_id").is_in(_UNCONDITIONAL)
    )


def _agglomerate(
    inside: pl.DataFrame, edges: pl.DataFrame, forbidden: pl.DataFrame
) -> pl.DataFrame:
    """record_key, part, by union-find (Tarjan, 1975) in order of `edges`. Each part keeps the
    signatures it has and those forbidden to it, as bits of an integer.
    """
    bit = inside.select(
        "record_key", place=(pl.col("signature").rank("dense").over("component") - 1)
    )
    bits = {key: 1 << int(place) for key, place in bit.iter_rows()}
    vetoes: dict[int, dict[str, dict[int, int]]] = {}
    signature = dict(inside.select("record_key", "signature").iter_rows())
    component = dict(inside.select("record_key", "component").iter_rows())
    for a, b, is_decided in forbidden.select(
        "record_key_a", "record_key_b", "is_decided"
    ).iter_rows():
        of_component = vetoes.setdefault(component[a], {"veto": {}, "decided": {}})
        for kind in ("veto", "decided") if is_decided else ("veto",):
            of_component[kind][signature[a]] = of_component[kind].get(signature[a], 0) | bits[b]
            of_component[kind][signature[b]] = of_component[kind].get(signature[b], 0) | bits[a]
    parent = {key: key for key in bits}
    signatures = dict(bits)
    vetoed = {key: vetoes[component[key]]["veto"].get(signature[key], 0) for key in bits}
    decided = {key: vetoes[component[key]]["decided"].get(signature[key], 0) for key in bits}

    def root(key: str) -> str:
        while parent[key] != key:
            # Path halving keeps the trees flat.
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    for a, b, is_unconditional in edges.iter_rows():
        a, b = root(a), root(b)
        excluded = decided if is_unconditional else vetoed
        if a == b or excluded[a] & signatures[b]:
            continue
        a, b = min(a, b), max(a, b)
        parent[b] = a
        signatures[a] |= signatures[b]
        vetoed[a] |= vetoed[b]
        decided[a] |= decided[b]
    return pl.DataFrame(
        [(key, root(key)) for key in bits],
        schema={"record_key": pl.String, "part": pl.String},
        orient="row",
    )
