"""What the shipped mappings make of the vendors' values: ids, times, amounts, states, deletions,
nested values.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from customer_intel.core.contract import load as contract
from customer_intel.core.contract import yaml_lines as yamlfile
from customer_intel.core.engine import DuckDBEngine, EngineSettings
from customer_intel.ingest.land import entity_night as landing
from customer_intel_tests.unit.vendor_samples_behaviour import GA4_EVENTS, SAMPLES

CONFIG = yamlfile.load(Path(landing.__file__).parent.parent / "config.yaml")
Rows = list[dict[str, Any]]
# Ids hold the parameters as written, which the two formats do differently.
PROVENANCE = ("event_id", "exported_at", "source_file", "source_row", "extra_json", "column_set")


@pytest.fixture
def take(tmp_path: Path) -> Callable[[str, str], Rows]:
    """The rows of an entity out of a source's samples, in order of file and row."""

    def _take(source: str, entity: str) -> Rows:
        for sample in SAMPLES:
            if sample.source == source:
                sample.land(tmp_path / "landing" / source / "2026-06-30")
        room = tmp_path / f"{source}-{entity}"
        room.mkdir()
        con = DuckDBEngine(EngineSettings(), [room]).con
        result = landing.ingest(
            entity=contract.load().entities[entity], landing=tmp_path / "landing", mappings_dir=None,
            as_of=date(2026, 6, 30), known=[], workdir=room, con=con, config=CONFIG,
        )  # fmt: skip
        assert [finding for finding in result.findings if finding["severity"] == "critical"] == []
        files = sorted(str(part.parquet) for part in result.parts)
        found = con.execute(
            "SELECT * FROM read_parquet(?) ORDER BY source_file, source_row", [files]
        )
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    return _take


def holds(row: dict[str, Any], **expected: Any) -> None:
    assert {name: row[name] for name in expected} == expected


def test_a_hubspot_contact_belongs_to_the_primary_of_its_companies(
    take: Callable[[str, str], Rows],
) -> None:
    ada, grace = take("hubspot", "contacts")
    holds(
        ada,
        contact_id="5001",
        account_id="9001",
        email_opt_out=False,
        updated_at=datetime(2026, 6, 1, 8),
    )
    holds(grace, account_id="9002", email=None, updated_at=datetime(2025, 3, 1, 10))


def test_a_hubspot_company_without_a_name_is_called_by_its_domain(
    take: Callable[[str, str], Rows],
) -> None:
    acme, globex = take("hubspot", "accounts")
    holds(
        acme,
        account_name="Acme, Inc.",
        domain="acme.example",
        employee_count=120,
        annual_revenue=Decimal("1250000"),
    )
    holds(
        globex,
        account_name="globex.example",
        annual_revenue=None,
        updated_at=datetime(2024, 2, 2, 9, 30),
    )


def test_salesforce_tells_what_it_deleted(take: Callable[[str, str], Rows]) -> None:
    ada, gone = take("salesforce", "contacts")
    holds(
        ada,
        account_id="0015g00000B1AAB",
        email_opt_out=True,
        do_not_call=False,
        birth_date=date(1985, 12, 10),
    )
    holds(
        ada,
        street="12 Long Acre\nFloor 2",
        updated_at=datetime(2026, 5, 31, 23, 15),
        _deleted=False,
    )
    holds(gone, contact_id="0035g00000A2AAA", _deleted=True)
    acme, merged = take("salesforce", "accounts")
    holds(
        acme,
        domain="acme.example",
        annual_revenue=Decimal("1250000.00"),
        account_type="Customer - Direct",
    )
    holds(merged, _deleted=True)


def test_a_shopify_customer_has_two_lines_of_address_and_a_company(
    take: Callable[[str, str], Rows],
) -> None:
    (ada,) = take("shopify", "contacts")
    holds(ada, street="12 Long Acre", street_2="Floor 2", company_name="Acme Ltd")


def test_a_shopify_order_is_one_whatever_its_lines(take: Callable[[str, str], Rows]) -> None:
    (order,) = take("shopify", "orders")
    holds(
        order, order_id="#1001", currency="EUR", subtotal=Decimal("59.90"), discount=Decimal("5.99")
    )
    holds(
        order,
        total=Decimal("57.91"),
        ordered_at=datetime(2026, 6, 2, 21, 50, 26),
        billing_postal_code="75008",
    )
    lines = take("shopify", "order_lines")
    assert [line["line_total"] for line in lines] == [Decimal("19.90"), Decimal("40.00")]
    assert len({line["order_line_id"] for line in lines}) == 2
    assert all("Outstanding Balance" not in (line["extra_json"] or "") for line in lines)


