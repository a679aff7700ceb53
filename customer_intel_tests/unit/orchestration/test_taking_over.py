"""Nights that were missed, that wait, or whose process was killed: one takes over, none queues for
hours.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterRunStatus as Status
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteRepositoryOrigin

from customer_intel.core.store import lake
from customer_intel.orchestration import jobs, nights


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


ORIGIN = RemoteRepositoryOrigin(
    RegisteredCodeLocationOrigin("customer_intel.definitions"), "__repository__"
).get_job_origin(jobs.NIGHTLY)


@dg.op
def nothing() -> None:
    pass


@dg.job(name=jobs.NIGHTLY)
def night_job() -> None:
    nothing()


def run(instance: dg.DagsterInstance, day: str, status: Status, **tags: str) -> dg.DagsterRun:
    named = {"dagster/schedule_name": "nightly_schedule"} if not tags else {}
    return instance.create_run_for_job(
        night_job,
        status=status,
        tags={nights.PARTITION: day, **named, **tags},
        remote_job_origin=ORIGIN,
    )


def states(instance: dg.DagsterInstance) -> dict[str, Status]:
    return {r.tags[nights.PARTITION]: r.status for r in instance.get_runs()}


NOON = datetime(2026, 6, 30, 12, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "due"),
    [
        ("0 * * * *", [datetime(2026, 6, 30, hour, tzinfo=UTC) for hour in range(8, 13)]),
        ("0 4 * * *", [datetime(2026, 6, day, 4, tzinfo=UTC) for day in range(26, 31)]),
    ],
)
def test_of_missed_nights_only_the_newest_runs(
    cron: str, due: list[datetime], instance: dg.DagsterInstance
) -> None:
    answers = [jobs.asked_for(instance, cron, fired, NOON) for fired in due]
    assert [isinstance(answer, dg.SkipReason) for answer in answers] == [True] * 4 + [False]
    newest = answers[-1]
    assert isinstance(newest, dg.RunRequest) and newest.partition_key == "2026-06-30"


def test_a_night_that_waits_is_replaced_by_a_newer_and_not_doubled(
    instance: dg.DagsterInstance,
) -> None:
    run(instance, "2026-06-28", Status.STARTED)
    run(instance, "2026-06-29", Status.QUEUED)
    answer = jobs.asked_for(instance, "0 12 * * *", NOON, NOON)
    assert isinstance(answer, dg.RunRequest) and answer.partition_key == "2026-06-30"
    assert states(instance) == {"2026-06-28": Status.STARTED, "2026-06-29": Status.CANCELED}
    run(instance, "2026-06-30", Status.QUEUED)
    answer = jobs.asked_for(instance, "0 12 * * *", NOON, NOON)
    assert isinstance(answer, dg.SkipReason)
    assert states(instance)["2026-06-30"] == Status.QUEUED


def test_a_backfill_of_older_dates_that_waits_is_left_alone(instance: dg.DagsterInstance) -> None:
    run(instance, "2026-06-20", Status.QUEUED, who="somebody")
    answer = jobs.asked_for(instance, "0 12 * * *", NOON, NOON)
    assert isinstance(answer, dg.RunRequest)
    assert states(instance) == {"2026-06-20": Status.QUEUED}


def test_runs_without_their_process_are_closed_once_they_were_quiet(
    instance: dg.DagsterInstance,
) -> None:
    run(instance, "2026-06-28", Status.STARTING)
    run(instance, "2026-06-29", Status.STARTED)
    run(instance, "2026-06-30", Status.QUEUED)
    assert nights.close_dead_runs(instance, None, 3600) == []
    closed = nights.close_dead_runs(instance, None)
    assert [r.tags[nights.PARTITION] for r in closed] == ["2026-06-28", "2026-06-29"]
    assert states(instance) == {
        "2026-06-28": Status.FAILURE,
        "2026-06-29": Status.FAILURE,
        "2026-06-30": Status.QUEUED,
    }


def test_the_newest_killed_night_is_begun_anew_twice_at_most(instance: dg.DagsterInstance) -> None:
    run(instance, "2026-06-28", Status.STARTED)
    run(instance, "2026-06-29", Status.STARTED)
    for times in ("1", "2"):
        again = jobs.to_begin_anew(instance, nights.close_dead_runs(instance, None))
        assert again and again.partition_key == "2026-06-29"
        assert again.tags[jobs.TAKEN_OVER] == times
        run(instance, "2026-06-29", Status.STARTED, **{jobs.TAKEN_OVER: times})
    assert jobs.to_begin_anew(instance, nights.close_dead_runs(instance, None)) is None


@pytest.mark.parametrize("status", [Status.QUEUED, Status.STARTED, Status.SUCCESS])
def test_a_killed_night_that_another_took_over_is_not_begun_anew(
    status: Status, instance: dg.DagsterInstance
) -> None:
    dead = run(instance, "2026-06-29", Status.STARTED)
    instance.report_run_failed(dead)
    run(instance, "2026-06-30", status)
    assert jobs.to_begin_anew(instance, [dead]) is None


def test_a_night_published_before_the_killed_one_began_does_not_count(
    instance: dg.DagsterInstance,
) -> None:
    run(instance, "2026-06-29", Status.SUCCESS)
    run(instance, "2026-06-29", Status.STARTED)
    again = jobs.to_begin_anew(instance, nights.close_dead_runs(instance, None))
    assert again and again.partition_key == "2026-06-29"


def test_the_homes_lock_says_whether_a_run_lives(tmp_path: Path) -> None:
    assert not lake.is_held(tmp_path)
    with lake.home_lock(tmp_path):
        assert lake.is_held(tmp_path)
    assert not lake.is_held(tmp_path)
