"""What keeps customers: which features' users stay more often than equally engaged customers, and how sure that is.

Belongs here: a verdict per feature, in words. Not here: its statistics (feature_driver_statistics.py), its windows and
customers (feature_driver_windows.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from customer_intel.behaviour.definitions import Behaviour, Definitions
from customer_intel.behaviour.feature_driver_statistics import (
    Assessment,
    Measured,
    agreement,
    assess,
    size_per_arm,
)
from customer_intel.behaviour.feature_driver_windows import (
    Population,
    check_settings,
    kinds_before,
    windows,
)
from customer_intel.behaviour.retention_events import Events
from customer_intel.core.statistics import benjamini_hochberg

# A q-value below this is sure enough.
SURE = 0.05
# Activity that hangs together less than this tells too little of engagement.
TELLS_LITTLE = 0.2
# Shares that surely lie within so much of each other are alike: five points.
MARGIN = 0.05

SUPPORTED, CONFOUNDED, INCONCLUSIVE = "supported", "confounded", "inconclusive"
REASONS = {
    "short": "history is too short for days before, of and after use",
    "small": "too few users, or too few others, or hardly anybody left or stayed",
    "sparse": "activity is too sparse to tell how engaged customers are",
    "supported": "users stay more often than equally engaged others, beyond what the error of that measure explains",
    "confounded": "users are the engaged customers, who stay anyway: little is left among equally engaged ones",
    "alike": "users and others stay alike, within five points, before anything is adjusted",
    "none": "users may stay more or less often than others: too few to tell, even before anything is adjusted",
    "fewer": "users stay less often than others",
    "unsure": "users are also the more engaged; what is left among equally engaged customers may be chance",
}
# Reasons by which something is known, though it is no verdict on the feature.
DECIDED = (REASONS["alike"], REASONS["fewer"])


def feature_driver(
    act_daily: pl.LazyFrame,
    customer_day: pl.LazyFrame,
    activity: pl.LazyFrame,
    behaviour_customer: pl.LazyFrame,
    behaviour_definition: pl.LazyFrame,
    subscription_fact: pl.LazyFrame,
    segment_history: pl.LazyFrame,
    unprofiled_customer: pl.LazyFrame,
    as_of: date,
    config: dict[str, Any],
    schema: pl.Schema,
) -> pl.DataFrame:
    """One row per feature, the strongest evidence first in q_value.

    Design: a landmark so many days before `as_of` that the outcome is over. Who was known before the
    exposure window and did something else in it is compared by whether the feature was used in it;
    outcome is an own act after the landmark. Nothing of the customer is read from after it.
    """
    check_settings(config)
    means = Definitions.of(behaviour_definition)
    events = Events(act_daily, customer_day, activity, behaviour_customer, means, as_of)
    at = windows(events.first_day, as_of, config["driver_days"])
    judged = []
    if at:
        kinds = kinds_before(subscription_fact, segment_history, at.landmark)
        people = Population.of(events, at, unprofiled_customer.select("customer_id"), kinds)
        for item in means.features.values():
            measured = people.measured(events.of_behaviour(item))
            judged.append(Judged(item, measured, assess(measured, config["driver_benchmark"])))
    else:
        judged = [Judged(item, None, None) for item in means.features.values()]
    q_values = _q_values(judged)
    rows = [
        {
            "feature": item.feature.name,
            "caption": item.feature.caption,
            "landmark": at.landmark if at else None,
            "landmark_days": at.days if at else None,
            **item.row(q),
        }
        for item, q in zip(judged, q_values, strict=True)
    ]
    frame = pl.DataFrame(rows, schema=schema)
    return frame.with_columns(pl.col(pl.Float64).round(9)).sort("feature")


@dataclass(frozen=True)
class Judged:
    """A feature, who was measured and what is known of it."""

    feature: Behaviour
    measured: Measured | None
    found: Assessment | None

    @property
    def is_told(self) -> bool:
        """Whether activity tells enough of engagement to go by it; a difference of shares beyond 1 is
        none.
        """
        found = self.found
        if found is None or found.reliability < TELLS_LITTLE:
            return False
        return abs(found.corrected.value) <= 1

    def verdict(self, q_value: float | None) -> tuple[str, str]:
        """The verdict, and the key of its reason."""
        found = self.found
        if found is None:
            return INCONCLUSIVE, "small" if self.measured else "short"
        if found.crude.high < 0:
            return INCONCLUSIVE, "fewer"
        if found.crude.low <= 0:
            is_alike = max(-found.crude.low, found.crude.high) <= MARGIN
            return INCONCLUSIVE, "alike" if is_alike else "none"
        if not self.is_told:
            return INCONCLUSIVE, "sparse"
        if found.robust.value > 0 and q_value is not None and q_value < SURE:
            return SUPPORTED, "supported"
        # Surely less than it seemed, and probably less than half of it.
        shrunk = found.corrected.high < found.crude.value
        if shrunk and found.corrected.value < found.crude.value / 2:
            return CONFOUNDED, "confounded"
        return INCONCLUSIVE, "unsure"

    def row(self, q_value: float | None) -> dict[str, Any]:
        """The feature's row but for what all share."""
        verdict, reason = self.verdict(q_value)
        row: dict[str, Any] = {"verdict": verdict, "reason": REASONS[reason], "q_value": q_value}
        if self.measured:
            row |= _shares(self.measured)
        if found := self.found:
            row |= {
                "crude_difference": found.crude.value,
                "adjusted_difference": found.adjusted.value,
                "adjusted_low": max(found.adjusted.low, -1.0),
                "adjusted_high": min(found.adjusted.high, 1.0),
                "risk_ratio": found.risk_ratio,
                "e_value": found.e_value,
                "dose_p": found.dose_p,
                "n_strata": found.n_strata,
                "engagement_reliability": found.reliability,
                "engagement_stability": found.stability,
            }
            row |= self._corrected(found)
        return row

    def _corrected(self, found: Assessment) -> dict[str, Any]:
        """What rests on the correction."""
        if not self.is_told:
            return {}
        return {
            "corrected_difference": found.corrected.value,
            "corrected_low": max(found.corrected.low, -1.0),
            "corrected_high": min(found.corrected.high, 1.0),
            "robust_difference": found.robust.value,
            "driver_p": found.p_value,
            "experiment_n": size_per_arm(found.rate_unexposed, found.corrected.value),
        }


def _q_values(judged: list[Judged]) -> list[float | None]:
    """Benjamini-Hochberg over the features that could be judged."""
    p_values = [item.found.p_value for item in judged if item.found and item.is_told]
    found = iter(benjamini_hochberg(p_values))
    return [next(found) if item.is_told else None for item in judged]


def _shares(measured: Measured) -> dict[str, Any]:
    """Counts and shares of the active, by days of use; phi and PPV."""
    known = measured.only(measured.is_active)
    used = known.dose > 0

    def stayed(among: Any) -> float | None:
        return float(known.stayed[among].mean()) if among.any() else None

    n, users, both = len(used), int(used.sum()), int(known.stayed[used].sum())
    phi, ppv = agreement(users, both, int(known.stayed.sum()), n)
    return {
        "n": n,
        "n_exposed": users,
        "n_unexposed": n - users,
        "rate_exposed": stayed(used),
        "rate_unexposed": stayed(~used),
        "rate_once": stayed(known.dose == 1),
        "rate_repeatedly": stayed(np.asarray(known.dose >= 2)),
        "phi": phi,
        "ppv": ppv,
    }
