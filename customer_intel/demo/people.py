"""Simulated persons and their contact records in each system, misspelled in known ways, with known
owner.
"""

from __future__ import annotations

import random
import unicodedata
from collections import Counter
from dataclasses import dataclass, field

import polars as pl

from customer_intel.demo import pools
from customer_intel.demo.clock import DAY, NEVER
from customer_intel.demo.world import World

SCHEMA: dict[str, type[pl.DataType]] = {
    "source": pl.String,
    "id": pl.String,
    "person": pl.Int64,
    "created": pl.Int64,
    "modified": pl.Int64,
    "first": pl.String,
    "last": pl.String,
    "suffix": pl.String,
    "email": pl.String,
    "phone": pl.String,
    "mobile": pl.String,
    "street": pl.String,
    "city": pl.String,
    "state": pl.String,
    "postal": pl.String,
    "country": pl.String,
    "birth": pl.String,
    "user_id": pl.String,
    "mess": pl.String,
}


@dataclass
class Identity:
    """The truth about one person; `digits` is the national phone number, unique unless a scenario
    says otherwise.
    """

    person: int
    female: bool
    first: str
    nick: str
    last: str
    birth: str
    email: str
    email2: str
    digits: str
    street: str
    city: str
    state: str
    postal: str
    country: str
    maiden: str = ""
    suffix: str = ""
    tags: list[str] = field(default_factory=list)


def ascii_slug(text: str) -> str:
    """A name in plain small letters, as mail addresses have it."""
    plain = (
        unicodedata.normalize("NFKD", text.replace("Ø", "O").replace("ø", "o"))
        .encode("ascii", "ignore")
        .decode()
    )
    return "".join(c for c in plain.lower() if c.isalnum())


def build(world: World, seed: int) -> tuple[list[Identity], pl.DataFrame, Counter[str]]:
    """Persons, their contact records in five systems (columns SCHEMA), and how often each kind of
    mess was put in.
    """
    # A stream of its own: spelling must not move what persons do.
    rng = random.Random(seed * 7919 + 11)
    people = [_identity(rng, i, city) for i, city in enumerate(world.persons["city"].to_list())]
    _scenarios(rng, people, _unique_contacts(rng, people))
    records = _records(rng, world, people)
    mess = Counter(tag for row in records for tag in str(row["mess"]).split("|") if tag)
    return people, pl.DataFrame(records, schema=SCHEMA, orient="row"), mess


def _identity(rng: random.Random, person: int, city: int) -> Identity:
    female = rng.random() < 0.54
    name, nick = rng.choice(pools.FEMALE if female else pools.MALE).split(":")
    # squaring favours the head of the list: a few surnames are very common, most are rare
    last = pools.SURNAMES[int(len(pools.SURNAMES) * rng.random() ** 1.6)].replace("_", " ")
    town, state, country, prefix, _ = pools.CITIES[city]
    postal = prefix + (
        str(rng.randrange(10))
        if country == "US"
        else f"{rng.randrange(1, 10)}{rng.choice('ABDEFG')}{rng.choice('HJLNPR')}"
        if country == "GB"
        else f"{rng.randrange(1, 10)}{rng.choice('ABCE')}{rng.randrange(1, 10)}"
    )
    street = (
        f"{rng.randrange(1, 400)} {rng.choice(pools.STREETS)} "
        f"{rng.choice(pools.STREET_KINDS[country])}"
    )
    birth = f"{rng.randrange(1948, 2006)}-{rng.randrange(1, 13):02d}-{rng.randrange(1, 29):02d}"
    return Identity(
        person,
        female,
        name,
        nick or name,
        last,
        birth,
        "",
        "",
        "",
        street,
        town,
        state,
        postal,
        country,
    )


def _unique_contacts(rng: random.Random, people: list[Identity]) -> dict[str, list[str]]:
    """Every person gets an own email address, some a second one, and an own phone while the
    reserved ranges last.

    Returns the numbers that are still free in each country.
    """
    used_emails: set[str] = set()
    free = {
        "US": [f"{a}55501{i:02d}" for a in pools.AREA_CODES for i in range(100)],
        "CA": [f"{a}55501{i:02d}" for a in pools.CANADA_CODES for i in range(100)],
        "GB": [f"{r}{i:03d}" for r in pools.UK_RANGES for i in range(1000)],
    }
    for numbers in free.values():
        rng.shuffle(numbers)
    for who in people:
        first, last, year = ascii_slug(who.first), ascii_slug(who.last), who.birth[2:4]
        for attempt in range(2 if rng.random() < 0.3 else 1):
            domain = rng.choices(pools.DOMAINS, pools.DOMAIN_WEIGHTS)[0]
            local = rng.choice(
                [
                    f"{first}.{last}",
                    f"{first}{last}",
                    f"{first[0]}{last}{year}",
                    f"{first}.{last}{year}",
                    f"{ascii_slug(who.nick)}{last}",
                    f"{last}.{first}",
                    f"{first}_{last}",
                ]
            )
            email, n = f"{local}@{domain}", 1
            while email in used_emails:
                n += 1
                email = f"{local}{n}@{domain}"
            used_emails.add(email)
            if attempt == 0:
                who.email = email
            else:
                who.email2 = email
        if rng.random() < 0.85 and free[who.country]:
            who.digits = free[who.country].pop()
    return free


