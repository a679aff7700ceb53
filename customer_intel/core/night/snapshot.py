"""A night's id: the same inputs, code, configuration and date give the same one.

Belongs here: what an id depends on. Not here: what a night does (build.py).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path

from customer_intel.core.contract.model import PACKAGE, Contract
from customer_intel.core.night.night import parts_of
from customer_intel.core.store.lake import Lake

# What begins a line that is a comment.
COMMENTS = {".sql": b"--", ".yaml": b"#"}


def snapshot_id(
    lake: Lake, contract: Contract, landed: Mapping[str, str], home: Path, as_of: date
) -> str:
    """The night's id, from inputs (`landed`: path → sha256, and what the lake took before), code,
    config and date.
    """
    inputs = {
        str(part.facts["source_file"]): str(part.facts["sha256"])
        for name in contract.entities
        for part in parts_of(lake.current(f"raw_{name}")).values()
        if "superseded_on" not in part.facts
    }
    inputs.update(landed)
    config = {
        str(path.relative_to(home)): hashlib.sha256(without_comments(path)).hexdigest()
        for path in sorted((home / "config").rglob("*.yaml"))
    }
    text = json.dumps([as_of.isoformat(), sorted(inputs.items()), config, code_sha256()])
    return f"{as_of:%Y%m%d}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


@lru_cache(maxsize=1)
def code_sha256() -> str:
    """Hash of the package's own code, SQL and YAML: what a snapshot's id depends on beside its
    inputs.
    """
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*")):
        if path.suffix in COMMENTS or path.suffix == ".py":
            digest.update(str(path.relative_to(PACKAGE)).encode())
            digest.update(without_comments(path))
    return digest.hexdigest()


def without_comments(path: Path) -> bytes:
    """A file's bytes; of SQL and YAML without lines that are blank or a comment, which change
    nothing.
    """
    mark = COMMENTS.get(path.suffix)
    text = path.read_bytes()
    if mark is None:
        return text
    return b"\n".join(
        line for line in text.splitlines() if (bare := line.strip()) and not bare.startswith(mark)
    )


def lineage_cache(state: Path) -> Path:
    """Where this version of the code keeps the columns' lineage."""
    return state / "lineage" / code_sha256()[:16]
