"""What a company's words mean: which acts are its core action, its conversions, features and funnels.

Belongs here: bringing what config/behaviour.yaml says, what is shipped and what the data proposes into
one table. Not here: reading a declaration (declaration.py), proposing (proposals.py), counting by it.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from customer_intel.behaviour.declaration import declared
from customer_intel.behaviour.model import (
    Behaviour,
    Definitions,
    Funnel,
    is_any,
    read_list,
    written,
)

__all__ = [
    "Behaviour",
    "Definitions",
    "Funnel",
    "behaviour_definition",
    "is_any",
    "read_list",
    "written",
]


def behaviour_definition(
    actor_act: pl.LazyFrame, previous: pl.DataFrame, config: dict[str, Any], schema: pl.Schema
) -> pl.DataFrame:
    """One row per kind, name and position. Raises ConfigError for a declaration that cannot be."""
    own = declared(config)
    return pl.DataFrame(own.rows(), schema=schema)