def test_stripes_payments_of_old_and_new_dashboards(take: Callable[[str, str], Rows]) -> None:
    rows = {row["payment_id"]: row for row in take("stripe", "payments")}
    holds(
        rows["ch_1"],
        status="paid",
        amount=Decimal("19.00"),
        paid_at=datetime(2026, 6, 11, 14, 45, 40),
    )
    holds(
        rows["ch_0"],
        status="refunded",
        amount=Decimal("20.00"),
        paid_at=datetime(2020, 6, 11, 14, 45),
    )


def test_stripes_smallest_units_depend_on_the_currency(take: Callable[[str, str], Rows]) -> None:
    amounts = {
        row["payment_id"]: (row["amount"], row["currency"]) for row in take("stripe", "payments")
    }
    assert amounts["ch_usd"] == (Decimal("123.45"), "USD")
    assert amounts["ch_jpy"] == (Decimal("12345.00"), "JPY")
    # three decimals do not fit into money's two: rounded to even, and counted as such
    assert amounts["ch_kwd"] == (Decimal("12.34"), "KWD")


def test_stripes_payments_given_back_or_disputed_say_so(take: Callable[[str, str], Rows]) -> None:
    """A charge stays `succeeded` (`Paid`) whatever comes after it: the amounts and disputes say it."""
    states = {row["payment_id"]: row["status"] for row in take("stripe", "payments")}
    assert {name: states[name] for name in ("ch_usd", "ch_back", "ch_part", "ch_lost", "ch_won", "ch_2")} == {
        "ch_usd": "succeeded", "ch_back": "refunded", "ch_part": "partially refunded", "ch_lost": "lost",
        "ch_won": "won", "ch_2": "partially refunded",
    }  # fmt: skip


def test_a_connectors_subscription_takes_its_price_from_its_item(
    take: Callable[[str, str], Rows],
) -> None:
    rows = {row["subscription_id"]: row for row in take("stripe", "subscriptions")}
    assert set(rows) == {"sub_1", "sub_2"}
    holds(
        rows["sub_2"],
        plan_id="price_y",
        plan_name="Annual",
        status="active",
        quantity=3,
        billing_interval="year",
    )
    holds(rows["sub_2"], unit_amount=Decimal("299.90"), currency="USD", interval_count=1)
    holds(
        rows["sub_1"],
        quantity=2,
        unit_amount=Decimal("9.50"),
        updated_at=datetime(2026, 6, 11, 14, 45),
    )
    contacts = {row["contact_id"]: row for row in take("stripe", "contacts")}
    holds(contacts["cus_2"], first_name="Bo", last_name="Diaz Ruiz", _deleted=False)
    assert contacts["cus_3"]["_deleted"]


def test_zendesks_connector_tables_make_one_ticket(take: Callable[[str, str], Rows]) -> None:
    rows = {row["ticket_id"]: row for row in take("zendesk", "tickets")}
    holds(
        rows["20002"],
        team="Tier 1",
        tags="late|shop",
        requester_ref="37001",
        channel="email",
        status="closed",
    )
    holds(
        rows["20002"],
        solved_at=datetime(2026, 6, 3, 11, 1, 27),
        closed_at=datetime(2026, 6, 9, 1),
        _deleted=False,
    )
    assert rows["20003"]["_deleted"]
    holds(
        rows["20001"],
        satisfaction_score="good",
        first_response_at=datetime(2026, 5, 24, 21, 10, 3),
        tags="account|shop",
    )
    messages = take("zendesk", "ticket_messages")
    assert [message["author_type"] for message in messages] == ["customer", "agent"]
    (acme,) = take("zendesk", "accounts")
    holds(acme, account_id="601", domain="acme.example")


def test_snowplows_lines_and_objects_are_the_same_events(take: Callable[[str, str], Rows]) -> None:
    rows = take("snowplow", "events")
    tsv, named = rows[:3], rows[3:]
    page, struct, screen = tsv
    holds(
        page,
        event_name="page_view",
        event_type="page",
        user_id="u-7",
        page_title='The "best" tea',
        utm_medium="email",
    )
    holds(
        page,
        occurred_at=datetime(2026, 6, 3, 9, 0, 0, 500000),
        device_type="desktop",
        record_key="snowplow:u-7",
    )
    holds(struct, event_name="add_to_cart", event_type="track", anonymous_id="d-1")
    assert json.loads(struct["properties"])["value"] == "20.0"
    holds(screen, event_type="screen", anonymous_id="n-1", device_type="mobile")
    assert json.loads(screen["properties"]) == {"name": "Home"}
    told = (
        "event_name",
        "event_type",
        "anonymous_id",
        "user_id",
        "session_id",
        "occurred_at",
        "page_path",
        "utm_source",
    )
    assert [[row[name] for name in told] for row in tsv] == [
        [row[name] for name in told] for row in named
    ]
    assert all("203.0.113.9" not in (row["extra_json"] or "") for row in rows)


