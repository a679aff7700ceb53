"""P1: killed at any point of acceptance and publication, while two engines read."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from customer_intel_tests.faults import small
from customer_intel_tests.faults.nursery import Nursery


@pytest.mark.parametrize(
    "kills",
    [pytest.param(25, marks=pytest.mark.slow), pytest.param(1000, marks=pytest.mark.faults)],
)
def test_readers_see_whole_releases_however_often_the_publisher_is_killed(
    kills: int, fast: Path, nursery: Nursery, figure: Callable[[str], None]
) -> None:
    home, stop = fast / "home", fast / "stop"
    home.mkdir()
    assert nursery.run(small.night, home, 0).ok
    command = [sys.executable, "-m", "customer_intel_tests.faults.small"]
    readers = {
        engine: subprocess.Popen([*command, engine, home, stop], stdout=subprocess.PIPE, text=True)
        for engine in ("duckdb", "polars")
    }
    try:
        ended = nursery.run(small.kill_nights, home, 7, kills)
    finally:
        stop.touch()
        seen = {
            engine: json.loads(reader.communicate(timeout=60)[0])
            for engine, reader in readers.items()
        }
    assert ended.ok, ended.error
    wrong = {
        engine: {
            what: found[what] for what in ("torn", "mixed", "backward", "errors", "first_error")
        }
        for engine, found in seen.items()
    }
    reads = {engine: (found["reads"], found["nights"]) for engine, found in seen.items()}
    figure(f"P1 kill -9: {ended.value}; reads and nights seen {reads}; wrong {wrong}")
    assert ended.value["inside"] >= kills and ended.value["by_call"] > kills / 10
    assert kills - ended.value["by_call"] > kills / 10, "both kinds of killer struck"
    assert all(not any(found.values()) for found in wrong.values())
    assert all(found["reads"] > kills / 5 and found["nights"] > 1 for found in seen.values())
