"""A table's gate: its contract becomes a Great Expectations suite, the suite a verdict on the
candidate.

Pure of Dagster and of files. A missing column, an exception or an unknown outcome is a failed
critical finding: the gate fails closed. Nothing that leaves this module holds a row's values,
except keys that are not personal.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil
from typing import TYPE_CHECKING, Any

import duckdb

from customer_intel.core.contract.model import Column, Expectation, Severity, Table
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.gate import spared
from customer_intel.core.gate.hidden import hidden
from customer_intel.core.gate.redact import redacted

if TYPE_CHECKING:
    from pathlib import Path

    from customer_intel.core.engine import EngineSettings
    from customer_intel.core.gate.gx_duckdb import Count

SAMPLES = 5
# A candidate of more day files than this, and fewer bytes than that, is read once and not per
# expectation.
MANY_FILES = 40
SMALL_BYTES = 64 << 20
MASK = "***"
GX_VERSION = "1.24"

# Kind → (arguments it must have, arguments it may have).
ARGUMENTS: dict[str, tuple[set[str], set[str]]] = {
    "rows": (set(), {"min", "max"}),
    "drop": ({"max_share"}, set()),
    "between": ({"column"}, {"min", "max"}),
    "in_set": ({"column", "values"}, set()),
    "regex": ({"column", "pattern"}, set()),
    "unique": ({"columns"}, set()),
    "foreign_key": ({"column", "table"}, {"max_share", "to"}),
    "sql": ({"name", "query"}, {"max_share"}),
}


class GateClosed(Exception):
    """What computes a table found that it must not be accepted; `expectation` names what did not hold."""

    def __init__(self, expectation: str, message: str) -> None:
        super().__init__(message)
        self.expectation = expectation


@dataclass(frozen=True)
class Finding:
    """What one expectation found. `unexpected` of `checked` rows (or columns) break it."""

    expectation: str
    kind: str
    columns: tuple[str, ...]
    severity: Severity
    success: bool
    unexpected: int
    checked: int
    observed: str
    sample_keys: tuple[str, ...]
    message: str


@dataclass(frozen=True)
class Verdict:
    """What a table's gate says: every finding, of which a failed critical one closes it."""

    table: str
    findings: tuple[Finding, ...]

    @property
    def failed(self) -> tuple[Finding, ...]:
        """Critical findings that close the gate."""
        return tuple(f for f in self.findings if not f.success and f.severity == "critical")

    @property
    def warned(self) -> tuple[Finding, ...]:
        """Warnings that did not hold."""
        return tuple(f for f in self.findings if not f.success and f.severity == "warning")

    @property
    def passed(self) -> bool:
        """Whether the candidate may be accepted."""
        return not self.failed


def suite(table: Table) -> dict[str, Any]:
    """The contract as a Great Expectations suite in its JSON form, in the contract's order.

    Raises ValueError for an expectation whose arguments are missing or unknown.
    """
    names = [column.name for column in table.columns]
    items = [
        _item(
            "columns present",
            "expect_table_columns_to_match_set",
            names,
            column_set=names,
            exact_match=False,
        )
    ]
    for column in table.columns:
        if column.required or column.name in table.key:
            items.append(
                _item(
                    f"not_null {column.name}",
                    "expect_column_values_to_not_be_null",
                    [column.name],
                    column=column.name,
                )
            )
    if table.key:
        items.append(_unique(table.key))
    for column in table.columns:
        if column.values is not None:
            items.append(_in_set(column, column.values))
        if column.type == "float":
            # DuckDB sorts NaN above every number, so it would pass any lower bound.
            limits = {"min_value": -sys.float_info.max, "max_value": sys.float_info.max}
            items.append(_between(column.name, f"finite {column.name}", limits))
    items += [expectation(table, rule) for rule in table.expect]
    return {
        "name": table.name,
        "expectations": items,
        "meta": {"great_expectations_version": GX_VERSION},
    }


def render_suite(table: Table) -> str:
    """The suite as text: the same contract gives the same bytes."""
    return json.dumps(suite(table), indent=2, ensure_ascii=False) + "\n"


