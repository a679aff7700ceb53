"""The SQL of a lookup: one SELECT over its file, told by the mapping's line before any night."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from customer_intel.core.contract import load as contract
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.ingest.mapping import model
from customer_intel.ingest.mapping.expressions import expression_fault, lookup_fault

MAPPING = """\
source: s
files: "people*"
entity: contacts
columns: {contact_id: id, first_name: l.v, created_at: _exported_at, updated_at: _exported_at}
lookups:
  l:
    files: "names*"
    on: id
    sql: "%s"
"""


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id AS k, name AS v FROM file",
        "select id k, max(name) as v from file group by 1 -- the last",
        "with a as (select * from file) select id as k, unnest(names) as v from a",
        "SELECT f.id AS k, g.name AS v FROM file AS f JOIN file AS g ON g.id = f.other;",
    ],
)
def test_one_select_over_its_file_is_a_lookup(sql: str) -> None:
    assert lookup_fault(sql) is None


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("SELECT id AS k FROM file; COPY (SELECT 42 AS x) TO 'x.parquet'", "one SELECT over file"),
        ("SELECT id AS k FROM file; SELECT 1", "take the other statements out"),
        ("COPY (SELECT 1) TO 'x'", "one SELECT over file"),
        ("DROP TABLE file", "one SELECT over file"),
        ("INSERT INTO file VALUES (1)", "one SELECT over file"),
        ("SELECT id AS k FROM", "syntax error"),
        ("SELECT * FROM read_csv('/etc/passwd')", "reads file and nothing else"),
        ("SELECT id AS k FROM 'other.csv'", "reads file and nothing else"),
        ("SELECT id AS k FROM file, (SELECT * FROM raw_orders)", "reads file and nothing else"),
        ("SELECT id AS k, random() AS v FROM file", "not reproducible"),
        ("SELECT id AS k, current_date AS v FROM file", "not reproducible"),
        ("SELECT id AS k, Write_Log(id) AS v FROM file", "not reproducible"),
        ("SELECT id AS k, getenv('HOME') AS v FROM file", "not reproducible"),
        ("SELECT id AS k, read_text('x') AS v FROM file", "no function of values"),
        (
            "SELECT k, v FROM (SELECT id AS k, (SELECT content FROM read_text('x')) AS v FROM file)",
            "reads file and nothing else",
        ),
        ("SELECT column_name AS k FROM (DESCRIBE file)", "reads file and nothing else"),
        ("SELECT name AS k FROM (SHOW TABLES)", "reads file and nothing else"),
        ("SELECT id AS k FROM main.file", "reads file and nothing else"),
        ("SELECT id AS k FROM file USING SAMPLE 5", "sample is not reproducible"),
        ("SELECT id AS k FROM file TABLESAMPLE 5 ROWS", "sample is not reproducible"),
        (
            "WITH RECURSIVE r AS (SELECT 1 AS k UNION ALL SELECT k + 1 FROM r) SELECT k FROM r, file",
            "one plain SELECT",
        ),
        ("SELECT id AS k, no_such_function(id) AS v FROM file", "no function of values"),
        ("ATTACH 'x.db'", "one SELECT over file"),
        ("PRAGMA version", "one SELECT over file"),
        ("SET threads = 1", "one SELECT over file"),
    ],
)
def test_anything_else_is_a_fault_of_the_configuration(tmp_path: Path, sql: str, why: str) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(MAPPING % sql)
    with pytest.raises(ConfigError, match=why) as raised:
        model.read(path, contract.load().entities)
    assert "s.yaml:9: " in str(raised.value)


@pytest.mark.parametrize(
    "expression",
    [
        "getenv('HOME')", "now()", "today()", "random()", "uuid()", "gen_random_uuid()", "setseed(0.5)",
        "nextval('s')", "current_setting('threads')", "getvariable('x')", "write_log(id)", "sleep_ms(5)",
        "version()", "age(day::timestamp)", "ago('1 day'::interval)", "pg_typeof(id)", "approx_quantile(id, 0.5)",
        "read_text('x')", "read_csv('x')", "glob('*')", "main.getenv('HOME')", "'HOME'.getenv()",
        "(select max(id) from file)", "id in (select 1)", "exists(from read_text('x'))", "columns('i.*')", "?", "*",
        "id; DROP TABLE file",
    ],
)  # fmt: skip
@pytest.mark.parametrize("key", ["columns", "only", "checks", "group_by", "skip_rows", "on"])
def test_no_key_of_a_mapping_reaches_the_machine(key: str, expression: str, tmp_path: Path) -> None:
    text = json.dumps(expression)
    parts = {
        "columns": "",
        "only": f"only: {text}\n",
        "checks": f"checks: {{x: {text}}}\n",
        "group_by": f"group_by: {text}\n",
        "skip_rows": f"reader: {{skip_rows: {text}}}\n",
        "on": f"lookups: {{l: {{files: n, on: {text}, sql: select id as k from file}}}}\n",
    }
    first = text if key == "columns" else "name"
    path = tmp_path / "s.yaml"
    path.write_text(
        "source: s\nfiles: p\nentity: contacts\n"
        f"columns: {{contact_id: id, first_name: {first}, created_at: _exported_at, "
        f"updated_at: _exported_at}}\n{parts[key]}"
    )
    with pytest.raises(ConfigError, match=r"mappings/s\.yaml:\d+: "):
        model.read(path, contract.load().entities)


@pytest.mark.parametrize(
    "expression",
    [
        "id", "current_time", "age(a::timestamp, b::timestamp)", "coalesce(nullif(a, ''), b)", "count(*)",
        "list_transform(string_split(a, ','), lambda x: trim(x))", "a::json->>'$.b'", "if(a > '1', a, b)",
        "regexp_replace(a, '[^0-9]', '', 'g')", "try_cast(a AS double) * 2", "max(a) filter (b is not null)",
        "case when a like 'x%' then 'y' end", "strftime(try_strptime(a, '%d.%m.%Y'), '%Y-%m-%d')", "md5(a)",
        "extract(year from a::date)", "a[1:3]", "a || ' ' || b", "struct_pack(x := a).x", "row_number() over ()",
    ],
)  # fmt: skip
def test_what_a_value_hangs_on_is_let_through(expression: str) -> None:
    assert expression_fault(expression) is None
