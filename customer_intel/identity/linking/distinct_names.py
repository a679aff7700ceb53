"""How many people's names the records behind a value carry.

Belongs here: telling spellings of one name from names of two people, for counting. Not here: what
two records' names say of their being one person (matching/), which value is shared by too many
(hub_value.py).
"""

from __future__ import annotations

from typing import Any

import polars as pl

from customer_intel.identity.matching.graph import components
from customer_intel.identity.records.normalise import nickname_roots, words


def distinct_names(
    spellings: pl.DataFrame, value: list[str], config: dict[str, Any]
) -> pl.DataFrame:
    """value…, n_names: how many names the `spellings` (value…, first, last; folded, either may be
    null) of each value are.

    Equal names, nicknames of one root, similar spellings (Jaro-Winkler) and swapped parts are one
    name. A spelling with one part only, or an initial, is none of its own beside a full name that
    it fits: it does not join two.
    """
    nodes = (
        spellings.filter(pl.col("first").is_not_null() | pl.col("last").is_not_null())
        .select(*value, "first", "last")
        .unique()
        .sort(*value, "first", "last", nulls_last=True)
        .with_row_index("node")
        .with_columns(
            is_full=(
                (pl.col("first").str.len_chars() > 1) & pl.col("last").is_not_null()
            ).fill_null(False)
        )
    )
    pairs = nodes.join(nodes, on=value, suffix="_b").filter(pl.col("node") < pl.col("node_b"))
    alike = _alike(pairs, config)
    absorbed = pl.concat(
        [
            alike.filter(~pl.col("is_full") & pl.col("is_full_b")).select("node"),
            alike.filter(~pl.col("is_full_b") & pl.col("is_full")).select(node="node_b"),
        ]
    )
    kept = nodes.join(absorbed, on="node", how="anti", maintain_order="left")
    joined = alike.select(a="node", b="node_b")
    for side in "ab":
        joined = joined.join(kept.select(pl.col("node").alias(side)), on=side, how="semi")
    return (
        kept.with_columns(components(kept["node"], joined))
        .group_by(value)
        .agg(n_names=pl.col("component").n_unique().cast(pl.Int64))
    )


def _alike(pairs: pl.DataFrame, config: dict[str, Any]) -> pl.DataFrame:
    """The pairs of spellings that may be one name."""
    first, last, first_b, last_b = (pl.col(name) for name in ("first", "last", "first_b", "last_b"))
    judged = pairs.with_columns(
        swapped=((first == last_b) & (last == first_b)).fill_null(False),
        # A single word is as often a last name as a first.
        single=(
            (last.is_null() & (first == last_b))
            | (last_b.is_null() & (first_b == last))
            | (first.is_null() & (last == first_b))
            | (first_b.is_null() & (last_b == first))
        ).fill_null(False),
    )
    roots = nickname_roots(config)

    def first_fits(a: str, b: str) -> bool:
        if 1 in (len(a), len(b)):
            # R. may be Bob, and L. Elizabeth.
            initial, other = sorted((a, b), key=len)
            known = roots.get(other, [])
            forms = (form for root in known for form in words(config["nicknames"][root]))
            return any(form.startswith(initial) for form in (other, *known, *forms))
        return not set(roots.get(a, ())).isdisjoint(roots.get(b, ())) or _similar(
            a, b, config["first_name_similarity"]
        )

    def last_fits(a: str, b: str) -> bool:
        parts = [
            {part for part in name.replace("-", " ").split() if len(part) > 3} for name in (a, b)
        ]
        return not parts[0].isdisjoint(parts[1]) or _similar(a, b, config["last_name_similarity"])

    for name, fits in (("first", first_fits), ("last", last_fits)):
        judged = _with_verdict(judged, name, fits)
    return judged.filter(
        (pl.col("first_fits") & pl.col("last_fits")) | pl.col("swapped") | pl.col("single")
    )


def _with_verdict(pairs: pl.DataFrame, name: str, fits: Any) -> pl.DataFrame:
    """`<name>_fits`: equal, unknown on a side, or found fitting, judged once per two spellings."""
    a, b = f"{name}", f"{name}_b"
    differing = pairs.filter(pl.col(a) != pl.col(b)).select(a, b).unique()
    verdicts = differing.with_columns(
        pl.Series("fits", [fits(*both) for both in differing.iter_rows()], pl.Boolean)
    )
    same = (pl.col(a) == pl.col(b)).fill_null(True)
    return (
        pairs.join(verdicts, on=[a, b], how="left")
        .with_columns((same | pl.col("fits").fill_null(False)).alias(f"{name}_fits"))
        .drop("fits")
    )


def _similar(a: str, b: str, enough: float) -> bool:
    from rapidfuzz.distance import JaroWinkler

    return bool(JaroWinkler.normalized_similarity(a, b) >= enough)
