"""Dagster's entry point: every table of every room as a gated asset, the nightly job, its schedule
and its alert.
"""

import dagster as dg

from customer_intel.core.contract import load as contract
from customer_intel.core.tables import definition as table
from customer_intel.orchestration import alerts, assets, jobs, nights, publication
from customer_intel.settings import Settings

settings = Settings()
contracts = contract.load()
nightly = jobs.nightly_job()

defs = dg.Definitions(
    assets=[
        *assets.assets(contracts, table.definitions(contracts), settings),
        publication.release_asset(contracts),
        *publication.mirror_assets(settings.publish_url),
    ],
    jobs=[nightly],
    schedules=[jobs.nightly_schedule(settings, nightly)],
    sensors=[
        alerts.failure_sensor(settings),
        alerts.stale_sensor(settings),
        jobs.take_over_sensor(settings, nightly),
    ],
    resources={nights.HOME: nights.home},
    executor=dg.in_process_executor,
)
