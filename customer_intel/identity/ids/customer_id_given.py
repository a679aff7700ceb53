"""The customer ids of a history that was run again from the first export: nobody who kept one is lost.

Belongs here: carrying them on from night to night. Not here: which of them a customer gets again
(record_customer_map.py), where the others lead (customer_id_alias.sql).
"""

from __future__ import annotations

import polars as pl


def customer_id_given(previous: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """What `customer-intel history` put here, unchanged; nothing in a home that never used it."""
    return previous.select(schema.names())
