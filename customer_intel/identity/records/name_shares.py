"""How common names are before a company's own records say it: shares of people who bear them.

Belongs here: reading name_shares.txt, whose head names where its facts are from. Not here: the
frequencies of a home's own records, and what a share is worth in bits (matching/).
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

_FILE = Path(__file__).with_suffix(".txt")


def first_names() -> dict[str, float]:
    """Folded given name → share of people who bear it, between 0 and 1, in the country where most
    do. A name that is missing is rare: at most about 0.00005.

    The shares of all names together exceed 1, for each is the highest of several countries.
    """
    return dict(_shares()["first"])


def last_names() -> dict[str, float]:
    """Folded family name, particles included ("van den berg") → share of people who bear it, as
    `first_names`.
    """
    return dict(_shares()["last"])


@lru_cache(maxsize=1)
def _shares() -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            part = found.setdefault(line.strip("[]"), {})
        elif line and not line.startswith("#"):
            share, *listed = line.split(" ")
            part.update((name.replace("_", " "), float(share)) for name in listed)
    return found
