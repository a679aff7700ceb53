"""Customer Intel: raw customer exports to gated, published customer intelligence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
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
