"""Which values identify nobody: by their form, by what stands behind them, and whose an office's
number is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

import polars as pl
import pytest

from customer_intel.identity.linking.distinct_names import distinct_names
from customer_intel.identity.records import phones
from customer_intel.identity.records.normalise import words
from customer_intel_tests.unit.identity_lab import MAP, Lab, person

HUBS = MAP[: MAP.index("hub_value") + 1]


def hubs(*people: dict[str, Any], source: str = "a") -> dict[tuple[str, str], dict[str, Any]]:
    """(identifier_type, value) → hub row of a night over these contacts."""
    lab = Lab(default_country="DE")
    for number, row in enumerate(people):
        lab.contact(f"{source}:{number}", **row)
    found = lab.night(only=HUBS).tables["hub_value"]
    return {(row["identifier_type"], row["value_norm"]): row for row in found.iter_rows(named=True)}


def reasons(*people: dict[str, Any], source: str = "a") -> dict[str, str]:
    """Value → reason, of emails, phones and logins."""
    found = hubs(*people, source=source)
    return {value: row["reason"] for (kind, value), row in found.items() if kind != "email_base"}


def mobile(number: int) -> str:
    return f"+49 171 {3_400_000 + 7 * number}"


# ---- by form
NOBODYS_MAILBOX = words(
    """
    none@none.com no@no.de na@na.com test@test.de asdf@asdf.com a@a.com qwertz@web.de 12345@mail.example aaaa@x.de
    000@000.com no.email@gmail.com noemail1@x.de no_mail@t-online.de walk-in@x.com walkin3@shop.example
    refused@x.com n/a@x.com kein@email.de keine-angabe@gmx.de nicht.angegeben@x.de unbekannt@x.de laufkunde@x.de
    ohne@web.de sin.correo@x.es ninguno@x.es no.tiene@x.es nao.tem@x.br sememail@x.br nenhum@x.br
    pas-de-mail@x.fr aucun@x.fr pas@mail.fr nessuno@x.it nonha@libero.it geen@x.nl geen.email@x.nl
    brak@x.pl brak.adresu@wp.pl niemamaila@o2.pl нет@почта.рф net.pochty@x.ru
    customer@example.com max.mustermann@example.com name@beispiel.test anna@noemail.de
"""
)
SOMEBODYS_MAILBOX = words(
    """
    anna.keller@gmail.com anna@x.de adams@acme-corp.example marie@mail.example lea@roux.example one@x.de a@x.de
    nonaka@gmail.com keinath@web.de na2000@gmx.de nora.b@web.de asdrubal@x.it smith1990@gmail.com anna@anna.de
    483920@qq.com     prova.rossi@x.it testa@x.it brakel@x.nl guest@sun.example kasse@laden.de notten@x.nl
"""
)


def test_a_local_part_that_says_there_is_no_mailbox_is_nobodys() -> None:
    found = reasons(*(person("Maria", "Lopez", email) for email in NOBODYS_MAILBOX))
    assert found == dict.fromkeys(NOBODYS_MAILBOX, "placeholder")


def test_mailboxes_of_people_are_no_placeholders_whatever_their_domain() -> None:
    assert reasons(*(person("Maria", "Lopez", email) for email in SOMEBODYS_MAILBOX)) == {}


@pytest.mark.parametrize(
    ("first", "last", "email"),
    [
        ("Anna", "Keller", "keller@keller.de"),
        ("Nada", "Ilic", "nada@web.de"),
        ("Nora", "Abel", "na@acme.de"),
        (None, "No", "no@gmail.com"),
    ],
)
def test_a_word_that_is_the_name_of_who_has_it_is_a_name(first: str, last: str, email: str) -> None:
    assert reasons(person(first, last, email), person(None, None, email)) == {}
    assert reasons(person("Maria", "Lopez", email)) == {email: "placeholder"}


def test_a_companys_name_repeated_by_its_domain_is_the_companys() -> None:
    lab = Lab().put("accounts", source_system="a", account_id="7", account_name="Acme GmbH")
    lab.contact("a:1", email="acme@acme.de", account_id="7")
    assert lab.night(only=HUBS).tables["hub_value"].is_empty()


NOBODYS_PHONE = words(
    """
    +49123456789 0123456 +49987654321 +4912121212 +33612345678 +442012345678 +12345678901 +447890123456 0171-1234567
    +15555551234 0171-0000000 0800-1234500 0180-1234500 0900-1234500 +18003569377 +448457123450 +33800123450
    +80012345500
