"""How far people come: the specification's cases, and 10,000 random people against an oracle that tries every way."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest

from customer_intel.behaviour.funnel_engine import NONE, Reached, Walk, reached
from customer_intel_tests.oracles.funnel_oracle import Event, told

MANY = 10_000


def walk(people: Sequence[Sequence[Event]]) -> Walk:
    rows = [
        (who, at, sum(1 << step for step in serves), is_end)
        for who, events in enumerate(people)
        for at, serves, is_end in events
    ]
    actor, at, mask = (np.array([row[i] for row in rows], np.int64) for i in range(3))
    return Walk(actor, at, mask, np.array([row[3] for row in rows], np.bool_))


def events(text: str) -> list[Event]:
    """`A0 X1 B2`: A, B, C are steps, X is something else, E ends an attempt."""
    found = [(int(word[1:]), frozenset({"ABC".index(word[0])} if word[0] in "ABC" else ()), word[0] == "E")
             for word in text.split()]  # fmt: skip
    return in_order(found)


def in_order(found: list[Event]) -> list[Event]:
    return sorted(
        found, key=lambda event: (event[0], min(event[1], default=99), sorted(event[1]), event[2])
    )


@pytest.mark.parametrize(
    ("text", "order", "compat", "steps"),
    [
        ("A0 B10 C11", "ordered", False, 2),
        ("A0 B3 C10", "ordered", False, 3),
        ("A0 A5 B12", "ordered", False, 2),
        ("B0 A1 C2", "ordered", False, 1),
        ("A0 B0", "ordered", False, 2),
        ("A0 X1 B2", "strict", False, 1),
        ("A0 B1 B2 C3", "ordered", False, 3),
        ("A0 B1 B2 C3", "strict", False, 2),
        ("A0 B1 B2 C3", "strict", True, 3),
        ("A0 A1 B2 C3", "strict", False, 3),
        ("A0 B1 X2 B3 C4", "strict", True, 2),
        ("A0 E1 B2", "ordered", False, 1),
        ("A0 B1 E2 C3", "ordered", False, 2),
        ("A0 E1 A2 B3 C4", "ordered", False, 3),
        ("C0 B5 A10", "any", False, 3),
        ("C0 B5 A11", "any", False, 2),
        ("C0 E1 B5 A10", "any", False, 2),
        ("B0 B1 B2", "any", False, 1),
        ("X0 X1", "ordered", False, 0),
    ],
)
def test_the_cases_of_the_specification(text: str, order: str, compat: bool, steps: int) -> None:
    found = reached(walk([events(text)]), 3, order, 10, posthog_compat=compat)
    assert found.steps.tolist() == [steps]
    assert told(events(text), 3, order, 10, compat=compat).steps == steps


def test_an_event_serves_one_step() -> None:
    twice = frozenset({0, 1})
    for order in ("ordered", "strict", "any"):
        assert reached(walk([[(0, twice, False)]]), 2, order, 10).steps.tolist() == [1]
        assert reached(
            walk([[(0, twice, False), (3, twice, False)]]), 2, order, 10
        ).steps.tolist() == [2]


def test_times_are_those_of_the_furthest_attempt_from_its_latest_start() -> None:
    found = reached(walk([events("A0 B2 A5 B6 C9 C10")]), 3, "ordered", 10)
    at = walk([events("A0 B2 A5 B6 C9 C10")]).at
    assert at[found.attempt[:, 0]].tolist() == [5, 6, 9]
    assert at[found.first[:, 0]].tolist() == [0, 2, 9]
    assert at[found.last_start].tolist() == [5]
    anyhow = reached(walk([events("A0 C1 A5 B8 C9")]), 3, "any", 10)
    at = walk([events("A0 C1 A5 B8 C9")]).at
    assert at[anyhow.attempt[:, 0]].tolist() == [1, 5, 8]


def test_nobody_is_nobody() -> None:
    for order in ("ordered", "strict", "any"):
        assert reached(walk([]), 3, order, 10).steps.tolist() == []


def people(seed: int, n: int, n_steps: int) -> list[list[Event]]:
    """Random people: ties, repeats, events of several steps, other events, and some that end attempts."""
    dice = random.Random(seed)
    made = []
    for _ in range(n):
        found: list[Event] = []
        for _ in range(dice.randint(1, 9)):
            serves = frozenset(step for step in range(n_steps) if dice.random() < 0.35)
            found.append((dice.randint(0, 20), serves, not serves and dice.random() < 0.3))
        made.append(in_order(found))
    return made


def agrees(found: Reached, at: np.ndarray, who: int, said: tuple[int, ...]) -> bool:
    steps = int(found.steps[who])
    first = tuple(at[found.first[:steps, who]].tolist())
    attempt = found.attempt[:steps, who]
    forward = bool((np.diff(attempt) > 0).all()) and bool((attempt != NONE).all())
    return first == said and forward and (steps == 0 or at[attempt[-1]] == said[-1])


@pytest.mark.parametrize("window", [None, 6])
@pytest.mark.parametrize(
    ("order", "compat"), [("ordered", False), ("strict", False), ("strict", True), ("any", False)]
)
def test_ten_thousand_people_agree_with_the_oracle(
    order: str, compat: bool, window: int | None
) -> None:
    crowd = people(len(order) + bool(window), MANY // 2, 3)
    steps = walk(crowd)
    found = reached(steps, 3, order, window, posthog_compat=compat)
    wrong = [
        (events, found.steps[who], said)
        for who, events in enumerate(crowd)
        if not agrees(
            found, steps.at, who, (said := told(events, 3, order, window, compat=compat)).first
        )
    ]
    assert wrong[:3] == []
    # Every number of steps is among them.
    assert set(found.steps.tolist()) == {0, 1, 2, 3}


def test_four_steps_and_many_actors_at_once() -> None:
    crowd = people(99, 500, 4)
    for order in ("ordered", "strict", "any"):
        steps = walk(crowd)
        found = reached(steps, 4, order, 8)
        assert all(
            agrees(found, steps.at, who, told(events, 4, order, 8).first)
            for who, events in enumerate(crowd)
        )
