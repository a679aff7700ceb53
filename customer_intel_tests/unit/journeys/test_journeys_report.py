"""How the report names the steps of journeys."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from customer_intel.behaviour.model import caption_of
from customer_intel.core.report.evidence import Evidence
from customer_intel.core.report.markup import unmarked
from customer_intel.core.report.style import CSS
from customer_intel.journeys import report, report_attribution, report_map, report_words
from customer_intel.journeys.attribution import MODELS
from customer_intel.testing import TableLab


@pytest.mark.parametrize(
    ("touchpoint_id", "said"),
    [
        ("web:page_viewed:checkout", "Checkout page (web)"),
        ("web:page_viewed:error_page", "Error page (web)"),
        ("app:used:brew_timer", "Used: brew timer (app)"),
        ("shop:order_placed", "Order placed (shop)"),
        ("(start)", "Start"),
    ],
)
def test_a_touchpoint_is_named_in_words(touchpoint_id: str, said: str) -> None:
    assert report_words.touchpoint_name(touchpoint_id) == said


def a_flow(*begun: tuple[str, int, int]) -> list[dict[str, Any]]:
    """Journeys of one step each: the step, how many, how many of them converted."""
    return [
        row
        for step, n, won in begun
        for row in (
            {"step_no": 1, "from_step": "(start)", "to_step": step, "n": n, "n_converted": won},
            {"step_no": 2, "from_step": step, "to_step": "(conversion)", "n": won, "n_converted": won},
            {"step_no": 2, "from_step": step, "to_step": "(no conversion)", "n": n - won},
        )
        if row["n"]
    ]  # fmt: skip


def test_figures_of_all_journeys_are_not_of_the_ways_that_are_kept(tmp_path: Path) -> None:
    lab = TableLab(date(2026, 7, 1))
    lab.put(
        "journey_paths",
        [{"path": "web:a", "path_rank": 1, "n": 5, "n_converted": 5, "coverage": 0.05}],
    )
    lab.put("journey_flow", a_flow(("web:a", 40, 10), ("web:z", 60, 20)))
    lab.metrics()
    told = unmarked(report.journeys(lab.evidence(tmp_path))).replace("\u00a0", " ")
    assert "100 journeys have ended; 30 % of them brought a conversion" in told
    assert "Those that still go on, the longer ones among the latest, are not counted." in told
    assert "Z (web)" + "60" + "60 %" in told
    assert "1 most frequent ways that are kept cover 5 % of them" in told


def test_features_and_steps_call_a_page_so_once() -> None:
    assert caption_of("page_viewed:promo_page") == "Promo page"
    assert report_words.touchpoint_name("web:page_viewed:promo_page") == "Promo page (web)"


def test_the_flow_scrolls_at_a_size_that_can_be_read(tmp_path: Path) -> None:
    lab = TableLab(date(2026, 7, 1))
    lab.put("journey_flow", a_flow(("web:a", 5, 5)))
    lab.metrics()
    assert '<div class="scroll"><svg class="chart wide"' in str(
        report.journeys(lab.evidence(tmp_path))
    )
    assert ".scroll .chart{min-width:1040px}" in CSS
    assert ".wide .axis{fill:var(--soft)}" in CSS
    assert "background-attachment:local,local,scroll,scroll" in CSS


def test_an_amount_that_nobody_told_is_no_zero(tmp_path: Path) -> None:
    lab = TableLab(date(2026, 7, 1))
    way = {"path": "web:a", "path_rank": 1, "n": 5, "n_converted": 5, "conversion_rate": 1.0}
    lab.put("journey_paths", [{**way, "conversion_value": None}])
    lab.put("journey_flow", a_flow(("web:a", 5, 5)))
    lab.metrics()
    told = unmarked(report.journeys(lab.evidence(tmp_path, "EUR")))
    assert "·" in told.partition("The most frequent ways")[2]
    assert "0.00" not in told


@pytest.mark.parametrize(
    ("won", "told"),
    [
        (0, "none of them holds a conversion: no order,"),
        (3, "60\u00a0% of them brought a conversion"),
    ],
)
def test_a_company_without_any_conversion_is_told_so(tmp_path: Path, won: int, told: str) -> None:
    lab = TableLab(date(2026, 7, 1))
    lab.put("journey_flow", a_flow(("a", 5, won)))
    lab.metrics()
    assert told in unmarked(report.journeys(lab.evidence(tmp_path)))


def test_a_path_that_begins_with_the_conversion_is_named() -> None:
    assert "Directly" in str(report_words.path("(start)"))


def a_point(verdict: str, excess: float = 40.0) -> dict[str, Any]:
    return {
        "pain_rank": 1, "touchpoint_id": "web:checkout_started", "stage": "purchase",
        "owner": "team:sales", "is_arrival": False, "pain_verdict": verdict, "n_ended": 100,
        "n_steps": 800, "n_lost": 100, "expected": 100 - excess, "excess": excess,
        "excess_low": excess - 25, "excess_high": excess + 25, "lost_value": Decimal(800),
        "n_tickets": 1, "n_reviews": 0, "n_low_scores": 2, "top_reason": "price",
    }  # fmt: skip


def company(
    tmp_path: Path, *points: dict[str, Any], defined: list[dict[str, Any]] | None = None
) -> Evidence:
    lab = TableLab(date(2026, 7, 1))
    lab.put("pain_point", list(points))
    lab.put(
        "journey_map",
        [{"stage": "purchase", "channel": "web", "owner": "team:sales", "n_activities": 9,
          "customers": 5, "share": 1.0, "n_journeys": 400, "n_ended": 200, "n_lost": 100,
          "drop_off": 0.25, "drop_off_low": 0.2, "drop_off_high": 0.3, "transition_days": 90}],
    )  # fmt: skip
    lab.put("behaviour_definition", defined or [])
    lab.metrics()
    return lab.evidence(tmp_path, "USD")


def test_the_costliest_pain_point_is_told_with_its_interval_its_n_and_its_cost(
    tmp_path: Path,
) -> None:
    evidence = company(tmp_path, a_point("loses_more"))
    (found,) = report_map.costliest(evidence)
    said = unmarked(found.text)
    assert "‘Checkout started (web)’ 40 journeys more were lost in the last 90 days" in said
    assert "(95 %: 15 to 65; 100 lost there)" in said.replace("\u00a0", " ")
    assert said.endswith("that is 800 USD.".replace(" USD", "\u00a0USD"))
    assert found.value == 0.2
    told = unmarked(report_map.pain_points(evidence))
    assert "1 ticket, 2 bad scores (price)" in told
    assert "more than chance" in told


def test_what_chance_explains_is_no_finding_and_is_said_to_be_none(tmp_path: Path) -> None:
    evidence = company(tmp_path, a_point("unsure"))
    assert list(report_map.costliest(evidence)) == []
    told = unmarked(report_map.pain_points(evidence))
    assert "At no step are more journeys lost than chance explains" in told
    assert "may be chance" in told


@pytest.mark.parametrize("condition", ["revenue >= 1000", None])
def test_a_condition_that_journeys_do_not_ask_for_is_said(
    tmp_path: Path, condition: str | None
) -> None:
    evidence = company(
        tmp_path,
        a_point("loses_more"),
        defined=[{"kind": "conversion", "origin": "declared", "condition": condition},
                 {"kind": "feature", "origin": "declared", "condition": "amount > 3"}],
    )  # fmt: skip
    said = "counts a conversion only where revenue >= 1000" in unmarked(report.journeys(evidence))
    assert said == bool(condition)
    assert len(list(report_map.costliest(evidence))) == (0 if condition else 1)


@pytest.mark.parametrize("customer", ["c", None])
def test_where_nobody_is_known_the_page_says_so(tmp_path: Path, customer: str | None) -> None:
    lab = TableLab(date(2026, 7, 1))
    lab.put("activity", [{"activity_id": "a", "customer_id": customer, "day": date(2026, 6, 1)}])
    for name in ("journey_flow", "journey_map", "attribution"):
        lab.put(name, [])
    evidence = lab.evidence(tmp_path)
    for told in (report.journeys(evidence), report_attribution.by_channel(evidence)):
        said = "no source says whose the acts are" in unmarked(told)
        assert said == (customer is None)


def test_the_map_marks_the_cell_of_a_sure_pain_point(tmp_path: Path) -> None:
    sure = str(report_map.the_map(company(tmp_path, a_point("loses_more"))))
    assert '<b class="down">5</b><br/><small>25\u00a0% lost</small>' in sure
    (tmp_path / "b").mkdir()
    unsure = str(report_map.the_map(company(tmp_path / "b", a_point("unsure"))))
    assert "<b>5</b>" in unsure


def test_attribution_is_told_with_intervals_and_what_a_conversion_cost(tmp_path: Path) -> None:
    lab = TableLab(date(2026, 7, 1))
    share = {"email": 0.6, "paid": 0.4}
    lab.put(
        "attribution",
        [{"model": model, "channel": channel, "n_paths": 20, "n_converted": 10,
          "conversions": 10 * share[channel], "conversion_value": Decimal(100),
          "share": share[channel], "share_low": share[channel] - 0.1,
          "share_high": share[channel] + 0.1, "markov_order": 2 if model == "markov" else None,
          "cost": Decimal(20) if channel == "paid" else None,
          "cost_per_conversion": Decimal(5) if channel == "paid" else None}
         for model in MODELS for channel in share]
        + [{"model": model, "channel": "(none)", "n_paths": 10, "n_converted": 10,
            "conversions": 10.0, "conversion_value": Decimal(100)} for model in MODELS],
    )  # fmt: skip
    lab.put(
        "attribution_campaign",
        [{"campaign": "spring", "channel": "email", "n_paths": 9, "linear_conversions": 4.5,
          "last_conversions": 3, "conversion_value": Decimal(70), "cost": Decimal(9),
          "cost_per_conversion": Decimal(2)}],
    )  # fmt: skip
    lab.metrics()
    told = unmarked(report_attribution.by_channel(lab.evidence(tmp_path, "USD")))
    assert "spring" + "Email" + "9" + "4.5" + "3" in told
    told = told.replace("\u00a0", " ")
    assert (
        "50 % (95 %: 30–70 %) of the latest 20 conversions came after a touch by Email or Paid."
        in told
    )
    assert "Email 60 % (95 %: 50–70 %) and Paid 40 % (95 %: 30–50 %)" in told
    assert "looks 2 touches back" in told
    assert "A conversion cost 5.00 USD by Paid in advertising." in told


def test_paths_of_one_channel_are_no_praise_of_a_model(tmp_path: Path) -> None:
    """Each of ten paths that converted touches one channel: no model can tell otherwise."""
    lab = TableLab(date(2026, 7, 1))
    lab.put(
        "attribution",
        [{"model": model, "channel": channel, "n_paths": 9, "n_converted": n, "conversions": float(n),
          "share": n / 10, "share_low": 0.1, "share_high": 0.9,
          "markov_order": 2 if model == "markov" else None}
         for model in MODELS for channel, n in (("email", 6), ("paid", 4))],
    )  # fmt: skip
    lab.metrics()
    told = unmarked(report_attribution.by_channel(lab.evidence(tmp_path)))
    assert "touches of one channel only, so all models credit the same by construction" in told
    assert "foretold" not in told


def test_without_any_touch_attribution_says_what_counts_as_one(tmp_path: Path) -> None:
    lab = TableLab(date(2026, 7, 1))
    lab.put("attribution", [{"model": "last", "channel": "(none)", "conversions": 3.0}])
    said = unmarked(report_attribution.by_channel(lab.evidence(tmp_path)))
    assert "Which count is set in config/journeys.yaml (touch_events, direct_channels)" in said


def test_a_loop_of_a_path_is_named_step_by_step() -> None:
    said = unmarked(report_words.path("web:a > web:b ⇄ app:c ×2+ > …"))
    assert said == "A (web) → B (web) ⇄ C (app) ×2+ → …"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, "·"), (0.0, "0 s"), (119.0, "119 s"), (7200.0, "2 h"), (1e6, "12 d")],
)
def test_a_time_is_told_in_its_unit(seconds: float | None, said: str) -> None:
    assert report_words.long(seconds).replace("\u00a0", " ") == said
