"""Commands about who is who: `resolve` settles anyone's file, `why` explains a night's customers.

`why` prints personal values: it is for those who may see them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from customer_intel.cli.lake_tables import tables_of
from customer_intel.cli.records_file import (
    IdentityHomeOption,
    MappingOption,
    ModelOption,
    SaveOption,
    read_records,
    settled_people,
)
from customer_intel.cli.screen import HomeOption, JsonOption, existing, out
from customer_intel.core.contract.yaml_lines import ConfigError


def resolve(
    file: Path,
    target: Annotated[Path, typer.Option("--out", help="Where to write: .parquet or .csv.")],
    mapping: MappingOption = None,
    model: ModelOption = None,
    save_model: SaveOption = None,
    home: IdentityHomeOption = Path("data"),
    as_json: JsonOption = False,
) -> None:
    """Identity resolution alone: record_key, customer_id, confidence.

    --save-model trains a model on one's own data, without labels; the more records, the better.
    Raises ConfigError for a target that is neither Parquet nor CSV.
    """
    if target.suffix not in (".parquet", ".csv"):
        raise ConfigError(f"--out {target.name}: write to .parquet or .csv")
    own = existing(home)
    frame, columns = read_records(file, mapping, None)
    resolved = settled_people(frame, columns, own, model, save_model)
    found = resolved.people.select("record_key", "customer_id", "confidence")
    partial = target.with_name(f".{target.name}.part")
    if target.suffix == ".parquet":
        found.write_parquet(partial)
    else:
        found.write_csv(partial)
    partial.replace(target)
    summary = {
        "records": len(found),
        "customers": found["customer_id"].n_unique(),
        "columns": columns.roles,
        "model_version": resolved.model["model_version"],
        "out": str(target),
    }
    if as_json:
        print(json.dumps(summary, indent=1))
    else:
        out.print(
            f"[green]✓[/] {summary['records']:,} records are {summary['customers']:,} people: "
            f"{target}"
        )


def why(
    record: Annotated[str, typer.Argument(help="A record_key (source:id) or a customer_id.")],
    other: Annotated[str | None, typer.Argument(help="Another record_key.")] = None,
    home: HomeOption = Path("data"),
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a machine-readable summary instead.")
    ] = False,
) -> None:
    """Why these records are, or are not, one customer; or what one customer is made of.

    Prints personal values. Raises ConfigError when no night has run.
    """
    from customer_intel.core.contract.yaml_lines import ConfigError
    from customer_intel.core.store.lake import Lake
    from customer_intel.identity.explain.match_explanation import TABLES, Why

    own = existing(home).resolve()
    if Lake(own).current("record_customer_map") is None:
        raise ConfigError(
            f"{home.name}/ holds no customers yet; run a night first (customer-intel run)"
        )
    told = Why(tables_of(own, TABLES))
    lines = told.two(record, other) if other else told.one(record)
    if as_json:
        print(json.dumps(lines, indent=1, ensure_ascii=False))
    else:
        out.print("\n".join(escape(line) for line in lines), soft_wrap=True)
