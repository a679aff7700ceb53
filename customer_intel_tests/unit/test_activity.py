"""Activity stream, sessions and daily roll-ups, against literal rows and an independent sessioniser."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from customer_intel_tests.unit.sqlroom import Room

AS_OF = date(2026, 3, 10)
T0 = datetime(2026, 3, 1, 12, 0, 0)
GAP = timedelta(minutes=30)
CAP = timedelta(hours=24)


def event(number: int, ts: datetime, **columns: Any) -> dict[str, Any]:
    return {"event_id": f"e{number:05}", "event_name": "Feature Used", "event_type": "track", "occurred_at": ts, **columns}


def room(events: list[dict[str, Any]], **tables: list[dict[str, Any]]) -> Room:
    made = Room(AS_OF)
    if events:
        made.put("events", events, source_system="app")
    for name, rows in tables.items():
        made.put(name, rows)
    return made


def sessions(made: Room, **config: Any) -> pl.DataFrame:
    made.run("activity", **config)
    return made.run("session").sort("started_at", "session_id")


def independent_sessions(events: list[tuple[str, datetime, str]]) -> set[frozenset[str]]:
    """Sets of event ids: a loop over each visitor's events in order, the plainest reading of the rule."""
    by_visitor: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for visitor, ts, event_id in events:
        by_visitor[visitor].append((ts, event_id))
    found = set()
    for own in by_visitor.values():
        own.sort()
        run_start = own[0][0]
        current: list[str] = []
        before = own[0][0]
        stretch = 0
        for ts, event_id in own:
            if ts - before > GAP:
                found.add(frozenset(current))
                current, run_start, stretch = [], ts, 0
            elif (ts - run_start) // CAP != stretch:
                found.add(frozenset(current))
                current, stretch = [], (ts - run_start) // CAP
            current.append(event_id)
            before = ts
        found.add(frozenset(current))
    return found


def test_a_gap_of_exactly_thirty_minutes_does_not_end_a_session_and_a_microsecond_more_does() -> None:
    exact = sessions(room([event(1, T0, anonymous_id="a"), event(2, T0 + GAP, anonymous_id="a")]))
    assert exact.height == 1
    assert exact["duration_seconds"].to_list() == [1800]
    more = sessions(
        room([event(1, T0, anonymous_id="a"), event(2, T0 + GAP + timedelta(microseconds=1), anonymous_id="a")])
    )
    assert more["n_activities"].to_list() == [1, 1]


def test_a_session_over_midnight_is_one_session_of_its_first_day() -> None:
    late = datetime(2026, 3, 1, 23, 50)
    found = sessions(room([event(k, late + timedelta(minutes=10 * k), anonymous_id="a") for k in range(4)]))
    assert found.select("day", "n_activities").rows() == [(date(2026, 3, 1), 4)]


def test_a_robot_that_never_pauses_is_cut_every_24_hours() -> None:
    found = sessions(room([event(k, T0 + timedelta(minutes=20 * k), anonymous_id="a") for k in range(150)]))
    assert found["started_at"].to_list() == [T0, T0 + CAP, T0 + 2 * CAP]
    assert found["n_activities"].to_list() == [72, 72, 6]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_sessions_equal_an_independent_sessioniser(seed: int) -> None:
    chance = random.Random(seed)
    events, told = [], []
    clocks = {f"v{k}": T0 + timedelta(hours=chance.randrange(30)) for k in range(25)}
    pauses = [
        timedelta(0), timedelta(microseconds=1), timedelta(milliseconds=250), timedelta(minutes=5), GAP,
        GAP - timedelta(microseconds=1), GAP + timedelta(microseconds=1), timedelta(minutes=29, seconds=59),
        timedelta(hours=3), timedelta(hours=11),
    ]
    for number in range(3000):
        visitor = chance.choice(list(clocks))
        weights = [4, 4, 4, 30, 30, 4, 2, 20, 1, 1] if visitor < "v2" else [3] * 10
        clocks[visitor] += chance.choices(pauses, weights)[0]
        if clocks[visitor].date() > AS_OF:
            continue
        events.append(event(number, clocks[visitor], anonymous_id=visitor))
        told.append((visitor, clocks[visitor], f"event:app:e{number:05}"))
    chance.shuffle(events)
    stream = room(events).run("activity")
    found = {
        frozenset(group) for group in stream.group_by("session_id").agg("activity_id").get_column("activity_id").to_list()
    }
    assert found == independent_sessions(told)
    assert any(len(group) > 72 for group in found)


def test_login_in_mid_session_keeps_one_session_when_the_device_is_known_to_be_the_customers() -> None:
    mapping = [{"record_key": "app:u1", "customer_id": "C1", "valid_from": date(2026, 1, 1), "change_reason": "new"}]
    device = {"anonymous_id": "a", "record_key": "app:u1", "customer_id": "C1", "method": "login"}
    events = [
        event(1, T0, anonymous_id="a"),
        event(2, T0 + timedelta(minutes=5), anonymous_id="a", user_id="u1", record_key="app:u1"),
        event(3, T0 + timedelta(minutes=6), anonymous_id="other", user_id="u1", record_key="app:u1"),
    ]
    known = sessions(room(
        events, record_customer_map=mapping, anonymous_map=[{**device, "valid_from": T0, "valid_to": None}],
    ))
    assert known.select("customer_id", "n_activities").rows() == [("C1", 3)]
    unknown = sessions(room(
        events, record_customer_map=mapping,
        anonymous_map=[{**device, "valid_from": T0 + timedelta(minutes=5), "valid_to": None}],
    ))
    assert unknown.select("customer_id", "n_activities").rows() == [(None, 1), ("C1", 2)]


