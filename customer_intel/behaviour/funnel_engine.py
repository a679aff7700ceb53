"""How far each actor came through steps: ordered, strict or in any order, within a window, over arrays.

Belongs here: the rules of a funnel, PostHog's with what it leaves open decided. Not here: whose acts they are
(funnel_people.py), shares and intervals (funnel_figures.py).

Rules. The window begins with the first step and includes its end. Where someone starts anew, the latest start
counts. An event serves one step. Events at the same moment are taken in the order of the steps. `ordered`:
other events between steps do not matter; an excluded one ends the attempts under way. `strict`: no other event
between two steps; with `posthog_compat`, repeats of the current step are none. `any`: so many different
steps within one window, whichever came first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
import numpy.typing as npt

Index = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
NONE = -1


@dataclass(frozen=True)
class Walk:
    """Events of actors, by actor, time and step. `actor`: numbers from 0 without gaps; `at`: µs; `mask`: bit
    k for step k + 1; `excluded`: acts that end an attempt.
    """

    actor: Index
    at: Index
    mask: Index
    excluded: Flags

    @cached_property
    def position(self) -> Index:
        """Each event's number."""
        return np.arange(len(self.actor), dtype=np.int64)

    @cached_property
    def firsts(self) -> Index:
        """The number of each actor's first event."""
        if not len(self.actor):
            return np.empty(0, np.int64)
        return np.flatnonzero(np.diff(self.actor, prepend=self.actor[0] - 1)).astype(np.int64)

    @cached_property
    def begin(self) -> Index:
        """Each event's actor's first event."""
        return self.firsts[self.actor] if len(self.actor) else np.empty(0, np.int64)

    @cached_property
    def barred(self) -> Index:
        """The last event up to here that ends an attempt; NONE before the first."""
        return latest(self.excluded & (self.mask == 0))

    def does(self, step: int) -> Flags:
        """Which events are of a step, from 0."""
        return np.asarray((self.mask >> step) & 1 == 1)


@dataclass(frozen=True)
class Reached:
    """By step and actor, numbers of events, NONE where the step was not reached: `first`, when it was
    reached for the first time in any attempt; `attempt`, when in the attempt that came furthest, the first such one.
    `last_start`: each actor's last event of the first step.
    """

    first: Index
    attempt: Index
    last_start: Index

    @property
    def steps(self) -> Index:
        """How many steps each actor reached; 0 for who never began."""
        return np.asarray((self.first != NONE).sum(axis=0), np.int64)


def reached(
    walk: Walk, n_steps: int, order: str, window: int | None, *, posthog_compat: bool = False
) -> Reached:
    """How far each actor came. `window`: µs from the first step, None for no limit."""
    if order == "any":
        return _any_order(walk, n_steps, window)
    valid, link = walk.does(0), np.full(len(walk.at), NONE, np.int64)
    start = walk.position
    valids, links = [valid], [link]
    for step in range(1, n_steps):
        if order == "strict":
            valid, link, start = _strict(walk, step, valids[-1], start, window, posthog_compat)
        else:
            valid, link, start = _ordered(walk, step, valids[-1], start, window)
        valids.append(valid)
        links.append(link)
    first = np.stack([_first(walk, valid) for valid in valids])
    return Reached(first, _traced(first, links), _last(walk, walk.does(0)))


def latest(flags: Flags) -> Index:
    """The last event up to each one for which the flag is set; NONE before the first."""
    numbers = np.where(flags, np.arange(len(flags), dtype=np.int64), NONE)
    return np.maximum.accumulate(numbers) if len(flags) else numbers


def _shifted(numbers: Index) -> Index:
    """What stood at the event before."""
    return np.concatenate((np.array([NONE], np.int64), numbers[:-1]))[: len(numbers)]


def _in_time(walk: Walk, start: Index, window: int | None) -> Flags:
    """Whether each event is within the window of its start."""
    if window is None:
        return np.ones(len(start), np.bool_)
    return np.asarray(walk.at - walk.at[np.maximum(start, 0)] <= window)


def _ordered(
    walk: Walk, step: int, valid: Flags, start: Index, window: int | None
) -> tuple[Flags, Index, Index]:
    """The step's valid events, the event of the step before that each leads on, and where it started.
    The last valid event before has the latest start, as starts never go back.
    """
    link = _shifted(latest(valid))
    begun = start[np.maximum(link, 0)]
    fine = walk.does(step) & (link >= walk.begin) & (link > walk.barred)
    return fine & _in_time(walk, begun, window), link, begun


def _strict(
    walk: Walk, step: int, valid: Flags, start: Index, window: int | None, compat: bool
) -> tuple[Flags, Index, Index]:
    """As `_ordered`: the event of the step before is the one just before."""
    link = walk.position - 1
    begun = start[np.maximum(link, 0)]
    follows = (link >= walk.begin) & valid[np.maximum(link, 0)]
    does = walk.does(step)
    fine = does & follows & _in_time(walk, begun, window)
    if not compat:
        return fine, link, begun
    # A repeat hands on what the event had with which the step was reached.
    reached_at = latest(fine)
    run_begin = latest(~does) + 1
    goes_on = does & (reached_at >= np.maximum(run_begin, walk.begin))
    source = np.where(goes_on, reached_at, walk.position)
    return goes_on, link[source], begun[source]


def _first(walk: Walk, flags: Flags) -> Index:
    """Each actor's first event for which the flag is set, NONE where it never is."""
    n = len(flags)
    if not n:
        return np.empty(0, np.int64)
    found = np.minimum.reduceat(np.where(flags, walk.position, n), walk.firsts)
    return np.where(found < n, found, NONE)


