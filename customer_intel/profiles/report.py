"""Who the customers are, how they use and buy, what they pay monthly.

Belongs here: what the report says of customers as a whole, words and markup. Not here: the numbers
of it that take computing (report_numbers.py).
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from customer_intel.core.report import charts, metric
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
    phrase,
    plain,
    plural,
    quiet,
    short,
    signed,
    table,
    tag,
)
from customer_intel.core.report.metric import cited
from customer_intel.core.report.section import SURE, Finding, RoomReport, Section
from customer_intel.core.statistics import Z95, contrast, holm
from customer_intel.profiles import report_numbers as numbers
from customer_intel.profiles.report_personas import ideal, personas
from customer_intel.profiles.report_recurring import plans_that_lose, recurring

# The best tenth is told from twice its even part on.
_UNEVEN = 0.2
# Bad experiences, how to say that a customer had one, and with whom such customers are compared.
_EXPERIENCES = {
    ("delivery", "late"): (
        "a late delivery in the last year",
        "in time",
        "whose deliveries were in time",
    ),
    ("payment", "failed"): (
        "a failed payment in the last 90 days",
        "fine",
        "whose payments succeeded",
    ),
    ("support", "escalated"): ("an escalated ticket", "plain", "whose tickets were not"),
    ("support", "reopened"): ("a reopened ticket", "plain", "whose tickets were not"),
}


def customers(evidence: Evidence) -> Html:
    """Who is known, how many were active, and what they brought over time."""
    return join((_people(evidence), _over_time(evidence), _subscriptions(evidence)))


def _people(evidence: Evidence) -> Html:
    if not evidence.has("customer_profile"):
        return quiet(f"Not available: {evidence.why_not('customer_profile')}.")
    rows = evidence.frame("customer_profile", "n_records", "n_sources", "sources")
    n = len(rows)
    sources = (
        rows.drop_nulls("sources")
        .select(source=pl.col("sources").str.split("|"))
        .explode("source")
        .group_by("source")
        .agg(n=pl.len())
        .sort("n", "source", descending=[True, False])
    )
    rows_ = [
        (tag("b", name), count(k), tag("span", charts.bar(k / n), class_="bars"), percent(k / n))
        for name, k in sources.iter_rows()
    ]
    known_by = figure(
        "Who knows them", table(("Source", "Customers", "", "Share"), rows_, numeric=(1, 3))
    )
    return join(
        (
            _brought_together(evidence, len(sources)),
            tag("div", _stages(evidence), known_by, class_="row"),
        )
    )


def _brought_together(evidence: Evidence, n_sources: int) -> Html | None:
    names = (
        "customer_records",
        "customers",
        "customers_of_several_records",
        "customers_of_several_sources",
    )
    records, people, several, across = (metric.value(evidence, name) for name in names)
    if records is None or people is None or several is None or across is None:
        return None
    share = (across.value or 0) / (people.value or 1)
    return paragraph(
        phrase(
            "{records} records of {sources} are {people}: {several} customers had more than one "
            "record, {across} ({share}) are known to more than one source.",
            records=cited(count(records.value), records),
            sources=plural(n_sources, "source"),
            people=cited(plural(int(people.value or 0), "customer"), people),
            several=cited(count(several.value), several),
            across=cited(count(across.value), across),
            share=cited(percent(share), across, against=people, how="ratio"),
        ),
        class_="lede",
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
    """Last NPS answers of customers who had the experience against those who could have had it."""
    found = []
    for (dimension, bad), (_, good, _) in _EXPERIENCES.items():
        sides = metric.by_member(evidence, "last_nps_answer", dimension)
        if bad in sides and good in sides:
            made = contrast(bad, _moments(sides[bad]), _moments(sides[good]))
            found += [(dimension, sides[bad], sides[good], made)] if made else []
    adjusted = holm([made.p_value for *_, made in found])
    for (dimension, had, had_not, made), p in zip(found, adjusted, strict=True):
        words, _, others = _EXPERIENCES[dimension, had.member]
        if p < SURE and made.gap < 0:
            text = phrase(
                f"Customers with {words} last gave {{mean}} of 10 when asked whether they would "
                f"recommend us, customers {others} {{rest}} ({p_value(p)}, {{n}} against {{n_rest}}; "
                "an association, not proof of a cause).",
                mean=cited(number(had.value, 1), had),
                rest=cited(number(had_not.value, 1), had_not),
                n=cited(count(had.n), had, part="n"),
                n_rest=cited(count(had_not.n), had_not, part="n"),
            )
            weight = min(1.0, abs(made.gap) / 10 + 0.1)
            yield Finding(text, "customer_profile", weight, "last_nps_answer")


def _moments(side: metric.Value) -> tuple[int, float, float]:
    """n, mean and variance, the latter from the interval (normal theory; contrasts begin at 30)."""
    n, low, high = side.n or 0, side.low or 0.0, side.high or 0.0
    return n, side.value or 0.0, n * ((high - low) / (2 * Z95)) ** 2


def concentration(evidence: Evidence) -> Iterator[Finding]:
    """How much of the last year's revenue the best tenth brought, where that is clearly more than an
    even spread would give: a tenth of the largest is always somewhat more.
    """
    share = metric.value(evidence, "best_tenth_share")
    if share is None or share.value is None or (share.n or 0) < 5 or evidence.unconverted:
        return
    if share.value < _UNEVEN:
        return
    text = phrase(
        "The best tenth of the known customers who bought in the last 365 days ({n} customers) brought "
        "{share} of what all of them spent.",
        n=cited(count(share.n), share, part="n"),
        share=cited(percent(share.value), share),
    )
    yield Finding(text, "customer_profile", 0.2 * share.value, "best_tenth_share")


REPORT = RoomReport(
    place=30,
    sections=(
        Section("customers", "Customers", customers),
        Section("recurring", "Recurring revenue", recurring, pictures=2),
        Section("personas", "Personas", personas),
        Section("icp", "Ideal customers", ideal),
    ),
    findings=(bad_experiences, concentration, plans_that_lose),
    glossary={
        "Active": (
            "Did something themselves (came, bought, opened a ticket); being sent an email does "
            "not count."
        ),
        "Revenue": (
            "What was charged for sales, on their day, less what was given back, on its day."
        ),
        "Net and gross retention": (
            "What is left of the recurring revenue that a month opened with: net with what its "
            "customers added and who came back, gross without."
        ),
        "Ideal customer": (
            "What the best customers had in common before they were customers; fit: how much of it "
            "somebody has, against all who are judged."
        ),
        "MRR": (
            "What running subscriptions bring a month; a yearly plan counts a twelfth. Currencies "
            "are kept apart."
        ),
    },
)
