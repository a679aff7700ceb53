"""Which file a day of a table is in, and that only files whose rows changed are written."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest

from customer_intel.core.contract.model import Column, Table
from customer_intel.core.engine import DuckDBEngine, EngineSettings
from customer_intel.core.gate.gate import GateClosed
from customer_intel.core.night import day_parts, day_rows
from customer_intel.core.store.lake import Lake, LakeDamaged, Version, forget

TABLE = Table(
    name="thing",
    room="activity",
    purpose="x",
    grain="x",
    owner="team:x",
    key=("id",),
    columns=tuple(
        Column(name=name, type=kind, meaning="x", required=name != "note")  # type: ignore[arg-type]
        for name, kind in (("id", "text"), ("day", "date"), ("amount", "money"), ("note", "text"))
    ),
    layout="by_day",
    day_column="day",
)
AS_OF = date(2026, 6, 30)
# Day → its rows' ids, each with a number of which its values are made.
Content = dict[str, dict[str, int]]


def sql(content: Content, seed: int = 0) -> str:
    """The content as a SELECT, its rows in any order."""
    rows = [
        f"('{name}', DATE '{day}', {value}.5, nullif('n{value % 7}', 'n0'))"
        for day, some in content.items()
        for name, value in some.items()
    ]
    Random(seed).shuffle(rows)
    none = "('', DATE '2000-01-01', 0, '')"
    return (
        "SELECT id, day, CAST(amount AS DECIMAL(18,2)) AS amount, note FROM "
        f"(VALUES {', '.join([none, *rows])}) AS v(id, day, amount, note) WHERE id <> ''"
    )


class Home:
    """A lake with one table, which nights write."""

    def __init__(self, folder: Path, threads: int = 2) -> None:
        self.lake, self.threads = Lake(folder.resolve()), threads
        self.lake.root.mkdir(parents=True)

    def night(
        self,
        content: Content,
        as_of: date = AS_OF,
        days: Collection[str] | None = None,
        seed: int = 0,
    ) -> set[str]:
        """Writes and accepts; the parts that were written."""
        with (
            self.lake.workspace(TABLE.name) as work,
            DuckDBEngine(EngineSettings(threads=self.threads), [self.lake.root]) as engine,
        ):
            candidates, keep, prints = day_parts.write(
                engine, TABLE, sql(content, seed), work, self.version, TABLE.key, days,
                lake=self.lake, as_of=as_of,
            )  # fmt: skip
            self.lake.accept(
                TABLE.name, candidates, as_of=str(as_of), snapshot_id="s", certificate={"passed": True},
                schema_sha256=day_parts.schema_sha256(TABLE), keep=keep, fingerprints=prints,
            )  # fmt: skip
        return set(candidates)

    @property
    def version(self) -> Version | None:
        return self.lake.current(TABLE.name)

    @property
    def files(self) -> dict[str, str]:
        """Part → content hash."""
        return (
            {key: part.sha256 for key, part in self.version.parts.items()} if self.version else {}
        )

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        files = self.lake.files(TABLE.name)
        return sorted(row[:3] for row in pl.read_parquet(files).rows()) if files else []


def expected(content: Content) -> list[tuple[Any, ...]]:
    return sorted(
        (name, date.fromisoformat(day), value + pl.Series([0.5]).cast(pl.Decimal(18, 2))[0])
        for day, some in content.items()
        for name, value in some.items()
    )


def small_runs(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    for name in ("RUN_ROWS", "BATCH_ROWS"):
        monkeypatch.setattr(day_rows, name, rows)


def days_before(*back: int) -> list[str]:
    return [str(AS_OF - timedelta(days)) for days in back]


def one_row_a_day(days: Collection[str]) -> Content:
    return {day: {f"{day} a": 1, f"{day} b": 2} for day in days}


# ---- which file a day is in
def test_recent_days_are_files_and_older_ones_are_months_and_years() -> None:
    rows = dict.fromkeys(days_before(*range(-3, 900)), 10)
    parts = day_parts.layout(rows, AS_OF)
    months = ["2026-01", "2026-02", "2026-03", "2026-04"]
    assert sorted(key for key in parts if len(key) < 10) == ["2024", "2025", *months]
    # The month that the last 45 days begin in is still days.
    assert min(key for key in parts if len(key) == 10) == "2026-05-01"
    assert max(parts) == str(AS_OF + timedelta(3))
    assert sorted(day for days in parts.values() for day in days) == sorted(rows)


def test_a_month_is_merged_on_the_night_on_which_its_last_day_is_no_longer_recent() -> None:
    rows = {"2026-05-01": 1, "2026-05-31": 1, "2026-07-20": 1}
    last = date(2026, 5, 31) + timedelta(day_parts.RECENT_DAYS)
    assert set(day_parts.layout(rows, last)) == set(rows)
    assert set(day_parts.layout(rows, last + timedelta(1))) == {"2026-05", "2026-07-20"}


def test_what_is_large_stays_in_smaller_files() -> None:
    most = day_parts.MERGED_ROWS
    rows = {
        "2024-01-01": most,
        "2024-02-01": 1,
        "2024-03-01": most,
        "2024-03-02": 1,
        "2023-05-05": most,
    }
    assert set(day_parts.layout(rows, AS_OF)) == {
        "2023", "2024-01", "2024-02", "2024-03-01", "2024-03-02"
    }  # fmt: skip


# ---- what is written
def test_a_month_is_written_when_one_of_its_days_changed_and_kept_when_none_did(
    tmp_path: Path,
) -> None:
    home, content = Home(tmp_path), one_row_a_day(days_before(*range(0, 100)))
    home.night(content)
    before = home.files
    assert home.night(content, seed=1) == set() and home.files == before
    content["2026-04-10"]["new"] = 7
    assert home.night(content) == {"2026-04"}
    assert {key for key in before if before[key] != home.files[key]} == {"2026-04"}
    assert home.rows == expected(content)


def test_of_other_days_than_those_computed_the_old_rows_are_taken(tmp_path: Path) -> None:
    home, content = Home(tmp_path), one_row_a_day(days_before(*range(0, 100)))
    home.night(content)
    content["2026-04-10"] = {"other": 1}
    assert home.night({"2026-04-10": content["2026-04-10"]}, days={"2026-04-10"}) == {"2026-04"}
    assert home.rows == expected(content)
    # Computed, and without a row: it is gone.
    del content["2026-04-10"], content["2026-06-30"]
    assert home.night({}, days={"2026-04-10", "2026-06-30"}) == {"2026-04"}
    assert home.rows == expected(content) and "2026-06-30" not in home.files


def test_a_month_falls_due_without_a_row_that_changed(tmp_path: Path) -> None:
    home, content = Home(tmp_path), one_row_a_day(days_before(*range(0, 100)))
    home.night(content)
    assert home.night({}, date(2026, 7, 16), days=set()) == {"2026-05"}
    assert home.rows == expected(content)
    whole = Home(tmp_path / "whole")
    whole.night(content, date(2026, 7, 16))
    assert home.files == whole.files


def test_a_home_of_day_files_is_merged_by_its_next_night(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, content = Home(tmp_path), one_row_a_day(days_before(*range(0, 900)))
    with monkeypatch.context() as old:
        old.setattr(day_parts, "MERGED_ROWS", 0)
        home.night(content)
    assert len(home.files) == 900
    written = home.night({}, days=set())
    assert written == {key for key in home.files if len(key) < 10} and len(home.files) < 80
    assert home.rows == expected(content)


@pytest.mark.parametrize("seed", range(6))
def test_night_by_night_gives_the_files_that_one_night_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Rows come late, change, move and go; nights are left out, or go back a few days."""
    monkeypatch.setattr(day_parts, "MERGED_ROWS", 60)
    small_runs(monkeypatch, 40)
    random, content, as_of = Random(seed), one_row_a_day([]), date(2024, 12, 20)
    home = Home(tmp_path / "home")
    for night in range(8):
        as_of += timedelta(random.choice([1, 2, 30, 50, 90, -3]))
        touched = {str(as_of - timedelta(int(random.expovariate(0.03)))) for _ in range(40)}
        for day in touched:
            kind = random.choice(["add", "add", "change", "remove", "clear"])
            some = content.setdefault(day, {})
            if kind == "add" or not some:
                some[f"{day} {night} {random.random()}"] = random.randrange(9)
            elif kind == "change":
                some[random.choice(sorted(some))] += 1
            elif kind == "remove":
                some.pop(random.choice(sorted(some)))
            else:
                some.clear()
        content = {day: some for day, some in content.items() if some}
        # Sometimes more is computed than changed, or all.
        asked = touched | set(random.sample(sorted(content), min(3, len(content))))
        if night == 0 or random.random() < 0.15:
            home.night(content, as_of, seed=night)
        else:
            home.night({d: content[d] for d in asked if d in content}, as_of, asked, seed=night)
        whole = Home(tmp_path / f"whole{night}")
        whole.night(content, as_of)
        assert home.rows == expected(content)
        assert home.files == whole.files
        assert home.version and whole.version
        assert home.version.fingerprints == whole.version.fingerprints