def _last(walk: Walk, flags: Flags) -> Index:
    """As `_first`, the last one."""
    if not len(flags):
        return np.empty(0, np.int64)
    return np.maximum.reduceat(np.where(flags, walk.position, NONE), walk.firsts)


def _traced(first: Index, links: list[Index]) -> Index:
    """From the first event that reached each actor's furthest step back to its start."""
    attempt = np.full_like(first, NONE)
    furthest = (first != NONE).sum(axis=0)
    here = np.full(first.shape[1], NONE, np.int64)
    for step in range(len(links) - 1, -1, -1):
        here = np.where(furthest == step + 1, first[step], here)
        is_on = furthest > step
        attempt[step] = np.where(is_on, here, NONE)
        if len(links[step]):
            here = np.where(is_on, links[step][np.maximum(here, 0)], here)
    return attempt


# ---- any order
def _any_order(walk: Walk, n_steps: int, window: int | None) -> Reached:
    """The window that ends with an event reaches furthest back that an exclusion and the window allow: what
    lies in it is what an attempt can have done by then.
    """
    if not len(walk.at):
        empty = np.empty((n_steps, 0), np.int64)
        return Reached(empty, empty, np.empty(0, np.int64))
    counted = _Matches(walk, n_steps)
    low = np.maximum(walk.begin, walk.barred + 1)
    if window is not None:
        low = np.maximum(low, _since(walk, window))
    done = counted.between(low, walk.position)
    first = np.stack([_first(walk, done >= step) for step in range(1, n_steps + 1)])
    furthest = (first != NONE).sum(axis=0)
    end = np.take_along_axis(first, np.maximum(furthest - 1, 0)[None, :], axis=0)[0]
    # The attempt begins as late as it can.
    its_end = np.maximum(end, 0)[walk.actor]
    inside = (walk.position >= low[its_end]) & (walk.position <= its_end)
    whole = furthest[walk.actor]
    left = np.where(inside, counted.between(walk.position, np.maximum(its_end, walk.position)), 0)
    begins = _last(walk, inside & (left >= whole) & (whole > 0) & (walk.mask > 0))
    begin = np.maximum(begins, 0)[walk.actor]
    is_after = (walk.position >= begin) & (walk.position <= its_end) & (begins[walk.actor] != NONE)
    so_far = np.where(is_after, counted.between(np.minimum(begin, walk.position), walk.position), 0)
    attempt = np.stack(
        [_first(walk, is_after & (so_far >= step)) for step in range(1, n_steps + 1)]
    )
    return Reached(first, np.where(first == NONE, NONE, attempt), _last(walk, walk.mask > 0))


def _since(walk: Walk, window: int) -> Index:
    """Each event's first event of the same actor that is at most the window older."""
    # Times of an actor are told from his first on, so that one number holds actor and time.
    own = walk.at - walk.at[walk.begin]
    reach = min(window, int(own.max()) + 1)
    span = int(own.max()) + reach + 1
    found = np.empty(len(own), np.int64)
    # So many actors at once as fit into 63 bits.
    at_once = max(1, (2**62) // span)
    for part in _parts(walk.actor, at_once):
        key = (walk.actor[part] - walk.actor[part][0]) * span + own[part]
        found[part] = part.start + np.searchsorted(key, key - reach, side="left")
    return np.maximum(found, walk.begin)


def _parts(actor: Index, at_once: int) -> Iterator[slice]:
    """Stretches of events of at most so many actors each."""
    n = int(actor[-1]) + 1
    ends = np.searchsorted(actor, np.arange(at_once, n + at_once, at_once), side="left")
    begin = 0
    for end in ends:
        yield slice(begin, int(end))
        begin = int(end)


class _Matches:
    """How many different steps a stretch of events can serve, each event one of them: by König and Hall the number of
    steps less the largest lack, over sets of steps, of events that serve any of the set.
    """

    def __init__(self, walk: Walk, n_steps: int) -> None:
        shared = _overlaps(walk, n_steps)
        self.sums: list[tuple[int, Index]] = []
        self.groups: list[list[int]] = []
        for group in shared:
            numbers = []
            for size in range(1, len(group) + 1):
                for chosen in combinations(group, size):
                    bits = sum(1 << step for step in chosen)
                    total = np.cumsum((walk.mask & bits) != 0, dtype=np.int64)
                    numbers.append(len(self.sums))
                    self.sums.append((size, np.concatenate((np.zeros(1, np.int64), total))))
            self.groups.append(numbers)
        self.n_steps = n_steps

    def between(self, low: Index, high: Index) -> Index:
        """How many steps the events from `low` to `high`, both included, serve."""
        lack = np.zeros(len(low), np.int64)
        for numbers in self.groups:
            worst = np.zeros(len(low), np.int64)
            for number in numbers:
                size, sums = self.sums[number]
                np.maximum(worst, size - (sums[high + 1] - sums[low]), out=worst)
            lack += worst
        return self.n_steps - lack


def _overlaps(walk: Walk, n_steps: int) -> list[list[int]]:
    """The steps in groups that share no event."""
    groups = [{step} for step in range(n_steps)]
    for mask in np.unique(walk.mask):
        steps = {step for step in range(n_steps) if (int(mask) >> step) & 1}
        touched = [group for group in groups if group & steps]
        groups = [group for group in groups if not group & steps]
        if touched:
            groups.append(set().union(*touched))
    return [sorted(group) for group in sorted(groups, key=min)]
