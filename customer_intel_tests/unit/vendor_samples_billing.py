"""Small exports of billing systems read by API or connector: a handful of subscriptions, bills and
payments each, whose sums are worked out by hand in test_vendor_figures.py. The people are made up.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from customer_intel_tests.unit.vendor_samples import Sample, delimited, lines, sample


def _at(text: str) -> int:
    """A time of UTC in epoch seconds."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


# ---- Recurly: units of the currency, nested account and plan

_ACCOUNT = {"id": "acc1", "object": "account", "code": "u-100", "email": "kofi@mensah.example"}


def _recurly(number: str, state: str, amount: float, **more: Any) -> dict[str, Any]:
    return {
        "id": number, "object": "subscription", "uuid": f"uuid{number}", "account": _ACCOUNT,
        "plan": {"id": "plm", "object": "plan", "code": "team", "name": "Team"}, "state": state,
        "current_period_started_at": "2026-06-10T00:00:00Z", "current_period_ends_at": "2026-07-10T00:00:00Z",
        "trial_started_at": None, "trial_ends_at": None, "currency": "USD", "unit_amount": amount, "quantity": 1,
        "add_ons_total": 0, "created_at": "2026-01-10T00:00:00Z", "updated_at": "2026-06-10T00:00:00Z",
        "activated_at": "2026-01-10T00:00:00Z", "canceled_at": None, "expires_at": None, **more,
    }  # fmt: skip


_YEAR = {"plan": {"id": "ply", "object": "plan", "code": "team-year", "name": "Team, yearly"}}
RECURLY_SUBSCRIPTIONS = lines(
    # 4 seats at 9.50 and add-ons of 12.00: 50.00 a month
    _recurly("r1", "active", 9.5, quantity=4, add_ons_total=12),
    # 600 a year, canceled, runs on until October: 50.00 a month
    _recurly(
        "r2", "canceled", 600, **_YEAR, canceled_at="2026-05-01T00:00:00Z", expires_at="2026-10-10T00:00:00Z",
        current_period_started_at="2025-10-10T00:00:00Z", current_period_ends_at="2026-10-10T00:00:00Z",
    ),
    _recurly(
        "r3", "active", 30, activated_at="2026-06-20T00:00:00Z", trial_started_at="2026-06-20T00:00:00Z",
        trial_ends_at="2026-07-20T00:00:00Z",
    ),
    _recurly(
        "r4", "expired", 30, canceled_at="2026-03-01T00:00:00Z", expires_at="2026-03-10T00:00:00Z",
        expiration_reason="canceled",
    ),
    _recurly("r5", "paused", 25),
    # 90 for three months, by the period as its plan is not listed: 30.00 a month
    _recurly(
        "r6", "active", 90, plan={"id": "plx", "code": "old", "name": "Old"},
        current_period_started_at="2026-05-15T00:00:00Z", current_period_ends_at="2026-08-15T00:00:00Z",
    ),
)  # fmt: skip
RECURLY_PLANS = lines(
    {"id": "plm", "code": "team", "name": "Team", "state": "active", "interval_unit": "months", "interval_length": 1},
    {"id": "ply", "code": "team-year", "name": "Team, yearly", "interval_unit": "months", "interval_length": 12},
)  # fmt: skip


def _recurly_invoice(number: str, state: str, total: float, **more: Any) -> dict[str, Any]:
    return {
        "id": number, "object": "invoice", "type": "charge", "origin": "renewal", "state": state, "account": _ACCOUNT,
        "subscription_ids": ["r1"], "currency": "USD", "discount": 0, "subtotal": total, "tax": 0, "total": total,
        "paid": 0, "balance": total, "created_at": "2026-06-10T01:00:00Z", "due_at": "2026-06-20T01:00:00Z",
        "closed_at": None, "address": {"street1": "1 Ring Rd"}, **more,
    }  # fmt: skip


RECURLY_INVOICES = lines(
    _recurly_invoice("i1", "paid", 55, subtotal=50, tax=5, paid=55, balance=0, closed_at="2026-06-10T01:05:00Z"),
    _recurly_invoice("i2", "past_due", 30),
    _recurly_invoice("i3", "failed", 25),
    _recurly_invoice("i4", "closed", -10, type="credit", balance=0),
)  # fmt: skip


