"""Who comes back, and what growth is made of.

Belongs here: the sections Retention and Growth, their terms, and the list that report.py of this room takes up. Not
here: features (report_features.py), cohorts (retention_cohort.py).
"""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from customer_intel.behaviour.report_base import (
    EVERYBODY,
    Beginning,
    base,
    beginning,
    since_when,
    why_nothing,
)
from customer_intel.behaviour.report_features import features, what_keeps
from customer_intel.behaviour.retention_settings import declared
from customer_intel.core.report.charts_behaviour import (
    Cell,
    Stack,
    stacks,
    triangle,
)
from customer_intel.core.report.evidence import Evidence
from customer_intel.core.report.markup import (
    Html,
    count,
    day,
    details,
    figure,
    join,
    listed,
    paragraph,
    percent,
    percents,
    phrase,
    plain,
    quiet,
)
from customer_intel.core.report.metric import said_in
from customer_intel.core.report.section import Section
from customer_intel.core.statistics import wilson
from customer_intel.core.tables.parameters import room_config

_COHORTS, _INTERVALS = 13, 12
# Fewer customers than this are told in the triangle only.
_TOLD_FROM = 30
_PERIODS = {"month": 18, "week": 26}
_UNITS = {"day": "day", "week": "week", "month": "month"}


# ---- retention
def retention(evidence: Evidence) -> Html:
    """Of those who began together, how many came back."""
    if not evidence.has("retention_cohort"):
        return quiet(f"Not available: {why_nothing(evidence, 'retention_cohort')}.")
    rows = evidence.once(_cohorts)
    names = rows["retention"].unique(maintain_order=True).to_list()
    begun = evidence.once(beginning)
    first = rows.filter(pl.col("retention") == names[0])
    parts = [_came_back(first, begun), _triangle(first, begun)]
    for name in names[1:]:
        own = rows.filter(pl.col("retention") == name)
        parts.append(details(_title(own), _came_back(own, begun), _triangle(own, begun)))
    return join((*parts, _nobody(evidence, names), base(evidence, EVERYBODY)))


def _nobody(evidence: Evidence, names: list[str]) -> Html | None:
    """Retentions that are asked for and that nobody began."""
    asked = declared(room_config("behaviour", evidence.home))
    missing = [plain(item.name) for item in asked if item.name not in names]
    if not missing:
        return None
    told = listed([f"‘{name}’" for name in missing])
    return quiet(f"Of {told} nobody did what begins it: see retention in config/behaviour.yaml.")


def _cohorts(evidence: Evidence) -> pl.DataFrame:
    """The rows, activity first."""
    rows = evidence.frame("retention_cohort")
    return rows.sort(pl.col("retention") != "activity", "retention", "cohort", "interval_no")


def _title(rows: pl.DataFrame) -> str:
    first = rows.row(0, named=True)
    start, back = (_event(first[name]) for name in ("start_event", "return_event"))
    return f"{plain(first['retention'])}: began by {start}, came back by {back}"


def _event(name: str) -> str:
    return "any act of their own" if name == "any" else f"‘{plain(name)}’"


def _came_back(rows: pl.DataFrame, begun: Beginning | None) -> Html:
    """Over all cohorts that had time: who came back in the next interval, and in the one farthest."""
    unit = _UNITS[rows["interval_unit"][0]]
    early = [first for first in rows["cohort"].unique() if begun and begun.is_before(first, unit)]
    sums = _sums(rows.filter(~pl.col("cohort").is_in(early)))
    words: list[object] = []
    if sums.is_empty() and early:
        sums = _sums(rows)
        words = [
            f" So say cohorts that begin before all sources told of a whole {unit}: some may be customers for long, "
            "and what they did is told in part."
        ]
    if not len(sums):
        return paragraph(f"No cohort has had a whole {unit} to come back in yet.", class_="lede")
    told = [_share_of(row, unit) for row in _chosen(sums)]
    return paragraph(join(told, " "), *words, class_="lede")