# ---- how
def test_the_bytes_hang_on_neither_threads_nor_what_fits_into_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = {day: {f"{day} {n}": n for n in range(20)} for day in days_before(*range(0, 400, 9))}
    found: list[Mapping[str, str]] = []
    for rows in (10**6, 100):
        small_runs(monkeypatch, rows)
        for threads in (1, 2, 4, 8):
            home = Home(tmp_path / f"{rows}-{threads}", threads)
            home.night(content, seed=threads)
            found.append(home.files)
    assert found[0] and all(files == found[0] for files in found)


def test_what_is_one_run_is_not_written_to_disk_and_what_is_more_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = one_row_a_day(days_before(*range(0, 50)))
    with DuckDBEngine(EngineSettings(), []) as engine:
        rows = day_rows.DayRows(engine, TABLE, [sql(content)], tmp_path)
        assert list(tmp_path.iterdir()) == []
        small_runs(monkeypatch, 10)
        spilled = day_rows.DayRows(engine, TABLE, [sql(content)], tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["rows.arrow"]
    assert rows.prints == spilled.prints and set(rows.prints) == set(content)
    asked = [*days_before(3, 9, 48), "2020-01-01"]
    for made in (rows, spilled):
        read = {day: found.sort_by("id")["id"].to_pylist() for day, found in made.read(asked)}
        assert read == {day: sorted(content[day]) for day in sorted(asked) if day in content}


def test_a_fingerprint_is_what_the_engine_says_of_a_day(tmp_path: Path) -> None:
    content = {"2026-06-30": {f"x{n}": n for n in range(1000)}}
    with DuckDBEngine(EngineSettings(), []) as engine:
        rows = day_rows.DayRows(engine, TABLE, [sql(content)], tmp_path)
        total = engine.scalar(
            f"SELECT sum(CAST(hash(id, day, amount, note) AS HUGEINT)) FROM ({sql(content)})"
        )
    assert rows.prints == {"2026-06-30": f"1000:{total}"}


def test_a_row_without_a_day_closes_the_gate(tmp_path: Path) -> None:
    with (
        DuckDBEngine(EngineSettings(), []) as engine,
        pytest.raises(GateClosed, match="1 rows have no day"),
    ):
        query = (
            sql({}).replace("WHERE id <> ''", "").replace("day,", "CAST(NULL AS DATE) AS day,", 1)
        )
        day_rows.DayRows(engine, TABLE, [query], tmp_path)


def test_rows_of_a_damaged_file_are_not_taken(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.night(one_row_a_day(days_before(*range(0, 100))))
    version = home.version
    assert version is not None
    path = home.lake.path(version.parts["2026-04"])
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    forget()
    with pytest.raises(LakeDamaged, match=r"lake/thing/2026-04\..* is not the file"):
        home.night({"2026-04-10": {"new": 1}}, days={"2026-04-10"})


def test_rows_of_days_that_were_not_to_be_computed_are_refused(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.night(one_row_a_day(days_before(0, 1)))
    with pytest.raises(ValueError, match="not to be computed"):
        home.night(one_row_a_day(days_before(0, 1)), days=set(days_before(0)))
