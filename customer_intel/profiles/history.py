"""The history of the profile's slow columns in two times: when it was so, and when we believed it.

Belongs here: what a night adds to it. Not here: asking it about a day (core/store/beliefs.py), when
columns of a source changed (facts, identity).
"""

from __future__ import annotations

import hashlib
import json
from datetime import date, timedelta
from typing import Any

import polars as pl

_META = (
    "customer_id",
    "valid_from",
    "valid_to",
    "recorded_at",
    "superseded_at",
    "change_reason",
    "end_reason",
    "configuration_id",
)
# Slow columns of which facts say since when they are so: the day of the change is before that on
# which it holds, as everything is as known before the day begins.
_SUBSCRIPTION = ("plan_id", "subscription_status", "seats")
_JUDGED = ("rfm_segment", "price_sensitivity", "adopter_type")
_STATED = {"country": ("address", "country"), "language": ("language",)}


def customer_profile_history(
    customer_profile: pl.DataFrame,
    customer_id_registry: pl.DataFrame,
    record_customer_map: pl.DataFrame,
    subscription_fact: pl.DataFrame,
    profile_field_provenance: pl.DataFrame,
    as_of: date,
    config: dict[str, Any],
    previous: pl.DataFrame,
    schema: pl.Schema,
) -> pl.DataFrame:
    """One row per customer, stretch of days with the same slow columns (valid_from, valid_to) and
    stretch of nights that believed so (recorded_at, superseded_at); ends exclusive, open = null.

    A night never changes what an earlier one believed: it supersedes it. What it learns late, of a
    past day, is believed of that day from tonight on. A second run for the same `as_of` first takes
    back what the first one wrote, so it gives the same rows; a run for an earlier `as_of` forgets
    what later nights recorded.
    """
    slow = list(config["slow_columns"])
    rules = _fingerprint(config)
    # An earlier version of the package had fewer columns.
    lacking = [c for c in (*_META, *slow) if c not in previous.columns]
    filled = previous.with_columns(pl.lit(None, schema[c]).alias(c) for c in lacking)
    known = _before(_in_two_times(filled.select(*_META, *slow)), as_of)
    known = _blank_erased(known, customer_id_registry, slow)
    known = _without_judgement(known, customer_profile, slow)
    is_believed = pl.col("superseded_at").is_null()
    past, believed = known.filter(~is_believed), known.filter(is_believed)

    now = customer_profile.select("customer_id", *slow)
    was = believed.filter(pl.col("valid_to").is_null())
    same = now.join(was, on=["customer_id", *slow], how="semi", nulls_equal=True)
    changed = now.join(same, on="customer_id", how="anti").with_columns(is_here=pl.lit(True))
    gone = was.join(now, on="customer_id", how="anti").select("customer_id", *slow)
    moved = pl.concat([changed, gone.with_columns(is_here=pl.lit(False))], how="diagonal")

    moved = _with_reasons(moved, was, customer_id_registry, record_customer_map, rules, as_of)
    since = _since(customer_profile, subscription_fact, profile_field_provenance, slow)
    kept = believed.join(moved, on="customer_id", how="anti")
    # Judged by today's rules and found the same: a later change is then the data's, not the rules'.
    judged = pl.col("valid_to").is_null()
    kept = kept.with_columns(
        configuration_id=pl.when(judged).then(pl.lit(rules)).otherwise("configuration_id")
    )
    theirs = believed.join(moved, on="customer_id", how="semi")
    told = _retold(theirs, moved, since, slow, rules, as_of)
    columns = [*_META, *slow]
    parts = [part.select(columns) for part in (past, kept, told)]
    return pl.concat(parts).sort("customer_id", "valid_from", "recorded_at")


