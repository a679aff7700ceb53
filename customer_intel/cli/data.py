"""Commands over what tables and files are: `check`, `inspect`, `docs`."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from customer_intel.cli import configuration, states
from customer_intel.cli.screen import (
    BAD_CONFIGURATION,
    DONE,
    ERROR,
    HomeOption,
    JsonOption,
    err,
    existing,
    out,
    warn,
)
from customer_intel.settings import Settings

if TYPE_CHECKING:
    from customer_intel.ingest.advise.try_values import Tried


def check(
    home: HomeOption = Path("data"),
    values: Annotated[
        bool,
        typer.Option(
            "--values", help="Try each mapping on its newest file; rejected values are masked."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Contracts, definitions, mappings and configuration; explains each fault with file and line."""
    from customer_intel.core.report.section import room_reports
    from customer_intel.core.tables import compile as compiler
    from customer_intel.core.tables import parameters
    from customer_intel.ingest.advise import check_mappings as mapping_check
    from customer_intel.ingest.advise import try_values
    from customer_intel.ingest.judge import before_night
    from customer_intel.orchestration import export_dates

    home_settings = Settings(home=existing(home))
    landing = home_settings.landing_dir
    tries: list[try_values.Tried] = []
    looked = configuration.look(home, landing)
    faults = looked.faults
    # A night would find a broken report.py only at its end, when it publishes.
    with faults.gathered():
        room_reports()
    if looked.contract and looked.definitions:
        # Where the home's settings are at fault, definitions are held against the shipped ones.
        settings = home if looked.is_configured else home / ".shipped"
        with faults.gathered():
            found = compiler.faults(looked.contract, looked.definitions, settings)
            faults.add(*map(str, found))
    if looked.contract:
        with faults.gathered():
            mappings, entities = home / "config" / "mappings", looked.contract.entities
            compared = mapping_check.check(mappings, landing, entities)
            looked.counts["mappings compared with a landed file"] = len(compared)
            looked.warnings += mapping_check.questions(mappings, entities)
            looked.warnings += mapping_check.taken_twice(mappings, landing, entities)
            if looked.is_configured:
                config = parameters.room_config("ingest", home)
                looked.warnings += before_night.told(home, landing, entities, config, date.today())
            if values:
                tries = try_values.tried(mappings, landing, entities)
    odd: list[export_dates.Odd] = []
    if looked.definitions:
        with faults.gathered():
            export_dates.first_export_date(home_settings)
            odd = export_dates.odd_folders(home_settings)
            looked.warnings += [item.message for item in odd]
    told: list[dict[str, Any]] = []
    if tries and not as_json:
        _print_tries(tries)
    if not faults.told:
        with faults.gathered():
            told = states.words(home, landing)
    if as_json:
        sound = {**looked.counts, "states": told}
        wrong = {"faults": [_parted(fault) for fault in faults.told]}
        summary = {"ok": not faults.told, **(wrong if faults.told else sound)}
        if values:
            summary["values"] = [item.summary() for item in tries]
        asked = {"warnings": looked.warnings, "odd_folders": export_dates.told(odd)}
        print(json.dumps({**summary, **asked}, ensure_ascii=False))
    for fault in faults.told:
        err.print(f"[red]✗[/] {escape(fault)}", soft_wrap=True)
    warn(looked.warnings)
    if faults.told:
        raise typer.Exit(BAD_CONFIGURATION)
    if not as_json:
        counted = ", ".join(f"{count} {name}" for name, count in looked.counts.items())
        out.print(f"[green]✓[/] {counted}: no fault found")
        states.print_words(told, out)


def _print_tries(tries: Sequence[Tried]) -> None:
    for item in tries:
        if item.refused:
            out.print(f"[red]✗[/] {escape(f'{item.mapping}, {item.file}: {item.refused}')}")
            continue
        mark = "[yellow]![/]" if item.rejected else "[green]✓[/]"
        counts = (
            f"{item.read:,} rows read, {item.accepted:,} taken, {item.quarantined:,} quarantined, "
            f"{item.duplicates:,} repeated, {item.skipped:,} left out"
        )
        out.print(f"{mark} {escape(item.mapping)}, {escape(item.file)}: {counts}")
        for bad in item.rejected:
            shapes = ", ".join(f"‘{shape}’" for shape in bad.shapes if shape)
            told = f"{bad.column}: {bad.reason} ({bad.rows:,} rows: {shapes or 'empty'})"
            out.print(f"    {escape(told)}", soft_wrap=True)


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
    answer: Annotated[
        list[str] | None,
        typer.Option("--answer", help="topic=value, to what it asked (! decide); may come again."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite a mapping that is there.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Looks at a raw file, says what it is, and writes a mapping that runs."""
    from customer_intel.core.tables.parameters import room_config
    from customer_intel.facts import states as facts_states
    from customer_intel.ingest.advise import inspect_file as inspector

    source = source or inspector.source_of(file)
    settings = room_config("facts", home)

    @cache
    def states_of(entity_name: str) -> dict[str, tuple[str, str]]:
        return facts_states.vocabulary(settings, source, entity_name)

    def state_of(entity_name: str, word: str) -> str | None:
        return states_of(entity_name).get(facts_states.fold(word), (None, ""))[0]

    found = inspector.inspect(
        file,
        home=existing(home, is_made=True),
        out=to,
        source=source,
        entity=entity,
        force=force,
        today=date.today(),
        answers=answer or [],
        state_of=state_of,
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

    In the repository, README's list of tables, docs/states.md, metrics.md and mapping.md too.
    """
    from customer_intel.core.contract import load as contract
    from customer_intel.core.contract.model import PACKAGE
    from customer_intel.core.tables import definition as table
    from customer_intel.facts import states as facts_states
    from customer_intel.ingest.mapping import reference as mapping_reference
    from customer_intel.publish import catalog, semantic_model

    tables = {name: spec for name, spec in contract.load().tables.items() if spec.published}
    metrics = contract.load().metrics
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dictionary.md").write_text(catalog.dictionary(tables, {}), encoding="utf-8")
    model = semantic_model.document(tables, metrics)
    (folder / "semantic_model.yaml").write_text(model, encoding="utf-8")
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
        words.with_name("metrics.md").write_text(catalog.metrics_page(metrics), encoding="utf-8")
        words.with_name("mapping.md").write_text(mapping_reference.page(), encoding="utf-8")
    out.print(f"[green]✓[/] dictionary and {len(tables)} contracts are in {folder}/")


def _parted(fault: str) -> dict[str, Any]:
    """file, line, table and message of a fault; those of them that it names."""
    parts = re.match(
        r"(?P<file>[^\s:]+)(:(?P<line>\d+))?: ('(?P<table>\w+)': )?(?P<message>.*)", fault
    )
    if parts is None:
        return {"message": fault}
    found = {name: value for name, value in parts.groupdict().items() if value is not None}
    return {**found, **({"line": int(found["line"])} if "line" in found else {})}
