"""A large delimited file in one go: cut between records into pieces, each read, typed and written, two at a time.

Belongs here: the way of a file of which nothing is wrong but some of its rows. Whatever else it meets raises Unsure,
and the file goes the general way (readers.py, then conform.py) from its start: both come to the same rows, counts,
words. What is dear there and saved here: the text as a table of its own, and looking for white space that no value has.
"""

from __future__ import annotations

import contextlib
from collections import Counter, deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from customer_intel.core.contract import Table
from customer_intel.core.engine import literal
from customer_intel.ingest.conform import CONFLICT, CURRENCY, ROUNDED, Steps, conform, own_schema
from customer_intel.ingest.conformed import Conformed, Counts, Source
from customer_intel.ingest.cutting import Dialect, Job, Piece, Unsure, padded, pieces, split
from customer_intel.ingest.duplicates import conflicting, find_duplicates
from customer_intel.ingest.intake import Refused
from customer_intel.ingest.mapping import FileMapping
from customer_intel.ingest.partfile import PartFile
from customer_intel.ingest.quarantine import Failure, first_failures
from customer_intel.ingest.readers import swallowed
from customer_intel.ingest.texttable import TextTable, explicit
from customer_intel.ingest.values import CURRENCIES, quoted

WORKERS = 2
# So many in one piece, and it is no file of which some rows are wrong.
MANY_BAD = 20_000
MANY_REPEATED = 2_000_000
# The name that a piece's rows have on a connection.
ROWS = "piece_rows"
Hashes = npt.NDArray[np.uint64]


def fits(con: duckdb.DuckDBPyConnection, entity: Table, mapping: FileMapping, columns: tuple[str, ...]) -> bool:
    """Whether each row stands for itself, and columns of the file tell them apart."""
    plain = not mapping.group_by and not mapping.lookups and mapping.duplicates == "drop"
    source = Source("", "", date(2000, 1, 1), TextTable("", columns, 0))
    return plain and bool(Steps(con, entity, mapping, source, Path()).key_columns)


@dataclass
class Taken:
    """What came of a piece. `rows`: the accepted ones; `hashes`: of each row's key, in their order of size."""

    rows: pa.Table
    hashes: Hashes
    numbers: Counter[str]
    checks: Counter[str]
    aside: Conformed | None = None


def conform_piecewise(
    con: duckdb.DuckDBPyConnection, entity: Table, mapping: FileMapping, source: Source, target: Path, job: Job
) -> Conformed:
    """Reads and conforms a file at once. `source.text` has its columns only. Raises Unsure, and Refused."""
    dialect = Dialect.of(job.path, mapping.reader)
    assert dialect
    try:
        return _Whole(con, entity, mapping, source, target, job, dialect).run()
    except (duckdb.Error, pa.ArrowException):
        raise Unsure from None


