"""Cards of who the customers are, and what the best of them had in common before.

Belongs here: words and markup of persona, icp and icp_check. Not here: their numbers (personas.py,
icp.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from customer_intel.core.report import charts
from customer_intel.core.report.charts import Range
from customer_intel.core.report.evidence import Evidence
from customer_intel.core.report.markup import (
    Html,
    count,
    details,
    figure,
    join,
    listed,
    number,
    p_value,
    paragraph,
    percent,
    percents,
    phrase,
    plain,
    quiet,
    table,
    tag,
)
from customer_intel.core.report.metric import said_in
from customer_intel.core.statistics import ENOUGH
from customer_intel.profiles.personas import MONEY, said_of

# Facts told of one aspect on a card, cards of a split and of them open, traits of the best in the table.
_FACTS, _CARDS, _OPEN, _TRAITS = 4, 12, 6, 15
_SPLITS = {
    "rfm_segment": "By RFM segment",
    "account_tier": "By tier of the account",
    "plan_name": "By plan",
}
_ASPECTS = {
    "who": "Who they are",
    "needs": "What they want and do",
    "pains": "What hurts",
    "where": "Where they are",
    "worth": "What they are worth",
}
# No colour: more is not always better.
_MARKS = {"more": ("▲ ", "more than others"), "less": ("▼ ", "less than others")}


def personas(evidence: Evidence) -> Html:
    """A card for each segment that is large enough, split by split."""
    if not evidence.has("persona"):
        return quiet(f"Not available: {evidence.why_not('persona')}.")
    rows = evidence.frame("persona")
    parts: list[object] = [
        paragraph(
            "What tells the customers of a segment from all others of the split, what most of them share, "
            "and what they are worth: share or mean with its 95 % interval, and the same of the others. "
            "▲ and ▼: more and less than the others, which chance alone would hardly make (p < .05 after "
            "Holm). No mark: no such difference, or the segment is made by it.",
            class_="note",
        )
    ]
    for split, title in _SPLITS.items():
        own = rows.filter(pl.col("persona_split") == split)
        if not own.is_empty():
            parts += [tag("h3", title), *_cards(evidence, split, own)]
    return join((*parts, _money(evidence, rows)))


def _money(evidence: Evidence, rows: pl.DataFrame) -> Html | None:
    """In what money is told, and of whom it is not known."""
    if not evidence.currency or rows.filter(pl.col("facet").is_in(MONEY)).is_empty():
        return None
    words = phrase(
        "Money is in {currency}. Who pays nothing a month, or in a currency without a rate, is in no mean of it; "
        "‘known of’ says of how many it is.",
        currency=evidence.currency,
    )
    return tag("p", words, class_="note")


def _cards(evidence: Evidence, split: str, rows: pl.DataFrame) -> Iterator[Html]:
    sizes = rows.filter(pl.col("facet") == "size")
    order = {}
    if split == "rfm_segment":
        order = {name: at for at, name in enumerate(evidence.meanings("rfm", "segment"))}
    by_size = sizes.sort("n", "persona", descending=[True, False]).select("persona", "n")
    named = sorted(by_size.iter_rows(), key=lambda item: order.get(item[0], len(order)))
    made = [
        _card(
            name,
            n,
            rows.filter((pl.col("persona") == name) & (pl.col("facet") != "size")),
            evidence.currency,
        )
        for name, n in named[:_CARDS]
        if rows.filter(pl.col("persona") == name).height > 1
    ]
    few = [
        f"{plain(name)} ({count(n)})"
        for name, n in named
        if rows.filter(pl.col("persona") == name).height == 1
    ]
    if made:
        yield tag("div", *made[:_OPEN], class_="row")
    if made[_OPEN:]:
        more = f"{len(made) - _OPEN} more segments"
        yield details(more, tag("div", *made[_OPEN:], class_="row"))
    if few:
        yield quiet(
            phrase(
                "No card: {few}. A card needs {n} customers of whom the same is known.",
                few=said_in(listed(few), "persona.n"),
                n=said_in(count(ENOUGH), "persona.n_known"),
            )
        )


def _card(name: str, n: int, rows: pl.DataFrame, currency: str) -> Html:
    parts: list[Html] = [
        tag("h4", plain(name), " ", tag("small", said_in(count(n), "persona.n"), " customers"))
    ]
    for aspect, title in _ASPECTS.items():
        # What differs comes first; then what most share, and what they are worth.
        differs = pl.col("persona_verdict").is_in(list(_MARKS))
        is_mean = pl.col("member") == "mean"
        own = rows.filter(pl.col("aspect") == aspect, differs | ~is_mean | (aspect == "worth"))
        told = own.sort(differs.not_(), "place").head(_FACTS)
        if not told.is_empty():
            lines = [tag("li", _line(row, n, currency)) for row in told.iter_rows(named=True)]
            parts.append(join((tag("p", title, class_="note"), tag("ul", *lines))))
    return tag("div", *parts)


def _line(row: dict[str, Any], n: int, currency: str) -> Html:
    """▲ What: 63 % (53–73 %, others 20 %)."""
    sign, hidden = _MARKS.get(row["persona_verdict"], ("", ""))
    mark = tag("span", sign, title=hidden) if sign else None
    is_mean = row["member"] == "mean"

    is_money = row["facet"] in MONEY

    def show(value: Any) -> str:
        return number(value, 0 if abs(value) >= 100 else 1) if is_mean else percent(value)

    sure = f"{show(row['low'])} to {show(row['high'])}"
    if not is_mean:
        sure = percents(row["low"], row["high"])
    beside = [said_in(sure, "persona.low")]
    if row["measured_rest"] is not None:
        others = said_in(show(row["measured_rest"]), "persona.measured_rest")
        beside.append(join(("others ", others)))
    if row["n_known"] < n:
        beside.append(join(("known of ", said_in(count(row["n_known"]), "persona.n_known"))))
    what = said_of(row["facet"]) if is_mean else f"{said_of(row['facet'])} {row['member']}"
    return join((
        mark, said_in(what, "persona.facet"), ": ",
        tag("b", said_in(show(row["measured"]), "persona.measured")),
        f" {currency} " if is_money and currency else " ",
        tag("small", "(", join(beside, ", "), ")"),
    ))  # fmt: skip


# ---- ideal customers
def ideal(evidence: Evidence) -> Html:
    """What the best customers had in common before, and whether that foretells anything."""
    if not evidence.has("icp_check"):
        return quiet(f"Not available: {evidence.why_not('icp_check')}.")
    check = evidence.frame("icp_check").row(0, named=True)
    n, best = (said_in(count(check[c]), f"icp_check.{c}") for c in ("n", "n_best"))
    basis = evidence.meanings("icp", "best_basis")[check["best_basis"]]
    if check["fit_verdict"] == "too_few":
        words = (
            "Of {n} customers who have been one long enough {best} are among the best ({basis}): too "
            "few to say what they had in common."
        )
        return quiet(phrase(words, n=n, best=best, basis=basis))
    return join((_check(check, n, best, basis), _traits(evidence)))


def _check(check: dict[str, Any], n: Html, best: Html, basis: str) -> Html:
    auc = said_in(number(check["auc"], 2), "icp_check.auc")
    sure = said_in(f"{number(check['low'], 2)} to {number(check['high'], 2)}", "icp_check.low")
    said = phrase(
        "{best} of {n} customers are the best ({basis}). By what was known of them before they were "
        "customers, one of the best fits better than another customer with a chance of {auc} ({sure}), "
        "as seen on customers who were left out; one half would be no better than a coin. ",
        best=best, n=n, basis=basis, auc=auc, sure=sure,
    )  # fmt: skip
    foretells = check["fit_verdict"] == "foretells"
    end = (
        "So every customer and account has its fit (icp_fit)."
        if foretells
        else "So no fit is given: looking for more customers of that kind would be looking for nothing."
    )
    return paragraph(said, end, class_="lede")


def _traits(evidence: Evidence) -> Html | None:
    if not evidence.has("icp"):
        return None
    rows = evidence.frame("icp")
    told = rows.filter(pl.col("icp_verdict").is_in(["more", "less"]))
    title = "What the best had more or less often than others"
    if told.is_empty():
        told = rows.filter(pl.col("p_adj").is_not_null())
        title = "No trait tells the best from others more than chance would; the nearest"
    told = told.sort("p_adj", "facet", "member").head(_TRAITS)
    if told.is_empty():
        return None
    shares = [
        Range(
            row["best_share"],
            row["best_share"] / row["best_lift"] * row["best_lift_low"]
            if row["best_lift"]
            else 0.0,
            row["best_share"] / row["best_lift"] * row["best_lift_high"]
            if row["best_lift"]
            else 0.0,
            row["best_share_rest"] or 0.0,
        )
        for row in told.iter_rows(named=True)
    ]
    scale = (0.0, charts.scale_of(shares, 0.0, 1.0)[1])
    body: list[tuple[object, ...]] = [
        (
            join((tag("b", plain(row["facet"])), f" {row['member']}")),
            said_in(count(row["n"]), "icp.n"),
            charts.range_mark(share, scale),
            said_in(percent(row["best_share"], 1), "icp.best_share"),
            said_in(number(row["best_lift"], 2), "icp.best_lift"),
            p_value(row["p_adj"]),
        )
        for row, share in zip(told.iter_rows(named=True), shares, strict=True)
    ]
    body.append(("", "", charts.range_axis(scale, percent), "", "", ""))
    head = ("Trait", "Customers", "Share that is best", "", "Lift", "")
    note = (
        "Dot and bar: share with its 95 % interval; notch: all others of whom the trait is known."
    )
    return figure(title, table(head, body, numeric=(1, 3, 4, 5)), note)
