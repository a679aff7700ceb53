"""Who the customers are, how they use and buy, what they pay monthly.

Belongs here: what the report says of customers as a whole, words and markup. Not here: the numbers
of it that take computing (report_numbers.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import polars as pl

from customer_intel.core.report import charts
from customer_intel.core.report.charts import Point
from customer_intel.core.report.evidence import Evidence
from customer_intel.core.report.markup import (
    Html,
    count,
    figure,
    join,
    number,
    p_value,
    paragraph,
    percent,
    plain,
    plural,
    quiet,
    short,
    signed,
    table,
    tag,
)
from customer_intel.core.report.section import SURE, Finding, RoomReport, Section
from customer_intel.core.statistics import contrast, holm
from customer_intel.profiles import report_numbers as numbers

# Bad experiences that the profile knows, and how to say that a customer had one.
_EXPERIENCES = {
    "late_deliveries_365d": "a late delivery in the last year",
    "payments_failed_90d": "a failed payment in the last 90 days",
    "tickets_escalated": "an escalated ticket",
    "ticket_reopens": "a reopened ticket",
}
# Answers that the profile keeps: the best one, and what was asked.
_ANSWERS = {
    "last_nps_score": (10, "whether they would recommend us"),
    "last_csat_score": (5, "how satisfied they are"),
}


def customers(evidence: Evidence) -> Html:
    """Who is known, how many were active, and what they brought over time."""
    return join((_people(evidence), _over_time(evidence), _subscriptions(evidence)))


def _people(evidence: Evidence) -> Html:
    if not evidence.has("customer_profile"):
        return quiet(f"Not available: {evidence.why_not('customer_profile')}.")
    rows = evidence.frame("customer_profile", "n_records", "n_sources", "sources")
    n, records = len(rows), int(rows["n_records"].sum() or 0)
    several = int((rows["n_records"] > 1).sum())
    across = int((rows["n_sources"] > 1).sum())
    sources = (
        rows.drop_nulls("sources")
        .select(source=pl.col("sources").str.split("|"))
        .explode("source")
        .group_by("source")
        .agg(n=pl.len())
        .sort("n", "source", descending=[True, False])
    )
    lede = (
        f"{count(records)} records of {plural(len(sources), 'source')} are "
        f"{plural(n, 'customer')}: "
        f"{count(several)} customers had more than one record, "
        f"{count(across)} ({percent(across / max(n, 1))}) are known to more than one source."
    )
    rows_ = [
        (tag("b", name), count(k), tag("span", charts.bar(k / n), class_="bars"), percent(k / n))
        for name, k in sources.iter_rows()
    ]
    known_by = figure(
        "Who knows them", table(("Source", "Customers", "", "Share"), rows_, numeric=(1, 3))
    )
    return join(
        (paragraph(lede, class_="lede"), tag("div", _stages(evidence), known_by, class_="row"))
    )


def _stages(evidence: Evidence) -> Html:
    found = dict(
        evidence.frame("customer_profile", "lifecycle_stage")
        .group_by("lifecycle_stage")
        .agg(n=pl.len())
        .iter_rows()
    )
    total = sum(found.values())
    stages = evidence.meanings("customer_profile", "lifecycle_stage")
    ordered = [name for name in stages if name in found]
    rows = [
        (
            join((tag("b", plain(name)), tag("br"), tag("small", stages[name]))),
            count(found[name]),
            tag("span", charts.bar(found[name] / max(found.values())), class_="bars"),
            percent(found[name] / total),
        )
        for name in ordered
    ]
    return figure(
        "Where they stand", table(("Stage", "Customers", "", "Share"), rows, numeric=(1, 3))
    )


def _over_time(evidence: Evidence) -> Html:
    if not evidence.has("metric_daily"):
        return quiet(f"Engagement over time is not available: {evidence.why_not('metric_daily')}.")
    weeks = numbers.weekly(evidence)
    if len(weeks) < 3:
        return quiet("Engagement over time needs three full weeks of activity.")
    unit = f", {evidence.currency}" if evidence.currency else ""
    pictures = []
    for column, title in (
        ("customers", "Active customers"),
        ("orders", "Orders"),
        ("revenue", f"Net revenue{unit}"),
    ):
        if not float(weeks[column].sum()) or (column == "revenue" and evidence.unconverted):
            continue
        points = [
            Point(when, float(value))
            for when, value in weeks.select("last_day", column).iter_rows()
        ]
        picture = charts.trend(points, f"{title} per week", show=_last_value)
        pictures.append(figure(join((title, " ", tag("small", "per week"))), picture))
    words = (
        "Weeks end with the last day this report knows, so the last one is whole. Active: did "
        "something themselves."
    )
    note = tag("p", words, class_="note")
    return join((tag("h3", "How they come and buy"), tag("div", *pictures, class_="row"), note))


def _last_value(value: float) -> str:
    return (
        short(value)
        if abs(value) >= 10
        else f"{value:g}"
        if float(value).is_integer()
        else number(value, 1)
    )


def _subscriptions(evidence: Evidence) -> Html | None:
    if not evidence.has("mrr_movement", "metric_daily"):
        return quiet(
            f"Monthly recurring revenue is not available: {evidence.why_not('mrr_movement')}."
        )
    rows: list[tuple[object, ...]] = []
    pictures: list[Html] = []
    for item in numbers.mrr(evidence):
        rows.append((
            tag("b", item.currency), count(item.subscribers), number(item.before, 0),
            *(signed(item.movements[name]) for name in numbers.MOVEMENTS), tag("b", number(item.now, 0)),
        ))  # fmt: skip
        points = [
            Point(when, value) for when, value in numbers.mrr_by_week(evidence, item.currency)
        ]
        if len(points) > 2 and len(pictures) < 3:
            title = join((item.currency, " ", tag("small", "at each week's end")))
            picture = charts.trend(points, "Monthly recurring revenue", show=_last_value, width=470)
            pictures.append(figure(title, picture))
    head = (
        "Currency",
        "Paying",
        "28 days ago",
        "New",
        "Expansion",
        "Back again",
        "Contraction",
        "Churned",
        "Now",
    )
    return join((
        tag("h3", "Monthly recurring revenue"),
        table(head, rows, numeric=range(1, 9)),
        tag("div", *pictures, class_="row") if pictures else None,
    ))  # fmt: skip


def bad_experiences(evidence: Evidence) -> Iterator[Finding]:
    """Last scores of customers who had the experience against those of customers who had not."""
    if not evidence.has("customer_profile"):
        return
    profiles = evidence.frame("customer_profile", "is_profiling_denied", *_ANSWERS, *_EXPERIENCES)
    profiles = profiles.filter(~pl.col("is_profiling_denied"))
    found = []
    for answer, column in product(_ANSWERS, _EXPERIENCES):
        rows = profiles.select(
            had=pl.col(column) > 0, score=pl.col(answer).cast(pl.Float64)
        ).drop_nulls()
        sides = {
            had: (n, mean, variance)
            for had, n, mean, variance in rows.group_by("had")
            .agg(n=pl.len(), mean=pl.col("score").mean(), variance=pl.col("score").var())
            .iter_rows()
        }
        made = contrast(column, sides[True], sides[False]) if len(sides) == 2 else None
        if made:
            found.append((answer, made))
    adjusted = holm([item.p_value for _, item in found])
    for (answer, item), p in zip(found, adjusted, strict=True):
        best, asked = _ANSWERS[answer]
        if p < SURE and item.gap < 0:
            text = (
                f"Customers with {_EXPERIENCES[item.name]} last gave {item.mean:.1f} of {best} "
                f"when asked {asked}, "
                f"the others {item.mean_rest:.1f} ({p_value(p)}, {count(item.n)} against "
                f"{count(item.n_rest)}; "
                "an association, not proof of a cause)."
            )
            yield Finding(text, "customer_profile", min(1.0, abs(item.gap) / best + 0.1))


def concentration(evidence: Evidence) -> Iterator[Finding]:
    """How much of the last year's revenue the best tenth brought."""
    if not evidence.has("customer_profile") or evidence.unconverted:
        return
    spent = (
        evidence.frame("customer_profile", "revenue_365d")["revenue_365d"]
        .cast(pl.Float64)
        .sort(descending=True)
    )
    buyers = spent.filter(spent > 0)
    if len(buyers) >= 50:
        few = len(buyers) // 10
        share = float(buyers.head(few).sum()) / float(buyers.sum())
        text = (
            f"The best tenth of last year's buyers ({count(few)} customers) brought "
            f"{percent(share)} of its revenue."
        )
        yield Finding(text, "customer_profile", 0.2 * share)


REPORT = RoomReport(
    place=30,
    sections=(Section("customers", "Customers", customers),),
    findings=(bad_experiences, concentration),
    glossary={
        "Active": (
            "Did something themselves (came, bought, opened a ticket); being sent an email does "
            "not count."
        ),
        "Revenue": (
            "What was charged for sales, on their day, less what was given back, on its day."
        ),
        "MRR": (
            "What running subscriptions bring a month; a yearly plan counts a twelfth. Currencies "
            "are kept apart."
        ),
    },
)
