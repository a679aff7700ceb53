"""What `why` says of records that are one customer, of vetoed ones, and of chains that were cut."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import pytest

from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.identity.explain.match_explanation import TABLES, Why
from customer_intel_tests.unit.identity_lab import MOBILE, Lab, person

OFFICE = "+49 221 5550100"


def why(lab: Lab) -> Why:
    lab.night()
    return Why({name: lab.tables[name] for name in TABLES})


def told(lab: Lab, a: str, b: str) -> str:
    return "\n".join(why(lab).two(a, b))


def test_a_shared_email_is_named_as_the_reason() -> None:
    lab = Lab().contact("a:1", **person("Anna", "Weber", "anna@x.de"))
    lab.contact("b:2", **person("Anna", "Weber", "Anna@x.de"))
    text = told(lab, "a:1", "b:2")
    assert re.search(r"They are one customer, c_[0-9a-f]{16}\.", text)
    assert "Directly: they have the same name and the same email (anna@x.de): more than a " in text
    assert "Against it" not in text


def test_a_chain_is_told_link_by_link_with_the_weakest() -> None:
    lab = Lab().contact("a:1", **person("Anna", "Weber", "anna@x.de"))
    lab.contact("b:2", **person("Anna", "Weber", "anna@x.de", phone=MOBILE))
    lab.contact("c:3", **person("Anna", "Weber", "aw@y.de", phone=MOBILE))
    text = told(lab, "a:1", "c:3")
    assert "Over 1 record between them:" in text
    assert "a:1 and b:2: they have the same name and the same email (anna@x.de): " in text
    assert re.search(r"Weakest link: b:2 and c:3, [\d,]+ to 1\.", text)
    assert "against it different emails (anna@x.de, aw@y.de)." in text


def test_a_veto_names_what_is_shared_and_what_speaks_against_it() -> None:
    lab = Lab().contact("a:1", **person("Anna", "Weber", "weber@x.de"))
    lab.contact("b:2", **person("Jonas", "Weber", "weber@x.de"))
    text = told(lab, "a:1", "b:2")
    assert "the same email (weber@x.de), but their first names do not fit (Anna, Jonas)." in text
    assert "identity_overrides" in text


def test_a_veto_holds_for_all_records_that_agree_with_a_vetoed_one() -> None:
    lab = Lab().contact("a:1", **person("Anna", "Weber", "weber@x.de"))
    lab.contact("a:2", **person("Anna", "Weber", "weber@x.de"))
    lab.contact("b:3", **person("Jonas", "Weber", "weber@x.de"))
    lab.contact("b:4", **person("Jonas", "Weber", "weber@x.de"))
    found = why(lab)
    for a in ("a:1", "a:2"):
        for b in ("b:3", "b:4"):
            assert "their first names do not fit" in "\n".join(found.two(a, b))


def test_a_cut_chain_is_shown() -> None:
    lab = Lab().contact("a:1", **person("Anna", "Weber", "anna@x.de"))
    lab.contact("b:2", **person(None, "Weber", "anna@x.de", phone=MOBILE))
    lab.contact("c:3", **person("Jonas", "Weber", "jonas@x.de", phone=MOBILE))
    text = told(lab, "a:1", "c:3")
    assert "They are two customers" in text
    assert "A chain of records leads from one to the other:" in text
    assert "It was cut because their first names do not fit (Anna, Jonas)." in text


def test_a_value_of_too_many_is_said_to_say_nothing() -> None:
    lab = Lab()
    for number, first in enumerate(("Anna", "Jonas", "Petra", "Kurt", "Olaf")):
        lab.contact(f"a:{number}", **person(first, f"Name{number}", "all@x.de"))
    text = told(lab, "a:0", "a:1")
    assert (
        "They share the email all@x.de, but 5 records with 5 names carry it, so it says nothing."
        in text
    )


def test_decisions_are_told_as_such() -> None:
    lab = Lab().contact("a:1", **person("Anna", "Weber", "anna@x.de"))
    lab.contact("b:2", **person("Anna", "Weber", "anna@x.de")).override("never_merge", "a:1", "b:2")
    assert "A person decided that they must stay apart." in told(lab, "a:1", "b:2")


def test_nothing_in_common_is_said_plainly() -> None:
    lab = (
        Lab()
        .contact("a:1", **person("Anna", "Weber", "anna@x.de"))
        .contact("b:2", **person("Kurt", "Hahn"))
    )
    text = told(lab, "a:1", "b:2")
    assert "Nothing that identifies a person is the same in both; they were never compared." in text


def test_two_who_were_never_compared_are_told_what_little_they_share() -> None:
    lab = Lab().contact("a:1", **person("Anna", "Weber", "anna@x.de", city="Köln", country="DE"))
    lab.contact("b:2", **person("Kurt", "Hahn", None, city="Köln", country="DE"))
    text = told(lab, "a:1", "b:2")
    assert "too unlike to be a pair in question; all they share is the city." in text


def test_an_office_number_is_called_so_with_its_counts() -> None:
    lab = Lab()
    for number, first in enumerate(("Anna", "Jonas", "Petra", "Kurt", "Olaf")):
        mailbox = f"{first.lower()}@firma-x.de"
        who = person(first, f"Name{number}", mailbox, phone=OFFICE, country="DE")
        lab.contact(f"a:{number}", **who)
    text = told(lab, "a:0", "a:1")
    assert (
        "They share the office number +492215550100, but it is an office's, of 5 records with 5 names "
        "and 5 mailboxes, so it says little." in text
    )


def test_a_landline_is_called_a_landline() -> None:
    home = {"street": "Ringstr. 12", "city": "Köln", "postal_code": "50667", "country": "DE"}
    lab = Lab().contact("a:1", **person("Anna", "Weber", "anna@x.de", phone=OFFICE, **home))
    lab.contact("b:2", **person("Anna", "Weber", "aw@y.de", phone=OFFICE, **home))
    text = told(lab, "a:1", "b:2")
    assert "the same address and the same landline +492215550100: " in text and "mobile" not in text
    assert "Against it: different emails (anna@x.de, aw@y.de)." in text


def test_a_number_of_yesterday_is_told_with_its_last_day() -> None:
    lab = Lab().contact("crm:1", **person("Anna", "Keller", "anna@x.de", mobile_phone=MOBILE))
    lab.contact("shop:2", **person("Anna", "Keller", None, mobile_phone=MOBILE))
    lab.night(date(2026, 3, 1))
    lab.rows["contacts"][1]["mobile_phone"] = "+49 160 7654321"
    lab.night(date(2026, 3, 2))
    text = "\n".join(Why({name: lab.tables[name] for name in TABLES}).two("crm:1", "shop:2"))
    assert "the phone number that shop:2 had until 2026-03-02 (+491712345678): " in text


DOUBTS = {
    "last_name": (
        person("Tom", "Wagner", "tom.wagner@web.de", mobile_phone=MOBILE),
        person("Tom", "Richter", "tr@gmx.de", mobile_phone=MOBILE),
        "their last names differ, and one shared thing is not enough (Wagner, Richter).",
    ),
    "similar_first_name": (
        person("Maria", "Braun", "fam.braun@web.de"),
        person("Marie", "Braun", "fam.braun@web.de"),
        "their first names are alike, each a name of its own (Maria, Marie).",
    ),
    "generation_gap": (
        person("John", "Hillman", "hills@m.example", birth_date=date(1950, 3, 3)),
        person("John", "Hillman", "hills@m.example", birth_date=date(1980, 3, 3)),
        "their births are a generation apart (1950-03-03, 1980-03-03).",
    ),
    "generation_open": (
        person("John", "Hillman", "hills@m.example", suffix="Jr"),
        person("John", "Hillman", "hills@m.example"),
        "one is a Jr or Sr, and of the other nothing is said.",
    ),
    "no_name": (
        person("Anna", "Weber", None, mobile_phone=MOBILE),
        person(None, None, None, mobile_phone=MOBILE),
        "one of them has no full name, and one shared thing is not enough.",
    ),
    "name_only": (
        person("Anna", "Weber", "a@x.de"),
        person("Anna", "Weber", None),
        "They have the same name, but a name alone is not enough.",
    ),
}


@pytest.mark.parametrize("doubt", DOUBTS)
def test_each_doubt_is_told_in_words(doubt: str) -> None:
    a, b, sentence = DOUBTS[doubt]
    lab = Lab().contact("a:1", **a).contact("b:2", **b)
    text = told(lab, "a:1", "b:2")
    assert sentence in text, text
    assert list(lab.tables["match_edge"]["doubt"]) == [doubt]


def test_what_speaks_against_a_merge_is_told() -> None:
    lab = Lab().contact("a:1", **person("Anna", "Weber", "anna@x.de", mobile_phone=MOBILE))
    lab.contact("b:2", **person("Anna", "Schulz", "anna@x.de", mobile_phone=MOBILE))
    text = told(lab, "a:1", "b:2")
    assert "They are one customer" in text
    assert "Against it: the same first name with another last name." in text


def test_a_doubtful_customer_says_so_with_the_command_that_asks() -> None:
    lab = Lab().contact("a:1", **DOUBTS["last_name"][0]).contact("b:2", **DOUBTS["last_name"][1])
    text = "\n".join(why(lab).one("a:1"))
    assert "In doubt: a:1 and b:2 may be one person: their last names differ" in text
    assert "(customer-intel review)" in text


def test_many_alike_records_are_one_line_and_a_hub_is_summed_up() -> None:
    lab = Lab()
    for number in range(30):
        lab.contact(f"a:{number}", **person("Anna", "Weber", "anna@x.de", mobile_phone=MOBILE))
        lab.contact(
            f"t:{number}", **person(None, None, "till@y.de", phone=f"+49 171 23456{number:02d}")
        )
    found = why(lab)
    lines = found.one("a:0")
    assert "  a:0 and 29 more: Anna Weber, anna@x.de, +49 171 2345678" in lines and len(lines) < 9
    assert (
        "No reason to join anybody: the email till@y.de: 30 records with 30 phone numbers carry "
        "it, so it says nothing." in found.one("t:0")
    )


def test_what_forms_are_filled_with_is_told_as_such() -> None:
    lab = Lab().contact("a:1", **person("Anna", "Weber", "none@none.com"))
    lab.contact("b:2", **person("Jonas", "Hahn", "none@none.com"))
    assert "what people type because a form insists (2 records)" in told(lab, "a:1", "b:2")


def test_a_customer_is_told_with_its_records_links_and_diary() -> None:
    lab = Lab().contact("a:1", **person("Anna", "Weber", "anna@x.de"))
    lab.contact("b:2", **person("Anna", "Weber", "aw@y.de"))
    lab.night(date(2026, 3, 1))
    older = lab.customers()
    lab.contact("c:3", **person("Anna", "Weber", "anna@x.de", secondary_email="aw@y.de"))
    lab.night(date(2026, 3, 2))
    found = Why({name: lab.tables[name] for name in TABLES})
    merged = next(key for key in older.values() if key not in lab.customers().values())
    text = "\n".join(found.one(merged))
    assert f"{merged} is {lab.customers()['a:1']} today (merged)." in text
    assert (
        "is 3 records:" in text and "They are one because:" in text and "2026-03-01: born" in text
    )
    assert "\n".join(found.one("a:1")) in text


def test_an_unknown_record_is_refused_with_the_nearest() -> None:
    found = why(Lab().contact("shop:10", **person("Anna", "Weber", "anna@x.de")))
    with pytest.raises(ConfigError, match=r"there is no record 'shop:1'; did you mean .*shop:10"):
        found.two("shop:10", "shop:1")
    with pytest.raises(ConfigError, match="there is no record and no customer 'c_0'"):
        found.one("c_0")


def test_the_command_reads_a_home(demo_night: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import polars as pl

    from customer_intel.cli.people import why as command
    from customer_intel.core.store.lake import Lake

    home = demo_night
    known = pl.read_parquet(Lake(home).files("record_customer_map")).filter(
        pl.col("valid_to").is_null()
    )
    customer = known.group_by("customer_id").len().sort("len", "customer_id")["customer_id"][-1]
    command(customer, None, home, as_json=True)
    assert json.loads(capsys.readouterr().out)[0].startswith(f"{customer} is ")
