"""The simulation: persons, their weekly latent state, and everything they do.

Time is seconds since the epoch (UTC); `t0` is the first day of the history and `t1` its end,
exclusive. A person's engagement z follows a weekly mean-reverting walk that bad experiences push
down; visits, orders, app use, survey scores and the churn hazard all read z, so a decline shows in
the data before the person leaves, but never for certain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from customer_intel.demo import billing, doings, pools, till
from customer_intel.demo.clock import DAY, NEVER, Array, choose, epoch, season

HAZARD = {
    "base": -4.35,
    "engagement": -1.3,
    "unresolved_ticket": 0.9,
    "failed_payment": 0.9,
    "late_delivery": 0.5,
    "app_user": -0.5,
    "not_repeat_buyer": 0.5,
    "subscriber": -0.2,
}


@dataclass(frozen=True)
class World:
    """Everything that happened, as frames; amounts in cents, times in epoch seconds (see above)."""

    persons: pl.DataFrame
    weeks: pl.DataFrame
    orders: pl.DataFrame
    lines: pl.DataFrame
    subscriptions: pl.DataFrame
    invoices: pl.DataFrame
    charges: pl.DataFrame
    tickets: pl.DataFrame
    surveys: pl.DataFrame
    sessions: pl.DataFrame
    steps: pl.DataFrame
    till_orders: pl.DataFrame
    till_lines: pl.DataFrame
    fx: pl.DataFrame
    t0: int
    t1: int


def simulate_world(
    streams: Mapping[str, np.random.Generator], customers: int, days: int, end: date
) -> World:
    """`streams` are the draws by part, so that one part's do not move another's: world, billing,
    till, rates.
    """
    rng = streams["world"]
    t1 = epoch(end)
    t0 = t1 - days * DAY
    traits = _persons(rng, customers, days)
    traits |= billing.beginnings(streams["billing"], traits)
    weekly = _weeks(rng, traits, days, t0)
    orders, lines = doings.orders(rng, traits, weekly, days, t0)
    subscriptions, invoices, charges = billing.billing(streams["billing"], traits, weekly, days, t0)
    tickets = doings.tickets(rng, traits, weekly, t0, t1)
    surveys = doings.surveys(rng, traits, weekly, orders, t0, t1)
    sessions, steps = doings.sessions(rng, traits, weekly, orders, days, t0, t1)
    till_orders, till_lines = till.orders(streams["till"], traits, weekly, orders, days, t0)
    return World(
        persons=_person_frame(traits, weekly, t0),
        weeks=_week_frame(weekly, t0),
        orders=orders,
        lines=lines,
        subscriptions=subscriptions,
        invoices=invoices,
        charges=charges,
        tickets=tickets,
        surveys=surveys,
        sessions=sessions,
        steps=steps,
        till_orders=till_orders,
        till_lines=till_lines,
        fx=till.euro_rates(streams["rates"], days, t0),
        t0=t0,
        t1=t1,
    )


def _persons(rng: np.random.Generator, n: int, days: int) -> dict[str, Array]:
    """Fixed traits. About a third were customers before the history starts; the others arrive over
    it.
    """
    # Customers who were there before the history, whose first order it does not show.
    before = rng.random(n) < 0.35
    signup = np.where(
        before, -rng.integers(1, 400, n), np.floor(rng.random(n) ** 0.9 * days)
    ).astype(np.int64)
    kind = choose(rng, [0.22, 0.24, 0.54], n)  # never buys, buys once, buys again
    repeat = kind == 2
    subscriber = rng.random(n) < np.where(repeat, 0.45, np.where(kind == 1, 0.05, 0.0))
    return {
        "signup": signup,
        "kind": kind,
        "subscriber": subscriber,
        "app": rng.random(n) < np.where(subscriber, 0.5, 0.2),
        "mu": rng.normal(0, 0.45, n),
        "visit_rate": rng.gamma(0.9, 1.0, n)
        * np.where(repeat, 1.2, 0.85)
        * np.where(subscriber, 1.4, 1.0)
        + 0.05,
        "order_rate": np.where(repeat, rng.gamma(1.1, 0.085, n) + 0.016, 0.0),
        "first_order": np.where(
            kind > 0, signup + np.floor(rng.exponential(4.0, n)), days + 9999
        ).astype(np.int64),
        "sub_start": np.where(
            subscriber, signup + np.floor(rng.exponential(25.0, n)), days + 9999
        ).astype(np.int64),
        "plan": choose(rng, [x[4] for x in pools.PLANS], n),
        "card_risk": rng.beta(1.0, 14.0, n),
        "city": choose(rng, [float(w) for w in pools.CITY_WEIGHTS], n),
        "spend": np.exp(rng.normal(0, 0.5, n)),
    }


def _weeks(
    rng: np.random.Generator, traits: dict[str, Array], days: int, t0: int
) -> dict[str, Array]:
    """The weekly loop: engagement, orders, late parcels, tickets, failed payments, hazard and
    churn.
    """
    n, weeks = len(traits["signup"]), -(-days // 7)
    z = traits["mu"] + rng.normal(0, 0.4, n)
    churn_day = np.full(n, days + 9999, dtype=np.int64)
    unresolved, late, failed = np.zeros(n), np.zeros(n), np.zeros(n)
    out = {
        k: np.zeros((n, weeks))
        for k in (
            "z",
            "hazard",
            "alive",
            "orders",
            "late",
            "ticket",
            "slow",
            "topic",
            "failed",
            "unresolved",
        )
    }
    repeat, app, sub = traits["kind"] == 2, traits["app"].astype(float), traits["subscriber"]
    for week in range(weeks):
        first = week * 7
        alive = (traits["signup"] < first + 7) & (churn_day > first)
        z = np.where(
            alive,
            traits["mu"]
            + 0.88 * (z - traits["mu"])
            + rng.normal(0, 0.30, n)
            - 0.25 * late
            - 0.22 * unresolved
            - 0.2 * failed
            + 0.02 * app,
            z,
        )
        day = np.array([t0 // DAY + first + 3])
        mean = traits["order_rate"] * np.exp(0.6 * z) * season(day, shopping=True)[0]
        orders = np.where(
            alive & (traits["first_order"] < first), rng.poisson(np.minimum(mean, 3.0)), 0
        )
        orders = orders + (
            alive & (traits["first_order"] >= first) & (traits["first_order"] < first + 7)
        )
        is_late = (orders > 0) & (
            rng.random(n) < 0.07 + 0.12 * (season(day, shopping=True)[0] > 1.5)
        )
        is_billed = (
            sub
            & alive
            & (traits["billed_from"] <= first)
            & (((first - traits["billed_from"]) % 30) < 7)
        )
        is_failed = is_billed & (rng.random(n) < traits["card_risk"] * 1.6 * np.exp(-0.3 * z))
        ticket_p = 0.007 + 0.30 * late + 0.25 * failed + 0.01 * sub
        ticket = alive & (rng.random(n) < ticket_p)
        slow = ticket & (rng.random(n) < 0.3)
        topic = np.where(late > 0, 0, np.where(failed > 0, 1, 2 + (rng.random(n) < 0.5)))
        recent_unresolved = (unresolved > 0).astype(float)
        logit = (
            HAZARD["base"]
            + HAZARD["engagement"] * z
            + HAZARD["unresolved_ticket"] * recent_unresolved
            + HAZARD["failed_payment"] * failed
            + HAZARD["late_delivery"] * late
            + HAZARD["app_user"] * app
            + HAZARD["not_repeat_buyer"] * ~repeat
            + HAZARD["subscriber"] * sub
        )
        hazard = 1 / (1 + np.exp(-logit))
        # nobody leaves before having bought what they came for
        leaves = alive & (traits["first_order"] < first) & (rng.random(n) < hazard)
        leaves |= (
            alive & (traits["kind"] == 0) & (traits["signup"] < first) & (rng.random(n) < hazard)
        )
        churn_day = np.where(leaves, first + 7, churn_day)
        for name, values in (
            ("z", z),
            ("hazard", hazard),
            ("alive", alive),
            ("orders", orders),
            ("late", is_late),
            ("ticket", ticket),
            ("slow", slow),
            ("topic", topic),
            ("failed", is_failed),
            ("unresolved", recent_unresolved),
        ):
            out[name][:, week] = values
        late, failed = (
            np.where(is_late, 1.0, late * 0.5 * (late > 0.3)),
            np.where(is_failed, 1.0, failed * 0.5 * (failed > 0.3)),
        )
        unresolved = np.where(slow, 3.0, np.maximum(unresolved - 1.0, 0.0))
    return out | {"churn_day": churn_day}


def _person_frame(traits: dict[str, Array], weekly: dict[str, Array], t0: int) -> pl.DataFrame:
    n, weeks = weekly["z"].shape
    has_left = weekly["churn_day"] < weeks * 7
    last = np.where(has_left, weekly["churn_day"] // 7 - 1, weeks - 1)
    kinds = np.array(["prospect", "one_time", "repeat"])
    return pl.DataFrame(
        {
            "person": np.arange(n),
            "signup": t0 + traits["signup"] * DAY,
            "churned_at": np.where(has_left, t0 + weekly["churn_day"] * DAY, NEVER),
            "buyer_kind": kinds[traits["kind"]],
            "is_subscriber": traits["subscriber"],
            "is_app_user": traits["app"],
            "mean_engagement": traits["mu"],
            "last_engagement": weekly["z"][np.arange(n), last],
            "last_hazard": weekly["hazard"][np.arange(n), last],
            "city": traits["city"],
        }
    )


def _week_frame(weekly: dict[str, Array], t0: int) -> pl.DataFrame:
    person, week = np.nonzero(weekly["alive"])
    return pl.DataFrame(
        {
            "person": person,
            "week_start": t0 + week * 7 * DAY,
            "engagement": weekly["z"][person, week].round(6),
            "hazard": weekly["hazard"][person, week].round(9),
            "churned": weekly["churn_day"][person] == (week + 1) * 7,
        }
    )
