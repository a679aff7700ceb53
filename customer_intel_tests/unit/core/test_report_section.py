"""Rooms' report.py: found by folder, ordered by place, and refused with the file and the remedy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.report.evidence import Evidence
from customer_intel.core.report.section import room_reports
from customer_intel_tests.house import House
from customer_intel_tests.unit.report_lake import AS_OF, SNAPSHOT
from customer_intel_tests.whole_nights import cli

REPORT = """\
from customer_intel.core.report.markup import quiet
from customer_intel.core.report.section import RoomReport, Section

REPORT = RoomReport(
    place={place},
    sections=(Section("{key}", "Title", lambda evidence: quiet("nothing")),),
    glossary={{"{term}": "what it means"}},
)
"""


@pytest.fixture
def write(house: House) -> Callable[..., None]:
    def room(name: str, text: str = REPORT, *, tables: bool = True, **words: object) -> None:
        (house.package / name).mkdir(exist_ok=True)
        if tables and not (house.package / name / "tables.yaml").exists():
            house.write(f"{name}/tables.yaml", "{}\n")
        house.write(f"{name}/report.py", text.format(**words))

    return room


def test_reports_are_found_by_folder_and_come_in_the_order_of_their_places(
    house: House, write: Callable[..., None]
) -> None:
    write("room", place=20, key="later", term="b")
    write("attic", place=10, key="first", term="a")
    write("no_room", "REPORT = None\n", tables=False)
    keys = [room.sections[0].key for room in room_reports(house.package)]
    assert keys == ["first", "later"]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ({"place": 10, "key": "b", "term": "b"}, "place 10"),
        ({"place": 20, "key": "a", "term": "b"}, "section key a"),
        ({"place": 20, "key": "b", "term": "a"}, "glossary term a"),
    ],
)
def test_two_rooms_that_claim_the_same_are_both_named(
    house: House, write: Callable[..., None], words: dict[str, object], what: str
) -> None:
    write("room", place=10, key="a", term="a")
    write("attic", **words)
    with pytest.raises(
        ConfigError, match=f"attic/report.py and room/report.py have the {what} both; change it"
    ):
        room_reports(house.package)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\n", "room/report.py: no REPORT in it; end it with REPORT = RoomReport"),
        ("x = 1\ny = = 2\n", "room/report.py:2: invalid syntax; mend the Python there"),
        ("import nowhere\n", "room/report.py:1: No module named 'nowhere'; mend the Python there"),
        ("x = 1\nREPORT = RoomReport()\n", "room/report.py:2: name 'RoomReport' is not defined"),
    ],
)
def test_a_module_that_is_no_report_is_refused_with_its_line(
    house: House, write: Callable[..., None], text: str, said: str
) -> None:
    write("room", text)
    with pytest.raises(ConfigError, match=said):
        room_reports(house.package)


def test_a_function_of_a_report_is_never_a_table(house: House, write: Callable[..., None]) -> None:
    write("room", "def total(evidence):\n    return 1\n")
    assert house.definitions["total"].kind == "sql"


def test_what_is_asked_of_an_evidence_twice_is_made_once(house: House) -> None:
    evidence = Evidence({}, AS_OF, SNAPSHOT, house.home)
    made: list[Evidence] = []

    def numbers(source: Evidence) -> int:
        made.append(source)
        return len(made)

    assert (evidence.once(numbers), evidence.once(numbers)) == (1, 1)
    assert made == [evidence]


def test_check_tells_of_a_broken_report_before_a_night_ends_with_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken() -> None:
        raise ConfigError("room/report.py:1: no REPORT in it")

    monkeypatch.setattr("customer_intel.core.report.section.room_reports", broken)
    ran = cli("check", "--home", tmp_path)
    assert (ran.code, "room/report.py:1: no REPORT" in ran.text) == (3, True)


def test_what_a_word_means_is_told_with_the_homes_own_settings(tmp_path: Path) -> None:
    evidence = Evidence({}, AS_OF, SNAPSHOT, tmp_path)
    assert evidence.meanings("rfm", "segment")["new_customers"] == "one order, within 30 days"
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "company.yaml").write_text("new_days: 14\n")
    meanings = evidence.meanings("rfm", "segment")
    assert meanings["new_customers"] == "one order, within 14 days"
    assert not any("_days" in text for text in meanings.values())
