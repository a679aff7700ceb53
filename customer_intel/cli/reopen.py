"""The command that undoes nights: `reopen`."""

from __future__ import annotations

import getpass
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from customer_intel.cli.screen import (
    BAD_CONFIGURATION,
    DONE,
    ERROR,
    HomeOption,
    JsonOption,
    err,
    fail,
    out,
    settings_of,
    warn,
)
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.store.lake import LakeError, home_lock

if TYPE_CHECKING:
    from customer_intel.core.store.reopening import Plan

# More names than these are counted on the screen; --json has them all.
NAMES_TOLD = 6


def reopen(
    date: Annotated[
        str | None, typer.Argument(help="Go back to the last night on or before YYYY-MM-DD.")
    ] = None,
    home: HomeOption = Path("data"),
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Do it; without, it only says what it would do.")
    ] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Take the last reopening back; no DATE.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Undoes every night after a date: tables with memory, the ledger of exports, the release."""
    from customer_intel.core.store import release, reopening
    from customer_intel.orchestration import export_dates

    settings = settings_of(home)
    if undo == (date is not None):
        fail("reopen takes a DATE, or --undo and no date", BAD_CONFIGURATION)
    if date is not None and export_dates.day_of(date) is None:
        fail(f"reopen {date}: expected YYYY-MM-DD", BAD_CONFIGURATION)
    memory, raw = export_dates.memory(), export_dates.raw_tables()
    landing = settings.landing_dir
    with home_lock(settings.home_dir):
        release.recover(settings.home_dir)
        try:
            plan = (
                reopening.plan(settings.home_dir, landing, date, memory, raw)
                if date is not None
                else reopening.undo_plan(settings.home_dir, memory)
            )
        except LakeError as error:
            fail(f"reopen {date or '--undo'}: {error}", BAD_CONFIGURATION)
        if confirm:
            by, at = _user(), datetime.now(UTC).isoformat(timespec="seconds")
            reopening.reopen(plan, landing, raw, by=by, at=at)
    mirrored = _point_mirror_back(settings.publish_url, plan) if confirm else ""
    if as_json:
        print(json.dumps({"done": confirm, **plan.summary()}, indent=1, ensure_ascii=False))
    else:
        for line in _lines(plan, confirm):
            out.print(escape(line), soft_wrap=True)
    warn(_warnings(plan, landing.name))
    if not confirm:
        err.print("[red]✗[/] nothing was changed; say --confirm to do it", soft_wrap=True)
        raise typer.Exit(BAD_CONFIGURATION)
    if mirrored:
        fail(mirrored, ERROR)
    raise typer.Exit(DONE)


def _lines(plan: Plan, done: bool) -> list[str]:
    to = f"the night of {plan.state.as_of}" if plan.state.as_of else "before the first night"
    lines = [f"{'✓ the home is back' if done else 'would lead back'} to {to}"]
    if plan.is_undo:
        lines.append(f"  releases withdrawn no more: {_some(plan.again) or 'none'}")
        lines.append(f"  readers see: {_readers(plan)}")
        return lines
    word = "undone" if done else "would be undone"
    lines.append(f"  nights {word}: {_some(plan.nights)}")
    lines.append(f"  releases withdrawn: {_some(plan.withdrawn) or 'none'}")
    lines.append(f"  readers see: {_readers(plan)}")
    for name, (now, then) in plan.tables.items():
        lines.append(f"  {name}: {now:,} rows → {then:,}")
    lines.append(f"  exports to be taken anew: {_some(plan.exports) or 'none'}")
    if plan.anew:
        lines.append(f"  {len(plan.anew)} tables are empty until the next night makes them anew")
    if done:
        lines.append(
            "  mend the export, then run the nights again (customer-intel run --as-of DATE, oldest "
            "first)"
        )
    return lines


def _readers(plan: Plan) -> str:
    if plan.release:
        return f"{plan.release.snapshot_id}, as of {plan.release.as_of}"
    return "what they saw, since no release of before is kept; the next night's takes its place"


def _warnings(plan: Plan, landing: str) -> list[str]:
    if not plan.unlanded:
        return []
    return [
        f"{_some(plan.unlanded)}: no longer in {landing}/, so that no night takes it again; put it "
        "back before the next one (what was taken of them is kept until that one is whole)"
    ]


def _some(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - NAMES_TOLD} more" if len(names) > NAMES_TOLD else ""
    return ", ".join(names[:NAMES_TOLD]) + more


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _point_mirror_back(url: str | None, plan: Plan) -> str:
    """What went wrong, if anything did; the next night's release takes the pointer over anyway."""
    if not url or not plan.release:
        return ""
    from customer_intel.core.store import mirror as objects

    snapshot = plan.release.snapshot_id
    try:
        objects.point_at(objects.writable(url), snapshot, back=True)
    except (LakeError, ConfigError) as error:
        return (
            f"reopened here; readers of CUSTOMER_INTEL_PUBLISH_URL still see the undone night "
            f"({error}): customer-intel rollback {snapshot}"
        )
    return ""
