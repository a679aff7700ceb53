"""Bad values in good files, with what must become of them and be said of them. The other half of bad_input_cases.py."""

from __future__ import annotations

import datetime as dt
import json

from customer_intel_tests.unit.bad_input_cases import PEOPLE, RATES, SURVEY, reader
from customer_intel_tests.unit.bad_input_files import (
    GOOD,
    SECRET,
    SHOP,
    Case,
    as_csv,
    as_jsonl,
    row,
    with_row,
)

BERLIN = reader("zone: Europe/Berlin")
EITHER = reader('timestamp: ["%d/%m/%Y", "%m/%d/%Y"]')
WHOLE = """\
source: shop
files: "*orders*"
entity: invoices
columns:
  invoice_id: id
  customer_ref: customer
  status: colour
  attempt_count: mail
  created_at: at
  currency: "'EUR'"
  total: total
"""
COUNTED = tuple(row(number, mail=str(number)) for number in range(1, 41))
DAYS = tuple(row(number, at="2026-02-01", total="7", colour="USD") for number in range(1, 41))


def untyped(name: str, column: str, source: str, value: str, reason: str) -> Case:
    says = (f"row 41 {column} ({source}): {reason}",)
    return Case(
        f"{value or 'nothing'} for {name}",
        with_row(**{source: value}),
        "quarantined",
        says,
        rows=41,
    )


def whole(value: str) -> Case:
    says = ("emptied_attempt_count: 1 of 41 rows; these texts are no such value",)
    data = as_csv((*COUNTED, row(99, mail=value)))
    return Case(
        f"{value} for a whole number that may be empty",
        data,
        "warned",
        says,
        entity="invoices",
        mapping=WHOLE,
        rows=41,
        values=lambda rows: (
            rows["attempt_count"][40] is None
            and json.loads(rows["extra_json"][40])["_emptied"] == {"attempt_count": value}
        ),
    )


def at(rows: object, number: int) -> dt.datetime:
    return rows["ordered_at"][number]  # type: ignore[index,no-any-return]


