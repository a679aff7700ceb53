"""Churn scores: leaks are looked for, reasons add up, and a model that does not beat recency is not
published.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from customer_intel.predictions import metrics
from customer_intel.predictions.churn import churn_scores, feature_columns, refusal
from customer_intel.predictions.evaluation import (
    _bands,
    calibration_bins,
    churn_predictions,
    model_evaluation,
)
from customer_intel_tests.unit.small_lake import Lake, config, features, shift, simulate
from customer_intel_tests.unit.sqlroom import schema

AS_OF = date(2026, 7, 1)
CONFIG = config("predictions") | {"bootstrap_replicates": 20}
SCORES, EVALUATION, BINS, PREDICTIONS = (
    schema(name)
    for name in ("churn_scores", "model_evaluation", "calibration_bins", "churn_predictions")
)


@pytest.fixture(scope="module")
def lake() -> Lake:
    return simulate(700, 700, AS_OF, seed=11)


@pytest.fixture(scope="module")
def known(lake: Lake) -> pl.DataFrame:
    return features(lake, AS_OF)


@pytest.fixture(scope="module")
def scores(known: pl.DataFrame) -> pl.DataFrame:
    return churn_scores(known, AS_OF, CONFIG, SCORES)


def _publish(
    known: pl.DataFrame, scores: pl.DataFrame, as_of: date = AS_OF
) -> tuple[pl.DataFrame, pl.DataFrame]:
    evaluation = model_evaluation(known, scores, CONFIG, EVALUATION)
    return evaluation, churn_predictions(known, scores, evaluation, as_of, CONFIG, PREDICTIONS)


def test_reasons_add_up_to_the_logit(scores: pl.DataFrame) -> None:
    today = scores.filter(pl.col("origin") == AS_OF).drop_nulls("logit")
    off = (today["logit"] - today["intercept"] - today["contribution_sum"]).abs().max()
    assert len(today) > 300 and off < 1e-9
    p = 1 / (1 + np.exp(-today["logit"].to_numpy()))
    assert np.abs(p - today["p_model"].to_numpy()).max() < 1e-8
    named = today.drop_nulls("reason_2")
    assert (named["reason_1_logodds"] >= named["reason_2_logodds"]).all()


def test_twice_the_same_and_rows_in_any_order(known: pl.DataFrame, scores: pl.DataFrame) -> None:
    again = churn_scores(known.sample(fraction=1, shuffle=True, seed=1), AS_OF, CONFIG, SCORES)
    assert again.equals(scores)
    assert model_evaluation(known, again, CONFIG, EVALUATION).equals(
        model_evaluation(known, scores, CONFIG, EVALUATION)
    )


def test_above_a_size_models_are_of_a_sample_of_customers(
    known: pl.DataFrame, scores: pl.DataFrame
) -> None:
    """Everybody is still scored; past scores still know nothing of later rows; near the whole's."""
    few = CONFIG | {"sample_rows": 1500}
    sampled = churn_scores(known, AS_OF, few, SCORES)
    again = churn_scores(known.sample(fraction=1, shuffle=True, seed=2), AS_OF, few, SCORES)
    assert again.equals(sampled) and sampled.height == scores.height
    keys = ["definition_id", "origin", "customer_id"]
    both = sampled.join(scores, on=keys).drop_nulls(["p_model", "p_model_right"])
    assert both["p_model"].is_not_null().sum() == scores["p_model"].is_not_null().sum()
    apart = (both["p_model"] - both["p_model_right"]).abs()
    assert 0 < apart.mean() < 0.05  # type: ignore[operator]


def test_past_scores_know_nothing_of_later_origins(
    known: pl.DataFrame, scores: pl.DataFrame
) -> None:
    cut = date(2026, 1, 2)
    early = churn_scores(
        known.filter(pl.col("origin") <= cut), AS_OF, CONFIG | {"evaluated_origins_min": 1}, SCORES
    )
    kept = ["customer_id", "origin", "p_model", "p_baseline"]
    here = (pl.col("definition_id") == "purchase_90d") & (pl.col("origin") <= cut)
    assert early.filter(here).select(kept).equals(scores.filter(here).select(kept))


