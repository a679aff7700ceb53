"""Every expectation of every table is poisoned once, and its gate seen to close.

The rows are what the demo company's night accepted; tables that the demo does not feed get rows
made from their contract. Raw exports have no suite: their gate is ingest's, poisoned in
test_closed_gates.py and test_conform.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest

from customer_intel.core.contract import load as contract
from customer_intel.core.contract.model import STAMPS, Column, Expectation, Table
from customer_intel.core.gate import gate
from customer_intel.core.store.lake import Lake
from customer_intel.core.tables.parameters import sql_literal
from customer_intel_tests.gates.poisons import BESIDE, SQL

TABLES = {name: table for name, table in contract.load().tables.items() if table.raw_of is None}
RULES = [
    (
        name,
        number,
        f"{name}-{rule.kind}-{rule.args.get('name') or rule.args.get('column') or number}",
    )
    for name, table in TABLES.items()
    for number, rule in enumerate(table.expect)
]
MADE_ROWS = 3
NOBODY = "nobody-knows-this"
LONG_AGO = date(1801, 1, 1)


class Candidates:
    """The accepted tables as views of their own names; `poison` puts a bad one in a table's place."""

    def __init__(self, lake: Lake) -> None:
        self.con = duckdb.connect(config={"threads": "1"})
        self.good: dict[str, str] = {}
        self.made: set[str] = set()
        for name, table in TABLES.items():
            files = ", ".join(sql_literal(str(path)) for path in lake.files(name))
            version = lake.current(name)
            self.made |= set() if version and version.rows else {name}
            rows = _made(table) if name in self.made else f"SELECT * FROM read_parquet([{files}])"
            self.con.execute(f'CREATE TABLE "good {name}" AS {rows}')
            self.good[name] = f'SELECT * FROM "good {name}"'
            self.poison(name, self.good[name])

    def poison(self, name: str, select: str) -> None:
        self.con.execute(f'CREATE OR REPLACE VIEW "{name}" AS {select}')

    def check(
        self,
        table: Table,
        select: str,
        previous_rows: int | None = None,
        beside: Mapping[str, str] | None = None,
    ) -> gate.Verdict:
        """The verdict on `select` as the table's candidate, other tables poisoned `beside`; `good`:
        the good rows.
        """
        poisoned = {**(beside or {}), table.name: select}
        try:
            for name, wrong in poisoned.items():
                self.poison(name, f"WITH good AS ({self.good[name]}) {wrong}")
            return gate.check(self.con, table, previous_rows=previous_rows)
        finally:
            for name in poisoned:
                self.poison(name, self.good[name])

    @cache  # noqa: B019 (as long as the module)
    def accepted(self, name: str) -> gate.Verdict:
        """The verdict on the good rows, of the whole suite."""
        return self.check(TABLES[name], "SELECT * FROM good", previous_rows=self.rows(name))

    def rows(self, name: str) -> int:
        found = self.con.execute(f'SELECT count(*) FROM "good {name}"').fetchall()
        return int(found[0][0])


@pytest.fixture(scope="module")
def candidates(demo_night: Path) -> Iterator[Candidates]:
    made = Candidates(Lake(demo_night))
    yield made
    made.con.close()


# ---- rows made from a contract
def _made(table: Table) -> str:
    """Rows that the table's own columns, key and value rules allow; what they refer to is nobody."""
    columns = [f'{_value(table, column)} AS "{column.name}"' for column in table.columns]
    return f"SELECT {', '.join(columns)} FROM range({MADE_ROWS}) AS made(i)"


