"""A small simulated company as frames, with what it takes to cut it off or move it in time; not a
test itself.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from customer_intel.core.tables.parameters import room_config
from customer_intel_tests.unit.facts_rows import chain
from customer_intel_tests.unit.sqlroom import NOWHERE, Room

TS = pl.Datetime("us")
MONEY = pl.Decimal(18, 2)

# What segments, predictions and feedback read of each table.
SCHEMAS: dict[str, dict[str, Any]] = {
    "record_customer_map": {"record_key": pl.String, "customer_id": pl.String, "valid_to": pl.Date},
    "currency_rate": {"currency": pl.String, "from_day": pl.Date, "to_day": pl.Date, "rate": pl.Float64},
    "orders": {
        "record_key": pl.String, "order_id": pl.String, "ordered_at": TS, "cancelled_at": TS, "status": pl.String,
        "currency": pl.String, "total": MONEY, "refunded": MONEY,
    },
    "tickets": {"record_key": pl.String, "source_system": pl.String, "ticket_id": pl.String, "created_at": TS},
    "activity_daily": {
        "customer_id": pl.String, "day": pl.Date, "activity": pl.String, "n": pl.Int64, "revenue": MONEY,
        "sessions_started": pl.Int64,
    },
    "subscriptions": {
        "record_key": pl.String, "source_system": pl.String, "subscription_id": pl.String, "status": pl.String,
        "started_at": TS, "ended_at": TS, "canceled_at": TS, "updated_at": TS, "quantity": pl.Int64,
        "unit_amount": MONEY, "billing_interval": pl.String, "interval_count": pl.Int64,
    },
    "subscription_events": {
        "source_system": pl.String, "event_id": pl.String, "subscription_id": pl.String, "occurred_at": TS,
        "quantity": pl.Int64, "mrr": MONEY,
    },
    "invoices": {
        "record_key": pl.String, "source_system": pl.String, "invoice_id": pl.String, "subscription_id": pl.String,
        "total": MONEY, "period_start": TS, "period_end": TS, "created_at": TS,
    },
    "survey_responses": {
        "record_key": pl.String, "source_system": pl.String, "response_id": pl.String, "survey_id": pl.String,
        "survey_type": pl.String, "responded_at": TS, "channel": pl.String, "touchpoint": pl.String,
        "score": pl.Float64,
    },
    "survey_invitations": {
        "record_key": pl.String, "source_system": pl.String, "invitation_id": pl.String, "survey_id": pl.String,
        "sent_at": TS, "delivered": pl.Boolean,
    },
}  # fmt: skip

# Rows of activity_daily that are no act of the customer's own.
NOT_OWN = (
    "_session",
    "email_sent",
    "payment_failed",
    "order_refunded",
    "order_cancelled",
    "order_shipped",
)

Lake = dict[str, pl.DataFrame]


def config(room: str) -> dict[str, Any]:
    return room_config(room, NOWHERE)


def frame(table: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    schema = SCHEMAS[table]
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)


def run_sql(table: str, lake: Lake, as_of: date) -> pl.DataFrame:
    """The table's rows, by its key, computed over the lake's tables; what the lake has not is
    empty.
    """
    return chain(put(Room(as_of), lake), table)


def put(room: Room, lake: Lake) -> Room:
    """The lake's tables in the room; whoever has a record today is an active customer."""
    for name, rows in lake.items():
        if name == "activity_daily" and "is_own_act" not in rows.columns:
            at = pl.col("day").cast(TS)
            rows = rows.with_columns(
                is_own_act=~pl.col("activity").is_in(NOT_OWN), known_at=at, first_at=at, last_at=at
            )
        room.put(name, rows)
    if "record_customer_map" in lake and "customer_id_registry" not in lake:
        today = lake["record_customer_map"].filter(pl.col("valid_to").is_null())
        room.put(
            "customer_id_registry",
            today.select("customer_id").unique(),
            status="active",
            born_as_of=room.as_of,
        )
    return room


def features(lake: Lake, as_of: date) -> pl.DataFrame:
    return run_sql("churn_features", lake, as_of).sort("definition_id", "origin", "customer_id")


