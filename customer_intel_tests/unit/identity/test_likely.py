"""Records that share no identifier: linked where name and something else agree and nothing differs,
else for review.
"""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from customer_intel.identity.linking.likely_pair import SHIPPED, model_of
from customer_intel.identity.matching.fellegi_sunter import MatchModel
from customer_intel_tests.bench_identity.default_model import trained
from customer_intel_tests.unit.identity_lab import MAP, Lab, Row, person

HOME = {"street": "12 Harbour Road", "city": "Lindau", "postal_code": "88131"}
ELSEWHERE = {"street": "7 Mill Lane", "city": "Lindau", "postal_code": "88131"}
BORN = {"birth_date": date(1980, 5, 17)}
# Others, so that what the two have in common is not what everybody has.
CROWD = {
    f"z:{number}": person(
        first, last, street=f"{number} Oak Street", city=city, postal_code=str(70000 + number)
    )
    for number, (first, last, city) in enumerate(
        (first, last, city)
        for first, city in (("Ines", "Ulm"), ("Kurt", "Bonn"), ("Vera", "Kiel"), ("Omar", "Hof"))
        for last in ("Abel", "Brandt", "Conrad", "Dorn", "Engel", "Falk", "Gerber", "Huber")
    )
}


def night(records: dict[str, Row], **config: int) -> Lab:
    lab = Lab(**{"likely_min_records": 1, **config})
    for key, columns in {**CROWD, **records}.items():
        lab.contact(key, **columns)
    return lab


def groups(lab: Lab) -> list[str]:
    return [" ".join(group) for group in lab.night(only=MAP).groups() if len(group) > 1]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (
            person("Greta", "Lindqvist", "greta@x.de", **HOME),
            person("Greta", "Lindqvist", "gl@work.de", **HOME),
        ),
        (person("Greta", "Lindqvist", **HOME), person("Greta", "Lindqvist", **HOME)),
        (
            person("Greta", "Lindqvist", "greta@x.de", **BORN),
            person("Greta", "Lindquist", "gl@work.de", **BORN),
        ),
        (
            person("William", "Lindqvist", **HOME),
            person("Bill", "Lindqvist", "bill@work.de", **HOME),
        ),
    ],
    ids=["address", "twice the same", "birth date", "short form"],
)
def test_a_rare_name_with_something_else_in_common_is_one_customer(a: Row, b: Row) -> None:
    assert groups(night({"a:1": a, "b:2": b})) == ["a:1 b:2"]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        # A mailbox is made of the name, and a town has many people.
        (
            person("Greta", "Lindqvist", "g.lindqvist@x.de", **HOME),
            person("Greta", "Lindqvist", "g_lindqvist@x.de"),
        ),
        (person("Greta", "Lindqvist", **HOME), person("Greta", "Lindqvist", **ELSEWHERE)),
        (
            person("Greta", "Lindqvist", "info@cafe.de", **HOME),
            person("Greta", "Lindqvist", "info@cafe.de"),
        ),
        # Twins, and father and son.
        (
            person("Greta", "Lindqvist", **HOME, **BORN),
            person("Berta", "Lindqvist", **HOME, **BORN),
        ),
        (
            person("Carl", "Lindqvist", suffix="Jr", **HOME),
            person("Carl", "Lindqvist", suffix="Sr", **HOME),
        ),
        (person("Carl", "Lindqvist", suffix="Jr", **HOME), person("Carl", "Lindqvist", **HOME)),
        (
            person("Carl", "Lindqvist", birth_date=date(1950, 2, 3), **HOME),
            person("Carl", "Lindqvist", birth_date=date(1981, 7, 9), **HOME),
        ),
        # The first of January is what forms fill in.
        (
            person("Greta", "Lindqvist", birth_date=date(1980, 1, 1)),
            person("Greta", "Lindqvist", birth_date=date(1980, 1, 1)),
        ),
    ],
    ids=[
        "like email",
        "town",
        "role",
        "twins",
        "Jr and Sr",
        "Jr and unknown",
        "father and son",
        "form date",
    ],
)
@pytest.mark.slow
def test_what_namesakes_and_families_have_in_common_joins_nobody(a: Row, b: Row) -> None:
    records = {"a:1": a, "b:2": b}
    if a["email"] and a["email"] == b["email"]:
        # The rule for a function's mailbox joins these two; here it is the model that is asked.
        lab = night(records).night(only=MAP)
        assert "likely_model" not in lab.tables["match_edge"].filter("is_link")["rule_id"]
    else:
        assert groups(night(records)) == []


def test_of_records_that_say_the_same_all_are_one_customer() -> None:
    same = person("Greta", "Lindqvist", **HOME)
    assert groups(night({f"{source}:1": same for source in "abcde"})) == ["a:1 b:1 c:1 d:1 e:1"]


def test_doubtful_pairs_wait_for_a_decision_which_then_holds() -> None:
    records = {
        "a:1": person("Greta", "Lindqvist", "g.lindqvist@x.de", **HOME),
        "b:2": person("Greta", "Lindqvist", "g_lindqvist@x.de", city="Lindau"),
    }
    lab = night(records).night()
    waiting = lab.tables["match_review"].filter(pl.col("record_key_a") == "a:1")
    assert waiting.select("record_key_b", "identifier_type").rows() == [("b:2", "likeness")]
    assert 0.9 < waiting["probability"].item() <= 1
    merged = night(records).override("merge", "a:1", "b:2").night()
    assert ["a:1", "b:2"] in merged.groups()
    assert "a:1" not in merged.tables["match_review"]["record_key_a"]


def test_a_decision_to_keep_apart_beats_the_model() -> None:
    same = person("Greta", "Lindqvist", **HOME)
    lab = night({"a:1": same, "b:2": same}).override("never_merge", "a:1", "b:2")
    assert groups(lab) == []


def test_few_records_are_left_to_the_rules() -> None:
    same = person("Greta", "Lindqvist", **HOME)
    lab = night({"a:1": same, "b:2": same}, likely_min_records=2000)
    assert groups(lab) == [] and lab.tables["likely_pair"].is_empty()


@pytest.fixture(scope="module")
def own() -> MatchModel:
    return trained(4_000)


@pytest.mark.slow
def test_the_shipped_model_is_what_its_script_makes(own: MatchModel) -> None:
    """The script, on a few of its records: the same levels, agreement for and disagreement against."""
    shipped, again = model_of({"likely_model": {}}, 1000), own
    assert shipped.weights.keys() == again.weights.keys()
    assert {name: len(bits) for name, bits in shipped.weights.items()} == {
        name: len(bits) for name, bits in again.weights.items()
    }
    for name in ("name", "email", "phone", "birth date", "address"):
        assert shipped.weights[name][1] > 5 and again.weights[name][1] > 5
        assert shipped.weights[name][-1] < 0 and again.weights[name][-1] < 0


def test_a_model_of_ones_own_replaces_the_shipped_one(own: MatchModel) -> None:
    used = model_of({"likely_model": own.as_dict()}, 100_000)
    assert (
        used.weights == own.weights
        and used.version != model_of({"likely_model": {}}, 100_000).version
    )
    assert (
        model_of({"likely_model": {}}, 1_000_000).prior
        < model_of({"likely_model": {}}, 1_000).prior
    )
    assert MatchModel.from_dict(own.as_dict()) == own and SHIPPED.exists()
