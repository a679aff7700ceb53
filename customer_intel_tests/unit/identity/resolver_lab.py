"""Runs the resolver over literal fields of records; not a test itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb
import polars as pl

from customer_intel.identity.linking.match_model import shipped
from customer_intel.identity.matching.clusters import LEAST_BITS, clustered
from customer_intel.identity.matching.comparison_levels import FIELDS
from customer_intel.identity.matching.fellegi_sunter import MatchModel
from customer_intel.identity.matching.resolve import Decided, Records, compared
from customer_intel.identity.records.name_sound import name_sound

Fields = dict[str, str | None]
EARLIER = {"record_key_a": pl.String, "record_key_b": pl.String, "earlier": pl.String}


def who(first: str | None = None, last: str | None = None, **more: str | None) -> Fields:
    return {"first": first, "last": last, **more}


def frame_of(records: dict[str, Fields]) -> pl.DataFrame:
    """record_key and FIELDS; given names, root and sounds follow from the names."""
    rows = [{"record_key": key, "given": said.get("first"), "root": said.get("first"), **said}
            for key, said in records.items()]  # fmt: skip
    frame = pl.DataFrame(rows, schema=dict.fromkeys(["record_key", *FIELDS], pl.String))
    return frame.with_columns(
        pl.col(f"{name}_sound").fill_null(name_sound(pl.col(name))) for name in ("first", "last")
    )


@dataclass(frozen=True)
class Resolved:
    """`edges`: as of compared; `groups`: the records of each customer side by side."""

    edges: pl.DataFrame
    groups: list[str]

    def edge(self, a: str, b: str) -> dict[str, Any]:
        found = self.edges.filter(
            (pl.col("record_key_a") == a) & (pl.col("record_key_b") == b)
        ).rows(named=True)
        return found[0] if found else {}


def resolved(
    records: dict[str, Fields] | pl.DataFrame,
    decided: Decided | None = None,
    model: MatchModel | None = None,
    earlier: Sequence[tuple[str, str, str]] = (),
) -> Resolved:
    """By the shipped model, or another."""
    frame = frame_of(records) if isinstance(records, dict) else records
    before = pl.DataFrame(list(earlier), schema=EARLIER, orient="row")
    with duckdb.connect() as con:
        own = decided.records if decided else None
        edges = compared(Records(con, frame, own), model or shipped(), decided, before)
    clusters = clustered(
        frame["record_key"], edges.with_columns(is_vetoed=pl.col("veto").is_not_null())
    )
    groups = clusters.group_by("cluster").agg(pl.col("record_key").sort())
    return Resolved(edges, sorted(" ".join(keys) for keys in groups["record_key"]))


def decided(
    together: Sequence[tuple[str, str]] = (),
    apart: Sequence[tuple[str, str]] = (),
    alone: Sequence[str] = (),
) -> Decided:
    pair = {"record_key_a": pl.String, "record_key_b": pl.String}
    frames = (pl.DataFrame(list(pairs), schema=pair, orient="row") for pairs in (together, apart))
    return Decided(*frames, pl.Series(alone, dtype=pl.String))


def with_weight(comparison: str, level: int, bits: float, **more: Any) -> MatchModel:
    """The shipped model with another weight of one level."""
    model = shipped()
    weights = list(model.weights[comparison])
    weights[level] = bits
    return replace(model, weights={**model.weights, comparison: tuple(weights)}, **more)


def is_link(edge: dict[str, Any]) -> bool:
    return bool(edge) and edge["effective"] >= LEAST_BITS and edge["veto"] is None
