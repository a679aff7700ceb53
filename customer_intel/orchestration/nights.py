"""From a Dagster run to a Night: its date, its inputs, its id. One Night per run, shared by its
steps.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from functools import lru_cache

import dagster as dg

from customer_intel.core.contract import load as contract
from customer_intel.core.night import build as step
from customer_intel.core.night import repair, snapshot
from customer_intel.core.night.night import Night, Outcome
from customer_intel.core.night.scheduler import Ahead
from customer_intel.core.store import damage, disk, lake, night_states, release
from customer_intel.core.tables import definition as table
from customer_intel.core.tables.definition import Definition
from customer_intel.ingest.land import entity_night as landing
from customer_intel.orchestration import export_dates
from customer_intel.orchestration.export_dates import folders_ahead, landed_dates, today
from customer_intel.settings import Settings

__all__ = ["folders_ahead", "landed_dates", "today"]

PARTITION, RANGE_END = "dagster/partition", "dagster/asset_partition_range_end"
AS_OF = "customer_intel/as_of"
HOME = "home"


class Tables:
    """One run's tables, built ahead of its steps."""

    def __init__(self) -> None:
        self._ahead: Ahead | None = None

    def outcome(
        self, context: dg.AssetExecutionContext, definitions: Mapping[str, Definition], name: str
    ) -> tuple[Night, Outcome]:
        """What `step.build` makes of a table, and raises."""
        night = of_run(context)
        if self._ahead is None:
            self._ahead = Ahead(night, definitions, set(context.run.step_keys_to_execute or ()))
        return night, self._ahead.result(name)

    def close(self) -> None:
        """Ends what is still being built ahead."""
        if self._ahead:
            self._ahead.close()


@dg.resource(
    description=(
        "The home's lock, held from a run's first step to its end: one run at a time per home."
    )
)
def home(context: dg.InitResourceContext) -> Iterator[Tables]:
    """The run's tables, while it holds the home's lock. What a killed run left is taken back first."""
    settings = Settings()
    where = settings.home_dir
    with disk.told(where, f"{where.name}/"), lake.home_lock(where):
        refuse_unreadable(settings)
        release.recover(where)
        close_dead_runs(context.instance, context.run_id)
        # A killed run's spill is its customers' data in clear text.
        shutil.rmtree(settings.spill_dir, ignore_errors=True)
        step.prepare(settings.state_dir)
        lake.forget()
        definitions = table.definitions(contract.load())
        store = lake.Lake(where)
        damage.refuse(store, definitions, repair.lasting(definitions))
        fetch_landing(settings)
        _begin(context, settings)
        tables = Tables()
        try:
            yield tables
        finally:
            tables.close()
            damage.write_index(store)


def _begin(context: dg.InitResourceContext, settings: Settings) -> None:
    """What a run does before it touches a table: refuses a date that cannot be, whichever way it was
    launched, names folders whose date is a question, and keeps the lake as it stands. Raises
    LakeError.
    """
    day = _said(context.run.tags if context.run else {})
    landed = landed_dates(settings)
    if day or landed:
        export_dates.admit(settings, date.fromisoformat(day) if day else landed[-1])
    if context.log:
        for odd in export_dates.odd_folders(settings, export_dates.asked):
            context.log.warning(odd.message)
    try:
        night_states.remember(settings.home_dir, export_dates.memory(), export_dates.raw_tables())
    except OSError as error:
        raise lake.LakeError(
            f"lake/{lake.NIGHTS}/ could not be written ({error.strerror}): no table was touched; mend "
            "that and run again"
        ) from None


