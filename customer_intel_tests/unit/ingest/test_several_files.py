"""One entity from several files of one source: each column's value is that of the newest file that
has the column.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from customer_intel.core.contract import load as contract
from customer_intel.core.contract.model import STAMPS
from customer_intel.core.engine import DuckDBEngine, EngineSettings
from customer_intel.core.tables.parameters import room_config
from customer_intel.ingest.conform.column_sets import COLUMNS, places
from customer_intel.ingest.conform.latest_row import conformed_sql
from customer_intel.ingest.land import entity_night as landing
from customer_intel.ingest.land.landing_folder import export_file
from customer_intel.ingest.land.records_fates import records_fates
from customer_intel_tests.unit.sqlroom import schema

ENTITIES = contract.load().entities
Row = dict[str, Any]
TIMES = "created_at: _exported_at, updated_at: _exported_at"
PERSON = f"""\
source: v
files: "*person*"
entity: contacts
columns: {{contact_id: id, gender: Gender, birth_date: Birth, {TIMES}, _deleted: gone}}
optional: [gone, Birth]
"""
ADDRESS = f"""\
source: v
files: "*address*"
entity: contacts
columns: {{contact_id: id, city: City, state: State, {TIMES}}}
"""


class Home:
    """A landing folder and the parts that its nights took, as the lake keeps them."""

    def __init__(self, root: Path, **mappings: str) -> None:
        self.root, self.entity = root, ENTITIES["contacts"]
        self.facts: dict[str, dict[str, Any]] = {}
        self.files: dict[str, Path] = {}
        self.con = duckdb.connect(config={"threads": "1"})
        self.con.execute("SET TimeZone = 'UTC'")
        self.nights = 0
        (root / "mappings").mkdir(parents=True)
        for name, text in mappings.items():
            (root / "mappings" / f"{name}.yaml").write_text(text)

    def land(self, day: int, name: str, rows: Iterable[Row]) -> None:
        rows = list(rows)
        out = io.StringIO()
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        path = self.root / f"landing/v/2026-06-{day:02d}" / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(out.getvalue())

    def night(self, day: int, **config: int) -> list[str]:
        self.nights += 1
        work = self.root / f"work{self.nights}"
        work.mkdir()
        result = landing.ingest(
            entity=self.entity,
            landing=self.root / "landing",
            mappings_dir=self.root / "mappings",
            as_of=date(2026, 6, day),
            known=list(self.facts.values()),
            held_files=self.files,
            workdir=work,
            con=self.con,
            config={**room_config("ingest", self.root), **config},
        )
        assert not [f for f in result.findings if f["severity"] == "critical"], result.findings
        for key in result.gone:
            self.facts.pop(key)
            self.files.pop(key)
        self.facts |= {part.key: part.facts for part in result.parts}
        self.files |= {part.key: part.parquet for part in result.parts}
        return [str(found["message"]) for found in result.findings]

    def rows(self) -> dict[str, Row]:
        """The entity's rows by id, all columns."""
        paths = ", ".join(f"'{path}'" for path in self.files.values())
        self.con.execute(
            f"CREATE OR REPLACE VIEW raw_contacts AS SELECT * FROM read_parquet([{paths}])"
        )
        found = pl.DataFrame(self.con.execute(conformed_sql(self.entity)).to_arrow_table())
        assert found["contact_id"].n_unique() == len(found)
        names = [column.name for column in self.entity.columns if column.name not in STAMPS]
        assert found.columns == names
        return {str(row["contact_id"]): row for row in found.iter_rows(named=True)}

    def of(self, who: str, *names: str) -> tuple[Any, ...]:
        row = self.rows()[who]
        return tuple(row[name] for name in names)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home", v_person=PERSON, v_address=ADDRESS)


def persons(*who: str, gender: str = "f", **more: str) -> list[Row]:
    return [{"id": name, "Gender": gender, "Birth": "1980-01-01", **more} for name in who]


def addresses(*who: str, city: str = "Ulm", state: str = "BW", **more: str) -> list[Row]:
    return [{"id": name, "City": city, "State": state, **more} for name in who]


