"""Who gets the credit for a conversion: models of attribution over touch paths, and how sure they are.

Belongs here: pure functions of paths: first, last, linear, time decay, position, Shapley, Markov's
removal effect, its order, bootstrap intervals. Not here: which touches make a path
(attribution_path.sql), the table and what it cost (attribution_models.py).

Sources: Anderl, Becker, von Wangenheim, Schumann (2016), Mapping the customer journey, IJRM 33, for
the removal effect; Zhao, Mahboobi, Bagheri (2018), Shapley value methods for attribution modeling in
online advertising, for the closed form of Shapley's value over sets of channels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

RULES = ("first", "last", "linear", "time_decay", "position", "shapley")
MODELS = (*RULES, "markov")
# Share of the first and of the last touch by position; the ones between share the rest.
_ENDS = 0.4
# Added to each outcome's count before a held-out path is judged (Krichevsky and Trofimov).
_SMOOTH = 0.5
ORDERS = (1, 2, 3)
MOST_STATES = 400
# Resamples that are held at once.
_BLOCK = 50


@dataclass(frozen=True)
class Paths:
    """Touch paths, touch by touch in order.

    Per touch: `path` (number of its path, from 0, never falling), `channel` (number in `channels`),
    `days_before` the conversion (any number where there was none). Per path: `unit` (number of its
    customer, from 0), `converted`, `value`.
    """

    channels: tuple[str, ...]
    path: Ints
    channel: Ints
    days_before: Floats
    unit: Ints
    converted: Flags
    value: Floats

    @property
    def units(self) -> int:
        """How many customers there are."""
        return int(self.unit.max()) + 1 if len(self.unit) else 0

    @cached_property
    def length(self) -> Ints:
        """Touches by path."""
        return np.bincount(self.path, minlength=len(self.unit)).astype(np.int64)

    @cached_property
    def position(self) -> Ints:
        """Place of each touch in its path, from 1."""
        begins = np.cumsum(self.length) - self.length
        return np.arange(len(self.path)) - begins[self.path] + 1


def touch_weights(paths: Paths, rule: str, half_life: float = 7.0) -> Floats:
    """What each touch gets of its path's conversion by a rule; the touches of a path sum to 1.

    first, last: all to one; linear: alike; time_decay: half as much for each `half_life` days
    earlier; position: 40 % to the first and the last each, the rest alike (two touches: a half
    each); shapley: alike to the path's different channels, at the first touch of each. That is
    Shapley's value, exactly and for any number of channels, of the game in which a set of channels
    is worth the conversions of the paths that need no other (Zhao et al., 2018); paths that did not
    convert are worth nothing in it. Raises ValueError for another rule.
    """
    n, at = paths.length[paths.path].astype(float), paths.position
    first, last = at == 1, at == n
    if rule == "first":
        return np.asarray(first, np.float64)
    if rule == "last":
        return np.asarray(last, np.float64)
    if rule == "linear":
        return 1.0 / n
    if rule == "time_decay":
        # Days before the path's last touch: the same shares, and no underflow.
        ends = np.full(len(paths.unit), np.inf)
        np.minimum.at(ends, paths.path, paths.days_before)
        decayed = np.exp2(-(paths.days_before - ends[paths.path]) / half_life)
        return np.asarray(decayed / np.bincount(paths.path, decayed)[paths.path])
    if rule == "position":
        between = (1 - 2 * _ENDS) / np.maximum(n - 2, 1)
        ends_or_between = np.where(first | last, _ENDS, between)
        return np.where(n == 1, 1.0, np.where(n == 2, 0.5, ends_or_between))
    if rule == "shapley":
        met, where = np.unique(paths.path * len(paths.channels) + paths.channel, return_index=True)
        different = np.bincount(met // len(paths.channels), minlength=len(paths.unit))
        weights = np.zeros(len(paths.path))
        weights[where] = 1.0 / different[paths.path[where]]
        return weights
    raise ValueError(f"a rule of attribution is one of {', '.join(RULES)}, not '{rule}'")


@dataclass(frozen=True)
class Chain:
    """What a Markov chain of some order counts, by customer. A state is the last `order` channels.

    `newest`: channel by state, -1 for the start, which is state 0. `source`, `target`: the pairs of
    states that follow each other; `steps` (pairs x customers), `won` and `lost` (states x
    customers): how often.
    """

    order: int
    newest: Ints
    source: Ints
    target: Ints
    steps: Any
    won: Any
    lost: Any


def chain(paths: Paths, order: int) -> Chain:
    """Counts transitions of the given order; the start is no state that can be met again."""
    base, k = len(paths.channels) + 1, order
    before, after = np.zeros(len(paths.path), np.int64), np.zeros(len(paths.path), np.int64)
    for back in range(k + 1):
        moved = np.zeros(len(paths.path), np.int64)
        if back < len(paths.path):
            moved[back:] = paths.channel[: len(paths.path) - back] + 1
        moved[paths.position <= back] = 0
        if back < k:
            after += moved * base**back
        if back:
            before += moved * base ** (back - 1)
    codes = np.unique(np.concatenate([[0], before, after]))
    source, target = np.searchsorted(codes, before), np.searchsorted(codes, after)
    pairs, pair = np.unique(source * len(codes) + target, return_inverse=True)
    customer, ends = paths.unit[paths.path], paths.position == paths.length[paths.path]
    end_state, end_path = target[ends], paths.path[ends]
    hit = paths.converted[end_path]

    def counted(rows: Ints, columns: Ints, height: int) -> Any:
        shape = (height, paths.units)
        return sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=shape)

    states, owners = len(codes), paths.unit[end_path]
    return Chain(
        order,
        np.where(codes == 0, -1, codes % base - 1),
        pairs // states,
        pairs % states,
        counted(pair, customer, len(pairs)),
        counted(end_state[hit], owners[hit], states),
        counted(end_state[~hit], owners[~hit], states),
    )


def removal_effects(made: Chain, weights: Floats, channels: int) -> Floats:
    """By how much the probability of a conversion falls when a channel leads nowhere: 1 - P(without
    it) / P, by channel; `weights` (customers,): how often each counts.

    Solved, not simulated: with F = (I - Q)^-1, paths through the channel's states C first meet them
    with probabilities h = F[start, C] F[C, C]^-1, and P(without) = P - h x[C], x being the
    probability of a conversion from each state.
    """
    return _effects(made, made.steps @ weights, made.won @ weights, made.lost @ weights, channels)


def _effects(made: Chain, steps: Floats, won: Floats, lost: Floats, channels: int) -> Floats:
    states = len(made.newest)
    total = np.bincount(made.source, steps, minlength=states) + won + lost
    safe = np.where(total > 0, total, 1.0)
    through = np.zeros((states, states))
    through[made.source, made.target] = steps / safe[made.source]
    visits = np.linalg.inv(np.eye(states) - through)
    reaches = visits @ (won / safe)
    whole, effects = reaches[0], np.zeros(channels)
    if whole <= 0:
        return effects
    for channel in range(channels):
        of = np.flatnonzero((made.newest == channel) & (total > 0))
        if len(of):
            met = np.linalg.solve(visits[np.ix_(of, of)].T, visits[0, of])
            effects[channel] = float(met @ reaches[of]) / whole
    return np.clip(effects, 0.0, 1.0)


def shares_of(effects: Floats) -> Floats:
    """Removal effects as shares that sum to 1; alike where none has any."""
    total = effects.sum()
    return effects / total if total > 0 else np.full(len(effects), 1.0 / max(1, len(effects)))


def held_out_likelihood(fitted: Chain, judged: Floats, channels: int) -> float:
    """Log-likelihood of the paths of customers where `judged` is 1, by what the others did.

    An outcome's probability is its count plus 1/2 over the state's count plus half the number of
    outcomes (each channel, conversion, none).
    """
    counts = np.concatenate([fitted.steps @ np.stack([1 - judged, judged], 1),
                             fitted.won @ np.stack([1 - judged, judged], 1),
                             fitted.lost @ np.stack([1 - judged, judged], 1)])  # fmt: skip
    states = np.arange(len(fitted.newest))
    state = np.concatenate([fitted.source, states, states])
    total = np.bincount(state, counts[:, 0])[state]
    p = (counts[:, 0] + _SMOOTH) / (total + _SMOOTH * (channels + 2))
    return float(counts[:, 1] @ np.log(p))


def best_order(paths: Paths, held_out: Flags) -> int:
    """The order of 1 to 3 under which the held-out customers' paths are likeliest; of equally likely
    ones, and where nobody is held out, the lowest. Orders of more than `MOST_STATES` states are no
    candidates.
    """
    best, highest = 1, -np.inf
    judged = held_out.astype(float)
    for order in ORDERS:
        made = chain(paths, order)
        if len(made.newest) > MOST_STATES or not judged.any():
            break
        likely = held_out_likelihood(made, judged, len(paths.channels))
        if likely > highest + 1e-9:
            best, highest = order, likely
    return best


@dataclass(frozen=True)
class Credit:
    """A model's credit by channel: conversions and value, shares with their 95 % interval."""

    conversions: Floats
    value: Floats
    share: Floats
    low: Floats
    high: Floats