def close_dead_runs(
    instance: dg.DagsterInstance | None, own: str | None, quiet_seconds: float = 0
) -> list[dg.DagsterRun]:
    """Ends in Dagster's books what a killed host left STARTED: later nights would queue behind it
    for hours. The closed runs, oldest first.

    Whoever holds the home's lock is the only run alive. A run that has yet to take it has been
    heard of within `quiet_seconds`.
    """
    if instance is None:
        return []
    alive = [
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
        dg.DagsterRunStatus.CANCELING,
    ]
    closed = []
    for record in instance.get_run_records(dg.RunsFilter(statuses=alive), ascending=True):
        quiet = (datetime.now(UTC) - record.update_timestamp.astimezone(UTC)).total_seconds()
        if record.dagster_run.run_id == own or quiet < quiet_seconds:
            continue
        text = "Its process ended before the night did; another takes over."
        instance.report_run_failed(record.dagster_run, text)
        closed.append(record.dagster_run)
    return closed


def partitions(settings: Settings) -> dg.DailyPartitionsDefinition:
    """Export dates, daily in UTC, from the first configured or landed to today; to tomorrow where
    that has landed; to a later date that the command line confirmed. Raises ConfigError for a
    configured date that cannot be.
    """
    configured = export_dates.first_export_date(settings)
    dates = [*export_dates.asked, *landed_dates(settings), *([configured] if configured else [])]
    ahead = max([*dates, today()]) - today()
    # A folder of the year 0202 is a slip, and a partition a day since then too many.
    first = max(min(dates, default=date(2024, 1, 1)), export_dates.FIRST)
    return dg.DailyPartitionsDefinition(start_date=first.isoformat(), end_offset=1 + ahead.days)


def fetch_landing(settings: Settings) -> None:
    """Brings a remote landing zone's new files to the cache that is then the landing folder. Raises
    LakeError.
    """
    if settings.landing_url:
        from customer_intel.ingest.land import remote

        remote.fetch(
            settings.landing_url,
            settings.landing_dir,
            max_bytes=settings.landing_max_bytes,
            sftp=remote.Sftp(
                settings.sftp_password.get_secret_value() if settings.sftp_password else None,
                settings.sftp_key_file,
                settings.sftp_known_hosts,
            ),
        )


def refuse_unreadable(settings: Settings) -> None:
    """Raises DiskRefused for a folder of landing that this user may not look into: what lies there
    would be missing from the night, and nothing would say so.
    """
    landing = settings.landing_dir

    def refused(error: OSError) -> None:
        if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
            raise error

    with disk.told(landing.parent, f"{landing.name}/"):
        for _ in os.walk(landing, onerror=refused):
            pass


def of_run(context: dg.AssetExecutionContext) -> Night:
    """The night that a run's step belongs to. Raises dagster.Failure when nothing says its date."""
    return _night(context.run_id, _said(context.run.tags))


def _said(tags: Mapping[str, str]) -> str | None:
    """The date that a run's tags say."""
    return tags.get(AS_OF) or tags.get(RANGE_END) or tags.get(PARTITION)


@lru_cache(maxsize=2)
def _night(run_id: str, day: str | None) -> Night:
    """One for all steps of a run; `run_id` keeps one run's view of the landing folder from serving
    another.
    """
    settings = Settings()
    if day is None:
        dates = landed_dates(settings)
        if not dates:
            raise dg.Failure(
                "landing/ holds no export date; launch the run for a partition, or land an export "
                "first"
            )
        day = dates[-1].isoformat()
    return of_date(settings, date.fromisoformat(day))


def of_date(settings: Settings, as_of: date) -> Night:
    """The night of `as_of`, with the landing folder as it is now."""
    contracts = contract.load()
    home = settings.home_dir
    store = lake.Lake(home)
    landed = landing.hashes(settings.landing_dir, as_of)
    given = store.current("customer_id_given")
    if given and given.rows:
        # A history that was run again: the same exports give other tables with memory than before.
        landed = {**landed, "customer_id_given": f"{given.rows} ids"}
    return Night(
        home=home,
        landing=settings.landing_dir,
        as_of=as_of,
        snapshot_id=snapshot.snapshot_id(store, contracts, landed, home, as_of),
        contract=contracts,
        engine=settings.engine_settings,
        is_full=settings.full,
    )
