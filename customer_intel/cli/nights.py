"""Commands that run nights: `run`, `demo`, `dev`."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from customer_intel.cli import configuration, sources, states
from customer_intel.cli.screen import (
    BAD_CONFIGURATION,
    DONE,
    ERROR,
    GATE_CLOSED,
    HELD_BACK,
    PUBLISHED,
    HomeOption,
    JsonOption,
    fail,
    out,
    settings_of,
    warn,
)
from customer_intel.core import machine
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.store.lake import HomeBusy, home_lock
from customer_intel.settings import Settings

# More warnings than these are counted on the screen, not told.
WARNINGS_TOLD = 12
# Findings of raw tables that source_check tells too, and the one that most files may have.
_TOLD_ELSEWHERE, _QUARANTINED = ("file taken", "mapping decided"), "rows taken"


def run(
    home: HomeOption = Path("data"),
    landing: Annotated[
        str | None, typer.Option(help="Folder or s3://, sftp://, gs:// of the raw exports.")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(help="Export date YYYY-MM-DD; default the newest in landing.")
    ] = None,
    select: Annotated[
        str | None, typer.Option(help="Only these tables (comma-separated); no release.")
    ] = None,
    ahead: Annotated[
        bool,
        typer.Option("--ahead", help="Confirms an --as-of ahead: no earlier night may follow it."),
    ] = False,
    full: Annotated[
        bool,
        typer.Option("--full", help="Computes every table whole, not only what changed."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """One night: every new export up to the date, through every gate, to one release."""
    # With exports from elsewhere a run begins a home; without, a missing one is a slip.
    from_elsewhere = bool(landing or os.environ.get("CUSTOMER_INTEL_LANDING"))
    from customer_intel.orchestration.nights import refuse_unreadable

    if full:
        os.environ["CUSTOMER_INTEL_FULL"] = "true"
    settings = _fetched(settings_of(home, landing, is_made=from_elsewhere))
    refuse_unreadable(settings)
    night = _night_date(settings, as_of, ahead)
    _refuse_earlier(settings, night, as_of)
    tables = [name.strip() for name in select.split(",")] if select else None
    looked = configuration.look(settings.home_dir, settings.landing_dir, tables or ())
    looked.faults.raise_any()
    warn(looked.warnings)
    code, summary = one_night(settings, night, tables, quiet=as_json)
    if as_json:
        from customer_intel.orchestration import export_dates

        odd = export_dates.odd_folders(settings, export_dates.asked)
        summary["odd_folders"] = export_dates.told(odd)
        print(json.dumps(summary, indent=1, default=str))
    elif code in PUBLISHED and not tables:
        from customer_intel.publish import findings

        findings.print_screenful(settings.home_dir, out)
    raise typer.Exit(code)


def demo(
    customers: Annotated[int, typer.Option(min=20)] = 1500,
    days: Annotated[int, typer.Option(min=60, help="Length of the company's history.")] = 365,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 7,
    nights: Annotated[
        int, typer.Option(min=1, help="Nights to run, the last ones before the end.")
    ] = 1,
    home: HomeOption = Path("data"),
    as_json: JsonOption = False,
) -> None:
    """Writes a simulated company's exports to the landing folder and runs its night(s)."""
    from customer_intel.demo import simulate

    settings = settings_of(home, is_made=True)
    started = time.perf_counter()
    made = simulate(
        settings.landing_dir,
        customers=customers,
        days=days,
        seed=seed,
        nights=nights,
        truth=home / "truth",
    )
    spent = time.perf_counter() - started
    if not as_json:
        out.print(
            f"[green]✓[/] simulated {customers:,} customers, {made.events:,} events, in "
            f"{spent:.1f} s"
        )
    code = DONE
    summary: dict[str, Any] = {}
    for night in made.dates:
        code, summary = one_night(settings, night, None, quiet=as_json)
        if code not in PUBLISHED:
            break
    if as_json:
        print(json.dumps(summary, indent=1, default=str))
    elif code in PUBLISHED:
        from customer_intel.publish import findings

        findings.print_screenful(settings.home_dir, out)
    raise typer.Exit(code)


def dev(home: HomeOption = Path("data"), port: int = 3000, host: str = "127.0.0.1") -> None:
    """The Dagster UI, with the schedule and the alerts, until interrupted."""
    from customer_intel.orchestration.runs import prepare_instance

    prepare_instance(settings_of(home, is_made=True))
    command = [
        sys.executable,
        "-m",
        "dagster",
        "dev",
        "-m",
        "customer_intel.definitions",
        "-h",
        host,
        "-p",
        str(port),
    ]
    # In this process's place, so that whoever stops it stops Dagster and its children too.
    os.execv(sys.executable, command)  # noqa: S606 (our own interpreter)


