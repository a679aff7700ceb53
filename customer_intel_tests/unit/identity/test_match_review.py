"""What stands in match_review, which way, why, and in which order; and what is no doubt."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from customer_intel_tests.unit.identity_lab import Lab, person

HOME = {"street": "Ringstr. 12", "city": "Köln", "postal_code": "50667", "country": "DE"}
NUMBER = "+49 171 2000201"


def review(*people: dict[str, Any]) -> list[tuple[str, str]]:
    """review_kind and reason of each doubt about records of as many systems, or of one."""
    lab = Lab()
    for number, columns in enumerate(people):
        source = columns.pop("source", f"s{number}")
        lab.contact(f"{source}:{number}", **columns)
    return doubts(lab)


def doubts(lab: Lab) -> list[tuple[str, str]]:
    rows = lab.night().tables["match_review"].sort("stake_rank")
    return list(rows.select("review_kind", "reason").iter_rows())


@pytest.mark.parametrize(
    ("a", "b", "reason"),
    [
        pytest.param(
            person("Tom", "Wagner", "tom.wagner@web.de", mobile_phone=NUMBER, city="Kiel", postal_code="24103"),
            person("Tom", "Richter", "tom.richter@gmx.de", mobile_phone=NUMBER, city="München", postal_code="80331"),
            "last_name",
            id="same-first-other-last",
        ),
        pytest.param(
            person("Maria", "Braun", "fam.braun@web.de", birth_date=date(2004, 5, 6), **HOME),
            person("Marie", "Braun", "fam.braun@web.de", birth_date=date(2004, 5, 6), **HOME),
            "similar_first_name",
            id="similar-first-names",
        ),
        pytest.param(
            person("John", "Hillman", "hills@mail.example", birth_date=date(1950, 3, 3)),
            person("John", "Hillman", "hills@mail.example", birth_date=date(1980, 3, 3)),
            "generation_gap",
            id="birth-years-apart",
        ),
        pytest.param(
            person("Robert", "Hillman", "hills@mail.example", suffix="Jr."),
            person("Robert", "Hillman", "hills@mail.example"),
            "generation_open",
            id="junior-and-nobody-says",
        ),
        pytest.param(
            person("Priscilla", "Kenholm", "priscilla.kenholm@web.de", mobile_phone=NUMBER),
            person("Zilla", "Kenholm", "priscilla.kenholm@web.de", mobile_phone=NUMBER),
            "first_name",
            id="short-name-unknown-in-ones-own-mailbox",
        ),
        pytest.param(
            person("Anna", "Lindqvist", "anna.lindqvist@web.de"),
            person(None, None, "other@gmx.de", mobile_phone=NUMBER),
            None,
            id="strangers",
        ),
        pytest.param(
            person("Anna", "Weber", "familie.weber@web.de", phone="+49 221 555010", **HOME),
            person("Jonas", "Weber", "familie.weber@web.de", phone="+49 221 555010", **HOME),
            None,
            id="a-family-of-other-first-names",
        ),
        pytest.param(
            person("Anna", "Weber", "a.weber@web.de", birth_date=date(1980, 5, 6), **HOME),
            person("Anna", "Weber", None, birth_date=date(1991, 11, 23), **HOME),
            None,
            id="namesakes-of-other-births",
        ),
    ],
)  # fmt: skip
def test_two_customers_are_doubtful_or_certain(
    a: dict[str, Any], b: dict[str, Any], reason: str | None
) -> None:
    assert review(dict(a), dict(b)) == ([("not_merged", reason)] if reason else [])


def test_a_slip_in_a_mailbox_of_a_small_home_is_seen() -> None:
    place = {"city": "Kiel", "postal_code": "24103", "country": "DE"}
    lab = Lab().contact("crm:1", **person("Anna", "Lindqvist", "anna.lindqvist@gmail.com", **place))
    lab.contact("shop:2", **person("Anna", "Lindqvist", "anna.lindqvist@gmial.com", **place))
    lab.night()
    # One customer or two: a person is asked, unless there is a second witness.
    assert len(lab.groups()) == 1 or len(lab.tables["match_review"]) == 1


def test_a_family_of_many_with_one_mailbox_does_not_fill_the_review() -> None:
    names = ("Anna", "Jonas", "Petra", "Kurt")
    family = [
        person(first, "Weber", "familie.weber@web.de", phone="+49 221 555010", **HOME, source="crm")
        for first in names
    ]
    assert review(*family) == []


@pytest.mark.parametrize(
    ("people", "reason"),
    [
        pytest.param(
            [
                person("Thessaly", "Vanterpool", "thessaly17@web.de"),
                person("Thessaly", "Vanterpool", "tvp@gmx.de"),
            ],
            "likeness_only",
            id="a-rare-name-alone",
        ),
        pytest.param(
            [
                person("Kevin", "Harrison", "kevin.harrison17@web.de", mobile_phone=NUMBER, **HOME),
                person("Kevin", "Harrison", "kharr@gmx.de", mobile_phone="+49 160 7770202", **HOME),
            ],
            "other_contacts",
            id="one-name-and-address-other-contacts",
        ),
        pytest.param(
            [
                person("Charles", "Yardcroft", "family.yardcroft@web.de", mobile_phone=NUMBER),
                person("Charles", "Yardcroft", "family.yardcroft@web.de"),
            ],
            "family_mailbox",
            id="a-familys-mailbox-alone",
        ),
        pytest.param(
            [
                person("Anna", "Jones", "family.jones@web.de", mobile_phone=NUMBER, **HOME),
                person(
                    "Anne", "Jones", "family.jones@web.de", mobile_phone="+49 160 7770202", **HOME
                ),
            ],
            "family_mailbox",
            id="a-familys-mailbox-and-address-of-names-alike",
        ),
    ],
)
def test_one_customer_held_by_a_thin_link_is_doubtful(
    people: list[dict[str, Any]], reason: str
) -> None:
    found = review(*(dict(columns) for columns in people))
    assert [why for _, why in found] == [reason] or found[0][0] == "not_merged", found


@pytest.mark.parametrize(
    "people",
    [
        pytest.param(
            [
                person("Anna", "Weber", "anna.weber@web.de", mobile_phone=NUMBER),
                person("Anna", "Weber", "anna.weber@web.de"),
            ],
            id="name-and-mailbox",
        ),
        pytest.param(
            [person("Anna", "Weber", "anna.weber@web.de"), person(None, None, "anna.weber@web.de")],
            id="a-mailbox-of-ones-own-without-a-name",
        ),
        pytest.param(
            [
                person("Anna", "Weber", "anna.weber@web.de", mobile_phone=NUMBER),
                person("Anna", "Weber", "aw@gmx.de", mobile_phone=NUMBER),
            ],
            id="name-and-mobile",
        ),
    ],
)
def test_one_customer_of_sound_links_is_no_doubt(people: list[dict[str, Any]]) -> None:
    assert review(*(dict(columns) for columns in people)) == []


def two_doubts() -> Lab:
    """Two pairs in doubt, of the Hillmans and of the Toms."""
    lab = Lab()
    for key, born in (("a:1", 1950), ("a:2", 1980)):
        who = person("John", "Hillman", "hills@mail.example", birth_date=date(born, 3, 3))
        lab.contact(key, **who)
    for key, last in (("b:1", "Wagner"), ("b:2", "Richter")):
        lab.contact(key, **person("Tom", last, f"tom.{last}@web.de", mobile_phone=NUMBER))
    return lab


def test_what_is_at_stake_is_counted_over_all_records_and_comes_first() -> None:
    lab = two_doubts()
    lab.contact("c:9", **person("Tom", "Richter", "tom.richter@web.de"))
    for number in range(3):
        lab.put("orders", order_id=str(number), record_key="c:9")
    lab.put("tickets", ticket_id="t", record_key="b:1")
    lab.put("marketing_touches", touch_id="m", record_key="b:2")
    lab.put("marketing_touches", touch_id="n", record_key="somebody:else")
    for number in range(9):
        lab.put("tickets", ticket_id=f"j{number}", record_key="a:1")
    rows = lab.night().tables["match_review"].sort("stake_rank")
    told = rows.select("record_key_a", "n_orders", "n_messages", "stake_rank").rows()
    assert told == [("b:1", 3, 2, 1), ("a:1", 0, 9, 2)]


@pytest.mark.parametrize("action", ["merge", "never_merge"])
def test_what_somebody_decided_is_no_doubt_any_more(action: str) -> None:
    lab = two_doubts().override(action, "a:1", "a:2")
    lab.night()
    keys = lab.tables["match_review"].select("record_key_a", "record_key_b").rows()
    assert keys == [("b:1", "b:2")]
    assert ["a:1", "a:2"] in lab.groups() or action == "never_merge"


def test_each_doubt_is_a_reason_that_the_command_can_say() -> None:
    from customer_intel.core.contract import load as contracts
    from customer_intel.identity.explain.reasons import AGAINST

    reasons = contracts.load().table("match_review").by_name["reason"].values
    assert set(reasons or ()) <= AGAINST.keys()


def test_the_table_says_no_personal_value() -> None:
    from customer_intel.core.contract import load as contracts

    kinds = {column.pii for column in contracts.load().table("match_review").columns}
    assert kinds <= {None, "id"}
