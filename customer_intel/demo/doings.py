"""Simulated behaviour: orders with lines, tickets, survey answers, sessions (weekly state:
world.py).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from customer_intel.demo import journeys, pools
from customer_intel.demo.clock import (
    DAY,
    NEVER,
    WEEKDAY,
    Array,
    Bools,
    Floats,
    Ints,
    at_day,
    choose,
    moment,
    season,
)

# how a web order of the shop is paid, and how many are; the cancelled ones aside
PAY = {"paid": 0.978, "voided": 0.008, "pending": 0.007, "expired": 0.004, "authorized": 0.003}
PAID, VOIDED, PENDING, EXPIRED, AUTHORIZED = range(len(PAY))
EVENTS_PER_CUSTOMER_YEAR = 80.0
NPS = {
    "base": 8.15,
    "late_delivery": -1.9,
    "unresolved_ticket": -2.2,
    "app_user": 1.0,
    "engagement": 0.55,
    "noise_sd": 1.5,
}


def orders(
    rng: np.random.Generator, traits: dict[str, Array], weekly: dict[str, Array], days: int, t0: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The shop's orders (amounts in cents, times in epoch seconds) and their lines, in order of
    time.
    """
    counts = weekly["orders"].astype(np.int64)
    person, week = np.nonzero(counts)
    times = counts[person, week]
    person, week = np.repeat(person, times), np.repeat(week, times)
    day = week * 7 + choose(rng, list(WEEKDAY), len(week))
    first = traits["first_order"][person]  # the only one of its week
    person, day = _within(days, person, np.where(first // 7 == week, first, day))
    late = weekly["late"][person, day // 7] > 0
    created = moment(rng, day, traits["city"][person], t0)
    by_time = np.lexsort((person, created))
    person, created, late = person[by_time], created[by_time], late[by_time]
    n = len(person)
    web = rng.random(n) < 0.9
    shipped = created + (rng.gamma(3.0, 0.45, n) * DAY).astype(np.int64) + 3600
    promised = created // DAY * DAY + 6 * DAY
    on_time = np.minimum(
        shipped + ((1.5 + rng.gamma(2.0, 0.6, n)) * DAY).astype(np.int64), promised + 16 * 3600
    )
    delivered = np.where(
        late, promised + ((2.0 + rng.gamma(2.0, 1.5, n)) * DAY).astype(np.int64), on_time
    )
    cancelled = rng.random(n) < 0.012
    refunded = ~cancelled & (rng.random(n) < 0.025 + 0.06 * late)
    discount = np.where(rng.random(n) < 0.16, 1 + choose(rng, [3, 2, 1], n), 0)
    n_lines = 1 + rng.binomial(3, 0.28, n)
    lines = draw_lines(rng, n_lines, traits["spend"][person], created)
    subtotal = np.bincount(
        lines["order"].to_numpy(), lines["price"].to_numpy() * lines["quantity"].to_numpy(), n
    ).astype(np.int64)
    discount_amount = np.round(subtotal * np.array([0, 0.10, 0.05, 0.15])[discount]).astype(
        np.int64
    )
    shipping = np.where(web & (subtotal - discount_amount < 4000), 595, 0)
    tax = np.round((subtotal - discount_amount) * 0.0625).astype(np.int64)
    cancelled_at = np.where(cancelled, created + rng.integers(1800, 20 * 3600, n), NEVER)
    pay, settled_at = _unpaid(rng, created, web & ~cancelled & ~refunded)
    kept_back = cancelled | (pay > 0)
    shipped_at = np.where(~web, created, np.where(kept_back, NEVER, shipped))
    delivered_at = np.where(
        ~web, created, np.where(kept_back, NEVER, np.maximum(delivered, shipped + 3600))
    )
    orders = pl.DataFrame(
        {
            "order": np.arange(n),
            "person": person,
            "created": created,
            "is_web": web,
            "is_late": late & web & ~kept_back,
            "pay": pay,
            "turned": settled_at,
            "shipped": shipped_at,
            "promised": promised,
            "delivered": delivered_at,
            "cancelled": cancelled_at,
            "refunded": np.where(refunded, np.minimum(delivered_at, NEVER) + 3 * DAY, NEVER),
            "discount_code": discount,
            "subtotal": subtotal,
            "discount": discount_amount,
            "shipping": shipping,
            "tax": tax,
            "total": subtotal - discount_amount + shipping + tax,
            "city": traits["city"][person],
        }
    )
    return orders, lines


def _within(days: int, person: Ints, day: Ints) -> tuple[Ints, Ints]:
    """Weeks are drawn whole; of the last one, only what falls before the end has happened."""
    inside = day < days
    return person[inside], day[inside]


def _unpaid(rng: np.random.Generator, created: Ints, usual: Bools) -> tuple[Ints, Ints]:
    """How an order is paid (index of PAY), and when an unpaid one turns into what it stays."""
    n = len(created)
    pay = np.where(usual, choose(rng, list(PAY.values()), n), 0)
    settled_at = np.where(pay == VOIDED, created + rng.integers(3600, 3 * DAY, n), NEVER)
    return pay, np.where(pay == EXPIRED, created + 7 * DAY, settled_at)


def draw_lines(
    rng: np.random.Generator, n_lines: Ints, spend: Floats, created: Ints
) -> pl.DataFrame:
    """Lines of orders, up to `n_lines` products each; what costs 50 or more goes to who spends
    much.
    """
    order = np.repeat(np.arange(len(n_lines)), n_lines)
    weights = np.array([float(x[4]) for x in pools.PRODUCTS])
    product = choose(rng, weights, len(order))
    cheap = np.array([x[3] < 5000 for x in pools.PRODUCTS])
    product = np.where(
        cheap[product] | (rng.random(len(order)) < spend[order]), product, product % 9
    )
    quantity = (
        1
        + rng.binomial(2, 0.14, len(order))
        + np.where(rng.random(len(order)) < 0.01, rng.integers(2, 11, len(order)), 0)
    )
    return pl.DataFrame(
        {
            "order": order,
            "product": product,
            "quantity": quantity,
            "price": np.array([x[3] for x in pools.PRODUCTS])[product],
        }
    ).unique(["order", "product"], keep="first", maintain_order=True)


def tickets(
    rng: np.random.Generator, traits: dict[str, Array], weekly: dict[str, Array], t0: int, t1: int
) -> pl.DataFrame:
    """Support tickets in order of time; topic and priority are indices, rating 0 none, 1 bad, 2
    good.
    """
    person, week = np.nonzero(weekly["ticket"])
    day = week * 7 + choose(rng, list(WEEKDAY), len(week))
    day = np.maximum(day, np.maximum(traits["signup"][person], 0))
    person, day = _within((t1 - t0) // DAY, person, day)
    n, week = len(person), day // 7
    created = moment(rng, day, traits["city"][person], t0)
    is_slow = weekly["slow"][person, week] > 0
    reply = (
        created
        + np.where(is_slow, rng.gamma(2.0, 40 * 3600, n), rng.gamma(1.5, 3 * 3600, n)).astype(
            np.int64
        )
        + 300
    )
    solved = reply + np.where(
        is_slow, 10 * DAY + rng.gamma(2.0, 5 * DAY, n), rng.gamma(1.2, 20 * 3600, n)
    ).astype(np.int64)
    solved = np.where(is_slow & (rng.random(n) < 0.25), NEVER, solved)
    is_rated = (solved < NEVER) & (rng.random(n) < 0.35)
    is_good = rng.random(n) < np.where(is_slow, 0.25, 0.86)
    return (
        pl.DataFrame(
            {
                "person": person,
                "created": created,
                "replied": np.minimum(reply, NEVER),
                "solved": solved,
                "is_slow": is_slow,
                "topic": weekly["topic"][person, week].astype(np.int64),
                "rating": np.where(is_rated, np.where(is_good, 2, 1), 0),
                "reopens": (rng.random(n) < np.where(is_slow, 0.4, 0.05)).astype(np.int64),
                "replies": 1 + rng.poisson(np.where(is_slow, 3.0, 1.0)),
                "phrase": rng.integers(0, 12, n),
                "channel": choose(rng, [5, 3, 2], n),
                "priority": choose(rng, [1, 6, 2, 1], n),
            }
        )
        .sort("created", "person")
        .with_row_index("ticket")
    )


def surveys(
    rng: np.random.Generator,
    traits: dict[str, Array],
    weekly: dict[str, Array],
    orders: pl.DataFrame,
    t0: int,
    t1: int,
) -> pl.DataFrame:
    """A relationship survey about three weeks after the first order in the history and every 120
    days while active.
    """
    first = (
        orders.filter(pl.col("is_web") & (pl.col("pay") == PAID))
        .group_by("person")
        .agg(pl.col("created").min())
        .sort("person")
    )
    person = np.repeat(first["person"].to_numpy(), 4)
    sent = (
        np.repeat(first["created"].to_numpy(), 4)
        + (21 + 120 * np.tile(np.arange(4), len(first))) * DAY
    )
    inside = (sent < t1) & (sent < t0 + weekly["churn_day"][person] * DAY + 10 * DAY)
    person, sent = person[inside], sent[inside]
    n = len(person)
    day = (sent - t0) // DAY
    z = at_day(weekly["z"], person, day)
    window = [at_day(weekly["late"], person, day - 7 * k) for k in range(9)]
    late = np.max(window, axis=0) if n else np.zeros(0)
    open_ticket = (
        np.max([at_day(weekly["unresolved"], person, day - 7 * k) for k in range(9)], axis=0)
        if n
        else np.zeros(0)
    )
    app = traits["app"][person].astype(float)
    mean = (
        NPS["base"]
        + NPS["late_delivery"] * late
        + NPS["unresolved_ticket"] * open_ticket
        + NPS["app_user"] * app
        + NPS["engagement"] * z
    )
    score = np.clip(np.round(mean + rng.normal(0, NPS["noise_sd"], n)), 0, 10).astype(np.int64)
    is_answered = rng.random(n) < 1 / (1 + np.exp(0.55 - 0.35 * z - 0.4 * (score <= 3)))
    reason = np.where(
        (open_ticket > 0) & (score < 8),
        1,
        np.where(
            (late > 0) & (score < 8),
            0,
            np.where((app > 0) & (score > 8), 2, np.where(score > 7, 3, 4)),
        ),
    )
    responded = sent + (rng.gamma(1.2, 0.9 * DAY, n)).astype(np.int64) + 600
    return (
        pl.DataFrame(
            {
                "person": person,
                "sent": sent,
                "responded": responded,
                "score": score,
                "expected_score": mean.round(6),
                "late": late > 0,
                "unresolved": open_ticket > 0,
                "app_user": app > 0,
                "engagement": z.round(6),
                "reason": reason,
                "phrase": rng.integers(0, 12, n),
                "has_comment": rng.random(n) < 0.55,
            }
        )
        .filter(pl.Series(is_answered))
        .filter(pl.col("responded") < t1)
        .sort("responded", "person")
        .with_row_index("response")
    )


def sessions(
    rng: np.random.Generator,
    traits: dict[str, Array],
    weekly: dict[str, Array],
    orders: pl.DataFrame,
    days: int,
    t0: int,
    t1: int,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Visits: browsing and app use at a rate that reads z, one buying session per web order,
    visitors nobody knows.

    Rates are scaled so that the expected count of events meets EVENTS_PER_CUSTOMER_YEAR whatever
    the mix.
    """
    n, weeks = weekly["z"].shape
    buying = orders.filter("is_web")
    lengths = np.array(
        [[journeys.mean_length(st, it) for it in journeys.INTENTS] for st in journeys.STAGES]
    )
    target = max(n * EVENTS_PER_CUSTOMER_YEAR * days / 365 - len(buying) * lengths[1, 1], 0.0)
    calendar = season(t0 // DAY + np.arange(weeks) * 7 + 3, shopping=False)
    raw = (
        weekly["alive"]
        * traits["visit_rate"][:, None]
        * np.exp(np.clip(weekly["z"], -3, 3))
        * calendar
    )
    scale = 0.90 * target / max(float(raw.sum()) * lengths[:, [0, 2]].mean(), 1.0)
    counts = rng.poisson(raw * scale)
    person, week = np.nonzero(counts)
    times = counts[person, week]
    person, week = np.repeat(person, times), np.repeat(week, times)
    day = week * 7 + choose(rng, list(WEEKDAY), len(week))
    inside = (day < days) & (
        day >= traits["signup"][person] - 5
    )  # a person looks round for a few days before signing up
    person, day = person[inside], day[inside]
    app = (
        traits["app"][person] & (rng.random(len(person)) < 0.55) & (day > traits["signup"][person])
    )
    n_unknown = int(0.10 * target / lengths[0, 0])
    unknown_day = rng.integers(0, days, n_unknown)
    first_order = np.full(n, NEVER)
    np.minimum.at(first_order, orders["person"].to_numpy(), orders["created"].to_numpy())
    prior_buyer = (traits["signup"] < 0) & (traits["kind"] > 0)
    first_order[prior_buyer] = t0 - DAY
    who = np.concatenate([person, buying["person"].to_numpy(), np.full(n_unknown, -1)])
    start = np.concatenate(
        [
            moment(rng, day, traits["city"][person], t0),
            buying["created"].to_numpy(),
            t0 + unknown_day * DAY + rng.integers(0, DAY, n_unknown),
        ]
    )
    intent = np.concatenate(
        [np.where(app, 2, 0), np.ones(len(buying), np.int64), np.zeros(n_unknown, np.int64)]
    )
    at = np.maximum((start - t0) // DAY, 0)
    known = who >= 0
    sub = known & traits["subscriber"][who] & (t0 + traits["sub_start"][who] * DAY <= start)
    stage = np.where(
        ~known | (first_order[who] >= start),
        0,
        np.where(at_day(weekly["z"], who, at) < -0.8, 3, np.where(sub, 2, 1)),
    )
    order_id = np.concatenate(
        [np.full(len(person), -1), buying["order"].to_numpy(), np.full(n_unknown, -1)]
    )
    session, event_state, clock = journeys.walk(rng, stage, intent)
    length = np.zeros(len(who))
    np.maximum.at(length, session, clock)
    start = np.where(
        intent == 1, start - length.astype(np.int64), start
    )  # a buying session ends as its order is placed
    sessions = pl.DataFrame(
        {
            "session": np.arange(len(who)),
            "person": who,
            "started": start,
            "stage": stage,
            "intent": intent,
            "order": order_id,
        }
    )
    steps = pl.DataFrame(
        {
            "session": session,
            "state": event_state,
            "ts_ms": ((start[session] + clock) * 1000).astype(np.int64),
        }
    )
    steps = steps.filter(pl.col("ts_ms").is_between(t0 * 1000, t1 * 1000, closed="left"))
    return sessions, steps