def credits(
    paths: Paths, *, order: int, half_life: float = 7.0, draws: int = 200, seed: int = 15
) -> dict[str, Credit]:
    """Each model's credit. Intervals are percentiles over `draws` resamples of customers with all
    their paths (Efron's bootstrap): touches of one customer are not independent.

    Markov's value is split by the same shares as its conversions.
    """
    channels = len(paths.channels)
    made, total = chain(paths, order), float(paths.converted.sum())
    rules = {rule: _by_customer(paths, touch_weights(paths, rule, half_life)) for rule in RULES}
    everybody = np.ones(paths.units)
    resampled: dict[str, list[Floats]] = {model: [] for model in MODELS}
    for drawn in _draws(paths.units, draws, seed):
        for rule, (conversions, _) in rules.items():
            resampled[rule].append((conversions @ drawn).T)
        resampled["markov"].append(_bootstrapped(made, drawn, channels))
    share = shares_of(removal_effects(made, everybody, channels))
    worth = float(paths.value[paths.converted].sum())
    credited = {rule: (own @ everybody, value @ everybody) for rule, (own, value) in rules.items()}
    credited["markov"] = (share * total, share * worth)
    none = [np.empty((0, channels))]
    return {
        model: _credit(own, value, total, _scaled(np.concatenate(resampled[model] or none)))
        for model, (own, value) in credited.items()
    }


