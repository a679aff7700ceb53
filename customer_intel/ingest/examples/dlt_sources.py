"""Sources that export no files, landed as files by dlt (extra `dlt`): a REST API and a SQL
database, as examples.

    from datetime import date
    from pathlib import Path
    from customer_intel.ingest.examples import dlt_sources

    work = dlt_sources.Work(Path("data/landing"), date(2026, 6, 30), Path("data/.dlt"))
    dlt_sources.rest_orders(work, "https://api.shop.example/v1")
    dlt_sources.sql_contacts(work, "postgresql://reader@crm.example/crm")

Each writes landing/<source>/<export date>/<table>.<hash>.parquet, and `customer-intel run` takes it
from there by the mappings beside this file, which go to <home>/config/mappings/. Copy and change
them: this module imports nothing of the house, so that it can run elsewhere, in an environment of
its own.

The caller passes tokens and connection addresses in, from its environment or dlt's. dlt's telemetry
is off; its state, which holds the rows last read, is as private as the landing folder.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Work:
    """Where files land, the export date they belong to, and where dlt works."""

    landing: Path
    day: date
    state: Path


def rest_orders(work: Work, base_url: str, token: str | None = None) -> list[Path]:
    """Orders of a REST API: pages are followed to the last; a nested object becomes a column of
    JSON text.
    """
    _silent_dlt()
    from dlt.sources.rest_api import rest_api_source

    client: dict[str, Any] = {
        "base_url": base_url,
        "paginator": {"type": "json_link", "next_url_path": "next"},
    }
    if token:
        client["auth"] = {"type": "bearer", "token": token}
    # As text, so that no guess of a type changes what the mapping reads.
    columns = {name: {"data_type": "text"} for name in ("id", "ordered_at", "total")}
    orders = {
        "name": "orders",
        "endpoint": {"path": "orders", "data_selector": "orders"},
        "columns": columns,
    }
    return land(work, "shop_api", rest_api_source({"client": client, "resources": [orders]}))


def sql_contacts(work: Work, connection: str) -> list[Path]:
    """The table `customers` of a SQL database that SQLAlchemy can open."""
    _silent_dlt()
    from dlt.sources.sql_database import sql_table

    return land(work, "crm_db", sql_table(credentials=connection, table="customers"))


def land(work: Work, source: str, data: Any) -> list[Path]:
    """Runs a dlt source once and lands each of its tables as a whole, in place of what it landed
    for the same date.

    The same rows again give the same file. Raises dlt's error, and lands nothing, when the source
    cannot be read.
    """
    import polars as pl

    dlt = _silent_dlt()
    folder = work.landing / source / work.day.isoformat()
    landed: dict[Path, str] = {}

    def write(file: str, table: dict[str, Any]) -> None:
        rows = pl.read_parquet(file)
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f".{Path(file).name}"
        # dlt's own columns differ from run to run; the export's content does not.
        rows.select(name for name in rows.columns if not name.startswith("_dlt_")).write_parquet(
            partial
        )
        digest = hashlib.sha256(partial.read_bytes()).hexdigest()[:12]
        target = partial.rename(folder / f"{table['name']}.{digest}.parquet")
        landed[target] = table["name"]

    destination = dlt.destination(write, batch_size=0, loader_file_format="parquet", name="landing")
    pipeline = dlt.pipeline(
        f"landing_{source}", destination=destination(), pipelines_dir=str(work.state)
    )
    # Packages of an interrupted run hold an earlier moment: everything is read anew.
    pipeline.abort_packages()
    pipeline.run(data).raise_on_failed_jobs()
    for table in set(landed.values()):
        for old in set(folder.glob(f"{table}.*.parquet")) - set(landed):
            old.unlink()
    return sorted(landed)


def _silent_dlt() -> Any:
    """dlt, telling nobody. It reads its settings when it is imported, too early for a setting made
    here.
    """
    import dlt
    from dlt.common.runtime.run_context import active
    from dlt.common.runtime.telemetry import stop_telemetry

    stop_telemetry()
    config = active().runtime_config
    config.dlthub_telemetry = False
    active().initialize_runtime(config)
    return dlt
