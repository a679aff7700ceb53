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
    made.put(
        "segment_history",
        [
            _segment("new_customers", date(2026, 4, 20), date(2026, 5, 20)),
            _segment("champions", date(2026, 5, 20), None),
        ],
    )
    history = made.rows("segment_history")
    return nps_summary(made.rows("survey_answer_fact"), asked, history, schema("nps_summary"))


def _segment(name: str, since: date, until: date | None) -> dict[str, Any]:
    return {"customer_id": "c-a", "segment": name, "valid_from": since, "valid_to": until}


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
    assert _row(found, "2026-05", "rfm_segment", "new_customers")["n"] == 1
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
    assert _row(found, "2026-05", "rfm_segment", "new_customers")["response_rate"] == 1
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


def test_a_segment_is_the_one_of_the_day_of_the_answer() -> None:
    days = [datetime(2026, 4, 19), datetime(2026, 5, 19), datetime(2026, 6, 20)]
    answers = [_answer("a", at, 9, survey_id=f"s{number}") for number, at in enumerate(days)]
    found = _summary([*answers, _answer("b", days[2], 2)]).filter(
        pl.col("segment_type") == "rfm_segment", pl.col("period") == "month"
    )
    assert found.select("wave", "segment", "n").sort("wave", "segment").rows() == [
        ("2026-04", "unknown", 1),
        ("2026-05", "new_customers", 1),
        ("2026-06", "champions", 1),
        ("2026-06", "unknown", 1),
    ]


def test_who_answered_in_both_waves_is_counted_and_compared_with_himself() -> None:
    def wave(month: int, given: list[int], first: int) -> list[dict[str, Any]]:
        at = datetime(2026, month, 2)
        return [_answer(f"p{first + n}", at, score) for n, score in enumerate(given)]

    lower, higher = [9] * 20 + [7] * 10 + [3] * 10, [9] * 25 + [7] * 10 + [3] * 5
    same, others = (
        _row(_summary(wave(3, lower, 0) + wave(5, higher, first)), "2026-05") for first in (0, 100)
    )
    assert (same["n_paired"], others["n_paired"]) == (40, 0)
    assert same["delta"] == others["delta"] == 25
    assert same["p_value"] < 0.001 < 0.05 < others["p_value"]
    half = _row(_summary(wave(3, lower, 0) + wave(5, higher, 20)), "2026-05")
    assert half["n_paired"] == 20
    assert _row(_summary(wave(3, lower, 0)), "2026-03")["n_paired"] is None


def test_answers_that_cannot_be_used_are_counted_beside_n() -> None:
    may = datetime(2026, 5, 3)
    found = _summary(
        [
            _answer("a", may, 9),
            _answer("b", may, None),
            _answer("c", may, 9.5),
            _answer("d", may, 80),
            _answer("e", may, -1),
            _answer("f", may, 3.7, survey_type="csat"),
        ]
    )
    row = _row(found, "2026-05")
    assert (row["n"], row["n_unusable"], row["promoters"], row["score"]) == (1, 4, 1, 100)
    csat = _row(found, "all", "survey", "rel", metric="csat")
    assert (csat["n"], csat["n_unusable"], csat["score"], csat["mde80"]) == (0, 1, None, None)


def test_an_unusable_answer_does_not_replace_a_usable_one_and_an_empty_wave_is_passed_over() -> (
    None
):
    answers = [
        _answer("a", datetime(2026, month, 3), score)
        for month, score in ((3, 9), (4, None), (5, 2))
    ]
    found = _summary([*answers, _answer("a", datetime(2026, 5, 4), None)])
    assert _row(found, "2026-04")["n"] == 0 and _row(found, "2026-04")["prev_score"] is None
    row = _row(found, "2026-05")
    assert (row["n"], row["n_unusable"], row["score"], row["prev_score"], row["n_paired"]) == (
        1, 1, -100, 100, 1,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("metric", "given", "is_other"),
    [
        ("nps", [1, 2, 3, 4, 5] * 4, True),
        ("nps", [0, 1, 2, 3, 4, 5] * 5, True),
        ("nps", [1, 2, 3, 4, 5, 6, 7] * 5, True),
        ("nps", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] * 10, True),
        ("nps", [0, 20, 55, 100] * 5, True),
        ("nps", [8.2, 9.1, 9.0, 7.0] * 5, True),
        ("csat", [0, 25, 50, 75, 100] * 4, True),
        ("csat", [1, 3, 5, 7, 10] * 4, True),
        ("csat", [1, 2, 3] * 10, True),
        ("nps", [0, *range(1, 11)] * 10, False),
        ("nps", [10, 8, 3] * 10, False),
        ("nps", [3] * 40, False),
        ("nps", [9] * 30 + [9.5], False),
        ("csat", [1, 2, 3, 4, 5] * 4, False),
        ("csat", [4, 5] * 10, False),
    ],
)
def test_a_survey_on_another_scale_is_refused_whole(
    metric: str, given: list[float], is_other: bool
) -> None:
    at = datetime(2026, 5, 3)
    answers = [_answer(f"p{n}", at, x, survey_type=metric) for n, x in enumerate(given)]
    beside = _answer("z", at, 5, survey_type=metric, survey_id="another")
    found = _summary([*answers, beside])
    row = _row(found, "all", "survey", "rel", metric=metric)
    used = 0 if is_other else sum(x == int(x) for x in given)
    assert (row["n"], row["n_unusable"]) == (used, len(given) - used)
    assert (row["score"] is None) == is_other
    assert _row(found, "all", metric=metric)["n"] == used + 1, "other surveys stay"


def test_the_gate_warns_of_each_survey_with_answers_that_no_score_counts() -> None:
    at = datetime(2026, 5, 3)
    found = _summary(
        [_answer("a", at, 9), _answer("b", at, None), _answer("c", at, 9, survey_id="t")]
    )
    made = Room(AS_OF)
    made.put("nps_summary", found)
    assert made.failures("nps_summary") == []
    assert made.warnings("nps_summary") == ["answers_are_on_the_scale"]
