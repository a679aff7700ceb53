"""Churn: scores of past origins by models that could only see what came before, and of today by the
final one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from zlib import crc32

import numpy as np
import polars as pl

from customer_intel.core.contract.load import load
from customer_intel.core.contract.model import Column
from customer_intel.predictions.coded import Coded
from customer_intel.predictions.metrics import Floats, Ints, log_losses
from customer_intel.predictions.reasons import Phrasebook
from customer_intel.predictions.scorecard import (
    NO_RIDGE_C,
    RIDGE_C,
    RIDGES,
    Scorecard,
    fit_each,
    raw_logits,
    sigmoid,
)

N_REASONS = 3
_ORDER = ("origin", "customer_id")
# Features read at once.
_AT_ONCE = 3
_KEPT = (*_ORDER, "horizon_days", "label")
# A topic that weighs less moves a probability by about a point at most, so it is no reason.
NOTABLE = 0.05


@dataclass(frozen=True)
class Rows:
    """Feature rows as arrays. `y` is NaN where the label is not matured; `clusters` are customers
    as 0..k-1, `chance` a number in [0, 1) that a customer keeps, by which samples of about
    `sample_rows` are drawn.
    """

    origin: Any
    y: Floats
    clusters: Ints
    chance: Floats
    sample_rows: int
    features: dict[str, Coded]

    @staticmethod
    def of(frame: pl.DataFrame, known: pl.LazyFrame, seed: int, sample_rows: int) -> Rows:
        """`frame`: origin, customer_id and label, in order; `known`: those rows of churn_features in
        any order, whose columns f_… are features.
        """
        clusters = codes(frame["customer_id"])
        chance = np.zeros(len(frame))
        if len(frame) > sample_rows:
            customers = frame["customer_id"].unique().sort()
            drawn = (crc32(f"{seed}:{one}".encode()) / 2**32 for one in customers)
            chance = np.fromiter(drawn, np.float64, len(customers))[clusters]
        features = {}
        names = list(feature_columns())
        # A few columns at a time: as codes they take half the memory. Ids only where the order of
        # rows is another.
        order = frame.select("origin", pl.col("customer_id").hash())
        for start in range(0, len(names), _AT_ONCE):
            some = names[start : start + _AT_ONCE]
            part = known.select("origin", pl.col("customer_id").hash(), *some).collect()
            if not part.select(_ORDER).equals(order):
                part = known.select(*_ORDER, *some).collect().sort(_ORDER)
            for name in some:
                features[name] = Coded.of(part[name].cast(pl.Float64).to_numpy())
        return Rows(
            frame["origin"].to_numpy().astype("datetime64[D]"),
            frame["label"].cast(pl.Float64).to_numpy(),
            clusters,
            chance,
            sample_rows,
            features,
        )

    def take(self, rows: Any) -> dict[str, Coded]:
        """Features of the rows of a mask or of places."""
        return {name: feature.take(rows) for name, feature in self.features.items()}

    def sampled(self, mask: Any) -> Ints:
        """Places of the rows to fit on: those of `mask`, or of a sample of its customers that keeps
        about sample_rows.
        """
        share = self.sample_rows / max(int(mask.sum()), 1)
        return np.flatnonzero(mask if share >= 1 else mask & (self.chance < share))


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
    churn_features: pl.LazyFrame, as_of: date, config: dict[str, Any], schema: pl.Schema
) -> pl.DataFrame:
    """Scores of past origins by models that had seen only origins matured before them, and of as_of
    by the final one. Who has lapsed is neither learned from nor scored.

    Model: spline-logit scorecard. How much it is shrunk, and whether Platt's line through earlier
    out-of-time scores calibrates it, is what had the least log-loss on origins matured before.
    Baseline: logistic in log recency, calibrated or not likewise. Base rate: churn of the origins
    matured before. logit = intercept + contribution_sum, against a customer who has every
    reference that reasons name; logit_se by the delta method over coefficients (sandwich,
    clustered by customer) and calibration. A definition whose labels cannot judge a model has none.
    Where more than sample_rows labels are known, cards and lines are fitted on a sample of customers.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    frames = []
    # One BLAS thread: the order of additions, hence the last bits, must not depend on the machine's
    # cores.
    with threadpool_limits(limits=1):
        for definition_id, recency in sorted(definitions(config).items()):
            known = churn_features.lazy().filter(
                (pl.col("definition_id") == definition_id) & ~pl.col("is_lapsed")
            )
            for found in _definition_scores(known, recency, as_of, config):
                frames.append(found.with_columns(definition_id=pl.lit(definition_id)))
    filled = [
        frame.select(
            pl.col(name).cast(kind) if name in frame.columns else pl.lit(None, kind).alias(name)
            for name, kind in schema.items()
        )
        for frame in frames
    ]
    scored = pl.concat(filled, rechunk=False) if filled else pl.DataFrame(schema=schema)
    return scored.with_columns(pl.selectors.float().fill_nan(None))


