"""`make bench`: where a night's time goes, and ratios that hold on any machine. Prints; asserts
nothing.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from customer_intel_tests import bench_behaviour, bench_ingest, bench_scale
from customer_intel_tests.bench_identity import million, side_by_side

CUSTOMERS = 5000
ROWS = int(os.environ.get("BENCH_ROWS", 50_000_000))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        night(Path(folder) / "home")
        print(f"event log, Dagster's own class / ours: {event_log_ratio(Path(folder)):.1f} ×")
    with tempfile.TemporaryDirectory() as folder:
        print(bench_ingest.ratio(Path(folder), ROWS))
    sizes = [int(float(size)) for size in os.environ.get("BENCH_EVENTS", "1e6").split()]
    bench_scale.sizes(*sizes)
    bench_behaviour.main([str(sizes[-1])])
    side_by_side.main()
    million.main()


def night(home: Path) -> None:
    """The demo company's whole history in one night, then the same night again."""
    command = [sys.executable, "-m", "customer_intel.cli"]
    first = json.loads(
        subprocess.run(
            [*command, "demo", "--customers", str(CUSTOMERS), "--home", str(home), "--json"],
            check=True,
            capture_output=True,
        ).stdout
    )
    again = json.loads(
        subprocess.run(
            [*command, "run", "--home", str(home), "--json"], check=True, capture_output=True
        ).stdout
    )
    for name, run in (("whole history", first), ("the same again", again)):
        phases = ", ".join(
            f"{phase} {seconds:.1f}" for phase, seconds in run["seconds_by_phase"].items()
        )
        print(
            f"{CUSTOMERS:,} customers, {name}: {run['seconds']:.1f} s, {run['cpu_seconds']:.1f} "
            f"CPU-s ({phases})"
        )
    slowest = sorted(first["tables"].items(), key=lambda item: -sum(item[1]["seconds"].values()))[
        :8
    ]
    print(
        "  slowest tables, s: "
        + ", ".join(f"{table} {sum(facts['seconds'].values()):.1f}" for table, facts in slowest)
    )
    same = [
        again["tables"][name]["sha256"] == facts["sha256"]
        for name, facts in first["tables"].items()
    ]
    print(f"  the same again: {sum(same)} of {len(same)} tables with equal hashes")


def event_log_ratio(folder: Path) -> float:
    import dagster as dg
    from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

    from customer_intel.orchestration.event_log import EventLog

    logging.disable(logging.CRITICAL)

    def store(kind: type[SqliteEventLogStorage]) -> Callable[[], None]:
        log = kind(str(folder / kind.__name__))
        with dg.DagsterInstance.ephemeral() as instance:

            @dg.asset
            def table() -> None: ...

            result = dg.materialize([table], instance=instance)
            events = [entry for entry in instance.all_logs(result.run_id) if entry.is_dagster_event]

        def run() -> None:
            for _ in range(10):
                for event in events:
                    log.store_event(event)

        return run

    return _seconds(store(SqliteEventLogStorage)) / _seconds(store(EventLog))


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
