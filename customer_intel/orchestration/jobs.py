"""The night as one job, its schedule, and the sensor that takes over what a killed host left."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg

from customer_intel.core.store import lake
from customer_intel.orchestration import nights
from customer_intel.settings import Settings

NIGHTLY = "nightly"
SCHEDULED = "dagster/schedule_name"
# How often a night was begun anew after its process died: what kills its host is not tried for ever.
TAKEN_OVER, AT_MOST = "customer_intel/taken_over", 2
# A run takes the home's lock this long after it was last heard of; then it is dead without.
QUIET_SECONDS, LOOK_SECONDS = 60, 15
WAITING = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED]
ALIVE = [*WAITING, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]


def nightly_job() -> Any:
    """The job over all assets, in one process."""
    return dg.define_asset_job(
        NIGHTLY,
        selection=dg.AssetSelection.all(),
        description="One whole night: raw exports to gated tables and one atomic release.",
        executor_def=dg.in_process_executor,
    )


def nightly_schedule(settings: Settings, job: Any) -> dg.ScheduleDefinition:
    """The job's schedule, by the home's cron line in UTC. Of nights that were missed, or that wait
    for one at work, only the newest runs: it takes what the others would have taken.
    """

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
    def schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        fired = context.scheduled_execution_time
        return asked_for(context.instance, settings.cron, fired, datetime.now(UTC))

    return schedule


def asked_for(
    instance: dg.DagsterInstance, cron: str, fired: datetime, now: datetime
) -> dg.RunRequest | dg.SkipReason:
    """The night that the schedule's tick of `fired` asks for at `now`, or why it needs none."""
    if is_overtaken(cron, fired, now):
        return dg.SkipReason("A later night was due since; it takes this one's exports.")
    day = fired.date().isoformat()
    if waiting := drop_older(instance, day):
        return dg.SkipReason(f"The night of {waiting} waits already for the one at work.")
    return dg.RunRequest(partition_key=day)


def is_overtaken(cron: str, fired: datetime, now: datetime) -> bool:
    """Whether the schedule was due again between `fired` and `now`."""
    from dagster._utils.schedules import schedule_execution_time_iterator

    due = schedule_execution_time_iterator(fired.timestamp(), cron, "UTC")
    return next(time for time in due if time > fired) <= now


def drop_older(instance: dg.DagsterInstance, day: str) -> str | None:
    """Cancels what the schedule left waiting for dates before `day`. The date of a night that waits
    and makes one of `day` needless.
    """
    for run in instance.get_runs(dg.RunsFilter(job_name=NIGHTLY, statuses=WAITING)):
        date_of = run.tags.get(nights.PARTITION, "")
        if run.asset_selection or (SCHEDULED not in run.tags and TAKEN_OVER not in run.tags):
            continue
        if date_of >= day:
            return date_of
        instance.report_run_canceled(run, f"The night of {day} takes this one's exports.")
    return None


def take_over_sensor(settings: Settings, job: Any) -> dg.SensorDefinition:
    """The sensor that closes runs whose process is gone, and begins the newest such night anew."""

    @dg.sensor(
        name="take_over_killed_nights",
        job=job,
        minimum_interval_seconds=LOOK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Ends in the books what a killed host left running, so that no night queues behind "
            "it, and begins that night anew."
        ),
    )
    def sensor(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        if lake.is_held(settings.home_dir):
            yield dg.SkipReason("A night is at work.")
            return
        closed = nights.close_dead_runs(context.instance, None, QUIET_SECONDS)
        again = to_begin_anew(context.instance, closed)
        if again is None:
            yield dg.SkipReason(f"{len(closed)} runs closed, none to begin anew.")
        else:
            yield again

    return sensor


def to_begin_anew(
    instance: dg.DagsterInstance, closed: list[dg.DagsterRun]
) -> dg.RunRequest | None:
    """The newest of the closed nights, unless one as new waits, works or has published since."""
    whole = [
        run for run in closed if run.job_name == NIGHTLY and not run.asset_selection and _date(run)
    ]
    if not whole:
        return None
    newest = max(whole, key=_date)
    times = int(newest.tags.get(TAKEN_OVER, "0"))
    record = instance.get_run_record_by_id(newest.run_id)
    since = record.create_timestamp if record else None
    alive = instance.get_runs(dg.RunsFilter(job_name=NIGHTLY, statuses=ALIVE))
    done = instance.get_runs(
        dg.RunsFilter(job_name=NIGHTLY, statuses=[dg.DagsterRunStatus.SUCCESS], created_after=since)
    )
    others = [run for run in [*alive, *done] if not run.asset_selection]
    if times >= AT_MOST or any(_date(run) >= _date(newest) for run in others):
        return None
    return dg.RunRequest(
        run_key=f"after {newest.run_id}",
        partition_key=_date(newest),
        tags={TAKEN_OVER: str(times + 1)},
    )


def _date(run: dg.DagsterRun) -> str:
    """The run's export date; empty for one of a range or of none."""
    text = run.tags.get(nights.PARTITION, "")
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return ""
