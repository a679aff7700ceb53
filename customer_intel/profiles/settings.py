"""Whether what a home sets for profiles can be meant: lists, segments, shares, days, slow columns.

Belongs here: faults of config/profiles.yaml that its kind of value does not show. Not here: kinds and
names of settings (core/tables/parameters.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from customer_intel.core.contract.load import load
from customer_intel.core.contract.model import suggestion
from customer_intel.core.contract.yaml_lines import Faults
from customer_intel.core.tables.parameters import place_of

ROOM = "profiles"
_LISTS = ("core_activities", "best_segments", "best_plans")
# Setting → the least and the most that it may be.
_BOUNDS: dict[str, tuple[float, float]] = {
    "evidence_min_orders": (2, 1000),
    "evidence_min_items": (1, 200),
    "icp_best_share": (0.01, 0.5),
    "icp_mature_days": (7, 3650),
}


def validate(config: Mapping[str, Any]) -> None:
    """Raises ConfigError, a line a fault, for settings that cannot be meant."""
    faults = Faults()
    for key, what in _faults(config):
        faults.add(f"{place_of(config, key, ROOM)}: '{key}' {what}")
    faults.raise_any()


def _faults(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key in _LISTS:
        if not is_list(str(config[key])):
            yield key, "is a list for SQL: write it |like|this|, nothing as ''"
    segments = load().table("rfm").by_name["segment"].value_meanings
    for word in entries(str(config["best_segments"])):
        if word not in segments:
            yield "best_segments", f"has '{word}', which is no segment{suggestion(word, segments)}"
    for key, (least, most) in _BOUNDS.items():
        if not least <= config[key] <= most:
            yield key, f"is from {least} to {most}"
    kept = load().table("customer_profile_history").by_name
    for column in config["slow_columns"]:
        if column not in kept:
            yield (
                "slow_columns",
                (
                    f"has '{column}', which customer_profile_history does not keep"
                    f"{suggestion(str(column), kept)}; list it there in tables.yaml"
                ),
            )


def is_list(text: str) -> bool:
    """Whether the text is a list as SQL reads it: |a|b|, or nothing."""
    return not text or (len(text) > 2 and text[0] == text[-1] == "|" and "" not in entries(text))


def entries(text: str) -> list[str]:
    """What stands between the bars."""
    return text[1:-1].split("|") if len(text) > 2 else []
