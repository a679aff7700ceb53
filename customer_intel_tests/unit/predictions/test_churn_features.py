"""Point in time: what a feature may know, who is alive, and when a label is known."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from customer_intel_tests.unit.facts_rows import chain, exports
from customer_intel_tests.unit.small_lake import Lake, features, frame, simulate, truncate
from customer_intel_tests.unit.sqlroom import Room

AS_OF = date(2026, 7, 1)
H = timedelta(days=90)


@pytest.fixture(scope="module")
def lake() -> Lake:
    return simulate(300, 500, AS_OF, seed=4)


@pytest.mark.slow
def test_truncating_at_the_origin_changes_no_feature_byte(lake: Lake) -> None:
    whole = features(lake, AS_OF)
    compared = 0
    for (definition_id, origin), then in whole.group_by(
        "definition_id", "origin", maintain_order=True
    ):
        assert isinstance(origin, date)
        known = features(truncate(lake, origin), origin).filter(
            (pl.col("definition_id") == definition_id) & (pl.col("origin") == origin)
        )
        names = [
            name
            for name in whole.columns
            if name.startswith("f_") or name in ("customer_id", "is_lapsed")
        ]
        assert then.select(names).equals(known.select(names))
        assert known["label"].null_count() == len(known)
        compared += len(known)
    assert compared == len(whole) > 1000


def test_labels_are_empty_until_matured_and_origins_as_far_as_history_reaches(lake: Lake) -> None:
    found = features(lake, AS_OF)
    matured = pl.col("origin") + pl.duration(days=pl.col("horizon_days")) <= AS_OF
    assert found.filter(matured != pl.col("label").is_not_null()).is_empty()
    purchase = (
        found.filter(pl.col("definition_id") == "purchase_90d")["origin"]
        .unique()
        .sort(descending=True)
        .to_list()
    )
    assert purchase == [AS_OF, *(AS_OF - H - k * timedelta(days=30) for k in range(9))]
    subscription = found.filter(pl.col("definition_id") == "subscription_30d")["origin"].n_unique()
    assert subscription == 1 + 9


def _bought(who: str, *days: date, **columns: Any) -> list[dict[str, Any]]:
    return [{"record_key": who, "order_id": f"{who}-{day}", "ordered_at": at(day), "status": "paid", "currency": "EUR",
             "total": 10, **columns} for day in days]  # fmt: skip


def at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12)


def _did(who: str, activity: str, *days: date, n: int = 1) -> list[dict[str, Any]]:
    return [{"customer_id": who, "day": day, "activity": activity, "n": n,
             "sessions_started": n if activity == "_session" else 0} for day in days]  # fmt: skip


def _people(rows: list[dict[str, Any]]) -> pl.DataFrame:
    who = sorted({str(row["record_key"]) for row in rows})
    return frame(
        "record_customer_map",
        [{"record_key": key, "customer_id": key, "valid_to": None} for key in who],
    )


def _purchases(orders: list[dict[str, Any]], **more: Any) -> dict[str, dict[str, Any]]:
    """The rows of the first past origin, by customer."""
    lake = {
        "orders": pl.DataFrame(orders, infer_schema_length=None),
        "record_customer_map": _people(orders),
        **more,
    }
    found = features(lake, AS_OF)
    return {
        row["customer_id"]: row for row in found.filter(pl.col("origin") == AS_OF - H).to_dicts()
    }


def test_a_day_counts_from_the_first_origin_on_that_was_told_of_it() -> None:
    """Told in the second in which the origin's day begins: known; a microsecond later: not yet."""
    morning = datetime.combine(AS_OF - H, datetime.min.time())
    told = [
        (3, morning),
        (9, morning - timedelta(days=2)),
        (2, morning + timedelta(microseconds=1)),
    ]
    days = [
        {"customer_id": "a", "day": AS_OF - H - timedelta(days=ago), "activity": "page_viewed", "n": 1,
         "sessions_started": 0, "is_own_act": True, "known_at": known_at, "first_at": morning, "last_at": morning}
        for ago, known_at in told
    ]  # fmt: skip
    rows = _bought("old", AS_OF - H - timedelta(days=500)) + _bought(
        "a", AS_OF - H - timedelta(days=40)
    )
    row = _purchases(rows, activity_daily=pl.DataFrame(days))["a"]
    assert (row["f_days_since_active"], row["f_active_days_28d"]) == (3, 2)


