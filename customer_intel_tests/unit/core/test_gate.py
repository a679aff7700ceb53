"""Each kind of expectation is poisoned, and its gate seen to close; what is shown is seen to hold
no values.
"""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from customer_intel.core.contract.model import Column, Expectation, Table
from customer_intel.core.gate import gate

GOOD = """
    SELECT i AS order_id, 'c' || i % 3 AS customer_id, 'p' || i || '@example.org' AS email,
        CAST(i * 1.25 AS DECIMAL(18, 2)) AS total, i / 10 AS score,
        CASE WHEN i % 2 = 0 THEN 'web' ELSE 'shop' END AS channel,
        DATE '2026-01-01' + CAST(i AS INTEGER) AS day, i % 2 = 0 AS is_new
    FROM range(10) AS r(i)
"""


def column(name: str, type_: Any = "text", **more: Any) -> Column:
    return Column(name=name, type=type_, meaning=name, **more)


def table(*expect: Expectation, **changes: Any) -> Table:
    columns = (
        column("order_id", "int"),
        column("customer_id", required=True),
        column("email", pii="email"),
        column("total", "money"),
        column("score", "float"),
        column("channel", values=("web", "shop")),
        column("day", "date"),
        column("is_new", "bool"),
    )
    spec = {
        "name": "orders",
        "room": "r",
        "grain": "g",
        "purpose": "p",
        "owner": "o",
        "key": ("order_id",),
    }
    return Table(**{**spec, "columns": columns, "expect": expect, **changes})


def rule(kind: Any, severity: Any = "critical", **args: Any) -> Expectation:
    return Expectation(kind=kind, args=args, severity=severity)


def check(
    spec: Table, poison: str = "", good: str = GOOD, previous_rows: int | None = None
) -> gate.Verdict:
    """`poison`: an expression list for SELECT * REPLACE, applied to the good rows."""
    with duckdb.connect() as con:
        con.execute("CREATE VIEW customers AS SELECT 'c' || i AS customer_id FROM range(3) AS r(i)")
        con.execute(f"CREATE VIEW good AS {good}")
        con.execute(
            f"CREATE VIEW orders AS SELECT * {f'REPLACE ({poison})' if poison else ''} FROM good"
        )
        return gate.check(con, spec, previous_rows=previous_rows)


def only_failure(verdict: gate.Verdict) -> gate.Finding:
    failures = [finding for finding in verdict.findings if not finding.success]
    assert len(failures) == 1, failures
    return failures[0]


EXPECTATIONS = (
    rule("rows", min=1, max=10),
    rule("drop", max_share=0.6),
    rule("between", column="total", min=0, max=20),
    rule("between", column="day", min=date(2026, 1, 1)),
    rule("in_set", column="is_new", values=[True, False]),
    rule("regex", column="customer_id", pattern="^c[0-9]$"),
    rule("unique", columns=["customer_id", "day"]),
    rule("foreign_key", column="customer_id", table="customers"),
    rule(
        "sql",
        name="sign",
        query="SELECT order_id FROM orders WHERE total < 0 AND channel <> ' :x {y}' -- none",
    ),
)


def test_good_rows_pass_every_expectation() -> None:
    verdict = check(table(*EXPECTATIONS), previous_rows=10)
    assert [finding for finding in verdict.findings if not finding.success] == []
    assert verdict.passed
    assert not verdict.failed
    assert not verdict.warned
    # columns, 2 not null, key, finite, values, and the nine.
    assert len(verdict.findings) == 15


