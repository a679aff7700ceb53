"""What of a row's values is none, and what that means: a value emptied or a row not taken.

Belongs here: these rules as SQL over one file's columns, for each its text (`=name`), what a plain
cast makes of it (`~name`) and its value (`name`). Not here: the steps that use them (conform.py),
what a text says (typing_rules.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from customer_intel.core.contract.model import Column, Table
from customer_intel.core.engine import literal, quoted
from customer_intel.ingest.conform import odd_values
from customer_intel.ingest.conform.emptied import may_be_emptied
from customer_intel.ingest.conform.typing_rules import AMBIGUOUS, OTHER_CURRENCY, Typing
from customer_intel.ingest.mapping.expressions import columns_of
from customer_intel.ingest.mapping.model import FileMapping, settable


class RowRules:
    """The rules of one entity for one mapping's columns. `columns`: those of the entity that the
    mapping fills.
    """

    def __init__(self, entity: Table, mapping: FileMapping, export_date: date) -> None:
        self.entity, self.mapping = entity, mapping
        self.columns = {
            name: column for name, column in settable(entity).items() if name in mapping.columns
        }
        self.typing = Typing(mapping.reader, export_date)
        self.settings = entity.entity or {}
        rules = self.settings.get("rules", ())
        self.rules = [rule for rule in rules if columns_of(rule["bad"], ()) <= self.columns.keys()]

    def _may_fail(self, column: Column) -> bool:
        """Whether a row may be set aside for this column."""
        ruled = any(rule["column"] == column.name for rule in self.rules)
        return ruled or not may_be_emptied(column, self.entity.key)

    def _is_typed(self, column: Column) -> bool:
        """Whether a text may be no value of the column."""
        return self._value(column) != text_of(column.name)

    def _soft(self) -> list[Column]:
        """The columns whose odd values are emptied, the row kept."""
        return [
            column
            for column in self.columns.values()
            if may_be_emptied(column, self.entity.key) and self._is_typed(column)
        ]

    def _odd(self, column: Column) -> str:
        """SQL for whether a text is no value, nor a database's way to write none."""
        absent = f"({text_of(column.name)} IS NOT NULL AND {quoted(column.name)} IS NULL)"
        if column.type not in ("date", "timestamp"):
            return absent
        default = odd_values.is_default_date(text_of(column.name), column, self.mapping.reader)
        return f"CASE WHEN {absent} THEN NOT {default} ELSE false END"

    def _lacking(self, column: Column) -> str:
        """SQL for whether a required value is absent. A deletion need only say what is gone."""
        absent = f"{text_of(column.name)} IS NULL"
        only_if_kept = "_deleted" in self.columns and column.name not in self.entity.key
        return f'{absent} AND NOT coalesce("_deleted", false)' if only_if_kept else absent

    def _unknown_currency(self) -> str:
        known = ", ".join(literal(code) for code in odd_values.CURRENCIES.split())
        names = self._mapped(self.settings.get("currencies", ("currency",)))
        return " OR ".join(f"{name} NOT IN ({known})" for name in names) or "false"

    def _mapped(self, names: Iterable[str]) -> list[str]:
        return [quoted(name) for name in names if name in self.columns]

    def _value(self, column: Column) -> str:
        text = text_of(column.name)
        if column.name in self.settings.get("json", ()):
            return f"CASE WHEN json_valid({text}) THEN {text} END"
        if is_email(column):
            return odd_values.email(text)
        if self._is_id(column):
            return odd_values.whole_id(text)
        return self.typing.value(column, text, tried_of(column.name), self._currency())

    def _is_id(self, column: Column) -> bool:
        return column.values is None and odd_values.is_id(column, self.entity.key)

    def _currency(self) -> str | None:
        return text_of("currency") if "currency" in self.columns else None

    def _reason(self, column: Column) -> str:
        """SQL for why the value of a failed row is none, null when it is fine."""
        text, value = text_of(column.name), quoted(column.name)
        why = literal(
            "not JSON"
            if column.name in self.settings.get("json", ())
            else odd_values.LOST_DIGITS
            if self._is_id(column)
            else self.typing.fault(column)
        )
        if column.type in ("date", "timestamp"):
            clash = self.typing.ambiguous(column, text)
            found = self.typing.unbounded(column, text)
            default = odd_values.is_default_date(text, column, self.mapping.reader)
            why = (
                f"CASE WHEN {default} THEN 'required, but empty' "
                f"WHEN {clash} THEN {literal(AMBIGUOUS)} "
                f"WHEN {found} IS NOT NULL THEN {literal(self.typing.bounds)} ELSE {why} END"
            )
        if column.type == "money":
            other = odd_values.contradicts(text, self._currency())
            why = f"CASE WHEN {other} THEN {literal(OTHER_CURRENCY)} ELSE {why} END"
        firm = not may_be_emptied(column, self.entity.key)
        cases = f"WHEN {text} IS NOT NULL AND {value} IS NULL THEN {why}" if firm else ""
        if column.required:
            cases += f" WHEN {self._lacking(column)} THEN 'required, but empty'"
        for rule in self.rules:
            if rule["column"] == column.name:
                cases += f" WHEN {rule['bad']} THEN {literal(rule['reason'])}"
        return f"CASE {cases} END"


def is_email(column: Column) -> bool:
    """Whether a column holds email addresses."""
    return column.pii == "email" and not column.required


def text_of(name: str) -> str:
    """The column that holds a value as text."""
    return quoted(f"={name}")


def tried_of(name: str) -> str:
    """The column that holds what a plain cast makes of the value."""
    return quoted(f"~{name}")
