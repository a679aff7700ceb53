"""The last asset: one atomic release over every published table, with its documents."""

from collections.abc import Mapping
from pathlib import Path

import dagster as dg

from customer_intel.core.contract import Contract, Table
from customer_intel.core.release import Published, Release, ReleaseRefused
from customer_intel.core.step import Night
from customer_intel.orchestration import nights

KEEP_RELEASES = 7


def release_asset(contract: Contract) -> dg.AssetsDefinition:
    tables = {name: table for name, table in contract.tables.items() if table.published}

    @dg.asset(
        name="release",
        group_name="publish",
        description="One atomic release over all published tables: Parquet, manifest, dictionary, contracts, report.",
        owners=["team:data-platform"],
        kinds={"parquet", "python"},
        required_resource_keys={nights.HOME},
        deps=sorted(tables),
    )
    def release(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]
        night = nights.of_run(context)
        try:
            made = publish(night, tables, context.run_id)
        except ReleaseRefused as error:
            raise dg.Failure(f"Nothing was published: {error}", allow_retries=False) from error
        return dg.MaterializeResult(
            metadata={
                "snapshot_id": made.snapshot_id,
                "as_of": made.as_of,
                "is current": made.is_current,
                "tables": len(tables),
                "report": dg.MetadataValue.path(str(made.folder / "report.html")),
            }
        )

    return release


def publish(night: Night, tables: Mapping[str, Table], run_id: str) -> Release:
    """Publishes the night's accepted tables. Raises ReleaseRefused when one of them is not this night's."""
    from customer_intel.publish import catalog, report

    store = Published(night.home)
    versions = store.verified(night.lake, tables, night.snapshot_id)
    states = {name: (version.rows, version.reason) for name, version in versions.items()}
    documents = {
        "dictionary.md": catalog.dictionary(tables, states).encode(),
        "report.html": report.render(night.lake, versions, night.as_of, night.snapshot_id).encode(),
        **{
            f"contracts/{name}.odcs.yaml": catalog.odcs(table, night.snapshot_id).encode()
            for name, table in tables.items()
        },
    }

    def views(made: Release, target: Path) -> None:
        catalog.views(target, tables, {name: made.files(name) for name in tables})

    return store.publish(
        night.lake,
        versions,
        {"snapshot_id": night.snapshot_id, "as_of": night.as_of.isoformat(), "run_id": run_id},
        documents,
        {"customer_intel.duckdb": views},
        KEEP_RELEASES,
    )
