"""What is meant by a behaviour and a funnel, and both as the rows of behaviour_definition.

Belongs here: the words that the room's functions share. Not here: where they come from (declaration.py,
proposals.py), counting by them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

ORDERS = ("ordered", "strict", "any")
# What a funnel may be broken down by where nobody says: see behaviour_customer, and activity for the first two.
BREAKDOWNS = ("channel", "device_type", "segment", "first_source", "plan_name")
# Names that mean a role, not an act.
ROLES = ("core_action", "conversion")


@dataclass(frozen=True)
class Behaviour:
    """Acts that count as one thing, each by itself; `condition`, SQL over columns of activity or of the
    customer, must hold too.
    """

    name: str
    acts: tuple[str, ...]
    condition: str | None = None
    caption: str = ""
    origin: str = "declared"
    certainty: str = "said"
    reason: str = ""

    def done(self, column: str = "act") -> pl.Expr:
        """Whether a row's act is one of these, without the condition: that is conditions.py."""
        return is_any(self.acts, column)


@dataclass(frozen=True)
class Funnel:
    """Steps on the way to something. `window_days`: time from the first step within which the others
    count; None: any.
    """

    name: str
    steps: tuple[Behaviour, ...]
    order: str = "ordered"
    window_days: float | None = None
    exclude: tuple[str, ...] = ()
    breakdowns: tuple[str, ...] = BREAKDOWNS
    caption: str = ""
    origin: str = "declared"
    certainty: str = "said"
    reason: str = ""

    def step_name(self, at: int) -> str:
        """What having reached the step, from 0, is called: in any order, how many there are."""
        if self.order == "any":
            return f"{at + 1} of {len(self.steps)} steps"
        return self.steps[at].caption


@dataclass(frozen=True)
class Definitions:
    """What a company's words mean, of the rows of behaviour_definition. A role is None where nobody
    said it and the data proposes none.
    """

    core: Behaviour | None = None
    conversion: Behaviour | None = None
    features: Mapping[str, Behaviour] = field(default_factory=dict)
    funnels: Mapping[str, Funnel] = field(default_factory=dict)
    behaviours: Mapping[str, Behaviour] = field(default_factory=dict)

    @classmethod
    def of(cls, frame: pl.DataFrame | pl.LazyFrame) -> Definitions:
        """The definitions that the rows of behaviour_definition say."""
        rows = frame.lazy().sort("kind", "name", "position").collect().to_dicts()
        of_kind: dict[str, dict[str, list[dict[str, Any]]]] = {}
        for row in rows:
            of_kind.setdefault(row["kind"], {}).setdefault(row["name"], []).append(row)

        def each(kind: str) -> dict[str, Behaviour]:
            found = of_kind.get(kind, {})
            return {name: _behaviour(name, group[0]) for name, group in found.items()}

        funnels = {name: _funnel(name, group) for name, group in of_kind.get("funnel", {}).items()}
        core, conversion = (each(role).get(role) for role in ROLES)
        return cls(core, conversion, each("feature"), funnels, each("behaviour"))

    def rows(self) -> list[dict[str, Any]]:
        """The rows of behaviour_definition, by its key."""
        found = [_row("behaviour", item) for item in self.behaviours.values()]
        found += [
            _row(role, item)
            for role, item in zip(ROLES, (self.core, self.conversion), strict=True)
            if item
        ]
        found += [_row("feature", item) for item in self.features.values()]
        for funnel in self.funnels.values():
            found += _funnel_rows(funnel)
        return sorted(found, key=lambda row: (row["kind"], row["name"], row["position"]))

    def every(self) -> Iterator[tuple[str, Behaviour]]:
        """(role, behaviour) of each, a funnel's steps among them."""
        yield from (("behaviour", item) for item in self.behaviours.values())
        yield from (
            (role, item)
            for role, item in zip(ROLES, (self.core, self.conversion), strict=True)
            if item
        )
        yield from (("feature", item) for item in self.features.values())
        yield from (("funnel", step) for funnel in self.funnels.values() for step in funnel.steps)


def is_any(acts: Iterable[str], column: str = "act") -> pl.Expr:
    """Whether the act is one of these; an activity stands for all its details."""
    wanted = sorted(set(acts))
    act = pl.col(column)
    return act.is_in(wanted) | act.str.split(":").list.first().is_in(wanted)


def act_of(touchpoint: str = "touchpoint_id") -> pl.Expr:
    """The act done at a touchpoint: its id without the medium, as act_daily.sql has it."""
    return pl.col(touchpoint).str.replace("^[^:]*:", "")


def written(acts: Iterable[str]) -> str:
    """|like|this|."""
    return f"|{'|'.join(acts)}|"


def read_list(text: str | None) -> tuple[str, ...]:
    """The parts of what is written |like|this|."""
    return tuple(part for part in (text or "").strip("|").split("|") if part)


def caption_of(name: str) -> str:
    """page_viewed:checkout → Checkout page; feature_used:export → Feature used: export; timer_used:timer →
    Timer used.
    """
    activity, _, detail = name.partition(":")
    words = activity.replace("_", " ").strip()
    said = detail.replace("_", " ").replace("-", " ").strip()
    said = "" if said.rstrip("s") in words else said
    if said and activity == "page_viewed":
        words, said = f"{said.removesuffix(' page')} page", ""
    return f"{words[:1].upper()}{words[1:]}{': ' + said if said else ''}"


def _behaviour(name: str, row: Mapping[str, Any]) -> Behaviour:
    said = {key: row[key] for key in ("condition", "caption", "origin", "certainty", "reason")}
    return Behaviour(name, read_list(row["acts"]), **said)


def _funnel(name: str, rows: list[dict[str, Any]]) -> Funnel:
    first = rows[0]
    return Funnel(
        name,
        tuple(_behaviour(row["caption"], row) for row in rows),
        first["funnel_order"],
        first["within_days"],
        read_list(first["excluded_acts"]),
        read_list(first["breakdowns"]),
        caption_of(name),
        *(first[key] for key in ("origin", "certainty", "reason")),
    )


def _row(kind: str, item: Behaviour, **more: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "name": item.name,
        "position": 1,
        "caption": item.caption or caption_of(item.name),
        "acts": written(item.acts),
        "condition": item.condition,
        "funnel_order": None,
        "within_days": None,
        "excluded_acts": None,
        "breakdowns": None,
        "origin": item.origin,
        "certainty": item.certainty,
        "reason": item.reason,
        **more,
    }


def _funnel_rows(funnel: Funnel) -> list[dict[str, Any]]:
    of_all = {
        "name": funnel.name,
        "funnel_order": funnel.order,
        "within_days": funnel.window_days,
        "excluded_acts": written(funnel.exclude) if funnel.exclude else None,
        "breakdowns": written(funnel.breakdowns) if funnel.breakdowns else None,
        "origin": funnel.origin,
        "certainty": funnel.certainty,
        "reason": funnel.reason,
    }
    return [_row("funnel", step, **of_all, position=at) for at, step in enumerate(funnel.steps, 1)]
