"""What metrics say, for sentences: a value of metric_daily with where it stands, and the markup that
cites it, so that whoever reads a sentence can open its row.

Belongs here: reading a value and citing it. Not here: computing a figure (metrics.yaml), words (a
room's report.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from customer_intel.core.report.evidence import Evidence
from customer_intel.core.report.markup import Html, tag

# By these every day is read, by others the last only.
_TOLD_BY = ("all", "source_system", "currency", "definition_id")


@dataclass(frozen=True)
class Value:
    """A metric's value on a day; `low` and `high` where it is estimated."""

    day: date
    value: float | None
    n: int | None
    low: float | None
    high: float | None
    complete: bool
    metric: str = ""
    dimension: str = "all"
    member: str = "all"


def rows(evidence: Evidence) -> dict[tuple[str, str], dict[str, dict[date, Value]]]:
    """(metric, dimension) → member → day → value; in one pass, asked for by `evidence.once`."""
    found: dict[tuple[str, str], dict[str, dict[date, Value]]] = {}
    if not evidence.has("metric_daily"):
        return found
    columns = ("metric", "dimension", "member", "day", "value", "n", "low", "high", "complete")
    last = evidence.as_of - timedelta(days=1)
    told = pl.col("dimension").is_in(_TOLD_BY) | (pl.col("day") == last)
    read = evidence.scan("metric_daily").filter(told).select(columns).collect()
    for metric, dimension, member, day, value, n, low, high, complete in read.iter_rows():
        at = Value(day, value, n, low, high, complete, metric, dimension, member)
        found.setdefault((metric, dimension), {}).setdefault(member, {})[day] = at
    return found


def members(evidence: Evidence, metric: str, dimension: str) -> list[str]:
    """The dimension's members, by name."""
    return sorted(evidence.once(rows).get((metric, dimension), {}))


def value(
    evidence: Evidence,
    metric: str,
    day: date | None = None,
    *,
    dimension: str = "all",
    member: str = "all",
) -> Value | None:
    """On `day`, by default the last that the night knows; None where there is none."""
    days = evidence.once(rows).get((metric, dimension), {}).get(member, {})
    return days.get(day or evidence.as_of - timedelta(days=1))


def by_member(evidence: Evidence, metric: str, dimension: str) -> dict[str, Value]:
    """Each member's value on the last day, by name; members without a value are left out."""
    found = {
        member: value(evidence, metric, dimension=dimension, member=member)
        for member in members(evidence, metric, dimension)
    }
    return {member: at for member, at in found.items() if at and at.value is not None}


def newest(evidence: Evidence, metric: str) -> Value | None:
    """The last day that has a value, for metrics that have one now and then."""
    days = evidence.once(rows).get((metric, "all"), {}).get("all", {})
    return days[max(days)] if days else None


def added(parts: Sequence[Value]) -> Value:
    """Members of a metric that add up, as one: `member` names them with + between. At least one."""
    first = parts[0]
    known = [part.value for part in parts if part.value is not None]
    return Value(
        first.day,
        sum(known) if len(known) == len(parts) else None,
        sum(part.n or 0 for part in parts),
        None,
        None,
        all(part.complete for part in parts),
        first.metric,
        first.dimension,
        " + ".join(part.member for part in parts),
    )


def cited(
    text: object, of: Value, *, part: str = "value", against: Value | None = None, how: str = ""
) -> Html:
    """`text` as what it says of the metric: its value, or its n, low or high (`part`); with
    `against`, what `how` (ratio, difference, change) makes of both.
    """
    number = getattr(of, part)
    if against is not None and number is not None and against.value is not None:
        base = against.value
        if how == "ratio":
            number = number / base if base else None
        elif how == "difference":
            number = number - base
        elif how == "change":
            number = number / base - 1 if base else None
        else:
            raise ValueError(
                f"how two values are compared: ratio, difference or change, not '{how}'"
            )
    return tag(
        "data",
        text,
        value="" if number is None else repr(float(number)),
        title=f"{of.metric}{'' if of.dimension == 'all' else f', {of.member}'}",
        data_metric=of.metric,
        data_day=of.day.isoformat(),
        data_dimension=of.dimension if of.dimension != "all" else None,
        data_member=of.member if of.member != "all" else None,
        data_part=part if part != "value" else None,
        data_how=how or None,
        data_against=_key(against) if against else None,
    )


def _key(of: Value) -> str:
    return "|".join((of.metric, of.day.isoformat(), of.dimension, of.member))


def said_in(text: object, column: str) -> Html:
    """`text` as what a table's column says (`table.column`): what a test found, or what the night
    did, which is no figure of the business.
    """
    return tag("data", text, data_column=column)
