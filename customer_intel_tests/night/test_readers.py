"""What readers that are not ours make of a release: every published table, every column, with its
type and its rows.
"""

from __future__ import annotations

import json
import subprocess
import venv
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest

from customer_intel import open_release
from customer_intel.core.contract.model import Table
from customer_intel.core.store.release import Release
from customer_intel_tests.whole_nights import Demo, published

# rows, and per column how many values it has and, of money, their exact sum
Content = tuple[int, dict[str, tuple[int, Decimal | None]]]
pytestmark = pytest.mark.nights

POLARS = {
    "text": pl.String(),
    "int": pl.Int64(),
    "float": pl.Float64(),
    "bool": pl.Boolean(),
    "date": pl.Date(),
    "timestamp": pl.Datetime("us"),
    "money": pl.Decimal(18, 2),
}
HYPER = {
    "text": "TEXT",
    "int": "BIG_INT",
    "float": "DOUBLE",
    "bool": "BOOL",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "money": "NUMERIC(18, 2)",
}


@pytest.fixture(scope="module")
def release(demo_nights: Demo) -> Release:
    return open_release(demo_nights.second)


@pytest.fixture(scope="module")
def tables(release: Release) -> dict[str, Table]:
    """The published tables; most of them hold rows, or the readers would be asked of nothing."""
    found = published()
    assert sum(bool(release.manifest["tables"][name]["rows"]) for name in found) > len(found) / 2
    return found


@pytest.fixture(scope="module")
def expected(release: Release, tables: dict[str, Table]) -> dict[str, Content]:
    """Each table's content by pyarrow, which wrote it, whose rows are the manifest's."""
    found = {}
    for name, table in tables.items():
        parts = [pq.read_table(path) for path in release.files(name)]
        wanted = [(field.name, field.type) for field in table.arrow_schema]
        assert all(
            [(field.name, field.type) for field in part.schema] == wanted for part in parts
        ), name
        columns: dict[str, tuple[int, Decimal | None]] = {}
        for column in table.columns:
            values = [
                value
                for part in parts
                for value in part[column.name].to_pylist()
                if value is not None
            ]
            columns[column.name] = (
                len(values),
                sum(values, Decimal()) if column.type == "money" else None,
            )
        found[name] = (sum(part.num_rows for part in parts), columns)
        assert found[name][0] == release.manifest["tables"][name]["rows"]
    return found


def by_sql(table: Table, source: str, fetch: Callable[[str], list[Any]]) -> Content:
    """The table's content as an engine computes it from `source`."""
    asked = ["count(*)"]
    for column in table.columns:
        asked.append(f'count("{column.name}")')
        asked.append(
            f'cast(sum("{column.name}") as varchar)'
            if column.type == "money"
            else "cast(null as varchar)"
        )
    rows, *rest = fetch(f"SELECT {', '.join(asked)} FROM {source}")
    pairs = zip(table.columns, rest[::2], rest[1::2], strict=True)
    return rows, {c.name: (n, Decimal(s or 0) if c.type == "money" else None) for c, n, s in pairs}


def paths(files: list[str]) -> str:
    return ", ".join("'" + path.replace("'", "''") + "'" for path in files)


def test_pandas_reads_every_table(
    release: Release, tables: dict[str, Table], expected: dict[str, Content]
) -> None:
    for name, table in tables.items():
        for path in release.files(name):
            assert list(pd.read_parquet(path).columns) == [column.name for column in table.columns]
        frame = pd.concat(
            [pd.read_parquet(path, dtype_backend="pyarrow") for path in release.files(name)]
        )
        counts = {column: int(frame[column].notna().sum()) for column in frame.columns}
        assert (len(frame), counts) == (
            expected[name][0],
            {c: n for c, (n, _) in expected[name][1].items()},
        ), name
        types = {
            column.name: str(frame[column.name].dtype.pyarrow_dtype) for column in table.columns
        }
        assert types == {field.name: str(field.type) for field in table.arrow_schema}, name


def test_polars_reads_every_table(
    release: Release, tables: dict[str, Table], expected: dict[str, Content]
) -> None:
    for name, table in tables.items():
        frame = pl.scan_parquet(release.files(name), hive_partitioning=False).collect()
        assert dict(frame.schema) == {
            column.name: POLARS[column.type] for column in table.columns
        }, name
        assert {c: len(frame) - frame[c].null_count() for c in frame.columns} == {
            c: n for c, (n, _) in expected[name][1].items()
        }, name


