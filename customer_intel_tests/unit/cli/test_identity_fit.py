"""`identity fit`: a model of the home's own records, told before it is adopted, in force from the next night."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from customer_intel.cli.own_home import built
from customer_intel.core.store.lake import Lake
from customer_intel.identity.linking.match_model import shipped
from customer_intel_tests.whole_nights import cli

NIGHT = date(2026, 5, 1)
HEAD = "contact_id,email,first_name,last_name,created_at,updated_at\n"


def land(home: Path, day: date) -> None:
    rows = [
        f"{source}{n},{first}.{last}@mail.example,{first},{last},2021-03-01 09:00:00,2026-04-01 09:00:00"
        for source in "ab"
        for n, (first, last) in enumerate([("Ada", "Lund"), ("Ben", "Marsh"), ("Cleo", "Winter")])
    ]
    file = home / "landing" / "crm" / f"{day}" / "contacts.csv"
    file.parent.mkdir(parents=True)
    file.write_text(HEAD + "\n".join(rows) + "\n")


def models(home: Path) -> list[tuple[str, str]]:
    found = pl.read_parquet(Lake(home).files("match_model"), hive_partitioning=False)
    return list(found.sort("valid_from").select("match_model_basis", "model_version").rows())


def test_a_model_is_fitted_once_and_another_only_when_adopted(tmp_path: Path) -> None:
    land(tmp_path, NIGHT)
    built(tmp_path, NIGHT)
    ((basis, first),) = models(tmp_path)
    assert basis == "fitted"
    told = json.loads(cli("identity", "fit", "--home", tmp_path, "--json").out)
    assert (told["model_version"], told["joined"], told["parted"]) == (first, 0, 0)
    assert (told["customers_before"], told["customers_after"]) == (3, 3)
    assert not (tmp_path / "config" / "match_model.yaml").exists()

    ran = cli("identity", "fit", "--home", tmp_path, "--adopt")
    assert ran.code == 0 and "the next night uses it" in ran.text
    (tmp_path / "config" / "match_model.yaml").write_text(json.dumps(shipped().as_dict()))
    land(tmp_path, NIGHT + timedelta(1))
    built(tmp_path, NIGHT + timedelta(1))
    assert models(tmp_path) == [("fitted", first), ("adopted", shipped().version)]


def test_without_a_night_there_is_nothing_to_fit(tmp_path: Path) -> None:
    ran = cli("identity", "fit", "--home", tmp_path)
    assert ran.code == 3 and "run a night first" in ran.text


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    land(tmp_path, NIGHT)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "match_model.yaml").write_text("prior: -10\n")
    ran = cli("run", "--home", tmp_path, "--as-of", "2026-05-01")
    assert ran.code != 0 and "config/match_model.yaml" in ran.text
