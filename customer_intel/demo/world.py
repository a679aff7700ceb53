"""What truly happens at Harbor & Pine: persons, their weekly latent state, and everything they do.

Time is seconds since the epoch (UTC); `t0` is the first day of the history and `t1` its end, exclusive. A person's
engagement z follows a weekly mean-reverting walk that bad experiences push down; visits, orders, app use, survey scores
and the churn hazard all read z, so a decline shows in the data before the person leaves, but never for certain.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from customer_intel.demo import journeys, pools

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
DAY = 86_400
EVENTS_PER_CUSTOMER_YEAR = 80.0
NEVER = np.int64(2**40)  # "has not happened": later than every export
HAZARD = {"base": -4.35, "engagement": -1.3, "unresolved_ticket": 0.9, "failed_payment": 0.9, "late_delivery": 0.5,
          "app_user": -0.5, "not_repeat_buyer": 0.5, "subscriber": -0.2}
NPS = {"base": 8.15, "late_delivery": -1.9, "unresolved_ticket": -2.2, "app_user": 1.0, "engagement": 0.55, "noise_sd": 1.5}
WEEKDAY = np.array([0.95, 0.9, 0.92, 0.98, 1.05, 1.15, 1.05]) / 7.0
HOURS = np.array([1, 1, 1, 1, 2, 5, 9, 11, 9, 7, 6, 6, 7, 6, 5, 5, 5, 6, 7, 9, 10, 8, 5, 2], dtype=float)


@dataclass(frozen=True)
class World:
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
    t0: int
    t1: int


def epoch(day: date) -> int:
    return (day - date(1970, 1, 1)).days * DAY


def choose(rng: np.random.Generator, weights: list[float] | Floats, n: int) -> Ints:
    cumulative = np.cumsum(np.asarray(weights, dtype=float))
    return np.searchsorted(cumulative / cumulative[-1], rng.random(n), side="right").clip(0, len(cumulative) - 1)


def season(days: Ints, *, shopping: bool) -> Floats:
    """Christmas rises from mid November to the 20th of December, January is quiet, summer a little."""
    calendar = (days.astype("datetime64[D]") - days.astype("datetime64[D]").astype("datetime64[Y]")).astype(int)
    factor = np.ones(len(days))
    factor += np.where((calendar >= 318) & (calendar <= 354), 1.1 if shopping else 0.4, 0.0)
    factor += np.where(calendar > 356, -0.45, 0.0) + np.where(calendar < 25, -0.25, 0.0)
    return factor + np.where((calendar >= 180) & (calendar <= 235), -0.1, 0.0)


def simulate_world(rng: np.random.Generator, customers: int, days: int, end: date) -> World:
    t1 = epoch(end)
    t0 = t1 - days * DAY
    p = _persons(rng, customers, days)
    state = _weeks(rng, p, days, t0)
    persons = _person_frame(p, state, t0)
    orders, lines = _orders(rng, p, state, days, t0)
    subscriptions, invoices, charges = _billing(rng, p, state, days, t0)
    tickets = _tickets(rng, p, state, t0, t1)
    surveys = _surveys(rng, p, state, orders, t0, t1)
    sessions, steps = _sessions(rng, p, state, orders, days, t0, t1)
    return World(persons, _week_frame(state, t0), orders, lines, subscriptions, invoices, charges, tickets, surveys,
                 sessions, steps, t0, t1)


def _persons(rng: np.random.Generator, n: int, days: int) -> dict[str, NDArray]:
    """Fixed traits. About a third were customers before the history starts; the others arrive over it."""
    before = rng.random(n) < 0.35
    signup = np.where(before, -rng.integers(1, 400, n), np.floor(rng.random(n) ** 0.9 * days)).astype(np.int64)
    kind = choose(rng, [0.22, 0.24, 0.54], n)  # never buys, buys once, buys again
    repeat = kind == 2
    subscriber = (rng.random(n) < np.where(repeat, 0.45, np.where(kind == 1, 0.05, 0.0)))
    return {
        "signup": signup, "kind": kind, "subscriber": subscriber, "app": rng.random(n) < np.where(subscriber, 0.5, 0.2),
        "mu": rng.normal(0, 0.45, n), "visit_rate": rng.gamma(0.9, 1.0, n) * np.where(repeat, 1.2, 0.85) * np.where(subscriber, 1.4, 1.0) + 0.05,
        "order_rate": np.where(repeat, rng.gamma(1.1, 0.085, n) + 0.016, 0.0),
        "first_order": np.where(kind > 0, signup + np.floor(rng.exponential(4.0, n)), days + 9999).astype(np.int64),
        "sub_start": np.where(subscriber, signup + np.floor(rng.exponential(25.0, n)), days + 9999).astype(np.int64),
        "plan": choose(rng, [x[4] for x in pools.PLANS], n), "card_risk": rng.beta(1.0, 14.0, n),
        "city": choose(rng, [float(w) for w in pools.CITY_WEIGHTS], n),
        "spend": np.exp(rng.normal(0, 0.5, n)),
    }


def _weeks(rng: np.random.Generator, p: dict[str, NDArray], days: int, t0: int) -> dict[str, NDArray]:
    """The weekly loop: engagement, orders, late parcels, tickets, failed payments, hazard and churn."""
    n, weeks = len(p["signup"]), -(-days // 7)
    z = p["mu"] + rng.normal(0, 0.4, n)
    churn_day = np.full(n, days + 9999, dtype=np.int64)
    unresolved, late, failed = np.zeros(n), np.zeros(n), np.zeros(n)
    out = {k: np.zeros((n, weeks)) for k in ("z", "hazard", "alive", "orders", "late", "ticket", "slow", "topic", "failed",
                                             "unresolved")}
    repeat, app, sub = p["kind"] == 2, p["app"].astype(float), p["subscriber"]
    for w in range(weeks):
        first = w * 7
        alive = (p["signup"] < first + 7) & (churn_day > first)
        z = np.where(alive, p["mu"] + 0.88 * (z - p["mu"]) + rng.normal(0, 0.30, n) - 0.25 * late - 0.22 * unresolved
                     - 0.2 * failed + 0.02 * app, z)
        day = np.array([t0 // DAY + first + 3])
        mean = p["order_rate"] * np.exp(0.6 * z) * season(day, shopping=True)[0]
        orders = np.where(alive & (p["first_order"] < first), rng.poisson(np.minimum(mean, 3.0)), 0)
        orders = orders + (alive & (p["first_order"] >= first) & (p["first_order"] < first + 7))
        is_late = (orders > 0) & (rng.random(n) < 0.07 + 0.12 * (season(day, shopping=True)[0] > 1.5))
        billing = sub & alive & (p["sub_start"] <= first) & (((first - p["sub_start"]) % 30) < 7)
        is_failed = billing & (rng.random(n) < p["card_risk"] * 1.6 * np.exp(-0.3 * z))
        ticket_p = 0.007 + 0.30 * late + 0.25 * failed + 0.01 * sub
        ticket = alive & (rng.random(n) < ticket_p)
        slow = ticket & (rng.random(n) < 0.3)
        topic = np.where(late > 0, 0, np.where(failed > 0, 1, 2 + (rng.random(n) < 0.5)))
        recent_unresolved = (unresolved > 0).astype(float)
        logit = (HAZARD["base"] + HAZARD["engagement"] * z + HAZARD["unresolved_ticket"] * recent_unresolved
                 + HAZARD["failed_payment"] * failed + HAZARD["late_delivery"] * late + HAZARD["app_user"] * app
                 + HAZARD["not_repeat_buyer"] * ~repeat + HAZARD["subscriber"] * sub)
        hazard = 1 / (1 + np.exp(-logit))
        # nobody leaves before having bought what they came for
        leaves = alive & (p["first_order"] < first) & (rng.random(n) < hazard)
        leaves |= alive & (p["kind"] == 0) & (p["signup"] < first) & (rng.random(n) < hazard)
        churn_day = np.where(leaves, first + 7, churn_day)
        for name, values in (("z", z), ("hazard", hazard), ("alive", alive), ("orders", orders), ("late", is_late),
                             ("ticket", ticket), ("slow", slow), ("topic", topic), ("failed", is_failed),
                             ("unresolved", recent_unresolved)):
            out[name][:, w] = values
        late, failed = np.where(is_late, 1.0, late * 0.5 * (late > 0.3)), np.where(is_failed, 1.0, failed * 0.5 * (failed > 0.3))
        unresolved = np.where(slow, 3.0, np.maximum(unresolved - 1.0, 0.0))
    out["churn_day"] = churn_day
    return out


def _at(state: NDArray, person: Ints, day: Ints) -> NDArray:
    return state[person, np.clip(day // 7, 0, state.shape[1] - 1)]


def _moment(rng: np.random.Generator, day: Ints, city: Ints, t0: int) -> Ints:
    """A second of the day by local habits; the person's clock decides when their morning is. Stays within the UTC day."""
    hour = choose(rng, list(HOURS), len(day))
    offset = np.array([c[4] for c in pools.CITIES])[city]
    return t0 + day * DAY + ((hour - offset) % 24) * 3600 + rng.integers(0, 3600, len(day))


