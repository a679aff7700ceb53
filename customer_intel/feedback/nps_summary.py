"""NPS and CSAT by wave and segment: scores, intervals, changes against the wave before, response
rates, and the answers that could not be used.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

import polars as pl

from customer_intel.core.statistics import holm
from customer_intel.feedback import scores

# metric → (lowest, highest valid answer, from here on promoter or satisfied, up to here detractor
# or dissatisfied)
SCALES: dict[str, tuple[float, float, float, float]] = {"nps": (0, 10, 9, 6), "csat": (1, 5, 4, 2)}
SIGNIFICANT = 0.05
# A survey is on another scale when more than this share of its answers lies outside, of so many.
OUTSIDE, ENOUGH = 0.1, 10
# Or when its answers stay within a narrower one: metric, lowest, highest, least answers, least
# different ones. So many answers without a single promoter and passive are nobody's.
NARROWER = (("nps", 1, 5, 10, 3), ("nps", 0, 5, 30, 4), ("nps", 1, 7, 30, 5), ("csat", 1, 3, 30, 3))
# Or, for NPS, when it seems to begin at 1: all but two numbers are used, ten times 1, never 0.
ONES, ONES_DIFFERENT = 10, 8

_SERIES = ["metric", "period", "segment_type", "segment"]
_CELL = ["metric", "period", "wave", "segment_type", "segment"]
# What a row without a usable answer, or without a wave before, does not have.
_SCORED = (
    "score", "low", "high", "method", "mde80", "prev_score", "delta", "p_value", "n_paired",
)  # fmt: skip


def nps_summary(
    survey_answer_fact: pl.DataFrame,
    survey_invitation_fact: pl.DataFrame,
    segment_history: pl.DataFrame,
    schema: pl.Schema,
) -> pl.DataFrame:
    """One row per metric, period, wave, segment type and segment; one answer (the latest) per
    respondent and row.

    A change is against the last earlier wave with answers; n_paired respondents answered in both
    and are compared with themselves; p_adj is Holm's over the segments of one wave. n_eff is n and
    weighted is false: answers are not weighted. rfm_segment is the customer's of that day, unknown
    before the first night that tells it. n_unusable answers count nowhere: a row of nothing else
    has n 0 and no score. response_rate is the share of the wave's delivered invitations that an
    answer closed (waves of invitations go by the day of sending); empty where invitations do not
    say it (channel, touchpoint) or there are none.
    """
    answers = _answers(survey_answer_fact, segment_history)
    if not len(answers):
        return pl.DataFrame(schema=schema)
    cells = _cells(answers, "answer_day", ("channel", "rfm_segment", "survey", "touchpoint"))
    given = (
        cells.filter("is_usable")
        .sort("responded_at", "source_system", "response_id")
        .unique([*_CELL, "respondent"], keep="last", maintain_order=True)
    )
    counts = (
        cells.group_by(_CELL)
        .agg(n_unusable=(~pl.col("is_usable")).sum())
        .join(
            given.group_by(_CELL).agg(
                n=pl.len(),
                promoters=(pl.col("side") > 0).sum(),
                passives=(pl.col("side") == 0).sum(),
                detractors=(pl.col("side") < 0).sum(),
            ),
            on=_CELL,
            how="left",
        )
        .with_columns(pl.col("n", "promoters", "passives", "detractors").fill_null(0))
        .join(_pairs(given), on=_CELL, how="left")
        .join(
            _response_rates(survey_answer_fact, survey_invitation_fact, segment_history),
            on=_CELL,
            how="left",
        )
        .sort(*_SERIES, "wave")
    )
    frame = pl.DataFrame(_adjusted(_rows(counts)), schema=schema)
    return frame.with_columns(pl.col(pl.Float64).round(9)).sort(_CELL)


def _answers(survey_answer_fact: pl.DataFrame, segment_history: pl.DataFrame) -> pl.DataFrame:
    """Answers: respondent, segments, side (+1, 0, -1), and whether they are an answer on the
    metric's scale.
    """
    low, high, plus, minus = (
        pl.col("metric").replace_strict(
            {name: scale[i] for name, scale in SCALES.items()}, return_dtype=pl.Float64
        )
        for i in range(4)
    )
    score = pl.col("score")
    on_scale = (score.is_between(low, high) & (score == score.floor())).fill_null(False)
    asked = survey_answer_fact.filter(pl.col("survey_type").is_in(list(SCALES))).with_columns(
        metric=pl.col("survey_type")
    )
    return (
        _with_segment(asked, segment_history, "answer_day")
        .with_columns(is_on_scale=on_scale)
        .with_columns(is_usable=pl.col("is_on_scale") & ~_on_another_scale())
        .with_columns(
            # A known customer, else the record, else nobody but this one answer.
            respondent=pl.coalesce("customer_id", "record_key", "survey_answer_key"),
            side=pl.when(score >= plus).then(1).when(score <= minus).then(-1).otherwise(0),
            survey=pl.col("survey_id"),
        )
    )


def _on_another_scale() -> pl.Expr:
    """Whether the answer's whole survey is scored on another scale than its metric's."""
    survey = ["source_system", "survey_id", "metric"]
    score = pl.col("score")
    given, different = score.count().over(survey), score.n_unique().over(survey)
    least, most = score.min().over(survey), score.max().over(survey)
    outside = given - pl.col("is_on_scale").sum().over(survey)
    found = (given >= ENOUGH) & (outside > OUTSIDE * given)
    for metric, low, high, enough, kinds in NARROWER:
        within = (least >= low) & (most <= high)
        found |= (
            (pl.col("metric") == metric) & within & (given >= enough) & (different >= kinds)
        ).fill_null(False)
    ones = (score == 1).sum().over(survey)
    begins_at_1 = (least == 1) & (ones >= ONES) & (different >= ONES_DIFFERENT)
    return found | ((pl.col("metric") == "nps") & begins_at_1).fill_null(False)


def _with_segment(rows: pl.DataFrame, segment_history: pl.DataFrame, day: str) -> pl.DataFrame:
    """Each row with the segment that its customer was in on its day, as the nights until then told
    it.
    """
    known = segment_history.select(
        "customer_id", "valid_from", "valid_to", rfm_segment="segment"
    ).sort("valid_from")
    then = rows.sort(day).join_asof(
        known, left_on=day, right_on="valid_from", by="customer_id", check_sortedness=False
    )
    is_over = (pl.col("valid_to") <= pl.col(day)).fill_null(False)
    return then.with_columns(
        rfm_segment=pl.when(~is_over).then(pl.col("rfm_segment")).otherwise(None)
    ).drop("valid_from", "valid_to")


def _pairs(given: pl.DataFrame) -> pl.DataFrame:
    """Per cell: respondents of the wave before who answered again, and how what their answers are
    worth goes together.
    """
    worth = pl.when(pl.col("metric") == "csat").then(pl.col("side").clip(0)).otherwise("side")
    now = given.select(
        *_CELL,
        "respondent",
        worth=worth.cast(pl.Float64),
        at=pl.col("wave").rank("dense").over(_SERIES),
    )
    before = now.select(*_SERIES, "respondent", "at", worth_before="worth")
    both = now.with_columns(at=pl.col("at") - 1).join(before, on=[*_SERIES, "respondent", "at"])
    return both.group_by(_CELL).agg(
        n_paired=pl.len(),
        correlation=pl.corr("worth", "worth_before").fill_nan(0).fill_null(0),
    )


def _cells(rows: pl.DataFrame, moment: str, segment_types: tuple[str, ...]) -> pl.DataFrame:
    """Each row once for every period and segment type that it counts in."""
    at = pl.col(moment)
    waves = {
        "month": at.dt.strftime("%Y-%m"),
        "quarter": pl.format("{}-Q{}", at.dt.year(), at.dt.quarter()),
        "all": pl.lit("all"),
    }
    # A kind of segment that no row knows would only repeat the row over everybody.
    known = [name for name in segment_types if rows[name].count()]
    segments = {"all": pl.lit("all")} | {name: pl.col(name).fill_null("unknown") for name in known}
    return pl.concat(
        rows.with_columns(
            period=pl.lit(period), wave=wave, segment_type=pl.lit(kind), segment=segment
        )
        for period, wave in waves.items()
        for kind, segment in segments.items()
    )


def _response_rates(
    survey_answer_fact: pl.DataFrame,
    survey_invitation_fact: pl.DataFrame,
    segment_history: pl.DataFrame,
) -> pl.DataFrame:
    """The share of delivered invitations that an answer closed, for the segments that an invitation
    tells.
    """
    survey = ["source_system", "survey_id"]
    asked = survey_answer_fact.filter(pl.col("survey_type").is_in(list(SCALES))).rename(
        {"survey_type": "metric"}
    )
    invited = (
        _with_segment(survey_invitation_fact, segment_history, "sent_day")
        .join(asked.select(*survey, "metric").unique(), on=survey)
        .with_columns(survey=pl.col("survey_id"))
    )
    cells = _cells(invited, "sent_day", ("rfm_segment", "survey"))
    return cells.group_by(_CELL).agg(response_rate=pl.col("is_answered").mean())


def _rows(counts: pl.DataFrame) -> list[dict[str, Any]]:
    """Scores with their change against the wave before; `counts` sorted by series, then wave."""
    rows = []
    records = counts.iter_rows(named=True)
    for _, series in groupby(records, key=lambda row: [row[name] for name in _SERIES]):
        before: scores.Score | None = None
        for row in series:
            again, correlation = row.pop("n_paired") or 0, row.pop("correlation") or 0.0
            row |= dict.fromkeys(_SCORED) | {"n_eff": float(row["n"]), "weighted": False}
            rows.append(row)
            if not row["n"]:
                continue
            if row["metric"] == "nps":
                now = scores.nps(row["promoters"], row["passives"], row["detractors"])
            else:
                now = scores.csat(row["promoters"], row["n"])
            row |= {
                "score": now.score, "low": now.low, "high": now.high, "method": now.method, "mde80": now.mde80,
            }  # fmt: skip
            if before:
                pairs = scores.Pairs(again, correlation)
                delta, _, p_value = scores.change(before, now, pairs)
                row |= {
                    "prev_score": before.score, "delta": delta, "p_value": p_value, "n_paired": again,
                }  # fmt: skip
            before = now
    return rows


def _adjusted(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Holm over the segments of one metric, period and wave; the row over everybody stands alone."""
    families: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        if row["p_value"] is None:
            row |= {"p_adj": None, "significant": None}
        else:
            kind = "all" if row["segment_type"] == "all" else "segments"
            families.setdefault((row["metric"], row["period"], row["wave"], kind), []).append(row)
    for family in families.values():
        for row, p_adj in zip(family, holm([row["p_value"] for row in family]), strict=True):
            row |= {"p_adj": p_adj, "significant": p_adj < SIGNIFICANT}
    return rows
