"""`customer-intel dev` over a home, as a user starts it, and what a test asks of it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEMO_NIGHT = "2026-06-30"
LOCATION = "customer_intel.definitions"
RUNS = "{runsOrError(limit: 20) {... on Runs {results {runId jobName status tags {key value}}}}}"
READY = "{workspaceOrError {... on Workspace {locationEntries {locationOrLoadError {__typename}}}}}"
TICKS = "query($s: %s!) {%s(%s: $s) {... on %s {%s {ticks(limit: 5) {status runIds}}}}}"
SCHEDULE = TICKS % (
    "ScheduleSelector",
    "scheduleOrError",
    "scheduleSelector",
    "Schedule",
    "scheduleState",
)
SENSOR = TICKS % ("SensorSelector", "sensorOrError", "sensorSelector", "Sensor", "sensorState")


def customer_intel(*arguments: str, seconds: float = 400) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own; the caller looks at its exit code."""
    command = [sys.executable, "-m", "customer_intel.cli", *arguments]
    return subprocess.run(
        command, env=_environment({}), capture_output=True, text=True, timeout=seconds, check=False
    )


def until(what: str, found: Callable[[], Any], seconds: float, every: float = 0.5) -> Any:
    """The first true answer of `found`; fails with `what` was waited for after `seconds`."""
    end = time.monotonic() + seconds
    while not (answer := found()):
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:.0f} s for {what}")
        time.sleep(every)
    return answer


@dataclass
class Ui:
    url: str
    home: Path
    log: Path
    process: subprocess.Popen[bytes]

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"{self.url}/graphql", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            data: dict[str, Any] = json.load(answer)
        assert "errors" not in data, data["errors"]
        return dict(data["data"])

    def runs(self) -> list[dict[str, Any]]:
        """The latest runs, newest first, their tags as a mapping."""
        found = self.ask(RUNS)["runsOrError"]["results"]
        return [{**run, "tags": {tag["key"]: tag["value"] for tag in run["tags"]}} for run in found]

    def ended(self, run_id: str, seconds: float = 240) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            run = next(run for run in self.runs() if run["runId"] == run_id)
            return run if run["status"] in ("SUCCESS", "FAILURE", "CANCELED") else None

        return dict(until(f"run {run_id} to end", found, seconds, every=1))

    def ticks(self, query: str, **name: str) -> list[dict[str, Any]]:
        selector = {"repositoryName": "__repository__", "repositoryLocationName": LOCATION, **name}
        answer = next(iter(self.ask(query, s=selector).values()))
        return list(next(iter(answer.values()))["ticks"])

    def children(self) -> list[int]:
        """Every living process of the group that was started."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                state, _, group = stat.read_text().rpartition(")")[2].split()[:3]
                if int(group) == self.process.pid and state != "Z":
                    found.append(int(stat.parent.name))
        return found

    def stop(self, seconds: float = 30) -> list[int]:
        """Ends it as a service manager would, by one SIGTERM; kills and returns what is left after
        `seconds`.
        """
        if self.process.poll() is None:
            self.process.terminate()
        end = time.monotonic() + seconds
        while (left := self.children()) and time.monotonic() < end:
            self.process.poll()
            time.sleep(0.2)
        if left:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)
        return left


@contextlib.contextmanager
def serve(home: Path, log: Path, **environment: str) -> Iterator[Ui]:
    """The UI on a free port, ready when its code location is loaded; ended with all its children."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "customer_intel.cli",
        "dev",
        "--home",
        str(home),
        "--port",
        str(port),
    ]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command,
            env=_environment(environment),
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    ui = Ui(f"http://127.0.0.1:{port}", home, log, process)

    def ready() -> bool:
        assert process.poll() is None, f"customer-intel dev ended early:\n{log.read_text()[-3000:]}"
        with contextlib.suppress(OSError):
            entries = ui.ask(READY)["workspaceOrError"]["locationEntries"]
            loaded = [entry["locationOrLoadError"] for entry in entries]
            assert {"__typename": "PythonError"} not in loaded, log.read_text()[-3000:]
            return bool(loaded) and all(loaded)
        return False

    try:
        until("the UI to load the definitions", ready, 150)
        yield ui
    finally:
        ui.stop()


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    """This process's environment without what a developer's shell, or an earlier test, set for the
    product.
    """
    kept = {
        k: v for k, v in os.environ.items() if not k.startswith(("CUSTOMER_INTEL_", "DAGSTER_"))
    }
    return {**kept, **extra}
