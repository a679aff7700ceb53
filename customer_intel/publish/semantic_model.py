"""The release's semantic model: tables, joins and metrics as Apache Ossie (formerly Open Semantic
Interchange) 0.2 describes them, for BI tools and assistants.

Belongs here: rendering the contract in that format. Not here: what a metric is (metrics.yaml), the
other documents of a release (catalog.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from customer_intel.core.contract.model import Column, Metric, Table
from customer_intel.core.contract.yaml_lines import dumped
from customer_intel.publish import catalog

VERSION = "0.2.0.dev0"
VALUES = "metric_daily"
_TYPES = {
    "text": "String",
    "int": "Integer",
    "float": "Float",
    "bool": "Boolean",
    "date": "Date",
    "timestamp": "DateTime",
    "money": "Decimal",
}


def document(tables: Mapping[str, Table], metrics: tuple[Metric, ...]) -> str:
    """The semantic model of the published `tables` and of all metrics, as YAML."""
    model = {
        "name": "customer_intelligence",
        "description": "Customers, what they do and what they bring; one release of a night.",
        "datasets": [_dataset(table) for _, table in sorted(tables.items())],
        "relationships": list(_relationships(tables)),
        "metrics": [item for metric in metrics for item in _metrics(metric)],
    }
    return dumped({"version": VERSION, "semantic_model": [model]}, sort_keys=False, width=120)


def _dataset(table: Table) -> dict[str, Any]:
    return {
        "name": table.name,
        "source": table.name,
        **({"primary_key": list(table.key)} if table.key else {}),
        "description": f"{table.purpose}. A row: {table.grain}.",
        "fields": [_field(column) for column in table.columns],
    }


def _field(column: Column) -> dict[str, Any]:
    unit = f" [{column.unit}]" if column.unit else ""
    found: dict[str, Any] = {
        "name": column.name,
        "expression": _ansi(column.name),
        "description": column.described + unit,
        "datatype": _TYPES[column.type],
    }
    if column.type == "date":
        found["dimension"] = {"is_time": True}
    elif column.type in ("text", "bool"):
        found["dimension"] = {}
    return found


def _relationships(tables: Mapping[str, Table]) -> Iterator[dict[str, Any]]:
    for name, table in sorted(tables.items()):
        for column, (other, target) in sorted(catalog.joins(table, tables).items()):
            yield {
                "name": f"{name}_{column}",
                "from": name,
                "to": other,
                "from_columns": [column],
                "to_columns": [target],
            }


def _metrics(metric: Metric) -> Iterator[dict[str, Any]]:
    """One metric per window. Only sums of single days add up over days; of others a day's value is
    taken.
    """
    for name, days in metric.ids.items():
        adds = metric.kind == "sum" and days == 1
        total = f" AND {VALUES}.dimension = 'all'" if metric.has_total else ""
        chosen = f"CASE WHEN {VALUES}.metric = '{name}'{total} THEN {VALUES}.value END"
        how = "" if adds else f"; one value per {VALUES}.day, not to be added up over days"
        yield {
            "name": name,
            "expression": _ansi(f"{'SUM' if adds else 'MAX'}({chosen})"),
            "description": f"{metric.meaning} [{metric.unit}]{how}",
            "datatype": "Float",
            "custom_extensions": [{"vendor_name": "COMMON", "data": _definition(metric, days)}],
        }


def _definition(metric: Metric, days: int) -> str:
    """What decides the metric, as JSON."""
    said = metric.model_dump(include={"label", "kind", "direction", "dimensions", "rows"})
    return json.dumps({**said, "window_days": days}, sort_keys=True)


def _ansi(expression: str) -> dict[str, Any]:
    return {"dialects": [{"dialect": "ANSI_SQL", "expression": expression}]}
