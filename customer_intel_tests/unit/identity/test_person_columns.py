"""What the columns of any list of people are: by name in seven languages, by value, and what is left."""

from __future__ import annotations

import random
from collections.abc import Callable

import polars as pl
import pytest

from customer_intel.core.contract import load as contract
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.identity.records.person_columns import (
    FIELDS,
    PersonColumns,
    Unused,
    guessed,
    mapped,
)

ROWS = 120
FIRSTS = ["Anna", "Ben", "Carla", "Dirk", "Eva", "Finn", "Greta", "Hugo", "Ines", "Jan", "Klara"]
LASTS = ["Meyer", "Garcia", "Silva", "Dupont", "Rossi", "Jansen", "Weber", "Costa", "Moreau"]
TOWNS = ["Ulm", "Bonn", "Kiel", "Hof", "Trier", "Celle", "Jena"]
Make = Callable[[random.Random], str]


def _born(form: str) -> Make:
    def made(rng: random.Random) -> str:
        year, month, day = rng.randint(1935, 2004), rng.randint(1, 12), rng.randint(1, 28)
        return form.format(y=year, m=month, d=day, yy=year % 100)

    return made


def _words(*listed: str) -> Make:
    return lambda rng: rng.choice(listed)


def _digits(form: str) -> Make:
    """Each # is a digit, the first of them no 0."""

    def made(rng: random.Random) -> str:
        text, first = "", True
        for sign in form:
            text += str(rng.randint(int(first), 9)) if sign == "#" else sign
            first = first and sign != "#"
        return text

    return made


def _whole(rng: random.Random) -> str:
    return f"{rng.choice(FIRSTS)} {rng.choice(LASTS)}"


def _mail(rng: random.Random) -> str:
    return f"{rng.choice(FIRSTS)}{rng.randint(1, 999)}@post.example".lower()


FIRST, LAST, TOWN = _words(*FIRSTS), _words(*LASTS), _words(*TOWNS)
KINDS: dict[str, Make] = {
    "first": FIRST, "last": LAST, "town": TOWN, "whole": _whole, "mail": _mail, "tel": _digits("+49 17# #######"),
    "street": _words("Main Street", "Oak Road", "Mill Lane"), "line": _digits("Ringstr. ##"),
    "job": _words("clerk", "baker", "priest"),
}  # fmt: skip


def _maker(kind: str) -> Make:
    """One of KINDS, a date ({y}), digits (#), or words between slashes."""
    if kind in KINDS:
        return KINDS[kind]
    return (
        _born(kind) if "{" in kind else _digits(kind) if "#" in kind else _words(*kind.split("/"))
    )


def people(**columns: Make) -> pl.DataFrame:
    rng = random.Random(7)
    return pl.DataFrame({name: [make(rng) for _ in range(ROWS)] for name, make in columns.items()})