def test_the_label_begins_with_the_origins_own_day_and_ends_before_as_of() -> None:
    origin = AS_OF - H
    first = date(2025, 7, 1)
    rows = _bought("old", first - timedelta(days=700))
    rows += _bought("stays", first, origin)
    rows += _bought("returns_late", first, AS_OF)
    rows += _bought("stays_last_day", first, AS_OF - timedelta(days=1))
    rows += _bought("new", origin)
    found = _purchases(rows)
    assert {who: row["label"] for who, row in found.items()} == {
        "stays": 0,
        "returns_late": 1,
        "stays_last_day": 0,
    }
    assert found["stays"]["f_orders_365d"] == 1
    assert found["stays"]["f_days_since_order"] == (origin - first).days


def test_features_say_what_they_say() -> None:
    origin = AS_OF - H

    def ago(days: int) -> date:
        return origin - timedelta(days=days)

    rows = _bought("old", ago(800)) + _bought("a", ago(200), ago(150))
    # Given back in part before the origin, as the source itself dates it.
    rows += _bought("a", ago(100), refunded=4, refunded_at=at(ago(20)))
    tickets = [
        {"record_key": "a", "source_system": "desk", "ticket_id": str(n), "created_at": at(ago(n))}
        for n in (10, 40)
    ]
    failed = {"source_system": "shop", "payment_id": "p", "order_id": rows[-1]["order_id"], "paid_at": at(ago(3)),
              "status": "failed", "currency": "EUR", "amount": 10}  # fmt: skip
    daily = _did("a", "order_placed", ago(200), ago(150), ago(100)) + _did(
        "a", "ticket_opened", ago(10), ago(40)
    )
    daily += (
        _did("a", "payment_failed", ago(3))
        + _did("a", "email_sent", ago(2))
        + _did("a", "order_refunded", ago(20))
    )
    daily += _did("a", "_session", ago(5), n=3) + _did("a", "page_viewed", ago(5))
    more = {"payments": pl.DataFrame([failed]), "activity_daily": frame("activity_daily", daily)}
    row = _purchases(rows, tickets=frame("tickets", tickets), **more)["a"]
    expected = {
        "f_days_since_order": 100, "f_usual_gap_days": 50, "f_gap_ratio": 2, "f_days_since_active": 5,
        "f_tenure_days": 200, "f_orders_90d": 0, "f_orders_365d": 3, "f_revenue_365d": 26, "f_refunds_365d": 1,
        "f_active_days_28d": 2, "f_active_days_trend_28d": 1, "f_sessions_28d": 3, "f_tickets_90d": 2,
        "f_payment_failures_90d": 1,
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    assert (
        row["f_last_nps_score"],
        row["f_plan_amount"],
        row["f_seats"],
        row["value_at_risk"],
    ) == (None,) * 4


def _span(who: str, start: date, end: date | None, number: int = 1, **more: Any) -> dict[str, Any]:
    return {"record_key": who, "source_system": "bill", "subscription_id": f"{who}{number}",
            "started_at": at(start), "status": "canceled" if end else "active",
            "ended_at": at(end) if end else None, "updated_at": at(end or start),
            "quantity": 0 if end else 2, "unit_amount": 12, "billing_interval": "month", "currency": "EUR",
            **more}  # fmt: skip


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
        _span("trial_lapsed", origin - 9 * day, origin + 5 * day, trial_end=at(origin + 5 * day)),
        _span("on_trial", origin - 9 * day, None, trial_end=at(origin + 5 * day)),
        _span("free", first, None, unit_amount=0),
        _span("pauses", first, None, status="paused"),
    ]
    found = features(
        {
            "subscriptions": pl.DataFrame(spans, infer_schema_length=None),
            "record_customer_map": _people(spans),
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
        "stays": 0, "ends": 1, "ends_on_the_last_day": 1, "ends_after": 0, "switches": 0, "undated": 1, "pauses": 0,
    }  # fmt: skip
    # What the subscription is today (its quantity, its price) is not what it was then; its events
    # are.
    assert (then["stays"]["f_seats"], then["stays"]["f_plan_amount"]) == (2, 24)
    assert (then["ends"]["f_seats"], then["ends"]["f_plan_amount"]) == (None, None)
    now = {row["customer_id"]: row for row in found.filter(pl.col("origin") == AS_OF).to_dicts()}
    # 30 days of 60 a month.
    assert (now["stays"]["f_seats"], float(now["stays"]["value_at_risk"])) == (5, 59.18)
    assert "ends_on_the_last_day" not in now and "ends_after" in now


def test_a_buyer_has_lapsed_by_the_own_rhythm_and_not_within_a_horizon() -> None:
    """Everybody's mean gap is 23 days here and counts as one more gap of each."""
    origin = AS_OF - H

    def days(*ago: int) -> list[date]:
        return [origin - timedelta(days=day) for day in ago]

    weekly = range(120, 300, 7)
    rows = _bought("weekly_gone", *days(*weekly)) + _bought(
        "weekly_lately", *days(*range(60, 250, 7))
    )
    rows += _bought("quarterly", *days(330, 210, 120)) + _bought("once_long_ago", *days(200))
    rows += _bought("once_lately", *days(80)) + _bought("yearly", *days(900, 550, 200))
    found = _purchases(rows)
    assert {who: row["is_lapsed"] for who, row in found.items()} == {
        "weekly_gone": True, "weekly_lately": False, "quarterly": False, "once_long_ago": True,
        "once_lately": False, "yearly": False,
    }  # fmt: skip


def test_nobody_has_lapsed_where_nobody_ordered_twice() -> None:
    origin = AS_OF - H
    rows = _bought("a", origin - timedelta(days=300)) + _bought("b", origin - timedelta(days=200))
    assert not any(row["is_lapsed"] for row in _purchases(rows).values())


def test_what_staying_would_bring_is_of_the_horizon() -> None:
    """Net revenue per day observed, at least a horizon and at most a year, times 90 days."""

    def days(*ago: int) -> list[date]:
        return [AS_OF - timedelta(days=day) for day in ago]

    rows = _bought("old", *days(700, 300, 200, 100, 10)) + _bought("new", *days(5))
    rows += _bought("half_a_year", *days(180, 20))
    lake = {"orders": pl.DataFrame(rows), "record_customer_map": _people(rows)}
    now = features(lake, AS_OF).filter(pl.col("origin") == AS_OF)
    assert {row["customer_id"]: float(row["value_at_risk"]) for row in now.to_dicts()} == {
        "old": 9.86, "new": 10.0, "half_a_year": 10.0,
    }  # fmt: skip


def test_an_origin_knows_what_exports_had_told_by_then() -> None:
    """The source's first export brings its past along; what later ones tell of the past is known
    from then on.
    """
    origin, first = AS_OF - H, date(2025, 7, 1)
    old, seen, late = _bought("a", first, origin - timedelta(days=60), origin - timedelta(days=30))
    ghost, given_back = _bought("a", origin - timedelta(days=50), origin - timedelta(days=70))
    day_before, after = origin - timedelta(days=1), origin + timedelta(days=10)
    made = Room(AS_OF)
    made.put("customer_record", [{"record_key": "a", "customer_id": "a"}])
    told = {day_before: [old, seen, ghost, given_back]}
    told[after] = [
        late,
        ghost | {"status": "cancelled"},
        given_back | {"status": "refunded", "refunded": 10},
    ]
    exports(made, "orders", told, source_system="shop")
    rows = (
        chain(made, "churn_features").filter(pl.col("definition_id") == "purchase_90d").to_dicts()
    )
    then = next(row for row in rows if row["origin"] == origin)
    # The order that came late is not known yet; the cancelled one and the one given back are orders
    # still.
    assert (then["f_orders_90d"], then["f_days_since_order"], then["f_refunds_365d"]) == (3, 50, 0)
    now = next(row for row in rows if row["origin"] == AS_OF)
    assert (now["f_orders_365d"], now["f_days_since_order"], now["f_refunds_365d"]) == (3, 120, 1)


def test_who_may_not_be_profiled_is_no_row(lake: Lake) -> None:
    who = features(lake, AS_OF)["customer_id"].unique().sort()
    denied = {
        "unprofiled_customer": pl.DataFrame({"customer_id": who[:10]}).with_columns(
            reason=pl.lit("denied")
        )
    }
    assert set(features(lake | denied, AS_OF)["customer_id"]) == set(who[10:])
