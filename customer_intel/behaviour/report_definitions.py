"""What a company's words were taken to mean: which definition was used, how sure it is, how it is changed.

Belongs here: what the report says of behaviour_definition and behaviour_candidate. Not here: funnels in figures
(report_funnel.py).
"""

from __future__ import annotations

from typing import Any

import polars as pl

from customer_intel.behaviour.model import Behaviour, Definitions, Funnel, caption_of, read_list
from customer_intel.core.contract.yaml_lines import dumped
from customer_intel.core.report.evidence import Evidence
from customer_intel.core.report.markup import (
    Html,
    count,
    details,
    enumerated,
    join,
    paragraph,
    percent,
    plain,
    table,
    tag,
)

# So many acts are told, the most widespread.
_ACTS = 25
_ORIGINS = {
    "declared": "declared in config/behaviour.yaml",
    "shipped": "a shipped one: nobody declared any",
    "proposed": "proposed from the data: nobody declared any",
}
_SURE = {
    "said": "",
    "likely": "The data speaks for it clearly.",
    "unsure": "It is unsure: look at it before it is used.",
}


def definitions(evidence: Evidence) -> Definitions:
    """What the company's words mean."""
    return Definitions.of(evidence.scan("behaviour_definition"))


def title(item: Funnel) -> str:
    """A proposed funnel has no name that says anything."""
    return f"The way to: {item.steps[-1].caption}" if item.origin == "proposed" else item.caption


def declared(evidence: Evidence) -> Html | None:
    """Which definition was used, how sure it is, and how it is changed."""
    if not evidence.has("behaviour_definition"):
        return paragraph(
            "Declare what your words mean in config/behaviour.yaml: docs/behaviour.md shows how."
        )
    said = evidence.once(definitions)
    body: list[tuple[object, ...]] = []
    for word, item in (("Conversion", said.conversion), ("Core action", said.core)):
        told: tuple[object, ...] = ("none found",)
        if item:
            told = (_acts(item), _ORIGINS[item.origin], _because(item))
        body.append((tag("b", word), *map(_readable, told)))
    for way in said.funnels.values():
        steps = " → ".join(step.caption for step in way.steps)
        told = (steps, _ORIGINS[way.origin], _because(way))
        body.append((tag("b", f"Funnel ‘{title(way)}’"), *map(_readable, told)))
    if said.features:
        names = enumerated([item.caption for item in said.features.values()])
        first = next(iter(said.features.values()))
        told = (names, _ORIGINS[first.origin], _because(first))
        body.append((tag("b", "Features"), *map(_readable, told)))
    head = ("What", "Is", "Who says so", "Why")
    yaml = tag(
        "pre", as_yaml(said), class_="id", style="white-space:pre-wrap;overflow-wrap:anywhere"
    )
    return join((
        tag("h3", "What these words mean here"),
        table(head, body),
        _never(evidence),
        _everything(evidence),
        details("How to change it: write into config/behaviour.yaml what is right, such as this", yaml),
    ))  # fmt: skip


def _never(evidence: Evidence) -> Html | None:
    """Which of the declared acts nobody ever did: a slip, or what is still to come."""
    if not evidence.has("behaviour_candidate"):
        return None
    found = evidence.frame("behaviour_candidate")
    acts = found.filter((pl.col("n_ever") == 0) & pl.col("roles").is_not_null())["act"].sort()
    if not acts.len():
        return None
    told = join([tag("span", act, class_="id") for act in acts], ", ")
    return paragraph(
        "Nobody ever did ",
        told,
        ", which the above names: look for a slip. The list below has the names that acts have here.",
    )


def _readable(words: object) -> Html:
    """A cell of words that stays wide enough to be read on a phone, where the table scrolls."""
    return tag("span", words, style="display:block;min-width:20ch")


def _everything(evidence: Evidence) -> Html | None:
    """What else people do, by the names that a declaration takes."""
    if not evidence.has("behaviour_candidate"):
        return None
    found = evidence.frame("behaviour_candidate").filter(pl.col("n_actors") > 0)
    rows = (
        found.sort("n_actors", "act", descending=[True, False])
        .head(_ACTS)
        .sort("first_place", "act")
    )
    body = [
        (
            tag("span", row["act"], class_="id"),
            count(row["n_actors"]),
            percent(row["reach"]),
            percent(row["returning_share"]),
            percent(row["repeat_rate"]),
            percent(row["converts_after"]),
            enumerated([plain(role) for role in read_list(row["roles"])]) if row["roles"] else "",
        )
        for row in rows.iter_rows(named=True)
    ]
    head = ("Act", "People", "Of all", "Of later days", "On several days", "Then convert", "Is")
    note = (
        "In the order in which people do them first. Of later days: share of people's days after their first one on "
        "which it was done. Then convert: of those who did it, how many converted later; that is no effect of it."
    )
    return details(
        "What people do, by the names that a declaration takes",
        table(head, body, numeric=(1, 2, 3, 4, 5)),
        tag("p", note, class_="note"),
    )


def _acts(item: Behaviour) -> Html:
    acts = join([tag("span", act, class_="id") for act in item.acts], " or ")
    return join((acts, f" where {item.condition}" if item.condition else None))


def _because(item: Behaviour | Funnel) -> str:
    reason = (
        f"{item.reason[:1].upper()}{item.reason[1:]}."
        if item.reason and item.origin != "declared"
        else ""
    )
    return f"{reason} {_SURE[item.certainty]}".strip()


def as_yaml(said: Definitions) -> str:
    """The definitions as config/behaviour.yaml says them."""

    def told(item: Behaviour) -> Any:
        acts: Any = item.acts[0] if len(item.acts) == 1 else list(item.acts)
        return {"any_of": acts, "where": item.condition} if item.condition else acts

    data: dict[str, Any] = {}
    if said.core:
        data["core_action"] = told(said.core)
    if said.conversion:
        data["conversion"] = told(said.conversion)
    if said.features:
        data["features"] = {name: told(item) for name, item in said.features.items()}
    if said.funnels:
        data["funnels"] = {name: _funnel_yaml(item, told) for name, item in said.funnels.items()}
    return dumped(data, sort_keys=False, width=100)


def _funnel_yaml(item: Funnel, told: Any) -> dict[str, Any]:
    def step_told(step: Behaviour) -> Any:
        if step.caption == caption_of(step.acts[0]):
            return told(step)
        acts = told(step)
        return {"name": step.caption, **(acts if isinstance(acts, dict) else {"any_of": acts})}

    data: dict[str, Any] = {"steps": [step_told(step) for step in item.steps]}
    if item.order != "ordered":
        data["order"] = item.order
    days = item.window_days or 0.0
    data["window_days"] = int(days) if days.is_integer() else days
    if item.exclude:
        data["exclude"] = list(item.exclude)
    data["breakdown"] = list(item.breakdowns)
    return data
