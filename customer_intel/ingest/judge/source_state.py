"""What each source is worth tonight: current, late, or held back at its last good state, and since when.

Belongs here: the table source_state, by which raw tables are read (land/holding.py), and what stops
a night. Not here: the single findings (source_check.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl

from customer_intel.core.gate.gate import GateClosed
from customer_intel.ingest.judge import words
from customer_intel.ingest.judge.declared import FAIL, Expected, declared
from customer_intel.ingest.judge.export_kinds import Kind, kinds_of
from customer_intel.ingest.judge.source_check import next_due
from customer_intel.ingest.land.holding import is_superseded, stands, taken_on

CURRENT, LATE, HELD, LEFT_OUT = "current", "late", "held", "left_out"
_ARRIVAL = ("late", "absent")


def source_state(
    source_check: pl.DataFrame,
    ledgers: list[dict[str, Any]],
    as_of: date,
    config: Mapping[str, Any],
    schema: pl.Schema,
    previous: pl.DataFrame,
    snapshot: str,
) -> pl.DataFrame:
    """One row per source. Raises GateClosed for a required source at fault, and for a night to which
    nothing usable came.
    """
    expected = declared(config)
    kinds = kinds_of(ledgers)
    # A later night that a gate ended is forgotten.
    known = previous.filter(pl.col("as_of") <= as_of) if "as_of" in previous.columns else previous
    before = {row["source_system"]: row for row in known.iter_rows(named=True)}
    standing = _standing(source_check, ledgers, kinds, expected, as_of)
    replaced = [facts for facts in ledgers if is_superseded(facts)]
    sources = sorted({kind.source for kind in kinds} | set(standing) | set(expected))
    rows = [
        _state(
            source,
            [kind for kind in kinds if kind.source == source],
            standing.get(source, []),
            expected,
            before.get(source),
            [part for part in replaced if part["source_system"] == source],
            as_of,
            snapshot,
        )
        for source in sources
    ]
    stopped = [
        f"{row['source_system']}: {row['reason']}"
        for row in rows
        if row["is_required"] and (row["state"] in (HELD, LEFT_OUT) or row["is_failed"])
    ]
    if stopped:
        raise GateClosed("required source", "; ".join(stopped))
    if config["without_news"] == FAIL and (why := _without_news(kinds, expected, as_of)):
        told = [finding["message"] for found in standing.values() for finding in found]
        raise GateClosed("news", "; ".join([why, *told[:5]]))
    return pl.DataFrame(rows, schema=schema, orient="row")


def _standing(
    checks: pl.DataFrame,
    ledgers: Sequence[Mapping[str, Any]],
    kinds: Sequence[Kind],
    expected: Mapping[str, Expected],
    as_of: date,
) -> dict[str, list[dict[str, Any]]]:
    """Source → tonight's findings, and failures of earlier nights whose files lie there unmended."""
    taken = {
        (str(facts["source_system"]), str(facts["mapping"]), facts["export_date"], taken_on(facts))
        for facts in ledgers
        if facts["status"] == "accepted" and not is_superseded(facts)
    }
    accepted = {
        (kind.source, kind.mapping): {*kind.expected(expected).accepted, *of_source.accepted}
        for kind in kinds
        for of_source in [expected.get(kind.source, Expected())]
    }
    found: dict[str, list[dict[str, Any]]] = {}
    for row in checks.iter_rows(named=True):
        day = row["export_date"]
        if row["judged_on"] < as_of:
            of_files = row["check_name"] in ("refused", "undecided", "unmapped", *_ARRIVAL)
            key = (row["source_system"], row["mapping"], day.isoformat(), row["judged_on"])
            is_open = row["severity"] == FAIL and not of_files and key in taken
            if not is_open or day in accepted[key[:2]]:
                continue
        found.setdefault(row["source_system"], []).append(row)
    return found


