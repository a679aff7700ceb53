"""The settings that SQL and functions get: a room's config.yaml, the company's, the home's over them.

Belongs here: laying one file over another, and a value as SQL. Not here: which settings there are
(each room's config.yaml).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from customer_intel.core.contract import yaml_lines as yamlfile
from customer_intel.core.contract.model import PACKAGE, suggestion
from customer_intel.core.contract.yaml_lines import ConfigError, Faults
from customer_intel.core.engine import literal

# The file of a home's config folder that overrides what every room shares.
COMPANY = "company"


class Configuration(dict[str, Any]):
    """Setting → value. `places`: where the home says it, file and line, of those that it says."""

    def __init__(self, values: Mapping[str, Any], places: Mapping[str, str]) -> None:
        super().__init__(values)
        self.places = places


def place_of(config: Mapping[str, Any], key: str, name: str = COMPANY) -> str:
    """Where a home sets `key`: file and line as far as they are known, else the file for it."""
    return str(getattr(config, "places", {}).get(key, f"config/{name}.yaml"))


def place_within(config: Mapping[str, Any], room: str, *path: str) -> str:
    """File and line of a key within a setting, such as ("funnels", "buying", "steps", "2"), or of the
    innermost one above it that is known.
    """
    said = place_of(config, path[0], room)
    if path[0] not in getattr(config, "places", {path[0]: 0}):
        said = f"config/{path[0]}.yaml"
    value: Any = config.get(path[0])
    items: list[int] = []
    for key in path[1:]:
        lines = getattr(value, "lines", {})
        if key in lines:
            said = f"{said.partition(':')[0]}:{lines[key]}"
        if isinstance(value, list) and key.isdigit():
            value = value[int(key) - 1]
            said = f"{said.partition(':')[0]}:{items[int(key) - 1]}" if items else said
        else:
            items = getattr(value, "item_lines", {}).get(key, [])
            value = value.get(key) if isinstance(value, Mapping) else None
    return said


def room_config(room: str, home: Path, package: Path = PACKAGE) -> Configuration:
    """What every room shares and the room's config.yaml, each with the home's own (company.yaml,
    <room>.yaml) over it.

    Top-level key by key. Raises ConfigError, a line a fault, for keys that are no settings of the
    file's and values of another kind than the shipped ones.
    """
    config, faults = read(room, home, package)
    faults.raise_any()
    return config


def read(room: str, home: Path, package: Path = PACKAGE) -> tuple[Configuration, Faults]:
    """As `room_config`, and what is wrong with it: a setting at fault has its shipped value."""
    faults = Faults()
    company = _overridden(_shipped(package), home / "config" / f"{COMPANY}.yaml", COMPANY, faults)
    shipped = _shipped(package / room)
    own = _overridden(shipped, home / "config" / f"{room}.yaml", room, faults)
    for key in _own_files(shipped):
        path = home / "config" / f"{key}.yaml"
        if path.exists():
            with faults.gathered():
                own[key] = yamlfile.load(path, f"config/{key}.yaml")
    return Configuration({**company, **own}, {**company.places, **own.places}), faults


def own_files(room: str, package: Path = PACKAGE) -> list[str]:
    """The room's settings that a home may say in a file of their own, config/<setting>.yaml: pairs of
    which none is shipped.
    """
    return _own_files(_shipped(package / room))


def _own_files(shipped: Mapping[str, Any]) -> list[str]:
    return [key for key, value in shipped.items() if value == {} and isinstance(value, dict)]


def _shipped(folder: Path) -> Mapping[str, Any]:
    path = folder / "config.yaml"
    if not path.exists():
        return {}
    stat = path.stat()
    return _loaded(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=64)
def _loaded(path: Path, *_: int) -> Mapping[str, Any]:
    """The file, read once as long as it stays as it is: each step of a night asks for its room's."""
    return yamlfile.load(path)


def company_config(home: Path, package: Path = PACKAGE) -> Configuration:
    """What every room shares, with the home's company.yaml laid over it."""
    faults = Faults()
    path = home / "config" / f"{COMPANY}.yaml"
    config = _overridden(_shipped(package), path, COMPANY, faults)
    faults.raise_any()
    return config


def _overridden(
    shipped: Mapping[str, Any], override: Path, name: str, faults: Faults
) -> Configuration:
    merged: dict[str, Any] = dict(shipped)
    own = yamlfile.Mapping()
    if override.exists():
        with faults.gathered():
            own = yamlfile.load(override, f"config/{name}.yaml")
    places = {key: f"config/{name}.yaml:{line}" for key, line in own.lines.items()}
    for key, value in own.items():
        if key not in merged:
            near = suggestion(key, merged)
            faults.add(f"{places[key]}: '{key}' is not a setting of {name}{near}")
            continue
        if wrong := _kind_faults(key, merged[key], value, places[key], f"config/{name}.yaml"):
            faults.add(*wrong)
            continue
        merged[key] = _over(merged[key], value) if _is_pairs(merged[key], value) else value
    return Configuration(merged, places)


def _over(shipped: Mapping[str, Any], own: yamlfile.Mapping | None) -> yamlfile.Mapping:
    """Pairs with a home's own over them, and the lines of those."""
    both = yamlfile.Mapping()
    both.update({**shipped, **(own or {})})
    both.lines = dict(own.lines) if own else {}
    return both


def _is_pairs(shipped: Any, own: Any) -> bool:
    return isinstance(shipped, dict) and isinstance(own, dict | None)


def _kind_faults(key: str, shipped: Any, own: Any, place: str, file: str) -> list[str]:
    """What is wrong with the kind of a value, given the shipped one; of pairs, with each of those
    that are shipped too.
    """
    if _is_pairs(shipped, own):
        lines = getattr(own, "lines", {})
        return [
            fault
            for part, value in (own or {}).items()
            if part in shipped and isinstance(shipped[part], int | float)
            for at in [f"{file}:{lines[part]}" if part in lines else place]
            for fault in _kind_faults(f"{key}.{part}", shipped[part], value, at, file)
        ]
    if shipped is None or (shipped == "" and own is None):
        return []
    needed, kind = _kind(shipped), _kind(own)
    if needed == kind:
        return []
    if isinstance(shipped, dict):
        left = "what is shipped" if shipped else "none"
        return [f"{place}: '{key}' needs {needed}, not {kind}; leave it out for {left}"]
    example = yamlfile.dumped(shipped, sort_keys=False).removesuffix("\n...\n").strip()
    like = f" like {example}" if 0 < len(example) < 60 and "\n" not in example else ""
    return [f"{place}: '{key}' needs {needed}{like}, not {kind}"]


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false (a text such as no needs quotes)"
    if isinstance(value, int | float):
        return "a number" if math.isfinite(value) else "an endless number"
    if isinstance(value, str):
        return "text"
    if isinstance(value, list):
        return "a list"
    return "'name: value' pairs" if isinstance(value, dict) else "a date"


def sql_literal(value: Any) -> str:
    """The value as SQL writes it. Raises ConfigError for a kind of value that SQL has no literal of."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return literal(value)
    raise ConfigError(
        f"a configuration value used in SQL must be text, number, date or true/false, not {value!r}"
    )
