"""A candidate of very many day files is read once for its gate, and judged as if it were read each
time.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from customer_intel.core.contract.model import Column, Expectation, Table
from customer_intel.core.engine import EngineSettings
from customer_intel.core.gate import gate


def _table(expect: tuple[Expectation, ...]) -> Table:
    columns = tuple(
        Column(name=name, type=kind, meaning="x", required=name != "note")
        for name, kind in (("id", "int"), ("day", "date"), ("amount", "float"), ("note", "text"))
    )
    return Table(
        name="thing", room="activity", purpose="x", grain="x", owner="team:x", key=("id",), columns=columns,
        expect=expect, layout="by_day", day_column="day",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("query", "broken"),
    [
        ("SELECT id FROM thing WHERE amount < 0", 2),
        ("SELECT * FROM thing WHERE amount < 0", 2),
        ("SELECT DISTINCT t.* FROM thing AS t WHERE t.note = 'poison'", 2),
        ("SELECT id FROM thing WHERE note = 'poison'", 2),
    ],
)
def test_many_files_are_judged_like_few(tmp_path: Path, query: str, broken: int) -> None:
    folder = tmp_path.resolve()
    files = []
    for k in range(gate.MANY_FILES + 5):
        path = folder / f"{k}.parquet"
        poisoned = k in (3, 41)
        duckdb.execute(
            f"COPY (SELECT CAST({k} AS BIGINT) AS id, DATE '2026-01-01' + {k} AS day, "
            f"CAST({-1 if poisoned else 1} AS DOUBLE) AS amount, "
            f"'{'poison' if poisoned else 'x'}' AS note) "
            f"TO '{path}' (FORMAT parquet)"
        )
        files.append(path)
    table = _table((Expectation(kind="sql", args={"name": "none", "query": query}),))
    few = gate.check_files(
        EngineSettings(), folder, table, [(table, files[: gate.MANY_FILES])], None
    )
    many = gate.check_files(EngineSettings(), folder, table, [(table, files)], None)
    found = {finding.expectation: finding for finding in many.findings}
    assert [finding.expectation for finding in few.findings] == list(found)
    assert (found["sql none"].unexpected, many.passed) == (broken, False)
    assert found["sql none"].sample_keys == ("id=3", "id=41")
