"""Numbers of the report on customers: who was active, what came in, what recurs, by week.

Belongs here: reading them from metric_daily. Not here: what they mean (metrics/metrics.yaml), words
and markup (report.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from customer_intel.core.report.evidence import Evidence

# 53 weeks: a year of whole weeks.
WEEKS = 53
# So many weeks an export may be late.
LATE_WEEKS = 2
DRAWN = {"active_customers_7d": "customers", "orders_7d": "orders", "net_revenue_7d": "revenue"}


def metric(evidence: Evidence, *names: str, dimension: str = "all") -> pl.DataFrame:
    """The metrics' rows before as_of: metric, member, day, value, complete."""
    rows = evidence.scan("metric_daily").filter(
        pl.col("metric").is_in(names) & (pl.col("dimension") == dimension)
    )
    return rows.select("metric", "member", "day", "value", "complete").collect()


def weekly(evidence: Evidence) -> pl.DataFrame:
    """One row per full week counted back from as_of: last_day, customers, orders, revenue; oldest
    first.
    """
    rows = metric(evidence, *DRAWN)
    age = (pl.lit(evidence.as_of) - pl.col("day")).dt.total_days()
    # A week that had begun before the metric did is none.
    first = pl.col("day").min() + pl.duration(days=6)
    # The last weeks are told once every source has told of them.
    late = (pl.col("day") > evidence.as_of - timedelta(days=7 * LATE_WEEKS)) & ~pl.col("complete")
    told = rows.filter(~late.any().over("day"))
    weeks = told.filter((age % 7 == 1) & (age <= 7 * WEEKS) & (pl.col("day") >= first))
    empty = pl.DataFrame(schema={"last_day": pl.Date, **dict.fromkeys(DRAWN, pl.Float64)})
    wide = weeks.pivot("metric", index="day", values="value").rename({"day": "last_day"})
    found = pl.concat([empty, wide], how="diagonal").rename(DRAWN).fill_null(0)
    return found.sort("last_day")


@dataclass(frozen=True)
class Mrr:
    """Recurring revenue of one currency: at as_of, `days` before, and what moved between."""

    currency: str
    subscribers: int
    now: float
    before: float
    movements: dict[str, float]


MOVEMENTS = ("new_mrr", "expansion_mrr", "reactivation_mrr", "contraction_mrr", "churned_mrr")


def mrr(evidence: Evidence, days: int = 28) -> list[Mrr]:
    """Per currency, the largest first."""
    names = {f"{name}_{days}d": name for name in MOVEMENTS}
    rows = metric(evidence, "mrr_own", "paying_in_currency", *names, dimension="currency")
    last = evidence.as_of - timedelta(days=1)
    now = {(m, who): value for m, who, day, value, _ in rows.iter_rows() if day == last}
    result = []
    for currency in rows["member"].unique().sort():
        moved = {name: now.get((m, currency)) or 0.0 for m, name in names.items()}
        total = now.get(("mrr_own", currency)) or 0.0
        # The sum of exact movements, so that before plus movements is now to the cent.
        before = round(total - sum(moved.values()), 2)
        paying = int(now.get(("paying_in_currency", currency)) or 0)
        result.append(Mrr(currency, paying, total, before, moved))
    return sorted(result, key=lambda item: (-item.now, item.currency))


def mrr_by_week(evidence: Evidence, currency: str) -> list[tuple[date, float]]:
    """Recurring revenue at the end of each week back from as_of, from the first movement on."""
    rows = metric(evidence, "mrr_own", dimension="currency").filter(pl.col("member") == currency)
    age = (pl.lit(evidence.as_of) - pl.col("day")).dt.total_days()
    weeks = rows.filter((age % 7 == 1) & (age <= 7 * WEEKS)).sort("day")
    return [(day, float(value)) for day, value in weeks.select("day", "value").iter_rows()]
