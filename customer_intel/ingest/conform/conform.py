"""From text rows to an entity's typed rows: one mapping applied to one file, and every row
accounted for.

Belongs here: the steps, in order. Not here: a mapping's texts as SQL (mapping_sql.py), reading
files (readers.py), the rules of typing (typing_rules.py), which files to take (entity_night.py),
which row of a key stands (latest_row.py).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import duckdb

from customer_intel.core.contract.model import STAMPS, Column, Table
from customer_intel.core.engine import literal, quoted
from customer_intel.ingest.conform import odd_values
from customer_intel.ingest.conform.column_sets import column_set
from customer_intel.ingest.conform.duplicates import conflicting, find_duplicates
from customer_intel.ingest.conform.emptied import (
    counted,
    emptied_sql,
    float_ids,
    with_kept,
)
from customer_intel.ingest.conform.latest_row import conformed_sql
from customer_intel.ingest.conform.mapping_sql import MappingSql, failure_of, make_lookups
from customer_intel.ingest.conform.quarantine import Failure, place_of, write_keys, write_quarantine
from customer_intel.ingest.conform.results import Conformed, Counts, SourceFile
from customer_intel.ingest.conform.row_rules import RowRules, text_of, tried_of
from customer_intel.ingest.conform.typing_rules import record_key, source_value
from customer_intel.ingest.mapping.expressions import names_all
from customer_intel.ingest.mapping.model import FileMapping, settable
from customer_intel.ingest.read.open_file import Refused

__all__ = ["Conformed", "Counts", "Failure", "SourceFile", "conform", "conformed_sql"]

ROUNDED = "money_rounded"
CURRENCY = "unknown_currency"
CONFLICT = "conflicting_duplicates"
# From so many columns on that nobody names, they are computed as one list: DuckDB's time to plan
# grows with the square of how many expressions there are.
WIDE = 60
# In src: their values as a list.
LISTED = "listed columns"


def conform(
    con: duckdb.DuckDBPyConnection,
    entity: Table,
    mapping: FileMapping,
    source: SourceFile,
    target: Path,
) -> Conformed:
    """Applies a mapping to a file. Raises Refused when an expression fails or the rows do not add
    up.
    """
    with own_schema(con):
        return Steps(con, entity, mapping, source, target).run()


@contextmanager
def own_schema(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """A schema for views and tables that nobody else sees: other entities' files are conformed at
    the same time.
    """
    schema = quoted(f"work {uuid.uuid4().hex}")
    con.execute(f"CREATE SCHEMA {schema}")
    con.execute(f"USE {schema}")
    try:
        yield
    finally:
        con.execute("USE main")
        con.execute(f"DROP SCHEMA {schema} CASCADE")


class Steps(RowRules):
    """One file's steps: text_row → src (no duplicates) → picked (values as text) → typed; src,
    picked are SQL.
    """

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        entity: Table,
        mapping: FileMapping,
        source: SourceFile,
        target: Path,
    ) -> None:
        super().__init__(entity, mapping, source.export_date)
        self.con, self.source, self.target = con, source, target
        self.texts = MappingSql(mapping, source)
        self.actual = self.texts.actual
        keeps_all = self.settings.get("extra") == "all"
        used = () if keeps_all else mapping.sources(source.text.columns, mapping.columns.values())
        not_extra = {name.lower() for name in (*used, *mapping.ignore)}
        self.key_columns = self._key_columns()
        self.keys_repeat = True
        self.whole_ids: frozenset[str] = frozenset()
        # Columns of text_row beside the file's that typed must keep.
        self.carried: tuple[str, ...] = ()
        # SQL instead of a view: defining the view would plan the query once more.
        self.src = ""
        self.extra = tuple(name for name in source.text.columns if name.lower() not in not_extra)

    def run(self) -> Conformed:
        """Conforms the file. Raises Refused when an expression fails or rows are unaccounted for."""
        text = self.source.text
        duplicates = self._make_src()
        make_lookups(self.con, self.mapping, self.source)
        checks, skipped = self._count(text.rows - duplicates)
        self._make_typed()
        accepted, records, bad, rounded, unknown = self.con.execute(
            "SELECT coalesce(sum(_rows) FILTER (NOT _bad), 0), count(*) FILTER (NOT _bad), "
            "coalesce(sum(_rows) FILTER (_bad), 0), coalesce(sum(_rounded) FILTER (NOT _bad), 0), "
            f"count(*) FILTER (NOT _bad AND ({self._unknown_currency()})) FROM typed"
        ).fetchall()[0]
        for name, found in ((ROUNDED, rounded), (CURRENCY, unknown), (CONFLICT, self._conflicts())):
            if found:
                checks[name] = (int(found), int(accepted))
        if self._soft():
            checks |= {name: (n, int(records)) for name, n in counted(self.con).items()}
        bad += len(text.unreadable)
        skipped += text.skipped
        counts = Counts(text.rows_read, int(accepted), int(bad), duplicates, skipped, int(records))
        accounted = (
            counts.rows_accepted
            + counts.rows_quarantined
            + counts.rows_duplicate
            + counts.rows_skipped
        )
        if counts.rows_read != accounted:
            raise Refused(
                f"has {counts.rows_read:,} rows, but {accounted:,} of them are accounted for"
            )
        self.con.execute(
            f"COPY ({self._accepted_sql()}) TO {literal(str(self.target))} (FORMAT parquet, "
            "COMPRESSION zstd)"
        )
        quarantine = self.target.with_suffix(".quarantine.parquet") if bad else None
        failures = self._write_quarantine(quarantine) if quarantine else ()
        keyed = bad and self.mapping.snapshot and not text.unreadable
        keys = write_keys(self.con, self._mapped(self.entity.key), self.target) if keyed else None
        return Conformed(self.target, quarantine, counts, checks, self.extra, failures, keys)

    def _key_columns(self) -> list[str]:
        """The key as columns of the file, empty when some of it is an expression."""
        texts = [self.mapping.columns[name] for name in self.entity.key if name in self.columns]
        found = [
            self.actual[name] for text in texts if (name := text.strip('"').lower()) in self.actual
        ]
        plain = len(found) == len(texts) and not self.mapping.group_by
        return [quoted(name) for name in found] if plain else []

    @property
    def column_set(self) -> int:
        """Which of the entity's columns the file has."""
        return column_set(self.entity, self.mapping, self.source, self.extra)

    @property
    def id_columns(self) -> list[str]:
        """The file's columns that ids are made of."""
        texts = [
            self.mapping.columns[name]
            for name, column in self.columns.items()
            if odd_values.is_id(column, self.entity.key)
        ]
        texts += [lookup.on for lookup in self.mapping.lookups.values()]
        used = self.mapping.sources(self.source.text.columns, texts)
        return sorted(self.actual[name.lower()] for name in used if name.lower() in self.actual)

    # ---- steps
    def _make_src(self) -> int:
        """`src`: nulls as nulls, the special columns, exact duplicates gone. Returns how many those
        were.
        """
        text = self.source.text
        self.con.execute(f"CREATE VIEW text_row AS {text.sql}")
        duplicates = 0
        if self.mapping.duplicates == "drop" and text.columns:
            names = [quoted(name) for name in text.columns]
            duplicates, self.keys_repeat = find_duplicates(self.con, names, self.key_columns)
        self.whole_ids = float_ids(self.con, "text_row", self.id_columns, self.mapping.reader)
        self._set_src(" WHERE _row NOT IN (SELECT _row FROM duplicate_row)" if duplicates else "")
        return duplicates

    @cached_property
    def listed(self) -> frozenset[str]:
        """The columns of which only extra_json has the values, where there are many; such a list
        stands for them.
        """
        texts = self.mapping.expressions
        if len(self.extra) < WIDE or self.mapping.group_by or any(map(names_all, texts)):
            return frozenset()
        used = {name.lower() for name in self.mapping.sources(self.source.text.columns)}
        return frozenset(name for name in self.extra if name.lower() not in used)

    def _set_src(self, kept: str = "") -> None:
        text, reader = self.source.text, self.mapping.reader
        values = []
        for name in text.columns:
            if name in self.listed:
                continue
            value = source_value(name, reader, clean=name in text.clean)
            value = odd_values.without_float(value) if name in self.whole_ids else value
            values.append(f"{value} AS {quoted(name)}")
        if self.listed:
            texts = ", ".join(
                f"CAST({quoted(name)} AS VARCHAR)" for name in self.extra if name in self.listed
            )
            each = source_value("v", reader)
            values.append(f"list_transform([{texts}], lambda v: {each}) AS {quoted(LISTED)}")
        absent = [name for name in self.mapping.may_lack if name.lower() not in self.actual]
        values += [f"CAST(NULL AS VARCHAR) AS {quoted(name)}" for name in absent]
        day = literal(self.source.export_date.isoformat())
        values += [f"{literal(self.source.source_file)} AS _file"]
        values += [
            f"CAST({day} AS DATE) AS _export_date",
            f"CAST({day} AS TIMESTAMP) AS _exported_at",
        ]
        self.src = f"(SELECT {', '.join(['_row', *self.carried, *values])} FROM text_row{kept})"

    def _count(self, rows: int) -> tuple[dict[str, tuple[int, int]], int]:
        """(check → (rows that match, rows checked), rows that are another entity's)."""
        rules = dict(self.mapping.checks)
        counts = [
            f"count(*) FILTER (coalesce({self.texts.sql(rule)}, false))" for rule in rules.values()
        ]
        if self.mapping.only:
            counts.append(
                f"count(*) FILTER (NOT coalesce({self.texts.sql(self.mapping.only)}, false))"
            )
        if not counts:
            return {}, 0
        found = [
            int(n)
            for n in self._attempt(
                f"SELECT {', '.join(counts)} FROM {self.texts.joined(self.src)}"
            ).fetchall()[0]
        ]
        checks = {name: (count, rows) for name, count in zip(rules, found, strict=False)}
        return checks, found[-1] if self.mapping.only else 0

    def _make_typed(self, kind: str = "TABLE") -> None:
        """`picked`: each record's values as text, with the rows it is made of; `typed`: the same as
        values.
        """
        grouped = bool(self.mapping.group_by)
        head = (
            "min(_row) AS _row, count(*) AS _rows"
            if grouped
            else ", ".join(["_row, 1 AS _rows", *self.carried])
        )
        values = [
            f"{self._picked(self.mapping.columns[name])} AS {text_of(name)}"
            for name in self.columns
        ]
        where = (
            f" WHERE coalesce({self.texts.sql(self.mapping.only)}, false)"
            if self.mapping.only
            else ""
        )
        group = (
            f" GROUP BY {', '.join(self.texts.sql(text) for text in self.mapping.group_by)}"
            if grouped
            else ""
        )
        picked = (
            f"SELECT {', '.join([head, *values])}, {self._extra(grouped)} AS _extra FROM "
            f"{self.texts.joined(self.src)}{where}{group}"
        )
        typed = ", ".join(
            f"{self._value(column)} AS {quoted(name)}" for name, column in self.columns.items()
        )
        plain_casts = {
            name: self.typing.tried(column, text_of(name)) for name, column in self.columns.items()
        }
        casts = "".join(f", {sql} AS {tried_of(name)}" for name, sql in plain_casts.items() if sql)
        soft = {column.name: (self._odd(column), text_of(column.name)) for column in self._soft()}
        faults = [
            f"({text_of(name)} IS NOT NULL AND {quoted(name)} IS NULL)"
            for name, column in self.columns.items()
            if self._is_typed(column) and name not in soft
        ]
        faults += [
            f"({self._lacking(column)})" for column in self.columns.values() if column.required
        ]
        faults += [f"coalesce({rule['bad']}, false)" for rule in self.rules]
        money = [name for name, column in self.columns.items() if column.type == "money"]
        beyond = (
            f"CAST({self.typing.rounded(text_of(name), quoted(name))} AS INTEGER)" for name in money
        )
        rounded = " + ".join(["0", *beyond])
        extra = with_kept("_extra", "_emptied") if soft else "_extra"
        kept = ", ".join(
            [f"_row, _rows, {extra} AS _extra, _emptied", *self.carried, *map(quoted, self.columns)]
        )
        flags = (
            f"{' OR '.join(faults) or 'false'} AS _bad, {rounded} AS _rounded, "
            f"{emptied_sql(soft)} AS _emptied"
        )
        # Rejected rows carry their texts along: reading the file again for them would cost as much
        # as the first time.
        texts = ", ".join(f"{text_of(name)} := {text_of(name)}" for name in self.columns)
        self._attempt(
            f"CREATE {kind} typed AS SELECT {kept}, _bad, _rounded, "
            f"CASE WHEN _bad THEN struct_pack({texts}) END AS _texts "
            f"FROM (SELECT *, {flags} FROM (SELECT *, {typed} FROM (SELECT *{casts} FROM "
            f"({picked}))))"
        )

    def _conflicts(self) -> int:
        key, times = self._mapped(self.entity.key), self._mapped(self.settings.get("order", ()))
        return conflicting(self.con, key, times) if self.keys_repeat else 0

    def _picked(self, text: str) -> str:
        # Plain columns were trimmed in src already.
        sql = self.texts.sql(text)
        return sql if text.lower() in self.actual else f"nullif(trim(CAST({sql} AS VARCHAR)), '')"

    def _extra(self, grouped: bool) -> str:
        """The columns that no entity column uses, as JSON. Of a group: those in which its rows do
        not differ.
        """
        if self.listed:
            return self._listed_extra()
        pairs = []
        for name in self.extra:
            value = quoted(name)
            if grouped:
                value = f"CASE WHEN min({value}) = max({value}) THEN min({value}) END"
            pairs.append(
                f"{literal(json.dumps(name, ensure_ascii=False) + ':')} || CAST(to_json({value}) "
                "AS VARCHAR)"
            )
        if not pairs:
            return "CAST(NULL AS VARCHAR)"
        joined = pairs[0] if len(pairs) == 1 else f"nullif(concat_ws(',', {', '.join(pairs)}), '')"
        return f"'{{' || {joined} || '}}'"

    def _listed_extra(self) -> str:
        """The same where there are many: names and values as lists."""
        names = [f"{json.dumps(name, ensure_ascii=False)}:" for name in self.extra]
        place = {name: at for at, name in enumerate((n for n in self.extra if n in self.listed), 1)}
        values = f"{quoted(LISTED)}"
        if len(place) < len(self.extra):
            # Columns that expressions name too stand among them.
            picked = ", ".join(
                f"{quoted(LISTED)}[{place[name]}]" if name in place else quoted(name)
                for name in self.extra
            )
            values = f"[{picked}]"
        pairs = f"list_zip([{', '.join(map(literal, names))}], {values})"
        joined = (
            f"array_to_string(list_filter(list_transform({pairs}, lambda p: p[1] || "
            "CAST(to_json(p[2]) AS VARCHAR)), lambda t: t IS NOT NULL), ',')"
        )
        return f"'{{' || nullif({joined}, '') || '}}'"

    def _accepted_sql(self) -> str:
        values = ", ".join(
            f"CAST({sql} AS {column.sql_type}) AS {quoted(column.name)}"
            for column, sql in self._values()
        )
        return f"SELECT {values} FROM {self._filled()} WHERE NOT _bad ORDER BY _row"

    def _values(self) -> list[tuple[Column, str]]:
        """Each column of the entity as SQL over `_filled`."""
        derived = {
            "source_system": literal(self.source.source_system),
            "exported_at": literal(self.source.export_date.isoformat()),
            "source_file": literal(self.source.source_file),
            "source_row": "_row",
            "extra_json": "_extra",
            "column_set": str(self.column_set),
            "column_files": "NULL",
            "record_key": record_key(self.entity, self.mapping, self.source.source_system),
        }
        if self.entity.day_column:
            derived[self.entity.day_column] = quoted(self.settings["day"])
        columns = [column for column in self.entity.columns if column.name not in STAMPS]
        return [(column, derived.get(column.name, quoted(column.name))) for column in columns]

    def _filled(self) -> str:
        """`typed`, with the columns that the mapping does not fill."""
        empty = "".join(
            f", CAST(NULL AS {column.sql_type}) AS {quoted(name)}"
            for name, column in settable(self.entity).items()
            if name not in self.columns
        )
        return f"(SELECT *{empty} FROM typed)"

    # ---- what cannot be taken
    def _write_quarantine(self, path: Path) -> tuple[Failure, ...]:
        """One row per value that failed, and one per unreadable row."""
        typed = ", ".join(f"v.{quoted(name)}" for name in self.columns)
        self.con.execute(
            f"CREATE TABLE failed AS SELECT v._row, unnest(v._texts), {typed}, CAST(to_json(t) AS "
            "VARCHAR) AS _raw "
            "FROM typed AS v JOIN text_row AS t ON t._row = v._row WHERE v._bad"
        )
        where = {
            "entity": self.entity.name,
            "export_date": self.source.export_date.isoformat(),
            "source_system": self.source.source_system,
            "source_file": self.source.source_file,
        }
        reasons = [
            (
                name,
                self.texts.named_in(self.mapping.columns[name]),
                text_of(name),
                self._reason(column),
            )
            for name, column in self.columns.items()
            if self._may_fail(column)
        ]
        return write_quarantine(self.con, where, reasons, self.source.text.unreadable, path)

    def _attempt(self, sql: str) -> duckdb.DuckDBPyConnection:
        """Runs SQL that holds the mapping's expressions; when it fails, finds out which of them is
        to blame.
        """
        try:
            return self.con.execute(sql)
        except duckdb.Error as error:
            keys = ", ".join(self.texts.sql(text) for text in self.mapping.group_by)
            group = f" GROUP BY {keys}" if keys else ""
            named = [(name, text, group) for name, text in self.mapping.columns.items()]
            named += [(f"check {name}", text, "") for name, text in self.mapping.checks.items()]
            named += [("only", self.mapping.only, "")] if self.mapping.only else []
            for name, text, tail in named:
                try:
                    values = (
                        f"SELECT {self.texts.sql(text)} AS x FROM "
                        f"{self.texts.joined(self.src)}{tail}"
                    )
                    self.con.execute(f"SELECT count(x) FROM ({values})").fetchall()
                except duckdb.Error as found:
                    place = place_of(
                        name, self.texts.named_in(text) if name in self.columns else ""
                    )
                    raise Refused(
                        f"the mapping's expression fails: {failure_of(found)}", column=place
                    ) from None
            raise Refused(f"the mapping fails: {failure_of(error)}") from None
