"""Explanations of why records are, or are not, one customer, for people who know no statistics.

Belongs here: reading the identity tables and saying what they hold. Not here: deciding anything, what a level of a
comparison says (reasons.py), how values are told (shared_values.py).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from customer_intel.core.contract.model import suggestion
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.identity.explain.reasons import (
    AGAINST,
    DECIDED,
    listed,
    odds,
    said,
    strongest_first,
)
from customer_intel.identity.explain.shared_values import Values, counted

# The tables that Why reads.
TABLES = (
    "party_record", "identifier_fact", "hub_value", "party_value", "match_edge", "record_customer_map",
    "match_explanation", "match_review", "customer_id_registry", "customer_id_alias", "customer_id_event",
)  # fmt: skip
# Links and records of one customer that are told one by one.
LINKS_TOLD = 8
# Steps of a chain between two customers that is told.
STEPS = 4
# What differs in a veto or a doubt, for its values.
_FIELDS = {
    "first_name": "first_name",
    "similar_first_name": "first_name",
    "last_name": "last_name",
    "middle_name": "middle_name",
    "birth_date": "birth_date",
    "gender": "gender",
    "generation_gap": "birth_date",
}
# What little two may share who were never compared.
_LITTLE = {
    "first name": "first_name_norm", "last name": "last_name_norm", "birth date": "birth_date_norm",
    "postcode": "postal_code", "city": "city", "company": "company_norm", "email domain": "email_domain",
}  # fmt: skip
Edge = Mapping[str, Any]


class Why:
    """`tables`: TABLES by name, as the lake holds them."""

    def __init__(self, tables: Mapping[str, pl.DataFrame]) -> None:
        self.tables = tables
        today = tables["record_customer_map"].filter(pl.col("valid_to").is_null())
        self.customer = dict(today.select("record_key", "customer_id").iter_rows())
        self.values = Values(tables)

    def two(self, a: str, b: str) -> list[str]:
        """Two records. Raises ConfigError for a record that does not exist."""
        for key in (a, b):
            if key not in self.customer:
                raise ConfigError(f"there is no record '{key}'{suggestion(key, self.customer)}")
        if a == b:
            return [f"{a} is one record."]
        lines = self._same(a, b) if self.customer[a] == self.customer[b] else self._apart(a, b)
        return [*(f"{key}: {self.values.description(key)}" for key in (a, b)), *lines]

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
        lines = [f"{customer} is {counted(len(records), 'record')}:", *self._records(records)]
        links = self._tree(customer)
        if links:
            lines.append("They are one because:")
            lines += self._links_told(links)
            lines.append(_weakest(links[-1]))
        for hub in self.values.hubs_of(records)[:LINKS_TOLD]:
            lines.append(f"No reason to join anybody: {hub}.")
        lines += self._doubts(customer)
        events = (
            self.tables["customer_id_event"]
            .filter(pl.col("customer_id") == customer)
            .sort("occurred_on")
        )
        for row in events.iter_rows(named=True):
            other = f" with {row['other_customer_id']}" if row["other_customer_id"] else ""
            lines.append(
                f"{row['occurred_on']}: {row['event_type']}{other} "
                f"({counted(row['n_records'], 'record')})"
            )
        return lines

    def _records(self, records: list[str]) -> list[str]:
        """A line per record; of many, one for those that say the same."""
        alike: dict[str, list[str]] = {}
        for key in records:
            alike.setdefault(self.values.description(key), []).append(key)
        if len(records) <= LINKS_TOLD:
            return [f"  {key}: {text}" for text, keys in alike.items() for key in keys]
        return [
            f"  {keys[0]}{f' and {len(keys) - 1:,} more' if len(keys) > 1 else ''}: {text}"
            for text, keys in alike.items()
        ]

    def _links_told(self, links: list[Edge]) -> list[str]:
        """Of many links that say the same, one is told: a login of thirty orders is one reason."""
        alike: dict[str, list[Edge]] = {}
        for place, link in enumerate(links):
            many = len(links) > LINKS_TOLD
            alike.setdefault(
                f"{link['decision']} {link['levels']}" if many else str(place), []
            ).append(link)
        lines = []
        for same in alike.values():
            more = f", and {counted(len(same) - 1, 'more link')} like it" if len(same) > 1 else ""
            lines.append(f"  {self._link(same[0])}{more}")
        return lines

    def _tree(self, customer: str) -> list[Edge]:
        """The links that hold the customer together, the strongest first."""
        tree = self.tables["match_explanation"].filter(pl.col("customer_id") == customer)
        edges = self.tables["match_edge"].join(
            tree, on=["record_key_a", "record_key_b"], how="semi"
        )
        return list(strongest_first(edges).iter_rows(named=True))

    def _doubts(self, customer: str) -> list[str]:
        """What a person should look at."""
        review = self.tables["match_review"].filter(
            (pl.col("customer_id_a") == customer) | (pl.col("customer_id_b") == customer)
        )
        lines = []
        for row in review.sort("stake_rank").iter_rows(named=True):
            pair = f"{row['record_key_a']} and {row['record_key_b']}"
            kind = "two people" if row["review_kind"] == "merged" else "one person"
            lines.append(
                f"In doubt: {pair} may be {kind}: {AGAINST[row['reason']]} (customer-intel review)."
            )
        return lines[:LINKS_TOLD]

    # ---- two records
    def _same(self, a: str, b: str) -> list[str]:
        lines = [f"They are one customer, {self.customer[a]}."]
        edge = self._edge(a, b)
        if edge is not None and edge["is_link"]:
            speaks_for, against = self._spoken(edge)
            lines.append(f"Directly: {self._because(edge, speaks_for)}.")
            return lines + ([f"Against it: {listed(against)}."] if against else [])
        path = _path(a, b, self._inside(self.customer[a]))
        lines.append(f"Over {counted(len(path) - 1, 'record')} between them:")
        lines += [f"  {self._link(link)}" for link in path]
        if path:
            lines.append(_weakest(min(path, key=lambda link: link["effective_weight"])))
        if edge is not None:
            speaks_for, against = self._spoken(edge)
            lines.append(
                f"Between the two themselves: for one person {listed(speaks_for) or 'little'}; "
                f"against it {listed(against) or 'nothing'}."
            )
            if edge["veto"] or edge["doubt"]:
                lines.append(f"That alone would not join them: {self._reason(edge, a, b)}.")
        return lines

    def _apart(self, a: str, b: str) -> list[str]:
        lines = [f"They are two customers, {self.customer[a]} and {self.customer[b]}."]
        edge = self._edge(a, b)
        shared = self.values.shared(a, b)
        lines += [f"They share {value.text}, but {value.hub}." for value in shared if value.hub]
        plain = [value.text for value in shared if not value.hub]
        reason = self._reason(edge, a, b) if edge is not None else ""
        if edge is None:
            lines += self._never_compared(a, b, plain)
        elif edge["decision"] == "apart":
            lines.append(f"{reason[0].upper()}{reason[1:]}.")
        else:
            speaks_for, against = self._spoken(edge)
            lines.append(f"They have {listed(speaks_for) or 'little in common'}, but {reason}.")
            if against:
                lines.append(f"Against one person: {listed(against)}.")
        path = _path(a, b, self._between(a, b)) if not plain else []
        if len(path) > 1:
            lines.append("A chain of records leads from one to the other:")
            lines += [f"  {self._link(link)}" for link in path]
            cut = reason or self._names_differ(a, b)
            lines.append(f"It was cut because {cut}.")
        lines.append(
            "If that is wrong, put a row with action merge and both record keys into an "
            "identity_overrides export (customer-intel review writes it)."
        )
        return lines

    def _names_differ(self, a: str, b: str) -> str:
        names = [(self.values.record(key) or {}).get("first_name") for key in (a, b)]
        if all(names) and names[0] != names[1]:
            return f"{AGAINST['first_name']} ({names[0]}, {names[1]})"
        return "it is too weak, or records on it contradict each other"

    def _never_compared(self, a: str, b: str, shared: list[str]) -> list[str]:
        one, other = self.values.record(a), self.values.record(b)
        little = [
            f"the {what}"
            for what, column in _LITTLE.items()
            if one and other and one[column] is not None and one[column] == other[column]
            if what != "email domain"
            or (not one["is_freemail"] and one["email_norm"] != other["email_norm"])
        ]
        if both := shared + little:
            return [
                f"They are too unlike to be a pair in question; all they share is {listed(both)}."
            ]
        return ["Nothing that identifies a person is the same in both; they were never compared."]

    def _edge(self, a: str, b: str) -> Edge | None:
        first, second = min(a, b), max(a, b)
        found = self.tables["match_edge"].filter(
            (pl.col("record_key_a") == first) & (pl.col("record_key_b") == second)
        )
        return found.row(0, named=True) if len(found) else None

    def _reason(self, edge: Edge, a: str, b: str) -> str:
        """Why evidence does not join the two, with what differs."""
        reason = edge["veto"] or edge["doubt"] or ("unsure" if not edge["is_link"] else "")
        if not reason:
            return self._crossing(a, b)
        field = _FIELDS.get(reason)
        records = [self.values.record(key) or {} for key in (a, b)]
        values = [record.get(field) for record in records] if field else [None]
        if None in values:
            return AGAINST[reason]
        return f"{AGAINST[reason]} ({values[0]}, {values[1]})"

    def _crossing(self, a: str, b: str) -> str:
        """What keeps their two customers apart, though nothing keeps these two records."""
        sides = [
            pl.Series(
                [k for k, c in self.customer.items() if c == self.customer[key]], dtype=pl.String
            )
            for key in (a, b)
        ]
        one, other = (side.implode() for side in sides)
        first, second = pl.col("record_key_a"), pl.col("record_key_b")
        across = self.tables["match_edge"].filter(
            (first.is_in(one) & second.is_in(other)) | (first.is_in(other) & second.is_in(one)),
            pl.col("veto").is_not_null() | pl.col("doubt").is_not_null(),
        )
        if across.is_empty():
            return "all records of the two customers together are too unlike"
        edge = across.sort(pl.col("veto").is_null(), "record_key_a", "record_key_b").row(
            0, named=True
        )
        x, y = edge["record_key_a"], edge["record_key_b"]
        return f"{x} and {y} belong to them too: {self._reason(edge, x, y)}"

    # ---- links
    def _link(self, edge: Edge) -> str:
        """Both records, why they are linked, and what speaks against it."""
        speaks_for, against = self._spoken(edge)
        text = (
            f"{edge['record_key_a']} and {edge['record_key_b']}: {self._because(edge, speaks_for)}"
        )
        is_told = against and edge["decision"] != "merge"
        return text + (f"; against it: {listed(against)}" if is_told else "")

    def _because(self, edge: Edge, speaks_for: list[str]) -> str:
        if edge["decision"] == "merge":
            return DECIDED
        return f"they have {listed(speaks_for) or 'little in common'}: {odds(edge['weight'])}"

    def _spoken(self, edge: Edge) -> tuple[list[str], list[str]]:
        """What speaks for one person and what against, with the values."""
        a, b = edge["record_key_a"], edge["record_key_b"]
        speaks_for: list[str] = []
        against: list[str] = []
        for item in said(edge["levels"]):
            text = self.values.told(item, a, b)
            (speaks_for if item.is_for else against).append(text)
        return speaks_for, against

    def _inside(self, customer: str) -> list[Edge]:
        """Links between the customer's records, the strongest first."""
        keys = pl.Series(
            [key for key, owner in self.customer.items() if owner == customer], dtype=pl.String
        )
        edges = self.tables["match_edge"].filter(
            pl.col("is_link")
            & pl.col("record_key_a").is_in(keys.implode())
            & pl.col("record_key_b").is_in(keys.implode())
        )
        return list(strongest_first(edges).iter_rows(named=True))

    def _between(self, a: str, b: str) -> list[Edge]:
        """Pairs around the two that something brings together, the strongest first."""
        edges = self.tables["match_edge"].filter(
            pl.col("veto").is_null()
            & (pl.col("is_link") | (pl.col("identifier_type") != "likeness"))
        )
        reached = pl.Series([a], dtype=pl.String)
        for _ in range(STEPS):
            sides = [
                pl.col(name).is_in(reached.implode()) for name in ("record_key_a", "record_key_b")
            ]
            near = edges.filter(sides[0] | sides[1])
            grown = pl.concat([near["record_key_a"], near["record_key_b"], reached]).unique()
            if len(grown) == len(reached) or b in grown:
                break
            reached = grown
        return list(strongest_first(near).iter_rows(named=True))


def _weakest(edge: Edge) -> str:
    why = DECIDED if edge["decision"] == "merge" else odds(edge["weight"])
    return f"Weakest link: {edge['record_key_a']} and {edge['record_key_b']}, {why}."


def _path(a: str, b: str, links: Iterable[Edge]) -> list[Edge]:
    """The shortest way from a to b, of equally short ones that over the first of `links`; empty if
    none.
    """
    near: dict[str, list[tuple[Edge, str]]] = {}
    for link in links:
        one, other = link["record_key_a"], link["record_key_b"]
        near.setdefault(one, []).append((link, other))
        near.setdefault(other, []).append((link, one))
    reached_by: dict[str, tuple[Edge, str] | None] = {a: None}
    queue = deque([a])
    while queue and b not in reached_by:
        here = queue.popleft()
        for link, other in near.get(here, ()):
            if other not in reached_by:
                reached_by[other] = (link, here)
                queue.append(other)
    path: list[Edge] = []
    step: Any = reached_by.get(b)
    while step:
        path.append(step[0])
        step = reached_by[step[1]]
    return path[::-1]
