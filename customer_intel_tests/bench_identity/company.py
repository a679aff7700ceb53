"""A generated company's contacts over four systems, with the values that people share in real life
and the truth beside them.

    python -m customer_intel_tests.bench_identity.company FOLDER --customers 10000 --nights 10 --seed 1

Writes FOLDER/landing/<crm|shop|newsletter|support>/<date>/contacts.csv for each night and
FOLDER/truth.parquet (record_key, truth, kind). From the second night on, in 5 % of the records the
email or the phone is another, and 2 % of the records are new.

Belongs here: who there is, what they share, what a system knows of them. Not here: how what a
resolver made of it is counted (company_score.py).
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from customer_intel.demo import pools
from customer_intel_tests.bench_identity import register_words
from customer_intel_tests.bench_identity.slips import slipped

FIRST_NIGHT = date(2026, 5, 1)
CHANGED, NEW = 0.05, 0.02
# The share of customers whom each system knows.
SYSTEMS = {"crm": 0.6, "shop": 0.55, "newsletter": 0.4, "support": 0.25}
COLUMNS = (
    "contact_id", "email", "phone", "mobile_phone", "first_name", "last_name", "suffix", "birth_date", "street",
    "city", "postal_code", "country", "created_at", "updated_at",
)  # fmt: skip
PLACEHOLDERS = (
    "none@none.com", "noemail@noemail.com", "keine@keine.de", "na@na.com", "no@no.com", "unknown@unknown.org",
)  # fmt: skip
NO_PHONES = ("0000000000", "1234567890", "9999999999")
PROVIDERS = ("gmail.com", "web.de", "gmx.de", "outlook.com", "yahoo.com", "posteo.de", "icloud.com")
# Different first names that look like a slip of each other.
TWINS = (
    ("Maria", "Marie"), ("Anna", "Anne"), ("Jan", "Jana"), ("Julia", "Julian"), ("Lena", "Lina"), ("Tim", "Tom"),
    ("Hanna", "Hannes"), ("Christina", "Christian"), ("Paula", "Paul"), ("Mona", "Nora"), ("Emma", "Emily"),
)  # fmt: skip


@dataclass(frozen=True)
class Person:
    """`kind`: what they share with others, "plain" for nothing; `mailbox` and `landline` shared by
    the family, `office` (domain, switchboard) by colleagues.
    """

    number: int
    kind: str
    first: str
    nick: str
    last: str
    suffix: str
    born: date
    email: str
    old_email: str
    mobile: str
    mailbox: str
    landline: str
    office: tuple[str, str]
    street: str
    old_street: str
    city: str
    postcode: str
    country: str
    last_seen: date = date(2026, 4, 1)


@dataclass
class Company:
    """`records`: system → contact_id → row as the system exports it; `truth`: record_key → person."""

    rng: np.random.Generator
    people: list[Person] = field(default_factory=list)
    records: dict[str, dict[str, dict[str, str]]] = field(
        default_factory=lambda: {system: {} for system in SYSTEMS}
    )
    truth: dict[str, Person] = field(default_factory=dict)
    values: Counter[str] = field(default_factory=Counter)

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def one_of(self, values: tuple[str, ...] | list[str]) -> str:
        return values[int(self.rng.integers(len(values)))]

    def phone(self, country: str, *, mobile: bool = True) -> str:
        """A number nobody else has."""
        self.values["phone"] += 1
        at = self.values["phone"] * 37 % 9_000_000 + 1_000_000
        if country == "US":
            return (
                f"+1 {('917', '415', '312')[at % 3]} {200 + at // 10_000 % 700:03} {at % 10_000:04}"
            )
        if country == "GB":
            return (
                f"+44 7{400 + at // 1_000_000} {at % 1_000_000:06}"
                if mobile
                else f"+44 161 {at:07}"
            )
        return f"+49 {('170', '171', '160')[at % 3]} {at:07}" if mobile else f"+49 30 {at:07}"

    def person(self, kind: str = "plain", **given: object) -> Person:
        """One more, with what is given. Names are drawn as often as in life: many have one name."""
        pool = pools.FEMALE if self.chance(0.5) else pools.MALE
        entry = pool[min(int(self.rng.exponential(25)), len(pool) - 1)].split(":")
        country = str(given.get("country") or self.one_of(("DE", "DE", "US", "US", "GB")))
        place = pools.CITIES[int(self.rng.integers(len(pools.CITIES)))]
        drawn = Person(
            number=len(self.people),
            kind=kind,
            first=entry[0],
            nick=entry[1] if len(entry) > 1 and entry[1] else entry[0],
            last=self._last(),
            suffix="",
            born=date(1940, 1, 1) + timedelta(days=int(self.rng.integers(0, 24_000))),
            email="",
            old_email="",
            mobile=self.phone(country),
            mailbox="",
            landline="",
            office=("", ""),
            street=self._street(),
            old_street=self._street(),
            city=place[0],
            postcode=f"{self.rng.integers(10_000, 99_999)}",
            country=country,
        )
        drawn = replace(drawn, **given)  # type: ignore[arg-type]
        drawn = replace(
            drawn,
            email=self._email(drawn.first, drawn.last),
            old_email=self._email(drawn.first, drawn.last),
        )
        self.people.append(drawn)
        return drawn

    def _last(self) -> str:
        if self.chance(0.5):
            names = pools.SURNAMES
            return names[min(int(self.rng.exponential(90)), len(names) - 1)].replace("_", " ")
        front, end = register_words.FRONTS.split(), register_words.ENDS.split()
        return (self.one_of(front) + self.one_of(end)).capitalize()

    def _street(self) -> str:
        return f"{self.rng.integers(1, 300)} {self.one_of(pools.STREETS)} {self.one_of(['Street', 'Road', 'Lane'])}"

    def _email(self, first: str, last: str) -> str:
        """A mailbox nobody else has."""
        plain = "".join(letter for letter in f"{first}.{last}".lower() if letter.isascii()).replace(
            " ", ""
        )
        local = plain.replace("'", "") or "x"
        self.values[local] += 1
        number = f"{self.values[local] * 7 % 89 + 10}{self.values[local] // 89 or ''}"
        return f"{local}{number}@{self.one_of(PROVIDERS)}"

    def populate(self, customers: int) -> None:
        """Families, twins, namesakes, offices, tills, recycled numbers, and the rest alone."""
        while len(self.people) < customers * 0.25:
            self._family(int(self.rng.integers(2, 5)))
        for _ in range(customers // 400):
            self._twins()
        for _ in range(customers // 1000):
            self._namesakes()
        for number in range(max(customers // 170, 1)):
            self._office(number, int(self.rng.integers(6, 30)))
        for number in range(customers // 150):
            self._recycled(number)
        for _ in range(customers // 50):
            self.person("till")
        while len(self.people) < customers:
            self.person()

    def _home(self) -> dict[str, object]:
        country = self.one_of(("DE", "US", "GB"))
        place = pools.CITIES[int(self.rng.integers(len(pools.CITIES)))]
        last = self._last()
        return {
            "last": last, "country": country, "city": place[0], "street": self._street(),
            "postcode": f"{self.rng.integers(10_000, 99_999)}",
            "landline": self.phone(country, mobile=False),
            "mailbox": self._email("family", last) if self.chance(0.6) else "",
        }  # fmt: skip

    def _family(self, size: int) -> None:
        home, firsts = self._home(), set()
        while len(firsts) < size:
            pool = pools.FEMALE if len(firsts) % 2 else pools.MALE
            firsts.add(self.one_of(pool).split(":")[0])
        for first in sorted(firsts):
            self.person("family", **{**home, "first": first, "nick": first})

    def _twins(self) -> None:
        pair = TWINS[int(self.rng.integers(len(TWINS)))]
        born = date(1970, 1, 1) + timedelta(days=int(self.rng.integers(0, 13_000)))
        home = {**self._home(), "born": born}
        for first in pair:
            self.person("twins", **{**home, "first": first, "nick": first})

    def _namesakes(self) -> None:
        home = self._home()
        born = date(1935, 1, 1) + timedelta(days=int(self.rng.integers(0, 13_000)))
        father = self.person("namesakes", **home, born=born)
        born = father.born + timedelta(days=int(self.rng.integers(25, 36)) * 365)
        if self.chance(0.2):
            born = father.born.replace(year=father.born.year + 30, day=min(father.born.day, 28))
        marked = "Jr" if self.chance(0.5) else ""
        self.person(
            "namesakes",
            **{**home, "first": father.first, "nick": father.nick, "born": born, "suffix": marked},
        )

    def _office(self, number: int, size: int) -> None:
        firm = f"{self._last()}{number}".lower().replace(" ", "").replace("'", "")
        firm = "".join(letter for letter in firm if letter.isascii())
        country = self.one_of(("DE", "US", "GB"))
        office = (f"{firm}.com", self.phone(country, mobile=False))
        for _ in range(size):
            self.person("office", office=office, country=country)

    def _recycled(self, number: int) -> None:
        before = self.person("recycled", last_seen=date(2021, 3, 1) + timedelta(days=number % 300))
        self.person("recycled", mobile=before.mobile, country=before.country)

    def first_records(self) -> None:
        """What each system knows of each person."""
        for person in list(self.people):
            if person.kind == "till":
                self.add(person, "shop")
                continue
            known = [system for system, share in SYSTEMS.items() if self.chance(share)]
            for system in known or [self.one_of(list(SYSTEMS))]:
                self.add(person, system)

    def add(self, person: Person, system: str) -> None:
        """One more record of that person there."""
        contact = f"{system[0]}{len(self.records[system]) + 1:06}"
        self.records[system][contact] = {"contact_id": contact, **self._row(person, system)}
        self.truth[f"{system}:{contact}"] = person

    def _row(self, person: Person, system: str) -> dict[str, str]:
        seen = person.last_seen - timedelta(days=int(self.rng.integers(0, 60)))
        row = dict.fromkeys(COLUMNS[1:], "") | {
            "country": person.country,
            "created_at": f"{seen - timedelta(days=200)} 09:00:00",
            "updated_at": f"{seen} 09:00:00",
        }
        if person.kind == "till":
            return row | {"email": "guest@shop.example", "mobile_phone": person.mobile}
        row |= self._reached(person, system)
        is_nameless = system == "shop" and row["email"] == person.email and self.chance(0.08)
        if is_nameless or (
            system == "newsletter" and row["email"] == person.email and self.chance(0.2)
        ):
            return row
        first = person.nick if self.chance(0.1) else person.first
        row |= {
            "first_name": slipped(first, self.rng) if self.chance(0.02) else first,
            "last_name": slipped(person.last, self.rng) if self.chance(0.02) else person.last,
            "suffix": person.suffix if self.chance(0.8) else "",
        }
        if system in ("crm", "shop"):
            row |= {
                "street": person.old_street if self.chance(0.08) else person.street,
                "city": person.city,
                "postal_code": person.postcode,
            }
        if system == "crm" and self.chance(0.7):
            row["birth_date"] = str(person.born)
        return row

    def _reached(self, person: Person, system: str) -> dict[str, str]:
        """Email, phone and mobile_phone: own ones, old ones, shared ones, or what stands for none."""
        email = person.old_email if self.chance(0.08) else person.email
        if person.mailbox and self.chance(0.5):
            email = person.mailbox
        phone, mobile = "", person.mobile if system != "newsletter" and self.chance(0.75) else ""
        if person.office[0] and system in ("crm", "support"):
            own = f"{person.first[:1]}.{person.last}{person.number}@{person.office[0]}".lower()
            own = "".join(letter for letter in own if letter.isascii() and letter not in " '")
            email = f"info@{person.office[0]}" if self.chance(0.3) else own
            phone, mobile = person.office[1], mobile if self.chance(0.5) else ""
        if person.landline and system in ("crm", "shop") and self.chance(0.6):
            phone = person.landline
        if person.kind == "recycled":
            mobile = person.mobile if system != "newsletter" else ""
        if system in ("crm", "shop") and self.chance(0.02):
            email = self.one_of(PLACEHOLDERS)
        if system == "crm" and self.chance(0.02):
            phone, mobile = self.one_of(NO_PHONES), ""
        if email == person.email and self.chance(0.015):
            local, provider = email.split("@")
            email = f"{slipped(local, self.rng)}@{provider}"
        return {"email": email, "phone": phone, "mobile_phone": mobile}

    def night_passes(self, day: date) -> None:
        """Changed emails and phones, and new records, half of them of new people."""
        keys = sorted(self.truth)
        for at in self.rng.choice(len(keys), int(len(keys) * CHANGED), replace=False):
            system, contact = keys[int(at)].split(":")
            row, person = self.records[system][contact], self.truth[keys[int(at)]]
            if row["mobile_phone"] and self.chance(0.5):
                row["mobile_phone"] = self.phone(person.country)
            elif person.kind != "till":
                row["email"] = self._email(person.first, person.last)
            row["updated_at"] = f"{day - timedelta(days=1)} 12:00:00"
        for _ in range(int(len(keys) * NEW)):
            known = self.people[int(self.rng.integers(len(self.people)))]
            person = self.person() if self.chance(0.5) or known.kind == "till" else known
            self.add(person, self.one_of(list(SYSTEMS)))

    def export(self, landing: Path, day: date) -> None:
        """contacts.csv of each system, as it is that day."""
        for system, rows in self.records.items():
            target = landing / system / str(day)
            target.mkdir(parents=True, exist_ok=True)
            with (target / "contacts.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, COLUMNS)
                writer.writeheader()
                writer.writerows(rows.values())


def simulate(folder: Path, customers: int = 10_000, nights: int = 1, seed: int = 1) -> list[date]:
    """Writes `nights` nights of a company into `folder`; the dates of the nights."""
    company = Company(np.random.default_rng(seed))
    company.populate(customers)
    company.first_records()
    days = [FIRST_NIGHT + timedelta(days=number) for number in range(nights)]
    for day in days:
        if day != days[0]:
            company.night_passes(day)
        company.export(folder / "landing", day)
    pl.DataFrame(
        [(key, str(who.number), who.kind) for key, who in sorted(company.truth.items())],
        schema=["record_key", "truth", "kind"],
        orient="row",
    ).write_parquet(folder / "truth.parquet")
    return days


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--nights", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args()
    simulate(told.folder, told.customers, told.nights, told.seed)
