"""Which behaviours tell one group of customers from another: segments against all others, and declared pairs.

Belongs here: groups, their acts, and what counts as a difference. Not here: intervals
(behaviour_difference_statistics.py), who is in which segment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from customer_intel.behaviour import conditions
from customer_intel.behaviour.behaviour_difference_statistics import cohens_h, newcombe, two_shares
from customer_intel.behaviour.definitions import Definitions, is_any
from customer_intel.behaviour.model import caption_of
from customer_intel.core.contract.model import suggestion
from customer_intel.core.contract.yaml_lines import ConfigError, Faults
from customer_intel.core.statistics import benjamini_hochberg
from customer_intel.core.tables.parameters import place_of, place_within

OTHERS = "others"
RFM = "rfm"
# Acts that the stream makes of orders and subscriptions, whatever the company calls them.
OF_ORDERS = ("order_placed", "order_attempted", "order_cancelled")
OF_SUBSCRIPTIONS = ("subscription_started", "trial_started", "subscription_canceled")
# Columns of a customer that are made of orders, and of subscriptions.
BY_ORDERS = {
    "segment",
    "recency_days",
    "frequency",
    "monetary",
    "lifecycle_stage",
    "customer_since",
}
BY_SUBSCRIPTIONS = {
    "plan_name",
    "billing_interval",
    "seats",
    "mrr",
    "paying_since",
    "lifecycle_stage",
}
# A q-value below this is no chance.
SURE = 0.05
_SIDES = ("a", "b")


@dataclass(frozen=True)
class Comparison:
    """A declared pair: conditions on the customer; `b` empty: all others."""

    name: str
    a: str
    b: str | None

    @property
    def asked(self) -> set[str]:
        """The columns of the customer that it asks."""
        return {
            name for text in (self.a, self.b) if text for name in conditions.columns_of(text)[1]
        }


def behaviour_difference(
    act_daily: pl.LazyFrame,
    customer_day: pl.LazyFrame,
    behaviour_customer: pl.LazyFrame,
    behaviour_definition: pl.LazyFrame,
    rfm: pl.LazyFrame,
    as_of: date,
    config: dict[str, Any],
    schema: pl.Schema,
) -> pl.DataFrame:
    """One row per comparison, group and act that enough of both groups together did.

    Of each group, customers with an own act in the last `difference_days` days are compared, so that
    being there at all is no difference. Whoever may not be profiled is in no group.
    """
    for name in ("difference_days", "difference_people_min"):
        if config[name] < 1:
            where = place_of(config, name, "behaviour")
            raise ConfigError(f"{where}: {name} is 1 or more, not {config[name]!r}")
    since = as_of - timedelta(days=config["difference_days"])
    recent = (pl.col("day") >= since) & (pl.col("day") < as_of)
    there = (
        customer_day.filter(recent & pl.col("is_active"))
        .group_by("customer_id")
        .agg(active_days=pl.len().cast(pl.Int64))
    )
    done = _done(act_daily.filter(recent), config["details_max"])
    conversion = Definitions.of(behaviour_definition).conversion
    of_orders = (*OF_ORDERS, *(conversion.acts if conversion else ()))
    rows = []
    segments = rfm.filter(pl.col("monetary").is_not_null()).select("customer_id", group="segment")
    sums, sizes = _sums(segments, there, done)
    for segment in sizes["group"]:
        rows += _compared(f"{RFM}:{segment}", segment, OTHERS, sums, sizes, of_orders, config)
    for item in declared(config):
        defining = (*of_orders,) if item.asked & BY_ORDERS else ()
        defining += OF_SUBSCRIPTIONS if item.asked & BY_SUBSCRIPTIONS else ()
        sums, sizes = _sums(_members(item, behaviour_customer), there, done)
        rows += _compared(item.name, *_SIDES, sums, sizes, defining, config)
    frame = pl.DataFrame(rows, schema=schema)
    return frame.with_columns(pl.col(pl.Float64).round(9)).sort("comparison", "act")


def declared(config: Mapping[str, Any]) -> list[Comparison]:
    """The pairs of the setting `compare`. Raises ConfigError, a line a fault."""
    asked, faults, found = config["compare"], Faults(), []
    for name, parts in asked.items():
        where = f"{place_within(config, 'behaviour', 'compare', name)}: compare '{name}'"
        if not isinstance(parts, Mapping) or not isinstance(parts.get("a"), str):
            faults.add(
                f"{where} needs a condition for group a, such as {{a: plan_name = 'Pro'}}; b is "
                "everybody else where it is left out"
            )
            continue
        wrong = [fault for part, text in parts.items() for fault in _faults(part, text)]
        faults.add(*(f"{where}: {fault}" for fault in wrong))
        if not wrong:
            found.append(Comparison(name, parts["a"], parts.get("b")))
    faults.raise_any()
    return found


def _faults(part: str, text: Any) -> Iterator[str]:
    if part not in _SIDES:
        yield f"'{part}' is no part of it{suggestion(part, _SIDES)}; write a and b"
    elif not isinstance(text, str):
        if text is not None:
            yield f"{part} is a condition, not {text!r}"
    else:
        try:
            conditions.check(text)
            of_act, _ = conditions.columns_of(text)
        except conditions.ConditionFault as fault:
            yield f"{part} {fault}"
            return
        if of_act:
            names = ", ".join(sorted(of_act))
            yield f"{part} asks {names} of an act; groups are made of customers: write customer.<column>"


def _members(item: Comparison, behaviour_customer: pl.LazyFrame) -> pl.LazyFrame:
    """customer_id, group: a or b; who meets both is in neither."""
    own = conditions.of_customers(behaviour_customer, item.asked)
    in_a = conditions.expression(item.a)
    in_b = conditions.expression(item.b) if item.b else ~in_a
    told = own.select("customer_id", in_a=in_a, in_b=in_b).filter(pl.col("in_a") != pl.col("in_b"))
    return told.select(
        "customer_id", group=pl.when("in_a").then(pl.lit("a")).otherwise(pl.lit("b"))
    )


def _done(act_daily: pl.LazyFrame, details_max: int) -> pl.LazyFrame:
    """customer_id, act, n: of an activity with more details than that, the details are one act."""
    activity = pl.col("act").str.split(":").list.first()
    kinds = act_daily.select("act").unique()
    told = kinds.select(
        "act",
        told_as=pl.when(pl.len().over(activity) > details_max).then(activity).otherwise("act"),
    )
    return (
        act_daily.join(told, on="act").group_by("customer_id", act="told_as").agg(pl.col("n").sum())
    )


def _sums(
    members: pl.LazyFrame, there: pl.LazyFrame, done: pl.LazyFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Per group and act: did, times; and per group: n, active_days."""
    active = members.join(there, on="customer_id")
    sums, sizes = pl.collect_all(
        [
            done.join(active, on="customer_id")
            .group_by("group", "act")
            .agg(did=pl.len().cast(pl.Int64), times=pl.col("n").sum()),
            active.group_by("group").agg(
                n=pl.len().cast(pl.Int64), active_days=pl.col("active_days").sum()
            ),
        ],
        engine="streaming",
    )
    return sums.sort("group", "act"), sizes.sort("group")


