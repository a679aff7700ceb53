"""A starter mapping: for each column of an entity the source column or an expression, with what was
guessed and why.

Belongs here: what fills a column, and the mapping's text. Not here: which entity (match_entity.py),
reader options that depend on values (values' marks and formats: locale.py), keys (find_key.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from customer_intel.core.contract.model import Column, Table
from customer_intel.core.engine import literal, quoted
from customer_intel.ingest.advise.column_profile import Shape
from customer_intel.ingest.advise.find_key import Key, Rows, find_key
from customer_intel.ingest.advise.locale import Marks
from customer_intel.ingest.advise.match_entity import Candidate, enum_words, plain, words
from customer_intel.ingest.advise.sniff import Note
from customer_intel.ingest.mapping.model import Reader, settable

TRUE = "('true', 'yes', '1', 'y', 't')"
_SURE = 0.8
_CURRENCIES = {"€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY"}
_CODES = ("usd", "eur", "gbp", "chf", "brl", "jpy", "cad", "aud", "sek", "pln", "inr")
# Snapshots of things that last: when they came to be is not to be had from just any date.
_LASTING = ("contacts", "accounts", "products")


@dataclass(frozen=True)
class Filled:
    """An entity column's text in the mapping; `check` says what was guessed."""

    text: str
    check: str = ""


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


