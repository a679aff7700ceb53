"""Tables that remember by periods: valid_from, valid_to (the end exclusive, empty = today).

Belongs here: what such a table held before a night, so that the night may run twice. Not here: what a night adds to it.
"""

from __future__ import annotations

from datetime import date

import polars as pl


def before_night(previous: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """`previous` as it was before the night of `as_of`: its rows of that night and later ones taken
    back, what they closed open again.
    """
    rows = previous.filter(pl.col("valid_from") < as_of)
    return rows.with_columns(valid_to=pl.when(pl.col("valid_to") < as_of).then("valid_to"))
