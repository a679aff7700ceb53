"""Poisons: one bad export for a test that wants to see a gate close."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl


def poison(landing: Path, kind: str, day: date | None = None) -> Path:
    """Spoil the exports in `landing` and return the bad file. `kind` is a key of POISONS.

    The newest export is spoilt in place; with `day`, the bad file, made from it, is laid into that
    date's folder. Raises ValueError for an unknown kind, FileNotFoundError when the export it needs
    is not there.
    """
    if kind not in POISONS:
        raise ValueError(f"unknown poison {kind!r}; one of {', '.join(sorted(POISONS))}")
    source, pattern, spoil = POISONS[kind]
    found = sorted(landing.glob(f"{source}/*/{pattern}"), key=lambda p: (p.parent.name, p.name))
    if not found:
        raise FileNotFoundError(f"no export {source}/<date>/{pattern} in {landing} to poison")
    newest = found[-1]
    target = newest if day is None else landing / source / str(day) / newest.name
    data = newest.read_bytes()
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(spoil(data))
    return target


def _frame(data: bytes) -> pl.DataFrame:
    return pl.read_csv(io.BytesIO(data), infer_schema=False)


def _renamed_column(data: bytes) -> bytes:
    return _frame(data).rename({"Total": "Grand total"}).write_csv().encode()


def _unparsable_dates(data: bytes) -> bytes:
    frame = _frame(data)
    bad = (
        pl.when(pl.int_range(pl.len()) % 5 == 0)
        .then(pl.lit("the day before yesterday"))
        .otherwise("Create Date")
    )
    return frame.with_columns(bad.alias("Create Date")).write_csv().encode()


def _truncated_gzip(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _not_utf8(data: bytes) -> bytes:
    head, _, rest = data.partition(b"\n")
    return head + b"\n" + rest.replace(b"e", b"\xe9\xff", 50)


def _ragged_rows(data: bytes) -> bytes:
    lines = data.split(b"\n")
    return b"\n".join(
        line + b",surplus,surplus" if i > 0 and i % 3 == 0 and line else line
        for i, line in enumerate(lines)
    )


def _giant_cluster(data: bytes) -> bytes:
    """Hundreds of contacts that a bad import gave one person's name, email and login."""
    frame = _frame(data)
    many = pl.concat([frame.head(1)] * 400).with_columns(
        (pl.int_range(pl.len()) + 90_000_000).cast(pl.String).alias("Record ID"),
        pl.lit("Pat").alias("First Name"),
        pl.lit("Import").alias("Last Name"),
        pl.lit("pat.import@mail.example").alias("Email"),
        pl.lit("7219999999999").alias("Shopify Customer ID"),
    )
    return pl.concat([frame, many]).write_csv().encode()


def _negative_totals(data: bytes) -> bytes:
    frame = _frame(data)
    negative = (
        pl.when(pl.col("Total").is_not_null())
        .then(pl.concat_str(pl.lit("-"), "Total"))
        .alias("Total")
    )
    return frame.with_columns(negative).write_csv().encode()


def _scores_out_of_range(data: bytes) -> bytes:
    return _frame(data).with_columns(pl.lit("42").alias("Score")).write_csv().encode()


def _unknown_statuses(data: bytes) -> bytes:
    return _frame(data).with_columns(pl.lit("hibernating").alias("Status")).write_csv().encode()


def _events_without_ids(data: bytes) -> bytes:
    text = gzip.decompress(data).decode()
    return gzip.compress(text.replace('"messageId"', '"message"').encode(), mtime=0)


# kind -> source, file pattern, how its bytes are spoilt
POISONS: dict[str, tuple[str, str, Callable[[bytes], bytes]]] = {
    "renamed_column": ("shopify", "orders_export*.csv", _renamed_column),
    "unparsable_dates": ("hubspot", "hubspot*contacts*.csv", _unparsable_dates),
    "truncated_gzip": ("stripe", "unified_payments*.csv.gz", _truncated_gzip),
    "not_utf8": ("zendesk", "users.csv", _not_utf8),
    "ragged_rows": ("stripe", "invoices.csv", _ragged_rows),
    "giant_cluster": ("hubspot", "hubspot*contacts*.csv", _giant_cluster),
    "negative_totals": ("shopify", "orders_export*.csv", _negative_totals),
    "scores_out_of_range": ("delighted", "delighted*.csv", _scores_out_of_range),
    "unknown_statuses": ("stripe", "subscriptions.csv", _unknown_statuses),
    "events_without_ids": ("segment", "segment-events*.jsonl.gz", _events_without_ids),
}
