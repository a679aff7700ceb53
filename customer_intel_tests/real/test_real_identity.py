"""The resolver's numbers on public labelled sets, by the public command: floors that no change may
fall below.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from customer_intel.cli import app
from customer_intel_tests.bench_identity import sets

pytestmark = pytest.mark.slow

# set → F1 and precision, apart: a false merge costs more than a miss. Measured 2026-11: febrl3
# .9997, RLdata500 .9796,
# fake_1000 .9817, each with precision 1.
# What is left out for the sake of precision among families (linkage.CUT) is missed here: .982 would
# be without.
FLOORS = {"febrl3": (0.9994, 0.9999), "RLdata500": (0.97, 1.0), "fake_1000": (0.96, 0.998)}


@pytest.mark.parametrize("name", FLOORS)
def test_known_people_are_found_again(name: str, shared_data: Path, tmp_path: Path) -> None:
    labelled = {found.name: found for found in sets.published(shared_data, tmp_path)}[name]
    ran = CliRunner().invoke(
        app, ["evaluate", "identity", str(labelled.file), "--truth", labelled.truth, "--json"]
    )
    assert ran.exit_code == 0, ran.output
    found = json.loads(ran.stdout)
    f1, precision = FLOORS[name]
    assert found["f1"] >= f1
    assert found["precision"] >= precision
    assert found["b3_f1"] >= f1
    assert found["unlabelled_records"] == 0
