"""Activity stream and daily roll-ups, against literal rows."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from decimal import Decimal

import polars as pl

from customer_intel.behaviour.act_names import of_event
from customer_intel_tests.unit.activity_rows import (
    AS_OF,
    CAP,
    GAP,
    T0,
    event,
    room,
    sessions,
    stream,
)
from customer_intel_tests.unit.facts_rows import chain


def test_a_device_belongs_to_each_person_for_a_half_open_interval() -> None:
    change = T0 + timedelta(minutes=10)
    owners = [
        {
            "anonymous_id": "a",
            "customer_id": "C1",
            "record_key": "x:1",
            "starts_at": T0,
            "ends_at": change,
        },
        {
            "anonymous_id": "a",
            "customer_id": "C2",
            "record_key": "x:2",
            "starts_at": change,
            "ends_at": change + CAP,
        },
    ]
    events = [event(k, T0 + timedelta(minutes=5 * k), anonymous_id="a") for k in range(4)]
    made = room(events, anonymous_map=[{**owner, "method": "login"} for owner in owners])
    told = stream(made).sort("ts")
    assert told["customer_id"].to_list() == ["C1", "C1", "C2", "C2"]
    assert told["session_id"].n_unique() == 2


def test_overlapping_device_intervals_do_not_double_an_activity() -> None:
    owners = [
        {
            "anonymous_id": "a",
            "customer_id": "C1",
            "record_key": "x:1",
            "starts_at": T0,
            "ends_at": T0 + CAP,
            "method": "m",
        },
        {
            "anonymous_id": "a",
            "customer_id": "C2",
            "record_key": "x:2",
            "starts_at": T0 + GAP,
            "ends_at": T0 + CAP,
            "method": "m",
        },
    ]
    events = [event(1, T0, anonymous_id="a"), event(2, T0 + GAP, anonymous_id="a")]
    assert stream(room(events, anonymous_map=owners))["customer_id"].to_list() == ["C1", "C2"]


def test_names_touchpoints_and_stages() -> None:
    events = [
        event(
            1,
            T0,
            event_type="page",
            event_name="Page",
            page_path="/Pricing/eu",
            page_url="https://x.example/Pricing/eu",
        ),
        event(2, T0, event_type="page", event_name="Page", page_path="/"),
        event(
            3, T0, event_type=None, event_name="$pageview", page_url="https://x.example/blog?x=1"
        ),
        event(4, T0, event_type="page", event_name="Page", page_path="/sku-123"),
        event(5, T0, event_name="Report Exported", feature='Ünïcode "q"'),
        event(6, T0, event_name="Order Placed"),
        event(7, T0, event_type="screen", event_name="Home", app_version="1.2"),
        event(8, T0, event_name="???"),
    ]
    told = stream(room(events)).sort("activity_id")
    assert told["touchpoint_id"].to_list() == [
        "web:page_viewed:pricing",
        "web:page_viewed:home",
        "web:page_viewed:blog",
        "web:page_viewed:other",
        'web:report_exported:ünïcode "q"',
        "web:web_order_placed",
        "app:page_viewed:home",
        "web:unnamed_event",
    ]
    assert told["journey_stage"].to_list() == [
        "consideration",
        "awareness",
        "awareness",
        "consideration",
        "other",
        "other",
        "awareness",
        "other",
    ]
    assert json.loads(told["feature_json"][4]) == {"feature": 'Ünïcode "q"'}
    assert told["session_id"].null_count() == 8


def test_names_in_any_script_are_kept() -> None:
    names = [
        "カートに追加", "Заказ оформлен", "हिन्दी - ठीक", "créditoSolicitado", "Suscripción cancelada!", "Order Paid",
        "Order Placed", "Order Completed", "Ticket Opened", "Email Opened", "🎉",
    ]  # fmt: skip
    told = stream(room([event(at, T0, event_name=name) for at, name in enumerate(names)]))
    acts = told.sort("activity_id")["activity"].to_list()
    assert acts == [
        "カートに追加", "заказ_оформлен", "हिन्दी_ठीक", "créditosolicitado", "suscripción_cancelada", "web_order_paid",
        "web_order_placed", "order_completed", "web_ticket_opened", "web_email_opened", "unnamed_event",
    ]  # fmt: skip
    # What who declares one by hand is told to write.
    assert acts == [of_event(name) for name in names]


def test_an_event_without_a_name_is_a_warning() -> None:
    made = room([event(1, T0, event_name="🎉"), event(2, T0, event_name="カート")])
    stream(made)
    assert (made.failures("activity"), made.warnings("activity")) == ([], ["events_have_names"])


def test_every_source_becomes_activity_and_revenue_nets_out() -> None:
    day = datetime(2026, 3, 2, 9)
    order = {"source_system": "shop", "record_key": "shop:1", "currency": "USD", "ordered_at": day}
    made = room(
        [],
        record_customer_map=[
            {"record_key": key, "customer_id": "C1", "valid_from": AS_OF}
            for key in ("shop:1", "bill:1")
        ],
        orders=[
            {
                **order,
                "order_id": "1",
                "total": Decimal("100"),
                "refunded": Decimal("30"),
                "updated_at": day,
                "cancelled_at": day,
                "shipped_at": None,
            },
            {
                **order,
                "order_id": "2",
                "total": Decimal("50"),
                "refunded": Decimal("0"),
                "shipped_at": day + CAP,
                "updated_at": None,
                "cancelled_at": None,
            },
            {
                **order,
                "order_id": "3",
                "total": Decimal("80"),
                "refunded": Decimal("30"),
                "shipped_at": None,
                "updated_at": day + CAP,
                "cancelled_at": None,
            },
        ],
        invoices=[
            {"source_system": "bill", "invoice_id": "i1", "record_key": "bill:1", "created_at": day}
        ],
        payments=[
            {
                "source_system": "bill",
                "payment_id": "p1",
                "invoice_id": "i1",
                "order_id": None,
                "status": "succeeded",
                "amount": Decimal("9.90"),
                "currency": "USD",
                "paid_at": day,
            },
            {
                "source_system": "bill",
                "payment_id": "p2",
                "invoice_id": "i1",
                "order_id": None,
                "status": "failed",
                "amount": Decimal("9.90"),
                "currency": "USD",
                "paid_at": day,
            },
            {
                "source_system": "bill",
                "payment_id": "p3",
                "invoice_id": "i1",
                "order_id": None,
                "status": "pending",
                "amount": Decimal("9.90"),
                "currency": "USD",
                "paid_at": day,
            },
        ],
        subscriptions=[
            {
                "source_system": "bill",
                "subscription_id": "s1",
                "record_key": "bill:1",
                "started_at": day,
                "canceled_at": day + CAP,
                "status": "canceled",
                "plan_id": "p",
                "unit_amount": Decimal("9.90"),
                "currency": "USD",
                "billing_interval": "month",
            }
        ],
        tickets=[
            {
                "source_system": "desk",
                "ticket_id": "t1",
                "record_key": "bill:1",
                "created_at": day,
                "solved_at": day,
            }
        ],
        survey_responses=[
            {
                "source_system": "nps",
                "response_id": "r1",
                "record_key": "bill:1",
                "survey_type": "nps",
                "responded_at": day,
                "score": 9,
            }
        ],
        reviews=[
            {
                "source_system": "rev",
                "review_id": "v1",
                "record_key": "bill:1",
                "platform": "Web",
                "rating": 4,
                "created_at": day,
            }
        ],
        marketing_touches=[
            {
                "source_system": "mail",
                "touch_id": "m1",
                "record_key": "bill:1",
                "channel": "Email",
                "event": "opened",
                "campaign_id": "k",
                "occurred_at": day,
            }
        ],
    )
    told = stream(made)
    assert sorted(told["activity"]) == [
        "email_opened",
        "order_attempted",
        "order_cancelled",
        "order_placed",
        "order_placed",
        "order_refunded",
        "order_shipped",
        "payment_failed",
        "payment_succeeded",
        "review_written",
        "subscription_canceled",
        "subscription_started",
        "survey_answered",
        "ticket_opened",
        "ticket_solved",
    ]
    assert told["customer_id"].null_count() == 0
    # A cancelled order brings nothing, whatever was given back for it; what is paid for an order is
    # no revenue besides.
    assert told["revenue"].sum() == told["revenue_impact"].sum() == Decimal("100.00")
    not_own = {"order_cancelled", "order_refunded", "order_shipped", "payment_failed", "payment_succeeded",
               "subscription_canceled", "ticket_solved"}  # fmt: skip
    assert set(told.filter(~pl.col("is_own_act"))["activity"]) == not_own
    daily = chain(made, "activity_daily")
    placed = (
        daily.filter(pl.col("activity") == "order_placed")
        .select("n", "revenue", "sessions_started")
        .row(0)
    )
    assert placed == (2, Decimal("130.00"), 0)


def test_days_after_the_night_are_left_out_and_its_own_day_is_kept() -> None:
    midnight = datetime(2026, 3, 11)
    events = [
        event(1, midnight - timedelta(microseconds=1), anonymous_id="a"),
        event(2, midnight, anonymous_id="a"),
    ]
    assert stream(room(events))["activity_id"].to_list() == ["event:app:e00001"]


def test_daily_roll_up_counts_sessions_once_and_converts_money() -> None:
    mapping = [{"record_key": "app:u1", "customer_id": "C1", "valid_from": AS_OF}]
    events = [
        event(k, T0 + timedelta(hours=k), user_id="u1", record_key="app:u1") for k in range(3)
    ]
    made = room(
        events,
        record_customer_map=mapping,
        orders=[
            {
                "source_system": "shop",
                "order_id": "1",
                "record_key": "app:u1",
                "ordered_at": T0,
                "total": Decimal("10.00"),
                "currency": "EUR",
            }
        ],
        fx_rates=[
            {
                "source_system": "ecb",
                "date": date(2026, 2, 27),
                "base": "EUR",
                "quote": "USD",
                "rate": 1.25,
            },
            {
                "source_system": "ecb",
                "date": date(2026, 3, 2),
                "base": "EUR",
                "quote": "USD",
                "rate": 2.0,
            },
        ],
    )
    made.settings["reporting_currency"] = "USD"
    converted = sessions(made)["is_converted"].to_list()
    daily = (
        chain(made, "activity_daily").select("activity", "n", "revenue", "sessions_started").rows()
    )
    assert daily == [
        ("_session", 3, Decimal("0.00"), 3),
        ("feature_used", 3, Decimal("0.00"), 0),
        ("order_placed", 1, Decimal("12.50"), 0),
    ]
    assert converted == [True, False, False]
    assert chain(made, "touchpoint_day").select("touchpoint_id", "day", "n").rows() == [
        ("shop:order_placed", T0.date(), 1),
        ("web:feature_used", T0.date(), 3),
    ]


def test_a_customers_day_tells_own_acts_apart_from_what_was_received() -> None:
    day = T0.date()
    row = {"customer_id": "C1", "n": 1, "sessions_started": 0, "first_at": T0, "last_at": T0}
    made = room(
        [],
        activity_daily=[
            {**row, "day": day, "activity": "email_sent", "is_own_act": False, "known_at": T0 - CAP},
            {**row, "day": day, "activity": "page_viewed", "is_own_act": True, "known_at": T0 + GAP,
             "n": 3, "last_at": T0 + GAP},
            {**row, "day": day, "activity": "_session", "is_own_act": False, "known_at": T0 + GAP,
             "n": 2, "sessions_started": 2, "last_at": T0 + GAP},
            {**row, "day": day + CAP, "activity": "email_sent", "is_own_act": False, "known_at": T0},
        ],
    )  # fmt: skip
    rows = made.run("customer_day").rows(named=True)
    assert rows[0] == {
        "customer_id": "C1",
        "day": day,
        "n_own": 3,
        "is_active": True,
        "first_own_at": T0,
        "last_own_at": T0 + GAP,
        "sessions_started": 2,
        "last_session_start": T0 + GAP,
        "known_at": T0 + GAP,
    }
    assert (rows[1]["is_active"], rows[1]["n_own"], rows[1]["known_at"]) == (False, 0, None)


def test_an_untouched_day_is_the_same_whatever_else_arrives() -> None:
    old = [event(k, T0 + timedelta(minutes=k), anonymous_id="a") for k in range(5)]
    new = [*old, event(9, T0 + timedelta(days=3), anonymous_id="a")]
    day = pl.col("day") == T0.date()
    assert stream(room(old)).filter(day).equals(stream(room(new)).filter(day))


def test_gates_close_on_poisoned_rows() -> None:
    made = room([event(1, T0, anonymous_id="a")])
    stream(made)
    # A day off is what time zones do; two are none.
    made.con.execute("UPDATE activity SET day = day - 1").fetchall()
    assert made.failures("activity") == []
    made.con.execute("UPDATE activity SET day = day - 1").fetchall()
    assert made.failures("activity") == ["day_is_the_day_of_ts"]