@pytest.mark.slow
def test_shifting_all_dates_changes_no_prediction(
    lake: Lake, known: pl.DataFrame, scores: pl.DataFrame
) -> None:
    moved = date.fromordinal(AS_OF.toordinal() + 137)
    later = features(shift(lake, 137), moved)
    assert _publish(later, churn_scores(later, moved, CONFIG, SCORES), moved)[1].equals(
        _publish(known, scores)[1]
    )


@pytest.mark.slow
def test_shuffled_labels_give_a_coin(known: pl.DataFrame) -> None:
    rng = np.random.default_rng(5)
    label = known["label"].to_numpy().copy()
    groups = known.select(pl.struct("definition_id", "origin").rank("dense")).to_series().to_numpy()
    for group in np.unique(groups):
        label[groups == group] = rng.permutation(label[groups == group])
    shuffled = known.with_columns(label=pl.Series(label).fill_nan(None).cast(pl.Int64))
    found = churn_scores(shuffled, AS_OF, CONFIG, SCORES)
    evaluation, predictions = _publish(shuffled, found)
    for definition_id in ("purchase_90d", "subscription_30d"):
        past = found.filter(
            (pl.col("definition_id") == definition_id) & pl.col("label").is_not_null()
        ).drop_nulls("p_model")
        y, p = past["label"].cast(pl.Float64).to_numpy(), past["p_model"].to_numpy()
        chance = metrics.auc_delong(y, p)
        assert abs(chance.value - 0.5) < 3 * (chance.high - chance.low) / 2 / metrics.Z95
        # What held at no earlier origin is shrunk away, not told with confidence.
        assert p.std() < 0.06
    assert set(evaluation["verdict"]) == {"no_signal"}
    _only_the_base_rate(predictions)


def _only_the_base_rate(predictions: pl.DataFrame) -> None:
    alive = predictions.filter("eligible")
    assert len(alive) and set(alive["model_id"]) == {"base_rate"}
    assert alive.group_by("definition_id").agg(pl.col("p_churn").n_unique())["p_churn"].max() == 1
    told = ["p_low", "p_high", "risk_decile", "risk_band", "expected_loss", "reason_1", "protect_1"]
    assert alive.select(told).null_count().row(0) == (len(alive),) * len(told)
    assert not predictions["model_beats_baseline"].any()


@pytest.mark.parametrize(
    ("p_model", "verdict"), [("p_base_rate", "no_signal"), ("p_baseline", "baseline")]
)
def test_the_base_rate_is_a_baseline_of_its_own(
    known: pl.DataFrame, scores: pl.DataFrame, p_model: str, verdict: str
) -> None:
    """Neither beats it: no signal. Recency does and the model is no better: recency."""
    p_baseline = "p_base_rate" if verdict == "no_signal" else "p_baseline"
    changed = scores.with_columns(p_model=p_model, p_baseline=p_baseline)
    evaluation, predictions = _publish(known, changed)
    own = evaluation.filter(pl.col("definition_id") == "purchase_90d")
    assert set(own["verdict"]) == {verdict}
    loss = own.filter(
        pl.col("metric") == "log_loss", pl.col("evaluated_origin") == "all"
    ).to_dicts()[0]
    assert (loss["metric_value"] < loss["base_rate_value"]) == (verdict == "baseline")
    mine = predictions.filter(pl.col("definition_id") == "purchase_90d")
    if verdict == "no_signal":
        _only_the_base_rate(mine)
    else:
        assert set(mine.filter("eligible")["model_id"]) == {"recency_baseline"}


