"""What a night's steps share, and what each of them did.

Belongs here: the types that pass between steps, scheduler and orchestration. Not here: the step
(build.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from customer_intel.core.contract.model import Contract
from customer_intel.core.engine import EngineSettings
from customer_intel.core.gate.gate import Verdict
from customer_intel.core.store.lake import Lake, Part, Version


@dataclass(frozen=True)
class Night:
    """What a night's steps share. `as_of` is the export date it runs for, never the clock."""

    home: Path
    landing: Path
    as_of: date
    snapshot_id: str
    contract: Contract
    engine: EngineSettings
    # Every day of every table is computed, whatever changed.
    is_full: bool = False

    @property
    def lake(self) -> Lake:
        """The home's lake."""
        return Lake(self.home)


@dataclass(frozen=True)
class Outcome:
    """What a step did. `status`: accepted | unchanged | not_available | rejected."""

    table: str
    status: str
    rows: int
    verdict: Verdict
    version: Version | None
    written: tuple[str, ...] = ()
    reason: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    # On the process's own clock, time.perf_counter.
    ended: float = 0.0

    @property
    def wall_seconds(self) -> float:
        """Seconds from the step's begin to its end."""
        return sum(self.seconds.values())

    @property
    def passed(self) -> bool:
        """Whether the table may be read tonight."""
        return self.status != "rejected"


class StepFailed(RuntimeError):
    """A table could not be computed; the message names the table and holds no value of a row."""


def parts_of(version: Version | None) -> dict[str, Part]:
    """The version's parts by key; none of a table that was never accepted."""
    return version.parts if version else {}
