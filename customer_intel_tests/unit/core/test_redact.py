"""What an engine's error may say: no value of a row, and of memory how much and which setting."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from customer_intel.core.engine import DuckDBEngine, EngineSettings
from customer_intel.core.gate.redact import redacted, without_values
from customer_intel.core.night import build as step
from customer_intel.core.night.night import StepFailed
from customer_intel_tests.house import House

MANY = "SELECT string_agg(repeat('x', 1000), ',') AS a FROM (SELECT unnest(range(200000)) AS i)"
# As DuckDB 2.0 words it; it lets a little more be spilled than it says.
FULL = (
    "Out of Memory Error: failed to offload data block of size 256.0 KiB (9.8 MiB/10.0 MiB used).\n"
    "This limit was set by the 'max_temp_directory_size' setting.\nBy default, this setting utilizes "
    "the available disk space on the drive where the 'temp_directory' is located."
)


def failure(settings: EngineSettings, sql: str) -> str:
    with DuckDBEngine(settings, []) as engine, pytest.raises(duckdb.Error) as failed:
        engine.con.execute(sql).fetchall()
    return without_values(failed.value)


def test_memory_that_does_not_suffice_is_told_with_limit_need_and_setting(tmp_path: Path) -> None:
    said = failure(EngineSettings("64MB", 2, tmp_path), MANY)
    assert said.startswith("Out of Memory Error: the engine's memory limit of 61.0 MiB")
    assert "were held and 32.0 MiB more asked for" in said
    assert "set CUSTOMER_INTEL_MEMORY_LIMIT higher (at least to " in said
    assert "CUSTOMER_INTEL_THREADS lower" in said


def test_a_full_folder_to_spill_into_is_told_with_its_limit_and_setting() -> None:
    said = redacted(FULL)
    assert said.startswith(
        "Out of Memory Error: the folder to spill into is full (9.8 MiB of 10.0 "
    )
    assert "CUSTOMER_INTEL_SPILL_LIMIT higher" in said


def test_a_step_that_cannot_fit_says_so(house: House, tmp_path: Path) -> None:
    rest = "DATE '2024-01-01' AS day, 1 AS orders, 1.00 AS revenue"
    house.write("room/base.sql", f"SELECT a AS customer_id, {rest} FROM ({MANY})")
    night = replace(house.night(), engine=EngineSettings("64MB", 2, tmp_path / "spill"))
    with pytest.raises(StepFailed) as failed:
        step.build(night, house.definitions["base"])
    assert str(failed.value).startswith("'base' could not be computed: Out of Memory Error: the ")
    assert "CUSTOMER_INTEL_MEMORY_LIMIT" in str(failed.value)


def test_a_gate_that_cannot_fit_says_so(house: House, tmp_path: Path) -> None:
    house.write(
        "room/base.sql",
        "SELECT md5(CAST(i AS VARCHAR)) AS customer_id, DATE '2024-01-01' AS day, 1 AS orders, "
        "1.00 AS revenue FROM (SELECT unnest(range(800000)) AS i)",
    )
    small = EngineSettings("2GB", 2, tmp_path, gate_memory_limit="16MB", spill_limit=0)
    outcome = step.build(replace(house.night(), engine=small), house.definitions["base"])
    assert outcome.status == "rejected"
    assert "Out of Memory Error" in outcome.reason
    assert "CUSTOMER_INTEL_" in outcome.reason


def test_memory_outside_the_engine_is_told_as_such() -> None:
    assert "outside the engine" in without_values(MemoryError("malloc of size 1 failed"))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("Conversion Error: Could not convert 'ann@example.com'", "Conversion Error, whose text"),
        ("Binder Error: no column x", "Binder Error: no column x"),
        ("what ann@example.com did", "an error, whose text is withheld"),
        (
            "Out of Memory Error: ann@example.com",
            "Out of Memory Error: the engine's memory limit did",
        ),
    ],
)
def test_no_value_of_a_row_is_told(error: str, said: str) -> None:
    assert redacted(error).startswith(said)
    assert "ann" not in redacted(error).replace("cannot", "")
