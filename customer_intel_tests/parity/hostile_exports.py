"""A tiny company whose exports hold what engines disagree about; not a test itself.

Belongs here: literal rows of every entity, as files of three export dates. Not here: the night over
them (hostile_lake.py), comparing engines (test_parity.py).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from zlib import crc32

from customer_intel.core.contract.load import load
from customer_intel.core.contract.model import STAMPS, Column, Table

# The day after the clocks of Berlin went forward.
AS_OF = date(2024, 4, 1)
ZONE = "Europe/Berlin"
DATES = (AS_OF - timedelta(days=2), AS_OF - timedelta(days=1), AS_OF)
ROWS = 36
PEOPLE = 17
# What a row has of its file.
OF_FILE = {"source_system", "source_file", "source_row", "exported_at", "column_set", "column_files",
           "extra_json", "record_key", "_deleted", *STAMPS}  # fmt: skip

# UTC: a leap day, both sides of midnight in Berlin at a year's end, both clock changes, fractions.
MOMENTS = (
    "2023-07-01T00:00:00", "2023-10-28T21:59:59.999999", "2023-10-29T00:30:00", "2023-10-29T01:00:00",
    "2023-10-29T01:30:00.5", "2023-12-31T22:59:59.999", "2023-12-31T23:00:00", "2023-12-31T23:59:59.999999",
    "2024-01-01T00:00:00", "2024-01-31T12:00:00", "2024-02-28T23:00:00", "2024-02-29T08:15:00.000001",
    "2024-02-29T23:00:00", "2024-03-15T09:00:00", "2024-03-30T22:59:59", "2024-03-30T23:00:00",
)  # fmt: skip
MONEY = ("0.00", "0.01", "19.99", "33.33", "100.00", "0.05", "1000000.00", "7.25", "2.01")
FLOATS = ("1", "0.5", "2.5", "3", "1.005", "0", "10", "12345678.5")
INTS = ("0", "1", "2", "3", "7", "250")
TEXTS = (
    "Zoë Ångström", "O'Brien \"the\" 2nd", "back\\slash", "Straße", "ΟΔΟΣ", "İstanbul", "😀 smile",
    "a|b:c/d?e#f", "  spaced  ", "tab\tinside", "naïve_%", "Plain",
)  # fmt: skip
CURRENCIES = ("EUR", "USD")
NAMES = ("Zoë", "Jürgen", "Łukasz", "Anna", "Σοφία", "Siân")
FAMILIES = ("Ångström", "Müller", "O'Brien", "van der Berg", "Σ", "Nowak")

# Words of states and kinds, by entity and column or by column.
WORDS: dict[str, tuple[str, ...]] = {
    "orders.status": (
        "paid", "fulfilled", "paid", "fulfilled", "paid", "cancelled", "paid", "refunded", "Abgelegt", "failed",
        "pending",
    ),
    "payments.status": ("succeeded", "failed", "refunded", "succeeded", "pending"),
    "subscriptions.status": ("active", "trialing", "canceled", "past_due", "active"),
    "invoices.status": ("paid", "open", "void", "uncollectible", "draft"),
    "tickets.status": ("open", "solved", "closed", "pending"),
    "tickets.priority": ("low", "urgent", "high"),
    "products.status": ("active", "archived"),
    "subscription_events.event_type": ("upgrade", "downgrade", "renewal"),
    "events.event_name": (
        "Page Viewed", "Product Viewed", "order_completed", "Feature Used", "Checkout Started", "ÄÖÜ event"
    ),
    "events.page_path": ("/", "/blog/ä", "/product/12", "", "/checkout", "/account/x"),
    "events.page_url": ("https://shop.example/", "https://shop.example/blog/a?x=1#y", "nonsense"),
    "events.utm_medium": ("cpc", "email", "Social", "paid_search"),
    "survey_responses.score": ("0", "6", "7", "9", "10", "8"),
    "reviews.rating": ("1", "5", "4.5", "3"),
    "reviews.rating_max": ("5", "10"),
    "deals.probability": ("0", "0.5", "1"),
    "third_party_enrichment.confidence": ("0", "0.5", "1"),
    "third_party_enrichment.field": ("industry", "birth_date", "city", "gender"),
    "erasure_requests.request_type": ("access", "rectification", "restriction", "access"),
    "fx_rates.rate": ("1.1", "1.0875", "1.005"),
    "channel": ("web", "Email", "ads", "chat"),
    "subject_id_type": ("customer", "email"),
    "match_key_type": ("customer", "email"),
    "country": ("DE", "FR", "Österreich"),
    "language": ("de", "en", "tr"),
    "birth_date": ("1980-02-29", "1999-12-31", "1970-01-01"),
    "gender": ("female", "male"),
    "email_verified": ("true", "false"),
    "attributes": ('{"a": 1.0, "b": {"c": null, "d": "é\\n"}}',),
    "properties": ('{"feature": "Export", "n": 10000000.5}', '{"path": "/ä", "ok": true}'),
}  # fmt: skip
# Columns that name somebody or something else.
REFERENCES = {
    "customer_ref": "C", "contact_ref": "C", "requester_ref": "C", "respondent_ref": "C", "author_ref": "C",
    "user_id": "C", "external_user_id": "C", "order_id": "orders-", "product_id": "products-",
    "subscription_id": "subscriptions-", "invoice_id": "invoices-", "ticket_id": "tickets-",
    "account_id": "accounts-", "parent_account_id": "accounts-", "campaign_id": "campaign-",
    "survey_id": "survey-", "anonymous_id": "device-", "returns_order_id": "orders-",
}  # fmt: skip
# Never empty although they may be: without them nothing is told of anybody.
FILLED = {
    "orders.customer_ref", "orders.status", "tickets.requester_ref", "payments.customer_ref", "payments.status",
    "events.user_id",
}  # fmt: skip
# Filled now and then: what ends or takes back.
RARE = {
    "cancelled_at", "returns_order_id", "canceled_at", "ended_at", "refunded_at", "refunded", "trial_start",
    "refunded_amount", "refunded_quantity",
}  # fmt: skip


def exports() -> dict[tuple[str, date], list[dict[str, str]]]:
    """(entity, export date) → its rows as a file has them."""
    made: dict[tuple[str, date], list[dict[str, str]]] = {}
    for name, table in load().entities.items():
        first, second, third = DATES
        everything = _rows(table, first)
        made[name, first] = everything
        # Later files have fewer columns and other values, so that they are merged column by column.
        made[name, second] = _part(_rows(table, second)[::3], table, 0)
        made[name, third] = _part(_rows(table, third)[::6], table, 1)
    made["events", DATES[0]] += _visits()
    made["fx_rates", DATES[0]] = _rates()
    return made


def land(landing: Path) -> None:
    """The files, each named after its entity, in landing/hostile/<export date>/."""
    for (name, day), rows in exports().items():
        folder = landing / "hostile" / str(day)
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / f"{name}.csv", rows)


def _write(path: Path, rows: Iterable[Mapping[str, str]]) -> None:
    rows = list(rows)
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, names, restval="")
        writer.writeheader()
        writer.writerows(rows)


def _columns(table: Table) -> list[Column]:
    own = {str(table.day_column)} if table.day_column else set()
    return [column for column in table.columns if column.name not in OF_FILE | own]


def _part(rows: list[dict[str, str]], table: Table, which: int) -> list[dict[str, str]]:
    optional = [column.name for column in _columns(table) if not column.required]
    dropped = set(optional[which::2]) - {"updated_at"}
    return [{name: value for name, value in row.items() if name not in dropped} for row in rows]


def _rows(table: Table, day: date) -> list[dict[str, str]]:
    """Each optional column is empty in some row and filled in another."""
    turn = DATES.index(day)
    rows = []
    for number in range(ROWS):
        row = {column.name: _value(table, column, number, turn) for column in _columns(table)}
        if turn == 0:
            row["Odd Ünknown"] = TEXTS[number % len(TEXTS)]
        elif number % 2:
            row[f"later {turn}"] = TEXTS[(number + turn) % len(TEXTS)]
        rows.append(row)
    return rows


def _value(table: Table, column: Column, number: int, turn: int) -> str:
    name, salt = column.name, crc32(f"{table.name}.{column.name}".encode())
    if name in table.key:
        return _key(table, name, number)
    if not column.required and f"{table.name}.{name}" not in FILLED:
        turns = (number + salt) % (7 if name in RARE else 4)
        if turns != 0 if name in RARE else turns == 0:
            return ""
    pick = number * (1 + salt % 5) + salt % 7 + turn
    if (prefix := REFERENCES.get(name)) is not None:
        return _reference(prefix, pick)
    if name in ("subject_id", "match_key"):
        return _reference("C", number) if number % 2 == 0 else _email(number)
    words = WORDS.get(f"{table.name}.{name}") or WORDS.get(name) or column.values
    if words:
        return words[pick % len(words)]
    return _by_name_or_type(table, column, number, pick, turn)


def _by_name_or_type(table: Table, column: Column, number: int, pick: int, turn: int) -> str:
    name = column.name
    if "email" in name and column.type == "text":
        return _email(number)
    if name in ("currency", "base", "quote"):
        return CURRENCIES[number // 3 % 2]
    if name.endswith("first_name"):
        return NAMES[number % len(NAMES)]
    if name.endswith("last_name"):
        return FAMILIES[number % PEOPLE % len(FAMILIES)]
    if name in ("record_key_a", "record_key_b"):
        return f"hostile:C{number % PEOPLE + (1 if name.endswith('b') else 0):02d}"
    if column.type == "timestamp":
        return _moment(name, number, pick, turn)
    if column.type == "money":
        return _amount(table, name, number, pick)
    kinds = {
        "int": INTS, "float": FLOATS, "bool": ("true", "false"), "text": TEXTS,
        "date": ("2023-12-31", "2024-01-01", "2024-02-29", "2024-03-31"),
    }  # fmt: skip
    return kinds[column.type][pick % len(kinds[column.type])]


def _key(table: Table, name: str, number: int) -> str:
    if name == "contact_id":
        return f"C{number:02d}"
    if name == "date":
        return str(AS_OF - timedelta(days=number * 7 % 270))
    if name in ("base", "quote", "channel", "provider", "dataset", "field"):
        return {"base": "EUR", "quote": "USD", "channel": "ads", "provider": "P", "dataset": "d",
                "field": "industry"}[name]  # fmt: skip
    return f"{table.name}-{number:03d}"


def _reference(prefix: str, number: int) -> str:
    if prefix == "C":
        return f"C{number % PEOPLE:02d}"
    return f"{prefix}{number % 9:03d}"


def _email(number: int) -> str:
    return f"person{number % PEOPLE}@Example.test"


def _amount(table: Table, name: str, number: int, pick: int) -> str:
    if table.name == "orders" and name == "total":
        # Credit notes, gifts, and amounts of half a cent after conversion.
        return "-5.00" if number % 9 == 8 else MONEY[number % len(MONEY)]
    if name in ("refunded", "discount", "refunded_amount"):
        return ("0.00", "0.01", "1.00")[pick % 3]
    return MONEY[pick % len(MONEY)]


def _moment(name: str, number: int, pick: int, turn: int) -> str:
    if name == "updated_at":
        return f"{DATES[turn] - timedelta(days=1)}T0{number % 10}:00:00"
    base = datetime.fromisoformat(MOMENTS[number % len(MOMENTS)])
    later = {
        "cancelled_at": 1, "refunded_at": 2, "shipped_at": 1, "delivered_at": 4, "promised_at": 3,
        "solved_at": 2, "closed_at": 3, "first_response_at": 0, "received_at": 0, "due_at": 14,
        "period_start": 0, "period_end": 31, "trial_start": 0, "trial_end": 14, "ended_at": 40,
        "canceled_at": 35, "current_period_start": 20, "current_period_end": 50, "expires_at": 400,
        "expected_close_at": 30, "paid_at": 1, "responded_at": 1,
    }  # fmt: skip
    base += timedelta(days=later.get(name, 0), microseconds=pick % 3)
    latest = datetime(AS_OF.year, AS_OF.month, AS_OF.day) - timedelta(days=1, microseconds=pick)
    return min(base, latest).isoformat() if name not in FUTURE else base.isoformat()


# May lie ahead of the export.
FUTURE = {
    "due_at",
    "period_end",
    "current_period_end",
    "expires_at",
    "promised_at",
    "expected_close_at",
}


def _visits() -> list[dict[str, str]]:
    """Gaps of exactly 30 minutes and one microsecond more, ties, a visit of more than a day."""
    begin = datetime(2024, 3, 29, 22, 59, 59, 999999)
    half = timedelta(minutes=30)
    least = timedelta(microseconds=1)
    steps = [begin, begin, begin + half, begin + 2 * half + least, begin + 3 * half + least]
    visits = {"C00": steps, "C01": [begin - timedelta(days=40) + half * n for n in range(60)],
              "C02": [begin + timedelta(milliseconds=n) for n in range(4)]}  # fmt: skip
    pages = ("/", "/product/1", "/checkout", "/blog/ä", "")
    rows = []
    for who, moments in visits.items():
        for number, moment in enumerate(moments):
            rows.append({
                "event_id": f"visit-{who}-{number:02d}", "event_type": "page", "event_name": "Page Viewed",
                "user_id": who if number % 2 == 0 else "", "anonymous_id": f"device-{who}",
                "occurred_at": moment.isoformat(), "received_at": moment.isoformat(),
                "page_path": pages[number % len(pages)],
            })  # fmt: skip
    # An order right behind a visit, so that a journey converts.
    return rows


def _rates() -> list[dict[str, str]]:
    return [
        {"date": str(AS_OF - timedelta(days=20 * number)), "base": "EUR", "quote": "USD",
         "rate": ("1.1", "1.0875", "1.005")[number % 3]}
        for number in range(16)
    ]  # fmt: skip
