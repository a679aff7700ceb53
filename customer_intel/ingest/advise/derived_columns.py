"""Derived entity columns: those that no source column gives, made of others or of a literal.

Belongs here: one method per entity and column, found by name. Not here: what fills a column from a
source column (starter.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from customer_intel.core.contract.model import Column, Table
from customer_intel.core.engine import quoted
from customer_intel.ingest.advise.column_profile import ColumnProfile
from customer_intel.ingest.advise.find_key import FileRows
from customer_intel.ingest.advise.locale import Locale
from customer_intel.ingest.advise.match_entity import EntityCandidate
from customer_intel.ingest.advise.sniffed import Note
from customer_intel.ingest.conform.odd_values import SIGNS
from customer_intel.ingest.mapping.column_names import plain, slug
from customer_intel.ingest.mapping.model import settable

TRUE = "('true', 'yes', '1', 'y', 't')"
# A sign of several currencies is taken for its first, and said, where that is the usual reading.
_USUAL = ("$", "£")
_CODES = ("usd", "eur", "gbp", "chf", "brl", "jpy", "cad", "aud", "sek", "pln", "inr")


# (entity, word) → the state that the word means, None where nobody declared it.
StateOf = Callable[[str, str], str | None]
# ISO 4217's code where no currency is meant: what an amount is in when nothing says it.
NO_CURRENCY = "XXX"


# The scale as a question says it.
_TO_TEN = re.compile(r"\b0\s*(-|–|to|bis|à|a|tot|do)\s*10\b")
# A scale whose first number is the best, as marks at school.
_GRADES = re.compile(r"\b1 (sehr gut|very good|very satisfied|excellent|best|tres|muy|ottimo|heel)")


@dataclass(frozen=True)
class Filled:
    """An entity column's text in the mapping; `check` says what was guessed."""

    text: str
    check: str = ""


class DerivedColumns:
    """One entity and one file: what is known of both, and the columns filled so far."""

    def __init__(
        self, table: Table, candidate: EntityCandidate, profiles: Sequence[ColumnProfile], locale: Locale,
        rows: FileRows, source: str, file_name: str, *, grouped: bool = False,
        answers: Mapping[str, str] | None = None, state_of: StateOf | None = None, currency: str = "",
        known_ids: Collection[str] = (),
    ) -> None:  # fmt: skip
        self.answers, self.state_of, self.currency = answers or {}, state_of, currency
        self.known_ids = known_ids
        self.table, self.entity, self.profiles = (
            table,
            table.name,
            {profile.name: profile for profile in profiles},
        )
        self.matches, self.locale, self.rows, self.source = (
            dict(candidate.matches),
            locale,
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

    def _profile(self, target: str) -> ColumnProfile | None:
        return self.profiles[self.matches[target].source] if target in self.matches else None

    def _end_column(self) -> str | None:
        return next((name for name in ("ended_at", "canceled_at") if name in self.matches), None)

    def _is_true(self, helper: str) -> str:
        return f"lower({quoted(self.matches[helper].source)}) in {TRUE}"

    def derived(self, name: str) -> Filled | None:
        """The entity's own rule for a column, else the rule for any entity, else None."""
        found = getattr(self, f"_{self.entity}_{name}", None) or getattr(self, f"_any_{name}", None)
        return found() if found else None

    def _any_currency(self) -> Filled:
        money = [
            self.profiles[match.source]
            for name, match in self.matches.items()
            if self._is_money(name)
        ]
        symbols = {profile.symbol for profile in money if profile.symbol and profile.symbol != "%"}
        if len(symbols) == 1:
            symbol = symbols.pop()
            codes = SIGNS.get(symbol, symbol).split()
            if len(codes) == 1 or symbol in _USUAL:
                others = f"; it may be {', '.join(codes[1:5])} too" if len(codes) > 1 else ""
                return Filled(f"'{codes[0]}'", f"read from the sign at the amounts{others}")
            self.notes.append(
                Note(
                    "ask",
                    "currency",
                    f"the amounts bear {symbol} (candidates: {', '.join(codes)})",
                )
            )
            return Filled(f"'{codes[0]}'", "the sign is of several currencies")
        named = {
            code for profile in money for code in plain(profile.name).split() if code in _CODES
        }
        if len(named) == 1:
            return Filled(f"'{named.pop().upper()}'", "read from the amount's name")
        if self.currency:
            return Filled(
                f"'{self.currency}'",
                "the file names no currency: the company's reporting_currency is taken",
            )
        return Filled(
            f"'{NO_CURRENCY}'",
            f"the file names no currency: {NO_CURRENCY} (none) is written, so amounts are not added to "
            "those of others; put the right one, or --answer currency=EUR",
        )

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
        end = self._end_column()
        cases = []
        if end:
            cases.append(f"when {quoted(self.matches[end].source)} is not null then 'canceled'")
        elif "churn_flag" in self.matches:
            cases.append(f"when {self._is_true('churn_flag')} then 'canceled'")
        if "is_trial" in self.matches:
            cases.append(f"when {self._is_true('is_trial')} then 'trialing'")
        if not cases:
            return None
        sources = [
            self.matches[name].source
            for name in (end or "churn_flag", "is_trial")
            if name in self.matches
        ]
        return Filled(
            f"case {' '.join(cases)} else 'active' end", f"made of {' and '.join(sources)}"
        )

    def _subscriptions_started_at(self) -> Filled | None:
        tenure = self._profile("tenure_months")
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
        if paid := self._profile("paid_at"):
            return Filled(
                f"case when {quoted(paid.name)} is not null then 'paid' else 'open' end",
                "made of paid_at",
            )
        return None

    def _order_lines_line_total(self) -> Filled | None:
        price, quantity = self._profile("unit_price"), self._profile("quantity")
        if price is None:
            return None
        if quantity is None:
            return Filled(
                self.locale.expression(self.known["unit_price"], price), "one piece a row"
            )
        text = f"round({self.locale.number(price)} * {self.locale.number(quantity)}, 2)"
        return Filled(self.locale.written(text), "price times quantity")

    def _order_lines_unit_price(self) -> Filled | None:
        total, quantity = self._profile("line_total"), self._profile("quantity")
        if total is None:
            return None
        if quantity is None:
            return Filled(
                self.locale.expression(self.known["line_total"], total), "one piece a row"
            )
        amount, pieces = self.locale.number(total), self.locale.number(quantity)
        text = f"round(coalesce({amount} / nullif({pieces}, 0), {amount}), 2)"
        return Filled(
            self.locale.written(text),
            "the line's amount by its quantity; of no pieces the amount itself",
        )

    def _survey_responses_survey_type(self) -> Filled | None:
        score = self._profile("score")
        if score and _GRADES.search(plain(f"{score.name} {score.label}")):
            text = f"{score.name}: 1 is its best answer; say what the score is (candidates: SQL as 6 - …)"
            self.notes.append(Note("ask", "score", text))
        kinds = {"nps", "csat", "ces", "pmf"} & set(
            plain(f"{self.stem} {score.name if score else ''}").split()
        )
        if len(kinds) == 1:
            return Filled(f"'{kinds.pop()}'", "by the name of the file or column")
        if "pmf_answer" in self.matches:
            return Filled("'pmf'", "it asks how disappointed one would be")
        if score is None or score.high is None:
            return None
        if _TO_TEN.search(f"{score.name} {score.label}"):
            return Filled("'nps'", "its question has answers from 0 to 10")
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
