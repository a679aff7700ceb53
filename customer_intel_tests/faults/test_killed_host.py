"""A host that dies under the daemon: the next start closes its run, and catches the night up."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from customer_intel.core.store.release import Published
from customer_intel.demo import simulate
from customer_intel_tests.browser.ui import Ui, customer_intel, serve, until
from customer_intel_tests.whole_nights import accepted

pytestmark = pytest.mark.faults

NEVER = "0 4 29 2 *"
EACH_MINUTE = "* * * * *"
# What is there when the host dies: a run in that state, or so many tables of the night.
MOMENTS = ["STARTING", "STARTED", 1, 20, 50, 80, 110, 130, "staged", "published"]


def killed(ui: Ui) -> None:
    """Every process of the daemon's group dies at once, as with its host."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(ui.process.pid, signal.SIGKILL)
    until("the group to be gone", lambda: not ui.children() or None, 20, every=0.05)
    ui.process.wait(10)


def arrived(home: Path, ui: Ui, moment: str | int, before: float) -> bool:
    if moment in ("STARTING", "STARTED"):
        return any(run["status"] == moment for run in ui.runs())
    if moment == "staged":
        return bool(list(home.glob("published/.staging/*/*.parquet")))
    if moment == "published":
        pointer = home / "published/CURRENT.json"
        return pointer.exists() and pointer.stat().st_mtime > before
    new = [p for p in home.glob("lake/*/CURRENT.json") if p.stat().st_mtime > before]
    return len(new) >= int(moment)


def caught_up(home: Path, folder: Path, moment: str | int) -> tuple[float, float, list[str]]:
    """Kills a night of the daemon at the moment, starts it again. (seconds until the dead run is
    closed, until the night is published by another run, the runs' states), from the second start.
    """
    before = time.time()
    with serve(home, folder / "first.log", CUSTOMER_INTEL_CRON=EACH_MINUTE) as ui:
        until(f"the moment {moment}", lambda: arrived(home, ui, moment, before), 150, every=0.02)
        killed(ui)
    began = time.monotonic()
    with serve(home, folder / "second.log", CUSTOMER_INTEL_CRON=NEVER) as ui:
        dead = ui.runs()[-1]

        def closed() -> dict[str, Any] | None:
            run = next(run for run in ui.runs() if run["runId"] == dead["runId"])
            return run if run["status"] in ("SUCCESS", "FAILURE", "CANCELED") else None

        until("the dead run to be closed", closed, 150, every=0.2)
        seconds = time.monotonic() - began
        until(
            "a good night", lambda: any(r["status"] == "SUCCESS" for r in ui.runs()), 200, every=0.5
        )
        return seconds, time.monotonic() - began, [run["status"] for run in ui.runs()]


@pytest.mark.parametrize("moment", [20, "staged"])
def test_r2_the_next_start_closes_a_killed_hosts_run_and_catches_the_night_up(
    moment: str | int, tmp_path: Path, figure: Callable[[str], None]
) -> None:
    home = tmp_path / "home"
    simulate(home / "landing", customers=60, days=90, seed=9)
    twin = tmp_path / "twin"
    shutil.copytree(home, twin)
    closing, green, states = caught_up(home, tmp_path, moment)
    assert closing < 120, "closed within two minutes of the next start"
    assert states.count("SUCCESS") == 1 and "STARTED" not in states
    current = Published(home).current()
    assert current and not Published(home).verify()
    alone = customer_intel("run", "--home", str(twin), "--as-of", current.as_of)
    assert alone.returncode == 0, alone.stdout + alone.stderr
    assert accepted(home) == accepted(twin)
    figure(
        f"R2 host killed under the daemon at {moment}: run closed {closing:.0f} s after the next "
        f"start, night published after {green:.0f} s"
    )