def test_duckdb_reads_every_table_and_its_commented_view(
    release: Release, tables: dict[str, Table], expected: dict[str, Content]
) -> None:
    with duckdb.connect(str(release.folder / "customer_intel.duckdb"), read_only=True) as con:
        for name, table in tables.items():
            for source in (f'"{name}"', f"read_parquet([{paths(release.files(name))}])"):
                described = [
                    (row[0], row[1])
                    for row in con.sql(f"DESCRIBE SELECT * FROM {source}").fetchall()
                ]
                assert described == [(column.name, column.sql_type) for column in table.columns], (
                    source
                )
                assert (
                    by_sql(table, source, lambda sql: list(con.sql(sql).fetchall()[0]))
                    == expected[name]
                ), source
        comments = dict(
            con.sql("SELECT view_name, comment FROM duckdb_views() WHERE NOT internal").fetchall()
        )
        columns = con.sql(
            "SELECT table_name, column_name, comment FROM duckdb_columns() WHERE NOT internal"
        ).fetchall()
    assert set(comments) == set(tables)
    assert all(comments[name].startswith(table.purpose) for name, table in tables.items())
    assert {(t, c): text for t, c, text in columns} == {
        (name, column.name): column.described
        for name, table in tables.items()
        for column in table.columns
    }


def test_tableaus_engine_reads_every_table(
    release: Release, tables: dict[str, Table], expected: dict[str, Content], tmp_path: Path
) -> None:
    hyper = pytest.importorskip(
        "tableauhyperapi", reason="tableauhyperapi has no wheel for this platform"
    )
    quiet = {"log_dir": str(tmp_path), "default_database_version": "2"}
    with (
        hyper.HyperProcess(
            hyper.Telemetry.DO_NOT_SEND_USAGE_DATA_TO_TABLEAU, parameters=quiet
        ) as process,
        hyper.Connection(
            process.endpoint, tmp_path / "r.hyper", hyper.CreateMode.CREATE_AND_REPLACE
        ) as con,
    ):
        for name, table in tables.items():
            source = f"external(ARRAY[{paths(release.files(name))}], FORMAT => 'parquet')"
            # An extract, as Tableau makes one: every value of every column is read and stored.
            con.execute_command(f'CREATE TABLE "{name}" AS (SELECT * FROM {source})')
            made = con.catalog.get_table_definition(hyper.TableName(name)).columns
            types = {column.name.unescaped: str(column.type) for column in made}
            assert types == {column.name: HYPER[column.type] for column in table.columns}, name
            content = by_sql(table, f'"{name}"', lambda sql: con.execute_list_query(sql)[0])
            assert content == expected[name], name


@pytest.mark.slow
def test_duckdb_1_reads_every_table(
    release: Release,
    tables: dict[str, Table],
    expected: dict[str, Content],
    request: pytest.FixtureRequest,
) -> None:
    """In an environment of its own: both versions cannot be imported into one process."""
    folder = request.config.cache.mkdir("duckdb1")
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        venv.create(folder, with_pip=True, clear=True)
        command = [
            str(python),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "duckdb<2",
        ]
        installed = subprocess.run(
            command, capture_output=True, text=True, timeout=300, check=False
        )
        if installed.returncode:
            pytest.skip(
                f"DuckDB 1 could not be installed: {installed.stderr.strip().splitlines()[-1:]}"
            )
        (folder / "ready").touch()
    asked = {
        name: {
            "files": release.files(name),
            "money": [c.name for c in table.columns if c.type == "money"],
        }
        for name, table in tables.items()
    }
    views = str(release.folder / "customer_intel.duckdb")
    read = subprocess.run(
        [str(python), "-c", DUCKDB_1, views],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert read.returncode == 0, read.stderr
    answer = json.loads(read.stdout)
    assert answer.pop("version").startswith("1.")
    described = answer.pop("views")
    assert set(answer) == set(described) == set(tables)
    assert all(described[name].startswith(table.purpose) for name, table in tables.items())
    for name, table in tables.items():
        types, rows, counts, sums = answer[name]
        assert types == {column.name: column.sql_type for column in table.columns}, name
        found = {c: (counts[c], Decimal(sums[c]) if c in sums else None) for c in counts}
        assert (rows, found) == expected[name], name


DUCKDB_1 = """
import json, sys, duckdb
found = {"version": duckdb.__version__}
for name, asked in json.load(sys.stdin).items():
    rows = duckdb.read_parquet(asked["files"], hive_partitioning=False)
    counts = rows.aggregate(", ".join(f'count("{c}")' for c in rows.columns)).fetchone()
    sums = {c: str(rows.aggregate(f'coalesce(sum("{c}"), 0)').fetchone()[0]) for c in asked["money"]}
    types = dict(zip(rows.columns, map(str, rows.types)))
    found[name] = (types, len(rows), dict(zip(rows.columns, counts)), sums)
with duckdb.connect(sys.argv[1], read_only=True) as con:
    found["views"] = dict(con.sql("SELECT view_name, comment FROM duckdb_views() WHERE NOT internal").fetchall())
    for name in found["views"]:
        assert len(con.sql(f'SELECT * FROM "{name}"')) == found[name][1]
print(json.dumps(found))
"""
