"""The rules of the house, asserted over its source: who imports whom, who writes, what SQL may say."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import polars as pl
import pytest
from sqlglot import exp

import customer_intel.ingest  # noqa: F401 (registers how exports become entities)
from customer_intel import open_release
from customer_intel.core.contract import load as contract
from customer_intel.core.contract.model import PACKAGE, Metric
from customer_intel.core.report.section import room_reports
from customer_intel.core.store.lake import Lake
from customer_intel.core.tables import definition as table
from customer_intel.core.tables import portable_sql as portable
from customer_intel.core.tables import queries
from customer_intel.publish import catalog

ROOMS = sorted(path.parent.name for path in PACKAGE.glob("*/tables.yaml"))
OUTER = {"cli", "orchestration", "testing", "definitions.py", "settings.py"}
FILES = sorted(PACKAGE.rglob("*.py"))


def place(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0]


# A room reads its own tables and those of rooms before it.
ORDER = (
    "ingest",
    "identity",
    "facts",
    "activity",
    "segments",
    "feedback",
    "behaviour",
    "journeys",
    "predictions",
    "profiles",
    "metrics",
    "publish",
)
BEFORE_FACTS = {"ingest", "identity", "facts"}
TABLES = contract.load().tables
DEFINITIONS = table.definitions(contract.load())
LATER_SQL = [path for path in sorted(PACKAGE.rglob("*.sql")) if place(path) not in BEFORE_FACTS]

STATES = {"state", "status", "word_state", "source_state"}
# What nobody may say of a customer who may not be profiled.
SCORES = {
    "segment", "rfm_segment", "rfm_score", "r_score", "f_score", "m_score", "lifecycle_stage", "p_churn", "p_model",
    "p_baseline", "label", "risk_decile", "risk_band", "engagement_trend", "preferred_channel", "price_sensitivity",
    "adopter_type", "icp_fit",
}  # fmt: skip
# They say it of nobody in particular, or have their own gate for who may not be profiled.
GATED = {"customer_profile", "customer_profile_history", "customer_engagement"}


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
        assert not [name for name in found if name.split(".")[0] == "dagster"], (
            "only orchestration imports Dagster"
        )
        inside = {name.split(".")[1] for name in found if name.startswith("customer_intel.")}
        allowed = {"core", own} - ({own} if own == "core" else set())
        assert inside <= allowed | {"core"}, f"{own} may import core only, not {inside - allowed}"


@pytest.mark.parametrize(
    "room", sorted({place(path) for path in FILES if path.parent.parent != PACKAGE.parent})
)
def test_folders_of_a_room_stand_on_each_other_without_a_circle(room: str) -> None:
    def folder(name: str) -> str:
        return name.removeprefix(f"customer_intel.{room}.").split(".")[0]

    below: dict[str, set[str]] = {}
    for path in FILES:
        inside = path.relative_to(PACKAGE).parts
        if inside[0] == room and path.name != "__init__.py":
            own = Path(inside[1]).stem
            used = {
                folder(name) for name in imports(path) if name.startswith(f"customer_intel.{room}.")
            }
            below.setdefault(own, set()).update(used - {own})
    while free := [name for name, used in below.items() if not used & below.keys()]:
        for name in free:
            del below[name]
    assert not below, f"{room}: {', '.join(sorted(below))} import each other in a circle"


def test_nobody_imports_a_rooms_report_but_who_publishes() -> None:
    """A night's steps would pay for it at each table."""
    for path in FILES:
        asked = {
            name for name in imports(path) if re.fullmatch(r"customer_intel\.\w+\.report", name)
        }
        assert asked <= {"customer_intel.core.report", "customer_intel.publish.report"}, path.name
        if place(path) != "publish" and path.name != "section.py" and place(path) != "cli":
            assert "room_reports" not in path.read_text(), f"{path.name} loads every room's report"


def test_the_report_says_what_came_in_before_who_leaves_and_why() -> None:
    """The order of `place`; a new section may come between any two."""
    known = ["quality", "meaning", "customers", "segments", "churn", "feedback", "journeys"]
    keys = [section.key for room in room_reports() for section in room.sections]
    assert [key for key in keys if key in known] == known


