"""P1 over whole nights, D1, D2: the same bytes whatever the machine does, and however often a night
is killed.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from customer_intel.core.contract import load as contract
from customer_intel.core.night import build as step
from customer_intel.core.tables import definition as table
from customer_intel.demo import simulate
from customer_intel_tests.faults.nursery import Nursery
from customer_intel_tests.house import House
from customer_intel_tests.whole_nights import FIRST, SECOND

pytestmark = pytest.mark.nights

KILLS, IN_A_ROW = 40, 4
PLACES = (
    {"CUSTOMER_INTEL_THREADS": "1", "TZ": "UTC", "LC_ALL": "C"},
    {"CUSTOMER_INTEL_THREADS": "2", "TZ": "Asia/Kathmandu", "LC_ALL": "C.UTF-8"},
    {"CUSTOMER_INTEL_THREADS": "4", "TZ": "America/New_York", "LC_ALL": "de_DE.UTF-8"},
    {"CUSTOMER_INTEL_THREADS": "8", "TZ": "Pacific/Chatham", "LC_ALL": "tr_TR.UTF-8"},
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("whole")
    if os.access("/dev/shm", os.W_OK):
        made = Path("/dev/shm") / f"{made.name}-{os.getpid()}"
        made.mkdir()
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def whole_nursery() -> Iterator[Nursery]:
    kept = {"OPENBLAS_NUM_THREADS": "1", "CUSTOMER_INTEL_FIRST_EXPORT_DATE": "2018-01-01"}
    modules = (
        "pandas",
        "sklearn.linear_model",
        "sklearn.ensemble",
        "dagster",
        "customer_intel_tests.faults.whole",
    )
    with Nursery(*modules, environment=kept) as made:
        yield made


@pytest.fixture(scope="module")
def first(folder: Path, whole_nursery: Nursery) -> Path:
    """A small company's home after its first night; the second night's exports lie in landing/."""
    from customer_intel_tests.faults import whole

    simulate(folder / "first/landing", customers=40, days=120, seed=9, nights=2)
    ended = whole_nursery.run(whole.night, folder / "first", FIRST)
    assert ended.ok, ended.error
    return folder / "first"


@pytest.fixture(scope="module")
def undisturbed(first: Path, whole_nursery: Nursery) -> tuple[dict[str, Any], float]:
    """What stands after the second night, and how many seconds it took."""
    from customer_intel_tests.faults import whole

    home, begun = copied(first, "undisturbed"), time.monotonic()
    ended = whole_nursery.run(whole.night, home, SECOND)
    assert ended.ok, ended.error
    spent = time.monotonic() - begun
    found = dict(whole_nursery.run(whole.state, home).value)
    assert found["accepted"] == ended.value and not found["faults"] and not found["leftovers"]
    assert found["as_of"] == str(SECOND) and len(found["accepted"]) > 80
    return found, spent


def copied(home: Path, name: str) -> Path:
    """A home of its own: exports are copies, which is what intake wants; what never changes is
    shared.
    """
    to = home.parent / name
    shutil.copytree(home / "landing", to / "landing")
    for part in ("lake", "published", "quarantine"):
        shutil.copytree(home / part, to / part, symlinks=True, copy_function=os.link)
    return to


@pytest.mark.faults
def test_p1_a_killed_night_loses_nothing_and_the_next_run_alone_recovers(
    first: Path,
    undisturbed: tuple[dict[str, Any], float],
    whole_nursery: Nursery,
    figure: Callable[[str], None],
) -> None:
    from customer_intel_tests.faults import whole

    wanted, seconds = undisturbed
    dice = random.Random(11)
    kills = nights = recovered = 0
    while kills < KILLS:
        home = copied(first, "killed")
        for _ in range(IN_A_ROW):
            # Forking takes a moment of its own; the last of a night is where its publication is.
            ended = whole_nursery.run(
                whole.night, home, SECOND, kill_after=seconds * dice.uniform(0.02, 0.98)
            )
            assert ended.killed or ended.ok, ended.error
            kills, nights = kills + ended.killed, nights + 1
            between = whole_nursery.run(whole.state, home).value
            assert not between["faults"], "readers see a whole release"
            assert between["as_of"] in (str(FIRST), str(SECOND))
        begun = time.monotonic()
        assert whole_nursery.run(whole.night, home, SECOND).ok
        # How long a night takes depends on what else this machine does just now.
        seconds = time.monotonic() - begun
        assert whole_nursery.run(whole.state, home).value == wanted
        recovered += 1
        shutil.rmtree(home)
    figure(
        f"P1 whole nights: {kills} kills in {nights} nights, {recovered} homes recovered by one "
        "run, 0 rows lost"
    )


@pytest.mark.faults
def test_d1_threads_file_order_zone_and_locale_do_not_change_a_byte(
    first: Path,
    undisturbed: tuple[dict[str, Any], float],
    whole_nursery: Nursery,
    figure: Callable[[str], None],
) -> None:
    from customer_intel_tests.faults import whole

    spoken = sum(whole_nursery.run(whole.speaks, place["LC_ALL"]).value for place in PLACES)
    for number, place in enumerate(PLACES):
        home = copied(first, f"place{number}")
        shutil.rmtree(home / "landing")
        files = [path for path in sorted((first / "landing").rglob("*")) if path.is_file()]
        random.Random(number).shuffle(files)
        for path in files:
            to = home / path.relative_to(first)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, to)
        ended = whole_nursery.run(whole.night, home, SECOND, place)
        assert ended.ok, ended.error
        changed = {
            name for name, sha in undisturbed[0]["accepted"].items() if ended.value[name] != sha
        }
        assert not changed, (place, changed)
        shutil.rmtree(home)
    figure(
        f"D1 {len(PLACES)} nights at 1, 2, 4, 8 threads, in other zones, file orders and locales "
        f"({spoken} of "
        f"{len(PLACES)} are installed here): same sha256 of each of "
        f"{len(undisturbed[0]['accepted'])} tables"
    )


@pytest.mark.slow
def test_d1_a_miniature_night_has_the_same_bytes_at_1_2_4_8_threads(
    make_house: Callable[[str], House], figure: Callable[[str], None]
) -> None:
    shas = set()
    for threads in (1, 2, 4, 8):
        house = make_house(str(threads))
        house.write(
            "room/base.sql",
            "SELECT CAST(i % 997 AS VARCHAR) AS customer_id, DATE '2023-12-01' + CAST(i // 997 AS "
            "INTEGER) AS day, "
            "CAST(1 + i % 3 AS BIGINT) AS orders, CAST(i % 7919 AS DECIMAL(18,2)) AS revenue "
            "FROM (SELECT unnest(range(30000)) AS i)",
        )
        made = house.night()
        made = replace(made, engine=replace(made.engine, threads=threads))
        versions = [
            step.build(made, definition).version for definition in house.definitions.values()
        ]
        shas.add(tuple(version.sha256 for version in versions if version))
    assert len(shas) == 1 and len(next(iter(shas))) == 2
    figure("D1 miniature: 30,000 rows at 1, 2, 4, 8 threads: same sha256")


@pytest.mark.faults
def test_d2_killed_after_each_asset_and_resumed_gives_the_same_bytes(
    first: Path,
    undisturbed: tuple[dict[str, Any], float],
    whole_nursery: Nursery,
    figure: Callable[[str], None],
) -> None:
    from customer_intel_tests.faults import whole

    home, names = copied(first, "resumed"), list(table.definitions(contract.load()))
    for name in names:
        assert whole_nursery.run(whole.tables, home, SECOND, [name], True).killed
    ended = whole_nursery.run(whole.night, home, SECOND)
    assert ended.ok, ended.error
    assert whole_nursery.run(whole.state, home).value == undisturbed[0]
    figure(f"D2 killed after each of {len(names)} assets, resumed after it each time: same bytes")


def test_d2_a_miniature_night_killed_after_its_first_table_resumes_to_the_same_bytes(
    make_house: Callable[[str], House],
) -> None:
    shas = []
    for stops in (False, True):
        house = make_house(str(stops))
        names = list(house.definitions)
        for done in [names[:1], names] if stops else [names]:
            made = house.night(date(2024, 1, 3))
            built = {name: step.build(made, house.definitions[name]) for name in done}
            with suppress(FileNotFoundError):
                shutil.rmtree(house.home / "lake/.candidates")
        shas.append([outcome.version.sha256 for outcome in built.values() if outcome.version])
    assert shas[0] == shas[1]
