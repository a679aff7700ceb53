"""Commands over what is published: `releases`, `rollback`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from customer_intel.cli.screen import (
    DONE,
    ERROR,
    HomeOption,
    JsonOption,
    existing,
    fail,
    out,
    settings_of,
)
from customer_intel.core.store.lake import home_lock


def releases(
    home: HomeOption = Path("data"),
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Compare every published and lake byte with its checksum."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """The kept releases, newest first; the current one is marked."""
    from customer_intel.core.store.release import Published
    from customer_intel.core.store.reopening import record_of
    from customer_intel.core.store.withdrawn import withdrawn

    store = Published(existing(home).resolve())
    if verify:
        faults = {**store.verify(), **_lake_faults(store.root.parent)}
        if as_json:
            print(json.dumps(faults, indent=1))
        for name, lines in faults.items() if not as_json else ():
            out.print(f"[red]✗[/] {name}: " + escape("; ".join(lines)))
        if not faults and not as_json:
            out.print(
                f"[green]✓[/] {len(store.releases())} releases: every byte is as it was published, "
                "and every lake file what its gate saw"
            )
        raise typer.Exit(ERROR if faults else DONE)
    found = store.releases()
    undone = withdrawn(store.root)
    if as_json:
        told = [
            {
                "id": release.snapshot_id,
                "as_of": release.as_of,
                "current": release.is_current,
                "withdrawn": release.snapshot_id in undone,
            }
            for release in found
        ]
        print(json.dumps(told, indent=1))
        return
    for release in found:
        mark = "→" if release.is_current else " "
        note = "  withdrawn: its night was undone" if release.snapshot_id in undone else ""
        out.print(f"{mark} {release.snapshot_id}  as of {release.as_of}{note}")
    for entry in record_of(store.root.parent):
        nights = ", ".join(entry["nights_undone"]) or entry.get("took_back", "nothing")
        out.print(
            escape(
                f"reopened {entry['at']} by {entry['by']} to {entry['led_to'] or 'the beginning'}; "
                f"undone: {nights}"
            ),
            soft_wrap=True,
        )
    if not found:
        out.print("no release yet; run a night first (customer-intel run)")


def _lake_faults(home: Path) -> dict[str, list[str]]:
    from customer_intel.core.contract import load as contract
    from customer_intel.core.night.repair import lasting
    from customer_intel.core.store import damage
    from customer_intel.core.store.lake import Lake
    from customer_intel.core.tables import definition

    definitions = definition.definitions(contract.load())
    found = damage.find(Lake(home), definitions, lasting(definitions))
    return {"lake": [f"{item.file} {item.fault}" for item in found]} if found else {}


def rollback(release: str, home: HomeOption = Path("data")) -> None:
    """Points readers back at a kept release."""
    from customer_intel.core.store.release import Published

    url = settings_of(home).publish_url
    store = Published(home.resolve())
    for kept in store.releases():
        if kept.snapshot_id == release:
            with home_lock(home):
                store.point_at(kept.snapshot_id, kept.as_of)
            if url:
                from customer_intel.core.store import mirror as objects

                objects.point_at(objects.writable(url), kept.snapshot_id, back=True)
            out.print(f"[green]✓[/] readers now see {release}")
            return
    fail(f"no kept release '{release}'; see customer-intel releases", ERROR)
