"""How a file writes numbers, times and nothing: one set of reader options, and expressions for
columns that differ.

Belongs here: what the shapes of all columns say together. Not here: one column's shape
(column_profile.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from customer_intel.core.contract.model import Column
from customer_intel.core.engine import literal, quoted
from customer_intel.ingest.advise.column_profile import Shape, swapped
from customer_intel.ingest.advise.sniff import Note
from customer_intel.ingest.mapping.model import Reader

_READ_EPOCHS = ("epoch_s", "epoch_ms")
_EPOCH_SQL = {
    "epoch_s": "make_timestamp(cast({} as bigint) * 1000000)",
    "epoch_ms": "make_timestamp(cast({} as bigint) * 1000)",
    "epoch_us": "make_timestamp(cast({} as bigint))",
    "epoch_ns": "make_timestamp(cast({} as bigint) // 1000)",
}


@dataclass
class Marks:
    """The file's ways. `notes` says which of them were guessed or must be decided."""

    decimal: str
    thousands: str
    order: str
    epoch: str | None
    nulls: tuple[str, ...]
    spoken: frozenset[str]
    notes: list[Note] = field(default_factory=list)

    # ---- expressions over one column
    def expression(self, column: Column, shape: Shape) -> str:
        """The column's name, or an expression where it is written otherwise than the reader reads."""
        name = quoted(shape.name)
        if column.type in ("timestamp", "date"):
            if shape.kind == "epoch" and (shape.formats[0] != self.epoch or column.type == "date"):
                return _EPOCH_SQL[shape.formats[0]].format(name)
            if shape.order in ("day", "month") and shape.order != self.order:
                parsed = ", ".join(
                    f"try_strptime({name}, {literal(form)})" for form in shape.formats
                )
                # What cannot be read must not be read in the file's other order.
                read = f"cast(coalesce({parsed}) as varchar)"
                return f"case when {name} is not null then coalesce({read}, 'no date') end"
        if column.type in ("money", "float", "int") and shape.is_number:
            own = shape.decimal if shape.decimal in (".", ",") else self.decimal
            if shape.symbol or own != self.decimal:
                return self.written(self.number(shape))
        words = [word for word in shape.nulls if word not in self.nulls]
        text = name
        for word in words:
            text = f"nullif({text}, {literal(word)})"
        return text if words else shape.name

    def number(self, shape: Shape) -> str:
        """SQL for the column as a number to reckon with."""
        text = quoted(shape.name)
        if shape.symbol:
            text = f"regexp_replace({text}, '[^0-9.,+-]', '', 'g')"
        decimal = shape.decimal if shape.decimal in (".", ",") else self.decimal
        for mark in {shape.thousands or (self.thousands if shape.decimal != "." else "")} - {
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
    def formats(self, shape: Shape) -> tuple[str, ...]:
        if shape.order == "day?" and self.order == "month":
            return tuple(swapped(form) for form in shape.formats)
        return shape.formats

    def reader(
        self, known: Mapping[str, Column], sources: Mapping[str, Shape], reader: Reader
    ) -> dict[str, Any]:
        """The options that a mapping writes down, defaults left out."""
        wanted: dict[str, Counter[str]] = {"timestamp": Counter(), "date": Counter()}
        for name, shape in sources.items():
            if known[name].type in wanted and shape.is_time:
                wanted[known[name].type].update(self.formats(shape))
        kept = reader.model_dump(exclude_defaults=True)
        kept = {key: value for key, value in kept.items() if value is not None}
        if "fields" in kept:
            kept["fields"] = [dict(item) for item in kept["fields"]]
        for kind, forms in wanted.items():
            # %Y would read the year 24 out of 24; an epoch reads any digits.
            order = sorted(
                forms, key=lambda form: (form in _READ_EPOCHS, "%Y" in form, -len(form), form)
            )
            if order:
                kept[kind] = order
        if self.decimal != "." and any(shape.is_number for shape in sources.values()):
            kept["decimal"] = self.decimal
        if self.thousands:
            kept["thousands"] = self.thousands
        if self.nulls:
            kept["null"] = ["", *self.nulls]
        if self.needs_zone(sources.values()):
            kept["zone"] = "UTC"
        return kept

    @staticmethod
    def needs_zone(shapes: Any) -> bool:
        return any(
            shape.kind == "timestamp" and shape.offset != "all" and shape.has_times
            for shape in shapes
        )


def marks_of(shapes: Sequence[Shape], delimiter: str) -> Marks:
    """What the columns say together."""
    notes: list[Note] = []
    decimal, thousands = _numbers(shapes, notes)
    order = _date_order(shapes, notes, european=decimal == "," or delimiter == ";")
    epochs = Counter(
        shape.formats[0]
        for shape in shapes
        if shape.kind == "epoch" and shape.formats[0] in _READ_EPOCHS
    )
    spoken = frozenset(word for shape in shapes for word in shape.words)
    nulls = sorted({word for shape in shapes for word in shape.nulls})
    for word in nulls:
        where = [shape.name for shape in shapes if word in shape.nulls]
        if word in spoken:
            also = [shape.name for shape in shapes if word in shape.words]
            text = f"'{word}' is read as nothing in {_some(where)}, but as a value in {_some(also)}"
            notes.append(Note("guess", "null", text))
        else:
            notes.append(Note("found", "null", f"'{word}' means nothing in {_some(where)}"))
    for shape in shapes:
        if shape.stays_text:
            notes.append(Note("found", "text", f"{shape.name} stays text: {shape.stays_text}"))
        if shape.kind != "text" and 0 < shape.share < 0.9995:
            rest = (
                f"about {1 - shape.share:.1%} of {shape.name} is no {shape.kind}; mapped as "
                "one, it is quarantined"
            )
            notes.append(Note("guess", "values", rest))
    _zones(shapes, notes)
    epoch = epochs.most_common(1)[0][0] if epochs else None
    for shape in shapes:
        if shape.kind == "epoch":
            notes.append(
                Note(
                    "guess",
                    "epoch",
                    f"{shape.name} holds {_unit(shape.formats[0])} since 1970 (UTC)",
                )
            )
    return Marks(
        decimal,
        thousands,
        order,
        epoch,
        tuple(word for word in nulls if word not in spoken),
        spoken,
        notes,
    )


def _unit(name: str) -> str:
    return {"epoch_s": "seconds", "epoch_ms": "milliseconds", "epoch_us": "microseconds"}.get(
        name, "nanoseconds"
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _numbers(shapes: Sequence[Shape], notes: list[Note]) -> tuple[str, str]:
    sure = Counter(shape.decimal for shape in shapes if shape.decimal in (".", ","))
    decimal = sure.most_common(1)[0][0] if sure else None
    unsure = [shape for shape in shapes if (shape.decimal or "").startswith("?")]
    thousands = Counter(
        shape.thousands for shape in shapes if shape.thousands and shape.decimal in (None, decimal)
    )
    for shape in unsure:
        mark = (shape.decimal or "")[1:]
        if decimal is None:
            decimal = "."
            meant = "thousands" if mark == "," else "a decimal point"
            text = (
                f"{shape.name}: '{mark}' before three digits may be either mark; it is read as "
                f"{meant}"
            )
            notes.append(Note("ask", "numbers", text))
        if mark != decimal:
            thousands[mark] += 1
    if len(sure) > 1:
        other = [
            shape.name
            for shape in shapes
            if shape.decimal in (".", ",") and shape.decimal != decimal
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


def _date_order(shapes: Sequence[Shape], notes: list[Note], *, european: bool) -> str:
    sure = Counter(shape.order for shape in shapes if shape.order in ("day", "month"))
    for shape in shapes:
        if shape.order in ("day", "month"):
            # Not merely likely: some value is no date in the other order.
            notes.append(
                Note(
                    "found",
                    "dates",
                    f"{shape.name}: {shape.order} first ({', '.join(shape.formats)})",
                )
            )
        elif shape.kind in ("date", "timestamp") and shape.formats and shape.order is None:
            notes.append(Note("found", "dates", f"{shape.name}: {', '.join(shape.formats)}"))
    unsure = [shape for shape in shapes if shape.order == "day?"]
    if len(sure) > 1:
        notes.append(
            Note(
                "guess",
                "dates",
                "some columns put the day first, others the month; each is read its own way",
            )
        )
    kept = sure.most_common(1)[0][0] if sure else None
    if not unsure:
        return kept or "day"
    names = _some([shape.name for shape in unsure])
    if kept and len(sure) == 1:
        notes.append(
            Note(
                "guess",
                "dates",
                f"{names}: day or month first is not plain; {kept} first, as in other columns",
            )
        )
        return kept
    if all("." in form for shape in unsure for form in shape.formats[:1]):
        notes.append(
            Note(
                "guess", "dates", f"{names}: day first, as is usual with points; no value proves it"
            )
        )
        return "day"
    likely = "day" if european else "month"
    notes.append(
        Note("ask", "dates", f"{names}: AMBIGUOUS, every value is a date with the day first and "
            "with the month first; "
             f"{likely} first is written, ask the source")
    )  # fmt: skip
    return likely


def _zones(shapes: Sequence[Shape], notes: list[Note]) -> None:
    times = [shape for shape in shapes if shape.kind == "timestamp"]
    carried = [shape.name for shape in times if shape.offset == "all"]
    bare = [shape for shape in times if shape.offset != "all"]
    if carried:
        notes.append(
            Note("found", "zone", f"{_some(carried)}: each value says its offset from UTC")
        )
    if Marks.needs_zone(bare):
        names = _some([shape.name for shape in bare])
        text = (
            f"{names}: no time zone is given; UTC is written, put the source's (such as "
            "Europe/Berlin) in reader.zone"
        )
        notes.append(Note("ask", "zone", text))
