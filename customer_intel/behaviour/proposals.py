"""What is shipped or proposed where a company declares nothing: conversion, core action, funnels, features.

Belongs here: choosing among the acts. Not here: measuring acts (evidence.py), the words of kinds of companies
(words.py, shipped.yaml), when a choice of before stands (standing.py).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from customer_intel.behaviour.evidence import PAIRED, Doings, Times, before
from customer_intel.behaviour.model import Behaviour, Definitions, Funnel, caption_of
from customer_intel.behaviour.standing import FEW, SHOP, SUPPORT, WAY, Standing
from customer_intel.behaviour.words import PAGE, Conversion, Kind, Shipped, Words, fold, shipped

# Of those who did both, at least so many did the earlier step first; and of those who did the later one, so
# many had done the earlier.
FIRST, THROUGH = 0.6, 0.5
# A step loses somebody: the next one's reach is at most this part of it.
FALLING = 0.95
# What each does more often than that is no conversion for sure.
OVER_AND_OVER = 3
# Events count beside facts of another kind where so many times as many people did them.
MANY = 10
STEPS = 5
FEATURES = 12
# A feature is used by some, not all.
SOME, ALL = 0.02, 0.95
# A core action is clear when it stands on so many of the later days, and on so much more of them than others.
OFTEN, CLEARLY = 0.3, 1.25
# Which acts are what a page view is to a shop: a look, not a deed.
_LOOK = f"{PAGE}:"


@dataclass(frozen=True)
class Proposer:
    """Proposes what `own` leaves out, unless what stood before still does. `none`: roles that the company says
    it has not.
    """

    found: Doings
    own: Definitions
    standing: Standing
    people_min: int
    window_days: float | None
    # Acts that customers do not do themselves, such as an answer → how often they happened.
    beside: Mapping[str, int]
    none: Collection[str] = ()
    words: Shipped = field(default_factory=shipped)

    def definitions(self) -> Definitions:
        """What is declared, and what is proposed for the rest."""
        own, stands = self.own, self.standing
        conversion, core = own.conversion, own.core
        if conversion is None and "conversion" not in self.none:
            conversion = stands.conversion(self.conversion())
        funnels = own.funnels or stands.funnels(
            self.funnels(conversion), conversion, self.window_days
        )
        if core is None and "core_action" not in self.none:
            core = stands.core(self.core(conversion, funnels), conversion)
        features = own.features
        if not features:
            taken = _taken(core, conversion, funnels)
            features = stands.features(self.features(taken), taken)
        filled = {name: _with_roles(item, core, conversion) for name, item in funnels.items()}
        return Definitions(core, conversion, features, filled, own.behaviours)

    # ---- conversion
    def conversion(self) -> Behaviour | None:
        """Facts first, with events of the same beside; then known words; then, unsure, what actors end with."""
        strong = [item for item in self.words.conversions if not item.is_weak]
        facts = [item for item in strong if self.found.n_of(item.facts) >= FEW]
        if facts:
            n = self.found.n_of([fact for item in facts for fact in item.facts])
            # A handful of subscriptions are not what a shop is for whose orders are told by events alone.
            told = [item for item in strong if item in facts or self._n(item) > MANY * n]
            said = "orders and subscriptions are facts; events that say the same count beside them"
            if len(told) > len(facts):
                said += ", and so does what many times as many people did"
            return self._role([act for item in told for act in self._deeds(item)], said)
        by_word = [role for item in strong if (role := self._by_word(item, self._deeds(item)))]
        by_word.sort(key=lambda role: role.certainty == "unsure")
        return by_word[0] if by_word else self._by_hint() or self._ending()

    def _by_word(self, item: Conversion, acts: Sequence[str]) -> Behaviour | None:
        """The conversion by a word that is its whole name."""
        if not acts:
            return None
        said = f"it is called as a {item.name.replace('_', '-')} is in many companies"
        if self.found.n_of(acts) < self.people_min:
            return self._role(acts, f"{said}, but few did it so far", "unsure")
        n = sum(self.found.by_act[act]["n"] for act in acts)
        if all(item.vague.are(act) for act in acts) and n > OVER_AND_OVER * self.found.n_of(acts):
            return self._role(acts, f"{said}, but each does it many times", "unsure")
        return self._role(acts, said, "unsure" if item.is_weak else "likely")

    def _by_hint(self) -> Behaviour | None:
        """Unsure: a part of a name, a page, or a weak conversion."""
        for item in self.words.conversions:
            meant = self._meant(item.words)
            deeds = [act for act in meant if not act.startswith(_LOOK)]
            if whole := [act for act in deeds if item.words.are(act)]:
                return self._by_word(item, whole)
            kind = item.name.replace("_", "-")
            if deeds:
                said = f"a part of its name is what a {kind} is called in many companies"
                return self._role(deeds, said, "unsure")
            if meant:
                said = f"it is a page that is called as a {kind} is in many companies; looking at it may be none"
                return self._role(meant, said, "unsure")
        return None

    def _n(self, item: Conversion) -> int:
        """How many people did what its words mean."""
        return self.found.n_of(self._deeds(item))

    def _deeds(self, item: Conversion) -> list[str]:
        """Acts that are called so and are no mere look at a page."""
        meant = self._meant(item.words)
        return [act for act in meant if item.words.are(act) and not act.startswith(_LOOK)]

    def _ending(self) -> Behaviour | None:
        """The act that is done once and ends what is done, by most who do it."""
        ends = [
            act
            for act, row in self.found.by_act.items()
            if row["n_actors"] >= self.people_min
            and row["reach"] >= SOME
            and row["per_actor"] <= 1.5
            and row["ends"] >= FIRST
            and not self.words.class_of(act)
            and not act.startswith(_LOOK)
        ]
        said = "nothing known to be a conversion is among the acts; most who do this do nothing after it"
        return self._role(ends[:1], said, "unsure") if ends else None

    def _role(self, acts: Sequence[str], reason: str, certainty: str = "likely") -> Behaviour:
        return Behaviour(
            "conversion", tuple(acts), None, "Conversion", "proposed", certainty, reason
        )

    def _meant(self, words: Words) -> list[str]:
        """Acts that the words mean, done by a few at least and no errors."""
        return [
            act
            for act in self.found.acts
            if words.mean(act)
            and self.found.by_act[act]["n_actors"] >= FEW
            and not self.words.classes["errors"].mean(act)
        ]

    # ---- core action
    def core(self, conversion: Behaviour | None, funnels: Mapping[str, Funnel]) -> Behaviour | None:
        """A shop's customers return to buy; others to what they do on most of their later days."""
        if conversion and conversion.certainty != "unsure" and self._is_shop(funnels):
            said = "a shop's customers return to buy"
            return replace(
                conversion,
                name="core_action",
                caption="Core action",
                origin="shipped",
                certainty="likely",
                reason=said,
            )
        done_once = {act for act in self.found.acts if self._is_known(act)}
        done_once |= {*conversion.acts} if conversion else set()
        rows = [
            (row["returning_share"] or 0.0, act)
            for act, row in self.found.by_act.items()
            if row["n_actors"] >= min(self.people_min, max(FEW, self.found.n_actors // 4))
            and not self.words.class_of(act)
            and act not in done_once
        ]
        deeds = sorted((item for item in rows if not item[1].startswith(_LOOK)), key=_highest)
        looks = sorted((item for item in rows if item[1].startswith(_LOOK)), key=_highest)
        ranked = deeds if deeds and (not looks or 3 * deeds[0][0] >= looks[0][0]) else looks
        if not ranked or ranked[0][0] <= 0:
            return None
        best, act = ranked[0]
        second = ranked[1][0] if len(ranked) > 1 else 0.0
        is_clear = best >= OFTEN and best >= CLEARLY * second and not act.startswith(_LOOK)
        said = "it is what those who return do on most of their later days"
        if not is_clear:
            said = "of what those who return do it is the most frequent, but not by far or not on many days"
        elif self.found.n_known < self.people_min:
            is_clear, said = False, f"{said}; but hardly any of them is a known customer"
        certainty = "likely" if is_clear else "unsure"
        return Behaviour("core_action", (act,), None, "Core action", "proposed", certainty, said)

    def _is_shop(self, funnels: Mapping[str, Funnel]) -> bool:
        """Whether its steps are a shop's, whatever it calls its conversion."""
        shop = next(kind for kind in self.words.kinds if kind.name == SHOP)
        return SHOP in funnels or self._shipped_funnel(shop, None) is not None

    def _is_known(self, act: str) -> bool:
        """Whether it is called as a conversion is: signing up is done once."""
        return any(item.words.mean(act) for item in self.words.conversions)

    # ---- funnels
    def funnels(self, conversion: Behaviour | None) -> dict[str, Funnel]:
        """Shipped ones whose steps this company has; else the one that the order of acts proposes."""
        made = [self._shipped_funnel(kind, conversion) for kind in self.words.kinds]
        usable = {funnel.name: funnel for funnel in made if funnel}
        if any(funnel.name != SUPPORT for funnel in usable.values()):
            return usable
        proposed = self._proposed_funnel(conversion) if conversion else None
        return {**usable, **({proposed.name: proposed} if proposed else {})}

    def _shipped_funnel(self, kind: Kind, conversion: Behaviour | None) -> Funnel | None:
        steps: list[Behaviour] = []
        for step, words in kind.steps.items():
            acts = self._meant(words)
            heard = [act for act in self.beside if words.mean(act) and act not in self.found.by_act]
            n = self.found.n_of(acts) + sum(self.beside[act] for act in heard)
            if n >= self.people_min:
                steps.append(
                    Behaviour(f"step_{len(steps) + 1}", (*acts, *heard), caption=caption_of(step))
                )
        ends = self._ends(kind, steps, conversion)
        if ends is None or len(ends) < 3:
            return None
        steps = ends
        kept = self._in_order(steps)
        in_order = len(kept) >= 3
        is_short = in_order and len(kept) < len(steps)
        if in_order:
            steps = [replace(step, name=f"step_{at}") for at, step in enumerate(kept, 1)]
        is_whole = steps[-1].caption == caption_of(list(kind.steps)[-1])
        said = f"its steps are called as in {kind.say}"
        if not in_order:
            said += ", but most do not take them in this order"
        elif not is_whole:
            said += ", but its last step is missing"
        elif kind.caveat:
            said += f"; {kind.caveat}"
        if is_short:
            said += "; what most do later than it says is left out"
        is_sure = in_order and is_whole and not kind.caveat
        if is_whole and conversion and conversion.certainty == "unsure" and kind.name != SUPPORT:
            said, is_sure = f"{said}; what it ends in is unsure", False
        certainty = "likely" if is_sure else "unsure"
        return self._funnel(kind.name, steps, "shipped", certainty, said)

    def _ends(
        self, kind: Kind, steps: Sequence[Behaviour], conversion: Behaviour | None
    ) -> list[Behaviour] | None:
        """The steps with the conversion, as far as it is of this kind, for the last one; None where the
        conversion that the company declares is of another kind.
        """
        words = kind.steps[list(kind.steps)[-1]]
        goal = next((item for item in self.words.conversions if item.words == words), None)
        if goal is None or conversion is None:
            return list(steps)
        others = [item for item in self.words.conversions if item is not goal]
        own = [act for act in conversion.acts if not any(item.words.mean(act) for item in others)]
        if not any(words.mean(act) for act in own):
            return None if conversion.origin == "declared" else list(steps)
        caption = caption_of(list(kind.steps)[-1])
        before = [step for step in steps if step.caption != caption]
        name = f"step_{len(before) + 1}"
        last = Behaviour(name, tuple(own), conversion.condition, caption)
        return [*before, last]

    def _in_order(self, steps: Sequence[Behaviour]) -> list[Behaviour]:
        """The steps without those that most who do both do after the next one."""
        kept = list(steps)
        times = {step.name: self.found.first(step.acts) for step in steps}
        for step in reversed(steps[:-1]):
            after = kept[kept.index(step) + 1]
            one, other = times[step.name], times[after.name]
            if (~np.isnan(one) & ~np.isnan(other)).any() and before(one, other)[0] < 0.5:
                kept.remove(step)
        return kept

    def _funnel(
        self, name: str, steps: Sequence[Behaviour], origin: str, certainty: str, reason: str
    ) -> Funnel:
        said = (origin, certainty, reason)
        told = tuple(replace(s, origin=origin, certainty=certainty, reason=reason) for s in steps)
        return Funnel(name, told, window_days=self.window_days, caption=caption_of(name), origin=said[0],
                      certainty=said[1], reason=said[2])  # fmt: skip

    def _proposed_funnel(self, conversion: Behaviour) -> Funnel | None:
        """The acts before the conversion that most who convert had done, each losing somebody."""
        won = self.found.first(conversion.acts)
        times = {act: self.found.first([act]) for act in self._candidates(conversion)}
        chain = self._chain(times, won, falling=True) or self._chain(times, won, falling=False)
        if not chain:
            return None
        is_clear = len(chain) >= 2 and conversion.certainty == "likely"
        said = "acts in the order in which most do them first, each of which most had done before the next"
        steps = [
            Behaviour(f"step_{at}", (act,), caption=caption_of(act))
            for at, act in enumerate(chain, 1)
        ]
        last = caption_of(conversion.acts[0])
        steps.append(replace(conversion, name=f"step_{len(steps) + 1}", caption=last))
        return self._funnel(WAY, steps, "proposed", "likely" if is_clear else "unsure", said)

    def _candidates(self, conversion: Behaviour) -> list[str]:
        # Of a conversion that few did, the steps before it may have few people, too.
        n_won = self.found.n_of(conversion.acts)
        enough = max(self.people_min, SOME * self.found.n_actors)
        enough = min(enough, max(n_won, FEW))
        found = []
        for act in self.found.acts[:PAIRED]:
            kind = "" if self._is_known(act) else self.words.class_of(act)
            is_step = kind in ("", "navigation") and act not in conversion.acts
            if is_step and self.found.by_act[act]["n_actors"] >= enough:
                found.append(act)
        return found

    def _chain(self, times: Mapping[str, Times], won: Times, *, falling: bool) -> list[str]:
        """The way of at most STEPS steps, the conversion the last of them, on which the shares of those who
        came through from step to step add up to most. Navigation is a first step only.
        """
        acts = list(times)
        n = {act: int(np.count_nonzero(~np.isnan(times[act]))) for act in acts}
        n_won = int(np.count_nonzero(~np.isnan(won)))

        def linked(a: Times, b: Times, n_a: int, n_b: int) -> float:
            first, through = before(a, b)
            falls = n_b <= FALLING * n_a if falling else True
            return through if falls and first >= FIRST and through >= THROUGH else 0.0

        # Of each number of steps before the conversion, the best way that begins with the act.
        best = {
            act: (share, [act]) for act in acts if (share := linked(times[act], won, n[act], n_won))
        }
        ways = list(best.values())
        for _ in range(STEPS - 2):
            longer: dict[str, tuple[float, list[str]]] = {}
            for act in acts:
                for share, way in best.values():
                    if act in way or self.words.class_of(way[0]) == "navigation":
                        continue
                    link = linked(times[act], times[way[0]], n[act], n[way[0]])
                    if link and share + link > longer.get(act, (0.0, []))[0]:
                        longer[act] = (share + link, [act, *way])
            best = longer
            ways += best.values()
        # A look at nothing but pages that everybody opens is no way.
        return max(ways, key=lambda way: (way[0], way[1]), default=(0.0, []))[1]

    # ---- features
    def features(self, taken: Collection[str]) -> dict[str, Behaviour]:
        """Acts that some use, not all, and that are no step, no navigation and no conversion."""
        least = max(
            min(self.people_min, max(FEW, self.found.n_actors // 20)), SOME * self.found.n_actors
        )
        found: dict[str, Behaviour] = {}
        for act in self.found.acts:
            row = self.found.by_act[act]
            is_some = row["n_actors"] >= least and row["reach"] <= ALL
            if not is_some or act in taken or self.words.class_of(act) or self._is_known(act):
                continue
            said = "some use it, not all; it is no step of a funnel and no navigation"
            name = _slug(act, found)
            found[name] = Behaviour(name, (act,), None, caption_of(act), "proposed", "likely", said)
            if len(found) == FEATURES:
                break
        return found


def _taken(
    core: Behaviour | None, conversion: Behaviour | None, funnels: Mapping[str, Funnel]
) -> set[str]:
    """Acts that are no feature, as they are something else."""
    steps = [step for name, way in funnels.items() if name != SUPPORT for step in way.steps]
    return {act for item in (core, conversion, *steps) if item for act in item.acts}


def _with_roles(funnel: Funnel, core: Behaviour | None, conversion: Behaviour | None) -> Funnel:
    """A funnel whose steps `core_action` and `conversion` are what those roles are."""
    roles: dict[tuple[str, ...], Behaviour | None] = {
        ("core_action",): core,
        ("conversion",): conversion,
    }

    def filled(step: Behaviour) -> Behaviour:
        meant = roles.get(step.acts)
        return replace(step, acts=meant.acts, condition=meant.condition) if meant else step

    return replace(funnel, steps=tuple(filled(step) for step in funnel.steps))


def _slug(act: str, taken: Collection[str]) -> str:
    activity, _, detail = act.partition(":")
    word = detail if detail and activity in (PAGE, "feature_used") else act
    word = activity if fold(detail).rstrip("s") in activity else word
    name = fold(word) or "feature"
    name = name if name[0].isalpha() else f"feature_{name}"
    return name if name not in taken else f"{name}_{len(taken) + 1}"


def _highest(item: tuple[float, str]) -> tuple[float, str]:
    return -item[0], item[1]
