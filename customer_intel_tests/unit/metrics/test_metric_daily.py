"""Metrics by day: windows, levels, distinct counts and intervals over literal rows, and what makes a
day complete.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from scipy import stats

from customer_intel.core.report import metric
from customer_intel.profiles import report_numbers as numbers
from customer_intel.testing import TableLab

AS_OF = date(2026, 7, 1)
LAST = date(2026, 6, 30)
# A calendar long enough for windows.
EARLY = date(2025, 1, 1)
ORDER = {"is_sale": True, "is_counted": True, "source_system": "shop", "currency": "EUR"}


@pytest.fixture
def lab() -> TableLab:
    lab = TableLab(AS_OF)
    source(lab, "shop", "orders")
    return lab


def source(
    lab: TableLab, name: str, entity: str, first: date = EARLY, exported: date = AS_OF
) -> None:
    lab.put(
        "source_start",
        [
            {
                "source_system": name, "entity": entity, "first_day": first, "last_day": exported,
                "first_export_date": exported, "last_export_date": exported, "n": 1,
            }
        ],
    )  # fmt: skip


def order(lab: TableLab, day: date, amount: object = 10, **columns: Any) -> None:
    key = f"o{lab.filled.get('order_fact', 0)}"
    paid = None if amount is None else Decimal(str(amount))
    row = {"order_key": key, "order_day": day, "gross_reporting": paid, "customer_id": "a"}
    lab.put("order_fact", [{**row, "gross_amount": paid or 0, **ORDER, **columns}])


def made(lab: TableLab) -> pl.DataFrame:
    return lab.metrics()


def of(rows: pl.DataFrame, metric: str, day: date = LAST, member: str = "all") -> dict[str, Any]:
    found = rows.filter(
        (pl.col("metric") == metric) & (pl.col("day") == day) & (pl.col("member") == member)
    )
    return found.row(0, named=True)


def test_a_window_holds_its_last_day_and_as_many_before_as_it_says(lab: TableLab) -> None:
    for back, amount in ((0, 1), (6, 10), (7, 100), (27, 1_000), (28, 10_000)):
        order(lab, LAST - timedelta(days=back), amount)
    rows = made(lab)
    values = {m: of(rows, m)["value"] for m in ("net_revenue", "net_revenue_7d", "net_revenue_28d")}
    assert values == {"net_revenue": 1, "net_revenue_7d": 11, "net_revenue_28d": 1_111}
    assert of(rows, "orders_28d")["value"] == of(rows, "orders_28d")["n"] == 4
    assert of(rows, "net_revenue", LAST - timedelta(days=1))["value"] == 0


def test_what_was_given_back_takes_from_its_own_day(lab: TableLab) -> None:
    order(lab, LAST - timedelta(days=40), 50, channel="web")
    back = {
        "refund_key": "r",
        "order_key": "o0",
        "refund_reporting": Decimal(20),
        "is_counted": True,
    }
    lab.put("refund_fact", [{**back, "refund_day": LAST, "source_system": "shop"}])
    rows = made(lab)
    assert (
        of(rows, "net_revenue_28d")["value"]
        == of(rows, "net_revenue", member="web")["value"]
        == -20
    )
    assert of(rows, "refunds_28d")["value"] == 20


def test_an_amount_without_a_rate_empties_the_windows_that_hold_it(lab: TableLab) -> None:
    order(lab, LAST - timedelta(days=10), None, currency="JPY")
    order(lab, LAST, 5)
    rows = made(lab)
    assert of(rows, "net_revenue_28d")["value"] is None
    assert of(rows, "net_revenue_7d")["value"] == 5
    assert of(rows, "orders_28d")["value"] == 2


@pytest.mark.parametrize("seed", range(3))
def test_distinct_counts_are_those_of_counting(lab: TableLab, seed: int) -> None:
    """A hundred visits over half a year, counted for every day by hand."""
    days = pl.Series(range(100)).shuffle(seed=seed) * 7 % 180
    visits = [
        {"customer_id": f"c{n % 9}", "day": LAST - timedelta(days=int(back)), "is_active": True}
        for n, back in enumerate(days)
    ]
    lab.put("customer_day", [{**v, "n_own": 1, "first_own_at": lab.morning} for v in visits])
    rows = made(lab)
    for window in (7, 28, 91):
        for day in (LAST - timedelta(days=back) for back in range(0, 170, 13)):
            first = day - timedelta(days=window - 1)
            seen = {v["customer_id"] for v in visits if first <= v["day"] <= day}
            assert of(rows, f"active_customers_{window}d", day)["value"] == len(seen)


def test_who_is_in_two_small_members_is_counted_once_in_all_others() -> None:
    """Channels by orders: web 3, shop 2, app 1, mail 1; the largest alone is told by name."""
    lab = TableLab(AS_OF, members_max=1)
    source(lab, "shop", "orders")
    for who, channel, back in (
        ("a", "web", 9), ("b", "web", 9), ("c", "web", 40), ("a", "shop", 9), ("a", "shop", 9), ("a", "app", 3),
        ("d", "mail", 20),
    ):  # fmt: skip
        order(lab, LAST - timedelta(days=back), 1, customer_id=who, channel=channel)
    rows = made(lab).filter(pl.col("dimension") == "channel")
    assert {m: of(rows, "buyers_28d", member=m)["value"] for m in ("web", "other")} == {
        "web": 2,
        "other": 2,
    }
    assert of(rows, "buyers_91d", member="web")["value"] == 3
    # The first of them left the window nine days after the rest came.
    assert of(rows, "buyers_28d", LAST - timedelta(days=4), "other")["value"] == 2


def test_a_level_is_what_ran_at_the_days_end(lab: TableLab) -> None:
    ten, twenty, nothing = Decimal("10.10"), Decimal("20.20"), Decimal(0)
    kinds = ("new_mrr", "expansion_mrr", "reactivation_mrr", "contraction_mrr", "churned_mrr")
    steps = [
        ("a", date(2026, 1, 20), nothing, ten, "new_mrr"),
        ("a", date(2026, 6, 20), ten, -ten, "churned_mrr"),
        ("b", date(2026, 6, 20), nothing, twenty, "new_mrr"),
    ]
    for who, day, opening, moved, kind in steps:
        row = {
            "customer_id": who,
            "day": day,
            "opening_mrr": opening,
            "closing_mrr": opening + moved,
        }
        lab.put(
            "mrr_movement", [{**row, **dict.fromkeys(kinds, nothing), kind: moved}], currency="EUR"
        )
    rows = made(lab)
    assert of(rows, "mrr_own", member="EUR")["value"] == 20.2
    assert of(rows, "mrr_own", date(2026, 6, 19), "EUR")["value"] == 10.1
    assert of(rows, "paying_customers")["value"] == 1
    assert of(rows, "lost_subscribers_28d")["value"] == 1


def test_mrr_of_the_report_adds_up_to_the_cent(lab: TableLab, tmp_path: Path) -> None:
    test_a_level_is_what_ran_at_the_days_end(lab)
    evidence = lab.evidence(tmp_path)
    (item,) = numbers.mrr(evidence)
    assert (item.subscribers, item.now, item.before) == (1, 20.2, 10.1)
    assert numbers.mrr_by_week(evidence, "EUR")[-1] == (LAST, 20.2)


def test_weeks_of_the_report_are_whole(lab: TableLab, tmp_path: Path) -> None:
    for back in (0, 6, 7, 30, 40):
        order(lab, LAST - timedelta(days=back))
    made(lab)
    weeks = numbers.weekly(lab.evidence(tmp_path))
    assert weeks["orders"].to_list()[-6:] == [1, 1, 0, 0, 1, 2] and len(weeks) == 53
    assert weeks["last_day"][-1] == LAST and weeks["revenue"].sum() == 50


def test_a_mean_has_students_interval_and_a_share_wilsons(lab: TableLab) -> None:
    amounts = [10, 12, 19, 25, 31, 8]
    for amount in amounts:
        order(lab, LAST, amount)
    for n in range(8):
        lab.put("payment_fact", [{"payment_key": f"p{n}", "is_failed": n < 3}], payment_day=LAST,
                is_counted=True, source_system="shop")  # fmt: skip
    rows = made(lab)
    mean, share = of(rows, "order_value_28d"), of(rows, "failed_payments_28d")
    exact = stats.t.interval(0.95, 5, loc=mean["value"], scale=stats.sem(amounts))
    assert mean["value"] == 17.5 and (mean["low"], mean["high"]) == pytest.approx(exact, abs=0.02)
    wilson = stats.binomtest(3, 8).proportion_ci(method="wilson")
    assert (share["value"], share["n"]) == (0.375, 8)
    assert (share["low"], share["high"]) == pytest.approx((wilson.low, wilson.high), abs=1e-9)


def test_a_mean_of_fewer_than_five_has_no_interval(lab: TableLab) -> None:
    for amount in (10, 12, 19, 25):
        order(lab, LAST, amount)
    assert of(made(lab), "order_value_28d")["low"] is None


def test_a_day_is_complete_when_every_source_told_of_the_whole_window(lab: TableLab) -> None:
    source(lab, "till", "orders", first=date(2026, 6, 10))
    order(lab, LAST)
    order(lab, date(2026, 6, 10), source_system="till")
    order(lab, date(2026, 1, 1))
    rows = made(lab)
    assert of(rows, "orders")["complete"] and not of(rows, "orders_28d")["complete"]
    assert of(rows, "orders_28d", member="shop")["complete"]
    assert not of(rows, "orders_28d", member="till")["complete"]


def test_a_source_that_is_exported_no_more_leaves_days_incomplete(lab: TableLab) -> None:
    source(lab, "till", "orders", exported=date(2026, 6, 10))
    order(lab, LAST)
    order(lab, date(2026, 6, 1), source_system="till")
    rows = made(lab)
    assert not of(rows, "orders")["complete"] and of(rows, "orders", member="shop")["complete"]
    assert of(rows, "orders", date(2026, 6, 9))["complete"]


def test_small_members_are_told_together_and_still_add_up(lab: TableLab) -> None:
    for n in range(25):
        for _ in range(1 + (n < 19)):
            order(lab, LAST, 1, channel=f"ch{n:02}")
    rows = made(lab).filter((pl.col("metric") == "orders") & (pl.col("dimension") == "channel"))
    today = rows.filter(pl.col("day") == LAST)
    assert today.height == 21 and today["value"].sum() == 44
    assert of(rows, "orders", member="other")["value"] == 5


def test_who_was_known_before_the_calendar_counts_from_its_first_day(lab: TableLab) -> None:
    seen = {"a": datetime(1970, 1, 1), "b": datetime(2026, 6, 1), "c": None}
    lab.put("customer_profile", [{"customer_id": c, "first_seen_at": at} for c, at in seen.items()])
    rows = made(lab)
    assert of(rows, "customers")["value"] == 3
    assert of(rows, "customers", date(2026, 5, 31))["value"] == 1


def test_a_given_metric_is_its_tables_own(lab: TableLab, tmp_path: Path) -> None:
    score = {
        "n": 40,
        "promoters": 20,
        "passives": 12,
        "detractors": 8,
        "score": 30.0,
        "low": 8.0,
        "high": 48.0,
    }
    cell = {"metric": "nps", "period": "quarter", "segment_type": "all", "segment": "all"}
    lab.put("nps_summary", [{**cell, **score, "wave": wave} for wave in ("2026-Q1", "2026-Q2")])
    rows = made(lab)
    assert of(rows, "nps") == {**of(rows, "nps", date(2026, 3, 31)), "day": LAST}
    found = metric.newest(lab.evidence(tmp_path), "nps")
    assert found and (found.value, found.low, found.n) == (30.0, 8.0, 40)
