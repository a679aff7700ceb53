"""Whether what a home sets can be meant: lists as SQL reads them, and bounds.

Belongs here: what more than one room asks of its settings. Not here: kinds and names of settings (parameters.py), what
a room alone asks (its settings.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from customer_intel.core.contract.yaml_lines import Faults
from customer_intel.core.tables.parameters import place_of


def raise_told(config: Mapping[str, Any], room: str, found: Iterable[tuple[str, str]]) -> None:
    """Raises ConfigError, a line a fault, where any (setting, what is wrong with it) is found."""
    faults = Faults()
    for key, what in found:
        faults.add(f"{place_of(config, key, room)}: '{key}' {what}")
    faults.raise_any()


def beyond(
    config: Mapping[str, Any], bounds: Mapping[str, tuple[float, float]]
) -> Iterator[tuple[str, str]]:
    """The settings that are less or more than `bounds` (setting → least, most) let them be."""
    for key, (least, most) in bounds.items():
        if not least <= config[key] <= most:
            yield key, f"is from {least} to {most}"


def no_lists(
    config: Mapping[str, Any], keys: Iterable[str], none: str
) -> Iterator[tuple[str, str]]:
    """The settings that are no list as SQL reads it, |a|b|; `none`: how an empty one is written."""
    for key in keys:
        text = str(config[key])
        is_list = len(text) > 2 and text[0] == text[-1] == "|" and "" not in entries(text)
        if not is_list and text != none:
            yield key, f"is a list for SQL: write it |like|this|, nothing as {none or repr(none)}"


def entries(text: str) -> list[str]:
    """What stands between the bars."""
    return text[1:-1].split("|") if len(text) > 2 else []
