"""Attribution: published worked cases, other ways to the same number, simulations of known truth."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from math import factorial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from customer_intel.journeys import attribution as models
from customer_intel.journeys.attribution import Paths
from customer_intel_tests.rda import frames

Counted = Iterable[tuple[tuple[str, ...], int, int]]


def paths(counted: Counted, days: dict[int, float] | None = None) -> Paths:
    """Of (channels, converting, not converting): each path of a customer of its own; a touch is as
    many days before the end as touches follow it.
    """
    told = [
        (steps, k < won) for steps, won, lost in counted for k in range(won + lost)
    ]  # fmt: skip
    names = sorted({step for steps, _ in told for step in steps})
    number = {name: at for at, name in enumerate(names)}
    return Paths(
        tuple(names),
        np.repeat(np.arange(len(told)), [len(steps) for steps, _ in told]),
        np.array([number[step] for steps, _ in told for step in steps]),
        np.array([float(len(s) - 1 - at) for s, _ in told for at in range(len(s))]),
        np.arange(len(told)),
        np.array([won for _, won in told]),
        np.array([10.0 if won else 0.0 for _, won in told]),
    )


TWO: Counted = [(("google",), 2, 1), (("mailing",), 1, 0), (("google", "mailing"), 1, 0)]
THREE: Counted = [(("C1", "C2", "C3"), 1, 0), (("C1",), 0, 1), (("C2", "C3"), 0, 1)]


@pytest.mark.parametrize(
    ("counted", "wanted"), [(TWO, [2.4, 1.6]), (THREE, [0.2, 0.4, 0.4])], ids=["two", "three"]
)
def test_the_worked_cases_are_markovs_to_the_last_digit(
    counted: Counted, wanted: list[float]
) -> None:
    found = models.credits(paths(counted), order=1)["markov"]
    assert found.conversions == pytest.approx(wanted, abs=1e-12)
    assert found.value == pytest.approx([10 * n for n in wanted], abs=1e-10)


def test_rules_on_a_path_of_four() -> None:
    one = paths([(("a", "b", "b", "c"), 1, 0)])
    found = {rule: models.touch_weights(one, rule, half_life=1.0).tolist() for rule in models.RULES}
    assert found["first"] == [1, 0, 0, 0]
    assert found["last"] == [0, 0, 0, 1]
    assert found["linear"] == [0.25] * 4
    assert found["time_decay"] == pytest.approx([1 / 15, 2 / 15, 4 / 15, 8 / 15])
    assert found["position"] == pytest.approx([0.4, 0.1, 0.1, 0.4])
    assert found["shapley"] == pytest.approx([1 / 3, 1 / 3, 0, 1 / 3])
    two = paths([(("a", "b"), 1, 0)])
    assert models.touch_weights(two, "position").tolist() == [0.5, 0.5]
    with pytest.raises(ValueError, match=r"one of first, last, .* not 'best'"):
        models.touch_weights(two, "best")


def test_decay_over_years_still_gives_a_whole_conversion() -> None:
    old = paths([(("a", "b"), 1, 0)])
    object.__setattr__(old, "days_before", np.array([90000.0, 80000.0]))
    weights = models.touch_weights(old, "time_decay", half_life=1.0)
    assert weights.sum() == 1.0
    assert weights[1] > 0.99


def random_paths(seed: int, n: int = 60, channels: str = "abcd", longest: int = 6) -> Paths:
    rng = np.random.default_rng(seed)
    return paths(
        [
            (
                tuple(rng.choice(list(channels), rng.integers(1, longest + 1))),
                int(won),
                int(1 - won),
            )
            for won in rng.integers(0, 2, n)
        ]
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_shapley_is_its_definition_over_all_coalitions(seed: int) -> None:
    given = random_paths(seed)
    sets = [
        frozenset(given.channel[given.path == at].tolist()) for at in range(len(given.unit))
    ]  # fmt: skip

    def worth(coalition: frozenset[int]) -> int:
        return sum(
            met <= coalition and bool(won) for met, won in zip(sets, given.converted, strict=True)
        )

    players = range(len(given.channels))
    wanted = []
    for player in players:
        others = [other for other in players if other != player]
        total = 0.0
        for size in range(len(others) + 1):
            for chosen in itertools.combinations(others, size):
                weight = factorial(size) * factorial(len(others) - size) / factorial(len(players))
                with_player = worth(frozenset({*chosen, player}))
                total += weight * (with_player - worth(frozenset(chosen)))
        wanted.append(total)
    found = models.credits(given, order=1, draws=0)["shapley"].conversions
    assert found == pytest.approx(wanted, abs=1e-12)


def plain_effects(given: Paths, order: int) -> list[float]:
    """Removal effects by solving the chain anew without each channel, with dictionaries."""
    counts: dict[Any, dict[Any, int]] = {}
    for at in range(len(given.unit)):
        steps = given.channel[given.path == at].tolist()
        states = [()] + [tuple(steps[max(0, k - order + 1) : k + 1]) for k in range(len(steps))]
        ends = "won" if given.converted[at] else "lost"
        for source, target in itertools.pairwise([*states, ends]):
            counts.setdefault(source, {}).setdefault(target, 0)
            counts[source][target] += 1
    states = sorted(counts)

    def chance(removed: int | None) -> float:
        q, r = np.zeros((len(states), len(states))), np.zeros(len(states))
        for at, source in enumerate(states):
            total = sum(counts[source].values())
            for target, n in counts[source].items():
                if target == "won":
                    r[at] = n / total
                elif target != "lost" and target[-1] != removed:
                    q[at, states.index(target)] = n / total
        return float(np.linalg.solve(np.eye(len(states)) - q, r)[states.index(())])

    return [1 - chance(channel) / chance(None) for channel in range(len(given.channels))]


@pytest.mark.parametrize("order", models.ORDERS)
@pytest.mark.parametrize("seed", [3, 4])
def test_the_removal_effect_is_that_of_the_chain_without_the_channel(order: int, seed: int) -> None:
    given = random_paths(seed)
    made = models.chain(given, order)
    found = models.removal_effects(made, np.ones(given.units), len(given.channels))
    assert found == pytest.approx(plain_effects(given, order), abs=1e-12)


def test_a_channel_that_no_path_needs_has_no_effect_and_nothing_won_has_none() -> None:
    lost = paths([(("a", "b"), 0, 3)])
    made = models.chain(lost, 1)
    assert models.removal_effects(made, np.ones(3), 2).tolist() == [0, 0]
    assert models.credits(lost, order=1, draws=5)["markov"].conversions.tolist() == [0, 0]


def test_every_model_gives_all_conversions_and_its_interval_holds_the_share() -> None:
    given = random_paths(7, n=200)
    for name, found in models.credits(given, order=2, draws=50).items():
        assert found.conversions.sum() == pytest.approx(given.converted.sum(), abs=1e-9), name
        assert found.value.sum() == pytest.approx(given.value.sum(), abs=1e-8), name
        assert (found.low <= found.share).all(), name
        assert (found.share <= found.high).all(), name
    again = models.credits(given, order=2, draws=50)["markov"]
    assert again.low.tolist() == models.credits(given, order=2, draws=50)["markov"].low.tolist()


def simulated(rng: np.random.Generator, n: int, table: np.ndarray) -> Paths:
    """n paths of a chain over three channels; `table`[previous + 1, present]: probabilities of a, b,
    c, won, lost after the two (previous -1: the path's first).
    """
    told: list[tuple[tuple[str, ...], int, int]] = []
    for _ in range(n):
        steps = [int(rng.choice(3, p=[0.5, 0.3, 0.2]))]
        before = -1
        while True:
            follows = int(rng.choice(5, p=table[before + 1, steps[-1]]))
            if follows >= 3:
                break
            before = steps[-1]
            steps.append(follows)
        told.append((tuple("abc"[s] for s in steps), int(follows == 3), int(follows == 4)))
    return paths(told)


FIRST_ORDER = np.array([[[0.1, 0.3, 0.1, 0.1, 0.4], [0.1, 0.1, 0.3, 0.2, 0.3],
                         [0.2, 0.1, 0.1, 0.3, 0.3]]] * 4)  # fmt: skip
# After a then b all but certain to convert, after b then a all but lost: the last alone says nothing.
SECOND_ORDER = FIRST_ORDER.copy()
SECOND_ORDER[1, 1] = [0.02, 0.02, 0.02, 0.9, 0.04]
SECOND_ORDER[2, 0] = [0.02, 0.02, 0.02, 0.04, 0.9]


@pytest.mark.parametrize(("table", "order"), [(FIRST_ORDER, 1), (SECOND_ORDER, 2)])
def test_the_order_is_the_one_that_the_paths_have(table: np.ndarray, order: int) -> None:
    rng = np.random.default_rng(11)
    given = simulated(rng, 3000, table)
    assert models.best_order(given, rng.random(given.units) < 0.25) == order


def test_nobody_held_out_means_the_lowest_order() -> None:
    given = random_paths(1)
    assert models.best_order(given, np.zeros(given.units, bool)) == 1


def true_shares() -> np.ndarray:
    """Removal shares of the first-order chain itself, without any sample."""
    q, r = FIRST_ORDER[0][:, :3], FIRST_ORDER[0][:, 3]
    start = np.array([0.5, 0.3, 0.2])

    def chance(without: int | None) -> float:
        kept = np.array([k != without for k in range(3)], float)
        return float(start * kept @ np.linalg.solve(np.eye(3) - q * kept, r))

    effects = np.array([1 - chance(k) / chance(None) for k in range(3)])
    return np.asarray(effects / effects.sum())


def coverage(draws: int, n: int) -> float:
    """Share of the intervals of Markov's shares that hold the truth, over samples and channels."""
    truth, held = true_shares(), 0
    for seed in range(draws):
        given = simulated(np.random.default_rng(1000 + seed), n, FIRST_ORDER)
        found = models.credits(given, order=1, draws=200, seed=seed)["markov"]
        held += int(((found.low <= truth) & (truth <= found.high)).sum())
    return held / (3 * draws)


def test_intervals_hold_the_truth() -> None:
    assert coverage(25, 300) >= 0.87


@pytest.mark.slow
def test_intervals_hold_the_truth_in_nine_of_ten_samples() -> None:
    assert coverage(200, 800) >= 0.90


def test_markov_on_published_paths_is_what_walking_the_chain_gives(shared_data: Path) -> None:
    """PathData of the package ChannelAttribution: 10,000 kinds of paths."""
    data = frames(shared_data / "attribution_pathdata" / "PathData.rda")["Data"]
    given = paths(
        (tuple(path.split(" > ")), int(won), int(lost))
        for path, won, lost in zip(
            data["path"], data["total_conversions"], data["total_null"], strict=True
        )
    )
    assert int(given.converted.sum()) == 19_785
    made = models.chain(given, 1)
    effects = models.removal_effects(made, np.ones(given.units), len(given.channels))
    # Walked: 200,000 times from the start, by the counted transitions.
    states = len(made.newest)
    counts = np.zeros((states, states + 2))
    counts[made.source, made.target] = np.asarray(made.steps.sum(axis=1)).ravel()
    counts[:, states] = np.asarray(made.won.sum(axis=1)).ravel()
    counts[:, states + 1] = np.asarray(made.lost.sum(axis=1)).ravel()
    steps = np.cumsum(counts / counts.sum(axis=1, keepdims=True), axis=1)
    rng = np.random.default_rng(5)
    n = 200_000
    at, met, won = np.zeros(n, int), np.zeros((n, len(given.channels)), bool), np.zeros(n, bool)
    walking = np.arange(n)
    while len(walking):
        follows = (rng.random(len(walking))[:, None] > steps[at[walking]]).sum(axis=1)
        won[walking[follows == states]] = True
        walking, follows = walking[follows < states], follows[follows < states]
        at[walking] = follows
        met[walking, made.newest[follows]] = True
    walked = met[won].mean(axis=0)
    error = np.sqrt(walked * (1 - walked) / won.sum())
    assert (np.abs(effects - walked) < 5 * error + 1e-9).all()