def test_the_base_rate_knows_only_origins_matured_before(
    known: pl.DataFrame, scores: pl.DataFrame
) -> None:
    own = known.filter(pl.col("definition_id") == "purchase_90d", ~pl.col("is_lapsed"))
    found = scores.filter(pl.col("definition_id") == "purchase_90d")
    rates = dict(found.group_by("origin").agg(pl.col("p_base_rate").unique()).iter_rows())
    assert len(rates) > 4
    for origin, rate in rates.items():
        before = own.filter(pl.col("origin") + timedelta(days=90) <= origin)["label"]
        assert rate == [pytest.approx((before.sum() + 0.5) / (len(before) + 1), abs=1e-8)]


def test_a_reason_is_on_the_side_of_its_reference_and_a_topic_speaks_once(
    known: pl.DataFrame, scores: pl.DataFrame
) -> None:
    columns = feature_columns()
    today = known.filter((pl.col("origin") == AS_OF) & ~pl.col("is_lapsed"))
    told = 0
    for row in scores.filter(pl.col("origin") == AS_OF).drop_nulls("reason_1").to_dicts():
        own = today.filter(pl.col("definition_id") == row["definition_id"])
        value = own.row(by_predicate=pl.col("customer_id") == row["customer_id"], named=True)
        named = [row[f"reason_{n}_feature"] for n in (1, 2, 3) if row[f"reason_{n}_feature"]]
        topics = [columns[name].topic or name for name in named]
        assert len(topics) == len(set(topics))
        for name in named:
            if columns[name].sign and value[name] is not None:
                average = "{a" in str(columns[name].phrase)
                reference = own[name].mean() if average else own[name].median()
                assert columns[name].sign * (value[name] - reference) > 0, (name, value[name])
                told += 1
    assert told > 100


def test_bands_are_the_riskiest_shares_and_equal_risks_share_one() -> None:
    p = np.array([0.9, 0.8, 0.8, 0.7, 0.5, 0.5, 0.4, 0.3, 0.2, 0.1])
    shares = {"high": 0.2, "medium": 0.3}
    assert _bands(p, shares).tolist() == ["high", *["medium"] * 3, *["low"] * 6]
    assert _bands(p, {"high": 3, "medium": 0.1}).tolist() == [*["high"] * 3, "medium", *["low"] * 6]
    assert set(_bands(np.full(10, 0.9), shares)) == {"low"}


def test_what_past_bands_came_to_stands_beside(known: pl.DataFrame, scores: pl.DataFrame) -> None:
    evaluation, predictions = _publish(known, scores)
    own = evaluation.filter(pl.col("definition_id") == "purchase_90d")
    pooled = {
        row["metric"]: row for row in own.filter(pl.col("evaluated_origin") == "all").to_dicts()
    }
    high, low = pooled["churn_high"], pooled["churn_low"]
    assert high["metric_value"] > high["base_rate_value"] > low["metric_value"]
    assert (
        sum(pooled[f"churn_{band}"]["n"] for band in ("high", "medium", "low"))
        == pooled["auc"]["n"]
    )
    alive = predictions.filter(pl.col("eligible"), pl.col("definition_id") == "purchase_90d")
    assert 0 < (alive["risk_band"] == "high").sum() <= 0.2 * len(alive)
    lapsed = predictions.filter(~pl.col("eligible"))
    assert len(lapsed) == known.filter((pl.col("origin") == AS_OF) & pl.col("is_lapsed")).height > 0
    assert lapsed["p_churn"].null_count() == lapsed["risk_band"].null_count() == len(lapsed)
    assert lapsed["p_return"].unique().to_list() == [
        pytest.approx(1 - pooled["churn_lapsed"]["metric_value"])
    ]


