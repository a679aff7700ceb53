"""The night's most useful findings, in ranked sentences computed from the published tables; and the
demo's last screen.

Belongs here: which findings are told. Not here: what is asked (findings of <room>/report.py).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from customer_intel.core.contract.load import load
from customer_intel.core.contract.model import suggestion
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.report.evidence import Evidence
from customer_intel.core.report.markup import count, day, plural
from customer_intel.core.report.section import Finding, RoomReport, room_reports
from customer_intel.core.store.lake import Lake, Version
from customer_intel.core.store.release import Published
from customer_intel.publish.money import with_money

if TYPE_CHECKING:
    from rich.console import Console


def top(source: Evidence | Lake, n: int = 3) -> list[Finding]:
    """The n findings of the highest value, at most one per question and subject, and the grave."""
    evidence = _evidence(source) if isinstance(source, Lake) else source
    return best(with_money(evidence), room_reports(), n)


def best(evidence: Evidence, rooms: Sequence[RoomReport], n: int = 3) -> list[Finding]:
    """As `top`, of these rooms' questions only; whatever is grave beside them."""
    found: dict[tuple[object, str], Finding] = {}
    for room in rooms:
        for ask in room.findings:
            for item in _answers(ask, evidence):
                known = found.get((ask, item.subject))
                if known is None or item.value > known.value:
                    found[ask, item.subject] = item
    ranked = sorted(found.values(), key=lambda item: (-item.value, item.text))
    return [item for place, item in enumerate(ranked) if place < n or item.is_grave]


def _answers(ask: Callable[[Evidence], Iterable[Finding]], evidence: Evidence) -> list[Finding]:
    """What a room answers. Raises ConfigError, naming the question, for an answer that fails or cites
    what is not there.
    """
    where = f"{ask.__module__.removeprefix('customer_intel.').replace('.', '/')}.py: {ask.__name__}"
    try:
        found = list(ask(evidence))
    except Exception as error:
        raise ConfigError(f"{where}: {type(error).__name__}: {error}") from error
    tables = load().tables
    metrics = {name for entry in load().metrics for name in entry.ids}
    for item in found:
        if item.evidence_table not in tables:
            hint = suggestion(item.evidence_table, tables)
            raise ConfigError(f"{where}: there is no table '{item.evidence_table}'{hint}")
        if item.metric and item.metric not in metrics:
            hint = suggestion(item.metric, metrics)
            raise ConfigError(f"{where}: there is no metric '{item.metric}'{hint}")
    return found


def _evidence(lake: Lake) -> Evidence:
    """The lake's newest night."""
    versions: dict[str, Version] = {}
    for pointer in sorted(lake.root.glob("*/CURRENT.json")):
        version = lake.current(pointer.parent.name)
        if version:
            versions[version.table] = version
    if not versions:
        raise ValueError("the lake holds no accepted table; run a night first (customer-intel run)")
    newest = max(versions.values(), key=lambda version: (version.as_of, version.snapshot_id))
    as_of = date.fromisoformat(newest.as_of)
    return Evidence.of_night(lake, versions, as_of, newest.snapshot_id)


def print_screenful(home: Path, console: Console) -> None:
    """What the current release is made of and what it says, in about twenty lines."""
    from rich.markup import escape
    from rich.table import Table

    release = Published(home).current()
    if release is None:
        console.print("Nothing is published yet; run a night first (customer-intel run).")
        return
    evidence = Evidence.of_release(release, home)
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", justify="right")
    grid.add_column()
    if evidence.has("export_file"):
        files = evidence.frame("export_file")
        parts = ("read", "accepted", "quarantined", "duplicate", "skipped")
        read, taken, bad, repeated, skipped = (count(files[f"rows_{part}"].sum()) for part in parts)
        states = dict(
            files.group_by("status")
            .agg(pl.col("source_file").n_unique())
            .sort("status")
            .iter_rows()
        )
        kinds = ", ".join(f"{count(n)} {status.replace('_', ' ')}" for status, n in states.items())
        grid.add_row(
            "read",
            f"{read} rows of {plural(files['source_file'].n_unique(), 'file')} ({escape(kinds)})",
        )
        grid.add_row(
            "quarantined", f"{bad} rows; {taken} taken, {repeated} repeated, {skipped} not wanted"
        )
    checks = [finding for source in evidence.tables.values() for finding in source.findings]
    warned = sum(not finding["success"] for finding in checks)
    warning = f", [yellow]{warned} with a warning[/]" if warned else ""
    grid.add_row(
        "gated", f"{count(len(checks))} checks on {len(evidence.tables)} published tables{warning}"
    )
    empty = sum(1 for source in evidence.tables.values() if source.reason)
    grid.add_row(
        "published",
        (
            f"{len(evidence.tables) - empty} tables, {count(sum(s.rows for s in evidence.tables.values()))} "
            "rows, "
            f"as of {day(evidence.as_of)}"
        )
        + (f"; {empty} more are empty for want of data" if empty else ""),
    )
    if evidence.has("customer_profile"):
        grid.add_row("customers", count(evidence.rows("customer_profile")))
    console.print()
    console.print(grid)
    console.print()
    for place, finding in enumerate(top(evidence), 1):
        console.print(
            f"[bold]{place}.[/] {escape(finding.text)} [dim]{finding.metric or finding.evidence_table}[/]"
        )
    console.print()
    console.print(
        f"[green]→[/] report: {escape(str(release.folder / 'report.html'))}", soft_wrap=True
    )


if __name__ == "__main__":
    # python -m customer_intel.publish.findings data: every question's best answer, with its value.
    for told in top(Lake(Path(sys.argv[1]).resolve()), n=1000):
        sys.stdout.write(f"{told.value:.3f}  {told.text} ({told.evidence_table})\n")
