"""The night as one job, and its schedule."""

from typing import Any

import dagster as dg

from customer_intel.settings import Settings

NIGHTLY = "nightly"


def nightly_job() -> Any:
    """The job over all assets, one step after the other in one process."""
    return dg.define_asset_job(
        NIGHTLY,
        selection=dg.AssetSelection.all(),
        description="One whole night: raw exports to gated tables and one atomic release.",
        executor_def=dg.in_process_executor,
    )


def nightly_schedule(settings: Settings, job: Any) -> dg.ScheduleDefinition:
    """Launches the job by the settings' cron line, for the day on which it fires."""

    @dg.schedule(
        name="nightly_schedule",
        cron_schedule=settings.cron,
        job=job,
        execution_timezone="UTC",
        default_status=(
            dg.DefaultScheduleStatus.RUNNING
            if settings.schedule_running
            else dg.DefaultScheduleStatus.STOPPED
        ),
        description=(
            "Every night; the run's date is the day it fires (exports of that day and all "
            "missed ones)."
        ),
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return dg.RunRequest(partition_key=context.scheduled_execution_time.date().isoformat())

    return schedule
