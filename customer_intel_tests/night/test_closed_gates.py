"""Each room's gate closes on poison: exit 2, nothing of its lineage is touched; and the other ways
out of a run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from customer_intel.core.store.lake import Lake, home_lock
from customer_intel.core.store.release import Published
from customer_intel.core.tables.definition import Definition
from customer_intel.demo import poison
from customer_intel_tests.whole_nights import FIRST, SECOND, Demo, Steps, bytes_of, cli, downstream

Spoil = Callable[[pytest.MonkeyPatch, Path], None]


pytestmark = pytest.mark.nights


@pytest.fixture
def home(demo_nights: Demo, tmp_path: Path) -> Path:
    """After the first night; the second night's exports lie in landing/."""
    return demo_nights.copy(demo_nights.first, tmp_path / "home")


# ---- ingest: what the exports may do
@dataclass(frozen=True)
class Export:
    kind: str
    raw: str
    file: str
    says: str


EXPORTS = (
    Export(
        "renamed_column",
        "raw_orders",
        "shopify/2026-06-30/orders_export_1.csv",
        "column Total: lacks column",
    ),
    Export(
        "unparsable_dates",
        "raw_contacts",
        "hubspot/2026-06-30/hubspot-crm",
        "row 1, column created_at (in the file: Create Date): not a time",
    ),
    Export(
        "truncated_gzip",
        "raw_payments",
        "stripe/2026-06-29/unified_payments.csv.gz",
        "truncated or corrupt",
    ),
    Export("not_utf8", "raw_contacts", "zendesk/2026-06-30/users.csv", "is not utf-8 (near byte"),
    Export(
        "ragged_rows",
        "raw_invoices",
        "stripe/2026-06-29/invoices.csv",
        "row 3: 23 values instead of 21",
    ),
    Export(
        "events_without_ids",
        "raw_events",
        "segment/2026-06-30/segment-events",
        "column messageId: lacks column",
    ),
)


@pytest.mark.parametrize("export", EXPORTS, ids=lambda export: export.kind)
def test_a_bad_export_is_refused_by_file_row_column_and_reason(export: Export, home: Path) -> None:
    poison(home / "landing", export.kind)
    before = Lake(home).current(export.raw)
    outcome = Steps(home, SECOND).build([export.raw])[export.raw]
    told = [found.message for found in outcome.verdict.warned if found.expectation == "file taken"]
    assert any(export.file in text and export.says in text for text in told), told
    after = Lake(home).current(export.raw)
    assert before and after
    refused = {key: part for key, part in after.parts.items() if part.facts["status"] == "refused"}
    assert refused and not sum(part.rows for part in refused.values())
    # What its earlier content gave stands; source_state decides what waits (test_source_at_fault.py).
    assert all(after.parts.get(key) == part for key, part in before.parts.items())


@pytest.mark.slow
def test_what_is_odd_but_possible_warns_and_the_night_goes_on(home: Path) -> None:
    for kind in ("negative_totals", "giant_cluster"):
        poison(home / "landing", kind)
    outcomes = Steps(home, SECOND).build(
        ["raw_orders", "orders", "raw_contacts", "contacts", "party_source", "party_record", "identifier_fact",
         "hub_value", "match_edge", "match_conflict", "record_customer_map"]
    )  # fmt: skip
    warned = {
        (name, finding.expectation)
        for name, outcome in outcomes.items()
        for finding in outcome.verdict.warned
    }
    assert {
        ("orders", "between total ≥ 0"),
        ("record_customer_map", "sql no_giant_customer"),
    } <= warned
    assert all(outcome.passed for outcome in outcomes.values())


# ---- every other room, through the job
@dataclass(frozen=True)
class Poison:
    """`closes` by `expectation`, once `spoil` is done and `first` are run too."""

    room: str
    closes: str
    expectation: str
    spoil: Spoil
    first: tuple[str, ...] = ()


def configuration(room: str, text: str) -> Spoil:
    def spoil(_: pytest.MonkeyPatch, home: Path) -> None:
        (home / "config").mkdir(exist_ok=True)
        (home / "config" / f"{room}.yaml").write_text(text, encoding="utf-8")

    return spoil


