"""Deletions, full exports, corrections, late and re-sent files, vanished sources: what stands in
the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from customer_intel.core.contract import load as contract
from customer_intel.ingest.conform.conform import conformed_sql
from customer_intel.ingest.land import entity_night as landing
from customer_intel.ingest.land.landing_folder import export_file
from customer_intel_tests.unit.sqlroom import schema

ENTITIES = contract.load().entities
CONFIG = {"max_reject_share": 0.5, "max_unpacked_bytes": 10**8, "max_ratio": 200}
PEOPLE = """\
source: crm
files: "people*"
entity: contacts
columns: {contact_id: id, first_name: name, created_at: born, updated_at: changed, _deleted: gone}
optional: [gone]
"""
FULL = PEOPLE + "snapshot: true\n"
PRODUCTS = """\
source: crm
files: "people*"
entity: products
columns: {product_id: id, title: name}
snapshot: true
"""


class Company:
    """A landing folder whose accepted rows are kept from night to night, as the lake keeps them."""

    def __init__(self, root: Path, mapping: str, entity: str = "contacts") -> None:
        self.root, self.entity = root, ENTITIES[entity]
        self.facts: dict[str, dict[str, Any]] = {}
        self.files: dict[str, Path] = {}
        self.con = duckdb.connect(config={"threads": "1"})
        self.con.execute("SET TimeZone = 'UTC'")
        self.nights = 0
        (root / "mappings").mkdir()
        self.map(mapping)

    def map(self, mapping: str) -> None:
        (self.root / "mappings" / "crm_people.yaml").write_text(mapping)

    def land(
        self,
        day: int,
        *rows: str,
        name: str = "people.csv",
        header: str = "id,name,born,changed,gone",
    ) -> None:
        path = self.root / f"landing/crm/2026-02-{day:02d}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([header, *rows]) + "\n")

    def night(self, day: int) -> list[str]:
        """Runs a night and keeps its parts. Returns what it says."""
        self.nights += 1
        work = self.root / f"work{self.nights}"
        work.mkdir()
        result = landing.ingest(
            entity=self.entity,
            landing=self.root / "landing",
            mappings_dir=self.root / "mappings",
            as_of=date(2026, 2, day),
            known=list(self.facts.values()),
            held_files=self.files,
            workdir=work,
            con=self.con,
            config=CONFIG,
        )
        assert all(found["severity"] == "warning" for found in result.findings), result.findings
        for key in result.gone:
            self.facts.pop(key)
            self.files.pop(key)
        self.facts |= {part.key: part.facts for part in result.parts}
        self.files |= {part.key: part.parquet for part in result.parts}
        return [str(found["message"]) for found in result.findings]

    def standing(self, columns: str = "contact_id, first_name") -> list[tuple[Any, ...]]:
        """The entity's rows after its newest night."""
        if not self.files:
            return []
        paths = ", ".join(f"'{path}'" for path in self.files.values())
        self.con.execute(
            f"CREATE OR REPLACE VIEW raw_{self.entity.name} AS SELECT * FROM "
            f"read_parquet([{paths}])"
        )
        return self.con.execute(
            f"SELECT {columns} FROM ({conformed_sql(self.entity)}) ORDER BY ALL"
        ).fetchall()

    def ids(self) -> str:
        return "".join(str(row[0]) for row in self.standing(self.entity.key[1]))


def person(who: str, changed: str = "2026-01-05", gone: str = "", name: str = "") -> str:
    return f"{who},{name or who.upper()},2026-01-01,{changed},{gone}"


def people(names: Iterable[str]) -> list[str]:
    return [person(name) for name in names]


@pytest.fixture
def crm(tmp_path: Path) -> Company:
    return Company(tmp_path, PEOPLE)


@pytest.fixture
def full(tmp_path: Path) -> Company:
    return Company(tmp_path, FULL)


# ---- deletions


def test_a_deleted_row_is_gone_and_a_newer_correction_brings_it_back(crm: Company) -> None:
    crm.land(1, *people("ab"))
    crm.land(2, person("a", "2026-02-01", "true"))
    crm.night(2)
    assert crm.ids() == "b"
    crm.land(3, person("a", "2026-02-02", name="back"))
    crm.night(3)
    assert crm.standing() == [("a", "back"), ("b", "B")]


