"""How good the churn scores are, against recency and the base rate, and what may therefore be
published of them.
"""

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
BANDS = ("high", "medium", "low")
_EVALUATED = ("definition_id", "origin", "horizon_days", "is_lapsed", "label")
_VALUED = ("definition_id", "customer_id", "horizon_days", "is_lapsed", "value_at_risk")
_ROW = ("origin", "customer_id", "label")
SCORERS = ("p_model", "p_baseline", "p_base_rate")


def model_evaluation(
    churn_features: pl.LazyFrame,
    churn_scores: pl.LazyFrame,
    config: dict[str, Any],
    schema: pl.Schema,
) -> pl.DataFrame:
    """Out-of-time metrics per origin and of all, beside recency and the base rate on the same rows,
    the churn that each risk band came to, and the verdict.

    The best baseline is recency where its log-loss clearly beats the base rate's (paired 95 %
    interval above zero), else the base rate. verdict model: AUC and log-loss clearly beat the best
    baseline's, and log-loss is no worse than the other's. auc interval: DeLong, clustered by
    customer for all origins; the others: Poisson bootstrap over customers; bands: Wilson. ece of
    all origins is the mean of each origin's, for errors of two origins may not cancel.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    # As for the scores: the last bits must not depend on the machine's cores.
    with threadpool_limits(limits=1):
        records = _evaluated(
            churn_features.lazy().select(_EVALUATED).collect(),
            churn_scores.lazy()
            .filter(pl.col("label").is_not_null())
            .select("definition_id", *_ROW, *SCORERS)
            .collect(),
            config,
        )
    frame = pl.DataFrame(records, schema=schema)
    values = ("metric_value", "low", "high", "baseline_value", "base_rate_value")
    return frame.with_columns(pl.col(values).round(9))


def _evaluated(
    known: pl.DataFrame, scored: pl.DataFrame, config: dict[str, Any]
) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = []
    for definition_id in sorted(definitions(config)):
        own = known.filter(pl.col("definition_id") == definition_id)
        past = scored.filter(pl.col("definition_id") == definition_id)
        why = refusal(own.filter(~pl.col("is_lapsed")), config)
        if why is not None:
            records += _refused(definition_id, past, why)
            continue
        past = past.filter(pl.all_horizontal(pl.col(SCORERS).is_not_null()))
        verdict, reason = _verdict(past)
        lapsed = own.filter("is_lapsed", pl.col("origin").is_in(past["origin"].unique().to_list()))
        for name, rows in _slices(past):
            y, scores, clusters, origins = _arrays(rows)
            if 0 < y.sum() < len(y):
                estimates = metrics.evaluate(
                    y, scores["p_model"], clusters, config["bootstrap_replicates"], config["seed"],
                    origins, config["sample_rows"],
                )  # fmt: skip
                baseline, base_rate = (
                    metrics.point_metrics(y, scores[scorer], origins) for scorer in SCORERS[1:]
                )
                for metric in METRICS:
                    found = estimates[metric]
                    records.append(
                        _record(definition_id, name, metric, len(y), y.sum(), verdict, reason)
                        | {"metric_value": found.value, "low": found.low, "high": found.high}
                        | {"baseline_value": baseline[metric]}
                        | {"base_rate_value": base_rate[metric]}
                    )
            gone = (
                lapsed if name == "all" else lapsed.filter(pl.col("origin").cast(pl.String) == name)
            )
            for metric, came in _bands_came_to(rows, gone, config["risk_bands"]).items():
                n, hits = came.pop("n"), came.pop("n_positive")
                records.append(
                    _record(definition_id, name, metric, n, hits, verdict, reason) | came
                )
    return records


def _verdict(past: pl.DataFrame) -> tuple[str, str]:
    y, scores, clusters, _ = _arrays(past)
    model, recency, rate = (scores[scorer] for scorer in SCORERS)
    simple = metrics.log_loss_gain(y, recency, rate, clusters)
    is_recency_best = simple.low > 0
    best, other = (recency, rate) if is_recency_best else (rate, recency)
    # The base rate ranks nobody: its AUC is a coin's, however the rates of the origins differ.
    rank = metrics.auc_gain(y, model, recency if is_recency_best else np.zeros(len(y)), clusters)
    loss = metrics.log_loss_gain(y, model, best, clusters)
    wins = (
        rank.low > 0
        and loss.low > 0
        and metrics.log_loss_gain(y, model, other, clusters).value >= 0
    )
    name = "recency" if is_recency_best else "the base rate"
    told = (
        f"against {name}: AUC {rank.value:+.4f} [{rank.low:+.4f}, {rank.high:+.4f}], "
        f"log-loss gain {loss.value:+.4f} [{loss.low:+.4f}, {loss.high:+.4f}]"
    )
    if wins:
        return "model", told
    if is_recency_best:
        return "baseline", f"{told}: not a clear gain in both, so recency is published"
    return "no_signal", (
        f"{told}: no clear gain in both, and recency has none either (log-loss gain "
        f"{simple.value:+.4f} [{simple.low:+.4f}, {simple.high:+.4f}]), so only the base rate is "
        "published"
    )


def _bands(p: Floats, sizes: dict[str, float]) -> Any:
    """high, medium or low for each p. Equal p, equal band; of those on a bound the lower one, so
    that no band above is larger than its share, or, from 1 on, its number of customers.
    """
    high, medium = (sizes[band] * (len(p) if sizes[band] < 1 else 1) for band in BANDS[:2])
    reached = len(p) - np.searchsorted(np.sort(p), p, side="left")
    return np.where(reached <= high, "high", np.where(reached <= high + medium, "medium", "low"))


def _bands_came_to(
    past: pl.DataFrame, lapsed: pl.DataFrame, sizes: dict[str, float]
) -> dict[str, dict[str, Any]]:
    """Churn by risk band, each origin's bands drawn at that origin, and that of those lapsed."""
    came: dict[str, dict[str, Any]] = {}
    label, origins = past["label"].to_numpy(), codes(past["origin"])
    model, baseline = np.empty((2, len(label)), dtype="<U6")
    for origin in np.unique(origins):
        own = origins == origin
        model[own] = _bands(past["p_model"].to_numpy()[own], sizes)
        baseline[own] = _bands(past["p_baseline"].to_numpy()[own], sizes)
    for band in BANDS:
        if (model == band).any():
            came[f"churn_{band}"] = _share(label[model == band]) | {
                "baseline_value": label[baseline == band].mean() if band in baseline else None,
                "base_rate_value": label.mean(),
            }
    if len(lapsed):
        came["churn_lapsed"] = _share(lapsed["label"].to_numpy())
    return came


