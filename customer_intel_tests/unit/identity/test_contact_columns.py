"""What a contact carries that identifies: from its columns to the party record."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from customer_intel_tests.unit.identity_lab import MAP, Lab, Row, person


def sourced(lab: Lab) -> dict[str, Row]:
    rows = lab.night(only=MAP).tables["party_source"]
    return {row["record_key"]: row for row in rows.to_dicts()}


def test_what_identifies_a_contact_reaches_its_party_record() -> None:
    given = {
        "id_number": "536-22-8714", "birth_place": "Ulm", "house_number": "12", "unit": "4b",
        "street_2": "Hinterhaus", "full_name": "Dr. Ann Lee",
    }  # fmt: skip
    lab = Lab().contact("crm:1", street="Main Street", **given)
    found = sourced(lab)["crm:1"]
    assert {name: found[name] for name in given} == given
    record = lab.tables["party_record"].row(0, named=True)
    assert record["id_number"] == given["id_number"]
    # A name in one piece is read where its parts are missing.
    assert (record["first_name_norm"], record["last_name_norm"]) == ("ann", "lee")


@pytest.mark.parametrize(
    ("street", "number", "line"),
    [
        ("Main Street", "12", "12 Main Street"),
        ("12 Main Street", "12", "12 Main Street"),
        ("12, Main Street", "12", "12, Main Street"),
        ("Hauptstr. 12", "12", "Hauptstr. 12"),
        ("21st Avenue", "1", "1 21st Avenue"),
        ("Main Street", None, "Main Street"),
        (None, "12", None),
    ],
)
def test_street_and_number_are_one_line(
    street: str | None, number: str | None, line: str | None
) -> None:
    lab = Lab().contact("crm:1", street=street, house_number=number)
    assert sourced(lab)["crm:1"]["street"] == line


def test_a_birth_date_that_is_none_keeps_its_text() -> None:
    lab = Lab()
    odd = '{"shoe":"41","_emptied":{"birth_date":"1994-11-71"}}'
    lab.contact("crm:odd", extra_json=odd)
    lab.contact("crm:other", extra_json='{"_emptied":{"email_verified":"maybe"}}')
    lab.contact("crm:known", birth_date=date(1994, 11, 17), extra_json=odd)
    found = sourced(lab)
    assert found["crm:odd"]["birth_date_text"] == "1994-11-71"
    assert found["crm:other"]["birth_date_text"] is None
    assert found["crm:known"]["birth_date_text"] is None


def test_the_organisation_is_the_accounts_else_what_the_contact_names() -> None:
    lab = Lab()
    lab.put("accounts", account_id="a1", account_name="Harbour Ltd")
    lab.contact("crm:1", account_id="a1", company_name="harbor")
    lab.contact("crm:2", company_name="Meyer GmbH")
    found = sourced(lab)
    assert found["crm:1"]["company_name"] == "Harbour Ltd"
    assert found["crm:2"]["company_name"] == "Meyer GmbH"


def test_whom_a_deal_names_is_a_party() -> None:
    lab = Lab().contact("crm:1", **person("Ann", "Lee"))
    early, late = datetime(2026, 1, 2), datetime(2026, 1, 9)
    lab.put("deals", deal_id="d1", record_key="crm:1", created_at=early)
    lab.put("deals", deal_id="d2", record_key="crm:9", created_at=early)
    lab.put("deals", deal_id="d3", record_key="crm:9", created_at=late)
    lab.put("deals", deal_id="d4", record_key=None, created_at=late)
    found = sourced(lab)
    assert set(found) == {"crm:1", "crm:9"}
    assert found["crm:9"]["is_reference_only"] and not found["crm:1"]["is_reference_only"]
    assert (found["crm:9"]["first_seen_at"], found["crm:9"]["last_seen_at"]) == (early, late)
    assert found["crm:1"]["first_seen_at"] == early