def test_a_deletion_that_is_older_than_the_row_does_not_end_it(crm: Company) -> None:
    crm.land(1, person("a", "2026-01-20"))
    crm.land(2, person("a", "2026-01-10", "true"))
    crm.night(2)
    assert crm.ids() == "a"


def test_a_deletion_without_a_time_ends_older_exports_and_a_later_one_brings_the_row_back(
    crm: Company,
) -> None:
    crm.land(1, person("a", "2026-01-31"), person("b", "2026-02-27"))
    crm.land(2, "a,,,,true", "b,,,,true")
    crm.night(2)
    assert crm.ids() == ""
    crm.land(3, person("a", "2026-01-31"))
    crm.night(3)
    assert crm.ids() == "a"


def test_a_deletion_without_a_time_beats_the_same_days_row(crm: Company) -> None:
    crm.land(2, person("a", "2026-02-01"), name="people.csv")
    crm.land(2, "a,,,,true", name="people_deleted.csv")
    crm.night(2)
    assert crm.ids() == ""


# ---- corrections, late and re-sent data


def test_the_newest_change_wins_whenever_it_comes(crm: Company) -> None:
    crm.land(3, person("a", "2026-02-03", name="newest"))
    crm.night(3)
    crm.land(1, person("a", "2026-02-01", name="late"), person("b"))
    crm.night(3)
    assert crm.standing() == [("a", "newest"), ("b", "B")]


def test_the_same_rows_in_another_file_change_nothing(crm: Company) -> None:
    crm.land(1, *people("ab"))
    crm.night(1)
    before = crm.standing("*")
    crm.land(2, *people("ba"))
    crm.night(2)
    assert [row[:2] for row in crm.standing("contact_id, first_name")] == [("a", "A"), ("b", "B")]
    assert len(crm.standing("*")) == len(before)


def test_a_re_sent_file_has_no_effect(crm: Company) -> None:
    crm.land(1, *people("ab"))
    crm.night(1)
    before = crm.standing("*")
    crm.land(2, *people("ab"))
    crm.night(2)
    assert crm.standing("*") == before


# ---- full exports


def test_what_a_full_export_lacks_is_gone_and_said(full: Company) -> None:
    full.land(1, *people("abc"))
    assert full.night(1) == []
    full.land(2, *people("ac"))
    assert full.night(2) == [
        (
            "crm/2026-02-02/people.csv: 1 rows of the export before are missing from this full "
            "export "
            "and count as deleted"
        )
    ]
    assert full.ids() == "ac"
    (gone,) = full.con.execute(
        "SELECT contact_id, exported_at::DATE FROM raw_contacts WHERE _deleted"
    ).fetchall()
    assert gone == ("b", date(2026, 2, 2))


def test_a_mapping_without_snapshot_deletes_nothing(crm: Company) -> None:
    crm.land(1, *people("abc"))
    crm.land(2, *people("ac"))
    assert crm.night(2) == []
    assert crm.ids() == "abc"


def test_what_comes_back_in_a_later_full_export_stands_again_unchanged(full: Company) -> None:
    for day, names in ((1, "abc"), (2, "ac"), (3, "abc")):
        full.land(day, *people(names))
        full.night(day)
    assert full.ids() == "abc"
    assert "missing/crm_people" not in full.facts


def test_what_is_gone_stays_gone_over_many_full_exports(full: Company) -> None:
    for day, names in ((1, "abcd"), (2, "acd"), (3, "ad"), (4, "ade")):
        full.land(day, *people(names))
        full.night(day)
    assert full.ids() == "ade"
    gone = "SELECT contact_id, day(exported_at) FROM raw_contacts WHERE _deleted ORDER BY 1"
    found = full.con.execute(gone).fetchall()
    assert found == [("b", 2), ("c", 3)]


def test_nights_one_by_one_and_all_at_once_end_alike(tmp_path: Path) -> None:
    exports = ((1, "abcd"), (2, "bcd"), (3, "abd"), (4, "adx"))
    ends = []
    for name, stops in (("each", (1, 2, 3, 4)), ("once", (4,)), ("two", (2, 4))):
        (tmp_path / name).mkdir()
        company = Company(tmp_path / name, FULL)
        for day, names in exports:
            company.land(day, *people(names))
        for stop in stops:
            company.night(stop)
        ends.append(company.standing("contact_id, first_name, updated_at, exported_at"))
    assert ends[0] == ends[1] == ends[2]
    assert [row[0] for row in ends[0]] == ["a", "d", "x"]