def test_a_record_has_the_columns_of_both_files_and_says_whose(home: Home) -> None:
    home.land(1, "address", addresses("a", "b", House="7"))
    home.land(1, "person", persons("a", "c", Shoe="41"))
    home.night(1)
    assert sorted(home.rows()) == ["a", "b", "c"]
    both = home.rows()["a"]
    assert [both[name] for name in ("gender", "birth_date", "city", "state")] == [
        "f", date(1980, 1, 1), "Ulm", "BW",
    ]  # fmt: skip
    assert json.loads(both["extra_json"]) == {"Shoe": "41", "House": "7"}
    assert both["source_file"] == "v/2026-06-01/person.csv"
    address = "v/2026-06-01/address.csv"
    assert json.loads(both["column_files"]) == {
        "city": address, "state": address, "extra_json": [address],
    }  # fmt: skip
    assert home.of("b", "city", "gender", "column_files") == ("Ulm", None, None)


def test_each_files_records_are_accounted_for(home: Home) -> None:
    home.land(1, "person", persons("a", "b", "c", gone="no"))
    home.land(1, "address", addresses("a", "b", House="7"))
    home.night(1)
    home.land(2, "person", [*persons("a", gender="m", gone="no"), *persons("c", gone="yes")])
    home.land(2, "address", addresses("b", city="Bonn", House="8"))
    home.night(2)
    rows = pl.DataFrame(list(home.rows().values()), infer_schema_length=None)
    fates = records_fates(list(home.facts.values()), {"contacts": rows.lazy()})
    told = {part.removeprefix("2026-06-0").replace("v_", ""): fate for part, fate in fates.items()}
    counts = {part.split("/v/")[0]: tuple(fate.values()) for part, fate in told.items()}
    # Standing, merged, replaced: b's person and a's address give columns, c is deleted.
    assert counts == {
        "1/person": (0, 1, 2), "1/address": (0, 1, 1), "2/person": (1, 0, 1), "2/address": (1, 0, 0),
    }  # fmt: skip
    files = export_file(
        list(home.facts.values()), home.root / "landing", date(2026, 6, 2), schema("export_file"),
        entities={"contacts": rows.lazy()},
    )  # fmt: skip
    assert files["records_merged"].sum() == 2
    assert sorted(files["records_written"].to_list()) == [1, 2, 2, 3]


def test_a_correction_in_one_file_changes_its_columns_only(home: Home) -> None:
    home.land(1, "person", persons("a", "b"))
    home.land(1, "address", addresses("a", "b"))
    home.night(1)
    home.land(2, "person", persons("a", gender="m"))
    home.night(2)
    columns = ("gender", "birth_date", "city", "state")
    assert home.of("a", *columns) == ("m", date(1980, 1, 1), "Ulm", "BW")
    assert home.of("b", *columns) == ("f", date(1980, 1, 1), "Ulm", "BW")
    home.land(3, "person", persons("a", gender="x"))
    home.land(3, "address", addresses("b", city="Bonn", state="NW"))
    home.night(3)
    assert home.of("a", *columns) == ("x", date(1980, 1, 1), "Ulm", "BW")
    assert home.of("b", *columns) == ("f", date(1980, 1, 1), "Bonn", "NW")


def test_an_empty_value_overwrites_and_an_absent_column_does_not(home: Home) -> None:
    home.land(1, "person", persons("a", "b"))
    home.land(1, "address", addresses("a", "b"))
    home.night(1)
    home.land(2, "address", addresses("a", city=""))
    home.land(2, "person", [{"id": "a", "Gender": "m"}, {"id": "b", "Gender": ""}])
    home.night(2)
    assert home.of("a", "city", "state", "gender", "birth_date") == (
        None, "BW", "m", date(1980, 1, 1),
    )  # fmt: skip
    assert home.of("b", "city", "gender", "birth_date") == ("Ulm", None, date(1980, 1, 1))


def test_a_deletion_ends_what_every_file_said_and_a_later_row_begins_anew(home: Home) -> None:
    home.land(1, "person", persons("a", "b", gone="no"))
    home.land(1, "address", addresses("a", "b"))
    home.night(1)
    home.land(2, "person", persons("a", gone="yes"))
    home.night(2)
    assert sorted(home.rows()) == ["b"]
    home.land(3, "address", addresses("a", city="Bonn"))
    home.night(3)
    assert home.of("a", "city", "gender", "birth_date") == ("Bonn", None, None)