def _sums(rows: pl.DataFrame) -> pl.DataFrame:
    """Per interval, of enough customers: n_eligible, n_retained over the cohorts."""
    return (
        rows.filter((pl.col("interval_no") > 0) & (pl.col("n_eligible") > 0))
        .group_by("interval_no")
        .agg(pl.col("n_eligible", "n_retained").sum())
        .filter(pl.col("n_eligible") >= _TOLD_FROM)
        .sort("interval_no")
    )


def _chosen(sums: pl.DataFrame) -> list[dict[str, Any]]:
    """The first interval, and one some way off."""
    rows = sums.to_dicts()
    later = [row for row in rows if row["interval_no"] in (3, 6)]
    return [rows[0], *later[-1:]] if rows[0]["interval_no"] == 1 else rows[:1]


def _share_of(row: dict[str, Any], unit: str) -> Html:
    hits, n, at = row["n_retained"], row["n_eligible"], row["interval_no"]
    when = f"in the {unit} after they began" if at == 1 else phrase(
        f"in the {{at}}th {unit} after" if at > 3 else f"in the {{at}}rd {unit} after",
        at=said_in(str(at), "retention_cohort.interval_no"),
    )  # fmt: skip
    return phrase(
        "{share} ({between}) of {n} customers came back {when}.",
        share=said_in(percent(hits / n), "retention_cohort.retention_rate"),
        between=said_in(percents(*wilson(hits, n)), "retention_cohort.low"),
        n=said_in(count(n), "retention_cohort.n_eligible"),
        when=when,
    )


def _triangle(rows: pl.DataFrame, begun: Beginning | None) -> Html:
    unit = rows["interval_unit"][0]
    newest = rows["cohort"].unique().sort().tail(_COHORTS).to_list()
    cells, heads = [], []
    starred = [first for first in newest if begun and begun.is_before(first, unit)]
    for cohort in newest:
        own = rows.filter((pl.col("cohort") == cohort) & (pl.col("interval_no") <= _INTERVALS))
        star = "*" if cohort in starred else ""
        heads.append((f"{_period(cohort, unit)}{star}", count(own["n_cohort"][0])))
        cells.append([_cell(row) for row in own.sort("interval_no").iter_rows(named=True)])
    note = (
        f"Per cent of a cohort who came back, by {_UNITS[unit]}s since it began. In brackets: the {_UNITS[unit]} is "
        "not over for all, and the share can only rise. Point at a cell for its interval."
    )
    since = since_when(begun, unit) if begun and starred else None
    return figure(_title(rows), triangle(heads, cells, "Began"), join((note, since)))


def _cell(row: dict[str, Any]) -> Cell:
    if row["is_complete"]:
        between = percents(row["low"], row["high"])
        said = f"{row['n_retained']:,} of {row['n_eligible']:,}; 95 %: {between}"
        return Cell(row["retention_rate"], said=said)
    said = f"{row['n_so_far']:,} of {row['n_cohort']:,} so far"
    return Cell(row["n_so_far"] / row["n_cohort"], is_open=True, said=said)


def _period(first: date, unit: str) -> str:
    return f"{first:%b %Y}" if unit == "month" else f"{first.day} {first:%b %Y}"


# ---- growth by its parts
def lifecycle(evidence: Evidence) -> Html:
    """Who is new, stays, comes back and falls away."""
    if not evidence.has("lifecycle_period"):
        return quiet(f"Not available: {why_nothing(evidence, 'lifecycle_period')}.")
    rows = evidence.frame("lifecycle_period").sort("interval_unit", "starts_on")
    months = rows.filter(pl.col("interval_unit") == "month")
    unit = "month" if months["is_complete"].sum() >= 3 else "week"
    shown = rows.filter(pl.col("interval_unit") == unit)
    begun = evidence.once(beginning)
    parts = (_lede(shown, unit, begun), _sticky(evidence), _bars(shown, unit, begun))
    return join((*parts, base(evidence, EVERYBODY)))


