"""The rules of the house, asserted over its source: who imports whom, who writes, what SQL may say."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from customer_intel.core import contract, portable, table

PACKAGE = Path(contract.__file__).parent.parent
ROOMS = sorted(path.parent.name for path in PACKAGE.glob("*/tables.yaml"))
OUTER = {"orchestration", "definitions.py", "cli.py", "settings.py", "cli_identity.py", "cli_why.py"}
FILES = sorted(PACKAGE.rglob("*.py"))


def place(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0]


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_who_imports_whom(path: Path) -> None:
    own, found = place(path), imports(path)
    if own not in OUTER:
        assert not [name for name in found if name.split(".")[0] == "dagster"], "only orchestration imports Dagster"
        inside = {name.split(".")[1] for name in found if name.startswith("customer_intel.")}
        allowed = {"core", own} - ({own} if own == "core" else set())
        assert inside <= allowed | {"core"}, f"{own} may import core only, not {inside - allowed}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_clock_environment_or_network_in_pure_code(path: Path) -> None:
    if place(path) in OUTER:
        return
    text = path.read_text()
    for call in ("datetime.now(", "date.today(", "time.time(", "os.environ", "getenv(", "urllib.request", "requests."):
        assert call not in text, f"{path.name} uses {call}"


def test_only_the_lake_writes_published_and_lake_files() -> None:
    for path in FILES:
        if place(path) in {"core", "demo"} or place(path) in OUTER:
            continue
        text = path.read_text()
        for folder in ('/ "lake"', '/ "published"'):
            assert folder not in text, f"{path.name} builds a path into {folder}"


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*/*.sql")), ids=lambda path: path.stem)
def test_sql_stays_in_the_portable_subset(path: Path) -> None:
    if path.name.endswith(".duckdb.sql"):
        return
    text = path.read_text()
    assert portable.faults(text, path.name) == []
    assert text.lstrip().startswith("--"), f"{path.name} lacks its header comment"


def test_every_definition_is_found_and_generated_sql_is_portable() -> None:
    shipped = contract.load()
    definitions = table.definitions(shipped)
    assert set(definitions) == set(shipped.tables)
    for name in shipped.entities:
        assert portable.faults(table.conformed_sql(shipped.table(name)), name) == []


@pytest.mark.parametrize(
    ("sql", "fault"),
    [
        ("SELECT date_diff('minute', a.ts, b.ts) FROM a, b", "date_diff"),
        ("SELECT arg_max(x, y) FROM a", "arg_max"),
        ("SELECT any_value(x) FROM a", "any_value"),
        ("SELECT list(x) FROM a", "list"),
        ("SELECT quantile_cont(x, .5) FROM a", "quantile|percentile"),
        ("SELECT x->>'a' FROM a", "->"),
        ("SELECT * EXCLUDE (x) FROM a", "EXCLUDE"),
        ("SELECT * FROM a UNION BY NAME SELECT * FROM b", "BY NAME"),
        ("SELECT * FROM a ASOF JOIN b ON a.t >= b.t", "ASOF"),
        ("SELECT x + 1 AS y FROM a WHERE y > 2", "alias 'y'"),
        ("SELECT regexp_replace(x, 'a', 'b') FROM a", "regexp_replace"),
        ("SELECT try_cast(x AS INTEGER) FROM a", "TRY_CAST"),
        ("SELECT time_bucket(INTERVAL 1 day, x) FROM a", "not on the portable list"),
        ("SELECT jaro_winkler_similarity(x, y) FROM a", "not on the portable list"),
    ],
)
def test_the_lint_sees_each_fault(sql: str, fault: str) -> None:
    import re

    assert any(re.search(fault, line) for line in portable.faults(sql, "x.sql")), portable.faults(sql, "x.sql")


def test_the_readme_lists_every_published_table() -> None:
    readme = PACKAGE.parent / "README.md"
    if not readme.exists():
        pytest.skip("installed without its repository")
    text = readme.read_text()
    published = [spec.name for spec in contract.load().tables.values() if spec.published]
    assert not [name for name in published if f"| `{name}` |" not in text]