# fmt: off
VALUES = [
    *(untyped("a time", "ordered_at", "at", value, "not a timestamp") for value in ("epoch", "infinity", "-infinity",
            "now", "today", "1_000", "12", "2026-02-30", "2026-02-01 25:00", "03/04/2026", "1.2.2026", "12:00",
            "20260201", "2026-W05")),
    *(untyped("a time", "ordered_at", "at", value, "outside 1900 to 2036") for value in ("1899-12-29", "0001-01-02",
            "2099-01-01", "9999-12-30")),
    *(untyped("a required time", "ordered_at", "at", value, "required, but empty") for value in ("1899-12-31",
            "0001-01-01", "1900-01-01", "9999-12-31 23:59:59", "0000-00-00 00:00:00", "1753-01-01", "2999-12-31")),
    *(untyped("an amount", "total", "total", value, "not an amount") for value in ("1_000", "1,5", "1.000,50", "12a",
            "€3 $", "0x10", "1e999", "inf", "nan", "--3", "1,000", "(5", "٣", "9" * 30)),
    untyped("a required time", "ordered_at", "at", "", "required, but empty"),
    untyped("a required time", "ordered_at", "at", "  \t ", "required, but empty"),
    untyped("a required key", "order_id", "id", "", "required, but empty"),
    *(whole(value) for value in ("12.7", "1_000", "1e3", "twelve", "9" * 19)),
    Case("12.0 for a whole number", as_csv((*COUNTED, row(99, mail="12.0"))), "as is", entity="invoices", mapping=WHOLE,
            rows=41),
    Case("3 April or 4 March, one format declared", with_row(at="03/04/2026"), "as is", rows=41, mapping=reader(
            'timestamp: "%d/%m/%Y"'), values=lambda rows: at(rows, 40) == dt.datetime(2026, 4, 3)),
    Case("3 April or 4 March, both formats declared", with_row(at="03/04/2025"), "quarantined", (
            "row 41 ordered_at (at): fits two of the declared formats",), rows=41, mapping=EITHER),
    Case("25 March, both formats declared", with_row(at="25/03/2025"), "as is", rows=41, mapping=EITHER,
            values=lambda rows: at(rows, 40) == dt.datetime(2025, 3, 25)),
    Case("4 April, both formats declared", with_row(at="04/04/2025"), "as is", rows=41, mapping=EITHER),
    Case("an hour that the clock skips", with_row(at="2025-03-30 02:30:00"), "as is", rows=41, mapping=BERLIN,
            values=lambda rows: at(rows, 40) == dt.datetime(2025, 3, 30, 1, 30)),
    Case("an hour that comes twice", with_row(at="2025-10-26 02:30:00"), "as is", rows=41, mapping=BERLIN,
            values=lambda rows: at(rows, 40) == dt.datetime(2025, 10, 26, 1, 30)),
    Case("an hour that comes twice, with its zone", with_row(at="2025-10-26 02:30:00+02:00"), "as is", rows=41,
            mapping=BERLIN, values=lambda rows: at(rows, 40) == dt.datetime(2025, 10, 26, 0, 30)),
    Case("leading zeros", as_csv((*GOOD, row(99, id="007", customer="00042"))), "as is", rows=41,
            values=lambda rows: rows["order_id"][40] == "007" and rows["customer_ref"][40] == "00042"),
    Case("an id that looks like a number", as_csv((*GOOD, row(99, id="1e5", customer="12345678901234567890123"))),
            "as is", rows=41, values=lambda rows: rows["order_id"][40] == "1e5" and rows["customer_ref"][40].endswith(
            "0123")),
    Case("a negative total", with_row(total="-3.00"), "as is", rows=41),
    Case("a total beyond cents", with_row(total="1.239"), "warned", ("money_rounded: 1 of 41 rows",), rows=41),
    Case("a currency that ISO 4217 does not know", with_row(colour="ZZZ"), "warned", ("unknown_currency: 41 of 41 rows",
            ), rows=41, mapping=SHOP.replace("\"'EUR'\"", "\"'ZZZ'\"")),
    Case("equal rows", as_csv((*GOOD, GOOD[3], GOOD[7])), "as is", rows=42),
    Case("one key and time, other values", with_row(id="o0007"), "warned", ("conflicting_duplicates: 2 of 41 rows",
            "the later row stands"), rows=41),
    Case("a retyped column", as_csv([row(n, at=f"17{n:08d}") for n in range(1, 41)]), "refused", (
            "row 1, column ordered_at (in the file: at): not a timestamp", "40 of 40 rows",
            "mend the source or the mapping")),
    Case("more bad rows than max_reject_share", as_csv((*GOOD, *(row(n, total=SECRET) for n in (90, 91, 92)))),
            "refused", ("row 41, column total: not an amount; 3 of 43 rows", "max_reject_share 0.05", "row 42 total")),
    Case("as many bad rows as max_reject_share", as_csv((*GOOD, *(row(n, total=SECRET) for n in (90, 91)))),
            "quarantined", ("2 of 42 rows are in quarantine/orders",), rows=42),
    Case("formulas in values", with_row(customer="=cmd|' /C calc'!A0", colour="@SUM(1+1)"), "as is", rows=41,
            values=lambda rows: rows["customer_ref"][40].startswith("=cmd")),
    Case("markup in values", with_row(customer="<script>alert(1)</script>"), "as is", rows=41,
            values=lambda rows: rows["customer_ref"][40] == "<script>alert(1)</script>"),
    Case("SQL in values", with_row(customer="'); DROP TABLE typed; --"), "as is", rows=41,
            values=lambda rows: rows["customer_ref"][40].startswith("');")),
    Case("a template in values", as_jsonl((*GOOD, row(99, customer="{{x}} ${y} %(z)s"))), "as is", file="orders.jsonl",
            rows=41, values=lambda rows: rows["customer_ref"][40] == "{{x}} ${y} %(z)s"),
    Case("an NPS score above 10", as_csv((*(row(n, total="9") for n in range(1, 41)), row(99, total="11"))),
            "quarantined", ("row 41 score (total): an NPS score is from 0 to 10",), file="answers.csv", rows=41,
            entity="survey_responses", mapping=SURVEY),
    Case("a rate of nothing", as_csv((*DAYS[:0], *(row(n, at=f"2025-01-{n % 28 + 1:02d}", total="1.1", colour="USD"
            if n < 20 else "GBP") for n in range(1, 41)), row(99, at="2025-02-01", total="0", colour="USD"))),
            "quarantined", ("row 41 rate (total): a rate is above 0",), file="rates.csv", rows=41, entity="fx_rates",
            mapping=RATES),
    Case("a deletion that says only what is gone", as_csv((*(row(n, colour="no") for n in range(1, 41)), row(99, at="",
            colour="yes"))), "as is", file="people.csv", rows=41, entity="contacts", mapping=PEOPLE),
    Case("a deletion of nothing", as_csv((*(row(n, colour="no") for n in range(1, 41)), row(99, id="", at="",
            colour="yes"))), "quarantined", ("row 41 contact_id (id): required, but empty",), file="people.csv",
            rows=41, entity="contacts", mapping=PEOPLE),
]
# fmt: on
