"""What retentions a company asks for: start, return, kind, mode, interval and clock, by name.

Belongs here: reading and checking the setting `retention`. Not here: counting (retention_cohort.py), what a behaviour's
name means (behaviour_definition).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from customer_intel.core.contract.model import suggestion
from customer_intel.core.contract.yaml_lines import Faults
from customer_intel.core.tables.parameters import place_of, place_within

# Any own act, as opposed to one behaviour.
ANY = "any"
# Part → the words it may hold, its default first; None: the name of a behaviour or an act.
PARTS: dict[str, tuple[str, ...] | None] = {
    "start": None,
    "return": None,
    "kind": ("first_time", "recurring"),
    "mode": ("on", "on_or_after"),
    "interval": ("auto", "day", "week", "month"),
    "clock": ("calendar", "rolling"),
}


@dataclass(frozen=True)
class Retention:
    """One retention: who enters a cohort (`start`), and what counts as coming back (`back`)."""

    name: str
    start: str
    back: str
    kind: str
    mode: str
    interval: str
    clock: str


def declared(config: Mapping[str, Any]) -> list[Retention]:
    """The retentions of the setting `retention`, in their order; one set to nothing is left out.

    Raises ConfigError, a line a fault, for parts and words that are none.
    """
    asked = config["retention"]
    faults = Faults()
    for name in ("retention_cohorts", "retention_intervals"):
        if config[name] < 1:
            where = place_of(config, name, "behaviour")
            faults.add(f"{where}: {name} is 1 or more, not {config[name]!r}")
    found = []
    for name, parts in asked.items():
        if parts is None:
            continue
        where = place_within(config, "behaviour", "retention", name)
        if not isinstance(parts, Mapping):
            faults.add(
                f"{where}: retention '{name}' needs 'part: value' pairs, such as "
                f"{{start: {ANY}, return: {ANY}}}"
            )
            continue
        told = {part: _word(value) for part, value in parts.items()}
        wrong = [fault for part in told for fault in _faults(part, told[part])]
        if wrong:
            faults.add(*(f"{where}: retention '{name}': {fault}" for fault in wrong))
            continue
        given = {part: told.get(part) or (words or (ANY,))[0] for part, words in PARTS.items()}
        found.append(Retention(name, *(str(given[part]) for part in PARTS)))
    faults.raise_any()
    return found


def interval_of(history_days: int, config: Mapping[str, Any]) -> str:
    """The interval of a retention that leaves it open: month, week or day, by the days of history."""
    if history_days > config["retention_month_after_days"]:
        return "month"
    return "week" if history_days > config["retention_week_after_days"] else "day"


def _word(value: Any) -> Any:
    """YAML reads a bare on as true."""
    return "on" if value is True else value


def _faults(part: str, value: Any) -> list[str]:
    if part not in PARTS:
        return [f"'{part}' is no part of it{suggestion(part, PARTS)}; write {', '.join(PARTS)}"]
    words = PARTS[part]
    if words is None:
        if isinstance(value, str) and value:
            return []
        return [f"{part} is {ANY}, an act or the name of a behaviour, not {value!r}"]
    if value not in words:
        return [f"{part} is {' or '.join(words)}, not {value!r}{suggestion(str(value), words)}"]
    return []
