"""A source that is held back: what of its exports is read while it is.

Belongs here: which part of a raw table stands tonight, and keeping what a held source may fall back
on. Not here: which source is held (judge/source_state.py), what a part is (ledger.py).

Held since night N means: read as the night before N read it. Parts taken from N on are kept and wait;
parts that N or a later night replaced stand, for they were not thrown away but superseded. Once the
source is whole again every part stands, as if nothing had been wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

SUPERSEDED = "superseded"


def stands(facts: Mapping[str, Any], held: Mapping[str, date]) -> bool:
    """Whether a part is read tonight. `held`: source → the night since which it is held back."""
    since = held.get(str(facts["source_system"]))
    replaced = facts.get("superseded_on")
    if since is None:
        return replaced is None
    return taken_on(facts) < since and (replaced is None or date.fromisoformat(replaced) >= since)


def taken_on(facts: Mapping[str, Any]) -> date:
    """The night that took the part; the export's own date where an older release did not note it."""
    return date.fromisoformat(str(facts.get("taken_on") or facts["export_date"]))


def is_needed(facts: Mapping[str, Any], held: Mapping[str, date], as_of: date) -> bool:
    """Whether a superseded part may still be read: tonight's are kept, for only later it is known
    which sources this night holds back.
    """
    replaced, since = date.fromisoformat(facts["superseded_on"]), held.get(facts["source_system"])
    return replaced >= as_of or (since is not None and replaced >= since)


def superseded(facts: Mapping[str, Any], as_of: date, sha256: str) -> dict[str, Any]:
    """The entry of a part that tonight replaces or drops."""
    part = f"{SUPERSEDED}/{facts['part']}/{sha256[:12]}"
    return {**facts, "part": part, "superseded_on": as_of.isoformat()}
