"""The command that runs a home's nights again from its first export on: `history`."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from customer_intel.cli import configuration
from customer_intel.cli.nights import one_night
from customer_intel.cli.screen import (
    BAD_CONFIGURATION,
    DONE,
    PUBLISHED,
    HomeOption,
    JsonOption,
    err,
    fail,
    out,
    settings_of,
    warn,
)
from customer_intel.core.store import lake_swap, release
from customer_intel.core.store.lake import Lake, LakeError, home_lock, write_json
from customer_intel.core.store.night_states import last_night
from customer_intel.settings import Settings

if TYPE_CHECKING:
    import polars as pl

PLAN, GIVEN = "plan.json", "customer_id_given"


class Every(StrEnum):
    """How many of the landed export dates get a night: the last of each day, week or month."""

    day = "day"
    week = "week"
    month = "month"


def history(
    home: HomeOption = Path("data"),
    landing: Annotated[
        str | None, typer.Option(help="Folder or s3://, sftp://, gs:// of the raw exports.")
    ] = None,
    every: Annotated[
        Every, typer.Option(help="A night for each export date, or the last of a week or month.")
    ] = Every.day,
    from_: Annotated[
        str | None,
        typer.Option("--from", help="First night, YYYY-MM-DD; default the first export."),
    ] = None,
    confirm: Annotated[
        bool,
        typer.Option("--confirm", help="Needed where the home has run nights: they are replaced."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Runs every landed export date, oldest first, as if the home had begun then; publishes the last."""
    from customer_intel.orchestration import export_dates as dates

    from_elsewhere = bool(landing or os.environ.get("CUSTOMER_INTEL_LANDING"))
    settings = settings_of(home, landing, is_made=from_elsewhere)
    if settings.landing_url:
        from customer_intel.orchestration.nights import fetch_landing

        with home_lock(settings.home_dir):
            fetch_landing(settings)
    dates.asked.clear()
    last = last_night(settings.home_dir, dates.doors())
    days = _nights(settings, every, from_, last)
    looked = configuration.look(settings.home_dir, settings.landing_dir)
    looked.faults.raise_any()
    odd = dates.odd_folders(settings)
    warn([*looked.warnings, *(item.message for item in odd if item.kind != "late")])
    if last and not confirm:
        err.print(
            f"[red]✗[/] the home has run nights up to {last}: this would run {len(days)} nights "
            f"beside it, of {days[0]} to {days[-1]}, and then put what they remember in the place of "
            "what the home remembers. Customer ids given so far stay, or lead on through "
            "customer_id_alias; household and account keys, and histories of profiles and segments, "
            "are made anew. It needs the lake's room on disk once more. Say --confirm to do it",
            soft_wrap=True,
        )
        raise typer.Exit(BAD_CONFIGURATION)
    dates.asked.update(days)
    code, nights = _run_beside(settings, days, quiet=as_json)
    if code == DONE:
        code = _take_over(settings, days[-1], last, quiet=as_json)
    if as_json:
        summary = {"exit_code": code, "nights": nights, "dates": [str(day) for day in days]}
        print(json.dumps(summary, indent=1, default=str))
    raise typer.Exit(code)


def _nights(settings: Settings, every: Every, from_: str | None, last: date | None) -> list[date]:
    """The dates to run, oldest first; ends the process with 3 where there are none."""
    from customer_intel.orchestration import export_dates as dates

    landed = dates.landed_dates(settings)
    first = dates.day_of(from_) if from_ else None
    if from_ and first is None:
        fail(f"--from {from_}: expected YYYY-MM-DD", BAD_CONFIGURATION)
    if last and last > dates.last_plausible():
        # That night was a slip: the history is how to be rid of it.
        last = None
    end = max([*landed, *([last] if last else [])], default=None)
    days = [day for day in landed if day >= (first or dates.FIRST) and day >= dates.FIRST]
    if end is None or not days:
        fail(
            f"{settings.landing_dir.name}/ names no export date (<source>/<YYYY-MM-DD>/…)"
            f"{f' from {first} on' if first else ''}: there is no history to run",
            BAD_CONFIGURATION,
        )
    return sorted({*_last_of_each(days, every), end})


def _last_of_each(days: Sequence[date], every: Every) -> set[date]:
    def period(day: date) -> date:
        if every is Every.week:
            return day - timedelta(days=day.weekday())
        return day.replace(day=1) if every is Every.month else day

    return set({period(day): day for day in sorted(days)}.values())


def _run_beside(
    settings: Settings, days: Sequence[date], *, quiet: bool
) -> tuple[int, list[dict[str, Any]]]:
    """Runs the nights in the home beside, where it stopped before if nothing changed since. Returns
    the exit code, and each night's date and code.
    """
    home = settings.home_dir
    beside = lake_swap.beside(home)
    with home_lock(home):
        release.recover(home)
        lake_swap.refuse_unmovable(home)
        wanted = _fingerprint(settings, days)
        if _held(beside.parent / PLAN) != wanted:
            shutil.rmtree(beside.parent, ignore_errors=True)
            _begin(home, beside, days[0], days[-1])
            write_json(beside.parent / PLAN, wanted)
    nights: list[dict[str, Any]] = []
    with _elsewhere(settings, beside):
        there = Settings()
        done = _done(beside)
        for number, day in enumerate(days, 1):
            if done and day <= done:
                continue
            if not quiet:
                out.print(f"[dim]{number} of {len(days)}, beside the home:[/]", end=" ")
            code, summary = one_night(there, day, None, quiet=quiet)
            nights.append({"as_of": str(day), "exit_code": code, "failures": summary["failures"]})
            if not _is_published(code):
                err.print(
                    f"[red]✗[/] the history stopped at the night of {day}; the home and its release "
                    "are as they were. Mend what is named above and run it again: it goes on there "
                    "where exports and configuration are the same",
                    soft_wrap=True,
                )
                return code, nights
    return DONE, nights