def test_a_real_time_stands_above_the_exports_date(tmp_path: Path) -> None:
    timed = PERSON.replace("created_at: _exported_at", "created_at: Since")
    home = Home(tmp_path / "home", v_person=timed, v_address=ADDRESS)
    home.land(1, "person", persons("a", Since="2020-02-02"))
    home.night(1)
    home.land(2, "address", addresses("a"))
    home.night(2)
    created, updated = home.of("a", "created_at", "updated_at")
    assert (created.date(), updated.date()) == (date(2020, 2, 2), date(2026, 6, 2))


def test_full_exports_of_one_file_still_say_who_is_gone(tmp_path: Path) -> None:
    home = Home(tmp_path / "home", v_person=PERSON + "snapshot: true\n", v_address=ADDRESS)
    home.land(1, "person", persons("a", "b"))
    home.land(1, "address", addresses("a", "b"))
    home.night(1)
    home.land(2, "person", persons("a", gender="m"))
    home.night(2)
    assert sorted(home.rows()) == ["a"]
    assert home.of("a", "gender", "city") == ("m", "Ulm")


def test_files_that_bring_only_unknown_columns_are_kept_beside_each_other(tmp_path: Path) -> None:
    def one(name: str) -> str:
        return (
            f'source: v\nfiles: "{name}*"\nentity: contacts\ncolumns: {{contact_id: id, {TIMES}}}\n'
        )

    home = Home(tmp_path / "home", **{f"v_{name}": one(name) for name in ("usage", "bills")})
    home.land(1, "usage", [{"id": "a", "Minutes": "5", "Quarter": "Q1"}])
    home.land(1, "bills", [{"id": "a", "Due": "9", "Quarter": "Q2"}])
    home.night(1)
    (told,) = home.of("a", "extra_json")
    assert list(json.loads(told, object_pairs_hook=list)) != []
    assert json.loads(told) == {"Minutes": "5", "Quarter": "Q1", "Due": "9"}
    assert told.count("Quarter") == 1


def test_night_by_night_and_at_once_come_to_the_same(tmp_path: Path) -> None:
    rng = random.Random(11)
    ids = [f"k{n}" for n in range(40)]
    files: dict[tuple[int, str], list[Row]] = {}
    for day in range(1, 8):
        for name, make in (("person", persons), ("address", addresses)):
            who = rng.sample(ids, rng.randint(1, 25))
            rows = [
                make(key, **{("gender" if name == "person" else "city"): f"{day}{key}"})[0]
                for key in who
            ]
            if name == "person" and rng.random() < 0.4:
                rows = [{"id": row["id"], "Gender": row["Gender"]} for row in rows]
            elif name == "person" and rng.random() < 0.5:
                rows = [{**row, "gone": rng.choice(["yes", "no"])} for row in rows]
            if rng.random() < 0.8:
                files[day, name] = rows
    made = []
    for way in ("night by night", "at once", "in large pieces"):
        home = Home(tmp_path / way, v_person=PERSON, v_address=ADDRESS)
        for (day, name), rows in files.items():
            home.land(day, name, rows)
            if way == "night by night":
                home.night(day)
        config = {"piecewise_from_bytes": 0} if way == "in large pieces" else {}
        home.night(7, **config)
        made.append(home.rows())
    assert made[0] == made[1] == made[2]
    # By hand: of each column the newest file that has it, after the day of the last deletion.
    assert len(made[0]) > 20
    for key, row in made[0].items():
        for column, source in (("gender", "person"), ("city", "address")):
            days = [
                day
                for (day, name), rows in files.items()
                if name == source and any(r["id"] == key and r.get("gone") != "yes" for r in rows)
            ]
            deleted = (
                day
                for (day, _), rows in files.items()
                if any(r["id"] == key and r.get("gone") == "yes" for r in rows)
            )
            gone = max(deleted, default=0)
            newest = max((day for day in days if day > gone), default=None)
            assert row[column] == (f"{newest}{key}" if newest else None), (key, column)


