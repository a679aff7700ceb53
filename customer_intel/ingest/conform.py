"""From text rows to an entity's typed rows, and from all its raw rows to the newest of each key.

Belongs here: a mapping applied to one file's text, quarantine of what cannot be typed, and the accounting of every
row. Not here: reading files (readers.py), the rules of typing (values.py), which files to take (landing.py).
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from customer_intel.core.contract import STAMPS, Column, Table
from customer_intel.core.engine import literal
from customer_intel.ingest.intake import Refused
from customer_intel.ingest.mapping import FileMapping, lookup_fields, settable
from customer_intel.ingest.readers import TextTable
from customer_intel.ingest.values import Typing, quoted, source_value

ROUNDED = "money_rounded"
# A quote inside a SQL text is doubled, so this never matches there.
_JSON_PART = re.compile(r"""\bjson_extract_string\(\s*(\w+|"[^"]+")\s*,\s*'(\$[^'*]*)'\s*\)""")


@dataclass(frozen=True)
class Source:
    """One export file as a mapping meets it. A lookup is None when its file did not come."""

    source_file: str
    source_system: str
    export_date: date
    text: TextTable
    lookups: Mapping[str, TextTable | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Counts:
    rows_read: int
    rows_accepted: int
    rows_quarantined: int
    rows_duplicate: int
    rows_skipped: int
    records_written: int


@dataclass(frozen=True)
class Failure:
    row: int
    column: str
    reason: str


@dataclass(frozen=True)
class Conformed:
    """`parquet` holds the accepted rows, `quarantine` the others; `checks`: name → (rows that match, rows checked)."""

    parquet: Path
    quarantine: Path | None
    counts: Counts
    checks: dict[str, tuple[int, int]]
    extra_columns: tuple[str, ...]
    failures: tuple[Failure, ...]


def conformed_sql(table: Table) -> str:
    """The newest row of each key out of raw_<entity>, deleted ones gone: a key stands once, over all days.

    Newest: by the entity's own order columns, then the export's date, then file and row, so that a tie is impossible.
    """
    columns = ", ".join(column.name for column in table.columns if column.name not in STAMPS)
    parts = ", ".join(table.key)
    order = [f"{name} DESC NULLS LAST" for name in (table.entity or {}).get("order", ())]
    order += ["exported_at DESC", "source_file DESC", "source_row DESC"]
    # Few keys stand twice, and ordering wide rows is dear: only those rows are ordered.
    once = " AND ".join(f"d.{name} = r.{name}" for name in table.key)
    return (
        f"WITH repeated AS (\n    SELECT {parts} FROM raw_{table.name} GROUP BY {parts} HAVING count(*) > 1\n),\n"
        f"placed AS (\n    SELECT {columns}, 1 AS place\n    FROM raw_{table.name} AS r\n"
        f"    WHERE NOT EXISTS (SELECT 1 FROM repeated AS d WHERE {once})\n"
        f"    UNION ALL\n    SELECT {columns},\n        row_number() OVER (PARTITION BY {parts} "
        f"ORDER BY {', '.join(order)}) AS place\n    FROM raw_{table.name} AS r\n"
        f"    WHERE EXISTS (SELECT 1 FROM repeated AS d WHERE {once})\n)\n"
        f"SELECT {columns}\nFROM placed\nWHERE place = 1 AND NOT coalesce(_deleted, FALSE)"
    )


def conform(
    con: duckdb.DuckDBPyConnection, entity: Table, mapping: FileMapping, source: Source, target: Path
) -> Conformed:
    """Applies a mapping to a file. Raises Refused when an expression fails or the rows do not add up."""
    # Of its own: other entities' files are conformed at the same time.
    schema = quoted(f"work {uuid.uuid4().hex}")
    con.execute(f"CREATE SCHEMA {schema}")
    con.execute(f"USE {schema}")
    try:
        return _File(con, entity, mapping, source, target).run()
    finally:
        con.execute("USE main")
        con.execute(f"DROP SCHEMA {schema} CASCADE")


class _File:
    """One file's steps, each a view or table: text_row → src (no duplicates) → picked (values as text) → typed."""

    def __init__(
        self, con: duckdb.DuckDBPyConnection, entity: Table, mapping: FileMapping, source: Source, target: Path
    ) -> None:
        self.con, self.entity, self.mapping, self.source, self.target = con, entity, mapping, source, target
        self.columns = {name: column for name, column in settable(entity).items() if name in mapping.columns}
        self.actual = {name.lower(): name for name in source.text.columns}
        self.typing = Typing(mapping.reader, source.export_date)
        self.settings = entity.entity or {}
        kept = self.settings.get("extra") == "all"
        used = () if kept else mapping.sources(source.text.columns, mapping.columns.values())
        taken = {name.lower() for name in (*used, *mapping.ignore)}
        self.json_paths = self._paths()
        self.extra = tuple(name for name in source.text.columns if name.lower() not in taken)

    def run(self) -> Conformed:
        text = self.source.text
        duplicates = self._make_src()
        self._make_lookups()
        checks, skipped = self._count(text.rows - duplicates)
        self._make_typed()
        accepted, records, bad, rounded = self.con.execute(
            "SELECT coalesce(sum(_rows) FILTER (NOT _bad), 0), count(*) FILTER (NOT _bad), "
            "coalesce(sum(_rows) FILTER (_bad), 0), coalesce(sum(_rounded) FILTER (NOT _bad), 0) FROM typed"
        ).fetchall()[0]
        if rounded:
            checks[ROUNDED] = (int(rounded), int(accepted))
        quarantined = int(bad) + len(text.unreadable)
        counts = Counts(text.rows_read, int(accepted), quarantined, duplicates, skipped, int(records))
        accounted = counts.rows_accepted + counts.rows_quarantined + counts.rows_duplicate + counts.rows_skipped
        if counts.rows_read != accounted:
            raise Refused(f"has {counts.rows_read:,} rows, but {accounted:,} of them are accounted for")
        self.con.execute(
            f"COPY ({self._accepted_sql()}) TO {literal(str(self.target))} (FORMAT parquet, COMPRESSION zstd)"
        )
        quarantine = self._write_quarantine() if quarantined else None
        failures = self._first_failures(quarantine) if quarantine else ()
        return Conformed(self.target, quarantine, counts, checks, self.extra, failures)

    # ---- steps
    def _make_src(self) -> int:
        """`src`: nulls as nulls, the special columns, exact duplicates gone. Returns how many those were."""
        text = self.source.text
        self.con.execute(f"CREATE VIEW text_row AS {text.sql}")
        duplicates = 0
        if self.mapping.duplicates == "drop" and text.columns:
            names = ", ".join(quoted(name) for name in text.columns)
            # Equal hashes only nominate: what is dropped is equal in every column.
            self.con.execute(
                f"""CREATE TABLE duplicate_row AS
                WITH nominated AS (SELECT hash({names}) AS h FROM text_row GROUP BY 1 HAVING count(*) > 1)
                SELECT _row FROM (
                    SELECT _row, row_number() OVER (PARTITION BY {names} ORDER BY _row) AS place
                    FROM text_row WHERE hash({names}) IN (SELECT h FROM nominated)
                ) WHERE place > 1"""
            )
            duplicates = int(self.con.execute("SELECT count(*) FROM duplicate_row").fetchall()[0][0])
        reader = self.mapping.reader
        values = [f"{source_value(name, reader, clean=name in text.clean)} AS {quoted(name)}" for name in text.columns]
        absent = [name for name in self.mapping.optional if name.lower() not in self.actual]
        values += [f"CAST(NULL AS VARCHAR) AS {quoted(name)}" for name in absent]
        day = literal(self.source.export_date.isoformat())
        values += [f"{literal(self.source.source_file)} AS _file"]
        values += [f"CAST({day} AS DATE) AS _export_date", f"CAST({day} AS TIMESTAMP) AS _exported_at"]
        kept = " WHERE _row NOT IN (SELECT _row FROM duplicate_row)" if duplicates else ""
        self.con.execute(f"CREATE VIEW src AS SELECT _row, {', '.join(values)} FROM text_row{kept}")
        return duplicates

    def _make_lookups(self) -> None:
        for name, lookup in self.mapping.lookups.items():
            table, text = quoted(f"lookup_{name}"), self.source.lookups.get(name)
            if text is None:
                continue
            values = ", ".join(
                f"{source_value(column, lookup.reader, clean=column in text.clean)} AS {quoted(column)}"
                for column in text.columns
            )
            self.con.execute(f"CREATE VIEW file AS SELECT _row, {values} FROM ({text.sql})")
            try:
                self.con.execute(f"CREATE TABLE {table} AS {lookup.sql}")
                keys, distinct = self.con.execute(f"SELECT count(k), count(DISTINCT k) FROM {table}").fetchall()[0]
            except duckdb.Error as error:
                raise Refused(f"lookup '{name}' fails: {_kind(error)}; its sql must give a column k") from None
            self.con.execute("DROP VIEW file")
            if keys != distinct:
                raise Refused(f"lookup '{name}' has {keys - distinct:,} keys more than once; group its sql by the key")

    def _joined(self) -> str:
        """`src` with the parts of its JSON columns as lists, and each lookup as one struct column of its name."""
        lists = "".join(
            f", json_extract_string({column}, [{', '.join(map(literal, paths))}]) AS {_parts_of(column)}"
            for column, paths in self.json_paths.items()
        )
        sql = f"(SELECT *{lists} FROM src)" if lists else "src"
        for name, lookup in self.mapping.lookups.items():
            key = quoted(f"k of {name}")
            if self.source.lookups.get(name) is None:
                fields = {"k", *(part for text in self.mapping.expressions for part in lookup_fields(text, name))}
                nulls = ", ".join(f"{quoted(item)} := CAST(NULL AS VARCHAR)" for item in sorted(fields))
                sql += f" LEFT JOIN (SELECT struct_pack({nulls}) AS {quoted(name)} WHERE false) ON true"
                continue
            rows = f"SELECT CAST(k AS VARCHAR) AS {key}, l AS {quoted(name)} FROM {quoted(f'lookup_{name}')} AS l"
            sql += f" LEFT JOIN ({rows} WHERE k IS NOT NULL) ON {key} = CAST({self._sql(lookup.on)} AS VARCHAR)"
        return sql

    def _sql(self, text: str) -> str:
        """A mapping's text as SQL: a column when the file has one of that name, else the expression."""
        if text.lower() in self.actual:
            return quoted(self.actual[text.lower()])
        return f"({_JSON_PART.sub(self._json_part, text)})"

    def _json_part(self, call: re.Match[str]) -> str:
        """A call that takes one part of a JSON column, as an item of the list of all parts taken from it."""
        column, path = quoted(call[1].strip('"')), call[2]
        paths = self.json_paths.get(column, ())
        return f"{_parts_of(column)}[{paths.index(path) + 1}]" if path in paths else call[0]

    def _paths(self) -> dict[str, list[str]]:
        """JSON column → the paths that expressions take from it: in one go, a text is parsed once and not per path."""
        found: dict[str, list[str]] = {}
        for column, path in _JSON_PART.findall(" ".join(self.mapping.expressions)):
            paths = found.setdefault(quoted(column.strip('"')), [])
            if path not in paths:
                paths.append(path)
        known = {quoted(name).lower() for name in (*self.actual, *self.mapping.optional)}
        return {column: paths for column, paths in found.items() if len(paths) > 1 and column.lower() in known}

    def _count(self, rows: int) -> tuple[dict[str, tuple[int, int]], int]:
        """(check → (rows that match, rows checked), rows that are another entity's)."""
        rules = dict(self.mapping.checks)
        counts = [f"count(*) FILTER (coalesce({self._sql(rule)}, false))" for rule in rules.values()]
        if self.mapping.only:
            counts.append(f"count(*) FILTER (NOT coalesce({self._sql(self.mapping.only)}, false))")
        if not counts:
            return {}, 0
        found = [int(n) for n in self._attempt(f"SELECT {', '.join(counts)} FROM {self._joined()}").fetchall()[0]]
        checks = {name: (count, rows) for name, count in zip(rules, found, strict=False)}
        return checks, found[-1] if self.mapping.only else 0

    def _make_typed(self) -> None:
        """`picked`: each record's values as text, with the rows it is made of; `typed`: the same as values."""
        grouped = bool(self.mapping.group_by)
        head = "min(_row) AS _row, count(*) AS _rows" if grouped else "_row, 1 AS _rows"
        values = [f"{self._picked(self.mapping.columns[name])} AS {_text(name)}" for name in self.columns]
        where = f" WHERE coalesce({self._sql(self.mapping.only)}, false)" if self.mapping.only else ""
        group = f" GROUP BY {', '.join(self._sql(text) for text in self.mapping.group_by)}" if grouped else ""
        self._attempt(
            f"CREATE VIEW picked AS SELECT {', '.join([head, *values])}, {self._extra(grouped)} AS _extra "
            f"FROM {self._joined()}{where}{group}"
        )
        typed = ", ".join(f"{self._value(column)} AS {quoted(name)}" for name, column in self.columns.items())
        bad = [f"({_text(name)} IS NOT NULL AND {quoted(name)} IS NULL)" for name in self.columns]
        bad += [f"{_text(name)} IS NULL" for name, column in self.columns.items() if column.required]
        money = [name for name, column in self.columns.items() if column.type == "money"]
        rounded = " + ".join(["0", *(f"CAST({self.typing.rounded(_text(name))} AS INTEGER)" for name in money)])
        kept = ", ".join(quoted(name) for name in self.columns)
        self._attempt(
            f"CREATE TABLE typed AS SELECT _row, _rows, _extra, {kept}, {' OR '.join(bad)} AS _bad, "
            f"{rounded} AS _rounded FROM (SELECT *, {typed} FROM picked)"
        )

    def _picked(self, text: str) -> str:
        # A column as it is has been trimmed in src.
        sql = self._sql(text)
        return sql if text.lower() in self.actual else f"nullif(trim(CAST({sql} AS VARCHAR)), '')"

    def _value(self, column: Column) -> str:
        text = _text(column.name)
        if column.name in self.settings.get("json", ()):
            return f"CASE WHEN json_valid({text}) THEN {text} END"
        return self.typing.value(column, text)

    def _extra(self, grouped: bool) -> str:
        """The columns that no entity column uses, as JSON. Of a group: those in which its rows do not differ."""
        pairs = []
        for name in self.extra:
            value = quoted(name)
            if grouped:
                value = f"CASE WHEN min({value}) = max({value}) THEN min({value}) END"
            pairs.append(f"{literal(json.dumps(name, ensure_ascii=False) + ':')} || CAST(to_json({value}) AS VARCHAR)")
        if not pairs:
            return "CAST(NULL AS VARCHAR)"
        return f"'{{' || nullif(concat_ws(',', {', '.join(pairs)}), '') || '}}'"

    def _accepted_sql(self) -> str:
        day = literal(self.source.export_date.isoformat())
        derived = {
            "source_system": literal(self.source.source_system),
            "exported_at": day,
            "source_file": literal(self.source.source_file),
            "source_row": "_row",
            "extra_json": "_extra",
            "record_key": self._record_key(),
        }
        if self.entity.day_column:
            derived[self.entity.day_column] = quoted(self.settings["day"])
        values = ", ".join(
            f"CAST({derived.get(column.name, quoted(column.name))} AS {column.sql_type}) AS {quoted(column.name)}"
            for column in self.entity.columns
            if column.name not in STAMPS
        )
        empty = "".join(
            f", CAST(NULL AS {column.sql_type}) AS {quoted(name)}"
            for name, column in settable(self.entity).items()
            if name not in self.columns
        )
        return f"SELECT {values} FROM (SELECT *{empty} FROM typed WHERE NOT _bad) ORDER BY _row"

    def _record_key(self) -> str:
        ref, email = self.settings.get("ref"), self.settings.get("email")
        system = self.source.source_system
        cases = []
        if ref:
            # A contact's own id is the source's; a reference may point into another system.
            namespace = system if ref in self.entity.key else self.mapping.references or system
            cases.append(f"WHEN ({ref}) IS NOT NULL THEN {literal(namespace + ':')} || ({ref})")
        if email:
            guest = literal(f"{system}:guest-")
            cases.append(f"WHEN ({email}) IS NOT NULL THEN {guest} || substr(md5(lower(trim({email}))), 1, 16)")
        return f"CASE {' '.join(cases)} END" if cases else "NULL"

    # ---- what cannot be taken
    def _write_quarantine(self) -> Path:
        """One row per value that failed, and one per unreadable row."""
        path = self.target.with_suffix(".quarantine.parquet")
        self.con.execute(
            "CREATE TABLE failed AS SELECT p.*, CAST(to_json(t) AS VARCHAR) AS _raw FROM picked AS p "
            "JOIN text_row AS t ON t._row = p._row WHERE p._row IN (SELECT _row FROM typed WHERE _bad)"
        )
        rows = [
            f"SELECT _row, {literal(name)}, {_text(name)}, {self._reason(column)}, _raw FROM failed"
            for name, column in self.columns.items()
        ]
        lost = self.source.text.unreadable
        names = ("source_row", "column", "value", "reason", "raw_line")
        self.con.execute(f"CREATE TABLE quarantined ({', '.join(f'{quoted(name)} VARCHAR' for name in names)})")
        self.con.execute("ALTER TABLE quarantined ALTER source_row TYPE BIGINT")
        self.con.execute(f"INSERT INTO quarantined {' UNION ALL '.join(rows)}")
        if lost:
            values = [(item.row, None, None, item.reason, item.raw) for item in lost]
            self.con.register("lost", pa.table(dict(zip(names, zip(*values, strict=True), strict=True))))
            self.con.execute("INSERT INTO quarantined SELECT * FROM lost")
            self.con.unregister("lost")
        self.con.execute(
            f"COPY (SELECT {literal(self.entity.name)} AS entity, "
            f"CAST({literal(self.source.export_date.isoformat())} AS DATE) AS export_date, "
            f"{literal(self.source.source_system)} AS source_system, "
            f"{literal(self.source.source_file)} AS source_file, "
            '* FROM quarantined WHERE reason IS NOT NULL ORDER BY source_row, "column") '
            f"TO {literal(str(path))} (FORMAT parquet, COMPRESSION zstd)"
        )
        path.chmod(0o600)
        return path

    def _first_failures(self, path: Path) -> tuple[Failure, ...]:
        rows = self.con.execute(
            f"SELECT source_row, coalesce(\"column\", ''), reason FROM read_parquet({literal(str(path))}) "
            'ORDER BY source_row, "column" LIMIT 3'
        ).fetchall()
        return tuple(Failure(*row) for row in rows)

    def _reason(self, column: Column) -> str:
        """SQL for why the value of a failed row is none, null when it is fine."""
        text = _text(column.name)
        why = literal("not JSON" if column.name in self.settings.get("json", ()) else self.typing.fault(column))
        if column.type in ("date", "timestamp"):
            found = self.typing.unbounded(column, text)
            why = f"CASE WHEN {found} IS NOT NULL THEN {literal(self.typing.bounds)} ELSE {why} END"
        empty = f" WHEN {text} IS NULL THEN 'required, but empty'" if column.required else ""
        return f"CASE WHEN {text} IS NOT NULL AND {self._value(column)} IS NULL THEN {why}{empty} END"

    def _attempt(self, sql: str) -> duckdb.DuckDBPyConnection:
        """Runs SQL that holds the mapping's expressions; when it fails, finds out which of them is to blame."""
        try:
            return self.con.execute(sql)
        except duckdb.Error as error:
            keys = ", ".join(self._sql(text) for text in self.mapping.group_by)
            group = f" GROUP BY {keys}" if keys else ""
            named = [(name, text, group) for name, text in self.mapping.columns.items()]
            named += [(f"check {name}", text, "") for name, text in self.mapping.checks.items()]
            named += [("only", self.mapping.only, "")] if self.mapping.only else []
            for name, text, tail in named:
                try:
                    values = f"SELECT {self._sql(text)} AS x FROM {self._joined()}{tail}"
                    self.con.execute(f"SELECT count(x) FROM ({values})").fetchall()
                except duckdb.Error as found:
                    raise Refused(f"the mapping's expression fails: {_kind(found)}", column=name) from None
            raise Refused(f"the mapping fails: {_kind(error)}") from None


def _parts_of(column: str) -> str:
    return quoted(f"parts of {column}")


def _text(name: str) -> str:
    """The column that holds a value as text."""
    return quoted(f"={name}")


def _kind(error: duckdb.Error) -> str:
    """What kind of failure it is. Only a message about the SQL is repeated: one about a row quotes the row's value."""
    if isinstance(error, duckdb.BinderException | duckdb.ParserException | duckdb.CatalogException):
        return str(error).splitlines()[0][:200]
    return f"{type(error).__name__}; guard it with try_cast or nullif"
