"""Values that records share or differ in, in words: what a number is, who else has a value, who had it before.

Belongs here: personal values for those who may see them (`why`). Not here: what they weigh, who is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import polars as pl

from customer_intel.identity.explain.reasons import Said, listed

_KINDS = {"email": "email", "email_base": "mailbox", "phone": "phone number", "user_id": "login"}
# Comparison → kinds of identifier_fact that its first level is about, and the kind of party_value.
_SAME = {"email": ("email", "email_base"), "phone": ("phone",), "login": ("user_id",)}
# Comparison → columns of party_record whose first value is told where the two differ.
_DIFFERS = {
    "email": ("email_norm",), "phone": ("mobile_e164", "phone_e164", "phone"), "birth date": ("birth_date_norm",),
    "middle name": ("middle_name",), "id number": ("id_number",), "birth place": ("birth_place",),
}  # fmt: skip
_COUNTS = {"n_distinct_names": "name", "n_mailboxes": "mailbox", "n_phones": "phone number"}


@dataclass(frozen=True)
class Shared:
    """`text`: what both have; `hub`: why it says little, empty where it is one person's."""

    text: str
    hub: str


class Values:
    """`tables`: those of match_explanation.TABLES."""

    def __init__(self, tables: Mapping[str, pl.DataFrame]) -> None:
        self.tables = tables
        self.hubs = {
            (row["identifier_type"], row["value_norm"]): row
            for row in tables["hub_value"].iter_rows(named=True)
        }
        self.record = lru_cache(maxsize=100_000)(self._record)

    def description(self, key: str) -> str:
        """Who the record says it is."""
        row = self.record(key)
        if row is None:
            return "no longer exported"
        name = row["full_name"] or " ".join(
            str(part) for part in (row["first_name"], row["last_name"], row["suffix"]) if part
        )
        facts = (
            name or "no name",
            row["email"],
            row["mobile_phone"] or row["phone"],
            row["birth_date"],
            row["city"],
        )
        return ", ".join(str(fact) for fact in facts if fact)

    def shared(self, a: str, b: str) -> list[Shared]:
        """Every identifying value that both carry today."""
        values = ["identifier_type", "namespace", "value_norm"]
        facts = self.tables["identifier_fact"]
        both = facts.filter(pl.col("record_key") == a).join(
            facts.filter(pl.col("record_key") == b), on=values, how="semi"
        )
        found = [
            (str(kind), str(value))
            for kind, _, value in both.select(values).unique().sort(values).iter_rows()
        ]
        emails = {value for kind, value in found if kind == "email"}
        return [
            Shared(f"the {self._kind(kind, value, a)} {value}", self._hub(kind, value))
            for kind, value in found
            if kind != "email_base" or value not in emails
        ]

    def hubs_of(self, keys: Iterable[str]) -> list[str]:
        """What the records carry that identifies nobody, each value once, with its counts."""
        facts = self.tables["identifier_fact"].filter(
            pl.col("record_key").is_in(pl.Series(list(keys), dtype=pl.String).implode())
        )
        carried = (
            facts.select("identifier_type", "value_norm")
            .unique()
            .sort("identifier_type", "value_norm")
        )
        found: dict[str, str] = {}
        for kind, value in carried.iter_rows():
            if hub := self._hub(kind, value):
                found.setdefault(value, f"the {_KINDS[kind]} {value}: {hub}")
        return list(found.values())

    def told(self, item: Said, a: str, b: str) -> str:
        """What a comparison says of the two, with the value that is the same or those that differ."""
        if item.level == 1 and item.comparison in _SAME:
            return self._same(item, a, b)
        if item.level == 1 and item.comparison == "shared contact":
            values = [value.text.removeprefix("the ") for value in self.shared(a, b)]
            return f"the same {listed(values)}" if values else item.words
        columns = _DIFFERS.get(item.comparison)
        if item.is_for or not columns:
            return item.words
        values = [self._first(key, columns) for key in (a, b)]
        return f"{item.words} ({values[0]}, {values[1]})" if all(values) else item.words

    def _same(self, item: Said, a: str, b: str) -> str:
        kinds = _SAME[item.comparison]
        for kind in kinds:
            if both := self._facts(a, kind) & self._facts(b, kind):
                value = min(both)
                return f"the same {self._kind(kind, value, a)} ({value})"
        earlier = self.tables["party_value"].filter(
            pl.col("record_key").is_in([a, b]) & (pl.col("identifier_type") == kinds[0])
        )
        owned = earlier.filter(pl.col("record_key").n_unique().over("value_norm") > 1)
        past = owned.filter(pl.col("valid_to").is_not_null()).sort("valid_to", descending=True)
        if past.is_empty():
            return item.words
        key, value, until = past.select("record_key", "value_norm", "valid_to").row(0)
        return f"the {self._kind(kinds[0], value, a)} that {key} had until {until} ({value})"

    def _hub(self, kind: str, value: str) -> str:
        hub = self.hubs.get((kind, value))
        if hub is None:
            return ""
        many = [counted(hub[column], what) for column, what in _COUNTS.items() if hub[column] > 1]
        carried = f"{counted(hub['n_records'], 'record')}{' with ' if many else ''}{listed(many)}"
        if hub["reason"] == "placeholder":
            return (
                "it is what people type because a form insists "
                f"({counted(hub['n_records'], 'record')}), so it says nothing"
            )
        if hub["reason"] == "office":
            return f"it is an office's, of {carried}, so it says little"
        return f"{carried} carry it, so it says nothing"

    def _kind(self, kind: str, value: str, key: str) -> str:
        """What the value is: a landline is no mobile number, a function's mailbox nobody's own."""
        row = self.record(key) or {}
        if kind == "phone":
            hub = self.hubs.get((kind, value))
            if hub is not None and hub["reason"] == "office":
                return "office number"
            if row.get("is_phone_landline") and value != row.get("mobile_e164"):
                return "landline"
        if (
            kind in ("email", "email_base")
            and row.get("is_role_mailbox")
            and value == row.get("email_norm")
        ):
            return "mailbox of a function"
        return _KINDS[kind]

    def _facts(self, key: str, kind: str) -> set[str]:
        facts = self.tables["identifier_fact"]
        rows = facts.filter((pl.col("record_key") == key) & (pl.col("identifier_type") == kind))
        return set(rows["value_norm"])

    def _first(self, key: str, columns: Iterable[str]) -> Any:
        row = self.record(key) or {}
        return next((row[column] for column in columns if row.get(column) is not None), None)

    def _record(self, key: str) -> dict[str, Any] | None:
        rows = self.tables["party_record"].filter(pl.col("record_key") == key)
        return rows.row(0, named=True) if len(rows) else None


def counted(n: int, what: str) -> str:
    """1 record, 2,000 records, 2 mailboxes."""
    return f"{n:,} {what}{'' if n == 1 else 'es' if what.endswith('x') else 's'}"