def _lede(rows: pl.DataFrame, unit: str, begun: Beginning | None) -> Html:
    whole = rows.filter("is_complete")
    if not len(whole):
        return paragraph(f"No whole {unit} has passed yet.", class_="lede")
    last = whole.row(-1, named=True)
    if begun and begun.is_before(last["starts_on"], unit):
        words = phrase(
            f"Nothing is told of growth yet: all sources tell of acts since {{day}} only, and who is new is known from "
            f"the second whole {unit} on.",
            day=said_in(day(begun.day), "source_start.first_day"),
        )
        return paragraph(words, class_="lede")
    named = {
        name: said_in(count(last[f"n_{name}"]), f"lifecycle_period.n_{name}")
        for name in ("active", "new", "returning", "resurrecting", "dormant")
    }
    when = _period(last["starts_on"], unit)
    text = phrase(
        f"{{active}} customers were active in {{when}}: {{returning}} of them in the {unit} before too, "
        "{resurrecting} came back after a pause, {new} were new. "
        f"{{dormant}} of those active the {unit} before stayed away.",
        when=said_in(
            when if unit == "month" else f"the week of {when}", "lifecycle_period.starts_on"
        ),
        **named,
    )
    return paragraph(text, class_="lede")


def _bars(rows: pl.DataFrame, unit: str, begun: Beginning | None) -> Html:
    shown = rows.tail(_PERIODS[unit])
    early = [first for first in shown["starts_on"] if begun and begun.is_before(first, unit)]
    bars = [
        Stack(
            f"{_short(row['starts_on'], unit)}{'*' if row['starts_on'] in early else ''}",
            (float(row["n_returning"]), float(row["n_new"]), float(row["n_resurrecting"])),
            float(row["n_dormant"]),
            not row["is_complete"] or row["starts_on"] in early,
        )
        for row in shown.iter_rows(named=True)
    ]  # fmt: skip
    names = ("returning", "new", "back after a pause", "fell away")
    note = (
        f"Customers by {unit}. Above the line: the active; below: those of the {unit} before who did nothing. Pale: "
        f"the {unit} is not over, and who seems away may still come; or it bears a star."
    )
    since = since_when(begun, unit) if begun and early else None
    picture = stacks(bars, names, "Active customers by part")
    return figure("What growth is made of", picture, join((note, since)))


def _short(first: date, unit: str) -> str:
    return f"{first:%b %y}" if unit == "month" else f"{first.day} {first:%b}"


def _sticky(evidence: Evidence) -> Html | None:
    if not evidence.has("stickiness_period"):
        return None
    rows = evidence.frame("stickiness_period").filter(
        (pl.col("interval_unit") == "month") & pl.col("is_complete")
    )
    if not len(rows):
        return None
    last = rows.filter(pl.col("starts_on") == pl.col("starts_on").max()).sort("active_units")
    first = last.row(0, named=True)
    often = last.filter(pl.col("active_units") >= 4)
    share = float(often["n"].sum()) / first["n_active"]
    return paragraph(
        phrase(
            "Of the {n} customers active in {when}, {often} were there on four days or more; on an ordinary day {day} "
            "of them were: {sticky}.",
            n=said_in(count(first["n_active"]), "stickiness_period.n_active"),
            when=said_in(_period(first["starts_on"], "month"), "stickiness_period.starts_on"),
            often=said_in(percent(share), "stickiness_period.share_at_least"),
            day=said_in(count(round(first["mean_active"])), "stickiness_period.mean_active"),
            sticky=said_in(percent(first["stickiness"]), "stickiness_period.stickiness"),
        )
    )


SECTIONS = (
    Section("retention", "Retention", retention, pictures=1),
    Section("lifecycle", "Growth by its parts", lifecycle, pictures=1),
    Section("features", "Features", features, pictures=1),
)
FINDINGS = (what_keeps,)
GLOSSARY = {
    "Cohort": "Customers who began in the same month, week or on the same day.",
    "Retention": "Share of a cohort who came back in a later month, week or day, of those for whom it is over.",
    "Adoption": "Share of the active customers who used a feature.",
    "Supported": (
        "A feature’s users stay more often than equally engaged customers, beyond what the error of measuring "
        "engagement explains. No proof: only an experiment gives one."
    ),
    "Confounded": "A feature’s users stay because they are the engaged customers; little is left among equals.",
}
