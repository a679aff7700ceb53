"""Which columns each column of a table is computed from.

Belongs here: column lineage, read from the SQL. Not here: which tables a query reads (queries.py).
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from customer_intel.core.contract.load import load
from customer_intel.core.contract.model import STAMPS, Contract
from customer_intel.core.store.lake import write_bytes
from customer_intel.core.tables.definition import Definition, definitions
from customer_intel.core.tables.queries import parse


def column_lineage(definition: Definition, contract: Contract) -> dict[str, list[tuple[str, str]]]:
    """column → the (table, column) pairs it is computed from, read from the SQL; empty for
    functions.
    """
    from sqlglot import exp
    from sqlglot.lineage import lineage

    table = definition.table
    plain = [column.name for column in table.columns if column.name not in STAMPS]
    if definition.kind == "conformed":
        return {name: [(f"raw_{table.name}", name)] for name in plain}
    if definition.kind != "sql":
        return {}
    schema = {
        name: {column.name: column.sql_type for column in contract.table(name).columns}
        for name in definition.reads
    }
    tree = parse(definition.text, f"{table.name}.sql")
    nodes = lineage(None, tree, schema=schema, dialect="duckdb", trim_selects=False)
    found: dict[str, list[tuple[str, str]]] = {}
    for name in plain:
        leaves = set()
        for node in nodes[name].walk():
            if isinstance(node.expression, exp.Table) and node.expression.name in schema:
                leaves.add((node.expression.name, node.name.rsplit(".", 1)[-1].strip('"')))
        found[name] = sorted(leaves)
    return found


def cached_lineage(
    definition: Definition, contract: Contract, cache: Path
) -> dict[str, list[tuple[str, str]]]:
    """`column_lineage`, read once per version of the code: parsing costs more than many a table's
    own step.
    """
    path = cache / f"{definition.table.name}.json"
    if path.exists():
        return dict(json.loads(path.read_text(encoding="utf-8")))
    found = column_lineage(definition, contract)
    for other in cache.parent.glob("*"):
        if other != cache:
            shutil.rmtree(other, ignore_errors=True)
    write_bytes(path, json.dumps(found).encode())
    return found


def read_lineage(cache: Path) -> None:
    """Every table's, so that no step has to wait for its own; once per version of the code."""
    done = cache / "WHOLE"
    if done.exists():
        return
    contract = load()
    for definition in definitions(contract).values():
        cached_lineage(definition, contract, cache)
    write_bytes(done, b"")
