"""Sources on the screen: what is late, refused or odd, which are held back; the command `status`."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console
from rich.markup import escape

from customer_intel.cli.screen import HomeOption, JsonOption, existing, out
from customer_intel.core.store.lake import Lake, LakeError
from customer_intel.core.store.night_rows import rows_of_night

# More findings than these are counted on the screen; source_check has all.
TOLD = 12
_STATES = {
    "late": "late",
    "held": "held back at its last good state",
    "left_out": "left out, for nothing of it could be used",
}


def of_night(home: Path, as_of: date) -> dict[str, Any]:
    """The night's sources: `states` that are not current, what was `found`, how many tables lean on a
    stale one; empty lists when the night did not come so far.
    """
    lake = Lake(home.resolve())
    states, found, leaning = (
        _rows(lake, name, as_of) for name in ("source_state", "source_check", "stale_table")
    )
    tonight = [row for row in found if row["judged_on"] == as_of]
    tables: dict[str, list[str]] = {}
    for row in leaning:
        tables.setdefault(row["source_system"], []).append(row["table_name"])
    return {
        "states": [
            {**row, "tables": sorted(tables.get(row["source_system"], []))}
            for row in states
            if row["state"] != "current" or row["findings"]
        ],
        "found": tonight,
    }


def is_stale(sources: dict[str, Any]) -> bool:
    """Whether a source is held back, left out for a fault, or late where that is a failure."""
    return any(
        row["state"] == "held" or (row["state"] != "current" and row["is_failed"])
        for row in sources["states"]
    )


def print_sources(sources: dict[str, Any], console: Console) -> None:
    """A line for each finding, failures first, and one for each source that is not current."""
    for row in sorted(sources["found"], key=lambda row: row["severity"])[:TOLD]:
        mark = "[red]✗[/]" if row["severity"] == "fail" else "[yellow]![/]"
        console.print(
            f"  {mark} {escape(row['source_system'])}: {escape(row['message'])}", soft_wrap=True
        )
    if len(sources["found"]) > TOLD:
        more = len(sources["found"]) - TOLD
        console.print(f"  [yellow]![/] {more} more of the sources; source_check lists them")
    for row in sources["states"]:
        if row["state"] in _STATES and (row["state"] != "left_out" or row["is_failed"]):
            since = f" since {row['stale_since']}" if row["stale_since"] else ""
            used = f"; its newest export in use is of {row['export_date']}"
            lean = f"; {len(row['tables'])} tables lean on it" if row["tables"] else ""
            text = f"{row['source_system']} is {_STATES[row['state']]}{since}"
            text += (used if row["export_date"] else "") + lean
            console.print(f"  [yellow]![/] {escape(text)}", soft_wrap=True)


def status(home: HomeOption = Path("data"), as_json: JsonOption = False) -> None:
    """What is published, since when, and what each source is worth; what is late or held back."""
    from customer_intel.core.store.release import Published

    release = Published(existing(home).resolve()).current()
    rows: list[dict[str, Any]] = []
    if release is not None and "source_state" in release.manifest["tables"]:
        rows = pl.read_parquet(release.files("source_state")).to_dicts()
    summary = {
        "snapshot_id": release.snapshot_id if release else None,
        "as_of": release.as_of if release else None,
        "sources": rows,
    }
    if as_json:
        print(json.dumps(summary, indent=1, default=str))
        return
    if release is None:
        out.print("Nothing is published yet; run a night first (customer-intel run).")
        return
    out.print(f"published: {release.snapshot_id}, as of {release.as_of}")
    for row in rows:
        mark = "[green]✓[/]" if row["state"] == "current" else "[yellow]![/]"
        text = f"{row['source_system']}: {row['state'].replace('_', ' ')}"
        text += f" since {row['stale_since']}" if row["stale_since"] else ""
        text += f"; export of {row['export_date']}" if row["export_date"] else ""
        text += f"; next due {row['due_on']}" if row["due_on"] else ""
        text += f"; {row['reason']}" if row["reason"] else ""
        out.print(f"  {mark} {escape(text)}", soft_wrap=True)


def _rows(lake: Lake, name: str, as_of: date) -> list[dict[str, Any]]:
    try:
        return rows_of_night(lake, name, as_of.isoformat())
    except LakeError:
        return []
