"""What a night publishes of the vendors read by API, against sums worked out by hand from their
samples: which rows count, in which state, for how much money, and when.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from customer_intel_tests.unit.vendor_night import Ask, night_of
from customer_intel_tests.unit.vendor_samples_billing import BILLING
from customer_intel_tests.unit.vendor_samples_shops import SHOPS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    return night_of(tmp_path_factory.mktemp("figures"), (*SHOPS, *BILLING))


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
    broken = (
        "SELECT order_id FROM t WHERE order_id IN ('701', '702', '2001', '100') AND subtotal - discount "
        "+ tax + shipping <> total"
    )
    assert ask("orders", broken) == []
    assert ask(
        "orders", "SELECT count(*) FROM t WHERE order_id IN ('701', '702', '2001', '100')"
    ) == [(4,)]
    assert ask("order_fact", "SELECT order_id, lines_agree FROM t WHERE n_lines > 0 ORDER BY 1") == [
        ("100", True), ("101", True), ("2001", True), ("2002", True), ("701", True), ("702", True)
    ]  # fmt: skip


def test_shops_times_are_utc_and_guests_have_no_customer(ask: Ask) -> None:
    times = (
        "SELECT order_id, strftime(ordered_at, '%m-%d %H:%M'), customer_ref, record_key LIKE "
        "'%:guest-%' FROM t WHERE order_id IN ('702', '2007', '105') ORDER BY 1"
    )
    assert ask("orders", times) == [
        ("105", "06-15 23:35", None, True),
        ("2007", "06-17 22:15", None, True),
        ("702", "06-12 21:30", None, True),
    ]
    given_back = "SELECT strftime(happened_at, '%m-%d %H:%M'), refund_amount FROM t WHERE order_key = 'woocommerce:701'"
    assert ask("refund_fact", given_back) == [("06-16 08:00", Decimal("10.00"))]


def test_lines_of_an_order_come_of_its_own_file(ask: Ask) -> None:
    lines = "SELECT count(*), count(DISTINCT order_line_id), sum(quantity) FROM t WHERE source_system = 'woocommerce'"
    assert ask("order_lines", lines) == [(3, 3, 7.0)]
    kept = (
        "SELECT count(*) FROM t WHERE source_system = 'woocommerce' AND extra_json LIKE '%billing%'"
    )
    assert ask("order_lines", kept) == [(0,)]


def test_what_a_person_may_not_be_found_by_is_left_out(ask: Ask) -> None:
    assert ask("orders", "SELECT count(*) FROM t WHERE extra_json LIKE '%203.0.113.9%'") == [(0,)]
    people = (
        "SELECT contact_id, city, birth_date FROM t WHERE source_system IN ('woocommerce', 'magento', "
        "'bigcommerce') ORDER BY 1"
    )
    assert [(ref, city, str(born)) for ref, city, born in ask("contacts", people)] == [
        ("31", "Bremen", "None"), ("55", None, "None"), ("7", "Seattle", "1990-04-05")
    ]  # fmt: skip


def test_shops_products_cost_what_they_say(ask: Ask) -> None:
    assert ask(
        "products", "SELECT product_id, price, cost, category, status FROM t ORDER BY 1"
    ) == [
        ("41", Decimal("40.00"), None, "Pots", "publish"),
        ("71", Decimal("25.00"), Decimal("9.50"), None, "enabled"),
        ("81", Decimal("25.00"), Decimal("11.50"), None, "available"),
    ]


MRR = """SELECT source_system, currency, sum(mrr) FROM t WHERE valid_to IS NULL GROUP BY ALL HAVING sum(mrr) > 0
    ORDER BY ALL"""


def test_recurring_revenue_is_what_the_subscriptions_add_up_to(ask: Ask) -> None:
    assert ask("subscription_fact", MRR) == [
        ("chargebee", "JPY", Decimal("3000.00")),
        ("chargebee", "USD", Decimal("195.00")),
        ("paddle", "USD", Decimal("435.00")),
        ("recurly", "USD", Decimal("130.00")),
        ("zuora", "GBP", Decimal("100.00")),
    ]


@pytest.mark.parametrize(
    ("source", "states"),
    [
        ("recurly", "r1 active r2 ending r3 trial r4 ended r5 paused r6 active"),
        ("chargebee", "c1 active c2 ending c3 trial c4 ended c5 active c6 active c7 paused"),
        ("paddle", "sub_p1 active sub_p2 ending sub_p3 trial sub_p4 ended sub_p5 past_due"),
        ("zuora", "zs1v1 active zs2 ended zs3 paused"),
    ],
)
def test_each_subscription_stands_in_its_state(ask: Ask, source: str, states: str) -> None:
    sql = (
        f"SELECT subscription_id || ' ' || state FROM t WHERE source_system = '{source}' "
        "AND valid_to IS NULL ORDER BY 1"
    )
    assert " ".join(row for (row,) in ask("subscription_fact", sql)) == states


@pytest.mark.parametrize(
    ("source", "states", "kept"),
    [
        ("recurly", "t1 partly_refunded t2 failed t4 refunded t7 cancelled", "55.00"),
        ("chargebee", "ct1 partly_refunded ct2 failed ct4 succeeded ct5 cancelled", "3061.75"),
        ("paddle", "pay_2 succeeded pay_3 failed pay_4 refunded", "400.00"),
        ("zuora", "zp1 succeeded zp2 partly_refunded zp3 failed", "160.00"),
    ],
)
def test_payments_failed_and_given_back(ask: Ask, source: str, states: str, kept: str) -> None:
    sql = "SELECT payment_id || ' ' || state, paid_amount, is_counted FROM t WHERE source_system = '{}' ORDER BY 1"
    found = ask("payment_fact", sql.format(source))
    assert " ".join(row[0] for row in found) == states
    assert sum(amount for _, amount, counted in found if counted) == Decimal(kept)


@pytest.mark.parametrize(
    ("source", "states", "due"),
    [
        ("recurly", "i1 paid i2 open i3 uncollectible", "55.00"),
        ("chargebee", "ci1 paid ci2 open ci3 uncollectible ci4 void ci5 paid", "55.00"),
        ("paddle", "txn_1 paid txn_2 open txn_3 paid txn_4 void", "15.00"),
        ("zuora", "zi1 paid zi2 open zi3 void", "60.00"),
    ],
)
def test_invoices_are_paid_or_owed(ask: Ask, source: str, states: str, due: str) -> None:
    sql = (
        "SELECT invoice_id || ' ' || state, due_amount FROM t WHERE source_system = '{}' ORDER BY 1"
    )
    found = ask("invoice_fact", sql.format(source))
    assert " ".join(row[0] for row in found) == states
    assert sum(amount for _, amount in found) == Decimal(due)


def test_all_of_a_billing_system_belongs_to_its_customer(ask: Ask) -> None:
    for table in ("subscription_fact", "invoice_fact", "payment_fact"):
        sql = (
            "SELECT source_system, count(DISTINCT customer_id), count(*) FILTER (customer_id IS NULL) FROM "
            "t GROUP BY 1 ORDER BY 1"
        )
        assert ask(table, sql) == [
            (each, 1, 0) for each in ("chargebee", "paddle", "recurly", "zuora")
        ]


def test_what_is_left_out_or_doubtful_is_counted(ask: Ask) -> None:
    sql = "SELECT mapping, check_name, matches FROM t WHERE matches > 0 ORDER BY 1, 2"
    assert ask("export_check", sql) == [
        ("paddle_payments", "several_attempts", 1), ("recurly_subscriptions", "without_plan", 1),
        ("zuora_subscriptions", "without_charge", 2),
    ]  # fmt: skip
    sql = (
        "SELECT mapping, rows_skipped FROM t WHERE rows_skipped > 0 AND mapping SIMILAR TO "
        "'(recurly|chargebee|paddle|zuora).*' ORDER BY 1"
    )
    assert ask("export_file", sql) == [
        ("chargebee_transactions", 1), ("paddle_invoices", 1), ("paddle_payments", 2),
        ("recurly_invoices", 1), ("recurly_transactions", 3), ("zuora_subscriptions", 2),
    ]  # fmt: skip
