"""Small exports taken by the intake and judged night by night: what is told, in which words, and for how long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from customer_intel_tests.unit.ingest.judged_nights import Facts, Intake, judged, nights
from customer_intel_tests.unit.ingest.planted_faults import Fault

START, NIGHTS = date(2026, 2, 2), 24
MAPPINGS = {
    "shop_orders": "{source: shop, files: 'orders*', entity: orders, columns: {order_id: id, customer_ref: customer,"
    " ordered_at: created_at, updated_at: created_at, status: status, currency: \"'EUR'\", tax: tax, total: total,"
    " shipping_name: first, shipping_city: last}}",
    "desk_tickets": "{source: desk, files: 'tickets*', entity: tickets, columns: {ticket_id: id,"
    " requester_ref: customer,"
    " status: status, created_at: created_at}}",
}
FIRST, LAST = (
    ["Anna", "Ben", "Clara", "David", "Eva", "Felix"],
    ["Abel", "Brandt", "Cordes", "Dietz", "Ebert", "Freyer"],
)
Parts = list[tuple[Facts, Path]]


def orders(night: int, price: float = 1.0, n: int = 90) -> pl.DataFrame:
    rng, day = np.random.default_rng(500 + night), START + timedelta(days=night)
    n = int(rng.poisson(n * (0.3 if day.weekday() > 4 else 1)))
    total = np.round(price * rng.lognormal(4, 0.6, n), 2)
    at = pl.datetime_range(day, day + timedelta(days=1), "1m", eager=True, closed="left")
    return pl.DataFrame(
        {
            "id": [f"{500 + night}{k:04}" for k in range(n)],
            "customer": rng.integers(1000, 9999, n),
            "created_at": at[np.clip(rng.normal(900, 200, n), 0, 1439).astype(int).tolist()],
            "status": rng.choice(["paid", "open", "shipped"], n, p=[0.6, 0.15, 0.25]),
            "tax": np.round(total * 0.16, 2),
            "total": total,
            "first": rng.choice(FIRST, n),
            "last": rng.choice(LAST, n),
        }
    )


def tickets(night: int) -> pl.DataFrame:
    rng, day = np.random.default_rng(1000 + night), START + timedelta(days=night)
    n = int(rng.poisson(2))
    rows = {
        "id": [f"{night}{k}" for k in range(n)],
        "customer": rng.integers(1000, 9999, n),
        "status": rng.choice(["open", "solved"], n),
        "created_at": [day] * n,
    }
    return pl.DataFrame(rows)


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Intake, Parts]]:
    """A first load of a year, then deltas; a source of few rows a day."""
    intake = Intake(tmp_path_factory.mktemp("quiet"), MAPPINGS)
    past = [orders(night, n=60) for night in range(-60, 1)]
    files = {("shop_orders", START): pl.concat(past)}
    files |= {("shop_orders", START + timedelta(days=n)): orders(n) for n in range(1, NIGHTS)}
    files |= {("desk_tickets", START + timedelta(days=n)): tickets(n) for n in range(NIGHTS)}
    yield intake, intake.take(files)


def test_quiet_nights_are_quiet(quiet: tuple[Intake, Parts]) -> None:
    assert judged(quiet[1], nights(START, NIGHTS)).rows() == []


def struck(
    quiet: tuple[Intake, Parts], rows: pl.DataFrame | str, night: int = NIGHTS
) -> list[dict[str, Any]]:
    """What is told of orders on the night on which they are `rows`."""
    intake, parts = quiet
    day = START + timedelta(days=night)
    before = [(facts, path) for facts, path in parts if facts["taken_on"] < day.isoformat()]
    new = intake.take({("shop_orders", day): rows}, before)
    found = judged([*before, *new], [day]).filter(mapping="shop_orders")
    return found.to_dicts()


def _with(**made: pl.Expr) -> Callable[[pl.DataFrame], pl.DataFrame]:
    return lambda rows: rows.with_columns(**made)


def _swapped(a: str, b: str) -> Callable[[pl.DataFrame], pl.DataFrame]:
    return lambda rows: rows.rename({a: b, b: a}).select(rows.columns)


@pytest.mark.parametrize(
    ("strike", "check"),
    [
        (lambda rows: rows.head(0), "empty"),
        (lambda rows: rows.head(len(rows) // 5), "rows"),
        (lambda rows: pl.concat([rows] * 2), "repeated"),
        (lambda rows: pl.concat([rows, rows.with_columns(id=pl.col("id") + "9")]), "alike"),
        (_with(total=pl.col("total") * 100, tax=pl.col("tax") * 100), "amount"),
        (_with(total=pl.col("total").round(0), tax=pl.col("tax").round(0)), "whole"),
        (_with(created_at=pl.col("created_at").dt.offset_by("1y")), "ahead"),
        (_with(created_at=pl.col("created_at").dt.offset_by("-1y")), "age"),
        (_with(created_at=pl.col("created_at").dt.offset_by("-9h")), "afternoon"),
        (_with(status=pl.lit("paid")), "constant"),
        (_with(status=pl.col("status").replace("paid", "bezahlt")), "new_words"),
        (_with(customer="ref/" + pl.col("customer").cast(pl.String)), "new_shapes"),
        (_with(customer=pl.lit(None)), "filled"),
        (_with(first=pl.lit("JosÃ©")), "garbled"),
        (_swapped("total", "tax"), "amount"),
        (_swapped("first", "last"), "known"),
    ],
)
def test_a_fault_is_told_the_same_night_by_its_check(
    quiet: tuple[Intake, Parts], strike: Callable[[pl.DataFrame], pl.DataFrame], check: str
) -> None:
    found = struck(quiet, strike(orders(NIGHTS)))
    assert check in {row["check_name"] for row in found}


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        ("total", "tax", "tax and total"),
        ("first", "last", "shipping_city and shipping_name"),
    ],
)
def test_swapped_columns_are_said_to_be(
    quiet: tuple[Intake, Parts], a: str, b: str, said: str
) -> None:
    found = struck(quiet, _swapped(a, b)(orders(NIGHTS)))
    told = {
        row["column_name"] for row in found if row["message"].endswith(f"as if {said} were swapped")
    }
    assert told == set(said.split(" and "))


def test_no_message_holds_a_value_of_a_row(quiet: tuple[Intake, Parts]) -> None:
    rows = orders(NIGHTS).with_columns(
        first=pl.lit("Zacharias"),
        customer=pl.lit("QX-77"),
        status=pl.lit("geheim"),
        total=pl.lit(987654.21),
    )
    found = struck(quiet, rows)
    assert len(found) > 3
    for value in ("Zacharias", "QX-77", "geheim", "987654", "987,654.21"):
        assert not [
            row for row in found if value in row["message"] and row["check_name"] != "amount"
        ]


def test_an_old_file_under_a_new_date_is_told(quiet: tuple[Intake, Parts]) -> None:
    found = struck(quiet, orders(NIGHTS - 1))
    assert [row["check_name"] for row in found] == ["unchanged"]
    assert str(START + timedelta(days=NIGHTS - 1)) in found[0]["message"]


def test_a_lasting_change_is_told_at_most_three_nights(quiet: tuple[Intake, Parts]) -> None:
    intake, parts = quiet
    dearer = {
        ("shop_orders", START + timedelta(days=n)): orders(n, price=3)
        for n in range(NIGHTS, NIGHTS + 12)
    }
    new = intake.take(dearer, parts)
    found = judged([*parts, *new], nights(START, NIGHTS + 12)).filter(
        check_name="amount", column_name="total"
    )
    told = found["judged_on"].to_list()
    assert told and told[0] == START + timedelta(days=NIGHTS)
    assert len(told) <= 3


def test_faults_have_names_of_their_own() -> None:
    from customer_intel_tests.unit.ingest.planted_faults import FAULTS

    assert all(isinstance(fault, Fault) for fault in FAULTS)
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
