"""What was read from a source text, kept beside the package as Python keeps its bytecode.

Parsing the package's SQL and Python takes a second, at every start. Belongs here: results by the
hash of their text. Not here: what is read (queries.py, definition.py).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable
from functools import cache
from importlib import metadata
from typing import TypeVar

from customer_intel.core.contract.model import PACKAGE

# What is kept is a reading by this version of the parser.
FILE = PACKAGE / "__pycache__" / f"kept.sqlglot-{metadata.version('sqlglot')}.json"

Read = TypeVar("Read")

# Of this process; readings of texts that are no more are not kept.
_asked: set[str] = set()


def reading(kind: str, text: str, make: Callable[[], Read]) -> Read:
    """`make()`, once per text. What it gives must be the same after JSON: no tuples, no dates."""
    known = _kept()
    key = f"{kind} {hashlib.sha256(text.encode()).hexdigest()}"
    if key not in known:
        known[key] = make()
    _asked.add(key)
    return known[key]  # type: ignore[return-value]


def keep() -> None:
    """Keeps this process's readings for the next one; without effect where they cannot be written."""
    if _asked <= _read().keys():
        return
    known = {key: _kept()[key] for key in sorted(_asked)}
    partial = FILE.with_name(f"{FILE.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        FILE.parent.mkdir(exist_ok=True)
        partial.write_text(json.dumps(known), encoding="utf-8")
        partial.replace(FILE)


@cache
def _kept() -> dict[str, object]:
    return _read()


def _read() -> dict[str, object]:
    try:
        found = json.loads(FILE.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