def test_what_is_published(known: pl.DataFrame, scores: pl.DataFrame) -> None:
    evaluation, predictions = _publish(known, scores)
    pooled = evaluation.filter(
        (pl.col("evaluated_origin") == "all") & (pl.col("definition_id") == "purchase_90d")
    )
    auc = pooled.filter(pl.col("metric") == "auc").to_dicts()[0]
    assert auc["verdict"] == "model" and auc["metric_value"] > auc["baseline_value"]
    own = predictions.filter(pl.col("eligible"), pl.col("definition_id") == "purchase_90d")
    assert own["model_beats_baseline"].all() and own["model_id"][0].startswith("scorecard_")
    assert (own["p_low"] <= own["p_churn"]).all() and (own["p_churn"] <= own["p_high"]).all()
    assert own.group_by("p_churn").agg(pl.col("risk_decile").n_unique())["risk_decile"].max() == 1
    assert own["expected_loss"].null_count() == 0 and not own["in_holdout"].any()
    assert own["reason_1"].drop_nulls().str.contains(r"\d").any()
    value = known.filter((pl.col("origin") == AS_OF) & (pl.col("definition_id") == "purchase_90d"))
    joined = own.join(value.select("customer_id", "value_at_risk"), on="customer_id")
    wanted = (joined["p_churn"] * joined["value_at_risk"].cast(pl.Float64)).to_numpy()
    assert np.allclose(joined["expected_loss"].cast(pl.Float64).to_numpy(), wanted, atol=0.0051)
    bins = calibration_bins(scores, BINS)
    n = bins.filter((pl.col("scorer") == "model") & (pl.col("definition_id") == "purchase_90d"))[
        "n"
    ].sum()
    assert n == auc["n"]


def test_a_losing_model_gives_way_to_recency(known: pl.DataFrame, scores: pl.DataFrame) -> None:
    evaluation, _ = _publish(known, scores)
    lost = evaluation.with_columns(verdict=pl.lit("baseline"))
    predictions = churn_predictions(known, scores, lost, AS_OF, CONFIG, PREDICTIONS)
    predictions = predictions.filter("eligible")
    today = scores.filter(pl.col("origin") == AS_OF).sort("definition_id", "customer_id")
    assert predictions["p_churn"].equals(today["p_baseline"].alias("p_churn"))
    assert set(predictions["reason_1_feature"].drop_nulls()) == {
        "f_days_since_order",
        "f_days_since_active",
    }
    assert predictions["reason_2"].null_count() == len(predictions)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"evaluated_origins_min": 99}, "99 are needed"),
        ({"class_min": 10_000}, "10000 of each kind are needed"),
    ],
)
def test_too_little_to_judge_by(known: pl.DataFrame, changed: dict[str, Any], why: str) -> None:
    settings = CONFIG | changed
    found = churn_scores(known, AS_OF, settings, SCORES)
    assert found["p_model"].null_count() == len(found)
    evaluation = model_evaluation(known, found, settings, EVALUATION)
    assert (
        set(evaluation["verdict"]) == {"insufficient"}
        and evaluation["reason"].str.contains(why).all()
    )
    predictions = churn_predictions(known, found, evaluation, AS_OF, settings, PREDICTIONS)
    _only_the_base_rate(predictions)
    assert len(predictions) == len(known.filter(pl.col("origin") == AS_OF))


def test_nothing_at_all_is_no_error() -> None:
    nothing = features({}, AS_OF)
    found = churn_scores(nothing, AS_OF, CONFIG, SCORES)
    evaluation, predictions = _publish(nothing, found)
    assert len(found) == len(predictions) == len(calibration_bins(found, BINS)) == 0
    assert set(evaluation["verdict"]) == {"insufficient"}
    assert refusal(nothing, CONFIG) is not None


def test_the_holdout_is_a_share_and_stays(known: pl.DataFrame, scores: pl.DataFrame) -> None:
    settings = CONFIG | {"holdout_share": 0.2}
    evaluation, _ = _publish(known, scores)
    first = churn_predictions(known, scores, evaluation, AS_OF, settings, PREDICTIONS)
    assert 0.12 < first.unique("customer_id")["in_holdout"].mean() < 0.28
    assert (
        first.group_by("customer_id").agg(pl.col("in_holdout").n_unique())["in_holdout"].max() == 1
    )