PARTS = {
    "demographics": ["gender", "SeniorCitizen", "Partner", "Dependents"],
    "location": ["tenure"],
    "population": ["Contract"],
    "services": ["PhoneService", "InternetService", "OnlineSecurity", "TechSupport", "StreamingTV"],
    "status": ["MonthlyCharges", "TotalCharges", "Churn", "PaymentMethod"],
}


def test_five_files_of_one_company_are_their_join(tmp_path: Path, shared_data: Path) -> None:
    (path,) = (shared_data / "telco_churn").glob("*.csv.gz")
    with gzip.open(path, "rt", encoding="utf-8") as text:
        customers = list(csv.DictReader(text))

    def one(name: str) -> str:
        known = "gender: gender, " if name == "demographics" else ""
        return (
            f'source: v\nfiles: "{name}*"\nentity: contacts\n'
            f"columns: {{contact_id: customerID, {known}{TIMES}}}\n"
        )

    home = Home(tmp_path / "home", **{f"v_{name}": one(name) for name in PARTS})
    for name, columns in PARTS.items():
        home.land(1, name, [{n: row[n] for n in ("customerID", *columns)} for row in customers])
    home.night(1)
    rows = home.rows()
    assert len(rows) == len(customers) == 7043
    listed = [name for columns in PARTS.values() for name in columns if name != "gender"]
    for customer in customers:
        row = rows[customer["customerID"]]
        extra = json.loads(row["extra_json"])
        assert row["gender"] == customer["gender"]
        assert {name: extra.get(name) or "" for name in listed} == {
            name: customer[name].strip() for name in listed
        }
    (corrected,) = [row for row in customers if row["customerID"] == "7590-VHVEG"]
    for day, name, change in (
        (2, "status", {"Churn": "Yes"}),
        (3, "demographics", {"gender": "X"}),
    ):
        home.land(
            day, name, [{n: {**corrected, **change}[n] for n in ("customerID", *PARTS[name])}]
        )
        home.night(day)
    after = home.rows()
    assert {key for key in rows if rows[key] != after[key]} == {"7590-VHVEG"}
    row, extra = after["7590-VHVEG"], json.loads(after["7590-VHVEG"]["extra_json"])
    assert (row["gender"], extra["Churn"], extra["tenure"]) == ("X", "Yes", corrected["tenure"])


def test_every_entity_has_room_in_a_column_set() -> None:
    assert all(len(places(entity)) < COLUMNS for entity in ENTITIES.values())


def test_raw_rows_say_which_columns_their_file_has(home: Home) -> None:
    home.land(1, "person", [{"id": "a", "Gender": "f"}])
    home.night(1)
    (path,) = home.files.values()
    (number,) = pl.read_parquet(path)["column_set"].to_list()
    names = [name for name, place in places(home.entity).items() if number >> place & 1]
    assert names == ["contact_id", "gender"]


def test_parts_of_an_earlier_version_are_read_beside_new_ones(tmp_path: Path) -> None:
    """Their exports may be landed no more, so that nobody can make them anew."""
    raw = contract.load().table("raw_contacts")
    empty = pl.DataFrame(raw.arrow_schema.empty_table())
    row = {"source_system": "v", "source_row": 1, "source_file": "f"}
    new = pl.concat(
        [empty, pl.DataFrame([{**row, "contact_id": "b", "column_set": 3}])], how="diagonal_relaxed"
    )
    old = new.with_columns(contact_id=pl.lit("a")).drop("column_set", "column_files")
    files = [tmp_path / "old.parquet", tmp_path / "new.parquet"]
    for frame, path in zip((old, new), files, strict=True):
        frame.write_parquet(path)
    for listed in (files, files[:1]):
        with DuckDBEngine(EngineSettings(), [tmp_path]) as engine:
            engine.register(raw, listed)
            found = engine.con.execute(
                "SELECT contact_id, column_set FROM raw_contacts ORDER BY 1"
            ).fetchall()
            assert found == [("a", None), ("b", 3)][: len(listed)]
            standing = engine.con.execute(conformed_sql(ENTITIES["contacts"])).fetchall()
            assert len(standing) == len(listed)