def _person_frame(p: dict[str, NDArray], s: dict[str, NDArray], t0: int) -> pl.DataFrame:
    n, weeks = s["z"].shape
    gone = s["churn_day"] < weeks * 7
    last = np.where(gone, s["churn_day"] // 7 - 1, weeks - 1)
    kinds = np.array(["prospect", "one_time", "repeat"])
    return pl.DataFrame({
        "person": np.arange(n), "signup": t0 + p["signup"] * DAY,
        "churned_at": np.where(gone, t0 + s["churn_day"] * DAY, NEVER), "buyer_kind": kinds[p["kind"]],
        "is_subscriber": p["subscriber"], "is_app_user": p["app"], "mean_engagement": p["mu"],
        "last_engagement": s["z"][np.arange(n), last], "last_hazard": s["hazard"][np.arange(n), last], "city": p["city"],
    })


def _week_frame(s: dict[str, NDArray], t0: int) -> pl.DataFrame:
    person, week = np.nonzero(s["alive"])
    return pl.DataFrame({
        "person": person, "week_start": t0 + week * 7 * DAY, "engagement": s["z"][person, week].round(6),
        "hazard": s["hazard"][person, week].round(9),
        "churned": s["churn_day"][person] == (week + 1) * 7,
    })


def _orders(rng: np.random.Generator, p: dict[str, NDArray], s: dict[str, NDArray], days: int,
            t0: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    counts = s["orders"].astype(np.int64)
    person, week = np.nonzero(counts)
    times = counts[person, week]
    person, week = np.repeat(person, times), np.repeat(week, times)
    day = np.minimum(week * 7 + choose(rng, list(WEEKDAY), len(week)), days - 1)
    day = np.maximum(day, np.maximum(p["signup"][person], 0))
    late = s["late"][person, day // 7] > 0
    created = _moment(rng, day, p["city"][person], t0)
    sort = np.lexsort((person, created))
    person, created, late = person[sort], created[sort], late[sort]
    n = len(person)
    web = rng.random(n) < 0.9
    shipped = created + (rng.gamma(3.0, 0.45, n) * DAY).astype(np.int64) + 3600
    promised = created // DAY * DAY + 6 * DAY
    early = np.minimum(shipped + ((1.5 + rng.gamma(2.0, 0.6, n)) * DAY).astype(np.int64), promised + 16 * 3600)
    delivered = np.where(late, promised + ((2.0 + rng.gamma(2.0, 1.5, n)) * DAY).astype(np.int64), early)
    cancelled = rng.random(n) < 0.012
    refunded = ~cancelled & (rng.random(n) < 0.025 + 0.06 * late)
    discount = np.where(rng.random(n) < 0.16, 1 + choose(rng, [3, 2, 1], n), 0)
    n_lines = 1 + rng.binomial(3, 0.28, n)
    lines = _lines(rng, n_lines, p["spend"][person], created)
    subtotal = np.bincount(lines["order"].to_numpy(), lines["price"].to_numpy() * lines["quantity"].to_numpy(), n).astype(np.int64)
    off = np.round(subtotal * np.array([0, 0.10, 0.05, 0.15])[discount]).astype(np.int64)
    shipping = np.where(web & (subtotal - off < 4000), 595, 0)
    tax = np.round((subtotal - off) * 0.0625).astype(np.int64)
    gone = np.where(cancelled, created + rng.integers(1800, 20 * 3600, n), NEVER)
    shipped_at = np.where(~web, created, np.where(cancelled, NEVER, shipped))
    delivered_at = np.where(~web, created, np.where(cancelled, NEVER, np.maximum(delivered, shipped + 3600)))
    orders = pl.DataFrame({
        "order": np.arange(n), "person": person, "created": created, "is_web": web, "is_late": late & web & ~cancelled,
        "shipped": shipped_at, "promised": promised, "delivered": delivered_at,
        "cancelled": gone, "refunded": np.where(refunded, np.minimum(delivered_at, NEVER) + 3 * DAY, NEVER),
        "discount_code": discount, "subtotal": subtotal, "discount": off, "shipping": shipping, "tax": tax,
        "total": subtotal - off + shipping + tax, "city": p["city"][person],
    })
    return orders, lines


def _lines(rng: np.random.Generator, n_lines: Ints, spend: Floats, created: Ints) -> pl.DataFrame:
    order = np.repeat(np.arange(len(n_lines)), n_lines)
    weights = np.array([float(x[4]) for x in pools.PRODUCTS])
    product = choose(rng, weights, len(order))
    cheap = np.array([x[3] < 5000 for x in pools.PRODUCTS])
    product = np.where(cheap[product] | (rng.random(len(order)) < spend[order]), product, product % 9)
    quantity = 1 + rng.binomial(2, 0.14, len(order)) + np.where(rng.random(len(order)) < 0.01, rng.integers(2, 11, len(order)), 0)
    return pl.DataFrame({
        "order": order, "product": product, "quantity": quantity, "price": np.array([x[3] for x in pools.PRODUCTS])[product],
    }).unique(["order", "product"], keep="first", maintain_order=True)


def _billing(rng: np.random.Generator, p: dict[str, NDArray], s: dict[str, NDArray], days: int,
             t0: int) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Subscriptions live until the person's churn (most) or a little earlier; a failed charge is retried after four days."""
    person = np.nonzero(p["subscriber"] & (p["sub_start"] < np.minimum(days, s["churn_day"])))[0]
    n = len(person)
    start = t0 + p["sub_start"][person] * DAY + rng.integers(0, DAY, n)
    annual = np.array([x[2] == "year" for x in pools.PLANS])[p["plan"][person]]
    period = np.where(annual, 365, 30)
    churn = s["churn_day"][person]
    canceled = np.where(churn < days, np.maximum(t0 + churn * DAY + rng.integers(0, DAY, n), start + DAY), NEVER)
    at_end = rng.random(n) < 0.6
    left = np.maximum((canceled - start) // DAY, 0)
    ended = np.where(canceled >= NEVER, NEVER, np.where(at_end, start + (left // period + 1) * period * DAY, canceled))
    k = np.minimum((np.minimum(np.minimum(canceled, ended), t0 + days * DAY) - start - 1) // (period * DAY) + 1, 60)
    sub = np.repeat(np.arange(n), np.maximum(k, 0))
    nth = np.arange(len(sub)) - np.repeat(np.cumsum(np.maximum(k, 0)) - np.maximum(k, 0), np.maximum(k, 0))
    created = start[sub] + nth * period[sub] * DAY
    inside = created >= t0
    sub, created = sub[inside], created[inside]
    week = np.clip((created - t0) // DAY // 7, 0, s["failed"].shape[1] - 1)
    near = np.maximum(s["failed"][person[sub], week], s["failed"][person[sub], np.minimum(week + 1, s["failed"].shape[1] - 1)])
    failed = near > 0
    recovered = failed & (rng.random(len(sub)) < 0.72)
    amount = np.array([x[3] for x in pools.PLANS])[p["plan"][person[sub]]]
    paid = np.where(~failed, created + 3600, np.where(recovered, created + 4 * DAY, NEVER))
    # dunning gives up twelve days after a charge that was never made good, and the subscription ends unasked
    lost = np.full(n, NEVER)
    np.minimum.at(lost, sub, np.where(failed & ~recovered & (rng.random(len(sub)) < 0.85), created + 12 * DAY, NEVER))
    by_dunning = lost < np.minimum(canceled, ended)
    canceled, ended = np.where(by_dunning, lost, canceled), np.where(by_dunning, lost, ended)
    subs = pl.DataFrame({
        "subscription": np.arange(n), "person": person, "plan": p["plan"][person], "started": start, "period": period,
        "trial": rng.random(n) < 0.25, "canceled": canceled, "ended": ended, "by_dunning": by_dunning,
        "at_period_end": at_end & ~by_dunning & (canceled < NEVER), "feedback": choose(rng, [4, 3, 2, 1], n),
    })
    kept = created < lost[sub]
    sub, created, failed, recovered, amount, paid = (x[kept] for x in (sub, created, failed, recovered, amount, paid))
    invoices = pl.DataFrame({
        "invoice": np.arange(len(sub)), "subscription": sub, "person": person[sub], "created": created, "amount": amount,
        "is_failed": failed, "paid": paid, "period_end": created + period[sub] * DAY,
    })
    tries = pl.concat([
        invoices.select("invoice", "person", "amount", at=pl.col("created") + 3600, ok=~pl.col("is_failed")),
        invoices.filter("is_failed").select("invoice", "person", "amount", at=pl.col("created") + 4 * DAY, ok=pl.col("paid") < int(NEVER)),
    ]).filter(pl.col("at") < t0 + days * DAY).sort("at", "invoice", "ok")
    return subs, invoices, tries.with_row_index("charge")


def _tickets(rng: np.random.Generator, p: dict[str, NDArray], s: dict[str, NDArray], t0: int, t1: int) -> pl.DataFrame:
    person, week = np.nonzero(s["ticket"])
    n = len(person)
    day = np.minimum(week * 7 + choose(rng, list(WEEKDAY), n), (t1 - t0) // DAY - 1)
    day = np.maximum(day, np.maximum(p["signup"][person], 0))
    created = _moment(rng, day, p["city"][person], t0)
    slow = s["slow"][person, week] > 0
    reply = created + np.where(slow, rng.gamma(2.0, 40 * 3600, n), rng.gamma(1.5, 3 * 3600, n)).astype(np.int64) + 300
    solved = reply + np.where(slow, 10 * DAY + rng.gamma(2.0, 5 * DAY, n), rng.gamma(1.2, 20 * 3600, n)).astype(np.int64)
    solved = np.where(slow & (rng.random(n) < 0.25), NEVER, solved)
    rated = (solved < NEVER) & (rng.random(n) < 0.35)
    good = rng.random(n) < np.where(slow, 0.25, 0.86)
    return pl.DataFrame({
        "person": person, "created": created, "replied": np.minimum(reply, NEVER), "solved": solved, "is_slow": slow,
        "topic": s["topic"][person, week].astype(np.int64), "rating": np.where(rated, np.where(good, 2, 1), 0),
        "reopens": (rng.random(n) < np.where(slow, 0.4, 0.05)).astype(np.int64), "replies": 1 + rng.poisson(np.where(slow, 3.0, 1.0)),
        "phrase": rng.integers(0, 12, n), "channel": choose(rng, [5, 3, 2], n), "priority": choose(rng, [1, 6, 2, 1], n),
    }).sort("created", "person").with_row_index("ticket")


def _surveys(rng: np.random.Generator, p: dict[str, NDArray], s: dict[str, NDArray], orders: pl.DataFrame, t0: int,
             t1: int) -> pl.DataFrame:
    """A relationship survey about three weeks after the first order in the history and every 120 days while active."""
    first = orders.filter("is_web").group_by("person").agg(pl.col("created").min()).sort("person")
    person = np.repeat(first["person"].to_numpy(), 4)
    sent = np.repeat(first["created"].to_numpy(), 4) + (21 + 120 * np.tile(np.arange(4), len(first))) * DAY
    inside = (sent < t1) & (sent < t0 + s["churn_day"][person] * DAY + 10 * DAY)
    person, sent = person[inside], sent[inside]
    n = len(person)
    day = (sent - t0) // DAY
    z = _at(s["z"], person, day)
    window = [_at(s["late"], person, day - 7 * k) for k in range(9)]
    late = np.max(window, axis=0) if n else np.zeros(0)
    open_ticket = np.max([_at(s["unresolved"], person, day - 7 * k) for k in range(9)], axis=0) if n else np.zeros(0)
    app = p["app"][person].astype(float)
    mean = NPS["base"] + NPS["late_delivery"] * late + NPS["unresolved_ticket"] * open_ticket + NPS["app_user"] * app + NPS["engagement"] * z
    score = np.clip(np.round(mean + rng.normal(0, NPS["noise_sd"], n)), 0, 10).astype(np.int64)
    answers = rng.random(n) < 1 / (1 + np.exp(0.55 - 0.35 * z - 0.4 * (score <= 3)))
    reason = np.where((open_ticket > 0) & (score < 8), 1, np.where((late > 0) & (score < 8), 0, np.where((app > 0) & (score > 8), 2, np.where(score > 7, 3, 4))))
    responded = sent + (rng.gamma(1.2, 0.9 * DAY, n)).astype(np.int64) + 600
    return pl.DataFrame({
        "person": person, "sent": sent, "responded": responded, "score": score, "expected_score": mean.round(6), "late": late > 0,
        "unresolved": open_ticket > 0, "app_user": app > 0, "engagement": z.round(6), "reason": reason, "phrase": rng.integers(0, 12, n),
        "has_comment": rng.random(n) < 0.55,
    }).filter(pl.Series(answers)).filter(pl.col("responded") < t1).sort("responded", "person").with_row_index("response")


def _sessions(rng: np.random.Generator, p: dict[str, NDArray], s: dict[str, NDArray], orders: pl.DataFrame, days: int, t0: int,
              t1: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Visits: browsing and app use at a rate that reads z, one buying session per web order, visitors nobody knows.

    Rates are scaled so that the expected count of events meets EVENTS_PER_CUSTOMER_YEAR whatever the mix.
    """
    n, weeks = s["z"].shape
    buying = orders.filter("is_web")
    lengths = np.array([[journeys.mean_length(st, it) for it in journeys.INTENTS] for st in journeys.STAGES])
    target = n * EVENTS_PER_CUSTOMER_YEAR * days / 365 - len(buying) * lengths[1, 1]
    calendar = season(t0 // DAY + np.arange(weeks) * 7 + 3, shopping=False)
    raw = s["alive"] * p["visit_rate"][:, None] * np.exp(np.clip(s["z"], -3, 3)) * calendar
    scale = 0.90 * target / max(float(raw.sum()) * lengths[:, [0, 2]].mean(), 1.0)
    counts = rng.poisson(raw * scale)
    person, week = np.nonzero(counts)
    times = counts[person, week]
    person, week = np.repeat(person, times), np.repeat(week, times)
    day = week * 7 + choose(rng, list(WEEKDAY), len(week))
    inside = (day < days) & (day >= p["signup"][person] - 5)  # a person looks round for a few days before signing up
    person, day = person[inside], day[inside]
    app = p["app"][person] & (rng.random(len(person)) < 0.55) & (day > p["signup"][person])
    n_unknown = int(0.10 * target / lengths[0, 0])
    unknown_day = rng.integers(0, days, n_unknown)
    first_order = np.full(n, NEVER)
    np.minimum.at(first_order, orders["person"].to_numpy(), orders["created"].to_numpy())
    prior_buyer = (p["signup"] < 0) & (p["kind"] > 0)
    first_order[prior_buyer] = t0 - DAY
    who = np.concatenate([person, buying["person"].to_numpy(), np.full(n_unknown, -1)])
    start = np.concatenate([_moment(rng, day, p["city"][person], t0), buying["created"].to_numpy(),
                            t0 + unknown_day * DAY + rng.integers(0, DAY, n_unknown)])
    intent = np.concatenate([np.where(app, 2, 0), np.ones(len(buying), np.int64), np.zeros(n_unknown, np.int64)])
    at = np.maximum((start - t0) // DAY, 0)
    known = who >= 0
    sub = known & p["subscriber"][who] & (t0 + p["sub_start"][who] * DAY <= start)
    stage = np.where(~known | (first_order[who] >= start), 0, np.where(_at(s["z"], who, at) < -0.8, 3, np.where(sub, 2, 1)))
    order_id = np.concatenate([np.full(len(person), -1), buying["order"].to_numpy(), np.full(n_unknown, -1)])
    session, event_state, clock = journeys.walk(rng, stage, intent)
    length = np.zeros(len(who))
    np.maximum.at(length, session, clock)
    start = np.where(intent == 1, start - length.astype(np.int64), start)  # a buying session ends as its order is placed
    sessions = pl.DataFrame({"session": np.arange(len(who)), "person": who, "started": start, "stage": stage, "intent": intent, "order": order_id})
    steps = pl.DataFrame({"session": session, "state": event_state, "ts_ms": ((start[session] + clock) * 1000).astype(np.int64)})
    steps = steps.filter(pl.col("ts_ms").is_between(t0 * 1000, t1 * 1000, closed="left"))
    return sessions, steps
