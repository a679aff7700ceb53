"""Recurring revenue of public data sets, used in place, to the cent against sums over the raw files."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from customer_intel_tests.whole_nights import Steps, upstream

pytestmark = pytest.mark.slow
TABLES = ("revenue_retention", "mrr_cohort", "plan_change")


@dataclass(frozen=True)
class Paid:
    """A stretch of paying as the file has it: an end is the first day that is not paid."""

    customer: str
    start: date
    end: date | None
    amount: Decimal

    def holds(self, day: date) -> bool:
        return self.start <= day and (self.end is None or day < self.end)


def tables(home: Path, as_of: date, landing: Path) -> dict[str, pl.DataFrame]:
    steps = Steps(home, as_of, landing)
    outcomes = steps.build(upstream(*TABLES))
    assert all(outcome.passed for outcome in outcomes.values())
    return {
        name: pl.concat(pl.read_parquet(file) for file in steps.night.lake.files(name))
        for name in TABLES
    }


def sums(stretches: list[Paid], day: date) -> dict[str, Decimal]:
    """What each customer pays when a day begins."""
    found: dict[str, Decimal] = {}
    before = day - timedelta(days=1)
    for item in stretches:
        if item.holds(before):
            found[item.customer] = found.get(item.customer, Decimal(0)) + item.amount
    return found


def months(first: date, last: date) -> Iterator[tuple[date, date]]:
    while first < last:
        after = (first + timedelta(days=31)).replace(day=1)
        yield first, after
        first = after


def assert_months(found: dict[str, pl.DataFrame], stretches: list[Paid], as_of: date) -> None:
    """Each month's opening and closing, customers, and what is left of those of a year ago."""
    rows = found["revenue_retention"].filter(breakdown="all").sort("month_start")
    first = min(item.start for item in stretches).replace(day=1)
    told = {row["month_start"]: row for row in rows.rows(named=True)}
    for month, after in months(first, as_of.replace(day=1)):
        row, opened, closed = told[month], sums(stretches, month), sums(stretches, after)
        assert row["opening_mrr"] == sum(opened.values()), month
        assert row["closing_mrr"] == sum(closed.values()), month
        assert (row["customers_opening"], row["customers_closing"]) == (len(opened), len(closed))
        left = sum(1 for customer in opened if customer not in closed)
        assert row["customers_churned"] == left
        ago = sums(stretches, after.replace(year=after.year - 1))
        assert row["customers_year_ago"] == (len(ago) if month >= months_on(first, 11) else 0)
        if row["customers_year_ago"]:
            total = sum(ago.values())
            net = sum((closed.get(customer, Decimal(0)) for customer in ago), Decimal(0)) / total
            gross = sum(min(closed.get(c, Decimal(0)), v) for c, v in ago.items()) / total
            assert row["net_retention_12m"] == pytest.approx(float(net), abs=1e-6)
            assert row["gross_retention_12m"] == pytest.approx(float(gross), abs=1e-6)
    closing = found["mrr_cohort"].filter(breakdown="all").group_by("month_start")
    cohorts = dict(closing.agg(pl.col("mrr").sum()).iter_rows())
    assert all(cohorts[month] == told[month]["closing_mrr"] for month in cohorts)


def months_on(day: date, n: int) -> date:
    at = day.year * 12 + day.month - 1 + n
    return date(at // 12, at % 12 + 1, 1)


def test_playbook(shared_data: Path, tmp_path: Path) -> None:
    landing = shared_data / "mrr_playbook"
    with (landing / "subscription_periods.csv").open(encoding="utf-8") as lines:
        stretches = [
            Paid(
                row["customer_id"],
                date.fromisoformat(row["start_date"]),
                date.fromisoformat(row["end_date"]),
                Decimal(row["monthly_amount"]),
            )
            for row in csv.DictReader(lines)
        ]
    as_of = date(2020, 3, 1)
    assert_months(tables(tmp_path, as_of, landing), stretches, as_of)


def test_ravenstack(shared_data: Path, tmp_path: Path) -> None:
    landing = shared_data / "ravenstack"

    def day(text: str) -> date | None:
        return datetime.strptime(text, "%d-%m-%Y").date() if text else None

    with gzip.open(
        landing / "ravenstack_subscriptions.csv.gz", "rt", encoding="utf-8-sig"
    ) as lines:
        stretches = [
            Paid(row["account_id"], start, day(row["end_date"]), Decimal(row["mrr_amount"]))
            for row in csv.DictReader(lines)
            if (start := day(row["start_date"])) and Decimal(row["mrr_amount"]) > 0
        ]
    as_of = date(2025, 1, 1)
    found = tables(tmp_path, as_of, landing)
    assert_months(found, stretches, as_of)
    december = found["revenue_retention"].filter(breakdown="all", month_start=date(2024, 12, 1))
    assert december["closing_mrr"].to_list() == [Decimal("10159608.00")]


def test_telco(shared_data: Path, tmp_path: Path) -> None:
    """One snapshot: what was paid last and who left before it; all churn stands in its month."""
    landing = shared_data / "telco_churn"
    (path,) = landing.glob("*.csv.gz")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if row["tenure"] != "0"]
    stay = [Decimal(row["MonthlyCharges"]) for row in rows if row["Churn"] == "No"]
    left = [Decimal(row["MonthlyCharges"]) for row in rows if row["Churn"] == "Yes"]
    found = tables(tmp_path, date(2026, 6, 30), landing)["revenue_retention"]
    june = found.filter(breakdown="all", month_start=date(2026, 6, 1)).row(0, named=True)
    assert (june["closing_mrr"], -june["churned_mrr"]) == (sum(stay), sum(left))
    assert (june["customers_closing"], june["customers_churned"]) == (len(stay), len(left))
    gross = float(sum(stay) / (sum(stay) + sum(left)))
    assert june["gross_retention"] == june["net_retention"] == pytest.approx(gross, abs=1e-6)
    by_plan = found.filter(breakdown="plan", month_start=date(2026, 6, 1))
    assert dict(by_plan.select("member", "customers_churned").iter_rows()) == {
        plan: sum(1 for row in rows if row["Churn"] == "Yes" and row["Contract"] == plan)
        for plan in ("Month-to-month", "One year", "Two year")
    }