def test_ga4s_parameters_become_columns(take: Callable[[str, str], Rows]) -> None:
    page, first, purchase = take("ga4", "events")
    holds(
        page,
        event_type="page",
        anonymous_id="1234567890.1780570700",
        user_id="u-7",
        page_path="/tea/green",
    )
    holds(
        page,
        session_id="1234567890.1780570700.1780570700",
        page_title="Tea & cups",
        browser="Chrome",
        os="Android",
    )
    at = datetime.fromtimestamp(1780570800, UTC).replace(tzinfo=None, microsecond=123456)
    holds(
        page,
        occurred_at=at,
        utm_source="newsletter",
        utm_medium="email",
        utm_campaign=None,
        country="Germany",
    )
    assert json.loads(page["properties"])["engagement_time_msec"] == 120
    # How the user came first is the channel of that visit, not of every event since.
    holds(first, utm_source="google", utm_medium="cpc", utm_campaign="spring", page_url=None)
    holds(purchase, event_type="track", utm_source="partner", user_id=None, session_id=None)
    assert json.loads(purchase["properties"]) == {
        "transaction_id": "T-1",
        "value": 57.91,
        "currency": "EUR",
    }
    assert len({row["event_id"] for row in (page, first, purchase)}) == 3


def test_ga4s_parquet_says_the_same_as_its_json(
    take: Callable[[str, str], Rows], tmp_path: Path
) -> None:
    typed: list[dict[str, Any]] = json.loads(json.dumps(GA4_EVENTS))
    for event in typed:
        del event["platform"]
        event.pop("items", None)
        event["event_timestamp"] = int(event["event_timestamp"])
        for param in event["event_params"]:
            kinds = {"string_value": str, "int_value": int, "double_value": float}
            values = {kind: param["value"].get(kind) for kind in kinds}
            param["value"] = {k: None if v is None else kinds[k](v) for k, v in values.items()}
    folder = tmp_path / "landing" / "ga4" / "2026-06-29"
    folder.mkdir(parents=True)
    pl.DataFrame(typed, infer_schema_length=None).write_parquet(folder / "events_20260604.parquet")
    rows = take("ga4", "events")
    told = [name for name in rows[0] if name not in PROVENANCE]
    assert [[row[name] for name in told] for row in rows[:3]] == [
        [row[name] for name in told] for row in rows[3:]
    ]


def test_delighteds_api_tells_people_by_id_or_expanded(take: Callable[[str, str], Rows]) -> None:
    rows = {row["response_id"]: row for row in take("delighted", "survey_responses")}
    holds(rows["1"], respondent_ref="10", email=None, survey_type="nps", score=0, channel="email")
    holds(rows["2"], respondent_ref="11", email="bo@b.example", survey_type="other", comment="Fine")
    holds(rows["1"], responded_at=datetime.fromtimestamp(1780300800, UTC).replace(tzinfo=None))
    assert "permalink" not in (rows["1"]["extra_json"] or "")
    holds(rows["700001"], email="ada@acme.example", score=9, survey_id="delighted-nps")


def test_surveymonkeys_questions_are_found_by_their_wording(
    take: Callable[[str, str], Rows],
) -> None:
    ada, bo = take("surveymonkey", "survey_responses")
    holds(
        ada,
        response_id="118",
        survey_type="nps",
        score=10,
        comment="Fast, friendly",
        survey_id="surveymonkey-440",
    )
    holds(ada, responded_at=datetime(2026, 6, 5, 21, 2, 30), email="ada@acme.example")
    holds(bo, score=6, comment=None)
    assert "a kettle" in bo["extra_json"]
    assert "203.0.113.9" not in bo["extra_json"]


def test_a_surveymonkey_survey_without_an_nps_question_is_another_survey(
    take: Callable[[str, str], Rows], tmp_path: Path
) -> None:
    folder = tmp_path / "landing" / "surveymonkey" / "2026-06-29"
    folder.mkdir(parents=True)
    (folder / "a_survey.csv").write_text(
        "Respondent ID,Collector ID,Start Date,End Date,What did you "
        "buy?\n,,,,Response\n7,1,06/05/2026,"
        "06/05/2026 09:02,Tea\n"
    )
    other = take("surveymonkey", "survey_responses")[0]
    holds(other, response_id="7", survey_type="other", score=None, comment=None)


def test_mailchimps_members_and_their_activity_meet(take: Callable[[str, str], Rows]) -> None:
    touches = take("mailchimp", "marketing_touches")
    assert [touch["event"] for touch in touches] == ["opened", "clicked", "bounced"]
    assert len({touch["touch_id"] for touch in touches}) == 3
    holds(
        touches[1],
        campaign_id="42694e9e57",
        channel="email",
        occurred_at=datetime(2026, 6, 2, 17, 2, 30),
    )
    assert all("203.0.113.9" not in (touch["extra_json"] or "") for touch in touches)
    (member,) = take("mailchimp", "contacts")
    holds(member, email="Ada@acme.example", interests="vip|tea", email_opt_out=False, country="gb")
    assert member["contact_id"] == "07a9ba3011f51ae0c2e2d9302e13b31c"
