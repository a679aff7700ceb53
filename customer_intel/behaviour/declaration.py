"""What config/behaviour.yaml declares, checked: every fault with its file and line, a near name, a remedy.

Belongs here: reading declarations, a home's and the shipped ones. Not here: what is proposed where
nothing is declared (proposals.py), whether the company has the acts (behaviour_candidate).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from customer_intel.behaviour import act_names, conditions
from customer_intel.behaviour.model import (
    BREAKDOWNS,
    ORDERS,
    ROLES,
    Behaviour,
    Definitions,
    Funnel,
    caption_of,
)
from customer_intel.core.contract.model import suggestion
from customer_intel.core.contract.yaml_lines import ConfigError, Faults
from customer_intel.core.tables.parameters import place_within

ROOM = "behaviour"
OWN_FILE = "config/behaviour.yaml"
# The word for a role that the company says it has not.
NOTHING = "none"

_OF_FUNNEL = ("steps", "order", "window_days", "exclude", "breakdown")
_OF_BEHAVIOUR = ("any_of", "where")
_OF_STEP = ("name", *_OF_BEHAVIOUR)


def validate(config: Mapping[str, Any]) -> None:
    """Raises ConfigError, a line a fault, for declarations that cannot be."""
    declared(config)


def declared(config: Mapping[str, Any]) -> Definitions:
    """What the home declares; roles that it does not are None. Raises ConfigError as `validate`."""
    return _Reader(config).definitions()


def nothing(config: Mapping[str, Any], role: str) -> bool:
    """Whether the home says that it has none of a role."""
    return config.get(role) == NOTHING


class _Reader:
    """Reads one home's declarations, and gathers what is wrong with them."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config, self.faults = config, Faults()
        self.window = config.get("funnel_window_days", 14) or None
        self.known: dict[str, Behaviour | None] = {}
        # Behaviours on the way to the one that is read: one that names itself is told, not followed.
        self.reading: list[str] = []
        self.roles: dict[str, Behaviour | None] = {}

    def definitions(self) -> Definitions:
        for name in self._pairs("behaviours"):
            self._of_name(name)
        for role in ROLES:
            self._role(role)
        features = {name: self._feature(name) for name in self._pairs("features")}
        funnels = {name: self._funnel(name) for name in self._pairs("funnels")}
        for key in ("proposal_days", "proposal_people_min", "details_max", "members_min"):
            self._at_least(key, 1)
        for key in ("funnel_days", "funnel_window_days"):
            self._at_least(key, 0)
        self.faults.raise_any()
        return Definitions(
            self.roles["core_action"],
            self.roles["conversion"],
            {name: item for name, item in features.items() if item},
            {name: item for name, item in funnels.items() if item},
            {name: item for name, item in self.known.items() if item},
        )

    # ---- where it stands
    def _place(self, *path: str) -> str:
        return place_within(self.config, ROOM, *path)

    def _pairs(self, key: str) -> list[str]:
        names = list(self.config.get(key) or {})
        for name in names:
            if not _is_name(name) or name in ROLES:
                why = "means a role" if name in ROLES else "is no name"
                self.faults.add(
                    f"{self._place(key, name)}: {key}: '{name}' {why}; use lower-case letters, digits "
                    "and _, such as first_order"
                )
        return names

    def _at_least(self, key: str, least: int) -> None:
        if self.config.get(key, least) < least:
            self.faults.add(
                f"{self._place(key)}: {key} is {self.config[key]}; it takes a number from {least} on"
            )

    # ---- what it says
    def _of_name(self, name: str) -> Behaviour | None:
        if name not in self.known:
            self.reading.append(name)
            value = self.config["behaviours"][name]
            self.known[name] = self._behaviour(value, name, ("behaviours", name))
            self.reading.pop()
        return self.known[name]

    def _role(self, role: str) -> None:
        value = self.config.get(role)
        is_said = value not in (None, [], NOTHING)
        self.roles[role] = self._behaviour(value, role, (role,)) if is_said else None

    def _feature(self, name: str) -> Behaviour | None:
        return self._behaviour(self.config["features"][name], name, ("features", name))

    def _behaviour(self, value: Any, name: str, path: tuple[str, ...]) -> Behaviour | None:
        """An act, a behaviour's name, a list of them, or {any_of, where}; None with a fault told."""
        said, where = value, None
        if isinstance(value, Mapping):
            known = self._keys(value, _OF_STEP if "steps" in path else _OF_BEHAVIOUR, path)
            if not known and "any_of" not in value:
                # What is meant by the wrong key is not known: what lacks is no fault of its own.
                self._condition(value.get("where"), (*path, "where"))
                return None
            said, where = value.get("any_of"), value.get("where")
        items = said if isinstance(said, list) else [said]
        if not items or not all(isinstance(item, str) and item for item in items):
            self.faults.add(
                f"{self._place(*path)}: {'.'.join(path)} needs an act, a list of acts, or "
                "{any_of: [acts], where: condition}"
            )
            return None
        parts = [self._named(item, path) for item in items]
        condition = self._condition(where, (*path, "where"))
        if None in parts or condition == "":
            return None
        joined = _joined(name, [part for part in parts if part], condition)
        return replace(joined, caption=caption_of(name), reason=f"said in {OWN_FILE}")

    def _named(self, word: str, path: tuple[str, ...]) -> Behaviour | None:
        """A behaviour by its name, or an act."""
        if word in self.reading and word != path[-1]:
            self.faults.add(
                f"{self._place(*path)}: {'.'.join(path)}: '{word}' is told by itself; name its acts"
            )
            return None
        # A behaviour may be called as its act is: then the word within it is the act.
        if word in (self.config.get("behaviours") or {}) and word not in self.reading:
            return self._of_name(word)
        if word in ROLES and path[0] == "funnels":
            # Where the home does not say it, the role is filled in by what is shipped or proposed.
            return self.roles.get(word) or Behaviour(word, (word,), caption=caption_of(word))
        if fault := act_names.fault(word):
            self.faults.add(f"{self._place(*path)}: {'.'.join(path)}: '{word}' {fault}")
            return None
        return Behaviour(word, (word,), caption=caption_of(word))

    def _condition(self, text: Any, path: tuple[str, ...]) -> str | None:
        """The condition, None where there is none, '' for one at fault."""
        if text is None:
            return None
        said = f"{self._place(*path)}: {'.'.join(path)}"
        if not isinstance(text, str):
            self.faults.add(f"{said} is text, such as \"revenue >= 100 and channel = 'web'\"")
            return ""
        try:
            conditions.check(text)
        except conditions.ConditionFault as fault:
            self.faults.add(f"{said} {fault}")
            return ""
        return " ".join(text.split())

    def _keys(
        self, value: Mapping[str, Any], known: tuple[str, ...], path: tuple[str, ...]
    ) -> bool:
        """Whether each key is one of `known`; else it is told."""
        strange = [key for key in value if key not in known]
        for key in strange:
            self.faults.add(
                f"{self._place(*path, key)}: {'.'.join(path)}: '{key}' is none of "
                f"{', '.join(known)}{suggestion(key, known)}"
            )
        return not strange

    # ---- funnels
    def _funnel(self, name: str) -> Funnel | None:
        value, path = self.config["funnels"][name], ("funnels", name)
        steps = value.get("steps") if isinstance(value, Mapping) else None
        known = not isinstance(value, Mapping) or self._keys(value, _OF_FUNNEL, path)
        if not known and "steps" not in value:
            steps = []
        elif not isinstance(steps, list) or not 2 <= len(steps) <= 10:
            self.faults.add(
                f"{self._place(*path)}: {'.'.join(path)} needs steps, 2 to 10 of them, such as "
                "{steps: [product_viewed, add_to_cart, conversion]}"
            )
            if not isinstance(value, Mapping):
                return None
            steps = []
        read = [self._step(step, (*path, "steps", str(at))) for at, step in enumerate(steps, 1)]
        order = value.get("order", "ordered")
        if order not in ORDERS:
            self.faults.add(
                f"{self._place(*path, 'order')}: {'.'.join(path)}: order is one of "
                f"{', '.join(ORDERS)}, not {order!r}{suggestion(str(order), ORDERS)}"
            )
        window = value.get("window_days", self.window)
        is_number = isinstance(window, int | float) and not isinstance(window, bool)
        if window is not None and (not is_number or window < 0):
            self.faults.add(
                f"{self._place(*path, 'window_days')}: {'.'.join(path)}: window_days is a number of "
                "days, 0 for no limit"
            )
            window = None
        return Funnel(
            name,
            tuple(step for step in read if step),
            order,
            float(window) if window else None,
            self._excluded(value.get("exclude"), (*path, "exclude")),
            self._breakdowns(value.get("breakdown", list(BREAKDOWNS)), (*path, "breakdown")),
            caption_of(name),
            reason=f"said in {OWN_FILE}",
        )

    def _step(self, value: Any, path: tuple[str, ...]) -> Behaviour | None:
        """A step is called by its own name, else by what it names."""
        step = self._behaviour(value, f"step_{path[-1]}", path)
        name = value.get("name") if isinstance(value, Mapping) else None
        if name is not None and not (isinstance(name, str) and name.strip()):
            self.faults.add(f"{self._place(*path, 'name')}: {'.'.join(path)}: name is a text")
        if step is None:
            return None
        said = value if isinstance(value, str) else step.acts[0]
        return replace(step, caption=str(name) if name else caption_of(said))

    def _excluded(self, value: Any, path: tuple[str, ...]) -> tuple[str, ...]:
        if value is None or value == []:
            return ()
        found = self._behaviour(value, "exclude", path)
        if found and found.condition:
            self.faults.add(
                f"{self._place(*path)}: {'.'.join(path)} are acts without a condition; name them"
            )
        return found.acts if found else ()

    def _breakdowns(self, value: Any, path: tuple[str, ...]) -> tuple[str, ...]:
        known = breakdown_columns()
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list):
            self.faults.add(f"{self._place(*path)}: {'.'.join(path)} is a list of columns")
            return ()
        for name in names:
            if name not in known:
                near = suggestion(str(name), known) or f"; those are {', '.join(known)}"
                self.faults.add(
                    f"{self._place(*path)}: {'.'.join(path)}: '{name}' is nothing to break down by{near}"
                )
        return tuple(name for name in names if name in known)


