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
    assert (
        "For each unit lost 1.67 were gained. 25.0 % of its customers pay nothing any more" in said
    )
    assert "because they paused" not in said and "in quarantine" not in said
    assert "In none of" not in said
    # Euros apart: they opened with none.
    assert "opened with 0.00 EUR of recurring revenue and closed with 9.99" in said
    assert (
        "Changes of plan in twelve months" in said and "What is left of who came in a month" in said
    )


def told_of(lab: TableLab, folder: Path) -> str:
    """The section over a lab with subscription_fact."""
    lab.run("revenue_retention")
    lab.filled["revenue_retention"] = 1
    lab.metrics()
    lab.filled["metric_daily"] = 1
    return unmarked(recurring(lab.evidence(folder))).replace("\u00a0", " ")


def test_who_pauses_has_not_left(tmp_path: Path) -> None:
    pauses = [(f"p{n}", "USD", "basic", date(2026, 1, 5), date(2026, 3, 5), "10") for n in range(2)]
    lab = lab_of([*MARCH, *pauses])
    lab.put(
        "subscription_fact",
        [{"subscription_key": f"q{n}", "customer_id": f"p{n}", "currency": "USD", "state": "paused",
          "valid_from": date(2026, 3, 5), "valid_to": [None, date(2026, 3, 20)][n], "mrr": 0}
         for n in range(2)],
    )  # fmt: skip
    said = told_of(lab, tmp_path)
    # One of them was paused and then ended.
    assert "50.0 % of its customers pay nothing any more (" in said
    assert "), 1 of the 3 because they paused." in said


def test_prices_without_a_history_are_said_to_be(tmp_path: Path) -> None:
    since = date(2025, 11, 5)
    lab = lab_of(
        [("a", "USD", "basic", since, None, "10"), ("b", "USD", "basic", since, None, "5")]
    )
    said = told_of(lab, tmp_path)
    assert "In none of 4 months did anybody pay more or less than before" in said
    assert "100.0 % was left when it closed" in said and "; nothing was gained." in said
    assert "without what was gained" not in said


def test_subscriptions_in_quarantine_are_missing_and_said_to_be(tmp_path: Path) -> None:
    lab = lab_of(MARCH)
    files = [
        ("subscriptions", 1, 31),
        ("subscriptions", 5, 30),
        ("subscription_events", 1, 31),
        ("orders", 9, 31),
    ]
    lab.put(
        "export_file",
        [
            {"entity": entity, "mapping": f"bill_{entity}", "rows_quarantined": n,
             "export_date": date(2026, 3, on)}
            for entity, n, on in files
        ],
    )  # fmt: skip
    assert "2 rows of subscriptions could not be read and lie in quarantine" in told_of(
        lab, tmp_path
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
    assert "No card: Promising (10). A card needs 30 customers of whom the same is known." in said
    assert "Money is in" not in said


def test_money_on_a_card_has_its_currency(tmp_path: Path) -> None:
    lab = TableLab(AS_OF)
    rows = [*segment("champions", 60, mrr=40), *segment("lost", 160, mrr=None)]
    rows += segment("champions", 20, mrr=None)
    lab.put("persona", cards(rows))
    said = unmarked(personas(lab.evidence(tmp_path, "EUR"))).replace("\u00a0", " ")
    assert "Recurring revenue a month of who pays: 40.0 EUR (40.0 to 40.0, known of 60)" in said
    assert "Money is in EUR. Who pays nothing a month" in said


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
