"""The lab that tests of shipped tables share; not a test itself."""

from datetime import date
from typing import Any

import polars as pl

from customer_intel.core.contract.load import load
from customer_intel.testing import TableLab
from customer_intel.testing.lab import NOWHERE

__all__ = ["NOWHERE", "Room", "schema"]


def schema(name: str) -> pl.Schema:
    """What a step hands a table's function as `schema`."""
    return load().table(name).polars_schema


class Room(TableLab):
    """A lab in which words that nobody knows close no gate: one row of such a word would be too
    large a share.
    """

    def __init__(self, as_of: date, **settings: Any) -> None:
        super().__init__(as_of, unchecked=("state_word",), **settings)
