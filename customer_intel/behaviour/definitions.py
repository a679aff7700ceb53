"""What a company's words mean: which acts are its core action, its conversions, features and funnels.

Belongs here: bringing what config/behaviour.yaml says, what is shipped and what the data proposes into one table. Not
here: counting by it (funnel_step and its siblings).
"""

from __future__ import annotations

from typing import Any

import polars as pl


def behaviour_definition(
    act_daily: pl.LazyFrame, config: dict[str, Any], schema: pl.Schema
) -> pl.DataFrame:
    """One row per kind, name and position."""
    return pl.DataFrame([], schema=schema)
