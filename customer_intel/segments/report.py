"""The segments of those who ordered, how much of the business each is, and which are slipping.

Belongs here: what the report says of segments. Not here: who is in which (rfm.sql).
"""

from __future__ import annotations

from collections.abc import Iterator

from customer_intel.core.report import charts, metric
from customer_intel.core.report.evidence import Evidence
from customer_intel.core.report.markup import (
    NONE,
    Html,
    count,
    join,
    money,
    number,
    paragraph,
    percent,
    phrase,
    plain,
    plural,
    quiet,
    table,
    tag,
)
from customer_intel.core.report.metric import Value, cited
from customer_intel.core.report.section import Finding, RoomReport, Section

# Who bought well and has gone quiet; fewer of them than this are no finding.
_SLIPPING = ("at_risk", "cant_lose_them")
_FEW = 10


def segments(evidence: Evidence) -> Html:
    """How many customers each segment has, and what they spent."""
    if not evidence.has("segment_summary"):
        return quiet(f"Not available: {evidence.why_not('segment_summary')}.")
    customers = metric.by_member(evidence, "segment_customers", "segment")
    revenue = metric.by_member(evidence, "segment_revenue", "segment")
    everybody = metric.value(evidence, "segment_customers")
    earned = metric.value(evidence, "segment_revenue")
    if everybody is None:
        return quiet(f"Not available: {evidence.why_not('metric_daily')}.")
    meanings = evidence.meanings("rfm", "segment")
    ordered = {name: at for at, name in enumerate(meanings)}
    body = []
    names = sorted(customers, key=lambda name: (ordered.get(name, len(ordered)), name))
    shares = {name: _share(customers[name], everybody) for name in names}
    parts = {name: _share(revenue.get(name), earned) for name in names}
    widest = max([*shares.values(), *parts.values(), 0.01])

    def pair(share: float, part: float) -> Html:
        return tag(
            "span",
            charts.bar(share / widest),
            charts.bar(part / widest, "bar other"),
            class_="bars",
        )

    rows = {row["segment"]: row for row in evidence.frame("segment_summary").iter_rows(named=True)}
    for name in names:
        row, spent = rows[name], revenue.get(name)
        body.append((
            join((tag("b", plain(name)), tag("br"), tag("small", meanings[name]))),
            cited(count(customers[name].value), customers[name]), percent(shares[name]),
            pair(shares[name], parts[name]), percent(parts[name]),
            cited(number(spent.value, 0), spent) if spent else NONE,
            number(row["average_order_value"], 2), plural(round(row["median_recency_days"]), "day"),
        ))  # fmt: skip
    lede = [_lede(customers, revenue, everybody, earned)]
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
        (paragraph(*lede, class_="lede"), table(head, body, numeric=(1, 2, 4, 5, 6, 7)), key)
    )


def _share(part: Value | None, whole: Value | None) -> float:
    if part is None or whole is None or not part.value or not whole.value:
        return 0.0
    return part.value / whole.value


def _lede(
    customers: dict[str, Value], revenue: dict[str, Value], everybody: Value, earned: Value | None
) -> Html:
    n = cited(count(everybody.value), everybody)
    said = phrase("{n} customers who may be profiled have orders that count.", n=n)
    if earned is None or not revenue or not (earned.value or 0) > 0:
        return said
    best = max(sorted(revenue), key=lambda name: revenue[name].value or 0.0)
    of = cited(
        percent(_share(customers[best], everybody)), customers[best], against=everybody, how="ratio"
    )
    part = cited(percent(_share(revenue[best], earned)), revenue[best], against=earned, how="ratio")
    words = f" {plain(best)} are {{of}} of them and brought {{part}} of their revenue."
    return join((said, phrase(words, of=of, part=part)))


def slipping_segments(evidence: Evidence) -> Iterator[Finding]:
    """How much those hold who bought well and have gone quiet."""
    customers = metric.by_member(evidence, "segment_customers", "segment")
    revenue = metric.by_member(evidence, "segment_revenue", "segment")
    earned = metric.value(evidence, "segment_revenue")
    slipping = [name for name in _SLIPPING if name in customers]
    n = [customers[name] for name in slipping]
    spent = [revenue[name] for name in slipping if name in revenue]
    if not slipping or len(spent) < len(slipping) or earned is None or not (earned.value or 0) > 0:
        return
    many, much = metric.added(n), metric.added(spent)
    if (many.value or 0) >= _FEW and (much.value or 0) > 0:
        text = phrase(
            "{many} customers in {names} used to buy well and have gone quiet; they hold {share} of "
            "what all customers with a segment ever brought ({much}).",
            many=cited(count(many.value), many),
            names=" and ".join(f"‘{plain(name)}’" for name in slipping),
            share=cited(percent(_share(much, earned)), much, against=earned, how="ratio"),
            much=cited(money(round(much.value or 0.0, 2), evidence.currency), much),
        )
        yield Finding(text, "segment_summary", _share(much, earned), "segment_revenue")


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
