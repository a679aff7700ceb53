"""What was read from a source text, kept beside the package as Python keeps its bytecode.

Parsing the package's SQL and Python takes a second, at every start. Belongs here: results by the
hash of their text. Not here: what is read (queries.py, definition.py).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from collections.abc import Callable
from importlib import metadata
from typing import TypeVar

from customer_intel.core.contract.model import PACKAGE

# What is kept is a reading by this version of the parser.
FILE = PACKAGE / "__pycache__" / f"kept.sqlglot-{metadata.version('sqlglot')}.json"

Read = TypeVar("Read")

# What this process knows, from the file and of its own, and which of it was asked for: readings of
# texts that are no more are not kept.
_known: dict[str, object] | None = None
_asked: set[str] = set()
# Steps of a run are threads: two that begin at once must not each have a dictionary.
_lock = threading.RLock()


def reading(kind: str, text: str, make: Callable[[], Read]) -> Read:
    """`make()`, once per text. What it gives must be the same after JSON: no tuples, no dates."""
    key = f"{kind} {hashlib.sha256(text.encode()).hexdigest()}"
    global _known
    with _lock:
        known = _known = _read() if _known is None else _known
        if key not in known:
            known[key] = make()
        _asked.add(key)
        return known[key]  # type: ignore[return-value]


def keep() -> None:
    """Keeps this process's readings for the next one; without effect where they cannot be written."""
    with _lock:
        if _known is None or _asked <= _read().keys():
            return
        known = {key: _known[key] for key in sorted(_asked)}
    partial = FILE.with_name(f"{FILE.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        FILE.parent.mkdir(exist_ok=True)
        partial.write_text(json.dumps(known), encoding="utf-8")
        partial.replace(FILE)


def _read() -> dict[str, object]:
    try:
        found = json.loads(FILE.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