def _definition_scores(
    known: pl.LazyFrame, recency: str, as_of: date, config: dict[str, Any]
) -> list[pl.DataFrame]:
    """The rows of past origins, and those of as_of with what stands for them alone."""
    frame = known.select(_KEPT).collect().sort(_ORDER)
    if frame.is_empty():
        return []
    rows = Rows.of(frame, known, config["seed"], config["sample_rows"])
    horizon = int(frame["horizon_days"][0])
    model = None
    if refusal(frame, config) is None:
        model = _roll(rows, list(rows.features), horizon, config["class_min"], splines=True)
    baseline = _roll(rows, [recency], horizon, config["class_min"], splines=False)
    today = np.flatnonzero(rows.origin == np.datetime64(as_of))
    features = rows.take(today)
    phrases = Phrasebook(
        {name: feature.column() for name, feature in features.items()}, feature_columns()
    )
    model_logit = model.logits if model else np.full(len(frame), np.nan)
    baseline_logit = baseline.logits
    columns: dict[str, Any] = {}
    if model and model.final and len(today):
        card = model.final
        contributions, base = _against_references(card, features, phrases)
        model_logit[today] = card.logit(features)
        columns |= {
            "model_id": [card.model_id("scorecard")] * len(today),
            "logit": model_logit[today],
            "logit_se": np.round(card.standard_error(features), 9),
            "intercept": np.full(len(today), base),
            "contribution_sum": contributions.sum(axis=1),
        }
        columns |= _explained(card.features, contributions, phrases)
    if baseline.final and len(today):
        card = baseline.final
        baseline_logit[today] = card.logit(features)
        columns |= {
            "baseline_logit": np.round(baseline_logit[today], 9),
            "baseline_logit_se": np.round(card.standard_error(features), 9),
            "baseline_reason": phrases.words(recency, np.arange(len(today))),
            "baseline_feature": [recency] * len(today),
            "baseline_logodds": np.round(_against_references(card, features, phrases)[0][:, 0], 9),
        }
    scored = frame.with_columns(
        is_in_training=pl.col("label").is_not_null(),
        p_model=pl.Series(np.round(sigmoid(model_logit), 9)),
        p_baseline=pl.Series(np.round(sigmoid(baseline_logit), 9)),
        p_base_rate=pl.Series(np.round(_base_rate(rows, horizon), 9)),
    )
    is_today = pl.Series(rows.origin == np.datetime64(as_of))
    told = scored.filter(is_today)
    told = told.hstack(pl.DataFrame(columns)) if columns else told
    return [
        one.filter(pl.col("p_base_rate").is_not_nan()) for one in (scored.filter(~is_today), told)
    ]


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
    logits = np.full(len(rows.y), np.nan)
    matured = ~np.isnan(rows.y)
    # Rows judged and summed log-losses, plain and calibrated, by origin.
    judged: dict[Any, tuple[int, Floats]] = {}

    def fitted(mask: Any, ridges: Sequence[float], *, errors: bool = False) -> list[Scorecard]:
        if not _two_sided(rows.y[mask], class_min):
            return []
        own = rows.sampled(mask)
        features = {name: rows.features[name].take(own) for name in names}
        y, clusters = rows.y[own], rows.clusters[own]
        return fit_each(features, y, clusters, ridges, splines=splines, errors=errors, signs=signs)

    def calibrated(card: Scorecard, at: int, mask: Any) -> Scorecard:
        if not _two_sided(rows.y[mask], class_min):
            return card
        own = rows.sampled(mask)
        line = card.calibrated(plain[at, own], rows.y[own], rows.clusters[own])
        # A line that falls would turn every reason round.
        return line if line.slope > 0 else card

    def chosen(until: Any) -> tuple[int, bool]:
        """Strength and whether to calibrate: the least log-loss over the origins that far."""
        seen = [found for origin, found in judged.items() if origin <= until]
        if not seen:
            return usual, False
        losses = np.sum([own for _, own in seen], axis=0) / sum(n for n, _ in seen)
        best = int(np.argmin(np.round(losses, 9)))
        return best % len(strengths), best >= len(strengths)

    for origin in np.unique(rows.origin[matured]):
        over = origin - np.timedelta64(horizon, "D")
        known_then = matured & (rows.origin <= over)
        cards = fitted(known_then, strengths)
        if not cards:
            continue
        here = np.flatnonzero(matured & (rows.origin == origin))
        plain[:, here] = raw_logits(cards, rows.take(here))
        scored = known_then & ~np.isnan(plain[0])
        lines = [calibrated(card, at, scored) for at, card in enumerate(cards)]
        straightened = [line.recalibrated(plain[at, here]) for at, line in enumerate(lines)]
        best, is_calibrated = chosen(over)
        logits[here] = straightened[best] if is_calibrated else plain[best, here]
        rivals = [*plain[:, here], *straightened]
        losses = [log_losses(rows.y[here], sigmoid(rival)).sum() for rival in rivals]
        judged[origin] = len(here), np.array(losses)
    best, is_calibrated = chosen(rows.origin[-1])
    final = next(iter(fitted(matured, [strengths[best]], errors=True)), None)
    if final and is_calibrated:
        final = calibrated(final, best, matured & ~np.isnan(plain[0]))
    return Rolled(logits, final)


