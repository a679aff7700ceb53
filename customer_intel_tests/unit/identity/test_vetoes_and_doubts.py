"""Each veto and each doubt on two literal records, and beside it two so alike that they are one all the same."""

from __future__ import annotations

from typing import Any

import pytest

from customer_intel.identity.linking.match_model import shipped
from customer_intel.identity.matching.doubts import DOUBTS
from customer_intel.identity.matching.resolve import REASONS
from customer_intel_tests.unit.identity.resolver_lab import (
    Fields,
    decided,
    is_link,
    resolved,
    who,
    with_weight,
)

EMAIL, PHONE = {"email": "w@x.de"}, {"phone": "+491712345678"}
ROOF = {"number": "12", "street": "ring", "city": "ulm", "postcode": "89073"}
BORN, NUMBER, OTHER_NUMBER = (
    {"born": "20040506"},
    {"id_number": "536228714"},
    {"id_number": "184905532"},
)
ANNA = who("anna", "weber", **EMAIL, **PHONE)
CHRIS = {"first": "chris", "root": "christopher"}
JOHN = who("john", "smith", **EMAIL)
FIRM = {"organisation": "acme", "company": "acme"}
Two = tuple[Fields, Fields]
# Reason → two records that it keeps apart, two that it does not, and what the model says besides.
VETOES: dict[str, tuple[Two, Two, dict[str, Any]]] = {
    "one_source": (
        (ANNA | {"source": "crm"}, ANNA | {"source": "crm"}), (ANNA | {"source": "crm"}, ANNA | {"source": "shop"}), {},
    ),
    "generation": (
        (ANNA | {"suffix": "jr"}, ANNA | {"suffix": "sr"}), (ANNA | {"suffix": "jr"}, ANNA | {"suffix": "jr"}), {},
    ),
    "organisation": (
        (who(**EMAIL, **PHONE, **FIRM), ANNA), (who(**EMAIL, **PHONE, **FIRM), who(**EMAIL, **PHONE, **FIRM)), {},
    ),
    "gender": (
        (ANNA | CHRIS | {"gender": "f"}, ANNA | {"first": "christopher", "gender": "m"}),
        (ANNA | CHRIS | {"gender": "m"}, ANNA | {"first": "christopher", "gender": "m"}),
        {},
    ),
    "first_name": (
        (ANNA, ANNA | {"first": "kurt"}),
        (ANNA | BORN | NUMBER, ANNA | {"first": "kurt"} | BORN | NUMBER), {},
    ),
    "birth_date": (
        (ANNA | BORN, ANNA | {"born": "20080911"}), (ANNA | BORN, ANNA | {"born": "20040507"}), {"is_birth_veto": True},
    ),
    "middle_name": (
        (who("anna", "weber", **ROOF, middle="t"), who("anna", "weber", **ROOF, middle="m")),
        (who("anna", "weber", **ROOF, **BORN, middle="t"), who("anna", "weber", **ROOF, **BORN, middle="m")), {},
    ),
    "id_number": (
        (who("anna", "weber", **NUMBER), who("anna", "webber", **OTHER_NUMBER)),
        (ANNA | ROOF | NUMBER, ANNA | ROOF | OTHER_NUMBER), {},
    ),
}  # fmt: skip
DOUBTFUL: dict[str, tuple[Two, Two]] = {
    "generation_open": (
        (who("john", "smith", **EMAIL, suffix="jr"), who("john", "smith", **EMAIL)),
        (who("john", "smith", **EMAIL, **BORN, suffix="jr"), who("john", "smith", **EMAIL, **BORN)),
    ),
    "generation_gap": (
        (JOHN | {"born": "19500303"}, JOHN | {"born": "19800303"}),
        (JOHN | NUMBER | {"born": "19500303"}, JOHN | NUMBER | {"born": "19800303"}),
    ),
    "similar_first_name": (
        (who("maria", "weber", **EMAIL, **ROOF), who("marie", "weber", **EMAIL, **ROOF)),
        (who("maria", "weber", **EMAIL, **NUMBER), who("marie", "weber", **EMAIL, **NUMBER)),
    ),
    "first_name": (
        (who("zorvan", "weber", **EMAIL), who("zelvino", "weber", **EMAIL)),
        (who("zorvan", "weber", **EMAIL, **BORN), who("zelvino", "weber", **EMAIL, **BORN)),
    ),
    "last_name": (
        (who("anna", "weber", **PHONE), who("anna", "koch", **PHONE)),
        (who("anna", "weber", **PHONE, **BORN), who("anna", "koch", **PHONE, **BORN)),
    ),
    "no_name": ((who(**PHONE), who(**PHONE)), (who(**PHONE, **ROOF), who(**PHONE, **ROOF))),
    "name_only": (
        (who("anna", "weber"), who("anna", "weber")),
        (who("anna", "weber", **BORN), who("anna", "weber", **BORN)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("reason", VETOES)
def test_a_veto_holds_and_just_beside_it_they_are_one(reason: str) -> None:
    apart, one, trusted = VETOES[reason]
    model = with_weight("middle name", 3, -7.0, **trusted)
    found = resolved({"a": apart[0], "b": apart[1]}, model=model)
    assert found.groups == ["a", "b"]
    assert found.edge("a", "b")["veto"] == reason
    assert resolved({"a": one[0], "b": one[1]}, model=model).groups == ["a b"]


@pytest.mark.parametrize("reason", DOUBTFUL)
def test_a_doubt_waits_and_with_one_witness_more_they_are_one(reason: str) -> None:
    apart, one = DOUBTFUL[reason]
    found = resolved({"a": apart[0], "b": apart[1]})
    assert found.groups == ["a", "b"]
    assert (found.edge("a", "b")["veto"], found.edge("a", "b")["doubt"]) == (None, reason)
    assert resolved({"a": one[0], "b": one[1]}).groups == ["a b"]


def test_who_fits_two_that_are_not_one_is_neithers_until_he_fits_one_better() -> None:
    two = {"a": who("anna", "weber", **EMAIL), "b": who("kurt", "weber", **EMAIL)}
    found = resolved({**two, "c": who(**EMAIL)})
    assert found.groups == ["a", "b", "c"]
    assert [found.edge(key, "c")["doubt"] for key in "ab"] == ["ambiguous"] * 2
    assert resolved({**two, "c": who("anna", None, **EMAIL)}).groups == ["a c", "b"]
    assert resolved({"a": two["a"], "c": who(**EMAIL)}).groups == ["a c"]


def test_a_decision_vetoes_what_nothing_else_does() -> None:
    found = resolved({"a": ANNA, "b": ANNA}, decided(apart=[("a", "b")]))
    assert found.groups == ["a", "b"] and found.edge("a", "b")["veto"] == "never_merge"
    assert resolved({"a": ANNA, "b": ANNA}, decided()).groups == ["a b"]


def test_every_reason_has_its_case() -> None:
    assert {*VETOES, "never_merge"} == {*REASONS} - {""}
    assert {*DOUBTFUL, "ambiguous"} == {*DOUBTS} - {""}


def test_first_names_that_a_company_writes_carelessly_are_no_veto() -> None:
    careless = with_weight("middle name", 0, 0.0, is_veto=False)
    two = {"a": ANNA | BORN, "b": ANNA | {"first": "kurt"} | BORN}
    assert resolved(two, model=shipped()).groups == ["a", "b"]
    assert is_link(resolved(two, model=careless).edge("a", "b"))


class TestDecisions:
    """Decisions on records, closed over chains by match_edge (test_identity_scenarios)."""

    people = {
        "a": ANNA,
        "b": who("kurt", "hahn", email="kurt@y.de"),
        "c": who("olga", "lind", phone="+491719999999"),
    }

    def test_together_beats_every_veto(self) -> None:
        pairs = [("a", "b"), ("b", "c"), ("a", "c")]
        assert resolved(self.people, decided(together=pairs)).groups == ["a b c"]

    def test_apart_beats_all_evidence(self) -> None:
        same = dict.fromkeys("abc", ANNA)
        groups = resolved(same, decided(apart=[("a", "b"), ("a", "c"), ("b", "c")])).groups
        assert groups == ["a", "b", "c"]

    def test_alone_leaves_the_others_as_they_are(self) -> None:
        same = dict.fromkeys("abcd", ANNA)
        assert resolved(same, decided(alone=["b"])).groups == ["a c d", "b"]
