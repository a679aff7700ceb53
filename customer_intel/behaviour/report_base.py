"""Of whom a section of the room tells: everybody, or those who may be profiled.

Belongs here: the lines that say so. Not here: who may not be profiled (facts), what a section tells.
"""

from __future__ import annotations

import polars as pl

from customer_intel.core.report.evidence import Evidence
from customer_intel.core.report.markup import Html, count, phrase, tag
from customer_intel.core.report.metric import said_in

EVERYBODY = (
    "Counted is everybody, also the {n} customers who may not be profiled; what is told of segments, of single "
    "customers and of what goes with staying leaves them out, as funnels do."
)
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