def _share(label: Ints) -> dict[str, Any]:
    n, hits = len(label), int(label.sum())
    low, high = wilson(hits, n)
    return {"n": n, "n_positive": hits, "metric_value": hits / n, "low": low, "high": high}


def _refused(definition_id: str, past: pl.DataFrame, why: str) -> list[dict[str, Any]]:
    judged = past.filter(pl.col("p_baseline").is_not_null())
    y, scores, _, origins = _arrays(judged)
    records = [
        _record(definition_id, "all", metric, len(y), y.sum(), "insufficient", f"no model: {why}")
        for metric in METRICS
    ]
    if not 0 < y.sum() < len(y):
        return records
    known = {
        key: metrics.point_metrics(y, scores[scorer], origins)
        for key, scorer in (("baseline_value", "p_baseline"), ("base_rate_value", "p_base_rate"))
    }
    return [
        record | {key: values[record["metric"]] for key, values in known.items()}
        for record in records
    ]


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
        "high": None, "baseline_value": None, "base_rate_value": None, "n": n,
        "n_positive": int(n_positive), "verdict": verdict, "reason": reason,
    }  # fmt: skip


def _slices(past: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    yield "all", past
    for origin in past["origin"].unique().sort():
        yield origin.isoformat(), past.filter(pl.col("origin") == origin)


def _arrays(past: pl.DataFrame) -> tuple[Floats, dict[str, Floats], Ints, Ints]:
    """Labels, probabilities by scorer, codes of customers and of origins."""
    y = past["label"].cast(pl.Float64).to_numpy()
    scores = {scorer: past[scorer].to_numpy() for scorer in SCORERS}
    return y, scores, codes(past["customer_id"]), codes(past["origin"])


def calibration_bins(churn_scores: pl.LazyFrame, schema: pl.Schema) -> pl.DataFrame:
    """Ten mid-rank bins of the pooled out-of-time probabilities: promised against observed,
    Wilson's 95 % interval.
    """
    records = []
    past = (
        churn_scores.lazy()
        .filter(pl.col("label").is_not_null())
        .select("definition_id", "label", *SCORERS[:2])
        .collect()
    )
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
    churn_features: pl.LazyFrame,
    churn_scores: pl.LazyFrame,
    model_evaluation: pl.DataFrame,
    as_of: date,
    config: dict[str, Any],
    schema: pl.Schema,
) -> pl.DataFrame:
    """Today's probabilities by what the verdict says: the model's or recency's, with the reasons of
    the one published, or the bare base rate; who has lapsed gets none.

    p_low and p_high: 95 % by the delta method on the logit (logit ± 1.96 standard errors), the
    uncertainty of the probability, not of the outcome. expected_loss = p_churn × value_at_risk.
    risk_decile 10 is the riskiest; equal p, equal decile. p_return: of those who had lapsed at past
    origins, the share that ordered within the horizon.
    """
    frames = []
    for definition_id in sorted(definitions(config)):
        own = pl.col("definition_id") == definition_id
        judged = model_evaluation.filter(own)
        verdict = judged["verdict"][0] if len(judged) else "insufficient"
        here = own & (pl.col("origin") == as_of)
        now = churn_features.lazy().filter(here).select(*_VALUED).collect()
        chosen = {"model": "p_model", "baseline": "p_baseline"}.get(verdict, "p_base_rate")
        today = churn_scores.lazy().filter(here & pl.col(chosen).is_not_null()).collect()
        today = today.sort("customer_id")
        value = now.select("customer_id", "value_at_risk")
        today = today.join(value, on="customer_id", how="left", maintain_order="left")
        if chosen == "p_base_rate":
            scored = _as_base_rate(today)
        else:
            scored = _published(today if verdict == "model" else _as_baseline(today), config)
        gone = judged.filter(
            (pl.col("evaluated_origin") == "all") & (pl.col("metric") == "churn_lapsed")
        )
        returned = 1 - gone["metric_value"][0] if len(gone) else None
        lapsed = now.filter("is_lapsed").select("definition_id", "customer_id", "horizon_days")
        lapsed = lapsed.with_columns(eligible=False, p_return=pl.lit(returned, pl.Float64).round(9))
        everybody = pl.concat([scored, lapsed], how="diagonal_relaxed")
        everybody = everybody.with_columns(
            kind=pl.lit(definition_id.split("_")[0]),
            model_beats_baseline=pl.lit(verdict == "model"),
            in_holdout=pl.Series(
                [_in_holdout(one, config["holdout_share"]) for one in everybody["customer_id"]],
                dtype=pl.Boolean,
            ),
        )
        everybody = everybody.with_columns(
            pl.lit(None).alias(name) for name in schema if name not in everybody.columns
        )
        frames.append(everybody.select(pl.col(name).cast(kind) for name, kind in schema.items()))
    return pl.concat(frames).sort("definition_id", "customer_id")


