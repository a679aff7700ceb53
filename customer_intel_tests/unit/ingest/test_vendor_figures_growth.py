"""What a night publishes of advertising, messages, surveys and product analytics, against what
their samples say.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest

from customer_intel_tests.unit.vendor_night import Ask, night_of
from customer_intel_tests.unit.vendor_samples_growth import GROWTH

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    return night_of(tmp_path_factory.mktemp("growth"), GROWTH)


def test_a_day_of_a_campaign_costs_what_its_rows_add_up_to(ask: Ask) -> None:
    sql = "SELECT channel, campaign_id, date, cost, currency, impressions, clicks FROM t ORDER BY 1, 2, 3"
    assert ask("ad_spend", sql) == [
        # 12.345678 + 7.654322 of millionths
        ("google", "111", date(2026, 6, 1), Decimal("20.00"), "EUR", 1500, 50),
        ("google", "111", date(2026, 6, 2), Decimal("0.99"), "EUR", 80, 2),
        ("google", "222", date(2026, 6, 1), Decimal("0.00"), "EUR", 15, 0),
        ("linkedin", "123", date(2026, 6, 3), Decimal("12.50"), None, 1000, 20),
        ("meta", "c1", date(2026, 6, 1), Decimal("30.00"), "USD", 800, 18),
        ("meta", "c1", date(2026, 6, 2), Decimal("11.00"), "USD", 400, 9),
    ]
    broken = "SELECT mapping, check_name, matches FROM t WHERE matches > 0 ORDER BY 1"
    assert ask("export_check", broken) == [
        ("klaviyo_events", "unknown_metric", 1), ("meta_ads_spend", "several_days", 1)
    ]  # fmt: skip


def test_events_say_who_and_where(ask: Ask) -> None:
    sql = (
        "SELECT event_id, event_type, anonymous_id, user_id, session_id, page_path, country FROM t "
        "ORDER BY source_system, 1"
    )
    assert ask("events", sql) == [
        ("e-1", "page", "dev-1", None, "1780740900000", "/pricing", "Spain"),
        ("e-2", "track", "dev-1", "u-3", "1780740900000", None, "Spain"),
        ("e-3", "track", "amplitude-111", "u-3", None, None, "Spain"),
        ("i-1", "page", "d-1", None, None, "/tea", "FR"),
        ("i-2", "track", "d-1", "u-1", None, None, "FR"),
        ("i-3", "track", None, "u-2", None, None, "FR"),
        ("f-1", "page", "ph-d", None, "ph-s", "/", "DE"),
        ("f-2", "track", "ph-d", "u-4", "ph-s", None, None),
    ]
    times = "SELECT event_id, occurred_at, received_at FROM t WHERE event_id IN ('e-1', 'i-2', 'f-1') ORDER BY 1"
    assert ask("events", times) == [
        ("e-1", datetime(2026, 6, 6, 10, 15, 0, 123456), datetime(2026, 6, 6, 10, 15, 2)),
        ("f-1", datetime(2026, 6, 7, 10, 0, 0, 500000), datetime(2026, 6, 7, 10, 0, 1)),
        ("i-2", datetime(2026, 6, 5, 10, 1), datetime(2026, 6, 5, 10, 1, 1, 500000)),
    ]


def test_events_do_not_tell_addresses_or_profiles(ask: Ask) -> None:
    sql = """SELECT count(*) FROM t WHERE concat(properties, extra_json) LIKE '%203.0.113.9%'
        OR concat(properties, extra_json) LIKE '%@x.example%'"""
    assert ask("events", sql) == [(0,)]


def test_messages_were_sent_read_and_left(ask: Ask) -> None:
    sql = (
        "SELECT channel, touch_event, count(*), min(campaign_id), count(customer_id) FROM t WHERE "
        "source_system = '{}' GROUP BY 1, 2 ORDER BY 1, 2"
    )
    assert ask("touch_fact", sql.format("klaviyo")) == [
        ("email", "clicked", 1, "01MSG", 1), ("email", "delivered", 1, "01MSG", 1), ("email", "opened", 1, "01MSG", 1),
        ("email", "unsubscribed", 1, "01MSG", 1), ("sms", "sent", 1, "01MSG", 1),
    ]  # fmt: skip
    assert ask("touch_fact", sql.format("iterable")) == [
        ("email", "clicked", 2, "77", 2), ("email", "opened", 1, "77", 1), ("email", "sent", 1, "77", 1),
        ("email", "unsubscribed", 1, "none", 1),
    ]  # fmt: skip
    # who left by address alone is the user of that address
    people = "SELECT count(DISTINCT customer_id) FROM t WHERE source_system = 'iterable'"
    assert ask("touch_fact", people) == [(1,)]
    assert ask("contacts", "SELECT contact_id, email_opt_out, external_user_id FROM t ORDER BY 1") == [
        ("kp1", True, "c-5"), ("v-1", None, "v-1")
    ]  # fmt: skip


def test_answers_are_scores_of_their_survey(ask: Ask) -> None:
    sql = "SELECT response_id, survey_id, survey_type, respondent_ref, email, score, comment FROM t ORDER BY 1"
    assert ask("survey_responses", sql) == [
        ("R_1", "qualtrics-nps", "nps", "c-11", "ben@ode.example", 10.0, "Good people"),
        ("R_2", "qualtrics-nps", "nps", "c-12", "ben@ode.example", 2.0, None),
        ("tf1", "typeform-responses", "nps", "c-9", "zoe@lund.example", 9.0, "Clear and quick"),
        ("tf2", "typeform-responses", "nps", None, None, 3.0, None),
        ("tf3", "typeform-responses", "other", "c-9", None, 4.0, None),
    ]
    skipped = "SELECT mapping, rows_read, rows_skipped FROM t WHERE rows_skipped > 0 ORDER BY 1"
    assert ask("export_file", skipped) == [
        ("klaviyo_events", 7, 2), ("linkedin_ads_spend", 2, 1), ("meta_ads_spend", 4, 1),
        ("qualtrics_responses", 6, 4), ("typeform_responses", 4, 1),
    ]  # fmt: skip