def _against_references(
    card: Scorecard, features: dict[str, Coded], phrases: Phrasebook
) -> tuple[Floats, float]:
    """Contributions against the values that reasons name as typical or average, and the log-odds of
    who has them all: so a curve that only rises raises the risk of exactly those above.
    """
    typical = {name: Coded.of(np.array([phrases.reference(name)])) for name in card.features}
    there = card.contributions(typical)
    return card.contributions(features) - there, card.base + float(there.sum())


def _explained(
    names: Sequence[str], contributions: Floats, phrases: Phrasebook
) -> dict[str, pl.Series]:
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
    # By row and topic, the feature that raises most, and the one that lowers most.
    raising, lowering = (
        np.column_stack([np.array(own)[np.argmax(sign * contributions[:, own], axis=1)] for own in members])
        for sign in (1, -1)
    )  # fmt: skip
    every = np.arange(len(sums))

    def told(place: int, tellers: Ints, sign: int) -> tuple[pl.Series, pl.Series, pl.Series]:
        """Text, feature and weight of the topic in that place; null where it is not notable."""
        topic = order[:, place]
        weight, teller = sums[every, topic], tellers[every, topic]
        is_notable = sign * weight >= NOTABLE
        words = np.full(len(sums), None, dtype=object)
        for at in np.unique(teller[is_notable]):
            own = np.flatnonzero(is_notable & (teller == at))
            words[own] = phrases.words(names[at], own)
        shown = pl.Series(is_notable)
        features = pl.Series(names, dtype=pl.String).gather(teller)
        empty = pl.Series([None])
        return (
            pl.Series(words.tolist(), dtype=pl.String),
            features.zip_with(shown, empty.cast(pl.String)),
            pl.Series(np.round(weight, 9)).zip_with(shown, empty.cast(pl.Float64)),
        )

    result: dict[str, pl.Series] = {}
    for place in range(N_REASONS):
        key = f"reason_{place + 1}"
        found = [pl.repeat(None, len(sums), eager=True)] * 3
        if place < len(members):
            found = list(told(place, raising, 1))
        result |= zip((key, f"{key}_feature", f"{key}_logodds"), found, strict=True)
    result["protect_1"] = told(len(members) - 1, lowering, -1)[0]
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
    """Equal values as equal whole numbers from 0, in the order of the values."""
    return (values.rank("dense").cast(pl.Int64) - 1).to_numpy()


def _two_sided(y: Floats, class_min: int) -> bool:
    return bool(min(y.sum(), len(y) - y.sum()) >= class_min)
