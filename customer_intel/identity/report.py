"""Who is who: how many records became how many customers, what is in doubt, what people decided.

Belongs here: what the report says of identity. Not here: who is one (linking, ids), the doubts themselves
(linking/match_review.sql).
"""

from __future__ import annotations

import polars as pl

from customer_intel.core.report import metric
from customer_intel.core.report.evidence import Evidence
from customer_intel.core.report.markup import (
    Html,
    count,
    figure,
    join,
    number,
    paragraph,
    phrase,
    plain,
    plural,
    quiet,
    table,
    tag,
)
from customer_intel.core.report.metric import cited
from customer_intel.core.report.section import RoomReport, Section


def who_is_who(evidence: Evidence) -> Html:
    """Records, customers, doubts by kind, and what decisions did."""
    if not evidence.has("customer_profile", "metric_daily"):
        return quiet(f"Not available: {evidence.why_not('customer_profile')}.")
    return join((_summary(evidence), _decided(evidence), _doubts(evidence)))


def _summary(evidence: Evidence) -> Html | None:
    names = (
        "customer_records", "customers", "customers_in_review", "orders_in_review", "doubts_between_customers",
        "doubts_within_customers",
    )  # fmt: skip
    found = [metric.value(evidence, name) for name in names]
    values = [at for at in found if at is not None and at.value is not None]
    if len(values) < len(names):
        return None
    records, people, doubted, orders, between, within = values
    total = phrase(
        "{records} records are {people}, {per} records each.",
        records=cited(count(records.value), records),
        people=cited(plural(int(people.value or 0), "customer"), people),
        per=cited(
            number((records.value or 0) / (people.value or 1), 2),
            records,
            against=people,
            how="ratio",
        ),
    )
    pairs = plural(int(between.value or 0), "pair of customers", "pairs of customers")
    links = plural(int(within.value or 0), "link within a customer", "links within a customer")
    told = phrase(
        " {doubted} of them are in doubt: {between} may be one, {within} may join two people. They have {orders}.",
        doubted=cited(count(doubted.value), doubted),
        between=cited(pairs, between),
        within=cited(links, within),
        orders=cited(plural(int(orders.value or 0), "order"), orders),
    )
    sure = phrase(" {none} of them is in doubt.", none=cited("None", doubted))
    return paragraph(join((total, told if doubted.value else sure)), class_="lede")


def _decided(evidence: Evidence) -> Html | None:
    joined = metric.value(evidence, "links_by_decision")
    apart = metric.value(evidence, "pairs_kept_apart")
    if joined is None or apart is None or not (joined.value or apart.value):
        return None
    return paragraph(
        phrase(
            "People decided: {joined} hold because of a decision, {apart} of records are kept apart by one.",
            joined=cited(plural(int(joined.value or 0), "link"), joined),
            apart=cited(plural(int(apart.value or 0), "pair"), apart),
        )
    )


def _doubts(evidence: Evidence) -> Html | None:
    if not evidence.has("match_review"):
        return None
    rows = (
        evidence.frame("match_review", "review_kind", "reason", "n_orders")
        .group_by("review_kind", "reason")
        .agg(n=pl.len(), n_orders=pl.col("n_orders").sum())
        .sort("n_orders", "n", "review_kind", "reason", descending=[True, True, False, False])
    )
    kinds = evidence.meanings("match_review", "review_kind")
    reasons = evidence.meanings("match_review", "reason")
    body = [
        (tag("b", plain(reasons[reason])), kinds[kind], count(n), count(n_orders))
        for kind, reason, n, n_orders in rows.iter_rows()
    ]
    head = ("In doubt, for", "Today", "Doubts", "Orders")
    note = "customer-intel review goes through them, the most at stake first; a customer may stand in several."
    return figure("What a person should look at", table(head, body, numeric=(2, 3)), note)


REPORT = RoomReport(
    place=28,
    sections=(Section("identity", "Who is who", who_is_who),),
    glossary={
        "In doubt": (
            "Evidence does not decide who it is: two customers who may be one, or a customer who may be two."
        ),
    },
)
