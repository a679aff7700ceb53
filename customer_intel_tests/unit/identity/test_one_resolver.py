"""One resolver: by night and by `evaluate` the same customers; whatever the order of rows and the names of keys; one by
one as at once.
"""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from customer_intel.cli import own_home
from customer_intel.core.store.lake import Lake
from customer_intel.identity.records import person_columns, person_home
from customer_intel_tests.bench_identity.people import generated
from customer_intel_tests.unit.identity.resolver_lab import resolved
from customer_intel_tests.unit.identity.test_candidate_pairs import fields_of
from customer_intel_tests.unit.identity_lab import MAP, MEMORY, NIGHT, Lab, Row
from customer_intel_tests.whole_nights import cli

SIZE = 100


def people(seed: int, size: int = SIZE) -> pl.DataFrame:
    """People with typos, families, moves and short forms, 1.7 records each."""
    return generated(size, seed).sort("record_id")


def as_rows(frame: pl.DataFrame) -> dict[str, Row]:
    columns = ["first_name", "last_name", "email", "phone", "street", "city", "postal_code"]
    born = pl.col("birth_date").cast(pl.String).str.to_date("%Y-%m-%d", strict=False)
    rows = frame.with_columns(birth_date=born).select("record_id", "birth_date", *columns)
    return {f"crm:{row.pop('record_id')}": row for row in rows.to_dicts()}


def lab_of(rows: dict[str, Row]) -> Lab:
    lab = Lab()
    for key, columns in rows.items():
        lab.contact(key, **columns)
    return lab


def partition(customers: dict[str, str]) -> set[frozenset[str]]:
    found: dict[str, set[str]] = {}
    for key, customer in customers.items():
        found.setdefault(customer, set()).add(key)
    return {frozenset(keys) for keys in found.values()}


@pytest.mark.parametrize("seed", [1, 2])
def test_shuffled_rows_and_renamed_keys_are_the_same_people_to_the_resolver(seed: int) -> None:
    frame = fields_of(people(seed)).drop("truth")
    names = [f"r{number:04d}" for number in range(len(frame))]
    random.Random(seed).shuffle(names)
    renamed = frame.with_columns(pl.Series("record_key", names)).sample(
        fraction=1, shuffle=True, seed=seed
    )
    back = dict(zip(names, frame["record_key"], strict=True))
    one = {frozenset(group.split()) for group in resolved(frame).groups}
    other = {frozenset(back[key] for key in group.split()) for group in resolved(renamed).groups}
    assert other == one and 1 < len(one) < len(frame)


@pytest.mark.parametrize("seed", [4, pytest.param(5, marks=pytest.mark.slow)])
def test_shuffled_rows_and_renamed_keys_are_the_same_people_to_a_night(seed: int) -> None:
    rows = as_rows(people(seed))
    keys = list(rows)
    random.Random(seed).shuffle(keys)
    renamed = {key: f"crm:{number:04d}" for number, key in enumerate(keys)}
    one = lab_of(rows).night(only=MAP).customers()
    other = lab_of({renamed[key]: rows[key] for key in keys}).night(only=MAP).customers()
    assert partition({key: other[renamed[key]] for key in rows}) == partition(one)


@pytest.mark.parametrize("seed", [6, pytest.param(7, marks=pytest.mark.slow)])
def test_nights_one_by_one_are_one_rebuilt_night_with_the_same_memory(seed: int) -> None:
    rows = as_rows(people(seed))
    keys = random.Random(seed).sample(list(rows), len(rows))
    lab = Lab()
    for night, share in enumerate((0.5, 0.8, 1.0)):
        for number in range(len(lab.rows["contacts"]), round(share * len(keys))):
            lab.contact(keys[number], **rows[keys[number]])
        if night:
            # Some change their mailbox, some their number.
            for row in lab.rows["contacts"][night::15]:
                row["email" if night == 1 else "phone"] = None
        lab.night(NIGHT + timedelta(night), only=MAP)
    rebuilt = Lab()
    rebuilt.rows = lab.rows
    rebuilt.previous = {name: lab.previous[name] for name in MEMORY}
    rebuilt.night(NIGHT + timedelta(2), only=MAP)
    for name in ("match_edge", "match_conflict"):
        assert rebuilt.tables[name].equals(lab.tables[name]), name
    assert rebuilt.groups() == lab.groups()


def test_records_that_change_nothing_need_no_memory() -> None:
    rows = as_rows(people(8))
    lab = lab_of(dict(list(rows.items())[:70]))
    lab.night(NIGHT, only=MAP)
    for key, columns in list(rows.items())[70:]:
        lab.contact(key, **columns)
    lab.night(NIGHT + timedelta(1), only=MAP)
    rebuilt = lab_of(rows)
    rebuilt.previous = {"match_model": lab.previous["match_model"]}
    assert rebuilt.night(NIGHT + timedelta(1), only=MAP).groups() == lab.groups()


@pytest.mark.nights
def test_a_night_and_evaluate_find_the_same_customers(tmp_path: Path) -> None:
    as_of = date(2026, 6, 29)
    labelled = people(9, 400)
    columns = person_columns.guessed(labelled, without=["truth"])
    frame = labelled.drop("truth")
    evaluated = own_home.settled(frame, columns, tmp_path / "nowhere", None, as_of).people
    home = tmp_path / "home"
    keys = person_home.write_home(frame, columns, home, as_of)
    ran = cli("run", "--home", home, "--landing", home / "landing", "--as-of", as_of.isoformat())
    assert ran.code == 0, ran.text
    today = pl.read_parquet(Lake(home).files("record_customer_map"), hive_partitioning=False)
    nightly = dict(
        today.filter(pl.col("valid_to").is_null()).select("record_key", "customer_id").iter_rows()
    )
    by_evaluate = dict(zip(keys, evaluated["customer_id"], strict=True))
    assert partition({key: nightly[key] for key in keys}) == partition(by_evaluate)
    assert len(set(by_evaluate.values())) < len(frame)