def test_modules_are_named_where_they_are_imported() -> None:
    """A name put together at run time would hide an import from the tests above."""
    dynamic = {
        path.name
        for path in FILES
        if re.search(r"import_module\(|__import__\(|exec_module\(", path.read_text())
    }
    assert dynamic == {"definition.py"}, "only a function's own module is found by its file"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_clock_environment_or_network_in_pure_code(path: Path) -> None:
    if place(path) in OUTER:
        return
    text = path.read_text()
    for call in (
        "datetime.now(",
        "date.today(",
        "time.time(",
        "os.environ",
        "getenv(",
        "urllib.request",
        "requests.",
    ):
        assert call not in text, f"{path.name} uses {call}"


def test_only_the_lake_writes_published_and_lake_files() -> None:
    for path in FILES:
        if place(path) in {"core", "demo"} or place(path) in OUTER:
            continue
        text = path.read_text()
        for folder in ('/ "lake"', '/ "published"'):
            assert folder not in text, f"{path.name} builds a path into {folder}"


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.sql")), ids=lambda path: path.stem)
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
    joined = [name for name, definition in definitions.items() if definition.joins]
    assert joined == ["customer_profile"]
    for name in (*shipped.entities, *joined):
        assert portable.faults(definitions[name].text, name) == []


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
        ("SELECT random() FROM a", "random.* differs from run to run"),
        ("SELECT current_date FROM a", "current_date differs .* is \\$as_of"),
        ("SELECT jaro_winkler_similarity(x, y) FROM a", "not on the portable list"),
    ],
)
def test_the_lint_sees_each_fault(sql: str, fault: str) -> None:
    assert any(re.search(fault, line) for line in portable.faults(sql, "x.sql")), portable.faults(
        sql, "x.sql"
    )


def test_the_readmes_list_of_tables_is_the_contracts() -> None:
    readme = PACKAGE.parent / "README.md"
    if not readme.exists():
        pytest.skip("installed without its repository")
    published = {name: spec for name, spec in contract.load().tables.items() if spec.published}
    text = readme.read_text(encoding="utf-8")
    assert catalog.with_list(text, published) == text, "make docs writes it anew"
    with pytest.raises(ValueError, match="no list of tables"):
        catalog.with_list("# Nothing", published)


# ---- facts: decided once, read by every later room
def test_rooms_read_only_rooms_before_them() -> None:
    rooms = {spec.room for spec in TABLES.values()}
    assert rooms <= set(ORDER), f"put {rooms - set(ORDER)} in its place in ORDER, above"
    for name, definition in DEFINITIONS.items():
        own = ORDER.index(TABLES[name].room)
        later = [read for read in definition.depends_on if ORDER.index(TABLES[read].room) > own]
        assert not later, f"{name} reads or is checked against a later room's {later}"


def test_after_facts_nobody_reads_entities_but_the_stream_its_events() -> None:
    for name, definition in DEFINITIONS.items():
        if TABLES[name].room in BEFORE_FACTS:
            continue
        found = {
            read
            for read in definition.depends_on
            if TABLES[read].entity is not None or TABLES[read].raw_of
        }
        assert not found - ({"events"} if TABLES[name].room == "activity" else set()), (
            f"{name} reads {found}"
        )


def test_only_facts_say_whose_a_record_is_today() -> None:
    """Later rooms take customer_record; the history of profiles alone follows a record's moves."""
    reading = {
        name
        for name, definition in DEFINITIONS.items()
        if "record_customer_map" in definition.depends_on
    }
    assert {name for name in reading if TABLES[name].room not in BEFORE_FACTS} == {
        "customer_profile_history"
    }
    for path in FILES:
        if place(path) in BEFORE_FACTS | {"demo", "core"} or path.name == "history.py":
            continue
        text = path.read_text()
        assert not ("record_customer_map" in text and "valid_to" in text), (
            f"{path.name} asks whose a record is today"
        )


