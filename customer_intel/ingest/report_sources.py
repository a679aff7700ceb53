"""What the report says of the sources themselves: what each is worth tonight, and what was odd.

Belongs here: source_state, source_check and stale_table in words. Not here: files and rows (report.py).
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from customer_intel.core.report.evidence import Evidence
from customer_intel.core.report.markup import (
    Html,
    count,
    day,
    details,
    enumerated,
    join,
    paragraph,
    phrase,
    plural,
    quiet,
    table,
    tag,
)
from customer_intel.core.report.metric import said_in
from customer_intel.core.report.section import Finding

LISTED = 12
STATES = {
    "current": "current",
    "late": "late",
    "held": "held back",
    "left_out": "left out",
}


def sources(evidence: Evidence) -> Html | None:
    """Each source's state, what leans on those that are stale, and tonight's findings."""
    if not evidence.has("source_state"):
        return None
    states = evidence.frame("source_state")
    odd = states.filter((pl.col("state") != "current") | (pl.col("findings") > 0))
    rest = len(states) - len(odd)
    lede = f"{plural(rest, 'source')} {'is' if rest == 1 else 'are'} current and as usual."
    return join((
        tag("h3", "What each source is worth tonight"),
        _table(odd) if len(odd) else None,
        paragraph(said_in(lede, "source_state")) if rest else None,
        _leaning(evidence),
        _tonight(evidence),
        details(f"All {count(len(states))} sources", _table(states)) if rest else None,
    ))  # fmt: skip


def _table(states: pl.DataFrame) -> Html:
    return table(
        ("Source", "State", "Since", "Newest export in use", "Next due", "Why"),
        [
            (
                tag("b", row["source_system"]),
                tag("span", STATES[row["state"]], class_=None if row["state"] == "current" else "warn"),
                *(tag("span", day(row[name]) if row[name] else "", class_="nw")
                  for name in ("stale_since", "export_date", "due_on")),
                row["reason"] or "",
            )
            for row in states.iter_rows(named=True)
        ],
    )  # fmt: skip


def _leaning(evidence: Evidence) -> Html | None:
    """Which tables lean on a stale source."""
    if not evidence.has("stale_table") or not evidence.rows("stale_table"):
        return None
    rows = evidence.frame("stale_table").group_by("source_system").agg(pl.col("table_name").sort())
    said = [
        paragraph(
            phrase(
                "{tables} lean on {source}, which tells nothing new:",
                tables=said_in(plural(len(names), "table"), "stale_table"),
                source=tag("b", source),
            ),
            " ",
            enumerated(names),
            ".",
        )
        for source, names in sorted(rows.iter_rows())
    ]
    return join(said)


def _tonight(evidence: Evidence) -> Html | None:
    """What was found tonight, failures first."""
    if not evidence.has("source_check"):
        return None
    found = evidence.frame("source_check").filter(pl.col("judged_on") == evidence.as_of)
    if not len(found):
        return quiet("No source left what is usual of it tonight.")
    found = found.sort("severity", "source_system", "mapping", "check_name", "column_name")
    shown = [
        (
            tag("b", row["source_system"]),
            tag("span", day(row["export_date"]), class_="nw"),
            tag("span", row["check_name"].replace("_", " "), class_="warn"),
            row["message"],
            "holds the source back" if row["severity"] == "fail" else "told",
        )
        for row in found.head(LISTED).iter_rows(named=True)
    ]
    return join((
        tag("h3", "What was odd about tonight's exports"),
        table(("Source", "Export", "Check", "What was found", "What follows"), shown),
        quiet(f"and {count(len(found) - LISTED)} more in source_check")
        if len(found) > LISTED
        else None,
    ))  # fmt: skip


def stale_sources(evidence: Evidence) -> Iterator[Finding]:
    """Which source is not as of tonight, and since when."""
    if not evidence.has("source_state"):
        return
    leaning: dict[str, int] = {}
    if evidence.has("stale_table"):
        leaning = dict(
            evidence.frame("stale_table").group_by("source_system").agg(pl.len()).iter_rows()
        )
    for row in evidence.frame("source_state").iter_rows(named=True):
        if row["state"] in ("current", "left_out") and not row["is_failed"]:
            continue
        source, n = row["source_system"], leaning.get(row["source_system"], 0)
        told = "is late" if row["state"] == "late" else "is held back at its last good state"
        since = f" since {day(row['stale_since'])}" if row["stale_since"] else ""
        if row["state"] == "left_out":
            told, since = "is left out: nothing of it could be used", ""
        text = phrase(
            "{source} " + told + since + "{leaning}: {why}",
            source=source,
            leaning=join(("; ", said_in(plural(n, "table"), "stale_table"), " lean on it"))
            if n
            else "",
            why=said_in(_sentence(row["reason"] or ""), "source_check"),
        )
        is_grave = row["state"] != "late" or row["is_failed"]
        yield Finding(text, "source_state", 0.95, subject=source, is_grave=is_grave)


def odd_exports(evidence: Evidence) -> Iterator[Finding]:
    """What left its own history tonight, of sources that are not said to be stale already."""
    if not evidence.has("source_check") or not evidence.has("source_state"):
        return
    stale = evidence.frame("source_state").filter(pl.col("state") != "current")["source_system"]
    found = evidence.frame("source_check").filter(
        (pl.col("judged_on") == evidence.as_of)
        & ~pl.col("source_system").is_in(stale.implode())
        & ~pl.col("check_name").is_in(["unmapped", "undecided"])
    )
    for source, rows in sorted(found.group_by("source_system")):
        message = rows.sort("mapping", "check_name", "column_name")["message"][0]
        more = f" and {len(rows) - 1} more of it" if len(rows) > 1 else ""
        text = phrase(
            "{source}: {found}{more}",
            source=str(source[0]),
            found=said_in(message if more else _sentence(message), "source_check"),
            more=said_in(f"{more}.", "source_check") if more else "",
        )
        yield Finding(text, "source_check", 0.6, subject=str(source[0]))


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."