def _value(table: Table, column: Column) -> str:
    rules = {
        rule.kind: rule.args for rule in table.expect if rule.args.get("column") == column.name
    }
    unique = {*table.key, *(name for rule in table.expect for name in rule.args.get("columns", ()))}
    if column.name in STAMPS:
        literal = "DATE '2026-06-30'" if column.name == "as_of" else "'made'"
    elif column.values or "in_set" in rules:
        literal = sql_literal((column.values or rules["in_set"]["values"])[0])
    elif "regex" in rules:
        literal = "'EUR'"
    elif column.type in ("int", "float", "money"):
        literal = str(rules.get("between", {}).get("min", 1)) + (
            " + i" if column.name in unique else ""
        )
    elif column.type in ("date", "timestamp"):
        literal = "TIMESTAMP '2026-06-01'" + (
            " + INTERVAL 1 DAY * i" if column.name in unique else ""
        )
    elif column.type == "bool":
        literal = "FALSE"
    else:
        literal = f"'{column.name} ' || i" if column.name in unique else f"'{column.name}'"
    return f"CAST({literal} AS {column.sql_type})"


# ---- what is wrong with a candidate
def _narrowed(table: Table, rule: Expectation) -> Table:
    """The table with this rule only, so that nothing else can be what closes the gate."""
    names = {rule.args.get("column"), *rule.args.get("columns", ()), *table.key}
    columns = tuple(
        column.model_copy(update={"required": False, "values": None})
        for column in table.columns
        if column.name in names
    )
    return table.model_copy(update={"expect": (rule,), "columns": columns, "key": ()})


def _broken(table: Table, rule: Expectation) -> str:
    args = rule.args
    match rule.kind:
        case "rows":
            return (
                "SELECT * FROM good LIMIT 0"
                if "min" in args
                else "SELECT good.* FROM good, range(1000000)"
            )
        case "drop":
            return "SELECT * FROM good"
        case "unique":
            return "SELECT * FROM good UNION ALL SELECT * FROM good"
        case "sql":
            assert (table.name, args["name"]) in SQL, (
                f"say what breaks {table.name}'s {args['name']} in gates/poisons.py "
                "(docs/add-a-gate.md, 2)"
            )
            poison = SQL[table.name, args["name"]]
            return (
                poison if poison.startswith("SELECT ") else f"SELECT * REPLACE ({poison}) FROM good"
            )
        case "between":
            wrong = _outside(args)
        case "in_set":
            wrong = NOBODY if table.by_name[args["column"]].type == "text" else 987654321
        case _:
            wrong = LONG_AGO if table.by_name[args["column"]].type == "date" else NOBODY
    return f"SELECT * REPLACE ({sql_literal(wrong)} AS {args['column']}) FROM good"


def _outside(args: dict[str, Any]) -> Any:
    end, step = ("max", 1) if "max" in args else ("min", -1)
    return args[end] + (timedelta(step) if isinstance(args[end], date) else step)


# What rows made from one table's contract cannot know of another table, or of a formula.
MADE_UP: dict[str, set[str]] = {
    "churn_scores": {"sql reasons_sum_to_logit", "sql probability_is_of_its_logit"},
    "churn_predictions": {
        "sql losing_model_not_published",
        "sql interval_holds_probability",
        "sql lapsed_has_no_score",
        "sql base_rate_tells_nobody_apart",
        "sql reason_raises_risk",
    },
    "currency_rate": {"sql stretches_in_order"},
    "plan_change": {"sql from_one_plan_to_another"},
    "icp_fit": {"sql no_fit_that_foretells_nothing"},
    "customer_id_given": {"regex customer_id ^c_[0-9a-f]{16}$"},
}


# ---- the tests
@pytest.mark.parametrize("name", TABLES)
def test_what_was_accepted_passes(name: str, candidates: Candidates) -> None:
    verdict = candidates.accepted(name)
    failed = {finding.expectation for finding in verdict.failed}
    if name in candidates.made:
        failed = {text for text in failed if not text.startswith("foreign_key")} - MADE_UP.get(
            name, set()
        )
    assert failed == set(), verdict.failed


