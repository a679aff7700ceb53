"""The commands of customer-intel. Exit codes: 0 done, 1 error, 2 a gate closed, 3 bad
configuration.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from customer_intel import cli_identity, cli_states, cli_why
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.night.worker import LONG_LIVED
from customer_intel.core.store.lake import HomeBusy, LakeError, home_lock
from customer_intel.settings import Settings

DONE, ERROR, GATE_CLOSED, BAD_CONFIGURATION = 0, 1, 2, 3
# The asset that publishes, which --select may name beside tables.
RELEASE = "release"
# More warnings than these are counted on the screen, not told.
WARNINGS_TOLD = 8

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Customer exports to gated, published tables."
)
evaluation = typer.Typer(
    no_args_is_help=True, help="How well the methods do on anyone's labelled data."
)
evaluation.command("identity")(cli_identity.evaluate)
app.add_typer(evaluation, name="evaluate")
app.command("resolve")(cli_identity.resolve)
app.command("why")(cli_why.why)
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

HomeOption = Annotated[
    Path, typer.Option("--home", help="Holds landing/, lake/, quarantine/, published/, config/.")
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print a machine-readable summary instead.")
]


def main() -> None:
    os.umask(0o077)
    # A night makes many long-lived objects and little garbage: looking for it ever so often cost a
    # twentieth of it.
    gc.set_threshold(LONG_LIVED, 20, 100)
    try:
        app(standalone_mode=True)
    except ConfigError as error:
        fail(f"configuration: {error}", BAD_CONFIGURATION)
    except LakeError as error:
        fail(str(error), ERROR)


def fail(message: str, code: int) -> None:
    err.print(f"[red]✗[/] {escape(message)}")
    sys.exit(code)


@app.command()
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
    as_json: JsonOption = False,
) -> None:
    """One night: every new export up to the date, through every gate, to one release."""
    settings = _fetched(_settings(home, landing))
    night = _night_date(settings, as_of)
    # The date must be one of the job's partitions also when no landing folder is named after it.
    os.environ.setdefault("CUSTOMER_INTEL_FIRST_EXPORT_DATE", night.isoformat())
    tables = [name.strip() for name in select.split(",")] if select else None
    _checked(settings.home_dir, tables or ())
    code, summary = one_night(settings, night, tables, quiet=as_json)
    if as_json:
        print(json.dumps(summary, indent=1, default=str))
    raise typer.Exit(code)


@app.command()
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

    settings = _settings(home, None)
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
        if code != DONE:
            break
    if as_json:
        print(json.dumps(summary, indent=1, default=str))
    elif code == DONE:
        from customer_intel.publish import findings

        findings.print_screenful(settings.home_dir, out)
    raise typer.Exit(code)


@app.command()
def check(home: HomeOption = Path("data"), as_json: JsonOption = False) -> None:
    """Contracts, definitions, mappings and configuration; explains each fault with file and line."""
    from customer_intel.core.contract import model as contract
    from customer_intel.core.tables import compile as compiler
    from customer_intel.core.tables import definition as table
    from customer_intel.ingest.advise import check_mappings as mapping_check

    counts = _checked(home)
    if faults := compiler.faults(contract.load(), table.definitions(contract.load()), home):
        if as_json:
            print(
                json.dumps(
                    {"ok": False, "faults": [asdict(fault) for fault in faults]}, ensure_ascii=False
                )
            )
        for fault in faults:
            err.print(f"[red]✗[/] {escape(str(fault))}", soft_wrap=True)
        raise typer.Exit(BAD_CONFIGURATION)
    landing = Settings(home=home).landing_dir
    compared = mapping_check.check(home / "config" / "mappings", landing, contract.load().entities)
    counts["mappings compared with a landed file"] = len(compared)
    told = cli_states.words(home, landing)
    if as_json:
        print(json.dumps({"ok": True, **counts, "states": told}, ensure_ascii=False))
    else:
        out.print(
            "[green]✓[/] "
            + ", ".join(f"{count} {name}" for name, count in counts.items())
            + ": no fault found"
        )
        cli_states.print_words(told, out)


@app.command()
def inspect(
    file: Annotated[Path, typer.Argument(help="A raw export, plain or packed.")],
    home: HomeOption = Path("data"),
    to: Annotated[
        Path | None, typer.Option("--out", help="Default: its place below <home>/config/mappings.")
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="The system that wrote it; default its folder's name.")
    ] = None,
    entity: Annotated[str | None, typer.Option(help="What it is, if not what is guessed.")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite a mapping that is there.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Looks at a raw file, says what it is, and writes a mapping that runs."""
    from customer_intel.ingest.advise import inspect_file as inspector

    found = inspector.inspect(
        file, home=home, out=to, source=source, entity=entity, force=force, today=date.today()
    )
    if as_json:
        print(json.dumps(found.summary(), indent=1))
    else:
        inspector.print_screen(found, out)
    raise typer.Exit(DONE if found.works else ERROR)


