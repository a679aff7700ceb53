"""What the report says of retention, growth and features: figures with their intervals, nothing taken for proof."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from customer_intel.behaviour.feature_driver import REASONS
from customer_intel.behaviour.report import REPORT, funnel
from customer_intel.behaviour.report_base import Beginning
from customer_intel.behaviour.report_features import features, what_keeps
from customer_intel.behaviour.report_retention import SECTIONS, lifecycle, retention
from customer_intel.core.report.charts_behaviour import (
    Cell,
    Labelled,
    Stack,
    field,
    stacks,
    triangle,
)
from customer_intel.core.report.markup import unmarked
from customer_intel.testing import TableLab
from customer_intel_tests.unit.behaviour.rolled_up import lab_of
from customer_intel_tests.unit.behaviour.test_features import (
    AS_OF,
    EXPORT,
    before,
    kept,
    with_features,
)

NBSP = "\N{NO-BREAK SPACE}"


def monthly() -> TableLab:
    """40 customers of January, of whom 10 came back in February; 5 of February."""
    acts = [(f"c{n:02}", "view", datetime(2026, 1, 5)) for n in range(40)]
    acts += [(f"c{n:02}", "view", datetime(2026, 2, 5)) for n in range(10)]
    acts += [(f"d{n:02}", "view", datetime(2026, 2, 6)) for n in range(5)]
    acts += [("c00", "view", datetime(2026, 3, 2))]
    lab = lab_of(acts, date(2026, 3, 10), retention_month_after_days=30)
    lab.run("lifecycle_period")
    lab.run("stickiness_period")
    lab.run("retention_cohort")
    return lab


def test_who_came_back_is_told_with_n_and_interval(tmp_path: Path) -> None:
    told = retention(monthly().evidence(tmp_path))
    sentence = f"25{NBSP}% (14–40{NBSP}%) of 40 customers came back in the month after they began."
    assert sentence in unmarked(told)
    # March is not over: what was seen so far stands in brackets, with what it is of.
    assert "(2)" in told and "1 of 40 so far" in told
    assert "began by any act of their own" in told
    assert "Of ‘Conversion’ nobody did what begins it" in told


def test_growth_is_told_by_its_parts_of_the_last_whole_month(tmp_path: Path) -> None:
    told = unmarked(lifecycle(monthly().evidence(tmp_path)))
    assert "Of the 15 customers active in Feb 2026" in told
    lab = monthly()
    rows = lab.rows("lifecycle_period")
    extra = [
        {"interval_unit": "month", "starts_on": day, "n_active": 0, "n_new": 0, "n_returning": 0,
         "n_resurrecting": 0, "n_dormant": 0, "is_complete": True}
        for day in (date(2025, 11, 1), date(2025, 12, 1))
    ]  # fmt: skip
    assert len(rows) > 2
    lab.put("lifecycle_period", extra)
    told = unmarked(lifecycle(lab.evidence(tmp_path)))
    assert (
        "15 customers were active in Feb 2026: 10 of them in the month before too, 0 came back after a pause, 5 were "
        "new. 30 of those active the month before stayed away." in told
    )


START = {"source_system": "web", "entity": "events", "n": 900}


def test_cohorts_of_a_sources_first_month_are_starred_and_in_no_sentence(tmp_path: Path) -> None:
    rows = {"retention": "activity", "interval_unit": "month", "interval_no": 1, "start_event": "any",
            "return_event": "any", "is_complete": True}  # fmt: skip
    cohorts = [
        (date(2025, 10, 1), 100, 20),
        (date(2025, 11, 1), 100, 90),
        (date(2025, 12, 1), 50, 45),
    ]
    lab = TableLab(date(2026, 3, 10))
    lab.put(
        "retention_cohort",
        [
            {**rows, "cohort": first, "n_cohort": n, "n_eligible": n, "n_retained": k,
             "retention_rate": k / n, "low": 0.0, "high": 1.0}
            for first, n, k in cohorts
        ],
    )  # fmt: skip
    # The source that tells of hardly any acts moves nothing.
    few = {"source_system": "till", "entity": "orders", "n": 2, "first_day": date(2026, 2, 1)}
    lab.put("source_start", [{**START, "first_day": date(2025, 10, 2)}, few])
    told = unmarked(retention(lab.evidence(tmp_path)))
    assert f"90{NBSP}%" in told and "of 150 customers came back in the month after" in told
    assert "Oct 2025*" in told and "Nov 2025*" not in told
    assert "the last, web, begins on 2 October 2025" in told


@pytest.mark.parametrize(
    ("first", "unit", "begun", "is_before"),
    [
        (date(2025, 7, 1), "month", date(2025, 6, 30), True),
        (date(2025, 8, 1), "month", date(2025, 6, 30), False),
        (date(2023, 2, 1), "month", date(2023, 1, 11), False),
        (date(2023, 2, 1), "month", date(2023, 1, 12), True),
        (date(2023, 1, 1), "month", date(2023, 1, 1), True),
        (date(2026, 1, 12), "week", date(2026, 1, 7), False),
        (date(2026, 1, 12), "week", date(2026, 1, 8), True),
        (date(2026, 1, 12), "day", date(2026, 1, 11), False),
        (date(2026, 1, 12), "day", date(2026, 1, 12), True),
    ],
)
def test_who_is_new_is_known_after_a_whole_period(
    first: date, unit: str, begun: date, is_before: bool
) -> None:
    assert Beginning(begun, "web").is_before(first, unit) == is_before


def test_cohorts_that_are_all_too_early_are_told_with_a_warning(tmp_path: Path) -> None:
    lab = monthly()
    lab.put("source_start", [{**START, "first_day": date(2026, 2, 20)}])
    told = unmarked(retention(lab.evidence(tmp_path)))
    assert (
        "of 40 customers came back in the month after they began. So say cohorts that begin" in told
    )
    lab.put("lifecycle_period", [
        {"interval_unit": "month", "starts_on": day, "n_active": 0, "n_new": 0, "n_returning": 0,
         "n_resurrecting": 0, "n_dormant": 0, "is_complete": True}
        for day in (date(2025, 11, 1), date(2025, 12, 1))
    ])  # fmt: skip
    told = unmarked(lifecycle(lab.evidence(tmp_path)))
    assert (
        "Nothing is told of growth yet: all sources tell of acts since 20 February 2026 only"
        in told
    )
    assert "Feb 26*" in told


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.key)
def test_without_tables_a_section_says_why(section: Any, tmp_path: Path) -> None:
    assert "is in no release yet" in section.make(TableLab(AS_OF).evidence(tmp_path))


@pytest.mark.parametrize(("is_counted", "is_told"), [(False, True), (True, False)])
def test_orders_given_back_whole_are_told_beside_funnels(
    is_counted: bool, is_told: bool, tmp_path: Path
) -> None:
    lab = with_features([("a", "view", before(5))])
    lab.put("funnel_step", [{"funnel": "f", "step": 1}])
    lab.put("order_fact", [{"order_key": "1", "is_sale": True, "is_counted": is_counted}])
    told = unmarked(funnel(lab.evidence(tmp_path)))
    assert ("Orders given back whole since: 1." in told) == is_told


@pytest.mark.parametrize("tell", [retention, lifecycle])
def test_acts_of_nobody_known_are_said_to_be(tell: Any, tmp_path: Path) -> None:
    lab = TableLab(AS_OF)
    lab.put("activity", [{"activity_id": "1", "activity": "page_viewed"}])
    assert "none by a customer who is known" in tell(lab.evidence(tmp_path))
    lab.put("activity", [{"activity_id": "2", "activity": "email_sent", "customer_id": "c"}])
    assert "none by a customer who is known" not in tell(lab.evidence(tmp_path))


def evidence_of(tmp_path: Path, effect: float) -> Any:
    lab = with_features(kept(effect=effect))
    lab.run("feature_usage")
    lab.run("feature_driver")
    return lab.evidence(tmp_path)


def test_a_supported_feature_is_told_as_an_association(tmp_path: Path) -> None:
    evidence = evidence_of(tmp_path, 0.45)
    told = unmarked(features(evidence))
    assert "Customers who used ‘Export’ stayed +" in told
    assert "more often than equally engaged customers who did not" in told
    assert "That is an association, no proof." in told
    (finding,) = what_keeps(evidence)
    assert finding.evidence_table == "feature_driver" and 0.1 < finding.value < 0.4
    assert "An association; an experiment with" in finding.text


def test_nothing_is_a_finding_where_nothing_is_sure(tmp_path: Path) -> None:
    evidence = evidence_of(tmp_path, 0.0)
    assert list(what_keeps(evidence)) == []
    told = unmarked(features(evidence))
    assert "For none of 1 features is it shown that users stay more often" in told


def judged(tmp_path: Path, *rows: dict[str, Any]) -> str:
    """The section Features over verdicts as given, of 400 active customers."""
    lab = TableLab(AS_OF)
    used = {"n": 400, "n_adopters": 40, "feature_days": 90, "repeat_days": 28, "adoption": 0.1}
    names = [{"feature": f"f{at}", "caption": f"F{at}"} for at in range(len(rows))]
    lab.put("feature_usage", [{**used, **name} for name in names])
    verdict = {"verdict": "inconclusive", "reason": REASONS["none"]}
    lab.put(
        "feature_driver",
        [{**verdict, **name, **row} for name, row in zip(names, rows, strict=True)],
    )
    return unmarked(features(lab.evidence(tmp_path)))


def test_what_nobody_knows_is_not_told_as_no_difference(tmp_path: Path) -> None:
    told = judged(
        tmp_path,
        {},
        {"reason": REASONS["unsure"]},
        {"reason": REASONS["fewer"]},
        {"verdict": "confounded", "reason": REASONS["confounded"]},
    )
    assert (
        "For none of 4 features is it shown that users stay more often than equally engaged customers: 1 are used by "
        "the engaged, who stay anyway, 1 have users who stay less often than others, for 2 the data does not decide."
    ) in told
    told = judged(tmp_path, {"reason": REASONS["alike"]})
    assert "1 have users who stay like others, within five points." in told


def test_an_interval_that_holds_all_is_undecided_rather_than_a_number(tmp_path: Path) -> None:
    wide = {
        "corrected_difference": 0.426,
        "corrected_low": -0.19,
        "corrected_high": 1.0,
        "q_value": 0.318,
    }
    told = judged(tmp_path, wide)
    assert "undecided" in told and "+42.6" not in told and "+100" not in told
    assert ".318" in told and "p = .318" not in told
    narrow = {**wide, "corrected_low": 0.2, "corrected_high": 0.6}
    told = judged(tmp_path, narrow)
    assert "+42.6" in told and "+20 to +60" in told


def test_use_and_staying_tells_the_customers_of_the_verdicts(tmp_path: Path) -> None:
    lab = TableLab(AS_OF)
    names = [{"feature": f"f{at}", "caption": f"F{at}"} for at in range(2)]
    used = {"n": 400, "adoption": 0.1, "n_users": 53, "users_retained": 0.87, "n_others": 347,
            "others_retained": 0.5, "feature_days": 90, "repeat_days": 28}  # fmt: skip
    lab.put("feature_usage", [{**used, **name} for name in names])
    sides = {"n_exposed": 42, "rate_exposed": 0.88, "n_unexposed": 300, "rate_unexposed": 0.5}
    verdict = {"verdict": "inconclusive", "reason": REASONS["none"], **sides}
    lab.put("feature_driver", [{**verdict, **name} for name in names])
    told = features(lab.evidence(tmp_path))
    assert f"88{NBSP}% of 42 users stayed" in told and "53 users" not in told


@pytest.mark.parametrize("barred", [3, 0])
@pytest.mark.parametrize("section", ["retention", "lifecycle", "features", "funnel"])
def test_who_may_not_be_profiled_is_said_to_be_counted_or_left_out(
    section: str, barred: int, tmp_path: Path
) -> None:
    lab = monthly()
    lab.put("feature_usage", [{"feature": "f", "caption": "F", "n": 40, "n_adopters": 1, "adoption": 0.025,
                               "feature_days": 90, "repeat_days": 28}])  # fmt: skip
    lab.put("funnel_step", [{"funnel": "f", "step": 1}])
    (tell,) = (item.make for item in REPORT.sections if item.key == section)
    lab.put(
        "behaviour_definition",
        [{**EXPORT, "origin": "declared", "certainty": "said", "caption": "Export"}],
    )
    people = [{"customer_id": f"c{n}", "is_profiling_denied": n < barred} for n in range(40)]
    lab.put("customer_profile", people)
    said = "Left out are the 3" if section == "funnel" else "also the 3 customers who may not"
    assert (said in unmarked(tell(lab.evidence(tmp_path)))) == bool(barred)


def test_features_of_nobody_known_are_told_so(tmp_path: Path) -> None:
    lab = TableLab(AS_OF)
    lab.put("feature_usage", [{"feature": "f", "caption": "F", "n": 0, "n_adopters": 0}])
    told = unmarked(features(lab.evidence(tmp_path)))
    assert told.startswith("Features are named, but no customer who is known did anything")


def test_a_time_is_told_in_the_unit_that_fits(tmp_path: Path) -> None:
    lab = with_features(
        [
            ("a", "view", before(5)),
            ("a", "export", before(5) + timedelta(seconds=40)),
            ("z", "export", before(30)),
        ]
    )
    lab.run("feature_usage")
    assert "20 s" in unmarked(features(lab.evidence(tmp_path)))


# ---- shapes
def test_open_cells_of_a_triangle_are_not_tinted() -> None:
    drawn = triangle(
        [("Jan", "40")], [[Cell(1.0), Cell(0.25, is_open=True, said="so far"), Cell(None)]], "Began"
    )
    assert "--p:0.60" in drawn and "(25)" in drawn and 'title="so far"' in drawn and "·" in drawn
    assert drawn.count("<th ") == 6


def test_stacks_stand_on_each_other_and_below_the_line() -> None:
    drawn = stacks(
        [Stack("Jan", (10, 5), 4), Stack("Feb", (1, 1), 0, is_open=True)],
        ("a", "b", "gone"),
        "parts",
    )
    assert "Jan, a: 10" in drawn and "Jan, gone: 4" in drawn and drawn.count('opacity="0.45"') == 3
    assert stacks([], ("a", "gone"), "parts").startswith("<div")


def test_names_of_a_field_do_not_cover_each_other() -> None:
    points = [Labelled(0.2, 0.5, f"Feature {n}", "node") for n in range(4)]
    drawn = field(points, "field", ("x", "y"), mark=0.4)
    lines = {part.split('"')[0] for part in drawn.split(' y="')[1:] if "legend" in part}
    assert len(lines) == 4
    assert "&lt;b&gt;" in field([Labelled(0.1, 0.2, "<b>", "node")], "field", ("x", "y"))
