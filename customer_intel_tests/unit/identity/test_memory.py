"""What records said before identifies them still: nobody is torn by a new number or mailbox, and a recycled number
belongs to each owner in his time.
"""

from __future__ import annotations

import random
from datetime import date, timedelta

import polars as pl
import pytest

from customer_intel.identity.linking.party_value import party_value
from customer_intel_tests.unit.identity_lab import MAP, NIGHT, Lab, Row, person
from customer_intel_tests.unit.sqlroom import schema

OLD, NEW, NEWER = "+49 171 2000001", "+49 171 8364959", "+49 160 5512877"
FIRST = (
    "Anna", "Boris", "Clara", "Dieter", "Emil", "Frida", "Georg", "Hanna", "Igor", "Jana", "Karl", "Lena", "Mario",
    "Nora", "Otto", "Paula",
)  # fmt: skip
LAST = (
    "Weber", "Koch", "Hahn", "Vogt", "Lang", "Brandt", "Seidel", "Kraus", "Roth", "Busch", "Franke", "Albrecht",
    "Winter", "Sommer", "Horn",
)  # fmt: skip


def anna(email: str | None = None, phone: str | None = None) -> Row:
    return person("Anna", "Keller", email, mobile_phone=phone)


def groups(*nights: dict[str, Row]) -> list[list[str]]:
    """Who is one after the last night; a record that a night does not name is as it was."""
    lab, records = Lab(), {}
    for number, changed in enumerate(nights):
        records |= changed
        lab.rows["contacts"] = []
        for key, columns in records.items():
            lab.contact(key, **columns)
        lab.night(NIGHT + timedelta(number), only=MAP)
    return lab.groups()


def test_a_new_number_in_one_system_tears_nobody() -> None:
    """CRM and shop know her by one number, then the shop has her new one."""
    crm, shop = anna("familie.keller@web.de", OLD), anna("anna.k@posteo.de", OLD)
    changed = shop | {"mobile_phone": NEW}
    assert groups({"crm:1": crm, "shop:2": shop}, {"shop:2": changed}) == [["crm:1", "shop:2"]]
    # Without that night nothing but the name speaks for them.
    assert groups({"crm:1": crm, "shop:2": changed}) == [["crm:1"], ["shop:2"]]


def test_both_systems_change_one_after_the_other() -> None:
    crm, shop = anna("familie.keller@web.de", OLD), anna("anna.k@posteo.de", OLD)
    later = {"shop:2": shop | {"mobile_phone": NEW}}, {"crm:1": crm | {"mobile_phone": NEWER}}
    assert groups({"crm:1": crm, "shop:2": shop}, *later) == [["crm:1", "shop:2"]]


def test_a_recycled_number_belongs_to_each_in_his_time() -> None:
    before, after = anna("anna.k@posteo.de", OLD), anna("anna.k@posteo.de", NEW)
    other = person("Anna", "Hahn", None, mobile_phone=OLD)
    # She gives it up, then another has it; at one time it would have been a doubt.
    assert groups({"a:1": before}, {"a:1": after}, {"b:2": other}) == [["a:1"], ["b:2"]]


def test_who_took_over_a_number_keeps_his_own_records() -> None:
    kurt = person("Kurt", "Hahn", "kurt@posteo.de", mobile_phone=OLD)
    nights = (
        {"a:1": anna("anna.k@posteo.de", OLD), "b:2": anna("familie.keller@web.de", OLD)},
        {"a:1": anna("anna.k@posteo.de", NEW), "b:2": anna("familie.keller@web.de", NEW)},
        {"c:3": kurt, "d:4": person("Kurt", "Hahn", None, mobile_phone=OLD)},
    )
    assert groups(*nights) == [["a:1", "b:2"], ["c:3", "d:4"]]


