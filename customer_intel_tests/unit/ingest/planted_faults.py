"""Faults as sources make them, planted in one night's export; not a test itself.

Each has a name, the mapping that it strikes and what it makes of the export's rows: other rows, a text, or
None where nothing comes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

Rows = pl.DataFrame
Struck = Callable[[Rows, Rows, Rows], "Rows | str | None"]


@dataclass(frozen=True)
class Fault:
    """`strike`: (tonight's rows, the export before, the very first one) → what comes instead."""

    name: str
    mapping: str
    strike: Struck
    later: int = 0


def _swap(a: str, b: str) -> Struck:
    return lambda now, before, first: now.rename({a: b, b: a}).select(now.columns)


def _set(**made: pl.Expr) -> Struck:
    return lambda now, before, first: now.with_columns(**made)


def _twice(now: Rows, key: str | None) -> Rows:
    half = now.head(len(now) // 2)
    if key:
        half = half.with_columns(pl.col(key).cast(pl.String) + "9")
        now = now.with_columns(pl.col(key).cast(pl.String))
    return pl.concat([now, half])


def _times(name: str, by: float) -> pl.Expr:
    return (pl.col(name) * by).round(2)


def _garbled(name: str) -> pl.Expr:
    return pl.col(name).map_elements(
        lambda text: text.encode().decode("latin-1"), return_dtype=pl.String
    )


MONEY = ("subtotal", "tax", "shipping", "total")
STATUS = pl.col("status")
FAULTS = [
    Fault("late", "shop_orders", lambda now, before, first: None),
    Fault("absent", "shop_orders", lambda now, before, first: None, later=2),
    Fault("empty file", "web_events", lambda now, before, first: now.head(0)),
    Fault("-60 % rows", "shop_orders", lambda now, before, first: now.gather_every(5).vstack(now.gather_every(5, 2)) if len(now) else now),
    Fault("amounts x 100", "shop_orders", _set(**{name: _times(name, 100) for name in MONEY})),
    Fault("total and tax swapped", "shop_orders", _swap("total", "tax")),
    Fault("first and last swapped", "crm_contacts", _swap("first", "last")),
    Fault("city and email swapped", "crm_contacts", _swap("city", "email")),
    Fault("dates a year ahead", "shop_orders", _set(created_at=pl.col("created_at").dt.offset_by("1y"), updated_at=pl.col("updated_at").dt.offset_by("1y"))),
    Fault("dates a year back", "shop_orders", _set(created_at=pl.col("created_at").dt.offset_by("-1y"), updated_at=pl.col("updated_at").dt.offset_by("-1y"))),
    Fault("constant column", "shop_orders", _set(status=pl.lit("paid"))),
    Fault("ids become uuids", "shop_orders", _set(customer=pl.col("customer").hash().cast(pl.String).str.slice(0, 8) + "-a1b2-4c3d-8e4f-0123456789ab")),
    Fault("ids of another prefix", "shop_lines", _set(product="SKU/" + pl.col("product").str.slice(2))),
    Fault("paid becomes bezahlt", "shop_orders", _set(status=STATUS.replace("paid", "bezahlt"))),
    Fault("half of paid becomes pd", "shop_orders", _set(status=pl.when(pl.int_range(pl.len()) % 2 == 0).then(STATUS.replace("paid", "pd")).otherwise(STATUS))),
    Fault("half the rows twice", "shop_lines", lambda now, before, first: _twice(now, None)),
    Fault("half the rows twice, new keys", "shop_lines", lambda now, before, first: _twice(now, "id")),
    # the kinds around
    Fault("column empty", "shop_orders", _set(email=pl.lit(None, pl.String))),
    Fault("decimals lost", "shop_orders", _set(**{name: pl.col(name).round(0) for name in MONEY})),
    Fault("another currency's amounts", "shop_orders", _set(**{name: _times(name, 160) for name in MONEY})),
    Fault("times shifted by 8 hours", "web_events", _set(at=pl.col("at").dt.offset_by("-8h"))),
    Fault("one country", "web_events", _set(country=pl.lit("DE"))),
    Fault("one mail domain", "crm_contacts", _set(email=pl.col("email").str.replace("@.*", "@mail.example"))),
    Fault("names garbled", "crm_contacts", _set(first=_garbled("first"), last=_garbled("last"))),
    Fault("full for delta", "shop_orders", lambda now, before, first: first),
    Fault("delta for full", "crm_contacts", lambda now, before, first: now.tail(8)),
    Fault("old file again", "shop_orders", lambda now, before, first: before),
]  # fmt: skip
TWELVE = 17