def _retold(
    believed: pl.DataFrame,
    moved: pl.DataFrame,
    since: pl.DataFrame,
    slow: list[str],
    rules: str,
    as_of: date,
) -> pl.DataFrame:
    """What was believed of customers who changed, superseded where it no longer is, and what is
    believed instead.
    """
    ordered = believed.sort("customer_id", "valid_from")
    # A stretch without the customer parts what was before it from what is now.
    after = pl.col("valid_to").shift(1).over("customer_id")
    is_gap = (pl.col("valid_from") != after).fill_null(True).cast(pl.Int64)
    ordered = ordered.with_columns(chain=is_gap.cum_sum().over("customer_id"))
    ordered = ordered.with_columns(last=pl.col("chain").max().over("customer_id"))
    is_open = pl.col("valid_to").is_null().any().over("customer_id")
    is_live = is_open & (pl.col("chain") == pl.col("last"))
    rest = ordered.filter(~is_live)
    live = ordered.filter(is_live)

    starts = live.group_by("customer_id").agg(start=pl.col("valid_from").min())
    turns = _turns(moved.join(starts, on="customer_id", how="left"), since, slow, as_of)
    days = pl.concat(
        [
            live.select("customer_id", day="valid_from"),
            moved.select("customer_id", day=pl.lit(as_of, pl.Date)),
            turns.unpivot(index="customer_id", value_name="day").select("customer_id", "day"),
        ]
    )
    days = days.drop_nulls().unique().sort("day", "customer_id")
    old = live.select("customer_id", "valid_from", "change_reason", *slow).sort("valid_from")
    at = days.join_asof(
        old, left_on="day", right_on="valid_from", by="customer_id", check_sortedness=False
    )
    new = moved.select(
        "customer_id", "is_here", "why", *(pl.col(c).alias(f"new {c}") for c in slow)
    )
    at = at.join(new, on="customer_id").join(turns, on="customer_id")
    is_new = {c: (pl.col("day") >= pl.col(f"turn {c}")).fill_null(False) for c in slow}
    at = at.select(
        "customer_id",
        "day",
        change_reason=pl.when(pl.col("day") == pl.col("valid_from"))
        .then("change_reason")
        .otherwise("why"),
        is_left=~pl.col("is_here") & (pl.col("day") == as_of),
        **{c: pl.when(is_new[c]).then(f"new {c}").otherwise(c) for c in slow},
    ).sort("customer_id", "day")
    starts_anew = pl.any_horizontal(
        pl.col(c).ne_missing(pl.col(c).shift(1).over("customer_id")) for c in (*slow, "is_left")
    ) | (pl.col("day") == pl.col("day").min().over("customer_id"))
    at = at.filter(starts_anew)
    told = at.with_columns(
        valid_from=pl.col("day"),
        valid_to=pl.col("day").shift(-1).over("customer_id"),
        end_reason=pl.col("change_reason").shift(-1).over("customer_id"),
    ).filter(~pl.col("is_left"))

    stays = live.join(
        told, on=["customer_id", "valid_from", "valid_to", *slow], how="semi", nulls_equal=True
    )
    no_more = live.join(stays, on=["customer_id", "valid_from"], how="anti")
    fresh = told.join(stays, on=["customer_id", "valid_from"], how="anti").with_columns(
        recorded_at=pl.lit(as_of, pl.Date),
        superseded_at=pl.lit(None, pl.Date),
        configuration_id=pl.lit(rules),
    )
    columns = [*_META, *slow]
    no_more = no_more.with_columns(superseded_at=pl.lit(as_of, pl.Date))
    return pl.concat([part.select(columns) for part in (rest, stays, no_more, fresh)])


def _turns(moved: pl.DataFrame, since: pl.DataFrame, slow: list[str], as_of: date) -> pl.DataFrame:
    """customer_id and, per slow column, the day from which today's value holds; never before the
    customer's own beginning, nor where identity or rules changed and not the customer.
    """
    told = moved.join(since, on="customer_id", how="left")
    of_data = pl.col("is_here") & (pl.col("why") == "data") & pl.col("start").is_not_null()

    def turn(column: str) -> pl.Expr:
        night = pl.lit(as_of, pl.Date)
        if f"since {column}" not in since.columns:
            return night
        known = pl.max_horizontal(pl.col(f"since {column}"), pl.col("start")).clip(None, night)
        return (
            pl.when(of_data & pl.col(f"since {column}").is_not_null()).then(known).otherwise(night)
        )

    return told.select("customer_id", *(turn(c).alias(f"turn {c}") for c in slow))


def _since(
    profile: pl.DataFrame, subscriptions: pl.DataFrame, provenance: pl.DataFrame, slow: list[str]
) -> pl.DataFrame:
    """customer_id and `since <column>`: the first night before which the facts say it was so."""
    found = profile.select("customer_id")
    if "lifecycle_stage" in slow:
        stage = profile.select("customer_id", **{"since lifecycle_stage": "lifecycle_since"})
        found = found.join(stage, on="customer_id", how="left")
    own = [c for c in _SUBSCRIPTION if c in slow]
    if own:
        running = subscriptions.filter(pl.col("valid_to").is_null()).group_by("customer_id")
        began = running.agg(pl.col("valid_from").max().alias(f"since {c}") for c in own)
        found = found.join(began, on="customer_id", how="left")
    for column, fields in _STATED.items():
        if column in slow:
            said = provenance.filter(pl.col("field").is_in(fields)).group_by("customer_id")
            day = pl.col("known_at").max().cast(pl.Date).alias(f"since {column}")
            found = found.join(said.agg(day), on="customer_id", how="left")
    return found.with_columns(pl.col("^since .*$") + timedelta(days=1))


