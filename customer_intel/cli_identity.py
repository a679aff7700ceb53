"""The commands that settle who is who in anyone's file: `evaluate identity` and `resolve`."""

from __future__ import annotations

import json
import resource
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from customer_intel.core.contract.yaml_lines import ConfigError, load

if TYPE_CHECKING:
    import polars as pl

    from customer_intel.identity.matching.resolve import Resolved

out = Console(highlight=False)
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
HomeOption = Annotated[Path, typer.Option("--home", help="Whose config/identity.yaml applies.")]


def evaluate(
    file: Path,
    truth: Annotated[
        str, typer.Option(help="Column (or SQL expression) that says who each record is.")
    ],
    mapping: MappingOption = None,
    model: ModelOption = None,
    save_model: SaveOption = None,
    home: HomeOption = Path("data"),
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a machine-readable summary instead.")
    ] = False,
) -> None:
    """How well records are resolved, on anyone's labelled file: pairwise and B³ precision and
    recall.

    The model is fitted to the file itself, without its labels, however few records it has.
    """
    import polars as pl

    from customer_intel.identity.matching import metrics as evaluation

    frame, columns = _read(file, mapping, home, truth)
    started, cpu = time.perf_counter(), time.process_time()
    resolved = _resolved(frame, columns, home, model, save_model)
    spent, cpu = time.perf_counter() - started, time.process_time() - cpu
    keyed = frame.select(record_key=_key(frame, columns), truth=pl.col(_TRUTH))
    labelled = resolved.clusters.join(keyed.drop_nulls("truth"), on="record_key")
    found = evaluation.agreement(labelled)
    summary: dict[str, Any] = {
        **found.as_dict(),
        "unlabelled_records": len(frame) - len(labelled),
        "columns": columns,
        "model_version": resolved.model.version,
        "first_names_veto": resolved.model.is_veto,
        "seconds": round(spent, 2),
        "cpu_seconds": round(cpu, 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    if as_json:
        print(json.dumps(summary, indent=1))
        return
    table = Table(
        title=f"{file.name}: {found.records:,} records, {found.true_clusters:,} known people",
        show_edge=False,
    )
    for name in ("", "precision", "recall", "F1"):
        table.add_column(name, justify="right" if name else "left")
    table.add_row("pairs", f"{found.precision:.4f}", f"{found.recall:.4f}", f"{found.f1:.4f}")
    table.add_row(
        "B³ (per record)",
        f"{found.b3_precision:.4f}",
        f"{found.b3_recall:.4f}",
        f"{found.b3_f1:.4f}",
    )
    out.print(table)
    out.print(
        f"{found.clusters:,} people found, the largest with {found.largest_cluster:,} records; "
        f"{found.found_pairs - found.right_pairs:,} of {found.found_pairs:,} pairs wrong, "
        f"{found.true_pairs - found.right_pairs:,} of {found.true_pairs:,} missed; "
        f"{spent:.1f} s, {summary['peak_mb']:,} MB"
    )
    out.print(
        "[dim]compared by "
        + ", ".join(f"{what} ({column})" for what, column in columns.items())
        + "[/]"
    )


def resolve(
    file: Path,
    target: Annotated[Path, typer.Option("--out", help="Where to write: .parquet or .csv.")],
    mapping: MappingOption = None,
    model: ModelOption = None,
    save_model: SaveOption = None,
    home: HomeOption = Path("data"),
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a machine-readable summary instead.")
    ] = False,
) -> None:
    """Identity resolution alone: record_key, customer_id, confidence.

    --save-model trains a model on one's own data, without labels; the more records, the better.
    """
    import hashlib

    import polars as pl

    if target.suffix not in (".parquet", ".csv"):
        raise ConfigError(f"--out {target.name}: write to .parquet or .csv")
    frame, columns = _read(file, mapping, home, None)
    resolved = _resolved(frame, columns, home, model, save_model)
    ids = [
        f"c_{hashlib.sha256(key.encode()).hexdigest()[:16]}" for key in resolved.clusters["cluster"]
    ]
    found = resolved.clusters.select(
        "record_key", pl.Series("customer_id", ids, pl.String), "confidence"
    )
    partial = target.with_name(f".{target.name}.part")
    if target.suffix == ".parquet":
        found.write_parquet(partial)
    else:
        found.write_csv(partial)
    partial.replace(target)
    summary = {
        "records": len(found),
        "customers": found["customer_id"].n_unique(),
        "columns": columns,
        "model_version": resolved.model.version,
        "out": str(target),
    }
    if as_json:
        print(json.dumps(summary, indent=1))
    else:
        out.print(
            f"[green]✓[/] {summary['records']:,} records are {summary['customers']:,} people: "
            f"{target}"
        )


_TRUTH = "customer_intel_truth"


def _read(
    file: Path, mapping: Path | None, home: Path, truth: str | None
) -> tuple[pl.DataFrame, dict[str, str]]:
    """The file as text, with its truth, and which of its columns say what."""
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
            added = f", CAST({label} AS VARCHAR) AS {_TRUTH}" if truth else ""
            cast = ", ".join(f'CAST("{name}" AS VARCHAR) AS "{name.strip()}"' for name in names)
            frame = engine.con.sql(f"SELECT {cast}{added} FROM {source}").pl()
        except duckdb.BinderException:
            columns = ", ".join(name.strip() for name in names)
            raise ConfigError(
                f"--truth {truth}: no such column; {file.name} has {columns}"
            ) from None
        except duckdb.Error as error:
            raise ConfigError(f"{file.name} cannot be read: {type(error).__name__}") from None
    columns_of_file = [name for name in frame.columns if name != _TRUTH]
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


def _key(frame: pl.DataFrame, columns: dict[str, str]) -> pl.Series:
    import polars as pl

    if "record_key" in columns:
        return frame[columns["record_key"]].str.strip_chars()
    return pl.Series(range(1, len(frame) + 1), dtype=pl.Int64).cast(pl.String)


def _resolved(
    frame: pl.DataFrame,
    columns: dict[str, str],
    home: Path,
    model: Path | None,
    save_model: Path | None,
) -> Resolved:
    from customer_intel.core.engine import DuckDBEngine, EngineSettings
    from customer_intel.core.store.lake import write_bytes
    from customer_intel.core.tables.definition import room_config
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
