"""Customer Intel: raw customer exports to gated, published customer intelligence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from datetime import date

    import polars as pl

    from customer_intel.core.store.mirror import RemoteRelease
    from customer_intel.core.store.release import Release

__version__ = "0.1.0"


@overload
def open_release(home: Path = ...) -> Release: ...
@overload
def open_release(home: str) -> Release | RemoteRelease: ...
def open_release(home: str | Path = "data") -> Release | RemoteRelease:
    """The current release of a home: `files(table)` gives its Parquet paths, `folder` its place,
    `manifest` its facts.

    Of an address (s3://bucket/prefix, or file:///folder), the release mirrored there:
    `files(table)` gives addresses, `filesystem` is what reads them.

    Resolve once and keep it: the release stays whole while newer ones are published. Raises
    FileNotFoundError when nothing was published yet.
    """
    if "://" in str(home):
        from customer_intel.core.store import mirror as objects

        return objects.open_release(str(home))
    from customer_intel.core.store.release import Published

    release = Published(Path(home).resolve()).current()
    if release is None:
        raise FileNotFoundError(
            f"no release under {home}/published yet; run a night first (customer-intel run)"
        )
    return release


def profile_as_of(
    home: str | Path | Release, about: date, believed_on: date | None = None
) -> pl.DataFrame:
    """What the profile's slow columns were on `about`, as believed by the night of `believed_on`;
    one row per customer, by customer_id.

    By default as that day's own night believed it: what happened or came in later changes no byte
    of the answer, so this is what a model may read of a past day. With a later `believed_on`, what
    is known since: late rows and corrections of sources among it. `home` is a home or a release of
    one. Columns: customer_id, valid_from, recorded_at and the slow columns (config/profiles.yaml).
    Empty for a day before the first night. Raises FileNotFoundError when nothing was published yet.

    The same in SQL is in docs/profiles.md.
    """
    import polars as pl

    from customer_intel.core.store.beliefs import believed

    release = open_release(Path(home)) if isinstance(home, str | Path) else home
    rows = pl.scan_parquet(release.files("customer_profile_history"), hive_partitioning=False)
    asked = believed(rows, about, believed_on)
    told_later = (
        "valid_to",
        "superseded_at",
        "end_reason",
        "configuration_id",
        "as_of",
        "snapshot_id",
    )
    return asked.drop(*told_later, "change_reason").sort("customer_id").collect()
