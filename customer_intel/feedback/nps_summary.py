"""NPS and CSAT by wave and segment: scores, intervals, changes against the wave before, response
rates.
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

_CELL = ["metric", "period", "wave", "segment_type", "segment"]


def nps_summary(
    survey_answer_fact: pl.DataFrame,
    survey_invitation_fact: pl.DataFrame,
    rfm: pl.DataFrame,
    schema: pl.Schema,
) -> pl.DataFrame:
    """One row per metric, period, wave, segment type and segment; one answer (the latest) per
    respondent and row.

    A change is against the last earlier wave with answers; p_adj is Holm's over the segments of one
    wave. n_eff is n and weighted is false: answers are not weighted. response_rate is the share of
    the wave's delivered invitations that an answer closed (waves of invitations go by the day of
    sending); empty where invitations do not say it (channel, touchpoint) or there are none.
    """
    people = rfm.select("customer_id", rfm_segment="segment")
    answers = _answers(survey_answer_fact, people)
    if not len(answers):
        return pl.DataFrame(schema=schema)
    cells = (
        _cells(answers, "answer_day", ("channel", "rfm_segment", "survey", "touchpoint"))
        .sort("responded_at", "source_system", "response_id")
        .unique([*_CELL, "respondent"], keep="last", maintain_order=True)
    )
    counts = (
        cells.group_by(_CELL)
        .agg(
            n=pl.len(),
            promoters=(pl.col("side") > 0).sum(),
            passives=(pl.col("side") == 0).sum(),
            detractors=(pl.col("side") < 0).sum(),
        )
        .join(
            _response_rates(survey_answer_fact, survey_invitation_fact, people),
            on=_CELL,
            how="left",
        )
        .sort("metric", "period", "segment_type", "segment", "wave")
    )
    frame = pl.DataFrame(_adjusted(_rows(counts)), schema=schema)
    return frame.with_columns(pl.col(pl.Float64).round(9)).sort(_CELL)


def _answers(survey_answer_fact: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """Valid answers: respondent, segments, and side (+1, 0, -1)."""
    low, high, plus, minus = (
        pl.col("metric").replace_strict(
            {name: scale[i] for name, scale in SCALES.items()}, return_dtype=pl.Float64
        )
        for i in range(4)
    )
    return (
        survey_answer_fact.filter(pl.col("survey_type").is_in(list(SCALES)))
        .with_columns(metric=pl.col("survey_type"))
        .filter(pl.col("score").is_between(low, high))
        .join(people, on="customer_id", how="left")
        .with_columns(
            # A known customer, else the record, else nobody but this one answer.
            respondent=pl.coalesce("customer_id", "record_key", "survey_answer_key"),
            side=pl.when(pl.col("score") >= plus)
            .then(1)
            .when(pl.col("score") <= minus)
            .then(-1)
            .otherwise(0),
            survey=pl.col("survey_id"),
        )
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
    survey_answer_fact: pl.DataFrame, survey_invitation_fact: pl.DataFrame, people: pl.DataFrame
) -> pl.DataFrame:
    """The share of delivered invitations that an answer closed, for the segments that an invitation
    tells.
    """
    survey = ["source_system", "survey_id"]
    asked = survey_answer_fact.filter(pl.col("survey_type").is_in(list(SCALES))).rename(
        {"survey_type": "metric"}
    )
    invited = (
        survey_invitation_fact.join(people, on="customer_id", how="left")
        .join(asked.select(*survey, "metric").unique(), on=survey)
        .with_columns(survey=pl.col("survey_id"))
    )
    cells = _cells(invited, "sent_day", ("rfm_segment", "survey"))
    return cells.group_by(_CELL).agg(response_rate=pl.col("is_answered").mean())


def _rows(counts: pl.DataFrame) -> list[dict[str, Any]]:
    """Scores with their change against the wave before; `counts` sorted by series, then wave."""
    rows = []
    records = counts.iter_rows(named=True)
    for _, series in groupby(
        records, key=lambda row: (row["metric"], row["period"], row["segment_type"], row["segment"])
    ):
        before: scores.Score | None = None
        for row in series:
            if row["metric"] == "nps":
                now = scores.nps(row["promoters"], row["passives"], row["detractors"])
            else:
                now = scores.csat(row["promoters"], row["n"])
            delta, _, p_value = scores.change(before, now) if before else (None, None, None)
            rows.append(
                row
                | {
                    "n_eff": float(now.n), "score": now.score, "low": now.low, "high": now.high, "method": now.method,
                    "prev_score": before.score if before else None, "delta": delta, "p_value": p_value,
                    "mde80": now.mde80, "weighted": False,
                }
            )  # fmt: skip
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
