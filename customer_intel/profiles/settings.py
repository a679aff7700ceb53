"""Whether what a home sets for profiles can be meant: lists, segments, shares, days, slow columns.

Belongs here: faults of config/profiles.yaml that its kind of value does not show. Not here: kinds and
names of settings (core/tables/parameters.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from customer_intel.core.contract.load import load
from customer_intel.core.contract.model import suggestion
from customer_intel.core.tables.setting_faults import beyond, entries, no_lists, raise_told

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
    raise_told(config, ROOM, _faults(config))


def _faults(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from no_lists(config, _LISTS, none="")
    segments = load().table("rfm").by_name["segment"].value_meanings
    for word in entries(str(config["best_segments"])):
        if word not in segments:
            yield "best_segments", f"has '{word}', which is no segment{suggestion(word, segments)}"
    yield from beyond(config, _BOUNDS)
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
