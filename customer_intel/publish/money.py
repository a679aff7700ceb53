"""What rooms' reports are handed of money: the currency of sums, and the amounts that no sum holds.

Belongs here: reading both from the facts' tables, for rooms before facts and after. Not here:
deciding them (facts/currency_use.sql, facts/order_fact.sql).
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from customer_intel.core.report.evidence import Evidence


def with_money(evidence: Evidence) -> Evidence:
    """The evidence with the currency of its sums, and what no sum holds."""
    return replace(
        evidence, currency=_currency(evidence), unconverted=tuple(_unconverted(evidence))
    )


def _currency(evidence: Evidence) -> str:
    if not evidence.has("currency_use"):
        return ""
    used = evidence.frame("currency_use").filter("is_reporting")["currency"]
    return str(used[0]) if len(used) else ""


def _unconverted(evidence: Evidence) -> list[tuple[str, int]]:
    """Sales without a rate to the reporting currency, by their own."""
    if not evidence.has("order_fact"):
        return []
    lost = evidence.scan("order_fact").filter(pl.col("is_sale") & pl.col("net_reporting").is_null())
    return lost.group_by("currency").agg(n=pl.len()).sort("currency").collect().rows()
