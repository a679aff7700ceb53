"""tables.yaml + columns.yaml: the single source of what every table is.

columns.yaml declares what tables of several rooms list, <room>/columns.yaml what that room's list.

Belongs here: the contract's model and its physical types. Not here: reading it (load.py), how a table
is computed (definition.py), checked (gate.py) or described to others (publish/catalog.py).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import polars as pl
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from customer_intel.core.contract.yaml_lines import ConfigError

PACKAGE = Path(__file__).resolve().parent.parent.parent

Type = Literal["text", "int", "float", "bool", "date", "timestamp", "money"]
Severity = Literal["critical", "warning"]

# Only what Power BI and Tableau's Hyper read whole: no unsigned, UUID, nanoseconds, lists or
# HUGEINT.
SQL_TYPES: dict[str, str] = {
    "text": "VARCHAR",
    "int": "BIGINT",
    "float": "DOUBLE",
    "bool": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "money": "DECIMAL(18,2)",
}
ARROW_TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "money": pa.decimal128(18, 2),
}
POLARS_TYPES: dict[str, pl.DataType] = {
    "text": pl.String(),
    "int": pl.Int64(),
    "float": pl.Float64(),
    "bool": pl.Boolean(),
    "date": pl.Date(),
    "timestamp": pl.Datetime("us"),
    "money": pl.Decimal(18, 2),
}


class Model(BaseModel):
    """What all parts of a contract are: frozen, and strict about unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, ignored_types=(cached_property,))


class Column(Model):
    """One column, the same wherever it is listed, but for what a table says of it."""

    name: str
    type: Type
    meaning: str
    unit: str | None = None
    pii: str | None = None
    required: bool = False
    # The words it may hold, and what those mean that do not explain themselves.
    values: tuple[str, ...] | None = None
    value_meanings: dict[str, str] = {}
    # How a reason tells a feature's value, and that there is none. {v}: the value; {t} and {a}: the
    # median and the mean over all rows; another feature's name: its value.
    phrase: str | None = None
    phrase_missing: str | None = None
    # What reasons speak of once, and whether more of the feature may only raise or only lower what
    # is predicted.
    topic: str | None = None
    direction: Literal["raises", "lowers"] | None = None

    @property
    def sign(self) -> int:
        """`direction` as 1, -1 or 0."""
        return {"raises": 1, "lowers": -1, None: 0}[self.direction]

    @property
    def sql_type(self) -> str:
        """DuckDB's type."""
        return SQL_TYPES[self.type]

    @property
    def described(self) -> str:
        """The meaning, then each word that the column may hold, with what it means."""
        told = self.value_meanings
        words = [f"{w} ({told[w]})" if w in told else w for w in self.values or ()]
        if not words:
            return self.meaning
        return f"{self.meaning}. One of: {('; ' if told else ', ').join(words)}"


class Expectation(Model):
    """One rule of a gate: its kind, its arguments, and whether it closes."""

    kind: Literal["rows", "between", "in_set", "regex", "unique", "foreign_key", "sql", "drop"]
    args: dict[str, Any]
    severity: Severity = "critical"


class Profile(Model):
    """What a table brings to the profile of its key: every column but the key and `all_but`, some
    under another name. `zero`: those that are 0 or false, not empty, for whoever has no row.
    """

    all_but: tuple[str, ...] = ()
    rename: dict[str, str] = {}
    zero: tuple[str, ...] = ()


class Lookup(Model):
    """An input that is joined to others by a key, from any day: a row of it that changed touches the days on which the
    inputs `of` have its key; where the row holds for a time only (`since`, `until`), the days in that time.
    """

    key: str
    of: tuple[str, ...]
    since: str | None = None
    until: str | None = None


class Incremental(Model):
    """How rows hang on rows of the inputs, so that a night computes only what changed.

    By days (layout by_day): a day's rows hang on the inputs' rows of so many days before and behind it. `per` a key
    (layout whole): the rows of one key hang on the rows of that key alone, of inputs that are kept by day.
    `look_back`, `look_ahead`: so many days, or $name of the room's setting of them. `days`: each input whose rows
    belong to days, and the columns that say which (none: the day by which the input itself is kept). `lookups`:
    inputs that do not. A change of any other input computes everything.
    """

    per: str | None = None
    look_back: int | str = 0
    look_ahead: int | str = 0
    days: dict[str, tuple[str, ...]]
    lookups: dict[str, Lookup] = {}


