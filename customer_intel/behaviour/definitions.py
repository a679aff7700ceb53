"""What a company's words mean: which acts are its core action, its conversions, features and funnels.

Belongs here: bringing what config/behaviour.yaml says, what is shipped and what the data proposes into
one table. Not here: reading a declaration (declaration.py), proposing (proposals.py), counting by it.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from customer_intel.behaviour.declaration import declared, nothing
from customer_intel.behaviour.evidence import converts_after, doings
from customer_intel.behaviour.model import (
    ROLES,
    Behaviour,
    Definitions,
    Funnel,
    act_of,
    caption_of,
    is_any,
    read_list,
    written,
)
from customer_intel.behaviour.proposals import Proposer
from customer_intel.behaviour.standing import Standing
from customer_intel.behaviour.tellings import told_by
from customer_intel.behaviour.words import shipped

__all__ = [
    "Behaviour",
    "Definitions",
    "Funnel",
    "behaviour_definition",
    "is_any",
    "read_list",
    "written",
]


def behaviour_definition(
    actor_act: pl.LazyFrame,
    touchpoint_day: pl.LazyFrame,
    previous: pl.DataFrame,
    as_of: date,
    config: dict[str, Any],
    schema: pl.Schema,
) -> pl.DataFrame:
    """One row per kind, name and position. Raises ConfigError for a declaration that cannot be."""
    own = declared(config)
    found = doings(actor_act)
    people_min = int(config["proposal_people_min"])
    heard = _heard(touchpoint_day.filter(pl.col("day") < as_of))
    heard = {act: n for act, n in heard.items() if n >= people_min}
    none = [role for role in ROLES if nothing(config, role)]
    window = config["funnel_window_days"] or None
    standing = Standing(Definitions.of(previous), found, people_min, heard)
    made = Proposer(found, own, standing, people_min, window, heard, none).definitions()
    return pl.DataFrame(made.rows(), schema=schema)


def _heard(touchpoint_day: pl.LazyFrame) -> dict[str, int]:
    """Act → how often it ever happened, done by customers or to them, such as an answer."""
    named = touchpoint_day.select("n", act=act_of())
    sums = named.group_by("act").agg(pl.col("n").sum()).sort("act")
    return dict(sums.collect().iter_rows())


def behaviour_candidate(
    actor_act: pl.LazyFrame,
    behaviour_definition: pl.LazyFrame,
    touchpoint_day: pl.LazyFrame,
    as_of: date,
    schema: pl.Schema,
) -> pl.DataFrame:
    """One row per act that was done in the period, and per act that a definition names."""
    found, said = doings(actor_act), Definitions.of(behaviour_definition)
    heard = _heard(touchpoint_day.filter(pl.col("day") < as_of))
    roles: dict[str, list[str]] = {}
    for role, item in said.every():
        for act in item.acts:
            if role not in roles.setdefault(act, []):
                roles[act].append(role)
    won = converts_after(found, said.conversion.acts) if said.conversion else {}
    words = shipped()
    rows = []
    for act in (*found.acts, *sorted(roles.keys() - set(found.acts))):
        row = found.by_act.get(act, {})
        n = int(row["n_actors"]) if row else found.n_of([act])
        rows.append(
            {
                "act": act,
                "caption": caption_of(act),
                "n_actors": n,
                "n_ever": sum(
                    times
                    for other, times in heard.items()
                    if other == act or other.startswith(f"{act}:")
                ),
                "reach": n / found.n_actors if found.n_actors else 0.0,
                "first_place": row.get("first_place"),
                "returning_share": row.get("returning_share"),
                "repeat_rate": row.get("repeat_rate"),
                # Of the conversion itself there is nothing to be learnt.
                "converts_after": won.get(act) if "conversion" not in roles.get(act, ()) else None,
                "word_class": words.class_of(act) or "other",
                "tells": told_by(act),
                "roles": written(roles[act]) if act in roles else None,
            }
        )
    return pl.DataFrame(rows, schema=schema).sort("act")