# Header | values | column of contacts that they fill.
LANGUAGES = {
    "en": """
        First Name | first | first_name; Surname | last | last_name; DOB | {m}/{d}/{y} | birth_date; Sex | M/F | gender;
        House No | ## | house_number; Street Name | street | street; Address Line 2 | Rear/c o Lee | street_2;
        Apt # | 1a/2b | unit; Area Code | ### | phone; Phone | 555-#### | phone; Zip | ##### | postal_code;
        Town | town | city; Occupation | job | job_title; Place of Birth | town | birth_place;
        SSN | ###-##-#### | id_number; Created At | {y}-{m:02}-{d:02} | ; Mother First Name | first |""",
    "de": """
        Vorname | first | first_name; Name | last | last_name; Geburtsdatum | {d:02}.{m:02}.{y} | birth_date;
        Anrede | Herr/Frau | gender; Straße | street | street; Hausnr. | ## | house_number;
        Adresszusatz | Hinterhaus/2. OG | street_2; PLZ | ##### | postal_code; Ort | town | city; E-Mail | mail | email;
        Vorwahl | 0## | phone; Telefon | ###### | phone; Geburtsort | town | birth_place; Beruf | job | job_title;
        Firma | Meyer GmbH/Haas KG | company_name; Familienstand | ledig/verh. |""",
    "es": """
        Nombre | first | first_name; Apellido 1 | last | last_name; Apellido 2 | last | last_name;
        Fecha de nacimiento | {d:02}/{m:02}/{y} | birth_date; Sexo | H/M | gender; DNI | ########X | id_number;
        Dirección | line | street; Código Postal | ##### | postal_code; Localidad | town | city;
        Provincia | town | state; Correo electrónico | mail | email; Móvil | tel | mobile_phone; Teléfono | tel | phone;
        Lugar de nacimiento | town | birth_place; Profesión | job | job_title""",
    "pt": """
        Nome | first | first_name; Apelido | last | last_name; Data de Nascimento | {d:02}-{m:02}-{y} | birth_date;
        Género | Masculino/Feminino | gender; CPF | ###.###.###-## | id_number; Morada | line | street;
        Código Postal | ####-### | postal_code; Localidade | town | city; Telemóvel | tel | mobile_phone;
        Naturalidade | town | birth_place""",
    "fr": """
        Nom | last | last_name; Prénom | first | first_name; Né(e) le | {d:02}/{m:02}/{y} | birth_date;
        Civilité | M./Mme | gender; Adresse | line | street; Complément d'adresse | Bât A/Esc 2 | street_2;
        Code postal | ##### | postal_code; Ville | town | city; Courriel | mail | email; Téléphone | tel | phone;
        Lieu de naissance | town | birth_place; Numéro de sécurité sociale | 1############ | id_number""",
    "it": """
        Nome | first | first_name; Cognome | last | last_name; Data di nascita | {d:02}/{m:02}/{y} | birth_date;
        Sesso | M/F | gender; Codice fiscale | MYRNNA##A##H###X | id_number; Via | street | street;
        N. civico | ## | house_number; CAP | ##### | postal_code; Comune | town | city;
        Luogo di nascita | town | birth_place; Cellulare | tel | mobile_phone""",
    "nl": """
        Voornaam | first | first_name; Achternaam | last | last_name; Geboortedatum | {d:02}-{m:02}-{y} | birth_date;
        Geslacht | M/V | gender; Straat | street | street; Huisnummer | ## | house_number; Toevoeging | a/b | unit;
        Postcode | #### AB | postal_code; Woonplaats | town | city; BSN | ######### | id_number;
        Mobiel | tel | mobile_phone; Beroep | job | job_title""",
    "values alone": """
        c1 | first | ; c3 | {y}/{m:02}/{d:02} | birth_date; c4 | M/F | gender; c5 | mail | email; c6 | tel | phone;
        c7 | SW# #AB | postal_code; c8 | line | street; c9 | ###-##-#### | id_number;
        signup_date | {y}-{m:02}-{d:02} | ; emergency phone | tel | ; emergency mail | mail |""",
    "voters": """
        midl_name | A/B | middle_name; last_name | last | last_name; first_name | first | first_name;
        name_sufx_cd | JR/III | suffix; house_num | ## | house_number; street_dir | N/S | street;
        street_name | MAIN/OAK | street; street_type_cd | ST/RD | street; unit_num | ## | unit;
        res_city_desc | town | city; state_cd | NC/VA | state; zip_code | ##### | postal_code;
        area_cd | 919/704 | phone; mail_addr_po_box | ## | street; phone_num | ####### | phone; 
        sex_code | M/F/U | gender; age | ## | ; race_code | W/B |""",
    "shop": """
        Name | whole | full_name; Site Name | Branch North/Cafe Rue | company_name; Email 1 | mail | email;
        Email 2 | mail | secondary_email; Mobile | tel | mobile_phone; Phone | tel | phone; Fax | tel | ;
        Title | Mr/Mrs | gender; Birth Year | 19##.0 | birth_date; Birth Month | Jan/März | birth_date;
        Birth Day | 3/28 | birth_date""",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_columns_are_found_by_name_and_value(language: str) -> None:
    lines = [line.split("|") for line in LANGUAGES[language].split(";")]
    told = {header.strip(): (kind.strip(), to.strip()) for header, kind, to in lines}
    found = guessed(people(**{header: _maker(kind) for header, (kind, _) in told.items()}))
    of = {
        header: next((to for to, sql in found.mapping.items() if f'"{header}"' in sql), "")
        for header in told
    }
    assert of == {header: to for header, (_, to) in told.items()}
    assert {item.column for item in found.unused} == {header for header in told if not of[header]}
    columns = {column.name for column in contract.load().entities["contacts"].columns}
    assert set(found.mapping) <= columns


def test_a_key_is_a_column_of_ids_that_names_each_row_once() -> None:
    frame = people(vorname=FIRST, name=LAST).with_row_index("Kundennummer", offset=500)
    assert guessed(frame).key == "Kundennummer"
    twice = frame.with_columns(pl.col("Kundennummer") // 2)
    assert guessed(twice).key is None
    # A person's id that comes again tells who a record is: never a feature.
    assert "Kundennummer" not in " ".join(guessed(twice).mapping.values())


def test_what_says_who_a_record_is_must_be_left_out() -> None:
    frame = people(first_name=FIRST, last_name=LAST, truth=_digits("#########"))
    assert guessed(frame, ["truth"]).unused == ()


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"name": _whole, "surname": LAST}, {"first_name": "name"}),
        ({"name": _whole}, {"full_name": "name"}),
        ({"nom": LAST, "prenom": FIRST}, {"last_name": "nom", "first_name": "prenom"}),
        ({"nombre": FIRST, "apellidos": LAST}, {"first_name": "nombre", "last_name": "apellidos"}),
        ({"naam": LAST, "voornaam": FIRST}, {"last_name": "naam", "first_name": "voornaam"}),
        ({"nome": FIRST}, {"full_name": "nome"}),
    ],
)
def test_a_name_is_the_part_that_stands_nowhere_else(
    columns: dict[str, Make], expected: dict[str, str]
) -> None:
    found = guessed(people(**columns)).roles
    assert {role: found.get(role) for role in expected} == expected