class Builder:
    """Fills one entity from one file."""

    def __init__(
        self, table: Table, candidate: Candidate, shapes: Sequence[Shape], marks: Marks, rows: Rows,
        source: str, file_name: str, *, grouped: bool = False,
    ) -> None:  # fmt: skip
        self.table, self.entity, self.shapes = (
            table,
            table.name,
            {shape.name: shape for shape in shapes},
        )
        self.matches, self.marks, self.rows, self.source = (
            dict(candidate.matches),
            marks,
            rows,
            source,
        )
        self.stem = slug(
            re.sub(
                r"\.(csv|tsv|txt|jsonl?|ndjson|parquet|xlsx|gz|zst|zstd)\b", "", file_name.lower()
            )
        )
        self.known: Mapping[str, Column] = settable(table)
        self.columns: dict[str, Filled] = {}
        self.notes: list[Note] = []
        self.grouped = grouped

    def build(self, reader: Reader) -> Starter:
        used = {match.source for match in self.matches.values()}
        key_name = self.table.key[-1]
        key = find_key(
            self.table, self.matches, list(self.shapes.values()), self.rows, grouped=self.grouped
        )
        self.columns[key_name] = Filled(key.text, key.check)
        self._amounts_of_plans()
        for name, column in self.known.items():
            if name in self.matches and name != key_name:
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
        kept = self.marks.reader(self.known, self._sources(), reader)
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

    def _sources(self) -> dict[str, Shape]:
        """Entity column → the shape of the source column that fills it as it is."""
        return {
            name: self.shapes[item.text]
            for name, item in self.columns.items()
            if item.text in self.shapes
        }

    def _optional(self, reader: Reader) -> tuple[str, ...]:
        """JSON leaves out keys: what some lines lack, another file may lack whole."""
        if self.rows.format != "jsonl":
            return ()
        used = {match.source for name, match in self.matches.items() if name in self.columns}
        return tuple(
            name
            for name, shape in self.shapes.items()
            if name in used and shape.filled < shape.rows
        )

    # ---- from a column
    def _shape(self, target: str) -> Shape | None:
        return self.shapes[self.matches[target].source] if target in self.matches else None

    def _from_match(self, column: Column) -> Filled:
        match = self.matches[column.name]
        shape = self.shapes[match.source]
        check = (
            ""
            if match.score >= _SURE
            else "taken by its values"
            if match.score <= 0.4
            else "guessed from its name"
        )
        if column.values is not None and (cases := self._cases(column, shape)):
            return Filled(cases, check)
        text = self.marks.expression(column, shape)
        if column.name == "currency" and any(value != value.upper() for value in shape.values):
            text = f"upper({quoted(shape.name)})"
        return Filled(text, check)

    def _cases(self, column: Column, shape: Shape) -> str | None:
        allowed = {value.lower() for value in column.values or ()}
        if {value.lower() for value in shape.values} <= allowed:
            return None
        known = enum_words(self.entity, column)
        pairs = {
            value.lower(): known[value.lower()] for value in shape.values if value.lower() in known
        }
        cases = " ".join(
            f"when {literal(value)} then {literal(pairs[value])}" for value in sorted(pairs)
        )
        return f"case lower({quoted(shape.name)}) {cases} else {quoted(shape.name)} end"

    # ---- what several columns give together
    def _amounts_of_plans(self) -> None:
        """A monthly amount of the whole subscription must neither be multiplied by seats nor read
        as a yearly one.
        """
        amount = self._shape("unit_amount")
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
        name = self._shape("full_name")
        if name and "last_name" not in self.columns and "first_name" not in self.columns:
            text = quoted(name.name)
            self.columns["first_name"] = Filled(
                f"case when {text} like '% %' then split_part({text}, ' ', 1) end"
            )
            rest = f"regexp_replace({text}, '^\\S+\\s+', '')"
            self.columns["last_name"] = Filled(rest, "what follows the first word of the name")
        rating = self._shape("rating")
        if self.entity == "reviews" and rating and "rating_max" not in self.columns:
            top = next((step for step in (5, 10, 100) if (rating.high or 0) <= step), 100)
            self.columns["rating_max"] = Filled(
                f"'{top}'", f"the highest rating in the file is {rating.high:g}"
            )
        if self.entity == "subscriptions" and "churn_flag" in self.matches and not self._left():
            when = f"case when {self._is_true('churn_flag')} then _exported_at - to_seconds(1) end"
            self.columns["canceled_at"] = Filled(
                when, "the file says who left, not when: the export's day is taken"
            )
            self.columns["ended_at"] = Filled(when)
        if self.entity == "events" and "event_type" not in self.columns:
            self.columns["event_type"] = Filled("'track'")
        people = {
            "events": ("user_id", "anonymous_id", "account_id"),
            "orders": ("customer_ref", "email"),
        }
        if not set(people.get(self.entity, self.matches)) & set(self.matches):
            ids = [
                shape.name
                for shape in self.shapes.values()
                if plain(shape.name).endswith((" id", " ref"))
            ]
            others = [name for name in ids if name not in self.columns[self.table.key[-1]].text]
            lead = f"; {others[0]} may lead to them through lookups" if others else ""
            self.notes.append(Note("ask", "people", f"no column says who it was{lead}"))

    def _left(self) -> str | None:
        return next((name for name in ("ended_at", "canceled_at") if name in self.matches), None)

    def _is_true(self, helper: str) -> str:
        return f"lower({quoted(self.matches[helper].source)}) in {TRUE}"

    # ---- what has no column
    def _fill(self, column: Column, used: set[str]) -> Filled:
        """A required column: made of others, taken by its values, or else a literal that says so."""
        if found := self._derived(column.name):
            return found
        if (
            column.type in ("timestamp", "date")
            and self.entity not in _LASTING
            and column.name != "updated_at"
        ):
            free = [
                shape for shape in self.shapes.values() if shape.is_time and shape.name not in used
            ]
            if free:
                used.add(free[0].name)
                text = self.marks.expression(column, free[0])
                return Filled(text, "the first column of dates that nothing else takes")
        if column.type == "money":
            free = [
                shape
                for shape in self.shapes.values()
                if shape.kind == "decimal" and shape.name not in used
            ]
            if free:
                used.add(free[0].name)
                return Filled(
                    self.marks.expression(column, free[0]),
                    "the first column of amounts that nothing else takes",
                )
        if default := words()["defaults"].get(f"{self.entity}.{column.name}"):
            return Filled(default[0], default[1])
        if column.type in ("timestamp", "date"):
            return Filled("_exported_at", "the file does not say when: the export's date is taken")
        if column.type in ("money", "float", "int"):
            return Filled("'0'", "the file has no number for it")
        return Filled(f"'{self.stem}'", "the file does not say; its own name is taken")

    def _derived(self, name: str) -> Filled | None:
        found = getattr(self, f"_{self.entity}_{name}", None) or getattr(self, f"_any_{name}", None)
        return found() if found else None

    def _any_currency(self) -> Filled:
        money = [
            self.shapes[match.source]
            for name, match in self.matches.items()
            if self._is_money(name)
        ]
        symbols = {shape.symbol for shape in money if shape.symbol and shape.symbol != "%"}
        if len(symbols) == 1:
            symbol = symbols.pop()
            return Filled(
                f"'{_CURRENCIES.get(symbol, symbol)}'", "read from the sign at the amounts"
            )
        named = {code for shape in money for code in plain(shape.name).split() if code in _CODES}
        if len(named) == 1:
            return Filled(f"'{named.pop().upper()}'", "read from the amount's name")
        code = "EUR" if self.marks.decimal == "," else "USD"
        self.notes.append(
            Note(
                "ask",
                "currency",
                f"the file names no currency; {code} is written, put the right one",
            )
        )
        return Filled(f"'{code}'", "the file names no currency: put the right one")

    def _is_money(self, name: str) -> bool:
        return name in self.known and self.known[name].type == "money"

    def _any_updated_at(self) -> Filled:
        return Filled("_exported_at", "the state on the export's date")

    def _any_customer_ref(self) -> Filled:
        for name in ("account_id", "email"):
            if name in self.matches:
                return Filled(
                    self.matches[name].source,
                    f"no person is named: the {name} stands for the customer",
                )
        return Filled(
            self.columns[self.table.key[-1]].text,
            "nobody is named: each row is taken for a customer of its own",
        )

    def _any_platform(self) -> Filled:
        return Filled(f"'{self.source}'", "the source's name")

    def _accounts_account_name(self) -> Filled:
        return Filled(self.columns["account_id"].text, "the file has no name")

    def _subscriptions_status(self) -> Filled | None:
        left = self._left()
        cases = []
        if left:
            cases.append(f"when {quoted(self.matches[left].source)} is not null then 'canceled'")
        elif "churn_flag" in self.matches:
            cases.append(f"when {self._is_true('churn_flag')} then 'canceled'")
        if "is_trial" in self.matches:
            cases.append(f"when {self._is_true('is_trial')} then 'trialing'")
        if not cases:
            return None
        told = [
            self.matches[name].source
            for name in (left or "churn_flag", "is_trial")
            if name in self.matches
        ]
        return Filled(f"case {' '.join(cases)} else 'active' end", f"made of {' and '.join(told)}")

    def _subscriptions_started_at(self) -> Filled | None:
        tenure = self._shape("tenure_months")
        if tenure is None:
            return None
        text = f"_export_date - to_months(try_cast({quoted(tenure.name)} as integer))"
        return Filled(text, f"{tenure.name}, read as months, counted back from the export's date")

    def _tickets_status(self) -> Filled | None:
        pairs = [("closed_at", "closed"), ("solved_at", "solved")]
        cases = [
            (f"when {quoted(self.matches[name].source)} is not null then "
                f"'{word}'") for name, word in pairs
            if name in self.matches
        ]  # fmt: skip
        return (
            Filled(f"case {' '.join(cases)} else 'open' end", "made of the closing dates")
            if cases
            else None
        )

    def _invoices_status(self) -> Filled | None:
        if paid := self._shape("paid_at"):
            return Filled(
                f"case when {quoted(paid.name)} is not null then 'paid' else 'open' end",
                "made of paid_at",
            )
        return None

    def _order_lines_line_total(self) -> Filled | None:
        price, quantity = self._shape("unit_price"), self._shape("quantity")
        if price is None:
            return None
        if quantity is None:
            return Filled(self.marks.expression(self.known["unit_price"], price), "one piece a row")
        text = f"round({self.marks.number(price)} * {self.marks.number(quantity)}, 2)"
        return Filled(self.marks.written(text), "price times quantity")

    def _order_lines_unit_price(self) -> Filled | None:
        total, quantity = self._shape("line_total"), self._shape("quantity")
        if total is None:
            return None
        if quantity is None:
            return Filled(self.marks.expression(self.known["line_total"], total), "one piece a row")
        amount, pieces = self.marks.number(total), self.marks.number(quantity)
        text = f"round(coalesce({amount} / nullif({pieces}, 0), {amount}), 2)"
        return Filled(
            self.marks.written(text),
            "the line's amount by its quantity; of no pieces the amount itself",
        )

    def _survey_responses_survey_type(self) -> Filled | None:
        score = self._shape("score")
        told = {"nps", "csat", "ces", "pmf"} & set(
            plain(f"{self.stem} {score.name if score else ''}").split()
        )
        if len(told) == 1:
            return Filled(f"'{told.pop()}'", "by the name of the file or column")
        if "pmf_answer" in self.matches:
            return Filled("'pmf'", "it asks how disappointed one would be")
        if score is None or score.high is None:
            return None
        kind = (
            "csat"
            if score.high <= 5
            else "ces"
            if score.high <= 7
            else "nps"
            if score.high <= 10
            else "other"
        )
        return Filled(f"'{kind}'", f"scores go from {score.low:g} to {score.high:g}")

    def _events_event_name(self) -> Filled:
        if "feature" in self.matches:
            return Filled("'feature_used'", "the file names features, not events")
        key = plain(self.columns["event_id"].text).removesuffix(" id")
        name = slug(key) if " event" in key else self.stem
        return Filled(f"'{name}'", "the file names no event: one name for all")

    def _reference_rows_dataset(self) -> Filled:
        return Filled(f"'{self.stem}'")

    # ---- several rows of one record
    def _group(self, key: Key) -> None:
        """Every column of a group as one value: what differs between its rows is added up when it
        is an amount.
        """
        for name, item in self.columns.items():
            shape = self.shapes.get(item.text)
            if name == self.table.key[-1] or item.text.startswith("'"):
                continue
            amount = shape is not None and self._is_money(name)
            if (
                amount
                and shape is not None
                and not self.rows.constant_within(shape.name, key.columns[0])
            ):
                text = self.marks.written(f"sum({self.marks.number(shape)})")
                self.columns[name] = Filled(text, f"the rows' {shape.name} added up")
            elif (
                shape is not None
                and shape.is_time
                and shape.kind != "epoch"
                and self.marks.formats(shape)
            ):
                # As text the 1st of December would come before the 2nd of January.
                read = ", ".join(
                    f"try_strptime({quoted(item.text)}, {literal(form)})"
                    for form in self.marks.formats(shape)
                )
                self.columns[name] = Filled(
                    f"min(coalesce({read}, try_cast({quoted(item.text)} as timestamp)))", item.check
                )
            elif shape is not None:
                self.columns[name] = Filled(f"min({quoted(shape.name)})", item.check)
            else:
                self.columns[name] = Filled(f"min({item.text})", item.check)


def slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_") or "file"