def _scenarios(  # noqa: C901 (a list of cases, one after the other)
    rng: random.Random, people: list[Identity], free: dict[str, list[str]]
) -> None:
    """Pairs and groups that tempt a matcher into a false merge, and changes of name that tempt it
    into a miss.
    """
    n = len(people)
    order = list(range(n))
    rng.shuffle(order)
    cursor = iter(order)

    def take(share: float, size: int) -> list[list[Identity]]:
        wanted = max(1, round(n * share / size)) if n >= 20 else 0
        groups = [
            [people[i] for _, i in zip(range(size), cursor, strict=False)] for _ in range(wanted)
        ]
        return [g for g in groups if len(g) == size]

    def same_home(a: Identity, b: Identity) -> None:
        if b.digits and a.country != b.country:
            # a number of the reserved ranges of one country, written as another's, might be
            # somebody's
            b.digits = free[a.country].pop() if free[a.country] else ""
        b.last, b.street, b.city, b.state, b.postal, b.country = (
            a.last,
            a.street,
            a.city,
            a.state,
            a.postal,
            a.country,
        )

    for a, b in take(0.012, 2):
        same_home(a, b)
        b.email = a.email
        for x in (a, b):
            x.tags.append("shared_email")
    for a, b in take(0.008, 2):
        same_home(a, b)
        b.digits = a.digits
        for x in (a, b):
            x.tags.append("shared_phone")
    for a, b in take(0.006, 2):
        same_home(a, b)
        b.birth = a.birth
        if b.first == a.first:
            b.first, b.nick, b.female = (
                ("Clara", "Clara", True) if a.first != "Clara" else ("Hugo", "Hugo", False)
            )
        for x in (a, b):
            x.tags.append("twin")
    for a, b in take(0.006, 2):
        same_home(a, b)
        b.first, b.nick, b.female, b.digits = a.first, a.nick, a.female, a.digits
        a.suffix, b.suffix = "Sr", "Jr"
        a.birth, b.birth = "195" + a.birth[3:], "198" + a.birth[3:]
        for x in (a, b):
            x.tags.append("jr_sr")
    for k, group in enumerate(take(0.009, 3)):
        for x in group:
            x.email = f"info@cafe{k + 1}.example"
            x.tags.append("role_mailbox")
    for a, b in take(0.006, 2):
        b.digits, b.country = a.digits, a.country
        b.city, b.state, b.postal = a.city, a.state, a.postal
        for x in (a, b):
            x.tags.append("recycled_phone")
    for who in people:
        if who.female and not who.tags and rng.random() < 0.04:
            who.maiden = rng.choice(pools.SURNAMES).replace("_", " ")
            who.tags.append("married_name")


def _phone(rng: random.Random, who: Identity, source: str) -> str:
    d = who.digits
    if not d:
        return ""
    if who.country == "GB":
        a, b, c = (d[:2], d[2:6], d[6:]) if d.startswith("20") else (d[:3], d[3:6], d[6:])
        forms = [f"+44{d}", f"+44 {a} {b} {c}", f"0{a} {b} {c}", f"0{d}", f"+44 (0){a} {b} {c}"]
    else:
        a, b, c = d[:3], d[3:6], d[6:]
        forms = [
            f"+1{d}",
            f"({a}) {b}-{c}",
            f"{a}-{b}-{c}",
            f"{a}.{b}.{c}",
            f"+1 {a} {b} {c}",
            f"1-{a}-{b}-{c}",
        ]
    return forms[0] if source == "shopify" and rng.random() < 0.9 else rng.choice(forms)


def _typo(rng: random.Random, word: str) -> str:
    if len(word) < 4:
        return word
    i = rng.randrange(1, len(word) - 2)
    return rng.choice(
        [
            word[:i] + word[i + 1 :],
            word[:i] + word[i + 1] + word[i] + word[i + 2 :],
            word[:i] + word[i] + word[i:],
        ]
    )


# how likely each source garbles: typo, nickname, another mailbox, plus tag, capitals, no email
GARBLE = {
    "hubspot": (0.03, 0.15, 0.25, 0.02, 0.06, 0.06),
    "shopify": (0.01, 0.05, 0.05, 0.04, 0.04, 0.0),
    "stripe": (0.01, 0.04, 0.15, 0.02, 0.03, 0.0),
    "zendesk": (0.02, 0.12, 0.20, 0.01, 0.05, 0.05),
    "loyalty": (0.08, 0.20, 0.20, 0.0, 0.10, 0.35),
}