def _is_name(word: str) -> bool:
    """Lower-case letters of any script, digits and _, a letter first."""
    return word == word.lower() and word[:1].isalpha() and act_names.is_plain(word)


def breakdown_columns() -> list[str]:
    """Columns by which a funnel may be broken down: words and yes or no, of the act or the customer."""
    of_act = ("channel", "device_type", "source_system")
    kinds = {name: kind for name, kind in conditions.columns().items() if "." not in name}
    of_customer = [
        name
        for name, kind in kinds.items()
        if kind in ("text", "yes or no") and name not in conditions.OF_ACTIVITY
    ]
    return [*of_act, *of_customer]


def _joined(name: str, parts: list[Behaviour], condition: str | None) -> Behaviour:
    """The parts as one: each part's condition holds for its own acts."""
    acts = tuple(dict.fromkeys(act for part in parts for act in part.acts))
    own = {part.condition for part in parts}
    if own == {None}:
        return Behaviour(name, acts, condition)
    if len(own) == 1:
        return Behaviour(name, acts, _and(own.pop(), condition))
    each = [
        f"(({_is_act(part.acts)}) AND ({part.condition}))"
        if part.condition
        else f"({_is_act(part.acts)})"
        for part in parts
    ]
    return Behaviour(name, acts, _and(" OR ".join(each), condition))


def _is_act(acts: tuple[str, ...]) -> str:
    """SQL that asks for the acts, an activity for all its details."""
    listed = ", ".join("'" + act.replace("'", "''") + "'" for act in acts)
    return f"act IN ({listed}) OR activity IN ({listed})"


def _and(one: str | None, other: str | None) -> str | None:
    return f"({one}) AND ({other})" if one and other else one or other


__all__ = ["ConfigError", "breakdown_columns", "declared", "nothing", "validate"]