def _compared(
    name: str,
    a: str,
    b: str,
    sums: pl.DataFrame,
    sizes: pl.DataFrame,
    defining: tuple[str, ...],
    config: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """The rows of one comparison; none where a group is too small."""
    least = config["difference_people_min"]
    is_a = pl.col("group") == a
    totals = [
        sizes.filter(side).select(pl.col("n", "active_days").sum()).row(0) for side in (is_a, ~is_a)
    ]
    (n_a, days_a), (n_b, days_b) = totals
    if min(n_a, n_b) < least:
        return []
    told = sums.group_by("act").agg(
        did_a=pl.col("did").filter(is_a).sum(), did_b=pl.col("did").filter(~is_a).sum(),
        times_a=pl.col("times").filter(is_a).sum(), times_b=pl.col("times").filter(~is_a).sum(),
    )  # fmt: skip
    told = told.filter(pl.col("did_a") + pl.col("did_b") >= least).sort("act")
    told = told.with_columns(is_defining=is_any(defining) if defining else pl.lit(value=False))
    rows = [
        {
            "comparison": name, "group_a": a, "group_b": b, "act": act, "caption": caption_of(act),
            "n_a": n_a, "n_b": n_b, "did_a": did_a, "did_b": did_b,
            "rate_a": times_a / days_a, "rate_b": times_b / days_b, "is_defining": is_defining,
            "difference_days": config["difference_days"],
            **_difference(did_a, n_a, did_b, n_b),
        }
        for act, did_a, did_b, times_a, times_b, is_defining in told.iter_rows()
    ]  # fmt: skip
    adjusted = benjamini_hochberg([row["difference_p"] for row in rows])
    for row, q in zip(rows, adjusted, strict=True):
        more = "more" if row["share_difference"] > 0 else "less"
        row |= {"q_value": q, "leaning": more if q < SURE else "alike"}
    return rows


def _difference(did_a: int, n_a: int, did_b: int, n_b: int) -> dict[str, Any]:
    share_a, share_b = did_a / n_a, did_b / n_b
    low, high = newcombe(did_a, n_a, did_b, n_b)
    return {
        "share_a": share_a,
        "share_b": share_b,
        "share_difference": share_a - share_b,
        "low": low,
        "high": high,
        "difference_p": two_shares(did_a, n_a, did_b, n_b),
        "effect_size": cohens_h(share_a, share_b),
    }
