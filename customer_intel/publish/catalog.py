"""The release's documents, all rendered from the contract: dictionary, ODCS documents, a DuckDB of
commented views.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from customer_intel.core.contract.model import Column, Expectation, Metric, Table
from customer_intel.core.contract.yaml_lines import dumped
from customer_intel.core.engine import literal

_LOGICAL = {
    "text": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "date": "date",
    "timestamp": "timestamp",
    "money": "number",
}


# Of several tables with this key, the one that tells most of what it stands for.
_HOME_OF = {"customer_id": "customer_profile"}


def joins(table: Table, tables: Mapping[str, Table]) -> dict[str, tuple[str, str]]:
    """column → (published table, its column) that it leads to: a foreign key, or another table's
    whole key.
    """
    keyed: dict[str, list[str]] = {}
    for name, other in tables.items():
        if len(other.key) == 1:
            keyed.setdefault(other.key[0], []).append(name)
    found: dict[str, tuple[str, str]] = {}
    for column in table.by_name:
        owners = [_HOME_OF[column]] if _HOME_OF.get(column) in tables else keyed.get(column, [])
        if len(owners) == 1 and owners[0] != table.name:
            found[column] = (owners[0], column)
    for rule in table.expect:
        column = str(rule.args.get("column"))
        if rule.kind == "foreign_key" and rule.args["table"] in tables and column not in found:
            found[column] = (str(rule.args["table"]), str(rule.args.get("to", column)))
    return found


def dictionary(tables: Mapping[str, Table], states: Mapping[str, tuple[int, str]]) -> str:
    """Markdown: every published table and column in the business's words. `states`: table → (rows,
    why it is empty).
    """
    lines = [
        "# Dictionary",
        "",
        "Timestamps are UTC. Money has two decimals. A starred column is never empty.",
        "",
    ]
    for name, table in sorted(tables.items()):
        rows, reason = states.get(name, (None, ""))
        lines += [f"## {name}", "", f"{table.purpose}. A row: {table.grain}.", ""]
        counted = f" · {rows:,} rows" if rows is not None else ""
        empty = f" · not available: {reason}" if reason else ""
        lines += [f"Owner {table.owner} · key {', '.join(table.key) or '–'}{counted}{empty}", ""]
        leads = [
            f"{column} → {other}.{target}"
            for column, (other, target) in joins(table, tables).items()
        ]
        if leads:
            lines += [f"Joins: {'; '.join(leads)}", ""]
        lines += ["| column | type | meaning |", "|---|---|---|"]
        for column in table.columns:
            notes = (f" [{column.unit}]" if column.unit else "") + (
                f" (personal: {column.pii})" if column.pii else ""
            )
            meaning = f"{column.described}.{notes}".replace("|", "\\|").replace("..", ".")
            lines.append(
                f"| {column.name}{'*' if column.required else ''} | {column.sql_type} | {meaning} |"
            )
        lines.append("")
    return "\n".join(lines)


def metrics_page(metrics: Sequence[Metric]) -> str:
    """Markdown: every metric with its windows, and the SELECT that decides it."""
    lines = [
        "# Metrics",
        "",
        "Made by `make docs` from `customer_intel/metrics/metrics.yaml`: each figure is decided there, "
        "once, and stands in `metric_daily` by day. Intervals are of 95 %.",
        "",
    ]
    for metric in metrics:
        told = [
            metric.kind if metric.unit == metric.kind else f"{metric.kind}, in {metric.unit}",
            {"up": "more is better", "down": "less is better"}.get(metric.direction, ""),
            f"by {', '.join(metric.dimensions)}" if metric.dimensions else "",
        ]
        lines += [f"## {metric.label}", "", f"{metric.meaning}.", ""]
        lines += [
            f"{', '.join(f'`{name}`' for name in metric.ids)}: {'; '.join(filter(None, told))}."
        ]
        lines += ["", "```sql", metric.rows.strip(), "```", ""]
    return "\n".join(lines)


LIST_BEGINS, LIST_ENDS = "| table | what it is for |\n|---|---|\n", "\n\n"


def with_list(text: str, tables: Mapping[str, Table]) -> str:
    """`text` with the list of published tables in it made anew. Raises ValueError when it has none."""
    before, begins, rest = text.partition(LIST_BEGINS)
    if not begins:
        raise ValueError(
            "there is no list of tables to write anew: put its two heading lines where it belongs"
        )
    rows = [
        f"| `{name}` | {table.purpose} ({table.grain}) |" for name, table in sorted(tables.items())
    ]
    return before + begins + "\n".join(rows) + LIST_ENDS + rest.partition(LIST_ENDS)[2]


def odcs(table: Table, version: str, tables: Mapping[str, Table] | None = None) -> str:
    """The table's Open Data Contract Standard v3.2 document, as YAML; its joins to others of
    `tables` in it.
    """
    leads = joins(table, tables or {})
    document = {
        "apiVersion": "v3.2.0",
        "kind": "DataContract",
        "id": f"customer-intel.{table.name}",
        "name": table.name,
        "version": version,
        "status": "active",
        "domain": table.room,
        "description": {"purpose": table.purpose},
        "schema": [
            {
                "name": table.name,
                "physicalName": f"{table.name}.parquet"
                if table.layout == "whole"
                else f"{table.name}/",
                "physicalType": "parquet",
                "logicalType": "object",
                "description": table.purpose,
                "dataGranularityDescription": table.grain,
                "properties": [
                    _property(table, column, leads.get(column.name)) for column in table.columns
                ],
                "quality": [_quality(expectation) for expectation in table.expect],
            }
        ],
        "team": {"name": table.owner.removeprefix("team:")},
    }
    return dumped(document, sort_keys=False, width=120)


def _property(
    table: Table, column: Column, leads_to: tuple[str, str] | None = None
) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": column.name,
        "logicalType": _LOGICAL[column.type],
        "physicalType": column.sql_type,
        "description": column.meaning + (f" [{column.unit}]" if column.unit else ""),
        "required": column.required,
    }
    if column.values:
        told = column.value_meanings
        entry["enum"] = [
            {"value": word} | ({"description": told[word]} if word in told else {})
            for word in column.values
        ]
    if table.key == (column.name,):
        entry["unique"] = True
    if column.name in table.key:
        entry.update(primaryKey=True, primaryKeyPosition=table.key.index(column.name) + 1)
    if leads_to:
        entry["relationships"] = [{"type": "foreignKey", "to": ".".join(leads_to)}]
    if column.pii:
        entry.update(classification="confidential", tags=[f"pii:{column.pii}"])
    return entry


def _quality(expectation: Expectation) -> dict[str, Any]:
    return {
        "type": "custom",
        "engine": "customer-intel",
        "implementation": dumped({expectation.kind: expectation.args}, sort_keys=True),
        "severity": expectation.severity,
        "dimension": {
            "foreign_key": "consistency",
            "unique": "uniqueness",
            "rows": "completeness",
        }.get(expectation.kind, "conformity"),
    }


def views(target: Path, tables: Mapping[str, Table], files: Mapping[str, Sequence[str]]) -> None:
    """A DuckDB file with one commented view per published table over the release's Parquet files.

    `files` are the paths the views will read; DuckDB resolves a relative one against the reader's
    folder, so they are absolute. Views over no file become empty typed views.
    """
    # Written as the oldest format that holds views with comments, so that DuckDB 1 opens it too.
    with duckdb.connect(str(target), config={"storage_compatibility_version": "v1.0.0"}) as con:
        # At once: each statement by itself would be synced to the disk.
        con.begin()
        for name, table in sorted(tables.items()):
            columns = ", ".join(f'"{column.name}"' for column in table.columns)
            if files[name]:
                listed = ", ".join(literal(path) for path in files[name])
                body = f"SELECT {columns} FROM read_parquet([{listed}], hive_partitioning = false)"
            else:
                picked = ", ".join(
                    f'CAST(NULL AS {c.sql_type}) AS "{c.name}"' for c in table.columns
                )
                body = f"SELECT {picked} WHERE FALSE"
            con.execute(f'CREATE VIEW "{name}" AS {body}')
            con.execute(
                f'COMMENT ON VIEW "{name}" IS {literal(f"{table.purpose}. A row: {table.grain}.")}'
            )
            for column in table.columns:
                con.execute(
                    f'COMMENT ON COLUMN "{name}"."{column.name}" IS {literal(column.described)}'
                )
        con.commit()
