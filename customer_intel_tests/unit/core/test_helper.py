"""The process beside: it answers, and when it cannot, the gate stays closed and the night goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from customer_intel.core.contract.load import load
from customer_intel.core.gate import gate
from customer_intel.core.night.worker import Helper, HelperFailed

# Functions of the standard library, so that the helper can find them wherever it runs.
SOON = 30.0


@pytest.fixture
def helper() -> Iterator[Helper]:
    made = Helper()
    yield made
    made.stop()


def test_results_come_back_in_order_and_posted_work_is_not_waited_for(helper: Helper) -> None:
    helper.post(time.sleep, 0.2)
    helper.post(os.path.join, "never", "seen")
    assert helper.call(sum, [1, 2, 3], seconds=SOON) == 6
    assert helper.call(os.getpid, seconds=SOON) != os.getpid()
    assert helper.cpu_seconds > 0


def test_an_exception_is_an_answer_without_its_text(helper: Helper) -> None:
    with pytest.raises(HelperFailed, match="ValueError, whose text is withheld") as failed:
        helper.call(int, "secret@example.com", seconds=SOON)
    assert "secret" not in str(failed.value)
    assert helper.call(sum, [1], seconds=SOON) == 1


def test_work_that_hangs_is_given_up_and_the_next_is_done(helper: Helper) -> None:
    helper.call(os.getpid, seconds=SOON)
    with pytest.raises(HelperFailed, match="did not end within 0 s"):
        helper.call(time.sleep, 60, seconds=0.3)
    assert helper.call(sum, [1], seconds=SOON) == 1


def test_a_helper_that_dies_is_replaced(helper: Helper) -> None:
    with pytest.raises(HelperFailed, match="its process ended"):
        helper.call(os._exit, 1, seconds=SOON)
    assert helper.call(sum, [1], seconds=SOON) == 1


def test_it_ends_with_its_starter_even_when_that_is_killed() -> None:
    code = (
        "import os, time; from customer_intel.core.night.worker import Helper; h = Helper(); "
        "print(h.call(os.getpid, seconds=30), flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        starter.send_signal(signal.SIGKILL)
    until = time.monotonic() + SOON
    while _alive(pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _alive(pid)


def test_a_gate_that_cannot_answer_is_closed() -> None:
    verdict = gate.not_checked(load().table("orders"), "it did not end within 1 s")
    assert not verdict.passed
    assert all(
        not finding.success and finding.severity == "critical" for finding in verdict.findings
    )
    assert "did not end within 1 s" in verdict.failed[0].message


def _alive(pid: int) -> bool:
    try:
        with Path(f"/proc/{pid}/stat").open(encoding="ascii") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
