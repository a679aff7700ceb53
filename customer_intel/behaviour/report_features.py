"""How features are used, which go with staying, and what tells groups of customers apart.

Belongs here: the section Features and what stands out of it; report_retention.py lists both. Not here: verdicts
(feature_driver.py), differences (behaviour_difference.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from customer_intel.behaviour.feature_driver import DECIDED
from customer_intel.behaviour.report_base import EVERYBODY, base
from customer_intel.core.report import charts
from customer_intel.core.report.charts import Range
from customer_intel.core.report.charts_behaviour import Labelled, field
from customer_intel.core.report.evidence import Evidence
from customer_intel.core.report.markup import (
    NONE,
    Html,
    count,
    figure,
    join,
    known,
    number,
    paragraph,
    percent,
    percents,
    phrase,
    plain,
    quiet,
    signed,
    table,
    tag,
)
from customer_intel.core.report.metric import said_in
from customer_intel.core.report.section import Finding

_FEATURES = 14
_KINDS = {"supported": "node won", "confounded": "node gone", "inconclusive": "dot second"}
# A segment's acts that are told, at most, and from which size of difference on (Cohen's h).
_ACTS, _SMALL = 3, 0.2
# An interval of a difference of shares that is wider tells nothing.
_WIDE = 0.6
_UNDECIDED = "undecided"
# Smaller q-values are not told in full.
_LEAST_Q = 0.001
_NO_PROOF = (
    "Points of a hundred. Nobody was chosen by lot to use a feature: what is left after comparing equally engaged "
    "customers is an association, no proof. An experiment with so many customers in each arm would settle it. q: the "
    "share of chance findings to expect among all that are as sure. Undecided: the interval is wider than 60 points."
)


def features(evidence: Evidence) -> Html:
    """How widely features are used, and which go with staying."""
    if not evidence.has("feature_usage"):
        return quiet(f"No feature is named or found: {evidence.why_not('feature_usage')}.")
    rows = evidence.once(_features)
    if not rows["n"].max():
        return quiet(
            "Features are named, but no customer who is known did anything in the days looked at: nothing can be "
            "said of who uses them, nor of who stays."
        )
    parts: list[Html | None] = [_best(rows), _matrix(rows), _used(rows), _judged(rows)]
    parts += [_apart(evidence), base(evidence, EVERYBODY)]
    return join(parts)


def _features(evidence: Evidence) -> pl.DataFrame:
    """Features with their verdicts, the most used first."""
    rows = evidence.frame("feature_usage").drop("as_of", "snapshot_id", strict=False)
    if evidence.has("feature_driver"):
        told = evidence.frame("feature_driver").drop(
            "as_of", "snapshot_id", "caption", "n", strict=False
        )
        rows = rows.join(told, on="feature", how="left")
    return rows.sort("n_adopters", "feature", descending=[True, False])


def _best(rows: pl.DataFrame) -> Html:
    """How many features are supported, and the strongest of them; nobody should take it for proof."""
    sure = (
        rows.filter(pl.col("verdict") == "supported") if "verdict" in rows.columns else rows.clear()
    )
    if not len(sure):
        return paragraph(_none_shown(rows), class_="lede")
    best = sure.sort("corrected_difference", "feature", descending=[True, False]).row(0, named=True)
    return paragraph(_driver(best), " That is an association, no proof.", class_="lede")


def _none_shown(rows: pl.DataFrame) -> Html:
    """What is known where no feature is supported; what nobody knows is no knowledge that it does nothing."""
    known_of = dict.fromkeys(("confounded", *DECIDED), 0)
    if "verdict" in rows.columns:
        by_engagement = rows.filter(pl.col("verdict") == "confounded")
        known_of["confounded"] = len(by_engagement)
        for reason in DECIDED:
            known_of[reason] = len(rows.filter(pl.col("reason") == reason))
    said = {
        "confounded": "are used by the engaged, who stay anyway",
        DECIDED[0]: "have users who stay like others, within five points",
        DECIDED[1]: "have users who stay less often than others",
    }
    parts: list[Html] = [
        phrase(f"{{n}} {said[name]}", n=said_in(count(n), "feature_driver.reason"))
        for name, n in known_of.items()
        if n
    ]
    left = len(rows) - sum(known_of.values())
    if left:
        open_ = said_in(count(left), "feature_driver.reason")
        parts.append(phrase("for {n} the data does not decide", n=open_))
    return phrase(
        "For none of {all} features is it shown that users stay more often than equally engaged customers: {parts}.",
        all=said_in(count(len(rows)), "feature_driver.feature"),
        parts=join(parts, ", "),
    )


def _driver(row: dict[str, Any]) -> Html:
    """The sentence about a supported feature."""
    return phrase(
        "Customers who used ‘{feature}’ stayed {more} points ({between}) more often than equally engaged customers who "
        "did not ({n} against {others}, {p}).",
        feature=row["caption"],
        more=said_in(signed(100 * row["corrected_difference"]), "feature_driver.corrected_difference"),
        between=said_in(_points(row["corrected_low"], row["corrected_high"]), "feature_driver.corrected_low"),
        n=said_in(count(row["n_exposed"]), "feature_driver.n_exposed"),
        others=said_in(count(row["n_unexposed"]), "feature_driver.n_unexposed"),
        p=f"q {_q(row['q_value'])}" if row["q_value"] < _LEAST_Q else f"q = {_q(row['q_value'])}",
    )  # fmt: skip


def _q(value: Any) -> str:
    if not known(value):
        return NONE
    return (
        f"< {_LEAST_Q}".replace("0.", ".")
        if value < _LEAST_Q
        else f"{value:.3f}".replace("0.", ".")
    )


def _points(low: Any, high: Any) -> str:
    if not (known(low) and known(high)):
        return NONE
    low, high = max(low, -1.0), min(high, 1.0)
    return _UNDECIDED if _is_wide(low, high) else f"{signed(100 * low)} to {signed(100 * high)}"


def _is_wide(low: Any, high: Any) -> bool:
    return known(low) and known(high) and high - low > _WIDE


def _told_gap(row: dict[str, Any], of: str) -> str:
    """A difference, unless its interval tells nothing."""
    return NONE if _is_wide(row[f"{of}_low"], row[f"{of}_high"]) else _gap(row[f"{of}_difference"])


def _matrix(rows: pl.DataFrame) -> Html | None:
    """Adoption against who stays."""
    if "verdict" not in rows.columns:
        return None
    # Who stayed is told of the customers whom the verdicts compare, as in the table below it.
    shown = rows.filter((pl.col("n_exposed") > 0) & (pl.col("n_unexposed") > 0)).head(_FEATURES)
    if len(shown) < 2:
        return None
    points = [
        Labelled(
            row["adoption"], row["rate_exposed"], row["caption"], _KINDS[row["verdict"] or "inconclusive"],
            f"{row['caption']}: used by {percent(row['adoption'])}; {percent(row['rate_exposed'])} of "
            f"{row['n_exposed']:,} users stayed; {row['verdict']}",
        )
        for row in shown.iter_rows(named=True)
    ]  # fmt: skip
    sums = shown.row(0, named=True)
    n = sums["n_exposed"] + sums["n_unexposed"]
    stayed = sums["rate_exposed"] * sums["n_exposed"]
    every = (stayed + sums["rate_unexposed"] * sums["n_unexposed"]) / n
    picture = field(
        points, "Features by adoption and by who stays", ("used by, of the active", "of its users stayed"),
        mark=every,
    )  # fmt: skip
    note = (
        "Green: users stay more often than equally engaged customers; grey: it is the engaged who use it; brown: the "
        "data does not decide. Line: all who are compared. Who stayed is told of the customers of ‘What goes with "
        "staying’. Height alone says nothing of what the feature does."
    )
    return figure("Use and staying", picture, note)


def _used(rows: pl.DataFrame) -> Html:
    shown = rows.head(_FEATURES)
    ranges = [
        Range(row["adoption"], row["low"], row["high"]) for row in shown.iter_rows(named=True)
    ]
    scale = (0.0, charts.scale_of(ranges, 0.0, 1.0)[1])
    body: list[tuple[object, ...]] = [
        (
            tag("b", row["caption"]), charts.range_mark(item, scale, 160), percent(row["adoption"]),
            percents(row["low"], row["high"]), number(row["use_days"]), _lasting(row["first_use_p50"]),
            percent(row["repeat_share"]), row["adoption_trend"],
        )
        for row, item in zip(shown.iter_rows(named=True), ranges, strict=True)
    ]  # fmt: skip
    body.append(("", charts.range_axis(scale, percent, 160, 2), "", "", "", "", "", ""))
    head = (
        "Feature",
        "Used by, of the active",
        "",
        "95 %",
        "Days each",
        "Until first use",
        "Used again",
        "Trend",
    )
    days = int(rows["feature_days"][0])
    note = phrase(
        "Last {days} days; {n} customers did anything then. Used again: on another day within {again} days of the "
        "first use.",
        again=said_in(str(rows["repeat_days"][0]), "feature_usage.repeat_days"),
        days=said_in(str(days), "feature_usage.feature_days"),
        n=said_in(count(rows["n"][0]), "feature_usage.n"),
    )  # fmt: skip
    return figure("How features are used", table(head, body, numeric=(2, 3, 4, 5, 6)), note)


def _lasting(days: Any) -> str:
    """A time in the unit that fits it."""
    if not known(days):
        return NONE
    for unit, length in (("days", 1.0), ("h", 1 / 24), ("min", 1 / 1440)):
        if days >= length * (1 if unit == "days" else 1.5):
            return (
                f"{days / length:,.0f} {unit}"
                if days / length >= 10
                else f"{days / length:.1f} {unit}"
            )
    return f"{days * 86400:.0f} s"


def _judged(rows: pl.DataFrame) -> Html | None:
    if "verdict" not in rows.columns:
        return None
    body = [
        (
            tag("b", row["caption"]),
            f"{percent(row['rate_exposed'])} / {percent(row['rate_unexposed'])}",
            _gap(row["crude_difference"]), _told_gap(row, "adjusted"), _told_gap(row, "corrected"),
            _points(row["corrected_low"], row["corrected_high"]), _q(row["q_value"]),
            _verdict(row),
            NONE if _is_wide(row["corrected_low"], row["corrected_high"]) else count(row["experiment_n"]),
        )
        for row in rows.head(_FEATURES).iter_rows(named=True)
    ]  # fmt: skip
    head = (
        "Feature", "Users / others stayed", "Difference", "Equal activity", "Equal engagement", "95 %", "q",
        "Verdict", "Per arm",
    )  # fmt: skip
    return figure(
        "What goes with staying", table(head, body, numeric=(1, 2, 3, 4, 5, 6, 8)), _NO_PROOF
    )


def _verdict(row: dict[str, Any]) -> Html:
    words = (tag("b", row["verdict"]), tag("br"), tag("small", row["reason"]))
    return tag("span", *words, style="display:block;min-width:170px")


def _gap(value: Any) -> str:
    return signed(100 * value, 1) if known(value) else NONE


# ---- what tells segments apart
def _apart(evidence: Evidence) -> Html | None:
    """Per comparison, the acts that lean most, without those that make the groups."""
    if not evidence.has("behaviour_difference"):
        return None
    rows = evidence.frame("behaviour_difference")
    if evidence.has("behaviour_candidate"):
        # How one logs in, or answers mail, tells little of what one wants.
        classes = evidence.frame("behaviour_candidate", "act", "word_class")
        dull = classes.filter(pl.col("word_class").is_in(["access", "outside"]))
        rows = rows.join(dull, on="act", how="anti")
    rows = rows.filter(
        (pl.col("leaning") != "alike")
        & ~pl.col("is_defining")
        & (pl.col("effect_size").abs() >= _SMALL)
    )
    rows = rows.with_columns(size=pl.col("effect_size").abs())
    top = rows.sort("comparison", "size", "act", descending=[False, True, False]).group_by(
        "comparison", maintain_order=True
    )
    body = [
        (
            plain(row["comparison"].removeprefix("rfm:")) if at == 0 else "",
            row["caption"], percent(row["share_a"]), percent(row["share_b"]),
            _gap(row["share_difference"]), _points(row["low"], row["high"]), count(row["n_a"]),
        )
        for _, group in top
        for at, row in enumerate(group.head(_ACTS).iter_rows(named=True))
    ]  # fmt: skip
    if not body:
        return None
    head = ("Group", "What they do", "of them", "of the others", "Points", "95 %", "Customers")
    note = phrase(
        "Of customers who did anything in the last {days} days, who did it. Acts that make the groups, such as orders "
        "for segments of buyers, are left out; differences by chance too, over all acts of a group.",
        days=said_in(str(rows["difference_days"][0]), "behaviour_difference.difference_days"),
    )
    return figure("What tells groups apart", table(head, body, numeric=(2, 3, 4, 5, 6)), note)


# ---- what stands out
def what_keeps(evidence: Evidence) -> Iterator[Finding]:
    """Features whose users stay more often than equally engaged customers."""
    if not evidence.has("feature_usage", "feature_driver"):
        return
    rows = evidence.once(_features).filter(pl.col("verdict") == "supported")
    for row in rows.iter_rows(named=True):
        size = row["experiment_n"]
        more = phrase(
            " An association; an experiment with {size} customers in each arm would settle it.",
            size=said_in(count(size), "feature_driver.experiment_n"),
        ) if known(size) else " An association, no proof."  # fmt: skip
        reach = row["n_unexposed"] / (row["n_exposed"] + row["n_unexposed"])
        value = min(1.0, max(0.0, row["corrected_difference"] * reach))
        yield Finding(join((_driver(row), more)), "feature_driver", value, subject=row["feature"])
