"""Personas: what the customers of a segment are like, against all others, in rows of one fact each.

Belongs here: which facts are told of a segment, and how sure they are. Not here: who is in a segment
(segments), what a fact means (profiles/tables.yaml), cards (profiles/report.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import fsum, sqrt
from typing import Any

import polars as pl

from customer_intel.core.report.markup import p_value, percent, plain
from customer_intel.core.statistics import ENOUGH, Z95, holm, two_sided, wilson

# Facets by what they answer; of lists (a|b) each item counts by itself.
FACETS = {
    "who": ("country", "language", "industry", "company_size", "department", "seniority", "age_band",
            "gender"),
    "needs": ("interests", "top_category", "plan_name", "adopter_type", "price_sensitivity"),
    "pains": ("pains", "cancellation_reason"),
    "where": ("preferred_channel", "first_source"),
}  # fmt: skip
LISTS = ("interests", "pains")
# What a customer is worth and does, as means; money is in the reporting currency.
MEASURES = {
    "active_days_28d": "needs",
    "core_actions_28d": "needs",
    "tickets_90d": "pains",
    "late_deliveries_365d": "pains",
    "last_nps_score": "pains",
    "revenue_total": "worth",
    "average_order_value": "worth",
    "orders_365d": "worth",
    "mrr": "worth",
}
# Those of money.
MONEY = ("revenue_total", "average_order_value", "mrr")
_SAID = {
    "active_days_28d": "Active days of the last 28",
    "core_actions_28d": "Core actions of the last 28 days",
    "tickets_90d": "Tickets of the last 90 days",
    "late_deliveries_365d": "Late deliveries of the last 365 days",
    "last_nps_score": "Last answer to the recommendation question, 0 to 10",
    "revenue_total": "Net revenue so far",
    "average_order_value": "Order value",
    "orders_365d": "Orders of the last 365 days",
    "mrr": "Recurring revenue a month of who pays",
    "plan_name": "Plan",
    "preferred_channel": "Mostly met by",
    "first_source": "First came by",
    "top_category": "Buys most of",
    "interests": "Interested in",
    "pains": "Troubled by",
    "cancellation_reason": "Cancelled for",
    "adopter_type": "Takes what is new",
    "price_sensitivity": "Price sensitivity",
    "age_band": "Age",
}
# How customers are split. What a split is made of says nothing new of its parts.
SPLITS = {
    "rfm_segment": ("revenue_total", "average_order_value", "orders_365d"),
    "account_tier": (),
    "plan_name": ("plan_name", "mrr"),
}
_SUMS = {"segment": pl.String, "n": pl.Int64, "s": pl.Float64, "ss": pl.Float64}
_MOST, _COMMON, _SURE, _TOLD = 12, 0.5, 0.05, 5


@dataclass(frozen=True)
class _Fact:
    """One fact of a segment; `p` is None where chance was not asked."""

    aspect: str
    facet: str
    member: str
    n_known: int
    measured: float
    low: float | None
    high: float | None
    rest: float | None
    n_rest: int
    p: float | None
    is_share: bool = True


def persona(
    customer_profile: pl.LazyFrame, icp_customer: pl.LazyFrame, schema: pl.Schema
) -> pl.DataFrame:
    """One row per split, segment, facet and member that is common in the segment or that tells it
    from all others.

    Shares have Wilson's interval, means a normal one; the difference from the others is tested with
    30 on each side (`chance`) and adjusted by Holm within the segment. Told are facts that
    differ, and what half of the segment or more have; of each facet the five most different.
    """
    people = _people(customer_profile, icp_customer)
    # A split of more parts than a reader holds is none: plans of a company with one per customer.
    splits = {
        split: own
        for split, own in SPLITS.items()
        if 2 <= people[split].drop_nulls().n_unique() <= _MOST
    }
    rows = [row for split, own in splits.items() for row in _segments(people, split, own)]
    return pl.DataFrame(rows, schema=schema).sort("persona_split", "persona", "aspect", "place")


def _people(profile: pl.LazyFrame, before: pl.LazyFrame) -> pl.DataFrame:
    wanted = [
        *("customer_id", "is_profiling_denied"),
        *(c for facets in FACETS.values() for c in facets if c != "company_size"),
        *(c for c in (*SPLITS, *MEASURES)),
    ]
    rows = profile.select(list(dict.fromkeys(wanted))).filter(~pl.col("is_profiling_denied"))
    known = before.select("customer_id", "company_size")
    people = rows.join(known, on="customer_id", how="left").sort("customer_id").collect()
    money = [c for c, kind in people.schema.items() if isinstance(kind, pl.Decimal) and c != "mrr"]
    return people.with_columns(
        pl.col(money).cast(pl.Float64),
        *(pl.when(pl.col(c) != "unsure").then(c) for c in ("adopter_type", "price_sensitivity")),
        # Of who pays nothing a month nothing is told: zero is not a price.
        mrr=pl.when(pl.col("mrr") > 0).then(pl.col("mrr").cast(pl.Float64)),
        rfm_segment=pl.when(pl.col("rfm_segment") != "not_available").then("rfm_segment"),
    )


def _segments(people: pl.DataFrame, split: str, own: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    everybody = people.drop_nulls(split)
    shares = {
        facet: _counted(everybody, split, facet)
        for facets in FACETS.values()
        for facet in facets
        if facet != split
    }
    sums = _summed(everybody, split)
    total = len(everybody)
    for segment, n in everybody.group_by(split).len().sort(split).iter_rows():
        low, high = wilson(n, total)
        yield _row(
            split,
            segment,
            n,
            1,
            _Fact("who", "size", "all", total, n / total, low, high, None, 0, None),
            None,
        )
        if n < ENOUGH:
            continue
        facts = [
            fact
            for aspect, facets in FACETS.items()
            for facet in facets
            if facet in shares
            for fact in _share_facts(shares[facet], segment, aspect, facet, facet in own)
        ]
        facts += list(_mean_facts(sums, segment, own))
        asked = [fact for fact in facts if fact.p is not None]
        adjusted = dict(zip(map(id, asked), holm([fact.p or 0.0 for fact in asked]), strict=True))
        place = 1
        order = list(dict.fromkeys([*FACETS, *MEASURES.values()]))
        for fact in sorted(_told(facts, adjusted), key=lambda item: order.index(item.aspect)):
            place += 1
            yield _row(split, segment, n, place, fact, adjusted.get(id(fact)))


def _counted(people: pl.DataFrame, split: str, facet: str) -> pl.DataFrame:
    """segment, member, k (customers with the member), n (customers of whom the facet is known)."""
    rows = people.select("customer_id", segment=pl.col(split), member=pl.col(facet)).drop_nulls()
    known = rows.group_by("segment").agg(n=pl.len())
    if facet in LISTS:
        rows = rows.with_columns(pl.col("member").str.split("|")).explode("member").unique()
    counted = rows.group_by("segment", "member").agg(k=pl.len())
    members = counted.select("member").unique()
    if len(members) == 1:  # What everybody has of whom it is known tells nobody apart.
        members = members.clear()
    every = known.join(members, how="cross")
    full = every.join(counted, on=["segment", "member"], how="left").with_columns(
        pl.col("k").fill_null(0)
    )
    totals = full.group_by("member").agg(k_all=pl.col("k").sum(), n_all=pl.col("n").sum())
    return full.join(totals, on="member").sort("segment", "member")


def _share_facts(
    counted: pl.DataFrame, segment: str, aspect: str, facet: str, is_own: bool
) -> Iterator[_Fact]:
    mine = counted.filter(segment=segment)
    for _, member, n, k, k_all, n_all in mine.select(
        "segment", "member", "n", "k", "k_all", "n_all"
    ).iter_rows():
        rest_n, rest_k = n_all - n, k_all - k
        share, rest = k / n, rest_k / rest_n if rest_n else None
        low, high = wilson(k, n)
        p = None
        if rest is not None and not is_own:
            sides = ((n, share, share * (1 - share)), (rest_n, rest, rest * (1 - rest)))
            p = chance(*sides)
        if n >= ENOUGH:
            yield _Fact(aspect, facet, member, n, share, low, high, rest, rest_n, p)


def _summed(people: pl.DataFrame, split: str) -> dict[str, pl.DataFrame]:
    """Of each measure segment, n, mean and variance, and the same of all the others."""
    found = {}
    for measure in MEASURES:
        rows = people.select(segment=pl.col(split), v=pl.col(measure).cast(pl.Float64)).drop_nulls()
        if not (rows["v"] != 0).any():  # No source tells of it, or nobody ever did it.
            rows = rows.clear()
        # Exact sums: the same in whatever order.
        sums = [
            (str(segment[0]), len(part), fsum(part["v"]), fsum(part["v"] ** 2))
            for segment, part in rows.group_by("segment")
        ]
        own = pl.DataFrame(sums, schema=_SUMS, orient="row").sort("segment")
        found[measure] = own.with_columns(
            n_all=pl.col("n").sum(),
            s_all=pl.lit(fsum(rows["v"])),
            ss_all=pl.lit(fsum(rows["v"] ** 2)),
        )
    return found


def _mean_facts(
    sums: dict[str, pl.DataFrame], segment: str, own: tuple[str, ...]
) -> Iterator[_Fact]:
    for measure, aspect in MEASURES.items():
        for _, n, s, ss, n_all, s_all, ss_all in sums[measure].filter(segment=segment).iter_rows():
            if n < ENOUGH:
                continue
            mean, variance = _moments(n, s, ss)
            half = Z95 * sqrt(variance / n)
            # More may be given back than was paid; nothing else is below zero.
            low = mean - half if measure in MONEY else max(mean - half, min(mean, 0.0))
            p, rest = None, None
            if n_all > n:
                rest, spread = _moments(n_all - n, s_all - s, ss_all - ss)
                if measure not in own:
                    p = chance((n, mean, variance), (n_all - n, rest, spread))
            yield _Fact(
                aspect,
                measure,
                "mean",
                n,
                mean,
                low,
                mean + half,
                rest,
                n_all - n,
                p,
                False,
            )


def chance(inside: tuple[int, float, float], rest: tuple[int, float, float]) -> float | None:
    """How often chance alone would make a difference as large of (n, mean, variance) and the same of
    the others: by Welch's variance or that of both together, whichever is larger, as a side where
    nobody has a thing shows no variance. None when a side has fewer than 30.
    """
    (n, mean, variance), (m, mean_rest, variance_rest) = inside, rest
    if min(n, m) < ENOUGH:
        return None
    gap, both = mean - mean_rest, n + m
    together = (n * variance + m * variance_rest + n * m / both * gap * gap) / both
    error = sqrt(max(variance / n + variance_rest / m, together * (1 / n + 1 / m)))
    return two_sided(gap / error) if error > 0 else 1.0


def _moments(n: int, total: float, squares: float) -> tuple[float, float]:
    mean = total / n
    return mean, max(squares / n - mean * mean, 0.0) * n / max(n - 1, 1)


def _told(facts: list[_Fact], adjusted: dict[int, float]) -> Iterator[_Fact]:
    """Of each facet what differs, the most different first, then what is common."""
    by_facet: dict[str, list[_Fact]] = {}
    for fact in facts:
        p = adjusted.get(id(fact))
        differs = p is not None and p < _SURE
        if differs or not fact.is_share or fact.measured >= _COMMON:
            by_facet.setdefault(fact.facet, []).append(fact)
    for found in by_facet.values():
        found.sort(
            key=lambda f: (-abs(f.measured - (f.rest if f.rest is not None else 0)), f.member)
        )
        yield from found[:_TOLD]


def _row(
    split: str, segment: str, n: int, place: int, fact: _Fact, p: float | None
) -> dict[str, Any]:
    verdict = "not_asked"
    if p is not None:
        more = fact.rest is not None and fact.measured > fact.rest
        verdict = "unsure" if p >= _SURE else "more" if more else "less"

    def rounded(value: float | None) -> float | None:
        return None if value is None else round(value, 6)

    return {
        "persona_split": split,
        "persona": segment,
        "aspect": fact.aspect,
        "place": place,
        "facet": fact.facet,
        "member": fact.member,
        "n": n,
        "n_known": fact.n_known,
        "measured": round(fact.measured, 6),
        "low": rounded(fact.low),
        "high": rounded(fact.high),
        "measured_rest": rounded(fact.rest),
        "n_rest": fact.n_rest,
        "p_adj": rounded(p),
        "persona_verdict": verdict,
        "sentence": _sentence(segment, fact, p),
    }


def said_of(facet: str) -> str:
    """What the facet or measure is called in a sentence."""
    return _SAID.get(facet, plain(facet))


def _sentence(segment: str, fact: _Fact, p: float | None) -> str:
    name = plain(segment)
    if fact.facet == "size":
        return f"{name}: {percent(fact.measured, 1)} of {fact.n_known:,} customers."
    show = percent if fact.is_share else _plain_number
    what = _SAID.get(fact.facet, plain(fact.facet)) + (
        f" {fact.member}" if fact.is_share else ", mean"
    )
    sure = ""
    if fact.low is not None and fact.high is not None:
        sure = f" ({show(fact.low)} to {show(fact.high)})"
    rest = "" if fact.rest is None else f"; others {show(fact.rest)}"
    test = "" if p is None else f", {p_value(p)}"
    return f"{what}: {show(fact.measured)}{sure} of {fact.n_known:,}{rest}{test}."


def _plain_number(value: float) -> str:
    return f"{value:,.{0 if abs(value) >= 100 else 2}f}"