class _Whole:
    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        entity: Table,
        mapping: FileMapping,
        source: Source,
        target: Path,
        job: Job,
        dialect: Dialect,
    ) -> None:
        self.con, self.entity, self.mapping, self.source = con, entity, mapping, source
        self.target, self.job, self.dialect = target, job, dialect
        self.columns, self.written = source.text.columns, target.with_suffix(".written")
        self.extra = Steps(con, entity, mapping, source, target).extra
        # Columns with a value that has to be trimmed.
        self.soiled: set[str] = set()

    def run(self) -> Conformed:
        numbers, checks = Counter[str](), Counter[str](dict.fromkeys(self.mapping.checks, 0))
        hashes: list[Hashes] = []
        asides: list[Conformed] = []
        constants = {
            "source_system": self.source.source_system,
            "exported_at": self.source.export_date,
            "source_file": self.source.source_file,
        }
        # DuckDB may remember the footer of a file that it has read: what it reads meanwhile has another name.
        written: Future[None] | None = None
        with (
            PartFile(self.written, self.entity, constants) as part,
            ThreadPoolExecutor(1) as writing,
            contextlib.closing(self._all_taken()) as all_taken,
        ):
            for taken in all_taken:
                if written:
                    written.result()
                written = writing.submit(part.write, taken.rows)
                numbers += taken.numbers
                checks.update(taken.checks)
                hashes.append(taken.hashes)
                asides += [taken.aside] if taken.aside else []
            if written:
                written.result()
        repeated = _repeated(hashes)
        hashes.clear()
        dropped, conflicts, gone = 0, 0, None
        if len(repeated):
            gone, twins, conflicts = self._twice(repeated)
            if gone and twins:
                dropped = twins.counts.rows_read
                numbers.subtract(_numbers(twins))
                checks.subtract({name: twins.checks[name][0] for name in self.mapping.checks})
        if not gone:
            self.written.rename(self.target)
        return self._conformed(numbers, checks, asides, dropped, conflicts, gone)

    # ---- pieces
    def _all_taken(self) -> Generator[Taken]:
        """What comes of each piece, in order, while the next ones are at work."""
        pending: deque[Future[Taken]] = deque()
        with ThreadPoolExecutor(WORKERS) as pool:
            try:
                for piece in pieces(self.job, self.dialect):
                    pending.append(pool.submit(self._take, piece))
                    while len(pending) > WORKERS:
                        yield pending.popleft().result()
                while pending:
                    yield pending.popleft().result()
            finally:
                for future in pending:
                    future.cancel()

    def _take(self, piece: Piece) -> Taken:
        con = self.con.cursor()
        try:
            text = split(piece, self.columns, self.dialect)
            con.register(ROWS, text)
            if piece.folded and self._swallowed(con):
                raise Unsure
            return self._typed(con, text)
        except Refused:
            # A piece tells which of its values an expression fails at; the file as a whole may tell of another first.
            raise Unsure from None
        finally:
            con.close()

    def _swallowed(self, con: duckdb.DuckDBPyConnection) -> bool:
        folded = " OR ".join(f"contains({quoted(name)}, chr(10))" for name in self.columns)
        with own_schema(con):
            con.execute(f"CREATE TABLE folded AS SELECT * FROM {ROWS} WHERE {folded}")
            return swallowed(con, "folded", self.columns, self.dialect.delimiter)

    def _typed(self, con: duckdb.DuckDBPyConnection, text: pa.Table) -> Taken:
        soiled = {name for name in self.columns if padded(text[name])}
        self.soiled |= soiled
        table = TextTable(f"SELECT * FROM {ROWS}", self.columns, len(text), clean=frozenset(self.columns) - soiled)
        with own_schema(con):
            steps = _Steps(con, self.entity, self.mapping, replace(self.source, text=table), self.target)
            found, checks, skipped = steps.rows(text)
            # A row of another entity may have a twin too.
            keys = con.sql("SELECT _hash FROM text_row").to_arrow_table() if skipped else found
            hashes = np.sort(keys["_hash"].to_numpy())
        bad, aside = [], None
        if pc.any(found["_bad"]).as_py():
            bad = found["source_row"].filter(found["_bad"]).to_pylist()
            aside = self._aside(con, bad)
            found = found.filter(pc.invert(found["_bad"]))
        numbers = Counter(
            rows=len(text),
            accepted=len(found),
            bad=len(bad),
            skipped=skipped,
            rounded=pc.sum(found["_rounded"]).as_py() or 0,
            unknown=steps.unknown(found),
        )
        return Taken(found, hashes, numbers, checks, aside)

    def _aside(self, con: duckdb.DuckDBPyConnection, bad: list[int]) -> Conformed:
        """The rows that cannot be taken, through the general way, which says why."""
        if len(bad) > MANY_BAD:
            raise Unsure
        sql = f"SELECT * FROM {ROWS} WHERE _row IN ({', '.join(map(str, bad))})"
        aside = self._through(con, sql, len(bad), self.target.with_suffix(f".{bad[0]}.aside"))
        if aside.counts.rows_quarantined != len(bad):
            raise Unsure
        return aside

    def _through(self, con: duckdb.DuckDBPyConnection, sql: str, rows: int, target: Path) -> Conformed:
        mapping = self.mapping.model_copy(update={"duplicates": "keep"})
        source = replace(self.source, text=TextTable(sql, self.columns, rows))
        return conform(con, self.entity, mapping, source, target)

    # ---- rows that stand twice
    def _twice(self, repeated: Hashes) -> tuple[Path | None, Conformed | None, int]:
        """(the rows that equal an earlier one, what came of them, rows that contradict each other)."""
        steps = Steps(self.con, self.entity, self.mapping, self.source, self.target)
        key = steps._mapped(self.entity.key)
        named = [steps.columns[name] for name in self.entity.key if name in steps.columns]
        texts = [column.type == "text" and column.values is None for column in named]
        soiled = {quoted(name) for name in self.soiled} & set(steps.key_columns)
        if len(repeated) > MANY_REPEATED or not all(texts) or soiled:
            raise Unsure
        gone, twins = None, None
        with contextlib.closing(self.con.cursor()) as con, own_schema(con):
            con.register("repeated_key", pa.table({"h": repeated}))
            nominated = f"hash({', '.join(steps.key_columns)}) IN (SELECT h FROM repeated_key)"
            for piece in pieces(self.job, self.dialect):
                con.register(ROWS, split(piece, self.columns, self.dialect))
                made = "INSERT INTO text_row" if piece.before else "CREATE TABLE text_row AS"
                con.execute(f"{made} SELECT * FROM {ROWS} WHERE {nominated}")
                con.unregister(ROWS)
            count, _ = find_duplicates(con, [quoted(name) for name in self.columns], steps.key_columns)
            if count:
                gone = self.target.with_suffix(".twins.parquet")
                con.execute(
                    f"COPY (SELECT * FROM text_row WHERE _row IN (SELECT _row FROM duplicate_row)) "
                    f"TO {literal(str(gone))} (FORMAT parquet)"
                )
                con.execute(
                    f"COPY (SELECT * FROM {_parquet(self.written)} WHERE source_row NOT IN (SELECT _row FROM "
                    f"duplicate_row)) TO {literal(str(self.target))} (FORMAT parquet, COMPRESSION zstd)"
                )
            con.execute(
                f"CREATE TABLE typed AS SELECT *, false AS _bad FROM {_parquet(self.written)} WHERE source_row IN "
                "(SELECT _row FROM text_row) AND source_row NOT IN (SELECT _row FROM duplicate_row)"
            )
            conflicts = conflicting(con, key, steps._mapped(steps.settings.get("order", ())))
        if gone:
            twins = self._through(self.con, explicit(gone), count, self.target.with_suffix(".twin"))
        return gone, twins, conflicts

    # ---- the file as a whole
    def _conformed(
        self,
        numbers: Counter[str],
        checks: Counter[str],
        asides: list[Conformed],
        dropped: int,
        conflicts: int,
        gone: Path | None,
    ) -> Conformed:
        accepted, bad = numbers["accepted"], numbers["bad"]
        rows = numbers["rows"] + dropped
        counts = Counts(rows, accepted, bad, dropped, numbers["skipped"], accepted)
        if rows != accepted + bad + dropped + numbers["skipped"] or pq.read_metadata(self.target).num_rows != accepted:
            raise Unsure
        found = {name: (checks[name], rows - dropped) for name in self.mapping.checks}
        for name, count in ((ROUNDED, numbers["rounded"]), (CURRENCY, numbers["unknown"]), (CONFLICT, conflicts)):
            if count:
                found[name] = (int(count), accepted)
        quarantine = self.target.with_suffix(".quarantine.parquet") if bad else None
        failures: tuple[Failure, ...] = ()
        unsure = None
        if quarantine:
            files = [aside.quarantine for aside in asides if aside.quarantine]
            kept = f" WHERE source_row NOT IN (SELECT _row FROM {_parquet(gone)})" if gone else ""
            self.con.execute(
                f'COPY (SELECT * FROM {_parquet(*files)}{kept} ORDER BY source_row, "column") '
                f"TO {literal(str(quarantine))} (FORMAT parquet, COMPRESSION zstd)"
            )
            quarantine.chmod(0o600)
            failures = first_failures(self.con, quarantine)
            keys = [aside.unsure for aside in asides if aside.unsure]
            if self.mapping.snapshot and len(keys) == len(asides):
                unsure = self.target.with_suffix(".keys.parquet")
                self.con.execute(f"COPY (SELECT * FROM {_parquet(*keys)}) TO {literal(str(unsure))} (FORMAT parquet)")
        return Conformed(self.target, quarantine, counts, found, self.extra, failures, unsure)


