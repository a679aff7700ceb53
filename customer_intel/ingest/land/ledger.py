"""The ledger: one entry per file and mapping, by which the next night knows what it has.

Belongs here: entries, and what makes two of them the same. Not here: making their rows
(entity_night.py), the ledger as a table (landing_folder.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from customer_intel.core.contract.model import Table
from customer_intel.ingest.land.landing_folder import COUNTS, LandedFile
from customer_intel.ingest.mapping.model import FileMapping

# Version of the typing code: raised when it would make other rows of the same file and mapping, so
# that all parts are made anew.
RECIPE = 2
# The file's mapping still asks something: no row of it was taken.
UNDECIDED = "undecided"
# Nothing of the file could be taken; tried again every night.
REFUSED = "refused"
# Entries that need no new look while file and mapping stay as they are.
STANDING = ("accepted", UNDECIDED)


def recipe(mapping: FileMapping, entity: Table, lookups: Sequence[str]) -> str:
    """Changes whenever the same file would give other rows. `lookups`: their files' hashes."""
    text = f"{RECIPE} {mapping.sha256(entity)} {list(lookups)}"
    return hashlib.sha256(text.encode()).hexdigest()


def candidates_digest(candidates: Iterable[FileMapping]) -> str:
    """Changes when another mapping, or another wording of one, may take a file."""
    dumped = sorted(mapping.model_dump_json() for mapping in candidates)
    return hashlib.sha256("".join(dumped).encode()).hexdigest()[:16]


def entry(
    file: LandedFile, mapping: FileMapping, as_of: date, content: Mapping[str, Any]
) -> dict[str, Any]:
    """A part's entry before its rows are known. `content`: sha256, recipe, bytes, rivals."""
    return {
        "part": f"{file.export_date.isoformat()}/{mapping.name}/{file.source_file}",
        "source_system": mapping.source,
        "export_date": file.export_date.isoformat(),
        "source_file": file.source_file,
        "dated": file.dated,
        "mapping": mapping.name,
        "entity": mapping.entity,
        **dict.fromkeys(COUNTS, 0),
        "status": "accepted",
        "reason": None,
        "same_as": None,
        "checks": {},
        "columns": [],
        "extra_columns": [],
        "taken_on": as_of.isoformat(),
        # `rivals` is the ledger's word: another one would have every file taken anew.
        **content,
    }


def refused_entry(
    file: LandedFile, mapping: FileMapping, as_of: date, content: Mapping[str, Any]
) -> dict[str, Any]:
    """The entry of a file that could not be taken, beside the part that its earlier content made."""
    facts = entry(file, mapping, as_of, {"recipe": REFUSED, "rivals": "", **content})
    return {**facts, "part": f"{REFUSED}/{facts['part']}", "status": REFUSED}


def asked(mapping: FileMapping) -> str:
    """The questions that a mapping leaves open, and what to do."""
    questions = "; ".join(f"{topic}: {text}" for topic, text in mapping.decide.items())
    topic = next(iter(mapping.decide))
    return (
        f"mapping '{mapping.name}' asks: {questions}; answer with customer-intel inspect --answer "
        f"{topic}=… or edit the mapping and take the line out of decide"
    )


def same_content(
    file: LandedFile,
    mapping: FileMapping,
    sha256: str,
    accepted: Mapping[str, Mapping[str, Any]],
    held: Iterable[Mapping[str, Any]],
) -> Mapping[str, Any] | None:
    """The accepted file with the same content, unless other content came between: then the old
    state is news. `accepted`: entries of the mapping as it is; `held`: all.
    """
    others = [entry for entry in held if entry["mapping"] == mapping.name]
    for _, facts in sorted(accepted.items(), reverse=True):
        first, last = facts["export_date"], file.export_date.isoformat()
        between = any(
            first < other["export_date"] < last and other["sha256"] != sha256 for other in others
        )
        if first <= last and not between and facts["source_file"] != file.source_file:
            return facts
    return None
