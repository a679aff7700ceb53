"""What a night publishes of help desks, deals and incidents, against what their samples say."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest

from customer_intel_tests.unit.vendor_night import Ask, night_of
from customer_intel_tests.unit.vendor_samples_support import SUPPORT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    return night_of(tmp_path_factory.mktemp("support"), SUPPORT)


@pytest.mark.parametrize(
    ("source", "tickets"),
    [
        ("intercom", "91 closed 92 open 93 pending"),
        ("freshdesk", "1 open 2 pending 3 solved 4 closed"),
        ("jira_service", "HELP-1 open HELP-2 pending HELP-3 solved HELP-4 open HELP-5 solved"),
        ("hubspot", "7001 closed 7002 pending"),
        ("salesforce", "500A1 open 500A2 closed"),
    ],
)
def test_each_ticket_stands_in_its_state(ask: Ask, source: str, tickets: str) -> None:
    sql = f"SELECT ticket_id || ' ' || state FROM t WHERE source_system = '{source}' ORDER BY 1"
    assert " ".join(row for (row,) in ask("ticket_fact", sql)) == tickets
    assert ask("state_word", "SELECT count(*) FROM t WHERE state = 'unknown'") == [(0,)]


def test_how_long_answers_and_solutions_took(ask: Ask) -> None:
    sql = """SELECT ticket_id, response_minutes, resolution_hours FROM t
        WHERE response_minutes IS NOT NULL OR resolution_hours IS NOT NULL ORDER BY 1"""
    assert ask("ticket_fact", sql) == [
        ("1", 90.0, None), ("2", 90.0, None), ("3", 90.0, 24.0), ("4", None, 24.0), ("500A2", None, 48.0),
        ("7001", None, 8.0), ("91", 45.0, 30.0), ("92", 45.0, None), ("HELP-3", None, 48.0), ("HELP-5", None, 96.0),
    ]  # fmt: skip


def test_tickets_know_who_asked_and_how_it_went(ask: Ask) -> None:
    sql = (
        "SELECT ticket_id, record_key, channel, priority, is_escalated, satisfaction_score FROM t WHERE "
        "ticket_id IN ('91', '2', 'HELP-1', '500A1', '500A2') ORDER BY 1"
    )
    found = {row[0]: row[1:] for row in ask("ticket_fact", sql)}
    assert found["91"] == ("intercom:ic1", "email", "not_priority", False, "5")
    assert found["2"] == ("freshdesk:4001", "portal", "high", True, None)
    assert found["HELP-1"] == ("jira_service:qm:1", None, None, False, None)
    assert found["500A1"] == ("salesforce:0035g00000A1AAA", "web", "high", True, None)
    assert found["500A2"][0].startswith("salesforce:guest-")
    words = "SELECT subject, description, tags FROM t WHERE ticket_id IN ('91', 'HELP-1') ORDER BY ticket_id"
    assert ask("tickets", words) == [
        ("Late parcel", "Where is it?", "shipping|vip"),
        ("Laptop", "It is slow", None),
    ]


def test_messages_are_what_the_customer_saw(ask: Ask) -> None:
    assert ask("ticket_messages", "SELECT message_id, ticket_id, author_type, body FROM t ORDER BY 1") == [
        ("51", "1", "agent", "May's."), ("53", "1", "customer", "Ok"),
        ("p1", "91", "agent", "On its way."), ("p3", "91", "customer", "Thanks"),
    ]  # fmt: skip


def test_deals_are_open_won_or_lost(ask: Ask) -> None:
    sql = (
        "SELECT deal_id, status, amount, currency, probability, strftime(closed_at, '%m-%d'), "
        "record_key FROM t ORDER BY 1"
    )
    assert ask("deals", sql) == [
        ("006A1", "won", Decimal("40000.00"), "EUR", 1.0, "06-15", "salesforce:0035g00000A1AAA"),
        ("006A2", "open", Decimal("9000.50"), "EUR", 0.35, None, None),
        ("006A3", "lost", Decimal("100.00"), "EUR", 0.0, "04-01", None),
        ("3001", "won", Decimal("12000.00"), "USD", 1.0, "05-20", "hubspot:5001"),
        ("3002", "lost", Decimal("500.00"), "USD", 0.0, "06-01", None),
        ("3003", "open", Decimal("13000.00"), "USD", 0.9, None, "hubspot:5001"),
    ]
    won = "SELECT currency, sum(amount) FROM t WHERE status = 'won' GROUP BY 1 ORDER BY 1"
    assert ask("deals", won) == [("EUR", Decimal("40000.00")), ("USD", Decimal("12000.00"))]


def test_incidents_began_and_ended(ask: Ask) -> None:
    assert ask(
        "incidents", "SELECT incident_id, kind, service, started_at, ended_at FROM t ORDER BY 1"
    ) == [
        ("PT1", "outage", "Checkout", datetime(2026, 6, 12, 8), datetime(2026, 6, 12, 9, 30)),
        ("PT2", "outage", "Mail", datetime(2026, 6, 29, 8), None),
        ("sp1", "outage", "API|Web", datetime(2026, 6, 12, 14), datetime(2026, 6, 12, 16)),
        ("sp2", "delay", "API|Web", datetime(2026, 6, 12, 14), None),
    ]
    skipped = "SELECT mapping, rows_skipped FROM t WHERE rows_skipped > 0 ORDER BY 1"
    assert ask("export_file", skipped) == [
        ("freshdesk_messages", 1), ("freshdesk_tickets", 1), ("intercom_messages", 2), ("statuspage_incidents", 2)
    ]  # fmt: skip