def _recurly_payment(
    number: str, kind: str, status: str, amount: float, **more: Any
) -> dict[str, Any]:
    return {
        "id": number, "object": "transaction", "original_transaction_id": None, "account": _ACCOUNT,
        "invoice": {"id": "i1", "number": "1001"}, "type": kind, "currency": "USD", "amount": amount, "status": status,
        "success": status == "success", "payment_method": {"object": "credit_card", "last_four": "1111"},
        "ip_address_v4": "203.0.113.9", "status_code": None, "created_at": "2026-06-10T01:04:00Z",
        "collected_at": "2026-06-10T01:05:00Z", **more,
    }  # fmt: skip


RECURLY_TRANSACTIONS = lines(
    _recurly_payment("t1", "purchase", "success", 55),
    _recurly_payment("t2", "purchase", "declined", 30, collected_at=None, status_code="declined"),
    _recurly_payment("t3", "refund", "success", 15, original_transaction_id="t1"),
    _recurly_payment("t4", "purchase", "success", 20),
    _recurly_payment("t5", "refund", "success", 20, original_transaction_id="t4"),
    _recurly_payment("t6", "verify", "success", 0),
    _recurly_payment("t7", "purchase", "void", 9),
)  # fmt: skip
RECURLY_ACCOUNTS = lines(
    {**_ACCOUNT, "state": "active", "first_name": "Kofi", "last_name": "Mensah", "created_at": "2026-01-09T00:00:00Z",
     "updated_at": "2026-06-01T00:00:00Z", "deleted_at": None, "hosted_login_token": "secret",
     "address": {"street1": "1 Ring Rd", "street2": None, "city": "Accra", "country": "GH", "phone": "+233 1"}},
)  # fmt: skip

# ---- Chargebee: smallest units, epoch seconds


def _chargebee(
    number: str, status: str, *items: tuple[str, int, int], **more: Any
) -> dict[str, Any]:
    return {
        "id": number, "object": "subscription", "customer_id": "cb1", "status": status, "currency_code": "USD",
        "billing_period": 1, "billing_period_unit": "month", "created_at": _at("2026-02-01"),
        "started_at": _at("2026-02-01"), "current_term_start": _at("2026-06-01"),
        "current_term_end": _at("2026-07-01"), "updated_at": _at("2026-06-01"), "deleted": False,
        "subscription_items": [
            {"item_price_id": f"{kind}-{number}", "item_type": kind, "quantity": quantity, "unit_price": price,
             "amount": price * quantity, "object": "subscription_item"}
            for kind, quantity, price in items
        ], **more,
    }  # fmt: skip


CHARGEBEE_SUBSCRIPTIONS = lines(
    # 3 seats at 20.00 and an add-on at 5.00; the set-up fee comes once: 65.00 a month
    _chargebee("c1", "active", ("plan", 3, 2000), ("addon", 1, 500), ("charge", 1, 9900)),
    # 1,200.00 a year: 100.00 a month until the term ends
    _chargebee(
        "c2", "non_renewing", ("plan", 1, 120000), billing_period_unit="year", cancelled_at=_at("2026-11-01"),
        current_term_end=_at("2026-11-01"),
    ),
    _chargebee(
        "c3", "in_trial", ("plan", 1, 4000), started_at=_at("2026-06-25"), trial_start=_at("2026-06-25"),
        trial_end=_at("2026-07-09"),
    ),
    _chargebee("c4", "cancelled", ("plan", 1, 4000), cancelled_at=_at("2026-05-01"), cancel_reason_code="too dear"),
    # 3,000 yen, which have no cents
    _chargebee("c5", "active", ("plan", 1, 3000), currency_code="JPY"),
    # 90.00 a quarter: 30.00 a month
    _chargebee("c6", "active", ("plan", 2, 4500), billing_period=3),
    _chargebee("c7", "paused", ("plan", 1, 7700)),
    _chargebee("c8", "future", ("plan", 1, 8800), started_at=None, start_date=_at("2026-08-01")),
)  # fmt: skip


