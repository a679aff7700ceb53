"""Small homes of one kind each, and what is right: who is one, who is not, who is asked about; no test.

Belongs here: literal rows. Not here: running them (test_cases_of_a_kind.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from customer_intel_tests.unit.identity_lab import Row, person

# What is right: all records are one customer; each is its own; each its own and listed for review; one or listed.
ONE, TWO, ASK, SEEN = "one", "two", "ask", "seen"


@dataclass(frozen=True)
class Case:
    """`nights`: the records of each night (a record that is named again replaces the one before)."""

    kind: str
    name: str
    wanted: str
    nights: tuple[dict[str, Row], ...]


def _two(a: Row, b: Row) -> tuple[dict[str, Row], ...]:
    return ({"crm:1": a, "shop:2": b},)


def _all(*rows: Row) -> tuple[dict[str, Row], ...]:
    return ({f"shop:{n:02d}": row for n, row in enumerate(rows)},)


def _placeholders() -> Iterator[Case]:
    """Two people of one first name, in two towns; what they share is what a form or a clerk fills in."""
    emails = (
        "na@na.com", "noemail@shop.example", "notgiven@gmail.com", "declined@store.example", "walkin@pos.example",
        "kein@email.de", "keineemail@web.de", "laufkunde@laden.de", "notiene@hotmail.com", "sincorreo@sincorreo.es",
        "pasdemail@orange.fr", "inconnu@inconnu.fr", "nessuna@email.it", "naotem@uol.com.br", "geenemail@kpn.nl",
        "brak@brak.pl", "12345@gmail.com", "1111@web.de", "asdf@asdf.com", "x@x.com", "keine.angabe@firma.de",
        "customer@refused.com", "no.email@provided.com", "nichtvorhanden@t-online.de", "noquiere@yahoo.es",
    )  # fmt: skip
    for email in emails:
        rows = (
            person("Maria", "Lopez", email, city="Sevilla", country="ES"),
            person("Maria", "Schmidt", email, city="Kiel", country="DE"),
        )
        yield Case("placeholder email", email, TWO, _all(*rows))
    for phone in (
        "+49 171 1111111",
        "0000000000",
        "+1 555 555 5555",
        "123456789",
        "+49 123 456789",
        "99999999",
    ):
        rows = (
            person("Maria", "Lopez", None, phone=phone, city="Ulm", country="DE"),
            person("Maria", "Schmidt", None, phone=phone, city="Kiel", country="DE"),
        )
        yield Case("placeholder phone", phone, TWO, _all(*rows))


def _mobiles(count: int, start: int = 23_400_000) -> list[str]:
    return [f"+49 151 {start + n * 137}" for n in range(count)]


_NAMES = (
    ("Anna", "Berg"), ("Boris", "Kuhn"), ("Carla", "Stein"), ("Dieter", "Maus"), ("Emil", "Vogel"), ("Frida", "Lang"),
    ("Georg", "Haas"), ("Hanna", "Wolff"), ("Igor", "Seidel"), ("Jana", "Busch"), ("Karl", "Otto"), ("Lena", "Pohl"),
)  # fmt: skip


def _tills() -> Iterator[Case]:
    """Guests of a shop, whose cashier types what the shop has."""
    for email in (
        "guest@shop.example",
        "kasse@markt.de",
        "pos1@store.com",
        "markt.sued@gmx.de",
        "bestellung@laden.de",
    ):
        rows = [person(None, None, email, mobile_phone=phone) for phone in _mobiles(12)]
        yield Case("till", f"twelve phones behind {email}", TWO, _all(*rows))
    rows = [person(None, None, f"{chr(97 + n) * 2}.{chr(110 - n)}urm@p{n}.example", mobile_phone=_mobiles(1)[0])
            for n in range(12)]  # fmt: skip
    yield Case("till", "twelve mailboxes behind a mobile", TWO, _all(*rows))
    rows = [person(first, last, "laden.nord@gmx.de") for first, last in _NAMES[:6]]
    yield Case("till", "six names behind a mailbox", TWO, _all(*rows))
    rows = [person(first, last, None, mobile_phone=_mobiles(1)[0]) for first, last in _NAMES]
    yield Case("till", "twelve names behind a mobile", TWO, _all(*rows))
    rows = [
        person(None, None, None, external_user_id="kiosk-3", phone=phone) for phone in _mobiles(12)
    ]
    yield Case("till", "twelve phones behind a login", TWO, _all(*rows))
    rows = [person(first if n % 2 else None, last if n % 2 else None, "verkauf.mitte@gmx.de", mobile_phone=phone)
            for n, ((first, last), phone) in enumerate(zip(_NAMES, _mobiles(12), strict=True))]  # fmt: skip
    yield Case("till", "half of them named", TWO, _all(*rows))
    rows = [
        person("Gast", None, "theke@bistro.example", mobile_phone=phone) for phone in _mobiles(12)
    ]
    yield Case("till", "all called Gast", TWO, _all(*rows))
    rows = [
        person(None, "Kunde", "theke@bistro.example", mobile_phone=phone) for phone in _mobiles(12)
    ]
    yield Case("till", "all called Kunde", TWO, _all(*rows))


def _switchboards() -> Iterator[Case]:
    """Colleagues with one number and mailboxes of their own at one company."""
    boards = {
        "US": "+1 312 736 5000",
        "GB": "+44 20 7946 1200",
        "DE": "+49 30 901820",
        "FR": "+33 1 42 68 53 00",
    }
    for country, phone in boards.items():
        rows = [person(None, None, f"{name}@acme-corp.example", phone=phone, country=country)
                for name in ("adams", "baker", "clark")]  # fmt: skip
        yield Case("switchboard", f"three nameless, {country}", TWO, _all(*rows))
    us = {"phone": boards["US"], "country": "US"}
    for locals_ in (("adams", "baker"), ("jadams", "rbaker"), ("j.adams", "r.baker"),
                    ("joe.adams", "ruth.baker"), ("ja", "rb"), ("joe", "ruth"),
                    ("adams.joe", "baker.ruth"), ("joe_adams", "ruth_baker")):  # fmt: skip
        rows = [person(None, None, f"{local}@acme-corp.example", **us) for local in locals_]
        yield Case("switchboard", f"two nameless: {' '.join(locals_)}", TWO, _all(*rows))
    rows = [
        person("Joe", "Adams", "adams@acme-corp.example", **us),
        person(None, None, "baker@acme-corp.example", **us),
    ]
    yield Case("switchboard", "one named, one not", TWO, _all(*rows))
    rows = [person(None, None, f"{name}@acme-corp.example", mobile_phone=boards["US"], country="US")
            for name in ("adams", "baker", "clark")]  # fmt: skip
    yield Case("switchboard", "typed as a mobile", TWO, _all(*rows))
    rows = [person("Joe", "Adams", "joe.adams@acme-corp.example", **us),
            person("Joe", "Baker", "joe.baker@acme-corp.example", **us)]  # fmt: skip
    yield Case("switchboard", "two of one first name", TWO, _all(*rows))


def _other_last_names() -> Iterator[Case]:
    """One first name, two last names, and nothing but a phone in common."""
    mobile = "+49 171 2000201"
    kiel = {"city": "Kiel", "postal_code": "24103", "country": "DE"}
    munich = {"city": "München", "postal_code": "80331", "country": "DE"}
    names = (
        ("Tom", "Wagner", "Richter"), ("Anna", "Berg", "Horn"), ("Maria", "Lopez", "Silva"),
        ("Peter", "Novak", "Svoboda"), ("John", "Miller", "Carter"), ("Sofia", "Rossi", "Conti"),
        ("Paul", "Martin", "Dubois"), ("Eva", "Lind", "Holm"),
    )  # fmt: skip
    for first, one, other in names:
        a = person(first, one, f"{first}.{one}@web.de".lower(), mobile_phone=mobile, **kiel)
        b = person(first, other, f"{first}.{other}@gmx.de".lower(), mobile_phone=mobile, **munich)
        yield Case("same first, other last", f"{first} {one}, {other}", ASK, _two(a, b))
    bare = [person("Tom", last, None, mobile_phone=mobile) for last in ("Wagner", "Richter")]
    yield Case("same first, other last", "nothing but names and phone", ASK, _two(*bare))
    landline = [
        person("Tom", last, f"{last}@web.de".lower(), phone="+49 431 880123")
        for last in ("Wagner", "Richter")
    ]
    yield Case("same first, other last", "a landline", TWO, _two(*landline))
    towns = [
        person("Tom", last, f"{last}@web.de".lower(), mobile_phone=mobile, **kiel)
        for last in ("Wagner", "Richter")
    ]
    yield Case("same first, other last", "one town", TWO, _two(*towns))
    born = [person("Tom", last, None, mobile_phone=mobile, birth_date=day)
            for last, day in (("Wagner", date(1955, 1, 15)), ("Richter", date(1991, 8, 2)))]  # fmt: skip
    yield Case("same first, other last", "other births", TWO, _two(*born))
    same_born = [person("Tom", last, None, mobile_phone=mobile, birth_date=date(1955, 1, 15))
                 for last in ("Wagner", "Richter")]  # fmt: skip
    yield Case("same first, other last", "a birth date witnesses", ONE, _two(*same_born))


def _twins() -> Iterator[Case]:
    """First names that look alike, each a name of its own, born on one day under one roof."""
    home = {
        "phone": "+49 221 555010",
        "street": "Ringstr. 12",
        "city": "Köln",
        "postal_code": "50667",
        "country": "DE",
    }
    pairs = (
        "Maria Marie", "Anna Anne", "Julia Julian", "Erik Erika", "Jan Jana", "Christian Christina", "Marco Mario",
        "Tim Tom", "Luca Lucas", "Daniel Daniela", "Paul Paula", "Eric Erin", "Lena Lina", "Mia Mira", "Hanna Johanna",
    )  # fmt: skip
    for pair in pairs:
        rows = [person(first, "Braun", "fam.braun@web.de", birth_date=date(2004, 5, 6), **home)
                for first in pair.split()]  # fmt: skip
        yield Case("similar first names", pair, TWO, _all(*rows))
    rows = [person(first, "Braun", "fam.braun@web.de") for first in ("Maria", "Marie")]
    yield Case("similar first names", "Maria Marie, mailbox alone", TWO, _two(*rows))
    slip = [person(first, "Braun", "maria.braun@web.de", **home) for first in ("Maria", "Mraia")]
    yield Case("similar first names", "a slip", ONE, _two(*slip))


def _generations() -> Iterator[Case]:
    """Parent and child of one name."""
    mail, mobile = "hills@mail.example", "+49 171 2000201"
    home = {"street": "Ringstr. 12", "city": "Köln", "postal_code": "50667", "country": "DE"}

    def both(a: date | None, b: date | None, **more: Any) -> tuple[dict[str, Row], ...]:
        return _all(*(person("John", "Hillman", birth_date=day) | more for day in (a, b)))

    for years, day in (
        (30, (3, 3)),
        (20, (3, 3)),
        (25, (3, 3)),
        (18, (3, 3)),
        (40, (3, 3)),
        (30, (7, 19)),
        (22, (12, 1)),
    ):
        yield Case("births a generation apart", f"{years} years, mailbox, {day}", TWO,
                   both(date(1950, 3, 3), date(1950 + years, *day), email=mail))  # fmt: skip
    old, young = date(1950, 3, 3), date(1980, 3, 3)
    yield Case("births a generation apart", "mobile", TWO, both(old, young, mobile_phone=mobile))
    yield Case("births a generation apart", "roof", TWO, both(old, young, **home))
    yield Case(
        "births a generation apart",
        "mailbox and mobile",
        TWO,
        both(old, young, email=mail, mobile_phone=mobile),
    )
    yield Case(
        "births a generation apart", "mailbox and roof", TWO, both(old, young, email=mail, **home)
    )
    yield Case("births a generation apart", "mailbox, mobile, roof", TWO,
               both(old, young, email=mail, mobile_phone=mobile, **home))  # fmt: skip
    for suffix in ("Jr", "Jr.", "II", "Sr."):
        rows = (person("John", "Hillman", mail, suffix=suffix), person("John", "Hillman", mail))
        yield Case("births a generation apart", f"{suffix} on one side", ASK, _two(*rows))
    rows = (person("John", "Hillman Jr", mail, **home), person("John", "Hillman", mail, **home))
    yield Case("births a generation apart", "Jr in the last name, one roof", TWO, _two(*rows))
    yield Case("births a generation apart", "a slip in the decade's neighbour", ONE,
               both(date(1950, 3, 3), date(1951, 3, 3), email=mail))  # fmt: skip


def _scripts() -> Iterator[Case]:
    """One mailbox, one name in two scripts."""
    names = (
        ("Сергей", "Иванов", "Sergey", "Ivanov"), ("Ольга", "Петрова", "Olga", "Petrova"),
        ("Юлия", "Щербакова", "Yulia", "Shcherbakova"), ("Екатерина", "Волкова", "Ekaterina", "Volkova"),
        ("Γιώργος", "Παπαδόπουλος", "Giorgos", "Papadopoulos"), ("Ελένη", "Νικολάου", "Eleni", "Nikolaou"),
        ("محمد", "حسن", "Mohammed", "Hassan"), ("فاطمة", "علي", "Fatima", "Ali"),
        ("דוד", "כהן", "David", "Cohen"), ("שרה", "לוי", "Sarah", "Levi"),
        ("伟", "王", "Wei", "Wang"), ("小明", "李", "Xiaoming", "Li"),
        ("たろう", "たなか", "Taro", "Tanaka"), ("ハナコ", "スズキ", "Hanako", "Suzuki"),
        ("太郎", "田中", "Taro", "Tanaka"),
        ("민수", "김", "Minsu", "Kim"), ("지영", "박", "Jiyoung", "Park"), ("Ђорђе", "Петровић", "Đorđe", "Petrović"),
    )  # fmt: skip
    for first, last, latin, latin_last in names:
        rows = person(first, last, "c1@mail.example"), person(latin, latin_last, "c1@mail.example")
        yield Case("other script", f"{latin} {latin_last}, {first}", ONE, _two(*rows))
    others = (
        ("Анна", "Иванова", "Boris", "Ivanov"), ("Νίκος", "Νικολάου", "Eleni", "Nikolaou"),
        ("דוד", "כהן", "Rachel", "Cohen"),
        ("민수", "김", "Jiyoung", "Kim"), ("محمد", "حسن", "Fatima", "Hassan"), ("伟", "王", "Fang", "Wang"),
    )  # fmt: skip
    for first, last, latin, latin_last in others:
        rows = person(first, last, "c1@mail.example"), person(latin, latin_last, "c1@mail.example")
        yield Case("other script", f"two people: {latin} {latin_last}, {first}", TWO, _two(*rows))


def _changes() -> Iterator[Case]:
    """One person by one value in the first night; in the second one system has another."""
    old, new = "+49 171 2000001", "+49 171 2999999"
    crm = person("Anna", "Keller", "familie.keller@web.de", mobile_phone=old, country="DE")
    born = {"birth_date": date(1979, 4, 2)}

    def then(a: Row, b: Row, *later: dict[str, Row]) -> tuple[dict[str, Row], ...]:
        return ({"crm:1": a, "shop:2": b}, *later)

    def shop(email: str | None, phone: str | None, last: str = "Keller", **more: Any) -> Row:
        return person("Anna", last, email, mobile_phone=phone, country="DE", **more)

    yield Case("changed values", "phone in the shop", ONE,
               then(crm | born, shop("anna.k@posteo.de", old), {"shop:2": shop("anna.k@posteo.de", new)}))  # fmt: skip
    yield Case("changed values", "phone in the CRM", ONE,
               then(crm, shop("anna.k@posteo.de", old), {"crm:1": crm | {"mobile_phone": new}}))  # fmt: skip
    yield Case("changed values", "email in the shop", ONE,
               then(crm, shop("familie.keller@web.de", None), {"shop:2": shop("anna.k@posteo.de", None)}))  # fmt: skip
    yield Case("changed values", "email gone", ONE,
               then(crm, shop("familie.keller@web.de", None), {"shop:2": shop(None, new)}))  # fmt: skip
    yield Case("changed values", "phone gone", ONE,
               then(crm, shop("anna.k@posteo.de", old), {"shop:2": shop("anna.k@posteo.de", None)}))  # fmt: skip
    yield Case("changed values", "phone, then email", ONE,
               then(crm, shop("familie.keller@web.de", old), {"shop:2": shop("familie.keller@web.de", new)},
                    {"shop:2": shop("anna.k@posteo.de", new)}))  # fmt: skip
    yield Case("changed values", "both at once", ONE,
               then(crm, shop("familie.keller@web.de", old), {"shop:2": shop("anna.k@posteo.de", new)}))  # fmt: skip
    yield Case("changed values", "one side, then the other", ONE,
               then(crm, shop("anna.k@posteo.de", old), {"shop:2": shop("anna.k@posteo.de", new)},
                    {"crm:1": crm | {"mobile_phone": "+49 171 2777777"}}))  # fmt: skip
    yield Case("changed values", "last name by marriage, phone kept", ONE,
               then(crm, shop("familie.keller@web.de", old),
                    {"shop:2": shop("familie.keller@web.de", old, "Horn")}))  # fmt: skip
    yield Case("changed values", "last name by marriage, and the mailbox", ONE,
               then(crm, shop("familie.keller@web.de", old), {"shop:2": shop("anna.horn@web.de", old, "Horn", **born)},
                    {"crm:1": crm | born}))  # fmt: skip
    yield Case("changed values", "nobody's name: mailbox of a nameless record", ONE,
               then(crm, person(None, None, "familie.keller@web.de"),
                    {"crm:1": crm | {"email": "anna.k@posteo.de"}}))  # fmt: skip
    yield Case("changed values", "recycled: given up, then another's", TWO,
               ({"crm:1": crm}, {"crm:1": crm | {"mobile_phone": new}},
                {"shop:2": person("Kurt", "Hahn", "kurt@posteo.de", mobile_phone=old)}))  # fmt: skip
    yield Case("changed values", "recycled by a namesake of first name", TWO,
               ({"crm:1": crm}, {"crm:1": crm | {"mobile_phone": new}},
                {"shop:2": person("Anna", "Hahn", "anna.hahn@posteo.de", mobile_phone=old)}))  # fmt: skip


def _typos() -> Iterator[Case]:
    """One person of one postcode; the mailbox mistyped. At least a person should see it."""
    home = {"city": "Kiel", "postal_code": "24103", "country": "DE"}
    good = person("Anna", "Lindqvist", "anna.lindqvist@gmail.com", **home)
    for email in ("anna.lindqvist@gmial.com", "anna.lindqvist@gmail.con", "anna.lindqvist@gmail.co",
                  "anna.lindqist@gmail.com", "ana.lindqvist@gmail.com", "anna.lindqvist@gamil.com",
                  "anna.lindqivst@gmail.com", "anna.lindqvist@hotmail.com", "annalindqvist@web.de"):  # fmt: skip
        yield Case(
            "typo in a small home",
            email,
            SEEN,
            _two(good, person("Anna", "Lindqvist", email, **home)),
        )
    for first, last in (
        ("Anna", "Lindquist"),
        ("Ana", "Lindqvist"),
        ("Anna", "Lindqist"),
        ("Anan", "Lindqvist"),
    ):
        row = person(first, last, "anna.lindqvist@gmail.com")
        yield Case("typo in a small home", f"{first} {last}, mailbox", ONE, _two(good, row))
    mobile = {"mobile_phone": "+49 171 2000201"}
    row = person("Anna", "Lindquist", None, mobile_phone="+49 171 2000210", **home)
    yield Case("typo in a small home", "a digit of the phone", SEEN, _two(good | mobile, row))
    row = person("Anna", "Lindquist", None, birth_date=date(1979, 4, 12), **home)
    yield Case(
        "typo in a small home",
        "a digit of the birth date",
        SEEN,
        _two(good | {"birth_date": date(1979, 4, 2)}, row),
    )
    row = person("Anna", "Lindqvist", "anna.lindqvist@gmial.com")
    yield Case(
        "typo in a small home",
        "no home known",
        SEEN,
        _two(person("Anna", "Lindqvist", "anna.lindqvist@gmail.com"), row),
    )


def _mailbox_bases() -> Iterator[Case]:
    """One mailbox written in several ways, by a record with a name and one without."""
    ways = (
        ("kate.finchley@gmail.com", "katefinchley+news@gmail.com"),
        ("kate.finchley@gmail.com", "katefinchley@gmail.com"),
        ("kate.finchley@gmail.com", "k.ate.finchley@googlemail.com"),
        ("kate.finchley@gmail.com", "KATE.FINCHLEY@GMAIL.COM"),
        ("kate@outlook.com", "kate+shop@outlook.com"), ("kate@icloud.com", "kate+a@icloud.com"),
        ("kate.finchley@fastmail.com", "kate.finchley+x@fastmail.com"), ("kate@proton.me", "kate+x@proton.me"),
        ("kate+a@gmail.com", "kate+b@gmail.com"), ("kate@firm.example", "kate+billing@firm.example"),
    )  # fmt: skip
    for a, b in ways:
        yield Case(
            "mailbox base",
            f"{a}, {b}",
            ONE,
            _two(person("Kate", "Finchley", a), person(None, None, b)),
        )
    rows = (
        person("Kate", "Finchley", "kate.finchley@web.de"),
        person(None, None, "katefinchley@web.de"),
    )
    yield Case("mailbox base", "dots count elsewhere", TWO, _two(*rows))
    three = [person("Kate", "Finchley", "kate.finchley@gmail.com"), person(None, None, "katefinchley+a@gmail.com"),
             person(None, None, "katefinchley+b@gmail.com")]  # fmt: skip
    yield Case("mailbox base", "two nameless", ONE, _all(*three))
    rows = (
        person("Kate", "Finchley", "katefinchley+a@gmail.com"),
        person("Paul", "Finchley", "katefinchley+b@gmail.com"),
    )
    yield Case("mailbox base", "two first names behind tags", TWO, _two(*rows))


def _codes() -> Iterator[Case]:
    """Names that were made unreadable, as in a test system or a pseudonymised export: the digits tell people apart."""
    many = [
        person(f"F{2917 + 7 * n}", f"L{41514 - 13 * n}", f"user{977 * n}@mail{n}.example", city=f"City{n}",
               postal_code=str(10_000 + 977 * n), street="Street 0", phone=f"+49 30 00000{n:03d}", country="DE")
        for n in range(40)
    ]  # fmt: skip
    yield Case("coded name", "one street and number in forty towns", TWO, _all(*many))
    rows = [
        person(code, code, f"{n}@shop.example", city="Bonn", postal_code="53111", street="Ring 4")
        for n, code in enumerate(("a3f91c", "a3f92c", "b7710d", "b7711d"))
    ]
    yield Case("coded name", "hashes under one roof", TWO, _all(*rows))
    rows = [
        person("User", str(12 + n), phone="+49 171 2345678", city="Bonn", postal_code="53111")
        for n in range(2)
    ]
    yield Case("coded name", "numbered users with one phone", TWO, _two(*rows))
    same = person("F2917", "L41514", "user1@mail.example", city="Bonn", postal_code="53111")
    yield Case("coded name", "one code twice", ONE, _two(same, same))


CASES = [
    case
    for kind in (
        _placeholders, _tills, _switchboards, _other_last_names, _twins, _generations, _scripts, _changes, _typos,
        _mailbox_bases, _codes,
    )
    for case in kind()
]  # fmt: skip
