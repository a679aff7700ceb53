"""Which organisations there are, which references mean the same one, and who belongs to whom."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from customer_intel.identity.groups.accounts import host
from customer_intel_tests.unit.golden_lab import Tables, golden_night
from customer_intel_tests.unit.identity_lab import NIGHT, Lab


def firm(
    lab: Lab,
    key: str,
    name: str,
    domain: str | None = None,
    parent: str | None = None,
    **columns: Any,
) -> Lab:
    source, account_id = key.split(":")
    columns = {"domain": domain, "parent_account_id": parent, **columns}
    return lab.put(
        "accounts", source_system=source, account_id=account_id, account_name=name, **columns
    )


FIRST_NAMES = (
    "Anna",
    "Boris",
    "Clara",
    "Dieter",
    "Emil",
    "Frida",
    "Georg",
    "Ines",
    "Kurt",
    "Olga",
    "Paul",
)
LAST_NAMES = ("Weber", "Koch", "Hahn", "Vogt", "Lang", "Brandt", "Seidel", "Franke", "Horn")


def staff(
    lab: Lab, key: str, email: str | None = None, account: str | None = None, **columns: Any
) -> Lab:
    number = len(lab.rows["contacts"])
    named = {
        "first_name": FIRST_NAMES[number % len(FIRST_NAMES)],
        "last_name": LAST_NAMES[number * 5 % len(LAST_NAMES)],
        **columns,
    }
    return lab.contact(key, email=email, account_id=account, **named)


def today(tables: Tables) -> dict[str, str]:
    current = tables["account_map"].filter(pl.col("valid_to").is_null())
    return dict(current.select("account_ref", "account_key").iter_rows())


def together(tables: Tables) -> list[str]:
    """The accounts, each as its references side by side; names are left out."""
    found: dict[str, list[str]] = {}
    for ref, key in today(tables).items():
        if not ref.startswith("name:"):
            found.setdefault(key, []).append(ref)
    return sorted(" ".join(sorted(refs)) for refs in found.values())


def accounts_of(lab: Lab, tables: Tables, record: str) -> list[tuple[str, str, bool]]:
    """(a reference of the account, basis, is_primary) of the customer behind a record, the primary
    first.
    """
    ref = {
        key: min(r for r, k in today(tables).items() if k == key) for key in today(tables).values()
    }
    rows = tables["customer_account"].filter(pl.col("customer_id") == lab.customers()[record])
    rows = rows.sort("is_primary", "account_basis", descending=[True, False])
    return [
        (ref[key], basis, primary)
        for key, basis, primary in rows.select(
            "account_key", "account_basis", "is_primary"
        ).iter_rows()
    ]


def row(tables: Tables, ref: str) -> dict[str, Any]:
    return dict(
        tables["account"].filter(pl.col("account_key") == today(tables)[ref]).row(0, named=True)
    )


@pytest.mark.parametrize(
    ("typed", "domain"),
    [
        ("https://www.Acme.de/shop?x=1", "acme.de"),
        ("ACME.de", "acme.de"),
        ("http://user@acme.co.uk:8080", "acme.co.uk"),
        ("www2.acme.de/", "acme.de"),
        ("n/a", None),
        ("acme", None),
        ("", None),
    ],
)
def test_a_domain_is_read_from_what_people_type(typed: str, domain: str | None) -> None:
    assert pl.select(host(pl.lit(typed))).item() == domain


def test_accounts_of_two_sources_with_one_domain_are_one() -> None:
    lab = firm(
        firm(Lab(), "crm:1", "Acme GmbH", "acme.de"),
        "desk:9",
        "ACME",
        website="http://www.acme.de/hello",
    )
    tables = golden_night(lab)
    assert together(tables) == ["crm:1 desk:9 domain:acme.de"]
    found = row(tables, "crm:1")
    assert (found["n_source_accounts"], found["sources"], found["domain"]) == (
        2,
        "crm|desk",
        "acme.de",
    )


def test_an_acquired_account_with_two_domains_is_one() -> None:
    lab = firm(Lab(), "crm:1", "Acme GmbH", "acme.de", website="https://oldco.example")
    firm(lab, "desk:7", "Old Co", "oldco.example")
    # The people of a third domain came over with the purchase; the adviser's did not.
    for number in range(3):
        staff(lab, f"crm:c{number}", f"p{number}@bought.example", "1")
    staff(lab, "crm:adviser", "a@bigagency.example", "1")
    # Half of a third domain's people are another account's: it is nobody's.
    firm(lab, "crm:2", "Beta", "beta.de")
    for number in range(4):
        staff(lab, f"crm:h{number}", f"p{number}@half.example", "1" if number < 2 else "2")
    tables = golden_night(lab)
    assert together(tables) == [
        "crm:1 desk:7 domain:acme.de domain:bought.example domain:oldco.example",
        "crm:2 domain:beta.de",
        "domain:bigagency.example",
        "domain:half.example",
    ]
    assert (row(tables, "crm:1")["n_domains"], row(tables, "crm:1")["n_customers"]) == (3, 6)
    assert accounts_of(lab, tables, "crm:adviser") == [("crm:1", "crm", True)]


def test_parent_and_child_stay_two_though_they_share_everything() -> None:
    lab = firm(Lab(), "crm:1", "Acme", "acme.de")
    firm(lab, "crm:2", "Acme", "acme.de", parent="1")
    firm(lab, "crm:3", "Acme Parts", "parts.example", parent="2")
    tables = golden_night(lab)
    assert together(tables) == ["crm:1 domain:acme.de", "crm:2", "crm:3 domain:parts.example"]
    keys = today(tables)
    top, middle, low = (row(tables, f"crm:{n}") for n in (1, 2, 3))
    assert [r["hierarchy_level"] for r in (top, middle, low)] == [0, 1, 2]
    assert (middle["parent_account_key"], low["parent_account_key"]) == (
        keys["crm:1"],
        keys["crm:2"],
    )
    assert {r["top_account_key"] for r in (top, middle, low)} == {keys["crm:1"]}
    assert (low["parent_basis"], top["parent_basis"]) == ("crm", None)


def test_another_source_cannot_fold_a_child_into_its_parent() -> None:
    lab = firm(
        firm(Lab(), "crm:1", "Acme", "acme.de"), "crm:2", "Acme Parts", "parts.example", parent="1"
    )
    firm(lab, "desk:1", "Acme", "acme.de", website="parts.example")
    tables = golden_night(lab)
    assert today(tables)["crm:1"] != today(tables)["crm:2"]
    assert row(tables, "crm:2")["parent_account_key"] == today(tables)["crm:1"]


def test_duplicates_within_a_source_need_domain_and_name() -> None:
    lab = Lab()
    for number, name in enumerate(["Acme GmbH", "acme", "Acme Nord"]):
        firm(lab, f"crm:{number}", name, "acme.de")
    tables = golden_night(lab)
    assert together(tables) == ["crm:0 crm:1 domain:acme.de", "crm:2"]
    branch = row(tables, "crm:2")
    assert (branch["parent_account_key"], branch["parent_basis"]) == (
        today(tables)["crm:0"],
        "domain",
    )


def test_namesakes_join_only_where_no_domain_speaks_against_it() -> None:
    lab = firm(firm(Lab(), "crm:1", "Acme Ltd", "acme.de"), "desk:1", "ACME")
    firm(firm(lab, "crm:2", "Delta AG", "delta.de"), "desk:2", "Delta", "delta-airlines.example")
    assert together(golden_night(lab)) == [
        "crm:1 desk:1 domain:acme.de", "crm:2 domain:delta.de", "desk:2 domain:delta-airlines.example",
    ]  # fmt: skip


def test_domains_of_mail_providers_and_platforms_join_nobody() -> None:
    lab = Lab()
    for number, name in enumerate(["Acme", "Beta", "Gamma", "Delta", "Eta"]):
        firm(lab, f"crm:{number}", name, "gmail.com", website="facebook.com/" + name)
    firm(lab, "desk:1", "Zeta", "gmail.com")
    assert together(golden_night(lab)) == ["crm:0", "crm:1", "crm:2", "crm:3", "crm:4", "desk:1"]


def test_a_subdomain_belongs_to_its_domain() -> None:
    lab = firm(
        firm(Lab(), "crm:1", "Acme", "acme.co.uk"), "crm:2", "Acme Labs", "labs.eu.acme.co.uk"
    )
    found = row(golden_night(lab), "crm:2")
    assert (found["parent_basis"], found["hierarchy_level"]) == ("domain", 1)


def test_a_circle_of_parents_is_cut() -> None:
    lab = firm(firm(Lab(), "crm:1", "A", parent="2"), "crm:2", "B", parent="1")
    firm(lab, "crm:3", "C", parent="3")
    levels = sorted(golden_night(lab)["account"]["hierarchy_level"])
    assert levels == [0, 0, 1]


def test_people_belong_by_account_then_domain_then_company_name_and_stay_people() -> None:
    lab = firm(Lab(), "crm:1", "Acme GmbH", "acme.de")
    firm(lab, "crm:2", "Beta AG")
    staff(lab, "crm:a", "a@beta.example", "2")
    staff(lab, "shop:b", "b@acme.de")
    staff(lab, "crm:c", "c@gmail.com", "1")
    lab.contact("crm:d", first_name="Dora", last_name="Weber", email="d@acme.de", account_id="2")
    tables = golden_night(lab)
    assert len(set(lab.customers().values())) == 4
    assert accounts_of(lab, tables, "crm:a") == [("crm:2", "crm", True)]
    assert accounts_of(lab, tables, "shop:b") == [("crm:1", "domain", True)]
    assert accounts_of(lab, tables, "crm:c") == [("crm:1", "crm", True)]
    assert accounts_of(lab, tables, "crm:d") == [("crm:2", "crm", True)], (
        "the source's word beats the mailbox"
    )


def test_a_company_that_no_source_lists_is_known_by_its_domain_or_its_own_record() -> None:
    lab = Lab()
    for number in range(3):
        staff(
            lab, f"shop:{number}", "info@cafe.example" if number == 0 else f"p{number}@cafe.example"
        )
    lab.contact("shop:9", last_name="Bäckerei Weber GmbH", email="weber@gmail.com")
    # Twenty strangers of a provider that is on no list, one of whom claims to be its office.
    for number in range(30):
        staff(lab, f"app:{number}", f"p{number}@seznam.example")
    staff(lab, "app:office", "info@seznam.example")
    tables = golden_night(lab)
    assert together(tables) == ["domain:cafe.example"]
    assert row(tables, "domain:cafe.example")["n_customers"] == 3
    assert accounts_of(lab, tables, "shop:9") == [("name:backerei weber", "name", True)]
    assert row(tables, "name:backerei weber")["account_name"] == "Bäckerei Weber GmbH"


def test_the_accounts_that_contacts_name_exist_even_when_no_export_lists_them() -> None:
    lab = staff(staff(Lab(), "desk:1", "a@acme.de", "77"), "desk:2", "b@acme.de", "77")
    tables = golden_night(lab)
    assert together(tables) == ["desk:77 domain:acme.de"]
    assert row(tables, "desk:77")["account_name"] == "acme.de"


def test_the_primary_account_is_the_golden_records() -> None:
    lab = firm(firm(Lab(), "crm:1", "Acme"), "crm:2", "Beta")
    old, new = (lab.rows["accounts"][0]["updated_at"] + timedelta(days=days) for days in (0, 40))
    for key, account, seen in (("crm:a", "1", old), ("crm:b", "2", new)):
        lab.contact(key, first_name="Anna", last_name="Weber", external_user_id="U1", account_id=account,
                    created_at=old, updated_at=seen)  # fmt: skip
    tables = golden_night(lab)
    assert accounts_of(lab, tables, "crm:a") == [("crm:2", "crm", True), ("crm:1", "crm", False)]


@pytest.mark.slow
def test_accounts_keep_their_keys_through_the_nights() -> None:
    lab = firm(firm(Lab(), "crm:1", "Acme GmbH", "acme.de"), "crm:2", "Oldco", "oldco.example")
    first = golden_night(lab)
    kept, bought = today(first)["crm:1"], today(first)["crm:2"]
    firm(lab, "desk:5", "Acme", "acme.de", website="oldco.example")
    second = golden_night(lab, NIGHT + timedelta(1), first)
    # The purchase joins both: the older key, or of equals the larger, stays, and the other points
    # to it.
    assert len(set(today(second).values())) == 1 and set(today(second).values()) <= {kept, bought}
    lab.rows["accounts"].pop()
    third = golden_night(lab, NIGHT + timedelta(2), second)
    assert today(third)["crm:1"] != today(third)["crm:2"]
    rerun = golden_night(lab, NIGHT + timedelta(2), third)
    assert rerun["account_map"].equals(third["account_map"])


def test_the_order_of_rows_is_irrelevant() -> None:
    random.seed(6)
    lab = Lab()
    for number in range(40):
        name = random.choice(["Acme", "Beta", "Gamma", "Delta"]) + random.choice(
            ["", " GmbH", " Nord"]
        )
        domain = random.choice([None, "acme.de", "beta.de", "x.gamma.de", "gamma.de"])
        parent = random.choice([None, None, str(random.randrange(40))])
        firm(lab, f"{random.choice(['crm', 'desk', 'bill'])}:{number}", name, domain, parent)
        staff(
            lab,
            f"crm:p{number}",
            f"p{number}@{domain or 'solo.example'}",
            str(random.randrange(40)),
        )
    first = golden_night(lab)
    for rows in lab.rows.values():
        random.shuffle(rows)
    again = golden_night(lab)
    for name in ("account_map", "customer_account", "account"):
        assert again[name].equals(first[name]), name
    levels = dict(first["account"].select("account_key", "hierarchy_level").iter_rows())
    for level, parent in (
        first["account"].select("hierarchy_level", "parent_account_key").iter_rows()
    ):
        assert level == (0 if parent is None else levels[parent] + 1)


def test_every_account_of_every_source_has_a_key() -> None:
    lab = Lab()
    for number in range(9):
        firm(lab, f"crm:{number}", "N/A" if number % 2 else "GmbH", None, str(number + 1))
    assert {f"crm:{number}" for number in range(9)} <= set(today(golden_night(lab)))
