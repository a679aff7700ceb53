"""Point in time: what a feature may know, who is alive, and when a label is known."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from customer_intel_tests.unit.small_lake import Lake, features, frame, simulate, truncate

AS_OF = date(2026, 7, 1)
H = timedelta(days=90)


@pytest.fixture(scope="module")
def lake() -> Lake:
    return simulate(300, 500, AS_OF, seed=4)


@pytest.mark.slow
def test_truncating_at_the_origin_changes_no_feature_byte(lake: Lake) -> None:
    whole = features(lake, AS_OF)
    compared = 0
    for (definition_id, origin), then in whole.group_by("definition_id", "origin", maintain_order=True):
        assert isinstance(origin, date)
        known = features(truncate(lake, origin), origin).filter(
            (pl.col("definition_id") == definition_id) & (pl.col("origin") == origin)
        )
        names = [name for name in whole.columns if name.startswith("f_") or name == "customer_id"]
        assert then.select(names).equals(known.select(names))
        assert known["label"].null_count() == len(known)
        compared += len(known)
    assert compared == len(whole) > 1000


def test_labels_are_empty_until_matured_and_origins_as_far_as_history_reaches(lake: Lake) -> None:
    found = features(lake, AS_OF)
    matured = pl.col("origin") + pl.duration(days=pl.col("horizon_days")) <= AS_OF
    assert found.filter(matured != pl.col("label").is_not_null()).is_empty()
    purchase = (
        found.filter(pl.col("definition_id") == "purchase_90d")["origin"].unique().sort(descending=True).to_list()
    )
    assert purchase == [AS_OF, *(AS_OF - H - k * timedelta(days=30) for k in range(9))]
    subscription = found.filter(pl.col("definition_id") == "subscription_30d")["origin"].n_unique()
    assert subscription == 1 + 9


def _bought(who: str, *days: date, activity: str = "order_placed") -> list[dict[str, Any]]:
    return [{"customer_id": who, "day": day, "activity": activity, "n": 1, "revenue": 10, "sessions_started": 0}
            for day in days]  # fmt: skip


def _purchases(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The rows of the first past origin, by customer."""
    found = features({"activity_daily": frame("activity_daily", rows)}, AS_OF)
    return {row["customer_id"]: row for row in found.filter(pl.col("origin") == AS_OF - H).to_dicts()}


def test_the_label_begins_with_the_origins_own_day_and_ends_before_as_of() -> None:
    origin = AS_OF - H
    first = date(2025, 7, 1)
    rows = _bought("old", first - timedelta(days=700))
    rows += _bought("stays", first, origin)
    rows += _bought("returns_late", first, AS_OF)
    rows += _bought("stays_last_day", first, AS_OF - timedelta(days=1))
    rows += _bought("new", origin)
    found = _purchases(rows)
    assert {who: row["label"] for who, row in found.items()} == {"stays": 0, "returns_late": 1, "stays_last_day": 0}
    assert found["stays"]["f_orders_365d"] == 1
    assert found["stays"]["f_days_since_order"] == (origin - first).days


def test_features_say_what_they_say() -> None:
    origin = AS_OF - H
    ago = lambda days: origin - timedelta(days=days)  # noqa: E731
    rows = _bought("old", ago(800)) + _bought("a", ago(200), ago(150), ago(100))
    rows += _bought("a", ago(10), ago(40), activity="ticket_opened")
    rows += _bought("a", ago(3), activity="payment_failed") + _bought("a", ago(2), activity="email_sent")
    rows += _bought("a", ago(20), activity="order_refunded")
    rows += [{"customer_id": "a", "day": ago(5), "activity": "_session", "n": 3, "revenue": 0, "sessions_started": 3}]
    row = _purchases(rows)["a"]
    expected = {
        "f_days_since_order": 100, "f_usual_gap_days": 50, "f_gap_ratio": 2, "f_days_since_active": 5,
        "f_tenure_days": 200, "f_orders_90d": 0, "f_orders_365d": 3, "f_refunds_365d": 1, "f_active_days_28d": 2,
        "f_active_days_trend_28d": 1, "f_sessions_28d": 3, "f_tickets_90d": 2, "f_payment_failures_90d": 1,
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    assert (row["f_last_nps_score"], row["f_plan_amount"], row["f_seats"], row["value_at_risk"]) == (None,) * 4


def _span(who: str, start: date, end: date | None, number: int = 1, **more: Any) -> dict[str, Any]:
    at = datetime.combine
    noon = datetime.min.time().replace(hour=12)
    return {"record_key": who, "source_system": "bill", "subscription_id": f"{who}{number}",
            "started_at": at(start, noon), "status": "canceled" if end else "active",
            "ended_at": at(end, noon) if end else None, "updated_at": at(end or start, noon),
            "quantity": 0 if end else 2, "unit_amount": 12, "billing_interval": "month", **more}  # fmt: skip


def test_subscription_churn_is_none_alive_at_the_end() -> None:
    origin, first = AS_OF - timedelta(days=30), date(2025, 1, 1)
    day = timedelta(days=1)
    spans = [
        _span("stays", first, None),
        _span("ends", first, origin + 3 * day),
        _span("ends_on_the_last_day", first, AS_OF - day),
        _span("ends_after", first, AS_OF),
        _span("switches", first, origin + 3 * day),
        _span("switches", origin + 5 * day, None, 2),
        _span("gone_before", first, origin - day),
        _span("starts_later", origin, None),
        _span("undated", first, None, status="canceled", updated_at=datetime(2026, 6, 10)),
        _span("never_began", first, None, status="incomplete"),
    ]
    people = [{"record_key": span["record_key"], "customer_id": span["record_key"], "valid_to": None} for span in spans]
    unique = list({person["customer_id"]: person for person in people}.values())
    found = features(
        {
            "subscriptions": frame("subscriptions", spans),
            "record_customer_map": frame("record_customer_map", unique),
            "subscription_events": frame(
                "subscription_events",
                [
                    {"source_system": "bill", "event_id": "1", "subscription_id": "stays1", "mrr": 24, "quantity": 2,
                     "occurred_at": datetime(2025, 1, 1, 12)},
                    {"source_system": "bill", "event_id": "2", "subscription_id": "stays1", "mrr": 60, "quantity": 5,
                     "occurred_at": datetime(2026, 6, 1)},
                ],
            ),
        },
        AS_OF,
    )  # fmt: skip
    then = {row["customer_id"]: row for row in found.filter(pl.col("origin") == origin).to_dicts()}
    assert {who: row["label"] for who, row in then.items()} == {
        "stays": 0, "ends": 1, "ends_on_the_last_day": 1, "ends_after": 0, "switches": 0, "undated": 1,
    }  # fmt: skip
    # What the subscription is today (its quantity, its amount) is not what it was then; its events are.
    assert (then["stays"]["f_seats"], then["stays"]["f_plan_amount"]) == (2, 24)
    assert (then["ends"]["f_seats"], then["ends"]["f_plan_amount"]) == (None, None)
    now = {row["customer_id"]: row for row in found.filter(pl.col("origin") == AS_OF).to_dicts()}
    assert (now["stays"]["f_seats"], float(now["stays"]["value_at_risk"])) == (5, 12 * 2 * 12)
    assert "ends_on_the_last_day" not in now and "ends_after" in now