def export(kind: str) -> Spoil:
    def spoil(_: pytest.MonkeyPatch, home: Path) -> None:
        poison(home / "landing", kind)

    return spoil


def query(table: str, change: str) -> Spoil:
    """The table's own SELECT, some of its columns computed wrongly."""

    def spoil(patch: pytest.MonkeyPatch, _: Path) -> None:
        sql = Definition.sql

        def wrong(self: Definition, parameters: Any) -> str:
            good = sql(self, parameters)
            return (
                f"SELECT * REPLACE ({change}) FROM ({good}\n)" if self.table.name == table else good
            )

        patch.setattr(Definition, "sql", wrong)

    return spoil


def function(table: str, change: pl.Expr) -> Spoil:
    """The table's own function, some of its columns computed wrongly."""

    def spoil(patch: pytest.MonkeyPatch, _: Path) -> None:
        original = Definition.function

        def wrong(self: Definition) -> Callable[..., Any]:
            good = original(self)
            if self.table.name != table:
                return good
            return lambda **inputs: good(**inputs).with_columns(change)

        patch.setattr(Definition, "function", wrong)

    return spoil


# The quintiles of the textbook, which cut through customers with equally many orders.
QUINTILES = "ntile(5) OVER (ORDER BY frequency, customer_id) AS f_score"
POISONS = (
    Poison("identity", "party_record", "regex country_code", configuration("identity", "countries: {XXL: us usa gb}")),
    Poison(
        "facts", "state_word", "sql words_nobody_knows_are_few", export("unknown_statuses"),
        first=("raw_subscriptions", "subscriptions"),
    ),
    Poison("activity", "activity", "in_set journey_stage", configuration("activity", "stage_other: delight")),
    Poison(
        "profiles", "customer_support", "between last_nps_score 0 to 10",
        query("customer_support", "CAST(11 AS DOUBLE) AS last_nps_score"),
    ),
    Poison(
        "figures", "reconciliation", "sql one_figure_one_number",
        query("customer_profile", "CAST(revenue_total + 1 AS DECIMAL(18, 2)) AS revenue_total"),
        first=("customer_profile",),
    ),
    Poison("segments", "rfm", "sql equal_frequency_equal_score", query("rfm", QUINTILES)),
    Poison(
        "predictions", "model_evaluation", "in_set verdict",
        function("model_evaluation", pl.lit("fine").alias("verdict")),
    ),
    Poison("feedback", "nps_summary", "sql score_is_its_counts", function("nps_summary", pl.col("score") / 2 + 1)),
    Poison(
        "journeys", "journey_transitions", "sql p_sums_to_one",
        query("journey_transitions", "p / 2 AS p, p_low / 2 AS p_low"),
    ),
)  # fmt: skip


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case,
            id=case.room,
            marks=[] if case.room in ("identity", "profiles") else pytest.mark.slow,
        )
        for case in POISONS
    ],
)
def test_a_rooms_gate_closes_and_its_lineage_stays(
    case: Poison, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case.spoil(monkeypatch, home)
    stopped = downstream(case.closes)
    before = (
        bytes_of(home / "published"),
        {name: bytes_of(home / "lake" / name) for name in (case.closes, *stopped)},
    )
    # The first night's date: its exports are in the lake, so that only what is selected is new.
    as_of = SECOND if case.first else FIRST
    chosen = ",".join([*case.first, case.closes, *stopped, "release"])
    ran = cli("run", "--home", home, "--as-of", str(as_of), "--select", chosen, "--json")
    assert ran.code == 2, ran.text
    summary = ran.summary
    assert list(summary["failures"]) == [case.closes]
    for said in (summary["failures"][case.closes], summary["tables"][case.closes]["reason"]):
        assert case.expectation in said and " rows break it" in said
    assert case.closes in summary["failures"][case.closes]
    assert set(summary["skipped"]) == {*stopped, "release"}
    after = (
        bytes_of(home / "published"),
        {name: bytes_of(home / "lake" / name) for name in (case.closes, *stopped)},
    )
    assert before == after
    assert (home / "lake" / ".rejected" / case.closes / "verdict.json").exists()


def test_publish_refuses_a_file_that_its_gate_did_not_see(home: Path) -> None:
    table = next((home / "lake" / "nps_summary").glob("*.parquet"))
    fewer = pl.read_parquet(table).head(3)
    table.unlink()
    fewer.write_parquet(table)
    before = bytes_of(home / "published")
    ran = cli("run", "--home", home, "--as-of", str(FIRST), "--select", "release")
    assert ran.code == 2
    assert "lake/nps_summary/" in ran.text and "that its gate saw" in ran.text
    assert before == bytes_of(home / "published")


def test_no_release_while_one_table_is_last_nights(home: Path) -> None:
    before = bytes_of(home / "published")
    ran = cli("run", "--home", home, "--as-of", str(SECOND), "--select", "nps_summary,release")
    assert ran.code == 2 and "Nothing was published" in ran.text
    assert before == bytes_of(home / "published")


# ---- the other ways in and out
def test_select_runs_what_it_names_and_publishes_nothing(home: Path) -> None:
    before = bytes_of(home / "published")
    ran = cli(
        "run", "--home", home, "--as-of", str(FIRST), "--select", "rfm, segment_summary", "--json"
    )
    assert ran.code == 0 and list(ran.summary["tables"]) == ["rfm", "segment_summary"]
    assert {table["status"] for table in ran.summary["tables"].values()} == {"unchanged"}
    assert before == bytes_of(home / "published")
    told = cli("run", "--home", home, "--as-of", str(FIRST), "--select", "rfm")
    assert told.text.startswith(f"Night of {FIRST} = rfm") and "checks" in told.text


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--as-of", "30.06.2026"), "--as-of 30.06.2026: expected YYYY-MM-DD"),
        (
            ("--as-of", "2999-06-30"),
            "--as-of 2999-06-30 lies ahead: by this machine's clock today is",
        ),
        (("--landing", "no/such"), "--landing no/such: no such folder"),
        (("--select", "rfn"), "no table 'rfn'; did you mean rfm?"),
    ],
)
def test_a_wrong_option_is_bad_configuration(
    arguments: tuple[str, ...], says: str, home: Path
) -> None:
    ran = cli("run", "--home", home, *arguments)
    assert (ran.code, says in ran.text) == (3, True), ran.text


