"""Namesakes and nameless of one household: what a shared roof and family name are not enough for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import duckdb
import polars as pl
import pytest

from customer_intel.core.tables.parameters import room_config
from customer_intel.identity.linking.likely_pair import SHIPPED
from customer_intel.identity.matching import records, resolve
from customer_intel.identity.matching.fellegi_sunter import MatchModel

FIELDS = (
    "first_name",
    "middle_initial",
    "last_name",
    "birth_date",
    "ssn",
    "street",
    "number",
    "city",
    "zip",
)
HOME = ("champion drive", "1701", "Anytown", "12345")


def clusters(rows: list[tuple[str | None, ...]], middle: float, home: Path) -> int:
    """How many persons the rows are, by the shipped model in which different middle names weigh so
    much.
    """
    model = MatchModel.from_dict(json.loads(SHIPPED.read_text(encoding="utf-8")))
    levels = (*model.weights["middle name"][:-1], middle)
    model = replace(model, weights={**model.weights, "middle name": levels})
    schema = dict.fromkeys(FIELDS, pl.String)
    frame = pl.DataFrame([dict(zip(FIELDS, (*row, *HOME), strict=True)) for row in rows], schema)
    said = records.comparable(frame, records.guessed(frame.columns), room_config("identity", home))
    with duckdb.connect() as con:
        return resolve.resolve(con, said, model).clusters["cluster"].n_unique()


@pytest.mark.parametrize(
    ("first", "second", "persons"),
    [
        (("Jessica", "T", "Goetz", None, None), ("Jessica", "T", "Goetz", None, None), 1),
        (("Jessica", "T", "Goetz", None, None), ("Jessica", None, "Goetz", None, None), 1),
        (("Jessica", "T", "Goetz", None, None), ("Jessica", "M", "Goetz", None, None), 2),
        # What a family does not share, or hardly ever does, weighs more than an initial.
        (
            ("Jessica", "T", "Goetz", "1980-02-11", None),
            ("Jessica", "M", "Goetz", "1980-02-11", None),
            1,
        ),
        (
            ("Jessica", "T", "Goetz", None, "159-33-1025"),
            ("Jessica", "M", "Goetz", None, "159-33-1025"),
            1,
        ),
        # The number of a husband or a wife on a form.
        (
            ("Brandon", "M", "Goetz", None, "159-33-1025"),
            ("Bradley", "J", "Goetz", None, "159-33-1025"),
            2,
        ),
    ],
)
def test_middle_names_that_hardly_ever_differ_tell_namesakes_apart(
    first: tuple[str | None, ...], second: tuple[str | None, ...], persons: int, tmp_path: Path
) -> None:
    assert clusters([first, second], -7.0, tmp_path) == persons


def test_middle_names_that_often_differ_do_not(tmp_path: Path) -> None:
    rows = [("Jessica", "T", "Goetz", None, None), ("Jessica", "M", "Goetz", None, None)]
    assert clusters(rows, -2.0, tmp_path) == 1


@pytest.mark.parametrize("first", [None, "Child"])
def test_a_family_name_and_a_roof_without_a_first_name_join_nobody(
    first: str | None, tmp_path: Path
) -> None:
    rows = [("Harmon", "J", "Wolfe", None, None), (first, "J", "Wolfe", None, None)]
    assert clusters(rows, -7.0, tmp_path) == 2
    assert clusters([rows[0], rows[0]], -7.0, tmp_path) == 1
