"""The profile itself: lifecycle, consent, scores and completeness, on literal rows."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from customer_intel_tests.unit.facts_rows import chain
from customer_intel_tests.unit.profile_rows import (
    AS_OF,
    ago,
    golden,
    known,
    order,
    party,
    subscription,
)
from customer_intel_tests.unit.sqlroom import Room


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
            for k, (who, days) in enumerate(
                [("new", 30), ("active", 31), ("back", 400), ("risk", 91), ("lapsed", 181)]
            )
        ],
    )
    made.put(
        "subscriptions",
        [
            {**subscription(1, status="trialing", started_at=ago(5)), "record_key": "crm:trial"},
            {
                **subscription(2, status="canceled", canceled_at=ago(7), started_at=ago(300)),
                "record_key": "crm:gone",
            },
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
    found = {
        who: (row["lifecycle_stage"], row["lifecycle_since"]) for who, row in profile(made).items()
    }
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


def consent(
    customer: str, purpose: str, status: str, channel: str = "any", point: str | None = None
) -> dict[str, Any]:
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
    made.put(
        "party_record", [party(f"crm:{c}", ago(1), email_norm=f"{c}@x.example") for c in "abcd"]
    )
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
    made.put(
        "orders",
        [{**order(k, 50 + k, "10.00"), "record_key": f"crm:{c}"} for k, c in enumerate("abab")],
    )
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
    assert {c: row["may_email_marketing"] for c, row in found.items()} == {
        "a": True,
        "b": True,
        "c": False,
        "d": False,
    }
    assert (found["a"]["churn_purchase_p"], found["a"]["rfm_segment"]) == (0.5, "loyal_customers")
    assert made.rows("rfm")["customer_id"].to_list() == ["a"]
    denied = found["b"]
    assert (denied["is_profiling_denied"], denied["lifecycle_stage"], denied["rfm_segment"]) == (
        True,
        "not_profiled",
        None,
    )
    # What they bought is a fact, and stays.
    assert (denied["orders_total"], denied["revenue_total"]) == (2, Decimal("20.00"))
    made.con.execute(
        "UPDATE customer_profile SET churn_purchase_p = 0.5 WHERE customer_id = 'b'"
    ).fetchall()
    assert made.failures("customer_profile") == ["who_denied_profiling_has_no_scores"]


def test_completeness_and_only_active_customers() -> None:
    made = known("a")
    made.put(
        "customer_id_registry", [{"customer_id": "m", "status": "merged", "born_as_of": AS_OF}]
    )
    made.put(
        "party_record",
        [party("crm:a", ago(1), email_norm="a@x.example", first_name="A", city="Bonn")],
    )
    found = profile(made)
    assert list(found) == ["a"]
    assert found["a"]["completeness"] == 0.3
    made.con.execute("DELETE FROM customer_profile").fetchall()
    assert made.failures("customer_profile") == ["every_active_customer_once"]


def test_confidence_is_the_least_sure_records_and_doubts_are_told() -> None:
    made = known("a", "b", "c")
    sure = [("a", 1, 1.0), ("a", 2, 0.7), ("b", 1, 0.99), ("c", 1, 1.0)]
    made.put(
        "record_confidence",
        [
            {"record_key": f"crm:{c}{k}", "customer_id": c, "confidence": p, "n_pairs": 1}
            for c, k, p in sure
        ],
    )
    made.put(
        "match_review",
        [
            {
                "record_key_a": "crm:b1", "record_key_b": "crm:c1", "customer_id_a": "b", "customer_id_b": "c",
                "review_kind": "not_merged", "reason": "unsure", "identifier_type": "phone", "probability": 0.5,
                "levels": "0", "n_orders": 0, "n_messages": 0, "stake_rank": 1,
            }
        ],
    )  # fmt: skip
    found = profile(made)
    told = {c: (row["identity_confidence"], row["is_in_review"]) for c, row in found.items()}
    assert told == {"a": (0.7, False), "b": (0.99, True), "c": (1.0, True)}
