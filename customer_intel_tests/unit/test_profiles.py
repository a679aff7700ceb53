"""Golden record, groups of the profile and the profile itself, on literal rows."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from customer_intel_tests.unit import facts_rows
from customer_intel_tests.unit.facts_rows import chain
from customer_intel_tests.unit.profile_rows import AS_OF, ago, golden, known, subscription
from customer_intel_tests.unit.sqlroom import Room


def party(record_key: str, seen: datetime, **columns: Any) -> dict[str, Any]:
    source = record_key.split(":")[0]
    return {
        "record_key": record_key,
        "source_system": source,
        "is_reference_only": False,
        "first_seen_at": ago(300),
        "last_seen_at": seen,
        **columns,
    }


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
            {"record_key": row["record_key"], "customer_id": "C", "valid_from": AS_OF, "change_reason": "new"}
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


def order(number: int, days: float, total: str, **columns: Any) -> dict[str, Any]:
    return facts_rows.order(number, ago(days), total, **columns)


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
    assert (second["orders_total"], second["orders_cancelled"], second["average_order_value"]) == (0, 1, None)


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
    row = chain(made, "customer_engagement").row(0, named=True)
    assert (
        row
        | {
            "active_days_7d": 2,
            "active_days_28d": 4,
            "active_days_90d": 5,
            "sessions_7d": 2,
            "sessions_28d": 2,
            "activities_28d": 7,
            "core_actions_28d": 3,
            "features_used_28d": 2,
            "features_used_90d": 2,
            "engagement_trend": 0.3333,
            "preferred_channel": "web",
            "preferred_hour": 9,
            "days_since_active": 1,
        }
        == row
    )


def test_support_takes_last_answers_and_medians() -> None:
    def answer(number: int, days: float, kind: str, score: float | None, **columns: Any) -> dict[str, Any]:
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
            "review_rating_mean": 4.0,
        }
        == row
    )


# ---- the profile
def profile(made: Room) -> dict[str, dict[str, Any]]:
    golden(made)
    made.run("customer")
    return {row["customer_id"]: row for row in chain(made, "customer_profile").rows(named=True)}


def test_lifecycle_stages_and_since() -> None:
    made = known("prospect", "new", "active", "back", "risk", "lapsed", "trial", "gone", "payer")
    made.put(
        "orders",
        [
            {**order(k, days, "10.00"), "record_key": f"crm:{who}"}
            for k, (who, days) in enumerate([("new", 30), ("active", 31), ("back", 400), ("risk", 91), ("lapsed", 181)])
        ],
    )
    made.put(
        "subscriptions",
        [
            {**subscription(1, status="trialing", started_at=ago(5)), "record_key": "crm:trial"},
            {**subscription(2, status="canceled", canceled_at=ago(7), started_at=ago(300)), "record_key": "crm:gone"},
            {**subscription(3, started_at=ago(300)), "record_key": "crm:payer"},
        ],
    )
    made.put(
        "activity_daily",
        [
            {
                "customer_id": "back",
                "day": ago(k).date(),
                "activity": "page_viewed",
                "n": 1,
                "first_at": ago(k),
                "last_at": ago(k),
                "sessions_started": 0,
                "is_own_act": True,
            }
            for k in (400, 20, 10)
        ],
    )
    found = {who: (row["lifecycle_stage"], row["lifecycle_since"]) for who, row in profile(made).items()}
    assert found == {
        "prospect": ("prospect", date(2026, 1, 1)),
        "new": ("new", ago(30).date()),
        "active": ("active", ago(1).date()),
        "back": ("active", ago(20).date()),
        "risk": ("at_risk", ago(1).date()),
        "lapsed": ("lapsed", ago(1).date()),
        "trial": ("trialing", ago(5).date()),
        "gone": ("churned", ago(7).date()),
        "payer": ("active", ago(270).date()),
    }


def consent(customer: str, purpose: str, status: str, channel: str = "any", point: str | None = None) -> dict[str, Any]:
    return {
        "customer_id": customer,
        "contact_point_type": "email" if point else "customer",
        "contact_point": point or customer,
        "purpose": purpose,
        "channel": channel,
        "status": status,
        "is_exportable": status == "granted",
        "consent_basis": "consent",
    }


def test_consent_decides_on_email_and_scores() -> None:
    made = known("a", "b", "c", "d")
    made.put("party_record", [party(f"crm:{c}", ago(1), email_norm=f"{c}@x.example") for c in "abcd"])
    made.put(
        "consent_state",
        [
            consent("a", "marketing", "granted", "email", "a@x.example"),
            consent("a", "marketing", "denied", "any", "a@x.example"),
            consent("b", "marketing", "granted", "any", "b@x.example"),
            consent("b", "profiling", "denied"),
            consent("c", "marketing", "granted", "any", "other@x.example"),
        ],
    )
    made.put("orders", [{**order(k, 50 + k, "10.00"), "record_key": f"crm:{c}"} for k, c in enumerate("abab")])
    score = {
        "customer_id": "a",
        "kind": "purchase",
        "p_churn": 0.5,
        "p_low": 0.4,
        "p_high": 0.6,
        "risk_band": "medium",
        "eligible": True,
        "definition_id": "purchase_90d",
    }
    made.put("churn_predictions", [score])
    found = profile(made)
    assert {c: row["may_email_marketing"] for c, row in found.items()} == {"a": True, "b": True, "c": False, "d": False}
    assert (found["a"]["churn_purchase_p"], found["a"]["rfm_segment"]) == (0.5, "loyal_customers")
    assert made.rows("rfm")["customer_id"].to_list() == ["a"]
    denied = found["b"]
    assert (denied["is_profiling_denied"], denied["lifecycle_stage"], denied["rfm_segment"]) == (True, "not_profiled", None)
    # What they bought is a fact, and stays.
    assert (denied["orders_total"], denied["revenue_total"]) == (2, Decimal("20.00"))
    made.con.execute("UPDATE customer_profile SET churn_purchase_p = 0.5 WHERE customer_id = 'b'").fetchall()
    assert made.failures("customer_profile") == ["who_denied_profiling_has_no_scores"]


def test_completeness_and_only_active_customers() -> None:
    made = known("a")
    made.put("customer_id_registry", [{"customer_id": "m", "status": "merged", "born_as_of": AS_OF}])
    made.put("party_record", [party("crm:a", ago(1), email_norm="a@x.example", first_name="A", city="Bonn")])
    found = profile(made)
    assert list(found) == ["a"]
    assert found["a"]["completeness"] == 0.3
    made.con.execute("DELETE FROM customer_profile").fetchall()
    assert made.failures("customer_profile") == ["every_active_customer_once"]