def test_a_night_sees_only_the_full_exports_up_to_its_date(full: Company) -> None:
    full.land(1, *people("ab"))
    full.land(2, *people("a"))
    full.night(1)
    assert full.ids() == "ab"
    full.night(2)
    assert full.ids() == "a"


def test_an_older_full_export_that_comes_late_brings_nothing_back(full: Company) -> None:
    full.land(1, *people("ab"))
    full.land(3, *people("a"))
    full.night(3)
    full.land(2, *people("abz"))
    full.night(3)
    assert full.ids() == "a"


def test_a_corrected_full_export_replaces_what_it_had_deleted(full: Company) -> None:
    full.land(1, *people("abc"))
    full.land(2, *people("a"))
    full.night(2)
    assert full.ids() == "a"
    full.land(2, *people("ab"))
    full.night(2)
    assert full.ids() == "ab"


def test_the_same_night_again_changes_nothing(full: Company) -> None:
    full.land(1, *people("abc"))
    full.land(2, *people("ac"))
    full.night(2)
    before = dict(full.files)
    assert full.night(2) == []
    assert full.files == before


def test_a_row_in_quarantine_does_not_count_as_missing(full: Company) -> None:
    full.land(1, *people("abc"))
    full.night(1)
    full.land(2, person("a"), person("b", changed="soon"))
    said = full.night(2)
    assert any("1 rows of the export before are missing" in message for message in said)
    assert full.ids() == "ab"
    full.land(3, *people("a"))
    full.night(3)
    assert full.ids() == "a"


def test_a_row_that_cannot_be_read_puts_off_all_deletions(full: Company) -> None:
    full.land(1, *people("abcd"))
    full.night(1)
    full.land(2, *people("abc"), "one value")
    said = full.night(2)
    assert any(
        "do not count as deleted, for 1 of its rows are in quarantine" in message
        for message in said
    )
    assert full.ids() == "abcd"
    full.land(3, *people("abc"))
    full.night(3)
    assert full.ids() == "abc"


def test_a_full_export_of_fewer_files_than_before_deletes_nothing(full: Company) -> None:
    full.land(1, *people("ab"), name="people_1.csv")
    full.land(1, *people("cd"), name="people_2.csv")
    full.night(1)
    full.land(2, *people("abx"), name="people_1.csv")
    assert any("it came in 1 files, the one before in 2" in message for message in full.night(2))
    assert full.ids() == "abcdx"
    full.land(2, *people("c"), name="people_2.csv")
    full.night(2)
    assert full.ids() == "abcx"


def test_what_a_full_export_of_too_few_files_left_open_the_next_one_settles(full: Company) -> None:
    full.land(1, *people("ab"), name="people_1.csv")
    full.land(1, *people("cd"), name="people_2.csv")
    full.night(1)
    full.land(2, *people("ab"), name="people_1.csv")
    full.night(2)
    full.land(3, *people("ab"), name="people_1.csv")
    full.land(3, *people("c"), name="people_2.csv")
    full.night(3)
    assert full.ids() == "abc"


def test_full_exports_without_a_time_of_change(tmp_path: Path) -> None:
    shop = Company(tmp_path, PRODUCTS, "products")
    for day, names in ((1, "ab"), (2, "b"), (3, "abc")):
        shop.land(day, *people(names))
        shop.night(day)
        assert shop.ids() == names


def test_a_mapping_that_is_no_longer_full_forgets_what_was_missing(full: Company) -> None:
    full.land(1, *people("ab"))
    full.land(2, *people("a"))
    full.night(2)
    assert full.ids() == "a"
    full.map(PEOPLE)
    full.night(2)
    assert full.ids() == "ab"


def test_missing_rows_are_no_file_in_the_ledger(full: Company) -> None:
    full.land(1, *people("ab"))
    full.land(2, *people("a"))
    full.night(2)
    files = export_file(
        list(full.facts.values()), full.root / "landing", date(2026, 2, 2), schema("export_file")
    )
    assert files["source_file"].to_list() == [
        "crm/2026-02-01/people.csv",
        "crm/2026-02-02/people.csv",
    ]


# ---- vanished sources


def test_rows_stay_when_the_landing_folder_is_emptied(crm: Company) -> None:
    crm.land(1, *people("ab"))
    crm.night(1)
    (crm.root / "landing/crm/2026-02-01/people.csv").unlink()
    assert crm.night(2) == []
    assert crm.ids() == "ab"
