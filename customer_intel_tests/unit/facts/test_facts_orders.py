"""What counts as an order, when it was cancelled, and what was known of it when."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from customer_intel_tests.unit.facts_rows import chain, exports, order
from customer_intel_tests.unit.profile_rows import ago, known
from customer_intel_tests.unit.sqlroom import Room

SECOND = timedelta(seconds=1)


def orders(
    *rows: dict[str, Any], **tables: list[dict[str, Any]]
) -> tuple[Room, dict[str, dict[str, Any]]]:
    """The room and each order of order_fact by its id."""
    made = known("C", orders=list(rows), **tables)
    return made, {row["order_id"]: row for row in chain(made, "order_fact").rows(named=True)}


@pytest.mark.parametrize(
    ("word", "state", "is_counted", "is_sale", "is_attempt", "net"),
    [
        ("draft", "draft", False, False, False, 0),
        ("pending", "placed", False, False, True, 0),
        ("paid", "paid", True, True, True, 100),
        ("shipped", "fulfilled", True, True, True, 100),
        ("cancelled", "cancelled", False, False, True, 0),
        ("declined", "failed", False, False, True, 0),
        ("refunded", "returned", False, True, True, 0),
        ("partially refunded", "partly_returned", True, True, True, 100),
        ("test order", "test", False, False, False, 0),
        ("approved", "unknown", False, False, True, 0),
        # Words of other languages.
        ("Bezahlt", "paid", True, True, True, 100),
        ("Storniert", "cancelled", False, False, True, 0),
        ("Cancelado", "cancelled", False, False, True, 0),
        ("remboursée", "returned", False, True, True, 0),
        ("in afwachting", "placed", False, False, True, 0),
        ("Testbestellung", "test", False, False, False, 0),
    ],
)
def test_an_order_counts_by_its_state(
    word: str, state: str, is_counted: bool, is_sale: bool, is_attempt: bool, net: int
) -> None:
    _, found = orders(order(1, ago(5), "100.00", status=word))
    row = found["1"]
    assert (row["state"], row["source_state"]) == (state, word)
    assert (row["is_counted"], row["is_sale"], row["is_attempt"]) == (
        is_counted,
        is_sale,
        is_attempt,
    )
    assert row["net_amount"] == row["net_reporting"] == net
    assert row["is_cancelled"] == (state == "cancelled")
    # What was charged is told of each, whether or not it counts.
    assert row["gross_amount"] == 100


def test_placed_orders_count_where_the_company_says_so() -> None:
    made = known("C", orders=[order(1, ago(5), "100.00", status="pending")])
    made.settings["counted_order_states"] = "|placed|paid|fulfilled|partly_returned|"
    assert chain(made, "order_fact").select("state", "is_counted", "net_amount").rows() == [
        ("placed", True, 100)
    ]


def test_a_source_without_any_states_lists_sales_and_says_by_its_dates_which_were_delivered() -> (
    None
):
    _, found = orders(
        order(1, ago(5), "1.00", status=None),
        order(2, ago(5), "1.00", status=None, delivered_at=ago(3)),
        order(3, ago(5), "1.00", status=None, cancelled_at=ago(3)),
    )
    assert {key: row["state"] for key, row in found.items()} == {
        "1": "paid",
        "2": "fulfilled",
        "3": "cancelled",
    }


@pytest.mark.parametrize(
    ("status", "cancelled", "state"),
    [
        ("cancelled", None, "cancelled"),
        ("cancelled", 5, "cancelled"),
        # The word says it already, whatever the date.
        ("cancelled", -5, "cancelled"),
        ("paid", 5, "cancelled"),
        ("refunded", 5, "cancelled"),
        ("paid", -5, "paid"),
        # At as_of the day before has ended, and it was not cancelled on it.
        ("paid", 0, "paid"),
        ("test", 5, "test"),
        ("draft", 5, "draft"),
    ],
)
def test_an_order_is_cancelled_by_its_word_or_from_its_moment_on(
    status: str, cancelled: int | None, state: str
) -> None:
    moment = None if cancelled is None else ago(cancelled)
    made, found = orders(order(1, ago(9), "100.00", status=status, cancelled_at=moment))
    assert found["1"]["state"] == state
    assert found["1"]["net_amount"] == (100 if state == "paid" else 0)
    assert made.rows("refund_fact").filter("is_counted").is_empty()


def test_what_was_cancelled_was_attempted_and_brings_nothing_wherever_it_is_summed() -> None:
    made, _ = orders(
        order(1, ago(9), "100.00"),
        order(2, ago(8), "900.00", status="cancelled"),
        order(3, ago(7), "50.00", cancelled_at=ago(6)),
    )
    told = chain(made, "activity")
    assert sorted(told["activity"]) == [
        "order_attempted",
        "order_attempted",
        "order_cancelled",
        "order_placed",
    ]
    assert told["revenue"].sum() == 100
    row = chain(made, "customer_transactions").row(0, named=True)
    assert (row["orders_total"], row["orders_cancelled"], row["revenue_total"]) == (1, 2, 100)


def test_drafts_and_tests_are_no_activity_and_no_sign_of_life() -> None:
    made, _ = orders(
        order(1, ago(9), "9.00", status="draft"), order(2, ago(9), "9.00", status="test")
    )
    assert chain(made, "activity").is_empty()
    row = chain(made, "customer_lifecycle").row(0, named=True)
    assert (row["lifecycle_stage"], row["last_sign_on"]) == ("prospect", None)


def test_an_unpaid_order_is_a_sign_of_life_and_no_purchase() -> None:
    made, _ = orders(order(1, ago(9), "9.00", status="pending"))
    row = chain(made, "customer_lifecycle").row(0, named=True)
    assert (row["lifecycle_stage"], row["last_sign_on"]) == ("prospect", ago(9).date())


def test_orders_of_the_nights_own_day_are_not_told_yet() -> None:
    _, found = orders(order(1, ago(0) - SECOND, "1.00"), order(2, ago(0), "1.00"))
    assert list(found) == ["1"]


# ---- lines
def line(number: int, total: str, **columns: Any) -> dict[str, Any]:
    return {
        "source_system": "shop",
        "order_line_id": str(number),
        "order_id": "1",
        "quantity": 1.0,
        "unit_price": Decimal(total),
        "line_total": Decimal(total),
        **columns,
    }


@pytest.mark.parametrize(
    ("lines", "agree"),
    [
        (["60.00", "60.00"], True),  # the order's total
        (["60.00", "55.00"], True),  # without shipping
        (["60.00", "40.00"], True),  # without tax
        (["60.00", "35.00"], True),  # without both
        (["70.00", "60.00"], True),  # before the discount
        (["60.01", "60.01"], True),  # to the cent of each line
        (["60.00", "20.00"], False),
        (["600.00"], False),
        ([], None),
    ],
)
def test_lines_agree_with_their_order_or_it_is_said(lines: list[str], agree: bool | None) -> None:
    amounts = {"tax": Decimal("20.00"), "shipping": Decimal("5.00"), "discount": Decimal("10.00")}
    made, found = orders(
        order(1, ago(5), "120.00", **amounts),
        order_lines=[line(k, total) for k, total in enumerate(lines)],
    )
    assert found["1"]["lines_agree"] is agree
    assert found["1"]["n_lines"] == (len(lines) or None)
    assert ("lines_agree_with_order" in made.warnings("order_fact")) is (agree is False)


def test_a_warning_of_its_own_tells_that_most_orders_disagree_with_their_lines() -> None:
    rows = [order(k, ago(5), "120.00") for k in range(20)]
    off = [line(k, "1.00" if k < 11 else "120.00", order_id=str(k)) for k in range(20)]
    made = known("C", orders=rows, order_lines=off)
    chain(made, "order_fact")
    assert made.failures("order_fact") == []
    assert "most_lines_agree_with_their_order" in made.warnings("order_fact")


def test_a_line_counts_as_its_order_does_and_takes_what_it_lacks_from_the_product() -> None:
    made, _ = orders(
        order(1, ago(5), "10.00"),
        order(2, ago(5), "20.00", status="cancelled"),
        order_lines=[
            line(1, "10.00", product_id="p"),
            line(2, "20.00", order_id="2"),
            line(3, "1.00", order_id="gone"),
        ],
        products=[{"source_system": "shop", "product_id": "p", "title": "Cup", "category": "cups"}],
    )
    told = chain(made, "order_line_fact").select(
        "order_line_key", "category", "is_counted", "line_reporting"
    )
    assert told.rows() == [("shop:1", "cups", True, 10), ("shop:2", None, False, 20)]


# ---- what was known when
EXPORTS = [date(2026, 5, 1), date(2026, 5, 10), date(2026, 5, 20)]


def versions(
    first: list[dict[str, Any]], second: list[dict[str, Any]], third: list[dict[str, Any]]
) -> pl.DataFrame:
    made = known("C")
    exports(made, "orders", dict(zip(EXPORTS, [first, second, third], strict=True)))
    return chain(made, "order_version")


def moment(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 5, day, hour)


def test_what_was_known_of_an_order_changes_with_the_exports_that_say_something_new() -> None:
    old = order(1, datetime(2026, 3, 1), "100.00", status="pending")
    paid = {**old, "status": "paid"}
    found = versions([old], [paid], [paid])
    assert found.select("version_no", "state", "known_from", "known_to").rows() == [
        (1, "placed", datetime(2026, 3, 1), moment(10)),
        (2, "paid", moment(10), None),
    ]


def test_an_order_that_a_later_export_brings_was_not_known_before() -> None:
    late = order(1, datetime(2026, 3, 1), "100.00")
    first = order(2, datetime(2026, 3, 1), "100.00")
    found = versions([first], [first, late], [first, late, order(3, moment(19), "1.00")])
    assert dict(found.select("order_id", "known_from").rows()) == {
        "1": moment(10),
        "2": datetime(2026, 3, 1),
        "3": moment(20),
    }


def test_from_when_an_order_no_longer_counts_is_its_date_or_the_export_that_shows_it() -> None:
    bought = [order(k, datetime(2026, 3, 1), "100.00") for k in (1, 2, 3)]
    undated = {**bought[0], "status": "cancelled"}
    dated = {**bought[1], "status": "cancelled", "cancelled_at": moment(6)}
    given_back = {**bought[2], "status": "refunded", "refunded_at": moment(15)}
    found = versions(bought, [undated, dated, bought[2]], [undated, dated, given_back])
    assert found.filter(pl.col("version_no") == 2).select(
        "state", "known_from", "counts_until"
    ).rows() == [
        ("cancelled", moment(10), moment(10)),
        ("cancelled", moment(10), moment(6)),
        ("returned", moment(20), moment(15)),
    ]
    assert found["may_count"].all()


def test_an_order_that_the_source_takes_back_is_deleted_from_then_on_and_no_order_today() -> None:
    bought = order(1, datetime(2026, 3, 1), "100.00")
    made = known("C")
    gone = {**bought, "_deleted": True}
    exports(made, "orders", {EXPORTS[0]: [bought], EXPORTS[1]: [gone]})
    assert chain(made, "order_version").select("state", "known_to").rows() == [
        ("paid", moment(10)),
        ("deleted", None),
    ]
    assert chain(made, "order_fact").is_empty()


def test_an_older_change_that_comes_late_changes_nothing() -> None:
    new = order(1, datetime(2026, 3, 1), "100.00", updated_at=moment(9))
    old = {**new, "status": "pending", "updated_at": moment(2)}
    found = versions([], [new], [old])
    assert found.select("version_no", "state", "known_to").rows() == [(1, "paid", None)]
