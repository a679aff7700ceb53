"""What the report says of customers: numbers over whole days, sums to the cent, no finding from noise."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from customer_intel.core.report.evidence import Evidence
from customer_intel.core.store.lake import Lake
from customer_intel.profiles import report_numbers as numbers
from customer_intel.profiles.report import bad_experiences
from customer_intel_tests.unit.report_lake import AS_OF, SNAPSHOT, accept, money


def test_no_finding_from_noise(tmp_path: Path) -> None:
    """Scores and experiences are independent here; the test is at 1 % after Holm, over 40 samples."""
    false_alarms = 0
    for seed in range(40):
        lake = Lake(tmp_path / str(seed))
        numbers = pl.Series(range(300))
        scores, late = numbers.shuffle(seed=seed) % 11, numbers.shuffle(seed=seed + 99) % 3 == 0
        rows = [
            {
                "customer_id": f"c{n}",
                "last_nps_score": float(scores[n]),
                "late_deliveries_365d": int(late[n]),
            }
            for n in range(300)
        ]
        evidence = Evidence.of_night(
            lake, {"customer_profile": accept(lake, "customer_profile", rows)}, AS_OF, SNAPSHOT
        )
        false_alarms += len(list(bad_experiences(evidence)))
    assert false_alarms <= 2


def test_mrr_adds_up_to_the_cent(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    day = AS_OF.replace(month=6, day=20)
    rows = [
        {
            "customer_id": "a",
            "day": day.replace(month=1),
            "new_mrr": money(10.10),
            "closing_mrr": money(10.10),
        },
        {"customer_id": "a", "day": day, "opening_mrr": money(10.10), "churned_mrr": money(-10.10)},
        {"customer_id": "b", "day": day, "new_mrr": money(20.20), "closing_mrr": money(20.20)},
    ]
    rows = [{"currency": "EUR", **row} for row in rows]
    evidence = Evidence.of_night(
        lake, {"mrr_movement": accept(lake, "mrr_movement", rows)}, AS_OF, SNAPSHOT
    )
    (item,) = numbers.mrr(evidence)
    assert (item.subscribers, item.now, item.before) == (1, 20.2, 10.1)
    assert numbers.mrr_by_week(evidence, "EUR")[-1] == (AS_OF.replace(month=6, day=30), 20.2)


def test_windows_and_weeks_count_whole_days(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    rows = [
        {"customer_id": c, "day": AS_OF.replace(month=m, day=d), "activity": a, "n": 1, "revenue": money(r),
         "is_own_act": a != "email_sent"}
        for c, m, d, a, r in [
            ("a", 6, 30, "order_placed", 10), ("b", 6, 3, "page_viewed", 0), ("c", 6, 2, "page_viewed", 0),
            ("d", 6, 30, "email_sent", 0), ("e", 4, 1, "order_placed", 7), ("f", 5, 31, "order_placed", 5),
        ]
    ]  # fmt: skip
    # Of nobody known, and not counted: the one is the company's revenue too, the other nobody's.
    bought = [row for row in rows if row["activity"] == "order_placed"]
    bought += [bought[0] | {"customer_id": None, "revenue": money(2)}]
    orders = [
        {"order_key": str(n), "customer_id": row["customer_id"], "order_day": row["day"], "is_sale": True,
         "is_counted": True, "gross_reporting": row["revenue"]}
        for n, row in enumerate(bought)
    ] + [{"order_key": "failed", "order_day": bought[0]["day"], "gross_reporting": money(99)}]  # fmt: skip
    refund = {
        "refund_key": "r",
        "refund_day": bought[0]["day"],
        "is_counted": True,
        "refund_reporting": money(3),
    }
    versions = {
        "activity_daily": accept(lake, "activity_daily", rows),
        "order_fact": accept(lake, "order_fact", orders),
        "refund_fact": accept(
            lake, "refund_fact", [refund, {"refund_key": "s", "refund_reporting": money(50)}]
        ),
    }
    evidence = Evidence.of_night(lake, versions, AS_OF, SNAPSHOT)
    assert numbers.active(evidence, 28) == numbers.Window(2, 2)
    assert numbers.revenue(evidence, 30) == numbers.Window(9.0, 5.0)
    assert numbers.revenue(evidence, 90).before is None
    weeks = numbers.weekly(evidence)
    assert len(weeks) == 13 and weeks["last_day"][-1] == AS_OF.replace(month=6, day=30)
    assert weeks["orders"].to_list()[-1] == 2 and weeks["customers"].to_list()[-1] == 1