def _chargebee_invoice(number: str, status: str, total: int, **more: Any) -> dict[str, Any]:
    return {
        "id": number, "object": "invoice", "customer_id": "cb1", "subscription_id": "c1", "status": status,
        "currency_code": "USD", "date": _at("2026-06-01"), "due_date": _at("2026-06-15"), "sub_total": total, "tax": 0,
        "total": total, "amount_paid": 0, "amount_due": total, "recurring": True, "deleted": False,
        "line_items": [{"date_from": _at("2026-06-01"), "date_to": _at("2026-07-01"), "amount": total}], **more,
    }  # fmt: skip


CHARGEBEE_INVOICES = lines(
    _chargebee_invoice(
        "ci1", "paid", 6175, sub_total=6500, discounts=[{"entity_type": "document_level_coupon", "amount": 325}],
        amount_paid=6175, amount_due=0, paid_at=_at("2026-06-02"),
    ),
    _chargebee_invoice("ci2", "payment_due", 4000),
    _chargebee_invoice("ci3", "not_paid", 1500),
    _chargebee_invoice("ci4", "voided", 900),
    _chargebee_invoice("ci5", "paid", 3000, currency_code="JPY", amount_paid=3000, amount_due=0),
)  # fmt: skip


def _chargebee_payment(
    number: str, kind: str, status: str, amount: int, **more: Any
) -> dict[str, Any]:
    return {
        "id": number, "object": "transaction", "customer_id": "cb1", "type": kind, "status": status, "amount": amount,
        "currency_code": "USD", "date": _at("2026-06-02"), "payment_method": "card", "gateway": "chargebee",
        "last4": "4242",
        "deleted": False, "linked_invoices": [{"invoice_id": "ci1", "applied_amount": amount}], **more,
    }  # fmt: skip


CHARGEBEE_TRANSACTIONS = lines(
    _chargebee_payment("ct1", "payment", "success", 6175),
    _chargebee_payment("ct2", "payment", "failure", 4000, error_code="card_declined"),
    _chargebee_payment("ct3", "refund", "success", 1000, refunded_txn_id="ct1", linked_invoices=[]),
    _chargebee_payment("ct4", "payment", "success", 3000, currency_code="JPY"),
    _chargebee_payment("ct5", "payment", "voided", 500),
)  # fmt: skip
CHARGEBEE_CUSTOMERS = lines(
    {"id": "cb1", "object": "customer", "first_name": "Mei", "last_name": "Lin", "email": "mei@lin.example",
     "auto_collection": "on", "created_at": _at("2026-01-31"), "updated_at": _at("2026-06-01"), "deleted": False,
     "created_from_ip": "203.0.113.9", "billing_address": {"line1": "2 Bay St", "city": "Oslo", "country": "NO"}},
)  # fmt: skip

# ---- Paddle Billing: texts in smallest units


def _price(amount: str, quantity: int, **more: Any) -> dict[str, Any]:
    return {
        "status": "active", "quantity": quantity, "recurring": True, "trial_dates": None, "price": {
            "id": f"pri_{amount}", "name": "Seat", "description": "Monthly", "product_id": "pro_1",
            "unit_price": {"amount": amount, "currency_code": "USD"},
        }, **more,
    }  # fmt: skip


def _paddle(number: str, status: str, *items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": number, "status": status, "customer_id": "ctm_1", "address_id": "add_1", "currency_code": "USD",
        "created_at": "2026-03-01T09:00:00.000Z", "updated_at": "2026-06-01T09:00:00.000Z",
        "started_at": "2026-03-01T09:00:00.000Z", "next_billed_at": "2026-07-01T09:00:00.000Z", "canceled_at": None,
        "current_billing_period": {"starts_at": "2026-06-01T09:00:00.000Z", "ends_at": "2026-07-01T09:00:00.000Z"},
        "billing_cycle": {"interval": "month", "frequency": 1}, "scheduled_change": None, "items": list(items),
        "management_urls": {"cancel": "https://x"}, **more,
    }  # fmt: skip