@pytest.mark.parametrize(
    ("poison", "expectation", "unexpected", "keys"),
    [
        ("nullif(order_id, 3) AS order_id", "not_null order_id", 1, ("order_id=None",)),
        (
            "nullif(customer_id, 'c1') AS customer_id",
            "not_null customer_id",
            3,
            ("order_id=1", "order_id=4", "order_id=7"),
        ),
        ("greatest(order_id, 1) AS order_id", "unique order_id", 2, ("order_id=1",)),
        ("if(order_id = 4, 'nan', score) AS score", "finite score", 1, ("order_id=4",)),
        ("if(order_id = 4, '-inf', score) AS score", "finite score", 1, ("order_id=4",)),
        (
            "if(order_id > 7, 'fax', channel) AS channel",
            "in_set channel",
            2,
            ("order_id=8", "order_id=9"),
        ),
        ("if(order_id = 2, -1, total) AS total", "between total 0 to 20", 1, ("order_id=2",)),
        (
            "if(order_id = 2, '2025-12-31', day) AS day",
            "between day ≥ 2026-01-01",
            1,
            ("order_id=2",),
        ),
        (
            "if(order_id = 5, 'c22', customer_id) AS customer_id",
            "regex customer_id ^c[0-9]$",
            1,
            ("order_id=5",),
        ),
        (
            "if(order_id = 3, '2026-01-01', day) AS day",
            "unique customer_id, day",
            2,
            ("order_id=0", "order_id=3"),
        ),
    ],
)
def test_poisoned_rows_close_their_gate(
    poison: str, expectation: str, unexpected: int, keys: tuple[str, ...]
) -> None:
    rules = EXPECTATIONS[:-2]
    verdict = check(table(*rules), poison, previous_rows=10)
    finding = only_failure(verdict)
    assert not verdict.passed
    assert (finding.expectation, finding.severity, finding.unexpected) == (
        expectation,
        "critical",
        unexpected,
    )
    assert finding.sample_keys == keys
    assert finding.message.startswith(f"{unexpected} of ")


def test_foreign_key_and_its_allowed_share() -> None:
    poison = "if(order_id < 2, 'nobody', nullif(customer_id, 'c2')) AS customer_id"
    free = tuple(one.model_copy(update={"required": False}) for one in table().columns)
    strict = check(
        table(rule("foreign_key", column="customer_id", table="customers"), columns=free), poison
    )
    finding = only_failure(strict)
    # Rows without a value are not looked up: 2 of the 7 that have one.
    assert (finding.unexpected, finding.checked) == (2, 7)
    assert finding.sample_keys == ("order_id=0", "order_id=1")
    for share, passes in ((0.28, False), (0.29, True)):
        lenient = rule("foreign_key", column="customer_id", table="customers", max_share=share)
        assert check(table(lenient, columns=free), poison).passed is passes
    renamed = rule("foreign_key", column="channel", table="customers", to="customer_id")
    assert only_failure(check(table(renamed))).unexpected == 10


def test_sql_counts_rows_and_shows_the_keys_it_returns() -> None:
    query = "SELECT * FROM orders WHERE total > 10;"
    finding = only_failure(check(table(rule("sql", name="small", query=query))))
    assert (finding.unexpected, finding.sample_keys) == (1, ("order_id=9",))
    without_key = rule("sql", name="small", query="SELECT email FROM orders WHERE total > 10")
    assert only_failure(check(table(without_key))).sample_keys == ()


@pytest.mark.parametrize(
    ("limits", "passes"),
    [({"min": 11}, False), ({"max": 9}, False), ({"min": 10, "max": 10}, True)],
)
def test_rows(limits: dict[str, int], passes: bool) -> None:
    assert check(table(rule("rows", **limits))).passed is passes


@pytest.mark.parametrize(
    ("before", "passes"), [(None, True), (0, True), (25, True), (26, False), (5, True)]
)
def test_row_count_may_not_collapse(before: int | None, passes: bool) -> None:
    verdict = check(table(rule("drop", max_share=0.6)), previous_rows=before)
    assert verdict.passed is passes
    assert verdict.findings[-1].observed.startswith("10 rows, ")


def test_empty_table_is_judged_by_rows_alone() -> None:
    rules = tuple(one for one in EXPECTATIONS if one.kind not in ("rows", "drop"))
    empty = f"{GOOD} WHERE false"
    assert check(table(*rules), good=empty).passed
    assert (
        only_failure(check(table(*rules, rule("rows", min=1)), good=empty)).expectation
        == "rows ≥ 1"
    )


def test_warning_is_recorded_but_opens_the_gate() -> None:
    verdict = check(table(rule("between", "warning", column="total", max=1)))
    assert verdict.passed
    assert [finding.expectation for finding in verdict.warned] == ["between total ≤ 1"]


def test_missing_column_fails_closed_even_for_a_warning() -> None:
    bare = "SELECT * EXCLUDE (total) FROM (" + GOOD + ")"
    verdict = check(
        table(rule("between", "warning", column="total", min=0), rule("rows", min=1)), good=bare
    )
    assert {finding.expectation for finding in verdict.failed} == {
        "columns present",
        "between total ≥ 0",
    }
    assert "total is missing" in verdict.failed[1].message


