"""A mapping's texts as SQL over one file's rows: columns, expressions, JSON parts, lookups.

Belongs here: how a text of a mapping becomes SQL, and what failed when it does. Not here: the steps
that run it (conform.py), what an expression may say (mapping/expressions.py).
"""

from __future__ import annotations

import re

import duckdb

from customer_intel.core.engine import literal, quoted
from customer_intel.ingest.conform.odd_values import are_floats, without_float
from customer_intel.ingest.conform.results import SourceFile
from customer_intel.ingest.conform.typing_rules import source_value
from customer_intel.ingest.mapping.expressions import columns_of, lookup_fields
from customer_intel.ingest.mapping.model import FileMapping
from customer_intel.ingest.read.open_file import Refused

# A quote inside a SQL text is doubled, so this never matches there.
_JSON_PART = re.compile(r"""\bjson_extract_string\(\s*(\w+|"[^"]+")\s*,\s*'(\$[^'*]*)'\s*\)""")


class MappingSql:
    """One mapping's SQL over the columns of one file (`actual`: name in small letters → as
    spelled).
    """

    def __init__(self, mapping: FileMapping, source: SourceFile) -> None:
        self.mapping, self.source = mapping, source
        self.actual = {name.lower(): name for name in source.text.columns}
        self.json_paths = self._paths()

    def joined(self, rows: str) -> str:
        """`rows` with the parts of its JSON columns as lists, and each lookup as one struct column
        of its name.
        """
        lists = "".join(
            (
                f", json_extract_string({column}, [{', '.join(map(literal, paths))}]) AS "
                f"{_parts_of(column)}"
            )
            for column, paths in self.json_paths.items()
        )
        sql = f"(SELECT *{lists} FROM {rows})" if lists else rows
        for name, lookup in self.mapping.lookups.items():
            key = quoted(f"k of {name}")
            if self.source.lookups.get(name) is None:
                fields = {
                    "k",
                    *(
                        part
                        for text in self.mapping.expressions
                        for part in lookup_fields(text, name)
                    ),
                }
                nulls = ", ".join(
                    f"{quoted(item)} := CAST(NULL AS VARCHAR)" for item in sorted(fields)
                )
                sql += (
                    f" LEFT JOIN (SELECT struct_pack({nulls}) AS {quoted(name)} WHERE false) "
                    "ON true"
                )
                continue
            keyed = (
                f"SELECT CAST(k AS VARCHAR) AS {key}, l AS {quoted(name)} FROM "
                f"{quoted(f'lookup_{name}')} AS l"
            )
            sql += (
                f" LEFT JOIN ({keyed} WHERE k IS NOT NULL) ON {key} = "
                f"CAST({self.sql(lookup.on)} AS VARCHAR)"
            )
        return sql

    def sql(self, text: str) -> str:
        """A mapping's text as SQL: a column when the file has one of that name, else the
        expression.
        """
        if text in self.mapping.may_lack and text.lower() not in self.actual:
            return quoted(text)
        if text.lower() in self.actual:
            return quoted(self.actual[text.lower()])
        return f"({_JSON_PART.sub(self._json_part, text)})"

    def _json_part(self, call: re.Match[str]) -> str:
        """A call that takes one part of a JSON column, as an item of the list of all parts taken
        from it.
        """
        column, path = quoted(call[1].strip('"')), call[2]
        paths = self.json_paths.get(column, ())
        return f"{_parts_of(column)}[{paths.index(path) + 1}]" if path in paths else call[0]

    def _paths(self) -> dict[str, list[str]]:
        """JSON column → the paths that expressions take from it: in one go, a text is parsed once
        and not per path.
        """
        found: dict[str, list[str]] = {}
        for column, path in _JSON_PART.findall(" ".join(self.mapping.expressions)):
            paths = found.setdefault(quoted(column.strip('"')), [])
            if path not in paths:
                paths.append(path)
        known = {quoted(name).lower() for name in (*self.actual, *self.mapping.may_lack)}
        return {
            column: paths
            for column, paths in found.items()
            if len(paths) > 1 and column.lower() in known
        }

    def named_in(self, text: str) -> str:
        """The columns that a text takes, as the file spells them, several by comma."""
        used = (
            [text]
            if text.lower() in self.actual
            else sorted(columns_of(text, tuple(self.mapping.lookups)))
        )
        return ", ".join(self.actual[item.lower()] for item in used if item.lower() in self.actual)


def make_lookups(con: duckdb.DuckDBPyConnection, mapping: FileMapping, source: SourceFile) -> None:
    """A table for each lookup whose file came. Raises Refused for faulty SQL and repeated keys."""
    for name, lookup in mapping.lookups.items():
        table, text = quoted(f"lookup_{name}"), source.lookups.get(name)
        if text is None:
            continue
        values = ", ".join(
            (
                f"{source_value(column, lookup.reader, clean=column in text.clean)} AS "
                f"{quoted(column)}"
            )
            for column in text.columns
        )
        con.execute(f"CREATE VIEW file AS SELECT _row, {values} FROM ({text.sql})")
        try:
            con.execute(f"CREATE TABLE {table} AS {lookup.sql}")
            keys, distinct = con.execute(
                f"SELECT count(k), count(DISTINCT k) FROM {table}"
            ).fetchall()[0]
        except duckdb.Error as error:
            raise Refused(
                f"lookup '{name}' fails: {failure_of(error)}; its sql must give a column k"
            ) from None
        con.execute("DROP VIEW file")
        floats = are_floats("CAST(k AS VARCHAR)")
        if con.execute(f"SELECT {floats} FROM {table}").fetchall()[0][0]:
            # Keys that a frame wrote as floats, as ids of an export are taken.
            con.execute(
                f"CREATE OR REPLACE TABLE {table} AS SELECT * REPLACE "
                f"({without_float('CAST(k AS VARCHAR)')} AS k) FROM {table}"
            )
        if keys != distinct:
            raise Refused(
                f"lookup '{name}' has {keys - distinct:,} keys more than once; group its sql "
                "by the key"
            )


def _parts_of(column: str) -> str:
    return quoted(f"parts of {column}")


def failure_of(error: duckdb.Error) -> str:
    """What kind of failure it is. Only a message about the SQL is repeated: one about a row quotes
    the row's value.
    """
    if isinstance(error, duckdb.BinderException | duckdb.ParserException | duckdb.CatalogException):
        return str(error).splitlines()[0][:200]
    return f"{type(error).__name__}; guard it with try_cast or nullif"
