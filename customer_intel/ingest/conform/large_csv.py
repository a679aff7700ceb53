"""Fast path for large delimited files: pieces, each read, typed and written, two at a time.

Belongs here: files of which nothing is wrong but some of their rows. Whatever else it meets raises
NeedsGeneralPath, and the file takes the general path (readers.py, then conform.py) from its start:
both give the same rows, counts and messages. Saved here: writing the text as a table of its own,
and trimming white space that no value has.
"""

from __future__ import annotations

import contextlib
import itertools
from collections import Counter, deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from queue import SimpleQueue

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from customer_intel.core.contract.model import Table
from customer_intel.core.engine import literal, quoted
from customer_intel.ingest.conform import odd_values
from customer_intel.ingest.conform.conform import (
    CONFLICT,
    CURRENCY,
    ROUNDED,
    Steps,
    conform,
    own_schema,
)
from customer_intel.ingest.conform.duplicates import conflicting, find_duplicates
from customer_intel.ingest.conform.emptied import CHECK, counted_in
from customer_intel.ingest.conform.large_csv_steps import PieceSteps, Worker
from customer_intel.ingest.conform.parquet_writer import PartWriter
from customer_intel.ingest.conform.quarantine import Failure, first_failures
from customer_intel.ingest.conform.results import Conformed, Counts, SourceFile
from customer_intel.ingest.mapping.model import FileMapping
from customer_intel.ingest.read.csv_chunks import (
    Dialect,
    LargeFile,
    NeedsGeneralPath,
    Piece,
    padded,
    pieces,
    row_evidence,
    split,
)
from customer_intel.ingest.read.open_file import Refused
from customer_intel.ingest.read.readers import swallowed
from customer_intel.ingest.read.row_evidence import RowEvidence
from customer_intel.ingest.read.text_table import TextTable, rows_sql

WORKERS = 2
# More bad rows than this in one piece: the file as a whole is wrong, and the general path says how.
MANY_BAD = 20_000
FEW_BAD = 100
MANY_REPEATED = 2_000_000
# Ids that are numbers as a spreadsheet or a frame writes them: what they are, the whole file tells.
NUMBERED = rf"^(\s*{odd_values.FLOAT_ID}\s*|{odd_values.SCIENTIFIC})$"
# The name that a piece's rows have on a connection.
ROWS = "piece_rows"
Hashes = npt.NDArray[np.uint64]


def fits(
    con: duckdb.DuckDBPyConnection, entity: Table, mapping: FileMapping, columns: tuple[str, ...]
) -> bool:
    """Whether each row stands for itself, and columns of the file tell them apart."""
    plain = not mapping.group_by and not mapping.lookups and mapping.duplicates == "drop"
    source = SourceFile("", "", date(2000, 1, 1), TextTable("", columns, 0))
    return plain and bool(Steps(con, entity, mapping, source, Path()).key_columns)


@dataclass
class PieceResult:
    """`rows`: the accepted ones; `bad`: the text of the others; `hashes`: of the keys, by size."""

    rows: pa.Table
    bad: pa.Table
    hashes: Hashes
    numbers: Counter[str]
    checks: Counter[str]


def conform_piecewise(
    con: duckdb.DuckDBPyConnection,
    entity: Table,
    mapping: FileMapping,
    source: SourceFile,
    target: Path,
    file: LargeFile,
) -> Conformed:
    """Reads and conforms a file at once. `source.text` has its columns only. Raises
    NeedsGeneralPath, and Refused.
    """
    dialect = Dialect.of(file.path, mapping.reader)
    assert dialect
    try:
        return _LargeFileRun(con, entity, mapping, source, target, file, dialect).run()
    except (duckdb.Error, pa.ArrowException):
        raise NeedsGeneralPath from None


