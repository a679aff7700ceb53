"""A part's accepted rows as a Parquet file, written piece by piece.

Belongs here: the file. Not here: which rows (large_csv.py). Most columns of an entity are empty in
any one file, or say the same of all its rows; DuckDB's writer looks at each of their values, which
costs more than all others together.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from customer_intel.core.contract.model import STAMPS, Table

# Rows of a row group: two of DuckDB's own.
GROUP = 245_760
# A text column with at most FEW distinct values in its first SAMPLE rows is dictionary-encoded.
SAMPLE, FEW = 20_000, 2_000


class PartWriter:
    """`constants`: columns that say the same of all rows. What is neither those nor in the rows is
    empty.
    """

    def __init__(self, path: Path, entity: Table, constants: Mapping[str, Any]) -> None:
        self.path, self.constants = path, constants
        self.schema = pa.schema(
            [field for field in entity.arrow_schema if field.name not in STAMPS]
        )
        self.writer: pq.ParquetWriter | None = None
        # Column → constant or null values, at least as many as were needed so far: making them
        # costs more than writing.
        self.unchanging: dict[str, pa.Array] = {}

    def __enter__(self) -> PartWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.writer:
            self.writer.close()

    def write(self, rows: pa.Table) -> None:
        """Appends rows as one or more row groups, missing columns filled."""
        table = pa.table({field.name: self._column(field, rows) for field in self.schema})
        if not self.writer:
            self.writer = self._opened(table)
        self.writer.write_table(table, row_group_size=GROUP)

    def _column(self, field: pa.Field, rows: pa.Table) -> Any:
        if field.name in rows.column_names:
            return rows[field.name]
        filled = self.unchanging.get(field.name)
        if filled is None or len(filled) < len(rows):
            filled = self.unchanging[field.name] = _repeated(
                self.constants.get(field.name), field.type, len(rows)
            )
        return filled.slice(0, len(rows))

    def _opened(self, table: pa.Table) -> pq.ParquetWriter:
        as_dictionary = [
            field.name
            for field in table.schema
            if pa.types.is_string(field.type)
            and pc.count_distinct(table[field.name].slice(0, SAMPLE)).as_py() <= FEW
        ]
        return pq.ParquetWriter(
            self.path,
            table.schema,
            # Twice the size of zstd in a third of the time: of a large file, each night reads it
            # again.
            compression="lz4",
            use_dictionary=[*as_dictionary, *self.constants],
            # Minimum and maximum of texts help no reader to skip row groups.
            write_statistics=[
                field.name for field in self.schema if not pa.types.is_string(field.type)
            ],
            column_encoding={"source_row": "DELTA_BINARY_PACKED"},
            store_decimal_as_integer=True,
            # Only DuckDB's and Arrow's own types, so that a reader sees text where a dictionary was
            # given.
            store_schema=False,
        )


def _repeated(value: Any, kind: pa.DataType, times: int) -> pa.Array:
    if isinstance(value, str):
        return pa.DictionaryArray.from_arrays(
            np.zeros(times, np.int8), pa.array([value], pa.string())
        )
    return pa.repeat(pa.scalar(value).cast(kind), times)
