"""The night's report: one self-contained page that opens from disk. Same tables, same bytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date

import polars as pl

from customer_intel.core.store.lake import Lake, Version
from customer_intel.publish import (
    findings,
    measures,
    section_churn,
    section_customers,
    section_feedback,
    section_journeys,
    section_meaning,
    section_quality,
)
from customer_intel.publish.evidence import Evidence
from customer_intel.publish.markup import (
    NBSP,
    Html,
    change,
    count,
    day,
    interval,
    join,
    known,
    listed,
    money,
    number,
    p_value,
    quiet,
    signed,
    tag,
)
from customer_intel.publish.measures import Window
from customer_intel.publish.style import CSS

TITLE = "Customer report"
# Names of events, files and segments come from the sources; an address that slipped into one is not
# shown.
_EMAIL = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
_SECTIONS: tuple[tuple[str, str, Callable[[Evidence], Html]], ...] = (
    ("quality", section_quality.TITLE, section_quality.section),
    ("meaning", section_meaning.TITLE, section_meaning.section),
    ("customers", "Customers", section_customers.customers),
    ("segments", "Segments", section_customers.segments),
    ("churn", "Churn", section_churn.section),
    ("feedback", "Feedback", section_feedback.section),
    ("journeys", "Journeys", section_journeys.section),
)
_GLOSSARY = {
    "as_of": (
        "The night's date. Everything in this report is as known before that day began, in UTC."
    ),
    "Customer": (
        "One person, however many records the sources hold of them. Known here by an id only."
    ),
    "Interval (95 %)": (
        "The range in which the true value most likely lies; a small sample makes it wide."
    ),
    "p": (
        "How often chance alone would show a difference as large. Where several are compared, p "
        "is corrected (Holm)."
    ),
    "Reporting currency": (
        "Sums of money are in it; an amount of a day without a rate to it is in no sum."
    ),
    "Active": (
        "Did something themselves (came, bought, opened a ticket); being sent an email does "
        "not count."
    ),
    "Revenue": (
        "What was charged for orders that count, on their day, less what was given back, "
        "on its day."
    ),
    "MRR": (
        "What running subscriptions bring a month; a yearly plan counts a twelfth. Currencies "
        "are kept apart."
    ),
    "RFM segment": (
        "By how lately, how often and how much somebody bought; within where they "
        "stand, never against it."
    ),
    "Expected loss": (
        "Probability of churn times what the customer brought in the last year (or pays a year)."
    ),
    "Recency alone": (
        "The simplest prediction: who was silent longest leaves first. A model must "
        "beat it to be used."
    ),
    "NPS": "Share of answers 9 and 10 minus share of answers 0 to 6, in points from −100 to +100.",
    "CSAT": "Share of answers 4 and 5 on a scale of 1 to 5.",
    "Journey": "A customer's steps without a long pause between them.",
    "Quarantine": (
        "Rows that could not be taken, kept with the reason so that their owner can mend them."
    ),
    "Gate": (
        "The checks a table must pass before anybody sees it. A warning lets it through and "
        "is told."
    ),
}


def render(lake: Lake, versions: Mapping[str, Version], as_of: date, snapshot_id: str) -> str:
    """The report as HTML. Tables that are empty for a reason leave one line that says so."""
    return _page(
        Evidence.of_night(lake, _with_unpublished(lake, versions, snapshot_id), as_of, snapshot_id)
    )


def _with_unpublished(
    lake: Lake, versions: Mapping[str, Version], snapshot_id: str
) -> dict[str, Version]:
    """The night's other accepted tables too: their gates belong on the quality page."""
    found = dict(versions)
    for pointer in sorted(lake.root.glob("*/CURRENT.json")):
        name = pointer.parent.name
        version = lake.current(name) if name not in found else None
        if version and version.snapshot_id == snapshot_id:
            found[name] = version
    return found


def _page(e: Evidence) -> str:
    body = join((
        _head(e),
        *(tag("section", tag("h2", title), make(e), id=key) for key, title, make in _SECTIONS),
        _reading(e),
    ))  # fmt: skip
    head = join((
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"{TITLE}, {day(e.as_of)}"),
        tag("style", Html(CSS)),
    ))  # fmt: skip
    document = tag("html", tag("head", head), tag("body", tag("main", body)), lang="en")
    return "<!doctype html>\n" + _EMAIL.sub("(address)", document) + "\n"


def _head(e: Evidence) -> Html:
    told = findings.top(e)
    sentences = [
        tag("li", item.text, " ", tag("span", item.evidence_table, class_="from")) for item in told
    ]
    links = [*((key, title) for key, title, _ in _SECTIONS), ("reading", "How to read this")]
    return join((
        tag("header", tag("h1", TITLE), tag("p", (f"As known before {day(e.as_of)} "
            f"({_zone(e)})"), class_="sub")),
        tag("dl", *_headlines(e), class_="kpis"),
        tag(
            "div",
            tag("h2", "What stands out"),
            tag("ol", *sentences) if sentences else quiet("Nothing tonight that the data is sure "
                "of."),
            class_="findings",
        ),
        tag("nav", *(tag("a", title, href=f"#{key}") for key, title in links)),
    ))  # fmt: skip


def _zone(e: Evidence) -> str:
    return str(e.config("facts")["time_zone"])


