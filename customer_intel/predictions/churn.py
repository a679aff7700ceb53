"""Churn: scores of past origins by models that could only see what came before, and of today by the
final one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from customer_intel.core.contract.load import load
from customer_intel.core.contract.model import Column
from customer_intel.predictions.metrics import Floats, Ints, log_losses
from customer_intel.predictions.reasons import Phrasebook
from customer_intel.predictions.scorecard import (
    NO_RIDGE_C,
    RIDGE_C,
    RIDGES,
    Scorecard,
    fit_each,
    sigmoid,
)

N_REASONS = 3
# A topic that weighs less moves a probability by about a point at most, so it is no reason.
NOTABLE = 0.05


@dataclass(frozen=True)
class Rows:
    """Feature rows as arrays. `y` is NaN where the label is not matured; `clusters` are customers
    as 0..k-1.
    """

    frame: pl.DataFrame
    origin: Any
    y: Floats
    clusters: Ints
    features: dict[str, Floats]

    @staticmethod
    def of(frame: pl.DataFrame) -> Rows:
        """The rows of churn_features; columns f_… are features, the label may be missing."""
        return Rows(
            frame,
            frame["origin"].to_numpy().astype("datetime64[D]"),
            frame["label"].cast(pl.Float64).to_numpy(),
            codes(frame["customer_id"]),
            {name: frame[name].cast(pl.Float64).to_numpy() for name in feature_columns()},
        )

    def take(self, mask: Any) -> tuple[dict[str, Floats], Floats, Ints]:
        """Features, labels and customers' codes of the rows where `mask` holds."""
        return (
            {name: values[mask] for name, values in self.features.items()},
            self.y[mask],
            self.clusters[mask],
        )


@dataclass(frozen=True)
class Rolled:
    """Out-of-time logits of past rows (NaN where no earlier origin could train) and the final
    scorecard.
    """

    logits: Floats
    final: Scorecard | None


def feature_columns() -> Mapping[str, Column]:
    """What a model learns from, by name: the contract's entries, with the phrases of reasons."""
    return load().table("churn_features").feature_columns


def definitions(config: dict[str, Any]) -> dict[str, str]:
    """definition_id → the recency feature that its baseline uses. Named as churn_features.sql names
    them.
    """
    return {
        f"purchase_{config['purchase_horizon_days']}d": "f_days_since_order",
        f"subscription_{config['subscription_horizon_days']}d": "f_days_since_active",
    }


