"""What a person sees in the Dagster UI of a home whose night ran from the command line."""

from __future__ import annotations

import fcntl
import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from customer_intel.core.contract import load as contract
from customer_intel_tests.browser.ui import DEMO_NIGHT, LOCATION, Ui, customer_intel, until

pytestmark = pytest.mark.browser

JOB = f"/locations/{LOCATION}/jobs/nightly"
BACKFILL = (
    "mutation($p: LaunchBackfillParams!) {launchPartitionBackfill(backfillParams: $p) "
    "{__typename ... on LaunchBackfillSuccess {backfillId} ... on PythonError {message}}}"
)
LAUNCH = (
    "mutation($p: ExecutionParams!) {launchRun(executionParams: $p) {... on LaunchRunSuccess "
    "{run {runId}}}}"
)

Screenshot = Callable[[str], None]


def test_it_opens_without_a_dialog(page: Page, screenshot: Screenshot) -> None:
    page.goto("/overview")
    expect(page.get_by_text("nightly").first).to_be_visible()
    screenshot("overview")
    assert page.get_by_role("dialog").count() == 0


def test_the_lineage_is_grouped_by_room(page: Page, screenshot: Screenshot) -> None:
    page.goto("/asset-groups")
    for room in sorted({table.room for table in contract.load().tables.values()} | {"publish"}):
        expect(page.get_by_text(room, exact=True).first).to_be_visible()
    screenshot("lineage_by_room")
    page.goto(f"/locations/{LOCATION}/asset-groups/segments/lineage")
    expect(page.get_by_text("Asset Group in")).to_be_visible()
    expect(page.get_by_text("rfm", exact=True).first).to_be_visible()
    screenshot("lineage_of_a_room")
    page.goto(f"/locations/{LOCATION}/asset-groups/ingest/list")
    expect(page.get_by_role("link", name="contacts").first).to_be_visible()
    screenshot("room_as_a_list")


def test_an_assets_page_says_what_the_table_is(page: Page, screenshot: Screenshot) -> None:
    table = contract.load().table("customer_profile")
    email = next(column for column in table.columns if column.pii == "email")
    page.goto("/assets/customer_profile")
    expect(page.get_by_text(f"{table.purpose}.")).to_be_visible()
    expect(page.get_by_text(f"Grain: {table.grain}.")).to_be_visible()
    expect(page.get_by_text(email.meaning).first).to_be_visible()
    expect(page.get_by_text("pii: email").first).to_be_visible()
    expect(page.get_by_text("non-nullable").first).to_be_visible()
    expect(page.get_by_text(table.owner.removeprefix("team:"), exact=True).first).to_be_visible()
    expect(page.get_by_role("link", name="profiles").first).to_be_visible()
    screenshot("asset")


def test_an_assets_page_says_what_was_materialized(page: Page, screenshot: Screenshot) -> None:
    page.goto("/assets/customer_profile?view=events")
    row = page.get_by_role("row", name="dagster/row_count")
    expect(row).to_contain_text(re.compile(r"\d{2}"))
    expect(page.get_by_role("row", name="as_of")).to_contain_text(DEMO_NIGHT)
    screenshot("asset_events")
    page.get_by_role("row", name="column lineage").get_by_text("Show Markdown").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("row", name="orders_90d")).to_contain_text(
        "customer_transactions.orders_90d"
    )
    screenshot("asset_column_lineage")


def test_an_assets_page_shows_its_upstream_and_downstream(
    page: Page, screenshot: Screenshot
) -> None:
    page.goto("/assets/rfm?view=lineage")
    for name in ("order_fact", "rfm", "segment_summary", "release"):
        expect(page.get_by_text(name, exact=True).first).to_be_visible()
    screenshot("asset_lineage")


def test_an_assets_gate_shows_its_findings(page: Page, screenshot: Screenshot) -> None:
    page.goto("/assets/customer_profile?view=checks")
    expect(page.get_by_text("blocking", exact=True)).to_be_visible()
    expect(page.get_by_text("Passed", exact=True).first).to_be_visible()
    for name in ("expectation", "verdict", "unexpected", "message", "sample keys"):
        expect(page.get_by_text(name, exact=True).first).to_be_visible()
    expect(page.get_by_text("columns present")).to_be_visible()
    screenshot("asset_gate")


