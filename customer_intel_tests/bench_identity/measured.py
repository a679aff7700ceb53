"""A command with what it used: seconds, CPU seconds and memory of its whole process tree.

Also run as a script, by a bare interpreter: a child starts with the peak of its parent's memory, so
that whoever measures must be small.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

EVERY = 0.2


@dataclass(frozen=True)
class Used:
    """`peak_mb`: the largest process by its own count, or the tree's sum if that was larger."""

    seconds: float
    cpu_seconds: float
    peak_mb: int
    stdout: str


def measured(command: list[str], *, minutes: float = 15, cwd: Path | None = None) -> Used:
    """Raises subprocess.CalledProcessError when the command fails, TimeoutExpired after `minutes`."""
    run = subprocess.run(
        [sys.executable, "-I", "-S", __file__, str(minutes * 60), *command],
        capture_output=True, text=True, cwd=cwd, check=False,
    )  # fmt: skip
    if run.returncode == 124:
        raise subprocess.TimeoutExpired(command, minutes * 60)
    if run.returncode:
        raise subprocess.CalledProcessError(run.returncode, command, run.stdout, run.stderr)
    return Used(**json.loads(run.stdout))


def main() -> int:
    limit, command = float(sys.argv[1]), sys.argv[2:]
    started = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
    peak, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(EVERY):
            peak[0] = max(peak[0], sum(_kilobytes(pid) for pid in _tree(child.pid)))

    # A thread reads the output and one watches, so that neither a full pipe nor a wait stops both.
    told: list[bytes] = []
    reader = threading.Thread(target=lambda: told.append(child.stdout.read()))  # type: ignore[union-attr]
    watcher = threading.Thread(target=watch, daemon=True)
    reader.start()
    watcher.start()
    killer = threading.Timer(limit, os.killpg, (child.pid, signal.SIGKILL))
    killer.start()
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - started
    killer.cancel()
    done.set()
    reader.join()
    code = os.waitstatus_to_exitcode(status)
    if code:
        return 124 if seconds >= limit else 1
    answer = {
        "seconds": round(seconds, 2),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 2),
        "peak_mb": max(usage.ru_maxrss, peak[0]) // 1024,
        "stdout": told[0].decode(),
    }
    print(json.dumps(answer))
    return 0


def _tree(root: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for entry in (path.name for path in Path("/proc").iterdir()):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as file:  # noqa: PTH123
                    parent = int(file.read().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            parents.setdefault(parent, []).append(int(entry))
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += parents.get(pid, [])
    return found


def _kilobytes(pid: int) -> int:
    """The process's share of memory: pages that several hold count once in all."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:  # noqa: PTH123
            for line in file:
                if line.startswith("Pss:"):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