def check(con: duckdb.DuckDBPyConnection, table: Table, *, previous_rows: int | None) -> Verdict:
    """Runs the suite on the view or table named `table.name`. `previous_rows`: of the last accepted
    version.
    """
    load()
    from customer_intel.core.gate import gx_duckdb

    items = suite(table)["expectations"]
    try:
        candidate = gx_duckdb.Candidate(con, table.name)
    except Exception as error:
        return not_checked(table, redacted(str(error)))
    present = set(candidate.columns)
    countable = [item for item in items if present.issuperset(item["meta"]["columns"])]
    counts = {
        id(item): count for item, count in zip(countable, candidate.count(countable), strict=True)
    }
    personal = {column.name for column in table.columns if column.pii}
    findings = []
    for item in items:
        missing = [name for name in item["meta"]["columns"] if name not in present]
        if item["type"] == "expect_table_columns_to_match_set":
            findings.append(_columns_finding(item, missing))
        elif missing:
            findings.append(_broken(item, f"column {', '.join(missing)} is missing from the table"))
        elif (count := counts[id(item)]).error:
            findings.append(_broken(item, redacted(count.error)))
        elif item["type"] == "expect_table_row_count_to_be_between":
            findings.append(_rows_finding(item, count.checked, previous_rows))
        else:
            findings.append(_counted(candidate, item, count, table.key, personal))
    return Verdict(table.name, tuple(findings))


def load() -> None:
    """Imports Great Expectations, which takes seconds."""
    spared.spare()
    with hidden("pyspark"):
        from customer_intel.core.gate import gx_duckdb  # noqa: F401


def check_files(
    settings: EngineSettings,
    folder: Path,
    table: Table,
    files: Sequence[tuple[Table, Sequence[Path]]],
    previous_rows: int | None,
) -> Verdict:
    """`check` over Parquet files below `folder`: the candidate's and those of the tables its gate
    looks up.
    """
    from customer_intel.core.engine import DuckDBEngine

    with DuckDBEngine(settings.of_gate, [folder], shared=True) as engine:
        for spec, paths in files:
            engine.register(spec, paths)
        if (
            len(files[0][1]) > MANY_FILES
            and sum(path.stat().st_size for path in files[0][1]) < SMALL_BYTES
        ):
            _hold(engine.con, table)
        return check(engine.con, table, previous_rows=previous_rows)