def _is_published(code: int) -> bool:
    # 4: published, with a source held back at its last good state.
    return code in PUBLISHED


def _take_over(settings: Settings, day: date, last: date | None, *, quiet: bool) -> int:
    """Puts the lake made beside in the home's place, and runs its last night there again, which
    publishes. Returns that night's exit code.
    """
    from customer_intel.orchestration import export_dates as dates

    home = settings.home_dir
    with home_lock(home):
        release.recover(home)
        now = last_night(home, dates.doors())
        if now != last:
            raise LakeError(
                f"a night of {now} has run in the home meanwhile; run the history again, so that it "
                "ends with that one"
            )
        lake_swap.swap(home, day.isoformat(), datetime.now(UTC).isoformat(timespec="seconds"))
    # In a process of its own: this one's definitions were made for the home beside.
    command = [sys.executable, "-m", "customer_intel.cli", "run", "--as-of", str(day)]
    ran = subprocess.run(  # noqa: S603 (our own interpreter)
        [*command, "--home", str(home), *(["--json"] if quiet else [])],
        check=False,
        stdout=subprocess.DEVNULL if quiet else None,
    )
    if _is_published(ran.returncode):
        shutil.rmtree(home / lake_swap.HISTORY, ignore_errors=True)
    else:
        err.print(
            "[red]✗[/] the history is the home's now, its last night is not published: mend what is "
            "named above and run the night again. What the home remembered before lies in "
            f"{lake_swap.HISTORY}/before/",
            soft_wrap=True,
        )
    return ran.returncode


@contextmanager
def _elsewhere(settings: Settings, beside: Path) -> Iterator[None]:
    """The environment of a run in the home beside: same exports, no mirror."""
    kept = dict(os.environ)
    os.environ["CUSTOMER_INTEL_HOME"] = str(beside)
    os.environ["CUSTOMER_INTEL_LANDING"] = str(settings.landing_dir)
    os.environ.pop("CUSTOMER_INTEL_PUBLISH_URL", None)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)


def _begin(home: Path, beside: Path, first: date, end: date) -> None:
    """A home without a night, of the same configuration, which knows the ids that were given."""
    beside.mkdir(parents=True, mode=0o700)
    if (home / "config").exists():
        (beside / "config").symlink_to((home / "config").resolve(), target_is_directory=True)
    given = _given(home, end)
    if given is None:
        return
    import polars as pl
    import pyarrow.parquet as pq

    from customer_intel.core.contract import load as contract
    from customer_intel.core.night.day_parts import schema_sha256

    table = contract.load().table(GIVEN)
    lake = Lake(beside)
    with lake.workspace(GIVEN) as work:
        rows = given.with_columns(as_of=pl.lit(first), snapshot_id=pl.lit("history"))
        pq.write_table(
            rows.select(table.arrow_schema.names).to_arrow().cast(table.arrow_schema),
            work / "whole.parquet",
        )
        lake.accept(
            GIVEN,
            {"whole": work / "whole.parquet"},
            as_of=first.isoformat(),
            snapshot_id="history",
            schema_sha256=schema_sha256(table),
            certificate={"passed": True, "findings": []},
        )


def _given(home: Path, end: date) -> pl.DataFrame | None:
    """Every id that the home, or a history of it before, gave: record_key, customer_id, valid_from,
    valid_to, none later than `end`; None in a home without a night.
    """
    import polars as pl

    lake = Lake(home)
    version = lake.current("record_customer_map")
    if version is None:
        return None
    columns = ["record_key", "customer_id", "valid_from", "valid_to"]
    own = pl.read_parquet(lake.files("record_customer_map")).select(columns)
    found = [own.with_columns(pl.col("valid_to").fill_null(date.fromisoformat(version.as_of)))]
    if lake.files(GIVEN):
        found.append(pl.read_parquet(lake.files(GIVEN)).select(columns))
    return (
        pl.concat(found)
        .with_columns(pl.min_horizontal(name, pl.lit(end)).alias(name) for name in columns[2:])
        .unique(["record_key", "customer_id", "valid_from"], keep="first", maintain_order=True)
        .sort(columns)
    )


def _done(beside: Path) -> date | None:
    """The last night that the home beside published."""
    current = release.Published(beside).current()
    return date.fromisoformat(current.as_of) if current else None


def _held(plan: Path) -> Any:
    try:
        return json.loads(plan.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _fingerprint(settings: Settings, days: Sequence[date]) -> dict[str, Any]:
    """What a history that was stopped must find unchanged to go on."""
    from customer_intel.core.night.snapshot import code_sha256, without_comments

    landing, config = settings.landing_dir, settings.home_dir / "config"
    files = sorted(path for path in landing.rglob("*") if path.is_file())
    landed = [
        (str(path.relative_to(landing)), path.stat().st_size, path.stat().st_mtime_ns)
        for path in files
    ]
    configured = [
        (str(path.relative_to(config)), hashlib.sha256(without_comments(path)).hexdigest())
        for path in sorted(config.rglob("*.yaml"))
    ]
    last = Lake(settings.home_dir).current("record_customer_map")
    text = json.dumps([landed, configured, code_sha256(), last.sha256 if last else None])
    return {
        "nights": [str(day) for day in days],
        "of": hashlib.sha256(text.encode()).hexdigest(),
    }
