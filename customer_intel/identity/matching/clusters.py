"""Who is one: groups of pairs that may be one person's, and a split wherever a group does not hang together.

Belongs here: groups of records (`groups_of`) and `clustered`. Not here: what pairs weigh (resolve.py), how a group is
split (average_linkage.py).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import polars as pl

from customer_intel.identity.matching.average_linkage import split
from customer_intel.identity.matching.graph import components

Numbers = npt.NDArray[np.int64]
# Odds of 1 to 4: less likely pairs do not even put two records into one group.
LEAST_BITS = -2.0
# What a decision to merge counts.
DECIDED_BITS = 1_000.0
# Of a pair that nothing made a candidate.
ABSENT_BITS = -6.6
LARGEST_GROUP = 150


def groups_of(size: int, i: Numbers, j: Numbers, bits: npt.NDArray[np.float64]) -> pl.DataFrame:
    """id, component: records that hang together, in groups of at most LARGEST_GROUP, each called by
    its smallest id.

    A larger one falls apart along its weakest links, bit by bit.
    """
    ids = pl.Series("id", np.arange(size, dtype=np.int64))
    links = pl.DataFrame({"a": i, "b": j, "bits": bits})
    found = _by_smallest_id(pl.DataFrame({"id": ids}).with_columns(components(ids, links)))
    least = LEAST_BITS
    while True:
        large = found.filter(pl.len().over("component") > LARGEST_GROUP)
        if large.is_empty() or least > DECIDED_BITS:
            return found
        least += 2
        inside = links.filter(pl.col("a").is_in(large["id"].implode()) & (pl.col("bits") >= least))
        regrouped = _by_smallest_id(
            large.select("id").with_columns(components(large["id"], inside))
        )
        found = pl.concat([found.join(large, on="id", how="anti"), regrouped]).sort("id")


def _by_smallest_id(groups: pl.DataFrame) -> pl.DataFrame:
    return groups.with_columns(component=pl.col("id").min().over("component"))


def pairs_of(groups: pl.DataFrame) -> Iterator[Numbers]:
    """Packed pairs, for all groups of one size at once."""
    sized = (
        groups.with_columns(n=pl.len().over("component"))
        .filter(pl.col("n") > 1)
        .sort("n", "component", "id")
    )
    for (n,), members in sized.group_by("n", maintain_order=True):
        by_group = members["id"].to_numpy().reshape(-1, int(n))
        a, b = np.triu_indices(int(n), 1)
        yield ((by_group[:, a] << 32) | by_group[:, b]).ravel()


def clustered(keys: pl.Series, edges: pl.DataFrame) -> pl.DataFrame:
    """record_key, cluster (its smallest record_key) of all `keys`.

    `edges`: as of `compared`: PAIR, content_a, content_b, effective, is_link, is_vetoed, is_copy.
    Average linkage, with no vetoed pair in one cluster; ties fall by what records say, not by their
    keys.
    """
    direct = edges.filter(~pl.col("is_copy"))
    nodes = (
        pl.concat(
            [
                direct.select(record_key=f"record_key_{side}", content=f"content_{side}")
                for side in "ab"
            ]
        )
        .unique()
        .sort("content", "record_key")
        .with_row_index("id")
        .with_columns(pl.col("id").cast(pl.Int64))
    )
    ids = nodes.select("record_key", "id")
    numbered = direct.join(ids, left_on="record_key_a", right_on="record_key").join(
        ids, left_on="record_key_b", right_on="record_key", suffix="_b"
    )
    numbered = numbered.select(
        i=pl.min_horizontal("id", "id_b"),
        j=pl.max_horizontal("id", "id_b"),
        bits="effective",
        is_vetoed="is_vetoed",
        is_link="is_link",
    )
    links = numbered.filter("is_link")
    groups = groups_of(len(nodes), *(links[name].to_numpy() for name in ("i", "j", "bits")))
    wanted = np.concatenate([np.empty(0, np.int64), *pairs_of(groups)])
    inside = (
        pl.DataFrame({"i": wanted >> 32, "j": wanted & 0xFFFFFFFF})
        .join(numbered, on=["i", "j"], how="left")
        .with_columns(pl.col("bits").fill_null(ABSENT_BITS), pl.col("is_vetoed").fill_null(False))
    )
    parts = split(groups, inside).join(nodes.select("id", "record_key"), on="id")
    copies = edges.filter(pl.col("is_copy") & pl.col("is_link")).select(
        "record_key_a", "record_key_b"
    )
    copied = pl.concat(
        [
            copies.select(a="record_key_a", b="record_key_b"),
            copies.select(a="record_key_b", b="record_key_a"),
        ]
    ).join(parts.select(a="record_key", part="part"), on="a")
    copied = copied.join(parts, left_on="b", right_on="record_key", how="anti").select(
        "part", record_key="b"
    )
    placed = pl.concat([parts.select("record_key", "part"), copied], how="diagonal")
    return (
        keys.to_frame("record_key")
        .join(placed, on="record_key", how="left")
        .with_columns(
            cluster=pl.when(pl.col("part").is_null())
            .then("record_key")
            .otherwise(pl.col("record_key").min().over("part")),
        )
        .select("record_key", "cluster")
        .sort("record_key")
    )
