"""What Dagster is told: each asset as its table's contract has it, one job, its schedule, who hears
of a failure.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import dagster as dg
import pytest
from pydantic import SecretStr

from customer_intel.core.contract import load as contract
from customer_intel.core.store.lake import HomeBusy, home_lock
from customer_intel.core.tables import definition as table
from customer_intel.orchestration import alerts, jobs, nights, runs
from customer_intel.settings import REPOSITORY, Settings

CONTRACT = contract.load()
KINDS = {
    "sql": {"duckdb", "sql"},
    "function": {"polars", "python"},
    "raw": {"parquet"},
    "conformed": {"duckdb"},
}


@pytest.fixture(scope="module")
def defs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.Definitions]:
    """The definitions of a home whose first export is of 2026-06-29."""
    home = tmp_path_factory.mktemp("definitions")
    (home / "landing" / "shop" / "2026-06-29").mkdir(parents=True)
    import importlib

    from customer_intel import definitions

    with _environment(home):
        yield importlib.reload(definitions).defs
    # Outside of that home: later nights of this process have earlier dates.
    importlib.reload(definitions)


def test_every_table_is_one_asset_as_its_contract_has_it(defs: dg.Definitions) -> None:
    specs = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}
    assert set(specs) == {*CONTRACT.tables, "release"}
    for name, definition in table.definitions(CONTRACT).items():
        spec, made = definition.table, specs[name]
        assert made.group_name == spec.room
        assert list(made.owners) == [spec.owner]
        assert made.kinds == KINDS[definition.kind], name
        assert spec.purpose in str(made.description)
        assert spec.grain in str(made.description)
        assert {dep.asset_key.to_user_string() for dep in made.deps} == set(definition.depends_on)
        generated = made.metadata.get("generated SELECT")
        assert (definition.text in generated.value) if definition.joins else generated is None
        columns = made.metadata["dagster/column_schema"].columns
        assert [column.name for column in columns] == [column.name for column in spec.columns]
        for column, own in zip(columns, spec.columns, strict=True):
            assert str(column.description).startswith(own.described)
        assert {c.name for c in columns if "pii" in c.tags} == {
            c.name for c in spec.columns if c.pii
        }
    release = specs["release"]
    assert release.group_name == "publish"
    assert {dep.asset_key.to_user_string() for dep in release.deps} == {
        name for name, spec in CONTRACT.tables.items() if spec.published
    }


def test_every_table_has_a_blocking_gate_and_a_warning_check(defs: dg.Definitions) -> None:
    checks = {
        (spec.asset_key.to_user_string(), spec.name): spec.blocking
        for definition in defs.assets or ()
        if isinstance(definition, dg.AssetsDefinition)
        for spec in definition.check_specs
    }
    may_warn = {
        name
        for name, spec in CONTRACT.tables.items()
        if spec.raw_of or any(rule.severity == "warning" for rule in spec.expect)
    }
    assert checks == {
        **{(name, "gate"): True for name in CONTRACT.tables},
        **{(name, "warnings"): False for name in may_warn},
    }


def test_exports_are_partitioned_by_date_and_caught_up_in_one_run(defs: dg.Definitions) -> None:
    for definition in defs.assets or ():
        assert isinstance(definition, dg.AssetsDefinition)
        name = definition.key.to_user_string()
        raw = name in CONTRACT.tables and CONTRACT.table(name).raw_of is not None
        partitions = definition.partitions_def
        assert isinstance(partitions, dg.DailyPartitionsDefinition) is raw
        if partitions:
            keys = partitions.get_partition_keys(current_time=datetime(2026, 7, 1, 4, tzinfo=UTC))
            assert list(keys) == ["2026-06-29", "2026-06-30", "2026-07-01"]
            assert definition.backfill_policy == dg.BackfillPolicy.single_run()


def test_an_export_of_tomorrow_has_its_partition(tmp_path: Path) -> None:
    later = nights.today() + timedelta(days=1)
    (tmp_path / "landing" / "shop" / later.isoformat()).mkdir(parents=True)
    with _environment(tmp_path):
        assert nights.partitions(Settings()).get_last_partition_key() == later.isoformat()


def test_an_export_dated_years_ahead_moves_no_night(tmp_path: Path) -> None:
    for day in ("2026-06-30", "2062-06-30"):
        (tmp_path / "landing" / "shop" / day).mkdir(parents=True)
    with _environment(tmp_path):
        assert nights.landed_dates(Settings()) == [date(2026, 6, 30)]
        assert nights.folders_ahead(Settings()) == ["shop/2062-06-30"]
        assert nights.partitions(Settings()).get_last_partition_key() < "2062"


def test_the_night_is_one_job_in_one_process_over_everything(defs: dg.Definitions) -> None:
    job = defs.resolve_job_def(jobs.NIGHTLY)
    assert job.executor_def is dg.in_process_executor
    assert {node.name for node in job.nodes} == {*CONTRACT.tables, "release"}
    assert nights.HOME in job.resource_defs
    assert all(nights.HOME in node.definition.required_resource_keys for node in job.nodes)


def test_the_entry_point_is_a_page_long() -> None:
    assert (
        len(
            (REPOSITORY / "customer_intel" / "definitions.py")
            .read_text(encoding="utf-8")
            .splitlines()
        )
        <= 50
    )


def test_the_schedule_asks_for_the_day_it_fires(defs: dg.Definitions, tmp_path: Path) -> None:
    schedule = defs.resolve_schedule_def("nightly_schedule")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 4 * * *", "UTC")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert schedule.job_name == jobs.NIGHTLY
    due = datetime.now(UTC).replace(hour=4, minute=0, second=0, microsecond=0)
    fired = due if due <= datetime.now(UTC) else due - timedelta(days=1)
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        context = dg.build_schedule_context(instance=instance, scheduled_execution_time=fired)
        request = schedule(context)
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == fired.date().isoformat()


def test_the_instance_keeps_its_state_under_the_home_and_tells_nobody(tmp_path: Path) -> None:
    with _environment(tmp_path):
        state = runs.prepare_instance(Settings())
        assert os.environ["DAGSTER_HOME"] == str(state) == str(tmp_path / ".dagster")
        with dg.DagsterInstance.get() as instance:
            assert not instance.telemetry_enabled
            assert not instance.nux_enabled
            assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 1  # type: ignore[union-attr]
            assert instance.run_monitoring_enabled
            assert not instance.run_retries_enabled
    assert {path.name for path in tmp_path.iterdir()} == {".dagster"}
    text = (state / "dagster.yaml").read_text(encoding="utf-8")
    assert text.count(str(state)) >= 5
    assert "data/.dagster" not in text.replace(str(state), "")


# ---- which night a run is
@pytest.mark.parametrize(
    ("tags", "night"),
    [
        ({nights.PARTITION: "2026-06-29"}, date(2026, 6, 29)),
        ({nights.PARTITION: "2026-06-01", nights.RANGE_END: "2026-06-28"}, date(2026, 6, 28)),
        ({nights.AS_OF: "2026-05-01", nights.PARTITION: "2026-06-29"}, date(2026, 5, 1)),
        ({}, date(2026, 6, 30)),
    ],
)
def test_a_runs_date_is_its_partition_the_ranges_end_or_the_newest_export(
    tmp_path: Path, tags: dict[str, str], night: date
) -> None:
    for name in ("2026-06-29", "2026-06-30", "not a date"):
        (tmp_path / "landing" / "shop" / name).mkdir(parents=True)
    with _environment(tmp_path):
        assert nights.of_run(_run(tags)).as_of == night


def test_a_run_without_date_and_exports_says_what_to_do(tmp_path: Path) -> None:
    with _environment(tmp_path), pytest.raises(dg.Failure) as failure:
        nights.of_run(_run({}))
    assert "land an export first" in str(failure.value.description)


# ---- one run at a time
def test_a_run_holds_the_home_from_its_first_step_to_its_end(tmp_path: Path) -> None:
    seen = []

    @dg.op(required_resource_keys={nights.HOME})
    def first() -> None:
        with pytest.raises(HomeBusy), home_lock(tmp_path):
            pass
        seen.append("held")

    @dg.job(resource_defs={nights.HOME: nights.home}, executor_def=dg.in_process_executor)
    def small() -> None:
        first()

    with _environment(tmp_path):
        assert small.execute_in_process().success
        with home_lock(tmp_path):
            second = small.execute_in_process(raise_on_error=False)
        assert not second.success
        (event,) = [event for event in second.all_events if event.is_run_failure]
        assert (
            f"another run is at work in {tmp_path.name}/; wait for it to end"
            in alerts.root_cause(event)
        )
        assert small.execute_in_process().success
    assert seen == ["held", "held"]


def test_a_night_that_finds_the_home_busy_leaves_no_run_behind(tmp_path: Path) -> None:
    with _environment(tmp_path), home_lock(tmp_path), pytest.raises(HomeBusy):
        runs.run_night(Settings(), date(2026, 6, 30), lambda _: None)
    assert not (tmp_path / ".dagster").exists()


# ---- who hears of a failure
@dg.op
def closed_gate() -> None:
    raise dg.Failure(
        description=(
            "The gate of 'orders' closed; last night's table stays. unique order_id: 3 of 9 rows"
        )
    )


@dg.job
def failing() -> None:
    closed_gate()


@pytest.fixture
def failure() -> Iterator[dg.RunFailureSensorContext]:
    with dg.DagsterInstance.ephemeral() as instance:
        tags = {nights.PARTITION: "2026-06-30"}
        result = failing.execute_in_process(instance=instance, raise_on_error=False, tags=tags)
        yield dg.build_run_status_sensor_context(
            sensor_name="alert_on_failure",
            dagster_event=next(event for event in result.all_events if event.is_run_failure),
            dagster_instance=instance,
            dagster_run=result.dagster_run,
        ).for_run_failure()


def test_nobody_configured_hears_nothing(failure: dg.RunFailureSensorContext) -> None:
    with (
        mock.patch.object(alerts, "post_to_slack") as slack,
        mock.patch.object(alerts, "send_mail") as mail,
    ):
        alerts.failure_sensor(Settings())(failure)
    assert not slack.called
    assert not mail.called


def test_slack_hears_which_gate_closed_on_which_night_and_where_to_look(
    failure: dg.RunFailureSensorContext,
) -> None:
    settings = Settings(
        alert_slack_webhook=SecretStr("https://hooks.example/x"), ui_url="http://ui.example"
    )
    with mock.patch.object(alerts.urllib.request, "urlopen") as opened:
        alerts.failure_sensor(settings)(failure)
    (request,) = opened.call_args.args
    text = json.loads(request.data)["text"]
    assert text.splitlines() == [
        "Customer Intel: the night of 2026-06-30 did not publish; what was published before stays.",
        (
            "• closed_gate: The gate of 'orders' closed; last night's table stays. unique "
            "order_id: 3 "
            "of 9 rows"
        ),
        f"http://ui.example/runs/{failure.dagster_run.run_id}",
    ]


def test_a_webhook_without_encryption_is_refused() -> None:
    with pytest.raises(ValueError, match="https"):
        alerts.post_to_slack("http://hooks.example/x", "text")


def test_mail_says_the_same(failure: dg.RunFailureSensorContext) -> None:
    settings = Settings(
        alert_email_to="night@shop.example",
        smtp_user="u",
        smtp_password=SecretStr("p"),
        smtp_host="mail.example",
    )
    with mock.patch.object(alerts.smtplib, "SMTP") as smtp:
        alerts.failure_sensor(settings)(failure)
    server = smtp.return_value.__enter__.return_value
    (message,) = server.send_message.call_args.args
    assert message["To"] == "night@shop.example"
    assert message["Subject"].startswith("Customer Intel: the night of 2026-06-30")
    assert "The gate of 'orders' closed" in message.get_content()
    assert [call[0] for call in server.method_calls] == ["starttls", "login", "send_message"]


@contextmanager
def _environment(home: Path) -> Iterator[None]:
    kept = {
        k: v for k, v in os.environ.items() if not k.startswith(("CUSTOMER_INTEL_", "DAGSTER_"))
    }
    with mock.patch.dict(os.environ, {**kept, "CUSTOMER_INTEL_HOME": str(home)}, clear=True):
        yield


def _run(tags: dict[str, str]) -> Any:
    return mock.Mock(run=mock.Mock(tags=tags), run_id=uuid.uuid4().hex)
