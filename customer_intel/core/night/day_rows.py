"""A candidate's rows by day: taken from the engine once, held in bounded memory, given back day by
day.

Belongs here: counting and hashing each day's rows, and where they are until they are written. Not
here: which file a day is in (day_parts.py).
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import chain, groupby
from pathlib import Path
from threading import Lock

import numpy as np
import pyarrow as pa

from customer_intel.core.contract.model import Table
from customer_intel.core.engine import DuckDBEngine, quoted
from customer_intel.core.gate.gate import GateClosed

# A run is so many rows, or bytes, put in order of days in memory; at most `threads` + 2 exist at
# once. What is one run altogether is never written to disk.
RUN_ROWS, RUN_BYTES = 250_000, 160 << 20
# The engine hands over at most so many rows at once.
BATCH_ROWS = 122_880
# A run's rows of so many neighbouring days are one batch of the file: what is read at once.
BAND_DAYS = 4
HASH = "hash of the row"
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class _Stretch:
    """Rows of one day within a batch: day (since 1970), first row, how many, sum of their hashes."""

    day: int
    start: int
    rows: int
    hashes: int


class DayRows:
    """The rows of queries, one asked after the other, by day; days are told as YYYY-MM-DD.

    `prints`: each day's number of rows and sum of their hashes, so that order is nothing. `folder`
    takes what does not fit into memory, compressed. Raises GateClosed for rows without a day.
    """

    def __init__(
        self, engine: DuckDBEngine, table: Table, selects: Iterable[str], folder: Path
    ) -> None:
        self._day, self._lock, self._n_batches = str(table.day_column), Lock(), 0
        # Band → its batches: the number of each, and what stands in it.
        self._bands: dict[int, list[tuple[int, list[_Stretch]]]] = defaultdict(list)
        columns = ", ".join(quoted(column.name) for column in table.columns)
        readers = (
            engine.con.sql(
                f"SELECT {columns}, hash({columns}) AS {quoted(HASH)} FROM ({sql}\n)"
            ).to_arrow_reader(BATCH_ROWS)
            for sql in selects
        )
        reader = next(readers)
        # A query is asked when the one before has told all its rows.
        runs = _runs(chain.from_iterable(chain([reader], readers)))
        begin = [run for run in (next(runs, None), next(runs, None)) if run]
        path = folder / "rows.arrow" if len(begin) > 1 else None
        sink = pa.OSFile(str(path), "wb") if path else pa.BufferOutputStream()
        with sink:
            self._write(sink, reader.schema, chain(_popped(begin), runs), engine.settings.threads)
            held = None if path else sink.getvalue()
        self._file = pa.ipc.open_file(pa.OSFile(str(path)) if path else held)
        totals: dict[int, list[int]] = defaultdict(lambda: [0, 0])
        for stretch in (s for batches in self._bands.values() for _, some in batches for s in some):
            totals[stretch.day][0] += stretch.rows
            totals[stretch.day][1] += stretch.hashes
        self.prints = {_text(day): f"{n}:{total}" for day, (n, total) in sorted(totals.items())}

    def read(self, days: Collection[str]) -> Iterator[tuple[str, pa.Table]]:
        """The rows of each of `days` that has any, in order of days; within one, in none."""
        wanted = sorted((date.fromisoformat(day) - EPOCH).days for day in days)
        for band, some in groupby(wanted, lambda day: day // BAND_DAYS):
            found: dict[int, list[pa.RecordBatch]] = {day: [] for day in some}
            for number, stretches in self._bands.get(band, ()):
                batch = self._file.get_batch(number)
                for stretch in stretches:
                    if stretch.day in found:
                        found[stretch.day].append(batch.slice(stretch.start, stretch.rows))
            for day in list(found):
                if batches := found.pop(day):
                    yield _text(day), pa.Table.from_batches(batches)

    def _write(
        self, sink: pa.NativeFile, schema: pa.Schema, runs: Iterator[_Batches], threads: int
    ) -> None:
        is_file = isinstance(sink, pa.OSFile)
        options = pa.ipc.IpcWriteOptions(compression="lz4" if is_file else None)
        schema = schema.remove(schema.get_field_index(HASH))
        with (
            pa.ipc.new_file(sink, schema, options=options) as writer,
            ThreadPoolExecutor(threads) as pool,
        ):
            pending: deque[Future[None]] = deque()
            for run in runs:
                pending.append(pool.submit(self._take, run, writer))
                if len(pending) > threads:
                    pending.popleft().result()
            for taken in pending:
                taken.result()

    def _take(self, batches: _Batches, writer: pa.ipc.RecordBatchFileWriter) -> None:
        """Puts a run's rows in order of days, and writes them band by band."""
        rows = pa.Table.from_batches(batches).combine_chunks()
        batches.clear()
        column = rows[self._day]
        if column.null_count:
            raise GateClosed(f"not_null {self._day}", f"{column.null_count:,} rows have no day")
        days = column.cast(pa.int32()).to_numpy()
        order = np.argsort(days, kind="stable")
        days, hashes = days[order], rows[HASH].to_numpy()[order]
        rows = rows.drop_columns([HASH]).take(pa.array(order))
        for band, stretches in groupby(_stretches(days, hashes), lambda s: s.day // BAND_DAYS):
            some = list(stretches)
            first = some[0].start
            size = some[-1].start + some[-1].rows - first
            here = [_Stretch(s.day, s.start - first, s.rows, s.hashes) for s in some]
            (batch,) = rows.slice(first, size).to_batches()
            with self._lock:
                writer.write_batch(batch)
                self._bands[band].append((self._n_batches, here))
                self._n_batches += 1


_Batches = list[pa.RecordBatch]


def _stretches(days: np.ndarray, hashes: np.ndarray) -> Iterator[_Stretch]:
    """The days of rows in order of days, with the sum of each one's hashes (64 bits, unsigned)."""
    starts = np.concatenate([[0], np.flatnonzero(np.diff(days)) + 1])
    lengths = np.diff(np.append(starts, len(days)))
    # Halves: a sum of whole hashes would not fit.
    low = np.add.reduceat(hashes & np.uint64(0xFFFFFFFF), starts)
    high = np.add.reduceat(hashes >> np.uint64(32), starts)
    for start, n, lo, hi in zip(starts, lengths, low, high, strict=True):
        yield _Stretch(int(days[start]), int(start), int(n), int(lo) + (int(hi) << 32))


def _runs(reader: Iterable[pa.RecordBatch]) -> Iterator[_Batches]:
    """The batches, so many together as are a run; who takes them clears them."""
    batches: _Batches = []
    rows = size = 0
    for batch in reader:
        if batch.num_rows:
            batches.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        del batch
        if rows >= RUN_ROWS or size >= RUN_BYTES:
            yield batches
            batches, rows, size = [], 0, 0
    if batches:
        yield batches


def _popped(items: list[_Batches]) -> Iterator[_Batches]:
    """The items, held no longer than until they are taken."""
    while items:
        yield items.pop(0)


def _text(day: int) -> str:
    return str(EPOCH + timedelta(day))
