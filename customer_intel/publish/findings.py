"""The night's most useful findings, in ranked sentences computed from the published tables; and the
demo's last screen.

A finding is told only when the data carries it: changes against their usual spread, differences at
p < .01 after Holm. `value`, by which they rank, is the share of the business that a finding
concerns (0 to 1), as well as it can be told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from customer_intel.core.store.lake import Lake, Version
from customer_intel.core.store.release import Published
from customer_intel.publish import measures
from customer_intel.publish.evidence import Evidence
from customer_intel.publish.markup import (
    NBSP,
    count,
    day,
    money,
    number,
    p_value,
    percent,
    plain,
    plural,
)

if TYPE_CHECKING:
    from rich.console import Console

SURE = 0.01
# Distance from usual changes, in robust standard deviations, from which a change of revenue is
# worth a sentence.
UNUSUAL = 2.5
# Fewer customers than this are no finding.
FEW = 10
# Bad experiences that the profile knows, and how to say that a customer had one.
_EXPERIENCES = {
    "late_deliveries_365d": "a late delivery in the last year",
    "payments_failed_90d": "a failed payment in the last 90 days",
    "tickets_escalated": "an escalated ticket",
    "ticket_reopens": "a reopened ticket",
}
# Answers that the profile keeps: the best one, and what was asked.
_ANSWERS = {
    "last_nps_score": (10, "whether they would recommend us"),
    "last_csat_score": (5, "how satisfied they are"),
}
_SCORES = {"nps": "", "csat": f"{NBSP}%"}
# Kinds of segments of a survey score, and how to say who was asked.
_ASKED = {
    "rfm_segment": "Customers in ‘{}’",
    "channel": "Customers asked by {}",
    "touchpoint": "Customers asked after {}",
}
_SLIPPING = ("at_risk", "cant_lose_them")


@dataclass(frozen=True)
class Finding:
    text: str
    evidence_table: str
    value: float


def top(source: Evidence | Lake, n: int = 3) -> list[Finding]:
    """The n findings of the highest value, at most one per question asked."""
    e = _evidence(source) if isinstance(source, Lake) else source
    found = [
        best
        for ask in QUESTIONS
        if (best := max(ask(e), key=lambda item: item.value, default=None))
    ]
    return sorted(found, key=lambda item: (-item.value, item.text))[:n]


def _evidence(lake: Lake) -> Evidence:
    versions: dict[str, Version] = {}
    for pointer in sorted(lake.root.glob("*/CURRENT.json")):
        version = lake.current(pointer.parent.name)
        if version:
            versions[version.table] = version
    if not versions:
        raise ValueError("the lake holds no accepted table; run a night first (customer-intel run)")
    newest = max(versions.values(), key=lambda version: (version.as_of, version.snapshot_id))
    return Evidence.of_night(lake, versions, date.fromisoformat(newest.as_of), newest.snapshot_id)


def refused_files(e: Evidence) -> Iterator[Finding]:
    if not e.has("export_file"):
        return
    tonight = e.frame("export_file").filter(pl.col("export_date") == e.as_of)
    refused = tonight.filter(pl.col("status") == "refused")["source_file"].n_unique()
    if refused:
        files = count(tonight["source_file"].n_unique())
        text = (
            f"{count(refused)} of tonight's {files} files could not be taken: what follows "
            "lacks their rows."
        )
        yield Finding(text, "export_file", 0.9)


def lost_rows(e: Evidence) -> Iterator[Finding]:
    if not e.has("export_file"):
        return
    tonight = e.frame("export_file").filter(pl.col("export_date") == e.as_of)
    sums = (
        tonight.group_by("source_system")
        .agg(pl.col("rows_read", "rows_quarantined").sum())
        .sort("source_system")
    )
    for source, read, bad in sums.iter_rows():
        if read and bad / read >= SURE:
            share = percent(bad / read, 1)
            text = (
                f"{count(bad)} of tonight's {count(read)} rows from {source} ({share}) are in "
                "quarantine."
            )
            yield Finding(text, "export_file", 0.2 + bad / read)


def slipping_segments(e: Evidence) -> Iterator[Finding]:
    if not e.has("segment_summary"):
        return
    rows = e.frame("segment_summary")
    slipping = rows.filter(pl.col("segment").is_in(_SLIPPING))
    spent, total = float(slipping["revenue"].sum()), float(rows["revenue"].sum())
    if slipping["n"].sum() >= FEW and total > 0 and spent > 0:
        names = " and ".join(
            f"‘{segment_name(name)}’" for name in _SLIPPING if name in set(slipping["segment"])
        )
        text = (
            f"{plural(int(slipping['n'].sum()), 'customer')} in {names} used to buy well and have "
            "gone quiet; "
            f"they hold {percent(spent / total)} of everything ever spent "
            f"({money(spent, e.currency)})."
        )
        yield Finding(text, "segment_summary", spent / total)


def revenue_change(e: Evidence) -> Iterator[Finding]:
    change = measures.unusual_change(e) if e.has("activity_daily") else None
    if change and abs(change[1]) >= UNUSUAL:
        now = measures.revenue(e, 30)
        word = "rose" if change[0] > 0 else "fell"
        text = (
            f"Revenue {word} by {percent(abs(change[0]))} in the last 30 days, to "
            f"{money(now.now, e.currency)}; "
            "that is well outside its usual ups and downs."
        )
        yield Finding(text, "order_fact", min(1.0, 0.15 + abs(change[0])))


def recurring_revenue(e: Evidence) -> Iterator[Finding]:
    for item in measures.mrr(e) if e.has("mrr_movement") else ():
        net = item.now - item.before
        if item.before > 0 and abs(net) / item.before >= SURE:
            gained = sum(value for value in item.movements.values() if value > 0)
            lost = -sum(value for value in item.movements.values() if value < 0)
            text = (
                f"Monthly recurring revenue {'grew' if net > 0 else 'shrank'} by "
                f"{percent(abs(net) / item.before, 1)} "
                f"in 30 days to {money(item.now, item.currency)}: {money(gained, '')} won, "
                f"{money(lost, '')} lost."
            )
            yield Finding(text, "mrr_movement", min(1.0, (gained + lost) / item.before))


def expected_churn(e: Evidence) -> Iterator[Finding]:
    if not e.has("churn_predictions"):
        return
    rows = e.frame("churn_predictions").filter(
        pl.col("eligible") & pl.col("expected_loss").is_not_null()
    )
    for definition in rows["definition_id"].unique().sort():
        own = rows.filter(pl.col("definition_id") == definition)
        own = own.sort("expected_loss", "customer_id", descending=[True, False])
        total = float(own["expected_loss"].sum())
        few = own.head(max(1, len(own) // 20))
        held = float(few["expected_loss"].sum())
        value = own.filter(pl.col("p_churn") > 0)
        at_stake = float((value["expected_loss"].cast(pl.Float64) / value["p_churn"]).sum())
        if len(own) < 20 or total <= 0 or at_stake <= 0:
            continue
        act = "cancel" if definition.startswith("subscription") else "not buy again"
        days = own["horizon_days"][0]
        text = (
            f"About {count(round(own['p_churn'].sum()))} of {count(len(own))} customers are "
            f"expected to {act} within "
            f"{days} days; the {count(len(few))} with most at stake stand for "
            f"{percent(held / total)} of the expected "
            f"loss ({money(held, e.currency)} of {money(total, e.currency)} a year)."
        )
        yield Finding(text, "churn_predictions", min(1.0, held / at_stake))


def score_change(e: Evidence) -> Iterator[Finding]:
    for metric, unit in _SCORES.items():
        now = measures.score(e, metric) if e.has("nps_summary") else None
        if now and now["p_value"] is not None and now["p_value"] < 0.05:
            word = "rose" if now["delta"] > 0 else "fell"
            text = (
                f"{metric.upper()} {word} by {abs(now['delta']):.0f} points since the quarter "
                "before, to "
                f"{number(now['score'], 0)}{unit} ({p_value(now['p_value'])}, {count(now['n'])} "
                "answers)."
            )
            yield Finding(text, "nps_summary", min(1.0, 0.1 + abs(now["delta"]) / 100))


def score_by_segment(e: Evidence) -> Iterator[Finding]:
    for metric, kind in product(_SCORES, _ASKED) if e.has("nps_summary") else ():
        for item in measures.score_contrasts(e, metric, kind):
            if item.p_value < SURE and item.gap < 0:
                who = _ASKED[kind].format(
                    segment_name(item.name) if kind == "rfm_segment" else item.name
                )
                text = (
                    f"{who} score {number(item.mean, 0)}{_SCORES[metric]} in {metric.upper()}, "
                    f"{abs(item.gap):.0f} points below the others ({p_value(item.p_value)}, "
                    f"{count(item.n)} answers)."
                )
                weight = (item.n / (item.n + item.n_rest)) ** 0.5
                yield Finding(text, "nps_summary", min(1.0, abs(item.gap) / 100 * weight))


def bad_experiences(e: Evidence) -> Iterator[Finding]:
    """Last scores of customers who had the experience against those of customers who had not."""
    if not e.has("customer_profile"):
        return
    profiles = e.frame("customer_profile", "is_profiling_denied", *_ANSWERS, *_EXPERIENCES)
    profiles = profiles.filter(~pl.col("is_profiling_denied"))
    found = []
    for answer, column in product(_ANSWERS, _EXPERIENCES):
        rows = profiles.select(
            had=pl.col(column) > 0, score=pl.col(answer).cast(pl.Float64)
        ).drop_nulls()
        sides = {
            had: (n, mean, variance)
            for had, n, mean, variance in rows.group_by("had")
            .agg(n=pl.len(), mean=pl.col("score").mean(), variance=pl.col("score").var())
            .iter_rows()
        }
        made = measures.contrast(column, sides[True], sides[False]) if len(sides) == 2 else None
        if made:
            found.append((answer, made))
    adjusted = measures.holm([item.p_value for _, item in found])
    for (answer, item), p in zip(found, adjusted, strict=True):
        best, asked = _ANSWERS[answer]
        if p < SURE and item.gap < 0:
            text = (
                f"Customers with {_EXPERIENCES[item.name]} last gave {item.mean:.1f} of {best} "
                f"when asked {asked}, "
                f"the others {item.mean_rest:.1f} ({p_value(p)}, {count(item.n)} against "
                f"{count(item.n_rest)}; "
                "an association, not proof of a cause)."
            )
            yield Finding(text, "customer_profile", min(1.0, abs(item.gap) / best + 0.1))


def early_exits(e: Evidence) -> Iterator[Finding]:
    for item in measures.exits(e):
        if item.excess > 0 and item.p_low > item.expected:
            text = (
                f"{percent(item.p)} of the steps ‘{measures.touchpoint_name(item.step)}’ end the "
                "journey, against "
                f"{percent(item.expected)} of all steps: {count(item.excess)} journeys more than "
                "expected."
            )
            yield Finding(text, "journey_transitions", min(1.0, item.excess / item.journeys))


def concentration(e: Evidence) -> Iterator[Finding]:
    if not e.has("customer_profile") or len(e.unconverted):
        return
    spent = (
        e.frame("customer_profile", "revenue_365d")["revenue_365d"]
        .cast(pl.Float64)
        .sort(descending=True)
    )
    buyers = spent.filter(spent > 0)
    if len(buyers) >= 50:
        few = len(buyers) // 10
        share = float(buyers.head(few).sum()) / float(buyers.sum())
        text = (
            f"The best tenth of last year's buyers ({count(few)} customers) brought "
            f"{percent(share)} of its revenue."
        )
        yield Finding(text, "customer_profile", 0.2 * share)


QUESTIONS: tuple[Callable[[Evidence], Iterator[Finding]], ...] = (
    refused_files, lost_rows, slipping_segments, revenue_change, recurring_revenue, expected_churn, score_change,
    score_by_segment, bad_experiences, early_exits, concentration,
)  # fmt: skip


def segment_name(segment: str) -> str:
    """The business's usual spelling."""
    return "Can’t lose them" if segment == "cant_lose_them" else plain(segment)


