"""The locale of a file, how it writes numbers, times and nulls: one set of reader options, and
expressions for columns that differ.

Belongs here: what the profiles of all columns say together. Not here: one column's profile
(column_profile.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from customer_intel.core.contract.model import Column
from customer_intel.core.engine import literal, quoted
from customer_intel.ingest.advise.column_profile import ColumnProfile, swapped
from customer_intel.ingest.advise.sniffed import Note
from customer_intel.ingest.mapping.model import Reader

_READ_EPOCHS = ("epoch_s", "epoch_ms")
_EPOCH_SQL = {
    "epoch_s": "make_timestamp(cast({} as bigint) * 1000000)",
    "epoch_ms": "make_timestamp(cast({} as bigint) * 1000)",
    "epoch_us": "make_timestamp(cast({} as bigint))",
    "excel_days": "cast(date '1899-12-30' + cast({} as integer) as timestamp)",
    "epoch_ns": "make_timestamp(cast({} as bigint) // 1000)",
}


@dataclass
class Locale:
    """The file's ways. `notes` says which of them were guessed or must be decided."""

    decimal: str
    thousands: str
    order: str
    epoch: str | None
    nulls: tuple[str, ...]
    value_words: frozenset[str]
    zone: str = "UTC"
    notes: list[Note] = field(default_factory=list)

    # ---- expressions over one column
    def expression(self, column: Column, profile: ColumnProfile) -> str:
        """The column's name, or an expression where it is written otherwise than the reader reads."""
        name = quoted(profile.name)
        if column.type in ("timestamp", "date"):
            if profile.kind == "epoch" and (
                profile.formats[0] != self.epoch or column.type == "date"
            ):
                return _EPOCH_SQL[profile.formats[0]].format(name)
            if profile.order in ("day", "month") and profile.order != self.order:
                parsed = ", ".join(
                    f"try_strptime({name}, {literal(form)})" for form in profile.formats
                )
                # A value that fails must not fall back to the file's other order of day and month.
                read = f"cast(coalesce({parsed}) as varchar)"
                return f"case when {name} is not null then coalesce({read}, 'no date') end"
        if column.type in ("money", "float", "int") and profile.is_number:
            own = profile.decimal if profile.decimal in (".", ",") else self.decimal
            if own != self.decimal:
                return self.written(self.number(profile))
        words = [word for word in profile.nulls if word not in self.nulls]
        text = name
        for word in words:
            text = f"nullif({text}, {literal(word)})"
        return text if words else profile.name

    def number(self, profile: ColumnProfile) -> str:
        """SQL for the column as a number to reckon with."""
        text = quoted(profile.name)
        if profile.symbol or profile.is_marked:
            minus = f"case when regexp_matches({text}, '[(−-]|CR\\s*$') then '-' else '' end"
            text = f"{minus} || regexp_replace({text}, '[^0-9.,]', '', 'g')"
        decimal = profile.decimal if profile.decimal in (".", ",") else self.decimal
        for mark in {profile.thousands or (self.thousands if profile.decimal != "." else "")} - {
            "",
            decimal,
        }:
            text = f"replace({text}, {literal(mark)}, '')"
        if decimal == ",":
            text = f"replace({text}, ',', '.')"
        return f"try_cast({text} as decimal(18, 4))"

    def written(self, number: str) -> str:
        """A number's SQL as the reader reads numbers."""
        return f"replace(cast({number} as varchar), '.', ',')" if self.decimal == "," else number

    # ---- reader options
    def formats(self, profile: ColumnProfile) -> tuple[str, ...]:
        """The column's strptime formats, in the file's order of day and month where its own is
        open.
        """
        if profile.order == "day?" and self.order == "month":
            return tuple(swapped(form) for form in profile.formats)
        return profile.formats

    def reader(
        self, known: Mapping[str, Column], sources: Mapping[str, ColumnProfile], reader: Reader
    ) -> dict[str, Any]:
        """The options that a mapping writes down, defaults left out."""
        wanted: dict[str, Counter[str]] = {"timestamp": Counter(), "date": Counter()}
        for name, profile in sources.items():
            if known[name].type in wanted and profile.is_time:
                wanted[known[name].type].update(self.formats(profile))
        kept = reader.model_dump(exclude_defaults=True)
        kept = {key: value for key, value in kept.items() if value is not None}
        if "fields" in kept:
            kept["fields"] = [dict(item) for item in kept["fields"]]
        for kind, forms in wanted.items():
            # Two-digit years first: %Y would read 24 as the year 24. Epochs last: they read any
            # digits.
            order = sorted(
                forms, key=lambda form: (form in _READ_EPOCHS, "%Y" in form, -len(form), form)
            )
            if order:
                kept[kind] = order
        if self.decimal != "." and any(profile.is_number for profile in sources.values()):
            kept["decimal"] = self.decimal
        if self.thousands:
            kept["thousands"] = self.thousands
        if self.nulls:
            kept["null"] = ["", *self.nulls]
        if self.needs_zone(sources.values()):
            kept["zone"] = self.zone
        return kept

    @staticmethod
    def needs_zone(profiles: Any) -> bool:
        """Whether some times have no offset, so that reader.zone decides what they mean."""
        return any(
            profile.kind == "timestamp" and profile.offset != "all" and profile.has_times
            for profile in profiles
        )


