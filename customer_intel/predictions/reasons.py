"""A feature's contribution in words: its value, and what it is to be compared with."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from customer_intel.predictions.metrics import Floats

# {v}: the customer's value; {t}: the median and {a}: the mean of all scored customers; other names:
# the customer's
# other features.
_WORDS: dict[str, str] = {
    "f_days_since_order": "last order {v} days ago, typical {t}",
    "f_usual_gap_days": "usual gap between orders {v} days, typical {t}",
    "f_gap_ratio": "last order {f_days_since_order} days ago, usual gap {f_usual_gap_days}",
    "f_days_since_active": "last active {v} days ago, typical {t}",
    "f_tenure_days": "customer for {v} days, typical {t}",
    "f_orders_90d": "orders in the last 90 days: {v}, average {a}",
    "f_orders_365d": "orders in the last 365 days: {v}, average {a}",
    "f_revenue_365d": "revenue of the last 365 days {v}, typical {t}",
    "f_refunds_365d": "refunds in the last 365 days: {v}, average {a}",
    "f_active_days_28d": "active days in the last 28: {v}, average {a}",
    "f_active_days_trend_28d": "active days against the 28 days before: {v:+}, average {a:+}",
    "f_sessions_28d": "sessions in the last 28 days: {v}, average {a}",
    "f_tickets_90d": "tickets in the last 90 days: {v}, average {a}",
    "f_payment_failures_90d": "failed payments in the last 90 days: {v}, average {a}",
    "f_last_nps_score": "last NPS answer {v}, typical {t}",
    "f_plan_amount": "pays {v} a month, typical {t}",
    "f_seats": "seats: {v}, typical {t}",
}
_MISSING: dict[str, str] = {
    "f_days_since_order": "no order so far",
    "f_usual_gap_days": "ordered on one day only",
    "f_gap_ratio": "ordered on one day only, no usual gap yet",
    "f_last_nps_score": "no NPS answer so far",
    "f_plan_amount": "monthly amount not known",
    "f_seats": "number of seats not known",
}


class _Number(float):
    """Whole where that says enough, one decimal where it does not."""

    def __format__(self, spec: str) -> str:
        shown = round(float(self), 0 if abs(self) >= 10 else 1) + 0.0
        return format(shown, f"{spec}.{0 if shown.is_integer() else 1}f")


class Phrasebook:
    """Reason texts for one set of customers, whose medians and means are the references."""

    def __init__(self, features: Mapping[str, Floats]) -> None:
        self._features = features
        self._said: dict[tuple[object, ...], str] = {}
        self._references = {name: _references(values) for name, values in features.items()}
        self._others = {
            name: [other for other in features if f"{{{other}}}" in _WORDS.get(name, "")]
            for name in features
        }

    def words(self, feature: str, row: int) -> str:
        """The reason text of one feature for one customer."""
        value = float(self._features[feature][row])
        if np.isnan(value):
            return _MISSING.get(feature, f"{_plain(feature)} not known")
        others = {name: _Number(self._features[name][row]) for name in self._others[feature]}
        # Counts repeat over customers: saying each once saves most of the formatting.
        key = (feature, value, *others.values())
        if key not in self._said:
            template = _WORDS.get(feature, f"{_plain(feature)} {{v}}, typical {{t}}")
            median, mean = self._references[feature]
            text = template.format(v=_Number(value), t=_Number(median), a=_Number(mean), **others)
            self._said[key] = re.sub(r"\b1 days\b", "1 day", text)
        return self._said[key]


def _references(values: Floats) -> tuple[float, float]:
    known = values[~np.isnan(values)]
    return (float(np.median(known)), float(known.mean())) if len(known) else (0.0, 0.0)


def _plain(feature: str) -> str:
    return feature.removeprefix("f_").replace("_", " ")
