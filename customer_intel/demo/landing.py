"""The demo's landing folder: which files lie there on which night, and which faults they have."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl

from customer_intel.demo import (
    export_ads,
    export_billing,
    export_contacts,
    export_support,
    export_till,
)
from customer_intel.demo.clock import DAY, epoch
from customer_intel.demo.export_orders import shopify_orders
from customer_intel.demo.exports import Exporter
from customer_intel.demo.mess import BAD_FROM_ROWS, Dirt, write_bytes, write_csv

EVENTS_A_FILE = 20_000  # above this, a night's events come in one file a month
# source, file name, how it is made, {column: a value nothing can parse}
Export = Callable[[Exporter, int, int], pl.DataFrame]
CSV_FILES: list[tuple[str, str, Export, dict[str, str]]] = [
    (
        "hubspot",
        "hubspot-crm-exports-all-contacts-{day}.csv",
        export_contacts.hubspot,
        {"Create Date": "31/31/2025 25:61"},
    ),
    (
        "hubspot",
        "hubspot-crm-exports-all-companies-{day}.csv",
        export_contacts.hubspot_companies,
        {},
    ),
    ("shopify", "customers_export.csv", export_contacts.shopify_customers, {}),
    ("stripe", "customers.csv", export_contacts.stripe_customers, {}),
    ("stripe", "subscriptions.csv", export_billing.stripe_subscriptions, {"Interval": "fortnight"}),
    ("stripe", "invoices.csv", export_billing.stripe_invoices, {}),
    ("stripe", "unified_payments.csv.gz", export_billing.stripe_charges, {"Amount": "N/A"}),
    ("zendesk", "users.csv", export_contacts.zendesk_users, {}),
    (
        "zendesk",
        "tickets.csv",
        export_support.zendesk_tickets,
        {"Created at": "0000-00-00 00:00:00"},
    ),
    (
        "delighted",
        "delighted-nps-responses-{day}.csv",
        export_support.delighted,
        {"Score": "eleven"},
    ),
    (
        "onetrust",
        "consent-receipts-{day}.csv",
        export_support.onetrust,
        {"Consent Status": "MAYBE"},
    ),
    ("loyalty", "loyalty-cards.csv", export_contacts.loyalty, {"Joined": "soon"}),
    ("kasse", "orders.csv", export_till.till_orders, {}),
    ("kasse", "order_lines.csv", export_till.till_lines, {}),
    ("kasse", "fx_rates.csv", export_till.euro_rates, {}),
]
DUPLICATED = {"hubspot", "stripe_charges", "zendesk_tickets", "loyalty"}
ORPHANS = {
    "stripe_charges": {"Invoice ID": "in_9999999"},
    "zendesk_tickets": {"Requester id": "379999999999", "Requester email": ""},
}


def write_night(
    landing: Path,
    exporter: Exporter,
    events: pl.DataFrame,
    dates: list[date],
    night: int,
    dirt: Dirt,
) -> None:
    """Writes what arrives on dates[night]: all history on the first, afterwards what the day before
    changed.
    """
    day = dates[night]
    since, upto = (epoch(dates[night - 1]) if night else -(2**40)), epoch(day)
    for source, name, export, bad in CSV_FILES:
        method, frame = export.__name__, export(exporter, since, upto)
        folder = day
        if method == "stripe_charges" and night and night == len(dates) - 2 and len(dates) >= 3:
            # the payments of the last but one night arrive a day late, beside the last night's own
            folder, name = dates[night + 1], f"unified_payments-{day}.csv.gz"
            dirt.kinds["late_file"] += 1
        if frame.is_empty() and (night or source == "kasse"):
            continue
        path = landing / source / str(folder) / name.format(day=day)
        _write(landing, path, frame, method, bad, dirt)
        if method == "shopify_customers" and night == min(1, len(dates) - 1):
            first = landing / source / str(dates[0]) / name
            again = landing / source / str(day) / "customers_export (1).csv"
            again.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(first, again)
            dirt.kinds["resent_file"] += 1
    _write_orders(landing, shopify_orders(exporter, since, upto), day, night, len(dates), dirt)
    _write_events(landing, events, day, since, upto, night, dirt)


def _write(
    landing: Path, path: Path, frame: pl.DataFrame, method: str, bad: dict[str, str], dirt: Dirt
) -> None:
    frame, n_spoilt = dirt.spoil(frame, bad)
    column = next(iter(bad), None)
    n_repeated = 0
    if method in ORPHANS and len(frame) >= BAD_FROM_ROWS:
        clean = (frame[column] != bad[column]).to_numpy().nonzero()[0] if column else np.arange(0)
        rows = [int(clean[i]) for i in dirt.marks(len(clean), 0.001, 1)]
        dirt.kinds["orphan_reference"] += len(rows)
        hit = pl.int_range(pl.len()).is_in(rows)
        frame = frame.with_columns(
            [
                pl.when(hit).then(pl.lit(v or None, dtype=pl.String)).otherwise(c).alias(c)
                for c, v in ORPHANS[method].items()
            ]
        )
    if method in DUPLICATED:
        frame, n_repeated = dirt.repeat(frame, column, bad.get(column or ""))
    if method == "loyalty":
        # a spreadsheet of the shops, saved by a German Excel
        write_csv(frame, path, separator=";", encoding="windows-1252")
        dirt.kinds["windows_1252_file"] += 1
    else:
        write_csv(frame, path)
    dirt.note(landing, path, len(frame), n_repeated, n_spoilt)


def _write_orders(
    landing: Path, frame: pl.DataFrame, day: date, night: int, nights: int, dirt: Dirt
) -> None:
    """Shopify splits a long export. One part, or the second night's file, names an optional column
    otherwise.
    """
    if frame.is_empty() and night:
        return
    frame, _ = dirt.spoil(frame, {"Total": "N/A"}, where="Total")
    orders = frame["Name"].unique(maintain_order=True)
    parts = [frame]
    if night == 0 and len(orders) > 20:
        head = orders[: len(orders) * 2 // 3].to_list()
        parts = [
            frame.filter(pl.col("Name").is_in(head)),
            frame.filter(~pl.col("Name").is_in(head)),
        ]
    for k, part in enumerate(parts, start=1):
        bad = int((part["Total"] == "N/A").fill_null(False).sum())
        if (nights == 1 and k == 2) or (night == 1 and k == 1):
            part = part.rename({"Discount Code": "Discount code used"})
            dirt.kinds["renamed_column"] += 1
        path = landing / "shopify" / str(day) / f"orders_export_{k}.csv"
        write_csv(part, path)
        dirt.note(landing, path, len(part), 0, bad)


def _write_events(
    landing: Path, events: pl.DataFrame, day: date, since: int, upto: int, night: int, dirt: Dirt
) -> None:
    rows = events.filter(pl.col("received_ms").is_between(since * 1000, upto * 1000, closed="left"))
    if rows.is_empty():
        return
    if night:
        dirt.kinds["late_event"] += int((rows["ts_ms"] < (upto - DAY) * 1000).sum())
    month = pl.from_epoch("received_ms", time_unit="ms").dt.strftime("%Y-%m")
    parts = [rows]
    if len(rows) > EVENTS_A_FILE:
        parts = rows.with_columns(month=month).partition_by(
            "month", maintain_order=True, include_key=False
        )
    for k, part in enumerate(parts):
        stamp = datetime.fromtimestamp(int(part["received_ms"][0]) / 1000, UTC)
        last = k == len(parts) - 1
        label = f"{stamp:%Y-%m}" if len(parts) > 1 else str(day)
        path = (
            landing / "segment" / str(day) / f"segment-events-{label}.jsonl{'.gz' if last else ''}"
        )
        lines, n_spoilt = part.select("line"), 0
        if len(lines) >= BAD_FROM_ROWS:
            number = pl.int_range(pl.len())
            marks = dirt.marks(len(lines), 0.0002, 1)
            future = dirt.marks(len(lines), 0.0, 1 if last else 0)
            future = [i for i in future if i not in marks]
            lines = lines.with_columns(
                line=pl.when(number.is_in(marks))
                .then(
                    pl.col("line").str.replace(r'"timestamp":"[^"]*"', '"timestamp":"not-a-date"')
                )
                .when(number.is_in(future))
                .then(pl.col("line").str.replace(r'"timestamp":"\d{4}', '"timestamp":"2031'))
                .otherwise("line")
            )
            n_spoilt = len(marks)
            dirt.kinds["unparsable_value"] += n_spoilt
            dirt.kinds["future_date"] += len(future)
        clean = lines.with_columns(
            bad=pl.col("line").str.contains('"not-a-date"', literal=True).cast(pl.String)
        )
        repeated, n = dirt.repeat(clean, "bad", "true")
        write_bytes(path, (str(repeated["line"].str.join("\n").item()) + "\n").encode())
        dirt.note(landing, path, len(repeated), n, n_spoilt)


def write_spend(
    landing: Path, rows: pl.DataFrame, dates: list[date], night: int, dirt: Dirt
) -> None:
    """Writes what the advertising platforms answer on dates[night]."""
    day, since = dates[night], dates[night - 1] if night else None
    for platform, name in export_ads.FILES.items():
        if lines := export_ads.answers(rows, platform, since, day):
            path = landing / platform / str(day) / name.format(day=day)
            write_bytes(path, ("\n".join(lines) + "\n").encode())
            dirt.note(landing, path, len(lines))
