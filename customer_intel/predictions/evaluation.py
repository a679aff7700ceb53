"""How good the churn scores are, against recency, and what may therefore be published of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from hashlib import md5
from typing import Any

import numpy as np
import polars as pl

from customer_intel.core.statistics import Z95, wilson
from customer_intel.predictions import metrics
from customer_intel.predictions.churn import NOTABLE, codes, definitions, refusal
from customer_intel.predictions.metrics import Floats, Ints
from customer_intel.predictions.scorecard import sigmoid

METRICS = ("auc", "ap", "log_loss", "brier", "ece", "lift_decile")


def model_evaluation(
    churn_features: pl.DataFrame,
    churn_scores: pl.DataFrame,
    config: dict[str, Any],
    schema: pl.Schema,
) -> pl.DataFrame:
    """Out-of-time metrics per origin and pooled, beside the recency baseline on the same rows, and
    the verdict.

    verdict model: pooled AUC and pooled log-loss both beat the baseline's, with the paired 95 %
    interval above zero. auc interval: DeLong, clustered by customer when pooled; the others:
    Poisson bootstrap over customers.
    """
    records: list[dict[str, Any]] = []
    for definition_id in sorted(definitions(config)):
        own = churn_features.filter(pl.col("definition_id") == definition_id)
        past = churn_scores.filter(
            (pl.col("definition_id") == definition_id) & pl.col("label").is_not_null()
        )
        why = refusal(own, config)
        if why is not None:
            records += _refused(definition_id, past, why)
            continue
        past = past.filter(pl.col("p_model").is_not_null() & pl.col("p_baseline").is_not_null())
        verdict, reason = _verdict(past)
        for name, y, p, base, clusters in _slices(past):
            if not 0 < y.sum() < len(y):
                continue
            estimates = metrics.evaluate(
                y, p, clusters, config["bootstrap_replicates"], config["seed"]
            )
            baseline = metrics.point_metrics(y, base)
            for metric in METRICS:
                found = estimates[metric]
                records.append(
                    _record(definition_id, name, metric, len(y), y.sum(), verdict, reason)
                    | {"metric_value": found.value, "low": found.low, "high": found.high}
                    | {"baseline_value": baseline[metric]}
                )
    frame = pl.DataFrame(records, schema=schema)
    return frame.with_columns(pl.col("metric_value", "low", "high", "baseline_value").round(9))


def _verdict(past: pl.DataFrame) -> tuple[str, str]:
    y, p, base, clusters = _arrays(past)
    rank, loss = metrics.auc_gain(y, p, base, clusters), metrics.log_loss_gain(y, p, base, clusters)
    wins = rank.low > 0 and loss.low > 0
    told = (
        f"against recency: AUC {rank.value:+.4f} [{rank.low:+.4f}, {rank.high:+.4f}], "
        f"log-loss gain {loss.value:+.4f} [{loss.low:+.4f}, {loss.high:+.4f}]"
    )
    return (
        ("model", told)
        if wins
        else ("baseline", f"{told}: not a clear gain in both, so recency is published")
    )


def _refused(definition_id: str, past: pl.DataFrame, why: str) -> list[dict[str, Any]]:
    judged = past.filter(pl.col("p_baseline").is_not_null())
    y, base = judged["label"].cast(pl.Float64).to_numpy(), judged["p_baseline"].to_numpy()
    records = [
        _record(definition_id, "all", metric, len(y), y.sum(), "insufficient", f"no model: {why}")
        for metric in METRICS
    ]
    if 0 < y.sum() < len(y):
        baseline = metrics.point_metrics(y, base)
        records = [record | {"baseline_value": baseline[record["metric"]]} for record in records]
    return records


def _record(
    definition_id: str,
    origin: str,
    metric: str,
    n: int,
    n_positive: float,
    verdict: str,
    reason: str,
) -> dict[str, Any]:
    return {
        "definition_id": definition_id, "evaluated_origin": origin, "metric": metric, "metric_value": None, "low": None,
        "high": None, "baseline_value": None, "n": n, "n_positive": int(n_positive), "verdict": verdict,
        "reason": reason,
    }  # fmt: skip


def _slices(past: pl.DataFrame) -> Iterator[tuple[str, Floats, Floats, Floats, Ints]]:
    yield "all", *_arrays(past)
    for origin in past["origin"].unique().sort():
        yield origin.isoformat(), *_arrays(past.filter(pl.col("origin") == origin))


def _arrays(past: pl.DataFrame) -> tuple[Floats, Floats, Floats, Ints]:
    y = past["label"].cast(pl.Float64).to_numpy()
    return y, past["p_model"].to_numpy(), past["p_baseline"].to_numpy(), codes(past["customer_id"])


def calibration_bins(churn_scores: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """Ten mid-rank bins of the pooled out-of-time probabilities: promised against observed,
    Wilson's 95 % interval.
    """
    records = []
    past = churn_scores.filter(pl.col("label").is_not_null())
    for definition_id in sorted(past["definition_id"].unique()):
        for scorer, column in (("model", "p_model"), ("recency_baseline", "p_baseline")):
            own = past.filter(
                (pl.col("definition_id") == definition_id) & pl.col(column).is_not_null()
            )
            p, y = own[column].to_numpy(), own["label"].cast(pl.Float64).to_numpy()
            bins = metrics.mid_rank_bin(p, 10)
            for number in np.unique(bins):
                inside = bins == number
                n, hits = int(inside.sum()), int(y[inside].sum())
                low, high = wilson(hits, n)
                records.append(
                    {
                        "definition_id": definition_id, "scorer": scorer, "bin": int(number) + 1, "n": n,
                        "n_positive": hits, "mean_predicted": float(p[inside].mean()), "observed_share": hits / n,
                        "low": low, "high": high,
                    }
                )  # fmt: skip
    frame = pl.DataFrame(records, schema=schema)
    return frame.with_columns(pl.col("mean_predicted", "observed_share", "low", "high").round(9))


def churn_predictions(
    churn_features: pl.DataFrame,
    churn_scores: pl.DataFrame,
    model_evaluation: pl.DataFrame,
    as_of: date,
    config: dict[str, Any],
    schema: pl.Schema,
) -> pl.DataFrame:
    """Today's probabilities: the model's where it beat recency, else recency's, with the reasons of
    the one published.

    p_low and p_high: 95 % by the delta method on the logit (logit ± 1.96 standard errors), the
    uncertainty of the probability, not of the outcome. expected_loss = p_churn × value_at_risk.
    risk_decile 10 is the riskiest; equal p, equal decile.
    """
    winners = (
        model_evaluation.filter(pl.col("verdict") == "model")["definition_id"].unique().to_list()
    )
    frames = []
    for definition_id in sorted(definitions(config)):
        here = (pl.col("definition_id") == definition_id) & (pl.col("origin") == as_of)
        beats = definition_id in winners
        chosen = pl.col("p_model" if beats else "p_baseline").is_not_null()
        today = churn_scores.filter(here & chosen).sort("customer_id")
        if not len(today):
            continue
        value = churn_features.filter(here).select("customer_id", "value_at_risk")
        today = today.join(value, on="customer_id", how="left", maintain_order="left")
        frames.append(_published(today if beats else _as_baseline(today), beats, config, schema))
    return pl.concat(frames) if frames else pl.DataFrame(schema=schema)


def _as_baseline(today: pl.DataFrame) -> pl.DataFrame:
    """The same rows with the baseline's probability and its one reason in the model's place."""
    raises = pl.col("baseline_logodds") >= NOTABLE
    none = pl.lit(None)
    return today.with_columns(
        p_model=pl.col("p_baseline"),
        logit=pl.col("baseline_logit"),
        logit_se=pl.col("baseline_logit_se"),
        model_id=pl.lit("recency_baseline"),
        reason_1=pl.when(raises).then("baseline_reason"),
        reason_1_feature=pl.when(raises).then("baseline_feature"),
        reason_1_logodds=pl.when(raises).then("baseline_logodds"),
        protect_1=pl.when(pl.col("baseline_logodds") <= -NOTABLE).then("baseline_reason"),
        **{
            f"reason_{place}{part}": none
            for place in (2, 3)
            for part in ("", "_feature", "_logodds")
        },
    )


def _published(
    today: pl.DataFrame, beats: bool, config: dict[str, Any], schema: pl.Schema
) -> pl.DataFrame:
    logit, error = today["logit"].to_numpy(), today["logit_se"].to_numpy()
    p = today["p_model"].to_numpy()
    value = today["value_at_risk"].cast(pl.Float64).to_numpy()
    bands = config["risk_bands"]
    frame = today.with_columns(
        kind=pl.col("definition_id").str.split("_").list.first(),
        eligible=pl.lit(True),
        p_churn=pl.col("p_model"),
        p_low=pl.Series(np.round(sigmoid(logit - Z95 * error), 9)),
        p_high=pl.Series(np.round(sigmoid(logit + Z95 * error), 9)),
        risk_decile=pl.Series(metrics.mid_rank_bin(p, 10) + 1),
        risk_band=pl.when(pl.col("p_model") >= bands["high"])
        .then(pl.lit("high"))
        .when(pl.col("p_model") >= bands["medium"])
        .then(pl.lit("medium"))
        .otherwise(pl.lit("low")),
        expected_loss=pl.Series(np.round(p * np.maximum(value, 0.0), 2)).fill_nan(None),
        model_beats_baseline=pl.lit(beats),
        in_holdout=pl.Series(
            [_in_holdout(customer, config["holdout_share"]) for customer in today["customer_id"]]
        ),
    )
    return frame.select(pl.col(name).cast(kind) for name, kind in schema.items())


def _in_holdout(customer_id: str, share: float) -> bool:
    return (
        int(md5(f"holdout:{customer_id}".encode(), usedforsecurity=False).hexdigest()[:8], 16)
        < share * 2**32
    )