def _state(
    source: str,
    kinds: Sequence[Kind],
    found: Sequence[Mapping[str, Any]],
    expected: Mapping[str, Expected],
    before: Mapping[str, Any] | None,
    replaced: Sequence[Mapping[str, Any]],
    as_of: date,
    snapshot: str,
) -> dict[str, Any]:
    failed = [row for row in found if row["severity"] == FAIL]
    late = [row for row in found if row["check_name"] in _ARRIVAL]
    holding = [row for row in failed if row["check_name"] not in _ARRIVAL]
    waits = _waits(holding, before or {}, as_of, snapshot)
    since = waits["held_since"]
    parts = [part for kind in kinds for export in kind.exports.values() for part in export.parts]
    used = [part for part in [*parts, *replaced] if stands(part, {source: waits})]
    newest = max((date.fromisoformat(part["export_date"]) for part in used), default=None)
    landed = max((day for kind in kinds for day in kind.days), default=None)
    if since is not None:
        state = HELD if used else LEFT_OUT
    elif late:
        state = LATE
    else:
        state = CURRENT if used else LEFT_OUT
    dues = [when.on for kind in kinds if kind.days and (when := next_due(kind, expected, as_of)).on]
    is_stale = state in (HELD, LATE)
    stale = before["stale_since"] if before and before["stale_since"] else None
    told = [*holding, *late, *found]
    return {
        "source_system": source,
        "state": state,
        "stale_since": (since or stale or as_of) if is_stale else None,
        **waits,
        "export_date": newest,
        "landed_date": landed,
        "due_on": min(dues, default=None),
        "is_required": expected.get(source, Expected()).required,
        "is_failed": bool(failed),
        "findings": len(found),
        "reason": told[0]["message"] if told else None if used else words.never_came(source),
    }


def _waits(
    holding: Sequence[Mapping[str, Any]], before: Mapping[str, Any], as_of: date, snapshot: str
) -> dict[str, Any]:
    """Since when the source waits, when it waited last, and in which runs of the night, or of the one
    since which it is held, it was whole. `before`: its row of the run before, empty without one.
    """
    was_held = before.get("held_since")
    waits = {name: before.get(name) for name in ("waited_since", "released_on")}
    if holding:
        first = min(row["judged_on"] for row in holding)
        is_known = was_held or before.get("as_of") == as_of
        runs = (is_known and before.get("good_runs")) or "|"
        return {"held_since": was_held or first, **waits, "good_runs": runs}
    if was_held:
        waits = {"waited_since": was_held, "released_on": as_of}
    goes_on = before.get("as_of") == as_of and not was_held
    runs = (goes_on and before.get("good_runs")) or "|"
    runs = runs if f"|{snapshot}|" in runs else f"{runs}{snapshot}|"
    return {"held_since": None, **waits, "good_runs": runs}


def _without_news(kinds: Sequence[Kind], expected: Mapping[str, Expected], as_of: date) -> str:
    """Why the night has nothing to work on; empty when it has, or when nothing was due."""
    parts = [part for kind in kinds for export in kind.exports.values() for part in export.parts]
    if not any(part["rows_accepted"] for part in parts):
        return "no export of any source could be used, so there is nothing to publish"
    if any(as_of in kind.usable for kind in kinds) or any(taken_on(p) == as_of for p in parts):
        return ""
    last = max(day for kind in kinds for day in kind.exports)
    waited = []
    for kind in kinds:
        # Nothing at all came: what usually comes by tonight is missed, without the patience that one
        # late source among others gets.
        came = replace(kind, days=kind.days & kind.usable)
        if not came.days or next_due(came, expected, as_of).usual <= as_of:
            waited.append(kind.mapping)
    if not waited:
        return ""
    return (
        f"nothing usable arrived for {as_of}; the newest export taken is of {last}. Land the exports "
        "and run again; where they come less often than nights run, say so in config/sources.yaml "
        "(every: week), or set without_news: warn in config/ingest.yaml"
    )
