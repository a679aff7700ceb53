"""The dictionary of metrics.

Belongs here: metrics.yaml as a table. Not here: their values (metric_daily.sql).
"""

from __future__ import annotations

import polars as pl

from customer_intel.core.contract.load import load


def metric(schema: pl.Schema) -> pl.DataFrame:
    """One row per entry and window."""
    rows = [
        {
            "metric": name,
            "entry": entry.name,
            "label": entry.label if days == 1 else f"{entry.label}, last {days} days",
            "meaning": entry.meaning,
            "metric_unit": entry.unit,
            "direction": entry.direction,
            "metric_kind": entry.kind,
            "window_days": days,
            "is_additive": entry.is_additive,
            "has_total": entry.has_total,
            "entities": "|".join(entry.entities),
            "dimensions": "|".join(entry.dimensions),
            "subject": entry.subject or None,
            "tile": entry.tile,
        }
        for entry in load().metrics
        for name, days in entry.ids.items()
    ]
    return pl.DataFrame(rows, schema=schema)
