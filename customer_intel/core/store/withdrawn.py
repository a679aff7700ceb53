"""Releases of nights that were undone: whole, kept for whoever has one open, and no longer in the way.

Belongs here: the list. Not here: who puts a release on it (reopening.py), what it means when a night
publishes or old releases go (release.py), or on a remote store (mirror.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from customer_intel.core.store.lake import LakeError, write_json

WITHDRAWN = "withdrawn.json"


def withdrawn(published: Path) -> dict[str, str]:
    """Release → when its night was undone. Raises LakeError when the list is damaged."""
    try:
        data = json.loads((published / WITHDRAWN).read_text(encoding="utf-8"))
        return {str(name): str(at) for name, at in data.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError):
        raise LakeError(
            f"published/{WITHDRAWN} is damaged; it names the releases of undone nights: delete it "
            "when customer-intel releases shows none of them"
        ) from None


def withdraw(published: Path, releases: Iterable[str], at: str) -> None:
    """Puts releases on the list."""
    known = withdrawn(published)
    if fresh := {name: at for name in releases if name not in known}:
        write_json(published / WITHDRAWN, {**known, **fresh})


def publish_again(published: Path, release: str) -> None:
    """Takes a release off the list: a night made it anew."""
    known = withdrawn(published)
    if known.pop(release, None) is not None:
        write_json(published / WITHDRAWN, known)