def _hold(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Makes the view a table of the columns that its expectations name: each query would open every
    file again.
    """
    named = json.dumps(suite(table)["expectations"][1:])
    all_of_them = re.search(
        r"\b(select|distinct)\s+(\w+\.)?\*|\bcolumns\s*\(", named, re.IGNORECASE
    )
    columns = ", ".join(
        f'"{name}"'
        if all_of_them or re.search(rf"\b{re.escape(name)}\b", named)
        else f'NULL AS "{name}"'
        for name in (column.name for column in table.columns)
    )
    con.execute(f'ALTER VIEW "{table.name}" RENAME TO "files of {table.name}"')
    con.execute(
        f'CREATE TEMP TABLE "{table.name}" AS SELECT {columns} FROM "files of {table.name}"'
    )


def not_checked(table: Table, why: str) -> Verdict:
    """The verdict of a gate that could not do its work: every expectation failed."""
    return Verdict(table.name, tuple(_broken(item, why) for item in suite(table)["expectations"]))


def _item(
    text: str,
    gx_type: str,
    columns: Iterable[str],
    *,
    severity: Severity = "critical",
    meta: Mapping[str, Any] | None = None,
    **kwargs: Any,
) -> dict[str, Any]:
    about = {"expectation": text, "severity": severity, "columns": list(columns), **(meta or {})}
    return {"type": gx_type, "kwargs": kwargs, "meta": about}


def _unique(columns: Sequence[str], severity: Severity = "critical") -> dict[str, Any]:
    text = f"unique {', '.join(columns)}"
    if len(columns) == 1:
        gx_type = "expect_column_values_to_be_unique"
        return _item(text, gx_type, columns, severity=severity, column=columns[0])
    gx_type = "expect_compound_columns_to_be_unique"
    return _item(text, gx_type, columns, severity=severity, column_list=list(columns))


def _between(
    column: str, text: str, limits: Mapping[str, Any], severity: Severity = "critical"
) -> dict[str, Any]:
    return _item(
        text,
        "expect_column_values_to_be_between",
        [column],
        severity=severity,
        column=column,
        **limits,
    )


def _in_set(
    column: Column, values: Iterable[Any], severity: Severity = "critical"
) -> dict[str, Any]:
    convert = {"int": int, "float": float, "money": float}.get(column.type, _plain)
    allowed = []
    for value in values:
        try:
            allowed.append(convert(value))
        except ValueError:
            raise ConfigError(f"in_set {column.name}: '{value}' is no {column.type}") from None
    gx_type = "expect_column_values_to_be_in_set"
    return _item(
        f"in_set {column.name}",
        gx_type,
        [column.name],
        severity=severity,
        column=column.name,
        value_set=allowed,
    )


def expectation(table: Table, rule: Expectation) -> dict[str, Any]:
    """One expectation of the contract in Great Expectations' JSON form. Raises ConfigError for
    wrong arguments.
    """
    args, severity = rule.args, rule.severity
    needed, allowed = ARGUMENTS[rule.kind]
    if wrong := (needed - args.keys()) | (args.keys() - needed - allowed):
        takes = ", ".join(sorted(needed | allowed))
        raise ConfigError(
            f"table '{table.name}', {rule.kind}: {', '.join(sorted(wrong))}? it takes {takes}"
        )
    limits = {
        f"{end}_value": _plain(args[end]) for end in ("min", "max") if args.get(end) is not None
    }
    if rule.kind in ("rows", "between") and not limits:
        raise ConfigError(f"table '{table.name}', expectation {rule.kind}: give min, max or both")
    share = float(args.get("max_share", 0))
    match rule.kind:
        case "rows":
            gx_type = "expect_table_row_count_to_be_between"
            return _item(f"rows {_range(args)}", gx_type, [], severity=severity, **limits)
        case "drop":
            floor = {"min_value": {"$PARAMETER": "drop_floor"}}
            gx_type = "expect_table_row_count_to_be_between"
            meta = {"max_share": share}
            return _item(
                f"drop at most {share:.0%} of rows",
                gx_type,
                [],
                severity=severity,
                meta=meta,
                **floor,
            )
        case "between":
            return _between(
                args["column"], f"between {args['column']} {_range(args)}", limits, severity
            )
        case "in_set":
            column = next((item for item in table.columns if item.name == args["column"]), None)
            if column is None:
                raise ConfigError(
                    f"table '{table.name}', expectation in_set: it has no column '{args['column']}'"
                )
            return _in_set(column, args["values"], severity)
        case "regex":
            name, pattern = args["column"], args["pattern"]
            gx_type = "expect_column_values_to_match_regex"
            return _item(
                f"regex {name} {pattern}",
                gx_type,
                [name],
                severity=severity,
                column=name,
                regex=pattern,
            )
        case "unique":
            return _unique(args["columns"], severity)
        case "foreign_key":
            return _foreign_key(table, args, share, severity)
    # Great Expectations reads single braces as its own placeholders.
    query = args["query"].strip().rstrip(";").replace("{", "{{").replace("}", "}}")
    # Great Expectations puts the query in parentheses on one line: a closing comment would swallow
    # the rest.
    query += "\n" if "--" in query else ""
    meta = {"max_share": share}
    gx_type, text = "unexpected_rows_expectation", f"sql {args['name']}"
    return _item(text, gx_type, [], severity=severity, meta=meta, unexpected_rows_query=query)


def _foreign_key(
    table: Table, args: Mapping[str, Any], share: float, severity: Severity
) -> dict[str, Any]:
    column, other = args["column"], args["table"]
    target = args.get("to", column)
    keys = ", ".join(f't."{name}"' for name in dict.fromkeys([*table.key, column]))
    query = (
        f'SELECT {keys} FROM "{table.name}" AS t WHERE t."{column}" IS NOT NULL'
        f' AND NOT EXISTS (SELECT 1 FROM "{other}" AS o WHERE o."{target}" = t."{column}")'
    )
    if severity == "warning":
        # An entity that the company does not export is no reason to warn of every row that names
        # one.
        query += f' AND EXISTS (SELECT 1 FROM "{other}")'
    text = f"foreign_key {column} in {other}" + (f" ({target})" if target != column else "")
    gx_type = "unexpected_rows_expectation"
    return _item(
        text,
        gx_type,
        [column],
        severity=severity,
        meta={"max_share": share},
        unexpected_rows_query=query,
    )


def _range(args: Mapping[str, Any]) -> str:
    low, high = args.get("min"), args.get("max")
    if low is not None and high is not None:
        return f"{low} to {high}"
    return f"≥ {low}" if low is not None else f"≤ {high}"


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _columns_finding(item: Mapping[str, Any], missing: Sequence[str]) -> Finding:
    total = len(item["meta"]["columns"])
    message = (
        f"missing: {', '.join(missing)}; make the table's columns and its contract agree"
        if missing
        else ""
    )
    return _finding(
        item,
        not missing,
        len(missing),
        total,
        f"{total - len(missing)} of {total} columns",
        (),
        message,
    )


def _rows_finding(item: Mapping[str, Any], rows: int, previous_rows: int | None) -> Finding:
    low, high = item["kwargs"].get("min_value"), item["kwargs"].get("max_value")
    observed, allowed = f"{rows:,} rows", item["meta"]["expectation"]
    if "max_share" in item["meta"]:
        # Rounded first: 1 - 0.6 is a hair above 0.4 in binary.
        low = ceil(round((previous_rows or 0) * (1 - item["meta"]["max_share"]), 6))
        observed += (
            f", {previous_rows:,} before" if previous_rows is not None else ", no earlier version"
        )
    success = (low is None or rows >= low) and (high is None or rows <= high)
    return _finding(
        item,
        success,
        0 if success else 1,
        1,
        observed,
        (),
        "" if success else f"{observed}: {allowed}",
    )


def _counted(
    candidate: Any, item: Mapping[str, Any], count: Count, key: Sequence[str], personal: set[str]
) -> Finding:
    share = item["meta"].get("max_share", 0.0)
    success = count.unexpected <= share * count.checked
    observed = f"{count.unexpected:,} of {count.checked:,}"
    if count.unexpected == 0:
        return _finding(item, True, 0, count.checked, observed, (), "")
    try:
        rows = candidate.sample(item, key, SAMPLES)
        samples = tuple(_key_text(row, personal) for row in rows)
    except Exception as error:
        return _broken(item, redacted(str(error)))
    message = f"{observed} rows break it" + (f", {share:.1%} are allowed" if share else "")
    return _finding(item, success, count.unexpected, count.checked, observed, samples, message)


def _key_text(row: Mapping[str, Any], personal: set[str]) -> str:
    return ", ".join(f"{name}={MASK if name in personal else value}" for name, value in row.items())


def _broken(item: Mapping[str, Any], why: str) -> Finding:
    """A check that could not be made: critical whatever its severity, since nothing is known of the
    rows.
    """
    return _finding(
        item, False, 0, 0, "not checked", (), f"could not be checked: {why}", severity="critical"
    )


def _finding(
    item: Mapping[str, Any],
    success: bool,
    unexpected: int,
    checked: int,
    observed: str,
    samples: tuple[str, ...],
    message: str,
    severity: Severity | None = None,
) -> Finding:
    meta = item["meta"]
    return Finding(
        expectation=meta["expectation"],
        kind=item["type"],
        columns=tuple(meta["columns"]),
        severity=severity or meta["severity"],
        success=success,
        unexpected=unexpected,
        checked=checked,
        observed=observed,
        sample_keys=samples,
        message=message,
    )