def simulate(
    customers: int, days: int, as_of: date, seed: int, *, subscriptions: bool = True
) -> Lake:
    """Buyers with a rhythm of their own who die at their own hazard; a fading customer first stops
    visiting.
    """
    rng = np.random.default_rng(seed)
    start = as_of - timedelta(days=days)
    daily: list[dict[str, Any]] = []
    orders: list[dict[str, Any]] = []
    tickets: list[dict[str, Any]] = []
    spans: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []
    answers: list[dict[str, Any]] = []
    for number in range(customers):
        who = f"c{number:06d}"
        gap = float(rng.gamma(3, 15)) + 5
        born = int(rng.integers(0, max(days - 60, 1)))
        dies = born + rng.exponential(500)
        unhappy = rng.random() < 0.3
        if unhappy:
            dies = born + (dies - born) * 0.4
        moment = born + rng.exponential(gap) * 0.2
        while moment < min(dies, days - 0.01):
            on = start + timedelta(days=int(moment))
            spent = round(float(rng.gamma(2, 30)), 2)
            daily.append(_day(who, on, "order_placed", 1, spent))
            orders.append(
                {"record_key": f"shop:{who}", "order_id": f"o{len(orders)}", "ordered_at": _noon(on), "status": "paid",
                 "currency": "EUR", "total": spent, "refunded": 0}
            )  # fmt: skip
            moment += rng.exponential(gap)
        for offset in np.flatnonzero(rng.random(max(int(min(dies - 20, days)) - born, 0)) < 0.08):
            on = start + timedelta(days=born + int(offset))
            daily.append(_day(who, on, "_session", 1 + int(rng.integers(0, 3)), 0, sessions=1))
        for offset in rng.integers(born, days, rng.poisson(2.0 if unhappy else 0.3)):
            if offset < dies:
                on = start + timedelta(days=int(offset))
                daily.append(_day(who, on, "ticket_opened", 1, 0))
                tickets.append(
                    {"record_key": f"shop:{who}", "source_system": "desk", "ticket_id": f"t{len(tickets)}",
                     "created_at": _noon(on)}
                )  # fmt: skip
        if rng.random() < 0.4 and born + 30 < min(dies, days):
            at = datetime.combine(
                start + timedelta(days=int(rng.integers(born + 20, min(dies, days)))),
                datetime.min.time(),
            )
            answers.append(
                {"record_key": f"shop:{who}", "source_system": "nps", "response_id": f"r{number}", "survey_type": "nps",
                 "responded_at": at, "score": float(rng.integers(2, 8) if unhappy else rng.integers(6, 11))}
            )  # fmt: skip
        if subscriptions and rng.random() < 0.6:
            began = datetime.combine(start + timedelta(days=born), datetime.min.time()) + timedelta(
                hours=9
            )
            ended = began + timedelta(days=float(dies - born)) if dies < days else None
            spans.append(
                {"record_key": f"shop:{who}", "source_system": "bill", "subscription_id": f"s{number}",
                 "status": "canceled" if ended else "active", "started_at": began, "ended_at": ended,
                 "canceled_at": ended, "updated_at": ended or began, "quantity": 0 if ended else 3, "unit_amount": 20,
                 "billing_interval": "month"}
            )  # fmt: skip
            events.append(
                {"source_system": "bill", "event_id": f"e{number}", "subscription_id": f"s{number}",
                 "occurred_at": began, "quantity": 3, "mrr": 60}
            )  # fmt: skip
    merged = pl.DataFrame(daily, schema=SCHEMAS["activity_daily"], strict=False)
    merged = merged.group_by("customer_id", "day", "activity").agg(
        pl.col("n", "revenue", "sessions_started").sum()
    )
    people = [
        {"record_key": f"shop:c{n:06d}", "customer_id": f"c{n:06d}", "valid_to": None}
        for n in range(customers)
    ]
    return {
        "record_customer_map": frame("record_customer_map", people),
        "activity_daily": merged.with_columns(pl.col("revenue").cast(MONEY)).sort(
            "customer_id", "day", "activity"
        ),
        "orders": frame("orders", orders),
        "tickets": frame("tickets", tickets),
        "subscriptions": frame("subscriptions", spans),
        "subscription_events": frame("subscription_events", events),
        "survey_responses": frame("survey_responses", answers),
    }


def _noon(on: date) -> datetime:
    return datetime(on.year, on.month, on.day, 12)


def _day(
    who: str, on: date, activity: str, n: int, revenue: float, sessions: int = 0
) -> dict[str, Any]:
    return {"customer_id": who, "day": on, "activity": activity, "n": n, "revenue": revenue,
            "sessions_started": n if sessions else 0}  # fmt: skip


def truncate(lake: Lake, at: date) -> Lake:
    """The lake as it stood when the day `at` began: later rows gone, later ends not yet known."""
    moment = datetime.combine(at, datetime.min.time())
    spans = lake["subscriptions"].filter(pl.col("started_at") < moment)
    later = pl.col("ended_at") >= moment
    return {
        **lake,
        "activity_daily": lake["activity_daily"].filter(pl.col("day") < at),
        "orders": lake["orders"].filter(pl.col("ordered_at") < moment),
        "tickets": lake["tickets"].filter(pl.col("created_at") < moment),
        "survey_responses": lake["survey_responses"].filter(pl.col("responded_at") < moment),
        "subscription_events": lake["subscription_events"].filter(pl.col("occurred_at") < moment),
        "subscriptions": spans.with_columns(
            status=pl.when(later).then(pl.lit("active")).otherwise("status"),
            quantity=pl.when(later).then(pl.lit(3)).otherwise("quantity"),
            ended_at=pl.when(later.fill_null(False)).then(None).otherwise("ended_at"),
            canceled_at=pl.when(later.fill_null(False)).then(None).otherwise("canceled_at"),
        ),
    }


def shift(lake: Lake, days: int) -> Lake:
    """Every date and time of the lake, moved by `days`."""
    return {
        name: table.with_columns(pl.col(pl.Date, TS) + timedelta(days=days))
        for name, table in lake.items()
    }