class _Steps(Steps):
    """A piece's steps, views only: its rows are typed and handed over by one statement."""

    def rows(self, text: pa.Table) -> tuple[pa.Table, Counter[str], int]:
        """(rows that are not skipped, check → rows that match, rows skipped).

        The entity's columns that are no constants, and _bad, _rounded and the key's _hash.
        """
        self.con.execute(
            f"CREATE VIEW text_row AS SELECT *, hash({', '.join(self.key_columns)}) AS _hash "
            f"FROM ({self.source.text.sql})"
        )
        self.carried = ("_hash",)
        self._view_src()
        checks, skipped = self._count(self.source.text.rows)
        self._make_typed("VIEW")
        as_is = self._as_is()
        made = (*self.columns, "record_key", "source_row", "extra_json", self.entity.day_column)
        values = ", ".join(
            f"CAST({sql} AS {column.sql_type}) AS {quoted(column.name)}"
            for column, sql in self._values()
            if column.name in made and column.name not in as_is
        )
        rows = self.con.sql(f"SELECT {values}, _bad, _rounded, _hash FROM {self._filled()}").to_arrow_table()
        if len(rows) != len(text) - skipped:
            raise Unsure
        places = rows["source_row"].to_numpy() - (text["_row"][0].as_py() if len(text) else 0)
        if (np.diff(places, prepend=-1) <= 0).any():
            raise Unsure
        for name, column in as_is.items():
            rows = rows.append_column(name, text[column].take(pa.array(places)) if skipped else text[column])
        return rows, Counter({name: count for name, (count, _) in checks.items()}), skipped

    def _as_is(self) -> dict[str, str]:
        """Columns of the entity that say what a column of the file says, letter by letter → the latter."""
        if any(word.strip() for word in self.mapping.reader.null):
            return {}
        json, clean = self.settings.get("json", ()), self.source.text.clean
        found = {name: self.actual.get(text.lower(), "") for name, text in self.mapping.columns.items()}
        return {
            name: column
            for name, column in found.items()
            if column in clean
            and self.columns[name].type == "text"
            and self.columns[name].values is None
            and name not in json
        }

    def unknown(self, rows: pa.Table) -> int:
        """Rows with a currency that is none."""
        known = set(CURRENCIES.split())
        names = [name for name in self.settings.get("currencies", ("currency",)) if name in self.columns]
        strange = [name for name in names if not (set(pc.unique(rows[name]).to_pylist()) - {None} <= known)]
        if not strange:
            return 0
        codes = pa.array(sorted(known), pa.string())
        found = [pc.invert(pc.or_(pc.is_in(rows[name], codes), pc.is_null(rows[name]))).to_numpy() for name in strange]
        return int(np.logical_or.reduce(found).sum())


def _repeated(hashes: list[Hashes]) -> Hashes:
    """The hashes that stand more than once. A sixteenth of them at a time: together they would not fit twice."""
    found = []
    for part in range(16):
        low, high = np.uint64(part << 60), np.uint64((part + 1 << 60) - 1)
        cut = [values[np.searchsorted(values, low) : np.searchsorted(values, high, "right")] for values in hashes]
        values = np.concatenate([*cut, np.empty(0, np.uint64)])
        values.sort()
        found.append(np.unique(values[1:][values[1:] == values[:-1]]))
    return np.concatenate(found)


def _numbers(conformed: Conformed) -> Counter[str]:
    counts, none = conformed.counts, (0, 0)
    return Counter(
        rows=counts.rows_read,
        accepted=counts.rows_accepted,
        bad=counts.rows_quarantined,
        skipped=counts.rows_skipped,
        rounded=conformed.checks.get(ROUNDED, none)[0],
        unknown=conformed.checks.get(CURRENCY, none)[0],
    )


def _parquet(*files: Path) -> str:
    return f"read_parquet([{', '.join(literal(str(file)) for file in files)}], hive_partitioning = false)"
