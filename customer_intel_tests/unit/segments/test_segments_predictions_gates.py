"""The tables of segments, predictions and feedback scores fit their contracts, and their own gates
close on poison.
"""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from customer_intel.core.gate import gate
from customer_intel.feedback import nps_summary as survey
from customer_intel.predictions import churn, evaluation
from customer_intel_tests.unit.facts_rows import chain
from customer_intel_tests.unit.small_lake import config, put, simulate
from customer_intel_tests.unit.sqlroom import Room, schema

AS_OF = date(2026, 7, 1)
TABLES = (
    "rfm", "segment_history", "segment_summary", "churn_features", "churn_scores", "model_evaluation",
    "calibration_bins", "churn_predictions", "nps_summary",
)  # fmt: skip


@pytest.fixture(scope="module")
def room() -> Room:
    settings = config("predictions") | {"bootstrap_replicates": 10}
    when = {"as_of": AS_OF, "snapshot_id": "s"}
    room = put(Room(AS_OF), simulate(500, 600, AS_OF, seed=3))
    room.put("unprofiled_customer", [{"customer_id": "c000007", "reason": "denied", **when}])

    def keep(name: str, table: pl.DataFrame) -> pl.DataFrame:
        contract = room.contract.table(name)
        plain = [
            column.name
            for column in contract.columns
            if column.name not in ("as_of", "snapshot_id")
        ]
        assert sorted(table.columns) == sorted(plain)
        room.con.execute(f"DROP TABLE IF EXISTS {name}").fetchall()
        room.put(name, table, **when)
        return table

    keep("rfm", chain(room, "rfm"))
    keep("segment_summary", chain(room, "segment_summary"))
    history = keep("segment_history", chain(room, "segment_history"))
    features = keep("churn_features", chain(room, "churn_features"))
    scores = keep(
        "churn_scores", churn.churn_scores(features, AS_OF, settings, schema("churn_scores"))
    )
    judged = keep(
        "model_evaluation",
        evaluation.model_evaluation(features, scores, settings, schema("model_evaluation")),
    )
    keep("calibration_bins", evaluation.calibration_bins(scores, schema("calibration_bins")))
    keep(
        "churn_predictions",
        evaluation.churn_predictions(
            features, scores, judged, AS_OF, settings, schema("churn_predictions")
        ),
    )
    asked = chain(room, "survey_invitation_fact")
    keep(
        "nps_summary",
        survey.nps_summary(room.rows("survey_answer_fact"), asked, history, schema("nps_summary")),
    )
    return room


@pytest.mark.parametrize("name", TABLES)
def test_the_gate_passes(room: Room, name: str) -> None:
    assert room.con.sql(f"SELECT count(*) FROM {name}").fetchall()[0][0] > 0
    verdict = gate.check(room.con, room.contract.table(name), previous_rows=None)
    assert verdict.passed, [finding.message for finding in verdict.failed]


DENIED = "customer_id = 'c000007'"
POISON = [
    ("rfm", DENIED, "without_unprofiled_customer"),
    ("rfm", "segment = 'champions'", "a_champion_bought_lately"),
    ("churn_features", DENIED, "without_unprofiled_customer"),
    ("churn_scores", DENIED, "without_unprofiled_customer"),
    ("churn_predictions", DENIED, "without_unprofiled_customer"),
    ("segment_summary", "revenue = revenue + 0.01", "revenue_is_its_customers"),
    (
        "rfm",
        "f_score = CASE WHEN customer_id < 'c000100' THEN f_score ELSE 1 END",
        "equal_frequency_equal_score",
    ),
    (
        "rfm",
        "r_score = CASE WHEN customer_id < 'c000100' THEN r_score ELSE 1 END",
        "equal_recency_equal_score",
    ),
    ("segment_summary", "n = n + 1", "every_customer_in_one_segment"),
    ("churn_features", "label = 1", "label_only_when_matured"),
    ("churn_scores", "contribution_sum = contribution_sum + 0.0000001", "reasons_sum_to_logit"),
    ("churn_scores", "p_model = p_model * 0.999", "probability_is_of_its_logit"),
    ("churn_scores", "is_in_training = TRUE", "today_is_not_in_training"),
    ("model_evaluation", "metric_value = NULL", "value_unless_insufficient"),
    ("model_evaluation", "low = high + 1", "interval_holds_value"),
    ("calibration_bins", "low = high, observed_share = 0", "interval_holds_share"),
    ("churn_predictions", "p_low = 1, p_churn = 0.5", "interval_holds_probability"),
    ("churn_predictions", "p_churn = NULL", "lapsed_has_no_score"),
    ("churn_predictions", "risk_band = NULL", "base_rate_tells_nobody_apart"),
    ("churn_predictions", "reason_1_logodds = -1", "reason_raises_risk"),
    ("churn_predictions", "model_id = 'scorecard_x'", "losing_model_not_published"),
    ("nps_summary", "passives = passives + 1", "answers_add_up"),
    ("nps_summary", "low = score + 1, high = score + 2", "interval_holds_score"),
    ("nps_summary", "method = NULL", "scored_where_answered"),
    ("nps_summary", "n_paired = n + 1", "pairs_within_answers"),
    ("segment_history", "valid_to = valid_from", "stretches_do_not_overlap"),
    ("segment_history", "segment = 'x'", "open_stretches_are_todays_segments"),
    ("nps_summary", "p_adj = p_value / 2", "adjusted_not_below_plain"),
    ("nps_summary", "score = score / 2 + 1", "score_is_its_counts"),
]


@pytest.mark.parametrize(("name", "change", "closed_by"), POISON)
def test_poison_closes_the_gate(room: Room, name: str, change: str, closed_by: str) -> None:
    room.con.execute("BEGIN").fetchall()
    try:
        if closed_by == "losing_model_not_published":
            room.con.execute("UPDATE model_evaluation SET verdict = 'baseline'").fetchall()
        room.con.execute(f"UPDATE {name} SET {change}").fetchall()
        assert closed_by in room.failures(name)
    finally:
        room.con.execute("ROLLBACK").fetchall()