def _named(*rows: tuple[str | None, str | None, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["first_name", "last_name", "full_name"], orient="row")


def test_a_whole_name_beside_its_parts_stands_in_where_they_are_missing() -> None:
    frame = _named(("Ann", "Lee", "Dr. Ann Lee"), (None, None, "Bo Ray"), ("Cy", "Fox", "Cy Fox"))
    found = guessed(frame)
    assert found.roles == {
        "first_name": "first_name", "last_name": "last_name", "full_name": "full_name",
    }  # fmt: skip
    both = frame.with_columns(first_and_surname=pl.Series(["Ann Lee", "Bo Ray", "Cy Fox"]))
    again = guessed(both)
    # The one with nothing added; the other is said.
    assert again.roles["full_name"] == "first_and_surname"
    assert [item.column for item in again.unused] == ["full_name"]


def test_words_for_nothing_are_nulls_where_no_name_could_be_meant() -> None:
    dates = ["1980-05-17", "nan", "1990-01-31"] * 9
    frame = pl.DataFrame({"first_name": ["Ann", "nan", "Bo"] * 9, "dob": dates})
    assert guessed(frame).nulls == ("nan",)
    only_names = pl.DataFrame(
        {"first_name": ["Ann", "nan", "Bo"], "full_name": ["Ann", "nan", "B"]}
    )
    assert guessed(only_names).nulls == ()


def test_what_was_not_used_is_said_with_what_it_would_have_brought() -> None:
    frame = people(
        first_name=FIRST,
        last_name=LAST,
        email=_mail,
        colour=_words("red", "blue"),
        badge=_digits("###"),
    )
    frame = frame.with_columns(
        again=pl.col("email").str.to_uppercase(), system=pl.lit("crm"), source=pl.Series(["a", "b"] * (ROWS // 2)),
        row=pl.int_range(ROWS).cast(pl.String), note=pl.lit(None, pl.String),
        nickname=pl.Series([f"n{n // 2}" for n in range(ROWS)]),
    ).with_columns(badge=pl.when(pl.int_range(ROWS) % 2 == 0).then("badge"))  # fmt: skip
    found = {item.column: item for item in guessed(frame).unused}
    assert guessed(frame).key == "row"
    assert {name: item.brings for name, item in found.items()} == {
        "colour": "says little", "badge": "says little", "again": "same as email", "system": "says little",
        "source": "says little", "note": "says little", "nickname": "says little",
    }  # fmt: skip
    assert found["source"].looks_like.startswith("names of systems")
    assert found["badge"].filled == 0.5
    assert (found["note"].looks_like, found["system"].looks_like) == (
        "nothing", "one value in every row",
    )  # fmt: skip


def test_what_looks_like_something_else_is_not_taken_for_it() -> None:
    """A house number only beside a street; titles of positions; dates that are no births; hashes."""
    found = guessed(
        people(
            Strasse=KINDS["street"], Nr=_digits("#"), title=_words("Manager", "Clerk", "Nurse"), surname=LAST,
            married_on=_born("{y}-{m:02}-{d:02}"), email=_digits("a1b2c####f#"),
        )
    )  # fmt: skip
    assert {name: found.roles.get(name) for name in ("house_number", "job_title", "birth_date", "email")} == {
        "house_number": "Nr", "job_title": "title", "birth_date": None, "email": None,
    }  # fmt: skip
    alone = guessed(people(Nr=_digits("#"), surname=LAST))
    assert set(alone.roles) == {"last_name"}
    # A name in another script is no row number, however unique.
    frame = pl.DataFrame({"姓名": ["王伟", "李娜", "张敏"], "surname": ["Wang", "Li", "Zhang"]})
    assert guessed(frame).key is None


def test_a_rare_value_that_comes_again_identifies() -> None:
    frame = pl.DataFrame(
        {
            "first_name": FIRSTS * 40,
            "last_name": (LASTS * 50)[: len(FIRSTS) * 40],
            "locker": [f"L{n // 2}x" for n in range(len(FIRSTS) * 40)],
        }
    )
    (left,) = guessed(frame).unused
    assert isinstance(left, Unused)
    assert (left.column, left.brings, left.distinct) == ("locker", "identifies", 220)
    assert 7 < left.bits < 8
    assert left.sentence == "locker (text; 100% filled, 220 different): identifies"


def test_a_list_without_a_person_is_refused() -> None:
    with pytest.raises(ConfigError, match="no column identifies a person"):
        guessed(people(colour=_words("red", "blue"), sex=_words("M", "F")))


# ---- by a user's mapping


def given(**fields: str) -> PersonColumns:
    frame = pl.DataFrame(
        {
            "id": ["1", "2"], "a": ["Ann", "Bo"], "b": ["Lee", "Ray"], "c": ["1980", "1990"], "d": ["5", "11"],
            "e": ["17", "3"], "s": ["crm", "shop"], "twice": ["x", "x"],
        }
    )  # fmt: skip
    return mapped(frame, fields)


def test_a_users_mapping_is_taken_as_it_is() -> None:
    found = given(record_key="id", first_name="a", last_name="b", last_name_2="a", source="s",
                  birth_year="c", birth_month="d", birth_day="e", id_number="twice")  # fmt: skip
    assert (found.key, found.source) == ("id", "s")
    assert found.mapping["last_name"] == """nullif(concat_ws(' ', "b", "a"), '')"""
    assert found.mapping["id_number"] == '"twice"'
    assert set(found.mapping) == {"first_name", "last_name", "birth_date", "id_number"}
    assert given(first_name="a").key is None


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"frist_name": "a"}, "'frist_name' is no field of a record.*first_name"),
        ({"first_name": "aa"}, "first_name: there is no column 'aa'"),
        ({"record_key": "twice", "first_name": "a"}, "column 'twice' is empty or repeats"),
        ({"record_key": "id"}, "no column identifies a person"),
    ],
)
def test_a_wrong_mapping_is_refused(fields: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        given(**fields)


def test_every_field_of_todays_mappings_is_still_known() -> None:
    today = (
        "record_key first_name middle_name last_name last_name_2 suffix full_name birth_date birth_year "
        "birth_month birth_day gender street_number street unit city postal_code email phone id_number source"
    )
    assert set(today.split()) <= set(FIELDS)