PADDLE_SUBSCRIPTIONS = lines(
    # 10 seats at 30.00 and an add-on at 100.00: 400.00 a month
    _paddle("sub_p1", "active", _price("3000", 10), _price("10000", 1)),
    # 240.00 a year, which will not be renewed: 20.00 a month
    _paddle(
        "sub_p2", "active", _price("24000", 1), billing_cycle={"interval": "year", "frequency": 1},
        current_billing_period={"starts_at": "2025-12-01T09:00:00Z", "ends_at": "2026-12-01T09:00:00Z"},
        scheduled_change={"action": "cancel", "effective_at": "2026-12-01T09:00:00Z", "resume_at": None},
    ),
    _paddle(
        "sub_p3", "trialing",
        _price("5000", 1, trial_dates={"starts_at": "2026-06-20T09:00:00Z", "ends_at": "2026-07-04T09:00:00Z"}),
        started_at="2026-06-20T09:00:00Z",
    ),
    _paddle("sub_p4", "canceled", _price("5000", 1), canceled_at="2026-04-15T09:00:00Z"),
    # not paid this time, but still counted: 15.00
    _paddle("sub_p5", "past_due", _price("1500", 1)),
)  # fmt: skip


def _paddle_bill(
    number: str, status: str, total: str, *payments: dict[str, Any], **more: Any
) -> dict[str, Any]:
    balance = "0" if status in ("paid", "completed") else total
    return {
        "id": number, "status": status, "customer_id": "ctm_1", "currency_code": "USD",
        "origin": "subscription_recurring",
        "subscription_id": "sub_p1", "billing_period": None, "created_at": "2026-06-01T09:00:00Z",
        "billed_at": "2026-06-01T09:00:01Z", "details": {"totals": {
            "subtotal": total, "discount": "0", "tax": "0", "total": total, "grand_total": total, "balance": balance,
            "currency_code": "USD",
        }}, "payments": list(payments), "checkout": {"url": "https://x"}, **more,
    }  # fmt: skip


def _attempt(number: str, status: str, amount: str, **more: Any) -> dict[str, Any]:
    return {
        "payment_attempt_id": number, "amount": amount, "status": status, "error_code": None, "method_details": {
            "type": "card", "card": {"last4": "3184"},
        }, "created_at": "2026-06-01T09:00:02Z",
        "captured_at": "2026-06-01T09:00:05Z" if status == "captured" else None,
        **more,
    }  # fmt: skip


PADDLE_TRANSACTIONS = lines(
    _paddle_bill(
        "txn_1", "completed", "40000", _attempt("pay_2", "captured", "40000"),
        _attempt("pay_1", "error", "40000", error_code="declined"),
    ),
    _paddle_bill("txn_2", "past_due", "1500", _attempt("pay_3", "error", "1500", error_code="expired_card")),
    _paddle_bill("txn_3", "completed", "24000", _attempt("pay_4", "captured", "24000")),
    _paddle_bill("txn_4", "canceled", "700"),
    # a checkout that was opened and left
    _paddle_bill("txn_5", "ready", "5000", customer_id=None, billed_at=None, subscription_id=None),
)  # fmt: skip
PADDLE_ADJUSTMENTS = lines(
    {"id": "adj_1", "action": "refund", "transaction_id": "txn_3", "status": "approved", "currency_code": "USD",
     "totals": {"total": "24000"}, "created_at": "2026-06-05T09:00:00Z"},
    {"id": "adj_2", "action": "refund", "transaction_id": "txn_1", "status": "rejected", "currency_code": "USD",
     "totals": {"total": "40000"}, "created_at": "2026-06-05T09:00:00Z"},
)  # fmt: skip
PADDLE_CUSTOMERS = lines(
    {"id": "ctm_1", "name": "Jo Larsen", "email": "jo@larsen.example", "status": "active", "locale": "en",
     "marketing_consent": False, "created_at": "2026-02-28T09:00:00Z", "updated_at": "2026-02-28T09:00:00Z"},
)  # fmt: skip

# ---- Zuora: a connector's tables