def test_missing_table_fails_every_expectation() -> None:
    with duckdb.connect() as con:
        verdict = gate.check(con, table(rule("rows", "warning", min=0)), previous_rows=None)
    assert len(verdict.failed) == len(verdict.findings) > 1
    assert "Catalog Error" in verdict.failed[0].message


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (
            rule("sql", "warning", name="typo", query="SELECT order_id FROM orders WHERE totl < 0"),
            "Binder Error",
        ),
        (rule("sql", "warning", name="syntax", query="SELECT FROM WHERE"), "Parser Error"),
        (rule("sql", "warning", name="absent", query="SELECT 1 FROM elsewhere"), "Catalog Error"),
        (
            rule(
                "sql",
                "warning",
                name="cast",
                query="SELECT 1 FROM orders WHERE CAST(email AS INT) > 1",
            ),
            "Conversion Error",
        ),
        (rule("foreign_key", "warning", column="customer_id", table="elsewhere"), "Catalog Error"),
        (rule("between", "warning", column="email", min=0), "Binder Error"),
        (rule("regex", "warning", column="email", pattern="(open"), "Invalid Input Error"),
    ],
)
def test_exception_is_a_critical_failure_that_spares_the_others(
    broken: Expectation,
    says: str,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    verdict = check(table(broken, *EXPECTATIONS), previous_rows=10)
    finding = only_failure(verdict)
    assert (finding.severity, finding.observed) == ("critical", "not checked")
    assert says in finding.message
    shown = (
        json.dumps([vars(one) for one in verdict.findings])
        + "".join(capfd.readouterr())
        + caplog.text
    )
    assert "example.org" not in shown


def test_nothing_shown_holds_a_value_and_personal_keys_are_masked() -> None:
    spec = table(rule("regex", column="email", pattern="^x"), key=("email", "order_id"))
    verdict = check(spec, "if(order_id = 1, 'secret-value', channel) AS channel")
    shown = json.dumps([vars(finding) for finding in verdict.findings])
    assert "example.org" not in shown
    assert "secret-value" not in shown
    assert verdict.failed[-1].sample_keys[0] == "email=***, order_id=0"
    assert len(verdict.failed[-1].sample_keys) == gate.SAMPLES


def test_table_without_a_key_has_no_samples() -> None:
    finding = only_failure(check(table(rule("between", column="total", max=1), key=())))
    assert finding.sample_keys == ()


def test_names_that_need_quotes() -> None:
    spec = table(
        rule("between", column="select", min=0),
        rule("foreign_key", column="select", table="group", to="from"),
        name="order",
        key=("order", "Select from"),
        columns=(column("order", "int"), column("select", "int"), column("Select from")),
    )
    with duckdb.connect() as con:
        con.execute('CREATE VIEW "group" AS SELECT 1 AS "from"')
        con.execute(
            """CREATE VIEW "order" AS SELECT i AS "order", 1 AS "select", 'x' AS "Select from" FROM range(3) r(i)"""
        )
        assert gate.check(con, spec, previous_rows=None).passed


def test_suite_is_great_expectations_json_and_deterministic() -> None:
    spec = table(*EXPECTATIONS)
    text = gate.render_suite(spec)
    assert text == gate.render_suite(table(*EXPECTATIONS))
    assert json.loads(text) == gate.suite(spec)
    assert [item["meta"]["severity"] for item in gate.suite(spec)["expectations"]] == [
        "critical"
    ] * 15
    from great_expectations import ExpectationSuite

    assert len(ExpectationSuite(**json.loads(text)).expectations) == 15


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (rule("between", column="total", minimum=0), "minimum"),
        (rule("between", column="total"), "give min, max or both"),
        (rule("regex", column="email"), "pattern"),
        (rule("in_set", column="nope", values=[1]), "no column 'nope'"),
    ],
)
def test_wrong_arguments_are_named(wrong: Expectation, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        gate.suite(table(wrong))


def test_the_connection_is_left_as_it_was(tmp_path: Path) -> None:
    with duckdb.connect() as con:
        con.execute(f"COPY ({GOOD}) TO '{tmp_path}/orders.parquet'")
        con.execute(f"CREATE VIEW orders AS FROM '{tmp_path}/orders.parquet'")
        before = con.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall()
        first = gate.check(con, table(), previous_rows=None)
        assert gate.check(con, table(), previous_rows=None) == first
        assert con.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall() == before


def test_importing_the_gate_does_not_import_great_expectations() -> None:
    code = (
        "import sys, customer_intel.core.gate.gate; sys.exit('great_expectations' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
