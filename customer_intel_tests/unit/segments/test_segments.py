"""RFM: ties share scores, cancelled orders do not count, money is net, every score pair has a name."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from customer_intel_tests.unit.small_lake import frame, run_sql

AS_OF = date(2026, 7, 1)


def _order(who: str, at: datetime, total: float = 10, **more: Any) -> dict[str, Any]:
    return {
        "record_key": f"shop:{who}",
        "ordered_at": at,
        "currency": "EUR",
        "status": "paid",
        "total": total,
        **more,
    }


def _rfm(orders: list[dict[str, Any]], **more: pl.DataFrame) -> pl.DataFrame:
    who = sorted({str(order["record_key"]) for order in orders})
    people = [
        {"record_key": key, "customer_id": key.removeprefix("shop:"), "valid_to": None}
        for key in who
    ]
    gone = [
        {"record_key": key, "customer_id": "someone-else", "valid_to": date(2026, 1, 1)}
        for key in who
    ]
    lake = {
        "orders": frame(
            "orders", [{"order_id": str(number), **order} for number, order in enumerate(orders)]
        ),
        "record_customer_map": frame("record_customer_map", people + gone),
        **more,
    }
    return run_sql("rfm", lake, AS_OF).sort("customer_id")


def test_equal_values_share_a_score_where_quintiles_would_split_them() -> None:
    orders = [_order(f"once{i}", datetime(2026, 5, 1)) for i in range(60)]
    orders += [
        _order(f"often{i}", datetime(2026, 5, 1 + i % 3), 10 + i)
        for i in range(40)
        for _ in range(2)
    ]
    rfm = _rfm(orders)
    for value, score in (
        ("recency_days", "r_score"),
        ("frequency", "f_score"),
        ("monetary", "m_score"),
    ):
        assert rfm.group_by(value).agg(pl.col(score).n_unique())[score].max() == 1
    # 60 of 100 have one order: mid-rank 30 % is in the second fifth; the rest lie at 80 %.
    assert dict(rfm.select("frequency", "f_score").unique().iter_rows()) == {1: 2, 2: 5}


def test_everybody_equal_is_everybody_average() -> None:
    rfm = _rfm([_order(f"c{i}", datetime(2026, 5, 1)) for i in range(7)])
    assert rfm["rfm_score"].unique().to_list() == ["333"]


def test_counts_only_what_was_kept_before_the_cutoff() -> None:
    rfm = _rfm(
        [
            _order("a", datetime(2026, 6, 30, 23, 59), 100, refunded=30),
            _order("a", datetime(2026, 7, 1), 999),
            _order("a", datetime(2026, 6, 1), 50, cancelled_at=datetime(2026, 6, 2)),
            _order("a", datetime(2026, 6, 3), 5, cancelled_at=datetime(2026, 7, 1)),
            _order("a", datetime(2026, 6, 4), 70, status="Cancelled"),
            _order("b", datetime(2026, 6, 4), 70, status="cancelled"),
        ]
    )
    (row,) = rfm.to_dicts()
    assert (row["customer_id"], row["frequency"], float(row["monetary"]), row["recency_days"]) == (
        "a",
        2,
        75.0,
        1,
    )
    assert row["last_order_at"] == datetime(2026, 6, 30, 23, 59)


def test_money_is_converted_at_the_rate_of_the_day() -> None:
    rate = {
        "currency": "USD",
        "from_day": date(1900, 1, 1),
        "to_day": date(2026, 6, 2),
        "rate": 0.5,
    }
    later = rate | {"from_day": date(2026, 6, 2), "to_day": date(9999, 12, 31), "rate": 0.8}
    orders = [_order("a", datetime(2026, 6, day), 10, currency="USD") for day in (1, 2)]
    rfm = _rfm(orders, currency_rate=frame("currency_rate", [rate, later]))
    assert float(rfm["monetary"][0]) == 13.0


def test_nobody_is_a_champion_who_bought_years_ago_however_they_rank() -> None:
    orders = [
        _order(f"c{i:02d}", datetime(2022, 1 + i % 9, 1), 1.0 + i)
        for i in range(40)
        for _ in range(1 + i % 3)
    ]
    assert set(_rfm(orders)["segment"]) <= {"cant_lose_them", "hibernating", "lost"}


def test_who_may_not_be_profiled_has_no_segment_and_counts_in_no_rank() -> None:
    denied = pl.DataFrame([{"customer_id": "b", "reason": "denied"}])
    orders = [_order("a", datetime(2026, 6, 1), 10), _order("b", datetime(2026, 6, 20), 99)]
    rfm = _rfm(orders, unprofiled_customer=denied)
    assert rfm.select("customer_id", "rfm_score").rows() == [("a", "333")]


def test_without_a_rate_there_is_no_money_score_and_no_name() -> None:
    orders = [
        _order("a", datetime(2026, 6, 1)),
        _order("b", datetime(2026, 6, 1)),
        _order("j", datetime(2026, 6, 1), currency="JPY"),
    ]
    rfm = _rfm(orders)
    assert rfm.select("customer_id", "monetary", "m_score", "rfm_score", "segment").row(2) == (
        "j", None, None, None, "not_available",
    )  # fmt: skip
    assert rfm["m_score"].to_list() == [3, 3, None]


@pytest.mark.parametrize("seed", range(3))
def test_every_customer_has_one_of_eleven_names(seed: int) -> None:
    rng = np.random.default_rng(seed)
    orders = [
        _order(
            f"c{i:03d}",
            datetime(2026, 6, 30) - timedelta(days=int(rng.integers(0, 300))),
            float(rng.integers(1, 90)),
        )
        for i in range(300)
        for _ in range(int(rng.geometric(0.4)))
    ]
    # Some come lately without buying.
    seen = [
        {
            "record_key": f"shop:c{i:03d}",
            "source_system": "desk",
            "ticket_id": str(i),
            "created_at": datetime(2026, 6, 20),
        }
        for i in range(0, 300, 10)
    ]
    rfm = _rfm(orders, tickets=frame("tickets", seen))
    assert rfm["segment"].n_unique() == 11
    assert set(rfm.filter(pl.col("segment") == "new_customers")["frequency"]) == {1}
    assert rfm.filter(pl.col("segment") == "champions")["frequency"].min() >= 2
    bought_lately = {
        "champions",
        "loyal_customers",
        "potential_loyalists",
        "new_customers",
        "promising",
    }
    assert set(rfm.filter(pl.col("recency_days") > 90)["segment"]) & bought_lately == set()
    summary = run_sql("segment_summary", {"rfm": rfm}, AS_OF)
    assert summary["n"].sum() == len(rfm)
    assert summary["share"].sum() == pytest.approx(1, abs=1e-8)
    assert summary["revenue"].sum() == rfm["monetary"].sum()
    own = rfm.filter(pl.col("segment") == "lost")
    lost = summary.filter(pl.col("segment") == "lost").to_dicts()[0]
    assert lost["median_recency_days"] == own["recency_days"].median()
    assert float(lost["average_order_value"]) == pytest.approx(
        float(own["monetary"].sum()) / own["frequency"].sum(), abs=0.005
    )