def state_words(sql: str, name: str) -> list[str]:
    """Comparisons of a state with a word, other than of an id's status in the registry."""
    tree = queries.parse(sql, name)
    registry = {
        read.alias_or_name
        for read in tree.find_all(exp.Table)
        if read.name == "customer_id_registry"
    }
    found = []
    for node in tree.find_all(exp.EQ, exp.NEQ, exp.Like, exp.ILike, exp.In, exp.Case):
        if isinstance(node, exp.Case):
            asked, words = (
                [node.this] if node.this else [],
                [branch.this for branch in node.args["ifs"]],
            )
        elif isinstance(node, exp.In):
            asked, words = [node.this], node.expressions
        else:
            asked = words = [node.this, node.expression]
        columns = [column for part in asked for column in part.find_all(exp.Column)]
        is_state = any(
            column.name.lower() in STATES and column.table not in registry for column in columns
        )
        if is_state and any(isinstance(word, exp.Literal) and word.is_string for word in words):
            found.append(node.sql())
    return found


@pytest.mark.parametrize("path", LATER_SQL, ids=lambda path: path.stem)
def test_after_facts_no_sql_judges_a_states_word(path: Path) -> None:
    assert state_words(path.read_text(), path.name) == []


@pytest.mark.parametrize("metric", contract.load().metrics, ids=lambda metric: metric.name)
def test_a_metric_judges_no_states_word_and_is_portable(metric: Metric) -> None:
    assert state_words(metric.rows, metric.name) == []
    assert portable.faults(metric.rows, metric.name) == []


@pytest.mark.parametrize(
    ("condition", "is_fault"),
    [
        ("o.status = 'paid'", True),
        ("lower(o.status) IN ('paid', 'fulfilled')", True),
        ("'ended' <> o.state", True),
        ("coalesce(lower(o.status), '') NOT IN ('cancelled')", True),
        ("CASE o.word_state WHEN 'trial' THEN TRUE END", True),
        ("CASE WHEN o.source_state = 'x' THEN TRUE END", True),
        ("g.status = 'active'", False),
        ("o.is_counted AND o.state = g.status", False),
        ("CASE WHEN o.is_counted THEN 'paid' END = o.channel", False),
    ],
)
def test_the_lint_of_state_words_sees_each(condition: str, is_fault: bool) -> None:
    tables = "order_fact AS o JOIN customer_id_registry AS g ON g.customer_id = o.customer_id"
    assert bool(state_words(f"SELECT 1 FROM {tables} WHERE {condition}", "x.sql")) is is_fault


def test_tables_that_judge_people_never_see_who_may_not_be_profiled() -> None:
    barred = {name for name, spec in TABLES.items() if spec.without == "unprofiled_customer"}
    assert {
        "rfm",
        "churn_features",
        "churn_scores",
        "churn_predictions",
        "customer_lifecycle",
    } <= barred
    for name, spec in TABLES.items():
        judges = (
            SCORES & set(spec.by_name)
            if "customer_id" in spec.by_name and spec.room not in BEFORE_FACTS
            else set()
        )
        assert not judges or name in barred | GATED, (
            f"{name} has {judges} and is not without unprofiled_customer"
        )
        assert (name in barred) == any(
            rule.args.get("name") == "without_unprofiled_customer" for rule in spec.expect
        )


def test_a_release_says_nothing_of_who_may_not_be_profiled(demo_night: Path) -> None:
    release = open_release(demo_night)
    barred = pl.read_parquet(Lake(demo_night).files("unprofiled_customer"))["customer_id"]
    assert len(barred) > 3
    checked = set()
    for name in release.manifest["tables"]:
        said = SCORES & set(TABLES[name].by_name)
        if "customer_id" not in TABLES[name].by_name or not said:
            continue
        rows = pl.concat(pl.read_parquet(path) for path in release.files(name))
        theirs = rows.filter(pl.col("customer_id").is_in(barred.implode()))
        if "lifecycle_stage" in said:
            assert set(theirs["lifecycle_stage"]) <= {"not_profiled"}, name
        found = {
            column: theirs[column].count()
            for column in said - {"lifecycle_stage"}
            if theirs[column].count()
        }
        assert not found, f"{name} has {found}"
        checked.add(name)
    assert {"rfm", "churn_predictions", "customer_profile", "customer_profile_history"} <= checked
    profile = pl.read_parquet(release.files("customer_profile"))
    assert set(profile.filter("is_profiling_denied")["customer_id"]) == set(barred)
    assert profile["account_id"].count() > 0
