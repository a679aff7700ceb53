"""A feature's contribution in words: its value, and what it is to be compared with.

Belongs here: filling phrases. Not here: the phrases, which stand with the features in columns.yaml.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import polars as pl

from customer_intel.core.contract.model import Column
from customer_intel.predictions.metrics import Floats, Ints


class _Number(float):
    """Whole where that says enough, one decimal where it does not."""

    def __format__(self, spec: str) -> str:
        shown = round(float(self), 0 if abs(self) >= 10 else 1) + 0.0
        return format(shown, f"{spec}.{0 if shown.is_integer() else 1}f")


class Phrasebook:
    """Reason texts for one set of customers, whose medians and means are the references.

    `columns`: the features' entries in the contract, with their phrases.
    """

    def __init__(self, features: Mapping[str, Floats], columns: Mapping[str, Column]) -> None:
        self._features, self._columns = features, columns
        self._phrases = {name: str(columns[name].phrase) for name in features}
        self._references = {name: _references(values) for name, values in features.items()}
        self._others = {
            name: [other for other in features if f"{{{other}" in self._phrases[name]]
            for name in features
        }

    def reference(self, feature: str) -> float:
        """The value that the feature's phrase compares with: the mean where it names {a}, else the
        median; NaN when no value is known.
        """
        known = self._features[feature][~np.isnan(self._features[feature])]
        median, mean = self._references[feature]
        return (mean if "{a" in self._phrases[feature] else median) if len(known) else np.nan

    def words(self, feature: str, rows: Ints) -> list[str]:
        """The reason text of one feature for the customers at the places `rows`."""
        names = [feature, *self._others[feature]]
        shown = pl.DataFrame({name: self._features[name][rows] for name in names})
        # Counts repeat over customers: each is said once.
        distinct = shown.unique(maintain_order=True)
        told = pl.Series([self._said(feature, row) for row in distinct.to_dicts()], dtype=pl.String)
        return shown.join(
            distinct.with_columns(said=told), on=names, how="left", maintain_order="left"
        )["said"].to_list()

    def _said(self, feature: str, values: dict[str, float]) -> str:
        if np.isnan(values[feature]):
            return str(self._columns[feature].phrase_missing)
        median, mean = self._references[feature]
        own = {name: _Number(values[name]) for name in self._others[feature]}
        text = self._phrases[feature].format(
            v=_Number(values[feature]), t=_Number(median), a=_Number(mean), **own
        )
        return re.sub(r"\b1 days\b", "1 day", text)


def _references(values: Floats) -> tuple[float, float]:
    known = values[~np.isnan(values)]
    return (float(np.median(known)), float(known.mean())) if len(known) else (0.0, 0.0)
