"""What a report or a finding may look at: the tables of one night or one release, and why some are
empty.

Belongs here: reading any table by its name. Not here: what a table of a room means.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from customer_intel.core.contract.load import load
from customer_intel.core.store.lake import Lake, Version
from customer_intel.core.store.release import Release
from customer_intel.core.tables.parameters import room_config

Made = TypeVar("Made")


@dataclass(frozen=True)
class Source:
    """One table: its Parquet files, its size, why it is empty, and what its gate found."""

    paths: tuple[Path, ...]
    rows: int
    reason: str = ""
    certificate: Mapping[str, Any] = field(default_factory=dict)

    @property
    def findings(self) -> list[dict[str, Any]]:
        """What the gate found, expectation by expectation."""
        return list(self.certificate.get("findings", ()))

    @property
    def warnings(self) -> list[dict[str, Any]]:
        """Expectations that did not hold and closed nothing."""
        return [finding for finding in self.findings if not finding["success"]]


@dataclass(frozen=True, eq=False)
class Evidence:
    """Tables by name. Frames come in file order; rooms order their rows, so the same night gives
    the same frames.

    `currency` is what sums of money are told in (nothing where there is no money), `unconverted`
    the amounts that no sum holds, as (currency, how many); publish hands both in.
    """

    tables: Mapping[str, Source]
    as_of: date
    snapshot_id: str
    home: Path
    currency: str = ""
    unconverted: tuple[tuple[str, int], ...] = ()
    _made: dict[Callable[..., Any], Any] = field(default_factory=dict, init=False, repr=False)

    @staticmethod
    def of_night(
        lake: Lake, versions: Mapping[str, Version], as_of: date, snapshot_id: str
    ) -> Evidence:
        """A night's accepted tables, before they are published."""
        tables = {
            name: Source(
                tuple(lake.path(part) for _, part in sorted(version.parts.items())),
                version.rows,
                version.reason,
                version.certificate,
            )
            for name, version in versions.items()
        }
        return Evidence(tables, as_of, snapshot_id, lake.home)

    @staticmethod
    def of_release(release: Release, home: Path) -> Evidence:
        """A release's tables."""
        tables = {
            name: Source(
                tuple(map(Path, release.files(name))), entry["rows"], entry["reason"], entry["gate"]
            )
            for name, entry in release.manifest["tables"].items()
        }
        return Evidence(tables, date.fromisoformat(release.as_of), release.snapshot_id, home)

    def rows(self, name: str) -> int:
        """How many rows the table has; 0 for one that is not there."""
        source = self.tables.get(name)
        return source.rows if source else 0

    def has(self, *names: str) -> bool:
        """Whether each of the tables has a row."""
        return all(self.rows(name) for name in names)

    def why_not(self, name: str) -> str:
        """Why the table has nothing to show, in a few words."""
        source = self.tables.get(name)
        if source is None:
            return f"{name} is in no release yet; run a night"
        return source.reason or f"{name} has no rows"

    def scan(self, name: str) -> pl.LazyFrame:
        """Raises KeyError for a table without rows: ask `has` first."""
        if not self.has(name):
            raise KeyError(name)
        return pl.scan_parquet(list(self.tables[name].paths), hive_partitioning=False)

    def frame(self, name: str, *columns: str) -> pl.DataFrame:
        """The table's rows, of these columns or of all. Raises KeyError for a table without rows."""
        scan = self.scan(name)
        return (scan.select(columns) if columns else scan).collect()

    def tells(self, name: str, column: str) -> bool:
        """Whether some row of the table has a value in the column."""
        if not self.has(name):
            return False
        found = self.scan(name).select(pl.col(column).is_not_null().any())
        return bool(found.collect().item())

    def meanings(self, table: str, column: str) -> dict[str, str]:
        """Each word of the column, in the contract's order, and what it means; a setting's name in
        it is told as the home sets it (`active_days`: 90 days).
        """
        spec = load().table(table)
        settings = room_config(spec.room, self.home)

        def told(match: re.Match[str]) -> str:
            value = settings.get(match[0])
            return f"{value} days" if isinstance(value, int) else match[0]

        words = spec.by_name[column].value_meanings
        return {word: re.sub(r"\b[a-z_]+_days\b", told, text) for word, text in words.items()}

    def once(self, make: Callable[[Evidence], Made]) -> Made:
        """What `make` says of this evidence, computed the first time it is asked for."""
        if make not in self._made:
            self._made[make] = make(self)
        return self._made[make]  # type: ignore[no-any-return]
