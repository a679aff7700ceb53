"""Names of the world: which word of a name is what, however and in whatever script it is written."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from customer_intel.core.tables.parameters import room_config
from customer_intel.identity.records import latin, normalise
from customer_intel.identity.records.name_shares import first_names, last_names
from customer_intel.identity.records.name_sound import name_sound
from customer_intel.testing.lab import NOWHERE

CONFIG: dict[str, Any] = room_config("identity", NOWHERE)
COLUMNS = ("first_name", "middle_name", "last_name", "suffix", "full_name")


def named(rows: list[dict[str, str | None]]) -> pl.DataFrame:
    return normalise.names(pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String)), CONFIG)


def read(text: str) -> dict[str, Any]:
    """A name as `full name`, or as `first | last` for two columns."""
    first, bar, last = (part.strip() or None for part in text.partition("|"))
    row = {"first_name": first, "last_name": last} if bar else {"full_name": first}
    return named([row]).row(0, named=True)


PERSONS = [
    # given names, family name
    ("María del Carmen García López", "maria carmen", "garcia lopez"),
    ("María del Carmen", "maria carmen", None),
    ("Ma. Carmen García", "maria carmen", "garcia"),
    ("Mª Carmen | García", "maria carmen", "garcia"),
    ("M.ª Carmen | García", "maria carmen", "garcia"),
    ("Maria de los Angeles | Ruiz", "maria angeles", "ruiz"),
    ("Jean-Pierre Dupont", "jean pierre", "dupont"),
    ("Jean Pierre | Dupont", "jean pierre", "dupont"),
    ("Jeanpierre | Dupont", "jean pierre", "dupont"),
    ("Hans-Peter | Meier", "hans peter", "meier"),
    ("Karlheinz Meier", "karl heinz", "meier"),
    ("Johannes Meier", "johannes", "meier"),
    ("Wolfgang | Meier", "wolfgang", "meier"),
    ("Min-ji | Kim", "minji", "kim"),
    # Particles.
    ("Jan van der Berg", "jan", "van der berg"),
    ("Jan Peter van den Berg", "jan peter", "van den berg"),
    ("von Braun, Wernher", "wernher", "von braun"),
    ("Oscar de la Renta", "oscar", "de la renta"),
    ("João da Silva Santos", "joao", "da silva santos"),
    ("Abd al-Rahman | Al-Masri", "abdulrahman", "al-masri"),
    ("Abdul Rahman | El Masri", "abdulrahman", "al-masri"),
    ("'Abd Allāh | Ahmed", "abdullah", "ahmed"),
    ("Mohammed bin Salman", "mohammed", "bin salman"),
    ("Mohammed bin Salman Al Saud", "mohammed salman", "al-saud"),
    ("Sean O Neil", "sean", "o'neil"),
    ("John O Smith", "john o", "smith"),
    ("Ronald Mc Donald", "ronald", "mcdonald"),
    # Patronymics.
    ("Ivan Ivanovich Petrov", "ivan ivanovich", "petrov"),
    ("Petrov Ivan Ivanovich", "ivan ivanovich", "petrov"),
    ("Петрова Юлия Сергеевна", "yuliya sergeevna", "petrova"),
    ("Роман Аркадьевич Абрамович", "roman arkadevich", "abramovich"),
    ("John Peter Abramovich", "john peter", "abramovich"),
    # Two family names.
    ("Gabriel García Márquez", "gabriel", "garcia marquez"),
    ("Juan Carlos García Márquez", "juan carlos", "garcia marquez"),
    ("Ana Silva Santos Costa", "ana", "silva santos costa"),
    ("Anna Garcia Smith", "anna garcia", "smith"),
    ("José Ortega y Gasset", "jose", "ortega y gasset"),
    ("Miguel de Cervantes Saavedra", "miguel", "de cervantes saavedra"),
    ("Anna Müller geb. Schmidt", "anna", "muller"),
    # Titles and ranks.
    ("thomas chudleigh, 1st baron clifford of chudleigh", "thomas", "chudleigh"),
    ("tom 1st baron clifford of chudleigh", "tom", "clifford"),
    ("Lord Clifford of Chudleigh", None, "clifford"),
    ("Sir John | Franklin", "john", "franklin"),
    ("Lady Mary Wortley", "mary", "wortley"),
    ("Rev. Thomas Bayes", "thomas", "bayes"),
    ("Dr. med. Anna Huber", "anna", "huber"),
    ("Dr. Dr. h.c. Peter Huber", "peter", "huber"),
    ("Familie Müller", None, "muller"),
    ("Otto Graf Lambsdorff", "otto", "lambsdorff"),
    ("Herr Meyer", None, "meyer"),
    ("Sig.ra Anna Rossi", "anna", "rossi"),
    ("Steffi Graf", "steffi", "graf"),
    ("Earl Smith", "earl", "smith"),
    ("Baron | Davis", "baron", "davis"),
    ("Don Johnson", "don", "johnson"),
    ("Don Juan Lopez", "juan", "lopez"),
    ("Smith, John, Jr.", "john", "smith"),
    ("John of Gaunt", "john", "gaunt"),
    ('Robert "Bob" Smith', "robert", "smith"),
    ("Elizabeth (Betty) Smith", "elizabeth", "smith"),
    # Other scripts; family name first where they write it so.
    ("Юлия | Петрова", "yuliya", "petrova"),
    ("Γιώργος Παπαδόπουλος", "giorgos", "papadopoulos"),
    ("محمد المصري", "mohammed", "al-masri"),
    ("דוד כהן", "david", "cohen"),
    ("王小明", "xiaoming", "wang"),
    ("林明", "ming", "lin"),
    ("小明 | 王", "xiaoming", "wang"),
    ("欧阳娜娜", "nana", "ouyang"),
    ("山田太郎", "taro", "yamada"),
    ("佐藤 花子", "hanako", "sato"),
    ("高橋さくら", "sakura", "takahashi"),
    ("김철수", "cheolsu", "kim"),
    ("철수 | 김", "cheolsu", "kim"),
    # Family names that are trades.
    ("Anna | Koch", "anna", "koch"),
    ("John Baker", "john", "baker"),
    ("Peter Fischer", "peter", "fischer"),
    ("John | Church", "john", "church"),
    ("Max | Garten", "max", "garten"),
    ("Meyer | Bakery", "meyer", "bakery"),
    ("Georg Friedrich Händel", "georg friedrich", "handel"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "given", "last"), PERSONS, ids=range(len(PERSONS)))
def test_persons(text: str, given: str | None, last: str | None) -> None:
    found = read(text)
    assert (found["given_names_norm"], found["last_name_norm"]) == (given, last)
    assert found["is_organisation"] is False
    parts = given.split(" ") if given else [None]
    assert found["first_name_norm"] == parts[0]
    assert found["middle_name_norm"] == (parts[1] if len(parts) > 1 else None)


def test_the_middle_names_column_is_told_once() -> None:
    rows = named(
        [
            {"first_name": "Ann Marie", "middle_name": "Marie", "last_name": "Lee"},
            {"first_name": "Ann", "middle_name": "Marie Q.", "last_name": "Lee"},
        ]
    )
    assert rows["given_names_norm"].to_list() == ["ann marie", "ann marie q"]
    assert rows["middle_name_norm"].to_list() == ["marie", "marie"]


def test_a_title_where_a_first_name_is_wanted_is_none() -> None:
    rows = named(
        [
            {"first_name": "sir", "last_name": "galridge", "full_name": "sir thomas galridge"},
            {"first_name": "Rev.", "last_name": "Bayes"},
        ]
    )
    assert rows["first_name_norm"].to_list() == ["thomas", None]
    assert rows["last_name_norm"].to_list() == ["galridge", "bayes"]


def test_a_seat_where_a_last_name_is_wanted_is_none() -> None:
    whole = [
        "thomas clifford, 1st baron clifford of chudleigh",
        "tom 1st baron clifford of chudleigh",
    ]
    rows = named(
        [{"first_name": "thomas", "last_name": "chudleigh", "full_name": name} for name in whole]
    )
    assert rows["last_name_norm"].to_list() == ["clifford", "clifford"]


ORGANISATIONS = [
    "Meyer Bakery", "Bäckerei Meyer", "Feinbäckerei Meyer", "Smith & Sons", "Müller & Söhne", "Müller und Söhne",
    "Acme Consulting", "Praxis Dr. Huber", "Stadtapotheke Köln", "Müller AG", "Foo S.A.", "Acme GmbH", "Acme | GmbH",
    "| Bäckerei Meyer", "Bäckerei | Meyer und Söhne", "Bank of America", "St. Mary's School", "Panificio Rossi",
    "Rossi e Figli", "Pharmacie Dubois", "Dupont et Fils", "Panadería López", "Lopez y Hijos", "Padaria Silva",
    "Bakkerij de Vries", "Jansen en Zonen", "Apteka Nowak", "Gebr. Meyer", "Kindergarten Regenbogen",
]  # fmt: skip


@pytest.mark.parametrize("text", ORGANISATIONS)
def test_businesses_without_a_legal_form_are_none_of_persons(text: str) -> None:
    found = read(text)
    assert found["is_organisation"]
    assert found["business_name"] == " ".join(text.replace("|", " ").split())
    assert found["first_name_norm"] is found["last_name_norm"] is found["given_names_norm"] is None


TRADERS = [
    "Kim Lee t/a Lee Plumbing", "Kim Lee trading as Lee Plumbing", "Kim Lee dba Lee Plumbing",
    "Kim Lee d/b/a Lee Plumbing", "Lee Plumbing Inh. Kim Lee", "Lee Plumbing, Inhaberin: Kim Lee",
    "Kim Lee h.o.d.n. Lee Plumbing", "Lee Plumbing (Owner: Kim Lee)", "Lee Plumbing, titolare Kim Lee",
    "Kim | Lee t/a Lee Plumbing",
]  # fmt: skip


@pytest.mark.parametrize("text", TRADERS)
def test_who_trades_as_a_business_is_a_person(text: str) -> None:
    found = read(text)
    assert (found["first_name_norm"], found["last_name_norm"]) == ("kim", "lee")
    assert (found["is_organisation"], found["business_name"]) == (False, "lee plumbing")


SOUNDS = [
    "yuliya julia iulia giulia", "muller mueller", "schwarz schwartz shvarts", "mohammed muhammad mohamed mohamad",
    "hussein husain hossein hussain", "sergey sergei sergej", "dmitri dmitry dmitriy dmitrij", "christos hristos",
    "giannis yannis", "alexander aleksandr alexandr", "ivanov ivanoff iwanow", "chekhov tschechow",
    "meyer meier maier mayer majer", "yevgeny evgenij jewgeni", "mikhail michail mihail", "fyodor fedor",
    "papadopoulos papadopulos", "schmidt schmitt", "o'neil oneil", "tatiana tatyana tatjana", "cheolsu chulsoo",
    "shcherbakov schtscherbakow", "sarah sara",
]  # fmt: skip
OTHERS = (
    "maria marie mario mara|jan jana|eric erin|julia julian julie|zhang yang jang chang|jun yun|lee li|sara zara|"
    "anna anne|hans jens|wang huang|meyer muller"
)


@pytest.mark.parametrize("spellings", SOUNDS)
def test_spellings_of_one_name_have_one_key(spellings: str) -> None:
    names = pl.DataFrame({"name": spellings.split()})
    assert names.select(name_sound(pl.col("name")))["name"].n_unique() == 1


@pytest.mark.parametrize("others", OTHERS.split("|"))
def test_other_names_have_other_keys(others: str) -> None:
    names = pl.DataFrame({"name": others.split()})
    assert names.select(name_sound(pl.col("name")))["name"].n_unique() == len(names)


def test_particles_do_not_sound() -> None:
    pairs = [("al-masri", "masri"), ("van der berg", "berg"), ("vandenberg", "van den berg")]
    for pair in pairs:
        keys = pl.DataFrame({"name": pair}).select(name_sound(pl.col("name")))["name"]
        assert keys.n_unique() == 1, pair


def test_names_in_other_scripts_meet_their_latin_spelling() -> None:
    rows = named(
        [
            {"first_name": "Юлия", "last_name": "Щербаков"},
            {"first_name": "Julia", "last_name": "Shcherbakov"},
            {"first_name": "Χρήστος", "last_name": "Παπαδόπουλος"},
            {"first_name": "Hristos", "last_name": "Papadopoulos"},
            {"first_name": "Jürgen", "last_name": "Müller"},
            {"first_name": "Juergen", "last_name": "Mueller"},
        ]
    )
    keys = rows.select("first_name_sound", "last_name_sound").rows()
    assert [keys[at] == keys[at + 1] for at in (0, 2, 4)] == [True] * 3


def test_folding_leaves_no_other_script_and_no_accent() -> None:
    norm = {
        "Müller": "muller", "ＡＮＮＡ": "anna", "Straße 5": "strasse 5", "İstanbul": "istanbul", "Łódź": "lodz",
        "Đặng": "dang", "Київ": "kiiv", "Αθήνα": "athina", "서울": "seoul",
        "Москва, Тверская 7": "moskva tverskaya 7", None: None, "plain": "plain",
    }  # fmt: skip
    frame = pl.DataFrame({"raw": list(norm)})
    assert frame.select(normalise.fold(pl.col("raw")))["raw"].to_list() == list(norm.values())
    assert latin.latin("Ευαγγελία Μαΐου") == "evangelia maiou"


def test_streets_and_cities_meet_whatever_their_umlauts() -> None:
    frame = pl.DataFrame(
        {
            "street": ["Müllerstraße 5", "Muellerstr. 5", "Mullerstrasse 5"],
            "city": ["München", "Muenchen", "Munchen"],
        }
    )
    key = normalise.address_key(pl.col("street"), pl.lit(None, pl.String), pl.col("city"))
    assert frame.select(key).to_series().n_unique() == 1


FAMILIAR = (
    "sasha alexander|vanya ivan|yannis ioannis|kees cornelis|gosia malgorzata|beppe giuseppe|katya ekaterina|"
    "jaap jacobus|kostas konstantinos|manu emmanuel|zhenya yevgeniy|misha mikhail|kasia katarzyna|pepe jose"
)


@pytest.mark.parametrize("pair", FAMILIAR.split("|"))
def test_familiar_forms_share_a_root(pair: str) -> None:
    roots = normalise.nickname_roots(CONFIG)
    one, other = (set(roots.get(name, [name])) for name in pair.split())
    assert one & other


OWN_NAMES = "maria marie|jan jana|eric erin|julia julian"


@pytest.mark.parametrize("pair", OWN_NAMES.split("|"))
def test_names_of_their_own_are_both_common_and_share_no_root(pair: str) -> None:
    roots, shares = normalise.nickname_roots(CONFIG), first_names()
    one, other = pair.split()
    assert shares[one] > 0.0002
    assert shares[other] > 0.0002
    assert not set(roots.get(one, [one])) & set(roots.get(other, [other]))


def test_shares_are_shares_of_folded_names() -> None:
    for shares in (first_names(), last_names()):
        assert all(0 < share < 0.1 for share in shares.values())
        keys = pl.DataFrame({"name": list(shares)})
        assert keys.filter(normalise.fold(pl.col("name")) != pl.col("name")).is_empty()
    assert last_names()["muller"] > last_names()["mueller"] > 0
    assert "van den berg" in last_names()
