"""Customer Intel: raw customer exports to gated, published customer intelligence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from customer_intel.core.release import Release

__version__ = "0.1.0"


def open_release(home: str | Path = "data") -> Release:
    """The current release of a home: `files(table)` gives its Parquet paths, `folder` its place, `manifest` its facts.

    Resolve once and keep it: the release stays whole while newer ones are published. Raises FileNotFoundError
    when nothing was published yet.
    """
    from customer_intel.core.release import Published

    release = Published(Path(home).resolve()).current()
    if release is None:
        raise FileNotFoundError(f"no release under {home}/published yet; run a night first (customer-intel run)")
    return release
