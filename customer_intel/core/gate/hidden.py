"""A package that Great Expectations loads wherever it is installed, and a gate does not use.

Belongs here: hiding it while that is imported. Not here: the gate (gate.py).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def hidden(name: str) -> Iterator[None]:
    """Within, importing the package fails as if it were not installed, unless it is loaded already.

    pyspark 4.3 ends the process that loads it where Spark Connect's requirements are missing: a
    gate would stay closed because somebody installed Spark.
    """
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]