def test_what_contradicts_outweighs_what_was() -> None:
    """The source gives the key to another person."""
    first = {"crm:1": anna("anna.k@posteo.de", OLD), "shop:2": anna("anna.k@posteo.de", OLD)}
    other = person("Kurt", "Hahn", "kurt.hahn@web.de", mobile_phone=NEW)
    assert groups(first, {"shop:2": other}) == [["crm:1"], ["shop:2"]]


@pytest.mark.parametrize("gone", ["email", "mobile_phone"])
def test_a_value_that_is_gone_tears_nobody(gone: str) -> None:
    crm = anna("anna.k@posteo.de", NEW if gone == "email" else OLD)
    shop = anna(
        "anna.k@posteo.de" if gone == "email" else "familie.keller@web.de",
        None if gone == "email" else OLD,
    )
    assert groups({"crm:1": crm, "shop:2": shop}, {"shop:2": shop | {gone: None}}) == [
        ["crm:1", "shop:2"]
    ]


def test_periods_of_values() -> None:
    def party(email: str | None) -> pl.DataFrame:
        row = {"record_key": "crm:1", "email_base": email}
        return pl.DataFrame([row], schema=schema("party_record"))

    table = schema("party_value").to_frame()
    second, third = NIGHT + timedelta(1), NIGHT + timedelta(2)
    table = party_value(party("a@x.de"), NIGHT, table)
    table = party_value(party("b@x.de"), second, table)
    changed = party_value(party("a@x.de"), third, table)
    columns = ["value_norm", "valid_from", "valid_to"]
    assert changed.select(columns).rows() == [
        ("a@x.de", NIGHT, second), ("a@x.de", third, None), ("b@x.de", second, third),
    ]  # fmt: skip
    # The night again, and the night again with another value: as if it had been run once.
    assert party_value(party("a@x.de"), third, changed).equals(changed)
    assert party_value(party("b@x.de"), third, changed).equals(table)


class Population:
    """Thirty people, each known to two or three systems; a share changes its mailbox or number each night."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.rows: dict[str, Row] = {}
        self.person: dict[str, int] = {}
        for number in range(30):
            first, last = FIRST[number % 16], LAST[number * 7 % 15]
            contact = {"email": self.email(), "mobile_phone": self.phone()}
            for system in self.rng.sample(("crm", "shop", "desk"), self.rng.choice((2, 3))):
                key = f"{system}:{number:02d}"
                self.rows[key] = person(
                    first, last, birth_date=date(1950 + number, 3, 1 + number % 28), **contact
                )
                self.person[key] = number

    def email(self) -> str:
        letters = "".join(self.rng.choices("abcdefghijklmnoprstuvw", k=9))
        return f"{letters}@{self.rng.choice(('web.de', 'gmx.de', 'posteo.de'))}"

    def phone(self) -> str:
        return f"+49 17{self.rng.randrange(10)} {self.rng.randrange(2_000_000, 9_999_999)}"

    def change(self, share: float) -> None:
        for row in self.rows.values():
            if self.rng.random() < share:
                row["email"] = self.email()
            if self.rng.random() < share:
                row["mobile_phone"] = self.phone()


@pytest.mark.parametrize("with_birth", [pytest.param(True, marks=pytest.mark.slow), False])
def test_ten_nights_with_a_twentieth_changing_tear_nobody(with_birth: bool) -> None:
    population, lab = Population(5), Lab()
    changed = seen = 0
    before: dict[str, str] = {}
    for night in range(10):
        if night:
            population.change(0.05)
        lab.rows["contacts"] = []
        for key, columns in population.rows.items():
            lab.contact(key, **(columns if with_birth else columns | {"birth_date": None}))
        now = lab.night(NIGHT + timedelta(night), only=MAP).customers()
        changed += sum(before[key] != now[key] for key in before)
        seen += len(before)
        before = now
    assert changed <= 0.0025 * seen
    of_person: dict[int, set[str]] = {}
    for key, customer in before.items():
        of_person.setdefault(population.person[key], set()).add(customer)
    assert all(len(customers) == 1 for customers in of_person.values()), "nobody is torn"
    assert len(set(before.values())) == len(of_person), "nobody is another"
