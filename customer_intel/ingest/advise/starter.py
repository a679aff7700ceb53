"""A starter mapping: for each column of an entity the source column or an expression, with what was
guessed and why.

Belongs here: what fills a column. Not here: columns that no source column gives
(derived_columns.py), which entity (match_entity.py),
reader options that depend on values (values' marks and formats: locale.py), keys (find_key.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from customer_intel.core.contract.model import Column
from customer_intel.core.engine import literal, quoted
from customer_intel.ingest.advise.column_names import plain, synonyms, words
from customer_intel.ingest.advise.column_profile import ColumnProfile
from customer_intel.ingest.advise.derived_columns import DerivedColumns, Filled
from customer_intel.ingest.advise.find_key import Key, find_key
from customer_intel.ingest.advise.match_entity import ColumnMatch, enum_words
from customer_intel.ingest.advise.sniffed import Note
from customer_intel.ingest.mapping.model import Reader

_SURE = 0.7
# What a business is measured by: a guess at one of these is a question.
_AMOUNTS = ("total", "amount", "line_total", "unit_amount", "cost")
# With so many rows of words that nobody declared, a file is not read before somebody does.
_UNKNOWN_MAX = 0.2
# How a column of pieces is called.
_PIECES = frozenset(synonyms("order_lines", "quantity"))
_WITH_STATES = {
    "orders": (
        "draft",
        "placed",
        "paid",
        "fulfilled",
        "cancelled",
        "returned",
        "partly_returned",
        "test",
    ),
    "payments": ("succeeded", "failed", "pending", "refunded", "partly_refunded", "cancelled"),
    "subscriptions": (
        "trial",
        "active",
        "past_due",
        "paused",
        "unpaid",
        "ending",
        "ended",
        "never_started",
    ),
    "tickets": ("open", "pending", "solved", "closed"),
    "invoices": ("draft", "open", "paid", "void", "uncollectible"),
}
# Entities whose exports are snapshots: an arbitrary date column says nothing of when they were
# created.
_LASTING = ("contacts", "accounts", "products")


@dataclass
class Starter:
    """A mapping that is ready to be written."""

    entity: str
    source: str
    columns: dict[str, Filled]
    reader: dict[str, Any]
    group_by: str | None = None
    duplicates: str = "drop"
    optional: tuple[str, ...] = ()
    notes: list[Note] = field(default_factory=list)


class Builder(DerivedColumns):
    """Fills one entity from one file."""

    def build(self, reader: Reader) -> Starter:
        """The mapping, with what was guessed in its notes. `reader`: the options found by sniffing."""
        self._take_answers()
        used = {match.source for match in self.matches.values()}
        key_name = self.table.key[-1]
        if (answer := self.answers.get(key_name)) is not None:
            key = Key(answer, "", (answer,))
        else:
            key = find_key(
                self.table,
                self.matches,
                list(self.profiles.values()),
                self.rows,
                grouped=self.grouped,
            )
        self.columns.setdefault(key_name, Filled(key.text, key.check))
        self._amounts_of_plans()
        for name, column in self.known.items():
            if name in self.matches and name != key_name and name not in self.columns:
                self.columns[name] = self._from_match(column)
        self._extras()
        for name, column in self.known.items():
            if column.required and name not in self.columns:
                self.columns[name] = self._fill(column, used)
        self.columns = {name: self.columns[name] for name in self.known if name in self.columns}
        if self.grouped:
            self._group(key)
        notes = [
            *self.notes,
            *(Note("guess", name, item.check) for name, item in self.columns.items() if item.check),
        ]
        kept = self.locale.reader(self.known, self._sources(), reader)
        duplicates = "keep" if "_row" in key.text else "drop"
        group = next(iter(key.columns)) if self.grouped else None
        return Starter(
            self.entity,
            self.source,
            self.columns,
            kept,
            group,
            duplicates,
            self._optional(reader),
            notes,
        )

    def _sources(self) -> dict[str, ColumnProfile]:
        """Entity column → the profile of the source column that fills it as it is."""
        return {
            name: self.profiles[item.text]
            for name, item in self.columns.items()
            if item.text in self.profiles
        }

    def _optional(self, reader: Reader) -> tuple[str, ...]:
        """JSON leaves out keys: what some lines lack, another file may lack whole."""
        if self.rows.format != "jsonl":
            return ()
        used = {match.source for name, match in self.matches.items() if name in self.columns}
        return tuple(
            name
            for name, profile in self.profiles.items()
            if name in used and profile.filled < profile.rows
        )

    # ---- what somebody decided, and what must be decided
    def _take_answers(self) -> None:
        """Answers are columns of the file, or SQL; they come before any guess."""
        for name, text in self.answers.items():
            if name not in self.known:
                continue
            if text in self.profiles:
                self.matches[name] = ColumnMatch(text, name, 1.0)
            elif name == "currency" and re.fullmatch("[A-Za-z]{3}", text):
                self.columns[name] = Filled(f"'{text.upper()}'")
            else:
                self.columns[name] = Filled(text)

    def _ask_for_amount(self, name: str, why: str, proposed: str = "") -> Filled:
        """An amount is never made up: without an answer nothing of the file is read."""
        numbers = [
            item.name
            for item in self.profiles.values()
            if item.is_number and item.distinct > 1 and not plain(item.name).endswith(" id")
        ]
        told = f"candidates: {', '.join(numbers[:6])}" if numbers else "no column holds numbers"
        self.notes.append(Note("ask", name, f"{why} ({told})"))
        return Filled(proposed or "cast(null as varchar)", why)

    def _judge_states(self) -> None:
        """Which words of a state nobody declared: their rows would not count."""
        item, state_of = self.columns.get("status"), self.state_of
        profile = self.profiles.get(item.text) if item else None
        if profile is None or state_of is None or self.entity not in _WITH_STATES:
            return
        counts = self.rows.counts(profile.name)
        answered = dict(pair.split("=", 1) for pair in _pairs(self.answers.get("states", "")))
        states = {word: answered.get(word) or state_of(self.entity, word) for word in counts}
        unknown = {word: n for word, n in counts.items() if states[word] is None}
        told = ", ".join(
            f"‘{word}’ {n:,} → {states[word] or 'unknown'}" for word, n in list(counts.items())[:12]
        )
        if answered:
            cases = " ".join(
                f"when {literal(word)} then {literal(state)}" for word, state in answered.items()
            )
            name = quoted(profile.name)
            self.columns["status"] = Filled(f"case {name} {cases} else {name} end")
        if not unknown:
            self.notes.append(Note("found", "states", f"{profile.name}: {told}"))
        elif sum(unknown.values()) > _UNKNOWN_MAX * sum(counts.values()):
            text = (
                f"{profile.name}: {told}; what do the unknown words mean? Rows of an unknown state do "
                f"not count (candidates: {', '.join(_WITH_STATES[self.entity])})"
            )
            self.notes.append(Note("ask", "states", text))
        else:
            text = f"{profile.name}: {told}; rows of unknown words do not count until config/facts.yaml says"
            self.notes.append(Note("guess", "states", text))

    def _judge_units(self) -> None:
        """Whole numbers for amounts may be hundredths, as APIs write them: a factor of a hundred."""
        whole = {
            name: profile
            for name, item in self.columns.items()
            if self._is_money(name)
            and (profile := self.profiles.get(item.text)) is not None
            and profile.kind == "int"
            and profile.distinct > 1
        }
        if not whole:
            return
        if (answer := self.answers.get("units")) is not None:
            if answer == "100":
                for name, profile in whole.items():
                    text = self.locale.written(f"{self.locale.number(profile)} / 100")
                    self.columns[name] = Filled(text)
            return
        codes = self._profile("currency")
        is_api = codes is not None and all(value.islower() for value in codes.values)
        parts = [int(value) for item in whole.values() for value in item.values if value.isdigit()]
        priced = [part for part in parts if part >= 100 and part % 100 in (0, 50, 90, 95, 99)]
        if is_api or (len(parts) >= 5 and len(priced) >= 0.8 * len(parts)):
            names = ", ".join(profile.name for profile in whole.values())
            text = f"{names}: whole numbers; are these amounts, or hundredths of them (candidates: 1, 100)"
            self.notes.append(Note("ask", "units", text))

    # ---- from a column
    def _from_match(self, column: Column) -> Filled:
        match = self.matches[column.name]
        profile = self.profiles[match.source]
        made_of_lines = self.grouped and self._lines_total(Filled(profile.name)) is not None
        if column.name in _AMOUNTS and match.score < _SURE and not made_of_lines:
            text = self.locale.expression(column, profile)
            why = f"only its name, or its values, speak for {profile.name}"
            return self._ask_for_amount(column.name, why, text)
        check = (
            ""
            if match.score >= _SURE
            else "taken by its values"
            if match.score <= 0.4
            else "guessed from its name"
        )
        if column.values is not None and (cases := self._cases(column, profile)):
            return Filled(cases, check)
        text = self.locale.expression(column, profile)
        if column.name == "currency" and any(value != value.upper() for value in profile.values):
            text = f"upper({quoted(profile.name)})"
        return Filled(text, check)

    def _cases(self, column: Column, profile: ColumnProfile) -> str | None:
        allowed = {value.lower() for value in column.values or ()}
        if {value.lower() for value in profile.values} <= allowed:
            return None
        known = enum_words(self.entity, column)
        pairs = {
            value.lower(): known[value.lower()]
            for value in profile.values
            if value.lower() in known
        }
        cases = " ".join(
            f"when {literal(value)} then {literal(pairs[value])}" for value in sorted(pairs)
        )
        return f"case lower({quoted(profile.name)}) {cases} else {quoted(profile.name)} end"

    # ---- what several columns give together
    def _amounts_of_plans(self) -> None:
        """A monthly amount of the whole subscription must neither be multiplied by seats nor read
        as a yearly one.
        """
        amount = self._profile("unit_amount")
        if self.entity != "subscriptions" or amount is None:
            return
        parts = plain(amount.name).split()
        interval = "year" if {"arr", "annual", "yearly"} & set(parts) else "month"
        if interval == "year" or {"mrr", "monthly", "monatlich", "month"} & set(parts):
            self.columns["billing_interval"] = Filled(
                f"'{interval}'",
                f"{amount.name} is an amount per {interval}, however often is billed",
            )
            self.matches.pop("billing_interval", None)
        if {"mrr", "arr", "revenue", "total"} & set(parts) and "quantity" in self.matches:
            seats = self.matches.pop("quantity").source
            text = (
                f"{amount.name} is of all {seats} together: they are not multiplied; kept in "
                "extra_json"
            )
            self.notes.append(Note("guess", "quantity", text))

    def _extras(self) -> None:
        """Columns that no single source column gives."""
        name = self._profile("full_name")
        if name and "last_name" not in self.columns and "first_name" not in self.columns:
            text = quoted(name.name)
            self.columns["first_name"] = Filled(
                f"case when {text} like '% %' then split_part({text}, ' ', 1) end"
            )
            rest = f"regexp_replace({text}, '^\\S+\\s+', '')"
            self.columns["last_name"] = Filled(rest, "what follows the first word of the name")
        rating = self._profile("rating")
        if self.entity == "reviews" and rating and "rating_max" not in self.columns:
            top = next((step for step in (5, 10, 100) if (rating.high or 0) <= step), 100)
            self.columns["rating_max"] = Filled(
                f"'{top}'", f"the highest rating in the file is {rating.high:g}"
            )
        if (
            self.entity == "subscriptions"
            and "churn_flag" in self.matches
            and not self._end_column()
        ):
            when = f"case when {self._is_true('churn_flag')} then _exported_at - to_seconds(1) end"
            self.columns["canceled_at"] = Filled(
                when, "the file says who left, not when: the export's day is taken"
            )
            self.columns["ended_at"] = Filled(when)
        if self.entity == "events" and "event_type" not in self.columns:
            self.columns["event_type"] = Filled("'track'")
        self._judge_states()
        self._judge_units()
        people = {
            "events": ("user_id", "anonymous_id", "account_id"),
            "orders": ("customer_ref", "email"),
        }
        if not set(people.get(self.entity, self.matches)) & set(self.matches):
            ids = [
                profile.name
                for profile in self.profiles.values()
                if plain(profile.name).endswith((" id", " ref"))
            ]
            others = [name for name in ids if name not in self.columns[self.table.key[-1]].text]
            lead = f"; {others[0]} may lead to them through lookups" if others else ""
            self.notes.append(Note("guess", "people", f"no column says who it was{lead}"))

    # ---- what has no column
    def _fill(self, column: Column, used: set[str]) -> Filled:
        """A required column: made of others, taken by its values, or else a literal that says so."""
        if found := self.derived(column.name):
            return found
        if (
            column.type in ("timestamp", "date")
            and self.entity not in _LASTING
            and column.name != "updated_at"
        ):
            free = [
                profile
                for profile in self.profiles.values()
                if profile.is_time and profile.name not in used
            ]
            if free:
                used.add(free[0].name)
                text = self.locale.expression(column, free[0])
                return Filled(text, "the first column of dates that nothing else takes")
        if column.type == "money":
            prices = [name for name in self.profiles if self._lines_total(Filled(name))]
            if self.grouped and column.name == "total" and len(prices) == 1:
                # Made of its lines when the rows of an order are put together.
                return Filled(prices[0])
            free = [
                profile
                for profile in self.profiles.values()
                if profile.kind == "decimal" and profile.distinct > 1 and profile.name not in used
            ]
            proposed = self.locale.expression(column, free[0]) if len(free) == 1 else ""
            return self._ask_for_amount(column.name, "no column is plainly this amount", proposed)
        if default := words()["defaults"].get(f"{self.entity}.{column.name}"):
            return Filled(default[0], default[1])
        if column.type in ("timestamp", "date"):
            return Filled("_exported_at", "the file does not say when: the export's date is taken")
        if column.type in ("float", "int"):
            return Filled("'0'", "the file has no number for it")
        return Filled(f"'{self.stem}'", "the file does not say; its own name is taken")

    # ---- several rows of one record
    def _group(self, key: Key) -> None:
        """Every column of a group as one value: what differs between its rows is added up when it
        is an amount.
        """
        for name, item in self.columns.items():
            profile = self.profiles.get(item.text)
            if name == self.table.key[-1] or item.text.startswith("'"):
                continue
            if name == "total" and (of_lines := self._lines_total(item)):
                self.columns[name] = of_lines
                continue
            amount = profile is not None and self._is_money(name)
            if (
                amount
                and profile is not None
                and not self.rows.constant_within(profile.name, key.columns[0])
            ):
                text = self.locale.written(f"sum({self.locale.number(profile)})")
                self.columns[name] = Filled(text, f"the rows' {profile.name} added up")
            elif (
                profile is not None
                and profile.is_time
                and profile.kind != "epoch"
                and self.locale.formats(profile)
            ):
                # As text the 1st of December would come before the 2nd of January.
                read = ", ".join(
                    f"try_strptime({quoted(item.text)}, {literal(form)})"
                    for form in self.locale.formats(profile)
                )
                self.columns[name] = Filled(
                    f"min(coalesce({read}, try_cast({quoted(item.text)} as timestamp)))", item.check
                )
            elif profile is not None:
                self.columns[name] = Filled(f"min({quoted(profile.name)})", item.check)
            else:
                self.columns[name] = Filled(f"min({item.text})", item.check)

    def _lines_total(self, item: Filled) -> Filled | None:
        """An order's total of its lines: pieces times price where the amount is a piece's."""
        profile = self.profiles.get(item.text)
        pieces = next(
            (p for p in self.profiles.values() if p.is_number and plain(p.name) in _PIECES), None
        )
        is_price = profile is not None and bool({"unit", "price", "preis", "prix", "precio"}
                                                & set(plain(profile.name).split()))  # fmt: skip
        if profile is None or pieces is None or not is_price or pieces is profile:
            return None
        text = f"sum(round({self.locale.number(profile)} * {self.locale.number(pieces)}, 2))"
        return Filled(
            self.locale.written(text), f"the rows' {profile.name} times {pieces.name} added up"
        )


def _pairs(text: str) -> list[str]:
    return [pair.strip() for pair in text.split(";") if "=" in pair]
