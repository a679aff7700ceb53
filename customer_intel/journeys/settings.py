"""Whether what a home sets for journeys can be meant: lists, owners, stages, days.

Belongs here: faults of config/journeys.yaml that its kind of value does not show. Not here: kinds and
names of settings (core/tables/parameters.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from customer_intel.core.contract.load import load
from customer_intel.core.contract.model import suggestion
from customer_intel.core.tables.setting_faults import beyond, entries, no_lists, raise_told

ROOM = "journeys"
_LISTS = (
    "left_out_activities", "conversion_activities", "arrival_activities", "arrival_stages", "touchpoint_owners",
    "default_owners", "touch_events", "attribution_owners", "direct_channels",
)  # fmt: skip
_OWNERS = ("touchpoint_owners", "default_owners")
# Setting → the least and the most that it may be.
_BOUNDS: dict[str, tuple[int, int]] = {
    "journey_gap_days": (1, 3650),
    "transition_days": (1, 3650),
    "max_steps": (1, 10),
    "max_paths": (1, 100_000),
    "same_purchase_hours": (0, 240),
    "same_conversion_minutes": (0, 1440),
    "feedback_days": (1, 3650),
    "attribution_days": (1, 3650),
    "half_life_days": (1, 3650),
    "same_touch_minutes": (0, 1440),
}


def validate(config: Mapping[str, Any]) -> None:
    """Raises ConfigError, a line a fault, for settings that cannot be meant."""
    raise_told(config, ROOM, _faults(config))


def _faults(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    broken = dict(no_lists(config, sorted(_LISTS), none="||"))
    yield from broken.items()
    for key in _OWNERS:
        for pair in () if key in broken else entries(str(config[key])):
            what, _, owner = pair.rpartition("=")
            if not what.strip() or not owner.strip():
                yield key, "names owners as |what=team|: an entry has no = or nothing on one side"
                break
    for key, known in (("arrival_stages", _words("journey_map", "stage")),
                       ("touch_events", _words("marketing_touches", "event"))):  # fmt: skip
        for word in () if key in broken else entries(str(config[key])):
            if word not in known:
                yield key, f"has '{word}', which is none of its words{suggestion(word, known)}"
    yield from beyond(config, _BOUNDS)
    if config["feedback_days"] > config["journey_gap_days"]:
        yield "feedback_days", "is at most journey_gap_days: further back is another journey"


def _words(table: str, column: str) -> tuple[str, ...]:
    return tuple(load().table(table).by_name[column].values or ())
