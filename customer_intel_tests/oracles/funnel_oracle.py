"""Funnels said again, one person at a time, by trying every way: what the arrays of funnel_engine must agree with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# (when, the steps from 0 that it can serve, whether it ends attempts)
Event = tuple[int, frozenset[int], bool]


@dataclass(frozen=True)
class Told:
    """How many steps a person reached, and when each was reached for the first time."""

    steps: int
    first: tuple[int, ...]


def told(
    events: Sequence[Event], n_steps: int, order: str, window: int | None, *, compat: bool = False
) -> Told:
    """`events` by time; those of one moment by their lowest step, others behind them."""
    ends = [_ends(events, n_steps, order, window, end, compat) for end in range(len(events))]
    first = []
    for step in range(1, n_steps + 1):
        when = [events[at][0] for at, count in enumerate(ends) if count >= step]
        if when:
            first.append(when[0])
    return Told(len(first), tuple(first))


def _ends(
    events: Sequence[Event], n_steps: int, order: str, window: int | None, end: int, compat: bool
) -> int:
    """The most steps that any attempt has done whose last event is `end`."""
    best = 0
    for start in range(end + 1):
        if window is not None and events[end][0] - events[start][0] > window:
            continue
        if order == "any":
            best = max(best, _matched(events[start : end + 1], n_steps))
        elif 0 in events[start][1]:
            state = _strict if order == "strict" else _ordered
            best = max(best, state(events, start, end, n_steps, compat))
    return best


def _ordered(events: Sequence[Event], start: int, end: int, n_steps: int, compat: bool) -> int:
    """Every chain of steps from `start`, each by a later event; none may pass an event that ends attempts."""
    del compat
    states = {1} if start == end else set()
    alive = {1}
    for at in range(start + 1, end + 1):
        _, serves, is_end = events[at]
        if is_end and not serves:
            alive = set()
        moved = {count + 1 for count in alive if count in serves and count < n_steps}
        if at == end:
            states |= moved
        alive |= moved
    return max(states, default=0)


def _strict(events: Sequence[Event], start: int, end: int, n_steps: int, compat: bool) -> int:
    """One after the other without a gap."""
    states = {1}
    for at in range(start + 1, end + 1):
        serves = events[at][1]
        moved = {count + 1 for count in states if count in serves and count < n_steps}
        if compat:
            moved |= {count for count in states if count - 1 in serves and count > 1}
        states = moved
    return max(states, default=0)


def _matched(events: Sequence[Event], n_steps: int) -> int:
    """The largest pairing of events and steps, after the last event that ends attempts (augmenting paths)."""
    bars = [at for at, (_, serves, is_end) in enumerate(events) if is_end and not serves]
    kept = events[bars[-1] + 1 :] if bars else events
    server: dict[int, int] = {}

    def placed(at: int, seen: set[int]) -> bool:
        for step in kept[at][1]:
            if step < n_steps and step not in seen:
                seen.add(step)
                if step not in server or placed(server[step], seen):
                    server[step] = at
                    return True
        return False

    return sum(placed(at, set()) for at in range(len(kept)))
