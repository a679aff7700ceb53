"""Sessions on the shop's site and app, walked over known Markov chains, one chain per (stage,
intent).

A browsing or app session walks until `exit`; a buying session's chain has no exit and ends in
`order_completed`. The chains are the demo's truth about journeys: `chains()` is written beside the
exports, never into them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STATES = [
    "home",
    "collection",
    "product_viewed",
    "product_added",
    "checkout_started",
    "order_completed",
    "account",
    "help",
    "app_home",
    "brew_timer_used",
    "recipe_saved",
    "subscription_managed",
    "exit",
]
INDEX = {name: i for i, name in enumerate(STATES)}
STAGES = ["prospect", "customer", "subscriber", "at_risk"]
INTENTS = ["browse", "buy", "app"]
MAX_STEPS = 40

_BROWSE = {
    "home": "collection .38 product_viewed .22 account .06 help .04 exit .30",
    "collection": "product_viewed .62 collection .12 home .06 exit .20",
    "product_viewed": "product_viewed .30 collection .20 product_added .14 home .05 exit .31",
    "product_added": "checkout_started .35 product_viewed .30 collection .10 exit .25",
    "checkout_started": "product_viewed .20 help .08 exit .72",
    "account": "home .15 help .15 collection .15 exit .55",
    "help": "help .20 account .15 home .10 exit .55",
}
_BUY = {
    "home": "collection .55 product_viewed .45",
    "collection": "product_viewed .85 collection .15",
    "product_viewed": "product_added .55 product_viewed .25 collection .20",
    "product_added": "checkout_started .70 product_viewed .20 collection .10",
    "checkout_started": "order_completed .85 product_viewed .10 help .05",
    "help": "checkout_started 1.0",
}
_APP = {
    "app_home": (
        "brew_timer_used .48 recipe_saved .14 product_viewed .10 subscription_managed .06 exit .22"
    ),
    "brew_timer_used": "brew_timer_used .30 recipe_saved .14 app_home .10 exit .46",
    "recipe_saved": "brew_timer_used .25 app_home .20 exit .55",
    "product_viewed": "product_added .15 app_home .25 product_viewed .15 exit .45",
    "product_added": "product_viewed .30 exit .70",
    "subscription_managed": "app_home .30 help .10 exit .60",
    "help": "app_home .30 exit .70",
}
# what a stage changes: state -> {next: factor}; rows are normalised again afterwards
_STAGE_FACTORS: dict[str, dict[str, dict[str, float]]] = {
    "prospect": {"product_viewed": {"product_added": 0.7}, "home": {"account": 0.2}},
    "customer": {},
    "subscriber": {"home": {"account": 3.0}, "account": {"exit": 0.8}},
    "at_risk": {
        "home": {"help": 3.0, "account": 2.0},
        "product_viewed": {"product_added": 0.5, "exit": 1.5},
        "app_home": {"subscription_managed": 4.0, "brew_timer_used": 0.6},
    },
}
_STARTS = {
    "browse": {"home": 0.45, "collection": 0.2, "product_viewed": 0.35},
    "buy": {"home": 0.4, "product_viewed": 0.6},
    "app": {"app_home": 1.0},
}


def chains() -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    """Truth: stage -> intent -> state -> next state -> probability."""
    return {
        stage: {
            intent: {
                a: {
                    STATES[j]: round(float(p), 9)
                    for j, p in enumerate(_matrix(stage, intent)[INDEX[a]])
                    if p > 0
                }
                for a in table
            }
            for intent, table in (("browse", _BROWSE), ("buy", _BUY), ("app", _APP))
        }
        for stage in STAGES
    }


def starts() -> dict[str, dict[str, float]]:
    """Truth: intent -> first state -> probability."""
    return _STARTS


def _matrix(stage: str, intent: str) -> NDArray[np.float64]:
    table = {"browse": _BROWSE, "buy": _BUY, "app": _APP}[intent]
    matrix = np.zeros((len(STATES), len(STATES)))
    for state, text in table.items():
        words = text.split()
        for name, p in zip(words[::2], words[1::2], strict=True):
            factor = _STAGE_FACTORS[stage].get(state, {}).get(name, 1.0)
            matrix[INDEX[state], INDEX[name]] = float(p) * factor
    rows = matrix.sum(axis=1, keepdims=True)
    return matrix / np.where(rows > 0, rows, 1)


def mean_length(stage: str, intent: str) -> float:
    """Expected events in one session, from the chain's fundamental matrix."""
    transient = [i for i, name in enumerate(STATES) if name not in ("exit", "order_completed")]
    q = _matrix(stage, intent)[np.ix_(transient, transient)]
    start = np.array([_STARTS[intent].get(STATES[i], 0.0) for i in transient])
    steps = float(start @ np.linalg.solve(np.eye(len(transient)) - q, np.ones(len(transient))))
    return steps + (1 if intent == "buy" else 0)


def walk(
    rng: np.random.Generator, stage: NDArray[np.int64], intent: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Walk all sessions at once. Returns session number, state and seconds since its start, one row
    per event.
    """
    n = len(stage)
    cumulative = np.stack([np.cumsum(_matrix(s, i), axis=1) for s in STAGES for i in INTENTS])
    first = np.stack([np.cumsum([_STARTS[i].get(s, 0.0) for s in STATES]) for i in INTENTS])
    last = INDEX["exit"]
    live = np.arange(n)
    state = np.minimum((rng.random(n)[:, None] > first[intent]).sum(axis=1), last)
    clock = np.zeros(n)
    chain = stage * len(INTENTS) + intent
    visited: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]] = []
    for step in range(MAX_STEPS):
        visited.append((live, state[live], clock[live]))
        goes_on = state[live] != INDEX["order_completed"]
        live = live[goes_on]
        # A row of cumulated chances may end a rounding error below 1.
        u = rng.random(len(live)) * 0.999999999
        following = np.minimum(
            (u[:, None] > cumulative[chain[live], state[live]]).sum(axis=1), last
        )
        if step >= MAX_STEPS - 3:
            # a buyer who wandered long is led to the till: its chain has no exit, and the walk must
            # end
            forced = ["product_added", "checkout_started", "order_completed"][
                step - (MAX_STEPS - 3)
            ]
            following = np.where(intent[live] == INTENTS.index("buy"), INDEX[forced], last)
        state[live] = following
        clock[live] += np.minimum(rng.exponential(45.0, len(live)) + 3.0, 900.0)
        live = live[following != last]
        if not len(live):
            break
    else:
        done = live[state[live] == INDEX["order_completed"]]
        visited.append((done, state[done], clock[done]))
    session = np.concatenate([o[0] for o in visited])
    order = np.argsort(session, kind="stable")
    return (
        session[order],
        np.concatenate([o[1] for o in visited])[order],
        np.concatenate([o[2] for o in visited])[order],
    )