_NOON = "2026-05-01 12:00:00.000000 UTC"
ZUORA = {
    "zuora_account.csv": ("zuora_accounts", delimited(
        "id,_fivetran_deleted,account_number,bill_to_contact_id,created_date,currency,name,parent_id,sales_rep_name,"
        "sold_to_contact_id,status,updated_date",
        {"id": "za1", "_fivetran_deleted": "FALSE", "account_number": "A-1", "bill_to_contact_id": "zc1",
         "created_date": _NOON, "currency": "GBP", "name": "Harrow Ltd", "status": "Active", "updated_date": _NOON},
    )),
    "contact.csv": ("zuora_contacts", delimited(
        "id,_fivetran_deleted,account_id,address_1,address_2,city,country,created_date,first_name,last_name,"
        "mobile_phone,personal_email,postal_code,state,updated_date,work_email,work_phone",
        {"id": "zc1", "_fivetran_deleted": "FALSE", "account_id": "za1", "address_1": "3 Mill Ln", "city": "Leeds",
         "country": "United Kingdom", "created_date": _NOON, "first_name": "Priya", "last_name": "Nair",
         "updated_date": _NOON, "work_email": "priya@harrow.example"},
    )),
    "subscription.csv": ("zuora_subscriptions", delimited(
        "id,_fivetran_deleted,account_id,cancelled_date,contract_effective_date,created_date,is_latest_version,name,"
        "original_id,status,subscription_end_date,subscription_start_date,term_end_date,term_start_date,term_type,"
        "updated_date,version,cancel_reason",
        *({"account_id": "za1", "_fivetran_deleted": "FALSE", "created_date": _NOON, "updated_date": _NOON,
           "subscription_start_date": "2026-01-15 00:00:00.000000 UTC", "term_type": "EVERGREEN", **row} for row in (
            {"id": "zs1v1", "original_id": "zs1v1", "name": "A-S1", "status": "Active", "version": "1",
             "is_latest_version": "FALSE"},
            {"id": "zs1v2", "original_id": "zs1v1", "name": "A-S1", "status": "Active", "version": "2",
             "is_latest_version": "TRUE"},
            # a version that was taken back does not take the subscription with it
            {"id": "zs1v0", "original_id": "zs1v1", "name": "A-S1", "status": "Active", "version": "3",
             "_fivetran_deleted": "TRUE", "updated_date": "2026-06-20 12:00:00.000000 UTC"},
            {"id": "zs2", "original_id": "zs2", "name": "A-S2", "status": "Cancelled", "version": "1",
             "is_latest_version": "TRUE", "cancelled_date": "2026-04-01", "cancel_reason": "budget"},
            {"id": "zs3", "original_id": "zs3", "name": "A-S3", "status": "Suspended", "version": "1",
             "is_latest_version": "TRUE"},
            {"id": "zs4", "original_id": "zs4", "name": "A-S4", "status": "Draft", "version": "1",
             "is_latest_version": "TRUE"},
        )),
    )),
    "rate_plan.csv": ("", delimited(
        "id,created_date,name,product_rate_plan_id,subscription_id",
        *({"id": f"rp-{of}", "created_date": _NOON, "name": "Seats", "product_rate_plan_id": "prp1",
           "subscription_id": of} for of in ("zs1v1", "zs1v2", "zs2", "zs3", "zs4")),
    )),
    "rate_plan_charge.csv": ("", delimited(
        "id,charge_type,created_date,is_last_segment,mrr,name,quantity,rate_plan_id,subscription_id,transaction_currency",
        *({"id": f"ch{n}", "created_date": _NOON, "quantity": "1", "transaction_currency": "GBP",
           "is_last_segment": "TRUE", "charge_type": kind, "mrr": mrr, "subscription_id": of}
          for n, (of, kind, mrr) in enumerate((
              ("zs1v1", "Recurring", "80"), ("zs1v2", "Recurring", "96.5"), ("zs1v2", "Recurring", "3.5"),
              ("zs1v2", "OneTime", ""), ("zs2", "Recurring", "40"), ("zs3", "Recurring", "70"),
          ))),
    )),
    "invoice.csv": ("zuora_invoices", delimited(
        "id,_fivetran_deleted,account_id,amount,amount_without_tax,balance,created_date,due_date,invoice_date,"
        "invoice_number,payment_amount,posted_date,status,tax_amount,transaction_currency,updated_date",
        *({"_fivetran_deleted": "FALSE", "account_id": "za1", "created_date": _NOON, "transaction_currency": "GBP",
           "tax_amount": "0", **row} for row in (
            {"id": "zi1", "amount": "120", "amount_without_tax": "100", "tax_amount": "20", "balance": "0",
             "due_date": "2026-06-01", "invoice_date": "2026-05-15", "payment_amount": "120", "status": "Posted"},
            {"id": "zi2", "amount": "100", "amount_without_tax": "100", "balance": "60", "due_date": "2026-06-15",
             "invoice_date": "2026-06-01", "payment_amount": "40", "status": "Posted"},
            {"id": "zi3", "amount": "10", "balance": "10", "invoice_date": "2026-06-02", "status": "Canceled"},
        )),
    )),
    "invoice_item.csv": ("", delimited(
        "id,invoice_id,subscription_id,charge_amount,service_start_date,service_end_date",
        {"id": "ii1", "invoice_id": "zi1", "subscription_id": "zs1v1", "service_start_date": "2026-05-15",
         "service_end_date": "2026-06-14"},
    )),
    "payment.csv": ("zuora_payments", delimited(
        "id,_fivetran_deleted,account_id,amount,created_date,currency,effective_date,gateway_response_code,"
        "refund_amount,status,transaction_currency,type,updated_date",
        *({"_fivetran_deleted": "FALSE", "account_id": "za1", "created_date": _NOON, "currency": "GBP",
           "transaction_currency": "GBP", "type": "Electronic", "effective_date": "2026-06-01", **row} for row in (
            {"id": "zp1", "amount": "120", "refund_amount": "0", "status": "Processed"},
            {"id": "zp2", "amount": "40", "refund_amount": "15", "status": "Processed"},
            {"id": "zp3", "amount": "60", "refund_amount": "0", "status": "Error", "gateway_response_code": "51"},
        )),
    )),
    "invoice_payment.csv": ("", delimited(
        "id,amount,invoice_id,payment_id",
        {"id": "l1", "amount": "120", "invoice_id": "zi1", "payment_id": "zp1"},
        {"id": "l2", "amount": "40", "invoice_id": "zi2", "payment_id": "zp2"},
    )),
}  # fmt: skip

