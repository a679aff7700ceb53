"""Refunds and credit notes: how much, of which order, when it happened and when it was known."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from customer_intel_tests.unit.facts_rows import chain, exports, order
from customer_intel_tests.unit.profile_rows import ago, known
from customer_intel_tests.unit.sqlroom import Room

SECOND = timedelta(seconds=1)
EXPORTS = [date(2026, 5, 1), date(2026, 5, 10), date(2026, 5, 20)]
BOUGHT = datetime(2026, 3, 1, 12)


def refunds(made: Room) -> dict[str, dict[str, Any]]:
    return {row["refund_key"]: row for row in chain(made, "refund_fact").rows(named=True)}


def sale(made: Room, number: str = "1") -> tuple[Any, ...]:
    """State, refunded and net amount of an order."""
    rows = chain(made, "order_fact").filter(order_id=number)
    return rows.select("state", "refunded_amount", "net_amount").row(0)


@pytest.mark.parametrize(
    ("status", "refunded", "state", "given_back"),
    [
        ("refunded", None, "returned", 100),
        ("refunded", "100.00", "returned", 100),
        ("refunded", "30.00", "partly_returned", 30),
        ("paid", "100.00", "returned", 100),
        ("paid", "120.00", "returned", 120),
        ("paid", "30.00", "partly_returned", 30),
        ("shipped", "30.00", "partly_returned", 30),
        ("partially refunded", "30.00", "partly_returned", 30),
        ("partially refunded", "100.00", "returned", 100),
        ("paid", "0.00", "paid", 0),
        # Some exports write what was given back as a negative amount.
        ("paid", "-30.00", "partly_returned", 30),
    ],
)
def test_what_was_given_back_takes_from_the_sale(
    status: str, refunded: str | None, state: str, given_back: int
) -> None:
    amount = None if refunded is None else Decimal(refunded)
    made = known("C", orders=[order(1, ago(9), "100.00", status=status, refunded=amount)])
    assert sale(made) == (state, given_back, 100 - given_back)
    row = chain(made, "customer_transactions").row(0, named=True)
    assert (row["revenue_total"], row["refunded_total"]) == (100 - given_back, given_back)
    assert row["orders_total"] == (0 if state == "returned" else 1)


def test_partly_refunded_without_an_amount_is_said_and_takes_nothing() -> None:
    made = known("C", orders=[order(1, ago(9), "100.00", status="partially refunded")])
    assert sale(made) == ("partly_returned", 0, 100)
    assert made.warnings("order_fact") == ["partly_returned_says_how_much"]


@pytest.mark.parametrize("status", ["pending", "declined", "cancelled", "test order", "approved"])
def test_a_refund_of_what_never_counted_takes_from_no_revenue(status: str) -> None:
    made = known(
        "C", orders=[order(1, ago(9), "100.00", status=status, refunded=Decimal("100.00"))]
    )
    assert [row["is_counted"] for row in refunds(made).values()] == [False]
    assert chain(made, "customer_transactions")["revenue_total"].to_list() == [0]
    assert "order_refunded" not in chain(made, "activity")["activity"].to_list()


# ---- when it happened, and since when it was known
def told_in(
    *rows: dict[str, Any] | None, kept: tuple[str, ...] = ("happened_at", "known_at", "is_dated")
) -> list[tuple[Any, ...]]:
    """The refunds of one order, whose row stands in the exports as given."""
    made = known("C")
    # Another order, so that the source's first export is always the first.
    days = {
        day: [order("other", BOUGHT, "1.00")] + ([row] if row else [])
        for day, row in zip(EXPORTS, rows, strict=False)
    }
    exports(made, "orders", days)
    found = chain(made, "refund_fact").sort("known_at")
    return found.select(kept).rows()


def bought(**columns: Any) -> dict[str, Any]:
    return order(1, BOUGHT, "100.00", **columns)


def test_a_dated_refund_of_the_first_export_was_known_when_it_happened() -> None:
    on = datetime(2026, 4, 3, 8)
    assert told_in(bought(refunded=Decimal("30.00"), refunded_at=on)) == [(on, on, True)]


def test_an_undated_refund_of_the_first_export_happened_with_the_last_change_and_is_known_since_the_export() -> (
    None
):
    first = datetime(2026, 5, 1)
    changed = datetime(2026, 4, 20, 9)
    given_back = {"refunded": Decimal("30.00")}
    assert told_in(bought(**given_back, updated_at=changed)) == [(changed, first, False)]
    assert told_in(bought(**given_back, delivered_at=datetime(2026, 3, 9))) == [
        (datetime(2026, 3, 9), first, False)
    ]
    assert told_in(bought(**given_back)) == [(BOUGHT, first, False)]
    # Never after the export that shows it.
    assert told_in(bought(**given_back, updated_at=datetime(2026, 6, 1))) == [
        (first - SECOND, first, False)
    ]


def test_an_undated_refund_of_a_later_export_happened_between_it_and_the_one_before() -> None:
    later, changed = datetime(2026, 5, 10), datetime(2026, 5, 7, 15)
    given_back = {"refunded": Decimal("30.00")}
    assert told_in(bought(), bought(**given_back, updated_at=changed)) == [(changed, later, False)]
    assert told_in(bought(), bought(**given_back)) == [(later - SECOND, later, False)]
    # A change before the export that did not show it yet is not the refund's.
    old = datetime(2026, 4, 7)
    assert told_in(bought(updated_at=old), bought(**given_back, updated_at=old)) == [
        (later - SECOND, later, False)
    ]


def test_a_dated_refund_of_a_later_export_happened_on_its_date_and_is_known_since_the_export() -> (
    None
):
    on = datetime(2026, 4, 3, 8)
    assert told_in(bought(), bought(refunded=Decimal("30.00"), refunded_at=on)) == [
        (on, datetime(2026, 5, 10), True)
    ]


def test_each_rise_of_the_refunded_amount_is_a_refund_and_a_correction_a_negative_one() -> None:
    steps = [bought(refunded=Decimal(amount)) for amount in ("30.00", "50.00", "45.00")]
    assert told_in(*steps, kept=("refund_amount", "known_at")) == [
        (30, datetime(2026, 5, 1)),
        (20, datetime(2026, 5, 10)),
        (-5, datetime(2026, 5, 20)),
    ]


def test_revenue_falls_on_the_day_of_the_refund_not_of_the_order() -> None:
    made = known(
        "C", orders=[order(1, ago(200), "100.00", refunded=Decimal("30.00"), refunded_at=ago(10))]
    )
    row = chain(made, "customer_transactions").row(0, named=True)
    assert (row["revenue_total"], row["revenue_90d"], row["revenue_365d"]) == (70, -30, 70)
    told = chain(made, "activity").filter(activity="order_refunded")
    assert told.select("ts", "revenue").rows() == [(ago(10), -30)]


# ---- credit notes
def note(number: str, days: float, total: str, **columns: Any) -> dict[str, Any]:
    return order(number, ago(days), total, **columns)


def item(number: str, order_id: str, product: str) -> dict[str, Any]:
    return {
        "source_system": "shop",
        "order_line_id": number,
        "order_id": order_id,
        "product_id": product,
        "quantity": 1.0,
        "unit_price": Decimal(1),
        "line_total": Decimal(1),
    }


def test_a_credit_note_returns_the_order_that_it_names() -> None:
    made = known(
        "C",
        orders=[
            order(1, ago(50), "100.00"),
            order(2, ago(9), "30.00"),
            note("n", 5, "-30.00", returns_order_id="1"),
        ],
    )
    row = refunds(made)["shop:n"]
    assert (row["refund_kind"], row["order_key"], row["refund_amount"], row["is_counted"]) == (
        "credit_note",
        "shop:1",
        30,
        True,
    )
    assert (row["happened_at"], row["known_at"]) == (ago(5), ago(5))
    assert sale(made, "1") == ("partly_returned", 30, 70)
    assert sale(made, "2") == ("paid", 0, 30)


def test_a_credit_note_that_names_none_returns_the_newest_order_with_its_product() -> None:
    made = known(
        "C",
        orders=[
            order(1, ago(60), "80.00"),
            order(2, ago(50), "90.00"),
            order(3, ago(9), "30.00"),
            order(4, ago(1), "90.00"),
            note("n", 5, "-30.00"),
        ],
        order_lines=[
            item("a", "1", "p"),
            item("b", "2", "p"),
            item("c", "3", "q"),
            item("d", "4", "p"),
            item("e", "n", "p"),
        ],
    )
    # Of the same product, not of the same amount; not one that came after the note.
    assert refunds(made)["shop:n"]["order_key"] == "shop:2"


def test_a_credit_note_without_lines_returns_the_newest_order_of_its_amount() -> None:
    made = known(
        "C",
        orders=[
            order(1, ago(60), "30.00"),
            order(2, ago(50), "30.00"),
            order(3, ago(40), "31.00"),
            order(4, ago(30), "30.00", status="pending"),
            order(5, ago(20), "30.00", currency="EUR"),
            {**order(6, ago(10), "30.00"), "record_key": "crm:D"},
            note("n", 5, "-30.00"),
        ],
    )
    assert refunds(made)["shop:n"]["order_key"] == "shop:2"
    assert sale(made, "2") == ("returned", 30, 0)


def test_a_credit_note_of_no_order_stands_alone_and_takes_from_revenue_all_the_same() -> None:
    made = known("C", orders=[order(1, ago(60), "100.00"), note("n", 5, "-30.00")])
    row = refunds(made)["shop:n"]
    assert (row["order_key"], row["is_counted"]) == (None, True)
    assert made.warnings("refund_fact") == ["credit_note_of_an_order"]
    told = chain(made, "customer_transactions").row(0, named=True)
    assert (told["revenue_total"], told["refunded_total"], told["orders_total"]) == (70, 30, 1)
    assert chain(made, "activity")["revenue"].sum() == 70


def test_a_refund_that_the_order_says_and_a_credit_note_too_counts_once() -> None:
    made = known(
        "C",
        orders=[
            order(1, ago(50), "100.00", refunded=Decimal("30.00")),
            note("n", 5, "-30.00", returns_order_id="1"),
        ],
    )
    assert {key: row["is_counted"] for key, row in refunds(made).items()} == {
        "shop:1:r1": True,
        "shop:n": False,
    }
    assert sale(made) == ("partly_returned", 30, 70)


def test_a_credit_note_may_be_written_with_a_positive_amount_and_its_word() -> None:
    made = known(
        "C",
        orders=[
            order(1, ago(50), "100.00"),
            note("n", 5, "30.00", status="Gutschrift", returns_order_id="1"),
        ],
    )
    assert sale(made) == ("partly_returned", 30, 70)
    assert chain(made, "order_fact").height == 1


def test_a_negative_total_is_never_an_order_and_no_sign_of_life() -> None:
    made = known(
        "C", orders=[order(1, ago(300), "100.00"), note("n", 5, "-100.00", returns_order_id="1")]
    )
    assert chain(made, "order_fact")["order_id"].to_list() == ["1"]
    told = chain(made, "activity").filter(activity="order_refunded")
    assert (told.height, told["is_own_act"].to_list()) == (1, [False])
    row = chain(made, "customer_lifecycle").row(0, named=True)
    assert row["last_sign_on"] == ago(300).date()


def test_credit_notes_that_name_a_cancelled_order_take_nothing() -> None:
    made = known(
        "C",
        orders=[
            order(1, ago(50), "100.00", status="cancelled"),
            note("n", 5, "-100.00", returns_order_id="1"),
        ],
    )
    assert not refunds(made)["shop:n"]["is_counted"]
    assert chain(made, "customer_transactions")["revenue_total"].to_list() == [0]


def test_a_refund_dated_ahead_leaves_the_order_counted_until_its_day() -> None:
    given = {"status": "refunded", "refunded": Decimal("100.00"), "refunded_at": ago(0)}
    made = known("C", orders=[order(1, ago(9), "100.00", **given)])
    assert sale(made) == ("paid", 0, 100)
