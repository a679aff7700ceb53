"""What is computed by changed days equals what is computed whole, table by table, night after night."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest

import customer_intel.ingest  # noqa: F401  (registers how exports are taken)
from customer_intel.core.contract import load as contract
from customer_intel.core.engine import EngineSettings
from customer_intel.core.night import build as step
from customer_intel.core.night import incremental
from customer_intel.core.night.night import Night
from customer_intel.core.store.lake import Lake
from customer_intel.core.tables import definition as table
from customer_intel.core.tables.definition import Definition
from customer_intel_tests.unit.core.changing_company import ChangingCompany

BY_DAY = tuple(name for name, t in contract.load().tables.items() if t.day_column or t.incremental)


def _wanted(names: tuple[str, ...]) -> dict[str, Definition]:
    """Definitions of `names` and of all that they follow from, in order."""
    made = table.definitions(contract.load())
    wanted = set(names)
    while more := {other for name in wanted for other in made[name].depends_on} - wanted:
        wanted |= more
    return {name: definition for name, definition in made.items() if name in wanted}


def _run(home: Path, day: date, definitions: dict[str, Definition], full: bool) -> None:
    """`full`: every table whole, and so in stretches of few rows, as a history is that does not fit into memory."""
    night = Night(home, home / "landing", day, f"s{day}", contract.load(), EngineSettings(), full)
    with pytest.MonkeyPatch.context() as patch:
        if full:
            patch.setattr(incremental, "STRETCH_ROWS", 300)
        for definition in definitions.values():
            outcome = step.build(night, definition)
            assert outcome.passed, (outcome.table, outcome.reason)


def _nights(tmp_path: Path, seed: int, nights: int, names: tuple[str, ...]) -> Counter[str]:
    delta, full = tmp_path / "delta", tmp_path / "full"
    company = ChangingCompany(seed, delta / "landing", full / "landing")
    definitions, chance = _wanted(names), random.Random(seed)
    written: Counter[str] = Counter()
    day = company.first()
    for number in range(nights + 1):
        if number:
            # A night that was skipped: its exports come with the next ones.
            for _ in range(2 if chance.random() < 0.2 else 1):
                day = company.next(day + timedelta(1))
            if chance.random() < 0.2:
                # A night that ended in the middle.
                half = dict(list(definitions.items())[: chance.randrange(20, len(definitions))])
                _run(delta, day, half, full=False)
        kept = {name: Lake(delta).current(name) for name in BY_DAY}
        _run(delta, day, definitions, full=False)
        _run(full, day, definitions, full=True)
        for name in definitions:
            now, whole = Lake(delta).current(name), Lake(full).current(name)
            assert now and whole
            assert now.sha256 == whole.sha256, (name, str(day), company.changes)
            before = kept.get(name)
            if before and number:
                written[name] += sum(
                    before.parts.get(key) != part for key, part in now.parts.items()
                )
                written[f"days of {name}"] += len(now.parts)
    return written


def test_changed_days_equal_a_full_build(tmp_path: Path) -> None:
    written = _nights(tmp_path, seed=5, nights=2, names=BY_DAY)
    # And they are few.
    assert written["events"] < written["days of events"] / 2


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_changed_days_equal_a_full_build_for_long(tmp_path: Path, seed: int) -> None:
    everything = tuple(contract.load().tables)
    _nights(tmp_path, seed=seed, nights=10, names=everything if seed == 0 else BY_DAY)
