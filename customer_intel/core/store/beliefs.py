"""Tables in two times: what was so on a day (valid_from, valid_to), as believed on a night
(recorded_at, superseded_at); ends are exclusive, empty = still.

Belongs here: asking such a table. Not here: what a night records in it (the table's own function).
"""

from __future__ import annotations

from datetime import date

import polars as pl


def believed(rows: pl.LazyFrame, about: date, believed_on: date | None = None) -> pl.LazyFrame:
    """The rows that were believed by the night of `believed_on` (by default that of `about`) to
    hold on `about`: of each key one at most.

    What a night of day D records is as known before D begins, so the answer about D uses nothing
    that happened or came in later. Nothing is known before the first night.
    """
    night = believed_on or about
    return rows.filter(
        (pl.col("recorded_at") <= night)
        & (pl.col("superseded_at").is_null() | (pl.col("superseded_at") > night))
        & (pl.col("valid_from") <= about)
        & (pl.col("valid_to").is_null() | (pl.col("valid_to") > about))
    )
