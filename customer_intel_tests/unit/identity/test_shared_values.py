"""Ten thousand customers with the shared values of real life: families, offices, tills, what clerks
type, recycled numbers. The hubs found are the hubs planted.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import polars as pl
import pytest

from customer_intel.identity.records.normalise import words
from customer_intel_tests.unit.identity_lab import MAP, Lab

HUBS = MAP[: MAP.index("hub_value") + 1]
CUSTOMERS = 10_000
FIRST = words(
    "Anna Bernd Clara Dieter Eva Felix Greta Hugo Ida Jonas Karl Lena Moritz Nora Olaf Paula Quirin Rita Simon Tina "
    "Uwe Vera Wilhelm Xenia Yves Zoe Robert Elizabeth William Margaret"
)
NICKNAMES = {"Robert": "Bob", "Elizabeth": "Liz", "William": "Bill", "Margaret": "Peggy"}
SYLLABLES = words("ber kos lan mei nor pau rei sel tor ulm vog wen zim hol gra")
TYPED = {
    "email": ["none@none.com", "kein@email.de", "na@na.com", "sin.correo@x.es", "walkin1@laden.de", "asdf@asdf.com"],
    "phone": ["+49123456789", "+4912121212", "0800 1234500", "+49 171 0000000", "0171 1234567"],
}  # fmt: skip


class Town:
    """Its people's records, and which values are planted as hubs: value → reason."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.rows: list[dict[str, Any]] = []
        self.planted: dict[str, str] = {}
        self.family_values: set[str] = set()
        self.numbers, self.people = count(), count()

    def mobile(self) -> str:
        return f"+4917{self.rng.choice('0125')}{3_000_000 + next(self.numbers)}"

    def landline(self) -> str:
        return f"+4930{8_200_000 + next(self.numbers)}"

    def surname(self) -> str:
        return "".join(self.rng.choices(SYLLABLES, k=self.rng.choice((2, 3)))).capitalize()

    def person(self, first: str, last: str, **values: str | None) -> None:
        """One customer: records in up to three systems, spelled in several ways, some without a
        name.
        """
        own = {
            "email": f"{first}.{last}{next(self.people)}@{self.rng.choice(('gmail.com', 'web.de'))}".lower(),
            "mobile_phone": self.mobile(),
        } | values
        for source in self.rng.sample(("crm", "shop", "till"), self.rng.choice((1, 2, 2, 3))):
            spelled = NICKNAMES.get(first, first) if self.rng.random() < 0.3 else first
            spelled = spelled[:1] if self.rng.random() < 0.05 else spelled
            named = self.rng.random() < 0.85
            row = {"first_name": spelled, "last_name": last} if named else {}
            # A number of an earlier year.
            old = {"mobile_phone": self.mobile()} if self.rng.random() < 0.1 else {}
            self.rows.append({"source": source, **own, **row, **old})

    # ---- kinds of customers; each gives how many it made
    def single(self) -> int:
        self.person(self.rng.choice(FIRST), self.surname())
        return 1

    def family(self) -> int:
        last, size = self.surname(), self.rng.choice((2, 3, 4))
        mailbox, house = f"{last}{next(self.people)}@web.de".lower(), self.landline()
        self.family_values |= {mailbox, house}
        for first in self.rng.sample(FIRST, size):
            self.person(first, last, email=mailbox, phone=house)
        return size

    def recycled_number(self) -> int:
        number = self.mobile()
        for first in self.rng.sample(FIRST, 2):
            self.person(first, self.surname(), mobile_phone=number)
        return 2

    def office(self) -> int:
        domain = f"{self.surname()}-{next(self.people)}.example".lower()
        number = (
            self.landline()
            if self.rng.random() < 0.5
            else f"+1312736{5000 + next(self.numbers) % 5000}"
        )
        while number in self.planted:
            number = self.landline()
        self.planted[number] = "office"
        size = self.rng.choice((3, 5, 12))
        for first in self.rng.sample(FIRST, size):
            last = self.surname()
            self.person(first, last, email=f"{first}.{last}@{domain}".lower(), phone=number)
        return size

    def till(self) -> int:
        word, n = self.rng.choice(("kasse", "shop", "guest", "filiale7.mitte")), next(self.people)
        mailbox, size = f"{word}@laden{n}.example", self.rng.choice((12, 30))
        self.planted[mailbox] = "shared"
        is_named = self.rng.random() < 0.5
        for first in self.rng.sample(FIRST, size):
            row = {"first_name": first, "last_name": self.surname()} if is_named else {}
            self.rows.append(
                {"source": "till", "email": mailbox, "mobile_phone": self.mobile(), **row}
            )
        return size

    def shops_own_number(self) -> int:
        number = self.mobile()
        self.planted[number] = "shared"
        for first in self.rng.sample(FIRST, 15):
            self.person(first, self.surname(), mobile_phone=number)
        return 15

    def constant_login(self) -> int:
        login = f"web-{next(self.people)}"
        self.planted[login] = "shared"
        for first in self.rng.sample(FIRST, 20):
            self.person(first, self.surname(), external_user_id=login)
        return 20

    def typed(self) -> int:
        column = self.rng.choice(("email", "phone"))
        self.person(
            self.rng.choice(FIRST), self.surname(), **{column: self.rng.choice(TYPED[column])}
        )
        return 1


def town(seed: int) -> Town:
    made = Town(seed)
    shares: dict[Callable[[Town], int], float] = {
        Town.single: 0.45, Town.family: 0.2, Town.typed: 0.12, Town.office: 0.02, Town.recycled_number: 0.02,
        Town.till: 0.004, Town.shops_own_number: 0.002, Town.constant_login: 0.001,
    }  # fmt: skip
    customers = 0
    while customers < CUSTOMERS:
        kind = made.rng.choices(list(shares), weights=list(shares.values()))[0]
        customers += kind(made)
    return made


def normalised(values: list[str]) -> Iterator[str]:
    """Typed values as hub_value has them."""
    for value in values:
        digits = value.replace(" ", "")
        is_number = digits.lstrip("+").isdigit()
        yield (f"+49{digits[1:]}" if digits.startswith("0") else digits) if is_number else value


@pytest.mark.parametrize("seed", [11, 12])
def test_the_hubs_found_are_the_hubs_planted(seed: int) -> None:
    made, lab = town(seed), Lab(default_country="DE")
    for number, row in enumerate(made.rows):
        source = row.pop("source")
        lab.contact(f"{source}:{number}", **row)
    found = (
        lab.night(only=HUBS).tables["hub_value"].filter(pl.col("identifier_type") != "email_base")
    )
    reasons = dict(found.select("value_norm", "reason").iter_rows())
    typed = [value for values in TYPED.values() for value in normalised(values)]
    planted = made.planted | dict.fromkeys(typed, "placeholder")
    hubs_of_families = made.family_values & reasons.keys()
    print(f"{len(made.rows)} records; planted {Counter(planted.values())}", end="; ")
    print(
        f"found {Counter(reasons.values())}, {len(hubs_of_families)} of {len(made.family_values)} of families"
    )
    assert len(made.rows) > CUSTOMERS
    assert hubs_of_families == set()
    assert {v: r for v, r in reasons.items() if planted.get(v) != r} == {}
    assert {v: r for v, r in planted.items() if reasons.get(v) != r} == {}