@pytest.mark.parametrize("name", TABLES)
def test_a_missing_value_closes_the_gate(name: str, candidates: Candidates) -> None:
    """Row n lacks a value in the n-th required column: one unexpected row in each."""
    table = TABLES[name]
    required = [
        column.name for column in table.columns if column.required or column.name in table.key
    ]
    holes = ", ".join(
        f'CASE WHEN nth = {n} THEN NULL ELSE "{column}" END AS "{column}"'
        for n, column in enumerate(required)
    )
    numbered = f"(SELECT * FROM good LIMIT 1) AS g CROSS JOIN range({len(required)}) AS r(nth)"
    bare = table.model_copy(update={"expect": (), "key": ()})
    verdict = candidates.check(
        bare, f"SELECT * EXCLUDE (nth) REPLACE ({holes}) FROM (SELECT * FROM {numbered})"
    )
    closed = {finding.expectation: finding.unexpected for finding in verdict.failed}
    assert {f"not_null {column}": 1 for column in required} == {
        text: n for text, n in closed.items() if text.startswith("not_null")
    }


@pytest.mark.parametrize("name", TABLES)
def test_a_doubled_key_closes_the_gate(name: str, candidates: Candidates) -> None:
    table = TABLES[name].model_copy(update={"expect": (), "columns": tuple(
        column for column in TABLES[name].columns if column.name in TABLES[name].key
    )})  # fmt: skip
    assert table.key, "a table without a key"
    verdict = candidates.check(table, "SELECT * FROM good UNION ALL (SELECT * FROM good LIMIT 1)")
    assert [(finding.expectation, finding.unexpected) for finding in verdict.failed] == [
        (f"unique {', '.join(table.key)}", 2)
    ]


@pytest.mark.parametrize(
    "name",
    [name for name, table in TABLES.items() if any(c.type == "float" for c in table.columns)],
)
def test_a_number_that_is_none_closes_the_gate(name: str, candidates: Candidates) -> None:
    floats = [column.name for column in TABLES[name].columns if column.type == "float"]
    columns = tuple(
        TABLES[name].by_name[column].model_copy(update={"required": False}) for column in floats
    )
    bare = TABLES[name].model_copy(update={"expect": (), "key": (), "columns": columns})
    wrong = ", ".join(f"CAST('nan' AS DOUBLE) AS \"{column}\"" for column in floats)
    verdict = candidates.check(bare, f"SELECT * REPLACE ({wrong}) FROM good LIMIT 1")
    assert [(f.expectation, f.unexpected) for f in verdict.failed] == [
        (f"finite {column}", 1) for column in floats
    ]


@pytest.mark.parametrize(
    ("name", "column"),
    [(name, c.name) for name, table in TABLES.items() for c in table.columns if c.values],
)
def test_a_value_outside_the_columns_list_closes_the_gate(
    name: str, column: str, candidates: Candidates
) -> None:
    spec = TABLES[name].by_name[column].model_copy(update={"required": False})
    bare = TABLES[name].model_copy(update={"expect": (), "key": (), "columns": (spec,)})
    verdict = candidates.check(
        bare, f"SELECT * REPLACE ('{NOBODY}' AS \"{column}\") FROM good LIMIT 2"
    )
    assert [(finding.expectation, finding.unexpected > 0) for finding in verdict.failed] == [
        (f"in_set {column}", True)
    ]


@pytest.mark.parametrize(("name", "number", "text"), RULES, ids=[text for *_, text in RULES])
def test_each_expectation_sees_its_poison(
    name: str, number: int, text: str, candidates: Candidates
) -> None:
    table, rule = TABLES[name], TABLES[name].expect[number]
    spec = _narrowed(table, rule)
    before = 100 * candidates.rows(name) if rule.kind == "drop" else None
    beside = BESIDE.get((name, rule.args.get("name", "")))
    # The suite ends with the contract's own expectations.
    good = candidates.accepted(name).findings[number - len(table.expect)]
    bad = candidates.check(spec, _broken(table, rule), previous_rows=before, beside=beside)
    finding = bad.findings[-1]
    assert good.expectation == finding.expectation
    assert not finding.success and finding.message and finding.observed != "not checked", finding
    assert finding.unexpected > good.unexpected or name in candidates.made
    assert finding.severity == rule.severity
    assert bad.passed is (rule.severity == "warning")


def test_every_sql_expectation_has_its_poison_and_no_other() -> None:
    named = {
        (name, rule.args["name"])
        for name, table in TABLES.items()
        for rule in table.expect
        if rule.kind == "sql"
    }
    assert named == set(SQL)