def test_the_command_lines_night_is_among_the_jobs_runs(
    page: Page, ui: Ui, screenshot: Screenshot
) -> None:
    first = ui.runs()[-1]
    assert (first["jobName"], first["status"]) == ("nightly", "SUCCESS")
    assert first["tags"]["dagster/partition"] == DEMO_NIGHT
    page.goto(f"{JOB}/runs")
    expect(page.get_by_role("link", name=first["runId"][:8])).to_be_visible()
    expect(page.get_by_text(f"partition: {DEMO_NIGHT}")).to_be_visible()
    expect(page.get_by_text("Success", exact=True)).to_be_visible()
    screenshot("runs")


def test_schedule_and_alert_are_there(page: Page, screenshot: Screenshot) -> None:
    page.goto("/automation")
    expect(page.get_by_text("nightly_schedule")).to_be_visible()
    expect(page.get_by_text("04:00 AM UTC")).to_be_visible()
    expect(page.get_by_text("alert_on_failure")).to_be_visible()
    screenshot("automation")


def test_a_night_launched_in_the_ui_succeeds_and_holds_the_home(
    page: Page, ui: Ui, screenshot: Screenshot
) -> None:
    before = {run["runId"] for run in ui.runs()}
    page.goto(JOB)
    page.get_by_role("button", name="Materialize all").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Show all partitions").click()
    field = dialog.get_by_placeholder("ex:")
    field.fill(DEMO_NIGHT)
    field.press("Enter")
    expect(dialog.get_by_text("1 partition", exact=True)).to_be_visible()
    screenshot("launch")
    dialog.get_by_role("button", name="Launch 1 run").click()

    run_id = until(
        "the run",
        lambda: next((r["runId"] for r in ui.runs() if r["runId"] not in before), None),
        30,
    )
    until("the run to take the home's lock", lambda: locked(ui), 90)
    second = customer_intel("run", "--home", str(ui.home))
    assert second.returncode == 1
    assert "another run is at work in home/" in " ".join(second.stderr.split())

    page.goto(f"/runs/{run_id}")
    expect(page.get_by_text("Executing (1)")).to_be_visible()
    run = ui.ended(run_id)
    assert (run["jobName"], run["status"], run["tags"]["dagster/partition"]) == (
        "nightly",
        "SUCCESS",
        DEMO_NIGHT,
    )
    # The page was open all the while: its last steps came live.
    expect(page.get_by_text(f"Succeeded ({len(contract.load().tables) + 1})")).to_be_visible()
    screenshot("run_from_the_ui")
    assert not locked(ui)
    current = json.loads((ui.home / "published" / "CURRENT.json").read_text())
    assert current["as_of"] == DEMO_NIGHT
    assert (ui.home / ".dagster" / "history" / "runs" / f"{run_id}.db").exists()


def test_a_range_of_dates_is_taken_in_one_run(ui: Ui) -> None:
    names = sorted(name for name, table in contract.load().tables.items() if table.raw_of)
    asked = {
        "partitionNames": [DEMO_NIGHT, "2026-07-01", "2026-07-02"],
        "assetSelection": [{"path": [name]} for name in names],
    }
    launched = ui.ask(BACKFILL, p=asked)["launchPartitionBackfill"]
    assert launched["__typename"] == "LaunchBackfillSuccess", launched
    mark = ("dagster/backfill", launched["backfillId"])

    def found() -> list[str]:
        return [run["runId"] for run in ui.runs() if mark in run["tags"].items()]

    run = ui.ended(until("the backfill's run", found, 90)[0])
    assert run["status"] == "SUCCESS"
    assert len(found()) == 1
    assert run["tags"]["dagster/asset_partition_range_end"] == "2026-07-02"


def test_a_run_without_a_partition_is_the_newest_exports_night(ui: Ui) -> None:
    selector = {
        "repositoryName": "__repository__",
        "repositoryLocationName": LOCATION,
        "jobName": "nightly",
        "assetSelection": [{"path": ["raw_orders"]}, {"path": ["orders"]}],
    }
    run_id = ui.ask(LAUNCH, p={"selector": selector, "runConfigData": {}})["launchRun"]["run"][
        "runId"
    ]
    assert ui.ended(run_id)["status"] == "SUCCESS"
    assert (
        json.loads((ui.home / "lake" / "orders" / "CURRENT.json").read_text())["as_of"]
        == DEMO_NIGHT
    )


def locked(ui: Ui) -> bool:
    with (ui.home / ".lock").open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
