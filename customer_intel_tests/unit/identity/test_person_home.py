"""A list of people as a home: what the night's intake makes of it, value for value."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from customer_intel.core.contract import load as contract
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.engine import DuckDBEngine, EngineSettings
from customer_intel.core.tables.parameters import room_config
from customer_intel.identity.records.person_columns import PersonColumns, guessed, mapped
from customer_intel.identity.records.person_home import mapping_of, write_home
from customer_intel.ingest.land import entity_night

NIGHT = date(2026, 3, 1)


def contacts(home: Path) -> dict[str, dict[str, Any]]:
    """record_key → the contact as the night reads the home's landing."""
    work = home / "work"
    work.mkdir()
    result = entity_night.ingest(
        entity=contract.load().entities["contacts"], landing=home / "landing",
        mappings_dir=home / "config" / "mappings", as_of=NIGHT, known=[], workdir=work,
        con=DuckDBEngine(EngineSettings(), [home]).con, config=room_config("ingest", home),
    )  # fmt: skip
    assert [found["message"] for found in result.findings if found["severity"] == "critical"] == []
    rows = pl.concat(pl.read_parquet(part.parquet) for part in result.parts)
    return {row["record_key"]: row for row in rows.to_dicts()}


def taken(
    frame: pl.DataFrame, home: Path, columns: PersonColumns | None = None
) -> list[dict[str, Any]]:
    """The contact of each row, in the frame's order: none is lost."""
    keys = write_home(frame, columns or guessed(frame), home, NIGHT)
    found = contacts(home)
    assert len(found) == len(keys) == len(frame)
    return [found[key] for key in keys]


def emptied(row: dict[str, Any]) -> str | None:
    found: dict[str, str] = json.loads(row["extra_json"] or "{}").get("_emptied", {})
    return found.get("birth_date")


# As a column writes its dates: text > date, or > the digits of none, which still compare.
DATES = {
    "ISO": """1980-05-17 > 1980-05-17; 1981-02-29 > ?1981-02-29; 1994-11-71 > ?1994-11-71; 0000-05-17 > ?0000-05-17;
        0000-00-00 > ; > ; 1550-07-02 > 1550-07-02; 1980-05-17 00:00:00 > 1980-05-17; 1980 > 1980-01-01;
        1980-5-7 > 1980-05-07; 198-05-17 > ?198-05-17""",
    "compact": "19800517 > 1980-05-17; 19810229 > ?1981-02-29; 19941371 > ?1994-13-71; 19080419.0 > 1908-04-19",
    "compact, day first": "17051980 > 1980-05-17; 29021981 > ?1981-02-29",
    "day first": "17.05.1980 > 1980-05-17; 3.4.1975 > 1975-04-03; 29/02/1981 > ?1981-02-29",
    "month first": "05/17/1980 > 1980-05-17; 4/3/1975 > 1975-04-03; 02/29/1981 > ?1981-02-29; o9/17/198 > ?198-o9-17",
    "year of two digits": "17/05/80 > 1980-05-17; 03/04/20 > 2020-04-03; 31/12/27 > 1927-12-31",
    "year first, of two digits": "80-05-17 > 1980-05-17; 75-04-03 > 1975-04-03",
    "words": "17 May 1980 > 1980-05-17; March 3, 1975 > 1975-03-03; 17 Mai 1980 > ?17 Mai 1980",
    "slashes, year first": "1980/05/17 > 1980-05-17; 1975/4/3 > 1975-04-03",
}


@pytest.mark.parametrize("form", DATES)
def test_birth_dates_in_any_order_are_dates_and_odd_ones_keep_their_digits(
    form: str, tmp_path: Path
) -> None:
    pairs = [[part.strip() for part in item.split(">")] for item in DATES[form].split(";")]
    frame = pl.DataFrame(
        {"surname": ["Lee"] * len(pairs), "dob": [text or None for text, _ in pairs]}
    )
    rows = taken(frame, tmp_path)
    found = [
        str(row["birth_date"] or "") or (f"?{text}" if (text := emptied(row)) else "")
        for row in rows
    ]
    assert found == [told for _, told in pairs]


def test_parts_of_a_birth_date_are_put_together(tmp_path: Path) -> None:
    parts = {
        "by": ["1980", "1994", "1975", None], "bm": ["5", "11", None, "1"], "bd": ["17", "31", "3", "1"],
    }  # fmt: skip
    rows = taken(pl.DataFrame({"surname": ["Lee"] * 4, **parts}), tmp_path)
    assert [(row["birth_date"], emptied(row)) for row in rows] == [
        (date(1980, 5, 17), None), (None, "1994-11-31"), (date(1975, 1, 1), None), (None, None),
    ]  # fmt: skip


