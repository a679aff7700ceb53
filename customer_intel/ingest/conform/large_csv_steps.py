"""One piece of a large file, from rows of text to typed rows: conform.py's steps as views, kept
from chunk to chunk.

Not here: the file as a whole, and what cannot be taken (large_csv.py).
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from customer_intel.core.engine import quoted
from customer_intel.ingest.conform.conform import Steps, own_schema
from customer_intel.ingest.conform.odd_values import CURRENCIES
from customer_intel.ingest.conform.row_rules import is_email
from customer_intel.ingest.read.csv_chunks import NeedsGeneralPath


class Worker:
    """A connection that keeps the steps from piece to piece: planning them takes as long as typing
    50,000 rows.
    """

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        made_of: Callable[[duckdb.DuckDBPyConnection, frozenset[str]], PieceSteps],
    ) -> None:
        self.con, self.made_of = con, made_of
        self.schema = contextlib.ExitStack()
        self.made: PieceSteps | None = None

    def steps(self, clean: frozenset[str]) -> PieceSteps:
        """The steps for pieces in which no value of the `clean` columns has to be trimmed."""
        if not self.made or self.made.source.text.clean != clean:
            self.schema.close()
            self.schema.enter_context(own_schema(self.con))
            self.made = self.made_of(self.con, clean)
            self.made.prepare()
        return self.made

    def close(self) -> None:
        """Drops the views and closes the connection."""
        self.schema.close()
        self.con.close()


class PieceSteps(Steps):
    """A piece's steps, views only: its rows are typed and handed over by one statement."""

    def prepare(self) -> None:
        """Makes the views; rows are read when `rows` asks for them."""
        self.con.execute(
            f"CREATE VIEW text_row AS SELECT *, hash({', '.join(self.key_columns)}) AS _hash "
            f"FROM ({self.source.text.sql})"
        )
        self.carried = ("_hash",)
        self._set_src()
        self._make_typed("VIEW")

    def rows(self, text: pa.Table) -> tuple[pa.Table, Counter[str], int]:
        """(rows that are not skipped, check → rows that match, rows skipped).

        The entity's columns that are no constants, and _bad, _rounded, _emptied and the key's _hash. Raises
        NeedsGeneralPath when rows are missing or stand twice.
        """
        checks, skipped = self._count(len(text))
        as_is = self._as_is()
        computed = (*self.columns, "record_key", "source_row", "extra_json", self.entity.day_column)
        values = ", ".join(
            f"CAST({sql} AS {column.sql_type}) AS {quoted(column.name)}"
            for column, sql in self._values()
            if column.name in computed and column.name not in as_is
        )
        rows = self.con.sql(
            f"SELECT {values}, _bad, _rounded, _emptied, _hash FROM {self._filled()}"
        ).to_arrow_table()
        if len(rows) != len(text) - skipped:
            raise NeedsGeneralPath
        places = rows["source_row"].to_numpy() - (text["_row"][0].as_py() if len(text) else 0)
        if (np.diff(places, prepend=-1) <= 0).any():
            # Above some 120,000 rows DuckDB scans a piece in parallel, and hands it over as parts are done.
            order = np.argsort(places)
            rows, places = rows.take(order), places[order]
            if (np.diff(places, prepend=-1) <= 0).any():
                raise NeedsGeneralPath
        for name, column in as_is.items():
            rows = rows.append_column(
                name, text[column].take(pa.array(places)) if skipped else text[column]
            )
        return rows, Counter({name: count for name, (count, _) in checks.items()}), skipped

    def _as_is(self) -> dict[str, str]:
        """Columns of the entity that say what a column of the file says, letter by letter → the
        latter.
        """
        if any(word.strip() for word in self.mapping.reader.null):
            return {}
        json, clean = self.settings.get("json", ()), self.source.text.clean
        found = {
            name: self.actual.get(text.lower(), "") for name, text in self.mapping.columns.items()
        }
        return {
            name: column
            for name, column in found.items()
            if column in clean
            and self.columns[name].type == "text"
            and self.columns[name].values is None
            and not is_email(self.columns[name])
            and name not in json
        }

    def unknown(self, rows: pa.Table) -> int:
        """Rows with a currency that is none."""
        known = set(CURRENCIES.split())
        names = [
            name for name in self.settings.get("currencies", ("currency",)) if name in self.columns
        ]
        with_unknown = [
            name for name in names if not (set(pc.unique(rows[name]).to_pylist()) - {None} <= known)
        ]
        if not with_unknown:
            return 0
        codes = pa.array(sorted(known), pa.string())
        found = [
            pc.invert(pc.or_(pc.is_in(rows[name], codes), pc.is_null(rows[name]))).to_numpy()
            for name in with_unknown
        ]
        return int(np.logical_or.reduce(found).sum())
