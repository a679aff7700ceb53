"""The segments of those who ordered, how much of the business each is, and which are slipping.

Belongs here: what the report says of segments. Not here: who is in which (rfm.sql).
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from customer_intel.core.report import charts
from customer_intel.core.report.evidence import Evidence
from customer_intel.core.report.markup import (
    Html,
    count,
    join,
    money,
    number,
    paragraph,
    percent,
    plain,
    plural,
    quiet,
    table,
    tag,
)
from customer_intel.core.report.section import Finding, RoomReport, Section

# Who bought well and has gone quiet; fewer of them than this are no finding.
_SLIPPING = ("at_risk", "cant_lose_them")
_FEW = 10


def segments(evidence: Evidence) -> Html:
    """How many customers each segment has, and what they spent."""
    if not evidence.has("segment_summary"):
        return quiet(f"Not available: {evidence.why_not('segment_summary')}.")
    rows = evidence.frame("segment_summary")
    rows = rows.with_columns(pl.col("revenue").cast(pl.Float64))
    revenue = float(rows["revenue"].sum())
    meanings = evidence.meanings("rfm", "segment")
    ordered = {name: at for at, name in enumerate(meanings)}
    rows = rows.sort(
        pl.col("segment").replace_strict(ordered, default=len(ordered), return_dtype=pl.Int64),
        "segment",
    )
    best = rows.sort("revenue", "segment", descending=[True, False], nulls_last=True).row(
        0, named=True
    )
    lede = f"{count(rows['n'].sum())} customers who may be profiled have orders that count."
    if revenue > 0 and best["revenue"] is not None:
        lede += (
            f" {plain(best['segment'])} are {percent(best['share'])} of them and brought "
            f"{percent(best['revenue'] / revenue)} of their revenue."
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
            join((tag("b", plain(row["segment"])), tag("br"), tag("small", meanings[row["segment"]]))),
            count(row["n"]), percent(row["share"]), pair(row["share"], part), percent(part), number(row["revenue"], 0),
            number(row["average_order_value"], 2), plural(round(row["median_recency_days"]), "day"),
        ))  # fmt: skip
    blue, brown = tag("span", class_="key"), tag("span", class_="key other after")
    key = tag("p", blue, "share of customers", brown, "share of revenue", class_="note")
    unit = f", {evidence.currency}" if evidence.currency else ""
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


def slipping_segments(evidence: Evidence) -> Iterator[Finding]:
    """How much those hold who bought well and have gone quiet."""
    if not evidence.has("segment_summary"):
        return
    rows = evidence.frame("segment_summary")
    slipping = rows.filter(pl.col("segment").is_in(_SLIPPING))
    spent, total = float(slipping["revenue"].sum()), float(rows["revenue"].sum())
    if slipping["n"].sum() >= _FEW and total > 0 and spent > 0:
        names = " and ".join(
            f"‘{plain(name)}’" for name in _SLIPPING if name in set(slipping["segment"])
        )
        text = (
            f"{plural(int(slipping['n'].sum()), 'customer')} in {names} used to buy well and have "
            "gone quiet; "
            f"they hold {percent(spent / total)} of everything ever spent "
            f"({money(spent, evidence.currency)})."
        )
        yield Finding(text, "segment_summary", spent / total)


REPORT = RoomReport(
    place=40,
    sections=(Section("segments", "Segments", segments),),
    findings=(slipping_segments,),
    glossary={
        "RFM segment": (
            "By how lately, how often and how much somebody bought; within where they "
            "stand, never against it."
        ),
    },
)
