"""Sixty simulated quiet nights of seven sources, and what is planted in them: false alarms and misses, counted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from customer_intel_tests.unit.ingest.judged_nights import Facts, Intake, judged, nights
from customer_intel_tests.unit.ingest.planted_faults import FAULTS, Fault
from customer_intel_tests.unit.ingest.quiet_company import START, Company
from customer_intel_tests.unit.ingest.quiet_mappings import MAPPINGS

pytestmark = pytest.mark.slow

NIGHTS, STRUCK = 60, 45
Parts = list[tuple[Facts, Path]]


@pytest.fixture(scope="module", params=[21])
def company(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Company, Intake, Parts]]:
    made = Company(request.param, NIGHTS)
    intake = Intake(tmp_path_factory.mktemp("company"), MAPPINGS)
    yield made, intake, intake.take(made.files)


def test_sixty_quiet_nights_bring_one_false_alarm_at_most(
    company: tuple[Company, Intake, Parts],
) -> None:
    found = judged(company[2], nights(START, NIGHTS))
    assert len(found) <= 1, found.select("judged_on", "message").rows()


def test_every_planted_fault_is_told_on_its_night(company: tuple[Company, Intake, Parts]) -> None:
    missed = [fault.name for fault in FAULTS if not _is_told(company, fault, STRUCK)]
    assert missed == []


def _is_told(company: tuple[Company, Intake, Parts], fault: Fault, night: int) -> bool:
    made, intake, parts = company
    day = START + timedelta(days=night)
    before = [(facts, path) for facts, path in parts if facts["taken_on"] < day.isoformat()]
    rows = fault.strike(
        made.files[fault.mapping, day],
        _before(made, fault.mapping, day),
        made.files[fault.mapping, START],
    )
    new = intake.take({(fault.mapping, day): rows}, before) if rows is not None else []
    last = day + timedelta(days=fault.later)
    rest = [
        (facts, path)
        for facts, path in parts
        if day.isoformat() <= facts["taken_on"] <= last.isoformat()
        and facts["mapping"] != fault.mapping
    ]
    found = judged([*before, *rest, *new], [last])
    return not found.filter(mapping=fault.mapping).is_empty()


def _before(made: Company, mapping: str, day: date) -> pl.DataFrame:
    return made.files[
        mapping, max(other for name, other in made.files if name == mapping and other < day)
    ]
