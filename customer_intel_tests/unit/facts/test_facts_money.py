"""Currencies, the rates between them, and the zone whose midnights part days."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.engine import DuckDBEngine, EngineSettings
from customer_intel.facts import report
from customer_intel.testing import TableLab
from customer_intel_tests.unit import activity_rows
from customer_intel_tests.unit.facts_rows import chain, order
from customer_intel_tests.unit.profile_rows import ago, known, subscription
from customer_intel_tests.unit.sqlroom import Room

# Chains of many tables, seconds each.
pytestmark = pytest.mark.slow


def rate(days: float, base: str, quote: str, value: float, source: str = "ecb") -> dict[str, Any]:
    return {
        "source_system": source,
        "date": ago(days).date(),
        "base": base,
        "quote": quote,
        "rate": value,
    }


def sold(
    *orders: tuple[float, str, str],
    rates: list[dict[str, Any]],
    reporting: str = "USD",
    **tables: Any,
) -> Room:
    """Orders as (days ago, total, currency)."""
    rows = [
        order(number, ago(days), total, currency=code)
        for number, (days, total, code) in enumerate(orders)
    ]
    made = known("C", orders=rows, fx_rates=rates, **tables)
    made.settings["reporting_currency"] = reporting
    return made


def reported(made: Room) -> list[Any]:
    return chain(made, "order_fact").sort("order_id")["net_reporting"].to_list()


# ---- which currency sums are told in
def used(made: Room) -> list[tuple[Any, ...]]:
    return (
        chain(made, "currency_use")
        .select("currency", "n_amounts", "is_reporting", "reporting_basis")
        .rows()
    )


def test_the_only_currency_is_the_reporting_one() -> None:
    made = sold((5, "1.00", "eur"), (5, "1.00", " EUR "), rates=[], reporting="auto")
    assert used(made) == [("EUR", 2, True, "only_currency")]


def test_of_several_currencies_the_one_of_most_amounts_is_taken_and_it_is_said() -> None:
    amounts = [
        (5.0, "1.00", "EUR"),
        (5.0, "900.00", "USD"),
        (5.0, "1.00", "EUR"),
        (5.0, "1.00", "EUR"),
    ]
    made = sold(*amounts, rates=[], reporting="auto", subscriptions=[subscription(1)])
    assert used(made) == [("EUR", 3, True, "most_amounts"), ("USD", 2, False, "most_amounts")]
    assert made.warnings("currency_use") == ["reporting_currency_is_declared"]


def test_the_companys_setting_decides_even_if_nothing_is_in_it() -> None:
    made = sold((5, "1.00", "USD"), rates=[], reporting="EUR")
    assert used(made) == [("EUR", 0, True, "setting"), ("USD", 1, False, "setting")]
    assert made.warnings("currency_use") == []


# ---- rates
def test_amounts_keep_their_own_currency_and_are_not_told_in_another_without_a_rate() -> None:
    made = sold((5, "100.00", "USD"), (5, "15000.00", "JPY"), rates=[])
    found = chain(made, "order_fact").sort("order_id")
    assert found.select("currency", "gross_amount", "net_amount", "net_reporting").rows() == [
        ("USD", 100, 100, 100),
        ("JPY", 15000, 15000, None),
    ]
    assert made.warnings("order_fact") == ["amount_has_a_rate"]
    row = chain(made, "customer_transactions").row(0, named=True)
    # Two currencies and no rate between them: no sum at all, rather than 15,100 of something.
    sums = (
        "revenue_total",
        "revenue_90d",
        "average_order_value",
        "order_currency",
        "revenue_total_own",
        "refund_share",
    )
    assert [row[name] for name in sums] == [None] * 6
    assert row["orders_total"] == 2
    assert chain(made, "activity_daily").select("n", "revenue").rows() == [(2, None)]


def test_a_customer_of_one_foreign_currency_is_told_in_it() -> None:
    made = sold((5, "15000.00", "JPY"), rates=[])
    row = chain(made, "customer_transactions").row(0, named=True)
    assert (row["order_currency"], row["revenue_total_own"], row["revenue_total"]) == (
        "JPY",
        15000,
        None,
    )


def test_a_customer_of_two_currencies_with_rates_has_one_sum_in_the_reporting_one() -> None:
    made = sold((5, "100.00", "USD"), (5, "100.00", "EUR"), rates=[rate(5, "EUR", "USD", 1.1)])
    row = chain(made, "customer_transactions").row(0, named=True)
    assert (row["revenue_total"], row["order_currency"], row["revenue_total_own"]) == (
        210,
        None,
        None,
    )


def test_each_amount_is_brought_over_by_the_rate_of_its_day() -> None:
    made = sold(
        (9, "10.00", "EUR"),
        (8, "10.00", "EUR"),
        (7, "10.00", "EUR"),
        rates=[rate(9, "EUR", "USD", 1.1), rate(7, "EUR", "USD", 1.3)],
    )
    assert reported(made) == [11, 11, 13]


def test_a_rate_serves_for_a_month_and_not_backwards() -> None:
    made = sold(
        (61, "10.00", "EUR"),
        (60, "10.00", "EUR"),
        (29, "10.00", "EUR"),
        (28, "10.00", "EUR"),
        rates=[rate(60, "EUR", "USD", 2.0)],
    )
    assert reported(made) == [None, 20, 20, None]
    longer = sold((28, "10.00", "EUR"), rates=[rate(60, "EUR", "USD", 2.0)])
    longer.settings["rate_max_age_days"] = 60
    assert reported(longer) == [20]


def test_currency_rates_fall_back_to_the_inverse() -> None:
    rates = [
        rate(9, "USD", "BRL", 5.0),
        rate(7, "USD", "BRL", 4.0),
        rate(7, "BRL", "USD", 0.3, "own"),
    ]
    made = sold((9, "1.00", "BRL"), rates=rates)
    assert [
        row
        for row in chain(made, "currency_rate").sort("currency", "from_day").rows()
        if row[0] == "BRL"
    ] == [
        ("BRL", ago(9).date(), ago(7).date(), 0.2),
        ("BRL", ago(7).date(), ago(7).date() + timedelta(days=32), 0.3),
    ]


def test_a_rate_may_go_over_a_third_currency_of_the_same_day() -> None:
    quoted = [rate(5, "EUR", "JPY", 160.0), rate(5, "EUR", "USD", 1.2)]
    assert reported(sold((5, "16000.00", "JPY"), rates=quoted)) == [120]
    # A day's rate is made of one day's quotes.
    apart = [rate(6, "EUR", "JPY", 160.0), rate(5, "EUR", "USD", 1.2)]
    assert reported(sold((5, "16000.00", "JPY"), rates=apart)) == [None]
    # A direct quote goes before one over a third.
    direct = [*quoted, rate(5, "JPY", "USD", 0.01)]
    assert reported(sold((5, "16000.00", "JPY"), rates=direct)) == [160]


def test_the_same_sums_are_told_in_euros_where_the_company_says_so() -> None:
    rates = [rate(5, "EUR", "USD", 1.25)]
    assert reported(
        sold((5, "100.00", "USD"), (5, "100.00", "EUR"), rates=rates, reporting="EUR")
    ) == [80, 100]
    assert reported(
        sold((5, "100.00", "USD"), (5, "100.00", "EUR"), rates=rates, reporting="usd")
    ) == [100, 125]


def test_what_is_given_back_whole_nets_to_nothing_whatever_the_rates_did_since() -> None:
    made = sold(
        (60, "100.00", "EUR"), rates=[rate(60, "EUR", "USD", 1.0), rate(10, "EUR", "USD", 2.0)]
    )
    made.con.execute(
        f"UPDATE orders SET refunded = 100, refunded_at = TIMESTAMP '{ago(5)}'"
    ).fetchall()
    assert reported(made) == [0]
    assert chain(made, "customer_transactions")["revenue_total"].to_list() == [0]


def test_recurring_revenue_of_two_currencies_is_summed_by_currency_and_brought_over_at_todays_rate() -> (
    None
):
    subscriptions = [
        subscription(1, currency="USD"),
        subscription(2, currency="EUR"),
        subscription(3, currency="EUR"),
    ]
    made = sold(
        rates=[rate(1, "EUR", "USD", 1.115), rate(90, "EUR", "USD", 3.0)],
        subscriptions=subscriptions,
    )
    assert float(chain(made, "customer_subscription")["mrr"][0]) == 32.3
    movements = (
        chain(made, "mrr_movement").sort("currency").select("currency", "closing_mrr").rows()
    )
    assert movements == [("EUR", 20), ("USD", 10)]
    without = sold(rates=[], subscriptions=subscriptions)
    row = chain(without, "customer_subscription").row(0, named=True)
    assert (row["mrr"], row["subscriptions_active"]) == (None, 3)
    assert without.warnings("subscription_fact") == ["amount_has_a_rate"]


# ---- the reporting time zone
LATE = datetime(2026, 3, 2, 23, 30)


def at_home_in(zone: str) -> Room:
    events = [activity_rows.event(1, LATE, record_key="crm:C", user_id="C")]
    return activity_rows.room(
        events,
        zone,
        orders=[order(1, LATE, "10.00")],
        record_customer_map=[
            {"record_key": "crm:C", "customer_id": "C", "valid_from": date(2026, 1, 1)}
        ],
        customer_id_registry=[
            {"customer_id": "C", "status": "active", "born_as_of": date(2026, 1, 1)}
        ],
    )


@pytest.mark.parametrize(
    ("zone", "day", "hour"),
    [
        ("UTC", date(2026, 3, 2), 23),
        ("Asia/Tokyo", date(2026, 3, 3), 8),
        ("Europe/Berlin", date(2026, 3, 3), 0),
        ("America/New_York", date(2026, 3, 2), 18),
    ],
)
def test_days_begin_at_the_midnight_of_the_reporting_zone(zone: str, day: date, hour: int) -> None:
    made = at_home_in(zone)
    assert chain(made, "order_fact").select("ordered_at", "order_day").rows() == [(LATE, day)]
    assert chain(made, "session")["day"].to_list() == [day]
    assert chain(made, "activity_daily")["day"].unique().to_list() == [day]
    assert chain(made, "source_start")["first_day"].unique().to_list() == [day]
    assert chain(made, "customer_engagement")["preferred_hour"].to_list() == [hour]
    assert chain(made, "customer_lifecycle")["customer_since"].dt.date().to_list() == [day]


@pytest.mark.parametrize(
    ("zone", "counted"), [("Asia/Tokyo", 0), ("UTC", 1), ("America/New_York", 1)]
)
def test_the_last_evening_belongs_to_the_day_that_the_reporting_zone_says(
    zone: str, counted: int
) -> None:
    late = datetime.combine(activity_rows.AS_OF, datetime.min.time()) - timedelta(minutes=30)
    made = activity_rows.room([], zone, orders=[order(1, late, "10.00")])
    assert chain(made, "order_fact").height == counted


def test_a_zone_that_does_not_exist_is_a_configuration_error() -> None:
    with (
        DuckDBEngine(EngineSettings(), []) as engine,
        pytest.raises(ConfigError, match="Europe/Berlin"),
    ):
        engine.define_local_time("Europe/Atlantis")


def test_the_report_says_that_no_currency_is_named(tmp_path: Path) -> None:
    lab = TableLab(date(2026, 7, 1))
    row = {
        "currency": "XXX",
        "n_amounts": 9,
        "is_reporting": True,
        "reporting_basis": "only_currency",
    }
    lab.put("currency_use", [row])
    lab.metrics()
    assert "No export names a currency" in report.what_counts(lab.evidence(tmp_path))
