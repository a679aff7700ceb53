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
    `steady`: correlation of the engagement of both windows.
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
    active_days = (window[0][:, 0] + window[1][:, 0]).astype(np.int64)
    dose = rng.binomial(active_days, _chance(world.usual_use + world.use * now + shift))
    stay = _chance(world.usual_stay + world.stay * now + shift) + world.effect * (dose > 0)
    stayed = (rng.random(customers) < np.clip(stay, 0, 1)).astype(np.int64)
    everybody = Measured(dose.astype(np.int64), stayed, window, before, block)
    return everybody.only(everybody.is_active | everybody.was_active)


def odds_ratio(measured: Measured) -> float:
    """Of staying, users to others, as PostHog's correlation tells it."""
    known = measured.only(measured.is_active)
    used = known.dose > 0
    a, b = known.stayed[used].mean(), known.stayed[~used].mean()
    return float(a / (1 - a) / (b / (1 - b)))
