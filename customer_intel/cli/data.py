"""Commands over what tables and files are: `check`, `inspect`, `docs`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from customer_intel.cli import states
from customer_intel.cli.screen import (
    BAD_CONFIGURATION,
    DONE,
    ERROR,
    HomeOption,
    JsonOption,
    err,
    out,
)
from customer_intel.settings import Settings

# The asset that publishes, which --select may name beside tables.
RELEASE = "release"


def check(home: HomeOption = Path("data"), as_json: JsonOption = False) -> None:
    """Contracts, definitions, mappings and configuration; explains each fault with file and line."""
    from customer_intel.core.contract import load as contract
    from customer_intel.core.report.section import room_reports
    from customer_intel.core.tables import compile as compiler
    from customer_intel.core.tables import definition as table
    from customer_intel.ingest.advise import check_mappings as mapping_check

    landing = Settings(home=home).landing_dir
    counts = checked(home)
    # A night would find a broken report.py only at its end, when it publishes.
    room_reports()
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
    compared = mapping_check.check(home / "config" / "mappings", landing, contract.load().entities)
    counts["mappings compared with a landed file"] = len(compared)
    told = states.words(home, landing)
    if as_json:
        print(json.dumps({"ok": True, **counts, "states": told}, ensure_ascii=False))
    else:
        out.print(
            "[green]✓[/] "
            + ", ".join(f"{count} {name}" for name, count in counts.items())
            + ": no fault found"
        )
        states.print_words(told, out)


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


def docs(
    folder: Annotated[Path, typer.Argument(help="Where to write.")] = Path("docs/reference"),
) -> None:
    """Dictionary, data contracts and generated SELECTs, from the contract alone.

    In the repository, README's list of tables and docs/states.md too.
    """
    from customer_intel.core.contract import load as contract
    from customer_intel.core.contract.model import PACKAGE
    from customer_intel.core.tables import definition as table
    from customer_intel.facts import states as facts_states
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
        PACKAGE.parent / "README.md",
        PACKAGE.parent / "docs" / "states.md",
    )
    if readme.exists() and words.exists():
        readme.write_text(
            catalog.with_list(readme.read_text(encoding="utf-8"), tables), encoding="utf-8"
        )
        words.write_text(facts_states.page(), encoding="utf-8")
    out.print(f"[green]✓[/] dictionary and {len(tables)} contracts are in {folder}/")


def checked(home: Path, select: Sequence[str] = ()) -> dict[str, int]:
    """Counts contracts, entities and mappings. Raises ConfigError, naming file and line, for the
    first fault.
    """
    from customer_intel.core.contract import load as contract
    from customer_intel.core.engine import DuckDBEngine, EngineSettings
    from customer_intel.core.tables import definition as table
    from customer_intel.core.tables import parameters
    from customer_intel.facts import states as facts_states
    from customer_intel.ingest.mapping import model as mapping

    contracts = contract.load()
    definitions = table.definitions(contracts)
    for room in sorted({item.room for item in contracts.tables.values()}):
        config = parameters.room_config(room, home)
        if room == "facts":
            facts_states.validate(config)
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
