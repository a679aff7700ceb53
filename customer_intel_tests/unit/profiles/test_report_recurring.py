"""The report's sections on recurring revenue, personas and ideal customers, on literal rows."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from customer_intel.core.report.markup import unmarked
from customer_intel.profiles import icp as made
from customer_intel.profiles.report_personas import ideal, personas
from customer_intel.profiles.report_recurring import plans_that_lose, recurring
from customer_intel.testing import TableLab
from customer_intel_tests.unit.profiles.test_icp import CONFIG, people
from customer_intel_tests.unit.profiles.test_personas import cards, segment
from customer_intel_tests.unit.profiles.test_recurring_revenue import MARCH, lab_of
from customer_intel_tests.unit.sqlroom import schema

AS_OF = date(2026, 4, 1)


def test_a_month_is_told_in_a_sentence_with_its_customers(tmp_path: Path) -> None:
    lab = lab_of(MARCH)
    for table in ("revenue_retention", "mrr_cohort", "plan_change"):
        lab.run(table)
        lab.filled[table] = 1
    lab.metrics()
    lab.filled["metric_daily"] = 1
    said = unmarked(recurring(lab.evidence(tmp_path))).replace("\u00a0", " ")
    assert (
        "Of the recurring revenue that the month to 31 March 2026 opened with, 320.00 USD of 4 "
        "customers, 103.1 % was left when it closed, and 81.2 % without what was gained"
    ) in said
    assert "For each unit lost 1.67 were gained. 25.0 % of its customers left" in said
    # Euros apart: they opened with none.
    assert "opened with 0.00 EUR of recurring revenue and closed with 9.99" in said
    assert (
        "Changes of plan in twelve months" in said and "What is left of who came in a month" in said
    )


def test_without_subscriptions_it_says_why(tmp_path: Path) -> None:
    assert "Not available" in recurring(TableLab(AS_OF).evidence(tmp_path))


def test_a_card_is_told_with_its_interval_and_the_others(tmp_path: Path) -> None:
    lab = TableLab(AS_OF)
    rows = [
        *segment("champions", 60, country="DE"),
        *segment("champions", 20, country="FR"),
        *segment("lost", 160, country="FR"),
        *segment("promising", 10, country="FR"),
    ]
    lab.put("persona", cards(rows))
    said = unmarked(personas(lab.evidence(tmp_path))).replace("\u00a0", " ")
    assert "Champions 80 customers" in said
    assert "▲ Country DE: 75 % (65–83 %, others 0 %)" in said
    assert "Too few for a card: Promising (10)." in said


@pytest.mark.parametrize(
    ("odds", "n", "told"),
    [
        (4.0, 2000, "So every customer and account has its fit"),
        (1.0, 600, "So no fit is given"),
        (1.0, 100, "too few to say what they had in common"),
    ],
)
def test_what_the_best_had_in_common_is_told_as_surely_as_it_is_known(
    tmp_path: Path, odds: float, n: int, told: str
) -> None:
    lab, given = TableLab(AS_OF), people(1, n, odds)
    lab.put("icp", made.icp(given, CONFIG, schema("icp")))
    lab.put("icp_check", made.icp_check(given, CONFIG, schema("icp_check")))
    said = unmarked(ideal(lab.evidence(tmp_path)))
    assert told in said
    assert ("What the best had more or less often than others" in said) == (odds > 1)


@pytest.mark.parametrize(("lost", "told"), [(20, True), (6, False)])
def test_a_plan_is_said_to_lose_only_when_chance_would_hardly_do_it(
    tmp_path: Path, lost: int, told: bool
) -> None:
    lab = TableLab(AS_OF)
    row = {
        "month_start": date(2026, 3, 1),
        "currency": "USD",
        "breakdown": "plan",
        "is_whole": True,
    }
    plans = [("basic", 100, lost), ("pro", 200, 8)]
    lab.put(
        "revenue_retention",
        [
            {**row, "member": plan, "customers_opening": n, "customers_churned": k}
            for plan, n, k in plans
        ],
    )
    found = [item.text.replace("\u00a0", " ") for item in plans_that_lose(lab.evidence(tmp_path))]
    said = (
        "Customers on basic stopped paying in 20.0 % of their months, those on other plans in 4.0 %"
    )
    assert [text.startswith(said) for text in found] == [True] * told
    assert all(text.endswith(", 100 months of customers over 1 month, USD).") for text in found)
