"""Who may be profiled, who came back, whose payments fail, who answers: facts of customers over
several sources.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from customer_intel.feedback.nps_summary import nps_summary
from customer_intel_tests.unit.facts_rows import chain, order
from customer_intel_tests.unit.profile_rows import ago, known, subscription
from customer_intel_tests.unit.sqlroom import Room, schema

# Chains of many tables, seconds each.
pytestmark = pytest.mark.slow


# ---- who may not be profiled
def consent(
    customer: str, status: str, purpose: str = "profiling", days: float = 50
) -> dict[str, Any]:
    return {
        "customer_id": customer,
        "purpose": purpose,
        "status": status,
        "collected_at": ago(days),
    }


def request(**columns: Any) -> dict[str, Any]:
    return {
        "source_system": "mail",
        "request_type": "restriction",
        "received_at": ago(9),
        **columns,
    }


def barred(
    *requests: dict[str, Any], consents: list[dict[str, Any]] | None = None
) -> dict[str, str]:
    made = known("a", "b", "c", "d")
    made.put("erasure_requests", [{"request_id": str(k), **row} for k, row in enumerate(requests)])
    made.put("consent_state", consents or [])
    made.put(
        "customer_identifier",
        [
            {"customer_id": "b", "value_norm": "b@x.example"},
            {"customer_id": "c", "value_norm": "+4912"},
        ],
    )
    made.put("customer_id_alias", [{"alias_customer_id": c, "customer_id": c} for c in "abd"] + [
        {"alias_customer_id": "old", "customer_id": "d"}
    ])  # fmt: skip
    return dict(chain(made, "unprofiled_customer").select("customer_id", "reason").rows())


def test_who_denied_or_withdrew_profiling_is_not_profiled() -> None:
    consents = [
        consent("a", "denied"),
        consent("b", "withdrawn"),
        consent("c", "granted"),
        consent("d", "denied", "marketing"),
    ]
    assert barred(consents=consents) == {"a": "denied", "b": "withdrawn"}


@pytest.mark.parametrize(
    ("asked", "who"),
    [
        ({"record_key": "crm:a"}, "a"),
        ({"subject_id_type": "email", "subject_id": " B@x.example "}, "b"),
        ({"subject_id_type": "phone", "subject_id": "+4912"}, "c"),
        ({"subject_id_type": "customer_id", "subject_id": "a"}, "a"),
        # An id that was merged away since.
        ({"subject_id_type": "customer_id", "subject_id": "old"}, "d"),
    ],
)
def test_a_request_for_restriction_is_heard_by_whatever_names_the_person(
    asked: dict[str, Any], who: str
) -> None:
    assert barred(request(**asked)) == {who: "restricted"}
    assert barred(request(**asked, verified=True)) == {who: "restricted"}


@pytest.mark.parametrize(
    "changed",
    [{"verified": False}, {"request_type": "access"}, {"received_at": ago(-1)}],
    ids=["found to be false", "another request", "not received yet"],
)
def test_what_is_no_request_for_restriction_bars_nobody(changed: dict[str, Any]) -> None:
    assert barred(request(record_key="crm:a", **changed) | changed) == {}


def test_restriction_is_named_before_consent() -> None:
    found = barred(
        request(record_key="crm:a"), consents=[consent("a", "withdrawn"), consent("b", "denied")]
    )
    assert found == {"a": "restricted", "b": "denied"}


def test_who_may_not_be_profiled_has_facts_and_no_stage() -> None:
    made = known("a", "b", consent_state=[consent("b", "denied")])
    made.put(
        "orders",
        [{**order(k, ago(5), "10.00"), "record_key": f"crm:{c}"} for k, c in enumerate("ab")],
    )
    assert chain(made, "customer_lifecycle")["customer_id"].to_list() == ["a"]
    assert chain(made, "rfm")["customer_id"].to_list() == ["a"]
    assert chain(made, "customer_transactions")["customer_id"].to_list() == ["a", "b"]


# ---- lifecycle
def seen(*days: float, source: str = "app") -> list[dict[str, Any]]:
    """Tickets of customer C."""
    return [
        {
            "source_system": source,
            "ticket_id": str(number),
            "record_key": "crm:C",
            "status": "closed",
            "created_at": ago(when),
        }
        for number, when in enumerate(days)
    ]


def stage(made: Room) -> tuple[Any, ...]:
    return chain(made, "customer_lifecycle").select("lifecycle_stage", "lifecycle_since").row(0)


def test_who_comes_again_after_a_long_pause_is_back_since_then() -> None:
    # The desk told of them before: it was there all the time.
    made = known("C", orders=[order(1, ago(400), "10.00")], tickets=seen(400, 20, 10))
    assert stage(made) == ("active", ago(20).date())


def test_a_source_that_begins_in_a_pause_makes_nobody_back() -> None:
    made = known("C", orders=[order(1, ago(400), "10.00")], tickets=seen(20, 10))
    assert stage(made) == ("active", ago(370).date())


def test_a_source_that_began_long_before_does_not_hide_that_somebody_was_away() -> None:
    # The desk tells of others since 300 days: its silence of 280 days says something.
    made = known("C", orders=[order(1, ago(400), "10.00")], tickets=seen(20, 10))
    made.put("tickets", [{**seen(300)[0], "ticket_id": "other", "record_key": "crm:D"}])
    assert stage(made) == ("active", ago(20).date())


def test_a_running_payment_is_a_sign_of_life_and_its_end_without_any_order_is_churn() -> None:
    paying = known("C", subscriptions=[subscription(1, started_at=ago(400))])
    assert stage(paying) == ("active", ago(370).date())
    gone = known(
        "C",
        subscriptions=[subscription(1, status="canceled", started_at=ago(400), ended_at=ago(7))],
    )
    assert stage(gone) == ("churned", ago(7).date())
    buys_too = known(
        "C",
        subscriptions=[subscription(1, status="canceled", started_at=ago(400), ended_at=ago(7))],
        orders=[order(1, ago(100), "10.00")],
    )
    assert stage(buys_too) == ("at_risk", ago(10).date())


# ---- engagement
def trend(first_day: float, *days: float) -> float | None:
    made = known("C", tickets=seen(*days))
    made.put("tickets", [{**seen(first_day)[0], "ticket_id": "other", "record_key": "crm:D"}])
    found = chain(made, "customer_engagement")["engagement_trend"].to_list()
    return float(found[0]) if found[0] is not None else None


def test_a_trend_compares_two_windows_that_the_source_told_of() -> None:
    assert trend(100, 40, 10, 9, 8) == 0.5
    assert trend(56, 40, 10, 9, 8) == 0.5


def test_a_source_that_began_within_the_two_windows_makes_no_trend() -> None:
    assert trend(55, 40, 10, 9, 8) is None


def test_a_trend_goes_by_the_sources_that_were_there_all_the_time() -> None:
    made = known(
        "C", tickets=seen(100, 40, 10), orders=[order(k, ago(k), "1.00") for k in range(1, 9)]
    )
    assert chain(made, "customer_engagement")["engagement_trend"].to_list() == [0.0]


# ---- payments
def payment(number: int, days: float, **columns: Any) -> dict[str, Any]:
    return {
        "source_system": "bill",
        "payment_id": str(number),
        "invoice_id": "i",
        "status": "failed",
        "amount": Decimal("9.00"),
        "currency": "USD",
        "paid_at": ago(days),
        **columns,
    }


def invoice(**columns: Any) -> dict[str, Any]:
    return {
        "source_system": "bill",
        "invoice_id": "i",
        "record_key": "crm:C",
        "status": "open",
        "currency": "USD",
        "total": Decimal("9.00"),
        "amount_due": Decimal("9.00"),
        "created_at": ago(120),
        "due_at": ago(20),
        **columns,
    }


def test_failed_payments_count_for_a_customer_who_never_ordered() -> None:
    made = known(
        "C",
        invoices=[invoice()],
        payments=[payment(1, 5), payment(2, 5, status="succeeded", failure_code="card_declined"), payment(3, 91),
                  payment(4, 5, status="succeeded"), payment(5, 5, status="pending")],
    )  # fmt: skip
    row = chain(made, "customer_payments").row(0, named=True)
    assert (row["customer_id"], row["payments_failed_90d"]) == ("C", 2)
    states = dict(made.rows("payment_fact").select("payment_id", "state").rows())
    assert states == {"1": "failed", "2": "failed", "3": "failed", "4": "succeeded", "5": "pending"}
    assert chain(made, "customer_transactions").is_empty()


@pytest.mark.parametrize(
    ("changed", "overdue"),
    [
        ({}, 9),
        ({"status": "paid"}, 0),
        ({"status": "void"}, 0),
        ({"status": "draft"}, 0),
        ({"status": "uncollectible"}, 9),
        ({"paid_at": ago(1)}, 0),
        ({"due_at": ago(-1)}, 0),
        ({"currency": "JPY"}, None),
    ],
)
def test_what_is_owed_past_its_time_is_overdue(
    changed: dict[str, Any], overdue: int | None
) -> None:
    made = known("C", invoices=[invoice(**changed)])
    made.settings["reporting_currency"] = "USD"
    assert chain(made, "customer_payments")["amount_overdue"].to_list() == [overdue]


# ---- who answers
def answered(*answers: tuple[str, datetime]) -> dict[str, Any]:
    """Response rate by wave, of twelve invitations: two people, the first of every month of half a
    year.
    """
    made = Room(date(2026, 6, 30))
    made.put("customer_record", [{"record_key": f"crm:{who}", "customer_id": who} for who in "ab"])
    survey = {"source_system": "nps", "survey_id": "nps"}
    made.put(
        "survey_invitations",
        [
            {
                **survey,
                "invitation_id": f"{who}{month}",
                "record_key": f"crm:{who}",
                "sent_at": datetime(2026, month, 1, 8),
            }
            for month in range(1, 7)
            for who in "ab"
        ],
    )
    given = {**survey, "survey_type": "nps", "score": 9.0}
    made.put(
        "survey_responses",
        [
            {**given, "response_id": str(number), "record_key": f"crm:{who}", "responded_at": at}
            for number, (who, at) in enumerate(answers)
        ],
    )
    asked = chain(made, "survey_invitation_fact")
    found = nps_summary(
        made.rows("survey_answer_fact"), asked, made.rows("segment_history"), schema("nps_summary")
    )
    rows = found.filter(pl.col("segment_type") == "all").select("wave", "response_rate").rows()
    return {wave: pytest.approx(rate, abs=1e-8) for wave, rate in rows}


def test_an_answer_closes_one_invitation_the_newest_before_it() -> None:
    assert answered(("a", datetime(2026, 6, 10))) == {
        "all": 1 / 12,
        "2026-Q2": 1 / 6,
        "2026-06": 1 / 2,
    }


def test_two_answers_to_one_invitation_are_one_response() -> None:
    twice = answered(("a", datetime(2026, 6, 10)), ("a", datetime(2026, 6, 11)))
    assert (twice["all"], twice["2026-06"]) == (1 / 12, 1 / 2)


def test_an_answer_that_came_before_any_invitation_closes_none() -> None:
    assert answered(("a", datetime(2026, 1, 1, 7)))["all"] == 0
    assert answered(("a", datetime(2026, 5, 31)), ("b", datetime(2026, 6, 2)))["all"] == 2 / 12
