"""Whole nights of the demo company in the nursery's forks, gates in the same process; not a test
itself.
"""

from __future__ import annotations

import hashlib
import locale
import os
import signal
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from customer_intel import open_release
from customer_intel.core.gate import gate
from customer_intel.core.night import build as step
from customer_intel.core.store.lake import Lake, home_lock
from customer_intel.core.store.release import Published, recover
from customer_intel_tests.faults.small import leftovers
from customer_intel_tests.whole_nights import Steps, accepted


class _Here:
    """In the helper's place: a fork has all imports, and ends with what it does."""

    def call(self, function: Callable[..., Any], *args: Any, seconds: float) -> Any:
        return function(*args)

    def post(self, function: Callable[..., Any], *args: Any) -> None:
        pass


gate.load()
step.helper = _Here()  # type: ignore[assignment]


def night(home: str, as_of: str, environment: dict[str, str] | None = None) -> dict[str, str]:
    """Runs the night as a job does, and publishes. Returns table → sha256."""
    for name, value in (environment or {}).items():
        os.environ[name] = value
    if environment:
        time.tzset()
        speaks(environment.get("LC_ALL", "C"))
    with home_lock(Path(home)):
        recover(Path(home))
        steps = Steps(Path(home), date.fromisoformat(as_of))
        outcomes = steps.build()
        closed = [
            f"{name}: {outcome.reason}" for name, outcome in outcomes.items() if not outcome.passed
        ]
        assert not closed, closed
        steps.publish()
    return accepted(Path(home))


def speaks(name: str) -> bool:
    """Takes the locale, where this machine has it."""
    try:
        locale.setlocale(locale.LC_ALL, name)
    except locale.Error:
        return False
    return True


def tables(home: str, as_of: str, names: Sequence[str], then_die: bool = False) -> dict[str, str]:
    """Builds some tables as a resumed run does. `then_die`: killed as soon as they are accepted."""
    with home_lock(Path(home)):
        recover(Path(home))
        outcomes = Steps(Path(home), date.fromisoformat(as_of)).build(names)
        closed = [
            f"{name}: {outcome.reason}" for name, outcome in outcomes.items() if not outcome.passed
        ]
        assert not closed, closed
        if then_die:
            os.kill(os.getpid(), signal.SIGKILL)
    return accepted(Path(home))


def state(home: str) -> dict[str, Any]:
    """What stands: accepted tables, the release, whether every byte of it is whole, what a killed
    run left.
    """
    path = Path(home)
    release = open_release(path)
    release_tables = release.manifest["tables"]
    return {
        "accepted": accepted(path),
        "as_of": release.as_of,
        "published": {name: table["sha256"] for name, table in release_tables.items()},
        "faults": Published(path).verify(),
        "leftovers": leftovers(path),
    }


def few(
    home: str, as_of: str, names: Sequence[str], environment: dict[str, str] | None = None
) -> dict[str, str]:
    """Like `tables`, with settings of its own."""
    os.environ.update(environment or {})
    return tables(home, as_of, names)


def rows(home: str, names: Sequence[str]) -> dict[str, tuple[int, str]]:
    """table → rows, and a hash of what they say apart from the night's own stamps."""
    import polars as pl

    found = {}
    for name in names:
        frame = pl.concat([pl.read_parquet(path) for path in Lake(Path(home)).files(name)])
        frame = frame.drop("as_of", "snapshot_id", strict=False)
        text = frame.sort(frame.columns).write_csv()
        found[name] = (frame.height, hashlib.sha256(text.encode()).hexdigest()[:12])
    return found
