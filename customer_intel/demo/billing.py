"""Subscriptions from trial to end, their invoices and charges (persons and weeks: world.py)."""

from __future__ import annotations

import numpy as np
import polars as pl

from customer_intel.demo import pools
from customer_intel.demo.clock import DAY, NEVER, Array, Bools, Ints, choose

TRIAL = 14 * DAY
FIRST_PAYMENT = 23 * 3600  # a subscription whose first payment has not come by then expires
GRACE = 12 * DAY  # how long a charge that was never made good is asked for again
# how a subscription begins, and how many do
BEGINS = {
    "paid": 0.535,
    "free": 0.035,
    "incomplete": 0.025,
    "trial": 0.25,
    "lapsing": 0.12,
    "pausing": 0.035,
}
PAID, FREE, INCOMPLETE, TRYING, LAPSING, PAUSING = range(len(BEGINS))


def beginnings(rng: np.random.Generator, traits: dict[str, Array]) -> dict[str, Array]:
    """How each person's subscription would begin, and the day from which it is paid for (far away:
    never).
    """
    n = len(traits["plan"])
    begins = choose(rng, list(BEGINS.values()), n)
    first = np.where(begins == TRYING, traits["sub_start"] + TRIAL // DAY, traits["sub_start"])
    # In days, as sub_start is; NEVER is in seconds.
    never = traits["sub_start"].max() + 99_999
    return {
        "begins": begins,
        "billed_from": np.where((begins == PAID) | (begins == TRYING), first, never),
        "plan": np.where(begins == FREE, pools.FREE_PLAN, traits["plan"]),
    }


def billing(
    rng: np.random.Generator, traits: dict[str, Array], weekly: dict[str, Array], days: int, t0: int
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Subscriptions live until the person leaves or dunning gives up; a failed charge is retried
    after four days.

    A trial costs nothing: who converts is billed from its end, who does not is gone or paused at
    its end.
    """
    subs = _subscriptions(rng, traits, weekly, days, t0)
    invoices = _invoices(rng, subs, traits, weekly, t0, t0 + days * DAY)
    subs, kept = _dunning(rng, subs, invoices)
    invoices = invoices.filter(pl.Series(kept)).drop("is_lost").with_row_index("invoice")
    return subs, invoices, _charges(invoices, t0 + days * DAY)


def _subscriptions(
    rng: np.random.Generator, traits: dict[str, Array], weekly: dict[str, Array], days: int, t0: int
) -> pl.DataFrame:
    person = np.nonzero(
        traits["subscriber"] & (traits["sub_start"] < np.minimum(days, weekly["churn_day"]))
    )[0]
    n = len(person)
    begins, plan, churn = (
        traits["begins"][person],
        traits["plan"][person],
        weekly["churn_day"][person],
    )
    start = t0 + traits["sub_start"][person] * DAY + rng.integers(0, DAY, n)
    period = np.where(np.array([x[2] == "year" for x in pools.PLANS])[plan], 365, 30)
    # the person leaves with a week; the word of it comes on any day of the next
    leaves = np.where(
        churn < days, np.maximum(t0 + churn * DAY + rng.integers(0, 7 * DAY, n), start + DAY), NEVER
    )
    has_trial = begins >= TRYING
    trial_end = np.where(has_trial, start + TRIAL, NEVER)
    anchor = np.where(has_trial, start + TRIAL, start)
    is_incomplete = begins == INCOMPLETE
    is_lapsed = (begins == LAPSING) | (has_trial & (leaves <= trial_end))
    canceled = np.where(is_incomplete, NEVER, np.where(is_lapsed, trial_end, leaves))
    ends_with_period = (rng.random(n) < 0.6) & ~is_lapsed & ~is_incomplete & (begins != PAUSING)
    n_periods = np.maximum(canceled - anchor, 0) // (period * DAY) + 1
    ended = np.where(
        ends_with_period & (canceled < NEVER), anchor + n_periods * period * DAY, canceled
    )
    return pl.DataFrame(
        {
            "subscription": np.arange(n),
            "person": person,
            "plan": plan,
            "begins": begins,
            "started": start,
            "trial_end": trial_end,
            "anchor": anchor,
            "period": period,
            "is_lapsed": is_lapsed,
            "canceled": canceled,
            "ended": np.where(is_incomplete, start + FIRST_PAYMENT, ended),
            "at_period_end": ends_with_period & (canceled < NEVER),
            "feedback": choose(rng, [4, 3, 2, 1], n),
        }
    )


def _invoices(
    rng: np.random.Generator,
    subs: pl.DataFrame,
    traits: dict[str, Array],
    weekly: dict[str, Array],
    t0: int,
    t1: int,
) -> pl.DataFrame:
    """Every invoice that would be written if each failed charge were made good in the end."""
    person, anchor, begins, plan = (
        subs[c].to_numpy() for c in ("person", "anchor", "begins", "plan")
    )
    period = subs["period"].to_numpy()
    stop = np.minimum(
        subs.select(pl.min_horizontal("canceled", "ended")).to_series().to_numpy(), t1
    )
    is_billed = ~subs["is_lapsed"].to_numpy() & (begins != PAUSING)
    n_invoices = np.where(is_billed, np.clip((stop - anchor - 1) // (period * DAY) + 1, 0, 60), 0)
    sub = np.repeat(np.arange(len(subs)), n_invoices)
    created = (
        anchor[sub]
        + (np.arange(len(sub)) - np.repeat(np.cumsum(n_invoices) - n_invoices, n_invoices))
        * period[sub]
        * DAY
    )
    inside = (created >= t0) & (created < t1)
    sub, created = sub[inside], created[inside]
    is_failed = (
        _failing(weekly["failed"], person[sub], (created - t0) // DAY // 7) & (begins[sub] != FREE)
    ) | (begins[sub] == INCOMPLETE)
    is_recovered = is_failed & (rng.random(len(sub)) < 0.72) & (begins[sub] != INCOMPLETE)
    paid = np.where(~is_failed, created + 3600, np.where(is_recovered, created + 4 * DAY, NEVER))
    return pl.DataFrame(
        {
            "subscription": sub,
            "person": person[sub],
            "created": created,
            "amount": np.array([x[3] for x in pools.PLANS])[plan[sub]],
            "is_failed": is_failed,
            "is_lost": is_failed & ~is_recovered & (begins[sub] != INCOMPLETE),
            "paid": paid,
            "voided": np.where(begins[sub] == INCOMPLETE, created + FIRST_PAYMENT, NEVER),
            "period_end": created + period[sub] * DAY,
        }
    )


def _failing(failed: Array, person: Ints, week: Ints) -> Bools:
    last = failed.shape[1] - 1
    near: Bools = (failed[person, np.minimum(week, last)] > 0) | (
        failed[person, np.minimum(week + 1, last)] > 0
    )
    return near


def _dunning(
    rng: np.random.Generator, subs: pl.DataFrame, invoices: pl.DataFrame
) -> tuple[pl.DataFrame, Bools]:
    """After its grace a lost charge ends the subscription unasked, or leaves it unpaid; which
    invoices still came.
    """
    sub, created, is_lost = (invoices[c].to_numpy() for c in ("subscription", "created", "is_lost"))
    ends = rng.random(len(sub)) < 0.6
    lost_at, unpaid = np.full(len(subs), NEVER), np.full(len(subs), NEVER)
    np.minimum.at(lost_at, sub, np.where(is_lost & ends, created + GRACE, NEVER))
    np.minimum.at(unpaid, sub, np.where(is_lost & ~ends, created + GRACE, NEVER))
    stop = subs.select(pl.min_horizontal("canceled", "ended")).to_series().to_numpy()
    by_dunning = (lost_at < stop) & (lost_at < unpaid)
    subs = subs.with_columns(
        by_dunning=pl.Series(by_dunning),
        canceled=pl.Series(np.where(by_dunning, lost_at, subs["canceled"].to_numpy())),
        ended=pl.Series(np.where(by_dunning, lost_at, subs["ended"].to_numpy())),
        at_period_end=subs["at_period_end"] & ~pl.Series(by_dunning),
        unpaid_from=pl.Series(np.where((unpaid < stop) & (unpaid < lost_at), unpaid, NEVER)),
    )
    kept: Bools = created < np.minimum(lost_at, unpaid)[sub]
    return subs, kept


def _charges(invoices: pl.DataFrame, t1: int) -> pl.DataFrame:
    billed = invoices.filter(pl.col("amount") > 0)
    retried = billed.filter(pl.col("is_failed") & (pl.col("voided") >= int(NEVER)))
    attempts = pl.concat(
        [
            billed.select(
                "invoice", "person", "amount", at=pl.col("created") + 3600, ok=~pl.col("is_failed")
            ),
            retried.select(
                "invoice",
                "person",
                "amount",
                at=pl.col("created") + 4 * DAY,
                ok=pl.col("paid") < int(NEVER),
            ),
        ]
    )
    return attempts.filter(pl.col("at") < t1).sort("at", "invoice", "ok").with_row_index("charge")
