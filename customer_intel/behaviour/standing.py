"""When a proposal of before stands: so that journeys and rates are not cut anew because a share moved.

Belongs here: that rule. Not here: what is proposed (proposals.py).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from customer_intel.behaviour.evidence import Doings
from customer_intel.behaviour.model import Behaviour, Definitions, Funnel

# A known word that so few did is told, as unsure.
FEW = 5
# The funnel that is proposed from the order of acts.
WAY = "first_way"
SUPPORT, SHOP = "getting_help", "buying"


@dataclass(frozen=True)
class Standing:
    """What `then`, the definitions of the night before, still says. A proposal stands until fewer than half of
    `people_min` do one of its acts, a declaration takes its place or what it ends in, or a likely one takes the
    place of an unsure one. `heard`: acts that customers do not do themselves.
    """

    then: Definitions
    found: Doings
    people_min: int
    heard: Collection[str] = ()

    def conversion(self, new: Behaviour | None) -> Behaviour | None:
        """The conversion, `new` or of before."""
        return self._chosen(new, self.then.conversion)

    def core(self, new: Behaviour | None, conversion: Behaviour | None) -> Behaviour | None:
        """The core action, `new` or of before; a shop's is its conversion."""
        old = self.then.core
        if old and old.origin == "shipped" and not _same(old, conversion):
            return new
        return self._chosen(new, old)

    def funnels(
        self, new: Mapping[str, Funnel], conversion: Behaviour | None, window_days: float | None
    ) -> dict[str, Funnel]:
        """The funnels, with those of before that stand."""
        chosen = dict(new)
        for name, old in self.then.funnels.items():
            now = new.get(name)
            ends_elsewhere = self._ends_elsewhere(old, now, conversion)
            is_out = name == WAY and WAY not in new and bool(new.keys() - {SUPPORT})
            is_alive = old.origin != "declared" and all(self._is_alive(step) for step in old.steps)
            if is_alive and not ends_elsewhere and not is_out and not _is_better(now, old):
                chosen[name] = replace(old, window_days=window_days)
        return chosen

    def features(
        self, new: Mapping[str, Behaviour], taken: Collection[str]
    ) -> dict[str, Behaviour]:
        """The features of before that stand and are not taken by something else; new ones join when twice
        `people_min` people use them.
        """
        stand = {
            name: old
            for name, old in self.then.features.items()
            if old.origin != "declared" and self._is_alive(old) and not {*old.acts} & {*taken}
        }
        known = {act for item in stand.values() for act in item.acts}
        joining = {
            name: item
            for name, item in new.items()
            if not known & {*item.acts}
            and (not stand or self.found.n_of(item.acts) >= 2 * self.people_min)
        }
        return {**joining, **stand}

    def _ends_elsewhere(
        self, old: Funnel, now: Funnel | None, conversion: Behaviour | None
    ) -> bool:
        """Whether it ends in another conversion than the one of now: a shipped one, than is declared."""
        if old.origin == "proposed":
            return not _same(old.steps[-1], conversion)
        if old.name == SUPPORT or conversion is None or conversion.origin != "declared":
            return False
        return now is None or not _same(old.steps[-1], now.steps[-1])

    def _chosen(self, new: Behaviour | None, old: Behaviour | None) -> Behaviour | None:
        if (
            old is None
            or old.origin == "declared"
            or not self._is_alive(old)
            or _is_better(new, old)
        ):
            return new
        return old

    def _is_alive(self, item: Behaviour) -> bool:
        least = self.people_min / 2
        least = min(FEW, least) if item.certainty == "unsure" else least
        return self.found.n_of(item.acts) >= least or any(act in self.heard for act in item.acts)


def _is_better(new: Behaviour | Funnel | None, old: Behaviour | Funnel) -> bool:
    return bool(new and new.certainty == "likely" and old.certainty == "unsure")


def _same(one: Behaviour, other: Behaviour | None) -> bool:
    return other is not None and {*one.acts} == {*other.acts} and one.condition == other.condition
