"""Modules that Great Expectations imports and a gate does not use: loaded when something of them is
asked for, not when they are imported.

Belongs here: which, and how. Not here: the gate (gate.py).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType

# Other expectations' statistics, charts, a store, documents: a third of what the import costs.
SPARED = ("scipy.stats", "altair", "boto3", "mistune")


class _Later(MetaPathFinder):
    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module's spec, if it is one of those; its loader waits."""
        if name not in SPARED:
            return None
        spec = PathFinder.find_spec(name, path)
        if spec and spec.loader:
            spec.loader = LazyLoader(spec.loader)
        return spec


def spare() -> None:
    """Has them load later from now on; those that are loaded already stay as they are."""
    if not any(isinstance(finder, _Later) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Later())
