"""How the report names steps, paths and shares of journeys.

Belongs here: words. Not here: what is told of them (report.py, report_map.py, report_attribution.py).
"""

from __future__ import annotations

import polars as pl

from customer_intel.core.report.evidence import Evidence
from customer_intel.core.report.markup import NBSP, Html, interval, join, percents, phrase, tag
from customer_intel.core.report.metric import Value, cited
from customer_intel.journeys.paths import (
    BETWEEN,
    DIRECT,
    GONE,
    LOOP,
    MORE,
    TIMES,
    WON,
    touchpoints_of,
)

OTHER = "(other)"
SPECIAL = {OTHER: "Other", WON: "Conversion", GONE: "No conversion", DIRECT: "Directly"}


def touchpoint_name(touchpoint_id: str) -> str:
    """web:page_viewed:checkout → 'Page viewed: checkout (web)'."""
    special = {"(start)": "Start", "(end)": "End"}
    if touchpoint_id in special:
        return special[touchpoint_id]
    medium, _, rest = touchpoint_id.partition(":")
    activity, _, detail = rest.partition(":")
    if not rest:
        return touchpoint_id
    words, detail = activity.replace("_", " "), detail.replace("_", " ")
    if words == "page viewed" and detail:
        words, detail = f"{detail.removesuffix(' page')} page", ""
    said = f"{words[:1].upper()}{words[1:]}{': ' + detail if detail else ''}"
    return said if medium in words else f"{said} ({medium})"


def path(text: str) -> Html:
    """A path's steps with arrows between; of a loop its steps, to and fro."""
    steps = [tag("span", _step(unit)) for unit in text.split(BETWEEN)]
    return tag("span", join(steps, " <i>→</i> "), class_="path")


def _step(unit: str) -> str:
    if unit == MORE or unit in SPECIAL:
        return SPECIAL.get(unit, unit)
    told = LOOP.join(touchpoint_name(step) for step in touchpoints_of(unit))
    return told + TIMES if unit.endswith(TIMES) else told


def why_nothing(evidence: Evidence, name: str) -> str:
    """Why the table has no rows: where acts there are, that nobody is known who did one."""
    if not evidence.has("activity") or evidence.tells("activity", "customer_id"):
        return evidence.why_not(name)
    return "no source says whose the acts are that it tells of, and only customers who are known have journeys"


def conditions(evidence: Evidence) -> list[str]:
    """Conditions of declared conversions, which journeys do not ask for."""
    if not evidence.has("behaviour_definition"):
        return []
    rows = evidence.frame("behaviour_definition", "kind", "origin", "condition").filter(
        (pl.col("kind") == "conversion") & (pl.col("origin") == "declared")
    )
    return sorted(
        rows["condition"].drop_nulls().filter(rows["condition"].drop_nulls() != "").unique()
    )


def without_condition(evidence: Evidence) -> Html | None:
    """That acts count as conversions here which the declaration leaves out."""
    found = conditions(evidence)
    if not found:
        return None
    return tag(
        "p",
        phrase(
            "config/behaviour.yaml counts a conversion only where {condition}. Journeys see acts alone: here all "
            "such acts count as conversions, those too of which this is not true.",
            condition=tag("code", "; ".join(found)),
        ),
        class_="warn",
    )


def share_range(of: Value) -> Html:
    """A share's 95 % interval in per cents, cited by its lower end."""
    return cited(percents(of.low, of.high), of, part="low")


def number_range(of: Value) -> Html:
    """A number's 95 % interval, cited by its lower end."""
    return cited(interval(of.low, of.high), of, part="low")


def long(seconds: float | None) -> str:
    """A time in the largest unit of which it has at least two; a dot where it is not known."""
    if seconds is None:
        return "·"
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f}{NBSP}{unit}"
    return f"{seconds:.0f}{NBSP}s"