def _as_base_rate(today: pl.DataFrame) -> pl.DataFrame:
    """Everybody's churn is the base rate: no decile, band, reason or loss tells one from another."""
    return today.select(
        "definition_id",
        "customer_id",
        "horizon_days",
        eligible=pl.lit(True),
        p_churn=pl.col("p_base_rate"),
        model_id=pl.lit("base_rate"),
    )


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


def _published(today: pl.DataFrame, config: dict[str, Any]) -> pl.DataFrame:
    logit, error = today["logit"].to_numpy(), today["logit_se"].to_numpy()
    p = today["p_model"].to_numpy()
    value = today["value_at_risk"].cast(pl.Float64).to_numpy()
    return today.with_columns(
        eligible=pl.lit(True),
        p_churn=pl.col("p_model"),
        p_low=pl.Series(np.round(sigmoid(logit - Z95 * error), 9)),
        p_high=pl.Series(np.round(sigmoid(logit + Z95 * error), 9)),
        risk_decile=pl.Series(metrics.mid_rank_bin(p, 10) + 1),
        risk_band=pl.Series(_bands(p, config["risk_bands"]), dtype=pl.String),
        expected_loss=pl.Series(np.round(p * np.maximum(value, 0.0), 2)).fill_nan(None),
    )


def _in_holdout(customer_id: str, share: float) -> bool:
    return (
        int(md5(f"holdout:{customer_id}".encode(), usedforsecurity=False).hexdigest()[:8], 16)
        < share * 2**32
    )
