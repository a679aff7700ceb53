"""What counts as what: the words of the sources, the currency of sums, and that one figure is one
number everywhere.

Belongs here: what the report says of them. Not here: deciding them (the SQL beside it, states.py).
"""

from __future__ import annotations

import polars as pl

from customer_intel.core.report import metric
from customer_intel.core.report.evidence import Evidence
from customer_intel.core.report.markup import (
    Html,
    count,
    details,
    enumerated,
    join,
    listed,
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
from customer_intel.core.report.metric import cited, said_in
from customer_intel.core.report.section import RoomReport, Section

_BASIS = {
    "setting": "as config/company.yaml says",
    "only_currency": "the only one that occurs",
    "most_amounts": (
        "because most amounts are in it; set reporting_currency in config/company.yaml to decide it"
    ),
}
# ISO 4217's code where no currency is meant: what inspect writes when a file names none.
_NO_CURRENCY = "XXX"
_FIGURES = {
    "orders": "Orders that count",
    "net_revenue": "Net revenue",
    "refunds": "Refunds",
    "mrr": "MRR",
    "mrr_by_currency": "MRR, currencies apart",
    "paying_customers": "Paying customers",
}
_SAYS = {
    "own": "your config/facts.yaml",
    "vendor": "the vendor",
    "common": "common words",
    "absent": "the source gives no states",
    "unknown": "nobody",
}


def what_counts(evidence: Evidence) -> Html:
    """What words, currency and figures were taken for."""
    return join((_currency(evidence), _words(evidence), _figures(evidence)))


def _currency(evidence: Evidence) -> Html | None:
    if not evidence.has("currency_use"):
        return None
    used = evidence.frame("currency_use").sort("n_amounts", "currency", descending=[True, False])
    own = used.filter("is_reporting").row(0, named=True)
    others = used.filter(~pl.col("is_reporting"))["currency"].to_list()
    told = [f"Sums of money are in {own['currency']}, {_BASIS[own['reporting_basis']]}."]
    if own["currency"] == _NO_CURRENCY:
        told = [
            f"No export names a currency, so sums bear {_NO_CURRENCY} (none); say it in the mapping."
        ]
    if others:
        told.append(f"Amounts in {listed(others)} are brought over at the rate of their day.")
    missing = metric.by_member(evidence, "unconverted_amounts", "currency")
    lost = [join((cited(count(at.value), at), f" in {name}")) for name, at in missing.items()]
    warning = (
        join((
            " ", enumerated(lost), " have no rate (fx_rates): they are in no sum, and not available.",
        )) if lost else None
    )  # fmt: skip
    return paragraph(
        " ".join(told), tag("span", warning, class_="warn") if warning else None, class_="lede"
    )


def _words(evidence: Evidence) -> Html:
    if not evidence.has("state_word"):
        return quiet(f"States are not available: {evidence.why_not('state_word')}.")
    words = (
        evidence.frame("state_word")
        .filter(pl.col("n") > 0)
        .sort("source_system", "entity", "n", descending=[False, False, True])
    )
    if not len(words):
        return quiet("No export has a state.")
    unknown = words.filter(pl.col("basis") == "unknown")
    if len(unknown):
        rows_of = metric.by_member(evidence, "undeclared_rows", "source_word")
        named = [
            phrase(
                "‘{word}’ ({source}, {n})",
                source=source,
                word=word or "(empty)",
                n=cited(count(at.value), at),
            )
            for source, word, _ in _short(unknown)
            if (at := rows_of.get(f"{source}: {word}"))
        ]
        n = said_in(plural(len(unknown), "word"), "state_word.word")
        lede = paragraph(
            tag(
                "span",
                phrase("{n} nobody declared: {named}. ", n=n, named=enumerated(named)),
                class_="warn",
            ),
            "Their rows do not count. Say what they mean in config/facts.yaml (states).",
        )
    else:
        lede = paragraph(tag("span", "Every word of every source is known.", class_="ok"))
    rows = [
        (
            source,
            plain(entity),
            word or tag("small", "(none)"),
            plain(state),
            _SAYS[basis],
            count(n),
            percent(share, 1),
        )
        for source, entity, word, state, basis, n, share in words.select(
            "source_system", "entity", "word", "state", "basis", "n", "share"
        ).iter_rows()
    ]
    head = ("Source", "Of", "Word", "Taken for", "Says who", "Rows", "Share")
    return join(
        (
            tag("h3", "Words of the sources"),
            lede,
            details("All words", table(head, rows, numeric=(5, 6))),
        )
    )


def _short(words: pl.DataFrame) -> list[tuple[str, str, int]]:
    return [
        (source, word, n)
        for source, word, n in words.select("source_system", "word", "n").head(5).iter_rows()
    ]


def _figures(evidence: Evidence) -> Html | None:
    if not evidence.has("reconciliation"):
        return None
    rows = evidence.frame("reconciliation").sort("figure", "table_name")
    off = int(rows["n_differing"].sum())
    verdict = (
        tag(
            "span",
            "Each figure is one number, to the cent, whichever table it is summed from.",
            class_="ok",
        )
        if not off
        else tag("span", _differ(evidence, off), class_="down")
    )
    body = [
        (
            _FIGURES[row["figure"]],
            row["table_name"],
            number(row["table_total"], 2),
            number(row["fact_total"], 2),
            count(row["n_differing"]),
        )
        for row in rows.iter_rows(named=True)
    ]
    head = (
        "Figure",
        "Table",
        "Summed there",
        "By the facts, of known customers",
        "Customers differing",
    )
    return join(
        (
            tag("h3", "One figure, one number"),
            paragraph(verdict),
            table(head, body, numeric=(2, 3, 4)),
        )
    )


def _differ(evidence: Evidence, off: int) -> Html:
    found = metric.value(evidence, "differing_customers")
    n = plural(off, "customer")
    return join((cited(n, found) if found else n, " differ between tables."))


REPORT = RoomReport(
    place=20,
    sections=(Section("meaning", "What counts", what_counts),),
    glossary={
        "Reporting currency": (
            "Sums of money are in it; an amount of a day without a rate to it is in no sum."
        ),
    },
)
