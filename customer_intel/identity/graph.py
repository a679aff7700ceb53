"""Connected components over keys of any type."""

from __future__ import annotations

import polars as pl


def components(nodes: pl.Series, edges: pl.DataFrame) -> pl.Series:
    """The component of each node, numbered by its first node. `edges`: columns a and b, ends among `nodes` (unique)."""
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if nodes.is_empty():
        return pl.Series("component", [], pl.Int64)
    index = pl.DataFrame({"node": nodes, "i": np.arange(len(nodes), dtype=np.int64)})
    ends = [
        edges.join(index, left_on=side, right_on="node", how="left", maintain_order="left")["i"].to_numpy()
        for side in "ab"
    ]
    size = len(nodes)
    matrix = coo_array((np.ones(len(ends[0]), dtype=np.int8), (ends[0], ends[1])), shape=(size, size))
    _, labels = connected_components(matrix, directed=False)
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return pl.Series("component", first[inverse], pl.Int64)
