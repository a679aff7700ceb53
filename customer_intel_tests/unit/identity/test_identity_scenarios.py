"""Named situations in which records are, or are not, one person."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from customer_intel_tests.unit.identity_lab import (
    MAP,
    MOBILE,
    REVIEW,
    Lab,
    Row,
    person,
)

SCENARIOS: dict[str, tuple[dict[str, Row], list[str]]] = {
    "chain": (
        {
            "a:1": person("Anna", "Weber", "anna@x.de"),
            "b:2": person("Anna", "Weber", "anna@x.de", phone=MOBILE),
            "c:3": person("Anna", "Weber", "aw@y.de", phone=MOBILE),
            "d:4": person("Anna", "Weber", "aw@y.de"),
        },
        ["a:1 b:2 c:3 d:4"],
    ),
    "reverse chain": (
        {
            "d:1": person("Anna", "Weber", "anna@x.de"),
            "c:2": person("Anna", "Weber", "anna@x.de", phone=MOBILE),
            "b:3": person("Anna", "Weber", "aw@y.de", phone=MOBILE),
        },
        ["b:3 c:2 d:1"],
    ),
    "fan-in": (
        {
            "a:1": person("Anna", "Weber", "anna@x.de"),
            "b:2": person("Anna", "Weber", "aw@y.de"),
            "c:3": person("Anna", "Weber", "anna@x.de", secondary_email="AW@y.de"),
        },
        ["a:1 b:2 c:3"],
    ),
    "diamond": (
        {
            "a:1": person("Anna", "Weber", "anna@x.de", phone=MOBILE),
            "b:2": person("Anna", "Weber", "anna@x.de"),
            "c:3": person("Anna", "Weber", None, phone=MOBILE),
            "d:4": person("Anna", "Weber", "anna@x.de", mobile_phone=MOBILE),
        },
        ["a:1 b:2 c:3 d:4"],
    ),
    "interleaved": (
        {
            "a:1": person("Anna", "Weber", "anna@x.de"),
            "a:2": person("Ben", "Koch", "ben@x.de"),
            "b:3": person("Anna", "Weber", "anna@x.de"),
            "b:4": person("Ben", "Koch", "ben@x.de"),
        },
        ["a:1 b:3", "a:2 b:4"],
    ),
    "shared family email": (
        {
            "a:1": person("Anna", "Weber", "family@x.de"),
            "a:2": person("Ben", "Weber", "family@x.de"),
            "b:3": person("Anna", "Weber", "family@x.de"),
        },
        ["a:1 b:3", "a:2"],
    ),
    "nameless record on a family email goes to nobody": (
        {
            "a:1": person("Anna", "Weber", "family@x.de"),
            "a:2": person("Ben", "Weber", "family@x.de"),
            "b:3": person(None, None, "family@x.de"),
            "c:4": person(None, None, "family@x.de"),
        },
        ["a:1", "a:2", "b:3 c:4"],
    ),
    "nameless record on one person's email": (
        {"a:1": person("Anna", "Weber", "anna@x.de"), "b:2": person(None, None, " Anna@X.de ")},
        ["a:1 b:2"],
    ),
    "role mailbox": (
        {
            "a:1": person("Anna", "Weber", "info@acme.de"),
            "a:2": person("Anna", "Koch", "info@acme.de"),
            "b:3": person("Anna", "Weber", "info@acme.de"),
        },
        ["a:1 b:3", "a:2"],
    ),
    "too many names make a hub": (
        {
            f"a:{i}": person(name, "Weber", "crew@x.de")
            for i, name in enumerate(["Anna", "Ben", "Uwe", "Zoe", "Ida"])
        }
        | {"b:9": person("Anna", "Weber", "crew@x.de")},
        ["a:0", "a:1", "a:2", "a:3", "a:4", "b:9"],
    ),
    "placeholder": (
        {"a:1": person("Anna", "Weber", "none@x.de"), "b:2": person("Anna", "Weber", "none@x.de")},
        ["a:1", "b:2"],
    ),
    "twins": (
        {
            "a:1": person("Lukas", "Weber", "weber@x.de", birth_date=date(2001, 5, 7)),
            "a:2": person(
                "Jonas", "Weber", "weber@x.de", birth_date=date(2001, 5, 7), phone=MOBILE
            ),
            "b:3": person("Lukas", "Weber", "weber@x.de", phone=MOBILE),
        },
        ["a:1 b:3", "a:2"],
    ),
    "Jr and Sr": (
        {
            "a:1": person("John", "Smith", "smith@x.com", suffix="Sr."),
            "a:2": person("John", "Smith Jr.", "smith@x.com"),
        },
        ["a:1", "a:2"],
    ),
    "father and son without suffix, by birth date": (
        {
            "a:1": person("John", "Smith", "smith@x.com", birth_date=date(1950, 3, 4)),
            "a:2": person("John", "Smith", "smith@x.com", birth_date=date(1980, 7, 4)),
        },
        ["a:1", "a:2"],
    ),
    "day and month the other way round": (
        {
            "a:1": person("John", "Smith", "smith@x.com", birth_date=date(1950, 3, 4)),
            "a:2": person("John", "Smith", "smith@x.com", birth_date=date(1950, 4, 3)),
        },
        ["a:1 a:2"],
    ),
    "a form's default birth date says nothing": (
        {
            "a:1": person("John", "Smith", "smith@x.com", birth_date=date(1950, 3, 4)),
            "a:2": person("John", "Smith", "smith@x.com", birth_date=date(1980, 1, 1)),
        },
        ["a:1 a:2"],
    ),
    "recycled phone": (
        {
            "a:1": person("Anna", "Weber", "anna@x.de", phone=MOBILE),
            "b:2": person("Kurt", "Hahn", None, phone=MOBILE),
        },
        ["a:1", "b:2"],
    ),
    "maiden and married name": (
        {
            "a:1": person("Anna", "Weber", "anna@x.de"),
            "b:2": person("Anna", "Schulz-Koch", "anna@x.de"),
        },
        ["a:1 b:2"],
    ),
    "nickname": (
        {
            "a:1": person("Robert", "Smith", "rs@x.com"),
            "b:2": person("Bob", "Smith", "rs@x.com"),
            "a:3": person("Elisabeth", "Koch", "ek@x.de"),
            "b:4": person("Sissi", "Koch", "ek@x.de"),
            "a:5": person("Francisco", "Ruiz", "fr@x.es"),
            "b:6": person("Paco", "Ruiz", "fr@x.es"),
        },
        ["a:1 b:2", "a:3 b:4", "a:5 b:6"],
    ),
    "initial": (
        {"a:1": person("A.", "Weber", "anna@x.de"), "b:2": person("Anna", "Weber", "anna@x.de")},
        ["a:1 b:2"],
    ),
    "an initial that fits two goes to neither": (
        {
            "a:1": person("Anna", "Weber", "w@x.de"),
            "a:2": person("Axel", "Weber", "w@x.de"),
            "b:3": person("A.", "Weber", "w@x.de"),
        },
        ["a:1", "a:2", "b:3"],
    ),
    "swapped names": (
        {"a:1": person("Anna", "Weber", "anna@x.de"), "b:2": person("Weber", "Anna", "anna@x.de")},
        ["a:1 b:2"],
    ),
    "swapped names, one of them a short form": (
        {
            "a:1": person("Clifford", "Simpson", None, phone=MOBILE),
            "b:2": person("Simpson", "Cliff", None, phone=MOBILE),
            "c:3": person("Ann", "Simpson", None, phone=MOBILE),
        },
        ["a:1 b:2", "c:3"],
    ),
    "accents and titles": (
        {
            "a:1": person("José", "Núñez", "jose@x.es"),
            "b:2": person("Dr. Jose", "Nunez", "jose@x.es"),
        },
        ["a:1 b:2"],
    ),
    "siblings of like-sounding names": (
        {
            "a:1": person("Julia", "Weber", "w@x.de", gender="female"),
            "a:2": person("Julian", "Weber", "w@x.de", gender="male"),
        },
        ["a:1", "a:2"],
    ),
    "plus-addressing": (
        {
            "a:1": person("Anna", "Weber", "anna.weber+shop@gmail.com"),
            "b:2": person("Anna", "Weber", "annaweber@googlemail.com"),
            "c:3": person("Kurt", "Hahn", "annaweber+kurt@gmail.com"),
            "d:4": person(None, None, "anna.weber+x@gmail.com"),
        },
        ["a:1 b:2", "c:3", "d:4"],
    ),
    "a landline needs agreeing names": (
        {
            "a:1": person("Anna", "Weber", None, phone="030 123456", country="DE"),
            "b:2": person("Anna", "Weber", None, phone="+49 30 123456"),
            "c:3": person(None, None, None, phone="+4930123456"),
        },
        ["a:1 b:2", "c:3"],
    ),
    "a login joins one of another mailbox and last name": (
        {
            "a:1": person("Anna", "Weber", "anna@x.de", external_user_id="U1"),
            "b:2": person("Anna", "Hahn", "ahahn@y.de", external_user_id="U1"),
        },
        ["a:1 b:2"],
    ),
    "a login of two first names is two people's": (
        {
            "a:1": person("Anna", "Weber", "anna@x.de", external_user_id="U1"),
            "b:2": person("Kurt", "Hahn", "kurt@x.de", external_user_id="U1"),
        },
        ["a:1", "b:2"],
    ),
    "one person may have a login in each system": (
        {
            "a:1": person("Anna", "Weber", "anna@x.de", external_user_id="U1"),
            "b:2": person("Anna", "Weber", "anna@x.de", external_user_id="U2"),
        },
        ["a:1 b:2"],
    ),
    "company and person on one phone": (
        {
            "a:1": person(None, "Acme GmbH", None, phone=MOBILE),
            "b:2": person("Anna", "Weber", None, phone=MOBILE),
        },
        ["a:1", "b:2"],
    ),
    "acquired account with two domains joins people, not colleagues": (
        {
            "a:1": person(
                "Anna",
                "Weber",
                "anna@old.com",
                account_id="A1",
                company_name="Old Ltd",
                phone=MOBILE,
            ),
            "a:2": person("Ben", "Koch", "ben@old.com", account_id="A1", company_name="Old Ltd"),
            "b:3": person(
                "Anna",
                "Weber",
                "anna@new.com",
                account_id="A1",
                company_name="New AG",
                phone=MOBILE,
            ),
            "b:4": person("Ben", "Koch", "sales@new.com", account_id="A1", company_name="New AG"),
        },
        ["a:1 b:3", "a:2", "b:4"],
    ),
    "a switchboard's number joins no colleagues": (
        {
            "a:1": person("Anna", "Weber", "anna@acme.de", phone=MOBILE, company_name="Acme GmbH"),
            "a:2": person("Ben", "Koch", "ben@acme.de", phone=MOBILE, company_name="Acme GmbH"),
            "b:3": person("Ben", "Koch", None, phone=MOBILE),
        },
        ["a:1", "a:2 b:3"],
    ),
    "a constant login of nameless records is no person": (
        {f"a:{i}": person(None, None, f"p{i}@x.de", external_user_id="web") for i in range(12)},
        [f"a:{i}" for i in sorted(range(12), key=str)],
    ),
    "a phone that everybody without a name types is no person": (
        {f"a:{i}": person(None, None, f"p{i}@x.de", phone=MOBILE) for i in range(9)},
        [f"a:{i}" for i in range(9)],
    ),
    "a person of several mailboxes": (
        {f"a:{i}": person("Anna", "Weber", f"p{i}@x.de", phone=MOBILE) for i in range(8)},
        ["a:0 a:1 a:2 a:3 a:4 a:5 a:6 a:7"],
    ),
    "a veto holds across a bridge": (
        {
            "a:1": person("Anna", "Weber", "anna@x.de"),
            "b:2": person(None, None, "anna@x.de", phone=MOBILE),
            "c:3": person("Kurt", "Hahn", None, phone=MOBILE),
        },
        ["a:1 b:2", "c:3"],
    ),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_who_is_one(name: str) -> None:
    records, groups = SCENARIOS[name]
    lab = Lab()
    for key, columns in records.items():
        lab.contact(key, **columns)
    assert lab.night(only=MAP).groups() == sorted(group.split() for group in groups)


def test_records_that_only_refer_join_by_what_they_carry() -> None:
    lab = Lab().contact("crm:1", **person("Anna", "Weber", "anna@x.de", external_user_id="U1"))
    lab.put(
        "survey_responses",
        response_id="r1",
        email="Anna@x.de",
        record_key="nps:guest-0f",
        source_system="nps",
    )
    lab.put("events", event_id="e1", user_id="U1", record_key="app:U1", source_system="web")
    lab.put("events", event_id="e2", user_id="U2", record_key="app:U2", source_system="web")
    lab.put("subscriptions", subscription_id="s1", record_key="app:U1", source_system="billing")
    lab.put(
        "orders",
        order_id="o1",
        record_key="shop:7",
        email="anna@x.de",
        billing_name="Weber, Anna",
        source_system="shop",
    )
    lab.put("invoices", invoice_id="i1", record_key="billing:9", source_system="billing")
    lab.night()
    assert lab.groups() == [
        ["app:U1", "crm:1", "nps:guest-0f", "shop:7"],
        ["app:U2"],
        ["billing:9"],
    ]
    party = lab.tables["party_record"].filter(pl.col("record_key") == "shop:7").row(0, named=True)
    assert (party["first_name_norm"], party["last_name_norm"], party["is_reference_only"]) == (
        "anna",
        "weber",
        True,
    )


def test_a_user_namespace_carries_login_ids_even_where_only_billing_refers() -> None:
    lab = Lab().contact("crm:1", **person("Anna", "Weber", external_user_id="U1"))
    lab.put("events", event_id="e1", user_id="U9", record_key="app:U9")
    lab.put("subscriptions", subscription_id="s1", record_key="app:U1")
    assert lab.night().groups() == [["app:U1", "crm:1"], ["app:U9"]]


def test_in_a_source_declared_free_of_duplicates_two_records_are_two_people() -> None:
    records = {f"crm:{n}": person("Anna", "Weber", "anna@x.de", phone=MOBILE) for n in (1, 2)}
    records["shop:3"] = person("Anna", "Weber", "anna@x.de", phone=MOBILE)

    def groups(**config: object) -> list[list[str]]:
        lab = Lab(**config)
        for key, columns in records.items():
            lab.contact(key, **columns)
        return lab.night(only=MAP).groups()

    assert groups() == [["crm:1", "crm:2", "shop:3"]]
    apart = groups(duplicate_free_sources=["crm"])
    assert len(apart) > 1 and ["crm:1", "crm:2"] not in apart


def test_a_login_of_two_first_names_is_asked_about() -> None:
    lab = Lab().contact("a:1", **person("Anna", "Weber", "anna@x.de", external_user_id="U1"))
    lab.contact("b:2", **person("Kurt", "Hahn", "kurt@x.de", external_user_id="U1"))
    lab.night(only=REVIEW)
    review = lab.tables["match_review"].select("record_key_a", "record_key_b", "reason")
    assert review.rows() == [("a:1", "b:2", "first_name")]


def test_doubtful_pairs_are_listed_for_review() -> None:
    lab = (
        Lab()
        .contact("a:1", **person("Anna", "Weber", "w@x.de"))
        .contact("a:2", **person("Ben", "Weber", "w@x.de"))
    )
    lab.contact("b:3", **person(None, None, "w@x.de")).night()
    found = lab.tables["match_review"].select("record_key_a", "record_key_b", "reason").rows()
    assert found == [("a:1", "b:3", "ambiguous"), ("a:2", "b:3", "ambiguous")]
    lab.override("never_merge", "a:1", "b:3").night()
    assert ("a:1", "b:3") not in lab.tables["match_review"].select(
        "record_key_a", "record_key_b"
    ).rows()


class TestOverrides:
    def lab(self) -> Lab:
        return (
            Lab()
            .contact("a:1", **person("Anna", "Weber", "anna@x.de"))
            .contact("b:2", **person("Anna", "Weber", "anna@x.de"))
        )

    def test_merge_beats_vetoes(self) -> None:
        lab = Lab().contact("a:1", **person("Anna", "Weber", "w@x.de", external_user_id="U1"))
        lab.contact("b:2", **person("Kurt", "Hahn", external_user_id="U2")).override(
            "merge", "b:2", "a:1"
        )
        assert lab.night(only=MAP).groups() == [["a:1", "b:2"]]

    def test_never_merge_beats_a_shared_email_and_a_shared_login(self) -> None:
        assert self.lab().override("never_merge", "b:2", "a:1").night(only=MAP).groups() == [
            ["a:1"],
            ["b:2"],
        ]
        lab = Lab()
        for key in ("a:1", "b:2", "c:3"):
            lab.contact(key, **person("Anna", "Weber", external_user_id="U1"))
        groups = lab.override("never_merge", "a:1", "c:3").night(only=MAP).groups()
        # The one between fits both, who are not one: it is nobody's until somebody says whose.
        assert groups == [["a:1"], ["b:2"], ["c:3"]]

    def test_the_newest_decision_counts(self) -> None:
        lab = self.lab().override("never_merge", "a:1", "b:2").override("merge", "b:2", "a:1")
        assert lab.night(only=MAP).groups() == [["a:1", "b:2"]]
        assert lab.override("split", "a:1", "b:2").night(only=MAP).groups() == [["a:1"], ["b:2"]]

    def test_a_record_split_out_leaves_the_rest_together(self) -> None:
        lab = (
            self.lab()
            .contact("c:3", **person("Anna", "Weber", "anna@x.de"))
            .override("merge", "b:2", "c:3")
        )
        assert lab.override("split", "b:2").night(only=MAP).groups() == [["a:1", "c:3"], ["b:2"]]

    def test_unknown_records_are_ignored(self) -> None:
        lab = self.lab().override("merge", "a:1", "gone:1").override("never_merge", "x:1", "y:2")
        assert lab.night(only=MAP).groups() == [["a:1", "b:2"]]
