"""The factory: every table's definition becomes one asset whose gate decides whether it is
materialized.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from customer_intel.core.contract.model import Contract, Table
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.gate.gate import Verdict
from customer_intel.core.night.night import Night, Outcome, StepFailed
from customer_intel.core.night.snapshot import lineage_cache
from customer_intel.core.store.lake import LakeError
from customer_intel.core.tables import lineage
from customer_intel.core.tables.definition import Definition
from customer_intel.orchestration import nights
from customer_intel.settings import Settings

GATE, WARNINGS = "gate", "warnings"
_KINDS = {
    "sql": ("duckdb", "sql"),
    "function": ("polars", "python"),
    "raw": ("parquet",),
    "conformed": ("duckdb",),
}
_DAGSTER_TYPES = {"text": "string", "money": "decimal(18,2)", "timestamp": "timestamp (UTC, µs)"}

# Told of each finished step by whoever runs the job in this process (the CLI's progress); nobody by
# default.
listeners: list[Callable[[Outcome], None]] = []


class _Undated(dg.AssetCheckResult):
    """A check's result of a table without dates: Dagster would look for the run's date among its
    materializations, in vain, at each check.
    """

    def _get_partitioned_target_materialization_data(self, *_: Any) -> None:
        return None


def assets(
    contract: Contract, definitions: Mapping[str, Definition], settings: Settings
) -> list[dg.AssetsDefinition]:
    """One gated asset per table, in dependency order."""
    partitions = nights.partitions(settings)
    return [_asset(contract, definitions, name, partitions) for name in definitions]


def _asset(
    contract: Contract,
    definitions: Mapping[str, Definition],
    name: str,
    partitions: dg.DailyPartitionsDefinition,
) -> dg.AssetsDefinition:
    definition = definitions[name]
    spec = definition.table
    raw = definition.kind == "raw"
    checks = [
        dg.AssetCheckSpec(
            GATE, asset=spec.name, blocking=True, description="Every critical expectation holds."
        )
    ]
    if _may_warn(definition):
        text = "Every expectation of severity warning holds."
        checks.append(dg.AssetCheckSpec(WARNINGS, asset=spec.name, description=text))

    @dg.asset(
        name=spec.name,
        group_name=spec.room,
        description=f"{spec.purpose}.\n\nGrain: {spec.grain}.",
        owners=[spec.owner],
        kinds=set(_KINDS[definition.kind]),
        required_resource_keys={nights.HOME},
        deps=[_dep(contract, other) for other in definition.depends_on],
        metadata={
            "dagster/column_schema": _column_schema(spec),
            "dagster/table_name": spec.name,
            **_generated(definition),
        },
        tags={"published": "true"} if spec.published else {},
        partitions_def=partitions if raw else None,
        backfill_policy=dg.BackfillPolicy.single_run() if raw else None,
        check_specs=checks,
    )
    def run(context: dg.AssetExecutionContext) -> Iterator[Any]:
        try:
            night, outcome = context.resources.home.outcome(context, definitions, name)
        except (StepFailed, LakeError, ConfigError) as error:
            # The message says it all; Dagster would print the stack of every cause.
            raise dg.Failure(str(error), allow_retries=False) from None
        for listener in listeners:
            listener(outcome)
        yield from _events(context, contract, definition, night, outcome)

    return run


def _events(
    context: dg.AssetExecutionContext,
    contract: Contract,
    definition: Definition,
    night: Night,
    outcome: Outcome,
) -> Iterator[Any]:
    warned = [finding for finding in outcome.verdict.findings if finding.severity == "warning"]
    result = dg.AssetCheckResult if definition.kind == "raw" else _Undated
    results = [
        result(
            passed=outcome.passed,
            check_name=GATE,
            severity=dg.AssetCheckSeverity.ERROR,
            metadata=_findings(outcome.verdict, "critical"),
        )
    ]
    if _may_warn(definition):
        results.append(
            result(
                passed=all(finding.success for finding in warned),
                check_name=WARNINGS,
                severity=dg.AssetCheckSeverity.WARN,
                metadata=_findings(outcome.verdict, "warning"),
            )
        )
    if not outcome.passed:
        yield from results
        raise dg.Failure(
            description=(
                f"The gate of '{outcome.table}' closed; last night's table stays. {outcome.reason}"
            ),
            metadata={"rejected candidate": f"lake/.rejected/{outcome.table}/"},
            allow_retries=False,
        )
    assert outcome.version is not None
    # Of the materialization alone: as the result's metadata, Dagster would write it into the step's
    # output too.
    context.add_asset_metadata(
        {
            "dagster/row_count": outcome.rows,
            "bytes": outcome.version.bytes,
            "sha256": outcome.version.sha256,
            "as_of": night.as_of.isoformat(),
            "snapshot_id": night.snapshot_id,
            "status": outcome.status,
            **({"reason": outcome.reason} if outcome.reason else {}),
            "parts written": len(outcome.written),
            "seconds": round(outcome.wall_seconds, 3),
            **_lineage(definition, contract, night.home / ".dagster"),
        }
    )
    yield dg.MaterializeResult(
        data_version=dg.DataVersion(outcome.version.sha256), check_results=results
    )


def _generated(definition: Definition) -> dict[str, Any]:
    """The SELECT that stands in no file."""
    if not definition.joins:
        return {}
    return {"generated SELECT": dg.MetadataValue.md(f"```sql\n{definition.text}```")}


def _may_warn(definition: Definition) -> bool:
    """Whether the table's gate has warnings at all; a check that cannot fail would only fill the
    UI.
    """
    return definition.kind == "raw" or any(
        rule.severity == "warning" for rule in definition.table.expect
    )


def _dep(contract: Contract, name: str) -> dg.AssetDep:
    # A table reads all export dates of its raw table at once; the newest stands for them in
    # Dagster's bookkeeping,
    # which would else list every date of every raw table at every step.
    raw = contract.table(name).raw_of is not None
    return dg.AssetDep(name, partition_mapping=dg.LastPartitionMapping() if raw else None)


def _column_schema(spec: Table) -> dg.TableSchema:
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                type=_DAGSTER_TYPES.get(column.type, column.type),
                description=column.described + (f" [{column.unit}]" if column.unit else ""),
                constraints=dg.TableColumnConstraints(
                    nullable=not column.required, unique=spec.key == (column.name,)
                ),
                tags={"pii": column.pii} if column.pii else None,
            )
            for column in spec.columns
        ]
    )


def _lineage(definition: Definition, contract: Contract, state: Path) -> dict[str, Any]:
    """Twice: as Dagster's own type, which the open-source UI keeps but never draws, and as a table
    to read there.
    """
    found = lineage.cached_lineage(definition, contract, lineage_cache(state))
    if not found:
        return {}
    lines = [
        f"| {name} | {', '.join(f'{t}.{c}' for t, c in sources) or '–'} |"
        for name, sources in found.items()
    ]
    return {
        "dagster/column_lineage": dg.TableColumnLineage(
            {
                name: [
                    dg.TableColumnDep(asset_key=source, column_name=column)
                    for source, column in sources
                ]
                for name, sources in found.items()
            }
        ),
        "column lineage": dg.MetadataValue.md(
            "\n".join(["| column | computed from |", "|---|---|", *lines])
        ),
    }


def _findings(verdict: Verdict, severity: str) -> dict[str, Any]:
    """Numbers (which the UI plots) and a table of the expectations, with keys of bad rows but no
    other value.
    """
    findings = [finding for finding in verdict.findings if finding.severity == severity]
    records = [
        dg.TableRecord(
            {
                "expectation": finding.expectation,
                "verdict": "passed" if finding.success else "failed",
                "unexpected": finding.unexpected,
                "of": finding.checked,
                "message": finding.message,
                "sample keys": ", ".join(finding.sample_keys),
            }
        )
        for finding in sorted(findings, key=lambda finding: (finding.success, finding.expectation))
    ]
    metadata: dict[str, Any] = {
        "expectations": len(findings),
        "failed": sum(not finding.success for finding in findings),
        "unexpected rows": sum(finding.unexpected for finding in findings),
    }
    if records:
        metadata["findings"] = dg.MetadataValue.table(
            records,
            schema=dg.TableSchema(
                columns=[
                    dg.TableColumn(name, type="int" if name in ("unexpected", "of") else "string")
                    for name in (
                        "expectation",
                        "verdict",
                        "unexpected",
                        "of",
                        "message",
                        "sample keys",
                    )
                ]
            ),
        )
    return metadata
