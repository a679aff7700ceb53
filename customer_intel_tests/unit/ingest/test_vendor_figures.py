"""What a night publishes of the vendors read by API, against sums worked out by hand from their
samples: which rows count, in which state, for how much money, and when.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from customer_intel.core.store.lake import Lake
from customer_intel_tests.unit.vendor_samples_shops import SHOPS
from customer_intel_tests.whole_nights import cli

AS_OF = "2026-06-30"
pytestmark = pytest.mark.slow
Ask = Callable[[str, str], list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """The night's tables, by SQL over one of them as `t`."""
    home = tmp_path_factory.mktemp("figures")
    for each in SHOPS:
        each.land(home / "landing" / each.source / AS_OF)
    ran = cli("run", "--home", home, "--as-of", AS_OF, "--json")
    assert (ran.code, ran.summary["failures"]) == (0, {}), ran.text[-2000:]

    def _ask(table: str, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect() as con:
            con.register("t", pl.read_parquet(Lake(home).files(table)).to_arrow())
            return con.execute(sql).fetchall()

    return _ask


def money(*amounts: str) -> tuple[Decimal, ...]:
    return tuple(Decimal(amount) for amount in amounts)


REVENUE = """SELECT count(*) FILTER (is_counted), sum(gross_amount) FILTER (is_sale), sum(refunded_amount),
    sum(net_amount), min(currency), max(currency) FROM t WHERE source_system = '{}'"""


@pytest.mark.parametrize(
    ("source", "counted", "sums", "currency"),
    [
        ("woocommerce", 2, money("124.21", "40.00", "84.21"), "EUR"),
        ("magento", 3, money("149.50", "32.00", "117.50"), "USD"),
        ("bigcommerce", 2, money("193.76", "55.00", "138.76"), "CAD"),
    ],
)
def test_orders_that_count_and_what_was_given_back(
    ask: Ask, source: str, counted: int, sums: tuple[Decimal, ...], currency: str
) -> None:
    assert ask("order_fact", REVENUE.format(source)) == [(counted, *sums, currency, currency)]


STATES = "SELECT {} FROM t WHERE source_system = '{}' ORDER BY 1"


@pytest.mark.parametrize(
    ("source", "states"),
    [
        ("woocommerce", "partly_returned paid returned placed failed cancelled"),
        ("magento", "fulfilled partly_returned returned placed placed cancelled paid"),
        ("bigcommerce", "paid partly_returned returned draft cancelled placed"),
    ],
)
def test_each_order_stands_in_its_state(ask: Ask, source: str, states: str) -> None:
    found = ask("order_fact", STATES.format("order_id, state", source))
    assert [state for _, state in found] == states.split()


def test_shops_amounts_add_up(ask: Ask) -> None:
    broken = "SELECT order_id FROM t WHERE order_id IN ('701', '702', '2001', '100') AND subtotal - discount + tax + shipping <> total"
    assert ask("orders", broken) == []
    assert ask("orders", "SELECT count(*) FROM t WHERE order_id IN ('701', '702', '2001', '100')") == [(4,)]
    assert ask("order_fact", "SELECT order_id, lines_agree FROM t WHERE n_lines > 0 ORDER BY 1") == [
        ("100", True), ("101", True), ("2001", True), ("2002", True)
    ]  # fmt: skip


def test_shops_times_are_utc_and_guests_have_no_customer(ask: Ask) -> None:
    times = "SELECT order_id, strftime(ordered_at, '%m-%d %H:%M'), customer_ref, record_key LIKE '%:guest-%' FROM t WHERE order_id IN ('702', '2007', '105') ORDER BY 1"
    assert ask("orders", times) == [
        ("105", "06-15 23:35", None, True),
        ("2007", "06-17 22:15", None, True),
        ("702", "06-12 21:30", None, True),
    ]
    given_back = "SELECT strftime(happened_at, '%m-%d %H:%M'), refund_amount FROM t WHERE order_key = 'woocommerce:701'"
    assert ask("refund_fact", given_back) == [("06-16 08:00", Decimal("10.00"))]


def test_what_a_person_may_not_be_found_by_is_left_out(ask: Ask) -> None:
    assert ask("orders", "SELECT count(*) FROM t WHERE extra_json LIKE '%203.0.113.9%'") == [(0,)]
    people = "SELECT contact_id, city, birth_date FROM t ORDER BY 1"
    assert [(ref, city, str(born)) for ref, city, born in ask("contacts", people)] == [
        ("31", "Bremen", "None"), ("55", None, "None"), ("7", "Seattle", "1990-04-05")
    ]  # fmt: skip


def test_shops_products_cost_what_they_say(ask: Ask) -> None:
    assert ask("products", "SELECT product_id, price, cost, category, status FROM t ORDER BY 1") == [
        ("41", Decimal("40.00"), None, "Pots", "publish"),
        ("71", Decimal("25.00"), Decimal("9.50"), None, "enabled"),
        ("81", Decimal("25.00"), Decimal("11.50"), None, "available"),
    ]
