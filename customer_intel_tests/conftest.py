"""Fixtures that several tiers share: a miniature house, and where the real data lies.

Fixtures import what they make: the process that only hands out tests reads this file too.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from customer_intel_tests.house import House
    from customer_intel_tests.whole_nights import Demo

# As in a night's own process: many long-lived objects, little garbage.
gc.set_threshold(200_000, 20, 100)

# Workers share the cores: threads of one that wait for threads of another cost a fifth of the whole
# suite's time.
# Polars reads this when it is imported.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("POLARS_MAX_THREADS", "1")

# Dagster's definitions are made once a process; homes of several dates share it.
os.environ.setdefault("CUSTOMER_INTEL_FIRST_EXPORT_DATE", "2018-01-01")


@pytest.fixture(autouse=True)
def _own_environment() -> Iterator[None]:
    """What a command sets for its process's steps (`run --landing`, `--as-of`) ends with the test that ran it."""
    prefix = "CUSTOMER_INTEL_"
    before = {name: value for name, value in os.environ.items() if name.startswith(prefix)}
    yield
    for name in [name for name in os.environ if name.startswith(prefix)]:
        if name not in before:
            del os.environ[name]
    os.environ.update(before)
    if dates := sys.modules.get("customer_intel.orchestration.export_dates"):
        dates.asked.clear()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--sample",
        metavar="N[:OFFSET]",
        help=(
            "run every N-th of the selected tests; which ones follows from the commit, so that "
            "N commits or so see all of them. OFFSET repeats a choice"
        ),
    )


def _sample(config: pytest.Config) -> tuple[int, int]:
    """(N, offset), from the option; (1, 0) without."""
    every, _, offset = str(config.getoption("--sample") or "1").partition(":")
    if every != "1" and not offset:
        head = ["git", "rev-parse", "HEAD"]
        root = Path(__file__).parent
        commit = subprocess.run(head, capture_output=True, text=True, check=False, cwd=root).stdout
        offset = str(int(commit[:8] or "0", 16) % int(every))
    return int(every), int(offset or 0)


def pytest_report_header(config: pytest.Config) -> list[str]:
    every, offset = _sample(config)
    return [f"every {every}. test; repeat with --sample {every}:{offset}"] if every > 1 else []


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """One module that needs the demo's nights first, the others last: who would wait for them has
    work meanwhile.
    """
    needing = {item.path for item in items if "demo_folder" in getattr(item, "fixturenames", ())}
    first = next((item.path for item in items if item.path in needing), None)
    items.sort(key=lambda item: 0 if item.path == first else 2 if item.path in needing else 1)
    every, offset = _sample(config)
    left_out = [item for at, item in enumerate(items) if (at + offset) % every]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for at, item in enumerate(items) if not (at + offset) % every]


@pytest.fixture
def house(tmp_path: Path) -> House:
    from customer_intel_tests.house import House

    return House(tmp_path)


@pytest.fixture
def make_house(tmp_path: Path) -> Callable[[str], House]:
    from customer_intel_tests.house import House

    return lambda name: House(tmp_path / name)


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all workers find the demo company's homes."""
    folder = tmp_path_factory.getbasetemp()
    return (folder.parent if os.environ.get("PYTEST_XDIST_WORKER") else folder) / "demo_nights"


@pytest.fixture(scope="session")
def demo_night(demo_folder: Path) -> Path:
    """The demo company's home after its first night, made once for all workers."""
    from customer_intel_tests.whole_nights import first_night

    return first_night(demo_folder)


@pytest.fixture(scope="session")
def demo_nights(demo_folder: Path) -> Demo:
    """The demo company's two nights, made once for all workers."""
    from customer_intel_tests.whole_nights import demo

    return demo(demo_folder)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data, used in place; tests that need it skip where it is absent."""
    default = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
    folder = Path(os.environ.get("CUSTOMER_INTEL_SHARED_DATA", default))
    if not (folder / "expected_dq.json").exists():
        pytest.skip(
            "the real data sets (../shared/data or CUSTOMER_INTEL_SHARED_DATA) are not on this "
            "machine"
        )
    return folder