class Metric(Model):
    """One figure, decided once: `rows` is a SELECT of `day`, `value` and its dimensions.

    sum: values add up over days; level: they are changes of a running total; mean and share (of
    true ones): of single observations; distinct: how many different values; given: computed by its
    own table, with n, low and high. `windows`: over how many days, each a metric of its own.
    """

    name: str
    label: str = Field(min_length=1)
    meaning: str = Field(min_length=1)
    unit: str = Field(min_length=1)
    direction: Literal["up", "down", "none"]
    kind: Literal["sum", "level", "mean", "share", "distinct", "given"]
    windows: tuple[int, ...] = (1,)
    # Kinds of records whose silence would look like a fall.
    entities: tuple[str, ...] = ()
    dimensions: tuple[str, ...] = ()
    # What its changes are about, where they are told; its place among the report's tiles.
    subject: str = ""
    tile: int | None = None
    # False: what is measured must not be added up over members, as amounts of several currencies.
    has_total: bool = True
    rows: str
    where: str = ""

    @property
    def ids(self) -> dict[str, int]:
        """Each window's metric and the days it covers."""
        return {self.name if days == 1 else f"{self.name}_{days}d": days for days in self.windows}

    @property
    def is_additive(self) -> bool:
        """Whether the members of a dimension add up to the whole."""
        return self.kind in ("sum", "level")


class Table(Model):
    """One table's contract. `layout` is whole, by_day (`day_column` set) or by_export (raw
    exports).
    """

    name: str
    room: str
    grain: str
    purpose: str
    owner: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    needs: tuple[str, ...] = ()
    published: bool = False
    # A table of keys whose rows this table never sees: every input loses them before it is read.
    without: str | None = None
    profile: Profile | None = None
    # To its own SELECT come the columns that tables of the same key bring.
    is_profile: bool = False
    # How the names of the columns begin that a model learns from.
    features: str | None = None
    # Its rows are those of the room's metrics.yaml.
    metrics: tuple[Metric, ...] = ()
    layout: Literal["whole", "by_day", "by_export"] = "whole"
    day_column: str | None = None
    incremental: Incremental | None = None
    expect: tuple[Expectation, ...] = ()
    entity: dict[str, Any] | None = None
    raw_of: str | None = None
    # File and line of the entry, for messages.
    where: str = ""

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """The columns by name."""
        return {column.name: column for column in self.columns}

    @cached_property
    def brought(self) -> dict[str, Column]:
        """Name in the profile → the table's column."""
        rename = self.profile.rename if self.profile else {}
        return {rename.get(c.name, c.name): c for c in self.columns if c.name not in self.left_out}

    @cached_property
    def left_out(self) -> set[str]:
        """Its columns that do not enter the profile."""
        if self.profile is None:
            return set(self.by_name)
        return {*self.key, *STAMPS, *self.profile.all_but}

    @cached_property
    def feature_columns(self) -> dict[str, Column]:
        """The columns that a model learns from."""
        if not self.features:
            return {}
        return {c.name: c for c in self.columns if c.name.startswith(self.features)}

    @cached_property
    def arrow_schema(self) -> pa.Schema:
        """Names and types of the columns, as they are written."""
        return pa.schema(
            [pa.field(column.name, ARROW_TYPES[column.type]) for column in self.columns]
        )

    @property
    def polars_schema(self) -> pl.Schema:
        """The columns that a function computes, in the contract's order: all but the stamps."""
        return pl.Schema(
            {c.name: POLARS_TYPES[c.type] for c in self.columns if c.name not in STAMPS}
        )

    @property
    def ddl(self) -> str:
        """The columns as SQL, for an empty table of this shape."""
        return ", ".join(f'"{column.name}" {column.sql_type}' for column in self.columns)


# Where an entity's row comes from.
PROVENANCE = (
    "source_system", "exported_at", "source_file", "source_row", "extra_json", "column_set",
    "column_files",
)  # fmt: skip
# What core adds to every entity, and to every table that is rebuilt whole.
OF_ENTITIES = ("_deleted", *PROVENANCE)
STAMPS = ("as_of", "snapshot_id")
MAY_BE_EMPTY = ("_deleted", "extra_json", "column_set", "column_files")


class Contract(Model):
    """Every table of every room."""

    tables: dict[str, Table]

    def table(self, name: str) -> Table:
        """The table. Raises ConfigError, with the nearest name, when no room makes it."""
        try:
            return self.tables[name]
        except KeyError:
            raise ConfigError(f"no table '{name}'{suggestion(name, self.tables)}") from None

    def joined(self, table: Table) -> tuple[Table, ...]:
        """The tables that bring columns to a profile, by their rooms' names."""
        others = self.tables.values() if table.is_profile else ()
        return tuple(other for other in others if other.profile and other.key == table.key)

    @cached_property
    def metrics(self) -> tuple[Metric, ...]:
        """Every room's metrics, in the order of their files."""
        return tuple(metric for table in self.tables.values() for metric in table.metrics)

    @cached_property
    def entities(self) -> dict[str, Table]:
        """The tables that exports are typed into."""
        return {name: table for name, table in self.tables.items() if table.entity is not None}


def suggestion(word: str, known: Iterable[str]) -> str:
    """`; did you mean …?` with the nearest known words; nothing when none is near."""
    near = difflib.get_close_matches(word, list(known), n=2, cutoff=0.6)
    return f"; did you mean {' or '.join(near)}?" if near else ""