def test_a_device_belongs_to_each_person_for_a_half_open_interval() -> None:
    change = T0 + timedelta(minutes=10)
    owners = [
        {"anonymous_id": "a", "customer_id": "C1", "record_key": "x:1", "valid_from": T0, "valid_to": change},
        {"anonymous_id": "a", "customer_id": "C2", "record_key": "x:2", "valid_from": change, "valid_to": None},
    ]
    events = [event(k, T0 + timedelta(minutes=5 * k), anonymous_id="a") for k in range(4)]
    stream = room(events, anonymous_map=[{**owner, "method": "login"} for owner in owners]).run("activity").sort("ts")
    assert stream["customer_id"].to_list() == ["C1", "C1", "C2", "C2"]
    assert stream["session_id"].n_unique() == 2


def test_overlapping_device_intervals_do_not_double_an_activity() -> None:
    owners = [
        {"anonymous_id": "a", "customer_id": "C1", "record_key": "x:1", "valid_from": T0, "valid_to": None, "method": "m"},
        {"anonymous_id": "a", "customer_id": "C2", "record_key": "x:2", "valid_from": T0 + GAP, "valid_to": None, "method": "m"},
    ]
    events = [event(1, T0, anonymous_id="a"), event(2, T0 + GAP, anonymous_id="a")]
    assert room(events, anonymous_map=owners).run("activity")["customer_id"].to_list() == ["C1", "C2"]


def test_session_ids_do_not_change_when_other_visitors_or_later_events_arrive() -> None:
    first = [event(1, T0, anonymous_id="a")]
    later = [*first, event(2, T0 + timedelta(minutes=3), anonymous_id="a"), event(3, T0, anonymous_id="b")]
    before = sessions(room(first))["session_id"].to_list()
    after = sessions(room(later)).filter(pl.col("anonymous_id") == "a")["session_id"].to_list()
    assert before == after


def test_names_touchpoints_and_stages() -> None:
    events = [
        event(1, T0, event_type="page", event_name="Page", page_path="/Pricing/eu", page_url="https://x.example/Pricing/eu"),
        event(2, T0, event_type="page", event_name="Page", page_path="/"),
        event(3, T0, event_type=None, event_name="$pageview", page_url="https://x.example/blog?x=1"),
        event(4, T0, event_type="page", event_name="Page", page_path="/sku-123"),
        event(5, T0, event_name="Report Exported", feature="Ünïcode \"q\""),
        event(6, T0, event_name="Order Placed"),
        event(7, T0, event_type="screen", event_name="Home", app_version="1.2"),
        event(8, T0, event_name="???"),
    ]
    stream = room(events).run("activity").sort("activity_id")
    assert stream["touchpoint_id"].to_list() == [
        "web:page_viewed:pricing", "web:page_viewed:home", "web:page_viewed:blog", "web:page_viewed:other",
        'web:report_exported:ünïcode "q"', "web:web_order_placed", "app:page_viewed:home", "web:unnamed_event",
    ]
    assert stream["journey_stage"].to_list() == [
        "consideration", "awareness", "awareness", "consideration", "usage", "usage", "awareness", "usage",
    ]
    assert json.loads(stream["feature_json"][4]) == {"feature": 'Ünïcode "q"'}
    assert stream["session_id"].null_count() == 8


