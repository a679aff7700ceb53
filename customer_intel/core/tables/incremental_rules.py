"""What can be seen of a table's `incremental` that is not so: `customer-intel check` refuses it.

Belongs here: names that do not fit, and SQL in which rows of other days or keys decide. Not here: what cannot be seen
in the text, such as a window that reaches further back than `look_back` (test_delta_equals_full.py finds that).
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from customer_intel.core.contract.model import Contract, Incremental, suggestion
from customer_intel.core.tables.definition import Definition
from customer_intel.core.tables.queries import parse


def faults(definition: Definition, contract: Contract) -> Iterator[str]:
    """What is wrong with the table's `incremental`; nothing when it has none."""
    rule = definition.table.incremental
    if rule is None:
        return
    names = list(_names(definition, contract, rule))
    yield from names
    if not names:
        yield from _reaching(definition, rule)


def _names(definition: Definition, contract: Contract, rule: Incremental) -> Iterator[str]:
    table = definition.table
    if definition.kind != "sql" or table.without:
        yield "incremental: only a SELECT that sees all rows of its inputs can be computed in part"
        return
    for name in (
        *rule.days,
        *rule.lookups,
        *(of for rule in rule.lookups.values() for of in rule.of),
    ):
        if name not in definition.reads:
            yield f"incremental: '{name}' is none of its inputs{suggestion(name, definition.reads)}"
            return
    if rule.per and rule.per not in table.by_name:
        yield f"incremental: per '{rule.per}', which is none of its columns{suggestion(rule.per, table.by_name)}"
    for name, columns in rule.days.items():
        other = contract.table(name)
        if bool(other.day_column) == bool(columns):
            is_kept = (
                "is kept by day, so no column is named"
                if columns
                else "is not kept by day: name its time columns"
            )
            yield f"incremental: days: '{name}' {is_kept}"
        wanted = [*columns, *([rule.per] if rule.per else [])]
        for column in wanted:
            if column not in other.by_name:
                yield f"incremental: days: '{name}' has no column '{column}'{suggestion(column, other.by_name)}"
            elif column in columns and other.by_name[column].type not in ("timestamp", "date"):
                yield f"incremental: days: '{name}.{column}' is no time"
    for name, lookup in rule.lookups.items():
        wanted = [lookup.key, *(column for column in (lookup.since, lookup.until) if column)]
        for place, column in ((place, column) for place in (name, *lookup.of) for column in wanted):
            if place != name and column != lookup.key:
                continue
            if column not in (known := contract.table(place).by_name):
                yield f"incremental: lookups: '{place}' has no column '{column}'{suggestion(column, known)}"


def _reaching(definition: Definition, rule: Incremental) -> Iterator[str]:
    """SQL over inputs by days in which more than a day's or a key's rows decide."""
    tree = parse(definition.text, definition.table.name)
    whole = "all rows at once" if rule.per is None else f"rows of more than one {rule.per}"
    reads = _Reads(tree)
    for select in tree.find_all(exp.Select):
        if not reads(select) & set(rule.days):
            continue
        group = select.args.get("group")
        grouped = (
            {column.name for column in group.expressions if isinstance(column, exp.Column)}
            if group
            else set()
        )
        windows = [
            window
            for window in select.find_all(exp.Window)
            if window.find_ancestor(exp.Select) is select
        ]
        alone = [
            call for call in select.find_all(exp.AggFunc)
            if call.find_ancestor(exp.Select) is select and not call.find_ancestor(exp.Window)
        ]  # fmt: skip
        if alone and (not group or (rule.per and rule.per not in grouped)):
            yield f"incremental: {alone[0].sql('duckdb')[:60]} is over {whole}"
        named = {window.alias_or_name: window for window in select.args.get("windows") or []}
        for window in windows:
            meant = named.get(str(window.args.get("alias") or ""), window)
            parts = {
                part.name
                for part in meant.args.get("partition_by") or []
                if isinstance(part, exp.Column)
            }
            if not meant.args.get("partition_by") or (rule.per and rule.per not in parts):
                yield f"incremental: {window.sql('duckdb')[:60]} is over {whole}"
        if select.args.get("limit"):
            yield f"incremental: LIMIT is over {whole}"


class _Reads:
    """The tables that a SELECT reads, through common table expressions."""

    def __init__(self, tree: exp.Expr) -> None:
        self._steps = {cte.alias: cte.this for cte in tree.find_all(exp.CTE)}
        self._known: dict[str, set[str]] = {}

    def __call__(self, select: exp.Expr) -> set[str]:
        found: set[str] = set()
        for table in select.find_all(exp.Table):
            if table.find_ancestor(exp.CTE) is not select.find_ancestor(exp.CTE):
                continue
            name = table.name
            if name in self._steps:
                if name not in self._known:
                    self._known[name] = set()
                    self._known[name] = self(self._steps[name])
                found |= self._known[name]
            else:
                found.add(name)
        return found
