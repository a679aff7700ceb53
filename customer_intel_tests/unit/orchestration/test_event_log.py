"""The event log that keeps its connections open: Dagster's own content, safe from threads, followed
live.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

from customer_intel.orchestration.event_log import KEPT_OPEN, EventLog

RUNS = [f"00000000-0000-4000-8000-{number:012d}" for number in range(KEPT_OPEN + 4)]


def entry(run_id: str, message: str, at: float = 1.0) -> dg.EventLogEntry:
    return dg.EventLogEntry(
        error_info=None,
        level=20,
        user_message=message,
        run_id=run_id,
        timestamp=at,
        step_key=None,
        job_name="nightly",
    )


def messages(log: SqliteEventLogStorage, run_id: str) -> list[str]:
    return [
        record.event_log_entry.user_message for record in log.get_records_for_run(run_id).records
    ]


def instance(folder: Path, module: str, name: str) -> dg.DagsterInstance:
    folder.mkdir()
    return dg.DagsterInstance.local_temp(
        str(folder),
        overrides={
            "event_log_storage": {
                "module": module,
                "class": name,
                "config": {"base_dir": str(folder / "events")},
            },
            "telemetry": {"enabled": False},
        },
    )


@dg.asset(check_specs=[dg.AssetCheckSpec("gate", asset="thing")])
def thing() -> dg.MaterializeResult:  # type: ignore[type-arg]
    return dg.MaterializeResult(
        metadata={"rows": 3}, check_results=[dg.AssetCheckResult(passed=True)]
    )


def night(folder: Path, module: str, name: str) -> tuple[list[tuple[Any, ...]], dict[str, int]]:
    """A small run's events as any reader gets them, and how many rows each database of the folder
    holds.
    """
    with instance(folder, module, name) as dagster:
        result = dg.materialize([thing], instance=dagster)
        records = dagster.get_records_for_run(result.run_id).records
        events = [
            (event.event_type, event.step_key)
            for record in records
            if (event := record.event_log_entry.dagster_event)
        ]
        assert dagster.get_latest_materialization_event(dg.AssetKey("thing")) is not None
        dagster.dispose()
    rows = {}
    for path in sorted((folder / "events").glob("*.db")):
        with sqlite3.connect(path) as connection:
            rows["index" if path.stem == "index" else "run"] = connection.execute(
                "SELECT count(*) FROM event_logs"
            ).fetchone()[0]
    return events, rows


@pytest.mark.slow
def test_it_keeps_what_dagsters_own_class_keeps(tmp_path: Path) -> None:
    own = night(tmp_path / "own", "dagster._core.storage.event_log", "SqliteEventLogStorage")
    ours = night(tmp_path / "ours", "customer_intel.orchestration.event_log", "EventLog")
    assert ours == own
    assert (dg.DagsterEventType.ASSET_CHECK_EVALUATION, "thing") in own[0]


def test_dagsters_own_class_reads_what_it_wrote(tmp_path: Path) -> None:
    log = EventLog(str(tmp_path))
    for number in range(3):
        log.store_event(entry(RUNS[0], f"m{number}"))
    log.dispose()
    assert messages(SqliteEventLogStorage(str(tmp_path)), RUNS[0]) == ["m0", "m1", "m2"]


@pytest.mark.slow
def test_many_threads_over_more_runs_than_stay_open_lose_nothing(tmp_path: Path) -> None:
    log = EventLog(str(tmp_path))

    def write(thread: int) -> None:
        for number in range(12):
            log.store_event(entry(RUNS[(thread + number) % len(RUNS)], f"{thread}/{number}"))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))
    found = sorted(message for run in RUNS for message in messages(log, run))
    assert found == sorted(f"{thread}/{number}" for thread in range(6) for number in range(12))
    assert len(log._engines) <= KEPT_OPEN + 1
    log.dispose()
    assert not log._engines


def test_a_batch_is_stored_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = EventLog(str(tmp_path))
    log.store_event_batch([entry(RUNS[0], "m0"), entry(RUNS[0], "m1")])
    own = log.prepare_insert_event

    def failing(event: dg.EventLogEntry) -> Any:
        if event.user_message == "m3":
            raise sqlite3.OperationalError("disk I/O error")
        return own(event)

    monkeypatch.setattr(log, "prepare_insert_event", failing)
    with pytest.raises(sqlite3.OperationalError):
        log.store_event_batch([entry(RUNS[0], "m2"), entry(RUNS[0], "m3")])
    log.store_event(entry(RUNS[0], "m4"))
    assert messages(log, RUNS[0]) == ["m0", "m1", "m4"]
    log.dispose()


def test_what_this_process_materializes_is_read_as_it_was_last(tmp_path: Path) -> None:
    module = "customer_intel.orchestration.event_log"
    with instance(tmp_path / "own", module, "EventLog") as dagster:
        runs = []
        for _ in range(2):
            runs.append(dg.materialize([thing], instance=dagster).run_id)
            for _ in range(2):
                record = dagster.get_asset_records([dg.AssetKey("thing")])[0]
                assert record.asset_entry.last_run_id == runs[-1]
        assert dagster.get_asset_records([dg.AssetKey("other")]) == []
        dagster.wipe_assets([dg.AssetKey("thing")])
        assert dagster.get_asset_records([dg.AssetKey("thing")]) == []


def test_another_process_writes_while_this_one_holds_its_connection(tmp_path: Path) -> None:
    mine, other = EventLog(str(tmp_path)), EventLog(str(tmp_path))
    for number in range(4):
        (mine if number % 2 else other).store_event(entry(RUNS[0], f"m{number}"))
        assert (
            messages(mine, RUNS[0])
            == messages(other, RUNS[0])
            == [f"m{n}" for n in range(number + 1)]
        )
    mine.dispose()
    other.dispose()


def test_a_running_run_is_followed_while_its_writer_keeps_the_database_open(tmp_path: Path) -> None:
    writer, reader = EventLog(str(tmp_path)), EventLog(str(tmp_path))
    writer.store_event(entry(RUNS[0], "first"))
    seen: list[str] = []
    arrived = threading.Event()

    def callback(event: dg.EventLogEntry, _: str) -> None:
        seen.append(event.user_message)
        arrived.set()

    reader.watch(RUNS[0], None, callback)
    try:
        writer.store_event(entry(RUNS[0], "second"))
        assert arrived.wait(10)
        assert wait_for(lambda: seen == ["first", "second"])
    finally:
        reader.end_watch(RUNS[0], callback)
        reader.dispose()
        writer.dispose()


def test_a_wiped_log_starts_anew(tmp_path: Path) -> None:
    log = EventLog(str(tmp_path))
    log.store_event(entry(RUNS[0], "old"))
    log.wipe()
    log.store_event(entry(RUNS[0], "new"))
    assert messages(log, RUNS[0]) == ["new"]
    log.dispose()


def test_an_event_that_cannot_be_stored_leaves_the_connection_usable(tmp_path: Path) -> None:
    log = EventLog(str(tmp_path))
    with pytest.raises(sqlite3.Error), log.run_connection(RUNS[0]) as connection:
        connection.exec_driver_sql("CREATE TABLE half (x INTEGER)")
        raise sqlite3.OperationalError("the caller's")
    log.store_event(entry(RUNS[0], "after"))
    assert messages(log, RUNS[0]) == ["after"]
    log.dispose()


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> bool:
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.05)
    return condition()
