"""What the report says of customers: numbers over whole days, sums to the cent, no finding from
noise.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl

from customer_intel.profiles import report_numbers as numbers
from customer_intel.profiles.report import bad_experiences
from customer_intel.testing import TableLab

AS_OF = date(2026, 7, 1)


def test_no_finding_from_noise(tmp_path: Path) -> None:
    """Scores and experiences are independent here; the test is at 1 % after Holm, over 40 samples."""
    lab = TableLab(AS_OF)
    lab.put(
        "customer_profile",
        [{"customer_id": f"c{n}"} for n in range(300)],
        is_profiling_denied=False,
    )
    evidence, rows = lab.evidence(tmp_path), lab.rows("customer_profile")
    numbered, false_alarms = pl.Series(range(300)), 0
    for seed in range(40):
        shuffled = rows.with_columns(
            last_nps_score=(numbered.shuffle(seed=seed) % 11).cast(pl.Float64),
            late_deliveries_365d=(numbered.shuffle(seed=seed + 99) % 3 == 0).cast(pl.Int64),
        )
        shuffled.write_parquet(tmp_path / "customer_profile.parquet")
        false_alarms += len(list(bad_experiences(evidence)))
    assert false_alarms <= 2


def test_a_late_delivery_that_costs_points_is_told(tmp_path: Path) -> None:
    lab = TableLab(AS_OF)
    lab.put(
        "customer_profile",
        [
            {"customer_id": f"c{n}", "last_nps_score": 9 - n % 2 - 4 * late, "late_deliveries_365d": late}
            for n in range(80)
            for late in [n // 40]
        ],
        is_profiling_denied=False,
    )  # fmt: skip
    (told,) = bad_experiences(lab.evidence(tmp_path))
    assert told.text.startswith(
        "Customers with a late delivery in the last year last gave 4.5 of 10 when asked whether "
        "they would recommend us, the others 8.5 (p < .001, 40 against 40;"
    )
    lab.put("customer_profile", [{"customer_id": "x"}], is_profiling_denied=True, last_nps_score=0)
    assert next(bad_experiences(lab.evidence(tmp_path))) == told


def test_mrr_adds_up_to_the_cent(tmp_path: Path) -> None:
    lab = TableLab(AS_OF)
    ten, twenty = Decimal("10.10"), Decimal("20.20")
    lab.put(
        "mrr_movement",
        [
            {"customer_id": "a", "day": date(2026, 1, 20), "opening_mrr": 0, "new_mrr": ten, "closing_mrr": ten},
            {"customer_id": "a", "day": date(2026, 6, 20), "opening_mrr": ten, "churned_mrr": -ten, "closing_mrr": 0},
            {"customer_id": "b", "day": date(2026, 6, 20), "opening_mrr": 0, "new_mrr": twenty, "closing_mrr": twenty},
        ],
        currency="EUR",
    )  # fmt: skip
    evidence = lab.evidence(tmp_path)
    (item,) = numbers.mrr(evidence)
    assert (item.subscribers, item.now, item.before) == (1, 20.2, 10.1)
    assert numbers.mrr_by_week(evidence, "EUR")[-1] == (date(2026, 6, 30), 20.2)


def test_windows_and_weeks_count_whole_days(tmp_path: Path) -> None:
    lab = TableLab(AS_OF)
    doings = [
        ("a", (6, 30), "order_placed", 10), ("b", (6, 3), "page_viewed", 0), ("c", (6, 2), "page_viewed", 0),
        ("d", (6, 30), "email_sent", 0), ("e", (4, 1), "order_placed", 7), ("f", (5, 31), "order_placed", 5),
        # Of nobody known: the company's revenue too.
        (None, (6, 30), "order_placed", 2),
    ]  # fmt: skip
    lab.put(
        "activity_daily",
        [
            {"customer_id": who, "day": date(2026, *day), "activity": what, "is_own_act": what != "email_sent"}
            for who, day, what, _ in doings
            if who
        ],
    )  # fmt: skip
    lab.put(
        "order_fact",
        [
            {"order_key": str(n), "customer_id": who, "order_day": date(2026, *day), "gross_reporting": Decimal(spent)}
            for n, (who, day, what, spent) in enumerate(doings)
            if what == "order_placed"
        ],
        is_sale=True,
        is_counted=True,
    )  # fmt: skip
    failed = {"order_key": "failed", "is_sale": False, "gross_reporting": Decimal(99)}
    lab.put("order_fact", [failed], order_day=date(2026, 6, 30))
    lab.put(
        "refund_fact",
        [
            {"refund_key": "r", "refund_reporting": Decimal(3), "is_counted": True},
            {"refund_key": "s", "refund_reporting": Decimal(50), "is_counted": False},
        ],
        refund_day=date(2026, 6, 30),
    )
    evidence = lab.evidence(tmp_path)
    assert numbers.active(evidence, 28) == numbers.Window(2, 2)
    assert numbers.revenue(evidence, 30) == numbers.Window(9.0, 5.0)
    assert numbers.revenue(evidence, 90).before is None
    weeks = numbers.weekly(evidence)
    assert len(weeks) == 13 and weeks["last_day"][-1] == date(2026, 6, 30)
    assert weeks["orders"].to_list()[-1] == 2 and weeks["customers"].to_list()[-1] == 1


def test_a_source_that_began_within_the_windows_leaves_nothing_to_compare(tmp_path: Path) -> None:
    lab = TableLab(AS_OF)
    for day in (date(2025, 1, 1), date(2026, 5, 20), date(2026, 6, 20)):
        lab.put("activity_daily", [{"customer_id": "a", "day": day, "is_own_act": True}])
    assert numbers.active(lab.evidence(tmp_path), 28) == numbers.Window(1, 1)
    lab.put("source_start", [{"entity": "events", "first_day": date(2026, 5, 10)}])
    assert numbers.active(lab.evidence(tmp_path), 28) == numbers.Window(1, None)
