"""Manual decisions: records that belong together, records that must stay apart. They beat every
rule.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

_PAIR = ["record_key_a", "record_key_b"]


@dataclass(frozen=True)
class Decisions:
    """`together` and `apart`: pairs (record_key_a < record_key_b); `alone`: records taken out of
    all their links.
    """

    together: pl.DataFrame
    apart: pl.DataFrame
    alone: pl.DataFrame

    @property
    def kept_apart(self) -> pl.DataFrame:
        """record_key of every record that a decision keeps from another."""
        return pl.concat(
            [
                self.apart.select(record_key="record_key_a"),
                self.apart.select(record_key="record_key_b"),
                self.alone,
            ]
        ).unique()


def decisions(identity_overrides: pl.DataFrame) -> Decisions:
    """The newest decision on a pair counts; a split of one record undoes the merges decided before
    it.
    """
    both = pl.col("record_key_b").is_not_null() & (pl.col("record_key_a") != pl.col("record_key_b"))
    ordered = identity_overrides.select(
        "action", "record_key_a", "record_key_b", "decided_at", "override_id"
    ).sort("decided_at", "override_id")
    pairs = (
        ordered.filter(both)
        .with_columns(
            record_key_a=pl.min_horizontal("record_key_a", "record_key_b"),
            record_key_b=pl.max_horizontal("record_key_a", "record_key_b"),
        )
        .unique(["record_key_a", "record_key_b"], keep="last", maintain_order=True)
    )
    alone = (
        ordered.filter((pl.col("action") == "split") & ~both)
        .group_by(record_key="record_key_a")
        .agg(pl.col("decided_at").max().alias("alone_since"))
    )
    together = pairs.filter(pl.col("action") == "merge")
    for side in ("record_key_a", "record_key_b"):
        together = (
            together.join(alone, left_on=side, right_on="record_key", how="left")
            .filter(
                pl.col("alone_since").is_null() | (pl.col("decided_at") > pl.col("alone_since"))
            )
            .drop("alone_since")
        )
    return Decisions(
        together=together.select(_PAIR).sort(_PAIR),
        apart=pairs.filter(pl.col("action") != "merge").select(_PAIR).sort(_PAIR),
        alone=alone.select("record_key").sort("record_key"),
    )
