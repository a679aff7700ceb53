"""Anyone's file of records: read as text, its columns found, its people settled.

Belongs here: what `evaluate identity` and `resolve` share. Not here: the resolver (identity/matching).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from customer_intel.core.contract.yaml_lines import ConfigError, load

if TYPE_CHECKING:
    import polars as pl

    from customer_intel.identity.matching.resolve import Resolved

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
            "A model saved by --save-model, or 'default' for the shipped one; without, one is "
            "fitted."
        )
    ),
]
SaveOption = Annotated[
    Path | None,
    typer.Option(
        help=(
            "Keep the model fitted to this file: for --model, or likely_model in "
            "config/identity.yaml."
        )
    ),
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
    file: Path, mapping: Path | None, home: Path, truth: str | None
) -> tuple[pl.DataFrame, dict[str, str]]:
    """The file as text, with its truth, and which of its columns say what. Raises ConfigError for a
    file that cannot be read or a truth column that it lacks.
    """
    import duckdb

    from customer_intel.core.engine import DuckDBEngine, EngineSettings, literal
    from customer_intel.identity.matching import records

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
    columns_of_file = [name for name in frame.columns if name != TRUTH]
    if mapping is None:
        guessed = records.guessed(columns_of_file, without=[truth] if truth else [])
        # A column that repeats names people, not records.
        key = guessed.get("record_key")
        if key and frame[key].n_unique() < len(frame):
            del guessed["record_key"]
        return frame, guessed
    return frame, records.checked(
        {str(k): str(v) for k, v in dict(load(mapping)).items()}, columns_of_file
    )


def record_keys(frame: pl.DataFrame, columns: dict[str, str]) -> pl.Series:
    """What each record is called: its own key, or its place in the file from 1."""
    import polars as pl

    if "record_key" in columns:
        return frame[columns["record_key"]].str.strip_chars()
    return pl.Series(range(1, len(frame) + 1), dtype=pl.Int64).cast(pl.String)


def resolved_of(
    frame: pl.DataFrame,
    columns: dict[str, str],
    home: Path,
    model: Path | None,
    save_model: Path | None,
) -> Resolved:
    """The file's records as people. `model`: a saved one, 'default', or None to fit one. Raises
    ConfigError for a file that is no model.
    """
    from customer_intel.core.engine import DuckDBEngine, EngineSettings
    from customer_intel.core.store.lake import write_bytes
    from customer_intel.core.tables.parameters import room_config
    from customer_intel.identity.linking import likely_pair as likely
    from customer_intel.identity.matching import records
    from customer_intel.identity.matching.fellegi_sunter import MatchModel
    from customer_intel.identity.matching.resolve import resolve as settle

    comparable = records.comparable(frame, columns, room_config("identity", home))
    known = None
    if model and str(model) == SHIPPED:
        known = likely.model_of({"likely_model": {}}, len(comparable))
    elif model:
        try:
            known = MatchModel.from_dict(json.loads(model.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError) as error:
            raise ConfigError(f"--model {model.name}: {error}") from None
    with DuckDBEngine(EngineSettings(), []) as engine:
        resolved = settle(engine.con, comparable, known, with_edges=False)
    if save_model:
        write_bytes(save_model, (json.dumps(resolved.model.as_dict(), indent=1) + "\n").encode())
    return resolved