@app.command()
def releases(
    home: HomeOption = Path("data"),
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare every published byte with its checksum.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """The kept releases, newest first; the current one is marked."""
    from customer_intel.core.store.release import Published

    store = Published(home.resolve())
    if verify:
        faults = store.verify()
        if as_json:
            print(json.dumps(faults, indent=1))
        for name, lines in faults.items() if not as_json else ():
            out.print(f"[red]✗[/] {name}: " + escape("; ".join(lines)))
        if not faults and not as_json:
            out.print(
                f"[green]✓[/] {len(store.releases())} releases: every byte is as it was published"
            )
        raise typer.Exit(ERROR if faults else DONE)
    found = store.releases()
    if as_json:
        print(
            json.dumps(
                [{"id": r.snapshot_id, "as_of": r.as_of, "current": r.is_current} for r in found],
                indent=1,
            )
        )
        return
    for release in found:
        out.print(
            f"{'→' if release.is_current else ' '} {release.snapshot_id}  as of {release.as_of}"
        )
    if not found:
        out.print("no release yet; run a night first (customer-intel run)")


@app.command()
def rollback(release: str, home: HomeOption = Path("data")) -> None:
    """Points readers back at a kept release."""
    from customer_intel.core.store.release import Published

    store = Published(home.resolve())
    for kept in store.releases():
        if kept.snapshot_id == release:
            with home_lock(home):
                store.point_at(kept.snapshot_id, kept.as_of)
            if url := _settings(home, None).publish_url:
                from customer_intel.core.store import mirror as objects

                objects.point_at(objects.writable(url), kept.snapshot_id, back=True)
            out.print(f"[green]✓[/] readers now see {release}")
            return
    fail(f"no kept release '{release}'; see customer-intel releases", ERROR)


@app.command()
def docs(
    folder: Annotated[Path, typer.Argument(help="Where to write.")] = Path("docs/reference"),
) -> None:
    """Dictionary, data contracts and generated SELECTs, from the contract alone; in the repository
    README's list and docs/states.md.
    """
    from customer_intel.core.contract import model as contract
    from customer_intel.core.tables import definition as table
    from customer_intel.facts import states
    from customer_intel.publish import catalog

    tables = {name: spec for name, spec in contract.load().tables.items() if spec.published}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dictionary.md").write_text(catalog.dictionary(tables, {}), encoding="utf-8")
    for name, spec in tables.items():
        (folder / f"{name}.odcs.yaml").write_text(catalog.odcs(spec, "0", tables), encoding="utf-8")
    for name, definition in table.definitions(contract.load()).items():
        if definition.joins:
            (folder / f"{name}.sql").write_text(definition.text, encoding="utf-8")
    readme, words = (
        contract.PACKAGE.parent / "README.md",
        contract.PACKAGE.parent / "docs" / "states.md",
    )
    if readme.exists() and words.exists():
        readme.write_text(
            catalog.with_list(readme.read_text(encoding="utf-8"), tables), encoding="utf-8"
        )
        words.write_text(states.page(), encoding="utf-8")
    out.print(f"[green]✓[/] dictionary and {len(tables)} contracts are in {folder}/")


@app.command()
def dev(home: HomeOption = Path("data"), port: int = 3000, host: str = "127.0.0.1") -> None:
    """The Dagster UI, with the schedule and the alerts, until interrupted."""
    from customer_intel.orchestration.runs import prepare_instance

    prepare_instance(_settings(home, None))
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
    from customer_intel.core.night.build import Outcome
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
        DONE if result.success else GATE_CLOSED if closed or "release" in result.failures else ERROR
    )
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
        "seconds_by_phase": {**phases, "imports_and_orchestration": round(wall - tables, 2)},
        "tables": {
            outcome.table: {
                "status": outcome.status,
                "rows": outcome.rows,
                "parts_written": len(outcome.written),
                "sha256": outcome.version.sha256 if outcome.version else None,
                "seconds": {phase: round(value, 3) for phase, value in outcome.seconds.items()},
                "warnings": [
                    f"{f.expectation}: {f.unexpected} of {f.checked}"
                    for f in outcome.verdict.warned
                ],
                "reason": outcome.reason,
            }
            for outcome in outcomes
        },
        "failures": result.failures,
        "skipped": list(result.skipped),
    }
    if not quiet:
        _closing(summary, closed)
        cli_states.print_meaning(settings.home, out)
    return code, summary


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


