"""Reader options: how a file is read, as a mapping says it, and a file's format by its name.

Belongs here: the options, and what decides how a file falls into rows. Not here: the mapping that
holds them (model.py), reading (read/).
"""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    SerializerFunctionWrapHandler,
    model_serializer,
)

EXTENSIONS = {
    ".csv": "csv", ".txt": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl",
    ".parquet": "parquet", ".xlsx": "xlsx", ".xlsm": "xlsx", ".xls": "xls", ".xlsb": "xlsb", ".ods": "ods",
    ".html": "html", ".htm": "html", ".xes": "xes", ".zip": "zip",
}  # fmt: skip
# Formats that are tables of cells, whichever of them the bytes turn out to be.
WORKBOOKS = ("xlsx", "xls", "xlsb", "ods", "html")
# Settings that readers did not always have: where one is not set, a mapping is what it was before.
_LATER = ("escape", "header_rows", "skip_rows", "member", "records", "rows", "nested")


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class StrictModel(BaseModel):
    """A part of a mapping file: unknown keys are errors."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, coerce_numbers_to_str=True, ignored_types=(cached_property,)
    )


class FixedField(StrictModel):
    """One field of a fixed-width file; `width` in characters."""

    name: str
    width: int


class Reader(StrictModel):
    """How a file is read and how its values are written. Timestamp formats are strptime's, tried
    after ISO-8601.
    """

    format: (
        Literal[
            "csv", "tsv", "jsonl", "parquet", "xlsx", "xls", "xlsb", "ods", "html", "xes", "fixed"
        ]
        | None
    ) = None
    delimiter: str = ","
    quote: str = '"'
    # The sign before a quote within a value, where quotes are not doubled: a backslash.
    escape: Literal["", "\\"] = ""
    encoding: str = "utf-8"
    # None: a first row of names, except in fixed; a number: the row that holds them.
    header: bool | int | None = None
    # Rows of names: those after the first are no rows, they say what the columns are.
    header_rows: int = 1
    # SQL over the file's columns: rows that are none, such as totals and a report's closing lines.
    skip_rows: str | None = None
    # Which file of a zip archive, as a pattern.
    member: str | None = None
    # JSON: where the records stand (`data.orders`); an array in each of them whose items are the
    # rows (`line_items`); objects whose keys become columns (`customer.id`), all of them if true.
    records: str | None = None
    rows: str | None = None
    nested: bool | Words = False
    sheet: str | None = None
    fields: tuple[FixedField, ...] = ()
    timestamp: Words = ()
    date: Words = ()
    zone: str = "UTC"
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ".", ",", " ", "'"] = ""
    null: Words = ("",)

    @model_serializer(mode="wrap")
    def _without_unset(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Newer settings only where they are set: a mapping that has none keeps its digest, and its
        files are not taken anew.
        """
        dumped: dict[str, Any] = handler(self)
        unset = {
            name for name in _LATER if getattr(self, name) == type(self).model_fields[name].default
        }
        return {name: value for name, value in dumped.items() if name not in unset}

    def header_row(self, kind: str) -> int:
        """The row that holds the names, from 1; 0 where none does."""
        return int(kind != "fixed") if self.header is None else int(self.header)

    def parted_by(self, kind: str) -> str:
        """The delimiter of a file of this format: tab for TSV, else the reader's."""
        return "\t" if kind == "tsv" else self.delimiter

    @property
    def escaped(self) -> str:
        """The quote that stands behind a backslash within values; empty where quotes are doubled."""
        return self.quote if self.escape else ""

    @property
    def text_key(self) -> str:
        """What decides how the file falls into rows and columns, as opposed to how values are
        understood.
        """
        kept = self.model_dump(
            include={
                "format",
                "delimiter",
                "quote",
                "encoding",
                "header",
                "sheet",
                "fields",
                *_LATER,
            }
        )
        return json.dumps(kept, sort_keys=True)


def format_of(name: str) -> str | None:
    """Format by extension, a compression's own extension aside."""
    path = Path(name.lower())
    if path.suffix in (".gz", ".zst", ".zstd"):
        path = path.with_suffix("")
    return EXTENSIONS.get(path.suffix)
