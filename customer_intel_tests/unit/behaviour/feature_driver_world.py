"""Worlds with known truth: a latent engagement drives activity, use of a feature and staying.

Belongs here: drawing customers. Not here: what is asserted of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from customer_intel.behaviour.feature_driver_statistics import Measured


@dataclass(frozen=True)
class World:
    """`effect`: what use adds to the share who stay. `use`, `stay`, `act`: how strongly engagement
    drives use on an active day, staying, and active days (log-odds per standard deviation).
    `steady`: correlation of the engagement of both windows. `hidden`: how strongly something that
    leaves no trace in activity drives use and staying.
    """

    effect: float = 0.0
    use: float = 1.0
    stay: float = 1.0
    act: float = 1.0
    steady: float = 1.0
    days: int = 28
    usual_use: float = -2.2
    usual_act: float = -2.2
    usual_stay: float = 0.3
    blocks: int = 1
    hidden: float = 0.0


def _chance(log_odds: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return 1 / (1 + np.exp(-log_odds))


def drawn(world: World, customers: int, seed: int) -> Measured:
    """Customers of the world; most of them are active in one window at least."""
    rng = np.random.default_rng(seed)
    earlier = rng.normal(size=customers)
    now = world.steady * earlier + np.sqrt(1 - world.steady**2) * rng.normal(size=customers)
    block = rng.integers(0, world.blocks, customers)
    shift = 0.5 * (block - (world.blocks - 1) / 2)

    def half(engagement: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        days = rng.binomial(
            world.days // 2, _chance(world.usual_act + world.act * engagement + 0.3 * shift)
        )
        more = rng.poisson(days * np.exp(0.3 + 0.3 * engagement))
        return np.column_stack([days, days + more]).astype(float)

    window, before = (half(now), half(now)), (half(earlier), half(earlier))
    unseen = world.hidden * rng.normal(size=customers)
    active_days = (window[0][:, 0] + window[1][:, 0]).astype(np.int64)
    dose = rng.binomial(active_days, _chance(world.usual_use + world.use * now + shift + unseen))
    stay = _chance(world.usual_stay + world.stay * now + shift + unseen)
    stay += world.effect * (dose > 0)
    stayed = (rng.random(customers) < np.clip(stay, 0, 1)).astype(np.int64)
    everybody = Measured(dose.astype(np.int64), stayed, window, before, block)
    return everybody.only(everybody.is_active | everybody.was_active)


@dataclass(frozen=True)
class Diary:
    """A world of days: engagement is a lasting part (`trait`, its share of the standard deviation)
    and a mood that fades by `fades` a day; people have weekdays of their own. Who stays is who comes
    by the same chances again, more likely by `effect` (log-odds a day) after use.
    """

    effect: float = 0.0
    use: float = 1.0
    trait: float = 0.7
    fades: float = 0.97
    usual_act: float = -2.2
    days: int = 28


def kept_diary(world: Diary, customers: int, seed: int) -> Measured:
    """Customers of the diary's world, day by day over the days before, of use and after."""
    rng = np.random.default_rng(seed)
    lasting, mood = rng.normal(size=(2, customers))
    weekday = 0.5 * rng.normal(size=(customers, 7))
    acts = np.zeros((customers, 3 * world.days))
    dose: npt.NDArray[np.int64] = np.zeros(customers, np.int64)
    for day in range(3 * world.days):
        mood = world.fades * mood + np.sqrt(1 - world.fades**2) * rng.normal(size=customers)
        now = world.trait * lasting + np.sqrt(1 - world.trait**2) * mood
        after = world.effect * (dose > 0) if day >= 2 * world.days else 0.0
        there = rng.random(customers) < _chance(world.usual_act + now + weekday[:, day % 7] + after)
        acts[:, day] = there * (1 + rng.poisson(np.exp(0.3 + 0.3 * now)))
        if world.days <= day < 2 * world.days:
            uses = there & (rng.random(customers) < _chance(-2.2 + world.use * now))
            dose[uses] += 1

    def half(first: int, parity: int) -> npt.NDArray[np.float64]:
        part = acts[:, first : first + world.days][:, parity::2]
        return np.column_stack([(part > 0).sum(axis=1), part.sum(axis=1)]).astype(float)

    before, window = ((half(first, 0), half(first, 1)) for first in (0, world.days))
    stayed: npt.NDArray[np.int64] = np.asarray(acts[:, 2 * world.days :].any(axis=1), np.int64)
    everybody = Measured(dose, stayed, window, before, np.zeros(customers, np.int64))
    return everybody.only(everybody.is_active | everybody.was_active)


def odds_ratio(measured: Measured) -> float:
    """Of staying, users to others, as PostHog's correlation tells it."""
    known = measured.only(measured.is_active)
    used = known.dose > 0
    a, b = known.stayed[used].mean(), known.stayed[~used].mean()
    return float(a / (1 - a) / (b / (1 - b)))
