"""One night from outside Dagster's UI: the same job, the same instance, so that the UI shows it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from customer_intel.core.night import build as step
from customer_intel.core.night.night import Outcome
from customer_intel.core.store.disk import DiskRefused
from customer_intel.core.store.lake import LakeDamaged, home_lock, write_bytes
from customer_intel.settings import REPOSITORY, Settings

if TYPE_CHECKING:
    from dagster import JobDefinition

EVENTS_AT_ONCE = "1000"


@dataclass(frozen=True)
class RunResult:
    """`failures`: step → why it failed; `skipped`: what was downstream of them."""

    run_id: str
    success: bool
    failures: dict[str, str]
    skipped: tuple[str, ...]
    # The lake's files were not what their gates saw: nothing was computed.
    damaged: bool = False
    # The disk took or gave no more; no gate said anything.
    disk_refused: bool = False


def prepare_instance(settings: Settings) -> Path:
    """The folder of the home's Dagster instance, with dagster.yaml's paths pointing into it. Sets
    DAGSTER_HOME.
    """
    source = next(
        path
        for path in (
            REPOSITORY / "dagster.yaml",
            Path(__file__).resolve().parent.parent / "dagster.yaml",
        )
        if path.exists()
    )
    state = settings.state_dir
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    text = source.read_text(encoding="utf-8").replace("data/.dagster", str(state))
    target = state / "dagster.yaml"
    if not target.exists() or target.read_text(encoding="utf-8") != text:
        write_bytes(target, text.encode())
    os.environ["DAGSTER_HOME"] = str(state)
    # What a run plans is told to the event log at once, not event by event.
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", EVENTS_AT_ONCE)
    os.environ["CUSTOMER_INTEL_HOME"] = str(settings.home_dir)
    os.environ["CUSTOMER_INTEL_LANDING"] = settings.landing_url or str(settings.landing_dir)
    return state


def run_night(
    settings: Settings,
    as_of: date,
    listener: Callable[[Outcome], None],
    select: Sequence[str] | None = None,
) -> RunResult:
    """Runs the nightly job for one date in this process, as the schedule would. Raises HomeBusy."""
    with home_lock(settings.home_dir):
        # Asked before the job takes it itself, so that a night that cannot start leaves no failed
        # run in the UI.
        prepare_instance(settings)
    step.prepare(settings.state_dir)
    import dagster as dg
    from dagster._core.execution.api import execute_run
    from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteRepositoryOrigin

    from customer_intel.orchestration import assets, nights
    from customer_intel.orchestration.alerts import ended_by, root_cause
    from customer_intel.orchestration.jobs import NIGHTLY

    with home_lock(settings.home_dir):
        # A fresh home's books are made here: two processes that make the same tables at once fail
        # on each other.
        opened = dg.DagsterInstance.get()
    assets.listeners.append(listener)
    try:
        with opened as instance:
            job = dg.reconstructable(nightly)
            # What dg.execute_job does, but under the name by which `dagster dev` serves the job:
            # else the UI's time
            # line, and the sensor, take the run for a stranger's.
            location = RegisteredCodeLocationOrigin("customer_intel.definitions")
            run = instance.create_run_for_job(
                job.get_definition(),
                tags={nights.PARTITION: as_of.isoformat()},
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
                asset_selection={dg.AssetKey(name) for name in select} if select else None,
                remote_job_origin=RemoteRepositoryOrigin(location, "__repository__").get_job_origin(
                    NIGHTLY
                ),
                job_code_origin=job.get_python_origin(),
            )
            result = execute_run(job, run, instance)
        failures = {}
        damaged = disk_refused = False
        for event in result.all_events:
            if event.is_step_failure:
                data = event.step_failure_data
                disk_refused |= ended_by(event, DiskRefused)
                said = data.user_failure_data.description if data.user_failure_data else None
                failures[str(event.step_key)] = (
                    said or (data.error.to_string() if data.error else "")
                ).strip()
        if not result.success and not failures:
            ended = [event for event in result.all_events if event.is_run_failure]
            failures[NIGHTLY] = next(map(root_cause, ended), "")
            damaged = any(ended_by(event, LakeDamaged) for event in ended)
        # A step whose input failed is never started; Dagster leaves no event of it.
        started = {event.step_key for event in result.all_events if event.is_step_start}
        skipped = tuple(
            key for key in result.dagster_run.step_keys_to_execute or () if key not in started
        )
        return RunResult(result.run_id, result.success, failures, skipped, damaged, disk_refused)
    finally:
        assets.listeners.remove(listener)


def nightly() -> JobDefinition:
    """The nightly job with its assets."""
    from customer_intel.definitions import defs
    from customer_intel.orchestration.jobs import NIGHTLY

    return defs.resolve_job_def(NIGHTLY)
