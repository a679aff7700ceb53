"""Who the customers are, how they use and buy, what they pay monthly, and the segments of those who
ordered.
"""

from __future__ import annotations

import polars as pl

from customer_intel.publish import charts, measures
from customer_intel.publish.charts import Point
from customer_intel.publish.evidence import Evidence
from customer_intel.publish.findings import segment_name
from customer_intel.publish.markup import (
    Html,
    count,
    figure,
    join,
    number,
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

_STAGES = {
    "prospect": "bought nothing yet",
    "trialing": "on trial, not paying yet",
    "new": "first purchase only just made",
    "active": "bought, paying or active lately",
    "at_risk": "bought, but no sign of life for months",
    "lapsed": "silent for long",
    "churned": "the last subscription ended, nothing else bought",
    "not_profiled": (
        "denied profiling, or asked for restriction: left out of every score and segment"
    ),
}
_SEGMENTS = {
    "champions": "buy lately, often and much",
    "loyal_customers": "buy regularly",
    "potential_loyalists": "bought lately and more than once, could become loyal",
    "new_customers": "a first order, very lately",
    "promising": "a first order, lately",
    "need_attention": "come or pay by the month, but have not ordered lately",
    "about_to_sleep": "few orders, no sign of life for months",
    "at_risk": "bought well, no sign of life for months",
    "cant_lose_them": "bought most, and have gone quiet",
    "hibernating": "bought well, silent for long",
    "lost": "few orders, silent for long",
    "not_available": "amounts without a rate to the reporting currency",
}


def customers(e: Evidence) -> Html:
    return join((_people(e), _over_time(e), _subscriptions(e)))


def _people(e: Evidence) -> Html:
    if not e.has("customer_profile"):
        return quiet(f"Not available: {e.why_not('customer_profile')}.")
    rows = e.frame("customer_profile", "n_records", "n_sources", "sources")
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
    return join((paragraph(lede, class_="lede"), tag("div", _stages(e), known_by, class_="row")))


def _stages(e: Evidence) -> Html:
    found = dict(
        e.frame("customer_profile", "lifecycle_stage")
        .group_by("lifecycle_stage")
        .agg(n=pl.len())
        .iter_rows()
    )
    total = sum(found.values())
    ordered = [name for name in _STAGES if name in found] + sorted(set(found) - set(_STAGES))
    rows = [
        (
            join((tag("b", plain(name)), tag("br"), tag("small", _STAGES.get(name, "")))),
            count(found[name]),
            tag("span", charts.bar(found[name] / max(found.values())), class_="bars"),
            percent(found[name] / total),
        )
        for name in ordered
    ]
    return figure(
        "Where they stand", table(("Stage", "Customers", "", "Share"), rows, numeric=(1, 3))
    )


def _over_time(e: Evidence) -> Html:
    if not e.has("activity_daily"):
        return quiet(f"Engagement over time is not available: {e.why_not('activity_daily')}.")
    weeks = measures.weekly(e)
    if len(weeks) < 3:
        return quiet("Engagement over time needs three full weeks of activity.")
    unit = f", {e.currency}" if e.currency else ""
    pictures = []
    for column, title in (
        ("customers", "Active customers"),
        ("orders", "Orders"),
        ("revenue", f"Net revenue{unit}"),
    ):
        if not float(weeks[column].sum()) or (column == "revenue" and len(e.unconverted)):
            continue
        points = [
            Point(when, float(value))
            for when, value in weeks.select("last_day", column).iter_rows()
        ]
        picture = charts.trend(points, f"{title} per week", show=last_value)
        pictures.append(figure(join((title, " ", tag("small", "per week"))), picture))
    words = (
        "Weeks end with the last day this report knows, so the last one is whole. Active: did "
        "something themselves."
    )
    note = tag("p", words, class_="note")
    return join((tag("h3", "How they come and buy"), tag("div", *pictures, class_="row"), note))


def last_value(value: float) -> str:
    return (
        short(round(value))
        if abs(value) >= 10
        else f"{value:g}"
        if float(value).is_integer()
        else number(value, 1)
    )


def _subscriptions(e: Evidence) -> Html | None:
    if not e.has("mrr_movement"):
        return quiet(f"Monthly recurring revenue is not available: {e.why_not('mrr_movement')}.")
    rows: list[tuple[object, ...]] = []
    pictures: list[Html] = []
    for item in measures.mrr(e):
        moved = item.movements
        rows.append((
            tag("b", item.currency), count(item.subscribers), number(item.before, 0),
            *(signed(moved[name]) for name in measures.MOVEMENTS), tag("b", number(item.now, 0)),
        ))  # fmt: skip
        points = [Point(when, value) for when, value in measures.mrr_by_week(e, item.currency)]
        if len(points) > 2 and len(pictures) < 3:
            title = join((item.currency, " ", tag("small", "at each week's end")))
            picture = charts.trend(points, "Monthly recurring revenue", show=last_value, width=470)
            pictures.append(figure(title, picture))
    head = (
        "Currency",
        "Paying",
        "30 days ago",
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


def segments(e: Evidence) -> Html:
    if not e.has("segment_summary"):
        return quiet(f"Not available: {e.why_not('segment_summary')}.")
    rows = e.frame("segment_summary")
    rows = rows.with_columns(pl.col("revenue").cast(pl.Float64))
    revenue = float(rows["revenue"].sum())
    ordered = {name: at for at, name in enumerate(_SEGMENTS)}
    rows = rows.sort(
        pl.col("segment").replace_strict(ordered, default=len(ordered), return_dtype=pl.Int64),
        "segment",
    )
    best = rows.sort("revenue", "segment", descending=[True, False], nulls_last=True).row(
        0, named=True
    )
    lede = f"{count(rows['n'].sum())} customers ordered."
    if revenue > 0 and best["revenue"] is not None:
        lede += (
            f" {segment_name(best['segment'])} are {percent(best['share'])} of them and brought "
            f"{percent(best['revenue'] / revenue)} of all revenue."
        )
    parts = [part / revenue for part in rows["revenue"].drop_nulls() if revenue > 0]
    widest = max([float(rows["share"].max() or 0), *parts])  # type: ignore[arg-type]

    def pair(share: float, part: float) -> Html:
        return tag(
            "span",
            charts.bar(share / widest),
            charts.bar(part / widest, "bar other"),
            class_="bars",
        )

    body = []
    for row in rows.iter_rows(named=True):
        part = row["revenue"] / revenue if revenue > 0 and row["revenue"] is not None else 0.0
        body.append((
            join((tag("b", segment_name(row["segment"])), tag("br"), tag("small", _SEGMENTS.get(row["segment"], "")))),
            count(row["n"]), percent(row["share"]), pair(row["share"], part), percent(part), number(row["revenue"], 0),
            number(row["average_order_value"], 2), plural(round(row["median_recency_days"]), "day"),
        ))  # fmt: skip
    blue, brown = tag("span", class_="key"), tag("span", class_="key other after")
    key = tag("p", blue, "share of customers", brown, "share of revenue", class_="note")
    unit = f", {e.currency}" if e.currency else ""
    head = (
        "Segment",
        "Customers",
        "Share",
        "",
        "of revenue",
        f"Revenue{unit}",
        "Order value",
        "Last order",
    )
    return join(
        (paragraph(lede, class_="lede"), table(head, body, numeric=(1, 2, 4, 5, 6, 7)), key)
    )
