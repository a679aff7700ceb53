"""Golden record, groups of the profile and the profile itself, on literal rows."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from customer_intel_tests.unit.facts_rows import chain
from customer_intel_tests.unit.profile_rows import AS_OF, ago, golden, known, order, party
from customer_intel_tests.unit.sqlroom import Room


def test_golden_record_takes_the_newest_and_keeps_names_and_addresses_whole() -> None:
    made = Room(AS_OF)
    rows = [
        party(
            "crm:1",
            ago(50),
            first_name="Ann",
            last_name="Old",
            first_name_norm="ann",
            last_name_norm="old",
            email_norm="old@x.example",
            city="Bonn",
            country_code="DE",
            birth_date_norm=date(1990, 6, 1),
            language="DE",
            email_verified=True,
        ),
        party(
            "shop:7",
            ago(5),
            first_name="Anna",
            first_name_norm="anna",
            city=None,
            postal_code="9000",
            country_code="AT",
            phone_e164="+431",
        ),
        party(
            "app:9",
            ago(1),
            is_reference_only=True,
            email_norm="ref@x.example",
            first_name="Z",
            last_name="Z",
            first_name_norm="z",
            last_name_norm="z",
            city="Rom",
            birth_date_norm=date(1980, 1, 1),
            is_birth_date_weak=True,
            gender_norm="f",
        ),
    ]
    made.put("party_record", pl.DataFrame(rows, infer_schema_length=None))
    made.put(
        "record_customer_map",
        [
            {
                "record_key": row["record_key"],
                "customer_id": "C",
                "valid_from": AS_OF,
                "change_reason": "new",
            }
            for row in rows
        ],
    )
    golden(made)
    customer = made.run("customer").row(0, named=True)
    assert (
        customer
        | {
            "n_records": 3,
            "sources": "app|crm|shop",
            "freshest_source": "app",
            "primary_email": "old@x.example",
            "is_email_verified": True,
            "primary_phone": "+431",
            "first_name": "Ann",
            "last_name": "Old",
            "full_name": "Ann Old",
            "country": "AT",
            "city": None,
            "age_band": "35-44",
            "gender": "f",
            "language": "de",
        }
        == customer
    )


@pytest.mark.parametrize(
    ("born", "band"),
    [
        (date(2008, 6, 1), "18-24"),
        (date(2008, 6, 2), "under 18"),
        (date(1961, 6, 1), "65 and over"),
        (None, None),
    ],
)
def test_age_bands_turn_on_the_birthday(born: date | None, band: str | None) -> None:
    made = known("C")
    made.put("party_record", [party("crm:C", ago(1), birth_date_norm=born)])
    golden(made)
    assert made.run("customer")["age_band"].to_list() == [band]


def test_transactions() -> None:
    made = known(
        "C",
        "D",
        orders=[
            order(1, 100, "100.00", refunded=Decimal("25.00"), discount=Decimal("10.00")),
            order(2, 90, "50.00", delivered_at=ago(80), promised_at=ago(85)),
            order(3, 30, "20.00", cancelled_at=ago(29)),
            order(4, 10, "30.00", cancelled_at=ago(-2)),
            order(5, 0, "999.00"),
            {**order(6, 5, "1.00", status="Cancelled"), "record_key": "crm:D"},
        ],
        order_lines=[
            {
                "source_system": "shop",
                "order_line_id": "a",
                "order_id": "1",
                "category": "tea",
                "quantity": 2.0,
                "unit_price": Decimal("30.00"),
                "line_total": Decimal("60.00"),
            },
            {
                "source_system": "shop",
                "order_line_id": "b",
                "order_id": "1",
                "category": None,
                "quantity": 1.0,
                "unit_price": Decimal("40.00"),
                "product_id": "p",
                "line_total": Decimal("40.00"),
            },
            {
                "source_system": "shop",
                "order_line_id": "c",
                "order_id": "3",
                "category": "pots",
                "quantity": 9.0,
                "unit_price": Decimal("100.00"),
                "line_total": Decimal("900.00"),
            },
        ],
        products=[{"source_system": "shop", "product_id": "p", "category": "cups"}],
    )
    first, second = chain(made, "customer_transactions").rows(named=True)
    assert (
        first
        | {
            "orders_total": 3,
            "orders_90d": 2,
            "orders_365d": 3,
            "orders_cancelled": 1,
            "orders_refunded": 1,
            "revenue_total": Decimal("155.00"),
            "revenue_90d": Decimal("80.00"),
            "average_order_value": Decimal("51.67"),
            "refunded_total": Decimal("25.00"),
            "refund_share": 0.1389,
            "discounted_order_share": 0.3333,
            "days_since_order": 10,
            "order_gap_median_days": 45.0,
            "order_gap_mean_days": 45.0,
            "items_total": 3,
            "top_category": "tea",
            "top_category_share": 0.6,
            "late_deliveries_365d": 1,
        }
        == first
    )
    assert (second["orders_total"], second["orders_cancelled"], second["average_order_value"]) == (
        0,
        1,
        None,
    )


def test_engagement_counts_own_days_in_windows() -> None:
    def day(days: int, activity: str, n: int = 1, sessions: int = 0) -> dict[str, Any]:
        return {
            "customer_id": "C",
            "day": ago(days).date(),
            "activity": activity,
            "n": n,
            "first_at": ago(days),
            "last_at": ago(days),
            "sessions_started": sessions,
            "revenue": Decimal(0),
            "is_own_act": activity not in ("email_sent", "_session"),
        }

    made = known(
        "C",
        source_start=[{"source_system": "app", "entity": "events", "first_day": ago(300).date()}],
        activity_daily=[
            day(0, "page_viewed"),
            day(1, "page_viewed", 3),
            day(7, "feature_used", 2),
            day(8, "order_placed"),
            day(28, "page_viewed"),
            day(29, "page_viewed"),
            day(3, "email_sent", 5),
            day(7, "_session", 2, 2),
            day(91, "page_viewed"),
            day(300, "page_viewed"),
        ],
    )
    made.put(
        "activity",
        [
            {
                "activity_id": str(k),
                "customer_id": "C",
                "ts": ago(k) + timedelta(hours=9),
                "day": ago(k).date(),
                "activity": "feature_used",
                "channel": "web",
                "source_system": "app",
                "is_own_act": True,
                "feature_json": f'{{"feature":"f{k % 2}"}}',
            }
            for k in (1, 2, 40)
        ],
    )
    acts = [(7, "feature_used:f1", 2), (8, "order_placed", 1), (1, "page_viewed:home", 3)]
    made.put(
        "act_daily",
        [
            {"customer_id": "C", "day": ago(k).date(), "act": act, "n": n, "first_at": ago(k)}
            for k, act, n in acts
        ],
    )
    core = {"kind": "core_action", "position": 1, "acts": "|order_placed|feature_used|"}
    made.put("behaviour_definition", [{**core, "name": "core_action"}])
    row = chain(made, "customer_engagement").row(0, named=True)
    assert (
        row
        | {
            "active_days_7d": 2,
            "core_actions_7d": 2,
            "active_days_28d": 4,
            "active_days_90d": 5,
            "sessions_7d": 2,
            "sessions_28d": 2,
            "activities_28d": 7,
            "core_actions_28d": 3,
            # What an event calls a feature is none until it is defined, here as in feature_usage.
            "features_used_28d": 0,
            "features_used_90d": 0,
            "engagement_trend": 0.3333,
            "preferred_channel": "web",
            "preferred_hour": 9,
            "days_since_active": 1,
        }
        == row
    )
    # A home's own list wins; features are those that somebody named, where somebody did.
    own = made.run("customer_engagement", core_activities="|page_viewed|").row(0, named=True)
    assert own["core_actions_28d"] == 3
    # What page and shop both tell counts once: the event of day 9 is the order of day 8, that of day 30 has none.
    told = [(9, "order_completed", 1), (8, "order_completed", 1), (30, "order_completed", 2)]
    made.put(
        "act_daily",
        [
            {"customer_id": "C", "day": ago(k).date(), "act": act, "n": n, "first_at": ago(k)}
            for k, act, n in told
        ],
    )
    made.put(
        "behaviour_candidate",
        [{"act": act, "tells": "order_placed"} for act in ("order_placed", "order_completed")],
    )
    shop = made.run("customer_engagement", core_activities="|order_placed|order_completed|")
    assert shop.select("core_actions_28d", "core_actions_90d").row(0) == (1, 3)
    export = {"kind": "feature", "name": "export", "position": 1, "acts": "|feature_used:f1|"}
    made.put("behaviour_definition", [export])
    assert made.run("customer_engagement")["features_used_28d"].to_list() == [1]
    made.put("unprofiled_customer", [{"customer_id": "C", "reason": "denied"}])
    row = {**row, "features_used_7d": 1, "features_used_28d": 1, "features_used_90d": 1}
    barred = made.run("customer_engagement").row(0, named=True)
    judged = {"engagement_trend", "preferred_channel", "preferred_hour"}
    assert {name for name in row if barred[name] != row[name]} == judged
    assert {barred[name] for name in judged} == {None}


def test_support_takes_last_answers_and_medians() -> None:
    def answer(
        number: int, days: float, kind: str, score: float | None, **columns: Any
    ) -> dict[str, Any]:
        return {
            "source_system": "s",
            "response_id": str(number),
            "record_key": "crm:C",
            "survey_type": kind,
            "score": score,
            "responded_at": ago(days),
            **columns,
        }

    made = known(
        "C",
        tickets=[
            {
                "source_system": "d",
                "ticket_id": "1",
                "record_key": "crm:C",
                "status": "solved",
                "created_at": ago(10),
                "first_response_at": ago(10) + timedelta(minutes=30),
                "solved_at": ago(9),
                "reopens": 2,
                "escalated": True,
            },
            {
                "source_system": "d",
                "ticket_id": "2",
                "record_key": "crm:C",
                "status": "open",
                "created_at": ago(100),
                "first_response_at": ago(100) + timedelta(minutes=90),
                "solved_at": None,
                "reopens": None,
                "escalated": None,
            },
        ],
        survey_responses=[
            answer(1, 20, "nps", 3.0),
            answer(2, 10, "nps", 9.0),
            answer(3, 10, "nps", 2.0),
            answer(4, 1, "nps", None),
            answer(5, 5, "pmf", None, pmf_answer="very disappointed"),
            answer(6, -1, "csat", 5.0),
        ],
        reviews=[
            {
                "source_system": "r",
                "review_id": "1",
                "platform": "web",
                "record_key": "crm:C",
                "rating": 8.0,
                "rating_max": 10.0,
                "created_at": ago(1),
            }
        ],
    )
    row = chain(made, "customer_support").row(0, named=True)
    assert (
        row
        | {
            "tickets_total": 2,
            "tickets_90d": 1,
            "tickets_open": 1,
            "ticket_reopens": 2,
            "tickets_escalated": 1,
            "first_response_minutes_median": 60.0,
            "resolution_hours_median": 24.0,
            "last_nps_score": 9.0,
            "last_csat_score": None,
            "last_pmf_answer": "very disappointed",
            "last_pmf_at": ago(5),
            "last_ces_at": None,
            "review_rating_mean": 4.0,
        }
        == row
    )
