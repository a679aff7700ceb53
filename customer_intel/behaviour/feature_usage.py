"""Use of features: who uses them, how widely, how deeply, how soon, and whether again.

Belongs here: what a feature's acts show by themselves. Not here: whether it keeps customers (feature_driver.py).
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl

from customer_intel.behaviour.behaviour_difference_statistics import newcombe
from customer_intel.behaviour.definitions import Behaviour, Definitions, written
from customer_intel.behaviour.feature_driver_windows import check_settings, windows
from customer_intel.behaviour.retention_events import Events
from customer_intel.behaviour.retention_settings import ANY
from customer_intel.core.statistics import ENOUGH, wilson

# Two neighbouring stretches of so many days are compared for the trend.
TREND_DAYS = 28


def feature_usage(
    act_daily: pl.LazyFrame,
    customer_day: pl.LazyFrame,
    activity: pl.LazyFrame,
    behaviour_customer: pl.LazyFrame,
    behaviour_definition: pl.LazyFrame,
    as_of: date,
    config: dict[str, Any],
    schema: pl.Schema,
) -> pl.DataFrame:
    """One row per feature. Adoption, breadth and depth are of the last `feature_days` days; time to
    first use and repeat are of all time.
    """
    check_settings(config)
    means = Definitions.of(behaviour_definition)
    events = Events(act_daily, customer_day, activity, behaviour_customer, means, as_of)
    rows = []
    if means.features:
        usage = _Usage(events, as_of, config)
        rows = [usage.row(item) for item in means.features.values()]
    frame = pl.DataFrame(rows, schema=schema)
    return frame.with_columns(pl.col(pl.Float64).round(9)).sort("feature")


class _Usage:
    """What features are measured against: everybody's days, read once."""

    def __init__(self, events: Events, as_of: date, config: dict[str, Any]) -> None:
        self.events, self.as_of = events, as_of
        self.days = int(config["feature_days"])
        self.repeat_days = int(config["feature_repeat_days"])
        self.at = windows(events.first_day, as_of, config["driver_days"])
        own = events.of(ANY)
        first_seen, self.active_days, self.now, self.earlier, self.then, self.later = (
            pl.collect_all(
                [
                    own.group_by("customer_id").agg(seen_at=pl.col("first_at").min()),
                    self._since(own, self.days).group_by("customer_id").agg(active_days=pl.len()),
                    self._who(self._since(own, TREND_DAYS)),
                    self._who(self._since(own, 2 * TREND_DAYS, TREND_DAYS)),
                    self._who(self._exposed(own)),
                    self._who(self._after(own)),
                ],
                engine="streaming",
            )
        )
        self.first_seen = first_seen.lazy()

    def row(self, item: Behaviour) -> dict[str, Any]:
        """The feature's row."""
        use = self.events.of_behaviour(item)
        recent, ever, now, earlier, then = pl.collect_all(
            [
                self._since(use, self.days)
                .group_by("customer_id")
                .agg(days=pl.len(), uses=pl.col("n").sum()),
                self._ever(use),
                self._who(self._since(use, TREND_DAYS)),
                self._who(self._since(use, 2 * TREND_DAYS, TREND_DAYS)),
                self._who(self._exposed(use)),
            ],
            engine="streaming",
        )
        return {
            "feature": item.name,
            "caption": item.caption,
            "acts": written(item.acts),
            "origin": item.origin,
            "certainty": item.certainty,
            "feature_days": self.days,
            **self._adoption(recent),
            **_first_use(ever),
            **self._repeat(ever),
            **self._trend(now, earlier),
            **self._retention(then),
        }

    # ---- days
    def _since(self, rows: pl.LazyFrame, days: int, until: int = 0) -> pl.LazyFrame:
        """From so many days before as_of on, until so many before it."""
        first, end = (self.as_of - timedelta(days=k) for k in (days, until))
        return rows.filter((pl.col("day") >= first) & (pl.col("day") < end))

    def _exposed(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Of the driver's exposure window; nothing where the history is too short for it."""
        if self.at is None:
            return rows.filter(pl.lit(value=False))
        day = pl.col("day")
        return rows.filter((day >= self.at.exposure) & (day < self.at.landmark))

    def _after(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Of the days after the landmark."""
        if self.at is None:
            return rows.filter(pl.lit(value=False))
        day = pl.col("day")
        return rows.filter((day >= self.at.landmark) & (day < self.at.outcome_end))

    @staticmethod
    def _who(rows: pl.LazyFrame) -> pl.LazyFrame:
        return rows.select("customer_id").unique()

    # ---- what is told of a feature
    def _ever(self, use: pl.LazyFrame) -> pl.LazyFrame:
        """customer_id, seen_at, used_at, used_on, again_on: first seen, first use, and the next day
        of use.
        """
        first = use.group_by("customer_id").agg(
            used_at=pl.col("first_at").min(),
            used_on=pl.col("day").min(),
            again_on=pl.col("day").filter(pl.col("day") > pl.col("day").min()).min(),
        )
        return first.join(self.first_seen, on="customer_id", how="left")

    def _adoption(self, recent: pl.DataFrame) -> dict[str, Any]:
        n, users = len(self.active_days), len(recent)
        theirs = recent.join(self.active_days, on="customer_id")
        active_days = int(theirs["active_days"].sum())
        low, high = wilson(users, n) if n else (None, None)
        return {
            "n": n,
            "n_adopters": users,
            "adoption": users / n if n else None,
            "low": low,
            "high": high,
            "use_days": recent["days"].mean(),
            "uses_per_active_day": int(theirs["uses"].sum()) / active_days if users else None,
        }

    def _repeat(self, ever: pl.DataFrame) -> dict[str, Any]:
        """Of those whose first use lies `repeat_days` back: who used it on another day until then."""
        within = pl.duration(days=self.repeat_days)
        mature = ever.filter(pl.col("used_on") + within < self.as_of)
        again = mature.filter(pl.col("again_on") <= pl.col("used_on") + within)
        n = len(mature)
        low, high = wilson(len(again), n) if n else (None, None)
        share = len(again) / n if n else None
        return {
            "n_followed": n,
            "repeat_share": share,
            "repeat_low": low,
            "repeat_high": high,
            "repeat_days": self.repeat_days,
        }

    def _trend(self, now: pl.DataFrame, earlier: pl.DataFrame) -> dict[str, Any]:
        """Rising or falling where the interval of the difference says so (as if nobody were in both,
        which makes it rather too wide).
        """
        first = self.events.first_day
        n, before = len(self.now), len(self.earlier)
        told = first is not None and (self.as_of - first).days >= 2 * TREND_DAYS
        if not told or min(n, before) < ENOUGH:
            return {"adoption_trend": "unknown"}
        low, high = newcombe(len(now), n, len(earlier), before)
        trend = "rising" if low > 0 else "falling" if high < 0 else "steady"
        return {
            "adoption_now": len(now) / n,
            "adoption_before": len(earlier) / before,
            "adoption_trend": trend,
        }

    def _retention(self, then: pl.DataFrame) -> dict[str, Any]:
        """Of the active of the exposure window, who was back after the landmark."""
        users = then.join(self.then, on="customer_id", how="semi")
        others = self.then.join(then, on="customer_id", how="anti")
        told: dict[str, Any] = {}
        for side, who in (("users", users), ("others", others)):
            back = len(who.join(self.later, on="customer_id", how="semi"))
            low, high = wilson(back, len(who)) if len(who) else (None, None)
            share = back / len(who) if len(who) else None
            told |= {
                f"n_{side}": len(who),
                f"{side}_retained": share,
                f"{side}_low": low,
                f"{side}_high": high,
            }
        return told


def _first_use(ever: pl.DataFrame) -> dict[str, Any]:
    """Days from the first sign of a customer, or the feature's first use by anybody where that came
    later, to the first use.
    """
    if not len(ever):
        return {}
    since = pl.max_horizontal("seen_at", pl.col("used_at").min())
    passed = (pl.col("used_at") - since).dt.total_seconds() / 86400
    times = ever.select(days=passed.clip(0))["days"]
    return {
        f"first_use_p{round(100 * part)}": times.quantile(part, "linear")
        for part in (0.1, 0.5, 0.9)
    }
