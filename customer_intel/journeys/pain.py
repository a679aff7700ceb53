"""Pain points: touchpoints at which more journeys end without a conversion than those who come there
explain, what that costs, and what customers said and did at them.

Belongs here: the steps at risk, standardisation, intervals, evidence. Not here: how journeys are cut
(journey_step.sql, journey.sql), the stage and owner of a touchpoint (touchpoint_role.sql).
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse, special

from customer_intel.core.statistics import Z95, benjamini_hochberg
from customer_intel.journeys.settings import validate

Floats = NDArray[np.float64]

_JOURNEY = ["customer_id", "journey_no"]
SURE = 0.05
# Fewer steps than this at a touchpoint, and nothing is said of it.
ENOUGH = 30
_LOW_STARS = 2.0
# Survey type → the highest score that is a bad one.
_LOW_SCORES = {"nps": 6.0, "csat": 2.0}


def pain_point(
    journey_step: pl.LazyFrame,
    journey: pl.LazyFrame,
    segment_history: pl.DataFrame,
    touchpoint_role: pl.DataFrame,
    ticket_fact: pl.LazyFrame,
    survey_answer_fact: pl.LazyFrame,
    review_fact: pl.LazyFrame,
    incident_fact: pl.DataFrame,
    as_of: date,
    config: dict[str, Any],
    schema: pl.Schema,
) -> pl.DataFrame:
    """One row per touchpoint at which ended journeys were; rank, excess and value only where an end
    is no arrival.

    Of journeys whose end became known in the last transition_days: n_steps are steps before a
    conversion (at risk), n_lost the ends among them without one; expected is what the same steps
    would lose at the rate of their segments over all touchpoints (indirect standardisation).
    Money in the reporting currency.
    """
    validate(config)
    days, gap = int(config["transition_days"]), int(config["journey_gap_days"])
    ended = _ended(journey, as_of, days, gap)
    roles = touchpoint_role.select("touchpoint_id", "stage", "owner", "is_arrival")
    if ended.is_empty():
        return pl.DataFrame(schema=schema)
    steps = journey_step.filter(pl.col("day") < as_of)
    # All steps of the ended journeys, however long ago: losses and steps are of the same. A day is
    # one in the reporting time zone, a day off UTC at most.
    begun = ended.select(pl.col("started_at").min().dt.date()).item()
    segments = segments_of(ended, segment_history)
    at_risk = _at_risk(steps.filter(pl.col("day") >= begun - timedelta(days=1)), segments, roles)
    told = (
        ended.group_by(touchpoint_id="last_touchpoint_id")
        .agg(n_ended=pl.len())
        .join(excess_exits(at_risk), on="touchpoint_id", how="full", coalesce=True)
        .join(_what_similar_bring(at_risk), on="touchpoint_id", how="left")
        .join(roles, on="touchpoint_id", how="left")
        .join(
            evidence(steps, ticket_fact, survey_answer_fact, review_fact, as_of, config),
            on="touchpoint_id",
            how="left",
        )
        .join(
            in_incidents(at_risk.filter("is_lost"), incident_fact), on="touchpoint_id", how="left"
        )
        .with_columns(
            pl.col(
                "n_ended",
                "n_steps",
                "n_lost",
                "n_tickets",
                "n_reviews",
                "n_low_scores",
                "n_in_incident",
            )
            .fill_null(0)
            .cast(pl.Int64),
        )
    )
    value = ended["conversion_value"].drop_nulls().cast(pl.Float64)
    return (
        valued(told, value.mean() if len(value) else None)
        .select(schema.names())
        .cast(
            dict(schema)  # type: ignore[arg-type]
        )
        .sort("touchpoint_id")
    )


def _ended(journey: pl.LazyFrame, as_of: date, days: int, gap: int) -> pl.DataFrame:
    """Journeys whose end became known in the window, as journey_transitions counts them."""
    known = pl.col("ended_at") + pl.duration(days=gap)
    midnight = pl.lit(as_of).cast(pl.Datetime("us"))
    return (
        journey.filter((known < midnight) & (known >= midnight - pl.duration(days=days)))
        .select(
            *_JOURNEY, "started_at", "ended_at", "last_touchpoint_id", "has_arrived",
            "converted_at", "conversion_value", "n_before",
        )
        .sort(*_JOURNEY)
        .collect()
    )  # fmt: skip


def segments_of(ended: pl.DataFrame, segment_history: pl.DataFrame) -> pl.DataFrame:
    """The journeys with the `segment` that their customer was in before they began: the RFM segment
    of that day, else whether journeys before brought a conversion. Not today's: who leaves is
    `lost` today because they left.
    """
    known = segment_history.select("customer_id", "valid_from", "valid_to", rfm="segment")
    before = ended.with_columns(day=pl.col("started_at").dt.date()).sort("day")
    joined = before.join_asof(
        known.sort("valid_from"),
        left_on="day",
        right_on="valid_from",
        by="customer_id",
        check_sortedness=False,
    )
    holds = pl.col("valid_to").is_null() | (pl.col("day") < pl.col("valid_to"))
    came = (
        pl.when(pl.col("n_before") > 0)
        .then(pl.lit("(converted before)"))
        .when(pl.col("journey_no") > 1)
        .then(pl.lit("(came before)"))
        .otherwise(pl.lit("(new)"))
    )
    return joined.with_columns(segment=pl.when(holds).then(pl.col("rfm")).fill_null(came)).drop(
        "rfm", "valid_from", "valid_to", "day"
    )


def _at_risk(steps: pl.LazyFrame, journeys: pl.DataFrame, roles: pl.DataFrame) -> pl.DataFrame:
    """Steps of the journeys before their first conversion, at touchpoints where an end is no
    arrival: customer, journey, touchpoint, segment, converts, is_lost.
    """
    arrivals = roles.filter("is_arrival")["touchpoint_id"]
    walked = (
        steps.select("customer_id", "ts", "activity_id", "touchpoint_id")
        .join(journeys.lazy().select("customer_id").unique(), on="customer_id", how="semi")
        .sort("ts")
        .join_asof(
            journeys.lazy().sort("started_at"),
            left_on="ts",
            right_on="started_at",
            by="customer_id",
            check_sortedness=False,
        )
        .filter(pl.col("ts") <= pl.col("ended_at"))
        .collect()
        .sort(*_JOURNEY, "ts", "activity_id")
    )
    return (
        walked.with_columns(is_last=_is_last(walked))
        .filter(
            (pl.col("converted_at").is_null() | (pl.col("ts") < pl.col("converted_at")))
            & ~pl.col("touchpoint_id").is_in(arrivals.implode())
        )
        .select(
            *_JOURNEY, "touchpoint_id", "segment",
            converts=pl.col("converted_at").is_not_null(),
            at="ts",
            is_lost=pl.col("is_last") & pl.col("converted_at").is_null(),
        )
    )  # fmt: skip


def _is_last(walked: pl.DataFrame) -> pl.Series:
    """Whether the next row, in order, is of another journey."""
    same = pl.all_horizontal(pl.col(name) == pl.col(name).shift(-1) for name in _JOURNEY)
    return walked.select(~same.fill_null(value=False)).to_series()


def excess_exits(at_risk: pl.DataFrame) -> pl.DataFrame:
    """By touchpoint: n_steps, n_lost, expected, excess, low, high, exit_p_value.

    expected = sum over segments of the touchpoint's steps times the segment's rate of loss over all
    touchpoints; the excesses of all touchpoints sum to zero. The interval is the wider of two: the
    one over customers, whose steps and ends are not independent (linearised: each customer's
    influence on the excess, that on the segments' rates among it), and Byar's for a Poisson count
    (Breslow and Day 1987, vol. II, eq. 2.12) less what is expected. p is one-sided, the larger of
    both.
    """
    counts = (
        at_risk.group_by("customer_id", "touchpoint_id", "segment")
        .agg(m=pl.len(), e=pl.col("is_lost").sum())
        .sort("touchpoint_id", "segment", "customer_id")
    )
    if counts.is_empty():
        return _no_excess()
    place, places = _numbered(counts["touchpoint_id"])
    group, groups = _numbered(counts["segment"])
    person, people = _numbered(counts["customer_id"])
    m, e = (counts[name].to_numpy().astype(float) for name in ("m", "e"))
    rate = np.bincount(group, e) / np.bincount(group, m)
    shape = (len(places), len(groups))
    mix = _summed(place, group, m, shape).toarray()
    lost = np.bincount(place, e, minlength=len(places))
    expected = mix @ rate
    # Each customer's part: what is their own at the touchpoint, less what they move of the rates.
    own = _summed(place, person, e - m * rate[group], (len(places), len(people)))
    moved = _summed(group, person, e - m * rate[group], (len(groups), len(people)))
    weight = mix / np.bincount(group, m)
    both = np.asarray((own @ moved.T).todense())
    spread = np.asarray(own.multiply(own).sum(axis=1)).ravel()
    spread += np.einsum("ij,jk,ik->i", weight, np.asarray((moved @ moved.T).todense()), weight)
    spread -= 2 * (both * weight).sum(axis=1)
    n = max(2, len(people))
    error = np.sqrt(np.maximum(spread, 0.0) * n / (n - 1))
    excess = lost - expected
    low, high = byar(lost.astype(np.float64))
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(error > 0, excess / error, 0.0)
    p = np.maximum(special.ndtr(-z), np.where(lost > 0, special.pdtrc(lost - 1, expected), 1.0))
    return pl.DataFrame(
        {
            "touchpoint_id": places,
            "n_steps": mix.sum(axis=1).astype(np.int64),
            "n_lost": lost.astype(np.int64),
            "expected": expected,
            "excess": excess,
            "excess_low": np.minimum(excess - Z95 * error, low - expected),
            "excess_high": np.maximum(excess + Z95 * error, high - expected),
            "exit_p_value": p,
        }
    )


def byar(counts: Floats) -> tuple[Floats, Floats]:
    """95 % limits of the means of Poisson counts, by Byar's approximation."""
    above = counts + 1
    with np.errstate(divide="ignore", invalid="ignore"):
        low = counts * (1 - 1 / (9 * counts) - Z95 / (3 * np.sqrt(counts))) ** 3
    high = above * (1 - 1 / (9 * above) + Z95 / (3 * np.sqrt(above))) ** 3
    return np.where(counts > 0, np.maximum(low, 0.0), 0.0), high


def _no_excess() -> pl.DataFrame:
    numbers = ("expected", "excess", "excess_low", "excess_high", "exit_p_value")
    return pl.DataFrame(
        schema={"touchpoint_id": pl.String, "n_steps": pl.Int64, "n_lost": pl.Int64}
        | dict.fromkeys(numbers, pl.Float64)
    )


def _numbered(names: pl.Series) -> tuple[NDArray[np.int64], list[str]]:
    known = names.unique().sort()
    return names.rank("dense").cast(pl.Int64).to_numpy() - 1, known.to_list()


def _summed(rows: Any, columns: Any, values: Floats, shape: tuple[int, int]) -> Any:
    return sparse.csr_matrix((values, (rows, columns)), shape=shape)


def _what_similar_bring(at_risk: pl.DataFrame) -> pl.DataFrame:
    """By touchpoint: of the journeys that were there before a conversion and went on, the share that
    converted.
    """
    return (
        at_risk.group_by("touchpoint_id", *_JOURNEY)
        .agg(pl.col("converts").first(), lost_here=pl.col("is_lost").any())
        .filter(~pl.col("lost_here"))
        .group_by("touchpoint_id")
        .agg(conversion_rate=pl.col("converts").mean())
    )


def evidence(
    steps: pl.LazyFrame,
    ticket_fact: pl.LazyFrame,
    survey_answer_fact: pl.LazyFrame,
    review_fact: pl.LazyFrame,
    as_of: date,
    config: dict[str, Any],
) -> pl.DataFrame:
    """By touchpoint: tickets, reviews and low scores (NPS up to 6, CSAT up to 2, two stars or less)
    that came next after it, within feedback_days, in the last transition_days; and the reason that
    they name most.
    """
    within = pl.col("seconds_since_previous") <= 86400.0 * int(config["feedback_days"])
    said = (
        steps.filter(
            (pl.col("day") >= as_of - pl.duration(days=int(config["transition_days"]))) & within
        )
        .select("activity_id", touchpoint_id="previous_touchpoint_id")
        .filter(
            pl.col("activity_id").str.contains("^(ticket_opened|survey_answered|review_written):")
        )
    )
    bad = pl.lit(False)
    for kind, most in _LOW_SCORES.items():
        bad = bad | ((pl.col("survey_type") == kind) & (pl.col("score") <= most)).fill_null(
            value=False
        )
    kinds = [
        ticket_fact.select(
            activity_id="ticket_opened:" + pl.col("ticket_key"),
            what=pl.lit("ticket"),
            is_low=pl.lit(False),
            why=pl.coalesce("product_area", "type"),
        ),
        survey_answer_fact.select(
            activity_id="survey_answered:" + pl.col("survey_answer_key"),
            what=pl.lit("answer"),
            is_low=bad,
            why=pl.when(bad).then(pl.col("reason_code")),
        ),
        review_fact.select(
            activity_id="review_written:" + pl.col("review_key"),
            what=pl.lit("review"),
            is_low=(pl.col("stars") <= _LOW_STARS).fill_null(value=False),
            why=pl.lit(None, pl.String),
        ),
    ]
    heard = said.join(pl.concat(kinds), on="activity_id").collect()
    reasons = (
        heard.drop_nulls("why")
        .group_by("touchpoint_id", "why")
        .len()
        .sort("touchpoint_id", "len", "why", descending=[False, True, False])
        .unique("touchpoint_id", keep="first", maintain_order=True)
        .select("touchpoint_id", top_reason="why")
    )
    return (
        heard.group_by("touchpoint_id")
        .agg(
            n_tickets=(pl.col("what") == "ticket").sum(),
            n_reviews=(pl.col("what") == "review").sum(),
            n_low_scores=pl.col("is_low").sum(),
        )
        .join(reasons, on="touchpoint_id", how="left")
    )


def in_incidents(lost: pl.DataFrame, incident_fact: pl.DataFrame) -> pl.DataFrame:
    """By touchpoint: n_in_incident, how many of `lost` (touchpoint_id, at) happened while an incident
    went on, of the touchpoint's own page or feature where the incident names one.
    """
    part = pl.col("touchpoint_id").str.split(":").list.last().str.to_lowercase()
    rows = lost.with_columns(part=part)
    felt = np.zeros(len(rows), bool)
    for (feature,), running in incident_fact.group_by(
        pl.col("affected_feature").str.to_lowercase(), maintain_order=True
    ):
        begun, over = (
            np.searchsorted(
                running[name].drop_nulls().sort().to_numpy(), rows["at"].to_numpy(), "right"
            )
            for name in ("started_at", "ended_at")
        )
        own = True if feature is None else (rows["part"] == feature).to_numpy()
        felt |= (begun > over) & own
    told = rows.with_columns(felt=pl.Series(felt, dtype=pl.Boolean))
    return told.group_by("touchpoint_id").agg(n_in_incident=pl.col("felt").sum())


def valued(told: pl.DataFrame, mean_value: Any) -> pl.DataFrame:
    """With what the excess costs, corrected p-values (Benjamini and Hochberg), verdict and rank."""
    judged = ~pl.col("is_arrival") & (pl.col("n_steps") >= ENOUGH)
    each = pl.col("conversion_rate") * (pl.lit(None) if mean_value is None else mean_value)
    brought = {"lost_conversions": pl.col("excess") * pl.col("conversion_rate")}
    money = {
        "value_per_lost": each,
        "lost_value": pl.col("excess") * each,
        "lost_value_low": pl.col("excess_low") * each,
        "lost_value_high": pl.col("excess_high") * each,
    }
    numbers = ("expected", "excess", "excess_low", "excess_high", "exit_p_value")
    told = told.with_columns(
        pl.when(~pl.col("is_arrival")).then(pl.col(name)) for name in (*numbers, "conversion_rate")
    )
    ordered = told.with_columns(is_judged=judged).sort(
        "exit_p_value", "touchpoint_id", nulls_last=True
    )
    adjusted = benjamini_hochberg(ordered.filter("is_judged")["exit_p_value"].to_list())
    q = np.full(len(ordered), np.nan)
    q[ordered["is_judged"].to_numpy()] = adjusted
    sure = (pl.col("exit_q_value") < SURE) & (pl.col("excess") > 0)
    return (
        ordered.with_columns(exit_q_value=pl.Series(q).fill_nan(None), **brought, **money)
        .with_columns(
            pain_verdict=pl.when(pl.col("is_arrival"))
            .then(pl.lit("arrival"))
            .when(~pl.col("is_judged"))
            .then(pl.lit("too_few"))
            .when(sure)
            .then(pl.lit("loses_more"))
            .otherwise(pl.lit("unsure"))
        )
        .sort(
            pl.col("pain_verdict") == "loses_more", pl.col("lost_value").fill_null(0.0),
            pl.col("lost_conversions").fill_null(0.0), pl.col("excess"),
            "touchpoint_id", descending=[True, True, True, True, False], nulls_last=True,
        )
        .with_columns(
            pain_rank=pl.when(pl.col("is_judged")).then(pl.col("is_judged").cum_sum())
        )
        .with_columns(
            pl.col(name).round(6)
            for name in (*numbers, "conversion_rate", "exit_q_value", *brought, *money)
        )
    )  # fmt: skip
