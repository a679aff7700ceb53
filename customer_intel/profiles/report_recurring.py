"""What became of recurring revenue: retention, movements, cohorts, plans.

Belongs here: words and markup of revenue_retention, mrr_cohort and plan_change. Not here: their
numbers (profiles/recurring/), the metrics that sentences cite (metrics.yaml).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import polars as pl

from customer_intel.core.report import metric
from customer_intel.core.report.charts_behaviour import Cell, triangle
from customer_intel.core.report.evidence import Evidence
from customer_intel.core.report.markup import (
    NONE,
    Html,
    count,
    day,
    details,
    figure,
    join,
    number,
    p_value,
    paragraph,
    percent,
    percents,
    phrase,
    plural,
    quiet,
    signed,
    table,
    tag,
)
from customer_intel.core.report.metric import Value, cited, said_in
from customer_intel.core.report.section import SURE, Finding
from customer_intel.core.statistics import contrast, holm

# Months over which plans are compared.
_YEAR = 12
# Currencies told, the largest first; months and cohorts in tables; plans named.
_CURRENCIES, _MONTHS, _COHORTS, _PLANS = 3, 12, 13, 10
# Months without a change of price that are told to be.
_FEW_MONTHS = 3
# Who left fewer than so many times is no finding.
_FEW = 10
_MOVES = ("new_mrr", "expansion_mrr", "reactivation_mrr", "contraction_mrr", "churned_mrr")


def recurring(evidence: Evidence) -> Html:
    """Sentence, months, cohorts and plans of each currency."""
    if not evidence.has("revenue_retention", "metric_daily"):
        return quiet(f"Not available: {evidence.why_not('revenue_retention')}.")
    rows = evidence.frame("revenue_retention")
    whole = rows.filter(pl.col("is_whole") & (pl.col("breakdown") == "all"))
    # Of who pays nothing any more there is no month to tell.
    told = whole.filter((pl.col("opening_mrr") > 0) | (pl.col("closing_mrr") > 0))
    if told.is_empty():
        return quiet("Not available: no month with recurring revenue is over yet.")
    last = told.sort("month_start").group_by("currency", maintain_order=True).last()
    by_size = last.sort("closing_mrr", "currency", descending=[True, False])
    parts = []
    for row in by_size.head(_CURRENCIES).iter_rows(named=True):
        own = rows.filter(pl.col("currency") == row["currency"])
        parts += _of_currency(evidence, row, own, alone=len(by_size) == 1)
    note = (
        "Months that are over. Net: with what paying customers added and who came back; gross: without. "
        "Neither counts new customers. Quick ratio: gained over lost. Currencies are kept apart."
    )
    return join((*parts, tag("p", note, class_="note"), _missing(evidence)))


def _missing(evidence: Evidence) -> Html | None:
    """Rows of subscriptions that the newest exports had and that could not be read: they may pay."""
    if not evidence.has("export_file"):
        return None
    files = evidence.frame("export_file", "mapping", "entity", "export_date", "rows_quarantined")
    own = files.filter(pl.col("entity").str.starts_with("subscription"))
    newest = own.filter(pl.col("export_date") == pl.col("export_date").max().over("mapping"))
    n = int(newest["rows_quarantined"].sum())
    if not n:
        return None
    words = "{n} of subscriptions could not be read and {lie} in quarantine: what they pay is missing here."
    rows = said_in(plural(n, "row"), "export_file.rows_quarantined")
    return paragraph(phrase(words, n=rows, lie="lies" if n == 1 else "lie"))


def _of_currency(
    evidence: Evidence, row: dict[str, object], rows: pl.DataFrame, *, alone: bool
) -> list[object]:
    currency, month = str(row["currency"]), row["month_start"]
    assert isinstance(month, date)
    return [
        None if alone else tag("h3", currency),
        _lede(evidence, currency, month, row),
        _flat(rows),
        _months(rows, currency),
        _cohorts(evidence, currency),
        _plans(rows, month),
        _changes(evidence, currency, month),
    ]


def _lede(evidence: Evidence, currency: str, month: date, row: dict[str, object]) -> Html:
    last = (month + timedelta(days=31)).replace(day=1) - timedelta(days=1)

    def at(name: str) -> Value | None:
        found = metric.value(evidence, name, last, dimension="currency", member=currency)
        return found if found and found.value is not None else None

    net, gross, quick, left = (at(name) for name in ("nrr", "grr", "quick_ratio", "logo_churn"))
    said: list[Html] = []
    if net and gross:
        said.append(
            phrase(
                "Of the recurring revenue that the month to {month} opened with, {opening} {currency} of {n} "
                "customers, {net} was left when it closed{sure}{without}.",
                month=day(last),
                opening=said_in(number(row["opening_mrr"], 2), "revenue_retention.opening_mrr"),
                currency=currency,
                n=cited(count(net.n), net, part="n"),
                net=cited(percent(net.value, 1), net),
                sure=_sure(net),
                without=_without(net, gross),
            )
        )
    else:
        said.append(
            phrase(
                "The month to {month} opened with {opening} {currency} of recurring revenue and closed with "
                "{closing}.",
                month=day(last),
                opening=said_in(number(row["opening_mrr"], 2), "revenue_retention.opening_mrr"),
                closing=said_in(number(row["closing_mrr"], 2), "revenue_retention.closing_mrr"),
                currency=currency,
            )
        )
    year, year_gross = at("nrr_12m"), at("grr_12m")
    if year and year_gross:
        said.append(
            phrase(
                " Who paid a year earlier ({n} customers) pays {net} of it now{sure}, {gross}."
                if year.value != year_gross.value
                else " Who paid a year earlier ({n} customers) pays {net} of it now{sure}; nobody pays more than then.",
                n=cited(count(year.n), year, part="n"),
                net=cited(percent(year.value), year),
                sure=_sure(year),
                gross=join((cited(percent(year_gross.value), year_gross), " without gains")),
            )
        )
    if quick:
        words = " For each unit lost {quick} were gained."
        said.append(phrase(words, quick=cited(number(quick.value, 2), quick)))
    if left:
        share = cited(percent(left.value, 1), left)
        said.append(
            phrase(
                " {share} of its customers pay nothing any more{sure}{paused}.",
                share=share,
                sure=_sure(left),
                paused=_paused(evidence, currency, month, last),
            )
        )
    return paragraph(*said, class_="lede")


def _without(net: Value, gross: Value) -> Html:
    """Gross retention, unless it is the same as nothing was gained."""
    if net.value == gross.value:
        return phrase("; nothing was gained")
    text = ", and {gross} without what was gained{sure}"
    return phrase(text, gross=cited(percent(gross.value, 1), gross), sure=_sure(gross))


def _paused(evidence: Evidence, currency: str, month: date, last: date) -> Html | str:
    """How many of those who opened the month paying and closed it not paying only paused."""
    if not evidence.has("subscription_fact"):
        return ""
    wanted = ("customer_id", "currency", "valid_from", "valid_to", "state", "mrr")
    rows = evidence.scan("subscription_fact").select(wanted).filter(pl.col("currency") == currency)

    def paying(on: date) -> pl.LazyFrame:
        return _standing(rows, on).filter(pl.col("mrr") > 0).select("customer_id").unique()

    gone = paying(month - timedelta(days=1)).join(paying(last), on="customer_id", how="anti")
    halted = (
        _standing(rows, last).filter(pl.col("state") == "paused").select("customer_id").unique()
    )
    n, paused = (
        part.select(pl.len()).collect().item()
        for part in (gone, gone.join(halted, on="customer_id"))
    )
    if not paused:
        return ""
    told = [said_in(count(found), "subscription_fact.state") for found in (paused, n)]
    return phrase(", {paused} of the {n} because they paused", paused=told[0], n=told[1])


def _standing(rows: pl.LazyFrame, on: date) -> pl.LazyFrame:
    """The stretches that hold the day."""
    ended = pl.col("valid_to").is_null() | (pl.col("valid_to") > on)
    return rows.filter((pl.col("valid_from") <= on) & ended)


def _flat(rows: pl.DataFrame) -> Html | None:
    """That no price ever moved, where so much time has passed that one would have."""
    told = rows.filter(
        (pl.col("breakdown") == "all") & pl.col("is_whole") & (pl.col("opening_mrr") > 0)
    )
    if (
        len(told) < _FEW_MONTHS
        or told.select(pl.sum_horizontal("expansion_mrr", "contraction_mrr") != 0)[:, 0].any()
    ):
        return None
    return paragraph(
        phrase(
            "In none of {months} did anybody pay more or less than before: the exports hold no history of prices, or "
            "none moved. So net and gross tell the same but for who came back.",
            months=said_in(plural(len(told), "month"), "revenue_retention.expansion_mrr"),
        )
    )


def _sure(of: Value) -> Html | str:
    """The interval in brackets; nothing where there is none."""
    if of.low is None or of.high is None:
        return ""
    return phrase(" ({range})", range=cited(percents(of.low, of.high), of, part="low"))


def _months(rows: pl.DataFrame, currency: str) -> Html:
    told = rows.filter((pl.col("breakdown") == "all") & pl.col("is_whole"))
    body = []
    for row in told.sort("month_start", descending=True).head(_MONTHS).iter_rows(named=True):
        body.append((
            tag("span", f"{row['month_start']:%b %Y}", class_="nw"), number(row["opening_mrr"], 0),
            *(signed(row[name]) for name in _MOVES), tag("b", number(row["closing_mrr"], 0)),
            percent(row["net_retention"], 1), percent(row["gross_retention"], 1),
            number(row["quick_ratio"], 1), count(row["customers_churned"]),
        ))  # fmt: skip
    head = ("Month", "Opened", "New", "Expansion", "Back again", "Contraction", "Churned", "Closed",
            "Net", "Gross", "Quick ratio", "Stopped paying")  # fmt: skip
    title = f"Recurring revenue month by month, {currency}"
    return figure(title, table(head, body, numeric=range(1, 12)))


def _cohorts(evidence: Evidence, currency: str) -> Html | None:
    if not evidence.has("mrr_cohort"):
        return None
    wanted = (pl.col("currency") == currency) & (pl.col("breakdown") == "all")
    rows = evidence.scan("mrr_cohort").filter(wanted).collect()
    months = rows["cohort_month"].unique().sort().tail(_COHORTS)
    known = {
        (cohort, since): share
        for cohort, since, share in rows.select(
            "cohort_month", "months_since", "mrr_share"
        ).iter_rows()
        if since < _COHORTS
    }
    shown = [m for m in months if known.get((m, 0)) is not None]
    if len(shown) < 2:
        return None
    first = {
        m: n
        for m, n, since in rows.select("cohort_month", "customers_ever", "months_since").iter_rows()
        if since == 0
    }
    widest = max(since for (m, since) in known if m in set(shown)) + 1
    cells = [
        [Cell(known[m, since]) for since in range(widest) if (m, since) in known] for m in shown
    ]
    picture = triangle([(f"{m:%b %Y}", count(first[m])) for m in shown], cells, "Came in")
    note = (
        "Recurring revenue when each month closed, in per cent of that of the cohort's first month; "
        "n: customers; columns: months since."
    )
    return figure(f"What is left of who came in a month, {currency}", picture, note)


def _plans(rows: pl.DataFrame, month: date) -> Html | None:
    own = rows.filter((pl.col("breakdown") == "plan") & (pl.col("month_start") == month))
    own = own.filter(pl.col("customers_opening") > 0)
    if len(own) < 2:
        return None
    body = []
    ordered = own.sort("opening_mrr", "member", descending=[True, False])
    for row in ordered.head(_PLANS).iter_rows(named=True):
        sure = percents(row["gross_retention_low"], row["gross_retention_high"])
        body.append((
            tag("b", row["member"]), count(row["customers_opening"]), number(row["opening_mrr"], 0),
            percent(row["net_retention"], 1),
            join((percent(row["gross_retention"], 1), " ", tag("small", sure) if sure != NONE else None)),
            percent(row["net_retention_12m"]),
        ))  # fmt: skip
    head = ("Plan", "Customers", "Opened", "Net", "Gross", "Net, 12 months")
    note = None if len(own) <= _PLANS else f"The {_PLANS} largest of {len(own)} plans."
    picture = table(head, body, numeric=range(1, 6))
    return figure(f"By the plan that customers opened {month:%B %Y} with", picture, note or "")


def _changes(evidence: Evidence, currency: str, month: date) -> Html | None:
    if not evidence.has("plan_change"):
        return None
    first = month.replace(year=month.year - 1)
    rows = evidence.frame("plan_change").filter(
        (pl.col("currency") == currency) & (pl.col("month_start") > first)
    )
    sums = rows.group_by("from_plan", "to_plan").agg(
        pl.col("n", "n_up", "n_down", "mrr_difference").sum()
    )
    if sums.is_empty():
        return None
    ordered = sums.sort("n", "from_plan", "to_plan", descending=[True, False, False])
    body = [
        (join((tag("b", a), " → ", tag("b", b))), count(n), count(up), count(down), signed(gap, 0))
        for a, b, n, up, down, gap in ordered.head(_PLANS).iter_rows()
    ]
    head = ("From → to", "Changes", "Pay more", "Pay less", f"Recurring revenue, {currency}")
    return details("Changes of plan in twelve months", table(head, body, numeric=range(1, 5)))


def plans_that_lose(evidence: Evidence) -> Iterator[Finding]:
    """Plans whose customers leave more often in a month than those on all others, over a year; each
    month that a customer opens on a plan is a chance to leave, and everybody leaves once.
    """
    if not evidence.has("revenue_retention"):
        return
    rows = evidence.frame("revenue_retention").filter(pl.col("is_whole"))
    months = rows["month_start"].unique().sort().tail(_YEAR)
    year = rows.filter(pl.col("month_start").is_in(months.implode()), pl.col("breakdown") == "plan")
    sums = year.group_by("currency", "member").agg(
        n=pl.col("customers_opening").sum(), k=pl.col("customers_churned").sum()
    )
    found = []
    for (currency,), own in sorted(sums.group_by("currency"), key=lambda item: str(item[0])):
        n_all, k_all = int(own["n"].sum()), int(own["k"].sum())
        for plan, n, k in own.sort("member").select("member", "n", "k").iter_rows():
            if 0 < n < n_all and (
                made := contrast(plan, _chance(n, k), _chance(n_all - n, k_all - k))
            ):
                found.append((str(currency), k, n_all, made))
    adjusted = holm([made.p_value for *_, made in found])
    for (currency, k, n_all, made), p in zip(found, adjusted, strict=True):
        if p < SURE and made.gap > 0 and k >= _FEW:
            text = phrase(
                f"Customers on {{plan}} stopped paying in {{mean}} of their months, those on other plans "
                f"in {{rest}} ({p_value(p)}, {{n}} months of customers over {{months}}, "
                "{currency}).",
                plan=made.name,
                mean=said_in(percent(made.mean, 1), "revenue_retention.customers_churned"),
                rest=said_in(percent(made.mean_rest, 1), "revenue_retention.customers_churned"),
                n=said_in(count(made.n), "revenue_retention.customers_opening"),
                months=said_in(plural(len(months), "month"), "revenue_retention.month_start"),
                currency=currency,
            )
            yield Finding(text, "revenue_retention", made.gap * made.n / n_all, "logo_churn")


def _chance(n: int, k: int) -> tuple[int, float, float]:
    """(n, mean, variance) of n months of which k were somebody's last."""
    share = k / n
    return n, share, share * (1 - share)