def print_screenful(home: Path, console: Console) -> None:
    """What the current release is made of and what it says, in about twenty lines."""
    from rich.markup import escape
    from rich.table import Table

    release = Published(home).current()
    if release is None:
        console.print("Nothing is published yet; run a night first (customer-intel run).")
        return
    e = Evidence.of_release(release, home)
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", justify="right")
    grid.add_column()
    if e.has("export_file"):
        files = e.frame("export_file")
        parts = ("read", "accepted", "quarantined", "duplicate", "skipped")
        read, taken, bad, repeated, skipped = (count(files[f"rows_{part}"].sum()) for part in parts)
        states = dict(
            files.group_by("status")
            .agg(pl.col("source_file").n_unique())
            .sort("status")
            .iter_rows()
        )
        kinds = ", ".join(f"{count(n)} {status.replace('_', ' ')}" for status, n in states.items())
        grid.add_row(
            "read",
            f"{read} rows of {plural(files['source_file'].n_unique(), 'file')} ({escape(kinds)})",
        )
        grid.add_row(
            "quarantined", f"{bad} rows; {taken} taken, {repeated} repeated, {skipped} not wanted"
        )
    checks = [finding for source in e.tables.values() for finding in source.findings]
    warned = sum(not finding["success"] for finding in checks)
    warning = f", [yellow]{warned} with a warning[/]" if warned else ""
    grid.add_row(
        "gated", f"{count(len(checks))} checks on {len(e.tables)} published tables{warning}"
    )
    empty = sum(1 for source in e.tables.values() if source.reason)
    grid.add_row(
        "published",
        (
            f"{len(e.tables) - empty} tables, {count(sum(s.rows for s in e.tables.values()))} "
            "rows, "
            f"as of {day(e.as_of)}"
        )
        + (f"; {empty} more are empty for want of data" if empty else ""),
    )
    if e.has("customer_profile"):
        grid.add_row("customers", count(e.rows("customer_profile")))
    console.print()
    console.print(grid)
    console.print()
    for place, finding in enumerate(top(e), 1):
        console.print(f"[bold]{place}.[/] {escape(finding.text)} [dim]{finding.evidence_table}[/]")
    console.print()
    console.print(
        f"[green]→[/] report: {escape(str(release.folder / 'report.html'))}", soft_wrap=True
    )
