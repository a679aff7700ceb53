"""Anyone's file of records: read as text, its columns found, its people settled.

Belongs here: what `evaluate identity` and `resolve` share. Not here: the night that settles them (own_home.py).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from customer_intel.cli.own_home import Settled
from customer_intel.core.contract.yaml_lines import ConfigError, load

if TYPE_CHECKING:
    import polars as pl

    from customer_intel.identity.records.person_columns import PersonColumns

MappingOption = Annotated[
    Path | None,
    typer.Option(
        help="YAML: field → the file's column; by default columns are found by their names."
    ),
]
ModelOption = Annotated[
    Path | None,
    typer.Option(
        help=(
            "A model saved by --save-model, or 'default' for the shipped one; without, as in a "
            "home's first night."
        )
    ),
]
SaveOption = Annotated[
    Path | None,
    typer.Option(help=("Keep the model of this file: for --model, or as config/match_model.yaml.")),
]
SHIPPED = "default"
IdentityHomeOption = Annotated[
    Path,
    typer.Option(
        "--home", envvar="CUSTOMER_INTEL_HOME", help="Whose config/identity.yaml applies."
    ),
]
TRUTH = "customer_intel_truth"


def read_records(
    file: Path, mapping: Path | None, truth: str | None
) -> tuple[pl.DataFrame, PersonColumns]:
    """The file as text, with its truth as column TRUTH, and what its columns are. Raises ConfigError for a
    file that cannot be read, a truth column that it lacks, or columns that tell nobody apart.
    """
    import duckdb

    from customer_intel.core.engine import DuckDBEngine, EngineSettings, literal
    from customer_intel.identity.records import person_columns

    if not file.is_file():
        raise ConfigError(f"{file}: no such file")
    path = literal(str(file.resolve()))
    if file.name.endswith(".parquet"):
        source = f"read_parquet({path}, hive_partitioning = false)"
    elif file.name.removesuffix(".gz").endswith((".jsonl", ".ndjson", ".json")):
        source = f"read_json({path}, maximum_depth = 1)"
    else:
        source = f"read_csv({path}, all_varchar = true, header = true, hive_partitioning = false)"
    with DuckDBEngine(EngineSettings(), [file.resolve().parent]) as engine:
        try:
            types = {
                row[0]: row[1]
                for row in engine.con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
            }
            names = list(types)
            # A JSON text is in quotes until it is taken out of them.
            texts = [
                f"""json_extract_string("{name}", '$') AS "{name}\""""
                for name in names
                if types[name] == "JSON"
            ]
            source = f"(SELECT * REPLACE ({', '.join(texts)}) FROM {source})" if texts else source
            label = f'"{truth}"' if truth in names else truth
            added = f", CAST({label} AS VARCHAR) AS {TRUTH}" if truth else ""
            cast = ", ".join(f'CAST("{name}" AS VARCHAR) AS "{name.strip()}"' for name in names)
            frame = engine.con.sql(f"SELECT {cast}{added} FROM {source}").pl()
        except duckdb.BinderException:
            columns = ", ".join(name.strip() for name in names)
            raise ConfigError(
                f"--truth {truth}: no such column; {file.name} has {columns}"
            ) from None
        except duckdb.Error as error:
            raise ConfigError(f"{file.name} cannot be read: {type(error).__name__}") from None
    without = [name for name in (truth, TRUTH) if name and name in frame.columns]
    if mapping is None:
        return frame, person_columns.guessed(frame, without=without)
    fields = {str(field): str(column) for field, column in dict(load(mapping)).items()}
    return frame, person_columns.mapped(frame, fields, without=without)


def settled_people(
    frame: pl.DataFrame,
    columns: PersonColumns,
    home: Path,
    model: Path | None,
    save_model: Path | None,
) -> Settled:
    """The file's records as people, by a night of its own. `model`: a saved one, 'default', or None for what a first
    night does. Raises ConfigError for a file that is no model.
    """
    from datetime import UTC, datetime

    from customer_intel.cli.own_home import settled
    from customer_intel.core.store.lake import write_bytes
    from customer_intel.identity.linking import match_model

    known = None
    if model and str(model) == SHIPPED:
        known = match_model.shipped().as_dict()
    elif model:
        try:
            known = match_model.adopted(json.loads(model.read_text(encoding="utf-8"))).as_dict()
        except (OSError, ValueError) as error:
            raise ConfigError(f"--model {model.name}: {error}") from None
    found = settled(frame.drop(TRUTH, strict=False), columns, home, known, datetime.now(UTC).date())
    if save_model:
        data = json.loads(found.model["model_json"])
        write_bytes(save_model, (json.dumps(data, indent=1) + "\n").encode())
    return found
