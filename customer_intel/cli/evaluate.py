"""Commands that measure a method on anyone's labelled data: `evaluate identity`."""

from __future__ import annotations

import json
import resource
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from customer_intel.cli.records_file import (
    TRUTH,
    IdentityHomeOption,
    MappingOption,
    ModelOption,
    SaveOption,
    read_records,
    settled_people,
)
from customer_intel.cli.screen import JsonOption, existing, out


def identity(
    file: Path,
    truth: Annotated[
        str, typer.Option(help="Column (or SQL expression) that says who each record is.")
    ],
    mapping: MappingOption = None,
    model: ModelOption = None,
    save_model: SaveOption = None,
    home: IdentityHomeOption = Path("data"),
    as_json: JsonOption = False,
) -> None:
    """How well records of a labelled file are resolved: pairwise and B³ precision and recall.

    By a whole night of the tables that say who is who, in a home of its own that is gone afterwards.
    """

    from customer_intel.identity.matching import metrics as evaluation

    own = existing(home)
    frame, columns = read_records(file, mapping, truth)
    started, cpu = time.perf_counter(), time.process_time()
    settled = settled_people(frame, columns, own, model, save_model)
    spent, cpu = time.perf_counter() - started, time.process_time() - cpu
    labelled = settled.people.select(cluster="customer_id", truth=frame[TRUTH]).drop_nulls("truth")
    found = evaluation.agreement(labelled)
    summary: dict[str, Any] = {
        **found.as_dict(),
        "unlabelled_records": len(frame) - len(labelled),
        "columns": columns.roles,
        "unused_columns": {unused.column: unused.brings for unused in columns.unused},
        "model_version": settled.model["model_version"],
        "first_names_veto": settled.model["is_first_name_veto"],
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
        + ", ".join(f"{what} ({column})" for what, column in columns.roles.items())
        + "[/]"
    )
    for unused in columns.unused:
        out.print(
            f"[dim]not used: {unused.column}, {unused.looks_like}; {unused.filled:.0%} filled, "
            f"{unused.distinct:,} values: {unused.brings}[/]"
        )