def one_night(
    settings: Settings, as_of: date, select: list[str] | None, quiet: bool = False
) -> tuple[int, dict[str, Any]]:
    """Runs one night with progress. Returns the exit code and a summary."""
    from customer_intel.core.night.night import Outcome
    from customer_intel.core.night.worker import helper
    from customer_intel.orchestration.runs import run_night

    outcomes: list[Outcome] = []

    def progress(outcome: Outcome) -> None:
        outcomes.append(outcome)
        if not quiet and _worth_a_line(outcome):
            out.print(_line(outcome))

    if not quiet:
        out.print(f"[bold]Night of {as_of}[/]")
    started, started_cpu = time.perf_counter(), time.process_time()
    try:
        result = run_night(settings, as_of, progress, select)
    except HomeBusy as error:
        fail(str(error), ERROR)
    wall = time.perf_counter() - started
    closed = [outcome for outcome in outcomes if not outcome.passed]
    code = (
        DONE
        if result.success
        else GATE_CLOSED
        if closed or result.damaged or ("release" in result.failures and not result.disk_refused)
        else ERROR
    )
    judged = sources.of_night(settings.home_dir, as_of)
    if code == DONE and not select and sources.is_stale(judged):
        code = HELD_BACK
    phases = {
        phase: round(sum(outcome.seconds.get(phase, 0.0) for outcome in outcomes), 2)
        for phase in ("compute", "gate", "accept")
    }
    # Tables overlap: their phases add up to more than the time from the first's begin to the last's
    # end.
    begun = min((outcome.ended - outcome.wall_seconds for outcome in outcomes), default=0.0)
    tables = max((outcome.ended for outcome in outcomes), default=0.0) - begun
    summary = {
        "as_of": as_of.isoformat(),
        "exit_code": code,
        "run_id": result.run_id,
        "seconds": round(wall, 2),
        "cpu_seconds": round(time.process_time() - started_cpu + helper.cpu_seconds, 2),
        "engine": settings.engine_told,
        "peak_memory": machine.said(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024),
        "seconds_by_phase": {**phases, "imports_and_orchestration": round(wall - tables, 2)},
        "tables": {
            outcome.table: {
                "status": outcome.status,
                "rows": outcome.rows,
                "parts_written": len(outcome.written),
                "sha256": outcome.version.sha256 if outcome.version else None,
                "seconds": {phase: round(value, 3) for phase, value in outcome.seconds.items()},
                "warnings": [_warning(outcome.table, f) for f in outcome.verdict.warned],
                "reason": outcome.reason,
            }
            for outcome in outcomes
        },
        "sources": judged,
        "failures": result.failures,
        "skipped": list(result.skipped),
    }
    if not quiet:
        _closing(summary, outcomes, settings.home_dir)
        sources.print_sources(judged, out)
        states.print_meaning(settings.home, out)
    return code, summary


def _warning(table: str, found: Any) -> str:
    """A warning on the screen: of exports in its own words, which name the file."""
    if table.startswith("raw_"):
        return str(found.message)
    return f"{found.expectation}: {found.unexpected} of {found.checked}"


def _worth_a_line(outcome: Any) -> bool:
    return bool(outcome.rows or not outcome.passed)


def _line(outcome: Any) -> str:
    mark = {"rejected": "[red]✗[/]", "unchanged": "[dim]=[/]", "not_available": "[dim]–[/]"}.get(
        outcome.status, "[green]✓[/]"
    )
    verdict = f"{len(outcome.verdict.findings)} checks" if outcome.passed else "[red]gate closed[/]"
    warned = (
        f", [yellow]{len(outcome.verdict.warned)} warnings[/]" if outcome.verdict.warned else ""
    )
    spent = outcome.wall_seconds
    text = f"{mark} {outcome.table:<28} {outcome.rows:>11,} rows  {spent:6.2f} s  {verdict}{warned}"
    return text if outcome.passed else f"{text}\n    {escape(outcome.reason)}"