def _closing(summary: dict[str, Any], closed: list[Any]) -> None:
    phases = summary["seconds_by_phase"]
    out.print(
        f"{summary['seconds']:.1f} s: imports and orchestration "
        f"{phases['imports_and_orchestration']:.1f}, the rest "
        f"tables, two at a time: computing {phases['compute']:.1f}, gates {phases['gate']:.1f}, "
        f"writing {phases['accept']:.1f}"
    )
    warned = [
        (name, warning)
        for name, entry in summary["tables"].items()
        for warning in entry["warnings"]
        if not name.startswith("raw_")
    ]
    for name, warning in warned[:WARNINGS_TOLD]:
        out.print(f"  [yellow]![/] {name}: {escape(warning)}", soft_wrap=True)
    if len(warned) > WARNINGS_TOLD:
        out.print(
            f"  [yellow]![/] {len(warned) - WARNINGS_TOLD} more warnings; the report lists them"
        )
    closed_names = {outcome.table for outcome in closed}
    for step, reason in summary["failures"].items():
        if step not in closed_names:
            out.print(f"[red]✗[/] {step}: {escape(reason)}")
    if list(summary["failures"]) == ["mirror"]:
        out.print(
            "The release is published here and CUSTOMER_INTEL_PUBLISH_URL still has the one "
            "before; run again."
        )
    elif summary["exit_code"] != DONE:
        out.print(
            "[red]Nothing was published[/]; last night's release stays. "
            f"{len(summary['skipped'])} steps downstream "
            "were skipped. Mend the file named above, or its mapping, and run again."
        )


def _checked(home: Path, select: Sequence[str] = ()) -> dict[str, int]:
    """Counts contracts, entities and mappings. Raises ConfigError, naming file and line, for the
    first fault.
    """
    from customer_intel.core.contract import model as contract
    from customer_intel.core.engine import DuckDBEngine, EngineSettings
    from customer_intel.core.tables import definition as table
    from customer_intel.facts import states
    from customer_intel.ingest.mapping import model as mapping

    contracts = contract.load()
    definitions = table.definitions(contracts)
    for room in sorted({item.room for item in contracts.tables.values()}):
        config = table.room_config(room, home)
        if room == "facts":
            states.validate(config)
            DuckDBEngine(EngineSettings(), []).define_local_time(str(config["time_zone"]))
    mappings = mapping.load(home / "config" / "mappings", contracts.entities)
    for name in select:
        if name != RELEASE:
            contracts.table(name)
    return {
        "tables": len(definitions),
        "entities": len(contracts.entities),
        "mappings": len(mappings),
    }


def _settings(home: Path, landing: str | None) -> Settings:
    # Steps of the same run, and the UI's processes, read the same settings from the environment.
    os.environ["CUSTOMER_INTEL_HOME"] = str(home.resolve())
    if landing is not None:
        if "://" not in landing and not Path(landing).is_dir():
            fail(f"--landing {landing}: no such folder", BAD_CONFIGURATION)
        os.environ["CUSTOMER_INTEL_LANDING"] = (
            landing if "://" in landing else str(Path(landing).resolve())
        )
    return Settings()


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


def _night_date(settings: Settings, as_of: str | None) -> date:
    from customer_intel.orchestration.nights import landed_dates, today

    dates = landed_dates(settings)
    if as_of is not None:
        try:
            night = date.fromisoformat(as_of)
        except ValueError:
            fail(f"--as-of {as_of}: expected YYYY-MM-DD", BAD_CONFIGURATION)
        last = max([today(), *dates])
        if night > last:
            fail(
                f"--as-of {as_of} lies ahead: today, or the newest export, is {last.isoformat()}",
                BAD_CONFIGURATION,
            )
        return night
    if not dates:
        fail(
            (
                f"{settings.landing_dir.name}/ names no export date (<source>/<YYYY-MM-DD>/…); "
                "give "
                "--as-of YYYY-MM-DD"
            ),
            BAD_CONFIGURATION,
        )
    return dates[-1]


if __name__ == "__main__":
    main()
