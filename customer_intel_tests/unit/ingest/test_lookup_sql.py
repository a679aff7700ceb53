"""The SQL of a lookup: one SELECT over its file, told by the mapping's line before any night."""

from __future__ import annotations

from pathlib import Path

import pytest

from customer_intel.core.contract import load as contract
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.ingest.mapping import model
from customer_intel.ingest.mapping.expressions import lookup_fault

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
    ],
)
def test_anything_else_is_a_fault_of_the_configuration(tmp_path: Path, sql: str, why: str) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(MAPPING % sql)
    with pytest.raises(ConfigError, match=why) as raised:
        model.read(path, contract.load().entities)
    assert "s.yaml:9: " in str(raised.value)
