"""Contact points and names in comparable form."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from customer_intel.core.tables.parameters import room_config
from customer_intel.identity.records import normalise, phones
from customer_intel.testing.lab import NOWHERE

CONFIG: dict[str, Any] = room_config("identity", NOWHERE)


def person(first: str | None = None, last: str | None = None, **more: str) -> dict[str, Any]:
    return {"first_name": first, "last_name": last, **more}


def one(expression: pl.Expr, value: Any) -> Any:
    return pl.DataFrame({"x": [value]}, schema={"x": pl.String}).select(expression).item()


@pytest.mark.parametrize(
    ("raw", "norm", "base"),
    [
        (
            " Anna.Weber+shop@GoogleMail.com ",
            "anna.weber+shop@googlemail.com",
            "annaweber@gmail.com",
        ),
        ("anna.weber+x@web.de", "anna.weber+x@web.de", "anna.weber@web.de"),
        ("+49@x.de", "+49@x.de", "+49@x.de"),
        ("ＡＮＮＡ@x.de", "anna@x.de", "anna@x.de"),
        ("anna@localhost", None, None),
        ("anna weber@x.de", None, None),
        ("a@x.de, b@x.de", None, None),
        ("", None, None),
    ],
)
def test_email(raw: str, norm: str | None, base: str | None) -> None:
    assert one(normalise.email_norm(pl.col("x")), raw) == norm
    assert one(normalise.email_base(normalise.email_norm(pl.col("x")), CONFIG), raw) == base


NUMBERS = [
    ("0171 2345678", "DE", "+491712345678", False),
    ("+49 (0)171 2345678", None, "+491712345678", False),
    ("0049-171-2345678", None, "+491712345678", False),
    ("+49 0171 2345678", None, "+491712345678", False),
    ("030 123456", "DE", "+4930123456", True),
    ("(212) 234-5678", "US", "+12122345678", False),
    ("1 212 234 5678 ext. 12", "US", "+12122345678", False),
    ("1-800-FLOWERS", "US", "+18003569377", False),
    ("11 98765-4321", "BR", "+5511987654321", False),
    ("011 98765-4321", "BR", "+5511987654321", False),
    ("06 1234 5678", "IT", "+390612345678", True),
    ("07911 123456", "GB", "+447911123456", False),
    ("912 345 678", "PT", "+351912345678", False),
    ("030 123456", None, None, False),
    ("12", "DE", None, False),
    ("none", "DE", None, False),
]


def test_phone_numbers_to_e164() -> None:
    raw = pl.DataFrame([row[:2] for row in NUMBERS], schema=["raw", "country_code"], orient="row")
    found = {(r, c): (e, landline) for r, c, e, landline in phones.e164(raw).iter_rows()}
    assert found == {(r, c): (e, landline) for r, c, e, landline in NUMBERS}


def test_the_fast_path_gives_what_the_library_gives() -> None:
    import phonenumbers
    from phonenumbers import PhoneNumberFormat, PhoneNumberType

    rows = []
    for region in (
        "DE",
        "AT",
        "CH",
        "GB",
        "US",
        "CA",
        "FR",
        "ES",
        "PT",
        "IT",
        "NL",
        "BR",
        "MX",
        "AR",
        "SE",
        "PL",
        "AU",
        "IN",
    ):
        for kind in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE):
            number = phonenumbers.example_number_for_type(region, kind)
            assert number is not None
            for form in (
                PhoneNumberFormat.NATIONAL,
                PhoneNumberFormat.INTERNATIONAL,
                PhoneNumberFormat.E164,
            ):
                wanted = phonenumbers.format_number(number, PhoneNumberFormat.E164)
                rows.append((phonenumbers.format_number(number, form), region, wanted))
    raw = pl.DataFrame(rows, schema=["raw", "country_code", "wanted"], orient="row").unique()
    wrong = (
        phones.e164(raw)
        .join(raw, on=["raw", "country_code"])
        .filter(pl.col("e164").ne_missing(pl.col("wanted")))
    )
    assert wrong.is_empty(), wrong


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (
            person("Anna Maria", "Schmidt-Meier"),
            ("anna", "maria", "schmidt-meier", None, "anna", False),
        ),
        (person("Dr. Bob", "O’Neil Jr."), ("bob", None, "o'neil", "jr", "robert", False)),
        # Father and gentleman.
        (person("Rupert", "Reed Sr."), ("rupert", None, "reed", "sr", "rupert", False)),
        (
            person(None, None, full_name="Rupert Reed Sr"),
            ("rupert", None, "reed", "sr", "rupert", False),
        ),
        (
            person(None, None, full_name="Sr. Juan Lopez"),
            ("juan", None, "lopez", None, "juan", False),
        ),
        (person("Anna Schmidt"), ("anna", None, "schmidt", None, "anna", False)),
        (person(None, "Müller"), (None, None, "muller", None, None, False)),
        (
            person(None, None, full_name="Meyer, Karl Heinz"),
            ("karl", "heinz", "meyer", None, "karl", False),
        ),
        (
            person(None, None, full_name="Mr John Q. Smith III"),
            ("john", "q", "smith", "iii", "john", False),
        ),
        (
            person("Juán", "Ñandú López", middle_name="P.", suffix="Sr."),
            ("juan", "p", "nandu lopez", "sr", "juan", False),
        ),
        (person(None, None, full_name="Acme GmbH"), (None, None, None, None, None, True)),
        (person("Test", "User"), (None, None, None, None, None, False)),
        (person("Guest", "12345"), (None, None, None, None, None, False)),
    ],
)
def test_names(columns: dict[str, Any], expected: tuple[Any, ...]) -> None:
    parts = ["first_name", "middle_name", "last_name", "suffix", "full_name"]
    frame = pl.DataFrame(
        {part: [columns.get(part)] for part in parts}, schema=dict.fromkeys(parts, pl.String)
    )
    added = [
        "first_name_norm",
        "middle_name_norm",
        "last_name_norm",
        "suffix_norm",
        "nickname_root",
        "is_organisation",
    ]
    assert normalise.names(frame, CONFIG).select(added).row(0) == expected


def test_countries_companies_and_addresses() -> None:
    codes = {
        "Germany": "DE",
        "de": "DE",
        "Österreich": "AT",
        "uk": "GB",
        "Brasil": "BR",
        "NO": "NO",
        "Atlantis": None,
    }
    assert {raw: one(normalise.country_code(pl.col("x"), CONFIG), raw) for raw in codes} == codes
    firms = {"Acme GmbH & Co. KG": "acme", "Foo S.A.": "foo", "Bar, Inc.": "bar", "Baz": "baz"}
    assert {raw: one(normalise.company_norm(pl.col("x"), CONFIG), raw) for raw in firms} == firms
    key = normalise.address_key(pl.col("x"), pl.lit("10115"), pl.lit("Berlin"))
    assert one(key, "Hauptstraße 5") == one(key, "Hauptstr. 5") == one(key, "HAUPTSTRASSE  5")


def test_an_empty_lake_gives_empty_tables() -> None:
    from customer_intel_tests.unit.identity_lab import Lab

    tables = Lab().night().tables
    # Only the model, which is as shipped until there are records.
    assert [name for name in tables if not tables[name].is_empty()] == ["match_model"]
