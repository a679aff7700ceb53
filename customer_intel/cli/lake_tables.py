"""Tables of a home's last night, whole, for commands that explain or decide.

Belongs here: reading them as the contract has them. Not here: what a command makes of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from customer_intel.core.contract.yaml_lines import ConfigError

if TYPE_CHECKING:
    import polars as pl


def tables_of(home: Path, names: Iterable[str]) -> dict[str, pl.DataFrame]:
    """Name → table, empty where no night made it. Raises ConfigError where an older version made one."""
    import polars as pl

    from customer_intel.core.contract.load import load
    from customer_intel.core.store.lake import Lake

    lake, contract = Lake(home), load()
    tables = {}
    for name in names:
        schema = pl.DataFrame(contract.table(name).arrow_schema.empty_table()).schema
        files = lake.files(name)
        frame = pl.concat(map(pl.read_parquet, files)) if files else pl.DataFrame(schema=schema)
        if missing := set(schema) - set(frame.columns):
            raise ConfigError(
                f"{home.name}/: {name} was made by an older version, without {min(missing)}; run a "
                "night first (customer-intel run)"
            )
        tables[name] = frame
    return tables