# Says which comes first, day or month, and why; None where nothing tells.
Orders = Callable[[Sequence[ColumnProfile]], tuple[str, str] | None]


def locale_of(
    profiles: Sequence[ColumnProfile], delimiter: str, orders: Orders, answers: Mapping[str, str]
) -> Locale:
    """What the columns say together; `orders` is asked where they leave day and month open, answers
    come before both.
    """
    notes: list[Note] = []
    decimal, thousands = _numbers(profiles, notes, answers.get("numbers"))
    european = decimal == "," or delimiter == ";"
    order = answers.get("dates") or _date_order(profiles, notes, orders, european=european)
    zone = answers.get("zone", "UTC")
    epochs = Counter(
        profile.formats[0]
        for profile in profiles
        if profile.kind == "epoch" and profile.formats[0] in _READ_EPOCHS
    )
    value_words = frozenset(word for profile in profiles for word in profile.words)
    nulls = sorted({word for profile in profiles for word in profile.nulls})
    for word in nulls:
        where = [profile.name for profile in profiles if word in profile.nulls]
        if word in value_words:
            also = [profile.name for profile in profiles if word in profile.words]
            text = f"'{word}' is read as nothing in {_some(where)}, but as a value in {_some(also)}"
            notes.append(Note("guess", "null", text))
        else:
            notes.append(Note("found", "null", f"'{word}' means nothing in {_some(where)}"))
    for profile in profiles:
        if profile.stays_text:
            notes.append(Note("found", "text", f"{profile.name} stays text: {profile.stays_text}"))
        if profile.kind != "text" and 0 < profile.share < 0.9995:
            rest = (
                f"about {1 - profile.share:.1%} of {profile.name} is no {profile.kind}: emptied where the "
                "column is optional (extra_json keeps it), else the row is quarantined"
            )
            notes.append(Note("guess", "values", rest))
    if "zone" not in answers:
        _zones(profiles, notes)
    epoch = epochs.most_common(1)[0][0] if epochs else None
    for profile in profiles:
        if profile.kind == "epoch":
            notes.append(
                Note(
                    "guess",
                    "epoch",
                    f"{profile.name} holds {_unit(profile.formats[0])} since 1970 (UTC)",
                )
            )
    return Locale(
        decimal,
        thousands,
        order,
        epoch,
        tuple(word for word in nulls if word not in value_words),
        value_words,
        zone,
        notes,
    )