def churn_scores(
    churn_features: pl.DataFrame, as_of: date, config: dict[str, Any], schema: pl.Schema
) -> pl.DataFrame:
    """Scores of past origins by models that had seen only origins matured before them, and of as_of
    by the final one. Who has lapsed is neither learned from nor scored.

    Model: spline-logit scorecard. How much it is shrunk, and whether Platt's line through earlier
    out-of-time scores calibrates it, is what had the least log-loss on origins matured before.
    Baseline: logistic in log recency, calibrated or not likewise. Base rate: churn of the origins
    matured before. logit = intercept + contribution_sum, against a customer who has every
    reference that reasons name; logit_se by the delta method over coefficients (sandwich,
    clustered by customer) and calibration. A definition whose labels cannot judge a model has none.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    frames = []
    # One BLAS thread: the order of additions, hence the last bits, must not depend on the machine's
    # cores.
    with threadpool_limits(limits=1):
        for definition_id, recency in sorted(definitions(config).items()):
            frame = churn_features.filter(
                (pl.col("definition_id") == definition_id) & ~pl.col("is_lapsed")
            ).sort("origin", "customer_id")
            if len(frame):
                frames.append(_definition_scores(frame, recency, as_of, config, schema))
    return pl.concat(frames) if frames else pl.DataFrame(schema=schema)


def _definition_scores(
    frame: pl.DataFrame,
    recency: str,
    as_of: date,
    config: dict[str, Any],
    schema: pl.Schema,
) -> pl.DataFrame:
    rows = Rows.of(frame)
    horizon = int(frame["horizon_days"][0])
    model = None
    if refusal(frame, config) is None:
        model = _roll(rows, list(rows.features), horizon, config["class_min"], splines=True)
    baseline = _roll(rows, [recency], horizon, config["class_min"], splines=False)
    today = rows.origin == np.datetime64(as_of)
    columns: dict[str, Any] = {
        "definition_id": frame["definition_id"],
        "origin": frame["origin"],
        "customer_id": frame["customer_id"],
        "horizon_days": frame["horizon_days"],
        "label": frame["label"],
        "is_in_training": frame["label"].is_not_null(),
        "p_base_rate": np.round(_base_rate(rows, horizon), 9),
    }
    features, _, _ = rows.take(today)
    phrases = Phrasebook(features, feature_columns())
    empty = np.full(len(frame), np.nan)
    model_logit, baseline_logit = (model.logits if model else empty.copy()), baseline.logits
    if model and model.final and today.any():
        card = model.final
        contributions, base = _against_references(card, features, phrases)
        model_logit[today] = card.logit(features)
        columns |= {
            "model_id": _spread(today, [card.model_id("scorecard")] * int(today.sum())),
            "logit_se": _spread(today, np.round(card.standard_error(features), 9)),
            "intercept": _spread(today, np.full(int(today.sum()), base)),
            "contribution_sum": _spread(today, contributions.sum(axis=1)),
        }
        columns["logit"] = _spread(today, model_logit[today])
        for name, values in _explained(card.features, contributions, phrases).items():
            columns[name] = _spread(today, values)
    if baseline.final and today.any():
        card = baseline.final
        logodds = np.round(_against_references(card, features, phrases)[0][:, 0], 9)
        baseline_logit[today] = card.logit(features)
        columns |= {
            "baseline_logit": _spread(today, np.round(baseline_logit[today], 9)),
            "baseline_logit_se": _spread(today, np.round(card.standard_error(features), 9)),
            "baseline_reason": _spread(
                today, [phrases.words(recency, i) for i in range(len(logodds))]
            ),
            "baseline_feature": _spread(today, [recency] * len(logodds)),
            "baseline_logodds": _spread(today, logodds),
        }
    columns["p_model"] = np.round(sigmoid(model_logit), 9)
    columns["p_baseline"] = np.round(sigmoid(baseline_logit), 9)
    scored = ~np.isnan(columns["p_base_rate"])
    return _frame(columns, schema, len(frame)).filter(scored)


def _base_rate(rows: Rows, horizon: int) -> Floats:
    """Of each row, the churn of all origins matured before its own; half a case each way keeps it
    off 0 and 1.
    """
    rate, matured = np.full(len(rows.y), np.nan), ~np.isnan(rows.y)
    for origin in np.unique(rows.origin):
        known = rows.y[matured & (rows.origin + np.timedelta64(horizon, "D") <= origin)]
        if len(known):
            rate[rows.origin == origin] = (known.sum() + 0.5) / (len(known) + 1)
    return rate


def _roll(
    rows: Rows, names: Sequence[str], horizon: int, class_min: int, *, splines: bool
) -> Rolled:
    """Each origin is scored by a card of every strength, plain and calibrated; which of these
    counts is chosen anew at each origin, by the scores of the origins matured before it.
    """
    strengths = RIDGES if splines else (NO_RIDGE_C,)
    usual = strengths.index(RIDGE_C) if splines else 0
    signs = {name: column.sign for name, column in feature_columns().items()}
    # By strength, then by row.
    plain = np.full((len(strengths), len(rows.y)), np.nan)
    straightened, logits = plain.copy(), np.full(len(rows.y), np.nan)
    matured = ~np.isnan(rows.y)

    def fitted(mask: Any, ridges: Sequence[float], *, errors: bool = False) -> list[Scorecard]:
        features, y, clusters = rows.take(mask)
        if not _two_sided(y, class_min):
            return []
        own = {name: features[name] for name in names}
        return fit_each(own, y, clusters, ridges, splines=splines, errors=errors, signs=signs)

    def calibrated(card: Scorecard, at: int, mask: Any) -> Scorecard | None:
        known = rows.y[mask]
        if not _two_sided(known, class_min):
            return None
        line = card.calibrated(plain[at][mask], known, rows.clusters[mask])
        # A line that falls would turn every reason round.
        return line if line.slope > 0 else None

    def chosen(mask: Any) -> tuple[int, bool]:
        """Strength and whether to calibrate: the least log-loss over the rows of `mask`."""
        judged = mask & ~np.isnan(plain[0])
        if not judged.any():
            return usual, False
        rivals = np.vstack([plain, straightened])[:, judged]
        losses = [log_losses(rows.y[judged], sigmoid(rival)).mean() for rival in rivals]
        best = int(np.argmin(np.round(losses, 9)))
        return best % len(strengths), best >= len(strengths)

    for origin in np.unique(rows.origin[matured]):
        known_then = matured & (rows.origin + np.timedelta64(horizon, "D") <= origin)
        cards = fitted(known_then, strengths)
        if not cards:
            continue
        here = matured & (rows.origin == origin)
        features, _, _ = rows.take(here)
        scored = known_then & ~np.isnan(plain[0])
        best, is_calibrated = chosen(known_then)
        for at, card in enumerate(cards):
            plain[at, here] = card.logit(features)
            line = calibrated(card, at, scored) or card
            straightened[at, here] = line.recalibrated(plain[at, here])
        logits[here] = (straightened if is_calibrated else plain)[best, here]
    best, is_calibrated = chosen(matured)
    final = next(iter(fitted(matured, [strengths[best]], errors=True)), None)
    if final and is_calibrated:
        final = calibrated(final, best, matured & ~np.isnan(plain[0])) or final
    return Rolled(logits, final)


def _against_references(
    card: Scorecard, features: dict[str, Floats], phrases: Phrasebook
) -> tuple[Floats, float]:
    """Contributions against the values that reasons name as typical or average, and the log-odds of
    who has them all: so a curve that only rises raises the risk of exactly those above.
    """
    typical = {name: np.array([phrases.reference(name)]) for name in card.features}
    there = card.contributions(typical)
    return card.contributions(features) - there, card.base + float(there.sum())


def _explained(
    names: Sequence[str], contributions: Floats, phrases: Phrasebook
) -> dict[str, list[Any]]:
    """What raises the risk most, topic by topic, and the topic that lowers it most, in words.

    A topic weighs what its features weigh together, so no two reasons contradict each other; the
    feature that moves most that way tells it.
    """
    columns = feature_columns()
    topics: dict[str, list[int]] = {}
    for at, name in enumerate(names):
        topics.setdefault(columns[name].topic or name, []).append(at)
    members = list(topics.values())
    sums = np.column_stack([contributions[:, own].sum(axis=1) for own in members])
    order = np.argsort(-sums, axis=1, kind="stable")

    def told(row: int, topic: int) -> tuple[str | None, str | None, float | None]:
        weight, own = sums[row, topic], members[topic]
        teller = own[int(np.argmax(contributions[row, own] * np.sign(weight)))]
        return phrases.words(names[teller], row), names[teller], round(float(weight), 9)

    result: dict[str, list[Any]] = {}
    for place in range(N_REASONS):
        key = f"reason_{place + 1}"
        found = [
            told(row, ranked[place])
            if place < len(ranked) and sums[row, ranked[place]] >= NOTABLE
            else (None, None, None)
            for row, ranked in enumerate(order)
        ]
        for at, part in enumerate((key, f"{key}_feature", f"{key}_logodds")):
            result[part] = [one[at] for one in found]
    result["protect_1"] = [
        told(row, ranked[-1])[0] if sums[row, ranked[-1]] <= -NOTABLE else None
        for row, ranked in enumerate(order)
    ]
    return result


def refusal(frame: pl.DataFrame, config: dict[str, Any]) -> str | None:
    """Why no model can be judged on these feature rows of one definition; None when one can."""
    counts = (
        frame.filter(pl.col("label").is_not_null())
        .group_by("origin")
        .agg(n=pl.len(), positive=pl.col("label").sum())
        .sort("origin")
    )
    n, positive = int(counts["n"].sum() or 0), int(counts["positive"].sum() or 0)
    if n == 0:
        return (
            "no past origin with a matured label: the history is shorter than two horizons, or "
            "nobody was eligible"
        )
    if min(positive, n - positive) < config["class_min"]:
        return (
            f"{positive} of {n} matured labels are churn; {config['class_min']} of each kind "
            "are needed"
        )
    horizon = timedelta(days=int(frame["horizon_days"][0]))
    evaluated = 0
    for origin, size, churned in counts.iter_rows():
        earlier = counts.filter(pl.col("origin") + horizon <= origin)
        seen, gone = int(earlier["n"].sum() or 0), int(earlier["positive"].sum() or 0)
        evaluated += min(gone, seen - gone) >= config["class_min"] and 0 < churned < size
    if evaluated < config["evaluated_origins_min"]:
        return (
            f"{evaluated} past origins can be evaluated, {config['evaluated_origins_min']} are "
            "needed"
        )
    return None


def codes(values: pl.Series) -> Ints:
    """Equal values as equal whole numbers from 0."""
    return np.unique(values.to_numpy(), return_inverse=True)[1].astype(np.int64)


def _two_sided(y: Floats, class_min: int) -> bool:
    return bool(min(y.sum(), len(y) - y.sum()) >= class_min)


def _spread(mask: Any, values: Any) -> pl.Series:
    """`values` at the rows of `mask`, null elsewhere."""
    full = np.full(len(mask), None, dtype=object)
    full[mask] = values
    return pl.Series(full.tolist(), strict=False)


def _frame(columns: dict[str, Any], schema: pl.Schema, n: int) -> pl.DataFrame:
    series = []
    for name, kind in schema.items():
        values = columns.get(name)
        one = (
            pl.repeat(None, n, dtype=kind, eager=True)
            if values is None
            else pl.Series(values, strict=False)
        )
        one = one.cast(kind).alias(name)
        series.append(one.fill_nan(None) if kind == pl.Float64 else one)
    return pl.DataFrame(series)
