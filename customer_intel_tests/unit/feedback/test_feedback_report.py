"""What the report says of survey scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from customer_intel.core.report.evidence import Evidence
from customer_intel.core.report.markup import unmarked
from customer_intel.feedback import report
from customer_intel.testing import TableLab
from customer_intel_tests.unit.report_lake import AS_OF


def _evidence(home: Path, *rows: dict[str, Any]) -> Evidence:
    lab = TableLab(AS_OF)
    lab.put("nps_summary", rows, metric="nps", period="all", wave="all")
    lab.metrics()
    return lab.evidence(home)


USED = {"n": 40, "score": 20.0, "low": 0.0, "high": 40.0, "mde80": 30.0, "n_unusable": 2}
NONE_USED = {"n": 0, "n_unusable": 60}


def test_answers_that_count_nowhere_are_told_by_survey(tmp_path: Path) -> None:
    said = report.feedback(
        _evidence(
            tmp_path,
            {"segment_type": "all", "segment": "all", **USED, "n_unusable": 62},
            {"segment_type": "survey", "segment": "after-visit", **USED},
            {"segment_type": "survey", "segment": "five-stars", **NONE_USED},
        )
    )
    assert "62 answers count in no score" in unmarked(said)
    assert "five-stars (NPS): 60, after-visit (NPS): 2" in unmarked(said)


def test_a_survey_without_a_usable_answer_has_no_score_to_tell(tmp_path: Path) -> None:
    nothing = _evidence(tmp_path, {"segment_type": "all", "segment": "all", **NONE_USED})
    assert "NPS is" not in str(report.feedback(nothing))