def _closing(summary: dict[str, Any], outcomes: list[Any], home: Path) -> None:
    phases = summary["seconds_by_phase"]
    out.print(
        f"{summary['seconds']:.1f} s: imports and orchestration "
        f"{phases['imports_and_orchestration']:.1f}, the rest "
        f"tables, two at a time: computing {phases['compute']:.1f}, gates {phases['gate']:.1f}, "
        f"writing {phases['accept']:.1f}"
    )
    engine = summary["engine"]
    out.print(
        f"memory: {summary['peak_memory']} at its peak, beside the gates; the engine's limit "
        f"{engine['memory_limit']} ({engine['memory_limit_is']}), {engine['threads']} threads, "
        f"{engine['spill_limit']} to spill"
    )
    warned = [
        (outcome.table, found)
        for outcome in outcomes
        for found in outcome.verdict.warned
        # source_check's are told by name, with those that raw tables have too.
        if not (outcome.table.startswith("source_") or found.expectation in _TOLD_ELSEWHERE)
    ]
    warned.sort(key=lambda item: item[1].expectation == _QUARANTINED)
    # A file that feeds two entities has the same to say of each.
    told = list(
        dict.fromkeys(
            ("" if name.startswith("raw_") else f"{name}: ") + _warning(name, found)
            for name, found in warned
        )
    )
    for text in told[:WARNINGS_TOLD]:
        out.print(f"  [yellow]![/] {escape(text)}", soft_wrap=True)
    if len(told) > WARNINGS_TOLD:
        out.print(
            f"  [yellow]![/] {len(told) - WARNINGS_TOLD} more warnings; the report lists them"
        )
    closed_names = {outcome.table for outcome in outcomes if not outcome.passed}
    for step, reason in summary["failures"].items():
        if step not in closed_names:
            out.print(f"[red]✗[/] {step}: {escape(reason)}")
    if list(summary["failures"]) == ["mirror"]:
        out.print(
            "The release is published here and CUSTOMER_INTEL_PUBLISH_URL still has the one "
            "before; run again."
        )
    elif summary["exit_code"] == HELD_BACK:
        out.print("[yellow]Published, with a source that is not of tonight[/]; it is named below.")
    elif summary["exit_code"] != DONE:
        from customer_intel.core.store.release import Published

        is_there = Published(home).current() is not None
        stays = "last night's release stays" if is_there else "there is no release yet"
        is_file = any(name.startswith("raw_") for name in closed_names)
        at_fault = "the file named above, or its mapping," if is_file else "what is named above"
        out.print(
            f"[red]Nothing was published[/]; {stays}. {len(summary['skipped'])} steps downstream "
            f"were skipped. Mend {at_fault} and run again."
        )


def _fetched(settings: Settings) -> Settings:
    """The settings of a run whose landing zone is here: what is remote has been fetched, once,
    before the night.
    """
    if settings.publish_url:
        from customer_intel.core.store import mirror as objects

        objects.writable(settings.publish_url)
    if settings.landing_url:
        from customer_intel.orchestration.nights import fetch_landing

        with home_lock(settings.home_dir):
            fetch_landing(settings)
        os.environ["CUSTOMER_INTEL_LANDING"] = str(settings.landing_dir)
    return Settings()


def _night_date(settings: Settings, as_of: str | None, ahead: bool = False) -> date:
    """The night's date; ends the process with 3 for one that cannot be."""
    from customer_intel.orchestration import export_dates as dates

    dates.asked.clear()
    try:
        dates.first_export_date(settings)
    except ConfigError as error:
        fail(str(error), BAD_CONFIGURATION)
    night = dates.day_of(as_of) if as_of is not None else None
    if as_of is not None and night is None:
        fail(f"--as-of {as_of}: expected YYYY-MM-DD", BAD_CONFIGURATION)
    if ahead and night is None:
        fail("--ahead confirms a date: say it with --as-of YYYY-MM-DD", BAD_CONFIGURATION)
    if ahead and night:
        dates.asked.add(night)
    odd = dates.odd_folders(settings, dates.asked)
    messages = [item.message for item in odd]
    landed = dates.landed_dates(settings)
    if night is None and not landed:
        named = f"{settings.landing_dir.name}/ names no export date (<source>/<YYYY-MM-DD>/…)"
        if any(item.kind == "ahead" for item in odd):
            fail("\n".join(messages), BAD_CONFIGURATION)
        fail("\n".join([*messages, f"{named}; give --as-of YYYY-MM-DD"]), BAD_CONFIGURATION)
    warn(messages)
    return night or landed[-1]


def _refuse_earlier(settings: Settings, night: date, as_of: str | None) -> None:
    """Ends the process with 3, before a table is computed, for a night that may not run."""
    from customer_intel.orchestration import export_dates as dates

    said = f"--as-of {as_of}" if as_of else f"the newest export, of {night.isoformat()},"
    try:
        dates.admit(settings, night, said)
    except dates.Refused as refused:
        fail(str(refused), BAD_CONFIGURATION)
    # The date must be one of the job's partitions also when no landing folder is named after it.
    dates.asked.add(night)
