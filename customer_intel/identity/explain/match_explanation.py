"""Explanations of why records are, or are not, one customer, for people who know no statistics.

Belongs here: reading the identity tables and saying what they hold. Not here: deciding anything.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from customer_intel.core.contract.model import suggestion
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.identity.explain.reasons import (
    AGAINST,
    explained,
    listed,
    speaking,
    strongest_first,
)

# The tables that Why reads.
TABLES = (
    "party_record", "identifier_fact", "hub_value", "match_edge", "match_conflict", "record_customer_map",
    "match_explanation", "customer_id_registry", "customer_id_alias", "customer_id_event",
)  # fmt: skip
_KINDS = {"email": "email", "email_base": "mailbox", "phone": "phone number", "user_id": "login"}
# Links of one customer that are told one by one.
LINKS_TOLD = 8
# What differs in a veto, for its values.
_FIELDS = {
    "first_name": "first_name",
    "birth_date": "birth_date",
    "gender": "gender",
    "generation_gap": "birth_date",
}


@dataclass(frozen=True)
class Link:
    """`rank`: of the links it was read with, 0 for the strongest. `value`: what both have, where it is one value."""

    rank: int
    a: str
    b: str
    value: str
    explanation: str

    def why(self) -> str:
        """The explanation, with the shared value."""
        return self.explanation + (f" ({self.value})" if self.value else "")

    def say(self) -> str:
        """Both records and why they are linked."""
        return f"{self.a} and {self.b}: {self.why()}"

    def weakest(self) -> str:
        """The sentence about the weakest of several links."""
        return f"Weakest link: {self.a} and {self.b}, {self.explanation}."


class Why:
    """`tables`: TABLES by name, as the lake holds them."""

    def __init__(self, tables: Mapping[str, pl.DataFrame]) -> None:
        self.tables = tables
        today = tables["record_customer_map"].filter(pl.col("valid_to").is_null())
        self.customer = dict(today.select("record_key", "customer_id").iter_rows())
        self.known = {
            str(row["record_key"]): row for row in tables["party_record"].iter_rows(named=True)
        }
        self.facts: dict[tuple[str, str], set[str]] = {}
        for key, kind, value in (
            tables["identifier_fact"]
            .select("record_key", "identifier_type", "value_norm")
            .iter_rows()
        ):
            self.facts.setdefault((key, kind), set()).add(value)

    def two(self, a: str, b: str) -> list[str]:
        """Two records. Raises ConfigError for a record that does not exist."""
        for key in (a, b):
            if key not in self.customer:
                raise ConfigError(f"there is no record '{key}'{suggestion(key, self.customer)}")
        if a == b:
            return [f"{a} is one record."]
        lines = self._same(a, b) if self.customer[a] == self.customer[b] else self._apart(a, b)
        return [*(f"{key}: {self._description(key)}" for key in (a, b)), *lines]

    def one(self, key: str) -> list[str]:
        """A customer id, today's or an old one, or a record. Raises ConfigError for neither."""
        if key in self.customer:
            return self.one(self.customer[key])
        alias = self.tables["customer_id_alias"].filter(pl.col("alias_customer_id") == key)
        if alias.is_empty():
            raise ConfigError(
                f"there is no record and no customer '{key}'{suggestion(key, self.customer)}"
            )
        active = [str(found) for found in alias["customer_id"].drop_nulls()]
        lines = []
        if active != [key]:
            today = f"is {' and '.join(active)} today" if active else "stands for nobody today"
            lines.append(f"{key} {today} ({alias['resolution'][0]}).")
        for customer in active:
            lines += self._customer(customer)
        return lines

    # ---- one customer
    def _customer(self, customer: str) -> list[str]:
        records = sorted(key for key, owner in self.customer.items() if owner == customer)
        lines = [f"{customer} is {_count(len(records), 'record')}:"]
        lines += [f"  {key}: {self._description(key)}" for key in records]
        tree = self.tables["match_explanation"].filter(pl.col("customer_id") == customer)
        edges = self.tables["match_edge"].join(
            tree, on=["record_key_a", "record_key_b"], how="semi"
        )
        links = self._as_links(edges)
        if links:
            lines.append("They are one because:")
            # Of many links that say the same, one is told: a login of thirty orders is one reason.
            alike: dict[str, list[Link]] = {}
            for link in links:
                alike.setdefault(
                    link.explanation if len(links) > LINKS_TOLD else link.say(), []
                ).append(link)
            for same in alike.values():
                more = (
                    f", and {_count(len(same) - 1, 'more link')} like it" if len(same) > 1 else ""
                )
                lines.append(f"  {same[0].say()}{more}")
            lines.append(links[-1].weakest())
        events = (
            self.tables["customer_id_event"]
            .filter(pl.col("customer_id") == customer)
            .sort("occurred_on")
        )
        for row in events.iter_rows(named=True):
            other = f" with {row['other_customer_id']}" if row["other_customer_id"] else ""
            lines.append(
                f"{row['occurred_on']}: {row['event_type']}{other} "
                f"({_count(row['n_records'], 'record')})"
            )
        return lines

    # ---- two records
    def _same(self, a: str, b: str) -> list[str]:
        records = [key for key, owner in self.customer.items() if owner == self.customer[a]]
        path = _path(a, b, self._links(records))
        lines = [f"They are one customer, {self.customer[a]}."]
        if len(path) == 1:
            lines.append(f"Directly: {path[0].why()}.")
        else:
            lines.append(f"Over {_count(len(path) - 1, 'record')} between them:")
            lines += [f"  {link.say()}" for link in path]
            lines.append(max(path, key=lambda link: link.rank).weakest())
            lines += self._against(self._edge(a, b))
        return lines

    def _apart(self, a: str, b: str) -> list[str]:
        lines = [f"They are two customers, {self.customer[a]} and {self.customer[b]}."]
        shared = self._shared(a, b)
        for kind, value, hub in shared:
            if hub:
                lines.append(f"They share the {kind} {value}, but {hub}, so it says nothing.")
        plain = [f"the {kind} {value}" for kind, value, hub in shared if not hub]
        edge = self._edge(a, b)
        reason = self._reason(edge, a, b)
        if edge is not None and edge["decision"] == "apart":
            lines.append(f"{reason[0].upper()}{reason[1:]}.")
        elif plain:
            lines.append(f"They share {listed(plain)}, but {reason or AGAINST['unsure']}.")
        elif edge is not None and reason:
            lines.append(
                f"They have {listed(speaking(edge['levels'])[0]) or 'little in common'}, but {reason}."
            )
        if edge is not None:
            lines += self._against(edge)
        path = [] if plain else _path(a, b, self._links())
        if len(path) > 1:
            lines.append("A chain of links leads from one to the other:")
            lines += [f"  {link.say()}" for link in path]
            lines.append(f"It was cut because {reason or 'records on it contradict each other'}.")
        elif edge is None and not shared:
            lines.append("Nothing that identifies a person is the same in both.")
        lines.append(
            "If that is wrong, put a row with action merge and both record keys into an "
            "identity_overrides export (customer-intel review writes it)."
        )
        return lines

    def _edge(self, a: str, b: str) -> dict[str, Any] | None:
        first, second = min(a, b), max(a, b)
        found = self.tables["match_edge"].filter(
            (pl.col("record_key_a") == first) & (pl.col("record_key_b") == second)
        )
        return found.row(0, named=True) if len(found) else None

    def _reason(self, edge: dict[str, Any] | None, a: str, b: str) -> str:
        """Why evidence does not join the two, with what differs."""
        if edge is None:
            return ""
        reason = edge["veto"] or edge["doubt"] or ("unsure" if not edge["is_link"] else "")
        if not reason:
            return "others of their records contradict each other"
        field = _FIELDS.get(reason)
        values = [self.known[key][field] for key in (a, b)] if field else [None]
        return (
            AGAINST[reason] if None in values else f"{AGAINST[reason]} ({values[0]}, {values[1]})"
        )

    def _against(self, edge: dict[str, Any] | None) -> list[str]:
        if edge is None:
            return []
        against = speaking(edge["levels"])[1]
        return [f"Against one person speaks: {listed(against)}."] if against else []

    def _shared(self, a: str, b: str) -> list[tuple[str, str, str]]:
        """(kind, value, why it says nothing or empty) of every identifying value that both carry."""
        values = ["identifier_type", "namespace", "value_norm"]
        facts = self.tables["identifier_fact"]
        both = facts.filter(pl.col("record_key") == a).join(
            facts.filter(pl.col("record_key") == b), on=values
        )
        hubs = {
            (row["identifier_type"], row["value_norm"]): row
            for row in self.tables["hub_value"].iter_rows(named=True)
        }
        found = []
        for kind, value in (
            both.select("identifier_type", "value_norm")
            .unique()
            .sort("identifier_type")
            .iter_rows()
        ):
            hub = hubs.get((kind, value))
            why = ""
            if hub:
                many = (
                    f"{_count(hub['n_records'], 'record')} with "
                    f"{_count(hub['n_distinct_names'], 'name')} carry it"
                )
                why = (
                    "it is what people type because a form insists"
                    if hub["reason"] == "placeholder"
                    else many
                )
            found.append((_KINDS[kind], str(value), why))
        bases = {value for kind, value, _ in found if kind == "email"}
        return [item for item in found if item[0] != "mailbox" or item[1] not in bases]

    # ---- facts
    def _links(self, records: Iterable[str] | None = None, *, is_link: bool = True) -> list[Link]:
        edges = self.tables["match_edge"].filter(pl.col("is_link") == is_link)
        if records is not None:
            inside = pl.Series(sorted(records), dtype=pl.String).implode()
            edges = edges.filter(
                pl.col("record_key_a").is_in(inside) & pl.col("record_key_b").is_in(inside)
            )
        return self._as_links(edges)

    def _as_links(self, edges: pl.DataFrame) -> list[Link]:
        """Rows of match_edge, strongest first."""
        rows = explained(strongest_first(edges)).select(
            "record_key_a", "record_key_b", "identifier_type", "explanation"
        )
        return [
            Link(rank, a, b, self._value(a, b, kind), explanation)
            for rank, (a, b, kind, explanation) in enumerate(rows.iter_rows())
        ]

    def _value(self, a: str, b: str, kind: str) -> str:
        wanted = {
            "email": ("email", "email_base"),
            "phone": ("phone",),
            "user_id": ("user_id",),
        }.get(kind, ())
        values = [self.facts.get((key, name), set()) for name in wanted for key in (a, b)]
        for one, other in zip(values[::2], values[1::2], strict=True):
            if one & other:
                return min(one & other)
        return ""

    def _description(self, key: str) -> str:
        row = self.known.get(key)
        if row is None:
            return "no longer exported"
        name = row["full_name"] or " ".join(
            str(part) for part in (row["first_name"], row["last_name"]) if part
        )
        facts = [
            name or "no name",
            row["email"],
            row["mobile_phone"] or row["phone"],
            row["birth_date"],
            row["city"],
        ]
        return ", ".join(str(fact) for fact in facts if fact)


def _path(a: str, b: str, links: Iterable[Link]) -> list[Link]:
    """The shortest way from a to b, of equally short ones that over the first of `links`; empty if
    none.
    """
    near: dict[str, list[tuple[Link, str]]] = {}
    for link in links:
        near.setdefault(link.a, []).append((link, link.b))
        near.setdefault(link.b, []).append((link, link.a))
    reached_by: dict[str, tuple[Link, str] | None] = {a: None}
    queue = deque([a])
    while queue and b not in reached_by:
        here = queue.popleft()
        for link, other in near.get(here, ()):
            if other not in reached_by:
                reached_by[other] = (link, here)
                queue.append(other)
    path: list[Link] = []
    step: Any = reached_by.get(b)
    while step:
        path.append(step[0])
        step = reached_by[step[1]]
    return path[::-1]


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"