def test_a_row_has_the_lists_key_else_its_place(tmp_path: Path) -> None:
    frame = pl.DataFrame({"id": ["A7", "b 2"], "name": ["Ann Lee", "Bo Ray"]})
    keyed = write_home(frame, guessed(frame), tmp_path / "a", NIGHT)
    assert keyed.to_list() == ["records:A7", "records:b 2"]
    placed = write_home(frame.drop("id"), guessed(frame.drop("id")), tmp_path / "b", NIGHT)
    assert placed.to_list() == ["records:1", "records:2"]
    floats = frame.with_columns(id=pl.Series(["17001.0", "17002.0"]))
    assert write_home(floats, guessed(floats), tmp_path / "c", NIGHT)[0] == "records:17001"


def test_rows_that_are_alike_stay_two(tmp_path: Path) -> None:
    frame = pl.DataFrame({"surname": ["Lee", "Lee", "Ray"], "city": ["Ulm", "Ulm", "Ulm"]})
    assert [row["last_name"] for row in taken(frame, tmp_path)] == ["Lee", "Lee", "Ray"]


def test_every_kind_of_column_arrives_as_it_was_meant(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "fname": [" Ann ", "NULL"], "lname": ["Lee", "Ray"], "Sex": ["F", "NULL"], "title": ["Dr", "Mr"],
            "House No": ["12.0", "7.0"], "Street Name": ["Main St", "Oak Rd"], "Apt": ["4b", None],
            "Address 2": ["c/o Fox", "NULL"], "area_code": ["212", "NULL"], "phone": ["555-0142", "+44 20 7946 0001"],
            "cell": ["917 555 0188", None], "email": ["ann@x.example", "none"], "ssn": ["536-22-8714", "536-22-8715"],
            "Place of Birth": ["Ulm", "Bonn"], "Occupation": ["baker", "clerk"], "Branch": ["North", "South"],
            "zip": ["02134", "10115"], "shoe size": ["41", "42"],
        }
    )  # fmt: skip
    ann, bo = taken(frame, tmp_path)
    expected = {
        "first_name": "Ann", "last_name": "Lee", "gender": "female", "house_number": "12", "street": "Main St",
        "unit": "4b", "street_2": "c/o Fox", "phone": "212 555-0142", "mobile_phone": "917 555 0188",
        "email": "ann@x.example", "id_number": "536-22-8714", "birth_place": "Ulm", "job_title": "baker",
        "company_name": "North", "postal_code": "02134",
    }  # fmt: skip
    assert {name: ann[name] for name in expected} == expected
    assert (bo["first_name"], bo["gender"], bo["street_2"]) == (None, None, None)
    assert (bo["phone"], bo["email"]) == ("+44 20 7946 0001", None)
    # What no comparison uses is not landed: nothing else can tell who a record is.
    assert "shoe" not in str(ann["extra_json"])


def test_sources_that_list_a_person_once_are_sources_of_the_night(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "who": ["Census 2020", "census-2020", None, "tax"],
            "name": ["Ann Lee", "Bo Ray", "Cy", "Di"],
        }
    )
    columns = mapped(frame, {"full_name": "name", "source": "who"})
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "identity.yaml").write_text(
        "device_days: 7\nduplicate_free_sources: [crm]\n"
    )
    rows = taken(frame, tmp_path, columns)
    assert [row["record_key"] for row in rows] == [
        "census_2020:1", "census_2020_:2", "records:3", "tax:4",
    ]  # fmt: skip
    config = room_config("identity", tmp_path)
    # Rows that name no source may repeat people.
    assert config["duplicate_free_sources"] == ["census_2020", "census_2020_", "crm", "tax"]
    assert config["device_days"] == 7
    assert room_config("identity", tmp_path / "none")["duplicate_free_sources"] == []


def test_a_column_of_people_is_none_of_sources(tmp_path: Path) -> None:
    frame = pl.DataFrame({"name": [f"N{n} Lee" for n in range(150)]}).with_columns(who="name")
    with pytest.raises(ConfigError, match="150 values; more than 100 are no sources"):
        write_home(frame, mapped(frame, {"full_name": "name", "source": "who"}), tmp_path, NIGHT)


def test_the_mapping_serves_the_file_itself(tmp_path: Path) -> None:
    """As a user lays their own CSV into their landing: the same contacts."""
    frame = pl.DataFrame(
        {"vorname": ["Ann", "Ann"], "name": ["Lee", "Lee"], "geb": ["17.5.1980", "17.5.1980"]}
    )
    made = mapping_of(guessed(frame), "crm")
    assert made["duplicates"] == "keep"
    (tmp_path / "config" / "mappings").mkdir(parents=True)
    (tmp_path / "config" / "mappings" / "crm_people.yaml").write_text(json.dumps(made))
    landed = tmp_path / "landing" / "crm" / NIGHT.isoformat() / "contacts.csv"
    landed.parent.mkdir(parents=True)
    frame.write_csv(landed)
    found = contacts(tmp_path)
    assert sorted(found) == ["crm:1", "crm:2"]
    assert {row["birth_date"] for row in found.values()} == {date(1980, 5, 17)}