def _with_reasons(
    moved: pl.DataFrame,
    was: pl.DataFrame,
    registry: pl.DataFrame,
    mapping: pl.DataFrame,
    rules: str,
    as_of: date,
) -> pl.DataFrame:
    """`why` each changed: identity, where that is what happened; else the rules, else the data."""
    reasons = _identity_reasons(registry, mapping, as_of)
    judged = was.select("customer_id", was_rule="configuration_id")
    why = (
        pl.when(pl.col("identity_reason").is_not_null())
        .then("identity_reason")
        .when(pl.col("was_rule") != rules)
        .then(pl.lit("rule"))
        .otherwise(pl.lit("data"))
    )
    joined = moved.join(reasons, on="customer_id", how="left")
    joined = joined.join(judged, on="customer_id", how="left")
    return joined.with_columns(why=why).drop("identity_reason", "was_rule")


def _in_two_times(previous: pl.DataFrame) -> pl.DataFrame:
    """Rows of before there were two times, as what was believed then: until its end nobody knew of
    it. (In two times an end is never recorded before it comes.)
    """
    is_older = (pl.col("recorded_at") < pl.col("valid_to")).fill_null(False)
    older, rows = previous.filter(is_older), previous.filter(~is_older)
    nothing = {"valid_to": pl.lit(None, pl.Date), "end_reason": pl.lit(None, pl.String)}
    return pl.concat(
        [
            rows,
            older.with_columns(superseded_at="valid_to", **nothing),
            older.with_columns(recorded_at="valid_to"),
        ]
    )


def _before(previous: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """What was believed before `as_of`: what later nights recorded is gone, what they superseded
    holds again.
    """
    later = pl.col("superseded_at") >= as_of
    return previous.filter(pl.col("recorded_at") < as_of).with_columns(
        superseded_at=pl.when(later).then(None).otherwise("superseded_at")
    )


def _blank_erased(known: pl.DataFrame, registry: pl.DataFrame, slow: list[str]) -> pl.DataFrame:
    """An erased person's past says only that it was: the right to be forgotten reaches history too,
    and whatever was ever believed.
    """
    erased = registry.filter(pl.col("status") == "erased").get_column("customer_id").implode()
    is_erased = pl.col("customer_id").is_in(erased)
    return known.with_columns(
        pl.when(is_erased).then(None).otherwise(pl.col(name)).alias(name) for name in slow
    )


def _without_judgement(known: pl.DataFrame, profile: pl.DataFrame, slow: list[str]) -> pl.DataFrame:
    """Who may not be profiled any more was never judged: segments and traits are gone from the past
    too, and the stage is not_profiled.
    """
    denied = profile.filter("is_profiling_denied").get_column("customer_id").implode()
    is_denied = pl.col("customer_id").is_in(denied)
    judged = {name: pl.lit(None, pl.String) for name in _JUDGED if name in slow}
    if "lifecycle_stage" in slow:
        judged["lifecycle_stage"] = pl.lit("not_profiled")
    return known.with_columns(
        pl.when(is_denied).then(value).otherwise(name).alias(name) for name, value in judged.items()
    )


def _identity_reasons(registry: pl.DataFrame, mapping: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """customer_id → erasure, merge or split, where that is what happened to the customer; erasure
    tells most.
    """
    gone = registry.filter(pl.col("status") != "active").select(
        "customer_id",
        identity_reason=pl.col("status").replace_strict(
            {"erased": "erasure", "merged": "merge", "split": "split"},
            default=None,
            return_dtype=pl.String,
        ),
    )
    moved = mapping.filter(
        (pl.col("valid_from") == as_of) & pl.col("change_reason").is_in(["merge", "split", "moved"])
    )
    gained = moved.select(
        "customer_id", identity_reason=pl.col("change_reason").replace("moved", "merge")
    )
    lost = moved.filter(pl.col("change_reason") != "merge").select(
        customer_id="previous_customer_id", identity_reason=pl.lit("split")
    )
    reasons = pl.concat([gone, gained, lost]).drop_nulls()
    return reasons.group_by("customer_id").agg(pl.col("identity_reason").min()).sort("customer_id")


def _fingerprint(config: dict[str, Any]) -> str:
    """Changes with the room's configuration, so that a changed threshold is not taken for a changed
    customer.
    """
    text = json.dumps(
        {key: value for key, value in config.items() if key != "as_of"}, sort_keys=True, default=str
    )
    return hashlib.sha256(text.encode()).hexdigest()[:12]