def _by_customer(paths: Paths, weights: Floats) -> tuple[Any, Any]:
    """(conversions, value) by channel and customer."""
    hit = paths.converted[paths.path]
    rows, columns = paths.channel[hit], paths.unit[paths.path[hit]]
    shape = (len(paths.channels), paths.units)
    value = weights[hit] * paths.value[paths.path[hit]]
    place = rows, columns
    return (
        sparse.csr_matrix((weights[hit], place), shape=shape),
        sparse.csr_matrix((value, place), shape=shape),
    )


def _draws(units: int, draws: int, seed: int) -> Iterator[NDArray[np.float32]]:
    """(customers, draws): how often each customer is drawn; some draws at a time, for memory."""
    rng = np.random.Generator(np.random.PCG64(seed))
    for begin in range(0, draws, _BLOCK):
        counts = np.empty((units, min(_BLOCK, draws - begin)), np.float32)
        for number in range(counts.shape[1]):
            counts[:, number] = np.bincount(rng.integers(0, units, units), minlength=units)
        yield counts


def _bootstrapped(made: Chain, drawn: NDArray[np.float32], channels: int) -> Floats:
    """(draws, channels): removal effects of each resample."""
    steps, won, lost = made.steps @ drawn, made.won @ drawn, made.lost @ drawn
    return np.array(
        [
            _effects(made, steps[:, at], won[:, at], lost[:, at], channels)
            for at in range(drawn.shape[1])
        ]
    ).reshape(drawn.shape[1], channels)


def _scaled(rows: Floats) -> Floats:
    totals = rows.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(rows, totals, out=np.zeros_like(rows, float), where=totals > 0))


def _credit(conversions: Floats, value: Floats, total: float, drawn: Floats) -> Credit:
    share = conversions / total if total else np.zeros(len(conversions))
    low, high = share, share
    if len(drawn):
        low, high = (np.quantile(drawn, q, axis=0) for q in (0.025, 0.975))
    return Credit(conversions, value, share, np.minimum(low, share), np.maximum(high, share))
