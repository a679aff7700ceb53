"""A bucket, five nights of one house, and what a reader of their releases sees; not a test itself."""

from __future__ import annotations

import hashlib
import io
from functools import cache
from typing import Any

import polars as pl

from customer_intel.core.store import mirror as objects
from customer_intel.core.store.mirror import open_release
from customer_intel.core.store.object_store import FolderStore, S3Store

URL = "s3://bucket/some/prefix"
ROOT = "bucket/some/prefix/"


@cache
def there() -> S3Store:
    """One client for all tests: making one costs more than what they do with it."""
    return S3Store(URL)


def content(place: str | S3Store | FolderStore) -> dict[str, Any]:
    """What a reader sees: every table of the release that it opened, read and compared with the
    manifest.
    """
    release = open_release(place) if isinstance(place, str) else objects.opened(place)
    seen = {}
    for name, facts in release.manifest["tables"].items():
        frames = []
        for entry in facts["files"]:
            data = release.place.read(entry["path"])[0]
            assert hashlib.sha256(data).hexdigest() == entry["sha256"], (
                "a file is not the one of the manifest"
            )
            frames.append(pl.read_parquet(io.BytesIO(data)))
        seen[name] = pl.concat(frames)
    assert set(seen["total"]["snapshot_id"]) == {release.snapshot_id}, "tables of two releases"
    return {"snapshot_id": release.snapshot_id, "orders": seen["base"]["orders"].sum()}