def test_a_home_without_exports_is_bad_configuration(tmp_path: Path) -> None:
    ran = cli("run", "--home", tmp_path)
    assert ran.code == 3 and "names no export date" in ran.text and "--as-of" in ran.text


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        (
            "mappings/till.yaml",
            "source: till\nfiles: ['*.csv']\nentty: contacts\n",
            "mappings/till.yaml:3",
        ),
        ("mappings/till.yaml", "source: till\n  files: [\n", "till.yaml:2"),
        (
            "activity.yaml",
            "# ours\nsession_gap_minuts: 10\n",
            "config/activity.yaml:2: 'session_gap_minuts'",
        ),
    ],
)
@pytest.mark.parametrize("command", ["run", "check"])
def test_bad_configuration_is_named_by_file_and_line(
    command: str, file: str, text: str, says: str, home: Path
) -> None:
    path = home / "config" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    before = bytes_of(home / "lake")
    ran = cli(command, "--home", home)
    assert ran.code == 3 and says in ran.text, ran.text
    assert before == bytes_of(home / "lake")


def test_the_second_of_two_runs_leaves_with_a_message(home: Path) -> None:
    before = bytes_of(home / "lake")
    with home_lock(home):
        ran = cli("run", "--home", home, "--as-of", str(FIRST), "--select", "rfm")
    assert ran.code == 1 and "another run is at work in home/" in ran.text
    assert before == bytes_of(home / "lake")


def test_a_night_before_the_last_one_is_refused(demo_nights: Demo, tmp_path: Path) -> None:
    home = demo_nights.copy(demo_nights.second, tmp_path / "home")
    before = bytes_of(home / "lake")
    ran = cli("run", "--home", home, "--as-of", str(FIRST))
    assert ran.code == 3 and "already seen the night of 2026-06-30" in ran.text
    assert before == bytes_of(home / "lake")
    assert date.fromisoformat(Published(home).releases()[0].as_of) == SECOND