def test_every_source_becomes_activity_and_revenue_nets_out() -> None:
    day = datetime(2026, 3, 2, 9)
    order = {"source_system": "shop", "record_key": "shop:1", "currency": "USD", "ordered_at": day}
    made = room(
        [],
        record_customer_map=[{"record_key": key, "customer_id": "C1", "valid_from": AS_OF} for key in ("shop:1", "bill:1")],
        orders=[
            {**order, "order_id": "1", "total": Decimal("100"), "refunded": Decimal("30"), "updated_at": day,
             "cancelled_at": day, "shipped_at": None},
            {**order, "order_id": "2", "total": Decimal("50"), "refunded": Decimal("0"), "shipped_at": day + CAP,
             "updated_at": None, "cancelled_at": None},
        ],
        invoices=[{"source_system": "bill", "invoice_id": "i1", "record_key": "bill:1", "created_at": day}],
        payments=[
            {"source_system": "bill", "payment_id": "p1", "invoice_id": "i1", "order_id": None, "status": "succeeded",
             "amount": Decimal("9.90"), "currency": "USD", "paid_at": day},
            {"source_system": "bill", "payment_id": "p2", "invoice_id": "i1", "order_id": None, "status": "failed",
             "amount": Decimal("9.90"), "currency": "USD", "paid_at": day},
            {"source_system": "bill", "payment_id": "p3", "invoice_id": "i1", "order_id": None, "status": "pending",
             "amount": Decimal("9.90"), "currency": "USD", "paid_at": day},
        ],
        subscriptions=[{"source_system": "bill", "subscription_id": "s1", "record_key": "bill:1", "started_at": day,
                        "canceled_at": day + CAP, "status": "canceled"}],
        tickets=[{"source_system": "desk", "ticket_id": "t1", "record_key": "bill:1", "created_at": day, "solved_at": day}],
        survey_responses=[{"source_system": "nps", "response_id": "r1", "record_key": "bill:1", "survey_type": "nps",
                           "responded_at": day, "score": 9}],
        reviews=[{"source_system": "rev", "review_id": "v1", "record_key": "bill:1", "platform": "Web", "rating": 4,
                  "created_at": day}],
        marketing_touches=[{"source_system": "mail", "touch_id": "m1", "record_key": "bill:1", "channel": "Email",
                            "event": "opened", "campaign_id": "k", "occurred_at": day}],
    )
    stream = made.run("activity")
    assert sorted(stream["activity"]) == [
        "email_opened", "order_cancelled", "order_placed", "order_placed", "order_refunded", "order_shipped",
        "payment_failed", "payment_succeeded", "review_written", "subscription_canceled", "subscription_started",
        "survey_answered", "ticket_opened", "ticket_solved",
    ]
    assert stream["customer_id"].null_count() == 0
    assert stream["revenue_impact"].sum() == Decimal("59.90")
    made.put("customer_id_registry", [{"customer_id": "C1", "status": "active"}])
    made.run("session")
    daily = made.run("activity_daily")
    placed = daily.filter(pl.col("activity") == "order_placed").select("n", "revenue", "sessions_started").row(0)
    assert placed == (2, Decimal("150.00"), 0)


def test_days_after_the_night_are_left_out_and_its_own_day_is_kept() -> None:
    midnight = datetime(2026, 3, 11)
    events = [event(1, midnight - timedelta(microseconds=1), anonymous_id="a"), event(2, midnight, anonymous_id="a")]
    assert room(events).run("activity")["activity_id"].to_list() == ["event:app:e00001"]


def test_daily_roll_up_counts_sessions_once_and_converts_money() -> None:
    mapping = [{"record_key": "app:u1", "customer_id": "C1", "valid_from": AS_OF}]
    events = [event(k, T0 + timedelta(hours=k), user_id="u1", record_key="app:u1") for k in range(3)]
    made = room(
        events, record_customer_map=mapping,
        orders=[{"source_system": "shop", "order_id": "1", "record_key": "app:u1", "ordered_at": T0, "total": Decimal("10.00"),
                 "currency": "EUR"}],
        fx_rates=[{"source_system": "ecb", "date": date(2026, 2, 27), "base": "EUR", "quote": "USD", "rate": 1.25},
                  {"source_system": "ecb", "date": date(2026, 3, 2), "base": "EUR", "quote": "USD", "rate": 2.0}],
    )
    made.run("currency_rate")
    converted = sessions(made)["is_converted"].to_list()
    daily = made.run("activity_daily").select("activity", "n", "revenue", "sessions_started").rows()
    assert daily == [
        ("_session", 3, Decimal("0.00"), 3), ("feature_used", 3, Decimal("0.00"), 0), ("order_placed", 1, Decimal("12.50"), 0),
    ]
    assert converted == [True, False, False]
    assert made.run("touchpoint").select("touchpoint_id", "n_activities").rows() == [
        ("shop:order_placed", 1), ("web:feature_used", 3),
    ]


def test_currency_rates_fall_back_to_the_inverse_and_reach_back() -> None:
    rates = [
        {"source_system": "ecb", "date": date(2026, 2, 1), "base": "USD", "quote": "BRL", "rate": 5.0},
        {"source_system": "ecb", "date": date(2026, 2, 3), "base": "USD", "quote": "BRL", "rate": 4.0},
        {"source_system": "own", "date": date(2026, 2, 3), "base": "BRL", "quote": "USD", "rate": 0.3},
    ]
    made = room([], fx_rates=rates)
    assert made.run("currency_rate").rows() == [
        ("BRL", date(1900, 1, 1), date(2026, 2, 3), 0.2), ("BRL", date(2026, 2, 3), date(9999, 12, 31), 0.3),
    ]


def test_an_untouched_day_is_the_same_whatever_else_arrives() -> None:
    old = [event(k, T0 + timedelta(minutes=k), anonymous_id="a") for k in range(5)]
    new = [*old, event(9, T0 + timedelta(days=3), anonymous_id="a")]
    day = pl.col("day") == T0.date()
    assert room(old).run("activity").filter(day).equals(room(new).run("activity").filter(day))


def test_gates_close_on_poisoned_rows() -> None:
    made = room([event(1, T0, anonymous_id="a")])
    made.run("activity")
    made.con.execute("UPDATE activity SET day = day - 1").fetchall()
    assert made.failures("activity") == ["day_is_the_day_of_ts"]
