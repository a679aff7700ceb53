"""What a report or a finding may look at: the tables of one night or one release, and why some are
empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from customer_intel.core.store.lake import Lake, Version
from customer_intel.core.store.release import Release
from customer_intel.core.tables.definition import room_config

# 53 weeks: a year of whole weeks.
VISIT_DAYS = 371


@dataclass(frozen=True)
class Source:
    """One table: its Parquet files, its size, why it is empty, and what its gate found."""

    paths: tuple[Path, ...]
    rows: int
    reason: str = ""
    certificate: Mapping[str, Any] = field(default_factory=dict)

    @property
    def findings(self) -> list[dict[str, Any]]:
        return list(self.certificate.get("findings", ()))

    @property
    def warnings(self) -> list[dict[str, Any]]:
        return [finding for finding in self.findings if not finding["success"]]


@dataclass(frozen=True)
class Evidence:
    """Tables by name. Frames come in file order; rooms order their rows, so the same night gives
    the same frames.
    """

    tables: Mapping[str, Source]
    as_of: date
    snapshot_id: str
    home: Path

    @staticmethod
    def of_night(
        lake: Lake, versions: Mapping[str, Version], as_of: date, snapshot_id: str
    ) -> Evidence:
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
        tables = {
            name: Source(
                tuple(map(Path, release.files(name))), entry["rows"], entry["reason"], entry["gate"]
            )
            for name, entry in release.manifest["tables"].items()
        }
        return Evidence(tables, date.fromisoformat(release.as_of), release.snapshot_id, home)

    def rows(self, name: str) -> int:
        source = self.tables.get(name)
        return source.rows if source else 0

    def has(self, *names: str) -> bool:
        return all(self.rows(name) for name in names)

    def why_not(self, name: str) -> str:
        """Why the table has nothing to show, in a few words."""
        source = self.tables.get(name)
        if source is None:
            return f"{name} is not published"
        return source.reason or f"{name} has no rows"

    def scan(self, name: str) -> pl.LazyFrame:
        """Raises KeyError for a table without rows: ask `has` first."""
        if not self.has(name):
            raise KeyError(name)
        return pl.scan_parquet(list(self.tables[name].paths), hive_partitioning=False)

    def frame(self, name: str, *columns: str) -> pl.DataFrame:
        scan = self.scan(name)
        return (scan.select(columns) if columns else scan).collect()

    def config(self, room: str) -> dict[str, Any]:
        return dict(room_config(room, self.home))

    @cached_property
    def currency(self) -> str:
        """The currency that sums of money are told in; nothing where there is no money."""
        if not self.has("currency_use"):
            return ""
        used = self.frame("currency_use").filter("is_reporting")["currency"]
        return str(used[0]) if len(used) else ""

    @cached_property
    def unconverted(self) -> pl.DataFrame:
        """currency, n: sales whose amounts no sum holds, because no rate brings them to the
        reporting currency.
        """
        if not self.has("order_fact"):
            return pl.DataFrame(schema={"currency": pl.String, "n": pl.UInt32})
        lost = self.scan("order_fact").filter(pl.col("is_sale") & pl.col("net_reporting").is_null())
        return lost.group_by("currency").agg(n=pl.len()).sort("currency").collect()

    def settled(self, days: int, entity: str | None = None) -> bool:
        """Whether every source (of `entity`) told of all the last `days`: else a change may be a
        source's start.
        """
        if not self.has("source_start"):
            return True
        starts = self.frame("source_start")
        newest = (starts.filter(pl.col("entity") == entity) if entity else starts)[
            "first_day"
        ].max()
        return not isinstance(newest, date) or (self.as_of - newest).days >= days

    @cached_property
    def _roll_ups(self) -> tuple[pl.DataFrame, pl.DataFrame, int]:
        """(days, visits, days since the first activity) before as_of, in one pass over the many
        files.
        """
        age = (pl.lit(self.as_of) - pl.col("day")).dt.total_days()
        rows = self.scan("activity_daily").filter(pl.col("day") < self.as_of).with_columns(age=age)
        own = rows.filter(pl.col("is_own_act") & (pl.col("age") <= VISIT_DAYS))
        visits = own.select("customer_id", "age").unique()
        oldest = rows.select(pl.col("age").max())
        found = pl.collect_all([self._sales.sort("age"), visits.sort("age", "customer_id"), oldest])
        return found[0], found[1], int(found[2].item() or 0)

    @property
    def history(self) -> int:
        """Days since the first activity."""
        return self._roll_ups[2]

    @property
    def _sales(self) -> pl.LazyFrame:
        """age, orders, revenue of every day with an order or a refund, whoever bought: nobody known
        included.
        """
        schema: dict[str, Any] = {"day": pl.Date, "orders": pl.Int64, "revenue": pl.Decimal(18, 2)}
        parts = [pl.LazyFrame(schema=schema)]
        if self.has("order_fact"):
            sales = self.scan("order_fact").filter("is_sale")
            counted = pl.col("is_counted").cast(pl.Int64)
            parts.append(sales.select(day="order_day", orders=counted, revenue="gross_reporting"))
        if self.has("refund_fact"):
            back = self.scan("refund_fact").filter("is_counted")
            parts.append(
                back.select(
                    day="refund_day",
                    orders=pl.lit(0, pl.Int64),
                    revenue=-pl.col("refund_reporting"),
                )
            )
        age = (pl.lit(self.as_of) - pl.col("day")).dt.total_days()
        sums = (
            pl.concat(parts).group_by(age=age).agg(pl.col("orders").sum(), pl.col("revenue").sum())
        )
        return sums.filter(pl.col("age") > 0)

    @property
    def days(self) -> pl.DataFrame:
        """age (days ago, 1 = yesterday), orders, revenue of every day with an order or a refund."""
        return self._roll_ups[0]

    @property
    def visits(self) -> pl.DataFrame:
        """customer_id and age of the days of the last year on which customers did something
        themselves.
        """
        return self._roll_ups[1]
