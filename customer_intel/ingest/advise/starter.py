"""A starter mapping: for each column of an entity the source column or an expression, with what was
guessed and why.

Belongs here: what fills a column. Not here: columns that no source column gives
(derived_columns.py), which entity (match_entity.py),
reader options that depend on values (values' marks and formats: locale.py), keys (find_key.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from customer_intel.core.contract.model import Column
from customer_intel.core.engine import literal, quoted
from customer_intel.ingest.advise.column_fit import enum_words
from customer_intel.ingest.advise.column_profile import ColumnProfile
from customer_intel.ingest.advise.derived_columns import Filled
from customer_intel.ingest.advise.find_key import Key, find_key
from customer_intel.ingest.advise.judged_columns import JudgedColumns
from customer_intel.ingest.advise.sniffed import Note
from customer_intel.ingest.mapping.column_names import plain, synonyms, words
from customer_intel.ingest.mapping.model import Reader

_SURE = 0.7
# What a business is measured by: a guess at one of these is a question.
_AMOUNTS = ("total", "amount", "line_total", "unit_amount", "cost")
# When money moved is never the export's day.
_WHEN_IT_WAS = {
    "orders": ("ordered_at",), "payments": ("paid_at",), "subscriptions": ("started_at",),
    "invoices": ("issued_at", "created_at"), "survey_responses": ("responded_at",), "events": ("occurred_at",),
}  # fmt: skip
# How a column of pieces is called.
_PIECES = frozenset(synonyms("order_lines", "quantity"))
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


class Builder(JudgedColumns):
    """Fills one entity from one file."""

    def build(self, reader: Reader) -> Starter:
        """The mapping, with what was guessed in its notes. `reader`: the options found by sniffing."""
        self._take_answers()
        self._choose_total()
        self._find_people()
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
        if column.name == "discount" and (profile.low or 0) < 0 >= (profile.high or 0):
            text = self.locale.written(f"abs({self.locale.number(profile)})")
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
            "survey_responses": ("respondent_ref", "email"),
        }
        if not set(people.get(self.entity, self.matches)) & set(self.matches):
            ids = [
                profile.name
                for profile in self.profiles.values()
                if plain(profile.name).endswith((" id", " ref"))
            ]
            others = [name for name in ids if name not in self.columns[self.table.key[-1]].text]
            lead = f"; {others[0]} may lead to them through lookups" if others else ""
            again = [
                profile.name
                for profile in self.profiles.values()
                if profile.is_id and not profile.is_unique and not profile.is_wordy
                and profile.name not in {match.source for match in self.matches.values()}
                and 5 < profile.distinct < profile.filled and profile.longest <= 40
                and profile.kind != "bool"
            ]  # fmt: skip
            who = next((n for n in ("customer_ref", "respondent_ref") if n in self.known), None)
            if again and who and self.entity in ("orders", "survey_responses", "subscriptions"):
                text = f"no column says who it was (candidates: {', '.join(again[:5])}, or null for nobody)"
                self.notes.append(Note("ask", who, text))
            else:
                self.notes.append(Note("guess", "people", f"no column says who it was{lead}"))
        self._tell_refusals()

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
        if f"{self.entity}.{column.name}" == "subscriptions.billing_interval":
            self.notes.append(
                Note("ask", column.name, "nothing says how often the amount is paid "
                     f"(candidates: {', '.join(column.values or ())})")
            )  # fmt: skip
        if default := words()["defaults"].get(f"{self.entity}.{column.name}"):
            return Filled(default[0], default[1])
        if column.name in _WHEN_IT_WAS.get(self.entity, ()):
            dates = [
                name for name in self.profiles if "dat" in plain(name) or "time" in plain(name)
            ]
            told = f"candidates: {', '.join(dates[:6])}" if dates else "no column is a date"
            self.notes.append(
                Note("ask", column.name, f"no column can be read as its date ({told})")
            )
        if column.type in ("timestamp", "date"):
            return Filled("_exported_at", "the file does not say when: the export's date is taken")
        if column.type in ("float", "int"):
            return Filled("'0'", "the file has no number for it")
        if column.name == "survey_id":
            return Filled(
                f"'{self.source}_{self.stem}'", "the file does not say; its own name is taken"
            )
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
