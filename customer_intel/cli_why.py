"""The command that explains who is who: `why`. It prints personal values: it is for those who may
see them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

out = Console(highlight=False)


def why(
    record: Annotated[str, typer.Argument(help="A record_key (source:id) or a customer_id.")],
    other: Annotated[str | None, typer.Argument(help="Another record_key.")] = None,
    home: Annotated[
        Path, typer.Option("--home", help="The home whose last night is explained.")
    ] = Path("data"),
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON list of lines instead.")
    ] = False,
) -> None:
    """Why these records are, or are not, one customer; or what one customer is made of. Prints
    personal values.
    """
    import polars as pl

    from customer_intel.core.contract.model import load
    from customer_intel.core.contract.yaml_lines import ConfigError
    from customer_intel.core.store.lake import Lake
    from customer_intel.identity.explain.match_explanation import TABLES, Why

    lake, contracts = Lake(home.resolve()), load()
    if lake.current("record_customer_map") is None:
        raise ConfigError(
            f"{home.name}/ holds no customers yet; run a night first (customer-intel run)"
        )
    tables = {
        name: pl.concat(
            [
                pl.DataFrame(contracts.table(name).arrow_schema.empty_table()),
                *map(pl.read_parquet, lake.files(name)),
            ]
        )
        for name in TABLES
    }
    told = Why(tables)
    lines = told.two(record, other) if other else told.one(record)
    if as_json:
        print(json.dumps(lines, indent=1, ensure_ascii=False))
    else:
        out.print("\n".join(escape(line) for line in lines), soft_wrap=True)
