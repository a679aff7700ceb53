"""Dagster's SQLite event log with its connections kept open.

Dagster 1.13 opens, syncs and closes a database file for every event; a night of some hundred assets
writes about two thousand, which cost more than the night's own work (measured: make bench). Same
files, same tables: an instance can go back to Dagster's own class at any time. Until: Dagster pools
these connections itself.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import sqlalchemy as sa
from dagster import AssetKey, DagsterEventType, EventLogEntry
from dagster._core.event_api import EventHandlerFn
from dagster._core.storage.event_log.base import AssetRecord
from dagster._core.storage.event_log.sqlite.sqlite_event_log import (
    SqliteEventLogStorage,
    SqliteEventLogStorageWatchdog,
)
from sqlalchemy.pool import QueuePool
from watchdog.events import FileSystemEvent
from watchdog.observers import Observer

KEPT_OPEN = 8
BUSY_SECONDS = 60


class EventLog(SqliteEventLogStorage):
    """Keeps the index's and the latest runs' databases open; commits without a disk sync each (WAL,
    NORMAL), once a batch of events. What a database once had, table or column, it keeps.
    """

    _obs: Any

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        self._engines: OrderedDict[str, sa.Engine] = OrderedDict()
        self._latest: dict[str, tuple[Any, Any]] = {}
        self._there: set[str] = set()
        # Of assets that this process materialized: what the index says since.
        self._own: dict[AssetKey, AssetRecord | None] = {}
        # The thread that stores a batch, and the connections that it has in transaction.
        self._storing: int | None = None
        self._begun: dict[str, sa.Connection] = {}
        self._open = ExitStack()
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> EventLog:
        """As Dagster makes it from dagster.yaml."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sa.Connection]:
        if self._storing == threading.get_ident():
            if shard not in self._begun:
                self._begun[shard] = self._open.enter_context(self._connection(shard))
            yield self._begun[shard]
            return
        with self._db_lock, self._connection(shard) as connection:
            yield connection

    @contextmanager
    def _connection(self, shard: str) -> Iterator[sa.Connection]:
        engine = self._engine(shard)
        if shard not in self._initialized_dbs:
            self._initdb(engine)
            self._initialized_dbs.add(shard)
        with engine.connect() as connection, connection.begin():
            yield connection

    def store_event(self, event: EventLogEntry) -> None:
        """Stores it in one transaction a database."""
        self.store_event_batch([event])

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Stores them in one transaction a database: all or none."""
        with self._db_lock, ExitStack() as self._open:
            self._storing = threading.get_ident()
            try:
                for event in events:
                    super().store_event(event)
            finally:
                self._storing = None
                self._begun.clear()
        for event in events:
            asset = event.dagster_event.asset_key if event.dagster_event else None
            if asset and event.dagster_event_type is DagsterEventType.ASSET_MATERIALIZATION:
                self._own[asset] = None
            elif asset:
                self._own.pop(asset, None)

    def get_asset_records(
        self, asset_keys: Sequence[AssetKey] | None = None
    ) -> Sequence[AssetRecord]:
        """As Dagster's own; what this process materialized itself is read once. Each step asks for
        all that it reads.
        """
        if asset_keys is None:
            return super().get_asset_records()
        found = {key: record for key in asset_keys if (record := self._own.get(key))}
        if left := [key for key in asset_keys if key not in found]:
            for record in super().get_asset_records(left):
                key = record.asset_entry.asset_key
                found[key] = record
                if key in self._own:
                    self._own[key] = record
        return list(found.values())

    def has_table(self, table_name: str) -> bool:
        """Whether the index has the table. Dagster asks with each event, on a new connection."""
        if table_name not in self._there and super().has_table(table_name):
            self._there.add(table_name)
        return table_name in self._there

    def _has_asset_key_col_on_connection(self, conn: sa.Connection, column_name: str) -> bool:
        column = f"asset_keys.{column_name}"
        if column not in self._there and super()._has_asset_key_col_on_connection(
            conn, column_name
        ):
            self._there.add(column)
        return column in self._there

    def _engine(self, shard: str) -> sa.Engine:
        if shard not in self._engines:
            engine = sa.create_engine(
                self.conn_string_for_shard(shard),
                poolclass=QueuePool,
                pool_size=1,
                connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
            )

            @sa.event.listens_for(engine, "connect")
            def unsynced(connection: Any, _: Any) -> None:
                # In WAL mode a crash of the host loses the last events at worst, never the
                # database.
                connection.execute("PRAGMA synchronous = NORMAL")

            self._engines[shard] = engine
            for other in list(self._engines)[: max(0, len(self._engines) - KEPT_OPEN)]:
                if other != "index":
                    self._engines.pop(other).dispose()
        self._engines.move_to_end(shard)
        return self._engines[shard]

    def _get_latest_materialization_records(
        self, raw_asset_rows: Sequence[Any]
    ) -> dict[AssetKey, Any]:
        """As Dagster's own, but a text read before is not parsed again: each step asks for all that
        it reads.
        """
        found, new = {}, []
        for row in raw_asset_rows:
            said, record = self._latest.get(row["asset_key"], (None, None))
            if said == (row["last_materialization"], row["asset_details"]):
                found[record.asset_key] = record
            else:
                new.append(row)
        parsed = super()._get_latest_materialization_records(new) if new else {}
        for row in new:
            key = AssetKey.from_db_string(row["asset_key"])
            record = parsed.get(key) if key else None
            if record and row["last_materialization"]:
                self._latest[row["asset_key"]] = (
                    (row["last_materialization"], row["asset_details"]),
                    record,
                )
        return {**found, **parsed}

    def watch(self, run_id: str, cursor: str | None, callback: EventHandlerFn) -> None:
        """Tells `callback` of the run's events as they come."""
        if not self._obs:
            self._obs = Observer()
            self._obs.start()
        follower = Follower(self, run_id, callback, cursor)
        self._watchers[run_id][callback] = (
            follower,
            self._obs.schedule(follower, self._base_dir, recursive=True),
        )

    def wipe(self) -> None:
        """Closes its connections, and deletes every event."""
        self._close()
        super().wipe()

    def dispose(self) -> None:
        """Closes its connections."""
        self._close()
        super().dispose()

    def _close(self) -> None:
        with self._db_lock:
            while self._engines:
                self._engines.popitem()[1].dispose()


class Follower(SqliteEventLogStorageWatchdog):
    """Follows a run live: an open connection appends to the -wal file; the database file moves at
    checkpoints.
    """

    def __init__(
        self, storage: EventLog, run_id: str, callback: EventHandlerFn, cursor: str | None
    ) -> None:
        super().__init__(storage, run_id, callback, cursor)
        self._patterns = [self._log_path, f"{self._log_path}-wal"]

    def on_modified(self, event: FileSystemEvent) -> None:
        """Reads what was appended."""
        self._process_log()
