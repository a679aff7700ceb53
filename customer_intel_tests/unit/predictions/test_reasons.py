"""Reasons in words: the contract's phrases over literal customers."""

from __future__ import annotations

import numpy as np
import pytest

from customer_intel.core.contract.model import Column
from customer_intel.predictions.churn import feature_columns
from customer_intel.predictions.reasons import Phrasebook

NOBODY = float("nan")


def feature(name: str, phrase: str, missing: str | None = None) -> Column:
    return Column(name=name, type="float", meaning="x", phrase=phrase, phrase_missing=missing)


def told(name: str, **values: list[float]) -> list[str]:
    columns = {
        "f_gap": feature("f_gap", "gap {v} days, typical {t}", "no gap yet"),
        "f_trend": feature("f_trend", "trend {v:+}, average {a:+}"),
        "f_ratio": feature("f_ratio", "trend {f_trend}, gap {f_gap} days"),
    }
    frame = {key: np.array(column, dtype=np.float64) for key, column in values.items()}
    phrases = Phrasebook(frame, columns)
    return phrases.words(name, np.arange(len(frame[name])))


def test_a_value_is_told_beside_the_median_of_all() -> None:
    assert told("f_gap", f_gap=[1, 2.5, 30, NOBODY]) == [
        "gap 1 day, typical 2.5",
        "gap 2.5 days, typical 2.5",
        "gap 30 days, typical 2.5",
        "no gap yet",
    ]


def test_a_phrase_may_ask_for_the_mean_a_sign_and_other_features() -> None:
    assert told("f_trend", f_trend=[-1, 3]) == [
        "trend -1, average +1",
        "trend +3, average +1",
    ]
    assert told("f_ratio", f_ratio=[9], f_trend=[2], f_gap=[14]) == ["trend 2, gap 14 days"]


@pytest.mark.parametrize("name", feature_columns())
def test_each_feature_of_the_contract_can_be_told(name: str) -> None:
    phrases = Phrasebook({other: np.array([3.0]) for other in feature_columns()}, feature_columns())
    (words,) = phrases.words(name, np.array([0]))
    assert "3" in words and not {"{", "}"} & set(words)
