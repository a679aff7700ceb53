"""Of whom a section of the room tells, everybody or those who may be profiled, and since when.

Belongs here: the lines that say so. Not here: who may not be profiled and when sources begin (facts), what a section
tells.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from customer_intel.core.report.evidence import Evidence
from customer_intel.core.report.markup import Html, count, day, phrase, tag
from customer_intel.core.report.metric import said_in

EVERYBODY = (
    "Counted is everybody, also the {n} customers who may not be profiled; what is told of segments, of single "
    "customers and of what goes with staying leaves them out, as funnels do."
)
# Kinds of records that are customers' own acts; sources with less than a twentieth of all acts a day tell of few.
OWN_ACTS = ("events", "orders", "subscriptions", "tickets", "survey_responses", "reviews")
MANY = 0.05
LEFT_OUT = "Left out are the {n} customers who may not be profiled."


def barred(evidence: Evidence) -> int:
    """How many customers may not be profiled."""
    if not evidence.has("customer_profile"):
        return 0
    rows = evidence.scan("customer_profile").select(pl.col("is_profiling_denied").sum())
    return int(rows.collect().item() or 0)


def base(evidence: Evidence, words: str) -> Html | None:
    """`words` about them, {n} their number, as a note; nothing where everybody may be profiled."""
    n = evidence.once(barred)
    if not n:
        return None
    told = phrase(words, n=said_in(count(n), "customer_profile.is_profiling_denied"))
    return tag("p", told, class_="note")


def given_back(evidence: Evidence) -> Html | None:
    """That a purchase which was given back whole may still be one in a funnel; nothing where none was."""
    if not evidence.has("order_fact"):
        return None
    whole = evidence.scan("order_fact").filter(pl.col("is_sale") & ~pl.col("is_counted"))
    n = int(whole.select(pl.len()).collect().item())
    if not n:
        return None
    words = phrase(
        "Orders given back whole since: {n}. A funnel holds them as bought where a page or app told of them, and not "
        "where only the shop did; segments and revenue go by orders that count.",
        n=said_in(count(n), "order_fact.is_counted"),
    )
    return tag("p", words, class_="note")


def why_nothing(evidence: Evidence, name: str) -> str:
    """Why the table has no rows: where acts there are, that no customer is known who did one."""
    if not evidence.has("activity") or evidence.tells("activity", "customer_id"):
        return evidence.why_not(name)
    return (
        "acts were told of, but none by a customer who is known, as no source says whose they are"
    )


# ---- since when
@dataclass(frozen=True)
class Beginning:
    """The day on which the last of the sources that tell of many acts began, and which it was."""

    day: date
    source: str

    def is_before(self, first: date, unit: str) -> bool:
        """Whether the period from `first` on has no whole one before it that all sources told of: who
        is new in it may be a customer for long. A source may be late by a third of a period.
        """
        before, third = _BEFORE[unit](first)
        return self.day > before + third


_BEFORE: dict[str, Callable[[date], tuple[date, timedelta]]] = {
    "day": lambda first: (first - timedelta(days=1), timedelta()),
    "week": lambda first: (first - timedelta(days=7), timedelta(days=2)),
    "month": lambda first: ((first - timedelta(days=1)).replace(day=1), timedelta(days=10)),
}


def beginning(evidence: Evidence) -> Beginning | None:
    """None where no source tells since when. Who tells of hardly any acts moves nothing."""
    if not evidence.has("source_start"):
        return None
    rows = evidence.frame("source_start", "source_system", "entity", "first_day", "n")
    own = rows.filter(pl.col("entity").is_in(OWN_ACTS)).with_columns(
        a_day=pl.col("n") / ((pl.lit(evidence.as_of) - pl.col("first_day")).dt.total_days().clip(1))
    )
    many = own.filter(pl.col("a_day") >= MANY * pl.col("a_day").sum())
    last = many.sort("first_day", "source_system", descending=[True, False])
    if last.is_empty():
        return None
    return Beginning(last["first_day"][0], last["source_system"][0])


def since_when(begun: Beginning, unit: str) -> Html:
    """What the star at a period means."""
    return phrase(
        f" *: not all sources told of a whole {unit} before it (the last, {{source}}, begins on {{day}}). Who is new "
        "then may be a customer for long. Sentences leave it out where anything else is left to tell.",
        source=begun.source,
        day=said_in(day(begun.day), "source_start.first_day"),
    )
