"""The last asset: one atomic release over every published table, with its documents."""

from collections.abc import Mapping
from pathlib import Path

import dagster as dg

from customer_intel.core.contract.model import Contract, Table
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.night.night import Night
from customer_intel.core.store import mirror as objects
from customer_intel.core.store.disk import DiskRefused
from customer_intel.core.store.lake import LakeError
from customer_intel.core.store.release import Published, Release, ReleaseRefused
from customer_intel.core.store.withdrawn import withdrawn
from customer_intel.orchestration import export_dates, nights
from customer_intel.orchestration.alerts import stale_sources
from customer_intel.settings import Settings

KEEP_RELEASES = 7


def release_asset(contract: Contract) -> dg.AssetsDefinition:
    """The asset that publishes. It raises dagster.Failure when a release is refused."""
    tables = {name: table for name, table in contract.tables.items() if table.published}

    @dg.asset(
        name="release",
        group_name="publish",
        description=(
            "One atomic release over all published tables: Parquet, manifest, dictionary, "
            "contracts, report."
        ),
        owners=["team:data-platform"],
        kinds={"parquet", "python"},
        required_resource_keys={nights.HOME},
        deps=sorted(tables),
    )
    def release(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]
        night = nights.of_run(context)
        try:
            made = publish(night, tables, context.run_id)
        except (ReleaseRefused, DiskRefused) as error:
            raise dg.Failure(f"Nothing was published: {error}", allow_retries=False) from error
        stale = stale_sources(night.lake, night.as_of.isoformat())
        return dg.MaterializeResult(
            metadata={
                "snapshot_id": made.snapshot_id,
                "as_of": made.as_of,
                "is current": made.is_current,
                "tables": len(tables),
                **({"sources not of tonight": "\n".join(stale)} if stale else {}),
                "folders whose date is a question": [
                    odd.message for odd in export_dates.odd_folders(Settings(), export_dates.asked)
                ],
                "report": dg.MetadataValue.path(str(made.folder / "report.html")),
                **{name: dg.MetadataValue.md(shown) for name, shown in _pictures(made).items()},
            }
        )

    return release


def _pictures(made: Release) -> dict[str, str]:
    from customer_intel.core.report.section import room_reports
    from customer_intel.publish.pictures import pictures

    page = (made.folder / "report.html").read_text(encoding="utf-8")
    sections = [section for room in room_reports() for section in room.sections]
    return pictures(page, {section.key: section.pictures for section in sections})


def mirror_assets(url: str | None) -> list[dg.AssetsDefinition]:
    """The step that brings each release to CUSTOMER_INTEL_PUBLISH_URL; none when that is not set.
    It raises dagster.Failure.
    """
    if not url:
        return []

    @dg.asset(
        name="mirror",
        group_name="publish",
        description=(
            "The release on object storage, by the same protocol; a failure leaves both "
            "sides whole."
        ),
        owners=["team:data-platform"],
        kinds={"parquet"},
        required_resource_keys={nights.HOME},
        deps=["release"],
    )
    def mirror(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]
        night = nights.of_run(context)
        kept = {release.snapshot_id: release for release in Published(night.home).releases()}
        try:
            if night.snapshot_id not in kept:
                raise ReleaseRefused(f"{night.snapshot_id} is no kept release; run the night whole")
            undone = withdrawn(night.home / "published")
            place = objects.writable(url)
            done = objects.mirror(kept[night.snapshot_id], place, KEEP_RELEASES, undone)
        except (LakeError, ConfigError) as error:
            raise dg.Failure(
                f"Published here, not mirrored: {error}", allow_retries=False
            ) from None
        return dg.MaterializeResult(
            metadata={
                "snapshot_id": done.snapshot_id,
                "is current": done.is_current,
                "files sent": done.sent,
                "files shared": done.shared,
                "bytes sent": done.sent_bytes,
                "objects pruned": done.pruned,
            }
        )

    return [mirror]


def publish(night: Night, tables: Mapping[str, Table], run_id: str) -> Release:
    """Publishes the night's accepted tables. Raises ReleaseRefused when one of them is not this
    night's.
    """
    from customer_intel.publish import catalog, report, semantic_model

    store = Published(night.home)
    versions = store.verified(night.lake, tables, night.snapshot_id)
    states = {name: (version.rows, version.reason) for name, version in versions.items()}
    documents = {
        "dictionary.md": catalog.dictionary(tables, states).encode(),
        "report.html": report.render(night.lake, versions, night.as_of, night.snapshot_id).encode(),
        "semantic_model.yaml": semantic_model.document(tables, night.contract.metrics).encode(),
        **{
            f"contracts/{name}.odcs.yaml": catalog.odcs(table, night.snapshot_id, tables).encode()
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
