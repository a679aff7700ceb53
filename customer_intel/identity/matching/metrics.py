"""Evaluation of clusters against a known truth.

Pairwise: of the pairs of records put together, how many belong together (precision), and of those
that belong together, how many were put together (recall). B-cubed (Bagga and Baldwin, 1998): the
same per record, averaged over records, so that one large cluster counts no more than its records.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import polars as pl


@dataclass(frozen=True)
class Agreement:
    """Counts and shares of agreement with a known truth; shares from 0 to 1."""

    records: int
    true_clusters: int
    clusters: int
    largest_cluster: int
    true_pairs: int
    found_pairs: int
    right_pairs: int
    precision: float
    recall: float
    f1: float
    b3_precision: float
    b3_recall: float
    b3_f1: float

    def as_dict(self) -> dict[str, float | int]:
        """All fields by name."""
        return asdict(self)


def agreement(clusters: pl.DataFrame) -> Agreement:
    """`clusters`: one row per record with `cluster` and `truth`, neither null. Shares are 1 where
    nothing is asked.
    """
    both = clusters.group_by("cluster", "truth").len("n")
    found = clusters.group_by("cluster").len("n_cluster")
    true = clusters.group_by("truth").len("n_truth")
    right, found_pairs, true_pairs = (
        _pairs(sizes) for sizes in (both["n"], found["n_cluster"], true["n_truth"])
    )
    joined = both.join(found, on="cluster").join(true, on="truth").sort("cluster", "truth")
    records = max(len(clusters), 1)
    # As floats: the square of a 32-bit count would overflow from 65,536 on.
    b3_precision = float((joined["n"].cast(pl.Float64) ** 2 / joined["n_cluster"]).sum()) / records
    b3_recall = float((joined["n"].cast(pl.Float64) ** 2 / joined["n_truth"]).sum()) / records
    precision, recall = _share(right, found_pairs), _share(right, true_pairs)
    largest = found["n_cluster"].max()
    return Agreement(
        records=len(clusters),
        true_clusters=len(true),
        clusters=len(found),
        largest_cluster=int(largest) if isinstance(largest, int) else 0,
        true_pairs=true_pairs,
        found_pairs=found_pairs,
        right_pairs=right,
        precision=round(precision, 6),
        recall=round(recall, 6),
        f1=round(_f1(precision, recall), 6),
        b3_precision=round(b3_precision, 6),
        b3_recall=round(b3_recall, 6),
        b3_f1=round(_f1(b3_precision, b3_recall), 6),
    )


def _pairs(sizes: pl.Series) -> int:
    n = sizes.cast(pl.Int64)
    return int((n * (n - 1) // 2).sum())


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
