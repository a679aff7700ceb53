"""Who lives together, and that nobody becomes somebody else by it."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from customer_intel_tests.unit.golden_lab import Tables, golden_night
from customer_intel_tests.unit.identity_lab import NIGHT, Lab

FIRST_NAMES = ("Anna", "Boris", "Clara", "Dieter", "Emil", "Frida", "Georg", "Ines", "Kurt", "Olga")
HOME = {"street": "Hauptstr. 12", "postal_code": "10115", "city": "Berlin", "country": "DE"}


def lives(lab: Lab, key: str, first: str | None, last: str | None, **columns: Any) -> Lab:
    return lab.contact(
        key, first_name=first, last_name=last, email=f"{key.replace(':', '-')}@x.de", **columns
    )


def night(lab: Lab, **more: Any) -> Tables:
    return golden_night(lab, upto="household", **more)


def homes(lab: Lab, tables: Tables) -> dict[str, str]:
    """record_key → household today."""
    current = tables["customer_household"].filter(pl.col("valid_to").is_null())
    of = dict(current.select("customer_id", "household_id").iter_rows())
    return {key: of[customer] for key, customer in lab.customers().items() if customer in of}


def together(lab: Lab, tables: Tables) -> list[str]:
    """The households, each as its records side by side."""
    found: dict[str, list[str]] = {}
    for key, home in homes(lab, tables).items():
        found.setdefault(home, []).append(key)
    return sorted(" ".join(sorted(keys)) for keys in found.values())


def test_a_family_is_one_household_of_several_customers() -> None:
    lab = Lab()
    for key, first in (
        ("crm:1", "Anna"),
        ("crm:2", "Ben"),
        ("shop:3", "Cleo"),
        ("shop:4", "Dora"),
        ("shop:5", "Emil"),
    ):
        lives(
            lab,
            key,
            first,
            "Weber",
            **{**HOME, "street": "Hauptstraße 12" if key == "shop:3" else HOME["street"]},
        )
    tables = night(lab)
    assert together(lab, tables) == ["crm:1 crm:2 shop:3 shop:4 shop:5"]
    assert len(set(lab.customers().values())) == 5, "nobody was merged"
    row = tables["household"].row(0, named=True)
    assert (row["household_size"], row["household_basis"], row["n_last_names"]) == (
        5,
        "last_name",
        1,
    )


def test_few_people_at_one_address_live_together_under_different_names() -> None:
    lab = lives(lives(Lab(), "crm:1", "Anna", "Weber", **HOME), "crm:2", "Ben", "Koch", **HOME)
    tables = night(lab)
    assert together(lab, tables) == ["crm:1 crm:2"]
    assert tables["household"]["household_basis"].to_list() == ["address"]


def test_of_more_people_only_namesakes_live_together() -> None:
    lab = Lab()
    for number, last in enumerate(["Weber", "Weber", "Koch", "Koch", "Braun"]):
        lives(lab, f"crm:{number}", FIRST_NAMES[number], last, **HOME)
    assert together(lab, night(lab)) == ["crm:0 crm:1", "crm:2 crm:3", "crm:4"]


def test_where_no_house_number_is_known_only_namesakes_live_together() -> None:
    lab = lives(Lab(), "crm:1", "Anna", "Weber", **{**HOME, "street": "Am Markt"})
    lives(lab, "crm:2", "Ben", "Koch", **{**HOME, "street": "Am Markt"})
    lives(lab, "crm:3", "Cleo", "Weber", **{**HOME, "street": "am markt"})
    assert together(lab, night(lab)) == ["crm:1 crm:3", "crm:2"]


def test_a_dormitory_is_no_household_even_for_namesakes() -> None:
    lab = Lab()
    for number, last in enumerate(
        ["Weber", "Koch", "Braun", "Vogel", "Busch", "Lang", "Frank", "Seidel", "Ott", "Weber"]
    ):
        lives(lab, f"crm:{number}", FIRST_NAMES[number], last, **HOME)
    lives(lab, "crm:x", "Uwe", "Alt", **{**HOME, "street": "Ring 3"})
    assert together(lab, night(lab)) == ["crm:x"]


@pytest.mark.parametrize("case", ["billing address", "colleagues", "an organisation"])
def test_a_companys_address_is_no_household(case: str) -> None:
    lab = Lab()
    work = {"account_id": "A1"} if case == "colleagues" else {}
    lives(lab, "crm:1", "Anna", "Weber", **HOME, **work)
    lives(lab, "crm:2", "Ben", "Koch", **HOME, **work)
    if case == "billing address":
        lab.put("accounts", account_id="A9", account_name="Acme", billing_street="Hauptstrasse 12",
                billing_postal_code="10115", billing_city="Berlin")  # fmt: skip
    if case == "an organisation":
        lives(lab, "crm:3", None, "Bäckerei Weber GmbH", **HOME)
    assert together(lab, night(lab)) == []


def test_the_same_street_in_another_town_or_country_is_another_home() -> None:
    lab = lives(
        lives(Lab(), "crm:1", "Anna", "Weber", **HOME),
        "crm:2",
        "Ben",
        "Weber",
        **HOME | {"country": "AT"},
    )
    lives(lab, "crm:3", "Cleo", "Weber", **HOME | {"postal_code": "20095"})
    assert together(lab, night(lab)) == ["crm:1", "crm:2", "crm:3"]
    # Who leaves the country out lives in the one that is known.
    lab = lives(
        lives(Lab(), "crm:1", "Anna", "Weber", **HOME),
        "crm:2",
        "Ben",
        "Weber",
        **HOME | {"country": None},
    )
    assert together(lab, night(lab)) == ["crm:1 crm:2"]


def test_the_golden_address_decides_not_an_old_one() -> None:
    lab = Lab(household_people=1)
    lives(lab, "crm:1", "Anna", "Weber", **HOME)
    lab.contact("shop:1", first_name="Ben", last_name="Weber", email="ben@x.de", **HOME)
    moved = {"street": "Ring 5", "postal_code": "50667", "city": "Köln", "country": "DE"}
    new = lab.rows["contacts"][0]["updated_at"] + timedelta(days=40)
    lab.contact(
        "app:1", first_name="Ben", last_name="Weber", email="ben@x.de", updated_at=new, **moved
    )
    assert together(lab, night(lab)) == ["app:1 shop:1", "crm:1"]


def test_a_household_keeps_its_id_when_it_grows_moves_or_shrinks() -> None:
    lab = lives(lives(Lab(), "crm:1", "Anna", "Weber", **HOME), "crm:2", "Ben", "Weber", **HOME)
    first = night(lab)
    home = homes(lab, first)["crm:1"]
    lives(lab, "crm:3", "Cleo", "Weber", **HOME)
    second = night(lab, as_of=NIGHT + timedelta(1), before=first)
    assert set(homes(lab, second).values()) == {home}
    for row in lab.rows["contacts"]:
        row["street"] = "Ring 5"
    third = night(lab, as_of=NIGHT + timedelta(2), before=second)
    assert set(homes(lab, third).values()) == {home}
    lab.rows["contacts"][2]["street"] = "Allee 1"
    fourth = night(lab, as_of=NIGHT + timedelta(3), before=third)
    assert [homes(lab, fourth)[key] == home for key in ("crm:1", "crm:2", "crm:3")] == [
        True,
        True,
        False,
    ]
    assert fourth["household"].filter(pl.col("household_id") == home)["born_as_of"].to_list() == [
        NIGHT
    ]
    gone = fourth["customer_household"].filter(pl.col("valid_to") == NIGHT + timedelta(3))
    assert gone["household_id"].to_list() == [home], "the past is kept"


@pytest.mark.slow
def test_the_order_of_rows_is_irrelevant_and_a_rerun_is_a_no_op() -> None:
    random.seed(4)
    lab = Lab()
    for number in range(60):
        street = f"{random.choice(['Ring', 'Allee'])} {random.randrange(1, 9)}"
        last = random.choice(["Weber", "Koch", "Braun"])
        lives(
            lab,
            f"crm:{number}",
            f"{chr(97 + number % 26)}nton{number}",
            last,
            **HOME | {"street": street},
        )
    first = night(lab)
    assert night(lab, before=first)["customer_household"].equals(first["customer_household"])
    random.shuffle(lab.rows["contacts"])
    shuffled = night(lab)
    for name in ("customer_household", "household"):
        assert shuffled[name].equals(first[name]), name
