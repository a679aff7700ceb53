"""The command that mends a damaged lake: `repair`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import typer
from rich.markup import escape

from customer_intel.cli.screen import DONE, ERROR, HomeOption, JsonOption, out, settings_of
from customer_intel.core.store.lake import home_lock


def repair(home: HomeOption = Path("data"), as_json: JsonOption = False) -> None:
    """Compares every lake file with what its gate saw, and mends what is damaged: from a release, from
    the landed export, or by having the next night compute it.
    """
    from customer_intel.core.contract import load as contract
    from customer_intel.core.night import repair as mending
    from customer_intel.core.store.lake import Lake
    from customer_intel.core.tables import definition

    settings = settings_of(home)
    with home_lock(settings.home_dir):
        done = mending.repair(
            Lake(settings.home_dir),
            settings.landing_dir,
            definition.definitions(contract.load()),
        )
    if as_json:
        print(json.dumps([asdict(item) for item in done], indent=1))
    else:
        for item in done:
            mark = (
                "[green]✓[/]" if item.is_mended else "[yellow]![/]" if item.again else "[red]✗[/]"
            )
            out.print(
                f"{mark} {escape(item.file)} {escape(item.fault)}: {escape(item.outcome)}",
                soft_wrap=True,
            )
        if not done:
            out.print(
                "[green]✓[/] every lake file is what its gate saw, every release as published"
            )
        elif any(item.again for item in done):
            out.print("Run the night again (customer-intel run): until then some tables lack rows.")
    raise typer.Exit(DONE if all(item.is_mended or item.again for item in done) else ERROR)
