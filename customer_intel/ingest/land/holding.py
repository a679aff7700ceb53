"""A source that is held back: what of its exports is read while it is.

Belongs here: which part of a raw table stands tonight, and keeping what a held source may fall back
on. Not here: which source is held (judge/source_state.py), what a part is (ledger.py).

Held since night N means: read as the night before N read it. Parts taken from N on are kept and wait;
parts that N or a later night replaced stand, for they were not thrown away but superseded. Once the
source is whole again, on night R, every part stands, as if nothing had been wrong; what waited counts
as taken, and what was replaced as replaced, on R: the first night that read it so.
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
    is_gone = replaced is not None and _read_on(date.fromisoformat(replaced), state) < since
    return _read_on(taken_on(facts), state) < since and not is_gone


def taken_on(facts: Mapping[str, Any]) -> date:
    """The night that took the part; the export's own date where an older release did not note it."""
    return date.fromisoformat(str(facts.get("taken_on") or facts["export_date"]))


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


def superseded(facts: Mapping[str, Any], as_of: date, sha256: str) -> dict[str, Any]:
    """The entry of a part that tonight replaces or drops."""
    part = f"{SUPERSEDED}/{facts['part']}/{sha256[:12]}"
    return {**facts, "part": part, "superseded_on": as_of.isoformat()}
