"""nps_summary: one answer per respondent and wave, waves, segments, response rates, Holm."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from customer_intel.feedback.nps_summary import nps_summary
from customer_intel_tests.unit.facts_rows import chain
from customer_intel_tests.unit.small_lake import frame
from customer_intel_tests.unit.sqlroom import Room, schema

AS_OF = date(2026, 7, 1)


def _answer(
    who: str | None, at: datetime, score: float | None, number: int = 0, **more: Any
) -> dict[str, Any]:
    return {"record_key": who, "source_system": "s", "response_id": f"{who}{at}{number}", "survey_id": "rel",
            "survey_type": "nps", "responded_at": at, "score": score, "channel": "email", **more}  # fmt: skip


def _summary(
    answers: list[dict[str, Any]], invitations: list[dict[str, Any]] | None = None
) -> pl.DataFrame:
    people = sorted(
        {str(row["record_key"]) for row in [*answers, *(invitations or [])] if row["record_key"]}
    )
    made = Room(AS_OF)
    made.put(
        "customer_record",
        [{"record_key": key, "customer_id": f"c-{key.split('@')[0]}"} for key in people],
    )
    made.put("survey_responses", frame("survey_responses", answers))
    made.put("survey_invitations", frame("survey_invitations", invitations or []))
    asked = chain(made, "survey_invitation_fact")
    rfm = pl.DataFrame({"customer_id": ["c-a"], "segment": ["champions"]})
    return nps_summary(made.rows("survey_answer_fact"), asked, rfm, schema("nps_summary"))


def _row(
    found: pl.DataFrame, wave: str, kind: str = "all", segment: str = "all", metric: str = "nps"
) -> dict[str, Any]:
    (row,) = found.filter(
        (pl.col("wave") == wave)
        & (pl.col("segment_type") == kind)
        & (pl.col("segment") == segment)
        & (pl.col("metric") == metric)
    ).to_dicts()
    return row


def test_the_latest_answer_of_a_person_in_a_wave_counts() -> None:
    may = datetime(2026, 5, 3)
    found = _summary(
        [
            _answer("a@shop", may, 2),
            _answer("a@crm", may + timedelta(days=1), 10),
            _answer("a@shop", datetime(2026, 6, 1), 6),
            _answer("b@shop", may, 7),
            _answer(None, may, 0, 1),
            _answer(None, may, 9, 2),
        ]
    )
    row = _row(found, "2026-05")
    assert (row["promoters"], row["passives"], row["detractors"], row["score"]) == (2, 1, 1, 25.0)
    whole = _row(found, "all")
    assert (whole["promoters"], whole["passives"], whole["detractors"]) == (1, 1, 2)
    assert _row(found, "2026-Q2")["n"] == 4
    assert _row(found, "2026-05", "rfm_segment", "champions")["n"] == 1
    assert _row(found, "2026-05", "rfm_segment", "unknown")["n"] == 3
    assert found.filter(pl.col("segment_type") == "touchpoint").is_empty()


def test_what_is_no_valid_answer_or_not_yet_given_does_not_count() -> None:
    may = datetime(2026, 5, 3)
    found = _summary(
        [
            _answer("a", may, 9),
            _answer("b", may, 11),
            _answer("c", may, None),
            _answer("d", datetime(2026, 7, 1), 9),
            _answer("e", may, 5, survey_type="ces"),
            _answer("f", may, 0, survey_type="csat"),
            _answer("g", may, 4, survey_type="csat"),
            _answer("h", may, 3, survey_type="csat"),
        ]
    )
    assert _row(found, "all")["n"] == 1
    csat = _row(found, "all", metric="csat")
    assert (csat["promoters"], csat["passives"], csat["detractors"], csat["score"]) == (
        1,
        1,
        0,
        50.0,
    )
    assert csat["method"] == "agresti_coull"


def _wave(
    month: int, promoters: int, passives: int, detractors: int, **more: Any
) -> list[dict[str, Any]]:
    given = [10] * promoters + [8] * passives + [3] * detractors
    return [
        _answer(f"m{month}p{i}{more}", datetime(2026, month, 2), score, **more)
        for i, score in enumerate(given)
    ]


def test_waves_are_compared_with_the_one_before() -> None:
    found = _summary(_wave(3, 100, 60, 40) + _wave(5, 120, 55, 25))
    first, second = _row(found, "2026-03"), _row(found, "2026-05")
    assert [round(first[name], 3) for name in ("score", "low", "high")] == [30.0, 18.815, 40.298]
    assert first["prev_score"] is first["p_value"] is first["significant"] is None
    assert (
        round(second["prev_score"], 3),
        round(second["delta"], 3),
        round(second["p_value"], 4),
    ) == (
        30,
        17.5,
        0.0188,
    )
    assert second["significant"] and second["p_adj"] == second["p_value"]
    assert second["n_eff"] == second["n"] and not second["weighted"]


def test_holm_goes_over_the_segments_of_a_wave() -> None:
    waves = _wave(3, 100, 60, 40, touchpoint="web") + _wave(5, 120, 55, 25, touchpoint="web")
    waves += _wave(3, 100, 60, 40, touchpoint="app") + _wave(5, 100, 60, 40, touchpoint="app")
    found = _summary(waves)
    web, app = (_row(found, "2026-05", "touchpoint", name) for name in ("web", "app"))
    # The family: two touchpoints, one channel, one survey; web moved most, so its p counts four
    # times.
    family = found.filter((pl.col("wave") == "2026-05") & (pl.col("segment_type") != "all"))
    assert len(family) == 4
    assert app["p_adj"] == 1 and web["p_adj"] == pytest.approx(web["p_value"] * 4, abs=1e-8)
    assert not web["significant"]


def test_response_rates() -> None:
    sent = datetime(2026, 5, 2)
    invite = {"source_system": "s", "survey_id": "rel", "sent_at": sent}
    invitations = [
        invite | {"record_key": "a", "invitation_id": "1"},
        invite | {"record_key": "b", "invitation_id": "2", "delivered": True},
        invite | {"record_key": "c", "invitation_id": "3", "delivered": False},
        invite | {"record_key": "d", "invitation_id": "4"},
        invite | {"record_key": None, "invitation_id": "5"},
    ]
    answers = [_answer("a", sent + timedelta(days=1), 9), _answer("d", sent - timedelta(days=9), 9)]
    found = _summary([*answers, _answer("x", sent, 9)], invitations)
    assert _row(found, "2026-05")["response_rate"] == 0.25
    assert _row(found, "2026-05", "rfm_segment", "champions")["response_rate"] == 1
    assert _row(found, "2026-05", "survey", "rel")["response_rate"] == 0.25
    assert _row(found, "2026-05", "channel", "email")["response_rate"] is None
    assert _row(found, "2026-04")["response_rate"] is None


def test_an_answer_closes_one_invitation_the_newest_before_it() -> None:
    """Twelve months of asking, one answer."""
    invite = {"source_system": "s", "survey_id": "rel", "record_key": "a"}
    months = [(2025, month) for month in range(7, 13)] + [(2026, month) for month in range(1, 7)]
    invitations = [
        invite | {"invitation_id": f"{y}-{m}", "sent_at": datetime(y, m, 2)} for y, m in months
    ]
    found = _summary([_answer("a", datetime(2026, 5, 9), 9)], invitations)
    assert _row(found, "all")["response_rate"] == pytest.approx(1 / 12)
    assert _row(found, "2026-Q2")["response_rate"] == pytest.approx(1 / 3)
    assert _row(found, "2026-05")["response_rate"] == 1


def test_no_answers_no_rows() -> None:
    assert len(_summary([])) == 0
