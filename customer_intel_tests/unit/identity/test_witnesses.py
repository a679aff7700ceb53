"""Records that share no identifier: one customer where name and something else agree, else for review; and the model
that says so, frozen between nights.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from customer_intel.identity.linking.match_model import in_force, shipped
from customer_intel.identity.matching.comparison_levels import COMPARISONS, PLACE
from customer_intel.identity.matching.fellegi_sunter import MatchModel, default_prior
from customer_intel_tests.unit.identity_lab import MAP, NIGHT, REVIEW, Lab, Row, person

HOME = {"street": "12 Harbour Road", "city": "Lindau", "postal_code": "88131"}
ELSEWHERE = {"street": "7 Mill Lane", "city": "Lindau", "postal_code": "88131"}
BORN = {"birth_date": date(1980, 5, 17)}
# Others, so that what the two have in common is not what everybody has.
NAMES = (
    "Ines Abel", "Kurt Brandt", "Vera Conrad", "Omar Dorn", "Paul Engel", "Rosa Falk", "Simon Gerber", "Tina Huber",
    "Uwe Jung", "Zoe Kaiser", "Lukas Moser", "Noah Nagel", "Emma Otto", "Felix Pohl", "Klara Reuter", "David Stein",
)  # fmt: skip
CROWD = {
    f"z:{number}": person(
        *name.split(),
        street=f"{number} Oak Street",
        city=f"Town {number}",
        postal_code=str(70000 + number),
    )
    for number, name in enumerate(NAMES)
}


FIRST = ("Maria", "Anna", "Peter", "Thomas", "Julia", "Michael", "Sabine", "Andreas")
LAST = (
    "Weber", "Koch", "Hahn", "Vogt", "Lang", "Brandt", "Seidel", "Kraus", "Roth", "Busch", "Franke",
    "Albrecht", "Winter", "Sommer", "Horn", "Graf", "Pohl", "Otto", "Haas", "Maus", "Stein", "Kuhn",
    "Berg", "Lind", "Fink", "Adler", "Beck", "Engel", "Falk", "Gerber", "Huber", "Jung",
)  # fmt: skip


@pytest.mark.parametrize("is_addressed", [True, False])
def test_in_a_home_of_one_town_it_says_nothing(is_addressed: bool) -> None:
    lab = Lab()
    for number, last in enumerate(LAST):
        street = {"street": f"{3 * number} {LAST[-number]}weg", "postal_code": f"8907{number % 9}"}
        home = {"city": "Ulm", **(street if is_addressed else {})}
        lab.contact(f"crm:{number:02d}", **person(FIRST[number % 8], last, **home))
    assert len(lab.night(only=MAP).groups()) == len(LAST)


@pytest.mark.parametrize("first", ["Anna", "Anne"])
def test_neighbours_of_one_first_name_are_two(first: str) -> None:
    records = {"a:1": person("Anna", "Weber", **HOME), "b:2": person(first, "Koch", **HOME)}
    assert groups(home(records)) == []


def home(records: dict[str, Row]) -> Lab:
    lab = Lab()
    for key, columns in {**CROWD, **records}.items():
        lab.contact(key, **columns)
    return lab


def groups(lab: Lab) -> list[str]:
    return [" ".join(group) for group in lab.night(only=MAP).groups() if len(group) > 1]


def greta(email: str | None = None, last: str = "Lindqvist", **more: object) -> Row:
    return person("Greta", last, email, **more)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (greta("greta@x.de", **HOME), greta("gl@work.de", **HOME)),
        (greta(**HOME), greta(**HOME)),
        (greta("greta@x.de", **BORN), greta("gl@work.de", "Lindquist", **BORN)),
        (
            person("William", "Lindqvist", **HOME),
            person("Bill", "Lindqvist", "bill@work.de", **HOME),
        ),
    ],
    ids=["address", "twice the same", "birth date", "short form"],
)
def test_a_rare_name_with_something_else_in_common_is_one_customer(a: Row, b: Row) -> None:
    assert groups(home({"a:1": a, "b:2": b})) == ["a:1 b:2"]


def carl(suffix: str | None = None, born: date | None = None) -> Row:
    return person("Carl", "Lindqvist", suffix=suffix, birth_date=born, **HOME)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        pytest.param(greta("greta.lindqvist@x.de", **HOME), greta("g.lindqvist@y.de"), id="like email"),
        pytest.param(greta(city="Lindau"), greta(city="Lindau"), id="town"),
        pytest.param(greta(city="Lindau"), greta(city="Kiel"), id="another town"),
        pytest.param(greta(**HOME, **BORN), person("Berta", "Lindqvist", **HOME, **BORN), id="twins"),
        pytest.param(carl("Jr"), carl("Sr"), id="Jr and Sr"),
        pytest.param(carl("Jr"), carl(), id="Jr and unknown"),
        pytest.param(carl(born=date(1950, 2, 3)), carl(born=date(1981, 7, 9)), id="father and son"),
        # The first of January is what forms fill in.
        pytest.param(greta(birth_date=date(1980, 1, 1)), greta(birth_date=date(1980, 1, 1)), id="form date"),
    ],
)  # fmt: skip
def test_what_namesakes_and_families_have_in_common_joins_nobody(a: Row, b: Row) -> None:
    assert groups(home({"a:1": a, "b:2": b})) == []


def test_namesakes_with_numbered_mailboxes_are_two() -> None:
    one = person("Hugo", "Koch", "hugo.koch.8@x.de", mobile_phone="+49 171 5550108")
    other = person("Hugo", "Koch", "hugo.koch.48@x.de", mobile_phone="+49 160 8312477")
    assert groups(home({"a:1": one, "b:2": other})) == []


def test_of_records_that_say_the_same_all_are_one_customer() -> None:
    lab = home({f"{source}:1": greta(**HOME) for source in "abcde"})
    assert groups(lab) == ["a:1 b:1 c:1 d:1 e:1"]
    edges = lab.tables["match_edge"].filter(pl.col("record_key_a").str.ends_with(":1"))
    # Two stand for all: the others hang on the first.
    assert edges.select("record_key_a", "record_key_b", "is_copy").rows() == [
        ("a:1", "b:1", False), ("a:1", "c:1", True), ("a:1", "d:1", True), ("a:1", "e:1", True),
    ]  # fmt: skip


def test_one_of_many_copies_may_be_taken_out() -> None:
    lab = home({f"{source}:1": greta(**HOME) for source in "abcde"}).override("split", "c:1")
    assert groups(lab) == ["a:1 b:1 d:1 e:1"]


def test_doubtful_pairs_wait_for_a_decision_which_then_holds() -> None:
    records = {"a:1": greta(), "b:2": greta()}
    lab = home(records).night(only=REVIEW)
    waiting = lab.tables["match_review"].filter(pl.col("record_key_a") == "a:1")
    assert waiting.select("record_key_b", "reason").rows() == [("b:2", "name_only")]
    merged = home(records).override("merge", "a:1", "b:2").night(only=REVIEW)
    assert ["a:1", "b:2"] in merged.groups()
    assert "a:1" not in merged.tables["match_review"]["record_key_a"]


def test_a_decision_to_keep_apart_beats_the_model() -> None:
    lab = home({"a:1": greta(**HOME), "b:2": greta(**HOME)}).override("never_merge", "a:1", "b:2")
    assert groups(lab) == []


def test_a_value_of_too_many_is_not_compared() -> None:
    crew = [
        person(name, "Hahn", "crew@x.de")
        for name in ("Ines", "Kurt", "Vera", "Omar", "Berta", "Ida")
    ]
    lab = home(
        {**{f"a:{n}": row for n, row in enumerate(crew)}, "b:1": person("Ida", "Hahn", "crew@x.de")}
    )
    lab.night(only=MAP)
    assert lab.tables["hub_value"]["value_norm"].to_list() == ["crew@x.de"] * 2
    assert set(lab.tables["match_edge"]["email_weight"]) == {0.0}


class TestModel:
    def test_the_first_nights_model_is_kept_whatever_comes(self) -> None:
        lab = home({"a:1": greta(**HOME)}).night(only=MAP)
        first = lab.tables["match_model"]
        assert first["match_model_basis"].to_list() == ["fitted"]
        lab.contact("b:2", **greta(**HOME)).contact("b:3", **person("Vera", "Koch", **HOME))
        lab.night(NIGHT + timedelta(1), only=MAP)
        assert lab.tables["match_model"].equals(first)
        assert set(lab.tables["match_edge"]["model_version"]) == set(first["model_version"])

    def test_an_adopted_one_replaces_it_from_its_night_on(self) -> None:
        lab = home({"a:1": greta(**HOME)}).night(only=MAP)
        lab.config["match_model"] = shipped().as_dict()
        later = NIGHT + timedelta(1)
        lab.night(later, only=MAP)
        assert lab.tables["match_model"].select("valid_from", "valid_to", "match_model_basis").rows() == [
            (NIGHT, later, "fitted"), (later, None, "adopted"),
        ]  # fmt: skip
        assert in_force(lab.tables["match_model"]) == shipped()

    def test_of_few_records_it_is_nearly_the_shipped_one(self) -> None:
        fitted = in_force(home({}).night(only=MAP).tables["match_model"])
        for name, weights in shipped().weights.items():
            for level in COMPARISONS[PLACE[name]].rare:
                assert fitted.weights[name][level] == pytest.approx(weights[level], abs=1.5), name
        assert fitted.prior == pytest.approx(default_prior(len(CROWD)), abs=0.5)

    def test_it_is_written_and_read_back_whole(self) -> None:
        model = shipped()
        assert MatchModel.from_dict(model.as_dict()) == model
        assert MatchModel.from_dict(model.as_dict()).version == model.version
        with pytest.raises(ValueError, match="made for other comparisons"):
            MatchModel.from_dict({**model.as_dict(), "weights": {"name": [0.0]}})

    def test_agreement_speaks_for_and_difference_against_in_the_shipped_one(self) -> None:
        for name in ("name", "email", "phone", "birth date", "address", "id number", "login"):
            bits = shipped().weights[name]
            assert bits[0] == 0 and bits[1] > 5 and bits[-1] < 0, name