BILLING: tuple[Sample, ...] = (
    sample("recurly_subscriptions", "recurly", "recurly-subscriptions.jsonl", RECURLY_SUBSCRIPTIONS),
    sample("recurly_plans", "recurly", "recurly-plans.jsonl", RECURLY_PLANS),
    sample("recurly_invoices", "recurly", "recurly-invoices.jsonl", RECURLY_INVOICES),
    sample("recurly_transactions", "recurly", "recurly-transactions.jsonl", RECURLY_TRANSACTIONS),
    sample("recurly_accounts", "recurly", "recurly-accounts.jsonl", RECURLY_ACCOUNTS),
    sample("chargebee_subscriptions", "chargebee", "chargebee-subscriptions.jsonl", CHARGEBEE_SUBSCRIPTIONS),
    sample("chargebee_invoices", "chargebee", "chargebee-invoices.jsonl", CHARGEBEE_INVOICES),
    sample("chargebee_transactions", "chargebee", "chargebee-transactions.jsonl", CHARGEBEE_TRANSACTIONS),
    sample("chargebee_customers", "chargebee", "chargebee-customers.jsonl", CHARGEBEE_CUSTOMERS),
    sample("paddle_subscriptions", "paddle", "paddle-subscriptions.jsonl", PADDLE_SUBSCRIPTIONS),
    sample("paddle_invoices paddle_payments", "paddle", "paddle-transactions.jsonl", PADDLE_TRANSACTIONS),
    sample("paddle_adjustments", "paddle", "paddle-adjustments.jsonl", PADDLE_ADJUSTMENTS),
    sample("paddle_customers", "paddle", "paddle-customers.jsonl", PADDLE_CUSTOMERS),
    *(sample(takes, "zuora", name, content) for name, (takes, content) in ZUORA.items()),
)  # fmt: skip
