"""Numbers of the report on customers: who was active, what came in, what recurs, in windows and by
week.

Belongs here: computing them from the tables. Not here: words and markup (report.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from statistics import median
from typing import Any

import polars as pl

from customer_intel.core.report.evidence import Evidence

# 53 weeks: a year of whole weeks.
VISIT_DAYS = 371
# From this many earlier windows on, what a usual change is can be said.
_WINDOWS_MIN = 6
# A robust standard deviation is this many median absolute deviations.
_MAD = 1.4826


@dataclass(frozen=True)
class RollUps:
    """`days`: age (days ago, 1 = yesterday), orders, revenue of every day with an order or a
    refund. `visits`: customer_id and age of the days of the last year on which customers did
    something themselves. `history`: days since the first activity.
    """

    days: pl.DataFrame
    visits: pl.DataFrame
    history: int


def roll_ups(evidence: Evidence) -> RollUps:
    """In one pass over the many files; asked for by `evidence.once`."""
    age = (pl.lit(evidence.as_of) - pl.col("day")).dt.total_days()
    rows = (
        evidence.scan("activity_daily").filter(pl.col("day") < evidence.as_of).with_columns(age=age)
    )
    own = rows.filter(pl.col("is_own_act") & (pl.col("age") <= VISIT_DAYS))
    visits = own.select("customer_id", "age").unique()
    oldest = rows.select(pl.col("age").max())
    found = pl.collect_all(
        [_sales(evidence).sort("age"), visits.sort("age", "customer_id"), oldest]
    )
    return RollUps(found[0], found[1], int(found[2].item() or 0))


def _sales(evidence: Evidence) -> pl.LazyFrame:
    """age, orders, revenue of every day with an order or a refund, whoever bought: nobody known
    included.
    """
    schema: dict[str, Any] = {"day": pl.Date, "orders": pl.Int64, "revenue": pl.Decimal(18, 2)}
    parts = [pl.LazyFrame(schema=schema)]
    if evidence.has("order_fact"):
        sales = evidence.scan("order_fact").filter("is_sale")
        counted = pl.col("is_counted").cast(pl.Int64)
        parts.append(sales.select(day="order_day", orders=counted, revenue="gross_reporting"))
    if evidence.has("refund_fact"):
        back = evidence.scan("refund_fact").filter("is_counted")
        parts.append(
            back.select(
                day="refund_day",
                orders=pl.lit(0, pl.Int64),
                revenue=-pl.col("refund_reporting"),
            )
        )
    age = (pl.lit(evidence.as_of) - pl.col("day")).dt.total_days()
    sums = pl.concat(parts).group_by(age=age).agg(pl.col("orders").sum(), pl.col("revenue").sum())
    return sums.filter(pl.col("age") > 0)


def settled(evidence: Evidence, days: int, entity: str | None = None) -> bool:
    """Whether every source (of `entity`) told of all the last `days`: else a change may be a
    source's start.
    """
    if not evidence.has("source_start"):
        return True
    starts = evidence.frame("source_start")
    newest = (starts.filter(pl.col("entity") == entity) if entity else starts)["first_day"].max()
    return not isinstance(newest, date) or (evidence.as_of - newest).days >= days


@dataclass(frozen=True)
class Window:
    """A sum or count over the days before as_of and over as many days before those; None when
    history is too short.
    """

    now: float
    before: float | None


def active(evidence: Evidence, days: int) -> Window:
    """Customers who did something themselves; nothing to compare with where a source began within
    the two windows.
    """
    return Window(
        evidence.once(roll_ups).visits.filter(pl.col("age") <= days)["customer_id"].n_unique(),
        evidence.once(roll_ups)
        .visits.filter(pl.col("age").is_between(days + 1, 2 * days))["customer_id"]
        .n_unique()
        if evidence.once(roll_ups).history >= 2 * days and settled(evidence, 2 * days)
        else None,
    )


def revenue(evidence: Evidence, days: int) -> Window:
    """Net revenue of the last `days` days, and of as many before; None before where the sources
    tell of no such days.
    """

    def total(first: int, last: int) -> float:
        return float(
            evidence.once(roll_ups)
            .days.filter(pl.col("age").is_between(first, last))["revenue"]
            .sum()
        )

    comparable = evidence.once(roll_ups).history >= 2 * days and settled(
        evidence, 2 * days, "orders"
    )
    return Window(total(1, days), total(days + 1, 2 * days) if comparable else None)


def net_by_currency(evidence: Evidence, days: int) -> list[tuple[str, float]]:
    """Net revenue of the last `days` in each currency by itself, the largest number of sales first."""
    first = evidence.as_of - timedelta(days=days)
    sales = (
        evidence.scan("order_fact")
        .filter(pl.col("is_sale"))
        .select("currency", "order_day", amount="gross_amount")
    )
    parts = [sales.filter(pl.col("order_day") >= first)]
    if evidence.has("refund_fact"):
        back = evidence.scan("refund_fact").filter(
            pl.col("is_counted") & (pl.col("refund_day") >= first)
        )
        parts.append(
            back.select("currency", order_day="refund_day", amount=-pl.col("refund_amount"))
        )
    sums = (
        pl.concat(parts)
        .group_by("currency")
        .agg(n=pl.len(), net=pl.col("amount").sum().cast(pl.Float64))
        .collect()
    )
    ordered = sums.sort("n", "currency", descending=[True, False])
    return [(str(currency), float(net)) for currency, _, net in ordered.iter_rows()]


def weekly(evidence: Evidence) -> pl.DataFrame:
    """One row per full week counted back from as_of: last_day, customers, orders, revenue; oldest
    first.
    """
    week = (pl.col("age") - 1) // 7
    counts = (
        evidence.once(roll_ups)
        .days.group_by(week=week)
        .agg(pl.col("orders").sum(), pl.col("revenue").sum().cast(pl.Float64))
    )
    people = (
        evidence.once(roll_ups)
        .visits.group_by(week=week)
        .agg(customers=pl.col("customer_id").n_unique())
    )
    # The oldest week may have begun before the data did; a week in the middle without activity is a
    # true zero.
    whole = pl.DataFrame(
        {"week": range(min(evidence.once(roll_ups).history, VISIT_DAYS) // 7)},
        schema={"week": pl.Int64},
    )
    return (
        whole.join(people, on="week", how="left")
        .join(counts, on="week", how="left")
        .fill_null(0)
        .with_columns(
            last_day=pl.lit(evidence.as_of)
            - pl.duration(days=1)
            - pl.duration(days=7) * pl.col("week")
        )
        .sort("last_day")
    )


def unusual_change(evidence: Evidence, days: int = 30) -> tuple[float, float] | None:
    """(change of the last window's revenue, its distance from usual changes in robust standard
    deviations).
    """
    if evidence.unconverted:
        return None
    by_window = (
        evidence.once(roll_ups)
        .days.group_by(window=(pl.col("age") - 1) // days)
        .agg(pl.col("revenue").sum())
    )
    sums = dict(by_window.iter_rows())
    series = [
        float(sums.get(window, 0.0)) for window in range(evidence.once(roll_ups).history // days)
    ]
    changes = [now / before - 1 for now, before in pairwise(series) if before > 0]
    if len(changes) <= _WINDOWS_MIN:
        return None
    usual = median(changes[1:])
    spread = _MAD * median(abs(change - usual) for change in changes[1:])
    return (changes[0], (changes[0] - usual) / spread) if spread > 0 else None


@dataclass(frozen=True)
class Mrr:
    """Recurring revenue of one currency: at as_of, `days` before, and what moved between."""

    currency: str
    subscribers: int
    now: float
    before: float
    movements: dict[str, float]


MOVEMENTS = ("new_mrr", "expansion_mrr", "reactivation_mrr", "contraction_mrr", "churned_mrr")


def mrr(evidence: Evidence, days: int = 30) -> list[Mrr]:
    """Per currency, the largest first."""
    rows = (
        evidence.scan("mrr_movement")
        .filter(pl.col("day") < evidence.as_of)
        .sort("customer_id", "currency", "day")
        .collect()
    )
    cut = evidence.as_of - timedelta(days=days)
    result = []
    for currency in rows["currency"].unique().sort():
        own = rows.filter(pl.col("currency") == currency)
        last = own.group_by("customer_id", maintain_order=True).agg(pl.col("closing_mrr").last())
        recent = own.filter(pl.col("day") >= cut)
        moved = {name: float(recent[name].sum()) for name in MOVEMENTS}
        now = float(last["closing_mrr"].sum())
        # The sum of exact movements, so that before plus movements is now to the cent.
        before = round(now - sum(moved.values()), 2)
        result.append(Mrr(currency, int((last["closing_mrr"] > 0).sum()), now, before, moved))
    return sorted(result, key=lambda item: (-item.now, item.currency))


def mrr_by_week(evidence: Evidence, currency: str, weeks: int = 53) -> list[tuple[date, float]]:
    """Recurring revenue at the end of each week back from as_of, from the first movement on."""
    rows = (
        evidence.scan("mrr_movement")
        .filter((pl.col("currency") == currency) & (pl.col("day") < evidence.as_of))
        .group_by("day")
        .agg(moved=(pl.col("closing_mrr") - pl.col("opening_mrr")).sum().cast(pl.Float64))
        .sort("day")
        .collect()
    )
    if not len(rows):
        return []
    days, moved = rows["day"].to_list(), rows["moved"].to_list()
    result, total, at = [], 0.0, 0
    for week in range(weeks - 1, -1, -1):
        last_day = evidence.as_of - timedelta(days=1 + 7 * week)
        while at < len(days) and days[at] <= last_day:
            total += moved[at]
            at += 1
        if last_day >= days[0]:
            result.append((last_day, round(total, 2)))
    return result