def _headline(label: str, value: object, unit: str, *beside: object) -> Html:
    lines = [tag("dd", line, class_="beside") for line in beside if line]
    return tag(
        "div",
        tag("dt", label),
        tag("dd", value, tag("small", unit) if unit else None, class_="big"),
        *lines,
    )


def _moved(relative: float | None) -> Html | None:
    if relative is None:
        return None
    class_ = "up" if relative > 0 else "down" if relative < 0 else None
    return tag("span", f"{signed(100 * relative, 1)}{NBSP}%", class_=class_)


def _against(window: Window, days: int) -> Html:
    moved = _moved(change(window.now, window.before))
    return (
        join((moved, f" against the {days} days before"))
        if moved
        else join(("no earlier days to compare with",))
    )


def _headlines(e: Evidence) -> list[Html]:
    found: list[Html] = []
    if e.has("customer_profile"):
        buyers = int((e.frame("customer_profile", "orders_total")["orders_total"] > 0).sum())
        n = count(e.rows("customer_profile"))
        barred = int(
            e.frame("customer_profile", "is_profiling_denied")["is_profiling_denied"].sum()
        )
        left_out = (
            f"{count(barred)} may not be profiled: no stage, segment or prediction"
            if barred
            else None
        )
        found.append(
            _headline("Customers", n, "", f"{count(buyers)} of them have ordered", left_out)
        )
    if e.has("activity_daily"):
        short_, long_ = measures.active(e, 28), measures.active(e, 90)
        quarter = (
            join((f"{count(long_.now)} in 90 days, ", _against(long_, 90)))
            if long_.before is not None
            else None
        )
        found.append(
            _headline("Active, last 28 days", count(short_.now), "", _against(short_, 28), quarter)
        )
        found += _revenue(e)
    if e.has("mrr_movement"):
        found += _recurring(e)
    if e.has("churn_predictions"):
        found += _at_risk(e)
    if e.has("nps_summary"):
        found += [card for metric in ("nps", "csat") if (card := _score(e, metric))]
    return found


def _revenue(e: Evidence) -> list[Html]:
    if len(e.unconverted):
        apart = [
            money(round(net), currency) for currency, net in measures.net_by_currency(e, 30)[:4]
        ]
        lost = listed([f"{count(n)} in {currency}" for currency, n in e.unconverted.iter_rows()])
        why = (
            f"no rate to {e.currency} for {lost} of all sales; by currency {listed(apart)}"
            if apart
            else f"no rate: {lost}"
        )
        return [_headline("Net revenue, last 30 days", "not available", "", why)]
    month, quarter = measures.revenue(e, 30), measures.revenue(e, 90)
    if not (month.now or month.before or quarter.now):
        return []
    longer = None
    if quarter.before is not None:
        longer = join((f"{money(round(quarter.now), '')} in 90 days, ", _against(quarter, 90)))
    value = money(round(month.now), "")
    return [_headline("Net revenue, last 30 days", value, e.currency, _against(month, 30), longer)]


def _recurring(e: Evidence) -> list[Html]:
    found = []
    for item in measures.mrr(e)[:2]:
        moved = _moved(change(item.now, item.before))
        beside = join((moved, " in 30 days")) if moved else None
        people = f"from {count(item.subscribers)} subscribers"
        found.append(
            _headline(
                "Monthly recurring revenue", money(item.now, ""), item.currency, beside, people
            )
        )
    return found


def _at_risk(e: Evidence) -> list[Html]:
    columns = ("definition_id", "eligible", "horizon_days", "risk_band", "expected_loss")
    rows = e.frame("churn_predictions", *columns).filter("eligible")
    found = []
    for name in rows["definition_id"].unique().sort():
        own = rows.filter(pl.col("definition_id") == name)
        high = own.filter(pl.col("risk_band") == "high")
        found.append(
            _headline(
                f"High churn risk, {section_churn.kind(name)}",
                count(len(high)),
                f"of {count(len(own))}",
                section_churn.title(name).lower(),
                f"expected loss {money(measures.known_sum(high['expected_loss']), e.currency)}",
            )
        )
    return found


def _score(e: Evidence, metric: str) -> Html | None:
    now = measures.score(e, metric)
    if now is None:
        return None
    sure = (
        f"{interval(now['low'], now['high'])} at 95 %, {count(now['n'])} answers in "
        f"{now['wave'].replace('-', ' ')}"
    )
    moved = (
        f"{signed(now['delta'])} on the quarter before ({p_value(now['p_value'])})"
        if known(now["delta"])
        else None
    )
    value, unit = (
        (signed(now["score"]), "") if metric == "nps" else (number(now["score"], 0), "% satisfied")
    )
    return _headline(metric.upper(), value, unit, sure, moved)


def _reading(e: Evidence) -> Html:
    terms = [join((tag("dt", term), tag("dd", meaning))) for term, meaning in _GLOSSARY.items()]
    where = tag(
        "p",
        "The tables behind every number are Parquet files in this folder. ",
        tag("a", "dictionary.md", href="dictionary.md"),
        " says what each column means, ",
        tag("a", "manifest.json", href="manifest.json"),
        " lists files, sizes, hashes and gate results, and ",
        tag("span", "customer_intel.duckdb", class_="id"),
        " holds a view of each table.",
    )
    release = tag("p", "Release ", tag("span", e.snapshot_id, class_="id"), class_="note")
    glossary = tag("dl", *terms, class_="glossary")
    return tag("section", tag("h2", "How to read this"), glossary, where, release, id="reading")
