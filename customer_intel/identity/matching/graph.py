"""Connected components and spanning trees over keys of any type."""

from __future__ import annotations

from typing import Any

import polars as pl


def components(nodes: pl.Series, edges: pl.DataFrame) -> pl.Series:
    """The component of each node, numbered by its first node. `edges`: columns a and b, ends among
    `nodes` (unique).
    """
    import numpy as np
    from scipy.sparse.csgraph import connected_components

    if nodes.is_empty():
        return pl.Series("component", [], pl.Int64)
    _, labels = connected_components(
        _matrix(nodes, edges, np.ones(len(edges), dtype=np.int8)), directed=False
    )
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return pl.Series("component", first[inverse], pl.Int64)


def spanning_tree(edges: pl.DataFrame) -> pl.Series:
    """The rows (their places, ascending) that connect all that `edges` (columns a and b, a < b)
    connect, none to spare.

    Rows stand in the order of preference: a row is taken unless those before it connect its ends
    (Kruskal, 1956).
    """
    import numpy as np
    from scipy.sparse.csgraph import minimum_spanning_tree

    # A sparse matrix adds up duplicate entries, and takes a weight of 0 for no edge.
    once = edges.with_row_index("place", offset=1).unique(
        ["a", "b"], keep="first", maintain_order=True
    )
    if once.is_empty():
        return pl.Series("place", [], pl.Int64)
    nodes = pl.concat([once["a"], once["b"]]).unique()
    tree = minimum_spanning_tree(_matrix(nodes, once, once["place"].cast(pl.Float64).to_numpy()))
    return pl.Series("place", np.sort(tree.data) - 1).cast(pl.Int64)


def _matrix(nodes: pl.Series, edges: pl.DataFrame, weights: Any) -> Any:
    import numpy as np
    from scipy.sparse import coo_array

    index = pl.DataFrame({"node": nodes, "i": np.arange(len(nodes), dtype=np.int64)})
    ends = [
        edges.join(index, left_on=side, right_on="node", how="left", maintain_order="left")[
            "i"
        ].to_numpy()
        for side in "ab"
    ]
    return coo_array((weights, (ends[0], ends[1])), shape=(len(nodes), len(nodes)))