class _LargeFileRun:
    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        entity: Table,
        mapping: FileMapping,
        source: SourceFile,
        target: Path,
        file: LargeFile,
        dialect: Dialect,
    ) -> None:
        self.con, self.entity, self.mapping, self.source = con, entity, mapping, source
        self.target, self.file, self.dialect = target, file, dialect
        self.columns, self.written = source.text.columns, target.with_suffix(".written")
        self.steps = Steps(con, entity, mapping, source, target)
        self.id_columns = self.steps.id_columns
        # Columns with a value that has to be trimmed.
        self.untrimmed: set[str] = set()
        self.idle: SimpleQueue[Worker] = SimpleQueue()

    def run(self) -> Conformed:
        numbers, checks = Counter[str](), Counter[str](dict.fromkeys(self.mapping.checks, 0))
        hashes: list[Hashes] = []
        rejected: list[Conformed] = []
        bad: list[pa.Table] = []
        constants = {
            "source_system": self.source.source_system,
            "exported_at": self.source.export_date,
            "source_file": self.source.source_file,
            "column_set": self.steps.column_set,
        }
        # DuckDB caches footers by name: the file is read under another name while it is written.
        written: Future[None] | None = None
        with (
            PartWriter(self.written, self.entity, constants) as part,
            ThreadPoolExecutor(1) as writing,
            contextlib.closing(self._piece_results()) as results,
        ):
            for result in results:
                if written:
                    written.result()
                written = writing.submit(part.write, result.rows)
                numbers += result.numbers
                checks.update(result.checks)
                hashes.append(result.hashes)
                bad += [result.bad] if len(result.bad) else []
                if sum(map(len, bad)) >= MANY_BAD:
                    rejected.append(self._reject(bad))
                    bad.clear()
            if written:
                written.result()
        rejected += [self._reject(bad)] if bad else []
        repeated = _repeated(hashes)
        hashes.clear()
        dropped, conflicts, dropped_rows = 0, 0, None
        if len(repeated):
            dropped_rows, repeated_rows, conflicts = self._drop_repeated(repeated)
            if dropped_rows and repeated_rows:
                dropped = repeated_rows.counts.rows_read
                numbers.subtract(_numbers(repeated_rows))
                checks.subtract({name: count for name, (count, _) in _own(repeated_rows).items()})
        if not dropped_rows:
            self.written.rename(self.target)
        return self._conformed(numbers, checks, rejected, dropped, conflicts, dropped_rows)

    # ---- pieces
    def _piece_results(self) -> Generator[PieceResult]:
        """What comes of each piece, in order, while the next ones are at work."""
        pending: deque[Future[PieceResult]] = deque()
        with contextlib.ExitStack() as workers, ThreadPoolExecutor(WORKERS) as pool:
            for _ in range(WORKERS):
                self.idle.put(
                    workers.enter_context(
                        contextlib.closing(Worker(self.con.cursor(), self._steps))
                    )
                )
            try:
                for piece in pieces(self.file, self.dialect):
                    pending.append(pool.submit(self._take, piece))
                    while len(pending) > WORKERS:
                        yield pending.popleft().result()
                while pending:
                    yield pending.popleft().result()
            finally:
                for future in pending:
                    future.cancel()

    def _take(self, piece: Piece) -> PieceResult:
        worker = self.idle.get()
        try:
            text = split(piece, self.columns, self.dialect)
            worker.con.register(ROWS, text)
            if piece.folded and self._may_swallow(text):
                raise NeedsGeneralPath
            return self._typed(worker, text)
        except Refused:
            # The first failing value of a piece need not be the first of the file, which the
            # message must name.
            raise NeedsGeneralPath from None
        finally:
            self.idle.put(worker)

    @cached_property
    def evidence(self) -> RowEvidence:
        """What the beginning of the file tells of its rows."""
        return row_evidence(self.file, self.columns, self.dialect)

    def _may_swallow(self, text: pa.Table) -> bool:
        with contextlib.closing(self.con.cursor()) as con, own_schema(con):
            con.register(ROWS, text)
            return swallowed(con, ROWS, self.evidence)

    def _typed(self, worker: Worker, text: pa.Table) -> PieceResult:
        if any(
            pc.any(pc.match_substring_regex(text[name], NUMBERED)).as_py()
            for name in self.id_columns
        ):
            raise NeedsGeneralPath
        untrimmed = {name for name in self.columns if padded(text[name])}
        self.untrimmed |= untrimmed
        steps = worker.steps(frozenset(self.columns) - untrimmed)
        found, checks, skipped = steps.rows(text)
        # Skipped rows (another entity's) count as duplicates too.
        keys = worker.con.sql("SELECT _hash FROM text_row").to_arrow_table() if skipped else found
        # Sorted, so that _repeated finds a range of them by binary search.
        hashes = np.sort(keys["_hash"].to_numpy())
        places = np.flatnonzero(found["_bad"].to_numpy())
        if len(places) > MANY_BAD:
            raise NeedsGeneralPath
        bad = _those(
            text,
            found["source_row"].to_numpy()[places] - text["_row"][0].as_py()
            if len(places)
            else places,
        )
        found = _without(found, places)
        numbers = Counter(
            rows=len(text),
            accepted=len(found),
            bad=len(bad),
            skipped=skipped,
            rounded=pc.sum(found["_rounded"]).as_py() or 0,
            unknown=steps.unknown(found),
        )
        checks += counted_in(found["_emptied"].drop_null().to_pylist())
        return PieceResult(found, bad, hashes, numbers, checks)

    def _steps(self, con: duckdb.DuckDBPyConnection, clean: frozenset[str]) -> PieceSteps:
        source = replace(
            self.source, text=TextTable(f"SELECT * FROM {ROWS}", self.columns, 0, clean=clean)
        )
        return PieceSteps(con, self.entity, self.mapping, source, self.target)

    def _reject(self, bad: list[pa.Table]) -> Conformed:
        """The rows that cannot be taken, through the general path, which says why."""
        rows = pa.concat_tables(bad)
        with contextlib.closing(self.con.cursor()) as con:
            con.register(ROWS, rows)
            target = self.target.with_suffix(f".{rows['_row'][0]}.aside")
            rejected = self._general_path(con, f"SELECT * FROM {ROWS}", len(rows), target)
        if rejected.counts.rows_quarantined != len(rows):
            raise NeedsGeneralPath
        return rejected

    def _general_path(
        self, con: duckdb.DuckDBPyConnection, sql: str, rows: int, target: Path
    ) -> Conformed:
        mapping = self.mapping.model_copy(update={"duplicates": "keep"})
        source = replace(self.source, text=TextTable(sql, self.columns, rows))
        return conform(con, self.entity, mapping, source, target)

    # ---- rows that stand twice
    def _drop_repeated(self, repeated: Hashes) -> tuple[Path | None, Conformed | None, int]:
        """(the rows that equal an earlier one, what came of them, rows that contradict each other)."""
        steps = Steps(self.con, self.entity, self.mapping, self.source, self.target)
        key = steps._mapped(self.entity.key)
        named = [steps.columns[name] for name in self.entity.key if name in steps.columns]
        texts = [column.type == "text" and column.values is None for column in named]
        untrimmed = {quoted(name) for name in self.untrimmed} & set(steps.key_columns)
        if len(repeated) > MANY_REPEATED or not all(texts) or untrimmed:
            raise NeedsGeneralPath
        dropped_rows, repeated_rows = None, None
        with contextlib.closing(self.con.cursor()) as con, own_schema(con):
            con.register("repeated_key", pa.table({"h": repeated}))
            nominated = f"hash({', '.join(steps.key_columns)}) IN (SELECT h FROM repeated_key)"
            for piece in pieces(self.file, self.dialect):
                con.register(ROWS, split(piece, self.columns, self.dialect))
                insert = "INSERT INTO text_row" if piece.before else "CREATE TABLE text_row AS"
                con.execute(f"{insert} SELECT * FROM {ROWS} WHERE {nominated}")
                con.unregister(ROWS)
            count, _ = find_duplicates(
                con, [quoted(name) for name in self.columns], steps.key_columns
            )
            if count:
                dropped_rows = self.target.with_suffix(".twins.parquet")
                con.execute(
                    f"COPY (SELECT * FROM text_row WHERE _row IN (SELECT _row FROM duplicate_row)) "
                    f"TO {literal(str(dropped_rows))} (FORMAT parquet)"
                )
                con.execute(
                    f"COPY (SELECT * FROM {_parquet(self.written)} WHERE source_row NOT IN "
                    "(SELECT _row FROM "
                    f"duplicate_row)) TO {literal(str(self.target))} (FORMAT parquet, COMPRESSION "
                    "zstd)"
                )
            con.execute(
                f"CREATE TABLE typed AS SELECT *, false AS _bad FROM {_parquet(self.written)} "
                "WHERE source_row IN "
                "(SELECT _row FROM text_row) AND source_row NOT IN (SELECT _row FROM duplicate_row)"
            )
            conflicts = conflicting(con, key, steps._mapped(steps.settings.get("order", ())))
        if dropped_rows:
            repeated_rows = self._general_path(
                self.con, rows_sql(dropped_rows), count, self.target.with_suffix(".twin")
            )
        return dropped_rows, repeated_rows, conflicts

    # ---- the file as a whole
    def _conformed(
        self,
        numbers: Counter[str],
        checks: Counter[str],
        rejected: list[Conformed],
        dropped: int,
        conflicts: int,
        dropped_rows: Path | None,
    ) -> Conformed:
        accepted, bad = numbers["accepted"], numbers["bad"]
        rows = numbers["rows"] + dropped
        counts = Counts(rows, accepted, bad, dropped, numbers["skipped"], accepted)
        if (
            rows != accepted + bad + dropped + numbers["skipped"]
            or pq.read_metadata(self.target).num_rows != accepted
        ):
            raise NeedsGeneralPath
        checks_found = {name: (checks[name], rows - dropped) for name in self.mapping.checks}
        for name, count in (
            (ROUNDED, numbers["rounded"]),
            (CURRENCY, numbers["unknown"]),
            (CONFLICT, conflicts),
        ):
            if count:
                checks_found[name] = (int(count), accepted)
        emptied = [name for name in checks if name.startswith(CHECK) and checks[name]]
        checks_found |= {name: (checks[name], accepted) for name in sorted(emptied)}
        quarantine = self.target.with_suffix(".quarantine.parquet") if bad else None
        failures: tuple[Failure, ...] = ()
        keys_file = None
        if quarantine:
            files = [each.quarantine for each in rejected if each.quarantine]
            undropped = (
                f" WHERE source_row NOT IN (SELECT _row FROM {_parquet(dropped_rows)})"
                if dropped_rows
                else ""
            )
            self.con.execute(
                f'COPY (SELECT * FROM {_parquet(*files)}{undropped} ORDER BY source_row, "column") '
                f"TO {literal(str(quarantine))} (FORMAT parquet, COMPRESSION zstd)"
            )
            quarantine.chmod(0o600)
            failures = first_failures(self.con, quarantine)
            keys = [each.quarantined_keys for each in rejected if each.quarantined_keys]
            if self.mapping.snapshot and len(keys) == len(rejected):
                keys_file = self.target.with_suffix(".keys.parquet")
                self.con.execute(
                    f"COPY (SELECT * FROM {_parquet(*keys)}) TO {literal(str(keys_file))} (FORMAT "
                    "parquet)"
                )
        return Conformed(
            self.target, quarantine, counts, checks_found, self.steps.extra, failures, keys_file
        )


