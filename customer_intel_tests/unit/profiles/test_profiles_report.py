"""What the report says of customers: no finding from noise."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl

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