def _spell(
    rng: random.Random, who: Identity, source: str, created: int, married: int
) -> dict[str, object]:
    """One record of one person as this source's people or forms would have typed it."""
    typo, nick, other, plus, caps, missing = GARBLE[source]
    tags = [t for t in who.tags if t != "married_name"]
    first, last, email = who.first, who.last, who.email
    if who.maiden and created < married:
        last = who.maiden
        tags.append("maiden_name")
    if who.nick != who.first and rng.random() < nick:
        first = who.nick
        tags.append("nickname")
    if rng.random() < typo:
        if rng.random() < 0.5:
            last = _typo(rng, last)
        else:
            first = _typo(rng, first)
        tags.append("typo")
    if rng.random() < caps * 0.6:
        first, last = first.upper(), last.upper()
        tags.append("name_case")
    if source in ("hubspot", "loyalty") and rng.random() < 0.006:
        first, last = last, first
        tags.append("swapped_names")
    if who.email2 and rng.random() < other:
        email = who.email2
        tags.append("other_email")
    if rng.random() < plus:
        email = email.replace("@", rng.choice(["+coffee@", "+shop@", "+hp@"]))
        tags.append("plus_tag")
    if rng.random() < caps:
        local, _, domain = email.partition("@")
        email = rng.choice([email.upper(), f"{local.title()}@{domain}", f" {email}"])
        tags.append("email_case")
    phone = _phone(rng, who, source) if rng.random() < 0.85 or email != who.email else ""
    if phone and rng.random() < missing:
        email = ""
        tags.append("no_email")
    if source in ("hubspot", "loyalty") and rng.random() < 0.012:
        if rng.random() < 0.5:
            email = "test@test.com"
        else:
            phone = rng.choice(["000-0000", "(000) 000-0000"])
        tags.append("placeholder")
    return {
        "source": source,
        "person": who.person,
        "created": created,
        "first": first,
        "last": last,
        "suffix": who.suffix if source in ("hubspot", "loyalty", "shopify") else "",
        "email": email,
        "phone": phone,
        "mobile": _phone(rng, who, source) if source == "hubspot" and rng.random() < 0.2 else "",
        "street": who.street,
        "city": who.city,
        "state": who.state,
        "postal": who.postal,
        "country": who.country,
        "birth": who.birth if source == "loyalty" and rng.random() < 0.7 else "",
        "mess": "|".join(tags),
    }


def _records(rng: random.Random, world: World, people: list[Identity]) -> list[dict[str, object]]:
    persons = world.persons
    buyers, ticketed = set(world.orders["person"].to_list()), {}
    for person, created in (
        world.tickets.group_by("person").agg(pl.col("created").min()).sort("person").iter_rows()
    ):
        ticketed[person] = created
    subscribed = dict(
        world.subscriptions.group_by("person")
        .agg(pl.col("started").min())
        .sort("person")
        .iter_rows()
    )
    rows: list[dict[str, object]] = []
    for who, signup, app in zip(
        people, persons["signup"].to_list(), persons["is_app_user"].to_list(), strict=True
    ):
        person = who.person
        married = signup + rng.randrange(20, 300) * DAY
        moment = signup + rng.randrange(DAY)
        in_shop = app or person in subscribed or rng.random() < (0.88 if person in buyers else 0.35)
        in_crm = not in_shop or rng.random() < 0.6
        chosen = [("shopify", moment)] * in_shop + [
            ("hubspot", moment + rng.randrange(30 * DAY) if in_shop else moment)
        ] * in_crm
        if in_crm and rng.random() < 0.035:
            chosen.append(("hubspot", moment + rng.randrange(20 * DAY, 200 * DAY)))
        if person in subscribed:
            chosen.append(("stripe", subscribed[person]))
        if person in ticketed:
            chosen.append(("zendesk", ticketed[person]))
        if rng.random() < 0.12:
            chosen.append(("loyalty", moment + rng.randrange(60 * DAY)))
        user_id = ""
        for k, (source, created) in enumerate(chosen):
            row = _spell(rng, who, source, created, married)
            if source == "shopify":
                # Each person has a range of ids, so that drawn ones never collide.
                row["id"] = user_id = str(
                    7_210_000_000_000 + person * 32_771 + rng.randrange(32_771)
                )
            elif source == "hubspot":
                row["id"] = str(10_001 + person * 4 + k)
            elif source == "stripe":
                row["id"] = "cus_" + _token(rng, 14)
            elif source == "zendesk":
                row["id"] = str(370_000_000_000 + person * 1009 + rng.randrange(1009))
            else:
                row["id"] = f"L{100_000 + person * 8 + k}"
            shares = {"hubspot": 0.3, "stripe": 0.5, "zendesk": 0.4}.get(source, 0.0)
            row["user_id"] = user_id if rng.random() < shares else ""
            if source == "hubspot" and [s for s, _ in chosen[:k]].count("hubspot"):
                row["mess"] = "|".join(filter(None, [str(row["mess"]), "duplicate_contact"]))
            row["modified"] = created + (rng.randrange(1, 300) * DAY if rng.random() < 0.25 else 0)
            rows.append(row)
    rows.sort(key=lambda r: (str(r["source"]), r["created"], str(r["id"])))
    return [r for r in rows if int(r["created"]) < min(world.t1, int(NEVER))]  # type: ignore[call-overload]


def _token(rng: random.Random, n: int) -> str:
    return "".join(
        rng.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", k=n)
    )