def _repeated(hashes: list[Hashes]) -> Hashes:
    """The hashes that stand more than once. A sixteenth of them at a time: together they would not
    fit twice.
    """
    found = []
    # By their leading four bits.
    for part in range(16):
        low, high = np.uint64(part << 60), np.uint64((part + 1 << 60) - 1)
        cut = [
            values[np.searchsorted(values, low) : np.searchsorted(values, high, "right")]
            for values in hashes
        ]
        values = np.concatenate([*cut, np.empty(0, np.uint64)])
        values.sort()
        found.append(np.unique(values[1:][values[1:] == values[:-1]]))
    return np.concatenate(found)


def _those(rows: pa.Table, places: npt.NDArray[np.intp]) -> pa.Table:
    """A copy of some rows. Taking a few would first copy all into one chunk."""
    if len(places) > FEW_BAD:
        return rows.take(places)
    return pa.Table.from_pylist(
        [rows.slice(at, 1).to_pylist()[0] for at in places.tolist()], rows.schema
    )


def _without(rows: pa.Table, places: npt.NDArray[np.intp]) -> pa.Table:
    if len(places) > FEW_BAD:
        return rows.take(np.delete(np.arange(len(rows)), places))
    # Slices are no copies.
    edges = [-1, *places.tolist(), len(rows)]
    return pa.concat_tables([rows.slice(a + 1, b - a - 1) for a, b in itertools.pairwise(edges)])


def _own(conformed: Conformed) -> dict[str, tuple[int, int]]:
    """The checks that are summed up over pieces."""
    summed = (ROUNDED, CURRENCY, CONFLICT)
    return {name: found for name, found in conformed.checks.items() if name not in summed}


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
    return (
        f"read_parquet([{', '.join(literal(str(file)) for file in files)}], hive_partitioning "
        "= false)"
    )
