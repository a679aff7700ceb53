"""What a home expects of its sources (config/sources.yaml), as its owner declared it.

Belongs here: the keys and their faults, with file and line. Not here: what is learned where nothing
is declared (cadence.py, series.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from typing import Any

from customer_intel.core.contract.model import suggestion
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.ingest.judge.cadence import EVERY

FILE = "config/sources.yaml"
WARN, FAIL = "warn", "fail"


@dataclass(frozen=True)
class Expected:
    """What is expected of a source, or of one kind of export of it.

    `every`: day, weekday, week, month, quarter, year, or a number of days; `grace`: days after that
    until it is late; `least_rows` an export; `greatest_fall`: share of rows that may be missing
    against the export before; `on_fault`: what a failed check does, `required`: whether a source
    that is refused, fails or is late stops the night; `accepted`: exports that a person found right.
    """

    every: str | int | None = None
    grace: int = 0
    least_rows: int | None = None
    greatest_fall: float | None = None
    on_fault: str = WARN
    required: bool = False
    accepted: tuple[date, ...] = ()
    exports: Mapping[str, Expected] = field(default_factory=dict)

    def of(self, mapping: str, entity: str) -> Expected:
        """What is expected of a mapping's exports: said of the mapping, of its entity, else of all."""
        return self.exports.get(mapping) or self.exports.get(entity) or self


_KEYS = [item.name for item in fields(Expected)]


def declared(config: Mapping[str, Any]) -> dict[str, Expected]:
    """Source → what the home expects of it. Raises ConfigError, a line a fault."""
    faults: list[str] = []
    if config["without_news"] not in (WARN, FAIL):
        places = getattr(config, "places", {})
        place = places.get("without_news", "config/ingest.yaml")
        faults.append(f"{place}: 'without_news' is {WARN} or {FAIL}")
    if not config["false_alarms_per_year"] > 0:
        faults.append("config/ingest.yaml: 'false_alarms_per_year' needs a number above 0")
    sources, found = config["sources"], {}
    for name, said in sources.items():
        made, wrong = _expected(said, Expected(), f"{name}", _line(sources, name))
        found[name] = made
        faults += wrong
    if faults:
        raise ConfigError("\n".join(faults))
    return found


def _expected(said: Any, base: Expected, name: str, at: str) -> tuple[Expected, list[str]]:
    if said is None:
        return base, []
    if not isinstance(said, Mapping):
        return base, [f"{at}: '{name}' needs 'key: value' pairs, such as every: day"]
    faults: list[str] = []
    given: dict[str, Any] = {}
    for key, value in said.items():
        place = _line(said, key, at)
        if key not in _KEYS:
            near = suggestion(key, _KEYS) or f"; its keys are {', '.join(_KEYS)}"
            faults.append(f"{place}: '{key}' is not expected of a source{near}")
        elif key != "exports" and (wrong := _fault(key, value)):
            faults.append(f"{place}: '{key}' {wrong}")
        elif key == "accepted":
            given[key] = tuple(value)
        elif key != "exports":
            given[key] = value
    made = replace(base, **given)
    own = said.get("exports") or {}
    if not isinstance(own, Mapping):
        faults.append(f"{at}: 'exports' of '{name}' needs 'mapping or entity: pairs'")
        own = {}
    exports = {}
    for export, pairs in own.items():
        place = _line(own, export, at)
        if isinstance(pairs, Mapping) and "exports" in pairs:
            faults.append(f"{place}: 'exports' stands in itself")
            continue
        exports[export], wrong_ones = _expected(pairs, made, f"{name}.{export}", place)
        faults += wrong_ones
    return replace(made, exports=exports), faults


def _fault(key: str, value: Any) -> str:
    """What is wrong with a value; empty when nothing is."""
    is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if key == "every":
        if value in EVERY or (is_count and value > 0):
            return ""
        near = suggestion(str(value), EVERY)
        return f"is one of {', '.join(EVERY)}, or a number of days{near}"
    if key in ("grace", "least_rows"):
        return "" if is_count else "needs a whole number, 0 or more"
    if key == "greatest_fall":
        is_share = isinstance(value, int | float) and not isinstance(value, bool)
        return "" if is_share and 0 <= value <= 1 else "is a share from 0 to 1, such as 0.5"
    if key == "on_fault":
        return "" if value in (WARN, FAIL) else f"is {WARN} or {FAIL}"
    if key == "required":
        return "" if isinstance(value, bool) else "is true or false"
    if key == "accepted":
        is_dates = isinstance(value, list) and all(isinstance(day, date) for day in value)
        return "" if is_dates else "needs a list of export dates, such as [2026-06-30]"
    return ""


def _line(said: Any, key: str, otherwise: str = FILE) -> str:
    lines: Mapping[str, int] = getattr(said, "lines", {})
    return f"{FILE}:{lines[key]}" if key in lines else otherwise


def unknown(expected: Mapping[str, Expected], known: set[str]) -> Iterator[str]:
    """Warnings about sources that no mapping and no folder of the landing zone names."""
    for name in sorted(expected.keys() - known):
        near = suggestion(name, known) or "; it is expected, and counts as absent, until it lands"
        yield f"{FILE}: no mapping and no folder of landing/ is named '{name}'{near}"
