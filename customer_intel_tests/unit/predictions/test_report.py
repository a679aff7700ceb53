"""What the report says of churn, over literal rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from customer_intel.core.report.markup import unmarked
from customer_intel.predictions import report
from customer_intel.testing import TableLab
from customer_intel_tests.unit.report_lake import AS_OF

DEFINITION = {"definition_id": "purchase_90d", "horizon_days": 90}


def judged(verdict: str, metric: str = "auc", **more: Any) -> dict[str, Any]:
    return {
        "definition_id": "purchase_90d", "evaluated_origin": "all", "metric": metric, "metric_value": 0.7, "low": 0.6,
        "high": 0.8, "baseline_value": 0.6, "base_rate_value": 0.5, "n": 300, "n_positive": 90, "verdict": verdict,
        "reason": "because", **more,
    }  # fmt: skip


def told(
    tmp_path: Path, predictions: list[dict[str, Any]], evaluation: list[dict[str, Any]]
) -> str:
    lab = TableLab(AS_OF)
    lab.put("churn_predictions", predictions)
    lab.put("model_evaluation", evaluation)
    lab.metrics()
    return unmarked(report.churn(lab.evidence(tmp_path))).replace("\xa0", " ")


def scored(who: str, band: str, p: float) -> dict[str, Any]:
    return DEFINITION | {"customer_id": who, "eligible": True, "p_churn": p, "p_low": p, "p_high": p,
                         "risk_decile": 5, "risk_band": band, "model_id": "scorecard_x"}  # fmt: skip


def test_without_signal_everybody_has_the_base_rate_and_nobody_is_at_high_risk(
    tmp_path: Path,
) -> None:
    alive = [
        DEFINITION
        | {"customer_id": who, "eligible": True, "p_churn": 0.25, "model_id": "base_rate"}
        for who in "abcd"
    ]
    page = told(tmp_path, alive, [judged("no_signal")])
    assert (
        "No signal." in page
        and "Each of the 4 customers has the base rate: 1 of them are expected" in page
    )
    assert "Risk tonight" not in page and "Whom to call first" not in page


def test_a_band_stands_beside_what_past_bands_came_to_and_the_lapsed_apart(tmp_path: Path) -> None:
    rows = [scored("a", "high", 0.8), scored("b", "low", 0.2), scored("c", "low", 0.1)]
    rows.append(DEFINITION | {"customer_id": "d", "eligible": False, "p_return": 0.12})
    came = [judged("model"), judged("model", "churn_high", metric_value=0.77, baseline_value=0.66)]
    page = told(tmp_path, rows, came)
    assert "77 %" in page and "66 %" not in page
    assert "1 more have lapsed" in page and "12 % came back within the horizon before" in page
