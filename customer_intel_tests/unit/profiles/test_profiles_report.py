"""What the report says of customers: no finding from noise."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from customer_intel.profiles.report import bad_experiences, concentration
from customer_intel.testing import TableLab

AS_OF = date(2026, 7, 1)


def company(scores: list[int], late: list[bool]) -> TableLab:
    """Customers who all had a delivery in time or a late one, and gave these scores."""
    lab = TableLab(AS_OF)
    rows = [
        {"customer_id": f"c{n}", "last_nps_score": score, "late_deliveries_365d": int(late[n])}
        for n, score in enumerate(scores)
    ]
    lab.put("customer_profile", rows, is_profiling_denied=False)
    delivered = {"delivered_at": datetime(2026, 6, 2), "promised_at": datetime(2026, 6, 3)}
    orders = [{"order_key": row["customer_id"], "customer_id": row["customer_id"]} for row in rows]
    lab.put("order_fact", orders, is_sale=True, order_day=date(2026, 6, 1), **delivered)
    return lab


def test_no_finding_from_noise(tmp_path: Path) -> None:
    """Scores and experiences are independent here; the test is at 1 % after Holm, over 20 samples."""
    numbered, false_alarms = pl.Series(range(300)), 0
    for seed in range(20):
        scores = (numbered.shuffle(seed=seed) % 11).to_list()
        lab = company(scores, (numbered.shuffle(seed=seed + 99) % 3 == 0).to_list())
        lab.metrics()
        false_alarms += len(list(bad_experiences(lab.evidence(tmp_path))))
    assert false_alarms <= 1


def test_a_late_delivery_that_costs_points_is_told(tmp_path: Path) -> None:
    lab = company([9 - n % 2 - 4 * (n // 40) for n in range(80)], [n >= 40 for n in range(80)])
    # Who had no delivery, or may not be profiled, is nobody to compare with.
    lab.put("customer_profile", [{"customer_id": f"n{n}", "last_nps_score": 0} for n in range(50)],
            is_profiling_denied=False)  # fmt: skip
    lab.put("customer_profile", [{"customer_id": f"d{n}", "last_nps_score": 0, "late_deliveries_365d": 1}
                                 for n in range(50)], is_profiling_denied=True)  # fmt: skip
    lab.metrics()
    (told,) = bad_experiences(lab.evidence(tmp_path))
    assert told.text.startswith(
        "Customers with a late delivery in the last year last gave 4.5 of 10 when asked whether "
        "they would recommend us, customers whose deliveries were in time 8.5 (p < .001, 40 against 40;"
    )
    lab.put("customer_profile", [{"customer_id": "x"}], is_profiling_denied=True, last_nps_score=0)
    assert next(bad_experiences(lab.evidence(tmp_path))) == told


@pytest.mark.parametrize(("best", "is_told"), [(10, False), (12, False), (100, True)])
def test_a_best_tenth_that_brought_a_tenth_is_no_finding(
    best: int, is_told: bool, tmp_path: Path
) -> None:
    lab = TableLab(AS_OF)
    people = [
        {"customer_id": f"c{n:02}", "revenue_365d": best if n < 10 else 10} for n in range(100)
    ]
    lab.put("customer_profile", people)
    lab.metrics()
    lab.filled["metric_daily"] = 1
    assert len(list(concentration(lab.evidence(tmp_path, "EUR")))) == is_told
