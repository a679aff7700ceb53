"""Stable customer ids: which id each cluster carries tonight, given last night's.

The map is the memory; registry, events and aliases are read from it. An id is opaque and never
given twice.
"""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any

import polars as pl

from customer_intel.core.store.lake import LakeError
from customer_intel.core.tables.periods import before_night
from customer_intel.identity.ids import night_limits
from customer_intel.identity.linking.match_edge import clusters_of


def record_customer_map(
    party_record: pl.DataFrame,
    match_edge: pl.DataFrame,
    as_of: date,
    config: dict[str, Any],
    previous: pl.DataFrame,
    customer_id_given: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Every record's customer, with history: one open row (valid_to null) per record of tonight.

    Raises GateClosed when ids would change beyond the limits of a night, LakeError when a later night
    has been run.
    """
    clusters = clusters_of(party_record["record_key"], match_edge)
    found = assign(clusters, as_of, previous, customer_id_given)
    night_limits.check(
        found, party_record.select("record_key", *night_limits.CONTENT), as_of, config
    )
    return found


def assign(
    clusters: pl.DataFrame,
    as_of: date,
    previous: pl.DataFrame,
    given: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Ids for `clusters` (record_key, cluster), and the map's next state.

    Each old id goes to the cluster that holds most of its records (as many: those it has had
    longest, so that taking a merge back gives nobody else's id away); of several ids in a cluster
    the oldest-born stays (born the same night: the larger); a cluster without one gets one that its
    records were `given` in an earlier history, or a new id. Rows of this night in `previous` are
    replaced, so a re-run changes nothing. Raises LakeError when `previous` has already seen a later
    night.
    """
    before = _before(as_of, previous)
    last = before.filter(pl.col("valid_to").is_null()).select(
        "record_key", old="customer_id", since="valid_from"
    )
    born = before.group_by(old="customer_id").agg(pl.col("valid_from").min().alias("born"))
    overlap = (
        clusters.join(last, on="record_key")
        .group_by("old", "cluster")
        .agg(n=pl.len(), since=pl.col("since").min())
        .sort(["old", "n", "since", "cluster"], descending=[False, True, False, False])
        .unique("old", keep="first", maintain_order=True)
        .join(born, on="old")
    )
    by_age = overlap.sort(["cluster", "born", "n", "old"], descending=[False, False, True, False])
    kept = by_age.unique("cluster", keep="first", maintain_order=True)
    fresh = clusters.join(kept, on="cluster", how="anti")
    again = _given_again(fresh, given, born["old"])
    kept = pl.concat([kept.select("cluster", "old"), again])
    fresh = fresh.select("cluster").unique().join(again, on="cluster", how="anti").sort("cluster")
    used_ids = {*born["old"], *(given["customer_id"] if given is not None else ())}
    new_ids = pl.Series(
        "customer_id", [_new_id(key, as_of, used_ids) for key in fresh["cluster"]], pl.String
    )
    ids = pl.concat([kept.select("cluster", customer_id="old"), fresh.with_columns(new_ids)])
    tonight = (
        clusters.join(ids, on="cluster")
        .join(last, on="record_key", how="left")
        .join(overlap.select("old", home="cluster"), on="old", how="left")
    )
    reason = (
        pl.when(pl.col("old").is_null())
        .then(pl.lit("new"))
        .when(pl.col("home") == pl.col("cluster"))
        .then(pl.lit("merge"))
        .when(pl.col("customer_id").is_in(pl.concat([new_ids, again["old"]]).implode()))
        .then(pl.lit("split"))
        .otherwise(pl.lit("moved"))
    )
    changed = tonight.filter(
        pl.col("old").is_null() | (pl.col("old") != pl.col("customer_id"))
    ).select(
        "record_key",
        "customer_id",
        valid_from=pl.lit(as_of, pl.Date),
        valid_to=pl.lit(None, pl.Date),
        change_reason=reason,
        previous_customer_id="old",
    )
    same = tonight.filter(pl.col("old") == pl.col("customer_id"))["record_key"].implode()
    closing = pl.col("valid_to").is_null() & ~pl.col("record_key").is_in(same)
    closed = before.with_columns(
        valid_to=pl.when(closing).then(pl.lit(as_of, pl.Date)).otherwise("valid_to")
    )
    return pl.concat([closed.select(changed.columns), changed]).sort("record_key", "valid_from")


def _given_again(fresh: pl.DataFrame, given: pl.DataFrame | None, used: pl.Series) -> pl.DataFrame:
    """cluster, old: for clusters without an id the one that most of their records were given in an
    earlier history, unless it is used; an id goes to the cluster with most of its records.
    """
    if given is None:
        return pl.DataFrame(schema={"cluster": fresh.schema["cluster"], "old": pl.String})
    born = given.group_by(old="customer_id").agg(born=pl.col("valid_from").min())
    return (
        fresh.join(given.select("record_key", "valid_from", old="customer_id"), on="record_key")
        .filter(~pl.col("old").is_in(used.implode()))
        .group_by("old", "cluster")
        .agg(n=pl.col("record_key").n_unique(), since=pl.col("valid_from").min())
        .sort(["old", "n", "since", "cluster"], descending=[False, True, False, False])
        .unique("old", keep="first", maintain_order=True)
        .join(born, on="old")
        .sort(["cluster", "n", "born", "old"], descending=[False, True, False, False])
        .unique("cluster", keep="first", maintain_order=True)
        .select("cluster", "old")
    )


def _before(as_of: date, previous: pl.DataFrame) -> pl.DataFrame:
    """The map as it was before this night: its rows of tonight taken back, what it closed tonight
    open again.
    """
    stamps = [
        previous[name].cast(pl.Date)
        for name in ("as_of", "valid_from", "valid_to")
        if name in previous.columns
    ]
    latest = pl.concat([days.alias("day") for days in stamps]).max()
    if isinstance(latest, date) and latest > as_of:
        raise LakeError(
            f"record_customer_map has already seen the night of {latest.isoformat()}; the night "
            f"of {as_of.isoformat()} "
            f"would rewrite the history of customer ids. Run a night of {latest.isoformat()} or "
            f"later, or undo the later nights first (customer-intel reopen {as_of.isoformat()})"
        )
    return before_night(previous, as_of)


def _new_id(birth_record_key: str, as_of: date, used_ids: set[str]) -> str:
    """Opaque: says nothing of the record, yet the same night gives the same id. Salted again in
    case of a collision.
    """
    text = f"{birth_record_key}|{as_of.isoformat()}"
    while True:
        # Sixteen hex digits: among a billion ids a collision is a matter of one in forty.
        found = "c_" + hashlib.sha256(text.encode()).hexdigest()[:16]
        if found not in used_ids:
            used_ids.add(found)
            return found
        text += "|"