"""
)
SOMEBODYS_PHONE = words(
    """
    +491712345678 +4930123450 +13127365000 +14045550123 +4915123400000 +12122345678 +447911123456 +390612345670
"""
)


def test_numbers_of_fingers_and_of_services_are_nobodys() -> None:
    found = reasons(*(person("Maria", "Lopez", phone=phone) for phone in NOBODYS_PHONE))
    assert list(found.values()) == ["placeholder"] * len(NOBODYS_PHONE), found


def test_numbers_of_people_are_no_placeholders() -> None:
    assert reasons(*(person("Maria", "Lopez", phone=phone) for phone in SOMEBODYS_PHONE)) == {}


def test_a_number_kept_for_films_is_nobodys_once_more_than_a_couple_have_it() -> None:
    film = "+14045550123"
    rows = [person("Maria", last, phone=film) for last in ("Lopez", "Lopes", "Schmidt", "Haddad")]
    assert reasons(*rows[:3]) == {}
    assert reasons(*rows) == {film: "placeholder"}
    assert reasons(*(person(email=f"p{i}@gmx.de", phone=film) for i in range(3))) == {
        film: "placeholder"
    }


def test_logins_of_nobody() -> None:
    nobodys = [
        "0", "000", "-1", "null", "NULL", "N/A", "none", "guest", "Guest_1", "guest user", "anonymous", "gast",
        "invitado", "unknown", "(not set)", "not logged in", "[object Object]", "00000000-0000-0000-0000-000000000000",
        "undefined",
    ]  # fmt: skip
    somebodys = [
        "u1",
        "17001",
        "12",
        "9999",
        "guest-4711",
        "noemi",
        "annika",
        "1",
        "testa",
        "goscinny",
    ]
    rows = (person("Maria", "Lopez", external_user_id=login) for login in (*nobodys, *somebodys))
    assert sorted(reasons(*rows)) == sorted(nobodys)


# ---- by what stands behind
def test_a_mailbox_with_many_phones_behind_it_is_a_tills_though_nobody_is_named() -> None:
    guests = [person(email="laden@moon.example", mobile_phone=mobile(i)) for i in range(30)]
    row = hubs(*guests)["email", "laden@moon.example"]
    counts = {name: row[name] for name in row if name.startswith("n_")}
    assert row["reason"] == "shared"
    assert counts == {
        "n_records": 30, "n_distinct_names": 0, "n_mailboxes": 1, "n_phones": 30, "n_accounts": 30,
    }  # fmt: skip


def test_one_name_with_ten_phones_behind_a_mailbox_is_a_till() -> None:
    rows = [person("Maria", "Laden", "maria@x.de", phone=mobile(i)) for i in range(10)]
    assert reasons(*rows) == {"maria@x.de": "shared"}


def test_one_person_of_many_records_and_a_few_phones_is_no_hub() -> None:
    spellings = ["Robert", "Bob", "R", "Robbert", "Rob", "Bert"]
    rows = [
        person(spellings[i % 6], "Weber", "weber@x.de", phone=mobile(i % 4), external_user_id=f"u{i % 3}")
        for i in range(40)
    ]  # fmt: skip
    assert reasons(*rows) == {}


def test_a_nameless_person_who_orders_as_a_guest_again_and_again_is_no_hub() -> None:
    assert reasons(*(person(email="lea.roux@x.fr", phone=mobile(0)) for _ in range(30))) == {}


def test_a_functions_mailbox_of_many_nameless_accounts_is_a_hub() -> None:
    assert reasons(*(person(email="kasse2@laden.de") for _ in range(9))) == {
        "kasse2@laden.de": "shared"
    }
    assert reasons(*(person("Uwe", "Kern", "info@kern.de") for _ in range(9))) == {}


def test_a_mailbox_of_many_logins_is_a_hub() -> None:
    rows = [person("Uwe", "Kern", "uwe@x.de", external_user_id=f"u{i}") for i in range(9)]
    assert reasons(*rows) == {"uwe@x.de": "shared"}
    assert reasons(*rows[:8]) == {}


@pytest.mark.parametrize("size", [2, 3, 4])
def test_a_familys_mailbox_is_no_hub(size: int) -> None:
    """Everybody's mobile number, two numbers of earlier years and the house's own."""
    names = ["Anna", "Bernd", "Clara", "Dieter"][:size]
    rows = [
        person(name, "Weber", "weber@x.de", phone="+49 30 8094711", mobile_phone=mobile(i))
        for i, name in enumerate(names)
    ]
    rows += [person(names[i], "Weber", "weber@x.de", mobile_phone=mobile(50 + i)) for i in (0, 1)]
    rows += [person(None, None, "weber@x.de", phone=mobile(i)) for i in range(size)]
    assert reasons(*rows) == {}


def test_five_names_are_more_than_a_family() -> None:
    names = ["Anna", "Bernd", "Clara", "Dieter", "Eva"]
    rows = [person(name, "Weber", "weber@x.de") for name in names]
    assert hubs(*rows)["email", "weber@x.de"]["n_distinct_names"] == 5


# ---- offices
SWITCHBOARD = "+1 312 736 5000"


def colleagues(*emails: str, **more: Any) -> list[dict[str, Any]]:
    return [person(email=email, phone=SWITCHBOARD, **more) for email in emails]


def test_a_number_that_three_mailboxes_of_a_company_share_is_an_offices() -> None:
    rows = colleagues("adams@acme.example", "baker@acme.example", "clark@acme.example")
    assert reasons(*rows) == {"+13127365000": "office"}


def test_a_number_that_three_mailboxes_of_a_provider_share_is_a_familys() -> None:
    assert reasons(*colleagues("anna@gmx.de", "ben@gmx.de", "eva@gmx.de")) == {}


def test_two_mailboxes_are_an_office_where_they_bear_two_peoples_names() -> None:
    office = {"+13127365000": "office"}
    assert reasons(*colleagues("anna.berg@acme.de", "tom.horn@acme.de")) == office
    assert reasons(*colleagues("adams@acme.de", "baker@acme.de")) == office
    named = [
        person("Kim", "Adams", "adams@acme.de", phone=SWITCHBOARD),
        person("Lou", "Baker", "baker@acme.de", phone=SWITCHBOARD),
    ]
    assert reasons(*named) == office
    for other in ("info@acme.de", "anna.berg@acme.de", "x9@acme.de"):
        assert reasons(*colleagues("anna@acme.de", other)) == {}


def test_three_addresses_of_one_named_person_are_no_office() -> None:
    emails = ("kim@lee.example", "kim.lee@lee.example", "info@lee.example")
    assert reasons(*colleagues(*emails, first_name="Kim", last_name="Lee")) == {}


def test_a_shops_own_number_is_no_office_of_its_customers() -> None:
    staff = colleagues("anna.berg@laden.de", "tom.horn@laden.de", "eva.koch@laden.de")
    customers = colleagues(*(f"p{i}@gmx.de" for i in range(20)))
    assert reasons(*staff, *customers) == {"+13127365000": "shared"}


def test_a_landline_of_many_is_an_office_a_mobile_number_of_many_is_shared() -> None:
    names = ["Anna", "Bernd", "Clara", "Dieter", "Eva", "Falk"]
    landline = [person(name, f"{name}son", phone="+49 30 8094711") for name in names]
    own = [person(name, f"{name}son", phone=mobile(1)) for name in names]
    assert reasons(*landline, *own) == {"+49308094711": "office", "+491713400007": "shared"}


# ---- strengths
@pytest.mark.parametrize(
    ("email", "strength"),
    [
        ("info@acme.de", "role"), ("kasse1@laden.de", "role"), ("till-2@shop.example", "role"),
        ("guest@shop.example", "role"), ("no-reply@shop.example", "role"), ("noreply@shop.example", "role"),
        ("biuro@firma.pl", "role"), ("bonjour@maison.fr", "role"), ("ciao@bottega.it", "role"),
        ("rezeption@hotel.de", "role"), ("sales-emea@acme.com", "role"), ("info.berlin+x@acme.de", "role"),
        ("post.anna@gmx.de", "strong"), ("anna.post@acme.de", "strong"), ("hr.berg@acme.de", "strong"),
        ("infante@acme.de", "strong"), ("kassel@acme.de", "strong"), ("anna@shop.example", "strong"),
    ],
)  # fmt: skip
def test_a_functions_mailbox_is_of_strength_role(email: str, strength: str) -> None:
    lab = Lab().contact("a:1", **person("Anna", "Weber", email)).night(only=HUBS)
    facts = lab.tables["identifier_fact"].filter(pl.col("identifier_type") == "email")
    assert facts["strength"].to_list() == [strength]


def test_a_value_is_of_one_strength_whoever_carries_it() -> None:
    lab = Lab()
    lab.contact("a:1", **person("Anna", "Weber", phone="+49 30 8094711"))
    lab.contact("b:2", **person("Anna", "Weber", mobile_phone="+49 30 8094711"))
    facts = lab.night(only=HUBS).tables["identifier_fact"]
    assert facts["strength"].to_list() == ["weak", "weak"]


# ---- the parts
def names_of(*spellings: tuple[str | None, str | None]) -> int:
    frame = pl.DataFrame(
        [("v", *spelling) for spelling in spellings],
        schema={"value": pl.String, "first": pl.String, "last": pl.String},
        orient="row",
    )
    return int(distinct_names(frame, ["value"], Lab().config)["n_names"][0])


@pytest.mark.parametrize(
    ("spellings", "count"),
    [
        ([("robert", "weber"), ("bob", "weber"), ("r", "weber"), ("weber", "robert")], 1),
        ([("bob", "weber"), ("r", "weber")], 1),
        ([("elizabeth", "weber"), ("l", "weber"), ("k", "weber")], 2),
        ([("robert", "weber"), ("robert", "webber"), ("robert", "weber-koch")], 1),
        ([("anna", "weber"), ("ben", "weber"), ("a", "weber"), (None, "weber")], 2),
        ([("anna", "weber"), ("axel", "weber"), ("a", "weber")], 2),
        ([("anna", "berg"), ("anna", "horn"), ("anna", None)], 2),
        ([("anna", None), ("ben", None), (None, "koch")], 1),
        ([("anna", "weber")], 1),
    ],
)
def test_spellings_of_one_name_count_once(spellings: list[Any], count: int) -> None:
    assert names_of(*spellings) == count


def test_the_numbering_plan_tells_landlines_and_services() -> None:
    numbers = ["+498001234500", "+18003569377", "+49308094711", "+491713400007", "+13127365000"]
    found = phones.kinds(pl.Series(numbers)).filter("is_landline")["value"].to_list()
    services = phones.kinds(pl.Series(numbers)).filter("is_service")["value"].to_list()
    assert found == ["+49308094711"]
    assert sorted(services) == ["+18003569377", "+498001234500"]


def test_nothing_shared_is_no_hub_and_no_records_are_none() -> None:
    assert hubs() == {}
    assert hubs(person("Anna", "Weber", "anna@x.de", birth_date=date(1980, 3, 4))) == {}


def test_the_order_of_records_is_irrelevant() -> None:
    def rows() -> Iterator[dict[str, Any]]:
        yield from colleagues("adams@acme.example", "baker@acme.example", "clark@acme.example")
        yield from (person(email="laden@moon.example", phone=mobile(i)) for i in range(9))
        yield person("Maria", "Lopez", "none@none.com")

    def found(people: Iterable[dict[str, Any]]) -> Any:
        return hubs(*people)

    assert found(rows()) == found(reversed(list(rows())))
