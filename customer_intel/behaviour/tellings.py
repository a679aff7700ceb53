"""Acts that tell of one thing twice: the shop's order and the page's word for it.

Belongs here: which acts do, and counting such a thing once. Not here: one to one, by the minute, in journeys
(journeys/); what the words are (shipped.yaml).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

import polars as pl

from customer_intel.behaviour.model import Behaviour, is_any
from customer_intel.behaviour.words import shipped

# An event counts where no fact of the same customer lies on its day or on so many days after it: shops
# date orders by their import, banks by the payment.
LATER = 2


def told_by(act: str) -> str | None:
    """The fact that an act is, or that it tells too by its whole name: order_completed → order_placed."""
    activity = act.partition(":")[0]
    for item in shipped().conversions:
        if item.facts and (activity in item.facts or item.words.are(activity)):
            return item.facts[0]
    return None


def tellings(acts: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Fact → the other acts that tell of it, where both are among the acts."""
    acts = tuple(acts)
    return {
        fact: others
        for fact in acts
        if fact == told_by(fact)
        and (others := tuple(act for act in acts if act != fact and told_by(act) == fact))
    }


def once(rows: pl.LazyFrame, item: Behaviour) -> pl.LazyFrame:
    """customer_id, day, n, first_at, last_at of the item's acts, of rows that hold `act` besides.

    Of a day, the fact or the events that tell of it count, whichever are more; events count where no fact
    lies within the next LATER days.
    """
    parts: list[pl.LazyFrame] = []
    taken: set[str] = set()
    for fact, others in tellings(item.acts).items():
        taken |= {fact, *others}
        facts, events = (_by_day(rows.filter(is_any(acts))) for acts in ((fact,), others))
        after = [
            facts.select("customer_id", day=pl.col("day") - pl.duration(days=days))
            for days in range(1, LATER + 1)
        ]
        alone = reduce(
            lambda left, days: left.join(days, on=["customer_id", "day"], how="anti"), after, events
        )
        parts.append(_by_day(pl.concat([facts, alone]), pl.col("n").max()))
    rest = [act for act in item.acts if act not in taken]
    if rest or not parts:
        parts.append(_by_day(rows.filter(is_any(rest))))
    return _by_day(pl.concat(parts)) if len(parts) > 1 else parts[0]


def _by_day(rows: pl.LazyFrame, n: pl.Expr | None = None) -> pl.LazyFrame:
    return rows.group_by("customer_id", "day").agg(
        pl.col("n").sum() if n is None else n, pl.col("first_at").min(), pl.col("last_at").max()
    )