def _unit(name: str) -> str:
    if name == "excel_days":
        return "a spreadsheet's days since 1899-12-30, not seconds"
    return {"epoch_s": "seconds", "epoch_ms": "milliseconds", "epoch_us": "microseconds"}.get(
        name, "nanoseconds"
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _numbers(
    profiles: Sequence[ColumnProfile], notes: list[Note], answer: str | None
) -> tuple[str, str]:
    certain = Counter(profile.decimal for profile in profiles if profile.decimal in (".", ","))
    decimal = answer or (certain.most_common(1)[0][0] if certain else None)
    undecided = [profile for profile in profiles if (profile.decimal or "").startswith("?")]
    thousands = Counter(
        profile.thousands
        for profile in profiles
        if profile.thousands and profile.decimal in (None, decimal)
    )
    for profile in undecided:
        mark = (profile.decimal or "")[1:]
        if decimal is None:
            decimal = "."
            meant = "thousands" if mark == "," else "a decimal point"
            text = (
                f"{profile.name}: '{mark}' before three digits may be either mark; it is read as "
                f"{meant} (candidates for the decimal mark: '.', ',')"
            )
            notes.append(Note("ask", "numbers", text, (profile.name,)))
        if mark != decimal:
            thousands[mark] += 1
    if len(certain) > 1:
        other = [
            profile.name
            for profile in profiles
            if profile.decimal in (".", ",") and profile.decimal != decimal
        ]
        notes.append(
            Note(
                "guess",
                "numbers",
                f"{_some(other)} has another decimal mark than the other columns",
            )
        )
    mark = thousands.most_common(1)[0][0] if thousands else ""
    if decimal == "," or mark:
        text = f"decimal {'comma' if decimal == ',' else 'point'}" + (
            f", thousands '{mark}'" if mark else ""
        )
        notes.append(Note("found", "numbers", text))
    return decimal or ".", mark


def _date_order(
    profiles: Sequence[ColumnProfile], notes: list[Note], orders: Orders, *, european: bool
) -> str:
    certain = Counter(profile.order for profile in profiles if profile.order in ("day", "month"))
    for profile in profiles:
        if profile.order in ("day", "month"):
            # Certain, not likely: some value is no date in the other order.
            notes.append(
                Note(
                    "found",
                    "dates",
                    f"{profile.name}: {profile.order} first ({', '.join(profile.formats)})",
                )
            )
        elif profile.kind in ("date", "timestamp") and profile.formats and profile.order is None:
            notes.append(Note("found", "dates", f"{profile.name}: {', '.join(profile.formats)}"))
    undecided = [profile for profile in profiles if profile.order == "day?"]
    if len(certain) > 1:
        notes.append(
            Note(
                "guess",
                "dates",
                "some columns put the day first, others the month; each is read its own way",
            )
        )
    kept = certain.most_common(1)[0][0] if certain else None
    if not undecided:
        return kept or "day"
    names = _some([profile.name for profile in undecided])
    if kept and len(certain) == 1:
        notes.append(
            Note(
                "guess",
                "dates",
                f"{names}: day or month first is not plain; {kept} first, as in other columns",
            )
        )
        return kept
    if told := orders(undecided):
        notes.append(Note("found", "dates", f"{names}: {told[1]}"))
        return told[0]
    if all("." in form for profile in undecided for form in profile.formats[:1]):
        notes.append(
            Note(
                "guess", "dates", f"{names}: day first, as is usual with points; no value proves it"
            )
        )
        return "day"
    likely = "day" if european else "month"
    notes.append(
        Note("ask", "dates", f"{names}: AMBIGUOUS, every value is a date with the day first and "
            "with the month first, and neither the export's date nor the order of rows tells; "
             f"{likely} first is written, ask the source (candidates: day, month)",
             tuple(item.name for item in undecided))
    )  # fmt: skip
    return likely


def _zones(profiles: Sequence[ColumnProfile], notes: list[Note]) -> None:
    times = [profile for profile in profiles if profile.kind == "timestamp"]
    with_offset = [profile.name for profile in times if profile.offset == "all"]
    without_offset = [profile for profile in times if profile.offset != "all"]
    if with_offset:
        notes.append(
            Note("found", "zone", f"{_some(with_offset)}: each value says its offset from UTC")
        )
    if Locale.needs_zone(without_offset):
        names = _some([profile.name for profile in without_offset])
        text = (
            f"{names}: no time zone is given; UTC is written, put the source's (such as "
            "Europe/Berlin) in reader.zone"
        )
        notes.append(Note("guess", "zone", text))
