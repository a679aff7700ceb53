"""A source that is held back: what of its exports is read while it is.

Belongs here: which part of a raw table stands tonight, and keeping what a held source may fall back
on. Not here: which source is held (judge/source_state.py), what a part is (ledger.py).

Held since night N means: read as the last run before read it in which the source was whole, of a night
before N or of N itself (`good_runs`). Parts taken later are kept and wait; parts that were replaced
later stand, for they were not thrown away but superseded. Once the source is whole again, on night R,
every part stands, as if nothing had been wrong; what waited counts as taken, and what was replaced as
replaced, on R: the first night that read it so.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

SUPERSEDED = "superseded"
# Source → its row of source_state.
States = Mapping[str, Mapping[str, Any]]


def stands(facts: Mapping[str, Any], states: States) -> bool:
    """Whether a part is read tonight, by the sources' states."""
    state = states.get(str(facts["source_system"]), {})
    since = state.get("held_since")
    replaced = facts.get("superseded_on")
    if since is None:
        return replaced is None
    is_gone = replaced is not None and _was_read(
        date.fromisoformat(replaced), str(facts.get("superseded_in")), state
    )
    return not is_gone and _was_read(taken_on(facts), str(facts.get("taken_in")), state)


def is_superseded(facts: Mapping[str, Any]) -> bool:
    """Whether a part was replaced or dropped, and is only kept to fall back on."""
    return "superseded_on" in facts


def taken_on(facts: Mapping[str, Any]) -> date:
    """The night that took the part; the export's own date where an older release did not note it."""
    return date.fromisoformat(str(facts.get("taken_on") or facts["export_date"]))


def _was_read(day: date, run: str, state: Mapping[str, Any]) -> bool:
    """Whether what the run of a night took or replaced was read while the source was last whole."""
    read_on, good_runs = _read_on(day, state), str(state.get("good_runs") or "")
    if read_on != state["held_since"]:
        return bool(read_on < state["held_since"])
    # What had waited was read by whichever run of that night was whole.
    return f"|{run}|" in good_runs or (read_on != day and good_runs.count("|") > 1)


def _read_on(day: date, state: Mapping[str, Any]) -> date:
    """The night that first read what was taken or replaced on `day`: later, if its source waited."""
    first, released = state.get("waited_since"), state.get("released_on")
    return released if first and released and first <= day < released else day


def is_needed(facts: Mapping[str, Any], states: States, as_of: date) -> bool:
    """Whether a superseded part may still be read: tonight's are kept, for only later it is known
    which sources this night holds back, and so are those that a source waited with until tonight.
    """
    state = states.get(str(facts["source_system"]), {})
    replaced, since = date.fromisoformat(facts["superseded_on"]), state.get("held_since")
    read_on = _read_on(replaced, state)
    return read_on >= as_of or (since is not None and read_on >= since)


def superseded(facts: Mapping[str, Any], as_of: date, run: str, sha256: str) -> dict[str, Any]:
    """The entry of a part that tonight replaces or drops."""
    part = f"{SUPERSEDED}/{facts['part']}/{sha256[:12]}"
    return {**facts, "part": part, "superseded_on": as_of.isoformat(), "superseded_in": run}
