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
    assert "Directly: they have the same email (anna@x.de)." in text


def test_a_chain_is_told_link_by_link_with_the_weakest() -> None:
    lab = Lab().contact("a:1", **person("Anna", "Weber", "anna@x.de"))
    lab.contact("b:2", **person("Anna", "Weber", "anna@x.de", phone=MOBILE))
    lab.contact("c:3", **person("Anna", "Weber", "aw@y.de", phone=MOBILE))
    text = told(lab, "a:1", "c:3")
    assert "Over 1 record between them:" in text
    assert "a:1 and b:2: they have the same email (anna@x.de)" in text
    assert "Weakest link: b:2 and c:3, they have the same mobile number." in text


def test_a_veto_names_what_is_shared_and_what_speaks_against_it() -> None:
    lab = Lab().contact("a:1", **person("Anna", "Weber", "weber@x.de"))
    lab.contact("b:2", **person("Jonas", "Weber", "weber@x.de"))
    text = told(lab, "a:1", "b:2")
    assert (
        "They share the email weber@x.de, but their first names do not fit (Anna, Jonas)." in text
    )
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
    assert "A chain of links leads from one to the other:" in text
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
    assert "a person decided that they must stay apart" in told(lab, "a:1", "b:2")


def test_nothing_in_common_is_said_plainly() -> None:
    lab = (
        Lab()
        .contact("a:1", **person("Anna", "Weber", "anna@x.de"))
        .contact("b:2", **person("Kurt", "Hahn"))
    )
    assert "Nothing that identifies a person is the same in both." in told(lab, "a:1", "b:2")


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
