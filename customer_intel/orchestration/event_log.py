"""Dagster's SQLite event log with its connections kept open.

Dagster 1.13 opens, syncs and closes a database file for every event; a night of some hundred assets
writes about two thousand, which cost more than the night's own work (measured: make bench). Same
files, same tables: an instance can go back to Dagster's own class at any time. Until: Dagster pools
these connections itself.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from dagster import AssetKey
from dagster._core.event_api import EventHandlerFn
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
    NORMAL).
    """

    _obs: Any

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        self._engines: OrderedDict[str, sa.Engine] = OrderedDict()
        self._latest: dict[str, tuple[Any, Any]] = {}
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> EventLog:
        """Dagster's way to make a storage of dagster.yaml's entry."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sa.Connection]:
        with self._db_lock:
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.connect() as connection, connection.begin():
                yield connection

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
        """Calls back for each new event of a run."""
        if not self._obs:
            self._obs = Observer()
            self._obs.start()
        follower = Follower(self, run_id, callback, cursor)
        self._watchers[run_id][callback] = (
            follower,
            self._obs.schedule(follower, self._base_dir, recursive=True),
        )

    def wipe(self) -> None:
        """Removes every event."""
        self._close()
        super().wipe()

    def dispose(self) -> None:
        """Closes all connections."""
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
        """Reads the new events of the run."""
        self._process_log()
