"""The rows of a small table as one night left them, for those who tell people of it.

Belongs here: whether the table is that night's. Not here: tables that tables read (core/night).
"""

from __future__ import annotations

from typing import Any

import pyarrow.parquet as pq

from customer_intel.core.store.lake import Lake


def rows_of_night(lake: Lake, table: str, night: str) -> list[dict[str, Any]]:
    """The accepted rows of the night (YYYY-MM-DD); none of a table that the night did not come to.
    Raises LakeError when its pointer is damaged.
    """
    version = lake.current(table)
    if version is None or version.as_of != night:
        return []
    return [row for path in lake.files(table) for row in pq.read_table(path).to_pylist()]
